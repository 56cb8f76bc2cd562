//! JSON's outer structure over a stream of bytes: where a value begins and ends, without reading what it means.
//!
//! What is held is the value that is asked for, or a buffer's length. Values found here are checked by [`super::strict`].

use std::io::Read;

use memchr::memchr2;

const BUFFER: usize = 128 * 1024;

/// What is read first: most small files are in it, and need no more.
const FIRST: usize = 8 * 1024;

/// The longest record, in bytes: what a database takes as one value ends near this, too, and a quote that is never closed
/// makes one record of all that follows.
pub(in crate::import) const LONGEST: usize = 256 * 1024 * 1024;

/// Why the structure can't be followed, and where (line and column, from 1).
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Broken {
    pub place: (u64, u64),
    pub reason: String,
    /// What stands there.
    pub raw: Vec<u8>,
}

pub(in crate::import) struct Cursor<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    /// Bytes that were read so far.
    read: usize,
    end: bool,
    line: u64,
    /// Characters since the line began.
    column: u64,
}

impl<R: Read> Cursor<R> {
    pub(in crate::import) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), at: 0, read: 0, end: false, line: 1, column: 0 }
    }

    pub(in crate::import) fn into_inner(self) -> R {
        self.input
    }

    /// Line and column of what comes next, from 1.
    pub(in crate::import) fn place(&self) -> (u64, u64) {
        (self.line, self.column + 1)
    }

    /// Drops a byte order mark; says if the bytes are another encoding's.
    pub(in crate::import) fn begin(&mut self) -> Result<(), Broken> {
        while self.buffer.len() < 4 && self.fill() {}
        match self.buffer.as_slice() {
            [0xEF, 0xBB, 0xBF, ..] => self.at = 3,
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, ..] | [_, 0, ..] => {
                return Err(self.broken("it is not UTF-8 but UTF-16 or UTF-32"));
            }
            _ => {}
        }
        Ok(())
    }

    /// What is wrong here.
    pub(in crate::import) fn broken(&self, reason: impl Into<String>) -> Broken {
        let raw = &self.buffer[self.at..];
        Broken { place: self.place(), reason: reason.into(), raw: raw[..raw.len().min(super::RAW)].to_vec() }
    }

    /// The next byte that is no white space; `None` at the end.
    pub(in crate::import) fn peek(&mut self) -> Option<u8> {
        loop {
            let space =
                self.buffer[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
            self.advance(space);
            if let Some(byte) = self.buffer.get(self.at) {
                return Some(*byte);
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Takes `byte` if it comes next.
    pub(in crate::import) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.advance(1);
        }
        is_next
    }

    /// Takes `byte`, which must come next.
    pub(in crate::import) fn expect(&mut self, byte: u8, what: &str) -> Result<(), Broken> {
        match self.take(byte) {
            true => Ok(()),
            false if self.peek().is_none() => Err(self.broken(format!("the file ends where {what} should come"))),
            false => Err(self.broken(format!("{what} should come here"))),
        }
    }

    /// The bytes of the next value, to where its brackets or quotes close.
    pub(in crate::import) fn value(&mut self) -> Result<Vec<u8>, Broken> {
        let Some(first) = self.peek() else { return Err(self.broken("the file ends where a value should come")) };
        let from = self.broken("the file ends within this value");
        let mut length = 0;
        let complete = match first {
            b'"' => self.string(&mut length),
            b'{' | b'[' => self.container(&mut length),
            _ => {
                while self
                    .byte(length)
                    .is_some_and(|byte| !matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\r' | b'\n'))
                {
                    length += 1;
                }
                if length == 0 {
                    return Err(self.broken("a value should come here"));
                }
                true
            }
        };
        if length > LONGEST {
            return Err(Broken { reason: format!("this value is longer than {} MiB", LONGEST >> 20), ..from });
        }
        if !complete {
            self.advance(self.buffer.len() - self.at);
            return Err(from);
        }
        let bytes = self.buffer[self.at..self.at + length].to_vec();
        self.advance(length);
        Ok(bytes)
    }

    /// The byte `offset` after the next one.
    fn byte(&mut self, offset: usize) -> Option<u8> {
        while self.at + offset >= self.buffer.len() {
            if offset > LONGEST || !self.fill() {
                return None;
            }
        }
        Some(self.buffer[self.at + offset])
    }

    /// Moves `length`, which is at a quote, past the one that closes it; false if there is none.
    fn string(&mut self, length: &mut usize) -> bool {
        *length += 1;
        loop {
            let Some(_) = self.byte(*length) else { return false };
            match memchr2(b'"', b'\\', &self.buffer[self.at + *length..]) {
                None => *length = self.buffer.len() - self.at,
                Some(found) => {
                    *length += found;
                    if self.buffer[self.at + *length] == b'"' {
                        *length += 1;
                        return true;
                    }
                    *length += 2;
                }
            }
        }
    }

    fn container(&mut self, length: &mut usize) -> bool {
        let mut depth = 0_usize;
        loop {
            let Some(byte) = self.byte(*length) else { return false };
            match byte {
                b'"' => {
                    if !self.string(length) {
                        return false;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {
                    // a run of what is neither
                    let run = self.buffer[self.at + *length..].iter();
                    *length += run.take_while(|b| !matches!(b, b'"' | b'{' | b'[' | b'}' | b']')).count();
                    continue;
                }
            }
            *length += 1;
            if depth == 0 {
                return true;
            }
        }
    }

    fn advance(&mut self, count: usize) {
        let passed = &self.buffer[self.at..self.at + count];
        let last = match memchr::memrchr(b'\n', passed) {
            Some(newline) => {
                self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
                self.column = 0;
                &passed[newline + 1..]
            }
            None => passed,
        };
        // bytes that go on with a character are none of their own
        self.column += last.iter().filter(|byte| (**byte & 0xC0) != 0x80).count() as u64;
        self.at += count;
    }

    /// Reads on; false at the end, or when the disk fails, which [`super::input::Input::finish`] reports.
    fn fill(&mut self) -> bool {
        if self.end {
            return false;
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let length = self.buffer.len();
        // the longer a value is already, the larger the steps, so that each byte is moved a few times at most
        let step = if self.read == 0 { FIRST } else { BUFFER.min(4 * self.read).max(length / 2) };
        self.buffer.resize(length + step, 0);
        let count = self.input.read(&mut self.buffer[length..]).unwrap_or(0);
        self.buffer.truncate(length + count);
        self.end = count == 0;
        self.read = self.read.saturating_add(count);
        count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands over a byte at a time, so that every boundary is met.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn values_end_where_they_close() {
        let text = br#" {"a": "}\"\\"} , [1,[2]] "x\"y" -1.5e3,true"#;
        let mut cursor = Cursor::new(Trickle(text));
        let mut value = || String::from_utf8(cursor.value().expect("a value")).expect("text");
        assert_eq!(value(), r#"{"a": "}\"\\"}"#);
        assert!(cursor.take(b','));
        let mut value = || String::from_utf8(cursor.value().expect("a value")).expect("text");
        assert_eq!([value(), value(), value()], ["[1,[2]]", r#""x\"y""#, "-1.5e3"]);
        assert!(cursor.take(b','));
        assert_eq!(cursor.value().expect("a value"), b"true");
        assert_eq!(cursor.peek(), None);
    }

    #[test]
    fn places_count_lines_and_characters() {
        let mut cursor = Cursor::new(Trickle("\u{feff}[\"ä\",\n  {".as_bytes()));
        cursor.begin().expect("UTF-8");
        assert!(cursor.take(b'['));
        cursor.value().expect("a value");
        assert_eq!(cursor.place(), (1, 5));
        assert!(cursor.take(b','));
        cursor.peek();
        let broken = cursor.value().expect_err("not closed");
        assert_eq!((broken.place, broken.raw.as_slice()), ((2, 3), &b"{"[..]));
        assert!(Cursor::new(&b"\xff\xfe{\0}\0"[..]).begin().is_err());
        assert!(Cursor::new(&b"\"\\"[..]).value().is_err());
    }
}
