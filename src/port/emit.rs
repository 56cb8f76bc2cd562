//! The translated schema as a migration with its down, in the project's own folder.

use std::path::PathBuf;

use super::error::PortError;
use super::plan::Plan;
use super::translate::ddl;
use crate::Dialect;
use crate::config::{Numbering, PostgresTarget, Target};
use crate::db::{Access, Db};
use crate::migrate::layout::{Layout, LayoutError, NewMigration, next, plan_files, read_folder, write_files};
use crate::migrate::{Directives, Mark, MigrateError, Migrator, Options};

/// The name of the migration.
pub const NAME: &str = "ported_schema";

/// Where the migration goes.
#[derive(Debug, Clone)]
pub struct Emission {
    /// The folder of migrations; it need not be there yet.
    pub dir: PathBuf,
    /// Its layout; `None` finds out.
    pub layout: Option<Layout>,
    /// What its version is; `None` as the folder has it.
    pub numbering: Option<Numbering>,
    /// How the folder's migrations are run, where it is recorded as applied.
    pub options: Options,
}

/// A migration that was written, or that was there already.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Emitted {
    /// Its version.
    pub version: i64,
    /// The files that were written; none where it was there.
    pub files: Vec<PathBuf>,
    /// How many of the folder's migrations PostgreSQL runs before it.
    pub before: usize,
}

/// Writes what `plan` makes as a migration for PostgreSQL: into that dialect's sub-folder where the folder has such, else
/// into the folder itself. What an earlier run has written is not written again.
///
/// # Errors
/// [`PortError`] where the plan makes nothing, the folder has another migration of that name, or a file can't be
/// written.
pub fn emit(plan: &Plan, emission: &Emission) -> Result<Emitted, PortError> {
    let up = ddl::script(plan);
    if up.is_empty() {
        return Err(PortError::Unfit {
            message: "there is no schema to write as a migration: the target has the tables already".to_owned(),
            hint: "leave `--emit-migrations` out; or port into an empty schema with `--no-migrations`".to_owned(),
        });
    }
    let failed = |source: LayoutError| PortError::Migrations {
        doing: "write the schema as a migration",
        source: Box::new(source.into()),
    };
    let down = ddl::down_script(plan);
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let next = next(&emission.dir, emission.layout, emission.numbering, now).map_err(failed)?;
    let mut before = 0;
    if emission.dir.exists() {
        let folder = read_folder(&emission.dir, Dialect::Postgres, Some(next.layout)).map_err(failed)?;
        if let Some(there) = folder.migrations.iter().find(|migration| migration.name == NAME) {
            let before = folder.migrations.iter().filter(|migration| migration.version < there.version).count();
            if there.up.text.contains(&up) {
                return Ok(Emitted { version: there.version, files: Vec::new(), before });
            }
            return Err(PortError::Unfit {
                message: format!("`{}` holds the schema of an earlier port, and this one's is another", there.up.path),
                hint: "remove its files if no database has it applied, or rename them".to_owned(),
            });
        }
        before = folder.migrations.len();
    }
    let new = NewMigration {
        version: next.version,
        name: NAME,
        dialect: next.dialect_folders.then_some(Dialect::Postgres),
        up: &up,
        down: next.layout.has_downs().then_some(down.as_str()),
        directives: Directives::default(),
        style: next.style,
    };
    let files = plan_files(next.layout, &emission.dir, &new).map_err(failed)?;
    write_files(&files).map_err(failed)?;
    Ok(Emitted { version: next.version, files: files.into_iter().map(|(path, _)| path).collect(), before })
}

/// Records the migration as applied in a target that the port itself has made, so that `up` goes on after it.
///
/// # Errors
/// [`PortError`] where the target's history is another tool's, or can't be written.
pub fn record(emitted: &Emitted, emission: &Emission, target: &PostgresTarget) -> Result<(), PortError> {
    let failed = |source: MigrateError| PortError::Migrations {
        doing: "record the schema's migration as applied in the target",
        source: Box::new(source),
    };
    let migrator = Migrator::from_folder(&emission.dir).layout(emission.layout).options(emission.options.clone());
    let mut db = Db::connect(&Target::Postgres(target.clone()), Access::Write)?;
    let reason = "the port from SQLite has made its schema";
    migrator.mark(&mut db, Mark::Applied(emitted.version), reason).map(drop).map_err(failed)
}
