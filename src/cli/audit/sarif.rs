//! The file of `--sarif`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::super::output::Output;
use crate::Error;
use crate::audit::locate::Declarations;
use crate::audit::remedies::Remedies;
use crate::audit::{Report, sarif};

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
        output: &Output,
    ) -> Result<(), Error> {
        let document = sarif::sarif(report, remedies, declarations);
        let text = serde_json::to_string_pretty(&document).map_err(|error| Error::Print(error.into()))? + "\n";
        if self.is_stdout() {
            return output.raw(text.as_bytes());
        }
        let write = |source| Error::Write { path: self.0.display().to_string(), source };
        write_whole(&self.0, text.as_bytes()).map_err(write)?;
        output.say(&format!("wrote {}", self.0.display()));
        Ok(())
    }
}

/// Writes the file whole or not at all: beside it under another name first, since a full disk would leave a part of it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let there = fs::metadata(path).ok();
    // a pipe or a device can't be replaced, and cannot be half a file
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return fs::write(path, bytes);
    }
    // a link stays, and what it points to is replaced
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let mut file = match File::create_new(&part) {
        // a file that may be written in a folder that may not
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && there.is_some() => {
            return fs::write(path, bytes);
        }
        file => file?,
    };
    let mode = there.map_or(Ok(()), |there| file.set_permissions(there.permissions()));
    let written = mode.and_then(|()| file.write_all(bytes)).and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // the error to tell is the first
        let _ = fs::remove_file(&part);
    }
    written
}
