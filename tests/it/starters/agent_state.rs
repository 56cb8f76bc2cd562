//! The starter `agent-state`.

use serde_json::{Value, json};

use super::{imported, tree, walk};
use crate::support::{Kind, Project, TestDatabase, each_database};

const NAME: &str = "agent-state";

#[test]
fn agent_state_from_init_to_nothing_on_sqlite() {
    walk(NAME, &TestDatabase::sqlite());
}

#[test]
fn agent_state_from_init_to_nothing_on_postgres() {
    walk(NAME, &TestDatabase::postgres());
}

#[test]
fn the_tables_hold_what_the_agent_wrote() {
    each_database(|database| {
        imported(NAME, database);
        for (table, rows) in [
            ("sessions", "4"),
            ("decisions", "3"),
            ("action_selectors", "3"),
            ("learning_systems", "2"),
            ("goals", "5"),
            ("actions", "7"),
            ("observations", "6"),
            ("memories", "6"),
            ("cross_session_patterns", "2"),
            ("performance_metrics", "5"),
            ("security_audits", "3"),
            ("configurations", "10"),
        ] {
            assert_eq!(database.value(&format!("SELECT count(*) FROM {table}")), rows, "{table}");
        }
        let kinds = "SELECT memory_type, count(*) FROM memories GROUP BY 1 ORDER BY 1";
        assert_eq!(database.query(kinds), ["episodic|3", "working|3"]);
        // a part of a goal stands before it in its file
        let parts = "SELECT count(*) FROM goals g JOIN goals up ON up.id = g.parent_goal_id";
        assert_eq!(database.value(parts), "3");
        // the session of an action is the name of its file
        let orphans = "SELECT count(*) FROM actions a LEFT JOIN sessions s ON s.id = a.session_id WHERE s.id IS NULL";
        assert_eq!(database.value(orphans), "0");
    });
}

fn goals(project: &Project, out: &str) -> Value {
    project.run(&["export", out, "--map", "import.yaml"]).ok();
    serde_json::from_str(&project.read(&format!("{out}/goals.json"))).unwrap()
}

#[test]
fn what_the_agent_changes_in_the_tables_comes_back_in_its_files() {
    each_database(|database| {
        let project = imported(NAME, database);
        let no = if database.kind == Kind::Sqlite { "0" } else { "false" };
        database.execute(&format!(
            "UPDATE configurations SET value = 'true' WHERE name = 'auto_commit';
             UPDATE learning_systems SET is_active = {no} WHERE name = 'tool-choice';
             UPDATE goals SET status = 'abandoned', success_criteria = '[\"none\"]' WHERE title = '会议记录'"
        ));
        let all = goals(&project, "out");
        let found = all["goals"].as_array().unwrap().iter().find(|goal| goal["title"] == "会议记录").unwrap();
        assert_eq!((&found["status"], &found["success_criteria"]), (&json!("abandoned"), &json!(["none"])));
        assert_eq!(all["version"], 3, "what is around the records is kept");
        let read = |file: &str| -> Value { serde_json::from_str(&project.read(&format!("out/{file}"))).unwrap() };
        // booleans and settings come back as what they are, not as numbers and texts
        assert_eq!(read("configurations.json")["auto_commit"], json!(true));
        let systems = read("learning_systems.json");
        let active: Vec<&Value> = systems.as_object().unwrap().values().map(|system| &system["is_active"]).collect();
        assert_eq!(active, [&json!(false), &json!(false)]);
    });
}

#[test]
fn a_session_that_is_written_again_keeps_what_hangs_on_it() {
    each_database(|database| {
        let project = imported(NAME, database);
        let decided = "SELECT count(*) FROM actions WHERE decision_id IS NOT NULL";
        assert_eq!(database.value(decided), "2");
        // the agent goes on with a session: one more decision
        let name = database.value("SELECT id FROM sessions WHERE agent = 'scout' AND status = 'completed'");
        let text = std::fs::read_to_string(tree(NAME).join(format!("sessions/{name}.json"))).unwrap();
        let mut session: Value = serde_json::from_str(&text).unwrap();
        session["decisions"].as_array_mut().unwrap().push(json!({
            "id": "0b0b0b0b-0000-4000-8000-000000000001", "question": "Stop?", "decided_at": "2026-11-02T09:00:00Z"
        }));
        project.write(&format!("state/sessions/{name}.json"), &session.to_string());
        let report = project.run(&["import", "state", "--json"]).ok().json();
        let decisions =
            report["tables"].as_array().unwrap().iter().find(|table| table["table"] == "decisions").unwrap();
        assert_eq!((&decisions["inserted"], &decisions["removed"]), (&1.into(), &0.into()), "{report}");
        assert_eq!(database.value(decided), "2", "an action still knows the decision that it follows");
    });
}

#[test]
fn an_old_session_goes_to_the_archive_with_all_that_hangs_on_it() {
    let database = TestDatabase::sqlite();
    let project = imported(NAME, &database);
    database.execute("UPDATE sessions SET started_at = '2020-01-01T00:00:00Z' WHERE agent = '记录员'");
    project.run(&["cleanup", "--only", "sessions", "--yes"]).ok();
    assert_eq!(database.value("SELECT count(*) FROM sessions"), "3");
    assert_eq!(database.value("SELECT count(*) FROM actions"), "6");
    assert_eq!(database.value("SELECT count(*) FROM memories"), "6", "a memory outlives its session");
    let archive = rusqlite::Connection::open(project.path("archive.db")).unwrap();
    let count = |table: &str| -> i64 {
        archive.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("sessions"), count("decisions"), count("actions"), count("observations")), (1, 1, 1, 1));
}

#[test]
fn only_working_memory_expires() {
    each_database(|database| {
        imported(NAME, database);
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.execute("UPDATE memories SET expires_at = '2027-01-01T00:00:00Z' WHERE memory_type = 'episodic'");
        }));
        assert!(refused.is_err());
    });
}
