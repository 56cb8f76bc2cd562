//! The connections of a run: the source's snapshot, the target's sessions, and the lock that keeps a second run away.

use std::time::Duration;

use crate::config::{PostgresTarget, SqliteLocation, SqliteTarget};
use crate::db::{BulkDb, DbError, Snapshot, SnapshotError, Statements as _};
use crate::port::Port;
use crate::port::error::PortError;

/// The first half of the advisory lock's key; the second is the schema's. `LLPT` in ASCII.
const LOCK: i32 = 0x4c4c_5054;

/// How often the lock is tried for.
const LOCK_TRIES: usize = 10;

/// The SQLSTATE `too_many_connections`.
const TOO_MANY_CONNECTIONS: &str = "53300";

/// The time between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Opens the source in one state, or the copy of it that was asked for, by as many connections.
pub(super) fn snapshot(port: &Port<'_>, jobs: usize) -> Result<Snapshot, PortError> {
    let Some(path) = &port.snapshot else {
        return Ok(Snapshot::open(&port.source, jobs, port.patience, &port.interrupt)?);
    };
    if !(port.resume && path.exists()) {
        let original = Snapshot::open(&port.source, 1, port.patience, &port.interrupt)?;
        original.reader().back_up(path).map_err(|source| SnapshotError::BackUp {
            from: port.source.to_string(),
            to: path.display().to_string(),
            source,
        })?;
    }
    let copy = SqliteTarget { location: SqliteLocation::File(path.clone()), read_only: true, create: false };
    Ok(Snapshot::open(&copy, jobs, port.patience, &port.interrupt)?)
}

/// A session of the target's, set up for the copy.
pub(super) fn connect(port: &Port<'_>) -> Result<BulkDb, PortError> {
    connect_to(&port.target)
}

/// A session at `target`, set up as for the copy.
pub(in crate::port) fn connect_to(target: &PostgresTarget) -> Result<BulkDb, PortError> {
    let mut db = BulkDb::connect(target)?;
    refuse_pooler(&mut db)?;
    // what a server gives up on after a while must not be what takes long here; and a checkpoint goes to the disk with
    // its batch or not at all, so that no COMMIT has to wait for it
    let set_up = db.execute(
        "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET TimeZone = 'UTC'; \
         SET synchronous_commit = off; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; \
         SET extra_float_digits = 1; SET client_min_messages = warning; SET bytea_output = 'hex'; \
         SET quote_all_identifiers = off;",
    );
    set_up.map_err(|error| PortError::target("set the session up", error))?;
    // not in every server: built without it, or older than version 14, 14 and 17
    for setting in ["default_toast_compression = lz4", "idle_session_timeout = 0", "transaction_timeout = 0"] {
        if let Err(error) = db.execute(&format!("SET {setting}")) {
            tracing::debug!(%error, setting);
        }
    }
    Ok(db)
}

/// Through a pooler, lock and settings would be those of whatever session serves the next statement.
pub(in crate::port) fn refuse_pooler(db: &mut BulkDb) -> Result<(), PortError> {
    match db.is_direct() {
        Ok(true) => Ok(()),
        Ok(false) => Err(PortError::Pooler),
        Err(error) => Err(PortError::target("find out whether a pooler stands between", error)),
    }
}

/// Keeps another run out of the same schema as long as the session lives.
pub(super) fn lock(port: &Port<'_>, db: &mut BulkDb) -> Result<(), PortError> {
    let schema = crate::Dialect::Postgres.literal(&port.options.target_schema);
    for _ in 0..LOCK_TRIES {
        let locked = db.query(&format!("SELECT pg_try_advisory_lock({LOCK}, hashtext({schema}))"));
        let locked = locked.map_err(|error| PortError::target("take the lock against a second port", error))?;
        if locked.first().and_then(|row| row.first()?.as_deref()) == Some("t") {
            return Ok(());
        }
        // a run that has ended may still have a session for a moment
        std::thread::sleep(LOCK_PAUSE);
    }
    Err(PortError::Busy { schema: port.options.target_schema.clone() })
}

/// The sessions of a run; the first is the one that holds the lock, and does what one alone must do.
#[derive(Debug)]
pub(super) struct Sessions(Vec<BulkDb>);

impl Sessions {
    /// As many as there are readers of the source; one where all is one transaction. Fewer where others have taken the
    /// server's connections meanwhile; then with a sentence about that.
    pub fn open(port: &Port<'_>, readers: usize, control: BulkDb) -> Result<(Self, Option<String>), PortError> {
        let mut sessions = vec![control];
        let wanted = if port.single_transaction { 1 } else { port.jobs.min(readers).max(1) };
        while sessions.len() < wanted {
            match connect(port) {
                Ok(session) => sessions.push(session),
                Err(PortError::Connect(DbError::Connect { source, .. }))
                    if source.code.as_deref() == Some(TOO_MANY_CONNECTIONS) =>
                {
                    let note = format!(
                        "{} of {wanted} connections work, since the server has no more: {}",
                        sessions.len(),
                        source.message
                    );
                    return Ok((Self(sessions), Some(note)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((Self(sessions), None))
    }

    /// All of them.
    pub fn all(&mut self) -> &mut [BulkDb] {
        &mut self.0
    }

    /// The one that holds the lock.
    pub fn control(&mut self) -> &mut BulkDb {
        &mut self.0[0]
    }

    /// What stops the statements that run on them.
    pub fn cancellers(&self) -> Vec<Box<dyn Fn() + Send + Sync>> {
        self.0.iter().map(BulkDb::canceller).collect()
    }
}
