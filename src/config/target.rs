//! A database to connect to: what a URL, or a path, means.

use std::fmt;
use std::path::{Path, PathBuf};

use super::keywords::{self, Keywords};
use super::{ConfigError, Environment, Origin, PostgresTarget, Problem, Secret, redact};
use crate::Dialect;

/// A database to connect to. `Display` is what is printed for people; it never holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file, or memory.
    Sqlite(SqliteTarget),
    /// A server.
    Postgres(PostgresTarget),
}

/// An SQLite database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteTarget {
    /// Where it is.
    pub location: SqliteLocation,
    /// Whether it is opened for reading alone (`mode=ro`).
    pub read_only: bool,
    /// Whether a file that isn't there is created (`mode=rwc`, the default).
    pub create: bool,
}

/// Where an SQLite database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteLocation {
    /// In a file.
    File(PathBuf),
    /// In memory, gone with the connection.
    Memory,
}

impl Target {
    /// Reads a URL (`sqlite:path`, `sqlite::memory:`, `postgres://…`) or a plain path to an SQLite file, with the
    /// defaults that libpq takes from the environment. Relative paths stay relative. Warnings (a password file that
    /// is not used, and why) are logged; [`super::resolve`] returns them.
    pub fn parse(url: &str, environment: &Environment) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let folder = Path::new("");
        let target = Draft::parse(url, &Origin::Argument, folder)?.resolve(environment, folder, &mut warnings)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        Ok(target)
    }

    /// The kind of database.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// What must never be printed.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(target) => target.password.as_ref(),
        }
        .into_iter()
    }

    /// `text` without this target's secrets.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        redact(text, self.secrets())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(target) => target.fmt(f),
            Self::Postgres(target) => target.fmt(f),
        }
    }
}

impl fmt::Display for SqliteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            SqliteLocation::File(path) => write!(f, "sqlite:{}", path.display()),
            SqliteLocation::Memory => f.write_str("sqlite::memory:"),
        }
    }
}

/// A target before the environment had its say: what can be checked of a database that isn't the chosen one.
pub(super) enum Draft {
    Sqlite(SqliteTarget),
    Postgres(Keywords),
}

impl Draft {
    /// Reads a URL or a plain path. Relative paths start from `folder`.
    pub(super) fn parse(text: &str, origin: &Origin, folder: &Path) -> Result<Self, ConfigError> {
        let draft = Self::read(text, origin, folder).map_err(|problem| problem.at(origin))?;
        if let Self::Postgres(keywords) = &draft {
            keywords.check()?;
        }
        Ok(draft)
    }

    fn read(text: &str, origin: &Origin, folder: &Path) -> Result<Self, Problem> {
        // a URL out of a file of secrets often ends in a newline
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(Problem::Empty);
        }
        let Some((scheme, rest)) = split_scheme(trimmed) else {
            refuse_what_is_no_path(trimmed)?;
            return Ok(Self::Sqlite(SqliteTarget::at(text, folder)));
        };
        match Dialect::from_name(&scheme.to_ascii_lowercase()) {
            Some(Dialect::Sqlite) => SqliteTarget::from_url(rest, folder).map(Self::Sqlite),
            Some(Dialect::Postgres) => {
                let rest = rest.strip_prefix("//").ok_or(Problem::NoSlashes)?;
                Keywords::from_url(rest, origin, folder).map(Self::Postgres)
            }
            // `user:password@host/name`: what stands first is a user
            None if !rest.starts_with("//") && rest.contains('@') => Err(Problem::NoScheme),
            None => Err(Problem::UnknownScheme(scheme.to_owned())),
        }
    }

    pub(super) fn resolve(
        self,
        environment: &Environment,
        folder: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Target, ConfigError> {
        Ok(match self {
            Self::Sqlite(target) => Target::Sqlite(target),
            Self::Postgres(keywords) => {
                Target::Postgres(PostgresTarget::resolve(keywords, environment, folder, warnings)?)
            }
        })
    }
}

impl SqliteTarget {
    /// The database in the file of that name, which is taken as it is; `:memory:` is memory.
    pub(super) fn at(path: &str, folder: &Path) -> Self {
        let location = match path.trim() {
            ":memory:" => SqliteLocation::Memory,
            _ => SqliteLocation::File(folder.join(path)),
        };
        Self { location, read_only: false, create: true }
    }

    /// Reads what follows `sqlite:`: a path with two slashes before it, or none.
    fn from_url(rest: &str, folder: &Path) -> Result<Self, Problem> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = keywords::decode(path.strip_prefix("//").unwrap_or(path), "path")?;
        if path.is_empty() {
            return Err(Problem::Empty);
        }
        let mut target = Self::at(&path, folder);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or(Problem::ParameterWithoutValue)?;
            match (name, value) {
                ("mode", "ro") => (target.read_only, target.create) = (true, false),
                ("mode", "rw") => (target.read_only, target.create) = (false, false),
                ("mode", "rwc") => (target.read_only, target.create) = (false, true),
                ("mode", "memory") => target.location = SqliteLocation::Memory,
                ("mode", _) => {
                    return Err(Problem::Parameter { name: "mode", expected: "`ro`, `rw`, `rwc` or `memory`" });
                }
                (name, _) => {
                    // a key of an encrypted database, say; its value isn't shown
                    let shown = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                    return Err(Problem::UnknownParameter(shown.then(|| name.to_owned())));
                }
            }
        }
        Ok(target)
    }
}

/// The scheme of a URL and what follows its colon. One letter is no scheme but a drive (`C:\data\app.db`).
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some((scheme, rest))
}

/// Finds out what was hardly meant as a file's path, and would print a password if it were taken as one.
fn refuse_what_is_no_path(text: &str) -> Result<(), Problem> {
    let host = text.strip_prefix("//").unwrap_or(text);
    if let Some((user, rest)) = host.split_once(':')
        && !user.contains('/')
        && rest.contains('@')
    {
        return Err(Problem::NoScheme);
    }
    let words = ["host", "hostaddr", "port", "dbname", "user", "password", "service"];
    let is_pair = |word: &str| word.split_once('=').is_some_and(|(name, _)| words.contains(&name.trim()));
    if text.split_whitespace().any(is_pair) {
        return Err(Problem::KeyValue);
    }
    Ok(())
}
