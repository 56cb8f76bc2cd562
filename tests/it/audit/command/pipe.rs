//! `liftlock audit | head -1`: whoever closed the pipe has read what he wanted, and the verdict is the exit code.

use std::process::Stdio;

use super::{SHOP, audit, shop};
use crate::support::{Kind, Project, Ran};

/// Runs the binary, its output going to nobody.
fn to_nobody(project: &Project, arguments: &[&str]) -> Ran {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = project.command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    Ran::wait(child)
}

#[test]
fn findings_fail_an_audit_that_nobody_reads_to_its_end() {
    let database = shop(Kind::Sqlite);
    let project = Project::new().file("V1__a.sql", SHOP);
    for more in [&[][..], &["--json"], &["--sarif"], &["--fix", "--dry-run"]] {
        let ran = to_nobody(&project, &[&["audit", database.url.as_str()][..], more].concat()).exits(1);
        assert!(!ran.stderr.contains("error"), "{more:?}: {}", ran.stderr);
    }
    to_nobody(&project, &["audit", &database.url, "--only", "no-primary-key"]).ok();
    to_nobody(&project, &["audit", "missing.db"]).exits(3).says("cannot connect");
    audit(&project, &database, &[]).exits(1);
}

#[test]
fn other_verdicts_stand_too() {
    let database = shop(Kind::Sqlite);
    let project =
        Project::new().migration("V1__items", "CREATE TABLE items (id INTEGER PRIMARY KEY);", "DROP TABLE items;");
    to_nobody(&project, &["check", "-d", &database.url]).exits(1);
    // what a run does, it does whoever reads of it
    to_nobody(&project, &["up", "-d", &database.url]).ok();
    assert_eq!(database.applied(), [1]);
    to_nobody(&project, &["check", "-d", &database.url]).ok();
    // rows that nobody takes are not read
    to_nobody(&project, &["export", "-d", &database.url, "orders", "--format", "csv"]).ok();
}

#[cfg(target_os = "linux")]
#[test]
fn what_can_not_be_printed_is_an_error() {
    let database = shop(Kind::Sqlite);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let project = Project::new();
    let ran = Ran::of(project.command(&["audit", &database.url]).stdout(full));
    ran.exits(3).says("cannot print the result");
}
