//! Which keys of an index the planner can search for a foreign key's columns.

use crate::audit::schema::{ForeignKey, ForeignKeyColumn, Index, Key, Keyed, Schema};

/// A key, as far as it concerns a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Matched<'a> {
    /// It can be searched for this column.
    Searched(&'a str),
    /// It is about this column, but can't be searched for it.
    Missed(&'a str, Miss),
    /// It is about something else.
    Foreign,
}

/// Why a key about a column can't be searched for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Miss {
    /// The search casts the column, to this type.
    Cast(String),
    /// It is over an expression.
    Expression(String),
    /// Its operator class doesn't have the operator; the class.
    Class(String),
    /// It has one collation, the search another.
    Collation(String, Option<String>),
}

impl<'a> Matched<'a> {
    /// The column for which it can be searched.
    pub fn column(&self) -> Option<&'a str> {
        match self {
            Self::Searched(column) => Some(column),
            _ => None,
        }
    }
}

/// The foreign key's columns, each once: one may refer to several of the parent's.
pub(super) fn columns_of(foreign_key: &ForeignKey) -> Vec<&str> {
    let mut columns: Vec<&str> = Vec::new();
    for column in &foreign_key.columns {
        if !columns.contains(&column.column.as_str()) {
            columns.push(&column.column);
        }
    }
    columns
}

/// What each key of the index is to the foreign key.
pub(super) fn matched_keys<'a>(schema: &Schema, foreign_key: &'a ForeignKey, index: &Index) -> Vec<Matched<'a>> {
    index.keys.iter().map(|key| matched(schema, foreign_key, key)).collect()
}

fn matched<'a>(schema: &Schema, foreign_key: &'a ForeignKey, key: &Key) -> Matched<'a> {
    let mut missed = Matched::Foreign;
    for column in &foreign_key.columns {
        match miss(schema, column, key) {
            None => continue,
            Some(Ok(())) => return Matched::Searched(&column.column),
            Some(Err(miss)) => missed = Matched::Missed(&column.column, miss),
        }
    }
    missed
}

/// Nothing where the key is not about the column, else whether it can be searched for it
/// (`match_opclause_to_indexcol` in src/backend/optimizer/path/indxpath.c).
fn miss(schema: &Schema, column: &ForeignKeyColumn, key: &Key) -> Option<Result<(), Miss>> {
    let search = &column.search;
    let cast = search.cast.as_ref();
    match &key.what {
        Keyed::Column(name) if *name != column.column => return None,
        Keyed::Column(_) => {
            if let Some(cast) = cast {
                return Some(Err(Miss::Cast(cast.to.clone())));
            }
        }
        Keyed::Expression(text) if cast.is_some_and(|cast| cast.expression == *text) => {}
        // both sides of the comparison are looked at without the casts that change a type's name alone
        Keyed::Expression(_) if cast.is_none() && key.relabels.as_ref() == Some(&column.column) => {}
        Keyed::Expression(text) => {
            return mentions(text, &column.column).then(|| Err(Miss::Expression(text.clone())));
        }
    }
    let family = key.family.and_then(|family| schema.families.get(&family));
    if !search.operator.is_some_and(|operator| family.is_some_and(|family| family.contains(&operator))) {
        return Some(Err(Miss::Class(key.class.clone().unwrap_or_default())));
    }
    // an index without a collation serves any (IndexCollMatchesExprColl)
    match &key.collation {
        Some(collation) if search.collation.as_ref() != Some(collation) => {
            Some(Err(Miss::Collation(collation.clone(), search.collation.clone())))
        }
        _ => Some(Ok(())),
    }
}

/// Whether an expression names a column.
fn mentions(expression: &str, column: &str) -> bool {
    // a name without quotes stands there as it is, but for the case of its letters
    let could = |part: &[u8]| part.eq_ignore_ascii_case(column.as_bytes());
    if !column.is_empty() && !expression.contains('"') && !expression.as_bytes().windows(column.len()).any(could) {
        return false;
    }
    let tokens = crate::sql::Lexer::new(crate::Dialect::Postgres, expression).map_while(Result::ok);
    tokens.into_iter().any(|token| {
        matches!(token.kind, crate::sql::TokenKind::Word | crate::sql::TokenKind::QuotedIdentifier)
            && crate::sql::unquoted(crate::Dialect::Postgres, token) == column
    })
}
