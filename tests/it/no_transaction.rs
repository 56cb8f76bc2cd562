//! Scripts without a transaction: each statement once, whatever stopped the run before.

use std::thread;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database, until};

const HEAD: &str = "-- liftlock: no-transaction\n";

/// One migration, its script without a transaction.
fn script(statements: &str) -> Project {
    Project::new().migration("V1__s", &format!("{HEAD}{statements}"), "")
}

fn edit(project: &Project, statements: &str) {
    project.write("migrations/V1__s.sql", &format!("{HEAD}{statements}"));
}

fn valid(database: &TestDatabase, index: &str) -> Option<bool> {
    let row = database.query(&format!("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{index}')"));
    row.first().map(|valid| valid == "t")
}

/// Starts a run, waits until its server process is at a statement with `text`, and kills client and server process.
fn kill_during(project: &Project, database: &TestDatabase, command: &str, text: &str, ready: impl Fn() -> bool) {
    let mut run = project.spawn(&[command, "-d", &database.url]);
    until("the statement runs", || database.backend_running(text).is_some() && ready());
    let pid = database.backend_running(text).unwrap();
    run.kill().unwrap();
    Ran::wait(run);
    database.terminate(&pid);
}

#[test]
fn an_invalid_index_is_dropped_and_built_again() {
    for if_not_exists in ["", "IF NOT EXISTS "] {
        let database = TestDatabase::postgres();
        let url = database.url.as_str();
        database.execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1), (1); CREATE TABLE log (n int)");
        let project = script(&format!(
            "INSERT INTO log VALUES (1);\nCREATE UNIQUE INDEX CONCURRENTLY {if_not_exists}t_x ON t (x);\nINSERT INTO log VALUES (2);"
        ));
        let ran = project.run(&["up", "-d", url]).exits(3);
        for part in ["23505", "migrations/V1__s.sql:3:1", "stopped at statement 2 of 3"] {
            assert!(ran.stderr.contains(part), "`{part}` is not in {}", ran.stderr);
        }
        assert_eq!(valid(&database, "t_x"), Some(false));
        assert_eq!(database.unfinished(), ["1|up|1"]);
        assert!(database.applied().is_empty());
        project.run(&["status", "-d", url]).ok().prints("unfinished");
        // still twice the same value: the same error, and no third kind of state
        project.run(&["up", "-d", url]).exits(3).says("23505");
        database.execute("DELETE FROM t; INSERT INTO t VALUES (1)");
        project.run(&["up", "-d", url]).ok().says("was left INVALID by an attempt that failed");
        assert_eq!(valid(&database, "t_x"), Some(true));
        assert_eq!(database.query("SELECT n FROM log ORDER BY n"), ["1", "2"]);
        assert_eq!(database.applied(), [1]);
        assert!(database.unfinished().is_empty());
    }
}

#[test]
fn an_index_that_was_there_before_is_not_taken_for_the_scripts_own() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    database.execute("CREATE TABLE t (x int, y int); CREATE INDEX i ON t (y); CREATE TABLE other (x int); CREATE INDEX o ON other (x)");
    for index in ["i", "o"] {
        let project = script(&format!("CREATE INDEX CONCURRENTLY {index} ON t (x);"));
        for _ in 0..2 {
            project.run(&["up", "-d", url]).exits(3).says("42P07");
            assert!(database.applied().is_empty());
        }
        database.execute("DELETE FROM schema_migrations_progress");
    }
    // whereas this asks for no more than the name
    script("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (x);").run(&["up", "-d", url]).ok();
    assert_eq!(database.value("SELECT pg_get_indexdef('i'::regclass)"), "CREATE INDEX i ON public.t USING btree (y)");
}

#[test]
fn a_build_that_was_killed_is_built_again() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1)");
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t").unwrap();
    let project = script("CREATE INDEX CONCURRENTLY i ON t (x);\nINSERT INTO t VALUES (2);");
    kill_during(&project, &database, "up", "CONCURRENTLY", || database.someone_waits());
    assert_eq!(valid(&database, "i"), Some(false));
    project.run(&["status", "-d", &database.url]).ok().prints("unfinished");
    reading.rollback().unwrap();
    project.run(&["up", "-d", &database.url]).ok();
    assert_eq!(valid(&database, "i"), Some(true));
    assert_eq!(database.query("SELECT x FROM t ORDER BY x"), ["1", "2"]);
}

/// The server finishes what it was sent, whether or not its client lives; the next run waits for it, and does not
/// build again.
#[test]
fn a_build_whose_client_alone_was_killed_is_finished_by_the_server() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (x int)");
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t").unwrap();
    let project = script("CREATE INDEX CONCURRENTLY i ON t (x);");
    let mut up = project.spawn(&["up", "-d", &database.url]);
    until("the build waits", || {
        database.backend_running("CREATE INDEX CONCURRENTLY").is_some() && database.someone_waits()
    });
    up.kill().unwrap();
    Ran::wait(up);
    let next = project.spawn(&["up", "-d", &database.url]);
    let oid = || database.value("SELECT 'i'::regclass::oid");
    let built = oid();
    reading.rollback().unwrap();
    Ran::wait(next).ok().says("had happened before the last run stopped");
    assert_eq!(oid(), built);
    assert_eq!(valid(&database, "i"), Some(true));
    assert_eq!(database.applied(), [1]);
}

#[test]
fn an_index_whose_dropping_was_killed_is_dropped() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (x int); CREATE INDEX i ON t (x)");
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SELECT * FROM t").unwrap();
    let project = script("DROP INDEX CONCURRENTLY i;\nINSERT INTO t VALUES (2);");
    kill_during(&project, &database, "up", "DROP INDEX CONCURRENTLY", || database.someone_waits());
    reading.rollback().unwrap();
    project.run(&["up", "-d", &database.url]).ok();
    assert_eq!(valid(&database, "i"), None);
    assert_eq!(database.value("SELECT x FROM t"), "2");
}

#[test]
fn a_partition_whose_detachment_was_killed_is_detached() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE p (x int) PARTITION BY RANGE (x); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)",
    );
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SELECT * FROM p").unwrap();
    let project = script("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;\nINSERT INTO p1 VALUES (7);");
    let pending = || database.query("SELECT inhdetachpending FROM pg_inherits");
    kill_during(&project, &database, "up", "DETACH PARTITION", || pending() == ["t"] && database.someone_waits());
    reading.rollback().unwrap();
    assert_eq!(pending(), ["t"]);
    project.run(&["up", "-d", &database.url]).ok();
    assert!(pending().is_empty());
    assert_eq!(database.value("SELECT x FROM p1"), "7");
    assert_eq!(database.applied(), [1]);
}

#[test]
fn a_resumed_session_is_set_up_again() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    let role = format!("role_{}", database.value("SELECT current_database()"));
    database.execute(&format!("CREATE SCHEMA app; CREATE ROLE {role}; GRANT ALL ON SCHEMA app TO {role}"));
    let project = script(&format!(
        "SET search_path = app;\nSET ROLE {role};\nCREATE TABLE a (x int);\nSELECT 1 / (SELECT count(*) FROM public.gate);\n\
         CREATE TABLE b (x int);\nCREATE INDEX CONCURRENTLY b_x ON b (x);"
    ));
    database.execute(&format!("CREATE TABLE gate (x int); GRANT SELECT ON gate TO {role}"));
    project.run(&["up", "-d", url]).exits(3).says("22012").says("stopped at statement 4 of 6");
    database.execute("INSERT INTO gate VALUES (1)");
    project.run(&["up", "-d", url]).ok();
    let owned = "SELECT schemaname, tablename, tableowner FROM pg_tables WHERE tablename IN ('a', 'b') ORDER BY 2";
    assert_eq!(database.query(owned), [format!("app|a|{role}"), format!("app|b|{role}")]);
    assert_eq!(valid(&database, "app.b_x"), Some(true));
    // and gone again for the next one
    project.write("migrations/V2__n.sql", "CREATE TABLE next (x int);");
    project.run(&["up", "-d", url]).ok();
    assert_eq!(
        database.query("SELECT schemaname, tableowner FROM pg_tables WHERE tablename = 'next'"),
        ["public|postgres"]
    );
}

#[test]
fn an_edited_script_goes_on_where_the_executed_part_is_the_same() {
    each_database(|database| {
        let url = database.url.as_str();
        database.execute("CREATE TABLE t (x int)");
        let project = script("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO nowhere VALUES (3);");
        project.run(&["up", "-d", url]).exits(3).says("stopped at statement 3 of 3");
        assert_eq!(database.unfinished(), ["1|up|2"]);
        edit(&project, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (22);\nINSERT INTO t VALUES (3);");
        project.run(&["up", "-d", url]).exits(3).says("has another statement 2 now").says("INSERT INTO t VALUES (2)");
        project.write(
            "migrations/V1__s.sql",
            "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES (3);",
        );
        project.run(&["up", "-d", url]).exits(3).says("is transactional now");
        edit(&project, "INSERT INTO t VALUES (1);");
        project.run(&["up", "-d", url]).exits(3);
        assert_eq!(database.query("SELECT x FROM t ORDER BY x"), ["1", "2"]);
        edit(
            &project,
            "-- a comment\nINSERT INTO t VALUES (1);\n\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES (33);\nINSERT INTO t VALUES (4);",
        );
        project.run(&["up", "-d", url]).ok().says("goes on with statement 3 of 4");
        assert_eq!(database.query("SELECT x FROM t ORDER BY x"), ["1", "2", "4", "33"]);
        project.run(&["check", "-d", url]).ok();
        assert!(database.value("SELECT up_script FROM schema_migrations").contains("-- a comment"));
    });
}

/// A procedure that commits parts of its work, and waits at a gate in between.
const BATCHES: &str = "CREATE TABLE done (n int);
CREATE PROCEDURE batches() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO done VALUES (1);
  COMMIT;
  PERFORM pg_advisory_xact_lock(4711);
  INSERT INTO done VALUES (2);
END $$;";

#[test]
fn a_call_that_was_killed_is_for_a_person_to_judge() {
    for verdict in ["done", "again"] {
        let database = TestDatabase::postgres();
        let url = database.url.as_str();
        database.execute(BATCHES);
        let mut gate = database.client();
        gate.batch_execute("SELECT pg_advisory_lock(4711)").unwrap();
        let project = script("CALL batches();\nINSERT INTO done VALUES (3);");
        kill_during(&project, &database, "up", "CALL batches", || database.someone_waits());
        drop(gate);
        for _ in 0..2 {
            project
                .run(&["up", "-d", url])
                .exits(3)
                .says("stopped while statement 1 was running, and the catalog can't tell whether it happened")
                .says("CALL batches()")
                .says("liftlock repair 1 --statement done");
        }
        assert_eq!(database.query("SELECT n FROM done"), ["1"]);
        let repair = ["repair", "1", "--statement", verdict, "--reason", "looked", "-d", url];
        project.run(&[&repair[..], &["--dry-run"]].concat()).ok();
        assert_eq!(database.unfinished(), ["1|up|0"]);
        project.run(&repair).ok();
        project.run(&repair).exits(3);
        project.run(&["up", "-d", url]).ok();
        let expected: &[&str] = if verdict == "done" { &["1", "3"] } else { &["1", "1", "2", "3"] };
        assert_eq!(database.query("SELECT n FROM done ORDER BY n"), expected);
        let reason = database.value("SELECT reason FROM schema_migrations_log WHERE action = 'repair'");
        assert!(reason.contains("looked"), "{reason}");
    }
}

/// The server says that the call failed; what it had committed before that stays.
#[test]
fn a_call_that_failed_after_a_commit_is_not_simply_run_again() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    database.execute(&BATCHES.replace("PERFORM pg_advisory_xact_lock(4711)", "PERFORM 1 / 0"));
    for call in ["CALL batches();", "DO $$ BEGIN INSERT INTO done VALUES (1); COMMIT; PERFORM 1 / 0; END $$;"] {
        let project = script(call);
        project.run(&["up", "-d", url]).exits(3).says("22012");
        assert_eq!(database.query("SELECT n FROM done"), ["1"]);
        project.run(&["up", "-d", url]).exits(3).says("can't tell whether it happened");
        assert_eq!(database.query("SELECT n FROM done"), ["1"], "{call}: the first part ran twice");
        project.run(&["repair", "1", "--statement", "done", "-d", url]).ok();
        project.run(&["up", "-d", url]).ok();
        database.execute("DELETE FROM done; DELETE FROM schema_migrations");
    }
    // a call that never began is simply run again
    let project = script("CALL not_there();");
    project.run(&["up", "-d", url]).exits(3).says("42883");
    database.execute("CREATE PROCEDURE not_there() LANGUAGE sql AS 'INSERT INTO done VALUES (9)'");
    project.run(&["up", "-d", url]).ok();
    assert_eq!(database.query("SELECT n FROM done"), ["9"]);
}

#[test]
fn maintenance_runs_where_it_may_and_is_refused_where_it_may_not() {
    each_database(|database| {
        let url = database.url.as_str();
        database.execute("CREATE TABLE t (x int)");
        let wrong = Project::new().migration("V1__v", "INSERT INTO t VALUES (1);\nVACUUM;", "");
        let ran = wrong.run(&["up", "-d", url]).exits(3);
        assert!(
            ran.stderr.contains("migrations/V1__v.sql:2:1") && ran.stderr.contains("no-transaction"),
            "{}",
            ran.stderr
        );
        assert!(!database.has_history());
        let statements = match database.kind {
            Kind::Sqlite => {
                "INSERT INTO t VALUES (1);\nVACUUM;\nPRAGMA journal_mode=WAL;\nINSERT INTO t VALUES (2);\n\
                 PRAGMA wal_checkpoint(TRUNCATE);\nPRAGMA foreign_keys=off;\nCREATE TABLE late (x int);"
            }
            Kind::Postgres => {
                "INSERT INTO t VALUES (1);\nVACUUM;\nVACUUM FULL t;\nINSERT INTO t VALUES (2);\nREINDEX TABLE CONCURRENTLY t;"
            }
        };
        let project = script(statements).migration("V2__after", "INSERT INTO t VALUES (3);", "");
        project.run(&["up", "-d", url]).ok();
        assert_eq!(database.query("SELECT x FROM t ORDER BY x"), ["1", "2", "3"]);
        assert_eq!(database.applied(), [1, 2]);
        if database.kind == Kind::Sqlite {
            assert_eq!(database.value("PRAGMA journal_mode"), "wal");
        }
    });
}

#[test]
fn a_down_without_a_transaction_is_resumed() {
    each_database(|database| {
        let url = database.url.as_str();
        database.execute("CREATE TABLE gate (x int)");
        let gate = match database.kind {
            Kind::Sqlite => "INSERT INTO gate VALUES (1), (NULL)",
            Kind::Postgres => "SELECT 1 / (SELECT count(*) FROM gate)",
        };
        if database.kind == Kind::Sqlite {
            database.execute("DROP TABLE gate; CREATE TABLE gate (x int NOT NULL)");
        }
        let project = Project::new()
            .migration("V1__base", "CREATE TABLE t (x int);", "DROP TABLE t;")
            .migration(
                "V2__s",
                "INSERT INTO t VALUES (1), (2), (3);",
                &format!("{HEAD}DELETE FROM t WHERE x = 1;\n{gate};\nDELETE FROM t WHERE x = 2;\nVACUUM;"),
            )
            .migration("V3__more", "CREATE TABLE more (x int);", "DROP TABLE more;");
        project.run(&["up", "-d", url]).ok();
        project.run(&["down", "--to", "0", "-d", url]).exits(3).says("stopped at statement 2 of 4");
        assert_eq!(database.applied(), [1]);
        assert_eq!(database.unfinished(), ["2|down|1"]);
        assert_eq!(database.query("SELECT x FROM t ORDER BY x"), ["2", "3"]);
        project.run(&["status", "-d", url]).ok().prints("unfinished");
        project.run(&["check", "-d", url]).exits(1).prints("stopped half-way (down, 1 statement done)");
        project.run(&["up", "-d", url]).exits(3).says("finish that with `liftlock down` first");
        match database.kind {
            Kind::Sqlite => database.execute("DROP TABLE gate; CREATE TABLE gate (x int)"),
            Kind::Postgres => database.execute("INSERT INTO gate VALUES (1)"),
        }
        // one step: the one that was begun
        project.run(&["down", "-d", url]).ok().prints("took back V2__s");
        assert_eq!(database.applied(), [1]);
        assert!(database.unfinished().is_empty());
        assert_eq!(database.query("SELECT x FROM t"), ["3"]);
        assert_eq!(database.done("down"), [2, 3]);
        project.run(&["up", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2, 3]);
    });
}

#[test]
fn a_build_under_way_elsewhere_is_not_taken_for_a_failed_one() {
    let database = TestDatabase::postgres();
    let url = database.url.clone();
    database.execute("CREATE TABLE t (x int)");
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t").unwrap();
    let mut person = database.client();
    let building = thread::spawn(move || person.batch_execute("CREATE INDEX CONCURRENTLY i ON t (x)"));
    until("the person's build waits", || database.someone_waits());
    let project = script("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (x);");
    project.run(&["up", "-d", &url]).exits(3).says("is being built right now by pid");
    reading.rollback().unwrap();
    building.join().unwrap().unwrap();
    project.run(&["up", "-d", &url]).ok();
    assert_eq!(valid(&database, "i"), Some(true));
}

#[test]
fn a_down_that_stopped_goes_on_with_the_corrected_file() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = Project::new().migration(
            "V1__t",
            "CREATE TABLE a (i int);\nCREATE TABLE b (i int);",
            "-- liftlock: no-transaction\nDROP TABLE a;\nDROP TABLE typo;",
        );
        project.run(&["up", "-d", url]).ok();
        project.run(&["down", "-d", url]).exits(3).says("stopped at statement 2 of 2");
        // what was executed must stand
        project.write("migrations/V1__t.down.sql", "-- liftlock: no-transaction\nDROP TABLE b;");
        project.run(&["down", "-d", url]).exits(3).says("has another statement 1 now");
        project.write("migrations/V1__t.down.sql", "-- liftlock: no-transaction\nDROP TABLE a;\nDROP TABLE b;");
        project.run(&["down", "-d", url]).ok().prints("took back V1__t");
        assert!(database.tables().is_empty() && database.applied().is_empty() && database.unfinished().is_empty());
    });
}
