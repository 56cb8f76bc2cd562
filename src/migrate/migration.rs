//! A migration as it was read: version, name, the two scripts, and how each is to be run.

use std::fmt;
use std::time::Duration;

use crate::Dialect;

/// One versioned change of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// What orders migrations and identifies this one.
    pub version: i64,
    /// The name after the version: letters, digits and underscores, as refinery takes it.
    pub name: String,
    /// The one dialect this migration is for; `None` where its file serves every dialect.
    pub dialect: Option<Dialect>,
    /// What applies it.
    pub up: Script,
    /// What takes it back, if there is such a script.
    pub down: Option<Script>,
}

/// SQL text with its place and the way it is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The file, as a person would name it (the folder as it was given, then the file).
    pub path: String,
    /// The line of the file at which `text` begins, from 1; a section of a file begins further down.
    pub first_line: usize,
    /// The text as it stands in the file, a byte order mark included.
    pub text: String,
    /// How to run it.
    pub directives: Directives,
}

/// How a script is run, wherever its layout keeps that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    /// Run statement by statement, outside a transaction.
    pub no_transaction: bool,
    /// SQLite: set `foreign_keys` off before the transaction begins.
    pub foreign_keys_off: bool,
    /// PostgreSQL: how long a statement waits for a lock before the migration is rolled back and tried again.
    pub lock_timeout: Option<Duration>,
    /// The migration can't be taken back, and why.
    pub irreversible: Option<String>,
}

impl Migration {
    /// The checksum of the up script exactly as refinery-core writes it (SipHash 1-3 over name, version and text).
    #[must_use]
    pub fn checksum(&self) -> u64 {
        checksum(self.version, &self.name, &self.up.text)
    }
}

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V{}__{}", self.version, self.name)
    }
}

/// refinery-core's checksum of a migration's text; `name` must be one that refinery accepts.
#[must_use]
pub fn checksum(version: i64, name: &str, text: &str) -> u64 {
    refinery_core::Migration::unapplied(&format!("V{version}__{name}"), text)
        .expect("version and name were checked when the migration was read")
        .checksum()
}
