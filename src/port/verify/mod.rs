//! Reading back: what PostgreSQL holds of a table, hashed as it is stored, against what SQLite holds.

mod narrow;
mod place;
mod rows;
mod sums;

use std::ops::Range;

use narrow::{Parts, Search};
pub use place::{Bounds, InPlace, Places, Rising};
pub use rows::{Cell, Difference, Kind};
pub use sums::{MOST_RANGES, Sums, range_of, ranges_for};

use super::copy::{TableJob, Worker};
use super::error::PortError;
use super::row::{Fields, Scratch};
use crate::db::{BulkDb, SqlError, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::batch::Batch;
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
    /// The ranges of row hashes that were compared one by one; 1 where they were not divided.
    pub ranges: usize,
    /// The numbers of those that differ, from 0.
    pub differing_ranges: Vec<usize>,
    /// The rows that differ, as far as they were looked for.
    pub differences: Vec<Difference>,
    /// How many more differ than are listed, at least.
    pub unlisted: u64,
}

impl TableProof {
    /// Whether both sides hold the same rows.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.differing.is_empty() && self.differing_ranges.is_empty() && self.source == self.target
    }
}

/// The sums of one side of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSums {
    /// Of each batch; none where rows do not find theirs.
    pub batches: Vec<Checksum>,
    /// Of all, and by ranges of hashes.
    pub sums: Sums,
    /// Each row of the source was in the batch in which its key says that it is.
    pub in_place: bool,
}

impl TableSums {
    /// Adds those of other rows of the table.
    pub fn add(&mut self, part: &Self) {
        if self.batches.len() < part.batches.len() {
            self.batches.resize(part.batches.len(), Checksum::default());
        }
        self.batches.iter_mut().zip(&part.batches).for_each(|(sum, part)| *sum += *part);
        self.sums += &part.sums;
        self.in_place &= part.in_place;
    }
}

/// Rows of the source that the server has refused, by their hashes, as far as there is room for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// Some of them.
    pub hashes: Vec<u128>,
    /// How many more there are.
    pub more: u64,
}

impl Refused {
    /// How many are kept: 1.6 MB.
    const KEPT: usize = 100_000;

    /// Adds more of them.
    pub fn add(&mut self, hashes: &[u128]) {
        let kept = hashes.len().min(Self::KEPT - self.hashes.len().min(Self::KEPT));
        self.hashes.extend_from_slice(&hashes[..kept]);
        self.more += (hashes.len() - kept) as u64;
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

/// The sums of the rows in `pages`: of each batch where rows find theirs by key, and by ranges of hashes where the table
/// has such.
pub(super) fn read_back(
    job: &TableJob,
    pages: Option<&PageRange>,
    bulk: &mut BulkDb,
    interrupt: &Interrupt,
) -> Result<TableSums, PortError> {
    let mut places = job.bounds.as_ref().map(|bounds| Places::new(&job.codec, bounds));
    let mut batches = vec![Checksum::default(); if places.is_some() { job.batches.len().max(1) } else { 0 }];
    let mut sums = Sums::new(job.hash_ranges);
    let condition =
        pages.map(|pages| format!("ctid >= '({},0)'::tid AND ctid < '({},0)'::tid", pages.start, pages.end));
    let mut scratch = Scratch::default();
    let mut seen = 0u64;
    let malformed = |_: Malformed| Failed(PortError::Malformed { table: job.codec.target().to_owned() });
    let read = bulk.copy_out::<Failed>(&job.codec.copy_out(condition.as_deref()), |fields| {
        let hash = job.codec.hash_sent(fields, &mut scratch).map_err(malformed)?;
        if let Some(places) = &mut places {
            batches[places.of(fields, Fields::All).map_err(malformed)?].add(hash);
        }
        sums.add(hash);
        seen += 1;
        if seen.is_multiple_of(4096) && interrupt.is_set() {
            return Err(Failed(PortError::Interrupted));
        }
        Ok(())
    });
    read.map_err(|Failed(error)| error)?;
    Ok(TableSums { batches, sums, in_place: true })
}

/// The checksum of the rows in a range of keys.
pub(super) fn read_range(job: &TableJob, range: &Batch, bulk: &mut BulkDb) -> Result<Checksum, PortError> {
    let mut checksum = Checksum::default();
    narrow::target_range(job, range, bulk, |hash, _| {
        checksum.add(hash);
        Ok(())
    })?;
    Ok(checksum)
}

/// Compares both sides' sums, by the smallest parts that both have; where they differ, finds the rows.
///
/// `refused` are rows of the source that the server has refused: they are not in its sums.
pub(super) fn compare(
    job: &TableJob,
    source: &TableSums,
    target: &TableSums,
    refused: &Refused,
    worker: &mut Worker<'_>,
    interrupt: &Interrupt,
) -> Result<TableProof, PortError> {
    let expected: Checksum = source.batches.iter().copied().sum();
    let mut proof =
        TableProof { source: expected, target: target.sums.all, batches: 1, ranges: 1, ..TableProof::default() };
    let by_key = source.in_place && job.bounds.is_some() && source.batches.len() == target.batches.len();
    let parts = if by_key {
        proof.batches = source.batches.len();
        proof.differing = differing(&source.batches, &target.batches);
        Parts::Batches
    } else if let Some(differing) = source.sums.differing(&target.sums).filter(|_| source.sums.all == expected) {
        proof.ranges = source.sums.ranges().len();
        proof.differing_ranges = differing;
        Parts::Ranges
    } else {
        proof.differing = differing(&[expected], &[target.sums.all]);
        Parts::Whole
    };
    // where others' rows stand between ours, which of them are not as expected can't be told
    if !proof.is_proven() && job.beside.is_none() {
        let search = Search { job, parts, source, target, refused, interrupt };
        (proof.differences, proof.unlisted) = search.find(&proof, worker)?;
    }
    Ok(proof)
}

fn differing(source: &[Checksum], target: &[Checksum]) -> Vec<usize> {
    (0..source.len()).filter(|at| source[*at] != target[*at]).collect()
}
