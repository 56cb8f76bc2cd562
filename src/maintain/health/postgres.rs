//! PostgreSQL: round trips, waits for locks, old transactions, connections, size, replicas.

use std::time::Duration;

use super::super::ask::{flag, number, option, rows_of_each, text};
use super::words::without_values;
use super::{
    Blocked, HealthCheck, HealthOptions, HealthReport, MaintainError, Session, Thresholds, database_size, latency,
};
use crate::Dialect;
use crate::config::{PostgresTarget, Target};
use crate::db::{Access, Db, TextRow};

pub(super) fn probe(target: &PostgresTarget, options: &HealthOptions) -> Result<HealthReport, MaintainError> {
    let target = PostgresTarget { connect_timeout: Some(options.timeout), ..target.clone() };
    let mut db = Db::connect(&Target::Postgres(target), Access::Read)?;
    let thresholds = &options.thresholds;
    let mut checks = vec![latency(&mut db, "SELECT 1", thresholds.latency)?];
    let Db::Postgres(postgres) = &mut db else { return Err(not_postgres()) };
    let asked = format!(
        "BEGIN READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL statement_timeout = {}; {}; COMMIT",
        options.timeout.as_millis().min(i32::MAX as u128),
        include_str!("activity.sql")
    );
    // BEGIN and two SETs have results, too: none with rows
    let mut results = rows_of_each(postgres, "ask for the activity", &asked)?.skip(3);
    let mut next = || results.next().unwrap_or_default();
    let sees_all = next().first().is_some_and(|row| flag(row, 0));
    checks.extend(next().first().into_iter().flat_map(|row| connections(row, thresholds)));

    let sessions: Vec<Session> = next().iter().map(session).collect();
    checks.push(transactions(&sessions, thresholds.transaction_age));
    let limit = thresholds.transaction_age.as_secs_f64();
    let old = sessions.into_iter().filter(|session| session.seconds.is_some_and(|seconds| seconds > limit));
    let long_transactions = old.collect();

    let (waiting, holders) = (next(), next());
    let blocked: Vec<Blocked> = waiting.iter().map(|row| blocked(row, &holders)).collect();
    checks.push(locks(&blocked, thresholds.lock_wait));
    let size = next().first().and_then(|row| number(row, 0)).unwrap_or_default();
    checks.push(database_size(size, thresholds.database_size));
    let (own, replicas) = (next(), next());
    checks.extend(replication(&own, &replicas, thresholds.replication_lag));

    let mut notes = Vec::new();
    if !sees_all {
        notes.push(
            "this role sees only its own sessions' transactions and statements; `GRANT pg_read_all_stats` to it shows \
             all"
            .to_owned(),
        );
    }
    Ok(HealthReport {
        dialect: Dialect::Postgres,
        healthy: false,
        attempts: 0,
        checks,
        blocked,
        long_transactions,
        notes,
    })
}

fn not_postgres() -> MaintainError {
    MaintainError::Failed { message: "a connection to PostgreSQL is something else".to_owned(), hint: None }
}

fn session(row: &TextRow) -> Session {
    Session {
        pid: number(row, 0),
        user: option(row, 1),
        application: option(row, 2).filter(|name| !name.is_empty()),
        state: option(row, 3),
        seconds: number(row, 4),
        query: option(row, 5).map(|query| without_values(&query)),
    }
}

fn blocked(row: &TextRow, holders: &[TextRow]) -> Blocked {
    let pids: Vec<String> = text(row, 6).split(' ').filter(|pid| !pid.is_empty()).map(str::to_owned).collect();
    let by = pids.iter().map(|pid| match holders.iter().find(|holder| text(holder, 0) == *pid) {
        Some(holder) => session(holder),
        // 0 stands for a prepared transaction
        None => Session { pid: pid.parse().ok().filter(|pid| *pid > 0), ..Session::default() },
    });
    Blocked { session: session(row), by: by.collect() }
}

fn connections(row: &TextRow, thresholds: &Thresholds) -> Vec<HealthCheck> {
    let percent = |used: u64, allowed: u64| if allowed == 0 { 100.0 } else { used as f64 * 100.0 / allowed as f64 };
    let check = |used: u64, allowed: u64, of: &str| {
        let value = percent(used, allowed);
        HealthCheck {
            name: "connections",
            value,
            threshold: Some(thresholds.connections_percent.into()),
            unit: "percent",
            ok: value <= thresholds.connections_percent.into(),
            message: format!("{used} of {allowed} connections {of} are used"),
        }
    };
    let pair = |used, allowed| Some((number::<u64>(row, used)?, number::<u64>(row, allowed)?));
    let server = pair(0, 1).map(|(used, allowed)| check(used, allowed, "of the server"));
    let database = pair(2, 3).map(|(used, allowed)| check(used, allowed, "of the database"));
    server.into_iter().chain(database).collect()
}

fn transactions(sessions: &[Session], most: Duration) -> HealthCheck {
    let oldest = sessions.iter().filter_map(|session| session.seconds).fold(0.0, f64::max);
    HealthCheck {
        name: "transactions",
        value: oldest,
        threshold: Some(most.as_secs_f64()),
        unit: "s",
        ok: oldest <= most.as_secs_f64(),
        message: match sessions.len() {
            0 => "no other transaction is open".to_owned(),
            open => format!("{open} open, the oldest for {oldest:.0} s"),
        },
    }
}

fn locks(blocked: &[Blocked], most: Duration) -> HealthCheck {
    let longest = blocked.iter().filter_map(|blocked| blocked.session.seconds).fold(0.0, f64::max);
    HealthCheck {
        name: "locks",
        value: longest,
        threshold: Some(most.as_secs_f64()),
        unit: "s",
        ok: longest <= most.as_secs_f64(),
        message: match blocked.len() {
            0 => "nobody waits for a lock".to_owned(),
            waiting => format!("{waiting} waiting, the longest for {longest:.0} s"),
        },
    }
}

/// A check where this is a replica, or has some.
fn replication(own: &[TextRow], replicas: &[TextRow], most: Duration) -> Option<HealthCheck> {
    let own = own.first()?;
    let (lag, message): (f64, String) = if flag(own, 0) {
        let lag = number(own, 1).unwrap_or_default();
        (lag, format!("this is a replica, {lag:.0} s behind"))
    } else {
        let lag = replicas.iter().filter_map(|row| number(row, 2)).fold(0.0, f64::max);
        let names: Vec<String> = replicas.iter().map(|row| format!("{} ({})", text(row, 0), text(row, 1))).collect();
        if names.is_empty() {
            return None;
        }
        (lag, format!("the replica furthest behind is so by {lag:.0} s: {}", names.join(", ")))
    };
    let threshold = most.as_secs_f64();
    Some(HealthCheck {
        name: "replication",
        value: lag,
        threshold: Some(threshold),
        unit: "s",
        ok: lag <= threshold,
        message,
    })
}
