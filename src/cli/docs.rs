//! `liftlock docs`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use crate::db::OwnFiles;
use crate::error::exit;
use crate::maintain::catalog::{Catalog, Table, Trigger, View};
use crate::maintain::docs::{self, DocsFormat};
use crate::maintain::file::WholeFile;
use crate::maintain::name::database_name;

/// Write the schema down for people: as Markdown, or as a page with a diagram
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock docs > SCHEMA.md\n  liftlock docs --format html --output schema.html\n  \
                        liftlock docs --env production --json"
)]
pub(super) struct DocsArgs {
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    format: Format,
    /// The file; what is there is replaced once the new one is whole [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The heading [default: the database's name]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a repository or a wiki
    Markdown,
    /// One page that needs no other file, with a diagram
    Html,
}

/// The JSON of `docs` (docs/json.md).
#[derive(Debug, Serialize)]
struct DocsJson<'a> {
    command: &'static str,
    target: String,
    tables: &'a [Table],
    views: &'a [View],
    triggers: &'a [Trigger],
    output: Option<String>,
}

pub(super) fn run(args: &DocsArgs, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let own = OwnFiles::of(&settings.target);
    if let Some(path) = &args.output {
        own.check(path)?;
    }
    let mut db = context.connect_to_read(&settings)?;
    let catalog = Catalog::read(&mut db)?;
    let title = match &args.title {
        Some(title) => title.clone(),
        None => database_name(&mut db)?,
    };
    let format = match args.format {
        Format::Markdown => DocsFormat::Markdown,
        Format::Html => DocsFormat::Html,
    };
    let text = docs::write(&catalog, &title, format);
    if let Some(path) = &args.output {
        WholeFile::write(path, text.as_bytes(), &own)?;
    }
    let catalog = docs::without_own(catalog);
    output.json(&DocsJson {
        command: "docs",
        target: settings.target.to_string(),
        tables: &catalog.tables,
        views: &catalog.views,
        triggers: &catalog.triggers,
        output: args.output.as_ref().map(|path| path.display().to_string()),
    })?;
    match &args.output {
        Some(path) => output.line(&format!("wrote {}", path.display()))?,
        None if !output.is_json() => output.raw(text.as_bytes())?,
        None => {}
    }
    Ok(exit::DONE)
}
