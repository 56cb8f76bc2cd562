//! From sums that differ to the rows that do, in memory that does not grow with the table.
//!
//! What differs is looked at in parts that hold a bounded number of rows: some of the batches or ranges of hashes that
//! differ, or, where these are too large, finer parts of them. The hashes of both sides' rows in there are held, and
//! those that are on both sides go; what is left are the rows that differ, of which some are read whole.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::place::{Bounds, Places};
use super::rows::{self, Difference, Found};
use super::{Failed, Refused, TableProof, TableSums, range_of};
use crate::db::{BulkDb, SqlError};
use crate::interrupt::Interrupt;
use crate::port::batch::{Batch, KeyValue};
use crate::port::copy::{TableJob, Worker, show_key};
use crate::port::error::PortError;
use crate::port::row::{Fields, Scratch};
use crate::value::{Checksum, Malformed};

/// How many rows that differ are looked for and listed, told apart by their keys.
const LISTED: usize = 100;

/// How many rows of one key are listed, of each side.
const LISTED_OF_KEY: usize = 3;

/// How many bytes of rows to be listed are held; the last goes beyond.
const LISTED_BYTES: usize = 8 << 20;

/// How many rows, of both sides together, have their hashes held: 32 bytes each, in a table of 50 MB at most.
const HELD: u64 = 800_000;

/// Into how many finer parts what is too large is divided: 4 MB of sums for both sides.
const FINE: usize = 1 << 16;

/// What the sums that differ are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    /// Batches.
    Batches,
    /// Ranges of row hashes.
    Ranges,
    /// The whole table.
    Whole,
}

/// A search for the rows that differ.
pub(super) struct Search<'a> {
    pub job: &'a TableJob,
    pub parts: Parts,
    pub source: &'a TableSums,
    pub target: &'a TableSums,
    pub refused: &'a Refused,
    pub interrupt: &'a Interrupt,
}

/// What is looked at.
struct Look {
    /// The batches, by their numbers; all of the table else.
    batches: Option<Vec<usize>>,
    /// The parts of these.
    part: Option<Part>,
}

/// Some of the parts into which rows fall by a hash.
struct Part {
    /// By the hash of the key, so that both versions of a row that has changed are in one part.
    by_key: bool,
    of: usize,
    chosen: HashSet<usize>,
}

/// A row that is looked at.
struct Seen<'r> {
    hash: u128,
    /// The hash of its key; of the whole row where it has none.
    key: u64,
    fields: &'r [u8],
}

/// A row, by its hash, that is not as often on one side as on the other.
struct Odd {
    /// Above zero: it is more often in SQLite.
    count: i64,
    key: u64,
}

/// Parts that differ: which are looked at, and how many rows differ at least in the others.
struct Choice {
    looked: Vec<usize>,
    /// The rows in these, of both sides.
    rows: u64,
    left: u64,
}

impl Choice {
    /// The first of `differing` that hold no more rows than may be held, one at least. A part whose rows are as many on
    /// both sides has one that differs, or, where a row's two versions are told by themselves, `apart`.
    fn of(differing: &[usize], source: &[Checksum], target: &[Checksum], apart: u64) -> Self {
        let mut choice = Self { looked: Vec::new(), rows: 0, left: 0 };
        for at in differing {
            let (source, target) = (source[*at].rows, target[*at].rows);
            if choice.looked.is_empty() || choice.rows + source + target <= HELD {
                choice.looked.push(*at);
                choice.rows += source + target;
            } else {
                choice.left += if source == target { apart } else { source.abs_diff(target) };
            }
        }
        choice
    }
}

impl Search<'_> {
    /// The rows that differ, as far as they are looked at, and how many more there are at least.
    pub fn find(&self, proof: &TableProof, worker: &mut Worker<'_>) -> Result<(Vec<Difference>, u64), PortError> {
        if self.refused.more > 0 {
            // which rows of the source are in PostgreSQL is no longer known one by one
            return Ok((Vec::new(), proof.source.rows.abs_diff(proof.target.rows).max(1)));
        }
        let keyed = !self.job.codec.key_columns().is_empty();
        let apart = if keyed { 1 } else { 2 };
        let mut look = Look { batches: None, part: None };
        let mut choice = match self.parts {
            Parts::Batches => Choice::of(&proof.differing, &self.source.batches, &self.target.batches, apart),
            // where rows have keys, the two versions of one are to be found together: ranges of hashes don't do that
            Parts::Ranges | Parts::Whole => Choice::of(&[0], &[proof.source], &[proof.target], apart),
        };
        if self.parts == Parts::Batches {
            look.batches = Some(std::mem::take(&mut choice.looked));
        }
        if self.parts == Parts::Ranges && !keyed {
            let (source, target) = (self.source.sums.ranges(), self.target.sums.ranges());
            let ranges = Choice::of(&proof.differing_ranges, source, target, apart);
            if ranges.rows <= HELD {
                look.part =
                    Some(Part { by_key: false, of: proof.ranges, chosen: ranges.looked.iter().copied().collect() });
                choice = ranges;
            }
        }
        if choice.rows > HELD {
            let (source, target) = self.finer(&look, worker)?;
            let differing = super::differing(&source, &target);
            let fine = Choice::of(&differing, &source, &target, apart);
            choice.left += fine.left;
            look.part = Some(Part { by_key: true, of: FINE, chosen: fine.looked.into_iter().collect() });
        }
        let odd = self.odd(&look, worker)?;
        let differ = count(&odd);
        let differences = self.listed(&look, odd, worker)?;
        let unlisted = differ.saturating_sub(differences.len() as u64) + choice.left;
        Ok((differences, unlisted))
    }

    /// Both sides' sums by finer parts.
    fn finer(&self, look: &Look, worker: &mut Worker<'_>) -> Result<(Vec<Checksum>, Vec<Checksum>), PortError> {
        let mut sums = [vec![Checksum::default(); FINE], vec![Checksum::default(); FINE]];
        let [source, target] = &mut sums;
        let part = |key: u64| range_of(u128::from(key) << 64, FINE);
        self.source_rows(look, worker, |row, _| source[part(row.key)].add(row.hash))?;
        self.target_rows(look, worker.bulk, |row| target[part(row.key)].add(row.hash))?;
        let [source, target] = sums;
        Ok((source, target))
    }

    /// The rows that are not as often on one side as on the other.
    fn odd(&self, look: &Look, worker: &mut Worker<'_>) -> Result<HashMap<u128, Odd>, PortError> {
        let mut odd: HashMap<u128, Odd> = HashMap::new();
        let mut count = |row: &Seen<'_>, by: i64| {
            let entry = odd.entry(row.hash).or_insert(Odd { count: 0, key: row.key });
            entry.count += by;
            if entry.count == 0 {
                odd.remove(&row.hash);
            }
        };
        self.source_rows(look, worker, |row, _| count(row, 1))?;
        self.target_rows(look, worker.bulk, |row| count(row, -1))?;
        Ok(odd)
    }

    /// Reads rows that differ: for the first keys among them, all that there are of either side.
    fn listed(
        &self,
        look: &Look,
        mut odd: HashMap<u128, Odd>,
        worker: &mut Worker<'_>,
    ) -> Result<Vec<Difference>, PortError> {
        let mut keys: HashMap<u64, [usize; 2]> = HashMap::new();
        let mut bytes = 0;
        let (mut missing, mut extra) = (Vec::new(), Vec::new());
        let mut take = |row: &Seen<'_>, side: i64, found: &mut Vec<Found>, key: &dyn Fn() -> String| {
            let Some(entry) = odd.get_mut(&row.hash).filter(|entry| entry.count.signum() == side) else { return };
            let room = keys.len() < LISTED && bytes < LISTED_BYTES;
            if !room && !keys.contains_key(&row.key) {
                return;
            }
            // of a row that is there a thousand times too often, some are enough
            let of_key = &mut keys.entry(row.key).or_default()[usize::from(side < 0)];
            if *of_key < LISTED_OF_KEY {
                *of_key += 1;
                bytes += row.fields.len();
                entry.count -= side;
                found.push(Found { key: key(), fields: row.fields.to_vec() });
            }
        };
        self.source_rows(look, worker, |row, key| take(row, 1, &mut missing, key))?;
        self.target_rows(look, worker.bulk, |row| take(row, -1, &mut extra, &String::new))?;
        Ok(rows::pair(self.job, missing, extra))
    }

    /// The rows of SQLite that are looked at, each with what gives its key's name, without those that PostgreSQL has
    /// refused.
    fn source_rows(
        &self,
        look: &Look,
        worker: &Worker<'_>,
        mut each: impl FnMut(&Seen<'_>, &dyn Fn() -> String),
    ) -> Result<(), PortError> {
        struct Failure(PortError);
        impl From<SqlError> for Failure {
            fn from(error: SqlError) -> Self {
                Self(PortError::source("rows", error))
            }
        }
        let codec = &self.job.codec;
        let mut refused: HashMap<u128, u64> = HashMap::new();
        self.refused.hashes.iter().for_each(|hash| *refused.entry(*hash).or_default() += 1);
        let (mut scratch, mut for_key) = (Scratch::default(), Scratch::default());
        let mut seen = 0u64;
        let whole = [Batch::default()];
        let ranges: Vec<&Batch> = match &look.batches {
            Some(batches) => batches.iter().map(|at| &self.job.batches[*at]).collect(),
            None => whole.iter().collect(),
        };
        for range in ranges {
            let (sql, values) = codec.select(range);
            let read = worker.reader.each_row::<Failure>(&sql, &values, |row| {
                seen += 1;
                if seen.is_multiple_of(4096) && self.interrupt.is_set() {
                    return Err(Failure(PortError::Interrupted));
                }
                // a row that does not fit was put aside, or the plan would have stopped at it
                if let Ok((hash, fields)) = codec.as_sent(row, &mut scratch) {
                    if let Some(count) = refused.get_mut(&hash).filter(|count| **count > 0) {
                        *count -= 1;
                    } else if let Ok(seen) = self.seen(look, hash, fields, &mut for_key)
                        && look.holds(&seen)
                    {
                        each(&seen, &|| show_key(&codec.key_of(row)));
                    }
                }
                Ok(ControlFlow::Continue(()))
            });
            read.map_err(|Failure(error)| error)?;
        }
        Ok(())
    }

    /// The rows of PostgreSQL that are looked at.
    fn target_rows(&self, look: &Look, bulk: &mut BulkDb, mut each: impl FnMut(&Seen<'_>)) -> Result<(), PortError> {
        let mut scratch = Scratch::default();
        let mut seen = 0u64;
        let (whole, mut ranges) = (Batch::default(), Vec::new());
        let mut places = None;
        match (&look.batches, &self.job.bounds) {
            (Some(batches), Some(bounds @ Bounds::Keys(_))) => {
                ranges.push(&whole);
                places = Some((batches, Places::new(&self.job.codec, bounds)));
            }
            (Some(batches), _) => ranges.extend(batches.iter().map(|at| &self.job.batches[*at])),
            (None, _) => ranges.push(&whole),
        }
        for range in ranges {
            target_range(self.job, range, bulk, |hash, fields| {
                seen += 1;
                if seen.is_multiple_of(4096) && self.interrupt.is_set() {
                    return Err(Failed(PortError::Interrupted));
                }
                let malformed = |_: Malformed| Failed(malformed(self.job));
                if let Some((batches, places)) = &mut places
                    && !batches.contains(&places.of(fields, Fields::All).map_err(malformed)?)
                {
                    return Ok(());
                }
                let row = self.seen(look, hash, fields, &mut scratch).map_err(malformed)?;
                if look.holds(&row) {
                    each(&row);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn seen<'r>(
        &self,
        look: &Look,
        hash: u128,
        fields: &'r [u8],
        scratch: &mut Scratch,
    ) -> Result<Seen<'r>, Malformed> {
        // the leading bits say in which range of row hashes it is, the others tell rows without a key apart
        let alone = (hash & u128::from(u64::MAX)) as u64;
        // what is not looked at needs no key
        let skipped = look.part.as_ref().is_some_and(|part| !part.by_key && !part.has(hash));
        let key = if skipped { None } else { self.job.codec.key_hash(fields, scratch)? };
        Ok(Seen { hash, key: key.unwrap_or(alone), fields })
    }
}

impl Look {
    fn holds(&self, row: &Seen<'_>) -> bool {
        match &self.part {
            None => true,
            Some(part) if part.by_key => part.has(u128::from(row.key) << 64),
            Some(part) => part.has(row.hash),
        }
    }
}

impl Part {
    fn has(&self, hash: u128) -> bool {
        self.chosen.contains(&range_of(hash, self.of))
    }
}

/// How many rows differ: one that is missing as it was and there as it is counts once.
fn count(odd: &HashMap<u128, Odd>) -> u64 {
    let mut sides: Vec<(u64, i64)> = odd.values().map(|odd| (odd.key, odd.count)).collect();
    sides.sort_unstable();
    let of = |same: &[(u64, i64)]| {
        let side = |sign: i64| same.iter().filter(|(_, n)| n.signum() == sign).map(|(_, n)| n.unsigned_abs()).sum();
        u64::max(side(1), side(-1))
    };
    sides.chunk_by(|one, other| one.0 == other.0).map(of).sum()
}

fn malformed(job: &TableJob) -> PortError {
    PortError::Malformed { table: job.codec.target().to_owned() }
}

/// The rows of PostgreSQL in a range of integer keys; all of them where batches are not found by such.
pub(super) fn target_range(
    job: &TableJob,
    range: &Batch,
    bulk: &mut BulkDb,
    mut each: impl FnMut(u128, &[u8]) -> Result<(), Failed>,
) -> Result<(), PortError> {
    let mut conditions = Vec::new();
    if let Some(column) = job.codec.batch_key() {
        for (bound, operator) in [(&range.after, ">"), (&range.upto, "<=")] {
            if let Some([KeyValue::Integer(bound)]) = bound.as_deref() {
                conditions.push(format!("{column} {operator} {bound}"));
            }
        }
        // a key that has become NULL is in the first batch
        if let (None, Some(condition)) = (&range.after, conditions.first_mut()) {
            condition.push_str(&format!(" OR {column} IS NULL"));
        }
    }
    let condition = (!conditions.is_empty()).then(|| conditions.join(" AND "));
    let mut scratch = Scratch::default();
    let read = bulk.copy_out::<Failed>(&job.codec.copy_out(condition.as_deref()), |fields| {
        let hash = job.codec.hash_sent(fields, &mut scratch).map_err(|_| Failed(malformed(job)))?;
        each(hash, fields)
    });
    read.map_err(|Failed(error)| error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_parts_are_looked_at_than_may_be_held() {
        let sum = |rows: u64| Checksum { rows, sum: u128::from(rows) };
        let source: Vec<Checksum> = [10, HELD, 5, HELD / 2, 7].map(sum).to_vec();
        let target: Vec<Checksum> = [11, HELD, 5, HELD, 4].map(sum).to_vec();
        let choice = Choice::of(&[0, 1, 2, 3, 4], &source, &target, 2);
        assert_eq!((choice.looked, choice.rows), (vec![0, 2, 4], 42));
        assert_eq!(choice.left, 2 + HELD / 2);
        // one has to be looked at
        let choice = Choice::of(&[1, 2], &source, &target, 1);
        assert_eq!((choice.looked, choice.left), (vec![1], 1));
    }

    #[test]
    fn both_versions_of_a_row_count_once() {
        let odd = [(1, 5, 1), (2, 5, -1), (3, 6, -3), (4, 7, 1), (5, 7, 1), (6, 7, -1)];
        let odd = odd.into_iter().map(|(hash, key, count)| (hash, Odd { count, key })).collect();
        assert_eq!(count(&odd), 1 + 3 + 2);
    }
}
