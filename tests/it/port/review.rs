//! Ports that end badly, and what they must never do on the way: take away what was there, prove what is not so, leave
//! something switched off without a word.

use super::Port;

/// A table of the application's that keeps the rows that it holds.
#[cfg(feature = "crash-tests")]
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
    assert_eq!(done.json["result"], "refused", "{done}");
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

/// Lets the copy meet what the plan has found.
const MEET: [&str; 2] = ["--accept", "target-check"];

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
    let done = port.plainly(&[&MEET[..], &["--single-transaction"]].concat());
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(3), Some("failed")), "{done}");
    assert_eq!(port.everything(), before, "{done}");
    assert_eq!(port.target.query(ARE_ON), ["1|O"], "{done}");
    assert!(!done.ran.stderr.contains("--resume"), "there is nothing to go on with: {done}");
    assert!(done.ran.stderr.contains("rolled back"), "{done}");
}

#[test]
fn a_failed_port_puts_back_what_was_off_and_goes_on() {
    let port = refusing();
    let done = port.plainly(&MEET);
    assert_eq!((done.ran.code, port.target.query(ARE_ON)), (Some(3), vec!["1|O".to_owned()]), "{done}");
    assert!(done.ran.stderr.contains("are back"), "{done}");
    port.sqlite("UPDATE t SET v = 'yes' WHERE id = 2");
    port.plainly(&["--resume"]).is_proven();
    assert_eq!(port.target.query(ARE_ON), ["1|O"]);
}

#[test]
fn rows_are_put_aside_from_here_on() {
    let port = refusing();
    assert_eq!(port.plainly(&MEET).ran.code, Some(3));
    let done = port.plainly(&["--resume", "--on-error", "quarantine"]).is_incomplete();
    assert_eq!(port.target.query("SELECT id FROM t"), ["1"], "{done}");
    assert_eq!(port.target.query("SELECT table_name, row_key FROM liftlock_quarantine"), ["t|rowid 2"], "{done}");
    assert_eq!(port.target.query(ARE_ON), ["1|O"]);
}

#[cfg(feature = "crash-tests")]
#[test]
fn a_table_that_others_refer_to_is_gone_on_with() {
    for (go_on, point) in [
        ("--resume", "port-batch-committed#1"),
        ("--resume", "port-batch-begun#1"),
        ("--restart", "port-batch-begun#1"),
    ] {
        let port = Port::of("CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);");
        port.target.execute("CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE outside (p bigint REFERENCES p)");
        let killed = port.killed_at(point, &["--jobs", "1", "--batch-rows", "1"]);
        assert_eq!(killed.code, None);
        super::resume::others_have_ended(&port);
        let done = port.plainly(&[go_on, "--yes"]).is_proven();
        assert_eq!(port.target.query("SELECT id FROM p ORDER BY 1"), ["1", "2"], "{go_on} {done}");
    }
}

#[test]
fn a_plan_of_another_source_proves_nothing() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w TEXT); INSERT INTO t VALUES (1, 'a', 'w');");
    port.run(&[]).is_proven();
    let plan = port.project.read("plan-out.yaml");
    // to SQLite, a name in double quotes that it does not know is a text
    port.target.execute("ALTER TABLE t ADD COLUMN nosuch text DEFAULT 'nosuch'");
    port.project.write("other.yaml", &plan.replace("source: v\n    target: v", "source: nosuch\n    target: nosuch"));
    let done = port.compare(&["--plan", "other.yaml"]);
    assert_eq!(done.ran.code, Some(3), "{done}");
    assert!(done.ran.stderr.contains("nosuch"), "{done}");
    port.project.write("fewer.yaml", &plan.replace("  - source: v\n    target: v\n    type: text\n", ""));
    port.sqlite("CREATE TABLE more (x INT)");
    let done = port.compare(&["--plan", "fewer.yaml"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(0), Some("proven")), "{done}");
    done.finding("t", "v", &["not compared"]);
    done.finding("more", "", &["not compared"]);
}

#[test]
fn foreign_keys_that_can_not_be_taken_off() {
    // the child stands before its parent, and each has several batches
    let port = Port::of(&format!(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, p INT REFERENCES parent); INSERT INTO child {series} SELECT i, 500 - i FROM n;
         CREATE TABLE parent (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO parent {series} SELECT i, 'v' FROM n; INSERT INTO parent VALUES (0, 'v');",
        series = super::values::series(500)
    ));
    let role = port.target.value("SELECT current_database() || '_role'");
    port.target.execute(&format!(
        "CREATE ROLE {role} LOGIN; CREATE TABLE parent (id bigint PRIMARY KEY, v text);
         CREATE TABLE child (id bigint PRIMARY KEY, p bigint REFERENCES parent);
         GRANT ALL ON parent, child TO {role}; GRANT CREATE ON SCHEMA public TO {role};"
    ));
    let url = port.target.url.replace("postgres@", &format!("{role}@"));
    for jobs in ["1", "2", "8"] {
        let ran = port.project.run(&["port", "source.db", &url, "--json", "--jobs", jobs, "--batch-rows", "50"]);
        super::Done::of(ran).is_proven();
        port.target.execute("TRUNCATE parent, child");
    }
}

#[test]
fn settings_of_the_database_change_no_verdict() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB); INSERT INTO t VALUES (1, x'00ff'); CREATE VIEW w AS SELECT * FROM t;",
    );
    let name = port.target.value("SELECT current_database()");
    for setting in ["bytea_output = 'escape'", "quote_all_identifiers = on", "standard_conforming_strings = off"] {
        port.target.execute(&format!("ALTER DATABASE {name} SET {setting}"));
    }
    port.run(&[]).is_proven();
}

#[test]
fn a_view_that_is_there_already_is_compared() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'NULL'), (2, 'b');
         CREATE VIEW w AS SELECT id, v FROM t;";
    for (view, same) in [
        ("SELECT v, id FROM t", true),
        ("SELECT id, NULLIF(v, 'NULL') AS v FROM t", false),
        ("SELECT id, v FROM t WHERE id = 1", false),
        ("SELECT id, v AS x FROM t", false),
    ] {
        let port = Port::of(source);
        port.target.execute(&format!("CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE VIEW w AS {view}"));
        let done = port.plainly(&[]);
        let object = done.list("objects").find(|object| object["kind"] == "view").unwrap();
        assert_eq!((done.ran.code, object["state"] == "same"), (Some(i32::from(!same)), same), "{view}: {done}");
        if !same {
            assert_eq!(done.finding("", "w", &["view-differs"])["level"], "left-out");
            let again = port.plainly(&["--truncate", "--yes", "--accept", "view-differs:w"]);
            assert_eq!(again.ran.code, Some(1), "{again}");
        }
    }
}

#[test]
fn a_view_with_more_rows_than_are_fetched_at_once() {
    let port = Port::of(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t {} SELECT i, 'v' || (i % 7) FROM n;
         CREATE VIEW w AS SELECT id, v FROM t; CREATE VIEW again AS SELECT v FROM t; CREATE VIEW none AS SELECT v FROM t WHERE id < 0;",
        super::values::series(5000)
    ));
    let done = port.run(&["--single-transaction"]).is_proven();
    let remark = |name: &str| done.list("objects").find(|object| object["name"] == name).unwrap()["remark"].to_string();
    assert!(
        remark("w").contains("5,000 rows") && remark("again").contains("5,000") && remark("none").contains("0 rows"),
        "{done}"
    );
}

#[test]
fn what_a_person_takes_out_of_a_plan_is_said() {
    let port = Port::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, u TEXT UNIQUE);
         CREATE TABLE t (id INTEGER PRIMARY KEY, w INT DEFAULT 5 CHECK (w > 2), p INT REFERENCES p);
         CREATE INDEX i ON t (w); CREATE VIEW v AS SELECT w FROM t; INSERT INTO p VALUES (1, 'u'); INSERT INTO t VALUES (1, 7, 1);",
    );
    port.project.run(&["port", "source.db", &port.target.url, "--dry-run", "--plan-out", "p.yaml"]).ok();
    let text = port.project.read("p.yaml");
    let whole: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let edit = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut plan = whole.clone();
        change(&mut plan);
        port.project.write("e.yaml", &plan.to_string());
        port.plainly(&["--plan", "e.yaml"])
    };
    for twice in [
        &(|plan: &mut serde_json::Value| {
            let mut again = plan["tables"][1].clone();
            again["target"] = "t2".into();
            plan["tables"].as_array_mut().unwrap().push(again);
        }) as &dyn Fn(&mut serde_json::Value),
        &|plan| {
            let again = plan["tables"][1]["columns"][1].clone();
            plan["tables"][1]["columns"].as_array_mut().unwrap().push(again);
        },
        &|plan| plan["tables"][1]["columns"] = serde_json::json!([]),
    ] {
        let done = edit(twice);
        assert_eq!(done.json["result"], "refused", "{done}");
    }
    let done = edit(&|plan| {
        for list in ["checks", "foreign_keys", "indexes"] {
            plan["tables"][1].as_object_mut().unwrap().remove(list).unwrap();
        }
        plan["tables"][1]["columns"][1].as_object_mut().unwrap().remove("default").unwrap();
        plan["tables"][0].as_object_mut().unwrap().remove("uniques").unwrap();
        plan.as_object_mut().unwrap().remove("views").unwrap();
    })
    .is_incomplete();
    for code in ["check", "foreign-key", "index", "default", "unique", "view"] {
        done.finding("", "", &[&format!("\"{code}-left-out\""), "left-out"]);
    }
}

#[test]
fn a_pattern_that_fits_nothing_proves_nothing() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2);");
    let done = port.plainly(&["--include", "T*", "--include", "nosuch"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("incomplete")), "{done}");
    done.finding("", "nosuch", &["unused-pattern"]);
    let done = port.compare(&["--tables", "nosuch"]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    let done = port.plainly(&["--schema", "s", "--exclude", "nosuch"]);
    assert_eq!(done.ran.code, Some(0), "{done}");
}

#[cfg(feature = "crash-tests")]
#[test]
fn rows_that_an_earlier_port_put_aside_are_none_of_the_next_one() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2);");
    port.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, v bigint CHECK (v <> 2))");
    port.plainly(&["--on-error", "quarantine"]).is_incomplete();
    port.target.execute("ALTER TABLE t DROP CONSTRAINT t_v_check");
    let flags = ["--truncate", "--yes", "--jobs", "1", "--batch-rows", "1"];
    assert_eq!(port.killed_at("port-batch-committed#2", &flags).code, None);
    super::resume::others_have_ended(&port);
    port.plainly(&["--resume"]).is_proven();
    assert_eq!(port.target.query("SELECT row_key FROM liftlock_quarantine"), ["rowid 2"]);
}
