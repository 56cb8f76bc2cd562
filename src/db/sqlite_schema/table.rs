//! A table and its columns, from the pragmas and the statement together.

use super::catalog::{Listed, RawColumn, RawTable};
use super::declaration::{Declaration, DeclaredColumn};
use super::{foreign_keys, text, unreadable};
use crate::db::{SqlError, SqliteDb};
use crate::schema::{Column, ForeignKey, Generated, Table};

/// The table without its statement, its keys and indexes, and what its statement says of those.
pub(super) fn build(
    name: &str,
    said: Result<Declaration, String>,
    raw: &RawTable,
    listed: Listed,
) -> Result<(Table, Declaration), SqlError> {
    let mut declared = said.map_err(|why| unreadable(name, &why))?;
    let same = |(raw, declared): (&RawColumn, &DeclaredColumn)| raw.name == declared.name;
    if declared.columns.len() != raw.columns.len() || !raw.columns.iter().zip(&declared.columns).all(same) {
        return Err(unreadable(name, "its statement and SQLite's list of its columns do not agree"));
    }
    let mut columns = Vec::with_capacity(raw.columns.len());
    for (raw, declared) in raw.columns.iter().zip(std::mem::take(&mut declared.columns)) {
        columns.push(column(name, raw, declared, listed)?);
    }
    let table = Table {
        name: name.to_owned(),
        strict: listed.strict,
        without_rowid: listed.without_rowid,
        autoincrement: declared.autoincrement,
        checks: std::mem::take(&mut declared.checks),
        columns,
        ..Table::default()
    };
    Ok((table, declared))
}

/// The table as far as SQLite's lists tell of it, for a statement that can't be read: without names of constraints,
/// CHECKs and the expressions of generated columns.
pub(super) fn undeclared(
    db: &SqliteDb,
    name: &str,
    raw: &mut RawTable,
    listed: Listed,
) -> Result<(Table, Declaration, Vec<ForeignKey>), SqlError> {
    let mut columns = Vec::with_capacity(raw.columns.len());
    for raw in &raw.columns {
        let declared = DeclaredColumn {
            name: raw.name.clone(),
            declared: raw.declared.clone(),
            collation: text::collation(&db.collation(name, &raw.name)?),
            generated: raw.generated.then(|| "?".to_owned()),
        };
        columns.push(column(name, raw, declared, listed)?);
    }
    let (strict, without_rowid) = (listed.strict, listed.without_rowid);
    let table = Table { name: name.to_owned(), strict, without_rowid, columns, ..Table::default() };
    let declared = foreign_keys::undeclared(raw);
    let keys = foreign_keys::unresolved(&table, raw, declared)?;
    Ok((table, Declaration::default(), keys))
}

fn column(table: &str, raw: &RawColumn, declared: DeclaredColumn, listed: Listed) -> Result<Column, SqlError> {
    let generated = match (raw.generated, declared.generated) {
        (true, Some(expression)) => Some(Generated { expression, stored: raw.stored }),
        (false, None) => None,
        _ => {
            let why = format!("whether its column `{}` is generated can't be told", raw.name);
            return Err(unreadable(table, &why));
        }
    };
    // the pragma gives the standard types in upper case, whatever was written
    let as_written = declared.declared.eq_ignore_ascii_case(&raw.declared);
    Ok(Column {
        affinity: text::affinity(&raw.declared, listed.strict),
        declared: if as_written { declared.declared } else { raw.declared.clone() },
        not_null: raw.not_null || (raw.key > 0 && (listed.strict || listed.without_rowid)),
        default: raw.default.as_deref().map(text::default),
        collation: declared.collation,
        generated,
        name: declared.name,
    })
}
