//! Arrays of one dimension from JSON arrays.

use std::ops::Range;

use super::conversion::{To, encode};
use super::decimal::{Decimal, NumberText};
use super::json::{self, Visitor};
use super::{Fidelity, Misfit, PgType, Reading, SqlValue};

/// What an array's elements are.
#[derive(Debug, Clone)]
pub(super) struct Elements {
    pub(super) to: To,
    /// Their type's OID.
    pub(super) oid: u32,
}

/// The OID of a type that has the same in every database (pg_type.dat in PostgreSQL's sources).
pub(super) fn element_oid(element: &PgType) -> Option<u32> {
    Some(match element {
        PgType::Bool => 16,
        PgType::Bytea => 17,
        PgType::Int8 => 20,
        PgType::Int2 => 21,
        PgType::Int4 => 23,
        PgType::Text => 25,
        PgType::Json => 114,
        PgType::Float4 => 700,
        PgType::Float8 => 701,
        PgType::Char(_) => 1042,
        PgType::Varchar(_) => 1043,
        PgType::Date => 1082,
        PgType::Time => 1083,
        PgType::Timestamp => 1114,
        PgType::Timestamptz => 1184,
        PgType::Numeric(_) => 1700,
        PgType::Uuid => 2950,
        PgType::Jsonb => 3802,
        PgType::Citext | PgType::Enum { .. } | PgType::Array(_) | PgType::Domain { .. } => return None,
    })
}

/// An array from JSON text: strings for text, times and UUIDs, numbers for numbers, `true` and `false` for booleans,
/// `null` for NULL, anything else for `json` and `jsonb`.
pub(super) fn array(
    elements: &Elements,
    reading: Reading,
    value: SqlValue<'_>,
    out: &mut Vec<u8>,
) -> Result<Fidelity, Misfit> {
    let SqlValue::Text(text) = value else { return Err(Misfit::Class) };
    std::str::from_utf8(text).map_err(|_| Misfit::Utf8)?;
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        return Err(Misfit::Syntax);
    }
    // dimensions, whether there are NULLs, the elements' type; for the one dimension its length and its lower bound
    // (array_send in PostgreSQL's arrayfuncs.c)
    let start = out.len();
    out.extend_from_slice(&[0; 20]);
    let fidelity = Fidelity::Respelled;
    let mut list = List { text, elements, reading, out, depth: 0, begun: 0, count: 0, nulls: false, fidelity };
    json::walk(text, &mut list)?;
    let List { count, nulls, fidelity, .. } = list;
    let head = [i32::from(count > 0), i32::from(nulls), elements.oid.cast_signed(), count, 1];
    for (at, number) in head.into_iter().enumerate() {
        out[start + 4 * at..start + 4 * at + 4].copy_from_slice(&number.to_be_bytes());
    }
    if count == 0 {
        out.truncate(start + 12);
    }
    Ok(fidelity)
}

struct List<'a> {
    text: &'a [u8],
    elements: &'a Elements,
    reading: Reading,
    out: &'a mut Vec<u8>,
    depth: usize,
    /// Where the element begins that is an object or an array.
    begun: usize,
    count: i32,
    nulls: bool,
    fidelity: Fidelity,
}

impl List<'_> {
    fn add(&mut self, value: SqlValue<'_>) -> Result<(), Misfit> {
        self.nulls |= value == SqlValue::Null;
        self.count = self.count.checked_add(1).ok_or(Misfit::Length)?;
        self.fidelity = self.fidelity.max(encode(&self.elements.to, self.reading, value, self.out)?);
        Ok(())
    }

    fn takes_json(&self) -> bool {
        matches!(self.elements.to, To::Json | To::Jsonb)
    }
}

impl Visitor for List<'_> {
    fn open(&mut self, _container: u8, at: usize) -> Result<(), Misfit> {
        if self.depth == 1 {
            if !self.takes_json() {
                return Err(Misfit::Syntax);
            }
            self.begun = at;
        }
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self, _container: u8, end: usize) -> Result<(), Misfit> {
        self.depth -= 1;
        if self.depth == 1 { self.add(SqlValue::Text(&self.text[self.begun..end])) } else { Ok(()) }
    }

    fn string(&mut self, raw: Range<usize>, escaped: bool) -> Result<(), Misfit> {
        match &self.elements.to {
            _ if self.depth > 1 => Ok(()),
            To::Json | To::Jsonb => self.add(SqlValue::Text(&self.text[raw.start - 1..=raw.end])),
            To::Text(_) | To::Bytea | To::Date | To::Time | To::Timestamp | To::Timestamptz | To::Uuid if escaped => {
                let mut decoded = Vec::with_capacity(raw.len());
                json::unescape(&self.text[raw], &mut decoded)?;
                self.add(SqlValue::Text(&decoded))
            }
            To::Text(_) | To::Bytea | To::Date | To::Time | To::Timestamp | To::Timestamptz | To::Uuid => {
                self.add(SqlValue::Text(&self.text[raw]))
            }
            _ => Err(Misfit::Class),
        }
    }

    fn number(&mut self, raw: Range<usize>) -> Result<(), Misfit> {
        let raw = &self.text[raw];
        match &self.elements.to {
            _ if self.depth > 1 => Ok(()),
            To::Json | To::Jsonb | To::Numeric(_) => self.add(SqlValue::Text(raw)),
            To::Int2
            | To::Int4
            | To::Int8
            | To::Float4
            | To::Float8
            | To::Date
            | To::Time
            | To::Timestamp
            | To::Timestamptz => self.add(number(raw)?),
            _ => Err(Misfit::Class),
        }
    }

    fn word(&mut self, raw: Range<usize>) -> Result<(), Misfit> {
        let raw = &self.text[raw];
        match &self.elements.to {
            _ if self.depth > 1 => Ok(()),
            _ if raw == b"null" => self.add(SqlValue::Null),
            To::Json | To::Jsonb => self.add(SqlValue::Text(raw)),
            To::Bool => self.add(SqlValue::Integer(i64::from(raw == b"true"))),
            _ => Err(Misfit::Class),
        }
    }
}

/// The INTEGER or REAL that a JSON number is, where it is one without rounding: where a REAL's shortest decimal is
/// the same number.
fn number(raw: &[u8]) -> Result<SqlValue<'static>, Misfit> {
    let text = std::str::from_utf8(raw).map_err(|_| Misfit::Syntax)?;
    if let Ok(integer) = text.parse() {
        // the integer 0 has no sign
        if text != "-0" {
            return Ok(SqlValue::Integer(integer));
        }
    }
    let real: f64 = text.parse().map_err(|_| Misfit::Syntax)?;
    if real.is_infinite() {
        return Err(Misfit::Range);
    }
    let plain = |text: &[u8]| {
        let mut plain = Vec::new();
        let number = Decimal::parse(text).ok_or(Misfit::Syntax)?;
        number.fits(None)?;
        number.write_plain(&mut plain);
        Ok(plain)
    };
    if plain(raw)? != plain(NumberText::scientific(real).as_bytes())? {
        return Err(Misfit::Precision);
    }
    Ok(SqlValue::Real(real))
}
