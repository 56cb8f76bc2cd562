//! Reading back: what PostgreSQL holds of a table, hashed as it is stored, against what SQLite holds.

mod narrow;

use std::ops::{Range, RangeInclusive};

pub use narrow::{Cell, Difference, Kind};

use super::copy::{TableJob, Worker};
use super::error::PortError;
use super::row::Scratch;
use crate::db::{BulkDb, SqlError, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::batch::{Batch, KeyValue};
use crate::value::{Checksum, Malformed};

/// Pages of a table, from the first to before the last.
pub type PageRange = Range<u64>;

/// How many pages (of 8 kB) are read by one worker at once.
const PAGES: u64 = 8192;

/// What a comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableProof {
    /// What SQLite holds.
    pub source: Checksum,
    /// What PostgreSQL holds.
    pub target: Checksum,
    /// The batches that were compared one by one; 1 where the table was compared as a whole.
    pub batches: usize,
    /// The numbers of those that differ, from 0.
    pub differing: Vec<usize>,
    /// The rows that differ, as far as they were looked for.
    pub differences: Vec<Difference>,
    /// How many more differ than are listed, at least.
    pub unlisted: u64,
}

impl TableProof {
    /// Whether both sides hold the same rows.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.differing.is_empty() && self.source == self.target
    }
}

/// An error of the target's within a COPY.
struct Failed(PortError);

impl From<SqlError> for Failed {
    fn from(error: SqlError) -> Self {
        Self(PortError::target("read the rows back", error))
    }
}

/// How a table is to be cut so that several workers can read it back; `None` for all of it at once.
pub(super) fn page_ranges(job: &TableJob, bulk: &mut BulkDb) -> Result<Vec<Option<PageRange>>, PortError> {
    let rows: u64 = job.batches.iter().map(|batch| batch.rows).sum();
    if rows < 10_000 {
        return Ok(vec![None]);
    }
    let table = crate::Dialect::Postgres.literal(job.codec.target());
    // ranges of rows by their place are scanned as such since version 14; before, each would read the whole table
    let asked = bulk.query(&format!(
        "SELECT CASE WHEN current_setting('server_version_num')::int >= 140000 AND relkind = 'r' \
         THEN pg_relation_size(oid) / current_setting('block_size')::bigint ELSE 0 END \
         FROM pg_class WHERE oid = {table}::regclass"
    ));
    let asked =
        asked.map_err(|error| PortError::target(format!("ask for the size of {}", job.codec.target()), error))?;
    let pages: u64 = asked.first().and_then(|row| row[0].as_deref()?.parse().ok()).unwrap_or(0);
    if pages <= PAGES {
        return Ok(vec![None]);
    }
    let mut ranges: Vec<Option<PageRange>> =
        (0..pages.div_ceil(PAGES)).map(|at| Some(at * PAGES..(at + 1) * PAGES)).collect();
    // whatever the table has grown by since
    if let Some(Some(last)) = ranges.last_mut() {
        last.end = u64::from(u32::MAX);
    }
    Ok(ranges)
}

/// The checksums of the rows in `pages`: one for each batch where rows find theirs by key, else one for all.
pub(super) fn read_back(
    job: &TableJob,
    pages: Option<&PageRange>,
    bulk: &mut BulkDb,
    interrupt: &Interrupt,
) -> Result<Vec<Checksum>, PortError> {
    let bounds = batch_bounds(job);
    let mut sums = vec![Checksum::default(); bounds.as_ref().map_or(1, |bounds| bounds.len() + 1)];
    let condition =
        pages.map(|pages| format!("ctid >= '({},0)'::tid AND ctid < '({},0)'::tid", pages.start, pages.end));
    let mut scratch = Scratch::default();
    let mut seen = 0u64;
    // rows come in the order in which they were stored, mostly: the batch of the last one is tried first
    let mut last = 0;
    let mut last_range: Option<RangeInclusive<i64>> = None;
    let malformed = |_: Malformed| Failed(PortError::Malformed { table: job.codec.target().to_owned() });
    let read = bulk.copy_out::<Failed>(&job.codec.copy_out(condition.as_deref()), |fields| {
        let hash = job.codec.hash_sent(fields, &mut scratch).map_err(malformed)?;
        if let Some(bounds) = &bounds {
            let key = job.codec.batch_key_of(fields).ok_or(Malformed).map_err(malformed)?;
            if !last_range.as_ref().is_some_and(|range| range.contains(&key)) {
                last = bounds.partition_point(|upto| *upto < key);
                let from = if last == 0 { i64::MIN } else { bounds[last - 1].saturating_add(1) };
                last_range = Some(from..=bounds.get(last).copied().unwrap_or(i64::MAX));
            }
        }
        sums[last].add(hash);
        seen += 1;
        if seen.is_multiple_of(4096) && interrupt.is_set() {
            return Err(Failed(PortError::Interrupted));
        }
        Ok(())
    });
    read.map_err(|Failed(error)| error)?;
    Ok(sums)
}

/// The checksum of the rows in a range of keys.
pub(super) fn read_range(job: &TableJob, range: &Batch, bulk: &mut BulkDb) -> Result<Checksum, PortError> {
    let mut checksum = Checksum::default();
    narrow::target_rows(job, range, bulk, |hash, _| checksum.add(hash))?;
    Ok(checksum)
}

/// The keys that end each batch but the last, where rows find their batch by key.
fn batch_bounds(job: &TableJob) -> Option<Vec<i64>> {
    if !job.codec.has_batch_key() {
        return None;
    }
    let (_, but_last) = job.batches.split_last()?;
    let bound = |batch: &Batch| match batch.upto.as_deref() {
        Some([KeyValue::Integer(upto)]) => Some(*upto),
        _ => None,
    };
    but_last.iter().map(bound).collect()
}

/// Compares both sides' checksums; where they differ, finds the rows.
pub(super) fn compare(
    job: &TableJob,
    source: &[Checksum],
    target: &[Checksum],
    worker: &mut Worker<'_>,
    interrupt: &Interrupt,
) -> Result<TableProof, PortError> {
    let total = |sums: &[Checksum]| sums.iter().copied().sum::<Checksum>();
    let expected = total(source);
    let by_batch = batch_bounds(job).is_some() && source.len() == target.len();
    let differing: Vec<usize> = match by_batch {
        true => (0..source.len()).filter(|at| source[*at] != target[*at]).collect(),
        false if expected == total(target) => Vec::new(),
        false => vec![0],
    };
    let mut proof = TableProof {
        source: expected,
        target: total(target),
        batches: if by_batch { source.len() } else { 1 },
        ..TableProof::default()
    };
    // where others' rows stand between ours, which of them are not as expected can't be told
    if !differing.is_empty() && job.beside.is_none() {
        let batches = if by_batch { differing.as_slice() } else { &[] };
        (proof.differences, proof.unlisted) = narrow::find(job, batches, worker, interrupt)?;
    }
    proof.differing = differing;
    Ok(proof)
}
