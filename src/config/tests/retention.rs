//! The section `retention:` of liftlock.yaml.

use std::fmt::Write;
use std::time::Duration;

use super::*;
use crate::config::{Overrides, RetentionAction, RetentionPolicy, resolve_retention, resolve_without_target};
use crate::value::TimeNumber;

/// What a project resolves whose file holds `text`; paths are shown without the folder that it is in.
fn read(text: &str, pairs: &[(&str, &str)]) -> Result<Vec<RetentionPolicy>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("liftlock.yaml"), text).expect("written");
    let environment = Environment::from_pairs(pairs.iter().copied());
    resolve_retention(&Overrides::default(), &environment, folder.path())
        .map_err(|error| shown(&error).replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn policies_are_read() {
    let text = "retention:
  - table: audit_logs
    age: created_at
    older_than: 90d
    where: \"level <> 'error'\"
    action: delete
    children: delete
    batch_rows: 500
  - { table: app.sessions, age: seen, unit: milliseconds, older_than: 12h, action: soft_delete,
      soft_delete: { column: deleted_at, unit: seconds, reason: why, by: who } }
  - { table: logs, age: at, older_than: 2w, archive: '${WHERE}' }
";
    let policies = read(text, &[("WHERE", "sqlite:archive.db")]).expect("it is read");
    let [first, second, third] = policies.as_slice() else { panic!("{policies:?}") };
    assert_eq!(
        (first.table.as_str(), first.age.as_str(), first.older_than),
        ("audit_logs", "created_at", Duration::from_secs(90 * 86_400))
    );
    assert_eq!(first.condition.as_deref(), Some("level <> 'error'"));
    assert_eq!((&first.action, first.children, first.batch_rows), (&RetentionAction::Delete, true, Some(500)));
    assert_eq!(second.unit, Some(TimeNumber::Milliseconds));
    let soft = RetentionAction::SoftDelete {
        column: "deleted_at".to_owned(),
        unit: Some(TimeNumber::Seconds),
        reason: Some("why".to_owned()),
        by: Some("who".to_owned()),
    };
    assert_eq!((&second.action, second.children, second.batch_rows), (&soft, false, None));
    let RetentionAction::Archive(target) = &third.action else { panic!("{third:?}") };
    assert!(target.to_string().ends_with("/archive.db"), "{target}");
    assert!(read("retention:\n", &[]).expect("it is read").is_empty());
}

#[test]
fn every_error_has_a_place() {
    let mut errors = String::new();
    for text in [
        "retention:\n  - { table: a, age: b }\n",
        "retention:\n  - { table: a, age: b, older_than: 3 months, action: delete }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d, action: remove }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d, action: archive }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d, action: delete, archive: x.db }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d, action: archive, archive: 'mysql://x' }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d, action: soft_delete, soft_delete: {} }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d, soft_delete: { column: c }, children: delete }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d, action: delete, children: archive }\n",
        "retention:\n  - { table: a, age: b, older_than: 3d, action: delete, batch_rows: 0 }\n",
        "retention:\n  - { table: a, age: b, unit: days, older_than: 3d, action: delete }\n",
        "retention:\n  - { table: a, age: b, older: 3d, action: delete }\n",
        "retention:\n  table: a\n",
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
    assert!(resolve("retention:\n  - { table: '${T}', age: '${A}', older_than: '${O}', archive: '${U}' }\n").is_ok());
    assert!(resolve("retention:\n  - { table: a, age: b, older_than: 3d, action: '${X}' }\n").is_ok());
    assert!(resolve("retention:\n  - { table: a, age: b, older_than: never, action: delete }\n").is_err());
}
