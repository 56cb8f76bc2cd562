//! What a run came to, as data: the same for a run that was refused, failed, was interrupted or proved every row.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::copy::Quarantined;
use super::plan::{Finding, Level, Plan};
use super::verify::Difference;

/// What a run came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How it ended.
    pub result: Outcome,
    /// The source.
    pub source: String,
    /// The target, without its password.
    pub target: String,
    /// The schema in the target.
    pub target_schema: String,
    /// The target's schema is that of the project's migrations up to this version; else it is translated, or what was
    /// there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_by_migrations: Option<i64>,
    /// It went on with a run that was begun before.
    pub resumed: bool,
    /// It was a rehearsal; `target` is then what was made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// The tables, in the order of the plan.
    pub tables: Vec<TableReport>,
    /// Keys, constraints, indexes, sequences and views, each with what became of it.
    pub objects: Vec<ObjectReport>,
    /// The file that has every row that was put aside, where there are any and it could be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine_file: Option<PathBuf>,
    /// What the plan found.
    pub findings: Vec<Finding>,
    /// What else a person should know.
    pub notes: Vec<String>,
    /// In a dry run: how a run would end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// The foreign keys that are NOT VALID where the plan has them valid: table in PostgreSQL and name.
    #[serde(skip)]
    pub not_valid: Vec<(String, String)>,
    /// How long each phase took.
    pub phases: Vec<PhaseReport>,
}

/// How a run would end, as far as can be known before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The exit code.
    pub exit_code: u8,
    /// Why it is not 0.
    pub reasons: Vec<String>,
}

/// What a rehearsal was, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// What a real run would port into, without its password; nothing where a private server was made.
    pub of: Option<String>,
    /// The database that was made for it.
    pub database: String,
    /// The version of the server that it was on.
    pub server_version: String,
    /// What became of what the target's schema holds.
    pub existing: ExistingSchema,
    /// How long it took, making the database and dropping it included.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    pub took: Duration,
    /// The line that takes away what could not be taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<String>,
}

/// What became, in a rehearsal, of what the target's schema holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExistingSchema {
    /// There was nothing.
    #[default]
    None,
    /// It was copied with its rows.
    Copied,
    /// It was copied without its rows.
    Structure,
    /// It could not be copied: the rehearsal says nothing about it.
    NotRehearsed,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did not come to its end.
    #[default]
    Failed,
    /// A stop was asked for.
    Interrupted,
    /// Something stands in the way, and nothing was written.
    Refused,
    /// A dry run: nothing stands in the way, and nothing was written.
    Planned,
    /// All rows are in, and both sides differ.
    Differs,
    /// Every row is proven; something was left out, put aside or is not proven.
    Incomplete,
    /// Both sides are the same as far as a sample shows.
    Sampled,
    /// There was no table to look at: nothing was left out, and nothing is proven.
    Nothing,
    /// Every row is proven, and nothing was left out.
    Proven,
}

/// What became of one table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TableReport {
    /// Its name in SQLite.
    pub source: String,
    /// Its name in PostgreSQL.
    pub target: String,
    /// What became of it.
    pub state: TableState,
    /// The rows that SQLite holds.
    pub source_rows: u64,
    /// The rows that PostgreSQL holds; nothing where that was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_rows: Option<u64>,
    /// The checksum of what SQLite holds, 32 hexadecimal digits (docs/checksums.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_checksum: Option<String>,
    /// The checksum of what PostgreSQL holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_checksum: Option<String>,
    /// The batches that were compared one by one.
    pub batches: usize,
    /// The numbers of those that differ, from 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differing_batches: Vec<usize>,
    /// The ranges of row hashes that were compared one by one, where batches could not be; 1: the table as a whole.
    #[serde(skip_serializing_if = "is_one")]
    pub hash_ranges: usize,
    /// The numbers of those that differ, from 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differing_hash_ranges: Vec<usize>,
    /// The bytes that were sent.
    pub bytes: u64,
    /// How long the workers loaded it, their times added up.
    #[serde(serialize_with = "seconds", rename = "loading_seconds")]
    pub loading: Duration,
    /// How long they read it back.
    #[serde(serialize_with = "seconds", rename = "reading_back_seconds")]
    pub reading_back: Duration,
    /// The rows that differ, as far as they were looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// How many more differ, at least.
    #[serde(skip_serializing_if = "is_zero")]
    pub unlisted_differences: u64,
    /// How many rows were put aside.
    #[serde(skip_serializing_if = "is_zero")]
    pub quarantined_rows: u64,
    /// The first of these, [`SHOWN`](super::copy::SHOWN) at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
    /// Rows of the source that are not in, since the target held their keys with other values.
    #[serde(skip_serializing_if = "is_zero")]
    pub exempt_rows: u64,
    /// The keys of the first of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exempt_keys: Vec<String>,
    /// Rows that stood in the target before, and stayed.
    #[serde(skip_serializing_if = "is_zero")]
    pub kept_rows: u64,
}

/// What became of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableState {
    /// Not all of its rows are in, or they are not compared yet.
    #[default]
    NotDone,
    /// Both sides are the same.
    Proven,
    /// What is in is proven; some rows of the source are not in: they were put aside, or the target held their keys.
    Exempt,
    /// Both sides are the same as far as a sample shows.
    Sampled,
    /// They are not.
    Differs,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectReport {
    /// What it is: `primary key`, `index`, `view`, …
    pub kind: String,
    /// The table it belongs to, in PostgreSQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Its name in PostgreSQL.
    pub name: String,
    /// What became of it.
    pub state: ObjectState,
    /// More about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remark: String,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectState {
    /// As it was in SQLite.
    Same,
    /// Changed as the plan says.
    ChangedAsDecided,
    /// Left out, as the plan says.
    LeftOut,
    /// It is there, and not as the plan has it.
    Different,
    /// The plan has it, the target does not.
    Missing,
}

/// How long a phase took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhaseReport {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    pub took: Duration,
}

impl Report {
    /// How a run ended that came to the end of its work.
    pub(crate) fn settle(&mut self) {
        for table in self.tables.iter_mut().filter(|table| table.state == TableState::Proven) {
            if table.exempt_rows > 0 || table.quarantined_rows > 0 {
                table.state = TableState::Exempt;
            }
        }
        let differs = self.tables.iter().any(|table| table.state == TableState::Differs);
        let open = self.tables.iter().any(|table| table.state == TableState::NotDone);
        let aside = self.tables.iter().any(|table| table.quarantined_rows > 0 || table.exempt_rows > 0);
        let left_out = self.left_out() > 0;
        let missing =
            self.objects.iter().any(|object| matches!(object.state, ObjectState::Missing | ObjectState::Different));
        self.result = if differs {
            Outcome::Differs
        } else if open || aside || left_out || missing {
            Outcome::Incomplete
        } else if self.tables.is_empty() {
            Outcome::Nothing
        } else {
            Outcome::Proven
        };
    }

    /// The plan as it was carried out: what became NOT VALID on the way is so in it.
    #[must_use]
    pub fn as_made(&self, plan: &Plan) -> Plan {
        let mut made = plan.clone();
        for table in &mut made.tables {
            for key in &mut table.foreign_keys {
                key.not_valid |= self.not_valid.iter().any(|(of, name)| (of, name) == (&table.target, &key.name));
            }
        }
        made
    }

    /// How many things are left out that nobody has accepted.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::LeftOut && !finding.accepted).count()
    }

    /// How many things were left out, and a person has accepted it.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::LeftOut && finding.accepted).count()
    }

    /// The rows of all tables that are proven.
    #[must_use]
    pub fn proven_rows(&self) -> u64 {
        let proven = self.tables.iter().filter(|table| matches!(table.state, TableState::Proven | TableState::Exempt));
        proven.map(|table| table.source_rows.saturating_sub(table.exempt_rows + table.quarantined_rows)).sum()
    }
}

impl TableReport {
    /// The rows a second at which it was loaded and read back, by the time that workers spent on it; nothing where
    /// they have not begun.
    #[must_use]
    pub fn rows_per_second(&self) -> Option<u64> {
        let busy = (self.loading + self.reading_back).as_secs_f64();
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "shown"
        )]
        self.target_rows.filter(|_| busy > 0.0).map(|rows| (rows as f64 / busy) as u64)
    }
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(value: &usize) -> bool {
    *value <= 1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
