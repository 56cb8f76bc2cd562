//! A script and its row in one transaction: sent as one message where the database is a server.

use std::collections::BTreeSet;
use std::time::Instant;

use super::message::Message;
use super::patience::{is_cancelled, pause, sleep};
use super::step::recorded;
use super::{Run, StepEnd, now};
use crate::Dialect;
use crate::crash;
use crate::db::{Broken, Db, ErrorClass, SqlError};
use crate::migrate::compose::{self, Part, Setting};
use crate::migrate::history::write::{LOCK_LOST, OWN_ROW_GONE, ROW_GONE};
use crate::migrate::history::{Direction, State, reading};
use crate::migrate::plan::Step;
use crate::migrate::script::Piece;
use crate::migrate::{Event, FailureState, MigrateError, StepReport};
use crate::sql;

/// A part that failed.
struct PartFailure {
    source: SqlError,
    /// Where in the script, if it was the script's.
    offset: Option<usize>,
    /// Whether it was the script, or our own bookkeeping around it.
    in_script: bool,
}

enum AttemptError {
    Failed(PartFailure),
    /// SQLite: rows that point nowhere, and did not before.
    ForeignKeys(BTreeSet<Broken>),
    /// SQLite: the history is not what the plan was made of.
    Stale,
    Other(MigrateError),
}

impl From<MigrateError> for AttemptError {
    fn from(error: MigrateError) -> Self {
        Self::Other(error)
    }
}

impl Run<'_> {
    pub(super) fn transactional(&mut self, step: &Step) -> Result<StepEnd, MigrateError> {
        let of = self.options.lock_retries.saturating_add(1);
        let mut attempt = 1;
        loop {
            let began = Instant::now();
            let (result, blockers) = self.watched_attempt(step);
            let failure = match result {
                Ok(()) => return Ok(StepEnd::Done(began.elapsed())),
                Err(AttemptError::Failed(failure)) => failure,
                Err(AttemptError::Other(error)) => return Err(error),
                Err(AttemptError::Stale) => return Ok(StepEnd::Stale),
                Err(AttemptError::ForeignKeys(found)) => {
                    // everything is rolled back: what is broken now was broken before, and is none of this migration's
                    let before = self.broken_now()?;
                    let new: Vec<String> = found.difference(&before).map(ToString::to_string).collect();
                    if new.is_empty() && before != self.broken {
                        self.broken = before;
                        continue;
                    }
                    return Err(MigrateError::ForeignKeys { migration: step.title(), violations: new });
                }
            };
            let source = &failure.source;
            let gave_up = source.class == ErrorClass::LockTimeout && self.options.interrupt.is_set();
            if gave_up || is_cancelled(source, &self.options.interrupt) {
                return Err(interrupted(step));
            }
            if source.message.contains(LOCK_LOST) {
                return Err(MigrateError::LockLost { migration: step.title() });
            }
            if source.message.contains(OWN_ROW_GONE) {
                return Err(MigrateError::OwnRow { migration: step.title() });
            }
            if source.message.contains(ROW_GONE) || self.recorded_by_another(step, &failure)? {
                return Ok(StepEnd::Stale);
            }
            if source.class == ErrorClass::LockTimeout && attempt < of {
                let pause = pause(attempt);
                self.tell(Event::Retrying {
                    step: StepReport::of(step, None),
                    attempt: (attempt, of),
                    blockers,
                    pause,
                });
                sleep(pause, &self.options.interrupt);
                if self.options.interrupt.is_set() {
                    return Err(interrupted(step));
                }
                attempt += 1;
                continue;
            }
            return Err(self.describe_failure(step, failure, blockers, began.elapsed()));
        }
    }

    /// Whether the row was there already: then the primary key has kept a second runner out.
    fn recorded_by_another(&mut self, step: &Step, failure: &PartFailure) -> Result<bool, MigrateError> {
        if step.direction != Direction::Up || failure.source.class != ErrorClass::UniqueViolation {
            return Ok(false);
        }
        let state = State::read(self.db)?;
        Ok(state.applied.iter().any(|applied| applied.version == step.version))
    }

    /// One attempt, with everything rolled back where it fails, and who was in its way.
    fn watched_attempt(&mut self, step: &Step) -> (Result<(), AttemptError>, Vec<String>) {
        let timeout = step.lock_timeout(self.options.lock_timeout);
        self.watch(timeout);
        // a connection that a program handed over gets its own setting back
        let enforced = match &*self.db {
            Db::Sqlite(db) => db.foreign_keys().unwrap_or(true),
            Db::Postgres(_) => true,
        };
        let options = self.options;
        let running = options.interrupt.while_running(self.db.canceller());
        let mut result = self.attempt(step);
        drop(running);
        let blockers = self.unwatch();
        if result.is_err() {
            self.db.roll_back();
        }
        if self.db.dialect() == Dialect::Sqlite
            && let Err(source) = self.db.execute(&format!("PRAGMA foreign_keys = {enforced}"))
            && result.is_ok()
        {
            result = Err(MigrateError::Bookkeeping { doing: "set `foreign_keys` as it was", source }.into());
        }
        (result, blockers)
    }

    fn attempt(&mut self, step: &Step) -> Result<(), AttemptError> {
        let (now, now_ms) = now();
        let setting = Setting {
            writer: &self.writer,
            lock_key: self.lock_key,
            lock_timeout: self.options.lock_timeout,
            now,
            now_ms,
        };
        let parts = compose::transaction(step, &setting);
        match self.db {
            Db::Postgres(_) => self.send(step, &parts),
            Db::Sqlite(_) => self.run_parts(step, &parts),
        }
    }

    /// PostgreSQL: as few messages as there can be, which is one where the script has no `COPY` data.
    fn send(&mut self, step: &Step, parts: &[Part]) -> Result<(), AttemptError> {
        let mut message = Message::default();
        for part in parts {
            match part {
                Part::Ours(sql, point) => {
                    if crash::armed() {
                        self.flush(&mut message, step)?;
                        crash::point(point);
                    }
                    message.ours(sql);
                }
                // on this database the statement itself fails where the row is gone
                Part::TakeRow(sql) | Part::KeepRow(sql) => {
                    if crash::armed() {
                        self.flush(&mut message, step)?;
                        crash::point(if matches!(part, Part::TakeRow(_)) { "before-row" } else { "after-script" });
                    }
                    message.ours(sql);
                }
                Part::Script(Piece::Sql { text, offset }) => {
                    if crash::armed() {
                        self.flush(&mut message, step)?;
                        self.send_in_parts(text, *offset)?;
                        continue;
                    }
                    message.script(text, *offset);
                }
                Part::Script(Piece::Copy { statement, data, offset }) => {
                    self.flush(&mut message, step)?;
                    let Db::Postgres(db) = &mut *self.db else { continue };
                    db.copy_in(statement, data).map_err(|source| {
                        AttemptError::Failed(PartFailure { source, offset: Some(*offset), in_script: true })
                    })?;
                }
                Part::CheckForeignKeys => {}
            }
        }
        self.flush(&mut message, step)
    }

    fn flush(&mut self, message: &mut Message, step: &Step) -> Result<(), AttemptError> {
        let message = std::mem::take(message);
        if message.is_empty() {
            return Ok(());
        }
        self.db.execute(message.text()).map_err(|source| {
            let offset = source.position.and_then(|position| message.script_offset(position));
            // a failure without a place came while a statement ran; ours say where they are, or name our tables
            let ours = [ROW_GONE, OWN_ROW_GONE, LOCK_LOST].iter().any(|name| source.message.contains(name))
                || source.table.as_deref().is_some_and(|table| table.starts_with("schema_migrations"))
                || (source.position.is_some() && offset.is_none());
            let in_script = message.has_script() && !ours && step.script.text.trim() != "";
            AttemptError::Failed(PartFailure { source, offset, in_script })
        })
    }

    /// Only for tests that kill the process between statements.
    fn send_in_parts(&mut self, text: &str, offset: usize) -> Result<(), AttemptError> {
        crash::point("before-script");
        for statement in sql::split(self.db.dialect(), text).unwrap_or_default() {
            self.db.execute(statement.text).map_err(|source| {
                let at = offset + statement.start + source.position.unwrap_or(0);
                AttemptError::Failed(PartFailure { source, offset: Some(at), in_script: true })
            })?;
            crash::point("between-statements");
        }
        Ok(())
    }

    /// SQLite: part after part, in the process.
    fn run_parts(&mut self, step: &Step, parts: &[Part]) -> Result<(), AttemptError> {
        for part in parts {
            if let Part::Script(Piece::Sql { text, offset }) = part {
                self.guard_drops(step, text, *offset)?;
            }
            match part {
                Part::Ours(sql, point) => {
                    crash::point(point);
                    self.run_ours(sql)?;
                    if *point == "before-begin" && self.begun_after_another()? {
                        return Err(AttemptError::Stale);
                    }
                }
                Part::TakeRow(sql) => {
                    crash::point("before-row");
                    self.run_ours(sql)?;
                    if self.changes() != Some(1) {
                        return Err(AttemptError::Stale);
                    }
                }
                Part::KeepRow(sql) => {
                    crash::point("after-script");
                    self.run_ours(sql)?;
                    if self.changes() != Some(1) {
                        let source = SqlError::other(OWN_ROW_GONE);
                        return Err(AttemptError::Failed(PartFailure { source, offset: None, in_script: false }));
                    }
                }
                Part::Script(Piece::Sql { text, offset }) if crash::armed() => self.send_in_parts(text, *offset)?,
                Part::Script(Piece::Sql { text, offset }) => self.db.execute(text).map_err(|source| {
                    let place = source.position.or_else(|| {
                        let done = source.statements_done?;
                        Some(sql::split(Dialect::Sqlite, text).ok()?.get(done)?.start)
                    });
                    AttemptError::Failed(PartFailure { source, offset: place.map(|p| p + offset), in_script: true })
                })?,
                Part::Script(Piece::Copy { .. }) => {}
                Part::CheckForeignKeys => {
                    let found = self.broken_now()?;
                    if !found.is_subset(&self.broken) {
                        return Err(AttemptError::ForeignKeys(found));
                    }
                    let Db::Sqlite(db) = &*self.db else { continue };
                    if !db.in_transaction() {
                        let message = format!("the script of {} ended its transaction", step.title());
                        return Err(AttemptError::Failed(PartFailure {
                            source: SqlError::other(message),
                            offset: None,
                            in_script: true,
                        }));
                    }
                }
            }
        }
        Ok(())
    }

    fn run_ours(&mut self, sql: &str) -> Result<(), AttemptError> {
        self.db
            .execute(sql)
            .map_err(|source| AttemptError::Failed(PartFailure { source, offset: None, in_script: false }))
    }

    /// SQLite, inside the write transaction: whether another connection has changed the history since it was read,
    /// which the lock's file forbids and nothing enforces. What an application writes meanwhile does not count.
    fn begun_after_another(&mut self) -> Result<bool, MigrateError> {
        let Db::Sqlite(db) = &*self.db else { return Ok(false) };
        if !db.in_transaction() {
            return Ok(false);
        }
        let seen = db.data_version().map_err(reading)?;
        if self.seen == Some(seen) {
            return Ok(false);
        }
        self.seen = Some(seen);
        let state = State::read(self.db)?;
        Ok(!state.applied.iter().map(|applied| applied.version).eq(self.expected.iter().copied()))
    }

    fn changes(&self) -> Option<u64> {
        match &*self.db {
            Db::Sqlite(db) => Some(db.changes()),
            Db::Postgres(_) => None,
        }
    }

    fn describe_failure(
        &mut self,
        step: &Step,
        failure: PartFailure,
        blockers: Vec<String>,
        took: std::time::Duration,
    ) -> MigrateError {
        let PartFailure { source, mut offset, in_script } = failure;
        // asked, not inferred: a script may have found a way to end its transaction
        let state = match source.class {
            ErrorClass::ConnectionLost => FailureState::ConnectionLost { recorded: self.recorded_after_loss(step) },
            _ if recorded(self.db, step) == Some(true) => FailureState::Recorded,
            _ => FailureState::RolledBack,
        };
        if offset.is_none() && in_script && state == FailureState::RolledBack {
            offset = self.find_by_running_again(step, &source, took);
        }
        let mut error = self.failure(step, offset, state, source);
        if let MigrateError::Script(failure) = &mut error
            && failure.source.class == ErrorClass::LockTimeout
        {
            failure.blockers = blockers;
        }
        error
    }

    /// PostgreSQL tells no place for what fails while a statement runs, and the script went as one message. A quick
    /// script is run again statement by statement, in a transaction that is always rolled back, to find which.
    fn find_by_running_again(&mut self, step: &Step, failed: &SqlError, took: std::time::Duration) -> Option<usize> {
        const QUICK: std::time::Duration = std::time::Duration::from_secs(3);
        let placeable = matches!(failed.class, ErrorClass::Other | ErrorClass::UniqueViolation | ErrorClass::Missing);
        if self.db.dialect() != Dialect::Postgres || took > QUICK || !placeable {
            return None;
        }
        let (now, now_ms) = now();
        let setting =
            Setting { writer: &self.writer, lock_key: None, lock_timeout: self.options.lock_timeout, now, now_ms };
        let mut found = None;
        for part in compose::transaction(step, &setting) {
            match part {
                Part::Ours(sql, _) if sql == "COMMIT" => break,
                Part::Ours(sql, _) | Part::TakeRow(sql) | Part::KeepRow(sql) => {
                    if self.db.execute(&sql).is_err() {
                        break;
                    }
                }
                Part::Script(Piece::Sql { text, offset }) => {
                    let statements = sql::split(Dialect::Postgres, &text).unwrap_or_default();
                    found = statements.iter().find_map(|statement| match self.db.execute(statement.text) {
                        Ok(()) => None,
                        Err(error) if error.code == failed.code => Some(offset + statement.start),
                        // another failure than the one to be placed
                        Err(_) => Some(usize::MAX),
                    });
                }
                Part::Script(Piece::Copy { statement, data, offset }) => {
                    if let Db::Postgres(db) = &mut *self.db
                        && db.copy_in(&statement, &data).is_err()
                    {
                        found = Some(offset);
                    }
                }
                Part::CheckForeignKeys => {}
            }
            if found.is_some() {
                break;
            }
        }
        self.db.roll_back();
        found.filter(|offset| *offset != usize::MAX)
    }
}

fn interrupted(step: &Step) -> MigrateError {
    MigrateError::Interrupted { during: Some(format!("in {}, which was rolled back", step.title())) }
}
