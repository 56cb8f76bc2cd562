//! The section `port:` of liftlock.yaml: what shapes a port from SQLite to PostgreSQL.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::file::ConfigFile;
use super::section::Reader;
use super::value::{Place, Text, parse_bool, parse_count, parse_text};
use super::{ConfigError, Environment, Problem};
use crate::value::{BadText, PgType, TimeNumber};

/// What liftlock.yaml says of ports, as it was written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct PortSection {
    schema: Option<Text>,
    #[serde(default)]
    include: Option<Vec<Text>>,
    #[serde(default)]
    exclude: Option<Vec<Text>>,
    names: Option<Text>,
    #[serde(default)]
    rename: Option<BTreeMap<String, Text>>,
    #[serde(default)]
    types: Option<Vec<Entry>>,
    int4: Option<Text>,
    keep_length: Option<Text>,
    nocase: Option<Text>,
    bad_text: Option<Text>,
    #[serde(default)]
    accept: Option<Vec<Text>>,
    jobs: Option<Text>,
    batch_rows: Option<Text>,
}

/// One of `types:`, and where it begins.
struct Entry {
    place: Place,
    keys: EntryKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryKeys {
    column: Option<Text>,
    declared: Option<Text>,
    to: Option<Text>,
    numbers: Option<Text>,
    bad_text: Option<Text>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Spanned::<EntryKeys>::deserialize(deserializer)?;
        Ok(Self { place: Place::of(keys.defined), keys: keys.value })
    }
}

/// What liftlock.yaml says of ports; what it doesn't say is `None`, or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortSettings {
    /// The schema in PostgreSQL that takes the tables.
    pub schema: Option<String>,
    /// Only tables and views whose name fits one of these patterns.
    pub include: Vec<String>,
    /// No tables or views whose name fits one of these patterns.
    pub exclude: Vec<String>,
    /// How names are written.
    pub names: Option<PortNames>,
    /// New names: `table` or `table.column` → the name in PostgreSQL.
    pub rename: BTreeMap<String, String>,
    /// Types and readings of columns; the first that fits wins.
    pub types: Vec<PortType>,
    /// `integer` where all values fit.
    pub int4: bool,
    /// `varchar(n)` where all values fit.
    pub keep_length: bool,
    /// What becomes of `COLLATE NOCASE`.
    pub nocase: Option<PortNocase>,
    /// What becomes of text that PostgreSQL can't hold.
    pub bad_text: Option<BadText>,
    /// Findings that are accepted.
    pub accept: Vec<String>,
    /// How many connections work at once; at least 1.
    pub jobs: Option<usize>,
    /// How many rows go into one transaction at most; at least 1.
    pub batch_rows: Option<u64>,
}

/// How names are written in PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortNames {
    /// As they are.
    Keep,
    /// In lower case.
    Lowercase,
    /// `OrderDetails` → `order_details`.
    SnakeCase,
}

/// What becomes of `COLLATE NOCASE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortNocase {
    /// `text` with an index on `lower(…)`.
    LowerIndex,
    /// The extension `citext`.
    Citext,
    /// A nondeterministic ICU collation.
    Icu,
}

/// What is chosen for some columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortType {
    /// Which columns.
    pub columns: PortColumns,
    /// The type; `None` where only the reading is chosen.
    pub to: Option<PgType>,
    /// What a number means in a column of times.
    pub numbers: Option<TimeNumber>,
    /// What becomes of text that PostgreSQL can't hold.
    pub bad_text: Option<BadText>,
}

/// Which columns are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortColumns {
    /// `table.column`, with `*` and `?`.
    Named(String),
    /// Those of a declared type.
    Declared(String),
}

impl PortSection {
    /// The section with its variables replaced.
    pub(super) fn resolve(&self, file: &ConfigFile, environment: &Environment) -> Result<PortSettings, ConfigError> {
        Reader { file, environment, only_fixed: false }.settings(self)
    }

    /// Finds what is wrong with values that don't depend on the environment.
    pub(super) fn check(&self, file: &ConfigFile) -> Result<(), ConfigError> {
        Reader { file, environment: &Environment::default(), only_fixed: true }.settings(self).map(drop)
    }
}

impl Reader<'_> {
    fn settings(&self, section: &PortSection) -> Result<PortSettings, ConfigError> {
        let mut rename = BTreeMap::new();
        for (old, new) in section.rename.iter().flatten() {
            if let Some(new) = self.value(Some(new), parse_text)? {
                rename.insert(old.clone(), new);
            }
        }
        let entries = section.types.iter().flatten().map(|entry| self.entry(entry));
        Ok(PortSettings {
            schema: self.value(section.schema.as_ref(), parse_text)?,
            include: self.list(section.include.as_deref())?,
            exclude: self.list(section.exclude.as_deref())?,
            names: self.value(section.names.as_ref(), parse_names)?,
            rename,
            types: entries.filter_map(Result::transpose).collect::<Result<_, _>>()?,
            int4: self.value(section.int4.as_ref(), parse_bool)?.unwrap_or(false),
            keep_length: self.value(section.keep_length.as_ref(), parse_bool)?.unwrap_or(false),
            nocase: self.value(section.nocase.as_ref(), parse_nocase)?,
            bad_text: self.value(section.bad_text.as_ref(), parse_bad_text)?,
            accept: self.list(section.accept.as_deref())?,
            jobs: self.value(section.jobs.as_ref(), parse_number)?.map(|jobs| jobs as usize),
            batch_rows: self.value(section.batch_rows.as_ref(), parse_number)?.map(u64::from),
        })
    }

    /// `None` where what says which columns are meant depends on the environment, and that is passed over.
    fn entry(&self, entry: &Entry) -> Result<Option<PortType>, ConfigError> {
        let EntryKeys { column, declared, to, numbers, bad_text } = &entry.keys;
        let wrong = |what: &str| self.wrong(entry.place, what);
        let columns = match (column, declared) {
            (Some(column), None) => self.value(Some(column), parse_column)?.map(PortColumns::Named),
            (None, Some(declared)) => self.value(Some(declared), parse_text)?.map(PortColumns::Declared),
            _ => return Err(wrong("an entry is for `column` or for `declared`, one of them")),
        };
        match (to, numbers, bad_text) {
            (None, Some(_), _) => return Err(wrong("`numbers` needs `to`, the type of the times")),
            (None, None, None) => return Err(wrong("an entry needs `to`, or `bad_text`, or both")),
            _ => {}
        }
        let chosen = (
            self.value(to.as_ref(), parse_type)?,
            self.value(numbers.as_ref(), parse_time_number)?,
            self.value(bad_text.as_ref(), parse_bad_text)?,
        );
        let (to, numbers, bad_text) = chosen;
        Ok(columns.map(|columns| PortType { columns, to, numbers, bad_text }))
    }
}

fn parse_names(text: &str) -> Result<PortNames, Problem> {
    match text.trim() {
        "keep" => Ok(PortNames::Keep),
        "lowercase" => Ok(PortNames::Lowercase),
        "snake-case" => Ok(PortNames::SnakeCase),
        _ => Err(Problem::Expected("`keep`, `lowercase` or `snake-case`")),
    }
}

fn parse_nocase(text: &str) -> Result<PortNocase, Problem> {
    match text.trim() {
        "lower-index" => Ok(PortNocase::LowerIndex),
        "citext" => Ok(PortNocase::Citext),
        "icu" => Ok(PortNocase::Icu),
        _ => Err(Problem::Expected("`lower-index`, `citext` or `icu`")),
    }
}

fn parse_bad_text(text: &str) -> Result<BadText, Problem> {
    match text.trim() {
        "refuse" => Ok(BadText::Refuse),
        "strip" => Ok(BadText::Strip),
        "escape" => Ok(BadText::Escape),
        _ => Err(Problem::Expected("`refuse`, `strip` or `escape`")),
    }
}

/// What a number of a time's means.
pub(super) fn parse_time_number(text: &str) -> Result<TimeNumber, Problem> {
    match text.trim() {
        "seconds" => Ok(TimeNumber::Seconds),
        "milliseconds" => Ok(TimeNumber::Milliseconds),
        "microseconds" => Ok(TimeNumber::Microseconds),
        "julian" => Ok(TimeNumber::Julian),
        _ => Err(Problem::Expected("`seconds`, `milliseconds`, `microseconds` or `julian`")),
    }
}

fn parse_type(text: &str) -> Result<PgType, Problem> {
    text.parse().map_err(|_| Problem::Expected("a type of PostgreSQL's, such as `bigint` or `numeric(10,2)`"))
}

fn parse_column(text: &str) -> Result<String, Problem> {
    match parse_text(text)?.split_once('.') {
        Some((table, column)) if !table.is_empty() && !column.is_empty() => parse_text(text),
        _ => Err(Problem::Expected("`table.column`, each with `*` and `?` where you like")),
    }
}

fn parse_number(text: &str) -> Result<u32, Problem> {
    match parse_count(text) {
        Ok(1..) => parse_count(text),
        _ => Err(Problem::Expected("a whole number, 1 or more")),
    }
}
