//! A port together with migrations: they make the target's schema, or the translated schema becomes one.

use std::path::Path;

use crate::connections::postgres_program;
use crate::support::{Project, Ran, TestDatabase};

/// A project with a folder for both databases, whose first migration inserts rows; `source.db` is at version 2 of 3.
struct Case {
    project: Project,
    target: TestDatabase,
}

impl Case {
    fn new() -> Self {
        let project = Project::new()
            .file("migrations/sqlite/V1__users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, born DATETIME, flags INTEGER);\nCREATE TABLE kinds (id INTEGER PRIMARY KEY, label TEXT NOT NULL);\nINSERT INTO kinds VALUES (1, 'one'), (2, 'two');\n")
            .file("migrations/sqlite/V1__users.down.sql", "DROP TABLE kinds; DROP TABLE users;\n")
            .file("migrations/postgres/V1__users.sql", "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40), born timestamptz, flags smallint);\nCREATE TABLE kinds (id int PRIMARY KEY, label text NOT NULL);\nINSERT INTO kinds VALUES (1, 'one'), (2, 'two'), (3, 'three');\nCREATE TABLE only_here (id int PRIMARY KEY);\nINSERT INTO only_here VALUES (7);\n")
            .file("migrations/postgres/V1__users.down.sql", "DROP TABLE only_here; DROP TABLE kinds; DROP TABLE users;\n")
            .file("migrations/V2__posts.sql", "CREATE TABLE posts (id bigint PRIMARY KEY, author bigint REFERENCES users, title text);\nCREATE INDEX posts_author ON posts (author);\nCREATE VIEW titles AS SELECT id, title FROM posts;\n")
            .file("migrations/V2__posts.down.sql", "DROP VIEW titles; DROP TABLE posts;\n")
            .file("migrations/V3__later.sql", "CREATE TABLE later (id bigint PRIMARY KEY);\n")
            .file("migrations/V3__later.down.sql", "DROP TABLE later;\n");
        let case = Self { project, target: TestDatabase::postgres() };
        case.project.run(&["up", "--to", "2", "-d", "source.db"]).ok();
        case.sqlite(
            "UPDATE kinds SET label = 'uno' WHERE id = 1; DELETE FROM kinds WHERE id = 2;
             INSERT INTO users VALUES (3, 'Ada', '1815-12-10T12:00:00+00:00', 5), (9, 'Bob', NULL, NULL);
             INSERT INTO posts VALUES (1, 9, 'First'), (2, NULL, NULL);
             CREATE TRIGGER t AFTER DELETE ON users BEGIN SELECT 1; END;",
        );
        case
    }

    fn sqlite(&self, sql: &str) {
        rusqlite::Connection::open(self.project.path("source.db")).unwrap().execute_batch(sql).unwrap();
    }

    fn port(&self, flags: &[&str]) -> Ran {
        self.project.run(&[&["port", "source.db", self.target.url.as_str(), "--yes"], flags].concat())
    }

    fn target(&self, arguments: &[&str]) -> Ran {
        self.project.run(&[arguments, &["-d", self.target.url.as_str()]].concat())
    }

    /// The rows are those of the source, in the types of the migrations.
    #[track_caller]
    fn assert_ported(&self) {
        assert_eq!(self.target.query("SELECT id, label FROM kinds"), ["1|uno"]);
        let users = self.target.query("SELECT id, name, born AT TIME ZONE 'UTC', flags FROM users ORDER BY id");
        assert_eq!(users, ["3|Ada|1815-12-10 12:00:00|5", "9|Bob|∅|∅"]);
        assert_eq!(self.target.query("SELECT id, author, title FROM posts ORDER BY id"), ["1|9|First", "2|∅|∅"]);
        // what is no table of the source's is as the migrations have made it
        assert_eq!(self.target.query("SELECT id FROM only_here"), ["7"]);
        let made = self.target.query("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'");
        assert_eq!(made, ["FOREIGN KEY (author) REFERENCES users(id)"]);
        self.target.execute("INSERT INTO users (name) VALUES ('next')");
        assert_eq!(self.target.value("SELECT id FROM users WHERE name = 'next'"), "10");
    }

    #[track_caller]
    fn assert_empty(&self) {
        assert!(self.target.tables().is_empty(), "{:?}", self.target.tables());
        assert!(!self.target.has_history());
    }
}

#[test]
fn a_rehearsal_runs_the_migrations_elsewhere() {
    let case = Case::new();
    let json = case.port(&["--rehearse", "--accept", "trigger", "--json"]).json();
    assert_eq!((&json["schema_by_migrations"], &json["rehearsal"]["existing"]), (&2.into(), &"none".into()), "{json}");
    assert!(json["tables"].as_array().unwrap().iter().all(|table| table["state"] == "proven"), "{json}");
    case.assert_empty();
    case.port(&["--rehearse", "--emit-migrations"]).exits(2);
}

#[test]
fn what_the_migrations_check_is_tried_before_they_run() {
    let case = Case::new();
    let script = case.project.read("migrations/postgres/V1__users.sql");
    let checked = script.replace("flags smallint", "flags smallint CHECK (flags < 5)");
    case.project.write("migrations/postgres/V1__users.sql", &checked);
    case.port(&[]).exits(1).prints("users_flags_check").prints("rowid 3: flags = 5");
    case.assert_empty();
    case.sqlite("UPDATE users SET flags = 4");
    case.port(&[]).ok().prints("nothing left out");
}

#[test]
fn the_migrations_make_the_schema_up_to_the_version_of_the_source() {
    let case = Case::new();
    case.port(&[]).ok().says("made by the migrations in `migrations` up to 2").prints("nothing left out");
    case.assert_ported();
    // its books are the target's own
    assert_eq!(case.target.applied(), [1, 2]);
    assert_eq!(case.target.done("up"), [1, 2]);
    let scripts = case.target.query("SELECT up_script LIKE '%smallint%' FROM schema_migrations WHERE version = 1");
    assert_eq!(scripts, ["t"]);
    case.project.run(&["compare", "source.db", &case.target.url]).exits(1).prints("only in PostgreSQL: users");
    case.target.execute("DELETE FROM users WHERE name = 'next'");
    case.project.run(&["compare", "source.db", &case.target.url]).ok();
    // and it goes on from there, and back
    case.target(&["up"]).ok();
    assert_eq!(case.target.applied(), [1, 2, 3]);
    case.target(&["check"]).ok();
    case.target(&["down", "--to", "0"]).ok();
    assert!(case.target.tables().is_empty());
}

#[test]
fn the_schema_is_that_of_up_alone() {
    let case = Case::new();
    case.port(&[]).ok();
    let alone = TestDatabase::postgres();
    case.project.run(&["up", "--to", "2", "-d", &alone.url]).ok();
    assert_eq!(dump(&case.target), dump(&alone));
}

#[test]
fn a_dry_run_plans_with_the_migrations_and_writes_nothing() {
    let case = Case::new();
    let json = case.port(&["--dry-run", "--json"]).ok().json();
    case.assert_empty();
    assert!(!json.to_string().contains("unused-pattern"), "nobody gave a pattern: {json}");
    let users = json["plan"]["tables"].as_array().unwrap().iter().find(|table| table["source"] == "users").unwrap();
    assert_eq!(users["existing"], true, "{json}");
    let types: Vec<_> = users["columns"].as_array().unwrap().iter().map(|column| column["type"].clone()).collect();
    assert_eq!(types, ["bigint", "character varying(40)", "timestamptz", "smallint"]);
    let text = json.to_string();
    assert!(text.contains("made by the migrations"), "{text}");
    assert!(!text.contains("\"source\":\"schema_migrations"), "{text}");
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_made() {
    let case = Case::new();
    case.sqlite("UPDATE users SET flags = 70000 WHERE id = 3");
    case.port(&[]).exits(1).prints("users.flags").prints("70000");
    case.assert_empty();
    case.port(&["--dry-run"]).exits(1);
    case.assert_empty();
}

#[test]
fn a_migration_without_a_transaction_runs_before_the_plan() {
    let case = Case::new();
    case.project.write("migrations/postgres/V2__posts.sql", "-- liftlock: no-transaction\nCREATE TABLE posts (id bigint PRIMARY KEY, author bigint REFERENCES users, title text);\nCREATE INDEX CONCURRENTLY posts_author ON posts (author);\nCREATE VIEW titles AS SELECT id, title FROM posts;\n");
    case.project.write("migrations/postgres/V2__posts.down.sql", "DROP VIEW titles; DROP TABLE posts;\n");
    case.port(&["--dry-run"]).ok().says("can't be tried in a transaction");
    case.assert_empty();
    case.port(&[]).ok();
    case.assert_ported();
    assert_eq!(case.target.applied(), [1, 2]);
}

#[test]
fn a_migration_that_fails_leaves_nothing() {
    let case = Case::new();
    case.project
        .write("migrations/postgres/V1__users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT);\n");
    case.port(&["--dry-run"]).says("AUTOINCREMENT");
    case.port(&[]).exits(3).says("migrations/postgres/V1__users.sql:1:").says("--no-migrations");
    assert!(case.target.tables().is_empty());
    assert!(case.target.applied().is_empty());
}

#[test]
fn no_migration_is_written_where_migrations_make_the_schema() {
    let case = Case::new();
    let before = std::fs::read_dir(case.project.path("migrations/postgres")).unwrap().count();
    case.port(&["--emit-migrations"]).ok().says("no migration is written");
    case.port(&["--emit-migrations", "--dry-run", "--truncate"]).ok().says("no migration is written");
    assert_eq!(std::fs::read_dir(case.project.path("migrations/postgres")).unwrap().count(), before);
}

#[test]
fn a_target_at_the_same_version_is_filled_as_it_is() {
    let case = Case::new();
    case.target(&["up", "--to", "2"]).ok();
    // these rows may be anybody's
    case.port(&[]).exits(1).prints("`kinds` holds rows already");
    assert_eq!(case.target.value("SELECT count(*) FROM kinds"), "3");
    case.port(&["--truncate"]).ok().says("is that of the migrations");
    case.assert_ported();
    assert_eq!(case.target.done("up"), [1, 2], "nothing was run again");
}

#[test]
fn a_target_at_another_version_is_refused() {
    let case = Case::new();
    case.target(&["up", "--to", "1"]).ok();
    case.port(&[])
        .exits(3)
        .says("the target's schema is at version 1, and the source's at 2")
        .says("liftlock up --to 2");
    case.target(&["up"]).ok();
    case.port(&[])
        .exits(3)
        .says("the target's schema is at version 3, and the source's at 2")
        .says("liftlock down --to 2");
    assert_eq!(case.target.value("SELECT count(*) FROM kinds"), "3");
}

#[test]
fn a_source_beyond_the_folder_is_refused() {
    let case = Case::new();
    case.project.run(&["up", "-d", "source.db"]).ok();
    case.project.remove("migrations/V3__later.sql");
    case.project.remove("migrations/V3__later.down.sql");
    case.port(&[]).exits(3).says("the source records V3__later").says("--no-migrations");
    case.assert_empty();
}

#[test]
fn migrations_into_another_schema_are_refused() {
    let case = Case::new();
    case.port(&["--schema", "app"]).exits(3).says("and the port goes into `app`").says("--schema public");
    case.assert_empty();
}

#[test]
fn without_migrations_the_schema_is_translated_and_the_books_stay_behind() {
    let case = Case::new();
    case.port(&["--no-migrations", "--accept", "trigger"]).ok().says("are not copied");
    assert_eq!(case.target.tables(), ["kinds", "posts", "users"]);
    assert!(!case.target.has_history());
    assert_eq!(case.target.value("SELECT pg_typeof(flags) FROM users WHERE id = 3"), "bigint");
}

#[test]
fn a_folder_without_scripts_for_postgres_is_not_used() {
    let case = Case::new();
    for file in ["migrations/V2__posts", "migrations/V3__later", "migrations/postgres/V1__users"] {
        case.project.remove(&format!("{file}.sql"));
        case.project.remove(&format!("{file}.down.sql"));
    }
    case.port(&["--accept", "trigger"]).ok().says("has no migrations for PostgreSQL up to version 2");
    assert_eq!(case.target.tables(), ["kinds", "posts", "users"]);
    assert!(!case.target.has_history());
}

#[test]
fn a_history_of_another_tool_is_data() {
    let case = Case::new();
    case.sqlite(
        "DROP TABLE schema_migrations; DROP TABLE schema_migrations_progress; DROP TABLE schema_migrations_log;
         CREATE TABLE schema_migrations (version TEXT PRIMARY KEY); INSERT INTO schema_migrations VALUES ('2024');",
    );
    case.port(&["--accept", "trigger"]).ok().says("records no migrations of ours");
    assert_eq!(case.target.query("SELECT version FROM schema_migrations"), ["2024"]);
}

#[test]
fn tables_that_are_there_without_a_history_are_filled_as_they_are() {
    let case = Case::new();
    case.target.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text, born text, flags int)");
    case.port(&["--include", "users", "--accept", "trigger"]).ok().says("and records no migrations");
    assert_eq!(case.target.query("SELECT id, name, flags FROM users ORDER BY id"), ["3|Ada|5", "9|Bob|∅"]);
    assert!(!case.target.has_history());
}

#[test]
fn what_was_there_before_is_not_emptied() {
    let case = Case::new();
    case.target.execute("CREATE TABLE mine (id int); INSERT INTO mine VALUES (1)");
    case.port(&[]).ok();
    case.assert_ported();
    assert_eq!(case.target.query("SELECT id FROM mine"), ["1"]);
}

#[test]
fn the_project_of_this_repository_goes_along() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let dir = root.display().to_string();
    let project = Project::new();
    let target = TestDatabase::postgres();
    project.run(&["up", "-d", "source.db", "--dir", &dir]).ok();
    rusqlite::Connection::open(project.path("source.db"))
        .unwrap()
        .execute_batch(
            "INSERT INTO agents (id, name, agent_type, status, configuration)
               VALUES (1, 'ada', 'pm', 'active', '{\"model\": \"large\"}'), (5, 'bob', 'frontend', 'sleeping', '{}');
             INSERT INTO tasks (id, agent_id, title, created_at) VALUES (1, 1, 'first', '2026-01-02T03:04:05.678Z');
             INSERT INTO tasks (id, agent_id, parent_task_id, title) VALUES (2, 5, 1, 'second');
             INSERT INTO context_sessions (id, agent_id, session_key) VALUES (1, 1, 'k');",
        )
        .unwrap();
    project.run(&["port", "source.db", &target.url, "--dir", &dir]).ok();
    let tasks = target.query("SELECT t.id, a.name, title FROM tasks t JOIN agents a ON a.id = agent_id ORDER BY 1");
    assert_eq!(tasks, ["1|ada|first", "2|bob|second"]);
    let large = target.query("SELECT name FROM agents WHERE configuration @> '{\"model\": \"large\"}'");
    assert_eq!(large, ["ada"]);
    let alone = TestDatabase::postgres();
    project.run(&["up", "-d", &alone.url, "--dir", &dir]).ok();
    assert_eq!(dump(&target), dump(&alone));
    project.run(&["check", "-d", &target.url, "--dir", &dir]).ok();
}

/// Killed between the migrations and the first thing of the port's own, and in the midst of the copy.
#[cfg(feature = "crash-tests")]
#[test]
fn a_port_that_was_killed_goes_on_from_what_is_there() {
    for point in ["port-batch-begun", "port-batch-committed", "port-put-back-drop"] {
        let case = Case::new();
        let arguments = ["port", "source.db", case.target.url.as_str(), "--yes"];
        let killed = Ran::of(case.project.command(&arguments).env("LIFTLOCK_CRASH_AT", point));
        assert_eq!(killed.code, None, "{point}: {}", killed.stderr);
        assert_eq!(case.target.applied(), [1, 2]);
        let resumed = case.port(&["--resume"]);
        assert_eq!(resumed.code, Some(0), "{point}: {}{}", resumed.stdout, resumed.stderr);
        case.assert_ported();
        assert_eq!(case.target.done("up"), [1, 2], "{point}: nothing was run again");
    }
    let case = Case::new();
    let arguments = ["port", "source.db", case.target.url.as_str(), "--yes"];
    let killed = Ran::of(case.project.command(&arguments).env("LIFTLOCK_CRASH_AT", "port-migrated"));
    assert_eq!(killed.code, None, "{}", killed.stderr);
    // whose the rows are can't be told any more
    case.port(&[]).exits(1).prints("`kinds` holds rows already");
    case.port(&["--truncate"]).ok();
    case.assert_ported();
}

/// An unfinished port is taken back, and the migrations stay.
#[cfg(feature = "crash-tests")]
#[test]
fn a_port_that_was_killed_begins_anew() {
    let case = Case::new();
    let arguments = ["port", "source.db", case.target.url.as_str(), "--yes"];
    let killed = Ran::of(case.project.command(&arguments).env("LIFTLOCK_CRASH_AT", "port-batch-committed"));
    assert_eq!(killed.code, None, "{}", killed.stderr);
    case.port(&["--restart"]).ok();
    case.assert_ported();
}

/// A source without any history, and a project that may have a folder.
fn emitting(project: &Project) -> TestDatabase {
    let connection = rusqlite::Connection::open(project.path("source.db")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, n INTEGER DEFAULT 5 CHECK (n > 0));
             CREATE TABLE children (a INTEGER, b TEXT, parent INTEGER REFERENCES parents ON DELETE CASCADE, PRIMARY KEY (b, a));
             CREATE INDEX by_parent ON children (parent) WHERE a > 3;
             CREATE VIEW both AS SELECT p.name, c.b FROM parents p JOIN children c ON c.parent = p.id;
             INSERT INTO parents VALUES (4, 'x', 1); INSERT INTO children VALUES (1, 'y', 4);",
        )
        .unwrap();
    TestDatabase::postgres()
}

#[test]
fn the_translated_schema_becomes_a_migration_with_its_down() {
    let project = Project::new();
    let target = emitting(&project);
    let ran = project.run(&["port", "source.db", &target.url, "--emit-migrations", "--dry-run"]).ok();
    let file = ran.stdout.lines().find_map(|line| line.strip_prefix("wrote ")).unwrap().to_owned();
    assert!(file.starts_with("migrations/V") && file.ends_with("__ported_schema.sql"), "{file}");
    assert!(target.tables().is_empty() && !target.has_history(), "nothing is written to the database");

    let by_port = TestDatabase::postgres();
    project.run(&["port", "source.db", &by_port.url]).ok();
    let empty = dump(&target);
    project.run(&["up", "-d", &target.url]).ok();
    assert_eq!(dump(&target), dump(&by_port));
    // what it made is filled
    project.run(&["port", "source.db", &target.url]).ok().prints("2 rows in 2 tables");
    project.run(&["down", "-d", &target.url, "--yes"]).ok();
    assert_eq!(dump(&target), empty);
    // the same schema is not written twice
    let again = project.run(&["port", "source.db", &target.url, "--emit-migrations", "--dry-run"]).ok();
    again.prints("holds this schema already");
    assert_eq!(std::fs::read_dir(project.path("migrations")).unwrap().count(), 2);
}

#[test]
fn a_port_that_writes_its_schema_records_it() {
    let project = Project::new()
        .file("migrations/sqlite/V7__old.sql", "CREATE TABLE old (id INTEGER PRIMARY KEY);\n")
        .file("migrations/sqlite/V7__old.down.sql", "DROP TABLE old;\n");
    let target = emitting(&project);
    let json = project.run(&["port", "source.db", &target.url, "--emit-migrations", "--json"]).ok().json();
    assert_eq!(json["emitted"]["version"], 8, "{json}");
    assert!(project.path("migrations/postgres/V8__ported_schema.sql").exists());
    assert!(project.path("migrations/postgres/V8__ported_schema.down.sql").exists());
    assert_eq!(target.applied(), [8]);
    project.run(&["up", "-d", &target.url]).ok();
    project.run(&["check", "-d", &target.url]).ok();
    project.run(&["down", "-d", &target.url]).ok();
    assert!(target.tables().is_empty());
}

#[test]
fn a_migration_is_written_in_the_layout_of_the_folder() {
    for (file, text, written) in [
        ("000001_a.up.sql", "CREATE TABLE z (id bigint);\n", "000002_ported_schema.up.sql"),
        (
            "00001_a.sql",
            "-- +goose Up\nCREATE TABLE z (id bigint);\n-- +goose Down\nDROP TABLE z;\n",
            "00002_ported_schema.sql",
        ),
    ] {
        let project = Project::new().file(&format!("migrations/{file}"), text);
        if file.ends_with(".up.sql") {
            project.write("migrations/000001_a.down.sql", "DROP TABLE z;\n");
        }
        let target = emitting(&project);
        let ran = project.run(&["port", "source.db", &target.url, "--emit-migrations", "--dry-run"]).ok();
        ran.prints(&format!("wrote migrations/{written}"));
        project.run(&["up", "-d", &target.url]).ok();
        assert_eq!(target.tables(), ["children", "parents", "z"]);
        project.run(&["down", "-d", &target.url]).ok();
        assert_eq!(target.tables(), ["z"]);
    }
}

#[test]
fn nothing_is_written_where_there_is_nothing_to_write() {
    let project = Project::new();
    let target = emitting(&project);
    let refused = |flags: &[&str]| {
        let ran = project.run(&[&["port", "source.db", target.url.as_str(), "--emit-migrations"], flags].concat());
        assert!(!project.path("migrations").exists(), "{}", ran.stdout);
        ran
    };
    refused(&["--dry-run", "--type", "parents.name=bigint"]).exits(1);
    target.execute("CREATE TABLE parents (id bigint PRIMARY KEY, name text NOT NULL, n bigint); CREATE TABLE children (a bigint, b text, parent bigint)");
    refused(&["--dry-run", "--exclude", "both"]).exits(3).says("the target has the tables already");
}

/// The schema as pg_dump has it, without the tables that migrations and ports keep their books in.
fn dump(database: &TestDatabase) -> String {
    let excluded = ["--exclude-table=schema_migrations*", "--schema-only", "--no-owner"];
    let output = postgres_program("pg_dump").args(excluded).arg(&database.url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut statements: Vec<&str> = text
        .split("\n\n")
        .map(str::trim)
        .filter(|part| !part.starts_with("--") && !part.starts_with('\\') && !part.is_empty())
        .collect();
    // objects are the same in whatever order they were made
    statements.sort_unstable();
    statements.join("\n\n")
}
