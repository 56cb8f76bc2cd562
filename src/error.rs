//! The error of everything: its kind (→ exit code), and its hint (→ the next step to take).

use crate::audit::AuditError;
use crate::config::ConfigError;
use crate::db::{DbError, IsOwn};
use crate::import::ImportError;
use crate::maintain::MaintainError;
use crate::migrate::MigrateError;
use crate::migrate::layout::LayoutError;
use crate::port::PortError;

/// Anything that can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings can't be resolved.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no connection.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A migrations folder can't be read or written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Migrations were not run.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A port did not come to its end.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Files were not imported, or not written back.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// An operation did not come to its end.
    #[error(transparent)]
    Maintain(#[from] MaintainError),
    /// An audit did not come to its end.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The command was called in a way that makes no sense.
    #[error("{message}")]
    Usage {
        /// What does not.
        message: String,
        /// What does.
        hint: String,
    },
    /// A file of the project can't be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The result can't be printed.
    #[error("cannot print the result")]
    Print(#[source] std::io::Error),
}

/// What an error means to the one who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The call or the configuration is wrong.
    Usage,
    /// The operation failed.
    Failed,
    /// The person stopped it.
    Interrupted,
}

/// The exit codes of the command line.
pub mod exit {
    /// Done; nothing to report.
    pub const DONE: u8 = 0;
    /// Findings, pending work or a mismatch.
    pub const FINDINGS: u8 = 1;
    /// Usage or configuration.
    pub const USAGE: u8 = 2;
    /// The operation failed.
    pub const FAILED: u8 = 3;
    /// Interrupted by SIGINT, SIGTERM or SIGHUP.
    pub const INTERRUPTED: u8 = 130;
}

impl ErrorKind {
    /// The exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => exit::USAGE,
            Self::Failed => exit::FAILED,
            Self::Interrupted => exit::INTERRUPTED,
        }
    }
}

impl Error {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Port(error) => error.kind(),
            Self::Import(error) => error.kind(),
            Self::Maintain(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Config(_) | Self::Usage { .. } => ErrorKind::Usage,
            Self::Migrate(MigrateError::Interrupted { .. }) => ErrorKind::Interrupted,
            Self::Db(_) | Self::Layout(_) | Self::Migrate(_) | Self::Write { .. } | Self::Print(_) => ErrorKind::Failed,
        }
    }

    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Db(error) => error.hint(),
            Self::Layout(error) => error.hint(),
            Self::Migrate(error) => error.hint(),
            Self::Port(error) => error.hint(),
            Self::Import(error) => error.hint(),
            Self::Maintain(error) => error.hint(),
            Self::Audit(error) => error.hint(),
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Write { .. } | Self::Print(_) => None,
        }
    }
}

impl From<IsOwn> for Error {
    fn from(error: IsOwn) -> Self {
        Self::Usage { message: error.to_string(), hint: error.hint() }
    }
}
