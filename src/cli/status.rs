//! `liftlock status`.

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use crate::config::Settings;
use crate::db::Access;
use crate::error::exit;
use crate::migrate::{Situation, StatusReport};

/// Show every migration and whether it is applied
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock status\n  liftlock status --env production --json")]
pub(super) struct Status {}

/// The JSON of `status` and `check` (docs/json.md).
#[derive(Debug, Serialize)]
struct StatusJson<'a> {
    command: &'a str,
    target: String,
    #[serde(flatten)]
    report: &'a StatusReport,
}

pub(super) fn run(context: &Context, output: &mut Output) -> CommandResult {
    let (settings, report) = read(context, output)?;
    print_json("status", &settings, &report, output)?;
    let rows = report.migrations.iter().map(|entry| {
        vec![
            entry.version.to_string(),
            entry.name.clone(),
            entry.situation.name().to_owned(),
            entry.applied_on.as_deref().map_or_else(String::new, seconds),
            entry.duration_ms.map_or_else(String::new, |ms| format!("{ms} ms")),
        ]
    });
    if report.migrations.is_empty() {
        output.line("no migrations")?;
    } else {
        output.table(&["version", "name", "state", "applied on (UTC)", "took"], rows.collect())?;
    }
    // pending ones stand in the table; what stops a run is said
    for finding in report.findings.iter().filter(|finding| finding.kind != "pending") {
        output.say(&format!("{}: {}", finding.kind.replace('_', " "), finding.message));
    }
    let pending = report.migrations.iter().filter(|entry| entry.situation == Situation::Pending).count();
    if pending > 0 {
        output.say(&format!("{pending} pending"));
    }
    Ok(exit::DONE)
}

pub(super) fn read(context: &Context, output: &mut Output) -> Result<(Settings, StatusReport), crate::Error> {
    let settings = context.settings(output)?;
    let migrator = context.migrator(&settings, output)?;
    let mut db = context.connect(&settings, Access::Read, output)?;
    let report = migrator.status(&mut db)?;
    db.leave();
    Ok((settings, report))
}

pub(super) fn print_json(
    command: &str,
    settings: &Settings,
    report: &StatusReport,
    output: &Output,
) -> Result<(), crate::Error> {
    output.json(&StatusJson { command, target: settings.target.to_string(), report })
}

/// `2026-11-20T09:30:00.123Z` to the second.
fn seconds(time: &str) -> String {
    let time = time.split_once('.').map_or(time.trim_end_matches('Z'), |(seconds, _)| seconds);
    time.replace('T', " ")
}
