//! Values that are stored as files: by their SHA-256 in the store's folder, and what tells such a file's path from a text.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The folder of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vault {
    /// As the mapping has it, and as columns have it before the file's name.
    name: String,
    at: PathBuf,
}

/// Why a value can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("the file `{0}` is missing")]
    Missing(String),
    #[error("the file `{0}` is not as it was written")]
    Changed(String),
    #[error("the file `{0}` can't be read: {1}")]
    Unreadable(String, io::Error),
}

impl Vault {
    /// `name` as the mapping has it, relative to `base`, where the mapping's file is.
    pub fn new(name: &str, base: &Path) -> Self {
        Self { name: name.trim_end_matches('/').to_owned(), at: base.join(name) }
    }

    /// The folder as columns have it.
    pub fn folder(&self) -> &str {
        &self.name
    }

    /// What the column holds of a text: a path, where the text is longer than `over` bytes, or looks like such a path.
    pub fn path_for(&self, text: &str, over: u64) -> Option<String> {
        (text.len() as u64 > over || self.is_path(text)).then(|| {
            let hash = crate::words::hex(&Sha256::digest(text));
            format!("{}/{}/{}", self.name, &hash[..2], &hash[2..])
        })
    }

    /// Whether a text is the path of a value: texts that look so are never stored but as files.
    pub fn is_path(&self, text: &str) -> bool {
        let hex = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let inner = text.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('/'));
        inner.and_then(|inner| inner.split_once('/')).is_some_and(|(folder, file)| hex(folder, 2) && hex(file, 62))
    }

    fn file(&self, path: &str) -> PathBuf {
        let hash = &path[path.len() - 65..];
        self.at.join(&hash[..2]).join(&hash[3..])
    }

    /// Writes a value so that it is whole and on the disk, or not there; one that is there already stays.
    pub fn put(&self, path: &str, text: &str) -> io::Result<()> {
        if self.get(path).is_ok() {
            return Ok(());
        }
        let to = self.file(path);
        let folder = to.parent().unwrap_or(&self.at);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".liftlock-").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&to).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }

    /// Reads a value, and proves that it is the one that was written.
    pub fn get(&self, path: &str) -> Result<String, Lost> {
        let bytes = fs::read(self.file(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Lost::Missing(path.to_owned()),
            _ => Lost::Unreadable(path.to_owned(), error),
        })?;
        let text = String::from_utf8(bytes).map_err(|_| Lost::Changed(path.to_owned()))?;
        match self.path_for(&text, 0) {
            Some(own) if own == path => Ok(text),
            _ => Err(Lost::Changed(path.to_owned())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_path_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new("values/", folder.path());
        let path = vault.path_for("text", 3).unwrap();
        assert!(path.starts_with("values/98/2d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"), "{path}");
        assert_eq!(vault.path_for("text", 4), None);
        // a text that looks like a path is never stored but as a file
        assert!(vault.is_path(&path) && vault.path_for(&path, 1 << 20).is_some_and(|own| own != path));
        for none in
            ["values/98", "values/98/x", &path[1..], &path.to_uppercase(), &format!("{path}0"), "", "value\u{e4}/"]
        {
            assert!(!vault.is_path(none), "{none}");
        }
    }

    #[test]
    fn what_is_read_is_what_was_written_or_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new("v", folder.path());
        let path = vault.path_for("päth", 0).unwrap();
        assert!(matches!(vault.get(&path), Err(Lost::Missing(_))));
        vault.put(&path, "päth").unwrap();
        assert_eq!(vault.get(&path).unwrap(), "päth");
        fs::write(folder.path().join(&path), "else").unwrap();
        assert!(matches!(vault.get(&path), Err(Lost::Changed(lost)) if lost == path));
        // the next import mends it
        vault.put(&path, "päth").unwrap();
        assert_eq!(vault.get(&path).unwrap(), "päth");
        let left = fs::read_dir(folder.path().join(&path).parent().unwrap()).unwrap().count();
        assert_eq!(left, 1);
    }
}
