//! A file's bytes, counted and hashed on their way.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::FileRead;
use crate::import::ImportError;

/// A file that is being read; an error of the disk's is kept, so that a parser above need not carry it.
pub(in crate::import) struct Input {
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    ended: bool,
    failed: Option<io::Error>,
}

impl Input {
    pub(in crate::import) fn open(path: &Path) -> Result<Self, ImportError> {
        let file = File::open(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file, hash: Sha256::new(), size: 0, ended: false, failed: None })
    }

    /// Everything there is.
    pub(super) fn all(&mut self) -> Result<Vec<u8>, ImportError> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(|source| ImportError::Read { path: self.path.clone(), source })?;
        Ok(bytes)
    }

    /// Reads on to the end for the hash, and says what is known of the file; a disk's error comes to light here.
    pub(in crate::import) fn finish(mut self) -> Result<FileRead, ImportError> {
        // most are at their end
        let mut rest = [0; 4096];
        while self.failed.is_none() && self.read(&mut rest).is_ok_and(|count| count > 0) {}
        if let Some(source) = self.failed {
            return Err(ImportError::Read { path: self.path, source });
        }
        let sha256 = crate::words::hex(&self.hash.finalize());
        Ok(FileRead { size: self.size, sha256, ..FileRead::default() })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        loop {
            match self.file.read(buffer) {
                Ok(count) => {
                    self.ended = count == 0 && !buffer.is_empty();
                    self.hash.update(&buffer[..count]);
                    self.size += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    self.failed = Some(error);
                    return Err(kind.into());
                }
            }
        }
    }
}
