//! Rows of one table, and of the tables below it, into the database: added, or written over those that are there.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use super::{Writer, writing};
use crate::db::{ErrorClass, SqlError};
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Cell, Fill};
use crate::import::mapping::OnExisting;
use crate::import::row::Row;

/// What became of a record.
pub(super) enum Outcome {
    Stored,
    /// Its row was there, and stays: the same, or another.
    Left {
        same: bool,
    },
}

/// Why a record could not be written.
pub(super) enum Stop {
    /// The database refuses it.
    Refused(SqlError),
    /// Nothing more can be done.
    Fatal(ImportError),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        let fatal = matches!(
            error.class,
            ErrorClass::ConnectionLost
                | ErrorClass::Cancelled
                | ErrorClass::LockTimeout
                | ErrorClass::ReadOnly
                | ErrorClass::Missing
        ) || error.code.as_deref().is_some_and(|code| is_the_databases(code, &error.message));
        if fatal { Self::Fatal(writing(error)) } else { Self::Refused(error) }
    }
}

/// Whether an error says something of the database, and nothing of the record in hand.
fn is_the_databases(code: &str, message: &str) -> bool {
    let of_sqlite =
        ["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_NOMEM", "SQLITE_CANTOPEN"];
    // classes of https://www.postgresql.org/docs/current/errcodes-appendix.html: resources, operators, the system, bugs
    let of_postgres = code.len() == 5 && ["53", "57", "58", "XX"].iter().any(|class| code.starts_with(class));
    // a policy of row-level security refuses rows, a missing privilege all of them
    let no_right = code == "42501" && !message.contains("row-level security");
    of_postgres || no_right || of_sqlite.iter().any(|name| code.starts_with(name))
}

/// What becomes of rows that were nested in a record and are there still.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nested {
    /// They stay and are written over: what else refers to them goes on doing so.
    Stay,
    /// They go, and come again.
    GiveWay,
}

impl Writer<'_> {
    /// Writes rows of one table, and below them those of its children.
    pub(super) fn write_rows(
        &mut self,
        table: &BoundTable,
        rows: &mut [&mut Row],
        nested: Nested,
    ) -> Result<Vec<Outcome>, Stop> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.give_numbers(table, rows)?;
        let cells: Vec<&[Cell]> = rows.iter().map(|row| row.cells.as_slice()).collect();
        let there = self.store.add(table, &cells)?;
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut replaced = Vec::new();
        for (at, (row, there)) in rows.iter_mut().zip(there).enumerate() {
            let Some(old) = there else {
                self.sums[table.target].add(table, row)?;
                outcomes.push(Outcome::Stored);
                continue;
            };
            for (at, column) in table.columns.iter().enumerate() {
                if column.is_kept() || (column.seal.is_some() && column.is_of(&old[at], &row.cells[at], row.plain(at)))
                {
                    row.cells[at] = old[at].clone();
                    row.print = None;
                }
            }
            let same = (0..old.len()).all(|at| {
                let column = &table.columns[at];
                column.is_made() || column.holds(&old[at], &row.cells[at])
            });
            match table.exists {
                OnExisting::Error => {
                    let key: Vec<String> =
                        table.key.iter().map(|at| table.columns[*at].kind.restore(&old[*at]).to_string()).collect();
                    let reason = format!("`{}` has a row with the key {} already", table.name, key.join(", "));
                    return Err(Stop::Refused(SqlError::other(reason)));
                }
                OnExisting::Skip => {
                    outcomes.push(Outcome::Left { same: same && row.children.iter().all(Vec::is_empty) });
                }
                OnExisting::Update => {
                    self.remove_outdated(table, row, nested)?;
                    if !same {
                        self.sums[table.target].replace(table, &old, &row.cells)?;
                        replaced.push(at);
                    }
                    outcomes.push(Outcome::Stored);
                }
            }
        }
        let changed: Vec<&[Cell]> = replaced.iter().map(|at| rows[*at].cells.as_slice()).collect();
        self.store.replace(table, &changed)?;
        for (number, child) in table.children.iter().enumerate() {
            let mut below: Vec<&mut Row> = Vec::new();
            for (row, outcome) in rows.iter_mut().zip(&outcomes) {
                if matches!(outcome, Outcome::Left { .. }) {
                    continue;
                }
                let Row { cells, children, .. } = &mut **row;
                for below_row in &mut children[number] {
                    fill_parents(table, &child.table, cells, &mut below_row.cells)
                        .map_err(|reason| Stop::Refused(SqlError::other(reason)))?;
                    below.push(below_row);
                }
            }
            told_apart(&child.table, &below)?;
            self.write_rows(&child.table, &mut below, nested)?;
        }
        Ok(outcomes)
    }

    fn give_numbers(&mut self, table: &BoundTable, rows: &mut [&mut Row]) -> Result<(), Stop> {
        for (at, column) in table.columns.iter().enumerate() {
            if !matches!(column.fill, Fill::Number) {
                continue;
            }
            let wanting: Vec<&mut &mut Row> = rows.iter_mut().filter(|row| row.cells[at] == Cell::Null).collect();
            let numbers = self.store.numbers(table, at, wanting.len())?;
            for (row, number) in wanting.into_iter().zip(numbers) {
                let cell = column.kind.store(&Value::from(number));
                row.cells[at] = cell.map_err(|reason| Stop::Refused(SqlError::other(reason)))?;
            }
        }
        Ok(())
    }

    /// Removes what was nested in a record and no longer is.
    fn remove_outdated(&mut self, table: &BoundTable, row: &mut Row, nested: Nested) -> Result<(), Stop> {
        if nested == Nested::GiveWay {
            return self.remove_children(table, &row.cells);
        }
        let Row { cells, children, .. } = row;
        for (child, rows) in table.children.iter().zip(children) {
            let child = &child.table;
            if child.key_is_made() {
                self.keep_keys(table, child, cells, rows)?;
                continue;
            }
            let mut staying = HashMap::new();
            for row in rows {
                fill_parents(table, child, cells, &mut row.cells).map_err(|reason| refused(&reason))?;
                staying.insert(key_of(child, &row.cells)?, &*row);
            }
            // a position says nothing of which is which: such a row is the same only as long as it says the same
            let by_position = child.key.iter().any(|at| matches!(child.columns[*at].fill, Fill::Position));
            for old in self.rows_of(table, child, cells)?.1 {
                let same = |again: &Row| {
                    child.columns.iter().enumerate().all(|(at, column)| {
                        column.is_made() || column.is_of(&old[at], &again.cells[at], again.plain(at))
                    })
                };
                if staying.get(&key_of(child, &old)?).is_some_and(|again| !by_position || same(again)) {
                    continue;
                }
                self.remove_one(child, &old)?;
            }
        }
        Ok(())
    }

    /// Nested rows whose keys are made here are the same as long as they say the same: they keep the keys that they have, so
    /// that what refers to them goes on doing so. The others go.
    fn keep_keys(
        &mut self,
        table: &BoundTable,
        child: &BoundTable,
        parent: &[Cell],
        rows: &mut [Row],
    ) -> Result<(), Stop> {
        let own: Vec<usize> = (0..child.columns.len())
            .filter(|at| !child.columns[*at].is_kept() && !child.columns[*at].is_made())
            .collect();
        let says = |cells: &[Cell]| {
            let mut bytes = Vec::new();
            let plain = own.iter().filter(|at| child.columns[**at].seal.is_none());
            for at in plain {
                child.columns[*at].kind.canonical(&cells[*at], &mut bytes)?;
            }
            Ok::<_, SqlError>(bytes)
        };
        let mut new: HashMap<Vec<u8>, VecDeque<usize>> = HashMap::new();
        for (at, row) in rows.iter_mut().enumerate() {
            fill_parents(table, child, parent, &mut row.cells).map_err(|reason| refused(&reason))?;
            new.entry(says(&row.cells)?).or_default().push_back(at);
        }
        for old in self.rows_of(table, child, parent)?.1 {
            let is_old =
                |row: &Row| own.iter().all(|at| child.columns[*at].is_of(&old[*at], &row.cells[*at], row.plain(*at)));
            let same = new.get_mut(&says(&old)?).and_then(|alike| {
                let place = alike.iter().position(|at| is_old(&rows[*at]))?;
                alike.remove(place)
            });
            match same {
                Some(at) => child.key.iter().for_each(|key| rows[at].cells[*key] = old[*key].clone()),
                None => self.remove_one(child, &old)?,
            }
        }
        Ok(())
    }

    /// A row goes, and what is nested in it.
    fn remove_one(&mut self, table: &BoundTable, row: &[Cell]) -> Result<(), Stop> {
        self.remove_children(table, row)?;
        self.sums[table.target].remove(table, row)?;
        let key: Vec<Cell> = table.key.iter().map(|at| row[*at].clone()).collect();
        Ok(self.store.remove(table, &table.key, &key)?)
    }

    /// What is nested in a row goes.
    fn remove_children(&mut self, table: &BoundTable, cells: &[Cell]) -> Result<(), Stop> {
        for child in &table.children {
            self.remove_child(table, &child.table, cells)?;
        }
        Ok(())
    }

    fn remove_child(&mut self, table: &BoundTable, child: &BoundTable, cells: &[Cell]) -> Result<(), Stop> {
        let (values, old) = self.rows_of(table, child, cells)?;
        if old.is_empty() {
            return Ok(());
        }
        for row in &old {
            self.remove_children(child, row)?;
            self.sums[child.target].remove(child, row)?;
        }
        Ok(self.store.remove(child, &child.parents(), &values)?)
    }

    /// What the columns that refer to a parent's row hold, and the rows that do.
    fn rows_of(
        &mut self,
        table: &BoundTable,
        child: &BoundTable,
        cells: &[Cell],
    ) -> Result<(Vec<Cell>, Vec<Vec<Cell>>), Stop> {
        let by = child.parents();
        let mut filled = vec![Cell::Null; child.columns.len()];
        fill_parents(table, child, cells, &mut filled).map_err(|reason| refused(&reason))?;
        let values: Vec<Cell> = by.iter().map(|at| filled[*at].clone()).collect();
        let rows = self.store.rows(child, &by, &values)?;
        Ok((values, rows))
    }
}

fn refused(reason: &str) -> Stop {
    Stop::Refused(SqlError::other(reason))
}

/// Refuses rows with one key: written together, which of them stands would be the database's choice. Where they are of
/// several records, each is written by itself then, and the last one stands; beneath one record one would be lost.
fn told_apart(table: &BoundTable, rows: &[&mut Row]) -> Result<(), Stop> {
    if table.key_is_made() {
        return Ok(());
    }
    let mut keys = HashSet::with_capacity(rows.len());
    for row in rows {
        if !keys.insert(xxhash_rust::xxh3::xxh3_128(&key_of(table, &row.cells)?)) {
            return Err(refused(&format!("two records for `{}` have the same key", table.name)));
        }
    }
    Ok(())
}

/// The bytes of a row's key.
fn key_of(table: &BoundTable, cells: &[Cell]) -> Result<Vec<u8>, SqlError> {
    let mut bytes = Vec::new();
    for at in &table.key {
        table.columns[*at].kind.canonical(&cells[*at], &mut bytes)?;
    }
    Ok(bytes)
}

/// Gives a nested row its parent's key.
pub(in crate::import) fn fill_parents(
    table: &BoundTable,
    child: &BoundTable,
    parent: &[Cell],
    cells: &mut [Cell],
) -> Result<(), String> {
    for (at, column) in child.columns.iter().enumerate() {
        if let Fill::Parent(of) = column.fill {
            cells[at] = column.kind.store(&table.columns[of].kind.restore(&parent[of]))?;
        }
    }
    Ok(())
}
