//! liftlock.yaml: what it may hold, and what its errors say.

use std::fmt::Write;

use super::*;
use crate::config::{Overrides, RootCertificates, Settings, SslMode, resolve, resolve_without_target};

/// Resolves a project whose file holds `text`; paths are shown without the folder that it is in.
fn read(text: &str, env: Option<&str>, pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("liftlock.yaml"), text).expect("written");
    let overrides = Overrides { env: env.map(str::to_owned), ..Overrides::default() };
    let environment = Environment::from_pairs(pairs.iter().copied());
    resolve(&overrides, &environment, folder.path())
        .map_err(|error| shown(&error).replace(&format!("{}/", folder.path().display()), ""))
}

const SEPARATE_KEYS: &str = "\
databases:
  development: sqlite:dev.db
  production: &production
    type: postgresql
    host: db.internal
    port: 5433
    name: app
    user: migrator
    password: ${DB_PASSWORD}
    ssl_mode: verify-full
    ssl_root_cert: certs/ca.pem
    options: \"-c statement_timeout=0\"
    application_name: app-migrations
    protected: false
  staging:
    <<: *production
    host: ${STAGING_HOST:-staging.internal}
    port: ${STAGING_PORT}
    name: 5.10
";

#[test]
fn separate_keys() {
    let settings = read(SEPARATE_KEYS, Some("production"), &[("DB_PASSWORD", "p@ss/word")]).expect("resolved");
    let Target::Postgres(target) = &settings.target else { panic!("{}", settings.target) };
    assert_eq!(target.to_string(), "postgres://migrator@db.internal:5433/app");
    assert_eq!(target.password.as_ref().map(|secret| secret.expose()), Some("p@ss/word"));
    assert_eq!(target.sslmode, SslMode::VerifyFull);
    let Some(RootCertificates::File(file)) = &target.sslrootcert else { panic!("{target:?}") };
    assert!(file.is_absolute() && file.ends_with("certs/ca.pem"), "{file:?}");
    assert_eq!(target.options.as_deref(), Some("-c statement_timeout=0"));
    assert_eq!(target.application_name, "app-migrations");
    assert!(!settings.protected);
    assert!(!format!("{settings:?}").contains("p@ss"), "{settings:?}");

    let staging = read(SEPARATE_KEYS, Some("staging"), &[("DB_PASSWORD", "x"), ("STAGING_PORT", "7")]);
    assert_eq!(staging.expect("resolved").target.to_string(), "postgres://migrator@staging.internal:7/5.10");
}

#[test]
fn a_variable_that_is_not_set_stops_only_who_needs_it() {
    assert!(read(SEPARATE_KEYS, Some("development"), &[]).is_ok());
    insta::assert_snapshot!(read(SEPARATE_KEYS, Some("production"), &[]).expect_err("unset"), @r#"
        liftlock.yaml:9:15: environment variable `DB_PASSWORD` is not set
          hint: set it, or give a value to fall back on: `${DB_PASSWORD:-value}`
        "#);
    insta::assert_snapshot!(
        read(SEPARATE_KEYS, Some("staging"), &[("DB_PASSWORD", "x"), ("STAGING_PORT", "s3cret")]).expect_err("no port"),
        @"liftlock.yaml:18:11: `port` must be a number from 1 to 65535"
    );
    insta::assert_snapshot!(
        read("database: \"postgres://ada:${PW}@${DB_HOST}/app\"\n", None, &[("PW", "x")]).expect_err("unset"),
        @r#"
            liftlock.yaml:1:33: environment variable `DB_HOST` is not set
              hint: set it, or give a value to fall back on: `${DB_HOST:-value}`
            "#
    );

    // `new` and `init` need no database
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("liftlock.yaml"), SEPARATE_KEYS).expect("written");
    let overrides = Overrides { env: Some("production".to_owned()), ..Overrides::default() };
    let project = resolve_without_target(&overrides, &Environment::default(), folder.path()).expect("resolved");
    assert_eq!(project.env_name.as_deref(), Some("production"));
}

#[test]
fn urls_in_the_file() {
    for (text, pairs, expected) in [
        ("database: postgres://ada@db/app", &[][..], "postgres://ada@db:5432/app"),
        ("database: ${DATABASE}", &[("DATABASE", "postgres://ada:x@db/app")], "postgres://ada@db:5432/app"),
        ("database: postgres://ada:${PW}@db/app", &[("PW", "x")], "postgres://ada@db:5432/app"),
        ("database: { url: postgres://ada@db/app, password: p@ss }", &[], "postgres://ada@db:5432/app"),
        ("database: { type: postgres, user: ada }", &[("PGHOST", "pg")], "postgres://ada@pg:5432/ada"),
        ("database: { type: postgres, user: ada, host: '${NONE:-}' }", &[], "postgres://ada@localhost:5432/ada"),
        ("database: { type: sqlite, name: ':memory:' }", &[], "sqlite::memory:"),
        ("\u{feff}database: 'sqlite::memory:'", &[], "sqlite::memory:"),
        ("# nothing else\ndatabase:\n  'sqlite::memory:'\nmigrations:\n", &[], "sqlite::memory:"),
    ] {
        assert_eq!(read(text, None, pairs).expect(text).target.to_string(), expected, "{text}");
    }
    for text in ["", "# a comment\n", "database:\n", "{}"] {
        let error = read(text, None, &[]).expect_err(text);
        assert_eq!(
            error,
            "no database is named\n  hint: give `--database URL`, or write `database: URL` in `liftlock.yaml`"
        );
    }
}

#[test]
fn every_error_has_a_place_and_no_value() {
    let mut out = String::new();
    for text in [
        "databse: sqlite:a.db\n",
        "database: sqlite:a.db\ndatabase: sqlite:b.db\n",
        "database: sqlite:a.db\nmigrations:\n  lock_timeuot: 5s\n",
        "database:\n  type: postgres\n  passwrod: hunter2\n",
        "databases:\n  a: sqlite:a.db\n  a: sqlite:b.db\n",
        "databases:\n  a:\n    type: postgres\n    colour: hunter2\n",
        "database: [hunter2]\n",
        "database: 42\n",
        "databases:\n  a:\n  b: sqlite:b.db\n",
        "databases:\n  a: yes\n",
        "databases: hunter2\n",
        "database:\n  postgres://ada:hunter2@db/app: x\n",
        "database:\n  password: [hunter2]\n",
        "database:\n  type: postgres\n  password: !hunter2\n",
        "database:\n  type: postgres\n  password: *hunter2\n",
        "database:\n  type: postgres\n  password: @hunter2\n",
        "database:\n  type: postgres\n  password: \"hunter2\n",
        "database:\n  type: postgres\n  port: hunter2\n",
        "database:\n  type: postgres\n  port: 70000\n",
        "database:\n  type: mysql\n",
        "database:\n  host: db\n",
        "database:\n  url: sqlite:a.db\n  host: db\n",
        "database:\n  url: sqlite:a.db\n  password: hunter2\n",
        "database:\n  type: sqlite\n  host: db\n  name: a.db\n",
        "database:\n  type: sqlite\n",
        "database:\n  type: postgres\n  ssl_mode: maybe\n  host: ${HOST}\n",
        "database:\n  type: postgres\n  protected: hunter2\n",
        "databases:\n  a: sqlite:a.db\n  other: postgres://ada:hun/ter2@db/app\n",
        "databases:\n  a: sqlite:a.db\n  other: postgres://db/${\n",
        "database: sqlite:a.db\ndefault_env: production\n",
        "database: sqlite:a.db\nmigrations:\n  lock_timeout: 5\n",
        "database: sqlite:a.db\nmigrations:\n  lock_retries: -1\n",
        "database: sqlite:a.db\nmigrations:\n  numbering: roman\n",
        "database: sqlite:a.db\nmigrations:\n  allow_out_of_order: maybe\n",
        "database: sqlite:a.db\nmigrations: 5\n",
        "database: sqlite:a.db\n migrations: x\n",
        "database: sqlite:a.db\n---\ndatabase: sqlite:b.db\n",
        "hunter2",
        "- hunter2\n",
        "database: x\n\n# ä\nmigrations: { lock_wait: ä, dir: a, 'ä b': x }\n",
    ] {
        let error = read(text, None, &[]).expect_err(text);
        for piece in ["hun", "ter2"] {
            assert!(!error.contains(piece), "{text}: {error}");
        }
        writeln!(out, "{error}").expect("written");
    }
    insta::assert_snapshot!(out, @r#"
        liftlock.yaml:1:1: unknown key `databse`
          hint: did you mean `database`?
        liftlock.yaml:2:1: duplicate key `database`
        liftlock.yaml:3:3: unknown key `lock_timeuot`
          hint: did you mean `lock_timeout`?
        liftlock.yaml:3:3: unknown key `passwrod`
          hint: did you mean `password`?
        liftlock.yaml:3:3: duplicate key `a`
        liftlock.yaml:4:5: unknown key `colour`
          hint: the keys here are `url`, `type`, `host`, `port`, `name`, `user`, `password`, `ssl_mode`, `ssl_root_cert`, `options`, `application_name`, `protected`, `migrations`
        liftlock.yaml:1:11: expected a URL, or a mapping of keys, found a list
        liftlock.yaml:1:11: expected a URL, or a mapping of keys, found a number
        liftlock.yaml:2:4: expected a URL, or a mapping of keys, found nothing
        liftlock.yaml:2:6: expected a URL, or a mapping of keys, found a boolean
        liftlock.yaml:1:12: expected a mapping of keys
        liftlock.yaml:2:3: unknown key
          hint: the keys here are `url`, `type`, `host`, `port`, `name`, `user`, `password`, `ssl_mode`, `ssl_root_cert`, `options`, `application_name`, `protected`, `migrations`
        liftlock.yaml:2:13: expected a single value
        liftlock.yaml:3:21: a value that begins with `!` has to be in quotes
        liftlock.yaml:3:13: alias references unknown anchor
        liftlock.yaml:3:13: unexpected character: `@'
        liftlock.yaml:4:1: invalid indentation in multiline quoted scalar
        liftlock.yaml:3:9: `port` must be a number from 1 to 65535
        liftlock.yaml:3:9: `port` must be a number from 1 to 65535
        liftlock.yaml:2:9: expected `sqlite` or `postgres`
        liftlock.yaml:2:3: a database needs `url`, or `type` and the keys that go with it
          hint: write `url: postgres://…`, or `type: postgres` with host, port, name, user, password
        liftlock.yaml:3:9: `host` doesn't go with `url`, which says it
        liftlock.yaml:3:13: `password` doesn't go with an SQLite database
        liftlock.yaml:3:9: `host` doesn't go with an SQLite database
        liftlock.yaml:2:3: expected `name`, the SQLite database's file
        liftlock.yaml:3:13: `ssl_mode` must be `disable`, `prefer`, `require`, `verify-ca` or `verify-full`
        liftlock.yaml:3:14: expected `true` or `false`
        liftlock.yaml:3:10: the part between `//` and the database's name can't be read
          hint: in a user or password write `@` as %40, `:` as %3A, `/` as %2F, `?` as %3F and `%` as %25; an IPv6 address goes in brackets; a port is a number from 1 to 65535
        liftlock.yaml:3:24: `${` is not followed by a variable's name and `}`
          hint: write `${NAME}` or `${NAME:-default}`; a literal `${` is written `$${`
        liftlock.yaml:2:14: expected a name that stands under `databases:`
        liftlock.yaml:3:17: expected a duration such as `250ms`, `2s`, `5min` or `1h`
        liftlock.yaml:3:17: expected a whole number, 0 or more
        liftlock.yaml:3:14: expected `timestamp` or `sequence`
        liftlock.yaml:3:23: expected `true` or `false`
        liftlock.yaml:2:13: expected a mapping of keys
        liftlock.yaml:2:12: mapping values are not allowed in this context
        liftlock.yaml:3:1: a second document begins here
        liftlock.yaml:1:1: expected a mapping of keys
        liftlock.yaml:1:1: expected a mapping of keys
        liftlock.yaml:4:37: unknown key
          hint: the keys here are `dir`, `layout`, `numbering`, `allow_out_of_order`, `lock_timeout`, `lock_retries`, `lock_wait`
        "#);
}

/// `text` with its commented lines that are examples (a key and a colon, not a sentence) uncommented, and their number.
fn uncommented(text: &str) -> (String, usize) {
    let mut examples = 0;
    let lines = text.lines().map(|line| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let Some(example) = rest.strip_prefix("# ") else { return line.to_owned() };
        let key = example.trim_start().split([':', ' ']).next().unwrap_or_default();
        let after = example.trim_start().strip_prefix(key).unwrap_or_default();
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if is_key && (after == ":" || after.starts_with(": ")) {
            examples += 1;
            format!("{indent}{example}")
        } else {
            line.to_owned()
        }
    });
    let lines: Vec<String> = lines.collect();
    (lines.join("\n") + "\n", examples)
}

#[test]
fn the_examples_in_the_comments_can_be_used() {
    let pairs = [("DB_PASSWORD", "x"), ("LIFTLOCK_PASSWORD", "x")];
    for (text, expected) in
        [(include_str!("../../../liftlock.yaml"), 18), (include_str!("../../../templates/init/liftlock.yaml"), 13)]
    {
        let (text, examples) = uncommented(text);
        assert_eq!(examples, expected, "{text}");
        for env in [None, Some("development"), Some("test"), Some("production")] {
            read(&text, env, &pairs).unwrap_or_else(|error| panic!("{error}\n{text}"));
        }
    }
}
