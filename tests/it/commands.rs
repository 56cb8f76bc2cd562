//! The command line: JSON, exit codes, what is named and what never is, what is overwritten and what never is.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use serde_json::Value;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

/// Three migrations that differ in how they end.
pub fn project() -> Project {
    Project::new()
        .migration(
            "V1__one",
            "CREATE TABLE one (id bigint PRIMARY KEY, name text);\nINSERT INTO one VALUES (1, 'it''s; ü');",
            "DROP TABLE one;",
        )
        .migration(
            "V2__two",
            "BEGIN;\nCREATE TABLE two (id bigint PRIMARY KEY, one_id bigint REFERENCES one (id));\nCOMMIT; -- done",
            "-- back\nDROP TABLE two",
        )
        .migration("V3__index", "CREATE INDEX two_one ON two (one_id)", "DROP INDEX two_one;\n\n")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect()
}

#[test]
fn every_report_is_json() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = project();
        let planned = project.run(&["up", "--dry-run", "--json", "-d", url]).ok().json();
        assert_eq!(keys(&planned), ["command", "target", "result", "done", "not_done", "warnings", "sql", "error"]);
        assert_eq!((&planned["command"], &planned["result"]), (&"up".into(), &"planned".into()));
        assert_eq!(planned["not_done"].as_array().unwrap().len(), 3);
        let up = project.run(&["--json", "up", "-d", url]).ok().json();
        assert_eq!(keys(&up), ["command", "target", "result", "done", "not_done", "warnings", "error"]);
        assert_eq!(keys(&up["done"][0]), ["direction", "version", "name", "duration_ms"]);
        assert_eq!((&up["result"], &up["done"][2]["version"]), (&"done".into(), &3.into()));
        let nothing = project.run(&["up", "--json", "-d", url]).ok().json();
        assert_eq!(nothing["result"], "nothing_to_do");
        for command in ["status", "check"] {
            let status = project.run(&[command, "--json", "-d", url]).ok().json();
            assert_eq!(
                keys(&status),
                ["command", "target", "layout", "up_to_date", "migrations", "findings", "notes"],
                "{command}"
            );
            assert_eq!(
                keys(&status["migrations"][0]),
                ["version", "name", "situation", "applied_on", "duration_ms", "file"]
            );
            assert_eq!(status["up_to_date"], true);
        }
        let down = project.run(&["down", "--json", "-d", url]).ok().json();
        assert_eq!((&down["command"], &down["done"][0]["direction"]), (&"down".into(), &"down".into()));
        let check = project.run(&["check", "--json", "-d", url]).exits(1).json();
        assert_eq!(keys(&check["findings"][0]), ["kind", "version", "message", "hint"]);
        let redo = project.run(&["redo", "--json", "-d", url]).ok().json();
        assert_eq!(redo["done"].as_array().unwrap().len(), 2);
        let mark = project.run(&["mark", "3", "--applied", "--reason", "r", "--json", "-d", url]).ok().json();
        assert_eq!(keys(&mark), ["command", "target", "dry_run", "changes", "sql"]);
        project.write("migrations/V1__one.sql", "SELECT 1;");
        let repair = project.run(&["repair", "1", "--json", "-d", url]).ok().json();
        assert_eq!(keys(&repair), ["command", "target", "dry_run", "changes", "differences", "sql"]);
        let new = project.run(&["new", "add_more", "--json"]).ok().json();
        assert_eq!(keys(&new), ["command", "version", "dry_run", "files"]);
        let init = Project::new().run(&["init", "--json"]).ok().json();
        assert_eq!(keys(&init), ["command", "dry_run", "created"]);
        // a failure is a report, too
        let project = project.migration("V99999999999999__bad", "INSERT INTO nowhere VALUES (1);", "");
        let failed = project.run(&["up", "--json", "-d", url]).exits(3).json();
        assert_eq!(failed["result"], "failed");
        assert_eq!(keys(&failed["error"]), ["message", "causes", "hint"]);
        assert!(failed["error"]["message"].as_str().unwrap().contains("V99999999999999__bad.sql:1:"), "{failed}");
    });
}

#[test]
fn a_refusal_is_json_too() {
    each_database(|database| {
        let project = project();
        project.run(&["up", "-d", &database.url]).ok();
        project.write("migrations/V1__one.sql", "SELECT 1;");
        let refused = project.run(&["up", "--json", "-d", &database.url]).exits(3).says("was edited").json();
        assert_eq!(keys(&refused), ["command", "result", "error"]);
        assert_eq!(refused["result"], "refused");
        assert!(refused["error"]["message"].as_str().unwrap().contains("was edited"), "{refused}");
    });
}

#[test]
fn the_exit_code_says_what_kind_of_end_it_was() {
    let database = TestDatabase::sqlite();
    let project = project();
    project.run(&["up", "-d", &database.url]).exits(0);
    project.run(&["down", "-d", &database.url]).exits(0);
    project.run(&["check", "-d", &database.url]).exits(1);
    project.run(&["frobnicate"]).exits(2);
    project.run(&["up", "--nonsense"]).exits(2);
    project.run(&["up", "--to", "x", "-d", &database.url]).exits(2);
    project.run(&["up", "--lock-timeout", "soon", "-d", &database.url]).exits(2);
    project.run(&["up"]).exits(2).says("database");
    project.run(&["up", "-d", "mysql://x/y"]).exits(2);
    project.run(&["up", "-d", &database.url, "--layout", "alembic"]).exits(2).says("golang-migrate");
    project.run(&["up", "-d", &database.url, "--env", "x"]).exits(0).says("`--env x` is ignored");
    project.run(&["up", "-d", &database.url, "--dir", "nowhere"]).exits(3).says("nowhere");
    project.write("migrations/V9__bad.sql", "nonsense;");
    project.run(&["up", "-d", &database.url]).exits(3);
    project.run(&["--version"]).exits(0).prints("liftlock");
    project.run(&["--help"]).exits(0);
}

#[test]
fn the_database_and_the_folder_may_be_named_anywhere() {
    let database = TestDatabase::sqlite();
    let project = Project::new().file("db/here/V1__one.sql", "CREATE TABLE one (id int);");
    let url = database.url.as_str();
    for arguments in [
        ["-d", url, "--dir", "db/here", "status"],
        ["status", "-d", url, "--dir", "db/here"],
        ["--dir", "db/here", "status", "-d", url],
        ["-d", url, "status", "--dir", "db/here"],
        ["status", "--dir", "db/here", "--database", url],
    ] {
        project.run(&arguments).ok().prints("one");
    }
    // an argument that names one beats all others
    let project = project.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    project.run(&["up", "-d", url, "--dir", "db/here"]).ok().says(url);
}

#[test]
fn what_writes_names_its_target_first() {
    each_database(|database| {
        let project = project();
        let url = database.url.as_str();
        let target = match database.kind {
            Kind::Sqlite => url.to_owned(),
            // what a person reads is the same address
            Kind::Postgres => "database: postgres://".to_owned(),
        };
        for command in [
            &["up"][..],
            &["down"],
            &["redo"],
            &["mark", "3", "--applied", "--reason", "r"],
            &["repair", "1"],
            &["mark", "3", "--unapplied", "--reason", "r"],
        ] {
            let ran = project.run(&[command, &["-d", url]].concat()).ok();
            let first = ran.stderr.lines().next().unwrap_or_default();
            assert!(first.starts_with("database: ") && first.contains(&target), "{command:?}: {}", ran.stderr);
            assert!(first.contains("--database"), "where it was named: {first}");
        }
    });
}

#[test]
fn the_database_comes_from_where_it_is_named_best() {
    let folder = Project::new();
    let at = |name: &str| folder.path(name).display().to_string();
    let yaml = format!(
        "database: sqlite:{}\ndatabases:\n  staging: sqlite:{}\n  variable: ${{DB_FILE}}\n  unset: sqlite:${{NOT_SET_ANYWHERE}}\n",
        at("default.db"),
        at("staging.db")
    );
    let project = project().file("liftlock.yaml", &yaml).env("DB_FILE", &at("variable.db"));
    project.run(&["up"]).ok().says("default.db");
    let project = project.env("DATABASE_URL", &format!("sqlite:{}", at("environment.db")));
    project.run(&["up"]).ok().says("environment.db").says("DATABASE_URL");
    project.run(&["up", "--env", "staging"]).ok().says("staging.db");
    project.run(&["up", "-e", "variable"]).ok().says("variable.db");
    project.run(&["up", "--env", "unset"]).exits(2).says("NOT_SET_ANYWHERE").says("liftlock.yaml:5:");
    project.run(&["up", "--env", "prod"]).exits(2).says("staging");
    for name in ["default.db", "environment.db", "staging.db", "variable.db"] {
        assert!(folder.path(name).exists(), "{name}");
    }
}

#[test]
fn what_is_wrong_with_the_configuration_has_a_place() {
    for (yaml, place) in [
        ("database: sqlite:a.db\ndatabse: x\n", "2:1"),
        ("database: sqlite:a.db\nmigrations:\n  lock_retries: often\n", "3:17"),
        ("database: sqlite:a.db\ndatabase: sqlite:b.db\n", "2:1"),
        ("database: [1]\n", "1:11"),
        ("databases:\n  a:\n    type: postgres\n    port: many\n", "4:11"),
        ("database: 'open\n", ""),
        ("migrations:\n  dir: a\n  allow_out_of_order: maybe\n", "3:23"),
    ] {
        let ran = Project::new().file("liftlock.yaml", yaml).run(&["status"]).exits(2);
        assert!(ran.stderr.contains(&format!("liftlock.yaml:{place}")), "{yaml}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn what_is_no_database_is_said_to_be_none() {
    let project =
        project().file("text.db", &"this is only text, and long enough for a header of SQLite's own ".repeat(3));
    let before = project.read("text.db");
    for command in ["up", "status", "down"] {
        project.run(&[command, "-d", "sqlite:text.db"]).exits(3).says("no SQLite database").says("text.db");
    }
    assert_eq!(project.read("text.db"), before);
    project.run(&["up", "-d", "sqlite:migrations"]).exits(3).says("folder");
    project.run(&["up", "-d", "sqlite:nowhere/a.db"]).exits(3).says("does not exist");
    project.run(&["down", "-d", "sqlite:absent.db"]).exits(3);
    project.run(&["redo", "-d", "sqlite:absent.db"]).exits(3);
    assert!(!project.path("absent.db").exists(), "only `up` makes a database");
    project.run(&["status", "-d", "sqlite:absent.db"]).ok().prints("pending").says("does not exist yet");
    project.run(&["up", "--dry-run", "-d", "sqlite:absent.db"]).ok().prints("CREATE TABLE one");
    project.run(&["check", "-d", "sqlite:absent.db"]).exits(1);
    assert!(!project.path("absent.db").exists());
    // a folder that can't be read leaves no database behind
    project.write("migrations/V1__again.sql", "SELECT 1;");
    project.run(&["up", "-d", "sqlite:absent.db"]).exits(3).says("V1__again.sql").says("V1__one.sql");
    project.run(&["up", "--dir", "nowhere", "-d", "sqlite:absent.db"]).exits(3);
    assert!(!project.path("absent.db").exists());
}

#[test]
fn a_protected_database_is_not_taken_down_without_a_yes() {
    let folder = Project::new();
    let yaml = |name: &str, more: &str| {
        format!("databases:\n  {name}:\n    url: sqlite:{}\n{more}", folder.path("protected.db").display())
    };
    // a `production` is protected unless it says otherwise
    for (name, more) in [("production", ""), ("live", "    protected: true\n")] {
        let project = project().file("liftlock.yaml", &yaml(name, more));
        project.run(&["up", "--env", name]).ok();
        project.run(&["down", "--env", name]).exits(2).says("is protected").says("V3__index").says("--yes");
        project.run(&["redo", "--env", name]).exits(2).says("is protected");
        project.run(&["down", "--to", "0", "--dry-run", "--env", name]).ok();
        project.run(&["check", "--env", name]).ok();
        project.run(&["redo", "--yes", "--env", name]).ok();
        project.run(&["down", "--to", "0", "--yes", "--env", name]).ok();
    }
    let project = project().file("liftlock.yaml", &yaml("production", "    protected: false\n"));
    project.run(&["up", "--env", "production"]).ok();
    project.run(&["down", "--env", "production"]).ok();
}

#[test]
fn new_and_init_overwrite_nothing() {
    let project = Project::new();
    project.run(&["init", "-d", "sqlite:mine.db"]).ok().prints("wrote liftlock.yaml").prints("wrote migrations");
    let written = project.read("liftlock.yaml");
    assert!(written.contains("database: sqlite:mine.db"));
    project.run(&["init", "-d", "sqlite:other.db"]).ok().prints("nothing to do");
    assert_eq!(project.read("liftlock.yaml"), written);
    Project::new().run(&["init", "-d", "postgres://me:hunter2@h/d"]).exits(2).says("password");
    project.run(&["new", "first", "--numbering", "sequence"]).ok().prints("V1__first.sql").prints("V1__first.down.sql");
    project.run(&["new", "second", "--numbering", "sequence"]).ok().prints("V2__second.sql");
    // what is written applies and is taken back as it stands
    project.run(&["up"]).ok().prints("applied V2__second");
    project.run(&["down", "--to", "0"]).ok();
    project.run(&["new", "../up"]).exits(2);
    project.run(&["new", ""]).exits(2);
    project.run(&["new", "third", "--dry-run", "--numbering", "sequence"]).ok().prints("V3__third.sql");
    assert!(!project.path("migrations/V3__third.sql").exists());
    project.run(&["new", "only_one", "--dialect", "postgres"]).ok().prints("postgres/V");
    project.run(&["new", "x", "--dialect", "oracle"]).exits(2);
    // two in the same second, under the same name
    let first = project.run(&["new", "twice"]).ok().stdout;
    let second = project.run(&["new", "twice"]).ok().stdout;
    assert_ne!(first, second);
    // a file in the way stays as it is
    let blocked = Project::new().file("migrations/V1__a.sql", "SELECT 1;").file("migrations/V2__b.down.sql", "mine");
    blocked.run(&["new", "b", "--numbering", "sequence"]).exits(3);
    assert_eq!(blocked.read("migrations/V2__b.down.sql"), "mine");
    assert!(!blocked.path("migrations/V2__b.sql").exists());
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish"] {
        project.run(&["completions", shell]).ok().prints("liftlock").prints("repair");
    }
    project.run(&["completions", "cmd.exe"]).exits(2);
    project.run(&["man"]).ok().prints(".TH").prints(".SH EXAMPLES").prints("Exit codes");
    // the folder is made where it is missing
    for _ in 0..2 {
        project.run(&["man", "--out", "share/man1"]).ok().prints("share/man1");
    }
    assert!(project.path("share/man1/liftlock.1").exists());
    assert!(!project.path("share/man1/liftlock-help.1").exists());
    let page = project.read("share/man1/liftlock-up.1");
    assert!(page.contains(".SH EXAMPLES\n") && !page.contains(".SH EXTRA"), "{page}");
    project.write("taken", "");
    project.run(&["man", "--out", "taken"]).exits(3).says("taken");
}

#[test]
fn a_password_is_nowhere() {
    let secret = "hunter2-Zq";
    let server = TestDatabase::postgres();
    // one that the server does not ask for is hidden all the same
    let url = server.url.replacen("postgres@", &format!("postgres:{secret}@"), 1);
    let project = project();
    let mut said = Vec::new();
    for command in [
        &["up", "-v", "-v", "--dry-run"][..],
        &["up", "-v", "-v"],
        &["status", "--json"],
        &["check"],
        &["redo", "--json", "-vv"],
        &["down", "--json"],
        &["mark", "3", "--applied", "--reason", "r", "--json"],
        &["repair", "9"],
    ] {
        said.push(project.run(&[command, &["-d", &url]].concat()));
    }
    for wrong in [
        format!("postgres://me:{secret}@127.0.0.1:1/db"),
        format!("postgres://me:{secret}@no-such-host.invalid/db?connect_timeout=2"),
        format!("postgres://me:{secret}@host/db?sslmode=perhaps"),
        format!("postgres://me:{secret}@ho st/db"),
        format!("postgres://me:{secret}@host:port/db"),
        format!("postgres://me@host/db?password={secret}&nonsense=1"),
        format!("postgresq://me:{secret}@host/db"),
        format!(
            "{}/x",
            server.url.replacen("postgres@", &format!("postgres:{secret}@"), 1).replacen("/liftlock", "/no_such", 1)
        ),
    ] {
        for command in [&["up", "-vv"][..], &["status", "--json"]] {
            let ran = project.run(&[command, &["-d", &wrong]].concat());
            assert_ne!(ran.code, Some(0), "{wrong}");
            said.push(ran);
            let by_variable = Project::new().env("DATABASE_URL", &wrong);
            by_variable.write("migrations/V1__a.sql", "SELECT 1;");
            said.push(by_variable.run(command));
            let by_file = Project::new().file("liftlock.yaml", &format!("database: {wrong}\nnonsense: 1\n"));
            said.push(by_file.run(command));
        }
    }
    for ran in &said {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran:?}");
    }
    for table in ["schema_migrations", "schema_migrations_log", "schema_migrations_progress"] {
        let rows = server.query(&format!("SELECT t::text FROM {table} t"));
        assert!(!rows.iter().any(|row| row.contains(secret)), "{rows:?}");
    }
}

#[test]
fn an_interrupted_run_ends_with_130() {
    each_database(|database| {
        let long = match database.kind {
            Kind::Sqlite => {
                "CREATE TABLE two (id int); WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c;"
            }
            Kind::Postgres => "CREATE TABLE two (id int); SELECT pg_sleep(600);",
        };
        for signal in ["INT", "TERM"] {
            let project = Project::new()
                .migration("V1__one", "CREATE TABLE one (id int);", "DROP TABLE one;")
                .migration("V2__long", long, "DROP TABLE two;");
            project.run(&["up", "--to", "1", "-d", &database.url]).ok();
            let mut run = project.spawn(&["up", "--json", "-v", "-d", &database.url]);
            let mut said = BufReader::new(run.stderr.take().unwrap()).lines();
            assert!(said.any(|line| line.unwrap().contains("V2__long")), "it begins");
            let killed = Command::new("kill").args([&format!("-{signal}"), &run.id().to_string()]).status().unwrap();
            assert!(killed.success());
            let rest: Vec<String> = said.map(Result::unwrap).collect();
            let ran = Ran::wait(run).exits(130);
            assert_eq!(ran.json()["result"], "interrupted", "{rest:?}");
            assert_eq!(database.applied(), [1]);
            assert_eq!(database.tables(), ["one"]);
            let log = "SELECT result FROM schema_migrations_log ORDER BY id DESC LIMIT 1";
            assert_eq!(database.value(log), "interrupted");
            project.run(&["down", "-d", &database.url]).ok();
        }
    });
}

#[test]
fn nobody_who_reads_the_output_is_no_reason_to_stop() {
    each_database(|database| {
        let project = project();
        let mut run = project.spawn(&["up", "-d", &database.url]);
        drop(run.stdout.take());
        let ran = Ran::wait(run).ok();
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert_eq!(database.applied(), [1, 2, 3]);
    });
}

#[test]
fn a_database_is_not_made_for_what_is_refused() {
    let project = project();
    for arguments in [&["up", "--to", "77"][..], &["mark", "77", "--applied", "--reason", "r"]] {
        let mut arguments = arguments.to_vec();
        arguments.extend(["-d", "sqlite:new.db"]);
        project.run(&arguments).exits(3).says("there is no version 77");
        assert!(!project.path("new.db").exists());
    }
}

#[test]
fn init_writes_what_it_was_told() {
    let project = Project::new();
    project.run(&["init", "-d", "sqlite:own.db", "--dir", "db/my migs", "--layout", "goose"]).ok();
    project.run(&["new", "first"]).ok().prints("db/my migs/");
    let ran = project.run(&["up"]).ok().says("sqlite:own.db");
    assert!(ran.stdout.contains("first"), "{ran:?}");
    assert!(project.run(&["status", "--json"]).ok().json()["layout"] == "goose");
}

/// An everyday word as a password must neither be cut out of results nor given away by its absence.
#[test]
fn a_password_that_is_a_word_leaves_results_alone() {
    let database = TestDatabase::postgres();
    let url = database.url.replacen("postgres://postgres@", "postgres://postgres:app@", 1);
    let project = project();
    let dry = project.run(&["up", "--dry-run", "-d", &url]).ok().prints("applied_on");
    let ran = project.run(&["up", "-d", &url]).ok().prints("applied V1__one");
    let json = project.run(&["status", "--json", "-d", &url]).ok();
    for text in [&dry.stdout, &dry.stderr, &ran.stdout, &ran.stderr, &json.stdout] {
        assert!(!text.contains("***") && !text.contains(":app@"), "{text}");
    }
}

#[test]
fn a_home_made_table_is_not_cut_short() {
    let database = TestDatabase::sqlite();
    database.execute(
        "CREATE TABLE schema_migrations (version integer); INSERT INTO schema_migrations VALUES (1), (2), (3)",
    );
    let arguments = ["mark", "--through", "1", "--applied", "--yes", "--reason", "r", "-d", &database.url];
    project().run(&arguments).exits(3).says("goes up to 3, and only 1 is to be recorded");
    assert_eq!(database.query("SELECT version FROM schema_migrations"), ["1", "2", "3"]);
}
