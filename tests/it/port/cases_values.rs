//! The shared cases about values against their declared types.

use super::{Case, Port, run_cases};

/// Proven with every cell the same, and the column is of this type.
#[track_caller]
fn becomes(port: &Port, column: &str, pg_type: &str) -> super::Done {
    let done = port.proven(&[]);
    assert_eq!(port.type_of("t", column), pg_type, "{done}");
    done
}

/// The same, with a finding that has these words (a rowid, a value).
#[track_caller]
fn falls_back(port: &Port, column: &str, pg_type: &str, words: &[&str]) {
    becomes(port, column, pg_type).finding("t", column, words);
}

const CASES: &[Case] = &[
    ("a01", |port| falls_back(port, "v", "text", &["rowid 2", "abc"])),
    ("a03", |port| falls_back(port, "v", "text", &["rowid 2"])),
    ("a04", |port| falls_back(port, "v", "bytea", &["rowid"])),
    ("a06", |port| {
        let done = port.proven(&[]);
        done.finding("t", "v", &["rowid"]);
        assert!(["text", "bytea"].contains(&port.type_of("t", "v").as_str()), "{done}");
    }),
    ("a07", |port| falls_back(port, "v", "text", &["rowid"])),
    ("a09", |port| {
        port.refused(&[]).finding("t", "v", &["rowid 2"]);
        port.refused(&["--bad-text", "refuse"]);
        for (flags, pg_type, value) in [
            (["--bad-text", "strip"], "text", "AB"),
            (["--bad-text", "escape"], "text", "A\\xff\\xfeB"),
            (["--type", "t.v=bytea"], "bytea", "\\x41fffe42"),
        ] {
            port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
            port.proven(&flags);
            assert_eq!(port.type_of("t", "v"), pg_type);
            assert_eq!(port.target.value("SELECT v FROM t WHERE id = 2"), value);
        }
    }),
    ("a10", |port| {
        becomes(port, "v", "bigint");
    }),
    ("a12", |port| {
        becomes(port, "v", "bigint");
    }),
    ("a13", |port| {
        port.proven(&["--int4"]);
        assert_eq!(port.type_of("t", "v"), "integer");
    }),
    ("a15", |port| {
        becomes(port, "v", "double precision");
        assert_eq!(port.type_of("t", "w"), "double precision");
        assert_eq!(port.type_of("t", "x"), "double precision");
    }),
    ("a16", |port| {
        becomes(port, "v", "double precision");
    }),
    ("a18", |port| {
        becomes(port, "v", "text");
    }),
    ("a19", |port| {
        becomes(port, "v", "numeric(10,2)");
        assert_eq!(port.target.query("SELECT v FROM t ORDER BY id"), ["12.34", "0.10", "1000.00"]);
    }),
    ("a21", |port| falls_back(port, "v", "numeric", &["rowid 2"])),
    ("a22", |port| {
        becomes(port, "v", "numeric");
        assert_eq!(port.target.value("SELECT v FROM t WHERE id = 1"), "9007199254740993");
    }),
    ("a24", |port| {
        falls_back(port, "v", "text", &["rowid"]);
        assert_eq!(port.target.value("SELECT v FROM t WHERE id = 3"), "2024-01-02 03:04:05.123456789");
    }),
    ("a25", |port| {
        // 1970 is no time that an application means
        becomes(port, "v", "bigint");
        port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        port.proven(&["--type", "t.v=timestamptz:seconds"]);
        assert_eq!(port.target.value("SELECT v = '2024-01-02 03:04:05Z' FROM t WHERE id = 1"), "t");
    }),
    ("a27", |port| {
        becomes(port, "v", "double precision");
        port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        port.proven(&["--type", "t.v=timestamp:julian"]);
        assert_eq!(port.target.value("SELECT v FROM t WHERE id = 2"), "2024-01-02 12:00:00");
    }),
    ("a28", |port| falls_back(port, "v", "text", &["rowid 2", "2024-02-30"])),
    ("a30", |port| falls_back(port, "v", "text", &["rowid"])),
    ("a31", |port| {
        becomes(port, "v", "boolean");
        assert_eq!(port.type_of("t", "w"), "boolean");
    }),
    ("a33", |port| falls_back(port, "v", "bigint", &["rowid 2"])),
    ("a34", |port| {
        becomes(port, "v", "jsonb");
        assert_eq!(port.type_of("t", "w"), "jsonb");
    }),
    ("a36", |port| {
        let done = port.proven(&[]);
        done.finding("t", "v", &["rowid 2"]);
        assert!(["text", "json"].contains(&port.type_of("t", "v").as_str()), "{done}");
    }),
    ("a37", |port| {
        becomes(port, "v", "text");
        port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        port.proven(&["--keep-length"]).finding("t", "v", &["rowid 2"]);
        assert_eq!(port.type_of("t", "v"), "text");
    }),
    ("a39", |port| {
        becomes(port, "v", "bytea");
    }),
    ("a40", |port| {
        falls_back(port, "w", "text", &["rowid 2"]);
    }),
    ("a44", |port| {
        falls_back(port, "v", "text", &["rowid"]);
        port.target.execute("INSERT INTO t (id) VALUES (99)");
        assert_eq!(port.target.value("SELECT v || ',' || w FROM t WHERE id = 99"), "x,");
        assert!(!port.takes("INSERT INTO t (id, v) VALUES (100, NULL)"));
        assert!(!port.takes("INSERT INTO t (id, w) VALUES (100, NULL)"));
    }),
    ("a45", |port| {
        let done = port.run(&[]);
        let done = if done.ran.code == Some(0) { done.is_proven() } else { done.is_incomplete() };
        port.assert_same(&done);
        assert!(port.constraints("t", 'p').is_empty());
        assert!(
            done.findings().any(|finding| finding["table"] == "t" && finding.to_string().contains("NULL")),
            "{done}"
        );
        assert!(!port.takes("INSERT INTO t VALUES ('a', 9)"));
        assert!(port.takes("INSERT INTO t VALUES (NULL, 9)"));
    }),
    ("a47", |port| {
        becomes(port, "v", "text");
        assert_eq!(port.target.value("SELECT v FROM t WHERE id = 1"), "héllo 😀");
    }),
];

#[test]
fn every_case_of_values() {
    run_cases("port-cases/new", "a", ".sql", CASES, |_, _, _| {});
}
