//! A table's primary key, its UNIQUE constraints, its indexes, and the name of its rowid.

use super::catalog::{Origin, RawIndex, RawTable, RawTerm};
use super::declaration::{Declaration, DeclaredKey, IndexDeclaration};
use super::{Reading, unreadable};
use crate::db::SqlError;
use crate::schema::{Index, IndexTerm, Indexed, KeyColumn, PrimaryKey, Table, Unique};

/// Gives the table its keys and indexes; the unique ones among SQLite's come back, for those who refer to them.
pub(super) fn fill(
    table: &mut Table,
    raw: RawTable,
    declared: &Declaration,
    reading: Reading,
) -> Result<Vec<RawIndex>, SqlError> {
    table.primary_key = primary_key(table, &raw, declared)?;
    let mut unique = Vec::new();
    let mut constraints: Vec<RawIndex> = Vec::new();
    for index in raw.indexes {
        match index.origin {
            Origin::Created => {
                if index.unique {
                    unique.push(RawIndex {
                        terms: index.terms.clone(),
                        name: String::new(),
                        sql: String::new(),
                        declared: None,
                        ..index
                    });
                }
                table.indexes.push(build_index(table, index, reading)?);
            }
            Origin::Unique => constraints.push(index),
            Origin::PrimaryKey => unique.push(index),
        }
    }
    // those with ON CONFLICT REPLACE are listed last; the names are numbered as declared
    constraints.sort_by_key(|index| index.name.rsplit('_').next().and_then(|number| number.parse::<u32>().ok()));
    for index in &constraints {
        let columns = key_columns(&table.name, index)?;
        let name = name_of(&columns, declared.uniques.iter());
        table.uniques.push(Unique { name, columns, index: index.name.clone() });
    }
    unique.extend(constraints);
    table.rowid = rowid(table);
    Ok(unique)
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
    let column = |term: &RawTerm| {
        let name = term.column.clone()?;
        Some(KeyColumn { name, descending: term.descending, collation: term.collation.clone() })
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

fn build_index(table: &Table, raw: RawIndex, reading: Reading) -> Result<Index, SqlError> {
    let agrees = |declared: &IndexDeclaration| {
        declared.terms.len() == raw.terms.len() && declared.predicate.is_some() == raw.partial
    };
    let (terms, predicate) = match raw.declared.filter(agrees) {
        Some(declared) => (declared.terms, declared.predicate),
        None if reading == Reading::Leniently => {
            (vec!["?".to_owned(); raw.terms.len()], raw.partial.then(|| "?".to_owned()))
        }
        None => {
            let why = format!("the statement of its index `{}` makes no sense", raw.name);
            return Err(unreadable(&table.name, &why));
        }
    };
    let term = |(raw, written): (RawTerm, String)| IndexTerm {
        what: raw.column.map_or(Indexed::Expression(written), Indexed::Column),
        descending: raw.descending,
        collation: raw.collation,
    };
    Ok(Index {
        name: raw.name,
        unique: raw.unique,
        terms: raw.terms.into_iter().zip(terms).map(term).collect(),
        predicate,
        sql: raw.sql,
    })
}

fn rowid(table: &Table) -> Option<String> {
    if table.without_rowid {
        return None;
    }
    let free = ["rowid", "_rowid_", "oid"].into_iter().find(|name| table.column(name).is_none());
    free.or_else(|| table.rowid_alias()).map(str::to_owned)
}
