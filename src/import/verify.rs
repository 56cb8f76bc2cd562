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
use super::store::{EachOfPart, Store};
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
pub(super) fn before(store: &mut dyn Store, bound: &Bound, threads: usize) -> Result<Vec<Sum>, ImportError> {
    let mut sums = Vec::new();
    for target in 0..bound.targets.len() {
        let tables = writers(bound, target);
        let names = |table: &BoundTable| -> Vec<String> {
            compared(table).into_iter().map(|at| table.columns[at].name.clone()).collect()
        };
        let comparable = tables.iter().all(|table| names(table) == names(tables[0]));
        let before = if comparable { scan(store, tables[0], threads)?.0 } else { count(store, tables[0])? };
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

/// The rows of a table, and their sum, read by up to so many threads. Values that are stored as files are read and proven
/// too; the first that are not there as they were written are told.
pub(super) fn scan(
    store: &mut dyn Store,
    table: &BoundTable,
    threads: usize,
) -> Result<(Checksum, Vec<String>), ImportError> {
    let mut parts: Vec<Part> = (0..threads.clamp(1, THREADS)).map(|_| Part::default()).collect();
    let mut each: Vec<_> =
        parts.iter_mut().map(|part| |number: usize, cells: &[Cell]| part.take(table, number, cells)).collect();
    let mut each: Vec<EachOfPart<'_>> = each.iter_mut().map(|each| each as EachOfPart<'_>).collect();
    let scanned = store.scan_apart(table, &mut each);
    scanned.map_err(|source| ImportError::Sql { doing: format!("read `{}` back", table.name), source })?;
    let mut lost: Vec<(usize, String)> = parts.iter_mut().flat_map(|part| std::mem::take(&mut part.lost)).collect();
    lost.sort_by_key(|(number, _)| *number);
    let lost = lost.into_iter().take(DIFFERENCES).map(|(_, text)| text).collect();
    Ok((parts.iter().map(|part| part.sum).sum(), lost))
}

/// More threads than that read a table back no sooner, and each has a connection.
const THREADS: usize = 8;

/// What one of the threads makes of a table's rows.
#[derive(Default)]
struct Part {
    sum: Checksum,
    prints: Prints,
    /// With the numbers of the parts that they are in.
    lost: Vec<(usize, String)>,
}

impl Part {
    fn take(&mut self, table: &BoundTable, number: usize, cells: &[Cell]) -> Result<(), SqlError> {
        for (column, cell) in table.columns.iter().zip(cells) {
            if let Some((vault, path)) = column.path(cell)
                && let Err(error) = vault.get(&path)
                && self.lost.len() < DIFFERENCES
            {
                self.lost.push((number, format!("`{}`.`{}`: {error}", table.name, column.name)));
            }
        }
        self.sum.add(self.prints.of(table, cells)?);
        Ok(())
    }
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
