//! `date`, `time`, `timestamp` and `timestamptz`, from text and from numbers.

use super::calendar::{EPOCH_MICROS, MICROS_PER_DAY, MICROS_PER_SECOND, days};
use super::decimal::{Decimal, NumberText};
use super::{Fidelity, Misfit, SqlValue, TimeNumber};

type Converted = Result<Fidelity, Misfit>;

/// `date`: `YYYY-MM-DD`, with a time only if that is midnight; a number that is midnight UTC.
pub(super) fn date(numbers: Option<TimeNumber>, value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let (micros, fidelity) = match value {
        SqlValue::Text(text) => {
            let moment = moment(text)?;
            if moment.offset.is_some() {
                return Err(Misfit::Offset);
            }
            (moment.micros, if moment.date_alone { Fidelity::Exact } else { Fidelity::Respelled })
        }
        number => (from_number(numbers, number)?, Fidelity::FromNumber),
    };
    if micros % MICROS_PER_DAY != 0 {
        return Err(Misfit::Precision);
    }
    let days = i32::try_from(micros / MICROS_PER_DAY).map_err(|_| Misfit::Range)?;
    out.extend_from_slice(&days.to_be_bytes());
    Ok(fidelity)
}

/// `time`: `HH:MM[:SS[.f]]`; a number of seconds (and so on) since midnight.
pub(super) fn time(numbers: Option<TimeNumber>, value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let (micros, fidelity) = match value {
        SqlValue::Text(text) => {
            let (clock, rest) = clock(text)?;
            if !rest.is_empty() {
                return Err(if offset(rest).is_some() { Misfit::Offset } else { Misfit::Syntax });
            }
            (clock.micros, if clock.printed { Fidelity::Exact } else { Fidelity::Respelled })
        }
        // the day 1970-01-01 stands for no day; a Julian number has none that does
        _ if numbers == Some(TimeNumber::Julian) => return Err(Misfit::Class),
        number => (from_number(numbers, number)? + EPOCH_MICROS, Fidelity::FromNumber),
    };
    if !(0..MICROS_PER_DAY).contains(&micros) {
        return Err(Misfit::Range);
    }
    out.extend_from_slice(&micros.to_be_bytes());
    Ok(fidelity)
}

/// `timestamp`: a date, or a date and a time, without an offset; a number is taken in UTC.
pub(super) fn timestamp(numbers: Option<TimeNumber>, value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let (micros, fidelity) = match value {
        SqlValue::Text(text) => {
            let moment = moment(text)?;
            if moment.offset.is_some() {
                return Err(Misfit::Offset);
            }
            (moment.micros, if moment.printed { Fidelity::Exact } else { Fidelity::Respelled })
        }
        number => (from_number(numbers, number)?, Fidelity::FromNumber),
    };
    out.extend_from_slice(&micros.to_be_bytes());
    Ok(fidelity)
}

/// `timestamptz`: a date and a time with an offset; a number.
pub(super) fn timestamptz(numbers: Option<TimeNumber>, value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let (micros, fidelity) = match value {
        SqlValue::Text(text) => {
            let moment = moment(text)?;
            let offset = moment.offset.ok_or(Misfit::Offset)?;
            let fidelity = match offset.micros {
                0 if moment.printed && offset.printed => Fidelity::Exact,
                0 => Fidelity::Respelled,
                _ => Fidelity::OffsetLost,
            };
            (moment.micros - offset.micros, fidelity)
        }
        number => (from_number(numbers, number)?, Fidelity::FromNumber),
    };
    out.extend_from_slice(&micros.to_be_bytes());
    Ok(fidelity)
}

/// A date and a time as text has it.
struct Moment {
    /// Since 2000-01-01, by its own clock.
    micros: i64,
    offset: Option<Offset>,
    /// There is no time in it.
    date_alone: bool,
    /// Spelled as PostgreSQL prints a timestamp, as far as the offset.
    printed: bool,
}

struct Clock {
    micros: i64,
    /// Spelled as PostgreSQL prints a time.
    printed: bool,
}

struct Offset {
    micros: i64,
    /// `+00`, as PostgreSQL prints it.
    printed: bool,
}

fn moment(text: &[u8]) -> Result<Moment, Misfit> {
    let (date, rest) = text.split_at_checked(10).ok_or(Misfit::Syntax)?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return Err(Misfit::Syntax) };
    let year = number(&[y1, y2, y3, y4]).ok_or(Misfit::Syntax)?;
    let (month, day) = number(&[m1, m2]).zip(number(&[d1, d2])).ok_or(Misfit::Syntax)?;
    let midnight = days(year, month, day).ok_or(Misfit::Syntax)? * MICROS_PER_DAY;
    let (separator, rest) = match rest {
        [] => return Ok(Moment { micros: midnight, offset: None, date_alone: true, printed: false }),
        [separator @ (b' ' | b'T'), rest @ ..] => (*separator, rest),
        _ => return Err(Misfit::Syntax),
    };
    let (clock, rest) = clock(rest)?;
    let offset = match rest {
        [] => None,
        rest => Some(offset(rest).ok_or(Misfit::Syntax)?),
    };
    let printed = clock.printed && separator == b' ';
    Ok(Moment { micros: midnight + clock.micros, offset, date_alone: false, printed })
}

/// Reads `HH:MM[:SS[.f]]`, and gives what comes after it.
fn clock(text: &[u8]) -> Result<(Clock, &[u8]), Misfit> {
    let &[h1, h2, b':', m1, m2, ref rest @ ..] = text else { return Err(Misfit::Syntax) };
    let (hour, minute) = number(&[h1, h2]).zip(number(&[m1, m2])).ok_or(Misfit::Syntax)?;
    let (second, rest, seconds_given) = match rest {
        &[b':', s1, s2, ref rest @ ..] => (number(&[s1, s2]).ok_or(Misfit::Syntax)?, rest, true),
        [b':', ..] => return Err(Misfit::Syntax),
        rest => (0, rest, false),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return Err(Misfit::Syntax);
    }
    let whole = ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND;
    let [b'.', rest @ ..] = rest else {
        return Ok((Clock { micros: whole, printed: seconds_given }, rest));
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !seconds_given || digits == 0 {
        return Err(Misfit::Syntax);
    }
    let (fraction, rest) = rest.split_at(digits);
    let kept = &fraction[..digits.min(6)];
    // nanoseconds are as fine as any clock is written; beyond, or where a digit would be lost, it does not fit
    if digits > 9 || fraction[kept.len()..].iter().any(|digit| *digit != b'0') {
        return Err(Misfit::Precision);
    }
    let micros =
        kept.iter().chain(std::iter::repeat(&b'0')).take(6).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let printed = digits <= 6 && fraction.last() != Some(&b'0');
    Ok((Clock { micros: whole + micros, printed }, rest))
}

/// Reads what must be an offset to its end: `Z`, `±HH`, `±HHMM`, `±HH:MM`; a blank may stand before the last three.
fn offset(text: &[u8]) -> Option<Offset> {
    let (bare, blank) = match text {
        b"Z" => return Some(Offset { micros: 0, printed: false }),
        [b' ', rest @ ..] => (rest, true),
        rest => (rest, false),
    };
    let (sign, hours, minutes) = match *bare {
        [sign, h1, h2] => (sign, [h1, h2], [b'0', b'0']),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, [h1, h2], [m1, m2]),
        _ => return None,
    };
    let (hours, minutes) = number(&hours).zip(number(&minutes))?;
    // the server takes no offset of 16 hours or more (MAX_TZDISP_HOUR in its datatype/timestamp.h)
    if hours > 15 || minutes > 59 {
        return None;
    }
    let size = (hours * 60 + minutes) * 60 * MICROS_PER_SECOND;
    match sign {
        b'+' => Some(Offset { micros: size, printed: !blank && bare == b"+00" }),
        b'-' => Some(Offset { micros: -size, printed: false }),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// The microseconds since 2000-01-01 UTC that a number stands for, in the years 1–9999.
///
/// A REAL since 1970 is taken for the shortest decimal that reads as the same REAL, since what wrote
/// `1700000000.123456` meant that and not the binary fraction nearest to it; that decimal must be whole microseconds.
fn from_number(numbers: Option<TimeNumber>, value: SqlValue<'_>) -> Result<i64, Misfit> {
    let numbers = match value {
        SqlValue::Integer(_) | SqlValue::Real(_) => numbers.ok_or(Misfit::Class)?,
        _ => return Err(Misfit::Class),
    };
    let places = match numbers {
        TimeNumber::Seconds => 6,
        TimeNumber::Milliseconds => 3,
        TimeNumber::Microseconds => 0,
        TimeNumber::Julian => return julian(value),
    };
    let since_1970 = match value {
        SqlValue::Integer(number) => number.checked_mul(10i64.pow(places)).ok_or(Misfit::Range)?,
        SqlValue::Real(real) => {
            // within this, no digit of a whole number is lost; it is far beyond the year 9999
            if !(-1e18..1e18).contains(&real) {
                return Err(Misfit::Range);
            }
            let text = NumberText::scientific(real);
            let decimal = Decimal::parse(text.as_bytes()).ok_or(Misfit::Range)?;
            if decimal.scale() > i64::from(places) {
                return Err(Misfit::Precision);
            }
            decimal.shifted(i64::from(places)).ok_or(Misfit::Range)?
        }
        _ => return Err(Misfit::Class),
    };
    in_range(since_1970.checked_sub(EPOCH_MICROS).ok_or(Misfit::Range)?)
}

/// A Julian day number, rounded to the millisecond as SQLite does (computeJD and setRawDateNumber in its date.c).
fn julian(value: SqlValue<'_>) -> Result<i64, Misfit> {
    let day = match value {
        SqlValue::Integer(number) => number as f64,
        SqlValue::Real(real) => real,
        _ => return Err(Misfit::Class),
    };
    // the Julian day numbers that SQLite knows: up to the end of the year 9999
    if !(0.0..5_373_484.5).contains(&day) {
        return Err(Misfit::Range);
    }
    /// 1970-01-01 in milliseconds of Julian days.
    const EPOCH: i64 = 210_866_760_000_000;
    let millis = (day * 86_400_000.0 + 0.5) as i64 - EPOCH;
    in_range(millis * 1000 - EPOCH_MICROS)
}

/// The years 1–9999, as text has them.
fn in_range(micros: i64) -> Result<i64, Misfit> {
    const FIRST: i64 = -730_119 * MICROS_PER_DAY;
    const END: i64 = 2_921_940 * MICROS_PER_DAY;
    if (FIRST..END).contains(&micros) { Ok(micros) } else { Err(Misfit::Range) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "time_tests.rs"]
mod tests;
