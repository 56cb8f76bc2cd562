//! Names in PostgreSQL: what each table, column, view, index and constraint of a SQLite schema is called there.
//!
//! A name that needs no change keeps it, whatever else is called alike; the others make room. Every name depends on the
//! schema and the options alone, so that a later run finds the same ones.

mod spelling;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use self::spelling::Spelled;
use super::{Finding, Level};
use crate::patterns::fits;
use crate::port::bookkeeping;
use crate::port::options::{NameStyle, Options};
use crate::schema::Schema;

/// The names of our own bookkeeping tables, which stand beside the ported ones.
const OURS: [&str; 4] = ["liftlock_port_run", "liftlock_port_batch", "liftlock_port_restore", "liftlock_quarantine"];

/// What a table may not call a column, as every table has them (`SysAtt` in PostgreSQL's `heap.c`). Since version 12
/// `oid` is none of them.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"];

/// The names in PostgreSQL. All are to be written quoted.
#[derive(Debug, Clone, Default)]
pub struct Names {
    style: NameStyle,
    /// By the name in SQLite, in lower case.
    relations: HashMap<String, Relation>,
    /// The names of tables, views and indexes, which PostgreSQL keeps in one space.
    taken: HashSet<String>,
    /// Those of them that a constraint may have: its name must not be that of a check of the same table.
    given: HashSet<String>,
    /// The names of checks and foreign keys, by their table's name in SQLite, in lower case.
    constraints: HashMap<String, HashSet<String>>,
    /// All of these together.
    constrained: HashSet<String>,
}

#[derive(Debug, Clone, Default)]
struct Relation {
    target: String,
    /// By the name in SQLite, in lower case.
    columns: HashMap<String, String>,
}

/// A table or view that needs a name.
struct Wanted<'a> {
    source: &'a str,
    columns: Vec<&'a str>,
    is_view: bool,
    rename: Option<&'a str>,
}

impl Names {
    /// Names every table and view of the schema that the options include, with their columns, and says what is called
    /// otherwise than in SQLite and why.
    #[must_use]
    pub fn new(schema: &Schema, options: &Options) -> (Self, Vec<Finding>) {
        let tables = schema.tables.iter().map(|table| {
            (table.name.as_str(), table.columns.iter().map(|column| column.name.as_str()).collect(), false)
        });
        let views = schema
            .views
            .iter()
            .map(|view| (view.name.as_str(), view.columns.iter().map(String::as_str).collect::<Vec<_>>(), true));
        let all: Vec<_> = tables.chain(views).collect();
        let mut findings = unused_patterns(&all, options);
        let renames = Renames::new(&all, options, &mut findings);
        let wanted: Vec<Wanted<'_>> = all
            .into_iter()
            .filter(|(source, ..)| options.includes(source))
            .map(|(source, columns, is_view)| {
                let rename = renames.relations.get(&key(source)).copied();
                Wanted { source, columns, is_view, rename }
            })
            .collect();

        let mut names = Self { style: options.names, ..Self::default() };
        names.taken.extend(OURS.map(str::to_owned));
        let plain = wanted.iter().map(|relation| (relation.source, relation.rename)).collect::<Vec<_>>();
        let named = spelling::name_all(&plain, options.names, &[], &mut names.taken);
        for (relation, spelled) in wanted.iter().zip(named) {
            findings.extend(finding(relation.source, None, &spelled));
            let mut columns = HashMap::new();
            let plain: Vec<_> = relation
                .columns
                .iter()
                .map(|&column| (column, renames.columns.get(&(key(relation.source), key(column))).copied()))
                .collect();
            // a view has no columns of the system's
            let system: &[&str] = if relation.is_view { &[] } else { &SYSTEM_COLUMNS };
            for (&column, spelled) in
                relation.columns.iter().zip(spelling::name_all(&plain, options.names, system, &mut HashSet::new()))
            {
                findings.extend(finding(relation.source, Some(column), &spelled));
                columns.insert(key(column), spelled.name);
            }
            names.relations.insert(key(relation.source), Relation { target: spelled.name, columns });
        }
        (names, findings)
    }

    /// A table's name in PostgreSQL; one that isn't ported keeps its own.
    #[must_use]
    pub fn table<'a>(&'a self, source: &'a str) -> &'a str {
        self.relations.get(&key(source)).map_or(source, |relation| relation.target.as_str())
    }

    /// A view's name in PostgreSQL.
    #[must_use]
    pub fn view<'a>(&'a self, source: &'a str) -> &'a str {
        self.table(source)
    }

    /// The name of a table's or view's column in PostgreSQL.
    #[must_use]
    pub fn column<'a>(&'a self, table: &str, source: &'a str) -> &'a str {
        let relation = self.relations.get(&key(table));
        relation.and_then(|relation| relation.columns.get(&key(source))).map_or(source, String::as_str)
    }

    /// A name for an index, a sequence, a primary key or a UNIQUE constraint, as near to `wanted` as may be. From here
    /// on it is taken.
    pub fn relation(&mut self, wanted: &str) -> String {
        let (taken, constrained) = (&self.taken, &self.constrained);
        let is_taken = |name: &str| taken.contains(name) || constrained.contains(name);
        let name = spelling::spell(wanted, self.style, &[], is_taken).name;
        self.taken.insert(name.clone());
        self.given.insert(name.clone());
        name
    }

    /// A name for a check or a foreign key of the table of that name in SQLite, as near to `wanted` as may be. From here
    /// on it is taken.
    pub fn constraint(&mut self, table: &str, wanted: &str) -> String {
        let of_table = self.constraints.entry(key(table)).or_default();
        let given = &self.given;
        let name =
            spelling::spell(wanted, self.style, &[], |name| of_table.contains(name) || given.contains(name)).name;
        of_table.insert(name.clone());
        self.constrained.insert(name.clone());
        name
    }
}

/// As SQLite compares names.
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The finding of a name that changes; none where it doesn't.
fn finding(relation: &str, column: Option<&str>, spelled: &Spelled) -> Option<Finding> {
    let source = column.unwrap_or(relation);
    let why = spelled.why.as_ref()?;
    let target = &spelled.name;
    let of = column.map(|_| format!(" of `{relation}`")).unwrap_or_default();
    let (code, level) =
        if spelled.refused { ("rename-refused", Level::Blocker) } else { ("name-changed", Level::Change) };
    let (message, choice) = match &spelled.against {
        Some((other, name)) => (
            format!("`{other}` and `{source}`{of} are both to be called `{name}`: only one of them can be"),
            "give one of them another name, by a rename or in the plan".to_owned(),
        ),
        None => (
            format!("`{source}`{of} is called `{target}` in PostgreSQL: {why}"),
            "give it another name by a rename".to_owned(),
        ),
    };
    Some(Finding {
        code: code.to_owned(),
        level,
        table: Some(relation.to_owned()),
        object: column.map(str::to_owned),
        message,
        choices: vec![choice],
        ..Finding::default()
    })
}

/// A pattern that fits nothing is most likely a typing error.
fn unused_patterns(all: &[(&str, Vec<&str>, bool)], options: &Options) -> Vec<Finding> {
    // what was asked for and is not there does not come along
    let included = options.include.iter().map(|pattern| (pattern, Level::LeftOut));
    // the books of migrations are left out by the port itself, whether or not they are all there
    let excluded = options.exclude.iter().filter(|pattern| !bookkeeping::TABLES.contains(&pattern.as_str()));
    let patterns = included.chain(excluded.map(|pattern| (pattern, Level::Note)));
    let unused = patterns.filter(|(pattern, _)| !all.iter().any(|(name, ..)| fits(pattern, name)));
    let finding = |(pattern, level): (&String, Level)| Finding {
        code: "unused-pattern".to_owned(),
        level,
        object: Some(pattern.clone()),
        message: format!("no table or view fits the pattern `{pattern}`"),
        ..Finding::default()
    };
    unused.map(finding).collect()
}

/// The new names that a person gave, by what they are for.
#[derive(Default)]
struct Renames<'a> {
    relations: HashMap<String, &'a str>,
    columns: HashMap<(String, String), &'a str>,
}

impl<'a> Renames<'a> {
    fn new(all: &[(&str, Vec<&str>, bool)], options: &'a Options, findings: &mut Vec<Finding>) -> Self {
        let known: HashMap<String, HashSet<String>> =
            all.iter().map(|(name, columns, _)| (key(name), columns.iter().map(|name| key(name)).collect())).collect();
        let mut renames = Self::default();
        for (from, to) in &options.renames {
            let wanted = key(from);
            if known.contains_key(&wanted) {
                renames.relations.insert(wanted, to);
                continue;
            }
            // either name may have dots of its own
            let column = wanted.match_indices('.').find_map(|(dot, _)| {
                let (table, column) = (&wanted[..dot], &wanted[dot + 1..]);
                let has = known.get(table).is_some_and(|columns| columns.contains(column));
                has.then(|| (table.to_owned(), column.to_owned()))
            });
            match column {
                Some(column) => {
                    renames.columns.insert(column, to);
                }
                None => findings.push(Finding {
                    code: "unknown-rename".to_owned(),
                    level: Level::Blocker,
                    message: format!("`{from}` is to be called `{to}`, but there is no table, view or column `{from}`"),
                    choices: vec!["correct the name, or take the rename away".to_owned()],
                    ..Finding::default()
                }),
            }
        }
        renames
    }
}
