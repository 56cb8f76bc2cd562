//! What `up` does.

use super::{Plan, Step, UpTo, begun_script, unknown_version};
use crate::Dialect;
use crate::migrate::compare::{Entry, Situation, compare};
use crate::migrate::history::{self, Direction, State, Unfinished};
use crate::migrate::layout::{Folder, Layout};
use crate::migrate::script::{Mode, Prepared, prepare};
use crate::migrate::{MigrateError, Migration, Refusal};
use crate::words::counted;

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
                        format!(
                            "{title} is half taken back ({} done)",
                            counted(unfinished.next_statement as u64, "statement")
                        ),
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

pub(super) fn fresh_up(dialect: Dialect, layout: Layout, migration: &Migration) -> Result<Step, Refusal> {
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

pub(super) fn same_beginning(
    begun: &Prepared,
    now: &Prepared,
    unfinished: &Unfinished,
    path: &str,
) -> Result<(), Refusal> {
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
