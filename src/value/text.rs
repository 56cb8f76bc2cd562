//! Text types and `bytea`, and text that PostgreSQL can't hold.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::decimal::NumberText;
use super::{BadText, Fidelity, Misfit, SqlValue};

/// The longest field in bytes: a row of the server's is under 1 GB (MaxAllocSize in PostgreSQL's memutils.h).
pub(super) const LONGEST_FIELD: usize = 0x3fff_ffff - 64;

/// How long text may be, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// `text`, `citext`, `varchar`.
    None,
    /// `varchar(n)`.
    AtMost(usize),
    /// `char(n)`: shorter text is filled up with blanks.
    Padded(usize),
}

/// `text`, `varchar`, `char`, `citext`.
pub(super) fn text(limit: Limit, bad: BadText, value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
    let number;
    let (text, fidelity) = match value {
        SqlValue::Text(bytes) => {
            let (text, fidelity) = storable(bytes, bad)?;
            (text, fidelity)
        }
        SqlValue::Integer(integer) => {
            number = NumberText::integer(integer);
            (Cow::Borrowed(number.as_bytes()), Fidelity::Reclassed)
        }
        SqlValue::Real(real) => {
            number = NumberText::real(real);
            (Cow::Borrowed(number.as_bytes()), Fidelity::Reclassed)
        }
        _ => return Err(Misfit::Class),
    };
    if text.len() > LONGEST_FIELD {
        return Err(Misfit::Length);
    }
    let fidelity = match limit {
        Limit::None => fidelity,
        Limit::AtMost(most) if characters(&text) <= most => fidelity,
        Limit::Padded(width) => match characters(&text) {
            // it comes back as it went only where nothing is filled up, and no blank of its own is taken for filling
            length if length == width && text.last() != Some(&b' ') => fidelity,
            length if length <= width => fidelity.max(Fidelity::Respelled),
            _ => return Err(Misfit::Length),
        },
        Limit::AtMost(_) => return Err(Misfit::Length),
    };
    out.extend_from_slice(&text);
    Ok(fidelity)
}

/// Characters of valid UTF-8: bytes that do not continue one.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// Text as PostgreSQL can hold it: valid UTF-8 without NUL.
fn storable(bytes: &[u8], bad: BadText) -> Result<(Cow<'_, [u8]>, Fidelity), Misfit> {
    let nul = memchr(0, bytes).is_some();
    let good = !nul && std::str::from_utf8(bytes).is_ok();
    match bad {
        BadText::Refuse if nul => Err(Misfit::Nul),
        BadText::Refuse if !good => Err(Misfit::Utf8),
        BadText::Strip if !good => Ok((Cow::Owned(strip(bytes)), Fidelity::Repaired)),
        BadText::Escape if !good || memmem::find(bytes, b"\\x").is_some() => {
            Ok((Cow::Owned(escape(bytes)), Fidelity::Repaired))
        }
        _ => Ok((Cow::Borrowed(bytes), Fidelity::Exact)),
    }
}

fn strip(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        kept.extend(chunk.valid().bytes().filter(|byte| *byte != 0));
    }
    kept
}

/// Writes NUL and bytes that are no UTF-8 as `\x` and two lower-case hexadecimal digits. A run of backslashes that one
/// of those follows, or an `x` of the text's own, is doubled: so an odd run before `x` is an escape, an even one is
/// text, and no two texts become the same.
fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(bytes.len() + 16);
    let mut backslashes = 0;
    for chunk in bytes.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            if byte == 0 || byte == b'x' {
                escaped.extend(std::iter::repeat_n(b'\\', backslashes));
            }
            backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
            if byte == 0 { escaped.extend_from_slice(b"\\x00") } else { escaped.push(byte) }
        }
        for byte in chunk.invalid() {
            escaped.extend(std::iter::repeat_n(b'\\', backslashes));
            backslashes = 0;
            escaped.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    escaped
}

/// `bytea`: blobs; text and numbers' text as their bytes.
pub(super) fn bytea(value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
    let number;
    let (bytes, fidelity) = match value {
        SqlValue::Blob(bytes) => (bytes, Fidelity::Exact),
        SqlValue::Text(bytes) => (bytes, Fidelity::Reclassed),
        SqlValue::Integer(integer) => {
            number = NumberText::integer(integer);
            (number.as_bytes(), Fidelity::Reclassed)
        }
        SqlValue::Real(real) => {
            number = NumberText::real(real);
            (number.as_bytes(), Fidelity::Reclassed)
        }
        SqlValue::Null => return Err(Misfit::Class),
    };
    if bytes.len() > LONGEST_FIELD {
        return Err(Misfit::Length);
    }
    out.extend_from_slice(bytes);
    Ok(fidelity)
}

/// An enumeration: text that is one of the labels, which are sorted.
pub(super) fn label(labels: &[Box<[u8]>], value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
    let SqlValue::Text(text) = value else { return Err(Misfit::Class) };
    labels.binary_search_by(|label| (**label).cmp(text)).map_err(|_| Misfit::Label)?;
    out.extend_from_slice(text);
    Ok(Fidelity::Exact)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stripping_keeps_all_that_is_text() {
        assert_eq!(strip(b"a\0b\xffc\xc3"), b"abc");
        assert_eq!(strip("ä\0€".as_bytes()), "ä€".as_bytes());
    }

    #[test]
    fn escaping_tells_escapes_from_text() {
        let escaped = |bytes: &[u8]| String::from_utf8(escape(bytes)).unwrap();
        assert_eq!(escaped(b"a\0b\xff"), "a\\x00b\\xff");
        assert_eq!(escaped(b"a\\x00b"), "a\\\\x00b");
        assert_eq!(escaped(b"\\\0"), "\\\\\\x00");
        assert_eq!(escaped(b"\\\\x"), "\\\\\\\\x");
        assert_eq!(escaped(b"c:\\temp\\\\"), "c:\\temp\\\\");
    }

    /// What [`escape`] wrote, read back by its own rule.
    fn unescape(mut text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(first) = text.first() {
            let run = text.iter().take_while(|byte| **byte == b'\\').count();
            if run > 0 && text.get(run) == Some(&b'x') {
                bytes.extend(std::iter::repeat_n(b'\\', run / 2));
                text = &text[run + 1..];
                if run % 2 == 1 {
                    let digits = std::str::from_utf8(&text[..2]).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                    text = &text[2..];
                } else {
                    bytes.push(b'x');
                }
            } else {
                let taken = run.max(1);
                if run > 0 {
                    bytes.extend_from_slice(&text[..run]);
                } else {
                    bytes.push(*first);
                }
                text = &text[taken..];
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn escaped_text_can_be_read_back(
            bytes in prop::collection::vec(prop::sample::select(&[0, b'\\', b'x', b'0', b'a', 0xff, 0xc3, 0xa4][..]), 0..12),
        ) {
            let escaped = escape(&bytes);
            prop_assert!(std::str::from_utf8(&escaped).is_ok() && !escaped.contains(&0));
            prop_assert_eq!(unescape(&escaped), bytes);
        }
    }
}
