//! The section `health:` of liftlock.yaml: how long a probe waits, and what is too much.

use std::time::Duration;

use serde::Deserialize;

use super::file::ConfigFile;
use super::section::Reader;
use super::value::{Text, parse_count, parse_duration};
use super::{ConfigError, Environment, Problem};

/// What liftlock.yaml says of health, as it was written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthSection {
    retries: Option<Text>,
    timeout: Option<Text>,
    latency: Option<Text>,
    lock_wait: Option<Text>,
    transaction_age: Option<Text>,
    connections_percent: Option<Text>,
    free_space: Option<Text>,
    database_size: Option<Text>,
    replication_lag: Option<Text>,
}

/// What liftlock.yaml says of health; what it doesn't say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthSettings {
    /// How often to try again to connect.
    pub retries: Option<u32>,
    /// How long one try may take, questions included; more than zero.
    pub timeout: Option<Duration>,
    /// The longest a round trip may take.
    pub latency: Option<Duration>,
    /// The longest anybody may wait for a lock.
    pub lock_wait: Option<Duration>,
    /// The oldest a transaction may be.
    pub transaction_age: Option<Duration>,
    /// How many of the connections allowed may be used, in percent.
    pub connections_percent: Option<u32>,
    /// SQLite: bytes that have to be free beside the file.
    pub free_space: Option<u64>,
    /// Bytes that the database may have.
    pub database_size: Option<u64>,
    /// PostgreSQL: how far a replica may be behind.
    pub replication_lag: Option<Duration>,
}

impl HealthSection {
    /// The section with its variables replaced.
    pub(super) fn resolve(&self, file: &ConfigFile, environment: &Environment) -> Result<HealthSettings, ConfigError> {
        self.read(&Reader { file, environment, only_fixed: false })
    }

    /// Finds what is wrong with values that don't depend on the environment.
    pub(super) fn check(&self, file: &ConfigFile) -> Result<(), ConfigError> {
        self.read(&Reader { file, environment: &Environment::default(), only_fixed: true }).map(drop)
    }

    fn read(&self, reader: &Reader<'_>) -> Result<HealthSettings, ConfigError> {
        Ok(HealthSettings {
            retries: reader.value(self.retries.as_ref(), parse_count)?,
            timeout: reader.value(self.timeout.as_ref(), parse_timeout)?,
            latency: reader.value(self.latency.as_ref(), parse_duration)?,
            lock_wait: reader.value(self.lock_wait.as_ref(), parse_duration)?,
            transaction_age: reader.value(self.transaction_age.as_ref(), parse_duration)?,
            connections_percent: reader.value(self.connections_percent.as_ref(), parse_percent)?,
            free_space: reader.value(self.free_space.as_ref(), parse_bytes)?,
            database_size: reader.value(self.database_size.as_ref(), parse_bytes)?,
            replication_lag: reader.value(self.replication_lag.as_ref(), parse_duration)?,
        })
    }
}

/// A duration that is not zero.
pub fn parse_timeout(text: &str) -> Result<Duration, Problem> {
    parse_duration(text).and_then(|timeout| match timeout.is_zero() {
        true => Err(Problem::Expected("a duration of more than zero")),
        false => Ok(timeout),
    })
}

/// A whole number up to 100.
pub fn parse_percent(text: &str) -> Result<u32, Problem> {
    match text.trim().trim_end_matches('%').trim_end().parse() {
        Ok(percent @ 0..=100) => Ok(percent),
        _ => Err(Problem::Expected("a whole number of percent, 0 to 100")),
    }
}

/// A number of bytes: `500MiB`, `2 GB`, `1048576`.
pub fn parse_bytes(text: &str) -> Result<u64, Problem> {
    const EXPECTED: Problem = Problem::Expected("a size such as `500MiB`, `2GB` or `1048576`");
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1000 * 1000,
        "GB" => 1000 * 1000 * 1000,
        "TB" => 1000 * 1000 * 1000 * 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(EXPECTED),
    };
    number.checked_mul(factor).ok_or(EXPECTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_percents() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1048576", Some(1 << 20)),
            ("500MiB", Some(500 << 20)),
            ("2 GB", Some(2_000_000_000)),
            ("1.5GiB", None),
            ("-1", None),
            ("MiB", None),
            ("5mib", None),
            ("99999999999TiB", None),
        ] {
            assert_eq!(parse_bytes(text).ok(), expected, "{text}");
        }
        for (text, expected) in [("80", Some(80)), ("80%", Some(80)), ("101", None), ("-1", None), ("", None)] {
            assert_eq!(parse_percent(text).ok(), expected, "{text}");
        }
        assert!(parse_timeout("0s").is_err() && parse_timeout("1s").is_ok());
    }
}
