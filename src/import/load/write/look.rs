//! What a run would do, where nothing is written: counted, and compared with what is there.

use std::collections::HashSet;

use super::batch::Batch;
use super::{PROBLEMS, Writer, problem};
use crate::db::SqlError;
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Cell, cut, derived};
use crate::import::books;
use crate::import::load::mapped::Mapped;
use crate::import::load::plan::Job;
use crate::import::mapping::OnBad;
use crate::import::report::Problem;
use crate::import::row::{Item, Row};

/// What the books say of the records of a file: the keys of the rows that were written of them.
#[derive(Default)]
pub(super) struct Imported {
    job: usize,
    /// Of a stretch of them, and the place of the first: no more is held at once.
    items: Vec<Item>,
    first: u64,
    /// All keys, hashed, where the file has changed: its records may have other places now.
    hashes: HashSet<u128>,
}

/// A record that is compared.
pub(super) struct Seen<'a> {
    pub job: &'a Job,
    pub position: u64,
}

impl Seen<'_> {
    pub fn problem(&self, pointer: &str, column: Option<String>, reason: String) -> Problem {
        let (file, pointer) = (self.job.file.path.clone(), pointer.to_owned());
        Problem { file, position: self.position, pointer, place: None, column, reason }
    }
}

/// The hash of a row's key.
pub(super) fn hash(table: &BoundTable, key: &[Cell]) -> Option<u128> {
    let mut bytes = Vec::new();
    for (at, cell) in table.key.iter().zip(key) {
        table.columns[*at].kind.canonical(cell, &mut bytes).ok()?;
    }
    Some(xxhash_rust::xxh3::xxh3_128(&bytes))
}

/// A row's key.
pub(super) fn key_of(table: &BoundTable, row: &[Cell]) -> Vec<Cell> {
    table.key.iter().map(|at| row[*at].clone()).collect()
}

/// A row's key, as it is told.
pub(super) fn told(table: &BoundTable, key: &[Cell]) -> String {
    let cells = table.key.iter().zip(key);
    let cells: Vec<String> = cells.map(|(at, cell)| table.columns[*at].kind.restore(cell).to_string()).collect();
    cells.join(", ")
}

pub(super) fn reading(source: SqlError) -> ImportError {
    ImportError::Sql { doing: "compare records with what is there".to_owned(), source }
}

impl Writer<'_> {
    /// What a run would do.
    pub(super) fn look(&mut self, jobs: &mut [Job], batch: &mut Batch) -> Result<(), ImportError> {
        for part in &mut batch.parts {
            let job = &jobs[part.job];
            let fails = self.mapping.sources[job.source].bad == OnBad::Fail;
            for mapped in &mut part.mapped {
                if let Err(bad) = &mapped.what {
                    if !fails {
                        self.counts.quarantined += 1;
                    }
                    if self.counts.errors.len() < PROBLEMS {
                        self.counts.errors.push(problem(job, mapped.position, bad));
                    }
                    continue;
                }
                self.counts.migrated += 1;
                if self.check {
                    self.compare(part.job, job, mapped)?;
                }
            }
            if part.end.is_some() && job.last {
                self.counts.files += 1;
            }
        }
        Ok(())
    }

    /// Compares a record, and what is nested in it, with its rows.
    fn compare(&mut self, at: usize, job: &Job, mapped: &mut Mapped) -> Result<(), ImportError> {
        let Ok(row) = &mut mapped.what else { return Ok(()) };
        let (bound, seen) = (self.bound, Seen { job, position: mapped.position });
        let table = &bound.sources[job.source];
        let records = &self.mapping.sources[job.source].records;
        let pointer = row.left.pointer.clone().or_else(|| derived(records, mapped.position)).unwrap_or_default();
        let own = key_of(table, &row.cells);
        let (before, item) = self.before(at, job, mapped.position, &own)?;
        let key = match table.key_is_made() {
            false => &own,
            true => match &before {
                Some(key) => key,
                None => return Ok(()),
            },
        };
        let Some(there) = self.store.rows(table, &table.key, key).map_err(reading)?.into_iter().next() else {
            if let Some(key) = before {
                self.missing(&seen, &pointer, table, &told(table, &key));
            }
            return Ok(());
        };
        self.values(&seen, &pointer, table, &there, row);
        // what is nested in a record that was left out is not there
        if before.is_some() {
            self.nested(&seen, &pointer, table, &there, row, item.as_ref())?;
        }
        Ok(())
    }

    /// The key of the row that a record was written to before, and what else the books say of it. Where the file has not
    /// changed they are found by its place; else by the record's own key, or by its place where keys are made here.
    fn before(
        &mut self,
        at: usize,
        job: &Job,
        position: u64,
        own: &[Cell],
    ) -> Result<(Option<Vec<Cell>>, Option<Item>), ImportError> {
        let table = &self.bound.sources[job.source];
        // by the keys of one table no rows of another are missed
        if !(job.known && job.keyed) {
            return Ok((None, None));
        }
        let by_place = job.same || table.key_is_made();
        if self.imported.as_ref().is_none_or(|imported| imported.job != at) {
            let hashes = if by_place { HashSet::new() } else { self.imported_keys(table, job.book.id)? };
            self.imported = Some(Imported { job: at, hashes, ..Imported::default() });
        }
        let Some(imported) = &mut self.imported else { return Ok((None, None)) };
        if !by_place {
            let known = hash(table, own).is_some_and(|hash| imported.hashes.contains(&hash));
            return Ok((known.then(|| own.to_vec()), None));
        }
        if position >= imported.first + imported.items.len() as u64 {
            imported.first = position;
            imported.items = books::items(self.store, job.book.id, position)?;
        }
        let nth = position.checked_sub(imported.first).and_then(|nth| usize::try_from(nth).ok());
        let item = nth.and_then(|nth| imported.items.get_mut(nth)).map(std::mem::take);
        let key = item.as_ref().filter(|item| item.has_row()).and_then(|item| item.cells(table));
        Ok((key, item.filter(|_| job.same)))
    }

    /// The keys that the books have of a file's records, hashed.
    fn imported_keys(&mut self, table: &BoundTable, file: i64) -> Result<HashSet<u128>, ImportError> {
        let (mut hashes, mut from) = (HashSet::new(), 0);
        loop {
            let items = books::items(self.store, file, from)?;
            if items.is_empty() {
                return Ok(hashes);
            }
            from += items.len() as u64;
            let keys = items.iter().filter(|item| item.has_row()).filter_map(|item| item.cells(table));
            hashes.extend(keys.filter_map(|key| hash(table, &key)));
        }
    }

    /// Tells where a row holds something else than its record says, or names a file that is not as it was written.
    pub(super) fn values(&mut self, seen: &Seen<'_>, pointer: &str, table: &BoundTable, there: &[Cell], row: &Row) {
        let key = || told(table, &key_of(table, there));
        let differs = table.columns.iter().enumerate().find_map(|(at, column)| {
            if column.is_made() || column.is_kept() {
                return None;
            }
            if !column.is_of(&there[at], &row.cells[at], row.plain(at)) {
                let (here, there) = (column.kind.restore(&row.cells[at]), column.kind.restore(&there[at]));
                let reason = match &column.seal {
                    None => {
                        format!("the row with the key {} holds {}, and the file {}", key(), cut(&there), cut(&here))
                    }
                    Some(_) => format!("the row with the key {} was made of another value", key()),
                };
                return Some((at, reason));
            }
            let (vault, path) = column.path(&there[at])?;
            let error = vault.get(&path).err()?;
            Some((at, format!("what the row with the key {} names: {error}", key())))
        });
        if let Some((at, reason)) = differs {
            self.conflict(seen, pointer, table, at, reason);
        }
    }

    pub(super) fn conflict(
        &mut self,
        seen: &Seen<'_>,
        pointer: &str,
        table: &BoundTable,
        column: usize,
        reason: String,
    ) {
        self.counts.conflicting += 1;
        if self.counts.conflicts.len() < PROBLEMS {
            let column = format!("{}.{}", table.name, table.columns[column].name);
            self.counts.conflicts.push(seen.problem(pointer, Some(column), reason));
        }
    }

    pub(super) fn missing(&mut self, seen: &Seen<'_>, pointer: &str, table: &BoundTable, key: &str) {
        self.counts.missing += 1;
        if self.counts.missing_records.len() < PROBLEMS {
            let reason = format!("it was imported, and `{}` has no row with the key {key}", table.name);
            self.counts.missing_records.push(seen.problem(pointer, None, reason));
        }
    }
}
