//! Which indexes each table has: from the rows of `sqlite_schema` where statements made them all, else from the pragma.
//!
//! A row names its table, and its statement says whether the index is unique and partial: all that `PRAGMA index_list`
//! tells of one that was made. Of one that a constraint made, the pragma alone tells for which.

use std::collections::HashMap;

use super::asked::{Asked, AskedTable};
use super::catalog::{self, Origin, RawIndex};
use super::declaration::IndexDeclaration;
use crate::db::{SqlError, SqliteDb};

/// An index as its row of `sqlite_schema` tells of it.
pub(super) struct IndexRow {
    pub(super) name: String,
    /// Its table.
    pub(super) table: String,
    /// Empty where a constraint made it.
    pub(super) sql: String,
    /// What that says, where it can be read.
    pub(super) declared: Option<IndexDeclaration>,
}

impl IndexRow {
    /// Whether the row and its statement name one table. SQLite goes by the statement, and refuses other rows unless
    /// `writable_schema` is on.
    fn agrees(&self) -> bool {
        self.declared.as_ref().is_some_and(|declared| declared.table.eq_ignore_ascii_case(&self.table))
    }
}

/// Gives each table its indexes.
pub(super) fn list(db: &SqliteDb, asked: &mut Asked, rows: Vec<IndexRow>) -> Result<(), SqlError> {
    let of = tables_of(asked, &rows);
    let made_otherwise = |(row, of): (&IndexRow, &Of)| match of {
        Of::Nothing => true,
        Of::Special | Of::Table(_) => !row.sql.is_empty() && !row.agrees(),
    };
    let all = rows.iter().zip(&of).any(made_otherwise);
    let mut by_pragma: Vec<bool> = asked.tables.iter().map(|table| all || has_tree_of_constraint(table)).collect();
    for (row, of) in rows.iter().zip(&of) {
        if let Of::Table(at) = of
            && row.sql.is_empty()
        {
            by_pragma[*at] = true;
        }
    }
    let mut made = HashMap::new();
    for (row, of) in rows.into_iter().zip(of) {
        match (of, row.declared) {
            (Of::Table(at), Some(declared)) if !by_pragma[at] => asked.tables[at].raw.indexes.push(RawIndex {
                name: row.name,
                unique: declared.unique,
                origin: Origin::Created,
                partial: declared.predicate.is_some(),
                terms: Vec::new(),
                sql: row.sql,
                declared: Some(declared),
            }),
            (_, declared) => {
                made.insert(row.name, (row.sql, declared));
            }
        }
    }
    for (table, _) in asked.tables.iter_mut().zip(by_pragma).filter(|(_, by_pragma)| *by_pragma) {
        table.raw.indexes = catalog::indexes(db, &table.name)?;
        for index in table.raw.indexes.iter_mut().filter(|index| index.origin == Origin::Created) {
            if let Some((sql, declared)) = made.remove(&index.name) {
                (index.sql, index.declared) = (sql, declared);
            }
        }
    }
    Ok(())
}

/// Whose an index is.
#[derive(Clone, Copy)]
enum Of {
    /// Of the table at this place.
    Table(usize),
    /// Of one whose indexes nobody asks for.
    Special,
    /// Of none that there is.
    Nothing,
}

/// The table that each row names.
fn tables_of(asked: &Asked, rows: &[IndexRow]) -> Vec<Of> {
    let tables = asked.tables.iter().enumerate().map(|(at, table)| (table.name.as_str(), Of::Table(at)));
    let special = asked.special.iter().map(|special| (special.name.as_str(), Of::Special));
    let places: HashMap<&str, Of> = tables.chain(special).collect();
    // those of one table mostly stand together
    let mut last = ("", Of::Nothing);
    let of = rows.iter().map(|row| {
        if row.table != last.0 {
            last = (&row.table, places.get(row.table.as_str()).copied().unwrap_or(Of::Nothing));
        }
        last.1
    });
    of.collect()
}

/// Whether a constraint has, or may have, made an index of the table.
fn has_tree_of_constraint(table: &AskedTable) -> bool {
    let Ok(declared) = &table.declared else { return true };
    let mut key = table.raw.columns.iter().filter(|column| column.key > 0);
    // https://www.sqlite.org/lang_createtable.html#rowid: of just this type it is the rowid
    let is_rowid = match (key.next(), key.next()) {
        (None, _) => true,
        (Some(column), None) => column.declared.eq_ignore_ascii_case("INTEGER"),
        (Some(_), Some(_)) => false,
    };
    table.listed.without_rowid || !declared.uniques.is_empty() || !is_rowid
}
