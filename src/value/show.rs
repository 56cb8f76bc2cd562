//! A field as a person reads it.

use super::calendar::{ShownDate, ShownMoment, ShownTime};
use super::canonical::{Array, Fixed, Form, Malformed, jsonb_text, numeric, without_blanks};

/// Longer text is cut here, in characters; bytes and digits likewise.
const LONGEST: usize = 80;

/// `NULL`, `'text'`, `x'00ff'`, `12.5`, `'2024-01-02 03:04:05'`: as one would write it in SQL, but that it is cut where
/// it is long.
pub(super) fn show(form: &Form, field: Option<&[u8]>) -> String {
    let Some(field) = field else { return "NULL".to_owned() };
    known(form, field).unwrap_or_else(|Malformed| format!("{} (not a value of the type)", bytes(field)))
}

fn known(form: &Form, field: &[u8]) -> Result<String, Malformed> {
    Ok(match form {
        Form::Fixed(Fixed::Bool) => (fixed::<1>(field)? != [0]).to_string(),
        Form::Fixed(Fixed::Int2) => i16::from_be_bytes(fixed(field)?).to_string(),
        Form::Fixed(Fixed::Int4) => i32::from_be_bytes(fixed(field)?).to_string(),
        Form::Fixed(Fixed::Int8) => i64::from_be_bytes(fixed(field)?).to_string(),
        Form::Fixed(Fixed::Date) => match i32::from_be_bytes(fixed(field)?) {
            i32::MIN => "'-infinity'".to_owned(),
            i32::MAX => "'infinity'".to_owned(),
            days => format!("'{}'", ShownDate(i64::from(days))),
        },
        Form::Fixed(Fixed::Time) => format!("'{}'", ShownTime(i64::from_be_bytes(fixed(field)?))),
        Form::Fixed(Fixed::Timestamp) => moment(field, false)?,
        Form::Fixed(Fixed::Timestamptz) => moment(field, true)?,
        Form::Fixed(Fixed::Uuid) => uuid(fixed(field)?),
        Form::Float4 => float(format!("{:?}", f32::from_be_bytes(fixed(field)?))),
        Form::Float8 => float(format!("{:?}", f64::from_be_bytes(fixed(field)?))),
        Form::Numeric => {
            let mut digits = Vec::new();
            numeric(field, &mut digits)?;
            cut(&String::from_utf8_lossy(&digits), digits.len())
        }
        Form::Text => quoted(field),
        Form::Char => quoted(without_blanks(field)),
        Form::Jsonb => quoted(jsonb_text(field)?),
        Form::Bytea => bytes(field),
        Form::Array(element) => match Array::read(field)? {
            Array::Other => bytes(field),
            Array::OfOne(items) => {
                let mut shown = "{".to_owned();
                for (at, item) in items.enumerate() {
                    if shown.len() > LONGEST {
                        shown.push_str(", …");
                        break;
                    }
                    shown.push_str(if at > 0 { ", " } else { "" });
                    shown.push_str(&show(element, item?));
                }
                shown + "}"
            }
        },
    })
}

fn fixed<const N: usize>(field: &[u8]) -> Result<[u8; N], Malformed> {
    field.try_into().map_err(|_| Malformed)
}

/// The words for numbers that are none, as PostgreSQL has them.
fn float(digits: String) -> String {
    match digits.as_str() {
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        _ => digits,
    }
}

fn moment(field: &[u8], zone: bool) -> Result<String, Malformed> {
    Ok(match i64::from_be_bytes(fixed(field)?) {
        i64::MIN => "'-infinity'".to_owned(),
        i64::MAX => "'infinity'".to_owned(),
        micros => format!("'{}'", ShownMoment { micros, zone }),
    })
}

fn uuid(bytes: [u8; 16]) -> String {
    let mut shown = "'".to_owned();
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            shown.push('-');
        }
        shown.push_str(&format!("{byte:02x}"));
    }
    shown + "'"
}

fn quoted(text: &[u8]) -> String {
    // what is cut off need not be looked at: a character takes four bytes at most
    let head = &text[..text.len().min(4 * LONGEST + 4)];
    let head = String::from_utf8_lossy(head);
    let (shown, rest) = match head.char_indices().nth(LONGEST) {
        Some((at, _)) => (&head[..at], true),
        None => (&*head, false),
    };
    // a line of a report holds a value: what would break it is shown as an escape
    let mut escaped = String::with_capacity(shown.len() + 2);
    for character in shown.chars() {
        match character {
            '\'' => escaped.push_str("''"),
            _ if character.is_control() => escaped.extend(character.escape_default()),
            _ => escaped.push(character),
        }
    }
    if rest { format!("'{escaped}…' ({} bytes)", text.len()) } else { format!("'{escaped}'") }
}

fn cut(digits: &str, length: usize) -> String {
    if length <= LONGEST {
        return digits.to_owned();
    }
    format!("{}… ({length} digits)", &digits[..LONGEST])
}

fn bytes(field: &[u8]) -> String {
    let shown = &field[..field.len().min(LONGEST / 2)];
    let digits: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    if shown.len() == field.len() { format!("x'{digits}'") } else { format!("x'{digits}…' ({} bytes)", field.len()) }
}
