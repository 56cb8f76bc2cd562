//! The folder against the database: what is out of order, edited, missing or ahead, and what down goes by.

use std::io::{BufRead as _, BufReader};

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

/// Three tables.
pub fn three() -> Project {
    Project::new()
        .migration("V1__one", "CREATE TABLE one (id bigint PRIMARY KEY);", "DROP TABLE one;")
        .migration("V2__two", "CREATE TABLE two (id bigint PRIMARY KEY);", "DROP TABLE two;")
        .migration("V3__three", "CREATE TABLE three (id bigint PRIMARY KEY);", "DROP TABLE three;")
}

/// The log as `action version result`.
pub fn log(database: &TestDatabase) -> Vec<String> {
    database.query("SELECT action, version, result FROM schema_migrations_log ORDER BY id")
}

#[test]
fn a_pending_version_below_an_applied_one_stops_the_run() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.remove("migrations/V2__two.sql");
        project.remove("migrations/V2__two.down.sql");
        project.run(&["up", "-d", url]).ok();
        let project = project
            .migration("V2__two", "CREATE TABLE two (id bigint PRIMARY KEY);", "DROP TABLE two;")
            .migration("V4__four", "CREATE TABLE four (id bigint PRIMARY KEY);", "DROP TABLE four;");
        let ran =
            project.run(&["up", "-d", url]).exits(3).says("V2__two").says("V3__three").says("--allow-out-of-order");
        assert_eq!(ran.stdout, "");
        assert_eq!(database.applied(), [1, 3], "nothing is applied, not even what is in order");
        project.run(&["check", "-d", url]).exits(1).prints("out of order: V2__two").prints("pending: V4__four");
        project.run(&["status", "-d", url]).ok().prints("out of order");
        // nor one step of it, nor up to a version above
        project.run(&["up", "--to", "4", "-d", url]).exits(3);
        project.run(&["up", "--steps", "1", "-d", url]).exits(3);
        assert_eq!(database.applied(), [1, 3]);
        project.run(&["up", "--allow-out-of-order", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2, 3, 4]);
        assert_eq!(database.tables(), ["four", "one", "three", "two"]);
    });
}

#[test]
fn the_configuration_may_allow_it() {
    each_database(|database| {
        let project = three().file("liftlock.yaml", "migrations:\n  allow_out_of_order: true\n");
        project.remove("migrations/V1__one.sql");
        project.remove("migrations/V1__one.down.sql");
        project.run(&["up", "-d", &database.url]).ok();
        let project = project.migration("V1__one", "CREATE TABLE one (id bigint PRIMARY KEY);", "");
        project.run(&["up", "-d", &database.url]).ok().prints("applied V1__one");
        assert_eq!(database.applied(), [1, 2, 3]);
    });
}

#[test]
fn an_edited_file_stops_the_run() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "--to", "2", "-d", url]).ok();
        let was = database.value("SELECT checksum FROM schema_migrations WHERE version = 1");
        project.write("migrations/V1__one.sql", "CREATE TABLE one (id bigint PRIMARY KEY, added text);");
        let ran =
            project.run(&["up", "-d", url]).exits(3).says("V1__one was edited").says(&was).says("liftlock repair 1");
        assert_eq!(database.applied(), [1, 2]);
        let named = ran.stderr.matches(|c: char| c.is_ascii_digit()).count();
        assert!(named > 2 * was.len() - 4, "both checksums are told: {}", ran.stderr);
        project.run(&["check", "-d", url]).exits(1).prints("diverged: V1__one");
        // nothing else is hidden by it
        project.run(&["check", "-d", url]).exits(1).prints("pending: V3__three");
    });
}

#[test]
fn line_ends_and_a_byte_order_mark_are_no_edit() {
    let lf = "CREATE TABLE one (\n  id bigint PRIMARY KEY\n);\nINSERT INTO one VALUES (1);\n";
    let variants = [
        lf.to_owned(),
        lf.replace('\n', "\r\n"),
        format!("\u{feff}{lf}"),
        format!("\u{feff}{}", lf.replace('\n', "\r\n")),
    ];
    each_database(|database| {
        for applied in &variants {
            let project = Project::new().migration("V1__one", applied, "\u{feff}DROP TABLE one;\r\n");
            project.run(&["up", "-d", &database.url]).ok();
            for now in &variants {
                project.write("migrations/V1__one.sql", now);
                project.run(&["check", "-d", &database.url]).ok();
                project.run(&["up", "-d", &database.url]).ok().prints("nothing to do");
            }
            project.write("migrations/V1__one.down.sql", "DROP TABLE one;\n");
            project.run(&["down", "-d", &database.url]).ok();
            assert!(database.tables().is_empty());
        }
    });
}

#[test]
fn a_missing_file_stops_the_run() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "--to", "2", "-d", url]).ok();
        project.remove("migrations/V1__one.sql");
        project.remove("migrations/V1__one.down.sql");
        project.run(&["up", "-d", url]).exits(3).says("V1__one is applied").says("no file").says("`up_script`");
        // what the hint promises is there
        let script = database.value("SELECT up_script FROM schema_migrations WHERE version = 1");
        assert_eq!(script, "CREATE TABLE one (id bigint PRIMARY KEY);");
        assert_eq!(database.applied(), [1, 2]);
        project.run(&["check", "-d", url]).exits(1).prints("missing: V1__one");
    });
}

#[test]
fn a_database_that_is_ahead_is_left_alone() {
    each_database(|database| {
        let url = database.url.as_str();
        let newer = three();
        newer.run(&["up", "-d", url]).ok();
        let older = three();
        for file in ["V2__two", "V3__three"] {
            older.remove(&format!("migrations/{file}.sql"));
            older.remove(&format!("migrations/{file}.down.sql"));
        }
        let before = database.query("SELECT * FROM schema_migrations ORDER BY version");
        older.run(&["up", "-d", url]).ok().says("ahead").says("V2__two").says("V3__three").prints("nothing to do");
        assert_eq!(database.query("SELECT * FROM schema_migrations ORDER BY version"), before);
        older.run(&["check", "-d", url]).exits(1).prints("ahead: V2__two").prints("ahead: V3__three");
        older.run(&["status", "-d", url]).ok().prints("ahead");
        // with an empty folder, too
        let empty = Project::new();
        std::fs::create_dir(empty.path("migrations")).unwrap();
        empty.run(&["up", "-d", url]).ok().says("ahead");
        assert_eq!(database.applied(), [1, 2, 3]);
        // and the older release takes the newer migrations back by the scripts that the database holds
        older.run(&["down", "--to", "1", "-d", url]).ok().prints("took back V3__three").prints("took back V2__two");
        assert_eq!(database.tables(), ["one"]);
        older.run(&["check", "-d", url]).ok();
    });
}

#[test]
fn a_down_script_that_differs_from_the_stored_one_asks_which() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "-d", url]).ok();
        project.write("migrations/V3__three.down.sql", "DROP TABLE three;\nCREATE TABLE from_file (id int);");
        let ran = project
            .run(&["down", "--to", "0", "-d", url])
            .exits(3)
            .says("V3__three.down.sql")
            .says("+CREATE TABLE from_file (id int);")
            .says("--from-file")
            .says("--from-table");
        assert_eq!(database.applied(), [1, 2, 3], "{}", ran.stderr);
        project.run(&["check", "-d", url]).ok().prints("note:");
        project.run(&["down", "--from-table", "-d", url]).ok();
        assert_eq!(database.tables(), ["one", "two"]);
        project.run(&["up", "-d", url]).ok();
        project.write("migrations/V3__three.down.sql", "DROP TABLE three;");
        project.run(&["down", "-d", url]).exits(3).says("-CREATE TABLE from_file (id int);");
        project.run(&["down", "--from-file", "-d", url]).ok();
        assert_eq!(database.tables(), ["one", "two"]);
        project.run(&["down", "--from-file", "--from-table", "-d", url]).exits(2);
    });
}

#[test]
fn how_a_down_script_runs_is_part_of_the_comparison() {
    each_database(|database| {
        let project = Project::new().migration(
            "V1__one",
            "CREATE TABLE one (id bigint PRIMARY KEY);",
            "-- liftlock: lock-timeout=1s\nDROP TABLE one;",
        );
        project.run(&["up", "-d", &database.url]).ok();
        project.remove("migrations/V1__one.sql");
        project.remove("migrations/V1__one.down.sql");
        let stored = "SELECT down_directives FROM schema_migrations";
        assert_eq!(database.value(stored), "lock-timeout=1s");
        project.run(&["down", "-d", &database.url]).ok();
        assert!(database.tables().is_empty());
    });
}

#[test]
fn everything_irreversible_is_named_before_anything_changes() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three()
            .migration("V4__no_down", "CREATE TABLE four (id int);", "")
            .migration("V5__words", "-- liftlock: irreversible \"the rows are gone\"\nCREATE TABLE five (id int);", "")
            .migration("V6__fine", "CREATE TABLE six (id int);", "DROP TABLE six;");
        project.run(&["up", "-d", url]).ok();
        let ran = project.run(&["down", "--to", "0", "-d", url]).exits(3);
        assert!(ran.stderr.contains("V4__no_down has no down script"), "{}", ran.stderr);
        assert!(ran.stderr.contains("V5__words is irreversible: the rows are gone"), "{}", ran.stderr);
        assert_eq!(database.applied(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(log(database).len(), 6, "nothing was begun");
        project.run(&["down", "--to", "5", "-d", url]).ok();
        project.run(&["down", "-d", url]).exits(3);
        assert_eq!(database.applied(), [1, 2, 3, 4, 5]);
        // what was irreversible when it was applied is so without its file
        project.remove("migrations/V5__words.sql");
        project.remove("migrations/V6__fine.sql");
        project.remove("migrations/V6__fine.down.sql");
        project.run(&["down", "-d", url]).exits(3).says("the rows are gone");
    });
}

#[test]
fn so_far_and_no_further() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "--steps", "0", "-d", url]).ok().prints("nothing to do");
        project.run(&["up", "--steps", "1", "-d", url]).ok();
        assert_eq!(database.applied(), [1]);
        project.run(&["up", "--to", "2", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2]);
        project.run(&["up", "--to", "1", "-d", url]).ok().prints("nothing to do");
        project.run(&["up", "--to", "9", "-d", url]).exits(3).says("there is no version 9").says("V3__three");
        assert_eq!(database.applied(), [1, 2]);
        project.run(&["up", "--to", "3", "--steps", "1", "-d", url]).exits(2);
        project.run(&["up", "--steps", "99", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2, 3]);
        project.run(&["down", "--steps", "0", "-d", url]).ok().prints("nothing to do");
        project.run(&["down", "--to", "7", "-d", url]).exits(3).says("there is no version 7");
        project.run(&["down", "--to", "3", "-d", url]).ok().prints("nothing to do");
        project.run(&["down", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2]);
        project.run(&["down", "--steps", "2", "-d", url]).ok();
        assert!(database.applied().is_empty());
        project.run(&["down", "-d", url]).ok().prints("nothing to do");
        project.run(&["redo", "-d", url]).ok().prints("nothing to do");
        project.run(&["up", "-d", url]).ok();
        project.run(&["down", "--to", "1", "-d", url]).ok();
        assert_eq!(database.applied(), [1]);
    });
}

#[test]
fn redo_takes_the_highest_back_and_applies_its_file() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "-d", url]).ok();
        // an edited file is what redo is for
        project.write("migrations/V3__three.sql", "CREATE TABLE three (id bigint PRIMARY KEY, added text);");
        project.run(&["redo", "-d", url]).ok().prints("took back V3__three").prints("applied V3__three");
        database.execute("INSERT INTO three (id, added) VALUES (1, 'x')");
        project.run(&["check", "-d", url]).ok();
        project.remove("migrations/V3__three.sql");
        project.remove("migrations/V3__three.down.sql");
        project.run(&["redo", "-d", url]).exits(3).says("no file to apply it again from");
        assert_eq!(database.value("SELECT count(*) FROM three"), "1", "it was not taken back first");
    });
}

#[test]
fn redo_goes_by_what_it_finds_under_the_lock() {
    // what a redo sees while another one is between its down and its up is not what there is when its turn comes
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "-d", url]).ok();
        let lock: Box<dyn std::any::Any> = match database.kind {
            Kind::Sqlite => {
                let file = std::fs::File::open(database.path().with_extension("db-liftlock")).unwrap();
                file.lock().unwrap();
                Box::new(file)
            }
            Kind::Postgres => {
                let mut client = database.client();
                client
                    .batch_execute(
                        "SELECT pg_advisory_lock(hashtextextended('liftlock migrate ' || current_database() || ' public', 0))",
                    )
                    .unwrap();
                Box::new(client)
            }
        };
        database.execute("CREATE TABLE aside AS SELECT * FROM schema_migrations WHERE version = 3");
        database.execute("DELETE FROM schema_migrations WHERE version = 3");
        let mut redo = project.spawn(&["redo", "-d", url]);
        let mut said = BufReader::new(redo.stderr.take().unwrap()).lines();
        let waits = said.find(|line| line.as_ref().unwrap().contains("waiting for another runner"));
        assert!(waits.is_some());
        // long enough for it to look again and again; without that this test could only pass
        std::thread::sleep(std::time::Duration::from_millis(300));
        database.execute("INSERT INTO schema_migrations SELECT * FROM aside");
        drop(lock);
        let ran = Ran::wait(redo).ok();
        assert!(ran.stdout.contains("took back V3__three"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("V2__two"), "{}", ran.stdout);
        assert_eq!(database.applied(), [1, 2, 3]);
    });
}

#[test]
fn down_to_0_takes_a_version_0_back_as_well() {
    each_database(|database| {
        let project = three().migration("V0__zero", "CREATE TABLE zero (id int);", "DROP TABLE zero;");
        project.run(&["up", "-d", &database.url]).ok();
        assert_eq!(database.applied(), [0, 1, 2, 3]);
        project.run(&["down", "--to", "0", "-d", &database.url]).ok().prints("took back V0__zero");
        assert!(database.tables().is_empty());
    });
}

#[test]
fn a_redo_whose_file_fails_says_what_is_left() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "-d", url]).ok();
        project.write("migrations/V3__three.sql", "CREATE TABLE three (id int);\nINSERT INTO nowhere VALUES (1);");
        let ran = project.run(&["redo", "-d", url]).exits(3).prints("took back V3__three").says("not done: V3__three");
        assert!(ran.stderr.contains("V3__three.sql:2:"), "{}", ran.stderr);
        assert_eq!(database.applied(), [1, 2]);
        assert_eq!(database.tables(), ["one", "two"]);
        // what can't be planned is found before the down
        project.write("migrations/V3__three.sql", "CREATE TABLE three (id int);");
        project.run(&["up", "-d", url]).ok();
        project.write("migrations/V3__three.sql", "CREATE TABLE three (id int);\nCOMMIT;");
        project.run(&["redo", "-d", url]).exits(3).says("V3__three.sql:2:1");
        assert_eq!(database.tables(), ["one", "three", "two"]);
    });
}

#[test]
fn a_script_that_empties_the_history_is_rolled_back() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = Project::new().migration("V1__t", "CREATE TABLE t (x int);", "").migration(
            "V2__reset",
            "CREATE TABLE u (x int);\nDELETE FROM schema_migrations;",
            "",
        );
        project.run(&["up", "-d", url]).exits(3).says("removes the row that records it");
        assert_eq!(database.applied(), [1]);
        assert_eq!(database.tables(), ["t"]);
    });
}

#[test]
fn a_bookkeeping_table_that_was_dropped_is_made_again() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = Project::new().migration("V1__t", "CREATE TABLE t (x int);", "");
        project.run(&["up", "-d", url]).ok();
        for (at, table) in ["schema_migrations_log", "schema_migrations_progress"].iter().enumerate() {
            database.execute(&format!("DROP TABLE {table}"));
            project.run(&["status", "-d", url]).ok();
            let version = at + 2;
            project.write(&format!("migrations/V{version}__u.sql"), &format!("CREATE TABLE u{version} (x int);"));
            project.run(&["up", "-d", url]).ok();
            assert_eq!(database.applied().len(), version);
        }
    });
}
