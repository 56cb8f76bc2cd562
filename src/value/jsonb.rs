//! What `jsonb` would make of JSON text: whether it can hold it, how it would print it, its canonical form.
//!
//! The canonical form is what `jsonb` prints, but that numbers are without zeros at the end of their fraction: to
//! `jsonb`, `1.10` and `1.1` are equal, and it prints each as it came.

use std::ops::Range;

use super::decimal::{Decimal, NumberText};
use super::json::{self, Visitor};
use super::json_keys::{Scratch, with_scratch};
use super::text::LONGEST_FIELD;
use super::{Fidelity, Misfit, SqlValue};

/// The byte that `jsonb` has before its text on the wire (jsonb_send in PostgreSQL's jsonb.c).
pub(super) const WIRE_VERSION: u8 = 1;

/// What a string, an array's or an object's contents may take in `jsonb`'s own form
/// (JENTRY_OFFLENMASK in PostgreSQL's jsonb.h).
const LONGEST_CONTENTS: usize = 0x0fff_ffff;

/// `json`: text that is JSON, kept byte for byte; numbers, which a column's affinity may have made of it.
pub(super) fn json_value(value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
    with_text(value, |text| {
        check_json(text)?;
        out.extend_from_slice(text);
        Ok(Fidelity::Exact)
    })
}

/// `jsonb`: the version of the wire form, and the text, which the server reads for itself.
pub(super) fn jsonb_value(value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
    with_text(value, |text| {
        let fidelity = check_jsonb(text)?;
        out.push(WIRE_VERSION);
        out.extend_from_slice(text);
        Ok(fidelity)
    })
}

/// The JSON text of a value. SQLite's own binary JSON is a blob like any other, and is not taken for JSON.
fn with_text(value: SqlValue<'_>, work: impl FnOnce(&[u8]) -> Result<Fidelity, Misfit>) -> Result<Fidelity, Misfit> {
    match value {
        SqlValue::Text(text) => work(text),
        SqlValue::Integer(number) => work(NumberText::integer(number).as_bytes()),
        SqlValue::Real(number) if number.is_finite() => work(NumberText::real(number).as_bytes()),
        SqlValue::Real(_) => Err(Misfit::Range),
        _ => Err(Misfit::Class),
    }
}

/// Whether text is JSON.
fn check_json(text: &[u8]) -> Result<(), Misfit> {
    if text.len() > LONGEST_FIELD {
        return Err(Misfit::Length);
    }
    json::walk(text, &mut ())?;
    std::str::from_utf8(text).map_err(|_| Misfit::Utf8)?;
    Ok(())
}

/// Whether `jsonb` holds it as the same value, and whether it would print it as it is.
fn check_jsonb(text: &[u8]) -> Result<Fidelity, Misfit> {
    std::str::from_utf8(text).map_err(|_| Misfit::Utf8)?;
    with_scratch(|scratch| {
        let mut check = Check { text, exact: true, scratch };
        let tidy = json::walk(text, &mut check)?;
        let exact = check.exact;
        if text.len() > LONGEST_CONTENTS / 9 {
            check_size(text)?;
        }
        Ok(if tidy && exact { Fidelity::Exact } else { Fidelity::Respelled })
    })
}

/// Appends the canonical form of text that `jsonb` holds.
pub(super) fn write_canonical(text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    with_scratch(|scratch| {
        let mut print = Print { text, out, begun: true, scratch };
        json::walk(text, &mut print)?;
        Ok(())
    })
}

struct Check<'a> {
    text: &'a [u8],
    exact: bool,
    scratch: &'a mut Scratch,
}

impl Visitor for Check<'_> {
    fn open(&mut self, container: u8, _at: usize) -> Result<(), Misfit> {
        if container == b'{' {
            self.scratch.objects.push((self.scratch.members.len(), true));
        }
        Ok(())
    }

    fn close(&mut self, container: u8, _end: usize) -> Result<(), Misfit> {
        if container == b'{' {
            let (first, in_order) = self.scratch.finish(self.text)?;
            self.scratch.members.truncate(first);
            self.exact &= in_order;
        }
        Ok(())
    }

    fn key(&mut self, raw: Range<usize>, escaped: bool) -> Result<(), Misfit> {
        self.string(raw.clone(), escaped)?;
        self.scratch.add(self.text, raw, escaped, 0)
    }

    fn string(&mut self, raw: Range<usize>, escaped: bool) -> Result<(), Misfit> {
        if raw.len() > LONGEST_CONTENTS {
            return Err(Misfit::Length);
        }
        if escaped {
            let start = self.scratch.decoded.len();
            let raw = &self.text[raw];
            json::unescape(raw, &mut self.scratch.decoded)?;
            let decoded = &self.scratch.decoded[start..];
            if decoded.contains(&0) {
                return Err(Misfit::Json);
            }
            if self.exact {
                let mut printed = Vec::with_capacity(raw.len());
                write_string(decoded, &mut printed);
                self.exact = printed == raw;
            }
            self.scratch.decoded.truncate(start);
        }
        Ok(())
    }

    fn number(&mut self, raw: Range<usize>) -> Result<(), Misfit> {
        let raw = &self.text[raw];
        // short plain digits, as most are
        if raw.len() < 16 && raw[0] != b'-' && raw.iter().all(u8::is_ascii_digit) {
            return Ok(());
        }
        let number = Decimal::parse(raw).ok_or(Misfit::Syntax)?;
        if (number.negative && number.is_zero()) || number.fits(None).is_err() {
            return Err(Misfit::Json);
        }
        self.exact &= number.is_plain();
        Ok(())
    }
}

/// Refuses what might grow beyond what a `jsonb` array or object holds. Each value takes an entry of 4 bytes and a
/// number of up to 12 more than its digits, so this is more than it needs.
fn check_size(text: &[u8]) -> Result<(), Misfit> {
    let values = text.iter().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count() + 1;
    if text.len() + 16 * values > LONGEST_CONTENTS { Err(Misfit::Length) } else { Ok(()) }
}

struct Print<'a> {
    text: &'a [u8],
    out: &'a mut Vec<u8>,
    /// Whether the next value is the first of its container, or has its separator already.
    begun: bool,
    scratch: &'a mut Scratch,
}

impl Print<'_> {
    fn separate(&mut self) {
        if !std::mem::replace(&mut self.begun, false) {
            self.out.extend_from_slice(b", ");
        }
    }

    fn write(&mut self, raw: Range<usize>, escaped: bool) -> Result<(), Misfit> {
        self.out.push(b'"');
        if escaped {
            let start = self.scratch.decoded.len();
            json::unescape(&self.text[raw], &mut self.scratch.decoded)?;
            write_string(&self.scratch.decoded[start..], self.out);
            self.scratch.decoded.truncate(start);
        } else {
            self.out.extend_from_slice(&self.text[raw]);
        }
        self.out.push(b'"');
        Ok(())
    }
}

impl Visitor for Print<'_> {
    fn open(&mut self, container: u8, _at: usize) -> Result<(), Misfit> {
        self.separate();
        self.out.push(container);
        self.begun = true;
        if container == b'{' {
            self.scratch.objects.push((self.scratch.members.len(), true));
        }
        Ok(())
    }

    fn close(&mut self, container: u8, _end: usize) -> Result<(), Misfit> {
        self.begun = false;
        if container == b'[' {
            self.out.push(b']');
            return Ok(());
        }
        let end = self.out.len();
        if let Some((first, false)) = self.scratch.objects.last().copied() {
            // where each ends: at the separator before the next, which is still in the order that it was written in
            let members = &mut self.scratch.members[first..];
            for at in 0..members.len() {
                members[at].written.end = members.get(at + 1).map_or(end, |next| next.written.start - 2);
            }
        }
        let (first, in_order) = self.scratch.finish(self.text)?;
        if !in_order {
            let Scratch { members, sorted, .. } = &mut *self.scratch;
            sorted.clear();
            for member in &members[first..] {
                if !sorted.is_empty() {
                    sorted.extend_from_slice(b", ");
                }
                sorted.extend_from_slice(&self.out[member.written.clone()]);
            }
            self.out.truncate(end - sorted.len());
            self.out.extend_from_slice(sorted);
        }
        self.scratch.members.truncate(first);
        self.out.push(b'}');
        Ok(())
    }

    fn key(&mut self, raw: Range<usize>, escaped: bool) -> Result<(), Misfit> {
        self.separate();
        self.scratch.add(self.text, raw.clone(), escaped, self.out.len())?;
        self.write(raw, escaped)?;
        self.out.extend_from_slice(b": ");
        self.begun = true;
        Ok(())
    }

    fn string(&mut self, raw: Range<usize>, escaped: bool) -> Result<(), Misfit> {
        self.separate();
        self.write(raw, escaped)
    }

    fn number(&mut self, raw: Range<usize>) -> Result<(), Misfit> {
        self.separate();
        let raw = &self.text[raw];
        if raw[0] != b'-' && raw.iter().all(u8::is_ascii_digit) {
            self.out.extend_from_slice(raw);
            return Ok(());
        }
        let number = Decimal::parse(raw).ok_or(Misfit::Syntax)?;
        number.fits(None)?;
        number.write_plain(self.out);
        Ok(())
    }

    fn word(&mut self, raw: Range<usize>) -> Result<(), Misfit> {
        self.separate();
        self.out.extend_from_slice(&self.text[raw]);
        Ok(())
    }
}

/// Appends a string's inside as `jsonb` prints it (escape_json in PostgreSQL's json.c).
fn write_string(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (plain, after) = rest.split_at(json::ordinary(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = after.split_first() else { return };
        match byte {
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            // no other than a control character ends what is ordinary
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = after;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn exact_is_what_jsonb_prints() {
        for text in
            ["1", "1.10", "\"a\\n\\u001f\\\"é\"", "{\"b\": 1, \"aa\": {\"a\": null}, \"ab\": []}", "[-1.5, true]"]
        {
            assert_eq!(check_jsonb(text.as_bytes()), Ok(Fidelity::Exact), "{text}");
        }
        for text in [
            "[1,2]",
            "{\"aa\": 1, \"b\": 2}",
            "{\"b\": 1, \"a\": 2}",
            "1e2",
            "1E-2",
            "\"\\u00e9\"",
            "\"\\/\"",
            "\"\\u001F\"",
            "\"\\u000a\"",
            " 1",
            "{\"\\u0061\": 1}",
        ] {
            assert_eq!(check_jsonb(text.as_bytes()), Ok(Fidelity::Respelled), "{text}");
        }
    }

    #[test]
    fn what_jsonb_would_change_is_refused() {
        for text in [
            "{\"a\": 1, \"a\": 2}",
            "{\"b\": 1, \"a\": 2, \"b\": 3}",
            "{\"a\": 1, \"\\u0061\": 2}",
            "[{\"x\": {\"a\":1,\"a\":1}}]",
            "\"\\u0000\"",
            "{\"\\u0000\": 1}",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "-0",
            "-0.0",
            "-0e5",
            "1e131072",
            "1e-16384",
            "[-0]",
        ] {
            assert_eq!(check_jsonb(text.as_bytes()), Err(Misfit::Json), "{text}");
            assert_eq!(check_json(text.as_bytes()), Ok(()), "{text}");
        }
        assert_eq!(check_jsonb(b"{\"a\": {\"a\": 1}, \"b\": {\"a\": 1}}"), Ok(Fidelity::Exact));
        assert_eq!(check_jsonb(b"{"), Err(Misfit::Syntax));
        assert_eq!(check_jsonb(b"\"\xff\""), Err(Misfit::Utf8));
        assert_eq!(check_json(b"\"\xff\""), Err(Misfit::Utf8));
    }

    #[test]
    fn the_canonical_form_forgets_spelling() {
        for (text, canonical) in [
            (" [ 1 , 2.50, -0.0, 1e2 ] ", "[1, 2.5, 0, 100]"),
            ("{\"b\":1,\"a\":2,\"\":3}", "{\"\": 3, \"a\": 2, \"b\": 1}"),
            (
                "{\"aa\":{\"y\":[{}],\"x\":\"\\u00e9\\/\"},\"b\":[]}",
                "{\"b\": [], \"aa\": {\"x\": \"é/\", \"y\": [{}]}}",
            ),
            ("{\"\\u0062\":1,\"a\":2}", "{\"a\": 2, \"b\": 1}"),
            (
                "{\"c\":3,\"a\":{\"z\":1,\"y\":{\"q\":1,\"p\":2}},\"b\":2}",
                "{\"a\": {\"y\": {\"p\": 2, \"q\": 1}, \"z\": 1}, \"b\": 2, \"c\": 3}",
            ),
            ("\"\\u001F\\u0008\"", "\"\\u001f\\b\""),
            ("null", "null"),
        ] {
            let mut out = b"before".to_vec();
            write_canonical(text.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("before{canonical}"), "{text}");
        }
    }
}
