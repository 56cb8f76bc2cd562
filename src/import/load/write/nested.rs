//! A check of what is nested in a record: which row is whose, what they hold, and which rows are nobody's.

use std::collections::HashMap;

use super::look::{Seen, hash, key_of, reading, told};
use super::rows::fill_parents;
use super::{PROBLEMS, Writer};
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Cell, derived};
use crate::import::row::{Item, Row};
use crate::import::verify;

impl Writer<'_> {
    /// Compares what is nested in a record, whose own row is `there`. `item` is what the books say of the record, where the
    /// file has not changed since.
    pub(super) fn nested(
        &mut self,
        seen: &Seen<'_>,
        pointer: &str,
        table: &BoundTable,
        there: &[Cell],
        row: &mut Row,
        item: Option<&Item>,
    ) -> Result<(), ImportError> {
        for (number, (child, rows)) in table.children.iter().zip(&mut row.children).enumerate() {
            let below = &child.table;
            let mut filled = vec![Cell::Null; below.columns.len()];
            let mut fits = fill_parents(table, below, there, &mut filled);
            for row in rows.iter_mut() {
                fits = fits.and_then(|()| fill_parents(table, below, there, &mut row.cells));
            }
            if let Err(reason) = fits {
                self.conflict(seen, pointer, below, below.key.first().copied().unwrap_or_default(), reason);
                continue;
            }
            let by = below.parents();
            let values: Vec<Cell> = by.iter().map(|at| filled[*at].clone()).collect();
            let found = self.store.rows(below, &by, &values).map_err(reading)?;
            let items = item.and_then(|item| item.children.get(number)).map(Vec::as_slice);
            let pairs = pairs(below, rows, items, &found);
            let mut taken = vec![false; found.len()];
            for (nth, (row, pair)) in rows.iter_mut().zip(pairs).enumerate() {
                let inner = row.left.pointer.clone().or_else(|| derived(&child.records, nth as u64));
                let pointer = format!("{pointer}{}", inner.unwrap_or_default());
                let item = items.and_then(|items| items.get(nth));
                match pair {
                    Some(at) => {
                        taken[at] = true;
                        self.values(seen, &pointer, below, &found[at], row);
                        self.nested(seen, &pointer, below, &found[at], row, item)?;
                    }
                    None => self.without_row(seen, &pointer, below, row, item),
                }
            }
            // rows of a table that something else of the mapping fills, too, may be that one's
            if verify::writers(self.bound, below.target).len() > 1 {
                continue;
            }
            for (row, _) in found.iter().zip(taken).filter(|(_, taken)| !taken) {
                self.counts.extra += 1;
                if self.counts.extra_records.len() < PROBLEMS {
                    let key = told(below, &key_of(below, row));
                    let reason = format!("`{}` has a row with the key {key} that it did not make", below.name);
                    self.counts.extra_records.push(seen.problem(pointer, None, reason));
                }
            }
        }
        Ok(())
    }

    /// Tells of a nested record without a row.
    fn without_row(&mut self, seen: &Seen<'_>, pointer: &str, table: &BoundTable, row: &Row, item: Option<&Item>) {
        let imported = item.and_then(|item| item.cells(table));
        if let Some(key) = imported {
            return self.missing(seen, pointer, table, &told(table, &key));
        }
        // the file has changed: whether it had this one before nobody knows
        let column = table.key.last().copied().unwrap_or_default();
        let reason = match table.key_is_made() {
            true => format!("no row of `{}` says the same", table.name),
            false => {
                format!("`{}` has no row with the key {}", table.name, told(table, &key_of(table, &row.cells)))
            }
        };
        self.conflict(seen, pointer, table, column, reason);
    }
}

/// For each nested record its row among those that are there: by its key; where that is made by the import, by the one that
/// the books have, and without books by what it says.
fn pairs(table: &BoundTable, rows: &[Row], items: Option<&[Item]>, found: &[Vec<Cell>]) -> Vec<Option<usize>> {
    let made = table.key_is_made();
    let hashed = |(at, row): (usize, &Vec<Cell>)| Some((hash(table, &key_of(table, row))?, at));
    let mut free: HashMap<u128, usize> = found.iter().enumerate().filter_map(hashed).collect();
    let mut pairs: Vec<Option<usize>> = (0..rows.len())
        .map(|nth| {
            let key = match made {
                true => items?.get(nth)?.cells(table)?,
                false => key_of(table, &rows[nth].cells),
            };
            free.remove(&hash(table, &key)?)
        })
        .collect();
    if !made || items.is_some() {
        return pairs;
    }
    let mut free: Vec<usize> = free.into_values().collect();
    free.sort_unstable();
    for (row, pair) in rows.iter().zip(&mut pairs) {
        let says_the_same = |there: &[Cell]| {
            table.columns.iter().enumerate().all(|(at, column)| {
                column.is_kept() || column.is_made() || column.is_of(&there[at], &row.cells[at], row.plain(at))
            })
        };
        *pair = free.iter().position(|at| says_the_same(&found[*at])).map(|at| free.remove(at));
    }
    pairs
}
