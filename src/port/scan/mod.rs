//! The scan: every value of every column, once; again only for columns that are not what they are declared.

mod affected;
mod broken;
mod column;
mod estimate;
mod keys;
mod result;
mod rows;
mod show;

pub use affected::{Affected, Room};
pub use broken::{broken_checks, broken_foreign_key, rows_with_null};
pub use estimate::rows_about;
pub use keys::{KeyPart, class_collisions, key_collisions};
pub use result::{ColumnScan, EXAMPLES, TableScan, Tally, Verdict};
pub use rows::{Place, RowKey};
pub use show::show;

use std::ops::ControlFlow;

use crate::db::{Row, SqlError, SqliteDb};
use crate::interrupt::Interrupt;
use crate::port::batch::{Batch, BatchSize, Key};
use crate::port::plan::candidates::Candidates;
use crate::port::progress::{Event, Observer};
use crate::schema::Table;
use crate::value::SqlValue;

use column::{ColumnScanner, TRIAL};

/// How many rows go by between two looks for a request to stop.
const BREATH: u64 = 256;

/// How many rows, and bytes of them, go by between two words of how far it is.
const TOLD: (u64, u64) = (1 << 15, 16 << 20);

/// How a scan is done.
#[derive(Debug, Clone, Copy)]
pub struct ScanSettings<'a> {
    /// What a batch holds at most.
    pub size: BatchSize,
    /// A request to stop.
    pub interrupt: &'a Interrupt,
    /// Who is told of progress.
    pub observer: Observer<'a>,
}

impl<'a> ScanSettings<'a> {
    /// Of which nobody is told.
    #[must_use]
    pub fn quiet(size: BatchSize, interrupt: &'a Interrupt) -> Self {
        Self { size, interrupt, observer: Observer::none() }
    }
}

/// The most that a row or a field may take on the wire, in bytes: PostgreSQL ends at 1 GiB − 1 for a message and for a
/// value (`MaxAllocSize` in its source), and needs some room of its own.
pub const LARGEST_ROW: u64 = 1_000_000_000;

/// The most that a row may take on its page, where long values are stored elsewhere
/// (`MaxHeapTupleSize` of pages of 8 kB, appendix K of the manual).
const LARGEST_ON_A_PAGE: u64 = 8_160;

/// With fewer columns than so many, every row has room on a page: none takes more than 18 bytes, a pointer to a long
/// value.
const WIDE: usize = 450;

/// The bytes that a row takes on its page at least: 24 of a header, a bit a column, what is fixed, and of longer values
/// their pointer.
fn page_bytes<'r>(values: impl Iterator<Item = SqlValue<'r>>) -> u64 {
    let (mut bytes, mut columns) = (24, 0u64);
    for value in values {
        columns += 1;
        bytes += match value {
            SqlValue::Null => 0,
            SqlValue::Integer(_) | SqlValue::Real(_) => 8,
            SqlValue::Text(long) | SqlValue::Blob(long) => (1 + long.len() as u64).min(18),
        };
    }
    bytes + columns.div_ceil(8)
}

/// A scan that was not finished.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A table can't be read.
    #[error("cannot read the table `{table}`")]
    Table {
        /// The table.
        table: String,
        /// What SQLite says.
        #[source]
        source: SqlError,
    },
    /// A stop was asked for.
    #[error("interrupted while the source was being scanned")]
    Interrupted,
}

impl ScanError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Table { source, .. } if source.code.as_deref() == Some("SQLITE_CORRUPT") => {
                Some("the file is damaged: `PRAGMA integrity_check` says where; nothing was written".to_owned())
            }
            Self::Table { .. } => Some("nothing was written".to_owned()),
            Self::Interrupted => Some("nothing was written; the next run begins anew".to_owned()),
        }
    }
}

/// What a closure over rows fails with: SQLite's error gets its table's name outside.
enum Failed {
    Sql(SqlError),
    Interrupted,
}

impl From<SqlError> for Failed {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl Failed {
    fn of(self, table: &Table) -> ScanError {
        match self {
            Self::Sql(source) => ScanError::Table { table: table.name.clone(), source },
            Self::Interrupted => ScanError::Interrupted,
        }
    }
}

/// Reads every value of `table` once. `candidates` are those of its columns, in declared order.
///
/// # Errors
/// [`ScanError`] where the table can't be read, or a stop is asked for.
pub fn scan_table(
    db: &SqliteDb,
    table: &Table,
    candidates: &[Candidates],
    settings: &ScanSettings<'_>,
) -> Result<TableScan, ScanError> {
    let key = RowKey::of(table);
    let mut scanners: Vec<ColumnScanner> = candidates.iter().map(ColumnScanner::new).collect();
    let mut scan = TableScan { table: table.name.clone(), ..TableScan::default() };
    let mut cuts = Cuts { size: settings.size, ..Cuts::default() };
    let mut told = (0, 0);
    let columns: Vec<String> = table.columns.iter().map(|column| rows::quote(&column.name)).collect();
    let first = key.columns().len();
    let mut scratch = Vec::new();
    let wide = table.columns.len() >= WIDE;
    let room = Room::in_table_of(table.columns.len());
    each_row(db, table, &key, &columns, settings.interrupt, |row, number| {
        let place = Place { key: &key, row, number, room };
        // COPY's count of fields comes before them
        let (mut bytes, mut largest) = (2, 0);
        for (at, scanner) in scanners.iter_mut().enumerate() {
            let taken = scanner.see(row.get(first + at), &place, &mut scratch);
            bytes += taken;
            largest = largest.max(taken);
        }
        if bytes.max(largest) > LARGEST_ROW {
            scan.too_large.add_row(&place, || format!("{}: {bytes} bytes", place.label()));
        }
        if wide {
            let page = page_bytes((0..scanners.len()).map(|at| row.get(first + at)));
            if page > LARGEST_ON_A_PAGE {
                scan.too_wide.add_row(&place, || format!("{}: {page} bytes", place.label()));
            }
        }
        if number == TRIAL {
            scanners.iter_mut().for_each(ColumnScanner::end_trial);
        }
        scan.rows += 1;
        scan.bytes += bytes;
        scan.largest_row = scan.largest_row.max(bytes);
        if scan.rows - told.0 >= TOLD.0 || scan.bytes - told.1 >= TOLD.1 {
            settings.observer.tell(&Event::Scanned { table: &table.name, rows: scan.rows - told.0 });
            told = (scan.rows, scan.bytes);
        }
        cuts.add(bytes, || key.key(row));
        ControlFlow::Continue(())
    })?;
    settings.observer.tell(&Event::Scanned { table: &table.name, rows: scan.rows - told.0 });
    scan.columns = scanners.into_iter().map(ColumnScanner::finish).collect();
    scan.batches = cuts.finish();
    Ok(scan)
}

/// Reads the columns at `columns` again, for those of their candidates that `scan` leaves open.
///
/// # Errors
/// As [`scan_table`].
pub fn scan_again(
    db: &SqliteDb,
    table: &Table,
    candidates: &[Candidates],
    columns: &[usize],
    scan: &mut TableScan,
    interrupt: &Interrupt,
) -> Result<(), ScanError> {
    let key = RowKey::of(table);
    let mut scanners: Vec<ColumnScanner> =
        columns.iter().map(|at| ColumnScanner::again(&candidates[*at], &scan.columns[*at])).collect();
    let names: Vec<String> = columns.iter().map(|at| rows::quote(&table.columns[*at].name)).collect();
    let first = key.columns().len();
    let mut scratch = Vec::new();
    let room = Room::in_table_of(table.columns.len());
    each_row(db, table, &key, &names, interrupt, |row, number| {
        let place = Place { key: &key, row, number, room };
        for (at, scanner) in scanners.iter_mut().enumerate() {
            scanner.see(row.get(first + at), &place, &mut scratch);
        }
        ControlFlow::Continue(())
    })?;
    for (at, scanner) in columns.iter().zip(scanners) {
        column::amend(&mut scan.columns[*at], scanner.finish());
    }
    Ok(())
}

/// Hands each row to `each`, with its number from 1: the key's columns first, then `columns`.
fn each_row(
    db: &SqliteDb,
    table: &Table,
    key: &RowKey,
    columns: &[String],
    interrupt: &Interrupt,
    mut each: impl FnMut(&Row<'_>, u64) -> ControlFlow<()>,
) -> Result<(), ScanError> {
    let mut number: u64 = 0;
    db.each_row(&key.select(table, columns), &[], |row| {
        number += 1;
        if number.is_multiple_of(BREATH) && interrupt.is_set() {
            return Err(Failed::Interrupted);
        }
        Ok(each(row, number))
    })
    .map_err(|failed| failed.of(table))
}

/// Where the batches of a table end.
#[derive(Debug, Default)]
struct Cuts {
    size: BatchSize,
    done: Vec<Batch>,
    open: Batch,
}

impl Cuts {
    /// Takes a row of so many bytes, whose key is asked for only where a batch may end with it.
    fn add(&mut self, bytes: u64, key: impl FnOnce() -> Option<Key>) {
        self.open.rows += 1;
        self.open.bytes += bytes;
        if (self.open.rows >= self.size.rows || self.open.bytes >= self.size.bytes)
            && let Some(key) = key()
        {
            let next = Batch { after: Some(key.clone()), ..Batch::default() };
            let mut full = std::mem::replace(&mut self.open, next);
            full.upto = Some(key);
            self.done.push(full);
        }
    }

    /// The last batch ends with the table, also where its last row filled it.
    fn finish(mut self) -> Vec<Batch> {
        match self.done.last_mut() {
            Some(last) if self.open.rows == 0 => last.upto = None,
            _ => self.done.push(self.open),
        }
        self.done
    }
}
