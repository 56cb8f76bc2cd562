//! What the server makes of generated columns: the rows of a table go into a temporary one with the very expressions, and
//! what it has computed is read back and compared with what SQLite holds.

use std::ops::ControlFlow;

use super::super::Failed;
use super::super::table::affect;
use super::tables::{Computed, Tables};
use crate::db::{BulkDb, SqlError, SqliteDb, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::batch::{Batch, Key};
use crate::port::copy::{is_about_data, show_key};
use crate::port::plan::{ColumnPlan, TablePlan};
use crate::port::row::{RowCodec, Scratch, split_field};
use crate::port::scan::{Room, Tally};
use crate::port::target::TargetTable;
use crate::schema::Table;
use crate::value::Canonical;

/// How many rows are tried at once.
const ROWS: usize = 20_000;

/// How many bytes of them, but for the one row that goes beyond.
const BYTES: usize = 4 << 20;

/// How much is handed to the connection at once.
const PIECE: usize = 1 << 20;

/// How many rows that a column can't be computed for are looked for, each by a few statements of its own.
const RAISED: usize = 100;

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

/// A table whose generated columns are on trial.
pub(super) struct Trial<'a> {
    tables: Tables<'a>,
    /// How the columns are compared that the source has too.
    canonical: Vec<Option<Canonical>>,
    /// The table's name in PostgreSQL.
    name: String,
    /// What is sent, and after it what is compared.
    codec: RowCodec,
    sent: usize,
    room: Room,
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
        there: (Option<&TargetTable>, &[String]),
        source: &Table,
        columns: &'a [Computed<'a>],
    ) -> Self {
        let tables = Tables::new(plan, schema, there, columns);
        let mut sent = plan.clone();
        sent.columns = tables.sent(plan);
        let count = sent.columns.len();
        let held = columns.iter().filter_map(|column| column.held).cloned();
        sent.columns.extend(held.map(|column| ColumnPlan { generated: Some(String::new()), ..column }));
        Self {
            tables,
            canonical: columns.iter().map(|column| Some(Canonical::new(&column.held?.pg_type))).collect(),
            name: plan.target.clone(),
            codec: RowCodec::new(&sent, source, ""),
            sent: count,
            room: Room::in_table_of(plan.columns.len()),
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
        for (found, refused) in self.found.iter_mut().zip(self.tables.refused) {
            found.refused = refused;
        }
        Ok(self.found)
    }

    fn in_transaction(
        &mut self,
        batches: &[&Batch],
        reader: &SqliteDb,
        db: &mut BulkDb,
        interrupt: &Interrupt,
    ) -> Result<(), Failed> {
        if !self.tables.make_all(db).map_err(Failed::Target)? {
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
        let computed = self.tables.computed(of);
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
                error.message.replace(&Tables::table(Some(at)), &self.name).replace(&Tables::table(None), &self.name);
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
        self.tables.make_missing(of, db)?;
        let (table, copy) = (Tables::table(of), self.tables.copy_in(of));
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
        let mut computed = self.tables.computed(of);
        computed.retain(|at| self.canonical[*at].is_some());
        if computed.is_empty() {
            return Ok(());
        }
        let copy = self.tables.copy_out(of, &computed);
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
                ours.clear();
                theirs.clear();
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
