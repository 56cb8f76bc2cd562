//! How much memory a run takes, for who has little of it.

use serde::{Deserialize, Serialize};

use super::TablePlan;

/// The memory that a run takes at most, whatever the size of the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Bytes, in all.
    pub bytes: u64,
    /// Bytes besides, for each connection at work: twice the largest row.
    pub bytes_per_connection: u64,
    /// How many connections to the server work at once, and as many to the source.
    #[serde(default)]
    pub connections: u64,
}

/// What all buffers take together, in bytes.
const BUFFERS: u64 = 64_000_000;

impl Memory {
    /// What a port of these tables takes.
    #[must_use]
    pub fn of(tables: &[TablePlan]) -> Self {
        let largest = tables.iter().map(|table| table.largest_row).max().unwrap_or(0);
        Self { bytes: BUFFERS, bytes_per_connection: largest.saturating_mul(2), connections: 1 }
    }
}
