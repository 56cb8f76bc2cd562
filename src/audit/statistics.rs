//! What a database has counted of its rows and indexes: for the rules that need more than the schema. Plain data.

use std::collections::BTreeMap;

/// A schema and a name in it.
pub type Name = (String, String);

/// Everything counted; what is not known is left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    /// Rows, by table.
    pub rows: BTreeMap<Name, u64>,
    /// What is known of columns, by table and column.
    pub columns: BTreeMap<(Name, String), ColumnStatistics>,
    /// What is known of indexes, by their names.
    pub indexes: BTreeMap<Name, IndexStatistics>,
    /// Sequences, identities, and AUTOINCREMENT counters.
    pub sequences: Vec<Sequence>,
    /// How long uses of indexes have been counted, in seconds; `None` where nobody knows since when.
    pub age: Option<f64>,
}

/// A column's statistics.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ColumnStatistics {
    /// The part of rows with NULL, 0 to 1.
    pub null_fraction: Option<f64>,
    /// The largest value of an integer key.
    pub largest: Option<i64>,
}

/// An index's statistics.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct IndexStatistics {
    /// How often it was scanned since counting began.
    pub scans: Option<u64>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
}

/// What hands out numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sequence {
    /// Its schema.
    pub schema: String,
    /// Its name; on SQLite the table's.
    pub name: String,
    /// The column that takes its numbers: table and column.
    pub column: Option<(Name, String)>,
    /// The last number it gave; `None` where it has given none, or it may not be read.
    pub last: Option<i64>,
    /// The last number it can give.
    pub maximum: i64,
    /// Negative where it counts down.
    pub increment: i64,
    /// It begins anew at its end.
    pub cycles: bool,
}
