//! How many connections work at once: as many as were asked for, as far as the server and the system have them to give.

use crate::db::{BulkDb, ErrorClass, Statements as _};
use crate::port::error::PortError;

/// Connections of the server's that stay free for others.
const FOR_OTHERS: usize = 3;

/// How many files one more worker has open at most: six were counted for a source in WAL mode (the source, its WAL, a
/// socket, and three to wait for that), and rows that are put aside may take temporary ones.
const FILES_EACH: usize = 8;

/// How many files are open besides.
const FILES_BESIDES: usize = 64;

/// How many files a process may have open where the system does not say: what macOS gives.
const FILES: usize = 256;

/// How many connections may be open at once, the one that asks among them: those that are free of the server's, the
/// database's and the role's (<https://www.postgresql.org/docs/current/runtime-config-connection.html>). Who is no
/// superuser does not see of which kind others' sessions are.
const FREE: &str = "SELECT 1 + least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - COALESCE(current_setting('reserved_connections', true)::int, 0) - s.sessions,
    CASE WHEN d.datconnlimit >= 0 AND NOT r.rolsuper THEN d.datconnlimit - s.in_database END,
    CASE WHEN r.rolconnlimit >= 0 AND NOT r.rolsuper THEN r.rolconnlimit - s.of_role END)
  FROM pg_database d, pg_roles r,
       (SELECT count(*) AS sessions, count(*) FILTER (WHERE datname = current_database()) AS in_database,
               count(*) FILTER (WHERE usename = session_user) AS of_role
          FROM pg_stat_activity WHERE datid IS NOT NULL AND COALESCE(backend_type, 'client backend') = 'client backend') s
 WHERE d.datname = current_database() AND r.rolname = session_user";

/// How many connections may work at once where `wanted` are asked for, `db` among them; and why these are fewer.
pub(in crate::port) fn affordable(wanted: usize, db: &mut BulkDb) -> Result<(usize, Option<String>), PortError> {
    if wanted <= 1 {
        return Ok((1, None));
    }
    let asked = match db.query(FREE) {
        Ok(asked) => asked,
        Err(error) if error.class == ErrorClass::ConnectionLost => {
            return Err(PortError::target("ask how many connections are free", error));
        }
        // a server that does not say has as many as are asked for, until it refuses one
        Err(error) => {
            tracing::debug!(%error, "connections");
            Vec::new()
        }
    };
    let free: Option<i64> = asked.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
    let free = free.map_or(wanted, |free| usize::try_from(free).unwrap_or(0));
    Ok(within(wanted, free, files()))
}

/// As [`affordable`], with so many connections and files.
fn within(wanted: usize, free: usize, files: usize) -> (usize, Option<String>) {
    let by_server = free.saturating_sub(FOR_OTHERS).max(1);
    let by_files = (files.saturating_sub(FILES_BESIDES) / FILES_EACH).max(1);
    let jobs = wanted.min(by_server).min(by_files);
    let lowered = |why: String| {
        Some(format!("the number of connections at work (`--jobs`) is {jobs} instead of {wanted}: {why}"))
    };
    let note = match jobs {
        _ if jobs == wanted => None,
        _ if jobs == by_server => lowered(format!(
            "the server has {free} for it by its max_connections, the limits of the database and the role, and what is in \
             use; {FOR_OTHERS} of these stay free for others"
        )),
        _ => lowered(format!(
            "a process may have {files} files open here (`ulimit -n`), and each takes up to {FILES_EACH}"
        )),
    };
    (jobs, note)
}

/// How many files this process may have open.
fn files() -> usize {
    // https://man7.org/linux/man-pages/man5/proc_pid_limits.5.html
    let Ok(limits) = std::fs::read_to_string("/proc/self/limits") else { return FILES };
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    match soft {
        Some("unlimited") => usize::MAX,
        soft => soft.and_then(|soft| soft.parse().ok()).unwrap_or(FILES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_there_is_counts() {
        for (wanted, free, files, jobs) in [
            (2, 97, 1024, 2),
            (100_000, 97, 20_000, 94),
            (100_000, 97, 256, 24),
            (8, 5, 1024, 2),
            (8, 0, 1024, 1),
            (8, 97, 10, 1),
            (94, 97, usize::MAX, 94),
        ] {
            let (is, note) = within(wanted, free, files);
            assert_eq!((is, note.is_some()), (jobs, jobs < wanted), "{wanted} {free} {files}");
        }
        let words = |free, files| within(50, free, files).1.unwrap_or_default();
        assert!(words(20, 1024).contains("is 17 instead of 50: the server has 20"), "{}", words(20, 1024));
        assert!(words(97, 256).contains("is 24 instead of 50: a process may have 256 files"), "{}", words(97, 256));
    }
}
