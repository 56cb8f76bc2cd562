//! `liftlock validate`.

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use super::words::count;
use crate::error::exit;
use crate::maintain::validate::{ValidateOptions, ValidateReport, validate};

/// Look whether the database holds what it declares: integrity, foreign keys, constraints, indexes, sequences, migrations
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock validate\n  liftlock validate -d app.db --quick\n  liftlock validate --env \
                        production --deep --json\n\nNothing is written. Exit codes: 0 nothing found; 1 findings, each with \
                        its remedy; 2 usage;\n3 failed; 130 interrupted. The guide is docs/operations-watch.md."
)]
pub(super) struct Validate {
    /// SQLite: run quick_check instead of integrity_check; it does not compare indexes with their tables
    #[arg(long)]
    quick: bool,
    /// PostgreSQL: check foreign keys and CHECKs that are marked valid again, on every row
    #[arg(long)]
    deep: bool,
}

#[derive(Debug, Serialize)]
struct ValidateJson<'a> {
    command: &'static str,
    target: String,
    #[serde(flatten)]
    report: &'a ValidateReport,
}

pub(super) fn run(args: &Validate, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let migrator = context.migrator_if_any(&settings.project, output)?;
    let mut db = context.connect_to_read(&settings)?;
    let options = ValidateOptions { quick: args.quick, deep: args.deep };
    let report = {
        let interrupt = context.interrupt();
        let _work = interrupt.work();
        let _running = interrupt.while_running(db.canceller());
        validate(&mut db, options, migrator.as_ref())
            .map_err(|error| error.or_interrupted(&interrupt, "nothing was written"))?
    };
    db.leave();
    output.json(&ValidateJson { command: "validate", target: settings.target.to_string(), report: &report })?;
    text(&report, output)?;
    Ok(if report.valid { exit::DONE } else { exit::FINDINGS })
}

fn text(report: &ValidateReport, output: &Output) -> Result<(), crate::Error> {
    for finding in &report.findings {
        output.line(&format!("{}: {}", finding.subject, finding.message))?;
        for line in finding.remedy.lines() {
            output.line(&format!("    fix: {line}"))?;
        }
    }
    if !report.findings.is_empty() {
        output.line("")?;
    }
    let rows = report.checks.iter().map(|check| {
        let found = if check.found == 0 { "nothing found".to_owned() } else { count(check.found as u64, "finding") };
        vec![check.name.replace('_', " "), check.looked_at.to_string(), found]
    });
    output.table(&["check", "looked at", "result"], rows.collect())?;
    for note in &report.notes {
        output.say(&format!("note: {note}"));
    }
    Ok(())
}
