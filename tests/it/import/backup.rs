//! `import --backup` keeps the database and the files as they were, both or neither.

use serde_json::{Value, json};

use crate::support::{Kind, Project, TestDatabase, each_database};

fn project(database: &TestDatabase) -> Project {
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    database.execute("INSERT INTO t (id, v) VALUES (1, 'before')");
    Project::new()
        .file("liftlock.yaml", "backup: {dir: kept}\n")
        .file(
            "import.yaml",
            "sources:\n  - files: \"**/*.json\"\n    table: t\n    key: [id]\n    columns: {id: /id, v: /v}\n",
        )
        .file("data/a.json", r#"{"id":1,"v":"after"}"#)
        .file("data/deep/manifest.json", r#"{"id":2,"v":"x"}"#)
        .file("data/other.txt", "nobody's")
}

#[test]
fn what_was_there_can_be_brought_back() {
    each_database(|database| {
        let project = project(database);
        let ran = project.run(&["import", "data", "-d", &database.url, "--backup", "--json"]).ok();
        let kept = &ran.json()["backup"];
        assert_eq!((&kept["files"], &kept["bytes"]), (&json!(2), &json!(36)), "{kept}");
        assert_eq!(database.query("SELECT v FROM t ORDER BY id"), ["after", "x"]);
        let (file, folder) = (kept["database"].as_str().unwrap(), kept["folder"].as_str().unwrap());
        assert_eq!(format!("{file}.files"), folder);
        // the audit trail has it, too
        assert!(database.value("SELECT report FROM liftlock_import_run").contains(folder));
        let page: Value = serde_json::from_str(&project.read(&format!("{folder}/manifest.json"))).unwrap();
        let paths: Vec<&str> =
            page["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["a.json", "deep/manifest.json"]);
        for path in paths {
            assert_eq!(project.read(&format!("{folder}/files/{path}")), project.read(&format!("data/{path}")));
        }
        // the backup is of the time before
        project.run(&["restore", file, "-d", &database.url, "--yes"]).ok();
        assert_eq!(database.query("SELECT id, v FROM t ORDER BY id"), ["1|before"]);
        project
            .run(&["import", "data", "-d", &database.url, "--backup"])
            .ok()
            .prints("kept: ")
            .prints("liftlock restore");
        // of each run a backup, its manifest and a folder
        let names = std::fs::read_dir(project.path("kept")).unwrap().map(|entry| entry.unwrap().file_name());
        let own = names.filter(|name| name.to_string_lossy().contains(".import.backup."));
        assert_eq!(own.count(), 2 * 3);
    });
}

#[test]
fn without_a_backup_nothing_is_imported_and_half_of_one_does_not_stay() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::new(kind);
        let project = project(&database);
        project.write("liftlock.yaml", "backup: {dir: kept, encrypt: true}\n");
        // the files could be kept, and the database can't
        project.run(&["import", "data", "-d", &database.url, "--backup"]).exits(2).says("LIFTLOCK_KEY");
        project.write("liftlock.yaml", "backup: {dir: kept}\n");
        std::fs::create_dir_all(project.path("kept")).unwrap();
        let missing = match kind {
            Kind::Sqlite => "sqlite:none.db".to_owned(),
            Kind::Postgres => format!("{}_none", database.url),
        };
        let ran = project.run(&["import", "data", "-d", &missing, "--backup"]);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        assert_eq!(std::fs::read_dir(project.path("kept")).unwrap().count(), 0, "{ran:?}");
        // what is in the way is a file
        project.write("liftlock.yaml", "backup: {dir: taken}\n");
        project.write("taken", "");
        project.run(&["import", "data", "-d", &database.url, "--backup"]).exits(3).says("taken");
        assert_eq!(database.query("SELECT v FROM t"), ["before"]);
        assert!(!database.tables().iter().any(|table| table.starts_with("liftlock")));
        project.run(&["import", "data", "-d", &database.url, "--backup", "--dry-run"]).exits(2);
    }
}
