//! A value in each format, exactly: read back by its rules it is the same again.

use crate::Dialect;
use crate::value::SqlValue;

use super::ExportFormat;

/// How a column's values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As SQLite stores each.
    Stored,
    /// `true` and `false`.
    Bool,
    /// A number, as it is printed.
    Number,
    /// JSON.
    Json,
    /// Bytes.
    Bytes,
    /// Anything else, as it is printed.
    Text,
}

impl Kind {
    /// By the name of PostgreSQL's type.
    pub fn of(name: &str) -> Self {
        match name {
            "bool" => Self::Bool,
            "int2" | "int4" | "int8" | "oid" | "float4" | "float8" | "numeric" => Self::Number,
            "json" | "jsonb" => Self::Json,
            "bytea" => Self::Bytes,
            _ => Self::Text,
        }
    }
}

/// Writes a value that SQLite stores.
pub(super) fn stored(format: ExportFormat, value: SqlValue<'_>, out: &mut Vec<u8>) {
    match (format, value) {
        (ExportFormat::Csv, SqlValue::Null) => {}
        (ExportFormat::Sql, SqlValue::Null) => out.extend_from_slice(b"NULL"),
        (_, SqlValue::Null) => out.extend_from_slice(b"null"),
        (_, SqlValue::Integer(integer)) => out.extend_from_slice(integer.to_string().as_bytes()),
        (_, SqlValue::Real(real)) => self::real(format, real, out),
        (ExportFormat::Csv, SqlValue::Text(text)) => csv(text, text.starts_with(b"\\x"), out),
        (ExportFormat::Csv, SqlValue::Blob(blob)) => {
            out.extend_from_slice(b"\\x");
            hex(blob, out);
        }
        (ExportFormat::Sql, SqlValue::Text(text)) => match std::str::from_utf8(text) {
            Ok(text) if !text.contains('\0') => out.extend_from_slice(Dialect::Sqlite.literal(text).as_bytes()),
            // a literal ends at a NUL, and has to be UTF-8
            _ => {
                out.extend_from_slice(b"CAST(x'");
                hex(text, out);
                out.extend_from_slice(b"' AS TEXT)");
            }
        },
        (ExportFormat::Sql, SqlValue::Blob(blob)) => {
            out.extend_from_slice(b"x'");
            hex(blob, out);
            out.push(b'\'');
        }
        (_, SqlValue::Text(text)) => match std::str::from_utf8(text) {
            Ok(text) => json_string(text, out),
            Err(_) => base64_object("text_base64", text, out),
        },
        (_, SqlValue::Blob(blob)) => base64_object("base64", blob, out),
    }
}

fn real(format: ExportFormat, real: f64, out: &mut Vec<u8>) {
    let text = match format {
        // SQLite has no literal for it but one that is too large
        ExportFormat::Sql if real.is_infinite() => if real > 0.0 { "9e999" } else { "-9e999" }.to_owned(),
        ExportFormat::Csv if real.is_infinite() => if real > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        _ if real.is_infinite() => if real > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }.to_owned(),
        // the shortest that is read as the same number, always with a point or an exponent
        _ => format!("{real:?}"),
    };
    out.extend_from_slice(text.as_bytes());
}

/// Writes a value that PostgreSQL printed.
pub(super) fn printed(format: ExportFormat, kind: Kind, value: Option<&str>, out: &mut Vec<u8>) {
    let Some(text) = value else {
        return stored(format, SqlValue::Null, out);
    };
    match (format, kind) {
        (ExportFormat::Csv, _) => csv(text.as_bytes(), false, out),
        (ExportFormat::Sql, Kind::Number) if is_finite(text) => out.extend_from_slice(text.as_bytes()),
        (ExportFormat::Sql, _) => out.extend_from_slice(Dialect::Postgres.literal(text).as_bytes()),
        (_, Kind::Bool) => out.extend_from_slice(if text == "t" { b"true" } else { b"false" }),
        (_, Kind::Number) if is_finite(text) => out.extend_from_slice(text.as_bytes()),
        // breaks stand between its tokens alone: in a string they are written `\n`
        (_, Kind::Json) => out.extend(text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte })),
        (_, Kind::Bytes) => base64_object("base64", &bytes(text), out),
        (_, Kind::Number | Kind::Text | Kind::Stored) => json_string(text, out),
    }
}

/// `NaN`, `Infinity` and `-Infinity` are no numbers to JSON.
fn is_finite(number: &str) -> bool {
    number.bytes().any(|byte| byte.is_ascii_digit())
}

/// The bytes of `\x…`.
fn bytes(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("\\x").unwrap_or_default().as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// A field of CSV (RFC 4180): quoted where it has to be, and where it is empty: without quotes that is NULL.
pub(super) fn csv(text: &[u8], quoted: bool, out: &mut Vec<u8>) {
    let plain = |byte: &u8| !matches!(byte, b'"' | b',' | b'\r' | b'\n');
    let edges = text.first() == Some(&b' ') || text.last() == Some(&b' ');
    // `\.` alone on a line ends the data of a COPY
    if !quoted && !text.is_empty() && text != b"\\." && !edges && text.iter().all(plain) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A string of JSON.
pub(super) fn json_string(text: &str, out: &mut Vec<u8>) {
    // a text is always written
    serde_json::to_writer(&mut *out, text).expect("a vector takes what is written to it");
}

fn base64_object(key: &str, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{{\"{key}\":\"").as_bytes());
    base64(bytes, out);
    out.extend_from_slice(b"\"}");
}

fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at > group.len() { b'=' } else { digit });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(format: ExportFormat, value: SqlValue<'_>) -> String {
        let mut out = Vec::new();
        stored(format, value, &mut out);
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn base64_is_the_rfcs() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            let mut out = Vec::new();
            base64(bytes.as_bytes(), &mut out);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn null_and_empty_differ_in_csv() {
        assert_eq!(written(ExportFormat::Csv, SqlValue::Null), "");
        assert_eq!(written(ExportFormat::Csv, SqlValue::Text(b"")), "\"\"");
        assert_eq!(written(ExportFormat::Csv, SqlValue::Text(b"a\"b")), "\"a\"\"b\"");
    }

    proptest! {
        /// SQLite reads each literal as the value that it was written from.
        #[test]
        fn literals_of_sqlite_are_exact(bits: u64, integer: i64, text: Vec<u8>, word: String) {
            let db = rusqlite::Connection::open_in_memory().expect("opens");
            let real = f64::from_bits(bits);
            let query = |literal: &str| -> rusqlite::types::Value {
                db.query_row(&format!("SELECT {literal}"), [], |row| row.get(0)).expect("it is a literal")
            };
            if !real.is_nan() {
                let read = query(&written(ExportFormat::Sql, SqlValue::Real(real)));
                let rusqlite::types::Value::Real(read) = read else { panic!("{read:?}") };
                prop_assert_eq!(read, real);
            }
            let read = query(&written(ExportFormat::Sql, SqlValue::Integer(integer)));
            prop_assert_eq!(read, rusqlite::types::Value::Integer(integer));
            let read = query(&written(ExportFormat::Sql, SqlValue::Blob(&text)));
            prop_assert_eq!(read, rusqlite::types::Value::Blob(text));
            let read = query(&written(ExportFormat::Sql, SqlValue::Text(word.as_bytes())));
            prop_assert_eq!(read, rusqlite::types::Value::Text(word));
        }
    }
}
