//! A file's records as they are now: the rows, and what the import kept beside them.

use serde_json::Value;

use super::Work;
use crate::import::ImportError;
use crate::import::bind::{BoundTable, derived};
use crate::import::books::{self, FileBook};
use crate::import::mapping::Source;
use crate::import::row::{Item, apply, outside, rebuild, unseal};

impl Work<'_> {
    /// Hands on each record of a file: its pointer, its place, and what it is now.
    pub(super) fn each(
        &mut self,
        path: &str,
        source: usize,
        book: &FileBook,
        each: &mut dyn FnMut(&str, u64, Value) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mapping: &Source = &self.export.mapping.sources[source];
        let table = &self.bound.sources[source];
        let mut position = 0;
        loop {
            let items = books::items(self.store, book.id, position)?;
            if items.is_empty() {
                return Ok(());
            }
            for item in items {
                let pointer =
                    item.left.pointer.clone().or_else(|| derived(&mapping.records, position)).unwrap_or_default();
                match self.record(table, &item)? {
                    Some(value) => {
                        each(&pointer, position, value)?;
                        self.exported.records += 1;
                    }
                    None if item.lost => {}
                    None => self
                        .exported
                        .lost
                        .push(format!("`{path}`: the row of record {position} is no longer in `{}`", table.name)),
                }
                position += 1;
            }
        }
    }

    /// What a record is now; `None` where its row is gone.
    pub(super) fn record(&mut self, table: &BoundTable, item: &Item) -> Result<Option<Value>, ImportError> {
        if let Some(value) = &item.value {
            return Ok(Some(value.clone()));
        }
        let Some(key) = item.cells(table).filter(|_| !item.lost) else { return Ok(None) };
        let reading = |source| ImportError::Sql { doing: format!("read `{}`", table.name), source };
        let Some(cells) = self.store.rows(table, &table.key, &key).map_err(reading)?.into_iter().next() else {
            return Ok(None);
        };
        let mut children = Vec::new();
        for (child, items) in table.children.iter().zip(&item.children) {
            let mut values = Vec::new();
            for (position, item) in (0..).zip(items) {
                let pointer = item.left.pointer.clone().or_else(|| derived(&child.records, position));
                if let Some(value) = self.record(&child.table, item)? {
                    values.push((pointer.unwrap_or_default(), value));
                }
            }
            children.push(values);
        }
        let (outside, lost) = outside(table, &cells, &item.left);
        for (column, error) in lost {
            self.exported.lost.push(format!("`{}`.`{column}`: {error}; a null stands in its place", table.name));
        }
        let mut value = rebuild(table, &cells, &outside, children);
        apply(table, &cells, &outside, &item.left, &mut value);
        let key: Vec<String> = item.key.iter().map(ToString::to_string).collect();
        for (column, error) in unseal(table, &cells, &item.left, &mut value) {
            let name = &table.name;
            self.exported
                .lost
                .push(format!("`{name}`.`{column}` of the row {} can't be decrypted: {error}", key.join(", ")));
        }
        Ok(Some(value))
    }
}
