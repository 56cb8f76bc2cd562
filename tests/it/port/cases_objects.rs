//! The shared cases about schemas, names and objects.

use super::{Case, Port, run_cases};

/// What was left out is refused as complete, named, and accepted by its code.
#[track_caller]
fn left_out(port: &Port, words: &[&str]) {
    let done = port.incomplete(&[]);
    let left_out = |finding: &&serde_json::Value| {
        finding["level"] == "left-out" && words.iter().all(|word| finding.to_string().contains(word))
    };
    assert!(done.findings().find(left_out).is_some(), "{done}");
    let codes = done.left_out();
    let accept: Vec<&str> = codes.iter().flat_map(|code| ["--accept", code]).collect();
    port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    port.proven(&accept);
}

const CASES: &[Case] = &[
    ("b01", |port| {
        port.proven(&[]);
        assert_eq!(port.constraints("t", 'p'), ["PRIMARY KEY (b, a)"]);
    }),
    ("b03", |port| {
        port.proven(&[]);
        let types = ["i", "r", "s", "b", "a"].map(|column| port.type_of("t", column));
        assert_eq!(types, ["bigint", "double precision", "text", "bytea", "text"]);
    }),
    ("b04", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("INSERT INTO t (v) VALUES ('d') RETURNING id"), "101");
    }),
    ("b06", |port| {
        port.proven(&[]);
        assert_eq!(port.constraints("t", 'f'), ["FOREIGN KEY (parent) REFERENCES t(id)"]);
        assert!(!port.takes("INSERT INTO t VALUES (9, 8)"));
    }),
    ("b07", |port| {
        port.proven(&[]);
        assert_eq!(port.constraints("a", 'f'), ["FOREIGN KEY (b_id) REFERENCES b(id)"]);
        assert_eq!(port.constraints("b", 'f'), ["FOREIGN KEY (a_id) REFERENCES a(id)"]);
    }),
    ("b09", |port| {
        port.proven(&[]);
        assert_eq!(port.constraints("t", 'f'), ["FOREIGN KEY (pcode) REFERENCES p(code)"]);
    }),
    ("b10", |port| {
        left_out(port, &["gone"]);
        assert!(port.constraints("t", 'f').is_empty());
    }),
    ("b12", |port| {
        port.proven(&[]);
        assert_eq!(
            port.constraints("t", 'f'),
            [
                "FOREIGN KEY (a) REFERENCES p(id) ON UPDATE SET NULL ON DELETE CASCADE",
                "FOREIGN KEY (b) REFERENCES p(id) ON DELETE SET DEFAULT DEFERRABLE INITIALLY DEFERRED"
            ]
        );
    }),
    ("b13", |port| {
        port.proven(&[]);
        assert_eq!(port.constraints("t", 'f'), ["FOREIGN KEY (pid) REFERENCES p(pk)"]);
    }),
    ("b15", |port| {
        port.proven(&[]);
        for (values, taken) in [
            ("(10, 1, 'b')", true),
            ("(11, 200, 'abc')", true),
            ("(12, NULL, NULL)", true),
            ("(13, 0, 'b')", false),
            ("(14, 1, 'abcde')", false),
            ("(15, 200, 'Abc')", false),
            ("(16, 200, 'b')", false),
        ] {
            assert_eq!(port.takes(&format!("INSERT INTO t VALUES {values}")), taken, "{values}");
        }
    }),
    ("b16", |port| {
        port.proven(&[]);
        assert!(port.takes("INSERT INTO t VALUES (10, 'x', NULL)"));
        assert!(!port.takes("INSERT INTO t VALUES (11, 'y', 'z')"));
    }),
    ("b18", |port| {
        port.proven(&[]);
        assert!(port.takes("INSERT INTO t VALUES (10, 'x', 1)"));
        assert!(!port.takes("INSERT INTO t VALUES (11, 'x', 0)"));
        assert!(port.indexes("t")[0].contains("WHERE"), "{:?}", port.indexes("t"));
    }),
    ("b19", |port| {
        port.proven(&[]);
        let indexes = port.indexes("t");
        assert_eq!(indexes.len(), 2);
        assert!(indexes.iter().any(|index| index.contains("lower(") && index.contains(" ex ")), "{indexes:?}");
        assert!(indexes.iter().any(|index| index.contains("id DESC") && index.contains(" ex2 ")), "{indexes:?}");
    }),
    ("b21", |port| {
        let done = port.run(&[]);
        let made = port.target.query("SELECT viewname FROM pg_views WHERE schemaname = 'public' ORDER BY 1");
        assert_eq!(port.target.query("SELECT id, u FROM vw"), ["1|X"]);
        if made.len() == 2 {
            let done = done.is_proven();
            port.assert_same(&done);
            assert_eq!(port.target.value("SELECT y = 'x' || to_char(now() AT TIME ZONE 'UTC', 'YYYY') FROM vw2"), "t");
        } else {
            let done = done.is_incomplete();
            port.assert_same(&done);
            done.finding("", "vw2", &["strftime"]);
        }
    }),
    ("b22", |port| left_out(port, &["tr", "update t set upd"])),
    ("b24", |port| {
        port.proven(&[]);
        let types = ["a", "b", "c"].map(|column| port.type_of("t", column));
        assert_eq!(types, ["timestamp without time zone", "date", "time without time zone"]);
        port.target.execute("SET timezone = 'Asia/Tokyo'; INSERT INTO t (id) VALUES (2)");
        assert_eq!(
            port.target.value(
                "SELECT a BETWEEN (now() AT TIME ZONE 'UTC') - interval '1 minute' AND (now() AT TIME ZONE 'UTC') \
                 AND b IN ((now() AT TIME ZONE 'UTC')::date, ((now() AT TIME ZONE 'UTC') - interval '1 minute')::date) \
                 AND c IS NOT NULL FROM t WHERE id = 2"
            ),
            "t"
        );
    }),
    ("b25", |port| {
        port.proven(&[]);
        port.target.execute("SET timezone = 'Asia/Tokyo'; INSERT INTO t (id) VALUES (2)");
        assert_eq!(
            port.target.value(
                "SELECT a BETWEEN (now() AT TIME ZONE 'UTC') - interval '1 minute' AND (now() AT TIME ZONE 'UTC') \
                 FROM t WHERE id = 2"
            ),
            "t"
        );
    }),
    ("b27", |port| {
        port.proven(&[]);
        port.target.execute("INSERT INTO t (id) VALUES (2)");
        assert_eq!(port.target.value("SELECT a::int, b::int, c::text::bool, d::int FROM t WHERE id = 2"), "0|1|f|1");
        for column in ["a", "b", "c", "d"] {
            assert_eq!(port.type_of("t", column), "boolean", "{column}");
        }
    }),
    ("b28", |port| {
        port.proven(&[]);
        port.target.execute("INSERT INTO t (id) VALUES (2)");
        assert_eq!(port.target.value("SELECT a, b, c FROM t WHERE id = 2"), "dq|5|");
    }),
    ("b30", |port| {
        port.proven(&[]);
        port.target.execute("INSERT INTO t (id) VALUES (2)");
        assert_eq!(port.target.value("SELECT a, b, c FROM t WHERE id = 2"), "null|∅|NULL");
    }),
    ("b31", |port| {
        port.proven(&[]);
        port.target.execute("INSERT INTO t (id, a) VALUES (9, 7)");
        assert_eq!(port.target.value("SELECT b FROM t WHERE id = 9"), "14");
    }),
    ("b33", |port| {
        let done = port.run(&[]);
        if done.ran.code == Some(0) {
            let done = done.is_proven();
            port.assert_same(&done);
            port.target.execute("INSERT INTO t (id, j) VALUES (9, '{\"a\": \"r\"}')");
            assert_eq!(port.target.value("SELECT b FROM t WHERE id = 9"), "r");
        } else {
            let done = done.is_incomplete();
            port.assert_same(&done);
            done.finding("t", "b", &["json_extract"]);
        }
    }),
    ("b34", |port| {
        port.proven(&[]);
        assert_eq!(port.constraints("a_child", 'f'), ["FOREIGN KEY (pid) REFERENCES z_parent(id)"]);
    }),
    ("b36", |port| {
        port.proven(&[]);
        assert!(port.takes("INSERT INTO t VALUES (9, 'a  ')"));
        assert!(!port.takes("INSERT INTO t VALUES (10, 'A')"));
    }),
    ("c01", |port| {
        port.proven(&[]);
        assert_eq!(port.target.tables(), ["order", "user"]);
    }),
    ("c03", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("SELECT \"a b\", \"q\"\"uote\", \"s'q\" FROM \"my table\""), "x|y|z");
    }),
    ("c03b", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("SELECT \"c`d\", \"e.f\" FROM \"a.b\""), "x|y");
    }),
    ("c05", |port| {
        let done = port.proven(&[]);
        let table = port.target.tables().pop().unwrap();
        assert!(table.len() <= 63 && table.starts_with("a_very_long_identifier"), "{table}");
        assert!(done.findings().any(|finding| finding.to_string().contains(&table)), "{done}");
    }),
    ("c06", |port| {
        port.proven(&[]);
        let names = port.target.query(
            "SELECT DISTINCT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attname LIKE 'a\\_very%'",
        );
        assert_eq!(names.len(), 2, "{names:?}");
    }),
    ("c07", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("SELECT id, v FROM \"Ärger\""), "1|x");
        assert_eq!(port.target.value("SELECT id, v FROM \"ärger\""), "2|y");
    }),
    ("c08", |port| {
        let done = port.proven(&[]);
        for column in ["xmin", "ctid", "tableoid"] {
            done.finding("t", column, &[]);
        }
        assert_eq!(port.target.value("SELECT oid FROM t"), "3");
    }),
    ("c10", |port| {
        port.proven(&[]);
        let types = ["timestamp", "date", "interval"].map(|column| port.type_of("t", column));
        assert_eq!(types, ["timestamp without time zone", "date", "bigint"]);
    }),
    ("d01", |port| {
        left_out(port, &["fts5"]);
        assert_eq!(port.target.tables(), ["t"]);
    }),
    ("d03", |port| {
        port.proven(&[]);
        assert_eq!(port.target.value("INSERT INTO t (v) VALUES ('d') RETURNING id"), "1");
        assert!(!port.takes("INSERT INTO t (v) VALUES (NULL)"));
    }),
    ("d12", |port| {
        let done = port.proven(&[]);
        let many = port
            .connection()
            .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", [], |row| row.get::<_, i64>(0));
        assert_eq!(port.target.tables().len() as i64, many.unwrap());
        assert_eq!(done.list("tables").count(), port.target.tables().len());
    }),
];

#[test]
fn every_case_of_schemas() {
    run_cases("port-cases/new", "b", ".sql", CASES, |_, _, _| {});
}

#[test]
fn every_case_of_names() {
    run_cases("port-cases/new", "c", ".sql", CASES, |_, _, _| {});
}

#[test]
fn every_case_of_objects() {
    run_cases("port-cases/new", "d", ".sql", CASES, |_, _, _| {});
}
