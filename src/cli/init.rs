//! `liftlock init`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use crate::Error;
use crate::config::{Environment, FILE_NAME, MigrationSettings, Target};
use crate::error::exit;
use crate::migrate::layout::Layout;
use crate::starters::{self, Starter};

const FILE: &str = include_str!("../../templates/init/liftlock.yaml");
const DATABASE: &str = "sqlite:app.db";

/// Write liftlock.yaml and the folder of migrations; with `--template`, all that an application of a kind begins with
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock init\n  liftlock init -d sqlite:app.db\n  liftlock init --dry-run\n  liftlock init --list\n  \
                  liftlock init --template validation-sessions"
)]
pub(super) struct Init {
    /// Write this starter's migrations, mapping, retention policies and README, too
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// List the starters, and write nothing
    #[arg(long, conflicts_with_all = ["template", "dry_run"])]
    list: bool,
    /// Print what would be written (of a starter: which files), and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct InitJson {
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'static str>,
    dry_run: bool,
    created: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ListJson {
    command: &'static str,
    starters: Vec<Starter>,
}

pub(super) fn run(args: &Init, database: Option<&str>, context: &Context, output: &mut Output) -> CommandResult {
    if args.list {
        return list(output);
    }
    // before anything else: a name that was mistyped is worth no other question
    let starter = args.template.as_deref().map(starter).transpose()?;
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
    match starter {
        None => plain(args, text, project.migrations.dir, output),
        Some(starter) => template(args, &starter, &text, &project.migrations, output),
    }
}

fn list(output: &Output) -> CommandResult {
    let starters = starters::all();
    for starter in &starters {
        output.line(&format!("{}: {}", starter.name, starter.title))?;
        output.line(&format!("    {}", starter.describes))?;
    }
    output.json(&ListJson { command: "init", starters })?;
    output.say("next: `liftlock init --template NAME`");
    Ok(exit::DONE)
}

fn starter(name: &str) -> Result<Starter, Error> {
    starters::find(name).ok_or_else(|| {
        let near = starters::suggest(name).map(|near| format!("did you mean `{near}`? "));
        Error::Usage {
            message: format!("there is no starter `{name}`"),
            hint: format!("{}`liftlock init --list` shows them", near.unwrap_or_default()),
        }
    })
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.display().to_string(), source }
}

fn plain(args: &Init, text: String, dir: PathBuf, output: &mut Output) -> CommandResult {
    let mut created = Vec::new();
    let path = Path::new(FILE_NAME);
    if path.exists() {
        output.say(&format!("`{FILE_NAME}` is there already and stays as it is"));
    } else {
        created.push(FILE_NAME.to_owned());
        if args.dry_run {
            output.line(&text)?;
        } else {
            write_new(path, &text)?;
        }
    }
    if !dir.exists() {
        if !args.dry_run {
            fs::create_dir_all(&dir).map_err(|error| failed(&dir, error))?;
        }
        created.push(dir.display().to_string());
    }
    tell(args, &created, output)?;
    if created.is_empty() {
        output.line("nothing to do")?;
    } else if !args.dry_run {
        output.say("next: `liftlock new add_users`, then `liftlock up`");
    }
    output.json(&InitJson { command: "init", template: None, dry_run: args.dry_run, created })?;
    Ok(exit::DONE)
}

fn template(
    args: &Init,
    starter: &Starter,
    text: &str,
    migrations: &MigrationSettings,
    output: &mut Output,
) -> CommandResult {
    let other = migrations.layout.as_deref().filter(|layout| *layout != Layout::Liftlock.name());
    if let Some(layout) = other {
        return Err(Error::Usage {
            message: format!("a starter's migrations are in the layout `{}`, not `{layout}`", Layout::Liftlock.name()),
            hint: "leave `--layout` out".to_owned(),
        });
    }
    let files = files(starter, text, &migrations.dir);
    let mut there: Vec<String> =
        files.iter().filter(|(path, _)| fs::symlink_metadata(path).is_ok()).map(|(path, _)| shown(path)).collect();
    // a second first migration beside the one that is there would be none of both
    let taken = fs::read_dir(&migrations.dir).is_ok_and(|mut entries| entries.next().is_some());
    if taken && !there.iter().any(|path| Path::new(path).starts_with(&migrations.dir)) {
        there.push(format!("{} (which is not empty)", migrations.dir.display()));
    }
    if !there.is_empty() {
        let names = there.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        return Err(Error::Usage {
            message: format!("there already, and nothing was written: {names}"),
            hint: "begin in an empty folder, or move these away; `--dir` names another folder of migrations".to_owned(),
        });
    }
    if !args.dry_run {
        write_all(&files)?;
    }
    let created: Vec<String> = files.iter().map(|(path, _)| shown(path)).collect();
    tell(args, &created, output)?;
    if !args.dry_run {
        output.say(
            "next: `liftlock up` makes the tables, `liftlock import DIR` takes the files of the folder DIR into them, and \
             `liftlock audit` looks at the schema",
        );
    }
    output.json(&InitJson { command: "init", template: Some(starter.name), dry_run: args.dry_run, created })?;
    Ok(exit::DONE)
}

/// The files of a project that begins with a starter.
fn files(starter: &Starter, liftlock: &str, dir: &Path) -> Vec<(PathBuf, String)> {
    let mut files = vec![
        (FILE_NAME.into(), format!("{}\n{}", liftlock, starter.retention)),
        ("import.yaml".into(), starter.import.to_owned()),
    ];
    // the README of a project that is there says more than a starter's
    let readme = if Path::new("README.md").exists() { format!("{}.md", starter.name) } else { "README.md".to_owned() };
    files.push((readme.into(), starter.readme.to_owned()));
    files.extend(starter.migrations.iter().map(|file| (dir.join(file.path), file.text.to_owned())));
    files
}

/// Writes all files, or leaves none of them.
fn write_all(files: &[(PathBuf, String)]) -> Result<(), Error> {
    let mut made: Vec<&Path> = Vec::new();
    for (path, text) in files {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let written = folder
            .map_or(Ok(()), fs::create_dir_all)
            .map_err(|error| failed(path, error))
            .and_then(|()| write_new(path, text));
        if let Err(error) = written {
            for path in made {
                if let Err(error) = fs::remove_file(path) {
                    tracing::debug!(%error, "{}", path.display());
                }
            }
            return Err(error);
        }
        made.push(path);
    }
    Ok(())
}

/// Never over a file that came in between; one that could not be written whole is not left behind.
fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| failed(path, error))?;
    file.write_all(text.as_bytes()).map_err(|error| {
        drop(fs::remove_file(path));
        failed(path, error)
    })
}

fn tell(args: &Init, created: &[String], output: &Output) -> Result<(), Error> {
    let verb = if args.dry_run { "would write" } else { "wrote" };
    created.iter().try_for_each(|name| output.line(&format!("{verb} {name}")))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
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
