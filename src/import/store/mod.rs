//! The database under an import: rows of bound tables, and SQL text for the books.

mod apart;
mod by_key;
mod postgres;
mod sequence;
mod sqlite;

use std::path::PathBuf;

use super::ImportError;
use super::bind::{BoundTable, Cell, TargetTable};
use crate::Dialect;
use crate::db::{Db, SqlError, TextRow};
use crate::interrupt::Interrupt;

/// What is done with each row of a table.
pub(super) type EachRow<'a> = &'a mut dyn FnMut(&[Cell]) -> Result<(), SqlError>;

/// What one of several threads does with each row of a table, and with the number of the table's part that has it.
pub(super) type EachOfPart<'a> = &'a mut (dyn FnMut(usize, &[Cell]) -> Result<(), SqlError> + Send);

/// A value of a statement of the books.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    Null,
    Number(i64),
    Text(&'a str),
}

/// A database that rows are written to.
pub(super) trait Store {
    /// What it speaks.
    fn dialect(&self) -> Dialect;

    /// Whether it takes names that differ in case alone for the same.
    fn folds_names(&self) -> bool {
        self.dialect() == Dialect::Sqlite
    }

    /// The tables there are.
    fn tables(&mut self) -> Result<Vec<TargetTable>, ImportError>;

    /// What a constant default comes to; `None` for NULL. PostgreSQL gives text.
    fn constant(&mut self, expression: &str) -> Result<Option<Cell>, ImportError>;

    /// Runs SQL text, and gives the rows of all its statements.
    fn sql(&mut self, sql: &str) -> Result<Vec<TextRow>, SqlError>;

    /// Runs a statement whose `?` stand for these values; it may wait for [`Store::settle`] or the next [`Store::sql`].
    fn write(&mut self, sql: &str, given: &[Given<'_>]) -> Result<(), SqlError>;

    /// Runs what waits.
    fn settle(&mut self) -> Result<(), SqlError> {
        Ok(())
    }

    /// Gets ready for rows of a table, once and before a transaction.
    fn ready(&mut self, _table: &BoundTable) -> Result<(), SqlError> {
        Ok(())
    }

    /// Up to so many rows go in as quickly one by one as together.
    fn few(&self) -> usize {
        usize::MAX
    }

    /// Adds rows, but where the key is taken: there it gives the row that is there.
    fn add(&mut self, table: &BoundTable, rows: &[&[Cell]]) -> Result<Vec<Option<Vec<Cell>>>, SqlError>;

    /// Writes rows over those with the same key.
    fn replace(&mut self, table: &BoundTable, rows: &[&[Cell]]) -> Result<(), SqlError>;

    /// The rows that have these values in the columns `by`.
    fn rows(&mut self, table: &BoundTable, by: &[usize], values: &[Cell]) -> Result<Vec<Vec<Cell>>, SqlError>;

    /// For each of these values of the table's key the row that has it, if there is one.
    fn rows_by_key(&mut self, table: &BoundTable, keys: &[Vec<Cell>]) -> Result<Vec<Option<Vec<Cell>>>, SqlError> {
        keys.iter().map(|key| Ok(self.rows(table, &table.key, key)?.into_iter().next())).collect()
    }

    /// Begins a transaction that reads, all of it at one moment.
    fn begin_to_read(&mut self) -> Result<(), SqlError>;

    /// Removes the rows that have these values in the columns `by`.
    fn remove(&mut self, table: &BoundTable, by: &[usize], values: &[Cell]) -> Result<(), SqlError>;

    /// Every row of the table.
    fn scan(&mut self, table: &BoundTable, each: EachRow<'_>) -> Result<(), SqlError>;

    /// Every row of the table as it is at one moment, each to one of these: to the first alone, or to all in threads of
    /// their own. The parts' numbers are in the order in which [`Store::scan`] gives their rows, and rise for each of
    /// these; an error is the one that it would have met first.
    fn scan_apart(&mut self, table: &BoundTable, each: &mut [EachOfPart<'_>]) -> Result<(), SqlError> {
        self.scan(table, &mut |cells| each[0](0, cells))
    }

    /// So many new numbers for a column that the database would number.
    fn numbers(&mut self, table: &BoundTable, column: usize, count: usize) -> Result<Vec<i64>, SqlError>;

    /// Sees to it that the next number that the database gives these columns of a table is beyond those that rows came
    /// with. Gives a sentence for each where that can't be.
    fn forward(&mut self, _table: &str, _columns: &[&str]) -> Result<Vec<String>, SqlError> {
        Ok(Vec::new())
    }

    /// Begins a transaction that writes.
    fn begin(&mut self) -> Result<(), SqlError>;

    /// Keeps others away from imports as long as the guard and the session live; who is there already, else.
    fn lock(&mut self) -> Result<Result<Guard, String>, ImportError>;

    /// Lets others in at once, where the guard alone would not.
    fn unlock(&mut self) {}

    /// The file of a SQLite database.
    fn path(&self) -> Option<PathBuf> {
        None
    }
}

/// While this lives, no other import begins.
#[derive(Debug)]
pub(super) struct Guard(#[expect(dead_code, reason = "held for its lock")] Option<std::fs::File>);

/// The store over a connection.
pub(super) fn open(db: Db, interrupt: &Interrupt) -> Result<Box<dyn Store>, ImportError> {
    Ok(match db {
        Db::Sqlite(mut db) => {
            db.wait(std::time::Duration::from_secs(60), interrupt);
            db.keep_journal(true);
            Box::new(sqlite::SqliteStore::new(db))
        }
        Db::Postgres(db) => Box::new(postgres::PostgresStore::connect(db.target())?),
    })
}

fn quoted(name: &str) -> String {
    Dialect::Sqlite.quote_identifier(name)
}

/// The names of a table's columns, quoted, after `prefix`.
fn names<'a>(table: &'a BoundTable, columns: impl IntoIterator<Item = &'a usize>, prefix: &str) -> Vec<String> {
    columns.into_iter().map(|at| format!("{prefix}{}", quoted(&table.columns[*at].name))).collect()
}

/// The names of all of a table's bound columns, quoted and joined.
fn all(table: &BoundTable, prefix: &str) -> String {
    let every: Vec<usize> = (0..table.columns.len()).collect();
    names(table, &every, prefix).join(", ")
}
