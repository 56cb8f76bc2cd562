//! `liftlock repair`.

use clap::{Args, ValueEnum};

use super::context::Context;
use super::output::Output;
use super::{CommandResult, LockArgs, mark};
use crate::db::Access;
use crate::migrate::StatementVerdict;

/// Accept an edited file as what was applied; or settle a statement that nobody could tell of
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock repair 3 --reason 'only a comment changed'\n  liftlock repair 3 --dry-run\n  \
                        liftlock repair 7 --statement done"
)]
pub(super) struct Repair {
    /// The version
    // `version` is the id of clap's own `--version`
    #[arg(id = "number", value_name = "VERSION")]
    version: i64,
    /// What became of the statement at which an unfinished script stopped
    #[arg(long, value_name = "VERDICT")]
    statement: Option<Verdict>,
    /// Why; kept in the log
    #[arg(long)]
    reason: Option<String>,
    /// Print the differences and the SQL, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Verdict {
    /// It happened: go on after it
    Done,
    /// It did not: run it again
    Again,
}

pub(super) fn run(args: &Repair, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let migrator = context.migrator(&settings, output)?;
    let verdict = args.statement.map(|verdict| match verdict {
        Verdict::Done => StatementVerdict::Done,
        Verdict::Again => StatementVerdict::Again,
    });
    let reason = args.reason.as_deref();
    let access = if args.dry_run { Access::Read } else { Access::Existing };
    let mut db = context.connect(&settings, access, output)?;
    let adjustment = if args.dry_run {
        migrator.plan_repair(&mut db, args.version, verdict, reason)?
    } else {
        migrator.repair(&mut db, args.version, verdict, reason)?
    };
    mark::report("repair", &settings, &adjustment, args.dry_run, output)
}
