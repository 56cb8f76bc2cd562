//! Every starter from `init --template` to the last `down`, with the tree in examples/ that it takes.

mod agent_memory;
mod agent_platform;
mod agent_state;
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

/// What of a tree can't be compared or come back, and is so told.
#[derive(Default)]
struct Lost {
    /// Columns that get values of the import's own, or hashes.
    exempt: &'static [&'static str],
    /// The keys of the files that are hashed.
    hashed: &'static [&'static str],
    /// Files that are not written.
    files: &'static [&'static str],
}

impl Lost {
    fn of(name: &str) -> Self {
        match name {
            "agent-memory" => Self { files: &["state.db"], ..Self::default() },
            "agent-state" => Self { exempt: &["performance_metrics.id", "configurations.id"], ..Self::default() },
            "agent-platform" => {
                Self { exempt: agent_platform::HASHED, hashed: &["password", "token", "key"], ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// How an export ends.
    fn code(&self) -> i32 {
        i32::from(!self.hashed.is_empty() || !self.files.is_empty())
    }
}

/// A project that was begun with the starter, its tree imported into `database`.
pub fn imported(name: &str, database: &TestDatabase) -> Project {
    // for those that encrypt
    let project = Project::new().env("LIFTLOCK_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
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
        let of = |column: &Value| format!("{}.{}", table["table"].as_str().unwrap(), column.as_str().unwrap());
        let exempt: Vec<String> = table["exempt"].as_array().unwrap().iter().map(of).collect();
        let unmeant: Vec<&String> =
            exempt.iter().filter(|column| !Lost::of(name).exempt.contains(&column.as_str())).collect();
        assert!(unmeant.is_empty(), "{unmeant:?}: {report}");
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
        // nested rows whose keys are the database's are made anew; all others stay as they are
        assert_eq!(table["inserted"], table["removed"], "{all}");
        assert_eq!((&table["updated"], &table["state"]), (&0.into(), &"proven".into()), "{all}");
    }
    let check = project.run(&["import", dir, "--check", "--all", "--json"]).ok().json();
    assert_eq!(check["conflicting"], 0, "{check}");

    project.run(&["audit"]).ok();
    project.run(&["check"]).ok();
    let valid = project.run(&["validate", "--deep", "--json"]).ok().json();
    assert_eq!(valid["valid"], true, "{valid}");

    // what can't come back is told, and then the exit code is another
    let gone = Lost::of(name);
    let exported = project.run(&["export", "out", "--map", "import.yaml", "--json"]).exits(gone.code()).json();
    let lost = exported["lost"].as_array().unwrap();
    let meant = |lost: &str| match lost.contains("holds hashes") {
        true => !gone.hashed.is_empty(),
        false => gone.files.iter().any(|file| lost.contains(file)),
    };
    assert!(lost.iter().all(|lost| meant(lost.as_str().unwrap())), "{exported}");
    assert_eq!(lost.is_empty(), gone.code() == 0, "{exported}");
    assert_same_tree(&from, &project.path("out"), &gone);

    let retained = project.run(&["cleanup", "--dry-run", "--json"]).ok().json();
    let policies = retained["policies"].as_array().unwrap();
    assert!(!policies.is_empty(), "{retained}");
    for policy in policies {
        assert_eq!(policy["result"], "planned", "{retained}");
        assert_eq!(policy["rows_unreadable"], 0, "{retained}");
    }

    if database.kind == Kind::Sqlite {
        port(name, &project, database, &from);
    }

    project.run(&["down", "--to", "0", "--yes"]).ok();
    let left: Vec<String> = database.tables().into_iter().filter(|table| !table.starts_with("liftlock_")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The port to PostgreSQL, whose tables the starter's own migrations make, and the tree from there.
fn port(name: &str, project: &Project, database: &TestDatabase, tree: &Path) {
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
    project.run(&export).exits(Lost::of(name).code());
    assert_same_tree(tree, &project.path("ported"), &Lost::of(name));
}

/// The same files with the same JSON values, but for the keys that were hashed; what is no JSON has the same bytes.
#[track_caller]
fn assert_same_tree(from: &Path, to: &Path, lost: &Lost) {
    let read = |text: &[u8]| {
        let mut value: Value = serde_json::from_slice(text).unwrap();
        take_out(&mut value, lost.hashed);
        value
    };
    let (mut expected, found) = (files(from), files(to));
    expected.retain(|file| !lost.files.contains(&file.as_str()));
    assert_eq!(expected, found);
    for file in expected {
        let (before, after) = (std::fs::read(from.join(&file)).unwrap(), std::fs::read(to.join(&file)).unwrap());
        match Path::new(&file).extension().and_then(|extension| extension.to_str()) {
            Some("json") => {
                let (before, after) = (read(&before), read(&after));
                assert!(same(&before, &after), "{file}:\n{before}\n{after}");
            }
            Some("jsonl") => {
                let lines = |bytes: &[u8]| -> Vec<Value> {
                    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                    lines.map(read).collect()
                };
                let (before, after) = (lines(&before), lines(&after));
                let equal = before.len() == after.len() && before.iter().zip(&after).all(|(a, b)| same(a, b));
                assert!(equal, "{file}:\n{before:?}\n{after:?}");
            }
            // written back as JSON, which is YAML, too
            Some("yaml") => {
                let from: Value = serde_saphyr::from_slice(&before).unwrap();
                let to: Value = serde_json::from_slice(&after).unwrap();
                assert!(same(&from, &to), "{file}:\n{from}\n{to}");
            }
            _ => assert_eq!(String::from_utf8_lossy(&before), String::from_utf8_lossy(&after), "{file}"),
        }
    }
}

fn take_out(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !keys.contains(&key.as_str()));
            map.values_mut().for_each(|inner| take_out(inner, keys));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| take_out(inner, keys)),
        _ => {}
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
