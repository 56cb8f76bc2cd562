//! The best that a table's own indexes do for a foreign key; and what has to change where none could.

use super::keys::matched_keys;
use super::words::{columns_in_words, concerns, named, quoted};
use super::{Counts, Coverage, Level, Service, by_index};
use crate::audit::schema::{ForeignKey, Index, Keyed, Schema, Table};

/// So many indexes that do not serve are explained.
const EXPLAINED: usize = 3;

/// How the table's own indexes serve it.
pub(super) fn judge(schema: &Schema, table: &Table, foreign_key: &ForeignKey, counts: &Counts<'_>) -> Coverage {
    let mut best: Option<(&Index, Service)> = None;
    for index in table.indexes.iter().filter(|index| may_serve(foreign_key, index) && counts(table, index)) {
        let service = by_index(schema, table, foreign_key, index);
        let better = best.as_ref().is_none_or(|(_, best)| rank(&service) > rank(best));
        if better {
            best = Some((index, service));
        }
    }
    match best {
        Some((index, service)) if service.level > Level::None => Coverage {
            level: service.level,
            why: service.why,
            index: Some(index.name.clone()),
            note: service.note,
            blocked: None,
        },
        _ => Coverage {
            level: Level::None,
            why: unserved(schema, table, foreign_key, counts),
            index: None,
            note: None,
            blocked: None,
        },
    }
}

/// Whether a key is over anything that the search could be by: most indexes of a table have nothing to do with a foreign
/// key, and nobody asks why.
fn may_serve(foreign_key: &ForeignKey, index: &Index) -> bool {
    let columns = &foreign_key.columns;
    index.keys.iter().any(|key| match &key.what {
        Keyed::Column(name) => columns.iter().any(|column| column.column == *name),
        Keyed::Expression(_) => key.relabels.is_some() || columns.iter().any(|column| column.search.cast.is_some()),
    })
}

/// Of two indexes that serve as well, the one of which there is nothing to be said.
fn rank(service: &Service) -> (Level, bool) {
    (service.level, service.note.is_none())
}

/// Why none of the indexes serves.
pub(super) fn unserved(schema: &Schema, table: &Table, foreign_key: &ForeignKey, counts: &Counts<'_>) -> String {
    let about = |index: &&Index| {
        counts(table, index) && concerns(foreign_key, index, &matched_keys(schema, foreign_key, index))
    };
    let reasons: Vec<String> = table
        .indexes
        .iter()
        .filter(about)
        .take(EXPLAINED)
        .map(|index| by_index(schema, table, foreign_key, index).why)
        .collect();
    match reasons.as_slice() {
        [] => format!("no index has {} among its keys", columns_in_words(foreign_key)),
        reasons => reasons.join("; "),
    }
}

/// What has to change so that an index can be of use: the type of a column that the search casts, or whose own operator
/// class does not have the operator. `None` where a plain index would do.
pub(super) fn blocked(table: &Table, foreign_key: &ForeignKey) -> Option<String> {
    let full_name = format!("{}.{}", quoted(&table.schema), quoted(&table.name));
    foreign_key.columns.iter().find_map(|column| {
        let own = table.column(&column.column)?;
        let name = named(&column.column);
        let to = match column.parent_type.as_str() {
            "" => column.search.cast.as_ref().map_or("", |cast| cast.to.as_str()),
            parent => parent,
        };
        let alter =
            format!("`ALTER TABLE {full_name} ALTER COLUMN {} TYPE {to}`", quoted(&column.column));
        let types = format!("{name} is `{}`, and the parent's {} is `{to}`", own.declared, named(&column.parent_column));
        if let Some(cast) = &column.search.cast {
            return Some(format!(
                "{types}: the search casts {name} to `{}`, so that no index on the column itself can be used. Give the \
                 column the parent's type: {alter}; or make an index on the cast, `{}`",
                cast.to, cast.expression
            ));
        }
        if let Some(class) = &column.search.class {
            return Some(format!(
                "{types}: an index on {name} by its own operator class doesn't have the operator by which the two are \
                 compared. Give the column the parent's type: {alter}; or make an index with the operator class `{class}`"
            ));
        }
        if own.collation.is_some() && column.search.collation.is_none() {
            return Some(format!(
                "{types}, each with a collation of its own: PostgreSQL can't tell by which to compare them. Give the \
                 column the parent's type: {alter}"
            ));
        }
        None
    })
}
