//! Where settings come from: flags, then the environment, then liftlock.yaml, then defaults → one [`Settings`].
//!
//! Which database is worked on is said by the first of: `--database`, `--env` (a name under `databases:`),
//! `LIFTLOCK_DATABASE`, `LIFTLOCK_ENV`, `DATABASE_URL`, and in liftlock.yaml `default_env` or `database`. Each other
//! flag has a variable too, `LIFTLOCK_` and its name in capitals. A variable that is empty counts as not set.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

mod audit;
mod backup;
mod environment;
mod error;
mod file;
mod health;
mod keywords;
mod passfile;
mod port;
mod postgres;
mod retention;
mod secret;
mod section;
mod target;
#[cfg(test)]
mod tests;
mod value;

pub use audit::{AuditFailOn, AuditIgnore, AuditRule, AuditSchema, AuditSettings};
pub use backup::BackupSettings;
pub use environment::Environment;
pub use error::{ConfigError, Origin, Problem};
pub use health::{HealthSettings, parse_bytes, parse_percent, parse_timeout};
pub use port::{PortColumns, PortNames, PortNocase, PortSettings, PortType};
pub use postgres::{Host, HostAddress, PostgresTarget, RootCertificates, SslMode};
pub use retention::{RetentionAction, RetentionPolicy};
pub use secret::{Secret, redact};
pub use target::{SqliteLocation, SqliteTarget, Target};
pub use value::parse_duration;

use file::{ConfigFile, Database, Migrations};
use target::Draft;
use value::{Text, parse_bool, parse_count, parse_text};

/// The file's name, looked for in the working folder and nowhere else.
pub const FILE_NAME: &str = "liftlock.yaml";

/// What holds the key of encrypted backups and values: 32 bytes in base64.
pub const KEY_VARIABLE: &str = "LIFTLOCK_KEY";

/// What names another file.
const CONFIG_VARIABLE: &str = "LIFTLOCK_CONFIG";

/// What flags, or a caller of the library, say.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--database`: a URL or a path.
    pub database: Option<String>,
    /// Where `database` was written, if not there.
    pub database_origin: Option<Origin>,
    /// `--env`: a database's name in the configuration file.
    pub env: Option<String>,
    /// `--dir`: the folder of migrations.
    pub dir: Option<PathBuf>,
    /// `--config`: the configuration file.
    pub config: Option<PathBuf>,
    /// `--layout`: how the folder of migrations is read.
    pub layout: Option<String>,
    /// `--numbering`: what a new migration's version is.
    pub numbering: Option<Numbering>,
    /// `--allow-out-of-order`.
    pub allow_out_of_order: Option<bool>,
    /// `--lock-timeout`.
    pub lock_timeout: Option<Duration>,
    /// `--lock-retries`.
    pub lock_retries: Option<u32>,
    /// `--lock-wait`.
    pub lock_wait: Option<Duration>,
}

/// Everything that is set, resolved once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database.
    pub target: Target,
    /// Where it was named.
    pub target_source: Origin,
    /// Whether what destroys data needs more than `--yes`: as the configuration says, else for `production`.
    pub protected: bool,
    /// What holds without a database.
    pub project: ProjectSettings,
}

/// What is set for commands that need no database.
#[derive(Debug, Clone)]
pub struct ProjectSettings {
    /// The configuration file, if there is one.
    pub config_file: Option<PathBuf>,
    /// The chosen database's name in it.
    pub env_name: Option<String>,
    /// How migrations are found and run.
    pub migrations: MigrationSettings,
    /// What a person should hear of.
    pub warnings: Vec<String>,
    /// Whether output has no colours.
    pub no_color: bool,
    /// The user that runs this process, by the operating system.
    pub os_user: Option<String>,
    /// The machine's name.
    pub host: Option<String>,
}

/// How migrations are found and run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationSettings {
    /// The folder.
    pub dir: PathBuf,
    /// The name of its layout; `None` finds out.
    pub layout: Option<String>,
    /// What a new migration's version is; `None` is as the folder's others are.
    pub numbering: Option<Numbering>,
    /// Whether a version below the highest applied one may be applied.
    pub allow_out_of_order: bool,
    /// How long a transactional migration may wait for a lock of PostgreSQL; zero is for ever, as for the server.
    pub lock_timeout: Duration,
    /// How often a migration that ran into it is tried again.
    pub lock_retries: u32,
    /// How long to wait for another runner at most.
    pub lock_wait: Option<Duration>,
}

/// What a new migration's version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbering {
    /// The time, to the second.
    #[default]
    Timestamp,
    /// One more than the highest.
    Sequence,
}

impl FromStr for Numbering {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match text.trim() {
            "timestamp" => Ok(Self::Timestamp),
            "sequence" => Ok(Self::Sequence),
            _ => Err(Problem::Expected("`timestamp` or `sequence`")),
        }
    }
}

/// Resolves all settings. Relative paths start from `cwd`, those in the configuration file from its own folder; an
/// empty `cwd` is the working folder of the process, and leaves paths as they were written.
pub fn resolve(overrides: &Overrides, environment: &Environment, cwd: &Path) -> Result<Settings, ConfigError> {
    let sources = Sources::read(overrides, environment, cwd)?;
    let choice = sources.choose()?;
    let mut project = sources.project(&choice)?;
    let (draft, target_source) = match &choice {
        Choice::Url(url, origin) => (Draft::parse(url, origin, cwd)?, origin.clone()),
        Choice::Database(_, file, database) => file.target(database, environment)?,
        Choice::Nothing => {
            let (file, names) = sources.databases();
            return Err(ConfigError::NoDatabase { file, names });
        }
    };
    let target = draft.resolve(environment, cwd, &mut project.warnings)?;
    let protected = match &choice {
        Choice::Database(name, file, Database { keys, .. }) => match &keys.protected {
            Some(text) => file.value(text, environment, parse_bool)?,
            None => name.as_deref() == Some("production"),
        },
        _ => false,
    };
    Ok(Settings { target, target_source, protected, project })
}

/// Resolves the settings of commands that need no database: nothing of one is asked for, or has to be set.
pub fn resolve_without_target(
    overrides: &Overrides,
    environment: &Environment,
    cwd: &Path,
) -> Result<ProjectSettings, ConfigError> {
    let sources = Sources::read(overrides, environment, cwd)?;
    sources.project(&sources.choose()?)
}

/// Resolves what shapes a port: nothing else that is set has to be there for it.
pub fn resolve_port(overrides: &Overrides, environment: &Environment, cwd: &Path) -> Result<PortSettings, ConfigError> {
    let sources = Sources::read(overrides, environment, cwd)?;
    let section = sources.file.as_ref().and_then(|file| Some((file, file.content.port.as_ref()?)));
    section.map_or_else(|| Ok(PortSettings::default()), |(file, section)| section.resolve(file, environment))
}

/// Resolves what shapes an audit: nothing else that is set has to be there for it.
pub fn resolve_audit(
    overrides: &Overrides,
    environment: &Environment,
    cwd: &Path,
) -> Result<AuditSettings, ConfigError> {
    let sources = Sources::read(overrides, environment, cwd)?;
    let section = sources.file.as_ref().and_then(|file| Some((file, file.content.audit.as_ref()?)));
    section.map_or_else(|| Ok(AuditSettings::default()), |(file, section)| section.resolve(file, environment))
}

/// Resolves what a probe goes by: nothing else that is set has to be there for it.
pub fn resolve_health(
    overrides: &Overrides,
    environment: &Environment,
    cwd: &Path,
) -> Result<HealthSettings, ConfigError> {
    let sources = Sources::read(overrides, environment, cwd)?;
    let section = sources.file.as_ref().and_then(|file| Some((file, file.content.health.as_ref()?)));
    section.map_or_else(|| Ok(HealthSettings::default()), |(file, section)| section.resolve(file, environment))
}

/// Resolves what liftlock.yaml says of backups: nothing else that is set has to be there for it.
pub fn resolve_backup(
    overrides: &Overrides,
    environment: &Environment,
    cwd: &Path,
) -> Result<BackupSettings, ConfigError> {
    let sources = Sources::read(overrides, environment, cwd)?;
    let section = sources.file.as_ref().and_then(|file| Some((file, file.content.backup.as_ref()?)));
    section.map_or_else(|| Ok(BackupSettings::default()), |(file, section)| section.resolve(file, environment))
}

/// The key of encrypted backups and values, as the environment holds it; `None` where it is not set. It stands nowhere
/// else: not in liftlock.yaml, and in no flag, which other users of the machine can read.
#[must_use]
pub fn encryption_key(environment: &Environment) -> Option<Secret> {
    environment.get(KEY_VARIABLE).map(Secret::new)
}

/// Resolves the retention policies: nothing else that is set has to be there for them.
pub fn resolve_retention(
    overrides: &Overrides,
    environment: &Environment,
    cwd: &Path,
) -> Result<Vec<RetentionPolicy>, ConfigError> {
    let sources = Sources::read(overrides, environment, cwd)?;
    let Some(file) = &sources.file else { return Ok(Vec::new()) };
    let mut warnings = Vec::new();
    let policies = file.content.retention.iter().flatten();
    let policies = policies.map(|policy| policy.resolve(file, environment, &mut warnings)).collect();
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    policies
}

/// All that settings are made of.
struct Sources<'a> {
    overrides: &'a Overrides,
    environment: &'a Environment,
    cwd: &'a Path,
    file: Option<ConfigFile>,
    warnings: Vec<String>,
}

/// What says which database is worked on.
enum Choice<'a> {
    Url(&'a str, Origin),
    Database(Option<String>, &'a ConfigFile, &'a Database),
    Nothing,
}

impl<'a> Sources<'a> {
    fn read(overrides: &'a Overrides, environment: &'a Environment, cwd: &'a Path) -> Result<Self, ConfigError> {
        let flag = overrides.config.as_deref().map(|path| (path, Origin::Flag("--config")));
        let variable =
            || Some((Path::new(environment.get(CONFIG_VARIABLE)?), Origin::Variable(CONFIG_VARIABLE.to_owned())));
        let named = flag.or_else(variable);
        let path = cwd.join(named.as_ref().map_or(Path::new(FILE_NAME), |(path, _)| path));
        let file = ConfigFile::read(&path)?;
        let mut warnings = Vec::new();
        if file.is_none() {
            if let Some((_, origin)) = named {
                return Err(ConfigError::Missing { origin, file: path });
            }
            if path.with_extension("yml").exists() {
                warnings.push(format!("`liftlock.yml` is not read: the file's name is `{FILE_NAME}`"));
            }
        }
        if let (Some(_), Some(env)) = (&overrides.database, &overrides.env) {
            warnings.push(format!("`--env {env}` is ignored: `--database` names the database"));
        }
        Ok(Self { overrides, environment, cwd, file, warnings })
    }

    /// What says which database is worked on, by precedence.
    fn choose(&self) -> Result<Choice<'_>, ConfigError> {
        let variable = |name: &str| Some((self.environment.get(name)?, Origin::Variable(name.to_owned())));
        if let Some(url) = &self.overrides.database {
            let origin = self.overrides.database_origin.clone();
            return Ok(Choice::Url(url, origin.unwrap_or(Origin::Flag("--database"))));
        }
        if let Some(name) = &self.overrides.env {
            return self.named(name, Origin::Flag("--env"));
        }
        if let Some((url, origin)) = variable("LIFTLOCK_DATABASE") {
            return Ok(Choice::Url(url, origin));
        }
        if let Some((name, origin)) = variable("LIFTLOCK_ENV") {
            return self.named(name, origin);
        }
        if let Some((url, origin)) = variable("DATABASE_URL") {
            return Ok(Choice::Url(url, origin));
        }
        let Some(file) = &self.file else { return Ok(Choice::Nothing) };
        if let Some(text) = &file.content.default_env {
            let name = file.value(text, self.environment, parse_text)?;
            return self.named(&name, file.origin(text.place));
        }
        Ok(file.content.database.as_ref().map_or(Choice::Nothing, |database| Choice::Database(None, file, database)))
    }

    /// The database of that name, which `origin` asks for.
    fn named(&self, name: &str, origin: Origin) -> Result<Choice<'_>, ConfigError> {
        match self.file.as_ref().and_then(|file| Some((file, file.database(name)?))) {
            Some((file, database)) => Ok(Choice::Database(Some(name.to_owned()), file, database)),
            None => {
                let (file, names) = self.databases();
                Err(ConfigError::UnknownDatabase { origin, name: name.to_owned(), file, names })
            }
        }
    }

    /// The configuration file, and the databases that it names.
    fn databases(&self) -> (Option<PathBuf>, Vec<String>) {
        (
            self.file.as_ref().map(|file| file.path().to_owned()),
            self.file.as_ref().map_or_else(Vec::new, ConfigFile::names),
        )
    }

    fn project(&self, choice: &Choice<'_>) -> Result<ProjectSettings, ConfigError> {
        let (env_name, own) = match choice {
            Choice::Database(name, _, database) => (name.clone(), database.keys.migrations.as_ref()),
            _ => (None, None),
        };
        Ok(ProjectSettings {
            config_file: self.file.as_ref().map(|file| file.path().to_owned()),
            env_name,
            migrations: self.migrations(own)?,
            warnings: self.warnings.clone(),
            no_color: self.environment.no_color(),
            os_user: self.environment.os_user().map(str::to_owned),
            host: self.environment.host().map(str::to_owned),
        })
    }

    /// The migrations' settings, with those of the chosen database before the ones of all.
    fn migrations(&self, own: Option<&Migrations>) -> Result<MigrationSettings, ConfigError> {
        // PostgreSQL counts lock_timeout in milliseconds, in 31 bits
        let longest = Duration::from_millis(i32::MAX.unsigned_abs().into());
        let flags = self.overrides;
        let lock_timeout = self.pick(flags.lock_timeout, "LOCK_TIMEOUT", own, |m| &m.lock_timeout, parse_duration)?;
        let layout = self.pick(flags.layout.clone(), "LAYOUT", own, |m| &m.layout, parse_text)?;
        Ok(MigrationSettings {
            dir: self.dir(own)?,
            layout: layout.filter(|layout| layout != "auto"),
            numbering: self.pick(flags.numbering, "NUMBERING", own, |m| &m.numbering, str::parse)?,
            allow_out_of_order: self
                .pick(flags.allow_out_of_order, "ALLOW_OUT_OF_ORDER", own, |m| &m.allow_out_of_order, parse_bool)?
                .unwrap_or(false),
            lock_timeout: lock_timeout.unwrap_or(Duration::from_secs(5)).min(longest),
            lock_retries: self
                .pick(flags.lock_retries, "LOCK_RETRIES", own, |m| &m.lock_retries, parse_count)?
                .unwrap_or(10),
            lock_wait: self.pick(flags.lock_wait, "LOCK_WAIT", own, |m| &m.lock_wait, parse_duration)?,
        })
    }

    /// The folder of migrations: each source's relative paths start from that source's own folder.
    fn dir(&self, own: Option<&Migrations>) -> Result<PathBuf, ConfigError> {
        if let Some(dir) = self.overrides.dir.as_deref().or(self.environment.get("LIFTLOCK_DIR").map(Path::new)) {
            return Ok(self.cwd.join(dir));
        }
        let dir = self.in_file(own, |migrations| &migrations.dir, parse_text)?;
        let folder = self.file.as_ref().map_or(self.cwd, ConfigFile::folder);
        Ok(folder.join(dir.unwrap_or_else(|| "migrations".to_owned())))
    }

    /// A setting by precedence: flag, variable, file.
    fn pick<T>(
        &self,
        flag: Option<T>,
        variable: &str,
        own: Option<&Migrations>,
        key: impl Fn(&Migrations) -> &Option<Text>,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<Option<T>, ConfigError> {
        if flag.is_some() {
            return Ok(flag);
        }
        let variable = format!("LIFTLOCK_{variable}");
        if let Some(value) = self.environment.get(&variable) {
            return read(value).map(Some).map_err(|problem| problem.at(&Origin::Variable(variable)));
        }
        self.in_file(own, key, read)
    }

    /// A setting by the file: the chosen database's own, else that of all.
    fn in_file<T>(
        &self,
        own: Option<&Migrations>,
        key: impl Fn(&Migrations) -> &Option<Text>,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(file) = &self.file else { return Ok(None) };
        let sections = [own, file.content.migrations.as_ref()];
        let text = sections.into_iter().flatten().find_map(|section| key(section).as_ref());
        text.map(|text| file.value(text, self.environment, read)).transpose()
    }
}
