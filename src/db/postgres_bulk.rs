//! A PostgreSQL connection for bulk data: COPY in binary form, in both directions.
//!
//! It drives `tokio-postgres` by itself. The blocking crate above it enters and leaves its runtime for every row that
//! is read, which takes more than three times the processor time of this loop (docs/benchmarks.md).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, CopyInSink};

use super::error::SqlFacts;
use super::postgres::{OpenError, SESSION_MARK, describe, driver_config, new_mark, rejects_options, rows_of_each};
use super::postgres_tls::connector;
use super::{DbError, ErrorClass, SqlError, Statements, TextRow};
use crate::config::PostgresTarget;

/// What stands before the rows: the signature, no flags, no extension
/// (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format").
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// How much is handed to the driver at once.
const PIECE: usize = 1 << 20;

/// What stands after them.
const TRAILER: [u8; 2] = (-1i16).to_be_bytes();

/// A connection to a PostgreSQL server for much data.
pub struct BulkDb {
    client: Client,
    target: PostgresTarget,
    session_mark: Option<String>,
    last_words: LastWords,
    // after the client: the connection's task ends in it
    runtime: Runtime,
}

impl fmt::Debug for BulkDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkDb").field("target", &self.target.to_string()).finish_non_exhaustive()
    }
}

impl BulkDb {
    /// Connects to `target`.
    ///
    /// # Errors
    /// As [`super::Db::connect`].
    pub fn connect(target: &PostgresTarget) -> Result<Self, DbError> {
        let mark = new_mark();
        let opened = match Self::open(target, Some(&mark)) {
            Err(OpenError::Driver(error)) if rejects_options(&error) => Self::open(target, None),
            opened => opened,
        };
        opened.map_err(|error| error.into_db_error(target))
    }

    fn open(target: &PostgresTarget, mark: Option<&str>) -> Result<Self, OpenError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            OpenError::Before(DbError::Connect {
                target: target.to_string(),
                hint: None,
                source: SqlError::other(error.to_string()),
            })
        })?;
        let config = driver_config(target, mark).map_err(OpenError::Driver)?;
        let tls = connector(target).map_err(OpenError::Before)?;
        let (client, connection) = runtime.block_on(config.connect(tls)).map_err(OpenError::Driver)?;
        let last_words = LastWords::default();
        let heard = last_words.clone();
        runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection");
                heard.hear(&error);
            }
        });
        Ok(Self { client, target: target.clone(), session_mark: mark.map(str::to_owned), last_words, runtime })
    }

    /// Reads what the server has said since the last statement. The driver writes before it reads, and where the server
    /// has hung up that fails, so that its last words would never be read.
    fn listen(&self) {
        self.runtime.block_on(async {
            // the first lets the runtime see that there is something to read, the second the connection read it
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Whether this client talks to one server process from first to last: see
    /// [`PostgresDb::session_mark`](super::PostgresDb::session_mark).
    ///
    /// # Errors
    /// [`SqlError`] of the server.
    pub fn is_direct(&mut self) -> Result<bool, SqlError> {
        let Some(mark) = self.session_mark.clone() else { return Ok(false) };
        let answers = self.query_each(&format!("SELECT pg_catalog.current_setting('{SESSION_MARK}', true)"))?;
        Ok(answers.into_iter().flatten().flatten().flatten().next() == Some(mark))
    }

    /// Runs a `COPY … FROM STDIN (FORMAT binary)`; `rows` sends the rows. Where it fails, nothing is stored.
    /// Returns the number of rows that the server has stored.
    ///
    /// # Errors
    /// What `rows` fails with, or [`SqlError`] of the server.
    pub fn copy_in<E: From<SqlError>>(
        &mut self,
        statement: &str,
        rows: impl FnOnce(&mut CopyIn<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        self.listen();
        let sink = self.runtime.block_on(self.client.copy_in(statement));
        let words = &self.last_words;
        let sink = Box::pin(sink.map_err(|error| E::from(words.explain(describe(&error, statement))))?);
        let mut copy = CopyIn { sink, words, runtime: &self.runtime };
        copy.send(HEADER.to_vec())?;
        // an error drops the sink, which tells the server that the copy has failed
        rows(&mut copy)?;
        copy.send(TRAILER.to_vec())?;
        let CopyIn { mut sink, .. } = copy;
        self.runtime.block_on(sink.as_mut().finish()).map_err(|error| E::from(words.explain(describe(&error, ""))))
    }

    /// Runs a `COPY … TO STDOUT (FORMAT binary)` and hands each row to `each`: its fields, each an i32 length
    /// (big-endian, −1 for NULL) and its bytes, without the number of fields before them.
    ///
    /// # Errors
    /// What `each` fails with, or [`SqlError`] of the server. The rest of the rows is then read and dropped.
    pub fn copy_out<E: From<SqlError>>(
        &mut self,
        statement: &str,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.listen();
        let failed = |error: tokio_postgres::Error| E::from(self.last_words.explain(describe(&error, statement)));
        self.runtime.block_on(async {
            let mut stream = Box::pin(self.client.copy_out(statement).await.map_err(failed)?);
            let mut at_start = true;
            // the server sends a row in a message of its own (CopyOneRowTo in src/backend/commands/copyto.c)
            while let Some(message) = stream.next().await {
                let message: Bytes = message.map_err(failed)?;
                let mut rest: &[u8] = &message;
                if at_start {
                    rest = rest.strip_prefix(HEADER).unwrap_or(rest);
                    at_start = false;
                }
                match rest {
                    [] => {}
                    _ if *rest == TRAILER => {}
                    [_, _, fields @ ..] => each(fields)?,
                    _ => return Err(SqlError::other("a row that the server sent ends too soon").into()),
                }
            }
            Ok(())
        })
    }

    /// What stops the statement that runs on this connection, callable from another thread.
    #[must_use]
    pub fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        let token = self.client.cancel_token();
        let target = self.target.clone();
        Box::new(move || {
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
            match connector(&target) {
                Ok(tls) => {
                    if let Err(error) = runtime.block_on(token.cancel_query(tls)) {
                        tracing::debug!(%error, "cancel");
                    }
                }
                Err(error) => tracing::debug!(%error, "cancel"),
            }
        })
    }
}

/// What the server said when it ended the session of its own accord. It says so once, to nobody's question: whoever asks
/// next is told by the driver that the connection is closed, and no more.
#[derive(Debug, Clone, Default)]
struct LastWords(Arc<Mutex<Option<SqlFacts>>>);

impl LastWords {
    fn hear(&self, error: &tokio_postgres::Error) {
        let Some(said) = error.as_db_error() else { return };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(SqlFacts {
            message: format!("{}: {}", said.severity(), said.message()),
            code: Some(said.code().code().to_owned()),
            class: ErrorClass::ConnectionLost,
            detail: said.detail().map(str::to_owned),
            hint: said.hint().map(str::to_owned),
            ..SqlFacts::default()
        });
    }

    /// The server's words in the place of the driver's, where it has said any. What it says in the middle of a COPY the
    /// driver keeps to itself.
    fn explain(&self, error: SqlError) -> SqlError {
        if error.class != ErrorClass::ConnectionLost || error.code.is_some() {
            return error;
        }
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let said = said.unwrap_or_else(|| SqlFacts {
            message: format!(
                "{}: the server, or the network to it, has ended the session and not said why; the server's log may",
                error.message
            ),
            class: ErrorClass::ConnectionLost,
            ..SqlFacts::default()
        });
        said.into()
    }
}

impl Statements for BulkDb {
    fn execute(&mut self, sql: &str) -> Result<(), SqlError> {
        self.listen();
        let done = self.runtime.block_on(self.client.batch_execute(sql));
        done.map_err(|error| self.last_words.explain(describe(&error, sql)))
    }

    fn query_each(&mut self, sql: &str) -> Result<Vec<Vec<TextRow>>, SqlError> {
        self.listen();
        let messages = self.runtime.block_on(self.client.simple_query(sql));
        let messages = messages.map_err(|error| self.last_words.explain(describe(&error, sql)))?;
        Ok(rows_of_each(messages))
    }
}

/// The rows of a COPY on their way to the server.
pub struct CopyIn<'a> {
    sink: std::pin::Pin<Box<CopyInSink<Bytes>>>,
    words: &'a LastWords,
    runtime: &'a Runtime,
}

impl fmt::Debug for CopyIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn").finish_non_exhaustive()
    }
}

impl CopyIn<'_> {
    /// Sends bytes of rows, each the number of its fields (i16) and the fields. Best some hundred kilobytes at once.
    ///
    /// # Errors
    /// [`SqlError`] where the server has refused a row, or is gone.
    pub fn send(&mut self, rows: Vec<u8>) -> Result<(), SqlError> {
        let mut rows = Bytes::from(rows);
        // the driver copies what it is given: a row of a gigabyte goes to it in pieces
        while rows.len() > PIECE {
            let piece = rows.split_to(PIECE);
            self.runtime.block_on(self.sink.send(piece)).map_err(|error| self.words.explain(describe(&error, "")))?;
        }
        self.runtime.block_on(self.sink.send(rows)).map_err(|error| self.words.explain(describe(&error, "")))
    }
}
