//! Running a plan: the lock, the tables, each step once, and what was done as data.

mod blockers;
mod lock;
mod message;
mod resume;
mod stepwise;
mod transactional;

use std::time::{Duration, Instant};

pub(crate) use lock::RunLock;

use super::history::write::{LogRow, Writer};
use super::history::{Direction, Standing, State};
use super::plan::{self, Plan, Step};
use super::{Event, MigrateError, Options, Outcome, RunReport, StepReport, compose};
use crate::db::{Db, ErrorClass, SqlError};
use crate::interrupt::Interrupt;
use crate::source_text;

/// What every step of a run is given.
pub(crate) struct Run<'a> {
    pub db: &'a mut Db,
    pub options: &'a Options,
    pub writer: Writer,
    /// The advisory lock that is held (PostgreSQL).
    pub lock_key: Option<i64>,
    pub backend_pid: Option<i64>,
    blockers: Option<blockers::Watch>,
}

/// What became of one step.
pub(crate) enum StepEnd {
    Done(Duration),
    /// The database is not as it was when the plan was made: another runner was here.
    Stale,
}

/// From the state, and what this run has done already, to what is left.
type MakePlan<'a> = dyn FnMut(&mut Db, &State, &[StepReport]) -> Result<Plan, MigrateError> + 'a;

/// Runs what `make_plan` says of the state (and of what this run has done already) under the lock, and again where
/// another runner got in between.
pub(crate) fn execute(db: &mut Db, options: &Options, make_plan: &mut MakePlan<'_>) -> Result<Outcome, MigrateError> {
    refuse_open_transaction(db)?;
    let mut report = RunReport::default();
    let mut state = read_patiently(db, options)?;
    let first = make_plan(db, &state, &[]);
    if !needs_lock(&state, &first) {
        report.warnings = first?.warnings;
        return Ok(Outcome { report, error: None });
    }
    if let Ok(plan) = first {
        report.warnings = plan.warnings;
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
    let outcome: Result<Option<MigrateError>, MigrateError> = (|| {
        stoppable(db, options, |db| ensure_tables(db, &state, options))?;
        loop {
            // under the lock, and after every surprise, what is there is read anew
            state = stoppable(db, options, State::read)?;
            let plan = make_plan(db, &state, &report.done)?;
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

/// Does something of ours that may wait for a lock, so that a request to stop reaches it.
fn stoppable<T>(
    db: &mut Db,
    options: &Options,
    work: impl FnOnce(&mut Db) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let running = options.interrupt.while_running(db.canceller());
    let result = work(db);
    drop(running);
    match result {
        Err(MigrateError::Bookkeeping { source, .. }) if is_cancelled(&source, &options.interrupt) => {
            Err(MigrateError::Interrupted { during: None })
        }
        result => result,
    }
}

/// SQLite: another connection has the whole file to itself, as a runner does while a large migration spills over.
fn is_busy(error: &MigrateError) -> bool {
    matches!(error, MigrateError::Bookkeeping { source, .. } if source.class == ErrorClass::LockTimeout)
}

/// Reads the state; where the file is locked, again and again, as often as a migration would be tried.
fn read_patiently(db: &mut Db, options: &Options) -> Result<State, MigrateError> {
    let mut attempt = 0;
    loop {
        match stoppable(db, options, State::read) {
            Err(error) if is_busy(&error) && attempt < options.lock_retries => {
                attempt += 1;
                options.tell(&Event::Waiting { holder: "a connection that has locked the database".to_owned() });
                sleep(jitter(Duration::from_millis(100)), &options.interrupt);
                if options.interrupt.is_set() {
                    return Err(MigrateError::Interrupted { during: None });
                }
            }
            result => return result,
        }
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

fn missing_tables(state: &State, columns: &[String]) -> Vec<String> {
    match state.standing {
        Standing::Ours { extended: true, progress: true, log: true } => Vec::new(),
        Standing::Ours { extended: false, .. } => vec![state.tables.create(), state.tables.extend(columns)],
        _ => vec![state.tables.create()],
    }
}

/// The SQL that makes the tables that are missing, and gives refinery's the columns it lacks.
pub(crate) fn tables_sql(db: &mut Db, state: &State) -> Result<Vec<String>, MigrateError> {
    let columns = match state.standing {
        Standing::Ours { extended: false, .. } => super::history::column_names(db, &state.tables)?,
        // it is renamed first
        Standing::HomeMade { .. } => return Ok(Vec::new()),
        _ => Vec::new(),
    };
    Ok(missing_tables(state, &columns))
}

/// Makes the tables what they have to be, in one transaction; as patient, and as careful not to stand in a queue, as a
/// migration.
fn ensure_tables(db: &mut Db, state: &State, options: &Options) -> Result<(), MigrateError> {
    let sql = tables_sql(db, state)?;
    if sql.is_empty() {
        return Ok(());
    }
    let begin = match db {
        Db::Sqlite(sqlite) => {
            sqlite.set_busy_timeout(options.lock_timeout);
            "BEGIN IMMEDIATE".to_owned()
        }
        Db::Postgres(_) => format!("BEGIN;\nSET LOCAL lock_timeout = {}", options.lock_timeout.as_millis()),
    };
    let message = format!("{begin};\n{}\nCOMMIT;", sql.join("\n"));
    let of = options.lock_retries.saturating_add(1);
    let mut attempt = 1;
    loop {
        let Err(source) = db.execute(&message) else { return Ok(()) };
        db.roll_back();
        if source.class != ErrorClass::LockTimeout || attempt >= of {
            return Err(MigrateError::Bookkeeping { doing: "create `schema_migrations`", source });
        }
        let pause = pause(attempt);
        options.tell(&Event::TablesLocked { attempt: (attempt, of), pause });
        sleep(pause, &options.interrupt);
        if options.interrupt.is_set() {
            return Err(MigrateError::Interrupted { during: None });
        }
        attempt += 1;
    }
}

impl<'a> Run<'a> {
    fn new(db: &'a mut Db, state: &State, options: &'a Options, lock: &RunLock) -> Self {
        let writer = Writer { tables: state.tables.clone(), who: options.who.clone() };
        let backend_pid = state.session.as_ref().map(|session| session.backend_pid);
        Self { db, options, writer, lock_key: lock.key(), backend_pid, blockers: None }
    }

    /// Runs the steps; `false` where the rest has to be planned again.
    fn steps(&mut self, steps: &[Step], report: &mut RunReport) -> Result<bool, MigrateError> {
        report.not_done = steps.iter().map(|step| StepReport::of(step, None)).collect();
        for step in steps {
            if self.options.interrupt.is_set() {
                return Err(MigrateError::Interrupted { during: None });
            }
            let stepwise = plan::is_stepwise(step);
            self.tell(Event::Begun {
                step: StepReport::of(step, None),
                resumed_at: step
                    .resume
                    .as_ref()
                    .map(|unfinished| (unfinished.next_statement, stepwise::units(step).len())),
            });
            let end = if stepwise { self.stepwise(step) } else { self.transactional(step) };
            let end = match end {
                Ok(end) => end,
                Err(error) => {
                    self.log_failure(step, &error);
                    return Err(error);
                }
            };
            match end {
                StepEnd::Done(duration) => {
                    report.not_done.remove(0);
                    let done = StepReport::of(step, Some(duration));
                    self.tell(Event::Done(done.clone()));
                    report.done.push(done);
                    crate::crash::point("after-commit");
                }
                StepEnd::Stale => {
                    report.not_done.clear();
                    self.tell(Event::DoneByAnother(StepReport::of(step, None)));
                    return Ok(false);
                }
            }
            if step.prepared.marks_session {
                match &mut *self.db {
                    Db::Sqlite(db) => db.renew()?,
                    // what DISCARD ALL does, but for the lock; settings are reset already, temporary tables will be
                    Db::Postgres(db) => db
                        .execute("CLOSE ALL; UNLISTEN *; DEALLOCATE ALL; DISCARD SEQUENCES")
                        .map_err(|source| MigrateError::Bookkeeping { doing: "clear the session", source })?,
                }
            }
        }
        Ok(true)
    }

    pub(crate) fn tell(&self, event: Event) {
        self.options.tell(&event);
    }

    /// A failed migration is in the log too; what can't be logged must not hide why it failed.
    fn log_failure(&mut self, step: &Step, error: &MigrateError) {
        self.db.roll_back();
        let reason = match error {
            MigrateError::Script(failure) => failure.source.to_string(),
            other => other.to_string(),
        };
        let result = if matches!(error, MigrateError::Interrupted { .. }) { "interrupted" } else { "failed" };
        let checksum = step.checksum.to_string();
        let row: LogRow<'_> = step.log_row(&checksum, result, Some(&reason), "NULL".to_owned());
        if let Err(error) = self.db.execute(&self.writer.log(&row, &now().0)) {
            tracing::debug!(%error, "the failure could not be logged");
        }
    }

    /// What a person is told of a statement that failed.
    fn failure(
        &self,
        step: &Step,
        offset: Option<usize>,
        state: super::FailureState,
        source: SqlError,
    ) -> MigrateError {
        let script = &step.script;
        let position = offset.map(|offset| {
            let mut position = source_text::position(&script.text, offset);
            position.line += script.first_line - 1;
            position
        });
        let excerpt = offset.map(|offset| source_text::excerpt(&script.text, offset, script.first_line));
        MigrateError::Script(Box::new(super::ScriptFailure {
            migration: step.title(),
            direction: step.direction,
            path: script.path.clone(),
            position,
            excerpt,
            state,
            blockers: Vec::new(),
            source,
        }))
    }

    /// Whether the database records, over a fresh connection, what the lost one was to do.
    fn recorded_after_loss(&self, step: &Step) -> Option<bool> {
        let Db::Postgres(postgres) = &*self.db else { return None };
        let mut db = Db::Postgres(postgres.connect_again().ok()?);
        // the server runs a message to its end, its COMMIT included, before it sees that nobody is there any more
        let alive = format!("SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = {}", self.backend_pid?);
        let until = Instant::now() + Duration::from_secs(5);
        while !db.query(&alive).ok()?.is_empty() {
            if Instant::now() > until || self.options.interrupt.is_set() {
                return None;
            }
            sleep(Duration::from_millis(50), &self.options.interrupt);
        }
        let state = State::read(&mut db).ok()?;
        let applied = state.applied.iter().any(|applied| applied.version == step.version);
        Some(match step.direction {
            Direction::Up => applied,
            Direction::Down => !applied,
        })
    }

    /// From here on it is seen who is in this session's way.
    fn watch(&mut self, timeout: Duration) {
        if let (Db::Postgres(db), Some(pid)) = (&*self.db, self.backend_pid) {
            self.blockers.get_or_insert_with(|| blockers::Watch::start(db)).begin(pid, timeout);
        }
        if let Db::Sqlite(db) = &mut *self.db {
            db.set_busy_timeout(timeout);
        }
    }

    /// Who was in the way.
    fn unwatch(&self) -> Vec<String> {
        self.blockers.as_ref().map(blockers::Watch::end).unwrap_or_default()
    }
}

/// How long to wait before the next attempt: longer each time, and not in step with other runners.
fn pause(attempt: u32) -> Duration {
    let base = Duration::from_millis(100) * 2_u32.pow(attempt.min(6));
    base / 2 + jitter(base)
}

/// Between nothing and `most`, unlike another process's.
pub(crate) fn jitter(most: Duration) -> Duration {
    let nanos = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs() ^ std::process::id().rotate_left(16);
    most * (nanos % 1000) / 1000
}

/// Sleeps, unless a stop is asked for.
pub(crate) fn sleep(time: Duration, interrupt: &Interrupt) {
    let until = Instant::now() + time;
    while !interrupt.is_set() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

pub(crate) fn is_cancelled(error: &SqlError, interrupt: &Interrupt) -> bool {
    error.class == ErrorClass::Cancelled && interrupt.is_set()
}
