//! The shared cases where an application has made the PostgreSQL schema, and only the data moves.

use super::{Case, compare, run_cases};

const CASES: &[Case] = &[
    ("e01", |port| {
        port.proven(&[]);
        assert_eq!(port.target.query("SELECT v FROM t ORDER BY id"), ["f", "t"]);
    }),
    ("e02", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("INSERT INTO \"Users\" (\"UserName\") VALUES ('c') RETURNING \"Id\""), "3");
    }),
    ("e04", |port| {
        port.refused(&[]).finding("t", "", &[]);
        let rows = || port.target.query("SELECT id, v FROM t ORDER BY id");
        let again = || port.target.execute("TRUNCATE t; INSERT INTO t VALUES (1, 'seed')");
        port.proven(&["--truncate"]);
        assert_eq!(rows(), ["1|mine", "2|b"]);
        again();
        // the target's row stays, and so is not what SQLite has
        let done = port.run(&["--on-conflict", "skip"]);
        assert_eq!(done.ran.code, Some(1), "{done}");
        assert_eq!(rows(), ["1|seed", "2|b"]);
        assert!(done.json.to_string().contains("exempt_rows"), "{done}");
        assert_ne!(done.json["result"], "proven", "{done}");
        again();
        port.target.execute("INSERT INTO t VALUES (7, 'stays')");
        let done = port.run(&["--on-conflict", "replace"]);
        assert!([Some(0), Some(1)].contains(&done.ran.code), "{done}");
        assert_eq!(rows(), ["1|mine", "2|b", "7|stays"]);
        assert_eq!(done.json["tables"][0]["kept_rows"], 1, "{done}");
        again();
        let done = port.run(&["--on-conflict", "error"]);
        assert!([Some(1), Some(3)].contains(&done.ran.code), "{done}");
        assert_eq!(rows(), ["1|seed"]);
        assert!(done.to_string().contains('1'), "{done}");
    }),
    ("e05", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("SELECT id, n, v FROM t"), "1|7|a");
    }),
    ("e07", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("SELECT a, b, id FROM t"), "A|B|1");
    }),
    ("e08", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("SELECT id, v FROM t"), "5|a");
        assert_eq!(port.target.value("INSERT INTO t (v) VALUES ('b') RETURNING id"), "6");
        let identity = "SELECT attidentity FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'id'";
        assert_eq!(port.target.value(identity), "a");
    }),
    ("e10", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("INSERT INTO t (v) VALUES ('c') RETURNING id"), "42");
    }),
    ("e10b", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("INSERT INTO t (v) VALUES ('c') RETURNING id"), "42");
    }),
    ("e11", |port| {
        port.proven(&[]);
        assert_eq!(port.type_of("t", "v"), "integer");
    }),
    ("e12", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("SELECT a, b FROM t"), "5|10");
        port.target.execute("TRUNCATE t");
        // computed otherwise than in SQLite
        port.target.execute(
            "ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b integer GENERATED ALWAYS AS (a * 3) STORED",
        );
        let done = port.refused(&[]);
        done.finding("t", "b", &["target-generated", "rowid 1: SQLite holds 10, PostgreSQL computes 15"]);
    }),
    ("e14", |port| {
        let before = port.everything();
        let done = port.run(&[]);
        assert_eq!(done.ran.code, Some(1), "{done}");
        done.finding("gone", "", &[]);
        if done.json["result"] == "refused" {
            assert_eq!(port.everything(), before, "{done}");
        } else {
            let connection = port.connection();
            let client = &mut port.target.client();
            let differences = compare::differences_but(&connection, client, "public", done.plan.as_ref(), &["gone"]);
            assert!(differences.is_empty(), "{differences:?}\n{done}");
            port.target.execute("TRUNCATE t");
        }
        let done = port.run(&["--exclude", "gone"]);
        assert_eq!(done.ran.code, Some(0), "{done}");
        assert_eq!(port.target.value("SELECT id, v FROM t"), "1|a");
        port.target.execute("TRUNCATE t");
        port.proven(&["--create-missing"]);
        assert_eq!(port.target.tables(), ["gone", "t"]);
    }),
    ("e15", |port| {
        port.proven(&[]);
        assert_eq!(port.target.query("SELECT v FROM t ORDER BY id"), ["f", "t", "∅"]);
    }),
    ("e17", |port| {
        port.proven(&[]);
        port.target.execute("TRUNCATE t");
        port.sqlite("INSERT INTO t VALUES (2, 'nolabel')");
        port.refused(&[]).finding("t", "v", &["rowid 2", "nolabel"]);
    }),
    ("e18", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("SELECT v = ARRAY['a', 'b'] FROM t"), "t");
    }),
    ("e20", |port| {
        let before = port.indexes("Episodes");
        port.proven(&[]);
        assert_eq!(port.constraints("Episodes", 'f'), ["FOREIGN KEY (\"Sid\") REFERENCES \"Series\"(\"Id\")"]);
        assert_eq!(port.indexes("Episodes"), before);
        assert_eq!(port.target.value("INSERT INTO \"Series\" DEFAULT VALUES RETURNING \"Id\""), "2");
    }),
];

#[test]
fn every_case_of_existing_targets() {
    run_cases("port-cases/existing", "e", ".sqlite.sql", CASES, |folder, name, port| {
        let sql = std::fs::read_to_string(folder.join(format!("{name}.postgres.sql"))).unwrap();
        port.target.execute(&sql);
    });
}

#[test]
fn what_the_target_has_under_the_name_is_not_left_out() {
    let port = super::Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a');
         CREATE TRIGGER touch AFTER UPDATE ON t BEGIN SELECT 1; END; CREATE TRIGGER other AFTER UPDATE ON t BEGIN SELECT 1; END;
         CREATE VIEW hard AS SELECT soundex(v) AS x FROM t; CREATE VIEW gone AS SELECT soundex(v) AS x FROM t;
         CREATE VIRTUAL TABLE search USING fts5(body);",
    );
    port.target.execute(
        "CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE VIEW hard AS SELECT v AS x FROM t;
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE VIEW search AS SELECT v AS body FROM t;",
    );
    let done = port.run(&[]).is_incomplete();
    let mut left_out = done.left_out();
    left_out.sort();
    assert_eq!(left_out, ["trigger", "view"], "{done}");
    for (table, object) in [("t", "touch"), ("", "hard"), ("search", "")] {
        done.finding(table, object, &["is-there", "note", "not looked into"]);
    }
    port.target.execute("TRUNCATE t");
    port.run(&["--accept", "trigger:other", "--accept", "view:gone"]).is_proven();
}
