//! Others go on writing and reading meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::{change, contents, files, seed};
use crate::support::{Project, Ran, TestDatabase, signal, until};

/// Moves money between accounts until it is told to stop: the sum is the same in every state.
fn writer(database: &TestDatabase) -> (Arc<AtomicBool>, Arc<AtomicU64>, std::thread::JoinHandle<()>) {
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (stopping, counting) = (Arc::clone(&stop), Arc::clone(&done));
    let connection = database.rusqlite();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection.execute_batch("PRAGMA synchronous = off").unwrap();
    let handle = std::thread::spawn(move || {
        let mut at = 0;
        while !stopping.load(Ordering::SeqCst) {
            at = (at + 7919) % 10_000;
            let other = 9_999 - at;
            let sql = format!(
                "BEGIN IMMEDIATE; UPDATE account SET money = money - 1 WHERE id = {at}; \
                 UPDATE account SET money = money + 1 WHERE id = {other}; COMMIT"
            );
            connection.execute_batch(&sql).unwrap();
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    (stop, done, handle)
}

#[test]
fn a_backup_is_one_state_while_others_write() {
    for mode in ["wal", "delete", "truncate"] {
        let database = TestDatabase::sqlite();
        database.execute(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE account (id INTEGER PRIMARY KEY, money int, filling text); \
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) \
             INSERT INTO account SELECT i, 100, hex(zeroblob(400)) FROM n;"
        ));
        let (stop, done, handle) = writer(&database);
        let project = Project::new();
        for round in 0..2 {
            let before = done.load(Ordering::SeqCst);
            until("the writer writes", || done.load(Ordering::SeqCst) > before);
            let name = format!("{mode}{round}.bak");
            project.run(&["backup", &name, "-d", &database.url]).ok();
            let copy = Connection::open(project.path(&name)).unwrap();
            let (rows, sum): (i64, i64) = copy
                .query_row("SELECT count(*), sum(money) FROM account", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap();
            assert_eq!((rows, sum), (10_000, 1_000_000), "{mode}");
        }
        stop.store(true, Ordering::SeqCst);
        handle.join().unwrap();
    }
}

#[test]
fn a_restore_takes_nothing_that_was_written_meanwhile() {
    for mode in ["wal", "delete"] {
        let database = TestDatabase::sqlite();
        database.execute(&format!("PRAGMA journal_mode = {mode}"));
        database.execute(
            "CREATE TABLE account (id INTEGER PRIMARY KEY, money int); \
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) \
             INSERT INTO account SELECT i, 100 FROM n; CREATE TABLE seen (n);",
        );
        let project = Project::new();
        project.run(&["backup", "b.bak", "-d", &database.url]).ok();
        let connection = database.rusqlite();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let handle = std::thread::spawn(move || {
            let mut written = 0;
            while !stopping.load(Ordering::SeqCst) {
                connection.execute("INSERT INTO seen VALUES (?1)", [written]).unwrap();
                written += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            written
        });
        let ran = project.run(&["restore", "b.bak", "-d", &database.url, "--yes", "--json"]);
        stop.store(true, Ordering::SeqCst);
        let written = handle.join().unwrap();
        if ran.code == Some(2) {
            // somebody wrote all the time: then nothing was changed
            assert_eq!(database.value("SELECT count(*) FROM seen"), written.to_string());
            continue;
        }
        let kept = ran.json()["kept"].as_str().unwrap().to_owned();
        let kept = Connection::open(project.path(&kept)).unwrap();
        let before: i64 = kept.query_row("SELECT count(*) FROM seen", [], |row| row.get(0)).unwrap();
        let after: i64 = database.value("SELECT count(*) FROM seen").parse().unwrap();
        // each row is in what was kept, or in what there is now
        assert_eq!(before + after, written, "{mode}");
    }
}

#[test]
fn who_reads_sees_the_old_or_the_new() {
    let database = TestDatabase::sqlite();
    seed(&database);
    database.execute("PRAGMA journal_mode = wal");
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).ok();
    let before = contents(&database);
    change(&database);
    let reader = database.rusqlite();
    let count = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0));
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count("SELECT count(*) FROM people"), Ok(2));
    project.run(&["restore", "b.bak", "-d", &database.url, "--yes"]).ok();
    assert_eq!(count("SELECT count(*) FROM people"), Ok(2));
    assert_eq!(count("SELECT count(*) FROM later"), Ok(0));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count("SELECT count(*) FROM people"), Ok(3));
    drop(reader);
    assert_eq!(contents(&database), before);
    assert_eq!(database.value("PRAGMA integrity_check"), "ok");
}

#[test]
fn a_reader_that_stays_is_waited_for_and_then_named_as_the_reason() {
    let database = TestDatabase::sqlite();
    seed(&database);
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).ok();
    change(&database);
    let changed = contents(&database);
    let reader = database.rusqlite();
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row("SELECT count(*) FROM people", [], |_| Ok(())).unwrap();
    project
        .run(&["restore", "b.bak", "-d", &database.url, "--yes", "--wait", "100ms"])
        .exits(2)
        .says("held locks")
        .says("nothing was changed");
    drop(reader);
    assert_eq!(contents(&database), changed);
    let folder = database.path().parent().unwrap().to_owned();
    assert!(files(&folder).iter().all(|name| !name.contains("before-restore")), "{:?}", files(&folder));
}

#[test]
fn pages_of_another_size() {
    for mode in ["wal", "delete"] {
        let database = TestDatabase::sqlite();
        seed(&database);
        let project = Project::new();
        project.run(&["backup", "b.bak", "-d", &database.url]).ok();
        let before = contents(&database);
        database.execute(&format!("PRAGMA page_size = 8192; VACUUM; PRAGMA journal_mode = {mode};"));
        change(&database);
        let restore = ["restore", "b.bak", "-d", &database.url, "--yes", "--wait", "100ms"];
        if mode == "wal" {
            let other = database.rusqlite();
            other.query_row("SELECT count(*) FROM people", [], |_| Ok(())).unwrap();
            project.run(&restore).exits(2).says("pages of another size");
        }
        project.run(&restore).ok();
        assert_eq!(contents(&database), before);
        assert_eq!(database.value("PRAGMA journal_mode"), mode);
        assert_eq!(database.value("PRAGMA integrity_check"), "ok");
    }
}

#[test]
fn a_stop_leaves_nothing() {
    let database = TestDatabase::sqlite();
    seed(&database);
    let locker = database.rusqlite();
    locker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let project = Project::new();
    let child = project.spawn(&["backup", "b.bak", "-d", &database.url, "--wait", "10min"]);
    until("it has begun", || files(project.root()).iter().any(|name| name.starts_with(".liftlock-tmp-")));
    signal(&child, "INT");
    Ran::wait(child).exits(130).says("interrupted");
    assert!(files(project.root()).is_empty(), "{:?}", files(project.root()));
}
