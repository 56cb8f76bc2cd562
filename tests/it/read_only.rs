//! What only looks writes nothing: not to the database, not beside it, under a role that may only read.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::time::SystemTime;

use crate::support::{Kind, Project, TestDatabase};

fn project(kind: Kind) -> Project {
    let concurrently = if kind == Kind::Postgres { "CONCURRENTLY " } else { "" };
    Project::new()
        .migration("V1__t", "CREATE TABLE t (x int);", "DROP TABLE t;")
        .migration(
            "V2__i",
            &format!("-- liftlock: no-transaction\nCREATE INDEX {concurrently}t_x ON t (x);"),
            &format!("-- liftlock: no-transaction\nDROP INDEX {concurrently}t_x;"),
        )
        .migration("V3__u", "CREATE TABLE u (x int);", "DROP TABLE u;")
}

/// Every command that only looks; a dry run of everything that writes.
fn look(project: &Project, url: &str, applied: bool) {
    for command in [
        &["status"][..],
        &["status", "--json"],
        &["check"],
        &["up", "--dry-run"],
        &["up", "--dry-run", "--json"],
        &["down", "--dry-run"],
        &["down", "--to", "0", "--dry-run"],
        &["redo", "--dry-run"],
        &["mark", "3", "--applied", "--reason", "x", "--dry-run"],
        &["repair", "1", "--dry-run"],
    ] {
        let ran = project.run(&[command, &["-d", url]].concat());
        let fails = !applied && command[0] == "repair" || command[0] == "check";
        assert!(ran.code == Some(0) || fails, "{command:?}: {ran:?}");
    }
}

/// Each file of a folder: a hash of its bytes, and when it was written.
fn files(folder: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let bytes = std::fs::read(entry.path()).unwrap();
        // whoever reads a database in WAL mode opens these two with it, SQLite's own shell with `-readonly` included;
        // there is nothing in the one, and the other is only an index of it
        if name.ends_with("-shm") || name.ends_with("-wal") {
            assert!(name.ends_with("-shm") || bytes.is_empty(), "{name} has {} bytes", bytes.len());
            continue;
        }
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        files.insert(name, (hasher.finish(), entry.metadata().unwrap().modified().unwrap()));
    }
    files
}

#[test]
fn a_sqlite_file_and_its_folder_stay_as_they_are() {
    for journal in ["delete", "wal"] {
        let database = TestDatabase::sqlite();
        let url = database.url.as_str();
        let folder = database.path().parent().unwrap().to_path_buf();
        let project = project(Kind::Sqlite);
        // no file yet: it is not made
        look(&project, url, false);
        assert!(files(&folder).is_empty());
        let keep = database.rusqlite();
        keep.execute_batch(&format!("PRAGMA journal_mode = {journal}; CREATE TABLE own (x int)")).unwrap();
        drop(keep);
        let before = files(&folder);
        look(&project, url, false);
        assert_eq!(files(&folder), before, "{journal}, empty");
        project.run(&["up", "--to", "2", "-d", url]).ok();
        let before = files(&folder);
        look(&project, url, true);
        look(&project, &format!("{url}?mode=ro"), true);
        assert_eq!(files(&folder), before, "{journal}, with migrations");
    }
}

/// A role that may only read, and a session that may only read.
fn reader(database: &TestDatabase) -> [String; 2] {
    let name = database.value("SELECT current_database()");
    database.execute(&format!("CREATE ROLE reader_{name} LOGIN; GRANT USAGE ON SCHEMA public TO reader_{name}"));
    let (scheme, rest) = database.url.split_once("://").unwrap();
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    let role = format!("{scheme}://reader_{name}@{rest}");
    let join = if database.url.contains('?') { '&' } else { '?' };
    let session = format!("{}{join}options=-cdefault_transaction_read_only%3Don", database.url);
    [role, session]
}

#[test]
fn a_role_that_may_only_read_is_enough_to_look() {
    let database = TestDatabase::postgres();
    let urls = reader(&database);
    let project = project(Kind::Postgres);
    for url in &urls {
        look(&project, url, false);
        assert!(!database.has_history());
        project.run(&["up", "-d", url]).exits(3);
        assert!(!database.has_history() && database.tables().is_empty());
    }
    project.run(&["up", "--to", "2", "-d", &database.url]).ok();
    database.execute(&format!(
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_{}",
        database.value("SELECT current_database()")
    ));
    let contents = database.contents();
    let log = "SELECT count(*) FROM schema_migrations_log";
    let logged = database.value(log);
    for url in &urls {
        look(&project, url, true);
        project.run(&["down", "-d", url]).exits(3);
        project.run(&["up", "-d", url]).exits(3);
    }
    assert_eq!(database.contents(), contents);
    assert_eq!(database.applied(), [1, 2]);
    assert!(database.unfinished().is_empty());
    assert_eq!(database.value(log), logged);
}
