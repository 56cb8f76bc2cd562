//! A database of either kind, fresh for one test.

use std::path::PathBuf;

use postgres::{Client, NoTls, SimpleQueryMessage};
use tempfile::TempDir;

use super::server;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A fresh database.
pub struct TestDatabase {
    pub kind: Kind,
    pub url: String,
    folder: TempDir,
}

/// Runs a test on a fresh database of each kind.
pub fn each_database(test: impl Fn(&TestDatabase)) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        eprintln!("--- {kind:?}");
        test(&TestDatabase::new(kind));
    }
}

impl TestDatabase {
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}", folder.path().join("test.db").display()),
            Kind::Postgres => server().url(&server().create_database()),
        };
        Self { kind, url, folder }
    }

    pub fn sqlite() -> Self {
        Self::new(Kind::Sqlite)
    }

    pub fn postgres() -> Self {
        Self::new(Kind::Postgres)
    }

    /// The SQLite file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    /// A connection of rusqlite's own, foreign keys as SQLite has them by default in this build.
    pub fn rusqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    /// A connection of the driver's own.
    pub fn client(&self) -> Client {
        Client::connect(&self.url, NoTls).unwrap()
    }

    /// Runs SQL behind the tool's back.
    pub fn execute(&self, sql: &str) {
        match self.kind {
            Kind::Sqlite => self.rusqlite().execute_batch(sql).unwrap(),
            Kind::Postgres => self.client().batch_execute(sql).unwrap(),
        }
    }

    /// The rows of a query as text, columns joined by `|`, NULL as `∅`.
    pub fn query(&self, sql: &str) -> Vec<String> {
        let join = |row: Vec<Option<String>>| {
            row.into_iter().map(|cell| cell.unwrap_or_else(|| "∅".to_owned())).collect::<Vec<_>>().join("|")
        };
        match self.kind {
            Kind::Sqlite => {
                let connection = self.rusqlite();
                let mut statement = connection.prepare(sql).unwrap();
                let columns = statement.column_count();
                let mut rows = statement.query([]).unwrap();
                let mut out = Vec::new();
                while let Some(row) = rows.next().unwrap() {
                    let cells = (0..columns).map(|at| match row.get_ref(at).unwrap() {
                        rusqlite::types::ValueRef::Null => None,
                        rusqlite::types::ValueRef::Integer(number) => Some(number.to_string()),
                        rusqlite::types::ValueRef::Real(number) => Some(number.to_string()),
                        rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text) => {
                            Some(String::from_utf8_lossy(text).into_owned())
                        }
                    });
                    out.push(join(cells.collect()));
                }
                out
            }
            Kind::Postgres => self
                .client()
                .simple_query(sql)
                .unwrap()
                .into_iter()
                .filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => {
                        Some(join((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()))
                    }
                    _ => None,
                })
                .collect(),
        }
    }

    /// The one value of a query.
    pub fn value(&self, sql: &str) -> String {
        let rows = self.query(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.into_iter().next().unwrap()
    }

    /// The applied versions as `schema_migrations` has them.
    pub fn applied(&self) -> Vec<i64> {
        self.query("SELECT version FROM schema_migrations ORDER BY version")
            .iter()
            .map(|v| v.parse().unwrap())
            .collect()
    }

    /// The tables there are, without the bookkeeping's.
    pub fn tables(&self) -> Vec<String> {
        self.query(match self.kind {
            Kind::Sqlite => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                 AND name NOT LIKE 'schema_migrations%' ORDER BY name"
            }
            Kind::Postgres => {
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' \
                 AND tablename NOT LIKE 'schema_migrations%' ORDER BY tablename"
            }
        })
    }
}
