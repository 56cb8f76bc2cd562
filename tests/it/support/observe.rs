//! What tests see of a database from outside, and how they wait for it without counting on times.

use std::io::Read as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::{Kind, TestDatabase};

/// Polls until `found` says yes; fails the test where it never does.
#[track_caller]
pub fn until(what: &str, mut found: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !found() {
        assert!(Instant::now() < deadline, "it never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to a process that this test started.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Reads a child's stderr until `text` is in it, and gives what was read.
pub fn read_until(child: &mut Child, text: &str) -> String {
    let mut stderr = child.stderr.take().unwrap();
    let mut read = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&read).contains(text) {
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "`{text}` never came: {}", String::from_utf8_lossy(&read));
        read.push(byte[0]);
    }
    child.stderr = Some(stderr);
    String::from_utf8(read).unwrap()
}

/// Polls until `child` holds the lock of a run on a SQLite database.
#[track_caller]
pub fn until_it_holds_the_lock(database: &TestDatabase, child: &Child) {
    until("the runner has its lock", || {
        std::fs::read_to_string(format!("{}-liftlock", database.path().display()))
            .is_ok_and(|text| text.contains(&format!("pid {} ", child.id())))
    });
}

impl TestDatabase {
    /// Schema and data, without the bookkeeping's.
    pub fn contents(&self) -> String {
        let mut lines = self.query(match self.kind {
            Kind::Sqlite => {
                "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'schema_migrations%' \
                 AND name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
            }
            Kind::Postgres => {
                "SELECT c.relkind, n.nspname, c.relname, i.indisvalid, pg_get_indexdef(i.indexrelid), \
                 (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) \
                  FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped) \
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid \
                 WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
                 AND c.relname NOT LIKE 'schema\\_migrations%' ORDER BY 2, 3"
            }
        });
        for table in self.tables() {
            lines.push(format!("-- {table}"));
            lines.extend(match self.kind {
                Kind::Sqlite => sorted(self.query(&format!("SELECT * FROM \"{table}\""))),
                Kind::Postgres => sorted(self.query(&format!("SELECT t::text FROM \"{table}\" t"))),
            });
        }
        lines.join("\n")
    }

    /// The unfinished scripts: version, direction, next statement.
    pub fn unfinished(&self) -> Vec<String> {
        self.query("SELECT version, direction, next_statement FROM schema_migrations_progress ORDER BY version")
    }

    /// The versions for which the log says that this was done, each time it was.
    pub fn done(&self, action: &str) -> Vec<i64> {
        self.query(&format!(
            "SELECT version FROM schema_migrations_log WHERE action = '{action}' AND result = 'done' ORDER BY version"
        ))
        .iter()
        .map(|version| version.parse().unwrap())
        .collect()
    }

    /// Whether the bookkeeping's tables are there at all.
    pub fn has_history(&self) -> bool {
        let sql = match self.kind {
            Kind::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations_log'",
            Kind::Postgres => "SELECT count(*) FROM pg_class WHERE relname = 'schema_migrations_log'",
        };
        self.value(sql) == "1"
    }

    /// PostgreSQL: the server process that runs a statement with `text` in it for one of Liftlock's sessions.
    pub fn backend_running(&self, text: &str) -> Option<String> {
        let pattern = text.replace('\'', "''");
        self.query(&format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
             AND pid <> pg_backend_pid() AND position('{pattern}' in query) > 0"
        ))
        .pop()
    }

    /// PostgreSQL: ends a server process, and waits until it is gone.
    pub fn terminate(&self, pid: &str) {
        self.query(&format!("SELECT pg_terminate_backend({pid})"));
        until("the server process ends", || {
            self.query(&format!("SELECT 1 FROM pg_stat_activity WHERE pid = {pid}")).is_empty()
        });
    }

    /// PostgreSQL: whether anybody waits for a lock of this database.
    pub fn someone_waits(&self) -> bool {
        !self
            .query(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
                 AND cardinality(pg_blocking_pids(pid)) > 0",
            )
            .is_empty()
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
