//! `liftlock_cleanup_log`: every run of every policy, whatever came of it.

use jiff::Timestamp;

use super::super::MaintainError;
use super::bind::Bound;
use super::report::PolicyReport;
use crate::Dialect;
use crate::db::Db;
use crate::migrate::Who;

/// The table's name.
pub const LOG: &str = "liftlock_cleanup_log";

/// A row of the log.
#[derive(Debug)]
pub(super) struct Entry {
    id: String,
}

/// Makes the table where it is missing. On PostgreSQL it is in the first schema of the search path.
pub(super) fn make(db: &mut Db) -> Result<(), MaintainError> {
    let id = match db.dialect() {
        Dialect::Sqlite => "INTEGER PRIMARY KEY",
        Dialect::Postgres => "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    };
    // a CREATE … IF NOT EXISTS of a table that is there says so each time
    let there = match db.dialect() {
        Dialect::Sqlite => format!("SELECT 1 FROM main.sqlite_schema WHERE name = '{LOG}'"),
        Dialect::Postgres => format!("SELECT 1 WHERE to_regclass('{LOG}') IS NOT NULL"),
    };
    let failed = || MaintainError::sql(format!("make `{LOG}`"));
    if !db.query(&there).map_err(failed())?.is_empty() {
        return Ok(());
    }
    db.execute(&format!(
        "CREATE TABLE IF NOT EXISTS {LOG} (
  id {id},
  started_on text NOT NULL,
  table_name text NOT NULL,
  action text NOT NULL,
  policy text NOT NULL,
  cut_off text NOT NULL,
  archive text,
  rows_done bigint NOT NULL,
  children_done bigint NOT NULL,
  result text NOT NULL CHECK (result IN ('unfinished', 'done', 'refused', 'failed', 'interrupted')),
  message text,
  duration_ms bigint,
  database_user text,
  os_user text,
  host text,
  liftlock_version text NOT NULL
)"
    ))
    .map_err(failed())
}

/// Writes that a policy is begun: it stays `unfinished` where the process is killed.
pub(super) fn begin(
    db: &mut Db,
    bound: &Bound<'_>,
    report: &PolicyReport,
    now: Timestamp,
    who: &Who,
) -> Result<Entry, MaintainError> {
    let dialect = db.dialect();
    let literal = |text: &str| dialect.literal(text);
    let or_null = |text: Option<&str>| text.map_or_else(|| "NULL".to_owned(), literal);
    let policy = &bound.policy;
    let condition = policy.condition.as_ref().map(|text| format!(", where {text}")).unwrap_or_default();
    let description = format!("{} older than {}{condition}", policy.age, policy.older_than_text);
    let user = match dialect {
        Dialect::Sqlite => "NULL",
        Dialect::Postgres => "current_user::text",
    };
    let sql = format!(
        "INSERT INTO {LOG} (started_on, table_name, action, policy, cut_off, archive, rows_done, children_done, result, \
         database_user, os_user, host, liftlock_version) VALUES ({}, {}, {}, {}, {}, {}, 0, 0, 'unfinished', {user}, {}, {}, \
         {}) RETURNING id",
        literal(&now.to_string()),
        literal(&report.table),
        literal(report.action),
        literal(&description),
        literal(&report.cut_off),
        or_null(report.archive.as_deref()),
        or_null(who.os_user.as_deref()),
        or_null(who.host.as_deref()),
        literal(env!("CARGO_PKG_VERSION")),
    );
    let rows = db.query(&sql).map_err(MaintainError::sql(format!("write to `{LOG}`")))?;
    let id = rows.into_iter().next().and_then(|row| row.into_iter().next().flatten());
    Ok(Entry { id: id.unwrap_or_else(|| "NULL".to_owned()) })
}

impl Entry {
    /// Counts a batch, in the transaction of the batch.
    pub fn count(&self, db: &mut Db, rows: u64, children: u64) -> Result<(), MaintainError> {
        let sql = format!(
            "UPDATE {LOG} SET rows_done = rows_done + {rows}, children_done = children_done + {children} WHERE id = {}",
            self.id
        );
        db.execute(&sql).map_err(MaintainError::sql(format!("write to `{LOG}`")))
    }

    /// Writes what came of it.
    pub fn end(&self, db: &mut Db, result: &str, message: Option<&str>, ms: u128) -> Result<(), MaintainError> {
        let message = message.map_or_else(|| "NULL".to_owned(), |text| db.dialect().literal(text));
        let sql = format!(
            "UPDATE {LOG} SET result = '{result}', message = {message}, duration_ms = {ms} WHERE id = {}",
            self.id
        );
        db.execute(&sql).map_err(MaintainError::sql(format!("write to `{LOG}`")))
    }
}
