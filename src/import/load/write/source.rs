//! A source's records of a batch → rows: all together, and where one is refused, by halves, down to the one that is.

use std::collections::BTreeMap;

use serde_json::Value;

use super::batch::Part;
use super::rows::{Nested, Outcome, Stop};
use super::{Writer, writing};
use crate::db::SqlError;
use crate::import::ImportError;
use crate::import::Mapping;
use crate::import::bind::{BoundTable, derived};
use crate::import::load::mapped::{Bad, Mapped};
use crate::import::mapping::secrets;
use crate::import::row::Row;

/// What is written stays, whatever becomes of the rest.
const NEXT: &str = "RELEASE SAVEPOINT liftlock_batch; SAVEPOINT liftlock_batch";

/// Whether what the server says of a violated constraint may hold what a column hashes or encrypts: all of the row for NOT
/// NULL and CHECK (`Failing row contains (…)`), whichever source the column is of, and the key for all others.
fn tells_secrets(error: &SqlError, mapping: &Mapping) -> bool {
    let (Some(code), Some(detail)) = (error.code.as_deref(), &error.detail) else { return false };
    let all = || mapping.sources.iter().flat_map(|source| secrets(&source.into));
    match code {
        "23502" | "23514" => all().next().is_some(),
        code if code.starts_with("23") => {
            all().any(|secret| secret.column.rsplit('.').next().is_some_and(|column| detail.contains(column)))
        }
        _ => false,
    }
}

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
            self.write_rows(table, &mut rows, Nested::Stay)
        };
        match outcomes {
            Ok(outcomes) => {
                for ((_, mapped), outcome) in units.iter_mut().zip(outcomes) {
                    self.count(mapped, &outcome);
                }
                self.store.sql("RELEASE SAVEPOINT liftlock_batch").map_err(writing)?;
            }
            Err(Stop::Fatal(error)) => return Err(error),
            // one of them is refused: which, is found by halves
            Err(Stop::Refused(_)) => {
                self.sums = sums;
                self.store.sql("ROLLBACK TO SAVEPOINT liftlock_batch").map_err(writing)?;
                self.by_halves(source, units.into_iter().map(|(_, mapped)| mapped).collect())?;
                self.store.sql("RELEASE SAVEPOINT liftlock_batch").map_err(writing)?;
            }
        }
        Ok(())
    }

    /// Writes what can be written of records that were refused together.
    ///
    /// A record that refers to one behind it waits for that one. Each round goes the other way than the one before, so
    /// that a chain is done in two, however it lies.
    fn by_halves(&mut self, source: usize, mut waiting: Vec<&mut Mapped>) -> Result<(), ImportError> {
        let mut tried = true;
        loop {
            let count = waiting.len();
            let mut refused = BTreeMap::new();
            self.halve(&self.bound.sources[source], &mut waiting, 0, tried, &mut refused)?;
            tried = false;
            let mut later = Vec::new();
            for (at, mapped) in waiting.into_iter().enumerate() {
                let Some(error) = refused.remove(&at) else { continue };
                match matches!(error.code.as_deref(), Some("23503" | "SQLITE_CONSTRAINT_FOREIGNKEY")) {
                    true => later.push((mapped, error)),
                    false => self.refuse(source, mapped, error),
                }
            }
            if later.len() == count || later.is_empty() {
                later.into_iter().for_each(|(mapped, error)| self.refuse(source, mapped, error));
                return Ok(());
            }
            waiting = later.into_iter().rev().map(|(mapped, _)| mapped).collect();
        }
    }

    /// Writes records in their order: all together, unless that was tried, or else each half so, and few of them one by
    /// one. Those that are refused come into `refused`, by their places from `first` on.
    ///
    /// Gives whether all of them went in together.
    fn halve(
        &mut self,
        table: &BoundTable,
        records: &mut [&mut Mapped],
        first: usize,
        tried: bool,
        refused: &mut BTreeMap<usize, SqlError>,
    ) -> Result<bool, ImportError> {
        if records.len() <= self.store.few() {
            for (at, mapped) in (first..).zip(records) {
                if let Err(error) = self.by_itself(table, mapped)? {
                    refused.insert(at, error);
                }
            }
            return Ok(false);
        }
        if !tried && self.together(table, records)? {
            return Ok(true);
        }
        let middle = records.len() / 2;
        let (left, right) = records.split_at_mut(middle);
        let is_in = self.halve(table, left, first, false, refused)?;
        // what has refused all of them is in the second half, then
        self.halve(table, right, first + middle, is_in, refused)?;
        Ok(false)
    }

    /// Writes records together, if none of them is refused.
    fn together(&mut self, table: &BoundTable, records: &mut [&mut Mapped]) -> Result<bool, ImportError> {
        let sums = self.sums.clone();
        let mut rows: Vec<&mut Row> = records.iter_mut().filter_map(|mapped| mapped.what.as_mut().ok()).collect();
        match self.write_rows(table, &mut rows, Nested::Stay) {
            Ok(outcomes) => {
                for (mapped, outcome) in records.iter_mut().zip(&outcomes) {
                    self.count(mapped, outcome);
                }
                self.store.sql(NEXT).map_err(writing)?;
                Ok(true)
            }
            Err(Stop::Fatal(error)) => Err(error),
            Err(Stop::Refused(_)) => {
                self.sums = sums;
                self.store.sql("ROLLBACK TO SAVEPOINT liftlock_batch").map_err(writing)?;
                Ok(false)
            }
        }
    }

    /// Writes one record, or says why the database refuses it.
    fn by_itself(&mut self, table: &BoundTable, mapped: &mut Mapped) -> Result<Result<(), SqlError>, ImportError> {
        let sums = self.sums.clone();
        let mut refused = None;
        // rows under a record that change places under a unique constraint have to make room first
        for nested in [Nested::Stay, Nested::GiveWay] {
            let Ok(row) = &mut mapped.what else { break };
            match self.write_rows(table, &mut [row], nested) {
                Ok(outcomes) => {
                    outcomes.iter().for_each(|outcome| self.count(mapped, outcome));
                    self.store.sql(NEXT).map_err(writing)?;
                    return Ok(Ok(()));
                }
                Err(Stop::Fatal(error)) => return Err(error),
                Err(Stop::Refused(error)) => {
                    self.sums.clone_from(&sums);
                    self.store.sql("ROLLBACK TO SAVEPOINT liftlock_batch").map_err(writing)?;
                    refused.get_or_insert(error);
                }
            }
            if table.children.is_empty() {
                break;
            }
        }
        Ok(refused.map_or(Ok(()), Err))
    }

    fn refuse(&self, source: usize, mapped: &mut Mapped, error: SqlError) {
        let raw = mapped.value.as_ref().map(Value::to_string).unwrap_or_default();
        let pointer = mapped.what.as_ref().ok().and_then(|row| row.left.pointer.clone());
        let records = &self.mapping.sources[source].records;
        let pointer = pointer.or_else(|| derived(records, mapped.position)).unwrap_or_default();
        let (error, left_out) = match tells_secrets(&error, self.mapping) {
            true => (error.without_detail(), "; what else the server says has values in it, some hashed or encrypted"),
            false => (error, ""),
        };
        let reason = format!("the database refuses it: {error}{left_out}");
        mapped.what = Err(Bad { record: pointer.clone(), pointer, reason, raw, ..Bad::default() });
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
