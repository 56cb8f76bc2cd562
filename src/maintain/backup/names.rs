//! The names of backups that nobody named, and which of them are too many.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::manifest::Manifest;
use crate::Dialect;
use crate::config::{SqliteLocation, Target};
use crate::maintain::MaintainError;

/// Before the ending of an encrypted backup.
const ENCRYPTED: &str = ".enc";

/// What a backup's name begins with: the database's.
pub(crate) fn stem(target: &Target) -> OsString {
    match target {
        Target::Sqlite(sqlite) => match &sqlite.location {
            SqliteLocation::File(path) => path.file_stem().unwrap_or(path.as_os_str()).to_owned(),
            SqliteLocation::Memory => "memory".into(),
        },
        Target::Postgres(postgres) => {
            let name = postgres.dbname.as_deref().unwrap_or("postgres");
            name.chars()
                .map(|c| if c == '/' || c == '\\' || c.is_control() { '_' } else { c })
                .collect::<String>()
                .into()
        }
    }
}

/// What a backup's name ends with.
fn ending(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => ".backup.db",
        Dialect::Postgres => ".backup.dump",
    }
}

/// As it stands in names: `20261120T142059Z`.
pub(crate) fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A name in `folder` that is not taken; `what` is in it where it is no usual backup.
pub(crate) fn free(folder: &Path, target: &Target, time: Timestamp, what: &str, encrypted: bool) -> PathBuf {
    let end = ending(target.dialect());
    let end = format!("{what}{end}{}", if encrypted { ENCRYPTED } else { "" });
    let stamp = stamp(time);
    // after all of that second: one that was removed must not have its number taken by a later one
    let taken = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| {
        let (time, number) = order(entry.ok()?.file_name().as_encoded_bytes(), target)?;
        (time == stamp).then_some(number)
    });
    (taken.max().unwrap_or(0) + 1..)
        .map(|number| {
            let number = if number == 1 { String::new() } else { format!("-{number}") };
            let mut name = stem(target);
            name.push(format!("-{stamp}{number}{end}"));
            // `./app` is `app`
            if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) }
        })
        .find(|path| !path.exists())
        .expect("some number is free")
}

/// Removes the oldest backups of this database in `folder` beyond `keep`, of which `made` is one, whatever the clock said:
/// those of the names that are given here, whose manifest says that they are of this very database. Gives their paths.
pub(crate) fn remove_old(
    folder: &Path,
    target: &Target,
    database: &str,
    made: &Path,
    keep: usize,
) -> Result<Vec<PathBuf>, MaintainError> {
    let is_of_this =
        |backup: &Path| matches!(Manifest::read(backup), Ok(Some(manifest)) if manifest.database == database);
    let mut own: Vec<((String, u32), PathBuf)> = Vec::new();
    let entries = fs::read_dir(folder).map_err(|source| MaintainError::File {
        doing: "read the folder",
        path: folder.to_owned(),
        source,
    })?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if let Some(backup) = orphan(&path, target) {
            // a run that was killed between the two had begun to remove it
            if is_of_this(&backup) {
                drop(fs::remove_file(Manifest::path_of(&backup)));
            }
            continue;
        }
        let Some(order) = path.file_name().and_then(|name| order(name.as_encoded_bytes(), target)) else { continue };
        if path.file_name() != made.file_name()
            && is_of_this(&path)
            && fs::symlink_metadata(&path).is_ok_and(|of| of.is_file())
        {
            own.push((order, path));
        }
    }
    own.sort();
    let too_many = (own.len() + 1).saturating_sub(keep).min(own.len());
    let mut removed = Vec::new();
    for (_, path) in own.drain(..too_many) {
        // the manifest last: without it, a backup would not be known as one of these
        for file in [path.clone(), Manifest::path_of(&path)] {
            fs::remove_file(&file).map_err(|source| MaintainError::File { doing: "remove", path: file, source })?;
            crate::crash::point("backup-removing");
        }
        removed.push(path);
    }
    Ok(removed)
}

/// The backup of ours that is gone, where `path` is its manifest.
fn orphan(path: &Path, target: &Target) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(".manifest.json")?;
    let backup = path.with_file_name(name);
    (order(name.as_bytes(), target).is_some() && !backup.exists()).then_some(backup)
}

/// When a backup of that name was made, and which of that second it is; `None` where the name is not of ours.
fn order(name: &[u8], target: &Target) -> Option<(String, u32)> {
    let name = name.strip_prefix(stem(target).as_encoded_bytes())?.strip_prefix(b"-")?;
    let name = std::str::from_utf8(name).ok()?;
    let name = name.strip_suffix(ENCRYPTED).unwrap_or(name).strip_suffix(ending(target.dialect()))?;
    let (time, number) = name.split_at_checked("20261120T142059Z".len())?;
    if !time.is_ascii() {
        return None;
    }
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let shape = digits(&time[..8]) && &time[8..9] == "T" && digits(&time[9..15]) && &time[15..] == "Z";
    let number = match number.strip_prefix('-') {
        None if number.is_empty() => 1,
        None => return None,
        Some(number) => number.parse().ok()?,
    };
    shape.then(|| (time.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn target(url: &str) -> Target {
        Target::parse(url, &Environment::default()).expect("a target")
    }

    #[test]
    fn names_are_told_from_others() {
        let app = target("sqlite:/data/app.db");
        let time: Timestamp = "2026-11-20T14:20:59.7Z".parse().expect("a time");
        let folder = tempfile::tempdir().expect("a folder");
        let first = free(folder.path(), &app, time, "", false);
        assert_eq!(first.file_name().expect("a name"), "app-20261120T142059Z.backup.db");
        fs::write(&first, "").expect("written");
        let second = free(folder.path(), &app, time, "", false);
        assert_eq!(second.file_name().expect("a name"), "app-20261120T142059Z-2.backup.db");
        fs::write(&second, "").expect("written");
        fs::remove_file(&first).expect("removed");
        let third = free(folder.path(), &app, time, "", true);
        assert_eq!(third.file_name().expect("a name"), "app-20261120T142059Z-3.backup.db.enc");
        let known = |name: &str| order(name.as_bytes(), &app).map(|(_, number)| number);
        assert_eq!(known("app-20261120T142059Z.backup.db"), Some(1));
        assert_eq!(known("app-20261120T142059Z-12.backup.db.enc"), Some(12));
        for other in [
            "app.db",
            "app-20261120T142059Z.db",
            "app-20261120T142059Z.before-restore.backup.db",
            "app-20261120T142059Z.backup.db.manifest.json",
            "app2-20261120T142059Z.backup.db",
            "app-2026-11-20T14:20:59Z.backup.db",
            "app-20261120T142059Z.backup.dump",
            "app-äääääääääääääääää.backup.db",
        ] {
            assert_eq!(known(other), None, "{other}");
        }
        let odd = free(folder.path(), &target("postgres://u@h/a%2Fb"), time, "", true);
        assert_eq!(odd.file_name().expect("a name"), "a_b-20261120T142059Z.backup.dump.enc");
    }
}
