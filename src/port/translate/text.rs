//! Functions of texts and bytes: length, substr, trim, instr, replace, hex, printf and their kin.

use super::Untranslatable;
use super::expr::Translator;
use super::typed::{Kind, Literal, Result, Typed};
use crate::value::PgType;

/// `length(value)`: characters of a text, bytes of a blob.
pub(super) fn length(t: &mut Translator<'_>, value: &Typed) -> Result<Typed> {
    match value.kind {
        Kind::Null => Ok(Typed::null()),
        Kind::Bytes => Ok(Typed::int4(format!("octet_length({})", value.sql))),
        _ => Ok(Typed::int4(format!("length({})", t.text_of(value)?))),
    }
}

/// `octet_length(value)`.
pub(super) fn octet_length(t: &mut Translator<'_>, value: &Typed) -> Result<Typed> {
    match value.kind {
        Kind::Null => Ok(Typed::null()),
        Kind::Bytes => length(t, value),
        _ => Ok(Typed::int4(format!("octet_length({})", t.text_of(value)?))),
    }
}

/// `lower(value)` and `upper(value)`: ASCII letters alone.
pub(super) fn case(t: &mut Translator<'_>, name: &str, value: &Typed) -> Result<Typed> {
    Ok(Typed::text(format!("{name}({} COLLATE \"C\")", t.text_of(value)?)))
}

/// `trim`, `ltrim`, `rtrim`: spaces alone, or the characters given.
pub(super) fn trim(t: &mut Translator<'_>, name: &str, arguments: &[Typed]) -> Result<Typed> {
    let function = if name == "trim" { "btrim" } else { name };
    let text = t.text_of(&arguments[0])?;
    match arguments.get(1) {
        None => Ok(Typed::text(format!("{function}({text})"))),
        Some(characters) => {
            let characters = t.text_of(characters)?;
            Ok(Typed::text(format!("{function}({text}, {characters})")))
        }
    }
}

/// `replace(text, from, to)`.
pub(super) fn replace(t: &mut Translator<'_>, arguments: &[Typed]) -> Result<Typed> {
    let sure =
        |typed: &Typed| matches!(&typed.literal, Some(Literal::Text(text)) if !text.is_empty()) || typed.not_null;
    // with nothing to look for, SQLite gives the text back even where the replacement is NULL
    if !sure(&arguments[1]) && !sure(&arguments[2]) {
        return Err(Untranslatable::new("`replace` of what may be empty by what may be NULL"));
    }
    let mut texts = Vec::new();
    for argument in arguments {
        texts.push(t.text_of(argument)?);
    }
    Ok(Typed::text(format!("replace({})", texts.join(", "))))
}

/// `instr(text, part)`.
pub(super) fn instr(t: &mut Translator<'_>, value: &Typed, part: &Typed) -> Result<Typed> {
    if value.kind == Kind::Bytes && part.kind == Kind::Bytes {
        return Ok(Typed::int4(format!("position({} IN {})", part.sql, value.sql)));
    }
    let (value, part) = (t.text_of(value)?, t.text_of(part)?);
    Ok(Typed::int4(format!("strpos({value}, {part})")))
}

/// `substr(text, start[, count])`, whose start and count may be negative in SQLite.
pub(super) fn substr(t: &mut Translator<'_>, arguments: &[Typed]) -> Result<Typed> {
    let number = |typed: &Typed| match typed.literal {
        Some(Literal::Int(number)) => i32::try_from(number).ok(),
        _ => None,
    };
    let refuse = || Untranslatable::new("`substr` with a start that is no literal");
    let (start, count) = (number(&arguments[1]).ok_or_else(refuse)?, arguments.get(2));
    let bytes = arguments[0].kind == Kind::Bytes;
    // of an empty blob SQLite gives NULL
    let value =
        if bytes { format!("nullif({}, decode('', 'hex'))", arguments[0].sql) } else { t.text_of(&arguments[0])? };
    let like = if bytes { Typed::new("", Kind::Bytes, PgType::Bytea) } else { Typed::text("") };
    if start < 0 {
        if bytes {
            return Err(Untranslatable::new("`substr` of a blob from its end"));
        }
        let from = format!("length({value}) - {}", i64::from(start).abs() - 1);
        return match count.map(number) {
            None => Ok(Typed { sql: format!("right({value}, {})", -start), ..like }),
            Some(Some(count @ 0..)) => Ok(Typed { sql: format!("substr({value}, {from}, {count})"), ..like }),
            Some(_) => Err(Untranslatable::new("`substr` from the end with a count that is no literal")),
        };
    }
    let Some(count) = count else { return Ok(Typed { sql: format!("substr({value}, {start})"), ..like }) };
    match number(count) {
        Some(count @ 0..) => Ok(Typed { sql: format!("substr({value}, {start}, {count})"), ..like }),
        // a negative count takes what stands before the start
        Some(count) if start > 0 => {
            let from = i64::from(start) + i64::from(count);
            Ok(Typed { sql: format!("substr({value}, {from}, {})", -i64::from(count)), ..like })
        }
        None if start > 0 && count.kind == Kind::Int => {
            // no text is longer, and PostgreSQL counts in 32 bits
            let count = format!("least(greatest({}, -1000000000), 1000000000)::integer", count.sql);
            Ok(Typed {
                sql: format!(
                    "CASE WHEN {count} < 0 THEN substr({value}, {start} + {count}, - {count}) \
                     ELSE substr({value}, {start}, {count}) END"
                ),
                ..like
            })
        }
        _ => Err(Untranslatable::new("`substr` with a count that is no literal")),
    }
}

/// `hex(value)`: of nothing, an empty text.
pub(super) fn hex(t: &mut Translator<'_>, value: &Typed) -> Result<Typed> {
    let bytes = match value.kind {
        Kind::Bytes => value.sql.clone(),
        _ => {
            t.immutable = false;
            format!("convert_to({}, 'UTF8')", t.text_of(value)?)
        }
    };
    Ok(Typed::text(format!("coalesce(upper(encode({bytes}, 'hex')), '')")))
}

/// `char(n, …)`.
pub(super) fn char(arguments: &[Typed]) -> Result<Typed> {
    let mut text = String::new();
    for argument in arguments {
        match argument.literal {
            Some(Literal::Int(code)) if code > 0 => {
                let c = u32::try_from(code).ok().and_then(char::from_u32);
                text.push(c.ok_or_else(|| Untranslatable::new(format!("`char({code})`")))?);
            }
            _ => return Err(Untranslatable::new("`char` of what is no literal above 0")),
        }
    }
    Ok(Typed::literal_text(&text))
}

/// `printf(format, …)` with `%s`, `%d` and `%0Nd`.
pub(super) fn printf(t: &mut Translator<'_>, arguments: &[Typed]) -> Result<Typed> {
    let Some((Typed { literal: Some(Literal::Text(format)), .. }, rest)) = arguments.split_first() else {
        return Err(Untranslatable::new("`printf` with a format that is no literal"));
    };
    let mut rest = rest.iter();
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut letters = format.chars();
    while let Some(c) = letters.next() {
        if c != '%' {
            plain.push(c);
            continue;
        }
        let refuse = |field: &str| Untranslatable::new(format!("`printf('{field}', …)`"));
        let mut field = String::new();
        let end = loop {
            match letters.next() {
                Some(c) if c.is_ascii_digit() || c == '.' || c == ',' || c == '-' || c == '+' => field.push(c),
                Some(c) => break c,
                None => return Err(refuse("%")),
            }
        };
        if end == '%' && field.is_empty() {
            plain.push('%');
            continue;
        }
        let argument = rest.next().ok_or_else(|| refuse(format))?;
        let width: Option<usize> = field.strip_prefix('0').and_then(|digits| digits.parse().ok());
        let sql = match (end, field.as_str(), width) {
            ('s', "", _) => format!("coalesce({}, '')", t.text_of(argument)?),
            ('d' | 'i', "", _) if argument.kind == Kind::Int => format!("coalesce({}, 0)::text", argument.sql),
            // lpad cuts what is longer than the width; the sign counts as one place
            ('d', _, Some(width @ 1..=60)) if argument.kind == Kind::Int => {
                let number = format!("coalesce({}, 0)", argument.wide());
                let digits = format!("abs({number})::text");
                format!(
                    "CASE WHEN {number} < 0 THEN '-' || lpad({digits}, greatest({}, length({digits})), '0') \
                     ELSE lpad({digits}, greatest({width}, length({digits})), '0') END",
                    width - 1
                )
            }
            _ => return Err(refuse(&format!("%{field}{end}"))),
        };
        if !plain.is_empty() {
            parts.push(Typed::literal_text(&std::mem::take(&mut plain)).sql);
        }
        parts.push(sql);
    }
    if !plain.is_empty() || parts.is_empty() {
        parts.push(Typed::literal_text(&plain).sql);
    }
    let parts: Vec<String> =
        parts.into_iter().map(|part| if part.starts_with("CASE ") { format!("({part})") } else { part }).collect();
    Ok(Typed::text(if parts.len() == 1 { parts[0].clone() } else { format!("({})", parts.join(" || ")) }))
}
