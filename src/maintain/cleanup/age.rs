//! When a row is old, as SQL: the comparison of a column with the cut-off, exact for each type of column.
//!
//! The cut-off is a whole second, so that nothing depends on how many digits of one a column keeps.

use jiff::Timestamp;

use super::super::MaintainError;
use super::super::catalog::Column;
use crate::Dialect;
use crate::value::TimeNumber;

/// How old a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Age {
    /// True for old rows, false or NULL for all others.
    pub old: String,
    /// True for rows that have something in the column that is no time; `None` where the type has no such values.
    pub unreadable: Option<String>,
}

/// A time as text, as it is told to SQLite (<https://www.sqlite.org/lang_datefunc.html>, "Time Values").
const POSTGRES_TIME: &str = r"^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?( *(Z|z|[+-]\d{2}:[0-5]\d))?)? *$";

/// When a row is old by `column`: `number` is what numbers in it mean.
pub(super) fn age(
    dialect: Dialect,
    table: &str,
    column: &Column,
    number: Option<TimeNumber>,
    cut_off: Timestamp,
) -> Result<Age, MaintainError> {
    let name = dialect.quote_identifier(&column.name);
    let seconds = cut_off.as_second();
    let needs_unit = || MaintainError::Refused {
        message: format!("`{table}.{}` holds numbers, and nothing says what they count", column.name),
        hint: "say `unit: seconds`, `milliseconds`, `microseconds` or `julian` in the policy".to_owned(),
    };
    match dialect {
        Dialect::Sqlite => {
            let by_number = match number {
                Some(unit) => {
                    format!(" WHEN 'integer' THEN {name} < {0} WHEN 'real' THEN {name} < {0}", limit(seconds, unit))
                }
                None if matches!(column.base.as_str(), "integer" | "real") => return Err(needs_unit()),
                None => String::new(),
            };
            // unixepoch() reads numbers and words like `now` too: what does not begin with a year is left to nobody
            let old = format!(
                "CASE typeof({name}) WHEN 'text' THEN CASE WHEN {name} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' \
                 THEN unixepoch({name}) < {seconds} END{by_number} END"
            );
            let unreadable = format!("{name} IS NOT NULL AND ({old}) IS NULL");
            Ok(Age { old, unreadable: Some(unreadable) })
        }
        Dialect::Postgres => {
            let time = cut_off.strftime("%Y-%m-%d %H:%M:%S");
            let (old, unreadable) = match column.base.as_str() {
                // minus infinity is no time that anything happened at
                "timestamptz" => (format!("{name} < timestamptz '{time}+00' AND isfinite({name})"), None),
                "timestamp" => (format!("{name} < timestamp '{time}' AND isfinite({name})"), None),
                // a day is over when the next one begins
                "date" => (format!("{name} < date '{}' AND isfinite({name})", cut_off.strftime("%Y-%m-%d")), None),
                "int2" | "int4" | "int8" | "numeric" => {
                    (format!("{name} < {}", limit(seconds, number.ok_or_else(needs_unit)?)), None)
                }
                "float4" | "float8" => {
                    let limit = limit(seconds, number.ok_or_else(needs_unit)?);
                    (format!("{name} < {limit}::float8 AND {name} > '-Infinity'::float8"), None)
                }
                "text" | "varchar" | "bpchar" | "citext" => {
                    let is_time = format!("{name}::text ~ {}", dialect.literal(POSTGRES_TIME));
                    let old = format!("CASE WHEN {is_time} THEN {} < {seconds} END", epoch(&format!("{name}::text")));
                    let unreadable = format!("{name} IS NOT NULL AND NOT ({is_time})");
                    (old, Some(unreadable))
                }
                _ => {
                    return Err(MaintainError::Refused {
                        message: format!(
                            "`{table}.{}` is of type `{}`, which tells no time",
                            column.name, column.r#type
                        ),
                        hint: "an age is told by a timestamp, a date, a text of ISO 8601, or a number with `unit:`"
                            .to_owned(),
                    });
                }
            };
            Ok(Age { old, unreadable })
        }
    }
}

/// The cut-off as a number of that unit.
fn limit(seconds: i64, unit: TimeNumber) -> String {
    match unit {
        TimeNumber::Seconds => seconds.to_string(),
        TimeNumber::Milliseconds => format!("{seconds}000"),
        TimeNumber::Microseconds => format!("{seconds}000000"),
        // the Julian day of 1970-01-01 00:00, https://www.sqlite.org/lang_datefunc.html
        TimeNumber::Julian => format!("({seconds} / 86400.0 + 2440587.5)"),
    }
}

/// Seconds since 1970 of a text of that form, without a cast that could fail: 30 February is 2 March, as in SQLite.
fn epoch(text: &str) -> String {
    let number = |pattern: &str| format!("coalesce(substring({text} from '{pattern}')::int, 0)");
    let (year, month, day) = (number("^(....)"), number("^.....(..)"), number("^........(..)"));
    let (hour, minute, second) = (number("^.{11}(..)"), number("^.{14}(..)"), number("^.{16}:(..)"));
    let sign = format!("(CASE substring({text} from '([+-])..:.. *$') WHEN '+' THEN 1 WHEN '-' THEN -1 ELSE 0 END)");
    let (zone_hour, zone_minute) = (number("[+-](..):.. *$"), number("[+-]..:(..) *$"));
    format!(
        "((make_date({year}, {month}, 1) + ({day} - 1) - date '1970-01-01')::bigint * 86400 + {hour} * 3600 + {minute} * 60 \
         + {second} - {sign} * ({zone_hour} * 3600 + {zone_minute} * 60))"
    )
}

/// What marks a row as deleted at `now` in a column of that type, and the condition for one that is not marked yet.
pub(super) fn mark(
    dialect: Dialect,
    table: &str,
    column: &Column,
    number: Option<TimeNumber>,
    now: Timestamp,
) -> Result<(String, String), MaintainError> {
    let name = dialect.quote_identifier(&column.name);
    let unmarked = format!("{name} IS NULL");
    let text = format!("'{}'", now.strftime("%Y-%m-%dT%H:%M:%SZ"));
    let by_unit = number.map(|unit| limit(now.as_second(), unit));
    let truth = match dialect {
        Dialect::Sqlite => column.r#type.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("bool")),
        Dialect::Postgres => column.base == "bool",
    };
    if truth {
        let (yes, no) = if dialect == Dialect::Sqlite { ("1", "0") } else { ("true", "false") };
        return Ok((yes.to_owned(), format!("coalesce({name}, {no}) = {no}")));
    }
    let time = now.strftime("%Y-%m-%d %H:%M:%S");
    let value = match (dialect, column.base.as_str()) {
        (_, "integer" | "real" | "int2" | "int4" | "int8" | "numeric" | "float4" | "float8") if by_unit.is_some() => {
            by_unit.unwrap_or_default()
        }
        (Dialect::Sqlite, "text" | "numeric" | "blob")
        | (Dialect::Postgres, "text" | "varchar" | "bpchar" | "citext") => text,
        (Dialect::Postgres, "timestamptz") => format!("timestamptz '{time}+00'"),
        (Dialect::Postgres, "timestamp") => format!("timestamp '{time}'"),
        (Dialect::Postgres, "date") => format!("date '{}'", now.strftime("%Y-%m-%d")),
        _ => {
            return Err(MaintainError::Refused {
                message: format!("`{table}.{}` is of type `{}`: what marks a row in it?", column.name, column.r#type),
                hint:
                    "a soft delete's column takes a time, a text, a boolean, or a number with `unit:` beside `column:`"
                        .to_owned(),
            });
        }
    };
    Ok((value, unmarked))
}
