//! How a table is cut into batches: ranges of its key, whose ends can be written down and read again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::value::SqlValue;

/// One column of a key, as SQLite holds it. It is written as text, `integer 42`, so that it survives any document.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyValue {
    /// INTEGER.
    Integer(i64),
    /// REAL; written by its bits, so that it is the same when read again.
    Real(f64),
    /// TEXT, as stored: it may be no UTF-8.
    Text(Vec<u8>),
    /// BLOB.
    Blob(Vec<u8>),
}

/// The key of one row: its rowid, or the columns of its primary key in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Vec<KeyValue>);

/// A range of rows that is copied at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The key that its rows come after; `None` where it begins with the table's first row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Key>,
    /// The key of its last row, which belongs to it; `None` where it ends with the table's last row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<Key>,
    /// Its rows.
    pub rows: u64,
    /// The bytes that they take on the wire, about.
    pub bytes: u64,
}

/// What a batch holds at most; a row more than the bytes where one row is larger.
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

/// A key that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key: it takes `integer 42`, `real` and 16 hexadecimal digits, `text …`, `text-hex …` or `blob …`")]
pub struct BadKey(String);

impl KeyValue {
    /// The value, borrowed.
    #[must_use]
    pub fn as_value(&self) -> SqlValue<'_> {
        match self {
            Self::Integer(integer) => SqlValue::Integer(*integer),
            Self::Real(real) => SqlValue::Real(*real),
            Self::Text(text) => SqlValue::Text(text),
            Self::Blob(blob) => SqlValue::Blob(blob),
        }
    }

    /// The value of a key column; `None` for NULL, by which no range can begin.
    #[must_use]
    pub fn from_value(value: SqlValue<'_>) -> Option<Self> {
        match value {
            SqlValue::Null => None,
            SqlValue::Integer(integer) => Some(Self::Integer(integer)),
            SqlValue::Real(real) => Some(Self::Real(real)),
            SqlValue::Text(text) => Some(Self::Text(text.to_vec())),
            SqlValue::Blob(blob) => Some(Self::Blob(blob.to_vec())),
        }
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, bytes) = match self {
            Self::Integer(integer) => return write!(f, "integer {integer}"),
            Self::Real(real) => return write!(f, "real {:016x}", real.to_bits()),
            Self::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => return write!(f, "text {text}"),
                Err(_) => ("text-hex", text),
            },
            Self::Blob(blob) => ("blob", blob),
        };
        write!(f, "{word} ")?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for KeyValue {
    type Err = BadKey;

    fn from_str(written: &str) -> Result<Self, BadKey> {
        let bad = || BadKey(written.to_owned());
        let (word, rest) = written.split_once(' ').ok_or_else(bad)?;
        match word {
            "integer" => rest.parse().map(Self::Integer).map_err(|_| bad()),
            "real" if rest.len() == 16 => {
                u64::from_str_radix(rest, 16).map(|bits| Self::Real(f64::from_bits(bits))).map_err(|_| bad())
            }
            "text" => Ok(Self::Text(rest.as_bytes().to_vec())),
            "text-hex" => from_hex(rest).map(Self::Text).ok_or_else(bad),
            "blob" => from_hex(rest).map(Self::Blob).ok_or_else(bad),
            _ => Err(bad()),
        }
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok()).collect()
}

impl Serialize for KeyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_were_written() {
        let key = Key(vec![
            KeyValue::Integer(i64::MIN),
            KeyValue::Real(f64::INFINITY),
            KeyValue::Real(-0.0),
            KeyValue::Text(b"a 'b'\n\0\xc3\xa9".to_vec()),
            KeyValue::Text(b"\xff\x00".to_vec()),
            KeyValue::Text(Vec::new()),
            KeyValue::Blob(vec![0, 255]),
            KeyValue::Blob(Vec::new()),
        ]);
        let batch = Batch { after: None, upto: Some(key), rows: 3, bytes: 70 };
        let json = serde_json::to_string(&batch).unwrap();
        let read: Batch = serde_json::from_str(&json).unwrap();
        assert_eq!(read, batch, "{json}");
        assert_eq!(serde_json::to_string(&read).unwrap(), json, "the zero keeps its sign");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for written in ["42", "integer x", "blob 0", "blob zz", "real 1.5", "text-hex é", "number 1"] {
            assert!(written.parse::<KeyValue>().is_err(), "{written}");
        }
    }
}
