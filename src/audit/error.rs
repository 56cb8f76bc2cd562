//! What can go wrong in an audit.

use crate::db::{DbError, SqlError};
use crate::migrate::layout::LayoutError;

/// Why an audit did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no connection.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The catalog can't be read.
    #[error("cannot read {what}")]
    Read {
        /// What of it.
        what: String,
        /// What the database says.
        #[source]
        source: SqlError,
    },
    /// The catalog's answer is not what was asked for.
    #[error("the answer about {what} can't be understood: {why}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The migration can't be written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An option that makes no sense.
    #[error("{message}")]
    Usage {
        /// What does not.
        message: String,
        /// What does.
        hint: String,
    },
}

impl AuditError {
    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Db(error) => error.hint(),
            Self::Layout(error) => error.hint(),
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Read { .. } | Self::Answer { .. } => None,
        }
    }
}
