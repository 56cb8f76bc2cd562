//! A large SQLite table → its rows, read by several threads at the same time.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Builder;

use super::sqlite::each_row;
use super::{EachOfPart, all, quoted};
use crate::db::{SqlError, SqliteDb};
use crate::import::bind::BoundTable;
use crate::value::SqlValue;

/// With no more rows than that, to open connections takes as long as to read them.
const FEW: usize = 10_000;

/// How many parts a table has for each thread: rowids may lie unevenly, and a thread be slower than others.
const PARTS: usize = 16;

/// Gives every row of `table` to one of `each`, each of which has a thread and a connection. False, and nothing was read,
/// where one connection has to do: the table is small or has no rowids, or others that see one state can't be had.
pub(super) fn scan(db: &mut SqliteDb, table: &BoundTable, each: &mut [EachOfPart<'_>]) -> Result<bool, SqlError> {
    let name = quoted(&table.name);
    if each.len() < 2 || first(db, &format!("SELECT 1 FROM main.{name} LIMIT 1 OFFSET {FEW}"), &[])?.is_empty() {
        return Ok(false);
    }
    let mut readers = db.beside(each.len())?;
    let Some(reader) = readers.first() else { return Ok(false) };
    let Some(rowid) = rowid(reader, &table.name)? else { return Ok(false) };
    let ends = format!("SELECT (SELECT min({rowid}) FROM main.{name}), (SELECT max({rowid}) FROM main.{name})");
    // none are left where somebody has emptied it meanwhile
    let [lowest, highest] = first(reader, &ends, &[])?[..] else { return Ok(false) };
    let parts = parts(lowest, highest, each.len() * PARTS);
    let sql = format!("SELECT {} FROM main.{name} WHERE {rowid} BETWEEN ? AND ?", all(table, ""));
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = |reader: SqliteDb, each: &mut EachOfPart<'_>| -> Result<(), (usize, SqlError)> {
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((from, to)) = parts.get(number) else { break };
            let given = [SqlValue::Integer(*from), SqlValue::Integer(*to)];
            let read = each_row(&reader, &sql, &given, table, &mut |cells| each(number, cells));
            read.map_err(|error| {
                // parts before this one are in hand already, and are read to their ends: theirs is the first error
                failed.store(true, Ordering::Relaxed);
                (number, error)
            })?;
        }
        Ok(())
    };
    let work = &work;
    let errors = std::thread::scope(|scope| {
        let mut pairs = readers.drain(..).zip(each);
        let own = pairs.next();
        // a thread that can't be had leaves its parts to the others
        let others: Vec<_> = pairs
            .filter_map(|(reader, each)| Builder::new().spawn_scoped(scope, move || work(reader, each)).ok())
            .collect();
        let own = own.map(|(reader, each)| work(reader, each));
        let others = others.into_iter().map(|other| match other.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        own.into_iter().chain(others).filter_map(Result::err).collect::<Vec<_>>()
    });
    match errors.into_iter().min_by_key(|(number, _)| *number) {
        Some((_, error)) => Err(error),
        None => Ok(true),
    }
}

/// Ranges of rowids, ends included, that every rowid there can be is in one of; about even from `lowest` to `highest`.
fn parts(lowest: i64, highest: i64, wanted: usize) -> Vec<(i64, i64)> {
    let span = i128::from(highest) - i128::from(lowest) + 1;
    let wanted = i128::try_from(wanted).unwrap_or(1).clamp(1, span.max(1));
    let start = |number: i128| i64::try_from(i128::from(lowest) + span * number / wanted).unwrap_or(i64::MAX);
    (0..wanted)
        .map(|number| {
            let from = if number == 0 { i64::MIN } else { start(number) };
            let to = if number == wanted - 1 { i64::MAX } else { start(number + 1) - 1 };
            (from, to)
        })
        .collect()
}

/// What the rowid of a table is called; none where it has no rowids, or other columns have all of its names.
fn rowid(db: &SqliteDb, table: &str) -> Result<Option<&'static str>, SqlError> {
    let has = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND lower(name) = lower(?1) \
               AND type = 'table' AND wr = 0";
    if first(db, has, &[SqlValue::Text(table.as_bytes())])? != [1] {
        return Ok(None);
    }
    for name in ["rowid", "_rowid_", "oid"] {
        let column = "SELECT count(*) FROM pragma_table_xinfo(?1, 'main') WHERE lower(name) = ?2";
        let given = [SqlValue::Text(table.as_bytes()), SqlValue::Text(name.as_bytes())];
        if first(db, column, &given)? == [0] {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The numbers that the first row begins with; nothing where there is none.
fn first(db: &SqliteDb, sql: &str, given: &[SqlValue<'_>]) -> Result<Vec<i64>, SqlError> {
    let mut numbers = Vec::new();
    db.each_row(sql, given, |row| {
        while let SqlValue::Integer(number) = row.get(numbers.len()) {
            numbers.push(number);
        }
        Ok::<_, SqlError>(ControlFlow::Break(()))
    })?;
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rowid_is_in_one_part() {
        let cases = [(1, 300_000), (5, 5), (i64::MIN, i64::MAX), (-7, 3), (0, i64::MAX), (i64::MAX, i64::MAX)];
        for (lowest, highest) in cases {
            for wanted in [1, 2, 3, 32, 128] {
                let parts = parts(lowest, highest, wanted);
                assert!(!parts.is_empty() && parts.len() <= wanted);
                assert_eq!((parts[0].0, parts[parts.len() - 1].1), (i64::MIN, i64::MAX));
                assert!(parts.iter().all(|(from, to)| from <= to), "{lowest} {highest} {wanted}: {parts:?}");
                assert!(parts.windows(2).all(|two| two[0].1 + 1 == two[1].0), "{lowest} {highest} {wanted}: {parts:?}");
            }
        }
    }

    #[test]
    fn a_rowid_has_the_name_that_no_column_has() {
        let db = rusqlite::Connection::open_in_memory().expect("opens");
        let tables = "CREATE TABLE plain (a); CREATE TABLE own (Rowid TEXT); CREATE TABLE both (rowid, _ROWID_ TEXT); \
                      CREATE TABLE every (rowid, _rowid_, oid, a); CREATE TABLE none (a PRIMARY KEY) WITHOUT ROWID; \
                      CREATE VIEW seen AS SELECT a FROM plain";
        db.execute_batch(tables).expect("runs");
        let db = SqliteDb::from(db);
        let names = ["plain", "PLAIN", "own", "both", "every", "none", "seen", "missing"]
            .map(|table| rowid(&db, table).expect("reads"));
        let expected = [Some("rowid"), Some("rowid"), Some("_rowid_"), Some("oid"), None, None, None, None];
        assert_eq!(names, expected);
    }
}
