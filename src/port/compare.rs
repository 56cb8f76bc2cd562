//! Comparing alone: whether PostgreSQL holds what SQLite holds, whatever moved it there.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::batch::{Batch, BatchSize, Key};
use super::copy::{TableCopy, TableJob, Worker, show_key};
use super::error::PortError;
use super::options::Options;
use super::plan::Plan;
use super::progress::{Event, Observer, Phase};
use super::report::{Outcome, PhaseReport, Report, TableState};
use super::row::{RowCodec, Scratch};
use super::side_by_side::side_by_side;
use super::target::TargetSchema;
use super::verify::{self, Bounds, Cell, Difference, Kind, MOST_RANGES, Refused, Rising, Sums, TableSums};
use crate::config::{PostgresTarget, SqliteTarget};
use crate::db::{BulkDb, Snapshot, SqlError, SqliteDb, Statements as _};
use crate::interrupt::Interrupt;
use crate::schema::Table;
use crate::value::{Checksum, SqlValue};

mod basis;

use super::run::{connections, reporting, session, writable};

/// How many rows make a batch, which is compared by itself.
const BATCH: u64 = 50_000;

/// The same, as far as it matters to ranges of hashes.
const SIZE: BatchSize = BatchSize { rows: BATCH, bytes: u64::MAX };

/// In how many places of a table a sample is taken.
const PLACES: u64 = 16;

/// How many rows that PostgreSQL can't hold are listed of a table.
const LISTED: usize = 100;

/// A comparison that is to be made.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// SQLite's side.
    pub source: SqliteTarget,
    /// PostgreSQL's side.
    pub target: PostgresTarget,
    /// Which tables, in which schema, under which names.
    pub options: Options,
    /// The plan by which the data was moved; without it, the types of the target's columns say how values are read.
    pub plan: Option<Plan>,
    /// Only about so many rows of each table that has an integer key.
    pub sample: Option<u64>,
    /// How many connections work at once to either side.
    pub jobs: usize,
    /// How long to wait for locks of the source's.
    pub patience: Duration,
    /// A request to stop.
    pub interrupt: Interrupt,
    /// Who is told of progress.
    pub observer: Observer<'a>,
}

/// Compares; nothing is written on either side.
pub fn compare(comparison: &Comparison<'_>) -> (Report, Option<PortError>) {
    let mut report = Report {
        source: comparison.source.to_string(),
        target: comparison.target.to_string(),
        target_schema: comparison.options.target_schema.clone(),
        ..Report::default()
    };
    let _work = comparison.interrupt.work();
    let error = match execute(comparison, &mut report) {
        Ok(()) => return (report, None),
        Err(_) if comparison.interrupt.is_set() => PortError::Interrupted,
        Err(error) => error,
    };
    report.result = if matches!(error, PortError::Interrupted) { Outcome::Interrupted } else { Outcome::Failed };
    (report, Some(PortError::Compared(Box::new(error))))
}

fn execute(comparison: &Comparison<'_>, report: &mut Report) -> Result<(), PortError> {
    let began = Instant::now();
    let Comparison { interrupt, observer, .. } = comparison;
    let mut first = session::connect_to(&comparison.target)?;
    let (jobs, fewer) = connections::affordable(comparison.jobs, &mut first)?;
    report.notes.extend(fewer);
    let mut snapshot = Snapshot::open(&comparison.source, jobs, comparison.patience, interrupt)?;
    let mut sessions = sessions(comparison, first, snapshot.readers().len())?;
    let schema = snapshot.reader().schema().map_err(|error| PortError::source("the schema", error))?;
    let target = TargetSchema::read(&mut sessions[0], &comparison.options.target_schema)?;
    writable::refuse_unusable(&target.server, &target.name)?;
    observer.tell(&Event::Phase(Phase::Scanning));
    let plan = basis::plan(comparison, &mut snapshot, &schema, &target)?;
    report.target_schema.clone_from(&plan.target_schema);
    report.findings.clone_from(&plan.findings);
    report.phases.push(PhaseReport { name: Phase::Scanning.name(), took: began.elapsed() });
    let began = Instant::now();
    observer.tell(&Event::Phase(Phase::Comparing));
    let mut jobs = Vec::new();
    for table in &plan.tables {
        let Some(declared) = schema.table(&table.source) else { continue };
        let codec = RowCodec::new(table, declared, &plan.target_schema);
        jobs.push((declared, TableJob::new(table.source.clone(), codec, Vec::new(), SIZE, None)));
    }
    let cancellers: Vec<_> = sessions.iter().map(BulkDb::canceller).collect();
    let _running = interrupt.while_running(Box::new(move || cancellers.iter().for_each(|cancel| cancel())));
    let (jobs, compared, result) = all_tables(comparison, jobs, &mut snapshot, &mut sessions);
    let copies: Vec<TableCopy> = compared.iter().map(|table| table.copy.clone()).collect();
    reporting::tables(report, &plan, &jobs);
    reporting::copied(report, &jobs, &copies);
    for (table, compared) in report.tables.iter_mut().zip(&compared) {
        if comparison.sample.is_some() && table.state == TableState::Proven && compared.sampled {
            table.state = TableState::Sampled;
        }
        table.source_rows += compared.unfit;
        if compared.unfit > 0 {
            table.state = TableState::Differs;
            table.differences.splice(0..0, compared.unfit_rows.iter().cloned());
            table.unlisted_differences += compared.unfit - compared.unfit_rows.len() as u64;
        }
    }
    report.phases.push(PhaseReport { name: Phase::Comparing.name(), took: began.elapsed() });
    result?;
    report.settle();
    if comparison.sample.is_some() {
        if report.result == Outcome::Proven && report.tables.iter().any(|table| table.state == TableState::Sampled) {
            report.result = Outcome::Sampled;
        }
        report.notes.push("only a sample was compared: what is not in it is not proven".to_owned());
    }
    Ok(())
}

/// Sessions that all see one state of the target.
fn sessions(comparison: &Comparison<'_>, mut first: BulkDb, readers: usize) -> Result<Vec<BulkDb>, PortError> {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let failed = |error| PortError::target("begin to read", error);
    let exported = first.query(&format!("{begin}; SELECT pg_export_snapshot()")).map_err(failed)?;
    let exported = exported.into_iter().flatten().flatten().next().unwrap_or_default();
    let mut sessions = vec![first];
    while sessions.len() < readers {
        let mut session = session::connect_to(&comparison.target)?;
        let same = crate::Dialect::Postgres.literal(&exported);
        session.execute(&format!("{begin}; SET TRANSACTION SNAPSHOT {same}")).map_err(failed)?;
        sessions.push(session);
    }
    Ok(sessions)
}

/// One table, compared as far as that came.
#[derive(Default)]
struct Compared {
    copy: TableCopy,
    /// Not all of its rows were read.
    sampled: bool,
    /// Rows that hold a value which the target's type can't.
    unfit: u64,
    unfit_rows: Vec<Difference>,
}

/// The tables as far as they were begun, and the error that ended the comparison before its end.
fn all_tables(
    comparison: &Comparison<'_>,
    jobs: Vec<(&Table, TableJob)>,
    snapshot: &mut Snapshot,
    sessions: &mut [BulkDb],
) -> (Vec<TableJob>, Vec<Compared>, Result<(), PortError>) {
    let readers = snapshot.readers().iter_mut();
    let workers = readers.zip(sessions).map(|(reader, bulk)| Worker { reader, bulk });
    let mut tables: Vec<_> = jobs.into_iter().map(|(table, job)| (table, job, None)).collect();
    let result = side_by_side(workers, &mut tables, |worker, (table, job, compared)| {
        one_table(comparison, table, job, worker, compared.insert(Compared::default()))
    });
    let begun = tables.into_iter().filter_map(|(_, job, compared)| Some((job, compared?)));
    let (jobs, compared) = begun.unzip();
    (jobs, compared, result.map(drop))
}

fn one_table(
    comparison: &Comparison<'_>,
    table: &Table,
    job: &mut TableJob,
    worker: &mut Worker<'_>,
    compared: &mut Compared,
) -> Result<(), PortError> {
    let interrupt = &comparison.interrupt;
    let began = Instant::now();
    let sampled = comparison.sample.filter(|_| job.codec.has_batch_key());
    compared.sampled = sampled.is_some();
    let (mut source, mut target) = (TableSums::default(), TableSums::default());
    match sampled {
        None => {
            source = hash_source(job, &Batch::default(), worker.reader, interrupt, compared)?;
            compared.copy.loading = began.elapsed();
            let began = Instant::now();
            target.sums = Sums::new(job.hash_ranges);
            for pages in verify::page_ranges(job, worker.bulk)? {
                target.add(&verify::read_back(job, pages.as_ref(), worker.bulk, interrupt)?);
            }
            compared.copy.reading_back = began.elapsed();
        }
        Some(rows) => {
            source.in_place = true;
            let mut batches = Vec::new();
            for range in places(table, rows, worker.reader, &job.source)? {
                // each place is one batch
                let sums = hash_source(job, &range, worker.reader, interrupt, compared)?;
                source.batches.push(sums.sums.all);
                let sum = verify::read_range(job, &range, worker.bulk)?;
                target.batches.push(sum);
                target.sums.all += sum;
                batches.push(range);
            }
            job.bounds = Bounds::of(&job.codec, &batches);
            job.batches = batches;
        }
    }
    job.done = source.batches.iter().copied().map(Some).collect();
    compared.copy.source.clone_from(&job.done);
    let proof = verify::compare(job, &source, &target, &Refused::default(), worker, interrupt)?;
    let proven = proof.is_proven() && compared.unfit == 0;
    let rows = proof.target.rows;
    comparison.observer.tell(&Event::Compared { table: &job.source, proven, sampled: compared.sampled, rows });
    compared.copy.proof = Some(proof);
    Ok(())
}

struct Failure(PortError);

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self(PortError::source("rows", error))
    }
}

/// The sums of the rows in `range`, and the batches in which they are, which are cut here.
fn hash_source(
    job: &mut TableJob,
    range: &Batch,
    reader: &SqliteDb,
    interrupt: &Interrupt,
    compared: &mut Compared,
) -> Result<TableSums, PortError> {
    let codec = &job.codec;
    let mut scratch = Scratch::default();
    // how many rows there are is known at the end
    let mut all = Sums::new(if codec.has_batch_key() { 1 } else { MOST_RANGES });
    let mut rising = Rising::default();
    let (sql, values) = codec.select_in_order(range);
    let mut sums = vec![Checksum::default()];
    let mut ends: Vec<Key> = Vec::new();
    let mut seen = 0u64;
    let read = reader.each_row::<Failure>(&sql, &values, |row| {
        if seen > 0 && seen.is_multiple_of(BATCH) {
            sums.push(Checksum::default());
        }
        let hash = if codec.has_ordered_key() {
            codec.as_sent(row, &mut scratch).map(|(hash, fields)| {
                rising.see(codec, fields);
                hash
            })
        } else {
            codec.hash(row, &mut scratch)
        };
        match hash {
            Ok(hash) => {
                sums.last_mut().expect("there is one from the start").add(hash);
                all.add(hash);
            }
            Err(bad) => {
                compared.unfit += 1;
                if compared.unfit_rows.len() < LISTED {
                    let column = codec.column_names().nth(bad.column).unwrap_or_default().to_owned();
                    let value = format!("{} ({})", super::scan::show(row.get(bad.column)), bad.misfit);
                    let columns = vec![Cell { column, source: Some(value), target: None }];
                    let key = show_key(&codec.key_of(row));
                    compared.unfit_rows.push(Difference { kind: Kind::Unfit, key, columns });
                }
            }
        }
        seen += 1;
        if seen.is_multiple_of(BATCH) {
            ends.push(codec.key_of(row));
        }
        if seen.is_multiple_of(4096) && interrupt.is_set() {
            return Err(Failure(PortError::Interrupted));
        }
        Ok(ControlFlow::Continue(()))
    });
    read.map_err(|Failure(error)| error)?;
    ends.truncate(sums.len() - 1);
    let mut after = range.after.clone();
    job.batches = sums
        .iter()
        .enumerate()
        .map(|(at, sum)| {
            let upto = ends.get(at).cloned().or_else(|| range.upto.clone());
            Batch { after: std::mem::replace(&mut after, upto.clone()), upto, rows: sum.rows, bytes: 0 }
        })
        .collect();
    job.bounds = Bounds::of(&job.codec, &job.batches);
    if job.bounds.is_none() || !rising.so_far() {
        all.fold(verify::ranges_for(all.all.rows, 0, SIZE));
    } else {
        all.fold(1);
    }
    job.hash_ranges = all.ranges().len().max(1);
    Ok(TableSums { batches: sums, sums: all, in_place: rising.so_far() })
}

/// Ranges of rowids, spread over the table, that hold about `rows` rows.
fn places(table: &Table, rows: u64, reader: &SqliteDb, name: &str) -> Result<Vec<Batch>, PortError> {
    let Some(rowid) = &table.rowid else { return Ok(vec![Batch::default()]) };
    let from = format!("main.{}", crate::Dialect::Sqlite.quote_identifier(&table.name));
    let ask = |sql: String, values: &[SqlValue<'_>]| {
        let mut answer = None;
        let read = reader.each_row::<Failure>(&sql, values, |row| {
            if let (SqlValue::Integer(first), SqlValue::Integer(last)) = (row.get(0), row.get(1)) {
                answer = Some((first, last));
            }
            Ok(ControlFlow::Continue(()))
        });
        read.map(|()| answer).map_err(|_| PortError::source(format!("table `{name}`"), SqlError::default()))
    };
    let Some((first, last)) = ask(format!("SELECT min({rowid}), max({rowid}) FROM {from}"), &[])? else {
        return Ok(vec![Batch::default()]);
    };
    let each = i64::try_from(rows.div_ceil(PLACES)).unwrap_or(i64::MAX);
    let mut places: Vec<Batch> = Vec::new();
    let mut end = None;
    for place in 0..PLACES {
        let width = i128::from(last) - i128::from(first);
        let start = i128::from(first) + width * i128::from(place) / i128::from(PLACES);
        let start = i64::try_from(start).unwrap_or(last).max(end.map_or(i64::MIN, |end: i64| end.saturating_add(1)));
        let sql = format!(
            "SELECT min(r), max(r) FROM (SELECT {rowid} AS r FROM {from} WHERE {rowid} >= ? ORDER BY {rowid} LIMIT ?)"
        );
        let Some((low, high)) = ask(sql, &[SqlValue::Integer(start), SqlValue::Integer(each)])? else { break };
        let key = |rowid: i64| Some(vec![super::batch::KeyValue::Integer(rowid)]);
        // the range is closed on both sides
        places.push(Batch { after: low.checked_sub(1).and_then(key), upto: key(high), rows: 0, bytes: 0 });
        end = Some(high);
        if high == last {
            break;
        }
    }
    Ok(places)
}
