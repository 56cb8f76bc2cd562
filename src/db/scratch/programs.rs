//! Where PostgreSQL's programs are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where packages put them that are not on the PATH: Debian's, and those of the PostgreSQL project for RPM systems.
const FOLDERS: [(&str, &str, &str); 2] = [("/usr/lib/postgresql", "", "bin"), ("/usr", "pgsql-", "bin")];

/// The ways to call a program, the best first: by its name, as the PATH finds it, then those of the packages, the
/// newest first. Only those that can be called.
pub(crate) fn find(name: &str) -> Vec<PathBuf> {
    let mut candidates = vec![PathBuf::from(name)];
    let mut packaged = Vec::new();
    for (folder, prefix, bin) in FOLDERS {
        let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        packaged.extend(entries.filter_map(|entry| {
            let file_name = entry.file_name();
            let version: u32 = file_name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(bin).join(name)))
        }));
    }
    packaged.sort();
    candidates.extend(packaged.into_iter().rev().map(|(_, path)| path));
    candidates.retain(|path| can_be_called(path));
    candidates
}

fn can_be_called(path: &Path) -> bool {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
