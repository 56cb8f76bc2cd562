//! PostgreSQL over the `postgres` crate, in the simple query protocol: a script and its bookkeeping are one message.

use std::error::Error as _;
use std::fmt;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use ::postgres::config::SslMode as DriverSslMode;
use ::postgres::error::{ErrorPosition, SqlState};
use ::postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres::Config;

use super::postgres_tls::connector;
use super::{DbError, ErrorClass, SqlError, SqlFacts, Statements, TextRow};
use crate::config::{HostAddress, PostgresTarget, SslMode};

/// A connection to a PostgreSQL server.
pub struct PostgresDb {
    client: Box<Client>,
    target: PostgresTarget,
    session_mark: Option<String>,
}

impl fmt::Debug for PostgresDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDb").field("target", &self.target.to_string()).finish_non_exhaustive()
    }
}

/// A row whose fields are read as text, without a copy of them.
pub struct BorrowedRow<'a>(&'a SimpleQueryRow);

impl fmt::Debug for BorrowedRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.0.len()).map(|at| self.get(at))).finish()
    }
}

impl BorrowedRow<'_> {
    /// The field at `at`, from 0; `None` where it is NULL, or where there is none.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&str> {
        self.0.try_get(at).ok().flatten()
    }
}

/// The setting that marks a session as ours from its start; see [`PostgresDb::session_mark`].
pub(crate) const SESSION_MARK: &str = "liftlock.session";

impl PostgresDb {
    /// Connects to `target`.
    ///
    /// # Errors
    /// As [`super::Db::connect`].
    pub fn connect(target: &PostgresTarget) -> Result<Self, DbError> {
        let mark = new_mark();
        match open(target, Some(&mark)) {
            Ok(client) => Ok(Self { client: Box::new(client), target: target.clone(), session_mark: Some(mark) }),
            Err(OpenError::Driver(error)) if rejects_options(&error) => {
                let client = open(target, None).map_err(|error| error.into_db_error(target))?;
                Ok(Self { client: Box::new(client), target: target.clone(), session_mark: None })
            }
            Err(error) => Err(error.into_db_error(target)),
        }
    }

    /// What this is connected to.
    #[must_use]
    pub fn target(&self) -> &PostgresTarget {
        &self.target
    }

    /// A second connection to the same server, as the same user.
    ///
    /// # Errors
    /// As [`super::Db::connect`].
    pub fn connect_again(&self) -> Result<Self, DbError> {
        Self::connect(&self.target)
    }

    /// The value that the server must report for the setting `liftlock.session` if this client talks to one server
    /// process from first to last. A pooler drops or refuses the start-up option that sets it; then a session-level
    /// advisory lock would be taken in somebody else's session. `None`: the option was refused.
    #[must_use]
    pub fn session_mark(&self) -> Option<&str> {
        self.session_mark.as_deref()
    }

    /// Runs the statements of `sql` as one message.
    ///
    /// # Errors
    /// As [`super::Db::execute`].
    pub fn execute(&mut self, sql: &str) -> Result<(), SqlError> {
        self.client.batch_execute(sql).map_err(|error| describe(&error, sql))
    }

    pub(super) fn query(&mut self, sql: &str) -> Result<Vec<TextRow>, SqlError> {
        Ok(self.query_each(sql)?.into_iter().flatten().collect())
    }

    /// Runs the statements of `sql` in one message and gives the rows of each.
    ///
    /// # Errors
    /// As [`super::Db::execute`].
    pub fn query_each(&mut self, sql: &str) -> Result<Vec<Vec<TextRow>>, SqlError> {
        let messages = self.client.simple_query(sql).map_err(|error| describe(&error, sql))?;
        Ok(rows_of_each(messages))
    }

    /// Runs the statements of `sql` in one message and hands each row to `each`, with the number of those statements
    /// before its own that give rows. For results of many rows, whose texts need not be kept.
    ///
    /// # Errors
    /// [`SqlError`] of the first statement that fails, no row being handed out then; or what `each` fails with.
    pub fn read_each<E: From<SqlError>>(
        &mut self,
        sql: &str,
        mut each: impl FnMut(usize, &BorrowedRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let messages = self.client.simple_query(sql).map_err(|error| E::from(describe(&error, sql)))?;
        let mut results = 0_usize;
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(_) => results += 1,
                SimpleQueryMessage::Row(row) => each(results.saturating_sub(1), &BorrowedRow(&row))?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Runs a `COPY … FROM stdin` statement with its data.
    ///
    /// # Errors
    /// [`SqlError`] of the statement, or of the line of data that the server refuses.
    pub fn copy_in(&mut self, statement: &str, data: &str) -> Result<(), SqlError> {
        let mut writer = self.client.copy_in(statement).map_err(|error| describe(&error, statement))?;
        // a failed write is told by finish(), with the server's own words
        let written = writer.write_all(data.as_bytes());
        writer.finish().map_err(|error| describe(&error, statement))?;
        written.map_err(|error| SqlError::other(error.to_string()))
    }

    /// Whether the connection is known to be gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        let token = self.client.cancel_token();
        let target = self.target.clone();
        Box::new(move || match connector(&target) {
            Ok(tls) => {
                if let Err(error) = token.cancel_query(tls) {
                    tracing::debug!(%error, "cancel");
                }
            }
            Err(error) => tracing::debug!(%error, "cancel"),
        })
    }
}

impl Statements for PostgresDb {
    fn execute(&mut self, sql: &str) -> Result<(), SqlError> {
        self.execute(sql)
    }

    fn query_each(&mut self, sql: &str) -> Result<Vec<Vec<TextRow>>, SqlError> {
        self.query_each(sql)
    }
}

/// The rows of each statement of a message.
pub(super) fn rows_of_each(messages: Vec<SimpleQueryMessage>) -> Vec<Vec<TextRow>> {
    let mut results = Vec::new();
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
            }
            SimpleQueryMessage::CommandComplete(_) => results.push(std::mem::take(&mut rows)),
            _ => {}
        }
    }
    results
}

pub(super) enum OpenError {
    Driver(::postgres::Error),
    Before(DbError),
}

impl OpenError {
    pub(super) fn into_db_error(self, target: &PostgresTarget) -> DbError {
        match self {
            Self::Before(error) => error,
            Self::Driver(error) => {
                let source = describe(&error, "");
                let hint = connect_hint(&source);
                DbError::Connect { target: target.to_string(), hint, source }
            }
        }
    }
}

fn open(target: &PostgresTarget, mark: Option<&str>) -> Result<Client, OpenError> {
    let mut config = ::postgres::Config::from(driver_config(target, mark).map_err(OpenError::Driver)?);
    config.notice_callback(|notice| match notice.severity() {
        // a ROLLBACK of ours for safety's sake
        _ if *notice.code() == SqlState::NO_ACTIVE_SQL_TRANSACTION => {}
        "WARNING" => tracing::warn!(target: "liftlock::server", "{}", notice.message()),
        _ => tracing::info!(target: "liftlock::server", "{}: {}", notice.severity(), notice.message()),
    });
    let tls = connector(target).map_err(OpenError::Before)?;
    config.connect(tls).map_err(OpenError::Driver)
}

/// The driver's configuration for `target`, the session marked as ours where `mark` is given.
pub(super) fn driver_config(target: &PostgresTarget, mark: Option<&str>) -> Result<Config, ::postgres::Error> {
    let mut config = driver_parameters(target)?;
    for host in &target.hosts {
        match &host.address {
            HostAddress::Tcp(name) => config.host(name),
            HostAddress::Socket(folder) => config.host_path(folder),
        };
        config.port(host.port);
    }
    if let Some(user) = &target.user {
        config.user(user);
    }
    if let Some(password) = &target.password {
        config.password(password.expose());
    }
    if let Some(dbname) = &target.dbname {
        config.dbname(dbname);
    }
    if let Some(timeout) = target.connect_timeout {
        config.connect_timeout(timeout);
    }
    config.application_name(&target.application_name);
    let local = target.hosts.iter().all(|host| matches!(host.address, HostAddress::Socket(_)));
    config.ssl_mode(match target.sslmode {
        // a Unix socket has no TLS, and the server isn't even asked (as in libpq)
        _ if local => DriverSslMode::Disable,
        SslMode::Disable => DriverSslMode::Disable,
        SslMode::Prefer => DriverSslMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => DriverSslMode::Require,
    });
    let mut options = target.options.clone().unwrap_or_default();
    if let Some(mark) = mark {
        // scripts are looked through, and literals of ours written, by the standard's rules
        options.push_str(&format!(" -c {SESSION_MARK}={mark} -c standard_conforming_strings=on"));
    }
    if !options.is_empty() {
        config.options(options.trim());
    }
    Ok(config)
}

/// A configuration with the parameters that go to the driver as they were written.
fn driver_parameters(target: &PostgresTarget) -> Result<Config, ::postgres::Error> {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let parameters: Vec<String> =
        target.parameters.iter().map(|(name, value)| format!("{name}='{}'", quoted(value))).collect();
    parameters.join(" ").parse()
}

/// Unlike any other session's: it must not be found in a server session that a pooler hands out again.
pub(super) fn new_mark() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{}-{nanos}", std::process::id())
}

/// PgBouncer's answer to a start-up option that it does not pass on ("unsupported startup parameter").
pub(super) fn rejects_options(error: &::postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| error.message().contains("unsupported startup parameter"))
}

fn connect_hint(error: &SqlError) -> Option<String> {
    let hint = match error.code.as_deref() {
        Some("28P01") => "the password is wrong; it is taken from the URL, PGPASSWORD or the password file",
        Some("28000") => "is the user's name right, and does the server's pg_hba.conf let it in from here?",
        Some("3D000") => "create the database first: `createdb NAME`",
        Some("53300") => "all connections of the server are taken; try again, or raise max_connections",
        Some(_) => return None,
        None if error.message.to_lowercase().contains("tls") || error.message.contains("certificate") => {
            "this is about TLS: look at `sslmode` and `sslrootcert` in the URL, and at the server's certificate"
        }
        None if error.message.contains("password missing") => {
            "give the password in the URL, in PGPASSWORD or in the password file"
        }
        None => "is the server running there, and do host and port fit? try `psql` with the same URL",
    };
    Some(hint.to_owned())
}

/// The driver's own Display hides its cause, so the facts are taken from where they are.
pub(super) fn describe(error: &::postgres::Error, sent: &str) -> SqlError {
    let Some(db) = error.as_db_error() else {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        let class = if error.is_closed() || message.contains("communicating with the server") {
            ErrorClass::ConnectionLost
        } else {
            ErrorClass::Other
        };
        return SqlFacts { message, class, ..SqlFacts::default() }.into();
    };
    let code = db.code();
    let class = match code {
        code if *code == SqlState::LOCK_NOT_AVAILABLE => ErrorClass::LockTimeout,
        code if *code == SqlState::QUERY_CANCELED => ErrorClass::Cancelled,
        code if *code == SqlState::UNIQUE_VIOLATION => ErrorClass::UniqueViolation,
        code if [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN].contains(code) => ErrorClass::Missing,
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => ErrorClass::ReadOnly,
        code if [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN].contains(code) => ErrorClass::ConnectionLost,
        _ => ErrorClass::Other,
    };
    let (position, internal) = match db.position() {
        Some(ErrorPosition::Original(characters)) => (byte_offset(sent, *characters), None),
        Some(ErrorPosition::Internal { query, .. }) => (None, Some(format!("in the query {query:?}"))),
        None => (None, None),
    };
    let context = match (db.where_(), internal) {
        (Some(context), Some(internal)) => Some(format!("{context}; {internal}")),
        (context, internal) => context.map(str::to_owned).or(internal),
    };
    SqlFacts {
        message: db.message().to_owned(),
        code: Some(code.code().to_owned()),
        class,
        detail: db.detail().map(str::to_owned),
        hint: db.hint().map(str::to_owned),
        context,
        position,
        statements_done: None,
        table: db.table().map(str::to_owned),
    }
    .into()
}

/// The server counts characters from 1 (<https://www.postgresql.org/docs/current/protocol-error-fields.html>).
fn byte_offset(sent: &str, characters: u32) -> Option<usize> {
    let nth = usize::try_from(characters).ok()?.checked_sub(1)?;
    sent.char_indices().map(|(offset, _)| offset).chain([sent.len()]).nth(nth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_counts_characters() {
        assert_eq!(byte_offset("äöü x", 5), Some(7));
        assert_eq!(byte_offset("ab", 3), Some(2));
        assert_eq!(byte_offset("ab", 4), None);
    }
}
