//! What holds for every rule.

use super::testing::{foreign_key, found, index, schema, subjects, table};
use super::*;
use crate::Dialect;
use crate::audit::schema::{IndexState, ParentState, Predicate};

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit-rules.md"));

#[test]
fn every_rule_has_its_heading_in_the_document_in_the_same_order() {
    let headings: Vec<_> = DOCUMENT.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    let names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(headings, names);
}

#[test]
fn every_rule_is_told_in_one_sentence() {
    for rule in RULES {
        assert!(rule.name.chars().all(|char| char.is_ascii_lowercase() || char == '-'), "{}", rule.name);
        assert!(rule.summary.ends_with('.') && !rule.summary.contains(". "), "{}", rule.summary);
        assert!(rule.on || rule.name == "unused-index");
    }
}

/// Something of everything that needs no statistics.
fn messy(dialect: Dialect) -> Schema {
    let mut broken = foreign_key(&["b"], "nowhere", &["id"]);
    broken.parent_state = ParentState::MissingTable;
    let mut not_valid = foreign_key(&["a"], "p", &["id"]).named("x").differs("bigint");
    not_valid.not_valid = true;
    let child = table("c")
        .integer("a")
        .integer("b")
        .typed("done", "boolean")
        .foreign_key(not_valid.clone())
        .foreign_key(not_valid.named("y"))
        .foreign_key(broken)
        .index(index("done", &["done"]))
        .index(index("i1", &["b"]))
        .index(index("i2", &["b"]))
        .index(index("i3", &["b", "done"]))
        .index(index("i4", &["b"]).only(Predicate::NotNull("b".to_owned())))
        .index(index("i5", &["b"]).state(IndexState::Invalid));
    schema(dialect, [child, table("p").typed("id", "bigint").key(&["id"])])
}

#[test]
fn findings_are_sentences_under_their_rules_name_and_no_worse_than_it() {
    for dialect in Dialect::ALL {
        let schema = messy(dialect);
        let mut silent = Vec::new();
        for rule in RULES {
            let findings = found(rule, &schema);
            for finding in &findings {
                assert_eq!(finding.rule, rule.name);
                assert!(finding.severity <= rule.severity, "{finding:?}");
                assert!(finding.message.starts_with(|first: char| first.is_uppercase() || first == '`'), "{finding:?}");
                assert!(finding.message.ends_with('.') && !finding.message.contains("  "), "{finding:?}");
                assert!(!finding.message.contains(". "), "{finding:?}");
                assert!(
                    finding.explanation.ends_with(['.', ')']) && !finding.explanation.contains(".."),
                    "{finding:?}"
                );
            }
            if findings.is_empty() {
                silent.push(rule.name);
            }
        }
        let need_more = ["key-near-maximum", "unused-index", "mostly-null-index"];
        let others: Vec<_> = silent.iter().filter(|name| !need_more.contains(name)).collect();
        match dialect {
            Dialect::Sqlite => assert_eq!(others, [&"invalid-index"]),
            Dialect::Postgres => assert_eq!(others, [&"foreign-keys-off"]),
        }
    }
}

#[test]
fn a_schema_with_nothing_in_it_and_one_with_nothing_wrong_have_no_findings() {
    let child = table("c")
        .integer("id")
        .integer("p_id")
        .key(&["id"])
        .foreign_key(foreign_key(&["p_id"], "p", &["id"]))
        .index(index("c_p_id", &["p_id"]));
    let fine = schema(Dialect::Postgres, [child, table("p").integer("id").key(&["id"])]);
    for schema in [schema(Dialect::Sqlite, []), schema(Dialect::Postgres, []), fine] {
        for rule in RULES {
            assert!(subjects(&found(rule, &schema)).is_empty(), "{}", rule.name);
        }
    }
}
