//! Foreign keys, and what each of them has to point to.

use std::collections::HashMap;

use super::catalog::{RawForeignKey, RawIndex, RawTable};
use super::declaration::DeclaredForeignKey;
use crate::schema::{Deferral, ForeignKey, ParentState, Table};

/// Whether the keys that SQLite lists are those of the statement.
pub(super) fn agree(raw: &[RawForeignKey], declared: &[DeclaredForeignKey]) -> bool {
    let same = |(raw, declared): (&RawForeignKey, &DeclaredForeignKey)| {
        raw.columns.len() == declared.columns.len()
            && raw.columns.iter().zip(&declared.columns).all(|(raw, written)| raw.eq_ignore_ascii_case(written))
    };
    raw.len() == declared.len() && raw.iter().zip(declared).all(same)
}

/// A table's foreign keys as declared: parents by the names written there, and where their columns are left out, none.
pub(super) fn unresolved(raw: &mut RawTable, declared: Vec<DeclaredForeignKey>) -> Vec<ForeignKey> {
    let key = |(raw, declared): (RawForeignKey, DeclaredForeignKey)| ForeignKey {
        name: declared.name,
        columns: raw.columns,
        parent: raw.parent,
        parent_columns: raw.parent_columns.into_iter().flatten().collect(),
        on_delete: raw.on_delete,
        on_update: raw.on_update,
        deferral: declared.deferral,
        parent_state: ParentState::Ok,
    };
    std::mem::take(&mut raw.foreign_keys).into_iter().zip(declared).map(key).collect()
}

/// What SQLite's list tells of foreign keys, for a table whose statement can't be read: no names, no deferral.
pub(super) fn undeclared(raw: &RawTable) -> Vec<DeclaredForeignKey> {
    let key = |raw: &RawForeignKey| DeclaredForeignKey {
        name: None,
        columns: raw.columns.clone(),
        deferral: Deferral::NotDeferrable,
    };
    raw.foreign_keys.iter().map(key).collect()
}

/// Gives each table its foreign keys, with the parents looked up as SQLite does (`sqlite3FkLocateIndex`). A view or a
/// virtual table is no parent. `unique` are the unique indexes of each table.
pub(super) fn resolve(tables: &mut [Table], unique: &[Vec<RawIndex>], keys: Vec<Vec<ForeignKey>>) {
    let places: HashMap<String, usize> =
        tables.iter().enumerate().map(|(at, table)| (table.name.to_ascii_lowercase(), at)).collect();
    for (child, mut keys) in keys.into_iter().enumerate() {
        for key in &mut keys {
            match places.get(&key.parent.to_ascii_lowercase()) {
                None => key.parent_state = ParentState::MissingTable,
                Some(&parent) => point(key, &tables[parent], &unique[parent]),
            }
        }
        tables[child].foreign_keys = keys;
    }
}

fn point(key: &mut ForeignKey, parent: &Table, indexes: &[RawIndex]) {
    key.parent.clone_from(&parent.name);
    if key.parent_columns.is_empty() {
        // the primary key, whatever its collations
        let primary = parent.primary_key.as_ref().map_or(&[][..], |primary| primary.columns.as_slice());
        if primary.len() == key.columns.len() {
            key.parent_columns = primary.iter().map(|column| column.name.clone()).collect();
        } else {
            key.parent_state = ParentState::MissingColumn;
        }
        return;
    }
    let declared = key.parent_columns.iter().map(|name| parent.column(name).map(|column| column.name.clone()));
    let Some(columns) = declared.collect::<Option<Vec<_>>>() else {
        key.parent_state = ParentState::MissingColumn;
        return;
    };
    key.parent_columns = columns;
    let is_rowid = matches!(key.parent_columns.as_slice(), [column] if parent.rowid_alias() == Some(column));
    if !is_rowid && !indexes.iter().any(|index| covers(index, &key.parent_columns, parent)) {
        key.parent_state = ParentState::NotUnique;
    }
}

/// Whether the index makes just these columns unique, by the collations that they have of their own.
fn covers(index: &RawIndex, columns: &[String], parent: &Table) -> bool {
    let term_fits = |term: &super::catalog::RawTerm| {
        let Some(column) = term.column.as_deref().filter(|name| columns.iter().any(|wanted| wanted == name)) else {
            return false;
        };
        match (&term.collation, parent.column(column).and_then(|column| column.collation.as_ref())) {
            (Some(term), Some(own)) => term.eq_ignore_ascii_case(own),
            (term, own) => term.is_none() && own.is_none(),
        }
    };
    index.unique
        && !index.partial
        && index.terms.len() == columns.len()
        && columns.iter().all(|wanted| index.terms.iter().any(|term| term.column.as_ref() == Some(wanted)))
        && index.terms.iter().all(term_fits)
}
