//! How a JSON value becomes a column's value, and the value JSON again: exactly, or not at all.

use serde_json::Value;

use super::postgres::PgKind;
use crate::db::SqlError;
use crate::import::number;
use crate::schema::{Affinity, Column};
use crate::value::SqlValue;
use crate::words::hex;

/// A column's value, as it is written and as it comes back.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::import) enum Cell {
    #[default]
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    /// PostgreSQL: the field as COPY's binary format has it, its length before it.
    Field(Vec<u8>),
}

impl Cell {
    /// As SQLite takes it.
    pub fn value(&self) -> SqlValue<'_> {
        match self {
            Self::Null => SqlValue::Null,
            Self::Integer(integer) => SqlValue::Integer(*integer),
            Self::Real(real) => SqlValue::Real(*real),
            Self::Text(text) => SqlValue::Text(text.as_bytes()),
            Self::Blob(bytes) | Self::Field(bytes) => SqlValue::Blob(bytes),
        }
    }

    /// As SQLite gives it. Text that is no UTF-8 nothing of ours has written; it differs from all that is.
    pub fn of(value: SqlValue<'_>) -> Self {
        match value {
            SqlValue::Null => Self::Null,
            SqlValue::Integer(integer) => Self::Integer(integer),
            SqlValue::Real(real) => Self::Real(real),
            SqlValue::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Self::Text(text.to_owned()),
                Err(_) => Self::Blob(text.to_vec()),
            },
            SqlValue::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }

    /// As [`Cell::of`], in the room that is here already.
    pub fn set(&mut self, value: SqlValue<'_>) {
        if let (Self::Text(room), SqlValue::Text(text)) = (&mut *self, value)
            && let Ok(text) = std::str::from_utf8(text)
        {
            room.clear();
            room.push_str(text);
        } else {
            *self = Self::of(value);
        }
    }

    /// Bytes that it takes, about.
    pub fn size(&self) -> usize {
        8 + match self {
            Self::Text(text) => text.len(),
            Self::Blob(bytes) | Self::Field(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// What a column takes.
#[derive(Debug, Clone)]
pub(in crate::import) enum Kind {
    Sqlite(SqliteKind),
    Postgres(Box<PgKind>),
}

/// What a column of SQLite's takes, by its declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum SqliteKind {
    /// JSON text of any value; with the affinity that makes numbers of numbers.
    Json {
        text: bool,
    },
    Bool,
    Integer,
    Real,
    Numeric,
    Text,
    Any,
}

impl SqliteKind {
    pub fn of(column: &Column) -> Self {
        let declared = column.declared.to_ascii_uppercase();
        match column.affinity {
            affinity if declared.contains("JSON") => {
                Self::Json { text: matches!(affinity, Affinity::Text | Affinity::Blob) }
            }
            _ if declared.contains("BOOL") => Self::Bool,
            Affinity::Text => Self::Text,
            Affinity::Numeric => Self::Numeric,
            Affinity::Integer => Self::Integer,
            Affinity::Real => Self::Real,
            Affinity::Blob => Self::Any,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json { .. } => "JSON",
            Self::Bool => "boolean",
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Numeric => "numeric",
            Self::Text => "text",
            Self::Any => "any",
        }
    }

    fn store(self, value: &Value) -> Result<Cell, String> {
        Ok(match (self, value) {
            (_, Value::Null) => Cell::Null,
            (Self::Json { text: false }, Value::Number(digits)) => self.number(digits.as_str())?,
            (Self::Json { .. }, value) => Cell::Text(value.to_string()),
            (Self::Bool, value) if boolean(value).is_some() => Cell::Integer(boolean(value).unwrap_or_default().into()),
            (Self::Text, Value::Bool(bool)) => Cell::Text(bool.to_string()),
            // its affinity makes reals of integers, and what comes back would differ
            (Self::Real, Value::Bool(bool)) => Cell::Real(f64::from(u8::from(*bool))),
            (_, Value::Bool(bool)) => Cell::Integer(i64::from(*bool)),
            (Self::Text, Value::Number(digits)) => Cell::Text(digits.as_str().to_owned()),
            (_, Value::Number(digits)) => self.number(digits.as_str())?,
            (Self::Text | Self::Any, Value::String(text)) => Cell::Text(text.clone()),
            (_, Value::String(text)) => match number::looks_numeric(text) {
                Some(digits) => self.number(digits)?,
                None if self == Self::Numeric => Cell::Text(text.clone()),
                None => return Err(format!("the column is {}, and the value is the text {}", self.name(), cut(value))),
            },
            (Self::Text | Self::Any | Self::Numeric, value) => Cell::Text(value.to_string()),
            (_, value) => return Err(format!("the column is {}, and the value is {}", self.name(), cut(value))),
        })
    }

    /// A number, as its affinity keeps it.
    pub fn number(self, digits: &str) -> Result<Cell, String> {
        let lost = || format!("the column is {}, which can't hold {digits} with all its digits", self.name());
        if self == Self::Real {
            return number::exact(digits).map(Cell::Real).ok_or_else(lost);
        }
        if let Some(integer) = number::integer(digits) {
            return Ok(Cell::Integer(integer));
        }
        if self == Self::Integer && number::exact(digits).is_none_or(|real| real.fract() == 0.0) {
            return Err(lost());
        }
        match number::exact(digits) {
            Some(_) if self == Self::Integer => Err(format!("the column is integer, and the value is {digits}")),
            Some(real) => Ok(Cell::Real(real)),
            None if self == Self::Any => Ok(Cell::Text(digits.to_owned())),
            None => Err(lost()),
        }
    }

    fn restore(self, cell: &Cell) -> Value {
        match (self, cell) {
            (_, Cell::Null) => Value::Null,
            (Self::Bool, Cell::Integer(number @ (0 | 1))) => Value::Bool(*number == 1),
            (_, Cell::Integer(integer)) => Value::from(*integer),
            (_, Cell::Real(real)) => Value::from(*real),
            (Self::Json { .. }, Cell::Text(text)) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            (_, Cell::Text(text)) => text_or_json(text),
            (_, Cell::Blob(bytes) | Cell::Field(bytes)) => Value::String(hex(bytes)),
        }
    }
}

impl Kind {
    /// Whether any text is a value of it, and comes back as it was.
    pub fn is_text(&self) -> bool {
        match self {
            Self::Sqlite(kind) => matches!(kind, SqliteKind::Text | SqliteKind::Any),
            Self::Postgres(kind) => kind.is_text(),
        }
    }

    /// The value as the column holds it.
    ///
    /// # Errors
    /// Why it can't.
    pub fn store(&self, value: &Value) -> Result<Cell, String> {
        match self {
            Self::Sqlite(kind) => kind.store(value),
            Self::Postgres(kind) => kind.store(value),
        }
    }

    /// Whether it gives an integer back as that.
    pub fn is_integer(&self) -> bool {
        matches!(self, Self::Sqlite(SqliteKind::Integer))
    }

    /// What the column's value is in JSON.
    pub fn restore(&self, cell: &Cell) -> Value {
        match self {
            Self::Sqlite(kind) => kind.restore(cell),
            Self::Postgres(kind) => kind.restore(cell),
        }
    }

    /// Appends the bytes that the same values have in common.
    ///
    /// # Errors
    /// The server sent what is no value of the type.
    pub fn canonical(&self, cell: &Cell, out: &mut Vec<u8>) -> Result<(), SqlError> {
        let mut tagged = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        match (self, cell) {
            (Self::Postgres(kind), cell) => return kind.canonical(cell, out),
            (_, Cell::Null) => tagged(b'n', &[]),
            (_, Cell::Integer(integer)) => tagged(b'i', &integer.to_le_bytes()),
            // SQLite does not tell the two zeros apart, and keeps either
            (_, Cell::Real(real)) => tagged(b'r', &(real + 0.0).to_bits().to_le_bytes()),
            (_, Cell::Text(text)) => tagged(b't', text.as_bytes()),
            (_, Cell::Blob(bytes) | Cell::Field(bytes)) => tagged(b'b', bytes),
        }
        Ok(())
    }
}

/// What a value means to a column of booleans: itself, 0 and 1, and either as a text, since captures and CSV have nothing else.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(bool) => Some(*bool),
        Value::Number(digits) => match number::integer(digits.as_str()) {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.as_str() {
            "0" | "false" => Some(false),
            "1" | "true" => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// Text that is an object or array as we write one is that; other text is text.
pub(super) fn text_or_json(text: &str) -> Value {
    if text.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        let written = value.to_string();
        if written == text {
            return value;
        }
    }
    Value::String(text.to_owned())
}

/// A value as a message shows it.
pub(in crate::import) fn cut(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    format!("{}…", text.chars().take(LONGEST).collect::<String>())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use serde_json::json;

    use super::*;

    fn number(digits: &str) -> Value {
        serde_json::from_str(digits).unwrap()
    }

    #[test]
    fn a_value_is_held_exactly_or_not_at_all() {
        use SqliteKind::{Any, Bool, Integer, Json, Numeric, Real, Text};
        for (kind, value, expected) in [
            (Integer, number("1.0"), Some(Cell::Integer(1))),
            (Integer, json!(true), Some(Cell::Integer(1))),
            (Real, json!(false), Some(Cell::Real(0.0))),
            (Integer, json!("abc"), None),
            (Integer, number("9223372036854775808"), None),
            (Integer, number("1.5"), None),
            (Integer, json!([1]), None),
            (Real, number("1"), Some(Cell::Real(1.0))),
            (Real, json!(false), Some(Cell::Real(0.0))),
            (Real, json!(true), Some(Cell::Real(1.0))),
            (Real, number("9007199254740993"), None),
            (Real, number("1e400"), None),
            (Numeric, json!("2024-01-02"), Some(Cell::Text("2024-01-02".into()))),
            (Numeric, json!("2024"), Some(Cell::Integer(2024))),
            (Numeric, json!("0.1000000000000000055511151231257827"), None),
            (Text, number("1.10"), Some(Cell::Text("1.10".into()))),
            (Text, json!({"a": [1]}), Some(Cell::Text("{\"a\":[1]}".into()))),
            (Any, number("1e400"), Some(Cell::Text("1e+400".into()))),
            (Bool, json!(false), Some(Cell::Integer(0))),
            (Bool, json!("true"), Some(Cell::Integer(1))),
            (Bool, json!(1), Some(Cell::Integer(1))),
            (Bool, json!("yes"), None),
            (Json { text: false }, json!("x"), Some(Cell::Text("\"x\"".into()))),
            (Json { text: false }, number("5"), Some(Cell::Integer(5))),
            (Json { text: false }, number("1e400"), None),
            (Json { text: true }, number("1e400"), Some(Cell::Text("1e+400".into()))),
        ] {
            let stored = kind.store(&value);
            assert_eq!(stored.clone().ok(), expected, "{kind:?} {value}: {stored:?}");
        }
    }

    #[test]
    fn what_comes_back_is_what_the_column_is_for() {
        use SqliteKind::{Bool, Integer, Json, Text};
        assert_eq!(Bool.restore(&Cell::Integer(1)), json!(true));
        assert_eq!(Bool.restore(&Cell::Integer(7)), json!(7));
        assert_eq!(Integer.restore(&Cell::Integer(1)), json!(1));
        assert_eq!(Text.restore(&Cell::Text("{\"a\":1}".into())), json!({"a": 1}));
        assert_eq!(Text.restore(&Cell::Text("{ \"a\":1}".into())), json!("{ \"a\":1}"));
        assert_eq!(Json { text: true }.restore(&Cell::Text("\"[1]\"".into())), json!("[1]"));
    }
}
