//! From folder and database to the steps that are to run, or to everything that is in the way. Pure: no I/O.

use std::collections::BTreeMap;

use super::compare::{Entry, Situation, compare};
use super::history::{self, Direction, State, Stored, Unfinished};
use super::layout::{Folder, Layout};
use super::script::{Mode, Prepared, UnitKind, prepare};
use super::{Directives, MigrateError, Migration, Refusal, Script};
use crate::Dialect;

/// How far `up` goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UpTo {
    /// Everything that is pending.
    #[default]
    Latest,
    /// Up to this version, which the folder must hold.
    Version(i64),
    /// So many migrations.
    Steps(usize),
}

/// How far `down` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownTo {
    /// Everything above this version; 0 is everything.
    Version(i64),
    /// So many migrations.
    Steps(usize),
}

impl Default for DownTo {
    fn default() -> Self {
        Self::Steps(1)
    }
}

/// Which down script is run where the folder's and the stored one differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DownFrom {
    /// Neither: say so.
    #[default]
    Either,
    /// The file.
    File,
    /// The one that was stored when the migration was applied.
    Table,
}

/// One migration to run, one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which way.
    pub direction: Direction,
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The checksum of the up script, for its row.
    pub checksum: u64,
    /// What is run.
    pub script: Script,
    /// The same, ready.
    pub prepared: Prepared,
    /// The down script that is stored with the row (of an up).
    pub down: Option<(String, Directives)>,
    /// Where to go on, if it stopped half-way before.
    pub resume: Option<Unfinished>,
}

impl Step {
    /// `V1__name`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("V{}__{}", self.version, self.name)
    }
}

/// What is to be done, and what a person should know beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// Not in the way, but worth saying.
    pub warnings: Vec<String>,
}

/// What `up` does.
///
/// # Errors
/// [`MigrateError::Refused`] with everything that is in the way.
pub fn up(folder: &Folder, state: &State, to: UpTo, allow_out_of_order: bool) -> Result<Plan, MigrateError> {
    state.require_ours(Some(folder))?;
    let (dialect, layout) = (state.tables.dialect, folder.layout);
    let entries = compare(folder, state);
    let mut refusals = obstacles(folder, state, &entries, allow_out_of_order);
    if let UpTo::Version(version) = to
        && !entries.iter().any(|entry| entry.version == version)
    {
        refusals.push(unknown_version(version, &entries));
    }
    let mut wanted: Vec<&Entry<'_>> = entries
        .iter()
        .filter(|entry| match entry.situation {
            Situation::Unfinished => true,
            Situation::Pending | Situation::OutOfOrder => match to {
                UpTo::Version(version) => entry.version <= version,
                UpTo::Latest | UpTo::Steps(_) => true,
            },
            _ => false,
        })
        .collect();
    // what was begun is ended first
    wanted.sort_by_key(|entry| (entry.unfinished.is_none(), entry.version));
    if let UpTo::Steps(steps) = to {
        wanted.truncate(steps);
    }
    let mut plan = Plan { steps: Vec::new(), warnings: ahead(&entries, folder) };
    for entry in wanted {
        let step = match (entry.unfinished, entry.migration) {
            (Some(unfinished), migration) if unfinished.direction == Direction::Up => {
                resumed_up(dialect, layout, unfinished, migration)
            }
            (None, Some(migration)) => fresh_up(dialect, layout, migration),
            _ => continue,
        };
        match step {
            Ok(step) => plan.steps.push(step),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Ok(plan) } else { Err(MigrateError::Refused(refusals)) }
}

fn ahead(entries: &[Entry<'_>], folder: &Folder) -> Vec<String> {
    let ahead: Vec<String> = entries.iter().filter(|e| e.situation == Situation::Ahead).map(Entry::title).collect();
    if ahead.is_empty() {
        return Vec::new();
    }
    let folder_holds = match folder.migrations.last() {
        Some(last) => format!("whose last migration is {last}"),
        None => "which has no migrations".to_owned(),
    };
    vec![format!("the database is ahead of this folder, {folder_holds}: it has {}", ahead.join(", "))]
}

fn unknown_version(version: i64, entries: &[Entry<'_>]) -> Refusal {
    let near = entries.iter().min_by_key(|entry| entry.version.abs_diff(version));
    let hint = match near {
        Some(entry) => format!("the nearest there is: {}", entry.title()),
        None => "there are no migrations at all".to_owned(),
    };
    Refusal::new(format!("there is no version {version}"), hint)
}

fn obstacles(folder: &Folder, state: &State, entries: &[Entry<'_>], allow_out_of_order: bool) -> Vec<Refusal> {
    let highest = state.applied.last().map_or_else(String::new, |last| format!("V{}__{}", last.version, last.name));
    let mut refusals = Vec::new();
    for entry in entries {
        let title = entry.title();
        match entry.situation {
            Situation::Diverged => refusals.push(diverged(entry)),
            Situation::Missing => refusals.push(Refusal::new(
                format!(
                    "{title} is applied, and `{}` has no file for it, though it goes on above it",
                    folder.dir.display()
                ),
                format!(
                    "restore the file (its text is `up_script` in `schema_migrations`, where Liftlock applied it), or \
                     `liftlock mark {} --unapplied --reason '…'` if it is undone",
                    entry.version
                ),
            )),
            Situation::OutOfOrder if !allow_out_of_order => refusals.push(Refusal::new(
                format!("{title} is pending, though {highest} above it is applied already"),
                "apply it with `--allow-out-of-order`, or give it a version above the highest",
            )),
            Situation::Unfinished => {
                if let Some(unfinished) = entry.unfinished
                    && unfinished.direction == Direction::Down
                {
                    refusals.push(Refusal::new(
                        format!("{title} is half taken back ({} statements done)", unfinished.next_statement),
                        "finish that with `liftlock down` first",
                    ));
                }
            }
            _ => {}
        }
    }
    refusals
}

fn diverged(entry: &Entry<'_>) -> Refusal {
    let stored = entry.applied.map_or("", |applied| applied.checksum.as_str());
    let file = entry.migration.map_or(0, Migration::checksum);
    let path = entry.migration.map_or("", |migration| migration.up.path.as_str());
    Refusal::new(
        format!(
            "{} was edited after it was applied: `{path}` has checksum {file}, the database {stored}",
            entry.title()
        ),
        format!(
            "put the file back as it was and make the change in a new migration; or accept the file as it is: \
             `liftlock repair {}`",
            entry.version
        ),
    )
}

fn fresh_up(dialect: Dialect, layout: Layout, migration: &Migration) -> Result<Step, Refusal> {
    let prepared = prepare(dialect, layout, &migration.up)?;
    Ok(Step {
        direction: Direction::Up,
        version: migration.version,
        name: migration.name.clone(),
        checksum: migration.checksum(),
        script: migration.up.clone(),
        prepared,
        down: migration.down.as_ref().map(|down| (down.text.clone(), down.directives.clone())),
        resume: None,
    })
}

/// The file goes on where the script that was begun stopped, if what was executed stands in it unchanged.
fn resumed_up(
    dialect: Dialect,
    layout: Layout,
    unfinished: &Unfinished,
    migration: Option<&Migration>,
) -> Result<Step, Refusal> {
    let begun = begun_script(unfinished);
    let prepared_begun = prepare(dialect, layout, &begun)?;
    let mut step = match migration {
        Some(migration) => fresh_up(dialect, layout, migration)?,
        None => Step {
            direction: Direction::Up,
            version: unfinished.version,
            name: unfinished.name.clone(),
            checksum: unfinished.checksum.parse().unwrap_or_default(),
            script: begun,
            prepared: prepared_begun.clone(),
            down: unfinished.down.clone(),
            resume: None,
        },
    };
    same_beginning(&prepared_begun, &step.prepared, unfinished, &step.script.path)?;
    step.resume = Some(unfinished.clone());
    Ok(step)
}

fn begun_script(unfinished: &Unfinished) -> Script {
    Script {
        path: format!("the script of V{} as it was begun", unfinished.version),
        first_line: 1,
        text: unfinished.script.clone(),
        directives: unfinished.directives.clone(),
    }
}

fn same_beginning(begun: &Prepared, now: &Prepared, unfinished: &Unfinished, path: &str) -> Result<(), Refusal> {
    let title = format!("V{}__{}", unfinished.version, unfinished.name);
    let (Mode::Steps(begun), Mode::Steps(now)) = (&begun.mode, &now.mode) else {
        return Err(Refusal::new(
            format!("{title} stopped half-way as a no-transaction script, and `{path}` is transactional now"),
            "put `no-transaction` back: what was executed can't be rolled back any more",
        ));
    };
    // one that was sent may have happened: it can't be edited before it is known what became of it
    let done = unfinished.next_statement + usize::from(unfinished.mark == history::Mark::Started);
    let same = begun.len() >= done
        && now.len() >= done
        && begun.iter().zip(now).take(done).all(|(begun, now)| begun.text == now.text);
    if same {
        return Ok(());
    }
    let changed = begun.iter().zip(now).take(done).position(|(begun, now)| begun.text != now.text).unwrap_or(now.len());
    let was = begun.get(changed).map_or("", |unit| unit.text.as_str());
    Err(Refusal::new(
        format!(
            "{title} stopped when {done} statements were executed or sent, and `{path}` has another statement {} now; executed was\n  {was}",
            changed + 1
        ),
        "put the executed statements back as they were; those after them may change",
    ))
}

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
                "V{}__{} is half applied ({} statements done)",
                unfinished.version, unfinished.name, unfinished.next_statement
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
        match resumed_down(dialect, layout, unfinished) {
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

fn resumed_down(dialect: Dialect, layout: Layout, unfinished: &Unfinished) -> Result<Step, Refusal> {
    let script = begun_script(unfinished);
    let prepared = prepare(dialect, layout, &script)?;
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

/// Whether two texts are the same but for line ends and a byte order mark, as checksums are compared.
#[must_use]
pub(crate) fn same_text(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    one == other || plain(one) == plain(other)
}

/// The lines that differ, as `diff -u` prints them.
#[must_use]
pub(crate) fn difference(old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new).unified_diff().context_radius(2).to_string().trim_end().to_owned()
}

/// Whether a step runs statement by statement.
#[must_use]
pub(crate) fn is_stepwise(step: &Step) -> bool {
    matches!(step.prepared.mode, Mode::Steps(_))
}

/// The steps that only set up the session, before the statement at `next`: they are run again on resume.
pub(crate) fn session_units(prepared: &Prepared, next: usize) -> Vec<&str> {
    match &prepared.mode {
        Mode::Steps(units) => units
            .iter()
            .take(next)
            .filter(|unit| unit.kind == UnitKind::Session)
            .map(|unit| unit.text.as_str())
            .collect(),
        Mode::Transaction { .. } => Vec::new(),
    }
}
