//! The structure of one database, without its rows, made in another by pg_dump and psql.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Output};

use crate::config::{HostAddress, PostgresTarget, RootCertificates};
use crate::db::scratch::programs;

/// Makes what `from` holds, without rows, owners and privileges, in `to`. The error is a sentence for people.
pub(super) fn copy(from: &PostgresTarget, to: &PostgresTarget) -> Result<(), String> {
    let (dumps, shells) = (programs::find("pg_dump"), programs::find("psql"));
    let Some(shell) = shells.first() else { return Err("psql is not installed here".to_owned()) };
    let mut failure = "pg_dump is not installed here".to_owned();
    // one that is older than the server refuses; another may be there
    for dump in dumps {
        match dumped(&dump, from) {
            Ok(script) => return run(shell, to, script),
            Err(why) => failure = why,
        }
    }
    Err(failure)
}

fn dumped(program: &Path, from: &PostgresTarget) -> Result<Vec<u8>, String> {
    let mut command = connected(program, from);
    command.args(["--schema-only", "--no-owner", "--no-privileges", "--no-comments", "--no-security-labels"]);
    command.args(["--no-publications", "--no-subscriptions", "--no-tablespaces"]);
    finished(command.output(), "pg_dump").map(|output| output.stdout)
}

/// All of the script, or nothing of it.
fn run(program: &Path, to: &PostgresTarget, script: Vec<u8>) -> Result<(), String> {
    let input = || -> std::io::Result<File> {
        let mut file = tempfile::tempfile()?;
        file.write_all(&script)?;
        file.rewind()?;
        Ok(file)
    };
    let input = input().map_err(|error| format!("its definition can't be written to a temporary file: {error}"))?;
    let mut command = connected(program, to);
    command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-"]).stdin(input);
    finished(command.output(), "psql").map(drop)
}

fn finished(output: std::io::Result<Output>, name: &str) -> Result<Output, String> {
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let error = words.lines().find(|line| line.to_lowercase().contains("error")).or_else(|| words.lines().last());
    Err(format!("{name} failed: {}", error.unwrap_or("it does not say why").trim()))
}

/// The program as it connects to `target`. All of it goes by the environment: arguments are seen by every user.
fn connected(program: &Path, target: &PostgresTarget) -> Command {
    let mut command = Command::new(program);
    for name in ["PGHOSTADDR", "PGSERVICE", "PGPASSFILE", "PGTARGETSESSIONATTRS"] {
        command.env_remove(name);
    }
    let joined = |parts: Vec<String>| parts.join(",");
    let address = |address: &HostAddress| match address {
        HostAddress::Tcp(name) => name.clone(),
        HostAddress::Socket(folder) => folder.display().to_string(),
    };
    command.env("PGHOST", joined(target.hosts.iter().map(|host| address(&host.address)).collect()));
    command.env("PGPORT", joined(target.hosts.iter().map(|host| host.port.to_string()).collect()));
    command.env("PGSSLMODE", target.sslmode.name());
    command.env("PGAPPNAME", &target.application_name);
    command.arg("--no-password");
    let certificates = target.sslrootcert.as_ref().map(|certificates| match certificates {
        RootCertificates::File(path) => path.display().to_string(),
        RootCertificates::System => "system".to_owned(),
    });
    let optional = [
        ("PGUSER", target.user.clone()),
        ("PGDATABASE", target.dbname.clone()),
        ("PGPASSWORD", target.password.as_ref().map(|password| password.expose().to_owned())),
        ("PGOPTIONS", target.options.clone()),
        ("PGSSLROOTCERT", certificates),
    ];
    for (name, value) in optional {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}
