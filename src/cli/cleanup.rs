//! `liftlock cleanup`.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::{ErrorJson, Output};
use crate::Error;
use crate::config::{RetentionAction, Settings};
use crate::db::{Access, Db};
use crate::error::exit;
use crate::maintain::cleanup::{self, ChildFate, CleanupOptions, CleanupReport, PolicyReport, PolicyResult};
use crate::maintain::name::database_name;
use crate::migrate::Who;
use crate::words::{counted, thousands};

/// Delete, mark or archive rows that are older than the retention policies allow
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock cleanup --dry-run\n  liftlock cleanup --yes\n  liftlock cleanup --only \
                        audit_logs --env production --yes --confirm app\n\nThe policies stand under `retention:` in \
                        liftlock.yaml (docs/operations-clean.md)")]
pub(super) struct CleanupArgs {
    /// Only the policies for this table; may be repeated
    #[arg(long, value_name = "TABLE")]
    only: Vec<String>,
    /// Count what would go, with all that refers to it, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// How many rows of a table go in one transaction [default: the policy's `batch_rows`, else 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    batch_rows: Option<u64>,
    /// Don't ask before rows are deleted for good
    #[arg(long)]
    yes: bool,
    /// The database's name, with `--yes` in place of typing it where the database is protected (liftlock.yaml)
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// The JSON of `cleanup` (docs/json.md).
#[derive(Debug, Serialize)]
struct CleanupJson<'a> {
    command: &'static str,
    target: String,
    #[serde(flatten)]
    report: &'a CleanupReport,
    error: Option<ErrorJson>,
}

pub(super) fn run(args: &CleanupArgs, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let policies = context.retention(output)?;
    let who = Who { os_user: settings.project.os_user.clone(), host: settings.project.host.clone() };
    let options = CleanupOptions {
        policies,
        only: args.only.clone(),
        batch_rows: args.batch_rows,
        now: jiff::Timestamp::now(),
        who,
        interrupt: context.interrupt(),
    };
    if args.dry_run {
        let mut db = context.connect_to_read(&settings)?;
        let report = cleanup::plan(&mut db, &options)?;
        return print(&settings, &report, None, output);
    }
    let mut db = context.connect(&settings, Access::Existing, output)?;
    if !agreed(args, &settings, &options, &mut db, output)? {
        output.say("nothing was changed");
        return Ok(exit::FINDINGS);
    }
    let bar = Bar::new(output);
    let (report, error) = cleanup::run(&mut db, &options, &|table, done, all| bar.at(table, done, all));
    bar.end();
    print(&settings, &report, error.map(Error::from), output)
}

/// What is lost for good is asked about; on a protected database all is, by its name.
fn agreed(
    args: &CleanupArgs,
    settings: &Settings,
    options: &CleanupOptions,
    db: &mut Db,
    output: &Output,
) -> Result<bool, Error> {
    let destroys = options.policies.iter().any(|policy| policy.action == RetentionAction::Delete);
    if !settings.protected && (args.yes || !destroys) {
        return Ok(true);
    }
    let plan = cleanup::plan(db, options)?;
    let what: Vec<String> = plan
        .policies
        .iter()
        .filter(|policy| if settings.protected { policy.rows_found > 0 } else { policy.destroys() })
        .map(|policy| format!("{}: {}", policy.table, in_words(policy)))
        .collect();
    if what.is_empty() {
        return Ok(true);
    }
    output.say("this is what would be done:");
    for line in &what {
        output.say(&format!("  {line}"));
    }
    if settings.protected {
        let name = database_name(db)?;
        let question = format!("{} is protected.", settings.target);
        return output.confirm_name(&question, &name, args.yes, args.confirm.as_deref());
    }
    output.confirm(&format!("Delete these rows of {} for good?", settings.target), args.yes)
}

fn print(settings: &Settings, report: &CleanupReport, error: Option<Error>, output: &Output) -> CommandResult {
    let target = settings.target.to_string();
    let json = error.as_ref().map(|error| output.error_json(error));
    output.json(&CleanupJson { command: "cleanup", target, report, error: json })?;
    for policy in &report.policies {
        output.line(&format!("{} ({} older than {})", policy.table, policy.age, policy.older_than))?;
        output.line(&format!("  before {}: {}", policy.cut_off, in_words(policy)))?;
        for child in &policy.children {
            let columns = child.columns.join(", ");
            let fate = match child.fate {
                ChildFate::Goes if policy.action == "archive" => "archived with them",
                ChildFate::Goes => "deleted with them",
                ChildFate::Changes => "have it set to NULL or its default",
                ChildFate::Blocks => "keep them from going",
            };
            output.line(&format!(
                "  {} of {} refer to them by {columns} (ON DELETE {}): {fate}",
                counted(child.rows_found, "row"),
                child.table,
                child.on_delete
            ))?;
        }
        if policy.rows_unreadable > 0 {
            output.line(&format!(
                "  {} have no time in `{}`: they stay",
                counted(policy.rows_unreadable, "row"),
                policy.age
            ))?;
        }
    }
    if let Some(error) = error {
        output.error(&error);
        return Ok(error.kind().exit_code());
    }
    if report.dry_run {
        output.say("nothing was written");
    }
    let blocked = report.policies.iter().filter(|policy| policy.blocking().next().is_some()).count();
    if blocked > 0 {
        output.say(&format!(
            "{blocked} of {} can't be done: other rows refer to the old ones; `children: delete` takes them with them",
            match report.policies.len() {
                1 => "1 policy".to_owned(),
                several => format!("{several} policies"),
            }
        ));
        return Ok(exit::FINDINGS);
    }
    Ok(exit::DONE)
}

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How far it is: a bar on a terminal, lines elsewhere.
struct Bar {
    output: Output,
    terminal: bool,
    bar: ProgressBar,
    last: Cell<Instant>,
}

impl Bar {
    fn new(output: &Output) -> Self {
        let terminal = std::io::stderr().is_terminal() && !output.is_json();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg} [{elapsed}, {eta} left]");
        let bar =
            ProgressBar::with_draw_target(None, target).with_style(style.expect("a template of ours is well formed"));
        Self { output: output.clone(), terminal, bar, last: Cell::new(Instant::now()) }
    }

    fn at(&self, table: &str, done: u64, all: u64) {
        if done == 0 {
            // the next policy: what is left of it says nothing of the one before
            self.bar.reset();
        }
        let words = format!("{table}: {} of {}", thousands(done), counted(all, "row"));
        self.bar.set_length(all);
        self.bar.set_position(done);
        self.bar.set_message(words.clone());
        if !self.terminal && self.last.get().elapsed() >= LINE_EVERY {
            self.last.set(Instant::now());
            self.output.say(&words);
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn in_words(policy: &PolicyReport) -> String {
    let to = policy.archive.as_ref().map(|archive| format!(" to {archive}")).unwrap_or_default();
    let (verb, done) = match policy.action {
        "soft_delete" => ("mark as deleted", "marked as deleted"),
        "archive" => ("archive", "archived"),
        _ => ("delete", "deleted"),
    };
    match policy.result {
        PolicyResult::Planned | PolicyResult::Refused if policy.blocking().next().is_some() => {
            format!("{} to {verb}{to}, refused", counted(policy.rows_found, "row"))
        }
        PolicyResult::Planned | PolicyResult::Refused => format!("{} to {verb}{to}", counted(policy.rows_found, "row")),
        PolicyResult::NotDone => "not come to".to_owned(),
        PolicyResult::Done => format!("{} {done}{to}", counted(policy.rows_done, "row")),
        PolicyResult::Stopped => {
            format!("{} of {} {done}{to}, then it stopped", policy.rows_done, counted(policy.rows_found, "row"))
        }
    }
}
