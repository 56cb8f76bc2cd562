//! `liftlock check`.

use clap::Args;

use super::context::Context;
use super::output::Output;
use super::{CommandResult, status};
use crate::error::exit;

/// Fail (exit 1) when anything is pending, unfinished, diverged, missing, ahead or out of order: for CI
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock check\n  liftlock check -d postgres://ci@db/app --json")]
pub(super) struct Check {}

pub(super) fn run(context: &Context, output: &mut Output) -> CommandResult {
    let (settings, report) = status::read(context, output)?;
    status::print_json("check", &settings, &report, output)?;
    for finding in &report.findings {
        output.line(&format!("{}: {}", finding.kind.replace('_', " "), finding.message))?;
        output.line(&format!("  {}", finding.hint.replace('\n', "\n  ")))?;
    }
    for note in &report.notes {
        output.line(&format!("note: {}", note.message))?;
    }
    if !report.up_to_date {
        let count = report.findings.len();
        output.say(&format!("{count} {}", if count == 1 { "finding" } else { "findings" }));
        return Ok(exit::FINDINGS);
    }
    output.line(&format!("up to date: {} applied", report.migrations.len()))?;
    Ok(exit::DONE)
}
