//! Reset: everything that a database holds is dropped, in one transaction, so that migrations begin from nothing.

use std::time::Duration;

use serde::Serialize;

use super::MaintainError;
use super::name::database_name;
use crate::Dialect;
use crate::crash;
use crate::db::{Db, ErrorClass, SqlError};
use crate::interrupt::Interrupt;
use crate::migrate::RunLock;

/// What was dropped, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ResetReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// The database's name, which a person types in.
    pub database: String,
    /// What is dropped, in that order; what goes with something else (indexes, triggers, columns' sequences, all that is
    /// in a schema which goes) is not named.
    pub objects: Vec<ResetObject>,
}

/// Something that is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResetObject {
    /// `table`, `view`, `schema`, ….
    pub kind: String,
    /// Its name, on PostgreSQL with its schema.
    pub name: String,
    /// The statement that drops it.
    pub sql: String,
}

/// How long to wait for locks of others, and what asks to stop.
#[derive(Debug, Clone)]
pub struct ResetOptions {
    /// How long a statement waits for a lock.
    pub lock_timeout: Duration,
    /// What asks it to stop.
    pub interrupt: Interrupt,
}

/// What a reset would drop.
///
/// # Errors
/// [`MaintainError::Sql`] where the catalog can't be read.
pub fn plan(db: &mut Db) -> Result<ResetReport, MaintainError> {
    let database = database_name(db)?;
    let objects = objects(db).map_err(MaintainError::sql("read what there is"))?;
    Ok(ResetReport { dry_run: true, database, objects })
}

/// Drops everything. Whether that is meant, and the database is not protected, is the caller's to see to.
///
/// # Errors
/// [`MaintainError`] where something can't be dropped: then nothing was.
pub fn run(db: &mut Db, options: &ResetOptions) -> Result<ResetReport, MaintainError> {
    let _work = options.interrupt.work();
    let running = options.interrupt.while_running(db.canceller());
    let result = drop_all(db, options);
    drop(running);
    if result.is_err() {
        db.roll_back();
    }
    match result {
        Err(MaintainError::Sql { source, .. })
            if source.class == ErrorClass::Cancelled && options.interrupt.is_set() =>
        {
            Err(MaintainError::Interrupted { kept: "nothing was dropped".to_owned() })
        }
        other => other,
    }
}

fn drop_all(db: &mut Db, options: &ResetOptions) -> Result<ResetReport, MaintainError> {
    let database = database_name(db)?;
    // a migration that goes on under a database that is emptied would record what is no longer there
    let lock = match db {
        Db::Sqlite(_) => Some(alone(db, options)?),
        Db::Postgres(_) => None,
    };
    let begin = match db {
        Db::Sqlite(db) => {
            db.wait(options.lock_timeout, &options.interrupt);
            // with them on, dropping a table deletes its rows first, and what refers to them
            "PRAGMA foreign_keys = off; BEGIN IMMEDIATE".to_owned()
        }
        Db::Postgres(_) => {
            format!("BEGIN; SET LOCAL lock_timeout = {}", options.lock_timeout.as_millis().min(i32::MAX as u128))
        }
    };
    db.execute(&begin).map_err(MaintainError::sql("begin"))?;
    let _lock = match lock {
        Some(lock) => lock,
        None => alone(db, options)?,
    };
    let objects = objects(db).map_err(MaintainError::sql("read what there is"))?;
    for object in &objects {
        db.execute(&object.sql).map_err(|source| {
            // the transaction is rolled back as a whole
            MaintainError::sql(format!("drop {} {}; nothing was dropped", object.kind, object.name))(source)
        })?;
    }
    crash::point("reset-commit");
    db.execute("COMMIT").map_err(MaintainError::sql("commit; nothing was dropped"))?;
    Ok(ResetReport { dry_run: false, database, objects })
}

/// The lock of migrations and imports; on PostgreSQL that of the transaction.
fn alone(db: &mut Db, options: &ResetOptions) -> Result<RunLock, MaintainError> {
    RunLock::beside_none(db, options.lock_timeout, &options.interrupt)?.map_err(|holder| MaintainError::busy(&holder))
}

fn objects(db: &mut Db) -> Result<Vec<ResetObject>, SqlError> {
    match db.dialect() {
        Dialect::Sqlite => sqlite(db),
        Dialect::Postgres => {
            let rows = db.query(include_str!("objects.sql"))?;
            let object = |row: Vec<Option<String>>| {
                let mut fields = row.into_iter().map(Option::unwrap_or_default);
                let mut next = || fields.next().unwrap_or_default();
                ResetObject { kind: next(), name: next(), sql: next() }
            };
            Ok(rows.into_iter().map(object).collect())
        }
    }
}

/// Views first, then tables; a virtual table takes along those that it keeps its data in. `sqlite_sequence` can't be
/// dropped, and is empty when the tables are gone.
fn sqlite(db: &mut Db) -> Result<Vec<ResetObject>, SqlError> {
    let rows = db.query(
        "SELECT s.type, s.name, l.type FROM main.sqlite_schema AS s \
         LEFT JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = s.name \
         WHERE s.type IN ('table', 'view') AND coalesce(l.type, '') <> 'shadow' \
         AND (s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR s.name IN ('sqlite_stat1', 'sqlite_stat4')) \
         ORDER BY s.type DESC, l.type = 'virtual' DESC, s.rowid DESC",
    )?;
    let object = |row: Vec<Option<String>>| {
        let mut fields = row.into_iter();
        let mut next = || fields.next().flatten();
        let (kind, name) = (next().unwrap_or_default(), next().unwrap_or_default());
        let shown = if next().as_deref() == Some("virtual") { "virtual table".to_owned() } else { kind.clone() };
        let quoted = Dialect::Sqlite.quote_identifier(&name);
        ResetObject { kind: shown, name, sql: format!("DROP {} main.{quoted}", kind.to_uppercase()) }
    };
    Ok(rows.into_iter().map(object).collect())
}
