//! A WHERE clause as `pg_get_expr` writes it, read as far as `column IS NOT NULL` can imply it.

use crate::Dialect;
use crate::audit::schema::Predicate;
use crate::sql::{Lexer, Token, TokenKind, unquoted};

/// The clause as a tree. `is_row` says of a column's name whether it is of a composite type, for which IS NOT NULL asks
/// after every field; `None` where there is no such column.
///
/// It is simplified as the planner does before it asks whether a query implies it (`eval_const_expressions`): NOT is
/// taken into AND, OR and IS NULL; `true` is an empty [`Predicate::And`], `false` an empty [`Predicate::Or`].
pub(super) fn parse(sql: &str, is_row: &dyn Fn(&str) -> Option<bool>) -> Predicate {
    let tokens: Result<Vec<Token<'_>>, _> = Lexer::new(Dialect::Postgres, sql).collect();
    match tokens {
        Ok(tokens) => Clause { sql, is_row }.read(&tokens, false),
        Err(_) => Predicate::Other(sql.to_owned()),
    }
}

/// The expressions of a list that `pg_get_expr` writes with commas between them.
pub(super) fn split_list(sql: &str) -> Vec<&str> {
    let Ok(tokens) = Lexer::new(Dialect::Postgres, sql).collect::<Result<Vec<Token<'_>>, _>>() else {
        return vec![sql];
    };
    let mut parts = Vec::new();
    let (mut depth, mut begin) = (0_usize, 0);
    for token in tokens {
        depth = depth_after(depth, token);
        if depth == 0 && token.is_punct(b',') {
            parts.push(sql[begin..token.start].trim());
            begin = token.end;
        }
    }
    parts.push(sql[begin..].trim());
    parts
}

struct Clause<'a> {
    sql: &'a str,
    is_row: &'a dyn Fn(&str) -> Option<bool>,
}

impl Clause<'_> {
    fn read(&self, tokens: &[Token<'_>], negated: bool) -> Predicate {
        let tokens = without_parentheses(tokens);
        let at_top = |word: &str| split(tokens, word);
        // BETWEEN and CASE have words of their own between which AND and OR mean something else
        let plain = !tokens.iter().any(|token| token.is_word("case") || token.is_word("between"));
        match (at_top("or"), at_top("and")) {
            (Some(parts), None) if plain => self.all(&parts, negated, negated),
            (None, Some(parts)) if plain => self.all(&parts, negated, !negated),
            (None, None) => self.read_one(tokens, negated),
            _ => self.other(tokens, negated),
        }
    }

    fn all(&self, parts: &[&[Token<'_>]], negated: bool, and: bool) -> Predicate {
        let parts = parts.iter().map(|part| self.read(part, negated)).collect();
        if and { Predicate::And(parts) } else { Predicate::Or(parts) }
    }

    fn read_one(&self, tokens: &[Token<'_>], negated: bool) -> Predicate {
        match tokens {
            [not, rest @ ..] if not.is_word("not") && !rest.is_empty() => self.read(rest, !negated),
            [constant] if constant.is_word("true") || constant.is_word("false") => {
                if constant.is_word("true") != negated { Predicate::And(Vec::new()) } else { Predicate::Or(Vec::new()) }
            }
            [column, rest @ ..] if asks_for_null(rest).is_some_and(|(for_null, _)| for_null == negated) => {
                let whole = asks_for_null(rest).is_some_and(|(_, whole)| whole);
                match self.column(*column, whole) {
                    Some(column) => Predicate::NotNull(column),
                    None => self.other(tokens, negated),
                }
            }
            _ => self.other(tokens, negated),
        }
    }

    /// The column of that name; one of a composite type only where a row is asked about as a whole.
    fn column(&self, token: Token<'_>, whole: bool) -> Option<String> {
        if !matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdentifier)
            || token.text.starts_with(['U', 'u']) && token.text.as_bytes().get(1) == Some(&b'&')
        {
            return None;
        }
        let name = unquoted(Dialect::Postgres, token);
        (self.is_row)(&name).is_some_and(|is_row| whole || !is_row).then_some(name)
    }

    fn other(&self, tokens: &[Token<'_>], negated: bool) -> Predicate {
        let text = match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => &self.sql[first.start..last.end],
            _ => self.sql,
        };
        Predicate::Other(if negated { format!("NOT ({text})") } else { text.to_owned() })
    }
}

/// Whether these words are `IS NULL` (true) or `IS NOT NULL` (false); and whether of a row they ask after the row as a
/// whole, as `IS DISTINCT FROM NULL` does.
fn asks_for_null(tokens: &[Token<'_>]) -> Option<(bool, bool)> {
    let are =
        |words: &[&str]| tokens.len() == words.len() && tokens.iter().zip(words).all(|(at, word)| at.is_word(word));
    if are(&["is", "null"]) {
        Some((true, false))
    } else if are(&["is", "not", "null"]) {
        Some((false, false))
    } else if are(&["is", "not", "distinct", "from", "null"]) {
        Some((true, true))
    } else if are(&["is", "distinct", "from", "null"]) {
        Some((false, true))
    } else {
        None
    }
}

fn depth_after(depth: usize, token: Token<'_>) -> usize {
    if token.is_punct(b'(') || token.is_punct(b'[') {
        depth + 1
    } else if token.is_punct(b')') || token.is_punct(b']') {
        depth.saturating_sub(1)
    } else {
        depth
    }
}

/// What stands between parentheses that go round all of it.
fn without_parentheses<'t, 's>(mut tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    while let [open, inner @ .., close] = tokens
        && open.is_punct(b'(')
        && close.is_punct(b')')
    {
        let mut depth = 1_usize;
        let closes_early = inner.iter().any(|token| {
            depth = depth_after(depth, *token);
            depth == 0
        });
        if closes_early {
            break;
        }
        tokens = inner;
    }
    tokens
}

/// The parts between words outside all brackets; `None` where there is no such word.
fn split<'t, 's>(tokens: &'t [Token<'s>], word: &str) -> Option<Vec<&'t [Token<'s>]>> {
    let mut parts = Vec::new();
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        depth = depth_after(depth, *token);
        if depth == 0 && token.is_word(word) {
            parts.push(&tokens[begin..at]);
            begin = at + 1;
        }
    }
    parts.push(&tokens[begin..]);
    (parts.len() > 1).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Predicate {
        parse(sql, &|name| match name {
            "a" | "b" | "Odd \"Name\"" | "or" => Some(false),
            "row" => Some(true),
            _ => None,
        })
    }

    fn not_null(name: &str) -> Predicate {
        Predicate::NotNull(name.to_owned())
    }

    fn other(text: &str) -> Predicate {
        Predicate::Other(text.to_owned())
    }

    #[test]
    fn what_is_not_null_is_found_under_and_or_and_not() {
        use Predicate::{And, Or};
        let cases = [
            ("(a IS NOT NULL)", not_null("a")),
            ("a IS NOT NULL", not_null("a")),
            (r#"("Odd ""Name""" IS NOT NULL)"#, not_null("Odd \"Name\"")),
            (r#"("or" IS NOT NULL)"#, not_null("or")),
            ("((a IS NOT NULL) AND (b IS NOT NULL))", And(vec![not_null("a"), not_null("b")])),
            ("((a IS NOT NULL) OR (b > 5))", Or(vec![not_null("a"), other("b > 5")])),
            ("(NOT (a IS NULL))", not_null("a")),
            ("(NOT ((a IS NULL) OR (b IS NULL)))", And(vec![not_null("a"), not_null("b")])),
            ("(NOT ((a IS NULL) AND (b IS NULL)))", Or(vec![not_null("a"), not_null("b")])),
            ("(NOT (NOT (a IS NOT NULL)))", not_null("a")),
            ("(row IS DISTINCT FROM NULL)", not_null("row")),
            ("(NOT (row IS NOT DISTINCT FROM NULL))", not_null("row")),
            ("true", And(Vec::new())),
            ("(NOT true)", Or(Vec::new())),
        ];
        for (sql, expected) in cases {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }

    #[test]
    fn anything_else_stays_as_it_is_written() {
        let cases = [
            ("(a IS NULL)", "a IS NULL"),
            ("(NOT (a IS NOT NULL))", "NOT (a IS NOT NULL)"),
            ("(row IS NOT NULL)", "row IS NOT NULL"),
            ("(missing IS NOT NULL)", "missing IS NOT NULL"),
            ("((a)::text IS NOT NULL)", "(a)::text IS NOT NULL"),
            ("(a IS DISTINCT FROM b)", "a IS DISTINCT FROM b"),
            ("CASE WHEN (a IS NOT NULL) OR x THEN y END", "CASE WHEN (a IS NOT NULL) OR x THEN y END"),
            ("(b = ' AND a IS NOT NULL OR ')", "b = ' AND a IS NOT NULL OR '"),
            ("flag", "flag"),
            ("", ""),
        ];
        for (sql, expected) in cases {
            assert_eq!(read(sql), other(expected), "{sql}");
        }
    }

    #[test]
    fn lists_are_split_at_their_own_commas() {
        assert_eq!(split_list("lower(a), (b)::text, f(a, 'x,y')"), ["lower(a)", "(b)::text", "f(a, 'x,y')"]);
        assert_eq!(split_list("COALESCE(a, b)"), ["COALESCE(a, b)"]);
    }
}
