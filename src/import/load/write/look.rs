//! What a run would do, where nothing is written: counted, and compared with what is there.

use std::collections::HashSet;

use super::batch::Batch;
use super::{PROBLEMS, Writer, problem};
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Cell, cut, derived};
use crate::import::books;
use crate::import::load::plan::Job;
use crate::import::mapping::OnBad;
use crate::import::report::Problem;

/// What the books say of the records of a file: the keys of the rows that were written of them.
#[derive(Default)]
pub(super) struct Imported {
    /// By the records' places.
    keys: Vec<Option<Vec<Cell>>>,
    /// All of them, hashed.
    hashes: HashSet<u128>,
}

impl Imported {
    /// The key of the row that is to be looked for, where it was written before: by the record's own key, for a file may
    /// have changed, or by its place, where keys are made here.
    fn key(&self, table: &BoundTable, position: u64, own: &[Cell]) -> Option<Vec<Cell>> {
        if table.key_is_made() {
            return usize::try_from(position).ok().and_then(|at| self.keys.get(at).cloned().flatten());
        }
        hash(table, own).filter(|hash| self.hashes.contains(hash)).map(|_| own.to_vec())
    }
}

fn hash(table: &BoundTable, key: &[Cell]) -> Option<u128> {
    let mut bytes = Vec::new();
    for (at, cell) in table.key.iter().zip(key) {
        table.columns[*at].kind.canonical(cell, &mut bytes).ok()?;
    }
    Some(xxhash_rust::xxh3::xxh3_128(&bytes))
}

impl Writer<'_> {
    /// Reads what the books say of a file's records.
    fn look_up(&mut self, at: usize, job: &Job) -> Result<(), ImportError> {
        if self.imported.as_ref().is_some_and(|(of, _)| *of == at) {
            return Ok(());
        }
        let mut imported = Imported::default();
        let table = &self.bound.sources[job.source];
        // by the keys of one table no rows of another are missed
        let told = job.known && job.keyed;
        loop {
            let position = imported.keys.len() as u64;
            let items = if told { books::items(self.store, job.book.id, position)? } else { Vec::new() };
            if items.is_empty() {
                break;
            }
            for item in items {
                let key = if item.has_row() { item.cells(table) } else { None };
                imported.hashes.extend(key.as_ref().and_then(|key| hash(table, key)));
                imported.keys.push(key);
            }
        }
        self.imported = Some((at, imported));
        Ok(())
    }

    /// What a run would do.
    pub(super) fn look(&mut self, jobs: &mut [Job], batch: &mut Batch) -> Result<(), ImportError> {
        let reading = |source| ImportError::Sql { doing: "compare records with what is there".to_owned(), source };
        for part in &mut batch.parts {
            let job = &jobs[part.job];
            if self.check && !part.mapped.is_empty() {
                self.look_up(part.job, job)?;
            }
            let table = &self.bound.sources[job.source];
            let fails = self.mapping.sources[job.source].bad == OnBad::Fail;
            for mapped in &part.mapped {
                let row = match &mapped.what {
                    Ok(row) => row,
                    Err(bad) => {
                        if !fails {
                            self.counts.quarantined += 1;
                        }
                        if self.counts.errors.len() < PROBLEMS {
                            self.counts.errors.push(problem(job, mapped.position, bad));
                        }
                        continue;
                    }
                };
                self.counts.migrated += 1;
                if !self.check {
                    continue;
                }
                let place = || {
                    let records = &self.mapping.sources[job.source].records;
                    row.left.pointer.clone().or_else(|| derived(records, mapped.position)).unwrap_or_default()
                };
                let own: Vec<Cell> = table.key.iter().map(|at| row.cells[*at].clone()).collect();
                let before = self.imported.as_ref().and_then(|(_, of)| of.key(table, mapped.position, &own));
                let key = match table.key_is_made() {
                    false => &own,
                    true => match &before {
                        Some(key) => key,
                        None => continue,
                    },
                };
                let Some(old) = self.store.rows(table, &table.key, key).map_err(reading)?.into_iter().next() else {
                    let Some(key) = before else { continue };
                    self.counts.missing += 1;
                    if self.counts.missing_records.len() < PROBLEMS {
                        let cells = table.key.iter().zip(&key);
                        let key: Vec<String> =
                            cells.map(|(at, cell)| table.columns[*at].kind.restore(cell).to_string()).collect();
                        self.counts.missing_records.push(Problem {
                            file: job.file.path.clone(),
                            position: mapped.position,
                            pointer: place(),
                            reason: format!(
                                "it was imported, and `{}` has no row with the key {}",
                                table.name,
                                key.join(", ")
                            ),
                            ..Problem::default()
                        });
                    }
                    continue;
                };
                if table.key_is_made() {
                    continue;
                }
                let differs = table.columns.iter().enumerate().find(|(at, column)| {
                    !column.is_made() && !column.is_kept() && !column.is_of(&old[*at], &row.cells[*at], row.plain(*at))
                });
                if let Some((at, column)) = differs {
                    self.counts.conflicting += 1;
                    let (here, there) = (column.kind.restore(&row.cells[at]), column.kind.restore(&old[at]));
                    let key: Vec<String> =
                        table.key.iter().map(|at| table.columns[*at].kind.restore(&old[*at]).to_string()).collect();
                    if self.counts.conflicts.len() < PROBLEMS {
                        self.counts.conflicts.push(Problem {
                            file: job.file.path.clone(),
                            position: mapped.position,
                            pointer: place(),
                            place: None,
                            column: Some(format!("{}.{}", table.name, column.name)),
                            reason: match &column.seal {
                                None => format!(
                                    "the row with the key {} holds {}, and the file {}",
                                    key.join(", "),
                                    cut(&there),
                                    cut(&here)
                                ),
                                Some(_) => {
                                    format!("the row with the key {} was made of another value", key.join(", "))
                                }
                            },
                        });
                    }
                }
            }
            if part.end.is_some() && job.last {
                self.counts.files += 1;
            }
        }
        Ok(())
    }
}
