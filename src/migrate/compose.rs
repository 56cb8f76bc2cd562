//! From a step to everything that is sent for it, in order: what runs is what a dry run prints.

use std::time::Duration;

use super::Directives;
use super::history::write::{HistoryRow, LogRow, Writer};
use super::history::{Direction, Mark};
use super::plan::Step;
use super::script::{Mode, Piece, Unit, UnitKind};
use crate::Dialect;

/// A part of what is sent for a transactional migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Bookkeeping, and the point a test may kill the process at before it.
    Ours(String, &'static str),
    /// The row of the migration that is taken back: it must be there, and be gone afterwards.
    TakeRow(String),
    /// The row of the migration that was applied: it must still be there.
    KeepRow(String),
    /// The script.
    Script(Piece),
    /// SQLite: rows that point nowhere are looked for.
    CheckForeignKeys,
}

/// What a transaction is composed with.
#[derive(Debug, Clone)]
pub(crate) struct Setting<'a> {
    pub writer: &'a Writer,
    /// PostgreSQL: the key of the advisory lock that the run holds.
    pub lock_key: Option<i64>,
    pub lock_timeout: Duration,
    /// RFC 3339.
    pub now: String,
    /// The same as milliseconds of the Unix epoch.
    pub now_ms: i64,
}

impl Step {
    /// The row that says this step's migration is applied.
    pub(crate) fn history_row(&self) -> HistoryRow<'_> {
        HistoryRow {
            version: self.version,
            name: &self.name,
            checksum: self.checksum,
            up: (&self.script.text, &self.script.directives),
            down: self.down.as_ref().map(|(text, directives): &(String, Directives)| (text.as_str(), directives)),
        }
    }

    /// How long its statements wait for a lock, where nothing else is said `default`.
    pub(crate) fn lock_timeout(&self, default: Duration) -> Duration {
        self.script.directives.lock_timeout.unwrap_or(default)
    }

    /// SQLite: whether foreign keys are enforced while it runs; set outside of its transaction.
    pub(crate) fn foreign_keys_pragma(&self) -> String {
        let state = if self.prepared.foreign_keys_off { "OFF" } else { "ON" };
        format!("PRAGMA foreign_keys = {state}")
    }

    pub(crate) fn log_row<'a>(
        &'a self,
        checksum: &'a str,
        result: &'a str,
        reason: Option<&'a str>,
        duration_ms: String,
    ) -> LogRow<'a> {
        LogRow {
            action: self.direction.name(),
            version: self.version,
            name: &self.name,
            checksum,
            result,
            reason,
            duration_ms,
        }
    }
}

/// Everything that is sent for a transactional `step`. The row comes before the script: the primary key alone lets
/// only one runner in, lock or no lock.
pub(crate) fn transaction(step: &Step, setting: &Setting<'_>) -> Vec<Part> {
    let Mode::Transaction { begin, pieces } = &step.prepared.mode else { return Vec::new() };
    let writer = setting.writer;
    let sqlite = writer.tables.dialect == Dialect::Sqlite;
    let mut parts = Vec::new();
    let limit = format!("SET LOCAL lock_timeout = {}", step.lock_timeout(setting.lock_timeout).as_millis());
    if sqlite {
        parts.push(Part::Ours(step.foreign_keys_pragma(), "before-begin"));
        parts.push(Part::Ours(begin.clone(), "before-begin"));
    } else {
        // the beginning of a message is what others see of it in pg_stat_activity
        let about = format!("/* liftlock {} {} */ {begin}", step.direction.name(), step.title());
        parts.push(Part::Ours(about, "before-begin"));
        // a temporary table of the script before would take the rows that are meant for a table of its name; done
        // here and not at that script's end, where a cursor of its own may still be open on it
        parts.push(Part::Ours("DISCARD TEMP".to_owned(), "before-row"));
        parts.push(Part::Ours(limit.clone(), "before-row"));
    }
    if let Some(key) = setting.lock_key {
        parts.push(Part::Ours(writer.assert_lock(key), "before-row"));
    }
    parts.push(match step.direction {
        Direction::Up => Part::Ours(writer.insert_history(&step.history_row(), &setting.now, None), "before-row"),
        Direction::Down => Part::TakeRow(writer.delete_history(step.version)),
    });
    parts.extend(pieces.iter().cloned().map(Part::Script));
    if sqlite {
        parts.push(Part::CheckForeignKeys);
    } else {
        // not DISCARD ALL: it would drop the lock
        parts.push(Part::Ours("RESET SESSION AUTHORIZATION".to_owned(), "after-script"));
        parts.push(Part::Ours("RESET ROLE".to_owned(), "after-script"));
        parts.push(Part::Ours("RESET ALL".to_owned(), "after-script"));
        // the COMMIT may wait too: it checks deferred constraints
        parts.push(Part::Ours(limit, "after-script"));
    }
    if step.direction == Direction::Up {
        parts.push(Part::KeepRow(writer.set_duration(step.version, setting.now_ms)));
    }
    let checksum = step.checksum.to_string();
    let duration = writer.duration(setting.now_ms);
    parts.push(Part::Ours(writer.log(&step.log_row(&checksum, "done", None, duration), &setting.now), "after-script"));
    parts.push(Part::Ours("COMMIT".to_owned(), "before-commit"));
    parts
}

/// The SQL of a step as a person reads it.
pub(crate) fn printed(step: &Step, setting: &Setting<'_>) -> Vec<String> {
    let mut lines = vec![format!("-- {} ({}): {}", step.title(), step.direction.name(), step.script.path)];
    match &step.prepared.mode {
        Mode::Transaction { .. } => {
            for part in transaction(step, setting) {
                match part {
                    Part::Ours(sql, _) | Part::TakeRow(sql) | Part::KeepRow(sql) => lines.push(format!("{sql};")),
                    Part::CheckForeignKeys => lines.push("PRAGMA main.foreign_key_check;".to_owned()),
                    Part::Script(Piece::Sql { text, .. }) => lines.push(terminated(&text)),
                    Part::Script(Piece::Copy { statement, data, .. }) => {
                        lines.push(format!("{statement};\n{data}\\."));
                    }
                }
            }
        }
        Mode::Steps(units) => steps(step, units, setting, &mut lines),
    }
    lines
}

/// A no-transaction script with the writes of its cursor.
fn steps(step: &Step, units: &[Unit], setting: &Setting<'_>, lines: &mut Vec<String>) {
    let writer = setting.writer;
    let mut transaction = |statements: &[String]| lines.push(format!("BEGIN;\n{};\nCOMMIT;", statements.join(";\n")));
    let next = step.resume.as_ref().map_or(0, |unfinished| unfinished.next_statement);
    if step.resume.is_none() {
        let script = (step.script.text.as_str(), &step.script.directives);
        let begin = writer.insert_progress(&step.history_row(), step.direction, script, &setting.now);
        match step.direction {
            Direction::Up => transaction(&[begin]),
            Direction::Down => transaction(&[writer.delete_history(step.version), begin]),
        }
    }
    if writer.tables.dialect == Dialect::Sqlite {
        lines.push(format!("{};", step.foreign_keys_pragma()));
    }
    for (at, unit) in units.iter().enumerate().skip(next) {
        let advance = writer.advance_progress(step.version, at, at + 1, Mark::Waiting);
        match &unit.kind {
            UnitKind::Shared => lines.push(format!("BEGIN;\n{}\n{advance};\nCOMMIT;", terminated(&unit.text))),
            UnitKind::Copy(data) => {
                lines.push(format!("BEGIN;\n{}\n{data}\\.\n{advance};\nCOMMIT;", terminated(&unit.text)));
            }
            UnitKind::Session => lines.push(format!("{}\n{advance};", terminated(&unit.text))),
            UnitKind::Alone(_) => {
                let started = writer.advance_progress(step.version, at, at, Mark::Started);
                lines.push(format!("{started};\n{}\n{advance};", terminated(&unit.text)));
            }
        }
    }
    if writer.tables.dialect == Dialect::Postgres {
        lines.push("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; DISCARD TEMP;".to_owned());
    }
    let checksum = step.checksum.to_string();
    let mut end = Vec::new();
    if step.direction == Direction::Up {
        end.push(writer.insert_history(&step.history_row(), &setting.now, None));
    }
    end.push(writer.delete_progress(step.version));
    end.push(writer.log(&step.log_row(&checksum, "done", None, "NULL".to_owned()), &setting.now));
    lines.push(format!("BEGIN;\n{};\nCOMMIT;", end.join(";\n")));
}

fn terminated(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').trim();
    // a comment at the end would swallow a semicolon put behind it
    if text.is_empty() || text.ends_with(';') { text.to_owned() } else { format!("{text}\n;") }
}
