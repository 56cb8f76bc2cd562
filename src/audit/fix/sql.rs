//! The fix as SQL: what makes the planned indexes, and what takes them away again.

use super::names::{qualified, quote};
use super::{PlannedIndex, SuggestedIndex, SuggestedKey, TableIndex};
use crate::Dialect;

/// What makes an index, or takes it away: statements, without the semicolons that end them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What is said of it, a line each.
    pub comments: Vec<String>,
    /// What makes it.
    pub up: Vec<String>,
    /// What is said of the way back, a line each.
    pub down_comments: Vec<String>,
    /// What takes it away.
    pub down: Vec<String>,
}

/// The statements for one index. `concurrently`: such as PostgreSQL runs while others write to the table, and outside a
/// transaction alone; it means nothing on SQLite.
#[must_use]
pub fn script(dialect: Dialect, planned: &PlannedIndex, concurrently: bool) -> Script {
    let writer = Writer::new(dialect, &planned.index, concurrently);
    let up = writer.up(&planned.on);
    let mut down = Vec::new();
    writer.take_away(&planned.on, &mut down);
    let comments = planned.serves.iter().map(|words| format!("for {}", one_line(words))).collect();
    let mut down_comments = Vec::new();
    if planned.on.reuses() {
        let name = qualified(dialect, &planned.on.schema, &planned.on.name);
        down_comments
            .push(one_line(&format!("dropping {name} drops all that is attached to it: what was there before")));
        down_comments
            .push("is built again first, in the usual tablespace and without what COMMENT said of it".to_owned());
    }
    Script { comments, up, down_comments, down }
}

/// What makes one index, as in [`script`].
pub(in crate::audit) fn up(
    dialect: Dialect,
    index: &SuggestedIndex,
    on: &TableIndex,
    concurrently: bool,
) -> Vec<String> {
    Writer::new(dialect, index, concurrently).up(on)
}

/// A text that may hold any name, as one line of a comment.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

struct Writer<'a> {
    dialect: Dialect,
    concurrently: bool,
    keys: &'a [SuggestedKey],
}

impl<'a> Writer<'a> {
    fn new(dialect: Dialect, index: &'a SuggestedIndex, concurrently: bool) -> Self {
        Self { dialect, concurrently: concurrently && dialect == Dialect::Postgres, keys: &index.keys }
    }

    fn up(&self, on: &TableIndex) -> Vec<String> {
        let mut up = Vec::new();
        self.create(on, &mut up);
        self.attach(on, &mut up);
        up
    }

    /// What makes the indexes that are not there: those of partitioned tables first, so that a partition which is added
    /// meanwhile gets one.
    fn create(&self, on: &TableIndex, statements: &mut Vec<String>) {
        if on.reused.is_none() {
            statements.push(self.create_one(on, &on.name, &self.tail()));
        }
        on.partitions.iter().for_each(|below| self.create(below, statements));
    }

    fn create_one(&self, on: &TableIndex, name: &str, tail: &str) -> String {
        let name = quote(self.dialect, name);
        let table = qualified(self.dialect, &on.schema, &on.table);
        match (on.partitioned, self.concurrently) {
            // PostgreSQL builds none of a partitioned table's concurrently
            (true, _) => format!("CREATE INDEX {name} ON ONLY {table}{tail}"),
            (false, true) => format!("CREATE INDEX CONCURRENTLY {name} ON {table}{tail}"),
            (false, false) => format!("CREATE INDEX {name} ON {table}{tail}"),
        }
    }

    fn tail(&self) -> String {
        let keys = self.keys.iter().map(|key| {
            let mut written = quote(self.dialect, &key.column);
            if let Some(collation) = &key.collation {
                written.push_str(" COLLATE ");
                match self.dialect {
                    // the schema has it qualified and quoted
                    Dialect::Postgres => written.push_str(collation),
                    Dialect::Sqlite => written.push_str(&quote(self.dialect, collation)),
                }
            }
            if let Some(class) = &key.class {
                written.push(' ');
                written.push_str(class);
            }
            written
        });
        format!(" ({})", keys.collect::<Vec<_>>().join(", "))
    }

    /// What attaches indexes to those above, from below: a partitioned one can be used once all of its own are attached.
    fn attach(&self, on: &TableIndex, statements: &mut Vec<String>) {
        for below in &on.partitions {
            self.attach(below, statements);
            if !below.reused.as_ref().is_some_and(|reused| reused.attached) {
                statements.push(self.attach_one((on, &on.name), (below, &below.name)));
            }
        }
    }

    fn attach_one(&self, above: (&TableIndex, &str), below: (&TableIndex, &str)) -> String {
        let name = |(on, name): (&TableIndex, &str)| qualified(self.dialect, &on.schema, name);
        format!("ALTER INDEX {} ATTACH PARTITION {}", name(above), name(below))
    }

    /// Dropping a partitioned index drops all that is attached to it. What was there before is built again first, under
    /// other names, so that no table is without its index meanwhile.
    fn take_away(&self, on: &TableIndex, statements: &mut Vec<String>) {
        let name = match self.dialect {
            Dialect::Postgres => qualified(self.dialect, &on.schema, &on.name),
            Dialect::Sqlite => quote(self.dialect, &on.name),
        };
        if !on.reuses() {
            let concurrently = if self.concurrently && !on.partitioned { "CONCURRENTLY " } else { "" };
            statements.push(format!("DROP INDEX {concurrently}{name}"));
            return;
        }
        self.create_stand_ins(on, statements);
        self.attach_stand_ins(on, statements);
        if self.concurrently {
            statements.push("BEGIN".to_owned());
        }
        statements.push(format!("DROP INDEX {name}"));
        self.rename_stand_ins(on, statements);
        if self.concurrently {
            statements.push("COMMIT".to_owned());
        }
    }

    fn create_stand_ins(&self, on: &TableIndex, statements: &mut Vec<String>) {
        if let Some(reused) = &on.reused {
            statements.push(self.create_one(on, &reused.stand_in, &reused.tail));
        }
        on.partitions.iter().for_each(|below| self.create_stand_ins(below, statements));
    }

    fn attach_stand_ins(&self, on: &TableIndex, statements: &mut Vec<String>) {
        for below in &on.partitions {
            self.attach_stand_ins(below, statements);
            if let (Some(above), Some(reused)) = (&on.reused, &below.reused)
                && reused.attached
            {
                statements.push(self.attach_one((on, &above.stand_in), (below, &reused.stand_in)));
            }
        }
    }

    fn rename_stand_ins(&self, on: &TableIndex, statements: &mut Vec<String>) {
        if let Some(reused) = &on.reused {
            let stand_in = qualified(self.dialect, &on.schema, &reused.stand_in);
            statements.push(format!("ALTER INDEX {stand_in} RENAME TO {}", quote(self.dialect, &on.name)));
        }
        on.partitions.iter().for_each(|below| self.rename_stand_ins(below, statements));
    }
}
