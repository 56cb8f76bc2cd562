//! What scripts may hold: transactions of their own, settings, data, bodies with semicolons; and what is left of it.

use crate::connections::postgres_program;
use crate::errors::{project, up};
use crate::support::{Kind, Project, TestDatabase, each_database};

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
    let mut command = postgres_program("pg_dump");
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
    let scripts = [
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
    ];
    each_database(|database| {
        for (script, rows) in scripts {
            up(database, script).ok();
            assert_eq!(database.applied(), [1, 2]);
            assert_eq!(database.value("SELECT count(*) FROM base"), rows.to_string());
            let stored = database.value("SELECT length(up_script) FROM schema_migrations WHERE version = 2");
            // SQLite's length() of text and PostgreSQL's count characters
            assert_eq!(stored, script.chars().count().to_string());
            project(script).run(&["down", "--to", "0", "-d", &database.url]).ok();
        }
    });
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

/// Our row is the transaction's first query, and what sets the transaction up has to come before it.
#[test]
fn a_script_may_set_its_transaction_up() {
    let database = TestDatabase::postgres();
    let project = Project::new()
        .migration("V1__t", "CREATE TABLE seen (level text);", "")
        .migration(
            "V2__alone",
            "-- first\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nINSERT INTO seen SELECT current_setting('transaction_isolation');",
            "",
        )
        .migration(
            "V3__wrapped",
            "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSET TRANSACTION READ WRITE;\n\
             INSERT INTO seen SELECT current_setting('transaction_isolation');\nCOMMIT;",
            "",
        );
    project.run(&["up", "-d", &database.url]).ok();
    assert_eq!(database.query("SELECT level FROM seen ORDER BY level"), ["repeatable read", "serializable"]);
}

/// Where a backslash would escape a quote, text that looks like a literal to us might be a COMMIT to the server.
#[test]
fn literals_are_the_standards_whatever_the_database_says() {
    let database = TestDatabase::postgres();
    let name = database.value("SELECT current_database()");
    database.execute(&format!("ALTER DATABASE {name} SET standard_conforming_strings = off"));
    let project = Project::new().migration("V1__t", r"CREATE TABLE t AS SELECT 'a\' AS x; -- '; COMMIT; --", "");
    project.run(&["up", "-d", &database.url]).ok();
    assert_eq!(database.value("SELECT x FROM t"), r"a\");
    assert_eq!(database.applied(), [1]);
}

#[test]
fn a_setting_inside_a_block_of_a_stepwise_script_is_refused() {
    let database = TestDatabase::postgres();
    let project = Project::new().migration(
        "V1__t",
        "-- liftlock: no-transaction\nBEGIN;\nSET search_path = other;\nCREATE TABLE t (x int);\nCOMMIT;",
        "",
    );
    project.run(&["up", "-d", &database.url]).exits(3).says("V1__t.sql:3:1").says("put it before the `BEGIN`");
    assert!(database.tables().is_empty());
}
