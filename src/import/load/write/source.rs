//! A source's records of a batch → rows: all together, and where one is refused, each by itself.

use serde_json::Value;

use super::batch::Part;
use super::rows::{Outcome, Stop};
use super::{Writer, writing};
use crate::import::ImportError;
use crate::import::bind::derived;
use crate::import::load::read::{Bad, Mapped};
use crate::import::row::Row;

impl Writer<'_> {
    pub(super) fn write_source(&mut self, source: usize, parts: &mut [Part]) -> Result<(), ImportError> {
        let table = &self.bound.sources[source];
        let mut units: Vec<(usize, &mut Mapped)> = parts
            .iter_mut()
            .flat_map(|part| part.mapped.iter_mut().map(|mapped| (part.job, mapped)))
            .filter(|(_, mapped)| mapped.what.is_ok())
            .collect();
        if table.key_is_made() {
            for (job, mapped) in &mut units {
                let key = self.old_keys.get(job).and_then(|keys| keys.get(&mapped.position));
                if let (Ok(row), Some(key)) = (&mut mapped.what, key) {
                    table.key.iter().zip(key).for_each(|(at, cell)| row.cells[*at] = cell.clone());
                }
            }
        }
        let sums = self.sums.clone();
        self.store.sql("SAVEPOINT liftlock_batch").map_err(writing)?;
        let outcomes = {
            let mut rows: Vec<&mut Row> =
                units.iter_mut().filter_map(|(_, mapped)| mapped.what.as_mut().ok()).collect();
            self.write_rows(table, &mut rows)
        };
        match outcomes {
            Ok(outcomes) => {
                for ((_, mapped), outcome) in units.iter_mut().zip(outcomes) {
                    self.count(mapped, &outcome);
                }
                self.store.sql("RELEASE SAVEPOINT liftlock_batch").map_err(writing)?;
            }
            Err(Stop::Fatal(error)) => return Err(error),
            // one of them is refused: each by itself
            Err(Stop::Refused(_)) => {
                self.sums = sums;
                self.store.sql("ROLLBACK TO SAVEPOINT liftlock_batch").map_err(writing)?;
                for (_, mapped) in &mut units {
                    let sums = self.sums.clone();
                    let Ok(row) = &mut mapped.what else { continue };
                    let outcome = self.write_rows(table, &mut [row]);
                    match outcome {
                        Ok(outcomes) => {
                            outcomes.iter().for_each(|outcome| self.count(mapped, outcome));
                            let renewed = "RELEASE SAVEPOINT liftlock_batch; SAVEPOINT liftlock_batch";
                            self.store.sql(renewed).map_err(writing)?;
                        }
                        Err(Stop::Fatal(error)) => return Err(error),
                        Err(Stop::Refused(error)) => {
                            self.sums = sums;
                            self.store.sql("ROLLBACK TO SAVEPOINT liftlock_batch").map_err(writing)?;
                            let raw = mapped.value.as_ref().map(Value::to_string).unwrap_or_default();
                            let pointer = match &mapped.what {
                                Ok(row) => row.left.pointer.clone(),
                                Err(_) => None,
                            };
                            let pointer = pointer
                                .or_else(|| {
                                    let records = &self.mapping.sources[source].records;
                                    derived(records, mapped.position)
                                })
                                .unwrap_or_default();
                            let reason = format!("the database refuses it: {error}");
                            mapped.what = Err(Bad { record: pointer.clone(), pointer, reason, raw, ..Bad::default() });
                        }
                    }
                }
                self.store.sql("RELEASE SAVEPOINT liftlock_batch").map_err(writing)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, mapped: &mut Mapped, outcome: &Outcome) {
        match outcome {
            Outcome::Stored => {
                self.counts.migrated += 1;
                mapped.value = None;
            }
            Outcome::Left { same } => {
                self.counts.skipped += 1;
                if *same {
                    mapped.value = None;
                }
            }
        }
    }
}
