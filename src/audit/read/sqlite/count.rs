//! What is known of a SQLite database's rows: what ANALYZE counted, AUTOINCREMENT counters, and NULLs at the start of
//! indexes, as far as that is cheap.

use std::ops::ControlFlow;

use super::{Stated, string};
use crate::Dialect;
use crate::audit::Statistics;
use crate::audit::schema::{Index, Keyed, Method, Schema, Table};
use crate::audit::statistics::{ColumnStatistics, Sequence};
use crate::db::{SqlError, SqliteDb};
use crate::schema as declared;
use crate::value::SqlValue;

/// How many entries of indexes are looked at in all: NULLs are counted for tables that fit into what is left of that, so
/// that the time it takes is bounded whatever the database holds.
const ENTRIES: u64 = 1_000_000;
/// How many entries of one index are looked at.
const ENTRIES_OF_ONE: u64 = 100_000;

pub(super) fn count(
    db: &SqliteDb,
    declared: &declared::Schema,
    schema: &Schema,
    stated: &Stated,
) -> Result<Statistics, SqlError> {
    let mut statistics = Statistics::default();
    let mut left = ENTRIES;
    for table in &schema.tables {
        let name = (table.schema.clone(), table.name.clone());
        if let Some(rows) = analysed(stated, &table.name) {
            statistics.rows.insert(name.clone(), rows);
        }
        for index in table.indexes.iter().filter(|index| index.method == Method::Btree && index.predicate.is_none()) {
            let Some(Keyed::Column(column)) = index.keys.first().map(|key| &key.what) else { continue };
            let key = (name.clone(), column.clone());
            let may_be_null = table.column(column).is_some_and(|column| !column.not_null);
            if !may_be_null || statistics.columns.contains_key(&key) || left == 0 {
                continue;
            }
            let most = left.min(ENTRIES_OF_ONE);
            let (nulls, rows) = nulls(db, table, index, column, most)?;
            left -= rows.min(left);
            // a table that goes on beyond that is left out: its first entries say nothing of the rest
            if rows > 0 && rows < most {
                let null_fraction = Some(ratio(nulls, rows));
                statistics.columns.insert(key, ColumnStatistics { null_fraction, largest: None });
            }
        }
    }
    statistics.sequences = declared.tables.iter().filter_map(sequence).collect();
    Ok(statistics)
}

/// The rows that ANALYZE counted: the most that it says of any index, for a partial one has not all.
fn analysed(stated: &Stated, table: &str) -> Option<u64> {
    let from = (table.to_ascii_lowercase(), None);
    let of_table = stated.range(from.clone()..).take_while(|((name, _), _)| *name == from.0);
    of_table.filter_map(|(_, numbers)| numbers.first().copied()).max()
}

/// NULLs at the start of an index, and its entries, both up to `most`.
fn nulls(db: &SqliteDb, table: &Table, index: &Index, column: &str, most: u64) -> Result<(u64, u64), SqlError> {
    let quoted = |name: &str| Dialect::Sqlite.quote_identifier(name);
    let from = format!("main.{} INDEXED BY {}", quoted(&table.name), quoted(&index.name));
    let column = quoted(column);
    let sql = format!(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM {from} WHERE {column} IS NULL LIMIT {most})), \
         (SELECT count(*) FROM (SELECT {column} FROM {from} LIMIT {most}))"
    );
    let mut counted = (0, 0);
    db.each_row(&sql, &[], |row| {
        counted = (unsigned(row.get(0)), unsigned(row.get(1)));
        Ok::<_, SqlError>(ControlFlow::Break(()))
    })?;
    Ok(counted)
}

fn unsigned(value: SqlValue<'_>) -> u64 {
    string(value).parse().unwrap_or(0)
}

#[allow(clippy::cast_precision_loss, reason = "a part between 0 and 1 of at most a hundred thousand")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// The counter of a table with AUTOINCREMENT.
fn sequence(table: &declared::Table) -> Option<Sequence> {
    let column = table.rowid_alias().filter(|_| table.autoincrement || table.sequence.is_some())?;
    let schema = "main".to_owned();
    Some(Sequence {
        column: Some(((schema.clone(), table.name.clone()), column.to_owned())),
        schema,
        name: table.name.clone(),
        last: table.sequence,
        maximum: i64::MAX,
        increment: 1,
        cycles: false,
    })
}
