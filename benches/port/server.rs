//! A private PostgreSQL server for measuring: as a careful person would run one, `fsync` on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use postgres::{Client, NoTls};

/// What differs from PostgreSQL's defaults, which suit a machine with 128 MB to spare (docs/benchmarks.md).
const SETTINGS: &str = "-c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=30min";

/// The server; it ends, and its files go, when this goes.
pub struct Server {
    /// Its folder, which holds the socket too.
    folder: PathBuf,
    /// Ends the server at the end of its standard input, however this process goes.
    keeper: Child,
}

impl Server {
    /// Makes a cluster in a scratch folder and starts it.
    pub fn start() -> Self {
        let programs = programs().expect("PostgreSQL's programs are there: `apt-get install postgresql`");
        let folder = tempfile::Builder::new().prefix("liftlock-bench-").tempdir().unwrap().keep();
        // initdb refuses to run as root
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        if root {
            assert!(Command::new("chown").arg("postgres").arg(&folder).status().unwrap().success());
        }
        let (bin, at) = (programs.display(), folder.display());
        let script = format!(
            "trap '' INT TERM HUP; {bin}/initdb -D {at}/data -A trust -U postgres --locale=C.UTF-8 >{at}/log 2>&1; \
             {bin}/postgres -D {at}/data -k {at} -c listen_addresses= {SETTINGS} >>{at}/log 2>&1 & \
             server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf {at}"
        );
        let mut keeper = if root { Command::new("su") } else { Command::new("sh") };
        if root {
            keeper.args(["postgres", "-s", "/bin/sh"]);
        }
        keeper.args(["-c", &script]).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null());
        let server = Self { keeper: keeper.spawn().unwrap(), folder };
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = Client::connect(&server.url("postgres"), NoTls) {
            let log = fs::read_to_string(server.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the server does not answer: {error}\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}", self.folder.display())
    }

    /// The URL as pgloader wants a Unix socket's.
    pub fn pgloader_url(&self, database: &str) -> String {
        format!("postgresql://postgres@unix:{}:5432/{database}", self.folder.display())
    }

    /// An empty database in the place of the one before, and nothing left to be flushed.
    pub fn fresh(&self, database: &str) {
        let mut client = self.client("postgres");
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {database} TEMPLATE template0")).unwrap();
        client.batch_execute("CHECKPOINT").unwrap();
    }

    /// A connection to a database.
    pub fn client(&self, database: &str) -> Client {
        Client::connect(&self.url(database), NoTls).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
    }
}

fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    folders.extend(debian.into_iter().rev());
    folders.into_iter().find(|folder| Path::new(folder).join("initdb").exists())
}
