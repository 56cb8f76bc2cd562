//! What a column gives where an INSERT leaves it out: a default of SQLite's as one of PostgreSQL's.

use sqlite3_parser::ast::{Expr, Literal as Lit};

use super::typed::{Kind, Literal, Typed};
use super::{Scope, Untranslatable, casts, expr, numbers, parse, typed};
use crate::Dialect;
use crate::schema::Affinity;
use crate::value::PgType;

/// Translates the default of a column of type `to`; `None` where there is nothing to write (DEFAULT NULL).
///
/// A literal goes in as the column's affinity would store it: `'5'` in a column of integers is 5, 5 in a column of text
/// is `'5'`. What the clock gives comes in the column's own type, to the second, as SQLite's clock functions do.
///
/// # Errors
/// [`Untranslatable`] where the type can't take the value, or the expression has no counterpart.
pub fn translate_default(default: &str, affinity: Affinity, to: &PgType) -> Result<Option<String>, Untranslatable> {
    let mut over = to;
    while let PgType::Domain { over: inner, .. } = over {
        over = inner;
    }
    let bump = sqlite3_parser::Bump::new();
    let tree = parse::bare(parse::expression(&bump, default)?);
    // a bare word that is no keyword is a text here, as nothing is there to be named
    let word = match tree {
        Expr::Id(id) if !["true", "false"].contains(&id.0.to_ascii_lowercase().as_str()) => {
            Some(Typed::literal_text(&parse::name(id.0)))
        }
        _ => None,
    };
    if let Some(sql) = known(tree, over) {
        return Ok(Some(sql));
    }
    if let Some(clock) = clock(tree) {
        return clock_default(clock, default, over).map(Some);
    }
    let scope = Scope::none();
    let mut translator = expr::Translator::new(&scope);
    let value = match word {
        Some(word) => word,
        None => translator.expr(tree)?,
    };
    if value.kind == Kind::Null {
        return Ok(None);
    }
    let refuse = || Untranslatable::new(format!("the default `{default}` in a column of type {to}"));
    let sql = match (&value.literal, over) {
        (Some(literal), PgType::Bool) => boolean(literal).ok_or_else(refuse)?.to_owned(),
        (Some(_), _) => literal(&value, affinity, over).ok_or_else(refuse)?,
        // a default may be what no CHECK may: dependent on the session
        (None, PgType::Text | PgType::Varchar(_)) => translator.text_of(&value)?,
        (None, _) => casts::assign(&value, over)?,
    };
    Ok(Some(if sql.starts_with("CASE ") { format!("({sql})") } else { sql }))
}

fn boolean(literal: &Literal) -> Option<&'static str> {
    match literal {
        Literal::Int(1) => Some("true"),
        Literal::Int(0) => Some("false"),
        Literal::Real(value) if *value == 1.0 => Some("true"),
        Literal::Real(value) if *value == 0.0 => Some("false"),
        Literal::Text(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "t" | "true" | "yes" | "y" | "on" => Some("true"),
            "0" | "f" | "false" | "no" | "n" | "off" => Some("false"),
            _ => None,
        },
        _ => None,
    }
}

/// A literal as the affinity stores it, and the type takes it.
fn literal(value: &Typed, affinity: Affinity, to: &PgType) -> Option<String> {
    let numeric = matches!(affinity, Affinity::Integer | Affinity::Numeric | Affinity::Real);
    let stored = match &value.literal {
        // numbers in quotes are numbers to a column of numbers, whatever affinity its declared type had
        Some(Literal::Text(text)) if numeric || is_number(to) => {
            numbers::from_text(text).unwrap_or_else(|| value.clone())
        }
        Some(Literal::Int(_)) if value.kind == Kind::Truth => value.number().ok()?,
        Some(Literal::Real(real)) if is_integer(to) && real.fract() == 0.0 => numbers::from_text(&format!("{real:?}"))?,
        _ => value.clone(),
    };
    let text = match &stored.literal {
        Some(Literal::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    match to {
        PgType::Int2 => in_range(&stored, i16::MIN.into(), i16::MAX.into()),
        PgType::Int4 => in_range(&stored, i32::MIN.into(), i32::MAX.into()),
        PgType::Int8 => in_range(&stored, i64::MIN, i64::MAX),
        PgType::Float4 | PgType::Float8 | PgType::Numeric(_) => {
            matches!(stored.literal, Some(Literal::Int(_) | Literal::Real(_))).then_some(stored.sql)
        }
        PgType::Text | PgType::Varchar(_) | PgType::Char(_) | PgType::Citext => {
            let (sql, _) = stored.as_text().ok()?;
            let length = text.map_or(sql.len(), |text| text.chars().count());
            let fits = match to {
                PgType::Varchar(Some(most)) | PgType::Char(most) => length <= usize::try_from(*most).ok()?,
                _ => true,
            };
            fits.then_some(sql)
        }
        PgType::Bytea => (stored.kind == Kind::Bytes).then_some(stored.sql),
        PgType::Date => form(text?, &["%Y-%m-%d"], to),
        PgType::Time => form(text?, &["%H:%M:%S", "%H:%M"], to),
        PgType::Timestamp => form(text?, &["%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"], to),
        PgType::Json | PgType::Jsonb => {
            let text = text?;
            serde_json::from_str::<serde_json::Value>(text).ok()?;
            Some(format!("{}::{to}", Dialect::Postgres.literal(text)))
        }
        PgType::Uuid => {
            let digits = text?.bytes().filter(u8::is_ascii_hexdigit).count();
            (digits == 32 && text?.len() <= 36).then(|| format!("{}::uuid", stored.sql))
        }
        PgType::Enum { name, labels } => {
            labels.iter().any(|label| Some(label.as_str()) == text).then(|| format!("{}::{name}", stored.sql))
        }
        _ => None,
    }
}

fn is_integer(to: &PgType) -> bool {
    matches!(to, PgType::Int2 | PgType::Int4 | PgType::Int8)
}

fn is_number(to: &PgType) -> bool {
    is_integer(to) || matches!(to, PgType::Float4 | PgType::Float8 | PgType::Numeric(_))
}

fn in_range(value: &Typed, low: i64, high: i64) -> Option<String> {
    match value.literal {
        Some(Literal::Int(number)) if (low..=high).contains(&number) => Some(value.sql.clone()),
        _ => None,
    }
}

/// A text that is a date, time or timestamp in one of these forms.
fn form(text: &str, forms: &[&str], to: &PgType) -> Option<String> {
    let valid = |form: &&str| match to {
        PgType::Date => jiff::civil::Date::strptime(form, text).is_ok(),
        PgType::Time => jiff::civil::Time::strptime(form, text).is_ok(),
        _ if !form.contains("%H") => jiff::civil::Date::strptime(form, text).is_ok(),
        _ => jiff::civil::DateTime::strptime(form, text).is_ok(),
    };
    forms.iter().any(valid).then(|| format!("{}::{to}", Dialect::Postgres.literal(text)))
}

/// What a clock function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Timestamp,
    /// A timestamp to the millisecond, which is what `%f` gives.
    Milliseconds,
    Date,
    Time,
    /// Seconds since 1970.
    Epoch,
}

/// The clock itself, without modifiers.
fn clock(tree: &Expr<'_>) -> Option<Clock> {
    match tree {
        Expr::Literal(Lit::CurrentTimestamp) => Some(Clock::Timestamp),
        Expr::Literal(Lit::CurrentDate) => Some(Clock::Date),
        Expr::Literal(Lit::CurrentTime) => Some(Clock::Time),
        Expr::FunctionCall { name, args, filter_over: None, .. } => {
            let arguments = args.unwrap_or_default();
            let text = |at: usize| match arguments.get(at).map(parse::bare) {
                Some(Expr::Literal(Lit::String(text))) => Some(parse::string(text)),
                Some(Expr::Id(id)) if id.0.starts_with('"') => Some(parse::name(id.0)),
                _ => None,
            };
            let now = |at: usize| {
                arguments.len() == at
                    || (arguments.len() == at + 1 && text(at).is_some_and(|word| word.eq_ignore_ascii_case("now")))
            };
            match parse::name(name.0).to_ascii_lowercase().as_str() {
                "datetime" if now(0) => Some(Clock::Timestamp),
                "date" if now(0) => Some(Clock::Date),
                "time" if now(0) => Some(Clock::Time),
                "unixepoch" if now(0) => Some(Clock::Epoch),
                "strftime" if now(1) => match text(0)?.as_str() {
                    "%Y-%m-%d %H:%M:%S" | "%Y-%m-%dT%H:%M:%S" | "%Y-%m-%dT%H:%M:%SZ" | "%Y-%m-%d %H:%M:%SZ"
                    | "%FT%TZ" | "%FT%T" | "%F %T" => Some(Clock::Timestamp),
                    "%Y-%m-%d %H:%M:%f"
                    | "%Y-%m-%dT%H:%M:%f"
                    | "%Y-%m-%d %H:%M:%fZ"
                    | "%Y-%m-%dT%H:%M:%fZ"
                    | "%Y-%m-%d %H:%M:%f+00:00"
                    | "%Y-%m-%dT%H:%M:%f+00:00" => Some(Clock::Milliseconds),
                    "%Y-%m-%d" | "%F" => Some(Clock::Date),
                    "%H:%M:%S" | "%T" => Some(Clock::Time),
                    "%s" => Some(Clock::Epoch),
                    _ => None,
                },
                _ => None,
            }
        }
        // CAST(strftime('%s', 'now') AS INTEGER) is the common way to write unixepoch()
        Expr::Cast { expr, .. } => clock(parse::bare(expr)).filter(|clock| *clock == Clock::Epoch),
        _ => None,
    }
}

fn clock_default(clock: Clock, default: &str, to: &PgType) -> Result<String, Untranslatable> {
    let utc = "(now() AT TIME ZONE 'UTC')";
    let seconds = format!("date_trunc('second', {utc})");
    match (to, clock) {
        (PgType::Timestamp, Clock::Timestamp | Clock::Epoch) => Ok(seconds),
        (PgType::Timestamp, Clock::Date) => Ok(format!("date_trunc('day', {utc})")),
        (PgType::Timestamptz, Clock::Timestamp | Clock::Epoch) => Ok("date_trunc('second', now())".to_owned()),
        (PgType::Timestamp, Clock::Milliseconds) => Ok(format!("date_trunc('milliseconds', {utc})")),
        (PgType::Timestamptz, Clock::Milliseconds) => Ok("date_trunc('milliseconds', now())".to_owned()),
        (PgType::Date, Clock::Timestamp | Clock::Milliseconds | Clock::Date) => Ok(format!("{utc}::date")),
        (PgType::Time, Clock::Time) => Ok(format!("{seconds}::time")),
        _ => {
            // text and numbers: as the function itself gives it
            let bump = sqlite3_parser::Bump::new();
            let tree = parse::expression(&bump, default)?;
            let mut translator = expr::Translator::new(&Scope::none());
            let value: Typed = translator.expr(tree)?;
            as_default(&mut translator, &value, to)
        }
    }
}

fn as_default(translator: &mut expr::Translator<'_>, value: &Typed, to: &PgType) -> typed::Result<String> {
    match to {
        PgType::Text | PgType::Varchar(_) | PgType::Citext => translator.text_of(value),
        PgType::Int2 | PgType::Int4 | PgType::Int8 if value.kind == Kind::Text => {
            // digits that a column of integers takes for a number
            match value.sql.strip_suffix("::bigint::text") {
                Some(number) => Ok(format!("{number}::bigint")),
                None => Err(Untranslatable::new(format!("a text in a column of type {to}"))),
            }
        }
        _ => casts::assign(value, to),
    }
}

/// Idioms for random identifiers.
fn known(tree: &Expr<'_>, to: &PgType) -> Option<String> {
    let text = tree.to_string().to_ascii_lowercase().replace(char::is_whitespace, "");
    let upper = text.starts_with("hex(randomblob(");
    let inner = text.strip_prefix("lower(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&text);
    if let Some(bytes) = inner.strip_prefix("hex(randomblob(").and_then(|rest| rest.strip_suffix("))")) {
        let bytes: usize = bytes.parse().ok().filter(|bytes| (1..=32).contains(bytes))?;
        if *to == PgType::Uuid {
            return (bytes == 16).then(|| "gen_random_uuid()".to_owned());
        }
        if !matches!(to, PgType::Text | PgType::Varchar(_)) {
            return None;
        }
        let random = random_hex(bytes);
        return Some(if upper { format!("upper({random})") } else { random });
    }
    if let Some(bytes) = text.strip_prefix("randomblob(").and_then(|rest| rest.strip_suffix(')')) {
        let bytes: usize = bytes.parse().ok().filter(|bytes| (1..=32).contains(bytes))?;
        return (*to == PgType::Bytea).then(|| format!("decode({}, 'hex')", random_hex(bytes)));
    }
    // the usual spelling of a UUID of version 4 by parts of random digits
    (*to == PgType::Uuid && text.contains("randomblob(4)") && text.contains("'-4'"))
        .then(|| "gen_random_uuid()".to_owned())
}

/// Random bytes as hexadecimal digits, in lower case, without an extension.
///
/// A UUID of version 4 has 6 fixed bits of its 128. MD5 over one spreads the 122 random bits over all digits, so that
/// none is fixed; a collision stays as unlikely as between two such UUIDs.
fn random_hex(bytes: usize) -> String {
    let one = "md5(gen_random_uuid()::text)";
    match bytes {
        16 => one.to_owned(),
        0..16 => format!("substr({one}, 1, {})", bytes * 2),
        32 => format!("({one} || {one})"),
        _ => format!("substr({one} || {one}, 1, {})", bytes * 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default(text: &str, affinity: Affinity, to: &PgType) -> String {
        match translate_default(text, affinity, to) {
            Ok(Some(sql)) => sql,
            Ok(None) => "none".to_owned(),
            Err(error) => format!("! {}", error.construct),
        }
    }

    #[test]
    fn a_literal_is_what_the_column_would_store() {
        use Affinity::{Integer, Numeric, Real, Text};
        for (text, affinity, to, expected) in [
            ("0", Numeric, PgType::Bool, "false"),
            ("'t'", Numeric, PgType::Bool, "true"),
            ("'1'", Numeric, PgType::Bool, "true"),
            ("true", Numeric, PgType::Bool, "true"),
            ("FALSE", Numeric, PgType::Bool, "false"),
            ("2", Numeric, PgType::Bool, "! the default `2` in a column of type boolean"),
            ("\"5\"", Integer, PgType::Int8, "5"),
            ("'5'", Integer, PgType::Int8, "5"),
            ("-5", Integer, PgType::Int8, "(-5)"),
            ("5.0", Integer, PgType::Int8, "5"),
            ("''", Integer, PgType::Int8, "! the default `''` in a column of type bigint"),
            ("70000", Integer, PgType::Int2, "! the default `70000` in a column of type smallint"),
            ("true", Integer, PgType::Int8, "1"),
            ("5", Text, PgType::Text, "'5'"),
            ("1.5", Text, PgType::Text, "'1.5'"),
            ("'null'", Text, PgType::Text, "'null'"),
            ("NULL", Text, PgType::Text, "none"),
            ("\"dq\"", Text, PgType::Text, "'dq'"),
            ("word", Text, PgType::Text, "'word'"),
            ("\"\"", Text, PgType::Text, "''"),
            ("'it''s'", Text, PgType::Text, "'it''s'"),
            ("4.99", Numeric, PgType::Numeric(Some((4, 2))), "4.99"),
            ("1", Real, PgType::Float8, "1"),
            ("x'00ff'", Affinity::Blob, PgType::Bytea, "decode('00ff', 'hex')"),
            ("'2024-01-02'", Numeric, PgType::Date, "'2024-01-02'::date"),
            ("'2024-13-02'", Numeric, PgType::Date, "! the default `'2024-13-02'` in a column of type date"),
            ("'{}'", Text, PgType::Jsonb, "'{}'::jsonb"),
            ("'{'", Text, PgType::Jsonb, "! the default `'{'` in a column of type jsonb"),
            (
                "'abcd'",
                Text,
                PgType::Varchar(Some(3)),
                "! the default `'abcd'` in a column of type character varying(3)",
            ),
            ("(1 + 2)", Integer, PgType::Int8, "(1::bigint + 2::bigint)"),
        ] {
            assert_eq!(default(text, affinity, &to), expected, "{text}");
        }
    }

    #[test]
    fn the_clock_comes_in_the_columns_type() {
        use Affinity::{Integer, Numeric, Text};
        let utc = "(now() AT TIME ZONE 'UTC')";
        for (text, affinity, to, expected) in [
            ("current_timestamp", Numeric, PgType::Timestamp, format!("date_trunc('second', {utc})")),
            ("CURRENT_TIMESTAMP", Numeric, PgType::Timestamptz, "date_trunc('second', now())".to_owned()),
            ("CURRENT_TIMESTAMP", Text, PgType::Text, format!("to_char({utc}, 'YYYY-MM-DD HH24:MI:SS')")),
            ("current_date", Numeric, PgType::Date, format!("{utc}::date")),
            ("current_time", Numeric, PgType::Time, format!("date_trunc('second', {utc})::time")),
            ("datetime('now')", Numeric, PgType::Timestamp, format!("date_trunc('second', {utc})")),
            ("strftime('%Y', 'now')", Text, PgType::Text, format!("to_char({utc}, 'YYYY')")),
            (
                "strftime('%Y-%m-%dT%H:%M:%fZ','now')",
                Text,
                PgType::Text,
                format!("to_char({utc}, 'YYYY\"-\"MM\"-\"DD\"T\"HH24\":\"MI\":\"SS.MS\"Z\"')"),
            ),
            (
                "strftime('%Y-%m-%d %H:%M:%f', 'now')",
                Numeric,
                PgType::Timestamp,
                format!("date_trunc('milliseconds', {utc})"),
            ),
            (
                "(strftime('%Y-%m-%dT%H:%M:%fZ'))",
                Numeric,
                PgType::Timestamptz,
                "date_trunc('milliseconds', now())".to_owned(),
            ),
            (
                "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
                Numeric,
                PgType::Timestamptz,
                "date_trunc('second', now())".to_owned(),
            ),
            ("unixepoch()", Integer, PgType::Int8, format!("floor(extract(epoch FROM {utc}))::bigint")),
            ("strftime('%s','now')", Integer, PgType::Int8, format!("floor(extract(epoch FROM {utc}))::bigint")),
            ("lower(hex(randomblob(16)))", Text, PgType::Text, "md5(gen_random_uuid()::text)".to_owned()),
            ("lower(hex(randomblob(16)))", Text, PgType::Uuid, "gen_random_uuid()".to_owned()),
        ] {
            assert_eq!(default(text, affinity, &to), expected, "{text}");
        }
        assert!(default("datetime('now', 'localtime')", Numeric, &PgType::Timestamp).starts_with("! "));
    }
}
