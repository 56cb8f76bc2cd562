//! What one term of a key or an index says, as it is written between commas.

use crate::Dialect;
use crate::sql::{Cursor, Token, TokenKind};

/// A term that says all by itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// A name, and the collation behind it: both as written.
    Column(String, Option<String>),
    /// A call of a function from end to end, without COLLATE in it.
    Call,
}

/// The tokens of a term, without comments.
pub(super) fn words(term: &str) -> impl Iterator<Item = Token<'_>> {
    let mut cursor = Cursor::new(Dialect::Sqlite, term);
    std::iter::from_fn(move || cursor.take())
}

/// A key's columns; brackets may stand around each, and COLLATE after it.
pub(super) fn key_columns(terms: &[&str]) -> Option<Vec<(String, Option<String>)>> {
    let column = |term: &&str| {
        let mut cursor = Cursor::new(Dialect::Sqlite, term);
        while cursor.eat_punct(b'(') {}
        let name = cursor.identifier()?;
        let mut collation = None;
        while let Some(token) = cursor.take() {
            if token.is_word("collate") {
                collation = Some(cursor.identifier()?);
            }
        }
        Some((name, collation))
    };
    terms.iter().map(column).collect()
}

/// A term that says all by itself. DESC is left to the pragma: old files don't heed it.
pub(super) fn plain(term: &str) -> Option<Plain> {
    let mut cursor = Cursor::new(Dialect::Sqlite, term);
    let is_word = cursor.peek().is_some_and(|token| token.kind == TokenKind::Word);
    let name = cursor.identifier()?;
    if is_word && cursor.eat_punct(b'(') {
        return call(cursor).then_some(Plain::Call);
    }
    let collation = if cursor.eat("collate") { Some(cursor.identifier()?) } else { None };
    cursor.eat("asc");
    cursor.peek().is_none().then_some(Plain::Column(name, collation))
}

/// Whether the bracket that was opened is closed at the term's end, and no COLLATE stands between.
fn call(mut cursor: Cursor<'_>) -> bool {
    let mut depth = 1_usize;
    while depth > 0 {
        match cursor.take() {
            None => return false,
            Some(token) if token.is_word("collate") => return false,
            Some(token) if token.is_punct(b'(') => depth += 1,
            Some(token) if token.is_punct(b')') => depth -= 1,
            Some(_) => {}
        }
    }
    cursor.eat("asc");
    cursor.peek().is_none()
}

/// The term without ASC or DESC at its end.
pub(super) fn without_order(term: &str) -> &str {
    let mut before = 0;
    let mut end = 0;
    let mut last: Option<Token<'_>> = None;
    for token in words(term) {
        (before, end) = (end, token.end);
        last = Some(token);
    }
    // a column may be called `asc`, and is then the only token
    let ordered =
        last.is_some_and(|token| token.kind == TokenKind::Word && (token.is_word("asc") || token.is_word("desc")));
    if ordered && before > 0 { &term[..before] } else { term }
}
