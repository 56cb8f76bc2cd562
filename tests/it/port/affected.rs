//! Which rows a finding is about: all of them, in ranges, up to a bound.

use serde_json::{Value, json};

use super::Port;

/// Rows 1 to 1,000: every tenth `n` is text, 17 and 20 to 31 of `body` hold a NUL, 40 and 41 have no parent.
const SOURCE: &str = "
    CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
    CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, body TEXT, p INTEGER REFERENCES p(id));
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000)
    INSERT INTO t SELECT i, iif(i % 10 = 0, 'n/a', i),
                         iif(i = 17 OR i BETWEEN 20 AND 31, CAST(x'610062' AS TEXT), 'fine'),
                         iif(i IN (40, 41), 7, 1) FROM c;";

fn affected<'a>(findings: &'a Value, code: &str) -> &'a Value {
    let all = findings.as_array().into_iter().flatten();
    let mut of_code = all.filter(|finding| finding["code"] == code);
    of_code.next().map_or(&Value::Null, |finding| &finding["affected"])
}

#[test]
fn a_finding_names_every_row() {
    let port = Port::of(SOURCE);
    let done = port.refused(&[]);
    let findings = &done.json["findings"];
    assert_eq!(affected(findings, "bad-text"), &json!({"ranges": [[17, 17], [20, 31]], "complete": true}), "{done}");
    assert_eq!(affected(findings, "orphans"), &json!({"ranges": [[40, 41]], "complete": true}), "{done}");
    let tens: Vec<[i64; 2]> = (1..=100).map(|ten| [10 * ten, 10 * ten]).collect();
    assert_eq!(affected(findings, "mixed-values"), &json!({"ranges": tens, "complete": true}), "{done}");
    // the plan as a file has the same, and can be read again
    let plan = done.plan.as_ref().expect("a plan");
    assert_eq!(affected(&plan["findings"], "bad-text"), affected(findings, "bad-text"));
    let text = port.project.read("plan-out.yaml");
    assert!(text.contains("- [20, 31]\n"), "a range a line: {text}");
    let again = port.run(&["--plan", "plan-out.yaml"]);
    assert_eq!(again.json["result"], "refused", "{again}");
    let said = port.project.run(&["port", "source.db", &port.target.url, "--dry-run"]).stdout;
    assert!(said.contains("    rows: 17, 20–31\n"), "{said}");
    assert!(said.contains("    rows: 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, … and 90 more\n"), "{said}");
}

#[test]
fn there_is_a_bound_and_it_says_so() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 6000)
         INSERT INTO t SELECT i, iif(i % 2, 'odd', i) FROM c;",
    );
    let done = port.run(&[]);
    let finding = done.finding("t", "n", &["mixed-values"]);
    assert_eq!(finding["rows"], 3000);
    assert_eq!(finding["affected"]["ranges"].as_array().map(Vec::len), Some(1000), "{done}");
    assert_eq!(finding["affected"]["complete"], false);
    let said = port.project.run(&["port", "source.db", &port.target.url, "--dry-run", "--schema", "other"]).stdout;
    assert!(said.contains("17, 19, … and 2,990 more\n"), "{said}");
}

#[test]
fn rows_without_a_rowid_are_named_by_their_keys() {
    let port = Port::of(
        "CREATE TABLE k (a TEXT, b INTEGER, n INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO k VALUES ('x', 1, 'odd'), ('x', 2, 5), ('y''s', 1, 'odd');
         CREATE TABLE i (id INTEGER PRIMARY KEY, n INTEGER) WITHOUT ROWID;
         INSERT INTO i VALUES (7, 'odd'), (8, 'odd'), (9, 1);",
    );
    let done = port.run(&[]);
    assert_eq!(
        done.finding("k", "n", &["mixed-values"])["affected"],
        json!({"keys": ["('x', 1)", "('y''s', 1)"], "complete": true})
    );
    assert_eq!(done.finding("i", "n", &["mixed-values"])["affected"], json!({"ranges": [[7, 8]], "complete": true}));
}

#[test]
fn nulls_that_may_not_be_and_keys_that_become_one() {
    let port = Port::of(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER);
         INSERT INTO t VALUES (NULL, 1), ('a', NULL), (NULL, NULL), ('b', NULL);
         CREATE TABLE u (id INTEGER PRIMARY KEY, k UUID UNIQUE);
         INSERT INTO u VALUES (1, '7d444840-9dc0-11d1-b245-5ffdce74fad2'), (2, NULL),
                              (3, '7D444840-9DC0-11D1-B245-5FFDCE74FAD2');",
    );
    let done = port.run(&[]);
    assert_eq!(
        done.finding("t", "k", &["null-in-primary-key"])["affected"],
        json!({"ranges": [[1, 1], [3, 3]], "complete": true})
    );
    assert_eq!(
        done.finding("u", "k", &["key-collision"])["affected"],
        json!({"ranges": [[1, 1], [3, 3]], "complete": true})
    );
    port.target
        .execute("DROP TABLE t, u; CREATE TABLE t (k text, v bigint NOT NULL); CREATE TABLE u (id bigint, k text)");
    let done = port.refused(&[]);
    assert_eq!(
        done.finding("t", "v", &["null-in-not-null"])["affected"],
        json!({"ranges": [[2, 4]], "complete": true})
    );
}
