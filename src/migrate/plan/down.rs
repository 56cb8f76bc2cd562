//! What `down` does, and which script takes a migration back.

use std::collections::BTreeMap;

use super::up::{fresh_up, same_beginning};
use super::{DownFrom, DownTo, Plan, Step, begun_script, unknown_version};
use crate::Dialect;
use crate::migrate::compare::compare;
use crate::migrate::history::{Direction, State, Stored, Unfinished};
use crate::migrate::layout::{Folder, Layout};
use crate::migrate::script::prepare;
use crate::migrate::texts::{difference, same_text};
use crate::migrate::{MigrateError, Migration, Refusal, Script};
use crate::words::counted;

/// The versions whose stored scripts [`down`] needs, highest first.
#[must_use]
pub fn down_versions(state: &State, to: DownTo) -> Vec<i64> {
    let downwards = state.applied.iter().rev().map(|applied| applied.version);
    match to {
        // a version 0 is taken back, too
        DownTo::Version(0) => downwards.collect(),
        DownTo::Version(version) => downwards.take_while(|applied| *applied > version).collect(),
        DownTo::Steps(steps) => downwards.take(steps).collect(),
    }
}

/// What `down` does; `stored` are the scripts that the database holds.
///
/// # Errors
/// [`MigrateError::Refused`] with everything that is in the way.
pub fn down(
    folder: &Folder,
    state: &State,
    stored: &BTreeMap<i64, Stored>,
    to: DownTo,
    from: DownFrom,
) -> Result<Plan, MigrateError> {
    state.require_ours(Some(folder))?;
    let (dialect, layout) = (state.tables.dialect, folder.layout);
    let mut refusals = Vec::new();
    if let Some(unfinished) = state.unfinished_in(Direction::Up) {
        refusals.push(Refusal::new(
            format!(
                "V{}__{} is half applied ({} done)",
                unfinished.version,
                unfinished.name,
                counted(unfinished.next_statement as u64, "statement")
            ),
            format!(
                "finish it with `liftlock up`, or undo by hand what it did and say so: \
                 `liftlock mark {} --unapplied --reason '…'`",
                unfinished.version
            ),
        ));
    }
    let entries = compare(folder, state);
    if let DownTo::Version(version) = to
        && version != 0
        && !entries.iter().any(|entry| entry.version == version)
    {
        refusals.push(unknown_version(version, &entries));
    }
    let mut plan = Plan::default();
    let mut versions = down_versions(state, to);
    if let Some(unfinished) = state.unfinished_in(Direction::Down) {
        let migration = folder.migrations.iter().find(|migration| migration.version == unfinished.version);
        match resumed_down(dialect, layout, unfinished, migration, from) {
            Ok(step) => plan.steps.push(step),
            Err(refusal) => refusals.push(refusal),
        }
        if let DownTo::Steps(steps) = to {
            versions.truncate(steps.saturating_sub(1));
        }
    }
    for version in versions {
        let Some(applied) = state.applied.iter().find(|applied| applied.version == version) else { continue };
        let migration = folder.migrations.iter().find(|migration| migration.version == version);
        let title = format!("V{version}__{}", applied.name);
        let step = down_script(&title, migration, stored.get(&version), from).and_then(|script| {
            let prepared = prepare(dialect, layout, &script)?;
            Ok(Step {
                direction: Direction::Down,
                version,
                name: applied.name.clone(),
                checksum: applied.checksum.parse().unwrap_or_default(),
                script,
                prepared,
                down: None,
                resume: None,
            })
        });
        match step {
            Ok(step) => plan.steps.push(step),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Ok(plan) } else { Err(MigrateError::Refused(refusals)) }
}

/// Passes unless another runner has applied something above `versions` since they were chosen.
pub(crate) fn nothing_above(state: &State, versions: &[i64]) -> Result<(), MigrateError> {
    match (state.applied.last(), versions.iter().max()) {
        (Some(last), Some(highest)) if last.version > *highest => Err(MigrateError::Refused(vec![Refusal::new(
            format!("V{}__{} was applied meanwhile, above V{highest}", last.version, last.name),
            "look at `liftlock status` and run it again",
        )])),
        _ => Ok(()),
    }
}

/// Passes unless `version`, the highest when a redo was asked for, was taken back since. One above it may have come: it
/// was between its own down and its up when this run first looked.
pub(crate) fn not_taken_back(state: &State, version: Option<i64>) -> Result<(), MigrateError> {
    let Some(version) = version else { return Ok(()) };
    let half_way = state.unfinished.iter().any(|unfinished| unfinished.version == version);
    if half_way || state.applied.iter().any(|applied| applied.version == version) {
        return Ok(());
    }
    Err(MigrateError::Refused(vec![Refusal::new(
        format!("V{version} was taken back by another runner meanwhile"),
        "look at `liftlock status`; `liftlock up` applies it again",
    )]))
}

/// The ups that follow the downs of `versions` (highest first) in a `redo`, from their files.
///
/// # Errors
/// [`MigrateError::Refused`] where a file is missing or can't run.
pub(crate) fn again(folder: &Folder, state: &State, versions: &[i64]) -> Result<Vec<Step>, MigrateError> {
    let mut refusals = Vec::new();
    let mut steps = Vec::new();
    for version in versions.iter().rev() {
        match folder.migrations.iter().find(|migration| migration.version == *version) {
            Some(migration) => match fresh_up(state.tables.dialect, folder.layout, migration) {
                Ok(step) => steps.push(step),
                Err(refusal) => refusals.push(refusal),
            },
            None => refusals.push(Refusal::new(
                format!("V{version} has no file to apply it again from"),
                "restore the file, or take it back with `liftlock down`",
            )),
        }
    }
    if refusals.is_empty() { Ok(steps) } else { Err(MigrateError::Refused(refusals)) }
}

/// The file goes on where the script that was begun stopped, if what was executed stands in it unchanged; without a
/// file, or where the stored script is asked for, what was begun goes on.
fn resumed_down(
    dialect: Dialect,
    layout: Layout,
    unfinished: &Unfinished,
    migration: Option<&Migration>,
    from: DownFrom,
) -> Result<Step, Refusal> {
    let begun = begun_script(unfinished);
    let prepared_begun = prepare(dialect, layout, &begun)?;
    let file = migration.and_then(|migration| migration.down.as_ref()).filter(|_| from != DownFrom::Table);
    let (script, prepared) = match file {
        Some(file) => {
            let prepared = prepare(dialect, layout, file)?;
            same_beginning(&prepared_begun, &prepared, unfinished, &file.path)?;
            (file.clone(), prepared)
        }
        None => (begun, prepared_begun),
    };
    Ok(Step {
        direction: Direction::Down,
        version: unfinished.version,
        name: unfinished.name.clone(),
        checksum: unfinished.checksum.parse().unwrap_or_default(),
        script,
        prepared,
        down: None,
        resume: Some(unfinished.clone()),
    })
}

/// The script that takes a migration back, where there is exactly one answer.
fn down_script(
    title: &str,
    migration: Option<&Migration>,
    stored: Option<&Stored>,
    from: DownFrom,
) -> Result<Script, Refusal> {
    let up_directives = match (migration, stored.and_then(|stored| stored.up.as_ref())) {
        (Some(migration), _) => Some(&migration.up.directives),
        (None, Some((_, directives))) => Some(directives),
        (None, None) => None,
    };
    let file = migration.and_then(|migration| migration.down.as_ref());
    let table = stored.and_then(|stored| stored.down.as_ref()).map(|(text, directives)| Script {
        path: format!("the down script stored with {title}"),
        first_line: 1,
        text: text.clone(),
        directives: directives.clone(),
    });
    let why = [up_directives, file.map(|file| &file.directives)]
        .into_iter()
        .flatten()
        .find_map(|directives| directives.irreversible.as_deref());
    if let Some(why) = why {
        return Err(Refusal::new(
            format!("{title} is irreversible: {why}"),
            "stop above it (`--to`), or write a new migration that goes forward to what you need",
        ));
    }
    match (file, table, from) {
        (Some(file), Some(table), DownFrom::Either) => {
            if same_text(&file.text, &table.text) && file.directives == table.directives {
                Ok(file.clone())
            } else {
                Err(Refusal::new(
                    format!(
                        "the down script of {title} was edited after it was applied: `{}` (+) is not what is stored \
                         (-)\n{}",
                        file.path,
                        difference(&table.text, &file.text)
                    ),
                    "choose one: `--from-file` or `--from-table`",
                ))
            }
        }
        (Some(file), _, DownFrom::File) | (Some(file), None, DownFrom::Either) => Ok(file.clone()),
        (_, Some(table), DownFrom::Table) | (None, Some(table), DownFrom::Either) => Ok(table),
        (Some(_), None, DownFrom::Table) => {
            Err(Refusal::new(format!("the database holds no down script of {title}"), "run the file's: `--from-file`"))
        }
        (None, _, DownFrom::File) => {
            Err(Refusal::new(format!("the folder has no down script of {title}"), "run the stored one: `--from-table`"))
        }
        (None, None, _) => Err(Refusal::new(
            format!("{title} has no down script, neither in the folder nor in the database"),
            "write one beside it, or stop above it (`--to`)",
        )),
    }
}
