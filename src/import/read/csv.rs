//! CSV → records: each line an object by the header's names, all values text, as CSV knows no other.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::input::Input;
use super::{EachUnread, FileRead, Sink, What, raw, utf8};
use crate::import::ImportError;
use crate::words::counted;

/// Reads the file's lines; the envelope is the header.
pub(super) fn read(input: Input, each: EachUnread<'_>) -> Result<FileRead, ImportError> {
    let mut sink = Sink::new(each);
    let bytes = Bytes { input, quotes: 0, kept: Vec::new(), start: 0 };
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut lines = Lines { reader: &mut reader, next: None, started: false };
    let mut envelope = Value::Array(Vec::new());
    if let Some((header, closed)) = lines.next() {
        match names(&header.fields) {
            Ok(names) if closed => {
                while let Some((line, closed)) = lines.next() {
                    let more = match object(&names, &line.fields) {
                        _ if !closed => sink.bad((line.number, 1), NOT_CLOSED.to_owned(), raw(&line.raw))?,
                        Ok(object) => {
                            sink.good(&format!("/{}", line.number - 1), What::Value(Value::Object(object)))?
                        }
                        Err(reason) => sink.bad((line.number, 1), reason, raw(&line.raw))?,
                    };
                    if !more {
                        break;
                    }
                }
                envelope = names.into();
            }
            wrong => {
                let reason = wrong.err().unwrap_or_else(|| NOT_CLOSED.to_owned());
                sink.bad((header.number, 1), reason, raw(&header.raw))?;
            }
        }
    }
    sink.finish(reader.into_inner().input, envelope)
}

const NOT_CLOSED: &str = "a quote is not closed, so that all that follows is one value";

/// The file's bytes, of which the latest are kept to tell where a line really begins; and a count of its quotes: the reader
/// takes one that is never closed for a value that ends with the file.
struct Bytes {
    input: Input,
    quotes: usize,
    kept: Vec<u8>,
    /// Where in the file what is kept begins.
    start: u64,
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.quotes += memchr::memchr_iter(b'"', &buffer[..count]).count();
        self.kept.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

impl Bytes {
    /// What stands from the start of what is kept to `end`, which is kept no longer.
    fn take(&mut self, end: u64) -> Vec<u8> {
        let count = usize::try_from(end - self.start).unwrap_or(usize::MAX).min(self.kept.len());
        self.start = end;
        self.kept.drain(..count).collect()
    }
}

struct Line {
    /// From 1.
    number: u64,
    fields: ByteRecord,
    raw: Vec<u8>,
}

/// Lines, and whether their quotes are closed; that is known of the last one once there is none after it.
struct Lines<'a> {
    reader: &'a mut csv::Reader<Bytes>,
    next: Option<Line>,
    started: bool,
}

impl Lines<'_> {
    fn next(&mut self) -> Option<(Line, bool)> {
        if !self.started {
            self.started = true;
            self.next = self.one();
        }
        let this = self.next.take()?;
        self.next = self.one();
        let several_lines = this.fields.iter().any(|field| field.contains(&b'\n'));
        let closed = self.next.is_some() || !several_lines || self.reader.get_ref().quotes.is_multiple_of(2);
        Some((this, closed))
    }

    fn one(&mut self) -> Option<Line> {
        let mut fields = ByteRecord::new();
        // only the disk can fail here, which the input keeps
        if !self.reader.read_byte_record(&mut fields).is_ok_and(|more| more) {
            return None;
        }
        let end = self.reader.position().byte();
        let taken = self.reader.get_mut().take(end);
        // the reader counts a line as begun before the end of the one above it, and empty lines, are passed
        let before = taken.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = memchr::memchr_iter(b'\n', &taken[..before]).count() as u64;
        let number = fields.position().map_or(1, csv::Position::line) + passed;
        Some(Line { number, fields, raw: taken[before..].trim_ascii_end().to_vec() })
    }
}

fn names(header: &ByteRecord) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    for field in header {
        let name = utf8(field).map_err(|(_, reason)| format!("in the header, {reason}"))?;
        if names.iter().any(|known| known == name) {
            return Err(format!("the header has `{name}` twice"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn object(names: &[String], fields: &ByteRecord) -> Result<Map<String, Value>, String> {
    if fields.len() != names.len() {
        return Err(format!(
            "the line has {}, and the header {}",
            counted(fields.len() as u64, "value"),
            counted(names.len() as u64, "name")
        ));
    }
    names
        .iter()
        .zip(fields)
        .map(|(name, field)| match utf8(field) {
            Ok(text) => Ok((name.clone(), Value::String(text.to_owned()))),
            Err((_, reason)) => Err(format!("in `{name}`, {reason}")),
        })
        .collect()
}
