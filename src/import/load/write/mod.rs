//! Mapped records → rows, in batches, each a transaction with what is written down of it.

mod batch;
mod bookkeeping;
mod look;
mod nested;
mod rows;
mod source;

use std::collections::HashMap;

use self::batch::Batch;
pub(in crate::import) use self::rows::fill_parents;
use super::mapped::Bad;
use super::plan::Job;
use super::spares::Spares;
use crate::crash;
use crate::db::SqlError;
use crate::import::ImportError;
use crate::import::bind::{Bound, Cell};
use crate::import::books::{self, FileState};
use crate::import::mapping::Mapping;
use crate::import::report::Problem;
use crate::import::store::{Given, Store};
use crate::import::verify::Sum;

/// How many problems are told one by one.
const PROBLEMS: usize = 100;

/// What is written, and counted.
pub(in crate::import) struct Writer<'a> {
    pub store: &'a mut dyn Store,
    pub mapping: &'a Mapping,
    pub bound: &'a Bound,
    pub tree: &'a str,
    pub run: i64,
    /// Nothing is written.
    pub dry: bool,
    /// Nothing is written, and what is there is compared.
    pub check: bool,
    pub sums: Vec<Sum>,
    pub counts: Counts,
    next_file: i64,
    next_quarantine: i64,
    batch: Batch,
    /// The keys that the books have for records whose rows' keys are made here, of the files that are under way.
    old_keys: HashMap<usize, HashMap<u64, Vec<Cell>>>,
    /// For a check: what the books say of the file's records.
    imported: Option<look::Imported>,
    /// Where the room of rows goes that are written.
    spares: &'a Spares,
}

/// What came of the records.
#[derive(Debug, Clone, Default)]
pub(in crate::import) struct Counts {
    pub files: u64,
    pub migrated: u64,
    pub skipped: u64,
    pub quarantined: u64,
    pub errors: Vec<Problem>,
    pub conflicts: Vec<Problem>,
    pub conflicting: u64,
    pub missing_records: Vec<Problem>,
    pub missing: u64,
    pub extra_records: Vec<Problem>,
    pub extra: u64,
}

fn writing(source: SqlError) -> ImportError {
    ImportError::Sql { doing: "write a batch of records".to_owned(), source }
}

impl<'a> Writer<'a> {
    pub fn new(
        store: &'a mut dyn Store,
        mapping: &'a Mapping,
        bound: &'a Bound,
        tree: &'a str,
        sums: Vec<Sum>,
        spares: &'a Spares,
    ) -> Self {
        Self {
            store,
            mapping,
            bound,
            tree,
            run: 0,
            dry: false,
            check: false,
            sums,
            counts: Counts::default(),
            next_file: 1,
            next_quarantine: 1,
            batch: Batch::default(),
            old_keys: HashMap::new(),
            imported: None,
            spares,
        }
    }

    /// Numbers what is written down from here on.
    pub fn number(&mut self, run: i64) -> Result<(), ImportError> {
        self.run = run;
        self.next_file = books::next(self.store, books::TABLES[1])?;
        self.next_quarantine = books::next(self.store, books::TABLES[3])?;
        Ok(())
    }

    /// Gives a file its number in the books.
    pub fn assign(&mut self, jobs: &mut [Job]) {
        for job in jobs {
            job.book.run = self.run;
            if job.book.id == 0 {
                job.book.id = self.next_file;
                self.next_file += 1;
            }
        }
    }

    /// Writes what is in hand, in one transaction.
    pub fn flush(&mut self, jobs: &mut [Job]) -> Result<(), ImportError> {
        let mut batch = std::mem::take(&mut self.batch);
        if batch.parts.is_empty() {
            return Ok(());
        }
        if self.dry || self.check {
            return self.look(jobs, &mut batch);
        }
        for part in &batch.parts {
            for table in self.bound.sources[jobs[part.job].source].family() {
                self.store.ready(table).map_err(writing)?;
            }
        }
        let (sums, counts) = (self.sums.clone(), self.counts.clone());
        let before: Vec<_> = batch.parts.iter().map(|part| (part.job, how_far(&jobs[part.job]))).collect();
        self.store.begin().map_err(writing)?;
        crash::point("import-begun");
        let written = self.write(jobs, &mut batch).and_then(|()| {
            crash::point("import-before-commit");
            self.store.sql("COMMIT").map(drop).map_err(writing)
        });
        if let Err(error) = written {
            (self.sums, self.counts) = (sums, counts);
            for (at, (state, done)) in before {
                (jobs[at].book.state, jobs[at].book.done) = (state, done);
            }
            if let Err(error) = self.store.sql("ROLLBACK") {
                tracing::debug!(%error, "roll back");
            }
            return Err(error);
        }
        crash::point("import-after-commit");
        self.clear(batch);
        Ok(())
    }

    fn write(&mut self, jobs: &mut [Job], batch: &mut Batch) -> Result<(), ImportError> {
        for part in &batch.parts {
            let job = &jobs[part.job];
            let table = &self.bound.sources[job.source];
            if !job.known || self.old_keys.contains_key(&part.job) {
                continue;
            }
            let keyed = table.key_is_made() && job.keyed;
            if job.book.done == 0 {
                if keyed {
                    books::put_aside(self.store, job.book.id).map_err(writing)?;
                } else {
                    books::drop_aside(self.store, job.book.id).map_err(writing)?;
                }
                let sql = "DELETE FROM liftlock_import_record WHERE file = ?";
                self.store.write(sql, &[Given::Number(job.book.id)]).map_err(writing)?;
                // what was bad in it is found again, or mended
                let sql = "DELETE FROM liftlock_import_quarantine WHERE source = ? AND path = ? \
                           AND run IN (SELECT id FROM liftlock_import_run WHERE folder = ?)";
                let given = [&*self.mapping.sources[job.source].name, &*job.file.path, self.tree].map(Given::Text);
                self.store.write(sql, &given).map_err(writing)?;
            }
            let mut keys = HashMap::new();
            if keyed {
                books::aside(self.store, job.book.id, &mut |at, item| {
                    keys.extend(item.cells(table).map(|cells| (at, cells)));
                })?;
            }
            self.old_keys.insert(part.job, keys);
        }
        // parts of one source that follow each other are written together
        let mut from = 0;
        while from < batch.parts.len() {
            let source = jobs[batch.parts[from].job].source;
            let count = batch.parts[from..].iter().take_while(|part| jobs[part.job].source == source).count();
            let parts = &mut batch.parts[from..from + count];
            self.write_source(source, parts)?;
            from += count;
        }
        for part in &mut batch.parts {
            self.write_books(&mut jobs[part.job], part)?;
            let job = &jobs[part.job];
            if job.book.state.is_in() && self.old_keys.remove(&part.job).is_some_and(|keys| !keys.is_empty()) {
                books::drop_aside(self.store, job.book.id).map_err(writing)?;
            }
        }
        crash::point("import-written");
        Ok(())
    }
}

/// How far a file is in.
fn how_far(job: &Job) -> (FileState, u64) {
    (job.book.state, job.book.done)
}

fn problem(job: &Job, position: u64, bad: &Bad) -> Problem {
    Problem {
        file: job.file.path.clone(),
        position,
        pointer: bad.pointer.clone(),
        place: bad.place,
        column: bad.column.clone(),
        reason: bad.reason.clone(),
    }
}
