//! What the database returns against what the files hold: a sum over each table, and where it is wrong, row by row.

mod prints;

use self::prints::compared;
pub(super) use self::prints::{PrintSet, Prints};
use super::ImportError;
use super::bind::{Bound, BoundTable, Cell, cut};
use super::books;
use super::load::{Job, Readers, fill_parents};
use super::row::{Item, Row};
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

/// Reads files again and looks each of their records' rows up: where they are not what the file says, that is told, for
/// each of the target's tables. Gives for each file whether all are right.
pub(super) fn by_record(
    store: &mut dyn Store,
    readers: &Readers<'_>,
    jobs: &[&Job],
    found: &mut [Vec<String>],
) -> Result<Vec<bool>, ImportError> {
    let mut all = Vec::with_capacity(jobs.len());
    for job in jobs {
        let mut right = true;
        let table = &readers.bound.sources[job.source];
        let mut items: Vec<Item> = Vec::new();
        let (mut first, mut failure) = (0, None);
        let job = Job { skip: 0, ..(*job).clone() };
        let done = job.book.done;
        readers.records(&job, &mut |mapped| {
            let look = || -> Result<(), ImportError> {
                if mapped.position >= done {
                    return Ok(());
                }
                if mapped.position >= first + items.len() as u64 {
                    first = mapped.position;
                    items = books::items(store, job.book.id, first)?;
                }
                let item = usize::try_from(mapped.position - first).ok().and_then(|at| items.get(at));
                let (Ok(row), Some(item)) = (mapped.what, item) else { return Ok(()) };
                // its row is another's, or it has none
                if !item.has_row() {
                    return Ok(());
                }
                let place = match row.left.pointer.clone() {
                    Some(pointer) => format!("{}: {pointer}", job.file.path),
                    None => format!("{}: record {}", job.file.path, mapped.position),
                };
                right &= check(store, table, row, item, None, &place, found)?;
                Ok(())
            };
            match look() {
                Ok(()) => std::ops::ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    std::ops::ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        all.push(right);
    }
    Ok(all)
}

/// Looks a record's rows up, and says whether they are right.
fn check(
    store: &mut dyn Store,
    table: &BoundTable,
    mut row: Row,
    item: &Item,
    parent: Option<(&BoundTable, &[Cell])>,
    place: &str,
    found: &mut [Vec<String>],
) -> Result<bool, ImportError> {
    let mut right = true;
    let mut tell = |text: String| {
        right = false;
        if found[table.target].len() < DIFFERENCES {
            found[table.target].push(text);
        }
    };
    let key: Vec<String> = item.key.iter().map(ToString::to_string).collect();
    let name = format!("{place} → `{}` {}", table.name, key.join(", "));
    let Some(cells) = item.cells(table) else {
        tell(format!("{name}: its key can't be looked up"));
        return Ok(false);
    };
    let rows = store.rows(table, &table.key, &cells);
    let rows = rows.map_err(|source| ImportError::Sql { doing: format!("read `{}` back", table.name), source })?;
    let Some(there) = rows.into_iter().next() else {
        tell(format!("{name}: the row is missing"));
        return Ok(false);
    };
    if let Some((above, cells)) = parent
        && let Err(reason) = fill_parents(above, table, cells, &mut row.cells)
    {
        tell(format!("{name}: {reason}"));
    }
    for (at, column) in table.columns.iter().enumerate() {
        if let Some((vault, path)) = column.path(&there[at])
            && let Err(error) = vault.get(&path)
        {
            tell(format!("{name}: `{}`: {error}", column.name));
        }
        if column.is_exempt() || column.is_kept() || column.is_of(&there[at], &row.cells[at], row.plain(at)) {
            continue;
        }
        if column.seal.is_some() {
            tell(format!("{name}: `{}` was made of another value, or with another key", column.name));
            continue;
        }
        let (expected, is) = (column.kind.restore(&row.cells[at]), column.kind.restore(&there[at]));
        tell(format!("{name}: `{}` is {}, and should be {}", column.name, cut(&is), cut(&expected)));
    }
    for ((child, rows), items) in table.children.iter().zip(row.children).zip(&item.children) {
        for (row, item) in rows.into_iter().zip(items) {
            right &= check(store, &child.table, row, item, Some((table, &there)), place, found)?;
        }
    }
    Ok(right)
}
