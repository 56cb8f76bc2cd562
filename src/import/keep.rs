//! Everything as it is before an import: a backup of the database, and beside it a copy of the files that the mapping takes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{ImportError, Mapping, read};
use crate::Error;
use crate::maintain::MaintainError;
use crate::maintain::backup::workspace::{Workspace, folder_of, sync_folder};
use crate::maintain::backup::{Backup, Manifest, back_up, folder, names};

/// What was kept, and where.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// The backup of the database, for `liftlock restore`; its manifest stands beside it.
    pub database: PathBuf,
    /// The folder with `manifest.json` (path, size and SHA-256 of each file) and the copies, below `files/`.
    pub folder: PathBuf,
    /// How many files were copied.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What else a person should know.
    pub notes: Vec<String>,
}

/// Backs up the database and copies the files of `dir` that the mapping takes. Both are there in the end, or neither.
///
/// # Errors
/// A file can't be read or copied; the backup fails. Nothing is left then.
pub fn keep(backup: Backup<'_>, dir: &Path, mapping: &Mapping) -> Result<Kept, Error> {
    let _work = backup.interrupt.work();
    let (time, mut notes) = (Timestamp::now(), Vec::new());
    let parent = folder(&backup);
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| MaintainError::File { doing, path, source }
    };
    fs::create_dir_all(&parent).map_err(failed("make the folder", &parent))?;
    let file = names::free(&parent, &backup.target, time, ".import", backup.key.is_some());
    let mut beside = file.clone().into_os_string();
    beside.push(".files");
    let beside = PathBuf::from(beside);
    let workspace = Workspace::new(&folder_of(&file), &mut notes)?;
    let made = workspace.path("kept");
    let (mut listed, mut bytes) = (Vec::new(), 0);
    let found = read::find(dir, mapping)?;
    // a file that several sources take is one
    let files: BTreeMap<&str, &Path> =
        found.sources.iter().flatten().map(|file| (file.path.as_str(), file.at.as_path())).collect();
    fs::create_dir_all(made.join("files")).map_err(failed("make the folder", &made))?;
    for (path, at) in files {
        if backup.interrupt.is_set() {
            return Err(ImportError::Interrupted { kept: "nothing was written".to_owned() }.into());
        }
        let to = made.join("files").join(path);
        let (size, sha256) = copy(at, &to)?;
        bytes += size;
        listed.push(json!({"path": path, "size": size, "sha256": sha256}));
    }
    let count = listed.len() as u64;
    let folder_name = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let manifest = json!({
        "made_by": concat!("liftlock ", env!("CARGO_PKG_VERSION")),
        "made_on": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "folder": folder_name,
        "database": file.file_name().map(|name| name.to_string_lossy()),
        "files": listed,
    });
    let page = made.join("manifest.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&manifest).unwrap_or_default());
    let written = new(&page).and_then(|mut page| page.write_all(text.as_bytes()).and_then(|()| page.sync_all()));
    written.map_err(failed("write", &page))?;
    if backup.key.is_some() {
        notes.push("the copy of the files is as they are: only the backup of the database is encrypted".to_owned());
    }
    let report = back_up(&Backup { file: Some(file.clone()), force: false, keep: None, ..backup })?;
    notes.extend(report.notes);
    crate::crash::point("import-kept-database");
    let placed =
        fs::rename(&made, &beside).map_err(failed("make the folder", &beside)).and_then(|()| sync_folder(&parent));
    if let Err(error) = placed {
        for path in [&file, &Manifest::path_of(&file)] {
            if let Err(error) = fs::remove_file(path) {
                tracing::debug!(%error, path = %path.display(), "half of a backup");
            }
        }
        return Err(error.into());
    }
    Ok(Kept { database: file, folder: beside, files: count, bytes, notes })
}

/// Copies a file, and gives its size and SHA-256.
fn copy(from: &Path, to: &Path) -> Result<(u64, String), ImportError> {
    let reading = |source| ImportError::Read { path: from.to_owned(), source };
    let writing = |source| ImportError::Write { path: to.to_owned(), source };
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(writing)?;
    }
    let (mut source, mut copy) = (File::open(from).map_err(reading)?, new(to).map_err(writing)?);
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let count = source.read(&mut buffer).map_err(reading)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        copy.write_all(&buffer[..count]).map_err(writing)?;
        size += count as u64;
    }
    copy.sync_all().map_err(writing)?;
    Ok((size, crate::words::hex(&hash.finalize())))
}

/// A new file that no other user can read.
fn new(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
