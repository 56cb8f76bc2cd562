//! The canonical form of a field as PostgreSQL sends it, and what a person reads of it.

use super::{PgType, jsonb, show};

/// How fields of one type are brought to their canonical form.
#[derive(Debug, Clone)]
pub struct Canonical {
    form: Form,
}

/// A field that is none of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a field that is no value of its type")]
pub struct Malformed;

#[derive(Debug, Clone)]
pub(super) enum Form {
    /// As it is sent, always of so many bytes.
    Fixed(Fixed),
    /// As it is sent.
    Text,
    Bytea,
    Float4,
    Float8,
    Numeric,
    /// Without the blanks at its end, which mean nothing in `char(n)`.
    Char,
    Jsonb,
    Array(Box<Form>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fixed {
    Bool,
    Int2,
    Int4,
    Int8,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
}

impl Fixed {
    fn length(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int2 => 2,
            Self::Int4 | Self::Date => 4,
            Self::Int8 | Self::Time | Self::Timestamp | Self::Timestamptz => 8,
            Self::Uuid => 16,
        }
    }
}

impl Form {
    fn of(of: &PgType) -> Self {
        match of {
            PgType::Bool => Self::Fixed(Fixed::Bool),
            PgType::Int2 => Self::Fixed(Fixed::Int2),
            PgType::Int4 => Self::Fixed(Fixed::Int4),
            PgType::Int8 => Self::Fixed(Fixed::Int8),
            PgType::Date => Self::Fixed(Fixed::Date),
            PgType::Time => Self::Fixed(Fixed::Time),
            PgType::Timestamp => Self::Fixed(Fixed::Timestamp),
            PgType::Timestamptz => Self::Fixed(Fixed::Timestamptz),
            PgType::Uuid => Self::Fixed(Fixed::Uuid),
            PgType::Float4 => Self::Float4,
            PgType::Float8 => Self::Float8,
            PgType::Numeric(_) => Self::Numeric,
            PgType::Text | PgType::Varchar(_) | PgType::Citext | PgType::Json | PgType::Enum { .. } => Self::Text,
            PgType::Char(_) => Self::Char,
            PgType::Bytea => Self::Bytea,
            PgType::Jsonb => Self::Jsonb,
            PgType::Array(element) => Self::Array(Box::new(Self::of(element))),
            PgType::Domain { over, .. } => Self::of(over),
        }
    }
}

impl Canonical {
    /// The canonical form of `of`.
    #[must_use]
    pub fn new(of: &PgType) -> Self {
        Self { form: Form::of(of) }
    }

    /// Whether fields are canonical as they are sent: then there is nothing to do for them.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        matches!(self.form, Form::Fixed(_) | Form::Text | Form::Bytea)
    }

    /// Appends the canonical form of a field, given without its length (`None` is NULL), with its length before it.
    /// Where it fails, `out` is as it was.
    ///
    /// # Errors
    /// [`Malformed`] where `field` is no binary form of the type.
    pub fn append(&self, field: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        append(&self.form, field, out)
    }

    /// A field as a person reads it, cut where it is long.
    #[must_use]
    pub fn show(&self, field: Option<&[u8]>) -> String {
        show::show(&self.form, field)
    }
}

fn append(form: &Form, field: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Some(field) = field else {
        out.extend_from_slice(&(-1i32).to_be_bytes());
        return Ok(());
    };
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let done = contents(form, field, out).and_then(|()| {
        let length = i32::try_from(out.len() - start - 4).map_err(|_| Malformed)?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    });
    if done.is_err() {
        out.truncate(start);
    }
    done
}

fn contents(form: &Form, field: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    match form {
        Form::Fixed(fixed) if field.len() != fixed.length() => return Err(Malformed),
        Form::Fixed(_) | Form::Text | Form::Bytea => out.extend_from_slice(field),
        Form::Float4 => {
            let number = f32::from_be_bytes(field.try_into().map_err(|_| Malformed)?);
            let bits = if number.is_nan() { 0x7fc0_0000 } else { number.to_bits() };
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Form::Float8 => {
            let number = f64::from_be_bytes(field.try_into().map_err(|_| Malformed)?);
            let bits = if number.is_nan() { 0x7ff8_0000_0000_0000 } else { number.to_bits() };
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Form::Numeric => numeric(field, out)?,
        Form::Char => out.extend_from_slice(without_blanks(field)),
        Form::Jsonb => jsonb::write_canonical(jsonb_text(field)?, out).map_err(|_| Malformed)?,
        Form::Array(element) => match Array::read(field)? {
            Array::OfOne(items) => {
                out.extend_from_slice(&items.left.to_be_bytes());
                for item in items {
                    append(element, item?, out)?;
                }
            }
            Array::Other => {
                out.extend_from_slice(&(-1i32).to_be_bytes());
                out.extend_from_slice(field);
            }
        },
    }
    Ok(())
}

pub(super) fn without_blanks(field: &[u8]) -> &[u8] {
    let kept = field.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &field[..kept]
}

/// The text in a field of `jsonb`: after a byte that is the form's version, and has always been 1.
pub(super) fn jsonb_text(field: &[u8]) -> Result<&[u8], Malformed> {
    match field {
        [jsonb::WIRE_VERSION, text @ ..] => Ok(text),
        _ => Err(Malformed),
    }
}

/// Appends a `numeric` in plain digits, without zeros that say nothing.
pub(super) fn numeric(field: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let (head, groups) = field.split_first_chunk::<8>().ok_or(Malformed)?;
    let [c1, c2, w1, w2, s1, s2, _, _] = *head;
    let count = usize::from(u16::from_be_bytes([c1, c2]));
    let weight = i32::from(i16::from_be_bytes([w1, w2]));
    if groups.len() != 2 * count {
        return Err(Malformed);
    }
    let negative = match u16::from_be_bytes([s1, s2]) {
        0 => false,
        0x4000 => true,
        0xc000 => return word(b"NaN", out),
        0xd000 => return word(b"Infinity", out),
        0xf000 => return word(b"-Infinity", out),
        _ => return Err(Malformed),
    };
    let groups = groups.as_chunks::<2>().0;
    let group = |weight_of: i32| -> Result<u16, Malformed> {
        let at = usize::try_from(weight - weight_of).ok().and_then(|at| groups.get(at));
        let group = at.map_or(0, |bytes| u16::from_be_bytes(*bytes));
        if group < 10_000 { Ok(group) } else { Err(Malformed) }
    };
    let Some(first) = groups.iter().position(|group| *group != [0, 0]) else {
        return word(b"0", out);
    };
    // at most 65,535 groups
    let highest = weight - i32::try_from(first).map_err(|_| Malformed)?;
    let lowest = weight - i32::try_from(count).map_err(|_| Malformed)? + 1;
    if negative {
        out.push(b'-');
    }
    if highest < 0 {
        out.push(b'0');
    }
    for at in (0..=highest).rev() {
        let digits = four_digits(group(at)?);
        let leading = if at == highest { digits.iter().take_while(|digit| **digit == b'0').count() } else { 0 };
        out.extend_from_slice(&digits[leading..]);
    }
    if lowest < 0 {
        out.push(b'.');
        for at in (lowest..0).rev() {
            out.extend_from_slice(&four_digits(group(at)?));
        }
        while let Some(b'0') = out.last() {
            out.pop();
        }
        if let Some(b'.') = out.last() {
            out.pop();
        }
    }
    Ok(())
}

fn word(word: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.extend_from_slice(word);
    Ok(())
}

fn four_digits(group: u16) -> [u8; 4] {
    let digit = |unit: u16| b'0' + u8::try_from(group / unit % 10).unwrap_or(0);
    [digit(1000), digit(100), digit(10), digit(1)]
}

/// An array as it is sent.
pub(super) enum Array<'a> {
    /// Of one dimension that begins at 1, or empty.
    OfOne(Items<'a>),
    /// Of several dimensions, or with another beginning.
    Other,
}

/// The elements of an array.
pub(super) struct Items<'a> {
    left: i32,
    rest: &'a [u8],
}

impl<'a> Array<'a> {
    pub(super) fn read(field: &'a [u8]) -> Result<Self, Malformed> {
        let (dimensions, rest) = int4(field)?;
        let (_has_nulls, rest) = int4(rest)?;
        let (_oid, rest) = int4(rest)?;
        match dimensions {
            0 if rest.is_empty() => Ok(Self::OfOne(Items { left: 0, rest })),
            1 => {
                let (count, rest) = int4(rest)?;
                let (begins, rest) = int4(rest)?;
                match (count, begins) {
                    (0.., 1) => Ok(Self::OfOne(Items { left: count, rest })),
                    (0.., _) => Ok(Self::Other),
                    _ => Err(Malformed),
                }
            }
            2..=6 => Ok(Self::Other),
            _ => Err(Malformed),
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Option<&'a [u8]>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            // what is left over belongs to no element
            let leftover = !std::mem::take(&mut self.rest).is_empty();
            return leftover.then_some(Err(Malformed));
        }
        self.left -= 1;
        Some(self.item())
    }
}

impl<'a> Items<'a> {
    fn item(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let (length, rest) = int4(self.rest)?;
        self.rest = rest;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (item, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(Some(item))
    }
}

fn int4(field: &[u8]) -> Result<(i32, &[u8]), Malformed> {
    let (bytes, rest) = field.split_first_chunk::<4>().ok_or(Malformed)?;
    Ok((i32::from_be_bytes(*bytes), rest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "canonical_tests.rs"]
mod tests;
