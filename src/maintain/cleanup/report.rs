//! What a cleanup came to, as plain data.

use serde::Serialize;

/// A cleanup, or what it would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CleanupReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// The moment from which every cut-off is counted, RFC 3339 in UTC.
    pub now: String,
    /// How long it took; 0 for a dry run.
    pub duration_seconds: f64,
    /// By policy, in the order of the file.
    pub policies: Vec<PolicyReport>,
}

/// What one policy came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PolicyReport {
    /// The table.
    pub table: String,
    /// `delete`, `soft_delete` or `archive`.
    pub action: &'static str,
    /// The column that tells the age.
    pub age: String,
    /// How old a row has to be, as written.
    pub older_than: String,
    /// The same as a moment, RFC 3339 in UTC: rows of before it are old.
    pub cut_off: String,
    /// The condition.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// Where old rows are archived, without a password.
    pub archive: Option<String>,
    /// What came of it.
    pub result: PolicyResult,
    /// The old rows that were found.
    pub rows_found: u64,
    /// Those that were deleted, marked or archived.
    pub rows_done: u64,
    /// Rows with something in the age column that is no time: they stay.
    pub rows_unreadable: u64,
    /// Rows of other tables (or of the same) that refer to old ones.
    pub children: Vec<ChildReport>,
}

/// Rows that refer to old ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChildReport {
    /// Their table.
    pub table: String,
    /// What becomes of them.
    pub fate: ChildFate,
    /// The foreign keys' columns.
    pub columns: Vec<String>,
    /// The foreign key's rule.
    pub on_delete: &'static str,
    /// How many were found.
    pub rows_found: u64,
    /// How many were deleted or archived.
    pub rows_done: u64,
}

/// What becomes of rows that refer to old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildFate {
    /// They go with them.
    Goes,
    /// Their columns are set to NULL, or to their default.
    Changes,
    /// They keep the old rows from going.
    Blocks,
}

/// What came of a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyResult {
    /// Looked at alone.
    #[default]
    Planned,
    /// Done.
    Done,
    /// Other rows refer to the old ones, and would not let them go: nothing was done.
    Refused,
    /// It was not come to.
    NotDone,
    /// It stopped half-way: whole batches are done.
    Stopped,
}

impl PolicyReport {
    /// The tables whose rows keep the old ones from going.
    pub fn blocking(&self) -> impl Iterator<Item = &ChildReport> {
        self.children.iter().filter(|child| child.fate == ChildFate::Blocks)
    }

    /// Whether rows are lost by it for good.
    #[must_use]
    pub fn destroys(&self) -> bool {
        self.action == "delete" && self.rows_found > 0 && self.blocking().next().is_none()
    }
}
