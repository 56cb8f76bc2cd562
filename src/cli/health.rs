//! `liftlock health`.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::output::{ErrorJson, Output};
use super::words::{bytes, count};
use super::{CommandResult, duration};
use crate::config::{HealthSettings, parse_bytes, parse_percent, parse_timeout};
use crate::error::exit;
use crate::maintain::MaintainError;
use crate::maintain::health::{HealthCheck, HealthOptions, HealthReport, Session, Thresholds, health};

/// Probe the database: does it answer, how fast, who waits for whom, and how much room is left
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock health\n  liftlock health --timeout 2s --retries 0 --json\n  liftlock health \
                        --env production --transaction-age 10min --database-size 200GiB\n\nNothing is written. Exit codes, for \
                        a probe: 0 healthy; 1 a threshold is exceeded; 2 usage;\n3 no connection. Thresholds stand in \
                        liftlock.yaml (`health:`), and flags beat them.\nThe guide is docs/operations-watch.md."
)]
pub(super) struct Health {
    /// How often to try again where there is no connection [default: 2]
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// How long one try may take, questions included [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    timeout: Option<Duration>,
    /// The longest a round trip may take, the median of five [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    latency: Option<Duration>,
    /// PostgreSQL: the longest that anybody may wait for a lock [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    lock_wait: Option<Duration>,
    /// PostgreSQL: the oldest that a transaction may be [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    transaction_age: Option<Duration>,
    /// PostgreSQL: how many of the connections allowed may be used [default: 90]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    connections_percent: Option<u32>,
    /// SQLite: the room that has to be free on the file system [default: 100MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    free_space: Option<u64>,
    /// The size that the database may have [default: any]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    database_size: Option<u64>,
    /// PostgreSQL: how far a replica may be behind [default: 1min]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    replication_lag: Option<Duration>,
}

fn timeout(text: &str) -> Result<Duration, String> {
    parse_timeout(text).map_err(|problem| problem.to_string())
}

fn percent(text: &str) -> Result<u32, String> {
    parse_percent(text).map_err(|problem| problem.to_string())
}

fn size(text: &str) -> Result<u64, String> {
    parse_bytes(text).map_err(|problem| problem.to_string())
}

#[derive(Debug, Serialize)]
struct HealthJson<'a> {
    command: &'static str,
    target: String,
    result: &'static str,
    #[serde(flatten)]
    report: Option<&'a HealthReport>,
    error: Option<ErrorJson>,
}

pub(super) fn run(args: &Health, context: &Context, output: &mut Output) -> CommandResult {
    let configured = context.health()?;
    let settings = context.settings(output)?;
    let target = settings.target.to_string();
    let report = match health(&settings.target, &args.options(&configured)) {
        Ok(report) => report,
        Err(error @ (MaintainError::Db(_) | MaintainError::Sql { .. })) => {
            let error = crate::Error::from(error);
            let json = Some(output.error_json(&error));
            output.json(&HealthJson { command: "health", target, result: "unreachable", report: None, error: json })?;
            output.error(&error);
            return Ok(exit::FAILED);
        }
        Err(error) => return Err(error.into()),
    };
    let result = if report.healthy { "healthy" } else { "exceeded" };
    output.json(&HealthJson {
        command: "health",
        target: target.clone(),
        result,
        report: Some(&report),
        error: None,
    })?;
    text(&target, &report, output)?;
    Ok(if report.healthy { exit::DONE } else { exit::FINDINGS })
}

impl Health {
    /// Flags, then liftlock.yaml, then defaults.
    fn options(&self, configured: &HealthSettings) -> HealthOptions {
        let HealthOptions { retries, timeout, thresholds: usual } = HealthOptions::default();
        let thresholds = Thresholds {
            latency: self.latency.or(configured.latency).unwrap_or(usual.latency),
            lock_wait: self.lock_wait.or(configured.lock_wait).unwrap_or(usual.lock_wait),
            transaction_age: self.transaction_age.or(configured.transaction_age).unwrap_or(usual.transaction_age),
            connections_percent: self
                .connections_percent
                .or(configured.connections_percent)
                .unwrap_or(usual.connections_percent),
            free_space: self.free_space.or(configured.free_space).unwrap_or(usual.free_space),
            database_size: self.database_size.or(configured.database_size),
            replication_lag: self.replication_lag.or(configured.replication_lag).unwrap_or(usual.replication_lag),
        };
        HealthOptions {
            retries: self.retries.or(configured.retries).unwrap_or(retries),
            timeout: self.timeout.or(configured.timeout).unwrap_or(timeout),
            thresholds,
        }
    }
}

fn text(target: &str, report: &HealthReport, output: &Output) -> Result<(), crate::Error> {
    let tries = if report.attempts > 1 { format!(", after {} tries", report.attempts) } else { String::new() };
    output.line(&format!("{target}: {}{tries}", if report.healthy { "healthy" } else { "NOT healthy" }))?;
    let rows = report.checks.iter().map(|check| {
        let state = if check.ok { "ok" } else { "EXCEEDED" };
        vec![check.name.replace('_', " "), state.to_owned(), check.message.clone(), limit(check)]
    });
    output.table(&["check", "", "is", "limit"], rows.collect())?;
    for blocked in &report.blocked {
        output.line(&format!("{} waits for", who(&blocked.session)))?;
        for holder in &blocked.by {
            output.line(&format!("    {}", who(holder)))?;
        }
    }
    for session in &report.long_transactions {
        output.line(&format!("old transaction: {}", who(session)))?;
    }
    for note in &report.notes {
        output.say(&format!("note: {note}"));
    }
    Ok(())
}

fn limit(check: &HealthCheck) -> String {
    let Some(threshold) = check.threshold else { return String::new() };
    let number = match check.unit {
        "bytes" => bytes(threshold as u64),
        "percent" => format!("{threshold} %"),
        unit => format!("{threshold} {unit}"),
    };
    if check.name == "free_space" { format!("at least {number}") } else { number }
}

fn who(session: &Session) -> String {
    let mut words = match (session.pid, session.state.as_deref()) {
        (Some(pid), _) => format!("pid {pid}"),
        (None, _) => "a prepared transaction".to_owned(),
    };
    let named =
        [session.application.as_deref().unwrap_or("no application name"), session.user.as_deref().unwrap_or("?")];
    words.push_str(&format!(" ({}, user {})", named[0], named[1]));
    if let Some(state) = &session.state {
        words.push_str(&format!(", {state}"));
    }
    if let Some(seconds) = session.seconds {
        words.push_str(&format!(", for {}", count(seconds as u64, "second")));
    }
    if let Some(query) = &session.query {
        words.push_str(&format!(", query `{query}`"));
    }
    words
}
