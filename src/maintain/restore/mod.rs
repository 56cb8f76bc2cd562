//! `restore`: a backup, checked from first to last before anything is touched, becomes a database's content; what the
//! database held before is kept.

mod postgres;
mod postgres_place;
mod sqlite;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::MaintainError;
use super::backup::manifest::{self, Contents, Manifest, damaged};
use super::backup::{Progress, sqlite as copies};
use crate::config::{SqliteLocation, SqliteTarget, Target};
use crate::crypt::Key;
use crate::db::OwnFiles;
use crate::interrupt::Interrupt;

/// What to restore, and how.
#[derive(Debug)]
pub struct Restore<'a> {
    /// The database whose content is replaced; of PostgreSQL the server, too.
    pub target: Target,
    /// The backup.
    pub file: PathBuf,
    /// PostgreSQL: the database that it is restored into, which is made, or has to be empty.
    pub into: Option<String>,
    /// The key that it was encrypted with.
    pub key: Option<Key>,
    /// Whether a backup without a manifest is restored, too.
    pub without_manifest: bool,
    /// The folder that the old content of a SQLite database is kept in; `None` is the database's own.
    pub dir: Option<PathBuf>,
    /// How long a lock is waited for.
    pub patience: Duration,
    /// The request to stop.
    pub interrupt: Interrupt,
    /// Told how far it is.
    pub progress: Progress<'a>,
}

/// What a restore came to.
#[derive(Debug, Clone, Serialize)]
pub struct RestoreReport {
    /// The backup.
    pub file: PathBuf,
    /// When it was made, where its manifest says so.
    pub made_on: Option<String>,
    /// The database that has its content now.
    pub database: String,
    /// Where the old content is: a file, or a database of the same server.
    pub kept: Option<String>,
    /// The highest version in `schema_migrations`.
    pub schema_version: Option<String>,
    /// How many tables were compared with the manifest.
    pub compared: usize,
    /// The tables that are not as the manifest says, a sentence each.
    pub differences: Vec<String>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

/// What stands where a backup is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum There {
    /// No database, or an empty one.
    Nothing,
    /// A database with content.
    Live,
}

/// A backup that was looked at.
pub(crate) struct Checked {
    pub manifest: Option<Manifest>,
    pub contents: Option<Contents>,
    pub encrypted: bool,
}

/// Whether there is content that a restore would replace, to be asked before.
///
/// # Errors
/// [`MaintainError`] where that can't be found out.
pub fn what_is_there(restore: &Restore<'_>) -> Result<There, MaintainError> {
    match &restore.target {
        Target::Sqlite(target) => sqlite::what_is_there(target),
        Target::Postgres(target) => postgres::what_is_there(target, restore.into.as_deref()),
    }
}

/// Restores a backup.
///
/// # Errors
/// [`MaintainError`]; the database is as it was then, unless the message says otherwise.
pub fn restore(restore: &Restore<'_>) -> Result<RestoreReport, MaintainError> {
    let _work = restore.interrupt.work();
    let checked = check(restore)?;
    match &restore.target {
        Target::Sqlite(target) => {
            if restore.into.is_some() {
                return Err(into_sqlite());
            }
            sqlite::restore(restore, target, &checked)
        }
        Target::Postgres(target) => postgres::restore(restore, target, &checked),
    }
}

/// Checks all that is checked before a restore touches anything, and says whether it would replace something. What is
/// decrypted or copied for that is removed again.
///
/// # Errors
/// [`MaintainError`] as [`restore`], where that would be refused.
pub fn dry_run(restore: &Restore<'_>) -> Result<(RestoreReport, There), MaintainError> {
    let _work = restore.interrupt.work();
    let checked = check(restore)?;
    let report = match &restore.target {
        Target::Sqlite(_) if restore.into.is_some() => return Err(into_sqlite()),
        Target::Sqlite(target) => sqlite::dry_run(restore, target, &checked),
        Target::Postgres(target) => postgres::dry_run(restore, target, &checked),
    }?;
    Ok((report, what_is_there(restore)?))
}

fn into_sqlite() -> MaintainError {
    MaintainError::Refused {
        message: "`--into` names a database of PostgreSQL".to_owned(),
        hint: "name another SQLite file with `--database`".to_owned(),
    }
}

impl Restore<'_> {
    /// Whether the backup begins as an encrypted one does.
    fn file_is_encrypted(&self) -> bool {
        let mut begins = Vec::new();
        let read = File::open(&self.file).and_then(|file| file.take(8).read_to_end(&mut begins));
        read.is_ok() && begins == b"LIFTLOCK"
    }
}

impl Checked {
    /// The report of a restore that came to its end.
    pub fn report(&self, restore: &Restore<'_>, database: String, notes: Vec<String>) -> RestoreReport {
        RestoreReport {
            file: restore.file.clone(),
            made_on: self.manifest.as_ref().map(|manifest| manifest.made_on.clone()),
            database,
            kept: None,
            schema_version: self.contents.as_ref().and_then(|contents| contents.schema_version.clone()),
            compared: self.contents.as_ref().map_or(0, |contents| contents.tables.len()),
            differences: Vec::new(),
            notes,
        }
    }

    /// The key, where the backup is encrypted.
    pub fn key<'a>(&self, restore: &'a Restore<'_>) -> Option<&'a Key> {
        restore.key.as_ref().filter(|_| self.encrypted)
    }
}

/// Whether the file is a backup that could be restored, as far as that is seen at a glance: it is there, of this kind of
/// database, with its manifest and, where it is encrypted, a key.
///
/// # Errors
/// [`MaintainError`] where it is not.
pub fn glance(restore: &Restore<'_>) -> Result<(), MaintainError> {
    look(restore).map(drop)
}

/// Checks the file against its manifest: it is of this kind of database, it is whole, and it is its key.
fn check(restore: &Restore<'_>) -> Result<Checked, MaintainError> {
    let file = &restore.file;
    let (manifest, encrypted) = look(restore)?;
    if let Some(manifest) = &manifest {
        let read = |source| MaintainError::File { doing: "read", path: file.clone(), source };
        let (bytes, sum) = File::open(file).and_then(manifest::sum_of).map_err(read)?;
        if (bytes, &sum) != (manifest.bytes, &manifest.sha256) {
            let why = if bytes == manifest.bytes {
                "its SHA-256 is not the manifest's".to_owned()
            } else {
                format!("it has {bytes} bytes, and had {}", manifest.bytes)
            };
            return Err(damaged(&format!("`{}` is not as it was made: {why}", file.display())));
        }
    }
    if restore.interrupt.is_set() {
        return Err(copies::interrupted());
    }
    let key = restore.key.as_ref().filter(|_| encrypted);
    let contents = manifest.as_ref().map(|manifest| manifest.read_contents(key)).transpose()?;
    Ok(Checked { manifest, contents, encrypted })
}

/// The manifest, and whether the file is encrypted.
fn look(restore: &Restore<'_>) -> Result<(Option<Manifest>, bool), MaintainError> {
    let file = &restore.file;
    if let Err(own) = OwnFiles::of(&restore.target).check(file) {
        let hint = "name the backup, and with `--database` the database that is to have its content".to_owned();
        return Err(MaintainError::Refused { message: own.to_string(), hint });
    }
    let read = |source| MaintainError::File { doing: "read", path: file.clone(), source };
    let begins = {
        let mut begins = Vec::new();
        File::open(file).and_then(|file| file.take(16).read_to_end(&mut begins)).map_err(read)?;
        begins
    };
    let encrypted = begins.starts_with(b"LIFTLOCK");
    let manifest = Manifest::read(file)?;
    if manifest.is_none() && !restore.without_manifest {
        return Err(MaintainError::Refused {
            message: format!(
                "`{}` is missing: without it nobody can say whether the backup is as it was made",
                Manifest::path_of(file).display()
            ),
            hint: "put it beside the backup, or give `--without-manifest`".to_owned(),
        });
    }
    if let Some(manifest) = &manifest {
        if manifest.dialect != restore.target.dialect().name() {
            return Err(other_kind(file, &manifest.dialect, restore));
        }
    } else if !encrypted {
        let kind = if begins.starts_with(b"SQLite format 3\0") {
            "sqlite"
        } else if begins.starts_with(b"PGDMP") {
            "postgres"
        } else {
            return Err(damaged(&format!(
                "`{}` is no backup: it is no SQLite database, no dump of PostgreSQL's in the custom format, and not encrypted",
                file.display()
            )));
        };
        if kind != restore.target.dialect().name() {
            return Err(other_kind(file, kind, restore));
        }
    }
    if encrypted && restore.key.is_none() {
        let why = crate::crypt::CryptError::NoKey;
        return Err(MaintainError::Refused {
            message: format!("`{}` is encrypted: {why}", file.display()),
            hint: format!(
                "set `{}` to the key that it was made with: no other one opens it; nothing was changed",
                crate::config::KEY_VARIABLE
            ),
        });
    }
    Ok((manifest, encrypted))
}

fn other_kind(file: &Path, kind: &str, restore: &Restore<'_>) -> MaintainError {
    let (kind, hint) = match kind {
        "sqlite" => ("SQLite", "name a SQLite file with `--database`; `liftlock port` takes one to PostgreSQL"),
        _ => ("PostgreSQL", "name a server with `--database`"),
    };
    MaintainError::Refused {
        message: format!("`{}` is a backup of {kind}, and `{}` is none of that", file.display(), restore.target),
        hint: hint.to_owned(),
    }
}

/// The name of the database, which a person gives to confirm that it is meant: that of PostgreSQL's, or the file's.
#[must_use]
pub fn name_of(target: &Target, into: Option<&str>) -> String {
    match target {
        Target::Postgres(target) => {
            into.or(target.dbname.as_deref()).or(target.user.as_deref()).unwrap_or_default().to_owned()
        }
        Target::Sqlite(SqliteTarget { location: SqliteLocation::File(path), .. }) => {
            path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        }
        Target::Sqlite(_) => ":memory:".to_owned(),
    }
}
