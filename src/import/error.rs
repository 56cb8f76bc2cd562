//! What can go wrong in an import or export.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::crypt::CryptError;
use crate::db::{DbError, ErrorClass, IsOwn, SqlError};
use crate::error;

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
    pub fn kind(&self) -> error::ErrorKind {
        match self {
            Self::Mapping { .. } | Self::Key { .. } => error::ErrorKind::Usage,
            Self::Interrupted { .. } => error::ErrorKind::Interrupted,
            _ => error::ErrorKind::Failed,
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
            Self::Read { source, .. } => Some(of_reading(source.kind()).to_owned()),
            Self::Write { source, .. } => Some(of_writing(source.kind()).to_owned()),
            Self::BadRecord { .. } => Some(
                "mend the file, or say `bad: quarantine` in its source of the mapping, which puts such records aside; the \
                 same command goes on where it was"
                    .to_owned(),
            ),
            Self::Sql { source, .. } => of_database(source).map(str::to_owned),
            Self::Interrupted { .. } => None,
        }
    }
}

impl From<IsOwn> for ImportError {
    fn from(error: IsOwn) -> Self {
        Self::Mapping { message: error.to_string(), hint: Some(error.hint()) }
    }
}

/// What to do about a file that can't be read.
fn of_reading(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => {
            "see that the path is right and that nothing moves files meanwhile; then say the same command again"
        }
        ErrorKind::PermissionDenied => {
            "let the user who runs this read it (`chmod`, or a group), or leave it out by `files:` of the mapping; the same \
             command goes on where it was"
        }
        _ => "see whether another program can read it; the same command goes on where it was",
    }
}

/// What to do about a file that can't be written.
fn of_writing(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on its disk, then say the same command again",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "let the user who runs this write there, then say the same command again"
        }
        _ => "see whether another program can write there, then say the same command again",
    }
}

/// What to do about what a database says of itself.
fn of_database(error: &SqlError) -> Option<&'static str> {
    match error.code.as_deref() {
        Some("SQLITE_FULL" | "53100") => Some(
            "make room on the database's disk; the batches before this one are in, and the same command goes on from there",
        ),
        Some("42501") => Some("give the role the privilege that it lacks (`GRANT`), then say the same command again"),
        _ => match error.class {
            ErrorClass::ConnectionLost | ErrorClass::Cancelled => {
                Some("what was committed is in; the same command goes on from there")
            }
            ErrorClass::LockTimeout => {
                Some("another session holds what is needed; the same command goes on once that has ended")
            }
            ErrorClass::ReadOnly => Some("name a database that can be written to, the primary rather than a standby"),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::SqlFacts;

    #[test]
    fn what_can_be_mended_has_a_next_step() {
        let of = |code: &str| {
            let facts =
                SqlFacts { code: Some(code.to_owned()), message: "disk full".to_owned(), ..SqlFacts::default() };
            ImportError::Sql { doing: "write a batch of records".to_owned(), source: facts.into() }.hint()
        };
        for full in ["SQLITE_FULL", "53100"] {
            assert!(of(full).is_some_and(|hint| hint.contains("make room") && hint.contains("goes on")), "{full}");
        }
        let locked = ImportError::Read { path: "d/locked".into(), source: ErrorKind::PermissionDenied.into() };
        assert!(locked.hint().is_some_and(|hint| hint.contains("files:")));
        let empty = ImportError::BadRecord { place: "o.json".to_owned(), reason: "the file is empty".to_owned() };
        assert!(empty.hint().is_some_and(|hint| hint.contains("bad: quarantine")));
    }
}
