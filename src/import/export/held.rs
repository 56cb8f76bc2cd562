//! For tests: how many records an export has held at a time.

use std::cell::Cell;

thread_local! {
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// Notes that so many are held.
pub(super) fn note(records: usize) {
    MOST.with(|most| most.set(most.get().max(records)));
}

/// The most that were held since this was asked last.
pub(super) fn most() -> usize {
    MOST.with(|most| most.replace(0))
}
