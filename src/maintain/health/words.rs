//! Statements of other sessions, without the values that stand in them: those may be secrets.

use crate::Dialect;
use crate::sql::{Lexer, TokenKind};

/// The longest part of a statement that is shown, in characters.
const SHOWN: usize = 200;

/// A statement in one line, strings left out; of one that can't be read to its end, what comes before that.
pub(super) fn without_values(query: &str) -> String {
    let mut shown = String::new();
    let mut end = None;
    for token in Lexer::new(Dialect::Postgres, query) {
        let Ok(token) = token else {
            shown.push_str(" …");
            break;
        };
        if end.is_some_and(|end| end < token.start) {
            shown.push(' ');
        }
        end = Some(token.end);
        match token.kind {
            TokenKind::String => shown.push_str("'…'"),
            // what was left out of a statement may stand in a comment of it
            TokenKind::Comment => {}
            _ => shown.push_str(token.text),
        }
        if shown.chars().count() > SHOWN {
            return shown.chars().take(SHOWN).chain("…".chars()).collect();
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_shown() {
        assert_eq!(without_values("ALTER ROLE a\n  PASSWORD 'Kq7'"), "ALTER ROLE a PASSWORD '…'");
        assert_eq!(without_values("SELECT $x$Kq7$x$, E'Kq7', a.b"), "SELECT '…', '…', a.b");
        // cut off by the server (track_activity_query_size)
        assert!(!without_values("SELECT 'Kq7 and no e").contains("Kq7"));
        assert_eq!(without_values(&"a ".repeat(500)).chars().count(), SHOWN + 1);
    }
}
