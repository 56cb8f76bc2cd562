//! Rows that are gone from the tables: they are left out of the tree and told, and everything else stays.

use serde_json::{Value, json};

use crate::support::{Project, TestDatabase, each_database};

/// Imports `data/a.json`, says `then` to the database, exports, and gives the report.
fn export(database: &TestDatabase, mapping: &str, document: &Value, then: &str) -> (Project, Value) {
    let project = Project::new().file("import.yaml", mapping).file("data/a.json", &document.to_string());
    project.run(&["import", "data", "-d", &database.url]).ok();
    project.run(&["export", "whole", "--map", "import.yaml", "-d", &database.url]).ok();
    assert_eq!(read(&project, "whole/a.json"), *document, "before anything was deleted");
    database.execute(then);
    let report = project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url, "--json"]).exits(1).json();
    (project, report)
}

fn read(project: &Project, path: &str) -> Value {
    serde_json::from_str(&project.read(path)).unwrap()
}

fn told(report: &Value) -> String {
    report["lost"].to_string()
}

const RUNS: &str =
    "sources:\n  - {files: \"a.json\", records: \"/runs[*]\", table: t, key: id, columns: {id: /id, n: /n}}\n";
const T: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT)";

#[test]
fn records_behind_one_that_is_gone_move_up() {
    each_database(|database| {
        database.execute(T);
        let document =
            json!({"h": 1, "runs": [{"id": 1, "n": "a"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"}], "z": [null]});
        let (project, report) = export(database, RUNS, &document, "DELETE FROM t WHERE id = 1");
        let expected = json!({"h": 1, "runs": [{"id": 2, "n": "b"}, {"id": 3, "n": "c"}], "z": [null]});
        assert_eq!(read(&project, "out/a.json"), expected);
        assert_eq!(report["lost"], json!(["`a.json`: the row of record 0 is no longer in `t`"]));
        assert_eq!(report["records"], 2);
        database.execute("DELETE FROM t");
        project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url, "--force"]).exits(1);
        assert_eq!(read(&project, "out/a.json"), json!({"h": 1, "runs": [], "z": [null]}));
    });
}

#[test]
fn records_of_yaml_move_up_too() {
    let database = TestDatabase::sqlite();
    database.execute(T);
    let project = Project::new()
        .file("import.yaml", &RUNS.replace("a.json", "a.yaml"))
        .file("data/a.yaml", "h: 1\nruns:\n  - {id: 1, n: a}\n  - {id: 2, n: b}\n  - {id: 3, n: c}\n");
    project.run(&["import", "data", "-d", &database.url]).ok();
    database.execute("DELETE FROM t WHERE id = 2");
    project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url]).exits(1);
    assert_eq!(read(&project, "out/a.yaml"), json!({"h": 1, "runs": [{"id": 1, "n": "a"}, {"id": 3, "n": "c"}]}));
}

#[test]
fn records_in_arrays_within_arrays_and_in_objects_move_up_too() {
    let database = TestDatabase::sqlite();
    database.execute(T);
    let mapping = RUNS.replace("/runs[*]", "/a/runs[*]/steps[*]");
    let step = |id: u8| json!({"id": id, "n": "x"});
    let document = json!({"a": {"runs": [
        {"r": 0, "steps": [step(1), step(2), step(3)]}, {"r": 1}, null, {"r": 2, "steps": [step(4)]}, {"steps": [step(5), step(6)]}
    ]}});
    let (project, report) = export(&database, &mapping, &document, "DELETE FROM t WHERE id IN (1, 2, 4, 5)");
    let expected = json!({"a": {"runs": [{"r": 0, "steps": [step(3)]}, {"r": 1}, null, {"r": 2, "steps": []}, {"steps": [step(6)]}]}});
    assert_eq!(read(&project, "out/a.json"), expected);
    assert_eq!((report["records"].as_u64(), report["lost"].as_array().map(Vec::len)), (Some(2), Some(4)));

    let database = TestDatabase::sqlite();
    database.execute(T);
    let document = json!({"runs": {"x": step(1), "y": step(2)}, "z": null});
    let mapping = RUNS.replace("[*]", "{*}");
    let (project, _) = export(&database, &mapping, &document, "DELETE FROM t WHERE id = 1");
    assert_eq!(read(&project, "out/a.json"), json!({"runs": {"y": step(2)}, "z": null}));
}

#[test]
fn records_under_several_keys_move_up_each_in_its_array() {
    let database = TestDatabase::sqlite();
    database
        .execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT); CREATE TABLE u (id INTEGER PRIMARY KEY, n TEXT)");
    let other = RUNS.replace("sources:\n", "").replace("/runs", "/steps").replace("table: t", "table: u");
    let record = |id: u8| json!({"id": id, "n": "x"});
    let document =
        json!({"runs": [record(1), record(2), record(3)], "steps": [record(7), record(8), record(9)], "k": [null, 0]});
    let then = "DELETE FROM t WHERE id = 2; DELETE FROM u WHERE id IN (7, 9)";
    let (project, report) = export(&database, &format!("{RUNS}{other}"), &document, then);
    let expected = json!({"runs": [record(1), record(3)], "steps": [record(8)], "k": [null, 0]});
    assert_eq!(read(&project, "out/a.json"), expected, "{report}");
    assert_eq!(report["records"], 3);
}

#[test]
fn a_record_that_another_source_still_has_stays() {
    let other = RUNS.replace("sources:\n", "").replace("table: t", "table: u");
    let record = |id: u8| json!({"id": id, "n": "x"});
    let document = json!({"runs": [record(1), record(2)]});
    for (one, two) in [("t", "u"), ("u", "t")] {
        let then = format!("DELETE FROM {one} WHERE id = 1; DELETE FROM {two} WHERE id = 2");
        let database = TestDatabase::sqlite();
        database.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT); CREATE TABLE u (id INTEGER PRIMARY KEY, n TEXT)",
        );
        let (project, report) = export(&database, &format!("{RUNS}{other}"), &document, &then);
        assert_eq!(read(&project, "out/a.json"), document, "{report}");
    }
}

#[test]
fn nested_records_that_are_gone_are_left_out_and_told() {
    each_database(|database| {
        database.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY); \
             CREATE TABLE s (t_id INTEGER NOT NULL REFERENCES t (id), k INTEGER NOT NULL, PRIMARY KEY (t_id, k)); \
             CREATE TABLE g (t_id INTEGER NOT NULL, k INTEGER NOT NULL, name TEXT NOT NULL, v TEXT, PRIMARY KEY (t_id, k, name))",
        );
        let mapping = "sources:\n  - files: a.json\n    table: t\n    key: id\n    columns: {id: /id}\n    children:\n      \
            - records: \"/steps[*]\"\n        table: s\n        parent: {t_id: id}\n        key: [t_id, k]\n        columns: {k: /k}\n        children:\n          \
            - {records: \"/g{*}\", table: g, parent: {t_id: t_id, k: k}, key: [t_id, k, name], columns: {name: entry, v: /v}}\n";
        let document = json!({"id": 1, "own": [null, 1, null], "steps": [
            {"k": 1, "n": null}, {"k": 2}, {"k": 3, "g": {"a": {"v": "x"}, "b": {"v": "y"}}}, {"k": 4}
        ]});
        let then = "DELETE FROM s WHERE k IN (2, 4); DELETE FROM g WHERE name = 'a'";
        let (project, report) = export(database, mapping, &document, then);
        let expected =
            json!({"id": 1, "own": [null, 1, null], "steps": [{"k": 1, "n": null}, {"k": 3, "g": {"b": {"v": "y"}}}]});
        assert_eq!(read(&project, "out/a.json"), expected);
        let told = told(&report);
        for sentence in [
            "`a.json`: the row of `/steps/1` of record 0 is no longer in `s`",
            "`a.json`: the row of `/steps/3` of record 0 is no longer in `s`",
            "`a.json`: the row of `/steps/2/g/a` of record 0 is no longer in `g`",
        ] {
            assert!(told.contains(sentence), "{told}");
        }
        database.execute("DELETE FROM g; DELETE FROM s");
        project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url, "--force"]).exits(1);
        assert_eq!(read(&project, "out/a.json"), json!({"id": 1, "own": [null, 1, null], "steps": []}));
    });
}

#[test]
fn nested_records_within_arrays_are_left_out_and_changes_of_others_come_back() {
    for rest in ["", ", rest: rest"] {
        let database = TestDatabase::sqlite();
        database.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, rest JSON); \
             CREATE TABLE s (t_id INTEGER NOT NULL, k INTEGER NOT NULL, v TEXT, PRIMARY KEY (t_id, k))",
        );
        let mapping = format!(
            "sources:\n  - files: a.json\n    table: t\n    key: id\n    columns: {{id: /id{rest}}}\n    children:\n      \
             - {{records: \"/a[*]/steps[*]\", table: s, parent: {{t_id: id}}, key: [t_id, k], columns: {{k: /k, v: /v}}}}\n"
        );
        let document = json!({"id": 1, "a": [
            null, {"x": 1, "steps": [{"k": 1}, {"k": 2}]}, 5, {"steps": []}, {"steps": [{"k": 3, "v": "old"}]}
        ]});
        let then = "DELETE FROM s WHERE k = 1; UPDATE s SET v = 'new' WHERE k = 3";
        let (project, report) = export(&database, &mapping, &document, then);
        let expected = json!({"id": 1, "a": [
            null, {"x": 1, "steps": [{"k": 2}]}, 5, {"steps": []}, {"steps": [{"k": 3, "v": "new"}]}
        ]});
        assert_eq!(read(&project, "out/a.json"), expected);
        assert_eq!(report["lost"], json!(["`a.json`: the row of `/a/1/steps/0` of record 0 is no longer in `s`"]));
    }
}
