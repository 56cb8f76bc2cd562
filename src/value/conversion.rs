//! From a value of SQLite's to a field of a PostgreSQL type, or why it does not fit.

use super::decimal::Typmod;
use super::text::Limit;
use super::{PgType, Reading, SqlValue, array, jsonb, number, text, time, uuid};

/// How the values of one column go to their type.
#[derive(Debug, Clone)]
pub struct Conversion {
    to: To,
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

/// The type prepared for its values: what decides is looked up once, not once a value.
#[derive(Debug, Clone)]
pub(super) enum To {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric(Typmod),
    Text(Limit),
    Bytea,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    Json,
    Jsonb,
    /// The labels, sorted.
    Enum(Box<[Box<[u8]>]>),
    Array(Box<array::Elements>),
    /// No conversion is known; no value fits.
    Unsupported,
}

impl To {
    fn new(of: &PgType) -> Self {
        match of {
            PgType::Bool => Self::Bool,
            PgType::Int2 => Self::Int2,
            PgType::Int4 => Self::Int4,
            PgType::Int8 => Self::Int8,
            PgType::Float4 => Self::Float4,
            PgType::Float8 => Self::Float8,
            PgType::Numeric(typmod) => {
                Self::Numeric(typmod.map(|(precision, scale)| (i64::from(precision), i64::from(scale))))
            }
            PgType::Text | PgType::Citext | PgType::Varchar(None) => Self::Text(Limit::None),
            PgType::Varchar(Some(length)) => Self::Text(Limit::AtMost(*length as usize)),
            PgType::Char(length) => Self::Text(Limit::Padded(*length as usize)),
            PgType::Bytea => Self::Bytea,
            PgType::Date => Self::Date,
            PgType::Time => Self::Time,
            PgType::Timestamp => Self::Timestamp,
            PgType::Timestamptz => Self::Timestamptz,
            PgType::Uuid => Self::Uuid,
            PgType::Json => Self::Json,
            PgType::Jsonb => Self::Jsonb,
            PgType::Enum { labels, .. } => {
                let mut labels: Vec<Box<[u8]>> = labels.iter().map(|label| label.as_bytes().into()).collect();
                labels.sort_unstable();
                Self::Enum(labels.into())
            }
            PgType::Array(element) => match array::element_oid(element) {
                Some(oid) => Self::Array(Box::new(array::Elements { to: Self::new(element), oid })),
                None => Self::Unsupported,
            },
            PgType::Domain { over, .. } => Self::new(over),
        }
    }
}

impl Conversion {
    /// The conversion to `to`.
    #[must_use]
    pub fn new(to: &PgType, reading: Reading) -> Self {
        Self { to: To::new(to), reading }
    }

    /// Whether there is a conversion at all. There is none to arrays of enumerations, of domains, of `citext` and of
    /// arrays: the wire form of an array names its elements' type by an OID, which differs from database to database
    /// for these.
    #[must_use]
    pub fn supports(to: &PgType) -> bool {
        !matches!(To::new(to), To::Unsupported)
    }

    /// Appends `value` as a field of COPY's binary format: the length as i32, big-endian, −1 for NULL; the bytes.
    /// Where it does not fit, `out` is as it was.
    ///
    /// # Errors
    /// [`Misfit`] where the type can't hold exactly this value.
    pub fn encode(&self, value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
        encode(&self.to, self.reading, value, out)
    }
}

/// Appends a field with its length before it; where the value does not fit, `out` is as it was.
pub(super) fn encode(to: &To, reading: Reading, value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
    if value == SqlValue::Null {
        out.extend_from_slice(&(-1i32).to_be_bytes());
        return Ok(Fidelity::Exact);
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let done = contents(to, reading, value, out).and_then(|fidelity| {
        let length = i32::try_from(out.len() - start - 4).map_err(|_| Misfit::Length)?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(fidelity)
    });
    if done.is_err() {
        out.truncate(start);
    }
    done
}

fn contents(to: &To, reading: Reading, value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
    match to {
        To::Bool => number::boolean(value, out),
        To::Int2 => number::int2(value, out),
        To::Int4 => number::int4(value, out),
        To::Int8 => number::int8(value, out),
        To::Float4 => number::float4(value, out),
        To::Float8 => number::float8(value, out),
        To::Numeric(typmod) => number::numeric(*typmod, value, out),
        To::Text(limit) => text::text(*limit, reading.bad_text, value, out),
        To::Bytea => text::bytea(value, out),
        To::Date => time::date(reading.numbers, value, out),
        To::Time => time::time(reading.numbers, value, out),
        To::Timestamp => time::timestamp(reading.numbers, value, out),
        To::Timestamptz => time::timestamptz(reading.numbers, value, out),
        To::Uuid => uuid::uuid(value, out),
        To::Json => jsonb::json_value(value, out),
        To::Jsonb => jsonb::jsonb_value(value, out),
        To::Enum(labels) => text::label(labels, value, out),
        To::Array(elements) => array::array(elements, reading, value, out),
        To::Unsupported => Err(Misfit::Class),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "conversion_tests.rs"]
mod tests;
