//! What a run tells while it works.

use std::fmt;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A phase begins.
    Phase(Phase),
    /// Something a person should know at once.
    Note {
        /// What.
        text: &'a str,
    },
    /// The source's rows are about to be scanned; a plan that a person has edited may have them scanned once more.
    ToScan {
        /// How many, about: as far as that is known without counting them.
        rows: Option<u64>,
    },
    /// More rows of a table are scanned.
    Scanned {
        /// The table in SQLite.
        table: &'a str,
        /// How many since the last such event.
        rows: u64,
    },
    /// What is to be copied is known.
    Planned {
        /// The rows of all tables.
        rows: u64,
        /// Their bytes on the wire.
        bytes: u64,
        /// The tables.
        tables: usize,
    },
    /// The rows of a table are tried against constraints that the target has already.
    Trying {
        /// The table in SQLite.
        table: &'a str,
    },
    /// More rows of a table are on their way.
    Sent {
        /// The table in SQLite.
        table: &'a str,
        /// How many since the last such event.
        rows: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// All of a table's rows are in.
    Loaded {
        /// The table in SQLite.
        table: &'a str,
    },
    /// A table was read back and compared.
    Compared {
        /// The table in SQLite.
        table: &'a str,
        /// Both sides are the same, as far as they were read.
        proven: bool,
        /// Only some of its rows were read.
        sampled: bool,
        /// The rows that PostgreSQL holds.
        rows: u64,
    },
    /// An object is being made.
    Making {
        /// What: ``index `t_x` ``.
        object: &'a str,
    },
}

/// The phases of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named as it is")]
pub enum Phase {
    Scanning,
    CheckingFinishedBatches,
    Creating,
    Copying,
    Finishing,
    Validating,
    Comparing,
}

impl Phase {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scanning => "scanning",
            Self::CheckingFinishedBatches => "checking finished batches",
            Self::Creating => "creating",
            Self::Copying => "copying",
            Self::Finishing => "finishing",
            Self::Validating => "validating",
            Self::Comparing => "comparing",
        }
    }
}

/// Who is told.
#[derive(Clone, Copy)]
pub struct Observer<'a>(pub &'a (dyn Fn(&Event<'_>) + Sync));

impl Observer<'static> {
    /// Tells nobody.
    #[must_use]
    pub fn none() -> Self {
        Self(&|_| ())
    }
}

impl Observer<'_> {
    /// Tells.
    pub fn tell(&self, event: &Event<'_>) {
        (self.0)(event);
    }
}

impl fmt::Debug for Observer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
