//! The file of `--sarif`.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::output::Output;
use crate::Error;
use crate::audit::locate::Declarations;
use crate::audit::remedies::Remedies;
use crate::audit::{Report, sarif};
use crate::db::OwnFiles;
use crate::maintain::file::WholeFile;

/// Where the findings go as SARIF.
pub(super) struct SarifFile(PathBuf);

impl SarifFile {
    /// Refuses what was hardly meant: to overwrite a file that is something else (`--sarif app.db` takes the database
    /// for its file), or to mix two documents on stdout.
    pub fn new(path: &Path, output: &Output) -> Result<Self, Error> {
        let file = Self(path.to_owned());
        let usage = |message: String, hint: &str| Err(Error::Usage { message, hint: hint.to_owned() });
        if file.is_stdout() {
            if output.is_json() {
                return usage("`--json` and `--sarif` both go to stdout".to_owned(), "give `--sarif` a file");
            }
            return Ok(file);
        }
        // a device may have no end
        let there = if path.is_file() { fs::read(path).unwrap_or_default() } else { Vec::new() };
        let begins_as_json = there.iter().find(|byte| !byte.is_ascii_whitespace()).is_none_or(|&byte| byte == b'{');
        if !begins_as_json {
            return usage(
                format!("`{}` is there and holds something else: `--sarif` would overwrite it", path.display()),
                "the word after `--sarif` is its file: write the database before it, or as `--database URL`",
            );
        }
        Ok(file)
    }

    pub fn is_stdout(&self) -> bool {
        self.0 == Path::new("-")
    }

    pub fn write(
        &self,
        report: &Report,
        remedies: &Remedies,
        declarations: &Declarations,
        own: &OwnFiles,
        output: &Output,
    ) -> Result<(), Error> {
        let document = sarif::sarif(report, remedies, declarations);
        let text = serde_json::to_string_pretty(&document).map_err(|error| Error::Print(error.into()))? + "\n";
        if self.is_stdout() {
            return output.raw(text.as_bytes());
        }
        WholeFile::write(&self.0, text.as_bytes(), own)?;
        output.say(&format!("wrote {}", self.0.display()));
        Ok(())
    }
}
