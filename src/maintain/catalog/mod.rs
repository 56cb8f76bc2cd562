//! A database's objects as upkeep sees them, whichever database's: tables with their keys, views, triggers, and the rest.

mod comments;
mod postgres;
mod sqlite;

use serde::{Deserialize, Serialize};

use super::MaintainError;
use crate::Dialect;
use crate::db::Db;
use crate::suggest;

/// All that a database holds, the system's own left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The database's kind.
    pub dialect: Dialect,
    /// Its tables, by schema and name.
    pub tables: Vec<Table>,
    /// Its views, by schema and name.
    pub views: Vec<View>,
    /// Its triggers, by schema, table and name.
    pub triggers: Vec<Trigger>,
    /// Schemas in which names are looked for without a schema before them, in that order; `main` on SQLite.
    pub search_path: Vec<String>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its schema; `main` on SQLite.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What is more than a plain table: `partitioned`, `partition of …`, `foreign`, `virtual (fts5)`, `WITHOUT ROWID`, `STRICT`.
    pub kind: Option<String>,
    /// It is a partition, whose rows are those of a table that stands here too.
    pub is_partition: bool,
    /// What is said of it.
    pub comment: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The primary key's columns; empty where there is none.
    pub primary_key: Vec<String>,
    /// UNIQUE constraints: each one's columns.
    pub uniques: Vec<Vec<String>>,
    /// CHECK constraints.
    pub checks: Vec<Check>,
    /// Foreign keys from this table.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes that were made by themselves, not by a constraint.
    pub indexes: Vec<Index>,
    /// The name by which SQLite's rowid can be asked for; `None` on PostgreSQL, and where there is none.
    pub rowid: Option<String>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type: as declared on SQLite, as `format_type` writes it on PostgreSQL.
    pub r#type: String,
    /// The type's own name, of a domain its base's: `timestamptz`, `int8`; on SQLite the affinity: `text`, `integer`, ….
    pub base: String,
    /// Whether the type is one of the system's own, which every database has.
    pub plain: bool,
    /// NOT NULL.
    pub not_null: bool,
    /// The default, or how the value is made.
    pub default: Option<String>,
    /// It is computed from other columns, and can't be written.
    pub generated: bool,
    /// `ALWAYS` or `BY DEFAULT`, of an identity column.
    pub identity: Option<String>,
    /// What is said of it.
    pub comment: Option<String>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The expression.
    pub expression: String,
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its columns.
    pub columns: Vec<String>,
    /// The parent's schema.
    pub parent_schema: String,
    /// The parent.
    pub parent: String,
    /// The parent's columns; empty where there is no parent to point to.
    pub parent_columns: Vec<String>,
    /// What happens when the parent's row goes.
    pub on_delete: OnDelete,
}

/// What a foreign key does when the parent's row goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OnDelete {
    /// The parent's row stays, by the end of the statement.
    #[default]
    #[serde(rename = "NO ACTION")]
    NoAction,
    /// The parent's row stays.
    #[serde(rename = "RESTRICT")]
    Restrict,
    /// The columns become NULL.
    #[serde(rename = "SET NULL")]
    SetNull,
    /// The columns get their defaults.
    #[serde(rename = "SET DEFAULT")]
    SetDefault,
    /// The row goes, too.
    #[serde(rename = "CASCADE")]
    Cascade,
}

/// An index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// At most one row for each key.
    pub unique: bool,
    /// What it is over, each term as SQL.
    pub terms: Vec<String>,
    /// Its WHERE clause.
    pub predicate: Option<String>,
    /// The statement that makes it.
    pub definition: String,
}

/// A view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// It holds its rows.
    pub materialized: bool,
    /// What is said of it.
    pub comment: Option<String>,
    /// Its columns' names.
    pub columns: Vec<String>,
    /// The statement that made it, or on PostgreSQL its query.
    pub definition: String,
}

/// A trigger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// The schema of its table.
    pub schema: String,
    /// The table or view it is on.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub definition: String,
}

impl OnDelete {
    /// The words of SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAction => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
            Self::Cascade => "CASCADE",
        }
    }
}

impl Catalog {
    /// Reads all of it, of one moment.
    ///
    /// # Errors
    /// [`MaintainError::Sql`] where the catalog can't be read.
    pub fn read(db: &mut Db) -> Result<Self, MaintainError> {
        match db {
            Db::Sqlite(db) => sqlite::read(db),
            Db::Postgres(db) => postgres::read(db),
        }
        .map_err(MaintainError::sql("read the schema"))
    }

    /// The place among the tables of the one that `name` means: `table`, or `schema.table`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        let same = |one: &str, other: &str| match self.dialect {
            Dialect::Sqlite => one.eq_ignore_ascii_case(other),
            Dialect::Postgres => one == other,
        };
        let at = |schema: &str, name: &str| {
            self.tables.iter().position(|table| same(&table.schema, schema) && same(&table.name, name))
        };
        let found = self.search_path.iter().find_map(|schema| at(schema, name));
        found.or_else(|| name.split_once('.').and_then(|(schema, name)| at(schema, name)))
    }

    /// As [`Catalog::find`], or a refusal that names the nearest.
    ///
    /// # Errors
    /// [`MaintainError::Refused`] where there is no such table.
    pub fn require(&self, name: &str) -> Result<usize, MaintainError> {
        self.find(name).ok_or_else(|| {
            let names: Vec<String> = self.tables.iter().map(|table| self.shown(table)).collect();
            let hint = match suggest::nearest(name, names.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None if names.is_empty() => "the database has no tables".to_owned(),
                None => "`liftlock docs` lists the tables there are".to_owned(),
            };
            MaintainError::Refused { message: format!("there is no table `{name}`"), hint }
        })
    }

    /// A table's name as people write it: with its schema where it would not be found without.
    #[must_use]
    pub fn shown(&self, table: &Table) -> String {
        self.shown_name(&table.schema, &table.name)
    }

    /// A name as people write it: with its schema where that is not the first that names are looked for in.
    #[must_use]
    pub fn shown_name(&self, schema: &str, name: &str) -> String {
        if self.search_path.first().is_some_and(|first| first == schema) {
            name.to_owned()
        } else {
            format!("{schema}.{name}")
        }
    }
}

impl Table {
    /// Its quoted name, with the schema.
    #[must_use]
    pub fn sql_name(&self, dialect: Dialect) -> String {
        format!("{}.{}", dialect.quote_identifier(&self.schema), dialect.quote_identifier(&self.name))
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, dialect: Dialect, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| match dialect {
            Dialect::Sqlite => column.name.eq_ignore_ascii_case(name),
            Dialect::Postgres => column.name == name,
        })
    }
}
