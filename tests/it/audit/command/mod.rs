//! `liftlock audit` as a person and as CI calls it.

mod choice;
mod pipe;
mod sarif;
mod schema_file;
mod schema_names;

use serde_json::Value;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database};

const SHOP: &str = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  parent_id INTEGER REFERENCES orders (id)
);
CREATE INDEX orders_parent ON orders (parent_id);
";

const MISSING: &str = "missing-foreign-key-index";

pub fn shop(kind: Kind) -> TestDatabase {
    let database = TestDatabase::new(kind);
    database.execute(SHOP);
    database
}

pub fn audit(project: &Project, database: &TestDatabase, more: &[&str]) -> Ran {
    let mut arguments = vec!["audit", database.url.as_str()];
    arguments.extend(more);
    project.run(&arguments)
}

/// The findings of a rule, as `table.column`.
fn of_rule(json: &Value, rule: &str) -> Vec<String> {
    let findings = json["findings"].as_array().unwrap_or_else(|| panic!("{json}"));
    let of = findings.iter().filter(|finding| finding["rule"] == rule);
    of.map(|finding| {
        let subject = &finding["subject"];
        format!("{}.{}", subject["table"].as_str().unwrap(), subject["columns"][0].as_str().unwrap_or("*"))
    })
    .collect()
}

#[test]
fn a_missing_index_is_found_mended_and_found_mended() {
    each_database(|database| {
        database.execute(SHOP);
        let project = Project::new();
        let before = database.contents();
        let json = audit(&project, database, &["--json"]).exits(1).json();
        assert_eq!(of_rule(&json, MISSING), ["orders.customer_id"], "{json}");
        assert_eq!((&json["failed"], &json["error"]), (&true.into(), &Value::Null));
        assert_eq!(json["counts"]["foreign_keys"], 2);
        assert_eq!(json["counts"]["served"], 1);
        let finding = &json["findings"][0];
        assert_eq!((&finding["severity"], &finding["remedy"]["kind"]), (&"error".into(), &"index".into()), "{json}");
        assert!(finding["remedy"]["sql"].as_str().unwrap().contains("idx_orders_customer_id"), "{json}");
        let keys = json["foreign_keys"].as_array().unwrap();
        let key = |column: &str| keys.iter().find(|key| key["columns"][0] == column).unwrap();
        let (missing, served) = (key("customer_id"), key("parent_id"));
        assert_eq!((&missing["covered"], &missing["level"]), (&false.into(), &"none".into()));
        assert_eq!((&missing["parent_table"], &missing["parent_columns"][0]), (&"customers".into(), &"id".into()));
        assert!(missing["index"].is_null() && missing["fix"].as_str().unwrap().contains("CREATE INDEX"), "{missing}");
        assert_eq!((&served["covered"], &served["level"]), (&true.into(), &"full".into()));
        assert!(served["fix"].is_null() && served["index"] == "orders_parent", "{served}");

        let dry = audit(&project, database, &["--fix", "--dry-run"]).exits(1).prints("idx_orders_customer_id");
        assert!(dry.stdout.contains("DROP INDEX") && !project.path("migrations").exists(), "{}", dry.stdout);
        assert_eq!(database.contents(), before, "an audit writes nothing");

        let fixed = audit(&project, database, &["--fix"]).exits(1).prints("wrote ").says("until `liftlock up`");
        assert!(fixed.stdout.contains("add_missing_foreign_key_indexes"), "{}", fixed.stdout);
        // not twice
        let again = audit(&project, database, &["--fix", "--json"]).exits(1).json();
        assert_eq!(again["fix"]["migrations"], Value::Array(Vec::new()), "{again}");
        assert_eq!(again["fix"]["already_there"].as_array().unwrap().len(), 1, "{again}");

        project.run(&["up", "-d", &database.url]).ok();
        let clean = audit(&project, database, &["--json"]).ok().json();
        assert_eq!(of_rule(&clean, MISSING), [""; 0], "{clean}");
        assert_eq!((&clean["failed"], &clean["counts"]["served"]), (&false.into(), &2.into()), "{clean}");
        project.run(&["down", "-d", &database.url]).ok();
        assert_eq!(database.contents(), before, "the way back leaves nothing");
        audit(&project, database, &[]).exits(1);
    });
}

#[test]
fn a_fix_beside_migrations_that_are_still_to_come_says_so() {
    each_database(|database| {
        let project = Project::new().migration("V1__shop", SHOP, "DROP TABLE orders; DROP TABLE customers;");
        project.run(&["up", "-d", &database.url]).ok();
        let ran = audit(&project, database, &["--fix", "--dry-run"]).exits(1);
        assert!(!ran.stderr.contains("not applied"), "{}", ran.stderr);
        project.write("migrations/V2__mine.sql", "CREATE INDEX mine ON orders (customer_id);");
        project.write("migrations/V3__other.sql", "CREATE INDEX other ON orders (customer_id, id);");
        let json = audit(&project, database, &["--fix", "--dry-run", "--json"]).exits(1).json();
        assert_eq!(json["fix"]["pending"], serde_json::json!(["V2__mine", "V3__other"]), "{json}");
        audit(&project, database, &["--fix"])
            .exits(1)
            .prints("V4__add_")
            .says("V2__mine and 1 more are not applied yet");
        // what makes it already is no other one
        let again = audit(&project, database, &["--fix"]).exits(1).says("makes the missing indexes already");
        assert!(!again.stderr.contains("not applied yet"), "{}", again.stderr);
    });
}

#[test]
fn people_read_the_worst_first_and_a_summary() {
    let project = Project::new().file("schema.sql", SHOP);
    let ran = project.run(&["audit", "--schema", "schema.sql", "--sqlite-version", "3.46.1"]).exits(1);
    insta::assert_snapshot!(ran.stdout);
    let quiet = project.run(&["audit", "--schema", "schema.sql", "--only", "no-primary-key"]).ok();
    assert!(quiet.stdout.starts_with("no findings: 2 foreign keys, 1 served (schema.sql, judged for SQLite 3."));
    assert_eq!(quiet.stdout.lines().count(), 1, "{}", quiet.stdout);
}

#[test]
fn a_file_that_is_missing_or_no_database_is_no_good_news() {
    let project = Project::new().file("text.db", "this is no database, but a text that is long enough to be one");
    for named in ["missing.db", "sqlite:missing.db", "sqlite:missing.db?mode=ro"] {
        let ran = project.run(&["audit", named]).exits(3).says("cannot connect to `sqlite:missing.db`");
        if !named.contains("mode=ro") {
            // as it was named, and not as it could have been
            assert!(!ran.stderr.contains("--database"), "{}", ran.stderr);
            ran.says("it is the one that was given");
            project.run(&["audit", "-d", named]).exits(3).says("it was named by `--database`");
        }
        project.run(&["audit", "-d", named, "--json"]).exits(3);
    }
    assert!(!project.path("missing.db").exists());
    project.run(&["audit", "text.db"]).exits(3).says("no SQLite database");
    project.run(&["audit", "--schema", "missing.sql"]).exits(3).says("cannot read `missing.sql`");
    project.run(&["audit"]).exits(2).says("no database is named");
    project.run(&["audit", "postgres://app:s3cr3t-pw@localhost:1/app"]).exits(3);
    project.run(&["audit", "mysql://root@localhost/app"]).exits(2).says("the database given: unknown scheme `mysql`");
    project.run(&["audit", "a.db", "-d", "b.db"]).exits(2);
    project.run(&["audit", "a.db", "--env", "production"]).exits(2);
}

#[test]
fn no_secret_is_printed() {
    let project = Project::new();
    let url = "postgres://app:s3cr3t-pw@localhost:1/app";
    for more in [&[][..], &["--json"], &["--schema", "x.sql"]] {
        let project = &project;
        project.write("x.sql", SHOP);
        let ran = project.run(&[&["audit", url][..], more].concat()).exits(3);
        assert!(!ran.stdout.contains("s3cr3t-pw") && !ran.stderr.contains("s3cr3t-pw"), "{ran:?}");
    }
}

#[test]
fn a_role_with_few_rights_sees_the_schema_all_the_same() {
    let server = shop(Kind::Postgres);
    let role = format!("reader_of_{}", server.value("SELECT current_database()"));
    server.execute(&format!(
        "CREATE ROLE {role} NOLOGIN; GRANT {role} TO CURRENT_USER; REVOKE ALL ON SCHEMA public FROM public; \
         CREATE TABLE counted (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)"
    ));
    let sign = if server.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{sign}options=-c%20role%3D{role}", server.url);
    let project = Project::new().file("schema.sql", SHOP);
    let json = project.run(&["audit", &url, "--json"]).exits(1).json();
    assert_eq!(of_rule(&json, MISSING), ["orders.customer_id"], "{json}");
    project
        .run(&["audit", &url, "--schema", "schema.sql"])
        .exits(3)
        .says("may not make a database for the audit")
        .says("--private-server");
    server.execute(&format!("DROP ROLE {role}"));
}
