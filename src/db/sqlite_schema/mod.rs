//! The schema of a SQLite database, read from its pragmas and from the statements that made it.
//!
//! The pragmas have the last word on all that they tell; the statements add what pragmas leave out (constraint names,
//! CHECKs, expressions, collations of columns, deferral). Where the two do not fit together, that is an error: nothing
//! is lost silently.

mod asked;
mod assemble;
mod catalog;
mod declaration;
mod foreign_keys;
mod indexes;
mod keys;
mod table;
mod terms;
mod text;
mod written;

#[cfg(test)]
mod tests;

pub(crate) use self::asked::Asked;
use super::{SqlError, SqliteDb};
use crate::schema::Schema;

impl SqliteDb {
    /// The schema of the main database: temporary objects and attached databases are left out. All of it is of one
    /// moment; in an open transaction it is what that transaction sees.
    ///
    /// # Errors
    /// [`SqlError`] where the database can't be read, or where a declaration can't be understood: the message names
    /// the table.
    pub fn schema(&self) -> Result<Schema, SqlError> {
        let asked = self.of_one_moment(|| Asked::read(self, Reading::Strictly))?;
        asked.schema().map(|(schema, _)| schema)
    }

    /// The same for one who can do with what the pragmas tell: where a statement can't be understood, what it alone
    /// tells (names of constraints, CHECKs, deferral, expressions) is left out, or a `?`. Those tables are named.
    ///
    /// # Errors
    /// [`SqlError`] where the database can't be read.
    pub(crate) fn lenient_schema(&self) -> Result<(Schema, Vec<String>), SqlError> {
        self.ask_schema()?.schema()
    }

    /// What [`Self::lenient_schema`] asks SQLite for: the rest is done without the connection.
    ///
    /// # Errors
    /// [`SqlError`] where the database can't be read.
    pub(crate) fn ask_schema(&self) -> Result<Asked, SqlError> {
        self.of_one_moment(|| Asked::read(self, Reading::Leniently))
    }

    /// Runs what reads in a transaction, where none is open.
    pub(crate) fn of_one_moment<T, E: From<SqlError>>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if self.in_transaction() {
            return read();
        }
        self.command("BEGIN")?;
        let read = read();
        let ended = self.command("ROLLBACK");
        let read = read?;
        ended.map(|()| read).map_err(E::from)
    }

    fn command(&self, sql: &str) -> Result<(), SqlError> {
        self.each_row(sql, &[], |_| Ok::<_, SqlError>(std::ops::ControlFlow::Continue(())))
    }
}

/// What becomes of statements that can't be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// An error.
    Strictly,
    /// The pragmas have to do.
    Leniently,
}

/// A table whose declaration can't be made sense of.
fn unreadable(table: &str, why: &str) -> SqlError {
    SqlError::other(format!("the declaration of table `{table}` can't be understood: {why}"))
}
