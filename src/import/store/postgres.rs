//! PostgreSQL: rows go by COPY into a temporary table of the same columns, and from there, in one statement a batch.

use std::collections::{HashMap, HashSet};

use super::by_key;
use super::sequence::{self, Sequence};
use super::{EachRow, Given, Guard, Store, all, names, quoted};
use crate::Dialect;
use crate::config::PostgresTarget;
use crate::db::{BulkDb, SqlError, Statements as _, TextRow};
use crate::import::ImportError;
use crate::import::bind::{self, BoundColumn, BoundTable, Cell, TargetTable};
use crate::migrate::history::LOCK_KEY;

/// The first half of the advisory lock's key; the second is the schema's. `LLIM` in ASCII.
const LOCK: i32 = 0x4c4c_494d;

pub(super) struct PostgresStore {
    db: BulkDb,
    /// Statements of the books, which go in one message.
    waiting: String,
    /// The tables that have a temporary one, by their numbers.
    staged: HashSet<usize>,
    /// How many rows this transaction has put into temporary tables.
    sent: i32,
    /// The types of the tables' keys, by the number of the table.
    key_types: HashMap<usize, Vec<String>>,
    /// Those that number the tables' columns, once they were asked for.
    sequences: Option<Vec<Sequence>>,
}

/// How many bytes of rows are sent at once.
const PIECE: usize = 256 * 1024;

impl PostgresStore {
    pub fn connect(target: &PostgresTarget) -> Result<Self, ImportError> {
        let mut db = BulkDb::connect(target)?;
        let set_up = db.execute(
            // the last one tells triggers whose rows these are: those that keep a record of changes may leave them out
            "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET client_min_messages = warning; \
             SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET liftlock.command = 'import'",
        );
        set_up.map_err(|source| ImportError::Sql { doing: "set the session up".to_owned(), source })?;
        Ok(Self {
            db,
            waiting: String::new(),
            staged: HashSet::new(),
            sent: 0,
            key_types: HashMap::new(),
            sequences: None,
        })
    }

    /// Puts rows into the temporary table, and gives the FROM item that has them, as `s`, and the number of the first.
    ///
    /// Those that were put there before in the same transaction stay, and have lower numbers: to empty the table each time
    /// would make a new file and a new version of its entry in the catalog, all of which are looked through the next time.
    fn stage(&mut self, table: &BoundTable, rows: &[&[Cell]]) -> Result<(String, i32), SqlError> {
        let stage = stage(table);
        let first = self.sent;
        let count = i32::try_from(rows.len()).ok().and_then(|count| first.checked_add(count));
        self.sent = count.ok_or_else(|| SqlError::other("too many rows in one transaction"))?;
        let fields = i16::try_from(table.columns.len() + 1).map_err(|_| SqlError::other("too many columns"))?;
        self.db.copy_in(&format!("COPY {stage} FROM STDIN (FORMAT binary)"), |copy| {
            let mut bytes = Vec::new();
            for (at, row) in (first..).zip(rows) {
                bytes.extend_from_slice(&fields.to_be_bytes());
                bytes.extend_from_slice(&4_i32.to_be_bytes());
                bytes.extend_from_slice(&at.to_be_bytes());
                for cell in *row {
                    match cell {
                        Cell::Field(field) => bytes.extend_from_slice(field),
                        _ => bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
                    }
                }
                if bytes.len() >= PIECE {
                    copy.send(std::mem::take(&mut bytes))?;
                }
            }
            copy.send(bytes)
        })?;
        // with both ends an index leads to them, past what was put there before
        let range = format!("BETWEEN {first} AND {}", self.sent - 1);
        Ok((format!("(SELECT * FROM {stage} WHERE \"liftlock row\" {range}) s"), first))
    }

    fn sequences(&mut self, table: &str, column: &str) -> Result<Vec<Sequence>, SqlError> {
        let all = match self.sequences.take() {
            Some(known) => known,
            None => sequence::all(&mut self.db)?,
        };
        let found = all.iter().filter(|sequence| sequence.is_of(table, column)).cloned().collect();
        self.sequences = Some(all);
        Ok(found)
    }

    fn copy_out(
        &mut self,
        select: &str,
        mut each: impl FnMut(Vec<Cell>) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        self.db.copy_out(&format!("COPY ({select}) TO STDOUT (FORMAT binary)"), |fields| each(cells(fields)?))
    }
}

/// The name of a table's temporary one.
fn stage(table: &BoundTable) -> String {
    format!("pg_temp.liftlock_stage_{}", table.number)
}

/// The fields of a row of COPY's.
fn cells(mut fields: &[u8]) -> Result<Vec<Cell>, SqlError> {
    let mut cells = Vec::new();
    while let Some((length, _)) = fields.split_first_chunk::<4>() {
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            cells.push(Cell::Null);
            fields = &fields[4..];
            continue;
        };
        let (field, rest) = fields
            .split_at_checked(length + 4)
            .ok_or_else(|| SqlError::other("a row that the server sent ends too soon"))?;
        cells.push(Cell::Field(field.to_vec()));
        fields = rest;
    }
    Ok(cells)
}

fn keys_agree(table: &BoundTable) -> String {
    let pairs = names(table, &table.key, "t.").into_iter().zip(names(table, &table.key, "s."));
    pairs.map(|(there, staged)| format!("{there} = {staged}")).collect::<Vec<_>>().join(" AND ")
}

/// A condition over values that were made of JSON, and are so written.
fn condition(table: &BoundTable, by: &[usize], values: &[Cell]) -> String {
    let pairs = by.iter().zip(values).map(|(at, value)| {
        let column = &table.columns[*at];
        match literal(column, value) {
            None => format!("{} IS NULL", quoted(&column.name)),
            Some(literal) => format!("{} = {literal}", quoted(&column.name)),
        }
    });
    pairs.collect::<Vec<_>>().join(" AND ")
}

/// A value that was made of JSON, as it is written in SQL; none of NULL.
pub(super) fn literal(column: &BoundColumn, value: &Cell) -> Option<String> {
    Some(match column.kind.restore(value) {
        serde_json::Value::Null => return None,
        serde_json::Value::String(text) => Dialect::Postgres.literal(&text),
        other => Dialect::Postgres.literal(&other.to_string()),
    })
}

impl Store for PostgresStore {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn tables(&mut self) -> Result<Vec<TargetTable>, ImportError> {
        bind::TargetTable::of_postgres(&mut self.db)
    }

    fn constant(&mut self, expression: &str) -> Result<Option<Cell>, ImportError> {
        let answer = self.db.query(&format!("SELECT ({expression})::text"));
        let answer = answer
            .map_err(|source| ImportError::Sql { doing: format!("work out the default `{expression}`"), source })?;
        Ok(answer.into_iter().flatten().flatten().next().map(Cell::Text))
    }

    fn sql(&mut self, sql: &str) -> Result<Vec<TextRow>, SqlError> {
        self.settle()?;
        self.db.query(sql)
    }

    fn write(&mut self, sql: &str, given: &[Given<'_>]) -> Result<(), SqlError> {
        let mut parts = sql.split('?');
        self.waiting.push_str(parts.next().unwrap_or_default());
        for (given, part) in given.iter().zip(parts) {
            match given {
                Given::Null => self.waiting.push_str("NULL"),
                Given::Number(number) => self.waiting.push_str(&number.to_string()),
                // JSON escapes it, and no other text of the books can have one
                Given::Text(text) => self.waiting.push_str(&Dialect::Postgres.literal(&text.replace('\0', "\u{fffd}"))),
            }
            self.waiting.push_str(part);
        }
        self.waiting.push_str(";\n");
        if self.waiting.len() > PIECE { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> Result<(), SqlError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() { Ok(()) } else { self.db.execute(&waiting) }
    }

    fn ready(&mut self, table: &BoundTable) -> Result<(), SqlError> {
        if self.staged.contains(&table.number) {
            return Ok(());
        }
        self.db.execute(&format!(
            "CREATE TEMP TABLE liftlock_stage_{} ON COMMIT DELETE ROWS AS SELECT 0 AS \"liftlock row\", {} FROM {} \
             WITH NO DATA; CREATE INDEX ON {} (\"liftlock row\")",
            table.number,
            all(table, ""),
            quoted(&table.name),
            stage(table)
        ))?;
        self.staged.insert(table.number);
        Ok(())
    }

    fn few(&self) -> usize {
        8
    }

    fn add(&mut self, table: &BoundTable, rows: &[&[Cell]]) -> Result<Vec<Option<Vec<Cell>>>, SqlError> {
        let mut answers = vec![None; rows.len()];
        if rows.is_empty() {
            return Ok(answers);
        }
        let (stage, first) = self.stage(table, rows)?;
        let there = format!(
            "SELECT s.\"liftlock row\", {} FROM {stage} JOIN {} t ON {}",
            all(table, "t."),
            quoted(&table.name),
            keys_agree(table)
        );
        self.copy_out(&there, |mut cells| {
            let at = match cells.first() {
                Some(Cell::Field(field)) => {
                    field.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes)
                }
                _ => None,
            };
            let slot = at.and_then(|at| answers.get_mut(usize::try_from(at.checked_sub(first)?).ok()?));
            cells.remove(0);
            *slot.ok_or_else(|| SqlError::other("the server answered with a row that was not sent"))? = Some(cells);
            Ok(())
        })?;
        self.db.execute(&format!(
            "INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {staged} FROM {stage} \
             WHERE NOT EXISTS (SELECT FROM {name} t WHERE {agree}) ORDER BY s.\"liftlock row\"",
            name = quoted(&table.name),
            columns = all(table, ""),
            staged = all(table, "s."),
            agree = keys_agree(table),
        ))?;
        Ok(answers)
    }

    fn replace(&mut self, table: &BoundTable, rows: &[&[Cell]]) -> Result<(), SqlError> {
        // an identity that is always generated can't even be set to what it is
        let changes = |at: &usize| !table.key.contains(at) && !table.columns[*at].is_kept();
        let others: Vec<usize> = (0..table.columns.len()).filter(changes).collect();
        if rows.is_empty() || others.is_empty() {
            return Ok(());
        }
        let (stage, _) = self.stage(table, rows)?;
        let set = names(table, &others, "").into_iter().zip(names(table, &others, "s."));
        let set: Vec<String> = set.map(|(name, staged)| format!("{name} = {staged}")).collect();
        self.db.execute(&format!(
            "UPDATE {} t SET {} FROM {stage} WHERE {}",
            quoted(&table.name),
            set.join(", "),
            keys_agree(table)
        ))
    }

    fn rows(&mut self, table: &BoundTable, by: &[usize], values: &[Cell]) -> Result<Vec<Vec<Cell>>, SqlError> {
        let mut rows = Vec::new();
        let select =
            format!("SELECT {} FROM {} WHERE {}", all(table, ""), quoted(&table.name), condition(table, by, values));
        self.copy_out(&select, |cells| {
            rows.push(cells);
            Ok(())
        })?;
        Ok(rows)
    }

    fn remove(&mut self, table: &BoundTable, by: &[usize], values: &[Cell]) -> Result<(), SqlError> {
        self.db.execute(&format!("DELETE FROM {} WHERE {}", quoted(&table.name), condition(table, by, values)))
    }

    fn scan(&mut self, table: &BoundTable, each: EachRow<'_>) -> Result<(), SqlError> {
        let select = format!("SELECT {} FROM {}", all(table, ""), quoted(&table.name));
        self.copy_out(&select, |cells| each(&cells))
    }

    fn numbers(&mut self, table: &BoundTable, column: usize, count: usize) -> Result<Vec<i64>, SqlError> {
        let found = self.sequences(&table.name, &table.columns[column].name)?.into_iter().next();
        let none = || SqlError::other(format!("`{}` has no sequence that numbers its rows", table.name));
        found.ok_or_else(none)?.numbers(&mut self.db, count)
    }

    fn forward(&mut self, table: &str, columns: &[&str]) -> Result<Vec<String>, SqlError> {
        let mut told = Vec::new();
        for column in columns {
            for sequence in self.sequences(table, column)? {
                told.extend(sequence.forward(&mut self.db)?);
            }
        }
        Ok(told)
    }

    fn rows_by_key(&mut self, table: &BoundTable, keys: &[Vec<Cell>]) -> Result<Vec<Option<Vec<Cell>>>, SqlError> {
        let mut found = vec![None; keys.len()];
        for (at, keys) in (0..).step_by(by_key::TOGETHER).zip(keys.chunks(by_key::TOGETHER)) {
            let types = match self.key_types.get(&table.number) {
                Some(types) => types.clone(),
                None => by_key::types(&mut self.db, table)?,
            };
            let select = by_key::select(table, &types, keys);
            self.key_types.insert(table.number, types);
            self.copy_out(&select, |mut cells| {
                let nth = match cells.first() {
                    Some(Cell::Field(field)) => field.get(4..12).and_then(|bytes| bytes.try_into().ok()),
                    _ => None,
                };
                let nth = nth.and_then(|bytes| usize::try_from(i64::from_be_bytes(bytes)).ok());
                let slot = nth.and_then(|nth| found.get_mut(at + nth.checked_sub(1)?));
                cells.remove(0);
                *slot.ok_or_else(|| SqlError::other("the server answered with a key that was not asked for"))? =
                    Some(cells);
                Ok(())
            })?;
        }
        // a condition that lets NULLs be the same has no use for an index, and few keys have one
        for (key, found) in keys.iter().zip(&mut found).filter(|(key, _)| key.contains(&Cell::Null)) {
            *found = self.rows(table, &table.key, key)?.into_iter().next();
        }
        Ok(found)
    }

    fn begin_to_read(&mut self) -> Result<(), SqlError> {
        // a set of keys is looked up in the key's index, one after another: a table that has no statistics yet would be read
        // whole for each of them
        self.db.execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_hashjoin = off; \
             SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off; SET LOCAL jit = off",
        )
    }

    fn begin(&mut self) -> Result<(), SqlError> {
        self.sent = 0;
        self.db.execute("BEGIN")
    }

    fn lock(&mut self) -> Result<Result<Guard, String>, ImportError> {
        let failed = |source| ImportError::Sql { doing: "take the lock against a second import".to_owned(), source };
        let tried = self.db.query(&format!("SELECT pg_try_advisory_lock({LOCK}, hashtext(current_schema()))"));
        let yes = |rows: Vec<TextRow>| rows.into_iter().flatten().flatten().next().as_deref() == Some("t");
        if yes(tried.map_err(failed)?) {
            // nor beside a migration: it might change the tables that rows are written to
            let tried = self.db.query(&format!("SELECT pg_catalog.pg_try_advisory_lock({LOCK_KEY})"));
            if yes(tried.map_err(failed)?) {
                return Ok(Ok(Guard(None)));
            }
            let given = self.db.query(&format!("SELECT pg_advisory_unlock({LOCK}, hashtext(current_schema()))"));
            given.map_err(failed)?;
            let holder = self.db.query(&format!(
                "SELECT 'pid ' || a.pid || ' since ' || a.backend_start::timestamptz(0) FROM pg_locks l \
                 JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
                 AND (l.classid::bigint << 32) + l.objid::bigint = {LOCK_KEY}"
            ));
            let holder = holder.map_err(failed)?.into_iter().flatten().flatten().next();
            return Ok(Err(holder.unwrap_or_else(|| "a migration that has just ended".to_owned())));
        }
        let holder = self.db.query(&format!(
            "SELECT 'pid ' || a.pid || ' since ' || a.backend_start::timestamptz(0) FROM pg_locks l \
             JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 \
             AND l.classid::bigint = {LOCK}"
        ));
        let holder = holder.map_err(failed)?.into_iter().flatten().flatten().next();
        Ok(Err(holder.unwrap_or_else(|| "a session that has just ended".to_owned())))
    }

    fn unlock(&mut self) {
        let given = self.db.query(&format!(
            "SELECT pg_catalog.pg_advisory_unlock({LOCK_KEY}), pg_advisory_unlock({LOCK}, hashtext(current_schema()))"
        ));
        if let Err(error) = given {
            // a transaction that failed, or no connection: the session's end lets go of it
            tracing::debug!(%error, "unlock");
        }
    }
}
