//! Rows of a catalog as they come: text, read by place.

use std::str::FromStr;

use crate::audit::AuditError;
use crate::db::{BorrowedRow, PostgresDb, SqlError};

/// A row, and what it tells of.
pub(super) struct Cells<'a> {
    row: &'a BorrowedRow<'a>,
    what: &'static str,
}

/// The error of a message's statement, or one of ours.
struct Failure(Result<SqlError, AuditError>);

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self(Ok(error))
    }
}

/// Sends `sql` as one message and hands out its rows, each with the number of results before its own.
pub(super) fn ask(
    db: &mut PostgresDb,
    what: &'static str,
    sql: &str,
    mut each: impl FnMut(usize, Cells<'_>) -> Result<(), AuditError>,
) -> Result<(), AuditError> {
    let read = db.read_each(sql, |nth, row| each(nth, Cells { row, what }).map_err(|error| Failure(Err(error))));
    read.map_err(|Failure(error)| match error {
        Ok(source) => AuditError::Read { what: what.to_owned(), source },
        Err(error) => error,
    })
}

impl<'a> Cells<'a> {
    /// A text; `None` for NULL.
    pub fn option(&self, at: usize) -> Option<&'a str> {
        self.row.get(at)
    }

    /// A text that is never NULL.
    pub fn text(&self, at: usize) -> Result<&'a str, AuditError> {
        self.option(at).ok_or_else(|| self.nonsense(at, "is NULL"))
    }

    /// The one character of a `"char"`.
    pub fn letter(&self, at: usize) -> Result<char, AuditError> {
        self.text(at)?.chars().next().ok_or_else(|| self.nonsense(at, "is empty"))
    }

    /// A boolean; NULL is false.
    pub fn flag(&self, at: usize) -> bool {
        self.option(at) == Some("t")
    }

    /// A number.
    pub fn number<T: FromStr>(&self, at: usize) -> Result<T, AuditError> {
        self.parse(at, self.text(at)?)
    }

    /// A number, or NULL.
    pub fn number_or_null<T: FromStr>(&self, at: usize) -> Result<Option<T>, AuditError> {
        self.option(at).map(|text| self.parse(at, text)).transpose()
    }

    /// Numbers with spaces between them, as vectors are written; none for NULL.
    pub fn numbers<T: FromStr>(&self, at: usize) -> Result<Vec<T>, AuditError> {
        self.option(at).unwrap_or_default().split_ascii_whitespace().map(|text| self.parse(at, text)).collect()
    }

    fn parse<T: FromStr>(&self, at: usize, text: &str) -> Result<T, AuditError> {
        text.parse().map_err(|_| self.nonsense(at, &format!("is `{text}`")))
    }

    fn nonsense(&self, at: usize, why: &str) -> AuditError {
        AuditError::Answer { what: self.what.to_owned(), why: format!("field {} {why}", at + 1) }
    }
}
