//! `liftlock init`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use crate::Error;
use crate::config::{Environment, FILE_NAME, MigrationSettings, Target};
use crate::error::exit;

const FILE: &str = include_str!("../../templates/init/liftlock.yaml");
const DATABASE: &str = "sqlite:app.db";

/// Write liftlock.yaml and the folder of migrations
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock init\n  liftlock init -d sqlite:app.db\n  liftlock init --dry-run")]
pub(super) struct Init {
    /// Print what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct InitJson {
    command: &'static str,
    dry_run: bool,
    created: Vec<String>,
}

pub(super) fn run(args: &Init, database: Option<&str>, context: &Context, output: &mut Output) -> CommandResult {
    let text = match database {
        None => FILE.to_owned(),
        Some(url) => {
            // a URL that can't be used, or holds a password, is no good to write down
            let target = Target::parse(url, &Environment::default())?;
            if target.secrets().next().is_some() {
                return Err(Error::Usage {
                    message: "the URL holds a password, which does not belong in a file".to_owned(),
                    hint: "leave it out, and write `password: ${DB_PASSWORD}` into liftlock.yaml".to_owned(),
                });
            }
            FILE.replacen(DATABASE, url, 1)
        }
    };
    let project = context.project(output)?;
    let text = with_folder(text, &project.migrations);
    let mut created = Vec::new();
    let path = Path::new(FILE_NAME);
    let failed = |path: &Path, source| Error::Write { path: path.display().to_string(), source };
    if path.exists() {
        output.say(&format!("`{FILE_NAME}` is there already and stays as it is"));
    } else {
        created.push(FILE_NAME.to_owned());
        if args.dry_run {
            output.line(&text)?;
        } else {
            // never over a file that came in between
            let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|e| failed(path, e))?;
            file.write_all(text.as_bytes()).map_err(|error| failed(path, error))?;
        }
    }
    let dir = project.migrations.dir;
    if !dir.exists() {
        if !args.dry_run {
            fs::create_dir_all(&dir).map_err(|error| failed(&dir, error))?;
        }
        created.push(dir.display().to_string());
    }
    let verb = if args.dry_run { "would write" } else { "wrote" };
    for name in &created {
        output.line(&format!("{verb} {name}"))?;
    }
    if created.is_empty() {
        output.line("nothing to do")?;
    } else if !args.dry_run {
        output.say("next: `liftlock new add_users`, then `liftlock up`");
    }
    output.json(&InitJson { command: "init", dry_run: args.dry_run, created })?;
    Ok(exit::DONE)
}

/// The text with the folder and the layout that flags or the environment name.
fn with_folder(text: String, migrations: &MigrationSettings) -> String {
    let mut lines = format!("  dir: {}", quoted(&migrations.dir.display().to_string()));
    if let Some(layout) = &migrations.layout {
        lines.push_str(&format!("\n  layout: {layout}"));
    }
    text.replacen("  dir: migrations", &lines, 1)
}

/// As it stands where that is plain YAML, else in quotes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}
