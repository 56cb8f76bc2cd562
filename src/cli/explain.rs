//! `liftlock explain`.

use std::io::Read as _;

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use super::words::count;
use crate::error::exit;
use crate::maintain::explain::{ExplainOptions, ExplainReport, explain, tree};

/// Show how the database would run a statement, and what of it reads whole tables; the statement is not run
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock explain \"SELECT * FROM users WHERE email = ?\"\n  liftlock explain -d \
                        postgres://app@host/app \"DELETE FROM orders WHERE id = $1\" --json\n  liftlock explain --analyze \
                        - < slow.sql\n\nOne statement at a time, and none that EXPLAIN would run. The guide is \
                        docs/operations-watch.md.")]
pub(super) struct Explain {
    /// The statement; `-` reads it from stdin
    #[arg(value_name = "SQL")]
    sql: String,
    /// Run it, in a read-only transaction that is rolled back; only a SELECT without parameters
    #[arg(long)]
    analyze: bool,
}

#[derive(Debug, Serialize)]
struct ExplainJson<'a> {
    command: &'static str,
    target: String,
    #[serde(flatten)]
    report: &'a ExplainReport,
}

pub(super) fn run(args: &Explain, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let sql = match args.sql.as_str() {
        "-" => {
            let mut sql = String::new();
            std::io::stdin().read_to_string(&mut sql).map_err(|error| crate::Error::Usage {
                message: format!("stdin can't be read as text: {error}"),
                hint: "it is to hold one statement, in UTF-8".to_owned(),
            })?;
            sql
        }
        sql => sql.to_owned(),
    };
    let mut db = context.connect_to_read(&settings)?;
    let report = {
        let interrupt = context.interrupt();
        let _work = interrupt.work();
        let _running = interrupt.while_running(db.canceller());
        explain(&mut db, &sql, ExplainOptions { analyze: args.analyze })
            .map_err(|error| error.or_interrupted(&interrupt, "nothing was written"))?
    };
    db.leave();
    output.json(&ExplainJson { command: "explain", target: settings.target.to_string(), report: &report })?;
    text(&report, output)?;
    Ok(exit::DONE)
}

fn text(report: &ExplainReport, output: &Output) -> Result<(), crate::Error> {
    for line in tree(&report.plan) {
        output.line(&line)?;
    }
    output.line("")?;
    if report.full_scans.is_empty() {
        output.line("no full scans")?;
    }
    for scan in &report.full_scans {
        let rows = scan
            .rows
            .map_or_else(|| "not known how many rows".to_owned(), |rows| format!("about {}", count(rows, "row")));
        output.line(&format!("full scan: {}, {rows}", scan.table))?;
    }
    if let Some(run) = &report.run {
        let mut line = format!("run: {} in {:.3} ms", count(run.rows, "row"), run.ms);
        for (number, what) in [
            (run.full_scan_steps, "full-scan step"),
            (run.sorts, "sort"),
            (run.automatic_index_rows, "automatic index row"),
        ] {
            if let Some(number) = number {
                line.push_str(&format!(", {}", count(number, what)));
            }
        }
        output.line(&line)?;
    }
    for note in &report.notes {
        output.say(&format!("note: {note}"));
    }
    Ok(())
}
