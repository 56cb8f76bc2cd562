//! PgBouncer between client and server: what only reads works, and what needs a session of its own is refused.

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
