//! The `where` of a policy: one expression, which can't reach out of the brackets that it is put in.

use super::super::MaintainError;
use crate::Dialect;
use crate::config::RetentionPolicy;
use crate::db::{Db, SqlError};
use crate::sql::{Lexer, TokenKind};

/// What is wrong with `text` as an expression within brackets on lines of their own, before any database has read it.
/// `Ok` does not say that it is one.
fn stays_within(dialect: Dialect, text: &str) -> Result<(), String> {
    let rest = |at: usize| text[at..].chars().take(40).collect::<String>();
    let mut open = Vec::new();
    for token in Lexer::new(dialect, text) {
        let token = token.map_err(|error| format!("{error}: `{}`", rest(error.offset())))?;
        match token.kind {
            TokenKind::Semicolon => return Err(format!("a semicolon ends it: `{}`", rest(token.start))),
            // SQLite takes such a comment for one that goes to the end of all
            TokenKind::Comment if token.text.starts_with("/*") && !closed(token.text) => {
                return Err(format!("a comment begins here and never ends: `{}`", rest(token.start)));
            }
            _ if token.is_punct(b'(') => open.push(token.start),
            _ if token.is_punct(b')') && open.pop().is_none() => {
                return Err(format!("a bracket is closed that was not opened: `{}`", rest(token.start)));
            }
            _ => {}
        }
    }
    match open.pop() {
        Some(at) => Err(format!("a bracket is opened and not closed: `{}`", rest(at))),
        None => Ok(()),
    }
}

/// `/*/` is open.
fn closed(comment: &str) -> bool {
    comment.len() >= 4 && comment.ends_with("*/")
}

/// Refuses a `where` that is more or less than an expression.
///
/// # Errors
/// [`MaintainError::Refused`] with its place.
pub(super) fn check(dialect: Dialect, policy: &RetentionPolicy) -> Result<(), MaintainError> {
    let Some(text) = &policy.condition else { return Ok(()) };
    stays_within(dialect, text).map_err(|problem| refused(policy, &problem))
}

/// Has the database read it by itself, so that what it says is said of its place; `table` is as SQL has it.
///
/// # Errors
/// [`MaintainError::Refused`] with its place; [`MaintainError::Sql`] where it is for another reason that it can't be read.
pub(super) fn try_on(db: &mut Db, table: &str, policy: &RetentionPolicy) -> Result<(), MaintainError> {
    let Some(text) = &policy.condition else { return Ok(()) };
    match db.query(&format!("SELECT 1 FROM {table} WHERE (\n{text}\n) LIMIT 0")) {
        Ok(_) => Ok(()),
        Err(error) if is_of_the_text(&error) => Err(refused(policy, &error.message)),
        Err(error) => Err(MaintainError::sql(format!("try the `where` of the policy for `{}`", policy.table))(error)),
    }
}

/// SQLSTATE class 42 (<https://www.postgresql.org/docs/current/errcodes-appendix.html>) without what is about rights, and
/// 22, a constant that is none of its type; of SQLite the plain error.
fn is_of_the_text(error: &SqlError) -> bool {
    error.code.as_deref().is_some_and(|code| match code {
        "42501" => false,
        code => code == "SQLITE_ERROR" || code.starts_with("42") || code.starts_with("22"),
    })
}

fn refused(policy: &RetentionPolicy, problem: &str) -> MaintainError {
    let place = policy.condition_origin.as_ref().unwrap_or(&policy.origin);
    MaintainError::Refused {
        message: format!("{place}: the `where` of the policy for `{}`: {problem}", policy.table),
        hint: format!(
            "`where` is one SQL expression over the columns of `{}`, put into brackets of its own; nothing was changed",
            policy.table
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_stays_within_its_brackets() {
        for dialect in Dialect::ALL {
            for text in [
                "a = 1",
                "a = 1 -- it is ) or (",
                "(a = 1) OR (b IN (1, 2))",
                "a = ')' OR \"(\" = ';'",
                "a /* ) */ = 1",
                "a = 'it''s (' -- ",
            ] {
                assert_eq!(stays_within(dialect, text), Ok(()), "{dialect:?}: {text}");
            }
            for (text, problem) in [
                ("parent = 3) or (id > 0", "closed that was not opened: `) or (id > 0`"),
                ("a = 1)", "closed that was not opened"),
                ("(a = 1", "opened and not closed: `(a = 1`"),
                ("a = 1) -- (", "closed that was not opened"),
                ("a = 1; DROP TABLE t", "a semicolon ends it"),
                ("a = 1 /* b", "a comment begins here and never ends"),
                ("a = 1 /*/", "a comment begins here and never ends"),
                ("a = 'b", "a string literal begins here and never ends"),
                ("a = \"b", "a quoted identifier begins here and never ends"),
                ("a = 1\0", "can't hold a NUL"),
            ] {
                let found = stays_within(dialect, text).expect_err(text);
                assert!(found.contains(problem), "{dialect:?}: {text}: {found}");
            }
        }
        assert_eq!(stays_within(Dialect::Postgres, "a = $$)$$"), Ok(()));
        assert!(stays_within(Dialect::Sqlite, "a = $$)$$").is_err());
    }
}
