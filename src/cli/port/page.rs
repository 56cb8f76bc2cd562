//! The file of `--report`: looked at before the run, written after it.

use std::path::{Path, PathBuf};

use super::super::output::Output;
use crate::Error;
use crate::db::OwnFiles;
use crate::maintain::file::WholeFile;
use crate::port::{Report, html};

/// The file that takes the page.
pub(super) struct ReportFile(PathBuf, OwnFiles);

impl ReportFile {
    /// What can't be written is said before the run. What the file holds stays until there is a page.
    pub fn open(path: &Path, own: &OwnFiles) -> Result<Self, Error> {
        WholeFile::can_write(path, own)?;
        Ok(Self(path.to_owned(), own.clone()))
    }

    /// Writes the page.
    pub fn write(self, report: &Report, error: Option<&Error>, output: &Output) -> Result<(), Error> {
        let error = error.map(|error| (output.in_words(error), error.hint()));
        let page = html::page(report, error.as_ref().map(|(error, hint)| (error.as_str(), hint.as_deref())));
        Ok(WholeFile::write(&self.0, page.as_bytes(), &self.1)?)
    }
}
