//! Killed at any point, an import that is begun again ends with the same tables as one that was not.
#![cfg(feature = "crash-tests")]

use crate::support::{Kind, Project, Ran, TestDatabase, until};

const MAPPING: &str = "sources:\n  - files: \"big.jsonl\"\n    table: big\n    columns: {id: {generate: uuid}, n: /n, s: /s}\n    children:\n      \
                       - {records: \"/tags[*]\", parent: {big_id: id}, table: tags, columns: {tag: \"\"}}\n  \
                       - files: \"small/*.json\"\n    table: small\n    key: [id]\n    columns: {id: /id, v: /v}\n";

fn project() -> Project {
    let lines: String = (0..20_000)
        .map(|n| match n % 100 {
            0 => format!("{{\"n\":{n},\"s\":\"x\",\"tags\":[\"a\",\"b\"],\"more\":{n}}}\n"),
            // so long that several threads read it
            _ => format!("{{\"n\":{n},\"s\":\"line {n}\",\"more\":\"{}\"}}\n", "-".repeat(50)),
        })
        .collect();
    let project = Project::new().file("import.yaml", MAPPING).file("data/big.jsonl", &lines);
    (0..20).for_each(|n| project.write(&format!("data/small/{n}.json"), &format!("{{\"id\":{n},\"v\":\"{n}\"}}")));
    project
}

fn make(database: &TestDatabase) {
    let (key, uuid) = match database.kind {
        Kind::Sqlite => ("INTEGER PRIMARY KEY", "TEXT"),
        Kind::Postgres => ("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "uuid"),
    };
    database.execute(&format!(
        "CREATE TABLE big (id {uuid} PRIMARY KEY, n integer, s text); \
         CREATE TABLE tags (id {key}, big_id {uuid} NOT NULL REFERENCES big (id), tag text); \
         CREATE INDEX tags_big ON tags (big_id); CREATE TABLE small (id integer PRIMARY KEY, v text)"
    ));
}

/// What the tables hold, but for the numbers that rows were given.
fn contents(database: &TestDatabase) -> Vec<Vec<String>> {
    vec![
        database.query("SELECT n, s FROM big ORDER BY n"),
        database.query("SELECT n, tag FROM tags JOIN big ON big.id = big_id ORDER BY n, tag"),
        database.query("SELECT id, v FROM small ORDER BY id"),
        database.query("SELECT path, state, done FROM liftlock_import_file ORDER BY path"),
        database.query("SELECT status FROM liftlock_import_run WHERE status = 'running'"),
    ]
}

/// Waits until the server has noticed that its client was killed.
fn gone(database: &TestDatabase) {
    if database.kind == Kind::Postgres {
        until("the killed client's session ends", || {
            database
                .query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
                .is_empty()
        });
    }
}

fn killed_everywhere(kind: Kind) {
    let project = project();
    let undisturbed = TestDatabase::new(kind);
    make(&undisturbed);
    project.run(&["import", "data", "-d", &undisturbed.url]).ok();
    let expected = contents(&undisturbed);
    for point in ["import-begun", "import-written", "import-before-commit", "import-after-commit"] {
        let mut times = 0;
        for time in 1.. {
            let what = format!("{kind:?} killed at {point}#{time}");
            let database = TestDatabase::new(kind);
            make(&database);
            let import = ["import", "data", "-d", database.url.as_str()];
            let killed = Ran::of(project.command(&import).env("LIFTLOCK_CRASH_AT", format!("{point}#{time}")));
            if killed.code == Some(0) {
                break;
            }
            assert_eq!(killed.code, None, "{what}: {killed:?}");
            times = time;
            gone(&database);
            let again = project.run(&import);
            assert_eq!(again.code, Some(0), "{what}: {again:?}");
            assert_eq!(contents(&database), expected, "{what}");
            let out = format!("out-{kind:?}-{point}-{time}");
            project.run(&["export", &out, "--map", "import.yaml", "-d", &database.url]).ok();
            let same = |path: &str| {
                let lines = |text: String| -> Vec<serde_json::Value> {
                    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
                };
                assert_eq!(
                    lines(project.read(&format!("{out}/{path}"))),
                    lines(project.read(&format!("data/{path}"))),
                    "{what}"
                );
            };
            same("big.jsonl");
        }
        assert!(times > 1, "{point} is passed {times} times");
    }
}

#[test]
fn killed_at_every_point_on_sqlite() {
    killed_everywhere(Kind::Sqlite);
}

#[test]
fn killed_at_every_point_on_postgres() {
    killed_everywhere(Kind::Postgres);
}

/// Rows whose keys the import has made are found again by a changed file, however often it was killed meanwhile.
fn killed_over_rows_that_are_there(kind: Kind) {
    let (project, database) = (project(), TestDatabase::new(kind));
    make(&database);
    let import = ["import", "data", "-d", database.url.as_str()];
    project.run(&import).ok();
    let keys = || database.query("SELECT id, n FROM big ORDER BY n");
    let before = keys();
    let whole = project.read("data/big.jsonl");
    for (time, word) in [(1, "other"), (2, "yet another"), (1, "the last")] {
        // another file each time, that is begun anew
        project.write("data/big.jsonl", &whole.replacen("line 7\"", &format!("{word}\""), 1));
        let killed = Ran::of(project.command(&import).env("LIFTLOCK_CRASH_AT", format!("import-after-commit#{time}")));
        assert_eq!(killed.code, None, "{killed:?}");
        gone(&database);
    }
    project.run(&import).ok();
    assert_eq!(database.value("SELECT s FROM big WHERE n = 7"), "the last");
    assert_eq!(keys(), before);
    assert_eq!(database.value("SELECT count(*) FROM tags"), "400");
    assert_eq!(database.value("SELECT count(*) FROM liftlock_import_record WHERE file < 0"), "0");
}

#[test]
fn killed_over_rows_that_are_there_on_sqlite() {
    killed_over_rows_that_are_there(Kind::Sqlite);
}

#[test]
fn killed_over_rows_that_are_there_on_postgres() {
    killed_over_rows_that_are_there(Kind::Postgres);
}

/// What a killed run has written is looked up record by record, and nested ones with it: a row that was changed meanwhile
/// is named, and one that is gone.
fn killed_and_changed(kind: Kind) {
    let (project, database) = (project(), TestDatabase::new(kind));
    make(&database);
    let import = ["import", "data", "-d", database.url.as_str(), "--json"];
    let killed = Ran::of(project.command(&import).env("LIFTLOCK_CRASH_AT", "import-after-commit#2"));
    assert_eq!(killed.code, None, "{killed:?}");
    gone(&database);
    database.execute(
        "UPDATE big SET s = 'theirs' WHERE n = 4321; \
         UPDATE tags SET tag = 'c' WHERE tag = 'b' AND big_id = (SELECT id FROM big WHERE n = 8200); \
         DELETE FROM big WHERE n = 7",
    );
    let report = project.run(&import).exits(1).json();
    let differences = |table: usize| report["tables"][table]["differences"].as_array().unwrap().clone();
    let (big, tags) = (differences(0), differences(1));
    assert_eq!((big.len(), tags.len()), (2, 1), "{report}");
    assert!(big[0].as_str().unwrap().ends_with("the row is missing"), "{report}");
    assert!(big[1].as_str().unwrap().contains(r#"`s` is "theirs", and should be "line 4321""#), "{report}");
    assert!(tags[0].as_str().unwrap().contains(r#"`tag` is "c", and should be "b""#), "{report}");
}

#[test]
fn killed_and_changed_on_sqlite() {
    killed_and_changed(Kind::Sqlite);
}

#[test]
fn killed_and_changed_on_postgres() {
    killed_and_changed(Kind::Postgres);
}
