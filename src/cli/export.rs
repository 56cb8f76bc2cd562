//! `liftlock export`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::Output;
use crate::error::exit;
use crate::import::Mapping;
use crate::import::export::{Export, Exported, export};
use crate::port::words::thousands;

/// Write the tree of files back from the tables, by the mapping that they were imported by
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock export out --map import.yaml\n  liftlock export out --map import.yaml --force\n\n\
                        What can't come back is said before anything is written. Exit codes: 0 done; 1 something did not \
                        come back;\n2 usage; 3 failed; 130 interrupted. The guide is docs/import.md."
)]
pub(super) struct ExportArgs {
    /// The folder to write
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The mapping that the files were imported by
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// The folder that was imported, where there were several
    #[arg(long, value_name = "DIR")]
    from: Option<String>,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
}

/// The JSON of an export (docs/json.md).
#[derive(Debug, Serialize)]
struct ExportJson<'a> {
    command: &'static str,
    target: String,
    result: &'static str,
    dir: &'a PathBuf,
    #[serde(flatten)]
    exported: &'a Exported,
}

pub(super) fn run(args: &ExportArgs, context: &Context, output: &mut Output) -> CommandResult {
    let mapping = Mapping::read(&args.map)?;
    let settings = context.settings(output)?;
    let db = context.connect_to_read(&settings)?;
    let job = Export {
        dir: args.folder.clone(),
        mapping,
        from: args.from.clone(),
        force: args.force,
        interrupt: context.interrupt(),
    };
    let mut told = 0;
    let exported = export(db, &job, &mut |lost| {
        told = lost.len();
        lost.iter().for_each(|lost| output.say(lost));
    })?;
    exported.lost.iter().skip(told).for_each(|lost| output.say(lost));
    let whole = exported.lost.is_empty();
    let result = if whole { "done" } else { "incomplete" };
    output.json(&ExportJson {
        command: "export",
        target: settings.target.to_string(),
        result,
        dir: &args.folder,
        exported: &exported,
    })?;
    output.line(&format!(
        "wrote {} files with {} records to `{}`",
        thousands(exported.files),
        thousands(exported.records),
        args.folder.display()
    ))?;
    Ok(if whole { exit::DONE } else { exit::FINDINGS })
}
