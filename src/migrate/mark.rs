//! `mark`: to say that a migration is applied, or is not, without running it.

use super::compare::{Entry, compare};
use super::history::write::{HistoryRow, Writer};
use super::history::{Standing, State};
use super::layout::Folder;
use super::{Adjustment, MigrateError, Migration, Migrator, Refusal, adjust, run};
use crate::db::Db;
use crate::words::counted;

/// What is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// This version is applied.
    Applied(i64),
    /// This version is not applied.
    Unapplied(i64),
    /// Every version of the folder up to this one is applied: a database that has the schema and no history.
    Through(i64),
}

impl Migrator {
    /// Changes what is recorded, and logs it with `reason`. No script is run.
    ///
    /// # Errors
    /// [`MigrateError`] where the version is unknown or the table is another tool's.
    pub fn mark(&self, db: &mut Db, mark: Mark, reason: &str) -> Result<Adjustment, MigrateError> {
        let folder = self.read(db.dialect())?;
        adjust::apply(db, &self.options, &mut |_, state| {
            plan(&folder, state, mark, reason, &adjust::writer(state, &self.options))
        })
    }

    /// What [`Migrator::mark`] would change; nothing is written.
    ///
    /// # Errors
    /// As [`Migrator::mark`].
    pub fn plan_mark(&self, db: &mut Db, mark: Mark, reason: &str) -> Result<Adjustment, MigrateError> {
        let folder = self.read(db.dialect())?;
        let state = State::read(db)?;
        plan(&folder, &state, mark, reason, &adjust::writer(&state, &self.options))
    }

    /// Whether `mark --through` would take over a `schema_migrations` that somebody made by hand.
    ///
    /// # Errors
    /// [`MigrateError`] where the table can't be read.
    pub fn takes_over(&self, db: &mut Db) -> Result<bool, MigrateError> {
        Ok(matches!(State::read(db)?.standing, Standing::HomeMade { .. }))
    }
}

fn plan(folder: &Folder, state: &State, mark: Mark, reason: &str, writer: &Writer) -> Result<Adjustment, MigrateError> {
    let baseline = matches!(mark, Mark::Through(_));
    match (&state.standing, baseline) {
        (Standing::HomeMade { .. } | Standing::Absent { .. }, true) => {}
        (Standing::Absent { .. }, false) => {}
        _ => state.require_ours(Some(folder))?,
    }
    let entries = compare(folder, state);
    let mut adjustment = Adjustment::default();
    if let Standing::HomeMade { versions } = &state.standing {
        let highest = versions.iter().copied().max().unwrap_or(0);
        if let Mark::Through(version) = mark
            && version < highest
        {
            return Err(MigrateError::Refused(vec![Refusal::new(
                format!(
                    "`schema_migrations`, made by hand, goes up to {highest}, and only {version} is to be recorded"
                ),
                format!("what is above would run again: `liftlock mark --through {highest} --applied --reason '…'`"),
            )]));
        }
        adjustment.changes.push(format!(
            "`schema_migrations`, made by hand ({}), is renamed to `schema_migrations_before_liftlock`",
            counted(versions.len() as u64, "row")
        ));
        adjustment
            .sql
            .push(format!("ALTER TABLE {} RENAME TO schema_migrations_before_liftlock", writer.tables.history));
        adjustment.sql.push(writer.tables.create().trim_end_matches(';').to_owned());
    }
    match mark {
        Mark::Applied(version) => {
            let entry = known(&entries, version)?;
            applied(entry, reason, writer, &mut adjustment)?;
        }
        Mark::Unapplied(version) => {
            let entry = known(&entries, version)?;
            unapplied(entry, reason, writer, &mut adjustment);
        }
        Mark::Through(version) => {
            if !folder.migrations.iter().any(|migration| migration.version == version) {
                return Err(unknown(&entries, version));
            }
            for entry in entries.iter().filter(|entry| entry.version <= version && entry.migration.is_some()) {
                applied(entry, reason, writer, &mut adjustment)?;
            }
        }
    }
    Ok(adjustment)
}

fn known<'a, 'b>(entries: &'a [Entry<'b>], version: i64) -> Result<&'a Entry<'b>, MigrateError> {
    entries.iter().find(|entry| entry.version == version).ok_or_else(|| unknown(entries, version))
}

fn unknown(entries: &[Entry<'_>], version: i64) -> MigrateError {
    let there: Vec<String> = entries.iter().map(Entry::title).collect();
    let hint = if there.is_empty() {
        "there are no migrations".to_owned()
    } else {
        format!("there are: {}", there.join(", "))
    };
    MigrateError::Refused(vec![Refusal::new(format!("there is no version {version}"), hint)])
}

fn applied(entry: &Entry<'_>, reason: &str, writer: &Writer, adjustment: &mut Adjustment) -> Result<(), MigrateError> {
    if entry.applied.is_some() {
        return Ok(());
    }
    let Some(migration) = entry.migration else {
        return Err(MigrateError::Refused(vec![Refusal::new(
            format!("{} has no file, so there is nothing to record of it", entry.title()),
            "restore the file, or end the unfinished script with `liftlock up`",
        )]));
    };
    let (now, _) = run::now();
    adjustment.changes.push(format!("{migration} is recorded as applied"));
    adjustment.sql.push(writer.insert_history(&history_row(migration), &now, None));
    if entry.unfinished.is_some() {
        adjustment.sql.push(writer.delete_progress(entry.version));
    }
    let checksum = migration.checksum().to_string();
    adjustment.sql.push(writer.log_adjustment("mark-applied", (entry.version, entry.name()), &checksum, reason, &now));
    Ok(())
}

fn unapplied(entry: &Entry<'_>, reason: &str, writer: &Writer, adjustment: &mut Adjustment) {
    let checksum = match (entry.applied, entry.unfinished) {
        (Some(applied), _) => applied.checksum.clone(),
        (None, Some(unfinished)) => unfinished.checksum.clone(),
        (None, None) => return,
    };
    if entry.applied.is_some() {
        adjustment.changes.push(format!("{} is recorded as not applied", entry.title()));
        adjustment.sql.push(format!("DELETE FROM {} WHERE version = {}", writer.tables.history, entry.version));
    }
    if entry.unfinished.is_some() {
        adjustment.changes.push(format!("the unfinished script of {} is given up", entry.title()));
        adjustment.sql.push(writer.delete_progress(entry.version));
    }
    adjustment.sql.push(writer.log_adjustment(
        "mark-unapplied",
        (entry.version, entry.name()),
        &checksum,
        reason,
        &run::now().0,
    ));
}

/// The row of a migration as its file is now.
pub(super) fn history_row(migration: &Migration) -> HistoryRow<'_> {
    HistoryRow {
        version: migration.version,
        name: &migration.name,
        checksum: migration.checksum(),
        up: (&migration.up.text, &migration.up.directives),
        down: migration.down.as_ref().map(|down| (down.text.as_str(), &down.directives)),
    }
}
