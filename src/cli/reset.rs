//! `liftlock reset`.

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use crate::Error;
use crate::config::Settings;
use crate::db::Access;
use crate::error::exit;
use crate::maintain::reset::{self, ResetOptions, ResetReport};

/// Drop everything in the database, so that migrations begin from nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock reset --dry-run\n  liftlock reset\n  liftlock reset --yes --confirm app.db && \
                        liftlock up\n\nA database that is protected (production is, unless liftlock.yaml says otherwise) is \
                        refused"
)]
pub(super) struct ResetArgs {
    /// List what would be dropped, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// With `--confirm`: don't ask
    #[arg(long, requires = "confirm")]
    yes: bool,
    /// The database's name (on SQLite its file's), in place of typing it
    #[arg(long, value_name = "NAME", requires = "yes")]
    confirm: Option<String>,
}

/// The JSON of `reset` (docs/json.md).
#[derive(Debug, Serialize)]
struct ResetJson<'a> {
    command: &'static str,
    target: String,
    #[serde(flatten)]
    report: &'a ResetReport,
}

pub(super) fn run(args: &ResetArgs, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    if settings.protected {
        return Err(Error::Usage {
            message: format!("{} is protected: it is not reset", settings.target),
            hint: "`protected: false` beside its URL in liftlock.yaml lifts that".to_owned(),
        });
    }
    if args.dry_run {
        let report = reset::plan(&mut context.connect_to_read(&settings)?)?;
        return print(&settings, &report, output);
    }
    let mut db = context.connect(&settings, Access::Existing, output)?;
    let plan = reset::plan(&mut db)?;
    if plan.objects.is_empty() {
        return print(&settings, &ResetReport { dry_run: false, ..plan }, output);
    }
    output.say("this is what would be dropped, with all rows:");
    for object in &plan.objects {
        output.say(&format!("  {} {}", object.kind, object.name));
    }
    let question = format!("All of it in {} would be gone for good.", settings.target);
    if !output.confirm_name(&question, &plan.database, args.yes, args.confirm.as_deref())? {
        output.say("that is not its name: nothing was changed");
        return Ok(exit::FINDINGS);
    }
    let options =
        ResetOptions { lock_timeout: settings.project.migrations.lock_timeout, interrupt: context.interrupt() };
    let report = reset::run(&mut db, &options)?;
    print(&settings, &report, output)
}

fn print(settings: &Settings, report: &ResetReport, output: &Output) -> CommandResult {
    output.json(&ResetJson { command: "reset", target: settings.target.to_string(), report })?;
    if report.objects.is_empty() {
        output.line("nothing to drop")?;
    }
    let verb = if report.dry_run { "would drop" } else { "dropped" };
    for object in &report.objects {
        output.line(&format!("{verb} {} {}", object.kind, object.name))?;
    }
    if report.dry_run {
        output.say("nothing was written");
    }
    Ok(exit::DONE)
}
