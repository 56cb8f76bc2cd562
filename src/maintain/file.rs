//! Files that are there whole or not at all: written beside their place, then renamed.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::MaintainError;

/// A file in the making. Dropped before [`WholeFile::finish`], nothing is left of it.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl WholeFile {
    /// Begins a file that is to be at `path`. Where there is one, it stays until the new one is finished.
    ///
    /// # Errors
    /// [`MaintainError::Refused`] where there is a file and it is not to be replaced; [`MaintainError::File`] where the
    /// folder can't be written to.
    pub fn create(path: &Path, replace: bool) -> Result<Self, MaintainError> {
        if !replace && path.exists() {
            return Err(MaintainError::Refused {
                message: format!("`{}` exists already; it was left as it is", path.display()),
                hint: "name another file, or give `--force` to replace it".to_owned(),
            });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".liftlock-").suffix(".part");
        // as any other new file: the user's own mask decides who may read it
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(failed("write", path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::with_capacity(1 << 16, file) })
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// [`MaintainError::File`] where it can't be written to its end, or not be renamed.
    pub fn finish(self) -> Result<(), MaintainError> {
        let Self { path, file } = self;
        let file = file.into_inner().map_err(|error| failed("write", &path)(error.into_error()))?;
        file.as_file().sync_all().map_err(failed("write", &path))?;
        file.persist(&path).map_err(|error| failed("write", &path)(error.error)).map(drop)
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An error of the file's.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MaintainError + use<> {
    let path = path.to_owned();
    move |source| MaintainError::File { doing, path, source }
}
