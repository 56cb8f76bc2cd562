//! What an export can't give back, told before anything is written.

use std::collections::HashSet;

use serde_json::Value;

use super::ahead::count;
use super::{OfPath, Work};
use crate::import::ImportError;
use crate::import::bind::{BoundColumn, BoundTable, Fill};
use crate::import::books::{self, FileState};
use crate::import::mapping::secrets;
use crate::words::{counted, have};

impl Work<'_> {
    /// What can't come back, as far as the books tell.
    pub(super) fn look(&mut self, files: &[OfPath]) -> Result<(), ImportError> {
        let groups = groups(&self.bound.sources);
        let mut told = HashSet::new();
        for (source, _) in files.iter().flat_map(|(_, books)| books).filter(|(source, _)| told.insert(*source)) {
            for secret in secrets(&self.export.mapping.sources[*source].into).iter().filter(|secret| secret.hashed) {
                let column = &secret.column;
                self.exported.lost.push(format!("`{column}` holds hashes: what they were made of can't come back"));
            }
        }
        let mut keys: HashSet<u128> = HashSet::new();
        let (mut shared, mut example) = (0_u64, String::new());
        let mut left_out = 0_u64;
        let mut ahead = 0;
        for (at, (path, books)) in files.iter().enumerate() {
            if at == ahead {
                ahead += count(&files[at..]);
                self.read_books_ahead(&files[at..ahead])?;
            }
            for (source, book) in books {
                if book.state == FileState::Partial {
                    self.exported.lost.push(format!("`{path}` is in only as far as its record {}", book.done));
                }
                let group = groups[*source];
                let hides = !secrets(&self.export.mapping.sources[*source].into).is_empty();
                let mut position = 0;
                let mut ahead = self.ahead.remove(&book.id).map(|(_, items)| items);
                loop {
                    let items = match &mut ahead {
                        Some(items) => std::mem::take(items),
                        None => books::items(self.store, book.id, position)?,
                    };
                    if items.is_empty() {
                        break;
                    }
                    for item in items {
                        if item.lost {
                            self.exported
                                .lost
                                .push(format!("`{path}`: record {position} could not be read, and is in quarantine"));
                        }
                        if item.value.is_some() && hides {
                            left_out += 1;
                        }
                        let key = format!("{group} {}", Value::Array(item.key.clone()));
                        if item.value.is_none()
                            && !item.lost
                            && !keys.insert(xxhash_rust::xxh3::xxh3_128(key.as_bytes()))
                        {
                            shared += 1;
                            if example.is_empty() {
                                example = format!("`{path}`: record {position}");
                            }
                        }
                        position += 1;
                    }
                }
            }
        }
        if left_out > 0 {
            self.exported.lost.push(format!(
                "{} left out or put aside: what would have been hashed or encrypted there was not kept",
                counted(left_out, "record")
            ));
        }
        if shared > 0 {
            self.exported.lost.push(format!(
                "{} the key of another that was imported too: the row comes back as it is now (the first: {example})",
                have(shared, "record")
            ));
        }
        Ok(())
    }
}

/// For each source the first that writes over the same columns of its table: rows that two sources fill give each of them
/// its record back, as long as what they take of it goes to different columns.
fn groups(sources: &[BoundTable]) -> Vec<usize> {
    let mut groups: Vec<usize> = (0..sources.len()).collect();
    for (at, source) in sources.iter().enumerate() {
        let overlap = |other: &BoundTable| {
            other.target == source.target
                && (0..source.columns.len()).filter(|column| !source.key.contains(column)).any(|column| {
                    let column = &source.columns[column];
                    let gives_back = |column: &BoundColumn| {
                        matches!(column.fill, Fill::Pointer { .. } | Fill::Rest | Fill::Whole | Fill::EntryKey)
                    };
                    let same = other.column(&column.name).map(|at| &other.columns[at]);
                    gives_back(column) && same.is_some_and(gives_back)
                })
        };
        for before in (0..at).filter(|before| overlap(&sources[*before])) {
            let (from, to) = (groups[at].max(groups[before]), groups[at].min(groups[before]));
            groups.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
        }
    }
    groups
}
