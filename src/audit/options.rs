//! What an audit is asked to do.

use super::finding::Severity;

/// Which rules look, and what is passed over.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only these rules, by name, those that are off by default among them; all that are on where it is empty.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
    /// The least severity that fails the audit.
    pub fail_on: Severity,
    /// What is known and accepted.
    pub ignore: Vec<Ignore>,
}

/// Findings that are known and accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    /// The rule's name; `*` for every rule.
    pub rule: String,
    /// The subject: `table`, `schema.table`, `table.column`, an index's or constraint's name; `*` and `?` are wild.
    pub subject: String,
    /// Why it is accepted.
    pub reason: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { only: Vec::new(), skip: Vec::new(), fail_on: Severity::Warning, ignore: Vec::new() }
    }
}
