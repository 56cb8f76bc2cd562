//! How many rows there are to be scanned, about, from what costs next to nothing to ask.

use crate::db::{ErrorClass, SqlError, SqliteDb};
use crate::schema::Table;
use crate::value::SqlValue;

use super::RowKey;
use super::rows::quote;

/// The bytes that a row takes in its file at least: its place in the page, four of a header, one of its rowid
/// (<https://www.sqlite.org/fileformat2.html#b_tree_pages>).
const LEAST: u64 = 6;

/// The rows of `tables`, about; `None` where it can't be said of one of them: `count(*)` would read it from end to end.
///
/// ANALYZE has written down how many there were; between the first and the last rowid there are no more than that.
#[must_use]
pub fn rows_about(db: &SqliteDb, tables: &[Table]) -> Option<u64> {
    let file = number(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").ok()??;
    let mut sum = 0_u64;
    for table in tables {
        sum = sum.checked_add(of_table(db, table, file)?)?;
    }
    Some(sum)
}

fn of_table(db: &SqliteDb, table: &Table, file: u64) -> Option<u64> {
    let counted = analyzed(db, &table.name);
    let range = match RowKey::of(table) {
        RowKey::Rowid(rowid) => between(db, &table.name, &rowid),
        _ => None,
    };
    // ids that are no counters say nothing
    let range = range.filter(|rows| *rows <= file / LEAST);
    match (counted, range) {
        (Some(counted), Some(range)) => Some(counted.min(range)),
        (counted, range) => counted.or(range),
    }
}

/// The most rows that ANALYZE has seen in the table or in an index on it, of which some may be partial
/// (<https://www.sqlite.org/fileformat2.html#stat1tab>).
fn analyzed(db: &SqliteDb, table: &str) -> Option<u64> {
    let sql = "SELECT max(CAST(stat AS INTEGER)) FROM main.sqlite_stat1 WHERE tbl = ?1 COLLATE NOCASE";
    match first(db, sql, &[SqlValue::Text(table.as_bytes())]) {
        Ok(rows) => rows,
        // nobody has run ANALYZE
        Err(error) if error.class == ErrorClass::Missing => None,
        Err(error) => {
            tracing::debug!(%error, table, "sqlite_stat1");
            None
        }
    }
}

/// How many rowids there are from the first to the last.
fn between(db: &SqliteDb, table: &str, rowid: &str) -> Option<u64> {
    let table = quote(table);
    // each by itself: only then does SQLite go to either end of the table instead of through it
    // (https://www.sqlite.org/optoverview.html#the_min_max_optimization)
    let end = |which: &str| {
        let mut found = None;
        let asked = db.each_row::<SqlError>(&format!("SELECT {which}({rowid}) FROM main.{table}"), &[], |row| {
            found = match row.get(0) {
                SqlValue::Integer(end) => Some(end),
                _ => None,
            };
            Ok(std::ops::ControlFlow::Break(()))
        });
        asked.ok().map(|()| found)
    };
    match (end("min")?, end("max")?) {
        (Some(min), Some(max)) => max.abs_diff(min).checked_add(1),
        _ => Some(0),
    }
}

fn number(db: &SqliteDb, sql: &str) -> Result<Option<u64>, SqlError> {
    first(db, sql, &[])
}

/// The number in the first row of an answer.
fn first(db: &SqliteDb, sql: &str, parameters: &[SqlValue<'_>]) -> Result<Option<u64>, SqlError> {
    let mut found = None;
    db.each_row::<SqlError>(sql, parameters, |row| {
        if let SqlValue::Integer(number) = row.get(0) {
            found = u64::try_from(number).ok();
        }
        Ok(std::ops::ControlFlow::Break(()))
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(sql: &str) -> Option<u64> {
        let connection = rusqlite::Connection::open_in_memory().expect("opens");
        connection.execute_batch(sql).expect("runs");
        let db = SqliteDb::from(connection);
        let schema = db.schema().expect("a schema");
        rows_about(&db, &schema.tables)
    }

    const HUNDRED: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100) INSERT INTO";

    #[test]
    fn counters_say_how_many_there_are() {
        assert_eq!(about("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (v)"), Some(0));
        let tables = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE \"u u\" (v)";
        assert_eq!(
            about(&format!("{tables}; {HUNDRED} t SELECT i + 5, 'v' FROM c; {HUNDRED} \"u u\" SELECT i FROM c")),
            Some(200)
        );
        let gone = format!("{tables}; {HUNDRED} t SELECT i, 'v' FROM c; DELETE FROM t WHERE id % 2");
        assert_eq!(about(&gone), Some(99), "no more than from the first to the last");
    }

    #[test]
    fn ids_that_are_no_counters_say_nothing_but_statistics_do() {
        let sparse = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE INDEX i ON t (v) WHERE v > 90;
             {HUNDRED} t SELECT i * 1000000000000, i FROM c;"
        );
        assert_eq!(about(&sparse), None);
        // ANALYZE counts the table besides where an index on it is partial
        assert_eq!(about(&format!("{sparse} ANALYZE")), Some(100));
        let keyed = format!("CREATE TABLE k (v TEXT PRIMARY KEY) WITHOUT ROWID; {HUNDRED} k SELECT i FROM c;");
        assert_eq!(about(&keyed), None);
        assert_eq!(about(&format!("{keyed} ANALYZE")), Some(100));
    }
}
