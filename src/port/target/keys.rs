//! What must be unique in a target's tables, or exclude each other, and the partitions that take their rows; as plain data.

use serde::Deserialize;

use super::quoted;

/// A primary key, a UNIQUE or an exclusion constraint, or a unique index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TargetKey {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: KeyKind,
    /// Its table's schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// The tables of the target's schema that its table is, or is a partition of.
    pub of: Vec<String>,
    /// How its index is organised: `btree`, `gist`.
    pub method: String,
    /// INITIALLY DEFERRED: it is looked at when a transaction ends.
    pub deferred: bool,
    /// NULLS NOT DISTINCT.
    pub nulls_equal: bool,
    /// Its terms, in order.
    pub terms: Vec<KeyTerm>,
    /// The WHERE clause's expression: the rows that it is about.
    pub predicate: Option<String>,
    /// The columns that it reads.
    pub columns: Vec<String>,
}

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the words of SQL")]
pub enum KeyKind {
    #[serde(rename = "p")]
    PrimaryKey,
    #[serde(rename = "u")]
    Unique,
    #[serde(rename = "x")]
    Exclusion,
    #[serde(rename = "i")]
    Index,
}

/// One term of a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyTerm {
    /// The column; `None` where it is an expression.
    pub column: Option<String>,
    /// It as SQL, over the columns of the table.
    pub sql: String,
    /// The collation by which it is compared, as SQL.
    pub collation: Option<String>,
    /// Its operator class, as SQL.
    pub operator_class: String,
    /// By which two rows meet in it, as SQL; `None` where the index's method is none that we know.
    pub operator: Option<String>,
    /// Two values meet only if they are the same byte by byte, as far as the type says no other.
    pub by_bytes: bool,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Partition {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The tables of the target's schema that it is, or is a partition of.
    pub of: Vec<String>,
    /// It has partitions of its own.
    pub partitioned: bool,
    /// The rows that it takes, as an expression over the columns of the table; `None`: all.
    pub bounds: Option<String>,
    /// The columns that are NOT NULL in it, and not in the table that it is a partition of.
    pub not_null: Vec<String>,
}

impl TargetKey {
    /// What it is, as a person calls it: ``primary key `t_pkey` ("id")``.
    #[must_use]
    pub fn said(&self) -> String {
        let kind = match self.kind {
            KeyKind::PrimaryKey => "primary key",
            KeyKind::Unique => "unique constraint",
            KeyKind::Exclusion => "exclusion constraint",
            KeyKind::Index => "unique index",
        };
        let terms: Vec<&str> = self.terms.iter().map(|term| term.column.as_deref().unwrap_or(&term.sql)).collect();
        let only = self.predicate.as_ref().map(|predicate| format!(" where {predicate}")).unwrap_or_default();
        format!("{kind} `{}` ({}){only}", self.name, terms.join(", "))
    }
}

impl KeyTerm {
    /// It with its collation.
    #[must_use]
    pub fn collated(&self) -> String {
        let sql = self.column.as_deref().map_or_else(|| format!("({})", self.sql), quoted);
        match &self.collation {
            Some(collation) => format!("({sql} COLLATE {collation})"),
            None => sql,
        }
    }
}
