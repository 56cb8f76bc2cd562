//! One token of PostgreSQL's SQL, as `src/backend/parser/scan.l` finds it with `standard_conforming_strings = on`.

use super::{Scanned, TokenKind, digit_at, is_word_byte, number_end, quoted_end, run, starts_word};
use crate::sql::SyntaxError;

/// The token at `at`, where `text` has one.
pub(super) fn scan(text: &str, at: usize) -> Scanned {
    let bytes = text.as_bytes();
    let next = bytes.get(at + 1).copied();
    Ok(match bytes[at] {
        b';' => (TokenKind::Semicolon, at + 1),
        b'-' if next == Some(b'-') => (TokenKind::Comment, line_end(text, at)),
        b'/' if next == Some(b'*') => {
            (TokenKind::Comment, comment_end(text, at).ok_or(SyntaxError::UnterminatedComment { offset: at })?)
        }
        b'\'' => string(text, at, at, false)?,
        // a prefix is one only directly before the quote, and only as a word of its own
        b'e' | b'E' if next == Some(b'\'') => string(text, at, at + 1, true)?,
        b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if next == Some(b'\'') => string(text, at, at + 1, false)?,
        b'u' | b'U' if next == Some(b'&') && bytes.get(at + 2) == Some(&b'\'') => string(text, at, at + 2, false)?,
        b'u' | b'U' if next == Some(b'&') && bytes.get(at + 2) == Some(&b'"') => identifier(text, at, at + 2)?,
        b'"' => identifier(text, at, at)?,
        b'$' if digit_at(text, at + 1) => (TokenKind::Parameter, run(text, at + 1, |byte| byte.is_ascii_digit())),
        b'$' => match dollar_tag(text, at) {
            Some(tag) => {
                let body = at + tag.len();
                let length = text[body..]
                    .find(tag)
                    .ok_or_else(|| SyntaxError::UnterminatedDollarQuote { offset: at, tag: tag.to_owned() })?;
                (TokenKind::String, body + length + tag.len())
            }
            None => (TokenKind::Punct, at + 1),
        },
        // the second dot of `1..10` belongs to the first
        b'.' if digit_at(text, at + 1) && !text[..at].ends_with('.') => (TokenKind::Number, number_end(text, at)),
        byte if byte.is_ascii_digit() => (TokenKind::Number, number_end(text, at)),
        byte if starts_word(byte) => (TokenKind::Word, run(text, at, is_word_byte)),
        _ => (TokenKind::Punct, at + 1),
    })
}

/// Either of CR and LF ends a line comment.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |n| at + n)
}

/// The offset after the comment that begins at `at`; comments nest.
fn comment_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut end = at;
    loop {
        match (bytes.get(end)?, bytes.get(end + 1)?) {
            (b'/', b'*') => {
                depth += 1;
                end += 2;
            }
            (b'*', b'/') => {
                depth -= 1;
                end += 2;
                if depth == 0 {
                    return Some(end);
                }
            }
            _ => end += 1,
        }
    }
}

/// The literal whose prefix begins at `start` and whose first quote is at `quote`, with its continuations.
fn string(text: &str, start: usize, mut quote: usize, escapes: bool) -> Scanned {
    loop {
        let end = if escapes { escaped_end(text, quote + 1) } else { quoted_end(text, quote + 1, '\'') };
        let end = end.ok_or(SyntaxError::UnterminatedString { offset: start })?;
        match continuation(text, end) {
            Some(next) => quote = next,
            None => return Ok((TokenKind::String, end)),
        }
    }
}

/// As [`quoted_end`], where a backslash takes the next byte with it. The byte may be the first of a longer
/// character; none of the others looks like a quote or a backslash.
fn escaped_end(text: &str, mut at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The quote with which a literal that ended at `at` goes on: after whitespace that has a line break, and line
/// comments, each with its own.
fn continuation(text: &str, mut at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut line_break = false;
    loop {
        match bytes.get(at)? {
            b' ' | b'\t' | b'\x0b' | b'\x0c' => at += 1,
            b'\n' | b'\r' => {
                line_break = true;
                at += 1;
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = line_end(text, at),
            b'\'' => return line_break.then_some(at),
            _ => return None,
        }
    }
}

fn identifier(text: &str, start: usize, quote: usize) -> Scanned {
    let end = quoted_end(text, quote + 1, '"').ok_or(SyntaxError::UnterminatedIdentifier { offset: start })?;
    Ok((TokenKind::QuotedIdentifier, end))
}

/// `$$` or `$tag$` at `at`, where the tag is an identifier without a dollar. A dollar inside an identifier never
/// comes here, because the word has taken it.
fn dollar_tag(text: &str, at: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut end = at + 1;
    if bytes.get(end).copied().is_some_and(starts_word) {
        end = run(text, end, |byte| byte != b'$' && is_word_byte(byte));
    }
    (bytes.get(end) == Some(&b'$')).then(|| &text[at..=end])
}
