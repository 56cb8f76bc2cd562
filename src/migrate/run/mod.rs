//! Running a plan: the lock, the tables, each step once, and what was done as data.

mod blockers;
mod drops;
mod lock;
mod message;
mod patience;
mod resume;
mod step;
mod stepwise;
mod tables;
mod transactional;

pub(crate) use lock::RunLock;
pub(crate) use step::{Run, StepEnd};
pub(crate) use tables::tables_sql;

use super::history::State;
use super::history::write::Writer;
use super::plan::Plan;
use super::{MigrateError, Options, Outcome, RunReport, StepReport, compose};
use crate::db::Db;
use patience::{is_busy, read_patiently, stoppable};
use tables::{ensure_tables, missing_tables};

/// From the state, and what this run has done already, to what is left.
type MakePlan<'a> = dyn FnMut(&mut Db, &State, &[StepReport]) -> Result<Plan, MigrateError> + 'a;

/// Runs what `make_plan` says of the state (and of what this run has done already) under the lock, and again where
/// another runner got in between.
pub(crate) fn execute(db: &mut Db, options: &Options, make_plan: &mut MakePlan<'_>) -> Result<Outcome, MigrateError> {
    refuse_open_transaction(db)?;
    let _work = options.interrupt.work();
    let outcome = execute_patiently(db, options, make_plan);
    if let Db::Sqlite(db) = db {
        db.wait_as_before();
    }
    outcome
}

fn execute_patiently(db: &mut Db, options: &Options, make_plan: &mut MakePlan<'_>) -> Result<Outcome, MigrateError> {
    let mut report = RunReport::default();
    let mut state = read_patiently(db, options)?;
    let first = make_plan(db, &state, &[]);
    if !needs_lock(&state, &first) {
        report.warnings = first?.warnings;
        return Ok(Outcome { report, error: None });
    }
    let mut planned = first.ok();
    if let Some(plan) = &planned {
        report.warnings.clone_from(&plan.warnings);
    }
    let lock = RunLock::acquire(db, &state, options, &mut |db| {
        let needed = stoppable(db, options, State::read).and_then(|state| {
            let plan = make_plan(db, &state, &[]);
            if needs_lock(&state, &plan) { Ok(true) } else { plan.map(|_| false) }
        });
        match needed {
            // the other runner has locked the whole file
            Err(error) if is_busy(&error) => Ok(true),
            needed => needed,
        }
    })?;
    let Some(lock) = lock else { return Ok(Outcome { report, error: None }) };
    if let Db::Sqlite(db) = db {
        db.wait(options.lock_timeout, &options.interrupt);
    }
    let outcome: Result<Option<MigrateError>, MigrateError> = (|| {
        stoppable(db, options, |db| ensure_tables(db, &state, options))?;
        loop {
            // under the lock, and after every surprise, what is there is read anew
            let before = std::mem::replace(&mut state, stoppable(db, options, State::read)?);
            let plan = match planned.take() {
                Some(plan) if state.says_the_same(&before) => plan,
                _ => make_plan(db, &state, &report.done)?,
            };
            report.warnings.clone_from(&plan.warnings);
            let mut run = Run::new(db, &state, options, &lock);
            match run.steps(&plan.steps, &mut report) {
                Ok(true) => return Ok(None),
                Ok(false) => {}
                Err(error) => return Ok(Some(error)),
            }
        }
    })();
    lock.release(db);
    match outcome {
        Ok(error) => Ok(Outcome { report, error }),
        // what was done before stays reported
        Err(error) if !report.done.is_empty() => Ok(Outcome { report, error: Some(error) }),
        Err(error) => Err(error),
    }
}

/// Whether a plan made without the lock is a reason to take it. A script that looks unfinished may be another runner's
/// that is under way: only under the lock it is known to be in the way.
fn needs_lock(state: &State, plan: &Result<Plan, MigrateError>) -> bool {
    match plan {
        Ok(plan) => !plan.steps.is_empty(),
        Err(MigrateError::Refused(_)) => !state.unfinished.is_empty(),
        Err(_) => false,
    }
}

/// A connection that a program handed over must not lose what the program has not committed.
pub(crate) fn refuse_open_transaction(db: &Db) -> Result<(), MigrateError> {
    match db {
        Db::Sqlite(db) if db.in_transaction() => Err(MigrateError::OpenTransaction),
        _ => Ok(()),
    }
}

/// The SQL of `plan`, as a dry run prints it.
pub(crate) fn print(state: &State, options: &Options, plan: &Plan) -> Vec<String> {
    let writer = Writer { tables: state.tables.clone(), who: options.who.clone() };
    let (now, now_ms) = now();
    let setting = compose::Setting {
        writer: &writer,
        lock_key: state.session.as_ref().map(|session| session.lock_key),
        lock_timeout: options.lock_timeout,
        now,
        now_ms,
    };
    let mut lines = Vec::new();
    if !plan.steps.is_empty() {
        lines.extend(missing_tables(state, &[]));
    }
    lines.extend(plan.steps.iter().flat_map(|step| compose::printed(step, &setting)));
    lines
}

/// The moment as RFC 3339 and as milliseconds of the Unix epoch.
pub(crate) fn now() -> (String, i64) {
    let now = jiff::Timestamp::now();
    (now.to_string(), now.as_millisecond())
}
