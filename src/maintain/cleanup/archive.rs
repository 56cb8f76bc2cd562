//! The archive: another database that rows are copied to, and read back from, before they are deleted.
//!
//! Its tables have the columns of the database's own and `liftlock_archived_on`. A row that is there already, value by
//! value, is not written again, so that a run that was killed between the two commits can be run again; a row of the same
//! key with other values is kept beside the new one.

use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::super::MaintainError;
use super::super::catalog::{Catalog, Column, Table};
use super::super::session::EXACT;
use crate::Dialect;
use crate::config::{SqliteLocation, SqliteTarget, Target};
use crate::db::{Access, Db, OwnFiles, SqlError};
use crate::value::SqlValue;
use crate::words::counted;

/// The column that says when a row was archived.
pub const ARCHIVED_ON: &str = "liftlock_archived_on";

/// What is sent in one message at most, in bytes, but for a single row that is longer.
const MESSAGE: usize = 4 << 20;

/// A value as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Cell {
    Null,
    Integer(i64),
    /// By its bits.
    Real(u64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

type Cells = Vec<Cell>;

impl Cell {
    fn of(value: SqlValue<'_>) -> Self {
        match value {
            SqlValue::Null => Self::Null,
            SqlValue::Integer(integer) => Self::Integer(integer),
            SqlValue::Real(real) => Self::Real(real.to_bits()),
            SqlValue::Text(text) => Self::Text(text.to_vec()),
            SqlValue::Blob(blob) => Self::Blob(blob.to_vec()),
        }
    }

    fn as_value(&self) -> SqlValue<'_> {
        match self {
            Self::Null => SqlValue::Null,
            Self::Integer(integer) => SqlValue::Integer(*integer),
            Self::Real(bits) => SqlValue::Real(f64::from_bits(*bits)),
            Self::Text(text) => SqlValue::Text(text),
            Self::Blob(blob) => SqlValue::Blob(blob),
        }
    }

    /// As a literal of PostgreSQL's; only texts come from there.
    fn literal(&self) -> String {
        match self {
            Self::Text(text) => Dialect::Postgres.literal(&String::from_utf8_lossy(text)),
            _ => "NULL".to_owned(),
        }
    }
}

/// The archive, open.
#[derive(Debug)]
pub(super) struct Archive {
    db: Db,
    name: String,
    source: Dialect,
    archived_on: String,
}

impl Archive {
    /// Opens the archive of a source, which must be another database, and makes its tables.
    pub fn open(
        target: &Target,
        source: &mut Db,
        catalog: &Catalog,
        tables: &[usize],
        now: Timestamp,
    ) -> Result<Self, MaintainError> {
        can_take(source.dialect(), target)?;
        // not even opened: SQLite would make another database of the log of this one
        if let (Db::Sqlite(source), Target::Sqlite(SqliteTarget { location: SqliteLocation::File(path), .. })) =
            (&*source, target)
            && let Some(database) = source.path()
        {
            OwnFiles::of_file(database).check(path)?;
        }
        let mut db = Db::connect(target, Access::Write)?;
        if same_database(source, &mut db)? {
            return Err(MaintainError::Refused {
                message: format!("`{target}` is the database itself"),
                hint: "`archive:` names another database".to_owned(),
            });
        }
        if db.dialect() == Dialect::Postgres {
            db.execute(EXACT).map_err(MaintainError::sql("prepare the archive"))?;
        }
        let archived_on = now.to_string();
        let mut archive = Self { db, name: target.to_string(), source: source.dialect(), archived_on };
        for &at in tables {
            let table = &catalog.tables[at];
            archive.make(table).map_err(archive.failed(&format!("make the table for `{}` in", table.name)))?;
        }
        Ok(archive)
    }

    fn failed(&self, doing: &str) -> impl FnOnce(SqlError) -> MaintainError + use<> {
        MaintainError::sql(format!("{doing} the archive `{}`", self.name))
    }

    /// The name of `table` in the archive, quoted.
    fn table(&self, table: &Table) -> String {
        let dialect = self.db.dialect();
        match (self.source, dialect) {
            (Dialect::Postgres, Dialect::Postgres) => table.sql_name(dialect),
            (Dialect::Postgres, Dialect::Sqlite) if table.schema != "public" => {
                format!("main.{}", dialect.quote_identifier(&format!("{}.{}", table.schema, table.name)))
            }
            _ => format!("main.{}", dialect.quote_identifier(&table.name)),
        }
    }

    /// A column's type in the archive: that of the source where values are stored alike, else text.
    fn column_type(&self, column: &Column) -> String {
        match (self.source, self.db.dialect()) {
            (Dialect::Postgres, Dialect::Sqlite) if is_integer(column) => "INTEGER".to_owned(),
            (Dialect::Postgres, Dialect::Sqlite) => "TEXT".to_owned(),
            // what another database may not have, or prints by its own settings
            (Dialect::Postgres, Dialect::Postgres)
                if !column.plain || column.base.starts_with("reg") || column.base == "money" =>
            {
                "text".to_owned()
            }
            _ => column.r#type.clone(),
        }
    }

    /// Makes the table, or the columns it lacks.
    fn make(&mut self, table: &Table) -> Result<(), SqlError> {
        let dialect = self.db.dialect();
        let name = self.table(table);
        let quote = |name: &str| dialect.quote_identifier(name);
        let columns: Vec<(String, String)> =
            table.columns.iter().map(|column| (quote(&column.name), self.column_type(column))).collect();
        let present = match dialect {
            Dialect::Sqlite => {
                let plain = name.trim_start_matches("main.").trim_matches('"').replace("\"\"", "\"");
                format!("SELECT name FROM pragma_table_info({}, 'main')", dialect.literal(&plain))
            }
            Dialect::Postgres => format!(
                "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = to_regclass({}) AND a.attnum > 0 \
                 AND NOT a.attisdropped",
                dialect.literal(&name)
            ),
        };
        let present: Vec<String> =
            self.db.query(&present)?.into_iter().filter_map(|row| row.into_iter().next()?).collect();
        if present.is_empty() {
            if dialect == Dialect::Postgres {
                self.db.execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quote(&table.schema)))?;
            }
            let mut lines: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            lines.push(format!("{ARCHIVED_ON} text NOT NULL"));
            let key: Vec<String> = table.primary_key.iter().map(|name| quote(name)).collect();
            lines.push(format!("PRIMARY KEY ({}, {ARCHIVED_ON})", key.join(", ")));
            return self.db.execute(&format!("CREATE TABLE {name} (\n  {}\n)", lines.join(",\n  ")));
        }
        let has = |column: &str| present.iter().any(|name| name.eq_ignore_ascii_case(column));
        let missing = table.columns.iter().zip(&columns).filter(|(column, _)| !has(&column.name));
        for (_, (column, kind)) in missing {
            self.db.execute(&format!("ALTER TABLE {name} ADD COLUMN {column} {kind}"))?;
        }
        if !has(ARCHIVED_ON) {
            self.db.execute(&format!("ALTER TABLE {name} ADD COLUMN {ARCHIVED_ON} text"))?;
        }
        Ok(())
    }

    /// Copies the rows that `select` gives of `source`, all columns of `table` in order, and reads them back; within the
    /// archive's own transaction. Gives their number.
    pub fn store(&mut self, source: &mut Db, table: &Table, select: &str) -> Result<u64, MaintainError> {
        let rows = self
            .read(source, table, select)
            .map_err(MaintainError::sql(format!("read the rows of `{}` that go", table.name)))?;
        let key: Vec<usize> = table
            .primary_key
            .iter()
            .filter_map(|name| table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)))
            .collect();
        if rows.iter().any(|row| key.iter().any(|&at| row[at] == Cell::Null)) {
            return Err(MaintainError::Failed {
                message: format!("a row of `{}` has NULL in its primary key: it can't be archived", table.name),
                hint: Some("give the row a key, or leave it out with `where`; the batch was rolled back".to_owned()),
            });
        }
        let failed = format!("copy rows of `{}` to", table.name);
        let there = self.held(table, &key, &rows).map_err(self.failed(&failed))?;
        let new: Vec<&Cells> = rows.iter().filter(|row| !there.contains(*row)).collect();
        self.insert(table, &new).map_err(self.failed(&failed))?;
        let there = self.held(table, &key, &rows).map_err(self.failed(&failed))?;
        let lost = rows.iter().filter(|row| !there.contains(*row)).count();
        if lost > 0 {
            return Err(MaintainError::Failed {
                message: format!(
                    "{} of `{}` came back from the archive `{}` with other values than here; nothing of the batch was deleted",
                    counted(lost as u64, "row"),
                    table.name,
                    self.name
                ),
                hint: Some("compare the types of the archive's table with the table's own".to_owned()),
            });
        }
        Ok(rows.len() as u64)
    }

    fn read(&self, db: &mut Db, table: &Table, select: &str) -> Result<Vec<Cells>, SqlError> {
        match db {
            Db::Sqlite(db) => {
                let mut rows = Vec::new();
                db.each_row(select, &[], |row| {
                    rows.push((0..table.columns.len()).map(|at| Cell::of(row.get(at))).collect());
                    Ok::<_, SqlError>(ControlFlow::Continue(()))
                })?;
                Ok(rows)
            }
            Db::Postgres(db) => {
                let mut rows = Vec::new();
                let to_sqlite = self.db.dialect() == Dialect::Sqlite;
                for (_, row) in db.fetch(select)?.rows() {
                    let cell = |(at, column): (usize, &Column)| match row.get(at) {
                        None => Cell::Null,
                        Some(text) => match text.parse() {
                            Ok(integer) if to_sqlite && is_integer(column) => Cell::Integer(integer),
                            _ => Cell::Text(text.as_bytes().to_vec()),
                        },
                    };
                    rows.push(table.columns.iter().enumerate().map(cell).collect());
                }
                Ok(rows)
            }
        }
    }

    /// What the archive holds under the keys of `rows`.
    fn held(&mut self, table: &Table, key: &[usize], rows: &[Cells]) -> Result<HashSet<Cells>, SqlError> {
        let name = self.table(table);
        let quote = |at: usize| self.db.dialect().quote_identifier(&table.columns[at].name);
        let columns: Vec<String> = (0..table.columns.len()).map(quote).collect();
        let keys: Vec<String> = key.iter().map(|&at| quote(at)).collect();
        let types: Vec<String> = key.iter().map(|&at| self.column_type(&table.columns[at])).collect();
        let columns = columns.join(", ");
        let mut held = HashSet::new();
        match &mut self.db {
            Db::Sqlite(db) => {
                let is: Vec<String> = keys.iter().map(|name| format!("{name} IS ?")).collect();
                let sql = format!("SELECT {columns} FROM {name} WHERE {}", is.join(" AND "));
                for row in rows {
                    let values: Vec<SqlValue<'_>> = key.iter().map(|&at| row[at].as_value()).collect();
                    db.each_row(&sql, &values, |found| {
                        held.insert((0..table.columns.len()).map(|at| Cell::of(found.get(at))).collect());
                        Ok::<_, SqlError>(ControlFlow::Continue(()))
                    })?;
                }
            }
            Db::Postgres(db) => {
                let written = rows.iter().map(|row| {
                    let parts = key.iter().zip(&types).map(|(&at, kind)| format!("{}::{kind}", row[at].literal()));
                    format!("({})", parts.collect::<Vec<_>>().join(", "))
                });
                for chunk in chunks(written) {
                    let sql =
                        format!("SELECT {columns} FROM {name} WHERE ({}) IN ({})", keys.join(", "), chunk.join(", "));
                    for (_, row) in db.fetch(&sql)?.rows() {
                        let cell = |at| row.get(at).map_or(Cell::Null, |text| Cell::Text(text.as_bytes().to_vec()));
                        held.insert((0..table.columns.len()).map(cell).collect());
                    }
                }
            }
        }
        Ok(held)
    }

    fn insert(&mut self, table: &Table, rows: &[&Cells]) -> Result<(), SqlError> {
        let dialect = self.db.dialect();
        let name = self.table(table);
        let mut columns: Vec<String> =
            table.columns.iter().map(|column| dialect.quote_identifier(&column.name)).collect();
        columns.push(ARCHIVED_ON.to_owned());
        let into = format!("INSERT INTO {name} ({})", columns.join(", "));
        let archived_on = self.archived_on.clone();
        match &mut self.db {
            Db::Sqlite(db) => {
                let sql = format!("{into} VALUES ({})", vec!["?"; columns.len()].join(", "));
                for row in rows {
                    let mut values: Vec<SqlValue<'_>> = row.iter().map(Cell::as_value).collect();
                    values.push(SqlValue::Text(archived_on.as_bytes()));
                    db.each_row(&sql, &values, |_| Ok::<_, SqlError>(ControlFlow::Continue(())))?;
                }
            }
            Db::Postgres(db) => {
                let written = rows.iter().map(|row| {
                    let values: Vec<String> = row.iter().map(Cell::literal).collect();
                    format!("({}, {})", values.join(", "), dialect.literal(&archived_on))
                });
                for chunk in chunks(written) {
                    db.execute(&format!("{into} VALUES {}", chunk.join(", ")))?;
                }
            }
        }
        Ok(())
    }

    /// Begins a transaction of the archive's.
    pub fn begin(&mut self) -> Result<(), MaintainError> {
        let begin = if self.db.dialect() == Dialect::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.db.execute(begin).map_err(self.failed("begin a transaction in"))
    }

    /// Commits it.
    pub fn commit(&mut self) -> Result<(), MaintainError> {
        self.db.execute("COMMIT").map_err(self.failed("commit to"))
    }

    /// Takes it back.
    pub fn roll_back(&mut self) {
        self.db.roll_back();
    }
}

/// Texts in parts that make up one message each.
fn chunks(texts: impl Iterator<Item = String>) -> Vec<Vec<String>> {
    let mut chunks: Vec<Vec<String>> = Vec::new();
    let mut size = 0;
    for text in texts {
        if size > MESSAGE || chunks.is_empty() {
            chunks.push(Vec::new());
            size = 0;
        }
        size += text.len();
        chunks.last_mut().expect("there is one").push(text);
    }
    chunks
}

fn is_integer(column: &Column) -> bool {
    matches!(column.base.as_str(), "int2" | "int4" | "int8")
}

/// A value of SQLite's may be of any class whatever its column says, and PostgreSQL's columns are of one type.
pub(super) fn can_take(source: Dialect, target: &Target) -> Result<(), MaintainError> {
    match (source, target.dialect()) {
        (Dialect::Sqlite, Dialect::Postgres) => Err(MaintainError::Refused {
            message: "a SQLite database can't be archived into PostgreSQL".to_owned(),
            hint: "archive into another SQLite file; `liftlock port` takes that to PostgreSQL".to_owned(),
        }),
        _ if matches!(target, Target::Sqlite(sqlite) if sqlite.location == SqliteLocation::Memory) => {
            Err(MaintainError::Refused {
                message: "an archive in memory is gone with the process".to_owned(),
                hint: "name a file".to_owned(),
            })
        }
        _ => Ok(()),
    }
}

fn same_database(source: &mut Db, archive: &mut Db) -> Result<bool, MaintainError> {
    match (source, archive) {
        (Db::Sqlite(one), Db::Sqlite(other)) => {
            let real = |path: Option<&std::path::Path>| path.and_then(|path| fs::canonicalize(path).ok());
            let (one, other) = (real(one.path()), real(other.path()));
            Ok(one.is_some() && one == other)
        }
        (one @ Db::Postgres(_), other @ Db::Postgres(_)) => {
            let sql = "SELECT system_identifier, current_database() FROM pg_control_system()";
            let failed = || MaintainError::sql("find out which database the archive is");
            Ok(one.query(sql).map_err(failed())? == other.query(sql).map_err(failed())?)
        }
        _ => Ok(false),
    }
}
