//! `liftlock down`.

use clap::Args;

use super::context::Context;
use super::output::{Output, title};
use super::{CommandResult, DownArgs, up};
use crate::config::Settings;
use crate::db::{Access, Db};
use crate::error::exit;
use crate::migrate::{Direction, DownTo, RunReport};

/// Take migrations back, the highest first; one unless told otherwise
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock down\n  liftlock down --steps 3 --dry-run\n  liftlock down --to 20261101000000\n  \
                        liftlock down --to 0 --from-table"
)]
pub(super) struct Down {
    /// Take back everything above this version; 0 takes back all
    #[arg(long, value_name = "VERSION", conflicts_with = "steps")]
    to: Option<i64>,
    /// Take back so many migrations
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    #[command(flatten)]
    pub how: DownArgs,
}

pub(super) fn run(args: &Down, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let migrator = context.migrator(&settings, output)?;
    let to = match (args.to, args.steps) {
        (Some(version), _) => DownTo::Version(version),
        (None, Some(steps)) => DownTo::Steps(steps),
        (None, None) => DownTo::default(),
    };
    let from = args.how.from();
    if args.how.dry_run {
        let mut db = context.connect(&settings, Access::Read, output)?;
        return up::planned("down", &settings, migrator.plan_down(&mut db, to, from)?, output);
    }
    let mut db = context.connect(&settings, Access::Existing, output)?;
    let plan = |db: &mut Db| Ok(migrator.plan_down(db, to, from)?);
    if !agreed(&settings, args.how.yes, &mut db, output, plan)? {
        return Ok(exit::FINDINGS);
    }
    let outcome = migrator.down(&mut db, to, from)?;
    up::report("down", &settings, outcome, output)
}

/// A protected database is not taken down without a yes.
pub(super) fn agreed(
    settings: &Settings,
    yes: bool,
    db: &mut Db,
    output: &Output,
    plan: impl FnOnce(&mut Db) -> Result<RunReport, crate::Error>,
) -> Result<bool, crate::Error> {
    if !settings.protected {
        return Ok(true);
    }
    let plan = plan(db)?;
    let back: Vec<String> = plan.not_done.iter().filter(|step| step.direction == Direction::Down).map(title).collect();
    if back.is_empty() {
        return Ok(true);
    }
    let question = format!("{} is protected. Take back {}?", settings.target, back.join(", "));
    output.confirm(&question, yes)
}
