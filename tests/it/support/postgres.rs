//! A PostgreSQL server for the tests: the one that `LIFTLOCK_TEST_POSTGRES` names, else a private cluster.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use postgres::{Client, NoTls};

/// A server that tests make their databases on.
pub struct Server {
    /// A URL without a database: everything up to it, and the parameters after it.
    before: String,
    after: String,
    /// Ends the private cluster when the tests' process is gone, however it goes: its stdin closes then.
    _keeper: Option<Child>,
    /// The private cluster's folder and programs.
    pub private: Option<Private>,
}

pub struct Private {
    pub folder: PathBuf,
    pub programs: PathBuf,
}

/// The server of this test run.
///
/// # Panics
/// Where there is none: a missing server fails the test, and says what installs it.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match env::var("LIFTLOCK_TEST_POSTGRES") {
        Ok(url) => Server::existing(&url),
        Err(_) => Server::private(false),
    })
}

/// A server of a test's own that is a standby, as of a primary that is out of reach; it ends with this.
pub fn standby() -> Server {
    Server::private(true)
}

impl Server {
    fn existing(url: &str) -> Self {
        let (base, after) =
            url.split_once('?').map_or((url, String::new()), |(base, after)| (base, format!("?{after}")));
        let (scheme, rest) = base.split_once("://").expect("LIFTLOCK_TEST_POSTGRES is a URL");
        let host = rest.split('/').next().expect("there is a first part");
        Self { before: format!("{scheme}://{host}/"), after, _keeper: None, private: None }
    }

    fn private(standby: bool) -> Self {
        let programs = find_programs().unwrap_or_else(|| {
            panic!("no PostgreSQL server: `apt-get install postgresql`, or set LIFTLOCK_TEST_POSTGRES to a URL")
        });
        let folder = tempfile::Builder::new().prefix("liftlock-pg-").tempdir().unwrap().keep();
        let data = folder.join("data");
        // initdb refuses to run as root
        let user = if is_root() { Some("postgres") } else { None };
        if let Some(user) = user {
            run(Command::new("chown").arg(user).arg(&folder));
        }
        let as_user = |script: String| {
            let mut command = match user {
                Some(user) => {
                    let mut command = Command::new("su");
                    command.args([user, "-s", "/bin/sh", "-c", &script]);
                    command
                }
                None => {
                    let mut command = Command::new("sh");
                    command.args(["-c", &script]);
                    command
                }
            };
            command.current_dir("/");
            command
        };
        let (bin, at, data) = (programs.display(), folder.display(), data.display());
        run(&mut as_user(format!(
            "{bin}/initdb -D {data} -A trust -U postgres --no-sync --locale=C.UTF-8 >{at}/initdb.log"
        )));
        if standby {
            // what was shut down in order needs nothing of a primary's to be read
            run(&mut as_user(format!("touch {data}/standby.signal")));
        }
        // only the end of its input ends the keeper, not a Ctrl-C that ends the tests
        let keeper = as_user(format!(
            "trap '' INT TERM HUP; {bin}/postgres -D {data} -k {at} -p 5432 -c listen_addresses= -c fsync=off -c full_page_writes=off \
             -c synchronous_commit=off -c max_connections=300 -c max_prepared_transactions=5 -c wal_level=logical \
             >{at}/log 2>&1 & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf {at}"
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
        let after = format!("?host={}", folder.display());
        let server = Self {
            before: "postgres://postgres@/".to_owned(),
            after,
            _keeper: Some(keeper),
            private: Some(Private { folder: folder.clone(), programs }),
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = Client::connect(&server.url("postgres"), NoTls) {
            assert!(
                Instant::now() < deadline,
                "the private server does not answer: {error}\n{}",
                fs::read_to_string(folder.join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// The URL of a database on this server.
    pub fn url(&self, database: &str) -> String {
        format!("{}{database}{}", self.before, self.after)
    }

    /// A fresh database; it goes with the cluster, or stays for a look where the server is somebody's own.
    pub fn create_database(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("liftlock_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let mut client = Client::connect(&self.url("postgres"), NoTls).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).unwrap();
        name
    }
}

fn find_programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders.into_iter().find(|folder: &PathBuf| Path::new(folder).join("initdb").exists())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim() == "0"
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
