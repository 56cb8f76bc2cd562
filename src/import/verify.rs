//! What the database returns against what the files hold: a sum over each table, and where it is wrong, row by row.

mod prints;
mod records;

use self::prints::compared;
pub(super) use self::prints::{PrintSet, Prints};
pub(super) use self::records::by_record;
use super::ImportError;
use super::bind::{Bound, BoundTable, Cell};
use super::row::Row;
use super::seal::Seal;
use super::store::Store;
use crate::crypt::CryptError;
use crate::db::SqlError;
use crate::value::Checksum;

/// What a table of the target's held, and what came to it and went.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub before: Checksum,
    pub added: Checksum,
    pub taken: Checksum,
    pub inserted: u64,
    pub updated: u64,
    pub removed: u64,
    /// Of those that were changed, where something that was written before gave way.
    pub overwritten: u64,
    /// Whether all that write this table fill the same columns, so that a sum can be made.
    pub comparable: bool,
    pub prints: Prints,
}

impl Sum {
    pub fn add(&mut self, table: &BoundTable, row: &Row) -> Result<(), SqlError> {
        self.added.add(match row.print {
            Some(print) => print,
            None => self.prints.of(table, &row.cells)?,
        });
        self.inserted += 1;
        Ok(())
    }

    pub fn replace(&mut self, table: &BoundTable, old: &[Cell], new: &[Cell]) -> Result<(), SqlError> {
        self.taken.add(self.prints.of(table, old)?);
        self.added.add(self.prints.of(table, new)?);
        self.updated += 1;
        // where several sources fill the columns of one row, the later ones add to it
        let filled = |at: usize| {
            let column = &table.columns[at];
            let blank = old[at] == Cell::Null || column.default.as_ref() == Some(&old[at]);
            blank || column.is_made() || column.holds(&old[at], &new[at])
        };
        self.overwritten += u64::from(self.comparable || !(0..old.len()).all(filled));
        Ok(())
    }

    pub fn remove(&mut self, table: &BoundTable, old: &[Cell]) -> Result<(), SqlError> {
        self.taken.add(self.prints.of(table, old)?);
        self.removed += 1;
        Ok(())
    }

    /// What the table has to hold now.
    pub fn expected(&self) -> Checksum {
        let mut sum = self.before;
        sum += self.added;
        sum -= self.taken;
        sum
    }
}

/// The sums of the tables as they are before anything is written.
pub(super) fn before(store: &mut dyn Store, bound: &Bound) -> Result<Vec<Sum>, ImportError> {
    let mut sums = Vec::new();
    for target in 0..bound.targets.len() {
        let tables = writers(bound, target);
        let names = |table: &BoundTable| -> Vec<String> {
            compared(table).into_iter().map(|at| table.columns[at].name.clone()).collect()
        };
        let comparable = tables.iter().all(|table| names(table) == names(tables[0]));
        let before = if comparable { scan(store, tables[0])? } else { count(store, tables[0])? };
        sums.push(Sum { before, comparable, ..Sum::default() });
    }
    Ok(sums)
}

/// Finds out whether what the tables hold was encrypted with another key, before anything is written.
pub(super) fn check_key(store: &mut dyn Store, bound: &Bound) -> Result<(), ImportError> {
    for table in bound.sources.iter().flat_map(BoundTable::family) {
        for column in &table.columns {
            let Some(Seal::Encrypt(key)) = &column.seal else { continue };
            let place = format!("`{}`.`{}`", table.name, column.name);
            let failed = |source| ImportError::Key { doing: format!("decrypt what {place} holds"), source };
            // the first bytes tell the key: what begins as ours and goes on otherwise is another's
            let start: String = key.encrypt_value(b"").map_err(failed)?.chars().take(6).collect();
            let name = store.dialect().quote_identifier(&column.name);
            let of = store.dialect().quote_identifier(&table.name);
            let rows = store.sql(&format!(
                "SELECT {name} FROM {of} WHERE substr({name}, 1, 1) = '{}' AND substr({name}, 1, 6) <> '{start}' LIMIT 1000",
                &start[..1]
            ));
            let doing = || format!("look at what {place} holds");
            for value in
                rows.map_err(|source| ImportError::Sql { doing: doing(), source })?.into_iter().flatten().flatten()
            {
                if let Err(error @ (CryptError::WrongKey | CryptError::Later(_))) = key.decrypt_value(&value) {
                    return Err(failed(error));
                }
            }
        }
    }
    Ok(())
}

/// All that write a table of the target's.
pub(super) fn writers(bound: &Bound, target: usize) -> Vec<&BoundTable> {
    bound.sources.iter().flat_map(BoundTable::family).filter(|table| table.target == target).collect()
}

/// The rows of a table, and their sum.
pub(super) fn scan(store: &mut dyn Store, table: &BoundTable) -> Result<Checksum, ImportError> {
    scan_with(store, table, &mut |_| {})
}

/// The same, and values that are stored as files are read and proven; `lost` is told which are not there as they were
/// written.
pub(super) fn scan_with(
    store: &mut dyn Store,
    table: &BoundTable,
    lost: &mut dyn FnMut(String),
) -> Result<Checksum, ImportError> {
    let (mut sum, mut prints) = (Checksum::default(), Prints::default());
    let scanned = store.scan(table, &mut |cells| {
        for (column, cell) in table.columns.iter().zip(cells) {
            if let Some((vault, path)) = column.path(cell)
                && let Err(error) = vault.get(&path)
            {
                lost(format!("`{}`.`{}`: {error}", table.name, column.name));
            }
        }
        sum.add(prints.of(table, cells)?);
        Ok(())
    });
    scanned.map_err(|source| ImportError::Sql { doing: format!("read `{}` back", table.name), source })?;
    Ok(sum)
}

/// The rows of a table alone.
pub(super) fn count(store: &mut dyn Store, table: &BoundTable) -> Result<Checksum, ImportError> {
    let name = store.dialect().quote_identifier(&table.name);
    let rows = store.sql(&format!("SELECT count(*) FROM {name}"));
    let rows =
        rows.map_err(|source| ImportError::Sql { doing: format!("count the rows of `{}`", table.name), source })?;
    let rows = rows.into_iter().flatten().flatten().next().and_then(|rows| rows.parse().ok()).unwrap_or_default();
    Ok(Checksum { rows, sum: 0 })
}

/// How many differences are told one by one.
pub(super) const DIFFERENCES: usize = 20;
