//! Going on with a run: whether the source still holds what the finished batches were copied from.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use super::writable;
use crate::db::{BulkDb, SqlError, SqliteDb};
use crate::interrupt::Interrupt;
use crate::port::Port;
use crate::port::checkpoint::{Checkpoint, Unfinished};
use crate::port::copy::{Before, TableJob};
use crate::port::error::PortError;
use crate::port::row::{Fields, Scratch};
use crate::port::side_by_side::side_by_side;
use crate::port::target::TargetSchema;
use crate::port::verify::{InPlace, Refused, Sums};
use crate::value::Checksum;

/// Refuses where an earlier run into the schema was not finished.
pub(super) fn refuse_unfinished(port: &Port<'_>, control: &mut BulkDb) -> Result<(), PortError> {
    match find_unfinished(port, control)? {
        Some(run) => Err(PortError::Unfinished { began: run.began, source_file: run.source }),
        None => Ok(()),
    }
}

/// The run into the schema that was not finished.
pub(super) fn find_unfinished(port: &Port<'_>, control: &mut BulkDb) -> Result<Option<Unfinished>, PortError> {
    let schema = &port.options.target_schema;
    if !writable::is_usable(control, schema)? {
        if port.resume || port.restart {
            writable::refuse_unusable(&TargetSchema::read(control, schema)?.server, schema)?;
        }
        // nothing can be known of it; the plan says so
        return Ok(None);
    }
    let found = Checkpoint::new(&port.options.target_schema).find(control);
    found.map_err(|error| PortError::target("look for an unfinished port", error))
}

struct Failure(PortError);

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self(PortError::source("rows of finished batches", error))
    }
}

/// The tables whose finished batches are no longer what the source holds, each with what is different. Of the others
/// each gets the sums of what is in: those by ranges of hashes are not kept, and so made again.
pub(super) fn changed(
    tables: &mut [TableJob],
    run: &Unfinished,
    readers: &mut [SqliteDb],
    control: &mut BulkDb,
    interrupt: &Interrupt,
) -> Result<Vec<String>, PortError> {
    let with_refused: HashSet<(&str, usize)> = run
        .batches
        .iter()
        .filter(|stored| stored.has_refused)
        .map(|stored| (stored.table.as_str(), stored.number))
        .collect();
    let control = Mutex::new((Checkpoint::new(&run.plan.target_schema), control));
    let refused = |table: &TableJob, number: usize| {
        if !with_refused.contains(&(table.source.as_str(), number)) {
            return Ok(Vec::new());
        }
        let (checkpoint, control) = &mut *control.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = checkpoint.refused(control, &table.source, number);
        refused.map_err(|error| PortError::target("read which rows were refused", error))
    };
    let finished = tables.iter().enumerate().flat_map(|(table, job)| {
        job.done.iter().enumerate().filter_map(move |(batch, done)| done.map(|done| (table, batch, done)))
    });
    let before: Mutex<Vec<Before>> = Mutex::new(tables.iter().map(|job| job.before.clone()).collect());
    let checked = side_by_side(readers.iter_mut(), finished, |reader, (table, batch, done)| {
        let job = &tables[table];
        let now = look(job, batch, &refused(job, batch)?, reader, interrupt)?;
        let same = is_as_it_was(job, now.sums.all, done);
        // what went in beside other rows is kept with theirs
        if same && job.beside.is_none() {
            before.lock().unwrap_or_else(PoisonError::into_inner)[table].add(&now);
        }
        Ok::<_, PortError>((table, same))
    })?;
    let before = before.into_inner().unwrap_or_else(PoisonError::into_inner);
    tables.iter_mut().zip(before).for_each(|(job, before)| job.before = before);
    let changed = tables.iter().enumerate().filter_map(|(at, job)| {
        let count = checked.iter().filter(|(table, same)| *table == at && !same).count();
        let of = job.done.iter().flatten().count();
        (count > 0).then(|| format!("`{}` ({count} of {of} finished batches)", job.source))
    });
    Ok(changed.collect())
}

/// The source is not what the run was begun with: it has changed, or it is another file. A file may have been moved, or
/// be named from another folder: that alone is no reason to stop.
pub(super) fn source_changed(port: &Port<'_>, run: &Unfinished, tables: Vec<String>) -> PortError {
    let given = port.source.to_string();
    if given == run.source {
        PortError::SourceChanged { tables }
    } else {
        PortError::OtherSource { began_from: run.source.clone(), given }
    }
}

/// What went in beside other rows has a checksum of its own: the other is that of both.
fn is_as_it_was(job: &TableJob, now: Checksum, done: Checksum) -> bool {
    match job.beside.as_ref().and_then(|beside| beside.done.as_ref()) {
        Some(beside) => (beside.source_rows, beside.source_sum.as_str()) == (now.rows, now.to_string().as_str()),
        None => now == done,
    }
}

/// A finished batch as the source holds it now, without the rows that the server has refused.
fn look(
    job: &TableJob,
    batch: usize,
    refused: &[u128],
    reader: &SqliteDb,
    interrupt: &Interrupt,
) -> Result<Before, PortError> {
    let mut sums = Sums::new(job.hash_ranges);
    let mut in_place = InPlace::new(&job.codec, job.bounds.as_ref(), batch);
    let mut scratch = Scratch::default();
    let (sql, values) = job.codec.select(&job.batches[batch]);
    let mut seen = 0u64;
    let read = reader.each_row::<Failure>(&sql, &values, |row| {
        // a row that does not fit was put aside
        if in_place.is_needed() {
            if let Ok((hash, fields)) = job.codec.as_sent(row, &mut scratch) {
                sums.add(hash);
                in_place.see(fields, Fields::All);
            }
        } else if let Ok(hash) = job.codec.hash(row, &mut scratch) {
            sums.add(hash);
        }
        seen += 1;
        if seen.is_multiple_of(4096) && interrupt.is_set() {
            return Err(Failure(PortError::Interrupted));
        }
        Ok(ControlFlow::Continue(()))
    });
    read.map_err(|Failure(error)| error)?;
    refused.iter().for_each(|hash| sums.remove(*hash));
    let mut before = Before { sums, in_place: in_place.so_far, refused: Refused::default() };
    before.refused.add(refused);
    Ok(before)
}
