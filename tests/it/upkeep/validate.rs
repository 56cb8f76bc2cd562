//! `liftlock validate`: what is wrong is found, counted, and gone once its remedy was followed.

use serde_json::Value;

use super::stranger;
use crate::support::{Project, TestDatabase, each_database};

fn validate(database: &TestDatabase, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["validate", "-d", &database.url, "--json"];
    arguments.extend(more);
    let ran = Project::new().run(&arguments);
    (ran.code.unwrap(), ran.json())
}

/// The findings of a check: subject, message, remedy, rows.
fn of(json: &Value, check: &str) -> Vec<(String, String, String, Option<u64>)> {
    let findings = json["findings"].as_array().unwrap_or_else(|| panic!("{json}")).iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings
        .filter(|finding| finding["check"] == check)
        .map(|finding| {
            let words = (text(&finding["subject"]), text(&finding["message"]), text(&finding["remedy"]));
            (words.0, words.1, words.2, finding["rows"].as_u64())
        })
        .collect()
}

/// The SQL in a remedy's backquotes that ends in a semicolon, the last of it.
fn sql(remedy: &str) -> &str {
    remedy.split('`').rfind(|part| part.ends_with(';')).unwrap_or_else(|| panic!("{remedy}"))
}

#[test]
fn a_sound_database_has_no_findings() {
    each_database(|database| {
        database.execute(
            "CREATE TABLE parents (id INTEGER PRIMARY KEY); CREATE TABLE children (id INTEGER PRIMARY KEY, \
             parent INTEGER REFERENCES parents (id), CHECK (id > 0)); INSERT INTO parents VALUES (1); \
             INSERT INTO children VALUES (1, 1), (2, NULL)",
        );
        for more in [&[][..], &["--deep", "--quick"]] {
            let (code, json) = validate(database, more);
            assert_eq!(
                (code, &json["valid"], json["findings"].to_string()),
                (0, &true.into(), "[]".to_owned()),
                "{json}"
            );
        }
        let project = Project::new();
        project.run(&["validate", "-d", &database.url]).ok().prints("nothing found").says("no folder of migrations");
    });
}

#[test]
fn rows_that_point_nowhere_are_counted_by_key() {
    let database = TestDatabase::sqlite();
    database.execute(
        "PRAGMA foreign_keys = off; CREATE TABLE parents (id INTEGER PRIMARY KEY); \
         CREATE TABLE children (id INTEGER PRIMARY KEY, a INTEGER REFERENCES parents (id), b INTEGER REFERENCES parents (id)); \
         INSERT INTO children VALUES (5, 7, NULL), (6, 8, NULL), (7, NULL, 9); \
         CREATE TABLE lost (x INTEGER REFERENCES nowhere (y)); INSERT INTO lost VALUES (1); \
         CREATE TABLE keyless (k INTEGER); CREATE TABLE misfit (x INTEGER REFERENCES keyless (k)); INSERT INTO misfit VALUES (1)",
    );
    let (code, json) = validate(&database, &[]);
    assert_eq!(code, 1, "{json}");
    let found = of(&json, "foreign_keys");
    let rows = |subject: &str| found.iter().find(|finding| finding.0 == subject).unwrap_or_else(|| panic!("{json}")).3;
    assert_eq!((rows("children.a"), rows("children.b"), rows("misfit.x")), (Some(2), Some(1), None), "{json}");
    assert!(json.to_string().contains("the first is rowid 5"), "{json}");
    assert_eq!(of(&json, "integrity"), []);
    database.execute("PRAGMA foreign_keys = off; DELETE FROM children; DROP TABLE lost; DROP TABLE misfit");
    assert_eq!(validate(&database, &[]).0, 0);
}

#[test]
fn keys_that_point_to_no_key_are_found_without_rows() {
    let database = TestDatabase::sqlite();
    database.execute(
        "CREATE TABLE p (a INTEGER PRIMARY KEY, b TEXT, c TEXT UNIQUE); CREATE VIEW seen AS SELECT a FROM p; \
         CREATE TABLE nowhere (id INTEGER PRIMARY KEY, x REFERENCES nope (z), y REFERENCES p, z REFERENCES p (c)); \
         CREATE TABLE column_less (x REFERENCES p (d)); CREATE TABLE of_view (x REFERENCES seen (a)); \
         CREATE TABLE double (x REFERENCES p (b), y REFERENCES p (a))",
    );
    let look = || {
        let (code, json) = validate(&database, &[]);
        let found = of(&json, "foreign_keys").into_iter().map(|finding| (finding.0, finding.1, finding.2));
        (code, found.collect::<Vec<_>>(), json)
    };
    let expected = |json: &Value, found: &[(String, String, String)]| {
        let subjects: Vec<&str> = found.iter().map(|finding| finding.0.as_str()).collect();
        assert_eq!(subjects, ["column_less.x", "double.x", "nowhere.x", "of_view.x"], "{json}");
    };
    let (code, found, json) = look();
    assert_eq!(code, 1, "{json}");
    expected(&json, &found);
    assert!(found[2].1.contains("there is no table `nope`"), "{json}");
    let check =
        |json: &Value| json["checks"].as_array().unwrap().iter().find(|c| c["name"] == "foreign_keys").unwrap().clone();
    assert_eq!((&check(&json)["looked_at"], &check(&json)["found"]), (&7.into(), &4.into()), "{json}");
    // nor does a row count twice
    database.execute("PRAGMA foreign_keys = off; INSERT INTO nowhere VALUES (1, NULL, NULL, NULL), (2, 3, NULL, NULL)");
    expected(&look().2, &look().1);
    // those beside it are still looked at
    database.execute("PRAGMA foreign_keys = off; INSERT INTO nowhere VALUES (3, NULL, 99, NULL)");
    assert_eq!(look().1.iter().filter(|finding| finding.0 == "nowhere.y").count(), 1);
    database.execute(sql(&found[1].2));
    database.execute(
        "PRAGMA foreign_keys = off; DROP TABLE nowhere; DROP TABLE column_less; DROP TABLE of_view; INSERT INTO double VALUES (NULL, 1)",
    );
    assert_eq!(look().1.iter().map(|finding| finding.0.as_str()).collect::<Vec<_>>(), ["double.y"]);
    database.execute("DELETE FROM double");
    assert_eq!(look().0, 0);
}

#[test]
fn an_index_that_lost_rows_is_found_but_by_the_quick_check() {
    let database = TestDatabase::sqlite();
    database.execute(
        "CREATE TABLE t (a INTEGER, b INTEGER); CREATE INDEX t_a ON t (a); INSERT INTO t VALUES (1, 2), (3, 4)",
    );
    // the index is made to be one on another column
    database.execute(
        "PRAGMA writable_schema = on; UPDATE sqlite_schema SET sql = 'CREATE INDEX t_a ON t (b)' WHERE name = 't_a'; \
         PRAGMA writable_schema = off",
    );
    let (code, json) = validate(&database, &[]);
    let found = of(&json, "integrity");
    assert!(code == 1 && !found.is_empty(), "{json}");
    assert_eq!(validate(&database, &["--quick"]).0, 0);
    let remedy = found.iter().find(|finding| finding.1.contains("missing from index")).unwrap().2.clone();
    database.execute(sql(&remedy));
    assert_eq!(validate(&database, &[]).0, 0);
}

#[test]
fn a_damaged_file_is_a_finding() {
    let database = TestDatabase::sqlite();
    database.execute(
        "CREATE TABLE t (x TEXT); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
         INSERT INTO t SELECT 'a row of some length, number ' || i FROM n",
    );
    let mut bytes = std::fs::read(database.path()).unwrap();
    bytes[4096 * 3..4096 * 4].fill(0xee);
    std::fs::write(database.path(), bytes).unwrap();
    let (code, json) = validate(&database, &[]);
    let found = of(&json, "integrity");
    assert!(code == 1 && found[0].2.contains("restore a backup"), "{json}");
}

#[test]
fn a_file_that_can_not_be_opened_for_damage_says_what_to_do() {
    let database = TestDatabase::sqlite();
    database.execute("CREATE TABLE t (x TEXT)");
    let mut bytes = std::fs::read(database.path()).unwrap();
    // the header stays, the page of the schema does not
    bytes[100..4096].fill(0xee);
    std::fs::write(database.path(), bytes).unwrap();
    for command in ["validate", "stats", "docs"] {
        let ran = Project::new().run(&[command, "-d", &database.url]);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        assert!((ran.stdout + &ran.stderr).contains("estore a backup"), "{command}: {}", ran.stderr);
    }
}

const SHOP: &str = "\
CREATE TABLE parents (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE children (id int, a int, b int);
INSERT INTO parents VALUES (1, 1);
INSERT INTO children VALUES (1, 1, 1), (2, 1, 2), (3, 9, 9), (4, NULL, 5), (5, NULL, NULL);
";

#[test]
fn constraints_that_were_never_validated_are_counted() {
    let database = TestDatabase::postgres();
    database.execute(SHOP);
    database.execute(
        "ALTER TABLE children ADD CONSTRAINT simple FOREIGN KEY (a, b) REFERENCES parents (a, b) NOT VALID; \
         ALTER TABLE children ADD CONSTRAINT \"Full\" FOREIGN KEY (a, b) REFERENCES parents (a, b) MATCH FULL NOT VALID; \
         ALTER TABLE children ADD CONSTRAINT small CHECK (b < 5) NOT VALID; \
         ALTER TABLE children ADD CONSTRAINT positive CHECK (id > 0) NOT VALID",
    );
    let (code, json) = validate(&database, &[]);
    assert_eq!(code, 1);
    let found: Vec<(String, Option<u64>)> =
        of(&json, "not_valid_constraints").into_iter().map(|finding| (finding.0, finding.3)).collect();
    let expected = |name: &str, rows: u64| (format!("\"public\".\"children\".\"{name}\""), Some(rows));
    let expected = [expected("Full", 3), expected("positive", 0), expected("simple", 2), expected("small", 2)];
    assert_eq!(found, expected, "{json}");
    // what lists the rows lists as many
    for finding in of(&json, "not_valid_constraints") {
        if let Some(listing) = finding.2.split('`').find(|part| part.starts_with("SELECT *")) {
            assert_eq!(database.query(listing).len() as u64, finding.3.unwrap(), "{listing}");
        }
    }
    database.execute("DELETE FROM children WHERE id > 1");
    for finding in of(&json, "not_valid_constraints") {
        database.execute(sql(&finding.2));
    }
    assert_eq!(validate(&database, &["--deep"]).0, 0);
}

#[test]
fn what_is_marked_valid_is_looked_at_again_when_asked() {
    let database = TestDatabase::postgres();
    database.execute(SHOP);
    database.execute(
        "DELETE FROM children WHERE id > 1; \
         ALTER TABLE children ADD CONSTRAINT points FOREIGN KEY (a, b) REFERENCES parents (a, b); \
         ALTER TABLE children ADD CONSTRAINT small CHECK (b < 5); \
         SET session_replication_role = replica; INSERT INTO children VALUES (2, 7, 1); DELETE FROM parents; \
         CREATE TABLE whole (id int, a int, b int, FOREIGN KEY (a, b) REFERENCES parents (a, b)) PARTITION BY LIST (id); \
         CREATE TABLE part PARTITION OF whole FOR VALUES IN (1); INSERT INTO whole VALUES (1, 3, 3)",
    );
    assert_eq!(validate(&database, &[]).0, 0, "that takes reading all rows, which is asked for");
    let (code, json) = validate(&database, &["--deep"]);
    let found = of(&json, "valid_constraints");
    assert_eq!(code, 1);
    assert_eq!(found.iter().map(|finding| finding.3).collect::<Vec<_>>(), [Some(2), Some(1)], "{json}");
    assert!(found[0].1.contains("marked valid, and 2 rows violate it"), "{json}");
}

#[test]
fn an_index_whose_building_failed_is_found() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)");
    database.client().batch_execute("CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)").unwrap_err();
    let (code, json) = validate(&database, &[]);
    let found = of(&json, "indexes");
    assert!(code == 1 && found.len() == 1 && found[0].0 == "\"public\".\"t_a\"", "{json}");
    assert!(found[0].2.contains("twice"), "{json}");
    database.execute("DELETE FROM t WHERE ctid = '(0,1)'");
    database.execute(sql(&found[0].2));
    assert_eq!(validate(&database, &[]).0, 0);
}

#[test]
fn sequences_behind_their_columns_are_found_and_set() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE owned (id serial PRIMARY KEY); INSERT INTO owned VALUES (1), (2); \
         CREATE TABLE identity (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY); INSERT INTO identity VALUES (7); \
         CREATE TABLE exact (id serial PRIMARY KEY); INSERT INTO exact DEFAULT VALUES; \
         CREATE TABLE \"Empty\" (id serial PRIMARY KEY); \
         CREATE SEQUENCE down INCREMENT -1; CREATE TABLE downwards (id int DEFAULT nextval('down')); \
         INSERT INTO downwards VALUES (-5); \
         CREATE TABLE set_once (id serial); INSERT INTO set_once VALUES (10); SELECT setval('set_once_id_seq', 10, false)",
    );
    let (code, json) = validate(&database, &[]);
    let found = of(&json, "sequences");
    let subjects: Vec<&str> = found.iter().map(|finding| finding.0.as_str()).collect();
    let expected = [
        "\"public\".\"down\"",
        "\"public\".\"identity_id_seq\"",
        "\"public\".\"owned_id_seq\"",
        "\"public\".\"set_once_id_seq\"",
    ];
    assert_eq!((code, subjects), (1, expected.to_vec()), "{json}");
    for finding in &found {
        database.query(sql(&finding.2).trim_end_matches(';'));
    }
    assert_eq!(validate(&database, &[]).0, 0);
    database.execute("INSERT INTO owned DEFAULT VALUES; INSERT INTO identity DEFAULT VALUES");
    assert_eq!(database.value("SELECT nextval('down')"), "-6");
}

#[test]
fn who_may_not_read_is_told_what_was_not_looked_at() {
    let database = TestDatabase::postgres();
    database.execute(SHOP);
    database.execute(
        "ALTER TABLE children ADD CONSTRAINT small CHECK (b < 5) NOT VALID; CREATE TABLE owned (id serial PRIMARY KEY); \
         INSERT INTO owned VALUES (1)",
    );
    let url = stranger(&database);
    let ran = Project::new().run(&["validate", "-d", &url, "--json", "--deep"]).exits(1);
    let json = ran.json();
    assert_eq!(of(&json, "not_valid_constraints")[0].3, None, "{json}");
    assert!(json["notes"].to_string().contains("can't be read by this role"), "{json}");
    assert_eq!(of(&json, "sequences"), []);
    assert!(!ran.stdout.contains("Kq7") && !ran.stderr.contains("Kq7"));
}

#[test]
fn the_history_is_compared_with_the_files() {
    each_database(|database| {
        let project = Project::new().migration("V1__one", "CREATE TABLE one (x integer);", "DROP TABLE one;");
        let arguments = ["validate", "-d", &database.url, "--json"];
        project.run(&["up", "-d", &database.url]).ok();
        project.run(&arguments).ok();
        project.write("migrations/V1__one.sql", "CREATE TABLE one (x integer, y integer);");
        project.write("migrations/V2__two.sql", "CREATE TABLE two (x integer);");
        let json = project.run(&arguments).exits(1).json();
        let found = of(&json, "migrations");
        assert_eq!(found.iter().map(|finding| finding.0.as_str()).collect::<Vec<_>>(), ["V1", "V2"], "{json}");
        assert!(found[0].2.contains("liftlock repair 1") && found[1].2.contains("liftlock up"), "{json}");
        project.run(&["validate", "-d", &database.url]).exits(1).prints("fix: `liftlock up`");
    });
}
