//! A JSON document that is written while its records are read: what stands around them is at hand, and each goes to its
//! place as it comes, so that one of them is held at a time.

use std::io::{self, Write};

use serde_json::Value;

use super::records::Record;
use crate::import::ImportError;
use crate::import::mapping::{RecordPath, Step, escape_key, pointer_keys};

/// Gives the next record; none at the end.
type Next<'a> = dyn FnMut() -> Result<Option<Record>, ImportError> + 'a;

/// Where a document is written to, and what makes an error of one that writing it meets.
pub(super) struct To<'a> {
    pub out: &'a mut dyn Write,
    pub failed: &'a dyn Fn(io::Error) -> ImportError,
}

/// Writes a document whose records are at `path`: `around` is what it is without them. Gives how many it has written, or
/// nothing where one came that has no place where the writing is: what was written is of no use then.
pub(super) fn write<'a>(
    around: Value,
    path: &RecordPath,
    next: &'a mut Next<'a>,
    to: To<'a>,
) -> Result<Option<u64>, ImportError> {
    let mut stream = Stream { to, next, ahead: None, written: 0, text: Vec::new() };
    stream.step()?;
    stream.part(&around, &path.0, &mut String::new(), 0)?;
    stream.write(b"\n")?;
    Ok(stream.ahead.is_none().then_some(stream.written))
}

struct Stream<'a> {
    to: To<'a>,
    next: &'a mut Next<'a>,
    /// The next record, whose pointer says whether it belongs where the writing is.
    ahead: Option<Record>,
    written: u64,
    /// The text of a value, whose room is kept.
    text: Vec<u8>,
}

impl Stream<'_> {
    /// Writes what is left of a value along the rest of the path, and its records.
    fn part(&mut self, left: &Value, steps: &[Step], pointer: &mut String, depth: usize) -> Result<(), ImportError> {
        let Some((step, rest)) = steps.split_first() else { return self.value(left, depth) };
        let leads = |key: &str| !matches!(step, Step::Key(own) if own != key);
        match (step, left) {
            (Step::Items, Value::Array(none)) if rest.is_empty() && none.is_empty() => self.items(pointer, depth),
            (Step::Entries, Value::Object(none)) if rest.is_empty() && none.is_empty() => self.entries(pointer, depth),
            (Step::Items | Step::Entries, left) if rest.is_empty() => self.value(left, depth),
            (Step::Items | Step::Key(_), Value::Array(items)) => {
                let mut open = self.open(b"[", depth)?;
                for (at, left) in items.iter().enumerate() {
                    let key = at.to_string();
                    self.line(&mut open)?;
                    if leads(&key) {
                        let length = enter(pointer, &key);
                        // one that is gone leaves its place in the array, as it is no item of a list of records
                        match self.at(pointer, rest)?.flatten() {
                            Some(record) => self.record(&record, open.depth)?,
                            None => self.part(left, rest, pointer, open.depth)?,
                        }
                        pointer.truncate(length);
                    } else {
                        self.value(left, open.depth)?;
                    }
                }
                self.close(open, b"]")
            }
            (Step::Entries | Step::Key(_), Value::Object(map)) => {
                let mut open = self.open(b"{", depth)?;
                for (key, left) in map {
                    if leads(key) {
                        let length = enter(pointer, key);
                        match self.at(pointer, rest)? {
                            Some(None) => {}
                            Some(Some(record)) => {
                                self.key(key, &mut open)?;
                                self.record(&record, open.depth)?;
                            }
                            None => {
                                self.key(key, &mut open)?;
                                self.part(left, rest, pointer, open.depth)?;
                            }
                        }
                        pointer.truncate(length);
                    } else {
                        self.key(key, &mut open)?;
                        self.value(left, open.depth)?;
                    }
                }
                self.close(open, b"}")
            }
            (_, left) => self.value(left, depth),
        }
    }

    /// The record that stands where `pointer` says, at the end of the path; or that it is gone.
    fn at(&mut self, pointer: &str, rest: &[Step]) -> Result<Option<Option<Value>>, ImportError> {
        match &self.ahead {
            Some(record) if rest.is_empty() && record.pointer == pointer => Ok(Some(self.take()?)),
            _ => Ok(None),
        }
    }

    /// An array of nothing but records.
    fn items(&mut self, pointer: &str, depth: usize) -> Result<(), ImportError> {
        let mut open = self.open(b"[", depth)?;
        for at in 0_u64.. {
            let is_next = |record: &Record| within(pointer, record).is_some_and(|key| key == at.to_string());
            if !self.ahead.as_ref().is_some_and(is_next) {
                break;
            }
            if let Some(record) = self.take()? {
                self.line(&mut open)?;
                self.record(&record, open.depth)?;
            }
        }
        self.close(open, b"]")
    }

    /// An object of nothing but records.
    fn entries(&mut self, pointer: &str, depth: usize) -> Result<(), ImportError> {
        let mut open = self.open(b"{", depth)?;
        while let Some(record) = &self.ahead {
            let keys = within(pointer, record).and_then(|_| pointer_keys(&record.pointer).ok());
            let Some(key) = keys.and_then(|mut keys| keys.pop()) else { break };
            if let Some(record) = self.take()? {
                self.key(&key, &mut open)?;
                self.record(&record, open.depth)?;
            }
        }
        self.close(open, b"}")
    }

    fn take(&mut self) -> Result<Option<Value>, ImportError> {
        let value = self.ahead.take().and_then(|record| record.value);
        self.step()?;
        Ok(value)
    }

    /// Asks for the next record.
    fn step(&mut self) -> Result<(), ImportError> {
        loop {
            self.ahead = (self.next)()?;
            // of what could not be read nobody knows where it was
            let is_nowhere = |record: &Record| record.value.is_none() && record.pointer.is_empty();
            if !self.ahead.as_ref().is_some_and(is_nowhere) {
                return Ok(());
            }
        }
    }

    fn record(&mut self, record: &Value, depth: usize) -> Result<(), ImportError> {
        self.written += 1;
        self.value(record, depth)
    }

    /// A value whose first line is begun.
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), ImportError> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        serde_json::to_writer_pretty(&mut text, value).map_err(|error| (self.to.failed)(error.into()))?;
        // a line's end within a text is written `\n`
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', &text) {
            self.write(&text[from..=end])?;
            self.indent(depth)?;
            from = end + 1;
        }
        self.write(&text[from..])?;
        self.text = text;
        Ok(())
    }

    fn open(&mut self, bracket: &[u8], depth: usize) -> Result<Open, ImportError> {
        self.write(bracket)?;
        Ok(Open { depth: depth + 1, is_empty: true })
    }

    /// Begins the line of an item or entry.
    fn line(&mut self, open: &mut Open) -> Result<(), ImportError> {
        self.write(if std::mem::take(&mut open.is_empty) { b"\n" } else { b",\n" })?;
        self.indent(open.depth)
    }

    fn key(&mut self, key: &str, open: &mut Open) -> Result<(), ImportError> {
        self.line(open)?;
        self.value(&Value::from(key), open.depth)?;
        self.write(b": ")
    }

    fn close(&mut self, open: Open, bracket: &[u8]) -> Result<(), ImportError> {
        if !open.is_empty {
            self.write(b"\n")?;
            self.indent(open.depth - 1)?;
        }
        self.write(bracket)
    }

    fn indent(&mut self, depth: usize) -> Result<(), ImportError> {
        (0..depth).try_for_each(|_| self.write(b"  "))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        self.to.out.write_all(bytes).map_err(self.to.failed)
    }
}

/// An array or object whose bracket is written.
struct Open {
    /// Of what is in it.
    depth: usize,
    is_empty: bool,
}

/// Goes on to a key; gives the length to go back to.
fn enter(pointer: &mut String, key: &str) -> usize {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&escape_key(key));
    length
}

/// The key of a record within what is at `pointer`, as its own pointer has it.
fn within<'a>(pointer: &str, record: &'a Record) -> Option<&'a str> {
    record.pointer.strip_prefix(pointer)?.strip_prefix('/').filter(|key| !key.contains('/'))
}

#[cfg(test)]
mod tests;
