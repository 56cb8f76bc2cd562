//! The tables that migrations, imports and cleanups keep their books in, as a port finds them on either side.

use super::target::TargetSchema;
use crate::schema::Schema;

/// Their names.
pub(super) const TABLES: [&str; 3] = ["schema_migrations", "schema_migrations_progress", "schema_migrations_log"];

/// The tables in which imports and cleanups write down what they did: no migration makes them, and they go along with the
/// rows that they are about.
const CARRIED: [&str; 5] = [
    "liftlock_import_run",
    "liftlock_import_file",
    "liftlock_import_record",
    "liftlock_import_quarantine",
    "liftlock_cleanup_log",
];

/// Whether a table of the source is made in a target that has its tables from elsewhere.
pub(super) fn is_carried(table: &str) -> bool {
    CARRIED.contains(&table)
}

/// What the columns of our history begin with, and those of refinery's, which it shares.
const HISTORY: [&str; 4] = ["version", "name", "applied_on", "checksum"];

/// A column that Liftlock adds to them.
const OURS: &str = "up_script";

/// Whose history it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum History {
    /// Liftlock has written it.
    Ours,
    /// It has refinery's columns alone, which Liftlock reads as its own.
    Shared,
}

/// The history in a source, where it is one of these.
pub(super) fn in_source(schema: &Schema) -> Option<History> {
    let table = schema.table(TABLES[0])?;
    history(table.columns.iter().map(|column| column.name.to_ascii_lowercase()))
}

/// The history in a target, where it is one of these.
pub(super) fn in_target(target: &TargetSchema) -> Option<History> {
    let table = target.table(TABLES[0])?;
    history(table.columns.iter().map(|column| column.name.clone()))
}

fn history(columns: impl Iterator<Item = String>) -> Option<History> {
    let columns: Vec<String> = columns.collect();
    let begins = columns.iter().take(HISTORY.len()).map(String::as_str).eq(HISTORY);
    begins.then(|| if columns.iter().any(|column| column == OURS) { History::Ours } else { History::Shared })
}

/// The tables of the source that are its own books, and so are not compared with what the target holds.
pub(super) fn not_compared(schema: &Schema, target: &TargetSchema) -> Vec<String> {
    match (in_source(schema), in_target(target)) {
        (Some(History::Ours), _) | (Some(History::Shared), Some(History::Ours)) => names(),
        _ => Vec::new(),
    }
}

/// What the target holds but for its books, where nothing of the source is compared with them.
pub(super) fn hidden_with(schema: &Schema, target: &TargetSchema) -> TargetSchema {
    let mut target = target.clone();
    let alone = in_source(schema).is_none() && schema.table(TABLES[0]).is_none();
    if in_target(&target).is_some() && (alone || !not_compared(schema, &target).is_empty()) {
        hide(&mut target);
    }
    target
}

/// [`TABLES`] as patterns.
pub(super) fn names() -> Vec<String> {
    TABLES.map(str::to_owned).to_vec()
}

/// Takes the books out of what is there.
pub(super) fn hide(target: &mut TargetSchema) {
    target.tables.retain(|table| !TABLES.contains(&table.name.as_str()));
}
