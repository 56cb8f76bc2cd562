//! Numbers: literals, arithmetic, and the one type that several expressions have together.

use sqlite3_parser::ast::Operator;

use super::Untranslatable;
use super::expr::Translator;
use super::typed::{Kind, Literal, Result, Typed};
use crate::value::PgType;

/// A numeric literal: decimal, hexadecimal, with `_` between digits; too large for 64 bits it is a REAL.
pub(super) fn literal(digits: &str, negative: bool) -> Option<Typed> {
    let digits = digits.replace('_', "");
    let sign = if negative { "-" } else { "" };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let value = u64::from_str_radix(hex, 16).ok()?.cast_signed();
        return Some(Typed::literal_int(if negative { value.checked_neg()? } else { value }));
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(value) = format!("{sign}{digits}").parse()
    {
        return Some(Typed::literal_int(value));
    }
    format!("{sign}{digits}").parse().ok().map(Typed::literal_real)
}

/// The number that a text becomes beside a column of numeric affinity; `None` where it stays text.
pub(super) fn from_text(text: &str) -> Option<Typed> {
    let text = text.trim_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let number = literal(digits, negative)?;
    match number.literal {
        // 5.0 in text is the integer 5 to a column of numeric affinity; compared, that is the same number
        Some(Literal::Real(value)) if value.fract() == 0.0 && value.abs() < 9e15 =>
        {
            #[allow(clippy::cast_possible_truncation, reason = "integral and within 2^53")]
            Some(Typed::literal_int(value as i64))
        }
        _ => Some(number),
    }
}

/// A REAL as SQLite prints it, where that is beyond doubt: a short decimal without an exponent.
pub(super) fn real_text(value: f64) -> Option<String> {
    let text = format!("{value:?}");
    let short = text.bytes().filter(u8::is_ascii_digit).count() <= 12 && !text.contains(['e', 'N', 'i']);
    (short && (value == 0.0 || value.abs() >= 1e-4)).then_some(text)
}

/// The bits of an integer, as `bigint`.
pub(super) fn bits(value: &Typed) -> Result<String> {
    let value = value.number()?;
    match value.kind {
        Kind::Int => Ok(value.wide()),
        _ => Err(Untranslatable::new("bits of a fraction")),
    }
}

/// `- value`.
pub(super) fn negate(value: &Typed) -> Result<Typed> {
    let value = value.number()?;
    Ok(match value.kind {
        Kind::Int => Typed::int(format!("(- {})", value.wide())),
        kind => Typed::new(format!("(- {})", value.float()), kind, PgType::Float8),
    })
}

/// `left operator right` for the operators that calculate.
pub(super) fn arithmetic(operator: Operator, left: &Typed, right: &Typed) -> Result<Typed> {
    if left.kind == Kind::Null || right.kind == Kind::Null {
        return Ok(Typed::null());
    }
    let (left, right) = (left.number()?, right.number()?);
    let sign = match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::Modulus => "%",
        Operator::BitwiseAnd => "&",
        Operator::BitwiseOr => "|",
        Operator::LeftShift => "<<",
        Operator::RightShift => ">>",
        _ => return Err(Untranslatable::new("its operator")),
    };
    let ints = left.kind == Kind::Int && right.kind == Kind::Int;
    // a numeric column that holds integers alone divides and shifts as PostgreSQL's numeric does not
    let (a, b) = if ints { (left.wide(), right.wide()) } else { (left.float(), right.float()) };
    // dividing by zero is NULL in SQLite
    let divisor = match right.literal {
        Some(Literal::Int(0)) => return Ok(Typed::null()),
        Some(Literal::Int(_)) => b.clone(),
        Some(Literal::Real(value)) if value != 0.0 => b.clone(),
        _ => format!("nullif({b}, 0)"),
    };
    match operator {
        Operator::LeftShift | Operator::RightShift => match right.literal {
            Some(Literal::Int(by @ 0..=63)) if ints => Ok(Typed::int(format!("({a} {sign} {by})"))),
            _ => Err(Untranslatable::new("a shift by other than 0 to 63 bits")),
        },
        Operator::Divide if ints => Ok(Typed::int(format!("({a} / {divisor})"))),
        Operator::Divide if left.kind == Kind::Real || right.kind == Kind::Real => {
            Ok(Typed::real(format!("({a} / {divisor})")))
        }
        Operator::Divide => Err(Untranslatable::new(format!(
            "{} / {} (SQLite divides without a fraction where both happen to be integers)",
            left.shown(),
            right.shown()
        ))),
        Operator::Modulus if ints => Ok(Typed::int(format!("({a} % {divisor})"))),
        _ if ints => Ok(Typed::int(format!("({a} {sign} {b})"))),
        Operator::Add | Operator::Subtract | Operator::Multiply => {
            let kind = if left.kind == Kind::Real || right.kind == Kind::Real { Kind::Real } else { Kind::Number };
            Ok(Typed::new(format!("({a} {sign} {b})"), kind, PgType::Float8))
        }
        _ => Err(Untranslatable::new(format!("`{sign}` on a fraction"))),
    }
}

impl Translator<'_> {
    /// Brings expressions that give one value together (CASE, coalesce, UNION) to one type.
    pub fn unify(&mut self, values: &[Typed]) -> Result<(Vec<String>, Typed)> {
        let real: Vec<&Typed> = values.iter().filter(|value| value.kind != Kind::Null).collect();
        let Some(first) = real.first() else {
            return Ok((vec!["NULL".to_owned(); values.len()], Typed::null()));
        };
        let all = |allowed: &[Kind]| real.iter().all(|value| allowed.contains(&value.kind));
        let zero_or_one = |value: &Typed| matches!(value.literal, Some(Literal::Int(0 | 1)));
        let like = |kind: Kind, pg: PgType| Typed::new("", kind, pg);
        if real.iter().any(|value| value.kind == Kind::Truth)
            && real.iter().all(|value| value.kind == Kind::Truth || zero_or_one(value))
        {
            let plain = real.iter().any(|value| value.plain);
            let sql = |value: &Typed| match value.literal {
                Some(Literal::Int(number)) => (number == 1).to_string(),
                _ => value.sql.clone(),
            };
            let texts = values.iter().map(sql).collect();
            return Ok((texts, Typed { plain, ..like(Kind::Truth, PgType::Bool) }));
        }
        if all(&[Kind::Truth, Kind::Int]) {
            let mut sqls = Vec::new();
            let wide = real.iter().any(|value| value.pg == PgType::Int8);
            for value in values {
                let null = value.kind == Kind::Null;
                sqls.push(if null { value.sql.clone() } else { value.number()?.sql });
            }
            return Ok((sqls, like(Kind::Int, if wide { PgType::Int8 } else { first.number()?.pg })));
        }
        if all(&[Kind::Truth, Kind::Int, Kind::Real, Kind::Number]) {
            let kind = if all(&[Kind::Real]) { Kind::Real } else { Kind::Number };
            if real.iter().all(|value| matches!(value.pg, PgType::Numeric(_)) && value.literal.is_none()) {
                return Ok((values.iter().map(|value| value.sql.clone()).collect(), like(kind, PgType::Numeric(None))));
            }
            let fits = |value: &&Typed| match value.literal {
                Some(Literal::Int(number)) => number.unsigned_abs() < 1 << 53,
                _ => value.kind != Kind::Int,
            };
            if !real.iter().all(fits) {
                return Err(Untranslatable::new(
                    "integers and fractions as one value (an integer may have more digits than a fraction can hold)",
                ));
            }
            let mut sqls = Vec::new();
            for value in values {
                let null = value.kind == Kind::Null;
                sqls.push(if null { value.sql.clone() } else { value.number()?.float() });
            }
            return Ok((sqls, like(kind, PgType::Float8)));
        }
        let same = real
            .iter()
            .all(|value| value.kind == first.kind && value.pg == first.pg && value.spelling == first.spelling);
        if same && first.kind != Kind::Opaque {
            let wordy = real.iter().all(|value| value.wordy);
            let merged = Typed {
                spelling: first.spelling.clone(),
                reals: first.reals,
                wordy,
                ..like(first.kind, first.pg.clone())
            };
            return Ok((values.iter().map(|value| value.sql.clone()).collect(), merged));
        }
        if all(&[Kind::Text, Kind::Moment, Kind::Uuid, Kind::Json, Kind::Extracted]) {
            let mut sqls = Vec::new();
            for value in values {
                sqls.push(self.text_of(value)?);
            }
            return Ok((sqls, like(Kind::Text, PgType::Text)));
        }
        // beside a column of numbers and texts, which is text in PostgreSQL, integers are text too
        if all(&[Kind::Text, Kind::Mixed, Kind::Int]) && real.iter().any(|value| value.kind == Kind::Mixed) {
            let reals = real.iter().any(|value| value.reals);
            let merged = Typed { reals, ..like(Kind::Mixed, PgType::Text) };
            let sqls: Result<Vec<String>> = values
                .iter()
                .map(|value| match value.kind {
                    Kind::Int => value.as_text().map(|(sql, _)| sql),
                    _ => Ok(value.sql.clone()),
                })
                .collect();
            return Ok((sqls?, merged));
        }
        let kinds: Vec<String> = real.iter().map(|value| value.shown()).collect();
        Err(Untranslatable::new(format!("{} as one value (they are of several kinds)", kinds.join(", "))))
    }
}
