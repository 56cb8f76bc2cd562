//! `health`: whether a database answers, how fast, and what of it is too much. Nothing is written.

mod postgres;
mod sqlite;
mod words;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::MaintainError;
use crate::Dialect;
use crate::config::Target;
use crate::db::{Db, DbError, SqlError};

/// How a database is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthOptions {
    /// How often to try again to connect, with pauses from 200 ms that double up to 5 s. Default: 2.
    pub retries: u32,
    /// How long one try may take, questions included. Default: 5 s.
    pub timeout: Duration,
    /// What is too much.
    pub thresholds: Thresholds,
}

impl Default for HealthOptions {
    fn default() -> Self {
        Self { retries: 2, timeout: Duration::from_secs(5), thresholds: Thresholds::default() }
    }
}

/// What is too much: what is above it, or for free space below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// The median of the round trips. Default: 1 s.
    pub latency: Duration,
    /// The longest wait for a lock. Default: 30 s.
    pub lock_wait: Duration,
    /// The oldest transaction. Default: 1 h.
    pub transaction_age: Duration,
    /// Connections used of those allowed, in percent. Default: 90.
    pub connections_percent: u32,
    /// SQLite: free bytes of the file system. Default: 100 MiB.
    pub free_space: u64,
    /// Bytes of the database. Default: any.
    pub database_size: Option<u64>,
    /// The replica that is furthest behind. Default: 1 min.
    pub replication_lag: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            latency: Duration::from_secs(1),
            lock_wait: Duration::from_secs(30),
            transaction_age: Duration::from_secs(3600),
            connections_percent: 90,
            free_space: 100 << 20,
            database_size: None,
            replication_lag: Duration::from_secs(60),
        }
    }
}

/// How a database is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthReport {
    /// The kind of database.
    pub dialect: Dialect,
    /// Whether no threshold is exceeded.
    pub healthy: bool,
    /// How many tries the connection took.
    pub attempts: u32,
    /// What was measured.
    pub checks: Vec<HealthCheck>,
    /// Sessions that wait for a lock, the longest first.
    pub blocked: Vec<Blocked>,
    /// Transactions older than the threshold, the oldest first.
    pub long_transactions: Vec<Session>,
    /// What could not be seen.
    pub notes: Vec<String>,
}

/// Something that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthCheck {
    /// Its name: `latency`, `locks`, `transactions`, `connections`, `free_space`, `database_size`, `replication`.
    pub name: &'static str,
    /// What was measured.
    pub value: f64,
    /// What is too much, or for `free_space` too little; `None` where nothing is.
    pub threshold: Option<f64>,
    /// `ms`, `s`, `percent` or `bytes`.
    pub unit: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What it is, for people.
    pub message: String,
}

/// A session that waits for a lock.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blocked {
    /// The one that waits.
    pub session: Session,
    /// Those that it waits for.
    pub by: Vec<Session>,
}

/// A session of PostgreSQL's.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Session {
    /// The server process; `None` for a prepared transaction.
    pub pid: Option<i64>,
    /// The user.
    pub user: Option<String>,
    /// The application's name, or a prepared transaction's.
    pub application: Option<String>,
    /// `active`, `idle in transaction` and the like; `None` where this role may not see it.
    pub state: Option<String>,
    /// Seconds that it waits, or since its transaction began.
    pub seconds: Option<f64>,
    /// Its statement as far as it is shown, without the values in it.
    pub query: Option<String>,
}

/// Errors of a login that the next try can't mend (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
const FINAL: [&str; 4] = ["28P01", "28000", "3D000", "42501"];

/// Probes `target`. A try that gets no answer in time is left alone, whatever it waits for.
///
/// # Errors
/// [`MaintainError::Db`] where there is no connection; any other where it was lost while questions were asked.
pub fn health(target: &Target, options: &HealthOptions) -> Result<HealthReport, MaintainError> {
    let mut pause = Duration::from_millis(200);
    let mut attempt = 1;
    loop {
        let error = match one_try(target, options) {
            Ok(mut report) => {
                report.attempts = attempt;
                report.healthy = report.checks.iter().all(|check| check.ok);
                return Ok(report);
            }
            Err(error) => error,
        };
        let is_final = match &error {
            MaintainError::Db(DbError::Connect { source, .. }) => {
                source.code.as_deref().is_some_and(|code| FINAL.contains(&code))
            }
            MaintainError::Sql { .. } => false,
            _ => true,
        };
        if is_final || attempt > options.retries {
            return Err(error);
        }
        tracing::info!(%error, "try {attempt} failed; again in {} ms", pause.as_millis());
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(5));
        attempt += 1;
    }
}

/// In a thread of its own: a server that is stopped takes connections and never says a word.
fn one_try(target: &Target, options: &HealthOptions) -> Result<HealthReport, MaintainError> {
    let (answers, answer) = channel();
    let (of, with) = (target.clone(), options.clone());
    std::thread::spawn(move || answers.send(probe(&of, &with)));
    match answer.recv_timeout(options.timeout) {
        Ok(result) => result,
        Err(reason) => {
            let what = match reason {
                RecvTimeoutError::Timeout => format!("no answer within {} ms", options.timeout.as_millis()),
                RecvTimeoutError::Disconnected => "the probe ended without an answer".to_owned(),
            };
            Err(MaintainError::Db(DbError::Connect {
                target: target.to_string(),
                hint: Some("`--timeout` gives it longer".to_owned()),
                source: SqlError::other(what),
            }))
        }
    }
}

fn probe(target: &Target, options: &HealthOptions) -> Result<HealthReport, MaintainError> {
    match target {
        Target::Sqlite(target) => sqlite::probe(target, options),
        Target::Postgres(target) => postgres::probe(target, options),
    }
}

/// The median of five round trips.
fn latency(db: &mut Db, sql: &str, most: Duration) -> Result<HealthCheck, MaintainError> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        db.query(sql).map_err(MaintainError::sql("measure a round trip"))?;
        times.push(begun.elapsed());
    }
    times.sort();
    let median = times[times.len() / 2];
    Ok(HealthCheck {
        name: "latency",
        value: milliseconds(median),
        threshold: Some(milliseconds(most)),
        unit: "ms",
        ok: median <= most,
        message: format!("a round trip takes {:.3} ms (median of {})", milliseconds(median), times.len()),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The size of the database against what it may be.
fn database_size(bytes: u64, most: Option<u64>) -> HealthCheck {
    HealthCheck {
        name: "database_size",
        value: bytes as f64,
        threshold: most.map(|most| most as f64),
        unit: "bytes",
        ok: most.is_none_or(|most| bytes <= most),
        message: format!("the database has {}", super::units::bytes(bytes)),
    }
}
