//! What one cell means in the sense of its PostgreSQL type, told from either side; shares nothing with the engine.

use std::fmt::Write as _;

use super::json_of::json;

/// A cell as SQLite holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// How a column is to be understood.
#[derive(Debug, Clone, Default)]
pub struct Sense {
    /// The type's name in pg_type, of a domain's base; `enum`; `array`.
    pub kind: String,
    /// What a number means in a column of times.
    pub numbers: Option<String>,
    /// What became of text that PostgreSQL can't hold.
    pub bad_text: Option<String>,
}

type Meaning = Result<Option<String>, String>;

/// Whether both hold the same.
pub fn same(cell: &Cell, sense: &Sense, target: Option<&str>) -> bool {
    let source = of_source(cell, sense);
    if source.is_ok() && source == of_target(target, sense) {
        return true;
    }
    // a number that became text may be spelled in any way that gives the same number
    match (cell, target) {
        (Cell::Real(real), Some(text)) if is_text(&sense.kind) => {
            text.parse::<f64>().is_ok_and(|number| number.to_bits() == real.to_bits())
        }
        // a Julian day number is good for a few ten microseconds only
        (Cell::Real(_) | Cell::Integer(_), Some(_)) if sense.numbers.as_deref() == Some("julian") => {
            let micros = |meaning: Meaning| meaning.ok().flatten().and_then(|micros| micros.parse::<i128>().ok());
            match (micros(source), micros(of_target(target, sense))) {
                (Some(source), Some(target)) => (source - target).abs() <= 500,
                _ => false,
            }
        }
        _ => false,
    }
}

/// What a SQLite cell means in a column of that type; the reason, where it is none of its values.
pub fn of_source(cell: &Cell, sense: &Sense) -> Meaning {
    let text = match cell {
        Cell::Null => return Ok(None),
        Cell::Text(text) | Cell::Blob(text) => std::str::from_utf8(text).ok(),
        _ => None,
    };
    let no = || Err(format!("{cell:?} is no {}", sense.kind));
    let meaning = match sense.kind.as_str() {
        "bytea" => match cell {
            Cell::Text(bytes) | Cell::Blob(bytes) => hex(bytes),
            Cell::Integer(number) => hex(number.to_string().as_bytes()),
            _ => hex(spelled(cell).as_bytes()),
        },
        kind if is_text(kind) => match cell {
            Cell::Text(bytes) => match sense.bad_text.as_deref() {
                Some("strip") => strip(bytes),
                Some("escape") => escape(bytes),
                _ => match text {
                    Some(text) if !text.contains('\0') => text.to_owned(),
                    _ => return no(),
                },
            },
            Cell::Blob(_) => match text {
                Some(text) if !text.contains('\0') => text.to_owned(),
                _ => return no(),
            },
            _ => spelled(cell),
        },
        "uuid" => match (cell, text) {
            (Cell::Blob(bytes), _) if bytes.len() == 16 => hex(bytes),
            (Cell::Text(_), Some(text)) => plain_uuid(text),
            _ => return no(),
        },
        "jsonb" => match (cell, text) {
            (Cell::Text(_), Some(text)) => json(text)?,
            (Cell::Integer(_) | Cell::Real(_), _) => json(&spelled(cell))?,
            _ => return no(),
        },
        "json" => match (cell, text) {
            (Cell::Text(_), Some(text)) => text.to_owned(),
            (Cell::Integer(_) | Cell::Real(_), _) => spelled(cell),
            _ => return no(),
        },
        "array" => match (cell, text) {
            (Cell::Text(_), Some(text)) if text.trim_start().starts_with('[') => json(text)?,
            _ => return no(),
        },
        "bool" => match (cell, text.map(str::to_ascii_lowercase).as_deref()) {
            (Cell::Integer(0), _) | (Cell::Text(_), Some("f" | "false" | "0" | "n" | "no" | "off")) => "f".to_owned(),
            (Cell::Integer(1), _) | (Cell::Text(_), Some("t" | "true" | "1" | "y" | "yes" | "on")) => "t".to_owned(),
            _ => return no(),
        },
        "date" | "time" | "timestamp" | "timestamptz" => match (cell, text) {
            (Cell::Text(_), Some(text)) => time_of(&sense.kind, text).ok_or_else(|| no().unwrap_err())?.to_string(),
            (Cell::Integer(_) | Cell::Real(_), _) => number_of_time(cell, sense)?,
            _ => return no(),
        },
        "float8" | "float4" => {
            let number = match (cell, text) {
                (Cell::Integer(number), _) if (*number as f64) as i128 == i128::from(*number) => *number as f64,
                (Cell::Real(number), _) => *number,
                (Cell::Text(_), Some(text)) => text.parse().map_err(|_| no().unwrap_err())?,
                _ => return no(),
            };
            if sense.kind == "float4" && f64::from(number as f32).to_bits() != number.to_bits() {
                return no();
            }
            bits(number)
        }
        "int2" | "int4" | "int8" | "numeric" => match (cell, text) {
            (Cell::Integer(_) | Cell::Real(_), _) => decimal(&spelled(cell)).ok_or("a number")?,
            (Cell::Text(_), Some(text)) => decimal(text).ok_or_else(|| no().unwrap_err())?,
            _ => return no(),
        },
        kind => return Err(format!("the comparator knows no type {kind}")),
    };
    Ok(Some(meaning))
}

/// What PostgreSQL's text of a cell means.
pub fn of_target(text: Option<&str>, sense: &Sense) -> Meaning {
    let Some(text) = text else { return Ok(None) };
    let no = || format!("PostgreSQL's `{text}` is no {}", sense.kind);
    Ok(Some(match sense.kind.as_str() {
        "bytea" => text.strip_prefix("\\x").ok_or_else(no)?.to_owned(),
        "bpchar" => text.trim_end_matches(' ').to_owned(),
        kind if is_text(kind) => text.to_owned(),
        "json" | "bool" => text.to_owned(),
        "uuid" => plain_uuid(text),
        "jsonb" | "array" => json(text)?,
        "date" | "time" | "timestamp" | "timestamptz" => time_of(&sense.kind, text).ok_or_else(no)?.to_string(),
        "float8" | "float4" => bits(text.parse().map_err(|_| no())?),
        _ => decimal(text).ok_or_else(no)?,
    }))
}

fn is_text(kind: &str) -> bool {
    matches!(kind, "text" | "varchar" | "bpchar" | "citext" | "enum")
}

/// A number in its shortest spelling that gives it back.
fn spelled(cell: &Cell) -> String {
    match cell {
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) if number.is_infinite() => if *number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        Cell::Real(number) => format!("{number:?}"),
        other => format!("{other:?}"),
    }
}

fn bits(number: f64) -> String {
    if number.is_nan() { "NaN".to_owned() } else { format!("{number:?} {:016x}", number.to_bits()) }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn plain_uuid(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | '{' | '}')).collect::<String>().to_ascii_lowercase()
}

fn strip(bytes: &[u8]) -> String {
    bytes.utf8_chunks().map(|chunk| chunk.valid().replace('\0', "")).collect()
}

fn escape(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(&chunk.valid().replace("\\x", "\\\\x").replace('\0', "\\x00"));
        chunk.invalid().iter().for_each(|byte| write!(out, "\\x{byte:02x}").unwrap());
    }
    out
}

/// A decimal number by its value: sign, digits without zeros around them, power of ten.
pub fn decimal(text: &str) -> Option<String> {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return Some(text.to_owned());
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let stripped = digits.trim_end_matches('0');
    let power = exponent - fraction.len() as i64 + (digits.len() - stripped.len()) as i64;
    let stripped = stripped.trim_start_matches('0');
    Some(if stripped.is_empty() { "0".to_owned() } else { format!("{sign}{stripped}e{power}") })
}

/// Text as microseconds: since 1970 in UTC, of a day, or as days since 1970.
fn time_of(kind: &str, text: &str) -> Option<i128> {
    if kind == "time" {
        return time_of_day(text);
    }
    let (text, before_christ) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let mut fields = text.get(..text.find([' ', 'T']).unwrap_or(text.len()))?.split('-');
    let year = fields.next()?;
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i64>().unwrap())
    };
    let year = number(year, year.len().max(4))?;
    let (month, day) = (number(fields.next()?, 2)?, number(fields.next()?, 2)?);
    if fields.next().is_some() || year == 0 {
        return None;
    }
    let year = if before_christ { 1 - year } else { year };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=length).contains(&day) {
        return None;
    }
    // whole years before this one, then whole months
    let past = year - 1;
    let years = past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400);
    let days = years + lengths[..month as usize - 1].iter().sum::<i64>() + day - 1 - 719_162;
    let rest = text.find([' ', 'T']).map(|at| &text[at + 1..]);
    let Some(rest) = rest else {
        return Some(if kind == "date" { i128::from(days) } else { i128::from(days) * 86_400_000_000 });
    };
    if kind == "date" {
        return (time_of_day(rest)? == 0).then_some(i128::from(days));
    }
    let (rest, offset) = match rest.find(['Z', '+', '-']) {
        Some(at) if &rest[at..] == "Z" => (&rest[..at], 0),
        Some(at) => {
            let mut parts = rest[at + 1..].split(':');
            let hours = number(parts.next()?, 2)?;
            let minutes = parts.next().map_or(Some(0), |minutes| number(minutes, 2))?;
            let seconds = hours * 3600 + minutes * 60;
            (&rest[..at], if rest.as_bytes()[at] == b'-' { -seconds } else { seconds })
        }
        None => (rest, 0),
    };
    if kind == "timestamp" && offset != 0 {
        return None;
    }
    let of_day = time_of_day(rest.trim_end())?;
    Some(i128::from(days) * 86_400_000_000 + of_day - i128::from(offset) * 1_000_000)
}

fn time_of_day(text: &str) -> Option<i128> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let mut next = |upto: i128| {
        let part = parts.next()?;
        let number = (part.len() == 2).then(|| part.parse::<i128>().ok())??;
        (number < upto).then_some(number)
    };
    let (hours, minutes) = (next(24)?, next(60)?);
    let seconds = if clock.len() > 5 { next(60)? } else { 0 };
    if clock.len() > 8 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 {
        return None;
    }
    let micros: i128 = format!("{fraction:0<6}").parse().ok()?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

/// A number that stands for a time, by SQLite's own reading of it.
fn number_of_time(cell: &Cell, sense: &Sense) -> Result<String, String> {
    let micros = match (sense.numbers.as_deref(), cell) {
        (Some("seconds"), Cell::Integer(number)) => i128::from(*number) * 1_000_000,
        (Some("milliseconds"), Cell::Integer(number)) => i128::from(*number) * 1000,
        (Some("microseconds"), Cell::Integer(number)) => i128::from(*number),
        (Some("julian"), _) => {
            let sqlite = rusqlite::Connection::open_in_memory().unwrap();
            let sql = format!("SELECT strftime('%Y-%m-%d %H:%M:%f', {})", spelled(cell));
            let text: String = sqlite.query_row(&sql, [], |row| row.get(0)).map_err(|error| error.to_string())?;
            time_of("timestamp", &text).ok_or(text)?
        }
        (numbers, cell) => return Err(format!("{cell:?} is no time ({numbers:?})")),
    };
    Ok(match sense.kind.as_str() {
        "date" => micros.div_euclid(86_400_000_000),
        "time" => micros.rem_euclid(86_400_000_000),
        _ => micros,
    }
    .to_string())
}

#[test]
fn the_comparator_itself() {
    let sense = |kind: &str| Sense { kind: kind.to_owned(), ..Sense::default() };
    let text = |text: &str| Cell::Text(text.as_bytes().to_vec());
    for (cell, kind, target, equal) in [
        (Cell::Real(0.1 + 0.2), "float8", "0.30000000000000004", true),
        (Cell::Real(0.1 + 0.2), "float8", "0.3", false),
        (Cell::Real(0.1), "numeric", "0.10", true),
        (Cell::Real(1e300), "numeric", &format!("1{}", "0".repeat(300)), true),
        (Cell::Integer(9_007_199_254_740_993), "numeric", "9007199254740992", false),
        (Cell::Real(3.5), "text", "3.5", true),
        (Cell::Real(3.5), "text", "3.50001", false),
        (text(""), "text", "", true),
        (text("a"), "text", "a ", false),
        (text("2024-01-02T03:04:05+02:00"), "timestamptz", "2024-01-02 01:04:05+00", true),
        (text("2024-01-02 03:04"), "timestamp", "2024-01-02 03:04:00", true),
        (text("2024-02-30"), "timestamp", "2024-03-01 00:00:00", false),
        (text("2024-01-02 03:04:05.1234567"), "timestamp", "2024-01-02 03:04:05.123457", false),
        (text("1969-12-31"), "date", "1969-12-31", true),
        (text("{\"b\":1.0,\"a\":\"\\u00e9\"}"), "jsonb", "{\"a\": \"é\", \"b\": 1}", true),
        (text("[1]"), "jsonb", "[1, 1]", false),
        (text("9007199254740993"), "jsonb", "9007199254740992", false),
        (text("7D444840-9DC0-11D1-B245-5FFDCE74FAD2"), "uuid", "7d444840-9dc0-11d1-b245-5ffdce74fad2", true),
        (Cell::Integer(2), "bool", "t", false),
        (Cell::Blob(vec![0, 255]), "bytea", "\\x00ff", true),
        (Cell::Blob(vec![0, 255]), "bytea", "\\x00fe", false),
    ] {
        assert_eq!(same(&cell, &sense(kind), Some(target)), equal, "{cell:?} {kind} {target}");
    }
    assert!(!same(&text(""), &sense("text"), None));
    assert!(!same(&Cell::Null, &sense("text"), Some("")));
    assert!(same(&Cell::Null, &sense("int8"), None));
    assert_eq!(time_of("timestamp", "1970-01-01 00:00:01"), Some(1_000_000));
    assert_eq!(time_of("date", "0001-01-01"), Some(-719_162));
}
