//! A PostgreSQL server for a moment: in a temporary folder, on a Unix socket alone, gone with this process.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Purpose, ScratchError, programs};
use crate::config::{Host, HostAddress, PostgresTarget, SslMode};

/// The database in it that is worked in: the one that `initdb` makes.
const DATABASE: &str = "postgres";

/// The longest path of a Unix socket that every system takes, in bytes.
const SOCKET_PATH: usize = 100;

/// What a throw-away server need not take care of.
const SETTINGS: &str = "listen_addresses = ''\nport = 5432\nunix_socket_permissions = 0700\nfsync = off\n\
    full_page_writes = off\nsynchronous_commit = off\nwal_level = minimal\nmax_wal_senders = 0\nmax_connections = 300\n\
    max_locks_per_transaction = 256\n";

/// What keeps the server: it ends when its input does, which is when this process ends, however it ends.
/// `$1` initdb, `$2` pg_ctl, `$3` the folder, `$4` the settings.
const KEEPER: &str = r#"
trap '' INT TERM HUP
make() { "$initdb" -D "$at/data" -A trust -U postgres --no-sync -E UTF8 "$1" >>"$at/log" 2>&1; }
initdb=$1; pg_ctl=$2; at=$3; settings=$4
{ make --locale=C.UTF-8 || { rm -rf "$at/data"; make --no-locale; }; } &&
    printf '%s' "$settings" >>"$at/data/postgresql.conf" &&
    "$pg_ctl" -D "$at/data" -w -t 60 -l "$at/log" start >/dev/null 2>&1 &&
    echo ready || tail -n 5 "$at/log"
exec >/dev/null
cat >/dev/null
"$pg_ctl" -D "$at/data" -m immediate -w stop >/dev/null 2>&1
rm -rf "$at"
"#;

/// A server of its own.
#[derive(Debug)]
pub(super) struct Cluster {
    folder: PathBuf,
    keeper: Child,
    target: PostgresTarget,
}

impl Cluster {
    /// Starts it.
    pub fn start(purpose: &Purpose) -> Result<Self, ScratchError> {
        let (initdb, pg_ctl) = installed(purpose)?;
        let failed = |what: &str| {
            let message = format!("a private PostgreSQL server can't be started: {what}");
            ScratchError::Unfit { message, hint: format!("give the URL of a server to {} on", purpose.verb) }
        };
        let io = |error: std::io::Error| failed(&error.to_string());
        let made = folder(purpose).map_err(io)?;
        let folder = made.path().to_owned();
        let mut command = match user_for(&folder).map_err(io)? {
            None => Command::new("sh"),
            Some(user) => as_user(&user).ok_or_else(|| {
                failed("root may not run it, and none of setpriv, runuser and su can change to another user")
            })?,
        };
        command.args(["-c", KEEPER, "keeper"]);
        command.args([&initdb, &pg_ctl, &folder]).arg(settings(&folder));
        // a Ctrl-C at the terminal is for this process, which ends the server when it is done with it
        command.process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        for name in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE", "PGSSLMODE"] {
            command.env_remove(name);
        }
        let keeper = command.spawn().map_err(io)?;
        // from here on the keeper removes it, when the server has ended
        let folder = made.keep();
        let mut cluster = Self { target: target(&folder), folder, keeper };
        let mut words = String::new();
        if let Some(stdout) = cluster.keeper.stdout.take() {
            let mut stdout = BufReader::new(stdout);
            stdout.read_line(&mut words).map_err(io)?;
            if words != "ready\n" {
                stdout.read_to_string(&mut words).map_err(io)?;
                let removed = cluster.remove();
                drop(removed);
                return Err(failed(words.trim()));
            }
        }
        Ok(cluster)
    }

    /// Its database.
    pub fn target(&self) -> &PostgresTarget {
        &self.target
    }

    /// Stops it and removes its folder; where that fails, why, and the line that does it.
    pub fn remove(mut self) -> Result<(), (String, String)> {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            tracing::debug!(%error, "the keeper of a private server");
        }
        match fs::remove_dir_all(&self.folder) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err((error.to_string(), format!("rm -r '{}'", self.folder.display()))),
        }
    }
}

fn installed(purpose: &Purpose) -> Result<(PathBuf, PathBuf), ScratchError> {
    let first = |name: &str| programs::find(name).into_iter().next();
    // found in the same order, and so of the same installation
    match (first("initdb"), first("pg_ctl")) {
        (Some(initdb), Some(pg_ctl)) => Ok((initdb, pg_ctl)),
        _ => Err(ScratchError::Unfit {
            message: format!(
                "there is no {} to {} on, and PostgreSQL's server is not installed here",
                purpose.place, purpose.verb
            ),
            hint: format!("give a URL (`{}`), or install the server (`apt-get install postgresql`)", purpose.with_url),
        }),
    }
}

/// A folder for it, whose socket's path is short enough.
fn folder(purpose: &Purpose) -> std::io::Result<TempDir> {
    let make = |builder: &mut tempfile::Builder<'_, '_>, at: Option<&Path>| match at {
        None => builder.tempdir(),
        Some(at) => builder.tempdir_in(at),
    };
    let prefix = purpose.prefix.replace('_', "-");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    let folder = make(&mut builder, None)?;
    let too_long = folder.path().as_os_str().len() + "/.s.PGSQL.5432".len() > SOCKET_PATH;
    if too_long { make(&mut builder, Some(Path::new("/tmp"))) } else { Ok(folder) }
}

/// Whom the server runs as: nobody else, or for root (which initdb refuses) a user that then owns the folder.
fn user_for(folder: &Path) -> std::io::Result<Option<User>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let Some(user) = ["postgres", "nobody"].into_iter().find_map(User::named) else {
        return Err(std::io::Error::other("root may not run it, and there is no user `postgres` or `nobody`"));
    };
    chown(folder, Some(user.id), Some(user.group))?;
    Ok(Some(user))
}

/// A user of the system.
struct User {
    name: &'static str,
    id: u32,
    group: u32,
}

impl User {
    fn named(name: &'static str) -> Option<Self> {
        let ask = |what: &str| -> Option<u32> {
            let output = Command::new("id").args([what, name]).stderr(Stdio::null()).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        Some(Self { name, id: ask("-u")?, group: ask("-g")? })
    }
}

/// A shell of that user, to which arguments of its own can be given.
fn as_user(user: &User) -> Option<Command> {
    let (id, group) = (user.id.to_string(), user.group.to_string());
    let ways: [&[&str]; 3] = [
        &["setpriv", "--reuid", &id, "--regid", &group, "--clear-groups", "--", "sh"],
        &["runuser", "-u", user.name, "--", "sh"],
        // what stands after the user's name goes to the shell
        &["su", user.name, "-s", "/bin/sh", "--"],
    ];
    let command = |way: &[&str]| {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).current_dir("/");
        command
    };
    let works = |way: &&&[&str]| {
        let mut probe = command(way);
        probe.args(["-c", "exit 0"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    };
    ways.iter().find(works).map(|way| command(way))
}

fn settings(folder: &Path) -> String {
    format!("{SETTINGS}unix_socket_directories = '{}'\n", folder.display().to_string().replace('\'', "''"))
}

/// How it is reached. Nothing of the environment (PGHOST, a password file) is about this server.
fn target(folder: &Path) -> PostgresTarget {
    PostgresTarget {
        hosts: vec![Host { address: HostAddress::Socket(folder.to_owned()), port: 5432 }],
        user: Some("postgres".to_owned()),
        password: None,
        dbname: Some(DATABASE.to_owned()),
        sslmode: SslMode::Disable,
        sslrootcert: None,
        options: None,
        application_name: "liftlock".to_owned(),
        connect_timeout: None,
        parameters: Vec::new(),
    }
}
