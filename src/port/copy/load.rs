//! One batch: read in key order, encoded into the wire's buffer, stored with its checkpoint in one transaction.

use std::ops::ControlFlow;

use super::aside::{Aside, NotStored};
use super::reject::{self, OnError};
use super::{CopySettings, TableJob, Worker, beside};
use crate::db::{SqlError, Statements as _};
use crate::port::checkpoint::BesideRows;
use crate::port::error::PortError;
use crate::port::progress::Event;
use crate::port::row::{BadCell, Fields, Scratch};
use crate::port::verify::{InPlace, Sums};

/// The bytes before a row's fields: their number.
pub(super) const COUNT: usize = 2;

/// How much is encoded before it goes to the server.
const CHUNK: usize = 256 * 1024;

/// A batch that is in.
#[derive(Debug)]
pub(super) struct Loaded {
    pub sums: Sums,
    /// Each row was in the batch in which its key says that it is.
    pub in_place: bool,
    pub bytes: u64,
    /// The hashes of the rows that the server has refused.
    pub refused: Vec<u128>,
    pub quarantined: Aside,
    pub beside: Option<BesideRows>,
}

impl Loaded {
    pub fn new(job: &TableJob) -> Self {
        Self {
            sums: Sums::new(job.hash_ranges),
            in_place: true,
            bytes: 0,
            refused: Vec::new(),
            quarantined: Aside::default(),
            beside: None,
        }
    }
}

/// Why a batch is not in.
pub(super) enum Failure {
    Source(SqlError),
    Target(SqlError),
    Other(PortError),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Source(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Other(PortError::Aside(error))
    }
}

impl From<NotStored> for Failure {
    fn from(error: NotStored) -> Self {
        match error {
            NotStored::File(error) => error.into(),
            NotStored::Target(error) => Self::Target(error),
        }
    }
}

/// The same within a COPY, where the driver's errors are the server's.
struct InCopy(Failure);

impl From<SqlError> for InCopy {
    fn from(error: SqlError) -> Self {
        Self(Failure::Target(error))
    }
}

impl Failure {
    pub fn into_error(self, job: &TableJob) -> PortError {
        match self {
            Self::Source(error) => PortError::source(format!("table `{}`", job.source), error),
            Self::Target(error) => PortError::target(format!("store rows of table `{}`", job.source), error),
            Self::Other(error) => error,
        }
    }
}

/// Loads one batch.
pub(super) fn batch(
    job: &TableJob,
    number: usize,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<Loaded, PortError> {
    let own_transaction = settings.checkpoint.is_some();
    let begin = if own_transaction { "BEGIN" } else { "SAVEPOINT liftlock_batch" };
    worker.bulk.execute(begin).map_err(|error| Failure::Target(error).into_error(job))?;
    crate::crash::point("port-batch-begun");
    let first = match &job.beside {
        Some(beside) => beside::rows(job, beside, number, worker, settings),
        None => send(job, number, &job.codec.copy_in(""), worker, settings),
    };
    let loaded = match first {
        Err(Failure::Target(error))
            if settings.on_error == OnError::Quarantine && job.beside.is_none() && reject::is_about_data(&error) =>
        {
            let back = if own_transaction { "ROLLBACK; BEGIN" } else { "ROLLBACK TO SAVEPOINT liftlock_batch" };
            worker.bulk.execute(back).map_err(|error| Failure::Target(error).into_error(job))?;
            reject::one_by_one(job, number, worker, settings)
        }
        other => other,
    };
    let end = |loaded: &Loaded| match settings.checkpoint {
        Some(checkpoint) => {
            checkpoint.done(&job.source, number, loaded.sums.all, &loaded.refused, loaded.beside.as_ref())
        }
        None => "RELEASE SAVEPOINT liftlock_batch".to_owned(),
    };
    let stored = loaded.and_then(|mut loaded| {
        loaded.quarantined.store(worker.bulk, &settings.schema)?;
        worker.bulk.execute(&end(&loaded)).map_err(Failure::Target)?;
        crate::crash::point("port-batch-before-commit");
        if own_transaction {
            worker.bulk.execute("COMMIT").map_err(Failure::Target)?;
        }
        crate::crash::point("port-batch-committed");
        Ok(loaded)
    });
    stored.map_err(|failure| {
        if own_transaction && let Err(error) = worker.bulk.execute("ROLLBACK") {
            tracing::debug!(%error, "roll back");
        }
        failure.into_error(job)
    })
}

/// Sends a batch's rows to the COPY of `statement`.
pub(super) fn send(
    job: &TableJob,
    number: usize,
    statement: &str,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<Loaded, Failure> {
    let mut loaded = Loaded::new(job);
    let mut in_place = InPlace::new(&job.codec, job.bounds.as_ref(), number);
    let mut scratch = Scratch::default();
    let (sql, values) = job.codec.select(&job.batches[number]);
    let reader = &*worker.reader;
    let mut told = 0;
    let stored = worker.bulk.copy_in::<InCopy>(statement, |copy| {
        let mut buffer = Vec::with_capacity(CHUNK + CHUNK / 8);
        let sent = reader.each_row::<Failure>(&sql, &values, |row| {
            let start = buffer.len();
            match job.codec.encode(row, &mut buffer, &mut scratch) {
                Ok(hash) => {
                    loaded.sums.add(hash);
                    in_place.see(&buffer[start + COUNT..], Fields::Sent);
                }
                Err(bad) if settings.on_error == OnError::Quarantine => {
                    loaded.quarantined.push(reject::quarantined(job, row, bad)).map_err(Failure::from)?;
                }
                Err(bad) => return Err(Failure::Other(bad_row(job, row, bad))),
            }
            if buffer.len() >= CHUNK {
                if settings.interrupt.is_set() {
                    return Err(Failure::Other(PortError::Interrupted));
                }
                loaded.bytes += buffer.len() as u64;
                let rows = loaded.sums.all.rows - told;
                told = loaded.sums.all.rows;
                settings.observer.tell(&Event::Sent { table: &job.source, rows, bytes: buffer.len() as u64 });
                let full = std::mem::replace(&mut buffer, Vec::with_capacity(CHUNK + CHUNK / 8));
                copy.send(full).map_err(Failure::Target)?;
            }
            Ok(ControlFlow::Continue(()))
        });
        sent.map_err(InCopy)?;
        loaded.bytes += buffer.len() as u64;
        let rows = loaded.sums.all.rows - told;
        settings.observer.tell(&Event::Sent { table: &job.source, rows, bytes: buffer.len() as u64 });
        copy.send(buffer).map_err(|error| InCopy(Failure::Target(error)))
    });
    let stored = stored.map_err(|InCopy(failure)| failure)?;
    if settings.interrupt.is_set() {
        return Err(Failure::Other(PortError::Interrupted));
    }
    if stored != loaded.sums.all.rows {
        let sent = loaded.sums.all.rows;
        return Err(Failure::Other(PortError::RowsLost { table: job.source.clone(), sent, stored }));
    }
    loaded.in_place = in_place.so_far;
    Ok(loaded)
}

fn bad_row(job: &TableJob, row: &crate::db::Row<'_>, bad: BadCell) -> PortError {
    let quarantined = reject::quarantined(job, row, bad);
    PortError::BadRow { table: job.source.clone(), key: quarantined.key, why: quarantined.reason }
}
