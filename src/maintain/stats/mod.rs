//! `stats`: how large a database is, what of it is used, how old its statistics are. Nothing is written.

mod postgres;
mod prometheus;
mod sqlite;

use serde::Serialize;

use super::MaintainError;
use crate::Dialect;
use crate::db::Db;
use crate::migrate::MigrateError;
use crate::migrate::history::{Standing, State};

pub use prometheus::prometheus;

/// How the numbers are had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatsOptions {
    /// PostgreSQL: count the rows of every table instead of taking the server's estimate. SQLite's are exact anyway.
    pub exact: bool,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatsReport {
    /// The kind of database.
    pub dialect: Dialect,
    /// The version of SQLite, or of the server.
    pub version: String,
    /// Bytes of the database: SQLite's pages, be they in the file or still in its `-wal`; or `pg_database_size`.
    pub bytes: u64,
    /// SQLite: bytes of the `-wal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_bytes: Option<u64>,
    /// SQLite: bytes of the pages that hold nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// SQLite: bytes that are not used in pages that hold something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_bytes: Option<u64>,
    /// PostgreSQL: dead rows, as far as the server has counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_rows: Option<u64>,
    /// What `schema_migrations` says; `None` where there is none that can be read.
    pub schema: Option<SchemaVersion>,
    /// Seconds since the statistics of the table that was analysed longest ago; PostgreSQL alone keeps the time.
    pub statistics_age_seconds: Option<u64>,
    /// Tables with rows that nobody has analysed.
    pub not_analysed: Vec<String>,
    /// The tables, the largest first.
    pub tables: Vec<TableStats>,
    /// The indexes, the largest first.
    pub indexes: Vec<IndexStats>,
    /// What could not be seen, and what a number means here.
    pub notes: Vec<String>,
}

/// How far the migrations are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaVersion {
    /// The highest version that is applied; `None` where none is.
    pub version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// How many are applied.
    pub applied: usize,
    /// How many stopped half-way.
    pub unfinished: usize,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableStats {
    /// Its schema; `main` in SQLite.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its rows; `None` where nobody has counted.
    pub rows: Option<u64>,
    /// What that number is.
    pub rows_are: Rows,
    /// Bytes without its indexes.
    pub bytes: u64,
    /// Bytes of its indexes.
    pub index_bytes: u64,
    /// SQLite: bytes that are not used in its pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_bytes: Option<u64>,
    /// PostgreSQL: dead rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_rows: Option<u64>,
    /// Whether the planner has statistics of it.
    pub analysed: bool,
    /// PostgreSQL: seconds since ANALYZE, by hand or by autovacuum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics_age_seconds: Option<u64>,
    /// SQLite: the rows there were when ANALYZE counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysed_rows: Option<u64>,
    /// PostgreSQL: rows changed since ANALYZE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_since_analyze: Option<u64>,
}

/// What a number of rows is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rows {
    /// Counted.
    Exact,
    /// The planner's estimate.
    Estimated,
    /// Nobody has counted, or this role may not.
    #[default]
    Unknown,
}

/// An index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexStats {
    /// Its schema; `main` in SQLite.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Its bytes.
    pub bytes: u64,
    /// Whether it can be used.
    pub valid: bool,
    /// PostgreSQL: how often it was searched since the server's counters were last reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scans: Option<u64>,
}

/// The statistics of `db`. Nothing is written. SQLite reads every page once.
///
/// # Errors
/// [`MaintainError`] where the catalog can't be read. What this role may not see is a note.
pub fn stats(db: &mut Db, options: StatsOptions) -> Result<StatsReport, MaintainError> {
    let mut notes = Vec::new();
    let schema = schema_version(db, &mut notes)?;
    let mut report = match db {
        Db::Sqlite(_) => sqlite::read(db)?,
        Db::Postgres(db) => postgres::read(db, options)?,
    };
    report.schema = schema;
    notes.append(&mut report.notes);
    report.notes = notes;
    report.tables.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| (&a.schema, &a.name).cmp(&(&b.schema, &b.name))));
    report.indexes.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| (&a.schema, &a.name).cmp(&(&b.schema, &b.name))));
    report.statistics_age_seconds = report.tables.iter().filter_map(|table| table.statistics_age_seconds).max();
    let unknown = report.tables.iter().filter(|table| !table.analysed && table.rows != Some(0));
    report.not_analysed = unknown.map(|table| format!("{}.{}", table.schema, table.name)).collect();
    Ok(report)
}

fn schema_version(db: &mut Db, notes: &mut Vec<String>) -> Result<Option<SchemaVersion>, MaintainError> {
    let state = match State::read(db) {
        Ok(state) => state,
        // a role that may look at the sizes need not see the history
        Err(error @ MigrateError::Interrupted { .. }) => return Err(error.into()),
        Err(error) => {
            db.roll_back();
            notes.push(format!("the version of the schema can't be seen: {error}"));
            return Ok(None);
        }
    };
    match &state.standing {
        Standing::Ours { .. } => {}
        Standing::Absent { .. } => return Ok(None),
        _ => {
            notes.push(
                "`schema_migrations` is another tool's: the version of the schema is not read from it".to_owned(),
            );
            return Ok(None);
        }
    }
    let highest = state.applied.iter().max_by_key(|applied| applied.version);
    Ok(Some(SchemaVersion {
        version: highest.map(|applied| applied.version),
        name: highest.map(|applied| applied.name.clone()),
        applied: state.applied.len(),
        unfinished: state.unfinished.len(),
    }))
}
