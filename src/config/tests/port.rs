//! The section `port:` of liftlock.yaml.

use std::fmt::Write;

use super::*;
use crate::config::{
    Overrides, PortColumns, PortNames, PortNocase, PortSettings, PortType, resolve_port, resolve_without_target,
};
use crate::value::{BadText, PgType, TimeNumber};

/// What a project resolves whose file holds `text`; paths are shown without the folder that it is in.
fn read(text: &str, pairs: &[(&str, &str)]) -> Result<PortSettings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("liftlock.yaml"), text).expect("written");
    let environment = Environment::from_pairs(pairs.iter().copied());
    resolve_port(&Overrides::default(), &environment, folder.path())
        .map_err(|error| shown(&error).replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn every_key_is_read() {
    let text = "\
port:
  schema: legacy
  include: [users, 'orders*']
  exclude:
    - tmp_*
  names: snake-case
  rename: { Users: people, Users.eMail: email }
  types:
    - { column: users.flags, to: bigint }
    - { declared: EPOCH, to: timestamptz, numbers: seconds }
    - column: '*.body'
      bad_text: escape
    - { declared: 'DECIMAL(10,2)', to: 'numeric(12,4)', bad_text: strip }
  int4: true
  keep_length: yes
  nocase: icu
  bad_text: strip
  accept: [trigger, 'check:orders.positive']
  jobs: 4
  batch_rows: ${ROWS:-1000}
";
    let entry = |columns, to: Option<PgType>, numbers, bad_text| PortType { columns, to, numbers, bad_text };
    let named = |name: &str| PortColumns::Named(name.to_owned());
    let declared = |name: &str| PortColumns::Declared(name.to_owned());
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let rename = [("Users", "people"), ("Users.eMail", "email")];
    let expected = PortSettings {
        schema: Some("legacy".to_owned()),
        include: texts(&["users", "orders*"]),
        exclude: texts(&["tmp_*"]),
        names: Some(PortNames::SnakeCase),
        rename: rename.into_iter().map(|(old, new)| (old.to_owned(), new.to_owned())).collect(),
        types: vec![
            entry(named("users.flags"), Some(PgType::Int8), None, None),
            entry(declared("EPOCH"), Some(PgType::Timestamptz), Some(TimeNumber::Seconds), None),
            entry(named("*.body"), None, None, Some(BadText::Escape)),
            entry(declared("DECIMAL(10,2)"), Some(PgType::Numeric(Some((12, 4)))), None, Some(BadText::Strip)),
        ],
        int4: true,
        keep_length: true,
        nocase: Some(PortNocase::Icu),
        bad_text: Some(BadText::Strip),
        accept: texts(&["trigger", "check:orders.positive"]),
        jobs: Some(4),
        batch_rows: Some(1000),
    };
    assert_eq!(read(text, &[]).expect("resolved"), expected);
    assert_eq!(read(text, &[("ROWS", "7")]).expect("resolved").batch_rows, Some(7));
}

#[test]
fn nothing_said_is_nothing_set() {
    for text in ["", "port:\n", "port: {}\n", "port:\n  types:\n  include:\n  rename:\n", "database: a.db\n"] {
        assert_eq!(read(text, &[]).expect(text), PortSettings::default(), "{text}");
    }
}

#[test]
fn a_variable_that_is_not_set_stops_a_port_alone() {
    let text = "database: a.db\nport:\n  jobs: ${JOBS}\n  types: [{ column: '${T}.a', to: text }]\n";
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("liftlock.yaml"), text).expect("written");
    assert!(resolve_without_target(&Overrides::default(), &Environment::default(), folder.path()).is_ok());
    insta::assert_snapshot!(read(text, &[]).expect_err("unset"), @r"
    liftlock.yaml:4:22: environment variable `T` is not set
      hint: set it, or give a value to fall back on: `${T:-value}`
    ");
    insta::assert_snapshot!(
        read(text, &[("T", "t"), ("JOBS", "many")]).expect_err("no number"),
        @"liftlock.yaml:3:9: expected a whole number, 1 or more"
    );
}

#[test]
fn every_error_has_a_place() {
    let mut out = String::new();
    for section in [
        "  shcema: x\n",
        "  schema: ''\n",
        "  schema: [x]\n",
        "  include: users\n",
        "  include: { a: b }\n",
        "  exclude: [a, '']\n",
        "  names: upper\n",
        "  rename: [a]\n",
        "  rename: { a: b, a: c }\n",
        "  types: { column: a.b }\n",
        "  types: [bigint]\n",
        "  types:\n    - { column: a.b, to: bigint, form: seconds }\n",
        "  types:\n    - { colum: a.b, to: bigint }\n",
        "  types:\n    - { to: bigint }\n",
        "  types:\n    - { column: a.b, declared: INT, to: bigint }\n",
        "  types:\n    - { column: a.b }\n",
        "  types:\n    - { column: a.b, numbers: seconds }\n",
        "  types:\n    - { column: b, to: bigint }\n",
        "  types:\n    - { column: a.b, to: bigit }\n",
        "  types:\n    - { column: a.b, to: timestamptz, numbers: days }\n",
        "  types:\n    - { column: a.b, bad_text: drop }\n",
        "  int4: maybe\n",
        "  nocase: upper\n",
        "  bad_text: keep\n",
        "  jobs: 0\n",
        "  batch_rows: -1\n",
        "  batch_rows: 1.5\n",
    ] {
        let error = read(&format!("port:\n{section}"), &[]).expect_err(section);
        writeln!(out, "{error}").expect("written");
    }
    insta::assert_snapshot!(out);
}
