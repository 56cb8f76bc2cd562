//! The only place that knows a driver: a live connection, and SQL text run over it.

mod beside;
mod error;
mod own_files;
mod postgres;
mod postgres_bulk;
mod postgres_tls;
pub(crate) mod scratch;
mod snapshot;
mod sqlite;
mod sqlite_copy;
mod sqlite_rows;
mod sqlite_schema;
#[cfg(test)]
mod sqlite_tests;
mod sqlite_wait;

pub use error::{DbError, ErrorClass, SqlError, SqlFacts};
pub(crate) use own_files::resolved;
pub use own_files::{IsOwn, OwnFiles};
pub use postgres::{Answer, PostgresDb, RawRow};
pub use postgres_bulk::{BulkDb, CopyIn};
pub use scratch::ScratchError;
pub use snapshot::{Snapshot, SnapshotError};
pub use sqlite::{Broken, Counted, SqliteDb};
pub use sqlite_copy::CopyStep;
pub use sqlite_rows::Row;

use std::time::Duration;

use crate::Dialect;
use crate::config::Target;
use crate::interrupt::Interrupt;

/// One row as text: bookkeeping needs no more, and both databases print their integers alike.
pub type TextRow = Vec<Option<String>>;

/// A connection to PostgreSQL, whichever driver's, over which text is run.
pub trait Statements {
    /// Runs the statements of `sql` as one message.
    ///
    /// # Errors
    /// [`SqlError`] of the first statement that fails.
    fn execute(&mut self, sql: &str) -> Result<(), SqlError>;

    /// Runs the statements of `sql` in one message and gives the rows of each.
    ///
    /// # Errors
    /// As [`Statements::execute`].
    fn query_each(&mut self, sql: &str) -> Result<Vec<Vec<TextRow>>, SqlError>;

    /// Runs the statements of `sql` in one message and gives the rows of all of them.
    ///
    /// # Errors
    /// As [`Statements::execute`].
    fn query(&mut self, sql: &str) -> Result<Vec<TextRow>, SqlError> {
        Ok(self.query_each(sql)?.into_iter().flatten().collect())
    }
}

/// A live connection to one of the databases there are.
#[derive(Debug)]
pub enum Db {
    /// SQLite.
    Sqlite(SqliteDb),
    /// PostgreSQL.
    Postgres(PostgresDb),
}

/// How a connection is to be used; what a database has no notion of is left out of account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Nothing will be written: a SQLite file is opened read-only, and read as empty where it is missing.
    Read,
    /// Rows and schema of a database that exists already will be written: a missing SQLite file is an error.
    Existing,
    /// Rows and schema will be written; a SQLite file is created where it is missing.
    #[default]
    Write,
}

impl Db {
    /// Connects to `target`.
    ///
    /// # Errors
    /// [`DbError`] where the file can't be opened or the server can't be reached or refuses.
    pub fn connect(target: &Target, access: Access) -> Result<Self, DbError> {
        match target {
            Target::Sqlite(target) => SqliteDb::open(target, access).map(Self::Sqlite),
            Target::Postgres(target) => PostgresDb::connect(target).map(Self::Postgres),
        }
    }

    /// Waits while another process holds a SQLite file locked against readers, for `patience` at most, and says so after
    /// a moment. A server is not asked: it makes no reader wait.
    ///
    /// # Errors
    /// [`DbError::Connect`] where it stays locked, or a stop is asked for.
    pub fn wait_until_free(target: &Target, patience: Duration, interrupt: &Interrupt) -> Result<(), DbError> {
        match target {
            Target::Sqlite(target) => SqliteDb::wait_until_free(target, patience, interrupt),
            Target::Postgres(_) => Ok(()),
        }
    }

    /// The dialect spoken over this connection.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs every statement of `sql`, in order, and drops their rows. PostgreSQL takes it as one message.
    ///
    /// # Errors
    /// [`SqlError`] of the first statement that fails; an open transaction stays open (and, on PostgreSQL, failed).
    pub fn execute(&mut self, sql: &str) -> Result<(), SqlError> {
        match self {
            Self::Sqlite(db) => db.execute(sql),
            Self::Postgres(db) => db.execute(sql),
        }
    }

    /// Runs the statements of `sql` and gives the rows of all of them.
    ///
    /// # Errors
    /// As [`Db::execute`].
    pub fn query(&mut self, sql: &str) -> Result<Vec<TextRow>, SqlError> {
        match self {
            Self::Sqlite(db) => db.query(sql),
            Self::Postgres(db) => db.query(sql),
        }
    }

    /// Rolls back whatever transaction is open; no error where none is, or where the connection is gone.
    pub fn roll_back(&mut self) {
        let open = match self {
            Self::Sqlite(db) => db.in_transaction(),
            Self::Postgres(_) => true,
        };
        if open && let Err(error) = self.execute("ROLLBACK") {
            tracing::debug!(%error, "roll back");
        }
    }

    /// Leaves a connection that is idle to the end of the process, which comes now. The driver's own way out waits
    /// for the server to close its side, a quarter of the time of a run that has nothing to do. SQLite forgets a large
    /// schema name by name, each looked up anew.
    pub fn leave(self) {
        match self {
            Self::Postgres(db) => std::mem::forget(db),
            Self::Sqlite(db) => db.leave(),
        }
    }

    /// What stops the statement that runs on this connection, callable from another thread.
    #[must_use]
    pub fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        match self {
            Self::Sqlite(db) => db.canceller(),
            Self::Postgres(db) => db.canceller(),
        }
    }
}

/// A SQLite connection that a program has already, `:memory:` ones included.
impl From<rusqlite::Connection> for Db {
    fn from(connection: rusqlite::Connection) -> Self {
        Self::Sqlite(SqliteDb::from(connection))
    }
}
