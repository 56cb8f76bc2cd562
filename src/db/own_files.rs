//! Files that no output may be written over: a database's, what SQLite keeps beside it, and others that a command needs.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::config::{SqliteLocation, SqliteTarget, Target};

/// What stands beside a SQLite database, now or as soon as somebody writes: <https://www.sqlite.org/tempfiles.html>. The
/// last one is ours.
const BESIDE: [(&str, &str); 4] = [
    ("-wal", "the write-ahead log of"),
    ("-journal", "the rollback journal of"),
    ("-shm", "the index of the write-ahead log of"),
    ("-liftlock", "the lock file of"),
];

/// How many links that lead nowhere are followed.
const LINKS: usize = 40;

/// The files that a command must leave alone, whatever it is told to overwrite.
#[derive(Debug, Clone, Default)]
pub struct OwnFiles(Vec<Own>);

#[derive(Debug, Clone)]
struct Own {
    path: PathBuf,
    /// What it is, in words.
    what: String,
}

/// A file that is not to be written over.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is {what}; it was left as it is", path.display())]
pub struct IsOwn {
    path: PathBuf,
    what: String,
}

impl IsOwn {
    /// The next step.
    #[must_use]
    pub fn hint(&self) -> String {
        "name another file: nothing is written over it, whatever is forced".to_owned()
    }
}

impl OwnFiles {
    /// Those of a database; none of a server's, or of one in memory.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        match target {
            Target::Sqlite(target) => Self::of_sqlite(target),
            Target::Postgres(_) => Self::default(),
        }
    }

    /// The same.
    #[must_use]
    pub fn of_sqlite(target: &SqliteTarget) -> Self {
        match &target.location {
            SqliteLocation::File(path) => Self::of_file(path),
            SqliteLocation::Memory => Self::default(),
        }
    }

    /// Those of the database in this file.
    #[must_use]
    pub fn of_file(database: &Path) -> Self {
        // SQLite names what it writes after the file that links lead to
        let real = resolved(database);
        let mut own = vec![Own { path: database.to_owned(), what: "the database itself".to_owned() }];
        for name in [database, real.as_path()] {
            own.extend(BESIDE.iter().map(|(ending, what)| {
                let mut path = name.as_os_str().to_owned();
                path.push(ending);
                Own { path: path.into(), what: format!("{what} the database `{}`", database.display()) }
            }));
        }
        Self(own)
    }

    /// And this file, which is `what`.
    #[must_use]
    pub fn and(mut self, path: &Path, what: &str) -> Self {
        self.0.push(Own { path: path.to_owned(), what: what.to_owned() });
        self
    }

    /// Whether a file may be written as `path`: it is none of these, whether they are there or not, by whatever name.
    ///
    /// # Errors
    /// [`IsOwn`] where it is one.
    pub fn check(&self, path: &Path) -> Result<(), IsOwn> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (real, inode) = (resolved(path), inode(path));
        let same = |own: &&Own| resolved(&own.path) == real || (inode.is_some() && self::inode(&own.path) == inode);
        match self.0.iter().find(same) {
            Some(own) => Err(IsOwn { path: path.to_owned(), what: own.what.clone() }),
            None => Ok(()),
        }
    }
}

/// Which file it is, by whatever name: its device, and its number there.
#[cfg(unix)]
fn inode(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|of| (of.dev(), of.ino()))
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Option<(u64, u64)> {
    None
}

/// The file that a path leads to, which need not be there: a link may lead to what is yet to be.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if let Ok(real) = path.canonicalize() {
            return real;
        }
        match fs::read_link(&path) {
            Ok(to) => path = path.parent().unwrap_or(Path::new("")).join(to),
            Err(_) => break,
        }
    }
    // its folder may be there
    let whole = std::path::absolute(&path).unwrap_or(path);
    let mut rest: Vec<OsString> = Vec::new();
    let mut folder = whole.as_path();
    loop {
        if let Ok(real) = folder.canonicalize() {
            return rest.iter().rev().fold(real, |path, name| match Path::new(name).components().next() {
                Some(Component::ParentDir) => path.parent().map(Path::to_owned).unwrap_or_default(),
                _ => path.join(name),
            });
        }
        match (folder.parent(), folder.components().next_back()) {
            (Some(parent), Some(last)) => {
                rest.push(last.as_os_str().to_owned());
                folder = parent;
            }
            _ => return whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(own: &OwnFiles, path: &Path) -> String {
        own.check(path).expect_err("it is one of them").to_string()
    }

    #[test]
    fn a_database_and_what_stands_beside_it_by_every_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.db"), "x").expect("written");
        fs::create_dir(at("sub")).expect("made");
        let own = OwnFiles::of_file(&at("a.db"));
        assert!(refused(&own, &at("a.db")).ends_with("is the database itself; it was left as it is"));
        // there or not
        assert!(refused(&own, &at("a.db-wal")).contains("the write-ahead log of the database"));
        fs::write(at("a.db-wal"), "x").expect("written");
        for name in [
            "a.db-wal",
            "a.db-shm",
            "a.db-journal",
            "a.db-liftlock",
            "sub/../a.db",
            "sub/../a.db-shm",
            "no/../a.db-shm",
        ] {
            assert!(own.check(&at(name)).is_err(), "{name}");
        }
        for name in ["b.db", "a.db-wal2", "a.dbx", "sub/a.db", "sub/a.db-wal", "a.db.manifest.json"] {
            assert!(own.check(&at(name)).is_ok(), "{name}");
        }
        assert!(OwnFiles::default().check(&at("a.db")).is_ok());
        assert!(own.and(&at("b.db"), "the backup").check(&at("b.db")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_to_it() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).expect("made");
        fs::write(at("real/a.db"), "x").expect("written");
        symlink("real/a.db", at("named.db")).expect("made");
        symlink("real", at("folder")).expect("made");
        // to what is not there
        symlink("real/a.db-wal", at("out.txt")).expect("made");
        symlink("out.txt", at("again.txt")).expect("made");
        fs::hard_link(at("real/a.db"), at("hard.db")).expect("made");
        for database in ["real/a.db", "named.db", "hard.db", "folder/a.db"] {
            let own = OwnFiles::of_file(&at(database));
            for name in ["real/a.db", "named.db", "hard.db", "folder/a.db"] {
                assert!(own.check(&at(name)).is_err(), "{database}: {name}");
            }
            if database != "hard.db" {
                for name in ["real/a.db-wal", "folder/a.db-journal", "out.txt", "again.txt"] {
                    assert!(own.check(&at(name)).is_err(), "{database}: {name}");
                }
            }
        }
        assert!(OwnFiles::of_file(&at("named.db")).check(&at("named.db-wal")).is_err());
        symlink("round.txt", at("round.txt")).expect("made");
        assert!(OwnFiles::of_file(&at("named.db")).check(&at("round.txt")).is_ok());
    }
}
