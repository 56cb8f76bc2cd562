//! SQLite's foreign keys while a table is rebuilt, where a cascade can delete rows that nobody meant to delete.

use crate::support::{Project, Ran, TestDatabase};

const BASE: &str = "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parent (id) ON DELETE CASCADE);
INSERT INTO parent VALUES (1, 'a'), (2, 'b');
INSERT INTO child VALUES (10, 1), (20, 2), (21, 2);
";

const REBUILD: &str = "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO parent_new SELECT id, name FROM parent;
DROP TABLE parent;
ALTER TABLE parent_new RENAME TO parent;
";

/// A database with parents and children, and a project with `script` as its next migration.
fn with(script: &str) -> (TestDatabase, Project) {
    let database = TestDatabase::sqlite();
    let project = Project::new().migration("V1__base", BASE, "DROP TABLE child; DROP TABLE parent;");
    project.run(&["up", "-d", &database.url]).ok();
    project.write("migrations/V2__rebuild.sql", script);
    (database, project)
}

fn up(database: &TestDatabase, project: &Project) -> Ran {
    project.run(&["up", "-d", &database.url])
}

#[track_caller]
fn assert_children_live(database: &TestDatabase) {
    assert_eq!(database.query("SELECT id, parent_id FROM child ORDER BY id"), ["10|1", "20|2", "21|2"]);
    assert_eq!(database.query("SELECT id, name FROM parent ORDER BY id"), ["1|a", "2|b"]);
}

#[test]
fn the_directive_keeps_the_children() {
    let (database, project) = with(&format!("-- liftlock: foreign-keys=off\n{REBUILD}"));
    up(&database, &project).ok();
    assert_children_live(&database);
    assert_eq!(database.value("SELECT \"notnull\" FROM pragma_table_info('parent') WHERE name = 'name'"), "1");
}

#[test]
fn a_leading_pragma_keeps_the_children() {
    for pragma in [
        "PRAGMA foreign_keys=off;",
        "PRAGMA foreign_keys = OFF;",
        "pragma main.foreign_keys(0);",
        "PRAGMA foreign_keys=no;",
        "-- a comment first\n/* and one more */ PRAGMA foreign_keys = false;",
    ] {
        let (database, project) = with(&format!("{pragma}\n{REBUILD}"));
        up(&database, &project).ok();
        assert_children_live(&database);
        assert_eq!(database.applied(), [1, 2]);
    }
}

#[test]
fn sqlites_own_recipe_keeps_the_children() {
    for (head, tail) in [
        ("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "COMMIT;\nPRAGMA foreign_keys=ON;\n"),
        ("PRAGMA foreign_keys=OFF;\nBEGIN;\n", "PRAGMA foreign_key_check;\nCOMMIT;\nPRAGMA foreign_keys=ON"),
        ("PRAGMA foreign_keys=OFF;\n", "PRAGMA foreign_keys=ON; -- the end"),
    ] {
        let (database, project) = with(&format!("{head}{REBUILD}{tail}"));
        up(&database, &project).ok();
        assert_children_live(&database);
    }
}

#[test]
fn a_recipe_that_fails_leaves_everything() {
    let (database, project) =
        with(&format!("PRAGMA foreign_keys=OFF;\nBEGIN;\n{REBUILD}INSERT INTO nowhere VALUES (1);\nCOMMIT;\n"));
    up(&database, &project).exits(3).says("V2__rebuild.sql:7:");
    assert_children_live(&database);
    assert_eq!(database.applied(), [1]);
}

#[test]
fn a_pragma_in_the_middle_is_an_error_at_planning() {
    let (database, project) = with(&format!("SELECT 1;\n  PRAGMA foreign_keys=off;\n{REBUILD}"));
    let ran = up(&database, &project).exits(3);
    assert!(ran.stderr.contains("migrations/V2__rebuild.sql:2:3: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("has no effect inside a transaction"), "{}", ran.stderr);
    assert_children_live(&database);
    // within BEGIN … COMMIT as well
    project.write("migrations/V2__rebuild.sql", &format!("BEGIN;\nPRAGMA foreign_keys=off;\n{REBUILD}COMMIT;"));
    up(&database, &project).exits(3).says("V2__rebuild.sql:2:1");
    assert_children_live(&database);
    project.run(&["check", "-d", &database.url]).exits(1).prints("V2__rebuild.sql:2:1");
}

#[test]
fn without_any_pragma_the_loss_is_the_scripts_own() {
    // foreign keys are on, as the bundled SQLite has them: the cascade is what this script says
    let (database, project) = with("DELETE FROM parent WHERE id = 2;");
    up(&database, &project).ok();
    assert_eq!(database.query("SELECT id FROM child"), ["10"]);
}

#[test]
fn what_points_nowhere_rolls_the_migration_back() {
    let (database, project) =
        with("-- liftlock: foreign-keys=off\nDELETE FROM parent WHERE id = 2;\nINSERT INTO child VALUES (30, 99);");
    let ran = up(&database, &project).exits(3);
    insta::assert_snapshot!(ran.stderr.lines().skip(1).collect::<Vec<_>>().join("\n"), @r"
    0 done; not done: V2__rebuild
    error: V2__rebuild would leave 3 rows that point nowhere; it was rolled back
      `child` rowid 20 → `parent`
      `child` rowid 21 → `parent`
      `child` rowid 30 → `parent`
    hint: correct the rows or the script, and run it again
    ");
    assert_children_live(&database);
    assert_eq!(database.applied(), [1]);
    assert_eq!(
        database.query("SELECT action, version, result FROM schema_migrations_log ORDER BY id"),
        ["up|1|done", "up|2|failed"]
    );
}

#[test]
fn what_pointed_nowhere_before_is_no_ones_fault() {
    let (database, project) = with("-- liftlock: foreign-keys=off\nINSERT INTO child VALUES (41, 98);");
    database.execute("PRAGMA foreign_keys = off; INSERT INTO child VALUES (40, 99);");
    let ran = up(&database, &project).exits(3).says("rowid 41");
    assert!(!ran.stderr.contains("rowid 40"), "{}", ran.stderr);
    project.write("migrations/V2__rebuild.sql", &format!("-- liftlock: foreign-keys=off\n{REBUILD}"));
    up(&database, &project).ok();
    assert_eq!(database.value("SELECT count(*) FROM child"), "4");
}

#[test]
fn violations_in_tables_without_rowids_and_with_two_keys_are_told_apart() {
    let database = TestDatabase::sqlite();
    let project = Project::new().migration(
        "V1__base",
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE edge (a INTEGER REFERENCES parent (id), b INTEGER REFERENCES parent (id), PRIMARY KEY (a, b))
           WITHOUT ROWID;
         CREATE TABLE pair (id INTEGER PRIMARY KEY, a INTEGER REFERENCES parent (id), b INTEGER REFERENCES parent (id));
         INSERT INTO parent VALUES (1);",
        "",
    );
    up(&database, &project).ok();
    database.execute("PRAGMA foreign_keys = off; INSERT INTO edge VALUES (7, 1); INSERT INTO pair VALUES (5, 7, 1);");
    // as many as before is fine; one more of the same kind is not
    let project = project.migration("V2__fine", "-- liftlock: foreign-keys=off\nCREATE TABLE other (id int);", "");
    up(&database, &project).ok();
    let project = project.migration("V3__edge", "-- liftlock: foreign-keys=off\nINSERT INTO edge VALUES (8, 1);", "");
    up(&database, &project).exits(3).says("`edge` (a table without rowids) → `parent`");
    project.write("migrations/V3__edge.sql", "-- liftlock: foreign-keys=off\nUPDATE pair SET b = 9 WHERE id = 5;");
    up(&database, &project).exits(3).says("`pair` rowid 5 → `parent`");
    assert_eq!(database.query("SELECT * FROM pair"), ["5|7|1"]);
    assert_eq!(database.applied(), [1, 2]);
}

#[test]
fn a_key_that_could_not_be_checked_before_blocks_nothing() {
    let database = TestDatabase::sqlite();
    // no unique index on parent.code: "foreign key mismatch"
    database.execute(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT);
         CREATE TABLE child (id INTEGER PRIMARY KEY, code TEXT REFERENCES parent (code));",
    );
    let project =
        Project::new().migration("V1__other", "CREATE TABLE other (id INTEGER PRIMARY KEY);", "DROP TABLE other;");
    up(&database, &project).ok();
    project.run(&["down", "-d", &database.url]).ok();
    up(&database, &project).ok();
    // a new one is told
    let project = project.migration(
        "V2__new",
        "CREATE TABLE child2 (id INTEGER PRIMARY KEY, code TEXT REFERENCES parent (code));",
        "",
    );
    up(&database, &project).exits(3).says("child2");
    // and so are rows beside the one that can't be checked
    project.write(
        "migrations/V2__new.sql",
        "-- liftlock: foreign-keys=off\nCREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id)); INSERT INTO c VALUES (3, 4);",
    );
    up(&database, &project).exits(3).says("`c` rowid 3 → `p`");
    assert_eq!(database.tables(), ["child", "other", "parent"]);
}

#[test]
fn foreign_keys_are_on_again_for_the_next_migration() {
    let (database, project) = with(&format!("PRAGMA foreign_keys=off;\n{REBUILD}"));
    let project = project.migration("V3__next", "INSERT INTO child VALUES (50, 77);", "");
    up(&database, &project).exits(3).says("FOREIGN KEY constraint failed").says("V3__next.sql:1:1");
    assert_eq!(database.applied(), [1, 2]);
    assert_children_live(&database);
}

#[test]
fn a_rebuild_is_taken_back_the_same_way() {
    let (database, project) = with(&format!("-- liftlock: foreign-keys=off\n{REBUILD}"));
    let back = REBUILD.replace("name TEXT NOT NULL", "name TEXT");
    project.write(
        "migrations/V2__rebuild.down.sql",
        &format!("PRAGMA foreign_keys=off;\nBEGIN;\n{back}COMMIT;\nPRAGMA foreign_keys=on;"),
    );
    up(&database, &project).ok();
    project.run(&["down", "-d", &database.url]).ok();
    assert_children_live(&database);
    // and without the file, from the table
    up(&database, &project).ok();
    project.remove("migrations/V2__rebuild.sql");
    project.remove("migrations/V2__rebuild.down.sql");
    project.run(&["down", "-d", &database.url]).ok();
    assert_children_live(&database);
    // and redo
    project.write("migrations/V2__rebuild.sql", &format!("-- liftlock: foreign-keys=off\n{REBUILD}"));
    project.write("migrations/V2__rebuild.down.sql", &format!("-- liftlock: foreign-keys=off\n{back}"));
    up(&database, &project).ok();
    project.run(&["redo", "-d", &database.url]).ok();
    assert_children_live(&database);
}

#[test]
fn a_rebuild_without_a_transaction_is_one_block_or_stops_at_the_drop() {
    for head in ["no-transaction\nPRAGMA foreign_keys=off;", "no-transaction foreign-keys=off\n"] {
        let (database, project) =
            with(&format!("-- liftlock: {head}\nBEGIN;\n{REBUILD}COMMIT;\nPRAGMA foreign_keys=on;"));
        up(&database, &project).ok();
        assert_children_live(&database);
        let project = project.migration("V3__next", "INSERT INTO child VALUES (50, 77);", "");
        up(&database, &project).exits(3).says("FOREIGN KEY constraint failed");
        // each statement by itself must leave no row that points nowhere, and DROP TABLE does
        let (database, project) = with(&format!("-- liftlock: {head}\n{REBUILD}"));
        up(&database, &project).exits(3).says("would leave 3 rows that point nowhere");
        assert_children_live(&database);
    }
}

#[test]
fn the_tools_that_run_with_foreign_keys_off_keep_the_children() {
    // golang-migrate's driver enforces no foreign keys unless asked
    let database = TestDatabase::sqlite();
    let project = Project::new().file("migrations/1_base.up.sql", BASE).file("migrations/2_rebuild.up.sql", REBUILD);
    project.run(&["up", "-d", &database.url, "--layout", "golang-migrate"]).ok();
    assert_children_live(&database);
    // how it ran is stored with it: without the folder, the way back keeps them too
    let project = project.file("migrations/3_again.up.sql", "SELECT 1;").file("migrations/3_again.down.sql", REBUILD);
    project.run(&["up", "-d", &database.url]).ok();
    let other = Project::new();
    std::fs::create_dir(other.path("migrations")).unwrap();
    other.run(&["down", "-d", &database.url]).ok();
    assert_children_live(&database);
    assert_eq!(database.applied(), [1, 2]);
}

#[test]
fn a_dump_of_sqlites_shell_is_a_migration() {
    let source = TestDatabase::sqlite();
    source.execute(&format!(
        "{BASE} CREATE VIEW v AS SELECT 1; CREATE INDEX i ON child (parent_id);
         CREATE TRIGGER t AFTER UPDATE ON parent BEGIN DELETE FROM child WHERE parent_id = old.id; SELECT 'END;'; END;
         CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT); INSERT INTO counted VALUES (7, 'a;''b');"
    ));
    let dump = std::process::Command::new("sqlite3").arg(source.path()).arg(".dump").output().unwrap();
    let database = TestDatabase::sqlite();
    // the children may stand before their parents in a dump
    let project = Project::new().migration("V1__dump", &String::from_utf8(dump.stdout).unwrap(), "");
    up(&database, &project).ok();
    assert_children_live(&database);
    assert_eq!(database.query("SELECT * FROM counted"), ["7|a;'b"]);
    database.execute("INSERT INTO counted (t) VALUES ('x')");
    assert_eq!(database.value("SELECT max(id) FROM counted"), "8", "the counter goes on");
}

#[test]
fn a_connection_that_a_program_hands_over_keeps_its_settings() {
    use liftlock::db::{Db, SqliteDb};
    use liftlock::migrate::{DownFrom, DownTo, Migrator, UpTo};
    for enforced in [true, false] {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", enforced).unwrap();
        let mut db = Db::Sqlite(SqliteDb::from(connection));
        let rebuild: &'static str = format!("-- liftlock: foreign-keys=off\n{REBUILD}").leak();
        let files: &'static [(&'static str, &'static str)] =
            vec![("V1__base.sql", BASE), ("V2__rebuild.sql", rebuild), ("V2__rebuild.down.sql", rebuild)].leak();
        let migrator = Migrator::embedded(files);
        assert_eq!(migrator.up(&mut db, UpTo::Latest).unwrap().into_result().unwrap().done.len(), 2);
        assert_eq!(
            migrator.down(&mut db, DownTo::Steps(1), DownFrom::Either).unwrap().into_result().unwrap().done.len(),
            1
        );
        let Db::Sqlite(db) = db else { unreachable!() };
        let connection = db.into_inner();
        let now: bool = connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0)).unwrap();
        assert_eq!(now, enforced);
        let children: u32 = connection.query_row("SELECT count(*) FROM child", [], |row| row.get(0)).unwrap();
        assert_eq!(children, 3);
    }
}

const FAMILY: &str = "CREATE TABLE p (id integer PRIMARY KEY);\n\
     CREATE TABLE c (id integer PRIMARY KEY, p integer REFERENCES p (id) ON DELETE CASCADE);\n\
     INSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1, 1);";

/// Nobody said that foreign keys are to be off: the rebuild would take the children with it.
#[test]
fn a_drop_that_would_take_other_tables_rows_is_refused() {
    for head in ["", "-- liftlock: no-transaction\n"] {
        let database = TestDatabase::sqlite();
        let url = database.url.as_str();
        let project = Project::new().migration("V1__family", FAMILY, "DROP TABLE c;\nDROP TABLE p;").migration(
            "V2__rebuild",
            &format!(
                "{head}CREATE TABLE p2 (id integer PRIMARY KEY);\nINSERT INTO p2 SELECT * FROM p;\nDROP TABLE p;\n\
                 ALTER TABLE p2 RENAME TO p;"
            ),
            "",
        );
        let line = 3 + head.lines().count();
        project
            .run(&["up", "-d", url])
            .exits(3)
            .says(&format!("V2__rebuild.sql:{line}:1"))
            .says("rows of `c` would be deleted (ON DELETE CASCADE)")
            .says("foreign-keys=off");
        assert_eq!(database.query("SELECT * FROM c"), ["1|1"]);
        assert_eq!(database.applied(), [1]);
        // what drops the child, too, or deletes its rows, was thought of
        project.run(&["mark", "2", "--unapplied", "--reason", "r", "-d", url]).ok();
        database.execute("DROP TABLE IF EXISTS p2");
        project.write(
            "migrations/V2__rebuild.sql",
            "DELETE FROM c;\nDROP TABLE p;\nCREATE TABLE p (id integer PRIMARY KEY);",
        );
        project.run(&["up", "-d", url]).ok();
        project.run(&["down", "--to", "1", "-d", url]).exits(3).says("no down script");
        project.write("migrations/V2__rebuild.down.sql", "SELECT 1;");
        project.run(&["down", "--to", "0", "-d", url]).ok();
        assert!(database.tables().is_empty());
    }
}

/// A program that hands its connection over goes on with it as it had set it up.
#[test]
fn a_connection_handed_over_keeps_its_busy_timeout() {
    use liftlock::migrate::{Migrator, UpTo};
    let database = TestDatabase::sqlite();
    let connection = database.rusqlite();
    connection.busy_timeout(std::time::Duration::from_millis(1234)).unwrap();
    let mut db = liftlock::db::Db::from(connection);
    let migrator = Migrator::embedded(&[("V1__t.sql", "CREATE TABLE t (x int);")]);
    // with something to do, and with nothing
    for _ in 0..2 {
        migrator.up(&mut db, UpTo::Latest).unwrap().into_result().unwrap();
        let liftlock::db::Db::Sqlite(sqlite) = db else { unreachable!() };
        let connection = sqlite.into_inner();
        let timeout: i64 = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).unwrap();
        assert_eq!(timeout, 1234);
        db = liftlock::db::Db::from(connection);
    }
}
