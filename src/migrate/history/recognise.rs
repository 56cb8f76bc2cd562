//! Whose `schema_migrations` stands there: ours, refinery's, another tool's, a home-made one, or none.

use super::tables::{OUR_COLUMNS, Tables};
use super::{number, reading, text};
use crate::Dialect;
use crate::db::Db;
use crate::migrate::MigrateError;

/// What stands under the name `schema_migrations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing; other tools' histories under their own names, if any.
    Absent {
        /// Histories of other tools that this database holds.
        others: Vec<OtherHistory>,
    },
    /// Ours, or refinery's, which is the same table without our columns.
    Ours {
        /// Whether it has our columns.
        extended: bool,
        /// Whether `schema_migrations_progress` is there.
        progress: bool,
        /// Whether `schema_migrations_log` is there.
        log: bool,
    },
    /// refinery's, from a build without the feature `int8-versions`.
    RefineryInt4 {
        /// The rows: version, name, checksum.
        rows: Vec<(i64, String, String)>,
    },
    /// A table of another tool, which is never touched.
    OtherTool {
        /// The tool, or what is known of the table.
        tool: &'static str,
        /// Its columns.
        columns: Vec<String>,
    },
    /// A lone column of integers: made by hand.
    HomeMade {
        /// The versions it holds.
        versions: Vec<i64>,
    },
}

/// A history that another tool keeps under a name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherHistory {
    /// The tool.
    pub tool: &'static str,
    /// Its table.
    pub table: &'static str,
    /// The number of rows it holds.
    pub rows: i64,
}

const OTHER_HISTORIES: [(&str, &str); 5] = [
    ("sqlx", "_sqlx_migrations"),
    ("diesel", "__diesel_schema_migrations"),
    ("goose", "goose_db_version"),
    ("Flyway", "flyway_schema_history"),
    ("refinery", "refinery_schema_history"),
];

pub(super) fn recognise(db: &mut Db, tables: &Tables) -> Result<Standing, MigrateError> {
    let present = present(db, tables)?;
    let kind = |name: &str| present.iter().find(|(present, _)| present == name).map(|(_, kind)| kind.as_str());
    let there = |name: &str| kind(name).is_some();
    let Some(history) = kind("schema_migrations") else {
        let mut others = Vec::new();
        let there = |name: &str| matches!(kind(name), Some("table" | "view"));
        for (tool, table) in OTHER_HISTORIES.into_iter().filter(|(_, table)| there(table)) {
            let place = tables.history.replace("schema_migrations", table);
            // goose fills its table with a version 0 before it applies anything
            let which = if tool == "goose" { " WHERE version_id > 0" } else { "" };
            let rows = db.query(&format!("SELECT count(*) FROM {place}{which}")).map_err(reading)?;
            let rows = rows.first().map_or(Ok(0), |row| number(row, 0))?;
            if rows > 0 {
                others.push(OtherHistory { tool, table, rows });
            }
        }
        return Ok(Standing::Absent { others });
    };
    let columns = columns(db, tables)?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    // whatever its columns: nothing of ours can be written to it, nor is it ours to rename
    if history != "table" {
        let tool = if history == "view" { "somebody else (it is a view)" } else { "somebody else (it is no table)" };
        return Ok(Standing::OtherTool { tool, columns: names.into_iter().map(str::to_owned).collect() });
    }
    if !names.starts_with(&["version", "name", "applied_on", "checksum"]) {
        return other(db, tables, &columns);
    }
    let int4 = match tables.dialect {
        Dialect::Postgres => columns[0].1 == "integer",
        Dialect::Sqlite => columns[0].1.eq_ignore_ascii_case("int4"),
    };
    if int4 {
        let query = format!("SELECT version, name, checksum FROM {} ORDER BY version", tables.history);
        let rows = db.query(&query).map_err(reading)?;
        let rows = rows.iter().map(|row| Ok((number(row, 0)?, text(row, 1), text(row, 2))));
        let rows = rows.collect::<Result<_, MigrateError>>()?;
        return Ok(Standing::RefineryInt4 { rows });
    }
    Ok(Standing::Ours {
        extended: OUR_COLUMNS.iter().all(|(name, _)| names.contains(name)),
        progress: there("schema_migrations_progress"),
        log: there("schema_migrations_log"),
    })
}

/// Tells other tools' tables by the columns that those tools create (their sources, November 2026).
fn other(db: &mut Db, tables: &Tables, columns: &[(String, String)]) -> Result<Standing, MigrateError> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let first_type = columns.first().map_or("", |(_, kind)| kind.as_str()).to_ascii_lowercase();
    let textual = ["char", "text", "clob"].iter().any(|word| first_type.contains(word));
    let tool = match names.as_slice() {
        ["version", "dirty"] => "golang-migrate",
        ["version"] if textual => "dbmate or Rails",
        ["version"] => {
            let rows = db.query(&format!("SELECT version FROM {}", tables.history)).map_err(reading)?;
            let versions = rows.iter().map(|row| number(row, 0)).collect::<Result<_, _>>()?;
            return Ok(Standing::HomeMade { versions });
        }
        ["version", "inserted_at"] => "Ecto",
        ["filename"] => "Sequel",
        _ => "a tool Liftlock does not know",
    };
    Ok(Standing::OtherTool { tool, columns: names.into_iter().map(str::to_owned).collect() })
}

/// What stands under the names of histories, ours and others', and what each is: `table`, `view` or something else.
fn present(db: &mut Db, tables: &Tables) -> Result<Vec<(String, String)>, MigrateError> {
    let ours = ["schema_migrations", "schema_migrations_progress", "schema_migrations_log"];
    let names: Vec<String> =
        ours.iter().chain(OTHER_HISTORIES.iter().map(|(_, table)| table)).map(|name| format!("'{name}'")).collect();
    let names = names.join(", ");
    let query = match tables.dialect {
        Dialect::Sqlite => {
            // a trigger may have a table's name, and stands in nobody's way
            format!(
                "SELECT lower(name), type FROM main.sqlite_schema WHERE type <> 'trigger' AND lower(name) IN ({names})"
            )
        }
        Dialect::Postgres => format!(
            "SELECT relname, CASE WHEN relkind IN ('r', 'p') THEN 'table' WHEN relkind IN ('v', 'm') THEN 'view' ELSE 'other' END
             FROM pg_catalog.pg_class WHERE relnamespace = {}::regnamespace AND relname IN ({names})",
            tables.dialect.literal(&tables.dialect.quote_identifier(&tables.schema))
        ),
    };
    let rows = db.query(&query).map_err(reading)?;
    Ok(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect())
}

/// The columns in order, each with its declared type.
pub(super) fn columns(db: &mut Db, tables: &Tables) -> Result<Vec<(String, String)>, MigrateError> {
    let query = match tables.dialect {
        Dialect::Sqlite => {
            "SELECT lower(name), type FROM pragma_table_info('schema_migrations', 'main') ORDER BY cid".to_owned()
        }
        Dialect::Postgres => format!(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_catalog.pg_attribute
             WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            tables.dialect.literal(&tables.history)
        ),
    };
    let rows = db.query(&query).map_err(reading)?;
    Ok(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect())
}

/// The names of the columns that are there, for [`Tables::extend`].
pub(crate) fn column_names(db: &mut Db, tables: &Tables) -> Result<Vec<String>, MigrateError> {
    Ok(columns(db, tables)?.into_iter().map(|(name, _)| name).collect())
}
