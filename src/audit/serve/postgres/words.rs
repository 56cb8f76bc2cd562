//! The sentences that say why an index serves a foreign key, or why it does not.

use super::keys::{Matched, Miss, columns_of};
use crate::Dialect;
use crate::audit::schema::{ForeignKey, Index, Keyed, Method};

/// A name in backquotes.
pub(super) fn named(name: &str) -> String {
    format!("`{name}`")
}

/// Names in backquotes: `a`, `a` and `b`, `a`, `b` and `c`.
pub(super) fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| named(name)).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// The foreign key's columns.
pub(super) fn columns_in_words(foreign_key: &ForeignKey) -> String {
    listed(&columns_of(foreign_key))
}

/// A clause without the parentheses that the server puts round all of it.
pub(super) fn bare(clause: &str) -> &str {
    let Some(inner) = clause.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) else { return clause };
    let mut depth = 1_i32;
    let closes_early = inner.bytes().any(|byte| {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        depth == 0
    });
    if closes_early { clause } else { inner }
}

/// Every column is searched.
pub(super) fn full(foreign_key: &ForeignKey, index: &Index) -> String {
    let (name, columns) = (named(&index.name), columns_in_words(foreign_key));
    let keys = columns_of(foreign_key).len();
    match (&index.method, index.keys.len() == keys, keys) {
        (Method::Gin, ..) => format!("{name} has {columns} among its keys"),
        (_, true, _) => format!("{name} is over {columns}"),
        (_, false, 1) => format!("{name} begins with {columns}"),
        (_, false, _) => format!("{name} begins with {columns}, in whichever order"),
    }
}

/// Only `searched` is.
pub(super) fn prefix(foreign_key: &ForeignKey, index: &Index, matched: &[Matched<'_>], searched: &[&str]) -> String {
    let name = named(&index.name);
    let rest: Vec<&str> = columns_of(foreign_key).into_iter().filter(|column| !searched.contains(column)).collect();
    let missed = matched.iter().find_map(|key| match key {
        Matched::Missed(column, miss) if rest.contains(column) => Some(missed(column, miss)),
        _ => None,
    });
    let later = index.keys.iter().zip(matched).skip(searched.len()).any(|(_, key)| key.column().is_some());
    let because = match missed {
        Some(missed) => format!(" ({missed})"),
        None if later && index.method != Method::Gin => " (another key stands between them)".to_owned(),
        None => String::new(),
    };
    let is = if rest.len() == 1 { "is" } else { "are" };
    format!("only {} can be searched in {name}; {} {is} compared row by row{because}", listed(searched), listed(&rest))
}

/// Nothing is.
pub(super) fn unmatched(foreign_key: &ForeignKey, index: &Index, matched: &[Matched<'_>]) -> String {
    let name = named(&index.name);
    if let Some(Matched::Missed(column, miss)) = matched.iter().find(|key| matches!(key, Matched::Missed(..))) {
        return format!("{name} is of no use: {}", missed(column, miss));
    }
    if let Some(column) = matched.iter().find_map(Matched::column) {
        let first = match index.keys.first().map(|key| &key.what) {
            Some(Keyed::Column(first)) => named(first),
            Some(Keyed::Expression(text)) => format!("`{text}`"),
            None => String::new(),
        };
        return format!("{name} begins with {first}, and a search by {} alone can't begin there", named(column));
    }
    let included: Vec<&str> =
        columns_of(foreign_key).into_iter().filter(|column| index.included.iter().any(|at| at == column)).collect();
    match included.as_slice() {
        [] => format!("{name} is over other columns"),
        included => format!("{name} holds {} beside its keys (INCLUDE), where it can't be searched", listed(included)),
    }
}

fn missed(column: &str, miss: &Miss) -> String {
    let column = named(column);
    match miss {
        Miss::Cast(to) => format!("the search casts {column} to `{to}` before it compares"),
        Miss::Expression(text) => format!("its key is `{text}`, and the search is by {column} itself"),
        Miss::Class(class) => {
            format!("the operator class `{class}` doesn't have the operator by which {column} is compared")
        }
        Miss::Collation(has, Some(needed)) => {
            format!("its key has the collation `{has}`, and {column} is compared by `{needed}`")
        }
        Miss::Collation(has, None) => format!("its key has the collation `{has}`, and {column} is compared by none"),
    }
}

/// Whether an index is about the foreign key at all: worth a word where nothing serves.
pub(super) fn concerns(foreign_key: &ForeignKey, index: &Index, matched: &[Matched<'_>]) -> bool {
    matched.iter().any(|key| *key != Matched::Foreign)
        || columns_of(foreign_key).iter().any(|column| index.included.iter().any(|at| at == column))
}

/// A name as an identifier.
pub(super) fn quoted(name: &str) -> String {
    Dialect::Postgres.quote_identifier(name)
}
