//! The board on which workers find what to do next, and write what they have done.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::load::Loaded;
use super::{TableCopy, TableJob};
use crate::port::error::PortError;
use crate::port::verify::{PageRange, TableProof};
use crate::value::Checksum;

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) enum Task {
    Load { table: usize, batch: usize },
    ReadBack { table: usize, pages: Option<PageRange> },
}

impl Task {
    pub fn table(&self) -> usize {
        match self {
            Self::Load { table, .. } | Self::ReadBack { table, .. } => *table,
        }
    }
}

pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    queue: VecDeque<Task>,
    running: usize,
    failure: Option<PortError>,
    tables: Vec<TableState>,
}

#[derive(Default)]
struct TableState {
    loads_left: usize,
    stage: Stage,
    reads_left: usize,
    target: Vec<Checksum>,
    copy: TableCopy,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Loading,
    ReadingBack,
    Compared,
}

impl Board {
    pub fn new(tables: &[TableJob]) -> Self {
        let mut queue = VecDeque::new();
        let mut states = Vec::new();
        for (table, job) in tables.iter().enumerate() {
            let mut left: Vec<usize> = (0..job.batches.len()).filter(|batch| job.done[*batch].is_none()).collect();
            if left.is_empty() {
                // all of it is in from before: its last batch is the one whose end leads on to reading back
                left = Vec::new();
                queue.push_back(Task::ReadBack { table, pages: None });
            }
            queue.extend(left.iter().map(|batch| Task::Load { table, batch: *batch }));
            let reads_left = usize::from(left.is_empty());
            states.push(TableState {
                loads_left: left.len(),
                stage: if left.is_empty() { Stage::ReadingBack } else { Stage::Loading },
                reads_left,
                target: Vec::new(),
                copy: TableCopy {
                    source: job.done.clone(),
                    beside: job.beside.as_ref().and_then(|beside| beside.done.clone()).unwrap_or_default(),
                    ..TableCopy::default()
                },
            });
        }
        Self { state: Mutex::new(State { queue, running: 0, failure: None, tables: states }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next thing to do; waits while what others do may lead to more. `None`: all is done, or something failed.
    pub fn take(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.failure.is_some() {
                return None;
            }
            if let Some(task) = state.queue.pop_front() {
                state.running += 1;
                return Some(task);
            }
            if state.running == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The end of a task that was taken.
    pub fn finish(&self, result: Result<(), PortError>) {
        let mut state = self.lock();
        state.running -= 1;
        if let Err(error) = result {
            // what others fail with after the first is its consequence, or the same
            state.failure.get_or_insert(error);
        }
        self.changed.notify_all();
    }

    pub fn loaded(&self, table: usize, batch: usize, loaded: Loaded, took: Duration) {
        let mut state = self.lock();
        let table = &mut state.tables[table];
        table.copy.source[batch] = Some(loaded.checksum);
        table.copy.bytes += loaded.bytes;
        table.copy.quarantined.extend(loaded.quarantined);
        table.copy.beside = loaded.beside.unwrap_or_default();
        table.copy.loading += took;
        table.loads_left -= 1;
    }

    /// Whether the last batch is in; says so once.
    pub fn all_loaded(&self, table: usize) -> bool {
        let mut state = self.lock();
        let table = &mut state.tables[table];
        let first = table.stage == Stage::Loading && table.loads_left == 0;
        if first {
            table.stage = Stage::ReadingBack;
            table.reads_left = usize::MAX;
        }
        first
    }

    pub fn read_back_next(&self, table: usize, pages: Vec<Option<PageRange>>) {
        let mut state = self.lock();
        state.tables[table].reads_left = pages.len();
        for pages in pages.into_iter().rev() {
            state.queue.push_front(Task::ReadBack { table, pages });
        }
        self.changed.notify_all();
    }

    pub fn read_back(&self, table: usize, sums: &[Checksum], took: Duration) {
        let mut state = self.lock();
        let table = &mut state.tables[table];
        if table.target.is_empty() {
            table.target = vec![Checksum::default(); sums.len()];
        }
        for (sum, part) in table.target.iter_mut().zip(sums) {
            *sum += *part;
        }
        table.copy.reading_back += took;
        table.reads_left -= 1;
    }

    /// Both sides' checksums once all of the table is read back; gives them once.
    pub fn all_read_back(&self, table: usize) -> Option<(Vec<Checksum>, Vec<Checksum>)> {
        let mut state = self.lock();
        let table = &mut state.tables[table];
        if table.stage != Stage::ReadingBack || table.reads_left > 0 {
            return None;
        }
        table.stage = Stage::Compared;
        let source = table.copy.source.iter().map(|sum| sum.unwrap_or_default()).collect();
        Some((source, std::mem::take(&mut table.target)))
    }

    pub fn proven(&self, table: usize, proof: TableProof) {
        self.lock().tables[table].copy.proof = Some(proof);
    }

    pub fn into_results(self) -> (Vec<TableCopy>, Result<(), PortError>) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let copies = state.tables.into_iter().map(|table| table.copy).collect();
        (copies, state.failure.map_or(Ok(()), Err))
    }
}
