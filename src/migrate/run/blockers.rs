//! Who holds the lock that a migration waits for: asked over a second connection while it waits.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::db::PostgresDb;

/// Asks now and then, while a statement runs, which sessions it waits for.
pub(super) struct Watch {
    asks: Sender<Ask>,
    found: Arc<Mutex<Vec<String>>>,
}

enum Ask {
    Begin { pid: i64, every: Duration },
    End,
}

impl Watch {
    /// The watch's own connection is opened when there is first something to ask.
    pub fn start(db: &PostgresDb) -> Self {
        let (asks, asked) = channel();
        let found = Arc::new(Mutex::new(Vec::new()));
        let target = db.target().clone();
        let findings = Arc::clone(&found);
        let connect = move || PostgresDb::connect(&target).inspect_err(|error| tracing::debug!(%error, "watch")).ok();
        std::thread::spawn(move || watch(&asked, &connect, &findings));
        Self { asks, found }
    }

    /// A statement of the session `pid` begins; it waits `timeout` for a lock at most.
    pub fn begin(&self, pid: i64, timeout: Duration) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // several looks fall into every wait that ends in a timeout
        // and without a timeout it is looked now and then: to ask costs the server its lock table
        let every =
            if timeout.is_zero() { Duration::from_secs(1) } else { (timeout / 4).max(Duration::from_millis(10)) };
        let _ = self.asks.send(Ask::Begin { pid, every });
    }

    /// The statement is over; who was in its way, as last seen.
    pub fn end(&self) -> Vec<String> {
        let _ = self.asks.send(Ask::End);
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn watch(asked: &Receiver<Ask>, connect: &dyn Fn() -> Option<PostgresDb>, found: &Mutex<Vec<String>>) {
    let mut db = None;
    let mut watched: Option<(i64, Duration)> = None;
    loop {
        let ask = match watched {
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some((_, every)) => asked.recv_timeout(every),
        };
        match ask {
            Ok(Ask::Begin { pid, every }) => watched = Some((pid, every)),
            Ok(Ask::End) => watched = None,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let Some((pid, _)) = watched else { continue };
                if db.is_none() {
                    db = connect();
                }
                let Some(connection) = &mut db else { continue };
                match connection.query_each(&question(pid)) {
                    Ok(mut results) => {
                        let rows = results.pop().unwrap_or_default();
                        let blockers: Vec<String> =
                            rows.into_iter().filter_map(|mut row| row.pop().flatten()).collect();
                        if !blockers.is_empty() {
                            *found.lock().unwrap_or_else(PoisonError::into_inner) = blockers;
                        }
                    }
                    Err(_) => db = None,
                }
            }
        }
    }
}

fn question(pid: i64) -> String {
    format!(
        "SELECT format('pid %s (%s, user %s), %s since %s, query `%s`', a.pid, \
         coalesce(nullif(a.application_name, ''), 'no application name'), a.usename, a.state, \
         coalesce(a.xact_start, a.state_change)::timestamptz(0), left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120)) \
         FROM pg_catalog.pg_stat_activity a WHERE a.pid = ANY (pg_catalog.pg_blocking_pids({pid}))"
    )
}
