//! SQLite → PostgreSQL: schema and data, every value proven.
//!
//! ```text
//! source (one snapshot) → scan → plan → create → copy → read back and compare → finish → report
//! ```
//! `scan` reads every value once. `plan` is plain data, decided from the schema, the scan and the target; nothing is
//! decided while copying.

pub mod batch;
mod bookkeeping;
pub mod checkpoint;
mod compare;
pub mod copy;
pub mod emit;
pub mod error;
pub mod html;
mod object_kind;
pub mod options;
mod patterns;
pub mod plan;
pub mod progress;
pub mod rehearse;
pub mod report;
pub mod row;
mod run;
pub mod scan;
mod side_by_side;
pub mod target;
pub mod translate;
pub mod verify;

use std::path::PathBuf;
use std::time::Duration;

pub use compare::{Comparison, compare};
pub use error::PortError;
pub use object_kind::ObjectKind;
pub use options::Options;
pub use report::Report;
pub use run::{dry_run, port};

use crate::config::{PostgresTarget, SqliteTarget};
use crate::interrupt::Interrupt;
use crate::migrate::Migrator;
use batch::BatchSize;
use copy::OnError;
use plan::Plan;
use progress::Observer;

/// A port that is to be done.
#[derive(Debug)]
pub struct Port<'a> {
    /// The source.
    pub source: SqliteTarget,
    /// The target.
    pub target: PostgresTarget,
    /// What shapes the plan.
    pub options: Options,
    /// The migrations that make the target's schema, where the source records that it was made by them; `None`: the
    /// schema is translated.
    pub migrations: Option<Migrator>,
    /// A plan that a person has edited.
    pub plan: Option<Plan>,
    /// How many connections work at once to either side.
    pub jobs: usize,
    /// What a batch holds at most.
    pub batch_size: BatchSize,
    /// Go on with a run that was not finished.
    pub resume: bool,
    /// Drop what an unfinished run made, and begin anew.
    pub restart: bool,
    /// All or nothing: one transaction, one connection.
    pub single_transaction: bool,
    /// What becomes of rows that can't be stored.
    pub on_error: OnError,
    /// The file that rows put aside are written to, a JSON object a line, besides the table that has them.
    pub quarantine_file: Option<PathBuf>,
    /// Copy the source to this file first, and port (and later resume) from that.
    pub snapshot: Option<PathBuf>,
    /// How long to wait for locks of the source's.
    pub patience: Duration,
    /// A request to stop.
    pub interrupt: Interrupt,
    /// Who is told of progress.
    pub observer: Observer<'a>,
}
