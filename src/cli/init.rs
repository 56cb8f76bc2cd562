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
use crate::config::{Environment, FILE_NAME, Target};
use crate::error::exit;

const FILE: &str = include_str!("../../templates/init/liftlock.yaml");
const DATABASE: &str = "sqlite:app.db";

/// Write liftlock.yaml and the folder of migrations
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock init\n  liftlock init -d sqlite:app.db")]
pub(super) struct Init {}

#[derive(Debug, Serialize)]
struct InitJson {
    command: &'static str,
    created: Vec<String>,
}

pub(super) fn run(_args: &Init, database: Option<&str>, context: &Context, output: &mut Output) -> CommandResult {
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
    let mut created = Vec::new();
    let path = Path::new(FILE_NAME);
    let failed = |path: &Path, source| Error::Write { path: path.display().to_string(), source };
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(|error| failed(path, error))?;
            created.push(FILE_NAME.to_owned());
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            output.say(&format!("`{FILE_NAME}` is there already and stays as it is"));
        }
        Err(error) => return Err(failed(path, error)),
    }
    let dir = context.project(output)?.migrations.dir;
    if !dir.exists() {
        fs::create_dir_all(&dir).map_err(|error| failed(&dir, error))?;
        created.push(dir.display().to_string());
    }
    for name in &created {
        output.line(&format!("wrote {name}"))?;
    }
    if created.is_empty() {
        output.line("nothing to do")?;
    } else {
        output.say("next: `liftlock new add_users`, then `liftlock up`");
    }
    output.json(&InitJson { command: "init", created })?;
    Ok(exit::DONE)
}
