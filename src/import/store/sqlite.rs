//! SQLite: a prepared statement a row.

use std::collections::HashMap;
use std::fs::{OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::{EachOfPart, EachRow, Given, Guard, Store, all, apart, names, quoted};
use crate::Dialect;
use crate::db::{ErrorClass, SqlError, SqliteDb, TextRow};
use crate::import::ImportError;
use crate::import::bind::{self, BoundTable, Cell, TargetTable};
use crate::value::SqlValue;

pub(super) struct SqliteStore {
    db: SqliteDb,
    statements: HashMap<usize, Statements>,
}

/// The texts of a table's statements.
#[derive(Clone)]
struct Statements {
    add: String,
    replace: Option<String>,
    scan: String,
}

impl SqliteStore {
    pub fn new(db: SqliteDb) -> Self {
        Self { db, statements: HashMap::new() }
    }

    fn statements(&mut self, table: &BoundTable) -> Statements {
        let make = || {
            let name = quoted(&table.name);
            let columns = all(table, "");
            let marks = vec!["?"; table.columns.len()].join(", ");
            let key = names(table, &table.key, "").join(", ");
            let set: Vec<String> = (0..table.columns.len())
                .filter(|at| !table.key.contains(at))
                .map(|at| format!("{} = ?{}", quoted(&table.columns[at].name), at + 1))
                .collect();
            let found: Vec<String> =
                table.key.iter().map(|at| format!("{} = ?{}", quoted(&table.columns[*at].name), at + 1)).collect();
            Statements {
                add: format!("INSERT INTO main.{name} ({columns}) VALUES ({marks}) ON CONFLICT ({key}) DO NOTHING"),
                replace: (!set.is_empty())
                    .then(|| format!("UPDATE main.{name} SET {} WHERE {}", set.join(", "), found.join(" AND "))),
                scan: format!("SELECT {columns} FROM main.{name}"),
            }
        };
        self.statements.entry(table.number).or_insert_with(make).clone()
    }
}

fn values(cells: &[Cell]) -> Vec<SqlValue<'_>> {
    cells.iter().map(Cell::value).collect()
}

fn condition(table: &BoundTable, by: &[usize]) -> String {
    names(table, by, "").iter().map(|name| format!("{name} = ?")).collect::<Vec<_>>().join(" AND ")
}

/// The query for the rows that have some values in the columns `by`.
fn select(table: &BoundTable, by: &[usize]) -> String {
    format!("SELECT {} FROM main.{} WHERE {}", all(table, ""), quoted(&table.name), condition(table, by))
}

/// The rows that have these values in the columns `by`.
fn read(db: &SqliteDb, table: &BoundTable, by: &[usize], given: &[Cell]) -> Result<Vec<Vec<Cell>>, SqlError> {
    read_by(db, table, &select(table, by), given)
}

/// The same, by the query for them.
fn read_by(db: &SqliteDb, table: &BoundTable, sql: &str, given: &[Cell]) -> Result<Vec<Vec<Cell>>, SqlError> {
    let mut rows = Vec::new();
    db.each_row(sql, &values(given), |row| {
        rows.push((0..table.columns.len()).map(|at| Cell::of(row.get(at))).collect());
        Ok::<_, SqlError>(ControlFlow::Continue(()))
    })?;
    Ok(rows)
}

/// Whether a row may be stored once others are.
fn waits(error: &SqlError) -> bool {
    error.code.as_deref() == Some("SQLITE_CONSTRAINT_FOREIGNKEY")
}

/// The row that has the key of one that was not stored.
fn there(db: &SqliteDb, table: &BoundTable, row: &[Cell]) -> Result<Vec<Cell>, SqlError> {
    let key: Vec<Cell> = table.key.iter().map(|at| row[*at].clone()).collect();
    // a trigger that swallows rows gives neither
    let swallowed = || SqlError::other("the row was not stored, and none has its key");
    read(db, table, &table.key, &key)?.into_iter().next().ok_or_else(swallowed)
}

/// The rows of a statement that selects all of a table's bound columns.
pub(super) fn each_row(
    db: &SqliteDb,
    sql: &str,
    given: &[SqlValue<'_>],
    table: &BoundTable,
    each: EachRow<'_>,
) -> Result<(), SqlError> {
    let mut cells = vec![Cell::Null; table.columns.len()];
    db.each_row(sql, given, |row| {
        for (at, cell) in cells.iter_mut().enumerate() {
            cell.set(row.get(at));
        }
        each(&cells).map(ControlFlow::Continue)
    })
}

impl Store for SqliteStore {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn tables(&mut self) -> Result<Vec<TargetTable>, ImportError> {
        bind::TargetTable::of_sqlite(&self.db)
    }

    fn constant(&mut self, expression: &str) -> Result<Option<Cell>, ImportError> {
        let mut cell = Cell::Null;
        let read = self.db.each_row(&format!("SELECT {expression}"), &[], |row| {
            cell = Cell::of(row.get(0));
            Ok::<_, SqlError>(ControlFlow::Break(()))
        });
        read.map_err(|source| ImportError::Sql { doing: format!("work out the default `{expression}`"), source })?;
        Ok(Some(cell).filter(|cell| *cell != Cell::Null))
    }

    fn sql(&mut self, sql: &str) -> Result<Vec<TextRow>, SqlError> {
        self.db.query(sql)
    }

    fn write(&mut self, sql: &str, given: &[Given<'_>]) -> Result<(), SqlError> {
        let given: Vec<SqlValue<'_>> = given
            .iter()
            .map(|given| match given {
                Given::Null => SqlValue::Null,
                Given::Number(number) => SqlValue::Integer(*number),
                Given::Text(text) => SqlValue::Text(text.as_bytes()),
            })
            .collect();
        self.db.write(sql, &given).map(drop)
    }

    fn add(&mut self, table: &BoundTable, rows: &[&[Cell]]) -> Result<Vec<Option<Vec<Cell>>>, SqlError> {
        let add = self.statements(table).add;
        let mut answers = Vec::with_capacity(rows.len());
        let whole = self.db.write_each(&add, rows.iter().map(|row| row.iter().map(Cell::value)), |at, added| {
            answers.push(if added > 0 { None } else { Some(there(&self.db, table, rows[at])?) });
            Ok(())
        });
        match whole {
            Err(error) if waits(&error) => {}
            done => return done.map(|()| answers),
        }
        // A row that refers to one behind it waits for that one, as it would in a single statement. Each round goes the
        // other way than the one before, so that a chain is done in two, however it lies.
        let mut waiting: Vec<usize> = (answers.len()..rows.len()).collect();
        answers.resize(rows.len(), None);
        loop {
            let (count, mut later, mut refused) = (waiting.len(), Vec::new(), None);
            for at in waiting {
                match self.db.write(&add, &values(rows[at])) {
                    Ok(0) => answers[at] = Some(there(&self.db, table, rows[at])?),
                    Ok(_) => {}
                    Err(error) if waits(&error) => {
                        later.push(at);
                        refused = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            match refused {
                None => return Ok(answers),
                Some(error) if later.len() == count => return Err(error),
                Some(_) => {}
            }
            later.reverse();
            waiting = later;
        }
    }

    fn replace(&mut self, table: &BoundTable, rows: &[&[Cell]]) -> Result<(), SqlError> {
        let Some(replace) = self.statements(table).replace else { return Ok(()) };
        let given = rows.iter().map(|row| row.iter().map(Cell::value));
        self.db.write_each(&replace, given, |_, _| Ok(()))
    }

    fn rows(&mut self, table: &BoundTable, by: &[usize], given: &[Cell]) -> Result<Vec<Vec<Cell>>, SqlError> {
        read(&self.db, table, by, given)
    }

    fn rows_by_key(&mut self, table: &BoundTable, keys: &[Vec<Cell>]) -> Result<Vec<Option<Vec<Cell>>>, SqlError> {
        let sql = select(table, &table.key);
        keys.iter().map(|key| Ok(read_by(&self.db, table, &sql, key)?.into_iter().next())).collect()
    }

    fn remove(&mut self, table: &BoundTable, by: &[usize], given: &[Cell]) -> Result<(), SqlError> {
        let sql = format!("DELETE FROM main.{} WHERE {}", quoted(&table.name), condition(table, by));
        self.db.write(&sql, &values(given)).map(drop)
    }

    fn scan(&mut self, table: &BoundTable, each: EachRow<'_>) -> Result<(), SqlError> {
        let scan = self.statements(table).scan;
        each_row(&self.db, &scan, &[], table, each)
    }

    fn scan_apart(&mut self, table: &BoundTable, each: &mut [EachOfPart<'_>]) -> Result<(), SqlError> {
        match apart::scan(&mut self.db, table, each)? {
            true => Ok(()),
            false => self.scan(table, &mut |cells| each[0](0, cells)),
        }
    }

    fn numbers(&mut self, table: &BoundTable, column: usize, count: usize) -> Result<Vec<i64>, SqlError> {
        let highest = format!(
            "SELECT max(coalesce((SELECT max({}) FROM main.{}), 0), 0)",
            quoted(&table.columns[column].name),
            quoted(&table.name)
        );
        let mut next = 0;
        let mut read = |sql: &str, given: &[SqlValue<'_>]| {
            self.db.each_row(sql, given, |row| {
                if let SqlValue::Integer(number) = row.get(0) {
                    next = next.max(number);
                }
                Ok::<_, SqlError>(ControlFlow::Break(()))
            })
        };
        read(&highest, &[])?;
        match read("SELECT seq FROM main.sqlite_sequence WHERE name = ?", &[SqlValue::Text(table.name.as_bytes())]) {
            Err(error) if error.class != ErrorClass::Missing => return Err(error),
            _ => {}
        }
        let full = || SqlError::other(format!("`{}` has no number left", table.name));
        (1..=i64::try_from(count).unwrap_or(i64::MAX)).map(|nth| next.checked_add(nth).ok_or_else(full)).collect()
    }

    fn begin_to_read(&mut self) -> Result<(), SqlError> {
        self.db.execute("BEGIN")
    }

    fn begin(&mut self) -> Result<(), SqlError> {
        self.db.execute("BEGIN IMMEDIATE")
    }

    fn lock(&mut self) -> Result<Result<Guard, String>, ImportError> {
        let Some(path) = self.path() else { return Ok(Ok(Guard(None))) };
        // the file that migrations are locked by: an import and a migration at once would be no better than two imports
        let mut name = path.into_os_string();
        name.push("-liftlock");
        let path = PathBuf::from(name);
        let failed = |source| ImportError::Write { path: path.clone(), source };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                let about = format!("pid {} since {}\n", std::process::id(), jiff::Timestamp::now());
                let written =
                    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(about.as_bytes()));
                if let Err(error) = written {
                    tracing::debug!(%error, "the lock's file says nothing of its holder");
                }
                Ok(Ok(Guard(Some(file))))
            }
            Err(TryLockError::WouldBlock) => {
                let mut about = String::new();
                drop(file.read_to_string(&mut about));
                Ok(Err(format!(
                    "{} (`{}`)",
                    if about.trim().is_empty() { "another process" } else { about.trim() },
                    path.display()
                )))
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn path(&self) -> Option<PathBuf> {
        self.db.path().map(std::path::Path::to_owned)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.db.keep_journal(false);
    }
}
