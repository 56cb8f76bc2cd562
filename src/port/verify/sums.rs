//! What rows add up to: all of them together, and by ranges of their hashes.

use std::ops::{AddAssign, SubAssign};

use crate::port::batch::BatchSize;
use crate::value::Checksum;

/// Into how many ranges hashes are divided at most: 128 kB of sums.
pub const MOST_RANGES: usize = 4096;

/// The sum of rows' hashes, and that of each range of hashes, where they are divided into such.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// All rows.
    pub all: Checksum,
    /// A power of two of them; none where there is but one range.
    ranges: Vec<Checksum>,
}

/// Into how many ranges the hashes of so many rows and bytes are divided, so that each has about the rows of a batch.
#[must_use]
pub fn ranges_for(rows: u64, bytes: u64, size: BatchSize) -> usize {
    let wanted = rows.div_ceil(size.rows.max(1)).max(bytes.div_ceil(size.bytes.max(1)));
    usize::try_from(wanted).unwrap_or(MOST_RANGES).clamp(1, MOST_RANGES).next_power_of_two()
}

/// The range in which a hash lies, of `count`: by its leading bits.
#[must_use]
pub fn range_of(hash: u128, count: usize) -> usize {
    let leading = (hash >> 96) as u64;
    usize::try_from((leading * count as u64) >> 32).expect("it is below the count")
}

impl Sums {
    /// Nothing yet, with so many ranges, a power of two.
    #[must_use]
    pub fn new(ranges: usize) -> Self {
        let ranges = if ranges > 1 { vec![Checksum::default(); ranges] } else { Vec::new() };
        Self { all: Checksum::default(), ranges }
    }

    /// From sums that were kept.
    #[must_use]
    pub fn of(all: Checksum, ranges: Vec<Checksum>) -> Self {
        Self { all, ranges }
    }

    /// Adds one row.
    pub fn add(&mut self, hash: u128) {
        self.all.add(hash);
        if !self.ranges.is_empty() {
            let at = range_of(hash, self.ranges.len());
            self.ranges[at].add(hash);
        }
    }

    /// Takes one row out again.
    pub fn remove(&mut self, hash: u128) {
        let row = Checksum { rows: 1, sum: hash };
        self.all -= row;
        if !self.ranges.is_empty() {
            let at = range_of(hash, self.ranges.len());
            self.ranges[at] -= row;
        }
    }

    /// The sum of each range; none where there is but one.
    #[must_use]
    pub fn ranges(&self) -> &[Checksum] {
        &self.ranges
    }

    /// Joins neighbouring ranges until there are `count`, a power of two.
    pub fn fold(&mut self, count: usize) {
        if count <= 1 {
            self.ranges.clear();
        } else if self.ranges.len() > count {
            let each = self.ranges.len() / count;
            self.ranges = self.ranges.chunks(each).map(|some| some.iter().copied().sum()).collect();
        }
    }

    /// The ranges whose sums differ. `None` where there is nothing to compare, or the ranges of one side are not all
    /// that it has.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<Vec<usize>> {
        let whole = |sums: &Self| sums.ranges.iter().copied().sum::<Checksum>() == sums.all;
        if self.ranges.is_empty() || self.ranges.len() != other.ranges.len() || !whole(self) || !whole(other) {
            return None;
        }
        let differing = self.ranges.iter().zip(&other.ranges).enumerate().filter(|(_, (one, other))| one != other);
        Some(differing.map(|(at, _)| at).collect())
    }
}

impl AddAssign<&Sums> for Sums {
    fn add_assign(&mut self, other: &Self) {
        self.all += other.all;
        self.ranges.iter_mut().zip(&other.ranges).for_each(|(sum, part)| *sum += *part);
    }
}

impl SubAssign<&Sums> for Sums {
    fn sub_assign(&mut self, other: &Self) {
        self.all -= other.all;
        self.ranges.iter_mut().zip(&other.ranges).for_each(|(sum, part)| *sum -= *part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::row_hash;

    fn sums(rows: &[u8], ranges: usize) -> Sums {
        let mut sums = Sums::new(ranges);
        rows.iter().for_each(|row| sums.add(row_hash(&[*row])));
        sums
    }

    #[test]
    fn leading_bits_make_the_range() {
        assert_eq!(range_of(u128::MAX, 1), 0);
        for bits in [1, 5, 12] {
            for hash in [0, 1, u128::MAX, u128::MAX / 3, 1 << 127, row_hash(b"row")] {
                assert_eq!(range_of(hash, 1 << bits), usize::try_from(hash >> (128 - bits)).expect("few bits"));
            }
        }
    }

    #[test]
    fn a_row_more_differs_in_its_range_alone() {
        let (mut one, mut other) = (sums(&[1, 2, 3], 64), sums(&[1, 2, 3, 4], 64));
        assert_eq!(one.differing(&one), Some(vec![]));
        assert_eq!(one.differing(&other), Some(vec![range_of(row_hash(&[4]), 64)]));
        one.fold(4);
        other.fold(4);
        assert_eq!(one, sums(&[1, 2, 3], 4));
        assert_eq!(one.differing(&other), Some(vec![range_of(row_hash(&[4]), 4)]));
        one += &sums(&[4], 4);
        assert_eq!(one, other);
        one -= &sums(&[1, 2], 4);
        assert_eq!(one, sums(&[3, 4], 4));
    }

    #[test]
    fn ranges_that_are_not_all_there_is_say_nothing() {
        let one = sums(&[1, 2], 4);
        assert_eq!(Sums::of(sums(&[1], 4).all, one.ranges.clone()).differing(&one), None);
        assert_eq!(one.differing(&sums(&[1, 2], 8)), None);
        assert_eq!(sums(&[1, 2], 1).differing(&sums(&[1], 1)), None);
    }

    #[test]
    fn about_a_batch_in_each_range() {
        let size = BatchSize { rows: 100, bytes: 1000 };
        for (rows, bytes, ranges) in
            [(0, 0, 1), (100, 1000, 1), (101, 0, 2), (250, 0, 4), (1, 7999, 8), (u64::MAX, 0, MOST_RANGES)]
        {
            assert_eq!(ranges_for(rows, bytes, size), ranges, "{rows} rows, {bytes} bytes");
        }
    }
}
