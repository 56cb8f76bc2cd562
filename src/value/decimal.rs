//! Decimal numbers: read from text, written as PostgreSQL's binary `numeric`.

use std::fmt::Write as _;

use super::Misfit;

/// The most digits before the decimal point, and after it, that `numeric` holds
/// (<https://www.postgresql.org/docs/current/datatype-numeric.html>).
const MOST_WHOLE: i64 = 131_072;
const MOST_FRACTION: i64 = 16_383;

/// Exponents are cut off here: it is beyond what `numeric` holds, whatever the digits are.
const EXPONENT_LIMIT: i64 = 2_000_000_000;

/// `(precision, scale)` of `numeric(p,s)`.
pub(super) type Typmod = Option<(i64, i64)>;

/// A decimal number as it is spelled: sign, digits around the point, exponent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal<'a> {
    pub(super) negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
    /// Without a plus, an exponent, needless zeros before, a bare point at either end.
    plain: bool,
}

impl<'a> Decimal<'a> {
    /// Reads a number that is all of `text`: sign, digits with or without a point, exponent, as `numeric_in` takes
    /// them; no blanks, no hexadecimal, no words.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let (negative, signed, rest) = match text {
            [b'-', rest @ ..] => (true, false, rest),
            [b'+', rest @ ..] => (false, true, rest),
            rest => (false, false, rest),
        };
        let (whole, rest) = digits(rest);
        let (fraction, point, rest) = match rest {
            [b'.', rest @ ..] => {
                let (fraction, rest) = digits(rest);
                (fraction, true, rest)
            }
            rest => (&rest[..0], false, rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest {
            [] => None,
            [b'e' | b'E', rest @ ..] => Some(exponent(rest)?),
            _ => return None,
        };
        let plain = !signed
            && exponent.is_none()
            && !whole.is_empty()
            && (whole.len() == 1 || whole[0] != b'0')
            && point != fraction.is_empty();
        Some(Self { negative, whole, fraction, exponent: exponent.unwrap_or(0), plain })
    }

    /// Whether it is spelled as PostgreSQL prints a `numeric`: plain, and no zero with a sign.
    pub(super) fn is_plain(&self) -> bool {
        self.plain && !(self.negative && self.is_zero())
    }

    pub(super) fn is_zero(&self) -> bool {
        self.whole.iter().chain(self.fraction).all(|digit| *digit == b'0')
    }

    /// The digits that are shown after the point: PostgreSQL's `dscale`.
    pub(super) fn scale(&self) -> i64 {
        (length(self.fraction) - self.exponent).max(0)
    }

    fn digit(&self, at: usize) -> u8 {
        let digit = if at < self.whole.len() { self.whole[at] } else { self.fraction[at - self.whole.len()] };
        digit - b'0'
    }

    /// The powers of ten at which the first and the last digit stand that are not zero; `None` for zero.
    fn span(&self) -> Option<(i64, i64)> {
        let count = self.whole.len() + self.fraction.len();
        let first = (0..count).find(|at| self.digit(*at) != 0)?;
        let last = (0..count).rfind(|at| self.digit(*at) != 0)?;
        Some((self.power(first), self.power(last)))
    }

    fn power(&self, at: usize) -> i64 {
        length(self.whole) - 1 - i64::try_from(at).unwrap_or(i64::MAX / 2) + self.exponent
    }

    fn digit_at_power(&self, power: i64) -> u8 {
        let at = length(self.whole) - 1 + self.exponent - power;
        match usize::try_from(at) {
            Ok(at) if at < self.whole.len() + self.fraction.len() => self.digit(at),
            _ => 0,
        }
    }

    /// Whether `numeric`, or `numeric(p,s)`, holds it without rounding.
    pub(super) fn fits(&self, typmod: Typmod) -> Result<(), Misfit> {
        if self.exponent > EXPONENT_LIMIT / 2 {
            return Err(Misfit::Range);
        }
        if let Some((first, last)) = self.span() {
            if first >= MOST_WHOLE {
                return Err(Misfit::Range);
            }
            if let Some((precision, scale)) = typmod {
                if first >= precision - scale {
                    return Err(Misfit::Range);
                }
                if -last > scale {
                    return Err(Misfit::Precision);
                }
            }
        }
        if self.scale() > MOST_FRACTION { Err(Misfit::Precision) } else { Ok(()) }
    }

    /// Appends PostgreSQL's binary form (numeric_send in its numeric.c): the count of base-10000 digits, the weight of
    /// the first, the sign, the decimal digits shown after the point; the digits. For a number that [`Self::fits`].
    pub(super) fn write_binary(&self, out: &mut Vec<u8>) {
        let scale = u16::try_from(self.scale()).unwrap_or(0);
        let Some((first, last)) = self.span() else {
            write_head(out, 0, 0, false, scale);
            return;
        };
        let (weight, lowest) = (first.div_euclid(4), last.div_euclid(4));
        write_head(out, weight - lowest + 1, weight, self.negative, scale);
        for group in (lowest..=weight).rev() {
            let mut digit = 0;
            for power in (4 * group..4 * group + 4).rev() {
                digit = digit * 10 + u16::from(self.digit_at_power(power));
            }
            out.extend_from_slice(&digit.to_be_bytes());
        }
    }

    /// The whole number that it is when its point is moved by `places` to the right; `None` where a fraction is left
    /// or an i64 can't hold it.
    pub(super) fn shifted(&self, places: i64) -> Option<i64> {
        let Some((first, last)) = self.span() else { return Some(0) };
        if first + places > 18 || last + places < 0 {
            return None;
        }
        let mut number: i64 = 0;
        for power in (-places..=first).rev() {
            let digit = i64::from(self.digit_at_power(power));
            number = number.checked_mul(10)?.checked_add(if self.negative { -digit } else { digit })?;
        }
        Some(number)
    }

    /// Appends it in plain digits, without zeros that say nothing: `-12.34`, `0`, `100`.
    pub(super) fn write_plain(&self, out: &mut Vec<u8>) {
        let Some((first, last)) = self.span() else {
            out.push(b'0');
            return;
        };
        if self.negative {
            out.push(b'-');
        }
        for power in (0..=first.max(0)).rev() {
            out.push(b'0' + self.digit_at_power(power));
        }
        if last < 0 {
            out.push(b'.');
            for power in (last..0).rev() {
                out.push(b'0' + self.digit_at_power(power));
            }
        }
    }
}

fn write_head(out: &mut Vec<u8>, count: i64, weight: i64, negative: bool, scale: u16) {
    // 131,072 and 16,383 decimal digits are 36,864 groups, from weight 32,767 down to −4,096
    out.extend_from_slice(&u16::try_from(count).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(&i16::try_from(weight).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(&(if negative { 0x4000u16 } else { 0 }).to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
}

fn length(digits: &[u8]) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX / 4)
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = text.iter().fold(0, |size: i64, digit| (size * 10 + i64::from(digit - b'0')).min(EXPONENT_LIMIT));
    Some(if negative { -size } else { size })
}

/// A number's text, without an allocation: the longest f64 takes 26 bytes, an i64 takes 20.
#[derive(Debug)]
pub(super) struct NumberText {
    bytes: [u8; 40],
    length: usize,
}

impl NumberText {
    /// The shortest decimal that reads as the same number again, with an exponent: `1.2345e-7`. For finite numbers.
    pub(super) fn scientific(number: f64) -> Self {
        Self::of(format_args!("{number:e}"))
    }

    /// The shortest decimal that reads as the same number again, with a point or an exponent: `3.0`, `1e300`;
    /// infinities as SQLite prints them.
    pub(super) fn real(number: f64) -> Self {
        if number.is_infinite() {
            return Self::of(format_args!("{}", if number > 0.0 { "Inf" } else { "-Inf" }));
        }
        Self::of(format_args!("{number:?}"))
    }

    pub(super) fn integer(number: i64) -> Self {
        Self::of(format_args!("{number}"))
    }

    fn of(text: std::fmt::Arguments<'_>) -> Self {
        let mut number = Self { bytes: [0; 40], length: 0 };
        number.write_fmt(text).expect("a number's text fits");
        number
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl std::fmt::Write for NumberText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Appends an integer as PostgreSQL's binary `numeric`.
pub(super) fn write_integer(number: i64, out: &mut Vec<u8>) {
    let mut groups = [0u16; 5];
    let mut rest = number.unsigned_abs();
    let mut count = 0;
    while rest > 0 {
        groups[count] = u16::try_from(rest % 10_000).unwrap_or(0);
        rest /= 10_000;
        count += 1;
    }
    let lowest = groups.iter().position(|group| *group != 0).unwrap_or(count);
    let weight = i64::try_from(count).unwrap_or(0) - 1;
    write_head(out, i64::try_from(count - lowest).unwrap_or(0), weight.max(0), number < 0, 0);
    for group in groups[lowest..count].iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal<'_> {
        Decimal::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn only_plain_numbers_are_numbers() {
        for text in
            ["", "-", ".", "+.", "1e", "1e+", "0x10", " 1", "1 ", "1_000", "NaN", "inf", "1,5", "--1", "1.2.3", "e5"]
        {
            assert!(Decimal::parse(text.as_bytes()).is_none(), "{text}");
        }
        for text in ["0", "-1.50", "10"] {
            assert!(decimal(text).is_plain(), "{text}");
        }
        for text in ["+1", "01", "1.", ".5", "1e2", "-0", "-0.00", "1E-2"] {
            assert!(!decimal(text).is_plain(), "{text}");
        }
    }

    #[test]
    fn plain_digits_of_any_spelling() {
        for (text, plain) in [
            ("1.10", "1.1"),
            ("-000.0", "0"),
            ("1.2345678901234567e19", "12345678901234567000"),
            ("12e-5", "0.00012"),
            (".5e1", "5"),
            ("-100", "-100"),
            ("0.0e999999999999", "0"),
        ] {
            let mut out = Vec::new();
            decimal(text).write_plain(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), plain, "{text}");
        }
    }

    #[test]
    fn what_numeric_holds() {
        let fits = |text, typmod| decimal(text).fits(typmod);
        assert_eq!(fits("1e131071", None), Ok(()));
        assert_eq!(fits("1e131072", None), Err(Misfit::Range));
        assert_eq!(fits("1e-16383", None), Ok(()));
        assert_eq!(fits("1e-16384", None), Err(Misfit::Precision));
        assert_eq!(fits("1e99999999999999999999", None), Err(Misfit::Range));
        assert_eq!(fits("99.99", Some((4, 2))), Ok(()));
        assert_eq!(fits("99.990", Some((4, 2))), Ok(()));
        assert_eq!(fits("100", Some((4, 2))), Err(Misfit::Range));
        assert_eq!(fits("0.001", Some((4, 2))), Err(Misfit::Precision));
        assert_eq!(fits("0.00012", Some((2, 5))), Ok(()));
        assert_eq!(fits("0.001", Some((2, 5))), Err(Misfit::Range));
        assert_eq!(fits("12300", Some((3, -2))), Ok(()));
        assert_eq!(fits("12340", Some((3, -2))), Err(Misfit::Precision));
        assert_eq!(fits("0", Some((1, 1))), Ok(()));
    }

    #[test]
    fn the_binary_form_is_numeric_sends() {
        // taken from numeric_send() of PostgreSQL 15
        for (text, hex) in [
            ("1.10", "0002000000000002000103e8"),
            ("12345.678", "0003000100000003000109291a7c"),
            ("0.0000012", "0001fffe000000070078"),
            ("1e20", "00010005000000000001"),
            ("0.00", "0000000000000002"),
        ] {
            let mut out = Vec::new();
            decimal(text).write_binary(&mut out);
            assert_eq!(out.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), hex, "{text}");
        }
    }

    #[test]
    fn integers_take_the_same_form_either_way() {
        for number in [0, 1, -1, 9_999, 10_000, 100_000_000, 123_456_789, i64::MAX, i64::MIN, 20_000_000_000_000_000] {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            write_integer(number, &mut one);
            decimal(&number.to_string()).write_binary(&mut other);
            assert_eq!(one, other, "{number}");
        }
    }

    #[test]
    fn the_point_moves_without_rounding() {
        assert_eq!(decimal("1.700000000123456e9").shifted(6), Some(1_700_000_000_123_456));
        assert_eq!(decimal("1.7000000001234567e9").shifted(6), None);
        assert_eq!(decimal("-0.5").shifted(3), Some(-500));
        assert_eq!(decimal("1e18").shifted(6), None);
        assert_eq!(decimal("9223372036854775807").shifted(0), Some(i64::MAX));
        assert_eq!(decimal("-9223372036854775808").shifted(0), Some(i64::MIN));
        assert_eq!(decimal("9223372036854775808").shifted(0), None);
    }
}
