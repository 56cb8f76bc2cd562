//! Tables → the tree of files, by the mapping that they were filled by and what the import wrote down beside them.

mod ahead;
mod gone;
#[cfg(test)]
mod held;
mod lost;
mod records;
mod stream;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use self::ahead::Ahead;
use super::bind::Bound;
use super::books::{FileBook, FileState};
use super::load::fingerprint;
use super::mapping::{Format, Mapping};
use super::store::Store;
use super::{ImportError, bind, books, store, verify};
use crate::config::Secret;
use crate::db::{Db, OwnFiles};
use crate::interrupt::Interrupt;

/// What is to be exported, and where.
#[derive(Debug)]
pub struct Export {
    /// The folder that is written.
    pub dir: PathBuf,
    /// The mapping that the tables were filled by.
    pub mapping: Mapping,
    /// The folder that the mapping's `store:` is relative to: its file's.
    pub base: PathBuf,
    /// The folder that was imported, or the name of its tree; needed where there were several.
    pub from: Option<String>,
    /// Files that are there are written over.
    pub force: bool,
    /// Everything is read and put together, and nothing is written.
    pub dry_run: bool,
    /// The key of columns that are encrypted, as the environment has it.
    pub key: Option<Secret>,
    /// The request to stop.
    pub interrupt: Interrupt,
}

/// What an export came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Exported {
    /// The folder that was imported, or the name of its tree.
    pub folder: String,
    /// Files that were written, or would be.
    pub files: u64,
    /// Records in them.
    pub records: u64,
    /// What can't come back, or did not: a sentence each.
    pub lost: Vec<String>,
}

/// Writes the tree. `before` is told what can't come back, before anything is written.
///
/// # Errors
/// There is nothing to export, or a file is there already; the database can't be read, a file not be written.
pub fn export(db: Db, export: &Export, before: &mut dyn FnMut(&[String])) -> Result<Exported, ImportError> {
    let _work = export.interrupt.work();
    let own = match &db {
        Db::Sqlite(db) => db.path().map(OwnFiles::of_file).unwrap_or_default(),
        Db::Postgres(_) => OwnFiles::default(),
    };
    let mut store = store::open(db, &export.interrupt)?;
    let store = store.as_mut();
    // the whole tree is of one moment, whoever writes meanwhile
    store.begin_to_read().map_err(|source| ImportError::Sql { doing: "begin to read".to_owned(), source })?;
    let bound = bind::bind(&export.mapping, store, false, export.key.as_ref(), &export.base)?;
    verify::check_key(store, &bound)?;
    if !books::exist(store)? {
        return Err(refused("nothing was imported into this database", "`liftlock import DIR --map import.yaml` does"));
    }
    let folder = folder(store, export)?;
    let mut files = files(store, export, &folder)?;
    let mut work = Work {
        store,
        export,
        bound: &bound,
        exported: Exported { folder, ..Exported::default() },
        ahead: Ahead::new(),
    };
    files.retain(|path, books| {
        let is_database = books.iter().any(|(source, _)| export.mapping.sources[*source].format == Format::Sqlite);
        if is_database {
            let lost = format!("`{path}`: a SQLite file is not written back; its rows are in the tables");
            work.exported.lost.push(lost);
        }
        !is_database
    });
    let files: Vec<OfPath> = files.into_iter().collect();
    work.look(&files)?;
    before(&work.exported.lost);
    files.iter().try_for_each(|(path, _)| own.check(&export.dir.join(path)))?;
    if !export.force {
        let there = files.iter().map(|(path, _)| path).find(|path| export.dir.join(path).exists());
        if let Some(path) = there {
            let message = format!("`{}` is there already", export.dir.join(path).display());
            return Err(refused(&message, "name another folder, or give `--force` to write over it"));
        }
    }
    let mut ahead = 0;
    for (at, (path, books)) in files.iter().enumerate() {
        if at == ahead {
            ahead += ahead::count(&files[at..]);
            work.read_ahead(&files[at..ahead])?;
        }
        if export.interrupt.is_set() {
            let kept = format!(
                "{} written; the same command with `--force` writes all",
                crate::words::are(work.exported.files, "file")
            );
            return Err(ImportError::Interrupted { kept });
        }
        if work.file(path, books)? {
            work.exported.files += 1;
        }
    }
    Ok(work.exported)
}

fn refused(message: &str, hint: &str) -> ImportError {
    ImportError::Mapping { message: message.to_owned(), hint: Some(hint.to_owned()) }
}

fn folder(store: &mut dyn Store, export: &Export) -> Result<String, ImportError> {
    let folders = books::folders(store)?;
    if let Some(wanted) = &export.from {
        let full = std::fs::canonicalize(wanted).map(|path| path.to_string_lossy().into_owned());
        let found = folders.iter().find(|folder| *folder == wanted || full.as_ref().is_ok_and(|full| full == *folder));
        return found.cloned().ok_or_else(|| {
            refused(&format!("nothing was imported from `{wanted}`"), &format!("there is {}", folders.join(", ")))
        });
    }
    if let Some(tree) = export.mapping.tree.as_ref().filter(|tree| folders.contains(tree)) {
        return Ok(tree.clone());
    }
    match folders.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(refused("there is no file that was imported", "`liftlock import DIR --map import.yaml` does")),
        several => Err(refused(
            &format!("files were imported from several folders: {}", several.join(", ")),
            "say which with `--from FOLDER`",
        )),
    }
}

/// The files that are written, by path, with the sources that took them in the mapping's order.
fn files(
    store: &mut dyn Store,
    export: &Export,
    folder: &str,
) -> Result<BTreeMap<String, Vec<(usize, FileBook)>>, ImportError> {
    let sources = &export.mapping.sources;
    let dialect = store.dialect();
    let mut files: BTreeMap<String, Vec<(usize, FileBook)>> = BTreeMap::new();
    for book in books::files(store, folder)? {
        if book.state == FileState::Deleted {
            continue;
        }
        let Some(at) = sources.iter().position(|source| source.name == book.source) else { continue };
        if fingerprint(&export.mapping, &sources[at], dialect) != book.mapping {
            let message = format!(
                "`{}` was imported by another mapping of `{}`, or into another database",
                book.path, book.source
            );
            return Err(refused(
                &message,
                "export by the mapping that it was imported by, or import again by this one (as after a port)",
            ));
        }
        files.entry(book.path.clone()).or_default().push((at, book));
    }
    files.values_mut().for_each(|books| books.sort_by_key(|(source, _)| *source));
    Ok(files)
}

struct Work<'a> {
    store: &'a mut dyn Store,
    export: &'a Export,
    bound: &'a Bound,
    exported: Exported,
    /// What was read ahead of some files, by their numbers in the books.
    ahead: Ahead,
}

type Books = [(usize, FileBook)];

/// A path, and the sources that took the file there.
type OfPath = (String, Vec<(usize, FileBook)>);
