//! `status` and `check`: what folder and database say of every version, and what a person has to act on.

use super::compare::{Situation, compare};
use super::history::State;
use super::layout::Folder;
use super::script::prepare;
use super::texts::same_text;
use super::{MigrateError, Migrator, Refusal};
use crate::db::Db;
use crate::words::counted;

/// Every version, and all that is to be said of them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StatusReport {
    /// The layout of the folder.
    pub layout: String,
    /// Whether everything is applied as the files have it: no findings.
    pub up_to_date: bool,
    /// By version.
    pub migrations: Vec<StatusEntry>,
    /// What has to be acted on; `check` fails with any.
    pub findings: Vec<Finding>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StatusEntry {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// What folder and database say.
    pub situation: Situation,
    /// When it was applied, RFC 3339.
    pub applied_on: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// The file of its up script.
    pub file: Option<String>,
    /// Of an unfinished script: direction, statements done, and who began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<UnfinishedReport>,
}

/// A script that stopped half-way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UnfinishedReport {
    /// Up or down.
    pub direction: super::Direction,
    /// The number of statements that are done.
    pub statements_done: usize,
    /// Who began it.
    pub owner: String,
    /// When, RFC 3339.
    pub started_on: String,
}

/// Something to act on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// `pending`, `out_of_order`, `diverged`, `missing`, `ahead`, `unfinished` or `script`.
    pub kind: &'static str,
    /// The version.
    pub version: i64,
    /// What it is.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// `other_dialect`, `empty_down`, `no_down`, `irreversible` or `down_edited`.
    pub kind: &'static str,
    /// What it is.
    pub message: String,
}

impl Migrator {
    /// The status of every version. Nothing is written.
    ///
    /// # Errors
    /// [`MigrateError`] where folder or table can't be read, or the table is another tool's.
    pub fn status(&self, db: &mut Db) -> Result<StatusReport, MigrateError> {
        let folder = self.read(db.dialect())?;
        let state = State::read(db)?;
        state.require_ours(Some(&folder))?;
        let mut report = report(&folder, &state);
        let versions: Vec<i64> = state.applied.iter().map(|applied| applied.version).collect();
        for (version, stored) in state.load_scripts(db, &versions)? {
            let file = folder.migrations.iter().find(|m| m.version == version).and_then(|m| m.down.as_ref());
            if let (Some(file), Some((text, _))) = (file, stored.down)
                && !same_text(&file.text, &text)
            {
                let message = format!("`{}` was edited after V{version} was applied", file.path);
                report.notes.push(Note { kind: "down_edited", message });
            }
        }
        Ok(report)
    }
}

fn report(folder: &Folder, state: &State) -> StatusReport {
    let mut findings = Vec::new();
    let mut migrations = Vec::new();
    for entry in compare(folder, state) {
        if let Some((kind, message, hint)) = finding(&entry) {
            findings.push(Finding { kind, version: entry.version, message, hint });
        }
        migrations.push(StatusEntry {
            version: entry.version,
            name: entry.name().to_owned(),
            situation: entry.situation,
            applied_on: entry.applied.map(|applied| applied.applied_on.clone()),
            duration_ms: entry.applied.and_then(|applied| applied.duration_ms),
            file: entry.migration.map(|migration| migration.up.path.clone()),
            unfinished: entry.unfinished.map(|unfinished| UnfinishedReport {
                direction: unfinished.direction,
                statements_done: unfinished.next_statement,
                owner: unfinished.owner.clone(),
                started_on: unfinished.started_on.clone(),
            }),
        });
    }
    findings.extend(unrunnable(folder, state));
    StatusReport {
        layout: folder.layout.to_string(),
        up_to_date: findings.is_empty(),
        migrations,
        findings,
        notes: notes(folder),
    }
}

fn finding(entry: &super::Entry<'_>) -> Option<(&'static str, String, String)> {
    let title = entry.title();
    Some(match entry.situation {
        Situation::Applied => return None,
        Situation::Pending => ("pending", format!("{title} is not applied"), "`liftlock up`".to_owned()),
        Situation::OutOfOrder => (
            "out_of_order",
            format!("{title} is not applied, though a higher version is"),
            "`liftlock up --allow-out-of-order`, or give it a higher version".to_owned(),
        ),
        Situation::Diverged => (
            "diverged",
            format!("{title} was edited after it was applied"),
            format!("put the file back, or `liftlock repair {}`", entry.version),
        ),
        Situation::Missing => (
            "missing",
            format!("{title} is applied and has no file, though the folder goes on above it"),
            "restore the file".to_owned(),
        ),
        Situation::Ahead => (
            "ahead",
            format!("{title} is applied and is above every file: the database is ahead of this folder"),
            "use the release that has it, or take it back with `liftlock down`".to_owned(),
        ),
        Situation::Unfinished => {
            let direction = entry.unfinished.map_or("up", |unfinished| unfinished.direction.name());
            let done = entry.unfinished.map_or(0, |unfinished| unfinished.next_statement);
            (
                "unfinished",
                format!("{title} stopped half-way ({direction}, {} done)", counted(done as u64, "statement")),
                format!("`liftlock {direction}`"),
            )
        }
    })
}

/// Scripts that are still to run and could not.
fn unrunnable(folder: &Folder, state: &State) -> Vec<Finding> {
    let dialect = state.tables.dialect;
    let applied = |version: i64| state.applied.iter().any(|applied| applied.version == version);
    let mut findings = Vec::new();
    for migration in &folder.migrations {
        let up = if applied(migration.version) { None } else { Some(&migration.up) };
        for script in up.into_iter().chain(migration.down.as_ref()) {
            if let Err(problem) = prepare(dialect, folder.layout, script) {
                let Refusal { message, hint } = Refusal::from(problem);
                findings.push(Finding { kind: "script", version: migration.version, message, hint });
            }
        }
    }
    findings
}

fn notes(folder: &Folder) -> Vec<Note> {
    let mut notes = Vec::new();
    for (version, name, dialect) in &folder.other_dialect_only {
        notes.push(Note { kind: "other_dialect", message: format!("V{version}__{name} is for {dialect} alone") });
    }
    for path in &folder.empty_downs {
        notes.push(Note { kind: "empty_down", message: format!("`{path}` is empty: it takes nothing back") });
    }
    for migration in &folder.migrations {
        if let Some(why) = &migration.up.directives.irreversible {
            notes.push(Note { kind: "irreversible", message: format!("{migration} is irreversible: {why}") });
        } else if migration.down.is_none() {
            notes.push(Note { kind: "no_down", message: format!("{migration} has no down script") });
        }
    }
    notes
}
