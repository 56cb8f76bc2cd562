//! The room of rows that were written, for rows that come: what one thread makes and another drops costs a memory
//! allocator most.

use std::sync::{Mutex, PoisonError};

use crate::import::bind::Cell;

/// About so many bytes are kept, and no row that is longer than the other number.
const BYTES: usize = 8 << 20;
const LONG: usize = 16 * 1024;

/// Cells that nobody needs any more.
#[derive(Default)]
pub(in crate::import) struct Spares(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    rows: Vec<(Vec<Cell>, usize)>,
    bytes: usize,
}

impl Spares {
    /// Takes the cells of rows, each with its size.
    pub fn put(&self, rows: impl Iterator<Item = (Vec<Cell>, usize)>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, bytes) in rows {
            if bytes <= LONG && kept.bytes < BYTES {
                kept.bytes += bytes;
                kept.rows.push((row, bytes));
            }
        }
    }

    /// Gives the cells of some rows.
    pub fn take(&self, count: usize) -> Vec<Vec<Cell>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = kept.rows.len().saturating_sub(count);
        let taken = kept.rows.split_off(from);
        kept.bytes -= taken.iter().map(|(_, bytes)| bytes).sum::<usize>();
        drop(kept);
        taken.into_iter().map(|(row, _)| row).collect()
    }
}
