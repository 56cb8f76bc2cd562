//! The cases of the shared corpus on PostgreSQL: the verdicts that are expected, and those of the server's planner.

use std::collections::BTreeMap;
use std::path::PathBuf;

use liftlock::audit::read::{Wanted, read};
use liftlock::audit::schema::{Index, Schema, Table};
use liftlock::audit::serve::{by_index, judge};
use liftlock::audit::{Level, Statistics};
use liftlock::config::{Environment, Target};
use liftlock::db::{Access, Db};
use postgres::Client;
use serde_json::Value;

use super::planner_postgres::{self, Planned};
use crate::support::TestDatabase;

/// The schema and counts of a database.
pub fn read_all(url: &str, wanted: &Wanted) -> (Schema, Statistics) {
    let mut db = Db::connect(&Target::parse(url, &Environment::default()).unwrap(), Access::Read).unwrap();
    read(&mut db, wanted).unwrap()
}

/// Whether a server without that extension is excused; it says so.
fn lacks_extension(client: &mut Client, sql: &str) -> bool {
    let available: Vec<String> = client
        .query("SELECT name::text FROM pg_available_extensions", &[])
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let wanted = sql.lines().filter_map(|line| line.trim().strip_prefix("CREATE EXTENSION "));
    let missing: Vec<&str> =
        wanted.map(|name| name.trim_end_matches(';')).filter(|name| !available.iter().any(|has| has == name)).collect();
    if !missing.is_empty() {
        eprintln!("skipped: the server has no extension {}", missing.join(", "));
    }
    !missing.is_empty()
}

/// What differs between our verdicts on a schema of a database and the planner's, told in lines.
pub fn differences(schema: &Schema, planned: &[Planned]) -> Vec<String> {
    let mut found = Vec::new();
    let mut judged = 0;
    for planned in planned {
        let table = schema.table(&planned.schema, &planned.table).unwrap();
        let foreign_key = table.foreign_keys.iter().find(|key| key.name.as_deref() == Some(&planned.name)).unwrap();
        judged += 1;
        let columns: Vec<&str> = foreign_key.columns.iter().map(|column| column.column.as_str()).collect();
        if columns != planned.columns {
            found.push(format!("{}: columns {columns:?}, the catalog's {:?}", planned.name, planned.columns));
        }
        let coverage = judge(schema, table, foreign_key, &|_, _| true);
        if coverage.level != planned.level {
            found.push(format!("{}: {coverage:?}, the planner's {:?}", planned.name, planned.level));
        }
        for (leaf, index, level) in &planned.indexes {
            let leaf = schema.tables.iter().find(|table| table.name == *leaf).unwrap();
            let index = leaf.indexes.iter().find(|at| at.name == *index).unwrap();
            let service = by_index(schema, leaf, foreign_key, index);
            if service.level != *level {
                found.push(format!("{} by {}: {service:?}, the planner's {level:?}", planned.name, index.definition));
            }
        }
    }
    let ours: usize = schema.tables.iter().map(|table| table.foreign_keys.len()).sum();
    if ours != judged {
        found.push(format!("{ours} foreign keys, the catalog's {judged}"));
    }
    found
}

/// What differs between the definitions of indexes that we put together and the server's.
pub fn definitions(client: &mut Client, schema: &Schema) -> Vec<String> {
    // ours name the schema of everything that is not the system's
    client.batch_execute("SET search_path = pg_catalog").unwrap();
    let written: BTreeMap<(String, String), String> = client
        .query(
            "SELECT n.nspname::text, c.relname::text, pg_get_indexdef(c.oid) FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('i', 'I')",
            &[],
        )
        .unwrap()
        .iter()
        .map(|row| ((row.get(0), row.get(1)), row.get(2)))
        .collect();
    let each = |table: &Table, index: &Index| {
        let theirs = &written[&(table.schema.clone(), index.name.clone())];
        (index.definition != *theirs).then(|| format!("{}\n  the server's {theirs}", index.definition))
    };
    schema.tables.iter().flat_map(|table| table.indexes.iter().filter_map(move |index| each(table, index))).collect()
}

#[test]
fn every_case_is_judged_as_the_planner_judges() {
    let root = std::env::var_os("LIFTLOCK_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let folder = root.join("audit-corpus/postgres");
    let Ok(expected) = std::fs::read_to_string(folder.join("expected.json")) else {
        eprintln!("skipped: no cases in {}", folder.display());
        return;
    };
    let expected: serde_json::Map<String, Value> = serde_json::from_str(&expected).unwrap();
    let mut wrong = Vec::new();
    for (file, expected) in &expected {
        let database = TestDatabase::postgres();
        let mut client = database.client();
        let sql = std::fs::read_to_string(folder.join(file)).unwrap();
        if lacks_extension(&mut client, &sql) {
            continue;
        }
        let ran = client.batch_execute(&sql);
        assert!(ran.is_ok() || expected["allow_errors"] == true, "{file}: {ran:?}");
        let (schema, _) = read_all(&database.url, &Wanted { statistics: true, uses: true, schemas: Vec::new() });
        let mut ours: Vec<(String, Vec<String>, bool, String, bool)> = Vec::new();
        for table in &schema.tables {
            for key in &table.foreign_keys {
                let coverage = judge(&schema, table, key, &|_, _| true);
                let level = serde_json::to_value(coverage.level).unwrap();
                let verdict = (
                    table.name.clone(),
                    key.columns.iter().map(|column| column.column.clone()).collect(),
                    coverage.level.covers(),
                    level.as_str().unwrap().to_owned(),
                    key.columns.iter().any(|column| column.types_differ),
                );
                eprintln!("{file}: {} {:?}: {} — {}", verdict.0, verdict.1, verdict.3, coverage.why);
                for (what, text) in [("note", &coverage.note), ("blocked", &coverage.blocked)] {
                    if let Some(text) = text {
                        eprintln!("    {what}: {text}");
                    }
                }
                if let Some((index, _)) = coverage.index.as_ref().zip((coverage.level == Level::None).then_some(())) {
                    wrong.push(format!("{file}: `{index}` serves, and yet nothing does"));
                }
                if !ours.contains(&verdict) {
                    ours.push(verdict);
                }
            }
        }
        ours.sort();
        let mut theirs: Vec<(String, Vec<String>, bool, String, bool)> = expected["fks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| {
                (
                    key["table"].as_str().unwrap().to_owned(),
                    serde_json::from_value(key["columns"].clone()).unwrap(),
                    key["covered"].as_bool().unwrap(),
                    key["level"].as_str().unwrap().to_owned(),
                    key["type_mismatch"].as_bool().unwrap_or(false),
                )
            })
            .collect();
        theirs.sort();
        if ours != theirs {
            wrong.push(format!("{file}: {ours:?}, expected {theirs:?}"));
        }
        let planned = planner_postgres::plan(&mut client, "public");
        let lines = differences(&schema, &planned).into_iter().chain(definitions(&mut client, &schema));
        wrong.extend(lines.map(|line| format!("{file}: {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
