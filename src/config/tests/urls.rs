//! Tables of URLs, good and bad.

use std::fmt::Write;
use std::path::PathBuf;

use super::*;
use crate::Dialect;
use crate::config::{SqliteLocation, SqliteTarget};

fn sqlite(path: &str, read_only: bool, create: bool) -> Target {
    Target::Sqlite(SqliteTarget { location: SqliteLocation::File(PathBuf::from(path)), read_only, create })
}

#[test]
fn sqlite_urls_and_paths() {
    let memory = Target::Sqlite(SqliteTarget { location: SqliteLocation::Memory, read_only: false, create: true });
    for (text, expected) in [
        ("sqlite:app.db", sqlite("app.db", false, true)),
        ("sqlite3:app.db", sqlite("app.db", false, true)),
        ("SQLite:app.db", sqlite("app.db", false, true)),
        ("sqlite://app.db", sqlite("app.db", false, true)),
        ("sqlite://./data/app.db", sqlite("./data/app.db", false, true)),
        ("sqlite:/abs/app.db", sqlite("/abs/app.db", false, true)),
        ("sqlite:///abs/app.db", sqlite("/abs/app.db", false, true)),
        ("sqlite:a%20b%3f.db", sqlite("a b?.db", false, true)),
        ("sqlite:app.db?mode=ro", sqlite("app.db", true, false)),
        ("sqlite:app.db?mode=rw", sqlite("app.db", false, false)),
        ("sqlite:app.db?mode=rwc&", sqlite("app.db", false, true)),
        ("sqlite:app.db\n", sqlite("app.db", false, true)),
        ("sqlite::memory:", memory.clone()),
        ("sqlite://:memory:", memory.clone()),
        ("sqlite:x?mode=memory", memory.clone()),
        (":memory:", memory),
        ("app.db", sqlite("app.db", false, true)),
        ("./a:b@c", sqlite("./a:b@c", false, true)),
        ("~/app.db", sqlite("~/app.db", false, true)),
        ("/abs/100%25?mode=ro", sqlite("/abs/100%25?mode=ro", false, true)),
        (r"C:\data\app.db", sqlite(r"C:\data\app.db", false, true)),
        ("C:/data/app.db", sqlite("C:/data/app.db", false, true)),
        ("my app=1.db", sqlite("my app=1.db", false, true)),
    ] {
        assert_eq!(parse(text), expected, "{text}");
        assert_eq!(parse(text).dialect(), Dialect::Sqlite);
    }
    assert_eq!(parse("sqlite:data/app.db?mode=ro").to_string(), "sqlite:data/app.db");
    assert_eq!(parse("app.db").to_string(), "sqlite:app.db");
    assert_eq!(parse(":memory:").to_string(), "sqlite::memory:");
}

#[test]
fn what_is_refused_and_how() {
    let mut out = String::new();
    for text in [
        "",
        " ",
        "sqlite:",
        "sqlite://",
        "sqlite:100%.db",
        "sqlite:%00",
        "sqlite:a.db?mode=xy",
        "sqlite:a.db?cache=shared",
        "sqlite:a.db?ro",
        "mysql://root@localhost/app",
        "jdbc:postgresql://localhost/app",
        "file:app.db",
        "postgres:app",
        "host=localhost dbname=app",
        "postgres://host:70000/app",
        "postgres://[::1/app",
        "postgres://[]/app",
        "postgres://::1/app",
        "postgres://host/app?sslmode",
        "postgres://host/app?sslmode=maybe",
        "postgres://host/app?sslmode=allow",
        "postgres://host/app?sslcert=a.pem",
        "postgres://host/app?colour=red",
        "postgres://host/app?port=0",
        "postgres://host/app?connect_timeout=soon",
        "postgres://host/app?keepalives=2",
        "postgres://host/app?target_session_attrs=standby",
        "postgres://host/app?hostaddr=localhost",
        "postgres://host/app?client_encoding=latin1",
        "postgres://a,b,c/app?port=1,2",
        "postgres:///app?host=db:5433",
        "postgres://host/app?sslmode=require&sslrootcert=system",
        "postgres://host/app?sslmode=verify-ca",
        "postgres://h%zz/app",
        "postgres://host/app?ssl=1",
    ] {
        writeln!(out, "{text:?}\n  {}", shown(&refuse(text))).expect("written");
    }
    insta::assert_snapshot!(out, @r#"
        ""
          the database given: the value is empty
        " "
          the database given: the value is empty
        "sqlite:"
          the database given: the value is empty
        "sqlite://"
          the database given: the value is empty
        "sqlite:100%.db"
          the database given: the path is not valid percent-encoded text
          hint: a literal `%` is written `%25`
        "sqlite:%00"
          the database given: the path is not valid percent-encoded text
          hint: a literal `%` is written `%25`
        "sqlite:a.db?mode=xy"
          the database given: `mode` must be `ro`, `rw`, `rwc` or `memory`
        "sqlite:a.db?cache=shared"
          the database given: unknown parameter `cache`
          hint: parameters are written `?name=value&name=value`; in a value write `&` as %26
        "sqlite:a.db?ro"
          the database given: a parameter has no `=`
          hint: parameters are written `?name=value&name=value`; in a value write `&` as %26
        "mysql://root@localhost/app"
          the database given: unknown scheme `mysql`
          hint: known are `sqlite:` and `postgres://`; a file whose name has a colon is written `./name`
        "jdbc:postgresql://localhost/app"
          the database given: unknown scheme `jdbc`
          hint: known are `sqlite:` and `postgres://`; a file whose name has a colon is written `./name`
        "file:app.db"
          the database given: unknown scheme `file`
          hint: known are `sqlite:` and `postgres://`; a file whose name has a colon is written `./name`
        "postgres:app"
          the database given: a PostgreSQL URL begins with `postgres://`
          hint: for example `postgres://user@host:5432/name`
        "host=localhost dbname=app"
          the database given: this looks like a string of key=value pairs, which isn't read
          hint: write it as a URL: `postgres://user@host:5432/name`
        "postgres://host:70000/app"
          the database given: `port` must be a number from 1 to 65535
        "postgres://[::1/app"
          the database given: the part between `//` and the database's name can't be read
          hint: in a user or password write `@` as %40, `:` as %3A, `/` as %2F, `?` as %3F and `%` as %25; an IPv6 address goes in brackets; a port is a number from 1 to 65535
        "postgres://[]/app"
          the database given: the part between `//` and the database's name can't be read
          hint: in a user or password write `@` as %40, `:` as %3A, `/` as %2F, `?` as %3F and `%` as %25; an IPv6 address goes in brackets; a port is a number from 1 to 65535
        "postgres://::1/app"
          the database given: the part between `//` and the database's name can't be read
          hint: in a user or password write `@` as %40, `:` as %3A, `/` as %2F, `?` as %3F and `%` as %25; an IPv6 address goes in brackets; a port is a number from 1 to 65535
        "postgres://host/app?sslmode"
          the database given: a parameter has no `=`
          hint: parameters are written `?name=value&name=value`; in a value write `&` as %26
        "postgres://host/app?sslmode=maybe"
          the database given: `sslmode` must be `disable`, `prefer`, `require`, `verify-ca` or `verify-full`
        "postgres://host/app?sslmode=allow"
          the database given: `sslmode` must be `disable`, `prefer`, `require`, `verify-ca` or `verify-full`
        "postgres://host/app?sslcert=a.pem"
          the database given: parameter `sslcert` is not supported
        "postgres://host/app?colour=red"
          the database given: unknown parameter `colour`
          hint: parameters are written `?name=value&name=value`; in a value write `&` as %26
        "postgres://host/app?port=0"
          the database given: `port` must be a number from 1 to 65535
        "postgres://host/app?connect_timeout=soon"
          the database given: `connect_timeout` must be a number of seconds
        "postgres://host/app?keepalives=2"
          the database given: `keepalives` must be 0 or 1
        "postgres://host/app?target_session_attrs=standby"
          the database given: `target_session_attrs` must be `any`, `read-write` or `read-only`
        "postgres://host/app?hostaddr=localhost"
          the database given: `hostaddr` must be numeric addresses
        "postgres://host/app?client_encoding=latin1"
          the database given: `client_encoding` must be `UTF8`
        "postgres://a,b,c/app?port=1,2"
          the database given: 2 ports don't go with 3 hosts
        "postgres:///app?host=db:5433"
          the database given: `host` must be a host's name, an address or a socket's folder; `port` is a parameter of its own
        "postgres://host/app?sslmode=require&sslrootcert=system"
          the database given: sslmode `require` is too weak for sslrootcert `system`
          hint: use `verify-full`: anybody can get a certificate that the system's store trusts
        "postgres://host/app?sslmode=verify-ca"
          the database given: sslmode `verify-ca` needs a root certificate
          hint: name it with `sslrootcert`, or use `verify-full` to trust the system's store
        "postgres://h%zz/app"
          the database given: the host is not valid percent-encoded text
          hint: a literal `%` is written `%25`
        "postgres://host/app?ssl=1"
          the database given: `ssl` must be `true`; see `sslmode`
        "#);
}

/// Passwords with characters that end them early, and passwords in what is no URL of ours: whatever the error is,
/// it holds no piece of them.
#[test]
fn no_error_and_no_display_holds_a_password() {
    let templates = [
        "postgres://ada:{}@host:5432/app",
        "postgres://ada:{}@host:port/app",
        "postgres://ada:{}@host/app?colour=red",
        "postgres://ada:{}@[::1/app",
        "postgres://ada:{}@host/a%zz",
        "postgres://ada:{}@host/app?sslmode=maybe",
        "postgres://ada:{}",
        "postgres:ada:{}@host/app",
        "postgres://host/app?user=ada&password={}",
        "postgres://host/app?password={}&colour=red",
        "postgres://host/app?sslpassword={}",
        "mysql://root:{}@localhost/app",
        "jdbc:postgresql://localhost/app?password={}",
        "ada:{}@host/app",
        "my_user:{}@host:5432/app",
        "//my_user:{}@host:5432/app",
        "host=localhost password={} dbname=app",
        "sqlite:app.db?key={}",
        "sqlite:app.db?mode={}",
    ];
    // each is to be looked for in its pieces
    let passwords = [
        "hunter2",
        "hun@ter2",
        "hun/ter2",
        "hun#ter2",
        "hun%ter2",
        "hun?ter2",
        "hun:ter2",
        "hun&ter2",
        "hun&ter2=x",
        "hun?ter2=x/y",
        "1234/ter2",
        "1234?ter2=hun/x",
        "12,34/ter2",
        "hun ter2",
        "[hun]ter2",
        "hun\\ter2",
        "@hunter2",
        "/hunter2",
        "?hunter2",
    ];
    for template in templates {
        for password in passwords {
            // without a host of its own, this one is a good URL with a host after an `@`, or with a port and a name
            if template.ends_with("ada:{}") && (password.contains(['@', '1']) || password.starts_with('/')) {
                continue;
            }
            let url = template.replace("{}", password);
            let texts = match Target::parse(&url, &ada()) {
                Ok(target) => {
                    let plain = format!("{target:?}");
                    // the database's name and the path are shown; a password can't end up there
                    vec![target.to_string(), plain]
                }
                Err(error) => vec![shown(&error), format!("{error:?}")],
            };
            for text in texts {
                for piece in ["hun", "ter2", "1234", "12", "34"] {
                    if password.contains(piece) {
                        let url_without = template.replace("{}", "");
                        assert!(!text.contains(piece) || url_without.contains(piece), "{url}: {text}");
                    }
                }
            }
        }
    }
}
