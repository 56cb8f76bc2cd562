//! What applications have that a plain translation gets wrong: constraints over booleans, keys too long for an index,
//! defaults that write text, targets with rules of their own.

use super::{Done, Port};

/// Every row proven, whatever is left out being said; and the judge agrees.
#[track_caller]
fn rows_are_in(port: &Port, flags: &[&str]) -> Done {
    let done = port.run(flags).is_done();
    port.assert_same(&done);
    done
}

#[test]
fn constraints_and_indexes_over_what_became_boolean() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, deleted BOOLEAN NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)), name TEXT,
           CONSTRAINT both CHECK (deleted = 0 OR name IS NOT NULL), CONSTRAINT plain CHECK (NOT deleted OR length(name) > 1));
         INSERT INTO t VALUES (1, 0, NULL), (2, 1, 'xx');
         CREATE UNIQUE INDEX live ON t (name) WHERE deleted = 0;
         CREATE VIEW v AS SELECT id, name FROM t WHERE deleted = 1;",
    );
    let done = port.proven(&[]);
    assert_eq!(port.type_of("t", "deleted"), "boolean", "{done}");
    assert_eq!(port.target.query("SELECT id, name FROM v"), ["2|xx"]);
    for (sql, taken) in [
        ("INSERT INTO t VALUES (3, true, NULL)", false),
        ("INSERT INTO t VALUES (3, true, 'x')", false),
        ("INSERT INTO t VALUES (4, false, 'a')", true),
        ("INSERT INTO t VALUES (5, false, 'a')", false),
        ("INSERT INTO t VALUES (6, true, 'aa')", true),
        ("INSERT INTO t (id, name) VALUES (7, 'b')", true),
    ] {
        assert_eq!(port.takes(sql), taken, "{sql}");
    }
}

#[test]
fn values_too_long_for_an_index() {
    // random, so that it can't be compressed to what fits
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, b BLOB, u TEXT);
         INSERT INTO t VALUES (1, 'short', x'00', 'u'), (2, hex(randomblob(6000)), randomblob(6000), 'w');
         CREATE INDEX long_text ON t (v); CREATE INDEX long_blob ON t (b); CREATE INDEX fine ON t (u);",
    );
    let before = port.everything();
    let done = port.run(&[]);
    assert_eq!(done.ran.code, Some(1), "an index that can't be made is known from the scan: {done}");
    done.finding("t", "long_text", &[]);
    done.finding("t", "long_blob", &[]);
    if done.json["result"] == "refused" {
        assert_eq!(port.everything(), before);
    } else {
        done.all_rows_proven();
        port.assert_same(&done);
        assert_eq!(port.indexes("t").len(), 1);
    }
    let port = Port::of(
        "CREATE TABLE k (k TEXT PRIMARY KEY, n INT) WITHOUT ROWID; INSERT INTO k VALUES (hex(randomblob(6000)), 1);",
    );
    let done = port.run(&[]);
    assert_eq!(done.ran.code, Some(1), "a key that can't be made is known from the scan: {done}");
    done.finding("k", "", &[]);
}

#[test]
fn defaults_that_write_text_write_what_sqlite_writes() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP, day TEXT DEFAULT CURRENT_DATE,
           unix INT DEFAULT (strftime('%s', 'now')), epoch INT DEFAULT (unixepoch()), token TEXT DEFAULT (lower(hex(randomblob(16)))),
           n INT DEFAULT -5, r REAL DEFAULT 1e3, x BLOB DEFAULT x'00ff', s TEXT DEFAULT 'it''s', e TEXT DEFAULT (1 + 2), neg INT DEFAULT (-(3)));",
    );
    port.proven(&[]);
    port.sqlite("INSERT INTO t (id) VALUES (1)");
    port.target.execute("SET timezone = 'Asia/Tokyo'; INSERT INTO t (id) VALUES (1)");
    let connection = port.connection();
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    for exact in ["n", "r", "s", "e", "neg"] {
        assert_eq!(
            port.target.value(&format!("SELECT {exact}::text FROM t")).trim_end_matches(".0"),
            one(&format!("SELECT CAST({exact} AS TEXT) FROM t")).trim_end_matches(".0"),
            "{exact}"
        );
    }
    assert_eq!(port.target.value("SELECT x FROM t"), "\\x00ff");
    assert_eq!(port.target.value("SELECT token ~ '^[0-9a-f]{32}$' FROM t"), "t");
    assert_eq!(
        port.target.value(
            "SELECT at ~ '^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d$' AND day ~ '^\\d{4}-\\d\\d-\\d\\d$' FROM t"
        ),
        "t"
    );
    assert_eq!(
        port.target.value(
            "SELECT abs(extract(epoch FROM (at || 'Z')::timestamptz - now())) < 100 AND abs(unix::bigint - extract(epoch FROM now())) < 100 \
             AND abs(epoch - extract(epoch FROM now())) < 100 FROM t"
        ),
        "t"
    );
}

#[test]
fn generated_columns_compute_what_sqlite_computes() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT, s TEXT, r REAL,
           half INT AS (a / b), rest INT AS (a % b) STORED, both TEXT AS (s || '-' || a), up TEXT AS (upper(s)), len INT AS (length(s)),
           cut TEXT AS (substr(s, 2, 2)), big INT AS (CASE WHEN a > 5 THEN 1 ELSE 0 END), dec REAL AS (a / 2.0), rounded REAL AS (round(r, 1)), same INT AS (s = 'ab'));
         INSERT INTO t (a, b, s, r) VALUES (7, 2, 'Abc', 2.25), (-7, 2, 'ab', -2.35), (5, 0, 'é1234', 0.05), (NULL, 3, NULL, NULL), (9, -4, '', 1e300);",
    );
    rows_are_in(&port, &[]);
}

#[test]
fn checks_that_are_hard_to_say() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT CHECK (a IN ('x', 'y')), b TEXT CHECK (b LIKE 'A%'), c CHECK (typeof(c) = 'integer'),
           d TEXT CHECK (d GLOB '^a*'), e TEXT CHECK (json_valid(e)), f INT CHECK (f BETWEEN 1 AND 9), g TEXT CHECK (g = lower(g)),
           h TEXT CHECK (h < 'm'), i INT CHECK (i), CHECK (a <> b OR f IS NULL));
         PRAGMA ignore_check_constraints = on;
         INSERT INTO t VALUES (1, 'x', 'abc', 5, 'a', '{}', 5, 'é', 'b', 1);",
    );
    // an application has a function for it, which is not here
    port.sqlite(
        "PRAGMA writable_schema = on; UPDATE sqlite_schema SET sql = replace(sql, 'd GLOB ''^a*''', 'd REGEXP ''^a''');",
    );
    let done = rows_are_in(&port, &[]);
    let made = port.constraints("t", 'c');
    let unmade = done.findings().filter(|finding| finding["level"] == "left-out").count();
    assert_eq!(made.len() + unmade, 10, "each check is made or said to be left out: {made:?} {done}");
    for (column, value, taken) in [
        ("a", "'z'", false),
        ("a", "'X'", false),
        ("b", "'aq'", true),
        ("b", "'Aq'", true),
        ("b", "'bq'", false),
        ("d", "'ab'", true),
        ("d", "'ba'", false),
        ("f", "0", false),
        ("f", "9", true),
        ("g", "'A'", false),
        ("h", "'Z'", true),
        ("h", "'z'", false),
        ("i", "0", false),
        ("i", "2", true),
    ] {
        // left out, and said to be: then it can't refuse
        let open = done.findings().any(|finding| {
            finding["level"] == "left-out" && finding["object"].as_str().is_some_and(|check| check.starts_with(column))
        });
        let id = 10 + column.as_bytes()[0];
        let sql = format!("INSERT INTO t (id, c, {column}) VALUES ({id}, 1, {value}); DELETE FROM t WHERE id = {id}");
        assert_eq!(port.takes(&sql), taken || open, "{column} = {value}: {made:?} {done}");
    }
}

#[test]
fn keys_to_parents_that_are_none() {
    let port = Port::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT, a INT, b INT, UNIQUE (a, b)); INSERT INTO p VALUES (1, 'x', 1, 2), (2, 'x', 2, 1);
         CREATE TABLE c1 (id INTEGER PRIMARY KEY, code TEXT REFERENCES p (code)); INSERT INTO c1 VALUES (1, 'x');
         CREATE TABLE c2 (id INTEGER PRIMARY KEY, x INT, y INT, FOREIGN KEY (y, x) REFERENCES p (b, a)); INSERT INTO c2 VALUES (1, 1, 2), (2, NULL, 9);
         CREATE TABLE c3 (id INTEGER PRIMARY KEY, p TEXT REFERENCES p (id)); INSERT INTO c3 VALUES (1, '1');
         CREATE TABLE c4 (id INTEGER PRIMARY KEY, p INT REFERENCES P (ID) ON DELETE SET NULL); INSERT INTO c4 VALUES (1, 1);",
    );
    let done = rows_are_in(&port, &[]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    done.finding("c1", "", &["code"]);
    assert_eq!(port.constraints("c2", 'f').len(), 1, "{done}");
    assert!(port.takes("INSERT INTO c2 VALUES (9, 2, 1)") && !port.takes("INSERT INTO c2 VALUES (10, 2, 2)"));
    if port.constraints("c3", 'f').is_empty() {
        done.finding("c3", "", &[]);
    }
    assert_eq!(port.constraints("c4", 'f'), ["FOREIGN KEY (p) REFERENCES p(id) ON DELETE SET NULL"], "{done}");
    // a parent that stays behind
    port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    let done = port.run(&["--include", "c4"]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    done.finding("c4", "", &["p"]);
}

/// A source of two rows, and a target that has a rule for them.
fn target(sql: &str) -> Port {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INT); INSERT INTO t VALUES (1, 'a', 1), (2, 'a', -2);",
    );
    port.target.execute(sql);
    port
}

#[test]
fn targets_with_rules_that_the_rows_break() {
    for (sql, words) in [
        ("CREATE TABLE t (id int PRIMARY KEY, v text, n int, must int NOT NULL)", &["must"][..]),
        ("CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE, n int)", &["v"]),
        ("CREATE TABLE t (id int PRIMARY KEY, v text)", &["n"]),
        ("CREATE TABLE t (id int PRIMARY KEY, v text, n int CHECK (n > 0))", &["n"]),
        (
            "CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TABLE t (id int PRIMARY KEY, v text, n positive)",
            &["n"],
        ),
        ("CREATE TABLE t (id int PRIMARY KEY, v text, n xml)", &["n"]),
    ] {
        let port = target(sql);
        let before = port.everything();
        let done = port.run(&[]);
        assert!([Some(1), Some(3)].contains(&done.ran.code), "{sql}: {done}");
        assert_ne!(done.json["result"], "proven", "{sql}: {done}");
        let said = format!("{} {}", done.json["findings"], done.json["error"]);
        assert!(words.iter().all(|word| said.contains(word)), "{sql}: {done}");
        if done.json["result"] == "refused" {
            assert_eq!(port.everything(), before, "{sql}");
        } else if done.json["result"] == "failed" {
            assert_eq!(port.target.value("SELECT count(*) FROM t"), "0", "{sql}: {done}");
        }
    }
}

#[test]
fn targets_where_something_else_has_the_name() {
    for sql in [
        "CREATE VIEW t AS SELECT 1 AS id",
        "CREATE SEQUENCE t",
        "CREATE TABLE other (id int); CREATE INDEX t ON other (id)",
    ] {
        target(sql).refused(&[]).finding("t", "", &[]);
    }
}

#[test]
fn a_row_that_the_server_refuses_is_put_aside_alone() {
    let port = target("CREATE TABLE t (id int PRIMARY KEY, v text, n int CHECK (n > 0))");
    let done = port.run(&["--on-error", "quarantine"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("incomplete")), "{done}");
    assert_eq!(port.target.query("SELECT id FROM t"), ["1"]);
    let aside = &done.json["tables"][0]["quarantined"][0];
    assert!(aside["key"].as_str().is_some_and(|key| key.contains('2')), "{done}");
    assert!(aside.to_string().contains("-2"), "{done}");
}

#[test]
fn names_that_differ_in_case_from_the_targets() {
    let port = Port::of(
        "CREATE TABLE \"Users\" (\"Id\" INTEGER PRIMARY KEY, \"UserName\" TEXT); INSERT INTO \"Users\" VALUES (1, 'a');",
    );
    port.target.execute("CREATE TABLE users (id int PRIMARY KEY, username text)");
    let before = port.everything();
    let done = port.run(&[]);
    match done.json["result"].as_str() {
        Some("proven") => port.assert_same(&done),
        Some("refused") => assert_eq!(port.everything(), before, "{done}"),
        _ => {
            // both tables there, one of them empty, would be the worst of answers
            assert_eq!(done.ran.code, Some(1), "{done}");
            done.finding("Users", "", &[]);
        }
    }
    let port = Port::of(
        "CREATE TABLE \"Users\" (\"Id\" INTEGER PRIMARY KEY, \"UserName\" TEXT); INSERT INTO \"Users\" VALUES (1, 'a');",
    );
    port.target.execute("CREATE TABLE users (id int PRIMARY KEY, username text)");
    port.proven(&["--lowercase"]);
    assert_eq!(port.target.value("SELECT id, username FROM users"), "1|a");
}

#[test]
fn numbers_where_they_do_not_belong() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, i INT, r REAL, s VARCHAR(5), d DATE, b BOOLEAN, n NUMERIC(5,2));
         INSERT INTO t VALUES (1, 1e19, 5, 7, 20240102, 1, 1.005), (2, 2.5, 'abc', x'00', '2024-01-02 00:00:00', 'yes', 12345.6), (3, NULL, NULL, NULL, NULL, NULL, NULL);
         CREATE TABLE d (id INTEGER PRIMARY KEY, d DATE, t TIME, m DATETIME);
         INSERT INTO d VALUES (1, '2024-01-02 00:00:00', '1970-01-01 10:00:00', '2024-01-02'), (2, '2024-01-02 10:00:00', '10:00:00', '2024-01-02 10:00:00.5');",
    );
    rows_are_in(&port, &[]);
}

#[test]
fn nocase_in_each_of_its_three_ways() {
    let source = "CREATE TABLE u (id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE UNIQUE, name TEXT COLLATE NOCASE);
         INSERT INTO u VALUES (1, 'Ada@X.org', 'b'), (2, 'bob@x.org', 'B'), (3, 'Émile', 'c');
         CREATE INDEX u_name ON u (name);
         CREATE TABLE c (id INTEGER PRIMARY KEY, mail TEXT COLLATE NOCASE REFERENCES u (email));
         INSERT INTO c VALUES (1, 'ada@x.org');";
    for (how, code) in [("lower-index", 1), ("citext", 0), ("icu", 0)] {
        let port = Port::of(source);
        let done = port.run(&["--nocase", how]);
        assert_eq!(done.ran.code, Some(code), "{how}: {done}");
        done.all_rows_proven();
        // 'ada@x.org' points to 'Ada@X.org' in SQLite: no orphan, whichever way
        assert!(!done.json["findings"].to_string().contains("orphans"), "{how}: {done}");
        assert!(!port.takes("INSERT INTO u (email) VALUES ('ADA@x.ORG')"), "{how}");
        assert!(port.takes("INSERT INTO u (email) VALUES ('eve@x.org')"), "{how}");
        assert_eq!(port.takes("INSERT INTO c (mail) VALUES ('nobody')"), how == "lower-index", "{how}: the key");
        assert_eq!(port.target.query("SELECT id FROM u WHERE lower(email::text) = 'ada@x.org'"), ["1"], "{how}");
    }
    // distinct in SQLite, which knows ASCII alone, and one in citext
    let port = Port::of("CREATE TABLE u (v TEXT COLLATE NOCASE UNIQUE); INSERT INTO u VALUES ('É'), ('é');");
    port.proven(&[]);
    let port = Port::of("CREATE TABLE u (v TEXT COLLATE NOCASE UNIQUE); INSERT INTO u VALUES ('É'), ('é');");
    port.refused(&["--nocase", "citext"]).finding("u", "v", &["citext"]);
}

#[allow(dead_code)]
#[path = "../../../examples/port.rs"]
mod example;

#[test]
fn the_example_program_moves_a_database() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');");
    let source = port.connection().path().unwrap().to_owned();
    let said = example::move_to_postgres(&source, &port.target.url).unwrap();
    assert_eq!(said, "2 rows are in PostgreSQL, every one proven");
    let port = Port::of("CREATE TABLE t (v TEXT); CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;");
    let source = port.connection().path().unwrap().to_owned();
    let refused = example::move_to_postgres(&source, &port.target.url).unwrap_err();
    assert!(refused.to_string().contains("trigger `tr`"), "{refused}");
}

#[test]
fn a_target_that_a_crash_empties_is_named() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);");
    port.target.execute("CREATE UNLOGGED TABLE t (id int PRIMARY KEY)");
    port.proven(&[]).finding("t", "", &["UNLOGGED"]);
}

#[test]
fn a_view_of_truths_that_are_words_is_the_same() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, done BOOLEAN NOT NULL DEFAULT 'f'); \
         INSERT INTO t VALUES (1, 't'), (2, 'f'); CREATE VIEW v AS SELECT id, done FROM t WHERE done = 't';",
    );
    let done = port.proven(&[]);
    assert_eq!(port.type_of("t", "done"), "boolean", "{done}");
    assert_eq!(port.target.query("SELECT id FROM v"), ["1"]);
}

#[test]
fn a_type_for_a_column_that_is_not_there_is_a_mistake() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a');");
    port.refused(&["--type", "t.w=bytea"]).finding("", "t.w", &["fits no column"]);
    // a general one may be meant for another database
    port.proven(&["--type", "MONEY=numeric"]);
}
