//! Why a port did not come to its end. Findings and mismatches are no errors: they stand in the report.

use crate::db::{DbError, ErrorClass, ScratchError, SnapshotError, SqlError};
use crate::error::ErrorKind;
use crate::migrate::MigrateError;
use crate::port::plan::assemble::PlanError;
use crate::port::scan::ScanError;
use crate::port::target::TargetError;

/// Why a port did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The source can't be opened, or not in one state.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The target can't be reached.
    #[error(transparent)]
    Connect(#[from] DbError),
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The target can't be read, or something be done to it.
    #[error(transparent)]
    Catalog(#[from] TargetError),
    /// The project's migrations can't be run, or what they record not be read.
    #[error("cannot {doing}")]
    Migrations {
        /// What was to be done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: Box<MigrateError>,
    },
    /// The source can't be read.
    #[error("cannot read {what} of the source")]
    Source {
        /// What was read.
        what: String,
        /// What SQLite says.
        #[source]
        source: SqlError,
    },
    /// The target refuses.
    #[error("cannot {doing}")]
    Target {
        /// What was to be done.
        doing: String,
        /// What the server says.
        #[source]
        source: SqlError,
    },
    /// The tables can't be made.
    #[error("cannot make the tables")]
    Create(#[source] SqlError),
    /// A row that fits no more, or that the server refuses.
    #[error("table `{table}`, row {key}: {why}")]
    BadRow {
        /// The table in SQLite.
        table: String,
        /// The row's key.
        key: String,
        /// Column, value and reason.
        why: String,
    },
    /// The server has stored another number of rows than were sent.
    #[error("table `{table}`: {sent} rows were sent, and the server says that it stored {stored}")]
    RowsLost {
        /// The table in SQLite.
        table: String,
        /// The rows sent.
        sent: u64,
        /// The rows stored.
        stored: u64,
    },
    /// What the server sends is no row of the table.
    #[error("table `{table}`: the server sends rows that are none of its columns' types")]
    Malformed {
        /// The table in PostgreSQL.
        table: String,
    },
    /// An earlier run into this schema was not finished.
    #[error("a port into this schema was begun at {began} from `{source_file}` and not finished")]
    Unfinished {
        /// When.
        began: String,
        /// From which file.
        source_file: String,
    },
    /// There is no unfinished run.
    #[error("there is no unfinished port in the schema `{schema}` to go on with")]
    NothingToResume {
        /// The schema.
        schema: String,
    },
    /// The source is no longer what the finished batches were copied from.
    #[error("the source has changed since the port began: {}", .tables.join(", "))]
    SourceChanged {
        /// The tables, each with what is different.
        tables: Vec<String>,
    },
    /// A run was to be gone on with from another file, which does not hold what was copied.
    #[error("the port was begun from `{began_from}`, and `{given}` does not hold what was copied from that")]
    OtherSource {
        /// The file that it was begun from.
        began_from: String,
        /// The one that is given now.
        given: String,
    },
    /// Another process ports into this schema.
    #[error("another port into the schema `{schema}` is running")]
    Busy {
        /// The schema.
        schema: String,
    },
    /// A pooler stands between.
    #[error("this connection goes through a pooler, where a session's lock is no lock")]
    Pooler,
    /// A plan document can't be used.
    #[error("cannot use the plan")]
    Document(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Rows that were to be put aside could not be kept until their batch was done.
    #[error("cannot keep rows that are to be put aside in a temporary file")]
    Aside(#[source] std::io::Error),
    /// The target can't take this port.
    #[error("{message}")]
    Unfit {
        /// Why not.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A stop was asked for.
    #[error("interrupted")]
    Interrupted,
    /// It happened in a port in one transaction, of which nothing is left.
    #[error(transparent)]
    RolledBack(Box<PortError>),
    /// It happened in a comparison, which writes nothing.
    #[error(transparent)]
    Compared(Box<PortError>),
    /// It happened in a rehearsal, of which nothing is left.
    #[error(transparent)]
    Rehearsed(Box<PortError>),
}

impl PortError {
    /// What it means to the one who called.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Document(_) | Self::NothingToResume { .. } | Self::Unfinished { .. } => ErrorKind::Usage,
            Self::Interrupted => ErrorKind::Interrupted,
            Self::Migrations { source, .. } if matches!(**source, MigrateError::Interrupted { .. }) => {
                ErrorKind::Interrupted
            }
            Self::Rehearsed(error) | Self::RolledBack(error) | Self::Compared(error) => error.kind(),
            Self::Plan(PlanError::Scan(ScanError::Interrupted)) => ErrorKind::Interrupted,
            Self::Plan(_)
            | Self::Catalog(_)
            | Self::Snapshot(_)
            | Self::Connect(_)
            | Self::Migrations { .. }
            | Self::Source { .. }
            | Self::Target { .. }
            | Self::Create(_)
            | Self::BadRow { .. }
            | Self::RowsLost { .. }
            | Self::Malformed { .. }
            | Self::SourceChanged { .. }
            | Self::OtherSource { .. }
            | Self::Busy { .. }
            | Self::Aside(_)
            | Self::Pooler
            | Self::Unfit { .. } => ErrorKind::Failed,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Snapshot(error) => return error.hint(),
            Self::Connect(error) => return error.hint(),
            Self::Plan(error) => return error.hint(),
            Self::Catalog(error) => return error.hint(),
            Self::Migrations { source, .. } => {
                let own = source.hint().map(|hint| format!("{hint}\n")).unwrap_or_default();
                return Some(format!("{own}`--no-migrations` has the schema translated instead"));
            }
            Self::Source { source, .. } if source.class == ErrorClass::LockTimeout => {
                "another process holds the source locked; wait for it, or port a copy made by its own backup"
            }
            Self::Source { .. } => "`PRAGMA integrity_check` in SQLite's shell tells whether the file is whole",
            Self::Target { source, .. } if source.class == ErrorClass::ConnectionLost => {
                "what was committed is kept: when the server is back, go on with `--resume`"
            }
            Self::Create(_) => "nothing was made; may this role make tables in that schema, and is its name right?",
            Self::Target { .. } => {
                "nothing of the batch in hand is stored; mend it and go on with `--resume`, or take away what was \
                 copied and begin anew with `--restart`"
            }
            Self::BadRow { .. } => {
                "mend the row in the source and use `--restart`, choose another type for the column, or let such rows \
                 be put aside with `--on-error quarantine`"
            }
            Self::RowsLost { .. } => "look for triggers or rules on the table that drop rows",
            Self::Malformed { .. } => "please report this, with the table's definition",
            Self::Unfinished { .. } => "`--resume` goes on with it; `--restart` drops what it made and begins anew",
            Self::NothingToResume { .. } => "leave `--resume` out",
            Self::SourceChanged { .. } => "what is in the target is of two minds now: begin anew with `--restart`",
            Self::OtherSource { .. } => {
                "go on with the file that it was begun from, or begin anew from this one with `--restart`"
            }
            Self::Busy { .. } => "wait for it to end",
            Self::Pooler => "give the server's own address, not the pooler's",
            Self::Document(_) => "`liftlock port … --plan-out FILE` writes one that can be edited",
            Self::Aside(_) => "make room in the folder for temporary files (`TMPDIR`), and go on with `--resume`",
            Self::Unfit { hint, .. } => return Some(hint.clone()),
            Self::RolledBack(error) => match &**error {
                Self::Interrupted => "all of it was rolled back; begin it again",
                Self::BadRow { .. } => {
                    "all of it was rolled back: mend the row in the source, choose another type for the column, or let \
                     such rows be put aside with `--on-error quarantine`"
                }
                Self::Target { .. } => "all of it was rolled back; mend it and begin again",
                error => return error.hint(),
            },
            Self::Compared(error) => match &**error {
                Self::Interrupted | Self::Plan(PlanError::Scan(ScanError::Interrupted)) => {
                    "nothing was written; compare again"
                }
                Self::Target { source, .. } if source.class == ErrorClass::ConnectionLost => {
                    "nothing was written; when the server is back, compare again"
                }
                Self::Target { .. } => "nothing was written; mend it and compare again",
                error => return error.hint(),
            },
            Self::Rehearsed(error) => match &**error {
                Self::Interrupted | Self::Plan(PlanError::Scan(ScanError::Interrupted)) => {
                    "nothing is left of the rehearsal; begin it again"
                }
                Self::BadRow { .. } => {
                    "a real run would stop here too: mend the row in the source, choose another type for the column, or \
                     let such rows be put aside with `--on-error quarantine`"
                }
                Self::Target { source, .. } if source.class == ErrorClass::ConnectionLost => {
                    "nothing of the target was touched; when the server is back, rehearse again"
                }
                Self::Target { .. } => "a real run would stop here too; nothing of the target was touched",
                error => return error.hint(),
            },
            Self::Interrupted => "go on with `--resume`, or begin anew with `--restart`",
        };
        Some(hint.to_owned())
    }

    pub(crate) fn source(what: impl Into<String>, source: SqlError) -> Self {
        if source.class == ErrorClass::Cancelled {
            return Self::Interrupted;
        }
        Self::Source { what: what.into(), source }
    }

    pub(crate) fn target(doing: impl Into<String>, source: SqlError) -> Self {
        Self::Target { doing: doing.into(), source }
    }
}

impl From<ScratchError> for PortError {
    fn from(error: ScratchError) -> Self {
        match error {
            ScratchError::Connect(error) => Self::Connect(error),
            ScratchError::Sql { doing, source } => Self::Target { doing, source },
            ScratchError::Unfit { message, hint } => Self::Unfit { message, hint },
            ScratchError::Interrupted => Self::Interrupted,
        }
    }
}
