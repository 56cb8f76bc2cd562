//! Which batch a row is in, by its key as PostgreSQL holds it.

use std::ops::RangeInclusive;

use crate::port::batch::{Batch, KeyValue};
use crate::port::row::{Fields, RowCodec};
use crate::value::Malformed;

/// The keys that end each batch but the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bounds {
    /// Integers, that of a rowid.
    Integers(Vec<i64>),
    /// Primary keys, as bytes that compare as they do.
    Keys(Vec<Vec<u8>>),
}

impl Bounds {
    /// The bounds of `batches`; `None` where rows do not find their batch by key, or there is only one that has to be
    /// found by more than an integer.
    #[must_use]
    pub fn of(codec: &RowCodec, batches: &[Batch]) -> Option<Self> {
        let (_, but_last) = batches.split_last()?;
        let mut ends = but_last.iter().map(|batch| batch.upto.as_ref());
        if codec.has_batch_key() {
            let bound = |key: Option<&Vec<KeyValue>>| match key.map(Vec::as_slice) {
                Some([KeyValue::Integer(upto)]) => Some(*upto),
                _ => None,
            };
            return ends.map(bound).collect::<Option<_>>().map(Self::Integers);
        }
        if !codec.has_ordered_key() || but_last.is_empty() {
            return None;
        }
        let keys = ends.try_fold(Vec::new(), |mut keys, key| {
            keys.push(codec.ordered_key_of_bound(key?)?);
            Some(keys)
        })?;
        keys.windows(2).all(|pair| pair[0] < pair[1]).then_some(Self::Keys(keys))
    }
}

/// Finds the batches of rows, one after the other.
#[derive(Debug)]
pub struct Places<'a> {
    codec: &'a RowCodec,
    bounds: &'a Bounds,
    /// Rows come in the order in which they were stored, mostly: the batch of the last one is tried first.
    last: usize,
    last_range: Option<RangeInclusive<i64>>,
    key: Vec<u8>,
}

impl<'a> Places<'a> {
    /// Finds batches by `bounds`.
    #[must_use]
    pub fn new(codec: &'a RowCodec, bounds: &'a Bounds) -> Self {
        Self { codec, bounds, last: 0, last_range: None, key: Vec::new() }
    }

    /// The number of the batch in which a row is.
    ///
    /// # Errors
    /// [`Malformed`] where that is no row of this table.
    pub fn of(&mut self, fields: &[u8], which: Fields) -> Result<usize, Malformed> {
        match self.bounds {
            Bounds::Integers(bounds) => {
                let key = self.codec.batch_key_of(fields).ok_or(Malformed)?;
                if !self.last_range.as_ref().is_some_and(|range| range.contains(&key)) {
                    self.last = bounds.partition_point(|upto| *upto < key);
                    let from = if self.last == 0 { i64::MIN } else { bounds[self.last - 1].saturating_add(1) };
                    self.last_range = Some(from..=bounds.get(self.last).copied().unwrap_or(i64::MAX));
                }
            }
            Bounds::Keys(bounds) => {
                self.codec.ordered_key_of(fields, which, &mut self.key)?;
                let above = self.last == 0 || bounds[self.last - 1] < self.key;
                if !above || bounds.get(self.last).is_some_and(|upto| *upto < self.key) {
                    self.last = bounds.partition_point(|upto| *upto < self.key);
                }
            }
        }
        Ok(self.last)
    }
}

/// Whether the rows of a batch, as SQLite gives them, are those that are found to be in it by their keys.
///
/// SQLite's order is by storage class and collation, in the encoding of the file; that of [`Bounds::Keys`] is by what
/// PostgreSQL holds. They are the same for most keys, and this sees to it for each row.
#[derive(Debug)]
pub struct InPlace<'a> {
    places: Option<Places<'a>>,
    number: usize,
    /// Every row so far was in its place.
    pub so_far: bool,
}

impl<'a> InPlace<'a> {
    /// Of the batch `number`. An integer needs no looking: it is the rowid itself.
    #[must_use]
    pub fn new(codec: &'a RowCodec, bounds: Option<&'a Bounds>, number: usize) -> Self {
        let bounds = bounds.filter(|bounds| matches!(bounds, Bounds::Keys(_)));
        Self { places: bounds.map(|bounds| Places::new(codec, bounds)), number, so_far: true }
    }

    /// Whether rows are looked at.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.places.is_some()
    }

    /// Looks at a row.
    pub fn see(&mut self, fields: &[u8], which: Fields) {
        if let Some(places) = &mut self.places
            && places.of(fields, which) != Ok(self.number)
        {
            self.so_far = false;
            self.places = None;
        }
    }
}

/// Whether rows come in the order of their keys as PostgreSQL holds them, none equal to another: then
/// they can be cut into batches that are found again.
#[derive(Debug, Default)]
pub struct Rising {
    last: Vec<u8>,
    key: Vec<u8>,
    fell: bool,
}

impl Rising {
    /// Looks at a row, given as all its fields.
    pub fn see(&mut self, codec: &RowCodec, fields: &[u8]) {
        if self.fell {
            return;
        }
        let known = codec.ordered_key_of(fields, Fields::All, &mut self.key).is_ok();
        self.fell = !known || self.key <= self.last;
        std::mem::swap(&mut self.key, &mut self.last);
    }

    /// Every row so far was above the one before it.
    #[must_use]
    pub fn so_far(&self) -> bool {
        !self.fell
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "place_tests.rs"]
mod tests;
