//! `liftlock cleanup`: what is old goes by each policy, all that refers to it is told, and no row is ever in no place.

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

/// A project whose liftlock.yaml has these policies.
fn project(database: &TestDatabase, retention: &str) -> Project {
    let text = format!("database: '{}'\nretention:\n{retention}", database.url);
    Project::new().file("liftlock.yaml", &text)
}

/// A time so many days before now, as both databases write it.
fn days_ago(days: i64) -> String {
    let now = jiff::Timestamp::now();
    (now - jiff::SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn time(kind: Kind) -> &'static str {
    if kind == Kind::Sqlite { "text" } else { "timestamptz" }
}

/// `logs` with 25 old rows and 5 new ones, ids from 1.
fn logs(database: &TestDatabase) {
    database.execute(&format!(
        "CREATE TABLE logs (id integer PRIMARY KEY, level text, created_at {})",
        time(database.kind)
    ));
    let values: Vec<String> = (1..=30)
        .map(|id| {
            let level = if id % 5 == 0 { "error" } else { "info" };
            format!("({id}, '{level}', '{}')", days_ago(if id <= 25 { 100 } else { 10 }))
        })
        .collect();
    database.execute(&format!("INSERT INTO logs VALUES {}", values.join(", ")));
}

#[test]
fn old_rows_are_deleted_in_batches_and_it_is_logged() {
    each_database(|database| {
        logs(database);
        let policy = "  - { table: logs, age: created_at, older_than: 90d, where: \"level <> 'error' -- keep\", \
                      action: delete, batch_rows: 7 }\n";
        let project = project(database, policy);
        let plan = project.run(&["cleanup", "--dry-run", "--json"]).ok().json();
        assert_eq!((&plan["dry_run"], &plan["policies"][0]["rows_found"]), (&true.into(), &20.into()));
        assert_eq!(plan["policies"][0]["result"], "planned");
        assert_eq!(database.value("SELECT count(*) FROM logs"), "30");
        assert_eq!(database.tables(), ["logs"]);
        project.run(&["cleanup"]).exits(2).says("--yes");
        assert_eq!(database.value("SELECT count(*) FROM logs"), "30");
        project.run(&["cleanup", "--yes"]).ok().prints("20 rows deleted");
        assert_eq!(database.value("SELECT count(*) FROM logs"), "10");
        assert_eq!(database.value("SELECT count(*) FROM logs WHERE id <= 25 AND level = 'error'"), "5");
        project.run(&["cleanup", "--yes"]).ok().prints("0 rows deleted");
        let log = database.query(
            "SELECT table_name, action, policy, rows_done, children_done, result FROM liftlock_cleanup_log ORDER BY id",
        );
        let row =
            |rows: u32| format!("logs|delete|created_at older than 90d, where level <> 'error' -- keep|{rows}|0|done");
        assert_eq!(log, [row(20), row(0)]);
    });
}

/// A bracket too many would end the condition, and what follows it would be true of rows of any age.
#[test]
fn a_condition_stays_within_its_brackets_and_is_refused_at_its_place() {
    each_database(|database| {
        logs(database);
        for (text, says) in [
            ("id = 3) or (id > 0", "closed that was not opened: `) or (id > 0`"),
            ("(id = 3", "opened and not closed"),
            ("id = 3; DELETE FROM logs", "a semicolon ends it"),
            ("id = 3 /* and", "a comment begins here and never ends"),
            ("level = 'x", "a string literal begins here and never ends"),
            ("id = = 3", "syntax error"),
            ("idd = 3", "idd"),
        ] {
            let project = project(
                database,
                &format!(
                    "  - {{ table: logs, age: created_at, older_than: 90d, where: \"{text}\", action: delete }}\n"
                ),
            );
            for arguments in [&["cleanup", "--yes"][..], &["cleanup", "--dry-run"]] {
                let ran = project
                    .run(arguments)
                    .exits(2)
                    .says(says)
                    .says("liftlock.yaml:3:61: the `where` of the policy for `logs`");
                assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
            }
            assert_eq!(
                (database.value("SELECT count(*) FROM logs"), database.tables()),
                ("30".to_owned(), vec!["logs".to_owned()])
            );
        }
    });
}

#[test]
fn only_a_table_and_the_nearest_name_of_one_that_is_not_there() {
    each_database(|database| {
        logs(database);
        database.execute(&format!("CREATE TABLE other (id integer PRIMARY KEY, at {})", time(database.kind)));
        database.execute(&format!("INSERT INTO other VALUES (1, '{}')", days_ago(100)));
        let project = project(
            database,
            "  - { table: logs, age: created_at, older_than: 90d, action: delete }\n  \
             - { table: other, age: at, older_than: 90d, action: delete }\n",
        );
        let report = project.run(&["cleanup", "--yes", "--only", "other", "--json"]).ok().json();
        assert_eq!(report["policies"].as_array().unwrap().len(), 1);
        assert_eq!(database.value("SELECT count(*) FROM other"), "0");
        assert_eq!(database.value("SELECT count(*) FROM logs"), "30");
        project.run(&["cleanup", "--yes", "--only", "others"]).exits(2).says("there is no policy for `others`");
        for (policy, says) in [
            ("{ table: log, age: created_at, older_than: 90d, action: delete }", "did you mean `logs`?"),
            ("{ table: logs, age: created, older_than: 90d, action: delete }", "has no column `created`"),
            ("{ table: logs, age: id, older_than: 90d, action: delete }", "say `unit: seconds`"),
        ] {
            let project = self::project(database, &format!("  - {policy}\n"));
            project.run(&["cleanup", "--yes"]).exits(2).says(says);
        }
        let none = Project::new();
        none.run(&["cleanup", "-d", &database.url]).exits(2).says("there are no retention policies");
    });
}

/// Every type of column, one second on either side of the cut-off.
#[test]
fn ages_compare_exactly_by_their_type() {
    /// The kind, the column's type, the policy's unit, and values with whether they are old.
    type Case = (Kind, &'static str, &'static str, &'static [(&'static str, bool)]);
    let cases: [Case; 11] = [
        (
            Kind::Sqlite,
            "text",
            "",
            &[
                ("'2020-01-01'", true),
                ("'2020-01-01 10:30'", true),
                ("'2020-01-01T10:30:00.5Z'", true),
                ("'2020-01-01 10:30:00+02:00'", true),
                ("'2999-01-01'", false),
                ("'now'", false),
                ("'long ago'", false),
                ("'2020-13-01'", false),
                ("'2458849.5'", false),
                ("12", false),
                ("NULL", false),
                ("x'32303230'", false),
            ],
        ),
        (
            Kind::Sqlite,
            "integer",
            "unit: seconds, ",
            &[("1577836800", true), ("32503680000", false), ("'2020-01-01'", true)],
        ),
        (Kind::Sqlite, "integer", "unit: milliseconds, ", &[("1577836800000", true), ("32503680000000", false)]),
        (Kind::Sqlite, "real", "unit: julian, ", &[("2458849.5", true), ("2816787.5", false)]),
        (
            Kind::Postgres,
            "text",
            "",
            &[
                ("'2020-01-01'", true),
                ("'2020-01-01 10:30'", true),
                ("'2020-01-01T10:30:00.5Z'", true),
                ("'2020-01-01 10:30:00+02:00'", true),
                ("'2020-02-30'", true),
                ("'2999-01-01'", false),
                ("'now'", false),
                ("'infinity'", false),
                ("'2020-13-01'", false),
                ("'0000-01-01'", false),
                ("NULL", false),
            ],
        ),
        (
            Kind::Postgres,
            "timestamptz",
            "",
            &[("'2020-01-01'", true), ("'-infinity'", false), ("'infinity'", false), ("NULL", false), ("now()", false)],
        ),
        (Kind::Postgres, "timestamp(0)", "", &[("'2020-01-01'", true), ("'-infinity'", false), ("now()", false)]),
        (Kind::Postgres, "date", "", &[("'2020-01-01'", true), ("'-infinity'", false), ("current_date", false)]),
        (Kind::Postgres, "bigint", "unit: microseconds, ", &[("1577836800000000", true), ("32503680000000000", false)]),
        (
            Kind::Postgres,
            "double precision",
            "unit: seconds, ",
            &[("1577836800.5", true), ("'NaN'", false), ("'-Infinity'", false), ("32503680000", false)],
        ),
        (Kind::Postgres, "numeric", "unit: julian, ", &[("2458849.5", true), ("'NaN'", false), ("2816787.5", false)]),
    ];
    for (kind, declared, unit, values) in cases {
        let database = TestDatabase::new(kind);
        database.execute(&format!("CREATE TABLE t (n integer PRIMARY KEY, at {declared})"));
        for (n, (value, _)) in values.iter().enumerate() {
            database.execute(&format!("INSERT INTO t VALUES ({n}, {value})"));
        }
        let policy = format!("  - {{ table: t, age: at, {unit}older_than: 1d, action: delete }}\n");
        project(&database, &policy).run(&["cleanup", "--yes"]).ok();
        let left = database.query("SELECT n FROM t ORDER BY n");
        let expected: Vec<String> =
            values.iter().enumerate().filter(|(_, (_, old))| !old).map(|(n, _)| n.to_string()).collect();
        assert_eq!(left, expected, "{kind:?} {declared} {unit}");
    }
}

#[test]
fn texts_are_old_to_the_second_whatever_their_offset() {
    each_database(|database| {
        database.execute("CREATE TABLE t (n integer PRIMARY KEY, at text)");
        // an hour on either side of a day ago, and the same moments told in other zones
        let ago = |hours: i64| jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        let mut n = 0;
        for hours in [23, 25] {
            for (format, shift) in
                [("%Y-%m-%dT%H:%M:%SZ", 0), ("%Y-%m-%d %H:%M:%S-11:00", -11), ("%Y-%m-%d %H:%M:%S+13:00", 13)]
            {
                let shown = (ago(hours) + jiff::SignedDuration::from_hours(shift)).strftime(format).to_string();
                database.execute(&format!("INSERT INTO t VALUES ({n}, '{shown}')"));
                n += 1;
            }
        }
        database.execute("INSERT INTO t VALUES (6, 'sometime')");
        let project = project(database, "  - { table: t, age: at, older_than: 1d, action: delete }\n");
        let report = project.run(&["cleanup", "--yes", "--json"]).ok().json();
        assert_eq!(report["policies"][0]["rows_unreadable"], 1);
        assert_eq!(database.query("SELECT n FROM t ORDER BY n"), ["0", "1", "2", "6"]);
    });
}

#[test]
fn a_soft_delete_marks_rows_once() {
    each_database(|database| {
        logs(database);
        database.execute("ALTER TABLE logs ADD COLUMN why text");
        database.execute("ALTER TABLE logs ADD COLUMN who text");
        database.execute(&format!("ALTER TABLE logs ADD COLUMN deleted_at {}", time(database.kind)));
        let project = project(
            database,
            "  - { table: logs, age: created_at, older_than: 90d, action: soft_delete,\n      \
             soft_delete: { column: deleted_at, reason: why, by: who } }\n",
        );
        project.run(&["cleanup"]).ok().prints("25 rows marked as deleted");
        assert_eq!(database.value("SELECT count(*) FROM logs WHERE deleted_at IS NOT NULL"), "25");
        assert_eq!(
            database.query("SELECT DISTINCT why FROM logs WHERE deleted_at IS NOT NULL"),
            ["retention: created_at older than 90d"]
        );
        assert!(
            database.query("SELECT DISTINCT who FROM logs WHERE who IS NOT NULL")[0].starts_with("liftlock cleanup")
        );
        project.run(&["cleanup"]).ok().prints("0 rows marked");
    });
}

/// Parents with children by every rule.
fn family(database: &TestDatabase) {
    let time = time(database.kind);
    database.execute(&format!(
        "CREATE TABLE p (id integer PRIMARY KEY, at {time});
         CREATE TABLE cascading (id integer PRIMARY KEY, p integer REFERENCES p ON DELETE CASCADE);
         CREATE TABLE grandchild (id integer PRIMARY KEY, c integer NOT NULL REFERENCES cascading ON DELETE CASCADE);
         CREATE TABLE keeping (id integer PRIMARY KEY, p integer REFERENCES p);
         CREATE TABLE nulling (id integer PRIMARY KEY, p integer REFERENCES p ON DELETE SET NULL);
         INSERT INTO p VALUES (1, '{old}'), (2, '{old}'), (3, '{new}');
         INSERT INTO cascading VALUES (1, 1), (2, 1), (3, 3);
         INSERT INTO grandchild VALUES (1, 1), (2, 2), (3, 3);
         INSERT INTO keeping VALUES (1, 2), (2, 3);
         INSERT INTO nulling VALUES (1, 1), (2, 3);",
        old = days_ago(100),
        new = days_ago(1)
    ));
}

fn child<'a>(report: &'a serde_json::Value, table: &str) -> &'a serde_json::Value {
    let children = report["policies"][0]["children"].as_array().unwrap();
    children.iter().find(|child| child["table"] == table).unwrap_or_else(|| panic!("no {table} in {report}"))
}

#[test]
fn rows_that_refer_are_told_refused_or_taken_along() {
    each_database(|database| {
        family(database);
        let refusing = project(database, "  - { table: p, age: at, older_than: 90d, action: delete }\n");
        let report = refusing.run(&["cleanup", "--yes", "--json"]).exits(1).json();
        assert_eq!(report["policies"][0]["result"], "refused");
        assert_eq!(
            (&child(&report, "keeping")["fate"], &child(&report, "keeping")["rows_found"]),
            (&"blocks".into(), &1.into())
        );
        assert_eq!(database.value("SELECT count(*) FROM p"), "3");
        assert_eq!(database.value("SELECT result FROM liftlock_cleanup_log"), "refused");
        let taking =
            project(database, "  - { table: p, age: at, older_than: 90d, action: delete, children: delete }\n");
        let plan = taking.run(&["cleanup", "--dry-run", "--json"]).ok().json();
        for (table, fate, rows) in
            [("cascading", "goes", 2), ("grandchild", "goes", 2), ("keeping", "goes", 1), ("nulling", "changes", 1)]
        {
            let child = child(&plan, table);
            assert_eq!((&child["fate"], &child["rows_found"]), (&fate.into(), &rows.into()), "{table}");
        }
        taking.run(&["cleanup", "--yes", "--batch-rows", "1"]).ok();
        assert_eq!(database.query("SELECT id FROM p"), ["3"]);
        assert_eq!(database.query("SELECT id FROM cascading"), ["3"]);
        assert_eq!(database.query("SELECT id FROM grandchild"), ["3"]);
        assert_eq!(database.query("SELECT id FROM keeping"), ["2"]);
        assert_eq!(database.query("SELECT id, p FROM nulling ORDER BY id"), ["1|∅", "2|3"]);
        assert_eq!(
            database.query("SELECT rows_done, children_done FROM liftlock_cleanup_log ORDER BY id"),
            ["0|0", "2|5"]
        );
    });
}

#[test]
fn a_tree_goes_with_its_root() {
    each_database(|database| {
        database.execute(&format!(
            "CREATE TABLE node (id integer PRIMARY KEY, up integer REFERENCES node, at {});
             INSERT INTO node VALUES (1, NULL, '{old}'), (2, 1, '{new}'), (3, 2, '{old}'), (4, NULL, '{new}');",
            time(database.kind),
            old = days_ago(100),
            new = days_ago(1)
        ));
        let refusing = project(database, "  - { table: node, age: at, older_than: 90d, action: delete }\n");
        refusing.run(&["cleanup", "--yes"]).exits(1).prints("refused");
        let taking =
            project(database, "  - { table: node, age: at, older_than: 90d, action: delete, children: delete }\n");
        let plan = taking.run(&["cleanup", "--dry-run", "--json"]).ok().json();
        let report = taking.run(&["cleanup", "--yes", "--batch-rows", "1", "--json"]).ok().json();
        // what is counted before is what is done
        for (report, rows) in [(&plan, "rows_found"), (&report, "rows_done")] {
            let policy = &report["policies"][0];
            assert_eq!((&policy[rows], &policy["children"][0][rows]), (&2.into(), &1.into()), "{report}");
        }
        assert_eq!(database.query("SELECT id FROM node"), ["4"]);
    });
}

#[test]
fn a_protected_database_is_asked_for_by_its_name() {
    each_database(|database| {
        logs(database);
        let project = Project::new().file(
            "liftlock.yaml",
            &format!(
                "databases:\n  production: '{}'\nretention:\n  - {{ table: logs, age: created_at, older_than: 90d, action: \
                 delete }}\n",
                database.url
            ),
        );
        let name = match database.kind {
            Kind::Sqlite => "test.db".to_owned(),
            Kind::Postgres => database.value("SELECT current_database()"),
        };
        let cleanup = ["cleanup", "--env", "production", "--yes"];
        project.run(&cleanup).exits(2).says("is protected").says(&format!("--confirm {name}"));
        project.run(&[&cleanup[..], &["--confirm", "other"]].concat()).exits(2).says("is not the database's name");
        assert_eq!(database.value("SELECT count(*) FROM logs"), "30");
        project.run(&[&cleanup[..], &["--confirm", &name]].concat()).ok();
        assert_eq!(database.value("SELECT count(*) FROM logs"), "5");
    });
}

#[test]
fn tables_of_every_shape() {
    let sqlite = TestDatabase::sqlite();
    let (old, new) = (days_ago(100), days_ago(1));
    sqlite.execute(&format!(
        "CREATE TABLE a (k text COLLATE NOCASE, n int, at text, PRIMARY KEY (k, n)) WITHOUT ROWID;
         INSERT INTO a VALUES ('A', 1, '{old}'), ('A', 2, '{new}'), ('b', 1, '{old}');
         CREATE TABLE b (rowid text, oid text, at datetime);
         INSERT INTO b VALUES ('x', 'y', '{old}'), ('x', 'y', '{new}');
         CREATE TABLE \"odd \"\"name\" (\"liftlock n\" int, at text);
         INSERT INTO \"odd \"\"name\" VALUES (1, '{old}');"
    ));
    let policies = "  - { table: a, age: at, older_than: 9d, action: delete }\n  \
                    - { table: b, age: at, older_than: 9d, action: delete }\n  \
                    - { table: 'odd \"name', age: at, older_than: 9d, action: delete }\n";
    project(&sqlite, policies).run(&["cleanup", "--yes"]).ok();
    assert_eq!(sqlite.query("SELECT k, n FROM a"), ["A|2"]);
    assert_eq!(sqlite.value("SELECT count(*) FROM b"), "1");
    assert_eq!(sqlite.value("SELECT count(*) FROM \"odd \"\"name\""), "0");

    let postgres = TestDatabase::postgres();
    postgres.execute(&format!(
        "CREATE SCHEMA app; CREATE TABLE app.parts (id int, at timestamptz) PARTITION BY RANGE (id);
         CREATE TABLE app.one PARTITION OF app.parts FOR VALUES FROM (0) TO (10);
         CREATE TABLE app.two PARTITION OF app.parts FOR VALUES FROM (10) TO (20);
         INSERT INTO app.parts VALUES (1, '{old}'), (2, '{new}'), (11, '{old}'), (12, '{new}');"
    ));
    let policy = "  - { table: app.parts, age: at, older_than: 9d, action: delete, batch_rows: 1 }\n";
    project(&postgres, policy).run(&["cleanup", "--yes"]).ok();
    assert_eq!(postgres.query("SELECT id FROM app.parts ORDER BY id"), ["2", "12"]);
}

#[test]
fn a_row_that_a_trigger_keeps_is_an_error_and_stays() {
    let database = TestDatabase::sqlite();
    logs(&database);
    database.execute("CREATE TRIGGER keep BEFORE DELETE ON logs WHEN old.id = 9 BEGIN SELECT RAISE(IGNORE); END");
    let project =
        project(&database, "  - { table: logs, age: created_at, older_than: 90d, action: delete, batch_rows: 5 }\n");
    project.run(&["cleanup", "--yes"]).exits(3).says("1 row is still in `logs` after being deleted");
    assert_eq!(database.value("SELECT count(*) FROM logs"), "25");
    assert_eq!(database.value("SELECT rows_done FROM liftlock_cleanup_log WHERE result = 'failed'"), "5");
}

/// Rows of every class of value, with children, and the policy that archives them to `archive`.
fn archived(database: &TestDatabase, archive: &str) -> Project {
    family(database);
    let (columns, values) = match database.kind {
        Kind::Sqlite => (
            "a, b blob, c real, d numeric, e text",
            ["9007199254740993, x'00ff', 1e300, '1.0', 'ä''\\'", "'text', NULL, 2.0, 'x', x'41'"],
        ),
        Kind::Postgres => (
            "a bigint, b bytea, c double precision, d numeric, e text, f jsonb, g text[], h bool, i char(5), j uuid",
            [
                "9007199254740993, '\\x00ff', 'NaN', 1.10, E'ä''\\\\\\n', '{\"a\": [1, null]}', '{a,NULL,\"b c\"}', true, 'x', \
                 '00000000-0000-0000-0000-000000000001'",
                "NULL, NULL, 0.1, 'NaN', '', 'null', '{}', false, '', NULL",
            ],
        ),
    };
    let time = time(database.kind);
    database.execute(&format!("CREATE TABLE v (id integer PRIMARY KEY, at {time}, {columns})"));
    for (at, values) in values.iter().enumerate() {
        database.execute(&format!("INSERT INTO v VALUES ({at}, '{}', {values})", days_ago(100)));
    }
    database.execute(&format!("INSERT INTO v (id, at) VALUES (7, '{}'), (8, '{}')", days_ago(1), days_ago(200)));
    project(
        database,
        &format!(
            "  - {{ table: v, age: at, older_than: 90d, action: archive, archive: '{archive}', batch_rows: 2 }}\n  \
             - {{ table: p, age: at, older_than: 90d, archive: '{archive}', children: delete, batch_rows: 1 }}\n"
        ),
    )
}

/// What the tables hold, each row as text that tells the classes of SQLite apart.
fn held(database: &TestDatabase, table: &str, condition: &str) -> Vec<String> {
    match database.kind {
        Kind::Sqlite => {
            let columns = match table {
                "v" => "id, at, typeof(a), quote(a), quote(b), quote(c), quote(d), quote(e)",
                "p" => "id, at",
                "grandchild" => "id, c",
                _ => "id, p",
            };
            database.query(&format!("SELECT {columns} FROM {table} {condition} ORDER BY id"))
        }
        Kind::Postgres => {
            let columns = match table {
                "v" => "id, at, a, b, c, d, e, f, g, h, i, j",
                "p" => "id, at",
                "grandchild" => "id, c",
                _ => "id, p",
            };
            database.query(&format!("SELECT {columns} FROM {table} {condition} ORDER BY id"))
        }
    }
}

const FAMILY: [&str; 5] = ["v", "p", "cascading", "grandchild", "keeping"];

#[test]
fn archived_rows_are_there_as_they_were() {
    each_database(|database| {
        let archive = TestDatabase::new(database.kind);
        let project = archived(database, &archive.url);
        let old = |table: &str| match table {
            "v" => "WHERE id <> 7",
            "p" | "cascading" | "grandchild" => "WHERE id <> 3",
            _ => "WHERE id <> 2",
        };
        let before: Vec<_> = FAMILY.iter().map(|table| held(database, table, old(table))).collect();
        project.run(&["cleanup"]).ok().prints("3 rows archived to").prints("archived with them");
        for (table, before) in FAMILY.iter().zip(&before) {
            assert_eq!(&held(&archive, table, ""), before, "{table}");
            assert!(held(database, table, old(table)).is_empty(), "{table}");
        }
        assert_eq!(database.query("SELECT id FROM v"), ["7"]);
        assert!(archive.value("SELECT min(liftlock_archived_on) FROM v").ends_with('Z'));
        // a key that is used again is another row
        database.execute(&format!("INSERT INTO v (id, at) VALUES (0, '{}')", days_ago(300)));
        project.run(&["cleanup"]).ok();
        assert_eq!(archive.value("SELECT count(*) FROM v WHERE id = 0"), "2");
        // and a column that came later is added
        database.execute("ALTER TABLE v ADD COLUMN later text");
        database.execute(&format!("INSERT INTO v (id, at, later) VALUES (20, '{}', 'x')", days_ago(300)));
        project.run(&["cleanup"]).ok();
        assert_eq!(archive.value("SELECT later FROM v WHERE id = 20"), "x");
    });
}

#[test]
fn postgres_is_archived_into_a_file() {
    let database = TestDatabase::postgres();
    let archive = TestDatabase::sqlite();
    let project = archived(&database, &archive.url);
    project.run(&["cleanup"]).ok();
    assert_eq!(
        archive.query("SELECT typeof(a), a, b, c, d, e, f, g, h FROM v WHERE id = 0"),
        ["integer|9007199254740993|\\x00ff|NaN|1.10|ä'\\\n|{\"a\": [1, null]}|{a,NULL,\"b c\"}|t"]
    );
    assert_eq!(archive.query("SELECT id FROM p ORDER BY id"), ["1", "2"]);
}

#[test]
fn an_archive_that_cannot_be() {
    let database = TestDatabase::sqlite();
    logs(&database);
    database.execute(&format!("CREATE TABLE bare (at text); INSERT INTO bare VALUES ('{}')", days_ago(100)));
    let refuse = |table: &str, age: &str, archive: &str, says: &str| {
        let policy = format!("  - {{ table: {table}, age: {age}, older_than: 9d, archive: '{archive}' }}\n");
        project(&database, &policy).run(&["cleanup", "--yes"]).exits(2).says(says);
    };
    refuse("logs", "created_at", &database.url, "is the database itself");
    refuse("bare", "at", "sqlite:archive.db", "has no primary key");
    refuse("logs", "created_at", "postgres://nobody@localhost/nothing", "can't be archived into PostgreSQL");
    assert_eq!(database.value("SELECT count(*) FROM logs"), "30");
    // an archive whose table would change a value
    let archive = TestDatabase::sqlite();
    archive.execute(
        "CREATE TABLE logs (id integer PRIMARY KEY, level text, created_at integer, liftlock_archived_on text)",
    );
    database.execute("UPDATE logs SET level = 7");
    let policy = format!("  - {{ table: logs, age: created_at, older_than: 9d, archive: '{}' }}\n", archive.url);
    archive.execute("DROP TABLE logs; CREATE TABLE logs (id integer PRIMARY KEY, level integer, created_at text)");
    project(&database, &policy).run(&["cleanup", "--yes"]).exits(3).says("other values than here");
    assert_eq!(database.value("SELECT count(*) FROM logs"), "30");
    assert_eq!(archive.value("SELECT count(*) FROM logs"), "0");
}

#[test]
fn a_stop_keeps_whole_batches() {
    let database = TestDatabase::postgres();
    logs(&database);
    database.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF old.id = 9 THEN PERFORM pg_sleep(600); \
         END IF; RETURN old; END $$; CREATE TRIGGER slow BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION slow();",
    );
    let project =
        project(&database, "  - { table: logs, age: created_at, older_than: 90d, action: delete, batch_rows: 5 }\n");
    let child = project.spawn(&["cleanup", "--yes"]);
    crate::support::until("a row is deleted slowly", || database.backend_running("DELETE FROM").is_some());
    crate::support::signal(&child, "INT");
    Ran::wait(child).exits(130).says("run it again to go on");
    assert_eq!(database.value("SELECT count(*) FROM logs"), "25");
    assert_eq!(database.value("SELECT rows_done FROM liftlock_cleanup_log WHERE result = 'interrupted'"), "5");
}

/// Killed at every point that the program was compiled with.
#[cfg(feature = "crash-tests")]
mod at_points {
    use super::*;
    use crate::support::until;

    const POINTS: [&str; 8] = [
        "cleanup-begin",
        "cleanup-taken",
        "cleanup-stored",
        "cleanup-archived",
        "cleanup-deleted",
        "cleanup-counted",
        "cleanup-committed",
        "cleanup-log",
    ];

    fn kill_everywhere(kind: Kind, archive_kind: Kind) {
        for point in POINTS {
            for time in [1, 2, 3] {
                let (database, archive) = (TestDatabase::new(kind), TestDatabase::new(archive_kind));
                let project = archived(&database, &archive.url);
                let ids = |database: &TestDatabase, table: &str| {
                    database.query(&format!("SELECT id FROM {table} ORDER BY id"))
                };
                let before: Vec<_> = FAMILY.iter().map(|table| ids(&database, table)).collect();
                let killed = Ran::of(project.command(&["cleanup"]).env("LIFTLOCK_CRASH_AT", format!("{point}#{time}")));
                let what = format!("{kind:?} → {archive_kind:?} killed at {point}#{time}");
                if killed.code == Some(0) {
                    assert!(time > 1, "{what}: never passed");
                    break;
                }
                assert_eq!(killed.code, None, "{what}: {killed:?}");
                if kind == Kind::Postgres {
                    until("the killed client's session ends", || {
                        database.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
                            .is_empty()
                    });
                }
                let there = archive.tables();
                for (table, before) in FAMILY.iter().zip(&before) {
                    let mut both = ids(&database, table);
                    if there.iter().any(|name| name == table) {
                        both.extend(ids(&archive, table));
                    }
                    assert!(before.iter().all(|id| both.contains(id)), "{what}: {table} lost rows: {both:?}");
                }
                project.run(&["cleanup"]).ok();
                for (table, before) in FAMILY.iter().zip(&before) {
                    let mut both = ids(&database, table);
                    both.extend(ids(&archive, table));
                    both.sort();
                    let mut before = before.clone();
                    before.sort();
                    assert_eq!(both, before, "{what}: {table}");
                }
                assert_eq!(ids(&database, "v"), ["7"], "{what}");
                assert_eq!(ids(&database, "p"), ["3"], "{what}");
                assert_eq!(
                    database.value("SELECT sum(rows_done) FROM liftlock_cleanup_log"),
                    "5",
                    "{what}: what is logged is what was done"
                );
            }
        }
    }

    #[test]
    fn killed_at_every_boundary_of_a_cleanup_on_sqlite() {
        kill_everywhere(Kind::Sqlite, Kind::Sqlite);
    }

    #[test]
    fn killed_at_every_boundary_of_a_cleanup_on_postgres() {
        kill_everywhere(Kind::Postgres, Kind::Postgres);
    }

    #[test]
    fn killed_at_every_boundary_between_postgres_and_a_file() {
        kill_everywhere(Kind::Postgres, Kind::Sqlite);
    }
}
