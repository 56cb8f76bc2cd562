//! `liftlock port`.

mod ends;
mod page;
mod progress;
mod shape;
pub(super) mod text;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use self::ends::ends_of_rehearsal;
pub(super) use self::ends::{Ends, ends};
use self::page::ReportFile;
pub(super) use self::progress::Progress;
pub(super) use self::shape::{ShapeArgs, not_beside_a_plan};
use super::context::Context;
use super::output::{ErrorJson, Output};
use super::{CommandResult, duration, one_or_more};
use crate::Error;
use crate::config::{PostgresTarget, ProjectSettings};
use crate::db::OwnFiles;
use crate::error::exit;
use crate::interrupt::Interrupt;
use crate::maintain::file::WholeFile;
use crate::port::batch::BatchSize;
use crate::port::copy::OnError;
use crate::port::emit::{self, Emission, Emitted};
use crate::port::plan::Plan;
use crate::port::progress::{Event, Observer};
use crate::port::rehearse::Scratch;
use crate::port::report::Outcome;
use crate::port::{self, Options, Port, PortError, Report};
use crate::words::counted;

/// Move a SQLite database to PostgreSQL, schema and data, and prove every row
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock port app.db postgres://app@host/app --dry-run\n  liftlock port app.db --rehearse \
                        --report port.html\n  liftlock port app.db postgres://app@host/app\n  liftlock port app.db --schema legacy --exclude 'tmp_*' --jobs 4\n  \
                        liftlock port app.db postgres:///app --resume\n  liftlock port app.db postgres:///app \
                        --type 'users.flags=bigint' --type 'EPOCH=timestamptz:seconds'\n  liftlock port app.db \
                        postgres:///app --emit-migrations --dry-run\n\nWhere the migrations folder has scripts for \
                        PostgreSQL and the source records\nwhat Liftlock has applied, they make the schema \
                        (--no-migrations translates it instead).\n\nExit codes: 0 every row proven, \
                        nothing left out; 1 something was left out, put aside or differs\n(a dry run: as the run would end; 1 if something has to be decided); 2 usage; 3 failed; 130 \
                        interrupted (go on with --resume). The guide is docs/porting.md."
)]
pub(super) struct PortArgs {
    /// The SQLite database: a path or `sqlite:app.db`
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The PostgreSQL database: `postgres://user@host/db` [default: as other commands find theirs]
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// Scan, print the plan, and write nothing; without a target, it is the plan for an empty PostgreSQL
    #[arg(long)]
    dry_run: bool,
    /// Do the whole port into a database that is made for it on the same server, report, and drop it; where no target
    /// is given, on a PostgreSQL server of its own, from the programs installed here
    #[arg(long, conflicts_with_all = ["dry_run", "resume", "restart", "emit_migrations"])]
    rehearse: bool,
    /// Write the report to this file, too: one HTML page, of a run that failed or was refused as well
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    report: Option<PathBuf>,
    /// Write the plan to this file, to be looked at, edited and given to `--plan`
    #[arg(long, value_name = "FILE")]
    plan_out: Option<PathBuf>,
    /// Port by this plan, after scanning again; the flags that shape a plan can't be used with it
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    shape: ShapeArgs,
    /// Translate the schema, even where the migrations folder would make it
    #[arg(long)]
    no_migrations: bool,
    /// Write the translated schema as a migration with its down into the migrations folder, and record it as applied in
    /// the target; with `--dry-run` the files are written, and nothing to the database
    #[arg(long)]
    emit_migrations: bool,
    /// How many connections work at once [default: the machine's cores]
    #[arg(long, value_name = "N", value_parser = one_or_more::<NonZeroUsize>)]
    jobs: Option<NonZeroUsize>,
    /// How many rows go into one transaction at most [default: 50000]
    #[arg(long, value_name = "N", value_parser = one_or_more::<NonZeroU64>)]
    batch_rows: Option<NonZeroU64>,
    /// Go on with a port that was not finished
    #[arg(long, conflicts_with_all = ["types", "rename", "lowercase", "snake_case", "include", "exclude", "int4",
        "keep_length", "nocase", "bad_text", "truncate", "on_conflict", "create_missing", "restart", "dry_run", "plan"])]
    resume: bool,
    /// Drop what an unfinished port made and begin anew
    #[arg(long)]
    restart: bool,
    /// All or nothing: one transaction over one connection
    #[arg(long, conflicts_with = "resume")]
    single_transaction: bool,
    /// What becomes of rows that can't be stored
    #[arg(long, value_name = "HOW", default_value = "stop")]
    on_error: OnErrorArg,
    /// The file that rows put aside are written to, a JSON object a line [default: liftlock-quarantine.jsonl]
    #[arg(long, value_name = "FILE")]
    quarantine_file: Option<PathBuf>,
    /// Copy the source to this file first, and port from the copy
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// How long to wait for locks of the source's
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    source_wait: Duration,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OnErrorArg {
    Stop,
    Quarantine,
}

/// The JSON of a run (docs/json.md).
#[derive(Debug, Serialize)]
struct PortJson<'a> {
    command: &'static str,
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a Plan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emitted: Option<&'a Emitted>,
    error: Option<ErrorJson>,
}

pub(super) fn run(args: &PortArgs, context: &Context, output: &mut Output) -> CommandResult {
    let named = args.target.as_deref();
    let Ends { source, target, protected, project } = if args.rehearse || args.dry_run {
        ends_of_rehearsal(&args.source, named, context, output)?
    } else {
        let Ends { source, target, protected, project } = ends(&args.source, named, context, output)?;
        Ends { source, target: Some(target), protected, project }
    };
    let configured = context.port()?;
    let plan = args.plan.as_deref().map(read_plan).transpose()?;
    let options = match &plan {
        None => args.shape.options(&configured),
        Some(plan) => args.shape.options_beside(plan, &configured)?,
    };
    refuse_unknown_codes(&options)?;
    let own = OwnFiles::of_sqlite(&source);
    // what can't be written is said before the work, not after it
    if let Some(path) = &args.plan_out {
        WholeFile::can_write(path, &own)?;
    }
    for path in [&args.snapshot, &args.quarantine_file].into_iter().flatten() {
        own.check(path)?;
    }
    let page = args.report.as_deref().map(|path| ReportFile::open(path, &own)).transpose()?;
    let interrupt = context.interrupt();
    let (target, scratch) = match target {
        Some(target) if !args.rehearse => (target, None),
        target => {
            let scratch = match scratch(target.as_ref(), &options, &interrupt) {
                Ok(scratch) => scratch,
                Err(error) => {
                    let report = Report { source: source.to_string(), ..Report::default() };
                    if let Err(unwritten) = write_page(page, &report, Some(&error), output) {
                        output.error(&unwritten);
                    }
                    return Err(error);
                }
            };
            let what = if args.rehearse { "rehearsing in" } else { "no target is named: planned for" };
            if let Some(place) = scratch.place() {
                output.say(&format!("{what} {place}"));
            }
            (scratch.target().clone(), Some(scratch))
        }
    };
    let progress = Progress::new(output);
    let tell = |event: &Event<'_>| progress.event(event);
    let port = Port {
        source,
        target,
        options,
        migrations: if args.no_migrations { None } else { context.port_migrator(&project, output)? },
        plan,
        jobs: args.jobs.map(NonZeroUsize::get).or(configured.jobs).unwrap_or_else(cores),
        batch_size: batch_size(args.batch_rows.map(NonZeroU64::get).or(configured.batch_rows)),
        resume: args.resume,
        restart: args.restart,
        single_transaction: args.single_transaction,
        on_error: match args.on_error {
            OnErrorArg::Stop => OnError::Stop,
            OnErrorArg::Quarantine => OnError::Quarantine,
        },
        quarantine_file: Some(
            args.quarantine_file.clone().unwrap_or_else(|| PathBuf::from("liftlock-quarantine.jsonl")),
        ),
        snapshot: args.snapshot.clone(),
        patience: args.source_wait,
        interrupt,
        observer: Observer(&tell),
    };
    if args.dry_run {
        let (plan, report) = port::dry_run(&port)?;
        progress.end();
        write_plan(args, &plan, &own)?;
        let refused = report.result == Outcome::Refused;
        let emission = (!refused).then(|| emission(args, &report, &project, context, output)).transpose()?.flatten();
        let emitted = emission.map(|emission| emit::emit(&plan, &emission)).transpose()?;
        let json =
            PortJson { command: "port", report: &report, plan: Some(&plan), emitted: emitted.as_ref(), error: None };
        output.json(&json)?;
        text::notes(&report, &progress.told(), output);
        text::plan(&plan, &report, output)?;
        text::emitted(emitted.as_ref(), output)?;
        return Ok(report.expected.as_ref().map_or(exit::DONE, |expected| expected.exit_code));
    }
    let asks = scratch.is_none() && (port.options.truncate || port.restart || protected);
    if asks && !output.confirm(&question(&port, protected), args.yes)? {
        output.say("nothing was done");
        return Ok(exit::FINDINGS);
    }
    let recorded_in = port.target.clone();
    let (report, plan, error) = match scratch {
        None => port::port(&port),
        Some(scratch) => port::rehearse::rehearse(port, scratch),
    };
    progress.end();
    // what can't be written must not hide what the run came to
    let plan_written = plan.as_ref().map_or(Ok(()), |plan| write_plan(args, plan, &own));
    say_quarantine(&report, output);
    let mut error = error.map(Error::from);
    let done = matches!(report.result, Outcome::Proven | Outcome::Nothing | Outcome::Incomplete) && !args.rehearse;
    let mut emitted = None;
    if let (true, Some(plan)) = (done, &plan)
        && let Some(emission) = emission(args, &report, &project, context, output)?
    {
        let written = emit::emit(&report.as_made(plan), &emission).and_then(|emitted| {
            emit::record(&emitted, &emission, &recorded_in)?;
            Ok(emitted)
        });
        match written {
            Ok(written) => emitted = Some(written),
            Err(failed) => error = Some(failed.into()),
        }
    }
    let page_written = write_page(page, &report, error.as_ref(), output);
    let unwritten: Vec<Error> = [plan_written, page_written].into_iter().filter_map(Result::err).collect();
    let printed = output.json(&PortJson {
        command: "port",
        report: &report,
        plan: None,
        emitted: emitted.as_ref(),
        error: error.as_ref().or(unwritten.first()).map(|error| output.error_json(error)),
    });
    text::report(&report, &progress.told(), output)?;
    text::emitted(emitted.as_ref(), output)?;
    unwritten.iter().for_each(|error| output.error(error));
    if let Some(error) = error {
        output.error(&error);
        return Ok(error.kind().exit_code());
    }
    printed?;
    Ok(match report.result {
        Outcome::Proven | Outcome::Nothing if !unwritten.is_empty() => exit::FAILED,
        Outcome::Proven | Outcome::Nothing | Outcome::Sampled | Outcome::Planned => exit::DONE,
        Outcome::Incomplete | Outcome::Differs | Outcome::Refused => exit::FINDINGS,
        Outcome::Failed => exit::FAILED,
        Outcome::Interrupted => exit::INTERRUPTED,
    })
}

/// A finding that no port can have can't be accepted: it is a typing error.
fn refuse_unknown_codes(options: &Options) -> Result<(), Error> {
    let Some((accepted, meant)) = port::plan::accept::unknown(&options.accept) else { return Ok(()) };
    let meant = meant.map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
    Err(Error::Usage {
        message: format!(
            "`{accepted}` can't be accepted (`--accept`, or `accept` in liftlock.yaml): no finding has that code"
        ),
        hint: format!("{meant}The codes are {}", port::plan::accept::known()),
    })
}

/// Where the schema is to be written as a migration, if it is.
fn emission(
    args: &PortArgs,
    report: &Report,
    project: &ProjectSettings,
    context: &Context,
    output: &Output,
) -> Result<Option<Emission>, Error> {
    match (args.emit_migrations, report.schema_by_migrations) {
        (false, _) => Ok(None),
        (true, None) => context.emission(project, output).map(Some),
        (true, Some(version)) => {
            output.say(&format!("no migration is written: the schema is that of the migrations up to {version}"));
            Ok(None)
        }
    }
}

/// Writes the page of `--report`, where there is to be one.
fn write_page(page: Option<ReportFile>, report: &Report, error: Option<&Error>, output: &Output) -> Result<(), Error> {
    page.map_or(Ok(()), |page| page.write(report, error, output))
}

/// The place for a rehearsal.
fn scratch(target: Option<&PostgresTarget>, options: &Options, interrupt: &Interrupt) -> Result<Scratch, Error> {
    let made = match target {
        Some(target) => Scratch::on_server(target, &options.target_schema, interrupt),
        None => Scratch::in_private_cluster(interrupt),
    };
    made.map_err(Error::from)
}

fn question(port: &Port<'_>, protected: bool) -> String {
    let place = format!("schema `{}` of {}", port.options.target_schema, port.target);
    match (port.restart, port.options.truncate, protected) {
        (true, ..) => format!("Drop what the unfinished port made in {place}?"),
        (_, true, _) => format!("Empty the tables in {place} that are to be filled?"),
        _ => format!("Port into {place}, which is protected?"),
    }
}

/// How many connections work at once, where nobody says.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn batch_size(rows: Option<u64>) -> BatchSize {
    let default = BatchSize::default();
    BatchSize { rows: rows.unwrap_or(default.rows).max(1), ..default }
}

/// Reads a plan document.
pub(super) fn read_plan(path: &Path) -> Result<Plan, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Usage {
        message: format!("cannot read the plan `{}`: {source}", path.display()),
        hint: "`liftlock port … --plan-out FILE` writes one that can be edited".to_owned(),
    })?;
    Plan::from_yaml(&text).map_err(|error| Error::Port(PortError::Document(Box::new(error))))
}

/// Says where the rows are that were put aside.
fn say_quarantine(report: &Report, output: &Output) {
    if let Some(path) = &report.quarantine_file {
        let count = report.tables.iter().map(|table| table.quarantined_rows).sum();
        let (rows, (were, they)) =
            (counted(count, "row"), if count == 1 { ("was", "it is") } else { ("were", "they are") });
        let table = if report.rehearsal.is_some() { "" } else { " and in the table `liftlock_quarantine`" };
        output.say(&format!("{rows} {were} put aside: {they} in `{}`{table}", path.display()));
    }
}

fn write_plan(args: &PortArgs, plan: &Plan, own: &OwnFiles) -> Result<(), Error> {
    let Some(path) = &args.plan_out else { return Ok(()) };
    let write = |source| Error::Write { path: path.display().to_string(), source };
    let text = plan.to_yaml().map_err(|error| write(std::io::Error::other(error)))?;
    Ok(WholeFile::write(path, text.as_bytes(), own)?)
}
