//! `backup` and `restore`: one state of a live database, checked, and back again without loss.

#[cfg(feature = "crash-tests")]
mod killed;
mod live;
mod postgres;
mod refused;

use std::fs;
use std::path::PathBuf;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

/// A key of 32 bytes.
pub const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// Another.
pub const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// Tables with rows, values of all kinds, an index and a view.
pub fn seed(database: &TestDatabase) {
    let (key, bytes) = match database.kind {
        Kind::Sqlite => ("INTEGER PRIMARY KEY", "BLOB"),
        Kind::Postgres => ("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "bytea"),
    };
    let blob = match database.kind {
        Kind::Sqlite => "x'00ff27'",
        Kind::Postgres => "'\\x00ff27'",
    };
    database.execute(&format!(
        "CREATE TABLE people (id {key}, name text NOT NULL, photo {bytes}, weight double precision);
         CREATE TABLE \"Odd Name\" (\"a b\" text, c int);
         CREATE INDEX people_name ON people (name);
         CREATE VIEW heavy AS SELECT name FROM people WHERE weight > 80;
         INSERT INTO people (name, photo, weight) VALUES ('Ada', {blob}, 0.1), ('Łukasz ''L''', NULL, 1e300), ('', {blob}, NULL);
         INSERT INTO \"Odd Name\" VALUES ('x', 1), (NULL, NULL), ('x', 1);"
    ));
}

pub fn change(database: &TestDatabase) {
    database.execute("DELETE FROM people WHERE name = 'Ada'; DROP VIEW heavy; CREATE TABLE later (x int);");
}

/// All of it, but for what is exactly the same in every database.
pub fn contents(database: &TestDatabase) -> String {
    database.contents() + &database.query("SELECT count(*) FROM people").join("")
}

/// The files in a folder that are not the database's own.
pub fn files(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn there_and_back() {
    each_database(|database| {
        seed(database);
        let project = Project::new();
        let before = contents(database);
        let json = project.run(&["backup", "kept.bak", "-d", &database.url, "--json"]).ok().json();
        assert_eq!(json["result"], "done");
        assert_eq!(json["bytes"], fs::metadata(project.path("kept.bak")).unwrap().len());
        let people =
            json["tables"].as_array().unwrap().iter().find(|t| t["name"].as_str().unwrap().ends_with("people"));
        assert_eq!(people.unwrap()["rows"], 3);
        assert_eq!(files(project.root()), ["kept.bak", "kept.bak.manifest.json"]);
        change(database);
        let changed = contents(database);
        let json = project.run(&["restore", "kept.bak", "-d", &database.url, "--yes", "--json"]).ok().json();
        assert_eq!(json["result"], "done");
        assert_eq!(json["differences"].as_array().unwrap().len(), 0);
        assert_eq!(contents(database), before);
        // and back to what was kept
        let kept = json["kept"].as_str().unwrap();
        match database.kind {
            Kind::Sqlite => {
                project.run(&["restore", kept, "-d", &database.url, "--yes"]).ok();
            }
            Kind::Postgres => {
                let mut client = postgres::control();
                let name = database.value("SELECT current_database()");
                client.batch_execute(&format!("DROP DATABASE {name}")).unwrap();
                client.batch_execute(&format!("ALTER DATABASE {kept} RENAME TO {name}")).unwrap();
            }
        }
        assert_eq!(contents(database), changed);
    });
}

#[test]
fn a_database_without_tables() {
    each_database(|database| {
        if database.kind == Kind::Sqlite {
            database.execute("PRAGMA user_version = 0; VACUUM;");
        }
        let project = Project::new();
        project.run(&["backup", "empty.bak", "-d", &database.url]).ok();
        database.execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1);");
        project.run(&["restore", "empty.bak", "-d", &database.url, "--yes"]).ok();
        assert!(database.tables().is_empty());
    });
}

#[test]
fn where_there_was_nothing() {
    let database = TestDatabase::sqlite();
    seed(&database);
    database.execute("PRAGMA journal_mode = wal");
    let project = Project::new();
    project.run(&["backup", "kept.bak", "-d", &database.url]).ok();
    // without a question: nothing is replaced
    project.run(&["restore", "kept.bak", "-d", "sqlite:new.db"]).ok().prints("there was nothing before");
    let new = rusqlite::Connection::open(project.path("new.db")).unwrap();
    let mode: String = new.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    let rows: i64 = new.query_row("SELECT count(*) FROM people", [], |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), rows), ("wal", 3));
    // a WAL of a database that is gone would be taken for the new one's
    drop(new);
    project.write("other.db-wal", "x");
    project.run(&["restore", "kept.bak", "-d", "sqlite:other.db"]).exits(2).says("other.db-wal");
    assert!(!project.path("other.db").exists());
}

#[test]
fn a_dry_run_of_a_restore_checks_all_of_it_and_changes_nothing() {
    each_database(|database| {
        seed(database);
        let project = Project::new().env("LIFTLOCK_KEY", KEY);
        project.run(&["backup", "b.bak", "-d", &database.url, "--encrypt"]).ok();
        change(database);
        let changed = contents(database);
        let folder = || match database.kind {
            Kind::Sqlite => files(database.path().parent().unwrap()),
            Kind::Postgres => {
                database.query("SELECT datname FROM pg_database WHERE datname LIKE current_database() || '%'")
            }
        };
        let before = folder();
        // nobody is asked: nothing is changed
        let dry = ["restore", "b.bak", "-d", &database.url, "--dry-run"];
        project.run(&dry).ok().prints("is whole").prints("would be replaced").prints("nothing was changed");
        let json = project.run(&[&dry[..], &["--json"]].concat()).ok().json();
        assert_eq!((&json["result"], &json["replaces"]), (&"planned".into(), &true.into()), "{json}");
        assert_eq!(json["compared"].as_u64().unwrap() > 0, database.kind == Kind::Sqlite, "{json}");
        assert_eq!((contents(database), folder()), (changed, before));
        let mut bytes = fs::read(project.path("b.bak")).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(project.path("broken.bak"), &bytes).unwrap();
        project.run(&["restore", "broken.bak", "-d", &database.url, "--dry-run", "--without-manifest"]).exits(2);
        project.run(&["restore", "none.bak", "-d", &database.url, "--dry-run"]).exits(3).says("is the path right?");
    });
    let project = Project::new();
    let database = TestDatabase::sqlite();
    seed(&database);
    project.run(&["backup", "b.bak", "-d", &database.url]).ok();
    let dry = ["restore", "b.bak", "-d", "sqlite:new.db", "--dry-run"];
    project.run(&dry).ok().prints("holds nothing");
    assert_eq!(files(project.root()), ["b.bak", "b.bak.manifest.json"]);
    project.write("new.db-wal", "x");
    project.run(&dry).exits(2).says("new.db-wal");
}

#[test]
fn encrypted_there_and_back() {
    each_database(|database| {
        seed(database);
        let before = contents(database);
        let project = Project::new().env("LIFTLOCK_KEY", KEY);
        let made = project.run(&["backup", "sealed", "--encrypt", "-d", &database.url, "--json"]).ok();
        let bytes = fs::read(project.path("sealed")).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
        assert!(bytes.starts_with(b"LIFTLOCK") && !holds(b"people") && !holds("Łukasz".as_bytes()));
        assert!(!project.read("sealed.manifest.json").contains("people"));
        assert!(!(made.stdout + &made.stderr).contains(KEY));
        change(database);
        let changed = contents(database);
        let restore = ["restore", "sealed", "-d", &database.url, "--yes"];
        for (key, words) in [(OTHER_KEY, "another key"), ("", "`LIFTLOCK_KEY` is not set"), ("hunter2", "is no key")] {
            let mut command = project.command(&restore);
            let ran = Ran::of(command.env("LIFTLOCK_KEY", key)).exits(2).says(words);
            // a new one opens nothing
            assert!(!ran.stderr.contains("urandom"), "{}", ran.stderr);
            assert!(ran.stderr.contains("made"), "{}", ran.stderr);
            assert!(!ran.stderr.contains("hunter2"));
            // nothing but the file says which key it is
            let mut without = project.command(&[&restore[..], &["--without-manifest"]].concat());
            Ran::of(without.env("LIFTLOCK_KEY", key)).exits(2).says(words);
        }
        assert_eq!(contents(database), changed);
        project.run(&restore).ok();
        assert_eq!(contents(database), before);
        if database.kind == Kind::Sqlite {
            // what was kept of an encrypted backup's database is no plain file beside it
            let folder = database.path().parent().unwrap().to_owned();
            let kept: Vec<String> = files(&folder).into_iter().filter(|name| name.contains("before-restore")).collect();
            assert!(kept.iter().any(|name| name.ends_with(".enc")), "{kept:?}");
            assert!(kept.iter().all(|name| name.contains(".enc")), "{kept:?}");
        }
    });
}

#[test]
fn names_that_are_made_and_kept() {
    let database = TestDatabase::sqlite();
    seed(&database);
    let project = Project::new()
        .file("liftlock.yaml", &format!("database: {}\nbackup:\n  dir: backups/of app\n  keep: 2\n", database.url))
        .file("backups/of app/test-20200101T000000Z.backup.db", "somebody else's");
    // a backup of another database of the same name
    let other = project.path("test.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    project.run(&["backup", "-d", "sqlite:test.db"]).ok();
    for _ in 0..4 {
        project.run(&["backup"]).ok();
    }
    let folder = project.path("backups/of app");
    let all = files(&folder);
    // two of this one, one of the other, each with a manifest, and the file that is nobody's
    assert_eq!(all.len(), 7, "{all:?}");
    assert!(all.contains(&"test-20200101T000000Z.backup.db".to_owned()));
    let json = project.run(&["backup", "--keep", "1", "--json"]).ok().json();
    let removed = json["removed"].as_array().unwrap();
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert!(removed.iter().all(|path| !PathBuf::from(path.as_str().unwrap()).exists()));
    assert!(
        PathBuf::from(json["file"].as_str().unwrap()).exists() || project.path(json["file"].as_str().unwrap()).exists()
    );
    project.run(&["backup", "--keep", "0"]).exits(2);
}

#[test]
fn odd_file_names() {
    let project = Project::new();
    let name = "we ird'%41 ä\".db";
    let connection = rusqlite::Connection::open(project.path(name)).unwrap();
    connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (5)").unwrap();
    drop(connection);
    project.run(&["backup", "-d", name]).ok();
    project.run(&["backup", "o'd d?ä.bak", "-d", name]).ok();
    let made: Vec<String> = files(project.root()).into_iter().filter(|name| name.ends_with(".backup.db")).collect();
    for backup in made.iter().map(String::as_str).chain(["o'd d?ä.bak"]) {
        project.run(&["restore", backup, "-d", name, "--yes"]).ok();
        project.run(&["restore", backup, "-d", &format!("copy of {}.db", backup.len())]).ok();
    }
}

#[test]
fn foreign_keys_that_do_not_hold_are_told() {
    let database = TestDatabase::sqlite();
    database.execute(
        "PRAGMA foreign_keys = off; CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a REFERENCES a (id)); INSERT INTO b VALUES (7);",
    );
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).ok().says("1 foreign key is broken");
}
