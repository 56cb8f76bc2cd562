//! The SQL of the bookkeeping, as text: the same text that runs is what a dry run prints.

use super::tables::Tables;
use super::{Direction, Mark};
use crate::Dialect;
use crate::migrate::Directives;

macro_rules! lock_key {
    () => {
        "pg_catalog.hashtextextended('liftlock migrate ' || current_database() || ' ' || coalesce(current_schema(), ''), 0)"
    };
}

/// PostgreSQL: who and where this session is. The schema, the lock's key, the session mark, the server process, and
/// the schema in which an unqualified `schema_migrations` is found, and whether the schema is the one that `"$user"`
/// on the search path means.
///
/// The key is a hash of database and schema; it is shared knowledge: whoever else wants to keep out of the way of
/// migrations can take the same lock.
pub(super) const IDENTIFY_POSTGRES: &str = concat!(
    "SELECT current_schema(), ",
    lock_key!(),
    ", \
     pg_catalog.current_setting('liftlock.session', true), pg_catalog.pg_backend_pid(), \
     (SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
      WHERE c.oid = pg_catalog.to_regclass('schema_migrations') AND c.relkind IN ('r', 'p')), \
     current_schema() = current_user AND pg_catalog.current_setting('search_path') LIKE '%$user%', \
     pg_catalog.to_regclass(quote_ident(current_schema()) || '.schema_migrations_log') IS NOT NULL"
);

/// The key alone.
pub(crate) const LOCK_KEY: &str = lock_key!();

/// What runs the migration, for the rows that say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// The operating system's user.
    pub os_user: Option<String>,
    /// The machine.
    pub host: Option<String>,
}

/// What a row of `schema_migrations` says.
#[derive(Debug, Clone)]
pub(crate) struct HistoryRow<'a> {
    pub version: i64,
    pub name: &'a str,
    pub checksum: u64,
    pub up: (&'a str, &'a Directives),
    pub down: Option<(&'a str, &'a Directives)>,
}

/// What a row of the log says.
#[derive(Debug, Clone)]
pub(crate) struct LogRow<'a> {
    pub action: &'a str,
    pub version: i64,
    pub name: &'a str,
    pub checksum: &'a str,
    pub result: &'a str,
    pub reason: Option<&'a str>,
    /// An SQL expression.
    pub duration_ms: String,
}

/// Writes the statements for one dialect, place and person.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub tables: Tables,
    pub who: Who,
}

impl Writer {
    fn dialect(&self) -> Dialect {
        self.tables.dialect
    }

    fn text(&self, text: &str) -> String {
        self.dialect().literal(text)
    }

    fn optional(&self, text: Option<&str>) -> String {
        text.map_or_else(|| "NULL".to_owned(), |text| self.text(text))
    }

    /// The down script and its directives, as SQL expressions.
    fn down(&self, row: &HistoryRow<'_>) -> (String, String) {
        let directives = row.down.map(|(_, directives)| directives.to_stored());
        (self.optional(row.down.map(|(text, _)| text)), self.optional(directives.as_deref()))
    }

    fn who(&self) -> String {
        let database_user = match self.dialect() {
            Dialect::Sqlite => "NULL",
            Dialect::Postgres => "session_user",
        };
        let Who { os_user, host } = &self.who;
        format!(
            "{database_user}, {}, {}, {}",
            self.optional(os_user.as_deref()),
            self.optional(host.as_deref()),
            self.text(env!("CARGO_PKG_VERSION"))
        )
    }

    /// The time since `begun_ms` (milliseconds of the Unix epoch, SQLite) or since the transaction began
    /// (PostgreSQL), in milliseconds, as an SQL expression that the database works out itself.
    pub fn duration(&self, begun_ms: i64) -> String {
        match self.dialect() {
            Dialect::Sqlite => format!("max(0, CAST(unixepoch('subsec') * 1000 AS INTEGER) - {begun_ms})"),
            Dialect::Postgres => {
                "(1000 * extract(epoch FROM clock_timestamp() - transaction_timestamp()))::bigint".to_owned()
            }
        }
    }

    /// Records a migration as applied.
    pub fn insert_history(&self, row: &HistoryRow<'_>, applied_on: &str, duration: Option<i64>) -> String {
        let (down_script, down_directives) = self.down(row);
        format!(
            "INSERT INTO {} (version, name, applied_on, checksum, up_script, up_directives, down_script, \
             down_directives, duration_ms, database_user, os_user, host, liftlock_version) VALUES \
             ({}, {}, {}, '{}', {}, {}, {down_script}, {down_directives}, {}, {})",
            self.tables.history,
            row.version,
            self.text(row.name),
            self.text(applied_on),
            row.checksum,
            self.text(row.up.0),
            self.text(&row.up.1.to_stored()),
            duration.map_or_else(|| "NULL".to_owned(), |ms| ms.to_string()),
            self.who(),
        )
    }

    /// Records the file as it is now for a migration that is applied.
    pub fn update_history(&self, row: &HistoryRow<'_>) -> String {
        let (down_script, down_directives) = self.down(row);
        format!(
            "UPDATE {} SET name = {}, checksum = '{}', up_script = {}, up_directives = {}, \
             down_script = {down_script}, down_directives = {down_directives} WHERE version = {}",
            self.tables.history,
            self.text(row.name),
            row.checksum,
            self.text(row.up.0),
            self.text(&row.up.1.to_stored()),
            row.version
        )
    }

    /// Sets how long the migration took, in the row that was put in before the script; nothing is committed where the
    /// script has removed that row.
    pub fn set_duration(&self, version: i64, begun_ms: i64) -> String {
        let duration = self.duration(begun_ms);
        let update = format!("UPDATE {} SET duration_ms = {duration} WHERE version = {version}", self.tables.history);
        self.exactly_one(&update, OWN_ROW_GONE)
    }

    /// A statement that changes one row, or (on PostgreSQL, where it is sent among others) fails: an unknown setting is
    /// an error at run time (and only then: the call is not folded at planning), which ends the message.
    fn exactly_one(&self, change: &str, otherwise: &str) -> String {
        match self.dialect() {
            Dialect::Sqlite => change.to_owned(),
            Dialect::Postgres => format!(
                "WITH changed AS ({change} RETURNING version) SELECT CASE count(*) WHEN 1 THEN '' \
                 ELSE pg_catalog.current_setting('{otherwise}') END FROM changed"
            ),
        }
    }

    /// Takes the row away; nothing further happens where it isn't there any more.
    pub fn delete_history(&self, version: i64) -> String {
        self.exactly_one(&format!("DELETE FROM {} WHERE version = {version}", self.tables.history), ROW_GONE)
    }

    /// PostgreSQL: goes on only while this session holds the run's advisory lock (taking it again where nobody does).
    pub fn assert_lock(&self, key: i64) -> String {
        format!(
            "SELECT CASE WHEN pg_catalog.pg_try_advisory_lock({key}) THEN '' \
             ELSE pg_catalog.current_setting('{LOCK_LOST}') END"
        )
    }

    /// Adds a line to the log.
    pub fn log(&self, row: &LogRow<'_>, happened_on: &str) -> String {
        format!(
            "INSERT INTO {} (happened_on, action, version, name, checksum, result, reason, duration_ms, database_user, \
             os_user, host, liftlock_version) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})",
            self.tables.log,
            self.text(happened_on),
            self.text(row.action),
            row.version,
            self.text(row.name),
            self.text(row.checksum),
            self.text(row.result),
            self.optional(row.reason),
            row.duration_ms,
            self.who(),
        )
    }

    /// Adds a line to the log for a change of the bookkeeping that a person asked for.
    pub fn log_adjustment(
        &self,
        action: &str,
        migration: (i64, &str),
        checksum: &str,
        reason: &str,
        now: &str,
    ) -> String {
        let (version, name) = migration;
        let duration_ms = "NULL".to_owned();
        let reason = Some(reason);
        self.log(&LogRow { action, version, name, checksum, result: "done", reason, duration_ms }, now)
    }

    /// Begins a no-transaction script: nothing of it has run.
    pub fn insert_progress(
        &self,
        row: &HistoryRow<'_>,
        direction: Direction,
        script: (&str, &Directives),
        started_on: &str,
    ) -> String {
        let (down_script, down_directives) = self.down(row);
        format!(
            "INSERT INTO {} (version, name, direction, checksum, script, directives, next_statement, mark, owner, \
             started_on, down_script, down_directives) VALUES ({}, {}, '{}', '{}', {}, {}, 0, '{}', {}, {}, {down_script}, {down_directives})",
            self.tables.progress,
            row.version,
            self.text(row.name),
            direction.name(),
            row.checksum,
            self.text(script.0),
            self.text(&script.1.to_stored()),
            Mark::Waiting.name(),
            self.text(&self.owner()),
            self.text(started_on),
        )
    }

    /// Puts an edited text in the place of the one that was begun; its executed statements are the same.
    pub fn replace_progress(&self, row: &HistoryRow<'_>, script: (&str, &Directives)) -> String {
        let (down_script, down_directives) = self.down(row);
        format!(
            "UPDATE {} SET name = {}, checksum = '{}', script = {}, directives = {}, owner = {}, down_script = {down_script}, down_directives = {down_directives} \
             WHERE version = {}",
            self.tables.progress,
            self.text(row.name),
            row.checksum,
            self.text(script.0),
            self.text(&script.1.to_stored()),
            self.text(&self.owner()),
            row.version
        )
    }

    /// Moves the cursor from `from` to the statement after it, or says something of the statement at `from`.
    pub fn advance_progress(&self, version: i64, from: usize, to: usize, mark: Mark) -> String {
        let progress = &self.tables.progress;
        let update = format!(
            "UPDATE {progress} SET next_statement = {to}, mark = '{}' WHERE version = {version} AND next_statement = {from}",
            mark.name()
        );
        self.exactly_one(&update, ROW_GONE)
    }

    /// The script is finished, or given up.
    pub fn delete_progress(&self, version: i64) -> String {
        format!("DELETE FROM {} WHERE version = {version}", self.tables.progress)
    }

    fn owner(&self) -> String {
        let user = self.who.os_user.as_deref().unwrap_or("unknown");
        let host = self.who.host.as_deref().unwrap_or("unknown");
        format!("{user}@{host} pid {}", std::process::id())
    }
}

/// The name of a setting that nobody has: asking for it is how a message stops itself.
pub(crate) const ROW_GONE: &str = "liftlock.row_is_gone";
/// As [`ROW_GONE`], where the script itself has removed the row.
pub(crate) const OWN_ROW_GONE: &str = "liftlock.own_row_is_gone";
/// As [`ROW_GONE`], where the advisory lock is somebody else's.
pub(crate) const LOCK_LOST: &str = "liftlock.lock_is_lost";

pub(super) fn select_applied(history: &str, extended: bool) -> String {
    let duration = if extended { "duration_ms" } else { "NULL" };
    format!("SELECT version, name, applied_on, checksum, {duration} FROM {history} ORDER BY version")
}

pub(super) fn select_unfinished(progress: &str) -> String {
    format!(
        "SELECT version, name, direction, checksum, script, directives, next_statement, mark, owner, started_on, \
         down_script, coalesce(down_directives, '') FROM {progress} ORDER BY version"
    )
}

pub(super) fn select_scripts(history: &str, versions: &[i64]) -> String {
    let versions: Vec<String> = versions.iter().map(i64::to_string).collect();
    format!(
        "SELECT version, up_script, coalesce(up_directives, ''), down_script, coalesce(down_directives, '') \
         FROM {history} WHERE version IN ({})",
        versions.join(", ")
    )
}
