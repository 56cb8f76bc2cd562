//! Waiting for others: other runners, people who hold the lock, sessions that hold a table, busy files.

use std::fs::File;
use std::process::Child;

use postgres::Client;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database, read_until, until};

/// The lock of a run, as a person may take it who wants migrations kept away.
const BY_HAND: &str = "hashtextextended('liftlock migrate ' || current_database() || ' public', 0)";

fn one() -> Project {
    Project::new().migration("V1__t", "CREATE TABLE t (x int);", "DROP TABLE t;")
}

/// Holds the lock of a run from outside while it lives.
#[expect(dead_code, reason = "held for what they lock")]
pub enum Holder {
    Session(Box<Client>),
    File(File),
}

/// The holder, and how a waiter should name it.
pub fn hold(database: &TestDatabase) -> (Holder, String) {
    match database.kind {
        Kind::Postgres => {
            let mut client = database.client();
            let row =
                client.query_one(&format!("SELECT pg_backend_pid(), pg_advisory_lock({BY_HAND})::text"), &[]).unwrap();
            (Holder::Session(Box::new(client)), format!("pid {}", row.get::<_, i32>(0)))
        }
        Kind::Sqlite => {
            let path = format!("{}-liftlock", database.path().display());
            std::fs::write(&path, "pid 4711 since yesterday\n").unwrap();
            let file = File::open(path).unwrap();
            file.try_lock().unwrap();
            (Holder::File(file), "pid 4711 since yesterday".to_owned())
        }
    }
}

#[test]
fn a_waiter_names_the_holder_and_goes_on_when_it_is_gone() {
    each_database(|database| {
        let project = one();
        let (holder, name) = hold(database);
        let mut up = project.spawn(&["up", "-d", &database.url]);
        let said = read_until(&mut up, &name);
        assert!(said.contains("waiting for another runner"), "{said}");
        assert!(!database.has_history());
        drop(holder);
        Ran::wait(up).ok().prints("applied V1__t");
    });
}

#[test]
fn a_wait_has_the_end_that_was_set() {
    each_database(|database| {
        let project = one();
        let (_holder, name) = hold(database);
        let url = database.url.as_str();
        let ran = project.run(&["up", "-d", url, "--lock-wait", "300ms"]).exits(3);
        assert!(
            ran.stderr.contains("another runner holds the migration lock") && ran.stderr.contains(&name),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("hint: wait for it, or raise `--lock-wait`"), "{}", ran.stderr);
        assert!(!database.has_history());
        // mark waits for the same lock
        project.run(&["mark", "1", "--applied", "--reason", "x", "-d", url, "--lock-wait", "0s"]).exits(3).says(&name);
    });
}

#[test]
fn nothing_pending_takes_no_lock() {
    each_database(|database| {
        let project = one();
        project.run(&["up", "-d", &database.url]).ok();
        let _holder = hold(database);
        project.run(&["up", "-d", &database.url]).ok().prints("nothing to do");
        project.run(&["status", "-d", &database.url]).ok();
        project.run(&["check", "-d", &database.url]).ok();
    });
}

#[test]
fn a_waiter_is_content_when_another_has_done_it() {
    let database = TestDatabase::postgres();
    let project = one();
    let url = database.url.as_str();
    let (holder, name) = hold(&database);
    let mut up = project.spawn(&["up", "-d", url]);
    read_until(&mut up, &name);
    let dry = project.run(&["up", "--dry-run", "-d", url]).ok();
    // by hand, what a runner would have done; the holder keeps the lock
    let Holder::Session(mut session) = holder else { unreachable!() };
    let sql: String = dry
        .stdout
        .lines()
        .filter(|line| !line.contains("pg_try_advisory_lock"))
        .map(|line| format!("{line}\n"))
        .collect();
    session.batch_execute(&sql).unwrap();
    Ran::wait(up).ok().prints("nothing to do");
    assert_eq!(database.applied(), [1]);
}

/// A build waits for every snapshot older than itself; a waiter must hold none.
#[test]
fn waiting_runners_do_not_block_a_concurrent_build() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    database.execute("CREATE TABLE t AS SELECT i AS x FROM generate_series(1, 1000) i");
    let project =
        Project::new().migration("V1__i", "-- liftlock: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (x);", "");
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t LIMIT 1").unwrap();
    let builder = project.spawn(&["up", "-d", url]);
    until("the build waits for the reader", || database.someone_waits());
    let mut waiters: Vec<Child> = (0..4).map(|_| project.spawn(&["up", "-d", url])).collect();
    for waiter in &mut waiters {
        let said = read_until(waiter, "running `CREATE INDEX CONCURRENTLY");
        assert!(said.contains("waiting for another runner: pid "), "{said}");
    }
    reading.rollback().unwrap();
    Ran::wait(builder).ok();
    for waiter in waiters {
        Ran::wait(waiter).ok();
    }
    assert_eq!(database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t");
    assert_eq!(database.done("up"), [1]);
}

/// A script gives every advisory lock away while another runner waits for it.
#[test]
fn a_script_that_gives_the_lock_away_leaves_exactly_once() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    let mut project = Project::new().migration(
        "V1__base",
        "CREATE TABLE counter (n int);\nINSERT INTO counter VALUES (0);\nSELECT pg_advisory_unlock_all();\nSELECT pg_sleep(0.3);",
        "",
    );
    for version in 2..=6 {
        project = project.migration(
            &format!("V{version}__more"),
            "UPDATE counter SET n = n + 1;\nSELECT pg_advisory_unlock_all();\nSELECT pg_sleep(0.05);",
            "",
        );
    }
    let runners: Vec<Child> = (0..5).map(|_| project.spawn(&["up", "-d", url])).collect();
    for ran in runners.into_iter().map(Ran::wait) {
        assert!(
            ran.code == Some(0) || ran.code == Some(3) && ran.stderr.contains("the migration lock was lost"),
            "{ran:?}"
        );
    }
    project.run(&["up", "-d", url]).ok();
    assert_eq!(database.applied(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(database.done("up"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(database.value("SELECT n FROM counter"), "5");
}

#[test]
fn a_lock_that_another_took_ends_the_run_before_the_next_migration() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    let project = Project::new()
        .migration("V1__a", "CREATE TABLE a (x int);\nSELECT pg_advisory_unlock_all();\nSELECT pg_sleep(600);", "")
        .migration("V2__b", "CREATE TABLE b (x int);", "");
    let up = project.spawn(&["up", "-d", url]);
    let mut pid = None;
    until("the script sleeps", || {
        pid = database.backend_running("pg_sleep(600)");
        pid.is_some()
            && database
                .query(
                    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = \
             (SELECT oid FROM pg_database WHERE datname = current_database())",
                )
                .is_empty()
    });
    let _holder = hold(&database);
    database.query(&format!("SELECT pg_cancel_backend({})", pid.unwrap()));
    Ran::wait(up).exits(3);
    assert!(database.tables().is_empty());
    // and the same without a failure of its own
    project.write(
        "migrations/V1__a.sql",
        "CREATE TABLE a (x int);\nSELECT pg_advisory_unlock_all();\nSELECT pg_advisory_lock(4711);",
    );
    drop(_holder);
    let mut gate = database.client();
    gate.batch_execute("SELECT pg_advisory_lock(4711)").unwrap();
    let up = project.spawn(&["up", "-d", url, "--lock-timeout", "0s"]);
    until("the script is at the gate", || database.someone_waits());
    let _holder = hold(&database);
    drop(gate);
    Ran::wait(up).exits(3).says("the migration lock was lost before V2__b; it was not begun").prints("applied V1__a");
    assert_eq!(database.applied(), [1]);
    assert_eq!(database.tables(), ["a"]);
}

fn altering() -> Project {
    Project::new().migration("V1__c", "CREATE TABLE made (x int);\nALTER TABLE t ADD COLUMN c int;", "")
}

#[test]
fn a_table_that_is_held_is_tried_again_and_its_holder_named() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (x int)");
    for held in ["LOCK TABLE t IN ACCESS EXCLUSIVE MODE", "SELECT count(*) FROM t"] {
        database.execute("DROP TABLE IF EXISTS made, schema_migrations; ALTER TABLE t DROP COLUMN IF EXISTS c");
        let project = altering();
        let mut other = database.client();
        let pid: i32 = other.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
        let mut transaction = other.transaction().unwrap();
        transaction.batch_execute(held).unwrap();
        let mut up = project.spawn(&["up", "-d", &database.url, "--lock-timeout", "200ms"]);
        let said = read_until(&mut up, "trying again");
        assert!(said.contains("attempt 1 of 11 did not get a lock, held by"), "{said}");
        assert!(said.contains(&format!("pid {pid} ")) && said.contains(&format!("query `{held}`")), "{said}");
        // nobody queues behind a migration that has been rolled back
        transaction.rollback().unwrap();
        Ran::wait(up).ok();
        assert_eq!(database.tables(), ["made", "t"]);
        assert_eq!(database.applied(), [1]);
    }
}

#[test]
fn a_table_that_stays_held_ends_the_run_with_nothing_left() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    database.execute("CREATE TABLE t (x int)");
    let mut other = database.client();
    let pid: i32 = other.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("SELECT 1 AS the_blocker FROM t").unwrap();
    let ran = altering().run(&["up", "-d", url, "--lock-timeout", "200ms", "--lock-retries", "1"]).exits(3);
    assert_eq!(ran.stderr.matches("trying again").count(), 1, "{}", ran.stderr);
    for part in [
        "55P03",
        &format!("the lock is held by pid {pid} "),
        "the_blocker",
        "it was rolled back: nothing of it is left",
    ] {
        assert!(ran.stderr.contains(part), "`{part}` is not in {}", ran.stderr);
    }
    assert_eq!(database.tables(), ["t"]);
    assert!(database.applied().is_empty());
    assert!(
        database
            .query(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = \
             (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            .is_empty()
    );
    // no-transaction scripts: a statement that shares its transaction with the cursor is treated alike
    let project = Project::new().migration(
        "V1__c",
        "-- liftlock: no-transaction\nCREATE TABLE made (x int);\nALTER TABLE t ADD COLUMN c int;",
        "",
    );
    let ran = project.run(&["up", "-d", url, "--lock-timeout", "200ms", "--lock-retries", "1"]).exits(3);
    assert!(
        ran.stderr.contains("stopped at statement 2 of 2") && ran.stderr.contains(&format!("held by pid {pid} ")),
        "{}",
        ran.stderr
    );
    transaction.rollback().unwrap();
    project.run(&["up", "-d", url]).ok();
    assert_eq!(database.applied(), [1]);
}

#[test]
fn the_directive_wins_over_the_flag() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (x int)");
    let mut other = database.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("SELECT count(*) FROM t").unwrap();
    let script = |timeout: &str| {
        format!(
            "-- liftlock: lock-timeout={timeout}\nDO $$ BEGIN RAISE WARNING 'limit %', current_setting('lock_timeout'); END $$;\n\
             ALTER TABLE t ADD COLUMN c int;"
        )
    };
    let project = Project::new().migration("V1__c", &script("150ms"), "");
    project
        .run(&["up", "-d", &database.url, "--lock-timeout", "10min", "--lock-retries", "0"])
        .exits(3)
        .says("limit 150ms")
        .says("55P03");
    transaction.rollback().unwrap();
    project.write("migrations/V1__c.sql", &script("7s"));
    project.run(&["up", "-d", &database.url, "--lock-timeout", "10min"]).ok().says("limit 7s");
    // and it is gone with its migration
    project
        .write("migrations/V2__d.sql", "DO $$ BEGIN RAISE WARNING 'limit %', current_setting('lock_timeout'); END $$;");
    project.run(&["up", "-d", &database.url, "--lock-timeout", "3s"]).ok().says("limit 3s");
}

#[test]
fn nowait_is_a_lock_problem_and_nothing_else_is_tried_again() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    database.execute("CREATE TABLE t (x int)");
    let mut other = database.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE t").unwrap();
    let project =
        Project::new().migration("V1__n", "CREATE TABLE made (x int);\nLOCK TABLE t IN SHARE MODE NOWAIT;", "");
    let ran = project.run(&["up", "-d", url, "--lock-retries", "2"]).exits(3);
    assert_eq!(ran.stderr.matches("trying again").count(), 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("55P03"), "{}", ran.stderr);
    transaction.rollback().unwrap();
    project.run(&["up", "-d", url]).ok();
    let errors = [
        ("SELECT 1 / 0", "22012"),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$", "40P01"),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$", "40001"),
        ("SET LOCAL statement_timeout = 50; SELECT pg_sleep(60)", "57014"),
        ("INSERT INTO made VALUES (1), (1); CREATE UNIQUE INDEX made_x ON made (x)", "23505"),
    ];
    for (statement, code) in errors {
        project.write("migrations/V2__e.sql", statement);
        let ran = project.run(&["up", "-d", url]).exits(3);
        assert!(ran.stderr.contains(code), "{}", ran.stderr);
        assert!(!ran.stderr.contains("trying again"), "{}", ran.stderr);
        assert_eq!(database.applied(), [1], "{statement}");
    }
    let failed = "SELECT count(*) FROM schema_migrations_log WHERE version = 2 AND result = 'failed'";
    assert_eq!(database.value(failed), errors.len().to_string());
}

#[test]
fn a_busy_file_is_waited_for() {
    for (held, journal) in
        [("BEGIN IMMEDIATE", "delete"), ("BEGIN; SELECT * FROM t", "delete"), ("BEGIN IMMEDIATE", "wal")]
    {
        for fresh in [true, false] {
            let database = TestDatabase::sqlite();
            let url = database.url.as_str();
            let project = one().migration("V2__two", "CREATE TABLE two (x int);", "");
            database.execute(&format!("PRAGMA journal_mode = {journal}"));
            if fresh {
                database.execute("CREATE TABLE t (x int)");
                project.remove("migrations/V1__t.sql");
                project.remove("migrations/V1__t.down.sql");
            } else {
                project.run(&["up", "--to", "1", "-d", url]).ok();
            }
            database.execute("INSERT INTO t VALUES (1), (2)");
            let other = database.rusqlite();
            other.execute_batch("PRAGMA busy_timeout = 60000").unwrap();
            // batches run a SELECT to its end; the transaction keeps its lock
            other.execute_batch(held).unwrap();
            let retries = ["up", "-d", url, "--lock-timeout", "100ms", "--lock-retries", "1"];
            let ran = project.run(&retries).exits(3);
            assert!(ran.stderr.contains("SQLITE_BUSY"), "{held} {fresh}: {}", ran.stderr);
            assert_eq!(database.tables(), ["t"], "{held} {fresh}");
            let mut up = project.spawn(&["up", "-d", url, "--lock-timeout", "100ms", "--lock-retries", "100"]);
            let said = read_until(&mut up, "trying again");
            assert!(said.contains("attempt 1 of 101 "), "{said}");
            other.execute_batch("COMMIT").unwrap();
            Ran::wait(up).ok();
            assert_eq!(database.tables(), ["t", "two"]);
            assert_eq!(database.value("PRAGMA integrity_check"), "ok");
        }
    }
}
