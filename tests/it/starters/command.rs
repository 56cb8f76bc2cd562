//! `liftlock init --template` and `--list`.

use crate::support::Project;

#[test]
fn the_starters_are_listed() {
    let project = Project::new();
    project.run(&["init", "--list"]).ok().prints("validation-sessions: ").says("liftlock init --template");
    let json = project.run(&["init", "--list", "--json"]).ok().json();
    assert_eq!(json["command"], "init");
    for starter in json["starters"].as_array().unwrap() {
        let keys: Vec<&String> = starter.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "title", "describes"]);
    }
    assert_eq!(std::fs::read_dir(project.root()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn an_unknown_starter_is_refused() {
    let project = Project::new();
    let ran = project.run(&["init", "--template", "validation_session"]).exits(2);
    ran.says("there is no starter `validation_session`").says("did you mean `validation-sessions`?");
    assert_eq!(std::fs::read_dir(project.root()).unwrap().count(), 0);
    project.run(&["init", "--template", "validation-sessions", "--list"]).exits(2);
    project.run(&["init", "--template", "validation-sessions", "--layout", "goose"]).exits(2).says("in the layout");
}

#[test]
fn a_dry_run_writes_nothing_and_names_what_it_would() {
    let project = Project::new();
    let dry = project.run(&["init", "--template", "validation-sessions", "--dry-run", "--json"]).ok().json();
    assert_eq!(std::fs::read_dir(project.root()).unwrap().count(), 0);
    let written = project.run(&["init", "--template", "validation-sessions", "--json"]).ok().json();
    assert_eq!(dry["created"], written["created"]);
    assert_eq!((&dry["template"], &dry["dry_run"]), (&"validation-sessions".into(), &true.into()));
    for file in written["created"].as_array().unwrap() {
        assert!(project.path(file.as_str().unwrap()).is_file(), "{file}");
    }
}

#[test]
fn no_file_is_written_over() {
    let project = Project::new().file("import.yaml", "mine").file("migrations/V1__mine.sql", "SELECT 1;\n");
    let ran = project.run(&["init", "--template", "validation-sessions"]).exits(2);
    ran.says("nothing was written: `import.yaml`, `migrations (which is not empty)`");
    assert!(!project.path("liftlock.yaml").exists() && !project.path("README.md").exists());
    assert_eq!(project.read("import.yaml"), "mine");
    project.remove("import.yaml");
    project.run(&["init", "--template", "validation-sessions"]).exits(2).says("which is not empty");
    // another folder will do, and the README of the project stays
    project.write("README.md", "mine");
    project
        .run(&["init", "--template", "validation-sessions", "--dir", "db/migrations"])
        .ok()
        .says("next: `liftlock up`");
    assert_eq!(project.read("README.md"), "mine");
    assert!(project.read("validation-sessions.md").starts_with("# Validation sessions"));
    assert!(project.read("liftlock.yaml").contains("dir: db/migrations"));
    project.run(&["up"]).ok();
    project.run(&["init", "--template", "validation-sessions"]).exits(2).says("`validation-sessions.md`");
}
