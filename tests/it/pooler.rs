//! PgBouncer between client and server: what only reads migrations works, and what needs a session of its own is
//! refused.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use postgres::{Client, NoTls};

use crate::support::{Project, server, until};

/// PgBouncer between: a session's lock would be taken in a session that others use.
struct Bouncer {
    keeper: Child,
    folder: tempfile::TempDir,
}

impl Bouncer {
    fn start(settings: &str) -> Option<Self> {
        let program = Path::new("/usr/sbin/pgbouncer");
        let private = server().private.as_ref()?;
        if !program.exists() {
            println!("skipped: there is no {} (apt-get install pgbouncer)", program.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        std::fs::write(folder.path().join("users"), "\"postgres\" \"\"\n").unwrap();
        std::fs::write(
            folder.path().join("ini"),
            format!(
                "[databases]\n* = host={} port=5432\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {at}\nlisten_port = 6432\n\
                 auth_type = trust\nauth_file = {at}/users\npool_mode = transaction\nlogfile = {at}/log\n{settings}\n",
                private.folder.display()
            ),
        )
        .unwrap();
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let script = format!(
            "{} {at}/ini >/dev/null 2>&1 & bouncer=$!; cat >/dev/null; kill -TERM $bouncer; wait $bouncer",
            program.display()
        );
        let mut command = if root {
            assert!(Command::new("chown").arg("-R").arg("postgres").arg(folder.path()).status().unwrap().success());
            let mut command = Command::new("su");
            command.args(["postgres", "-s", "/bin/sh", "-c", &script]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", &script]);
            command
        };
        let keeper = command.current_dir("/").stdin(Stdio::piped()).spawn().unwrap();
        let bouncer = Self { keeper, folder };
        until("the pooler listens", || bouncer.folder.path().join(".s.PGSQL.6432").exists());
        Some(bouncer)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}&port=6432", self.folder.path().display())
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // its stdin closes, and the shell ends the pooler
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

#[test]
fn behind_a_pooler_it_reads_and_refuses_to_run() {
    for settings in ["", "ignore_startup_parameters = options,extra_float_digits"] {
        let Some(bouncer) = Bouncer::start(settings) else { return };
        let name = server().create_database();
        let (direct, pooled) = (server().url(&name), bouncer.url(&name));
        let project = Project::new().migration("V1__t", "CREATE TABLE t (x int);", "DROP TABLE t;");
        project.run(&["status", "-d", &pooled]).ok();
        project.run(&["check", "-d", &pooled]).exits(1).prints("pending: V1__t");
        project.run(&["up", "--dry-run", "-d", &pooled]).ok().prints("CREATE TABLE t");
        let refusal = "this connection goes through a pooler, where a session's lock is no lock";
        project.run(&["up", "-d", &pooled]).exits(3).says(refusal).says("the server's own address");
        let mut client = Client::connect(&direct, NoTls).unwrap();
        let made: i64 = client
            .query_one("SELECT count(*) FROM pg_class WHERE relname IN ('t', 'schema_migrations')", &[])
            .unwrap()
            .get(0);
        assert_eq!(made, 0);
        project.run(&["up", "-d", &direct]).ok();
        project.run(&["up", "-d", &pooled]).ok().prints("nothing to do");
        project.run(&["down", "-d", &pooled]).exits(3).says(refusal);
        project.run(&["status", "-d", &pooled]).ok();
    }
}

/// The source of a port into a database that is not to be changed.
fn project() -> Project {
    let project = Project::new();
    let connection = rusqlite::Connection::open(project.path("source.db")).unwrap();
    connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')").unwrap();
    project
}

/// A port takes a lock, too, and sets its sessions up: nothing of it goes through a pooler.
fn refuses_to_port(project: &Project, direct: &str, pooled: &str) {
    let refusal = "this connection goes through a pooler, where a session's lock is no lock";
    for arguments in [
        &["port", "source.db", pooled][..],
        &["port", "source.db", pooled, "--dry-run"],
        &["compare", "source.db", pooled],
    ] {
        project.run(arguments).exits(3).says(refusal).says("the server's own address");
    }
    project.run(&["port", "source.db", pooled, "--rehearse"]).exits(3).says(refusal);
    let mut client = Client::connect(direct, NoTls).unwrap();
    let tables = client.query_one("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", &[]);
    assert_eq!(tables.unwrap().get::<_, i64>(0), 0);
}

#[test]
fn behind_a_pooler_it_refuses_to_port() {
    for settings in ["", "ignore_startup_parameters = options,extra_float_digits"] {
        let Some(bouncer) = Bouncer::start(settings) else { return };
        let name = server().create_database();
        let (direct, pooled) = (server().url(&name), bouncer.url(&name));
        let project = project();
        refuses_to_port(&project, &direct, &pooled);
        project.run(&["port", "source.db", &direct]).ok();
    }
}

/// What a pooler does to a start-up message, without one: the options are dropped, the rest goes through.
#[test]
fn where_the_start_up_options_are_dropped_it_refuses_to_port() {
    let Some(private) = server().private.as_ref() else {
        println!("skipped: the server is none of the tests' own");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.6432")).unwrap();
    let real = private.folder.join(".s.PGSQL.5432");
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), UnixStream::connect(&real).unwrap());
            let start = without_options(&mut client);
            server.write_all(&start).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut server, &mut client);
                let _ = client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    let name = server().create_database();
    let between = format!("postgres://postgres@/{name}?host={}&port=6432", folder.path().display());
    refuses_to_port(&project(), &server().url(&name), &between);
}

/// A start-up message (length, protocol, names and values each ended by a zero, a zero) without its options.
fn without_options(client: &mut UnixStream) -> Vec<u8> {
    let mut length = [0; 4];
    client.read_exact(&mut length).unwrap();
    let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut rest).unwrap();
    let (protocol, parameters) = rest.split_at(4);
    let mut kept = protocol.to_vec();
    let texts: Vec<&[u8]> = parameters.split(|byte| *byte == 0).collect();
    for pair in texts.chunks_exact(2).filter(|pair| !pair[0].is_empty() && pair[0] != b"options") {
        pair.iter().for_each(|text| kept.extend([*text, b"\0"].concat()));
    }
    // what is no start-up message, as a request to cancel, goes through as it is
    let message = if protocol == [0, 3, 0, 0] { [kept, vec![0]].concat() } else { rest };
    [&u32::try_from(message.len() + 4).unwrap().to_be_bytes(), message.as_slice()].concat()
}
