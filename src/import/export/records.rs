//! A file's records as they are now: the rows, and what the import kept beside them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Work;
use super::ahead::fetch;
use super::gone::Gone;
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Fill, derived};
use crate::import::books::{self, FileBook};
use crate::import::mapping::Source;
use crate::import::row::{Item, apply, outside, put_children, rebuild, unseal};

/// Takes a record: its pointer, its place, and what it is now, or nothing where it is gone. Says whether it wrote it.
type Each<'a> = dyn FnMut(&str, u64, Option<Value>) -> Result<bool, ImportError> + 'a;

impl Work<'_> {
    /// Hands on each record of a file, and counts those that are written.
    pub(super) fn each(
        &mut self,
        path: &str,
        source: usize,
        book: &FileBook,
        each: &mut Each<'_>,
    ) -> Result<(), ImportError> {
        let mapping: &Source = &self.export.mapping.sources[source];
        let table = &self.bound.sources[source];
        let mut position = 0;
        let mut ahead = self.ahead.get_mut(&book.id).map(|(_, items)| std::mem::take(items));
        loop {
            let items = match &mut ahead {
                Some(items) => std::mem::take(items),
                None => {
                    let mut items = books::items(self.store, book.id, position)?;
                    fetch(self.store, items.iter_mut().map(|item| (table, item)))?;
                    items
                }
            };
            if items.is_empty() {
                return Ok(());
            }
            for item in items {
                let pointer =
                    item.left.pointer.clone().or_else(|| derived(&mapping.records, position)).unwrap_or_default();
                let mut gone = Vec::new();
                let value = self.record(table, &item, &mut gone)?;
                for (at, name) in gone {
                    let lost = format!("`{path}`: the row of `{at}` of record {position} is no longer in `{name}`");
                    self.exported.lost.push(lost);
                }
                if value.is_none() && !item.lost {
                    let lost = format!("`{path}`: the row of record {position} is no longer in `{}`", table.name);
                    self.exported.lost.push(lost);
                }
                if each(&pointer, position, value)? {
                    self.exported.records += 1;
                }
                position += 1;
            }
        }
    }

    /// What a record is now; `None` where its row is gone. To `gone` go the records within it whose rows are: pointer and
    /// table.
    fn record(
        &mut self,
        table: &BoundTable,
        item: &Item,
        gone: &mut Vec<(String, String)>,
    ) -> Result<Option<Value>, ImportError> {
        if let Some(value) = &item.value {
            return Ok(Some(value.clone()));
        }
        let Some(cells) = item.row.clone().flatten() else { return Ok(None) };
        let mut children = Vec::new();
        let mut places = Gone::default();
        // a column that holds the whole record says what is in it
        let whole = table.columns.iter().any(|column| matches!(column.fill, Fill::Whole));
        for (child, items) in table.children.iter().zip(&item.children).filter(|_| !whole) {
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
