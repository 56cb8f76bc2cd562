//! What differs between the databases as text alone: names, quoting, literals, capabilities.

use std::fmt;

/// A kind of database, as far as SQL text goes. The live connection is [`crate::db::Db`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Every dialect there is.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// The name written in messages, reports and folder names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// The names of the sub-folders whose migrations serve this dialect alone; the first is the one written.
    #[must_use]
    pub fn folder_names(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &["sqlite"],
            Self::Postgres => &["postgres", "postgresql"],
        }
    }

    /// The dialect that a name means, as it stands in a URL's scheme, a folder or the configuration.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "sqlite" | "sqlite3" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// `name` as a quoted identifier: always quoted, so that case and keywords are kept.
    #[must_use]
    pub fn quote_identifier(self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// `text` as a string literal that means the same whatever the session's settings are.
    ///
    /// PostgreSQL reads backslashes in plain literals by `standard_conforming_strings`, so a text that has one
    /// is written as an escape string (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>, 4.1.2.2).
    #[must_use]
    pub fn literal(self, text: &str) -> String {
        let quoted = text.replace('\'', "''");
        match self {
            Self::Postgres if text.contains('\\') => format!("E'{}'", quoted.replace('\\', "\\\\")),
            Self::Sqlite | Self::Postgres => format!("'{quoted}'"),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_survive_either_setting_of_standard_conforming_strings() {
        assert_eq!(Dialect::Postgres.literal(r"a'b"), "'a''b'");
        assert_eq!(Dialect::Postgres.literal(r"a\'b"), r"E'a\\''b'");
        assert_eq!(Dialect::Sqlite.literal(r"a\'b"), r"'a\''b'");
    }

    #[test]
    fn identifiers_are_always_quoted() {
        assert_eq!(Dialect::Sqlite.quote_identifier(r#"Order "x""#), r#""Order ""x""""#);
    }
}
