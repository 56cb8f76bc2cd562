//! What a person chooses for a port, whether on the command line, in liftlock.yaml or as a program's call.

use std::collections::BTreeMap;

use crate::value::{BadText, PgType, Reading};

/// The choices that shape a plan. The defaults lose nothing and guess nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The schema in PostgreSQL that takes the tables.
    pub target_schema: String,
    /// Only tables and views whose name fits one of these patterns (`*` and `?`); empty for all.
    pub include: Vec<String>,
    /// No tables or views whose name fits one of these patterns.
    pub exclude: Vec<String>,
    /// How names are written in PostgreSQL.
    pub names: NameStyle,
    /// New names: `table` or `table.column` in SQLite → the name in PostgreSQL.
    pub renames: BTreeMap<String, String>,
    /// Types for columns, the first rule that fits wins.
    pub types: Vec<TypeRule>,
    /// What becomes of text that PostgreSQL can't hold, in columns that no type rule fits; the first that fits wins.
    pub bad_texts: Vec<(ColumnMatch, BadText)>,
    /// `integer` where all values fit, instead of `bigint`.
    pub int4: bool,
    /// `varchar(n)` and `char(n)` where all values fit, instead of `text`.
    pub keep_length: bool,
    /// What becomes of `COLLATE NOCASE`.
    pub nocase: Nocase,
    /// What becomes of text that PostgreSQL can't hold, in every other column.
    pub bad_text: BadText,
    /// Codes of findings that are accepted: `trigger`, or of one object: `trigger:tr_name`, `check:table.name`.
    pub accept: Vec<String>,
    /// Where some tables are there already: make those that are missing.
    pub create_missing: bool,
    /// Empty the target's tables first.
    pub truncate: bool,
    /// What becomes of rows whose key the target holds already; `None`: a table with rows is refused.
    pub on_conflict: Option<OnConflict>,
}

/// How names are written in PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameStyle {
    /// As they are, quoted.
    #[default]
    Keep,
    /// In lower case.
    Lowercase,
    /// `OrderDetails` → `order_details`.
    SnakeCase,
}

/// A type that a person chose.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeRule {
    /// What it is for.
    pub columns: ColumnMatch,
    /// The type.
    pub to: PgType,
    /// How values are read.
    pub reading: Reading,
}

/// Which columns a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnMatch {
    /// Columns of that declared type, without regard to case; a declared length counts only where the rule has one.
    Declared(String),
    /// `table.column`, where each may have `*` and `?`.
    Column(String),
}

/// What becomes of `COLLATE NOCASE`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nocase {
    /// `text`, with uniqueness by an index on `lower(… COLLATE "C")`: exactly SQLite's, ASCII letters alone; `=` is
    /// by bytes.
    #[default]
    LowerIndex,
    /// The extension `citext`.
    Citext,
    /// A nondeterministic ICU collation.
    Icu,
}

/// What becomes of a row whose key the target holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// It stops the run.
    Error,
    /// The target's row stays.
    Skip,
    /// The source's row takes its place.
    Replace,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target_schema: "public".to_owned(),
            include: Vec::new(),
            exclude: Vec::new(),
            names: NameStyle::default(),
            renames: BTreeMap::new(),
            types: Vec::new(),
            bad_texts: Vec::new(),
            int4: false,
            keep_length: false,
            nocase: Nocase::default(),
            bad_text: BadText::default(),
            accept: Vec::new(),
            create_missing: false,
            truncate: false,
            on_conflict: None,
        }
    }
}
