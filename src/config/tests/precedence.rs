//! What beats what.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::config::{Numbering, Overrides, Settings, resolve, resolve_without_target};

const FILE: &str = "\
database: sqlite:top.db
databases:
  development: sqlite:dev.db
  production:
    url: sqlite:prod.db
    migrations:
      lock_timeout: 1s
      dir: prod-migrations
  guarded:
    type: sqlite
    name: guarded.db
    protected: true
  open:
    url: sqlite:open.db
    protected: ${OPEN:-no}
migrations:
  dir: db
  numbering: sequence
  lock_timeout: 2s
  lock_retries: 3
";

fn project(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("liftlock.yaml"), text).expect("written");
    folder
}

fn settle(text: &str, overrides: &Overrides, pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let folder = project(text);
    resolve(overrides, &Environment::from_pairs(pairs.iter().copied()), folder.path())
}

/// The name of the database's file, and where it was named.
fn chosen(settings: &Settings) -> (String, String) {
    let target = settings.target.to_string();
    let source = settings.target_source.to_string();
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    (last(&target), last(&source))
}

#[test]
fn flag_then_environment_then_file() {
    let database = |text: &str| Overrides { database: Some(text.to_owned()), ..Overrides::default() };
    let env = |text: &str| Overrides { env: Some(text.to_owned()), ..Overrides::default() };
    let both = Overrides { env: Some("production".to_owned()), ..database("flag.db") };
    let all = [("LIFTLOCK_DATABASE", "lift.db"), ("LIFTLOCK_ENV", "development"), ("DATABASE_URL", "sqlite:url.db")];
    let default_env = FILE.replace("databases:", "default_env: development\ndatabases:");
    for (text, overrides, pairs, expected, env_name) in [
        (FILE, database("flag.db"), &all[..], ("flag.db", "`--database`"), None),
        (FILE, both.clone(), &all, ("flag.db", "`--database`"), None),
        (FILE, env("production"), &all, ("prod.db", "liftlock.yaml:5:10"), Some("production")),
        (FILE, Overrides::default(), &all, ("lift.db", "`LIFTLOCK_DATABASE`"), None),
        (FILE, Overrides::default(), &all[1..], ("dev.db", "liftlock.yaml:3:16"), Some("development")),
        (FILE, Overrides::default(), &all[2..], ("sqlite:url.db", "`DATABASE_URL`"), None),
        (FILE, Overrides::default(), &[("DATABASE_URL", "")], ("top.db", "liftlock.yaml:1:11"), None),
        (&default_env, Overrides::default(), &[], ("dev.db", "liftlock.yaml:4:16"), Some("development")),
    ] {
        let settings = settle(text, &overrides, pairs).expect("resolved");
        let (file, source) = chosen(&settings);
        assert_eq!(
            (file.trim_start_matches("sqlite:"), source.as_str()),
            (expected.0.trim_start_matches("sqlite:"), expected.1)
        );
        assert_eq!(settings.project.env_name.as_deref(), env_name, "{expected:?}");
    }
    let warnings = settle(FILE, &both, &[]).expect("resolved").project.warnings;
    assert_eq!(warnings, ["`--env production` is ignored: `--database` names the database"]);
}

#[test]
fn every_flag_has_a_variable_and_a_place_in_the_file() {
    let env = |name: &str| Overrides { env: Some(name.to_owned()), ..Overrides::default() };
    let migrations = |overrides: &Overrides, pairs: &[(&str, &str)]| {
        settle(FILE, overrides, pairs).expect("resolved").project.migrations
    };
    let from_file = migrations(&Overrides::default(), &[]);
    assert!(from_file.dir.ends_with("db"), "{from_file:?}");
    assert_eq!(from_file.numbering, Some(Numbering::Sequence));
    assert_eq!((from_file.lock_timeout, from_file.lock_retries), (Duration::from_secs(2), 3));
    assert_eq!((from_file.layout, from_file.lock_wait, from_file.allow_out_of_order), (None, None, false));

    let production = migrations(&env("production"), &[]);
    assert!(production.dir.ends_with("prod-migrations"), "{production:?}");
    assert_eq!((production.lock_timeout, production.lock_retries), (Duration::from_secs(1), 3));

    let variables = [
        ("LIFTLOCK_DIR", "elsewhere"),
        ("LIFTLOCK_LAYOUT", "goose"),
        ("LIFTLOCK_NUMBERING", "timestamp"),
        ("LIFTLOCK_ALLOW_OUT_OF_ORDER", "true"),
        ("LIFTLOCK_LOCK_TIMEOUT", "250ms"),
        ("LIFTLOCK_LOCK_RETRIES", "0"),
        ("LIFTLOCK_LOCK_WAIT", "10min"),
    ];
    let from_variables = migrations(&env("production"), &variables);
    assert!(from_variables.dir.ends_with("elsewhere"));
    assert_eq!(from_variables.layout.as_deref(), Some("goose"));
    assert_eq!(from_variables.numbering, Some(Numbering::Timestamp));
    assert!(from_variables.allow_out_of_order);
    assert_eq!((from_variables.lock_timeout, from_variables.lock_retries), (Duration::from_millis(250), 0));
    assert_eq!(from_variables.lock_wait, Some(Duration::from_secs(600)));

    let flags = Overrides {
        dir: Some("/abs".into()),
        layout: Some("auto".to_owned()),
        numbering: Some(Numbering::Sequence),
        allow_out_of_order: Some(false),
        lock_timeout: Some(Duration::from_secs(u64::MAX)),
        lock_retries: Some(9),
        lock_wait: Some(Duration::ZERO),
        ..Overrides::default()
    };
    let from_flags = migrations(&flags, &variables);
    assert_eq!(from_flags.dir, PathBuf::from("/abs"));
    assert_eq!((from_flags.layout, from_flags.numbering), (None, Some(Numbering::Sequence)));
    assert!(!from_flags.allow_out_of_order);
    assert_eq!(from_flags.lock_timeout.as_millis(), 2_147_483_647, "the longest that PostgreSQL takes");
    assert_eq!((from_flags.lock_retries, from_flags.lock_wait), (9, Some(Duration::ZERO)));

    let error = settle(FILE, &Overrides::default(), &[("LIFTLOCK_LOCK_WAIT", "10")]).expect_err("no unit");
    assert_eq!(error.to_string(), "`LIFTLOCK_LOCK_WAIT`: expected a duration such as `250ms`, `2s`, `5min` or `1h`");
}

#[test]
fn defaults_without_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = Environment::from_pairs([("NO_COLOR", "1"), ("USER", "ada"), ("HOSTNAME", "box")]);
    let project = resolve_without_target(&Overrides::default(), &environment, folder.path()).expect("resolved");
    assert_eq!(project.config_file, None);
    assert_eq!(project.migrations.dir, folder.path().join("migrations"));
    assert_eq!(project.migrations.numbering, None, "as the folder's migrations are");
    assert_eq!(project.migrations.lock_timeout, Duration::from_secs(5));
    assert_eq!((project.migrations.lock_retries, project.migrations.lock_wait), (10, None));
    assert_eq!(
        (project.no_color, project.os_user.as_deref(), project.host.as_deref()),
        (true, Some("ada"), Some("box"))
    );
    assert!(project.warnings.is_empty());

    let error = resolve(&Overrides::default(), &environment, folder.path()).expect_err("nothing names a database");
    insta::assert_snapshot!(shown(&error), @r#"
        no database is named
          hint: give `--database URL`, set `DATABASE_URL`, or write `database: URL` in liftlock.yaml (`liftlock init`)
        "#);
    let env = Overrides { env: Some("production".to_owned()), ..Overrides::default() };
    let error = resolve(&env, &environment, folder.path()).expect_err("no file");
    insta::assert_snapshot!(shown(&error), @r#"
        `--env`: there is no liftlock.yaml to look database `production` up in
          hint: run where liftlock.yaml is, or name it with `--config FILE`
        "#);

    std::fs::write(folder.path().join("liftlock.yml"), "").expect("written");
    let project = resolve_without_target(&Overrides::default(), &environment, folder.path()).expect("resolved");
    assert_eq!(project.warnings, ["`liftlock.yml` is not read: the file's name is `liftlock.yaml`"]);
}

#[test]
fn a_file_can_be_named_and_its_paths_start_from_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let conf = folder.path().join("conf");
    std::fs::create_dir(&conf).expect("created");
    std::fs::write(conf.join("lift.yaml"), "database: sqlite:app.db\nmigrations: { dir: ../sql }\n").expect("written");
    let named = Overrides { config: Some("conf/lift.yaml".into()), ..Overrides::default() };
    let settings = resolve(&named, &Environment::default(), folder.path()).expect("resolved");
    assert_eq!(settings.target.to_string(), format!("sqlite:{}", conf.join("app.db").display()));
    assert_eq!(settings.project.migrations.dir, conf.join("../sql"));
    assert_eq!(settings.project.config_file, Some(conf.join("lift.yaml")));

    // by the environment; a flag's paths start from the working folder all the same
    let environment = Environment::from_pairs([("LIFTLOCK_CONFIG", "conf/lift.yaml")]);
    let flags = Overrides { database: Some("x.db".to_owned()), dir: Some("m".into()), ..Overrides::default() };
    let settings = resolve(&flags, &environment, folder.path()).expect("resolved");
    assert_eq!(settings.target.to_string(), format!("sqlite:{}", folder.path().join("x.db").display()));
    assert_eq!(settings.project.migrations.dir, folder.path().join("m"));

    let missing = Overrides { config: Some("none.yaml".into()), ..Overrides::default() };
    let error = resolve(&missing, &Environment::default(), folder.path()).expect_err("missing");
    assert!(error.to_string().ends_with("none.yaml`"), "{error}");
    // no working folder: paths stay as they were written
    let flags = Overrides { database: Some("sqlite:x.db".to_owned()), ..missing };
    let error = resolve(&flags, &Environment::default(), Path::new("")).expect_err("missing");
    insta::assert_snapshot!(shown(&error), @r"
        `--config`: there is no such file, `none.yaml`
          hint: name a file that is there; without `--config`, `liftlock.yaml` is read where there is one (`liftlock init` writes it)
        ");
    let environment = Environment::from_pairs([("LIFTLOCK_CONFIG", "none.yaml")]);
    let error = resolve(&Overrides::default(), &environment, folder.path()).expect_err("missing");
    assert!(error.to_string().starts_with("`LIFTLOCK_CONFIG`: there is no such file"), "{error}");
}

#[test]
fn production_is_protected_unless_the_file_says_otherwise() {
    let protected = |env: &str, pairs: &[(&str, &str)]| {
        let overrides = Overrides { env: Some(env.to_owned()), ..Overrides::default() };
        settle(FILE, &overrides, pairs).expect("resolved").protected
    };
    assert!(!protected("development", &[]));
    assert!(protected("production", &[]));
    assert!(protected("guarded", &[]));
    assert!(!protected("open", &[]));
    assert!(protected("open", &[("OPEN", "yes")]));
}

#[test]
fn a_name_that_is_not_there() {
    let folder = project(FILE);
    let environment = Environment::from_pairs([("LIFTLOCK_ENV", "prodution")]);
    let error = resolve(&Overrides::default(), &environment, folder.path()).expect_err("no such name");
    let text = shown(&error).replace(&*folder.path().to_string_lossy(), "");
    insta::assert_snapshot!(text, @r#"
        `LIFTLOCK_ENV`: `/liftlock.yaml` has no database `prodution`
          hint: did you mean `production`?
        "#);
    let folder = project("databases: { a: sqlite:a.db, b: sqlite:b.db }\n");
    let error = resolve(&Overrides::default(), &Environment::default(), folder.path()).expect_err("no choice");
    insta::assert_snapshot!(shown(&error), @r#"
        no database is named
          hint: choose one with `--env`: `a`, `b`
        "#);
}
