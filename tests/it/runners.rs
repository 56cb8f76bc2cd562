//! Many runners at once: each migration is applied exactly once, and nobody fails for it.

use std::process::Child;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database, read_until, until, until_it_holds_the_lock};

/// What each runner would do twice if it could; `no_transaction` adds a script that runs statement by statement.
fn project(kind: Kind, no_transaction: bool) -> Project {
    let project = Project::new()
        .migration(
            "V1__base",
            "CREATE TABLE counter (n int);\nINSERT INTO counter VALUES (0);\nCREATE TABLE items (x int);",
            "DROP TABLE items;\nDROP TABLE counter;",
        )
        .migration(
            "V2__data",
            "INSERT INTO items VALUES (2);\nUPDATE counter SET n = n + 1;",
            "DELETE FROM items WHERE x = 2;\nUPDATE counter SET n = n - 1;",
        )
        .migration(
            "V4__last",
            "INSERT INTO items VALUES (4);\nCREATE TABLE last (x int);",
            "DROP TABLE last;\nDELETE FROM items WHERE x = 4;",
        );
    if !no_transaction {
        return project;
    }
    let concurrently = if kind == Kind::Postgres { "CONCURRENTLY " } else { "" };
    project.migration(
        "V3__index",
        &format!(
            "-- liftlock: no-transaction\nINSERT INTO items VALUES (3);\nCREATE INDEX {concurrently}items_x ON items (x);\n\
             UPDATE counter SET n = n + 1;\nVACUUM;"
        ),
        &format!(
            "-- liftlock: no-transaction\nDELETE FROM items WHERE x = 3;\nDROP INDEX {concurrently}items_x;\n\
             UPDATE counter SET n = n - 1;"
        ),
    )
}

fn ten(project: &Project, url: &str) -> Vec<Ran> {
    let runners: Vec<Child> = (0..10).map(|_| project.spawn(&["up", "-d", url])).collect();
    runners.into_iter().map(Ran::wait).collect()
}

#[test]
fn ten_runners_apply_each_migration_once() {
    for no_transaction in [false, true] {
        each_database(|database| {
            let project = project(database.kind, no_transaction);
            let runs = ten(&project, &database.url);
            let versions: &[i64] = if no_transaction { &[1, 2, 3, 4] } else { &[1, 2, 4] };
            for ran in &runs {
                assert_eq!(ran.code, Some(0), "{ran:?}");
            }
            assert_eq!(database.applied(), versions);
            assert_eq!(database.done("up"), versions);
            assert_eq!(database.value("SELECT count(*) FROM schema_migrations_log"), versions.len().to_string());
            assert!(database.unfinished().is_empty());
            assert_eq!(database.value("SELECT n FROM counter"), if no_transaction { "2" } else { "1" });
            assert_eq!(database.query("SELECT x FROM items ORDER BY x").len(), versions.len() - 1);
            let told: usize = runs.iter().map(|ran| ran.stdout.matches("applied V").count()).sum();
            assert_eq!(told, versions.len(), "each is told of by the one who did it: {runs:?}");
        });
    }
}

/// Whoever comes last decides what is applied; what is applied is there, and nothing else is.
#[test]
fn runners_up_and_down_at_once_leave_an_honest_history() {
    each_database(|database| {
        let project = project(database.kind, true);
        let url = database.url.as_str();
        let mut after = Vec::new();
        for version in ["1", "2", "3", "4"] {
            project.run(&["up", "--to", version, "-d", url]).ok();
            after.push(database.contents());
        }
        for round in 0..4 {
            let mut runners: Vec<Child> = Vec::new();
            for runner in 0..4 {
                runners.push(match runner == round {
                    true => project.spawn(&["down", "--to", "1", "-d", url]),
                    false => project.spawn(&["up", "-d", url]),
                });
            }
            for ran in runners.into_iter().map(Ran::wait) {
                assert_eq!(ran.code, Some(0), "{ran:?}");
            }
            let applied = database.applied();
            assert_eq!(applied, (1..=applied.len() as i64).collect::<Vec<_>>());
            assert!(database.unfinished().is_empty());
            assert_eq!(database.contents(), after[applied.len() - 1]);
            assert_eq!(
                database.done("up").len() - database.done("down").len(),
                applied.len(),
                "the log tells the same story"
            );
        }
        project.run(&["up", "-d", url]).ok();
        assert_eq!(database.contents(), after[3]);
    });
}

/// Another runner is in the middle of a no-transaction down: that is no reason to refuse, but to wait.
#[test]
fn an_up_waits_for_a_down_under_way() {
    let database = TestDatabase::postgres();
    let project = project(Kind::Postgres, true);
    let url = database.url.as_str();
    project.run(&["up", "--to", "3", "-d", url]).ok();
    let mut reader = database.client();
    let mut reading = reader.transaction().unwrap();
    reading.batch_execute("SELECT * FROM items").unwrap();
    let down = project.spawn(&["down", "-d", url]);
    until("the index is being dropped", || database.unfinished() == ["3|down|1"] && database.someone_waits());
    let up = project.spawn(&["up", "-d", url]);
    until("the second runner is connected", || {
        database.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'liftlock%'")
            .parse::<i64>().unwrap() >= 2
    });
    reading.rollback().unwrap();
    Ran::wait(down).ok();
    Ran::wait(up).ok();
    assert_eq!(database.applied(), [1, 2, 3, 4]);
    assert_eq!(database.value("SELECT n FROM counter"), "2");
}

/// The primary key alone keeps a second runner out, were there no lock at all.
#[test]
fn a_row_that_another_session_is_about_to_commit_is_waited_for() {
    let database = TestDatabase::postgres();
    let project = project(Kind::Postgres, false);
    let url = database.url.as_str();
    project.run(&["up", "--to", "1", "-d", url]).ok();
    let mut other = database.client();
    let mut transaction = other.transaction().unwrap();
    transaction
        .batch_execute(
            "INSERT INTO schema_migrations (version, name, applied_on, checksum) \
             SELECT 2, 'data', '2026-01-01T00:00:00Z', '0'; INSERT INTO items VALUES (2); UPDATE counter SET n = n + 1",
        )
        .unwrap();
    let up = project.spawn(&["up", "--to", "2", "-d", url]);
    until("the row is waited for", || database.someone_waits());
    // what the file's checksum is, only a run knows: recorded as the run's own row would be
    let checksum = project.run(&["up", "--to", "2", "--dry-run", "-d", url]).ok();
    let checksum =
        checksum.stdout.lines().find(|line| line.contains("INSERT INTO") && line.contains("(2, 'data'")).unwrap();
    let checksum = checksum.split("(2, 'data', '").nth(1).unwrap().split('\'').nth(2).unwrap().to_owned();
    transaction
        .batch_execute(&format!("UPDATE schema_migrations SET checksum = '{checksum}' WHERE version = 2"))
        .unwrap();
    transaction.commit().unwrap();
    Ran::wait(up).ok().says("V2__data was done by another runner");
    assert_eq!(database.applied(), [1, 2]);
    assert_eq!(database.value("SELECT n FROM counter"), "1");
}

/// As above for a script without a transaction: the other runner finishes between the look and the first write.
#[test]
fn a_no_transaction_script_that_another_finished_is_not_begun() {
    let database = TestDatabase::postgres();
    let project = project(Kind::Postgres, true);
    let url = database.url.as_str();
    project.run(&["up", "--to", "2", "-d", url]).ok();
    let dry = project.run(&["up", "--to", "3", "--dry-run", "-d", url]).ok();
    let row = dry
        .stdout
        .split_once("INSERT INTO \"public\".schema_migrations ")
        .or_else(|| dry.stdout.split_once("INSERT INTO public.schema_migrations "));
    let row = format!("INSERT INTO public.schema_migrations {}", row.unwrap().1);
    let mut other = database.client();
    let mut transaction = other.transaction().unwrap();
    // readers pass, writers wait
    transaction.batch_execute("LOCK TABLE schema_migrations_progress IN EXCLUSIVE MODE").unwrap();
    let up = project.spawn(&["up", "--to", "3", "-d", url]);
    until("the script is about to begin", || database.someone_waits());
    transaction.batch_execute(&row).unwrap();
    transaction.commit().unwrap();
    let ran = Ran::wait(up).ok().says("V3__index was done by another runner");
    assert!(!ran.stderr.contains("no transaction in progress"), "{}", ran.stderr);
    assert_eq!(database.query("SELECT x FROM items WHERE x = 3").len(), 0, "the script ran a second time");
    assert!(database.unfinished().is_empty());
}

/// An application writes its own rows while a migration waits for its turn to write: the history is as it was.
#[test]
fn what_an_application_writes_meanwhile_is_no_surprise() {
    let database = TestDatabase::sqlite();
    let project = project(Kind::Sqlite, true);
    let url = database.url.as_str();
    project.run(&["up", "--to", "1", "-d", url]).ok();
    let other = database.rusqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let up = project.spawn(&["up", "-d", url]);
    // the runner holds its lock, so it has read the history and waits for this transaction
    until_it_holds_the_lock(&database, &up);
    other.execute_batch("INSERT INTO items VALUES (77); COMMIT").unwrap();
    Ran::wait(up).ok();
    assert_eq!(database.done("up"), [1, 2, 3, 4]);
    assert_eq!(database.value("SELECT n FROM counter"), "2");
}

/// What a `redo` was to redo was taken back by the runner that it waited for: it takes nothing else back instead.
#[test]
fn a_redo_that_waited_takes_nothing_else_back() {
    let database = TestDatabase::postgres();
    let project = project(Kind::Postgres, false);
    let url = database.url.as_str();
    project.run(&["up", "-d", url]).ok();
    let mut holder = database.client();
    lock_by_hand(&mut holder);
    let redo = project.spawn(&["redo", "-d", url]);
    let looked = || {
        database.value(
            "SELECT coalesce(max(query_start)::text, '') FROM pg_stat_activity \
             WHERE datname = current_database() AND query LIKE '%pg_locks l JOIN%' AND pid <> pg_backend_pid()",
        )
    };
    // by its third look at the lock it has made its plan more than once
    let mut last = String::new();
    for _ in 0..3 {
        until("the redo looks at the lock", || looked() > last);
        last = looked();
    }
    holder
        .batch_execute(
            "DROP TABLE last; DELETE FROM items WHERE x = 4; DELETE FROM schema_migrations WHERE version = 4",
        )
        .unwrap();
    drop(holder);
    Ran::wait(redo).exits(3).says("V4 was taken back by another runner meanwhile");
    assert_eq!(database.applied(), [1, 2]);
    assert_eq!(database.value("SELECT n FROM counter"), "1");
}

/// Takes the lock of a run as a person may, who wants migrations kept away.
fn lock_by_hand(client: &mut postgres::Client) {
    client
        .batch_execute(
            "SELECT pg_advisory_lock(hashtextextended('liftlock migrate ' || current_database() || ' public', 0))",
        )
        .unwrap();
}

/// `--steps 1` means the one that was next when it was asked for, not one for every runner.
#[test]
fn runners_that_are_asked_for_one_step_apply_one_together() {
    let database = TestDatabase::postgres();
    let project = project(Kind::Postgres, false);
    let url = database.url.as_str();
    let mut holder = database.client();
    lock_by_hand(&mut holder);
    let mut runners: Vec<Child> = (0..3).map(|_| project.spawn(&["up", "--steps", "1", "-d", url])).collect();
    for runner in &mut runners {
        read_until(runner, "waiting for another runner: ");
    }
    drop(holder);
    for runner in runners {
        Ran::wait(runner).ok();
    }
    assert_eq!(database.applied(), [1]);
}

/// Somebody writes into the history past the lock's file, while a migration waits for its turn to write.
#[test]
fn a_history_that_changed_before_a_migration_began_is_read_anew() {
    let database = TestDatabase::sqlite();
    let project = project(Kind::Sqlite, false);
    let url = database.url.as_str();
    project.run(&["up", "--to", "1", "-d", url]).ok();
    let other = database.rusqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let up = project.spawn(&["up", "-d", url]);
    until_it_holds_the_lock(&database, &up);
    other
        .execute_batch(
            "INSERT INTO schema_migrations (version, name, applied_on, checksum) \
             SELECT 4, 'last', applied_on, checksum FROM schema_migrations; COMMIT",
        )
        .unwrap();
    Ran::wait(up).exits(3).says("V2__data is pending, though V4__last above it is applied already");
    assert_eq!(database.applied(), [1, 4]);
}
