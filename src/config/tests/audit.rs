//! The section `audit:` of liftlock.yaml.

use std::fmt::Write;

use super::*;
use crate::config::{
    AuditFailOn, AuditIgnore, AuditRule, AuditSchema, AuditSettings, Origin, Overrides, resolve_audit,
    resolve_without_target,
};
use crate::source_text::Position;

/// What a project resolves whose file holds `text`; paths are shown without the folder that it is in.
fn read(text: &str, pairs: &[(&str, &str)]) -> Result<AuditSettings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("liftlock.yaml"), text).expect("written");
    let environment = Environment::from_pairs(pairs.iter().copied());
    let mut settings = resolve_audit(&Overrides::default(), &environment, folder.path())
        .map_err(|error| shown(&error).replace(&format!("{}/", folder.path().display()), ""))?;
    let rules =
        settings.only.iter_mut().chain(&mut settings.skip).chain(settings.ignore.iter_mut().map(|i| &mut i.rule));
    let origins = rules.map(|rule| &mut rule.origin);
    for origin in origins.chain(settings.schema_names.iter_mut().map(|schema| &mut schema.origin)) {
        if let Origin::File { file, .. } = origin {
            *file = file.file_name().expect("a name").into();
        }
    }
    Ok(settings)
}

fn rule(name: &str, line: usize, column: usize) -> AuditRule {
    let at = Position { line, column };
    AuditRule { name: name.to_owned(), origin: Origin::File { file: "liftlock.yaml".into(), at } }
}

fn schema(name: &str, line: usize, column: usize) -> AuditSchema {
    let AuditRule { name, origin } = rule(name, line, column);
    AuditSchema { name, origin }
}

#[test]
fn every_key_is_read() {
    let text = "\
audit:
  only: [duplicate-index, missing-foreign-key-index]
  skip:
    - invalid-index
  fail_on: ${LEVEL:-error}
  schema_name: [public, Odd Name]
  ignore:
    - { rule: '*', subject: 'audit_*', reason: written once }
    - rule: duplicate-index
      subject: orders.customer_id
      reason: ${WHY}
";
    let ignore = |rule, subject: &str, reason: &str| AuditIgnore {
        rule,
        subject: subject.to_owned(),
        reason: reason.to_owned(),
    };
    let expected = AuditSettings {
        only: vec![rule("duplicate-index", 2, 10), rule("missing-foreign-key-index", 2, 27)],
        skip: vec![rule("invalid-index", 4, 7)],
        fail_on: Some(AuditFailOn::Error),
        schema_names: vec![schema("public", 6, 17), schema("Odd Name", 6, 25)],
        ignore: vec![
            ignore(rule("*", 8, 15), "audit_*", "written once"),
            ignore(rule("duplicate-index", 9, 13), "orders.customer_id", "dropped next week"),
        ],
    };
    assert_eq!(read(text, &[("WHY", "dropped next week")]), Ok(expected));
}

#[test]
fn what_is_not_said_is_left_open() {
    for text in ["", "audit:\n", "audit: {}\n", "audit:\n  only:\n  skip: []\n  ignore:\n"] {
        assert_eq!(read(text, &[]), Ok(AuditSettings::default()), "{text:?}");
    }
}

#[test]
fn every_error_has_a_place() {
    let mut errors = String::new();
    for text in [
        "audit:\n  ignored: []\n",
        "audit:\n  fail_on: never\n",
        "audit:\n  only: missing-foreign-key-index\n",
        "audit:\n  schema_name: public\n",
        "audit:\n  schema_names: [public]\n",
        "audit:\n  schema_name: [public, '']\n",
        "audit:\n  only:\n    - ''\n",
        "audit:\n  ignore:\n    - { rule: a, subject: b }\n",
        "audit:\n  ignore:\n    - { rule: a, subject: b, reason: '' }\n",
        "audit:\n  ignore:\n    - { rule: a, reason: c }\n",
        "audit:\n  ignore:\n    - { rule: a, table: b, reason: c }\n",
        "audit:\n  ignore:\n    - orders\n",
        "audit:\n  skip:\n    - ${NONE}\n",
        "audit:\n  only: []\n  only: []\n",
        "audit: on\n",
    ] {
        let error = read(text, &[]).expect_err(text);
        writeln!(errors, "{text}→ {error}\n").expect("a string takes it");
    }
    insta::assert_snapshot!(errors);
}

#[test]
fn other_commands_say_what_is_wrong_too_but_need_no_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let resolve = |text: &str| {
        std::fs::write(folder.path().join("liftlock.yaml"), text).expect("written");
        resolve_without_target(&Overrides::default(), &Environment::default(), folder.path())
    };
    assert!(resolve("audit:\n  fail_on: ${NONE}\n  skip:\n    - ${NONE}\n").is_ok());
    assert!(resolve("audit:\n  ignore: [{ rule: a, subject: '${NONE}', reason: b }]\n").is_ok());
    assert!(resolve("audit:\n  fail_on: never\n").is_err());
}
