//! From files to records, streaming: what is held at once is one record, whatever the file's size.

use std::path::PathBuf;

use serde_json::Value;

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
    pub envelope: Value,
}
