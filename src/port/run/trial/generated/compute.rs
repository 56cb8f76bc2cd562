//! What the server makes of generated columns: the rows of a table go into a temporary one with the very expressions, and
//! what it has computed is read back and compared with what SQLite holds.

use std::ops::ControlFlow;

use super::super::Failed;
use super::super::rules::{is_filled_elsewhere, is_sent};
use super::super::table::affect;
use crate::db::{BulkDb, ErrorClass, SqlError, SqliteDb, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::batch::{Batch, Key};
use crate::port::copy::{is_about_data, show_key};
use crate::port::plan::{ColumnPlan, TablePlan};
use crate::port::row::{RowCodec, Scratch, split_field};
use crate::port::scan::{Room, Tally};
use crate::port::target::{TargetTable, literal, qualified, quoted};
use crate::schema::Table;
use crate::value::{Canonical, PgType};

/// How many rows are tried at once.
const ROWS: usize = 20_000;

/// How many bytes of them, but for the one row that goes beyond.
const BYTES: usize = 4 << 20;

/// How much is handed to the connection at once.
const PIECE: usize = 1 << 20;

/// How many rows that a column can't be computed for are looked for, each by a few statements of its own.
const RAISED: usize = 100;

/// A column that the server computes.
#[derive(Debug)]
pub(super) struct Computed<'a> {
    /// The column of the source whose values it is compared with, where there is one.
    pub held: Option<&'a ColumnPlan>,
    /// Its name in PostgreSQL.
    pub name: String,
    /// Its type, as SQL.
    pub type_name: String,
    pub not_null: bool,
    /// As SQL of PostgreSQL's.
    pub expression: String,
}

/// What was found out about one of them.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The server does not take the expression at all.
    pub refused: Option<SqlError>,
    /// Rows for which it raises an error.
    pub fails: Tally,
    /// There were too many of those to look for all of them.
    pub gave_up: bool,
    /// Rows for which it gives another value than SQLite holds.
    pub differs: Tally,
}

/// A column that is sent, or that has a default.
struct Base {
    name: String,
    type_name: String,
    /// The type below a domain, whose own demands are tried elsewhere.
    over: Option<String>,
    default: Option<String>,
    sent: bool,
}

/// A table whose generated columns are on trial.
pub(super) struct Trial<'a> {
    columns: &'a [Computed<'a>],
    canonical: Vec<Option<Canonical>>,
    base: Vec<Base>,
    /// The table's name in PostgreSQL.
    name: String,
    /// The target's table, where there is one.
    target: Option<String>,
    /// The column that numbers the rows.
    number: String,
    /// What is sent, and after it what is compared.
    codec: RowCodec,
    sent: usize,
    room: Room,
    /// Which of the temporary tables are made: the one of all columns first, then one for each.
    made: Vec<bool>,
    found: Vec<Found>,
}

/// Rows on their way.
#[derive(Default)]
struct Chunk {
    wire: Vec<u8>,
    /// Where each row ends in it.
    ends: Vec<usize>,
    keys: Vec<Key>,
    /// What SQLite holds in the computed columns, row by row.
    held: Vec<u8>,
    held_ends: Vec<usize>,
}

impl<'a> Trial<'a> {
    /// Of a `plan` for a table of the target's that is `there` already, or is to be made.
    pub fn new(
        plan: &TablePlan,
        schema: &str,
        there: Option<&TargetTable>,
        source: &Table,
        columns: &'a [Computed<'a>],
    ) -> Self {
        // one column too many costs a little, and is no error
        let expressions: Vec<String> = columns.iter().map(|column| column.expression.to_lowercase()).collect();
        let is_read =
            |name: &str| expressions.iter().any(|one| one.contains(&name.replace('"', "\"\"").to_lowercase()));
        let mut base = match there {
            Some(there) => of_target(plan, there, is_read),
            None => of_plan(plan, is_read),
        };
        let plain = || plan.columns.iter().filter(|column| column.generated.is_none());
        if !base.iter().any(|base| base.sent) {
            // nothing of the source is read: any column stands for the row
            let any = plain().next().map(|column| column.target.clone());
            base = match there {
                Some(there) => of_target(plan, there, |name| any.as_deref() == Some(name) || is_read(name)),
                None => of_plan(plan, |name| any.as_deref() == Some(name)),
            };
        }
        let mut sent = plan.clone();
        sent.columns = base
            .iter()
            .filter(|base| base.sent)
            .filter_map(|base| plain().find(|column| column.target == base.name).cloned())
            .collect();
        let count = sent.columns.len();
        let held = columns.iter().filter_map(|column| column.held).cloned();
        sent.columns.extend(held.map(|column| ColumnPlan { generated: Some(String::new()), ..column }));
        let mut number = "liftlock_row".to_owned();
        let is_taken = |name: &str| {
            base.iter().map(|base| &base.name).chain(columns.iter().map(|one| &one.name)).any(|own| own == name)
        };
        while is_taken(&number) {
            number.push('_');
        }
        Self {
            columns,
            canonical: columns.iter().map(|column| Some(Canonical::new(&column.held?.pg_type))).collect(),
            name: plan.target.clone(),
            target: there.map(|there| qualified(schema, &there.name)),
            number: quoted(&number),
            codec: RowCodec::new(&sent, source, ""),
            base,
            sent: count,
            room: Room::in_table_of(plan.columns.len()),
            made: vec![false; columns.len() + 1],
            found: columns.iter().map(|_| Found::default()).collect(),
        }
    }

    /// Tries every row of `batches`. Whatever becomes of it, nothing stays in the target.
    pub fn try_all(
        mut self,
        batches: &[&Batch],
        reader: &SqliteDb,
        db: &mut BulkDb,
        interrupt: &Interrupt,
    ) -> Result<Vec<Found>, Failed> {
        db.execute("BEGIN").map_err(Failed::Target)?;
        let tried = self.in_transaction(batches, reader, db, interrupt);
        let rolled_back = db.execute("ROLLBACK").map_err(Failed::Target);
        tried?;
        rolled_back?;
        Ok(self.found)
    }

    fn in_transaction(
        &mut self,
        batches: &[&Batch],
        reader: &SqliteDb,
        db: &mut BulkDb,
        interrupt: &Interrupt,
    ) -> Result<(), Failed> {
        if !self.make_all(db).map_err(Failed::Target)? {
            return Ok(());
        }
        let fields = i16::try_from(self.sent + 1).expect("a table has at most 1,600 columns");
        let (mut chunk, mut scratch) = (Chunk::default(), Scratch::default());
        for batch in batches {
            let (sql, values) = self.codec.select_in_order(batch);
            reader.each_row::<Failed>(&sql, &values, |row| {
                let start = chunk.wire.len();
                // what does not fit its type is told already
                if self.codec.encode(row, &mut chunk.wire, &mut scratch).is_ok()
                    && let Ok((_, all)) = self.codec.as_sent(row, &mut scratch)
                {
                    chunk.wire[start..start + 2].copy_from_slice(&fields.to_be_bytes());
                    let number = i32::try_from(chunk.keys.len()).expect("a chunk has few rows");
                    chunk.wire.extend_from_slice(&4i32.to_be_bytes());
                    chunk.wire.extend_from_slice(&number.to_be_bytes());
                    chunk.ends.push(chunk.wire.len());
                    chunk.held.extend_from_slice(after(all, self.sent));
                    chunk.held_ends.push(chunk.held.len());
                    chunk.keys.push(self.codec.key_of(row));
                } else {
                    chunk.wire.truncate(start);
                }
                if chunk.keys.len() >= ROWS || chunk.wire.len() + chunk.held.len() >= BYTES {
                    self.try_rows(None, (0, chunk.keys.len()), &chunk, db, interrupt)?;
                    chunk = Chunk::default();
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        if !chunk.keys.is_empty() {
            self.try_rows(None, (0, chunk.keys.len()), &chunk, db, interrupt)?;
        }
        Ok(())
    }

    /// Makes the temporary table of all columns; those that the server does not take are noted, and tried no further.
    /// Whether any is left.
    fn make_all(&mut self, db: &mut BulkDb) -> Result<bool, SqlError> {
        if let Some(target) = &self.target {
            // where the target will have the table only once its migrations have run, the types have to do
            let is_there = db.query(&format!("SELECT to_regclass({}) IS NOT NULL", literal(target)))?;
            if is_there.first().and_then(|row| row.first()?.as_deref()) != Some("t") {
                self.target = None;
            }
        }
        let Err(error) = self.make(None, db)? else { return Ok(true) };
        if let [only] = self.found.as_mut_slice() {
            only.refused = Some(error);
            return Ok(false);
        }
        for at in 0..self.columns.len() {
            self.found[at].refused = self.make(Some(at), db)?.err();
        }
        if self.found.iter().all(|found| found.refused.is_some()) {
            return Ok(false);
        }
        self.make(None, db)?.map(|()| true)
    }

    /// The temporary table of one column, or of all.
    fn table(of: Option<usize>) -> String {
        of.map_or_else(|| "liftlock_generated".to_owned(), |at| format!("liftlock_generated_{at}"))
    }

    /// The columns that a temporary table computes.
    fn computed(&self, of: Option<usize>) -> Vec<usize> {
        let is_one = |at: &usize| of.is_none_or(|of| of == *at) && self.found[*at].refused.is_none();
        (0..self.columns.len()).filter(is_one).collect()
    }

    fn make(&mut self, of: Option<usize>, db: &mut BulkDb) -> Result<Result<(), SqlError>, SqlError> {
        let (table, number) = (Self::table(of), &self.number);
        let computed: Vec<String> = self
            .computed(of)
            .into_iter()
            .map(|at| {
                let Computed { name, type_name, not_null, expression, .. } = &self.columns[at];
                let not_null = if *not_null { " NOT NULL" } else { "" };
                format!("{} {type_name} GENERATED ALWAYS AS ({expression}) STORED{not_null}", quoted(name))
            })
            .collect();
        let sql = match &self.target {
            Some(target) => {
                // with their collations
                let base = self.base.iter().map(|base| match &base.over {
                    Some(over) => format!("{0}::{over} AS {0}, ", quoted(&base.name)),
                    None => format!("{}, ", quoted(&base.name)),
                });
                let defaults = self.base.iter().filter_map(|base| {
                    Some(format!("ALTER COLUMN {} SET DEFAULT {}, ", quoted(&base.name), base.default.as_ref()?))
                });
                let computed: Vec<String> = computed.iter().map(|column| format!("ADD COLUMN {column}")).collect();
                format!(
                    "CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS SELECT {}0 AS {number} FROM {target} WITH NO DATA; \
                     ALTER TABLE pg_temp.{table} {}{}",
                    base.collect::<String>(),
                    defaults.collect::<String>(),
                    computed.join(", ")
                )
            }
            None => {
                let base = self.base.iter().map(|base| {
                    let default =
                        base.default.as_ref().map(|default| format!(" DEFAULT {default}")).unwrap_or_default();
                    format!("{} {}{default}, ", quoted(&base.name), base.over.as_ref().unwrap_or(&base.type_name))
                });
                let base: String = base.collect();
                format!(
                    "CREATE TEMPORARY TABLE {table} ({base}{number} integer, {}) ON COMMIT DROP",
                    computed.join(", ")
                )
            }
        };
        db.execute("SAVEPOINT liftlock_generated")?;
        let made = match db.execute(&sql) {
            Ok(()) => Ok(()),
            Err(error) if error.class == ErrorClass::ConnectionLost || error.class == ErrorClass::Cancelled => {
                return Err(error);
            }
            Err(error) => {
                db.execute("ROLLBACK TO SAVEPOINT liftlock_generated")?;
                Err(error)
            }
        };
        db.execute("RELEASE SAVEPOINT liftlock_generated")?;
        self.made[of.map_or(0, |at| at + 1)] = made.is_ok();
        Ok(made)
    }

    /// Tries the rows from one number to another with one column, or all. Rows that fail are found column by column, and
    /// by halves.
    fn try_rows(
        &mut self,
        of: Option<usize>,
        (from, to): (usize, usize),
        chunk: &Chunk,
        db: &mut BulkDb,
        interrupt: &Interrupt,
    ) -> Result<(), Failed> {
        if interrupt.is_set() {
            return Err(Failed::Interrupted);
        }
        let computed = self.computed(of);
        let Err(error) = self.send(of, (from, to), chunk, db).map_err(Failed::Target)? else {
            return self.read(of, chunk, db).map_err(Failed::Target);
        };
        let at = match computed.as_slice() {
            [one] => *one,
            several => {
                for at in several {
                    self.try_rows(Some(*at), (from, to), chunk, db, interrupt)?;
                }
                return Ok(());
            }
        };
        if to - from == 1 {
            let held = self.canonical[at].as_ref().map(|canonical| canonical.show(self.held(at, from, chunk)));
            // of the table that it stands for, where the server names it
            let said =
                error.message.replace(&Self::table(Some(at)), &self.name).replace(&Self::table(None), &self.name);
            let (room, found) = (self.room, &mut self.found[at]);
            found.fails.add(|| match held {
                Some(held) => {
                    format!("{}: SQLite holds {held}, PostgreSQL: {}", show_key(&chunk.keys[from]), error.message)
                }
                None => format!("{}: {said}", show_key(&chunk.keys[from])),
            });
            affect(&mut found.fails, &chunk.keys[from], room);
            return Ok(());
        }
        let middle = from + (to - from) / 2;
        for half in [(from, middle), (middle, to)] {
            if self.found[at].fails.count >= RAISED as u64 {
                self.found[at].gave_up = true;
                self.found[at].fails.affected.complete = false;
                return Ok(());
            }
            self.try_rows(Some(at), half, chunk, db, interrupt)?;
        }
        Ok(())
    }

    /// Sends rows to a temporary table; an error of the data's is the answer.
    fn send(
        &mut self,
        of: Option<usize>,
        (from, to): (usize, usize),
        chunk: &Chunk,
        db: &mut BulkDb,
    ) -> Result<Result<(), SqlError>, SqlError> {
        if !self.made[of.map_or(0, |at| at + 1)] {
            self.make(of, db)??;
        }
        let table = Self::table(of);
        let names: String =
            self.base.iter().filter(|base| base.sent).map(|base| format!("{}, ", quoted(&base.name))).collect();
        let copy = format!("COPY pg_temp.{table} ({names}{}) FROM STDIN (FORMAT binary)", self.number);
        let start = |row: usize| row.checked_sub(1).map_or(0, |before| chunk.ends[before]);
        let rows = &chunk.wire[start(from)..start(to)];
        db.execute(&format!("TRUNCATE pg_temp.{table}; SAVEPOINT liftlock_generated"))?;
        let sent =
            db.copy_in::<SqlError>(&copy, |copy| rows.chunks(PIECE).try_for_each(|piece| copy.send(piece.to_vec())));
        match sent {
            Ok(_) => db.execute("RELEASE SAVEPOINT liftlock_generated").map(Ok),
            Err(error) if is_about_data(&error) => {
                db.execute("ROLLBACK TO SAVEPOINT liftlock_generated; RELEASE SAVEPOINT liftlock_generated")?;
                Ok(Err(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Compares what the server has computed with what SQLite holds, as a copied value is compared.
    fn read(&mut self, of: Option<usize>, chunk: &Chunk, db: &mut BulkDb) -> Result<(), SqlError> {
        let mut computed = self.computed(of);
        computed.retain(|at| self.canonical[*at].is_some());
        if computed.is_empty() {
            return Ok(());
        }
        let names: String = computed.iter().map(|at| format!(", {}", quoted(&self.columns[*at].name))).collect();
        let copy =
            format!("COPY (SELECT {}{names} FROM pg_temp.{}) TO STDOUT (FORMAT binary)", self.number, Self::table(of));
        let malformed = || SqlError::other("a row that the server sent is none of its table");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        db.copy_out::<SqlError>(&copy, |fields| {
            let (number, mut rest) = split_field(fields).map_err(|_| malformed())?;
            let number = number.and_then(|number| number.try_into().ok()).map(i32::from_be_bytes);
            let row = number.and_then(|number| usize::try_from(number).ok()).filter(|row| *row < chunk.keys.len());
            let row = row.ok_or_else(malformed)?;
            for at in &computed {
                let (field, after) = split_field(rest).map_err(|_| malformed())?;
                rest = after;
                let held = self.held(*at, row, chunk);
                if field == held {
                    continue;
                }
                let Some(canonical) = &self.canonical[*at] else { continue };
                (ours.clear(), theirs.clear());
                canonical.append(held, &mut ours).map_err(|_| malformed())?;
                canonical.append(field, &mut theirs).map_err(|_| malformed())?;
                if ours != theirs {
                    let shown = || {
                        let (held, field) = (canonical.show(held), canonical.show(field));
                        format!("{}: SQLite holds {held}, PostgreSQL computes {field}", show_key(&chunk.keys[row]))
                    };
                    let found = &mut self.found[*at].differs;
                    found.add(shown);
                    affect(found, &chunk.keys[row], self.room);
                }
            }
            Ok(())
        })
    }

    /// What SQLite holds in a computed column of a row.
    fn held<'c>(&self, at: usize, row: usize, chunk: &'c Chunk) -> Option<&'c [u8]> {
        let start = row.checked_sub(1).map_or(0, |before| chunk.held_ends[before]);
        let before = self.canonical[..at].iter().flatten().count();
        let fields = after(&chunk.held[start..chunk.held_ends[row]], before);
        split_field(fields).expect("a field that was just written").0
    }
}

/// What follows the first `count` of fields that were encoded.
fn after(mut fields: &[u8], count: usize) -> &[u8] {
    for _ in 0..count {
        fields = split_field(fields).expect("a field that was just written").1;
    }
    fields
}

/// What an expression may read of a table that is to be made.
fn of_plan(plan: &TablePlan, is_read: impl Fn(&str) -> bool) -> Vec<Base> {
    let plain = plan.columns.iter().filter(|column| column.generated.is_none() && is_read(&column.target));
    let base = plain.map(|column| {
        let collation = column.collation.as_ref().map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
        Base {
            name: column.target.clone(),
            type_name: format!("{}{collation}", column.pg_type),
            over: None,
            default: None,
            sent: true,
        }
    });
    base.collect()
}

/// What an expression may read of a table that is there. A column that takes its values from a sequence is not among them:
/// none is to be taken.
fn of_target(plan: &TablePlan, there: &TargetTable, is_read: impl Fn(&str) -> bool) -> Vec<Base> {
    let base = there.columns.iter().filter(|column| column.generated.is_none() && is_read(&column.name));
    let base = base.filter_map(|column| {
        let sent = is_sent(plan, column);
        let domain = column.pg_type.as_ref().filter(|of| matches!(of, PgType::Domain { .. }));
        (!is_filled_elsewhere(plan, column)).then(|| Base {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            over: domain.map(|domain| domain.base().to_string()),
            default: column.default.clone().filter(|_| !sent),
            sent,
        })
    });
    base.collect()
}
