//! SIGINT and SIGTERM: the migration in hand is rolled back or finished, the lock given back, and the exit code is 130.

use crate::support::{
    Kind, Project, Ran, TestDatabase, each_database, read_until, signal, until, until_it_holds_the_lock,
};

const SIGNALS: [&str; 2] = ["INT", "TERM"];

/// A statement that runs until it is cancelled.
fn endless(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 0 FROM n WHERE i < 0;"
        }
        Kind::Postgres => "SELECT pg_sleep(6000);",
    }
}

fn project(kind: Kind, head: &str) -> Project {
    Project::new()
        .migration("V1__t", "CREATE TABLE t (x int);", "DROP TABLE t;")
        .migration(
            "V2__long",
            &format!("{head}INSERT INTO t VALUES (1);\n{}\nINSERT INTO t VALUES (2);", endless(kind)),
            "",
        )
        .migration("V3__more", "CREATE TABLE more (x int);", "")
}

fn finished(kind: Kind, project: &Project, head: &str) {
    let harmless = if kind == Kind::Sqlite { "SELECT 1;" } else { "SELECT pg_sleep(0);" };
    project.write(
        "migrations/V2__long.sql",
        &format!("{head}INSERT INTO t VALUES (1);\n{harmless}\nINSERT INTO t VALUES (2);"),
    );
}

/// Whether a runner is in the middle of the endless statement.
fn is_running(database: &TestDatabase) -> bool {
    match database.kind {
        Kind::Postgres => database.backend_running("pg_sleep(6000)").is_some(),
        // the first statement's write lock is held, so the script is under way
        Kind::Sqlite => {
            let connection = database.rusqlite();
            connection.execute_batch("PRAGMA busy_timeout = 0").unwrap();
            let applied: i64 =
                connection.query_row("SELECT count(*) FROM schema_migrations", [], |row| row.get(0)).unwrap_or(0);
            applied >= 1 && connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_err()
        }
    }
}

/// Nobody holds the lock of a run.
fn assert_unlocked(database: &TestDatabase) {
    match database.kind {
        Kind::Sqlite => {
            let file = std::fs::File::open(format!("{}-liftlock", database.path().display())).unwrap();
            file.try_lock().unwrap();
        }
        Kind::Postgres => until("the lock is given back", || {
            database.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").is_empty()
        }),
    }
}

#[test]
fn a_script_in_a_transaction_is_rolled_back() {
    each_database(|database| {
        for name in SIGNALS {
            let url = database.url.as_str();
            let project = project(database.kind, "");
            let up = project.spawn(&["up", "-d", url]);
            until("the script runs", || is_running(database));
            signal(&up, name);
            let ran = Ran::wait(up).exits(130).says("interrupted in V2__long, which was rolled back");
            assert!(ran.stderr.contains("done; not done: V2__long, V3__more"), "{}", ran.stderr);
            assert_unlocked(database);
            assert_eq!(database.applied(), [1]);
            assert!(database.query("SELECT x FROM t").is_empty());
            project.run(&["status", "-d", url]).ok();
        }
        let project = project(database.kind, "");
        finished(database.kind, &project, "");
        project.run(&["up", "-d", &database.url]).ok();
        assert_eq!(database.applied(), [1, 2, 3]);
        assert_eq!(database.query("SELECT x FROM t"), ["1", "2"]);
        let log = "SELECT result FROM schema_migrations_log WHERE version = 2 ORDER BY id";
        assert_eq!(database.query(log), ["interrupted", "interrupted", "done"]);
    });
}

#[test]
fn a_script_without_a_transaction_stops_and_goes_on() {
    const HEAD: &str = "-- liftlock: no-transaction\n";
    each_database(|database| {
        let url = database.url.as_str();
        let project = project(database.kind, HEAD);
        for name in SIGNALS {
            let up = project.spawn(&["up", "-d", url]);
            until("the statement runs", || is_running(database) && database.unfinished() == ["2|up|1"]);
            signal(&up, name);
            Ran::wait(up).exits(130).says("interrupted in V2__long, after 1 of 3 statements");
            assert_unlocked(database);
            assert_eq!(database.applied(), [1]);
            assert_eq!(database.query("SELECT x FROM t"), ["1"]);
        }
        finished(database.kind, &project, HEAD);
        project.run(&["up", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2, 3]);
        assert_eq!(database.query("SELECT x FROM t"), ["1", "2"]);
    });
}

#[test]
fn a_concurrent_build_is_cancelled_and_built_again() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    database.execute("CREATE TABLE t (x int)");
    let project =
        Project::new().migration("V1__i", "-- liftlock: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (x);", "");
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    // an old snapshot, and no lock on the table: a build waits for it, the dropping of what is left does not
    reading.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class").unwrap();
    for name in SIGNALS {
        let up = project.spawn(&["up", "-d", url]);
        until("the build waits", || {
            database.backend_running("CREATE INDEX CONCURRENTLY").is_some() && database.someone_waits()
        });
        signal(&up, name);
        Ran::wait(up).exits(130);
        assert_unlocked(&database);
        assert_eq!(database.unfinished(), ["1|up|0"]);
    }
    reading.rollback().unwrap();
    project.run(&["up", "-d", url]).ok();
    assert_eq!(database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t");
}

/// What is left of a failed build is dropped concurrently, too, which waits for readers.
#[test]
fn clearing_away_can_be_interrupted() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    database.execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1), (1)");
    let project = Project::new().migration(
        "V1__i",
        "-- liftlock: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (x);",
        "",
    );
    project.run(&["up", "-d", url]).exits(3);
    database.execute("DELETE FROM t");
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SELECT * FROM t").unwrap();
    let up = project.spawn(&["up", "-d", url]);
    until("the drop waits", || {
        database.backend_running("DROP INDEX CONCURRENTLY").is_some() && database.someone_waits()
    });
    signal(&up, "INT");
    Ran::wait(up).exits(130);
    assert_unlocked(&database);
    reading.rollback().unwrap();
    project.run(&["up", "-d", url]).ok();
    assert_eq!(database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t");
}

#[test]
fn waiting_can_be_interrupted() {
    each_database(|database| {
        let url = database.url.as_str();
        let holding = project(database.kind, "");
        let holder = holding.spawn(&["up", "-d", url]);
        until("the holder is at work", || is_running(database));
        for name in SIGNALS {
            let mut waiter = holding.spawn(&["up", "-d", url]);
            read_until(&mut waiter, "waiting for another runner: ");
            signal(&waiter, name);
            Ran::wait(waiter).exits(130).says("interrupted");
        }
        signal(&holder, "INT");
        Ran::wait(holder).exits(130);
        assert_eq!(database.applied(), [1]);
    });
}

#[test]
fn waiting_for_a_table_can_be_interrupted() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    database.execute("CREATE TABLE t (x int)");
    let project = Project::new().migration("V1__c", "ALTER TABLE t ADD COLUMN c int;", "");
    let mut other = database.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("SELECT * FROM t").unwrap();
    for timeout in ["10min", "1ms"] {
        let up = project.spawn(&["up", "-d", url, "--lock-timeout", timeout, "--lock-retries", "1000"]);
        until("the table is waited for", || {
            match timeout {
            "1ms" => !database.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = 'ROLLBACK' AND state = 'idle'").is_empty(),
            _ => database.someone_waits(),
        }
        });
        signal(&up, "TERM");
        Ran::wait(up).exits(130);
        assert_unlocked(&database);
        assert!(database.applied().is_empty());
    }
    transaction.rollback().unwrap();
    project.run(&["up", "-d", url]).ok();
}

/// Nothing is under way that would have to be put in order: the process just ends.
#[test]
fn a_connection_that_never_comes_can_be_interrupted() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u@127.0.0.1:{}/d", silent.local_addr().unwrap().port());
    let project = project(Kind::Postgres, "");
    for command in ["status", "up"] {
        let child = project.spawn(&[command, "-d", &url]);
        // it has connected, and waits for an answer
        let (_connection, _) = silent.accept().unwrap();
        signal(&child, "INT");
        Ran::wait(child).exits(130);
    }
}

#[test]
fn waiting_for_a_writer_of_sqlite_can_be_interrupted_and_capped() {
    let database = TestDatabase::sqlite();
    let url = database.url.as_str();
    let project = project(Kind::Sqlite, "");
    database.execute("CREATE TABLE t (x int)");
    let writer = database.rusqlite();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    // far longer than a test may last, were the signal not heard
    let up = project.spawn(&["up", "-d", url, "--lock-timeout", "1h"]);
    until_it_holds_the_lock(&database, &up);
    signal(&up, "INT");
    Ran::wait(up).exits(130);
    writer.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").unwrap();
    project
        .run(&["up", "-d", url, "--lock-wait", "300ms", "--lock-timeout", "1h"])
        .exits(3)
        .says("a connection that has locked the database");
}
