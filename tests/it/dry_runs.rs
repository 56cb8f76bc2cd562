//! Dry runs: the very SQL is printed, nothing is written, and fed to the database's own shell it does the same.

use std::process::Stdio;

use crate::commands::project;
use crate::connections::postgres_program;
use crate::properties::schema_of;
use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

/// Feeds SQL to the database's own shell (SQLite's would be no other than the library).
fn feed(database: &TestDatabase, sql: &str) {
    if database.kind == Kind::Sqlite {
        database.execute(sql);
        return;
    }
    let mut command = postgres_program("psql");
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &database.url]);
    let script = Project::new().file("script.sql", sql);
    command.stdin(Stdio::from(std::fs::File::open(script.path("script.sql")).unwrap()));
    let ran = Ran::of(&mut command).ok();
    assert!(!ran.stderr.to_lowercase().contains("error"), "{}", ran.stderr);
}

/// What the bookkeeping says, but for times.
fn recorded(database: &TestDatabase) -> Vec<String> {
    let mut rows = database.query(
        "SELECT version, name, checksum, up_script, up_directives, down_script, down_directives, os_user, host, \
         liftlock_version FROM schema_migrations ORDER BY version",
    );
    rows.extend(
        database.query("SELECT action, version, name, checksum, result FROM schema_migrations_log ORDER BY id"),
    );
    rows
}

#[test]
fn the_sql_of_a_dry_run_does_what_the_run_does() {
    each_database(|run| {
        let fed = TestDatabase::new(run.kind);
        let project = project();
        if run.kind == Kind::Postgres {
            project.write(
                "migrations/V4__data.sql",
                "CREATE TABLE d (a int, b text);\nCOPY d FROM stdin;\n1\tx\n2\t\\N\n\\.\nSELECT 1;",
            );
            project.write("migrations/V4__data.down.sql", "DROP TABLE d;");
        } else {
            project.write("migrations/V4__data.sql", "-- liftlock: foreign-keys=off\nDROP TABLE one; CREATE TABLE one (id bigint PRIMARY KEY); INSERT INTO one VALUES (1)");
            project.write("migrations/V4__data.down.sql", "SELECT 1 -- nothing");
        }
        let stepwise = match run.kind {
            Kind::Sqlite => "-- liftlock: no-transaction\nDROP TABLE IF EXISTS absent;\nCREATE TABLE steps (id int)",
            Kind::Postgres => {
                "-- liftlock: no-transaction\nSET search_path = pg_catalog;\nCREATE TABLE public.steps (id int);
                 CREATE INDEX CONCURRENTLY steps_id ON public.steps (id);"
            }
        };
        project.write("migrations/V5__steps.sql", stepwise);
        project.write("migrations/V5__steps.down.sql", "-- liftlock: no-transaction\nDROP TABLE steps -- done");
        for command in [
            &["up"][..],
            &["down", "--steps", "3"],
            &["up", "--steps", "1"],
            &["redo"],
            &["up"],
            &["down", "--to", "0"],
        ] {
            let sql = project.run(&[command, &["--dry-run", "-d", &fed.url]].concat()).ok().stdout;
            feed(&fed, &sql);
            project.run(&[command, &["-d", &run.url]].concat()).ok();
            assert_eq!(schema_of(&fed), schema_of(run), "{command:?}\n{sql}");
            assert_eq!(recorded(&fed), recorded(run), "{command:?}\n{sql}");
            if run.tables().contains(&"one".to_owned()) {
                assert_eq!(fed.query("SELECT * FROM one"), run.query("SELECT * FROM one"));
            }
            project.run(&["status", "-d", &fed.url]).ok();
        }
    });
}

#[test]
fn the_sql_of_mark_and_repair_does_what_they_do() {
    each_database(|run| {
        let fed = TestDatabase::new(run.kind);
        let project = project();
        project.run(&["up", "--to", "1", "-d", &run.url]).ok();
        project.run(&["up", "--to", "1", "-d", &fed.url]).ok();
        project.write("migrations/V1__one.sql", "SELECT 'edited; it''s';");
        for command in [
            &["repair", "1", "--reason", "why not"][..],
            &["mark", "--through", "3", "--applied", "--reason", "it's so"],
            &["mark", "3", "--unapplied", "--reason", "r"],
        ] {
            let sql = project.run(&[command, &["--dry-run", "--json", "-d", &fed.url]].concat()).ok().json();
            let sql: Vec<&str> = sql["sql"].as_array().unwrap().iter().map(|sql| sql.as_str().unwrap()).collect();
            feed(&fed, &(sql.join(";\n") + ";"));
            project.run(&[command, &["-d", &run.url]].concat()).ok();
            assert_eq!(recorded(&fed), recorded(run), "{command:?}");
        }
    });
}

#[test]
fn a_dry_run_is_told_apart_from_a_run() {
    each_database(|database| {
        let project = project();
        project.run(&["up", "--dry-run", "-d", &database.url]).ok().says("nothing was written");
        assert!(database.tables().is_empty());
        let bookkeeping = match database.kind {
            Kind::Sqlite => "SELECT count(*) FROM sqlite_schema",
            Kind::Postgres => "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
        };
        assert_eq!(database.value(bookkeeping), "0");
    });
}

#[test]
fn a_dry_run_needs_no_right_to_write() {
    each_database(|database| {
        let project = project();
        let url = match database.kind {
            Kind::Sqlite => format!("{}?mode=ro", database.url),
            Kind::Postgres => format!("{}&options=-cdefault_transaction_read_only%3Don", database.url),
        };
        project.run(&["up", "--to", "2", "-d", &database.url]).ok();
        for command in [
            &["up", "--dry-run"][..],
            &["down", "--dry-run"],
            &["redo", "--dry-run"],
            &["mark", "3", "--applied", "--reason", "r", "--dry-run"],
            &["repair", "1", "--dry-run"],
            &["status"],
        ] {
            project.run(&[command, &["-d", &url]].concat()).ok();
        }
        let before = recorded(database);
        for command in [&["up"][..], &["down"], &["redo"], &["mark", "3", "--applied", "--reason", "r"]] {
            project.run(&[command, &["-d", &url]].concat()).exits(3);
        }
        assert_eq!(recorded(database), before);
        assert_eq!(database.tables(), ["one", "two"]);
    });
}
