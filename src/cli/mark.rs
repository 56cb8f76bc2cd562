//! `liftlock mark`.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::output::Output;
use super::{CommandResult, LockArgs};
use crate::Error;
use crate::config::Settings;
use crate::db::{Access, Db};
use crate::error::exit;
use crate::migrate::{Adjustment, Mark};

/// Record a migration as applied, or as not applied, without running it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock mark 3 --applied --reason 'made by hand in the incident of 3 May'\n  \
                        liftlock mark 3 --unapplied --reason 'undone by hand'\n  \
                        liftlock mark --through 12 --applied --reason 'schema came from a dump'")]
pub(super) struct MarkArgs {
    /// The version
    // `version` is the id of clap's own `--version`
    #[arg(id = "number", value_name = "VERSION", required_unless_present = "through", conflicts_with = "through")]
    version: Option<i64>,
    /// Every version up to this one: for a database that has the schema and no history
    #[arg(long, value_name = "VERSION", conflicts_with = "unapplied")]
    through: Option<i64>,
    /// It is applied
    #[arg(long, required_unless_present = "unapplied")]
    applied: bool,
    /// It is not applied
    #[arg(long, conflicts_with = "applied")]
    unapplied: bool,
    /// Why; kept in the log
    #[arg(long)]
    reason: String,
    /// Print the SQL and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Don't ask, where a table that was made by hand is taken over
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

/// The JSON of `mark` and `repair` (docs/json.md).
#[derive(Debug, Serialize)]
struct AdjustmentJson<'a> {
    command: &'a str,
    target: String,
    dry_run: bool,
    #[serde(flatten)]
    adjustment: &'a Adjustment,
}

pub(super) fn run(args: &MarkArgs, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let migrator = context.migrator(&settings, output)?;
    let mark = match (args.version, args.through, args.applied) {
        (_, Some(through), _) => Mark::Through(through),
        (Some(version), None, true) => Mark::Applied(version),
        (Some(version), None, false) => Mark::Unapplied(version),
        (None, None, _) => {
            return Err(Error::Usage {
                message: "no version is given".to_owned(),
                hint: "`liftlock mark 3 --applied --reason '…'`".to_owned(),
            });
        }
    };
    if args.dry_run {
        let mut db = context.connect(&settings, Access::Read, output)?;
        let adjustment = migrator.plan_mark(&mut db, mark, &args.reason)?;
        return report("mark", &settings, &adjustment, true, output);
    }
    let mut db = if args.applied {
        let check = |db: &mut Db| Ok(migrator.plan_mark(db, mark, &args.reason).map(drop)?);
        context.connect_to_write(&settings, output, check)?
    } else {
        context.connect(&settings, Access::Existing, output)?
    };
    if matches!(mark, Mark::Through(_)) && migrator.takes_over(&mut db)? {
        output.say("this is what would be done:");
        for change in migrator.plan_mark(&mut db, mark, &args.reason)?.changes {
            output.say(&format!("  {change}"));
        }
        if !output.confirm("Take `schema_migrations` over like that?", args.yes)? {
            output.say("nothing was changed");
            return Ok(exit::FINDINGS);
        }
    }
    let adjustment = migrator.mark(&mut db, mark, &args.reason)?;
    report("mark", &settings, &adjustment, false, output)
}

/// What a change of the bookkeeping says.
pub(super) fn report(
    command: &str,
    settings: &Settings,
    adjustment: &Adjustment,
    dry_run: bool,
    output: &Output,
) -> CommandResult {
    output.json(&AdjustmentJson { command, target: settings.target.to_string(), dry_run, adjustment })?;
    for difference in &adjustment.differences {
        output.line(difference)?;
    }
    if dry_run {
        for sql in &adjustment.sql {
            output.line(&format!("{sql};"))?;
        }
        output.say("nothing was written");
    } else if adjustment.is_empty() {
        output.line("nothing to do")?;
    }
    for change in &adjustment.changes {
        if dry_run { output.say(change) } else { output.line(change)? }
    }
    Ok(exit::DONE)
}
