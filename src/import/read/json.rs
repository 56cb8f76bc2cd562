//! A JSON document → its records, one at a time, and the document without them.

use std::io::Read;
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::cursor::{Broken, Cursor};
use super::input::Input;
use super::{BadRecord, EachUnread, FileRead, Sink, Unread, What, raw, strict};
use crate::import::ImportError;
use crate::import::mapping::{RecordPath, Step, escape_key};

/// Reads the file's records, which are at `path`.
pub(super) fn read(input: Input, path: &RecordPath, each: EachUnread<'_>) -> Result<FileRead, ImportError> {
    let mut walk = Walk { cursor: Cursor::new(input), sink: Sink::new(each) };
    let envelope = match walk.document(path) {
        Ok(envelope) => envelope,
        Err(Stop::Enough) => Value::Null,
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Broken(broken)) => {
            // what follows can't be told apart any more
            walk.sink.bad(broken.place, broken.reason, raw(&broken.raw))?;
            Value::Null
        }
    };
    let (records, stopped) = (walk.sink.count, walk.sink.stopped);
    if stopped {
        return Ok(FileRead { records, ..FileRead::default() });
    }
    Ok(FileRead { records, envelope, ..walk.cursor.into_inner().finish()? })
}

struct Walk<'a, R> {
    cursor: Cursor<R>,
    sink: Sink<'a>,
}

/// Why the walk ends before the document does.
enum Stop {
    /// The caller wants no more.
    Enough,
    Failed(ImportError),
    Broken(Broken),
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl<R: Read> Walk<'_, R> {
    fn document(&mut self, path: &RecordPath) -> Result<Value, Stop> {
        self.cursor.begin()?;
        if self.cursor.peek().is_none() {
            return Err(self.cursor.broken("the file is empty").into());
        }
        if path.is_document() {
            // told before the record is handed on, and not as a record of its own
            let place = self.cursor.place();
            let bytes = self.cursor.value()?;
            if self.cursor.peek().is_some() {
                return Err(self.cursor.broken("more follows after the document's end").into());
            }
            self.record(place, &bytes, "", None)?;
            return Ok(Value::Null);
        }
        let envelope = self.walk(&path.0, &mut String::new(), None)?;
        if self.cursor.peek().is_some() {
            return Err(self.cursor.broken("more follows after the document's end").into());
        }
        Ok(envelope)
    }

    /// Walks one value along the rest of the path, and gives back what of it is no record.
    fn walk(&mut self, steps: &[Step], pointer: &mut String, entry: Option<String>) -> Result<Value, Stop> {
        let Some((step, rest)) = steps.split_first() else {
            let place = self.cursor.place();
            let bytes = self.value_here()?;
            self.record(place, &bytes, pointer, entry)?;
            return Ok(Value::Null);
        };
        let place = self.cursor.place();
        match (step, self.cursor.peek()) {
            (Step::Entries, Some(b'{')) => self.object(None, rest, pointer),
            (Step::Key(key), Some(b'{')) => self.object(Some(key), rest, pointer),
            (Step::Items, Some(b'[')) => self.array(None, rest, pointer),
            (Step::Key(key), Some(b'[')) if index(key).is_some() => self.array(index(key), rest, pointer),
            // where there is nothing there are no records
            (_, Some(b'n')) => self.outside(),
            (step, _) => {
                let bytes = self.value_here()?;
                let expected = if *step == Step::Items { "an array" } else { "an object" };
                let reason = format!("{expected} should be at `{pointer}`");
                self.sink_bad(place, reason, &bytes)?;
                Ok(Value::Null)
            }
        }
    }

    fn value_here(&mut self) -> Result<Vec<u8>, Stop> {
        self.cursor.peek();
        Ok(self.cursor.value()?)
    }

    /// A value that no record is in.
    fn outside(&mut self) -> Result<Value, Stop> {
        self.cursor.peek();
        let place = self.cursor.place();
        let bytes = self.cursor.value()?;
        strict::value(&bytes).map_err(|invalid| {
            let place = join(place, (invalid.line, invalid.column));
            Stop::Broken(Broken { place, reason: invalid.reason, raw: bytes })
        })
    }

    /// An object of which one key, or every one, leads on.
    fn object(&mut self, only: Option<&String>, rest: &[Step], pointer: &mut String) -> Result<Value, Stop> {
        let mut envelope = Map::new();
        // with `{*}` keys may be many, and only their hashes are kept to tell that one stands twice
        let mut seen = std::collections::HashSet::new();
        self.cursor.expect(b'{', "`{`")?;
        if self.cursor.take(b'}') {
            return Ok(Value::Object(envelope));
        }
        loop {
            if self.cursor.peek() != Some(b'"') {
                return Err(self.cursor.broken("a key in quotes should come here").into());
            }
            let place = self.cursor.place();
            let bytes = self.cursor.value()?;
            let key =
                strict::string(&bytes).map_err(|reason| Stop::Broken(Broken { place, reason, raw: bytes.clone() }))?;
            if !seen.insert(xxhash_rust::xxh3::xxh3_128(key.as_bytes())) {
                let reason = format!("the key `{key}` stands twice in one object");
                return Err(Stop::Broken(Broken { place, reason, raw: bytes }));
            }
            self.cursor.expect(b':', "`:`")?;
            if only.is_some_and(|only| *only != key) {
                envelope.insert(key, self.outside()?);
            } else {
                let length = pointer.len();
                pointer.push('/');
                pointer.push_str(&escape_key(&key));
                self.cursor.peek();
                let entry = (only.is_none() && rest.is_empty()).then(|| key.clone());
                let inner = self.walk(rest, pointer, entry)?;
                pointer.truncate(length);
                // a record's own key is put back with the record; where a key alone leads to it, it keeps its place
                if !(rest.is_empty() && only.is_none()) {
                    envelope.insert(key, inner);
                }
            }
            if self.cursor.take(b'}') {
                return Ok(Value::Object(envelope));
            }
            self.cursor.expect(b',', "`,` or `}`")?;
        }
    }

    /// An array of which one item, or every one, leads on.
    fn array(&mut self, only: Option<u64>, rest: &[Step], pointer: &mut String) -> Result<Value, Stop> {
        let mut envelope = Vec::new();
        self.cursor.expect(b'[', "`[`")?;
        if self.cursor.take(b']') {
            return Ok(Value::Array(envelope));
        }
        for index in 0_u64.. {
            if only.is_some_and(|only| only != index) {
                envelope.push(self.outside()?);
            } else {
                let length = pointer.len();
                pointer.push_str(&format!("/{index}"));
                self.cursor.peek();
                let inner = self.walk(rest, pointer, None)?;
                pointer.truncate(length);
                if !(rest.is_empty() && only.is_none()) {
                    envelope.push(inner);
                }
            }
            if self.cursor.take(b']') {
                break;
            }
            self.cursor.expect(b',', "`,` or `]`")?;
        }
        Ok(Value::Array(envelope))
    }

    fn record(&mut self, place: (u64, u64), bytes: &[u8], pointer: &str, entry: Option<String>) -> Result<(), Stop> {
        let (position, entry) = (self.sink.count, entry.as_deref());
        go_on(self.sink.put(Ok(Unread { position, pointer, entry, what: What::Json(bytes, place) })))
    }

    fn sink_bad(&mut self, place: (u64, u64), reason: String, bytes: &[u8]) -> Result<(), Stop> {
        let bad = BadRecord { position: self.sink.count, place: Some(place), reason, raw: raw(bytes) };
        go_on(self.sink.put(Err(bad)))
    }
}

fn go_on(answer: Result<ControlFlow<()>, ImportError>) -> Result<(), Stop> {
    match answer {
        Ok(ControlFlow::Continue(())) => Ok(()),
        Ok(ControlFlow::Break(())) => Err(Stop::Enough),
        Err(error) => Err(Stop::Failed(error)),
    }
}

/// A key that is an array's index, as RFC 6901 writes it.
pub(super) fn index(key: &str) -> Option<u64> {
    let plain = key == "0" || (!key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { key.parse().ok() } else { None }
}

/// A place within something that begins at `start`.
pub(super) fn join(start: (u64, u64), within: (u64, u64)) -> (u64, u64) {
    if within.0 == 1 { (start.0, start.1 + within.1 - 1) } else { (start.0 + within.0 - 1, within.1) }
}
