//! The project's own migrations, with rows, on both databases.

use crate::properties::schema_of;
use crate::support::{Kind, Project, TestDatabase, each_database};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");

fn liftlock(database: &TestDatabase, arguments: &[&str]) {
    Project::new().run(&[arguments, &["--dir", FOLDER, "-d", &database.url]].concat()).ok();
}

#[test]
fn the_sample_goes_up_and_down_with_rows() {
    each_database(|database| {
        let before = schema_of(database);
        liftlock(database, &["up", "--to", "1"]);
        database.execute(
            "INSERT INTO agents (id, name, agent_type, status, configuration)
               VALUES (1, 'ada', 'pm', 'active', '{\"model\": \"large\", \"team\": \"payments\"}'),
                      (2, 'bob', 'frontend', 'sleeping', '{}');
             INSERT INTO tasks (id, agent_id, title) VALUES (1, 1, 'first');
             INSERT INTO tasks (id, agent_id, parent_task_id, title) VALUES (2, 2, 1, 'second');
             INSERT INTO context_sessions (id, agent_id, session_key) VALUES (1, 1, 'k');",
        );
        let at_first = schema_of(database);
        let rows = |database: &TestDatabase| {
            let mut rows = database.query("SELECT id, name, status FROM agents ORDER BY id");
            rows.extend(database.query("SELECT id, agent_id, parent_task_id, title FROM tasks ORDER BY id"));
            rows.extend(database.query("SELECT id, agent_id, session_key FROM context_sessions"));
            rows
        };
        let had = rows(database);
        liftlock(database, &["up"]);
        assert_eq!(database.applied(), [1, 2, 3]);
        assert_eq!(rows(database), had);
        let indexes = match database.kind {
            Kind::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'idx_%'",
            Kind::Postgres => "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'idx_%'",
        };
        let count = if database.kind == Kind::Sqlite { "18" } else { "17" };
        assert_eq!(database.value(indexes), count);
        let found = match database.kind {
            Kind::Sqlite => "SELECT name FROM agents WHERE json_extract(configuration, '$.model') = 'large'",
            Kind::Postgres => "SELECT name FROM agents WHERE configuration @> '{\"model\": \"large\"}'",
        };
        assert_eq!(database.query(found), ["ada"]);
        liftlock(database, &["check"]);
        liftlock(database, &["redo"]);
        assert_eq!(rows(database), had);
        liftlock(database, &["down", "--to", "1"]);
        assert_eq!(schema_of(database), at_first);
        assert_eq!(rows(database), had);
        liftlock(database, &["down", "--to", "0"]);
        assert_eq!(schema_of(database), before);
    });
}

#[test]
fn a_fresh_clone_needs_no_argument() {
    // the project's own liftlock.yaml, run where a relative path in it starts
    let project = Project::new();
    for file in
        ["liftlock.yaml", "migrations/V2__add_foreign_key_indexes.sql", "migrations/sqlite/V1__create_agent_memory.sql"]
    {
        let text = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        project.write(file, &text);
    }
    project.run(&["up"]).ok().says("sqlite:liftlock.db").prints("applied V2__add_foreign_key_indexes");
    project.run(&["status"]).ok().prints("create_agent_memory");
    assert!(project.path("liftlock.db").exists());
}
