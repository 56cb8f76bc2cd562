//! Inferred tables → the SQL of the migration that creates them, and of the one that drops them.

use std::fmt::Write;

use super::{ColumnKind, InferredTable};
use crate::Dialect;

impl ColumnKind {
    /// The type's name.
    #[must_use]
    pub fn name(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Bool, _) => "boolean",
            (Self::Integer, Dialect::Sqlite) => "integer",
            (Self::Integer, Dialect::Postgres) => "bigint",
            (Self::Real, Dialect::Sqlite) => "real",
            (Self::Real, Dialect::Postgres) => "double precision",
            (Self::Text, _) => "text",
            // of text affinity, so that numbers in it stay as they are written
            (Self::Json, Dialect::Sqlite) => "json text",
            (Self::Json, Dialect::Postgres) => "jsonb",
        }
    }
}

/// Creates the tables, parents before children.
#[must_use]
pub fn up(tables: &[InferredTable], dialect: Dialect) -> String {
    let mut out = String::new();
    let quoted =
        |names: Vec<&str>| names.iter().map(|name| dialect.quote_identifier(name)).collect::<Vec<_>>().join(", ");
    for table in tables {
        let mut lines = Vec::new();
        for column in &table.columns {
            let not_null = if column.not_null || table.key.contains(&column.name) { " not null" } else { "" };
            let name = dialect.quote_identifier(&column.name);
            let kind = match (column.kind, dialect) {
                (ColumnKind::Json, Dialect::Postgres) if table.verbatim => "json",
                (kind, dialect) => kind.name(dialect),
            };
            lines.push(format!("    {name} {kind}{not_null}"));
        }
        if !table.key.is_empty() {
            lines.push(format!("    primary key ({})", quoted(table.key.iter().map(String::as_str).collect())));
        }
        if let Some((parent, pairs)) = &table.parent {
            let own = quoted(pairs.iter().map(|(own, _)| own.as_str()).collect());
            let its = quoted(pairs.iter().map(|(_, its)| its.as_str()).collect());
            let parent = dialect.quote_identifier(parent);
            // the primary key begins with these columns, so that it is their index
            lines.push(format!("    foreign key ({own}) references {parent} ({its}) on delete cascade"));
        }
        let name = dialect.quote_identifier(&table.name);
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = write!(out, "create table {name} (\n{}\n);\n", lines.join(",\n"));
    }
    out
}

/// Drops the tables, children before parents.
#[must_use]
pub fn down(tables: &[InferredTable], dialect: Dialect) -> String {
    tables.iter().rev().map(|table| format!("drop table {};\n", dialect.quote_identifier(&table.name))).collect()
}
