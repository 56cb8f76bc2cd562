//! A dump into PostgreSQL: into a database that is made for it, compared there, and only then given its name.

use jiff::Timestamp;

use super::postgres_place::{Place, drop_database, exists, is_empty, sessions, swap};
use super::{Checked, Restore, RestoreReport, There};
use crate::config::{PostgresTarget, Secret, Target};
use crate::db::{PostgresDb, SqlError};
use crate::maintain::MaintainError;
use crate::maintain::backup::manifest::{damaged, differences};
use crate::maintain::backup::postgres::{connection_string, first, reader, sums_now, verify};
use crate::maintain::backup::{names, sqlite::interrupted};
use crate::maintain::pg_programs::Program;

/// The name of the database that a restore ends with.
fn wanted(target: &PostgresTarget, into: Option<&str>) -> Result<String, MaintainError> {
    let name = into.or(target.dbname.as_deref()).or(target.user.as_deref());
    name.map(str::to_owned).ok_or_else(|| MaintainError::Refused {
        message: "no database is named".to_owned(),
        hint: "name one with `--into`".to_owned(),
    })
}

pub(super) fn what_is_there(target: &PostgresTarget, into: Option<&str>) -> Result<There, MaintainError> {
    let name = wanted(target, into)?;
    let mut control = control(target, &name)?;
    let there = exists(&mut control, &name).map_err(MaintainError::sql("look for the database"))?;
    Ok(if there && !is_empty(target, &name)? { There::Live } else { There::Nothing })
}

/// A connection to another database of the server than the one to be restored: that one may not be there, and is not
/// renamed while somebody is in it.
fn control(target: &PostgresTarget, not_in: &str) -> Result<PostgresDb, MaintainError> {
    let mut failed = None;
    for name in ["postgres", "template1"].into_iter().filter(|name| *name != not_in) {
        match PostgresDb::connect(&PostgresTarget { dbname: Some(name.to_owned()), ..target.clone() }) {
            Ok(db) => return Ok(db),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.map_or_else(interrupted, MaintainError::from))
}

/// What a restore begins with, once nothing is in its way.
struct Ready {
    name: String,
    control: PostgresDb,
    program: Program,
    /// Whether there is a database of that name.
    there: bool,
    /// Whether it holds something.
    live: bool,
}

fn ready(restore: &Restore<'_>, target: &PostgresTarget, checked: &Checked) -> Result<Ready, MaintainError> {
    let name = wanted(target, restore.into.as_deref())?;
    let mut control = control(target, &name)?;
    let asking = MaintainError::sql;
    let server = first(control.query_each("SHOW server_version_num").map_err(asking("ask for the server's version"))?);
    let server = server.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0) / 10_000;
    let program = Program::find("pg_restore", server)?;
    // all of it is read, and decrypted, before anything is made
    verify(&program, &restore.file, checked.key(restore), &restore.interrupt).map_err(|error| match error {
        MaintainError::Failed { message, .. } => {
            damaged(&format!("`{}` can't be read: {message}", restore.file.display()))
        }
        other => other,
    })?;
    let there = exists(&mut control, &name).map_err(asking("look for the database"))?;
    let live = there && !is_empty(target, &name)?;
    if live && restore.into.is_some() {
        return Err(MaintainError::Refused {
            message: format!("the database `{name}` is there already, and is not empty"),
            hint:
                "name another with `--into`; without it, the database itself is replaced, and kept under another name"
                    .to_owned(),
        });
    }
    if there {
        sessions(&mut control, &name)?;
    }
    Ok(Ready { name, control, program, there, live })
}

pub(super) fn dry_run(
    restore: &Restore<'_>,
    target: &PostgresTarget,
    checked: &Checked,
) -> Result<RestoreReport, MaintainError> {
    let Ready { name, .. } = ready(restore, target, checked)?;
    let named = PostgresTarget { dbname: Some(name), ..target.clone() };
    let mut report = checked.report(restore, Target::Postgres(named).to_string(), Vec::new());
    // rows are compared once they are in a database
    report.compared = 0;
    Ok(report)
}

pub(super) fn restore(
    restore: &Restore<'_>,
    target: &PostgresTarget,
    checked: &Checked,
) -> Result<RestoreReport, MaintainError> {
    let Ready { name, control, program, there, live } = ready(restore, target, checked)?;
    crate::crash::point("restore-checked");
    let mut notes = Vec::new();
    let mut place = Place::make(control, target, checked, &mut notes)?;
    let result = fill(restore, &program, &place, checked).and_then(|(contents, differing)| {
        crate::crash::point("restore-filled");
        let mut report = checked.report(restore, String::new(), std::mem::take(&mut notes));
        report.compared = contents;
        if let Some(difference) = differing.first() {
            return Err(MaintainError::Failed {
                message: format!(
                    "what was restored is not what the manifest says ({difference}); it was dropped again, and nothing \
                     was changed"
                ),
                hint: Some("restore another backup".to_owned()),
            });
        }
        let kept = if there { Some(free_name(&mut place, &name)?) } else { None };
        swap(&mut place, &name, kept.as_deref(), &mut report.notes)?;
        crate::crash::point("restore-done");
        if let Some(kept) = kept {
            if live {
                report.kept = Some(kept);
            } else {
                // it was empty
                drop_database(&mut place, &kept, &mut report.notes);
            }
        }
        let named = PostgresTarget { dbname: Some(name.clone()), ..target.clone() };
        report.database = Target::Postgres(named).to_string();
        Ok(report)
    });
    if result.is_err() {
        place.remove();
    }
    result
}

/// The old database's name from now on, which no other has.
fn free_name(place: &mut Place, name: &str) -> Result<String, MaintainError> {
    let now = names::stamp(Timestamp::now()).to_lowercase();
    let mut number = 1;
    loop {
        let kept = kept_name(name, &if number == 1 { now.clone() } else { format!("{now}_{number}") });
        if !exists(&mut place.control, &kept).map_err(MaintainError::sql("look for a free name"))? {
            return Ok(kept);
        }
        number += 1;
    }
}

/// PostgreSQL's names have 63 bytes at most.
fn kept_name(name: &str, time: &str) -> String {
    let end = format!("_before_restore_{time}");
    let mut length = name.len().min(63 - end.len());
    while !name.is_char_boundary(length) {
        length -= 1;
    }
    format!("{}{end}", &name[..length])
}

/// Fills the place, and gives how many tables were compared and which differ.
fn fill(
    restore: &Restore<'_>,
    program: &Program,
    place: &Place,
    checked: &Checked,
) -> Result<(usize, Vec<String>), MaintainError> {
    let mut command = program.on(place.target());
    command.args(["--exit-on-error", "--no-password", "--dbname", &connection_string(place.name())]);
    let secrets: Vec<Secret> = place.target().password.iter().cloned().collect();
    let mut input = reader(&restore.file, checked.key(restore))?;
    program.run(command, Some(&mut *input), &mut |_| Ok(()), &secrets, &restore.interrupt)?;
    let Some(contents) = &checked.contents else { return Ok((0, Vec::new())) };
    let mut db = PostgresDb::connect(place.target())?;
    let running = restore.interrupt.while_running(db.canceller());
    let found = sums_now(&mut db);
    drop(running);
    let stopped = |error: SqlError| match restore.interrupt.is_set() {
        true => interrupted(),
        false => MaintainError::sql("compare what was restored")(error),
    };
    let (tables, _) = found.map_err(stopped)?;
    Ok((contents.tables.len(), differences(contents, &tables)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_database_has_a_name_that_postgresql_takes() {
        assert_eq!(kept_name("app", "20261120t142059z"), "app_before_restore_20261120t142059z");
        for name in ["x".repeat(63), "ä".repeat(31)] {
            let kept = kept_name(&name, "20261120t142059z_2");
            assert!(kept.len() <= 63 && kept.contains("_before_restore_"), "{kept}");
        }
    }
}
