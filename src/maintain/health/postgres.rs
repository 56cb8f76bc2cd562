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
    checks.push(transactions(&sessions, thresholds.transaction_age, sees_all));
    let limit = thresholds.transaction_age.as_secs_f64();
    let old = sessions.into_iter().filter(|session| session.seconds.is_some_and(|seconds| seconds > limit));
    let long_transactions = old.collect();

    let (waiting, holders) = (next(), next());
    let blocked: Vec<Blocked> = waiting.iter().map(|row| blocked(row, &holders)).collect();
    checks.push(locks(&blocked, thresholds.lock_wait));
    let size = next().first().and_then(|row| number(row, 0)).unwrap_or_default();
    checks.push(database_size(size, thresholds.database_size));
    let (own, replicas) = (next(), next());
    let mut notes = Vec::new();
    checks.extend(replication(&own, &replicas, thresholds.replication_lag, &mut notes));
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

fn transactions(sessions: &[Session], most: Duration, sees_all: bool) -> HealthCheck {
    let seen = if sees_all { "" } else { " that this role can see" };
    let oldest = sessions.iter().filter_map(|session| session.seconds).fold(0.0, f64::max);
    HealthCheck {
        name: "transactions",
        value: oldest,
        threshold: Some(most.as_secs_f64()),
        unit: "s",
        ok: oldest <= most.as_secs_f64(),
        message: match sessions.len() {
            0 => format!("no other transaction{seen} is open"),
            open => format!("{open} open{seen}, the oldest for {oldest:.0} s"),
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

/// A check for what is known of replicas, where this is one or has some; what is not known is a note, and never a zero.
fn replication(own: &[TextRow], replicas: &[TextRow], most: Duration, notes: &mut Vec<String>) -> Option<HealthCheck> {
    let own = own.first()?;
    let (lag, message): (f64, String) = if flag(own, 0) {
        let Some(lag) = number(own, 1) else {
            notes.push("this is a replica, and how far it is behind is not known".to_owned());
            return None;
        };
        (lag, format!("this is a replica, {lag:.0} s behind"))
    } else {
        let (known, unknown): (Vec<&TextRow>, Vec<&TextRow>) =
            replicas.iter().partition(|row| number::<f64>(row, 2).is_some());
        let names = |rows: &[&TextRow]| rows.iter().map(|row| text(row, 0)).collect::<Vec<_>>().join(", ");
        if !unknown.is_empty() {
            notes.push(format!("how far these replicas are behind is not known: {}", names(&unknown)));
        }
        if known.is_empty() {
            return None;
        }
        let lag = known.iter().filter_map(|row| number(row, 2)).fold(0.0, f64::max);
        (lag, format!("the replica furthest behind is so by {lag:.0} s, of {}", names(&known)))
    };
    let threshold = most.as_secs_f64();
    let ok = lag <= threshold;
    Some(HealthCheck { name: "replication", value: lag, threshold: Some(threshold), unit: "s", ok, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[Option<&str>]) -> TextRow {
        cells.iter().map(|cell| cell.map(str::to_owned)).collect()
    }

    #[test]
    fn a_lag_that_is_not_known_is_no_zero() {
        let most = Duration::from_secs(10);
        let (primary, mut notes) = ([row(&[Some("f"), None])], Vec::new());
        assert_eq!(replication(&primary, &[], most, &mut notes), None);
        assert!(notes.is_empty());
        let hidden = row(&[Some("a"), None, None]);
        assert_eq!(replication(&primary, std::slice::from_ref(&hidden), most, &mut notes), None);
        assert!(notes.pop().is_some_and(|note| note.ends_with("not known: a")));
        let late = row(&[Some("b"), Some("streaming"), Some("19.1")]);
        let check = replication(&primary, &[hidden, late], most, &mut notes).expect("one is known");
        assert!(!check.ok && check.value > 19.0 && notes.len() == 1, "{check:?}");

        let replica = |lag| replication(&[row(&[Some("t"), lag])], &[], most, &mut Vec::new());
        assert_eq!(replica(None), None);
        assert_eq!(replica(Some("0")).map(|check| check.ok), Some(true));
        assert_eq!(replica(Some("11")).map(|check| check.ok), Some(false));
    }
}
