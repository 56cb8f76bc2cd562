//! Booleans, integers, floats and `numeric` from SQLite's values.

use super::decimal::{self, Decimal, NumberText, Typmod};
use super::{Fidelity, Misfit, SqlValue};

type Converted = Result<Fidelity, Misfit>;

/// `boolean`: 0 and 1, and the words that PostgreSQL reads, without its abbreviations (`tru`) and blanks.
pub(super) fn boolean(value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let (truth, fidelity) = match value {
        SqlValue::Integer(0) => (false, Fidelity::Exact),
        SqlValue::Integer(1) => (true, Fidelity::Exact),
        SqlValue::Integer(_) => return Err(Misfit::Range),
        SqlValue::Text(text) => (truth_of(text).ok_or(Misfit::Syntax)?, Fidelity::Respelled),
        _ => return Err(Misfit::Class),
    };
    out.push(u8::from(truth));
    Ok(fidelity)
}

fn truth_of(text: &[u8]) -> Option<bool> {
    const WORDS: [(&[u8], bool); 12] = [
        (b"true", true),
        (b"false", false),
        (b"t", true),
        (b"f", false),
        (b"yes", true),
        (b"no", false),
        (b"y", true),
        (b"n", false),
        (b"on", true),
        (b"off", false),
        (b"1", true),
        (b"0", false),
    ];
    WORDS.iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|(_, truth)| *truth)
}

/// The integer that a number is, and whether its sign got lost on the way (−0.0).
fn integer(value: SqlValue<'_>) -> Result<(i64, Fidelity), Misfit> {
    match value {
        SqlValue::Integer(number) => Ok((number, Fidelity::Exact)),
        SqlValue::Real(real) => {
            // −2^63 is an f64; 2^63, the first beyond the other end, is one too
            const END: f64 = 9_223_372_036_854_775_808.0;
            if !(-END..END).contains(&real) {
                return Err(Misfit::Range);
            }
            if real.fract() != 0.0 {
                return Err(Misfit::Precision);
            }
            // exact: it has no fraction and lies in range
            Ok((real as i64, if is_negative_zero(real) { Fidelity::Respelled } else { Fidelity::Exact }))
        }
        _ => Err(Misfit::Class),
    }
}

fn is_negative_zero(real: f64) -> bool {
    real == 0.0 && real.is_sign_negative()
}

/// `smallint`.
pub(super) fn int2(value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let (number, fidelity) = integer(value)?;
    out.extend_from_slice(&i16::try_from(number).map_err(|_| Misfit::Range)?.to_be_bytes());
    Ok(fidelity)
}

/// `integer`.
pub(super) fn int4(value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let (number, fidelity) = integer(value)?;
    out.extend_from_slice(&i32::try_from(number).map_err(|_| Misfit::Range)?.to_be_bytes());
    Ok(fidelity)
}

/// `bigint`.
pub(super) fn int8(value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let (number, fidelity) = integer(value)?;
    out.extend_from_slice(&number.to_be_bytes());
    Ok(fidelity)
}

/// `double precision`: every REAL by its bits; integers that are one exactly.
pub(super) fn float8(value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let real = match value {
        SqlValue::Real(real) => real,
        SqlValue::Integer(number) => exact_real(number).ok_or(Misfit::Precision)?,
        _ => return Err(Misfit::Class),
    };
    out.extend_from_slice(&real.to_bits().to_be_bytes());
    Ok(Fidelity::Exact)
}

fn exact_real(number: i64) -> Option<f64> {
    let real = number as f64;
    // through i128, since `as i64` would bring 2^63 back as i64::MAX
    (real as i128 == i128::from(number)).then_some(real)
}

/// `real`: only what is the same number in 32 bits.
pub(super) fn float4(value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    let real = match value {
        SqlValue::Real(real) => real,
        SqlValue::Integer(number) => exact_real(number).ok_or(Misfit::Precision)?,
        _ => return Err(Misfit::Class),
    };
    let narrow = real as f32;
    if f64::from(narrow).to_bits() != real.to_bits() {
        return Err(if narrow.is_infinite() { Misfit::Range } else { Misfit::Precision });
    }
    out.extend_from_slice(&narrow.to_bits().to_be_bytes());
    Ok(Fidelity::Exact)
}

/// `numeric`: a REAL goes in as the shortest decimal that reads as the same REAL again.
pub(super) fn numeric(typmod: Typmod, value: SqlValue<'_>, out: &mut Vec<u8>) -> Converted {
    match value {
        SqlValue::Integer(number) if typmod.is_none() => {
            decimal::write_integer(number, out);
            Ok(Fidelity::Exact)
        }
        SqlValue::Integer(number) => {
            write_number(NumberText::integer(number).as_bytes(), typmod, out)?;
            Ok(Fidelity::Exact)
        }
        SqlValue::Real(real) if !real.is_finite() => Err(Misfit::Range),
        SqlValue::Real(real) => {
            write_number(NumberText::scientific(real).as_bytes(), typmod, out)?;
            // `numeric` has no negative zero
            Ok(if is_negative_zero(real) { Fidelity::Respelled } else { Fidelity::Exact })
        }
        SqlValue::Text(text) => {
            let number = write_number(text, typmod, out)?;
            let shown = typmod.map_or(number.scale(), |(_, scale)| scale.max(0));
            Ok(if number.is_plain() && number.scale() == shown { Fidelity::Exact } else { Fidelity::Respelled })
        }
        _ => Err(Misfit::Class),
    }
}

fn write_number<'a>(text: &'a [u8], typmod: Typmod, out: &mut Vec<u8>) -> Result<Decimal<'a>, Misfit> {
    let number = Decimal::parse(text).ok_or(Misfit::Syntax)?;
    number.fits(typmod)?;
    number.write_binary(out);
    Ok(number)
}
