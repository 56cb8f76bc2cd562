//! What is looked for, and what is accepted: flags and liftlock.yaml.

use serde_json::Value;

use super::{MISSING, SHOP, audit, of_rule, shop};
use crate::support::{Kind, Project, each_database};

#[test]
fn rules_are_chosen_and_left_out() {
    let project = Project::new();
    each_database(|database| {
        database.execute(SHOP);
        audit(&project, database, &["--skip", MISSING]).ok();
        audit(&project, database, &["--only", "no-primary-key"]).ok().prints("no findings");
        let json = audit(&project, database, &["--only", &format!("no-primary-key, {MISSING}"), "--json"]);
        assert_eq!(of_rule(&json.exits(1).json(), MISSING), ["orders.customer_id"]);
        database.execute("CREATE INDEX orders_parent_again ON orders (parent_id)");
        let twice = ["--only", "duplicate-index"];
        audit(&project, database, &twice).exits(1).prints("1 warning");
        audit(&project, database, &[&twice[..], &["--fail-on", "warn"]].concat()).exits(1);
        audit(&project, database, &[&twice[..], &["--fail-on", "error"]].concat()).ok();
        audit(&project, database, &["--only", "missing-foreign-key-indx"])
            .exits(2)
            .says("there is no rule `missing-foreign-key-indx`")
            .says("did you mean `missing-foreign-key-index`?");
        audit(&project, database, &["--only", MISSING, "--skip", MISSING]).exits(2).says("no rule is left");
    });
}

#[test]
fn the_rules_are_listed_without_a_database() {
    let project = Project::new();
    project.run(&["audit", "--list-rules"]).ok().prints("rule  ").prints(MISSING).prints("off");
    let json = project.run(&["audit", "--list-rules", "--json"]).ok().json();
    let rules = json["rules"].as_array().unwrap();
    assert!(rules.len() >= 10, "{json}");
    for rule in rules {
        assert!(!rule["summary"].as_str().unwrap().is_empty() && rule["on"].is_boolean(), "{rule}");
        assert!(["note", "warning", "error"].contains(&rule["severity"].as_str().unwrap()), "{rule}");
    }
}

#[test]
fn what_is_accepted_stands_in_the_file_with_its_reason() {
    let database = shop(Kind::Sqlite);
    let section = |rest: &str| format!("database: {}\naudit:\n{rest}", database.url);
    let ignore = |rule: &str, subject: &str| format!("    - {{ rule: {rule}, subject: {subject}, reason: known }}\n");
    let project = Project::new();

    project.write("liftlock.yaml", &section(&format!("  ignore:\n{}", ignore(MISSING, "orders.customer_id"))));
    let json = project.run(&["audit", "--json"]).ok().json();
    assert_eq!(of_rule(&json, MISSING), [""; 0], "{json}");
    assert_eq!((&json["ignored"][0]["reason"], &json["ignored"][0]["rule"]), (&"known".into(), &MISSING.into()));
    assert_eq!(json["idle_ignores"], Value::Array(Vec::new()));
    assert_eq!(json["counts"]["ignored"], 1);
    // what is accepted is not mended either
    project.run(&["audit", "--fix"]).ok().says("no migration is written");

    // one that matches nothing is told of, and fails nothing
    let two = ignore("'*'", "'ord*'") + &ignore("no-primary-key", "orders");
    project.write("liftlock.yaml", &section(&format!("  ignore:\n{two}")));
    let ran = project.run(&["audit"]).ok().says("liftlock.yaml:5:15: the ignore of `no-primary-key` for `orders`");
    assert!(!ran.stderr.contains("`*`"), "{}", ran.stderr);
    let json = project.run(&["audit", "--json"]).ok().json();
    assert_eq!(json["idle_ignores"][0]["subject"], "orders", "{json}");
    // a rule that did not look has nothing to be idle for
    let json = project.run(&["audit", "--json", "--only", MISSING]).ok().json();
    assert_eq!(json["idle_ignores"], Value::Array(Vec::new()), "{json}");

    // flags beat the file
    project.write("liftlock.yaml", &section(&format!("  skip: [{MISSING}]\n  fail_on: error\n")));
    project.run(&["audit"]).ok();
    project.run(&["audit", "--only", MISSING]).exits(1);
    database.execute("CREATE INDEX orders_parent_again ON orders (parent_id)");
    project.run(&["audit"]).ok();
    project.run(&["audit", "--fail-on", "warn"]).exits(1);

    project.write("liftlock.yaml", &section(&format!("  ignore:\n{}", ignore("no-primary-keys", "orders"))));
    project
        .run(&["audit"])
        .exits(2)
        .says("liftlock.yaml:4:15: there is no rule `no-primary-keys`")
        .says("did you mean `no-primary-key`?");
    project.write("liftlock.yaml", &section("  ignore:\n    - { rule: '*', subject: orders }\n"));
    project.run(&["audit"]).exits(2).says("liftlock.yaml:4:7").says("`reason`");
}

/// What a code host asks for

#[test]
fn flags_are_for_their_database() {
    let project = Project::new();
    let (lite, server) = (shop(Kind::Sqlite), shop(Kind::Postgres));
    audit(&project, &server, &["--sqlite-version", "3.46.0"]).exits(2).says("the database is PostgreSQL");
    audit(&project, &lite, &["--schema-name", "public"]).exits(2).says("the database is SQLite");
    audit(&project, &lite, &["--sqlite-version", "new"]).exits(2).says("a version such as");
    let json = audit(&project, &lite, &["--sqlite-version", "3.40", "--json"]).exits(1).json();
    assert_eq!(json["judged_for"]["version"], "3.40");
    assert_eq!(json["judged_for"]["dialect"], "sqlite");
    server.execute("CREATE SCHEMA other; CREATE TABLE other.t (id int PRIMARY KEY)");
    audit(&project, &server, &["--schema-name", "other"]).ok();
    audit(&project, &server, &["--schema-name", "other,public"]).exits(1);
    audit(&project, &server, &["--schema-name", "pubic"]).exits(2).says("no tables in a schema `pubic`");
    audit(&project, &lite, &["--dry-run"]).exits(2);
}

#[test]
fn the_version_of_sqlite_decides_where_it_matters() {
    let project = Project::new().file(
        "schema.sql",
        "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER NOT NULL \
         REFERENCES p);\nCREATE INDEX c_p ON c (p_id) WHERE p_id IS NOT NULL;",
    );
    let of = |version: &str| project.run(&["audit", "--schema", "schema.sql", "--sqlite-version", version]);
    of("3.45.3").exits(1).prints("c.p_id").prints("judged for SQLite 3.45.3");
    of("3.46.0").ok();
}
