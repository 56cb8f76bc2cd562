//! `liftlock optimize`: what it would do, what it did and gained, and whom it kept out.

use serde_json::Value;

use super::stranger;
use crate::support::{Kind, Project, Ran, TestDatabase, each_database, signal, until};

fn optimize(database: &TestDatabase, more: &[&str]) -> Ran {
    let mut arguments = vec!["optimize", "-d", &database.url, "--json"];
    arguments.extend(more);
    Project::new().run(&arguments)
}

fn steps(json: &Value) -> Vec<String> {
    json["steps"].as_array().unwrap().iter().map(|step| step["sql"].as_str().unwrap().to_owned()).collect()
}

/// A table of which most rows are gone.
fn thinned(kind: Kind) -> TestDatabase {
    let database = TestDatabase::new(kind);
    let rows = match kind {
        Kind::Sqlite => {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n"
        }
        Kind::Postgres => "SELECT i FROM generate_series(1, 20000) n (i)",
    };
    database.execute(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t SELECT i, 'row number ' || i FROM ({rows}) r; \
         CREATE INDEX t_x ON t (x); DELETE FROM t WHERE id > 100"
    ));
    database
}

#[test]
fn a_dry_run_says_why_and_writes_nothing() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = thinned(kind);
        let before = database.contents();
        let json = optimize(&database, &["--dry-run"]).ok().json();
        assert!(!steps(&json).is_empty(), "{json}");
        for step in json["steps"].as_array().unwrap() {
            assert_eq!((&step["result"], &step["after"]), (&"planned".into(), &Value::Null), "{step}");
            assert!(!step["why"].as_str().unwrap().is_empty());
        }
        assert_eq!(database.contents(), before);
        if kind == Kind::Sqlite {
            assert!(database.query("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").is_empty());
        }
    }
}

#[test]
fn sqlite_is_analysed_and_only_if_asked_written_anew() {
    let database = thinned(Kind::Sqlite);
    let size = || std::fs::metadata(database.path()).unwrap().len();
    let before = size();
    let json = optimize(&database, &[]).ok().json();
    assert_eq!(steps(&json), ["ANALYZE main"], "{json}");
    assert!(json["notes"].to_string().contains("`--full` gives them back"), "{json}");
    let step = &json["steps"][0];
    assert_eq!((&step["before"]["analysed_tables"], &step["after"]["analysed_tables"]), (&0.into(), &1.into()));
    assert_eq!(steps(&optimize(&database, &[]).ok().json()), ["PRAGMA main.optimize(0x10002)"]);
    assert!(size() >= before);

    optimize(&database, &["--full"]).exits(2).says("There is no terminal to ask");
    let ran = optimize(&database, &["--full", "--yes"]).ok().says("nobody else may write");
    let step = &ran.json()["steps"][1];
    assert_eq!((step["after"]["bytes"].as_u64(), &step["result"]), (Some(size()), &"done".into()), "{step}");
    assert!(size() < before / 10, "{} of {before}", size());
    assert_eq!(database.value("SELECT count(*) FROM t"), "100");
    assert_eq!(database.value("PRAGMA integrity_check"), "ok");
}

#[test]
fn a_compact_copy_is_whole_or_not_there() {
    let database = thinned(Kind::Sqlite);
    let project = Project::new();
    let arguments = ["optimize", "-d", &database.url, "--vacuum-into", "compact.db"];
    project.run(&arguments).ok().prints("compact.db").prints("gained: ");
    let copy = rusqlite::Connection::open(project.path("compact.db")).unwrap();
    let count: i64 = copy.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 100);
    assert!(!project.path("compact.db.part").exists());
    let bytes = std::fs::read(project.path("compact.db")).unwrap();
    project.run(&arguments).exits(2).says("`compact.db` is there already");
    assert_eq!(std::fs::read(project.path("compact.db")).unwrap(), bytes);
    project.run(&["optimize", "-d", &database.url, "--vacuum-into", "no/folder.db"]).exits(3);
}

#[test]
fn dead_rows_make_room_and_nobody_is_kept_out() {
    let database = thinned(Kind::Postgres);
    // the server counts rows when the session that changed them ends
    until("the dead rows are counted", || database.value("SELECT pg_stat_get_dead_tuples('t'::regclass)") == "19900");
    let mut reader = database.client();
    reader.batch_execute("BEGIN; SELECT count(*) FROM t").unwrap();
    let json = optimize(&database, &[]).ok().json();
    assert_eq!(steps(&json), ["VACUUM (ANALYZE, TRUNCATE FALSE) \"public\".\"t\""], "{json}");
    let step = &json["steps"][0];
    assert_eq!((&step["locks"], &step["result"]), (&Value::Null, &"done".into()), "{step}");
    assert_eq!(step["before"]["dead_rows"], 19_900, "{step}");
    assert!(json["steps"][0]["why"].as_str().unwrap().contains("19,900 dead rows"), "{step}");
    reader.batch_execute("COMMIT").unwrap();

    let ran = optimize(&database, &["--full", "--yes"]).ok().says("ACCESS EXCLUSIVE");
    let json = ran.json();
    let step = &json["steps"][0];
    assert_eq!(step["sql"], "VACUUM (FULL, ANALYZE) \"public\".\"t\"");
    let bytes = |when: &str| step[when]["bytes"].as_u64().unwrap();
    assert!(bytes("after") < bytes("before") / 5, "{step}");
    assert_eq!(bytes("after").to_string(), database.value("SELECT pg_total_relation_size('t')"));
}

#[test]
fn a_locked_table_is_told_and_the_others_are_done() {
    let database = thinned(Kind::Postgres);
    database.execute("CREATE TABLE u (x int); INSERT INTO u VALUES (1)");
    let mut holder = database.client();
    holder.batch_execute("BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE").unwrap();
    let json = optimize(&database, &[]).exits(3).json();
    let of = |table: &str| {
        let steps = json["steps"].as_array().unwrap();
        steps.iter().find(|step| step["subject"] == format!("\"public\".\"{table}\"")).unwrap()["result"].clone()
    };
    assert_eq!((of("t"), of("u")), ("locked".into(), "done".into()), "{json}");
    holder.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn a_stop_is_seen_to_and_what_is_done_stays() {
    let database = thinned(Kind::Postgres);
    let mut holder = database.client();
    holder.batch_execute("BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE").unwrap();
    let project = Project::new();
    let child = project.spawn(&["optimize", "-d", &database.url]);
    until("it waits for the lock", || database.someone_waits());
    signal(&child, "INT");
    Ran::wait(child).exits(130).says("0 of 1 step is done");
    holder.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn an_index_that_cannot_be_used_is_built_again() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)");
    database.client().batch_execute("CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)").unwrap_err();
    let json = optimize(&database, &[]).exits(3).json();
    let step = |json: &Value| {
        let steps = json["steps"].as_array().unwrap();
        steps.iter().find(|step| step["sql"].as_str().unwrap().starts_with("REINDEX")).cloned()
    };
    let failed = step(&json).unwrap();
    assert_eq!(failed["result"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("23505"), "{failed}");
    database.execute("DELETE FROM t WHERE ctid = '(0,1)'");
    let json = optimize(&database, &[]).ok().json();
    assert_eq!(step(&json).unwrap()["result"], "done", "{json}");
    assert!(json["notes"].to_string().contains("_ccnew"), "{json}");
    assert_eq!(database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_a'::regclass"), "t");
}

#[test]
fn who_does_not_own_a_table_is_told() {
    let database = thinned(Kind::Postgres);
    let url = stranger(&database);
    let ran = Project::new().run(&["optimize", "-d", &url, "--json"]).ok();
    let json = ran.json();
    assert!(steps(&json).is_empty() && json["notes"].to_string().contains("not this role's"), "{json}");
    assert!(!ran.stdout.contains("Kq7") && !ran.stderr.contains("Kq7"));
}

#[test]
fn nothing_is_done_where_nothing_is_to_do() {
    each_database(|database| {
        database.execute("CREATE TABLE t (x INTEGER)");
        let ran = Project::new().run(&["optimize", "-d", &database.url]).ok();
        if database.kind == Kind::Sqlite {
            assert!(ran.stdout.contains("nothing to do"), "{}", ran.stdout);
        }
    });
    Project::new().run(&["optimize", "-d", "sqlite:nowhere.db"]).exits(3);
}
