//! PostgreSQL targets: URLs, libpq's defaults, TLS, password files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::config::{Host, HostAddress, PostgresTarget, RootCertificates, SslMode};

fn with(url: &str, pairs: &[(&str, &str)]) -> PostgresTarget {
    try_with(url, pairs).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn try_with(url: &str, pairs: &[(&str, &str)]) -> Result<PostgresTarget, ConfigError> {
    let mut all = vec![("USER", "ada")];
    all.extend(pairs);
    match Target::parse(url, &Environment::from_pairs(all))? {
        Target::Postgres(target) => Ok(target),
        other => panic!("{url} is {other}"),
    }
}

fn password(target: &PostgresTarget) -> Option<&str> {
    target.password.as_ref().map(|secret| secret.expose())
}

#[test]
fn urls_as_libpq_reads_them() {
    for (url, expected, secret) in [
        ("postgres://", "postgres://ada@localhost:5432/ada", None),
        ("postgres:///app", "postgres://ada@localhost:5432/app", None),
        ("postgresql://db/app", "postgres://ada@db:5432/app", None),
        ("Postgres://db/app\n", "postgres://ada@db:5432/app", None),
        ("postgres://bob:pw@db:5433/app", "postgres://bob@db:5433/app", Some("pw")),
        ("postgres://bob@db", "postgres://bob@db:5432/bob", None),
        ("postgres://:pw@db/", "postgres://ada@db:5432/ada", Some("pw")),
        ("postgres://b%40b:p%40%2F%3A%25@db/a%2Fb", "postgres://b%40b@db:5432/a%2Fb", Some("p@/:%")),
        ("postgres://bob:p?w#d@db/app", "postgres://bob@db:5432/app", Some("p?w#d")),
        ("postgres://[::1]:5433/app", "postgres://ada@[::1]:5433/app", None),
        ("postgres://[fe80::1%25eth0]/app", "postgres://ada@[fe80::1%25eth0]:5432/app", None),
        ("postgres://a:1,b:2,[::1]:3/app", "postgres://ada@a:1,b:2,[::1]:3/app", None),
        ("postgres://a,b:2/app", "postgres://ada@a:5432,b:2/app", None),
        ("postgres://:5433/app", "postgres://ada@localhost:5433/app", None),
        ("postgres://%2Frun%2Fpg/app", "postgres://ada@/app?host=/run/pg", None),
        ("postgres:///app?host=/run/pg&port=5433", "postgres://ada@/app?host=/run/pg&port=5433", None),
        ("postgres://x/y?host=db&dbname=app&user=bob&password=a%26b", "postgres://bob@db:5432/app", Some("a&b")),
        ("postgres://a,b/app?port=5433", "postgres://ada@a:5433,b:5433/app", None),
        ("postgres://db?dbname=app", "postgres://ada@db:5432/app", None),
        ("postgres:///app?hostaddr=10.0.0.1", "postgres://ada@10.0.0.1:5432/app", None),
        ("postgres://db/caf%C3%A9", "postgres://ada@db:5432/café", None),
    ] {
        let target = with(url, &[]);
        assert_eq!(target.to_string(), expected, "{url}");
        assert_eq!(password(&target), secret, "{url}");
        // what is printed names the same database
        let again = with(&target.to_string(), &[]);
        assert_eq!((&again.hosts, &again.dbname, &again.user), (&target.hosts, &target.dbname, &target.user), "{url}");
    }
}

#[test]
fn parameters_reach_the_driver_by_its_names() {
    let target = with(
        "postgres://db/app?options=-c%20work_mem%3D1MB&application_name=x&connect_timeout=7&keepalives=0\
         &keepalives_count=3&tcp_user_timeout=1500&target_session_attrs=read-write&channel_binding=require\
         &load_balance_hosts=random&sslnegotiation=postgres&hostaddr=10.0.0.1&client_encoding=UTF8&ssl=true",
        &[],
    );
    assert_eq!(target.options.as_deref(), Some("-c work_mem=1MB"));
    assert_eq!(target.application_name, "x");
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(7)));
    assert_eq!(target.sslmode, SslMode::Require);
    let parameters: Vec<String> = target.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        parameters.join(" "),
        "channel_binding=require hostaddr=10.0.0.1 keepalives=0 keepalives_retries=3 load_balance_hosts=random \
         sslnegotiation=postgres target_session_attrs=read-write tcp_user_timeout=2"
    );
    // the driver takes them all
    let read: Result<::postgres::Config, _> = format!("host=db {}", parameters.join(" ")).parse();
    assert!(read.is_ok(), "{read:?}");
    assert_eq!(with("postgres://db/app?connect_timeout=0", &[]).connect_timeout, None);
}

#[test]
fn the_environment_fills_in_what_is_not_given() {
    let all = [
        ("PGHOST", "pg.example"),
        ("PGPORT", "6000"),
        ("PGUSER", "bob"),
        ("PGDATABASE", "shop"),
        ("PGPASSWORD", "pw"),
        ("PGSSLMODE", "disable"),
        ("PGAPPNAME", "job"),
        ("PGOPTIONS", "-c a=b"),
        ("PGCONNECT_TIMEOUT", "3"),
    ];
    let target = with("postgres://", &all);
    assert_eq!(target.to_string(), "postgres://bob@pg.example:6000/shop");
    assert_eq!(password(&target), Some("pw"));
    assert_eq!(target.sslmode, SslMode::Disable);
    assert_eq!(target.application_name, "job");
    assert_eq!(target.options.as_deref(), Some("-c a=b"));
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(3)));

    let target = with("postgres://eve:x@db:1/app?sslmode=require&application_name=y", &all);
    assert_eq!(target.to_string(), "postgres://eve@db:1/app");
    assert_eq!(password(&target), Some("x"));
    assert_eq!((target.sslmode, target.application_name.as_str()), (SslMode::Require, "y"));

    // one port serves all hosts; with a list of hosts in the URL its elements have their own
    assert_eq!(
        with("postgres:///app", &[("PGHOST", "a,b"), ("PGPORT", "7")]).to_string(),
        "postgres://ada@a:7,b:7/app"
    );
    assert_eq!(with("postgres://db/app", &[("PGPORT", "7")]).to_string(), "postgres://ada@db:7/app");

    let nobody = Target::parse("postgres://db", &Environment::default()).expect("read");
    assert_eq!(nobody.to_string(), "postgres://db:5432");

    let error = try_with("postgres://db/app", &[("PGPORT", "many")]).expect_err("no number");
    assert_eq!(origin(&error), &Origin::Variable("PGPORT".to_owned()));
    assert_eq!(error.to_string(), "`PGPORT`: `port` must be a number from 1 to 65535");
}

#[test]
fn without_a_host_the_servers_socket_is_looked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for path in [&first, &second] {
        std::fs::create_dir(path).expect("created");
    }
    std::fs::write(second.join(".s.PGSQL.5432"), "").expect("written");
    let environment = ada().with_socket_folders(vec![first, second.clone()]);
    let hosts = |url: &str| match Target::parse(url, &environment).expect(url) {
        Target::Postgres(target) => target.hosts,
        Target::Sqlite(_) => panic!("{url}"),
    };
    assert_eq!(hosts("postgres:///app"), [Host { address: HostAddress::Socket(second), port: 5432 }]);
    let localhost = HostAddress::Tcp("localhost".to_owned());
    assert_eq!(hosts("postgres://:5433/app"), [Host { address: localhost, port: 5433 }]);
}

#[test]
fn tls_modes_and_root_certificates() {
    use RootCertificates::{File, System};
    let home = tempfile::tempdir().expect("a folder");
    let bare = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join(".postgresql")).expect("created");
    let default = home.path().join(".postgresql/root.crt");
    std::fs::write(&default, "").expect("written");
    let named = || Some(File(PathBuf::from("ca.pem")));
    let by_default = || Some(File(default.clone()));
    for (query, has_default, mode, root) in [
        ("", true, SslMode::Prefer, None),
        ("sslmode=disable", true, SslMode::Disable, None),
        ("sslmode=require", false, SslMode::Require, None),
        ("sslmode=require", true, SslMode::VerifyCa, by_default()),
        ("sslmode=require&sslrootcert=ca.pem", false, SslMode::VerifyCa, named()),
        ("sslmode=verify-ca", true, SslMode::VerifyCa, by_default()),
        ("sslmode=verify-ca&sslrootcert=ca.pem", true, SslMode::VerifyCa, named()),
        ("sslmode=verify-full", false, SslMode::VerifyFull, Some(System)),
        ("sslmode=verify-full", true, SslMode::VerifyFull, by_default()),
        ("sslrootcert=system", true, SslMode::VerifyFull, Some(System)),
        ("sslrootcert=ca.pem", true, SslMode::Prefer, None),
        ("host=/run/pg&sslmode=verify-ca", false, SslMode::VerifyCa, None),
    ] {
        let folder = if has_default { &home } else { &bare };
        let target = with(&format!("postgres://db/app?{query}"), &[("HOME", &folder.path().to_string_lossy())]);
        assert_eq!((target.sslmode, target.sslrootcert), (mode, root), "{query} {has_default}");
    }
    let target = with("postgres://db/app?sslmode=verify-full", &[("PGSSLROOTCERT", "env.pem")]);
    assert_eq!(target.sslrootcert, Some(File(PathBuf::from("env.pem"))));
}

#[cfg(unix)]
#[test]
fn the_password_file_is_asked_last() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().expect("a folder");
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).expect("written");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("set");
        path.to_string_lossy().into_owned()
    };
    write(&home.path().join(".pgpass"), "db:5432:app:ada:home\nlocalhost:*:*:*:local\n/run/pg:5432:*:*:socket\n");
    let other = write(&home.path().join("other"), "*:*:*:*:other\n");
    let home = home.path().to_string_lossy();
    let home = ("HOME", home.as_ref());
    for (url, pairs, expected) in [
        ("postgres://db/app", vec![home], Some("home")),
        ("postgres://ada:url@db/app", vec![home], Some("url")),
        ("postgres://db/app", vec![home, ("PGPASSWORD", "variable")], Some("variable")),
        ("postgres://db/app", vec![home, ("PGPASSWORD", "")], Some("home")),
        ("postgres://db/app", vec![home, ("PGPASSFILE", other.as_str())], Some("other")),
        ("postgres://db/elsewhere", vec![home], None),
        ("postgres:///app", vec![home], Some("local")),
        ("postgres:///app?host=/var/run/postgresql", vec![home], Some("local")),
        ("postgres:///app?host=/run/pg", vec![home], Some("socket")),
    ] {
        assert_eq!(password(&with(url, &pairs)), expected, "{url}");
    }
    assert_eq!(password(&with(&format!("postgres://db/app?passfile={other}"), &[home])), Some("other"));
}

#[test]
fn what_a_target_prints_has_no_password() {
    let target = parse("postgres://bob:hunter2@db/app?sslmode=disable");
    assert!(!format!("{target:?} {target}").contains("hunter2"), "{target:?}");
    assert_eq!(target.redact("authentication of bob with hunter2 failed"), "authentication of bob with *** failed");
}
