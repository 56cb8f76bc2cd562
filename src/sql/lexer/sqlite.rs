//! One token of SQLite's SQL, as `sqlite3GetToken` in its `src/tokenize.c` finds it.

use super::{Scanned, TokenKind, digit_at, is_word_byte, number_end, quoted_end, run, starts_word};
use crate::sql::SyntaxError;

/// The token at `at`, where `text` has one.
pub(super) fn scan(text: &str, at: usize) -> Scanned {
    let bytes = text.as_bytes();
    let next = bytes.get(at + 1).copied();
    let unterminated_string = SyntaxError::UnterminatedString { offset: at };
    let unterminated_identifier = SyntaxError::UnterminatedIdentifier { offset: at };
    Ok(match bytes[at] {
        b';' => (TokenKind::Semicolon, at + 1),
        b'-' if next == Some(b'-') => (TokenKind::Comment, text[at..].find('\n').map_or(text.len(), |n| at + n)),
        // comments don't nest, the last one may stay open, and `/*` as the very last characters is none
        b'/' if next == Some(b'*') && at + 2 < text.len() => {
            (TokenKind::Comment, text[at + 2..].find("*/").map_or(text.len(), |n| at + 2 + n + 2))
        }
        b'\'' => (TokenKind::String, quoted_end(text, at + 1, '\'').ok_or(unterminated_string)?),
        // no doubling here: SQLite reads a malformed blob up to the next quote
        b'x' | b'X' if next == Some(b'\'') => {
            (TokenKind::String, text[at + 2..].find('\'').map(|n| at + 2 + n + 1).ok_or(unterminated_string)?)
        }
        b'"' => (TokenKind::QuotedIdentifier, quoted_end(text, at + 1, '"').ok_or(unterminated_identifier)?),
        b'`' => (TokenKind::QuotedIdentifier, quoted_end(text, at + 1, '`').ok_or(unterminated_identifier)?),
        b'[' => (TokenKind::QuotedIdentifier, text[at..].find(']').map(|n| at + n + 1).ok_or(unterminated_identifier)?),
        b'?' => (TokenKind::Parameter, run(text, at + 1, |byte| byte.is_ascii_digit())),
        b'$' | b'@' | b':' | b'#' => variable(text, at)?,
        b'.' if digit_at(text, at + 1) => (TokenKind::Number, number_end(text, at)),
        byte if byte.is_ascii_digit() => (TokenKind::Number, number_end(text, at)),
        byte if starts_word(byte) => (TokenKind::Word, run(text, at, is_word_byte)),
        _ => (TokenKind::Punct, at + 1),
    })
}

/// `:name`, `$name`, and Tcl's `$name::part(index)`, whose index runs to the bracket whatever it holds. An index without
/// its bracket is no token of SQLite's either.
fn variable(text: &str, at: usize) -> Scanned {
    let bytes = text.as_bytes();
    let mut end = at + 1;
    let mut named = false;
    while let Some(&byte) = bytes.get(end) {
        if is_word_byte(byte) {
            named = true;
            end += 1;
        } else if byte == b'(' && named {
            end = run(text, end + 1, |byte| !byte.is_ascii_whitespace() && byte != b'\0' && byte != b')');
            if bytes.get(end) != Some(&b')') {
                return Err(SyntaxError::UnterminatedParameter { offset: at });
            }
            end += 1;
            break;
        } else if byte == b':' && bytes.get(end + 1) == Some(&b':') {
            end += 2;
        } else {
            break;
        }
    }
    Ok(if named { (TokenKind::Parameter, end) } else { (TokenKind::Punct, at + 1) })
}
