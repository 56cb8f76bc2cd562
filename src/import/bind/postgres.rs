//! What a column of PostgreSQL's takes, over the conversions that a port uses, and its binary fields as JSON.

use serde_json::Value;

use super::kind::{Cell, boolean, cut, text_or_json};
use crate::db::SqlError;
use crate::import::number;
use crate::value::{Canonical, Conversion, PgType, Reading, SqlValue};

/// A type with what its values need.
#[derive(Debug, Clone)]
pub(in crate::import) struct PgKind {
    of: PgType,
    conversion: Conversion,
    canonical: Canonical,
}

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's count begins.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

impl PgKind {
    /// `None` where JSON has nothing that such a column could take.
    pub fn new(of: &PgType) -> Option<Self> {
        if matches!(of.base(), PgType::Bytea | PgType::Array(_)) || !Conversion::supports(of) {
            return None;
        }
        let (conversion, canonical) = (Conversion::new(of, Reading::default()), Canonical::new(of));
        Some(Self { of: of.clone(), conversion, canonical })
    }

    pub fn is_text(&self) -> bool {
        matches!(self.of.base(), PgType::Text | PgType::Varchar(_))
    }

    pub fn store(&self, value: &Value) -> Result<Cell, String> {
        let refused = || format!("the column is {}, and the value is {}", self.of, cut(value));
        let text;
        // captures and CSV have nothing but text
        let digits = match value {
            Value::Number(digits) => Some(digits.as_str()),
            Value::String(text) => number::looks_numeric(text),
            _ => None,
        };
        let given = match (self.of.base(), value) {
            (_, Value::Null) => return Ok(Cell::Null),
            (PgType::Json | PgType::Jsonb, value) => {
                text = value.to_string();
                SqlValue::Text(text.as_bytes())
            }
            (PgType::Bool, value) => SqlValue::Integer(i64::from(boolean(value).ok_or_else(refused)?)),
            (PgType::Int2 | PgType::Int4 | PgType::Int8, _) => {
                SqlValue::Integer(digits.and_then(number::integer).ok_or_else(refused)?)
            }
            (PgType::Float4 | PgType::Float8, _) => {
                let digits = digits.ok_or_else(refused)?;
                SqlValue::Real(number::exact(digits).ok_or_else(|| {
                    format!("the column is {}, which can't hold {digits} with all its digits", self.of)
                })?)
            }
            (PgType::Numeric(_), Value::Number(digits)) => SqlValue::Text(digits.as_str().as_bytes()),
            (PgType::Numeric(_), Value::String(text)) => SqlValue::Text(text.as_bytes()),
            (PgType::Text | PgType::Varchar(_) | PgType::Char(_) | PgType::Citext, value) => match value {
                Value::String(text) => SqlValue::Text(text.as_bytes()),
                value => {
                    text = value.to_string();
                    SqlValue::Text(text.as_bytes())
                }
            },
            (
                PgType::Date
                | PgType::Time
                | PgType::Timestamp
                | PgType::Timestamptz
                | PgType::Uuid
                | PgType::Enum { .. },
                Value::String(text),
            ) => SqlValue::Text(text.as_bytes()),
            _ => return Err(refused()),
        };
        let mut field = Vec::new();
        match self.conversion.encode(given, &mut field) {
            Ok(_) => Ok(Cell::Field(field)),
            Err(misfit) => Err(format!("{}: {misfit}", refused())),
        }
    }

    pub fn restore(&self, cell: &Cell) -> Value {
        let Cell::Field(field) = cell else { return Value::Null };
        let bytes = field.get(4..).unwrap_or_default();
        self.read(bytes).unwrap_or_else(|| Value::String(self.canonical.show(Some(bytes))))
    }

    fn read(&self, bytes: &[u8]) -> Option<Value> {
        let text = || std::str::from_utf8(bytes).ok();
        let float = |real: f64, digits: String| match real.is_finite() {
            true => number::number(&digits).map(Value::Number),
            false => Some(Value::String(digits)),
        };
        Some(match self.of.base() {
            PgType::Bool => Value::Bool(*bytes.first()? != 0),
            PgType::Int2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
            PgType::Int4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
            PgType::Int8 => i64::from_be_bytes(bytes.try_into().ok()?).into(),
            PgType::Float4 => {
                let real = f32::from_be_bytes(bytes.try_into().ok()?);
                // what was stored is the same number in 64 bits
                float(real.into(), format!("{:?}", f64::from(real)))?
            }
            PgType::Float8 => {
                let real = f64::from_be_bytes(bytes.try_into().ok()?);
                float(real, format!("{real:?}"))?
            }
            PgType::Numeric(_) => {
                let mut digits = Vec::new();
                self.canonical.append(Some(bytes), &mut digits).ok()?;
                let digits = std::str::from_utf8(digits.get(4..)?).ok()?;
                number::number(digits).map_or_else(|| Value::String(digits.to_owned()), Value::Number)
            }
            PgType::Json => serde_json::from_slice(bytes).ok()?,
            PgType::Jsonb => serde_json::from_slice(bytes.get(1..)?).ok()?,
            PgType::Char(_) => text_or_json(text()?.trim_end_matches(' ')),
            PgType::Text | PgType::Varchar(_) | PgType::Citext => text_or_json(text()?),
            PgType::Enum { .. } => Value::String(text()?.to_owned()),
            PgType::Uuid => {
                let digits = crate::words::hex(bytes);
                let part = |from: usize, to: usize| digits.get(from..to);
                let (a, b, c, d, e) = (part(0, 8)?, part(8, 12)?, part(12, 16)?, part(16, 20)?, part(20, 32)?);
                Value::String(format!("{a}-{b}-{c}-{d}-{e}"))
            }
            PgType::Date => {
                let days = i64::from(i32::from_be_bytes(bytes.try_into().ok()?));
                let moment = moment(days.checked_mul(86_400_000_000)?)?;
                Value::String(moment.get(..10)?.to_owned())
            }
            PgType::Time => {
                let moment = moment(i64::from_be_bytes(bytes.try_into().ok()?))?;
                Value::String(moment.get(11..moment.len() - 1)?.to_owned())
            }
            PgType::Timestamp => {
                let moment = moment(i64::from_be_bytes(bytes.try_into().ok()?))?;
                Value::String(moment.trim_end_matches('Z').to_owned())
            }
            PgType::Timestamptz => Value::String(moment(i64::from_be_bytes(bytes.try_into().ok()?))?),
            _ => return None,
        })
    }

    pub fn canonical(&self, cell: &Cell, out: &mut Vec<u8>) -> Result<(), SqlError> {
        let field = match cell {
            Cell::Field(field) => field.get(4..),
            _ => None,
        };
        self.canonical.append(field, out).map_err(|error| SqlError::other(error.to_string()))
    }
}

/// `2024-01-02T03:04:05.678Z`, of microseconds since 2000; `None` beyond the years that text has.
fn moment(micros: i64) -> Option<String> {
    let moment = jiff::Timestamp::from_microsecond(micros.checked_add(EPOCH_MICROS)?).ok()?.to_string();
    moment.starts_with(|first: char| first.is_ascii_digit()).then_some(moment)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use serde_json::json;

    use super::*;

    fn there_and_back(of: &str, value: &Value) -> Result<Value, String> {
        let kind = PgKind::new(&of.parse().unwrap()).unwrap();
        kind.store(value).map(|cell| kind.restore(&cell))
    }

    #[test]
    fn values_come_back_as_the_type_spells_them() {
        for (of, value, expected) in [
            ("int4", json!(5), json!(5)),
            ("int4", json!("5"), json!(5)),
            ("float8", json!("1e3"), json!(1000.0)),
            ("bool", json!("true"), json!(true)),
            ("bool", json!(0), json!(false)),
            ("bool", json!(true), json!(true)),
            ("text", json!("x"), json!("x")),
            ("text", json!({"a": 1}), json!({"a": 1})),
            ("jsonb", json!("x"), json!("x")),
            ("jsonb", json!([1, null]), json!([1, null])),
            ("uuid", json!("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
            ("timestamptz", json!("2024-01-02T03:04:05.120+02:00"), json!("2024-01-02T01:04:05.12Z")),
            ("timestamp", json!("1999-12-31T23:59:59.5"), json!("1999-12-31T23:59:59.5")),
            ("date", json!("1815-12-10"), json!("1815-12-10")),
            ("time", json!("10:00:00"), json!("10:00:00")),
            ("float8", json!(0.1), json!(0.1)),
            ("char(5)", json!("ab"), json!("ab")),
        ] {
            assert_eq!(there_and_back(of, &value), Ok(expected), "{of} {value}");
        }
        let digits: Value = serde_json::from_str("123456789012345678901234567890.50").unwrap();
        assert!(number::equal(
            &there_and_back("numeric", &digits).unwrap().to_string(),
            "123456789012345678901234567890.5"
        ));
    }

    #[test]
    fn what_a_type_cannot_hold_is_refused() {
        for (of, value) in [
            ("int2", json!(40000)),
            ("int4", json!("five")),
            ("int4", json!("5.5")),
            ("bool", json!(2)),
            ("bool", json!("yes")),
            ("text", json!("a\u{0}b")),
            ("timestamptz", json!("2024-01-02T03:04:05.1234567Z")),
            ("timestamptz", json!("yesterday")),
            ("varchar(2)", json!("abc")),
            ("uuid", json!("x")),
        ] {
            assert!(there_and_back(of, &value).is_err(), "{of} {value}");
        }
        assert!(PgKind::new(&"bytea".parse().unwrap()).is_none());
    }
}
