//! `liftlock stats`.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::output::Output;
use super::words::{age, bytes, count};
use super::{CommandResult, Dialect};
use crate::error::exit;
use crate::maintain::stats::{Rows, StatsOptions, StatsReport, TableStats, prometheus, stats};

/// Show how large the database is, table by table, and how old its statistics are
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock stats\n  liftlock stats -d postgres://app@host/app --exact\n  liftlock stats \
                        --prometheus > /var/lib/node_exporter/liftlock.prom\n\nNothing is written. SQLite reads every page \
                        once; PostgreSQL is asked for sizes and estimates.\nThe guide is docs/operations-watch.md."
)]
pub(super) struct Stats {
    /// PostgreSQL: count the rows of every table instead of taking the planner's estimates
    #[arg(long)]
    exact: bool,
    /// Print the text format of Prometheus
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
}

#[derive(Debug, Serialize)]
struct StatsJson<'a> {
    command: &'static str,
    target: String,
    #[serde(flatten)]
    report: &'a StatsReport,
}

pub(super) fn run(args: &Stats, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let mut db = context.connect_to_read(&settings)?;
    let report = stats(&mut db, StatsOptions { exact: args.exact })?;
    db.leave();
    let target = settings.target.to_string();
    if args.prometheus {
        output.raw(prometheus(&report).as_bytes())?;
        return Ok(exit::DONE);
    }
    output.json(&StatsJson { command: "stats", target: target.clone(), report: &report })?;
    text(&target, &report, output)?;
    Ok(exit::DONE)
}

fn text(target: &str, report: &StatsReport, output: &Output) -> Result<(), crate::Error> {
    let kind = match report.dialect {
        Dialect::Sqlite => "SQLite",
        Dialect::Postgres => "PostgreSQL",
    };
    output.line(&format!("{target}, {kind} {}", report.version))?;
    let mut size = format!("size: {}", bytes(report.bytes));
    for (number, what) in [
        (report.wal_bytes, "in the -wal"),
        (report.free_bytes, "in free pages"),
        (report.unused_bytes, "unused in other pages"),
    ] {
        if let Some(number) = number {
            size.push_str(&format!(", {} {what}", bytes(number)));
        }
    }
    if let Some(dead) = report.dead_rows {
        size.push_str(&format!(", {}", count(dead, "dead row")));
    }
    output.line(&size)?;
    if let Some(schema) = &report.schema {
        let at = match (&schema.version, &schema.name) {
            (Some(version), Some(name)) => format!("V{version}__{name}"),
            _ => "nothing applied".to_owned(),
        };
        let unfinished = match schema.unfinished {
            0 => String::new(),
            some => format!(", {some} stopped half-way"),
        };
        output.line(&format!("schema: {at}, {} applied{unfinished}", count(schema.applied as u64, "migration")))?;
    }
    if let Some(seconds) = report.statistics_age_seconds {
        output.line(&format!("statistics: the oldest are of {} ago", age(seconds)))?;
    }
    if !report.not_analysed.is_empty() {
        output.line(&format!("not analysed: {}", report.not_analysed.join(", ")))?;
    }
    if !report.tables.is_empty() {
        output.line("")?;
        tables(report, output)?;
    }
    if !report.indexes.is_empty() {
        output.line("")?;
        let rows = report.indexes.iter().map(|index| {
            let scans = match (index.valid, index.scans) {
                (false, _) => "invalid".to_owned(),
                (_, Some(scans)) => count(scans, "scan"),
                _ => String::new(),
            };
            vec![named(&index.schema, &index.name), named(&index.schema, &index.table), bytes(index.bytes), scans]
        });
        output.table(&["index", "of", "bytes", ""], rows.collect())?;
    }
    for note in &report.notes {
        output.say(&format!("note: {note}"));
    }
    Ok(())
}

fn tables(report: &StatsReport, output: &Output) -> Result<(), crate::Error> {
    let sqlite = report.dialect == Dialect::Sqlite;
    let rows = report.tables.iter().map(|table| {
        let last = match sqlite {
            true => bytes(table.unused_bytes.unwrap_or_default()),
            false => table.dead_rows.unwrap_or_default().to_string(),
        };
        let cells = [
            named(&table.schema, &table.name),
            rows_of(table),
            bytes(table.bytes),
            bytes(table.index_bytes),
            last,
            analysed(table),
        ];
        cells.to_vec()
    });
    let last = if sqlite { "unused" } else { "dead rows" };
    output.table(&["table", "rows", "bytes", "indexes", last, "analysed"], rows.collect())
}

fn rows_of(table: &TableStats) -> String {
    match (table.rows, table.rows_are) {
        (Some(rows), Rows::Exact) => rows.to_string(),
        (Some(rows), _) => format!("~{rows}"),
        (None, _) => "?".to_owned(),
    }
}

fn analysed(table: &TableStats) -> String {
    match (table.analysed, table.statistics_age_seconds, table.analysed_rows) {
        (false, ..) => "never".to_owned(),
        (true, Some(seconds), _) => format!("{} ago", age(seconds)),
        (true, None, Some(rows)) => format!("at {}", count(rows, "row")),
        (true, None, None) => "yes".to_owned(),
    }
}

/// A name, with its schema where that is not the usual one.
fn named(schema: &str, name: &str) -> String {
    if matches!(schema, "main" | "public") { name.to_owned() } else { format!("{schema}.{name}") }
}
