//! What a run keeps in the target while it lasts, so that another can go on with it: its plan, and which batches are in.
//!
//! A batch's row is written in the transaction that stores the batch. Both tables go when the run is done.

use serde::{Deserialize, Serialize};

use super::batch::{Batch, Key};
use super::plan::Plan;
use crate::Dialect;
use crate::db::{BulkDb, ErrorClass, SqlError, Statements as _};
use crate::value::Checksum;

/// The names of the tables, which no table of the source may have.
pub const TABLES: [&str; 2] = ["liftlock_port_run", "liftlock_port_batch"];

/// The bookkeeping of a run in the schema of its target.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    run: String,
    batch: String,
}

/// A run that was begun and not finished.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// When it began, as the server writes it.
    pub began: String,
    /// The file it read.
    pub source: String,
    /// Its plan.
    pub plan: Plan,
    /// How far it came.
    pub stage: Stage,
    /// Its batches.
    pub batches: Vec<StoredBatch>,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Batches are being copied.
    Copying,
    /// All rows are in and proven; keys, indexes and constraints are being made.
    Finishing,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Finishing => "finishing",
        }
    }
}

/// A batch as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBatch {
    /// The table in SQLite.
    pub table: String,
    /// Its number in the table, from 0.
    pub number: usize,
    /// Its range.
    pub batch: Batch,
    /// What the table then had to hold of it, once it is in.
    pub done: Option<Checksum>,
    /// What more there is to know of it where it went in beside rows that stay.
    pub beside: Option<BesideRows>,
    /// The server has refused rows of it, and they were put aside.
    pub has_refused: bool,
}

/// What became of rows that went in beside others, which all are in one checksum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BesideRows {
    /// The rows of the source.
    pub source_rows: u64,
    /// The sum of their hashes, in hexadecimal digits: JSON has no numbers of that size.
    pub source_sum: String,
    /// Rows that stood in the target before and stayed.
    pub kept: u64,
    /// Rows of the source that are not in, since the target held their keys with other values.
    pub skipped: u64,
    /// The keys of the first of those.
    pub skipped_keys: Vec<String>,
    /// What the table then has to hold, by ranges of row hashes: rows and sum of each.
    #[serde(default)]
    pub ranges: Vec<(u64, String)>,
}

impl Checkpoint {
    /// The bookkeeping in `schema`.
    #[must_use]
    pub fn new(schema: &str) -> Self {
        let name = |table: &str| {
            format!("{}.{}", Dialect::Postgres.quote_identifier(schema), Dialect::Postgres.quote_identifier(table))
        };
        Self { run: name(TABLES[0]), batch: name(TABLES[1]) }
    }

    /// The SQL that makes the tables and writes the plan and its batches down.
    #[must_use]
    pub fn begin(&self, source: &str, plan: &str, batches: &[StoredBatch]) -> String {
        let literal = |text: &str| Dialect::Postgres.literal(text);
        let mut sql = format!(
            "CREATE TABLE {run} (began timestamptz NOT NULL DEFAULT now(), source text NOT NULL, stage text NOT NULL, \
             plan text NOT NULL);\n\
             CREATE TABLE {batch} (table_name text NOT NULL, number int NOT NULL, after_key text, upto_key text, \
             expected bigint NOT NULL, bytes bigint NOT NULL, rows bigint, sum text, refused text, beside text, PRIMARY KEY (table_name, number));\n\
             INSERT INTO {run} (source, stage, plan) VALUES ({source}, '{stage}', {plan});\n",
            run = self.run,
            batch = self.batch,
            source = literal(source),
            stage = Stage::Copying.name(),
            plan = literal(plan),
        );
        for chunk in batches.chunks(1000) {
            let rows: Vec<String> = chunk
                .iter()
                .map(|stored| {
                    let key = |key: &Option<Key>| match key {
                        None => "NULL".to_owned(),
                        Some(key) => literal(&serde_json::to_string(key).expect("a key is plain data")),
                    };
                    format!(
                        "({}, {}, {}, {}, {}, {})",
                        literal(&stored.table),
                        stored.number,
                        key(&stored.batch.after),
                        key(&stored.batch.upto),
                        stored.batch.rows,
                        stored.batch.bytes
                    )
                })
                .collect();
            sql.push_str(&format!(
                "INSERT INTO {} (table_name, number, after_key, upto_key, expected, bytes) VALUES\n{};\n",
                self.batch,
                rows.join(",\n")
            ));
        }
        sql
    }

    /// The SQL that says a batch is in, but for the rows with the hashes `refused`.
    #[must_use]
    pub fn done(
        &self,
        table: &str,
        number: usize,
        checksum: Checksum,
        refused: &[u128],
        beside: Option<&BesideRows>,
    ) -> String {
        let refused: String = refused.iter().map(|hash| format!("{hash:032x}")).collect();
        let beside = beside.map(|beside| serde_json::to_string(beside).expect("it is plain data"));
        format!(
            "UPDATE {} SET rows = {}, sum = '{:032x}', refused = nullif('{refused}', ''), beside = {} WHERE table_name = {} \
             AND number = {number};",
            self.batch,
            checksum.rows,
            checksum.sum,
            beside.map_or_else(|| "NULL".to_owned(), |beside| Dialect::Postgres.literal(&beside)),
            Dialect::Postgres.literal(table)
        )
    }

    /// The hashes of the rows of a batch that the server has refused.
    ///
    /// # Errors
    /// As [`Checkpoint::find`].
    pub fn refused(&self, db: &mut BulkDb, table: &str, number: usize) -> Result<Vec<u128>, SqlError> {
        let table = Dialect::Postgres.literal(table);
        let sql = format!("SELECT refused FROM {} WHERE table_name = {table} AND number = {number}", self.batch);
        let refused = db.query(&sql)?.into_iter().flatten().flatten().next().unwrap_or_default();
        let hashes = refused.as_bytes().chunks(32).map(|digits| {
            let hash = std::str::from_utf8(digits).ok().and_then(|digits| u128::from_str_radix(digits, 16).ok());
            hash.ok_or_else(|| SqlError::other(format!("{} holds what is no hash of a row", self.batch)))
        });
        hashes.collect()
    }

    /// The SQL that says how far the run has come.
    #[must_use]
    pub fn reached(&self, stage: Stage) -> String {
        format!("UPDATE {} SET stage = '{}';", self.run, stage.name())
    }

    /// The SQL that takes the bookkeeping away.
    #[must_use]
    pub fn end(&self) -> String {
        format!("DROP TABLE IF EXISTS {}, {};", self.batch, self.run)
    }

    /// The run that was begun here and not finished.
    ///
    /// # Errors
    /// [`SqlError`] where the tables can't be read, or hold what is none of ours.
    pub fn find(&self, db: &mut BulkDb) -> Result<Option<Unfinished>, SqlError> {
        let run = match db.query(&format!("SELECT began, source, stage, plan FROM {}", self.run)) {
            Ok(run) => run,
            Err(error) if error.class == ErrorClass::Missing => return Ok(None),
            Err(error) => return Err(error),
        };
        let strange = || SqlError::other(format!("{} holds what is no run of this program's", self.run));
        let Some(run) = run.into_iter().next() else { return Ok(None) };
        let [Some(began), Some(source), Some(stage), Some(plan)] = run.as_slice() else { return Err(strange()) };
        let plan = serde_json::from_str(plan).map_err(|_| strange())?;
        let stage = [Stage::Copying, Stage::Finishing].into_iter().find(|known| known.name() == stage);
        let rows = db.query(&format!(
            "SELECT table_name, number, after_key, upto_key, expected, bytes, rows, sum, beside, refused IS NOT NULL FROM {} \
             ORDER BY 1, 2",
            self.batch
        ))?;
        let batches = rows.into_iter().map(|row| stored(&row).ok_or_else(strange)).collect::<Result<_, _>>()?;
        Ok(Some(Unfinished {
            began: began.clone(),
            source: source.clone(),
            plan,
            stage: stage.ok_or_else(strange)?,
            batches,
        }))
    }
}

fn stored(row: &[Option<String>]) -> Option<StoredBatch> {
    let [Some(table), Some(number), after, upto, Some(expected), Some(bytes), rows, sum, beside, refused] = row else {
        return None;
    };
    let key = |text: &Option<String>| text.as_deref().map(serde_json::from_str::<Key>).transpose().ok();
    let done = match (rows, sum) {
        (Some(rows), Some(sum)) => {
            Some(Checksum { rows: rows.parse().ok()?, sum: u128::from_str_radix(sum, 16).ok()? })
        }
        _ => None,
    };
    Some(StoredBatch {
        table: table.clone(),
        number: number.parse().ok()?,
        batch: Batch { after: key(after)?, upto: key(upto)?, rows: expected.parse().ok()?, bytes: bytes.parse().ok()? },
        done,
        beside: beside.as_deref().map(serde_json::from_str).transpose().ok()?,
        has_refused: refused.as_deref() == Some("t"),
    })
}
