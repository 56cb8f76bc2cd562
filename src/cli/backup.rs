//! `liftlock backup`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::context::Context;
use super::output::Output;
use super::{CommandResult, duration};
use crate::Error;
use crate::crypt::{CryptError, Key};
use crate::error::exit;
use crate::maintain::MaintainError;
use crate::maintain::backup::{Backup, BackupReport, Progress, back_up};
use crate::words::counted;

/// Copy the database to a file while others go on writing, and check the copy
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock backup\n  liftlock backup before-release.db\n  liftlock backup --env production --keep 7 --json\n  \
                        LIFTLOCK_KEY=\"$(cat key)\" liftlock backup --encrypt\n\nOf SQLite by its backup API, of PostgreSQL by \
                        `pg_dump`. A manifest stands beside the file; keep both.\nThe guide is docs/operations.md."
)]
pub(super) struct BackupArgs {
    /// The file to write [default: the database's name and the time, beside it or in the folder of liftlock.yaml]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "file")]
    force: bool,
    /// Remove the oldest of this database's backups but N, of those with names that are made here
    #[arg(long, value_name = "N", conflicts_with = "file", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Encrypt it with the key in LIFTLOCK_KEY (32 bytes in base64)
    #[arg(long)]
    encrypt: bool,
    /// How long to wait for locks
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    wait: Duration,
}

/// The JSON of a backup (docs/json.md).
#[derive(Debug, Serialize)]
struct BackupJson<'a> {
    command: &'static str,
    result: &'static str,
    #[serde(flatten)]
    report: &'a BackupReport,
}

pub(super) fn run(args: &BackupArgs, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    context.is_there(&settings)?;
    let configured = context.backup()?;
    let secret = context.key(output);
    let encrypt = args.encrypt || configured.encrypt;
    let key = if encrypt { Some(Key::from_secret(secret.as_ref()).map_err(no_key)?) } else { None };
    output.say(&format!("database: {} (from {})", settings.target, settings.target_source));
    let bar = Bar::new(output);
    let told = |done, all| bar.at(done, all);
    let backup = Backup {
        target: settings.target,
        file: args.file.clone(),
        dir: configured.dir,
        force: args.force,
        keep: args.keep.map(|keep| keep as usize).or(configured.keep),
        key,
        patience: args.wait,
        interrupt: context.interrupt(),
        progress: Progress(&told),
    };
    let report = back_up(&backup);
    bar.end();
    let report = report?;
    output.json(&BackupJson { command: "backup", result: "done", report: &report })?;
    let rows: u64 = report.tables.iter().map(|table| table.rows).sum();
    output.line(&format!(
        "{}: {}{}, {} with {}, checked",
        report.file.display(),
        counted(report.bytes, "byte"),
        if report.encrypted { ", encrypted" } else { "" },
        counted(report.tables.len() as u64, "table"),
        counted(rows, "row"),
    ))?;
    if let Some(version) = &report.schema_version {
        output.line(&format!("version of the schema: {version}"))?;
    }
    for path in &report.removed {
        output.line(&format!("removed {}", path.display()))?;
    }
    for note in &report.notes {
        output.warn(note);
    }
    Ok(exit::DONE)
}

/// A key that is missing, or none.
pub(super) fn no_key(error: CryptError) -> Error {
    let hint = error.hint().unwrap_or_default();
    MaintainError::Refused { message: error.to_string(), hint }.into()
}

/// How far a copy is, where somebody looks.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub fn new(output: &Output) -> Self {
        if output.is_json() || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{bar:30} {percent}% {elapsed}, {eta} left");
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    pub fn at(&self, done: u64, all: Option<u64>) {
        self.0.set_length(all.unwrap_or(done));
        self.0.set_position(done);
    }

    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
