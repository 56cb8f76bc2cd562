//! Rows that break a constraint of their own table: children without a parent, and CHECKs that do not hold.

use std::ops::ControlFlow;

use super::rows::quote;
use super::{Failed, Place, Room, RowKey, ScanError, Tally};
use crate::db::{ErrorClass, SqliteDb};
use crate::interrupt::Interrupt;
use crate::schema::{ForeignKey, Table};

/// Children without a parent, as PostgreSQL will see it: rows with a NULL in the key are left out (`MATCH SIMPLE`).
/// Text is compared as the parent's column does, `by_collation`, or by bytes whatever its collation is.
///
/// # Errors
/// [`ScanError`] where a table can't be read, or a stop is asked for.
pub fn broken_foreign_key(
    db: &SqliteDb,
    child: &Table,
    key: &ForeignKey,
    parent: &Table,
    by_collation: bool,
    interrupt: &Interrupt,
) -> Result<Tally, ScanError> {
    let mut conditions = Vec::new();
    let mut matches = Vec::new();
    for (column, parent_column) in key.columns.iter().zip(&key.parent_columns) {
        let (c, p) = (format!("c.{}", quote(column)), format!("p.{}", quote(parent_column)));
        conditions.push(format!("{c} IS NOT NULL"));
        matches.push(format!("{p} = {c}"));
        if !by_collation && parent.column(parent_column).is_some_and(|column| column.collation.is_some()) {
            // besides, not instead: the first is what an index is found by
            matches.push(format!("{p} COLLATE BINARY = {c}"));
        }
    }
    let parent_name = quote(&parent.name);
    let condition = format!(
        "{} AND NOT EXISTS (SELECT 1 FROM main.{parent_name} AS p WHERE {})",
        conditions.join(" AND "),
        matches.join(" AND ")
    );
    let shown: Vec<String> = key.columns.iter().map(|name| format!("c.{}", quote(name))).collect();
    rows_where(db, child, &shown, &condition, interrupt).map_err(|failed| failed.of(child))
}

/// For each CHECK of `table` the rows that break it; `None` where SQLite can't work it out (it calls a function that
/// only the application has).
///
/// # Errors
/// As [`broken_foreign_key`].
pub fn broken_checks(db: &SqliteDb, table: &Table, interrupt: &Interrupt) -> Result<Vec<Option<Tally>>, ScanError> {
    let broken = |condition: &str| match rows_where(db, table, &[], condition, interrupt) {
        Ok(tally) => Ok(Some(tally)),
        Err(Failed::Interrupted) => Err(ScanError::Interrupted),
        Err(Failed::Sql(error)) if error.class == ErrorClass::Other || error.class == ErrorClass::Missing => {
            tracing::debug!(table = table.name, %error, condition, "a check that can't be worked out");
            Ok(None)
        }
        Err(failed) => Err(failed.of(table)),
    };
    // the new line ends a comment that the expression may end with
    let conditions: Vec<String> = table.checks.iter().map(|check| format!("NOT ({}\n)", check.expression)).collect();
    // nearly always all of them hold, which one reading shows
    if conditions.len() > 1 && broken(&conditions.join(" OR "))?.is_some_and(|tally| tally.is_empty()) {
        return Ok(vec![Some(Tally::default()); conditions.len()]);
    }
    conditions.iter().map(|condition| broken(condition)).collect()
}

/// The rows with a NULL in one of `columns`.
///
/// # Errors
/// As [`broken_foreign_key`].
pub fn rows_with_null(
    db: &SqliteDb,
    table: &Table,
    columns: &[&str],
    interrupt: &Interrupt,
) -> Result<Tally, ScanError> {
    let nulls: Vec<String> = columns.iter().map(|column| format!("c.{} IS NULL", quote(column))).collect();
    rows_where(db, table, &[], &nulls.join(" OR "), interrupt).map_err(|failed| failed.of(table))
}

/// The rows of `table` (called `c`) for which `condition` holds; an example shows the columns of `shown`.
fn rows_where(
    db: &SqliteDb,
    table: &Table,
    shown: &[String],
    condition: &str,
    interrupt: &Interrupt,
) -> Result<Tally, Failed> {
    let key = RowKey::of(table);
    let first = key.columns().len();
    let mut listed: Vec<String> = key.columns().iter().map(|column| format!("c.{column}")).collect();
    listed.extend_from_slice(shown);
    listed.push("NULL".to_owned());
    let sql = format!("SELECT {} FROM main.{} AS c WHERE {condition}", listed.join(", "), quote(&table.name));
    let mut found = Tally::default();
    db.each_row(&sql, &[], |row| {
        if interrupt.is_set() {
            return Err(Failed::Interrupted);
        }
        let place = Place { key: &key, row, number: found.count + 1, room: Room::default() };
        found.add_row(&place, || {
            let values: Vec<String> = (0..shown.len()).map(|at| super::show(row.get(first + at))).collect();
            let label = place.label();
            if values.is_empty() { label } else { format!("{label}: {}", values.join(", ")) }
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
