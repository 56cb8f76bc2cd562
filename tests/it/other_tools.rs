//! Databases that another tool has migrated: named, refused, left as they are, and taken over only when asked.

use crate::support::{Kind, Project, TestDatabase, each_database};

fn project() -> Project {
    Project::new().migration("V1__one", "CREATE TABLE one (id bigint PRIMARY KEY);", "DROP TABLE one;").migration(
        "V2__two",
        "CREATE TABLE two (id bigint PRIMARY KEY);",
        "DROP TABLE two;",
    )
}

/// Everything that stands in the database: definitions and rows. For SQLite the bytes of the file, too.
fn everything(database: &TestDatabase, table: &str) -> Vec<String> {
    let mut all = match database.kind {
        Kind::Sqlite => {
            let mut all = database.query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid");
            all.push(format!("{:?}", std::fs::read(database.path()).unwrap()));
            all
        }
        Kind::Postgres => database.query(
            "SELECT c.relname, c.relkind, c.oid, c.relfilenode, a.attname, format_type(atttypid, atttypmod), attnotnull
             FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0
             WHERE relnamespace = 'public'::regnamespace ORDER BY c.oid, attnum",
        ),
    };
    all.extend(database.query(&format!("SELECT * FROM {table}")));
    all
}

const WRITING: [&[&str]; 8] = [
    &["up"],
    &["up", "--allow-out-of-order"],
    &["down"],
    &["down", "--to", "0"],
    &["redo"],
    &["repair", "1"],
    &["mark", "1", "--applied", "--reason", "x"],
    &["mark", "--through", "1", "--applied", "--reason", "x", "--yes"],
];
const READING: [&[&str]; 4] = [&["status"], &["check"], &["up", "--dry-run"], &["down", "--dry-run"]];

#[test]
fn a_table_of_another_tool_is_named_and_never_touched() {
    // as the tools make them: golang-migrate database/{sqlite3,postgres}, dbmate pkg/driver, ActiveRecord, Ecto
    let tables = [
        (
            "golang-migrate",
            "CREATE TABLE schema_migrations (version uint64, dirty bool);
             CREATE UNIQUE INDEX version_unique ON schema_migrations (version); INSERT INTO schema_migrations VALUES (2, 0);",
            "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null);
             INSERT INTO schema_migrations VALUES (2, false);",
        ),
        (
            "dbmate or Rails",
            "CREATE TABLE schema_migrations (version varchar(128) primary key); INSERT INTO schema_migrations VALUES ('1');",
            "CREATE TABLE schema_migrations (version varchar primary key); INSERT INTO schema_migrations VALUES ('1');",
        ),
        (
            "dbmate or Rails",
            "CREATE TABLE \"schema_migrations\" (\"version\" varchar NOT NULL PRIMARY KEY);",
            "CREATE TABLE schema_migrations (version character varying NOT NULL PRIMARY KEY);",
        ),
        (
            "Ecto",
            "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, inserted_at TEXT);
             INSERT INTO schema_migrations VALUES (1, '2026-01-01T00:00:00');",
            "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, inserted_at timestamp(0));
             INSERT INTO schema_migrations VALUES (1, '2026-01-01');",
        ),
        (
            "a tool Liftlock does not know",
            "CREATE TABLE schema_migrations (id INTEGER PRIMARY KEY, script TEXT); INSERT INTO schema_migrations VALUES (1, 'a');",
            "CREATE TABLE schema_migrations (id int PRIMARY KEY, script text); INSERT INTO schema_migrations VALUES (1, 'a');",
        ),
    ];
    for (tool, sqlite, postgres) in tables {
        each_database(|database| {
            database.execute(if database.kind == Kind::Sqlite { sqlite } else { postgres });
            let project = project();
            let before = everything(database, "schema_migrations");
            for command in WRITING.into_iter().chain(READING) {
                let ran = project.run(&[command, &["-d", &database.url]].concat()).exits(3);
                assert!(ran.stderr.contains(&format!("`schema_migrations` belongs to {tool}")), "{}", ran.stderr);
            }
            assert_eq!(everything(database, "schema_migrations"), before, "{tool}");
        });
    }
}

#[test]
fn what_is_not_a_table_is_somebody_elses() {
    let view = "somebody else (it is a view)";
    let refinerys = "CREATE TABLE history (version bigint, name text, applied_on text, checksum text);
         INSERT INTO history VALUES (1, 'one', '2026-01-01T00:00:00Z', '1'); CREATE VIEW schema_migrations AS SELECT * FROM history;";
    let versions = "CREATE TABLE versions (version bigint PRIMARY KEY); INSERT INTO versions VALUES (1);";
    let shapes = [
        (view, format!("{versions} CREATE VIEW schema_migrations AS SELECT version FROM versions;"), None),
        (view, refinerys.to_owned(), None),
        (
            view,
            format!("{versions} CREATE MATERIALIZED VIEW schema_migrations AS SELECT version FROM versions;"),
            Some(Kind::Postgres),
        ),
        ("somebody else (it is no table)", "CREATE SEQUENCE schema_migrations;".to_owned(), Some(Kind::Postgres)),
        (
            "somebody else (it is no table)",
            format!("{versions} CREATE INDEX schema_migrations ON versions (version);"),
            Some(Kind::Sqlite),
        ),
    ];
    for (tool, sql, only) in shapes {
        each_database(|database| {
            if only.is_some_and(|only| only != database.kind) {
                return;
            }
            database.execute(&sql);
            let project = project();
            let shown = if database.kind == Kind::Sqlite { "sqlite_schema" } else { "schema_migrations" };
            let before = everything(database, shown);
            for command in WRITING.into_iter().chain(READING) {
                let ran = project.run(&[command, &["-d", &database.url]].concat()).exits(3);
                assert!(ran.stderr.contains(tool), "{}", ran.stderr);
            }
            assert_eq!(everything(database, shown), before, "{tool}");
        });
    }
}

#[test]
fn gooses_own_first_row_is_no_migration() {
    each_database(|database| {
        // as goose makes it (internal/dialect/dialectquery), and fills it before it applies anything
        database.execute(
            "CREATE TABLE goose_db_version (id int, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp);
             INSERT INTO goose_db_version VALUES (1, 0, true, '2026-01-01');",
        );
        let project = project();
        project.run(&["status", "-d", &database.url]).ok();
        database.execute("INSERT INTO goose_db_version VALUES (2, 1, true, '2026-01-01')");
        project.run(&["up", "-d", &database.url]).exits(3).says("migrated by goose").says("holds 1 row,");
        database.execute("DELETE FROM goose_db_version WHERE version_id = 1");
        project.run(&["up", "-d", &database.url]).ok().prints("applied V2__two");
    });
}

#[test]
fn another_tools_table_can_be_moved_out_of_the_way() {
    each_database(|database| {
        database
            .execute("CREATE TABLE schema_migrations (version varchar(128) primary key); CREATE TABLE one (id int);");
        let project = project();
        project.run(&["up", "-d", &database.url]).exits(3).says("rename");
        database.execute("ALTER TABLE schema_migrations RENAME TO dbmate_migrations");
        project.run(&["mark", "--through", "1", "--applied", "--reason", "from dbmate", "-d", &database.url]).ok();
        project.run(&["up", "-d", &database.url]).ok().prints("applied V2__two");
        assert_eq!(database.applied(), [1, 2]);
    });
}

#[test]
fn a_table_made_by_hand_is_taken_over_after_a_yes() {
    each_database(|database| {
        let url = database.url.as_str();
        database.execute(
            "CREATE TABLE schema_migrations (version integer PRIMARY KEY); INSERT INTO schema_migrations VALUES (1);
             CREATE TABLE one (id int);",
        );
        let project = project();
        let before = everything(database, "schema_migrations");
        for command in [&["up"][..], &["status"], &["check"], &["down"], &["mark", "1", "--applied", "--reason", "x"]] {
            let ran = project.run(&[command, &["-d", url]].concat()).exits(3);
            assert!(ran.stderr.contains("made by hand") && ran.stderr.contains("mark --through 1"), "{}", ran.stderr);
        }
        let take = ["mark", "--through", "1", "--applied", "--reason", "ours now", "-d", url];
        project.run(&take).exits(2).says("--yes").says("schema_migrations_before_liftlock");
        let dry = [&take[..], &["--dry-run"]].concat();
        project.run(&dry).ok().prints("RENAME TO schema_migrations_before_liftlock");
        assert_eq!(everything(database, "schema_migrations"), before);
        project.run(&[&take[..], &["--yes"]].concat()).ok();
        assert_eq!(database.query("SELECT version FROM schema_migrations_before_liftlock"), ["1"]);
        assert_eq!(database.applied(), [1]);
        assert_eq!(
            database.query("SELECT action, version, reason FROM schema_migrations_log"),
            ["mark-applied|1|ours now"]
        );
        project.run(&["up", "-d", url]).ok().prints("applied V2__two");
        project.run(&["down", "--to", "0", "-d", url]).ok();
    });
}

#[test]
fn a_history_under_another_name_asks_for_a_baseline() {
    for (tool, table, columns) in [
        ("sqlx", "_sqlx_migrations", "version bigint, description text"),
        ("diesel", "__diesel_schema_migrations", "version varchar(50), run_on timestamp"),
        ("goose", "goose_db_version", "id int, version_id bigint"),
        ("Flyway", "flyway_schema_history", "installed_rank int, version varchar(50)"),
        ("refinery", "refinery_schema_history", "version int4, name varchar(255)"),
    ] {
        each_database(|database| {
            let url = database.url.as_str();
            database.execute(&format!("CREATE TABLE {table} ({columns}); CREATE TABLE one (id int);"));
            let fresh = TestDatabase::new(database.kind);
            fresh.execute(&format!("CREATE TABLE {table} ({columns})"));
            // without rows it stands in nobody's way
            project().run(&["up", "-d", &fresh.url]).ok();
            database.execute(
                &format!("INSERT INTO {table} VALUES (1, '2026-01-01')")
                    .replace("'2026-01-01'", if tool == "goose" { "1" } else { "'2026-01-01'" }),
            );
            let before = everything(database, table);
            for command in [&["up"][..], &["up", "--dry-run"], &["status"], &["check"], &["down"]] {
                let ran = project().run(&[command, &["-d", url]].concat()).exits(3);
                assert!(ran.stderr.contains(&format!("migrated by {tool}")), "{}", ran.stderr);
                assert!(ran.stderr.contains(table) && ran.stderr.contains("mark --through"), "{}", ran.stderr);
            }
            assert_eq!(everything(database, table), before);
            let project = project();
            project.run(&["mark", "--through", "1", "--applied", "--reason", "taken over", "-d", url]).ok();
            project.run(&["up", "-d", url]).ok().prints("applied V2__two");
            assert_eq!(database.applied(), [1, 2]);
            assert_eq!(database.value(&format!("SELECT count(*) FROM {table}")), "1", "the old history is kept");
        });
    }
}
