//! What a port leaves behind where rows were put aside, or where it did not come to its end.

use super::Port;

/// Two users, the second of which can't be stored, and three orders, two of them the second's.
const HALF: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INT REFERENCES users);
     INSERT INTO users VALUES (1, 'a'), (2, CAST(X'410042' AS TEXT));
     INSERT INTO orders VALUES (1, 1), (2, 2), (3, 2);";

const NOT_VALID: &str = "FOREIGN KEY (user_id) REFERENCES users(id) NOT VALID";

#[test]
fn children_of_rows_put_aside_have_no_parent() {
    for flags in [&[][..], &["--single-transaction"]] {
        let port = Port::of(HALF);
        let done = port.run(&[&["--on-error", "quarantine"], flags].concat()).is_incomplete();
        assert_eq!(port.constraints("orders", 'f'), [NOT_VALID], "{done}");
        let finding = done.finding("orders", "user_id", &["orphans", "left-out", "id = 2", "id = 3", "VALIDATE"]);
        assert_eq!(finding["rows"], 2, "{done}");
        assert_eq!(done.left_out(), ["orphans"], "{done}");
        let state = |object: &&serde_json::Value| object["kind"] == "foreign key";
        assert_eq!(done.list("objects").find(state).unwrap()["state"], "changed-as-decided", "{done}");
    }
}

#[test]
fn orphans_of_the_source_are_counted_with_them() {
    let port = Port::of(HALF);
    port.sqlite("INSERT INTO orders VALUES (4, 99)");
    let done = port.run(&["--on-error", "quarantine"]).is_incomplete();
    assert_eq!(port.constraints("orders", 'f'), [NOT_VALID], "{done}");
    assert_eq!(done.finding("orders", "user_id", &["orphans", "id = 4"])["rows"], 3, "{done}");
    assert_eq!(done.left_out(), ["orphans"], "{done}");
    // accepted as what the plan knows is
    let port = Port::of(HALF);
    let done = port.run(&["--on-error", "quarantine", "--accept", "orphans:orders.user_id"]);
    assert_eq!(done.finding("orders", "user_id", &["orphans"])["accepted"], true, "{done}");
}

#[test]
fn orphans_that_no_row_put_aside_has_made_are_told_as_they_are() {
    let port = Port::of(HALF);
    port.sqlite("DELETE FROM users WHERE id = 2; DELETE FROM orders WHERE id = 3");
    let done = port.run(&[]).is_incomplete();
    done.finding("orders", "user_id", &["orphans", "rowid 2"]);
    assert_eq!(done.left_out(), ["orphans"], "{done}");
}

/// An application's own schema, the first table of which holds what collides with the source's rows.
fn colliding() -> Port {
    let port = Port::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO p VALUES (1, 'a'), (2, 'b');
         CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p); INSERT INTO c VALUES (1, 1), (2, 2);",
    );
    port.target.execute(
        "CREATE TABLE p (id int PRIMARY KEY, v text); CREATE UNIQUE INDEX once ON p (lower(v)); INSERT INTO p VALUES (9, 'A');
         CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER tr BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION f();",
    );
    port
}

const KEY: &str = "FOREIGN KEY (p) REFERENCES p(id)";

fn trigger(port: &Port) -> String {
    port.target.value("SELECT tgenabled FROM pg_trigger WHERE tgname = 'tr'")
}

#[test]
fn what_was_off_is_back_after_a_failure() {
    let port = colliding();
    // what was accepted stays so
    let first = ["--jobs", "1", "--on-conflict", "error", "--accept", "target-conflict"];
    for flags in [&first[..], &["--jobs", "1", "--resume"]] {
        let done = port.plainly(flags);
        assert_eq!(done.ran.code, Some(3), "{done}");
        assert!(done.json["error"].to_string().contains("--restart"), "{done}");
        let keys = port.constraints("c", 'f');
        assert!(keys == [KEY.to_owned()] || keys == [format!("{KEY} NOT VALID")], "{keys:?} {done}");
        assert_eq!(trigger(&port), "O", "{done}");
        assert!(done.json["notes"].to_string().contains("are back"), "{done}");
    }
    port.target.execute("DELETE FROM p");
    let done = port.plainly(&["--resume"]).is_proven();
    assert_eq!(port.constraints("c", 'f'), [KEY], "{done}");
    assert_eq!((trigger(&port), port.target.tables()), ("O".to_owned(), vec!["c".to_owned(), "p".to_owned()]));
}

#[test]
fn to_begin_anew_empties_what_keys_refer_to() {
    // the parent is in, and then the child fails
    let port = Port::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO p VALUES (1, 'a'), (2, 'b');
         CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p, v TEXT); INSERT INTO c VALUES (1, 1, 'x'), (2, 2, 'X');",
    );
    port.target.execute(
        "CREATE TABLE p (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p, v text);
         CREATE UNIQUE INDEX once ON c (lower(v));",
    );
    let done = port.plainly(&["--jobs", "1", "--accept", "target-duplicate:once"]);
    assert_eq!(done.ran.code, Some(3), "{done}");
    assert_eq!(port.constraints("c", 'f'), [KEY], "{done}");
    port.target.execute("DROP INDEX once");
    let done = port.plainly(&["--restart", "--yes"]).is_proven();
    assert_eq!(port.constraints("c", 'f'), [KEY], "{done}");
}

#[test]
fn rows_of_the_target_that_nobody_has_counted_are_not_said_to_be_none() {
    let port = Port::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO a VALUES (1, 'a'), (2, 'b');
         CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO b VALUES (1, 'b');",
    );
    port.target.execute(
        "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text);
         CREATE UNIQUE INDEX once ON b (lower(v)); INSERT INTO b VALUES (9, 'B');",
    );
    let done = port.plainly(&["--on-conflict", "error", "--jobs", "1", "--accept", "target-conflict"]);
    assert_eq!((done.ran.code, &done.json["tables"][0]["target_rows"]), (Some(3), &2.into()), "{done}");
    port.sqlite("UPDATE a SET v = 'c'");
    let done = port.plainly(&["--resume"]);
    assert_eq!((done.ran.code, &done.json["result"]), (Some(3), &"failed".into()), "{done}");
    assert!(
        done.list("tables").count() == 2 && done.list("tables").all(|table| table["target_rows"].is_null()),
        "{done}"
    );
}

#[test]
fn a_migration_of_the_schema_is_as_it_was_made() {
    let port = Port::of(HALF);
    let done = port.run(&["--on-error", "quarantine", "--emit-migrations"]).is_incomplete();
    assert_eq!(port.constraints("orders", 'f'), [NOT_VALID], "{done}");
    let files = done.json["emitted"]["files"].as_array().unwrap();
    let up = files.iter().filter_map(|file| file.as_str()).find(|file| !file.contains("down")).unwrap();
    let up = std::fs::read_to_string(port.project.path(up)).unwrap();
    assert!(up.contains("NOT VALID"), "{up}");
    // the plan is what was to be made
    let key = &done.plan.as_ref().unwrap()["tables"][1]["foreign_keys"][0];
    assert!(key["not_valid"].is_null(), "{key}");
}

#[test]
fn a_dry_run_ends_as_a_run_would() {
    let ends = |port: &Port, flags: &[&str], reason: &str| {
        let dry = port.plainly(&[&["--dry-run"], flags].concat());
        let run = port.run(flags);
        assert_eq!(dry.ran.code, run.ran.code, "{flags:?}: {dry}\n{run}");
        assert_eq!(dry.json["expected"]["exit_code"], run.ran.code.unwrap(), "{dry}");
        assert!(dry.json["expected"]["reasons"].to_string().contains(reason), "{dry}");
        dry
    };
    let port = Port::of(HALF);
    let words = port.project.run(&["port", "source.db", &port.target.url, "--dry-run", "--on-error", "quarantine"]);
    words.exits(1).says("a run would end with exit code 1: 1 row would be put aside; nothing was written");
    ends(&port, &["--on-error", "quarantine"], "1 row would be put aside");
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, at DATETIME); CREATE TABLE u (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES (1, 'a', '2020-01-01 00:00:00'), (2, 'b', NULL), (3, 'c', NULL); INSERT INTO u VALUES (1);");
    port.target.execute(
        "CREATE TABLE t (id bigint PRIMARY KEY, v text, at timestamp); CREATE TABLE u (id bigint PRIMARY KEY);
         INSERT INTO t VALUES (1, 'a', '2020-01-01'), (2, 'x', NULL), (9, 'y', NULL); INSERT INTO u VALUES (1)",
    );
    let before = port.everything();
    let dry = ends(&port, &["--on-conflict", "skip"], "1 row would not go in");
    let kept = dry.finding("t", "", &["target-keeps", "1 of 3 rows is not copied"]);
    assert_eq!((&kept["level"], kept["examples"][0].as_str()), (&"change".into(), Some("id = 2")), "{dry}");
    assert_ne!(port.everything(), before);
    // what is there is the same now, but for the row that was kept
    port.sqlite("UPDATE t SET v = 'x' WHERE id = 2");
    assert_eq!(ends(&port, &["--on-conflict", "skip"], "").ran.code, Some(0));
    port.sqlite("UPDATE t SET v = 'z' WHERE id = 2");
    assert_eq!(ends(&port, &["--on-conflict", "replace"], "").ran.code, Some(0));
}
