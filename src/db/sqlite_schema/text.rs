//! What SQLite makes of a declared type, a default's text, a collation's name.

use crate::Dialect;
use crate::schema::Affinity;
use crate::sql::{Lexer, Token, TokenKind};

/// The affinity of a declared type (<https://www.sqlite.org/datatype3.html>, section 3.1, and
/// <https://www.sqlite.org/stricttables.html> for `ANY`).
pub(super) fn affinity(declared: &str, strict: bool) -> Affinity {
    if strict && declared.eq_ignore_ascii_case("any") {
        return Affinity::Blob;
    }
    let has = |words: &[&str]| {
        let within =
            |word: &&str| declared.as_bytes().windows(word.len()).any(|at| at.eq_ignore_ascii_case(word.as_bytes()));
        words.iter().any(within)
    };
    if has(&["INT"]) {
        Affinity::Integer
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if declared.is_empty() || has(&["BLOB"]) {
        Affinity::Blob
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

/// The collation, where it is not `BINARY`; SQLite's own in upper case.
pub(super) fn collation(name: &str) -> Option<String> {
    if name.eq_ignore_ascii_case("BINARY") {
        return None;
    }
    let own = ["NOCASE", "RTRIM"].into_iter().find(|own| name.eq_ignore_ascii_case(own));
    Some(own.unwrap_or(name).to_owned())
}

/// A default as an expression that means the same wherever it stands: a bare word that is no keyword, quoted or not, is
/// a string to SQLite (`sqlite3AddDefaultValue` is handed it as one), and is written as one here.
pub(super) fn default(text: &str) -> String {
    let tokens: Vec<Token<'_>> = Lexer::new(Dialect::Sqlite, text)
        .map_while(Result::ok)
        .filter(|token| token.kind != TokenKind::Comment)
        .collect();
    match tokens.as_slice() {
        [] => text.to_owned(),
        [word] if word.kind == TokenKind::QuotedIdentifier || (word.kind == TokenKind::Word && !is_value(word)) => {
            Dialect::Sqlite.literal(&crate::sql::unquoted(Dialect::Sqlite, *word))
        }
        [first, .., last] => text[first.start..last.end].to_owned(),
        [only] => only.text.to_owned(),
    }
}

fn is_value(word: &Token<'_>) -> bool {
    ["null", "true", "false", "current_timestamp", "current_date", "current_time"]
        .iter()
        .any(|value| word.is_word(value))
}
