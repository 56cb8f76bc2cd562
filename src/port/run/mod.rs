//! A run from end to end: snapshot, plan, create, copy and compare, finish, validate, report.

mod aside_file;
pub(super) mod connections;
mod create;
mod existing;
mod expected;
mod finish;
mod migrations;
mod orphans;
mod planning;
pub(super) mod reporting;
mod resume;
pub(super) mod session;
mod taken;
mod trial;
mod views;
pub(super) mod writable;

use std::time::Instant;

use super::Port;
use super::batch::BatchSize;
use super::checkpoint::{BesideRows, Checkpoint, Stage, StoredBatch, Unfinished};
use super::copy::{self, Beside, CopySettings, OnError, TableJob, Worker};
use super::error::PortError;
use super::options::OnConflict;
use super::plan::assemble::PlanError;
use super::plan::{Plan, TablePlan, accept};
use super::progress::{Event, Phase};
use super::report::{Outcome, PhaseReport, Report, TableState};
use super::row::RowCodec;
use super::scan::ScanError;
use super::verify::Sums;
use crate::Dialect;
use crate::db::{BulkDb, ErrorClass, Snapshot, Statements as _};
use crate::error::ErrorKind;
use crate::value::Checksum;
use planning::Planned;
use session::Sessions;

/// Ports; what was done is in the report whether or not it came to its end. The plan is there once it was made.
pub fn port(port: &Port<'_>) -> (Report, Option<Plan>, Option<PortError>) {
    let mut report = reporting::empty(port);
    let mut plan = None;
    let _work = port.interrupt.work();
    let Err(error) = execute(port, &mut report, &mut plan) else { return (report, plan, None) };
    // whatever gave up then did so because it was asked to: a wait for a lock, a statement
    let error = match error {
        error @ PortError::RolledBack(_) => error,
        // there is nothing to go on with yet
        _ if port.interrupt.is_set() && !report.resumed && !has_written(&report) => {
            PortError::Plan(PlanError::Scan(ScanError::Interrupted))
        }
        _ if port.interrupt.is_set() => PortError::Interrupted,
        error => error,
    };
    report.result = match error.kind() {
        ErrorKind::Interrupted => Outcome::Interrupted,
        ErrorKind::Usage | ErrorKind::Failed => Outcome::Failed,
    };
    (report, plan, Some(error))
}

/// Whether a run has come so far that something of it is in the target.
fn has_written(report: &Report) -> bool {
    report.phases.iter().any(|phase| phase.name == Phase::Creating.name())
}

/// Plans, and writes nothing.
///
/// # Errors
/// [`PortError`] where one of the databases can't be read.
pub fn dry_run(port: &Port<'_>) -> Result<(Plan, Report), PortError> {
    let _work = port.interrupt.work();
    let mut report = reporting::empty(port);
    let mut phases = Phases::new(port);
    let mut control = session::connect(port)?;
    let mut snapshot = open(port, &mut control, &mut report)?;
    resume::refuse_unfinished(port, &mut control)?;
    let basis = migrations::decide(port, &mut snapshot, &mut control, None)?;
    report.notes.extend(basis.notes.iter().cloned());
    report.schema_by_migrations = basis.version();
    phases.begin(Phase::Scanning, &mut report);
    let mut planned = planning::plan(port, &mut snapshot, &mut control, &basis)?;
    phases.end(&mut report);
    report.result = if planned.plan.blockers().next().is_some() { Outcome::Refused } else { Outcome::Planned };
    let skipped = expected::skipped(port, &planned, &mut snapshot, &mut control)?;
    planned.plan.findings.extend(skipped);
    accept::finish(&mut planned.plan.findings, &port.options.accept);
    report.findings.clone_from(&planned.plan.findings);
    report.expected = Some(expected::end(&planned.plan, &report));
    reporting::remarks(port, &planned, &mut report);
    Ok((planned.plan, report))
}

/// The phases of a run, and how long each takes.
struct Phases<'a, 'b> {
    port: &'a Port<'b>,
    running: Option<(Phase, Instant)>,
}

impl<'a, 'b> Phases<'a, 'b> {
    fn new(port: &'a Port<'b>) -> Self {
        Self { port, running: None }
    }

    fn begin(&mut self, phase: Phase, report: &mut Report) {
        self.end(report);
        self.port.observer.tell(&Event::Phase(phase));
        self.running = Some((phase, Instant::now()));
    }

    fn end(&mut self, report: &mut Report) {
        if let Some((phase, began)) = self.running.take() {
            report.phases.push(PhaseReport { name: phase.name(), took: began.elapsed() });
        }
    }
}

fn open(port: &Port<'_>, control: &mut BulkDb, report: &mut Report) -> Result<Snapshot, PortError> {
    let (jobs, note) = connections::affordable(port.jobs, control)?;
    tell(port, note, report);
    let snapshot = session::snapshot(port, jobs)?;
    // nobody but this run uses a copy that it has made
    for note in snapshot.notes().iter().filter(|_| port.snapshot.is_none()) {
        tell(port, Some(note.clone()), report);
    }
    Ok(snapshot)
}

/// Tells a person something now, and in the report.
fn tell(port: &Port<'_>, note: Option<String>, report: &mut Report) {
    if let Some(note) = note {
        port.observer.tell(&Event::Note { text: &note });
        report.notes.push(note);
    }
}

fn execute(port: &Port<'_>, report: &mut Report, plan: &mut Option<Plan>) -> Result<(), PortError> {
    let mut phases = Phases::new(port);
    let result = phased(port, report, plan, &mut phases);
    phases.end(report);
    if result.is_err()
        && (report.resumed || has_written(report))
        && let Some(plan) = plan
    {
        existing::after_failure(port, plan, report);
    }
    result
}

fn phased(
    port: &Port<'_>,
    report: &mut Report,
    made: &mut Option<Plan>,
    phases: &mut Phases<'_, '_>,
) -> Result<(), PortError> {
    let mut control = session::connect(port)?;
    session::lock(port, &mut control)?;
    let mut unfinished = resume::find_unfinished(port, &mut control)?;
    match &unfinished {
        Some(run) if !port.resume && !port.restart => {
            return Err(PortError::Unfinished { began: run.began.clone(), source_file: run.source.clone() });
        }
        None if port.resume => {
            return Err(PortError::NothingToResume { schema: port.options.target_schema.clone() });
        }
        _ => {}
    }
    // before anything is taken away: a source that can't be read is no reason to begin anew
    let mut snapshot = open(port, &mut control, report)?;
    if let Some(run) = unfinished.take_if(|_| port.restart) {
        existing::undo(port, &run, &mut control, report)?;
    }
    if unfinished.is_none() && writable::is_usable(&mut control, &port.options.target_schema)? {
        // a run that was killed between taking things off and writing itself down
        existing::put_back(port, &mut control, report)?;
    }
    let mut basis = migrations::decide(port, &mut snapshot, &mut control, unfinished.as_ref())?;
    let made_before = basis.make_unseen(port, &mut control);
    report.notes.append(&mut basis.notes);
    report.schema_by_migrations = basis.version();
    made_before?;
    phases.begin(Phase::Scanning, report);
    report.resumed = unfinished.is_some();
    let planned = match &unfinished {
        None => planning::plan(port, &mut snapshot, &mut control, &basis)?,
        Some(run) => planning::plan_again(port, &mut snapshot, &mut control, &basis, run)?,
    };
    report.findings.clone_from(&planned.plan.findings);
    *made = Some(planned.plan.clone());
    let mut tables = jobs(&planned, unfinished.as_ref(), port.batch_size);
    reporting::tables(report, &planned.plan, &tables);
    if planned.plan.blockers().next().is_some() {
        let changed = planned.plan.blockers().filter(|finding| planning::is_of_source(finding));
        let changed: Vec<String> = changed.map(|finding| finding.message.clone()).collect();
        if let Some(run) = unfinished.as_ref().filter(|_| !changed.is_empty()) {
            return Err(resume::source_changed(port, run, changed));
        }
        report.result = Outcome::Refused;
        if unfinished.is_some() {
            // a run that was killed has left off what it took off
            existing::after_failure(port, &planned.plan, report);
        }
        reporting::remarks(port, &planned, report);
        return Ok(());
    }
    let plan = &planned.plan;
    port.observer.tell(&Event::Planned {
        rows: plan.tables.iter().map(|table| table.rows).sum(),
        bytes: plan.tables.iter().map(|table| table.bytes).sum(),
        tables: plan.tables.len(),
    });
    // all that may not be had is asked for before anything is changed
    let (mut sessions, fewer) = Sessions::open(port, snapshot.readers().len(), control)?;
    tell(port, fewer, report);
    if let Some(run) = &unfinished {
        phases.begin(Phase::CheckingFinishedBatches, report);
        check_finished(port, &mut tables, run, &mut snapshot, sessions.control())?;
        if run.stage == Stage::Copying {
            // the run before has put them back when it failed
            existing::take_off(port, plan, sessions.control())?;
            create::rest(plan, sessions.control())?;
        }
        if port.on_error == OnError::Quarantine {
            // the run before may not have been asked to put rows aside; what it put aside stays
            let make = copy::quarantine_table_sql(&Dialect::Postgres.quote_identifier(&plan.target_schema));
            let made = sessions.control().execute(&make);
            made.map_err(|error| PortError::target("make the table for rows put aside", error))?;
        }
    }
    let checkpoint = Checkpoint::new(&plan.target_schema);
    if unfinished.is_none() {
        phases.begin(Phase::Creating, report);
        basis.make(port, sessions.control())?;
        create::create(port, &planned, &tables, &checkpoint, sessions.control())?;
    }
    existing::order(plan, &mut tables, sessions.control())?;
    phases.begin(Phase::Copying, report);
    let cancellers = sessions.cancellers();
    let _running = port.interrupt.while_running(Box::new(move || cancellers.iter().for_each(|cancel| cancel())));
    let copied = copy(port, plan, &tables, &checkpoint, &mut snapshot, &mut sessions, report);
    let stage = unfinished.as_ref().map_or(Stage::Copying, |run| run.stage);
    let finished = copied
        .map_err(|error| rolled_back(port, error))
        .and_then(|()| finish(port, &planned, stage, &checkpoint, &mut sessions, report, phases, &snapshot));
    let Err(error) = finished else { return Ok(()) };
    let error = match error {
        PortError::RolledBack(_) if port.interrupt.is_set() => rolled_back(port, PortError::Interrupted),
        _ if port.interrupt.is_set() => PortError::Interrupted,
        error => error,
    };
    // what is open is rolled back with them
    drop(sessions);
    if port.single_transaction {
        reporting::rolled_back(report);
    }
    reporting::quarantined_so_far(port, report);
    Err(error)
}

/// An error before the end of the one transaction, where all is one.
fn rolled_back(port: &Port<'_>, error: PortError) -> PortError {
    if port.single_transaction { PortError::RolledBack(Box::new(error)) } else { error }
}

/// The tables to be copied, each with its batches: those of the scan, or those of the run that is gone on with.
fn jobs(planned: &Planned, unfinished: Option<&Unfinished>, size: BatchSize) -> Vec<TableJob> {
    let mut jobs = Vec::new();
    for (plan, scan) in planned.plan.tables.iter().zip(&planned.scans) {
        let Some(table) = planned.schema.table(&plan.source) else { continue };
        let stored: Vec<&StoredBatch> = unfinished
            .map(|run| run.batches.iter().filter(|stored| stored.table == plan.source).collect())
            .unwrap_or_default();
        let (batches, done) = match stored.as_slice() {
            [] => (scan.batches.clone(), vec![None; scan.batches.len()]),
            stored => stored.iter().map(|stored| (stored.batch.clone(), stored.done)).unzip(),
        };
        let became = stored.iter().find_map(|stored| stored.beside.clone());
        let codec = RowCodec::new(plan, table, &planned.plan.target_schema);
        let beside = beside(&planned.plan, plan, became);
        let mut job = TableJob { done, ..TableJob::new(plan.source.clone(), codec, batches, size, beside) };
        if let Some((all, became)) =
            job.done.first().copied().flatten().zip(job.beside.as_ref().and_then(|beside| beside.done.as_ref()))
        {
            // what stood in the table before can't be summed up again
            let ranges = became.ranges.iter().filter_map(|(rows, sum)| Checksum::parse(*rows, sum).ok());
            job.before.sums = Sums::of(all, ranges.collect());
            job.hash_ranges = job.before.sums.ranges().len().max(1);
        }
        jobs.push(job);
    }
    jobs
}

/// How rows get into a table that keeps those that it holds.
fn beside(plan: &Plan, table: &TablePlan, done: Option<BesideRows>) -> Option<Beside> {
    let key = table.beside.clone()?;
    // a person has accepted that nothing tells which rows are there already
    let how = if key.is_empty() { OnConflict::Error } else { plan.on_conflict.unwrap_or(OnConflict::Error) };
    Some(Beside { how, key, done })
}

fn check_finished(
    port: &Port<'_>,
    tables: &mut [TableJob],
    run: &Unfinished,
    snapshot: &mut Snapshot,
    control: &mut BulkDb,
) -> Result<(), PortError> {
    let changed = resume::changed(tables, run, snapshot.readers(), control, &port.interrupt)?;
    if changed.is_empty() {
        tracing::info!("the finished batches of the run begun at {} are as they were", run.began);
        return Ok(());
    }
    Err(resume::source_changed(port, run, changed))
}

fn copy(
    port: &Port<'_>,
    plan: &Plan,
    tables: &[TableJob],
    checkpoint: &Checkpoint,
    snapshot: &mut Snapshot,
    sessions: &mut Sessions,
    report: &mut Report,
) -> Result<(), PortError> {
    let settings = CopySettings {
        checkpoint: (!port.single_transaction).then_some(checkpoint),
        schema: Dialect::Postgres.quote_identifier(&plan.target_schema),
        on_error: port.on_error,
        interrupt: &port.interrupt,
        observer: port.observer,
    };
    let readers = snapshot.readers().iter_mut();
    let workers = readers.zip(sessions.all()).map(|(reader, bulk)| Worker { reader, bulk }).collect();
    let (copies, result) = copy::run(tables, workers, &settings);
    reporting::copied(report, tables, &copies);
    result
}

#[allow(clippy::too_many_arguments, reason = "the end of a run needs all of it")]
fn finish(
    port: &Port<'_>,
    planned: &Planned,
    stage: Stage,
    checkpoint: &Checkpoint,
    sessions: &mut Sessions,
    report: &mut Report,
    phases: &mut Phases<'_, '_>,
    snapshot: &Snapshot,
) -> Result<(), PortError> {
    let plan = &planned.plan;
    let differs = report.tables.iter().any(|table| table.state == TableState::Differs);
    if differs {
        reporting::quarantined(port, report, sessions.control())?;
        // the rows stay to be looked at; what was taken off goes back
        if port.single_transaction {
            sessions.control().execute("ROLLBACK").map_err(|error| PortError::target("roll back", error))?;
        }
        existing::put_back(port, sessions.control(), report)?;
        report.settle();
        return Ok(());
    }
    phases.begin(Phase::Finishing, report);
    if !port.single_transaction && stage < Stage::Finishing {
        let reached = sessions.control().execute(&checkpoint.reached(Stage::Finishing));
        reached.map_err(|error| PortError::target("write down that all rows are in", error))?;
    }
    let resumed = report.resumed;
    let single = port.single_transaction;
    let how = finish::How { resumed, single, interrupt: &port.interrupt, observer: port.observer };
    let not_made = finish::make_objects(plan, sessions.all(), &how).map_err(|error| rolled_back(port, error))?;
    trial::long::settle(&mut report.findings, not_made);
    existing::sequences(planned, sessions.control()).map_err(|error| rolled_back(port, error))?;
    if port.single_transaction {
        // nothing that is written later takes this to the disk
        let committed = sessions.control().execute("SET LOCAL synchronous_commit = on; COMMIT");
        committed.map_err(|error| match error.class {
            // it may have been done, or not
            ErrorClass::ConnectionLost => PortError::target("commit", error),
            _ => rolled_back(port, PortError::target("commit", error)),
        })?;
    }
    existing::put_back(port, sessions.control(), report)?;
    finish::analyze(plan, sessions.all())?;
    phases.begin(Phase::Validating, report);
    reporting::quarantined(port, report, sessions.control())?;
    let mut made = plan.clone();
    orphans::find(&mut made, &planned.schema, sessions.control(), report)?;
    reporting::objects(&made, sessions.control(), report)?;
    reporting::left_out(report);
    views::compare(planned, snapshot.reader(), sessions.control(), &port.interrupt, report)?;
    let ended = sessions.control().execute(&format!("SET synchronous_commit = on;\n{}", checkpoint.end()));
    ended.map_err(|error| PortError::target("take the bookkeeping away", error))?;
    accept::finish(&mut report.findings, &port.options.accept);
    reporting::remarks(port, planned, report);
    report.settle();
    Ok(())
}
