//! One step after the other: what each is given, what became of it, and what is said of one that failed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::patience::sleep;
use super::{RunLock, blockers, now, stepwise};
use crate::db::{Broken, Db, SqlError};
use crate::migrate::history::write::{LogRow, Writer};
use crate::migrate::history::{Direction, State};
use crate::migrate::plan::{self, Step};
use crate::migrate::{Event, FailureState, MigrateError, Options, RunReport, ScriptFailure, StepReport};

/// What every step of a run is given.
pub(crate) struct Run<'a> {
    pub db: &'a mut Db,
    pub options: &'a Options,
    pub writer: Writer,
    /// The advisory lock that is held (PostgreSQL).
    pub lock_key: Option<i64>,
    pub backend_pid: Option<i64>,
    /// The versions that the history holds, as far as this run knows.
    pub(super) expected: BTreeSet<i64>,
    /// SQLite: the change counter at which that was so.
    pub(super) seen: Option<i64>,
    /// SQLite: the foreign keys that were broken before the step at hand, and are none of its doing.
    pub(super) broken: BTreeSet<Broken>,
    pub(super) blockers: Option<blockers::Watch>,
}

/// What became of one step.
pub(crate) enum StepEnd {
    Done(Duration),
    /// The database is not as it was when the plan was made: another runner was here.
    Stale,
}

impl<'a> Run<'a> {
    pub(super) fn new(db: &'a mut Db, state: &State, options: &'a Options, lock: &RunLock) -> Self {
        let writer = Writer { tables: state.tables.clone(), who: options.who.clone() };
        let backend_pid = state.session.as_ref().map(|session| session.backend_pid);
        let expected = state.applied.iter().map(|applied| applied.version).collect();
        Self {
            db,
            options,
            writer,
            lock_key: lock.key(),
            backend_pid,
            expected,
            seen: None,
            broken: BTreeSet::new(),
            blockers: None,
        }
    }

    /// Runs the steps; `false` where the rest has to be planned again.
    pub(super) fn steps(&mut self, steps: &[Step], report: &mut RunReport) -> Result<bool, MigrateError> {
        for (at, step) in steps.iter().enumerate() {
            match self.step(step) {
                Ok(StepEnd::Done(duration)) => {
                    match step.direction {
                        Direction::Up => self.expected.insert(step.version),
                        Direction::Down => self.expected.remove(&step.version),
                    };
                    let done = StepReport::of(step, Some(duration));
                    self.tell(Event::Done(done.clone()));
                    report.done.push(done);
                    crate::crash::point("after-commit");
                }
                Ok(StepEnd::Stale) => {
                    self.tell(Event::DoneByAnother(StepReport::of(step, None)));
                    return Ok(false);
                }
                Err(error) => {
                    report.not_done = steps[at..].iter().map(|step| StepReport::of(step, None)).collect();
                    return Err(error);
                }
            }
        }
        Ok(true)
    }

    fn step(&mut self, step: &Step) -> Result<StepEnd, MigrateError> {
        if self.options.interrupt.is_set() {
            return Err(MigrateError::Interrupted { during: None });
        }
        let stepwise = plan::is_stepwise(step);
        self.tell(Event::Begun {
            step: StepReport::of(step, None),
            resumed_at: step.resume.as_ref().map(|begun| (begun.next_statement, stepwise::units(step).len())),
        });
        let end = if stepwise { self.stepwise(step) } else { self.transactional(step) };
        let end = end.inspect_err(|error| self.log_failure(step, error))?;
        if step.prepared.marks_session && matches!(end, StepEnd::Done(_)) {
            match &mut *self.db {
                Db::Sqlite(db) => {
                    db.renew()?;
                    self.seen = None;
                }
                // what DISCARD ALL does, but for the lock; settings are reset already, temporary tables will be
                Db::Postgres(db) => db
                    .execute("CLOSE ALL; UNLISTEN *; DEALLOCATE ALL; DISCARD SEQUENCES")
                    .map_err(|source| MigrateError::Bookkeeping { doing: "clear the session", source })?,
            }
        }
        Ok(end)
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
    pub(super) fn failure(
        &self,
        step: &Step,
        offset: Option<usize>,
        state: FailureState,
        source: SqlError,
    ) -> MigrateError {
        let script = &step.script;
        let (position, excerpt) = offset.map(|offset| script.place(offset)).unzip();
        MigrateError::Script(Box::new(ScriptFailure {
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
    pub(super) fn recorded_after_loss(&self, step: &Step) -> Option<bool> {
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
        recorded(&mut db, step)
    }

    /// From here on it is seen who is in this session's way.
    pub(super) fn watch(&mut self, timeout: Duration) {
        if let (Db::Postgres(db), Some(pid)) = (&*self.db, self.backend_pid) {
            self.blockers.get_or_insert_with(|| blockers::Watch::start(db)).begin(pid, timeout);
        }
        if let Db::Sqlite(db) = &mut *self.db {
            db.wait(timeout, &self.options.interrupt);
        }
    }

    /// Who was in the way.
    pub(super) fn unwatch(&self) -> Vec<String> {
        self.blockers.as_ref().map(blockers::Watch::end).unwrap_or_default()
    }
}

/// Whether the database records that the step is done; `None` where it can't be asked.
pub(super) fn recorded(db: &mut Db, step: &Step) -> Option<bool> {
    let state = State::read(db).ok()?;
    let applied = state.applied.iter().any(|applied| applied.version == step.version);
    Some(match step.direction {
        Direction::Up => applied,
        Direction::Down => !applied,
    })
}
