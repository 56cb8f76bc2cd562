//! Generated columns: what the server makes of them is known for every row before the first write.

use serde_json::json;

use super::resume::others_have_ended;
use super::target_checks::without_temporary;
use super::{Done, Port};
use crate::support::{Ran, signal, until};

/// Eight rows; 3 and 5 are too large to be multiplied as integers, and 4 is divided by nothing.
const SOURCE: &str = "
    CREATE TABLE g (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER,
      m AS (a * b), q INTEGER AS (a / b) STORED, s INTEGER AS (a + b), half REAL AS (a * 0.5) NOT NULL);
    CREATE INDEX by_m ON g (m) WHERE m > 3;
    CREATE UNIQUE INDEX by_s ON g (s, id);
    CREATE VIEW v AS SELECT id, m, q FROM g WHERE m > 1;
    INSERT INTO g (id, a, b) VALUES (1, 1, 2), (2, -3, 4), (3, 5000000000, 5000000000), (4, 7, 0),
      (5, 4000000000, 4000000000), (6, 0, 1), (7, 9, NULL), (8, 8, 3);";

/// What PostgreSQL computes in a table.
fn computed(port: &Port, table: &str) -> Vec<String> {
    port.target.query(&format!(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attgenerated <> '' ORDER BY attnum"
    ))
}

fn of<'d>(done: &'d Done, table: &str, object: &str) -> Vec<&'d str> {
    let about = done.findings().filter(|finding| finding["table"] == table && finding["object"] == object);
    about.filter_map(|finding| finding["code"].as_str()).collect()
}

#[test]
fn what_can_not_be_computed_becomes_a_plain_column() {
    let port = Port::of(SOURCE);
    let dry = port.plainly(&["--dry-run"]);
    assert_eq!((dry.ran.code, &dry.json["expected"]["exit_code"]), (Some(0), &json!(0)), "{dry}");
    let told = |done: &Done| {
        let found = done.finding("g", "m", &["generated-differs", "(a * b)", "gives an error for 2 of 8 rows"]).clone();
        assert_eq!((&found["level"], &found["rows"]), (&json!("change"), &json!(2)), "{found}");
        assert_eq!(found["affected"], json!({"ranges": [[3, 3], [5, 5]], "complete": true}), "{found}");
        assert_eq!(found["examples"][0], "rowid 3: SQLite holds 2.5e19, PostgreSQL: bigint out of range");
        // it is not stored where it was computed: it is plain
        assert_eq!(of(done, "g", "m"), ["generated-differs"], "{done}");
        // NULL is what SQLite makes of a division by nothing
        assert_eq!(of(done, "g", "q"), Vec::<&str>::new(), "{done}");
    };
    told(&dry);
    assert_eq!(port.target.tables(), Vec::<String>::new());
    let done = port.proven(&[]);
    told(&done);
    assert_eq!(computed(&port, "g"), ["q", "s", "half"], "{done}");
    assert_eq!(port.indexes("g").len(), 2, "{done}");
    assert_eq!(port.target.value("SELECT count(*) FROM v"), "4");
    // the plan has it so, and a port by it does the same
    let plan = done.plan.as_ref().expect("a plan").to_string();
    assert!(plan.contains("generated-differs"), "{plan}");
    let column = |done: &Done, at: usize| done.plan.as_ref().expect("a plan")["tables"][0]["columns"][at].clone();
    assert_eq!((&column(&done, 3)["source"], column(&done, 3).get("generated")), (&json!("m"), None));
    std::fs::copy(port.project.path("plan-out.yaml"), port.project.path("plan.yaml")).expect("a plan");
    port.target.execute("DROP TABLE g CASCADE");
    let again = port.proven(&["--plan", "plan.yaml"]);
    assert_eq!(of(&again, "g", "m"), ["generated-as-plain"], "{again}");
    assert_eq!(computed(&port, "g"), ["q", "s", "half"], "{again}");
    let compared = port.compare(&["--plan", "plan.yaml"]);
    assert_eq!(compared.ran.code, Some(0), "{compared}");
}

#[test]
fn a_plan_that_insists_is_refused() {
    let port = Port::of(SOURCE);
    port.plainly(&["--dry-run", "--plan-out", "plan.yaml"]);
    let plan = std::fs::read_to_string(port.project.path("plan.yaml")).expect("a plan");
    let insists = |expression: &str| {
        let (before, after) = plan.split_once("target: m\n").expect("the column");
        let (_, rest) = after.split_once('\n').expect("its type");
        let text = format!("{before}target: m\n    type: double precision\n    generated: '{expression}'\n{rest}");
        std::fs::write(port.project.path("edited.yaml"), text).expect("written");
    };
    insists("\"a\" * \"b\"");
    let flags = ["--plan", "edited.yaml"];
    let refused = |flags: &[&str]| {
        let dry = port.plainly(&[flags, &["--dry-run"]].concat());
        assert_eq!((dry.ran.code, &dry.json["result"]), (Some(1), &json!("refused")), "{dry}");
        port.refused(flags)
    };
    let done = refused(&flags);
    let found = done.finding("g", "m", &["generated-differs", "2 of 8 rows", "bigint out of range"]);
    assert!(found["choices"].to_string().contains("take `generated` out"), "{found}");
    refused(&["--plan", "edited.yaml", "--accept", "generated-differs"]);
    // rows that the server refuses can be put aside
    let done = port.run(&["--plan", "edited.yaml", "--on-error", "quarantine"]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    assert_eq!(done.finding("g", "m", &["these rows are put aside"])["level"], "change", "{done}");
    assert_eq!(done.json["tables"][0]["state"], "exempt", "{done}");
    assert_eq!(port.target.value("SELECT count(*) FROM g"), "6", "{done}");
    port.target.execute("DROP TABLE g CASCADE; DROP TABLE liftlock_quarantine");
    // those that are something else can't
    insists("\"a\" + \"b\"");
    let done = refused(&["--plan", "edited.yaml", "--on-error", "quarantine"]);
    let found = done.finding("g", "m", &["gives something else for", "SQLite holds 2.0, PostgreSQL computes 3.0"]);
    assert_eq!((&found["level"], &found["rows"]), (&json!("blocker"), &json!(7)), "{found}");
    // nor what is no expression of columns
    insists("nowhere(\"a\")");
    refused(&flags).finding("g", "m", &["generated-differs", "PostgreSQL does not take", "nowhere"]);
}

#[test]
fn one_row_in_many_is_found_and_many_are_not_all_looked_for() {
    let port = Port::of(
        "CREATE TABLE t (a TEXT, i INTEGER, d INTEGER AS (i * 2), e INTEGER AS (i + 9223372036854770000), PRIMARY KEY (a, i)) WITHOUT ROWID;
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 50000)
         INSERT INTO t SELECT 'k', iif(i = 34567, 4611686018427387904, i) FROM c;",
    );
    let dry = port.plainly(&["--dry-run"]);
    let one = dry.finding("t", "d", &["1 of 50,000 rows", "('k', 4611686018427387904)", "bigint out of range"]);
    assert_eq!(one["affected"]["complete"], true, "{one}");
    let many = dry.finding("t", "e", &["at least 100 of 50,000 rows"]);
    assert_eq!((&many["rows"], &many["affected"]["complete"]), (&json!(100), &json!(false)), "{many}");
    port.proven(&[]);
    assert_eq!(computed(&port, "t"), Vec::<String>::new());
}

#[test]
fn what_a_target_computes_otherwise_is_a_blocker() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, twice INTEGER, own AS (upper(v)));
         INSERT INTO t VALUES (1, 'a', 2), (2, 'b', 5), (3, 'ß', 6), (4, 'd', NULL);",
    );
    port.target.execute(
        "CREATE TABLE t (id bigint PRIMARY KEY, v text COLLATE \"C\", twice bigint GENERATED ALWAYS AS (id * 2) STORED,
           own text GENERATED ALWAYS AS (upper(v)) STORED)",
    );
    let done = port.refused(&[]);
    let found = done.finding(
        "t",
        "twice",
        &["target-generated", "(id * 2)", "in 2 of 4 rows", "SQLite holds 5, PostgreSQL computes 4"],
    );
    assert_eq!(found["affected"], json!({"ranges": [[2, 2], [4, 4]], "complete": true}), "{found}");
    // with the column's own collation `ß` has no capital letter either
    assert_eq!(of(&done, "t", "own"), ["generated-target"], "{done}");
    let accept = ["--accept", "target-generated:t.twice"];
    let dry = port.plainly(&[accept[0], accept[1], "--dry-run"]);
    assert_eq!((dry.ran.code, &dry.json["result"]), (Some(0), &json!("planned")), "{dry}");
    // its values are left behind
    let left = port.run(&accept).is_proven();
    assert_eq!(port.target.query("SELECT twice::text FROM t ORDER BY id"), ["2", "4", "6", "8"], "{left}");
    assert_eq!(of(&left, "t", "twice"), ["target-generated"], "{left}");
    // as the plan that is kept says, and a comparison by it
    std::fs::copy(port.project.path("plan-out.yaml"), port.project.path("plan.yaml")).expect("a plan");
    assert_eq!(port.compare(&["--plan", "plan.yaml"]).ran.code, Some(0));
    assert_eq!(port.compare(&[]).ran.code, Some(1));
    port.run(&["--plan", "plan.yaml", "--truncate"]).is_proven();
    // the other ways out
    port.target.execute("ALTER TABLE t ALTER COLUMN twice DROP EXPRESSION");
    port.proven(&["--truncate"]);
}

#[test]
fn what_a_target_can_not_compute_is_a_blocker() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER, w REAL, x REAL AS (w * 3));
         INSERT INTO t VALUES (1, 5, 0.1), (2, 0, 0.2), (3, 2000000000, -0.0), (4, NULL, NULL);",
    );
    port.target.execute(
        "CREATE DOMAIN small AS integer CHECK (VALUE < 1000000);
         CREATE TABLE t (id bigint PRIMARY KEY, v integer, w float8, x float8 GENERATED ALWAYS AS (w * 3) STORED, no serial,
           inverse integer GENERATED ALWAYS AS (100 / v) STORED, same small GENERATED ALWAYS AS (v) STORED,
           filled integer NOT NULL GENERATED ALWAYS AS (v) STORED, numbered integer GENERATED ALWAYS AS (no + 1) STORED,
           short varchar(5) GENERATED ALWAYS AS (v || '') STORED)",
    );
    let before = port.target.value("SELECT last_value, is_called FROM t_no_seq");
    let done = port.refused(&["--accept", "target-generated-fails"]);
    let rows = |object: &str, words: &[&str]| {
        let found = done.finding("t", object, &[&["target-generated-fails"], words].concat());
        found["affected"]["ranges"].clone()
    };
    assert_eq!(rows("inverse", &["(100 / v)", "rowid 2: division by zero"]), json!([[2, 2]]), "{done}");
    assert_eq!(rows("same", &["small_check"]), json!([[3, 3]]), "{done}");
    assert_eq!(rows("filled", &["null value in column"]), json!([[4, 4]]), "{done}");
    // the server names the table on trial
    assert!(!done.json.to_string().contains("liftlock_generated"), "{done}");
    assert_eq!(rows("short", &["value too long"]), json!([[3, 3]]), "{done}");
    done.finding("t", "numbered", &["generated-untried", "reads `no`, which the target fills itself"]);
    assert_eq!(of(&done, "t", "x"), ["generated-target"], "{done}");
    assert_eq!(port.target.value("SELECT last_value, is_called FROM t_no_seq"), before, "a number was taken");
    let done = port.run(&["--on-error", "quarantine"]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    assert_eq!(done.json["tables"][0]["state"], "exempt", "{done}");
    assert_eq!(port.target.query("SELECT id::text FROM t"), ["1"], "{done}");
    let dry = port.plainly(&["--on-error", "quarantine", "--truncate", "--dry-run"]);
    assert_eq!(dry.ran.code, Some(1), "{dry}");
}

#[test]
fn what_the_run_makes_first_is_there_for_it() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, name TEXT COLLATE NOCASE, m AS (a * 2), own TEXT AS (trim(name)));
         INSERT INTO t (id, a, name) VALUES (1, 2, ' x '), (2, 9223372036854775807, 'Y');",
    );
    let dry = port.plainly(&["--nocase", "icu", "--dry-run"]);
    dry.finding("t", "m", &["generated-differs", "1 of 2 rows"]);
    assert!(!dry.json.to_string().contains("generated-untried"), "{dry}");
    let collations = "SELECT count(*) FROM pg_collation WHERE collnamespace = 'public'::regnamespace";
    assert_eq!(port.target.value(collations), "0");
    port.proven(&["--nocase", "icu"]);
    assert_eq!(computed(&port, "t"), ["own"]);
}

#[test]
fn floats_are_compared_by_their_bits() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, w REAL, x REAL, y REAL); INSERT INTO t VALUES (1, 0.1, 0.3, -0.0), (2, 1, 3, 0);",
    );
    port.target.execute(
        "CREATE TABLE t (id bigint PRIMARY KEY, w float8, x float8 GENERATED ALWAYS AS (w * 3) STORED, y float8 GENERATED ALWAYS AS (w * 0) STORED)",
    );
    let done = port.refused(&[]);
    done.finding(
        "t",
        "x",
        &["target-generated", "in 1 of 2 rows", "SQLite holds 0.3, PostgreSQL computes 0.30000000000000004"],
    );
    // SQLite keeps a whole number as an integer, and so no zero below zero
    assert_eq!(of(&done, "t", "y"), ["generated-target"], "{done}");
}

/// Ends once a statement of the server's is at work that begins so, and gives its session.
fn at_work(port: &Port, begin: &str) -> String {
    let mut pid = None;
    until("the server is asked", || {
        let sql = format!(
            "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '{begin}%'"
        );
        pid = port.target.query(&sql).pop();
        pid.is_some()
    });
    pid.expect("a session")
}

#[test]
fn it_can_be_stopped_and_cut_off() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);");
    port.target.execute(
        "CREATE FUNCTION slow(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN $1; END';
         CREATE TABLE t (id bigint PRIMARY KEY, late bigint GENERATED ALWAYS AS (slow(id)) STORED)",
    );
    let before = port.everything();
    let child = port.spawn(&[]);
    at_work(&port, "COPY pg_temp.liftlock_generated");
    signal(&child, "INT");
    let done = Done::of(Ran::wait(child));
    assert_eq!((done.ran.code, &done.json["result"]), (Some(130), &json!("interrupted")), "{done}");
    let child = port.spawn(&["--dry-run"]);
    let pid = at_work(&port, "COPY pg_temp.liftlock_generated");
    port.target.execute(&format!("SELECT pg_terminate_backend({pid})"));
    let done = Ran::wait(child);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(format!("{done:?}").contains("try generated columns"), "{done:?}");
    others_have_ended(&port);
    assert_eq!(port.everything(), before);
}

#[test]
fn what_was_decided_is_gone_on_with() {
    // a table of the target's that somebody holds ends the copy where it is
    let port = Port::of(&format!(
        "{SOURCE} CREATE TABLE t (id INTEGER PRIMARY KEY, twice INTEGER); INSERT INTO t VALUES (1, 2), (2, 5), (3, 6);
         CREATE TABLE z (id INTEGER PRIMARY KEY); INSERT INTO z VALUES (1);"
    ));
    port.target.execute(
        "CREATE TABLE t (id bigint PRIMARY KEY, twice bigint GENERATED ALWAYS AS (id * 2) STORED); CREATE TABLE z (id bigint PRIMARY KEY)",
    );
    let mut holder = port.target.client();
    holder.batch_execute("BEGIN; LOCK TABLE z IN SHARE MODE").unwrap();
    let flags = ["--create-missing", "--accept", "target-generated", "--batch-rows", "2", "--jobs", "1"];
    let child = port.spawn(&flags);
    let pid = at_work(&port, "COPY \"public\".\"z\"");
    port.target.execute(&format!("SELECT pg_terminate_backend({pid})"));
    assert_eq!(Ran::wait(child).code, Some(3));
    holder.batch_execute("COMMIT").unwrap();
    drop(holder);
    others_have_ended(&port);
    assert_eq!(port.target.query("SELECT count(*)::text FROM g UNION ALL SELECT count(*)::text FROM t"), ["8", "3"]);
    let done = port.run(&["--resume"]).is_proven();
    done.finding("g", "m", &["generated-differs", "2 of 8 rows", "becomes a plain column"]);
    assert_eq!(computed(&port, "g"), ["q", "s", "half"], "{done}");
    assert_eq!(port.target.query("SELECT twice::text FROM t ORDER BY id"), ["2", "4", "6"], "{done}");
    assert_eq!(of(&done, "t", "twice"), ["target-generated"], "{done}");
}

#[test]
fn without_the_right_to_temporary_tables_a_note_says_so() {
    let port = Port::of(
        &SOURCE
            .replace("TABLE g", "TABLE t")
            .replace("ON g", "ON t")
            .replace("FROM g", "FROM t")
            .replace("INTO g", "INTO t"),
    );
    port.target.execute("CREATE TABLE t ()");
    let url = without_temporary(&port);
    port.target.execute("DROP TABLE t");
    let done = Done::of(port.project.run(&["port", "source.db", &url, "--json", "--yes", "--dry-run"]));
    assert_eq!(done.ran.code, Some(0), "{done}");
    let note = done.finding("t", "m", &["generated-untried", "may not make temporary tables"]);
    assert_eq!(note["level"], "note", "{note}");
}
