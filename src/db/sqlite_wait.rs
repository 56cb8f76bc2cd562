//! Waiting for a lock of SQLite's: as long as is meant, and not after a request to stop.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{SqlError, SqliteDb};
use crate::config::{SqliteLocation, SqliteTarget};
use crate::interrupt::Interrupt;

thread_local! {
    // SQLite's busy handler is called in the thread that waits, and rusqlite lets it have no state of its own
    static PATIENCE: RefCell<Patience> = RefCell::default();
}

#[derive(Default)]
struct Patience {
    longest: Duration,
    interrupt: Interrupt,
    since: Option<Instant>,
}

/// From here on, whatever this thread does on `connection` waits `longest` for a lock, or until a stop is asked for.
pub(super) fn wait(connection: &mut Connection, longest: Duration, interrupt: &Interrupt) -> rusqlite::Result<()> {
    PATIENCE.with_borrow_mut(|patience| *patience = Patience { longest, interrupt: interrupt.clone(), since: None });
    connection.busy_handler(Some(go_on))
}

/// Whether to try again; `before` is how often it was tried for the same lock
/// (<https://www.sqlite.org/c3ref/busy_handler.html>).
fn go_on(before: i32) -> bool {
    let go_on = PATIENCE.with_borrow_mut(|patience| {
        if before == 0 {
            patience.since = Some(Instant::now());
        }
        let waited = patience.since.map_or(Duration::ZERO, |since| since.elapsed());
        waited < patience.longest && !patience.interrupt.is_set()
    });
    if go_on {
        let pause = u64::try_from(before).unwrap_or(0).clamp(1, 25);
        std::thread::sleep(Duration::from_millis(pause));
    }
    go_on
}

/// Waits as long as another process holds the file locked against readers, and says so after a moment: opening it has a
/// patience of its own, and says nothing.
pub(super) fn until_free(target: &SqliteTarget, patience: Duration, interrupt: &Interrupt) -> Result<(), SqlError> {
    let SqliteLocation::File(path) = &target.location else { return Ok(()) };
    let since = Instant::now();
    let mut told = false;
    loop {
        match SqliteDb::is_locked(path) {
            Some(error) if since.elapsed() >= patience || interrupt.is_set() => return Err(error),
            Some(_) => {}
            None => return Ok(()),
        }
        if !told && since.elapsed() > Duration::from_millis(500) {
            tracing::warn!("`{}` is locked by another process: waiting for it, {patience:?} at most", path.display());
            told = true;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
}
