//! What a scan has seen, as plain data.

use std::collections::BTreeMap;

use super::affected::Affected;
use super::rows::Place;
use crate::port::batch::Batch;
use crate::value::{Fidelity, Misfit};

/// How many examples are kept of each kind.
pub const EXAMPLES: usize = 5;

/// One table, as the scan has seen it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableScan {
    /// Its name in SQLite.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The bytes that they take on the wire, about: by the first candidate that takes each value.
    pub bytes: u64,
    /// The largest row, in bytes on the wire.
    pub largest_row: u64,
    /// Rows over the size that PostgreSQL takes.
    pub too_large: Tally,
    /// Rows that a page can't take, even with long values stored elsewhere.
    pub too_wide: Tally,
    /// What was seen of each column, in declared order.
    pub columns: Vec<ColumnScan>,
    /// How the table is cut; at least one, even without rows.
    pub batches: Vec<Batch>,
}

/// One column, as the scan has seen it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnScan {
    /// NULLs.
    pub nulls: Tally,
    /// INTEGER values.
    pub integers: Tally,
    /// REAL values.
    pub reals: Tally,
    /// TEXT values.
    pub texts: Tally,
    /// BLOB values.
    pub blobs: Tally,
    /// The smallest and largest INTEGER.
    pub integer_range: Option<(i64, i64)>,
    /// The longest TEXT, in bytes of UTF-8.
    pub longest_text: u64,
    /// The distinct texts of a column that is declared to hold truths; of three the first are kept.
    pub words: Vec<String>,
    /// The longest BLOB, in bytes.
    pub longest_blob: u64,
    /// How each of the column's candidates does, in their order.
    pub verdicts: Vec<Verdict>,
}

/// How the values of a column do in one of its candidate types.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Every value was tried: the counts are whole. Else it is known to fail, or not yet known to fit.
    pub complete: bool,
    /// Values that do not fit, by kind.
    pub misfits: BTreeMap<Misfit, Tally>,
    /// Values that fit, but are not exactly what they were, by kind.
    pub changes: BTreeMap<Fidelity, Tally>,
}

/// How many, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The first of them: `rowid 17: 'abc'`.
    pub examples: Vec<String>,
    /// Their rows, of what is the matter with some rows alone; nothing of what every row has.
    pub affected: Affected,
}

impl Tally {
    /// Counts one more, and keeps its row.
    pub fn add_row(&mut self, place: &Place<'_, '_>, example: impl FnOnce() -> String) {
        self.add(example);
        place.keep(&mut self.affected);
    }

    /// Counts those of `other`, too, as found in another column or part of the table.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        let room = EXAMPLES - self.examples.len().min(EXAMPLES);
        self.examples.extend(other.examples.iter().take(room).cloned());
        self.affected.join(&other.affected);
    }

    /// Counts one more, and keeps it as an example where there are few yet.
    pub fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl ColumnScan {
    /// The values that are not NULL.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.integers.count + self.reals.count + self.texts.count + self.blobs.count
    }
}

impl Verdict {
    /// Whether every value is known to fit.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.complete && self.misfits.is_empty()
    }

    /// Whether it has to be tried on every value to be known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.complete && self.misfits.is_empty()
    }

    /// The values that do not fit.
    #[must_use]
    pub fn misfit_count(&self) -> u64 {
        self.misfits.values().map(|tally| tally.count).sum()
    }
}
