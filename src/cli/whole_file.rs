//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::Error;

/// Writes a file under a temporary name beside it, and gives it its name when all of it is on the disk: a disk that
/// runs full leaves what was there. What is no plain file (a pipe, a terminal) is written as it is.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<(), Error> {
    written(path, contents).map_err(|source| failed(path, source))
}

/// Whether a file can be written where it is to be; one that is there is left as it is.
pub(super) fn can_write(path: &Path) -> Result<(), Error> {
    let try_it = || {
        // who reads a pipe would see its end when this closes it
        if is_special(path) {
            return Ok(());
        }
        let (_, beside) = places(path)?;
        File::create(&beside)?;
        fs::remove_file(&beside)
    };
    if path.is_dir() {
        return Err(failed(path, io::Error::from(io::ErrorKind::IsADirectory)));
    }
    try_it().map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.display().to_string(), source }
}

/// It is there, and no plain file.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file())
}

/// The file itself, where `path` is a link to it, and the temporary one beside it.
fn places(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let file = if path.exists() { path.canonicalize()? } else { path.to_owned() };
    let name = file.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let beside = file.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    Ok((file, beside))
}

fn written(path: &Path, contents: &[u8]) -> io::Result<()> {
    if is_special(path) {
        return fs::OpenOptions::new().write(true).open(path)?.write_all(contents);
    }
    let (file, beside) = places(path)?;
    let write = || {
        let mut new = File::create(&beside)?;
        if let Ok(there) = fs::metadata(&file) {
            new.set_permissions(there.permissions())?;
        }
        new.write_all(contents)?;
        // some file systems find out only now that there is no room
        new.sync_all()?;
        fs::rename(&beside, &file)
    };
    write().inspect_err(|_| drop(fs::remove_file(&beside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.html");
        fs::write(&path, "x".repeat(1000)).expect("it is written and read");
        can_write(&path).expect("it is written and read");
        assert_eq!(fs::read_to_string(&path).expect("it is written and read").len(), 1000);
        write(&path, b"short").expect("it is written and read");
        assert_eq!(fs::read_to_string(&path).expect("it is written and read"), "short");
        assert_eq!(fs::read_dir(folder.path()).expect("it is written and read").count(), 1);
    }

    #[test]
    fn a_file_that_can_not_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a folder");
        fs::create_dir(&path).expect("it is written and read");
        assert!(can_write(&path).is_err() && write(&path, b"x").is_err());
        assert!(can_write(&folder.path().join("no/such/report.html")).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("it is written and read").count(), 1);
    }
}
