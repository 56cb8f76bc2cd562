//! `schema_migrations` and its two companions: what stands there, read in as few round trips as can be.

mod recognise;
mod tables;
pub(crate) mod write;

pub(crate) use self::write::LOCK_KEY;
pub(crate) use recognise::column_names;
pub use recognise::{OtherHistory, Standing};
pub use tables::Tables;
pub use write::Who;

use std::collections::BTreeMap;

use crate::Dialect;
use crate::db::{Db, ErrorClass, PostgresDb, SqlError, TextRow};
use crate::migrate::{Directives, MigrateError};

/// A migration that the database records as applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// When, as RFC 3339.
    pub applied_on: String,
    /// The checksum, a decimal number as refinery writes it.
    pub checksum: String,
    /// How long it took, where Liftlock applied it.
    pub duration_ms: Option<i64>,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Applies a migration.
    Up,
    /// Takes it back.
    Down,
}

impl Direction {
    /// `up` or `down`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A no-transaction script that stopped half-way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The migration's version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Which script.
    pub direction: Direction,
    /// The checksum of the up script.
    pub checksum: String,
    /// The script as it was begun.
    pub script: String,
    /// How that script is run.
    pub directives: Directives,
    /// The number of statements that are done; the index of the next.
    pub next_statement: usize,
    /// What is known of the next statement.
    pub mark: Mark,
    /// Who began it and when.
    pub owner: String,
    /// When it was begun, as RFC 3339.
    pub started_on: String,
    /// Of an up: the down script that its row is to hold, and how it is to run.
    pub down: Option<(String, Directives)>,
}

/// What is known of the statement a stopped script stands at, where it can't share a transaction with the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It was not sent.
    Waiting,
    /// It was sent; whether it happened has to be asked of the catalog.
    Started,
    /// The server said that it failed.
    Failed,
}

impl Mark {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Started => "started",
            Self::Failed => "failed",
        }
    }
}

/// The scripts that the database holds of an applied migration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// The up script and how it ran.
    pub up: Option<(String, Directives)>,
    /// The down script and how it is to run.
    pub down: Option<(String, Directives)>,
}

/// What the database says about its migrations.
#[derive(Debug, Clone)]
pub struct State {
    /// Where the tables stand.
    pub tables: Tables,
    /// What stands there.
    pub standing: Standing,
    /// The applied migrations, by version.
    pub applied: Vec<Applied>,
    /// The unfinished ones, by version.
    pub unfinished: Vec<Unfinished>,
    /// PostgreSQL: the session, as the server sees it.
    pub session: Option<PostgresSession>,
}

/// A server session, and whether it is ours alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSession {
    /// The key of the advisory lock for this database and schema.
    pub lock_key: i64,
    /// Whether this client talks to one server process from first to last (no pooler between).
    pub direct: bool,
    /// The server process.
    pub backend_pid: i64,
}

impl State {
    /// Reads the state. Nothing is written, and no table need exist.
    ///
    /// # Errors
    /// [`MigrateError`] where the tables can't be read.
    pub fn read(db: &mut Db) -> Result<Self, MigrateError> {
        match db {
            Db::Postgres(postgres) => {
                if let Some(state) = read_in_one_message(postgres)? {
                    return Ok(state);
                }
                let (tables, session, hidden) = identify(postgres)?;
                let state = Self::read_by_catalog(db, tables, Some(session))?;
                match (&state.standing, hidden) {
                    (Standing::Absent { .. }, Some(found)) => {
                        Err(MigrateError::HistoryElsewhere { schema: state.tables.schema, found })
                    }
                    _ => Ok(state),
                }
            }
            Db::Sqlite(_) => Self::read_by_catalog(db, Tables::new(Dialect::Sqlite, "main"), None),
        }
    }

    fn read_by_catalog(db: &mut Db, tables: Tables, session: Option<PostgresSession>) -> Result<Self, MigrateError> {
        let standing = recognise::recognise(db, &tables)?;
        let mut state = Self { tables, standing, applied: Vec::new(), unfinished: Vec::new(), session };
        if let Standing::Ours { extended, .. } = state.standing {
            let rows = db.query(&write::select_applied(&state.tables.history, extended)).map_err(reading)?;
            state.applied = rows.iter().map(applied).collect::<Result<_, _>>()?;
        }
        if matches!(state.standing, Standing::Ours { progress: true, .. }) {
            let rows = db.query(&write::select_unfinished(&state.tables.progress)).map_err(reading)?;
            state.unfinished = rows.iter().map(unfinished).collect::<Result<_, _>>()?;
        }
        Ok(state)
    }

    /// Whether it records what `earlier` did: the tables may have been made since.
    #[must_use]
    pub(crate) fn says_the_same(&self, earlier: &Self) -> bool {
        matches!(self.standing, Standing::Ours { .. })
            && self.applied == earlier.applied
            && self.unfinished == earlier.unfinished
    }

    /// The highest applied version.
    #[must_use]
    pub fn highest(&self) -> Option<i64> {
        self.applied.last().map(|applied| applied.version)
    }

    /// The scripts that the database holds of `versions`; a version it doesn't hold is left out.
    ///
    /// # Errors
    /// [`MigrateError`] where they can't be read.
    pub fn load_scripts(&self, db: &mut Db, versions: &[i64]) -> Result<BTreeMap<i64, Stored>, MigrateError> {
        if versions.is_empty() || !matches!(self.standing, Standing::Ours { extended: true, .. }) {
            return Ok(BTreeMap::new());
        }
        let rows = db.query(&write::select_scripts(&self.tables.history, versions)).map_err(reading)?;
        rows.into_iter().map(stored).collect()
    }
}

pub(crate) fn reading(source: SqlError) -> MigrateError {
    MigrateError::Bookkeeping { doing: "read `schema_migrations`", source }
}

/// PostgreSQL, where everything is as Liftlock leaves it: identity, history and progress in one round trip.
fn read_in_one_message(db: &mut PostgresDb) -> Result<Option<State>, MigrateError> {
    let message = format!(
        "{};\n{};\n{}",
        write::IDENTIFY_POSTGRES,
        write::select_applied("schema_migrations", true),
        write::select_unfinished("schema_migrations_progress"),
    );
    let mut results = match db.query_each(&message) {
        Ok(results) => results.into_iter(),
        // absent, refinery's or somebody else's: the catalog tells which
        Err(error) if error.class == ErrorClass::Missing => return Ok(None),
        Err(error) => return Err(reading(error)),
    };
    let identity = results.next().unwrap_or_default().pop().unwrap_or_default();
    let (tables, session) = identified(db, &identity)?;
    // the names were looked up along the search path, and may stand in another schema; the log was not read
    let log = identity.get(6).cloned().flatten();
    if identity.get(4).cloned().flatten().as_deref() != Some(tables.schema.as_str()) || log.as_deref() != Some("t") {
        return Ok(None);
    }
    let applied = results.next().unwrap_or_default().iter().map(applied).collect::<Result<_, _>>()?;
    let unfinished = results.next().unwrap_or_default().iter().map(unfinished).collect::<Result<_, _>>()?;
    let standing = Standing::Ours { extended: true, progress: true, log: true };
    Ok(Some(State { tables, standing, applied, unfinished, session: Some(session) }))
}

/// Besides, the schema of a `schema_migrations` that the user's own schema would hide (`"$user"` on the search path):
/// with that schema made later, perhaps by a migration, everything would be applied a second time.
fn identify(db: &mut PostgresDb) -> Result<(Tables, PostgresSession, Option<String>), MigrateError> {
    let identity = db.query_each(write::IDENTIFY_POSTGRES).map_err(reading)?;
    let row = identity.into_iter().next().unwrap_or_default().pop().unwrap_or_default();
    let (tables, session) = identified(db, &row)?;
    let hidden = row.get(4).cloned().flatten().filter(|found| {
        row.get(5).cloned().flatten().as_deref() == Some("t") && *found != tables.schema && !found.starts_with("pg_")
    });
    Ok((tables, session, hidden))
}

fn identified(db: &PostgresDb, row: &TextRow) -> Result<(Tables, PostgresSession), MigrateError> {
    let schema = row.first().cloned().flatten().ok_or(MigrateError::NoSchema)?;
    let lock_key = number(row, 1)?;
    let mark = row.get(2).cloned().flatten();
    let direct = mark.is_some() && mark.as_deref() == db.session_mark();
    Ok((Tables::new(Dialect::Postgres, &schema), PostgresSession { lock_key, direct, backend_pid: number(row, 3)? }))
}

fn applied(row: &TextRow) -> Result<Applied, MigrateError> {
    Ok(Applied {
        version: number(row, 0)?,
        name: text(row, 1),
        applied_on: text(row, 2),
        checksum: text(row, 3),
        duration_ms: row.get(4).cloned().flatten().and_then(|ms| ms.parse().ok()),
    })
}

fn unfinished(row: &TextRow) -> Result<Unfinished, MigrateError> {
    Ok(Unfinished {
        version: number(row, 0)?,
        name: text(row, 1),
        direction: if text(row, 2) == "down" { Direction::Down } else { Direction::Up },
        checksum: text(row, 3),
        script: text(row, 4),
        directives: directives(&text(row, 5))?,
        next_statement: usize::try_from(number(row, 6)?).unwrap_or(0),
        mark: match text(row, 7).as_str() {
            "started" => Mark::Started,
            "failed" => Mark::Failed,
            _ => Mark::Waiting,
        },
        owner: text(row, 8),
        started_on: text(row, 9),
        down: script(row, 10)?,
    })
}

fn stored(row: TextRow) -> Result<(i64, Stored), MigrateError> {
    let version = number(&row, 0)?;
    Ok((version, Stored { up: script(&row, 1)?, down: script(&row, 3)? }))
}

/// A script, and its directives in the column after it.
fn script(row: &TextRow, at: usize) -> Result<Option<(String, Directives)>, MigrateError> {
    match row.get(at).cloned().flatten() {
        Some(script) => Ok(Some((script, directives(&text(row, at + 1))?))),
        None => Ok(None),
    }
}

fn directives(text: &str) -> Result<Directives, MigrateError> {
    Directives::from_stored(text).map_err(|_| MigrateError::Unreadable { what: format!("directives `{text}`") })
}

fn text(row: &TextRow, at: usize) -> String {
    row.get(at).cloned().flatten().unwrap_or_default()
}

fn number(row: &TextRow, at: usize) -> Result<i64, MigrateError> {
    let text = text(row, at);
    text.parse().map_err(|_| MigrateError::Unreadable { what: format!("number `{text}`") })
}
