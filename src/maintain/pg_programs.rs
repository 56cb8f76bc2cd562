//! PostgreSQL's own programs: the one that fits a server, its environment, and its run.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::MaintainError;
use super::backup::sqlite::interrupted;
use crate::config::{HostAddress, KEY_VARIABLE, PostgresTarget, RootCertificates, Secret, redact};
use crate::db::scratch::programs;
use crate::interrupt::Interrupt;

/// A program of PostgreSQL's.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    name: &'static str,
    /// Its major version.
    pub version: u32,
}

/// What libpq takes from the environment and is not set for a target here
/// (<https://www.postgresql.org/docs/current/libpq-envars.html>): none of it must come from somewhere else.
const OTHERS: [&str; 22] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGREQUIRESSL",
    "PGAPPNAME",
    "PGCONNECT_TIMEOUT",
    "PGTARGETSESSIONATTRS",
    "PGCHANNELBINDING",
    "PGCLIENTENCODING",
    "PGDATESTYLE",
    "PGTZ",
    "PGGEQO",
    "PGLOADBALANCEHOSTS",
    "PGCLUSTER",
];

/// Certificates of the system, for programs before 16, which have no `sslrootcert=system`.
const SYSTEM_CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

impl Program {
    /// The newest program `name` that is installed here, which has to be of `server`'s major version or a later one: an
    /// older one refuses.
    pub fn find(name: &'static str, server: u32) -> Result<Self, MaintainError> {
        let found = programs::find(name).into_iter().filter_map(|path| Some((version(&path)?, path)));
        let newest = found.max_by_key(|(version, _)| *version);
        let hint = format!(
            "on Debian and Ubuntu `apt-get install postgresql-client-{server}` installs it (or a later one, from \
             apt.postgresql.org); a program on the PATH is found, too"
        );
        match newest {
            Some((version, path)) if version >= server => Ok(Self { path, name, version }),
            Some((version, path)) => Err(MaintainError::Refused {
                message: format!(
                    "the server is PostgreSQL {server}, and the newest `{name}` here is of {version} (`{}`), which can't read it",
                    path.display()
                ),
                hint,
            }),
            None => Err(MaintainError::Refused {
                message: format!(
                    "no `{name}` is installed here; for this server it has to be of PostgreSQL {server} or later"
                ),
                hint,
            }),
        }
    }

    /// A call of it, as nobody.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        for name in OTHERS {
            command.env_remove(name);
        }
        // what the tests look for in messages, and people, too
        command.env("LC_ALL", "C").env_remove(KEY_VARIABLE).stdin(Stdio::null());
        command
    }

    /// A call of it on `target`. All of that is in its environment, and nothing on its command line, which every user
    /// of the machine can read.
    pub fn on(&self, target: &PostgresTarget) -> Command {
        let mut command = self.command();
        let list = |parts: Vec<String>| parts.join(",");
        command.env("PGHOST", list(target.hosts.iter().map(|host| host.address.to_string()).collect()));
        command.env("PGPORT", list(target.hosts.iter().map(|host| host.port.to_string()).collect()));
        let secret = target.password.as_ref().map(Secret::expose);
        for (name, value) in [("PGUSER", target.user.as_deref()), ("PGDATABASE", target.dbname.as_deref())]
            .into_iter()
            .chain([("PGPASSWORD", secret), ("PGOPTIONS", target.options.as_deref())])
        {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.env("PGAPPNAME", &target.application_name);
        if target.hosts.iter().any(|host| matches!(host.address, HostAddress::Tcp(_))) {
            command.env("PGSSLMODE", target.sslmode.name());
        }
        match &target.sslrootcert {
            Some(RootCertificates::File(path)) => {
                command.env("PGSSLROOTCERT", path);
            }
            Some(RootCertificates::System) if self.version >= 16 => {
                command.env("PGSSLROOTCERT", "system");
            }
            Some(RootCertificates::System) => {
                let file = SYSTEM_CERTIFICATES.iter().find(|path| Path::new(path).exists());
                command.env("PGSSLROOTCERT", file.unwrap_or(&SYSTEM_CERTIFICATES[0]));
            }
            None => {}
        }
        if let Some(timeout) = target.connect_timeout {
            command.env("PGCONNECT_TIMEOUT", timeout.as_secs().max(1).to_string());
        }
        for (name, value) in &target.parameters {
            let variable = match name.as_str() {
                "hostaddr" => "PGHOSTADDR",
                "target_session_attrs" => "PGTARGETSESSIONATTRS",
                "channel_binding" => "PGCHANNELBINDING",
                // keepalives are a driver's own
                _ => continue,
            };
            command.env(variable, value);
        }
        command
    }

    /// Runs `command`: feeds it from `input`, and hands what it prints to `output`, until it has ended. A stop ends it.
    pub fn run(
        &self,
        mut command: Command,
        mut input: Option<&mut (dyn Read + Send)>,
        output: &mut dyn FnMut(&[u8]) -> Result<(), MaintainError>,
        secrets: &[Secret],
        interrupt: &Interrupt,
    ) -> Result<(), MaintainError> {
        let started = |source| MaintainError::File { doing: "run", path: self.path.clone(), source };
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().map_err(started)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Ended(Arc::new(Mutex::new(child)));
        let stopped = Arc::clone(&child.0);
        let running = interrupt.while_running(Box::new(move || {
            drop(stopped.lock().unwrap_or_else(PoisonError::into_inner).kill());
        }));
        let (fed, words, taken) = std::thread::scope(|scope| {
            let feeding = scope.spawn(move || match (stdin, &mut input) {
                (Some(stdin), Some(input)) => feed(*input, stdin),
                _ => Ok(()),
            });
            let words = scope.spawn(move || {
                let mut words = Vec::new();
                let read = stderr.map(|stderr| stderr.take(64 * 1024).read_to_end(&mut words));
                drop(read);
                String::from_utf8_lossy(&words).into_owned()
            });
            let taken = take(stdout, output);
            if taken.is_err() {
                child.kill();
            }
            (feeding.join(), words.join(), taken)
        });
        let status = child.wait().map_err(started)?;
        drop(running);
        if interrupt.is_set() {
            return Err(interrupted());
        }
        taken?;
        let words = words.unwrap_or_default();
        if !status.success() {
            return Err(self.failed(status, &words, secrets));
        }
        match fed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(MaintainError::File { doing: "feed", path: self.path.clone(), source }),
            Err(_) => Err(MaintainError::Failed { message: format!("`{}` could not be fed", self.name), hint: None }),
        }
    }

    fn failed(&self, status: ExitStatus, words: &str, secrets: &[Secret]) -> MaintainError {
        let words = redact(words.trim(), secrets);
        // what matters is said first, and repeated at the end
        let lines: Vec<&str> = words.lines().take(6).collect();
        let words = if lines.is_empty() { status.to_string() } else { lines.join("\n    ") };
        MaintainError::Failed { message: format!("`{}` failed: {words}", self.name), hint: None }
    }
}

/// A child that is ended, and waited for, whatever happens.
struct Ended(Arc<Mutex<Child>>);

impl Ended {
    fn kill(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).kill());
    }

    /// Waits without keeping the lock, which a stop needs.
    fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.0.lock().unwrap_or_else(PoisonError::into_inner).try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(None) = child.try_wait() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn feed(input: &mut (dyn Read + Send), mut stdin: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        match stdin.write_all(&buffer[..read]) {
            // it has read what it wanted: whether that is well, its exit code says
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other?,
        }
    }
}

fn take(
    stdout: Option<impl Read>,
    output: &mut dyn FnMut(&[u8]) -> Result<(), MaintainError>,
) -> Result<(), MaintainError> {
    let Some(mut stdout) = stdout else { return Ok(()) };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stdout.read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(read) => output(&buffer[..read])?,
        }
    }
}

/// Of `pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

fn major(words: &str) -> Option<u32> {
    let (_, version) = words.split_once("(PostgreSQL) ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("pg_dump (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn a_program_that_is_missing_is_named_with_its_package() {
        let error = Program::find("pg_dump", 999).expect_err("there is none so new");
        assert!(error.to_string().contains("PostgreSQL 999"), "{error}");
        assert!(error.hint().expect("a hint").contains("postgresql-client-999"));
        let error = Program::find("no-such-program", 15).expect_err("there is none");
        assert!(error.to_string().contains("no `no-such-program` is installed"), "{error}");
    }
}
