//! Versioned SQL migrations with up and down scripts, recorded in `schema_migrations`.
//!
//! ```no_run
//! use liftlock::config::{Environment, Target};
//! use liftlock::db::{Access, Db};
//! use liftlock::migrate::{Migrator, UpTo};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let target = Target::parse("sqlite:app.db", &Environment::default())?;
//! let mut db = Db::connect(&target, Access::Write)?;
//! let report = Migrator::from_folder("migrations").up(&mut db, UpTo::Latest)?.into_result()?;
//! println!("{} applied", report.done.len());
//! # Ok(())
//! # }
//! ```

mod adjust;
mod compare;
mod compose;
mod directives;
mod error;
pub mod history;
mod int4;
pub mod layout;
mod mark;
mod migration;
pub mod plan;
mod repair;
mod report;
mod run;
pub mod script;
mod status;
mod texts;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use adjust::Adjustment;
pub use compare::{Entry, Situation, compare};
pub use directives::DirectiveError;
pub use error::{DropsParent, FailureState, MigrateError, Refusal, ScriptFailure, Unclear};
pub use history::{Direction, Who};
pub use mark::Mark;
pub use migration::{Directives, Migration, Script};
pub use plan::{DownFrom, DownTo, UpTo};
pub use repair::StatementVerdict;
pub use report::{Event, Outcome, RunReport, StepReport};
pub(crate) use run::RunLock;
pub use status::{Finding, Note, StatusEntry, StatusReport};

use crate::Dialect;
use crate::db::Db;
use crate::interrupt::Interrupt;
use history::State;
use layout::{Folder, Layout, LayoutError};
use plan::Plan;

/// Migrations that are compiled into the program: each file's name with its text.
///
/// ```
/// # use liftlock::migrate::Migrator;
/// let migrator = Migrator::embedded(&[("V1__users.sql", "CREATE TABLE users (id bigint PRIMARY KEY);")]);
/// ```
pub type EmbeddedFiles = &'static [(&'static str, &'static str)];

/// The files of a folder, compiled in: `embed_migrations!("../migrations": "V1__users.sql", "V1__users.down.sql")`.
/// The folder is relative to the source file, as with [`include_str!`]. Every file is named by hand: one that is left out
/// is not there.
#[macro_export]
macro_rules! embed_migrations {
    ($dir:literal : $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!($dir, "/", $file)))),+]
    };
}

#[derive(Debug, Clone)]
enum Source {
    Folder(PathBuf),
    Embedded(EmbeddedFiles),
    Read(Dialect, Folder),
}

/// What is told of a run's progress.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// How migrations are run. The defaults are those of the command line.
#[derive(Clone)]
pub struct Options {
    /// Apply a pending version below the highest applied one. Default: no.
    pub allow_out_of_order: bool,
    /// How long a statement waits for a lock before its migration is rolled back and tried again. Default: 5 s.
    pub lock_timeout: Duration,
    /// How often that is tried again. Default: 10 times.
    pub lock_retries: u32,
    /// How long to wait for another runner; `None`: as long as it lives.
    pub lock_wait: Option<Duration>,
    /// Who runs them, for the history.
    pub who: Who,
    /// What asks a run to stop.
    pub interrupt: Interrupt,
    /// What is told of the run's progress.
    pub observer: Option<Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow_out_of_order: false,
            lock_timeout: Duration::from_secs(5),
            lock_retries: 10,
            lock_wait: None,
            who: Who::default(),
            interrupt: Interrupt::default(),
            observer: None,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("allow_out_of_order", &self.allow_out_of_order)
            .field("lock_timeout", &self.lock_timeout)
            .field("lock_retries", &self.lock_retries)
            .field("lock_wait", &self.lock_wait)
            .field("who", &self.who)
            .field("interrupt", &self.interrupt)
            .finish_non_exhaustive()
    }
}

impl Options {
    pub(crate) fn tell(&self, event: &Event) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

/// Runs the migrations of one folder (or of the program itself) on a database.
#[derive(Debug, Clone)]
pub struct Migrator {
    source: Source,
    layout: Option<Layout>,
    options: Options,
}

impl Migrator {
    /// Migrations from the files of a folder, in whatever layout they are.
    #[must_use]
    pub fn from_folder(dir: impl Into<PathBuf>) -> Self {
        Self { source: Source::Folder(dir.into()), layout: None, options: Options::default() }
    }

    /// Migrations that are compiled in; see [`embed_migrations!`](crate::embed_migrations).
    #[must_use]
    pub fn embedded(files: EmbeddedFiles) -> Self {
        Self { source: Source::Embedded(files), layout: None, options: Options::default() }
    }

    /// Reads the files in `layout` instead of the one they are found to be in.
    #[must_use]
    pub fn layout(mut self, layout: Option<Layout>) -> Self {
        self.layout = layout;
        self
    }

    /// Runs with `options`.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The migrations for `dialect`.
    ///
    /// # Errors
    /// [`LayoutError`] naming the files that can't be read.
    pub fn read(&self, dialect: Dialect) -> Result<Folder, LayoutError> {
        let mut folder = match &self.source {
            Source::Folder(dir) => layout::read_folder(dir, dialect, self.layout),
            Source::Embedded(files) => layout::read_embedded(files, dialect, self.layout),
            Source::Read(read_for, folder) if *read_for == dialect => return Ok(folder.clone()),
            Source::Read(_, folder) => layout::read_folder(&folder.dir, dialect, self.layout),
        }?;
        script::settle_lone_statements(&mut folder, dialect);
        Ok(folder)
    }

    /// The same with its migrations for `dialect` read now and not again: before a database is touched.
    ///
    /// # Errors
    /// As [`Migrator::read`].
    pub fn read_now(mut self, dialect: Dialect) -> Result<Self, LayoutError> {
        self.source = Source::Read(dialect, self.read(dialect)?);
        Ok(self)
    }

    /// Applies what is pending.
    ///
    /// # Errors
    /// [`MigrateError`] where nothing was begun; what goes wrong later is in the [`Outcome`], with what was done.
    pub fn up(&self, db: &mut Db, to: UpTo) -> Result<Outcome, MigrateError> {
        let folder = self.read(db.dialect())?;
        // so many steps are those that were next when they were asked for, whoever applies some of them meanwhile
        let mut asked: Option<Vec<i64>> = None;
        run::execute(db, &self.options, &mut |_, state, _| {
            let mut plan = plan::up(&folder, state, to, self.options.allow_out_of_order)?;
            if let UpTo::Steps(_) = to {
                let versions = asked.get_or_insert_with(|| plan.steps.iter().map(|step| step.version).collect());
                plan.steps.retain(|step| versions.contains(&step.version));
            }
            Ok(plan)
        })
    }

    /// Passes where [`Migrator::up`] would begin its work, or have none.
    ///
    /// # Errors
    /// As [`Migrator::up`].
    pub fn check_up(&self, db: &mut Db, to: UpTo) -> Result<(), MigrateError> {
        let folder = self.read(db.dialect())?;
        let state = State::read(db)?;
        plan::up(&folder, &state, to, self.options.allow_out_of_order).map(drop)
    }

    /// What [`Migrator::up`] would do, and the SQL of it; nothing is written.
    ///
    /// # Errors
    /// As [`Migrator::up`].
    pub fn plan_up(&self, db: &mut Db, to: UpTo) -> Result<RunReport, MigrateError> {
        let folder = self.read(db.dialect())?;
        let state = State::read(db)?;
        let plan = plan::up(&folder, &state, to, self.options.allow_out_of_order)?;
        Ok(self.planned(&state, &plan))
    }

    /// Takes migrations back, highest first.
    ///
    /// # Errors
    /// As [`Migrator::up`]; every version that can't be taken back is named before anything is changed.
    pub fn down(&self, db: &mut Db, to: DownTo, from: DownFrom) -> Result<Outcome, MigrateError> {
        let folder = self.read(db.dialect())?;
        let mut asked: Option<Vec<i64>> = None;
        run::execute(db, &self.options, &mut |db, state, _| {
            let mut plan = make_down(db, &folder, state, to, from)?;
            // a number of steps means those that were highest when it was asked for, not what others leave on top
            if matches!(to, DownTo::Steps(_)) {
                let versions = || plan.steps.iter().map(|step| step.version).collect();
                let asked = asked.get_or_insert_with(versions);
                plan::nothing_above(state, asked)?;
                plan.steps.retain(|step| asked.contains(&step.version));
            }
            Ok(plan)
        })
    }

    /// What [`Migrator::down`] would do, and the SQL of it; nothing is written.
    ///
    /// # Errors
    /// As [`Migrator::down`].
    pub fn plan_down(&self, db: &mut Db, to: DownTo, from: DownFrom) -> Result<RunReport, MigrateError> {
        let folder = self.read(db.dialect())?;
        let state = State::read(db)?;
        let plan = make_down(db, &folder, &state, to, from)?;
        Ok(self.planned(&state, &plan))
    }

    /// Takes the highest applied migration back and applies it again, from its file.
    ///
    /// # Errors
    /// As [`Migrator::down`] and [`Migrator::up`].
    pub fn redo(&self, db: &mut Db, from: DownFrom) -> Result<Outcome, MigrateError> {
        let folder = self.read(db.dialect())?;
        let mut asked: Option<Option<i64>> = None;
        run::execute(db, &self.options, &mut |db, state, done| match done {
            [] => {
                let plan = make_redo(db, &folder, state, from)?;
                let asked = *asked.get_or_insert(plan.steps.first().map(|step| step.version));
                plan::not_taken_back(state, asked)?;
                Ok(plan)
            }
            // the down is done, and another runner got in between: what is left is the up, if it is not there yet
            done => {
                let versions: Vec<i64> = done.iter().map(|step| step.version).collect();
                let left = |version: &i64| !state.applied.iter().any(|applied| applied.version == *version);
                let versions: Vec<i64> = versions.into_iter().filter(left).collect();
                Ok(Plan { steps: plan::again(&folder, state, &versions)?, warnings: Vec::new() })
            }
        })
    }

    /// What [`Migrator::redo`] would do, and the SQL of it; nothing is written.
    ///
    /// # Errors
    /// As [`Migrator::redo`].
    pub fn plan_redo(&self, db: &mut Db, from: DownFrom) -> Result<RunReport, MigrateError> {
        let folder = self.read(db.dialect())?;
        let state = State::read(db)?;
        let plan = make_redo(db, &folder, &state, from)?;
        Ok(self.planned(&state, &plan))
    }

    fn planned(&self, state: &State, plan: &Plan) -> RunReport {
        RunReport {
            done: Vec::new(),
            not_done: plan.steps.iter().map(|step| StepReport::of(step, None)).collect(),
            warnings: plan.warnings.clone(),
            sql: Some(run::print(state, &self.options, plan)),
        }
    }
}

fn make_down(db: &mut Db, folder: &Folder, state: &State, to: DownTo, from: DownFrom) -> Result<Plan, MigrateError> {
    let stored = state.load_scripts(db, &plan::down_versions(state, to))?;
    plan::down(folder, state, &stored, to, from)
}

fn make_redo(db: &mut Db, folder: &Folder, state: &State, from: DownFrom) -> Result<Plan, MigrateError> {
    let mut redo = make_down(db, folder, state, DownTo::Steps(1), from)?;
    let versions: Vec<i64> = redo.steps.iter().map(|step| step.version).collect();
    let again = plan::again(folder, state, &versions)?;
    redo.steps.extend(again);
    Ok(redo)
}
