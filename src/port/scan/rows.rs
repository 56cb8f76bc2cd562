//! In which order a table's rows are read, what a row is called in a message, and where batches may end.

use super::affected::{Affected, Room};
use crate::Dialect;
use crate::db::Row;
use crate::port::batch::{Key, KeyValue};
use crate::schema::Table;
use crate::value::SqlValue;

/// What tells the rows of a table apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKey {
    /// The rowid, under the name by which it can be asked for, as it is written in SQL.
    Rowid(String),
    /// The primary key of a table without rowids, its columns' names in order; ranges of it can be read where it is
    /// `ordered` (ascending by bytes), for only then do ranges and comparisons agree.
    Primary {
        /// Names as declared.
        columns: Vec<String>,
        /// Whether ranges of it can be read.
        ordered: bool,
    },
    /// Nothing: a column hides every name of the rowid.
    Nothing,
}

impl RowKey {
    /// What tells the rows of `table` apart.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        if let Some(alias) = table.rowid_alias() {
            return Self::Rowid(quote(alias));
        }
        match (&table.rowid, &table.primary_key) {
            (Some(name), _) => Self::Rowid(name.clone()),
            (None, Some(key)) if table.without_rowid => Self::Primary {
                columns: key.columns.iter().map(|column| column.name.clone()).collect(),
                ordered: key.columns.iter().all(|column| !column.descending && column.collation.is_none()),
            },
            _ => Self::Nothing,
        }
    }

    /// The key's columns as they are written in SQL.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        match self {
            Self::Rowid(name) => vec![name.clone()],
            Self::Primary { columns, .. } => columns.iter().map(|name| quote(name)).collect(),
            Self::Nothing => Vec::new(),
        }
    }

    /// Whether ranges of rows can be read by it.
    #[must_use]
    pub fn has_ranges(&self) -> bool {
        matches!(self, Self::Rowid(_) | Self::Primary { ordered: true, .. })
    }

    /// The SELECT of `columns` (as they are written in SQL) of all rows in the key's order, the key's columns first.
    #[must_use]
    pub fn select(&self, table: &Table, columns: &[String]) -> String {
        let mut listed = self.columns();
        let order = if self.has_ranges() { format!(" ORDER BY {}", listed.join(", ")) } else { String::new() };
        listed.extend_from_slice(columns);
        if listed.is_empty() {
            listed.push("NULL".to_owned());
        }
        format!("SELECT {} FROM main.{}{order}", listed.join(", "), quote(&table.name))
    }

    /// The key of a row that [`RowKey::select`] gives; `None` where no batch may end at it.
    ///
    /// In a database in UTF-16, text that is no valid UTF-16 is read with U+FFFD in its place, and so can't be found
    /// again: no batch ends there.
    #[must_use]
    pub fn key(&self, row: &Row<'_>) -> Option<Key> {
        let count = if self.has_ranges() { self.columns().len() } else { 0 };
        let values = (0..count).map(|at| match row.get(at) {
            SqlValue::Text(text) if text.windows(3).any(|bytes| bytes == "\u{fffd}".as_bytes()) => None,
            value => KeyValue::new(value),
        });
        values.collect::<Option<Vec<_>>>().filter(|values| !values.is_empty())
    }

    /// What a row is called in a message; `number` is its place in the order of reading, from 1.
    #[must_use]
    pub fn label(&self, row: &Row<'_>, number: u64) -> String {
        match self {
            Self::Rowid(_) => format!("rowid {}", super::show(row.get(0))),
            Self::Primary { columns, .. } => format!("key {}", show_values(columns.len(), row)),
            Self::Nothing => format!("row {number} in the order of reading"),
        }
    }
}

/// The first values of a row, as a person reads them.
fn show_values(count: usize, row: &Row<'_>) -> String {
    let values: Vec<String> = (0..count).map(|at| super::show(row.get(at))).collect();
    match values.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    }
}

/// A row on its way through a scan: what it is known by.
#[derive(Debug)]
pub struct Place<'a, 'r> {
    /// What tells the rows of its table apart.
    pub key: &'a RowKey,
    /// The row, its key's columns first.
    pub row: &'a Row<'r>,
    /// Its place in the order of reading, from 1.
    pub number: u64,
    /// How much is kept of rows with the same fault.
    pub room: Room,
}

impl Place<'_, '_> {
    /// What the row is called in a message.
    #[must_use]
    pub fn label(&self) -> String {
        self.key.label(self.row, self.number)
    }

    /// Keeps the row.
    pub(super) fn keep(&self, affected: &mut Affected) {
        let count = match self.key {
            RowKey::Rowid(_) => 1,
            RowKey::Primary { columns, .. } => columns.len(),
            RowKey::Nothing => return affected.add_key(|| self.label(), self.room),
        };
        match self.row.get(0) {
            SqlValue::Integer(row) if count == 1 => affected.add(row, self.room),
            _ => affected.add_key(|| show_values(count, self.row), self.room),
        }
    }
}

/// A name as SQLite reads it.
pub(super) fn quote(name: &str) -> String {
    Dialect::Sqlite.quote_identifier(name)
}
