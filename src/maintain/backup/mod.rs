//! `backup`: one state of a database as one file, checked, with a manifest beside it, put in its place when it is whole.

pub(crate) mod manifest;
pub(crate) mod names;
pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod workspace;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use self::manifest::{Contents, MadeWith, Manifest, TableSum};
use self::sqlite::Copying;
use self::workspace::{Workspace, folder_of, sync_folder};
use super::MaintainError;
use crate::config::{SqliteLocation, SqliteTarget, Target};
use crate::crypt::{Encryptor, Key};
use crate::db::{Access, OwnFiles, SqliteDb};
use crate::interrupt::Interrupt;
use crate::words::are;

/// What to back up, and how.
#[derive(Debug)]
pub struct Backup<'a> {
    /// The database.
    pub target: Target,
    /// The file to write; `None` makes a name of the database's and the time.
    pub file: Option<PathBuf>,
    /// The folder of such names; `None` is the database's own, or for PostgreSQL the working folder.
    pub dir: Option<PathBuf>,
    /// Whether a file that is there is replaced.
    pub force: bool,
    /// How many backups with names made here are kept.
    pub keep: Option<usize>,
    /// The key to encrypt it with.
    pub key: Option<Key>,
    /// How long a lock is waited for.
    pub patience: Duration,
    /// The request to stop.
    pub interrupt: Interrupt,
    /// Told how far it is.
    pub progress: Progress<'a>,
}

/// What is told how far a copy is: the pages of SQLite, or the bytes of PostgreSQL, that are done; and how many there
/// are, where that is known.
#[derive(Clone, Copy)]
pub struct Progress<'a>(pub &'a dyn Fn(u64, Option<u64>));

impl std::fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

/// What a backup came to.
#[derive(Debug, Clone, Serialize)]
pub struct BackupReport {
    /// The file.
    pub file: PathBuf,
    /// Its manifest.
    pub manifest_file: PathBuf,
    /// What it is of.
    pub database: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The highest version in `schema_migrations`.
    pub schema_version: Option<String>,
    /// SQLite: rows and keys that are in it and point nowhere.
    pub broken_foreign_keys: u64,
    /// The tables.
    pub tables: Vec<TableSum>,
    /// Older backups that were removed.
    pub removed: Vec<PathBuf>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

/// What is made before it has its name.
pub(crate) struct Made {
    /// The file, in the workspace.
    pub path: PathBuf,
    pub contents: Contents,
    pub database_version: String,
    pub program: Option<String>,
}

/// Makes a backup.
///
/// # Errors
/// [`MaintainError`]; no file of the backup's name was written then, and one that was there is as it was.
pub fn back_up(backup: &Backup<'_>) -> Result<BackupReport, MaintainError> {
    // while this lives, a request to stop lets what was begun be removed
    let _work = backup.interrupt.work();
    let time = Timestamp::now();
    let folder = folder(backup);
    if let Some(file) = &backup.file {
        let own = OwnFiles::of(&backup.target);
        own.check(file)?;
        own.check(&Manifest::path_of(file))?;
    }
    if let (None, Some(dir)) = (&backup.file, &backup.dir) {
        std::fs::create_dir_all(dir).map_err(|source| MaintainError::File {
            doing: "make the folder",
            path: dir.clone(),
            source,
        })?;
    }
    let file = match &backup.file {
        Some(file) if file.is_dir() => {
            return Err(MaintainError::Refused {
                message: format!("`{}` is a folder", file.display()),
                hint: "name a file in it, or set `dir` under `backup:` in liftlock.yaml".to_owned(),
            });
        }
        Some(file) if file.exists() && !backup.force => return Err(workspace::exists(file)),
        Some(file) => file.clone(),
        None => names::free(&folder, &backup.target, time, "", backup.key.is_some()),
    };
    let mut report = write(backup, &file, time)?;
    if let (Some(keep), None) = (backup.keep, &backup.file) {
        report.removed = names::remove_old(&folder, &backup.target, &identity(&backup.target), &file, keep)?;
        if !report.removed.is_empty() {
            sync_folder(&folder)?;
        }
    }
    Ok(report)
}

/// Makes a backup as the file `file`.
pub(crate) fn write(backup: &Backup<'_>, file: &Path, time: Timestamp) -> Result<BackupReport, MaintainError> {
    write_from(backup, None, file, time)
}

/// The same; of a SQLite database through the connection `live`, where one is given.
pub(crate) fn write_from(
    backup: &Backup<'_>,
    live: Option<&mut SqliteDb>,
    file: &Path,
    time: Timestamp,
) -> Result<BackupReport, MaintainError> {
    let mut notes = Vec::new();
    let workspace = Workspace::new(&folder_of(file), &mut notes)?;
    let made = match &backup.target {
        Target::Sqlite(target) => of_sqlite(backup, target, live, &workspace, &mut notes)?,
        Target::Postgres(target) => postgres::dump(backup, target, &workspace, &mut notes)?,
    };
    if backup.interrupt.is_set() {
        return Err(sqlite::interrupted());
    }
    let opened = File::open(&made.path).and_then(manifest::sum_of);
    let (bytes, sha256) =
        opened.map_err(|source| MaintainError::File { doing: "read", path: made.path.clone(), source })?;
    let manifest = Manifest {
        format: 0,
        made_by: concat!("liftlock ", env!("CARGO_PKG_VERSION")).to_owned(),
        made_on: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        database: identity(&backup.target),
        dialect: backup.target.dialect().name().to_owned(),
        database_version: made.database_version,
        program: made.program,
        bytes,
        sha256: sha256.clone(),
        encrypted: backup.key.is_some(),
        contents: None,
        sealed: None,
        check: String::new(),
    };
    let manifest = manifest.with_contents(&made.contents, backup.key.as_ref())?;
    let (page, mut page_file) = workspace.create("manifest.json")?;
    page_file.write_all(manifest.text().as_bytes()).map_err(|source| MaintainError::File {
        doing: "write",
        path: page.clone(),
        source,
    })?;
    let manifest_file = Manifest::path_of(file);
    workspace.place((&made.path, file), (&page, &manifest_file), backup.force)?;
    Ok(BackupReport {
        file: file.to_owned(),
        manifest_file,
        database: manifest.database,
        bytes,
        sha256,
        encrypted: manifest.encrypted,
        schema_version: made.contents.schema_version,
        broken_foreign_keys: made.contents.broken_foreign_keys,
        tables: made.contents.tables,
        removed: Vec::new(),
        notes,
    })
}

fn of_sqlite(
    backup: &Backup<'_>,
    target: &SqliteTarget,
    live: Option<&mut SqliteDb>,
    workspace: &Workspace,
    notes: &mut Vec<String>,
) -> Result<Made, MaintainError> {
    if let SqliteLocation::File(path) = &target.location
        && !path.exists()
    {
        return Err(MaintainError::Refused {
            message: format!("there is no file `{}`", path.display()),
            hint: "is the path right?".to_owned(),
        });
    }
    let mut opened;
    let db = match live {
        Some(live) => live,
        None => {
            opened = sqlite::open_target(target, Access::Read)?;
            &mut opened
        }
    };
    let (path, file) = workspace.create("copy.db")?;
    drop(file);
    let told = |done, all| (backup.progress.0)(done, Some(all));
    let how = Copying { patience: backup.patience, interrupt: &backup.interrupt, progress: &told };
    let copied = sqlite::copy(db, &path, &how)?;
    notes.extend(copied.notes);
    crate::crash::point("backup-copied");
    let mut copy = sqlite::open(&path, Access::Existing)?;
    let (problems, contents) = sqlite::examine(&mut copy, &backup.interrupt)?;
    let version = sqlite::one(&copy, "SELECT sqlite_version()").map_err(MaintainError::sql("read the backup"))?;
    drop(copy);
    if let Some(problem) = problems.first() {
        let more = problems.len() - 1;
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        return Err(MaintainError::Failed {
            message: format!(
                "the database is damaged ({problem}{more}): a backup of it would be, too, and none was made"
            ),
            hint: Some(
                "restore the last backup, or save what can be read with `sqlite3 FILE .recover`; keep the damaged file"
                    .to_owned(),
            ),
        });
    }
    if contents.broken_foreign_keys > 0 {
        let count = contents.broken_foreign_keys;
        notes.push(format!(
            "in the backup as in the database {} broken (`PRAGMA foreign_key_check`)",
            are(count, "foreign key")
        ));
    }
    let contents = Contents { journal_mode: Some(copied.journal_mode), ..contents };
    let path = match &backup.key {
        None => path,
        Some(key) => encrypt(key, &path, workspace)?,
    };
    Ok(Made { path, contents, database_version: version, program: None })
}

/// The file, encrypted; the plain one is removed.
fn encrypt(key: &Key, plain: &Path, workspace: &Workspace) -> Result<PathBuf, MaintainError> {
    let (path, file) = workspace.create("copy.enc")?;
    let run = || -> io::Result<()> {
        let mut encryptor = Encryptor::new(key, file)?;
        io::copy(&mut File::open(plain)?, &mut encryptor)?;
        encryptor.finish()?;
        std::fs::remove_file(plain)
    };
    run().map_err(|source| MaintainError::File { doing: "write", path: path.clone(), source })?;
    Ok(path)
}

/// The folder of names that are made here.
pub(crate) fn folder(backup: &Backup<'_>) -> PathBuf {
    backup.dir.clone().unwrap_or_else(|| match &backup.target {
        Target::Sqlite(SqliteTarget { location: SqliteLocation::File(path), .. }) => folder_of(path),
        _ => PathBuf::from("."),
    })
}

/// A database, however it was named: what `--keep` tells its backups from others by.
pub(crate) fn identity(target: &Target) -> String {
    match target {
        Target::Sqlite(SqliteTarget { location: SqliteLocation::File(path), .. }) => {
            let whole = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
            format!("sqlite:{}", whole.unwrap_or_else(|_| path.clone()).display())
        }
        other => other.to_string(),
    }
}
