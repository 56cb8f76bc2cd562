//! `liftlock compare`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::output::{ErrorJson, Output};
use super::port::{Progress, ShapeArgs, not_beside_a_plan, read_plan, text};
use super::{CommandResult, duration, one_or_more};
use crate::Error;
use crate::error::exit;
use crate::port::progress::{Event, Observer};
use crate::port::report::Outcome;
use crate::port::{self, Comparison, Report};

/// Compare a SQLite database with PostgreSQL, row by row, whatever moved the data
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock compare app.db postgres://app@host/app\n  liftlock compare app.db \
                        postgres:///app --plan plan.yaml\n  liftlock compare app.db postgres:///app --tables 'order*' \
                        --sample 10000\n\nNothing is written on either side. Exit codes: 0 the same; 1 different, or not \
                        all could be compared; 2 usage; 3 failed; 130 interrupted")]
pub(super) struct CompareArgs {
    /// The SQLite database: a path or `sqlite:app.db`
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The PostgreSQL database: `postgres://user@host/db` [default: as other commands find theirs]
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// The plan by which the data was moved; without it, the columns' types say how values are read
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The schema in PostgreSQL [default: public]; a plan says it itself
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// Only these tables (`*` and `?`); may be repeated
    #[arg(long, value_name = "PATTERN")]
    tables: Vec<String>,
    /// Only about so many rows of each table, from places spread over it; tables without an integer key are compared
    /// whole
    #[arg(long, value_name = "ROWS", value_parser = one_or_more::<NonZeroU64>)]
    sample: Option<NonZeroU64>,
    /// How many connections work at once [default: the machine's cores]
    #[arg(long, value_name = "N", value_parser = one_or_more::<NonZeroUsize>)]
    jobs: Option<NonZeroUsize>,
    /// How long to wait for locks of the source's
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    source_wait: Duration,
}

/// The JSON of a comparison (docs/json.md).
#[derive(Debug, Serialize)]
struct CompareJson<'a> {
    command: &'static str,
    #[serde(flatten)]
    report: &'a Report,
    error: Option<ErrorJson>,
}

pub(super) fn run(args: &CompareArgs, context: &Context, output: &mut Output) -> CommandResult {
    let super::port::Ends { source, target, .. } =
        super::port::ends(&args.source, args.target.as_deref(), context, output)?;
    let plan = args.plan.as_deref().map(read_plan).transpose()?;
    let configured = context.port()?;
    let mut options = match &plan {
        Some(_) if args.schema.is_some() => return Err(not_beside_a_plan("--schema")),
        Some(plan) => ShapeArgs::default().options_beside(plan, &configured)?,
        None => ShapeArgs::default().options(&configured),
    };
    if !args.tables.is_empty() {
        options.include.clone_from(&args.tables);
    }
    if let Some(schema) = &args.schema {
        options.target_schema.clone_from(schema);
    }
    let progress = Progress::new(output);
    let tell = |event: &Event<'_>| progress.event(event);
    let (report, error) = port::compare(&Comparison {
        source,
        target,
        options,
        plan,
        sample: args.sample.map(NonZeroU64::get),
        jobs: args.jobs.map(NonZeroUsize::get).or(configured.jobs).unwrap_or_else(super::port::cores),
        patience: args.source_wait,
        interrupt: context.interrupt(),
        observer: Observer(&tell),
    });
    progress.end();
    let error = error.map(Error::from);
    let json = error.as_ref().map(|error| output.error_json(error));
    let printed = output.json(&CompareJson { command: "compare", report: &report, error: json });
    text::report(&report, &progress.told(), output)?;
    if let Some(error) = error {
        output.error(&error);
        return Ok(error.kind().exit_code());
    }
    printed?;
    Ok(match report.result {
        Outcome::Proven | Outcome::Nothing | Outcome::Sampled => exit::DONE,
        _ => exit::FINDINGS,
    })
}
