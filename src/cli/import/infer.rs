//! `--infer`: a mapping and the migration of its tables, drafted from a folder.

use std::path::PathBuf;

use serde::Serialize;

use super::super::context::{Context, layout};
use super::super::output::Output;
use super::{CommandResult, ImportArgs};
use crate::db::OwnFiles;
use crate::error::exit;
use crate::import::infer::{Finding, infer};
use crate::migrate::Directives;
use crate::migrate::layout::{Layout, NewMigration, Next, next, plan_files, write_files};
use crate::{Dialect, Error};

/// The JSON of `--infer` (docs/json.md).
#[derive(Debug, Serialize)]
struct InferJson<'a> {
    command: &'static str,
    dry_run: bool,
    /// The mapping's file.
    map: &'a PathBuf,
    /// The migration's files.
    files: Vec<PathBuf>,
    tables: Vec<&'a str>,
    findings: &'a [Finding],
    /// The mapping, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    yaml: Option<&'a str>,
}

pub(super) fn run(args: &ImportArgs, context: &Context, output: &mut Output) -> CommandResult {
    let project = context.project(output)?;
    if args.map.exists() && !args.dry_run {
        return Err(Error::Usage {
            message: format!("`{}` is there already", args.map.display()),
            hint: "name another file with `--map`, or print the draft with `--dry-run`".to_owned(),
        });
    }
    if let Ok(settings) = context.settings(output) {
        OwnFiles::of(&settings.target).check(&args.map)?;
    }
    let inferred = infer(args.folder())?;
    let migrations = &project.migrations;
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let named = layout(migrations.layout.as_deref())?;
    let Next { layout, version, style, .. } = next(&migrations.dir, named, migrations.numbering, now)?;
    let files = |dialect: Dialect, alone: Option<Dialect>| {
        let (up, down) = (inferred.up(dialect), inferred.down(dialect));
        plan_files(
            layout,
            &migrations.dir,
            &NewMigration {
                version,
                name: "import_tables",
                dialect: alone,
                up: &up,
                down: layout.has_downs().then_some(down.as_str()),
                directives: Directives::default(),
                style,
            },
        )
    };
    let mut written = Vec::new();
    match context.settings(output).ok().map(|settings| settings.target.dialect()) {
        // what only one database is meant to take is written for that one
        Some(dialect) if layout != Layout::Liftlock => written.extend(files(dialect, None)?),
        _ if inferred.up(Dialect::Sqlite) == inferred.up(Dialect::Postgres) => {
            written.extend(files(Dialect::Sqlite, None)?);
        }
        _ => {
            for dialect in Dialect::ALL {
                written.extend(files(dialect, Some(dialect))?);
            }
        }
    }
    if args.dry_run {
        output.line(&format!("# {}\n{}", args.map.display(), inferred.yaml))?;
        for (path, text) in &written {
            output.line(&format!("-- {}\n{text}", path.display()))?;
        }
    } else {
        let failed = |source| Error::Write { path: args.map.display().to_string(), source };
        // all of it or nothing: no migration without its mapping, and no mapping without its migration
        std::fs::write(&args.map, &inferred.yaml).map_err(failed)?;
        if let Err(error) = write_files(&written) {
            std::fs::remove_file(&args.map).map_err(failed)?;
            return Err(error.into());
        }
        output.line(&format!("wrote {}", args.map.display()))?;
        for (path, _) in &written {
            output.line(&format!("wrote {}", path.display()))?;
        }
    }
    for finding in &inferred.findings {
        output.line(&format!("{}: {}", finding.path, finding.what))?;
    }
    if !args.dry_run {
        output.line("read both, edit what you know better; then `liftlock up` and `liftlock import`")?;
    }
    output.json(&InferJson {
        command: "import",
        dry_run: args.dry_run,
        map: &args.map,
        files: written.into_iter().map(|(path, _)| path).collect(),
        tables: inferred.tables.iter().map(|table| table.name.as_str()).collect(),
        findings: &inferred.findings,
        yaml: args.dry_run.then_some(inferred.yaml.as_str()),
    })?;
    Ok(exit::DONE)
}
