//! Dates and times: `date`, `time`, `datetime`, `julianday`, `unixepoch`, `strftime`, with `now` and with columns.

use super::Untranslatable;
use super::expr::Translator;
use super::typed::{Kind, Literal, Result, Typed};
use crate::Dialect;
use crate::value::PgType;

/// The moment of the statement, as text of that form.
pub(super) fn now(t: &mut Translator<'_>, format: &str) -> Typed {
    t.immutable = false;
    Typed { wordy: true, ..Typed::text(format!("to_char((now() AT TIME ZONE 'UTC'), '{format}')")) }
}

/// Whether a text is a moment spelled just so: then comparing it as text and as a value is the same.
pub(super) fn fits(spelling: &str, text: &str) -> bool {
    let spelling = spelling.trim_end_matches(".US");
    let form = match spelling {
        "YYYY-MM-DD" => "%Y-%m-%d",
        "YYYY-MM-DD HH24:MI:SS" => "%Y-%m-%d %H:%M:%S",
        _ => return false,
    };
    let spelled = match spelling {
        "YYYY-MM-DD" => jiff::civil::Date::strptime(form, text).map(|date| date.strftime(form).to_string()),
        _ => jiff::civil::DateTime::strptime(form, text).map(|moment| moment.strftime(form).to_string()),
    };
    spelled.is_ok_and(|spelled| spelled == text)
        && text.len() == if spelling.len() == 10 { 10 } else { 19 }
        && &text[..4] >= "0001"
}

/// A function of dates and times with its arguments.
pub(super) fn call(t: &mut Translator<'_>, name: &str, arguments: &[Typed]) -> Result<Typed> {
    let (format, arguments) = if name == "strftime" {
        let Some((Typed { literal: Some(Literal::Text(format)), .. }, rest)) = arguments.split_first() else {
            return Err(Untranslatable::new("`strftime` with a format that is no literal"));
        };
        (Some(format.clone()), rest)
    } else {
        (None, arguments)
    };
    let now = Typed::literal_text("now");
    let (first, modifiers) = arguments.split_first().unwrap_or((&now, &[]));
    // PostgreSQL cuts off what is beyond milliseconds, and SQLite rounds it
    if format.as_ref().is_some_and(|format| format.contains("%f"))
        && first.spelling.as_deref().is_some_and(|spelling| spelling.ends_with(".US"))
    {
        return Err(Untranslatable::new("`strftime('%f', …)` of times with fractions of a second"));
    }
    let counted = format.as_ref().is_some_and(|format| format.contains("%s"));
    let Some(moment) = moment(if counted { "strftime %s" } else { name }, first, modifiers)? else {
        return Ok(Typed::null());
    };
    t.immutable = false;
    let chars = |format: &str| format!("to_char({moment}, '{format}')");
    let wordy = |sql: String| Typed { wordy: true, ..Typed::text(sql) };
    match name {
        "date" => Ok(wordy(chars("YYYY-MM-DD"))),
        "time" => Ok(wordy(chars("HH24:MI:SS"))),
        "datetime" => Ok(wordy(chars("YYYY-MM-DD HH24:MI:SS"))),
        "unixepoch" => Ok(Typed::int(format!("floor(extract(epoch FROM {moment}))::bigint"))),
        // 2440587.5 is the Julian day of 1970-01-01; SQLite counts in milliseconds
        "julianday" => Ok(Typed::real(format!(
            "((floor(extract(epoch FROM {moment}) * 1000)::bigint + 210866760000000)::float8 / 86400000.0::float8)"
        ))),
        _ => strftime(&moment, &format.unwrap_or_default()),
    }
}

/// The argument and its modifiers as a `timestamp` in UTC; `None` where it is NULL whatever comes.
fn moment(name: &str, first: &Typed, modifiers: &[Typed]) -> Result<Option<String>> {
    let mut words = Vec::new();
    for modifier in modifiers {
        match &modifier.literal {
            Some(Literal::Text(text)) => words.push(text.trim().to_ascii_lowercase()),
            _ => return Err(Untranslatable::new(format!("`{name}` with a modifier that is no literal"))),
        }
    }
    let mut words = words.iter().map(String::as_str).peekable();
    let mut sql = match (&first.literal, first.kind) {
        (Some(Literal::Text(text)), _) if text.eq_ignore_ascii_case("now") => "(now() AT TIME ZONE 'UTC')".to_owned(),
        (Some(Literal::Text(text)), _) if fits("YYYY-MM-DD", text) || fits("YYYY-MM-DD HH24:MI:SS", text) => {
            format!("{}::timestamp", Dialect::Postgres.literal(text))
        }
        (_, Kind::Null) => return Ok(None),
        (_, Kind::Int) if words.next_if_eq(&"unixepoch").is_some() => {
            format!("(to_timestamp({}) AT TIME ZONE 'UTC')", first.float())
        }
        (_, Kind::Moment) if first.spelling.is_some() => match first.pg {
            PgType::Timestamptz => format!("({} AT TIME ZONE 'UTC')", first.sql),
            PgType::Time => format!("('2000-01-01'::date + {})", first.sql),
            PgType::Date => format!("{}::timestamp", first.sql),
            _ => first.sql.clone(),
        },
        _ => {
            return Err(Untranslatable::new(format!(
                "`{name}` of {} (text that is no date is NULL to SQLite and an error to PostgreSQL)",
                first.shown()
            )));
        }
    };
    // beyond the fields as they are written, SQLite counts in whole milliseconds
    let counts = words.peek().is_some() || matches!(name, "unixepoch" | "julianday" | "strftime %s");
    if counts && first.spelling.as_deref().is_some_and(|spelling| spelling.ends_with(".US")) {
        sql = format!("date_trunc('milliseconds', {sql} + interval '0.0005 seconds')");
    }
    // SQLite overflows into the next month where PostgreSQL stops at the last day, so months want a first day
    let mut first_day = false;
    for word in words {
        sql = match word {
            "start of day" => format!("date_trunc('day', {sql})"),
            "start of month" | "start of year" => {
                first_day = true;
                format!("date_trunc('{}', {sql})", &word["start of ".len()..])
            }
            "utc" | "auto" | "localtime" | "subsec" | "subsecond" => {
                return Err(Untranslatable::new(format!("`{name}(…, '{word}')`")));
            }
            _ => {
                let (interval, months) =
                    interval(word).ok_or_else(|| Untranslatable::new(format!("`{name}(…, '{word}')`")))?;
                if months && !first_day {
                    return Err(Untranslatable::new(format!(
                        "`{name}(…, '{word}')` (where the month is too short, SQLite goes on into the next)"
                    )));
                }
                first_day &= months;
                format!("({sql} + interval '{interval}')")
            }
        };
    }
    Ok(Some(sql))
}

/// `+7 days`, and whether it counts in months.
fn interval(word: &str) -> Option<(String, bool)> {
    let (count, unit) = word.split_once(' ')?;
    let digits = count.strip_prefix(['+', '-']).unwrap_or(count);
    if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = unit.trim().trim_end_matches('s');
    let months = matches!(unit, "month" | "year");
    matches!(unit, "second" | "minute" | "hour" | "day" | "month" | "year").then(|| (format!("{count} {unit}"), months))
}

/// `strftime(format, …)`: each field by itself, joined.
fn strftime(moment: &str, format: &str) -> Result<Typed> {
    let mut pattern = String::new();
    let mut parts: Vec<String> = Vec::new();
    let flush = |pattern: &mut String, parts: &mut Vec<String>| {
        if !pattern.is_empty() {
            parts.push(format!("to_char({moment}, {})", Dialect::Postgres.literal(pattern)));
            pattern.clear();
        }
    };
    let mut letters = format.chars();
    while let Some(c) = letters.next() {
        if c != '%' {
            // between double quotes to_char takes text as it is
            match c {
                '"' | '\\' => return Err(Untranslatable::new(format!("`strftime('{format}', …)`"))),
                _ => pattern.push_str(&format!("\"{c}\"")),
            }
            continue;
        }
        match letters.next() {
            Some('Y') => pattern.push_str("YYYY"),
            Some('m') => pattern.push_str("MM"),
            Some('d') => pattern.push_str("DD"),
            Some('H') => pattern.push_str("HH24"),
            Some('M') => pattern.push_str("MI"),
            Some('S') => pattern.push_str("SS"),
            Some('f') => pattern.push_str("SS.MS"),
            Some('F') => pattern.push_str("YYYY-MM-DD"),
            Some('T') => pattern.push_str("HH24:MI:SS"),
            Some('R') => pattern.push_str("HH24:MI"),
            Some('I') => pattern.push_str("HH12"),
            Some('p') => pattern.push_str("AM"),
            Some('P') => pattern.push_str("am"),
            Some('j') => pattern.push_str("DDD"),
            Some('u') => pattern.push_str("ID"),
            Some('G') => pattern.push_str("IYYY"),
            Some('V') => pattern.push_str("IW"),
            Some('%') => pattern.push_str("\"%\""),
            Some('w') => {
                flush(&mut pattern, &mut parts);
                parts.push(format!("extract(dow FROM {moment})::text"));
            }
            Some('s') => {
                flush(&mut pattern, &mut parts);
                parts.push(format!("floor(extract(epoch FROM {moment}))::bigint::text"));
            }
            other => {
                let letter = other.map(String::from).unwrap_or_default();
                return Err(Untranslatable::new(format!("`strftime('%{letter}', …)`")));
            }
        }
    }
    flush(&mut pattern, &mut parts);
    match parts.len() {
        0 => Ok(Typed::literal_text("")),
        1 => Ok(Typed::text(parts.remove(0))),
        _ => Ok(Typed::text(format!("({})", parts.join(" || ")))),
    }
}
