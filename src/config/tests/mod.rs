//! Tests of the whole way from text to settings. None of them reads the process environment.

mod audit;
mod files;
mod port;
mod postgres;
mod precedence;
mod urls;

use super::{ConfigError, Environment, Origin, Target};

/// An error as people read it, with its hint.
fn shown(error: &ConfigError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    }
}

fn ada() -> Environment {
    Environment::from_pairs([("USER", "ada")])
}

fn parse(url: &str) -> Target {
    Target::parse(url, &ada()).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn refuse(url: &str) -> ConfigError {
    Target::parse(url, &ada()).expect_err(url)
}

fn origin(error: &ConfigError) -> &Origin {
    match error {
        ConfigError::Value { origin, .. } => origin,
        other => panic!("{other}"),
    }
}
