//! Asking a database, and reading its answer by place.

use std::str::FromStr;

use super::MaintainError;
use crate::db::{Db, PostgresDb, SqlError, TextRow};

/// The rows of a query; `doing` is said where it fails.
pub(super) fn rows(db: &mut Db, doing: &str, sql: &str) -> Result<Vec<TextRow>, MaintainError> {
    db.query(sql).map_err(MaintainError::sql(doing))
}

/// The rows of each statement of a message.
pub(super) fn rows_of_each(
    db: &mut PostgresDb,
    doing: &str,
    sql: &str,
) -> Result<std::vec::IntoIter<Vec<TextRow>>, MaintainError> {
    Ok(db.query_each(sql).map_err(MaintainError::sql(doing))?.into_iter())
}

/// The text at `at`; empty for NULL.
pub(super) fn text(row: &TextRow, at: usize) -> String {
    option(row, at).unwrap_or_default()
}

/// The text at `at`; `None` for NULL.
pub(super) fn option(row: &TextRow, at: usize) -> Option<String> {
    row.get(at).cloned().flatten()
}

/// The number at `at`; `None` for NULL, and for what is no such number (-1 where nobody has counted).
pub(super) fn number<T: FromStr>(row: &TextRow, at: usize) -> Option<T> {
    row.get(at)?.as_deref()?.parse().ok()
}

/// Whether PostgreSQL says `t` at `at`.
pub(super) fn flag(row: &TextRow, at: usize) -> bool {
    row.get(at).and_then(Option::as_deref) == Some("t")
}

/// The rows of one query in a short transaction of its own that can't write, with nothing of anybody's on the search
/// path, so that the server qualifies every name that it writes. Waits 5 s for a lock at most.
pub(super) fn apart(db: &mut PostgresDb, sql: &str) -> Result<Vec<TextRow>, SqlError> {
    let message = format!(
        "BEGIN READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = '5s'; \
         SET LOCAL jit = off; {sql}\n; COMMIT"
    );
    match db.query_each(&message) {
        Ok(results) => Ok(results.into_iter().flatten().collect()),
        Err(error) => {
            // the error that is told is the first one
            let _ = db.execute("ROLLBACK");
            Err(error)
        }
    }
}
