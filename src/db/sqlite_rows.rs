//! Rows of SQLite as they are stored, and whole copies of a database.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::sqlite::describe;
use super::{SqlError, SqliteDb};
use crate::value::SqlValue;

/// A row of a SELECT, borrowed until the next is asked for.
#[derive(Debug)]
pub struct Row<'a>(&'a rusqlite::Row<'a>);

impl Row<'_> {
    /// The value of the column at `at`, from 0; NULL where there is no such column.
    #[must_use]
    pub fn get(&self, at: usize) -> SqlValue<'_> {
        match self.0.get_ref(at) {
            Ok(ValueRef::Integer(integer)) => SqlValue::Integer(integer),
            Ok(ValueRef::Real(real)) => SqlValue::Real(real),
            Ok(ValueRef::Text(text)) => SqlValue::Text(text),
            Ok(ValueRef::Blob(blob)) => SqlValue::Blob(blob),
            Ok(ValueRef::Null) | Err(_) => SqlValue::Null,
        }
    }
}

fn value_ref(value: SqlValue<'_>) -> ValueRef<'_> {
    match value {
        SqlValue::Null => ValueRef::Null,
        SqlValue::Integer(integer) => ValueRef::Integer(integer),
        SqlValue::Real(real) => ValueRef::Real(real),
        SqlValue::Text(text) => ValueRef::Text(text),
        SqlValue::Blob(blob) => ValueRef::Blob(blob),
    }
}

impl SqliteDb {
    /// Runs one SELECT and hands each of its rows to `each`, until that breaks off or fails.
    ///
    /// # Errors
    /// [`SqlError`] of the statement, made the caller's own, or what `each` fails with.
    pub fn each_row<E: From<SqlError>>(
        &self,
        sql: &str,
        parameters: &[SqlValue<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let failed = |error: rusqlite::Error| E::from(describe(&error, None, 0));
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let parameters = parameters.iter().map(|value| ToSqlOutput::Borrowed(value_ref(*value)));
        let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            if each(&Row(row))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The names of the columns that a SELECT gives.
    ///
    /// # Errors
    /// [`SqlError`] where it is none, or more than one statement.
    pub(crate) fn column_names(&self, sql: &str) -> Result<Vec<String>, SqlError> {
        let statement = self.connection.prepare(sql).map_err(|error| describe(&error, None, 0))?;
        Ok(statement.column_names().map(str::to_owned).collect())
    }

    /// Runs one statement that gives no rows, and says how many rows it has changed. Its text is kept prepared.
    ///
    /// # Errors
    /// [`SqlError`] of the statement.
    pub fn write(&self, sql: &str, parameters: &[SqlValue<'_>]) -> Result<usize, SqlError> {
        let failed = |error: rusqlite::Error| describe(&error, None, 0);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let parameters = parameters.iter().map(|value| ToSqlOutput::Borrowed(value_ref(*value)));
        statement.execute(rusqlite::params_from_iter(parameters)).map_err(failed)
    }

    /// Runs one statement for each of these sets of parameters, and tells `each` the set's place and how many rows it has
    /// changed.
    ///
    /// # Errors
    /// [`SqlError`] of the statement, or what `each` fails with; what comes after is not run.
    pub(crate) fn write_each<'v, P: Iterator<Item = SqlValue<'v>>>(
        &self,
        sql: &str,
        sets: impl Iterator<Item = P>,
        mut each: impl FnMut(usize, usize) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let failed = |error: rusqlite::Error| describe(&error, None, 0);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        for (at, set) in sets.enumerate() {
            let parameters = set.map(|value| ToSqlOutput::Borrowed(value_ref(value)));
            let changed = statement.execute(rusqlite::params_from_iter(parameters)).map_err(failed)?;
            each(at, changed)?;
        }
        Ok(())
    }

    /// The collation by which a column of the main database compares.
    ///
    /// # Errors
    /// [`SqlError`] where there is no such column.
    pub(crate) fn collation(&self, table: &str, column: &str) -> Result<String, SqlError> {
        match self.connection.column_metadata(Some("main"), table, column) {
            Ok((_, collation, ..)) => {
                Ok(collation.map_or_else(|| "BINARY".to_owned(), |name| name.to_string_lossy().into_owned()))
            }
            Err(error) => Err(describe(&error, None, 0)),
        }
    }

    /// Copies the main database to the file `to`, which must not exist yet, in the state that this connection reads.
    ///
    /// # Errors
    /// [`SqlError`] where it can't be read, or the copy not be written; what was written of it is removed.
    pub fn back_up(&self, to: &Path) -> Result<(), SqlError> {
        if to.exists() {
            return Err(SqlError::other(format!("`{}` exists already; it was left as it is", to.display())));
        }
        let copy = || -> rusqlite::Result<()> {
            let mut target = Connection::open(to)?;
            // all of it in one step: between steps a writer would make it begin again
            rusqlite::backup::Backup::new(&self.connection, &mut target)?.step(-1).map(drop)
        };
        copy().map_err(|error| {
            for suffix in ["", "-journal", "-wal", "-shm"] {
                let mut name = to.as_os_str().to_owned();
                name.push(suffix);
                drop(std::fs::remove_file(name));
            }
            describe(&error, None, 0)
        })
    }
}
