//! The command line: its words, and from a command to an exit code. What a command does stands in the library.

mod audit;
mod backup;
mod check;
mod cleanup;
mod compare;
mod context;
mod docs;
mod down;
mod explain;
mod export;
mod files;
mod health;
mod import;
mod init;
mod mark;
mod new;
mod optimize;
mod output;
mod port;
mod redo;
mod repair;
mod reset;
mod restore;
mod stats;
mod status;
mod up;
mod validate;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::Dialect;
use crate::config::{Numbering, Overrides, parse_duration};
use crate::error::{ErrorKind, exit};
use crate::interrupt::Interrupt;
use crate::migrate::DownFrom;
use context::Context;
use output::Output;

/// Versioned, verified, reversible schema migrations for SQLite and PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "liftlock", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Examples:\n  liftlock init\n  liftlock new add_users\n  liftlock up\n  liftlock status\n  \
                        liftlock down --steps 1\n\nExit codes: 0 done; 1 findings, pending work or a mismatch; 2 usage \
                        or configuration;\n3 the operation failed; 130 interrupted")]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes, before or after its name.
#[derive(Debug, Args)]
struct Global {
    /// The database: `sqlite:app.db`, a path, or `postgres://user@host/db`
    #[arg(short, long, global = true, value_name = "URL")]
    database: Option<String>,
    /// A database by its name in liftlock.yaml (development, production, …); beats DATABASE_URL
    #[arg(short, long, global = true, value_name = "NAME")]
    env: Option<String>,
    /// The configuration file [default: liftlock.yaml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of migrations [default: migrations]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How that folder is laid out: liftlock, golang-migrate, sqlx, sqlx-simple, dbmate, goose, diesel, flyway
    /// [default: found from its files]
    #[arg(long, global = true, value_name = "LAYOUT")]
    layout: Option<String>,
    /// Print the result as JSON (docs/json.md)
    #[arg(long, global = true)]
    json: bool,
    /// Say more on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Down(down::Down),
    Redo(redo::Redo),
    Status(status::Status),
    Check(check::Check),
    New(new::New),
    Init(init::Init),
    Mark(mark::MarkArgs),
    Repair(repair::Repair),
    Port(Box<port::PortArgs>),
    Compare(compare::CompareArgs),
    Audit(Box<audit::AuditArgs>),
    Stats(stats::Stats),
    Validate(validate::Validate),
    Optimize(optimize::Optimize),
    Explain(explain::Explain),
    Health(Box<health::Health>),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Cleanup(cleanup::CleanupArgs),
    Reset(reset::ResetArgs),
    Docs(docs::DocsArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Completions(files::Completions),
    Man(files::Man),
}

/// How a run waits for locks.
#[derive(Debug, Default, Args)]
struct LockArgs {
    /// How long a statement waits for a lock before its migration is rolled back and tried again [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    lock_timeout: Option<Duration>,
    /// How often that is tried again [default: 10]
    #[arg(long, value_name = "N")]
    lock_retries: Option<u32>,
    /// How long to wait for another runner at most [default: as long as it lives]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    lock_wait: Option<Duration>,
}

/// What `down` and `redo` take alike.
#[derive(Debug, Default, Args)]
struct DownArgs {
    /// Print the SQL, in order, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Don't ask, where the database is protected (liftlock.yaml)
    #[arg(long)]
    yes: bool,
    /// Run the folder's down scripts where they differ from the stored ones
    #[arg(long)]
    from_file: bool,
    /// Run the down scripts that were stored when the migrations were applied
    #[arg(long, conflicts_with = "from_file")]
    from_table: bool,
    #[command(flatten)]
    lock: LockArgs,
}

impl DownArgs {
    /// Which down script runs where the file and the stored one differ.
    fn from(&self) -> DownFrom {
        match (self.from_file, self.from_table) {
            (true, _) => DownFrom::File,
            (_, true) => DownFrom::Table,
            _ => DownFrom::Either,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|problem| problem.to_string())
}

/// A number that can't be 0.
fn one_or_more<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "write a whole number, 1 or more".to_owned())
}

fn numbering(text: &str) -> Result<Numbering, String> {
    text.parse().map_err(|problem: crate::config::Problem| problem.to_string())
}

impl Cli {
    /// How much of the log goes to stderr.
    #[must_use]
    pub fn log_level(&self) -> tracing::Level {
        match self.global.verbose {
            0 => tracing::Level::WARN,
            1 => tracing::Level::INFO,
            _ => tracing::Level::DEBUG,
        }
    }

    fn overrides(&self) -> Overrides {
        let Global { database, env, config, dir, layout, .. } = &self.global;
        let mut overrides = Overrides {
            database: database.clone(),
            env: env.clone(),
            dir: dir.clone(),
            config: config.clone(),
            layout: layout.clone(),
            ..Overrides::default()
        };
        let mut lock = |args: &LockArgs| {
            overrides.lock_timeout = args.lock_timeout;
            overrides.lock_retries = args.lock_retries;
            overrides.lock_wait = args.lock_wait;
        };
        match &self.command {
            Command::Up(args) => {
                lock(&args.lock);
                overrides.allow_out_of_order = args.allow_out_of_order.then_some(true);
            }
            Command::Down(args) => lock(&args.how.lock),
            Command::Redo(args) => lock(&args.how.lock),
            Command::Mark(args) => lock(&args.lock),
            Command::Repair(args) => lock(&args.lock),
            Command::New(args) => overrides.numbering = args.numbering,
            Command::Port(_)
            | Command::Compare(_)
            | Command::Audit(_)
            | Command::Stats(_)
            | Command::Validate(_)
            | Command::Optimize(_)
            | Command::Explain(_)
            | Command::Health(_)
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Cleanup(_)
            | Command::Reset(_)
            | Command::Docs(_)
            | Command::Import(_)
            | Command::Export(_)
            | Command::Status(_)
            | Command::Check(_)
            | Command::Init(_)
            | Command::Completions(_)
            | Command::Man(_) => {}
        }
        overrides
    }
}

/// Runs the command, prints what it came to, and gives the exit code.
pub fn run(cli: &Cli, interrupt: &Interrupt) -> u8 {
    let context = Context::new(cli.overrides(), interrupt.clone());
    let mut output = Output::new(cli.global.json, context.no_color());
    let result = match &cli.command {
        Command::Up(args) => up::run(args, &context, &mut output),
        Command::Down(args) => down::run(args, &context, &mut output),
        Command::Redo(args) => redo::run(args, &context, &mut output),
        Command::Status(_) => status::run(&context, &mut output),
        Command::Check(_) => check::run(&context, &mut output),
        Command::New(args) => new::run(args, &context, &mut output),
        Command::Init(args) => init::run(args, cli.global.database.as_deref(), &context, &mut output),
        Command::Mark(args) => mark::run(args, &context, &mut output),
        Command::Repair(args) => repair::run(args, &context, &mut output),
        Command::Port(args) => port::run(args, &context, &mut output),
        Command::Compare(args) => compare::run(args, &context, &mut output),
        Command::Audit(args) => audit::run(args, &context, &mut output),
        Command::Stats(args) => stats::run(args, &context, &mut output),
        Command::Validate(args) => validate::run(args, &context, &mut output),
        Command::Optimize(args) => optimize::run(args, &context, &mut output),
        Command::Explain(args) => explain::run(args, &context, &mut output),
        Command::Health(args) => health::run(args, &context, &mut output),
        Command::Backup(args) => backup::run(args, &context, &mut output),
        Command::Restore(args) => restore::run(args, &context, &mut output),
        Command::Cleanup(args) => cleanup::run(args, &context, &mut output),
        Command::Reset(args) => reset::run(args, &context, &mut output),
        Command::Docs(args) => docs::run(args, &context, &mut output),
        Command::Import(args) => import::run(args, &context, &mut output),
        Command::Export(args) => export::run(args, &context, &mut output),
        Command::Completions(args) => files::completions(args, &mut output),
        Command::Man(args) => files::man(args, &mut output),
    };
    match result {
        Ok(code) => code,
        // who closed the pipe has read what he wanted
        Err(crate::Error::Print(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => exit::DONE,
        Err(error) => {
            // where the error is that nothing can be printed, stderr and the exit code tell
            let _ = output.json(&Refused {
                command: cli.command.name(),
                result: result_of(&error),
                error: output.error_json(&error),
            });
            output.error(&error);
            error.kind().exit_code()
        }
    }
}

/// What an error is called in JSON. Most commands have begun no work when they end with one; the upkeep of a database
/// has no report of what it did not come to the end of.
fn result_of(error: &crate::Error) -> &'static str {
    match (error, error.kind()) {
        (crate::Error::Maintain(_), ErrorKind::Failed) => "failed",
        (crate::Error::Maintain(_), ErrorKind::Interrupted) => "interrupted",
        _ => "refused",
    }
}

/// The JSON of a command that ended before it began its work (docs/json.md).
#[derive(Debug, serde::Serialize)]
struct Refused {
    command: &'static str,
    result: &'static str,
    error: output::ErrorJson,
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Up(_) => "up",
            Self::Down(_) => "down",
            Self::Redo(_) => "redo",
            Self::Status(_) => "status",
            Self::Check(_) => "check",
            Self::New(_) => "new",
            Self::Init(_) => "init",
            Self::Mark(_) => "mark",
            Self::Repair(_) => "repair",
            Self::Port(_) => "port",
            Self::Compare(_) => "compare",
            Self::Audit(_) => "audit",
            Self::Stats(_) => "stats",
            Self::Validate(_) => "validate",
            Self::Optimize(_) => "optimize",
            Self::Explain(_) => "explain",
            Self::Health(_) => "health",
            Self::Backup(_) => "backup",
            Self::Restore(_) => "restore",
            Self::Cleanup(_) => "cleanup",
            Self::Reset(_) => "reset",
            Self::Docs(_) => "docs",
            Self::Import(_) => "import",
            Self::Export(_) => "export",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

/// A command's exit code, or why it has none of its own.
type CommandResult = Result<u8, crate::Error>;
