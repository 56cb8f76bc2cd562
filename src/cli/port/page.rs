//! The file of `--report`: looked at before the run, written after it.

use std::path::{Path, PathBuf};

use super::super::output::Output;
use super::super::whole_file;
use crate::Error;
use crate::port::{Report, html};

/// The file that takes the page.
pub(super) struct ReportFile(PathBuf);

impl ReportFile {
    /// What can't be written is said before the run. What the file holds stays until there is a page.
    pub fn open(path: &Path) -> Result<Self, Error> {
        whole_file::can_write(path)?;
        Ok(Self(path.to_owned()))
    }

    /// Writes the page.
    pub fn write(self, report: &Report, error: Option<&Error>, output: &Output) -> Result<(), Error> {
        let error = error.map(|error| (output.in_words(error), error.hint()));
        let page = html::page(report, error.as_ref().map(|(error, hint)| (error.as_str(), hint.as_deref())));
        whole_file::write(&self.0, page.as_bytes())
    }
}
