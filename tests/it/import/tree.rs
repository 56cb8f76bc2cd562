//! A tree that is imported from another place is the same tree, or another one by name; no row is there twice by mistake.

use crate::support::{Kind, Project, TestDatabase, each_database};

const MAPPING: &str = r#"
sources:
  - files: "notes/*.json"
    table: notes
    columns: {id: {generate: uuid}, text: /text}
  - files: "*.jsonl"
    table: lines
    key: [n]
    columns: {n: /n}
"#;

fn project() -> Project {
    Project::new()
        .file("import.yaml", MAPPING)
        .file("data/notes/a.json", r#"{"text":"a"}"#)
        .file("data/notes/b.json", r#"{"text":"b"}"#)
        .file("data/log.jsonl", "{\"n\":1}\n")
}

fn tables(database: &TestDatabase) {
    let uuid = if database.kind == Kind::Sqlite { "TEXT" } else { "uuid" };
    database.execute(&format!(
        "CREATE TABLE notes (id {uuid} PRIMARY KEY, text TEXT); CREATE TABLE lines (n INTEGER PRIMARY KEY)"
    ));
}

fn notes(database: &TestDatabase) -> String {
    database.value("SELECT count(*) FROM notes")
}

#[cfg(unix)]
#[test]
fn a_folder_is_the_same_however_it_is_named() {
    let database = TestDatabase::sqlite();
    tables(&database);
    let project = project();
    std::os::unix::fs::symlink(project.path("data"), project.path("link")).unwrap();
    let absolute = project.path("data").to_string_lossy().into_owned();
    project.run(&["import", "data", "-d", &database.url]).ok();
    for folder in ["./data", "data/", "link", "data/notes/..", &absolute] {
        project.run(&["import", folder, "-d", &database.url]).ok().prints("3 files had not changed");
        assert_eq!(notes(&database), "2", "{folder}");
    }
}

#[test]
fn a_tree_that_was_moved_is_not_taken_for_another() {
    each_database(|database| {
        tables(database);
        let project = project();
        let url = database.url.as_str();
        project.run(&["import", "data", "-d", url]).ok();
        let old = std::fs::canonicalize(project.path("data")).unwrap().to_string_lossy().into_owned();
        std::fs::rename(project.path("data"), project.path("moved")).unwrap();
        let runs = "SELECT count(*) FROM liftlock_import_run";
        let before = database.value(runs);
        for more in [&[][..], &["--dry-run"], &["--check"]] {
            project
                .run(&[&["import", "moved", "-d", url][..], more].concat())
                .exits(2)
                .says("`notes/a.json` and 1 more")
                .says(&format!("--tree '{old}'"))
                .says("--tree NAME");
        }
        assert_eq!((notes(database), database.value(runs)), ("2".to_owned(), before));
        // the same tree: nothing has changed, and what does is taken for what it is
        let same = ["import", "moved", "-d", url, "--tree", &old];
        project.run(&same).ok().prints("3 files had not changed");
        project.write("moved/notes/a.json", r#"{"text":"changed"}"#);
        project.run(&same).ok();
        assert_eq!(database.query("SELECT text FROM notes ORDER BY 1"), ["b", "changed"]);
        // another one
        let other = ["import", "moved", "-d", url, "--tree", "other"];
        assert_eq!(project.run(&[&other[..], &["--json"]].concat()).ok().json()["tree"], "other");
        assert_eq!(notes(database), "4");
        project.run(&other).ok().prints("3 files had not changed");
        // and each comes back by its name
        project.run(&["export", "out", "--map", "import.yaml", "-d", url]).exits(2).says("other").says(&old);
        project.run(&["export", "out", "--map", "import.yaml", "-d", url, "--from", "other"]).ok();
        assert_eq!(project.read("out/notes/b.json"), "{\n  \"text\": \"b\"\n}\n");
    });
}

#[test]
fn a_mapping_may_name_its_tree() {
    let database = TestDatabase::sqlite();
    tables(&database);
    let project = project();
    project.write("import.yaml", &format!("tree: notebook\n{MAPPING}"));
    project.run(&["import", "data", "-d", &database.url]).ok();
    std::fs::rename(project.path("data"), project.path("moved")).unwrap();
    project.run(&["import", "moved", "-d", &database.url]).ok().prints("3 files had not changed");
    // a name that the mapping gets later is no answer to whether the tree is another
    project.write("import.yaml", &format!("tree: renamed\n{MAPPING}"));
    project.run(&["import", "moved", "-d", &database.url]).exits(2).says("--tree notebook");
    assert_eq!(notes(&database), "2");
    // other mappings have other trees
    project.write("import.yaml", &format!("tree: notebook\n{MAPPING}"));
    project.run(&["import", "moved", "-d", &database.url, "--tree", "x"]).ok();
    project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url]).ok();
    project.write("import.yaml", &format!("tree: \"\"\n{MAPPING}"));
    project.run(&["import", "moved", "-d", &database.url]).exits(2).says("import.yaml:1:7");
}

#[test]
fn rows_that_are_found_by_what_is_in_the_files_are_found_wherever_these_lie() {
    let database = TestDatabase::sqlite();
    tables(&database);
    let project = project();
    project.run(&["import", "data", "-d", &database.url]).ok();
    project.remove("data/notes/a.json");
    project.remove("data/notes/b.json");
    std::fs::rename(project.path("data"), project.path("moved")).unwrap();
    project.run(&["import", "moved", "-d", &database.url]).ok();
    assert_eq!(database.value("SELECT count(*) FROM lines"), "1");
}
