//! The file of `--report`: opened before the run, written after it.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::super::output::Output;
use crate::Error;
use crate::port::{Report, html};

/// The file that takes the page.
pub(super) struct ReportFile {
    path: PathBuf,
    file: File,
    /// It was not there before.
    made: bool,
    written: bool,
}

impl ReportFile {
    /// Opens it for writing. What it holds stays until there is a page.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let made = !path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|source| Error::Write { path: path.display().to_string(), source })?;
        Ok(Self { path: path.to_owned(), file, made, written: false })
    }

    /// Writes the page.
    pub fn write(mut self, report: &Report, error: Option<&Error>, output: &Output) -> Result<(), Error> {
        let error = error.map(|error| (output.in_words(error), error.hint()));
        let page = html::page(report, error.as_ref().map(|(error, hint)| (error.as_str(), hint.as_deref())));
        self.written = true;
        let mut write = || {
            // a pipe has neither a beginning nor a length
            if self.file.metadata()?.is_file() {
                self.file.rewind()?;
                self.file.set_len(0)?;
            }
            self.file.write_all(page.as_bytes())
        };
        write().map_err(|source| Error::Write { path: self.path.display().to_string(), source })
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        // nothing was done that there is a page of
        if self.made
            && !self.written
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(%error, "remove the empty file of the report");
        }
    }
}
