//! The statement that makes an index, written as `pg_get_indexdef` writes it: asked for each of 20,000 indexes, the server
//! takes the better part of a second over them.
//!
//! Where it can't be known whether the server would leave a word out (an expression's collation), it is written.

use std::fmt::Write as _;

use super::catalog::{Catalog, IndexRow, Relation};
use super::lookups::{DEFAULT_COLLATION, Lookups};

/// The statement. `expressions` are those among the keys, in order.
pub(super) fn definition(
    catalog: &Catalog,
    lookups: &Lookups,
    row: &IndexRow,
    index: &Relation,
    table: &Relation,
    expressions: &[&str],
) -> String {
    let mut expressions = expressions.iter();
    let keys: Vec<String> = (0..row.keys)
        .map(|at| {
            let expression = if row.columns.get(at) == Some(&0) { expressions.next() } else { None };
            key(catalog, lookups, row, index, at, expression.copied())
        })
        .collect();
    let mut sql = format!(
        "CREATE {}INDEX {} ON {}{} USING {} ({})",
        if row.unique { "UNIQUE " } else { "" },
        lookups.quoted(&index.name),
        if index.kind == 'I' { "ONLY " } else { "" },
        lookups.qualified(&table.schema, &table.name),
        lookups.quoted(&index.method),
        keys.join(", ")
    );
    let included: Vec<String> =
        row.columns.iter().skip(row.keys).map(|at| column(catalog, lookups, row, *at)).collect();
    if !included.is_empty() {
        let _ = write!(sql, " INCLUDE ({})", included.join(", "));
    }
    if row.nulls_not_distinct {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    if !index.options.is_empty() {
        let options: Vec<String> = index.options.iter().map(|option| parameter(lookups, option)).collect();
        let _ = write!(sql, " WITH ({})", options.join(", "));
    }
    if let Some(predicate) = lookups.expression(row.predicate) {
        let _ = write!(sql, " WHERE {predicate}");
    }
    sql
}

fn column(catalog: &Catalog, lookups: &Lookups, row: &IndexRow, number: i16) -> String {
    catalog.column_of(row.table, number).map(|column| lookups.quoted(&column.name)).unwrap_or_default()
}

fn key(
    catalog: &Catalog,
    lookups: &Lookups,
    row: &IndexRow,
    index: &Relation,
    at: usize,
    expression: Option<&str>,
) -> String {
    let number = row.columns.get(at).copied().unwrap_or_default();
    let of_column = catalog.column_of(row.table, number);
    let mut sql = match expression {
        Some(expression) if is_call(expression) => expression.to_owned(),
        Some(expression) => format!("({expression})"),
        None => column(catalog, lookups, row, number),
    };
    let unasked = of_column.map_or(DEFAULT_COLLATION, |column| column.collation);
    if let Some(oid) = row.collations.get(at).copied().filter(|oid| *oid != 0 && *oid != unasked)
        && let Some(collation) = lookups.collation(oid)
    {
        let _ = write!(sql, " COLLATE {}", collation.strip_prefix("pg_catalog.").unwrap_or(&collation));
    }
    let class = row.classes.get(at).copied().unwrap_or_default();
    let options = i16::try_from(at + 1).ok().and_then(|at| catalog.class_options.get(&(row.oid, at)));
    // an expression's type is that of the index's own column, unless the index stores something else in its stead
    let of_key = of_column.or_else(|| catalog.column_of(row.oid, i16::try_from(at + 1).ok()?));
    let unasked = of_key.and_then(|column| lookups.default_class(column.type_oid, &index.method));
    if (unasked != Some(class) || options.is_some())
        && let Some(class) = lookups.classes.get(&class)
    {
        let _ = write!(sql, " {}", class.full_name.strip_prefix("pg_catalog.").unwrap_or(&class.full_name));
    }
    if let Some(options) = options {
        let options: Vec<String> = options.split(", ").map(|option| parameter(lookups, option)).collect();
        let _ = write!(sql, " ({})", options.join(", "));
    }
    let (descending, nulls_first) = order(row, at);
    if index.method == "btree" {
        sql.push_str(match (descending, nulls_first) {
            (true, true) => " DESC",
            (true, false) => " DESC NULLS LAST",
            (false, true) => " NULLS FIRST",
            (false, false) => "",
        });
    }
    sql
}

/// Whether a key descends, and whether NULLs come first in it.
pub(super) fn order(row: &IndexRow, at: usize) -> (bool, bool) {
    let options = row.options.get(at).copied().unwrap_or_default();
    (options & 1 != 0, options & 2 != 0)
}

/// A storage parameter (`get_reloptions` in src/backend/utils/adt/ruleutils.c).
fn parameter(lookups: &Lookups, option: &str) -> String {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let value = match lookups.quoted(value) {
        quoted if quoted == value => quoted,
        _ => crate::Dialect::Postgres.literal(value),
    };
    format!("{}={value}", lookups.quoted(name))
}

/// Whether an expression is one call of a function from end to end, which alone stands in an index without parentheses.
fn is_call(expression: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '.');
    let known = ["COALESCE(", "GREATEST(", "LEAST("];
    let name = expression.split_once('(').map_or("", |(name, _)| name);
    if !known.iter().any(|call| expression.starts_with(call)) && (name.is_empty() || !name.chars().all(plain)) {
        return false;
    }
    let mut depth = 0_usize;
    let Ok(tokens) = crate::sql::Lexer::new(crate::Dialect::Postgres, expression).collect::<Result<Vec<_>, _>>() else {
        return false;
    };
    let closed = tokens.iter().position(|token| {
        if token.is_punct(b'(') {
            depth += 1;
        } else if token.is_punct(b')') {
            depth = depth.saturating_sub(1);
            return depth == 0;
        }
        false
    });
    closed.is_some_and(|at| at + 1 == tokens.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_call_from_end_to_end_goes_without_parentheses() {
        for call in ["lower(a)", "COALESCE(a, b)", "public.f(lower(a), ')')", "date_trunc('day'::text, t)"] {
            assert!(is_call(call), "{call}");
        }
        for other in ["(a)::text", "lower(a) || upper(b)", "(a + b)", "ROW(a, b)", "a", "(f(a))", "f(a).b"] {
            assert!(!is_call(other), "{other}");
        }
    }
}
