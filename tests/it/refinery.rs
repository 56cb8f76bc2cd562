//! One `schema_migrations` for Liftlock and for services that embed refinery, and the library embedded by itself.

use std::hash::{Hash as _, Hasher as _};

use refinery::{Migration, Runner, Target};
use siphasher::sip::SipHasher13;

use crate::support::{Kind, Project, TestDatabase, each_database};

const FILES: [(&str, &str); 4] = [
    ("V1__one", "CREATE TABLE one (id bigint PRIMARY KEY);\n"),
    ("V2__two", "CREATE TABLE two (id bigint PRIMARY KEY);\n"),
    ("V20261120093000__long_version", "CREATE TABLE three (id bigint PRIMARY KEY);\n"),
    ("V20261120093001__four", "CREATE TABLE four (id bigint PRIMARY KEY);\n"),
];

fn project() -> Project {
    let project = Project::new();
    for (name, text) in FILES {
        project.write(&format!("migrations/{name}.sql"), text);
        let table = text.split_whitespace().nth(2).unwrap();
        project.write(&format!("migrations/{name}.down.sql"), &format!("DROP TABLE {table};\n"));
    }
    project
}

/// What a service does that embeds refinery; the versions it applied, or what it says is wrong.
fn refinery(database: &TestDatabase, files: &[(&str, &str)], to: Option<i64>) -> Result<Vec<i64>, String> {
    let migrations: Vec<Migration> =
        files.iter().map(|(name, text)| Migration::unapplied(name, text).unwrap()).collect();
    let mut runner = Runner::new(&migrations);
    runner.set_migration_table_name("schema_migrations");
    if let Some(version) = to {
        runner = runner.set_target(Target::Version(version));
    }
    let report = match database.kind {
        Kind::Sqlite => runner.run(&mut database.rusqlite()),
        Kind::Postgres => runner.run(&mut database.client()),
    };
    let report = report.map_err(|error| error.to_string())?;
    Ok(report.applied_migrations().iter().map(Migration::version).collect())
}

#[allow(dead_code)]
#[path = "../../examples/embed.rs"]
mod embed;
#[allow(dead_code)]
#[path = "../../examples/refinery_share.rs"]
mod refinery_share;

#[test]
fn each_sees_what_the_other_applied() {
    each_database(|database| {
        let url = database.url.as_str();
        let project = project();
        assert_eq!(refinery(database, &FILES, Some(1)).unwrap(), [1]);
        // reading leaves refinery's table as it is
        let columns = |database: &TestDatabase| match database.kind {
            Kind::Sqlite => database.value("SELECT count(*) FROM pragma_table_info('schema_migrations')"),
            Kind::Postgres => database.value(
                "SELECT count(*) FROM pg_attribute WHERE attrelid = 'schema_migrations'::regclass AND attnum > 0",
            ),
        };
        project.run(&["status", "-d", url]).ok().prints("pending").prints("applied");
        project.run(&["check", "-d", url]).exits(1).prints("pending: V2__two");
        project.run(&["up", "--dry-run", "-d", url]).ok().prints("ADD COLUMN up_script");
        assert_eq!(columns(database), "4");
        project.run(&["up", "--to", "2", "-d", url]).ok().prints("applied V2__two");
        assert_eq!(database.applied(), [1, 2]);
        assert!(columns(database).parse::<u32>().unwrap() > 4);
        // refinery: nothing to do up to 2, then the third
        assert_eq!(refinery(database, &FILES, Some(2)).unwrap(), [0_i64; 0]);
        assert_eq!(refinery(database, &FILES, Some(20_261_120_093_000)).unwrap(), [20_261_120_093_000]);
        project.run(&["up", "-d", url]).ok().prints("applied V20261120093001__four");
        project.run(&["check", "-d", url]).ok();
        assert_eq!(refinery(database, &FILES, None).unwrap(), [0_i64; 0]);
        for (name, text) in FILES {
            let checksum = Migration::unapplied(name, text).unwrap().checksum();
            let version = Migration::unapplied(name, text).unwrap().version();
            let query = format!("SELECT checksum FROM schema_migrations WHERE version = {version}");
            assert_eq!(database.value(&query), checksum.to_string());
        }
        // Liftlock takes refinery's migrations back by their files, and refinery sees that
        project.run(&["down", "--to", "2", "-d", url]).ok();
        assert_eq!(refinery(database, &FILES, None).unwrap(), [20_261_120_093_000, 20_261_120_093_001]);
        project.run(&["down", "--to", "0", "-d", url]).ok();
        assert!(database.tables().is_empty());
        assert_eq!(refinery(database, &FILES, None).unwrap().len(), 4);
    });
}

#[test]
fn liftlock_may_be_first() {
    each_database(|database| {
        project().run(&["up", "--to", "2", "-d", &database.url]).ok();
        assert_eq!(refinery(database, &FILES, None).unwrap(), [20_261_120_093_000, 20_261_120_093_001]);
        project().run(&["check", "-d", &database.url]).ok();
        // and each finds an edit of what the other applied
        let mut edited = FILES;
        edited[0].1 = "CREATE TABLE one (id bigint PRIMARY KEY, more text);\n";
        assert!(refinery(database, &edited, None).unwrap_err().contains("different than filesystem"));
        let project = project();
        project.write("migrations/V20261120093001__four.sql", "CREATE TABLE four (id int);\n");
        project.run(&["up", "-d", &database.url]).exits(3).says("V20261120093001__four was edited");
    });
}

#[test]
fn what_refinery_applied_in_other_line_ends_is_the_same() {
    let lf = "CREATE TABLE one (\n  id bigint PRIMARY KEY\n);\n";
    let crlf = lf.replace('\n', "\r\n");
    each_database(|database| {
        for (applied, now) in [(lf, crlf.clone()), (crlf.as_str(), lf.to_owned()), (lf, format!("\u{feff}{crlf}"))] {
            let fresh = TestDatabase::new(database.kind);
            refinery(&fresh, &[("V1__one", applied)], None).unwrap();
            let project = Project::new().migration("V1__one", &now, "DROP TABLE one;");
            project.run(&["check", "-d", &fresh.url]).ok();
            project.run(&["up", "-d", &fresh.url]).ok().prints("nothing to do");
            project.run(&["down", "-d", &fresh.url]).ok();
            assert!(fresh.tables().is_empty());
        }
    });
}

#[test]
fn the_example_shares_the_table() {
    each_database(|database| {
        let project = project();
        let folder = project.path("migrations");
        let run = |version: Option<i64>| refinery_share::apply(&database.url, &folder, version).unwrap();
        assert_eq!(run(Some(1)), ["V1__one"]);
        project.run(&["up", "--to", "2", "-d", &database.url]).ok().prints("applied V2__two");
        assert_eq!(run(Some(2)), [""; 0]);
        assert_eq!(run(None), ["V20261120093000__long_version", "V20261120093001__four"]);
        project.run(&["check", "-d", &database.url]).ok().prints("up to date: 4 applied");
    });
}

#[test]
fn the_library_is_embedded_in_ten_lines() {
    each_database(|database| {
        let run = || embed::bring_up_to_date(&database.url).unwrap();
        assert!(run().starts_with("3 migrations applied to "));
        assert!(run().starts_with("0 migrations applied to "));
        assert_eq!(database.applied(), [1, 2, 3]);
        // the binary agrees with what was compiled in, and takes it back
        let project = Project::new();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        project.run(&["check", "-d", &database.url, "--dir", folder]).ok();
        project.run(&["down", "--to", "0", "-d", &database.url, "--dir", folder]).ok();
        assert!(database.tables().is_empty());
    });
}

#[test]
fn mark_and_repair_may_be_the_first_to_write_to_refinerys_table() {
    each_database(|database| {
        let url = database.url.as_str();
        refinery(database, &FILES, Some(1)).unwrap();
        let project = project();
        let edited = "CREATE TABLE one (id bigint PRIMARY KEY); -- edited\n";
        project.write("migrations/V1__one.sql", edited);
        project.run(&["check", "-d", url]).exits(1).prints("diverged: V1__one");
        project.run(&["repair", "1", "-d", url]).ok().prints("holds no script");
        let mut files = FILES;
        files[0].1 = edited;
        assert_eq!(refinery(database, &files, Some(2)), Ok(vec![2]), "refinery goes by the new checksum");
        let fresh = TestDatabase::new(database.kind);
        refinery(&fresh, &FILES, Some(1)).unwrap();
        project.write("migrations/V1__one.sql", FILES[0].1);
        project.run(&["mark", "2", "--applied", "--reason", "by hand", "-d", &fresh.url]).ok();
        assert_eq!(refinery(&fresh, &FILES, Some(2)), Ok(Vec::new()));
        assert_eq!(fresh.tables(), ["one"]);
    });
}

/// refinery's checksum in a build without `int8-versions` (refinery-core, `Migration::unapplied`).
fn int4_checksum(name: &str, version: i32, text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    name.hash(&mut hasher);
    version.hash(&mut hasher);
    text.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn an_int4_table_is_refused_with_its_conversion() {
    each_database(|database| {
        let url = database.url.as_str();
        database.execute(
            "CREATE TABLE schema_migrations (version int4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255),
             checksum VARCHAR(255)); CREATE TABLE one (id int); CREATE TABLE two (id int);",
        );
        for (version, name, text) in [(1, "one", FILES[0].1), (2, "two", FILES[1].1)] {
            let checksum = int4_checksum(name, version, text);
            database.execute(&format!(
                "INSERT INTO schema_migrations VALUES ({version}, '{name}', '2026-01-01T00:00:00.000000000Z', '{checksum}')"
            ));
        }
        let project = project();
        // an editor may have changed the line ends since
        project.write("migrations/V2__two.sql", &FILES[1].1.replace('\n', "\r\n"));
        let before = database.query("SELECT * FROM schema_migrations ORDER BY version");
        let mut conversion = String::new();
        for command in [&["up"][..], &["status"], &["check"], &["down"]] {
            let ran = project.run(&[command, &["-d", url]].concat()).exits(3);
            assert!(ran.stderr.contains("int4"), "{}", ran.stderr);
            let sql: Vec<&str> = ran.stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).collect();
            let start = sql.iter().position(|line| *line == "BEGIN;").unwrap();
            conversion = sql[start..].join("\n");
        }
        assert_eq!(database.query("SELECT * FROM schema_migrations ORDER BY version"), before);
        database.execute(&conversion);
        project.run(&["check", "-d", url]).exits(1).prints("pending: V20261120093000");
        project.run(&["up", "-d", url]).ok();
        project.run(&["check", "-d", url]).ok();
        project.write("migrations/V2__two.sql", FILES[1].1);
        project.run(&["check", "-d", url]).ok();
        assert_eq!(refinery(database, &FILES, None), Ok(Vec::new()), "refinery agrees");
    });
}

#[test]
fn the_conversion_accepts_no_edited_file() {
    each_database(|database| {
        database.execute(&format!(
            "CREATE TABLE schema_migrations (version int4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255),
             checksum VARCHAR(255));
             INSERT INTO schema_migrations VALUES (1, 'one', '2026-01-01T00:00:00.000000000Z', '{}'), (5, 'gone', '', '7');",
            int4_checksum("one", 1, "another text")
        ));
        let ran = project().run(&["up", "-d", &database.url]).exits(3);
        assert!(ran.stderr.contains("-- V1__one: the file is not what was applied"), "{}", ran.stderr);
        assert!(ran.stderr.contains("-- V5__gone: no file"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("UPDATE"), "{}", ran.stderr);
    });
}
