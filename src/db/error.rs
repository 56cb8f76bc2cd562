//! What a database says when something fails, in one shape for all drivers.

use std::error::Error;
use std::fmt;
use std::ops::Deref;

/// No connection.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The server or the file could not be reached.
    #[error("cannot connect to `{target}`")]
    Connect {
        /// The target, without its password.
        target: String,
        /// The next step, where one is known.
        hint: Option<String>,
        /// What the driver says.
        #[source]
        source: SqlError,
    },
    /// A certificate file could not be used.
    #[error("cannot use the certificates of `{path}`")]
    Certificates {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl DbError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect { hint, .. } => hint.clone(),
            Self::Certificates { .. } => Some("`sslrootcert` takes a file of PEM certificates, or `system`".to_owned()),
        }
    }
}

/// What kind of failure a statement met, as far as a caller acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorClass {
    /// The connection is gone: what the statement did is unknown.
    ConnectionLost,
    /// A lock was not had in time (PostgreSQL 55P03, `SQLITE_BUSY`).
    LockTimeout,
    /// The statement was cancelled (PostgreSQL 57014, `SQLITE_INTERRUPT`).
    Cancelled,
    /// A key that exists already (23505, `SQLITE_CONSTRAINT_PRIMARYKEY`).
    UniqueViolation,
    /// A table or column that isn't there.
    Missing,
    /// The database or its file can't be written.
    ReadOnly,
    /// Anything else.
    #[default]
    Other,
}

/// A statement that failed. The facts are behind a pointer, so that results that carry it stay small.
#[derive(Debug, Default)]
pub struct SqlError(Box<SqlFacts>);

/// What is known of a statement that failed.
#[derive(Debug, Default)]
pub struct SqlFacts {
    /// The database's own message.
    pub message: String,
    /// SQLSTATE, or the name of SQLite's result code.
    pub code: Option<String>,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// More facts, as the server gives them.
    pub detail: Option<String>,
    /// The server's own hint.
    pub hint: Option<String>,
    /// Where in the server: the stack of functions.
    pub context: Option<String>,
    /// The byte offset in the text that was sent.
    pub position: Option<usize>,
    /// The number of statements of the text that had succeeded, where the driver knows.
    pub statements_done: Option<usize>,
    /// The table concerned, where the server names it.
    pub table: Option<String>,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        for (name, text) in [("detail", &self.detail), ("server's hint", &self.hint), ("context", &self.context)] {
            if let Some(text) = text {
                write!(f, "\n    {name}: {text}")?;
            }
        }
        Ok(())
    }
}

impl Error for SqlError {}

impl From<SqlFacts> for SqlError {
    fn from(facts: SqlFacts) -> Self {
        Self(Box::new(facts))
    }
}

impl Deref for SqlError {
    type Target = SqlFacts;

    fn deref(&self) -> &SqlFacts {
        &self.0
    }
}

impl SqlError {
    /// What to do where no other way is known.
    pub(crate) fn next_step(&self) -> Option<&'static str> {
        self.code.as_deref().filter(|code| code.starts_with("SQLITE_CORRUPT")).map(|_| {
            "the file is damaged: keep it, and restore a backup (`liftlock restore`), or save what can be read with the SQLite \
             shell's `.recover`"
        })
    }

    /// The same without the server's details, which may have values in them.
    pub(crate) fn without_detail(mut self) -> Self {
        self.0.detail = None;
        self
    }

    /// A failure that a driver gave no more than a text for.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        SqlFacts { message: message.into(), ..SqlFacts::default() }.into()
    }
}
