//! What can go wrong in an import or export.

use std::path::PathBuf;

use crate::crypt::CryptError;
use crate::db::{DbError, IsOwn, SqlError};
use crate::error::ErrorKind;

/// Why an import or export did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no connection.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The mapping can't be understood; what is shown has line, column and snippet.
    #[error("{message}")]
    Mapping {
        /// What is wrong, where.
        message: String,
        /// The next step.
        hint: Option<String>,
    },
    /// A file can't be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file can't be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The database refused.
    #[error("cannot {doing}")]
    Sql {
        /// What was being done.
        doing: String,
        /// What it says.
        #[source]
        source: SqlError,
    },
    /// The key is missing or none, or values were encrypted with another.
    #[error("cannot {doing}")]
    Key {
        /// What it is for.
        doing: String,
        /// What is wrong with it.
        #[source]
        source: CryptError,
    },
    /// A record is bad, and bad records stop the import.
    #[error("{place}: {reason}")]
    BadRecord {
        /// File, pointer or line.
        place: String,
        /// Why.
        reason: String,
    },
    /// The person stopped it.
    #[error("interrupted; {kept}")]
    Interrupted {
        /// What is kept, and how to go on.
        kept: String,
    },
}

impl ImportError {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Mapping { .. } | Self::Key { .. } => ErrorKind::Usage,
            Self::Interrupted { .. } => ErrorKind::Interrupted,
            _ => ErrorKind::Failed,
        }
    }

    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Db(error) => error.hint(),
            Self::Mapping { hint, .. } => hint.clone(),
            Self::Key { source: CryptError::NoKey | CryptError::BadKey, .. } => {
                Some("`export LIFTLOCK_KEY=\"$(liftlock import --generate-key)\"` makes one, and keep it safe; what is encrypted already \
                      needs the key of then"
                    .to_owned())
            }
            Self::Key { source, .. } => source.hint(),
            _ => None,
        }
    }
}

impl From<IsOwn> for ImportError {
    fn from(error: IsOwn) -> Self {
        Self::Mapping { message: error.to_string(), hint: Some(error.hint()) }
    }
}
