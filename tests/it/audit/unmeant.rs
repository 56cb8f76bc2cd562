//! What `liftlock audit` says of databases, flags and files that were hardly meant.

use crate::support::{Kind, Project, each_database};

use super::command::{audit, shop};

#[test]
fn an_empty_database_is_wondered_at() {
    each_database(|database| {
        let project = Project::new();
        database.execute("CREATE TABLE t (x int); DROP TABLE t");
        let ran = audit(&project, database, &["--json"]).ok();
        assert!(ran.stderr.contains("has no tables: is it the right one?"), "{}", ran.stderr);
        assert!(ran.json()["notes"][0].as_str().unwrap().contains("has no tables"));
    });
}

#[test]
fn flags_that_can_mean_nothing_are_refused() {
    let database = shop(Kind::Sqlite);
    let project = Project::new();
    audit(&project, &database, &["--sqlite-version", "9"]).exits(2).says("no version of SQLite 3");
    audit(&project, &database, &["--sqlite-version", "3.31"]).exits(1);
    audit(&project, &database, &["--no-concurrently"]).exits(2).says("`--no-concurrently` is about PostgreSQL");
}

#[test]
fn a_database_given_as_a_schemas_file_is_told_apart() {
    let database = shop(Kind::Sqlite);
    let path = database.path().display().to_string();
    let ran = Project::new().run(&["audit", "--schema", &path]).exits(3).says("it is a SQLite database");
    assert!(ran.stderr.contains(&format!("`liftlock audit {path}`")), "{}", ran.stderr);
}

#[test]
fn findings_that_could_not_be_written_are_told_in_the_json() {
    let (project, database) = (Project::new(), shop(Kind::Sqlite));
    let json = audit(&project, &database, &["--json", "--sarif", "nowhere/a.sarif"]).exits(3).json();
    assert!(json["error"]["message"].as_str().unwrap().contains("nowhere/a.sarif"), "{json}");
    assert_eq!(json["counts"]["errors"], 1);
}

#[test]
fn findings_are_written_whole_and_nothing_stays_beside_them() {
    let (project, database) = (Project::new(), shop(Kind::Sqlite));
    // the second takes the place of the first
    for _ in 0..2 {
        audit(&project, &database, &["--sarif", "a.sarif"]).exits(1);
        assert!(project.read("a.sarif").ends_with("}\n"));
    }
    let names = std::fs::read_dir(project.root()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| name.to_string_lossy().contains("sarif")).collect();
    assert_eq!(names, ["a.sarif"]);
}
