//! `liftlock audit` as a person and as CI calls it.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Kind, Project, Ran, TestDatabase, each_database, read_until, signal, until};

/// Two foreign keys, one of them served; as both databases take it.
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
fn people_read_the_worst_first_and_a_summary() {
    let project = Project::new().file("schema.sql", SHOP);
    let ran = project.run(&["audit", "--schema", "schema.sql", "--sqlite-version", "3.46.1"]).exits(1);
    insta::assert_snapshot!(ran.stdout);
    let quiet = project.run(&["audit", "--schema", "schema.sql", "--only", "no-primary-key"]).ok();
    assert!(quiet.stdout.starts_with("no findings: 2 foreign keys, 1 served (schema.sql, judged for SQLite 3."));
    assert_eq!(quiet.stdout.lines().count(), 1, "{}", quiet.stdout);
}

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
/// (<https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>).
fn check_sarif(sarif: &Value) {
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().unwrap().contains("sarif"));
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(run["tool"]["driver"]["name"], "Liftlock");
    for rule in rules {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string(), "{rule}");
        assert!(rule["fullDescription"]["text"].is_string() && rule["help"]["text"].is_string(), "{rule}");
    }
    let mut seen = std::collections::HashSet::new();
    for result in run["results"].as_array().unwrap() {
        let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[at]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&result["level"].as_str().unwrap()), "{result}");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let location = &result["locations"][0];
        assert!(location["physicalLocation"]["artifactLocation"]["uri"].is_string(), "{result}");
        assert!(location["physicalLocation"]["region"]["startLine"].as_u64().unwrap() >= 1, "{result}");
        assert!(location["logicalLocations"][0]["fullyQualifiedName"].is_string(), "{result}");
        let fingerprint = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
        assert!(seen.insert(fingerprint.to_owned()), "twice: {result}");
    }
}

/// Where the missing index is shown: file and line.
fn shown_at(sarif: &Value) -> (String, u64) {
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["ruleId"] == MISSING).unwrap_or_else(|| panic!("{sarif}"));
    let place = &result["locations"][0]["physicalLocation"];
    (place["artifactLocation"]["uri"].as_str().unwrap().to_owned(), place["region"]["startLine"].as_u64().unwrap())
}

#[test]
fn code_hosts_are_told_by_sarif() {
    let database = shop(Kind::Sqlite);
    let project = Project::new().file("db/my schema.sql", &format!("-- the shop\n{SHOP}"));
    let read = |file: &str| -> Value { serde_json::from_str(&project.read(file)).unwrap() };

    // the line of the column, in the file that was audited
    project.run(&["audit", "--schema", "db/my schema.sql", "--sarif", "one.sarif"]).exits(1).says("wrote one.sarif");
    check_sarif(&read("one.sarif"));
    assert_eq!(shown_at(&read("one.sarif")), ("db/my%20schema.sql".to_owned(), 5));

    // of a database: where a migration declares it, else liftlock.yaml
    let live = |file: &str| {
        audit(&project, &database, &["--sarif", file]).exits(1);
        check_sarif(&read(file));
        read(file)
    };
    assert_eq!(shown_at(&live("two.sarif")), ("liftlock.yaml".to_owned(), 1));
    project.write("migrations/V1__shop.sql", SHOP);
    project.write("migrations/V1__shop.down.sql", "DROP TABLE orders; DROP TABLE customers;");
    let third = live("two.sarif");
    assert_eq!(shown_at(&third), ("migrations/V1__shop.sql".to_owned(), 4));
    let fingerprints = |sarif: &Value| -> Vec<String> {
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect()
    };
    assert_eq!(fingerprints(&third), fingerprints(&read("one.sarif")), "the same wherever they are shown");

    // stdout is for one document
    let ran = audit(&project, &database, &["--sarif"]).exits(1);
    check_sarif(&serde_json::from_str(&ran.stdout).unwrap());
    audit(&project, &database, &["--sarif", "--json"]).exits(2).says("both go to stdout");
    let json = audit(&project, &database, &["--json", "--sarif", "two.sarif"]).exits(1).json();
    assert_eq!(of_rule(&json, MISSING), ["orders.customer_id"]);
}

#[test]
fn a_database_is_never_overwritten_by_sarif() {
    let database = shop(Kind::Sqlite);
    let path = database.path().display().to_string();
    Project::new().run(&["audit", "--sarif", &path]).exits(2).says("would overwrite it");
    assert_eq!(database.tables(), ["customers", "orders"]);
}

#[test]
fn a_file_that_is_missing_or_no_database_is_no_good_news() {
    let project = Project::new().file("text.db", "this is no database, but a text that is long enough to be one");
    for named in ["missing.db", "sqlite:missing.db", "sqlite:missing.db?mode=ro"] {
        project.run(&["audit", named]).exits(3).says("cannot connect to `sqlite:missing.db`");
        project.run(&["audit", "-d", named, "--json"]).exits(3);
    }
    assert!(!project.path("missing.db").exists());
    project.run(&["audit", "text.db"]).exits(3).says("no SQLite database");
    project.run(&["audit", "--schema", "missing.sql"]).exits(3).says("cannot read `missing.sql`");
    project.run(&["audit"]).exits(2).says("no database is named");
    project.run(&["audit", "postgres://app:s3cr3t-pw@localhost:1/app"]).exits(3);
    project.run(&["audit", "mysql://root@localhost/app"]).exits(2).says("unknown scheme `mysql`");
    project.run(&["audit", "a.db", "-d", "b.db"]).exits(2);
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

/// The scratch database that stderr names.
fn named(words: &str) -> String {
    let rest = words.split("loaded into the database `").nth(1).unwrap_or_else(|| panic!("{words}"));
    rest.split('`').next().unwrap().to_owned()
}

fn there(database: &TestDatabase, name: &str) -> bool {
    assert!(name.starts_with("liftlock_audit_") && name.len() == 23, "{name}");
    database.value(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")) != "0"
}

#[test]
fn a_schemas_file_is_audited_on_a_server_and_nothing_is_left_there() {
    let server = TestDatabase::postgres();
    // as pg_dump writes it: owners and privileges of roles that are not there, and its own commands
    let dump = format!(
        "\\restrict abc\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
         SET search_path = public;\n{SHOP}ALTER TABLE public.orders OWNER TO nobody_at_all;\nGRANT SELECT ON public.orders \
         TO nobody_at_all;\nCOPY public.customers (id, name) FROM stdin;\n1\tAda\n\\.\n\\unrestrict abc\n"
    );
    let project = Project::new().file("schema.sql", &dump);
    let run = |more: &[&str]| audit(&project, &server, &[&["--schema", "schema.sql"][..], more].concat());
    let ran = run(&["--json"]).exits(1);
    let json = ran.json();
    assert_eq!(of_rule(&json, MISSING), ["orders.customer_id"], "{json}");
    assert_eq!(json["judged_for"]["dialect"], "postgres");
    assert_eq!((&json["target"], &json["schema_file"]), (&"schema.sql".into(), &"schema.sql".into()));
    assert!(!there(&server, &named(&ran.stderr)));
    assert_eq!(server.tables(), [""; 0], "the named database is left as it is");

    // the fix is for PostgreSQL
    run(&["--fix", "--dry-run"]).exits(1).prints("CREATE INDEX CONCURRENTLY");
    let plain = run(&["--fix", "--dry-run", "--no-concurrently"]).exits(1).prints("CREATE INDEX ");
    assert!(!plain.stdout.contains("CONCURRENTLY"), "{}", plain.stdout);
}

#[test]
fn an_error_in_a_schemas_file_has_its_line_and_leaves_nothing() {
    let server = TestDatabase::postgres();
    let wrong = format!("{SHOP}\nCREATE TABEL items (id INTEGER PRIMARY KEY);\n");
    let project = Project::new().file("wrong.sql", &wrong).file("open.sql", "CREATE TABLE a (x TEXT DEFAULT 'y);");
    let lite =
        project.run(&["audit", "--schema", "wrong.sql"]).exits(3).says("wrong.sql:9:8: the schema can't be loaded");
    lite.says("9 | CREATE TABEL items").says("syntax error").says("--private-server");
    project.run(&["audit", "--schema", "open.sql"]).exits(3).says("open.sql:1:32: this is no SQL");
    let ran = audit(&project, &server, &["--schema", "wrong.sql"]).exits(3).says("wrong.sql:9:8").says("42601");
    assert!(!there(&server, &named(&ran.stderr)));
    let json = project.run(&["audit", "--schema", "wrong.sql", "--json"]).exits(3).json();
    assert!(json["error"]["message"].as_str().unwrap().starts_with("wrong.sql:9:8:"), "{json}");
}

/// An audit of a file that takes long, the program behind `words`; and the name of the database that it made.
fn slow(server: &TestDatabase, words: &[&str]) -> (Project, Child, String) {
    let project = Project::new().file("slow.sql", "CREATE TABLE a (id int);\nSELECT pg_sleep(600);\n");
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(project.command(&[]).get_program()).current_dir(project.root());
    command.args(["audit", &server.url, "--schema", "slow.sql"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let name = named(&read_until(&mut child, "afterwards\n"));
    until("it loads", || {
        server.value(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND query LIKE '%pg_sleep%' \
             AND state = 'active'"
        )) != "0"
    });
    assert!(there(server, &name));
    (project, child, name)
}

#[test]
fn a_stop_takes_the_scratch_database_along() {
    let server = TestDatabase::postgres();
    let (_project, child, name) = slow(&server, &["env"]);
    signal(&child, "INT");
    Ran::wait(child).exits(130);
    assert!(!there(&server, &name));
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_closed_is_a_stop_unless_that_was_to_be_outlived() {
    let server = TestDatabase::postgres();
    // whatever these tests themselves were started to ignore
    let (_project, child, name) = slow(&server, &["env", "--default-signal=HUP"]);
    // its shell tells of it, and so does the system
    signal(&child, "HUP");
    signal(&child, "HUP");
    Ran::wait(child).exits(130);
    assert!(!there(&server, &name));

    // as `nohup` does
    let (_project, child, name) = slow(&server, &["env", "--ignore-signal=HUP"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    assert_eq!(u64::from_str_radix(ignored.trim(), 16).unwrap() & 1, 1, "{status}");
    signal(&child, "TERM");
    Ran::wait(child).exits(130);
    assert!(!there(&server, &name));
}

#[test]
fn a_schemas_file_may_have_a_server_of_its_own() {
    let project = Project::new().file("schema.sql", SHOP).file("liftlock.yaml", "database: postgres:///${NOT_SET}\n");
    let ran = project.run(&["audit", "--schema", "schema.sql", "--private-server", "--json"]).exits(1);
    assert_eq!(ran.json()["judged_for"]["dialect"], "postgres");
    assert!(ran.stderr.contains("a private PostgreSQL server"), "{}", ran.stderr);
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
