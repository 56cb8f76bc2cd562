//! The types that a column may take, best first, from what is declared and what a person chose; no value is looked at.

use crate::port::options::{ColumnMatch, Nocase, Options};
use crate::schema::{Column, Table};
use crate::value::{PgType, Reading, TimeNumber};

use crate::patterns::fits;

/// A type that a column may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The type.
    pub pg_type: PgType,
    /// How values are read.
    pub reading: Reading,
    /// It is taken only where every value is a number from the first to below the second.
    pub numbers_within: Option<(i64, i64)>,
    /// How many digits of a second the target's column keeps, where that is fewer than six.
    pub fraction_digits: Option<u8>,
}

/// The type that a target's column has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetType {
    /// The type.
    pub pg_type: PgType,
    /// How many digits of a second it keeps, where that is fewer than six: the server rounds what has more.
    pub fraction_digits: Option<u8>,
}

/// The types that a column may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// Best first; never empty.
    pub list: Vec<Candidate>,
    /// What they come from.
    pub origin: Origin,
    /// Which of them is taken where there is no value to go by.
    pub when_empty: usize,
}

/// What a column's candidates come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The declared type, which the first candidate stands for.
    Declared,
    /// The values' storage classes alone: nothing is declared that one type would stand for.
    Storage,
    /// It is another name of the rowid, and so always an integer.
    Rowid,
    /// A person chose it: it is this or nothing.
    Rule,
    /// The target has it so: it is this or nothing.
    Target,
}

impl Origin {
    /// Whether there is one type alone, whatever the values are.
    #[must_use]
    pub fn is_forced(self) -> bool {
        matches!(self, Self::Rule | Self::Target)
    }
}

impl Candidate {
    /// A type without a condition.
    #[must_use]
    pub fn new(pg_type: PgType, reading: Reading) -> Self {
        Self { pg_type, reading, numbers_within: None, fraction_digits: None }
    }

    /// Whether it is text of one kind or another.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self.pg_type, PgType::Text | PgType::Citext | PgType::Varchar(None))
    }
}

/// The types that `column` may take; `target` is the type that the target's column has already.
#[must_use]
pub fn of_column(table: &Table, column: &Column, options: &Options, target: Option<&TargetType>) -> Candidates {
    let rule = options.types.iter().find(|rule| rule_fits(&rule.columns, table, column));
    let mut reading = rule.map(|rule| rule.reading).unwrap_or_default();
    if rule.is_none() {
        let own = options.bad_texts.iter().find(|(columns, _)| rule_fits(columns, table, column));
        reading.bad_text = own.map_or(options.bad_text, |(_, bad_text)| *bad_text);
    }
    if let Some(there) = target {
        return target_readings(there, reading);
    }
    if let Some(rule) = rule {
        return alone(rule.to.clone(), reading, Origin::Rule);
    }
    if table.rowid_alias().is_some_and(|alias| alias == column.name) {
        return alone(PgType::Int8, reading, Origin::Rowid);
    }
    let meant = Meant::of(&column.declared);
    let nocase = column.collation.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("NOCASE"));
    let text = if nocase && options.nocase == Nocase::Citext { PgType::Citext } else { PgType::Text };
    let mut list: Vec<Candidate> =
        meant.types(options).into_iter().map(|pg_type| Candidate::new(pg_type, reading)).collect();
    if let Meant::Timestamp { .. } = meant {
        list.extend(EPOCHS.iter().map(|(numbers, per_second)| epoch(*numbers, *per_second, reading)));
        list.extend([PgType::Int8, PgType::Float8].map(|pg_type| Candidate::new(pg_type, reading)));
    }
    if matches!(meant, Meant::Date | Meant::Time) {
        list.extend([PgType::Int8, PgType::Float8].map(|pg_type| Candidate::new(pg_type, reading)));
    }
    if meant.takes_numbers() && !list.iter().any(|candidate| candidate.pg_type == PgType::Numeric(None)) {
        list.push(Candidate::new(PgType::Numeric(None), reading));
    }
    list.push(Candidate::new(text, reading));
    list.push(Candidate::new(PgType::Bytea, reading));
    let (origin, when_empty) = match meant {
        Meant::Storage { bytes: true } => (Origin::Storage, list.len() - 1),
        Meant::Storage { bytes: false } => (Origin::Storage, list.len() - 2),
        _ => (Origin::Declared, 0),
    };
    Candidates { list, origin, when_empty }
}

fn alone(pg_type: PgType, reading: Reading, origin: Origin) -> Candidates {
    Candidates { list: vec![Candidate::new(pg_type, reading)], origin, when_empty: 0 }
}

/// A column of times that is there already takes numbers too, where all of them are times in one unit.
fn target_readings(there: &TargetType, reading: Reading) -> Candidates {
    let TargetType { pg_type, fraction_digits } = there.clone();
    let mut list = vec![Candidate { fraction_digits, ..Candidate::new(pg_type.clone(), reading) }];
    if reading.numbers.is_none() && matches!(pg_type, PgType::Timestamp | PgType::Timestamptz) {
        list.extend(EPOCHS.iter().map(|(numbers, per_second)| Candidate {
            pg_type: pg_type.clone(),
            fraction_digits,
            ..epoch(*numbers, *per_second, reading)
        }));
    }
    Candidates { list, origin: Origin::Target, when_empty: 0 }
}

/// The units in which numbers are tried as times; their ranges do not overlap.
const EPOCHS: [(TimeNumber, i64); 3] =
    [(TimeNumber::Seconds, 1), (TimeNumber::Milliseconds, 1_000), (TimeNumber::Microseconds, 1_000_000)];

/// 1980-01-01 and 2100-01-01, in seconds since 1970.
const LIKELY_TIMES: (i64, i64) = (315_532_800, 4_102_444_800);

fn epoch(numbers: TimeNumber, per_second: i64, reading: Reading) -> Candidate {
    Candidate {
        pg_type: PgType::Timestamptz,
        reading: Reading { numbers: Some(numbers), ..reading },
        numbers_within: Some((LIKELY_TIMES.0 * per_second, LIKELY_TIMES.1 * per_second)),
        fraction_digits: None,
    }
}

/// What a declared type means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Integer,
    Float,
    Numeric(Option<(u16, i16)>),
    Bool,
    Timestamp {
        zoned: bool,
    },
    Date,
    Time,
    Json,
    Uuid,
    Chars(Option<u32>),
    Text,
    /// By storage class; where there is no value, bytes or text.
    Storage {
        bytes: bool,
    },
}

impl Meant {
    fn of(declared: &str) -> Self {
        let (name, arguments) = split_arguments(declared);
        let has = |word: &str| name.contains(word);
        match name.as_str() {
            "" | "ANY" => Self::Storage { bytes: false },
            "UUID" | "GUID" | "UNIQUEIDENTIFIER" => Self::Uuid,
            "JSON" | "JSONB" => Self::Json,
            "DATE" => Self::Date,
            "TIME" | "TIME WITHOUT TIME ZONE" => Self::Time,
            _ if has("DATETIME") || has("TIMESTAMP") => {
                Self::Timestamp { zoned: has("TIMESTAMPTZ") || has("WITH TIME ZONE") || has("DATETIMEOFFSET") }
            }
            _ if name.starts_with("BOOL") => Self::Bool,
            _ if has("INT") => Self::Integer,
            _ if has("CLOB") || has("TEXT") || has("STRING") => Self::Text,
            _ if has("CHAR") => Self::Chars(match arguments[..] {
                // the longest that PostgreSQL takes
                [length] if (1..=10_485_760).contains(&length) => u32::try_from(length).ok(),
                _ => None,
            }),
            _ if has("BLOB") || has("BINARY") || has("BYTEA") => Self::Storage { bytes: true },
            _ if has("REAL") || has("FLOA") || has("DOUB") => Self::Float,
            _ if name.starts_with("DEC") || name.starts_with("NUM") => Self::Numeric(match arguments[..] {
                [precision] => numeric(precision, 0),
                [precision, scale] => numeric(precision, scale),
                _ => None,
            }),
            _ => Self::Storage { bytes: false },
        }
    }

    /// The types that stand for it, best first.
    fn types(self, options: &Options) -> Vec<PgType> {
        match self {
            Self::Integer if options.int4 => vec![PgType::Int4, PgType::Int8],
            Self::Integer => vec![PgType::Int8],
            Self::Float => vec![PgType::Float8],
            Self::Numeric(Some(size)) => vec![PgType::Numeric(Some(size)), PgType::Numeric(None)],
            Self::Numeric(None) => vec![PgType::Numeric(None)],
            Self::Bool => vec![PgType::Bool, PgType::Int8],
            Self::Timestamp { zoned: false } => vec![PgType::Timestamp, PgType::Timestamptz],
            Self::Timestamp { zoned: true } => vec![PgType::Timestamptz, PgType::Timestamp],
            Self::Date => vec![PgType::Date],
            Self::Time => vec![PgType::Time],
            Self::Json => vec![PgType::Jsonb],
            Self::Uuid => vec![PgType::Uuid],
            Self::Chars(Some(length)) if options.keep_length => vec![PgType::Varchar(Some(length))],
            Self::Chars(_) | Self::Text => Vec::new(),
            Self::Storage { .. } => vec![PgType::Int8, PgType::Float8],
        }
    }

    fn takes_numbers(self) -> bool {
        !matches!(self, Self::Json | Self::Uuid | Self::Chars(_) | Self::Text)
    }
}

fn numeric(precision: i64, scale: i64) -> Option<(u16, i16)> {
    // more digits than numeric(p) takes, or a scale beyond the precision, can't be declared in every PostgreSQL
    let fits = (1..=1000).contains(&precision) && (0..=precision).contains(&scale);
    Some((u16::try_from(precision).ok()?, i16::try_from(scale).ok()?)).filter(|_| fits)
}

/// `Decimal ( 10, 2 )` → `DECIMAL`, `[10, 2]`; the words between single spaces.
fn split_arguments(declared: &str) -> (String, Vec<i64>) {
    let upper = declared.to_ascii_uppercase();
    let (name, rest) = upper.split_once('(').unwrap_or((&upper, ""));
    let (inner, after) = rest.split_once(')').unwrap_or((rest, ""));
    let words: Vec<&str> = name.split_whitespace().chain(after.split_whitespace()).collect();
    (words.join(" "), inner.split(',').filter_map(|argument| argument.trim().parse().ok()).collect())
}

/// Whether a rule for `columns` is for that column.
pub(super) fn rule_fits(columns: &ColumnMatch, table: &Table, column: &Column) -> bool {
    match columns {
        ColumnMatch::Declared(declared) => {
            let (rule, rule_arguments) = split_arguments(declared);
            let (name, arguments) = split_arguments(&column.declared);
            rule == name && (!declared.contains('(') || rule_arguments == arguments)
        }
        // a name may have dots of its own: each of them is tried as the one between
        ColumnMatch::Column(pattern) => pattern
            .match_indices('.')
            .any(|(dot, _)| fits(&pattern[..dot], &table.name) && fits(&pattern[dot + 1..], &column.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::options::TypeRule;

    fn column(declared: &str) -> Column {
        Column { name: "v".to_owned(), declared: declared.to_owned(), ..Column::default() }
    }

    fn candidates(declared: &str, options: &Options) -> String {
        let table = Table { name: "t".to_owned(), ..Table::default() };
        let found = of_column(&table, &column(declared), options, None);
        let names = found.list.iter().map(|candidate| match candidate.reading.numbers {
            Some(numbers) => format!("{}:{numbers:?}", candidate.pg_type),
            None => candidate.pg_type.to_string(),
        });
        names.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_declared_type_leads_to_its_candidates() {
        let epochs = "timestamptz:Seconds, timestamptz:Milliseconds, timestamptz:Microseconds";
        for (declared, expected) in [
            ("INTEGER", "bigint, numeric, text, bytea".to_owned()),
            ("unsigned big int", "bigint, numeric, text, bytea".to_owned()),
            ("double precision", "double precision, numeric, text, bytea".to_owned()),
            ("Decimal (10, 2)", "numeric(10,2), numeric, text, bytea".to_owned()),
            ("NUMERIC(5)", "numeric(5,0), numeric, text, bytea".to_owned()),
            ("NUMERIC(2,5)", "numeric, text, bytea".to_owned()),
            ("boolean", "boolean, bigint, numeric, text, bytea".to_owned()),
            ("DATETIME", format!("timestamp, timestamptz, {epochs}, bigint, double precision, numeric, text, bytea")),
            (
                "timestamp(3) with time zone",
                format!("timestamptz, timestamp, {epochs}, bigint, double precision, numeric, text, bytea"),
            ),
            ("DATE", "date, bigint, double precision, numeric, text, bytea".to_owned()),
            ("time", "time, bigint, double precision, numeric, text, bytea".to_owned()),
            ("json", "jsonb, text, bytea".to_owned()),
            ("GUID", "uuid, text, bytea".to_owned()),
            ("VARCHAR(20)", "text, bytea".to_owned()),
            ("STRING", "text, bytea".to_owned()),
            ("", "bigint, double precision, numeric, text, bytea".to_owned()),
            ("BLOB", "bigint, double precision, numeric, text, bytea".to_owned()),
        ] {
            assert_eq!(candidates(declared, &Options::default()), expected, "{declared}");
        }
        let narrow = Options { int4: true, keep_length: true, ..Options::default() };
        assert_eq!(candidates("int", &narrow), "integer, bigint, numeric, text, bytea");
        assert_eq!(candidates("nvarchar(5)", &narrow), "character varying(5), text, bytea");
        assert_eq!(candidates("char(5)", &narrow), "character varying(5), text, bytea");
    }

    #[test]
    fn a_rule_stands_alone_and_the_first_that_fits_wins() {
        let rule = |columns, to| TypeRule { columns, to, reading: Reading::default() };
        let options = Options {
            types: vec![
                rule(ColumnMatch::Declared("varchar(36)".to_owned()), PgType::Uuid),
                rule(ColumnMatch::Column("T.?".to_owned()), PgType::Json),
                rule(ColumnMatch::Declared("VARCHAR".to_owned()), PgType::Bytea),
            ],
            ..Options::default()
        };
        assert_eq!(candidates("VarChar( 36 )", &options), "uuid");
        assert_eq!(candidates("VARCHAR(35)", &options), "json");
    }

    #[test]
    fn without_values_a_column_is_what_is_declared() {
        let table = Table::default();
        for (declared, expected) in
            [("", PgType::Text), ("BLOB", PgType::Bytea), ("INT", PgType::Int8), ("DATETIME", PgType::Timestamp)]
        {
            let found = of_column(&table, &column(declared), &Options::default(), None);
            assert_eq!(found.list[found.when_empty].pg_type, expected, "{declared}");
        }
    }
}
