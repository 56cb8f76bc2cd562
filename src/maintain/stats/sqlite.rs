//! The statistics of a SQLite database, from its pages: dbstat reads each of them once.

use std::collections::HashMap;

use super::super::MaintainError;
use super::super::ask::{number, rows, text};
use super::{IndexStats, Rows, StatsReport, TableStats};
use crate::Dialect;
use crate::db::{Db, SqlError};

/// The pages of a b-tree.
#[derive(Debug, Default, Clone, Copy)]
struct Tree {
    bytes: u64,
    unused: u64,
    leaf_cells: u64,
    cells: u64,
}

pub(super) fn read(db: &mut Db) -> Result<StatsReport, MaintainError> {
    // all of it is of one moment
    db.execute("BEGIN").map_err(MaintainError::sql("begin to read"))?;
    let read = read_in_transaction(db);
    db.roll_back();
    read
}

fn read_in_transaction(db: &mut Db) -> Result<StatsReport, MaintainError> {
    let doing = "read the sizes";
    let version = rows(db, doing, "SELECT sqlite_version()")?.first().map(|row| text(row, 0)).unwrap_or_default();
    let page = one(db, "PRAGMA main.page_size")?;
    let bytes = one(db, "PRAGMA main.page_count")? * page;
    let free = one(db, "PRAGMA main.freelist_count")? * page;
    let mut trees: HashMap<String, Tree> = HashMap::new();
    for row in rows(db, doing, include_str!("sqlite.sql"))? {
        let cell = |at| number(&row, at).unwrap_or_default();
        let tree = Tree { bytes: cell(1), unused: cell(2), leaf_cells: cell(3), cells: cell(4) };
        trees.insert(text(&row, 0), tree);
    }
    let tree = |name: &str| trees.get(name).copied().unwrap_or_default();
    let analysed = analysed_rows(db)?;

    let mut tables = Vec::new();
    let mut virtual_tables = Vec::new();
    // without rowids, or not; what is virtual has no pages of its own, but shadow tables that have
    let listed = "SELECT l.name, l.type, l.wr FROM pragma_table_list l WHERE l.schema = 'main' \
                  AND l.type IN ('table', 'virtual', 'shadow') AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    for row in rows(db, doing, listed)? {
        let name = text(&row, 0);
        if text(&row, 1) == "virtual" {
            virtual_tables.push(name);
            continue;
        }
        let tree = tree(&name);
        tables.push(TableStats {
            schema: "main".to_owned(),
            rows: Some(if text(&row, 2) == "1" { tree.cells } else { tree.leaf_cells }),
            rows_are: Rows::Exact,
            bytes: tree.bytes,
            unused_bytes: Some(tree.unused),
            analysed: analysed.contains_key(&name),
            analysed_rows: analysed.get(&name).copied().flatten(),
            name,
            ..TableStats::default()
        });
    }
    let mut indexes = Vec::new();
    for row in rows(db, doing, "SELECT name, tbl_name FROM main.sqlite_schema WHERE type = 'index' AND rootpage > 0")? {
        let (name, table) = (text(&row, 0), text(&row, 1));
        let bytes = tree(&name).bytes;
        // a table without rowids is its primary key's b-tree, listed once, under the table's name
        if let Some(table) = tables.iter_mut().find(|entry| entry.name == table) {
            table.index_bytes += bytes;
        }
        let schema = "main".to_owned();
        indexes.push(IndexStats { schema, name, table, bytes, valid: true, scans: None });
    }
    let mut notes = Vec::new();
    if !virtual_tables.is_empty() {
        virtual_tables.sort();
        notes.push(format!(
            "virtual tables have no rows and bytes of their own here; what they store is in their shadow tables: {}",
            virtual_tables.join(", ")
        ));
    }
    if !tables.is_empty() {
        notes.push("SQLite does not keep when ANALYZE ran; `analysed` says how many rows there were".to_owned());
    }
    let path = match db {
        Db::Sqlite(db) => db.path().map(std::path::Path::to_owned),
        Db::Postgres(_) => None,
    };
    let wal = path.map(|path| {
        let mut name = path.into_os_string();
        name.push("-wal");
        std::fs::metadata(name).map_or(0, |file| file.len())
    });
    Ok(StatsReport {
        dialect: Dialect::Sqlite,
        version,
        bytes,
        wal_bytes: wal,
        free_bytes: Some(free),
        unused_bytes: Some(trees.values().map(|tree| tree.unused).sum()),
        dead_rows: None,
        schema: None,
        statistics_age_seconds: None,
        not_analysed: Vec::new(),
        tables,
        indexes,
        notes,
    })
}

/// The rows that each table had when ANALYZE counted. A table without an index has an entry, too.
fn analysed_rows(db: &mut Db) -> Result<HashMap<String, Option<u64>>, MaintainError> {
    let there = "SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat1'";
    if rows(db, "read the statistics", there)?.is_empty() {
        return Ok(HashMap::new());
    }
    let mut analysed = HashMap::new();
    for row in rows(db, "read the statistics", "SELECT tbl, stat FROM main.sqlite_stat1")? {
        // the first number is that of the index's rows, which are not all of the table's where the index is partial
        let rows = text(&row, 1).split(' ').next().and_then(|rows| rows.parse().ok());
        let entry: &mut Option<u64> = analysed.entry(text(&row, 0)).or_default();
        *entry = (*entry).max(rows);
    }
    Ok(analysed)
}

fn one(db: &mut Db, sql: &str) -> Result<u64, MaintainError> {
    let rows = rows(db, "read the sizes", sql)?;
    rows.first()
        .and_then(|row| number(row, 0))
        .ok_or_else(|| MaintainError::sql("read the sizes")(SqlError::other(format!("`{sql}` gives no number"))))
}
