//! Other tools' folders as they stand: up, down, and a new migration in the same layout, on both databases.

use crate::support::{Project, TestDatabase, each_database};

/// A folder as its tool would have it, with the tables `one` and `two` and a row each.
struct Example {
    layout: &'static str,
    files: &'static [(&'static str, &'static str)],
    versions: [i64; 2],
    /// Whether the layout has a place for down scripts.
    downs: bool,
}

const EXAMPLES: [Example; 8] = [
    Example {
        layout: "liftlock",
        files: &[
            ("V1__one.sql", "CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);"),
            ("V1__one.down.sql", "DROP TABLE one;"),
            ("V2__two.sql", "CREATE TABLE two (id int);\nINSERT INTO two VALUES (2);"),
            ("V2__two.down.sql", "DROP TABLE two;"),
            ("README.md", "what these are"),
        ],
        versions: [1, 2],
        downs: true,
    },
    Example {
        layout: "golang-migrate",
        files: &[
            ("000001_one.up.sql", "CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);"),
            ("000001_one.down.sql", "DROP TABLE one;"),
            ("000002_two.up.sql", "CREATE TABLE two (id int);\nINSERT INTO two VALUES (2);"),
            ("000002_two.down.sql", "DROP TABLE two;"),
        ],
        versions: [1, 2],
        downs: true,
    },
    Example {
        layout: "sqlx",
        files: &[
            ("20240101000000_one.up.sql", "CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);"),
            ("20240101000000_one.down.sql", "DROP TABLE one;"),
            ("20240102000000_two.up.sql", "-- no-transaction\nCREATE TABLE two (id int);\nINSERT INTO two VALUES (2);"),
            ("20240102000000_two.down.sql", "-- no-transaction\nDROP TABLE two;"),
        ],
        versions: [20_240_101_000_000, 20_240_102_000_000],
        downs: true,
    },
    Example {
        layout: "sqlx-simple",
        files: &[
            ("1_one.sql", "CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);"),
            ("2_two.sql", "-- no-transaction\nCREATE TABLE two (id int);\nINSERT INTO two VALUES (2);"),
        ],
        versions: [1, 2],
        downs: false,
    },
    Example {
        layout: "dbmate",
        files: &[
            (
                "20240101000000_one.sql",
                "-- migrate:up\nCREATE TABLE one (id int);\nINSERT INTO one VALUES (1);\n\n-- migrate:down\nDROP TABLE one;\n",
            ),
            (
                "20240102000000_two.sql",
                "-- migrate:up transaction:false\nCREATE TABLE two (id int);\nINSERT INTO two VALUES (2);\n-- migrate:down\nDROP TABLE two;\n",
            ),
        ],
        versions: [20_240_101_000_000, 20_240_102_000_000],
        downs: true,
    },
    Example {
        layout: "goose",
        files: &[
            (
                "00001_one.sql",
                "-- +goose Up\nCREATE TABLE one (id int);\n-- +goose StatementBegin\nINSERT INTO one VALUES (1);\n-- +goose StatementEnd\n\n-- +goose Down\nDROP TABLE one;\n",
            ),
            (
                "00002_two.sql",
                "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE two (id int);\nINSERT INTO two VALUES (2);\n-- +goose Down\nDROP TABLE two;\n",
            ),
        ],
        versions: [1, 2],
        downs: true,
    },
    Example {
        layout: "diesel",
        files: &[
            ("2024-01-01-000000_one/up.sql", "CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);"),
            ("2024-01-01-000000_one/down.sql", "DROP TABLE one;"),
            ("2024-01-02-000000_two/up.sql", "CREATE TABLE two (id int);\nINSERT INTO two VALUES (2);"),
            ("2024-01-02-000000_two/down.sql", "DROP TABLE two;"),
            ("2024-01-02-000000_two/metadata.toml", "run_in_transaction = false\n"),
        ],
        versions: [20_240_101_000_000, 20_240_102_000_000],
        downs: true,
    },
    Example {
        layout: "flyway",
        files: &[
            ("V1__one.sql", "CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);"),
            ("U1__one.sql", "DROP TABLE one;"),
            ("V2__two words.sql", "CREATE TABLE two (id int);\nINSERT INTO two VALUES (2);"),
            ("U2__two words.sql", "DROP TABLE two;"),
        ],
        versions: [1, 2],
        downs: true,
    },
];

impl Example {
    fn project(&self) -> Project {
        let project = Project::new();
        for (name, text) in self.files {
            project.write(&format!("migrations/{name}"), text);
        }
        project
    }
}

#[test]
fn every_layout_goes_up_and_down() {
    for example in &EXAMPLES {
        each_database(|database| {
            let project = example.project();
            let url = database.url.as_str();
            let status = project.run(&["status", "--json", "-d", url]).ok().json();
            assert_eq!(status["layout"], example.layout, "found from the files");
            project.run(&["up", "-d", url]).ok();
            assert_eq!(database.applied(), example.versions, "{}", example.layout);
            assert_eq!(database.tables(), ["one", "two"]);
            assert_eq!(database.query("SELECT id FROM one UNION ALL SELECT id FROM two ORDER BY 1"), ["1", "2"]);
            project.run(&["check", "-d", url]).ok();
            if !example.downs {
                project.run(&["down", "-d", url]).exits(3).says("no down script");
                return;
            }
            project.run(&["redo", "-d", url]).ok();
            project.run(&["down", "-d", url]).ok();
            assert_eq!(database.tables(), ["one"], "{}", example.layout);
            project.run(&["up", "-d", url]).ok();
            project.run(&["down", "--to", "0", "-d", url]).ok();
            assert!(database.tables().is_empty(), "{}", example.layout);
            // and by the scripts that the database holds, without a folder of that layout
            project.run(&["up", "-d", url]).ok();
            let other = Project::new();
            std::fs::create_dir(other.path("migrations")).unwrap();
            other.run(&["down", "--to", "0", "-d", url]).ok();
            assert!(database.tables().is_empty(), "{}", example.layout);
        });
    }
}

#[test]
fn a_new_migration_is_written_in_the_layout_it_found() {
    for example in &EXAMPLES {
        let database = TestDatabase::sqlite();
        let project = example.project();
        let url = database.url.as_str();
        project.run(&["up", "-d", url]).ok();
        let new = project.run(&["new", "add_three", "--json"]).ok().json();
        let version = new["version"].as_i64().unwrap();
        assert!(version > example.versions[1], "{new}");
        let status = project.run(&["status", "--json", "-d", url]).ok().json();
        assert_eq!(status["layout"], example.layout, "{new}");
        assert_eq!(status["migrations"][2]["version"], version);
        project.run(&["up", "-d", url]).ok();
        assert_eq!(database.applied().last(), Some(&version), "{}", example.layout);
        if example.downs {
            project.run(&["down", "-d", url]).ok();
        }
        // one that runs without a transaction, where the layout can say so
        let ran = project.run(&["new", "add_four", "--no-transaction", "--numbering", "sequence"]);
        if matches!(example.layout, "golang-migrate" | "flyway") {
            let ran = ran.exits(3);
            assert!(ran.stderr.contains("transaction"), "{}: {}", example.layout, ran.stderr);
            continue;
        }
        ran.ok();
        project.run(&["up", "-d", url]).ok();
        let directives = database.value("SELECT up_directives FROM schema_migrations ORDER BY version DESC LIMIT 1");
        assert!(directives.contains("no-transaction"), "{}: {directives}", example.layout);
    }
}

#[test]
fn an_empty_folder_takes_the_layout_that_is_named() {
    for example in &EXAMPLES {
        let project = Project::new();
        project.run(&["new", "first", "--layout", example.layout]).ok();
        let database = TestDatabase::sqlite();
        let status = ["status", "--json", "-d", &database.url, "--layout", example.layout];
        assert_eq!(project.run(&status).ok().json()["layout"], example.layout);
        project.run(&["up", "-d", &database.url, "--layout", example.layout]).ok();
        assert_eq!(database.applied().len(), 1, "{}", example.layout);
    }
}

#[test]
fn the_right_dialects_file_runs() {
    each_database(|database| {
        let project = Project::new()
            .file("migrations/V1__shared.sql", "CREATE TABLE shared (id int);")
            .file("migrations/V1__shared.down.sql", "DROP TABLE shared;")
            .file("migrations/V2__both.sql", "CREATE TABLE nowhere (id int);")
            .file("migrations/V2__both.down.sql", "DROP TABLE nowhere;")
            .file("migrations/sqlite/V2__both.sql", "CREATE TABLE for_sqlite (id int);")
            .file("migrations/sqlite/V2__both.down.sql", "DROP TABLE for_sqlite;")
            .file("migrations/postgresql/V2__both.sql", "CREATE TABLE for_postgres (id int);")
            .file("migrations/postgresql/V2__both.down.sql", "DROP TABLE for_postgres;")
            .file("migrations/postgresql/V3__gin.sql", "CREATE TABLE gin (id int);")
            .file("migrations/postgresql/V3__gin.down.sql", "DROP TABLE gin;");
        project.run(&["up", "-d", &database.url]).ok();
        let sqlite = database.kind == crate::support::Kind::Sqlite;
        let tables: &[&str] = if sqlite { &["for_sqlite", "shared"] } else { &["for_postgres", "gin", "shared"] };
        assert_eq!(database.tables(), tables);
        let check = project.run(&["check", "-d", &database.url]).ok();
        assert_eq!(check.stdout.contains("V3__gin"), sqlite, "a note, no failure: {}", check.stdout);
        project.run(&["down", "--to", "0", "-d", &database.url]).ok();
        assert!(database.tables().is_empty());
        // the folder of one dialect is a folder like any other
        let folder = if sqlite { "migrations/sqlite" } else { "migrations/postgresql" };
        project.run(&["up", "-d", &database.url, "--dir", folder]).ok();
        assert_eq!(database.applied().len(), if sqlite { 1 } else { 2 });
    });
}

#[test]
fn a_folder_that_is_wrong_is_told_before_anything_is_written() {
    let good = ("V1__good.sql", "CREATE TABLE good (id int);");
    type Files = &'static [(&'static str, &'static str)];
    let cases: [(Files, &[&str]); 12] = [
        (&[("V2__a.sql", ""), ("V2__b.sql", "")], &["V2__a.sql", "V2__b.sql"]),
        (&[("V2__a.sql", ""), ("V02__a.sql", "")], &["V2__a.sql", "V02__a.sql"]),
        (&[("V2__alone.down.sql", "")], &["V2__alone.down.sql"]),
        (&[("2_golang.up.sql", "")], &["V1__good.sql", "2_golang.up.sql"]),
        (&[("nonsense.sql", "")], &["nonsense.sql"]),
        (&[("V2__a.sql", "-- liftlock: no_transaction\nSELECT 1;")], &["V2__a.sql:1:", "no-transaction"]),
        (&[("V2__a.sql", "-- head\n-- liftlock: frobnicate\nSELECT 1;")], &["V2__a.sql:2:", "frobnicate"]),
        (&[("V2__a.sql", "SELECT 1;\n-- liftlock: no-transaction\n")], &["V2__a.sql:2:"]),
        (&[("V1.1__dotted.sql", "")], &["V1.1__dotted.sql"]),
        (&[("R__repeatable.sql", "")], &["R__repeatable.sql"]),
        (&[("V9223372036854775808__big.sql", "")], &["V9223372036854775808__big.sql"]),
        (&[("sqlite/V3__x.sql", ""), ("sqlite/V03__x.sql", "")], &["sqlite/V3__x.sql", "sqlite/V03__x.sql"]),
    ];
    each_database(|database| {
        for (files, told) in cases {
            let project = Project::new();
            for (name, text) in [&[good], files].concat() {
                project.write(&format!("migrations/{name}"), text);
            }
            for command in ["up", "status", "check", "down", "redo"] {
                let ran = project.run(&[command, "-d", &database.url]);
                assert!(matches!(ran.code, Some(2 | 3)), "{files:?}: {ran:?}");
                if command == "up" {
                    for word in told {
                        assert!(ran.stderr.contains(word), "{files:?}: `{word}` is not in {}", ran.stderr);
                    }
                }
            }
            assert!(database.tables().is_empty(), "{files:?}");
        }
    });
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let database = TestDatabase::sqlite();
    let project = Project::new()
        .file("migrations/V1__a.sql", "")
        .file("migrations/V1__b.sql", "")
        .file("migrations/V2__alone.down.sql", "")
        .file("migrations/V3__c.sql", "-- liftlock: nonsense");
    let ran = project.run(&["up", "-d", &database.url]);
    for word in ["V1__a.sql", "V1__b.sql", "V2__alone.down.sql", "V3__c.sql:1:"] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    assert!(!database.path().exists());
}

#[test]
fn what_needs_another_program_is_refused() {
    let database = TestDatabase::sqlite();
    for (name, text) in [
        ("00002_step.go", "package migrations"),
        ("V2__step.java", "class V2__step {}"),
        ("00002_env.sql", "-- +goose ENVSUB ON\n-- +goose Up\nSELECT '${HOME}';\n-- +goose Down\n"),
    ] {
        let project = Project::new()
            .file("migrations/00001_one.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 1;\n")
            .file(&format!("migrations/{name}"), text);
        let ran = project.run(&["up", "-d", &database.url]);
        assert!(matches!(ran.code, Some(2 | 3)), "{name}: {ran:?}");
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
    }
    assert!(!database.path().exists());
}

#[test]
fn new_numbers_as_the_folder_does() {
    let folder = |names: &[&str]| {
        names.iter().fold(Project::new(), |project, name| project.file(&format!("migrations/{name}.sql"), "SELECT 1;"))
    };
    let new = |project: &Project| project.run(&["new", "x", "--dry-run"]).ok().stdout;
    for names in [&["V1__a", "V2__b"][..], &["V0__a", "postgres/V2__b"], &["V1__a", "V2__some words"]] {
        assert!(new(&folder(names)).contains("migrations/V3__x.sql"), "{names:?}");
    }
    assert!(new(&folder(&["V9999998__a"])).contains("V9999999__x.sql"));
    assert!(new(&folder(&["0001_a.up", "0002_b.up"])).contains("0003_x.up.sql"));
    // a date or a time, and a folder without migrations; Diesel's own first one is version 0
    for names in [&[][..], &["V1__a", "V20251120__b"], &["V20251120093000__a"], &["README"]] {
        let project = if names == ["README"] { Project::new().file("migrations/README.md", "") } else { folder(names) };
        assert!(new(&project).contains("migrations/V20"), "{names:?}");
    }
    assert!(new(&folder(&["00000000000000_diesel_initial_setup/up"])).contains("migrations/20"));
    // what is said counts, wherever it is said
    let numbered = || folder(&["V1__a"]);
    let ran = numbered().run(&["new", "x", "--numbering", "timestamp"]).ok();
    assert!(ran.stdout.contains("migrations/V20"), "{}", ran.stdout);
    assert!(new(&numbered().env("LIFTLOCK_NUMBERING", "timestamp")).contains("migrations/V20"));
    let set = numbered().file("liftlock.yaml", "migrations:\n  numbering: timestamp\n");
    assert!(new(&set).contains("V20"));
    // no version is left, and none is given out twice
    let full = folder(&["V9223372036854775807__last"]);
    for arguments in [&["new", "x"][..], &["new", "x", "--numbering", "sequence"]] {
        full.run(arguments).exits(3).says("9223372036854775807");
    }
    assert_eq!(std::fs::read_dir(full.path("migrations")).unwrap().count(), 1);
}
