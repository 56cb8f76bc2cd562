//! The board on which workers find what to do next, and write what they have done.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::load::Loaded;
use super::{SHOWN, TableCopy, TableJob};
use crate::port::error::PortError;
use crate::port::verify::{PageRange, Refused, Sums, TableProof, TableSums};

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
    /// The tables that have to be in first.
    after: Vec<usize>,
    stage: Stage,
    reads_left: usize,
    /// What is in, by ranges of hashes, and whether each row was in its place.
    source: TableSums,
    target: TableSums,
    copy: TableCopy,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Loading,
    ReadingBack,
    Compared,
}

impl State {
    fn may_begin(&self, task: &Task) -> bool {
        let Task::Load { table, .. } = task else { return true };
        self.tables[*table].after.iter().all(|parent| self.tables[*parent].loads_left == 0)
    }
}

/// A task in hand. Where it is dropped without an end, by a panic, the work of all ends: the others would wait for it.
pub(super) struct InHand<'a> {
    board: &'a Board,
    ended: bool,
}

impl InHand<'_> {
    /// The end of the task.
    pub fn finish(mut self, result: Result<(), PortError>) {
        self.ended = true;
        self.board.finish(result);
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.board.finish(Err(PortError::Interrupted));
        }
    }
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
                after: job.after.iter().copied().filter(|parent| *parent != table).collect(),
                stage: if left.is_empty() { Stage::ReadingBack } else { Stage::Loading },
                reads_left,
                source: TableSums { batches: Vec::new(), sums: job.before.sums.clone(), in_place: job.before.in_place },
                target: TableSums { sums: Sums::new(job.hash_ranges), ..TableSums::default() },
                copy: TableCopy {
                    source: job.done.clone(),
                    refused: job.before.refused.clone(),
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
    pub fn take(&self) -> Option<(Task, InHand<'_>)> {
        self.next().map(|task| (task, InHand { board: self, ended: false }))
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.failure.is_some() {
                return None;
            }
            // where nothing is under way that could end a wait, none can be waited for
            let next = state.queue.iter().position(|task| state.may_begin(task));
            let next = next.or((state.running == 0 && !state.queue.is_empty()).then_some(0));
            if let Some(task) = next.and_then(|next| state.queue.remove(next)) {
                state.running += 1;
                return Some(task);
            }
            if state.running == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self, result: Result<(), PortError>) {
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
        table.copy.source[batch] = Some(loaded.sums.all);
        table.source.sums += &loaded.sums;
        table.source.in_place &= loaded.in_place;
        table.copy.refused.add(&loaded.refused);
        table.copy.bytes += loaded.bytes;
        let room = SHOWN - table.copy.quarantined.len().min(SHOWN);
        table.copy.quarantined.extend(loaded.quarantined.shown.into_iter().take(room));
        table.copy.quarantined_rows += loaded.quarantined.rows;
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

    pub fn read_back(&self, table: usize, sums: &TableSums, took: Duration) {
        let mut state = self.lock();
        let table = &mut state.tables[table];
        table.target.add(sums);
        table.copy.reading_back += took;
        table.reads_left -= 1;
    }

    /// Both sides' sums once all of the table is read back, and the rows that the server has refused; gives them once.
    pub fn all_read_back(&self, table: usize) -> Option<(TableSums, TableSums, Refused)> {
        let mut state = self.lock();
        let table = &mut state.tables[table];
        if table.stage != Stage::ReadingBack || table.reads_left > 0 {
            return None;
        }
        table.stage = Stage::Compared;
        let mut source = std::mem::take(&mut table.source);
        source.batches = table.copy.source.iter().map(|sum| sum.unwrap_or_default()).collect();
        Some((source, std::mem::take(&mut table.target), table.copy.refused.clone()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::batch::{Batch, BatchSize};
    use crate::port::plan::TablePlan;
    use crate::port::row::RowCodec;
    use crate::schema::Table;

    fn jobs(afters: &[&[usize]]) -> Vec<TableJob> {
        let codec = RowCodec::new(&TablePlan::default(), &Table::default(), "public");
        let job = |after: &&[usize]| TableJob {
            after: after.to_vec(),
            ..TableJob::new("t".to_owned(), codec.clone(), vec![Batch::default()], BatchSize::default(), None)
        };
        afters.iter().map(job).collect()
    }

    #[test]
    fn a_worker_that_panics_leaves_no_other_waiting() {
        let board = Board::new(&jobs(&[&[]]));
        let panicked = std::thread::scope(|scope| {
            let (taken, is_taken) = std::sync::mpsc::channel();
            let first = scope.spawn({
                let board = &board;
                move || {
                    let _task = board.take().expect("there is one");
                    taken.send(()).expect("the other listens");
                    panic!("in the middle of a task");
                }
            });
            is_taken.recv().expect("it is taken");
            // waits for what the first may lead to
            assert!(board.take().is_none());
            first.join().is_err()
        });
        assert!(panicked);
        assert!(board.into_results().1.is_err());
    }

    #[test]
    fn a_table_waits_for_those_that_it_refers_to() {
        let board = Board::new(&jobs(&[&[1], &[]]));
        let (task, parent) = board.take().expect("there is one");
        assert_eq!(task.table(), 1);
        board.loaded(1, 0, Loaded::new(&jobs(&[&[]])[0]), Duration::ZERO);
        parent.finish(Ok(()));
        let (task, child) = board.take().expect("there is one");
        assert_eq!(task.table(), 0);
        child.finish(Ok(()));
    }

    #[test]
    fn tables_that_refer_to_each_other_do_not_wait_for_ever() {
        let board = Board::new(&jobs(&[&[1], &[0]]));
        let (task, first) = board.take().expect("there is one");
        assert_eq!(task.table(), 0);
        first.finish(Ok(()));
        assert_eq!(board.take().expect("there is one").0.table(), 1);
    }
}
