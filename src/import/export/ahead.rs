//! What is read ahead of the files that are written: of many small ones together, of a long one stretch by stretch, so
//! that a server is not asked for each record.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{OfPath, Work};
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Cell, Fill};
use crate::import::books;
use crate::import::row::Item;
use crate::import::store::Store;

/// By the number of a file in the books: its document without its records, and its items.
pub(super) type Ahead = HashMap<i64, (Value, Vec<Item>)>;

/// How many files are read ahead together, and how many bytes they had when they were imported. A longer file is read by
/// the stretches that it was written down in.
const FILES: usize = 1000;
const BYTES: u64 = 4 << 20;

/// How many of the files, from the first on, are taken together.
pub(super) fn count(files: &[OfPath]) -> usize {
    let mut bytes = 0;
    let fits = |(_, books): &&OfPath| {
        bytes += books.iter().map(|(_, book)| book.size).sum::<u64>();
        bytes <= BYTES
    };
    files.iter().take(FILES).take_while(fits).count().max(1)
}

impl Work<'_> {
    /// Reads what the books have of files, where they are not too long for that, and forgets what was read before.
    pub(super) fn read_books_ahead(&mut self, files: &[OfPath]) -> Result<(), ImportError> {
        self.ahead.clear();
        let books = || files.iter().flat_map(|(_, books)| books);
        if books().map(|(_, book)| book.size).sum::<u64>() <= BYTES {
            let ids: Vec<i64> = books().map(|(_, book)| book.id).collect();
            self.ahead = books::of_files(self.store, &ids)?;
        }
        Ok(())
    }

    /// The same, and the rows of their records.
    pub(super) fn read_ahead(&mut self, files: &[OfPath]) -> Result<(), ImportError> {
        self.read_books_ahead(files)?;
        let source_of: HashMap<i64, usize> =
            files.iter().flat_map(|(_, books)| books).map(|(source, book)| (book.id, *source)).collect();
        let bound = self.bound;
        let items = self.ahead.iter_mut().filter_map(|(id, (_, items))| {
            let table = &bound.sources[*source_of.get(id)?];
            Some(items.iter_mut().map(move |item| (table, item)))
        });
        fetch(self.store, items.flatten())
    }
}

/// Where a row goes that is asked for, by its key.
type Asked<'a> = (Vec<Vec<Cell>>, Vec<&'a mut Option<Option<Vec<Cell>>>>);

/// Reads the rows of items, and of the items in them: a query a table, and not one a row.
pub(super) fn fetch<'a>(
    store: &mut dyn Store,
    items: impl Iterator<Item = (&'a BoundTable, &'a mut Item)>,
) -> Result<(), ImportError> {
    let mut asked: BTreeMap<usize, (&BoundTable, Asked<'a>)> = BTreeMap::new();
    items.for_each(|(table, item)| ask(table, item, &mut asked));
    for (table, (keys, places)) in asked.into_values() {
        let reading = |source| ImportError::Sql { doing: format!("read `{}`", table.name), source };
        let rows = store.rows_by_key(table, &keys).map_err(reading)?;
        places.into_iter().zip(rows).for_each(|(place, row)| *place = Some(row));
    }
    Ok(())
}

fn ask<'a>(table: &'a BoundTable, item: &'a mut Item, asked: &mut BTreeMap<usize, (&'a BoundTable, Asked<'a>)>) {
    if item.value.is_some() || item.lost {
        return;
    }
    let Some(key) = item.cells(table) else { return };
    let (keys, places) = &mut asked.entry(table.number).or_insert_with(|| (table, Asked::default())).1;
    keys.push(key);
    places.push(&mut item.row);
    // a column that holds the whole record says what is in it
    if table.columns.iter().any(|column| matches!(column.fill, Fill::Whole)) {
        return;
    }
    for (child, items) in table.children.iter().zip(&mut item.children) {
        items.iter_mut().for_each(|item| ask(&child.table, item, asked));
    }
}
