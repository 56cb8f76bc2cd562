//! What a hostile reader of the engine found: each test failed before its fix.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Project, Ran, TestDatabase, each_database};

/// Polls until `done`, or fails the test.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_commit_inside_a_goose_block_is_found_at_planning() {
    let script = "CREATE TABLE t (x int);\n-- +goose StatementBegin\nINSERT INTO t VALUES (1); COMMIT; INSERT INTO nowhere VALUES (1);\n-- +goose StatementEnd\n";
    each_database(|database| {
        let project = Project::new().migration("V1__a", script, "");
        project.run(&["up", "-d", &database.url]).exits(3).says("migrations/V1__a.sql:3:27: `COMMIT`");
        assert!(database.tables().is_empty());
    });
}

#[test]
fn a_goose_block_of_several_statements_runs() {
    let script =
        "-- +goose StatementBegin\nCREATE TABLE t (x int);\nINSERT INTO t VALUES (1);\n-- +goose StatementEnd\n";
    each_database(|database| {
        let project = Project::new().migration("V1__a", script, "").migration(
            "V2__b",
            &format!("-- liftlock: no-transaction\n{}", script.replace(" t ", " u ")),
            "",
        );
        project.run(&["up", "-d", &database.url]).ok();
        assert_eq!(database.tables(), ["t", "u"]);
    });
}

#[test]
fn copy_data_that_nobody_takes_or_sends_is_found_at_planning() {
    let database = TestDatabase::postgres();
    let project = Project::new().migration("V1__a", "CREATE TABLE t (x int);\nCOPY t TO STDOUT;", "");
    project.run(&["up", "-d", &database.url]).exits(3).says("migrations/V1__a.sql:2:1: `COPY … TO STDOUT`");
    project.write(
        "migrations/V1__a.sql",
        "CREATE TABLE t (x int);\n-- +goose StatementBegin\nCOPY t FROM stdin;\n-- +goose StatementEnd\nSELECT 1;",
    );
    project.run(&["up", "-d", &database.url]).exits(3).says("migrations/V1__a.sql:3:1:");
    assert!(database.tables().is_empty());
}

/// Two migrations, of which the higher one's down waits until the test lets go of the table `gate`.
fn gated(database: &TestDatabase) -> (Project, postgres::Client) {
    let project = Project::new().migration("V1__a", "CREATE TABLE a (x int);", "DROP TABLE a;").migration(
        "V2__b",
        "CREATE TABLE b (x int);",
        "LOCK TABLE gate; DROP TABLE b;",
    );
    database.execute("CREATE TABLE gate (x int)");
    project.run(&["up", "-d", &database.url]).ok();
    let mut gate = database.client();
    gate.batch_execute("BEGIN; LOCK TABLE gate").unwrap();
    (project, gate)
}

fn sessions_waiting_at_the_gate(database: &TestDatabase) -> usize {
    database.query("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass").len()
}

fn second_after_first(database: &TestDatabase, project: &Project, mut gate: postgres::Client, second: &str) -> Ran {
    use std::io::{BufRead as _, BufReader, Read as _};
    let first = project.spawn(&["down", "-d", &database.url]);
    until("the first down", || sessions_waiting_at_the_gate(database) > 0);
    let mut waiting = project.spawn(&[second, "-d", &database.url]);
    let mut stderr = BufReader::new(waiting.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("waiting for another runner") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    gate.batch_execute("ROLLBACK").unwrap();
    Ran::wait(first).ok();
    let deadline = Instant::now() + Duration::from_secs(30);
    while waiting.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            waiting.kill().unwrap();
            panic!("`{second}` does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut ran = Ran::wait(waiting);
    stderr.read_to_string(&mut said).unwrap();
    ran.stderr = said;
    ran
}

#[test]
fn a_down_that_waited_takes_back_what_it_was_asked_for_and_nothing_below() {
    let database = TestDatabase::postgres();
    let (project, gate) = gated(&database);
    second_after_first(&database, &project, gate, "down").ok().prints("nothing to do");
    assert_eq!(database.applied(), [1]);
}

#[test]
fn a_redo_that_waited_for_a_down_ends_and_touches_nothing_below() {
    let database = TestDatabase::postgres();
    let (project, gate) = gated(&database);
    second_after_first(&database, &project, gate, "redo").exits(3).says("was taken back");
    assert_eq!(database.applied(), [1]);
}

#[test]
fn a_schema_named_as_the_user_does_not_hide_the_history() {
    let database = TestDatabase::postgres();
    let user = database.value("SELECT session_user");
    let project = Project::new().migration("V1__a", &format!("CREATE SCHEMA IF NOT EXISTS \"{user}\";"), "").migration(
        "V2__b",
        "CREATE TABLE IF NOT EXISTS public.b (x int); INSERT INTO public.b VALUES (1);",
        "",
    );
    project.run(&["up", "-d", &database.url]).ok();
    project.run(&["up", "-d", &database.url]).exits(3).says("public");
    project.run(&["status", "-d", &database.url]).exits(3);
    assert_eq!(database.query("SELECT x FROM public.b"), ["1"]);
    let pinned = format!("{}&options=-csearch_path%3Dpublic", database.url);
    project.run(&["up", "-d", &pinned]).ok().prints("nothing to do");
}

#[test]
fn a_resumed_script_without_its_file_keeps_its_down_script() {
    each_database(|database| {
        let project = Project::new().migration(
            "V1__a",
            "-- liftlock: no-transaction\nCREATE TABLE t (x int);\nINSERT INTO late VALUES (1);",
            "DROP TABLE t;",
        );
        project.run(&["up", "-d", &database.url]).exits(3);
        database.execute("CREATE TABLE late (x int)");
        project.remove("migrations/V1__a.sql");
        project.remove("migrations/V1__a.down.sql");
        project.run(&["up", "-d", &database.url]).ok();
        assert_eq!(database.value("SELECT down_script FROM schema_migrations"), "DROP TABLE t;");
        project.run(&["down", "-d", &database.url]).ok();
        assert_eq!(database.tables(), ["late"]);
    });
}

#[test]
fn a_signal_ends_a_run_that_waits_to_read_the_history() {
    let database = TestDatabase::postgres();
    let project = Project::new().migration("V1__a", "CREATE TABLE a (x int);", "");
    project.run(&["up", "-d", &database.url]).ok();
    project.write("migrations/V2__b.sql", "CREATE TABLE b (x int);");
    let mut gate = database.client();
    gate.batch_execute("BEGIN; LOCK TABLE schema_migrations").unwrap();
    let waiting = project.spawn(&["up", "-d", &database.url]);
    until("the reader", || {
        !database
            .query("SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
            .is_empty()
    });
    assert!(Command::new("kill").args(["-INT", &waiting.id().to_string()]).status().unwrap().success());
    Ran::wait(waiting).exits(130);
    gate.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn as_many_retries_as_a_number_can_hold() {
    each_database(|database| {
        let project = Project::new().migration("V1__a", "CREATE TABLE a (x int);", "");
        project.run(&["up", "-d", &database.url, "--lock-retries", "4294967295"]).ok();
    });
}

#[test]
fn nothing_is_said_of_a_transaction_that_is_not_there() {
    let database = TestDatabase::postgres();
    let project = Project::new().migration("V1__a", "-- liftlock: no-transaction\nCREATE TABLE a (x int);", "");
    let ran = project.run(&["up", "-d", &database.url]).ok();
    assert!(!ran.stderr.contains("WARN"), "{}", ran.stderr);
    project.write("migrations/V2__b.sql", "SELECT nowhere;");
    let ran = project.run(&["up", "-d", &database.url]).exits(3);
    assert!(!ran.stderr.contains("WARN"), "{}", ran.stderr);
}

#[test]
fn a_schema_with_our_name_is_the_persons_own() {
    let database = TestDatabase::postgres();
    let project = Project::new().migration("V1__a", "SELECT 1;\nINSERT INTO liftlock.x VALUES (1);", "");
    project.run(&["up", "-d", &database.url]).exits(3).says("migrations/V1__a.sql:2:13");
}

#[test]
fn what_a_script_leaves_in_the_session_is_gone_for_the_next() {
    let database = TestDatabase::postgres();
    let project = Project::new()
        .migration("V1__a", "CREATE TEMP TABLE t (x int); PREPARE p AS SELECT 1; LISTEN c;", "")
        .migration("V2__b", "PREPARE p AS SELECT 1; CREATE TABLE t (x int); ALTER TABLE t ADD y int;", "");
    project.run(&["up", "-d", &database.url]).ok();
    assert_eq!(database.tables(), ["t"]);
    assert_eq!(database.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'"), "2");
}

#[test]
fn a_failure_nobody_reads_of_is_a_failure() {
    let database = TestDatabase::sqlite();
    let project = Project::new().migration("V1__a", "SELECT nowhere;", "");
    let mut child = project.spawn(&["up", "--json", "-d", &database.url]);
    drop(child.stdout.take());
    Ran::wait(child).exits(3);
}

#[test]
fn a_password_of_digits_leaves_the_numbers_of_json_alone() {
    let database = TestDatabase::postgres();
    let project = Project::new().migration("V1__a", "SELECT 1;", "").env("PGPASSWORD", "1");
    let ran = project.run(&["up", "--json", "-d", &database.url]).ok();
    assert_eq!(ran.json()["done"][0]["version"], 1);
}

mod library {
    //! What only a program that uses the library can meet.

    use std::sync::{Arc, Mutex};

    use liftlock::db::Db;
    use liftlock::migrate::{Event, MigrateError, Migrator, Options, UpTo};
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_transaction_of_the_programs_own_is_not_touched() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE mine (x); BEGIN; INSERT INTO mine VALUES (1);").unwrap();
        let mut db = Db::from(connection);
        let migrator = Migrator::embedded(&[("V1__a.sql", "CREATE TABLE a (x int);")]);
        let error = migrator.up(&mut db, UpTo::Latest).unwrap_err();
        assert!(matches!(error, MigrateError::OpenTransaction), "{error}");
        db.execute("COMMIT").unwrap();
        assert_eq!(db.query("SELECT x FROM mine").unwrap().len(), 1);
    }

    #[test]
    fn a_connection_gets_its_own_foreign_keys_back_from_a_stepwise_script() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        let mut db = Db::from(connection);
        let migrator = Migrator::embedded(&[("V1__a.sql", "-- liftlock: no-transaction\nCREATE TABLE a (x int);")]);
        migrator.up(&mut db, UpTo::Latest).unwrap().into_result().unwrap();
        assert_eq!(db.query("PRAGMA foreign_keys").unwrap(), [[Some("0".to_owned())]]);
    }

    #[test]
    fn a_file_that_another_connection_has_locked_is_waited_for() {
        let database = TestDatabase::sqlite();
        database.execute("CREATE TABLE other (x)");
        let holder = database.rusqlite();
        holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let holder = Mutex::new(Some(holder));
        let options = Options {
            // the one who holds it is done once the waiting is told
            observer: Some(Arc::new(move |event: &Event| {
                if matches!(event, Event::Waiting { .. }) {
                    drop(holder.lock().unwrap().take());
                }
            })),
            ..Options::default()
        };
        let connection = database.rusqlite();
        connection.busy_timeout(Duration::from_millis(1)).unwrap();
        let migrator = Migrator::embedded(&[("V1__a.sql", "CREATE TABLE a (x int);")]).options(options);
        migrator.up(&mut Db::from(connection), UpTo::Latest).unwrap().into_result().unwrap();
        assert_eq!(database.tables(), ["a", "other"]);
    }
}

#[test]
fn a_long_script_runs_and_says_where_it_fails() {
    let database = TestDatabase::sqlite();
    let mut script = String::from("CREATE TABLE t (x int, y text);\n");
    for number in 0..2000 {
        script.push_str(&format!("INSERT INTO t VALUES ({number}, 'a;b, at least forty bytes of text in each');\n"));
    }
    script.push_str("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;\n");
    let bad = format!("{script}INSERT INTO t VALUES (1, zzz);\nINSERT INTO t VALUES (1, 2);\n");
    let project = Project::new().migration("V1__a", &bad, "");
    project.run(&["up", "-d", &database.url]).exits(3).says("migrations/V1__a.sql:2003:26");
    project.write("migrations/V1__a.sql", &format!("{script}INSERT INTO t SELECT * FROM nowhere;\n-- end"));
    project.run(&["up", "-d", &database.url]).exits(3).says("migrations/V1__a.sql:2003:");
    project.write("migrations/V1__a.sql", &script);
    project.run(&["up", "-d", &database.url]).ok();
    assert_eq!(database.value("SELECT count(*) FROM t"), "2000");
}

#[test]
fn a_statement_that_may_have_happened_is_not_edited_away() {
    let database = TestDatabase::postgres();
    let project = Project::new().migration(
        "V1__a",
        "-- liftlock: no-transaction\nCREATE TABLE t (x int);\nCREATE INDEX CONCURRENTLY a ON t (x);\n",
        "",
    );
    // as a run leaves it that is killed while the index is built
    project.run(&["up", "-d", &database.url]).ok();
    database.execute(
        "INSERT INTO schema_migrations_progress (version, name, direction, checksum, script, directives, \
         next_statement, mark, owner, started_on) SELECT version, name, 'up', checksum, up_script, up_directives, 1, \
         'started', 'x', applied_on FROM schema_migrations; DELETE FROM schema_migrations",
    );
    let script = project.read("migrations/V1__a.sql");
    project.write("migrations/V1__a.sql", &script.replace(" a ON", " b ON"));
    project.run(&["up", "-d", &database.url]).exits(3).says("another statement 2");
    assert_eq!(database.query("SELECT indexname FROM pg_indexes WHERE tablename = 't'"), ["a"]);
    project.write("migrations/V1__a.sql", &script);
    project.run(&["up", "-d", &database.url]).ok();
    assert_eq!(database.applied(), [1]);
}
