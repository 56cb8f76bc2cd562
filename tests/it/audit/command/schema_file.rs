//! `--schema FILE`: a file of DDL, loaded for a moment.

use std::process::{Child, Command, Stdio};

use super::{MISSING, SHOP, audit, of_rule};
use crate::support::{Project, Ran, TestDatabase, read_until, signal, until};

/// The scratch database that stderr names.
fn named(words: &str) -> String {
    let rest = words.split("loaded into the database `").nth(1).unwrap_or_else(|| panic!("{words}"));
    rest.split('`').next().unwrap().to_owned()
}

fn there(database: &TestDatabase, name: &str) -> bool {
    assert!(name.starts_with("liftlock_audit_") && name.len() == 23, "{name}");
    database.value(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")) != "0"
}

#[test]
fn a_schemas_file_is_audited_on_a_server_and_nothing_is_left_there() {
    let server = TestDatabase::postgres();
    // as pg_dump writes it: owners and privileges of roles that are not there, and its own commands
    let dump = format!(
        "\\restrict abc\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
         SET search_path = public;\n{SHOP}ALTER TABLE public.orders OWNER TO nobody_at_all;\nGRANT SELECT ON public.orders \
         TO nobody_at_all;\nCOPY public.customers (id, name) FROM stdin;\n1\tAda\n\\.\n\\unrestrict abc\n"
    );
    let project = Project::new().file("schema.sql", &dump);
    let run = |more: &[&str]| audit(&project, &server, &[&["--schema", "schema.sql"][..], more].concat());
    let ran = run(&["--json"]).exits(1);
    let json = ran.json();
    assert_eq!(of_rule(&json, MISSING), ["orders.customer_id"], "{json}");
    assert_eq!(json["judged_for"]["dialect"], "postgres");
    assert_eq!((&json["target"], &json["schema_file"]), (&"schema.sql".into(), &"schema.sql".into()));
    assert!(!there(&server, &named(&ran.stderr)));
    assert_eq!(server.tables(), [""; 0], "the named database is left as it is");

    // the fix is for PostgreSQL
    run(&["--fix", "--dry-run"]).exits(1).prints("CREATE INDEX CONCURRENTLY");
    let plain = run(&["--fix", "--dry-run", "--no-concurrently"]).exits(1).prints("CREATE INDEX ");
    assert!(!plain.stdout.contains("CONCURRENTLY"), "{}", plain.stdout);
}

#[test]
fn an_error_in_a_schemas_file_has_its_line_and_leaves_nothing() {
    let server = TestDatabase::postgres();
    let wrong = format!("{SHOP}\nCREATE TABEL items (id INTEGER PRIMARY KEY);\n");
    let project = Project::new().file("wrong.sql", &wrong).file("open.sql", "CREATE TABLE a (x TEXT DEFAULT 'y);");
    let lite =
        project.run(&["audit", "--schema", "wrong.sql"]).exits(3).says("wrong.sql:9:8: the schema can't be loaded");
    lite.says("9 | CREATE TABEL items").says("syntax error").says("--private-server");
    project.run(&["audit", "--schema", "open.sql"]).exits(3).says("open.sql:1:32: this is no SQL");
    let ran = audit(&project, &server, &["--schema", "wrong.sql"]).exits(3).says("wrong.sql:9:8").says("42601");
    assert!(!there(&server, &named(&ran.stderr)));
    let json = project.run(&["audit", "--schema", "wrong.sql", "--json"]).exits(3).json();
    assert!(json["error"]["message"].as_str().unwrap().starts_with("wrong.sql:9:8:"), "{json}");
}

/// An audit of a file that takes long, the program behind `words`; and the name of the database that it made.
fn slow(server: &TestDatabase, words: &[&str]) -> (Project, Child, String) {
    let project = Project::new().file("slow.sql", "CREATE TABLE a (id int);\nSELECT pg_sleep(600);\n");
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(project.command(&[]).get_program()).current_dir(project.root());
    command.args(["audit", &server.url, "--schema", "slow.sql"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let name = named(&read_until(&mut child, "afterwards\n"));
    until("it loads", || {
        server.value(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND query LIKE '%pg_sleep%' \
             AND state = 'active'"
        )) != "0"
    });
    assert!(there(server, &name));
    (project, child, name)
}

#[test]
fn a_stop_takes_the_scratch_database_along() {
    let server = TestDatabase::postgres();
    let (_project, child, name) = slow(&server, &["env"]);
    signal(&child, "INT");
    Ran::wait(child).exits(130);
    assert!(!there(&server, &name));
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_closed_is_a_stop_unless_that_was_to_be_outlived() {
    let server = TestDatabase::postgres();
    // whatever these tests themselves were started to ignore
    let (_project, child, name) = slow(&server, &["env", "--default-signal=HUP"]);
    // its shell tells of it, and so does the system
    signal(&child, "HUP");
    signal(&child, "HUP");
    Ran::wait(child).exits(130);
    assert!(!there(&server, &name));

    // as `nohup` does
    let (_project, child, name) = slow(&server, &["env", "--ignore-signal=HUP"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    assert_eq!(u64::from_str_radix(ignored.trim(), 16).unwrap() & 1, 1, "{status}");
    signal(&child, "TERM");
    Ran::wait(child).exits(130);
    assert!(!there(&server, &name));
}

#[test]
fn a_schemas_file_may_have_a_server_of_its_own() {
    let project = Project::new().file("schema.sql", SHOP).file("liftlock.yaml", "database: postgres:///${NOT_SET}\n");
    let ran = project.run(&["audit", "--schema", "schema.sql", "--private-server", "--json"]).exits(1);
    assert_eq!(ran.json()["judged_for"]["dialect"], "postgres");
    assert!(ran.stderr.contains("a private PostgreSQL server"), "{}", ran.stderr);
}
