//! What commands share: the settings, the connection, the migrator.

use std::path::Path;
use std::sync::Arc;

use super::output::Output;
use crate::Error;
use crate::config::{
    self, AuditSettings, BackupSettings, Environment, HealthSettings, Origin, Overrides, PortSettings, ProjectSettings,
    RetentionPolicy, Secret, Settings, SqliteLocation, SqliteTarget, Target,
};
use crate::db::{Access, Db, DbError, SqlError};
use crate::interrupt::Interrupt;
use crate::migrate::layout::Layout;
use crate::migrate::{Event, Migrator, Options, Who};
use crate::port::emit::Emission;

pub(super) struct Context {
    overrides: Overrides,
    environment: Environment,
    interrupt: Interrupt,
}

impl Context {
    pub fn new(overrides: Overrides, interrupt: Interrupt) -> Self {
        Self { overrides, environment: Environment::from_process(), interrupt }
    }

    /// Whether output is to be without colours (<https://no-color.org>).
    pub fn no_color(&self) -> bool {
        self.environment.no_color() || self.environment.get("TERM") == Some("dumb")
    }

    /// Everything that is set; the output knows from here on what must not be printed.
    pub fn settings(&self, output: &mut Output) -> Result<Settings, Error> {
        let settings = config::resolve(&self.overrides, &self.environment, Path::new(""))?;
        output.hide(settings.target.secrets());
        for warning in &settings.project.warnings {
            output.warn(warning);
        }
        Ok(settings)
    }

    /// The settings for the database at `url`, an argument of the command, whatever else is set.
    pub fn settings_of(&self, url: &str, output: &mut Output) -> Result<Settings, Error> {
        let overrides = Overrides {
            database: Some(url.to_owned()),
            database_origin: Some(Origin::Argument),
            ..self.overrides.clone()
        };
        let settings = config::resolve(&overrides, &self.environment, Path::new(""))?;
        output.hide(settings.target.secrets());
        Ok(settings)
    }

    /// What liftlock.yaml says of ports.
    pub fn port(&self) -> Result<PortSettings, Error> {
        Ok(config::resolve_port(&self.overrides, &self.environment, Path::new(""))?)
    }

    /// What liftlock.yaml says of audits.
    pub fn audit(&self) -> Result<AuditSettings, Error> {
        Ok(config::resolve_audit(&self.overrides, &self.environment, Path::new(""))?)
    }

    /// What liftlock.yaml says of health.
    pub fn health(&self) -> Result<HealthSettings, Error> {
        Ok(config::resolve_health(&self.overrides, &self.environment, Path::new(""))?)
    }

    /// What liftlock.yaml says of backups.
    pub fn backup(&self) -> Result<BackupSettings, Error> {
        Ok(config::resolve_backup(&self.overrides, &self.environment, Path::new(""))?)
    }

    /// The key of what is encrypted, if one is set; the output must not print it.
    pub fn key(&self, output: &mut Output) -> Option<Secret> {
        let key = config::encryption_key(&self.environment);
        output.hide(&key);
        key
    }

    /// The retention policies of liftlock.yaml; the output knows from here on what must not be printed.
    pub fn retention(&self, output: &mut Output) -> Result<Vec<RetentionPolicy>, Error> {
        let policies = config::resolve_retention(&self.overrides, &self.environment, Path::new(""))?;
        for policy in &policies {
            if let config::RetentionAction::Archive(target) = &policy.action {
                output.hide(target.secrets());
            }
        }
        Ok(policies)
    }

    /// The request to stop.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// What is set for a command that needs no database.
    pub fn project(&self, output: &mut Output) -> Result<ProjectSettings, Error> {
        let project = config::resolve_without_target(&self.overrides, &self.environment, Path::new(""))?;
        for warning in &project.warnings {
            output.warn(warning);
        }
        Ok(project)
    }

    /// A connection; a command that writes says first where to.
    pub fn connect(&self, settings: &Settings, access: Access, output: &mut Output) -> Result<Db, Error> {
        if access != Access::Read {
            output.say(&format!("database: {} (from {})", settings.target, settings.target_source));
        }
        if access == Access::Read
            && let Some(path) = missing_file(settings)
        {
            output.say(&format!("`{}` does not exist yet: it is read as empty", path.display()));
        }
        Ok(Db::connect(&settings.target, access)?)
    }

    /// A connection to a database that is there: a file that is not would be read as empty, and found to be well.
    pub fn connect_to_read(&self, settings: &Settings) -> Result<Db, Error> {
        self.is_there(settings)?;
        Ok(Db::connect(&settings.target, Access::Read)?)
    }

    /// That the database's file is there, where it is one.
    pub fn is_there(&self, settings: &Settings) -> Result<(), Error> {
        if missing_file(settings).is_some() {
            return Err(Error::Db(DbError::Connect {
                target: settings.target.to_string(),
                hint: Some(match &settings.target_source {
                    Origin::Argument => "is the path right? it is the one that was given".to_owned(),
                    source => format!("is the path right? it was named by {source}"),
                }),
                source: SqlError::other("there is no such file"),
            }));
        }
        Ok(())
    }

    /// A connection that writes. A file that is not there yet is made only once `check` has passed on an empty database.
    pub fn connect_to_write(
        &self,
        settings: &Settings,
        output: &mut Output,
        check: impl FnOnce(&mut Db) -> Result<(), Error>,
    ) -> Result<Db, Error> {
        if missing_file(settings).is_some() {
            check(&mut Db::connect(&settings.target, Access::Read)?)?;
        }
        self.connect(settings, Access::Write, output)
    }

    /// The migrator, its folder read.
    pub fn migrator(&self, settings: &Settings, output: &Output) -> Result<Migrator, Error> {
        // a folder that can't be read leaves no empty database behind
        let dialect = settings.target.dialect();
        Ok(self.unread_migrator(&settings.project, output)?.read_now(dialect)?)
    }

    /// The migrator of a port, where there is a folder for it; whether it is needed shows later.
    pub fn port_migrator(&self, project: &ProjectSettings, output: &Output) -> Result<Option<Migrator>, Error> {
        if project.migrations.dir.is_dir() { self.unread_migrator(project, output).map(Some) } else { Ok(None) }
    }

    /// The migrator, where there is a folder for it.
    pub fn migrator_if_any(&self, project: &ProjectSettings, output: &Output) -> Result<Option<Migrator>, Error> {
        self.port_migrator(project, output)
    }

    /// Where a port writes its schema as a migration.
    pub fn emission(&self, project: &ProjectSettings, output: &Output) -> Result<Emission, Error> {
        let migrations = &project.migrations;
        Ok(Emission {
            dir: migrations.dir.clone(),
            layout: layout(migrations.layout.as_deref())?,
            numbering: migrations.numbering,
            options: self.run_options(project, output),
        })
    }

    fn unread_migrator(&self, project: &ProjectSettings, output: &Output) -> Result<Migrator, Error> {
        let layout = layout(project.migrations.layout.as_deref())?;
        let options = self.run_options(project, output);
        Ok(Migrator::from_folder(&project.migrations.dir).layout(layout).options(options))
    }

    fn run_options(&self, project: &ProjectSettings, output: &Output) -> Options {
        let migrations = &project.migrations;
        let observer = output.observer();
        Options {
            allow_out_of_order: migrations.allow_out_of_order,
            lock_timeout: migrations.lock_timeout,
            lock_retries: migrations.lock_retries,
            lock_wait: migrations.lock_wait,
            who: Who { os_user: project.os_user.clone(), host: project.host.clone() },
            interrupt: self.interrupt.clone(),
            observer: Some(Arc::new(move |event: &Event| observer.event(event))),
        }
    }
}

/// The SQLite file that would be made by writing.
fn missing_file(settings: &Settings) -> Option<&Path> {
    match &settings.target {
        Target::Sqlite(SqliteTarget { location: SqliteLocation::File(path), create: true, .. }) => {
            (!path.exists()).then_some(path)
        }
        _ => None,
    }
}

/// The layout that was named.
pub(super) fn layout(name: Option<&str>) -> Result<Option<Layout>, Error> {
    let Some(name) = name else { return Ok(None) };
    Layout::from_name(name).map(Some).ok_or_else(|| {
        let known: Vec<&str> = Layout::ALL.iter().map(|layout| layout.name()).collect();
        Error::Usage {
            message: format!("there is no layout `{name}`"),
            hint: format!("there are: {}", known.join(", ")),
        }
    })
}
