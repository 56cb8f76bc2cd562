//! The section `backup:` of liftlock.yaml: where backups go, how many are kept, and whether they are encrypted.

use std::path::PathBuf;

use serde::Deserialize;

use super::file::ConfigFile;
use super::section::Reader;
use super::value::{Text, parse_bool, parse_count, parse_text};
use super::{ConfigError, Environment, Problem};

/// What liftlock.yaml says of backups, as it was written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupSection {
    dir: Option<Text>,
    keep: Option<Text>,
    encrypt: Option<Text>,
}

/// What liftlock.yaml says of backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupSettings {
    /// The folder that backups without a name of their own go to.
    pub dir: Option<PathBuf>,
    /// How many of these are kept.
    pub keep: Option<usize>,
    /// Whether they are encrypted.
    pub encrypt: bool,
}

impl BackupSection {
    /// The section with its variables replaced.
    pub(super) fn resolve(&self, file: &ConfigFile, environment: &Environment) -> Result<BackupSettings, ConfigError> {
        self.read(&Reader { file, environment, only_fixed: false })
    }

    /// Finds what is wrong with values that don't depend on the environment.
    pub(super) fn check(&self, file: &ConfigFile) -> Result<(), ConfigError> {
        self.read(&Reader { file, environment: &Environment::default(), only_fixed: true }).map(drop)
    }

    fn read(&self, reader: &Reader<'_>) -> Result<BackupSettings, ConfigError> {
        let dir = reader.value(self.dir.as_ref(), parse_text)?;
        Ok(BackupSettings {
            dir: dir.map(|dir| reader.file.folder().join(dir)),
            keep: reader.value(self.keep.as_ref(), parse_keep)?,
            encrypt: reader.value(self.encrypt.as_ref(), parse_bool)?.unwrap_or(false),
        })
    }
}

fn parse_keep(text: &str) -> Result<usize, Problem> {
    match parse_count(text) {
        Ok(count @ 1..) => Ok(count as usize),
        _ => Err(Problem::Expected("a whole number, 1 or more")),
    }
}
