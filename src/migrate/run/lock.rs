//! One runner at a time: a session's advisory lock on PostgreSQL, a locked file beside the database on SQLite.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::patience::{jitter, sleep};
use crate::db::{Db, PostgresDb};
use crate::interrupt::Interrupt;
use crate::migrate::history::{LOCK_KEY, State};
use crate::migrate::{Event, MigrateError, Options};

/// The lock of a run.
#[derive(Debug)]
pub(crate) enum RunLock {
    /// PostgreSQL: the advisory lock with this key, held by the session.
    Advisory(i64),
    /// SQLite: the file, locked as long as it is open.
    File(#[expect(dead_code, reason = "held for its lock")] File),
    /// SQLite in memory: nobody else can be there.
    Alone,
}

const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
const TOLD_EVERY: Duration = Duration::from_secs(10);

impl RunLock {
    /// Takes the lock, or waits for it as long as the one who holds it lives; `None` once `still_needed` says no.
    pub fn acquire(
        db: &mut Db,
        state: &State,
        options: &Options,
        still_needed: &mut dyn FnMut(&mut Db) -> Result<bool, MigrateError>,
    ) -> Result<Option<Self>, MigrateError> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut told: Option<Instant> = None;
        loop {
            let holder = match Self::attempt(db, state)? {
                Ok(lock) => {
                    if let Db::Sqlite(db) = db {
                        db.keep_journal(true);
                    }
                    return Ok(Some(lock));
                }
                Err(holder) => holder,
            };
            if options.interrupt.is_set() {
                let during = Some("while it waited for another runner".to_owned());
                return Err(MigrateError::Interrupted { during });
            }
            if let Some(longest) = options.lock_wait
                && began.elapsed() >= longest
            {
                return Err(MigrateError::LockWait { holder, waited: longest });
            }
            if told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
                options.tell(&Event::Waiting { holder });
                told = Some(Instant::now());
            }
            let mut rest = pause + jitter(pause);
            if let Some(longest) = options.lock_wait {
                rest = rest.min(longest.saturating_sub(began.elapsed()));
            }
            sleep(rest, &options.interrupt);
            pause = (pause * 2).min(LONGEST_PAUSE);
            if !still_needed(db)? {
                return Ok(None);
            }
        }
    }

    /// Tries once; else says who holds it. Never waits in the server: a session that waits for a lock there has a
    /// snapshot, and `CREATE INDEX CONCURRENTLY` waits for snapshots.
    fn attempt(db: &mut Db, state: &State) -> Result<Result<Self, String>, MigrateError> {
        match db {
            Db::Postgres(postgres) => {
                let Some(session) = &state.session else { return Ok(Ok(Self::Alone)) };
                if !session.direct {
                    return Err(MigrateError::Pooler);
                }
                let key = session.lock_key;
                let answer = postgres.query_each(&format!("SELECT pg_catalog.pg_try_advisory_lock({key})"));
                let answer = answer.map_err(locking)?;
                let taken = answer.first().and_then(|rows| rows.first()).and_then(|row| row.first().cloned().flatten());
                if taken.as_deref() == Some("t") {
                    return Ok(Ok(Self::Advisory(key)));
                }
                Ok(Err(advisory_holder(postgres, key)?))
            }
            Db::Sqlite(sqlite) => match sqlite.path() {
                None => Ok(Ok(Self::Alone)),
                Some(path) => lock_file(&beside(path)),
            },
        }
    }

    /// Takes the lock for what is no migration and must not be done beside one; after `longest` who holds it. On
    /// PostgreSQL it is the transaction's that is open, and ends with it.
    pub fn beside_none(
        db: &mut Db,
        longest: Duration,
        interrupt: &Interrupt,
    ) -> Result<Result<Self, String>, MigrateError> {
        match db {
            Db::Sqlite(sqlite) => match sqlite.path() {
                None => Ok(Ok(Self::Alone)),
                Some(path) => Self::of_file(path, longest, interrupt),
            },
            Db::Postgres(postgres) => try_for(longest, interrupt, &mut || {
                let answer = postgres.query_each(&format!(
                    "SELECT pg_catalog.pg_try_advisory_xact_lock(k), k FROM (SELECT {LOCK_KEY} AS k) q"
                ));
                let row = answer.map_err(locking)?.into_iter().flatten().next().unwrap_or_default();
                if row.first().cloned().flatten().as_deref() == Some("t") {
                    return Ok(Ok(Self::Alone));
                }
                let key = row.get(1).cloned().flatten().and_then(|key| key.parse().ok()).unwrap_or_default();
                Ok(Err(advisory_holder(postgres, key)?))
            }),
        }
    }

    /// The same for a SQLite file, which need not be there yet.
    pub fn of_file(
        database: &Path,
        longest: Duration,
        interrupt: &Interrupt,
    ) -> Result<Result<Self, String>, MigrateError> {
        // SQLite names the file that links lead to, and so does the lock
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let real = database
            .canonicalize()
            .or_else(|_| folder.canonicalize().map(|folder| folder.join(database.file_name().unwrap_or_default())));
        let path = beside(&real.unwrap_or_else(|_| database.to_owned()));
        try_for(longest, interrupt, &mut || lock_file(&path))
    }

    /// The advisory lock's key.
    pub fn key(&self) -> Option<i64> {
        match self {
            Self::Advisory(key) => Some(*key),
            Self::File(_) | Self::Alone => None,
        }
    }

    /// Gives the lock back. A lock that can't be given back goes with the session.
    pub fn release(self, db: &mut Db) {
        if let Db::Sqlite(db) = db {
            db.keep_journal(false);
        }
        if let Self::Advisory(_) = self
            && let Err(error) = db.execute("SELECT pg_catalog.pg_advisory_unlock_all()")
        {
            tracing::debug!(%error, "unlock");
        }
    }
}

/// Tries again and again.
fn try_for(
    longest: Duration,
    interrupt: &Interrupt,
    attempt: &mut dyn FnMut() -> Result<Result<RunLock, String>, MigrateError>,
) -> Result<Result<RunLock, String>, MigrateError> {
    let began = Instant::now();
    loop {
        let tried = attempt()?;
        if tried.is_ok() || began.elapsed() >= longest {
            return Ok(tried);
        }
        if interrupt.is_set() {
            let during = Some("while it waited for another runner".to_owned());
            return Err(MigrateError::Interrupted { during });
        }
        sleep((FIRST_PAUSE * 4).min(longest.saturating_sub(began.elapsed())), interrupt);
    }
}

fn locking(source: crate::db::SqlError) -> MigrateError {
    MigrateError::Bookkeeping { doing: "take the migration lock", source }
}

fn advisory_holder(db: &mut PostgresDb, key: i64) -> Result<String, MigrateError> {
    // a bigint key is shown in two halves (https://www.postgresql.org/docs/current/view-pg-locks.html)
    let query = format!(
        "SELECT a.pid, a.application_name, a.usename, a.state, a.xact_start::timestamptz(0), a.state_change::timestamptz(0), \
         left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120) \
         FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid) \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) \
         AND l.classid::bigint = ({key}::bigint >> 32) & 4294967295 AND l.objid::bigint = {key}::bigint & 4294967295"
    );
    let rows = db.query_each(&query).map_err(locking)?;
    let Some(row) = rows.into_iter().next().and_then(|mut rows| rows.pop()) else {
        return Ok("a session that has just ended".to_owned());
    };
    let field = |at: usize| row.get(at).cloned().flatten();
    let since = field(4).or_else(|| field(5)).unwrap_or_default();
    let query = field(6).unwrap_or_default();
    // what a runner sends begins with a comment that says it
    let query = query.split_once(" */").map_or(query.as_str(), |(about, _)| about.trim_start_matches("/* "));
    Ok(format!(
        "pid {} ({}, user {}), {} since {since}, running `{query}`",
        field(0).unwrap_or_default(),
        field(1).filter(|name| !name.is_empty()).unwrap_or_else(|| "no application name".to_owned()),
        field(2).unwrap_or_default(),
        field(3).unwrap_or_default(),
    ))
}

/// SQLite: who holds the lock of a run, if anybody does. Nothing is made or written: the one who asks may only read.
pub(super) fn holder(db: &Db) -> Option<String> {
    let Db::Sqlite(db) = db else { return None };
    let path = beside(db.path()?);
    let mut file = File::open(&path).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Some(about(&mut file, &path)),
        _ => None,
    }
}

/// What the one who holds the lock wrote into its file.
fn about(file: &mut File, path: &Path) -> String {
    let mut about = String::new();
    let read = file.read_to_string(&mut about);
    let about = if read.is_ok() && !about.trim().is_empty() { about.trim() } else { "another process" };
    format!("{about} (`{}`)", path.display())
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-liftlock");
    PathBuf::from(name)
}

/// The file stays when the lock is gone: to remove it would let two runners lock two files of one name.
fn lock_file(path: &Path) -> Result<Result<RunLock, String>, MigrateError> {
    let failed = |source| MigrateError::LockFile { path: path.display().to_string(), source };
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            let about = format!("pid {} since {}\n", std::process::id(), jiff::Timestamp::now());
            let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(about.as_bytes()));
            if let Err(error) = written {
                tracing::debug!(%error, "the lock's file says nothing of its holder");
            }
            Ok(Ok(RunLock::File(file)))
        }
        Err(TryLockError::WouldBlock) => Ok(Err(about(&mut file, path))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
