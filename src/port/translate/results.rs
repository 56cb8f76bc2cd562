//! What a SELECT's list comes to: its text, the columns that others read, and what stands around it.

use sqlite3_parser::ast::{Distinctness, Expr, Limit, OneSelect};

use super::scope::{Classes, ScopeColumn};
use super::select::Core;
use super::typed::{Collation, Kind, Result, Typed};
use super::{Untranslatable, parse};
use crate::Dialect;
use crate::schema::Affinity;
use crate::value::Reading;

impl Core {
    pub fn render(&self, list: &[String], columns: &[ScopeColumn]) -> String {
        if let Some(rows) = &self.values {
            let rows: Vec<String> = rows
                .iter()
                .map(|row| format!("({})", row.iter().map(|value| value.sql.clone()).collect::<Vec<_>>().join(", ")))
                .collect();
            return format!("VALUES {}", rows.join(", "));
        }
        let list: Vec<String> = list
            .iter()
            .zip(columns)
            .map(|(sql, column)| format!("{sql} AS {}", Dialect::Postgres.quote_identifier(&column.target)))
            .collect();
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        format!("SELECT {distinct}{}{}", list.join(", "), self.rest)
    }
}

pub(super) fn is_distinct(one: &OneSelect<'_>) -> bool {
    matches!(one, OneSelect::Select { distinctness: Some(Distinctness::Distinct), .. })
}

pub(super) fn position(items: &[(String, Typed)], at: i64) -> Result<Typed> {
    let item = usize::try_from(at - 1).ok().and_then(|at| items.get(at));
    item.map(|(_, typed)| typed.clone()).ok_or_else(|| Untranslatable::new("a column's number that is none"))
}

/// What stands in a SELECT's list.
pub(super) fn selected(typed: &Typed) -> Result<Typed> {
    match typed.kind {
        Kind::Extracted => Err(Untranslatable::new("a part of a JSON document as a column (its type differs by row)")),
        _ => Ok(typed.output()),
    }
}

/// The columns that a list of results makes for whoever reads them.
pub(super) fn columns_of(items: &[(String, Typed)]) -> Vec<ScopeColumn> {
    let mut columns: Vec<ScopeColumn> = Vec::new();
    for (name, typed) in items {
        // PostgreSQL cuts names at 63 bytes; of two that are alike the first is the one meant
        let mut target: String = name.chars().take(15).collect();
        if name.len() <= 63 {
            target.clone_from(name);
        }
        let mut nth = 1;
        while columns.iter().any(|column| column.target == target) {
            target = format!("{}:{nth}", name.chars().take(12).collect::<String>());
            nth += 1;
        }
        let class = |integers, reals, texts, blobs| Classes { integers, reals, texts, blobs };
        let classes = match typed.kind {
            Kind::Truth | Kind::Int => class(true, false, false, false),
            Kind::Real => class(false, true, false, false),
            Kind::Number => class(true, true, false, false),
            Kind::Mixed => class(true, typed.reals, true, false),
            Kind::Bytes => class(false, false, false, true),
            Kind::Opaque => class(true, true, true, true),
            _ => class(false, false, true, false),
        };
        let collation = typed.collation.and_then(|collation| match collation {
            Collation::Nocase => Some("NOCASE".to_owned()),
            Collation::Rtrim => Some("RTRIM".to_owned()),
            Collation::Foreign => Some("?".to_owned()),
            Collation::Binary => None,
        });
        columns.push(ScopeColumn {
            name: name.clone(),
            target,
            pg_type: typed.pg.clone(),
            affinity: typed.affinity.unwrap_or(Affinity::Blob),
            collation,
            classes,
            spelling: typed.spelling.clone(),
            reading: Reading::default(),
            not_null: false,
        });
    }
    columns
}

/// LIMIT and OFFSET of whole numbers; a negative limit is none.
pub(super) fn limit(limit: &Limit<'_>) -> Result<String> {
    let number =
        |expr: &Expr<'_>| expr.is_integer().ok_or_else(|| Untranslatable::new("LIMIT by what is no whole number"));
    let mut sql = match number(&limit.expr)? {
        count @ 0.. => format!("\nLIMIT {count}"),
        _ => String::new(),
    };
    if let Some(offset) = &limit.offset {
        sql.push_str(&format!(" OFFSET {}", number(offset)?.max(0)));
    }
    Ok(sql)
}

/// Whether an aggregate stands in an expression, outside of subqueries and windows.
pub(super) fn has_aggregate(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::FunctionCallStar { filter_over, .. } => {
            filter_over.as_ref().is_none_or(|tail| tail.over_clause.is_none())
        }
        Expr::FunctionCall { name, args, filter_over, .. } => {
            let arguments = args.unwrap_or_default();
            let windowed = filter_over.as_ref().is_some_and(|tail| tail.over_clause.is_some());
            let name = parse::name(name.0).to_ascii_lowercase();
            (!windowed && super::aggregate::is_aggregate(&name, arguments.len())) || arguments.iter().any(has_aggregate)
        }
        Expr::Between { lhs, start, end, .. } => has_aggregate(lhs) || has_aggregate(start) || has_aggregate(end),
        Expr::Binary(left, _, right) => has_aggregate(left) || has_aggregate(right),
        Expr::Case { base, when_then_pairs, else_expr } => {
            base.is_some_and(has_aggregate)
                || else_expr.is_some_and(has_aggregate)
                || when_then_pairs.iter().any(|(when, then)| has_aggregate(when) || has_aggregate(then))
        }
        Expr::Cast { expr, .. } | Expr::Collate(expr, _) | Expr::Unary(_, expr) => has_aggregate(expr),
        Expr::IsNull(expr) | Expr::NotNull(expr) => has_aggregate(expr),
        Expr::InList { lhs, rhs, .. } => has_aggregate(lhs) || rhs.is_some_and(|list| list.iter().any(has_aggregate)),
        Expr::InSelect { lhs, .. } => has_aggregate(lhs),
        Expr::Like { lhs, rhs, .. } => has_aggregate(lhs) || has_aggregate(rhs),
        Expr::Parenthesized(inner) => inner.iter().any(has_aggregate),
        _ => false,
    }
}
