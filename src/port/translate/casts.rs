//! CAST, and what a column's type makes of an expression that is stored in it.

use super::Untranslatable;
use super::expr::Translator;
use super::typed::{Kind, Literal, Result, Typed};
use crate::Dialect;
use crate::schema::Affinity;
use crate::value::PgType;

/// SQLite's affinity of a declared type (<https://www.sqlite.org/datatype3.html>, 3.1).
pub(super) fn affinity(declared: &str) -> Affinity {
    let upper = declared.to_ascii_uppercase();
    let has = |word: &str| upper.contains(word);
    if has("INT") {
        Affinity::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Affinity::Text
    } else if has("BLOB") || upper.is_empty() {
        Affinity::Blob
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// `CAST(value AS declared)`.
pub(super) fn cast(t: &mut Translator<'_>, value: &Typed, declared: &str) -> Result<Typed> {
    let to = affinity(declared);
    let refuse = || Err(Untranslatable::new(format!("CAST of {} AS {declared}", value.shown())));
    let typed = match (to, value.kind) {
        (_, Kind::Null) => Typed::null(),
        (Affinity::Text, _) => Typed { collation: value.collation, ..Typed::text(t.text_of(value)?) },
        (Affinity::Integer, Kind::Int) => Typed { literal: value.literal.clone(), ..Typed::int(value.wide()) },
        (Affinity::Integer | Affinity::Numeric, Kind::Truth) => value.number()?,
        (Affinity::Integer, Kind::Real | Kind::Number) => Typed::int(format!("trunc({})::bigint", value.sql)),
        (Affinity::Integer, Kind::Text | Kind::Moment) => Typed::int(leading_integer(&t.text_of(value)?)),
        (Affinity::Real, Kind::Int | Kind::Real | Kind::Number | Kind::Truth) => Typed::real(value.number()?.float()),
        (Affinity::Numeric, Kind::Int) => value.clone(),
        (Affinity::Blob, Kind::Bytes) => value.clone(),
        (Affinity::Blob, Kind::Text) => {
            Typed::new(format!("convert_to({}, 'UTF8')", value.sql), Kind::Bytes, PgType::Bytea)
        }
        _ => return refuse(),
    };
    Ok(Typed { affinity: Some(to), plain: false, explicit: false, ..typed })
}

/// The integer that a text begins with; 0 where there is none. Digits beyond 64 bits are an error, not the largest.
fn leading_integer(text: &str) -> String {
    let digits = format!(r"substring({text} from '^[ \t\n\v\f\r]*([-+]?[0-9]+)')::bigint");
    format!("CASE WHEN {text} IS NOT NULL THEN coalesce({digits}, 0) END")
}

/// An expression as the value of a column of that type.
pub(super) fn assign(value: &Typed, to: &PgType) -> Result<String> {
    use PgType::{
        Bool, Bytea, Citext, Date, Float4, Float8, Int2, Int4, Int8, Json, Jsonb, Numeric, Text, Time, Timestamp,
        Timestamptz, Uuid, Varchar,
    };
    let refuse = || Err(Untranslatable::new(format!("{} in a column of type {to}", value.shown())));
    let bare = |typed: &Typed| typed.sql.clone();
    match (to, value.kind) {
        (_, Kind::Null) => Ok("NULL".to_owned()),
        (PgType::Domain { over, .. }, _) => assign(value, over),
        (Bool, Kind::Truth) => Ok(bare(value)),
        (Bool, Kind::Int) if matches!(value.literal, Some(Literal::Int(0 | 1))) => value.truth(),
        (Int2 | Int4 | Int8, Kind::Int | Kind::Truth) => {
            let number = value.number()?;
            Ok(if &number.pg == to || number.literal.is_some() { number.sql } else { format!("{}::{to}", number.sql) })
        }
        // REAL affinity takes integers in as fractions; a fraction in a column of integers is left as it is
        (Float4 | Float8, Kind::Int | Kind::Truth | Kind::Real | Kind::Number) => Ok(value.number()?.float()),
        (Numeric(_), Kind::Int | Kind::Truth) => Ok(value.number()?.sql),
        (Numeric(_), Kind::Real | Kind::Number) if value.literal.is_some() => Ok(bare(value)),
        (Numeric(_), Kind::Number | Kind::Real) if matches!(value.pg, Numeric(_)) => Ok(bare(value)),
        // the shortest decimal that is this double, as PostgreSQL prints it
        (Numeric(_), Kind::Number | Kind::Real) => Ok(format!("{}::text::numeric", value.float())),
        (Text | Varchar(_) | Citext, _) => {
            value.as_text().and_then(|(sql, stable)| if stable { refuse() } else { Ok(sql) })
        }
        (Bytea, Kind::Bytes) => Ok(bare(value)),
        (Date | Time | Timestamp | Timestamptz, Kind::Moment) if value.pg == *to => Ok(bare(value)),
        (Json | Jsonb, Kind::Json) if value.pg == *to => Ok(bare(value)),
        (Json | Jsonb, Kind::Extracted) => Ok(format!("{}::{to}", super::json::without_null(&value.sql))),
        (Uuid, Kind::Uuid) => Ok(bare(value)),
        (Date | Time | Timestamp | Uuid | Json | Jsonb, Kind::Text) => match &value.literal {
            Some(Literal::Text(text)) => Ok(format!("{}::{to}", Dialect::Postgres.literal(text))),
            _ => refuse(),
        },
        _ => refuse(),
    }
}
