//! A backup into a SQLite database: through the backup API into the locked file, in one transaction. The file is never
//! exchanged: another one under the WAL of the old is a corrupt database.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Checked, Restore, RestoreReport, There};
use crate::config::{SqliteLocation, SqliteTarget, Target};
use crate::crypt::{CryptError, Decryptor};
use crate::db::{Access, ErrorClass, SqlError, SqliteDb};
use crate::maintain::MaintainError;
use crate::maintain::backup::manifest::{Contents, crypt, damaged, differences};
use crate::maintain::backup::sqlite::{examine, interrupted, one, open, open_target, sums};
use crate::maintain::backup::workspace::{Workspace, folder_of, sync_folder};
use crate::maintain::backup::{self, Backup, names};
use crate::migrate::RunLock;

/// How often the old content is kept anew, where somebody writes meanwhile.
const ATTEMPTS: u32 = 5;

pub(super) fn what_is_there(target: &SqliteTarget) -> Result<There, MaintainError> {
    let path = file_of(target)?;
    // a file of no bytes is an empty database
    Ok(if fs::metadata(path).is_ok_and(|of| of.len() > 0) { There::Live } else { There::Nothing })
}

fn file_of(target: &SqliteTarget) -> Result<&Path, MaintainError> {
    let refused = |message: String, hint: &str| Err(MaintainError::Refused { message, hint: hint.to_owned() });
    match &target.location {
        SqliteLocation::Memory => {
            refused("a database in memory can't be restored".into(), "name a file with `--database`")
        }
        SqliteLocation::File(path) if target.read_only => {
            refused(format!("`{}` was named with `mode=ro`", path.display()), "leave that out of the URL")
        }
        SqliteLocation::File(path) => Ok(path),
    }
}

pub(super) fn restore(
    restore: &Restore<'_>,
    target: &SqliteTarget,
    checked: &Checked,
) -> Result<RestoreReport, MaintainError> {
    let path = file_of(target)?;
    let mut notes = Vec::new();
    let workspace = Workspace::new(&folder_of(path), &mut notes)?;
    let plain = plain_copy(restore, checked, &workspace)?;
    let (mut source, found) = examined(restore, checked, &plain)?;
    crate::crash::point("restore-checked");
    let _lock =
        RunLock::of_file(path, restore.patience, &restore.interrupt)?.map_err(|holder| MaintainError::busy(&holder))?;
    let mode = checked.contents.as_ref().and_then(|contents| contents.journal_mode.clone());
    let mut report = checked.report(restore, Target::Sqlite(target.clone()).to_string(), notes);
    report.schema_version = found.schema_version.clone();
    if what_is_there(target)? == There::Nothing && !path.exists() {
        if mode.as_deref() == Some("wal") {
            source.execute("PRAGMA journal_mode = wal").map_err(MaintainError::sql("prepare the database"))?;
        }
        drop(source);
        usual_permissions(&workspace, &plain)?;
        put_new(&plain, path)?;
    } else {
        replace(restore, target, path, &source, &mut report)?;
    }
    crate::crash::point("restore-done");
    let live = open(path, Access::Existing)?;
    let tables = sums(&live).map_err(MaintainError::sql("compare the restored database"))?;
    report.differences = differences(&found, &tables);
    report.compared = found.tables.len();
    if !report.differences.is_empty() {
        report.notes.push("where others write to it already, that is what they have changed".to_owned());
    }
    Ok(report)
}

/// The copy, open, once it is known to be whole and to hold what its manifest says.
fn examined(restore: &Restore<'_>, checked: &Checked, plain: &Path) -> Result<(SqliteDb, Contents), MaintainError> {
    let mut source = open(plain, Access::Existing)
        .map_err(|_| damaged(&format!("`{}` is no SQLite database", restore.file.display())))?;
    let (problems, found) = examine(&mut source, &restore.interrupt)?;
    if let Some(problem) = problems.first() {
        return Err(damaged(&format!("`{}` is damaged: {problem}", restore.file.display())));
    }
    if let Some(contents) = &checked.contents
        && let Some(difference) = differences(contents, &found.tables).first()
    {
        return Err(damaged(&format!("`{}` is not what its manifest says: {difference}", restore.file.display())));
    }
    Ok((source, found))
}

pub(super) fn dry_run(
    restore: &Restore<'_>,
    target: &SqliteTarget,
    checked: &Checked,
) -> Result<RestoreReport, MaintainError> {
    let path = file_of(target)?;
    if !path.exists() {
        refuse_remains(path)?;
    }
    let mut notes = Vec::new();
    let workspace = Workspace::new(&folder_of(path), &mut notes)?;
    let plain = plain_copy(restore, checked, &workspace)?;
    let (_, found) = examined(restore, checked, &plain)?;
    let mut report = checked.report(restore, Target::Sqlite(target.clone()).to_string(), notes);
    report.schema_version.clone_from(&found.schema_version);
    report.compared = if checked.contents.is_some() { found.tables.len() } else { 0 };
    Ok(report)
}

/// The backup as a SQLite file that is ours, decrypted from first to last. The backup itself is not opened by SQLite,
/// which might write beside it.
fn plain_copy(restore: &Restore<'_>, checked: &Checked, workspace: &Workspace) -> Result<PathBuf, MaintainError> {
    let (path, mut file) = workspace.create("restored.db")?;
    let mut copy = || -> io::Result<()> {
        let mut from = File::open(&restore.file)?;
        match checked.key(restore) {
            None => drop(io::copy(&mut from, &mut file)?),
            Some(key) => drop(io::copy(&mut Decryptor::new(key, io::BufReader::new(from))?, &mut file)?),
        }
        file.sync_all()
    };
    copy().map_err(|source| match CryptError::of(&source) {
        Some(error) => crypt(error, &format!("`{}`", restore.file.display())),
        None => MaintainError::File { doing: "copy", path: restore.file.clone(), source },
    })?;
    Ok(path)
}

/// Those that a file has which SQLite makes: by the umask, which only a file shows.
fn usual_permissions(workspace: &Workspace, path: &Path) -> Result<(), MaintainError> {
    let set =
        || File::create(workspace.path("usual"))?.metadata().and_then(|of| fs::set_permissions(path, of.permissions()));
    set().map_err(|source| MaintainError::File { doing: "write", path: path.to_owned(), source })
}

/// What is left of a database that was there would be taken for a part of the new one.
fn refuse_remains(path: &Path) -> Result<(), MaintainError> {
    for suffix in ["-wal", "-journal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        if Path::new(&beside).exists() {
            return Err(MaintainError::Refused {
                message: format!(
                    "`{}` is there, and the database is not: SQLite would take it for a part of the restored one",
                    Path::new(&beside).display()
                ),
                hint: "move it away; it belongs to a database that was here".to_owned(),
            });
        }
    }
    Ok(())
}

/// A file where there was none.
fn put_new(made: &Path, path: &Path) -> Result<(), MaintainError> {
    let failed = |source| MaintainError::File { doing: "write", path: path.to_owned(), source };
    refuse_remains(path)?;
    File::open(made).and_then(|file| file.sync_all()).map_err(failed)?;
    match fs::hard_link(made, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(failed(error)),
        Err(_) => fs::rename(made, path).map_err(failed)?,
    }
    sync_folder(&folder_of(path))
}

/// The content in the place of what is there, which is kept.
fn replace(
    restore: &Restore<'_>,
    target: &SqliteTarget,
    path: &Path,
    source: &SqliteDb,
    report: &mut RestoreReport,
) -> Result<(), MaintainError> {
    let target = SqliteTarget { create: false, ..target.clone() };
    let failed = |error: SqlError| write_error(error, restore);
    let mut live = open_target(&target, Access::Existing)?;
    live.wait(restore.patience, &restore.interrupt);
    let mode = one(&live, "PRAGMA main.journal_mode").map_err(failed)?;
    let sizes =
        (one(&live, "PRAGMA main.page_size").map_err(failed)?, one(source, "PRAGMA main.page_size").map_err(failed)?);
    let wal = mode == "wal";
    let other_pages = wal && sizes.0 != sizes.1;
    if other_pages {
        // the backup API can't change the size of pages in WAL mode (https://www.sqlite.org/c3ref/backup_finish.html)
        live.execute("PRAGMA journal_mode = delete").map_err(|error| {
            if error.class == ErrorClass::LockTimeout { needs_to_be_alone(path) } else { failed(error) }
        })?;
        if one(&live, "PRAGMA main.journal_mode").map_err(failed)? != "delete" {
            return Err(needs_to_be_alone(path));
        }
    }
    let replaced = if wal && !other_pages {
        in_wal_mode(restore, &target, path, source, &mut live, report)
    } else {
        alone(restore, &target, source, &mut live, report)
    };
    if other_pages {
        live.execute("PRAGMA journal_mode = wal").map_err(failed)?;
    }
    replaced
}

fn needs_to_be_alone(path: &Path) -> MaintainError {
    MaintainError::Refused {
        message: format!(
            "`{}` is in WAL mode with pages of another size than the backup's, and others have it open; nothing was changed",
            path.display()
        ),
        hint: "stop what uses it, and restore then".to_owned(),
    }
}

fn write_error(error: SqlError, restore: &Restore<'_>) -> MaintainError {
    match error.class {
        _ if restore.interrupt.is_set() => interrupted(),
        ErrorClass::LockTimeout => MaintainError::Refused {
            message: format!(
                "others held locks on `{}` for {:?}; nothing was changed",
                restore.target, restore.patience
            ),
            hint: "stop what reads or writes it, or wait longer with `--wait 5min`".to_owned(),
        },
        _ => MaintainError::Sql { doing: "restore the database; it is as it was".to_owned(), source: error },
    }
}

/// WAL: the old content is kept while others write, and is all there was if nobody has committed since, once the lock
/// for writing is had. Those who read go on reading the old.
fn in_wal_mode(
    restore: &Restore<'_>,
    target: &SqliteTarget,
    path: &Path,
    source: &SqliteDb,
    live: &mut SqliteDb,
    report: &mut RestoreReport,
) -> Result<(), MaintainError> {
    let failed = |error: SqlError| write_error(error, restore);
    let watch = open(path, Access::Read)?;
    let mut kept = None;
    for _ in 0..ATTEMPTS {
        let before = watch.data_version().map_err(failed)?;
        if let Some(file) = kept.replace(keep(restore, target, report)?) {
            remove_kept(&file);
        }
        let mut as_before = Ok(before);
        let done = live
            .replace_by(source, || {
                as_before = watch.data_version();
                matches!(as_before, Ok(now) if now == before)
            })
            .map_err(|error| {
                kept.take().iter().for_each(|file| remove_kept(file));
                failed(error)
            })?;
        if done {
            report.kept = kept.map(|file| file.display().to_string());
            return Ok(());
        }
    }
    kept.iter().for_each(|file| remove_kept(file));
    Err(MaintainError::Refused {
        message: format!("others write to `{}` all the time; nothing was changed", restore.target),
        hint: "stop what writes to it, and restore then".to_owned(),
    })
}

/// The other journal modes: nobody else reads or writes from before the old content is kept until the new is in.
fn alone(
    restore: &Restore<'_>,
    target: &SqliteTarget,
    source: &SqliteDb,
    live: &mut SqliteDb,
    report: &mut RestoreReport,
) -> Result<(), MaintainError> {
    let failed = |error: SqlError| write_error(error, restore);
    live.execute("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE; COMMIT").map_err(failed)?;
    let kept = if one(live, "PRAGMA page_count").map_err(failed)? == "0" {
        None
    } else {
        Some(keep_of(live, restore, target, report)?)
    };
    crate::crash::point("restore-kept");
    match live.replace_by(source, || true) {
        Ok(_) => {
            // the lock goes with the next access
            live.execute("PRAGMA locking_mode = normal; SELECT count(*) FROM sqlite_schema").map_err(failed)?;
            report.kept = kept.map(|file| file.display().to_string());
            Ok(())
        }
        Err(error) => {
            kept.iter().for_each(|file| remove_kept(file));
            Err(failed(error))
        }
    }
}

/// The old content as a backup, in the state that it has now.
fn keep(restore: &Restore<'_>, target: &SqliteTarget, report: &mut RestoreReport) -> Result<PathBuf, MaintainError> {
    let (backup, file, time) = kept_as(restore, target);
    let made = backup::write(&backup, &file, time).map_err(|error| not_kept(error, restore))?;
    report.notes.extend(made.notes);
    crate::crash::point("restore-kept");
    Ok(made.file)
}

/// The same through the connection that has the lock.
fn keep_of(
    live: &mut SqliteDb,
    restore: &Restore<'_>,
    target: &SqliteTarget,
    report: &mut RestoreReport,
) -> Result<PathBuf, MaintainError> {
    let (backup, file, time) = kept_as(restore, target);
    let made = backup::write_from(&backup, Some(live), &file, time).map_err(|error| not_kept(error, restore))?;
    report.notes.extend(made.notes);
    Ok(made.file)
}

fn kept_as<'a>(restore: &'a Restore<'_>, target: &SqliteTarget) -> (Backup<'a>, PathBuf, Timestamp) {
    let time = Timestamp::now();
    let whole = Target::Sqlite(target.clone());
    let path = match &target.location {
        SqliteLocation::File(path) => folder_of(path),
        SqliteLocation::Memory => PathBuf::from("."),
    };
    let folder = restore.dir.clone().unwrap_or(path);
    // an encrypted backup's database is not kept in the plain
    let key = if restore.file_is_encrypted() { restore.key.clone() } else { None };
    let file = names::free(&folder, &whole, time, ".before-restore", key.is_some());
    let backup = Backup {
        target: whole,
        file: Some(file.clone()),
        dir: None,
        force: false,
        keep: None,
        key,
        patience: restore.patience,
        interrupt: restore.interrupt.clone(),
        progress: restore.progress,
    };
    (backup, file, time)
}

fn not_kept(error: MaintainError, restore: &Restore<'_>) -> MaintainError {
    match error {
        MaintainError::Interrupted { .. } => error,
        error => {
            let mut message =
                format!("what `{}` holds could not be kept, so nothing was changed: {error}", restore.target);
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                message.push_str(&format!(": {error}"));
                cause = error.source();
            }
            let hint = format!(
                "where it is damaged, nothing can be kept but its files: stop what uses it, move `{0}`, `{0}-wal` and \
                 `{0}-journal` away, and restore then",
                super::name_of(&restore.target, None)
            );
            MaintainError::Failed { message, hint: Some(hint) }
        }
    }
}

/// What was kept of a state that was not replaced.
fn remove_kept(file: &Path) {
    for file in [file.to_owned(), backup::Manifest::path_of(file)] {
        if let Err(error) = fs::remove_file(&file) {
            tracing::warn!(%error, "`{}` can't be removed", file.display());
        }
    }
}
