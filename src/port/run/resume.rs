//! Going on with a run: whether the source still holds what the finished batches were copied from.

use std::collections::HashSet;
use std::ops::ControlFlow;

use crate::db::{SqlError, SqliteDb};
use crate::interrupt::Interrupt;
use crate::port::copy::{TableJob, show_key};
use crate::port::error::PortError;
use crate::port::row::Scratch;
use crate::port::side_by_side::side_by_side;
use crate::value::Checksum;

struct Failure(PortError);

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self(PortError::source("rows of finished batches", error))
    }
}

/// The tables whose finished batches are no longer what the source holds, each with what is different.
pub(super) fn changed(
    tables: &[TableJob],
    aside: &HashSet<(String, String)>,
    readers: &mut [SqliteDb],
    interrupt: &Interrupt,
) -> Result<Vec<String>, PortError> {
    let finished = tables.iter().enumerate().flat_map(|(table, job)| {
        job.done.iter().enumerate().filter_map(move |(batch, done)| done.map(|done| (table, batch, done)))
    });
    let checked = side_by_side(readers.iter_mut(), finished, |reader, (table, batch, done)| {
        let now = checksum(&tables[table], batch, aside, reader, interrupt)?;
        Ok::<_, PortError>((table, is_as_it_was(&tables[table], now, done)))
    })?;
    let changed = tables.iter().enumerate().filter_map(|(at, job)| {
        let count = checked.iter().filter(|(table, same)| *table == at && !same).count();
        let of = job.done.iter().flatten().count();
        (count > 0).then(|| format!("`{}` ({count} of {of} finished batches)", job.source))
    });
    Ok(changed.collect())
}

/// What went in beside other rows has a checksum of its own: the other is that of both.
fn is_as_it_was(job: &TableJob, now: Checksum, done: Checksum) -> bool {
    match job.beside.as_ref().and_then(|beside| beside.done.as_ref()) {
        Some(beside) => (beside.source_rows, beside.source_sum.as_str()) == (now.rows, now.to_string().as_str()),
        None => now == done,
    }
}

fn checksum(
    job: &TableJob,
    batch: usize,
    aside: &HashSet<(String, String)>,
    reader: &SqliteDb,
    interrupt: &Interrupt,
) -> Result<Checksum, PortError> {
    let mut checksum = Checksum::default();
    let mut scratch = Scratch::default();
    let (sql, values) = job.codec.select(&job.batches[batch]);
    let some_aside = aside.iter().any(|(table, _)| *table == job.source);
    let mut seen = 0u64;
    let read = reader.each_row::<Failure>(&sql, &values, |row| {
        let was_put_aside = || aside.contains(&(job.source.clone(), show_key(&job.codec.key_of(row))));
        if !(some_aside && was_put_aside())
            && let Ok(hash) = job.codec.hash(row, &mut scratch)
        {
            checksum.add(hash);
        }
        seen += 1;
        if seen.is_multiple_of(4096) && interrupt.is_set() {
            return Err(Failure(PortError::Interrupted));
        }
        Ok(ControlFlow::Continue(()))
    });
    read.map_err(|Failure(error)| error)?;
    Ok(checksum)
}
