//! What can go wrong in the upkeep of a database.

use std::path::PathBuf;

use crate::db::{DbError, ErrorClass, IsOwn, SqlError};
use crate::error::ErrorKind;
use crate::interrupt::Interrupt;
use crate::migrate::MigrateError;

/// Why an operation did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum MaintainError {
    /// There is no connection.
    #[error(transparent)]
    Db(#[from] DbError),
    /// What is recorded of migrations can't be read.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The database refused.
    #[error("cannot {doing}")]
    Sql {
        /// What was being done.
        doing: String,
        /// What it says.
        #[source]
        source: SqlError,
    },
    /// A file can't be read, written or renamed.
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It can't be done as things stand, and nothing was.
    #[error("{message}")]
    Refused {
        /// Why not.
        message: String,
        /// The next step.
        hint: String,
    },
    /// It was begun and failed; what is left is said.
    #[error("{message}")]
    Failed {
        /// What happened, and what is left.
        message: String,
        /// The next step.
        hint: Option<String>,
    },
    /// The person stopped it.
    #[error("interrupted; {kept}")]
    Interrupted {
        /// What is kept, and how to go on.
        kept: String,
    },
}

impl MaintainError {
    /// An error of the database's while `doing` something.
    pub fn sql(doing: impl Into<String>) -> impl FnOnce(SqlError) -> Self {
        let doing = doing.into();
        move |source| Self::Sql { doing, source }
    }

    /// That a migration, an import or another restore has the database to itself.
    pub(crate) fn busy(holder: &str) -> Self {
        Self::Refused {
            message: format!("another run works on this database: {holder}; nothing was changed"),
            hint: "wait until it has ended, or stop it".to_owned(),
        }
    }

    /// This error, or that a stop was asked for, where a statement was cancelled for that; `kept` is what is left.
    #[must_use]
    pub fn or_interrupted(self, interrupt: &Interrupt, kept: &str) -> Self {
        match &self {
            Self::Sql { source, .. } if interrupt.is_set() && source.class == ErrorClass::Cancelled => {
                Self::Interrupted { kept: kept.to_owned() }
            }
            _ => self,
        }
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Interrupted { .. } => ErrorKind::Interrupted,
            Self::Refused { .. } => ErrorKind::Usage,
            _ => ErrorKind::Failed,
        }
    }

    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Db(error) => error.hint(),
            Self::Migrate(error) => error.hint(),
            Self::Refused { hint, .. } => Some(hint.clone()),
            Self::Failed { hint, .. } => hint.clone(),
            Self::File { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => Some("there is no such file or folder: is the path right?".to_owned()),
                std::io::ErrorKind::PermissionDenied => {
                    Some("run it as a user who may, or change its rights".to_owned())
                }
                std::io::ErrorKind::StorageFull => Some("make room, or name a place on another disk".to_owned()),
                _ => None,
            },
            Self::Sql { source, .. } => source.next_step().map(str::to_owned),
            Self::Interrupted { .. } => None,
        }
    }
}

/// An error of the database's while rows are read one by one.
impl From<SqlError> for MaintainError {
    fn from(source: SqlError) -> Self {
        Self::Sql { doing: "read the rows".to_owned(), source }
    }
}

impl From<IsOwn> for MaintainError {
    fn from(error: IsOwn) -> Self {
        Self::Refused { message: error.to_string(), hint: error.hint() }
    }
}
