//! The three tables: their names and how they are made.

use crate::Dialect;

/// The quoted, schema-qualified names of the bookkeeping tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// What the names are written for.
    pub dialect: Dialect,
    /// The schema: PostgreSQL's `current_schema()`, SQLite's `main`.
    pub schema: String,
    /// `schema_migrations`: a row is an applied migration.
    pub history: String,
    /// `schema_migrations_progress`: no-transaction scripts that are not finished.
    pub progress: String,
    /// `schema_migrations_log`: everything that was ever done; rows are only added.
    pub log: String,
}

/// The columns that are ours: refinery's own come before them.
pub(super) const OUR_COLUMNS: [(&str, &str); 9] = [
    ("up_script", "text"),
    ("up_directives", "text"),
    ("down_script", "text"),
    ("down_directives", "text"),
    ("duration_ms", "bigint"),
    ("database_user", "text"),
    ("os_user", "text"),
    ("host", "text"),
    ("liftlock_version", "text"),
];

impl Tables {
    /// The names in `schema`.
    #[must_use]
    pub fn new(dialect: Dialect, schema: &str) -> Self {
        let qualified = |table: &str| match dialect {
            Dialect::Sqlite => format!("{schema}.{table}"),
            Dialect::Postgres => format!("{}.{table}", dialect.quote_identifier(schema)),
        };
        Self {
            dialect,
            schema: schema.to_owned(),
            history: qualified("schema_migrations"),
            progress: qualified("schema_migrations_progress"),
            log: qualified("schema_migrations_log"),
        }
    }

    /// Creates what is missing. The first four columns are refinery's (refinery-core,
    /// `src/traits/mod.rs`), so that a service that embeds refinery reads and writes the same table.
    #[must_use]
    pub(crate) fn create(&self) -> String {
        let ours: String = OUR_COLUMNS.iter().map(|(name, kind)| format!(",\n  {name} {kind}")).collect();
        // the same 64 bits; in SQLite this one is the row's own key, and needs no index beside the table
        let version = match self.dialect {
            Dialect::Sqlite => "INTEGER",
            Dialect::Postgres => "int8",
        };
        let identity = match self.dialect {
            // rows are never deleted, so rowids only grow without AUTOINCREMENT and its table
            Dialect::Sqlite => "INTEGER PRIMARY KEY",
            Dialect::Postgres => "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        };
        let Self { history, progress, log, .. } = self;
        format!(
            "CREATE TABLE IF NOT EXISTS {history} (
  version {version} PRIMARY KEY,
  name VARCHAR(255),
  applied_on VARCHAR(255),
  checksum VARCHAR(255){ours}
);
CREATE TABLE IF NOT EXISTS {progress} (
  version {version} PRIMARY KEY,
  name text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('up', 'down')),
  checksum text NOT NULL,
  script text NOT NULL,
  directives text NOT NULL,
  next_statement bigint NOT NULL,
  mark text NOT NULL CHECK (mark IN ('waiting', 'started', 'failed')),
  owner text NOT NULL,
  started_on text NOT NULL,
  down_script text,
  down_directives text
);
CREATE TABLE IF NOT EXISTS {log} (
  id {identity},
  happened_on text NOT NULL,
  action text NOT NULL,
  version bigint,
  name text,
  checksum text,
  result text NOT NULL,
  reason text,
  duration_ms bigint,
  database_user text,
  os_user text,
  host text,
  liftlock_version text NOT NULL
);"
        )
    }

    /// Adds our columns to a table that refinery made; `present` are those it has.
    #[must_use]
    pub(crate) fn extend(&self, present: &[String]) -> String {
        OUR_COLUMNS
            .iter()
            .filter(|(name, _)| !present.iter().any(|column| column == name))
            .map(|(name, kind)| format!("ALTER TABLE {} ADD COLUMN {name} {kind};\n", self.history))
            .collect()
    }
}
