//! What a run would do, where nothing is written: counted, and compared with what is there.

use super::batch::Batch;
use super::{PROBLEMS, Writer, problem};
use crate::import::ImportError;
use crate::import::bind::{Cell, cut, derived};
use crate::import::load::plan::Job;
use crate::import::mapping::OnBad;
use crate::import::report::Problem;

impl Writer<'_> {
    /// What a run would do.
    pub(super) fn look(&mut self, jobs: &mut [Job], batch: &mut Batch) -> Result<(), ImportError> {
        let reading = |source| ImportError::Sql { doing: "compare records with what is there".to_owned(), source };
        for part in &mut batch.parts {
            let job = &jobs[part.job];
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
                if !self.check || table.key_is_made() {
                    continue;
                }
                let key: Vec<Cell> = table.key.iter().map(|at| row.cells[*at].clone()).collect();
                let Some(old) = self.store.rows(table, &table.key, &key).map_err(reading)?.into_iter().next() else {
                    continue;
                };
                let differs = table.columns.iter().enumerate().find(|(at, column)| {
                    !column.is_made() && !column.is_kept() && !column.is_of(&old[*at], &row.cells[*at], row.plain(*at))
                });
                if let Some((at, column)) = differs {
                    self.counts.conflicting += 1;
                    let (here, there) = (column.kind.restore(&row.cells[at]), column.kind.restore(&old[at]));
                    let key: Vec<String> =
                        table.key.iter().map(|at| table.columns[*at].kind.restore(&old[*at]).to_string()).collect();
                    if self.counts.conflicts.len() < PROBLEMS {
                        let pointer = row
                            .left
                            .pointer
                            .clone()
                            .or_else(|| derived(&self.mapping.sources[job.source].records, mapped.position));
                        self.counts.conflicts.push(Problem {
                            file: job.file.path.clone(),
                            position: mapped.position,
                            pointer: pointer.unwrap_or_default(),
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
            if part.end.is_some() {
                self.counts.files += 1;
            }
        }
        Ok(())
    }
}
