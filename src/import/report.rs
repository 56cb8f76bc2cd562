//! What an import came to, as plain data.

use serde::Serialize;

use super::keep::Kept;

/// How an import ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything is in, and proven.
    #[default]
    Done,
    /// Nothing was written, as was asked for.
    DryRun,
    /// What the database returns is not what the files hold.
    Differs,
    /// It stopped at an error; what was in by then is.
    Failed,
    /// A person stopped it.
    Interrupted,
}

impl Status {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DryRun => "dry_run",
            Self::Differs => "differs",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What an import came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How it ended.
    pub status: Status,
    /// The folder, as it was found.
    pub folder: String,
    /// What the books know the tree of files by: a name that it was given, or the folder.
    pub tree: String,
    /// Files that were read to their end; one that several sources take is one.
    pub files_processed: u64,
    /// Files that have not changed since they were imported.
    pub files_unchanged: u64,
    /// Records whose rows are in (in a dry run: would be).
    pub records_migrated: u64,
    /// Records that were left out, since their key was there.
    pub skipped: u64,
    /// Records that were put aside.
    pub quarantined: u64,
    /// Bad records, the first hundred.
    pub errors: Vec<Problem>,
    /// Records, nested ones among them, whose row differs from what the tables hold (`--check`), the first hundred.
    pub conflicts: Vec<Problem>,
    /// How many conflicts there are.
    pub conflicting: u64,
    /// Records, nested ones among them, that were imported and whose row is no longer there (`--check`), the first hundred.
    pub missing_records: Vec<Problem>,
    /// How many of them there are.
    pub missing: u64,
    /// Rows beneath a record that no nested record of its made (`--check`), the first hundred. They are no fault.
    pub extra_records: Vec<Problem>,
    /// How many of them there are.
    pub extra: u64,
    /// Seconds, with three decimals.
    pub duration_seconds: f64,
    /// The tables that are written, in the order of the mapping.
    pub tables: Vec<TableReport>,
    /// Tables without rows that files which have not changed went into, and were not read again for; `notes` say more.
    pub tables_emptied: Vec<String>,
    /// Files that were imported before and are gone; their rows are still there.
    pub files_deleted: Vec<String>,
    /// Files that no source takes, the first hundred.
    pub files_unmatched: Vec<String>,
    /// Files that can't be taken, and why.
    pub files_skipped: Vec<String>,
    /// Folders within it that can't be read, and why; what is in them was not taken.
    pub folders_unread: Vec<String>,
    /// It went on where a run before was stopped.
    pub resumed: bool,
    /// What is to be known of what was done, a sentence each: a sequence that could not be set forward, a
    /// table that was found empty, files without a record where the mapping looks for them.
    pub notes: Vec<String>,
    /// What was kept before anything else was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Kept>,
}

/// A record that is bad or in conflict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, relative to the folder.
    pub file: String,
    /// The record's place among those of its file, from 0.
    pub position: u64,
    /// Where, as a JSON Pointer.
    pub pointer: String,
    /// Line and column, from 1, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<(u64, u64)>,
    /// `table.column`, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl Problem {
    /// Where it is: `a.json: /users/3/age`, `a.csv: line 4, column 1`.
    #[must_use]
    pub fn at(&self) -> String {
        match self.place {
            Some((line, column)) => format!("{}: line {line}, column {column}", self.file),
            None if self.pointer.is_empty() => self.file.clone(),
            None => format!("{}: {}", self.file, self.pointer),
        }
    }
}

/// What became of a table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TableReport {
    /// The table.
    pub table: String,
    /// Rows before.
    pub rows_before: u64,
    /// Rows after.
    pub rows_after: u64,
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that were changed.
    pub updated: u64,
    /// Rows of nested records that gave way to new ones.
    pub removed: u64,
    /// Records that were written over the row of another of the same import, since they have one key; counted where the
    /// table was empty before.
    pub overwritten: u64,
    /// Whether what the database returns is what was written: `proven`, `differs`, `not_compared`.
    pub state: TableState,
    /// The checksum of all that the table holds in the columns that the mapping fills, where it was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Columns that were not compared: what they hold is made by the import.
    pub exempt: Vec<String>,
    /// The records that differ, the first twenty.
    pub differences: Vec<String>,
}

/// Whether a table holds what was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableState {
    /// It was not looked at.
    #[default]
    NotCompared,
    /// It does.
    Proven,
    /// It does not.
    Differs,
}
