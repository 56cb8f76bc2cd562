//! What is audited: a database that is there, or a file of DDL.

use std::path::Path;
use std::time::Duration;

use super::super::context::{Context, layout};
use super::super::output::Output;
use super::AuditArgs;
use crate::audit::load::{Loaded, Place, SchemaFile};
use crate::audit::locate::Declarations;
use crate::audit::{Rule, Schema, Statistics, Wanted, read as read_schema};
use crate::config::{AuditSettings, ConfigError, ProjectSettings, Settings, Target};
use crate::db::{Db, OwnFiles};
use crate::migrate::layout::{Layout, read_folder};
use crate::migrate::{Options, Situation};
use crate::suggest::nearest;
use crate::{Dialect, Error};

/// How long a file is waited for that another process has locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is audited, read.
pub(super) struct Source {
    pub schema: Schema,
    pub statistics: Statistics,
    /// What it is, for people.
    pub target: String,
    /// What a person should know, a sentence each.
    pub notes: Vec<String>,
    pub project: ProjectSettings,
    /// The versions that the database has applied, where that is known.
    pub applied: Option<std::collections::BTreeSet<i64>>,
    /// What the report is not to be written over.
    pub own: OwnFiles,
    file: Option<SchemaFile>,
}

pub(super) fn read(
    args: &AuditArgs,
    rules: &[&Rule],
    configured: &AuditSettings,
    context: &Context,
    output: &mut Output,
) -> Result<Source, Error> {
    let wanted = wanted(args, rules, configured);
    let mut source = match &args.schema {
        Some(path) => of_file(path, args, &wanted, context, output),
        None => of_database(args, &wanted, context, output),
    }?;
    if let Some(version) = args.sqlite_version {
        source.schema.version = version;
    }
    unknown_schema(args, configured, &source)?;
    if source.schema.tables.is_empty() {
        source.notes.push(format!("`{}` has no tables: is it the right one?", source.target));
    }
    Ok(source)
}

/// Refuses a schema that has no tables: nothing would be found, which is no good news.
fn unknown_schema(args: &AuditArgs, configured: &AuditSettings, source: &Source) -> Result<(), Error> {
    let is_there = |name: &str| source.schema.tables.iter().any(|table| table.schema == name);
    let schemas = || source.schema.taken.keys().map(String::as_str);
    let hint = |name: &str| match nearest(name, schemas().filter(|other| *other != name)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "names are written as the catalog has them, in lower case unless they were quoted".to_owned(),
    };
    if let Some(name) = args.schema_name.iter().map(|name| name.trim()).find(|name| !is_there(name)) {
        let message = format!("there are no tables in a schema `{name}` of `{}`", source.target);
        return Err(Error::Usage { message, hint: hint(name) });
    }
    let is_asked = args.schema_name.is_empty() && source.schema.dialect == Dialect::Postgres;
    match configured.schema_names.iter().find(|schema| is_asked && !is_there(&schema.name)) {
        Some(schema) => Err(schema.unknown(hint(&schema.name)).into()),
        None => Ok(()),
    }
}

fn of_database(args: &AuditArgs, wanted: &Wanted, context: &Context, output: &mut Output) -> Result<Source, Error> {
    let settings = settings(args, context, output)?;
    fits(args, settings.target.dialect())?;
    Db::wait_until_free(&settings.target, PATIENCE, &context.interrupt())?;
    let mut db = context.connect_to_read(&settings)?;
    let (schema, statistics) = read_schema(&mut db, wanted)?;
    let applied = if args.fix { applied(&settings, &mut db) } else { None };
    db.leave();
    let own = OwnFiles::of(&settings.target);
    let (target, project) = (settings.target.to_string(), settings.project);
    Ok(Source { schema, statistics, target, notes: Vec::new(), project, applied, own, file: None })
}

fn of_file(
    path: &Path,
    args: &AuditArgs,
    wanted: &Wanted,
    context: &Context,
    output: &mut Output,
) -> Result<Source, Error> {
    let (target, project) = if args.private_server {
        (None, context.project(output)?)
    } else {
        match settings(args, context, output) {
            Ok(settings) => (Some(settings.target), settings.project),
            Err(Error::Config(ConfigError::NoDatabase { .. })) => (None, context.project(output)?),
            Err(error) => return Err(error),
        }
    };
    let own = target.as_ref().map(OwnFiles::of).unwrap_or_default().and(path, "the schema that is read");
    let file = SchemaFile::open(path)?;
    let place = match target {
        _ if args.private_server => Place::PrivateServer,
        Some(Target::Postgres(target)) => Place::Server(Box::new(target)),
        _ => Place::Sqlite,
    };
    fits(args, if matches!(place, Place::Sqlite) { Dialect::Sqlite } else { Dialect::Postgres })?;
    let tell = |place: &str| output.say(&format!("`{}` is loaded into {place}", path.display()));
    let Loaded { schema, statistics, notes } = file.load(&place, wanted, &context.interrupt(), &tell)?;
    let target = path.display().to_string();
    Ok(Source { schema, statistics, target, notes, project, applied: None, own, file: Some(file) })
}

fn settings(args: &AuditArgs, context: &Context, output: &mut Output) -> Result<Settings, Error> {
    match &args.target {
        Some(url) => context.settings_of(url, output),
        None => context.settings(output),
    }
}

/// The flag beats the file.
fn wanted(args: &AuditArgs, rules: &[&Rule], configured: &AuditSettings) -> Wanted {
    let schemas = match args.schema_name.as_slice() {
        [] => configured.schema_names.iter().map(|schema| schema.name.clone()).collect(),
        names => names.iter().map(|name| name.trim().to_owned()).collect(),
    };
    let uses = rules.iter().any(|rule| rule.name == "unused-index");
    Wanted { statistics: true, uses, schemas }
}

/// Whether the flags are for a database of that kind.
fn fits(args: &AuditArgs, dialect: Dialect) -> Result<(), Error> {
    let usage = |message: &str, hint: &str| Err(Error::Usage { message: message.to_owned(), hint: hint.to_owned() });
    match dialect {
        Dialect::Postgres if args.sqlite_version.is_some() => {
            usage("`--sqlite-version` is about SQLite, and the database is PostgreSQL", "leave it out")
        }
        Dialect::Sqlite if args.sqlite_version.is_some_and(|version| version.0 != 3) => usage(
            "`--sqlite-version` is no version of SQLite 3",
            "write it as `SELECT sqlite_version()` does: `3.46.1`",
        ),
        Dialect::Sqlite if args.no_concurrently => {
            usage("`--no-concurrently` is about PostgreSQL, and the database is SQLite", "leave it out")
        }
        Dialect::Sqlite if !args.schema_name.is_empty() => {
            usage("`--schema-name` is about PostgreSQL, and the database is SQLite", "leave it out")
        }
        _ => Ok(()),
    }
}

/// The versions that the database has applied, where it says so.
fn applied(settings: &Settings, db: &mut Db) -> Option<std::collections::BTreeSet<i64>> {
    let migrator = crate::migrate::Migrator::from_folder(&settings.project.migrations.dir)
        .layout(named_layout(&settings.project))
        .options(Options::default());
    let report = migrator.status(db).ok()?;
    let is_applied = |situation: Situation| !matches!(situation, Situation::Pending | Situation::OutOfOrder);
    let entries = report.migrations.iter();
    Some(entries.filter(|entry| is_applied(entry.situation)).map(|entry| entry.version).collect())
}

/// The layout that is set; an unknown one is said by whoever needs it.
fn named_layout(project: &ProjectSettings) -> Option<Layout> {
    layout(project.migrations.layout.as_deref()).ok().flatten()
}

impl Source {
    /// Where tables and their kin are declared: in the file that was audited, else in the migrations; what stands in
    /// neither is shown at that file, at liftlock.yaml, or at the folder.
    pub fn declarations(&self, args: &AuditArgs) -> Declarations {
        let dialect = self.schema.dialect;
        if let (Some(path), Some(file)) = (&args.schema, &self.file) {
            let name = within(path);
            let mut declarations = Declarations::new(dialect, &name);
            declarations.read(&name, 1, &file.text);
            return declarations;
        }
        let dir = &self.project.migrations.dir;
        let otherwise = match &self.project.config_file {
            Some(file) => within(file),
            None if dir.exists() => within(dir),
            None => crate::config::FILE_NAME.to_owned(),
        };
        let mut declarations = Declarations::new(dialect, otherwise);
        match read_folder(dir, dialect, named_layout(&self.project)) {
            Ok(folder) => {
                for up in folder.migrations.iter().map(|migration| &migration.up) {
                    declarations.read(&within(Path::new(&up.path)), up.first_line, &up.text);
                }
            }
            Err(error) => tracing::debug!(%error, "the migrations are not looked through"),
        }
        declarations
    }
}

/// A path as seen from the working folder, where it is within it.
fn within(path: &Path) -> String {
    let folder = std::env::current_dir().ok();
    let relative = folder.and_then(|folder| path.strip_prefix(folder).ok().map(Path::to_owned));
    relative.as_deref().unwrap_or(path).display().to_string()
}
