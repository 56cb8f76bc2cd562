//! SQLite files that others write to, or that nobody may write to.

use std::collections::BTreeSet;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Project, Ran, TestDatabase, read_until};

const UNSERVED: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT UNIQUE);
    CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER REFERENCES p, b TEXT);
    CREATE INDEX c_b ON c (b) WHERE b IS NOT NULL;";

/// Whether each foreign key is served, as an audit says it.
fn served(url: &str) -> Vec<bool> {
    let ran = Project::new().run(&["audit", url, "--json"]);
    assert!(matches!(ran.code, Some(0 | 1)), "{ran:?}");
    let keys = ran.json()["foreign_keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["covered"].as_bool().unwrap()).collect()
}

#[test]
fn a_writer_is_not_waited_for_and_loses_nothing() {
    for journal in ["delete", "wal"] {
        let database = TestDatabase::sqlite();
        let writer = database.rusqlite();
        writer.execute_batch(&format!("PRAGMA journal_mode = {journal}; {UNSERVED}")).unwrap();
        // what is not committed is not there yet
        writer
            .execute_batch("BEGIN IMMEDIATE; CREATE INDEX c_p ON c (p_id); INSERT INTO c VALUES (1, NULL, 'x')")
            .unwrap();
        assert_eq!(served(&database.url), [false], "{journal}");
        writer.execute_batch("COMMIT").unwrap();
        assert_eq!(served(&database.url), [true], "{journal}");
        // nor is the writer held up afterwards
        writer.execute_batch("DROP INDEX c_p; PRAGMA wal_checkpoint(TRUNCATE); VACUUM").unwrap();
        assert_eq!(served(&database.url), [false], "{journal}");
        drop(writer);
        assert_eq!(database.value("SELECT count(*) FROM c WHERE b = 'x'"), "1", "{journal}");
    }
}

#[test]
fn a_file_in_a_folder_that_nobody_may_write_to_is_read() {
    let database = TestDatabase::sqlite();
    database.execute(UNSERVED);
    let file = database.path();
    let folder = file.parent().unwrap();
    let beside = || -> BTreeSet<_> { folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect() };
    let before = beside();
    set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
    set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
    let read = (served(&database.url), served(&format!("{}?mode=ro", database.url)));
    set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(read, (vec![false], vec![false]));
    assert_eq!(beside(), before);
}

#[test]
fn a_locked_file_is_waited_for_aloud() {
    let database = TestDatabase::sqlite();
    database.execute(UNSERVED);
    let other = database.rusqlite();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let project = Project::new();
    let mut audit = project.spawn(&["audit", &database.url]);
    read_until(&mut audit, "is locked by another process: waiting for it, 5s at most");
    other.execute_batch("COMMIT").unwrap();
    Ran::wait(audit).exits(1);
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let ran = project.run(&["audit", &database.url]).exits(3);
    assert!(ran.stderr.contains("SQLITE_BUSY") && ran.stderr.contains("find out which"), "{}", ran.stderr);
}
