//! `liftlock health`: exit codes for a probe, who waits for whom, thresholds from file and flags.

use std::net::TcpListener;

use serde_json::Value;

use super::stranger;
use crate::support::{Kind, Project, Ran, TestDatabase, each_database, read_until, until};

fn health(database: &TestDatabase, more: &[&str]) -> Ran {
    // a server that other tests use, too, must not be found busy
    let mut arguments = vec!["health", "-d", &database.url, "--json", "--timeout", "60s", "--latency", "1h"];
    arguments.extend(more);
    Project::new().run(&arguments)
}

fn check<'a>(json: &'a Value, name: &str) -> &'a Value {
    json["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{json}"))
}

#[test]
fn a_database_that_answers_is_healthy() {
    each_database(|database| {
        database.execute("CREATE TABLE t (x INTEGER)");
        let json = health(database, &["--free-space", "1"]).ok().json();
        assert_eq!(
            (&json["result"], &json["healthy"], &json["attempts"]),
            (&"healthy".into(), &true.into(), &1.into())
        );
        assert!(check(&json, "latency")["value"].as_f64().unwrap() > 0.0);
        assert!(check(&json, "database_size")["value"].as_f64().unwrap() > 0.0);
        let named = if database.kind == Kind::Sqlite { "free_space" } else { "connections" };
        assert!(check(&json, named)["value"].as_f64().unwrap() > 0.0, "{json}");
        let project = Project::new();
        project
            .run(&["health", "-d", &database.url, "--timeout", "60s", "--latency", "1h", "--free-space", "1"])
            .ok()
            .prints("healthy");
    });
}

#[test]
fn every_threshold_can_be_exceeded() {
    each_database(|database| {
        database.execute("CREATE TABLE t (x INTEGER)");
        let exceeded = |flags: &[&str], name: &str| {
            let json = health(database, flags).exits(1).json();
            assert_eq!((&check(&json, name)["ok"], &json["result"]), (&false.into(), &"exceeded".into()), "{json}");
        };
        exceeded(&["--database-size", "1kB"], "database_size");
        match database.kind {
            Kind::Sqlite => exceeded(&["--free-space", "1000000TiB"], "free_space"),
            Kind::Postgres => exceeded(&["--connections-percent", "0"], "connections"),
        }
        let project = Project::new();
        project
            .run(&["health", "-d", &database.url, "--latency", "0s", "--timeout", "60s"])
            .exits(1)
            .prints("NOT healthy");
    });
}

#[test]
fn who_waits_for_whom_is_told() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (x int)");
    let mut holder = database.client();
    let pid: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    holder.batch_execute("BEGIN; LOCK TABLE t; SELECT 'Kq7-secret'").unwrap();
    let url = database.url.clone();
    let waiter = std::thread::spawn(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        client.batch_execute("SELECT * FROM t WHERE 'Kq7-secret' <> ''").unwrap();
    });
    until("somebody waits", || database.someone_waits());
    let json = health(&database, &[]).ok().json();
    let blocked = &json["blocked"][0];
    assert_eq!(blocked["by"][0]["pid"], i64::from(pid), "{json}");
    assert_eq!(blocked["by"][0]["state"], "idle in transaction");
    assert_eq!(blocked["session"]["query"], "SELECT * FROM t WHERE '…' <> '…'");
    let ran = health(&database, &["--lock-wait", "0s", "--transaction-age", "0s"]).exits(1);
    let json = ran.json();
    assert_eq!((&check(&json, "locks")["ok"], &check(&json, "transactions")["ok"]), (&false.into(), &false.into()));
    let old = json["long_transactions"].as_array().unwrap();
    assert!(old.iter().any(|session| session["pid"] == i64::from(pid)), "{json}");
    assert!(!ran.stdout.contains("Kq7"), "{}", ran.stdout);
    let words = Project::new().run(&["health", "-d", &database.url, "--lock-wait", "0s", "--timeout", "60s"]).exits(1);
    assert!(words.stdout.contains(&format!("    pid {pid} (")), "{}", words.stdout);
    holder.batch_execute("COMMIT").unwrap();
    waiter.join().unwrap();
}

#[test]
fn a_prepared_transaction_is_one_that_nobody_will_end() {
    let database = TestDatabase::postgres();
    let name = database.value("SELECT current_database()");
    database.execute(&format!("BEGIN; CREATE TABLE t (x int); PREPARE TRANSACTION '{name}'"));
    let json = health(&database, &["--transaction-age", "0s"]).exits(1).json();
    assert_eq!(json["long_transactions"][0]["state"], "prepared", "{json}");
    assert_eq!(json["long_transactions"][0]["application"], name.as_str());
    database.execute(&format!("ROLLBACK PREPARED '{name}'"));
}

#[test]
fn no_connection_is_told_by_the_exit_code() {
    let project = Project::new();
    let ran = project.run(&["health", "-d", "sqlite:nowhere.db", "--json", "--retries", "1"]).exits(3);
    assert_eq!(ran.json()["result"], "unreachable");
    assert!(!project.path("nowhere.db").exists());
    let database = TestDatabase::postgres();
    let nobody = database.url.replace("postgres@", "nobody_there:Kq7-secret@");
    let ran = project.run(&["health", "-d", &nobody, "--json", "--timeout", "60s"]).exits(3);
    assert!(ran.json()["error"]["causes"].to_string().contains("nobody_there"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("Kq7") && !ran.stderr.contains("Kq7"), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn it_is_tried_again_until_there_is_a_connection() {
    let (database, project) = (TestDatabase::sqlite(), Project::new());
    database.execute("CREATE TABLE t (x INTEGER)");
    let late = ["health", "-v", "-d", "sqlite:late.db", "--json", "--retries", "50", "--timeout", "60s"];
    let mut child = project.spawn(&[&late[..], &["--latency", "1h", "--free-space", "1"]].concat());
    read_until(&mut child, "try 1 failed");
    std::fs::copy(database.path(), project.path("copy.db")).unwrap();
    std::fs::rename(project.path("copy.db"), project.path("late.db")).unwrap();
    let json = Ran::wait(child).ok().json();
    assert!(json["attempts"].as_u64().unwrap() > 1, "{json}");
}

#[test]
fn a_server_that_takes_connections_and_says_nothing_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://app@127.0.0.1:{}/app?sslmode=disable", listener.local_addr().unwrap().port());
    let ran = Project::new().run(&["health", "-d", &url, "--timeout", "200ms", "--retries", "1", "--json"]).exits(3);
    assert!(ran.json()["error"]["causes"].to_string().contains("no answer within 200 ms"), "{}", ran.stdout);
    drop(listener);
}

#[test]
fn thresholds_stand_in_the_file_and_flags_beat_them() {
    let database = TestDatabase::sqlite();
    database.execute("CREATE TABLE t (x INTEGER)");
    let project = Project::new();
    let section = |rest: &str| format!("database: {}\nhealth:\n{rest}", database.url);
    project.write("liftlock.yaml", &section("  timeout: 60s\n  latency: 1h\n  free_space: 0\n  database_size: 1kB\n"));
    project.run(&["health"]).exits(1).prints("EXCEEDED");
    project.run(&["health", "--database-size", "1GiB"]).ok();
    project.write("liftlock.yaml", &section("  connections_percent: 101\n"));
    project.run(&["health"]).exits(2).says("liftlock.yaml:3:24").says("0 to 100");
    project.write("liftlock.yaml", &section("  latencyy: 1s\n"));
    project.run(&["health"]).exits(2).says("liftlock.yaml:3:3").says("did you mean `latency`?");
    project.run(&["health", "--timeout", "0s"]).exits(2);
}

#[test]
fn a_role_that_sees_little_is_told_so() {
    let database = TestDatabase::postgres();
    let url = stranger(&database);
    let ran = Project::new().run(&["health", "-d", &url, "--json", "--timeout", "60s", "--latency", "1h"]).ok();
    let json = ran.json();
    assert!(json["notes"].to_string().contains("pg_read_all_stats"), "{json}");
    assert!(check(&json, "transactions")["message"].as_str().unwrap().contains("that this role can see"), "{json}");
    assert!(check(&json, "connections")["value"].as_f64().unwrap() > 0.0, "{json}");
    assert!(!ran.stdout.contains("Kq7") && !ran.stderr.contains("Kq7"));
}
