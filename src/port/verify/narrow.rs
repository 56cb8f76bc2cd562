//! From a checksum that differs to the rows, columns and values that do.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::{Failed, KeyValue};
use crate::db::{BulkDb, SqlError};
use crate::interrupt::Interrupt;
use crate::port::batch::Batch;
use crate::port::copy::{TableJob, Worker, show_key};
use crate::port::error::PortError;
use crate::port::row::Scratch;

/// How many rows that differ are looked for and listed.
const LISTED: usize = 100;

/// One row that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// What is the matter.
    pub kind: Kind,
    /// The row's key in SQLite (`rowid 17`), or in PostgreSQL where it is only there.
    pub key: String,
    /// The columns that differ, each with both values; all of the row's where it is on one side alone.
    pub columns: Vec<Cell>,
}

/// A value on either side.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cell {
    /// The column in SQLite.
    pub column: String,
    /// What SQLite holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What PostgreSQL holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What is the matter with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// PostgreSQL holds other values.
    Changed,
    /// SQLite holds a value that the column's type in PostgreSQL can't hold.
    Unfit,
    /// PostgreSQL does not hold it.
    Missing,
    /// PostgreSQL holds it, SQLite does not; or holds it more often.
    Extra,
}

struct Found {
    key: String,
    fields: Vec<u8>,
}

/// The rows that differ in the batches of these numbers (none: in the whole table), and how many more there are.
pub(super) fn find(
    job: &TableJob,
    batches: &[usize],
    worker: &mut Worker<'_>,
    interrupt: &Interrupt,
) -> Result<(Vec<Difference>, u64), PortError> {
    // some batches are enough to see what is the matter, and keep what has to be held in memory small
    let (looked, left) = batches.split_at(batches.len().min(8));
    let whole = [Batch::default()];
    let ranges: Vec<&Batch> =
        if batches.is_empty() { whole.iter().collect() } else { looked.iter().map(|at| &job.batches[*at]).collect() };
    let mut counts: HashMap<u128, i64> = HashMap::new();
    for range in &ranges {
        source_rows(job, range, worker, interrupt, |hash, _, _| *counts.entry(hash).or_default() += 1)?;
        target_rows(job, range, worker.bulk, |hash, _| *counts.entry(hash).or_default() -= 1)?;
    }
    counts.retain(|_, count| *count != 0);
    // a row that has changed is missing as it was, and there as it is: it counts once
    let side = |sign: i64| counts.values().filter(|n| n.signum() == sign).map(|n| n.unsigned_abs()).sum::<u64>();
    let total = side(1).max(side(-1));
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    for range in &ranges {
        source_rows(job, range, worker, interrupt, |hash, key, fields| {
            if missing.len() < LISTED && counts.get(&hash).is_some_and(|count| *count > 0) {
                missing.push(Found { key, fields: fields.to_vec() });
                counts.entry(hash).and_modify(|count| *count -= 1);
            }
        })?;
        target_rows(job, range, worker.bulk, |hash, fields| {
            if extra.len() < LISTED && counts.get(&hash).is_some_and(|count| *count < 0) {
                extra.push(Found { key: String::new(), fields: fields.to_vec() });
                counts.entry(hash).and_modify(|count| *count += 1);
            }
        })?;
    }
    let differences = pair(job, missing, extra);
    let unlisted = total.saturating_sub(differences.len() as u64);
    Ok((differences, unlisted + left.len() as u64))
}

/// Rows of both sides with the same key are one row that has changed.
fn pair(job: &TableJob, missing: Vec<Found>, extra: Vec<Found>) -> Vec<Difference> {
    let names: Vec<&str> = job.codec.column_names().collect();
    let key_columns = job.codec.key_columns();
    let mut extra: Vec<Option<Found>> = extra.into_iter().map(Some).collect();
    let mut differences = Vec::new();
    for row in missing {
        let key = job.codec.values(&row.fields, key_columns);
        let other = extra.iter_mut().find(|other| {
            !key_columns.is_empty()
                && other.as_ref().is_some_and(|other| job.codec.values(&other.fields, key_columns) == key)
        });
        let shown = job.codec.show(&row.fields);
        let row = Found { key: with_primary_key(job, row.key, &names, &shown), ..row };
        match other.and_then(Option::take) {
            Some(other) => {
                let theirs = job.codec.show(&other.fields);
                let columns = job.codec.differing(&row.fields, &other.fields).into_iter().map(|at| Cell {
                    column: names[at].to_owned(),
                    source: shown.get(at).cloned(),
                    target: theirs.get(at).cloned(),
                });
                differences.push(Difference { kind: Kind::Changed, key: row.key, columns: columns.collect() });
            }
            None => differences.push(Difference {
                kind: Kind::Missing,
                key: row.key,
                columns: cells(&names, &shown, |value| (Some(value), None)),
            }),
        }
    }
    for row in extra.into_iter().flatten() {
        let shown = job.codec.show(&row.fields);
        let key: Vec<String> =
            key_columns.iter().filter_map(|at| Some(format!("{} = {}", names[*at], shown.get(*at)?))).collect();
        let key = if key.is_empty() { "(without a key)".to_owned() } else { key.join(", ") };
        differences.push(Difference {
            kind: Kind::Extra,
            key,
            columns: cells(&names, &shown, |value| (None, Some(value))),
        });
    }
    differences
}

/// A key in SQLite, with the primary key beside it where that is another.
fn with_primary_key(job: &TableJob, key: String, names: &[&str], shown: &[String]) -> String {
    let columns = job.codec.key_columns();
    if columns.is_empty() || job.codec.has_batch_key() {
        return key;
    }
    let values: Vec<String> =
        columns.iter().filter_map(|at| Some(format!("{} = {}", names[*at], shown.get(*at)?))).collect();
    format!("{key} ({})", values.join(", "))
}

fn cells(names: &[&str], shown: &[String], sides: impl Fn(String) -> (Option<String>, Option<String>)) -> Vec<Cell> {
    let cell = |(name, value): (&&str, &String)| {
        let (source, target) = sides(value.clone());
        Cell { column: (*name).to_owned(), source, target }
    };
    names.iter().zip(shown).map(cell).collect()
}

fn source_rows(
    job: &TableJob,
    range: &Batch,
    worker: &Worker<'_>,
    interrupt: &Interrupt,
    mut each: impl FnMut(u128, String, &[u8]),
) -> Result<(), PortError> {
    struct Failure(PortError);
    impl From<SqlError> for Failure {
        fn from(error: SqlError) -> Self {
            Self(PortError::source("rows", error))
        }
    }
    let mut scratch = Scratch::default();
    let (sql, values) = job.codec.select(range);
    let mut seen = 0u64;
    let read = worker.reader.each_row::<Failure>(&sql, &values, |row| {
        // a row that fits no more was put aside, or the plan would have stopped at it
        if let Ok((hash, fields)) = job.codec.as_sent(row, &mut scratch) {
            each(hash, show_key(&job.codec.key_of(row)), fields);
        }
        seen += 1;
        if seen.is_multiple_of(4096) && interrupt.is_set() {
            return Err(Failure(PortError::Interrupted));
        }
        Ok(ControlFlow::Continue(()))
    });
    read.map_err(|Failure(error)| error)
}

pub(super) fn target_rows(
    job: &TableJob,
    range: &Batch,
    bulk: &mut BulkDb,
    mut each: impl FnMut(u128, &[u8]),
) -> Result<(), PortError> {
    let mut conditions = Vec::new();
    if let Some(column) = job.codec.batch_key() {
        for (bound, operator) in [(&range.after, ">"), (&range.upto, "<=")] {
            if let Some([KeyValue::Integer(bound)]) = bound.as_deref() {
                conditions.push(format!("{column} {operator} {bound}"));
            }
        }
    }
    let condition = (!conditions.is_empty()).then(|| conditions.join(" AND "));
    let mut scratch = Scratch::default();
    let read = bulk.copy_out::<Failed>(&job.codec.copy_out(condition.as_deref()), |fields| {
        let hash = job.codec.hash_sent(fields, &mut scratch);
        let hash = hash.map_err(|_| Failed(PortError::Malformed { table: job.codec.target().to_owned() }))?;
        each(hash, fields);
        Ok(())
    });
    read.map_err(|Failed(error)| error)
}
