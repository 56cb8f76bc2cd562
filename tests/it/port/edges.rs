//! Batches and names at their edges, types by the names that other databases give them, views upon views.

use super::{Done, Port};

/// Every row proven, whatever is left out being said; and the judge agrees.
#[track_caller]
fn rows_are_in(port: &Port, flags: &[&str]) -> Done {
    let done = port.run(flags).is_done();
    port.assert_same(&done);
    done
}

#[test]
fn batches_of_one_row() {
    let port = Port::of(
        "CREATE TABLE edges (id INTEGER PRIMARY KEY, v TEXT);
         INSERT INTO edges VALUES (-9223372036854775808, 'a'), (-1, 'b'), (0, 'c'), (1, 'd'), (9223372036854775806, 'e');
         CREATE TABLE nocase (k TEXT COLLATE NOCASE PRIMARY KEY, v INT) WITHOUT ROWID;
         INSERT INTO nocase VALUES ('a', 1), ('B', 2), ('c', 3), ('_', 4), ('Z', 5), ('É', 6), ('é', 7), ('', 8);
         CREATE TABLE trimmed (k TEXT COLLATE RTRIM, n INT, PRIMARY KEY (k, n)) WITHOUT ROWID;
         INSERT INTO trimmed VALUES ('a ', 1), ('a', 2), ('b', 1), ('', 0), (' ', 1), ('a  ', 3);
         CREATE TABLE reals (k REAL PRIMARY KEY, v INT) WITHOUT ROWID;
         INSERT INTO reals VALUES (-9e999, 1), (-1.5, 2), (0.0, 3), (0.1, 4), (0.30000000000000004, 5), (9e999, 6);
         CREATE TABLE blobs (a BLOB, b INT, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;
         INSERT INTO blobs VALUES (x'', 1), (x'00', 1), (x'0000', 2), (x'ff', 2), (x'00', 3);
         CREATE TABLE kinds (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO kinds VALUES (1, 'x'), (2.5, 'x'), ('t', 'x'), (x'00', 'x'), (1, x'00'), (1, 2);
         CREATE TABLE backwards (id INTEGER PRIMARY KEY DESC, v TEXT);
         INSERT INTO backwards VALUES (3, 'a'), (NULL, 'b'), (1, 'c'), (NULL, 'd');
         CREATE TABLE plain (id INT PRIMARY KEY, v TEXT); INSERT INTO plain VALUES (2, 'a'), (NULL, 'b'), (1, 'c');
         CREATE TABLE hidden (_rowid_ TEXT, rowid INT, v TEXT); INSERT INTO hidden VALUES ('x', 1, 'a'), ('x', 1, 'b'), ('y', 1, 'c');",
    );
    rows_are_in(&port, &["--batch-rows", "1", "--jobs", "2"]);
    let compared = port.compare(&["--plan", "plan-out.yaml"]);
    assert_eq!(compared.ran.code, Some(0), "{compared}");
}

#[test]
fn a_boundary_between_a_key_and_itself_in_other_letters() {
    // what SQLite takes for one place in its order is not one text: no row may fall between two batches
    let port = Port::of(
        "CREATE TABLE t (k TEXT COLLATE NOCASE, n TEXT COLLATE NOCASE, v INT, PRIMARY KEY (k, n)) WITHOUT ROWID;
         INSERT INTO t VALUES ('a', 'x', 1), ('A', 'y', 2), ('a', 'Z', 3), ('B', 'x', 4), ('b', 'W', 5), ('C', '1', 6);",
    );
    for rows in ["1", "2", "3", "5"] {
        rows_are_in(&port, &["--batch-rows", rows, "--jobs", "1"]);
        port.target.execute("DROP TABLE t");
    }
}

#[test]
fn rows_put_aside_of_every_kind() {
    let port = Port::of(
        "CREATE TABLE k (a TEXT, b INT, v INT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO k VALUES ('x', 1, 1), ('y', 2, 'bad'), ('z', 3, x'00ff');
         CREATE TABLE n (v INT, w TEXT); INSERT INTO n VALUES (1, 'a'), ('bad', 'b'), (1, 'a'), (2, cast(x'41fe' AS TEXT));",
    );
    let done = port.run(&["--type", "*.v=bigint", "--on-error", "quarantine"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("incomplete")), "{done}");
    assert_eq!(port.target.query("SELECT a, v FROM k"), ["x|1"], "{done}");
    assert_eq!(port.target.query("SELECT v, w FROM n"), ["1|a", "1|a"], "{done}");
    let aside: u64 = done.list("tables").map(|table| table["quarantined_rows"].as_u64().unwrap_or(0)).sum();
    assert_eq!(aside, 4, "{done}");
    for word in ["00ff", "41fe", "bad"] {
        assert!(done.json["tables"].to_string().contains(word), "{word} is lost: {done}");
    }
}

#[test]
fn declared_types_of_every_school() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a UNSIGNED BIG INT, b INT8, c NATIVE CHARACTER(70), d DOUBLE PRECISION, e LONG VARCHAR, f MEDIUMTEXT,
           g TIMESTAMP WITH TIME ZONE, h INTERVAL, i MONEY, j ENUM, k SERIAL, l BIT(1), m DATETIME(6), n VARBINARY(5), o POINT, p \"char\",
           q DECIMAL(5), r NUMERIC(10, -2), s DECIMAL(40,10), u \"TEXT[]\", v CLOB, w LONGBLOB, x YEAR, y \"my type\", z TINYINT(1));
         INSERT INTO t VALUES (1, 18446744073709551615, 5, 'c', 1.5, 'e', 'f', '2024-01-02 03:04:05+00', '1 day', 12.5, 'a', 7, 1, '2024-01-02 03:04:05.123456', x'0102', '(1,2)', 'p',
           12345, 1200, '123456789012345678901234567890.0123456789', '{a,b}', 'v', x'ff', 2024, 'y', 1),
         (2, 5, -5, '', -0.5, '', '', '2024-01-02 03:04:05+05', '', 0, 'b', 0, 0, NULL, x'', '', '', 1, 0, 1, '', '', x'', 0, 3, 0);",
    );
    rows_are_in(&port, &[]);
    // by names that have no such type in PostgreSQL, or in another sense
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v EPOCH, w EPOCH, x INT); INSERT INTO t VALUES (1, 1704164645, 1704164646, 3);",
    );
    port.proven(&["--type", "EPOCH=timestamptz:seconds", "--type", "t.x=smallint"]);
    assert_eq!(port.type_of("t", "w"), "timestamp with time zone");
    assert_eq!(port.type_of("t", "x"), "smallint");
    let done = port.plainly(&["--type", "EPOCH=nonsense"]);
    assert_eq!(done.ran.code, Some(2), "{done}");
}

#[test]
fn names_that_postgresql_can_not_have() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, \"\" TEXT); INSERT INTO t VALUES (1, 'x'); CREATE TABLE \"\" (id INTEGER PRIMARY KEY); INSERT INTO \"\" VALUES (1);",
    );
    let done = port.run(&[]);
    if done.json["result"] == "refused" {
        assert!(done.blockers().next().is_some() && port.target.tables().is_empty(), "{done}");
    } else {
        port.assert_same(&done.is_done());
    }
    let port = Port::of(
        "CREATE TABLE liftlock_port_run (id INTEGER PRIMARY KEY); INSERT INTO liftlock_port_run VALUES (1); CREATE TABLE liftlock_quarantine (x INT); INSERT INTO liftlock_quarantine VALUES (5);",
    );
    let done = port.run(&[]);
    if done.json["result"] == "refused" {
        assert!(port.target.tables().is_empty(), "{done}");
    } else {
        port.assert_same(&done.is_done());
    }
}

#[test]
fn a_sequence_that_the_narrow_type_can_not_reach() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t VALUES (5, 'a'), (3000000000, 'b'); DELETE FROM t WHERE id > 5;",
    );
    port.proven(&["--int4"]);
    assert_eq!(port.target.value("INSERT INTO t (v) VALUES ('c') RETURNING id"), "3000000001");
}

#[test]
fn defaults_with_odd_text() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'a\\b''c', b TEXT DEFAULT 'x\ny', c TEXT DEFAULT '\\x41 $1 %s', d TEXT DEFAULT 'é😀');",
    );
    port.proven(&[]);
    port.sqlite("INSERT INTO t (id) VALUES (1)");
    port.target.execute("INSERT INTO t (id) VALUES (1)");
    port.target.execute("SET standard_conforming_strings = off; INSERT INTO t (id) VALUES (2)");
    port.sqlite("INSERT INTO t (id) VALUES (2)");
    let differences = super::compare::differences(&port.connection(), &mut port.target.client(), "public", None);
    assert!(differences.is_empty(), "{differences:?}");
}

#[test]
fn views_upon_views() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, at DATETIME); INSERT INTO t VALUES (1, 'a', '2024-01-02 03:04:05'), (2, 'b', '2024-02-02 03:04:05');
         CREATE VIEW late AS SELECT id, v FROM early WHERE id > 1;
         CREATE VIEW early AS SELECT id, v FROM t;
         CREATE VIEW odd AS SELECT id, printf('%08.3f', id) AS p FROM t;
         CREATE VIEW on_odd AS SELECT p FROM odd;
         CREATE VIEW broken AS SELECT * FROM nowhere;
         CREATE VIEW days AS SELECT date(at) AS day, count(*) AS many FROM t GROUP BY date(at);
         CREATE TRIGGER tr INSTEAD OF INSERT ON early BEGIN INSERT INTO t (id, v) VALUES (NEW.id, NEW.v); END;",
    );
    let done = rows_are_in(&port, &[]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    assert_eq!(port.target.query("SELECT id, v FROM late"), ["2|b"], "{done}");
    let made = port.target.query("SELECT viewname FROM pg_views WHERE schemaname = 'public'");
    for view in ["odd", "on_odd", "broken", "days"].into_iter().filter(|view| !made.contains(&(*view).to_owned())) {
        assert_eq!(done.finding("", view, &[])["level"], "left-out", "{done}");
    }
    assert!(!made.contains(&"broken".to_owned()));
    done.finding("", "tr", &[]);
    if made.contains(&"days".to_owned()) {
        assert_eq!(port.target.query("SELECT day::text, many FROM days ORDER BY 1"), ["2024-01-02|1", "2024-02-02|1"]);
    }
}
