//! No command writes its output over the database that it works on, or over what SQLite keeps beside it, whatever is forced.

use std::fs;

use crate::support::{Project, TestDatabase};

/// Commands with `OUT` where the file is to be written and `DB` for the database.
const COMMANDS: &[&str] = &[
    "docs -d DB -o OUT",
    "docs -d DB -o OUT --format html",
    "docs -d DB -o OUT --json",
    "export t -d DB -o OUT --format csv",
    "export t -d DB -o OUT --format csv --force",
    "export --query=VALUES(1) -d DB -o OUT --format jsonl --force",
    "backup OUT -d DB",
    "backup OUT -d DB --force",
    "optimize -d DB --vacuum-into OUT",
    "audit DB --sarif OUT",
    "port DB --dry-run --plan-out OUT",
    "port DB --dry-run --report OUT",
    "port DB --rehearse --plan-out OUT",
    "port DB --rehearse --report OUT",
    "port DB --rehearse --snapshot OUT",
    "port DB --rehearse --quarantine-file OUT --on-error quarantine",
    "import . --infer --map OUT -d DB",
    "restore OUT -d DB --yes --without-manifest",
];

#[test]
fn a_database_and_its_log_stay_as_they_are() {
    let database = TestDatabase::sqlite();
    let path = database.path();
    // the second row is in the log alone while somebody has the database open
    let writer = database.rusqlite();
    writer
        .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1); PRAGMA journal_mode = wal; INSERT INTO t VALUES (2)")
        .unwrap();
    let project = Project::new().file("one.json", "[{\"a\": 1}]");
    let at = |ending: &str| format!("{}{ending}", path.display());
    let mut names: Vec<String> = ["", "-wal", "-shm", "-journal"].iter().map(|ending| at(ending)).collect();
    #[cfg(unix)]
    for (name, ending) in [("to-db", ""), ("to-wal", "-wal"), ("to-journal", "-journal")] {
        std::os::unix::fs::symlink(at(ending), project.path(name)).unwrap();
        names.push(name.to_owned());
    }
    fs::hard_link(at("-wal"), project.path("hard-wal")).unwrap();
    names.push("hard-wal".to_owned());
    let before = (fs::read(&path).unwrap(), fs::read(at("-wal")).unwrap());
    for command in COMMANDS {
        for out in &names {
            let command = command.replace("DB", &path.display().to_string()).replace("OUT", out);
            let arguments: Vec<&str> = command.split(' ').collect();
            let ran = project.run(&arguments);
            assert_eq!(ran.code, Some(2), "{command}: {}{}", ran.stdout, ran.stderr);
            assert!(!ran.stdout.contains("wrote"), "{command}: {}", ran.stdout);
        }
    }
    assert_eq!((fs::read(&path).unwrap(), fs::read(at("-wal")).unwrap()), before);
    assert!(!fs::exists(at("-journal")).unwrap());
    assert_eq!(database.query("SELECT a FROM t"), ["1", "2"]);
    writer.execute_batch("PRAGMA journal_mode = delete").unwrap();
    drop(writer);
    // not there, and no less its own
    for command in COMMANDS {
        let command = command.replace("DB", &path.display().to_string()).replace("OUT", &at("-wal"));
        project.run(&command.split(' ').collect::<Vec<_>>()).exits(2);
        assert!(!fs::exists(at("-wal")).unwrap(), "{command}");
    }
    project.run(&["docs", "-d", &database.url, "-o", &at("-wal")]).exits(2).says("the write-ahead log of the database");
    // what it had taken the names of works with others
    project.run(&["docs", "-d", &database.url, "-o", "schema.md"]).ok().prints("wrote schema.md");
    project.run(&["docs", "-d", &database.url, "-o", "schema.md"]).ok();
}

#[test]
fn a_backup_has_a_manifest_that_is_no_database() {
    let project = Project::new();
    project.run(&["docs", "-d", "sqlite:a.manifest.json", "-o", "x.md"]).exits(3);
    rusqlite::Connection::open(project.path("a.manifest.json")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = fs::read(project.path("a.manifest.json")).unwrap();
    project.run(&["backup", "a", "-d", "sqlite:a.manifest.json", "--force"]).exits(2).says("the database itself");
    assert_eq!(fs::read(project.path("a.manifest.json")).unwrap(), before);
}

#[test]
fn another_database_is_not_made_a_text() {
    let (database, other) = (TestDatabase::sqlite(), TestDatabase::sqlite());
    for database in [&database, &other] {
        database.execute("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
    }
    let project = Project::new();
    let out = other.path().display().to_string();
    project.run(&["docs", "-d", &database.url, "-o", &out]).exits(2).says("is a SQLite database");
    let forced = ["export", "t", "-d", &database.url, "-o", &out, "--format", "csv", "--force"];
    project.run(&forced).exits(2).says("is a SQLite database");
    assert_eq!(other.value("SELECT a FROM t"), "1");
    // a backup of it is one
    project.run(&["backup", &out, "-d", &database.url, "--force"]).ok();
}

#[test]
fn a_tree_is_not_written_over_the_database() {
    let project = Project::new()
        .file("in/app.db.json", "[{\"a\": 1}]")
        .file("import.yaml", "sources:\n  - {files: '*.json', records: '[*]', table: t, key: [a], columns: {a: /a}}\n");
    rusqlite::Connection::open(project.path("out.json"))
        .unwrap()
        .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        .unwrap();
    fs::rename(project.path("in/app.db.json"), project.path("in/out.json")).unwrap();
    project.run(&["import", "in", "-d", "sqlite:out.json"]).ok();
    let before = fs::read(project.path("out.json")).unwrap();
    project
        .run(&["export", ".", "--map", "import.yaml", "-d", "sqlite:out.json", "--force"])
        .exits(2)
        .says("the database itself");
    assert_eq!(fs::read(project.path("out.json")).unwrap(), before);
    project.run(&["export", "back", "--map", "import.yaml", "-d", "sqlite:out.json"]).ok();
}

#[test]
fn an_archive_is_no_part_of_the_database() {
    let database = TestDatabase::sqlite();
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT); INSERT INTO t VALUES (1, '2001-01-01')");
    for ending in ["", "-wal", "-journal"] {
        let path = database.path().display().to_string();
        let project = Project::new().file(
            "liftlock.yaml",
            &format!(
                "database: 'sqlite:{path}'\nretention:\n  - {{table: t, age: at, older_than: 1d, archive: 'sqlite:{path}{ending}'}}\n"
            ),
        );
        project.run(&["cleanup", "--yes"]).exits(2);
        assert!(ending.is_empty() || !fs::exists(format!("{path}{ending}")).unwrap());
        assert_eq!(database.value("SELECT count(*) FROM t"), "1");
    }
}
