//! Waiting, trying again, and being stopped meanwhile.

use std::time::{Duration, Instant};

use super::lock;
use crate::db::{Db, ErrorClass, SqlError};
use crate::interrupt::Interrupt;
use crate::migrate::history::State;
use crate::migrate::{Event, MigrateError, Options};

/// Does something of ours that may wait for a lock, so that a request to stop reaches it.
pub(super) fn stoppable<T>(
    db: &mut Db,
    options: &Options,
    work: impl FnOnce(&mut Db) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let running = options.interrupt.while_running(db.canceller());
    let result = work(db);
    drop(running);
    match result {
        Err(MigrateError::Bookkeeping { source, .. }) if is_cancelled(&source, &options.interrupt) => {
            Err(MigrateError::Interrupted { during: None })
        }
        result => result,
    }
}

/// SQLite: another connection has the whole file to itself, as a runner does while a large migration spills over.
pub(super) fn is_busy(error: &MigrateError) -> bool {
    matches!(error, MigrateError::Bookkeeping { source, .. } if source.class == ErrorClass::LockTimeout)
}

/// Reads the state; where the file is locked, again and again, as long as a runner waits for another, or a migration for
/// its locks.
pub(super) fn read_patiently(db: &mut Db, options: &Options) -> Result<State, MigrateError> {
    let began = Instant::now();
    let longest = options.lock_wait.unwrap_or_else(|| {
        options.lock_timeout.checked_mul(options.lock_retries.saturating_add(1)).unwrap_or(Duration::MAX)
    });
    let mut told = false;
    loop {
        if let Db::Sqlite(db) = db {
            db.wait(Duration::from_millis(100), &options.interrupt);
        }
        let error = match stoppable(db, options, State::read) {
            Err(error) if is_busy(&error) => error,
            result => return result,
        };
        let holder = lock::holder(db).unwrap_or_else(|| "a connection that has locked the database".to_owned());
        if options.interrupt.is_set() {
            return Err(MigrateError::Interrupted {
                during: Some("while it waited for another connection".to_owned()),
            });
        }
        if began.elapsed() >= longest {
            return match options.lock_wait {
                Some(waited) => Err(MigrateError::LockWait { holder, waited }),
                None => Err(error),
            };
        }
        if !told {
            options.tell(&Event::Waiting { holder });
            told = true;
        }
        sleep(jitter(Duration::from_millis(100)), &options.interrupt);
    }
}

/// How long to wait before the next attempt: longer each time, and not in step with other runners.
pub(super) fn pause(attempt: u32) -> Duration {
    let base = Duration::from_millis(100) * 2_u32.pow(attempt.min(6));
    base / 2 + jitter(base)
}

/// Between nothing and `most`, unlike another process's.
pub(super) fn jitter(most: Duration) -> Duration {
    let nanos = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs() ^ std::process::id().rotate_left(16);
    most * (nanos % 1000) / 1000
}

/// Sleeps, unless a stop is asked for.
pub(super) fn sleep(time: Duration, interrupt: &Interrupt) {
    let until = Instant::now() + time;
    while !interrupt.is_set() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

pub(super) fn is_cancelled(error: &SqlError, interrupt: &Interrupt) -> bool {
    error.class == ErrorClass::Cancelled && interrupt.is_set()
}
