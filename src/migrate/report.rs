//! What a run did and what it did not, as data; and what it says on its way.

use std::time::Duration;

use super::MigrateError;
use super::history::Direction;
use super::plan::Step;

/// The result of `up`, `down` or `redo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RunReport {
    /// What was done, in order.
    pub done: Vec<StepReport>,
    /// What was planned and not done.
    pub not_done: Vec<StepReport>,
    /// Not in the way, but worth knowing.
    pub warnings: Vec<String>,
    /// Of a dry run: the SQL that would run, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<Vec<String>>,
}

/// One migration of a [`RunReport`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StepReport {
    /// Up or down.
    pub direction: Direction,
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// How long it took, in milliseconds; `None` where it was not run.
    pub duration_ms: Option<u64>,
}

impl StepReport {
    pub(crate) fn of(step: &Step, duration: Option<Duration>) -> Self {
        Self {
            direction: step.direction,
            version: step.version,
            name: step.name.clone(),
            duration_ms: duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// What a run came to: the report is complete whether or not it ended well.
#[derive(Debug)]
#[must_use]
pub struct Outcome {
    /// What was done and what was not.
    pub report: RunReport,
    /// Why it ended before the end.
    pub error: Option<MigrateError>,
}

impl Outcome {
    /// The report, or the error that ended the run before its end.
    ///
    /// # Errors
    /// The run's error; what was done before it is then only in the log.
    pub fn into_result(self) -> Result<RunReport, MigrateError> {
        match self.error {
            None => Ok(self.report),
            Some(error) => Err(error),
        }
    }
}

/// Something that happened while a run was under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another runner holds the lock.
    Waiting {
        /// Who: process, since when, running what.
        holder: String,
    },
    /// A migration begins.
    Begun {
        /// Which one.
        step: StepReport,
        /// The statements that were done by an earlier run, of how many.
        resumed_at: Option<(usize, usize)>,
    },
    /// A migration is done.
    Done(StepReport),
    /// Another runner did it first.
    DoneByAnother(StepReport),
    /// A lock was not had in time; the migration was rolled back and is tried again.
    Retrying {
        /// Which one.
        step: StepReport,
        /// The attempt that failed, from 1, of how many.
        attempt: (u32, u32),
        /// Who holds the lock.
        blockers: Vec<String>,
        /// How long it waits before the next.
        pause: Duration,
    },
    /// The bookkeeping's tables could not be made for a lock that another session holds; that is tried again.
    TablesLocked {
        /// The attempt that failed, from 1, of how many.
        attempt: (u32, u32),
        /// How long it waits before the next.
        pause: Duration,
    },
    /// A statement of a no-transaction script is found to have happened, or not, before this run.
    Resolved {
        /// What was found, and what follows.
        message: String,
    },
}
