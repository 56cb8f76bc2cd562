//! Numbers of JSON by their digits: whether two are equal, which are integers, which a float holds exactly.

use serde_json::{Number, Value};

/// A number without needless zeros: sign, digits, and the power of ten of the last one.
#[derive(Debug, PartialEq, Eq)]
struct Plain<'a> {
    negative: bool,
    digits: std::borrow::Cow<'a, str>,
    exponent: i64,
}

fn plain(text: &str) -> Plain<'_> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let rest = rest.strip_prefix('+').unwrap_or(rest);
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], exponent(&rest[at + 1..])),
        None => (rest, 0),
    };
    let (digits, fraction): (std::borrow::Cow<'_, str>, usize) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (format!("{whole}{fraction}").into(), fraction.len()),
        None => (mantissa.into(), 0),
    };
    let length = digits.len();
    let trimmed = digits.trim_end_matches('0').len();
    let leading = digits.len() - digits.trim_start_matches('0').len();
    if leading >= trimmed {
        return Plain { negative: false, digits: "".into(), exponent: 0 };
    }
    let power = i64::try_from(length - trimmed).unwrap_or(i64::MAX) - i64::try_from(fraction).unwrap_or(i64::MAX);
    let digits = match digits {
        std::borrow::Cow::Borrowed(digits) => digits[leading..trimmed].into(),
        std::borrow::Cow::Owned(digits) => digits[leading..trimmed].to_owned().into(),
    };
    Plain { negative, digits, exponent: exponent.saturating_add(power) }
}

/// An exponent too large to count with is as good as the largest.
fn exponent(text: &str) -> i64 {
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 })
}

/// Whether two texts are the same number.
pub(super) fn equal(a: &str, b: &str) -> bool {
    a == b || plain(a) == plain(b)
}

/// The integer that a number is, whatever its spelling (`1.0`, `1e3`), as far as 64 bits hold it.
pub(super) fn integer(text: &str) -> Option<i64> {
    if let Ok(integer) = text.parse() {
        return Some(integer);
    }
    let plain = plain(text);
    if plain.digits.is_empty() {
        return Some(0);
    }
    if !(0..=19).contains(&plain.exponent) {
        return None;
    }
    let sign = if plain.negative { "-" } else { "" };
    let zeros = usize::try_from(plain.exponent).ok()?;
    format!("{sign}{}{}", plain.digits, "0".repeat(zeros)).parse().ok()
}

/// The float whose shortest spelling is this number.
pub(super) fn exact(text: &str) -> Option<f64> {
    let float: f64 = text.parse().ok().filter(|float: &f64| float.is_finite())?;
    // fifteen digits always come back (IEEE 754 double precision), where the number is in the normal range
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits <= 15 && !text.contains(['e', 'E']) {
        return Some(float);
    }
    equal(&format!("{float:e}"), text).then_some(float)
}

/// Whether a text is a number as SQLite's affinities see one: with blanks around it, a sign, a point at either end.
pub(super) fn looks_numeric(text: &str) -> Option<&str> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(rest);
    let mut at = whole;
    let mut fraction = 0;
    if rest[at..].starts_with('.') {
        fraction = digits(&rest[at + 1..]);
        at += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if rest[at..].starts_with(['e', 'E']) {
        let exponent = rest[at + 1..].strip_prefix(['-', '+']).unwrap_or(&rest[at + 1..]);
        let count = digits(exponent);
        return (count > 0 && count == exponent.len()).then_some(text);
    }
    (at == rest.len()).then_some(text)
}

/// A number of JSON from its digits.
pub(super) fn number(text: &str) -> Option<Number> {
    text.parse().ok()
}

/// Whether two values are the same: numbers by what they are, objects whatever the order of their keys.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => equal(a.as_str(), b.as_str()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_what_they_are() {
        for (a, b) in
            [("1.10", "1.1"), ("1e2", "100"), ("-0", "0"), ("0.0", "-0e9"), ("1200e-2", "12"), ("1E+2", "1e2")]
        {
            assert!(equal(a, b), "{a} {b}");
        }
        for (a, b) in
            [("1", "-1"), ("1e400", "1e401"), ("9007199254740993", "9007199254740992"), ("0.1", "0.10000000000000001")]
        {
            assert!(!equal(a, b), "{a} {b}");
        }
    }

    #[test]
    fn integers_and_floats_are_taken_where_nothing_is_lost() {
        for (text, expected) in [
            ("1.0", Some(1)),
            ("1e3", Some(1000)),
            ("-0.0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("1.5", None),
            ("1e400", None),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
        assert_eq!(exact("0.1"), Some(0.1));
        assert_eq!(exact("1e400"), None);
        assert_eq!(exact("9007199254740993"), None);
        assert_eq!(exact("0.1000000000000000055511151231257827"), None);
        assert_eq!(exact("5e-324"), Some(5e-324));
        assert_eq!(exact("3e-324"), None);
    }

    #[test]
    fn what_sqlite_takes_for_a_number_is_known() {
        for text in ["1", " 1 ", "+1.", ".5", "1e5", "-1.5E-3"] {
            assert!(looks_numeric(text).is_some(), "{text}");
        }
        for text in ["", ".", "1e", "0x10", "1a", "e5", "-", "2024-01-01", "1e5x"] {
            assert!(looks_numeric(text).is_none(), "{text}");
        }
    }
}
