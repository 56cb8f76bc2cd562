//! Walks JSON text by the grammar of PostgreSQL's `json` (RFC 8259), without recursion and without a copy.

use std::ops::Range;

use super::Misfit;

/// Containers in containers, at most. The server's own limit is its stack's: with its defaults it takes some 13,000
/// levels of objects; SQLite's JSON functions take 1,000 (<https://www.sqlite.org/json1.html>).
const DEEPEST: usize = 6_400;

/// What is told of a document, in its order. Ranges are of the document's text; those of strings are without their
/// quotes.
pub(super) trait Visitor {
    /// An object (`{`) or an array (`[`) begins.
    fn open(&mut self, _container: u8, _at: usize) -> Result<(), Misfit> {
        Ok(())
    }
    /// The object or array begun last ends before `end`.
    fn close(&mut self, _container: u8, _end: usize) -> Result<(), Misfit> {
        Ok(())
    }
    /// A member's key; its value comes next.
    fn key(&mut self, _raw: Range<usize>, _escaped: bool) -> Result<(), Misfit> {
        Ok(())
    }
    fn string(&mut self, _raw: Range<usize>, _escaped: bool) -> Result<(), Misfit> {
        Ok(())
    }
    fn number(&mut self, _raw: Range<usize>) -> Result<(), Misfit> {
        Ok(())
    }
    /// `true`, `false` or `null`.
    fn word(&mut self, _raw: Range<usize>) -> Result<(), Misfit> {
        Ok(())
    }
}

/// The visitor that only wants to know whether it is JSON.
impl Visitor for () {}

/// Walks the one value that `text` is, and says whether blanks stand exactly where `jsonb` prints them: one after each
/// comma and colon, none elsewhere.
///
/// # Errors
/// [`Misfit::Syntax`] where it is no JSON or too deep, or what the visitor fails with.
pub(super) fn walk(text: &[u8], visitor: &mut impl Visitor) -> Result<bool, Misfit> {
    let mut walk = Walk { text, at: 0, tidy: true, depth: 0, objects: [0; DEEPEST / 64] };
    walk.blanks(0);
    'value: loop {
        let start = walk.at;
        match walk.peek() {
            Some(container @ (b'{' | b'[')) => {
                visitor.open(container, start)?;
                walk.at += 1;
                walk.push(container)?;
                walk.blanks(0);
                if walk.peek() != Some(closing(container)) {
                    if container == b'{' {
                        walk.key(visitor)?;
                    }
                    continue 'value;
                }
                // the end of an empty one is found below
            }
            Some(b'"') => {
                let (raw, escaped) = walk.string()?;
                visitor.string(raw, escaped)?;
            }
            Some(b'-' | b'0'..=b'9') => visitor.number(walk.number()?)?,
            Some(_) => visitor.word(walk.word()?)?,
            None => return Err(Misfit::Syntax),
        }
        loop {
            walk.blanks(0);
            if walk.depth == 0 {
                return if walk.at == text.len() { Ok(walk.tidy) } else { Err(Misfit::Syntax) };
            }
            let container = walk.container();
            match walk.peek() {
                Some(b',') => {
                    walk.at += 1;
                    walk.blanks(1);
                    if container == b'{' {
                        walk.key(visitor)?;
                    }
                    continue 'value;
                }
                Some(end) if end == closing(container) => {
                    walk.at += 1;
                    walk.depth -= 1;
                    visitor.close(container, walk.at)?;
                }
                _ => return Err(Misfit::Syntax),
            }
        }
    }
}

fn closing(container: u8) -> u8 {
    if container == b'{' { b'}' } else { b']' }
}

struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    tidy: bool,
    depth: usize,
    /// A bit for each open container: whether it is an object.
    objects: [u64; DEEPEST / 64],
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Goes over blanks; `jsonb` would print `expected` spaces here.
    fn blanks(&mut self, expected: usize) {
        let start = self.at;
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        let length = self.at - start;
        if length != expected || (length == 1 && self.text[start] != b' ') {
            self.tidy = false;
        }
    }

    fn push(&mut self, container: u8) -> Result<(), Misfit> {
        let word = self.objects.get_mut(self.depth / 64).ok_or(Misfit::Syntax)?;
        let bit = 1 << (self.depth % 64);
        if container == b'{' {
            *word |= bit
        } else {
            *word &= !bit
        }
        self.depth += 1;
        Ok(())
    }

    fn container(&self) -> u8 {
        let innermost = self.depth - 1;
        if self.objects[innermost / 64] >> (innermost % 64) & 1 == 1 { b'{' } else { b'[' }
    }

    fn key(&mut self, visitor: &mut impl Visitor) -> Result<(), Misfit> {
        if self.peek() != Some(b'"') {
            return Err(Misfit::Syntax);
        }
        let (raw, escaped) = self.string()?;
        visitor.key(raw, escaped)?;
        self.blanks(0);
        if self.peek() != Some(b':') {
            return Err(Misfit::Syntax);
        }
        self.at += 1;
        self.blanks(1);
        Ok(())
    }

    /// A string's text without its quotes, and whether it has escapes.
    fn string(&mut self) -> Result<(Range<usize>, bool), Misfit> {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            at += ordinary(&self.text[at..]);
            match self.text.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += match self.text.get(at + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                        Some(b'u') if hex4(self.text, at + 2).is_some() => 6,
                        _ => return Err(Misfit::Syntax),
                    };
                }
                _ => return Err(Misfit::Syntax),
            }
        }
        self.at = at + 1;
        Ok((start..at, escaped))
    }

    fn number(&mut self) -> Result<Range<usize>, Misfit> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.at;
        self.digits()?;
        if self.text[whole] == b'0' && self.at > whole + 1 {
            return Err(Misfit::Syntax);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(start..self.at)
    }

    fn digits(&mut self) -> Result<(), Misfit> {
        let length = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        if length == 0 { Err(Misfit::Syntax) } else { Ok(()) }
    }

    fn word(&mut self) -> Result<Range<usize>, Misfit> {
        let start = self.at;
        let rest = &self.text[start..];
        let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
        self.at += word.ok_or(Misfit::Syntax)?.len();
        Ok(start..self.at)
    }
}

/// How many bytes of a string follow that stand for themselves: no quote, no backslash, no control character.
pub(crate) fn ordinary(bytes: &[u8]) -> usize {
    // numbers without a branch: the compiler makes a few wide instructions of a chunk, which it does not of `||`
    let ends = |byte: u8| u8::from(byte == b'"') | u8::from(byte == b'\\') | u8::from(byte < 0x20);
    let (wide, _) = bytes.as_chunks::<32>();
    let whole = wide.iter().take_while(|chunk| chunk.iter().fold(0, |any, byte| any | ends(*byte)) == 0).count();
    let mut at = whole * 32;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let marked = marked(u64::from_le_bytes(*chunk));
        if marked != 0 {
            return at + marked.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|byte| ends(**byte) == 0).count()
}

/// The bytes of a word that end what is ordinary have their highest bit set in what is returned; the lowest of them is
/// right, those above it may not be (Hacker's Delight, 6-1).
fn marked(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    let below = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & (ONES << 7)
}

/// The number that the four hexadecimal digits at `at` are.
fn hex4(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?.iter().try_fold(0, |sum, byte| Some(sum * 16 + char::from(*byte).to_digit(16)?))
}

/// Appends what the inside of a valid string stands for, in UTF-8.
///
/// # Errors
/// [`Misfit::Json`] for half of a surrogate pair: no character, so no text.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let mut used = at + 2;
        match rest[at + 1] {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let first = hex4(rest, at + 2).ok_or(Misfit::Json)?;
                used = at + 6;
                let code = if (0xd800..0xdc00).contains(&first) {
                    let second = rest.get(used..used + 2).filter(|next| *next == b"\\u");
                    let second = second.and_then(|_| hex4(rest, used + 2)).ok_or(Misfit::Json)?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(Misfit::Json);
                    }
                    used += 6;
                    0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                let character = char::from_u32(code).ok_or(Misfit::Json)?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => out.push(other),
        }
        rest = &rest[used..];
    }
    out.extend_from_slice(rest);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ordinary_ends_at_the_first_byte_that_is_not() {
        let plain: Vec<u8> = (0x20..=0xff).filter(|byte| !matches!(byte, b'"' | b'\\')).cycle().take(200).collect();
        assert_eq!(ordinary(&plain), 200);
        for at in 0..90 {
            for end in (0..0x20).chain([b'"', b'\\']) {
                for second in [at, at + 1, at + 9] {
                    let mut text = plain[at..].to_vec();
                    text[at] = end;
                    text[second] = b'"';
                    assert_eq!(ordinary(&text), at);
                }
            }
            assert_eq!(ordinary(&plain[..at]), at);
        }
    }

    #[test]
    fn the_grammar_is_rfc_8259() {
        for text in [
            "0",
            "-0.5e+10",
            "\"a\"",
            "null",
            " [ ] ",
            "{}",
            "[1,[2],{\"a\":[{}]}]",
            "\"\\ud800\"",
            "\"\\u0000\"",
            "\t\r\n1 ",
        ] {
            assert!(walk(text.as_bytes(), &mut ()).is_ok(), "{text}");
        }
        for text in [
            "",
            " ",
            "01",
            "-",
            "1.",
            ".5",
            "+1",
            "1e",
            "NaN",
            "Infinity",
            "nul",
            "truefalse",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"a\nb\"",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "{a:1}",
            "[",
            "]",
            "[}",
            "{]",
            "1 2",
            "[1]]",
            "// c\n1",
            "\u{a0}1",
            "\u{c}1",
            "\0",
            "1\0",
            "0x1",
            "5 ,",
        ] {
            assert_eq!(walk(text.as_bytes(), &mut ()), Err(Misfit::Syntax), "{text:?}");
        }
    }

    #[test]
    fn it_goes_deep_but_not_endlessly() {
        let nested = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert_eq!(walk(&nested(DEEPEST), &mut ()), Ok(true));
        assert_eq!(walk(&nested(DEEPEST + 1), &mut ()), Err(Misfit::Syntax));
        let mixed = [b"[{\"a\":".repeat(DEEPEST / 2), b"1".to_vec(), b"}]".repeat(DEEPEST / 2)].concat();
        assert!(walk(&mixed, &mut ()).is_ok());
    }

    #[test]
    fn it_tells_where_blanks_are_not_as_jsonb_prints_them() {
        for text in ["1", "[]", "{\"a\": [1, 2, {}], \"b\": null}"] {
            assert_eq!(walk(text.as_bytes(), &mut ()), Ok(true), "{text}");
        }
        for text in
            [" 1", "1\n", "[ ]", "[1,2]", "[1,\t2]", "[1,  2]", "[1 , 2]", "{\"a\":1}", "{\"a\" : 1}", "{\"a\": 1 }"]
        {
            assert_eq!(walk(text.as_bytes(), &mut ()), Ok(false), "{text}");
        }
    }

    #[test]
    fn escapes_are_read() {
        let read = |raw: &str| {
            let mut out = Vec::new();
            unescape(raw.as_bytes(), &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(read("a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\uDE00z").unwrap(), "a\"\\/\u{8}\u{c}\n\r\té😀z");
        for half in ["\\ud83d", "\\ude00", "\\ud83dx", "\\ud83d\\u0041", "\\ud83d\\n", "\\ud83d\\ud83d"] {
            assert_eq!(read(half), Err(Misfit::Json), "{half}");
        }
    }
}
