//! Files that are there whole or not at all: written beside their place, then renamed, and never over a database.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::MaintainError;
use crate::db::{OwnFiles, resolved};

/// A file in the making. Dropped before [`WholeFile::finish`], nothing is left of it.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    out: Out,
}

#[derive(Debug)]
enum Out {
    /// A file that takes the name of the other when it is whole.
    Beside(BufWriter<NamedTempFile>, PathBuf),
    /// A pipe, a terminal, a device: written as it is.
    Special(BufWriter<File>),
}

impl WholeFile {
    /// Begins a file that is to be at `path`. Where there is one, it stays until the new one is finished.
    ///
    /// # Errors
    /// [`MaintainError::Refused`] where it is one of `own` or another database, and where there is a file that is not to
    /// be replaced; [`MaintainError::File`] where the folder can't be written to.
    pub fn create(path: &Path, replace: bool, own: &OwnFiles) -> Result<Self, MaintainError> {
        own.check(path)?;
        let there = fs::metadata(path).ok();
        if there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(failed("write", path)(io::ErrorKind::IsADirectory.into()));
        }
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            let file = OpenOptions::new().write(true).open(path).map_err(failed("write", path))?;
            return Ok(Self { path: path.to_owned(), out: Out::Special(BufWriter::new(file)) });
        }
        if there.is_some() {
            refuse(path, replace)?;
        }
        let to = resolved(path);
        let file = beside(&to).map_err(failed("write", path))?;
        if let Some(there) = there {
            file.as_file().set_permissions(there.permissions()).map_err(failed("write", path))?;
        }
        Ok(Self { path: path.to_owned(), out: Out::Beside(BufWriter::with_capacity(1 << 16, file), to) })
    }

    /// Writes all of a file, over what is there.
    ///
    /// # Errors
    /// As [`WholeFile::create`] and [`WholeFile::finish`].
    pub fn write(path: &Path, contents: &[u8], own: &OwnFiles) -> Result<(), MaintainError> {
        let mut file = Self::create(path, true, own)?;
        file.write_all(contents).map_err(failed("write", path))?;
        file.finish()
    }

    /// Whether a file can be written where it is to be, over what is there, which is left as it is.
    ///
    /// # Errors
    /// As [`WholeFile::create`].
    pub fn can_write(path: &Path, own: &OwnFiles) -> Result<(), MaintainError> {
        own.check(path)?;
        // who reads a pipe would see its end when this closes it
        if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            return Ok(());
        }
        Self::create(path, true, own).map(drop)
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// [`MaintainError::File`] where it can't be written to its end, or not be renamed.
    pub fn finish(self) -> Result<(), MaintainError> {
        let Self { path, out } = self;
        let unwritten = |error: io::Error| failed("write", &path)(error);
        match out {
            Out::Beside(file, to) => {
                let file = file.into_inner().map_err(|error| unwritten(error.into_error()))?;
                // some file systems find out only now that there is no room
                file.as_file().sync_all().map_err(unwritten)?;
                file.persist(&to).map_err(|error| unwritten(error.error)).map(drop)
            }
            Out::Special(mut file) => file.flush().map_err(unwritten),
        }
    }
}

/// Refuses to replace what is there where that was not said, and where it is a database, which was never meant.
fn refuse(path: &Path, replace: bool) -> Result<(), MaintainError> {
    const SQLITE: &[u8] = b"SQLite format 3\0";
    let (message, hint) = if !replace {
        (
            format!("`{}` exists already; it was left as it is", path.display()),
            "name another file, or give `--force` to replace it",
        )
    } else {
        let mut begins = Vec::new();
        let read = File::open(path).and_then(|file| file.take(SQLITE.len() as u64).read_to_end(&mut begins));
        if read.is_err() || begins != SQLITE {
            return Ok(());
        }
        (
            format!("`{}` is a SQLite database, and would be none; it was left as it is", path.display()),
            "name another file, or remove that one first",
        )
    };
    Err(MaintainError::Refused { message, hint: hint.to_owned() })
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".liftlock-").suffix(".part");
    // as any other new file: the user's own mask decides who may read it
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Out::Beside(file, _) => file.write(bytes),
            Out::Special(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Beside(file, _) => file.flush(),
            Out::Special(file) => file.flush(),
        }
    }
}

/// An error of the file's.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MaintainError + use<> {
    let path = path.to_owned();
    move |source| MaintainError::File { doing, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).expect("a folder").count()
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.html");
        let own = OwnFiles::default();
        fs::write(&path, "x".repeat(1000)).expect("written");
        WholeFile::can_write(&path, &own).expect("it can");
        drop(WholeFile::create(&path, true, &own).expect("begun"));
        assert!(WholeFile::create(&path, false, &own).is_err());
        assert_eq!(fs::read_to_string(&path).expect("read").len(), 1000);
        WholeFile::write(&path, b"short", &own).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), "short");
        assert_eq!(count(folder.path()), 1);
    }

    #[test]
    fn a_file_that_can_not_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a folder");
        let own = OwnFiles::default();
        fs::create_dir(&path).expect("made");
        assert!(WholeFile::can_write(&path, &own).is_err() && WholeFile::write(&path, b"x", &own).is_err());
        assert!(WholeFile::can_write(&folder.path().join("no/such/report.html"), &own).is_err());
        assert_eq!(count(folder.path()), 1);
    }

    #[test]
    fn a_database_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        fs::write(&path, b"SQLite format 3\0 and the rest").expect("written");
        let own = OwnFiles::of_file(&path);
        assert!(WholeFile::write(&path, b"x", &own).expect_err("its own").to_string().contains("the database itself"));
        let other = WholeFile::write(&path, b"x", &OwnFiles::default()).expect_err("another");
        assert!(other.to_string().contains("is a SQLite database"), "{other}");
        assert!(WholeFile::can_write(&folder.path().join("a.db-wal"), &own).is_err());
        assert_eq!(count(folder.path()), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_a_device_is_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["there", "to-be"] {
            std::os::unix::fs::symlink(name, at(&format!("{name}.link"))).expect("made");
        }
        fs::write(at("there"), "x").expect("written");
        fs::set_permissions(at("there"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("set");
        for name in ["there", "to-be"] {
            WholeFile::write(&at(&format!("{name}.link")), b"new", &OwnFiles::default()).expect("written");
            assert_eq!(fs::read_to_string(at(name)).expect("read"), "new");
            assert!(at(&format!("{name}.link")).is_symlink());
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(at("there")).expect("there").permissions());
        assert_eq!(mode & 0o777, 0o600);
        WholeFile::write(Path::new("/dev/null"), b"new", &OwnFiles::default()).expect("written");
        assert!(!Path::new("/dev/null").is_file());
    }
}
