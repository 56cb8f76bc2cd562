//! A table and its columns, from the pragmas and the statement together.

use super::catalog::{Listed, RawColumn, RawTable};
use super::declaration::{Declaration, DeclaredColumn};
use super::{foreign_keys, text};
use crate::schema::{Column, ForeignKey, Generated, Table};

/// Where the statement does not agree with what the pragmas tell; nothing where it does.
pub(super) fn disagreement(declared: &Declaration, raw: &RawTable) -> Option<String> {
    let same = |(raw, declared): (&RawColumn, &DeclaredColumn)| raw.name == declared.name;
    if declared.columns.len() != raw.columns.len() || !raw.columns.iter().zip(&declared.columns).all(same) {
        return Some("its statement and SQLite's list of its columns do not agree".to_owned());
    }
    let mut columns = raw.columns.iter().zip(&declared.columns);
    if let Some((raw, _)) = columns.find(|(raw, declared)| raw.generated != declared.generated.is_some()) {
        return Some(format!("whether its column `{}` is generated can't be told", raw.name));
    }
    (!foreign_keys::agree(&raw.foreign_keys, &declared.foreign_keys))
        .then(|| "its statement and SQLite's list of its foreign keys do not agree".to_owned())
}

/// The table without its statement, its keys and indexes. The statement agrees.
pub(super) fn build(name: String, declared: &mut Declaration, raw: &RawTable, listed: Listed) -> Table {
    let columns = std::mem::take(&mut declared.columns);
    Table {
        name,
        strict: listed.strict,
        without_rowid: listed.without_rowid,
        autoincrement: declared.autoincrement,
        checks: std::mem::take(&mut declared.checks),
        columns: raw.columns.iter().zip(columns).map(|(raw, declared)| column(raw, declared, listed)).collect(),
        ..Table::default()
    }
}

/// The table as far as SQLite's lists tell of it, for a statement that can't be read: without names of constraints,
/// CHECKs and the expressions of generated columns.
pub(super) fn undeclared(name: String, raw: &mut RawTable, listed: Listed) -> (Table, Declaration, Vec<ForeignKey>) {
    let collations = std::mem::take(&mut raw.collations);
    let columns = raw.columns.iter().zip(collations).map(|(raw, collation)| {
        let declared = DeclaredColumn {
            name: raw.name.clone(),
            declared: raw.declared.clone(),
            collation,
            generated: raw.generated.then(|| "?".to_owned()),
        };
        column(raw, declared, listed)
    });
    let (strict, without_rowid) = (listed.strict, listed.without_rowid);
    let table = Table { name, strict, without_rowid, columns: columns.collect(), ..Table::default() };
    let declared = foreign_keys::undeclared(raw);
    (table, Declaration::default(), foreign_keys::unresolved(raw, declared))
}

fn column(raw: &RawColumn, declared: DeclaredColumn, listed: Listed) -> Column {
    // the pragma gives the standard types in upper case, whatever was written
    let as_written = declared.declared.eq_ignore_ascii_case(&raw.declared);
    Column {
        affinity: text::affinity(&raw.declared, listed.strict),
        declared: if as_written { declared.declared } else { raw.declared.clone() },
        not_null: raw.not_null || (raw.key > 0 && (listed.strict || listed.without_rowid)),
        default: raw.default.as_deref().map(text::default),
        collation: declared.collation,
        generated: declared.generated.map(|expression| Generated { expression, stored: raw.stored }),
        name: declared.name,
    }
}
