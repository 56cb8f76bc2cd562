//! A piece of PostgreSQL text with all that SQLite's rules ask of it: kind of value, affinity, collation, literal.

use super::Untranslatable;
use super::scope::ScopeColumn;
use crate::Dialect;
use crate::schema::Affinity;
use crate::value::{PgType, TimeNumber};

pub(super) type Result<T, E = Untranslatable> = std::result::Result<T, E>;

/// What an expression gives in SQLite, as far as that is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// NULL itself.
    Null,
    /// 0 or 1, a `boolean` in PostgreSQL.
    Truth,
    /// Integers.
    Int,
    /// Floating-point numbers.
    Real,
    /// Integers and floating-point numbers; `numeric` or `double precision` in PostgreSQL.
    Number,
    /// Text.
    Text,
    /// Text and numbers, all `text` in PostgreSQL.
    Mixed,
    /// Bytes.
    Bytes,
    /// Text in SQLite, a date, time or timestamp in PostgreSQL.
    Moment,
    /// Text in SQLite, a `uuid` in PostgreSQL.
    Uuid,
    /// Text in SQLite, `json` or `jsonb` in PostgreSQL.
    Json,
    /// Whatever stands at a path in a JSON document; `jsonb` in PostgreSQL.
    Extracted,
    /// Values whose form in SQLite can't be told from the one in PostgreSQL.
    Opaque,
}

/// A literal's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Int(i64),
    Real(f64),
    Text(String),
    Blob,
}

/// By what text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collation {
    Binary,
    Nocase,
    Rtrim,
    /// One that the application defines.
    Foreign,
}

/// A piece of PostgreSQL text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Typed {
    /// The text: an operand as it is, never needing parentheses around it.
    pub sql: String,
    pub kind: Kind,
    /// The type in PostgreSQL.
    pub pg: PgType,
    /// The affinity that SQLite gives the expression; only columns and casts have one.
    pub affinity: Option<Affinity>,
    /// The collation that a column brings, or that was asked for (then `explicit`).
    pub collation: Option<Collation>,
    pub explicit: bool,
    pub literal: Option<Literal>,
    /// A format of `to_char` that gives the text of SQLite (see [`ScopeColumn::spelling`]).
    pub spelling: Option<String>,
    /// May hold REAL values where the kind is [`Kind::Mixed`].
    pub reals: bool,
    /// Text that never looks like a number (what `datetime()` gives).
    pub wordy: bool,
    /// A column itself, not what was made of it.
    pub plain: bool,
    pub not_null: bool,
}

impl Collation {
    pub fn named(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "BINARY" => Self::Binary,
            "NOCASE" => Self::Nocase,
            "RTRIM" => Self::Rtrim,
            _ => Self::Foreign,
        }
    }
}

impl Typed {
    pub fn new(sql: impl Into<String>, kind: Kind, pg: PgType) -> Self {
        Self {
            sql: sql.into(),
            kind,
            pg,
            affinity: None,
            collation: None,
            explicit: false,
            literal: None,
            spelling: None,
            reals: false,
            wordy: false,
            plain: false,
            not_null: false,
        }
    }

    pub fn truth_value(sql: impl Into<String>) -> Self {
        Self::new(sql, Kind::Truth, PgType::Bool)
    }

    pub fn int(sql: impl Into<String>) -> Self {
        Self::new(sql, Kind::Int, PgType::Int8)
    }

    /// An integer of four bytes, as PostgreSQL's own functions give it.
    pub fn int4(sql: impl Into<String>) -> Self {
        Self::new(sql, Kind::Int, PgType::Int4)
    }

    pub fn real(sql: impl Into<String>) -> Self {
        Self::new(sql, Kind::Real, PgType::Float8)
    }

    pub fn text(sql: impl Into<String>) -> Self {
        Self::new(sql, Kind::Text, PgType::Text)
    }

    pub fn null() -> Self {
        Self::new("NULL", Kind::Null, PgType::Text)
    }

    pub fn literal_int(value: i64) -> Self {
        // the smallest has no literal of its own: its digits without the sign are out of range
        let sql = if value == i64::MIN {
            "(-9223372036854775807 - 1)".to_owned()
        } else if value < 0 {
            format!("({value})")
        } else {
            value.to_string()
        };
        let pg = if i32::try_from(value).is_ok() { PgType::Int4 } else { PgType::Int8 };
        Self { literal: Some(Literal::Int(value)), not_null: true, ..Self::new(sql, Kind::Int, pg) }
    }

    pub fn literal_real(value: f64) -> Self {
        let sql = if value.is_infinite() {
            format!("'{}Infinity'::float8", if value < 0.0 { "-" } else { "" })
        } else {
            let digits = format!("{value:?}");
            if value.is_sign_negative() { format!("({digits})") } else { digits }
        };
        let pg = if value.is_infinite() { PgType::Float8 } else { PgType::Numeric(None) };
        Self { literal: Some(Literal::Real(value)), not_null: true, ..Self::new(sql, Kind::Real, pg) }
    }

    pub fn literal_text(value: &str) -> Self {
        let literal = Some(Literal::Text(value.to_owned()));
        Self { literal, not_null: true, ..Self::text(Dialect::Postgres.literal(value)) }
    }

    pub fn literal_blob(bytes: &[u8]) -> Self {
        let digits = crate::words::hex(bytes);
        let sql = format!("decode('{digits}', 'hex')");
        Self { literal: Some(Literal::Blob), not_null: true, ..Self::new(sql, Kind::Bytes, PgType::Bytea) }
    }

    /// A reference to a column.
    pub fn column(prefix: Option<&str>, column: &ScopeColumn) -> Self {
        let name = Dialect::Postgres.quote_identifier(&column.target);
        let sql = prefix.map_or_else(|| name.clone(), |prefix| format!("{prefix}.{name}"));
        let mut pg = &column.pg_type;
        while let PgType::Domain { over, .. } = pg {
            pg = over;
        }
        let classes = column.classes;
        let (only_numbers, only_texts) =
            (!classes.texts && !classes.blobs, !classes.integers && !classes.reals && !classes.blobs);
        let kind = match pg {
            PgType::Bool if only_numbers && !classes.reals && column.spelling.is_none() => Kind::Truth,
            PgType::Int2 | PgType::Int4 | PgType::Int8 if only_numbers && !classes.reals => Kind::Int,
            PgType::Float4 | PgType::Float8 if only_numbers && !classes.integers => Kind::Real,
            PgType::Float4 | PgType::Float8 | PgType::Numeric(_) if only_numbers => Kind::Number,
            PgType::Text | PgType::Varchar(_) | PgType::Citext if only_texts => Kind::Text,
            PgType::Text | PgType::Varchar(_) if !classes.blobs => Kind::Mixed,
            PgType::Bytea if classes.blobs && !classes.texts && !classes.integers && !classes.reals => Kind::Bytes,
            PgType::Timestamptz if only_numbers && !classes.reals => return Self::epoch(&sql, column),
            PgType::Date | PgType::Time | PgType::Timestamp | PgType::Timestamptz if only_texts => Kind::Moment,
            PgType::Uuid if only_texts => Kind::Uuid,
            PgType::Json | PgType::Jsonb if only_texts => Kind::Json,
            PgType::Enum { .. } if only_texts => {
                return Self { affinity: Some(column.affinity), ..Self::text(format!("{sql}::text")) };
            }
            _ => Kind::Opaque,
        };
        Self {
            affinity: Some(column.affinity),
            // BINARY counts too: on the left it comes before what the right column brings
            collation: Some(column.collation.as_deref().map_or(Collation::Binary, Collation::named)),
            spelling: column.spelling.clone(),
            reals: classes.reals,
            plain: true,
            not_null: column.not_null,
            ..Self::new(sql, kind, pg.clone())
        }
    }

    /// The number that a column of times was in SQLite.
    fn epoch(sql: &str, column: &ScopeColumn) -> Self {
        let factor = match column.reading.numbers {
            Some(TimeNumber::Seconds) => "",
            Some(TimeNumber::Milliseconds) => " * 1000",
            Some(TimeNumber::Microseconds) => " * 1000000",
            Some(TimeNumber::Julian) | None => {
                return Self { plain: true, ..Self::new(sql, Kind::Opaque, column.pg_type.clone()) };
            }
        };
        Self {
            affinity: Some(column.affinity),
            not_null: column.not_null,
            ..Self::int(format!("(extract(epoch FROM {sql}){factor})::bigint"))
        }
    }

    /// The expression as a condition.
    pub fn truth(&self) -> Result<String> {
        match (&self.kind, &self.literal) {
            (Kind::Null, _) => Ok("NULL::boolean".to_owned()),
            (Kind::Truth, _) => Ok(self.sql.clone()),
            (_, Some(Literal::Int(value))) => Ok((*value != 0).to_string()),
            (Kind::Int | Kind::Real | Kind::Number, _) => Ok(format!("({} <> 0)", self.sql)),
            _ => Err(Untranslatable::new(format!("{} as a condition (it is no number)", self.shown()))),
        }
    }

    /// The expression as a value that can be selected, stored, passed on: a truth that no boolean column holds is 0 or 1.
    pub fn output(&self) -> Self {
        match self.kind {
            Kind::Truth if !self.plain => Self::int4(format!("{}::integer", self.sql)),
            Kind::Real if self.pg != PgType::Float8 && self.pg != PgType::Float4 => Self::real(self.float()),
            _ => self.clone(),
        }
    }

    /// The expression as a number of SQLite's: a truth as 0 or 1.
    pub fn number(&self) -> Result<Self> {
        match self.kind {
            Kind::Truth if matches!(self.literal, Some(Literal::Int(_))) => {
                Ok(Self::literal_int(i64::from(self.literal == Some(Literal::Int(1)))))
            }
            Kind::Truth => Ok(Self { affinity: self.affinity, ..Self::int4(format!("{}::integer", self.sql)) }),
            Kind::Int | Kind::Real | Kind::Number => Ok(self.clone()),
            _ => Err(Untranslatable::new(format!("arithmetic on {} (it is no number)", self.shown()))),
        }
    }

    /// A number as `double precision`.
    pub fn float(&self) -> String {
        if matches!(self.pg, PgType::Float8) { self.sql.clone() } else { format!("{}::float8", self.sql) }
    }

    /// An integer as `bigint`.
    pub fn wide(&self) -> String {
        if matches!(self.pg, PgType::Int8) { self.sql.clone() } else { format!("{}::bigint", self.sql) }
    }

    /// The expression as the text that SQLite makes of it. The flag says that PostgreSQL's text is not immutable.
    pub fn as_text(&self) -> Result<(String, bool)> {
        let unknown = |why: &str| Err(Untranslatable::new(format!("the text of {} ({why})", self.shown())));
        match self.kind {
            Kind::Null => Ok(("NULL::text".to_owned(), false)),
            Kind::Text if matches!(self.pg, PgType::Citext) => Ok((format!("{}::text", self.sql), false)),
            Kind::Text => Ok((self.sql.clone(), false)),
            Kind::Mixed if !self.reals => Ok((self.sql.clone(), false)),
            Kind::Int if matches!(self.pg, PgType::Numeric(_)) => Ok((format!("{}::bigint::text", self.sql), false)),
            Kind::Int => match &self.literal {
                Some(Literal::Int(value)) => Ok((format!("'{value}'"), false)),
                _ => Ok((format!("{}::text", self.sql), false)),
            },
            Kind::Truth => Ok((format!("{}::integer::text", self.sql), false)),
            Kind::Uuid if self.spelling.is_some() => Ok((format!("{}::text", self.sql), false)),
            Kind::Json if self.pg == PgType::Json => Ok((format!("{}::text", self.sql), false)),
            Kind::Moment => match &self.spelling {
                Some(format) => {
                    let sql = match self.pg {
                        PgType::Timestamptz => format!("({} AT TIME ZONE 'UTC')", self.sql),
                        PgType::Time => format!("('2000-01-01'::date + {})", self.sql),
                        _ => self.sql.clone(),
                    };
                    let text = format!("to_char({sql}, {})", Dialect::Postgres.literal(format));
                    // a fraction is spelled without the zeros at its end
                    let text = if format.ends_with(".US") { format!("rtrim(rtrim({text}, '0'), '.')") } else { text };
                    Ok((text, true))
                }
                None => unknown("its values are not all spelled alike in SQLite"),
            },
            Kind::Extracted => Ok((super::json::scalar_text(&self.sql), false)),
            Kind::Real | Kind::Number => match &self.literal {
                Some(Literal::Real(value)) => match super::numbers::real_text(*value) {
                    Some(text) => Ok((Dialect::Postgres.literal(&text), false)),
                    None => unknown("the databases print fractions differently"),
                },
                _ => unknown("the databases print fractions differently"),
            },
            Kind::Mixed => unknown("it holds fractions, which the databases print differently"),
            Kind::Json => unknown("`jsonb` does not keep the text of a document"),
            Kind::Uuid => unknown("its values are not all spelled alike in SQLite"),
            Kind::Opaque if let Some((yes, no)) = self.words() => {
                let text = |word: &str| Dialect::Postgres.literal(word);
                Ok((format!("CASE {} WHEN true THEN {} WHEN false THEN {} END", self.sql, text(yes), text(no)), false))
            }
            Kind::Bytes | Kind::Opaque => unknown("its values have another form in PostgreSQL"),
        }
    }

    /// The texts that stand for true and false in SQLite, where it is a boolean in PostgreSQL for these.
    pub fn words(&self) -> Option<(&str, &str)> {
        let spelled = self.kind == Kind::Opaque && self.pg == PgType::Bool;
        self.spelling.as_deref().filter(|_| spelled)?.split_once('/')
    }

    /// For messages: the column, or what it is.
    pub fn shown(&self) -> String {
        match self.kind {
            _ if self.plain => format!("`{}`", self.sql.replace('"', "")),
            Kind::Null => "NULL".to_owned(),
            Kind::Text | Kind::Moment | Kind::Uuid | Kind::Json => "a text".to_owned(),
            Kind::Int | Kind::Real | Kind::Number => "a number".to_owned(),
            Kind::Bytes => "a blob".to_owned(),
            Kind::Extracted => "a JSON document's part".to_owned(),
            Kind::Mixed | Kind::Opaque | Kind::Truth => "an expression".to_owned(),
        }
    }

    pub fn numeric_affinity(&self) -> bool {
        matches!(self.affinity, Some(Affinity::Integer | Affinity::Real | Affinity::Numeric))
    }
}
