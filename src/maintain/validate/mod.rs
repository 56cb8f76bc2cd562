//! `validate`: whether a database holds what it declares. Nothing is written; each finding has its remedy.

mod constraints;
mod postgres;
mod sequences;
mod sqlite;

use serde::Serialize;

use super::MaintainError;
use crate::Dialect;
use crate::db::Db;
use crate::migrate::{MigrateError, Migrator};

/// How much is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ValidateOptions {
    /// SQLite: `quick_check`, which doesn't compare indexes with their tables.
    pub quick: bool,
    /// PostgreSQL: check constraints that are marked valid again, on every row.
    pub deep: bool,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValidateReport {
    /// The kind of database.
    pub dialect: Dialect,
    /// Whether nothing was found.
    pub valid: bool,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at, and why.
    pub notes: Vec<String>,
}

/// One of the checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// How many things it looked at.
    pub looked_at: usize,
    /// How many it found something about.
    pub found: usize,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// What it is about: a table, constraint, index, sequence or migration.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// How many rows violate it, where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// What checks write into.
#[derive(Debug, Default)]
struct Findings {
    checks: Vec<Check>,
    findings: Vec<Finding>,
    notes: Vec<String>,
}

impl Findings {
    /// A check is over that looked at so many things and found this.
    fn checked(&mut self, name: &'static str, looked_at: usize, mut found: Vec<Finding>) {
        self.checks.push(Check { name, looked_at, found: found.len() });
        self.findings.append(&mut found);
    }
}

/// Looks whether `db` holds what it declares, and where there is a `migrator`, whether it is as its files have it.
///
/// # Errors
/// [`MaintainError`] where the catalog can't be read. What this role may not see is a note.
pub fn validate(
    db: &mut Db,
    options: ValidateOptions,
    migrator: Option<&Migrator>,
) -> Result<ValidateReport, MaintainError> {
    let mut found = Findings::default();
    match db {
        Db::Sqlite(_) => sqlite::check(db, options, &mut found)?,
        Db::Postgres(db) => postgres::check(db, options, &mut found)?,
    }
    match migrator {
        Some(migrator) => migrations(db, migrator, &mut found)?,
        None => found.notes.push("there is no folder of migrations to compare with".to_owned()),
    }
    let Findings { checks, findings, notes } = found;
    Ok(ValidateReport { dialect: db.dialect(), valid: findings.is_empty(), checks, findings, notes })
}

/// `schema_migrations` against the files.
fn migrations(db: &mut Db, migrator: &Migrator, found: &mut Findings) -> Result<(), MaintainError> {
    const NAME: &str = "migrations";
    let status = match migrator.status(db) {
        Ok(status) => status,
        Err(error @ MigrateError::Interrupted { .. }) => return Err(error.into()),
        Err(error) => {
            db.roll_back();
            let remedy = error.hint().unwrap_or_else(|| "`liftlock status` tells more".to_owned());
            let message = in_words(&error);
            let finding = Finding { check: NAME, subject: "schema_migrations".to_owned(), message, remedy, rows: None };
            found.checked(NAME, 0, vec![finding]);
            return Ok(());
        }
    };
    let findings = status.findings.into_iter().map(|finding| Finding {
        check: NAME,
        subject: format!("V{}", finding.version),
        message: finding.message,
        remedy: finding.hint,
        rows: None,
    });
    found.checked(NAME, status.migrations.len(), findings.collect());
    Ok(())
}

/// An error with everything that caused it.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    words
}
