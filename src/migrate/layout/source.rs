//! Where files come from: a folder on disk, or texts compiled into the program. Lists names; reads what is asked for.

use std::fs;
use std::io;
use std::path::Path;

use super::error::LayoutError;
use super::names;

/// The files of a migrations folder.
pub(super) trait Source {
    /// Every file's path within the folder, with `/`, sorted; hidden files and folders are left out.
    fn files(&self) -> Result<Vec<String>, LayoutError>;

    /// What a file holds.
    fn read(&self, path: &str) -> Result<Vec<u8>, LayoutError>;
}

/// A folder on disk.
pub(super) struct OnDisk<'a>(pub(super) &'a Path);

/// How deep sub-folders are looked into for files that look like migrations; also what ends a loop of symbolic links.
const DEEPEST: usize = 6;

impl Source for OnDisk<'_> {
    fn files(&self) -> Result<Vec<String>, LayoutError> {
        match fs::metadata(self.0) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(LayoutError::NotAFolder { path: self.0.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LayoutError::Missing { path: self.0.to_owned() });
            }
            Err(source) => return Err(LayoutError::Read { path: self.0.to_owned(), source }),
        }
        let mut files = Vec::new();
        walk(self.0, "", DEEPEST, &mut files)?;
        files.sort();
        Ok(files)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, LayoutError> {
        let path = self.0.join(path);
        fs::read(&path).map_err(|source| LayoutError::Read { path, source })
    }
}

fn walk(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<String>) -> Result<(), LayoutError> {
    let failed = |source| LayoutError::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        // a name that isn't UTF-8 keeps its extension, and then fits no layout
        let name = name.to_string_lossy();
        if names::is_ignored(&name) {
            continue;
        }
        // symbolic links are followed; one that leads nowhere counts as a file, so that reading it tells
        let kind = entry.file_type().map_err(failed)?;
        let is_folder =
            kind.is_dir() || kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|found| found.is_dir());
        match is_folder {
            true if depth > 0 => walk(&entry.path(), &format!("{prefix}{name}/"), depth - 1, files)?,
            true => {}
            false => files.push(format!("{prefix}{name}")),
        }
    }
    Ok(())
}

/// Texts compiled into the program, by path.
pub(super) struct Embedded<'a>(pub(super) &'a [(&'a str, &'a str)]);

impl Source for Embedded<'_> {
    fn files(&self) -> Result<Vec<String>, LayoutError> {
        let hidden = |path: &str| path.split('/').any(names::is_ignored);
        let paths = self.0.iter().map(|(path, _)| plain(path)).filter(|path| !hidden(path));
        let mut files: Vec<String> = paths.map(str::to_owned).collect();
        files.sort();
        Ok(files)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, LayoutError> {
        let found = self.0.iter().find(|(name, _)| plain(name) == path);
        Ok(found.expect("only listed paths are read").1.as_bytes().to_vec())
    }
}

fn plain(path: &str) -> &str {
    path.trim_start_matches("./")
}
