//! What an audit finds, as plain data.

use serde::Serialize;

use super::fix::SuggestedIndex;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; never fails an audit.
    Note,
    /// It costs, or will.
    Warning,
    /// It hurts now, or is broken.
    Error,
}

/// One thing that is the matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule's name (`missing-foreign-key-index`).
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// What is the matter, in one sentence.
    pub message: String,
    /// What it means, and why it is so.
    pub explanation: String,
    /// What mends it.
    pub remedy: Remedy,
}

/// What a finding is about. Ignore lists go by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// The schema; `main` on SQLite.
    pub schema: String,
    /// The table; empty for what concerns the whole database.
    pub table: String,
    /// The columns, where it is about some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The index, constraint or sequence, where it is about one that has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

/// What mends a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// An index, which `--fix` writes.
    Index(SuggestedIndex),
    /// A statement to run after thought: `--fix` does not write it.
    Statement(String),
    /// Something that is no single statement, in words.
    Advice(String),
    /// Nothing, and why.
    None(String),
}
