//! How a run would end is known before it: a dry run says so, with the run's own exit code.

use serde_json::Value;

use super::{Done, Port};

/// Ports into `url` without a word about the plan.
fn into(port: &Port, url: &str, flags: &[&str]) -> Done {
    Done::of(port.project.run(&[&["port", "source.db", url, "--json", "--yes"], flags].concat()))
}

/// A dry run and a run: both refused for the same reasons, which are given.
#[track_caller]
fn refused(port: &Port, url: &str, flags: &[&str], words: &[&str]) -> Value {
    let before = port.everything();
    let dry = into(port, url, &[flags, &["--dry-run"]].concat());
    assert_eq!((dry.ran.code, &dry.json["result"]), (Some(1), &"refused".into()), "{dry}");
    let found = dry.finding("", "", words).clone();
    assert_eq!((&found["level"], &found["accepted"] == true), (&"blocker".into(), false), "{dry}");
    let done = into(port, url, flags);
    assert_eq!((done.ran.code, &done.json["result"]), (Some(1), &"refused".into()), "{done}");
    done.finding("", "", words);
    assert_eq!(port.everything(), before, "{done}");
    found
}

#[test]
fn rows_that_can_not_be_told_from_those_that_are_there_are_not_copied_beside_them_unasked() {
    let port = Port::of("CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'y');");
    port.proven(&[]);
    let rows = || port.target.value("SELECT count(*) FROM t");
    let url = port.target.url.clone();
    for how in ["error", "skip", "replace"] {
        let found = refused(&port, &url, &["--on-conflict", how], &["no-key-for-conflicts"]);
        assert_eq!(found["table"], "t");
        assert!(found["choices"].to_string().contains("--truncate"), "{found}");
    }
    refused(&port, &url, &["--on-conflict", "error"], &["may be there already; nothing can tell"]);
    // a key that the target fills, or in which not every row is, tells nothing
    port.target.execute("ALTER TABLE t ADD COLUMN id serial PRIMARY KEY, ADD UNIQUE (a), ADD UNIQUE (b, id)");
    refused(&port, &url, &["--on-conflict", "error"], &["no-key-for-conflicts"]);
    port.target.execute("ALTER TABLE t DROP COLUMN id");
    // a person who wants them there twice has them, whatever becomes of rows that have keys
    port.target.execute("ALTER TABLE t DROP CONSTRAINT t_a_key");
    for (how, twice) in [("error", "6"), ("skip", "9"), ("replace", "12")] {
        let flags = ["--on-conflict", how, "--accept", "no-key-for-conflicts"];
        assert_eq!(into(&port, &url, &[&flags[..], &["--dry-run"]].concat()).ran.code, Some(0));
        into(&port, &url, &flags).is_proven();
        assert_eq!(rows(), twice);
    }
    port.proven(&["--truncate"]);
    // each row meets itself in such a key, and is told
    port.target.execute("ALTER TABLE t ALTER a SET NOT NULL; CREATE UNIQUE INDEX by_a ON t (a)");
    let done = port.refused(&["--on-conflict", "error"]);
    done.finding("t", "by_a", &["target-conflict", "3 of 3 rows"]);
    assert!(!done.json.to_string().contains("no-key-for-conflicts"), "{done}");
}

#[test]
fn a_target_that_nothing_can_be_written_to_is_known_before() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x');");
    let name = port.target.value("SELECT current_database()");
    let role = format!("{name}_plain");
    port.target.execute(&format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA theirs; GRANT USAGE ON SCHEMA theirs TO {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC"));
    let url = port.target.url.replace("postgres@", &format!("{role}@"));
    let code = "target-not-writable";
    let found = refused(&port, &url, &[], &[code, "may not make tables in the schema `public`"]);
    assert!(found["choices"].to_string().contains("GRANT CREATE ON SCHEMA"), "{found}");
    // nobody can accept what can't be done
    refused(&port, &url, &["--accept", code], &[code]);
    refused(&port, &url, &["--schema", "theirs"], &[code, "may not make tables in the schema `theirs`"]);
    let found = refused(&port, &url, &["--schema", "fresh"], &[code, "may not make the schema `fresh`"]);
    assert!(found["choices"].to_string().contains("GRANT CREATE ON DATABASE"), "{found}");
    refused(&port, &url, &["--schema", "information_schema"], &[code, "may not make tables"]);
    for schema in ["pg_foo", "pg_catalog", "pg_temp"] {
        refused(&port, &port.target.url, &["--schema", schema], &[code, "begin with `pg_`"]);
    }
    // tables that are there can be filled in one transaction without making any
    port.target.execute(&format!("CREATE TABLE t (id bigint PRIMARY KEY, v text); ALTER TABLE t OWNER TO {role}"));
    refused(&port, &url, &[], &[code, "schema `public`"]);
    assert_eq!(into(&port, &url, &["--single-transaction", "--dry-run"]).ran.code, Some(0));
    into(&port, &url, &["--single-transaction"]).is_proven();
    port.target.execute(&format!(
        "DROP TABLE t; GRANT CREATE ON SCHEMA public TO {role};
         ALTER ROLE {role} IN DATABASE {name} SET default_transaction_read_only = on"
    ));
    let found = refused(&port, &url, &[], &[code, "are read-only"]);
    assert!(found["choices"].to_string().contains("default_transaction_read_only = off"), "{found}");
    port.target.execute(&format!("ALTER ROLE {role} IN DATABASE {name} RESET default_transaction_read_only"));
    into(&port, &url, &[]).is_proven();
}

#[test]
fn a_privilege_that_is_missing_is_not_had_by_accepting_it() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x');");
    let role = format!("{}_plain", port.target.value("SELECT current_database()"));
    port.target.execute(&format!(
        "CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role};
         GRANT SELECT ON t TO {role}"
    ));
    let url = port.target.url.replace("postgres@", &format!("{role}@"));
    refused(&port, &url, &[], &["no-privilege", "INSERT"]);
    refused(&port, &url, &["--accept", "no-privilege"], &["no-privilege", "INSERT"]);
    port.target.execute(&format!("GRANT INSERT ON t TO {role}"));
    into(&port, &url, &[]).is_proven();
}

#[test]
fn a_default_that_the_server_does_not_take_is_known_before() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER DEFAULT 7, w TEXT DEFAULT 'x'); INSERT INTO t VALUES (1, 2, 'y');",
    );
    port.plainly(&["--dry-run", "--plan-out", "plan.yaml"]);
    let plan = std::fs::read_to_string(port.project.path("plan.yaml")).expect("a plan");
    let seven =
        plan.lines().find(|line| line.trim_start().starts_with("default:") && line.contains('7')).expect("a default");
    let with = |default: &str| {
        let line = format!("{}default: \"{default}\"", &seven[..seven.len() - seven.trim_start().len()]);
        std::fs::write(port.project.path("edited.yaml"), plan.replace(seven, &line)).expect("written");
    };
    let url = port.target.url.clone();
    let flags = ["--plan", "edited.yaml"];
    for (default, said) in [
        ("nowhere()", "nowhere"),
        ("'many'", "invalid input syntax"),
        ("id", "cannot use column"),
        ("7 +", "syntax error"),
    ] {
        with(default);
        let found = refused(&port, &url, &flags, &["default-refused", said]);
        assert_eq!((&found["table"], &found["object"]), (&"t".into(), &"n".into()), "{found}");
    }
    // what a person knows better is tried by the run
    with("nowhere()");
    assert_eq!(into(&port, &url, &["--plan", "edited.yaml", "--accept", "default-refused:t.n"]).ran.code, Some(3));
    with("6 * 7");
    into(&port, &url, &flags).is_proven();
    assert_eq!(port.target.value("INSERT INTO t (id) VALUES (2) RETURNING n"), "42");
}

#[test]
fn values_too_long_for_an_index_are_known_before() {
    // hexadecimal digits of random bytes: half of them are gone once compressed, and no more
    let port = Port::of(
        "CREATE TABLE big (k TEXT PRIMARY KEY, v TEXT UNIQUE);
         CREATE TABLE child (id INTEGER PRIMARY KEY, k TEXT REFERENCES big, note TEXT);
         CREATE INDEX by_note ON child (note);
         CREATE INDEX of_few ON child (note) WHERE id < 3;
         INSERT INTO big VALUES ('short', 'x'), (hex(randomblob(5000)), 'y'), (hex(randomblob(1340)), 'fits'), ('repeats', hex(zeroblob(5000)));
         INSERT INTO child SELECT rowid, k, 'n' FROM big;
         INSERT INTO child VALUES (7, 'short', hex(randomblob(9000)));",
    );
    let dry = port.plainly(&["--dry-run"]);
    assert_eq!(dry.ran.code, Some(1), "{dry}");
    let key = dry.finding("big", "big_pkey", &["1 of 4 rows is too long for an index", "rowid 2"]);
    assert_eq!((&key["code"], &key["level"], &key["rows"]), (&"key-too-long".into(), &"left-out".into(), &1.into()));
    assert_eq!(key["affected"], serde_json::json!({"ranges": [[2, 2]], "complete": true}), "{key}");
    dry.finding("child", "", &["key-too-long", "refers to the columns of `big_pkey`"]);
    let note = dry.finding("child", "by_note", &["key-too-long", "1 of 5 rows is"]);
    assert_eq!(note["affected"]["ranges"], serde_json::json!([[7, 7]]), "{note}");
    let found = |done: &Done| done.findings().filter(|finding| finding["level"] == "left-out").count();
    assert_eq!(found(&dry), 3, "{dry}");
    // the run leaves out those, and no others; accepted before, they are accepted then
    let flags = ["--accept", "key-too-long"];
    assert_eq!(port.plainly(&["--dry-run", flags[0], flags[1]]).ran.code, Some(0));
    let done = port.run(&flags);
    assert_eq!(done.ran.code, Some(0), "{done}");
    done.finding("big", "big_pkey", &["key-too-long", "the server refuses to make it"]);
    assert_eq!(found(&done), 3, "{done}");
    assert_eq!(port.indexes("child").len(), 1, "{done}");
    assert_eq!(port.indexes("big").len(), 1, "{done}");
}

#[test]
fn indexes_of_the_target_that_take_no_long_values_are_known_before() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, \"My Note\" TEXT, v TEXT, w TEXT);
         INSERT INTO t VALUES (1, 'short', 'x', 'x'), (2, hex(randomblob(5000)), 'y', 'y'), (3, hex(zeroblob(5000)), 'z', 'z'),
             (4, 'of few', hex(randomblob(5000)), 'w'), (5, 'of many', hex(randomblob(5000)), 'w'),
             (6, 'hashed', 'v', hex(randomblob(5000)));",
    );
    port.target.execute(
        "CREATE DOMAIN note AS text NOT NULL;
         CREATE TABLE t (id bigint PRIMARY KEY, more text NOT NULL DEFAULT 'more', \"My Note\" note, v varchar(20000) COLLATE \"C\", w text);
         CREATE UNIQUE INDEX by_note ON t (lower(\"My Note\"), more);
         CREATE INDEX of_few ON t (v text_pattern_ops DESC) INCLUDE (id) WITH (fillfactor = 70) WHERE id < 5 AND more <> 'x';
         CREATE INDEX hashed ON t USING hash (w);
         CREATE INDEX digest ON t (md5(w));",
    );
    let done = port.refused(&[]);
    let codes = |done: &Done| done.findings().filter(|finding| finding["code"] == "key-too-long").count();
    let found = done.finding("t", "by_note", &["refuses rows", "1 of 6 rows is too long for an index", "rowid 2"]);
    assert_eq!(
        (&found["level"], &found["affected"]["ranges"]),
        (&"blocker".into(), &serde_json::json!([[2, 2]])),
        "{found}"
    );
    assert!(found["choices"].to_string().contains("--on-error quarantine"), "{found}");
    let found = done.finding("t", "of_few", &["refuses rows", "1 of 6 rows is", "rowid 4"]);
    assert_eq!(found["affected"]["ranges"], serde_json::json!([[4, 4]]), "{found}");
    assert_eq!(codes(&done), 2, "{done}");
    let done = port.run(&["--on-error", "quarantine"]).is_incomplete();
    assert_eq!(done.json["tables"][0]["quarantined_rows"], 2, "{done}");
    assert_eq!(
        (codes(&done), port.target.value("SELECT string_agg(id::text, ',' ORDER BY id) FROM t")),
        (2, "1,3,5,6".to_owned())
    );
    done.finding("t", "by_note", &["are put aside"]);
    // without these indexes nothing is too long
    port.target.execute("TRUNCATE t; DROP INDEX by_note, of_few");
    port.run(&[]).is_proven();
}

#[test]
fn no_more_connections_are_taken_than_there_are() {
    let port = Port::of(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t {} SELECT i, 'v' || i FROM n;
         CREATE TABLE u AS SELECT * FROM t; CREATE TABLE v AS SELECT * FROM t;",
        super::values::series(2000)
    ));
    let role = format!("{}_few", port.target.value("SELECT current_database()"));
    port.target.execute(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 5; GRANT ALL ON SCHEMA public TO {role}"));
    let url = port.target.url.replace("postgres@", &format!("{role}@"));
    let lowered = |done: &Done, words: &[&str]| {
        let notes = done.json["notes"].to_string();
        assert!(words.iter().all(|word| notes.contains(word)), "{words:?} in {done}");
    };
    let words = ["is 2 instead of 100000", "the server has 5", "3 of these stay free"];
    let flags = ["--jobs", "100000", "--batch-rows", "100"];
    let done = into(&port, &url, &[&flags[..], &["--dry-run"]].concat());
    lowered(&done, &words);
    assert_eq!(done.json["plan"]["memory"]["connections"], 2, "{done}");
    lowered(&into(&port, &url, &flags).is_proven(), &words);
    let compared = Done::of(port.project.run(&["compare", "source.db", &url, "--json", "--jobs", "100000"]));
    assert_eq!(compared.ran.code, Some(0), "{compared}");
    lowered(&compared, &words);
    // a role of which others take the last connections goes on with what it has
    port.target.execute("DROP TABLE t, u, v");
    let others: Vec<_> = (0..4).map(|_| postgres::Client::connect(&url, postgres::NoTls).unwrap()).collect();
    lowered(&into(&port, &url, &flags).is_proven(), &["is 1 instead of 100000"]);
    drop(others);
    // and what the system lets a process open
    port.target.execute("DROP TABLE t, u, v");
    let command = port.project.command(&[
        "port",
        "source.db",
        &port.target.url,
        "--json",
        "--jobs",
        "500",
        "--batch-rows",
        "100",
    ]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 96 && exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    limited.current_dir(port.project.root()).env_clear().env("HOME", port.project.root());
    let done = Done::of(crate::support::Ran::of(&mut limited)).is_proven();
    lowered(&done, &["is 4 instead of 500", "96 files open"]);
}

#[test]
fn a_standby_is_known_before_anything_is_tried() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x');");
    let standby = crate::support::standby();
    let url = standby.url("postgres");
    let found = refused(&port, &url, &[], &["target-not-writable", "the server of `postgres` is a standby"]);
    assert_eq!(found["choices"], serde_json::json!(["port into the primary server"]), "{found}");
    refused(&port, &url, &["--single-transaction"], &["target-not-writable", "is a standby"]);
    let rehearsed = into(&port, &url, &["--rehearse"]);
    assert_eq!((rehearsed.ran.code, rehearsed.json["result"].as_str()), (Some(1), Some("refused")), "{rehearsed}");
    rehearsed.finding("", "", &["target-not-writable", "is a standby"]);
    // who only reads may do so there
    let compared = Done::of(port.project.run(&["compare", "source.db", &url, "--json", "--jobs", "2"]));
    assert_eq!(compared.ran.code, Some(1), "{compared}");
    compared.finding("t", "", &["missing-table"]);
}

#[test]
fn what_an_owner_may_not_take_off_for_the_copy_names_the_right_that_is_missing() {
    let port = Port::of(
        "CREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER); INSERT INTO tree VALUES (1, 2), (2, NULL);
         CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER);
         INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1);",
    );
    let role = format!("{}_owner", port.target.value("SELECT current_database()"));
    port.target.execute(&format!(
        "CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         CREATE TABLE tree (id bigint PRIMARY KEY, up bigint REFERENCES tree);
         CREATE TABLE a (id bigint PRIMARY KEY, b bigint); CREATE TABLE b (id bigint PRIMARY KEY, a bigint REFERENCES a);
         ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.up := NULL; RETURN NEW; END';
         CREATE TRIGGER loses BEFORE INSERT ON tree FOR EACH ROW EXECUTE FUNCTION f();
         ALTER TABLE tree OWNER TO {role}; ALTER TABLE a OWNER TO {role}; ALTER TABLE b OWNER TO {role}"
    ));
    let url = port.target.url.replace("postgres@", &format!("{role}@"));
    let grant = format!("GRANT CREATE ON SCHEMA \\\"public\\\" TO \\\"{role}\\\"");
    for code in ["triggers-on", "self-reference", "foreign-key-circle"] {
        refused(&port, &url, &["--single-transaction"], &[code, &grant]);
    }
    port.target.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    into(&port, &url, &["--single-transaction"]).is_proven();
    assert_eq!(port.target.query("SELECT id, up FROM tree ORDER BY id"), ["1|2", "2|∅"]);
    assert_eq!(port.target.value("SELECT tgenabled FROM pg_trigger WHERE tgname = 'loses'"), "O");
    assert_eq!(port.target.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"), "3");
}
