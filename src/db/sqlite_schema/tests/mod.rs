//! Every peculiarity of SQLite's schemas, each on a real database in memory.

mod columns;
mod declarations;
mod foreign_keys;
mod indexes;
mod keys;
mod lenient;
mod objects;

use rusqlite::Connection;

use crate::db::SqliteDb;
use crate::schema::{Column, Schema, Table};

fn database(sql: &str) -> SqliteDb {
    let connection = Connection::open_in_memory().expect("opens");
    connection.execute_batch(sql).expect("SQLite takes it");
    SqliteDb::from(connection)
}

fn schema(sql: &str) -> Schema {
    database(sql).schema().expect("reads")
}

/// The only table.
fn table(sql: &str) -> Table {
    let mut tables = schema(sql).tables;
    assert_eq!(tables.len(), 1, "{tables:?}");
    tables.remove(0)
}

/// The only table's column `v`.
fn column(definition: &str) -> Column {
    table(&format!("create table t(id integer primary key, {definition})")).column("v").expect("has it").clone()
}

fn names<'a>(columns: impl IntoIterator<Item = &'a crate::schema::KeyColumn>) -> Vec<&'a str> {
    columns.into_iter().map(|column| column.name.as_str()).collect()
}
