//! The WHERE clause of an index as far as the audit looks into it: AND, OR, and what asks whether a column is NULL.

use sqlite3_parser::ast::{Cmd, Expr, Id, Literal, Name, OneSelect, Operator, ResultColumn, Stmt};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator as _};

use crate::Dialect;
use crate::audit::schema::Predicate;
use crate::schema::Table;
use crate::sql::{Cursor, TokenKind};

/// The clause `text` of an index of `table`. What can't be read, or is anything else, is [`Predicate::Other`].
pub(super) fn predicate(table: &Table, text: &str) -> Predicate {
    if let Some(column) = only_not_null(table, text) {
        return Predicate::NotNull(column);
    }
    let bump = Bump::new();
    let select = bump.alloc_str(&format!("SELECT ({text}\n)"));
    let mut parser = Parser::new(&bump, select.as_bytes());
    if let Ok(Some(Cmd::Stmt(Stmt::Select(select)))) = parser.next()
        && let OneSelect::Select { columns: [ResultColumn::Expr(tree, None)], from: None, .. } = &select.body.select
    {
        return of(table, text, tree);
    }
    Predicate::Other(text.to_owned())
}

/// The column of what most such clauses are, `column IS NOT NULL`, for which no parser is needed.
fn only_not_null(table: &Table, text: &str) -> Option<String> {
    let mut cursor = Cursor::new(Dialect::Sqlite, text);
    let name = cursor.take().filter(|token| token.kind == TokenKind::Word)?.text;
    // NULL and CURRENT_DATE are no names; no word of one letter is a keyword, and the parser's list takes none
    let is_name = name.len() < 2 || sqlite3_parser::dialect::keyword_token(name.as_bytes()).is_none();
    (is_name && cursor.eat_all(&["is", "not", "null"]) && cursor.peek().is_none())
        .then(|| column(table, name))
        .flatten()
}

fn of(table: &Table, text: &str, tree: &Expr<'_>) -> Predicate {
    match tree {
        Expr::Parenthesized(inner) if inner.len() == 1 => of(table, text, &inner[0]),
        Expr::Binary(left, Operator::And, right) => Predicate::And(vec![of(table, text, left), of(table, text, right)]),
        Expr::Binary(left, Operator::Or, right) => Predicate::Or(vec![of(table, text, left), of(table, text, right)]),
        Expr::NotNull(tested) => not_null(table, text, tested),
        Expr::Binary(tested, Operator::IsNot, null)
            if matches!(without_parentheses(null), Expr::Literal(Literal::Null)) =>
        {
            not_null(table, text, tested)
        }
        _ => Predicate::Other(text.to_owned()),
    }
}

fn without_parentheses<'a, 'b>(mut tree: &'a Expr<'b>) -> &'a Expr<'b> {
    while let Expr::Parenthesized(inner) = tree
        && inner.len() == 1
    {
        tree = &inner[0];
    }
    tree
}

fn not_null(table: &Table, text: &str, tested: &Expr<'_>) -> Predicate {
    let column = match without_parentheses(tested) {
        Expr::Id(Id(name)) | Expr::Name(Name(name)) => column(table, name),
        Expr::Qualified(Name(of), Name(name)) if is(of, &table.name) => column(table, name),
        Expr::DoublyQualified(_, Name(of), Name(name)) if is(of, &table.name) => column(table, name),
        _ => None,
    };
    column.map_or_else(|| Predicate::Other(text.to_owned()), Predicate::NotNull)
}

fn column(table: &Table, written: &str) -> Option<String> {
    // a string is a value here, and no name
    let written = Some(written).filter(|written| !written.starts_with('\''))?;
    let name = Cursor::new(Dialect::Sqlite, written).identifier()?;
    table.column(&name).map(|column| column.name.clone())
}

fn is(written: &str, name: &str) -> bool {
    Cursor::new(Dialect::Sqlite, written).identifier().is_some_and(|written| written.eq_ignore_ascii_case(name))
}
