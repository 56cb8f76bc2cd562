//! What changes the records alone (mark, repair), and the log that everything leaves.

use crate::history::{log, three};
use crate::support::each_database;

#[test]
fn mark_records_without_running() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["mark", "1", "--applied", "-d", url]).exits(2).says("--reason");
        project.run(&["mark", "1", "--reason", "x", "-d", url]).exits(2);
        project.run(&["mark", "--through", "2", "--unapplied", "--reason", "x", "-d", url]).exits(2);
        project.run(&["mark", "9", "--applied", "--reason", "x", "-d", url]).exits(3).says("there is no version 9");
        project.run(&["mark", "1", "--applied", "--reason", "by hand; it's done", "-d", url]).ok();
        assert_eq!(database.applied(), [1]);
        assert!(database.tables().is_empty(), "nothing was run");
        project.run(&["mark", "1", "--applied", "--reason", "again", "-d", url]).ok().prints("nothing to do");
        project.run(&["up", "-d", url]).ok();
        assert_eq!(database.tables(), ["three", "two"]);
        project.run(&["mark", "3", "--unapplied", "--reason", "undone", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2]);
        assert_eq!(database.tables(), ["three", "two"]);
        project.run(&["mark", "3", "--unapplied", "--reason", "again", "-d", url]).ok().prints("nothing to do");
        let rows =
            database.query("SELECT action, version, name, result, reason FROM schema_migrations_log ORDER BY id");
        assert_eq!(
            rows,
            [
                "mark-applied|1|one|done|by hand; it's done",
                "up|2|two|done|∅",
                "up|3|three|done|∅",
                "mark-unapplied|3|three|done|undone",
            ]
        );
        // a marked migration is taken back like any other
        database.execute("CREATE TABLE one (id int)");
        project.run(&["down", "--to", "0", "-d", url]).ok();
        assert_eq!(database.tables(), ["three"]);
    });
}

#[test]
fn mark_can_give_up_a_version_without_a_file() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "-d", url]).ok();
        project.remove("migrations/V2__two.sql");
        project.remove("migrations/V2__two.down.sql");
        project.run(&["up", "-d", url]).exits(3).says("V2__two");
        project.run(&["mark", "2", "--applied", "--reason", "x", "-d", url]).ok().prints("nothing to do");
        project.run(&["mark", "2", "--unapplied", "--reason", "never was", "-d", url]).ok();
        project.run(&["check", "-d", url]).ok();
    });
}

#[test]
fn a_database_with_the_schema_and_no_table_is_baselined() {
    each_database(|database| {
        let url = database.url.as_str();
        database.execute("CREATE TABLE one (id bigint PRIMARY KEY); CREATE TABLE two (id bigint PRIMARY KEY);");
        let project = three();
        project.run(&["up", "-d", url]).exits(3);
        assert_eq!(database.tables(), ["one", "two"]);
        project
            .run(&["mark", "--through", "7", "--applied", "--reason", "dump", "-d", url])
            .exits(3)
            .says("no version 7");
        project
            .run(&["mark", "--through", "2", "--applied", "--reason", "dump", "--dry-run", "-d", url])
            .ok()
            .prints("INSERT INTO");
        assert!(database.applied().is_empty(), "a dry run writes nothing");
        project.run(&["mark", "--through", "2", "--applied", "--reason", "dump", "-d", url]).ok();
        assert_eq!(database.applied(), [1, 2]);
        project.run(&["up", "-d", url]).ok().prints("applied V3__three");
        project.run(&["down", "--to", "0", "-d", url]).ok();
        assert!(database.tables().is_empty());
    });
}

#[test]
fn repair_shows_the_difference_and_logs() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three();
        project.run(&["up", "-d", url]).ok();
        project.run(&["repair", "1", "-d", url]).ok().prints("nothing to do");
        project.run(&["repair", "9", "-d", url]).exits(3).says("version 9 is not applied");
        let was = database.value("SELECT checksum FROM schema_migrations WHERE version = 1");
        project.write("migrations/V1__one.sql", "CREATE TABLE one (id bigint PRIMARY KEY); -- the first");
        let before = database.query("SELECT * FROM schema_migrations ORDER BY version");
        project
            .run(&["repair", "1", "--dry-run", "-d", url])
            .ok()
            .prints("-CREATE TABLE one (id bigint PRIMARY KEY);")
            .prints("+CREATE TABLE one (id bigint PRIMARY KEY); -- the first")
            .prints("UPDATE");
        assert_eq!(database.query("SELECT * FROM schema_migrations ORDER BY version"), before);
        project
            .run(&["repair", "1", "--reason", "a comment", "-d", url])
            .ok()
            .prints("-CREATE TABLE one (id bigint PRIMARY KEY);")
            .prints("+CREATE TABLE one (id bigint PRIMARY KEY); -- the first");
        assert_ne!(database.value("SELECT checksum FROM schema_migrations WHERE version = 1"), was);
        project.run(&["check", "-d", url]).ok();
        project.run(&["up", "-d", url]).ok().prints("nothing to do");
        let row = database.query(
            "SELECT action, version, result, reason FROM schema_migrations_log WHERE action = 'repair' ORDER BY id",
        );
        assert_eq!(row, [format!("repair|1|done|a comment (checksum was {was})")]);
        // an edited down script is accepted the same way
        project.write("migrations/V2__two.down.sql", "DROP TABLE two; -- gently");
        project.run(&["repair", "2", "-d", url]).ok().prints("+DROP TABLE two; -- gently");
        project.run(&["down", "--to", "1", "-d", url]).ok();
    });
}

#[test]
fn the_log_has_everything_that_was_done_or_failed() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = three().migration(
            "V4__bad",
            "CREATE TABLE four (id int);\nINSERT INTO nowhere VALUES (1);",
            "DROP TABLE four;",
        );
        project.run(&["up", "-d", url]).exits(3);
        project.run(&["up", "-d", url]).exits(3);
        project.write("migrations/V4__bad.sql", "CREATE TABLE four (id int);");
        project.write("migrations/V4__bad.down.sql", "DROP TABLE five;");
        project.run(&["up", "-d", url]).ok();
        project.run(&["down", "-d", url]).exits(3);
        project.write("migrations/V4__bad.down.sql", "DROP TABLE four;");
        project.run(&["redo", "--from-file", "-d", url]).ok();
        project.run(&["down", "--to", "2", "-d", url]).ok();
        assert_eq!(
            log(database),
            [
                "up|1|done",
                "up|2|done",
                "up|3|done",
                "up|4|failed",
                "up|4|failed",
                "up|4|done",
                "down|4|failed",
                "down|4|done",
                "up|4|done",
                "down|4|done",
                "down|3|done",
            ]
        );
        let reasons = database.query("SELECT reason FROM schema_migrations_log WHERE result = 'failed' ORDER BY id");
        assert!(reasons[0].contains("nowhere") && reasons[2].contains("five"), "{reasons:?}");
        let incomplete = "SELECT count(*) FROM schema_migrations_log WHERE happened_on IS NULL OR name IS NULL \
                          OR checksum IS NULL OR os_user IS NULL OR host IS NULL OR liftlock_version IS NULL \
                          OR (duration_ms IS NULL AND result = 'done') OR duration_ms < 0";
        assert_eq!(database.value(incomplete), "0");
        let rows = "SELECT count(*) FROM schema_migrations WHERE up_script IS NULL OR duration_ms IS NULL \
                    OR os_user IS NULL OR host IS NULL OR liftlock_version IS NULL";
        assert_eq!(database.value(rows), "0");
    });
}
