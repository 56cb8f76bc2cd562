//! `liftlock audit`.

mod fix;
mod options;
mod sarif;
mod source;
mod text;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::CommandResult;
use super::context::Context;
use super::output::{ErrorJson, Output};
use crate::audit::json::ReportJson;
use crate::audit::remedies::Remedies;
use crate::audit::schema::Version;
use crate::audit::{RULES, Severity, audit};
use crate::error::exit;
use fix::FixJson;
use sarif::SarifFile;

/// Find foreign keys without a usable index, and what else of a schema will hurt; write the fix as a migration
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  liftlock audit\n  liftlock audit app.db --fail-on error\n  liftlock audit --fix --dry-run\n  \
                        liftlock audit postgres://app@host/app --skip unused-index,boolean-index\n  liftlock audit \
                        --schema db/schema.sql --sarif audit.sarif\n  liftlock audit --list-rules\n\nNothing is written to \
                        the database. Exit codes: 0 nothing at or above --fail-on; 1 findings;\n2 usage; 3 failed; 130 \
                        interrupted. What is accepted stands in liftlock.yaml (`audit: ignore:`).\nThe guide is \
                        docs/auditing.md, the rules are in docs/audit-rules.md."
)]
pub(super) struct AuditArgs {
    /// The database: `sqlite:app.db`, a path, or `postgres://user@host/db` [default: as other commands find theirs]
    #[arg(value_name = "DATABASE", conflicts_with_all = ["database", "env"])]
    target: Option<String>,
    /// Print the rules: what each finds, how bad it is, and whether it looks unless told otherwise
    #[arg(long)]
    list_rules: bool,
    /// Only these rules, those that are off by default among them; may be repeated, or a list with commas
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    only: Vec<String>,
    /// Not these rules; may be repeated, or a list with commas
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    skip: Vec<String>,
    /// The least that fails the audit (exit code 1) [default: warn]
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Judge for this version of SQLite, the one that the application uses [default: the one built into liftlock]
    #[arg(long, value_name = "X.Y.Z")]
    sqlite_version: Option<Version>,
    /// Only tables of this schema of PostgreSQL's; may be repeated, or a list with commas [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    schema_name: Vec<String>,
    /// Audit this file of DDL: it is loaded into SQLite in memory; where the database is PostgreSQL, into a database
    /// that is made on its server and dropped
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Load the file into a PostgreSQL server of its own, from the programs installed here
    #[arg(long, requires = "schema", conflicts_with = "target")]
    private_server: bool,
    /// Write the missing indexes as a migration with its down into the migrations folder
    #[arg(long)]
    fix: bool,
    /// Print the migration and write nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// PostgreSQL: indexes are shown, and written by --fix, without CONCURRENTLY: one migration in one transaction, which
    /// blocks writes to a table while its index is built
    #[arg(long)]
    no_concurrently: bool,
    /// Write the findings as SARIF, for code hosts; without a file, to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    sarif: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum FailOn {
    Warn,
    Error,
}

/// The JSON of an audit (docs/json.md).
#[derive(Debug, Serialize)]
struct AuditJson<'a> {
    command: &'static str,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_file: Option<&'a Path>,
    #[serde(flatten)]
    report: ReportJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixJson>,
    notes: &'a [String],
    error: Option<ErrorJson>,
}

/// The JSON of `--list-rules`.
#[derive(Debug, Serialize)]
struct RulesJson {
    command: &'static str,
    rules: Vec<RuleJson>,
}

#[derive(Debug, Serialize)]
struct RuleJson {
    name: &'static str,
    severity: Severity,
    on: bool,
    summary: &'static str,
}

pub(super) fn run(args: &AuditArgs, context: &Context, output: &mut Output) -> CommandResult {
    if args.list_rules {
        return list_rules(output);
    }
    let configured = context.audit()?;
    let options = options::options(args, &configured)?;
    // what can't be asked for is said before a connection is made
    let rules = options.rules()?;
    let sarif = args.sarif.as_deref().map(|path| SarifFile::new(path, output)).transpose()?;
    let source = source::read(args, &rules, &configured, context, output)?;
    for note in &source.notes {
        output.say(&format!("note: {note}"));
    }
    let report = audit(&source.schema, &source.statistics, &options)?;
    let remedies = Remedies::of(&source.schema, &report, !args.no_concurrently);
    let fix = if args.fix { Some(fix::run(args, &source, &report)) } else { None };
    let (fix, mut errors) = match fix.transpose() {
        Ok(fix) => (fix, Vec::new()),
        Err(error) => (None, vec![error]),
    };
    // where stdout is for SARIF, it is for nothing else
    let quiet = sarif.as_ref().is_some_and(SarifFile::is_stdout);
    if let Some(sarif) = sarif {
        match sarif.write(&report, &remedies, &source.declarations(args), &source.own, output) {
            Err(error) if !quiet => errors.push(error),
            written => written?,
        }
    }
    output.json(&AuditJson {
        command: "audit",
        target: &source.target,
        schema_file: args.schema.as_deref(),
        report: ReportJson::of(&report, &remedies),
        fix: fix.as_ref().map(FixJson::of),
        notes: &source.notes,
        error: errors.first().map(|error| output.error_json(error)),
    })?;
    if !quiet {
        if !output.is_json() {
            text::report(&source.target, &report, &remedies, output)?;
        }
        text::fix(fix.as_ref(), output)?;
    }
    text::idle(&report, &configured, output);
    for error in &errors {
        output.error(error);
    }
    if let Some(error) = errors.first() {
        return Ok(error.kind().exit_code());
    }
    if !args.fix {
        text::offer(&report, output);
    }
    let code = if report.failed { exit::FINDINGS } else { exit::DONE };
    // the process ends, which takes back at once what would be freed name by name
    std::mem::forget((source, report, remedies));
    Ok(code)
}

fn list_rules(output: &Output) -> CommandResult {
    let rules = RULES.iter();
    output.json(&RulesJson {
        command: "audit",
        rules: rules
            .clone()
            .map(|rule| RuleJson { name: rule.name, severity: rule.severity, on: rule.on, summary: rule.summary })
            .collect(),
    })?;
    let rows = rules.map(|rule| {
        let looks = if rule.on { "on" } else { "off" };
        let cells = [rule.name, text::severity(rule.severity), looks, rule.summary];
        cells.map(str::to_owned).to_vec()
    });
    output.table(&["rule", "severity", "looks", "finds"], rows.collect())?;
    Ok(exit::DONE)
}
