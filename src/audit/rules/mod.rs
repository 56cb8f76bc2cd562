//! The rules: one a file, each a pure function from a schema and its statistics to findings.

use super::finding::{Finding, Severity};
use super::schema::Schema;
use super::serve::Coverage;
use super::statistics::Statistics;

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub struct Subjects<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// What is known of its rows.
    pub statistics: &'a Statistics,
    /// How every foreign key is served: for each table of [`Schema::tables`], for each of its foreign keys. Judged once
    /// for all rules.
    pub coverage: &'a [Vec<Coverage>],
}

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, as flags and ignore lists have it.
    pub name: &'static str,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// The severity of its findings, or of the worst of them.
    pub severity: Severity,
    /// Whether it looks unless told otherwise.
    pub on: bool,
    /// What it finds.
    pub check: fn(&Subjects<'_>) -> Vec<Finding>,
}

/// Every rule, in the order in which they are listed.
pub const RULES: &[Rule] = &[];
