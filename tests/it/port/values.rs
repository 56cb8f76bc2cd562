//! Values of our own: rare bad rows, odd text, numbers and times at their edges, very wide and very large rows.

use super::Port;

/// SQL for the numbers from 1 to `upto` as `n(i)`.
pub fn series(upto: u32) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {upto})")
}

/// A table of 100,000 rows, of which those that fit `bad` hold `value`.
fn many(bad: &str, value: &str, declared: &str) -> Port {
    Port::of(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v {declared}, w TEXT);
         INSERT INTO t {} SELECT i, CASE WHEN {bad} THEN {value} ELSE i * 3 END, 'w' || i FROM n;",
        series(100_000)
    ))
}

#[test]
fn one_text_among_100_000_integers() {
    let port = many("i = 50000", "'abc'", "INTEGER");
    port.proven(&[]).finding("t", "v", &["rowid 50000", "abc"]);
    assert_eq!(port.type_of("t", "v"), "text");
    port.target.execute("DROP TABLE t");
    port.refused(&["--type", "t.v=bigint"]).finding("t", "v", &["rowid 50000", "abc"]);
}

#[test]
fn one_row_put_aside_takes_no_other_with_it() {
    let port = many("i = 50000", "'abc'", "INTEGER");
    let done = port.run(&["--type", "t.v=bigint", "--on-error", "quarantine", "--batch-rows", "7000"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("incomplete")), "{done}");
    assert_eq!(port.target.value("SELECT count(*), min(id), max(id) FROM t"), "99999|1|100000", "{done}");
    let aside = &done.json["tables"][0]["quarantined"][0];
    assert_eq!(aside["key"], "rowid 50000", "{done}");
    assert!(aside.to_string().contains("abc") && aside.to_string().contains("w50000"), "{done}");
    assert_eq!(port.differences(&done).len(), 2, "the number of rows, and the one that is missing");
}

#[test]
fn one_nul_in_100_000_texts() {
    let port = many("i = 77777", "'a' || char(0) || 'b'", "TEXT");
    port.refused(&[]).finding("t", "v", &["rowid 77777"]);
    port.proven(&["--bad-text", "strip"]);
    assert_eq!(port.target.value("SELECT v FROM t WHERE id = 77777"), "ab");
    port.target.execute("DROP TABLE t");
    port.proven(&["--bad-text", "escape"]);
    assert_eq!(port.target.value("SELECT v FROM t WHERE id = 77777"), "a\\x00b");
}

#[test]
fn five_hundred_bad_rows_are_counted_and_not_all_listed() {
    let port = many("i % 200 = 7", "'bad' || i", "INTEGER");
    let done = port.refused(&["--type", "t.v=bigint"]);
    let finding = done.finding("t", "v", &["rowid 7:"]);
    assert_eq!(finding["rows"], 500, "{done}");
    assert!(finding["examples"].as_array().unwrap().len() < 100, "{done}");
    let done = port.run(&["--type", "t.v=bigint", "--on-error", "quarantine"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("incomplete")), "{done}");
    assert_eq!(port.target.value("SELECT count(*) FROM t"), "99500");
    let table = &done.json["tables"][0];
    assert_eq!(
        (table["quarantined_rows"].as_u64(), table["quarantined"].as_array().map(Vec::len)),
        (Some(500), Some(100))
    );
    // all of them are in the file and in the table, each with its values
    let file = std::fs::read_to_string(port.project.path("liftlock-quarantine.jsonl")).unwrap();
    let mut keys: Vec<String> = file
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let values: serde_json::Value = serde_json::from_str(row["values"].as_str().unwrap()).unwrap();
            assert_eq!(row["key"], format!("rowid {}", values["id"]), "{line}");
            row["key"].as_str().unwrap().to_owned()
        })
        .collect();
    keys.sort();
    assert_eq!(keys, port.target.query("SELECT row_key FROM liftlock_quarantine ORDER BY row_key COLLATE \"C\""));
    assert_eq!(keys.len(), 500);
}

#[test]
fn rows_put_aside_say_the_storage_class_of_each_value_and_are_in_the_order_of_their_keys() {
    let port = Port::of(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER, x);
         INSERT INTO t {} SELECT -i, 'bad', NULL FROM n;
         INSERT INTO t VALUES (1, 'bad', '5'), (2, 'bad', 5), (3, 'bad', 5.0), (4, 'bad', x'35'), (5, 'bad', 1e18),
             (6, 'bad', 9e999), (7, 'bad', -9e999), (8, 'bad', CAST(x'610062' AS TEXT)), (9, 'bad', CAST(x'ff' AS TEXT)),
             (10, 'bad', x'610062'), (11, 'bad', '{{\"blob\": \"35\"}}'), (12, 'bad', 5e-324), (13, 'bad', NULL);
         CREATE TABLE pairs (a INT, b INT, v INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO pairs VALUES (10, 2, 'bad'), (9, 10, 'bad'), (9, 9, 'bad'), (-9, 9, 'bad');",
        series(3)
    ));
    let done =
        port.run(&["--type", "*.v=bigint", "--type", "t.x=bytea", "--on-error", "quarantine", "--batch-rows", "4"]);
    let rows = |table: &str| {
        let file = std::fs::read_to_string(port.project.path("liftlock-quarantine.jsonl")).unwrap();
        let rows = file.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.filter(|row| row["table"] == table).collect::<Vec<_>>()
    };
    let keys = |table| rows(table).iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(keys("t"), (-3..14).filter(|id| *id != 0).map(|id| format!("rowid {id}")).collect::<Vec<_>>(), "{done}");
    assert_eq!(keys("pairs"), ["key (-9, 9)", "key (9, 9)", "key (9, 10)", "key (10, 2)"]);
    let shown =
        |at: usize| done.list("tables").find(|table| table["source"] == "t").unwrap()["quarantined"][at].clone();
    assert_eq!((&shown(3)["key"], &shown(12)["key"]), (&"rowid 1".into(), &"rowid 10".into()), "{done}");
    let values: Vec<String> = rows("t")[3..]
        .iter()
        .map(|row| {
            let values: serde_json::Value = serde_json::from_str(row["values"].as_str().unwrap()).unwrap();
            values["x"].to_string()
        })
        .collect();
    let least = format!("0.{}5", "0".repeat(323));
    let expected = [
        r#""5""#,
        "5",
        "5.0",
        r#"{"blob":"35"}"#,
        "1000000000000000000.0",
        r#"{"real":"Infinity"}"#,
        r#"{"real":"-Infinity"}"#,
        r#"{"text":"610062"}"#,
        r#"{"text":"ff"}"#,
        r#"{"blob":"610062"}"#,
        r#""{\"blob\": \"35\"}""#,
        &least,
        "null",
    ];
    assert_eq!(values, expected);
}

/// What the server alone refuses, more than are sent at once, is found one by one; a run that goes on after it knows
/// these rows, too.
#[cfg(feature = "crash-tests")]
#[test]
fn refused_rows_are_known_to_the_run_that_goes_on() {
    let port = Port::of(&format!(
        "CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v INT, filler TEXT) WITHOUT ROWID;
         INSERT INTO t {series} SELECT 'k' || i, i, hex(zeroblob(400)) FROM n;
         CREATE TABLE u (v INT, w TEXT); INSERT INTO u {series} SELECT i, 'w' || i FROM n;",
        series = series(9000)
    ));
    port.target.execute(
        "CREATE TABLE t (k text, v bigint CHECK (v % 1000 <> 17), filler text);
         CREATE TABLE u (v bigint CHECK (v % 1000 <> 18), w text)",
    );
    let flags = ["--on-error", "quarantine", "--batch-rows", "1000", "--jobs", "1"];
    assert_eq!(port.killed_at("port-batch-committed#6", &flags).code, None);
    super::resume::others_have_ended(&port);
    let done = port.plainly(&["--resume", "--on-error", "quarantine", "--jobs", "2"]).is_incomplete();
    let table = |name: &str| done.list("tables").find(|is| is["source"] == name).unwrap();
    for name in ["t", "u"] {
        assert_eq!(
            (table(name)["quarantined_rows"].as_u64(), table(name)["state"].as_str()),
            (Some(9), Some("exempt"))
        );
    }
    let file = std::fs::read_to_string(port.project.path("liftlock-quarantine.jsonl")).unwrap();
    assert_eq!(file.lines().count(), 18);
    // a difference is told without the refused rows
    port.target.execute(
        "DROP TABLE t, u, liftlock_quarantine; CREATE TABLE t (k text, v bigint CHECK (v % 1000 <> 17), filler text)",
    );
    let flags = ["--include", "t", "--on-error", "quarantine", "--batch-rows", "1000", "--jobs", "1"];
    assert_eq!(port.killed_at("port-batch-committed#1", &flags).code, None);
    super::resume::others_have_ended(&port);
    port.target.execute("UPDATE t SET v = 16 WHERE v = 15");
    let done = port.plainly(&["--resume", "--on-error", "quarantine", "--batch-rows", "1000"]);
    assert_eq!(done.json["result"], "differs", "{done}");
    let is = &done.json["tables"][0];
    assert_eq!(is["differences"].as_array().map(Vec::len), Some(1), "{done}");
    assert!((1..=2).contains(&is["differing_hash_ranges"].as_array().unwrap().len()), "{done}");
    assert_eq!(done.difference("t", "changed", "k15")["columns"][0]["target"], "16", "{done}");
    assert_eq!(is["quarantined_rows"], 9, "{done}");
}

#[test]
fn wide_tables() {
    let columns = |many: u32| (0..many).map(|at| format!("c{at} INT")).collect::<Vec<_>>().join(", ");
    let values = |many: u32| (0..many).map(|at| (at * 7).to_string()).collect::<Vec<_>>().join(", ");
    let wide = |many| format!("CREATE TABLE wide ({}); INSERT INTO wide VALUES ({});", columns(many), values(many));
    Port::of(&wide(500)).proven(&[]);
    Port::of(&wide(900)).proven(&[]);
    // as many as there may be, in a row that a page takes
    Port::of(&format!("CREATE TABLE wide ({}); INSERT INTO wide (c0, c1599) VALUES (1, 2)", columns(1600))).proven(&[]);
    let done = Port::of(&wide(1700)).refused(&[]);
    done.finding("wide", "", &["1,700", "1,600"]);
}

#[test]
fn a_row_that_no_page_takes_is_seen_by_the_scan() {
    let columns = (0..1500).map(|at| format!("c{at} INT")).collect::<Vec<_>>().join(", ");
    let values = (0..1500).map(|at| at.to_string()).collect::<Vec<_>>().join(", ");
    let nulls = vec!["NULL"; 1500].join(", ");
    let port = Port::of(&format!("CREATE TABLE wide ({columns}); INSERT INTO wide VALUES ({nulls}), ({values})"));
    port.refused(&[]).finding("wide", "", &["rowid 2"]);
}

#[test]
fn large_values() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB, v TEXT)");
    port.sqlite("INSERT INTO t VALUES (1, randomblob(50000000), NULL), (2, NULL, replace(hex(zeroblob(8000000)), '00', 'aé€😀'))");
    let done = port.run(&[]).is_proven();
    // by the servers' own functions: a judge of text would take long over this much
    let hash = |sql: &str| port.target.value(sql);
    let connection = port.connection();
    let blob: Vec<u8> = connection.query_row("SELECT b FROM t WHERE id = 1", [], |row| row.get(0)).unwrap();
    let text: String = connection.query_row("SELECT v FROM t WHERE id = 2", [], |row| row.get(0)).unwrap();
    assert_eq!((blob.len(), text.len()), (50_000_000, 80_000_000));
    let mut client = port.target.client();
    let row = client.query_one("SELECT b FROM t WHERE id = 1", &[]).unwrap();
    assert!(row.get::<_, Vec<u8>>(0) == blob, "{done}");
    let row = client.query_one("SELECT v FROM t WHERE id = 2", &[]).unwrap();
    assert!(row.get::<_, String>(0) == text, "{done}");
    assert_eq!(hash("SELECT count(*) FROM t WHERE (b IS NULL) = (id = 2) AND (v IS NULL) = (id = 1)"), "2");
}

#[test]
fn odd_text_in_values_and_in_names() {
    let odd = [
        "a\tb",
        "a\nb",
        "a\r\nb",
        "\\",
        "\\.",
        "\\N",
        "\\\\N",
        "😀👩‍👩‍👧",
        "\u{fffe}",
        "\u{feff}x",
        "'\"`",
        "%s",
        "{}",
        "NULL",
        " ",
        "",
    ];
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, u TEXT UNIQUE)");
    let connection = port.connection();
    for text in odd {
        connection.execute("INSERT INTO t (v, u) VALUES (?1, ?1)", [text]).unwrap();
    }
    for (at, text) in odd.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        let quoted = |name: String| format!("\"{}\"", name.replace('"', "\"\""));
        let (table, column) = (quoted(format!("{text}{at}")), quoted((*text).to_owned()));
        connection
            .execute_batch(&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column} TEXT UNIQUE)"))
            .unwrap();
        connection.execute(&format!("INSERT INTO {table} VALUES (1, ?1), (2, NULL)"), [text]).unwrap();
    }
    port.proven(&[]);
    assert_eq!(port.target.value("SELECT count(DISTINCT v) FROM t"), odd.len().to_string());
}

#[test]
fn utf_16_in_either_order() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let port = Port::of(&format!("PRAGMA encoding = '{encoding}'"));
        port.sqlite(
            "CREATE TABLE \"Größe\" (\"schlüssel\" TEXT PRIMARY KEY, v TEXT DEFAULT 'ü') WITHOUT ROWID;
             INSERT INTO \"Größe\" VALUES ('héllo 😀', 'z'), ('日本', NULL), ('', '');
             CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO n VALUES (1, 'ok'), (2, 'a' || char(0) || 'b');",
        );
        port.refused(&[]).finding("n", "v", &["rowid 2"]);
        port.proven(&["--bad-text", "strip"]);
        assert_eq!(port.target.value("SELECT v FROM \"Größe\" WHERE \"schlüssel\" = 'héllo 😀'"), "z");
        port.target.execute("INSERT INTO \"Größe\" VALUES ('new')");
        assert_eq!(port.target.value("SELECT v FROM \"Größe\" WHERE \"schlüssel\" = 'new'"), "ü");
    }
}

#[test]
fn times() {
    let port = Port::of(
        "CREATE TABLE good (id INTEGER PRIMARY KEY, d DATE, t TIME, dt DATETIME, z TIMESTAMP, s DATETIME, ms DATETIME, us DATETIME);
         INSERT INTO good VALUES
           (1, '2024-02-29', '23:59:59.999999', '2024-02-29 23:59:59.123456', '2024-02-29T23:59:59+05:30', 1704164645, 1704164645123, 1704164645123456),
           (2, '0001-01-01', '00:00', '1582-10-10 00:00', '1999-12-31 00:00:00Z', 4000000000, 4000000000000, 4000000000000000),
           (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
         CREATE TABLE bad (id INTEGER PRIMARY KEY, t TIME, h TIME, d DATE, e DATETIME, f DATETIME, early DATETIME, two DATETIME);
         INSERT INTO bad VALUES
           (1, '10:00:00', '24:00:00', '2023-02-29', '', '2024-01-01 00:00:60', 100000, 1704164645),
           (2, '25:10:00', '01:00', '2024-01-01', '2024-01-01', '2024-01-01', 1704164645, 1704164645123);",
    );
    let done = port.proven(&[]);
    let expected = [
        ("d", "date"),
        ("t", "time without time zone"),
        ("dt", "timestamp without time zone"),
        ("z", "timestamp with time zone"),
        ("s", "timestamp with time zone"),
        ("ms", "timestamp with time zone"),
        ("us", "timestamp with time zone"),
    ];
    for (column, pg_type) in expected {
        assert_eq!(port.type_of("good", column), pg_type, "{column}: {done}");
    }
    done.finding("good", "z", &[]);
    for column in ["s", "ms", "us"] {
        assert_eq!(done.finding("good", column, &[])["level"], "assumption", "{done}");
    }
    assert_eq!(port.target.value("SELECT us = '2024-01-02 03:04:05.123456Z' FROM good WHERE id = 1"), "t");
    for (column, rowid) in [("t", 2), ("h", 1), ("d", 1), ("e", 1), ("f", 1)] {
        assert_eq!(port.type_of("bad", column), "text", "{column}");
        done.finding("bad", column, &[&format!("rowid {rowid}")]);
    }
    for column in ["early", "two"] {
        assert_eq!(port.type_of("bad", column), "bigint", "{column}");
    }
}

#[test]
fn numbers_at_their_edges() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL, n NUMERIC, d DECIMAL(20,4), i BIGINT, x);
         INSERT INTO t VALUES (-9223372036854775808, 9e999, 1e300, 1234567890123456, -9223372036854775808, 1e-320),
           (9223372036854775807, -9e999, 5e-324, 0.0001, 9223372036854775807, 0.1),
           (0, -0.0, 1.7976931348623157e308, -99999.5, 0, 9007199254740993),
           (-1, 1e16, 123456789012345678, NULL, NULL, -9e999);",
    );
    let done = port.proven(&[]);
    assert_eq!(port.type_of("t", "r"), "double precision");
    assert_eq!(port.type_of("t", "id"), "bigint");
    assert_eq!(port.target.value("SELECT r FROM t WHERE id = 9223372036854775807"), "-Infinity", "{done}");
    // the last number is taken: as in SQLite with AUTOINCREMENT, there is no next one to give without an error
    assert!(!port.takes("INSERT INTO t (r) VALUES (1)"));
}

#[test]
fn sequences_of_empty_and_negative_keys() {
    let port = Port::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO a VALUES (-5, 'x'), (-3, 'y');
         CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT);
         CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO c VALUES (900, 'x'); DELETE FROM c;
         CREATE TABLE d (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO d VALUES (41, 'x');",
    );
    port.proven(&[]);
    for (table, next) in [("a", "1"), ("b", "1"), ("c", "901"), ("d", "42")] {
        assert_eq!(port.target.value(&format!("INSERT INTO {table} (v) VALUES ('n') RETURNING id")), next, "{table}");
    }
}

#[test]
fn keys_of_every_kind() {
    let port = Port::of(&format!(
        "CREATE TABLE shadow (rowid TEXT, oid INT, _rowid_ BLOB); INSERT INTO shadow VALUES ('a', 1, x'01'), ('b', 1, x'01'), ('a', 1, x'01');
         CREATE TABLE half (rowid TEXT, v INT); INSERT INTO half {series} SELECT 'r' || (i % 7), i FROM n;
         CREATE TABLE twice (a TEXT, b REAL); INSERT INTO twice {series} SELECT i % 3, i % 2 + 0.5 FROM n;
         CREATE TABLE words (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO words {series} SELECT 'k' || i, i FROM n;
         CREATE TABLE pair (a TEXT, b INT, v TEXT, PRIMARY KEY (b DESC, a)) WITHOUT ROWID; INSERT INTO pair {series} SELECT 'a' || (i % 10), i / 10, NULL FROM n;
         CREATE TABLE nocase (k TEXT COLLATE NOCASE PRIMARY KEY, v INT) WITHOUT ROWID; INSERT INTO nocase VALUES ('a', 1), ('B', 2), ('c', 3);
         CREATE TABLE blobs (k BLOB PRIMARY KEY) WITHOUT ROWID; INSERT INTO blobs VALUES (x''), (x'00'), (x'ff');
         CREATE TABLE mixed (k PRIMARY KEY, v INT); INSERT INTO mixed VALUES (1, 1), ('1', 2), (x'31', 3), (1.5, 4);
         CREATE TABLE texts (k TEXT PRIMARY KEY, v INT); INSERT INTO texts {series} SELECT 'é' || i, i FROM n;",
        series = series(1000)
    ));
    // `mixed` has keys that are one in every type of PostgreSQL's: it can't come over as it is
    let done = port.run(&["--exclude", "mixed", "--batch-rows", "100", "--jobs", "2"]);
    let done = if done.ran.code == Some(0) { done.is_proven() } else { done.is_incomplete() };
    let client = &mut port.target.client();
    let but = super::compare::differences_but(&port.connection(), client, "public", done.plan.as_ref(), &["mixed"]);
    assert!(but.is_empty(), "{}\n{done}", but.join("\n"));
    assert_eq!(port.constraints("pair", 'p'), ["PRIMARY KEY (b, a)"]);
    port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    let done = port.run(&[]);
    assert_ne!(done.json["result"], "failed", "keys that fall together have to be seen by the scan: {done}");
    if done.json["result"] == "refused" {
        assert!(port.target.tables().is_empty());
    } else {
        port.assert_same(&done);
    }
    done.finding("mixed", "", &[]);
}

#[test]
fn a_key_takes_no_type_in_which_two_of_its_values_are_one() {
    let port = Port::of(
        "CREATE TABLE a (t DATETIME UNIQUE, u UUID UNIQUE, d DECIMAL UNIQUE, p UUID);
         INSERT INTO a VALUES ('2024-01-02 03:04:00', '7d444840-9dc0-11d1-b245-5ffdce74fad2', 1, '7d444840-9dc0-11d1-b245-5ffdce74fad2');
         INSERT INTO a VALUES ('2024-01-02T03:04', '7D444840-9DC0-11D1-B245-5FFDCE74FAD2', 2, '7D444840-9DC0-11D1-B245-5FFDCE74FAD2');
         CREATE TABLE parent (id VARCHAR(36) PRIMARY KEY); INSERT INTO parent VALUES ('7d444840-9dc0-11d1-b245-5ffdce74fad2');
         CREATE TABLE child (id INTEGER PRIMARY KEY, pid UUID REFERENCES parent); INSERT INTO child VALUES (1, '7d444840-9dc0-11d1-b245-5ffdce74fad2');",
    );
    let done = port.proven(&[]);
    assert_eq!(port.type_of("a", "t"), "text", "{done}");
    assert_eq!(port.type_of("a", "u"), "text", "{done}");
    assert_eq!(port.type_of("a", "p"), "uuid", "{done}");
    done.finding("a", "p", &[]);
    assert_eq!(port.constraints("child", 'f'), ["FOREIGN KEY (pid) REFERENCES parent(id)"]);
    assert_eq!(port.type_of("child", "pid"), port.type_of("parent", "id"));
}

#[test]
fn json_that_jsonb_would_change() {
    let odd = [
        ("twice", r#"{"a":1,"a":2}"#),
        ("nul", r#"{"a":"\u0000"}"#),
        ("surrogate", r#"["\ud800"]"#),
        ("minus", "[-0]"),
        ("huge", "[1e400000]"),
        ("five", "{a:1}"),
    ];
    let columns: Vec<String> = odd.iter().map(|(name, _)| format!("{name} JSON")).collect();
    let port = Port::of(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, good JSON, {})", columns.join(", ")));
    let connection = port.connection();
    let good = r#"{"z":[1.50,1e5,"é\u00e9","\ud83d\ude00"],"a":{"b":null},"big":12345678901234567890.123}"#;
    connection.execute("INSERT INTO t (id, good) VALUES (1, ?1), (2, '5'), (3, '1.50')", [good]).unwrap();
    for (name, text) in odd {
        connection.execute(&format!("UPDATE t SET {name} = ?1 WHERE id = 1"), [text]).unwrap();
    }
    let done = port.proven(&[]);
    assert_eq!(port.type_of("t", "good"), "jsonb", "{done}");
    for (name, text) in odd {
        assert!(["text", "json"].contains(&port.type_of("t", name).as_str()), "{name} {text}: {done}");
        done.finding("t", name, &["rowid 1"]);
    }
}

#[test]
fn booleans_and_their_words() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a BOOLEAN, b BOOL DEFAULT 'true', c BOOLEAN DEFAULT 1);
         INSERT INTO t VALUES (1, 0, 'true', 'FALSE'), (2, 1, 'false', 'True'), (3, NULL, NULL, NULL);",
    );
    port.proven(&[]);
    for column in ["a", "b", "c"] {
        assert_eq!(port.type_of("t", column), "boolean", "{column}");
    }
    assert_eq!(port.target.value("INSERT INTO t (a) VALUES (true) RETURNING id, b, c"), "4|t|t");
}
