//! Files against the database, record by record: each record's row is looked up by its key, many at once.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::DIFFERENCES;
use crate::db::SqlError;
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Cell, cut};
use crate::import::books;
use crate::import::load::{Job, Readers, fill_parents};
use crate::import::row::{Item, Row};
use crate::import::store::Store;

/// How many records are looked up at once, and about how many bytes of them.
const RECORDS: usize = 2000;
const BYTES: usize = 4 << 20;

/// A record of a file that is to be looked up.
struct Wanted<'a> {
    /// Its file, by its place among those that are looked at.
    file: usize,
    table: &'a BoundTable,
    row: Row,
    item: Item,
    /// Where it is, for people.
    place: String,
}

/// Reads files again and looks each of their records' rows up: where they are not what the file says, that is told, for
/// each of the target's tables. Of each file so many records are looked at, from the first on. Gives for each file whether
/// all are right.
pub(in crate::import) fn by_record(
    store: &mut dyn Store,
    readers: &Readers<'_>,
    jobs: &[(&Job, u64)],
    found: &mut [Vec<String>],
) -> Result<Vec<bool>, ImportError> {
    let mut right = vec![true; jobs.len()];
    if jobs.is_empty() {
        return Ok(right);
    }
    let reading = |source| ImportError::Sql { doing: "read the tables back".to_owned(), source };
    store.settle().and_then(|()| store.begin_to_read()).map_err(reading)?;
    let looked = look(store, readers, jobs, &mut right, found);
    let ended = store.sql("COMMIT").map(drop).map_err(reading);
    looked.and(ended).map(|()| right)
}

fn look(
    store: &mut dyn Store,
    readers: &Readers<'_>,
    jobs: &[(&Job, u64)],
    right: &mut [bool],
    found: &mut [Vec<String>],
) -> Result<(), ImportError> {
    let (mut wanted, mut bytes) = (Vec::new(), 0);
    for (file, (job, count)) in jobs.iter().enumerate() {
        let table = &readers.bound.sources[job.source];
        let mut items: Vec<Item> = Vec::new();
        let (mut first, mut failure) = (0, None);
        let job = Job { skip: 0, ..(*job).clone() };
        readers.records(&job, &mut |mapped| {
            if mapped.position >= *count {
                return ControlFlow::Break(());
            }
            let size = mapped.bytes;
            let take = || -> Result<(), ImportError> {
                if mapped.position >= first + items.len() as u64 {
                    first = mapped.position;
                    items = books::items(store, job.book.id, first)?;
                }
                let item = usize::try_from(mapped.position - first).ok().and_then(|at| items.get_mut(at));
                let (Ok(row), Some(item)) = (mapped.what, item) else { return Ok(()) };
                // its row is another's, or it has none
                if !item.has_row() {
                    return Ok(());
                }
                let place = match row.left.pointer.clone() {
                    Some(pointer) => format!("{}: {pointer}", job.file.path),
                    None => format!("{}: record {}", job.file.path, mapped.position),
                };
                // its place among the items stays
                wanted.push(Wanted { file, table, row, item: std::mem::take(item), place });
                bytes += size;
                if wanted.len() < RECORDS && bytes < BYTES {
                    return Ok(());
                }
                bytes = 0;
                look_up(store, std::mem::take(&mut wanted), right, found)
            };
            match take() {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
    }
    look_up(store, wanted, right, found)
}

/// Asks for the rows of records, a query a table, and compares them.
fn look_up(
    store: &mut dyn Store,
    mut wanted: Vec<Wanted<'_>>,
    right: &mut [bool],
    found: &mut [Vec<String>],
) -> Result<(), ImportError> {
    let mut asked = BTreeMap::new();
    wanted.iter_mut().for_each(|wanted| ask(wanted.table, &mut wanted.item, &mut asked));
    for (table, keys, items) in asked.into_values() {
        let failed = |source: SqlError| ImportError::Sql { doing: format!("read `{}` back", table.name), source };
        let rows = store.rows_by_key(table, &keys).map_err(failed)?;
        items.into_iter().zip(rows).for_each(|(place, row)| *place = Some(row));
    }
    for Wanted { file, table, row, item, place } in wanted {
        right[file] &= check(table, row, item, None, &place, found);
    }
    Ok(())
}

/// The keys that are asked for of a table, and where its rows go.
type Asked<'a, 'b> = (&'a BoundTable, Vec<Vec<Cell>>, Vec<&'b mut Option<Option<Vec<Cell>>>>);

fn ask<'a, 'b>(table: &'a BoundTable, item: &'b mut Item, asked: &mut BTreeMap<usize, Asked<'a, 'b>>) {
    let Some(key) = item.cells(table) else { return };
    let (_, keys, places) = asked.entry(table.number).or_insert_with(|| (table, Vec::new(), Vec::new()));
    keys.push(key);
    places.push(&mut item.row);
    for (child, items) in table.children.iter().zip(&mut item.children) {
        items.iter_mut().for_each(|item| ask(&child.table, item, asked));
    }
}

/// Compares a record with its row, and what is nested in it. Says whether all is right.
fn check(
    table: &BoundTable,
    mut row: Row,
    item: Item,
    parent: Option<(&BoundTable, &[Cell])>,
    place: &str,
    found: &mut [Vec<String>],
) -> bool {
    let mut right = true;
    let mut tell = |text: String| {
        right = false;
        if found[table.target].len() < DIFFERENCES {
            found[table.target].push(text);
        }
    };
    let key: Vec<String> = item.key.iter().map(ToString::to_string).collect();
    let name = format!("{place} → `{}` {}", table.name, key.join(", "));
    let there = match item.row {
        None => {
            tell(format!("{name}: its key can't be looked up"));
            return false;
        }
        Some(None) => {
            tell(format!("{name}: the row is missing"));
            return false;
        }
        Some(Some(there)) => there,
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
    for ((child, rows), items) in table.children.iter().zip(row.children).zip(item.children) {
        for (row, item) in rows.into_iter().zip(items) {
            right &= check(&child.table, row, item, Some((table, &there)), place, found);
        }
    }
    right
}
