//! `liftlock import`.

mod infer;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::CommandResult;
use super::backup::{Bar, no_key};
use super::context::Context;
use super::output::{ErrorJson, Output};
use crate::Error;
use crate::config::Settings;
use crate::crypt::{self, Key};
use crate::db::Access;
use crate::error::exit;
use crate::import::keep::{self, Kept};
use crate::import::load::{Event, Import, import};
use crate::import::report::{Report, Status, TableState};
use crate::import::{ImportError, Mapping};
use crate::maintain::backup::{Backup, Progress as BackupProgress};
use crate::words::{are, counted, thousands};

/// Load a tree of JSON, YAML, Markdown, CSV or text files into tables, by a mapping, and prove what went in
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock import data --infer\n  liftlock import data --map import.yaml\n  liftlock import data --map import.yaml --dry-run\n  \
                        liftlock import data --map import.yaml --check --json\n\nThe tables must be there (`liftlock up`). \
                        A second import reads only what has changed. Exit codes:\n0 done; 1 bad or conflicting records, \
                        or a table that differs; 2 usage or mapping; 3 failed;\n130 interrupted. The guide is docs/import.md."
)]
pub(super) struct ImportArgs {
    /// The folder of files
    #[arg(value_name = "DIR", required_unless_present = "generate_key")]
    folder: Option<PathBuf>,
    /// The mapping: which files hold which records, and which columns take what of them
    #[arg(long, value_name = "FILE", default_value = "import.yaml")]
    map: PathBuf,
    /// Which tree of files it is, where the folder's path does not say: one that was moved or is mounted elsewhere (what it was
    /// imported as), or another of the same paths (a name of its own)
    #[arg(long, value_name = "NAME", conflicts_with = "infer", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    tree: Option<String>,
    /// Draft a mapping of the folder, and the migration that makes its tables, for you to edit; with --dry-run they are
    /// printed
    #[arg(long, conflicts_with_all = ["check", "skip_existing", "all"])]
    infer: bool,
    /// Read and map everything, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// As --dry-run, of all files, and report records, nested ones too, whose rows are there with other values, or were
    /// imported and are missing, and stored files that were changed
    #[arg(long)]
    check: bool,
    /// Leave rows that are there as they are, whatever the mapping says
    #[arg(long)]
    skip_existing: bool,
    /// Read files that have not changed since they were imported, too
    #[arg(long)]
    all: bool,
    /// First back the database up, and copy the files that the mapping takes: beside the database, or where `backup:` in
    /// liftlock.yaml says
    #[arg(long, conflicts_with_all = ["dry_run", "check", "infer"])]
    backup: bool,
    /// How many threads read files, and the parts of a large file of JSON lines [default: the number of processors, 8 at most]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// Print a new key for columns that are encrypted (LIFTLOCK_KEY), and do nothing else
    #[arg(
        long,
        conflicts_with_all = [
            "folder", "map", "tree", "infer", "dry_run", "check", "skip_existing", "all", "backup", "jobs", "lock_wait"
        ]
    )]
    generate_key: bool,
    /// How long to wait for another import into the same database [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    lock_wait: Option<Duration>,
}

impl ImportArgs {
    fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap_or(Path::new("."))
    }
}

/// The JSON of an import (docs/json.md).
#[derive(Debug, Serialize)]
struct ImportJson<'a> {
    command: &'static str,
    target: String,
    #[serde(flatten)]
    report: &'a Report,
    error: Option<ErrorJson>,
}

/// The JSON of a new key.
#[derive(Debug, Serialize)]
struct KeyJson<'a> {
    command: &'static str,
    key: &'a str,
}

pub(super) fn run(args: &ImportArgs, context: &Context, output: &mut Output) -> CommandResult {
    if args.generate_key {
        return generate_key(output);
    }
    if args.infer {
        return infer::run(args, context, output);
    }
    let mapping = Mapping::read(&args.map)?;
    let text = std::fs::read(&args.map)
        .map_err(|source| Error::Import(ImportError::Read { path: args.map.clone(), source }))?;
    let settings = context.settings(output)?;
    let writes = !(args.dry_run || args.check);
    let kept = if args.backup { Some(keep(args, &mapping, &settings, context, output)?) } else { None };
    let db = match writes {
        true => context.connect(&settings, Access::Existing, output)?,
        false => context.connect_to_read(&settings)?,
    };
    let progress = Progress::new(output);
    let job = Import {
        dir: args.folder().to_owned(),
        mapping,
        tree: args.tree.clone(),
        mapping_sha256: crate::words::hex(&Sha256::digest(&text)),
        base: args.map.parent().map(Path::to_owned).unwrap_or_default(),
        dry_run: args.dry_run,
        check: args.check,
        skip_existing: args.skip_existing,
        again: args.all,
        backup: kept,
        jobs: args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).min(8), usize::from),
        lock_wait: args.lock_wait.unwrap_or_default(),
        key: context.key(output),
        interrupt: context.interrupt(),
        observer: &|event| progress.event(event),
    };
    let finished = import(db, &job);
    progress.end();
    let finished = finished?;
    let report = &finished.report;
    let error = finished.error.map(Error::Import);
    output.json(&ImportJson {
        command: "import",
        target: settings.target.to_string(),
        report,
        error: error.as_ref().map(|error| output.error_json(error)),
    })?;
    if let Some(kept) = &report.backup {
        kept.notes.iter().for_each(|note| output.warn(note));
        output.line(&format!(
            "kept: {} and {} in {}; back with `liftlock restore {}`, and the files from {}",
            kept.database.display(),
            counted(kept.files, "file"),
            kept.folder.display(),
            kept.database.display(),
            kept.folder.join("files").display()
        ))?;
    }
    report.notes.iter().for_each(|note| output.warn(note));
    text_report(report, output)?;
    if let Some(error) = error {
        output.error(&error);
        return Ok(error.kind().exit_code());
    }
    let findings = report.status == Status::Differs
        || !report.errors.is_empty()
        || report.conflicting > 0
        || report.missing > 0
        || !report.tables_emptied.is_empty()
        || !report.folders_unread.is_empty();
    Ok(if findings { exit::FINDINGS } else { exit::DONE })
}

/// Everything as it is, kept before anything is written.
fn keep(
    args: &ImportArgs,
    mapping: &Mapping,
    settings: &Settings,
    context: &Context,
    output: &mut Output,
) -> Result<Kept, Error> {
    context.is_there(settings)?;
    let configured = context.backup()?;
    let secret = context.key(output);
    let key = if configured.encrypt { Some(Key::from_secret(secret.as_ref()).map_err(no_key)?) } else { None };
    let bar = Bar::new(output);
    let told = |done, all| bar.at(done, all);
    let backup = Backup {
        target: settings.target.clone(),
        file: None,
        dir: configured.dir,
        force: false,
        keep: None,
        key,
        patience: Duration::from_secs(30),
        interrupt: context.interrupt(),
        progress: BackupProgress(&told),
    };
    let kept = keep::keep(backup, args.folder(), mapping);
    bar.end();
    kept
}

/// A new key, which stands nowhere but in this output.
fn generate_key(output: &mut Output) -> CommandResult {
    let key = crypt::generate_key().map_err(|source| ImportError::Key { doing: "make a key".to_owned(), source })?;
    output.json(&KeyJson { command: "import", key: key.expose() })?;
    output.line(key.expose())?;
    output.say(
        "keep it where secrets are kept, and apart from the database and its backups: it is not stored anywhere, and what is \
         encrypted with it can't be read without it; commands take it from the variable LIFTLOCK_KEY",
    );
    Ok(exit::DONE)
}

fn text_report(report: &Report, output: &Output) -> Result<(), Error> {
    for problem in &report.errors {
        let column = problem.column.as_ref().map(|column| format!("`{column}`: ")).unwrap_or_default();
        output.line(&format!("bad record: {}: {column}{}", problem.at(), problem.reason))?;
    }
    for problem in &report.conflicts {
        let column = problem.column.as_deref().unwrap_or_default();
        output.line(&format!("conflict: {}: `{column}`: {}", problem.at(), problem.reason))?;
    }
    if report.conflicting > report.conflicts.len() as u64 {
        output.line(&format!("… {} conflicts in all", thousands(report.conflicting)))?;
    }
    for problem in &report.missing_records {
        output.line(&format!("missing: {}: {}", problem.at(), problem.reason))?;
    }
    if report.missing > report.missing_records.len() as u64 {
        output.line(&format!("… {} missing in all", thousands(report.missing)))?;
    }
    for problem in &report.extra_records {
        output.line(&format!("extra: {}: {}", problem.at(), problem.reason))?;
    }
    if report.extra > report.extra_records.len() as u64 {
        output.line(&format!("… {} extra in all", thousands(report.extra)))?;
    }
    for file in &report.files_deleted {
        output.line(&format!("deleted: `{file}` is gone from the folder; its rows are still there"))?;
    }
    for file in report.folders_unread.iter().chain(&report.files_skipped) {
        output.line(&format!("not taken: {file}"))?;
    }
    if let [first, others @ ..] = report.files_unmatched.as_slice() {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        output.line(&format!("no source takes `{first}`{more}"))?;
    }
    if !report.tables.is_empty() && report.status != Status::DryRun {
        let rows = report.tables.iter().map(|table| {
            let state = match table.state {
                TableState::Proven if table.exempt.is_empty() => "proven".to_owned(),
                TableState::Proven => format!("proven but for {}", table.exempt.join(", ")),
                TableState::Differs => "DIFFERS".to_owned(),
                TableState::NotCompared => "not compared".to_owned(),
            };
            let number = |number: u64| thousands(number);
            vec![
                table.table.clone(),
                number(table.rows_before),
                number(table.rows_after),
                number(table.inserted),
                number(table.updated),
                state,
            ]
        });
        output.table(&["table", "rows before", "after", "new", "changed", "read back"], rows.collect())?;
    }
    for table in report.tables.iter().filter(|table| table.overwritten > 0) {
        output.line(&format!(
            "`{}`: {} written over a row of this import, of a record with the same key; the last one stands",
            table.table,
            match table.overwritten {
                1 => "1 record was".to_owned(),
                several => format!("{} were", counted(several, "record")),
            },
        ))?;
    }
    for table in &report.tables {
        for difference in &table.differences {
            output.line(&format!("differs: {difference}"))?;
        }
        if table.state == TableState::Differs && table.differences.is_empty() {
            output.line(&format!(
                "`{}` holds other rows than were written, and every record's own row is right: somebody else has written to it",
                table.table
            ))?;
        }
    }
    let done = match report.status {
        Status::DryRun => "would import",
        _ => "imported",
    };
    let mut line = format!(
        "{done} {} of {} in {:.1} s",
        counted(report.records_migrated, "record"),
        counted(report.files_processed, "file"),
        report.duration_seconds
    );
    let quarantined = if report.status == Status::DryRun { 0 } else { report.quarantined };
    for (number, what) in [
        (
            report.folders_unread.len() as u64,
            format!("{} could not be read", counted(report.folders_unread.len() as u64, "folder")),
        ),
        (report.missing, format!("the rows of {} are missing", counted(report.missing, "record"))),
        (report.files_unchanged, format!("{} had not changed", counted(report.files_unchanged, "file"))),
        (report.skipped, format!("there already: {}", counted(report.skipped, "record"))),
        (quarantined, format!("{} in liftlock_import_quarantine", are(quarantined, "bad record"))),
    ] {
        if number > 0 {
            line.push_str(&format!("; {what}"));
        }
    }
    output.line(&line)
}

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A bar on a terminal, lines elsewhere.
struct Progress {
    output: Output,
    terminal: bool,
    bar: ProgressBar,
    state: Mutex<State>,
}

struct State {
    files: u64,
    of_files: u64,
    records: u64,
    bytes: u64,
    of_bytes: u64,
    last: Instant,
}

impl Progress {
    fn new(output: &Output) -> Self {
        let terminal = std::io::stderr().is_terminal() && !output.is_json();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let state = State { files: 0, of_files: 0, records: 0, bytes: 0, of_bytes: 0, last: Instant::now() };
        let bar = ProgressBar::with_draw_target(None, target);
        Self { output: output.clone(), terminal, bar, state: Mutex::new(state) }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match *event {
            Event::Waiting { holder } => self.output.say(&format!("waiting for another run: {holder}")),
            Event::Planned { files, bytes, .. } => {
                (state.of_files, state.of_bytes) = (files, bytes);
                let template = "{bar:30} {percent:>3} % {msg} [{elapsed}, {eta} left]";
                self.bar.set_style(ProgressStyle::with_template(template).expect("a template of ours is well formed"));
                self.bar.set_length(bytes);
            }
            Event::Records { records } => {
                state.records += records;
                self.show(&mut state);
            }
            Event::File { bytes, last } => {
                state.files += u64::from(last);
                state.bytes += bytes;
                self.show(&mut state);
            }
            Event::Verifying { table } => self.bar.set_message(format!("reading `{table}` back")),
        }
    }

    fn show(&self, state: &mut State) {
        let done = format!(
            "{} of {}, {}",
            thousands(state.files),
            counted(state.of_files, "file"),
            counted(state.records, "record")
        );
        self.bar.set_position(state.bytes);
        self.bar.set_message(done.clone());
        if !self.terminal && state.last.elapsed() >= LINE_EVERY {
            state.last = Instant::now();
            let share = (state.bytes * 100).checked_div(state.of_bytes).unwrap_or(100);
            self.output.say(&format!("{share} %: {done}"));
        }
    }
}
