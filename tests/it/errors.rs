//! What scripts may hold, what is found before anything runs, and where a failure is said to be.

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

/// Runs `up` with `script` as the second of two migrations.
fn up(database: &TestDatabase, script: &str) -> Ran {
    project(script).run(&["up", "-d", &database.url])
}

fn project(script: &str) -> Project {
    Project::new()
        .migration("V1__base", "CREATE TABLE base (id bigint PRIMARY KEY, name text NOT NULL);", "DROP TABLE base;")
        .migration("V2__script", script, "SELECT 1;")
}

/// stderr without the line that names the target.
fn said(ran: &Ran) -> String {
    ran.stderr.lines().filter(|line| !line.starts_with("database: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_script_wrapped_whole_is_one_transaction_with_its_row() {
    for (begin, end) in [
        ("BEGIN;", "COMMIT;"),
        ("BEGIN TRANSACTION;", "END;"),
        ("-- first\nbegin ;", "commit; -- last"),
        ("BEGIN;", "END TRANSACTION"),
    ] {
        each_database(|database| {
            let script = format!("{begin}\nCREATE TABLE wrapped (id int);\nINSERT INTO nowhere VALUES (1);\n{end}");
            up(database, &script).exits(3);
            assert_eq!(database.tables(), ["base"], "{script}");
            let script = format!("{begin}\nCREATE TABLE wrapped (id int);\n{end}");
            up(database, &script).ok();
            assert_eq!(database.applied(), [1, 2]);
            assert_eq!(database.tables(), ["base", "wrapped"]);
        });
    }
}

#[test]
fn a_stray_end_of_transaction_is_found_before_anything_runs() {
    for script in [
        "CREATE TABLE a (id int);\nCOMMIT;\nCREATE TABLE b (id int);",
        "CREATE TABLE a (id int);\nROLLBACK;",
        "CREATE TABLE a (id int);\nEND;",
        "BEGIN;\nCREATE TABLE a (id int);",
        "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\nCREATE TABLE b (id int);",
        "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\nBEGIN;\nCREATE TABLE b (id int);\nCOMMIT;",
        "BEGIN;\nCREATE TABLE a (id int);\nROLLBACK;",
        "/* COMMIT */ CREATE TABLE a (id int); /* ; */ COMMIT",
    ] {
        each_database(|database| {
            let ran = up(database, script).exits(3);
            assert!(ran.stderr.contains("in a script that runs in a transaction"), "{script}: {}", ran.stderr);
            assert!(ran.stderr.contains("migrations/V2__script.sql:"), "{}", ran.stderr);
            assert!(database.tables().is_empty(), "{script}: the one before was not run either");
        });
    }
    let database = TestDatabase::postgres();
    for script in ["ABORT", "PREPARE TRANSACTION 'x'", "COMMIT AND CHAIN", "SELECT 1; COMMIT PREPARED 'x'"] {
        up(&database, script).exits(3).says("V2__script.sql:1:");
        assert!(database.tables().is_empty(), "{script}");
    }
}

#[test]
fn words_that_only_look_like_an_end_are_left_alone() {
    each_database(|database| {
        up(
            database,
            "INSERT INTO base VALUES (1, 'COMMIT; ROLLBACK;');\n-- COMMIT;\n/* ROLLBACK; */\n\
             SAVEPOINT a;\nINSERT INTO base VALUES (2, 'x');\nROLLBACK TO a;\nRELEASE a;\n\
             SAVEPOINT b; ROLLBACK TO SAVEPOINT b; RELEASE SAVEPOINT b;\n\
             CREATE TABLE \"commit;\" (id int);",
        )
        .ok();
        assert_eq!(database.query("SELECT name FROM base"), ["COMMIT; ROLLBACK;"]);
    });
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
    hint: give it its own migration, with `-- liftlock: no-transaction` in the comments before the first statement: then statements run one by one
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
fn what_a_script_sets_does_not_leak() {
    let database = TestDatabase::postgres();
    let role = format!("liftlock_role_{}", std::process::id());
    database.execute(&format!("CREATE SCHEMA app; CREATE ROLE {role}; GRANT ALL ON SCHEMA app TO {role};"));
    let project = Project::new()
        .migration(
            "V1__sets",
            &format!(
                "SET search_path = app; SET statement_timeout = '7s'; SET TIME ZONE 'Asia/Tokyo'; SET ROLE {role};\n\
                 SELECT pg_catalog.set_config('search_path', '', false); SET SESSION my.setting = 'x';\n\
                 CREATE TABLE app.by_role (id int);"
            ),
            &format!("SET search_path = app; SET ROLE {role}; DROP TABLE by_role;"),
        )
        .migration(
            "V2__finds",
            "CREATE TABLE settings AS SELECT current_setting('search_path') AS path, current_user AS who, \
             current_setting('statement_timeout') AS timeout, current_setting('timezone') AS zone, \
             coalesce(current_setting('my.setting', true), '') AS mine;",
            "DROP TABLE settings;",
        )
        .migration(
            "V3__steps",
            &format!("-- liftlock: no-transaction\nSET search_path = app;\nSET ROLE {role};\nCREATE TABLE stepped (id int);\nSET statement_timeout = '9s';"),
            "-- liftlock: no-transaction\nSET search_path = app;\nDROP TABLE stepped;",
        )
        .migration(
            "V4__finds",
            "CREATE TABLE later AS SELECT current_setting('search_path') AS path, current_user AS who, \
             current_setting('statement_timeout') AS timeout;",
            "DROP TABLE later;",
        );
    project.run(&["up", "-d", &database.url]).ok();
    let zone = database.value("SELECT current_setting('timezone')");
    assert_eq!(database.query("SELECT * FROM settings"), [format!("\"$user\", public|postgres|0|{zone}|")]);
    assert_eq!(database.query("SELECT * FROM later"), ["\"$user\", public|postgres|0"]);
    assert_eq!(database.applied(), [1, 2, 3, 4]);
    assert_eq!(
        database.query("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'app' ORDER BY 1"),
        [format!("by_role|{role}"), format!("stepped|{role}")]
    );
    project.run(&["down", "--to", "0", "-d", &database.url]).ok();
    assert!(database.tables().is_empty());
    assert_eq!(database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'app'"), "0");
    database.execute(&format!("DROP SCHEMA app; DROP ROLE {role}"));
}

#[test]
fn what_a_sqlite_script_sets_does_not_leak() {
    let database = TestDatabase::sqlite();
    let attached = database.path().with_file_name("attached.db");
    let project = Project::new()
        .file(
            "migrations/V1__sets.sql",
            &format!(
                "-- liftlock: no-transaction\nPRAGMA case_sensitive_like = on;\nATTACH '{}' AS other;\n\
                 CREATE TEMP TABLE scratch (id int);\nCREATE TABLE other.there (id int);\nPRAGMA recursive_triggers = on;",
                attached.display()
            ),
        )
        .migration(
            "V2__finds",
            "CREATE TABLE found AS SELECT 'A' LIKE 'a' AS alike, (SELECT count(*) FROM pragma_database_list) AS databases,
             (SELECT count(*) FROM sqlite_temp_schema) AS temporary, (SELECT recursive_triggers FROM pragma_recursive_triggers) AS t;
             CREATE TEMP TABLE found2 (id int); CREATE TEMP VIEW v AS SELECT 1;",
            "",
        )
        .migration("V3__again", "CREATE TABLE found3 AS SELECT count(*) AS n FROM sqlite_temp_schema;", "");
    project.run(&["up", "-d", &database.url]).ok();
    let rows = database.query("SELECT alike, temporary, t FROM found");
    assert_eq!(rows, ["1|0|0"]);
    assert_eq!(database.value("SELECT count(*) FROM found WHERE databases <= 2"), "1");
    assert_eq!(database.query("SELECT n FROM found3"), ["0"]);
}

#[test]
fn a_dump_of_pg_dump_is_a_migration() {
    let source = TestDatabase::postgres();
    source.execute(
        "CREATE TYPE mood AS ENUM ('fine', 'so; so');
         CREATE TABLE parent (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, m mood);
         CREATE TABLE child (id serial PRIMARY KEY, parent_id bigint REFERENCES parent, note text DEFAULT 'a;b');
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := NEW.note || ';'; RETURN NEW; END; $$;
         CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n * 2; END;
         CREATE TRIGGER touching BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE VIEW names AS SELECT name FROM parent;
         CREATE INDEX by_name ON parent (lower(name));
         INSERT INTO parent (name, m) VALUES (E'tab\\there', 'fine'), (E'line\\nbreak; COMMIT;', NULL), ('back\\slash', 'so; so'), ('é', NULL);
         INSERT INTO child (parent_id, note) VALUES (1, NULL), (2, '\\.');",
    );
    let mut command = super::connections::postgres_program("pg_dump");
    let dump = command.arg(&source.url).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8(dump.stdout).unwrap();
    assert!(dump.contains("COPY public.parent"), "{dump}");
    // newer releases of pg_dump begin with \restrict and end with \unrestrict, older ones do not
    let restricted = format!("\\restrict abc\n\n{dump}\n\\unrestrict abc\n");
    for script in [dump.as_str(), if dump.contains("\\restrict") { &dump } else { &restricted }] {
        let database = TestDatabase::postgres();
        up(&database, script).ok();
        for query in
            ["SELECT * FROM parent ORDER BY id", "SELECT * FROM child ORDER BY id", "SELECT twice(4)", "TABLE names"]
        {
            assert_eq!(database.query(query), source.query(query));
        }
        assert_eq!(database.applied(), [1, 2]);
        database.execute("INSERT INTO parent (name) VALUES ('the sequence goes on')");
        // a line of data that the server refuses is told, and nothing is left
        let broken = TestDatabase::postgres();
        up(&broken, &script.replacen("\tfine", "\tfoul", 1)).exits(3).says("foul").says("V2__script.sql:");
        assert_eq!(broken.tables(), ["base"]);
    }
}

#[test]
fn scripts_of_every_shape_run() {
    let big = format!("INSERT INTO base VALUES (1, '{}');", "x".repeat(10 * 1024 * 1024));
    let many: String = (0..2000).map(|n| format!("INSERT INTO base VALUES ({n}, 'n; {n}');\n")).collect();
    for (script, rows) in [
        ("", 0),
        (" \n\t\n", 0),
        ("-- only a comment", 0),
        ("/* only\n a comment */", 0),
        (";;;", 0),
        ("\u{feff}", 0),
        ("INSERT INTO base VALUES (1, 'a') -- no semicolon", 1),
        ("INSERT INTO base VALUES (1, 'a'); -- no newline", 1),
        ("INSERT INTO base VALUES (1, 'a'); /* the end */", 1),
        ("\u{feff}-- mark\r\nINSERT INTO base VALUES (1, 'a');\r\n", 1),
        ("INSERT INTO base VALUES (1, 'it''s; \"quoted\"');;\n;", 1),
        ("SELECT 1; INSERT INTO base SELECT 1, 'x'; SELECT * FROM base;", 1),
        (big.as_str(), 1),
        (many.as_str(), 2000),
    ] {
        each_database(|database| {
            up(database, script).ok();
            assert_eq!(database.applied(), [1, 2]);
            assert_eq!(database.value("SELECT count(*) FROM base"), rows.to_string());
            let stored = database.value("SELECT length(up_script) FROM schema_migrations WHERE version = 2");
            // SQLite's length() of text and PostgreSQL's count characters
            assert_eq!(stored, script.chars().count().to_string());
        });
    }
    // one by one, too
    each_database(|database| {
        up(database, &format!("-- liftlock: no-transaction\n{}", many.lines().take(200).collect::<String>())).ok();
        assert_eq!(database.applied(), [1, 2]);
        for script in ["-- liftlock: no-transaction", "-- liftlock: no-transaction\n;;"] {
            let fresh = TestDatabase::new(database.kind);
            up(&fresh, script).ok();
            assert_eq!(fresh.applied(), [1, 2]);
        }
    });
}

#[test]
fn bodies_are_not_cut() {
    let postgres =
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN PERFORM 1; COMMIT; RETURN $$x;$$; END $body$;
        CREATE FUNCTION g() RETURNS void BEGIN ATOMIC INSERT INTO base VALUES (5, 'a;'); SELECT 1; END;
        DO $$ BEGIN INSERT INTO base VALUES (6, 'b'); END $$;
        SELECT g();
        CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
        INSERT INTO base VALUES (7, E'it\\'s; x'), (8, U&'d\\0061t;');";
    let sqlite = "CREATE TRIGGER t AFTER INSERT ON base WHEN new.id = 5 BEGIN
          INSERT INTO base VALUES (6, CASE WHEN 1 THEN 'b;' ELSE 'c' END);
          UPDATE base SET name = 'END;' WHERE id = 6;
        END;
        INSERT INTO base VALUES (5, 'a;');
        INSERT INTO base VALUES (7, 'x'), (8, 'y');";
    for stepwise in ["", "-- liftlock: no-transaction\n"] {
        each_database(|database| {
            let script = if database.kind == Kind::Sqlite { sqlite } else { postgres };
            up(database, &format!("{stepwise}{script}")).ok();
            assert_eq!(database.value("SELECT count(*) FROM base"), "4");
        });
    }
}

#[test]
fn an_unterminated_string_is_found_before_anything_runs() {
    for (script, place) in [
        ("SELECT 1;\n  SELECT 'open;\n", "2:10"),
        ("SELECT \"open", "1:8"),
        ("-- größe\nSELECT 'größe', 'open", "2:17"),
    ] {
        each_database(|database| {
            let ran = up(database, script).exits(3);
            assert!(ran.stderr.contains(&format!("migrations/V2__script.sql:{place}")), "{script}: {}", ran.stderr);
            assert!(database.tables().is_empty(), "{script}");
        });
    }
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
    detail: Key (id)=(1) already exists.
      cause: duplicate key value violates unique constraint "base_pkey" (23505)
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
    detail: it rains
    server's hint: come tomorrow
    context: PL/pgSQL function inner_one() line 2 at RAISE
    SQL statement "SELECT inner_one()"
    PL/pgSQL function inline_code_block line 1 at PERFORM
      cause: not today (P0042)
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
    server's hint: Perhaps you meant to reference the column "base.name".
      cause: column "nam" does not exist (42703)
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

#[test]
fn copy_data_is_taken_as_it_stands() {
    let copy = "COPY base (id, name) FROM stdin;\n1\ta; COMMIT;\n2\t'open\n3\t$$x\n4\t\\\\.\n\\.\n\nINSERT INTO base VALUES (5, 'after');\n";
    for script in [
        copy.to_owned(),
        copy.replace('\n', "\r\n"),
        format!("BEGIN;\n{copy}COMMIT;\n"),
        format!("-- liftlock: no-transaction\n{copy}"),
        "COPY base FROM stdin WITH (FORMAT csv);\n1,a\n2,\"b\nc\"\n3,d\n\\.\nINSERT INTO base VALUES (4, 'x'), (5, 'y')".to_owned(),
        "COPY base FROM stdin;\n\\.\nINSERT INTO base SELECT n, 'x' FROM generate_series(1, 5) n".to_owned(),
    ] {
        let database = TestDatabase::postgres();
        up(&database, &script).ok();
        assert_eq!(database.value("SELECT count(*) FROM base"), "5", "{script}");
    }
    // a script that fails after its data leaves none of it
    let database = TestDatabase::postgres();
    up(&database, &format!("{copy}INSERT INTO nowhere VALUES (1);")).exits(3).says("V2__script.sql:9:");
    assert_eq!(database.value("SELECT count(*) FROM base"), "0");
    up(&database, "COPY base FROM stdin;\n1\ta\n").exits(3);
    up(&database, "COPY base FROM stdin;\n1\ta\nx\tb\n\\.\n")
        .exits(3)
        .says("22P02")
        .says("line 2")
        .says("V2__script.sql:1:1");
    assert_eq!(database.applied(), [1]);
}

#[test]
fn a_temporary_table_is_not_there_for_the_next_migration() {
    // it would stand before the real one on the search path, and take its rows with it when the session ends
    let temporary =
        "CREATE TEMP TABLE base (id int);\nINSERT INTO base VALUES (7);\nDECLARE c CURSOR FOR TABLE base;\nFETCH c;";
    let stepwise = "-- liftlock: no-transaction\nCREATE TEMP TABLE base (id int);\nINSERT INTO base VALUES (7);";
    for script in [temporary, stepwise] {
        let database = TestDatabase::postgres();
        let next = "CREATE TABLE base (id int);\nINSERT INTO base VALUES (1);";
        let project = Project::new()
            .migration("V1__temporary", script, "SELECT 1;")
            .migration("V2__base", next, "DROP TABLE base;")
            .migration("V3__temporary", script, "SELECT 1;")
            .migration("V4__rows", "-- liftlock: no-transaction\nINSERT INTO base VALUES (2);", "SELECT 1;");
        project.run(&["up", "-d", &database.url]).ok();
        assert_eq!(database.query("SELECT id FROM base ORDER BY id"), ["1", "2"], "{script}");
    }
}
