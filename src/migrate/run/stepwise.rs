//! A no-transaction script, statement by statement, with a cursor in `schema_migrations_progress`.
//!
//! A statement that can share a transaction shares one with the move of the cursor. Any other is first marked as
//! started; a run that finds the mark asks the catalog what became of it (`resume`).

use std::collections::BTreeSet;
use std::time::Instant;

use super::message::Message;
use super::patience::{is_cancelled, pause, sleep};
use super::resume::{self, Finding};
use super::{Run, StepEnd, now};
use crate::Dialect;
use crate::crash;
use crate::db::{Broken, Db, ErrorClass, SqlError};
use crate::migrate::history::write::{LOCK_LOST, ROW_GONE};
use crate::migrate::history::{Direction, Mark};
use crate::migrate::plan::{Step, session_units};
use crate::migrate::script::{Mode, Unit, UnitKind};
use crate::migrate::{Event, FailureState, MigrateError, StepReport};
use crate::words::counted;

/// The steps of a no-transaction script.
pub(super) fn units(step: &Step) -> &[Unit] {
    match &step.prepared.mode {
        Mode::Steps(units) => units,
        Mode::Transaction { .. } => &[],
    }
}

impl Run<'_> {
    pub(super) fn stepwise(&mut self, step: &Step) -> Result<StepEnd, MigrateError> {
        let began = Instant::now();
        // a connection that a program handed over gets its own setting back
        let enforced = match &*self.db {
            Db::Sqlite(db) => db.foreign_keys().ok(),
            Db::Postgres(_) => None,
        };
        let end = self.stepwise_inner(step, began);
        if self.db.dialect() == Dialect::Postgres {
            self.db.roll_back();
            // what the script set for the session is not for the next one
            if let Err(error) = self.db.execute("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; DISCARD TEMP") {
                tracing::debug!(%error, "reset");
            }
        } else {
            self.db.roll_back();
            if let Some(enforced) = enforced
                && let Err(error) = self.db.execute(&format!("PRAGMA foreign_keys = {enforced}"))
            {
                tracing::debug!(%error, "set `foreign_keys` as it was");
            }
        }
        end
    }

    fn stepwise_inner(&mut self, step: &Step, began: Instant) -> Result<StepEnd, MigrateError> {
        let units = units(step);
        if let Db::Sqlite(_) = self.db {
            self.ours(&step.foreign_keys_pragma(), "set `foreign_keys`")?;
        }
        let mut next = match &step.resume {
            None => {
                if !self.begin_script(step)? {
                    return Ok(StepEnd::Stale);
                }
                0
            }
            Some(unfinished) => {
                if unfinished.script != step.script.text {
                    let script = (step.script.text.as_str(), &step.script.directives);
                    let update = self.writer.replace_progress(&step.history_row(), script);
                    self.ours(&update, "record the edited script")?;
                }
                for set in session_units(&step.prepared, unfinished.next_statement) {
                    self.ours(set, "set the session up as the script had it")?;
                }
                unfinished.next_statement
            }
        };
        let mut mark = step.resume.as_ref().map_or(Mark::Waiting, |unfinished| unfinished.mark);
        let broken_before = self.broken_now()?;
        while let Some(unit) = units.get(next) {
            if self.options.interrupt.is_set() {
                return Err(interrupted(step, next, units.len()));
            }
            match &unit.kind {
                UnitKind::Shared | UnitKind::Copy(_) => self.shared(step, next, unit, &broken_before)?,
                UnitKind::Session => {
                    self.statement(step, next, unit)?;
                    self.advance(step, next, next + 1, Mark::Waiting)?;
                }
                UnitKind::Alone(_) => self.alone(step, next, unit, mark)?,
            }
            mark = Mark::Waiting;
            next += 1;
            crash::point("between-statements");
        }
        crash::point("before-finish");
        self.finish_script(step, began)?;
        Ok(StepEnd::Done(began.elapsed()))
    }

    /// Nothing of the script has run yet: says so, or finds that another runner was first.
    fn begin_script(&mut self, step: &Step) -> Result<bool, MigrateError> {
        let script = (step.script.text.as_str(), &step.script.directives);
        let (now, _) = now();
        let insert = self.writer.insert_progress(&step.history_row(), step.direction, script, &now);
        let count = format!("FROM {} WHERE version = {}", self.writer.tables.history, step.version);
        let mut statements = match (step.direction, self.db.dialect()) {
            // the row first: it waits for a runner that is about to take its own away, and what that one left is
            // seen by the count after it
            (Direction::Up, Dialect::Postgres) => vec![
                insert,
                format!(
                    "SELECT CASE count(*) WHEN 0 THEN '' ELSE pg_catalog.current_setting('{ROW_GONE}') END {count}"
                ),
            ],
            (Direction::Up, Dialect::Sqlite) => vec![insert],
            (Direction::Down, _) => vec![self.writer.delete_history(step.version), insert],
        };
        if self.db.dialect() == Dialect::Postgres {
            // what the script before left; see `compose::transaction`
            statements.push("DISCARD TEMP".to_owned());
        }
        let begun = match self.db.dialect() {
            Dialect::Postgres => self.in_transaction(&statements),
            Dialect::Sqlite => self.begin_script_in_sqlite(step.direction, &count, &statements),
        };
        crash::point("script-begun");
        match begun {
            Ok(()) => Ok(true),
            Err(error) if error.class == ErrorClass::UniqueViolation || error.message.contains(ROW_GONE) => Ok(false),
            Err(source) => Err(self.bookkeeping(step, "record that the script begins", source)),
        }
    }

    /// SQLite has no expression that fails: the row is looked for inside the transaction.
    fn begin_script_in_sqlite(&mut self, direction: Direction, count: &str, sql: &[String]) -> Result<(), SqlError> {
        let expected = match direction {
            Direction::Up => "0",
            Direction::Down => "1",
        };
        let begun = (|| {
            self.db.execute("BEGIN IMMEDIATE")?;
            let rows = self.db.query(&format!("SELECT count(*) {count}"))?;
            if rows.first().and_then(|row| row.first().cloned().flatten()).as_deref() != Some(expected) {
                return Err(SqlError::other(ROW_GONE));
            }
            self.db.execute(&(sql.join(";\n") + ";\nCOMMIT"))
        })();
        begun.inspect_err(|_| self.db.roll_back())
    }

    fn finish_script(&mut self, step: &Step, began: Instant) -> Result<(), MigrateError> {
        let (now, _) = now();
        let took = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let checksum = step.checksum.to_string();
        let mut statements = Vec::new();
        if step.direction == Direction::Up {
            statements.push(self.writer.insert_history(&step.history_row(), &now, Some(took)));
        }
        statements.push(self.writer.delete_progress(step.version));
        statements.push(self.writer.log(&step.log_row(&checksum, "done", None, took.to_string()), &now));
        self.in_transaction(&statements)
            .map_err(|source| self.bookkeeping(step, "record that the script is finished", source))
    }

    /// A statement that shares its transaction with the move of the cursor.
    fn shared(&mut self, step: &Step, at: usize, unit: &Unit, before: &BTreeSet<Broken>) -> Result<(), MigrateError> {
        let of = self.options.lock_retries.saturating_add(1);
        let mut attempt = 1;
        loop {
            let timeout = step.lock_timeout(self.options.lock_timeout);
            self.watch(timeout);
            let result = self.shared_attempt(step, at, unit, timeout, before);
            let blockers = self.unwatch();
            let Err(error) = result else { return Ok(()) };
            self.db.roll_back();
            match error {
                Failed::Sql(source, offset) => {
                    if source.class == ErrorClass::LockTimeout && attempt < of && !self.options.interrupt.is_set() {
                        let pause = pause(attempt);
                        let report = StepReport::of(step, None);
                        self.tell(Event::Retrying { step: report, attempt: (attempt, of), blockers, pause });
                        sleep(pause, &self.options.interrupt);
                        attempt += 1;
                        continue;
                    }
                    let mut error = self.stopped(step, at, unit, offset, source);
                    if let MigrateError::Script(failure) = &mut error
                        && failure.source.class == ErrorClass::LockTimeout
                    {
                        failure.blockers = blockers;
                    }
                    return Err(error);
                }
                Failed::Other(error) => return Err(error),
            }
        }
    }

    fn shared_attempt(
        &mut self,
        step: &Step,
        at: usize,
        unit: &Unit,
        timeout: std::time::Duration,
        before: &BTreeSet<Broken>,
    ) -> Result<(), Failed> {
        self.guard_drops(step, &unit.text, unit.offset).map_err(Failed::Other)?;
        let advance = self.writer.advance_progress(step.version, at, at + 1, Mark::Waiting);
        let options = self.options;
        let _running = options.interrupt.while_running(self.db.canceller());
        match &mut *self.db {
            Db::Postgres(db) => {
                let mut message = Message::default();
                message.ours("BEGIN");
                message.ours(&format!("SET LOCAL lock_timeout = {}", timeout.as_millis()));
                if let Some(key) = self.lock_key {
                    message.ours(&self.writer.assert_lock(key));
                }
                if let UnitKind::Copy(data) = &unit.kind {
                    db.execute(message.text()).map_err(|source| Failed::Sql(source, None))?;
                    db.copy_in(&unit.text, data).map_err(|source| Failed::Sql(source, Some(unit.offset)))?;
                    message = Message::default();
                } else {
                    message.script(&unit.text, unit.offset);
                }
                // the cursor is ours to move, whatever role the script has taken
                for sql in OURSELVES {
                    message.ours(sql);
                }
                message.ours(&advance);
                message.ours("COMMIT");
                db.execute(message.text()).map_err(|source| {
                    let offset = source.position.and_then(|position| message.script_offset(position));
                    Failed::Sql(source, offset)
                })
            }
            Db::Sqlite(db) => {
                db.execute("BEGIN IMMEDIATE").map_err(|source| Failed::Sql(source, None))?;
                db.execute(&unit.text).map_err(|source| {
                    let offset = unit.offset + source.position.unwrap_or(0);
                    Failed::Sql(source, Some(offset))
                })?;
                let found = db.broken_foreign_keys().map_err(|source| Failed::Sql(source, None))?;
                let new: Vec<String> = found.difference(before).map(ToString::to_string).collect();
                if !new.is_empty() {
                    return Err(Failed::Other(MigrateError::ForeignKeys {
                        migration: format!("statement {} of {}", at + 1, step.title()),
                        violations: new,
                    }));
                }
                db.execute(&advance).map_err(|source| Failed::Sql(source, None))?;
                if db.changes() != 1 {
                    return Err(Failed::Sql(SqlError::other(ROW_GONE), None));
                }
                crash::point("before-commit");
                db.execute("COMMIT").map_err(|source| Failed::Sql(source, None))
            }
        }
    }

    /// A statement that can't share a transaction with anything.
    fn alone(&mut self, step: &Step, at: usize, unit: &Unit, mark: Mark) -> Result<(), MigrateError> {
        let UnitKind::Alone(what) = &unit.kind else { return Ok(()) };
        let finding = resume::look(self, step, at, unit, what.as_ref(), mark)?;
        match finding {
            Finding::Happened(message) => {
                self.tell(Event::Resolved { message });
                return self.advance(step, at, at + 1, Mark::Waiting);
            }
            Finding::Run { first, told } => {
                if let Some(message) = told {
                    self.tell(Event::Resolved { message });
                }
                for sql in first {
                    self.cancellable(step, at, &sql, "clear away what a failed attempt left")?;
                }
            }
            Finding::WillFail => {
                // another object has the name; the server says so, and nothing is marked as begun
                return self.statement(step, at, unit).and_then(|()| self.advance(step, at, at + 1, Mark::Waiting));
            }
        }
        self.advance(step, at, at, Mark::Started)?;
        crash::point("statement-marked");
        if let Err(error) = self.statement(step, at, unit) {
            let unknown = match &error {
                MigrateError::Script(failure) if failure.source.class == ErrorClass::ConnectionLost => true,
                // a procedure may have committed parts of its work before it failed; an error without a context came
                // before anything of it ran
                MigrateError::Script(failure) => what.is_none() && failure.source.context.is_some(),
                _ => what.is_none(),
            };
            if !unknown && let Err(error) = self.advance(step, at, at, Mark::Failed) {
                tracing::debug!(%error, "the failure could not be marked");
            }
            return Err(error);
        }
        crash::point("statement-done");
        self.advance(step, at, at + 1, Mark::Waiting)
    }

    /// Sends one statement by itself.
    fn statement(&mut self, step: &Step, at: usize, unit: &Unit) -> Result<(), MigrateError> {
        let options = self.options;
        // a concurrent build waits for old transactions by design: only a limit that the script asks for holds
        let limit = match (self.db.dialect(), step.script.directives.lock_timeout) {
            (Dialect::Postgres, Some(timeout)) => Some(timeout),
            _ => None,
        };
        if let Some(timeout) = limit {
            self.ours(&format!("SET lock_timeout = {}", timeout.as_millis()), "set the lock timeout")?;
        }
        let result = {
            let _running = options.interrupt.while_running(self.db.canceller());
            self.db.execute(&unit.text)
        };
        if limit.is_some() {
            self.ours("RESET lock_timeout", "reset the lock timeout")?;
        }
        result.map_err(|source| {
            let offset = unit.offset + source.position.unwrap_or(0);
            self.stopped(step, at, unit, Some(offset), source)
        })
    }

    fn advance(&mut self, step: &Step, from: usize, to: usize, mark: Mark) -> Result<(), MigrateError> {
        let advance = self.writer.advance_progress(step.version, from, to, mark);
        self.in_transaction(&[advance]).map_err(|source| self.bookkeeping(step, "move the script's cursor", source))
    }

    /// Statements of ours in a transaction of their own, as the user who connected.
    fn in_transaction(&mut self, statements: &[String]) -> Result<(), SqlError> {
        let mut message = Message::default();
        match self.db.dialect() {
            Dialect::Sqlite => message.ours("BEGIN IMMEDIATE"),
            Dialect::Postgres => {
                message.ours("BEGIN");
                for sql in OURSELVES {
                    message.ours(sql);
                }
                if let Some(key) = self.lock_key {
                    message.ours(&self.writer.assert_lock(key));
                }
            }
        }
        for sql in statements {
            message.ours(sql);
        }
        message.ours("COMMIT");
        self.db.execute(message.text()).inspect_err(|_| self.db.roll_back())
    }

    fn ours(&mut self, sql: &str, doing: &'static str) -> Result<(), MigrateError> {
        self.db.execute(sql).map_err(|source| MigrateError::Bookkeeping { doing, source })
    }

    /// A statement of ours that may wait for others, and so can be interrupted as one of the script's.
    pub(super) fn cancellable(
        &mut self,
        step: &Step,
        at: usize,
        sql: &str,
        doing: &'static str,
    ) -> Result<(), MigrateError> {
        let options = self.options;
        let result = {
            let _running = options.interrupt.while_running(self.db.canceller());
            self.db.execute(sql)
        };
        result.map_err(|source| match is_cancelled(&source, &options.interrupt) {
            true => interrupted(step, at, units(step).len()),
            false => MigrateError::Bookkeeping { doing, source },
        })
    }

    fn bookkeeping(&self, step: &Step, doing: &'static str, source: SqlError) -> MigrateError {
        if source.message.contains(LOCK_LOST) {
            return MigrateError::LockLost { migration: step.title() };
        }
        MigrateError::Bookkeeping { doing, source }
    }

    /// SQLite: every foreign key that does not hold.
    pub(super) fn broken_now(&self) -> Result<BTreeSet<Broken>, MigrateError> {
        match &*self.db {
            Db::Sqlite(db) => db
                .broken_foreign_keys()
                .map_err(|source| MigrateError::Bookkeeping { doing: "check foreign keys", source }),
            Db::Postgres(_) => Ok(BTreeSet::new()),
        }
    }

    fn stopped(&self, step: &Step, at: usize, unit: &Unit, offset: Option<usize>, source: SqlError) -> MigrateError {
        let of = units(step).len();
        let gave_up = source.class == ErrorClass::LockTimeout && self.options.interrupt.is_set();
        if gave_up || is_cancelled(&source, &self.options.interrupt) {
            return interrupted(step, at, of);
        }
        if source.message.contains(LOCK_LOST) || source.message.contains(ROW_GONE) {
            return MigrateError::LockLost { migration: format!("statement {} of {}", at + 1, step.title()) };
        }
        let state = match source.class {
            ErrorClass::ConnectionLost => FailureState::ConnectionLost { recorded: None },
            _ => FailureState::Stopped { statement: at + 1, of },
        };
        self.failure(step, Some(offset.unwrap_or(unit.offset)), state, source)
    }
}

/// PostgreSQL: for the rest of the transaction, the user who connected.
const OURSELVES: [&str; 2] = ["SET LOCAL SESSION AUTHORIZATION DEFAULT", "SET LOCAL ROLE NONE"];

enum Failed {
    Sql(SqlError, Option<usize>),
    Other(MigrateError),
}

fn interrupted(step: &Step, at: usize, of: usize) -> MigrateError {
    MigrateError::Interrupted {
        during: Some(format!("in {}, after {at} of {}", step.title(), counted(of as u64, "statement"))),
    }
}
