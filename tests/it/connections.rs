//! Ways to a server: TLS in every mode, passwords from every place, sockets, options.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use crate::support::{Project, TestDatabase, server};

/// A program of PostgreSQL's: the private server's own, else the one that is found.
pub fn postgres_program(name: &str) -> Command {
    let programs = server().private.as_ref().map(|private| private.programs.clone());
    let mut folders: Vec<PathBuf> = programs.into_iter().collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.filter_map(Result::ok).map(|version| version.path().join("bin")));
    }
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.exists());
    Command::new(found.as_deref().unwrap_or(Path::new(name)))
}

const PASSWORD: &str = "p:ä ss@w/rd%";
const IN_URL: &str = "p%3A%C3%A4%20ss%40w%2Frd%25";

/// A server that asks for passwords, and speaks TLS with a certificate for `localhost`.
struct Guarded {
    folder: PathBuf,
    port: u16,
    /// The server ends when this one's stdin closes.
    _keeper: Child,
}

/// The server, or `None` where a program that it needs is missing, which is said.
fn guarded() -> Option<&'static Guarded> {
    static GUARDED: OnceLock<Option<Guarded>> = OnceLock::new();
    GUARDED
        .get_or_init(|| {
            if Command::new("openssl").arg("version").output().is_err() {
                println!("not tested: `openssl` is missing");
                return None;
            }
            let Some(private) = &server().private else {
                println!("not tested: LIFTLOCK_TEST_POSTGRES names a server, and this needs one of its own");
                return None;
            };
            Some(Guarded::start(&private.programs))
        })
        .as_ref()
}

impl Guarded {
    fn start(programs: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("liftlock-tls-").tempdir().unwrap().keep();
        let (at, bin) = (folder.display(), programs.display());
        let make = format!(
            "set -e; cd {at}
             ec='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
             for ca in ca other; do
               openssl req -x509 $ec -days 2 -subj /CN=liftlock-$ca -addext basicConstraints=critical,CA:TRUE -keyout $ca.key -out $ca.crt
             done
             openssl req $ec -subj /CN=localhost -keyout server.key -out server.csr
             openssl req -x509 -key server.key -days 2 -subj /CN=localhost -addext basicConstraints=critical,CA:TRUE \
               -addext subjectAltName=DNS:localhost -out self.crt
             echo subjectAltName=DNS:localhost >san
             (cat san; echo basicConstraints=critical,CA:TRUE) >ca.ext
             openssl x509 -req -in server.csr -signkey server.key -days -1 -extfile ca.ext -out expired.crt
             openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.crt
             chmod 600 server.key
             printf %s '{PASSWORD}' >password
             cat >hba <<'END'
local all postgres trust
local all all scram-sha-256
hostssl all tls_only all scram-sha-256
hostnossl all tls_only all reject
host all all all scram-sha-256
END
             [ $(id -u) != 0 ] || chown -R postgres {at}"
        );
        let ran = Command::new("sh").args(["-c", &make]).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let serve = format!(
            "cd {at}; {bin}/initdb -D data -A scram-sha-256 --pwfile=password -U postgres --no-sync --locale=C.UTF-8 >initdb.log
             echo ssl = on >>data/postgresql.conf
             {bin}/postgres -D data -k {at} -p {port} -c listen_addresses=localhost -c fsync=off -c hba_file={at}/hba \
               -c ssl_cert_file={at}/server.crt -c ssl_key_file={at}/server.key >log 2>&1 & server=$!
             cat >/dev/null; kill -INT $server; wait $server; rm -rf {at}"
        );
        let id = Command::new("id").arg("-u").output().unwrap();
        let mut command = if id.stdout.starts_with(b"0\n") {
            let mut command = Command::new("su");
            command.args(["postgres", "-s", "/bin/sh", "-c", &serve]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", &serve]);
            command
        };
        let keeper = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let guarded = Self { folder, port, _keeper: keeper };
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut client = loop {
            match Client::connect(&guarded.admin(), NoTls) {
                Ok(client) => break client,
                Err(error) => {
                    let log = std::fs::read_to_string(guarded.folder.join("log")).unwrap_or_default();
                    assert!(Instant::now() < deadline, "the server does not answer: {error}\n{log}");
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        };
        for role in ["tls_only", "app"] {
            client.batch_execute(&format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")).unwrap();
        }
        for database in ["tls", "app"] {
            client.batch_execute(&format!("CREATE DATABASE {database}")).unwrap();
        }
        guarded
    }

    fn admin(&self) -> String {
        format!("postgres://postgres@/postgres?host={}&port={}", self.folder.display(), self.port)
    }

    /// A URL for `user` (with a password or without) by the server's name or address.
    fn url(&self, user: &str, host: &str, rest: &str) -> String {
        format!("postgres://{user}@{host}:{}/{rest}", self.port)
    }

    /// Has the server read its settings and its certificate again.
    fn reload(&self) {
        let ask = |query: &str| -> String {
            Client::connect(&self.admin(), NoTls).unwrap().query_one(query, &[]).unwrap().get(0)
        };
        let read_at = || ask("SELECT pg_conf_load_time()::text");
        let before = read_at();
        ask("SELECT pg_reload_conf()::text");
        let deadline = Instant::now() + Duration::from_secs(30);
        while read_at() == before {
            assert!(Instant::now() < deadline, "the server does not read its settings");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn certificate(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

#[test]
fn tls_is_what_the_mode_says() {
    let Some(guarded) = guarded() else { return };
    let project = Project::new().migration(
        "V1__how",
        "CREATE TABLE how AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();",
        "DROP TABLE how;",
    );
    let (ca, other) = (guarded.certificate("ca.crt"), guarded.certificate("other.crt"));
    let url = |user: &str, host: &str, parameters: &str| {
        guarded.url(&format!("{user}:{IN_URL}"), host, &format!("tls?connect_timeout=10&{parameters}"))
    };
    // whether the connection was encrypted, as the server saw it
    let encrypted = |url: &str| {
        project.run(&["up", "-d", url]).ok();
        let mut client = Client::connect(&guarded.admin().replacen("/postgres?", "/tls?", 1), NoTls).unwrap();
        let ssl: bool = client.query_one("SELECT ssl FROM how", &[]).unwrap().get(0);
        project.run(&["down", "-d", url]).ok();
        ssl
    };
    let refused = |url: &str, why: &str| {
        let ran = project.run(&["up", "-d", url]).exits(3);
        assert!(ran.stderr.to_lowercase().contains(why), "{url}: {}", ran.stderr);
    };
    assert!(!encrypted(&url("app", "localhost", "sslmode=disable")));
    assert!(encrypted(&url("app", "localhost", "")), "prefer is the default");
    assert!(encrypted(&url("app", "localhost", "sslmode=prefer")));
    assert!(encrypted(&url("tls_only", "127.0.0.1", "sslmode=require")));
    refused(&url("tls_only", "localhost", "sslmode=disable"), "pg_hba.conf");
    for (host, mode, root, why) in [
        ("localhost", "verify-ca", &ca, ""),
        ("127.0.0.1", "verify-ca", &ca, ""),
        ("localhost", "verify-full", &ca, ""),
        ("127.0.0.1", "verify-full", &ca, "not valid for name"),
        ("localhost", "verify-ca", &other, "unknownissuer"),
        ("localhost", "verify-full", &other, "unknownissuer"),
        // as libpq: a root certificate makes `require` verify it
        ("localhost", "require", &ca, ""),
        ("localhost", "require", &other, "unknownissuer"),
    ] {
        let url = url("tls_only", host, &format!("sslmode={mode}&sslrootcert={root}"));
        if why.is_empty() {
            assert!(encrypted(&url), "{url}");
        } else {
            refused(&url, why);
        }
    }
    // the system knows nothing of this authority
    refused(&url("app", "localhost", "sslmode=verify-full"), "unknownissuer");
    refused(&url("app", "localhost", "sslrootcert=system"), "unknownissuer");
    refused(&url("app", "localhost", "sslmode=verify-ca&sslrootcert=nowhere.crt"), "nowhere.crt");
    project.write("empty.crt", "no certificate\n");
    refused(&url("app", "localhost", "sslmode=verify-ca&sslrootcert=empty.crt"), "empty.crt");
    project.run(&["up", "-d", &url("app", "localhost", "sslmode=verify-ca")]).exits(2).says("sslrootcert");
    project.run(&["up", "-d", &url("app", "localhost", "sslmode=require&sslrootcert=system")]).exits(2);
    // libpq's own place for the certificate
    project.write(".postgresql/root.crt", &std::fs::read_to_string(&ca).unwrap());
    assert!(encrypted(&url("app", "127.0.0.1", "sslmode=verify-ca")));
    project.write(".postgresql/root.crt", &std::fs::read_to_string(&other).unwrap());
    refused(&url("app", "localhost", "sslmode=verify-full"), "unknownissuer");
    project.remove(".postgresql/root.crt");
    // a certificate that has signed itself, as PostgreSQL's manual makes one, is its own authority
    let own = guarded.certificate("self.crt");
    let both = project.path("both.crt");
    std::fs::write(&both, [&ca, &own].map(|path| std::fs::read_to_string(path).unwrap()).concat()).unwrap();
    std::fs::copy(&own, guarded.certificate("server.crt")).unwrap();
    guarded.reload();
    for (host, mode, root, why) in [
        ("localhost", "verify-ca", own.as_str(), ""),
        ("127.0.0.1", "verify-ca", &own, ""),
        ("localhost", "verify-full", &own, ""),
        ("localhost", "verify-full", both.to_str().unwrap(), ""),
        ("127.0.0.1", "verify-full", &own, "not valid for name"),
        ("localhost", "verify-ca", &ca, "certificate"),
        ("localhost", "verify-full", &ca, "certificate"),
    ] {
        let url = url("tls_only", host, &format!("sslmode={mode}&sslrootcert={root}"));
        if why.is_empty() {
            assert!(encrypted(&url), "{url}");
        } else {
            refused(&url, why);
        }
    }
    let expired = guarded.certificate("expired.crt");
    std::fs::copy(&expired, guarded.certificate("server.crt")).unwrap();
    guarded.reload();
    refused(&url("tls_only", "localhost", &format!("sslmode=verify-ca&sslrootcert={expired}")), "expired");
    // a server without TLS
    let mut admin = Client::connect(&guarded.admin(), NoTls).unwrap();
    admin.batch_execute("ALTER SYSTEM SET ssl = off").unwrap();
    guarded.reload();
    assert!(!encrypted(&url("app", "localhost", "sslmode=prefer")));
    refused(&url("app", "localhost", "sslmode=require"), "tls");
    refused(&url("app", "localhost", &format!("sslmode=verify-full&sslrootcert={ca}")), "tls");
}

#[test]
fn a_password_is_found_in_every_place() {
    let Some(guarded) = guarded() else { return };
    let migration = |project: Project| project.migration("V1__one", "SELECT 1;", "SELECT 1;");
    let (with, without) =
        (guarded.url(&format!("app:{IN_URL}"), "localhost", "app"), guarded.url("app", "localhost", "app"));
    let up = |project: Project, url: &str| migration(project).run(&["up", "-d", url]);
    up(Project::new(), &with).ok();
    up(Project::new(), &without).exits(3).says("PGPASSWORD");
    up(Project::new().env("PGPASSWORD", PASSWORD), &without).ok();
    up(Project::new().env("PGPASSWORD", "wrong"), &with).ok();
    up(Project::new().env("PGPASSWORD", "wrong-Zq"), &without).exits(3).says("28P01").says("the password is wrong");
    up(Project::new(), &format!("{without}?password={IN_URL}")).ok();
    // a socket asks, too
    let socket = format!("postgres://app@/app?host={}&port={}", guarded.folder.display(), guarded.port);
    up(Project::new(), &socket).exits(3);
    up(Project::new().env("PGPASSWORD", PASSWORD), &socket).ok();
    let escaped = PASSWORD.replace(':', "\\:");
    let line = format!("# ours\nlocalhost:{}:*:app:{escaped}\n", guarded.port);
    let passfile = |name: &str, mode: u32| {
        let project = Project::new().file(name, &line);
        std::fs::set_permissions(project.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
        project
    };
    up(passfile(".pgpass", 0o600), &without).ok();
    // as libpq: a file that others can read is not used, which is said
    up(passfile(".pgpass", 0o644), &without).exits(3).says(".pgpass");
    up(passfile("elsewhere", 0o600).env("PGPASSFILE", "elsewhere"), &without).ok();
    up(passfile("elsewhere", 0o600), &format!("{without}?passfile=elsewhere")).ok();
    up(passfile(".pgpass", 0o600), &guarded.url("app", "127.0.0.1", "app")).exits(3);
    let yaml = format!(
        "databases:\n  keys:\n    type: postgres\n    host: localhost\n    port: {}\n    name: app\n    user: app\n    \
         password: ${{APP_PASSWORD}}\n    ssl_mode: prefer\n",
        guarded.port
    );
    let project = migration(Project::new().file("liftlock.yaml", &yaml).env("APP_PASSWORD", PASSWORD));
    let ran = project.run(&["up", "--env", "keys", "-vv"]).ok();
    assert!(!ran.stderr.contains(PASSWORD) && !ran.stdout.contains(PASSWORD), "{ran:?}");
    // what no program can know is asked of the environment as libpq does
    let project = migration(Project::new())
        .env("PGHOST", "localhost")
        .env("PGPORT", &guarded.port.to_string())
        .env("PGUSER", "app")
        .env("PGDATABASE", "app")
        .env("PGPASSWORD", PASSWORD);
    project.run(&["up", "-d", "postgres://"]).ok();
}

#[test]
fn options_choose_the_schema() {
    let database = TestDatabase::postgres();
    database.execute("CREATE SCHEMA app; CREATE SCHEMA other;");
    let project = Project::new().migration("V1__one", "CREATE TABLE one (id int);", "DROP TABLE one;");
    let of = |schema: &str| format!("{}&options=-csearch_path%3D{schema}", database.url);
    project.run(&["up", "-d", &of("app")]).ok();
    project.run(&["up", "-d", &of("other")]).ok().prints("applied V1__one");
    project.run(&["up", "-d", &of("app")]).ok().prints("nothing to do");
    let tables = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE tablename IN ('one', 'schema_migrations') ORDER BY 1";
    assert_eq!(database.query(tables), ["app.one", "app.schema_migrations", "other.one", "other.schema_migrations"]);
    // a table of this name further down the search path is not this schema's
    let both = of("fresh,app");
    database.execute("CREATE SCHEMA fresh");
    project.run(&["status", "-d", &both]).ok().prints("pending");
    project.run(&["up", "-d", &both]).ok().prints("applied V1__one");
    project.run(&["down", "-d", &both]).ok();
    project.run(&["check", "-d", &of("app")]).ok();
    project.run(&["up", "-d", &of("absent")]).exits(3).says("no schema");
    project.run(&["up", "-d", &format!("{}&options=-cnonsense", database.url)]).exits(3);
    // application_name is shown to who looks
    let project = Project::new().migration(
        "V1__who",
        "CREATE TABLE who AS SELECT application_name AS name FROM pg_stat_activity WHERE pid = pg_backend_pid();",
        "DROP TABLE who;",
    );
    project.run(&["up", "-d", &database.url]).ok();
    assert_eq!(database.query("SELECT name FROM who"), ["liftlock"]);
    project.run(&["down", "-d", &database.url]).ok();
    project.run(&["up", "-d", &format!("{}&application_name=nightly", database.url)]).ok();
    assert_eq!(database.query("SELECT name FROM who"), ["nightly"]);
}
