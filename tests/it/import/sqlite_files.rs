//! Tables of SQLite files as sources of an import.

use rusqlite::Connection;

use crate::support::{Project, TestDatabase, each_database};

const MAPPING: &str = r#"
sources:
  - {files: data/old.db, records: "/item[*]", bad: quarantine, table: item, key: id,
     columns: {id: /id, name: /name, amount: /amount, tags: /tags, active: /active}}
  - {files: data/old.db, records: "/note[*]", table: note, key: id, columns: {id: /key, text: /text}}
"#;

const TABLES: &str =
    "CREATE TABLE item (id integer PRIMARY KEY, name text, amount double precision, tags json, active boolean);
    CREATE TABLE note (id varchar(10) PRIMARY KEY, text text);";

/// A project with an old database in `data/`, and the new tables.
fn project(database: &TestDatabase, old: &str) -> Project {
    let project = Project::new();
    std::fs::create_dir(project.path("data")).unwrap();
    Connection::open(project.path("data/old.db")).unwrap().execute_batch(old).unwrap();
    project.write("import.yaml", MAPPING);
    database.execute(TABLES);
    project
}

const OLD: &str = r#"
    CREATE TABLE Item (ID INTEGER PRIMARY KEY, name TEXT, amount REAL, tags JSON, active BOOLEAN);
    INSERT INTO Item VALUES (1, 'a''b "c" \ é', 1.5, '[1,{"x":null}]', 1), (2, NULL, -0.0, NULL, 0), (-7, '', 1e300, '"s"', NULL);
    CREATE TABLE note (key TEXT PRIMARY KEY, text) WITHOUT ROWID;
    INSERT INTO note VALUES ('b', 'two'), ('a', 'one'), ('c', '{ "not": "ours" }');"#;

fn mapped(mapping: &str) -> String {
    mapping.replace("id: /id", "id: /ID")
}

#[test]
fn rows_of_a_sqlite_file_are_records() {
    each_database(|database| {
        let project = project(database, OLD);
        project.write("import.yaml", &mapped(MAPPING));
        let before = std::fs::read(project.path("data/old.db")).unwrap();
        let report = project.run(&["import", ".", "-d", &database.url, "--json"]).ok().json();
        assert_eq!((&report["records_migrated"], &report["status"]), (&6.into(), &"done".into()), "{report}");
        let names = database.query("SELECT id, name, tags, active FROM item ORDER BY id");
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names[1].starts_with("1|a'b \"c\" \\ é|[1,"), "{names:?}");
        assert_eq!(database.query("SELECT text FROM note ORDER BY id"), ["one", "two", "{ \"not\": \"ours\" }"]);
        // nothing is left beside it, and it is as it was
        let beside: Vec<_> = std::fs::read_dir(project.path("data")).unwrap().collect();
        assert_eq!((beside.len(), std::fs::read(project.path("data/old.db")).unwrap()), (1, before));

        let again = project.run(&["import", ".", "-d", &database.url, "--json"]).ok().json();
        assert_eq!(again["files_processed"], 0, "{again}");
        let changed = "UPDATE item SET name = 'changed' WHERE id = 2; DELETE FROM note WHERE key = 'a'";
        Connection::open(project.path("data/old.db")).unwrap().execute_batch(changed).unwrap();
        let again = project.run(&["import", ".", "-d", &database.url, "--json"]).ok().json();
        assert_eq!(again["files_processed"], 1, "{again}");
        assert_eq!(database.value("SELECT name FROM item WHERE id = 2"), "changed");
        assert_eq!(database.value("SELECT count(*) FROM note"), "3", "an import takes no rows away");
    });
}

#[test]
fn what_json_has_no_value_for_is_a_bad_record() {
    let database = TestDatabase::sqlite();
    let old = "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, amount REAL, tags, active);
        INSERT INTO item (id, name, amount) VALUES (1, x'00ff', 1), (2, CAST(x'ff' AS TEXT), 1), (3, 'x', 9e999), (4, 'ok', 1);
        CREATE TABLE note (key, text);";
    let project = project(&database, old);
    let run = project.run(&["import", ".", "-d", &database.url]);
    run.exits(1);
    assert_eq!(database.query("SELECT id FROM item"), ["4"]);
    let reasons = database.query("SELECT reason FROM liftlock_import_quarantine ORDER BY id");
    let expected = ["`name` holds a BLOB", "`name` holds text that is not UTF-8", "`amount` holds an infinite number"];
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_database_that_is_in_use_is_refused() {
    let database = TestDatabase::sqlite();
    let project = project(&database, &OLD.replace("Item", "item").replace("ID ", "id "));
    let writer = Connection::open(project.path("data/old.db")).unwrap();
    writer.pragma_update(None, "journal_mode", "wal").unwrap();
    writer.execute_batch("INSERT INTO note VALUES ('d', 'four')").unwrap();
    let arguments = ["import", ".", "-d", &database.url];
    project.run(&arguments).exits(3).says("a write-ahead log stands beside it").says("close the application");
    // closed, its log is in the file
    drop(writer);
    project.run(&arguments).ok();
    assert_eq!(database.value("SELECT count(*) FROM note"), "4");
    assert!(!project.path("data/old.db-wal").exists() && !project.path("data/old.db-shm").exists());
}

#[test]
fn what_is_no_database_or_has_no_such_table_is_told() {
    let database = TestDatabase::sqlite();
    let project = project(&database, "CREATE TABLE items (id); CREATE TABLE note (key, text);");
    let arguments = ["import", ".", "-d", &database.url];
    project.run(&arguments).exits(3).says("it has no table `item`: did you mean `items`?");
    std::fs::write(project.path("data/old.db"), "not a database, but long enough to be taken for one".repeat(20))
        .unwrap();
    project.run(&arguments).exits(3).says("it is no SQLite database, or an encrypted one");
    project.write("import.yaml", "sources: [{files: data/old.db, table: t, columns: {a: /a}}]");
    project.run(&arguments).exits(2).says("nothing says which table of the database");
    project.write("import.yaml", "sources: [{files: data/old.db, records: /t, table: t, columns: {a: /a}}]");
    project.run(&arguments).exits(2).says("`/t` names no table");
}

/// Two sources of one file are told apart by what they take of it.
#[test]
fn several_sources_of_the_same_files_have_their_own_books() {
    each_database(|database| {
        let project = Project::new();
        project.write(
            "data/all.json",
            r#"{"users": [{"id": 1}, {"id": 2}], "teams": [{"id": 9, "of": 1}], "version": 3}"#,
        );
        let mapping = r#"
sources:
  - {files: "*.json", records: "/users[*]", table: users, key: id, columns: {id: /id}}
  - {files: "*.json", records: "/teams[*]", table: teams, key: id, columns: {id: /id}}
"#;
        project.write("import.yaml", mapping);
        database.execute("CREATE TABLE users (id integer PRIMARY KEY); CREATE TABLE teams (id integer PRIMARY KEY)");
        project.run(&["import", "data", "-d", &database.url]).ok();
        let again = project.run(&["import", "data", "-d", &database.url, "--json"]).ok().json();
        assert_eq!(again["files_processed"], 0, "{again}");
        project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url]).ok();
        let read = |path: &str| -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(project.path(path)).unwrap()).unwrap()
        };
        assert_eq!(read("out/all.json"), read("data/all.json"));
        project.write("import.yaml", &mapping.replace("/teams[*]", "/users[*]").replace("teams", "users"));
        project.run(&["import", "data", "-d", &database.url]).exits(2).says("go to `users` twice");
    });
}

#[test]
fn text_that_is_a_number_or_a_boolean_goes_where_one_belongs() {
    each_database(|database| {
        let project = Project::new();
        project.write("data/7/a.csv", "n,real,amount,flag\n1,1.5,12.50,true\n-20,1e3,0.1,0\n,,,\n");
        project.write(
            "import.yaml",
            r#"
sources:
  - files: "{team}/a.csv"
    table: t
    key: [team, line]
    columns: {team: {capture: team}, line: position, n: /n, x: /real, amount: /amount, flag: /flag}
"#,
        );
        database.execute(
            "CREATE TABLE t (team integer, line bigint, n bigint, x double precision, amount numeric, flag boolean, \
             PRIMARY KEY (team, line))",
        );
        let run = project.run(&["import", "data", "-d", &database.url, "--json"]);
        // nothing is no number: a bad record
        run.exits(3).says("t.n");
        project.write("data/7/a.csv", "n,real,amount,flag\n1,1.5,12.50,true\n-20,1e3,0.1,0\n");
        project.run(&["import", "data", "-d", &database.url]).ok();
        let sum = "SELECT sum(team), sum(n), sum(x), sum(CASE WHEN flag THEN 1 ELSE 0 END) FROM t";
        assert_eq!(database.query(sum), ["14|-19|1001.5|1"]);
        project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url]).ok();
        assert_eq!(project.read("out/7/a.csv"), project.read("data/7/a.csv"));
    });
}
