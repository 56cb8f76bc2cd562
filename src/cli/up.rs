//! `liftlock up`.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::output::{ErrorJson, Output, title};
use super::{CommandResult, LockArgs};
use crate::Error;
use crate::config::Settings;
use crate::db::Access;
use crate::error::{ErrorKind, exit};
use crate::migrate::{MigrateError, Outcome, RunReport, UpTo};

/// Apply pending migrations
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock up\n  liftlock up --dry-run\n  liftlock up --to 20261120093000\n  \
                        liftlock up -d postgres:///app --dir db/migrations --lock-timeout 2s")]
pub(super) struct Up {
    /// Stop after this version
    #[arg(long, value_name = "VERSION", conflicts_with = "steps")]
    to: Option<i64>,
    /// Apply so many migrations
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Print the SQL, in order, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Apply pending versions below the highest applied one, too
    #[arg(long)]
    pub allow_out_of_order: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

pub(super) fn run(args: &Up, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let migrator = context.migrator(&settings, output)?;
    let to = match (args.to, args.steps) {
        (Some(version), _) => UpTo::Version(version),
        (None, Some(steps)) => UpTo::Steps(steps),
        (None, None) => UpTo::Latest,
    };
    if args.dry_run {
        let mut db = context.connect(&settings, Access::Read, output)?;
        return planned("up", &settings, migrator.plan_up(&mut db, to)?, output);
    }
    let mut db = context.connect_to_write(&settings, output, |db| Ok(migrator.check_up(db, to)?))?;
    let outcome = migrator.up(&mut db, to)?;
    db.leave();
    report("up", &settings, outcome, output)
}

/// The JSON of a run (docs/json.md).
#[derive(Debug, Serialize)]
struct RunJson<'a> {
    command: &'a str,
    target: String,
    result: &'a str,
    #[serde(flatten)]
    report: &'a RunReport,
    error: Option<ErrorJson>,
}

/// What a dry run says.
pub(super) fn planned(command: &str, settings: &Settings, report: RunReport, output: &Output) -> CommandResult {
    for warning in &report.warnings {
        output.warn(warning);
    }
    let result = if report.not_done.is_empty() { "nothing_to_do" } else { "planned" };
    output.json(&RunJson { command, target: settings.target.to_string(), result, report: &report, error: None })?;
    for sql in report.sql.iter().flatten() {
        output.line(sql)?;
    }
    let count = report.not_done.len();
    output.say(&match count {
        0 => "nothing to do".to_owned(),
        1 => "1 migration would run; nothing was written".to_owned(),
        _ => format!("{count} migrations would run; nothing was written"),
    });
    Ok(exit::DONE)
}

/// What a run says at its end: as much of a failed one as of a good one.
pub(super) fn report(command: &str, settings: &Settings, outcome: Outcome, output: &Output) -> CommandResult {
    let Outcome { report, error } = outcome;
    for warning in &report.warnings {
        output.warn(warning);
    }
    let result = match &error {
        None if report.done.is_empty() => "nothing_to_do",
        None => "done",
        Some(MigrateError::Interrupted { .. }) => "interrupted",
        Some(_) => "failed",
    };
    let error = error.map(Error::from);
    let printed = output.json(&RunJson {
        command,
        target: settings.target.to_string(),
        result,
        report: &report,
        error: error.as_ref().map(|error| output.error_json(error)),
    });
    // a run that failed has failed, whether or not anybody reads of it
    let Some(error) = error else {
        printed?;
        if report.done.is_empty() {
            output.line("nothing to do")?;
        }
        return Ok(exit::DONE);
    };
    if !report.not_done.is_empty() {
        let rest: Vec<String> = report.not_done.iter().map(title).collect();
        output.say(&format!("{} done; not done: {}", report.done.len(), rest.join(", ")));
    }
    output.error(&error);
    Ok(match error.kind() {
        ErrorKind::Interrupted => exit::INTERRUPTED,
        kind => kind.exit_code(),
    })
}
