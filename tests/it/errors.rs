//! What is found before anything runs, and where a failure is said to be.

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

/// Runs `up` with `script` as the second of two migrations.
pub fn up(database: &TestDatabase, script: &str) -> Ran {
    project(script).run(&["up", "-d", &database.url])
}

pub fn project(script: &str) -> Project {
    Project::new()
        .migration("V1__base", "CREATE TABLE base (id bigint PRIMARY KEY, name text NOT NULL);", "DROP TABLE base;")
        .migration("V2__script", script, "SELECT 1;")
}

/// stderr without the line that names the target.
fn said(ran: &Ran) -> String {
    ran.stderr.lines().filter(|line| !line.starts_with("database: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_stray_end_of_transaction_is_found_before_anything_runs() {
    let scripts = [
        "CREATE TABLE a (id int);\nCOMMIT;\nCREATE TABLE b (id int);",
        "CREATE TABLE a (id int);\nROLLBACK;",
        "CREATE TABLE a (id int);\nEND;",
        "BEGIN;\nCREATE TABLE a (id int);",
        "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\nCREATE TABLE b (id int);",
        "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\nBEGIN;\nCREATE TABLE b (id int);\nCOMMIT;",
        "BEGIN;\nCREATE TABLE a (id int);\nROLLBACK;",
        "/* COMMIT */ CREATE TABLE a (id int); /* ; */ COMMIT",
    ];
    each_database(|database| {
        for script in scripts {
            let ran = up(database, script).exits(3);
            assert!(ran.stderr.contains("in a script that runs in a transaction"), "{script}: {}", ran.stderr);
            assert!(ran.stderr.contains("migrations/V2__script.sql:"), "{}", ran.stderr);
            assert!(database.tables().is_empty(), "{script}: the one before was not run either");
        }
    });
    let database = TestDatabase::postgres();
    for script in ["ABORT", "PREPARE TRANSACTION 'x'", "COMMIT AND CHAIN", "SELECT 1; COMMIT PREPARED 'x'"] {
        up(&database, script).exits(3).says("V2__script.sql:1:");
        assert!(database.tables().is_empty(), "{script}");
    }
}

#[test]
fn what_needs_no_transaction_is_found_before_anything_runs() {
    let database = TestDatabase::postgres();
    let ran = up(&database, "CREATE TABLE t (id int);\n\nCREATE INDEX CONCURRENTLY i ON t (id);").exits(3);
    insta::assert_snapshot!(said(&ran), @r"
    error: migrations/V2__script.sql:3:1: `CREATE INDEX CONCURRENTLY i ON …` can't run in a transaction
    2 |
    3 | CREATE INDEX CONCURRENTLY i ON t (id);
      | ^
    hint: give it a migration of its own, with `-- liftlock: no-transaction` in the comments before the first statement: then statements run one by one
    ");
    assert!(database.tables().is_empty());
    for statement in [
        "VACUUM base",
        "ALTER SYSTEM SET work_mem = '5MB'",
        "CREATE DATABASE liftlock_never",
        "REINDEX TABLE CONCURRENTLY base",
        "DROP INDEX CONCURRENTLY i",
        "ALTER TABLE base DETACH PARTITION p CONCURRENTLY",
    ] {
        up(&database, statement).exits(3).says("can't run in a transaction").says("V2__script.sql:1:1");
        assert!(database.tables().is_empty(), "{statement}");
    }
    let sqlite = TestDatabase::sqlite();
    up(&sqlite, "VACUUM").exits(3).says("can't run in a transaction");
    assert!(sqlite.tables().is_empty());
    // a down script is looked at by `check`, and before the first of several is taken back
    let project = project("SELECT 1;").migration("V3__last", "SELECT 1;", "SELECT 1;");
    project.write("migrations/V2__script.down.sql", "VACUUM;");
    project.run(&["up", "-d", &sqlite.url]).ok();
    project.run(&["check", "-d", &sqlite.url]).exits(1).prints("V2__script.down.sql:1:1");
    project.run(&["down", "--steps", "2", "-d", &sqlite.url]).exits(3);
    assert_eq!(sqlite.applied(), [1, 2, 3]);
}

#[test]
fn an_unterminated_string_is_found_before_anything_runs() {
    let scripts = [
        ("SELECT 1;\n  SELECT 'open;\n", "2:10"),
        ("SELECT \"open", "1:8"),
        ("-- größe\nSELECT 'größe', 'open", "2:17"),
    ];
    each_database(|database| {
        for (script, place) in scripts {
            let ran = up(database, script).exits(3);
            assert!(ran.stderr.contains(&format!("migrations/V2__script.sql:{place}")), "{script}: {}", ran.stderr);
            assert!(database.tables().is_empty(), "{script}");
        }
    });
    let database = TestDatabase::postgres();
    up(&database, "SELECT 1;\nDO $x$ BEGIN END $y$;").exits(3).says("V2__script.sql:2:4");
    // SQLite takes a comment that is not closed, as its own shell does
    up(&database, "SELECT 1;\n/* open").exits(3).says("V2__script.sql:2:1");
}

#[test]
fn a_failure_points_at_its_statement() {
    let base = "INSERT INTO base VALUES (1, 'ä');\n\n-- größer: ";
    for (statement, sqlite, postgres) in [
        ("INSERT INTO base VALUES (1, 'twice');", "SQLITE_CONSTRAINT_PRIMARYKEY", "23505"),
        ("INSERT INTO base VALUES (2, NULL);", "SQLITE_CONSTRAINT_NOTNULL", "23502"),
        ("INSERT INTO nowhere VALUES (2);", "SQLITE_ERROR", "42P01"),
        ("CREATE TABLE broken (id int,);", "SQLITE_ERROR", "42601"),
    ] {
        each_database(|database| {
            let script =
                format!("{base}\nCREATE TABLE before (id int);\n  {statement}\nCREATE TABLE after (id int);\n");
            let ran = up(database, &script).exits(3);
            let code = if database.kind == Kind::Sqlite { sqlite } else { postgres };
            assert!(ran.stderr.contains("migrations/V2__script.sql:5:"), "{statement}: {}", ran.stderr);
            assert!(ran.stderr.contains(code), "{statement}: {}", ran.stderr);
            assert!(ran.stderr.contains(&format!("5 |   {statement}")), "{}", ran.stderr);
            assert_eq!(database.tables(), ["base"]);
            // and so it does one by one, where what is before it stays
            let fresh = TestDatabase::new(database.kind);
            let ran = up(&fresh, &format!("-- liftlock: no-transaction\n{script}")).exits(3);
            assert!(ran.stderr.contains("migrations/V2__script.sql:6:"), "{statement}: {}", ran.stderr);
            assert!(ran.stderr.contains("stopped at statement 3 of 4"), "{}", ran.stderr);
            assert_eq!(fresh.tables(), ["base", "before"]);
        });
    }
}

#[test]
fn a_place_counts_characters() {
    each_database(|database| {
        let ran = up(database, "/* ∑ 😀 */ SELECT 'é', nothere FROM base;").exits(3);
        assert!(ran.stderr.contains("migrations/V2__script.sql:1:23"), "{}", ran.stderr);
        let ran = up(database, "\u{feff}/* ∑ 😀 */\r\n SELECT 'é', nothere FROM base;").exits(3);
        assert!(ran.stderr.contains("migrations/V2__script.sql:2:14"), "{}", ran.stderr);
    });
}

#[test]
fn a_failure_on_sqlite_reads_well() {
    let database = TestDatabase::sqlite();
    let ran = up(&database, "INSERT INTO base VALUES (1, 'a');\nINSERT INTO base\n  VALUES (1, 'b');\n").exits(3);
    insta::assert_snapshot!(said(&ran), @r"
    1 done; not done: V2__script
    error: V2__script failed (up) at migrations/V2__script.sql:2:1
    1 | INSERT INTO base VALUES (1, 'a');
    2 | INSERT INTO base
      | ^
    it was rolled back: nothing of it is left
      cause: UNIQUE constraint failed: base.id (SQLITE_CONSTRAINT_PRIMARYKEY)
    hint: correct the script and run it again
    ");
    let trigger = "CREATE TRIGGER no BEFORE INSERT ON base BEGIN SELECT RAISE(ABORT, 'not today; sorry'); END;\nINSERT INTO base VALUES (1, 'b');";
    let ran = up(&database, trigger).exits(3);
    insta::assert_snapshot!(said(&ran), @r"
    0 done; not done: V2__script
    error: V2__script failed (up) at migrations/V2__script.sql:2:1
    1 | CREATE TRIGGER no BEFORE INSERT ON base BEGIN SELECT RAISE(ABORT, 'not today; sorry'); END;
    2 | INSERT INTO base VALUES (1, 'b');
      | ^
    it was rolled back: nothing of it is left
      cause: not today; sorry (SQLITE_CONSTRAINT_TRIGGER)
    hint: correct the script and run it again
    ");
    let ran = up(&database, "SELECT 1;\nSELECT ?1;").exits(3);
    insta::assert_snapshot!(said(&ran), @r"
    0 done; not done: V2__script
    error: V2__script failed (up) at migrations/V2__script.sql:2:1
    1 | SELECT 1;
    2 | SELECT ?1;
      | ^
    it was rolled back: nothing of it is left
      cause: the statement has a parameter (`?`, `:name`, `@name` or `$name`), and nothing binds it
    hint: correct the script and run it again
    ");
}

#[test]
fn a_failure_on_postgres_reads_well() {
    let database = TestDatabase::postgres();
    let ran = up(&database, "INSERT INTO base VALUES (1, 'a');\nINSERT INTO base\n  VALUES (1, 'b');\n").exits(3);
    insta::assert_snapshot!(said(&ran), @r#"
    1 done; not done: V2__script
    error: V2__script failed (up) at migrations/V2__script.sql:2:1
    1 | INSERT INTO base VALUES (1, 'a');
    2 | INSERT INTO base
      | ^
    it was rolled back: nothing of it is left
      cause: duplicate key value violates unique constraint "base_pkey" (23505)
        detail: Key (id)=(1) already exists.
    hint: correct the script and run it again
    "#);
    let raise = "CREATE FUNCTION inner_one() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'not today' USING ERRCODE = 'P0042', DETAIL = 'it rains', HINT = 'come tomorrow';
END $$;
DO $$ BEGIN PERFORM inner_one(); END $$;";
    let ran = up(&database, raise).exits(3);
    insta::assert_snapshot!(said(&ran), @r#"
    0 done; not done: V2__script
    error: V2__script failed (up) at migrations/V2__script.sql:4:1
    3 | END $$;
    4 | DO $$ BEGIN PERFORM inner_one(); END $$;
      | ^
    it was rolled back: nothing of it is left
      cause: not today (P0042)
        detail: it rains
        server's hint: come tomorrow
        context: PL/pgSQL function inner_one() line 2 at RAISE
    SQL statement "SELECT inner_one()"
    PL/pgSQL function inline_code_block line 1 at PERFORM
    hint: correct the script and run it again
    "#);
    let ran = up(&database, "SELECT 1;\n  SELECT id / 0 FROM generate_series(1, 2) AS id;").exits(3);
    insta::assert_snapshot!(said(&ran), @r"
    0 done; not done: V2__script
    error: V2__script failed (up) at migrations/V2__script.sql:2:3
    1 | SELECT 1;
    2 |   SELECT id / 0 FROM generate_series(1, 2) AS id;
      |   ^
    it was rolled back: nothing of it is left
      cause: division by zero (22012)
    hint: correct the script and run it again
    ");
    let ran = up(&database, "SELECT 1;\nSELECT nam FROM base;").exits(3);
    insta::assert_snapshot!(said(&ran), @r#"
    0 done; not done: V2__script
    error: V2__script failed (up) at migrations/V2__script.sql:2:8
    1 | SELECT 1;
    2 | SELECT nam FROM base;
      |        ^
    it was rolled back: nothing of it is left
      cause: column "nam" does not exist (42703)
        server's hint: Perhaps you meant to reference the column "base.name".
    hint: correct the script and run it again
    "#);
}

#[test]
fn a_deferred_constraint_that_fails_at_the_end_leaves_nothing() {
    let database = TestDatabase::postgres();
    up(
        &database,
        "CREATE TABLE child (id int REFERENCES base DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO child VALUES (9);",
    )
    .exits(3)
    .says("23503");
    assert_eq!(database.tables(), ["base"]);
    assert_eq!(database.applied(), [1]);
    let log = database.query("SELECT version, result FROM schema_migrations_log ORDER BY id");
    assert_eq!(log, ["1|done", "2|failed"]);
}

#[test]
fn a_script_can_not_reach_the_bookkeeping_by_accident() {
    each_database(|database| {
        // its own row is there already, and a copy of it is an error of the script, not somebody else's success
        let copy = "INSERT INTO schema_migrations (version, name) VALUES (2, 'x');";
        up(database, copy).exits(3);
        assert_eq!(database.applied(), [1]);
    });
}

#[test]
fn commands_of_psql_are_not_skipped_in_silence() {
    let database = TestDatabase::postgres();
    for script in [
        "\\connect elsewhere\nCREATE TABLE a (id int);",
        "SELECT 1;\n\\i other.sql\n",
        "\\c - other\n",
        "SELECT 1 \\gexec\n",
    ] {
        let ran = up(&database, script).exits(3);
        assert!(ran.stderr.contains("migrations/V2__script.sql:"), "{script}: {}", ran.stderr);
        assert!(database.tables().is_empty(), "{script}: {}", ran.stderr);
    }
}

/// The server tells no place for these: they fail while they run, not while they are read.
#[test]
fn what_is_missing_is_pointed_at() {
    let database = TestDatabase::postgres();
    for statement in [
        "DROP TABLE nothere;",
        "TRUNCATE nothere;",
        "CREATE INDEX ON nothere (i);",
        "ALTER TABLE nothere ADD x int;",
        "ALTER TABLE ok DROP COLUMN nope;",
        "DO $$ BEGIN DROP TABLE zz; END $$;",
    ] {
        let project = Project::new().migration("V1__a", &format!("CREATE TABLE ok (i int);\n{statement}"), "");
        project.run(&["up", "-d", &database.url]).exits(3).says("V1__a.sql:2:1");
    }
}
