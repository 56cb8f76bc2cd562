//! Values on their way: what SQLite holds, what PostgreSQL stores, and the canonical bytes that both are compared by.

mod array;
mod calendar;
mod canonical;
mod checksum;
mod conversion;
mod decimal;
mod json;
mod json_keys;
mod jsonb;
mod number;
mod pg_type;
mod show;
mod text;
mod time;
mod type_name;
mod uuid;

pub use canonical::{Canonical, Malformed};
pub use checksum::{Checksum, NoSum, row_hash};
pub use conversion::{Conversion, Fidelity, Misfit};
pub(crate) use json::ordinary;
pub use pg_type::{PgType, UnknownType};

use serde::{Deserialize, Serialize};

/// A value as SQLite holds it, borrowed from the row. Text is as stored: it may hold NUL and invalid UTF-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SqlValue<'a> {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// REAL; never a NaN, which SQLite stores as NULL.
    Real(f64),
    /// TEXT, in UTF-8 whatever the database's encoding is.
    Text(&'a [u8]),
    /// BLOB.
    Blob(&'a [u8]),
}

/// How values are read where their type leaves a choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// What a number means in a column of times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<TimeNumber>,
    /// What becomes of text that PostgreSQL can't hold (NUL, invalid UTF-8).
    #[serde(skip_serializing_if = "BadText::is_refuse")]
    pub bad_text: BadText,
}

/// What a number means in a column of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeNumber {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// A Julian day number, as SQLite's `julianday()` gives it.
    Julian,
}

/// What becomes of text that PostgreSQL can't hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BadText {
    /// It stops the run.
    #[default]
    Refuse,
    /// NUL and bytes that are no UTF-8 are left out.
    Strip,
    /// NUL and bytes that are no UTF-8 are written as `\x00`, `\xff`; backslashes that one of these or an `x` follows
    /// are doubled, in every text of the column, so that no two texts become the same.
    Escape,
}

impl BadText {
    fn is_refuse(&self) -> bool {
        *self == Self::Refuse
    }
}
