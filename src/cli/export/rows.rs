//! `liftlock export TABLE`: rows as JSON, JSON lines, CSV or SQL.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::{ExportArgs, Format};
use crate::Error;
use crate::cli::CommandResult;
use crate::cli::context::Context;
use crate::cli::output::Output;
use crate::db::OwnFiles;
use crate::error::exit;
use crate::maintain::MaintainError;
use crate::maintain::export::{self, ExportFormat, ExportReport, ExportSource};
use crate::maintain::file::WholeFile;
use crate::words::counted;

/// The JSON of `export` (docs/json.md).
#[derive(Debug, Serialize)]
struct ExportJson<'a> {
    command: &'static str,
    target: String,
    table: Option<&'a str>,
    query: Option<&'a str>,
    output: String,
    #[serde(flatten)]
    report: &'a ExportReport,
}

pub(super) fn run(args: &ExportArgs, context: &Context, output: &mut Output) -> CommandResult {
    let settings = context.settings(output)?;
    let format = format(args)?;
    if args.output.is_none() && output.is_json() {
        return Err(Error::Usage {
            message: "standard output can't take both the rows and the report of `--json`".to_owned(),
            hint: "name a file for the rows with `--output FILE`".to_owned(),
        });
    }
    let source = match (&args.what, &args.query) {
        (_, Some(sql)) => ExportSource::Query { sql: sql.clone(), into: args.into.clone() },
        (table, None) => ExportSource::Table(table.clone().unwrap_or_default()),
    };
    let mut db = context.connect_to_read(&settings)?;
    let interrupt = context.interrupt();
    let Some(path) = &args.output else {
        let report = export::export(&mut db, &source, format, &interrupt, &mut Raw(output));
        return match report {
            Ok(_) => Ok(exit::DONE),
            Err(MaintainError::File { source, .. }) => Err(Error::Print(source)),
            Err(error) => Err(error.into()),
        };
    };
    let mut file = WholeFile::create(path, args.force, &OwnFiles::of(&settings.target))?;
    let report = export::export(&mut db, &source, format, &interrupt, &mut file)?;
    file.finish()?;
    let shown = path.display().to_string();
    output.json(&ExportJson {
        command: "export",
        target: settings.target.to_string(),
        table: args.what.as_deref(),
        query: args.query.as_deref(),
        output: shown.clone(),
        report: &report,
    })?;
    output.line(&format!("wrote {}, {}, to {shown}", counted(report.rows, "row"), counted(report.bytes, "byte")))?;
    Ok(exit::DONE)
}

/// The format that was named, or that the file's name ends with.
fn format(args: &ExportArgs) -> Result<ExportFormat, Error> {
    let ending = args.output.as_deref().and_then(Path::extension).map(|ending| ending.to_string_lossy().to_lowercase());
    match (args.format, ending.as_deref()) {
        (Some(Format::Json), _) | (None, Some("json")) => Ok(ExportFormat::Json),
        (Some(Format::Jsonl), _) | (None, Some("jsonl" | "ndjson")) => Ok(ExportFormat::Jsonl),
        (Some(Format::Csv), _) | (None, Some("csv")) => Ok(ExportFormat::Csv),
        (Some(Format::Sql), _) | (None, Some("sql")) => Ok(ExportFormat::Sql),
        (None, _) => Err(Error::Usage {
            message: "nothing says how the rows are to be written".to_owned(),
            hint: "give `--format json`, `jsonl`, `csv` or `sql`, or a file whose name ends so".to_owned(),
        }),
    }
}

/// Standard output.
struct Raw<'a>(&'a Output);

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.stream(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(Error::Print(error)) => Err(error),
            Err(other) => Err(io::Error::other(other)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
