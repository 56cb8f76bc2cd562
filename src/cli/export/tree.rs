//! `liftlock export DIR --map FILE`: the tree of files back from the tables.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ExportArgs;
use crate::cli::CommandResult;
use crate::cli::context::Context;
use crate::cli::output::Output;
use crate::error::exit;
use crate::import::Mapping;
use crate::import::export::{Export, Exported, export};
use crate::words::counted;

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

pub(super) fn run(args: &ExportArgs, map: &Path, context: &Context, output: &mut Output) -> CommandResult {
    let folder = PathBuf::from(args.what.as_deref().unwrap_or_default());
    let mapping = Mapping::read(map)?;
    let settings = context.settings(output)?;
    let db = context.connect_to_read(&settings)?;
    let job = Export {
        dir: folder.clone(),
        mapping,
        base: map.parent().map(Path::to_owned).unwrap_or_default(),
        from: args.from.clone(),
        force: args.force,
        dry_run: args.dry_run,
        key: context.key(output),
        interrupt: context.interrupt(),
    };
    let mut told = 0;
    let exported = export(db, &job, &mut |lost| {
        told = lost.len();
        lost.iter().for_each(|lost| output.say(lost));
    })?;
    exported.lost.iter().skip(told).for_each(|lost| output.say(lost));
    let whole = exported.lost.is_empty();
    let result = match (args.dry_run, whole) {
        (true, _) => "planned",
        (false, true) => "done",
        (false, false) => "incomplete",
    };
    output.json(&ExportJson {
        command: "export",
        target: settings.target.to_string(),
        result,
        dir: &folder,
        exported: &exported,
    })?;
    output.line(&format!(
        "{} {} with {} to `{}`",
        if args.dry_run { "would write" } else { "wrote" },
        counted(exported.files, "file"),
        counted(exported.records, "record"),
        folder.display()
    ))?;
    Ok(if whole { exit::DONE } else { exit::FINDINGS })
}
