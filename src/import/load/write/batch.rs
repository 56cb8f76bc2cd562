//! Records as they come → batches: so many that a transaction is worth while, no key twice.

use super::Writer;
use crate::import::ImportError;
use crate::import::load::mapped::Mapped;
use crate::import::load::plan::Job;
use crate::import::read::FileRead;
use crate::import::verify::PrintSet;

/// How many records, and about how many bytes of them, a transaction has.
const RECORDS: usize = 8192;
const BYTES: usize = 8 << 20;

#[derive(Default)]
pub(super) struct Batch {
    pub parts: Vec<Part>,
    records: usize,
    bytes: usize,
    keys: PrintSet,
}

/// What a batch has of a file.
pub(super) struct Part {
    pub job: usize,
    pub mapped: Vec<Mapped>,
    pub end: Option<Box<FileRead>>,
}

impl Writer<'_> {
    /// Takes records of a file.
    pub fn records(&mut self, jobs: &mut [Job], at: usize, records: Vec<Mapped>) -> Result<(), ImportError> {
        for mapped in records {
            let key = mapped.key;
            let twice = key.is_some_and(|key| !self.batch.keys.insert(key));
            if twice || self.batch.records >= RECORDS || self.batch.bytes >= BYTES {
                self.flush(jobs)?;
                self.batch.keys.extend(key);
            }
            self.batch.records += 1;
            self.batch.bytes += mapped.bytes;
            self.part(at).mapped.push(mapped);
        }
        Ok(())
    }

    /// Takes the end of a file.
    pub fn end(&mut self, jobs: &mut [Job], at: usize, read: Box<FileRead>) -> Result<(), ImportError> {
        self.part(at).end = Some(read);
        self.batch.records += 1;
        if self.batch.records >= RECORDS { self.flush(jobs) } else { Ok(()) }
    }

    fn part(&mut self, job: usize) -> &mut Part {
        if self.batch.parts.last().is_none_or(|part| part.job != job) {
            self.batch.parts.push(Part { job, mapped: Vec::new(), end: None });
        }
        self.batch.parts.last_mut().expect("one was pushed")
    }

    /// Ends a batch that is written: its rows' room is given back, and its own is kept.
    pub(super) fn clear(&mut self, batch: Batch) {
        let Batch { parts, mut keys, .. } = batch;
        let mapped = parts.into_iter().flat_map(|part| part.mapped);
        self.spares.put(mapped.filter_map(|mapped| Some((mapped.what.ok()?.cells, mapped.bytes))));
        keys.clear();
        self.batch.keys = keys;
    }
}
