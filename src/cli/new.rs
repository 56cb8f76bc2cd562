//! `liftlock new`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::{Context, layout};
use super::output::Output;
use super::{CommandResult, numbering};
use crate::config::Numbering;
use crate::error::exit;
use crate::migrate::Directives;
use crate::migrate::layout::{Layout, NewMigration, Next, next, plan_files, write_files};
use crate::{Dialect, Error};

const UP: &str = include_str!("../../templates/new/up.sql");
const UP_WITHOUT_TRANSACTION: &str = include_str!("../../templates/new/up.no-transaction.sql");
const DOWN: &str = include_str!("../../templates/new/down.sql");

/// Write the files of a new migration, in the layout of the folder
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock new add_users\n  liftlock new index_events --dialect postgres --no-transaction\n  \
                        liftlock new add_users --numbering sequence"
)]
pub(super) struct New {
    /// What the migration does: letters, digits and underscores
    name: String,
    /// Write it for one database alone: sqlite or postgres
    #[arg(long, value_name = "DIALECT", value_parser = dialect)]
    dialect: Option<Dialect>,
    /// Mark its scripts as running without a transaction
    #[arg(long)]
    no_transaction: bool,
    /// The version: timestamp or sequence [default: as in the folder; timestamp where it is empty]
    #[arg(long, value_name = "KIND", value_parser = numbering)]
    pub numbering: Option<Numbering>,
    /// Print the files and write nothing
    #[arg(long)]
    dry_run: bool,
}

fn dialect(text: &str) -> Result<Dialect, String> {
    Dialect::from_name(text).ok_or_else(|| "`sqlite` or `postgres`".to_owned())
}

#[derive(Debug, Serialize)]
struct NewJson {
    command: &'static str,
    version: i64,
    dry_run: bool,
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &New, context: &Context, output: &mut Output) -> CommandResult {
    let project = context.project(output)?;
    let migrations = &project.migrations;
    let dir = &migrations.dir;
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let named = layout(migrations.layout.as_deref())?;
    let Next { layout, version, style, .. } = next(dir, named, migrations.numbering, now)?;
    let name = name(&args.name)?;
    let fill = |template: &str| template.replace("{{name}}", &name);
    let (up, down) = match layout {
        Layout::Liftlock if args.no_transaction => (fill(UP_WITHOUT_TRANSACTION), fill(DOWN)),
        Layout::Liftlock => (fill(UP), fill(DOWN)),
        _ => (format!("-- {name}\n"), format!("-- what takes {name} back\n")),
    };
    let files = plan_files(
        layout,
        dir,
        &NewMigration {
            version,
            name: &name,
            dialect: args.dialect,
            up: &up,
            down: layout.has_downs().then_some(down.as_str()),
            directives: Directives { no_transaction: args.no_transaction, ..Directives::default() },
            style,
        },
    )?;
    if !args.dry_run {
        write_files(&files)?;
    }
    for (path, text) in &files {
        if args.dry_run {
            output.line(&format!("-- {}\n{text}", path.display()))?;
        } else {
            output.line(&format!("wrote {}", path.display()))?;
        }
    }
    let files = files.into_iter().map(|(path, _)| path).collect();
    output.json(&NewJson { command: "new", version, dry_run: args.dry_run, files })?;
    Ok(exit::DONE)
}

/// Words become one name: blanks and dashes are underscores.
fn name(text: &str) -> Result<String, Error> {
    let name: String = text.trim().chars().map(|c| if c == ' ' || c == '-' { '_' } else { c }).collect();
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Err(Error::Usage {
            message: format!("`{text}` is no name for a migration"),
            hint: "letters, digits and underscores, such as `add_users`".to_owned(),
        });
    }
    Ok(name)
}
