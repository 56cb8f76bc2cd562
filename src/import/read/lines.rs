//! JSON lines → records; a bad line is a bad record, and the next is read.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use super::cursor::LONGEST;
use super::input::Input;
use super::{EachUnread, FileRead, Sink, What, raw};
use crate::import::ImportError;

/// Reads the file's lines.
pub(super) fn read(input: Input, each: EachUnread<'_>) -> Result<FileRead, ImportError> {
    let mut sink = Sink::new(each);
    let mut reader = BufReader::with_capacity(128 * 1024, input);
    let mut line = Vec::new();
    let mut pointer = String::new();
    for number in 1.. {
        line.clear();
        // the disk's error is kept by the input, and comes to light when it is finished
        let count = reader.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut line).unwrap_or(0);
        if count == 0 {
            break;
        }
        let too_long = line.len() > LONGEST && !line.ends_with(b"\n");
        while too_long && !skip_line(&mut reader) {}
        let bytes = if number == 1 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line) } else { &line };
        let bytes = bytes.trim_ascii_end();
        if bytes.trim_ascii_start().is_empty() {
            continue;
        }
        let more = if too_long {
            sink.bad((number, 1), format!("this line is longer than {} MiB", LONGEST >> 20), raw(bytes))?
        } else {
            pointer.clear();
            // writing to a text never fails
            let _ = write!(pointer, "/{}", number - 1);
            sink.good(&pointer, What::Json(bytes, (number, 1)))?
        };
        if !more {
            break;
        }
    }
    sink.finish(reader.into_inner(), Value::Null)
}

/// Reads on, a buffer at a time, until the line is at its end.
fn skip_line(reader: &mut BufReader<Input>) -> bool {
    let (used, ended) = match reader.fill_buf() {
        Ok(buffer) if !buffer.is_empty() => match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), false),
        },
        _ => (0, true),
    };
    reader.consume(used);
    ended
}
