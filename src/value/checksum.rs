//! The checksum of rows: independent of their order, the same for the same values wherever they are stored.

use std::ops::AddAssign;

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

impl AddAssign for Checksum {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}
