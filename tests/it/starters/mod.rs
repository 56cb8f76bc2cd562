//! Every starter from `init --template` to the last `down`, with the tree in examples/ that it takes.

mod command;
mod config_validation;
mod validation_sessions;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use liftlock::import::same;
use serde_json::Value;

use crate::support::{Kind, Project, TestDatabase};

/// The tree of a starter.
pub fn tree(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// A project that was begun with the starter, its tree imported into `database`.
pub fn imported(name: &str, database: &TestDatabase) -> Project {
    let project = Project::new();
    project.run(&["init", "--template", name, "-d", &database.url]).ok().prints("wrote import.yaml");
    project.run(&["up"]).ok();
    let files = files(&tree(name)).len();
    let report = project.run(&["import", tree(name).to_str().unwrap(), "--json"]).ok().json();
    assert_eq!(report["status"], "done", "{report}");
    // none is left out, none is bad
    assert_eq!(
        (&report["quarantined"], &report["files_unmatched"]),
        (&0.into(), &Value::Array(Vec::new())),
        "{report}"
    );
    assert!(report["files_processed"].as_u64().unwrap() >= files as u64, "{report}");
    for table in report["tables"].as_array().unwrap() {
        assert_eq!(table["state"], "proven", "{report}");
        assert_eq!(table["exempt"], Value::Array(Vec::new()), "{report}");
        assert_ne!(table["rows_after"], 0, "the tree fills every table: {report}");
    }
    project
}

/// The whole way of a starter on `database`. What holds of all of them is asserted here.
pub fn walk(name: &str, database: &TestDatabase) {
    let project = imported(name, database);
    let from = tree(name);
    let dir = from.to_str().unwrap();

    let again = project.run(&["import", dir, "--json"]).ok().json();
    assert_eq!((&again["files_processed"], &again["records_migrated"]), (&0.into(), &0.into()), "{again}");
    let all = project.run(&["import", dir, "--all", "--json"]).ok().json();
    for table in all["tables"].as_array().unwrap() {
        assert_eq!(table["rows_before"], table["rows_after"], "{all}");
        let changed = (&table["inserted"], &table["updated"], &table["removed"], &table["state"]);
        assert_eq!(changed, (&0.into(), &0.into(), &0.into(), &"proven".into()), "{all}");
    }
    let check = project.run(&["import", dir, "--check", "--all", "--json"]).ok().json();
    assert_eq!(check["conflicting"], 0, "{check}");

    project.run(&["audit"]).ok();
    project.run(&["check"]).ok();
    let valid = project.run(&["validate", "--deep", "--json"]).ok().json();
    assert_eq!(valid["valid"], true, "{valid}");

    let exported = project.run(&["export", "out", "--map", "import.yaml", "--json"]).ok().json();
    assert_eq!(exported["lost"], Value::Array(Vec::new()), "{exported}");
    assert_same_tree(&from, &project.path("out"));

    let retained = project.run(&["cleanup", "--dry-run", "--json"]).ok().json();
    let policies = retained["policies"].as_array().unwrap();
    assert!(!policies.is_empty(), "{retained}");
    for policy in policies {
        assert_eq!(policy["result"], "planned", "{retained}");
        assert_eq!(policy["rows_unreadable"], 0, "{retained}");
    }

    if database.kind == Kind::Sqlite {
        port(&project, database, &from);
    }

    project.run(&["down", "--to", "0", "--yes"]).ok();
    let left: Vec<String> = database.tables().into_iter().filter(|table| !table.starts_with("liftlock_")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The port to PostgreSQL, whose tables the starter's own migrations make, and the tree from there.
fn port(project: &Project, database: &TestDatabase, tree: &Path) {
    let target = TestDatabase::postgres();
    let source = database.path();
    let (source, dir) = (source.to_str().unwrap(), tree.to_str().unwrap());
    let report = project.run(&["port", source, &target.url, "--json"]).ok().json();
    assert_eq!(report["result"], "proven", "{report}");
    assert!(report["schema_by_migrations"].is_number(), "{report}");
    project.run(&["compare", source, &target.url]).ok();
    project.run(&["audit", &target.url]).ok();
    project.run(&["check", "-d", &target.url]).ok();
    // what the rows can't give back of the files is another part there: they are read once more before they are written
    let export = ["export", "ported", "--map", "import.yaml", "-d", &target.url];
    project.run(&export).exits(2).says("into another database");
    let report = project.run(&["import", dir, "-d", &target.url, "--json"]).ok().json();
    for table in report["tables"].as_array().unwrap() {
        assert_eq!(table["rows_before"], table["rows_after"], "{report}");
        assert_eq!(table["state"], "proven", "{report}");
    }
    project.run(&export).ok();
    assert_same_tree(tree, &project.path("ported"));
}

/// The same files with the same JSON values; what is no JSON has the same bytes.
#[track_caller]
fn assert_same_tree(from: &Path, to: &Path) {
    let (expected, found) = (files(from), files(to));
    assert_eq!(expected, found);
    for file in expected {
        let (before, after) = (std::fs::read(from.join(&file)).unwrap(), std::fs::read(to.join(&file)).unwrap());
        match Path::new(&file).extension().and_then(|extension| extension.to_str()) {
            Some("json") => {
                let (before, after): (Value, Value) =
                    (serde_json::from_slice(&before).unwrap(), serde_json::from_slice(&after).unwrap());
                assert!(same(&before, &after), "{file}:\n{before}\n{after}");
            }
            Some("jsonl") => {
                let lines = |bytes: &[u8]| -> Vec<Value> {
                    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
                };
                let (before, after) = (lines(&before), lines(&after));
                let equal = before.len() == after.len() && before.iter().zip(&after).all(|(a, b)| same(a, b));
                assert!(equal, "{file}:\n{before:?}\n{after:?}");
            }
            _ => assert_eq!(String::from_utf8_lossy(&before), String::from_utf8_lossy(&after), "{file}"),
        }
    }
}

/// All files of a tree, by path within it.
fn files(root: &Path) -> BTreeSet<String> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(root, &path, found),
                false => drop(found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned())),
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(root, root, &mut found);
    found
}
