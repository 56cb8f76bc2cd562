//! Whether an index can serve a foreign key: what the database does when a parent's row goes or changes its key.

mod postgres;
mod sqlite;

use super::schema::{ForeignKey, Index, Schema, Table};
use crate::Dialect;

/// How well a foreign key is served. Greater is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Not at all.
    None,
    /// By SQLite's skip-scan alone, which comes and goes with statistics.
    Skip,
    /// By an index that only leaves out parts of the table (brin, bloom).
    Lossy,
    /// Only some of the columns can be searched.
    Prefix,
    /// A unique index over some of the columns yields one row at most.
    UniqueSubset,
    /// Every column is searched.
    Full,
}

/// What one index does for a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// How well it serves.
    pub level: Level,
    /// Why no better, or what is to be known of it where it does serve.
    pub why: String,
    /// It serves, but a person should know (a leading GiST key, a GIN index).
    pub note: Option<String>,
}

/// How well a foreign key is served by all there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// How well.
    pub level: Level,
    /// Why, in a sentence.
    pub why: String,
    /// The index that serves it best; none at [`Level::None`]. `rowid` and `primary key` for a SQLite table's own trees.
    pub index: Option<String>,
    /// What a person should know though it is served (`new partitions will have no index`).
    pub note: Option<String>,
    /// No index on the columns can be of use: what has to change instead (a type), in words, with the statement where
    /// there is one.
    pub blocked: Option<String>,
}

impl Level {
    /// Whether that is enough.
    #[must_use]
    pub fn covers(self) -> bool {
        self >= Self::UniqueSubset
    }
}

/// How well `index` of `table` serves `foreign_key` of the same table.
#[must_use]
pub fn by_index(schema: &Schema, table: &Table, foreign_key: &ForeignKey, index: &Index) -> Service {
    match schema.dialect {
        Dialect::Sqlite => sqlite::by_index(schema, table, foreign_key, index),
        Dialect::Postgres => postgres::by_index(schema, table, foreign_key, index),
    }
}

/// How well `foreign_key` of `table` is served by those indexes of the schema that `counts` does not leave out (it is
/// asked with the index's table, which may be a partition, and the index).
#[must_use]
pub fn judge(
    schema: &Schema,
    table: &Table,
    foreign_key: &ForeignKey,
    counts: &dyn Fn(&Table, &Index) -> bool,
) -> Coverage {
    match schema.dialect {
        Dialect::Sqlite => sqlite::judge(schema, table, foreign_key, counts),
        Dialect::Postgres => postgres::judge(schema, table, foreign_key, counts),
    }
}
