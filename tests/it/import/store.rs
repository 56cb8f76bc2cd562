//! Large values stored as files: a path in the column, proven whenever they are read.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Kind, Project, TestDatabase, each_database};

const MAPPING: &str = r#"
store: values
sources:
  - files: "*.json"
    table: docs
    key: [id]
    columns:
      id: /id
      body: {pointer: /body, store: file, over: 16}
      data: {pointer: /data, store: file, over: 16}
      rest: {from: rest, store: file, over: 40}
    children:
      - {records: "/parts[*]", parent: {doc: id}, table: parts, columns: {n: position, all: {from: whole, store: file}}}
"#;

fn tables(database: &TestDatabase) {
    let json = if database.kind == Kind::Sqlite { "JSON" } else { "jsonb" };
    database.execute(&format!(
        "CREATE TABLE docs (id integer PRIMARY KEY, body TEXT, data {json}, rest TEXT);\n\
         CREATE TABLE parts (doc integer NOT NULL REFERENCES docs (id), n integer, \"all\" TEXT, PRIMARY KEY (doc, n));"
    ));
}

/// A path as a column has it, of no value that is stored.
fn lookalike() -> String {
    format!("values/ab/{}", "c".repeat(62))
}

fn documents() -> Vec<Value> {
    vec![
        json!({"id": 1, "body": "short", "data": {"a": 1}}),
        json!({"id": 2, "body": "long enough for a file", "data": {"a": "long enough for a file"}, "parts": [{"x": 1}, "y", null, ""]}),
        // the same text thrice: as text, as JSON, as the text of JSON
        json!({"id": 3, "body": "{\"a\":\"long enough for a file\"}", "data": "{\"a\":\"long enough for a file\"}"}),
        json!({"id": 4, "body": {"a": "long enough for a file"}, "data": null}),
        // no text is taken for a path
        json!({"id": 5, "body": lookalike(), "data": lookalike(), "parts": [lookalike()]}),
        json!({"id": 6, "body": "values/ab/c", "more": "and more and more and more and more", "x": {"y": [1.5]}}),
    ]
}

fn project() -> Project {
    let project = Project::new().file("import.yaml", MAPPING);
    for (at, document) in documents().iter().enumerate() {
        project.write(&format!("data/{at}.json"), &document.to_string());
    }
    project
}

fn values(project: &Project) -> Vec<PathBuf> {
    fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, all) } else { all.push(path) }
        }
    }
    let mut all = Vec::new();
    walk(&project.path("values"), &mut all);
    all.sort();
    all
}

fn export_is_equal(project: &Project, database: &TestDatabase, out: &str) {
    project.run(&["export", out, "--map", "import.yaml", "-d", &database.url]).ok();
    for (at, document) in documents().iter().enumerate() {
        let back: Value = serde_json::from_str(&project.read(&format!("{out}/{at}.json"))).unwrap();
        assert_eq!(back, *document);
    }
}

#[test]
fn what_is_stored_as_a_file_comes_back_whatever_it_looks_like() {
    each_database(|database| {
        tables(database);
        let project = project();
        let import = ["import", "data", "-d", database.url.as_str()];
        project.run(&[&import[..], &["--dry-run"]].concat()).ok();
        assert!(values(&project).is_empty(), "a dry run writes no file");
        project.run(&import).ok().prints("proven");
        assert_eq!(database.query("SELECT body FROM docs WHERE id IN (1, 6) ORDER BY id"), ["short", "values/ab/c"]);
        let path = database.value("SELECT body FROM docs WHERE id = 2");
        assert_eq!(project.read(&path), "long enough for a file");
        assert_eq!(path.len(), "values/".len() + 65, "{path}");
        assert_ne!(database.value("SELECT body FROM docs WHERE id = 5"), lookalike());
        assert_eq!(
            database.value("SELECT body FROM docs WHERE id = 3"),
            database.value("SELECT body FROM docs WHERE id = 4"),
            "one text is one file"
        );
        let files = values(&project);
        export_is_equal(&project, database, "out");
        // again: nothing changes
        let report = project.run(&[&import[..], &["--all", "--json"]].concat()).ok().json();
        assert_eq!(report["tables"][0]["updated"], 0, "{report}");
        assert_eq!(values(&project), files);
        // a value that was changed in the table stands
        database.execute("UPDATE docs SET body = 'new' WHERE id = 2");
        project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url, "--force"]).ok();
        assert!(project.read("out/1.json").contains("\"new\""));
        // under another name the paths would be texts
        project.write("import.yaml", &MAPPING.replace("store: values", "store: elsewhere"));
        project
            .run(&["export", "other", "--map", "import.yaml", "-d", &database.url])
            .exits(2)
            .says("by another mapping");
    });
}

#[test]
fn a_value_that_is_missing_or_changed_is_named() {
    each_database(|database| {
        tables(database);
        let project = project();
        let import = ["import", "data", "-d", database.url.as_str()];
        project.run(&import).ok();
        let path = database.value("SELECT body FROM docs WHERE id = 2");
        for (text, what) in [(Some("long enough for a fool"), "is not as it was written"), (None, "is missing")] {
            match text {
                Some(text) => project.write(&path, text),
                None => project.remove(&path),
            }
            let told = format!("`docs`.`body`: the file `{path}` {what}");
            project
                .run(&["export", "out", "--map", "import.yaml", "-d", &database.url, "--force"])
                .exits(1)
                .says(&told);
            // another file is imported: what its table holds is looked at
            project.write("data/0.json", &format!("{} ", project.read("data/0.json")));
            project.run(&import).exits(1).prints("DIFFERS").prints(&told);
            // and is looked at by the next import, though no file has changed
            project.run(&import).exits(1).prints("DIFFERS").prints(&told);
            let check = project.run(&[&import[..], &["--check"]].concat()).exits(1);
            check.prints("conflict: 1.json: `docs.body`").prints(&format!("the file `{path}` {what}"));
        }
        // its own record mends it
        project.run(&[&import[..], &["--all"]].concat()).ok().prints("proven");
        project.run(&[&import[..], &["--check"]].concat()).ok();
        export_is_equal(&project, database, "mended");
        // one that a nested record names
        let path = database.value("SELECT \"all\" FROM parts WHERE doc = 2 AND n = 1");
        project.write(&path, &format!("{} ", project.read(&path)));
        let check = project.run(&[&import[..], &["--check"]].concat()).exits(1);
        check.prints("conflict: 1.json: /parts/1: `parts.all`").prints("is not as it was written");
    });
}

#[cfg(feature = "crash-tests")]
#[test]
fn files_of_an_import_that_was_killed_are_those_of_the_next() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::new(kind);
        tables(&database);
        let project = project();
        let import = ["import", "data", "-d", database.url.as_str()];
        let mut command = project.command(&import);
        let killed = crate::support::Ran::of(command.env("LIFTLOCK_CRASH_AT", "import-before-commit#1"));
        assert_eq!(killed.code, None, "{killed:?}");
        let files = values(&project);
        assert!(!files.is_empty());
        if kind == Kind::Postgres {
            crate::support::until("the killed client's session ends", || {
                let others =
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
                database.query(others).is_empty()
            });
        }
        assert_eq!(database.query("SELECT count(*) FROM docs"), ["0"]);
        project.run(&import).ok();
        assert_eq!(values(&project), files);
        export_is_equal(&project, &database, "out");
    }
}
