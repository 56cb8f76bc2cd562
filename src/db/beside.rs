//! Further connections to a connection's SQLite file that all read one state of it.

use std::time::Duration;

use rusqlite::config::DbConfig;

use super::{Access, ErrorClass, SqlError, SqliteDb, sqlite_wait};
use crate::config::{SqliteLocation, SqliteTarget};

/// How long another writer is waited for: without these connections all is done by the one there is.
const PATIENCE: Duration = Duration::from_millis(100);

impl SqliteDb {
    /// `wanted` further connections to this one's file, each in a transaction that reads, and all of them the same state:
    /// they begin under a write lock that is held for that moment. This connection is in no transaction then, as before.
    ///
    /// None at all where the database is in memory or not to be written, a program handed the connection over or it is
    /// in a transaction, the lock can't be had at once, or the file can't be opened as often, or is another one by now.
    ///
    /// # Errors
    /// [`SqlError`] where the lock can't be given back.
    pub(crate) fn beside(&mut self, wanted: usize) -> Result<Vec<Self>, SqlError> {
        let Some(target) = self.target.clone() else { return Ok(Vec::new()) };
        if !matches!(target.location, SqliteLocation::File(_)) || target.read_only || self.in_transaction() {
            return Ok(Vec::new());
        }
        let locked = sqlite_wait::no_longer(PATIENCE, || self.execute("BEGIN IMMEDIATE"));
        let readers = locked.and_then(|()| (0..wanted).map(|_| reader(&target)).collect());
        if self.in_transaction() {
            self.execute("ROLLBACK")?;
        }
        Ok(readers.unwrap_or_else(|error| {
            tracing::debug!(%error, "the file is read by one connection");
            Vec::new()
        }))
    }
}

/// A connection that reads the file that another connection of this process holds the write lock of.
fn reader(target: &SqliteTarget) -> Result<SqliteDb, SqlError> {
    let mut reader = SqliteDb::open(target, Access::Existing).map_err(|error| SqlError::other(error.to_string()))?;
    reader.set_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE)?;
    reader.busy_timeout = Duration::ZERO;
    reader.wait_as_before();
    // a name may stand for another file than when the other connection was opened: that one nobody has locked
    match reader.execute("BEGIN IMMEDIATE") {
        Err(error) if error.class == ErrorClass::LockTimeout => {}
        Err(error) => return Err(error),
        Ok(()) => return Err(SqlError::other(format!("`{target}` is another file by now"))),
    }
    // a transaction begins to read with its first SELECT (https://www.sqlite.org/lang_transaction.html)
    reader.execute("PRAGMA query_only = on; BEGIN; SELECT count(*) FROM sqlite_schema;")?;
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;

    fn at(file: &Path) -> SqliteTarget {
        SqliteTarget { location: SqliteLocation::File(file.to_owned()), read_only: false, create: false }
    }

    fn rows(db: &mut SqliteDb) -> String {
        db.query("SELECT count(*) FROM t").expect("reads")[0][0].clone().expect("a number")
    }

    /// A file in this journal mode with a table of one row, and a connection to it.
    fn file(folder: &TempDir, mode: &str) -> (std::path::PathBuf, SqliteDb) {
        let file = folder.path().join("file.db");
        let made = Connection::open(&file).expect("opens");
        let sql = format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (v); INSERT INTO t VALUES (1);");
        made.execute_batch(&sql).expect("runs");
        let db = SqliteDb::open(&at(&file), Access::Existing).expect("opens");
        (file, db)
    }

    #[test]
    fn a_writer_comes_after_all_have_begun() {
        for mode in ["delete", "wal"] {
            let folder = TempDir::new().expect("a folder");
            let (file, mut db) = file(&folder, mode);
            let mut readers = db.beside(3).expect("begins");
            assert_eq!(readers.len(), 3, "{mode}");
            assert!(!db.in_transaction());
            let writer = Connection::open(&file).expect("opens");
            writer.busy_timeout(Duration::ZERO).expect("is set");
            let written = writer.execute_batch("INSERT INTO t VALUES (2)");
            // with a WAL it goes beside them; else it waits for them
            assert_eq!(written.is_ok(), mode == "wal", "{mode}: {written:?}");
            for reader in &mut readers {
                assert_eq!(rows(reader), "1", "{mode}");
                assert!(reader.execute("INSERT INTO t VALUES (3)").is_err(), "{mode}");
            }
            drop(readers);
            // no lock is left
            writer.execute_batch("INSERT INTO t VALUES (4)").expect("writes");
            db.execute("INSERT INTO t VALUES (5)").expect("writes");
        }
    }

    #[test]
    fn a_writer_in_hand_leaves_one_connection() {
        for mode in ["delete", "wal"] {
            let folder = TempDir::new().expect("a folder");
            let (file, mut db) = file(&folder, mode);
            db.wait(Duration::from_mins(1), &crate::interrupt::Interrupt::default());
            let writer = Connection::open(&file).expect("opens");
            writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)").expect("writes");
            assert_eq!(db.beside(2).expect("is none").len(), 0, "{mode}");
            assert!(!db.in_transaction());
            writer.execute_batch("COMMIT").expect("nobody is in the way");
            assert_eq!(db.beside(2).expect("begins").len(), 2, "{mode}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn another_file_with_the_name_is_not_read() {
        for mode in ["delete", "wal"] {
            let folder = TempDir::new().expect("a folder");
            let (file, mut db) = file(&folder, mode);
            assert_eq!(rows(&mut db), "1");
            let copy = folder.path().join("copy.db");
            fs::copy(&file, &copy).expect("copies");
            fs::rename(&copy, &file).expect("moves");
            assert_eq!(db.beside(2).expect("is none").len(), 0, "{mode}");
            assert!(!db.in_transaction());
            // nor where there is none
            fs::remove_file(&file).expect("removes");
            assert_eq!(db.beside(2).expect("is none").len(), 0, "{mode}");
        }
    }

    #[test]
    fn what_is_in_memory_or_in_a_transaction_is_one_connections_own() {
        let mut memory = SqliteDb::from(Connection::open_in_memory().expect("opens"));
        assert!(memory.beside(2).expect("is none").is_empty());
        let folder = TempDir::new().expect("a folder");
        let (_, mut db) = file(&folder, "delete");
        db.execute("BEGIN; INSERT INTO t VALUES (2)").expect("runs");
        assert!(db.beside(2).expect("is none").is_empty());
        assert!(db.in_transaction());
    }
}
