//! Several connections to one SQLite file that all read the same state of it, and leave it as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use tempfile::TempDir;

use super::{Access, Db, DbError, SqlError, SqliteDb, sqlite_wait};
use crate::config::{SqliteLocation, SqliteTarget};
use crate::interrupt::Interrupt;

/// Connections that read one state of a SQLite database until they are dropped.
#[derive(Debug)]
pub struct Snapshot {
    readers: Vec<SqliteDb>,
    wal: bool,
    notes: Vec<String>,
    // dropped last: the readers are on it
    _copy: Option<TempDir>,
}

/// Why a database can't be read in one state.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It can't be opened.
    #[error(transparent)]
    Open(#[from] DbError),
    /// There is no such file. Elsewhere that is read as empty; here it would prove a mistyped name.
    #[error("there is no file `{path}`")]
    Missing {
        /// The file.
        path: String,
    },
    /// It was opened, and can't be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: String,
        /// What SQLite says.
        #[source]
        source: SqlError,
    },
    /// It can't be copied to the file that was asked for.
    #[error("cannot copy `{from}` to `{to}`")]
    BackUp {
        /// The database.
        from: String,
        /// The file.
        to: String,
        /// What SQLite says.
        #[source]
        source: SqlError,
    },
    /// A copy of it can't be made.
    #[error("cannot copy `{path}` to a folder where it can be read")]
    Copy {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl SnapshotError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Missing { .. } => {
                Some("give the SQLite database's path; a relative one starts from the working folder".to_owned())
            }
            Self::Read { source, .. } if source.class == super::ErrorClass::LockTimeout => Some(
                "another process holds it locked; wait for it to finish, stop it, or port a copy made by its own backup"
                    .to_owned(),
            ),
            Self::Read { .. } => Some("`PRAGMA integrity_check` in SQLite's shell tells more".to_owned()),
            Self::BackUp { .. } => Some(
                "`--snapshot` takes the name of a file that is not there yet, in a folder with room for all of it; \
                 nothing was written elsewhere"
                    .to_owned(),
            ),
            Self::Copy { .. } => {
                Some("copy the file and its `-wal` by hand to a folder that can be written to".to_owned())
            }
        }
    }
}

impl Snapshot {
    /// Opens `target` with up to `wanted` readers (at least one), waiting `patience` for locks.
    ///
    /// In WAL mode more than one reader begins under a write lock held for that moment, since nothing else makes them
    /// begin at the same commit; where that lock can't be had there is one reader, and [`Snapshot::notes`] says so. In
    /// the other journal modes the first reader keeps every writer from committing
    /// (<https://www.sqlite.org/lockingv3.html>), so that those after it see the same.
    ///
    /// # Errors
    /// [`SnapshotError`] where the file is not there, can't be opened or read, or is locked for longer than `patience`.
    pub fn open(
        target: &SqliteTarget,
        wanted: usize,
        patience: Duration,
        interrupt: &Interrupt,
    ) -> Result<Self, SnapshotError> {
        let mut notes = Vec::new();
        let locked = |source| SnapshotError::Read { path: target.to_string(), source };
        sqlite_wait::until_free(target, patience, interrupt).map_err(locked)?;
        let (first, target, copy) = open_first(target, &mut notes)?;
        let read = |source| SnapshotError::Read { path: target.to_string(), source };
        let mut first = first;
        first.wait(patience, interrupt);
        let mode = first.query("PRAGMA journal_mode").map_err(read)?;
        let wal = mode.first().and_then(|row| row[0].as_deref()) == Some("wal");
        let mut readers = vec![first];
        // a database in memory is one connection's own
        let several = wanted > 1 && matches!(target.location, SqliteLocation::File(_));
        let lock = if several && wal { write_lock(&target, interrupt) } else { None };
        begin(&mut readers[0]).map_err(read)?;
        if several && (!wal || lock.is_some()) {
            for _ in 1..wanted {
                let mut reader = SqliteDb::open(&target, Access::Read)?;
                reader.wait(patience, interrupt);
                begin(&mut reader).map_err(read)?;
                readers.push(reader);
            }
        } else if several {
            notes.push(
                "the source is read by one connection: the write lock for a moment, under which several would begin, \
                 could not be had"
                    .to_owned(),
            );
        }
        drop(lock);
        if !wal && matches!(target.location, SqliteLocation::File(_)) && copy.is_none() {
            notes.push(
                "the source is not in WAL mode: whoever writes to it waits until the port is done (`--snapshot FILE` \
                 ports a copy instead)"
                    .to_owned(),
            );
        }
        Ok(Self { readers, wal, notes, _copy: copy })
    }

    /// What a person should know of how the source is read.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether the database is in WAL mode, so that others go on writing meanwhile.
    #[must_use]
    pub fn is_wal(&self) -> bool {
        self.wal
    }

    /// The connections, at least one.
    pub fn readers(&mut self) -> &mut [SqliteDb] {
        &mut self.readers
    }

    /// Has `work` done on the first connection by what takes a connection of either kind.
    pub fn with_first<T>(&mut self, work: impl FnOnce(&mut Db) -> T) -> T {
        let mut db = Db::Sqlite(self.readers.remove(0));
        let done = work(&mut db);
        match db {
            Db::Sqlite(reader) => self.readers.insert(0, reader),
            Db::Postgres(_) => unreachable!("nobody changes the kind of a connection"),
        }
        done
    }

    /// The first connection.
    #[must_use]
    pub fn reader(&self) -> &SqliteDb {
        &self.readers[0]
    }
}

fn begin(reader: &mut SqliteDb) -> Result<(), SqlError> {
    // a transaction begins to read with its first SELECT (https://www.sqlite.org/lang_transaction.html)
    reader.execute("PRAGMA query_only = on; BEGIN; SELECT count(*) FROM sqlite_schema;")
}

/// How long the lock for a moment is waited for, under which several readers begin: with one, all goes on, too.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// A connection that keeps others from committing while it lives; it writes nothing, and leaves the WAL as it is.
fn write_lock(target: &SqliteTarget, interrupt: &Interrupt) -> Option<SqliteDb> {
    if target.read_only {
        return None;
    }
    let mut db = SqliteDb::open(target, Access::Existing).ok()?;
    db.wait(LOCK_WAIT, interrupt);
    db.set_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE).ok()?;
    match db.execute("BEGIN IMMEDIATE") {
        Ok(()) => Some(db),
        Err(error) => {
            tracing::debug!(%error, "write lock");
            None
        }
    }
}

/// The first connection, and the file that it is on. A database in WAL mode can't be read where nothing may be written
/// beside it (<https://www.sqlite.org/wal.html>, "Read-Only Databases"): there a copy of both files is read.
fn open_first(
    target: &SqliteTarget,
    notes: &mut Vec<String>,
) -> Result<(SqliteDb, SqliteTarget, Option<TempDir>), SnapshotError> {
    if let SqliteLocation::File(path) = &target.location
        && !path.exists()
    {
        return Err(SnapshotError::Missing { path: path.display().to_string() });
    }
    let error = match SqliteDb::open(target, Access::Read) {
        Ok(db) => return Ok((db, target.clone(), None)),
        Err(error) => error,
    };
    let SqliteLocation::File(path) = &target.location else { return Err(error.into()) };
    let DbError::Connect { source, .. } = &error else { return Err(error.into()) };
    let unwritable = matches!(source.code.as_deref(), Some("SQLITE_CANTOPEN" | "SQLITE_READONLY"));
    if !unwritable || !path.is_file() || fs::File::open(path).is_err() {
        return Err(error.into());
    }
    let failed = |source| SnapshotError::Copy { path: path.display().to_string(), source };
    let folder = TempDir::new().map_err(failed)?;
    let copy = folder.path().join("source.db");
    copy_with_wal(path, &copy).map_err(failed)?;
    let target = SqliteTarget { location: SqliteLocation::File(copy), read_only: false, create: false };
    let db = SqliteDb::open(&target, Access::Read)?;
    notes.push(format!(
        "`{}` is in WAL mode in a folder that can't be written to: a copy of it and its WAL is read",
        path.display()
    ));
    Ok((db, target, Some(folder)))
}

/// How often a copy is tried for, while others write.
const COPIES: usize = 5;

/// Copies a file and its WAL, which is beside the file itself where `path` is a link to it.
///
/// A WAL belongs to the file as it was before the WAL's pages were brought into it: where the file has changed
/// meanwhile, both are copied again. A transaction that is only half in the copy of the WAL is none to SQLite.
fn copy_with_wal(path: &Path, copy: &Path) -> std::io::Result<()> {
    let path = fs::canonicalize(path)?;
    let stamp = || fs::metadata(&path).and_then(|of| Ok((of.len(), of.modified()?)));
    let (wal, wal_copy) = (beside(&path, "-wal"), beside(copy, "-wal"));
    for _ in 0..COPIES {
        let before = stamp()?;
        fs::copy(&path, copy)?;
        match fs::copy(&wal, &wal_copy) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if wal_copy.exists() {
                    fs::remove_file(&wal_copy)?;
                }
            }
            Err(error) => return Err(error),
        }
        if stamp()? == before {
            return Ok(());
        }
    }
    Err(std::io::Error::other("another process writes to it all the time"))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(all(test, unix))]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_copy_by_a_link_has_what_is_in_the_wal() {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("file.db");
        let writer = Connection::open(&file).expect("opens");
        let sql =
            "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (v); INSERT INTO t VALUES (5)";
        writer.execute_batch(sql).expect("runs");
        let (link, copy) = (folder.path().join("link.db"), folder.path().join("copy.db"));
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        copy_with_wal(&link, &copy).expect("a copy");
        let value = Connection::open(&copy).and_then(|db| db.query_row("SELECT v FROM t", [], |row| row.get(0)));
        assert_eq!(value, Ok(5));
    }
}
