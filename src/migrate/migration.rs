//! A migration as it was read: version, name, the two scripts, and how each is to be run.

use std::fmt;
use std::time::Duration;

use crate::Dialect;
use crate::source_text::{Position, excerpt, position};

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
    /// PostgreSQL: how long a statement waits for a lock before the migration is rolled back and tried
    /// again; zero is no limit.
    pub lock_timeout: Option<Duration>,
    /// The migration can't be taken back, and why.
    pub irreversible: Option<String>,
}

impl Script {
    /// The place of a byte offset in `text`, as a line and column of the file, and the text around it with a caret.
    #[must_use]
    pub fn place(&self, offset: usize) -> (Position, String) {
        let mut position = position(&self.text, offset);
        position.line += self.first_line - 1;
        (position, excerpt(&self.text, offset, self.first_line))
    }
}

impl Migration {
    /// The checksum of the up script exactly as refinery-core writes it (SipHash 1-3 over name, version and text).
    #[must_use]
    pub fn checksum(&self) -> u64 {
        checksum(self.version, &self.name, &self.up.text)
    }

    /// Whether `stored` (a checksum as the history table holds it, in decimal) is that of the up script as it stands,
    /// or as it would stand with other line ends or without (or with) a byte order mark: what an editor or Git's
    /// `autocrlf` changes isn't a change of the migration.
    #[must_use]
    pub fn checksum_matches(&self, stored: &str) -> bool {
        let Ok(stored) = stored.trim().parse::<u64>() else { return false };
        // the file as it stands costs no copy, and is nearly always it
        stored == self.checksum() || self.texts().iter().any(|text| stored == checksum(self.version, &self.name, text))
    }

    /// The up script as it stands, and as it would stand with other line ends or without (or with) a byte order mark.
    pub(crate) fn texts(&self) -> Vec<String> {
        let bare = self.up.text.strip_prefix('\u{feff}').unwrap_or(&self.up.text);
        let lf = bare.replace("\r\n", "\n");
        let crlf = lf.replace('\n', "\r\n");
        let variants = [bare, &lf, &crlf].into_iter().flat_map(|text| [text.to_owned(), format!("\u{feff}{text}")]);
        std::iter::once(self.up.text.clone()).chain(variants).collect()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn migration(text: &str) -> Migration {
        let up =
            Script { path: String::new(), first_line: 1, text: text.to_owned(), directives: Directives::default() };
        Migration { version: 7, name: "add_x".to_owned(), dialect: None, up, down: None }
    }

    #[test]
    fn line_ends_and_byte_order_marks_do_not_change_what_matches() {
        let texts = ["a;\nb;\n", "a;\r\nb;\r\n", "\u{feff}a;\nb;\n", "\u{feff}a;\r\nb;\r\n"];
        for written in texts {
            let stored = migration(written).checksum().to_string();
            for now in texts {
                assert!(migration(now).checksum_matches(&stored), "{written:?} then {now:?}");
            }
            assert!(!migration("a;\nc;\n").checksum_matches(&stored));
        }
        let mixed = migration("a;\r\nb;\n");
        assert!(mixed.checksum_matches(&mixed.checksum().to_string()));
        assert!(mixed.checksum_matches(&migration("a;\nb;\n").checksum().to_string()));
        assert!(!mixed.checksum_matches("not a number"));
    }

    #[test]
    fn the_checksum_is_refinerys() {
        let of_refinery = refinery_core::Migration::unapplied("V7__add_x", "select 1;").unwrap().checksum();
        assert_eq!(migration("select 1;").checksum(), of_refinery);
    }
}
