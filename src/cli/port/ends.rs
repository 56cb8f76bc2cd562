//! The two databases of a port.

use super::super::context::Context;
use super::super::output::Output;
use crate::Error;
use crate::config::{ConfigError, Origin, PostgresTarget, ProjectSettings, SqliteTarget, Target};

/// The two databases of a port or its rehearsal.
pub(in crate::cli) struct Ends<T> {
    pub source: SqliteTarget,
    /// An option where a rehearsal may make its own.
    pub target: T,
    /// Whether the target is protected (liftlock.yaml).
    pub protected: bool,
    /// What is set for the target's migrations.
    pub project: ProjectSettings,
}

/// The two databases.
pub(in crate::cli) fn ends(
    source: &str,
    target: Option<&str>,
    context: &Context,
    output: &mut Output,
) -> Result<Ends<PostgresTarget>, Error> {
    let source = sqlite(source, context, output)?;
    let settings = match target {
        Some(target) => context.settings_of(target, output)?,
        None => context.settings(output)?,
    };
    match settings.target {
        Target::Postgres(target) => {
            Ok(Ends { source, target, protected: settings.protected, project: settings.project })
        }
        other @ Target::Sqlite(_) => Err(no_postgres(&other)),
    }
}

/// The databases of a rehearsal, which needs no target.
pub(super) fn ends_of_rehearsal(
    source: &str,
    target: Option<&str>,
    context: &Context,
    output: &mut Output,
) -> Result<Ends<Option<PostgresTarget>>, Error> {
    let source = sqlite(source, context, output)?;
    let settings = match target {
        Some(target) => context.settings_of(target, output),
        None => context.settings(output),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(Error::Config(ConfigError::NoDatabase { .. })) => {
            let project = context.project(output)?;
            return Ok(Ends { source, target: None, protected: false, project });
        }
        Err(error) => return Err(error),
    };
    let named = target.is_some() || matches!(settings.target_source, Origin::Flag(_));
    let project = settings.project;
    match settings.target {
        Target::Postgres(target) => Ok(Ends { source, target: Some(target), protected: settings.protected, project }),
        // what is configured for other commands may be the very source; it was not named for this one
        Target::Sqlite(_) if !named => Ok(Ends { source, target: None, protected: false, project }),
        other @ Target::Sqlite(_) => Err(no_postgres(&other)),
    }
}

fn sqlite(source: &str, context: &Context, output: &mut Output) -> Result<SqliteTarget, Error> {
    match context.settings_of(source, output)?.target {
        Target::Sqlite(source) => Ok(source),
        Target::Postgres(_) => Err(usage(
            "the source is no SQLite database",
            "give the SQLite file first, then the PostgreSQL URL: `liftlock port app.db postgres:///app`",
        )),
    }
}

fn no_postgres(target: &Target) -> Error {
    usage(
        &format!("the target `{target}` is no PostgreSQL database"),
        "give its URL as the second argument: `postgres://user@host/database`",
    )
}

fn usage(message: &str, hint: &str) -> Error {
    Error::Usage { message: message.to_owned(), hint: hint.to_owned() }
}
