//! The floors, each in a process of its own that says how long its part took: serde_json parsing every record, one thread,
//! and SQLite taking rows that are ready in memory.
//!
//! It is the same serde_json and the same SQLite that Liftlock is built with, with the same features.

use std::fs;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::Value;

use super::data::{Load, documents};
use super::process::processor_time;

/// How many rows a transaction has: as many as Liftlock's.
const BATCH: usize = 8192;

/// How long something took, and what of the processors.
fn timed(work: impl FnOnce()) -> (Duration, Duration) {
    let own = || processor_time(std::process::id()).unwrap_or_default();
    let (began, before) = (Instant::now(), own());
    work();
    (began.elapsed(), own().saturating_sub(before))
}

/// Parses every record, and says how long that took.
pub fn parse(load: &Load) -> (Duration, Duration) {
    timed(|| {
        each(load, |record| {
            black_box(record);
        });
    })
}

/// Puts every record's row into `database`, which has the table, and says how long that took once the rows were ready.
pub fn insert(load: &Load, database: &Path) -> (Duration, Duration) {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    each(load, |record| rows.push(load.columns.iter().map(|column| cell(&record[*column])).collect()));
    let connection = Connection::open(database).unwrap();
    // what Liftlock does in a run of many transactions
    connection.query_row("PRAGMA journal_mode = truncate", [], |_| Ok(())).unwrap();
    let marks = vec!["?"; load.columns.len()].join(", ");
    let sql = format!("INSERT INTO {} ({}) VALUES ({marks})", load.table, load.columns.join(", "));
    timed(|| {
        let mut insert = connection.prepare(&sql).unwrap();
        for batch in rows.chunks(BATCH) {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            for row in batch {
                insert.execute(rusqlite::params_from_iter(row)).unwrap();
            }
            connection.execute_batch("COMMIT").unwrap();
        }
    })
}

fn each(load: &Load, mut take: impl FnMut(Value)) {
    match &load.lines {
        Some(file) => {
            let mut reader = BufReader::with_capacity(128 * 1024, fs::File::open(file).unwrap());
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).unwrap() > 0 {
                take(serde_json::from_slice(&line).unwrap());
                line.clear();
            }
        }
        None => {
            for file in listed(&load.folder) {
                take(serde_json::from_slice(&fs::read(file).unwrap()).unwrap());
            }
        }
    }
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    documents(folder).unwrap()
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(bool) => Cell::Integer(i64::from(*bool)),
        Value::Number(number) => number.as_i64().map_or_else(|| Cell::Real(number.as_f64().unwrap()), Cell::Integer),
        Value::String(text) => Cell::Text(text.clone()),
        nested => Cell::Text(nested.to_string()),
    }
}
