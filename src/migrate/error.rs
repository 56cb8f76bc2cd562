//! What can go wrong with migrations, each with its place and the next step.

use std::fmt;
use std::time::Duration;

use super::history::Direction;
use super::layout::LayoutError;
use super::script::ScriptProblem;
use crate::db::{DbError, ErrorClass, SqlError};
use crate::source_text::Position;
use crate::words::counted;

/// Why migrations were not run, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The migrations folder can't be read.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// There is no connection.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Nothing may be done as things stand; everything that is in the way is listed.
    #[error("{}", list(.0))]
    Refused(Vec<Refusal>),
    /// `schema_migrations` belongs to another tool.
    #[error("`schema_migrations` belongs to {tool} (columns: {})", columns.join(", "))]
    OtherTool {
        /// The tool.
        tool: &'static str,
        /// The table's columns.
        columns: Vec<String>,
    },
    /// Another tool has migrated this database.
    #[error("this database was migrated by {tool}: its table `{table}` holds {}, and Liftlock has none", counted(rows.unsigned_abs(), "row"))]
    OtherHistory {
        /// The tool.
        tool: &'static str,
        /// Its table.
        table: &'static str,
        /// The number of rows it holds.
        rows: i64,
    },
    /// refinery's table has 32-bit versions.
    #[error("`schema_migrations` is refinery's, with int4 versions; Liftlock shares it once its versions are int8")]
    Int4 {
        /// The SQL that converts it.
        conversion: String,
    },
    /// `schema_migrations` is a lone column of integers.
    #[error("`schema_migrations` is a lone column of versions (highest: {highest}), made by hand")]
    HomeMade {
        /// The highest version.
        highest: i64,
    },
    /// The connection has no schema to work in.
    #[error("no schema: `current_schema()` is null")]
    NoSchema,
    /// The history stands in another schema of the search path than new tables would.
    #[error("`schema_migrations` stands in schema `{found}`, and this user's own schema `{schema}` comes before it")]
    HistoryElsewhere {
        /// The schema in which new tables would be made.
        schema: String,
        /// The schema that holds the table.
        found: String,
    },
    /// A program handed over a connection in the middle of a transaction of its own.
    #[error("the connection is inside a transaction already")]
    OpenTransaction,
    /// A bookkeeping table holds what Liftlock never writes.
    #[error("`schema_migrations` holds an unreadable {what}")]
    Unreadable {
        /// What.
        what: String,
    },
    /// A statement of ours failed.
    #[error("cannot {doing}")]
    Bookkeeping {
        /// What it was to do.
        doing: &'static str,
        /// What the database says.
        #[source]
        source: SqlError,
    },
    /// A script failed.
    #[error(transparent)]
    Script(Box<ScriptFailure>),
    /// A script took its own row out of the history.
    #[error("the script of {migration} removes the row that records it from `schema_migrations`; it was rolled back")]
    OwnRow {
        /// The migration.
        migration: String,
    },
    /// A script would drop a table to which rows point that would go, or change, with it.
    #[error("{0}")]
    DropsParent(Box<DropsParent>),
    /// A script would leave rows that point nowhere.
    #[error("{migration} would leave {} that point nowhere; it was rolled back\n{}", rows(.violations.len()), first(.violations))]
    ForeignKeys {
        /// The migration.
        migration: String,
        /// Every row, as `table rowid 5 → parent`.
        violations: Vec<String>,
    },
    /// The lock of the run was not had in time.
    #[error("another runner holds the migration lock: {holder}; waited {waited:?}")]
    LockWait {
        /// Who.
        holder: String,
        /// How long.
        waited: Duration,
    },
    /// The lock of the run is somebody else's now.
    #[error("the migration lock was lost before {migration}; it was not begun")]
    LockLost {
        /// The migration that was next.
        migration: String,
    },
    /// A pooler stands between.
    #[error("this connection goes through a pooler, where a session's lock is no lock")]
    Pooler,
    /// The lock's file can't be made or locked.
    #[error("cannot lock `{path}`")]
    LockFile {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The person asked to stop.
    #[error("interrupted {}", .during.as_deref().unwrap_or("between migrations"))]
    Interrupted {
        /// The migration in hand and what became of it.
        during: Option<String>,
    },
    /// A resumed script stands at a statement of which nobody can tell whether it happened.
    #[error("{0}")]
    Unclear(Box<Unclear>),
}

/// One reason to do nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is in the way.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl From<ScriptProblem> for Refusal {
    fn from(problem: ScriptProblem) -> Self {
        let ScriptProblem { path, position, excerpt, message, hint } = problem;
        Self { message: format!("{path}:{position}: {message}\n{excerpt}"), hint }
    }
}

/// A script that failed, and where.
#[derive(Debug)]
pub struct ScriptFailure {
    /// The migration, as `V1__name`.
    pub migration: String,
    /// Which script.
    pub direction: Direction,
    /// The file (or where else the script came from).
    pub path: String,
    /// The place in it, where the database or the count of statements tells.
    pub position: Option<Position>,
    /// The text around it, with a caret.
    pub excerpt: Option<String>,
    /// What became of the migration.
    pub state: FailureState,
    /// Who held the lock that was not had, where it was that.
    pub blockers: Vec<String>,
    /// What the database says.
    pub source: SqlError,
}

/// What became of a migration whose script failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureState {
    /// Nothing of it is left.
    RolledBack,
    /// Something ended the script's transaction: the database records the migration as done.
    Recorded,
    /// The statements before are done; the next `up` or `down` goes on from there.
    Stopped {
        /// The statement that failed, from 1.
        statement: usize,
        /// The number of statements.
        of: usize,
    },
    /// The connection was lost; what the database records was looked up afterwards, where that was possible.
    ConnectionLost {
        /// Whether it is recorded as done; `None`: could not be asked.
        recorded: Option<bool>,
    },
}

impl fmt::Display for ScriptFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { migration, direction, path, .. } = self;
        write!(f, "{migration} failed ({}) at {path}", direction.name())?;
        if let Some(position) = self.position {
            write!(f, ":{position}")?;
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        match &self.state {
            FailureState::RolledBack => write!(f, "\nit was rolled back: nothing of it is left"),
            FailureState::Recorded => {
                write!(f, "\nits transaction had ended already: the database records it as done, and it may not be")
            }
            FailureState::Stopped { statement, of } => {
                write!(f, "\nit stopped at statement {statement} of {of}; those before it are done and recorded")
            }
            FailureState::ConnectionLost { recorded: Some(true) } => {
                write!(f, "\nthe connection was lost afterwards: the database records it as done")
            }
            FailureState::ConnectionLost { recorded: Some(false) } => {
                write!(f, "\nthe connection was lost, and the server rolled it back: nothing of it is left")
            }
            FailureState::ConnectionLost { recorded: None } => {
                write!(f, "\nthe connection was lost; what became of it is in `schema_migrations`")
            }
        }?;
        for blocker in &self.blockers {
            write!(f, "\nthe lock is held by {blocker}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScriptFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A `DROP TABLE` that SQLite would carry on to other tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropsParent {
    /// The migration.
    pub migration: String,
    /// The file and the place in it.
    pub place: String,
    /// The text around it, with a caret.
    pub excerpt: String,
    /// The table that is dropped.
    pub table: String,
    /// What would happen to whom: `rows of `c` would be deleted (ON DELETE CASCADE)`.
    pub effects: Vec<String>,
}

impl fmt::Display for DropsParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { migration, place, excerpt, table, effects } = self;
        write!(f, "{migration} drops `{table}` at {place}\n{excerpt}\nwith foreign keys on, {}", effects.join(", "))?;
        write!(f, "; it was rolled back")
    }
}

/// A statement of which nobody can tell whether it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    /// The migration.
    pub migration: String,
    /// Its version.
    pub version: i64,
    /// The statement's number, from 1.
    pub statement: usize,
    /// The statement's text.
    pub text: String,
    /// Where to look.
    pub look: String,
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { migration, statement, text, look, .. } = self;
        write!(
            f,
            "{migration} stopped while statement {statement} was running, and the catalog can't tell whether it \
             happened\n  {text}\nlook: {look}"
        )
    }
}

impl MigrateError {
    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Layout(error) => return error.hint(),
            Self::Db(error) => return error.hint(),
            Self::Refused(refusals) => {
                let mut hints: Vec<&str> = refusals.iter().map(|refusal| refusal.hint.as_str()).collect();
                hints.dedup();
                return Some(hints.join("\n"));
            }
            Self::OtherTool { tool, .. } => format!(
                "Liftlock never alters it. To take over: move that table out of the way (rename it), then \
                 `liftlock mark --through VERSION --applied --reason '…'`, so that nothing {tool} has applied runs again"
            ),
            Self::OtherHistory { tool, .. } => format!(
                "record what {tool} has applied, so that nothing runs twice: \
                 `liftlock mark --through VERSION --applied --reason 'taken over from {tool}'`"
            ),
            Self::Int4 { conversion } => {
                format!(
                    "convert it once, and build the services that embed refinery with `int8-versions`:\n{conversion}"
                )
            }
            Self::HomeMade { highest } => format!(
                "take it over: `liftlock mark --through {highest} --applied --reason '…'` (the old table is kept as \
                 `schema_migrations_before_liftlock`)"
            ),
            Self::NoSchema => "create the schema that the search_path names, or set one: \
                               `…?options=-csearch_path%3Dapp`"
                .to_owned(),
            Self::HistoryElsewhere { schema, found } => format!(
                "say which one is meant, or everything is applied a second time: `…?options=-csearch_path%3D{found}` \
                 goes on with the history there, `…%3D{schema}` begins one in `{schema}`"
            ),
            Self::OpenTransaction => "commit or roll back before migrations are run: each runs in its own".to_owned(),
            Self::Unreadable { .. } => "somebody has changed the table by hand; put the row right".to_owned(),
            Self::Bookkeeping { source, .. } => match source.code.as_deref() {
                Some("42501") => "the user needs CREATE on the schema, and SELECT, INSERT, UPDATE, DELETE on the \
                                  `schema_migrations` tables"
                    .to_owned(),
                _ => return None,
            },
            Self::Script(failure) if matches!(failure.source.code.as_deref(), Some("SQLITE_FULL" | "53100")) => {
                "make room on the disk, and run it again".to_owned()
            }
            Self::Script(failure) if failure.source.class == ErrorClass::LockTimeout => {
                "another session holds a lock that is needed: end it or wait for it, or give it more time with \
                 `--lock-timeout` and `--lock-retries`"
                    .to_owned()
            }
            Self::Script(failure) if failure.source.code.as_deref() == Some("2D000") => {
                "a procedure that ends transactions can't run in one: give the call a migration of its own that runs \
                 without a transaction"
                    .to_owned()
            }
            Self::Script(failure)
                if failure.source.code.as_deref() == Some("42501")
                    && failure.source.message.contains("schema_migrations") =>
            {
                "the user needs SELECT, INSERT, UPDATE and DELETE on the `schema_migrations` tables".to_owned()
            }
            Self::Script(failure) => match failure.state {
                FailureState::RolledBack => "correct the script and run it again".to_owned(),
                FailureState::Recorded => "look at what is there; complete or undo it by hand, and say so with \
                                           `liftlock mark`"
                    .to_owned(),
                FailureState::Stopped { .. } => "correct the statement that failed (not those before it) and run it \
                                                 again: it goes on from there"
                    .to_owned(),
                FailureState::ConnectionLost { .. } => {
                    "`liftlock status` shows what is recorded; run it again".to_owned()
                }
            },
            Self::OwnRow { .. } => "leave the `schema_migrations` tables out of what the script empties".to_owned(),
            Self::DropsParent(_) => {
                "if the table is rebuilt, begin the script with `-- liftlock: foreign-keys=off` (or \
                                     `PRAGMA foreign_keys=off;`), and the rows stay; if they are to go, delete them in \
                                     the script, before the table"
                    .to_owned()
            }
            Self::ForeignKeys { .. } => "correct the rows or the script, and run it again".to_owned(),
            Self::LockWait { .. } => "wait for it, or raise `--lock-wait`".to_owned(),
            Self::LockLost { .. } => "run it again; if it happens again, look for what ends sessions or unlocks \
                                      advisory locks (`pg_advisory_unlock_all` in a script)"
                .to_owned(),
            Self::Pooler => "give migrations the server's own address, not the pooler's".to_owned(),
            Self::LockFile { .. } => "the folder of the database must be writable for the lock beside it".to_owned(),
            Self::Interrupted { .. } => "run it again: it goes on from what is recorded".to_owned(),
            Self::Unclear(unclear) => format!(
                "then say so: `liftlock repair {0} --statement done` or `liftlock repair {0} --statement again`",
                unclear.version
            ),
        };
        Some(hint)
    }
}

fn list(refusals: &[Refusal]) -> String {
    let messages: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
    messages.join("\n")
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn first(violations: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut lines: Vec<String> = violations.iter().take(SHOWN).map(|line| format!("  {line}")).collect();
    if violations.len() > SHOWN {
        lines.push(format!("  … and {} more", violations.len() - SHOWN));
    }
    lines.join("\n")
}
