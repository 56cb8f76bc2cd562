//! A text file → one record, `{"text": …}`, with every character that is in it.

use serde_json::{Value, json};

use super::input::Input;
use super::{EachUnread, FileRead, Sink, What, raw, utf8};
use crate::import::ImportError;

/// Reads the file.
pub(super) fn read(mut input: Input, each: EachUnread<'_>) -> Result<FileRead, ImportError> {
    let mut sink = Sink::new(each);
    let bytes = input.all()?;
    match utf8(&bytes) {
        Ok(text) => sink.good("", What::Value(json!({ "text": text })))?,
        Err((place, reason)) => sink.bad(place, reason, raw(&bytes))?,
    };
    sink.finish(input, Value::Null)
}
