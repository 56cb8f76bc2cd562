//! The two databases of a port.

use super::super::context::Context;
use super::super::output::Output;
use crate::Error;
use crate::config::{ConfigError, Origin, PostgresTarget, ProjectSettings, SqliteTarget, Target};

/// The two databases of a port or its rehearsal.
pub(super) struct Ends {
    pub source: SqliteTarget,
    /// Nothing where a rehearsal makes its own.
    pub target: Option<PostgresTarget>,
    /// Whether the target is protected (liftlock.yaml).
    pub protected: bool,
    /// What is set for the target's migrations.
    pub project: ProjectSettings,
}

/// The two databases; whether the second is protected (liftlock.yaml), and what is set for its migrations.
pub(in crate::cli) fn ends(
    source: &str,
    target: Option<&str>,
    context: &Context,
    output: &mut Output,
) -> Result<(SqliteTarget, (PostgresTarget, bool, ProjectSettings)), Error> {
    let source = sqlite(source, context, output)?;
    let settings = match target {
        Some(target) => context.settings_of(target, output)?,
        None => context.settings(output)?,
    };
    match settings.target {
        Target::Postgres(target) => Ok((source, (target, settings.protected, settings.project))),
        other @ Target::Sqlite(_) => Err(no_postgres(&other)),
    }
}

/// The databases of a rehearsal, which needs no target.
pub(super) fn ends_of_rehearsal(
    source: &str,
    target: Option<&str>,
    context: &Context,
    output: &mut Output,
) -> Result<Ends, Error> {
    let source = sqlite(source, context, output)?;
    let settings = match target {
        Some(target) => context.settings_of(target, output),
        None => context.settings(output),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(Error::Config(ConfigError::NoDatabase { .. })) => {
            return Ok(Ends { source, target: None, protected: false, project: context.project(output)? });
        }
        Err(error) => return Err(error),
    };
    let named = target.is_some() || matches!(settings.target_source, Origin::Flag(_));
    let (protected, project) = (settings.protected, settings.project);
    match settings.target {
        Target::Postgres(target) => Ok(Ends { source, target: Some(target), protected, project }),
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
