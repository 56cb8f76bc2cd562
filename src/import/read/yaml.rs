//! A YAML file → its records: of its one document, or its documents themselves.

use serde_json::Value;

use super::input::Input;
use super::place::split;
use super::{BadRecord, EachUnread, FileRead, Sink, Unread, What, raw, utf8};
use crate::import::ImportError;
use crate::import::mapping::RecordPath;
use crate::import::yaml::{Problem, documents};

/// Reads the file's records, which are at `path`.
pub(super) fn read(mut input: Input, path: &RecordPath, each: EachUnread<'_>) -> Result<FileRead, ImportError> {
    let mut sink = Sink::new(each);
    let bytes = input.all()?;
    let text = match utf8(&bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err((place, reason)) => {
            sink.bad(place, reason, raw(&bytes))?;
            return sink.finish(input, Value::Null);
        }
    };
    let mut values = documents(text).map(|node| node.and_then(|node| node.into_value())).peekable();
    let first = match values.next() {
        None => Err(Problem { place: Default::default(), reason: "the file has no document".to_owned() }),
        Some(first) => first,
    };
    let several = values.peek().is_some();
    if !path.is_document() {
        let envelope = match first {
            Ok(_) if several => {
                sink.bad(
                    (1, 1),
                    "the file has several documents, and records within one only can be told apart".into(),
                    raw(&bytes),
                )?;
                Value::Null
            }
            Ok(document) => split(document, path, &mut |found| {
                let position = sink.count;
                match found {
                    Ok((pointer, entry, value)) => sink.put(Ok(Unread {
                        position,
                        pointer: &pointer,
                        entry: entry.as_deref(),
                        what: What::Value(value),
                    })),
                    Err((pointer, expected, value)) => sink.put(Err(BadRecord {
                        position,
                        place: None,
                        reason: format!("{expected} should be at `{pointer}`"),
                        raw: raw(value.to_string().as_bytes()),
                    })),
                }
            })?,
            Err(problem) => {
                bad(&mut sink, problem, text)?;
                Value::Null
            }
        };
        return sink.finish(input, envelope);
    }
    for (number, value) in std::iter::once(first).chain(values).enumerate() {
        let more = match value {
            Ok(value) => sink.good(&if several { format!("/{number}") } else { String::new() }, What::Value(value))?,
            Err(problem) => bad(&mut sink, problem, text)?,
        };
        if !more {
            break;
        }
    }
    sink.finish(input, if several { Value::Array(Vec::new()) } else { Value::Null })
}

fn bad(sink: &mut Sink<'_>, problem: Problem, text: &str) -> Result<bool, ImportError> {
    let (line, column) = (problem.place.line.max(1), problem.place.column.max(1));
    // from the line in question
    let skip = usize::try_from(line - 1).unwrap_or(usize::MAX);
    let start = text.split_inclusive('\n').take(skip).map(str::len).sum::<usize>();
    sink.bad((line, column), problem.reason, raw(&text.as_bytes()[start.min(text.len())..]))
}
