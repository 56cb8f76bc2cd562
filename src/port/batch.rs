//! Batches: the ranges of keys in which a table is copied, each in a transaction of its own.

use serde::{Deserialize, Serialize};

use crate::value::SqlValue;

/// The key of a row in the source: its rowid, or the values of its primary key.
pub type Key = Vec<KeyValue>;

/// One value of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyValue {
    /// An integer, a rowid among them.
    Integer(i64),
    /// A number, by its bits: a JSON number would not keep every one.
    Real(u64),
    /// Text, by its bytes: it may be no UTF-8.
    Text(Vec<u8>),
    /// A blob.
    Blob(Vec<u8>),
}

/// A range of keys. The first batch of a table is open below, the last above, so that they leave no row out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The key before the first row.
    pub after: Option<Key>,
    /// The key of the last row.
    pub upto: Option<Key>,
    /// The rows that the scan has counted in it.
    pub rows: u64,
    /// The bytes that they take on the wire, about.
    pub bytes: u64,
}

/// What a batch holds at most, but for the one row that goes beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSize {
    /// Rows.
    pub rows: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// From 50,000 rows on, more of them gain nothing; the bytes keep a batch of wide rows within memory.
impl Default for BatchSize {
    fn default() -> Self {
        Self { rows: 50_000, bytes: 32 << 20 }
    }
}

impl KeyValue {
    /// The value of a row, kept.
    #[must_use]
    pub fn new(value: SqlValue<'_>) -> Option<Self> {
        Some(match value {
            SqlValue::Null => return None,
            SqlValue::Integer(integer) => Self::Integer(integer),
            SqlValue::Real(real) => Self::Real(real.to_bits()),
            SqlValue::Text(text) => Self::Text(text.to_vec()),
            SqlValue::Blob(blob) => Self::Blob(blob.to_vec()),
        })
    }

    /// As it is bound to a statement.
    #[must_use]
    pub fn value(&self) -> SqlValue<'_> {
        match self {
            Self::Integer(integer) => SqlValue::Integer(*integer),
            Self::Real(bits) => SqlValue::Real(f64::from_bits(*bits)),
            Self::Text(text) => SqlValue::Text(text),
            Self::Blob(blob) => SqlValue::Blob(blob),
        }
    }
}
