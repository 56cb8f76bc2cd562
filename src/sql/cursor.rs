//! Reading one statement token by token: keywords, names, options.

use super::{Lexer, Token, TokenKind};
use crate::Dialect;

/// A name as the database's catalog holds it: unquoted, and folded to lower case where PostgreSQL does that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// The schema, if the statement gives one.
    pub schema: Option<String>,
    /// The name itself.
    pub name: String,
}

/// The tokens of one statement without its comments, up to its first semicolon or to what can't be read.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    dialect: Dialect,
    lexer: Lexer<'a>,
    next: Option<Token<'a>>,
    /// The offset after the last token that was taken.
    pub(crate) end: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(dialect: Dialect, statement: &'a str) -> Self {
        let mut cursor = Self { dialect, lexer: Lexer::new(dialect, statement), next: None, end: 0 };
        cursor.next = cursor.read();
        cursor
    }

    fn read(&mut self) -> Option<Token<'a>> {
        self.lexer
            .by_ref()
            .map_while(Result::ok)
            .find(|token| token.kind != TokenKind::Comment)
            .filter(|token| token.kind != TokenKind::Semicolon)
    }

    /// The next token, which stays.
    pub(crate) fn peek(&self) -> Option<Token<'a>> {
        self.next
    }

    /// Takes the next token.
    pub(crate) fn take(&mut self) -> Option<Token<'a>> {
        let token = self.next?;
        self.end = token.end;
        self.next = self.read();
        Some(token)
    }

    /// Takes the next token if it is the keyword `word`.
    pub(crate) fn eat(&mut self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(word)) && self.take().is_some()
    }

    /// Takes the keywords `words` if all of them follow in this order, and else nothing: most may be names too.
    pub(crate) fn eat_all(&mut self, words: &[&str]) -> bool {
        let mut ahead = self.clone();
        let all = words.iter().all(|word| ahead.eat(word));
        if all {
            *self = ahead;
        }
        all
    }

    /// Takes the next token if it is `punct`.
    pub(crate) fn eat_punct(&mut self, punct: u8) -> bool {
        self.peek().is_some_and(|token| token.is_punct(punct)) && self.take().is_some()
    }

    /// Takes the next token if it is a word, in lower case.
    pub(crate) fn keyword(&mut self) -> Option<String> {
        self.peek().filter(|token| token.kind == TokenKind::Word)?;
        self.take().map(|token| token.text.to_ascii_lowercase())
    }

    /// Takes an identifier; SQLite takes a string for one too.
    pub(crate) fn identifier(&mut self) -> Option<String> {
        let token = self.peek()?;
        let name = match (token.kind, self.dialect) {
            (TokenKind::Word | TokenKind::QuotedIdentifier, _) | (TokenKind::String, Dialect::Sqlite) => {
                unquoted(self.dialect, token)
            }
            _ => return None,
        };
        self.take();
        Some(name)
    }

    /// Takes `name` or `schema.name`; of `database.schema.name` the last two.
    pub(crate) fn name(&mut self) -> Option<ObjectName> {
        let mut found = ObjectName { schema: None, name: self.identifier()? };
        while self.eat_punct(b'.') {
            let name = self.identifier()?;
            found = ObjectName { schema: Some(found.name), name };
        }
        Some(found)
    }

    /// Takes what follows an opening bracket, to the closing one: `name`, `name value`, `name = value`, with commas
    /// between them. Names and values come in lower case, unquoted.
    pub(crate) fn options(&mut self) -> Vec<(String, Option<String>)> {
        let mut options = Vec::new();
        let mut depth = 1_usize;
        let mut name: Option<String> = None;
        let mut value: Option<String> = None;
        while let Some(token) = self.take() {
            match token.text {
                "(" => depth += 1,
                ")" if depth == 1 => break,
                ")" => depth -= 1,
                "," if depth == 1 => options.extend(name.take().map(|name| (name, value.take()))),
                "=" => {}
                _ if name.is_none() => name = Some(unquoted(self.dialect, token).to_ascii_lowercase()),
                _ => value = Some(unquoted(self.dialect, token).to_ascii_lowercase()),
            }
        }
        options.extend(name.map(|name| (name, value)));
        options
    }
}

/// What the token names or says, without its quotes. Prefixes and escapes of PostgreSQL's strings stay as they are.
pub(crate) fn unquoted(dialect: Dialect, token: Token<'_>) -> String {
    let text = token.text;
    let inside = |open: &str, close: char| {
        let from = text.find(open).map_or(0, |at| at + open.len());
        text[from..].strip_suffix(close).unwrap_or_default()
    };
    let name = match (token.kind, text.as_bytes()[0]) {
        (TokenKind::QuotedIdentifier, b'[') => inside("[", ']').to_owned(),
        (TokenKind::QuotedIdentifier, b'`') => inside("`", '`').replace("``", "`"),
        (TokenKind::QuotedIdentifier, _) => inside("\"", '"').replace("\"\"", "\""),
        (TokenKind::String, b'\'') => inside("'", '\'').replace("''", "'"),
        (TokenKind::Word, _) if dialect == Dialect::Postgres => text.to_ascii_lowercase(),
        _ => text.to_owned(),
    };
    match (token.kind, dialect) {
        (TokenKind::Word | TokenKind::QuotedIdentifier, Dialect::Postgres) => truncated(name),
        _ => name,
    }
}

/// PostgreSQL cuts a name at 63 bytes, between characters (NAMEDATALEN - 1 in a server as it is shipped).
fn truncated(mut name: String) -> String {
    const LONGEST: usize = 63;
    if name.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(dialect: Dialect, text: &str) -> Option<(Option<String>, String)> {
        Cursor::new(dialect, text).name().map(|name| (name.schema, name.name))
    }

    #[test]
    fn names_are_unquoted_and_folded_as_the_database_does() {
        let cases = [
            (Dialect::Postgres, "Foo", None, "foo"),
            (Dialect::Postgres, "ÄBC", None, "Äbc"),
            (Dialect::Postgres, r#""Foo ""x""""#, None, r#"Foo "x""#),
            (Dialect::Postgres, r#"App . /* c */ "Foo""#, Some("app"), "Foo"),
            (Dialect::Postgres, "db.App.t x", Some("app"), "t"),
            (Dialect::Sqlite, "Foo", None, "Foo"),
            (Dialect::Sqlite, "[a b].`c``d`", Some("a b"), "c`d"),
            (Dialect::Sqlite, r#"'main'."T""#, Some("main"), "T"),
        ];
        for (dialect, text, schema, expected) in cases {
            assert_eq!(name(dialect, text), Some((schema.map(str::to_owned), expected.to_owned())), "{text}");
        }
        assert_eq!(name(Dialect::Postgres, "'x'"), None);
        assert_eq!(name(Dialect::Postgres, "a."), None);
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = "x".repeat(62) + "éé";
        assert_eq!(name(Dialect::Postgres, &long), Some((None, "x".repeat(62))));
        assert_eq!(name(Dialect::Sqlite, &long), Some((None, long.clone())));
    }

    #[test]
    fn options_are_read_with_and_without_equals_sign() {
        let mut cursor = Cursor::new(Dialect::Postgres, "(a, B = 'Off', c TRUE, d = f(1, 2)) rest");
        assert!(cursor.eat_punct(b'('));
        let options = cursor.options();
        let names: Vec<_> = options.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(names[..3], [("a", None), ("b", Some("off")), ("c", Some("true"))]);
        assert_eq!(names[3].0, "d");
        assert!(cursor.eat("rest"));
    }
}
