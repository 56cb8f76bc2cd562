//! From a value of SQLite's to a field of a PostgreSQL type, or why it does not fit.

use super::{PgType, Reading, SqlValue};

/// How the values of one column go to their type.
#[derive(Debug, Clone)]
pub struct Conversion {
    to: PgType,
    reading: Reading,
}

/// What a value that fits has gone through on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fidelity {
    /// It is what it was: the same number, text, bytes, instant, in the spelling that PostgreSQL prints.
    Exact,
    /// The same value in another spelling (an upper-case UUID, `2024-01-02T03:04`, `t` for true).
    Respelled,
    /// Its storage class is lost: a number became text, text became bytes.
    Reclassed,
    /// An offset from UTC was applied, and is not kept.
    OffsetLost,
    /// A number was taken for a point in time.
    FromNumber,
    /// Bytes were left out or escaped, as was chosen.
    Repaired,
}

/// Why a value does not fit its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Misfit {
    /// Another storage class than the type takes (text in an integer column).
    Class,
    /// Out of the type's range.
    Range,
    /// More digits than the type keeps.
    Precision,
    /// Text that is no value of the type.
    Syntax,
    /// Longer than the type allows.
    Length,
    /// Text with a NUL.
    Nul,
    /// Text that is no UTF-8.
    Utf8,
    /// JSON that `jsonb` would change or refuse (a duplicate key, `\u0000`, a lone surrogate, `-0`).
    Json,
    /// No label of the enumeration.
    Label,
    /// Times with and without an offset can't share a column.
    Offset,
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Class => "its storage class is none that the type takes",
            Self::Range => "out of the type's range",
            Self::Precision => "more digits than the type keeps",
            Self::Syntax => "no value of the type",
            Self::Length => "longer than the type allows",
            Self::Nul => "text with a NUL, which PostgreSQL can't hold",
            Self::Utf8 => "text that is not UTF-8",
            Self::Json => "JSON that PostgreSQL would change or refuse",
            Self::Label => "no label of the enumeration",
            Self::Offset => "a time with an offset among times without, or the other way round",
        })
    }
}

impl Conversion {
    /// The conversion to `to`.
    #[must_use]
    pub fn new(to: &PgType, reading: Reading) -> Self {
        Self { to: to.clone(), reading }
    }

    /// Appends `value` as a field of COPY's binary format: the length as i32, big-endian, −1 for NULL; the bytes.
    /// Where it does not fit, `out` is as it was.
    ///
    /// # Errors
    /// [`Misfit`] where the type can't hold exactly this value.
    pub fn encode(&self, value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
        let _ = (&self.to, self.reading, value, out);
        Err(Misfit::Class)
    }
}
