//! `liftlock optimize`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use super::words::{bytes, count};
use crate::db::Access;
use crate::error::exit;
use crate::maintain::optimize::{OptimizeOptions, OptimizeReport, OptimizeStep, StepResult, optimize, plan};

/// Bring the planner's statistics up to date and make room that rows left behind usable again
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock optimize --dry-run\n  liftlock optimize\n  liftlock optimize -d app.db \
                        --vacuum-into compact.db\n  liftlock optimize -d postgres://app@host/app --full --yes\n\nExit codes: 0 \
                        done; 2 usage, or no room for it; 3 a step failed or did not get its lock;\n130 interrupted. The \
                        guide is docs/operations-watch.md.")]
pub(super) struct Optimize {
    /// Say what would be done and why, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the storage anew, which keeps others out meanwhile: SQLite's VACUUM, PostgreSQL's VACUUM FULL
    #[arg(long)]
    full: bool,
    /// Don't ask before --full
    #[arg(long)]
    yes: bool,
    /// SQLite: write a compact copy into this new file
    #[arg(long, value_name = "FILE")]
    vacuum_into: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct OptimizeJson<'a> {
    command: &'static str,
    target: String,
    dry_run: bool,
    #[serde(flatten)]
    report: &'a OptimizeReport,
}

pub(super) fn run(args: &Optimize, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let access = if args.dry_run { Access::Read } else { Access::Existing };
    let mut db = match args.dry_run {
        true => context.connect_to_read(&settings)?,
        false => context.connect(&settings, access, output)?,
    };
    let options = OptimizeOptions { full: args.full, vacuum_into: args.vacuum_into.clone() };
    let mut report = plan(&mut db, &options)?;
    if !args.dry_run {
        let locking: Vec<&OptimizeStep> = report.steps.iter().filter(|_| args.full).collect();
        if !locking.is_empty() {
            for step in &locking {
                if let Some(locks) = &step.locks {
                    output.say(&format!("{}: {locks}", step.sql));
                }
            }
            let question = format!("Run {} that keep others out?", count(locking.len() as u64, "step"));
            if !output.confirm(&question, args.yes)? {
                output.say("nothing was done");
                return Ok(exit::DONE);
            }
        }
        report = optimize(&mut db, report, &context.interrupt(), &|step| tracing::info!("{}", step.sql))?;
    }
    db.leave();
    let target = settings.target.to_string();
    output.json(&OptimizeJson { command: "optimize", target, dry_run: args.dry_run, report: &report })?;
    text(&report, output)?;
    Ok(if report.failed { exit::FAILED } else { exit::DONE })
}

fn text(report: &OptimizeReport, output: &Output) -> Result<(), crate::Error> {
    if report.steps.is_empty() {
        output.line("nothing to do")?;
    }
    for step in &report.steps {
        output.line(&step.sql)?;
        output.line(&format!("    why: {}", step.why))?;
        if let Some(locks) = &step.locks {
            output.line(&format!("    locks: {locks}"))?;
        }
        match step.result {
            StepResult::Planned => {}
            StepResult::Done => output.line(&format!("    gained: {}", gained(step)))?,
            StepResult::Locked => output.line("    not done: somebody holds a lock on it; try again later")?,
            StepResult::Failed => output.line("    failed")?,
        }
        if let Some(error) = &step.error {
            output.line(&format!("    error: {error}"))?;
        }
    }
    for note in &report.notes {
        output.say(&format!("note: {note}"));
    }
    Ok(())
}

/// What is different after a step.
fn gained(step: &OptimizeStep) -> String {
    let Some(after) = step.after else { return "not known".to_owned() };
    let Some(before) = step.before else { return bytes(after.bytes) };
    let mut parts = vec![match before.bytes == after.bytes {
        true => format!("{} as before", bytes(after.bytes)),
        false => format!("{} → {}", bytes(before.bytes), bytes(after.bytes)),
    }];
    if let (Some(before), Some(after)) = (before.dead_rows, after.dead_rows) {
        parts.push(format!("{before} → {}", count(after, "dead row")));
    }
    if let (Some(before), Some(after)) = (before.analysed_tables, after.analysed_tables) {
        parts.push(format!("{before} → {} with statistics", count(after, "table")));
    }
    parts.join(", ")
}
