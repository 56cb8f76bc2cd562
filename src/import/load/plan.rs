//! Which files are to be read, by what the books say of them: new ones, changed ones, those that were read in part.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Dialect;
use crate::import::ImportError;
use crate::import::bind::Bound;
use crate::import::books::{FileBook, FileState};
use crate::import::mapping::{FileFact, From, Mapping, OnExisting, Source, TableMapping};
use crate::import::read::{Found, SourceFile};
use crate::words::hex;

/// A file that is to be read.
#[derive(Debug, Clone, Default)]
pub(in crate::import) struct Job {
    pub source: usize,
    pub file: SourceFile,
    /// What the books say of it, or are to say.
    pub book: FileBook,
    /// So many of its records are in.
    pub skip: u64,
    /// The books know it.
    pub known: bool,
    /// It has not changed since they were written.
    pub same: bool,
    /// The keys that they have are those of the rows that it goes to.
    pub keyed: bool,
    /// Its SHA-256, where a column takes that.
    pub sha256: String,
    /// No later one is of the same file, for another source: at its end the file has been read.
    pub last: bool,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub jobs: Vec<Job>,
    /// Files that have not changed, and whether only their time has.
    pub unchanged: Vec<Job>,
    /// Files that the books know and the folder no longer has.
    pub deleted: Vec<FileBook>,
}

impl Plan {
    /// How many files are to be read, whatever number of sources takes each.
    pub fn files(&self) -> u64 {
        self.jobs.iter().filter(|job| job.last).count() as u64
    }

    /// How many files no source is to read again.
    pub fn files_unchanged(&self) -> u64 {
        let mut seen: HashSet<&str> = self.jobs.iter().map(|job| job.file.path.as_str()).collect();
        self.unchanged.iter().filter(|job| seen.insert(&job.file.path)).count() as u64
    }

    /// The paths of files that are gone.
    pub fn files_deleted(&self) -> Vec<String> {
        let paths: BTreeSet<&String> = self.deleted.iter().map(|book| &book.path).collect();
        paths.into_iter().cloned().collect()
    }
}

/// Compares a folder with the books.
///
/// # Errors
/// A file can't be read.
pub(super) fn plan(
    mapping: &Mapping,
    bound: &Bound,
    dialect: Dialect,
    found: Found,
    books: Vec<FileBook>,
    again: bool,
) -> Result<Plan, ImportError> {
    let mut known: HashMap<(String, String), FileBook> =
        books.into_iter().map(|book| ((book.source.clone(), book.path.clone()), book)).collect();
    let mut plan = Plan::default();
    // what is in a folder that can't be read is not gone
    let unseen: Vec<String> = found.unread.iter().chain(&found.skipped).map(|(path, _)| path.clone()).collect();
    for (at, (source, files)) in mapping.sources.iter().zip(found.sources).enumerate() {
        let print = fingerprint(mapping, source, dialect);
        let hashed = takes(&source.into, FileFact::Sha256);
        let timed = takes(&source.into, FileFact::Mtime);
        let over = bound.sources[at].exists == OnExisting::Update;
        for file in files {
            let sha256 = if hashed { sha256(&file.at)? } else { String::new() };
            let old = known.remove(&(source.name.clone(), file.path.clone()));
            let keyed = old.as_ref().is_some_and(|old| of_rows(&old.mapping) == of_rows(&print));
            // who writes a file can set the one time as it was, but not the other
            let same_times = |old: &FileBook| (old.mtime, old.ctime) == (file.mtime, file.ctime);
            let same_file = |old: &FileBook| old.mapping == print && old.size == file.size;
            let same =
                old.as_ref().is_some_and(|old| old.state != FileState::Deleted && same_file(old) && same_times(old));
            let mut job = Job { source: at, sha256, known: old.is_some(), same, keyed, ..Job::default() };
            let fresh = FileBook {
                id: old.as_ref().map_or(0, |old| old.id),
                source: source.name.clone(),
                path: file.path.clone(),
                size: file.size,
                mtime: file.mtime,
                ctime: file.ctime,
                mapping: print.clone(),
                ..FileBook::default()
            };
            let as_before = old.filter(|old| !again && same_file(old));
            match as_before {
                // what was found to be other than the file says is written once more; where it must not be, it is compared
                Some(old) if old.state == FileState::Differs && over => job.book = fresh,
                Some(old) if old.state.is_in() && same_times(&old) => {
                    job.book = old;
                    job.file = file;
                    plan.unchanged.push(job);
                    continue;
                }
                Some(old)
                    if old.state.is_in()
                        && !(timed && old.mtime != file.mtime)
                        && sha256_is(&file.at, &old.sha256)? =>
                {
                    job.book = FileBook { mtime: file.mtime, ctime: file.ctime, ..old };
                    job.file = file;
                    plan.unchanged.push(job);
                    continue;
                }
                Some(old) if old.state == FileState::Partial && same_times(&old) => {
                    job.skip = old.done;
                    job.book = FileBook { done: old.done, ..fresh };
                }
                _ => job.book = fresh,
            }
            job.file = file;
            plan.jobs.push(job);
        }
    }
    let mut seen = HashSet::new();
    let mut last: Vec<bool> = plan.jobs.iter().rev().map(|job| seen.insert(job.file.path.as_str())).collect();
    last.reverse();
    plan.jobs.iter_mut().zip(last).for_each(|(job, last)| job.last = last);
    let names: Vec<&str> = mapping.sources.iter().map(|source| source.name.as_str()).collect();
    plan.deleted = known
        .into_values()
        .filter(|book| book.state != FileState::Deleted && names.contains(&book.source.as_str()))
        .filter(|book| !unseen.iter().any(|path| is_within(&book.path, path)))
        .collect();
    plan.deleted.sort_by(|a, b| (&a.source, &a.path).cmp(&(&b.source, &b.path)));
    Ok(plan)
}

/// The SHA-256 of what a source says, wherever in its file it says so, and of the database that took its records: what a
/// row can't give back of a record is another part of it in another database. After it that of which rows it means, in
/// whatever database: a mapping may be changed, but by the keys of one table no rows of another are found.
pub(in crate::import) fn fingerprint(mapping: &Mapping, source: &Source, dialect: Dialect) -> String {
    fn spills(table: &TableMapping) -> bool {
        table.columns.iter().any(|column| column.store_over.is_some())
            || table.children.iter().any(|child| spills(&child.into))
    }
    fn plain(table: &mut TableMapping) {
        table.place = (0, 0);
        table.columns.iter_mut().for_each(|column| column.place = (0, 0));
        table.children.iter_mut().for_each(|child| plain(&mut child.into));
    }
    let mut source = source.clone();
    source.place = (0, 0);
    plain(&mut source.into);
    // columns hold paths that begin with the store's name
    let store = mapping.store.as_deref().filter(|_| spills(&source.into)).unwrap_or_default();
    let rows = hex(&Sha256::digest(format!("{:?}", (&source.into.table, &source.into.key))));
    format!("{}-{}", hex(&Sha256::digest(format!("{dialect:?} {source:?}{store}"))), &rows[..16])
}

/// The part of a fingerprint that says which rows are meant.
fn of_rows(fingerprint: &str) -> Option<&str> {
    fingerprint.split_once('-').map(|(_, rows)| rows)
}

/// Whether a column takes this of its file.
fn takes(table: &TableMapping, fact: FileFact) -> bool {
    table.columns.iter().any(|column| column.from == From::File(fact))
        || table.children.iter().any(|child| takes(&child.into, fact))
}

/// Whether a path is this one, or in the folder that has it.
fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn sha256_is(path: &Path, expected: &str) -> Result<bool, ImportError> {
    Ok(sha256(path)? == expected)
}

/// The SHA-256 of a file.
pub(in crate::import) fn sha256(path: &Path) -> Result<String, ImportError> {
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}
