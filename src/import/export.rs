//! Tables → the tree of files, by the mapping that they were filled by and what the import wrote down beside them.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::bind::{Bound, BoundColumn, BoundTable, Fill, derived};
use super::books::{FileBook, FileState};
use super::load::fingerprint;
use super::mapping::{Format, Mapping, Source, Step, secrets};
use super::row::{Item, apply, outside, rebuild, unseal};
use super::store::Store;
use super::yaml::of_json;
use super::{ImportError, bind, books, read, store, verify};
use crate::Dialect;
use crate::config::Secret;
use crate::db::Db;
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
    /// The folder that was imported; needed where there were several.
    pub from: Option<String>,
    /// Files that are there are written over.
    pub force: bool,
    /// The key of columns that are encrypted, as the environment has it.
    pub key: Option<Secret>,
    /// The request to stop.
    pub interrupt: Interrupt,
}

/// What an export came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Exported {
    /// The folder that was imported.
    pub folder: String,
    /// Files that were written.
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
    let mut store = store::open(db, &export.interrupt)?;
    let store = store.as_mut();
    // the whole tree is of one moment, whoever writes meanwhile
    let begin = match store.dialect() {
        Dialect::Sqlite => "BEGIN",
        Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    store.sql(begin).map_err(|source| ImportError::Sql { doing: "begin to read".to_owned(), source })?;
    let bound = bind::bind(&export.mapping, store, false, export.key.as_ref(), &export.base)?;
    verify::check_key(store, &bound)?;
    if !books::exist(store)? {
        return Err(refused("nothing was imported into this database", "`liftlock import DIR --map import.yaml` does"));
    }
    let folder = folder(store, export)?;
    let mut files = files(store, export, &folder)?;
    let mut work = Work { store, export, bound: &bound, exported: Exported { folder, ..Exported::default() } };
    files.retain(|path, books| {
        let is_database = books.iter().any(|(source, _)| export.mapping.sources[*source].format == Format::Sqlite);
        if is_database {
            let lost = format!("`{path}`: a SQLite file is not written back; its rows are in the tables");
            work.exported.lost.push(lost);
        }
        !is_database
    });
    work.look(&files)?;
    before(&work.exported.lost);
    if !export.force {
        let there = files.keys().find(|path| export.dir.join(path).exists());
        if let Some(path) = there {
            let message = format!("`{}` is there already", export.dir.join(path).display());
            return Err(refused(&message, "name another folder, or give `--force` to write over it"));
        }
    }
    for (path, books) in &files {
        if export.interrupt.is_set() {
            let kept = format!("{} files are written; the same command with `--force` writes all", work.exported.files);
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
}

type Books = [(usize, FileBook)];

impl Work<'_> {
    /// What can't come back, as far as the books tell.
    fn look(&mut self, files: &BTreeMap<String, Vec<(usize, FileBook)>>) -> Result<(), ImportError> {
        let groups = groups(&self.bound.sources);
        let mut told = HashSet::new();
        for (source, _) in files.values().flatten().filter(|(source, _)| told.insert(*source)) {
            for secret in secrets(&self.export.mapping.sources[*source].into).iter().filter(|secret| secret.hashed) {
                let column = &secret.column;
                self.exported.lost.push(format!("`{column}` holds hashes: what they were made of can't come back"));
            }
        }
        let mut keys: HashSet<u128> = HashSet::new();
        let (mut shared, mut example) = (0_u64, String::new());
        let mut left_out = 0_u64;
        for (path, books) in files {
            for (source, book) in books {
                if book.state == FileState::Partial {
                    self.exported.lost.push(format!("`{path}` is in only as far as its record {}", book.done));
                }
                let group = groups[*source];
                let hides = !secrets(&self.export.mapping.sources[*source].into).is_empty();
                let mut position = 0;
                loop {
                    let items = books::items(self.store, book.id, position)?;
                    if items.is_empty() {
                        break;
                    }
                    for item in items {
                        if item.lost {
                            self.exported
                                .lost
                                .push(format!("`{path}`: record {position} could not be read, and is in quarantine"));
                        }
                        if item.value.is_some() && hides {
                            left_out += 1;
                        }
                        let key = format!("{group} {}", Value::Array(item.key.clone()));
                        if item.value.is_none()
                            && !item.lost
                            && !keys.insert(xxhash_rust::xxh3::xxh3_128(key.as_bytes()))
                        {
                            shared += 1;
                            if example.is_empty() {
                                example = format!("`{path}`: record {position}");
                            }
                        }
                        position += 1;
                    }
                }
            }
        }
        if left_out > 0 {
            self.exported.lost.push(format!(
                "{left_out} records were left out or put aside: what would have been hashed or encrypted of them was not kept"
            ));
        }
        if shared > 0 {
            self.exported.lost.push(format!(
                "{shared} records have the key of another that was imported too, and come back as the row is now (the first: {example})"
            ));
        }
        Ok(())
    }

    /// Writes a file; false where nothing of it is left.
    fn file(&mut self, path: &str, books: &Books) -> Result<bool, ImportError> {
        let at = self.export.dir.join(path);
        let failed = |source| ImportError::Write { path: at.clone(), source };
        let folder = at.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut file = tempfile::Builder::new().prefix(".liftlock-").tempfile_in(folder).map_err(failed)?;
        let mut out = BufWriter::new(file.as_file_mut());
        if !self.contents(path, books, &mut out, &failed)? {
            return Ok(false);
        }
        out.flush().map_err(failed)?;
        drop(out);
        let kept = file.into_temp_path();
        // temporary files are for their owner alone; those of a tree are as others are made
        let permissions = umask_of(folder);
        if let Some(permissions) = permissions
            && let Err(error) = std::fs::set_permissions(&kept, permissions)
        {
            tracing::debug!(%error, "permissions");
        }
        kept.persist(&at).map_err(|error| failed(error.error))?;
        Ok(true)
    }

    fn contents(
        &mut self,
        path: &str,
        books: &Books,
        out: &mut dyn Write,
        failed: &dyn Fn(io::Error) -> ImportError,
    ) -> Result<bool, ImportError> {
        let Some((source, book)) = books.first() else { return Ok(false) };
        let mapping = &self.export.mapping.sources[*source];
        match mapping.format {
            Format::Jsonl => {
                self.each(path, *source, book, &mut |_, _, value| writeln!(out, "{value}").map_err(failed))?;
            }
            Format::Csv => {
                let header = books::envelope(self.store, book.id)?;
                let names: Vec<String> = header
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|name| name.as_str().map(str::to_owned))
                    .collect();
                if names.is_empty() {
                    return Ok(true);
                }
                let mut csv = csv::WriterBuilder::new().from_writer(out);
                let io = |error: csv::Error| failed(io::Error::other(error));
                csv.write_record(&names).map_err(io)?;
                self.each(path, *source, book, &mut |_, _, value| {
                    let field = |name: &String| match value.get(name) {
                        None | Some(Value::Null) => String::new(),
                        Some(Value::String(text)) => text.clone(),
                        Some(other) => other.to_string(),
                    };
                    csv.write_record(names.iter().map(field)).map_err(io)
                })?;
                csv.flush().map_err(failed)?;
            }
            Format::Markdown | Format::Text => {
                let mut text = None;
                let head = books::envelope(self.store, book.id)?;
                self.each(path, *source, book, &mut |_, _, value| {
                    text = match (mapping.format, &value) {
                        (Format::Markdown, Value::Object(map)) => read::compose(map, head.as_str(), &front_matter),
                        (_, value) => value.get("text").and_then(Value::as_str).map(str::to_owned),
                    };
                    Ok(())
                })?;
                match text {
                    Some(text) => out.write_all(text.as_bytes()).map_err(failed)?,
                    None => {
                        self.exported.lost.push(format!("`{path}`: its text is gone, and it is not written"));
                        return Ok(false);
                    }
                }
            }
            // a long array of records is written as it is read
            Format::Json if books.len() == 1 && mapping.records.0 == [Step::Items] => {
                let mut first = true;
                out.write_all(b"[").map_err(failed)?;
                self.each(path, *source, book, &mut |_, _, value| {
                    let text = serde_json::to_string_pretty(&value).unwrap_or_default().replace('\n', "\n  ");
                    let between = if std::mem::take(&mut first) { "\n  " } else { ",\n  " };
                    write!(out, "{between}{text}").map_err(failed)
                })?;
                out.write_all(if first { b"]\n" } else { b"\n]\n" }).map_err(failed)?;
            }
            Format::Json | Format::Yaml | Format::Sqlite => {
                let documents = self.documents(path, books)?;
                if documents.is_empty() {
                    self.exported.lost.push(format!("`{path}`: its document is gone, and it is not written"));
                    return Ok(false);
                }
                let several = documents.len() > 1;
                for document in documents {
                    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
                    let text = if mapping.format == Format::Yaml { of_json(&text) } else { text.into() };
                    let mark = if several { "---\n" } else { "" };
                    writeln!(out, "{mark}{text}").map_err(failed)?;
                }
            }
        }
        Ok(true)
    }

    /// The documents of a file: what was no record, and each source's records put into it. None where the document was the
    /// record, and is gone.
    fn documents(&mut self, path: &str, books: &Books) -> Result<Vec<Value>, ImportError> {
        let mut document = Value::Null;
        let mut problems = Vec::new();
        let mut several = Vec::new();
        let mut left = false;
        for (nth, (source, book)) in books.iter().enumerate() {
            let records = &self.export.mapping.sources[*source].records;
            let envelope = books::envelope(self.store, book.id)?;
            let sequence = records.is_document() && envelope.is_array();
            if nth == 0 {
                document = envelope;
            }
            left |= !records.is_document();
            self.each(path, *source, book, &mut |pointer, position, value| {
                left = true;
                if sequence {
                    several.push(value);
                } else if let Err(reason) = read::put(&mut document, pointer, value) {
                    problems.push(format!("`{path}`: record {position}: {reason}"));
                }
                Ok(())
            })?;
        }
        self.exported.lost.append(&mut problems);
        Ok(match several.is_empty() {
            true if left => vec![document],
            true => Vec::new(),
            false => several,
        })
    }

    /// Hands on each record of a file: its pointer, its place, and what it is now.
    fn each(
        &mut self,
        path: &str,
        source: usize,
        book: &FileBook,
        each: &mut dyn FnMut(&str, u64, Value) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mapping: &Source = &self.export.mapping.sources[source];
        let table = &self.bound.sources[source];
        let mut position = 0;
        loop {
            let items = books::items(self.store, book.id, position)?;
            if items.is_empty() {
                return Ok(());
            }
            for item in items {
                let pointer =
                    item.left.pointer.clone().or_else(|| derived(&mapping.records, position)).unwrap_or_default();
                match self.record(table, &item)? {
                    Some(value) => {
                        each(&pointer, position, value)?;
                        self.exported.records += 1;
                    }
                    None if item.lost => {}
                    None => self
                        .exported
                        .lost
                        .push(format!("`{path}`: the row of record {position} is no longer in `{}`", table.name)),
                }
                position += 1;
            }
        }
    }

    /// What a record is now; `None` where its row is gone.
    fn record(&mut self, table: &BoundTable, item: &Item) -> Result<Option<Value>, ImportError> {
        if let Some(value) = &item.value {
            return Ok(Some(value.clone()));
        }
        let Some(key) = item.cells(table).filter(|_| !item.lost) else { return Ok(None) };
        let reading = |source| ImportError::Sql { doing: format!("read `{}`", table.name), source };
        let Some(cells) = self.store.rows(table, &table.key, &key).map_err(reading)?.into_iter().next() else {
            return Ok(None);
        };
        let mut children = Vec::new();
        for (child, items) in table.children.iter().zip(&item.children) {
            let mut values = Vec::new();
            for (position, item) in (0..).zip(items) {
                let pointer = item.left.pointer.clone().or_else(|| derived(&child.records, position));
                if let Some(value) = self.record(&child.table, item)? {
                    values.push((pointer.unwrap_or_default(), value));
                }
            }
            children.push(values);
        }
        let (outside, lost) = outside(table, &cells, &item.left);
        for (column, error) in lost {
            self.exported.lost.push(format!("`{}`.`{column}`: {error}; a null stands in its place", table.name));
        }
        let mut value = rebuild(table, &cells, &outside, children);
        apply(table, &cells, &outside, &item.left, &mut value);
        let key: Vec<String> = item.key.iter().map(ToString::to_string).collect();
        for (column, error) in unseal(table, &cells, &item.left, &mut value) {
            let name = &table.name;
            self.exported
                .lost
                .push(format!("`{name}`.`{column}` of the row {} can't be decrypted: {error}", key.join(", ")));
        }
        Ok(Some(value))
    }
}

/// For each source the first that writes over the same columns of its table: rows that two sources fill give each of them
/// its record back, as long as what they take of it goes to different columns.
fn groups(sources: &[BoundTable]) -> Vec<usize> {
    let mut groups: Vec<usize> = (0..sources.len()).collect();
    for (at, source) in sources.iter().enumerate() {
        let overlap = |other: &BoundTable| {
            other.target == source.target
                && (0..source.columns.len()).filter(|column| !source.key.contains(column)).any(|column| {
                    let column = &source.columns[column];
                    let gives_back = |column: &BoundColumn| {
                        matches!(column.fill, Fill::Pointer { .. } | Fill::Rest | Fill::Whole | Fill::EntryKey)
                    };
                    let same = other.column(&column.name).map(|at| &other.columns[at]);
                    gives_back(column) && same.is_some_and(gives_back)
                })
        };
        for before in (0..at).filter(|before| overlap(&sources[*before])) {
            let (from, to) = (groups[at].max(groups[before]), groups[at].min(groups[before]));
            groups.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
        }
    }
    groups
}

/// Front matter, a line a key; JSON is YAML.
fn front_matter(map: &Map<String, Value>) -> String {
    map.iter()
        .map(|(key, value)| format!("{}: {value}\n", Value::from(key.as_str())))
        .map(|line| of_json(&line).into_owned())
        .collect()
}

/// The permissions that a file made in `folder` has.
fn umask_of(folder: &Path) -> Option<std::fs::Permissions> {
    let probe = folder.join(format!(".liftlock-probe-{}", std::process::id()));
    let permissions =
        std::fs::File::create(&probe).and_then(|file| file.metadata()).map(|metadata| metadata.permissions());
    drop(std::fs::remove_file(&probe));
    permissions.ok()
}
