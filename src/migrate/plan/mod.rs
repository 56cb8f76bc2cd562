//! From folder and database to the steps that are to run, or to everything that is in the way. Pure: no I/O.

mod down;
mod up;

pub(crate) use down::{again, not_taken_back, nothing_above};
pub use down::{down, down_versions};
pub use up::up;

use crate::migrate::compare::Entry;
use crate::migrate::history::{Direction, Unfinished};
use crate::migrate::script::{Mode, Prepared, UnitKind};
use crate::migrate::{Directives, Refusal, Script};

/// How far `up` goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UpTo {
    /// Everything that is pending.
    #[default]
    Latest,
    /// Up to this version, which the folder must hold.
    Version(i64),
    /// So many migrations.
    Steps(usize),
}

/// How far `down` goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownTo {
    /// Everything above this version; 0 is everything.
    Version(i64),
    /// So many migrations.
    Steps(usize),
}

impl Default for DownTo {
    fn default() -> Self {
        Self::Steps(1)
    }
}

/// Which down script is run where the folder's and the stored one differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DownFrom {
    /// Neither: say so.
    #[default]
    Either,
    /// The file.
    File,
    /// The one that was stored when the migration was applied.
    Table,
}

/// One migration to run, one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which way.
    pub direction: Direction,
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The checksum of the up script, for its row.
    pub checksum: u64,
    /// What is run.
    pub script: Script,
    /// The same, ready.
    pub prepared: Prepared,
    /// The down script that is stored with the row (of an up).
    pub down: Option<(String, Directives)>,
    /// Where to go on, if it stopped half-way before.
    pub resume: Option<Unfinished>,
}

impl Step {
    /// `V1__name`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("V{}__{}", self.version, self.name)
    }
}

/// What is to be done, and what a person should know beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// Not in the way, but worth saying.
    pub warnings: Vec<String>,
}

fn unknown_version(version: i64, entries: &[Entry<'_>]) -> Refusal {
    let near = entries.iter().min_by_key(|entry| entry.version.abs_diff(version));
    let hint = match near {
        Some(entry) => format!("the nearest there is: {}", entry.title()),
        None => "there are no migrations at all".to_owned(),
    };
    Refusal::new(format!("there is no version {version}"), hint)
}

fn begun_script(unfinished: &Unfinished) -> Script {
    Script {
        path: format!("the script of V{} as it was begun", unfinished.version),
        first_line: 1,
        text: unfinished.script.clone(),
        directives: unfinished.directives.clone(),
    }
}

/// Whether a step runs statement by statement.
#[must_use]
pub(crate) fn is_stepwise(step: &Step) -> bool {
    matches!(step.prepared.mode, Mode::Steps(_))
}

/// The steps that only set up the session, before the statement at `next`: they are run again on resume.
pub(crate) fn session_units(prepared: &Prepared, next: usize) -> Vec<&str> {
    match &prepared.mode {
        Mode::Steps(units) => units
            .iter()
            .take(next)
            .filter(|unit| unit.kind == UnitKind::Session)
            .map(|unit| unit.text.as_str())
            .collect(),
        Mode::Transaction { .. } => Vec::new(),
    }
}
