//! The copy: batches are loaded and tables read back by several workers at once, each with a connection to either side.

mod aside;
mod beside;
mod board;
mod load;
mod reject;

use std::time::{Duration, Instant};

pub use aside::SHOWN;
pub(in crate::port) use beside::skipped;
pub(super) use reject::is_about_data;
pub use reject::{OnError, Quarantined};
pub(super) use reject::{
    make_sql as quarantine_table_sql, read as read_quarantine, show_key, table_sql as quarantine_sql,
};

use super::batch::{Batch, BatchSize};
use super::checkpoint::{BesideRows, Checkpoint};
use super::error::PortError;
use super::options::OnConflict;
use super::progress::{Event, Observer};
use super::row::RowCodec;
use super::verify::{self, Bounds, Refused, Sums, TableProof};
use crate::db::{BulkDb, SqliteDb};
use crate::interrupt::Interrupt;
use crate::value::Checksum;
use board::{Board, Task};

/// What is to be copied of one table.
#[derive(Debug)]
pub struct TableJob {
    /// The table in SQLite.
    pub source: String,
    /// How its rows go over.
    pub codec: RowCodec,
    /// Its batches.
    pub batches: Vec<Batch>,
    /// By which keys rows find their batch again, where they do.
    pub bounds: Option<Bounds>,
    /// Into how many ranges of row hashes it is divided, to tell where it differs; 1: it is not.
    pub hash_ranges: usize,
    /// What is in already.
    pub done: Vec<Option<Checksum>>,
    /// What more there is to know of that.
    pub before: Before,
    /// The target's table holds rows that stay; then there is one batch.
    pub beside: Option<Beside>,
    /// The tables, by their place among all, whose rows have to be in before this one's: it refers to them by foreign
    /// keys that stay on.
    pub after: Vec<usize>,
}

/// What went in before this run, looked at again in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The sums of its rows.
    pub sums: Sums,
    /// Each was in the batch in which its key says that it is.
    pub in_place: bool,
    /// Those that the server had refused.
    pub refused: Refused,
}

impl Before {
    /// Adds another batch that is in.
    pub fn add(&mut self, other: &Self) {
        self.sums += &other.sums;
        self.in_place &= other.in_place;
        self.refused.add(&other.refused.hashes);
        self.refused.more += other.refused.more;
    }
}

impl TableJob {
    /// A table to be copied, or compared, of which nothing is done yet; its hashes are divided so that each range has
    /// about the rows of a batch of `size`.
    #[must_use]
    pub fn new(source: String, codec: RowCodec, batches: Vec<Batch>, size: BatchSize, beside: Option<Beside>) -> Self {
        let bounds = Bounds::of(&codec, &batches);
        let (rows, bytes) =
            batches.iter().fold((0, 0), |(rows, bytes), batch| (rows + batch.rows, bytes + batch.bytes));
        let hash_ranges = match &bounds {
            // batches found by integers are always right, and all that is needed
            Some(Bounds::Integers(_)) if beside.is_none() => 1,
            _ => verify::ranges_for(rows, bytes, size),
        };
        let before = Before { sums: Sums::new(hash_ranges), in_place: true, refused: Refused::default() };
        let (done, after) = (vec![None; batches.len()], Vec::new());
        Self { source, codec, batches, bounds, hash_ranges, done, before, beside, after }
    }
}

/// How rows get in beside others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// What becomes of a row whose key is there.
    pub how: OnConflict,
    /// The key's columns in PostgreSQL.
    pub key: Vec<String>,
    /// What became of the rows, where they are in already.
    pub done: Option<BesideRows>,
}

/// What became of one table.
#[derive(Debug, Clone, Default)]
pub struct TableCopy {
    /// What SQLite holds of it, as far as it is in: one checksum a batch.
    pub source: Vec<Option<Checksum>>,
    /// The rows that the server has refused.
    pub refused: Refused,
    /// The bytes that were sent.
    pub bytes: u64,
    /// What became of the rows where they went in beside others.
    pub beside: BesideRows,
    /// The first of the rows that were put aside, [`SHOWN`] at most.
    pub quarantined: Vec<Quarantined>,
    /// How many rows were put aside.
    pub quarantined_rows: u64,
    /// The time that the workers took to load it, added up.
    pub loading: Duration,
    /// The time that they took to read it back.
    pub reading_back: Duration,
    /// What the comparison came to, once it was made.
    pub proof: Option<TableProof>,
}

/// How the copy is done.
#[derive(Debug)]
pub struct CopySettings<'a> {
    /// The bookkeeping; `None` where all is one transaction.
    pub checkpoint: Option<&'a Checkpoint>,
    /// The schema of the target, quoted: the quarantine's table goes there.
    pub schema: String,
    /// What becomes of rows that can't be stored.
    pub on_error: OnError,
    /// A request to stop.
    pub interrupt: &'a Interrupt,
    /// Who is told of progress.
    pub observer: Observer<'a>,
}

/// A worker's connections.
#[derive(Debug)]
pub struct Worker<'a> {
    /// Reads the snapshot.
    pub reader: &'a mut SqliteDb,
    /// Writes and reads the target.
    pub bulk: &'a mut BulkDb,
}

/// Copies the tables and compares each with what the target then holds. What was done of each table is returned in
/// any case, with the error that ended the work before its end.
pub fn run(
    tables: &[TableJob],
    workers: Vec<Worker<'_>>,
    settings: &CopySettings<'_>,
) -> (Vec<TableCopy>, Result<(), PortError>) {
    let board = Board::new(tables);
    std::thread::scope(|scope| {
        for worker in workers {
            let board = &board;
            scope.spawn(move || work(tables, worker, board, settings));
        }
    });
    board.into_results()
}

fn work(tables: &[TableJob], mut worker: Worker<'_>, board: &Board, settings: &CopySettings<'_>) {
    while let Some((task, in_hand)) = board.take() {
        let table = task.table();
        let began = Instant::now();
        let result = match task {
            Task::Load { table, batch } => load_batch(&tables[table], batch, &mut worker, settings, board, table),
            Task::ReadBack { table, ref pages } => {
                let job = &tables[table];
                let read = verify::read_back(job, pages.as_ref(), worker.bulk, settings.interrupt);
                read.map(|sums| board.read_back(table, &sums, began.elapsed()))
            }
        };
        let result = result.and_then(|()| advance(table, tables, &mut worker, board, settings));
        in_hand.finish(result);
    }
}

fn load_batch(
    job: &TableJob,
    batch: usize,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
    board: &Board,
    table: usize,
) -> Result<(), PortError> {
    let began = Instant::now();
    let loaded = load::batch(job, batch, worker, settings)?;
    board.loaded(table, batch, loaded, began.elapsed());
    Ok(())
}

/// What follows when a table's last batch is in, and when it is read back.
fn advance(
    table: usize,
    tables: &[TableJob],
    worker: &mut Worker<'_>,
    board: &Board,
    settings: &CopySettings<'_>,
) -> Result<(), PortError> {
    let job = &tables[table];
    if board.all_loaded(table) {
        settings.observer.tell(&Event::Loaded { table: &job.source });
        let pages = verify::page_ranges(job, worker.bulk)?;
        board.read_back_next(table, pages);
    }
    if let Some((source, target, refused)) = board.all_read_back(table) {
        let proof = verify::compare(job, &source, &target, &refused, worker, settings.interrupt)?;
        settings.observer.tell(&Event::Compared {
            table: &job.source,
            proven: proof.is_proven(),
            sampled: false,
            rows: proof.target.rows,
        });
        board.proven(table, proof);
    }
    Ok(())
}
