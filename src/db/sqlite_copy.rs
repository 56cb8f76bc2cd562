//! Whole copies of a SQLite database by its online backup API: out of a live one in steps, and into one in a single
//! transaction (<https://www.sqlite.org/c3ref/backup_finish.html>).

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::sqlite::describe;
use super::{SqlError, SqliteDb};

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyStep {
    /// Pages that are still to be copied.
    pub remaining: u64,
    /// Pages in all, as of this step.
    pub pages: u64,
    /// Nothing was copied in this step: another connection had a lock.
    pub busy: bool,
}

impl SqliteDb {
    /// Copies the main database to the file `to`, some pages at a time, and tells `each` of every step but the last.
    /// How many pages it has; `None`: `each` broke it off, and what stands in the file is no database.
    ///
    /// In a transaction that has begun to read, all steps read that transaction's state. Outside of one, the source is
    /// not locked between steps, and a step after another connection has committed begins anew.
    ///
    /// # Errors
    /// [`SqlError`] where it can't be read, or the copy not be written.
    pub fn copy_in_steps(
        &self,
        to: &Path,
        pages: i32,
        mut each: impl FnMut(CopyStep) -> ControlFlow<()>,
    ) -> Result<Option<u64>, SqlError> {
        let failed = |error: rusqlite::Error| describe(&error, None, 0);
        let number = |count: std::ffi::c_int| u64::try_from(count).unwrap_or(0);
        let mut target = Connection::open(to).map_err(failed)?;
        let backup = Backup::new(&self.connection, &mut target).map_err(failed)?;
        loop {
            let busy = match backup.step(pages).map_err(failed)? {
                StepResult::Done => return Ok(Some(number(backup.progress().pagecount))),
                StepResult::More => false,
                // rusqlite's enum may grow; what it has beside these two are locks
                _ => true,
            };
            let progress = backup.progress();
            let step = CopyStep { remaining: number(progress.remaining), pages: number(progress.pagecount), busy };
            if each(step).is_break() {
                return Ok(None);
            }
        }
    }

    /// Puts the content of `source` in the place of this database's own, in one transaction: whoever reads sees the one
    /// or the other. With the lock for writing taken, `go_on` says whether to; `false`: it said no, and nothing was
    /// changed.
    ///
    /// # Errors
    /// [`SqlError`] where a lock is not had, or it can't be written; nothing was changed then.
    pub fn replace_by(&mut self, source: &Self, go_on: impl FnOnce() -> bool) -> Result<bool, SqlError> {
        let failed = |error: rusqlite::Error| describe(&error, None, 0);
        let locked = |what: StepResult| {
            let code =
                if what == StepResult::Locked { rusqlite::ffi::SQLITE_LOCKED } else { rusqlite::ffi::SQLITE_BUSY };
            let error = rusqlite::ffi::Error::new(code);
            describe(&rusqlite::Error::SqliteFailure(error, None), None, 0)
        };
        let backup = Backup::new(&source.connection, &mut self.connection).map_err(failed)?;
        // a step of no pages begins the transaction and copies nothing; dropped before its last, a backup rolls it back
        match backup.step(0).map_err(failed)? {
            StepResult::More if !go_on() => return Ok(false),
            StepResult::More => crate::crash::point("restore-begun"),
            StepResult::Done => return Err(SqlError::other("what was to be copied has no pages")),
            other => return Err(locked(other)),
        }
        match backup.step(-1).map_err(failed)? {
            StepResult::Done => Ok(true),
            other => Err(locked(other)),
        }
    }
}
