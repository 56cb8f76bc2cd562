//! The starter `agent-memory`: the sample schema of the repository.

use super::{imported, walk};
use crate::support::{TestDatabase, each_database};

const NAME: &str = "agent-memory";

#[test]
fn agent_memory_from_init_to_nothing_on_sqlite() {
    walk(NAME, &TestDatabase::sqlite());
}

#[test]
fn agent_memory_from_init_to_nothing_on_postgres() {
    walk(NAME, &TestDatabase::postgres());
}

#[test]
fn folders_and_state_db_meet_in_the_tables() {
    each_database(|database| {
        imported(NAME, database);
        for (table, rows) in [
            ("agents", "4"),
            ("tasks", "6"),
            ("agent_messages", "4"),
            ("pull_requests", "4"),
            ("context_sessions", "4"),
            ("memory_snapshots", "3"),
            ("projects", "2"),
            ("project_tasks", "4"),
            ("checkpoints", "2"),
            ("git_state", "3"),
            ("events", "6"),
            ("performance_metrics", "4"),
            ("configurations", "8"),
        ] {
            assert_eq!(database.value(&format!("SELECT count(*) FROM {table}")), rows, "{table}");
        }
        // what the old file held as JSON is JSON, what it held as text is that text
        let model = match database.kind {
            crate::support::Kind::Sqlite => "SELECT json_extract(configuration, '$.model') FROM agents WHERE id = 1",
            crate::support::Kind::Postgres => "SELECT configuration ->> 'model' FROM agents WHERE id = 1",
        };
        assert_eq!(database.value(model), "large");
        assert_eq!(database.value("SELECT result FROM tasks WHERE id = 3"), "{\"passed\":41,\"failed\":0}");
        assert_eq!(database.value("SELECT title FROM tasks WHERE id = 5"), "Dark theme — „Nachtmodus“ 🌙");
        let to_all = "SELECT count(*) FROM agent_messages WHERE to_agent IS NULL AND message_type = 'notification'";
        assert_eq!(database.value(to_all), "1");
        // the agent's own setting stands beside everybody's
        let levels = "SELECT value FROM configurations WHERE key = 'log_level' ORDER BY agent_id IS NULL";
        assert_eq!(database.query(levels), ["debug", "info"]);
    });
}
