//! SQLite over rusqlite.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, ErrorCode, OpenFlags, StatementStatus, ffi};

use super::{Access, DbError, ErrorClass, SqlError, SqlFacts, TextRow, sqlite_wait};
use crate::Dialect;
use crate::config::{SqliteLocation, SqliteTarget};
use crate::interrupt::Interrupt;

/// A foreign key that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// A row that points nowhere, as `PRAGMA foreign_key_check` lists it.
    Row {
        /// The child table.
        table: String,
        /// The child's rowid; `None` in a `WITHOUT ROWID` table.
        rowid: Option<i64>,
        /// The table that should hold the parent.
        parent: String,
        /// Tells rows apart that are alike in all of this (two keys to one parent; no rowids), from 0.
        nth: u64,
    },
    /// A key that SQLite can't check, for want of a table or of a unique index on the parent's columns.
    Key {
        /// The child table.
        table: String,
        /// What SQLite says.
        message: String,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { table, rowid: Some(rowid), parent, .. } => write!(f, "`{table}` rowid {rowid} → `{parent}`"),
            Self::Row { table, rowid: None, parent, .. } => {
                write!(f, "`{table}` (a table without rowids) → `{parent}`")
            }
            Self::Key { table, message } => write!(f, "`{table}`: {message}"),
        }
    }
}

/// What running a statement took (<https://www.sqlite.org/c3ref/c_stmtstatus_counter.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The rows it gave.
    pub rows: u64,
    /// Rows that were stepped over in full scans.
    pub full_scan_steps: u64,
    /// How often was sorted.
    pub sorts: u64,
    /// Rows of indexes that were made for this run alone.
    pub automatic_index_rows: u64,
}

/// A connection to a SQLite database.
#[derive(Debug)]
pub struct SqliteDb {
    pub(super) connection: Connection,
    pub(super) target: Option<SqliteTarget>,
    /// How long it waits for a lock while no run sets that; what a program gets back with its connection.
    pub(super) busy_timeout: Duration,
}

/// As long as rusqlite's own connections wait.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A busy handler of the program's own can't be read, and is gone after a run; its timeout is kept.
impl From<Connection> for SqliteDb {
    fn from(connection: Connection) -> Self {
        let timeout = connection.query_row("PRAGMA busy_timeout", [], |row| row.get::<_, u32>(0));
        let busy_timeout = timeout.map_or(BUSY_TIMEOUT, |ms| Duration::from_millis(ms.into()));
        Self { connection, target: None, busy_timeout }
    }
}

impl SqliteDb {
    /// Opens the file of `target` as `access` says. A file that is missing and not to be written is read as empty.
    pub(super) fn open(target: &SqliteTarget, access: Access) -> Result<Self, DbError> {
        let failed = |source| connect_error(target, access, source);
        let missing = matches!(&target.location, SqliteLocation::File(path) if !path.exists());
        let connection = match (access, &target.location) {
            (Access::Read, SqliteLocation::File(_)) if missing && target.create => {
                open_file(&SqliteLocation::Memory, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?
            }
            (Access::Read, SqliteLocation::File(_)) => open_for_reading(target).map_err(failed)?,
            (Access::Write, _) if target.create && !target.read_only => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
                open_file(&target.location, flags).map_err(failed)?
            }
            _ if target.read_only => open_file(&target.location, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?,
            _ => open_file(&target.location, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?,
        };
        let mut db = Self { connection, target: Some(target.clone()), busy_timeout: BUSY_TIMEOUT };
        db.wait_as_before();
        // the file is read only now: a file that is no database says so here, with the target's name
        match db.query("PRAGMA schema_version") {
            // it is there, and somebody is at it: how long to wait for that is not for here to say
            Err(error) if error.class != ErrorClass::LockTimeout => Err(failed(error)),
            _ => Ok(db),
        }
    }

    /// As [`super::Db::wait_until_free`].
    pub(super) fn wait_until_free(
        target: &SqliteTarget,
        patience: Duration,
        interrupt: &Interrupt,
    ) -> Result<(), DbError> {
        let free = sqlite_wait::until_free(target, patience, interrupt);
        free.map_err(|source| connect_error(target, Access::Read, source))
    }

    /// What SQLite says where another process holds the file locked against readers now; nothing else is looked at.
    pub(super) fn is_locked(path: &Path) -> Option<SqlError> {
        let location = SqliteLocation::File(path.to_owned());
        let connection = open_file(&location, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        connection.busy_timeout(Duration::ZERO).ok()?;
        // for which the schema is not parsed
        let read = connection.query_row("PRAGMA schema_version", [], |_| Ok(()));
        let error = describe(&read.err()?, None, 0);
        (error.class == ErrorClass::LockTimeout).then_some(error)
    }

    /// Leaves a connection that can't write, and holds no lock, to the end of the process: to close it would change
    /// nothing in the file or beside it. What it keeps for the next query is given back.
    pub(super) fn leave(self) {
        if self.in_transaction() || !self.connection.is_readonly("main").unwrap_or(false) {
            return;
        }
        self.connection.flush_prepared_statement_cache();
        if let Err(error) = self.connection.release_memory() {
            tracing::debug!(%error, "memory");
        }
        std::mem::forget(self);
    }

    /// The driver's connection, for a program that goes on with it.
    #[must_use]
    pub fn into_inner(self) -> Connection {
        self.connection
    }

    /// The database's file; `None` for one in memory.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.connection.path().filter(|path| !path.is_empty()).map(Path::new)
    }

    /// From here on, whatever this thread does waits `longest` for a lock, or until a stop is asked for.
    pub fn wait(&mut self, longest: Duration, interrupt: &Interrupt) {
        if let Err(error) = sqlite_wait::wait(&mut self.connection, longest, interrupt) {
            tracing::debug!(%error, "busy handler");
        }
    }

    /// The end of [`SqliteDb::wait`].
    pub fn wait_as_before(&mut self) {
        if let Err(error) = self.connection.busy_timeout(self.busy_timeout) {
            tracing::debug!(%error, "busy timeout");
        }
    }

    /// During a run of many transactions the journal's file is emptied after each instead of made anew, which is as
    /// durable (<https://www.sqlite.org/pragma.html#pragma_journal_mode>); afterwards it is removed. Another mode than
    /// the usual one, a connection that a program handed over, and what a script has set are left alone.
    pub fn keep_journal(&mut self, keep: bool) {
        let (from, to) = if keep { ("delete", "truncate") } else { ("truncate", "delete") };
        let set = || -> rusqlite::Result<()> {
            let mode: String = self.connection.query_row("PRAGMA main.journal_mode", [], |row| row.get(0))?;
            if mode == from {
                self.connection.query_row(&format!("PRAGMA main.journal_mode = {to}"), [], |_| Ok(()))?;
            }
            Ok(())
        };
        if self.target.is_some()
            && let Err(error) = set()
        {
            tracing::debug!(%error, "journal mode");
        }
    }

    /// Takes a new connection in place of this one, so that nothing a script set (pragmas, attached databases,
    /// temporary tables) is left. A connection in memory, or one that a program handed over, is kept as it is.
    ///
    /// # Errors
    /// [`DbError`] where the file can't be opened again.
    pub fn renew(&mut self) -> Result<(), DbError> {
        if let Some(target) = &self.target
            && matches!(target.location, SqliteLocation::File(_))
        {
            let fresh = Self::open(target, Access::Existing)?;
            self.keep_journal(false);
            self.connection = fresh.connection;
            self.keep_journal(true);
        }
        Ok(())
    }

    /// Runs the statements of `sql`, each to its end.
    ///
    /// # Errors
    /// As [`super::Db::execute`].
    pub fn execute(&mut self, sql: &str) -> Result<(), SqlError> {
        self.run(sql, |_| ())
    }

    pub(crate) fn query(&mut self, sql: &str) -> Result<Vec<TextRow>, SqlError> {
        let mut rows = Vec::new();
        self.run(sql, |row| rows.push(row))?;
        Ok(rows)
    }

    /// Runs every statement to its end (one step is not enough: a SELECT does its work row by row).
    fn run(&self, sql: &str, mut each: impl FnMut(TextRow)) -> Result<(), SqlError> {
        // SQLite copies all that is left of a text for every statement it takes from it: a long one goes in one by one
        const LONG: usize = 64 * 1024;
        let mut done = 0;
        if sql.len() > LONG
            && let Ok(statements) = crate::sql::split(Dialect::Sqlite, sql)
        {
            for statement in statements {
                self.run_text(statement.text, statement.start, &mut done, &mut each)?;
            }
            return Ok(());
        }
        self.run_text(sql, 0, &mut done, &mut each)
    }

    /// Runs `sql`, which begins at `start` in what was given.
    fn run_text(
        &self,
        sql: &str,
        start: usize,
        done_before: &mut usize,
        each: &mut impl FnMut(TextRow),
    ) -> Result<(), SqlError> {
        let mut batch = Batch::new(&self.connection, sql);
        loop {
            let done = *done_before;
            let statement = batch.next().map_err(|error| describe(&error, Some((start, sql)), done))?;
            let Some(mut statement) = statement else { return Ok(()) };
            let columns = statement.column_count();
            let mut rows = statement.query([]).map_err(|error| describe(&error, None, done))?;
            while let Some(row) = rows.next().map_err(|error| describe(&error, None, done))? {
                each((0..columns).map(|at| row.get_ref(at).ok().and_then(text_of)).collect());
            }
            *done_before += 1;
        }
    }

    /// The rows of one statement whose parameters nothing binds, so that they are NULL: for EXPLAIN, which runs nothing.
    ///
    /// # Errors
    /// As [`super::Db::execute`]; also where `sql` is more than one statement.
    pub fn query_unbound(&self, sql: &str) -> Result<Vec<TextRow>, SqlError> {
        let read = || -> rusqlite::Result<Vec<TextRow>> {
            let mut statement = self.connection.prepare(sql)?;
            let columns = statement.column_count();
            let mut rows = statement.raw_query();
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                read.push((0..columns).map(|at| row.get_ref(at).ok().and_then(text_of)).collect());
            }
            Ok(read)
        };
        read().map_err(|error| describe(&error, Some((0, sql)), 0))
    }

    /// Runs one statement that only reads, and counts what that takes. Its rows are dropped.
    ///
    /// # Errors
    /// As [`super::Db::execute`]; also where the statement would write, and was not run.
    pub fn run_read_only(&self, sql: &str) -> Result<Counted, SqlError> {
        let run = || -> rusqlite::Result<Option<Counted>> {
            let mut statement = self.connection.prepare(sql)?;
            if !statement.readonly() {
                return Ok(None);
            }
            let mut rows = statement.query([])?;
            let mut count = 0;
            while rows.next()?.is_some() {
                count += 1;
            }
            drop(rows);
            let status = |what| u64::try_from(statement.get_status(what)).unwrap_or_default();
            Ok(Some(Counted {
                rows: count,
                full_scan_steps: status(StatementStatus::FullscanStep),
                sorts: status(StatementStatus::Sort),
                automatic_index_rows: status(StatementStatus::AutoIndex),
            }))
        };
        match run() {
            Ok(Some(counted)) => Ok(counted),
            Ok(None) => Err(SqlError::other("it would write, and was not run")),
            Err(error) => Err(describe(&error, Some((0, sql)), 0)),
        }
    }

    /// Switches one of SQLite's own settings on.
    pub(super) fn set_config(&self, config: DbConfig) -> Result<(), SqlError> {
        self.connection.set_db_config(config, true).map(drop).map_err(|error| describe(&error, None, 0))
    }

    /// Whether a transaction is open.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Whether foreign keys are enforced on this connection.
    ///
    /// # Errors
    /// [`SqlError`] where the pragma can't be read.
    pub fn foreign_keys(&self) -> Result<bool, SqlError> {
        // not a cached statement: this pragma's answer is worked out when it is prepared
        self.connection
            .query_row("PRAGMA foreign_keys", [], |row| row.get(0))
            .map_err(|error| describe(&error, None, 0))
    }

    /// A number that changes when another connection has changed the database
    /// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
    ///
    /// # Errors
    /// [`SqlError`] where the pragma can't be read.
    pub fn data_version(&self) -> Result<i64, SqlError> {
        self.connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(|error| describe(&error, None, 0))
    }

    /// The rows that the last statement changed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.connection.changes()
    }

    /// Every foreign key of the main database that does not hold.
    ///
    /// # Errors
    /// [`SqlError`] where the database can't be read.
    pub fn broken_foreign_keys(&self) -> Result<BTreeSet<Broken>, SqlError> {
        if let Ok(broken) = self.foreign_key_check(None) {
            return Ok(broken);
        }
        // one key that can't be checked ends the check of all; table by table, the others are still looked at
        let tables = self.query_rows("SELECT name FROM main.sqlite_schema WHERE type = 'table'")?;
        let mut broken = BTreeSet::new();
        for table in tables {
            match self.foreign_key_check(Some(&table)) {
                Ok(found) => broken.extend(found),
                Err(error) => {
                    broken.insert(Broken::Key { table, message: error.message.clone() });
                }
            }
        }
        Ok(broken)
    }

    fn foreign_key_check(&self, table: Option<&str>) -> Result<BTreeSet<Broken>, SqlError> {
        let pragma = match table {
            None => "PRAGMA main.foreign_key_check".to_owned(),
            Some(table) => format!("PRAGMA main.foreign_key_check({})", Dialect::Sqlite.quote_identifier(table)),
        };
        let run = || -> rusqlite::Result<BTreeSet<Broken>> {
            let mut statement = self.connection.prepare(&pragma)?;
            let mut alike: BTreeMap<(String, Option<i64>, String), u64> = BTreeMap::new();
            let mut rows = statement.query([])?;
            let mut broken = BTreeSet::new();
            while let Some(row) = rows.next()? {
                let (table, rowid, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let nth = alike.entry((table.clone(), rowid, parent.clone())).or_default();
                broken.insert(Broken::Row { table, rowid, parent, nth: *nth });
                *nth += 1;
            }
            Ok(broken)
        };
        run().map_err(|error| describe(&error, None, 0))
    }

    /// What dropping `table` would do to rows of other tables that point to it, while foreign keys are enforced: SQLite
    /// deletes the table's rows first (<https://www.sqlite.org/foreignkeys.html>, section 5), and `ON DELETE` carries
    /// that on. `spared` tables are left out.
    ///
    /// # Errors
    /// [`SqlError`] where the database can't be read.
    pub fn effects_of_dropping(&self, table: &str, spared: &[String]) -> Result<Vec<String>, SqlError> {
        let literal = Dialect::Sqlite.literal(table);
        let mut keys = Vec::new();
        self.run(
            &format!(
                "SELECT m.name, f.on_delete, group_concat('\"' || replace(f.\"from\", '\"', '\"\"') || '\" IS NOT NULL', ' AND ') \
                 FROM main.sqlite_schema m, pragma_foreign_key_list(m.name, 'main') f WHERE m.type = 'table' \
                 AND lower(f.\"table\") = lower({literal}) AND lower(m.name) <> lower({literal}) \
                 AND f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT') GROUP BY m.name, f.id ORDER BY m.name"
            ),
            |row| keys.push(row),
        )?;
        let mut effects = Vec::new();
        for key in keys {
            let [Some(child), Some(action), Some(points)] = key.as_slice() else { continue };
            if spared.iter().any(|spared| spared.eq_ignore_ascii_case(child)) {
                continue;
            }
            let quoted = Dialect::Sqlite.quote_identifier(child);
            if self.query_rows(&format!("SELECT 1 FROM main.{quoted} WHERE {points} LIMIT 1"))?.is_empty() {
                continue;
            }
            let done = if action == "CASCADE" { "deleted" } else { "changed" };
            effects.push(format!("rows of `{child}` would be {done} (ON DELETE {action})"));
        }
        effects.dedup();
        Ok(effects)
    }

    fn query_rows(&self, sql: &str) -> Result<Vec<String>, SqlError> {
        let mut rows = Vec::new();
        self.run(sql, |row| rows.extend(row.into_iter().next().flatten()))?;
        Ok(rows)
    }

    pub(crate) fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        let handle = self.connection.get_interrupt_handle();
        Box::new(move || handle.interrupt())
    }
}

fn open_file(path: &SqliteLocation, flags: OpenFlags) -> Result<Connection, SqlError> {
    let path = match path {
        SqliteLocation::Memory => Path::new(":memory:"),
        SqliteLocation::File(path) => path,
    };
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|e| describe(&e, None, 0))
}

/// Read-only where that works. It can't where a killed writer left a journal to roll back, or a WAL without its
/// index: then SQLite needs a connection that may write, and this one is kept from writing anything of its own.
fn open_for_reading(target: &SqliteTarget) -> Result<Connection, SqlError> {
    let read_only = open_file(&target.location, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match read_only.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        Ok(()) => Ok(read_only),
        Err(error) if target.read_only => Err(describe(&error, None, 0)),
        Err(_) => {
            let connection = open_file(&target.location, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
                .and_then(|_| connection.pragma_update(None, "query_only", true))
                .map_err(|error| describe(&error, None, 0))?;
            Ok(connection)
        }
    }
}

fn connect_error(target: &SqliteTarget, access: Access, source: SqlError) -> DbError {
    let SqliteLocation::File(path) = &target.location else {
        return DbError::Connect { target: target.to_string(), hint: None, source };
    };
    let folder_is_missing = path.parent().is_some_and(|dir| !dir.as_os_str().is_empty() && !dir.is_dir());
    let hint = match source.code.as_deref() {
        _ if path.is_dir() => Some("that is a folder; name the database file in it"),
        _ if folder_is_missing => Some("the folder it is to stand in does not exist"),
        _ if !path.exists() && !target.create => {
            Some("there is no such file, and the URL's `mode` says not to make it")
        }
        _ if !path.exists() && access != Access::Write => Some("there is no such file; `liftlock up` creates it"),
        _ if !path.exists() => Some("is the folder writable for this user?"),
        Some("SQLITE_NOTADB") => Some("the file is no SQLite database (or an encrypted one); it was not changed"),
        // https://www.sqlite.org/wal.html, "Read-Only Databases"
        Some("SQLITE_READONLY" | "SQLITE_CANTOPEN") if access == Access::Read => Some(
            "a database in WAL mode can't be read where nothing can be written beside it: read a copy, or as a user who \
             may write there",
        ),
        Some("SQLITE_BUSY" | "SQLITE_LOCKED") => Some("another process has locked it for good; find out which"),
        _ => source.next_step(),
    };
    let hint = hint.map(str::to_owned);
    DbError::Connect { target: target.to_string(), hint, source }
}

fn text_of(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// `sent` is the whole text and where it begins, for the errors that tell their place in what was left of it.
pub(super) fn describe(error: &rusqlite::Error, sent: Option<(usize, &str)>, done: usize) -> SqlError {
    let (code, message, position) = match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            (Some(*code), message.clone().unwrap_or_else(|| code.to_string()), None)
        }
        rusqlite::Error::SqlInputError { error, msg, sql, offset } => {
            let before = sent.map(|(start, sent)| start + sent.len().saturating_sub(sql.len()));
            let offset = usize::try_from(*offset).ok();
            (Some(*error), msg.clone(), before.zip(offset).map(|(before, offset)| before + offset))
        }
        rusqlite::Error::InvalidParameterCount(..) => (
            None,
            "the statement has a parameter (`?`, `:name`, `@name` or `$name`), and nothing binds it".into(),
            None,
        ),
        other => (None, other.to_string(), None),
    };
    let class = code.map_or(ErrorClass::Other, |code| classify(code, &message));
    SqlFacts { code: code.map(code_name), class, position, statements_done: Some(done), message, ..SqlFacts::default() }
        .into()
}

fn classify(error: ffi::Error, message: &str) -> ErrorClass {
    match (error.code, error.extended_code) {
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => ErrorClass::LockTimeout,
        (ErrorCode::OperationInterrupted, _) => ErrorClass::Cancelled,
        (ErrorCode::ReadOnly, _) => ErrorClass::ReadOnly,
        (_, ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_ROWID) => {
            ErrorClass::UniqueViolation
        }
        _ if message.starts_with("no such table") || message.starts_with("no such column") => ErrorClass::Missing,
        _ => ErrorClass::Other,
    }
}

/// The name of a result code as <https://www.sqlite.org/rescode.html> has it, for those a person may meet.
fn code_name(error: ffi::Error) -> String {
    let name = match error.extended_code {
        ffi::SQLITE_CONSTRAINT_CHECK => "SQLITE_CONSTRAINT_CHECK",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "SQLITE_CONSTRAINT_FOREIGNKEY",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "SQLITE_CONSTRAINT_NOTNULL",
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "SQLITE_CONSTRAINT_PRIMARYKEY",
        ffi::SQLITE_CONSTRAINT_TRIGGER => "SQLITE_CONSTRAINT_TRIGGER",
        ffi::SQLITE_CONSTRAINT_UNIQUE => "SQLITE_CONSTRAINT_UNIQUE",
        ffi::SQLITE_CONSTRAINT_DATATYPE => "SQLITE_CONSTRAINT_DATATYPE",
        ffi::SQLITE_BUSY_SNAPSHOT => "SQLITE_BUSY_SNAPSHOT",
        extended => match extended & 0xff {
            ffi::SQLITE_ERROR => "SQLITE_ERROR",
            ffi::SQLITE_PERM => "SQLITE_PERM",
            ffi::SQLITE_BUSY => "SQLITE_BUSY",
            ffi::SQLITE_LOCKED => "SQLITE_LOCKED",
            ffi::SQLITE_READONLY => "SQLITE_READONLY",
            ffi::SQLITE_INTERRUPT => "SQLITE_INTERRUPT",
            ffi::SQLITE_IOERR => "SQLITE_IOERR",
            ffi::SQLITE_CORRUPT => "SQLITE_CORRUPT",
            ffi::SQLITE_FULL => "SQLITE_FULL",
            ffi::SQLITE_CANTOPEN => "SQLITE_CANTOPEN",
            ffi::SQLITE_CONSTRAINT => "SQLITE_CONSTRAINT",
            ffi::SQLITE_MISMATCH => "SQLITE_MISMATCH",
            ffi::SQLITE_NOTADB => "SQLITE_NOTADB",
            _ => return format!("SQLite result code {extended}"),
        },
    };
    name.to_owned()
}
