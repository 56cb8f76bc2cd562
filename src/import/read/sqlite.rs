//! A table of a SQLite file → its rows as records, as if the file were one document: `/TABLE[*]`.
//!
//! The file is read as it lies there, and nothing is written beside it. So it has to be at rest: what a write-ahead log or a
//! journal beside it holds is no part of what is hashed, and an import would not notice when it changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

use super::input::Input;
use super::{BadRecord, EachUnread, FileRead, Sink, SourceFile, Unread, What};
use crate::db::{SqlError, SqliteDb};
use crate::import::ImportError;
use crate::import::bind::{Cell, Kind, TargetTable};
use crate::import::mapping::{RecordPath, Step, escape_key};
use crate::suggest::nearest;
use crate::value::SqlValue;

/// The table whose rows a path means; `None` where it means something else.
pub(in crate::import) fn table_of(path: &RecordPath) -> Option<&str> {
    match path.0.as_slice() {
        [Step::Key(table), Step::Items] => Some(table),
        _ => None,
    }
}

/// Says where the file is not at rest.
///
/// # Errors
/// What stands beside it, and what to do.
pub(super) fn at_rest(file: &Path) -> Result<(), ImportError> {
    for (suffix, what) in [("-wal", "a write-ahead log"), ("-journal", "a rollback journal")] {
        let mut beside = file.as_os_str().to_owned();
        beside.push(suffix);
        if fs::metadata(PathBuf::from(beside)).is_ok_and(|metadata| metadata.len() > 0) {
            let reason = format!(
                "{what} stands beside it, with changes that are not in the file yet: close the application that uses it, or run \
                 `PRAGMA wal_checkpoint(TRUNCATE)`"
            );
            return Err(failed(file, io::Error::other(reason)));
        }
    }
    Ok(())
}

fn failed(path: &Path, source: io::Error) -> ImportError {
    ImportError::Read { path: path.to_owned(), source }
}

fn refused(path: &Path, error: &SqlError) -> ImportError {
    let hint = match error.code.as_deref() {
        Some("SQLITE_NOTADB") => ": it is no SQLite database, or an encrypted one",
        _ => "",
    };
    failed(path, io::Error::other(format!("{error}{hint}")))
}

/// Reads the rows of the table that `path` names.
pub(super) fn read(file: &SourceFile, path: &RecordPath, each: EachUnread<'_>) -> Result<FileRead, ImportError> {
    let at = &file.at;
    at_rest(at)?;
    let input = Input::open(at)?;
    let mut sink = Sink::new(each);
    let wanted = table_of(path).unwrap_or_default();
    let db = open(at)?;
    let (schema, _) = db.lenient_schema().map_err(|error| refused(at, &error))?;
    let Some(table) = schema.table(wanted) else {
        let meant = nearest(wanted, schema.tables.iter().map(|table| table.name.as_str()));
        let meant = meant.map_or(String::new(), |name| format!(": did you mean `{name}`?"));
        return Err(failed(at, io::Error::other(format!("it has no table `{wanted}`{meant}"))));
    };
    let rows = Rows::of(table);
    db.each_row(&rows.select, &[], |row| {
        let position = sink.count;
        let pointer = format!("/{}/{position}", escape_key(&table.name));
        let answer = match rows.record(|at| row.get(at)) {
            Ok(value) => sink.put(Ok(Unread { position, pointer: &pointer, entry: None, what: What::Value(value) }))?,
            Err((reason, raw)) => sink.put(Err(BadRecord { position, place: None, reason, raw }))?,
        };
        Ok::<_, Failure>(answer)
    })
    .map_err(|failure| match failure {
        Failure::Sql(error) => refused(at, &error),
        Failure::Import(error) => error,
    })?;
    unchanged(file)?;
    sink.finish(input, Value::Null)
}

/// A file that was written to while it was read gave rows of two moments.
fn unchanged(file: &SourceFile) -> Result<(), ImportError> {
    at_rest(&file.at)?;
    let metadata = fs::metadata(&file.at).map_err(|error| failed(&file.at, error))?;
    if metadata.len() == file.size && super::find::mtime(&metadata) == file.mtime {
        return Ok(());
    }
    Err(failed(&file.at, io::Error::other("it was changed while it was read: close the application that uses it")))
}

/// The file without locks, logs or anything made beside it (https://www.sqlite.org/uri.html, "immutable").
fn open(at: &Path) -> Result<SqliteDb, ImportError> {
    let refused = |reason: String| failed(at, io::Error::other(reason));
    let full = fs::canonicalize(at).map_err(|error| failed(at, error))?;
    let full = full.to_str().ok_or_else(|| refused("its path is not UTF-8".to_owned()))?;
    let mut uri = String::from("file:");
    for c in full.chars() {
        match c {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            c => uri.push(c),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&uri, flags).map_err(|error| refused(error.to_string()))?;
    Ok(SqliteDb::from(connection))
}

enum Failure {
    Sql(SqlError),
    Import(ImportError),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

/// How a table's rows are asked for, and made records.
struct Rows {
    select: String,
    columns: Vec<(String, Kind)>,
}

impl Rows {
    fn of(table: &crate::schema::Table) -> Self {
        let quoted = |name: &str| crate::Dialect::Sqlite.quote_identifier(name);
        let columns: Vec<(String, Kind)> =
            TargetTable::of_sqlite_table(table).columns.into_iter().filter_map(|c| Some((c.name, c.kind?))).collect();
        let names: Vec<String> = columns.iter().map(|(name, _)| quoted(name)).collect();
        // the same order at every reading: a batch that was written is found again by how many records came before it
        let order = match table.primary_key.as_ref().filter(|_| table.without_rowid) {
            Some(key) => key.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", "),
            None => table.rowid.clone().unwrap_or_else(|| names.join(", ")),
        };
        Self {
            select: format!("SELECT {} FROM main.{} ORDER BY {order}", names.join(", "), quoted(&table.name)),
            columns,
        }
    }

    /// The record of a row, or why there is none and what the row holds.
    fn record<'a>(&self, get: impl Fn(usize) -> SqlValue<'a>) -> Result<Value, (String, String)> {
        let mut record = Map::new();
        let mut problem = None;
        for (at, (name, kind)) in self.columns.iter().enumerate() {
            let reason = match get(at) {
                SqlValue::Blob(_) => Some("holds a BLOB, which JSON has no value for"),
                SqlValue::Text(text) if std::str::from_utf8(text).is_err() => Some("holds text that is not UTF-8"),
                SqlValue::Real(real) if !real.is_finite() => Some("holds an infinite number, which JSON has not"),
                _ => None,
            };
            if let Some(reason) = reason {
                problem.get_or_insert(format!("column `{name}` {reason}"));
            }
            record.insert(name.clone(), kind.restore(&Cell::of(get(at))));
        }
        let record = Value::Object(record);
        match problem {
            None => Ok(record),
            Some(reason) => Err((reason, super::raw(record.to_string().as_bytes()))),
        }
    }
}
