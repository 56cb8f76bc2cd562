//! Hashes of rows and of their keys.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::db::SqlError;
use crate::import::bind::{BoundTable, Cell, Fill};
use crate::value::row_hash;

/// The columns that are compared, by name.
pub(super) fn compared(table: &BoundTable) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..table.columns.len()).filter(|at| !table.columns[*at].is_exempt()).collect();
    columns.sort_by(|a, b| table.columns[*a].name.cmp(&table.columns[*b].name));
    columns
}

/// Makes hashes; what is the same for every row of a table is worked out once.
#[derive(Debug, Clone, Default)]
pub(in crate::import) struct Prints {
    /// The tables that were met.
    tables: Vec<Known>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Known {
    number: usize,
    compared: Vec<usize>,
    /// Nothing of its rows is known to the writer alone.
    is_final: bool,
}

impl Prints {
    fn known(&mut self, table: &BoundTable) -> usize {
        let known = self.tables.iter().position(|known| known.number == table.number);
        known.unwrap_or_else(|| {
            let later = |fill: &Fill| matches!(fill, Fill::Parent(_) | Fill::Number);
            let is_final = !table.key_is_made() && !table.columns.iter().any(|column| later(&column.fill));
            self.tables.push(Known { number: table.number, compared: compared(table), is_final });
            self.tables.len() - 1
        })
    }

    /// Of a row, by the columns that are compared.
    pub fn of(&mut self, table: &BoundTable, cells: &[Cell]) -> Result<u128, SqlError> {
        let known = self.known(table);
        self.bytes.clear();
        for at in &self.tables[known].compared {
            table.columns[*at].canonical(&cells[*at], &mut self.bytes)?;
        }
        Ok(row_hash(&self.bytes))
    }

    /// The same, where the row is written as it is here, unless one is there already.
    pub fn of_final(&mut self, table: &BoundTable, cells: &[Cell]) -> Option<u128> {
        let known = self.known(table);
        if self.tables[known].is_final { self.of(table, cells).ok() } else { None }
    }

    /// Of a row's key and the table that it is for, where the key is not made by the writer.
    pub fn key(&mut self, table: &BoundTable, cells: &[Cell]) -> Option<u128> {
        if table.key_is_made() {
            return None;
        }
        self.bytes.clear();
        self.bytes.push(u8::try_from(table.target % 256).unwrap_or_default());
        for at in &table.key {
            table.columns[*at].kind.canonical(&cells[*at], &mut self.bytes).ok()?;
        }
        Some(xxhash_rust::xxh3::xxh3_128(&self.bytes))
    }
}

/// Hashes, each once.
pub(in crate::import) type PrintSet = HashSet<u128, BuildHasherDefault<Itself>>;

/// What is a hash already needs no other.
#[derive(Debug, Default)]
pub(in crate::import) struct Itself(u64);

impl Hasher for Itself {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, print: u128) {
        self.0 = print as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
