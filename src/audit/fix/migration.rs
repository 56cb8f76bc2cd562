//! The fix as a migration, in the layout of the folder that it goes to: planned first, written then.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::sql::{Script, script};
use super::{PlannedIndex, TableIndex};
use crate::Dialect;
use crate::audit::AuditError;
use crate::audit::schema::Schema;
use crate::config::Numbering;
use crate::migrate::layout::{Layout, LayoutError, NewMigration, Next, next, plan_files, read_folder, write_files};
use crate::migrate::{Directives, Migration};

/// The migration's name. Where there are several, each has a number after it.
pub const NAME: &str = "add_missing_foreign_key_indexes";

/// Where the migration goes, and how it is to run.
#[derive(Debug, Clone)]
pub struct FixOptions {
    /// The folder of migrations; it need not be there yet.
    pub dir: PathBuf,
    /// Its layout; `None` finds out.
    pub layout: Option<Layout>,
    /// What its version is; `None` as the folder has it.
    pub numbering: Option<Numbering>,
    /// PostgreSQL: build while others write, without a transaction; else in one transaction.
    pub concurrently: bool,
    /// The time in UTC, for versions.
    pub now: jiff::civil::DateTime,
    /// The versions that the database has applied, where that is known: an earlier fix that is not among them is still
    /// to come. `None` takes every one in the folder for such.
    pub applied: Option<BTreeSet<i64>>,
}

/// The migrations that mend a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fix {
    /// The migrations to be written: one, but for layouts whose tool builds an index concurrently only by a statement
    /// that stands alone. None where there is nothing to mend, or an earlier one does it.
    pub migrations: Vec<FixMigration>,
    /// The files of earlier fixes that are not applied yet and make all of it.
    pub there: Vec<String>,
}

/// One migration of a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixMigration {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Its files and their texts.
    pub files: Vec<(PathBuf, String)>,
}

/// The migrations that make `planned`. Reads the folder, writes nothing.
///
/// # Errors
/// [`AuditError::Layout`] where the folder can't be read, [`AuditError::Usage`] where its layout can't express what is
/// needed, or an earlier fix that is still to be applied makes some of the indexes, but not all.
pub fn plan_fix(schema: &Schema, planned: &[PlannedIndex], options: &FixOptions) -> Result<Fix, AuditError> {
    if planned.is_empty() {
        return Ok(Fix::default());
    }
    let dialect = schema.dialect;
    let first = next(&options.dir, options.layout, options.numbering, options.now)?;
    let mut scripts: Vec<Script> = planned.iter().map(|index| script(dialect, index, options.concurrently)).collect();
    let there = earlier(dialect, &scripts, options, first.layout)?;
    if !there.is_empty() {
        return Ok(Fix { migrations: Vec::new(), there });
    }
    let concurrently = options.concurrently && dialect == Dialect::Postgres;
    let partitioned = planned.iter().find(|index| index.on.partitioned).map(|index| &index.on);
    let way = Way::of(first.layout, dialect, concurrently, partitioned)?;
    if let Way::ByLiftlock = way {
        scripts[0].comments.insert(
            0,
            format!("for Liftlock, statement by statement: {} sends it as one, which PostgreSQL refuses", first.layout),
        );
    }
    let groups: Vec<&[Script]> = match way {
        Way::Together | Way::ByLiftlock => vec![&scripts],
        Way::Alone => scripts.chunks(1).collect(),
    };
    let marked = concurrently && first.layout.no_transaction_marker().is_some();
    let mut migrations: Vec<FixMigration> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let after = i64::try_from(at).map_err(|_| LayoutError::NoVersionLeft)?;
        let version = first.version.checked_add(after).ok_or(LayoutError::NoVersionLeft)?;
        let name = if groups.len() == 1 { NAME.to_owned() } else { format!("{NAME}_{}", at + 1) };
        let files = files(dialect, &options.dir, Next { version, ..first }, &name, group, marked)?;
        migrations.push(FixMigration { version, name, files });
    }
    Ok(Fix { migrations, there: Vec::new() })
}

/// Writes the files of a fix. Nothing is overwritten; where one can't be written, none of its migration is.
///
/// # Errors
/// [`AuditError::Layout`] with the file that can't be written.
pub fn write(fix: &Fix) -> Result<(), AuditError> {
    let files: Vec<_> = fix.migrations.iter().flat_map(|migration| migration.files.iter().cloned()).collect();
    Ok(write_files(&files)?)
}

/// How indexes share migrations.
enum Way {
    /// All in one.
    Together,
    /// All in one, which Liftlock can run, but not the layout's own tool.
    ByLiftlock,
    /// Each in one of its own.
    Alone,
}

impl Way {
    fn of(
        layout: Layout,
        dialect: Dialect,
        concurrently: bool,
        partitioned: Option<&TableIndex>,
    ) -> Result<Self, AuditError> {
        if !concurrently {
            return Ok(Self::Together);
        }
        match (layout, partitioned) {
            // both run a script statement by statement
            (Layout::Liftlock | Layout::Goose, _) => Ok(Self::Together),
            // the others' own tools send it as one message, which PostgreSQL takes for one transaction
            (_, None) => Ok(Self::Alone),
            (_, Some(_)) if layout.no_transaction_marker().is_some() => Ok(Self::ByLiftlock),
            (_, Some(on)) => Err(AuditError::Usage {
                message: format!(
                    "the {layout} layout can't say that a script runs outside a transaction, which it takes to build \
                     an index of the partitioned table `{}` concurrently",
                    on.table
                ),
                hint: format!(
                    "`--no-concurrently` builds it in one transaction (nobody writes to the table meanwhile); the \
                     migrations of {dialect} may also have a folder of their own in another layout"
                ),
            }),
        }
    }
}

fn files(
    dialect: Dialect,
    dir: &Path,
    next: Next,
    name: &str,
    scripts: &[Script],
    no_transaction: bool,
) -> Result<Vec<(PathBuf, String)>, AuditError> {
    let (up, down) = texts(scripts);
    let new = NewMigration {
        version: next.version,
        name,
        dialect: next.dialect_folders.then_some(dialect),
        up: &up,
        down: next.layout.has_downs().then_some(down.as_str()),
        directives: Directives { no_transaction, ..Directives::default() },
        style: next.style,
    };
    Ok(plan_files(next.layout, dir, &new)?)
}

/// The up script and the down script, which takes the last first.
fn texts(scripts: &[Script]) -> (String, String) {
    let up = scripts.iter().map(|script| text(&script.comments, &script.up));
    let down = scripts.iter().rev().map(|script| text(&script.down_comments, &script.down));
    (up.collect::<Vec<_>>().join("\n"), down.collect())
}

fn text(comments: &[String], statements: &[String]) -> String {
    let comments = comments.iter().map(|comment| format!("-- {comment}\n"));
    comments.chain(statements.iter().map(|statement| format!("{statement};\n"))).collect()
}

/// The files of earlier fixes that are still to be applied and make all of it; none where none makes any of it.
fn earlier(
    dialect: Dialect,
    scripts: &[Script],
    options: &FixOptions,
    layout: Layout,
) -> Result<Vec<String>, AuditError> {
    if !options.dir.exists() {
        return Ok(Vec::new());
    }
    let folder = read_folder(&options.dir, dialect, Some(layout))?;
    let is_ahead = |migration: &&Migration| {
        let applied = options.applied.as_ref().is_some_and(|applied| applied.contains(&migration.version));
        is_a_fix(&migration.name) && !applied
    };
    let ahead: Vec<(&str, String)> = folder
        .migrations
        .iter()
        .filter(is_ahead)
        .map(|migration| (migration.up.path.as_str(), either_way(&migration.up.text)))
        .collect();
    let mut files: Vec<String> = Vec::new();
    let (mut made, mut of) = (0, 0);
    for statement in scripts.iter().flat_map(|script| &script.up) {
        of += 1;
        let statement = format!("{};", either_way(statement));
        if let Some((path, _)) = ahead.iter().find(|(_, text)| text.contains(&statement)) {
            made += 1;
            if files.iter().all(|file| file != path) {
                files.push((*path).to_owned());
            }
        }
    }
    if made > 0 && made < of {
        return Err(AuditError::Usage {
            message: format!("`{}` makes some of these indexes already, and is not applied yet", files.join("`, `")),
            hint: "apply it first (`liftlock up`) and audit again; or remove it if no database has it applied"
                .to_owned(),
        });
    }
    Ok(files)
}

fn is_a_fix(name: &str) -> bool {
    name.strip_prefix(NAME).is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix('_').is_some_and(|number| number.parse::<u64>().is_ok())
    })
}

/// A script's text, whichever way its indexes are built.
fn either_way(text: &str) -> String {
    text.replace("CREATE INDEX CONCURRENTLY ", "CREATE INDEX ")
}
