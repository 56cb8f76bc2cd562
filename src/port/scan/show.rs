//! Values as a person reads them in a finding: quoted, cut, on one line.

use std::fmt::Write;

use crate::value::SqlValue;

/// The characters of a text and the bytes of a blob that are shown.
const LONGEST: usize = 60;

/// A value, cut where it is long: `'abc'`, `x'0102'`, `3.5`, `NULL`.
#[must_use]
pub fn show(value: SqlValue<'_>) -> String {
    match value {
        SqlValue::Null => "NULL".to_owned(),
        SqlValue::Integer(integer) => integer.to_string(),
        SqlValue::Real(real) => format!("{real:?}"),
        SqlValue::Text(text) => show_text(text),
        SqlValue::Blob(blob) => {
            let mut shown = String::from("x'");
            for byte in blob.iter().take(LONGEST / 2) {
                // writing to a String does not fail
                let _ = write!(shown, "{byte:02x}");
            }
            shown.push_str(if blob.len() > LONGEST / 2 { "…'" } else { "'" });
            shown
        }
    }
}

fn show_text(text: &[u8]) -> String {
    let mut shown = String::from("'");
    let (mut length, mut cut) = (0, false);
    'chunks: for chunk in text[..text.len().min(4 * LONGEST + 4)].utf8_chunks() {
        for character in chunk.valid().chars() {
            if length == LONGEST {
                cut = true;
                break 'chunks;
            }
            length += 1;
            match character {
                '\'' => shown.push_str("''"),
                // as Rust has it, and as it is read in most languages
                '\0' => shown.push_str("\\0"),
                c if c.is_control() => shown.extend(c.escape_default()),
                c => shown.push(c),
            }
        }
        for byte in chunk.invalid() {
            if length == LONGEST {
                cut = true;
                break 'chunks;
            }
            length += 1;
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown.push_str(if cut { "…'" } else { "'" });
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_on_one_line_and_cut() {
        assert_eq!(show(SqlValue::Text(b"it's\n\0\xff")), r"'it''s\n\0\xff'");
        assert_eq!(show(SqlValue::Text("ä".repeat(100).as_bytes())), format!("'{}…'", "ä".repeat(60)));
        assert_eq!(show(SqlValue::Text(&[b'a'; 60])), format!("'{}'", "a".repeat(60)));
        assert_eq!(show(SqlValue::Blob(&[1; 31])), format!("x'{}…'", "01".repeat(30)));
        assert_eq!(show(SqlValue::Real(3.0)), "3.0");
    }
}
