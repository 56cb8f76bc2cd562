//! A table's primary key, its UNIQUE constraints, its indexes, and the name of its rowid.

use std::collections::HashMap;

use super::catalog::{Origin, RawIndex, RawTable};
use super::declaration::{Declaration, DeclaredKey, IndexDeclaration};
use super::{Reading, text, unreadable};
use crate::db::SqlError;
use crate::schema::{Index, IndexTerm, Indexed, KeyColumn, PrimaryKey, Table, Unique};

pub(super) fn fill(
    table: &mut Table,
    raw: &RawTable,
    declared: &Declaration,
    index_texts: &HashMap<&str, &str>,
    reading: Reading,
) -> Result<(), SqlError> {
    table.primary_key = primary_key(table, raw, declared)?;
    let mut uniques: Vec<&RawIndex> = raw.indexes.iter().filter(|index| index.origin == Origin::Unique).collect();
    // the pragma lists the newest first, those with ON CONFLICT REPLACE last; the names are numbered as declared
    uniques.sort_by_key(|index| index.name.rsplit('_').next().and_then(|number| number.parse::<u32>().ok()));
    for index in uniques {
        let columns = key_columns(&table.name, index)?;
        let name = name_of(&columns, declared.uniques.iter());
        table.uniques.push(Unique { name, columns, index: index.name.clone() });
    }
    // these too are listed newest first
    let mut created: Vec<&RawIndex> = raw.indexes.iter().filter(|index| index.origin == Origin::Created).collect();
    created.reverse();
    for index in created {
        let sql = index_texts.get(index.name.as_str()).copied().unwrap_or_default();
        table.indexes.push(build_index(table, index, sql, reading)?);
    }
    table.rowid = rowid(table);
    Ok(())
}

fn primary_key(table: &Table, raw: &RawTable, declared: &Declaration) -> Result<Option<PrimaryKey>, SqlError> {
    let mut parts: Vec<_> = raw.columns.iter().filter(|column| column.key > 0).collect();
    parts.sort_by_key(|column| column.key);
    let name = || declared.primary_key.as_ref().and_then(|key| key.name.clone());
    match (raw.indexes.iter().find(|index| index.origin == Origin::PrimaryKey), parts.as_slice()) {
        (None, []) => Ok(None),
        (Some(index), [_, ..]) => {
            let columns = key_columns(&table.name, index)?;
            Ok(Some(PrimaryKey { name: name(), columns, rowid_alias: false, index: Some(index.name.clone()) }))
        }
        // the rowid is its own index
        (None, [column]) if !table.without_rowid => {
            let column = KeyColumn { name: column.name.clone(), ..KeyColumn::default() };
            Ok(Some(PrimaryKey { name: name(), columns: vec![column], rowid_alias: true, index: None }))
        }
        _ => Err(unreadable(&table.name, "its primary key and SQLite's index for it do not agree")),
    }
}

fn key_columns(table: &str, index: &RawIndex) -> Result<Vec<KeyColumn>, SqlError> {
    let column = |term: &super::catalog::RawTerm| {
        let name = term.column.clone()?;
        Some(KeyColumn { name, descending: term.descending, collation: text::collation(&term.collation) })
    };
    let columns: Option<Vec<_>> = index.terms.iter().map(column).collect();
    columns.ok_or_else(|| unreadable(table, "a key of it is over something other than columns"))
}

/// The name of the constraint over just these columns. Where there are several, SQLite has made one index for them.
fn name_of<'a>(columns: &[KeyColumn], declared: impl Iterator<Item = &'a DeclaredKey>) -> Option<String> {
    let same_collation = |one: &Option<String>, other: &Option<String>| match (one, other) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (one, other) => one == other,
    };
    let same = |key: &&DeclaredKey| {
        key.columns.len() == columns.len()
            && key.columns.iter().zip(columns).all(|((name, collation), column)| {
                name.eq_ignore_ascii_case(&column.name) && same_collation(collation, &column.collation)
            })
    };
    declared.filter(same).find_map(|key| key.name.clone())
}

fn build_index(table: &Table, raw: &RawIndex, sql: &str, reading: Reading) -> Result<Index, SqlError> {
    let agrees = |declared: &IndexDeclaration| {
        declared.terms.len() == raw.terms.len() && declared.predicate.is_some() == raw.partial
    };
    let (terms, predicate) = match raw.declared.as_ref().filter(|declared| agrees(declared)) {
        Some(declared) => (declared.terms.clone(), declared.predicate.clone()),
        None if reading == Reading::Leniently => {
            (vec!["?".to_owned(); raw.terms.len()], raw.partial.then(|| "?".to_owned()))
        }
        None => {
            let why = format!("the statement of its index `{}` makes no sense", raw.name);
            return Err(unreadable(&table.name, &why));
        }
    };
    let term = |(raw, written): (&super::catalog::RawTerm, String)| IndexTerm {
        what: raw.column.clone().map_or(Indexed::Expression(written), Indexed::Column),
        descending: raw.descending,
        collation: text::collation(&raw.collation),
    };
    Ok(Index {
        name: raw.name.clone(),
        unique: raw.unique,
        terms: raw.terms.iter().zip(terms).map(term).collect(),
        predicate,
        sql: sql.to_owned(),
    })
}

fn rowid(table: &Table) -> Option<String> {
    if table.without_rowid {
        return None;
    }
    let free = ["rowid", "_rowid_", "oid"].into_iter().find(|name| table.column(name).is_none());
    free.or_else(|| table.rowid_alias()).map(str::to_owned)
}
