//! Ways to a server: TLS in every mode, passwords from every place, sockets, options.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::server;

/// A program of PostgreSQL's: the private server's own, else the one that is found.
pub fn postgres_program(name: &str) -> Command {
    let programs = server().private.as_ref().map(|private| private.programs.clone());
    let mut folders: Vec<PathBuf> = programs.into_iter().collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.filter_map(Result::ok).map(|version| version.path().join("bin")));
    }
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.exists());
    Command::new(found.as_deref().unwrap_or(Path::new(name)))
}
