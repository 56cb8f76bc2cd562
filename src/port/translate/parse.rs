//! SQLite's syntax tree from text, and the plain names and values in it.

use sqlite3_parser::ast::{Cmd, Expr, OneSelect, ResultColumn, Select, Stmt};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator as _};

use super::Untranslatable;

/// The tree of one expression.
pub(super) fn expression<'bump>(bump: &'bump Bump, text: &str) -> Result<&'bump Expr<'bump>, Untranslatable> {
    let text = bump.alloc_str(&format!("SELECT ({text}\n)"));
    if let Some(Cmd::Stmt(Stmt::Select(select))) = command(bump, text)?
        && let OneSelect::Select { columns: [ResultColumn::Expr(expr, None)], from: None, .. } = &select.body.select
    {
        // the row of one that the parentheses make is taken off where it is used
        return Ok(expr);
    }
    Err(Untranslatable::new(format!("`{text}`")))
}

/// The query of a CREATE VIEW, and the columns' names where it lists them.
pub(super) fn view<'bump>(
    bump: &'bump Bump,
    text: &str,
) -> Result<(&'bump Select<'bump>, Option<Vec<String>>), Untranslatable> {
    let text = bump.alloc_str(text);
    let command = command(bump, text)?;
    if let Some(Cmd::Stmt(Stmt::CreateView { columns, select, .. })) = command {
        let columns = columns.as_ref().map(|names| names.iter().map(|column| name(column.col_name.0)).collect());
        return Ok((select, columns));
    }
    Err(Untranslatable::new("its text (it is no CREATE VIEW)"))
}

fn command<'bump>(bump: &'bump Bump, text: &'bump str) -> Result<Option<&'bump Cmd<'bump>>, Untranslatable> {
    let mut parser = Parser::new(bump, text.as_bytes());
    match parser.next() {
        Ok(command) => Ok(command.map(|command| &*bump.alloc(command))),
        Err(error) => Err(Untranslatable::new(format!("its syntax ({error})"))),
    }
}

/// A name without its quotes.
pub(super) fn name(written: &str) -> String {
    for (open, close) in [('"', '"'), ('`', '`'), ('\'', '\''), ('[', ']')] {
        if let Some(inner) = written.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            let doubled: String = [close, close].iter().collect();
            return if close == ']' { inner.to_owned() } else { inner.replace(&doubled, &close.to_string()) };
        }
    }
    written.to_owned()
}

/// The value of a string literal as written.
pub(super) fn string(written: &str) -> String {
    name(written)
}

/// The bytes of a blob literal's digits.
pub(super) fn blob(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.trim_start_matches(['x', 'X']).trim_matches('\'');
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

/// A name without the parentheses of a row of one.
pub(super) fn bare<'a, 'bump>(mut expr: &'a Expr<'bump>) -> &'a Expr<'bump> {
    while let Expr::Parenthesized(inner) = expr {
        let [only] = inner.as_slice() else { break };
        expr = only;
    }
    expr
}
