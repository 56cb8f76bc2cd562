//! A folder beside a file that is to be: what is made stands there until it is whole, and is moved then. What a killed
//! run left is found by its lock, which nobody holds any more, and removed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use crate::maintain::MaintainError;

const PREFIX: &str = ".liftlock-tmp-";
const LOCK: &str = ".lock";

/// The folder; it is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Workspace {
    parent: PathBuf,
    folder: PathBuf,
    lock: PathBuf,
    _held: File,
}

impl Workspace {
    /// Makes it in `parent`, where it removes what killed runs left; each is named in `notes`.
    pub fn new(parent: &Path, notes: &mut Vec<String>) -> Result<Self, MaintainError> {
        remove_leftovers(parent, notes);
        let cannot = |source| MaintainError::File { doing: "write to the folder", path: parent.to_owned(), source };
        loop {
            let name = format!("{PREFIX}{:08x}", RandomState::new().build_hasher().finish() & 0xffff_ffff);
            let lock = parent.join(format!("{name}{LOCK}"));
            // the lock before the folder: a folder without one held is what a killed run left
            let held = match private(OpenOptions::new().write(true).create_new(true)).open(&lock) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(cannot(error)),
            };
            // one that cleans up may have been faster
            if held.try_lock().is_err() || !lock.exists() {
                continue;
            }
            let folder = parent.join(&name);
            let workspace = Self { parent: parent.to_owned(), folder, lock, _held: held };
            make_private_folder(&workspace.folder).map_err(cannot)?;
            return Ok(workspace);
        }
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes a file in it that no other user can read.
    pub fn create(&self, name: &str) -> Result<(PathBuf, File), MaintainError> {
        let path = self.path(name);
        match private(OpenOptions::new().read(true).write(true).create_new(true)).open(&path) {
            Ok(file) => Ok((path, file)),
            Err(source) => Err(MaintainError::File { doing: "write", path, source }),
        }
    }

    /// Moves two files out of it, a backup and its manifest. A backup that is there already is left as it is, unless
    /// `replace`. At no time does a file of the backup's name hold anything but a whole backup; killed between the two, it
    /// is one without a manifest.
    pub fn place(
        &self,
        (made, to): (&Path, &Path),
        (page, page_to): (&Path, &Path),
        replace: bool,
    ) -> Result<(), MaintainError> {
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| MaintainError::File { doing, path, source }
        };
        for path in [made, page] {
            File::open(path).and_then(|file| file.sync_all()).map_err(failed("write", path))?;
        }
        if to.exists() && !replace {
            return Err(exists(to));
        }
        crate::crash::point("backup-made");
        if to.exists() {
            match fs::remove_file(page_to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", page_to)(error)),
                _ => {}
            }
            crate::crash::point("backup-between");
            fs::rename(made, to).map_err(failed("replace", to))?;
            crate::crash::point("backup-between");
            fs::rename(page, page_to).map_err(failed("write", page_to))?;
        } else {
            // a rename would replace what another process has put there meanwhile
            match fs::hard_link(made, to) {
                // one file has one name from here on
                Ok(()) => drop(fs::remove_file(made)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(to)),
                // a file system without links
                Err(_) => fs::rename(made, to).map_err(failed("write", to))?,
            }
            crate::crash::point("backup-between");
            fs::rename(page, page_to).map_err(failed("write", page_to))?;
        }
        crate::crash::point("backup-placed");
        sync_folder(&self.parent)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        remove(&self.folder, &self.lock);
    }
}

pub(crate) fn exists(path: &Path) -> MaintainError {
    MaintainError::Refused {
        message: format!("`{}` exists already; it was left as it is", path.display()),
        hint: "name another file, or give `--force` to replace it".to_owned(),
    }
}

/// Makes what was done to the names in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), MaintainError> {
    // elsewhere a folder can't be opened
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| MaintainError::File {
            doing: "write to the folder",
            path: folder.to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn remove_leftovers(parent: &Path, notes: &mut Vec<String>) {
    for entry in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(LOCK)) else { continue };
        if name.len() != 8 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            continue;
        }
        let Ok(file) = OpenOptions::new().write(true).open(entry.path()) else { continue };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => continue,
        }
        let folder = parent.join(format!("{PREFIX}{name}"));
        remove(&folder, &entry.path());
        notes.push(format!("`{}`, which a killed run had left, is removed", folder.display()));
    }
}

fn remove(folder: &Path, lock: &Path) {
    let gone = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::remove_file(lock),
    };
    if let Err(error) = gone {
        tracing::warn!(%error, "`{}` can't be removed", folder.display());
    }
}

/// As SQLite's and PostgreSQL's own files are, a copy of them is for its owner alone.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_not() {
        let parent = tempfile::tempdir().expect("a folder");
        let mut notes = Vec::new();
        let living = Workspace::new(parent.path(), &mut notes).expect("made");
        fs::create_dir(parent.path().join(".liftlock-tmp-0123abcd")).expect("made");
        fs::write(parent.path().join(".liftlock-tmp-0123abcd/half.db"), "x").expect("written");
        fs::write(parent.path().join(".liftlock-tmp-0123abcd.lock"), "").expect("written");
        fs::write(parent.path().join(".liftlock-tmp-mine.lock"), "").expect("written");
        let next = Workspace::new(parent.path(), &mut notes).expect("made");
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains(".liftlock-tmp-0123abcd"), "{notes:?}");
        assert!(living.path("").exists() && next.path("").exists());
        drop((living, next));
        let left: Vec<_> = fs::read_dir(parent.path()).expect("read").filter_map(Result::ok).collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_file_that_is_there_is_left_as_it_is() {
        let parent = tempfile::tempdir().expect("a folder");
        let workspace = Workspace::new(parent.path(), &mut Vec::new()).expect("made");
        let (made, page) = (workspace.path("a"), workspace.path("b"));
        let (to, page_to) = (parent.path().join("a.db"), parent.path().join("a.db.manifest.json"));
        let write = |text: &str| {
            fs::write(&made, text).expect("written");
            fs::write(&page, text).expect("written");
        };
        write("one");
        workspace.place((&made, &to), (&page, &page_to), false).expect("placed");
        write("two");
        let error = workspace.place((&made, &to), (&page, &page_to), false).expect_err("there");
        assert!(error.to_string().contains("exists already"), "{error}");
        assert_eq!(fs::read_to_string(&to).expect("read"), "one");
        assert_eq!(fs::read_to_string(&page_to).expect("read"), "one");
        workspace.place((&made, &to), (&page, &page_to), true).expect("placed");
        assert_eq!(fs::read_to_string(&to).expect("read"), "two");
        assert_eq!(fs::read_to_string(&page_to).expect("read"), "two");
    }
}
