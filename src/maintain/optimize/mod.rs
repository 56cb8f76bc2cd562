//! `optimize`: statistics for the planner, room that is used again, indexes that can be used; what each step gained.
//!
//! ```text
//! look at sizes and counters → steps, each with its reason → run them one by one → look again
//! ```

mod postgres;
mod run;
mod sqlite;

use std::path::PathBuf;

use serde::Serialize;

use super::MaintainError;
use crate::Dialect;
use crate::db::Db;
use crate::interrupt::Interrupt;

/// What is done.
#[derive(Debug, Clone, Default)]
pub struct OptimizeOptions {
    /// Rewrite the storage, under locks that keep others out: SQLite's `VACUUM`, PostgreSQL's `VACUUM FULL`.
    pub full: bool,
    /// SQLite: write a compact copy into this file, which must not be there yet.
    pub vacuum_into: Option<PathBuf>,
}

/// One step, and what it gained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptimizeStep {
    /// The statement.
    pub sql: String,
    /// What it works on: the database, a table or an index.
    pub subject: String,
    /// Why.
    pub why: String,
    /// Whom it keeps from what; `None` where readers and writers go on.
    pub locks: Option<String>,
    /// What became of it.
    pub result: StepResult,
    /// What the database says where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Before it.
    pub before: Option<Measure>,
    /// After it.
    pub after: Option<Measure>,
    /// Whether its transaction begins by itself, or it is a pragma; how [`Measure`] is had.
    #[serde(skip)]
    measured: Measured,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepResult {
    /// It would be run.
    Planned,
    /// It was run.
    Done,
    /// It was not had: somebody held a lock.
    Locked,
    /// It failed.
    Failed,
}

/// How large something is, and what is waste of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// Bytes, indexes included where it is a table.
    pub bytes: u64,
    /// PostgreSQL, of tables: dead rows, as far as the server has counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_rows: Option<u64>,
    /// SQLite: tables that have statistics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysed_tables: Option<u64>,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Measured {
    /// SQLite's file and statistics.
    File,
    /// A copy that is made.
    Copy(PathBuf),
    /// A relation of PostgreSQL's.
    Relation(String),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptimizeReport {
    /// The kind of database.
    pub dialect: Dialect,
    /// Whether any step failed or did not get its lock.
    pub failed: bool,
    /// The steps in order.
    pub steps: Vec<OptimizeStep>,
    /// What could be done besides, and what this role may not do.
    pub notes: Vec<String>,
}

/// The steps that [`optimize`] would take now, with their reasons. Nothing is written.
///
/// # Errors
/// [`MaintainError`] where the catalog can't be read, or there is no room for a step.
pub fn plan(db: &mut Db, options: &OptimizeOptions) -> Result<OptimizeReport, MaintainError> {
    let dialect = db.dialect();
    let (steps, notes) = match db {
        Db::Sqlite(_) => sqlite::plan(db, options)?,
        Db::Postgres(db) => postgres::plan(db, options)?,
    };
    Ok(OptimizeReport { dialect, failed: false, steps, notes })
}

/// Runs the steps of a `plan` one by one; each that fails is noted, and the others go on. `begun` is told of each.
///
/// # Errors
/// [`MaintainError`] where the connection is lost or a stop is asked for; what is done by then stays.
pub fn optimize(
    db: &mut Db,
    plan: OptimizeReport,
    interrupt: &Interrupt,
    begun: &dyn Fn(&OptimizeStep),
) -> Result<OptimizeReport, MaintainError> {
    run::run(db, plan, interrupt, begun)
}
