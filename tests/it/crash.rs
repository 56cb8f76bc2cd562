//! Killed at any moment, database and `schema_migrations` agree, and the next run ends as an undisturbed one does.

use std::time::Duration;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database, until};

/// Migrations that take a while, each adding one to a counter.
fn slow_project(kind: Kind) -> Project {
    let slow = match kind {
        Kind::Sqlite => {
            "INSERT INTO burnt WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) \
             SELECT count(*) FROM n;"
        }
        Kind::Postgres => "DO $$ BEGIN PERFORM pg_sleep(0.02); END $$;",
    };
    let mut project = Project::new().migration(
        "V1__base",
        "CREATE TABLE counter (n int, m int);\nINSERT INTO counter VALUES (0, 0);\nCREATE TABLE burnt (x int);",
        "",
    );
    for version in 2..=6 {
        let head = if version == 4 { "-- liftlock: no-transaction\n" } else { "" };
        let up = format!("{head}CREATE TABLE t{version} (x int);\n{slow}\nUPDATE counter SET n = n + 1;\n{slow}\n");
        project = project.migration(&format!("V{version}__slow"), &up, "");
    }
    project
}

#[test]
fn killed_at_any_moment() {
    each_database(|database| {
        let project = slow_project(database.kind);
        let url = database.url.as_str();
        for round in 0..10_u64 {
            let mut child = project.spawn(&["up", "-d", url]);
            std::thread::sleep(Duration::from_millis(5 + 11 * round % 97));
            child.kill().unwrap();
            Ran::wait(child);
            project.run(&["status", "-d", url]).ok();
            if database.kind == Kind::Postgres {
                // what the server was sent, it finishes or rolls back without its client
                until("the killed client's session ends", || {
                    database.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
                        .is_empty()
                });
            }
            if !database.has_history() {
                continue;
            }
            let applied = database.applied();
            let unfinished = database.unfinished();
            let begun = i64::from(!unfinished.is_empty());
            assert_eq!(applied, (1..=applied.len() as i64).collect::<Vec<_>>());
            let tables = database.tables().iter().filter(|name| name.starts_with('t')).count() as i64;
            let whole = (applied.len() as i64 - 1).max(0);
            assert!((whole..=whole + begun).contains(&tables), "{applied:?} {unfinished:?}: {tables}");
            if !applied.is_empty() {
                let counter: i64 = database.value("SELECT n FROM counter").parse().unwrap();
                assert!((whole..=whole + begun).contains(&counter), "{applied:?} {unfinished:?}: {counter}");
            }
        }
        project.run(&["up", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(database.done("up"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(database.value("SELECT n FROM counter"), "5");
    });
}

#[test]
fn killed_in_the_middle_of_a_long_statement() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    let project = Project::new().migration(
        "V1__t",
        "CREATE TABLE t (x int);\nSELECT pg_sleep(600);\nINSERT INTO t VALUES (1);",
        "",
    );
    let mut child = project.spawn(&["up", "-d", url]);
    until("the script runs", || database.backend_running("pg_sleep(600)").is_some());
    child.kill().unwrap();
    Ran::wait(child);
    // the server does not know yet, and the next runner waits for it by name
    let pid = database.backend_running("pg_sleep(600)").unwrap();
    project.run(&["up", "-d", url, "--lock-wait", "0s"]).exits(3).says(&format!("pid {pid}"));
    assert!(database.applied().is_empty());
    project.write("migrations/V1__t.sql", "CREATE TABLE t (x int);\nINSERT INTO t VALUES (1);");
    let next = project.spawn(&["up", "-d", url]);
    database.terminate(&pid);
    Ran::wait(next).ok();
    assert_eq!(database.applied(), [1]);
    assert_eq!(database.value("SELECT x FROM t"), "1");
}

#[test]
fn a_server_that_ends_the_session_leaves_nothing() {
    let database = TestDatabase::postgres();
    let url = database.url.as_str();
    let project = Project::new().migration(
        "V1__t",
        "CREATE TABLE t (x int);\nSELECT pg_sleep(600);\nINSERT INTO t VALUES (1);",
        "",
    );
    let child = project.spawn(&["up", "-d", url]);
    until("the script runs", || database.backend_running("pg_sleep(600)").is_some());
    database.terminate(&database.backend_running("pg_sleep(600)").unwrap());
    Ran::wait(child).exits(3).says("the connection was lost, and the server rolled it back");
    assert!(database.tables().is_empty());
    assert!(database.applied().is_empty());
    project.write("migrations/V1__t.sql", "CREATE TABLE t (x int);");
    project.run(&["up", "-d", url]).ok();
}

/// Killed at every point that the program was compiled with.
#[cfg(feature = "crash-tests")]
mod at_points {
    use crate::support::{Kind, Project, Ran, TestDatabase, until};

    /// Four migrations, the third without a transaction; everything they do can be told from outside.
    fn project(kind: Kind) -> Project {
        let (third, third_down) = match kind {
            Kind::Sqlite => (
                "-- liftlock: no-transaction\nINSERT INTO steps VALUES (1);\nVACUUM;\nPRAGMA cache_size = 100;\n\
                 INSERT INTO steps VALUES (4);\nUPDATE counter SET n = n + 1;\nCREATE INDEX steps_x ON steps (x);",
                "-- liftlock: no-transaction\nDELETE FROM steps WHERE x = 1;\nVACUUM;\nDELETE FROM steps WHERE x = 4;\n\
                 UPDATE counter SET n = n - 1;\nDROP INDEX steps_x;",
            ),
            Kind::Postgres => (
                "-- liftlock: no-transaction\nINSERT INTO steps VALUES (1);\nCREATE INDEX CONCURRENTLY steps_x ON steps (x);\n\
                 SET search_path = pg_catalog, public;\nINSERT INTO steps VALUES (4);\nUPDATE counter SET n = n + 1;\nVACUUM steps;",
                "-- liftlock: no-transaction\nDELETE FROM steps WHERE x = 1;\nDROP INDEX CONCURRENTLY steps_x;\n\
                 DELETE FROM steps WHERE x = 4;\nUPDATE counter SET n = n - 1;\nVACUUM steps;",
            ),
        };
        Project::new()
            .migration(
                "V1__base",
                "CREATE TABLE counter (n int, m int);\nINSERT INTO counter VALUES (0, 0);\nCREATE TABLE steps (x int);",
                "DROP TABLE steps;\nDROP TABLE counter;",
            )
            .migration(
                "V2__two",
                "CREATE TABLE two (a int, b text);\nINSERT INTO two VALUES (1, 'x'), (2, 'y');\nUPDATE counter SET m = m + 1;",
                "UPDATE counter SET m = m - 1;\nDROP TABLE two;",
            )
            .migration("V3__steps", third, third_down)
            .migration("V4__last", "ALTER TABLE two ADD COLUMN c int;\nUPDATE two SET c = a;", "ALTER TABLE two DROP COLUMN c;")
    }

    const POINTS: [&str; 11] = [
        "before-begin",
        "before-row",
        "before-script",
        "between-statements",
        "after-script",
        "before-commit",
        "after-commit",
        "script-begun",
        "statement-marked",
        "statement-done",
        "before-finish",
    ];

    /// What an undisturbed run leaves after each version, from none to all.
    fn undisturbed(project: &Project, database: &TestDatabase) -> Vec<String> {
        let mut after = vec![database.contents()];
        for version in ["1", "2", "3", "4"] {
            project.run(&["up", "--to", version, "-d", &database.url]).ok();
            after.push(database.contents());
        }
        after
    }

    fn clear(database: &TestDatabase) {
        match database.kind {
            Kind::Sqlite => {
                for end in ["", "-journal", "-wal", "-shm", "-liftlock"] {
                    let _ = std::fs::remove_file(format!("{}{end}", database.path().display()));
                }
            }
            Kind::Postgres => {
                // the killed client's session may not have noticed yet, and holds the migration lock until it does
                until("the other sessions end", || {
                    database.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
                        .is_empty()
                });
                database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
            }
        }
    }

    /// Database and `schema_migrations` agree.
    fn assert_agreement(database: &TestDatabase, after: &[String], what: &str) {
        if !database.has_history() {
            assert_eq!(database.contents(), after[0], "{what}");
            return;
        }
        let applied = database.applied();
        let unfinished = database.unfinished();
        if unfinished.is_empty() {
            assert_eq!(applied, (1..=applied.len() as i64).collect::<Vec<_>>(), "{what}");
            assert_eq!(database.contents(), after[applied.len()], "{what}");
            return;
        }
        assert_eq!(applied, [1, 2], "{what}: {unfinished:?}");
        let [one] = unfinished.as_slice() else { panic!("{what}: {unfinished:?}") };
        let fields: Vec<&str> = one.split('|').collect();
        let next: usize = fields[2].parse().unwrap();
        // the statements that share a transaction with the cursor have happened exactly if the cursor is past them
        let steps = database.query("SELECT x FROM steps ORDER BY x");
        let counter = database.value("SELECT n FROM counter");
        let (expected, counted): (Vec<&str>, bool) = match fields[1] {
            "up" => ([(1, "1"), (4, "4")].iter().filter(|(at, _)| next >= *at).map(|(_, x)| *x).collect(), next >= 5),
            _ => ([(1, "1"), (3, "4")].iter().filter(|(at, _)| next < *at).map(|(_, x)| *x).collect(), next < 4),
        };
        assert_eq!(steps, expected, "{what}: {unfinished:?}");
        assert_eq!(counter == "1", counted, "{what}: {unfinished:?}");
    }

    /// Kills a run at `point` each time it is passed, and runs again; gives how often that was.
    fn kill_at(database: &TestDatabase, after: &[String], point: &str, down: bool) -> usize {
        let arguments: &[&str] = if down { &["down", "--to", "0"] } else { &["up"] };
        let command = [arguments, &["-d", &database.url]].concat();
        let action = if down { "down" } else { "up" };
        for time in 1.. {
            let what = format!("{:?} {action} killed at {point}#{time}", database.kind);
            let project = project(database.kind);
            clear(database);
            if down {
                project.run(&["up", "-d", &database.url]).ok();
            }
            let killed = Ran::of(project.command(&command).env("LIFTLOCK_CRASH_AT", format!("{point}#{time}")));
            if killed.code == Some(0) {
                return time - 1;
            }
            assert_eq!(killed.code, None, "{what}: {killed:?}");
            // before anything else opens it: a read-only look at what the killed process left
            let status = project.run(&["status", "-d", &database.url]);
            assert_eq!(status.code, Some(0), "{what}: {status:?}");
            assert_agreement(database, after, &what);
            let again = project.run(&command);
            assert_eq!(again.code, Some(0), "{what}: {again:?}");
            let (contents, applied): (_, Vec<i64>) =
                if down { (&after[0], vec![]) } else { (&after[4], vec![1, 2, 3, 4]) };
            assert_eq!(&database.contents(), contents, "{what}");
            assert_eq!(database.applied(), applied, "{what}");
            assert!(database.unfinished().is_empty(), "{what}");
            assert_eq!(database.done(action), [1, 2, 3, 4], "{what}");
            if down {
                project.run(&["up", "-d", &database.url]).ok();
                assert_eq!(database.contents(), after[4], "{what}");
            }
        }
        unreachable!()
    }

    fn kill_everywhere(kind: Kind, down: bool) {
        let database = TestDatabase::new(kind);
        let after = undisturbed(&project(kind), &database);
        for point in POINTS {
            let times = kill_at(&database, &after, point, down);
            eprintln!("{kind:?} {point}: {times} times");
            assert!(times > 0, "{point} is never passed");
        }
    }

    #[test]
    fn killed_at_every_boundary_of_up_on_sqlite() {
        kill_everywhere(Kind::Sqlite, false);
    }

    #[test]
    fn killed_at_every_boundary_of_down_on_sqlite() {
        kill_everywhere(Kind::Sqlite, true);
    }

    #[test]
    fn killed_at_every_boundary_of_up_on_postgres() {
        kill_everywhere(Kind::Postgres, false);
    }

    #[test]
    fn killed_at_every_boundary_of_down_on_postgres() {
        kill_everywhere(Kind::Postgres, true);
    }

    /// More than SQLite's page cache holds goes to the file before the commit, and has to come out again.
    #[test]
    fn a_hot_journal_and_a_wal_are_rolled_back() {
        for journal in ["delete", "wal"] {
            let database = TestDatabase::sqlite();
            let url = database.url.as_str();
            let project = Project::new().migration(
                "V1__t",
                "CREATE TABLE t (x int, y text);\nINSERT INTO t VALUES (0, 'old');",
                "",
            );
            database.execute(&format!("PRAGMA journal_mode = {journal}"));
            project.run(&["up", "-d", url]).ok();
            project.write(
                "migrations/V2__big.sql",
                "UPDATE t SET y = 'new';\nINSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
                 SELECT i, hex(zeroblob(1000)) FROM n;",
            );
            let before = database.contents();
            let killed = Ran::of(project.command(&["up", "-d", url]).env("LIFTLOCK_CRASH_AT", "before-commit"));
            assert_eq!(killed.code, None, "{killed:?}");
            let left = std::fs::metadata(format!(
                "{}-{}",
                database.path().display(),
                if journal == "wal" { "wal" } else { "journal" }
            ));
            assert!(left.unwrap().len() > 0);
            project.run(&["status", "-d", url]).ok().prints("pending");
            project.run(&["up", "--dry-run", "-d", url]).ok();
            assert_eq!(database.contents(), before);
            project.run(&["up", "-d", url]).ok();
            assert_eq!(database.value("SELECT count(*) FROM t"), "5001");
            assert_eq!(database.value("PRAGMA integrity_check"), "ok");
            assert_eq!(database.value("SELECT y FROM t WHERE x = 0"), "new");
        }
    }
}
