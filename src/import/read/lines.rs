//! JSON lines → records; a bad line is a bad record, and the next is read. The file is taken apart in blocks of whole lines,
//! which may be read side by side.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::ops::{ControlFlow, Range};
use std::path::Path;

use serde_json::Value;

use super::cursor::LONGEST;
use super::input::Input;
use super::{BadRecord, EachUnread, FileRead, Sink, Unread, What, raw};
use crate::import::ImportError;

/// A block ends with the line that brings it to so many bytes.
const BLOCK: usize = 256 * 1024;

/// Reads the file's lines.
pub(super) fn read(input: Input, each: EachUnread<'_>) -> Result<FileRead, ImportError> {
    let mut sink = Sink::new(each);
    let (mut blocks, mut block) = (Blocks::over(input, BLOCK), Block::default());
    while blocks.next(&mut block) && block.each(&mut |found| sink.put(found))?.is_continue() {}
    sink.finish(blocks.reader.into_inner(), Value::Null)
}

/// Lines that follow each other.
#[derive(Debug, Default)]
pub(in crate::import) struct Block {
    bytes: Vec<u8>,
    /// Those that hold something: each is a record.
    lines: Vec<Line>,
    /// The place of the first of them among the file's records.
    first: u64,
}

#[derive(Debug)]
struct Line {
    /// From 1.
    number: u64,
    /// Where it is in the block, without what ends it.
    range: Range<usize>,
    /// There is more of it in the file.
    is_cut: bool,
}

impl Block {
    /// Hands its records to `each` until that says `Break`.
    pub(in crate::import) fn each(&self, each: EachUnread<'_>) -> Result<ControlFlow<()>, ImportError> {
        let mut pointer = String::new();
        for (position, Line { number, range, is_cut }) in (self.first..).zip(&self.lines) {
            let (bytes, place) = (&self.bytes[range.clone()], (*number, 1));
            let found = if *is_cut {
                let reason = format!("this line is longer than {} MiB", LONGEST >> 20);
                Err(BadRecord { position, place: Some(place), reason, raw: raw(bytes) })
            } else {
                pointer.clear();
                // writing to a text never fails
                let _ = write!(pointer, "/{}", number - 1);
                Ok(Unread { position, pointer: &pointer, entry: None, what: What::Json(bytes, place) })
            };
            if each(found)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A file as blocks of its lines.
pub(in crate::import) struct Blocks {
    reader: BufReader<Input>,
    /// How many bytes a block has, about.
    size: usize,
    /// The lines that were read.
    lines: u64,
    /// Those of them that hold something.
    records: u64,
}

impl Blocks {
    /// The blocks of a file.
    pub(in crate::import) fn open(path: &Path) -> Result<Self, ImportError> {
        Ok(Self::over(Input::open(path)?, BLOCK))
    }

    pub(super) fn over(input: Input, size: usize) -> Self {
        Self { reader: BufReader::with_capacity(128 * 1024, input), size, lines: 0, records: 0 }
    }

    /// Reads on into `block`, in place of what it holds; false at the end.
    pub(in crate::import) fn next(&mut self, block: &mut Block) -> bool {
        block.bytes.clear();
        block.lines.clear();
        block.first = self.records;
        while block.bytes.len() < self.size {
            let from = block.bytes.len();
            let reader = self.reader.by_ref();
            // the disk's error is kept by the input, and comes to light when it is finished
            if reader.take(LONGEST as u64 + 1).read_until(b'\n', &mut block.bytes).unwrap_or(0) == 0 {
                block.bytes.truncate(from);
                break;
            }
            self.lines += 1;
            let line = &block.bytes[from..];
            let is_cut = line.len() > LONGEST && !line.ends_with(b"\n");
            while is_cut && !skip_line(&mut self.reader) {}
            let mark = if self.lines == 1 && line.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
            let range = from + mark..from + line.trim_ascii_end().len();
            if block.bytes[range.clone()].trim_ascii_start().is_empty() {
                block.bytes.truncate(from);
                continue;
            }
            block.lines.push(Line { number: self.lines, range, is_cut });
            self.records += 1;
        }
        !block.lines.is_empty()
    }

    /// What is known of the file once it is read.
    pub(in crate::import) fn finish(self) -> Result<FileRead, ImportError> {
        Ok(FileRead { records: self.records, ..self.reader.into_inner().finish()? })
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each record's place, pointer, and text with its line; what is known of the file.
    type All = (Vec<(u64, String, Vec<u8>, u64)>, FileRead);

    /// What a file holds, read in blocks of about `size` bytes, which are kept until all are there.
    fn by_blocks(path: &Path, size: usize) -> All {
        let mut blocks = Blocks::over(Input::open(path).unwrap(), size);
        let mut kept = Vec::new();
        let mut block = Block::default();
        while blocks.next(&mut block) {
            kept.push(std::mem::take(&mut block));
        }
        let mut found = Vec::new();
        for block in kept {
            let whole = block.each(&mut |record| {
                let Ok(Unread { position, pointer, what: What::Json(bytes, (line, _)), .. }) = record else {
                    panic!("none is longer than allowed")
                };
                found.push((position, pointer.to_owned(), bytes.to_vec(), line));
                Ok(ControlFlow::Continue(()))
            });
            assert!(whole.unwrap().is_continue());
        }
        (found, blocks.finish().unwrap())
    }

    /// The same, the plain way.
    fn plainly(bytes: &[u8]) -> Vec<(u64, String, Vec<u8>, u64)> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        let full = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
        let found = (0..).zip(full);
        found
            .map(|(at, (line, text))| (at, format!("/{line}"), text.trim_ascii_end().to_vec(), line as u64 + 1))
            .collect()
    }

    fn line() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "{\"a\":1}\n",
            "{\"a\":2}\r\n",
            "\n",
            " \t\r\n",
            "not JSON\n",
            "{\"long\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n",
            "  [1, 2] \n",
            "\"ä\"\n",
        ])
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_hold_the_same_records(
            lines in prop::collection::vec(line(), 0..40),
            mark in any::<bool>(),
            last in prop::sample::select(vec!["", "{\"last\":1}", "\u{feff}", "  "]),
            size in 1_usize..200,
        ) {
            let text = format!("{}{}{last}", if mark { "\u{feff}" } else { "" }, lines.concat());
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.jsonl");
            std::fs::write(&path, &text).unwrap();
            let (found, known) = by_blocks(&path, size);
            prop_assert_eq!(&found, &plainly(text.as_bytes()));
            prop_assert_eq!(known.records, found.len() as u64);
            prop_assert_eq!(&known, &by_blocks(&path, BLOCK).1);
            prop_assert_eq!(known.size, text.len() as u64);
        }
    }
}
