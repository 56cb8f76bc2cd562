//! The checksum of rows: independent of their order, the same for the same values wherever they are stored.

use std::fmt;
use std::iter::Sum;
use std::ops::{AddAssign, SubAssign};

use xxhash_rust::xxh3::xxh3_128;

/// The hash of one row: XXH3-128 (seed 0) of its canonical fields in the order of the plan's columns.
#[must_use]
pub fn row_hash(canonical_fields: &[u8]) -> u128 {
    xxh3_128(canonical_fields)
}

/// How many rows, and the sum of their hashes modulo 2^128.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checksum {
    /// The rows.
    pub rows: u64,
    /// The sum.
    pub sum: u128,
}

impl Checksum {
    /// Adds one row.
    pub fn add(&mut self, hash: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash);
    }
}

impl Sum for Checksum {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        let mut total = Self::default();
        parts.for_each(|part| total += part);
        total
    }
}

impl SubAssign for Checksum {
    fn sub_assign(&mut self, other: Self) {
        self.rows = self.rows.saturating_sub(other.rows);
        self.sum = self.sum.wrapping_sub(other.sum);
    }
}

impl AddAssign for Checksum {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl fmt::Display for Checksum {
    /// The sum as 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.sum)
    }
}

/// A text that is no sum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no checksum: it takes 32 hexadecimal digits")]
pub struct NoSum(pub String);

impl Checksum {
    /// A checksum of so many rows from its sum's 32 hexadecimal digits, as [`Display`](fmt::Display) writes them.
    ///
    /// # Errors
    /// [`NoSum`] where `sum` is anything else.
    pub fn parse(rows: u64, sum: &str) -> Result<Self, NoSum> {
        let well_formed = sum.len() == 32 && sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let digits = if well_formed { u128::from_str_radix(sum, 16).ok() } else { None };
        Ok(Self { rows, sum: digits.ok_or_else(|| NoSum(sum.to_owned()))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_rows_does_not_matter_and_their_number_does() {
        let rows: Vec<u128> = [&b"a"[..], b"b", b"c"].into_iter().map(row_hash).collect();
        let sum = |order: &[usize]| {
            let mut sum = Checksum::default();
            order.iter().for_each(|at| sum.add(rows[*at]));
            sum
        };
        assert_eq!(sum(&[0, 1, 2]), sum(&[2, 0, 1]));
        assert_ne!(sum(&[0, 1, 2]), sum(&[0, 1, 1]));
        assert_ne!(sum(&[0, 1]), sum(&[0, 1, 1]));
        let mut halves = sum(&[0]);
        halves += sum(&[1, 2]);
        assert_eq!(halves, sum(&[0, 1, 2]));
    }

    #[test]
    fn a_sum_wraps_around() {
        let mut sum = Checksum { rows: 1, sum: u128::MAX };
        sum.add(2);
        assert_eq!(sum, Checksum { rows: 2, sum: 1 });
    }

    #[test]
    fn a_sum_comes_back_from_its_text() {
        let sum = Checksum { rows: 3, sum: 0xabc };
        assert_eq!(sum.to_string(), "00000000000000000000000000000abc");
        assert_eq!(Checksum::parse(3, &sum.to_string()), Ok(sum));
        for text in ["", "abc", "+0000000000000000000000000000abc", "0000000000000000000000000000ABC0"] {
            assert!(Checksum::parse(0, text).is_err(), "{text}");
        }
    }
}
