//! From files to records, streaming: what is held at once is one record, whatever the file's size.
//!
//! JSON, JSON lines, CSV and the rows of a SQLite file are read in a stream; a YAML file is held whole, and Markdown and
//! text are one record anyway.

mod csv;
pub(in crate::import) mod cursor;
mod find;
mod glob;
pub(in crate::import) mod input;
mod json;
pub(in crate::import) mod lines;
mod markdown;
mod place;
pub(in crate::import) mod sqlite;
pub(in crate::import) mod strict;
mod text;
mod yaml;

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde_json::Value;

pub(in crate::import) use self::find::walk;
pub use self::find::{Found, find};
pub use self::markdown::compose;
pub use self::place::{nested, put};
use super::ImportError;
use super::mapping::{Format, Source};

/// A file that a source's glob matches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceFile {
    /// Relative to the folder, with `/`.
    pub path: String,
    /// Where it is.
    pub at: PathBuf,
    /// The captures' values, in the glob's order.
    pub captures: Vec<String>,
    /// Bytes.
    pub size: u64,
    /// When it was changed, in nanoseconds since 1970 (UTC).
    pub mtime: i128,
    /// Nanoseconds since 1970 when its content or what is known of it was changed last; 0 where the system has no such time.
    pub ctime: i128,
}

/// A record as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// Its place among the records of its file, from 0.
    pub position: u64,
    /// Where it is in its document, as a JSON Pointer; empty for the document itself. For line formats `/<line - 1>`.
    pub pointer: String,
    /// Its key, where it is an entry of an object.
    pub entry: Option<String>,
    /// What it holds.
    pub value: Value,
}

/// A record that can't be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BadRecord {
    /// Its place among the records of its file, from 0.
    pub position: u64,
    /// Line and column, from 1.
    pub place: Option<(u64, u64)>,
    /// Why.
    pub reason: String,
    /// What stands there, cut at some length.
    pub raw: String,
}

/// What is known of a file once it is read to its end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileRead {
    /// Its records, bad ones among them.
    pub records: u64,
    /// Its bytes.
    pub size: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// The document without its records: their arrays and objects empty. `Null` where the document is the record.
    ///
    /// A record that a key alone leads to (`/data`) keeps its place as a null; [`put`] puts it there. Of CSV it is the
    /// header's names. Of a YAML file of several documents, each a record at `/0`, `/1`, …, it is an empty array.
    pub envelope: Value,
}

/// What is done with each record.
pub type Each<'a> = &'a mut dyn FnMut(Result<Record, BadRecord>) -> Result<ControlFlow<()>, ImportError>;

/// A record that was found, and not read yet: what is done with it says whether that is needed.
pub(in crate::import) struct Unread<'a> {
    /// As a [`Record`]'s.
    pub position: u64,
    /// As a [`Record`]'s.
    pub pointer: &'a str,
    /// As a [`Record`]'s.
    pub entry: Option<&'a str>,
    /// What it holds.
    pub what: What<'a>,
}

/// What a record holds.
pub(in crate::import) enum What<'a> {
    /// JSON text, which may be none; its first byte's line and column.
    Json(&'a [u8], (u64, u64)),
    /// A value.
    Value(Value),
}

impl Unread<'_> {
    /// Reads it.
    pub fn read(self) -> Result<Record, BadRecord> {
        let Self { position, pointer, entry, what } = self;
        let value = match what {
            What::Value(value) => value,
            What::Json(bytes, place) => strict::value(bytes).map_err(|invalid| {
                let place = json::join(place, (invalid.line, invalid.column));
                BadRecord { position, place: Some(place), reason: invalid.reason, raw: raw(bytes) }
            })?,
        };
        Ok(Record { position, pointer: pointer.to_owned(), entry: entry.map(str::to_owned), value })
    }
}

/// What is done with each record that is found.
pub(in crate::import) type EachUnread<'a> =
    &'a mut dyn FnMut(Result<Unread<'_>, BadRecord>) -> Result<ControlFlow<()>, ImportError>;

/// How many bytes of a bad record are kept.
const RAW: usize = 4096;

/// Reads the records of a file and hands them to `each`, bad ones among them, until it says `Break`.
///
/// After a break what is returned says how many records there were until then, and nothing else of the file.
///
/// # Errors
/// The file can't be read; whatever `each` returns.
pub fn records(file: &SourceFile, source: &Source, each: Each<'_>) -> Result<FileRead, ImportError> {
    unread(file, source, &mut |found| each(found.and_then(Unread::read)))
}

/// As [`records`]; what is found is handed on before it is read.
pub(in crate::import) fn unread(
    file: &SourceFile,
    source: &Source,
    each: EachUnread<'_>,
) -> Result<FileRead, ImportError> {
    let input = || input::Input::open(&file.at);
    match source.format {
        Format::Json => json::read(input()?, &source.records, each),
        Format::Jsonl => lines::read(input()?, each),
        Format::Yaml => yaml::read(input()?, &source.records, each),
        Format::Markdown => markdown::read(input()?, each),
        Format::Csv => csv::read(input()?, each),
        Format::Text => text::read(input()?, each),
        Format::Sqlite => sqlite::read(file, &source.records, each),
    }
}

/// Counts what is handed on.
struct Sink<'a> {
    each: EachUnread<'a>,
    count: u64,
    stopped: bool,
}

impl<'a> Sink<'a> {
    fn new(each: EachUnread<'a>) -> Self {
        Self { each, count: 0, stopped: false }
    }

    fn put(&mut self, record: Result<Unread<'_>, BadRecord>) -> Result<ControlFlow<()>, ImportError> {
        self.count += 1;
        let answer = (self.each)(record)?;
        self.stopped = answer.is_break();
        Ok(answer)
    }

    /// Hands a record on; false where no more is wanted.
    fn good(&mut self, pointer: &str, what: What<'_>) -> Result<bool, ImportError> {
        Ok(self.put(Ok(Unread { position: self.count, pointer, entry: None, what }))?.is_continue())
    }

    /// Hands a bad record on; false where no more is wanted.
    fn bad(&mut self, place: (u64, u64), reason: String, raw: String) -> Result<bool, ImportError> {
        Ok(self.put(Err(BadRecord { position: self.count, place: Some(place), reason, raw }))?.is_continue())
    }

    /// What is known of the file in the end.
    fn finish(self, input: input::Input, envelope: Value) -> Result<FileRead, ImportError> {
        let records = self.count;
        if self.stopped {
            return Ok(FileRead { records, ..FileRead::default() });
        }
        Ok(FileRead { records, envelope, ..input.finish()? })
    }
}

/// Bytes as text that can be kept and shown, cut at some length.
fn raw(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(RAW)]).into_owned();
    if bytes.len() > RAW {
        // a character cut in two is none
        while text.ends_with('\u{fffd}') {
            text.pop();
        }
        text.push('…');
    }
    text
}

/// The text that the bytes of a whole file are; or where they are not UTF-8.
fn utf8(bytes: &[u8]) -> Result<&str, ((u64, u64), String)> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let at = crate::source_text::position(valid, valid.len());
        let reason = match bytes {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "it is not UTF-8 but UTF-16 or UTF-32".to_owned(),
            _ => format!("it is not UTF-8: the byte 0x{:02x} stands here", bytes[error.valid_up_to()]),
        };
        ((at.line as u64, at.column as u64), reason)
    })
}

#[cfg(test)]
mod tests;
