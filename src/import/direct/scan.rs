//! JSON text gone over once, without making values of it: where each part ends, and whether it is as plain as what
//! serde_json writes.
//!
//! `None` everywhere means "not plain, or not right": somebody slower has to look. What is passed here is right by the
//! same rules as [`crate::import::read::strict`]'s.

use crate::import::read::strict;
use crate::value::ordinary;

/// How deep values may be nested here; the slower reader goes on to 127.
const DEEPEST: usize = 64;

/// With so many keys in one object they are sorted to find one that stands twice.
const MANY: usize = 24;

/// A value's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub what: What,
    pub text: &'a str,
    marks: Marks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Null,
    Bool(bool),
    Number,
    String,
    /// An object or array.
    Container,
}

/// What tells a text from what serde_json would write.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    /// Blanks between its parts.
    spaced: bool,
    /// An escape, or an exponent, that is written in another way.
    odd: bool,
    /// Any escape.
    escaped: bool,
}

impl Found<'_> {
    /// The text that serde_json writes of it, in `out`, which is empty.
    pub fn compact(&self, mut out: String) -> Option<String> {
        match self.marks {
            Marks { odd: true, .. } => return Some(strict::value(self.text.as_bytes()).ok()?.to_string()),
            Marks { spaced: true, .. } => without_blanks(self.text, &mut out),
            _ => out.push_str(self.text),
        }
        Some(out)
    }

    /// What a string says, in `out`, which is empty.
    pub fn string(&self, mut out: String) -> Option<String> {
        if self.marks.odd {
            return strict::string(self.text.as_bytes()).ok();
        }
        let inner = self.text.get(1..self.text.len() - 1)?;
        if !self.marks.escaped {
            out.push_str(inner);
            return Some(out);
        }
        out.reserve(inner.len());
        let mut rest = inner;
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            out.push_str(&rest[..at]);
            out.push(match rest.as_bytes().get(at + 1)? {
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\x08',
                b'f' => '\x0c',
                b'"' => '"',
                b'\\' => '\\',
                _ => return None,
            });
            rest = &rest[at + 2..];
        }
        out.push_str(rest);
        Some(out)
    }

    /// A number's digits, as serde_json keeps them.
    pub fn digits(&self) -> Option<std::borrow::Cow<'_, str>> {
        if !self.marks.odd {
            return Some(self.text.into());
        }
        let number: serde_json::Number = self.text.parse().ok()?;
        Some(number.as_str().to_owned().into())
    }
}

/// Right text without the blanks between its parts.
fn without_blanks(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    out.reserve(text.len());
    let (mut from, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
                    at += found + 1;
                    if bytes[at - 1] == b'"' {
                        break;
                    }
                    at += 1;
                }
            }
            byte if is_blank(byte) => {
                out.push_str(&text[from..at]);
                while at < bytes.len() && is_blank(bytes[at]) {
                    at += 1;
                }
                from = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&text[from..]);
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// A place in a text.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// The keys of the objects that are open, outer ones first.
    keys: Vec<&'a str>,
}

/// Where the keys of an open object begin, and whether any was met.
pub(super) struct Open {
    from: usize,
    first: bool,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, keys: Vec::with_capacity(2 * MANY) }
    }

    /// The next byte that is no blank.
    pub fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.byte()
    }

    /// Whether nothing but blanks follows.
    pub fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes blanks, and says whether there were any.
    fn blanks(&mut self) -> bool {
        let from = self.at;
        while self.byte().is_some_and(is_blank) {
            self.at += 1;
        }
        self.at > from
    }

    /// Enters an object, which comes next.
    pub fn open(&mut self) -> Option<Open> {
        if self.peek()? != b'{' {
            return None;
        }
        self.at += 1;
        Some(Open { from: self.keys.len(), first: true })
    }

    /// The next key of an object, whose value comes next; `Some(None)` where the object ends.
    pub fn key(&mut self, open: &mut Open) -> Option<Option<&'a str>> {
        self.next_key(open, &mut Marks::default())
    }

    fn next_key(&mut self, open: &mut Open, marks: &mut Marks) -> Option<Option<&'a str>> {
        marks.spaced |= self.blanks();
        match self.byte()? {
            b'}' if open.first => {
                self.at += 1;
                return Some(None);
            }
            b'}' => {
                self.at += 1;
                let keys = &mut self.keys[open.from..];
                if keys.len() > MANY {
                    keys.sort_unstable();
                    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
                        return None;
                    }
                }
                self.keys.truncate(open.from);
                return Some(None);
            }
            b',' if !open.first => {
                self.at += 1;
                marks.spaced |= self.blanks();
            }
            _ if open.first => {}
            _ => return None,
        }
        open.first = false;
        let from = self.at;
        let mut own = Marks::default();
        self.string(&mut own)?;
        let key = &self.text[from + 1..self.at - 1];
        // one that is escaped may be another's equal
        if own.escaped || key.starts_with("$serde_json::private::") {
            return None;
        }
        let others = &self.keys[open.from..];
        if others.len() < MANY && others.contains(&key) {
            return None;
        }
        self.keys.push(key);
        marks.spaced |= self.blanks();
        if self.byte()? != b':' {
            return None;
        }
        self.at += 1;
        marks.spaced |= self.blanks();
        Some(Some(key))
    }

    /// The value that comes next.
    pub fn value(&mut self) -> Option<Found<'a>> {
        self.blanks();
        let from = self.at;
        let mut marks = Marks::default();
        let what = self.pass(&mut marks, 0)?;
        Some(Found { what, text: &self.text[from..self.at], marks })
    }

    fn pass(&mut self, marks: &mut Marks, depth: usize) -> Option<What> {
        Some(match self.byte()? {
            b'"' => {
                self.string(marks)?;
                What::String
            }
            b'{' if depth < DEEPEST => {
                self.at += 1;
                let mut open = Open { from: self.keys.len(), first: true };
                while self.next_key(&mut open, marks)?.is_some() {
                    self.pass(marks, depth + 1)?;
                }
                What::Container
            }
            b'[' if depth < DEEPEST => {
                self.at += 1;
                self.items(marks, depth)?;
                What::Container
            }
            b'n' => self.word("null", What::Null)?,
            b't' => self.word("true", What::Bool(true))?,
            b'f' => self.word("false", What::Bool(false))?,
            _ => {
                self.number(marks)?;
                What::Number
            }
        })
    }

    fn items(&mut self, marks: &mut Marks, depth: usize) -> Option<()> {
        marks.spaced |= self.blanks();
        if self.byte()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.pass(marks, depth + 1)?;
            marks.spaced |= self.blanks();
            let byte = self.byte()?;
            self.at += 1;
            match byte {
                b']' => return Some(()),
                b',' => marks.spaced |= self.blanks(),
                _ => return None,
            }
        }
    }

    fn word(&mut self, word: &str, what: What) -> Option<What> {
        self.text.as_bytes()[self.at..].starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            what
        })
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self, marks: &mut Marks) -> Option<()> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.byte() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (zero && whole > 1) {
            return None;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return None;
            }
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return None;
            }
            marks.odd = true;
        }
        Some(())
    }

    /// Passes a string.
    fn string(&mut self, marks: &mut Marks) -> Option<()> {
        if self.byte()? != b'"' {
            return None;
        }
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            at += ordinary(&bytes[at..]);
            match *bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some(());
                }
                b'\\' => {
                    marks.escaped = true;
                    match bytes.get(at + 1)? {
                        b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'/' => marks.odd = true,
                        b'u' => {
                            // whether it is one of a pair is for the slower reader to say
                            let digits = bytes.get(at + 2..at + 6)?;
                            let surrogate = digits[0].eq_ignore_ascii_case(&b'd') && digits[1] > b'7';
                            if surrogate || !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            marks.odd = true;
                        }
                        _ => return None,
                    }
                    at += 2;
                }
                _ => return None,
            }
        }
    }
}
