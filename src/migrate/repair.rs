//! `repair`: to accept an edited file as what was applied, or to settle a statement that nobody could tell of.

use super::history::write::Writer;
use super::history::{self, State, Stored};
use super::layout::Folder;
use super::texts::{difference, same_text};
use super::{Adjustment, MigrateError, Migrator, Refusal, adjust, mark, run};
use crate::db::Db;

/// What a person found out about a statement that was running when its script stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementVerdict {
    /// It happened: go on after it.
    Done,
    /// It did not, or was undone: run it again.
    Again,
}

impl Migrator {
    /// Records the file of `version` as what was applied; of an unfinished one, what became of the statement it
    /// stopped at. Logged.
    ///
    /// # Errors
    /// [`MigrateError`] where there is nothing of that kind to repair.
    pub fn repair(
        &self,
        db: &mut Db,
        version: i64,
        verdict: Option<StatementVerdict>,
        reason: Option<&str>,
    ) -> Result<Adjustment, MigrateError> {
        let folder = self.read(db.dialect())?;
        adjust::apply(db, &self.options, &mut |db, state| {
            let writer = adjust::writer(state, &self.options);
            plan(db, &folder, state, version, verdict, reason, &writer)
        })
    }

    /// What [`Migrator::repair`] would change, with the differences; nothing is written.
    ///
    /// # Errors
    /// As [`Migrator::repair`].
    pub fn plan_repair(
        &self,
        db: &mut Db,
        version: i64,
        verdict: Option<StatementVerdict>,
        reason: Option<&str>,
    ) -> Result<Adjustment, MigrateError> {
        let folder = self.read(db.dialect())?;
        let state = State::read(db)?;
        let writer = adjust::writer(&state, &self.options);
        plan(db, &folder, &state, version, verdict, reason, &writer)
    }
}

fn refused(message: String, hint: &str) -> MigrateError {
    MigrateError::Refused(vec![Refusal::new(message, hint)])
}

fn plan(
    db: &mut Db,
    folder: &Folder,
    state: &State,
    version: i64,
    verdict: Option<StatementVerdict>,
    reason: Option<&str>,
    writer: &Writer,
) -> Result<Adjustment, MigrateError> {
    state.require_ours(Some(folder))?;
    match verdict {
        Some(verdict) => statement(state, version, verdict, reason, writer),
        None => {
            let stored = state.load_scripts(db, &[version])?.remove(&version).unwrap_or_default();
            file(folder, state, version, &stored, reason, writer)
        }
    }
}

fn file(
    folder: &Folder,
    state: &State,
    version: i64,
    stored: &Stored,
    reason: Option<&str>,
    writer: &Writer,
) -> Result<Adjustment, MigrateError> {
    let Some(applied) = state.applied.iter().find(|applied| applied.version == version) else {
        return Err(refused(format!("version {version} is not applied"), "only what is applied can be repaired"));
    };
    let Some(migration) = folder.migrations.iter().find(|migration| migration.version == version) else {
        return Err(refused(
            format!("V{version}__{} has no file", applied.name),
            "restore the file; the database holds what was applied",
        ));
    };
    let mut adjustment = Adjustment::default();
    if !migration.checksum_matches(&applied.checksum) {
        adjustment.changes.push(format!(
            "checksum of {migration}: {} becomes {} (`{}`)",
            applied.checksum,
            migration.checksum(),
            migration.up.path
        ));
        if applied.name != migration.name {
            adjustment.changes.push(format!("name of V{version}: `{}` becomes `{}`", applied.name, migration.name));
        }
        adjustment.differences.push(match &stored.up {
            Some((text, _)) => difference(text, &migration.up.text),
            None => "the database holds no script of it to compare with (refinery recorded it)".to_owned(),
        });
    }
    let down_was = stored.down.as_ref().map(|(text, _)| text.as_str());
    let down_is = migration.down.as_ref().map(|down| down.text.as_str());
    let down_differs = match (down_was, down_is) {
        (Some(was), Some(is)) => !same_text(was, is),
        (was, is) => was.is_some() != is.is_some(),
    };
    if down_differs && stored.up.is_some() {
        adjustment.changes.push(format!("the stored down script of {migration} becomes the file's"));
        adjustment.differences.push(difference(down_was.unwrap_or(""), down_is.unwrap_or("")));
    }
    if adjustment.changes.is_empty() {
        return Ok(adjustment);
    }
    let (now, _) = run::now();
    adjustment.sql.push(writer.update_history(&mark::history_row(migration)));
    let checksum = migration.checksum().to_string();
    let was = format!("checksum was {}", applied.checksum);
    let reason = reason.map_or_else(|| was.clone(), |reason| format!("{reason} ({was})"));
    adjustment.sql.push(writer.log_adjustment("repair", (version, &migration.name), &checksum, &reason, &now));
    Ok(adjustment)
}

fn statement(
    state: &State,
    version: i64,
    verdict: StatementVerdict,
    reason: Option<&str>,
    writer: &Writer,
) -> Result<Adjustment, MigrateError> {
    let unfinished = state.unfinished.iter().find(|unfinished| unfinished.version == version);
    let Some(unfinished) = unfinished.filter(|unfinished| unfinished.mark == history::Mark::Started) else {
        return Err(refused(
            format!("no script of version {version} has stopped at a statement that nobody can tell of"),
            "`liftlock status` shows what is unfinished",
        ));
    };
    let at = unfinished.next_statement;
    let (to, word) = match verdict {
        StatementVerdict::Done => (at + 1, "done"),
        StatementVerdict::Again => (at, "not done"),
    };
    let title = format!("V{version}__{}", unfinished.name);
    let said = format!("statement {} of {title} is recorded as {word}", at + 1);
    let reason = reason.map_or_else(|| said.clone(), |reason| format!("{said}: {reason}"));
    let (now, _) = run::now();
    Ok(Adjustment {
        changes: vec![said],
        differences: Vec::new(),
        sql: vec![
            writer.advance_progress(version, at, to, history::Mark::Waiting),
            writer.log_adjustment("repair", (version, &unfinished.name), &unfinished.checksum, &reason, &now),
        ],
    })
}
