//! The rows of one table in a temporary table, a few thousand at a time, and which of them its rules refuse.

use std::ops::ControlFlow;

use super::Failed;
use super::among::AllKeys;
use super::keys::Among;
use super::rules::{Rule, is_sent, needed};
use crate::db::{BulkDb, SqlError, SqliteDb, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::batch::{Batch, Key, KeyValue};
use crate::port::copy::{is_about_data, show_key};
use crate::port::plan::TablePlan;
use crate::port::row::{RowCodec, Scratch};
use crate::port::scan::{EXAMPLES, Room, Tally, show};
use crate::port::target::{TargetColumn, TargetTable, literal, quoted};
use crate::schema;

/// The temporary table.
const NAME: &str = "pg_temp.liftlock_trial";

/// How many rows are tried at once.
const ROWS: usize = 20_000;

/// How many bytes of them, but for the one row that goes beyond.
const BYTES: usize = 4 << 20;

/// How many rows with which an expression fails are looked for, each by a few statements of its own.
const RAISED: usize = 100;

/// A table on trial.
pub(super) struct Table<'a> {
    rules: &'a [Rule],
    among: &'a [Among],
    /// Its name in the target, qualified.
    target: String,
    codec: RowCodec,
    /// The columns that go into the temporary table: names and types.
    columns: Vec<(String, String)>,
    /// The column that numbers the rows.
    number: String,
    /// What the rules are asked of, as SQL after FROM: the temporary table, and what the target computes, under the
    /// table's own name.
    from: String,
    room: Room,
}

/// What was found out.
pub(super) struct Tried {
    /// What each rule refuses.
    pub rules: Vec<Tally>,
    /// Which rows meet others in each of the target's own keys; or why that is not known.
    pub among: Vec<Result<Tally, String>>,
}

/// Rows on their way.
#[derive(Default)]
struct Chunk {
    wire: Vec<u8>,
    keys: Vec<Key>,
}

impl<'a> Table<'a> {
    pub fn new(
        plan: &TablePlan,
        there: &TargetTable,
        source: &schema::Table,
        (rules, among): (&'a [Rule], &'a [Among]),
        target: String,
    ) -> Self {
        let read = rules.iter().flat_map(|rule| &rule.columns).chain(among.iter().flat_map(|among| &among.columns));
        let read: Vec<String> = read.cloned().collect();
        let wanted: Vec<&TargetColumn> = needed(plan, there, &read).collect();
        let mut sent = plan.clone();
        sent.columns
            .retain(|column| column.generated.is_none() && wanted.iter().any(|wanted| wanted.name == column.target));
        if sent.columns.is_empty() {
            // nothing of the source is read: any column stands for the row
            sent.columns.extend(plan.columns.iter().find(|column| column.generated.is_none()).cloned());
        }
        let number = free_name(there);
        let alias = quoted(&there.name);
        let computed = wanted.iter().filter(|column| !is_sent(plan, column)).map(|column| {
            let value = column.generated.as_ref().or(column.default.as_ref()).map_or("NULL", String::as_str);
            format!(", ({value})::{} AS {}", column.type_name, quoted(&column.name))
        });
        let computed: String = computed.collect();
        Self {
            rules,
            among,
            target,
            columns: sent.columns.iter().map(|of| (quoted(&of.target), of.pg_type.base().to_string())).collect(),
            codec: RowCodec::new(&sent, source, ""),
            from: format!("(SELECT {alias}.*{computed} FROM {NAME} AS {alias}) AS {alias}"),
            number,
            room: Room::in_table_of(plan.columns.len()),
        }
    }

    /// Tries every row of `batches`. Whatever becomes of it, nothing stays in the target.
    pub fn try_all(
        &self,
        batches: &[&Batch],
        reader: &SqliteDb,
        db: &mut BulkDb,
        interrupt: &Interrupt,
    ) -> Result<Tried, Failed> {
        db.execute("BEGIN").map_err(Failed::Target)?;
        let tried = self.in_transaction(batches, reader, db, interrupt);
        let rolled_back = db.execute("ROLLBACK").map_err(Failed::Target);
        let tried = tried?;
        rolled_back?;
        Ok(tried)
    }

    fn in_transaction(
        &self,
        batches: &[&Batch],
        reader: &SqliteDb,
        db: &mut BulkDb,
        interrupt: &Interrupt,
    ) -> Result<Tried, Failed> {
        self.make(db).map_err(Failed::Target)?;
        let mut all_keys = AllKeys::make(self.among, &self.from, &self.number, db).map_err(Failed::Target)?;
        let mut found = vec![Tally::default(); self.rules.len()];
        let mut before = 0u64;
        let mut chunk = Chunk::default();
        let mut scratch = Scratch::default();
        let fields = i16::try_from(self.columns.len() + 1).expect("a table has at most 1,600 columns");
        let mut try_chunk = |chunk: Chunk, db: &mut BulkDb| {
            let rows = chunk.keys.len() as u64;
            self.try_chunk(chunk, db, &mut found)?;
            if rows > 0 {
                all_keys.add(before, db)?;
            }
            before += rows;
            Ok(())
        };
        for batch in batches {
            let (sql, values) = self.codec.select_in_order(batch);
            reader.each_row::<Failed>(&sql, &values, |row| {
                let start = chunk.wire.len();
                // what does not fit its type is no row that could break a rule, and is told already; its place stays
                if self.codec.encode(row, &mut chunk.wire, &mut scratch).is_ok() {
                    chunk.wire[start..start + 2].copy_from_slice(&fields.to_be_bytes());
                    let number = i32::try_from(chunk.keys.len()).expect("a chunk has few rows");
                    chunk.wire.extend_from_slice(&4i32.to_be_bytes());
                    chunk.wire.extend_from_slice(&number.to_be_bytes());
                }
                chunk.keys.push(self.codec.key_of(row));
                if chunk.keys.len() >= ROWS || chunk.wire.len() >= BYTES {
                    if interrupt.is_set() {
                        return Err(Failed::Interrupted);
                    }
                    try_chunk(std::mem::take(&mut chunk), db).map_err(Failed::Target)?;
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        try_chunk(chunk, db).map_err(Failed::Target)?;
        let among = all_keys.find(&self.codec, batches, self.room, reader, db, interrupt)?;
        Ok(Tried { rules: found, among })
    }

    /// As the target has the columns, but for domains: what these are over. Where the target will have the table only
    /// once its migrations have run, the types have to do.
    fn make(&self, db: &mut BulkDb) -> Result<(), SqlError> {
        let is_there = db.query(&format!("SELECT to_regclass({}) IS NOT NULL", literal(&self.target)))?;
        let is_there = is_there.first().and_then(|row| row.first()?.as_deref()) == Some("t");
        let number = &self.number;
        db.execute(&if is_there {
            let columns: String = self.columns.iter().map(|(name, base)| format!("{name}::{base} AS {name}, ")).collect();
            format!(
                "CREATE TEMPORARY TABLE liftlock_trial ON COMMIT DROP AS SELECT {columns}0 AS {number} FROM {} WITH NO DATA",
                self.target
            )
        } else {
            let columns: String = self.columns.iter().map(|(name, base)| format!("{name} {base}, ")).collect();
            format!("CREATE TEMPORARY TABLE liftlock_trial ({columns}{number} integer) ON COMMIT DROP")
        })
    }

    fn try_chunk(&self, chunk: Chunk, db: &mut BulkDb, found: &mut [Tally]) -> Result<(), SqlError> {
        let Chunk { wire, keys } = chunk;
        if keys.is_empty() {
            return Ok(());
        }
        let names: String = self.columns.iter().map(|(name, _)| format!("{name}, ")).collect();
        db.execute(&format!("TRUNCATE {NAME}"))?;
        let copy = format!("COPY {NAME} ({names}{}) FROM STDIN (FORMAT binary)", self.number);
        db.copy_in::<SqlError>(&copy, |copy| copy.send(wire))?;
        if self.rules.is_empty() {
            return Ok(());
        }
        let counts: Vec<String> =
            self.rules.iter().map(|rule| format!("count(*) FILTER (WHERE NOT ({}))", rule.condition)).collect();
        let counted = attempt(db, &format!("SELECT {} FROM {}", counts.join(", "), self.from))?;
        for (at, rule) in self.rules.iter().enumerate() {
            // a rule that fails says nothing of the others: each is asked alone
            let none =
                counted.as_ref().is_ok_and(|rows| rows.first().and_then(|row| row.get(at)?.as_deref()) == Some("0"));
            if !none {
                self.ask(rule, (0, keys.len()), &keys, db, &mut found[at])?;
            }
        }
        Ok(())
    }

    /// Which of the rows from one number to another a rule refuses; those with which it fails, too, are found by
    /// halves.
    fn ask(
        &self,
        rule: &Rule,
        (from, to): (usize, usize),
        keys: &[Key],
        db: &mut BulkDb,
        found: &mut Tally,
    ) -> Result<(), SqlError> {
        let number = &self.number;
        // WHERE promises no order; CASE does
        let sql = format!(
            "SELECT {number} FROM {} WHERE CASE WHEN {number} >= {from} AND {number} < {to} THEN NOT ({}) ELSE false END \
             ORDER BY 1",
            self.from, rule.condition
        );
        match attempt(db, &sql)? {
            Ok(rows) => {
                for row in rows {
                    let at = row.first().and_then(|cell| cell.as_deref()?.parse::<usize>().ok());
                    if let Some((at, key)) = at.and_then(|at| Some((at, keys.get(at)?))) {
                        let values = if found.examples.len() < EXAMPLES { self.values(rule, at, db)? } else { None };
                        self.add(found, key, values);
                    }
                }
            }
            Err(_) if rule.raised.get() >= RAISED => {
                rule.gave_up.set(true);
                found.affected.complete = false;
            }
            Err(error) if to - from == 1 => {
                rule.raised.set(rule.raised.get() + 1);
                self.add(found, &keys[from], Some(error.message.clone()));
            }
            Err(_) => {
                let middle = from + (to - from) / 2;
                self.ask(rule, (from, middle), keys, db, found)?;
                self.ask(rule, (middle, to), keys, db, found)?;
            }
        }
        Ok(())
    }

    fn add(&self, found: &mut Tally, key: &Key, values: Option<String>) {
        found.add(|| match values {
            Some(values) => format!("{}: {values}", show_key(key)),
            None => show_key(key),
        });
        affect(found, key, self.room);
    }

    /// What a rule reads of a row: `price = -1, qty = NULL`.
    fn values(&self, rule: &Rule, at: usize, db: &mut BulkDb) -> Result<Option<String>, SqlError> {
        let shown = rule.columns.iter().map(|column| {
            format!("{} || coalesce(left({}::text, 60), 'NULL')", literal(&format!("{column} = ")), quoted(column))
        });
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() {
            return Ok(None);
        }
        let sql =
            format!("SELECT concat_ws(', ', {}) FROM {} WHERE {} = {at}", shown.join(", "), self.from, self.number);
        let rows = attempt(db, &sql)?.unwrap_or_default();
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }
}

/// Keeps which row it is.
pub(super) fn affect(found: &mut Tally, key: &[KeyValue], room: Room) {
    match key {
        [KeyValue::Integer(row)] => found.affected.add(*row, room),
        // nothing says which row it is
        [] => found.affected.complete = false,
        [one] => found.affected.add_key(|| show(one.value()), room),
        several => {
            let values = || several.iter().map(|value| show(value.value())).collect::<Vec<_>>().join(", ");
            found.affected.add_key(|| format!("({})", values()), room);
        }
    }
}

/// Asks; what fails because of the rows is the answer, and leaves the transaction as it was.
pub(super) fn attempt(db: &mut BulkDb, sql: &str) -> Result<Result<Vec<crate::db::TextRow>, SqlError>, SqlError> {
    db.execute("SAVEPOINT liftlock_trial")?;
    match db.query(sql) {
        Ok(rows) => {
            db.execute("RELEASE SAVEPOINT liftlock_trial")?;
            Ok(Ok(rows))
        }
        Err(error) if is_about_data(&error) => {
            db.execute("ROLLBACK TO SAVEPOINT liftlock_trial; RELEASE SAVEPOINT liftlock_trial")?;
            Ok(Err(error))
        }
        Err(error) => Err(error),
    }
}

/// A name that no column has.
fn free_name(there: &TargetTable) -> String {
    let mut name = "liftlock_row".to_owned();
    while there.column(&name).is_some() {
        name.push('_');
    }
    name
}
