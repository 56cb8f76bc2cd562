//! `--fix`: the missing indexes as a migration.

use std::path::PathBuf;

use serde::Serialize;

use super::super::context::layout;
use super::AuditArgs;
use super::source::Source;
use crate::Error;
use crate::audit::Report;
use crate::audit::fix::{Fix, FixOptions, plan, plan_fix, write};
use crate::migrate::layout::read_folder;

/// What `--fix` came to.
pub(super) struct Fixed {
    pub fix: Fix,
    /// Nothing was written.
    pub dry_run: bool,
    /// Migrations of the folder that the database has not applied: what they make was not seen.
    pub pending: Vec<String>,
}

/// The fix, for programs.
#[derive(Debug, Serialize)]
pub(super) struct FixJson {
    dry_run: bool,
    migrations: Vec<MigrationJson>,
    already_there: Vec<String>,
    pending: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MigrationJson {
    version: i64,
    name: String,
    files: Vec<PathBuf>,
    /// In a dry run, what the files would hold, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    texts: Vec<String>,
}

/// Plans the migration of all that an index mends, and writes it.
pub(super) fn run(args: &AuditArgs, source: &Source, report: &Report) -> Result<Fixed, Error> {
    let migrations = &source.project.migrations;
    let options = FixOptions {
        dir: migrations.dir.clone(),
        layout: layout(migrations.layout.as_deref())?,
        numbering: migrations.numbering,
        concurrently: !args.no_concurrently,
        now: jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).datetime(),
        applied: source.applied.clone(),
    };
    let fix = plan_fix(&source.schema, &plan(&source.schema, &report.suggested()), &options)?;
    let pending = if fix.migrations.is_empty() { Vec::new() } else { pending(source, &options) };
    if !args.dry_run {
        write(&fix)?;
    }
    Ok(Fixed { fix, dry_run: args.dry_run, pending })
}

/// The migrations of the folder that are still to be applied, where that is known.
fn pending(source: &Source, options: &FixOptions) -> Vec<String> {
    let Some(applied) = &options.applied else { return Vec::new() };
    let folder = read_folder(&options.dir, source.schema.dialect, options.layout);
    let migrations = folder.map(|folder| folder.migrations).unwrap_or_default();
    let pending = migrations.iter().filter(|migration| !applied.contains(&migration.version));
    pending.map(|migration| format!("V{}__{}", migration.version, migration.name)).collect()
}

impl FixJson {
    pub fn of(fixed: &Fixed) -> Self {
        let migrations = fixed.fix.migrations.iter().map(|migration| MigrationJson {
            version: migration.version,
            name: migration.name.clone(),
            files: migration.files.iter().map(|(path, _)| path.clone()).collect(),
            texts: match fixed.dry_run {
                true => migration.files.iter().map(|(_, text)| text.clone()).collect(),
                false => Vec::new(),
            },
        });
        Self {
            dry_run: fixed.dry_run,
            migrations: migrations.collect(),
            already_there: fixed.fix.there.clone(),
            pending: fixed.pending.clone(),
        }
    }
}
