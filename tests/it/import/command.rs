//! What the commands write, refuse and say.

use crate::support::{Project, TestDatabase, each_database};

fn project() -> Project {
    Project::new()
        .file(
            "import.yaml",
            "sources:\n  - files: \"*.json\"\n    table: t\n    key: [id]\n    columns: {id: /id, v: /v}\n",
        )
        .file("data/a.json", r#"{"id":1,"v":"x"}"#)
        .file("data/other.txt", "nobody's")
}

fn database() -> TestDatabase {
    let database = TestDatabase::sqlite();
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    database
}

#[test]
fn a_dry_run_writes_nothing() {
    let (project, database) = (project(), database());
    let before = std::fs::read(database.path()).unwrap();
    let report = project.run(&["import", "data", "-d", &database.url, "--dry-run", "--json"]).ok().json();
    assert_eq!(report["status"], "dry_run");
    assert_eq!(report["records_migrated"], 1);
    assert_eq!(report["files_unmatched"], serde_json::json!(["other.txt"]));
    assert_eq!(std::fs::read(database.path()).unwrap(), before);
    project.write("data/a.json", "[1");
    project.run(&["import", "data", "-d", &database.url, "--dry-run"]).exits(1).prints("bad record: a.json");
}

#[test]
fn a_second_import_waits_for_the_first_or_is_refused() {
    let (project, database) = (project(), database());
    let lock = format!("{}-liftlock", database.path().display());
    let file = std::fs::File::create(&lock).unwrap();
    file.lock().unwrap();
    project.run(&["import", "data", "-d", &database.url]).exits(3).says("another run works on this database");
    let waiting = project.spawn(&["import", "data", "-d", &database.url, "--lock-wait", "60s"]);
    drop(file);
    crate::support::Ran::wait(waiting).ok();
    assert_eq!(database.query("SELECT id FROM t"), ["1"]);
}

#[test]
fn on_postgres_a_second_import_is_refused_too() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (id bigint PRIMARY KEY, v text)");
    let mut client = database.client();
    client.batch_execute("SELECT pg_advisory_lock(1280067917, hashtext('public'))").unwrap();
    project().run(&["import", "data", "-d", &database.url]).exits(3).says("another run works on this database: pid");
}

#[test]
fn an_export_writes_over_nothing_unless_told() {
    let (project, database) = (project(), database());
    let url = database.url.as_str();
    project.run(&["export", "out", "--map", "import.yaml", "-d", url]).exits(2).says("nothing was imported");
    project.run(&["import", "data", "-d", url]).ok();
    project.write("out/a.json", "mine");
    project.run(&["export", "out", "--map", "import.yaml", "-d", url]).exits(2).says("is there already");
    assert_eq!(project.read("out/a.json"), "mine");
    // what was changed in the table comes back changed
    database.execute("UPDATE t SET v = 'y'");
    let report = project.run(&["export", "out", "--map", "import.yaml", "-d", url, "--force", "--json"]).ok().json();
    assert_eq!(report["files"], 1);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&project.read("out/a.json")).unwrap()["v"], "y");
    database.execute("DELETE FROM t");
    project
        .run(&["export", "new", "--map", "import.yaml", "-d", url])
        .exits(1)
        .says("the row of record 0 is no longer in `t`");
}

#[test]
fn a_value_that_was_changed_since_is_not_written_over_by_what_was_left_of_it() {
    let (project, database) = (project(), database());
    let url = database.url.as_str();
    // numbers in a text column come back as numbers, and missing keys as missing
    project.write("data/a.json", r#"{"id":1,"v":5}"#);
    project.write("data/b.json", r#"{"id":2}"#);
    project.run(&["import", "data", "-d", url]).ok();
    project.run(&["export", "out", "--map", "import.yaml", "-d", url]).ok();
    let read = |path: &str| serde_json::from_str::<serde_json::Value>(&project.read(path)).unwrap();
    assert_eq!(read("out/a.json"), serde_json::json!({"id": 1, "v": 5}));
    assert_eq!(read("out/b.json"), serde_json::json!({"id": 2}));
    database.execute("UPDATE t SET v = 'new'");
    project.run(&["export", "out", "--map", "import.yaml", "-d", url, "--force"]).ok();
    assert_eq!(read("out/a.json"), serde_json::json!({"id": 1, "v": "new"}));
    assert_eq!(read("out/b.json"), serde_json::json!({"id": 2, "v": "new"}));
}

#[test]
fn the_books_do_not_disturb_an_audit() {
    let (project, database) = (project(), database());
    project.run(&["import", "data", "-d", &database.url]).ok();
    project.run(&["audit", &database.url]).ok();
}

#[test]
fn a_folder_that_nobody_prepared_goes_in_by_a_draft_and_comes_back() {
    let project = Project::new()
        .file("data/users.json", r#"[{"id":1,"name":"Ada","tags":["x"]},{"id":2,"name":"Bob","score":1.5}]"#)
        .file("data/log.jsonl", "{\"t\":\"2024-01-01\",\"n\":1}\n{\"t\":\"2024-01-02\",\"n\":null}\n")
        .file("data/conf/a.json", r#"{"on":true,"deep":{"x":[1,{"y":null}]}}"#);
    crate::support::each_database(|database| {
        let url = database.url.as_str();
        drop(std::fs::remove_file(project.path("import.yaml")));
        drop(std::fs::remove_dir_all(project.path("migrations")));
        drop(std::fs::remove_dir_all(project.path("out")));
        project
            .run(&["import", "data", "--infer", "--dry-run", "-d", url])
            .ok()
            .prints("sources:")
            .prints("create table");
        assert!(!project.path("import.yaml").exists());
        project.run(&["import", "data", "--infer", "-d", url]).ok().prints("wrote import.yaml");
        project.run(&["import", "data", "--infer", "-d", url]).exits(2).says("is there already");
        project.run(&["up", "-d", url]).ok();
        project.run(&["import", "data", "-d", url]).ok().prints("proven");
        project.run(&["audit", url]).ok();
        project.run(&["export", "out", "--map", "import.yaml", "-d", url]).ok();
        for path in ["users.json", "conf/a.json"] {
            let read = |dir: &str| serde_json::from_str(&project.read(&format!("{dir}/{path}"))).unwrap();
            let (before, after): (serde_json::Value, serde_json::Value) = (read("data"), read("out"));
            assert!(liftlock::import::same(&before, &after), "{path}: {after}");
        }
        assert_eq!(project.read("out/log.jsonl"), project.read("data/log.jsonl"));
    });
}

#[test]
fn records_of_two_sources_that_share_a_row_come_back_where_their_columns_differ() {
    crate::support::each_database(|database| {
        database.execute("CREATE TABLE runs (id bigint NOT NULL PRIMARY KEY, state text, result text)");
        let mapping = |of_result: &str| {
            format!(
                "sources:\n  - {{files: history.json, records: \"[*]\", table: runs, key: id, columns: {{id: /id, state: /state}}}}\n  \
                 - {{files: \"run_*.json\", table: runs, key: id, columns: {{id: /id, {of_result}: /result}}}}\n"
            )
        };
        let project = Project::new()
            .file("import.yaml", &mapping("result"))
            .file("data/history.json", r#"[{"id":1,"state":"done"},{"id":2,"state":null,"more":[1]}]"#)
            .file("data/run_1.json", r#"{"id":1,"result":"good","at":5}"#)
            .file("data/run_3.json", r#"{"id":3}"#);
        let url = database.url.as_str();
        let report = project.run(&["import", "data", "-d", url, "--json"]).ok().json();
        // what the second one adds to a row is nothing that gave way
        assert_eq!(report["tables"][0]["overwritten"], 0, "{report}");
        assert_eq!(database.query("SELECT id, state, result FROM runs ORDER BY 1"), ["1|done|good", "2|∅|∅", "3|∅|∅"]);
        project.run(&["import", "data", "-d", url, "--check", "--all"]).ok();
        project.run(&["export", "out", "--map", "import.yaml", "-d", url]).ok();
        for file in ["history.json", "run_1.json", "run_3.json"] {
            let read = |dir: &str| serde_json::from_str(&project.read(&format!("{dir}/{file}"))).unwrap();
            let (before, after): (serde_json::Value, serde_json::Value) = (read("data"), read("out"));
            assert_eq!(before, after, "{file}");
        }
        // where both write over one column the row is the last one's alone
        project.write("import.yaml", &mapping("state"));
        project.run(&["import", "data", "-d", url]).ok();
        let told = project.run(&["export", "out", "--map", "import.yaml", "-d", url, "--force"]).exits(1);
        told.says("1 record has the key of another");
    });
}

#[test]
fn an_import_is_not_run_beside_a_migration() {
    each_database(|database| {
        database.execute("CREATE TABLE t (id bigint PRIMARY KEY, v text)");
        let (holder, name) = crate::locks::hold(database);
        let ran = project().run(&["import", "data", "-d", &database.url]).exits(3);
        ran.says(&format!("another run works on this database: {name}"));
        drop(holder);
        project().run(&["import", "data", "-d", &database.url]).ok();
    });
}

#[test]
fn a_file_whose_record_is_gone_is_not_written() {
    let (project, database) = (project(), database());
    let mapping = "sources:\n  - files: \"*.json\"\n    bad: quarantine\n    table: t\n    key: [id]\n    columns: {id: /id, v: /v}\n";
    project.write("import.yaml", mapping);
    for (path, text) in [("data/a.json", r#"{"id":1}"#), ("data/b.json", "{"), ("data/c.json", r#"{"id":3}"#)] {
        project.write(path, text);
    }
    project.run(&["import", "data", "-d", &database.url]).exits(1);
    database.execute("DELETE FROM t WHERE id = 3");
    let ran = project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url, "--json"]).exits(1);
    assert_eq!(ran.json()["files"], 1);
    ran.says("`c.json`: its document is gone, and it is not written");
    assert!(project.path("out/a.json").exists() && !project.path("out/b.json").exists());
    assert!(!project.path("out/c.json").exists());
}

#[test]
fn a_draft_takes_what_jsonb_and_text_cannot_hold_and_yaml_cannot_spell() {
    each_database(|database| {
        let tree = [
            (
                "data/a.json",
                r#"[{"id":1,"n":-0.0,"t":"a\u0000b","o":{"x":[-0,1e400]}},{"id":2,"n":{},"t":"c","o":{"x":1}}]"#,
            ),
            ("data/b/x.yaml", "\"k\\x7F\": \"v\\x7F\\x85\"\n"),
        ];
        let project = tree.iter().fold(Project::new(), |project, (path, text)| project.file(path, text));
        project.run(&["import", "data", "--infer", "-d", &database.url]).ok();
        project.run(&["up", "-d", &database.url]).ok();
        project.run(&["import", "data", "-d", &database.url]).ok().prints("proven");
        project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url]).ok();
        // what was written is read as the same again
        project.run(&["import", "out", "--check", "-d", &database.url]).ok();
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(&project.read("out/a.json")), json(tree[0].1));
        assert!(project.read("out/b/x.yaml").is_ascii());
    });
}

#[test]
fn what_the_database_says_of_a_mapping_is_shown_where_it_stands() {
    each_database(|database| {
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INTEGER)");
        let project = Project::new().file("data/x.json", "{}");
        let begin = "sources:\n  - files: \"*.json\"\n    table: t\n    columns:\n      id: /id\n      name: /name\n";
        for (mapping, place, part) in [
            (begin.replace("table: t", "table: tt"), "3:12", "there is no table `tt`"),
            (begin.replace("name:", "nam:"), "6:7", "has no column `nam`"),
            (format!("{begin}      n: {{constant: x}}\n"), "7:7", "`n`"),
            (format!("{begin}      n: {{pointer: /n, hash: sha256}}\n"), "7:7", "can't hold what is hashed"),
            (begin.replace("      name: /name\n", ""), "3:12", "`t`.`name` must have a value"),
            (begin.replace("    table: t\n", "    table: t\n    key: [name]\n"), "3:12", "neither its primary key"),
            (
                format!(
                    "{begin}    children:\n      - records: /a[*]\n        table: u\n        parent: {{t: id}}\n        columns: {{n: /n}}\n"
                ),
                "9:16",
                "there is no table `u`",
            ),
        ] {
            project.write("import.yaml", &mapping);
            let ran = project.run(&["import", "data", "-d", &database.url]).exits(2).says(part);
            ran.says(&format!("import.yaml:{place}: "));
        }
    });
    let database = TestDatabase::sqlite();
    database.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p TEXT); CREATE TABLE u (id INTEGER PRIMARY KEY, all_of JSON)",
    );
    let project = Project::new().file("data/x.json", "{}").file(
        "import.yaml",
        "sources:\n  - {files: \"*.json\", table: t, columns: {id: /id, p: {pointer: /p, hash: sha256}}}\n  \
         - files: \"x*\"\n    format: json\n    table: u\n    columns:\n      id: /id\n      all_of: whole\n",
    );
    let ran = project.run(&["import", "data", "-d", &database.url]).exits(2).says("both read the same files");
    ran.says("import.yaml:8:7: ");
}
