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
