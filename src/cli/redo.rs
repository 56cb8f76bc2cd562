//! `liftlock redo`.

use clap::Args;

use super::context::Context;
use super::output::Output;
use super::{CommandResult, DownArgs, down, up};
use crate::db::{Access, Db};
use crate::error::exit;

/// Take the highest migration back and apply it again from its file
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock redo\n  liftlock redo --dry-run")]
pub(super) struct Redo {
    #[command(flatten)]
    pub how: DownArgs,
}

pub(super) fn run(args: &Redo, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let migrator = context.migrator(&settings, output)?;
    let from = args.how.from();
    if args.how.dry_run {
        let mut db = context.connect(&settings, Access::Read, output)?;
        return up::planned("redo", &settings, migrator.plan_redo(&mut db, from)?, output);
    }
    let mut db = context.connect(&settings, Access::Existing, output)?;
    let plan = |db: &mut Db| Ok(migrator.plan_redo(db, from)?);
    if !down::agreed(&settings, args.how.yes, &mut db, output, plan)? {
        return Ok(exit::FINDINGS);
    }
    let outcome = migrator.redo(&mut db, from)?;
    up::report("redo", &settings, outcome, output)
}
