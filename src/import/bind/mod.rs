//! A mapping × the target's live columns → what each table's columns take, and how.

mod binder;
mod bound;
mod catalog;
mod kind;
mod postgres;

pub(super) use self::binder::bind;
pub(super) use self::bound::{Bound, BoundColumn, BoundTable, Fill};
pub(super) use self::catalog::TargetTable;
pub(super) use self::kind::{Cell, Kind, SqliteKind, cut};
use super::mapping::{RecordPath, Step};

/// The place of a record in its document, where its number is enough to tell it.
pub(super) fn derived(path: &RecordPath, position: u64) -> Option<String> {
    let Some((last, before)) = path.0.split_last() else { return Some(String::new()) };
    let mut pointer = String::new();
    for step in before {
        let Step::Key(key) = step else { return None };
        pointer.push('/');
        pointer.push_str(&super::mapping::escape_key(key));
    }
    match last {
        Step::Items => Some(format!("{pointer}/{position}")),
        Step::Key(key) => Some(format!("{pointer}/{}", super::mapping::escape_key(key))),
        Step::Entries => None,
    }
}
