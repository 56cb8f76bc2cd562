//! `liftlock export`: rows of a table or a query, or a tree of files.

mod rows;
mod tree;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::CommandResult;
use super::context::Context;
use super::output::Output;

/// Write a table, or what a query gives, as JSON, JSON lines, CSV or SQL; or write imported files back
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock export users --output users.jsonl\n  liftlock export --query 'SELECT id, email \
                        FROM users' --format csv\n  liftlock export users --format sql > users.sql\n  liftlock export out \
                        --map import.yaml\n\nWhat is exact, and how, is in docs/operations-clean.md; the way back from an \
                        import is in docs/import.md.\nWhat of the files can't come back is said before anything is written. \
                        Exit codes: 0 done; 1 something did\nnot come back; 2 usage; 3 failed; 130 interrupted"
)]
pub(super) struct ExportArgs {
    /// The table or view: `name`, on PostgreSQL also `schema.name`; with `--map` the folder to write
    #[arg(value_name = "TABLE|DIR", required_unless_present = "query", conflicts_with = "query")]
    what: Option<String>,
    /// A SELECT instead of a table
    #[arg(long, value_name = "SQL")]
    query: Option<String>,
    /// How rows are written [default: as the file's name ends]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The table that INSERT statements name, with `--query`
    #[arg(long, value_name = "TABLE", requires = "query")]
    into: Option<String>,
    /// The file; it is there once all is written [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The mapping that files were imported by: the tree of files is written back
    #[arg(long, value_name = "FILE", conflicts_with_all = ["query", "format", "into", "output"])]
    map: Option<PathBuf>,
    /// The folder that was imported, or the name of its tree (`import --tree`), where there were several
    #[arg(long, value_name = "DIR|NAME", requires = "map")]
    from: Option<String>,
    /// With `--map`: read everything, say what would be written and what can't come back, and write nothing
    #[arg(long, requires = "map")]
    dry_run: bool,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// An array of objects
    Json,
    /// An object a line
    Jsonl,
    /// RFC 4180, with a header; NULL is an empty field, an empty text is `""`
    Csv,
    /// INSERT statements in the database's own dialect
    Sql,
}

pub(super) fn run(args: &ExportArgs, context: &Context, output: &mut Output) -> CommandResult {
    match &args.map {
        Some(map) => tree::run(args, map, context, output),
        None => rows::run(args, context, output),
    }
}
