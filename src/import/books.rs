//! What an import writes down beside the rows: its runs, the files it has read, and what of their records the rows alone
//! can't give back. docs/import.md describes the tables.

use std::collections::HashMap;

use serde_json::Value;

use super::ImportError;
use super::read::SourceFile;
use super::row::Item;
use super::store::{Given, Store};
use crate::Dialect;
use crate::db::{ErrorClass, SqlError};

/// The names of the tables.
pub const TABLES: [&str; 4] =
    ["liftlock_import_run", "liftlock_import_file", "liftlock_import_record", "liftlock_import_quarantine"];

/// A file as the books have it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FileBook {
    pub id: i64,
    pub source: String,
    pub path: String,
    pub size: u64,
    pub mtime: i128,
    pub ctime: i128,
    pub sha256: String,
    /// The SHA-256 of the part of the mapping that it was read by.
    pub mapping: String,
    pub state: FileState,
    /// How many of its records are in.
    pub done: u64,
    /// The run that read it last.
    pub run: i64,
}

/// How far a file is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum FileState {
    /// Some of its records are.
    #[default]
    Partial,
    /// All are; whether their rows are right nobody has looked at yet.
    Unproven,
    /// All are, and one of their rows was found to be other than the file says.
    Differs,
    /// All are, and right.
    Done,
    /// It is no longer in the folder; its rows are still here.
    Deleted,
}

impl FileState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Unproven => "unproven",
            Self::Differs => "differs",
            Self::Done => "done",
            Self::Deleted => "deleted",
        }
    }

    /// Whether all of its records are in, and it is in the folder.
    pub fn is_in(self) -> bool {
        matches!(self, Self::Unproven | Self::Differs | Self::Done)
    }
}

fn failed(doing: &str) -> impl FnOnce(SqlError) -> ImportError {
    let doing = doing.to_owned();
    move |source| ImportError::Sql { doing, source }
}

/// Makes the tables where they are not there yet.
pub(super) fn make(store: &mut dyn Store) -> Result<(), ImportError> {
    let (integer, text) = match store.dialect() {
        Dialect::Sqlite => ("INTEGER", "TEXT"),
        Dialect::Postgres => ("bigint", "text"),
    };
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS liftlock_import_run (id {integer} NOT NULL PRIMARY KEY, status {text} NOT NULL, \
           started {text} NOT NULL, finished {text}, folder {text} NOT NULL, mapping {text} NOT NULL, report {text});\n\
         CREATE TABLE IF NOT EXISTS liftlock_import_file (id {integer} NOT NULL PRIMARY KEY, folder {text} NOT NULL, \
           source {text} NOT NULL, path {text} NOT NULL, size {integer} NOT NULL, mtime {text} NOT NULL, ctime {text} NOT NULL, sha256 {text} NOT NULL, \
           mapping {text} NOT NULL, state {text} NOT NULL, done {integer} NOT NULL, envelope {text}, run {integer} NOT NULL, \
           UNIQUE (folder, source, path));\n\
         CREATE TABLE IF NOT EXISTS liftlock_import_record (file {integer} NOT NULL, position {integer} NOT NULL, \
           records {integer} NOT NULL, items {text} NOT NULL, PRIMARY KEY (file, position));\n\
         CREATE TABLE IF NOT EXISTS liftlock_import_quarantine (id {integer} NOT NULL PRIMARY KEY, run {integer} NOT NULL, \
           source {text} NOT NULL, path {text} NOT NULL, position {integer} NOT NULL, place {text}, target {text}, \
           reason {text} NOT NULL, raw {text} NOT NULL);"
    );
    store.sql(&sql).map(drop).map_err(failed("make the tables that imports are written down in"))
}

/// Whether there are books.
pub(super) fn exist(store: &mut dyn Store) -> Result<bool, ImportError> {
    match store.sql("SELECT 1 FROM liftlock_import_file LIMIT 1") {
        Ok(_) => Ok(true),
        Err(error) if error.class == ErrorClass::Missing => Ok(false),
        Err(error) => Err(failed("read what earlier imports wrote down")(error)),
    }
}

/// The next number of a table's.
pub(super) fn next(store: &mut dyn Store, table: &str) -> Result<i64, ImportError> {
    let rows = store.sql(&format!("SELECT coalesce(max(id), 0) + 1 FROM {table}"));
    let rows = rows.map_err(failed("number what is written down"))?;
    Ok(rows.into_iter().flatten().flatten().next().and_then(|number| number.parse().ok()).unwrap_or(1))
}

/// Writes down that a run begins, and gives its number and those of runs that never ended.
pub(super) fn begin(store: &mut dyn Store, folder: &str, mapping: &str) -> Result<(i64, Vec<i64>), ImportError> {
    let doing = "write down that an import begins";
    let killed = store.sql("SELECT id FROM liftlock_import_run WHERE status = 'running'").map_err(failed(doing))?;
    let killed: Vec<i64> = killed.into_iter().flatten().flatten().filter_map(|id| id.parse().ok()).collect();
    let run = next(store, TABLES[0])?;
    let now = now();
    store
        .write(
            "INSERT INTO liftlock_import_run (id, status, started, folder, mapping) VALUES (?, 'running', ?, ?, ?)",
            &[Given::Number(run), Given::Text(&now), Given::Text(folder), Given::Text(mapping)],
        )
        .map_err(failed(doing))?;
    store.settle().map_err(failed(doing))?;
    Ok((run, killed))
}

/// Writes down how a run has ended. The runs before it that never did are proven by it, or not at all.
pub(super) fn end(
    store: &mut dyn Store,
    run: i64,
    killed: &[i64],
    status: &str,
    report: &str,
) -> Result<(), ImportError> {
    let doing = "write down how the import has ended";
    let now = now();
    let given = [Given::Text(status), Given::Text(&now), Given::Text(report), Given::Number(run)];
    store
        .write("UPDATE liftlock_import_run SET status = ?, finished = ?, report = ? WHERE id = ?", &given)
        .map_err(failed(doing))?;
    if status == "done" {
        for id in killed {
            let sql = "UPDATE liftlock_import_run SET status = 'killed' WHERE id = ?";
            store.write(sql, &[Given::Number(*id)]).map_err(failed(doing))?;
        }
    }
    store.settle().map_err(failed(doing))
}

/// Whether the last proof of a tree's tables found one that differs.
pub(super) fn differed(store: &mut dyn Store, folder: &str) -> Result<bool, ImportError> {
    let literal = store.dialect().literal(folder);
    let rows = store.sql(&format!(
        "SELECT status FROM liftlock_import_run WHERE folder = {literal} AND status IN ('done', 'differs') \
         ORDER BY id DESC LIMIT 1"
    ));
    let rows = rows.map_err(failed("read what earlier imports wrote down"))?;
    Ok(rows.into_iter().flatten().flatten().next().as_deref() == Some("differs"))
}

/// Writes down what a run has proven: the files that it read to their end are right, and those of earlier runs in `right`,
/// but for those in `wrong`. All of it or nothing.
pub(super) fn proven(store: &mut dyn Store, run: i64, right: &[i64], wrong: &[i64]) -> Result<(), ImportError> {
    let doing = || failed("write down which files are proven");
    store.begin().map_err(doing())?;
    for (state, files) in [(FileState::Differs, wrong), (FileState::Done, right)] {
        for id in files {
            // one that was not read to its end is looked at as a whole once it is
            let sql = "UPDATE liftlock_import_file SET state = ? WHERE id = ? AND state <> 'partial'";
            store.write(sql, &[Given::Text(state.name()), Given::Number(*id)]).map_err(doing())?;
        }
    }
    let sql = "UPDATE liftlock_import_file SET state = 'done' WHERE run = ? AND state = 'unproven'";
    store.write(sql, &[Given::Number(run)]).map_err(doing())?;
    store.sql("COMMIT").map(drop).map_err(doing())
}

/// The trees that files were imported of: folders, or what they were named.
pub(super) fn folders(store: &mut dyn Store) -> Result<Vec<String>, ImportError> {
    let rows = store.sql("SELECT DISTINCT folder FROM liftlock_import_file WHERE state <> 'deleted' ORDER BY folder");
    let rows = rows.map_err(failed("read what was imported"))?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// The files of all trees, those that are gone too, as their rows are still there: tree, source and path.
pub(super) fn everywhere(store: &mut dyn Store) -> Result<Vec<(String, String, String)>, ImportError> {
    let rows = store.sql("SELECT folder, source, path FROM liftlock_import_file ORDER BY folder, source, path");
    let rows = rows.map_err(failed("read what earlier imports wrote down"))?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let [tree, source, path] = <[Option<String>; 3]>::try_from(row).ok()?;
            Some((tree?, source?, path?))
        })
        .collect())
}

/// The files of a tree: of a folder, or of what goes by a name.
pub(super) fn files(store: &mut dyn Store, folder: &str) -> Result<Vec<FileBook>, ImportError> {
    let literal = store.dialect().literal(folder);
    let rows = store.sql(&format!(
        "SELECT id, source, path, size, mtime, ctime, sha256, mapping, state, done, run FROM liftlock_import_file \
         WHERE folder = {literal} ORDER BY source, path"
    ));
    let rows = rows.map_err(failed("read what earlier imports wrote down"))?;
    let book = |row: Vec<Option<String>>| -> Option<FileBook> {
        let [id, source, path, size, mtime, ctime, sha256, mapping, state, done, run] =
            <[String; 11]>::try_from(row.into_iter().collect::<Option<Vec<String>>>()?).ok()?;
        let states = [FileState::Partial, FileState::Unproven, FileState::Differs, FileState::Done, FileState::Deleted];
        Some(FileBook {
            id: id.parse().ok()?,
            source,
            path,
            size: size.parse().ok()?,
            mtime: mtime.parse().ok()?,
            ctime: ctime.parse().ok()?,
            sha256,
            mapping,
            state: states.into_iter().find(|known| known.name() == state)?,
            done: done.parse().ok()?,
            run: run.parse().ok()?,
        })
    };
    let strange = || {
        failed("read what earlier imports wrote down")(SqlError::other(
            "`liftlock_import_file` holds what is none of ours",
        ))
    };
    rows.into_iter().map(|row| book(row).ok_or_else(strange)).collect()
}

/// What a file's document is without its records.
pub(super) fn envelope(store: &mut dyn Store, file: i64) -> Result<Value, ImportError> {
    let rows = store.sql(&format!("SELECT envelope FROM liftlock_import_file WHERE id = {file}"));
    let text = rows.map_err(failed("read what was imported"))?.into_iter().flatten().flatten().next();
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// The items of a file from `position` on, as many as were written at once; none at its end.
pub(super) fn items(store: &mut dyn Store, file: i64, position: u64) -> Result<Vec<Item>, ImportError> {
    let rows = store.sql(&format!(
        "SELECT items FROM liftlock_import_record WHERE file = {file} AND position >= {position} ORDER BY position LIMIT 1"
    ));
    let doing = "read what was imported";
    let Some(text) = rows.map_err(failed(doing))?.into_iter().flatten().flatten().next() else { return Ok(Vec::new()) };
    read_items(&text)
}

/// What the books have of some files, by their numbers: their documents without the records, and their items.
pub(super) fn of_files(store: &mut dyn Store, files: &[i64]) -> Result<HashMap<i64, (Value, Vec<Item>)>, ImportError> {
    let doing = "read what was imported";
    let numbers = files.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let number = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    let mut all: HashMap<i64, (Value, Vec<Item>)> = HashMap::new();
    let sql = format!("SELECT id, envelope FROM liftlock_import_file WHERE id IN ({numbers})");
    for row in store.sql(&sql).map_err(failed(doing))? {
        let [id, envelope] = <[_; 2]>::try_from(row).unwrap_or_default();
        let envelope = envelope.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        all.insert(number(id), (envelope, Vec::new()));
    }
    let sql =
        format!("SELECT file, items FROM liftlock_import_record WHERE file IN ({numbers}) ORDER BY file, position");
    for row in store.sql(&sql).map_err(failed(doing))? {
        let [file, text] = <[_; 2]>::try_from(row).unwrap_or_default();
        let items = read_items(&text.unwrap_or_default())?;
        all.entry(number(file)).or_default().1.extend(items);
    }
    Ok(all)
}

fn read_items(text: &str) -> Result<Vec<Item>, ImportError> {
    let items = serde_json::from_str::<Vec<Value>>(text).ok();
    let items = items.and_then(|items| items.iter().map(Item::read).collect::<Option<Vec<Item>>>());
    let strange = || SqlError::other("`liftlock_import_record` holds what is none of ours");
    items.ok_or_else(|| failed("read what was imported")(strange()))
}

/// So many records no file has: beyond them stand those of an earlier reading.
const READING: u64 = 1 << 40;

/// Puts what is written down of a file's records aside, under its number with a minus, until it is read again to its end:
/// whoever goes on after a kill needs the keys that its rows have. What was put aside before stays, and stands before it.
pub(super) fn put_aside(store: &mut dyn Store, file: i64) -> Result<(), SqlError> {
    let next = format!(
        "SELECT coalesce(max(position), -1) / {READING} + 1 FROM liftlock_import_record WHERE file = {}",
        -file
    );
    let next =
        store.sql(&next)?.into_iter().flatten().flatten().next().and_then(|next| next.parse().ok()).unwrap_or(0_u64);
    let sql = "UPDATE liftlock_import_record SET file = ?, position = position + ? WHERE file = ?";
    let shift = i64::try_from(next * READING).map_err(|_| SqlError::other("a file was begun too often"))?;
    store.write(sql, &[Given::Number(-file), Given::Number(shift), Given::Number(file)])
}

/// Hands on each item that was put aside, with its place in its file, the oldest reading first.
pub(super) fn aside(store: &mut dyn Store, file: i64, each: &mut dyn FnMut(u64, Item)) -> Result<(), ImportError> {
    let mut from = 0;
    loop {
        let rows = store.sql(&format!(
            "SELECT position FROM liftlock_import_record WHERE file = {} AND position >= {from} ORDER BY position LIMIT 1",
            -file
        ));
        let rows = rows.map_err(failed("read what was imported"))?;
        let Some(at) = rows.into_iter().flatten().flatten().next().and_then(|at| at.parse::<u64>().ok()) else {
            return Ok(());
        };
        (at..).zip(items(store, -file, at)?).for_each(|(at, item)| each(at % READING, item));
        from = at + 1;
    }
}

/// Forgets what was put aside.
pub(super) fn drop_aside(store: &mut dyn Store, file: i64) -> Result<(), SqlError> {
    store.write("DELETE FROM liftlock_import_record WHERE file = ?", &[Given::Number(-file)])
}

/// Writes down how far a file is in.
pub(super) fn file(
    store: &mut dyn Store,
    folder: &str,
    file: &SourceFile,
    book: &FileBook,
    envelope: Option<&str>,
) -> Result<(), SqlError> {
    let number = |number: u64| Given::Number(i64::try_from(number).unwrap_or(i64::MAX));
    let (mtime, ctime) = (file.mtime.to_string(), file.ctime.to_string());
    store.write(
        "INSERT INTO liftlock_import_file (id, folder, source, path, size, mtime, ctime, sha256, mapping, state, done, \
         envelope, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET size = excluded.size, \
         mtime = excluded.mtime, ctime = excluded.ctime, sha256 = excluded.sha256, mapping = excluded.mapping, state = excluded.state, \
         done = excluded.done, envelope = excluded.envelope, run = excluded.run",
        &[
            Given::Number(book.id),
            Given::Text(folder),
            Given::Text(&book.source),
            Given::Text(&book.path),
            number(book.size),
            Given::Text(&mtime),
            Given::Text(&ctime),
            Given::Text(&book.sha256),
            Given::Text(&book.mapping),
            Given::Text(book.state.name()),
            number(book.done),
            envelope.map_or(Given::Null, Given::Text),
            Given::Number(book.run),
        ],
    )
}

/// The present, as the books have it.
pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now).to_string()
}
