//! `liftlock explain`: full scans are marked, nothing is run, parameters have a plan.

use serde_json::Value;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

const TABLES: &str = "\
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE INDEX people_name ON people (name);
CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER, sum INTEGER);
";

fn with_rows(database: &TestDatabase) {
    database.execute(TABLES);
    let numbers = match database.kind {
        Kind::Sqlite => {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n"
        }
        Kind::Postgres => "SELECT i FROM generate_series(1, 5000) n (i)",
    };
    database.execute(&format!(
        "INSERT INTO people SELECT i, 'name ' || i, 'city ' || (i % 10) FROM ({numbers}) r; \
         INSERT INTO orders SELECT i, i, i FROM ({numbers}) r; ANALYZE"
    ));
}

fn explain(database: &TestDatabase, sql: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["explain", "-d", &database.url, "--json", sql];
    arguments.extend(more);
    Project::new().run(&arguments)
}

fn scans(json: &Value) -> Vec<&str> {
    json["full_scans"].as_array().unwrap().iter().map(|scan| scan["table"].as_str().unwrap()).collect()
}

#[test]
fn what_reads_whole_tables_is_marked() {
    each_database(|database| {
        with_rows(database);
        let json = explain(database, "SELECT * FROM people WHERE city = 'city 1'", &[]).ok().json();
        assert_eq!(scans(&json), ["people"], "{json}");
        assert_eq!(json["full_scans"][0]["rows"], 5000);
        for served in ["SELECT * FROM people WHERE name = 'name 7'", "SELECT * FROM people WHERE id = 7"] {
            assert_eq!(scans(&explain(database, served, &[]).ok().json()), [""; 0], "{served}");
        }
        let join = "SELECT p.name, o.sum FROM orders o JOIN people p ON p.id = o.person WHERE o.sum = 5";
        let json = explain(database, join, &[]).ok().json();
        assert_eq!(scans(&json), ["orders"], "{json}");
        assert_eq!(json["full_scans"][0]["rows"], 5000);
        let project = Project::new();
        let ran = project.run(&["explain", "-d", &database.url, "SELECT count(*) FROM people WHERE city = 'a'"]).ok();
        assert!(ran.stdout.contains("← FULL SCAN") && ran.stdout.contains("full scan: people, about 5000 rows"));
        project.run(&["explain", "-d", &database.url, "SELECT 1"]).ok().prints("no full scans");
    });
}

#[test]
fn what_a_plan_makes_itself_is_no_table() {
    let database = TestDatabase::sqlite();
    with_rows(&database);
    for sql in [
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
        "SELECT * FROM (SELECT DISTINCT name FROM people WHERE name > 'a' LIMIT 5) s",
        "VALUES (1), (2)",
        "SELECT name FROM people",
        "WITH c AS MATERIALIZED (SELECT name FROM people) SELECT * FROM c AS x",
    ] {
        let json = explain(&database, sql, &[]).ok().json();
        assert_eq!(scans(&json), [""; 0], "{sql}: {json}");
    }
    // an index that is made for one run takes reading all of the table
    let join = "SELECT count(*) FROM people p, orders o WHERE o.person = p.id + 0 AND p.name > 'a'";
    let json = explain(&database, join, &[]).ok().json();
    assert!(json.to_string().contains("AUTOMATIC") && scans(&json).contains(&"orders"), "{json}");
}

#[test]
fn nothing_is_run() {
    each_database(|database| {
        with_rows(database);
        let before = database.contents();
        for sql in ["DELETE FROM people", "UPDATE people SET name = 'x'", "INSERT INTO people SELECT * FROM people"] {
            let json = explain(database, sql, &[]).ok().json();
            assert!(!json["plan"].as_array().unwrap().is_empty() || sql.starts_with("DELETE"), "{json}");
        }
        for sql in [
            "SELECT 1; DELETE FROM people",
            "DROP TABLE people",
            "EXPLAIN ANALYZE DELETE FROM people",
            "ANALYZE DELETE FROM people",
            "PRAGMA user_version = 5",
            "CREATE TABLE copy AS SELECT * FROM people",
            "VACUUM",
            "",
        ] {
            explain(database, sql, &[]).exits(2);
        }
        for sql in [
            "DELETE FROM people",
            "SELECT * FROM people WHERE id = $1",
            "INSERT INTO people (id) VALUES (0) RETURNING id",
        ] {
            explain(database, sql, &["--analyze"]).exits(2);
        }
        explain(database, "SELECT nope FROM people", &[]).exits(3).says("nope");
        assert_eq!(database.contents(), before);
    });
}

#[test]
fn what_writes_in_the_guise_of_a_select_fails_in_its_transaction() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE log (x int); CREATE FUNCTION noted() RETURNS int LANGUAGE sql AS \
         'INSERT INTO log VALUES (1); SELECT 1'",
    );
    explain(&database, "SELECT noted()", &["--analyze"]).exits(3).says("read-only transaction");
    // and what another reading of backslashes would make of a string
    let url = format!("{}&options=-c%20standard_conforming_strings%3Doff", database.url);
    let sql = r"SELECT 'a\'' ; COMMIT; INSERT INTO log VALUES (2); --'";
    Project::new().run(&["explain", "-d", &url, sql]);
    assert_eq!(database.value("SELECT count(*) FROM log"), "0");
}

#[test]
fn parameters_have_the_plan_for_values_that_are_not_known() {
    let sqlite = TestDatabase::sqlite();
    with_rows(&sqlite);
    for sql in [
        "SELECT * FROM people WHERE name = ?",
        "SELECT * FROM people WHERE name = :name",
        "SELECT * FROM people WHERE id = $id",
    ] {
        let json = explain(&sqlite, sql, &[]).ok().json();
        assert_eq!((scans(&json).len(), json["parameters"].as_array().unwrap().len()), (0, 1), "{json}");
    }
    let postgres = TestDatabase::postgres();
    with_rows(&postgres);
    let json = explain(&postgres, "SELECT * FROM people WHERE name = $1 AND id > $2 AND city <> $1", &[]).ok().json();
    assert_eq!((scans(&json).len(), &json["parameters"]), (0, &serde_json::json!(["$1", "$2"])), "{json}");
    assert!(json.to_string().contains("people_name"), "{json}");
    assert_eq!(scans(&explain(&postgres, "SELECT * FROM people WHERE city = $1", &[]).ok().json()), ["people"]);
    explain(&postgres, "DELETE FROM people WHERE id = $1", &[]).ok();
    explain(&postgres, "SELECT * FROM people WHERE name = :name", &[]).exits(2).says("`$1`");
    assert_eq!(postgres.value("SELECT count(*) FROM people"), "5000");
}

#[test]
fn a_select_is_run_only_if_asked() {
    each_database(|database| {
        with_rows(database);
        let json =
            explain(database, "SELECT id FROM people WHERE city = 'city 1' ORDER BY sum(1) OVER ()", &[]).ok().json();
        assert_eq!(json["run"], Value::Null);
        let json = explain(database, "SELECT id FROM people WHERE city = 'city 1'", &["--analyze"]).ok().json();
        assert_eq!(json["run"]["rows"], 500, "{json}");
        match database.kind {
            Kind::Sqlite => assert_eq!(json["run"]["full_scan_steps"], 4999, "{json}"),
            Kind::Postgres => assert_eq!(json["plan"][0]["actual_rows"], 500.0, "{json}"),
        }
    });
}

#[test]
fn a_statement_can_come_from_stdin() {
    let database = TestDatabase::sqlite();
    with_rows(&database);
    let project = Project::new().file("slow.sql", "-- slow\nSELECT *\nFROM people;\n");
    let mut command = project.command(&["explain", "-d", &database.url, "-"]);
    command.stdin(std::fs::File::open(project.path("slow.sql")).unwrap());
    Ran::of(&mut command).ok().prints("full scan: people");
}
