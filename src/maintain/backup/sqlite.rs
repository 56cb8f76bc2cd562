//! A copy of a SQLite database that others go on writing to: one state of it, whatever happens meanwhile.
//!
//! In WAL mode a reader keeps its state while others write, and the copy is made in one such transaction. In the other
//! journal modes a reader keeps writers from committing: there the copy is made in steps without a lock between them,
//! which begin anew when somebody has written; where that happens too often, under a lock, which surely ends.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use super::manifest::{Contents, TableSum};
use crate::Dialect;
use crate::config::{SqliteLocation, SqliteTarget, Target};
use crate::db::{Access, Db, ErrorClass, SqlError, SqliteDb};
use crate::interrupt::Interrupt;
use crate::maintain::MaintainError;
use crate::value::{Checksum, SqlValue, row_hash};

/// Pages in a step: 2 MiB of a database with pages of the usual size.
const STEP: i32 = 512;
/// How often a copy begins anew before it takes a lock.
const RESTARTS: u32 = 3;
/// What others have between two steps to write.
const PAUSE: Duration = Duration::from_millis(5);

/// How a copy is made.
pub(crate) struct Copying<'a> {
    /// How long a lock is waited for.
    pub patience: Duration,
    pub interrupt: &'a Interrupt,
    /// Told of every step: pages done, pages in all.
    pub progress: &'a dyn Fn(u64, u64),
}

/// How a copy was made.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    /// The journal mode of the database.
    pub journal_mode: String,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Opens the file at `path`, which is ours and to be written.
pub(crate) fn open(path: &Path, access: Access) -> Result<SqliteDb, MaintainError> {
    let location = SqliteLocation::File(path.to_owned());
    open_target(&SqliteTarget { location, read_only: false, create: access == Access::Write }, access)
}

pub(crate) fn open_target(target: &SqliteTarget, access: Access) -> Result<SqliteDb, MaintainError> {
    match Db::connect(&Target::Sqlite(target.clone()), access)? {
        Db::Sqlite(db) => Ok(db),
        Db::Postgres(_) => unreachable!("the target is SQLite's"),
    }
}

pub(crate) fn one(db: &SqliteDb, sql: &str) -> Result<String, SqlError> {
    let mut found = String::new();
    db.each_row::<SqlError>(sql, &[], |row| {
        found = match row.get(0) {
            SqlValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
            SqlValue::Integer(number) => number.to_string(),
            _ => String::new(),
        };
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// Copies `db` to the file `to`, which is made; what a failure leaves of it is for the caller to remove.
pub(crate) fn copy(db: &mut SqliteDb, to: &Path, how: &Copying<'_>) -> Result<Copied, MaintainError> {
    db.wait(how.patience, how.interrupt);
    let reading = |error: SqlError| read_error(error, how);
    let mut copied = Copied { journal_mode: one(db, "PRAGMA main.journal_mode").map_err(reading)?, notes: Vec::new() };
    let mut pages = None;
    if copied.journal_mode != "wal" {
        pages = copy_between(db, to, how)?;
        if pages.is_none() {
            remove(to)?;
            copied.notes.push(format!(
                "others wrote all the time, and the copy began anew {RESTARTS} times: it was made under a lock, and they \
                 waited"
            ));
        }
    }
    let pages = match pages {
        Some(pages) => pages,
        None => copy_fixed(db, to, how)?,
    };
    // one file that can be read wherever it lies, without a WAL beside it
    let mut made = open(to, Access::Existing)?;
    let writing = || MaintainError::sql("write the backup");
    made.execute("PRAGMA journal_mode = delete").map_err(writing())?;
    let written = one(&made, "PRAGMA page_count").map_err(writing())?;
    // a database of no pages becomes one with the first page of every one
    if written != pages.max(1).to_string() {
        return Err(MaintainError::Failed {
            message: format!("the copy has {written} pages, and the database {pages}; nothing was written"),
            hint: Some("this is an error of Liftlock's: please report it".to_owned()),
        });
    }
    Ok(copied)
}

/// In one transaction, and so in one state.
fn copy_fixed(db: &mut SqliteDb, to: &Path, how: &Copying<'_>) -> Result<u64, MaintainError> {
    let reading = |error: SqlError| read_error(error, how);
    // it reads from its first SELECT on (https://www.sqlite.org/lang_transaction.html)
    db.execute("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(reading)?;
    let done = copy_steps(db, to, how, |_| false);
    let ended = db.execute("ROLLBACK");
    let pages = done?;
    ended.map_err(reading)?;
    Ok(pages.expect("nobody gave it up"))
}

/// In steps, without a lock between them: how many pages; `None` where that began anew too often.
fn copy_between(db: &SqliteDb, to: &Path, how: &Copying<'_>) -> Result<Option<u64>, MaintainError> {
    let mut restarts = 0;
    copy_steps(db, to, how, |again| {
        restarts += u32::from(again);
        if restarts <= RESTARTS {
            std::thread::sleep(PAUSE);
        }
        restarts > RESTARTS
    })
}

/// `give_up` is told after each step whether it began anew, and says whether to leave it; `None` where it did.
fn copy_steps(
    db: &SqliteDb,
    to: &Path,
    how: &Copying<'_>,
    mut give_up: impl FnMut(bool) -> bool,
) -> Result<Option<u64>, MaintainError> {
    let mut before = u64::MAX;
    let mut busy_since: Option<Instant> = None;
    let mut stopped = None;
    let whole = db.copy_in_steps(to, STEP, |step| {
        crate::crash::point("backup-step");
        if how.interrupt.is_set() {
            stopped = Some(interrupted());
            return ControlFlow::Break(());
        }
        if step.busy {
            if busy_since.get_or_insert_with(Instant::now).elapsed() > how.patience {
                stopped = Some(locked(how.patience));
                return ControlFlow::Break(());
            }
            std::thread::sleep(PAUSE);
            return ControlFlow::Continue(());
        }
        busy_since = None;
        (how.progress)(step.pages.saturating_sub(step.remaining), step.pages);
        let again = step.remaining >= before;
        before = step.remaining;
        if give_up(again) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match (whole, stopped) {
        (_, Some(error)) => Err(error),
        (Ok(pages), None) => Ok(pages),
        (Err(error), None) => Err(read_error(error, how)),
    }
}

fn read_error(error: SqlError, how: &Copying<'_>) -> MaintainError {
    match error.class {
        _ if how.interrupt.is_set() => interrupted(),
        ErrorClass::LockTimeout => locked(how.patience),
        _ => MaintainError::Sql { doing: "copy the database".to_owned(), source: error },
    }
}

fn locked(patience: Duration) -> MaintainError {
    MaintainError::Failed {
        message: format!("another process kept the database locked for {patience:?}; nothing was written"),
        hint: Some("find out which, or wait longer with `--wait 5min`".to_owned()),
    }
}

pub(crate) fn interrupted() -> MaintainError {
    MaintainError::Interrupted { kept: "nothing was changed, and nothing is left".to_owned() }
}

fn remove(path: &Path) -> Result<(), MaintainError> {
    std::fs::remove_file(path).map_err(|source| MaintainError::File { doing: "remove", path: path.to_owned(), source })
}

/// Checks a whole database and reads all of it: the problems that SQLite finds, and what is in it.
pub(crate) fn examine(db: &mut SqliteDb, interrupt: &Interrupt) -> Result<(Vec<String>, Contents), MaintainError> {
    let running = interrupt.while_running(db.canceller());
    let examined = examine_all(db);
    drop(running);
    match examined {
        Err(_) if interrupt.is_set() => Err(interrupted()),
        other => other.map_err(MaintainError::sql("check the backup")),
    }
}

fn examine_all(db: &SqliteDb) -> Result<(Vec<String>, Contents), SqlError> {
    let mut problems = Vec::new();
    db.each_row::<SqlError>("PRAGMA integrity_check(10)", &[], |row| {
        if let SqlValue::Text(text) = row.get(0) {
            problems.push(String::from_utf8_lossy(text).into_owned());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    problems.retain(|problem| problem != "ok");
    if !problems.is_empty() {
        return Ok((problems, Contents::default()));
    }
    let history =
        one(db, "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'")?;
    let version = if history == "1" { one(db, "SELECT max(version) FROM main.schema_migrations").ok() } else { None };
    let contents = Contents {
        schema_version: version.filter(|version| !version.is_empty()),
        broken_foreign_keys: db.broken_foreign_keys()?.len() as u64,
        tables: sums(db)?,
        ..Contents::default()
    };
    Ok((problems, contents))
}

/// Of every table how many rows, and their sum; the schema itself is one. Virtual tables have theirs in others.
pub(crate) fn sums(db: &SqliteDb) -> Result<Vec<TableSum>, SqlError> {
    let mut names = Vec::new();
    let listed = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') \
                  AND name <> 'sqlite_schema' ORDER BY name";
    db.each_row::<SqlError>(listed, &[], |row| {
        names.extend(text(row.get(0)));
        Ok(ControlFlow::Continue(()))
    })?;
    let mut sums = vec![sum(db, "sqlite_schema", "type, name, tbl_name, sql", 4)?];
    for name in names {
        let mut columns = Vec::new();
        let listed = "SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE hidden IN (0, 1)";
        db.each_row::<SqlError>(listed, &[SqlValue::Text(name.as_bytes())], |row| {
            columns.extend(text(row.get(0)).map(|name| Dialect::Sqlite.quote_identifier(&name)));
            Ok(ControlFlow::Continue(()))
        })?;
        sums.push(sum(db, &name, &columns.join(", "), columns.len())?);
    }
    Ok(sums)
}

fn text(value: SqlValue<'_>) -> Option<String> {
    match value {
        SqlValue::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

fn sum(db: &SqliteDb, table: &str, columns: &str, count: usize) -> Result<TableSum, SqlError> {
    let mut sum = Checksum::default();
    let mut row_bytes = Vec::new();
    let quoted = Dialect::Sqlite.quote_identifier(table);
    db.each_row::<SqlError>(&format!("SELECT {columns} FROM main.{quoted}"), &[], |row| {
        row_bytes.clear();
        for at in 0..count {
            let (kind, bytes): (u8, &[u8]) = match row.get(at) {
                SqlValue::Null => (0, &[]),
                SqlValue::Integer(number) => (1, &number.to_be_bytes()),
                SqlValue::Real(number) => (2, &number.to_bits().to_be_bytes()),
                SqlValue::Text(text) => (3, text),
                SqlValue::Blob(blob) => (4, blob),
            };
            row_bytes.push(kind);
            row_bytes.extend((bytes.len() as u64).to_be_bytes());
            row_bytes.extend(bytes);
        }
        sum.add(row_hash(&row_bytes));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(TableSum { name: table.to_owned(), rows: sum.rows, checksum: Some(sum.to_string()) })
}
