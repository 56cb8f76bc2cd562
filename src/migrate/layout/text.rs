//! SQL text only as far as reading a folder needs it: comments apart from code, lines with their places, encoding.

use super::error::Problem;
use crate::source_text::position;

/// What a stretch of SQL text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `-- …` up to the line's end.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// A word, a quoted text or a single other character.
    Code,
}

/// A stretch of SQL text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span<'a> {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) text: &'a str,
}

/// The comments and the code of `text` in their order; white space and a byte order mark are left out.
pub(super) fn spans(text: &str) -> impl Iterator<Item = Span<'_>> {
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut escapes = false;
    std::iter::from_fn(move || {
        at = text.len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let (kind, length) = if rest.starts_with("--") {
            (Kind::LineComment, rest.find('\n').map_or(rest.len(), |end| rest[..end].trim_end_matches('\r').len()))
        } else if rest.starts_with("/*") {
            (Kind::BlockComment, block_comment(rest))
        } else if matches!(first, '\'' | '"' | '`') {
            (Kind::Code, quoted(rest, first, escapes && first == '\''))
        } else if let Some(length) = dollar_quoted(rest) {
            (Kind::Code, length)
        } else {
            let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
            (Kind::Code, word.max(first.len_utf8()))
        };
        let span = Span { kind, start: at, text: &rest[..length] };
        // PostgreSQL's `E'…'`: the prefix must touch the quote, and then the backslash escapes
        escapes = span.text.eq_ignore_ascii_case("e") && rest[length..].starts_with('\'');
        at += length;
        Some(span)
    })
}

/// Whether `text` holds anything but comments, white space and lone semicolons.
pub(super) fn has_statement(text: &str) -> bool {
    spans(text).any(|span| span.kind == Kind::Code && span.text != ";")
}

/// The length of the block comment at the start of `text`: nested as in PostgreSQL where that closes, else as in SQLite.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (1, 2);
    while depth > 0 {
        let Some(next) = text[at..].find(['/', '*']) else { break };
        at += next;
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += 1;
        }
    }
    if depth == 0 { at } else { text[2..].find("*/").map_or(text.len(), |end| end + 4) }
}

fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            // a doubled quote stands for itself
            if chars.next_if(|(_, next)| *next == quote).is_none() {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The length of the `$tag$ … $tag$` at the start of `text`, if there is one that closes.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag_end = text.strip_prefix('$')?.find('$')? + 2;
    let (tag, body) = text.split_at(tag_end);
    let name = &tag[1..tag.len() - 1];
    let named =
        name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    named.then(|| body.find(tag).map(|end| tag_end + end + tag.len())).flatten()
}

/// A line of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: usize,
    /// The byte at which it begins.
    pub(super) start: usize,
    /// The line without its end, and without a byte order mark.
    pub(super) text: &'a str,
}

/// The lines of `text`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n').enumerate().map(move |(index, whole)| {
        let line = whole.trim_end_matches('\n').trim_end_matches('\r').trim_start_matches('\u{feff}');
        let begun = start;
        start += whole.len();
        Line { number: index + 1, start: begun, text: line }
    })
}

/// The text of a file, if it is UTF-8 and has no NUL character (which ends a text in both databases' C interfaces).
pub(super) fn decode(path: &str, bytes: Vec<u8>) -> Result<String, Problem> {
    let text = String::from_utf8(bytes)
        .map_err(|error| Problem::NotUtf8 { path: path.to_owned(), offset: error.utf8_error().valid_up_to() })?;
    match text.find('\0') {
        Some(offset) => Err(Problem::Nul { path: path.to_owned(), at: position(&text, offset) }),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn comments(text: &str) -> Vec<&str> {
        spans(text).filter(|span| span.kind != Kind::Code).map(|span| span.text).collect()
    }

    #[test]
    fn comments_are_told_from_quoted_text() {
        assert_eq!(comments("select '-- a', \"/* b */\"; -- c\r\n/* d /* e */ f */ x"), ["-- c", "/* d /* e */ f */"]);
        assert_eq!(comments("select E'it\\'s -- a' -- b\n, 'it\\' -- c\n"), ["-- b", "-- c"]);
        assert_eq!(comments("do $x$ -- a\n$$ -- b\n$x$; $1 -- c"), ["-- c"]);
        assert_eq!(comments("\u{feff}-- a\n/* open /* b */ select"), ["-- a", "/* open /* b */"]);
        assert_eq!(comments("'never closed -- a"), [""; 0]);
    }

    #[test]
    fn comments_alone_are_no_statement() {
        assert!(!has_statement("\u{feff} \n-- a\n/* b */ ;\n"));
        assert!(has_statement("-- a\nselect 1"));
    }

    #[test]
    fn texts_are_utf8_without_nul() {
        assert_eq!(
            decode("a.sql", vec![b'x', 0xff]).unwrap_err().to_string(),
            "`a.sql` is not UTF-8: byte 1 begins no character"
        );
        assert_eq!(decode("a.sql", b"x\ny\0".to_vec()).unwrap_err().to_string(), "a.sql:2:2: a NUL character");
    }
}
