//! Ports that end badly, and what they must never do on the way: take away what was there, prove what is not so, leave
//! something switched off without a word.

use super::Port;

/// A table of the application's that keeps the rows that it holds.
fn beside() -> Port {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'mine'), (2, 'b'), (3, 'c');
         CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO u VALUES (1, 'u');",
    );
    port.target.execute(
        "CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'seed'), (7, 'stays');
         CREATE TABLE u (id bigint PRIMARY KEY, v text); INSERT INTO u VALUES (9, 'stays too');",
    );
    port
}

#[cfg(feature = "crash-tests")]
#[test]
fn rows_that_stay_outlive_a_restart() {
    for how in ["skip", "replace", "error"] {
        for point in ["port-batch-begun#1", "port-batch-committed#1", "port-batch-committed#2"] {
            let port = beside();
            if how == "error" {
                port.target.execute("DELETE FROM t WHERE id = 1");
            }
            let killed = port.killed_at(point, &["--on-conflict", how, "--jobs", "1"]);
            assert_eq!(killed.code, None, "{point}: {killed:?}");
            super::resume::others_have_ended(&port);
            let done = port.plainly(&["--restart", "--on-conflict", how, "--yes"]);
            let stays =
                port.target.query("SELECT id, v FROM t WHERE id = 7 UNION ALL SELECT id, v FROM u WHERE id = 9");
            assert_eq!(stays, ["7|stays", "9|stays too"], "{how} {point}: {done}");
            if how == "error" && point != "port-batch-begun#1" {
                // a second time, its own rows would be in the way of each other
                assert_eq!(done.ran.code, Some(3), "{point}: {done}");
                assert_eq!(port.target.query("SELECT id, v FROM t ORDER BY id"), ["1|mine", "2|b", "3|c", "7|stays"]);
                assert!(done.ran.stderr.contains("--resume"), "{done}");
            } else {
                let first = if how == "skip" { "1|seed" } else { "1|mine" };
                assert_eq!(port.target.query("SELECT id, v FROM t ORDER BY id"), [first, "2|b", "3|c", "7|stays"]);
                assert_eq!(done.json["result"], if how == "skip" { "incomplete" } else { "proven" }, "{point}: {done}");
            }
        }
    }
}

#[cfg(feature = "crash-tests")]
#[test]
fn rows_that_others_have_added_outlive_a_restart() {
    for existing in [false, true] {
        let port =
            Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');");
        if existing {
            port.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, v text)");
        }
        let killed = port.killed_at("port-batch-committed#1", &["--batch-rows", "1", "--jobs", "1"]);
        assert_eq!(killed.code, None, "{killed:?}");
        super::resume::others_have_ended(&port);
        port.target.execute("INSERT INTO t VALUES (99, 'of the application')");
        let before = port.everything();
        let done = port.plainly(&["--restart", "--yes"]);
        assert_eq!(done.ran.code, Some(3), "{done}");
        assert_eq!(port.everything(), before, "{done}");
        port.target.execute("DELETE FROM t WHERE id = 99");
        port.run(&["--restart"]).is_proven();
    }
}

#[cfg(feature = "crash-tests")]
#[test]
fn a_restart_where_a_table_was_dropped_by_hand() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE c (id INTEGER PRIMARY KEY, t INT REFERENCES t); CREATE VIEW w AS SELECT v FROM t;",
    );
    let killed = port.killed_at("port-batch-begun#1", &[]);
    assert_eq!(killed.code, None);
    super::resume::others_have_ended(&port);
    // a view of that name is not the run's: it has not come so far
    port.target.execute("DROP TABLE c; CREATE VIEW w AS SELECT 5 AS five");
    let done = port.plainly(&["--restart", "--yes"]);
    assert_eq!(done.list("tables").filter(|table| table["state"] == "proven").count(), 2, "{done}");
    assert_eq!(port.target.value("SELECT five FROM w"), "5", "{done}");
}

#[test]
fn a_wal_left_behind_stays() {
    let port = Port::of("");
    let writer = port.connection();
    writer.execute_batch("PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    for file in ["source.db", "source.db-wal"] {
        std::fs::copy(port.project.path(file), port.project.path(&file.replace("source", "left"))).unwrap();
    }
    let files = || ["left.db", "left.db-wal"].map(|file| std::fs::read(port.project.path(file)).ok());
    let before = files();
    let done = port.project.run(&["port", "left.db", &port.target.url, "--json", "--jobs", "2"]);
    assert!(before == files(), "{done:?}");
    assert_eq!(port.target.query("SELECT id FROM t"), ["1"]);
}

#[cfg(feature = "crash-tests")]
#[test]
fn a_port_beside_rows_that_stay_is_gone_on_with() {
    for (how, first) in [("skip", "1|seed"), ("replace", "1|mine"), ("error", "1|mine")] {
        for point in ["port-batch-begun#1", "port-batch-committed#1", "port-batch-begun#2", "port-batch-committed#2"] {
            let port = beside();
            if how == "error" {
                port.target.execute("DELETE FROM t WHERE id = 1");
            }
            let killed = port.killed_at(point, &["--on-conflict", how, "--jobs", "1"]);
            assert_eq!(killed.code, None, "{point}: {killed:?}");
            super::resume::others_have_ended(&port);
            let done = port.plainly(&["--resume"]);
            assert_eq!(
                port.target.query("SELECT id, v FROM t ORDER BY id"),
                [first, "2|b", "3|c", "7|stays"],
                "{done}"
            );
            assert_eq!(port.target.query("SELECT id, v FROM u ORDER BY id"), ["1|u", "9|stays too"], "{done}");
            // the row that is not in is told by whoever ends the work
            assert_eq!(
                done.json["result"],
                if how == "skip" { "incomplete" } else { "proven" },
                "{how} {point}: {done}"
            );
            let table = &done.json["tables"][0];
            let told = (table["exempt_rows"].as_u64().unwrap_or(0), table["kept_rows"].as_u64());
            assert_eq!(told, if how == "skip" { (1, Some(2)) } else { (0, Some(1)) }, "{how} {point}: {done}");
        }
    }
    let port = beside();
    port.killed_at("port-batch-committed#1", &["--on-conflict", "skip", "--jobs", "1"]);
    super::resume::others_have_ended(&port);
    port.sqlite("UPDATE t SET v = 'other' WHERE id = 2");
    let done = port.plainly(&["--resume"]);
    assert_eq!(done.ran.code, Some(3), "{done}");
    assert!(done.ran.stderr.contains("has changed"), "{done}");
}

/// Tables of the application's, one of which refuses a row.
fn refusing() -> Port {
    let port = Port::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE t (id INTEGER PRIMARY KEY, p INT REFERENCES p, v TEXT); INSERT INTO t VALUES (1, 1, 'a'), (2, 1, 'no');",
    );
    port.target.execute(
        "CREATE TABLE p (id bigint PRIMARY KEY);
         CREATE TABLE t (id bigint PRIMARY KEY, p bigint REFERENCES p, v text CHECK (v <> 'no'));
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
    );
    port
}

const ARE_ON: &str =
    "SELECT (SELECT count(*) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'f' AND convalidated),
    (SELECT tgenabled FROM pg_trigger WHERE tgname = 'tr')";

#[test]
fn all_or_nothing_puts_back_what_it_took_off() {
    let port = refusing();
    let before = port.everything();
    let done = port.plainly(&["--single-transaction"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(3), Some("failed")), "{done}");
    assert_eq!(port.everything(), before, "{done}");
    assert_eq!(port.target.query(ARE_ON), ["1|O"], "{done}");
    assert!(!done.ran.stderr.contains("--resume"), "there is nothing to go on with: {done}");
    assert!(done.ran.stderr.contains("rolled back"), "{done}");
}

#[test]
fn a_failed_port_says_what_is_off() {
    let port = refusing();
    let done = port.plainly(&[]);
    assert_eq!((done.ran.code, port.target.query(ARE_ON)), (Some(3), vec!["0|D".to_owned()]), "{done}");
    assert!(done.ran.stderr.contains("are off for the copy"), "{done}");
    port.sqlite("UPDATE t SET v = 'yes' WHERE id = 2");
    port.plainly(&["--resume"]).is_proven();
    assert_eq!(port.target.query(ARE_ON), ["1|O"]);
}
