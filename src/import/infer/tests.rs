use std::fs;
use std::ops::ControlFlow;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::import::mapping::{ColumnMapping, From, Source};
use crate::import::read;
use crate::import::read::{Record, SourceFile};

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let at = dir.path().join(path);
        fs::create_dir_all(at.parent().expect("a folder")).expect("made");
        fs::write(at, text).expect("written");
    }
    dir
}

/// The values of a record's key.
fn key(source: &Source, file: &SourceFile, record: &Record) -> Vec<String> {
    let of = |name: &String| source.into.columns.iter().find(|column| column.column == *name).expect("mapped");
    let value = |column: &ColumnMapping| match &column.from {
        From::Pointer(pointer) => record.value.pointer(pointer).expect("a value").to_string(),
        From::File(_) => file.path.clone(),
        From::EntryKey => record.entry.clone().expect("an entry"),
        From::Position => record.position.to_string(),
        other => panic!("no key: {other:?}"),
    };
    source.into.key.iter().map(|name| value(of(name))).collect()
}

/// Every file in exactly one source, every record read, every key another one.
fn check(dir: &Path, inferred: &Inferred) -> u64 {
    let found = read::find(dir, &inferred.mapping).expect("found");
    let mut times = std::collections::BTreeMap::new();
    let mut count = 0;
    let mut keys = std::collections::BTreeSet::new();
    for (source, files) in inferred.mapping.sources.iter().zip(&found.sources) {
        for file in files {
            *times.entry(file.path.clone()).or_insert(0) += 1;
            read::records(file, source, &mut |record| {
                count += 1;
                let quarantined = source.bad == crate::import::mapping::OnBad::Quarantine;
                assert!(record.is_ok() || quarantined, "{}: {record:?}", file.path);
                if let Ok(record) = record {
                    let key = key(source, file, &record);
                    assert!(!key.is_empty(), "{}", inferred.yaml);
                    assert!(
                        keys.insert((source.into.table.clone(), key)),
                        "{}: {record:?}\n{}",
                        file.path,
                        inferred.yaml
                    );
                }
                Ok(ControlFlow::Continue(()))
            })
            .expect("read");
        }
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}\n{}", inferred.yaml);
    let told = |path: &String| inferred.findings.iter().any(|finding| finding.path == *path);
    assert!(found.unmatched.iter().all(told), "{:?}\n{}", found.unmatched, inferred.yaml);
    count
}

#[test]
fn a_mapping_is_drafted_with_tables_keys_and_children() {
    let dir = tree(&[
        ("service_results/pay/prod/validation_1.json", r#"{"id":"a","ok":true,"n":1,"steps":[{"name":"x","ms":1.5}]}"#),
        ("service_results/auth/test/validation_2.json", r#"{"id":"b","ok":false,"n":null,"steps":[]}"#),
        ("service_results/pay/test/run_history.json", r#"[{"at":"now"},{"at":"then"}]"#),
        ("users.csv", "id,name\n1,Ann\n2,Bob\n"),
        ("notes/one.md", "---\ntitle: One\n---\nText\n"),
        ("notes/two.md", "Text\n"),
        ("log.jsonl", "{\"level\":1}\n{\"level\":2}\n"),
    ]);
    let inferred = infer(dir.path()).expect("inferred");
    assert_eq!(check(dir.path(), &inferred), 10, "{}", inferred.yaml);
    let tables: Vec<&str> = inferred.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(tables, ["log", "users", "notes", "validation", "validation_steps", "run_history"], "{}", inferred.yaml);
    let sql = inferred.up(Dialect::Postgres);
    assert!(
        sql.contains(
            "create table \"validation\" (\n    \"file_path\" text not null,\n    \"service_result\" text not null,\n    \
             \"folder\" text not null,\n    \"id\" text not null,\n    \"ok\" boolean not null,\n    \"n\" bigint,\n    \
             \"rest\" jsonb,\n    primary key (\"id\")\n);"
        ),
        "{sql}"
    );
    assert!(
        sql.contains("foreign key (\"validation_id\") references \"validation\" (\"id\") on delete cascade"),
        "{sql}"
    );
    assert!(sql.contains("primary key (\"validation_id\", \"position\")"), "{sql}");
    assert!(inferred.findings.is_empty(), "{:?}", inferred.findings);
    assert!(
        inferred.yaml.contains("- files: \"service_results/{service_result}/{folder}/validation_*.json\""),
        "{}",
        inferred.yaml
    );
}

#[test]
fn odd_names_and_broken_files_are_told_and_nothing_is_lost() {
    let dir = tree(&[
        ("a/x.json", r#"{"order":1,"Order":2,"select":{"a":1},"":3,"a[*]":[{"b":1}]}"#),
        ("a/broken.json", "{\"a\": "),
        ("b/{curly}*.json", "[1,2,\"x\"]"),
        ("c/1.json", "{\"v\":1}"),
        ("c/2.json", "{\"v\":2}"),
        ("c/3.json", "{\"v\":"),
        ("c/4.json", "{\"v\":1,\"v\":2}"),
        ("d/noext", "plain"),
        ("d/jsonish", "{\"k\": \"v\"}"),
        ("d/empty", ""),
        ("e/lines.json", "{\"a\":1}\n{\"a\":2}\n"),
        ("e/tagged.yaml", "a: !secret x\n"),
        (".git/config", "hidden"),
    ]);
    fs::write(dir.path().join("d/binary"), b"\x7fELF\xff\xfe").expect("written");
    let inferred = infer(dir.path()).expect("inferred");
    check(dir.path(), &inferred);
    let what: Vec<String> = inferred
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.path, finding.what.split(':').next().unwrap_or_default()))
        .collect();
    assert_eq!(
        what,
        [
            "a/broken.json: taken as text",
            "c/3.json: goes to quarantine",
            "c/4.json: goes to quarantine",
            "d/binary: left out",
            "e/tagged.yaml: taken as text"
        ]
    );
    for dialect in Dialect::ALL {
        let names: Vec<&String> = inferred.tables.iter().map(|table| &table.name).collect();
        assert_eq!(inferred.down(dialect).lines().count(), names.len());
    }
    let database = rusqlite::Connection::open_in_memory().expect("a database");
    database.execute_batch(&inferred.up(Dialect::Sqlite)).expect("created");
    database.execute_batch(&inferred.down(Dialect::Sqlite)).expect("dropped");
    assert!(infer(tempfile::tempdir().expect("a folder").path()).is_err());
}

#[test]
fn a_file_that_is_left_out_stops_nothing() {
    let dir = tree(&[("runs/1/params/x", "1"), ("runs/2/params/x", "2"), ("runs/2/params/y", "3")]);
    fs::create_dir_all(dir.path().join("runs/3/params")).expect("made");
    fs::write(dir.path().join("runs/3/params/x"), b"\xff\xfe\xfd").expect("written");
    let inferred = infer(dir.path()).expect("inferred");
    check(dir.path(), &inferred);
    assert_eq!(inferred.findings.len(), 1, "{:?}", inferred.findings);
}

/// Documents of a few keys, so that some are alike and some are not.
fn document() -> impl Strategy<Value = Value> {
    let key =
        prop::sample::select(vec!["id", "name", "Name", "rest", "data", "position", "a.b", "x/y", "", "12", "a[*]"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..5).prop_map(Value::from),
        Just(serde_json::from_str("1.50").expect("a number")),
        Just(serde_json::from_str("1e999").expect("a number")),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| Value::Object(
                entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Files of a few folders and names, with documents of JSON and YAML, text, and broken ones.
fn files() -> impl Strategy<Value = Vec<(String, String)>> {
    let path =
        "(a|b|12|3f4e5a6b77|\\{x\\}\\*)(/(a|run_1|run_2))?/(v_1|v_2|w|12|x\\.y|\\*)(\\.json|\\.yaml|\\.jsonl|\\.txt|)";
    let text = prop_oneof![
        6 => document().prop_map(|value| value.to_string()),
        1 => "[a-z{\\[\", \n:]{0,12}",
    ];
    prop::collection::btree_map(path, text, 1..10).prop_map(|files| files.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_folder_gets_a_mapping_that_takes_each_file_once(files in files()) {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let dir = tree(&files);
        let inferred = infer(dir.path()).expect("inferred");
        check(dir.path(), &inferred);
        prop_assert_eq!(inferred.files.iter().sum::<u64>(), files.len() as u64);
        let again = Mapping::parse(Path::new("import.yaml"), &inferred.yaml).expect("a mapping");
        prop_assert_eq!(&again, &inferred.mapping);
        let database = rusqlite::Connection::open_in_memory().expect("a database");
        database.execute_batch(&inferred.up(Dialect::Sqlite)).expect("created");
        database.execute_batch(&inferred.down(Dialect::Sqlite)).expect("dropped");
    }
}
