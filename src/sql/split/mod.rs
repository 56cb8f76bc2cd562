//! A script as statements, with the data that follows `COPY … FROM stdin` and without psql's own commands.

mod shape;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use self::shape::Shape;
use super::{Lexer, SyntaxError, Token, TokenKind};
use crate::Dialect;

/// One statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    /// From its first token to its last: no comments around it, no semicolon.
    pub text: &'a str,
    /// The offset of its first byte in the script.
    pub start: usize,
    /// The offset after its last byte.
    pub end: usize,
    /// What is to be sent to the server after a `COPY … FROM stdin`.
    pub copy_data: Option<CopyData<'a>>,
    /// Stood between goose's `StatementBegin` and `StatementEnd`. The text may then hold several statements,
    /// which [`split`] finds in it.
    pub block: bool,
}

/// The lines between `COPY … FROM stdin;` and `\.`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyData<'a> {
    /// The lines as they stand, each with its line break.
    pub data: &'a str,
    /// The offset of the first byte of data in the script.
    pub start: usize,
    /// The offset after the last byte of data, at the `\` of the line that ends it.
    pub end: usize,
}

/// The statements of `text` in order; empty ones are left out.
///
/// A semicolon ends a statement, but for those inside a SQLite trigger's body, inside a PostgreSQL
/// `BEGIN ATOMIC … END` body or brackets, and between `-- +goose StatementBegin` and `-- +goose StatementEnd`.
///
/// # Errors
/// If something is never closed, or is a command of psql's other than `\restrict` and `\unrestrict`.
pub fn split(dialect: Dialect, text: &str) -> Result<Vec<Statement<'_>>, SyntaxError> {
    Splitter::new(dialect, text).collect()
}

/// Whether `text` holds no statement at all, only whitespace, comments and semicolons.
#[must_use]
pub fn is_blank(dialect: Dialect, text: &str) -> bool {
    Splitter::new(dialect, text).next().is_none()
}

/// A PostgreSQL script for a caller who sends it unsplit: what psql takes out itself (a byte order mark, and the
/// lines `\restrict …` and `\unrestrict …` that pg_dump writes) is replaced by as many spaces, so that every offset
/// stays. Where the script can't be read any further, the rest is left as it is.
#[must_use]
pub fn blank_meta_commands(text: &str) -> Cow<'_, str> {
    const BYTE_ORDER_MARK: &str = "\u{feff}";
    let mut blank = Vec::new();
    if text.starts_with(BYTE_ORDER_MARK) {
        blank.push(0..BYTE_ORDER_MARK.len());
    }
    // without a backslash there is nothing to look for
    if text.contains("restrict") && text.contains('\\') {
        let mut splitter = Splitter::new(Dialect::Postgres, text);
        while let Some(Ok(_)) = splitter.next() {}
        blank.append(&mut splitter.skipped);
    }
    if blank.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for range in blank {
        out.push_str(&text[out.len()..range.start]);
        out.extend(std::iter::repeat_n(' ', range.len()));
    }
    out.push_str(&text[out.len()..]);
    Cow::Owned(out)
}

/// Reads one statement after the other.
struct Splitter<'a> {
    dialect: Dialect,
    text: &'a str,
    lexer: Lexer<'a>,
    /// Where the open `StatementBegin` is.
    block: Option<usize>,
    /// The `\restrict` and `\unrestrict` commands that were passed over.
    skipped: Vec<Range<usize>>,
    failed: bool,
}

/// goose's markers.
enum Marker {
    Begin,
    End,
}

impl<'a> Splitter<'a> {
    fn new(dialect: Dialect, text: &'a str) -> Self {
        let lexer = Lexer::new(dialect, text);
        Self { dialect, text, lexer, block: None, skipped: Vec::new(), failed: false }
    }

    fn read(&mut self) -> Result<Option<Statement<'a>>, SyntaxError> {
        let mut shape = Shape::new(self.dialect);
        // from the first token to the last that is no semicolon
        let mut span: Option<Range<usize>> = None;
        while let Some(token) = self.lexer.next().transpose()? {
            match token.kind {
                TokenKind::Comment => match self.marker(token) {
                    None => {}
                    Some(Marker::Begin) => {
                        if let Some(offset) = self.block.replace(token.start) {
                            return Err(SyntaxError::UnterminatedBlock { offset });
                        }
                        if let Some(span) = span {
                            return Ok(Some(self.statement(span, None, false)));
                        }
                    }
                    Some(Marker::End) => {
                        if self.block.take().is_none() {
                            return Err(SyntaxError::StrayBlockEnd { offset: token.start });
                        }
                        if let Some(span) = span {
                            return Ok(Some(self.statement(span, None, true)));
                        }
                    }
                },
                TokenKind::Semicolon if self.block.is_some() => {}
                TokenKind::Semicolon => {
                    if let Some(span) = span.clone().filter(|_| shape.ends_at_semicolon()) {
                        let data = if shape.copies_in() { Some(self.copy_data(&span, token.end)?) } else { None };
                        return Ok(Some(self.statement(span, data, false)));
                    }
                }
                _ if self.dialect == Dialect::Postgres && token.is_punct(b'\\') => {
                    let command = self.meta_command(token, span.is_none() && self.block.is_none())?;
                    self.lexer.seek(command.end);
                    self.skipped.push(command);
                }
                _ => {
                    shape.see(token);
                    span.get_or_insert(token.start..token.end).end = token.end;
                }
            }
        }
        if let Some(offset) = self.block {
            return Err(SyntaxError::UnterminatedBlock { offset });
        }
        match span {
            Some(span) if shape.copies_in() => Err(SyntaxError::UnterminatedCopy { offset: span.start }),
            span => Ok(span.map(|span| self.statement(span, None, false))),
        }
    }

    fn statement(&self, span: Range<usize>, copy_data: Option<CopyData<'a>>, block: bool) -> Statement<'a> {
        Statement { text: &self.text[span.clone()], start: span.start, end: span.end, copy_data, block }
    }

    /// goose reads lines, so its markers stand at the start of one, in this spelling alone.
    fn marker(&self, comment: Token<'a>) -> Option<Marker> {
        let words = comment.text.strip_prefix("--")?.trim();
        let marker = match words {
            "+goose StatementBegin" => Marker::Begin,
            "+goose StatementEnd" => Marker::End,
            _ => return None,
        };
        let before = &self.text[..comment.start];
        (before.is_empty() || before.ends_with(['\n', '\r', '\u{feff}'])).then_some(marker)
    }

    /// The command at `backslash`, if it is one that may be passed over: pg_dump guards its output with a line
    /// `\restrict KEY` and a line `\unrestrict KEY`, which mean nothing outside psql.
    fn meta_command(&self, backslash: Token<'a>, between_statements: bool) -> Result<Range<usize>, SyntaxError> {
        let before = &self.text[..backslash.start];
        let starts_line = before.trim_end_matches([' ', '\t', '\u{feff}']).ends_with('\n')
            || before.trim_matches([' ', '\t', '\u{feff}']).is_empty();
        let line = self.text[backslash.start..].lines().next().unwrap_or_default().trim_end();
        let mut words = line.split_ascii_whitespace();
        let command = words.next().unwrap_or_default();
        let key_only = words.next().is_none_or(|key| key.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            && words.next().is_none();
        if between_statements && starts_line && key_only && matches!(command, r"\restrict" | r"\unrestrict") {
            return Ok(backslash.start..backslash.start + line.len());
        }
        // `\connect` is a word, `\.` a single character
        let rest = &line[1..];
        let word = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
        let command = format!("\\{}", &rest[..length]);
        Err(SyntaxError::MetaCommand { offset: backslash.start, command })
    }

    /// The data after the semicolon at whose end `at` is; goes on after the line that closes it.
    fn copy_data(&mut self, copy: &Range<usize>, at: usize) -> Result<CopyData<'a>, SyntaxError> {
        let unterminated = SyntaxError::UnterminatedCopy { offset: copy.start };
        let Some(line_break) = self.text[at..].find('\n') else { return Err(unterminated) };
        let rest = self.text[at..at + line_break].trim_start();
        if !rest.is_empty() && !rest.starts_with("--") {
            return Err(SyntaxError::TextAfterCopy { offset: at + line_break - rest.len() });
        }
        let start = at + line_break + 1;
        let mut end = start;
        for line in self.text[start..].split_inclusive('\n') {
            if line.trim_end_matches('\n').trim_end_matches('\r') == r"\." {
                self.lexer.seek(end + line.len());
                return Ok(CopyData { data: &self.text[start..end], start, end });
            }
            end += line.len();
        }
        Err(unterminated)
    }
}

impl<'a> Iterator for Splitter<'a> {
    type Item = Result<Statement<'a>, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}
