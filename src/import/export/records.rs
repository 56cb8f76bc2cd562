//! A file's records as they are now: the rows, and what the import kept beside them.

use std::collections::BTreeSet;
use std::vec;

use serde_json::Value;

use super::Work;
use super::ahead::fetch;
use super::gone::Gone;
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Fill, derived};
use crate::import::books::{self, FileBook};
use crate::import::mapping::Source;
use crate::import::row::{Item, apply, outside, put_children, rebuild, unseal};

/// A record of a file.
#[derive(Debug)]
pub(super) struct Record {
    /// Where it is in its document.
    pub pointer: String,
    /// Its number in its file, from 0.
    pub position: u64,
    /// What it is now; nothing where its row is gone, or where it could not be read.
    pub value: Option<Value>,
}

/// The records of a file, one after another: those that were written down together are held at a time.
pub(super) struct Records<'a> {
    path: &'a str,
    source: usize,
    book: &'a FileBook,
    position: u64,
    items: vec::IntoIter<Item>,
    /// All of them were read ahead.
    whole: bool,
}

impl<'a> Records<'a> {
    pub fn next(&mut self, work: &mut Work<'_>) -> Result<Option<Record>, ImportError> {
        let mapping: &Source = &work.export.mapping.sources[self.source];
        let table = &work.bound.sources[self.source];
        if self.items.len() == 0 && !self.whole {
            let mut items = books::items(work.store, self.book.id, self.position)?;
            fetch(work.store, items.iter_mut().map(|item| (table, item)))?;
            #[cfg(test)]
            super::held::note(items.len());
            self.items = items.into_iter();
        }
        let Some(mut item) = self.items.next() else { return Ok(None) };
        let (path, position) = (self.path, self.position);
        self.position += 1;
        let pointer = item.left.pointer.clone().or_else(|| derived(&mapping.records, position)).unwrap_or_default();
        let mut gone = Vec::new();
        let value = work.record(table, &mut item, &mut gone)?;
        for (at, name) in gone {
            let lost = format!("`{path}`: the row of `{at}` of record {position} is no longer in `{name}`");
            work.exported.lost.push(lost);
        }
        if value.is_none() && !item.lost {
            let lost = format!("`{path}`: the row of record {position} is no longer in `{}`", table.name);
            work.exported.lost.push(lost);
        }
        Ok(Some(Record { pointer, position, value }))
    }
}

/// Takes a record: its pointer, its place, and what it is now, or nothing where it is gone. Says whether it wrote it.
type Each<'a> = dyn FnMut(&str, u64, Option<Value>) -> Result<bool, ImportError> + 'a;

impl Work<'_> {
    /// The records of a file, from the first on.
    pub(super) fn records<'a>(&mut self, path: &'a str, source: usize, book: &'a FileBook) -> Records<'a> {
        let ahead = self.ahead.get_mut(&book.id).map(|(_, items)| std::mem::take(items));
        let whole = ahead.is_some();
        Records { path, source, book, position: 0, items: ahead.unwrap_or_default().into_iter(), whole }
    }

    /// Hands on each record of a file, and counts those that are written.
    pub(super) fn each(
        &mut self,
        path: &str,
        source: usize,
        book: &FileBook,
        each: &mut Each<'_>,
    ) -> Result<(), ImportError> {
        let mut records = self.records(path, source, book);
        while let Some(Record { pointer, position, value }) = records.next(self)? {
            if each(&pointer, position, value)? {
                self.exported.records += 1;
            }
        }
        Ok(())
    }

    /// What a record is now; `None` where its row is gone. To `gone` go the records within it whose rows are: pointer and
    /// table.
    fn record(
        &mut self,
        table: &BoundTable,
        item: &mut Item,
        gone: &mut Vec<(String, String)>,
    ) -> Result<Option<Value>, ImportError> {
        if let Some(value) = item.value.take() {
            return Ok(Some(value));
        }
        let Some(cells) = item.row.take().flatten() else { return Ok(None) };
        let mut children = Vec::new();
        let mut places = Gone::default();
        // a column that holds the whole record says what is in it
        let whole = table.columns.iter().any(|column| matches!(column.fill, Fill::Whole));
        for (child, items) in table.children.iter().zip(&mut item.children).filter(|_| !whole) {
            let mut values = Vec::new();
            for (position, item) in (0..).zip(items) {
                let pointer =
                    item.left.pointer.clone().or_else(|| derived(&child.records, position)).unwrap_or_default();
                let mut inner = Vec::new();
                let value = self.record(&child.table, item, &mut inner)?;
                gone.extend(inner.into_iter().map(|(at, name)| (format!("{pointer}{at}"), name)));
                if value.is_none() {
                    gone.push((pointer.clone(), child.table.name.clone()));
                    places.add(&pointer, &child.records);
                }
                values.push((pointer, value));
            }
            children.push(values);
        }
        let (outside, lost) = outside(table, &cells, &item.left);
        for (column, error) in lost {
            self.exported.lost.push(format!("`{}`.`{column}`: {error}; a null stands in its place", table.name));
        }
        let written: BTreeSet<String> = match places.is_empty() {
            true => BTreeSet::new(),
            false => children.iter().flatten().filter(|(_, value)| value.is_some()).map(|(at, _)| at.clone()).collect(),
        };
        let again = if item.left.plus.is_empty() { Vec::new() } else { children.clone() };
        let mut value = rebuild(table, &cells, &outside, children);
        apply(table, &cells, &outside, &item.left, &mut value);
        // what was left may be an array that holds records, as they were
        put_children(table, &mut value, again);
        let key: Vec<String> = item.key.iter().map(ToString::to_string).collect();
        for (column, error) in unseal(table, &cells, &item.left, &mut value) {
            let name = &table.name;
            self.exported
                .lost
                .push(format!("`{name}`.`{column}` of the row {} can't be decrypted: {error}", key.join(", ")));
        }
        places.take_out(&written, &mut value);
        Ok(Some(value))
    }
}
