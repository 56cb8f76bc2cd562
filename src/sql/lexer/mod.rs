//! SQL text as tokens: where strings, comments and identifiers begin and end, by each dialect's own rules.

mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use super::SyntaxError;
use crate::Dialect;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A keyword or an unquoted identifier.
    Word,
    /// `"x"`; in SQLite also `` `x` `` and `[x]`, in PostgreSQL also `U&"x"`.
    QuotedIdentifier,
    /// A string or blob literal with its prefix; in PostgreSQL also a dollar-quoted one. A literal that goes on
    /// across a line break (`'a'⏎'b'`) is one token there.
    String,
    /// A number, or what begins like one.
    Number,
    /// `-- …` without its line break, or `/* … */`.
    Comment,
    /// `;`
    Semicolon,
    /// `$1`; in SQLite also `?`, `?1`, `:x`, `@x`, `$x` and `#x`.
    Parameter,
    /// One byte of anything else: operators, brackets, commas.
    Punct,
}

/// One token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// The offset of its first byte.
    pub start: usize,
    /// The offset after its last byte.
    pub end: usize,
    /// The text between.
    pub text: &'a str,
}

impl Token<'_> {
    /// Whether this is the unquoted word `word`, in either case.
    #[must_use]
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether this is the single character `punct`.
    #[must_use]
    pub fn is_punct(&self, punct: u8) -> bool {
        self.kind == TokenKind::Punct && self.text.as_bytes() == [punct]
    }
}

/// The tokens of a text in order, comments included; between them stands whitespace alone. Ends at the first error.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    dialect: Dialect,
    text: &'a str,
    at: usize,
    nul: Option<usize>,
    failed: bool,
}

impl<'a> Lexer<'a> {
    /// The tokens of `text`. A byte order mark at its start is whitespace.
    #[must_use]
    pub fn new(dialect: Dialect, text: &'a str) -> Self {
        Self { dialect, text, at: 0, nul: text.find('\0'), failed: false }
    }

    /// Goes on at `offset`, which must be a character's boundary.
    pub(super) fn seek(&mut self, offset: usize) {
        self.at = offset;
    }

    fn skip_whitespace(&mut self) {
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match (self.dialect, byte) {
                (_, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c') => self.at += 1,
                // whitespace since PostgreSQL 16, an error before it and in SQLite
                (Dialect::Postgres, b'\x0b') => self.at += 1,
                // SQLite skips the mark wherever a token could begin; to PostgreSQL it is a letter, and psql
                // takes it away at the start of a file
                (dialect, 0xef)
                    if (dialect == Dialect::Sqlite || self.at == 0)
                        && bytes[self.at..].starts_with(BYTE_ORDER_MARK) =>
                {
                    self.at += BYTE_ORDER_MARK.len();
                }
                _ => break,
            }
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Result<Token<'a>, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        self.skip_whitespace();
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let scanned = match self.dialect {
            Dialect::Sqlite => sqlite::scan(self.text, start),
            Dialect::Postgres => postgres::scan(self.text, start),
        };
        let (kind, end) = match scanned {
            Ok(found) => found,
            Err(error) => {
                self.failed = true;
                return Some(Err(error));
            }
        };
        if let Some(offset) = self.nul.filter(|&offset| offset < end) {
            self.failed = true;
            return Some(Err(SyntaxError::Nul { offset }));
        }
        self.at = end;
        Some(Ok(Token { kind, start, end, text: &self.text[start..end] }))
    }
}

/// A token's kind and the offset after it.
type Scanned = Result<(TokenKind, usize), SyntaxError>;

/// Letters, digits, `_`, `$` and all that is not ASCII: what both dialects take inside a word.
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// As [`is_word_byte`], for a word's first byte.
fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// The offset after the run of bytes from `at` on that `belongs` accepts.
fn run(text: &str, at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let bytes = text.as_bytes();
    bytes[at..].iter().position(|&byte| !belongs(byte)).map_or(bytes.len(), |length| at + length)
}

/// The offset after the closing `quote`, where `at` is the offset after the opening one; two quotes are one inside.
fn quoted_end(text: &str, mut at: usize, quote: char) -> Option<usize> {
    loop {
        at += text[at..].find(quote)? + 1;
        if !text[at..].starts_with(quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// The offset after a number that begins at `at`. Takes letters too: what is wrong with `12ab` the database says.
fn number_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let hex = bytes[at] == b'0' && matches!(bytes.get(at + 1), Some(b'x' | b'X'));
    let mut end = at;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'e' | b'E' if !hex && matches!(bytes.get(end + 1), Some(b'+' | b'-')) => {
                if !bytes.get(end + 2).is_some_and(u8::is_ascii_digit) {
                    return end + 1;
                }
                end += 2;
            }
            // `1..10` is a range in PL/pgSQL: 1, two dots, 10
            b'.' if bytes.get(end + 1) == Some(&b'.') => break,
            b'.' | b'_' => end += 1,
            _ if byte.is_ascii_alphanumeric() => end += 1,
            _ => break,
        }
    }
    end
}

fn digit_at(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}
