//! Common table expressions, and what PostgreSQL asks of those that name themselves: one type for a column in all parts.

use sqlite3_parser::ast::{CommonTableExpr, With};

use super::expr::{Frame, Translator};
use super::results::columns_of;
use super::scope::{ScopeColumn, Source};
use super::select::Query;
use super::typed::{Kind, Result, Typed};
use super::{Untranslatable, parse};
use crate::Dialect;
use crate::value::PgType;

/// A common table expression whose parts are being translated.
#[derive(Debug)]
pub(super) struct Recursion {
    pub name: String,
    /// How often it has been named so far.
    pub uses: usize,
}

fn source(name: &str, columns: Vec<ScopeColumn>) -> Source {
    Source { name: name.to_owned(), prefix: None, columns, rowid: None, key: Vec::new(), merged: Vec::new() }
}

/// The columns by the names that stand after the expression's own.
fn renamed(mut columns: Vec<ScopeColumn>, names: Option<&[String]>) -> Vec<ScopeColumn> {
    for (column, name) in columns.iter_mut().zip(names.into_iter().flatten()) {
        column.name.clone_from(name);
        column.target.clone_from(name);
    }
    columns
}

impl Translator<'_> {
    pub(super) fn with(&mut self, with: &With<'_>) -> Result<String> {
        let mut parts = Vec::new();
        let mut recursive = with.recursive;
        for cte in with.ctes {
            let name = parse::name(cte.tbl_name.0);
            let names: Option<Vec<String>> =
                cte.columns.map(|columns| columns.iter().map(|column| parse::name(column.col_name.0)).collect());
            let compound = cte.select.body.compounds.is_some();
            recursive |= compound;
            let query = match compound {
                true => self.compound(cte, &name, names.as_deref())?,
                false => self.subquery(cte.select)?,
            };
            let columns = renamed(query.columns, names.as_deref());
            let list: Vec<String> =
                columns.iter().map(|column| Dialect::Postgres.quote_identifier(&column.target)).collect();
            parts.push(format!(
                "{} ({}) AS ({})",
                Dialect::Postgres.quote_identifier(&name),
                list.join(", "),
                query.sql
            ));
            self.ctes.push((name.clone(), source(&name, columns)));
        }
        Ok(format!("WITH {}{}\n", if recursive { "RECURSIVE " } else { "" }, parts.join(", ")))
    }

    /// A compound, which may name itself. What its columns are then is found by supposing that they are as in the first
    /// part, and as all parts together give them then, until what was supposed is what is given.
    fn compound(&mut self, cte: &CommonTableExpr<'_>, name: &str, names: Option<&[String]>) -> Result<Query> {
        self.frames.push(Frame::default());
        let first = self.core(&cte.select.body.select, &[]);
        self.frames.pop();
        let mut items = first?.0.items;
        for (_, item) in &mut items {
            item.pg = general(item);
        }
        let mut supposed = renamed(columns_of(&items), names);
        for _ in 0..3 {
            self.ctes.push((name.to_owned(), source(name, supposed.clone())));
            self.recursions.push(Recursion { name: name.to_owned(), uses: 0 });
            self.defining = true;
            let query = self.subquery(cte.select);
            let named = self.recursions.pop().is_some_and(|recursion| recursion.uses > 0);
            self.ctes.pop();
            let query = query?;
            let given = renamed(query.columns.clone(), names);
            let alike = |one: &ScopeColumn, other: &ScopeColumn| {
                (&one.pg_type, one.classes, &one.spelling) == (&other.pg_type, other.classes, &other.spelling)
            };
            let settled = given.len() == supposed.len() && given.iter().zip(&supposed).all(|(a, b)| alike(a, b));
            if !named || settled {
                return Ok(query);
            }
            supposed = given;
        }
        Err(Untranslatable::new("a recursive query whose columns change their type from row to row"))
    }

    /// Notes that a FROM names a common table expression.
    pub(super) fn names_itself(&mut self, name: &str) {
        if let Some(recursion) = self.recursions.iter_mut().rev().find(|one| one.name.eq_ignore_ascii_case(name)) {
            recursion.uses += 1;
        }
    }

    /// How often expressions that are being translated have been named so far.
    pub(super) fn recursive_uses(&self) -> usize {
        self.recursions.iter().map(|recursion| recursion.uses).sum()
    }
}

/// The type of a column of a recursive query: the widest of its kind, since a type with a length, or a narrow one, is
/// not what an operator gives.
pub(super) fn general(typed: &Typed) -> PgType {
    match (typed.kind, &typed.pg) {
        (Kind::Int, _) | (Kind::Truth, PgType::Int4) => PgType::Int8,
        (Kind::Real, _) => PgType::Float8,
        (Kind::Number, PgType::Numeric(_)) => PgType::Numeric(None),
        (Kind::Number, _) => PgType::Float8,
        (Kind::Null | Kind::Text | Kind::Mixed, _) => PgType::Text,
        (_, pg) => pg.clone(),
    }
}

/// An expression as a value of just that type, and of no collation but the database's.
pub(super) fn exactly(sql: &str, pg: &PgType) -> String {
    match pg {
        PgType::Text => format!("({sql})::text COLLATE \"default\""),
        _ => format!("({sql})::{pg}"),
    }
}
