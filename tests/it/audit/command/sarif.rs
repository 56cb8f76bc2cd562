//! Findings for code hosts.

use serde_json::Value;

use super::{MISSING, SHOP, audit, of_rule, shop};
use crate::support::{Kind, Project};

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
