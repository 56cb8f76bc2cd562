//! `liftlock restore`.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::backup::Bar;
use super::context::Context;
use super::output::Output;
use super::{CommandResult, duration};
use crate::Error;
use crate::crypt::{CryptError, Key};
use crate::error::exit;
use crate::maintain::MaintainError;
use crate::maintain::backup::Progress;
use crate::maintain::restore::{Restore, RestoreReport, There, dry_run, glance, name_of, restore, what_is_there};
use crate::words::counted;

/// Put a backup in the place of the database's content, which is kept
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock restore app-20261120T142059Z.backup.db --yes\n  liftlock restore app.backup.db -d sqlite:copy.db\n  \
                        liftlock restore app.backup.dump -d postgres://app@host/app --into app_check\n  \
                        liftlock restore app.backup.dump --env production --yes --confirm app\n\nThe backup is checked \
                        from first to last before anything is touched. What the database held\nbefore is kept: as a \
                        backup beside a SQLite file, as a database of another name in PostgreSQL.\nThe guide is \
                        docs/operations.md."
)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// PostgreSQL: restore into this database, which is made, or has to be empty
    #[arg(long, value_name = "NAME")]
    into: Option<String>,
    /// Don't ask whether to replace what is there
    #[arg(long)]
    yes: bool,
    /// The database's name, which has to be given where it is protected (liftlock.yaml)
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// Restore a backup that has no manifest, too: nothing then says whether it is as it was made
    #[arg(long)]
    without_manifest: bool,
    /// Check the backup from first to last, say what would be replaced, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for locks
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    wait: Duration,
}

/// The JSON of a restore (docs/json.md).
#[derive(Debug, Serialize)]
struct RestoreJson<'a> {
    command: &'static str,
    result: &'static str,
    #[serde(flatten)]
    report: &'a RestoreReport,
}

/// The JSON of `--dry-run` (docs/json.md).
#[derive(Debug, Serialize)]
struct PlanJson<'a> {
    command: &'static str,
    result: &'static str,
    /// Whether the database holds something that would be replaced.
    replaces: bool,
    #[serde(flatten)]
    report: &'a RestoreReport,
}

pub(super) fn run(args: &RestoreArgs, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let configured = context.backup()?;
    let secret = context.key(output);
    let key = secret.as_ref().map(|secret| Key::from_secret(Some(secret))).transpose().map_err(no_key_of_then)?;
    output.say(&format!("database: {} (from {})", settings.target, settings.target_source));
    let bar = Bar::new(output);
    let told = |done, all| bar.at(done, all);
    let (target, protected) = (settings.target, settings.protected);
    let request = Restore {
        target,
        file: args.file.clone(),
        into: args.into.clone(),
        key,
        without_manifest: args.without_manifest,
        dir: configured.dir,
        patience: args.wait,
        interrupt: context.interrupt(),
        progress: Progress(&told),
    };
    // nobody is asked about what can't be done
    glance(&request)?;
    if args.dry_run {
        let planned = dry_run(&request);
        bar.end();
        return print_plan(&planned?, output);
    }
    // another database is made, or refused where it holds something
    let replaces = args.into.is_none() && what_is_there(&request)? == There::Live;
    if replaces && !agreed(args, &request, protected, output)? {
        output.say("nothing was changed");
        return Ok(exit::FINDINGS);
    }
    let report = restore(&request);
    bar.end();
    let report = report?;
    let same = report.differences.is_empty();
    let result = if same { "done" } else { "differs" };
    output.json(&RestoreJson { command: "restore", result, report: &report })?;
    let of = report.made_on.as_ref().map_or_else(String::new, |time| format!(" of {time}"));
    output.line(&format!("{} has the backup{of} now", report.database))?;
    match &report.kept {
        Some(kept) => output.line(&format!("what it held before is kept: {kept}"))?,
        None => output.line("there was nothing before")?,
    }
    if same && report.compared > 0 {
        output.line(&match report.compared {
            1 => "1 table compared, as it was".to_owned(),
            several => format!("{several} tables compared, all as they were"),
        })?;
    }
    for difference in &report.differences {
        output.line(&format!("differs: {difference}"))?;
    }
    for note in &report.notes {
        output.warn(note);
    }
    Ok(if same { exit::DONE } else { exit::FINDINGS })
}

/// What a restore would do.
fn print_plan((report, there): &(RestoreReport, There), output: &Output) -> CommandResult {
    let replaces = *there == There::Live;
    output.json(&PlanJson { command: "restore", result: "planned", replaces, report })?;
    let of = report.made_on.as_ref().map_or_else(String::new, |time| format!(" of {time}"));
    output.line(&match report.compared {
        0 => format!("the backup{of} is whole"),
        tables => format!("the backup{of} is whole: {} compared with its manifest", counted(tables as u64, "table")),
    })?;
    output.line(&match replaces {
        true => format!("what {} holds would be replaced by it, and kept", report.database),
        false => format!("{} holds nothing: it would have the backup's content", report.database),
    })?;
    if report.made_on.is_none() {
        output.line("without its manifest nobody can say whether it is as it was made")?;
    }
    report.notes.iter().for_each(|note| output.warn(note));
    output.line("nothing was changed")?;
    Ok(exit::DONE)
}

/// A key that is none: a new one would open nothing.
fn no_key_of_then(error: CryptError) -> Error {
    let hint = "it takes the key that the backup was made with; nothing was changed".to_owned();
    MaintainError::Refused { message: error.to_string(), hint }.into()
}

/// Whether what is there may be replaced. A protected database has to be named.
fn agreed(args: &RestoreArgs, request: &Restore<'_>, protected: bool, output: &Output) -> Result<bool, Error> {
    let name = name_of(&request.target, request.into.as_deref());
    if protected {
        let typed = match &args.confirm {
            Some(typed) => typed.clone(),
            None if std::io::stdin().is_terminal() => {
                output.say(&format!("{} is protected. Its name, to replace what it holds:", request.target));
                let mut typed = String::new();
                std::io::stdin().lock().read_line(&mut typed).map_err(Error::Print)?;
                typed.trim().to_owned()
            }
            None => {
                return Err(Error::Usage {
                    message: format!("{} is protected: a restore replaces what it holds", request.target),
                    hint: "give its name with `--confirm`, and `--yes`".to_owned(),
                });
            }
        };
        if typed != name {
            return Err(Error::Usage {
                message: format!("{} is protected, and `{typed}` is not its name", request.target),
                hint: format!("the name is `{name}`"),
            });
        }
    }
    output.confirm(&format!("Replace what {} holds (it is kept)?", request.target), args.yes)
}
