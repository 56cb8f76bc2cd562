//! The cases of SQLite that are known by heart, each judged as the planner judges it.

use std::path::PathBuf;

use liftlock::audit::schema::{ParentState, Schema, Table, Version};
use liftlock::audit::{Level, serve};
use rusqlite::Connection;
use serde_json::Value;

use super::planner_sqlite::{plan, schema_of};

fn cases() -> Option<PathBuf> {
    let shared = std::env::var_os("LIFTLOCK_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let folder = shared.join("audit-corpus/sqlite");
    if !folder.is_dir() {
        println!("skipped: `{}` is not there (LIFTLOCK_SHARED names the folder above it)", folder.display());
        return None;
    }
    Some(folder)
}

fn level(name: &str) -> Level {
    match name {
        "full" => Level::Full,
        "unique_subset" => Level::UniqueSubset,
        "prefix" => Level::Prefix,
        "skip" => Level::Skip,
        "none" => Level::None,
        other => panic!("the level `{other}`"),
    }
}

/// What is wrong with the verdicts about one foreign key.
fn judge(schema: &Schema, connection: &Connection, expected: &Value) -> Vec<String> {
    let columns: Vec<&str> =
        expected["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let table: &Table = schema.table("main", expected["table"].as_str().unwrap()).unwrap();
    let of = |key: &&liftlock::audit::schema::ForeignKey| {
        key.columns.iter().map(|column| column.column.as_str()).collect::<Vec<_>>() == columns
    };
    let keys: Vec<_> = table.foreign_keys.iter().filter(of).collect();
    let mut wrong = Vec::new();
    let mut check = |what: &str, is: String, should: String| {
        if is != should {
            wrong.push(format!("{what} of {}{columns:?} is {is}, and should be {should}", table.name));
        }
    };
    check("the number", keys.len().to_string(), expected["constraints"].as_u64().unwrap_or(1).to_string());
    for key in keys {
        let coverage = serve::judge(schema, table, key, &|_, _| true);
        check(
            "the level",
            format!("{:?}", coverage.level),
            format!("{:?}", level(expected["level"].as_str().unwrap())),
        );
        check("the verdict", coverage.level.covers().to_string(), expected["covered"].to_string());
        check("that it has a reason", (!coverage.why.is_empty()).to_string(), "true".to_owned());
        check("the index' presence", coverage.index.is_some().to_string(), (coverage.level > Level::None).to_string());
        let mismatch = expected["type_mismatch"].as_bool().unwrap_or(false);
        check("the mismatch", key.columns.iter().any(|column| column.types_differ).to_string(), mismatch.to_string());
        let state = match expected["error"].as_str() {
            None => ParentState::Ok,
            Some("parent table missing") => ParentState::MissingTable,
            Some("parent key not unique") => ParentState::NotUnique,
            Some(other) => panic!("{other}"),
        };
        check("the parent", format!("{:?}", key.parent_state), format!("{state:?}"));
        let rebuilt = expected["fix"].as_str().is_some_and(|fix| fix.starts_with("rebuild"));
        check("that no index helps", (coverage.blocked.is_some() || !rebuilt).to_string(), "true".to_owned());
        let before = Schema { version: Version(3, 40, 1), ..schema.clone() };
        let covered = serve::judge(&before, table, key, &|_, _| true).level.covers();
        let should = expected["covered_before_3_46"].as_bool().or(expected["covered"].as_bool()).unwrap();
        check("the verdict before 3.46", covered.to_string(), should.to_string());
        if state == ParentState::Ok {
            let planned = plan(connection, &table.name, &key.parent).unwrap();
            check("the plan's level", format!("{:?}", planned.level(table, key)), format!("{:?}", coverage.level));
        }
    }
    wrong
}

#[test]
fn every_case_is_judged_as_the_planner_judges_it() {
    let Some(folder) = cases() else { return };
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (file, case) in expected.as_object().unwrap() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap();
        let (connection, schema) = schema_of(connection);
        let keys = case["fks"].as_array().unwrap();
        let expected: u64 = keys.iter().map(|key| key["constraints"].as_u64().unwrap_or(1)).sum();
        let found: usize = schema.tables.iter().map(|table| table.foreign_keys.len()).sum();
        if found as u64 != expected {
            wrong.push(format!("{file}: {found} foreign keys, and should be {expected}"));
            continue;
        }
        for key in keys {
            wrong.extend(judge(&schema, &connection, key).into_iter().map(|line| format!("{file}: {line}")));
            count += 1;
        }
    }
    println!("{count} foreign keys");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The schema with rows in it, before and after ANALYZE: the plans' levels, and the audit's.
#[test]
fn a_primary_key_without_rowid_is_searched_first_until_there_are_statistics() {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = off;
             CREATE TABLE p(x INTEGER PRIMARY KEY, y INTEGER, UNIQUE (x, y));
             CREATE TABLE c(e INTEGER, f INTEGER, a REAL NOT NULL, b REAL, PRIMARY KEY (a, e), FOREIGN KEY (a, b) REFERENCES p(x, y))
               WITHOUT ROWID;
             CREATE INDEX i ON c(a, b);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO c SELECT i, 1, i % 20, i % 1000 FROM n;",
        )
        .unwrap();
    let (connection, schema) = schema_of(connection);
    let table = schema.table("main", "c").unwrap();
    let key = &table.foreign_keys[0];
    let coverage = serve::judge(&schema, table, key, &|_, _| true);
    assert_eq!((coverage.level, coverage.index.as_deref()), (Level::Full, Some("i")));
    assert!(coverage.note.unwrap().contains("ANALYZE"));
    assert_eq!(plan(&connection, "c", "p").unwrap().level(table, key), Level::Prefix);
    connection.execute_batch("ANALYZE").unwrap();
    assert_eq!(plan(&connection, "c", "p").unwrap().level(table, key), Level::Full);
}
