//! What is known of a SQLite database's rows: what ANALYZE counted, AUTOINCREMENT counters, and NULLs at the start of
//! indexes, as far as that is cheap.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use super::convert::MAIN;
use super::{Stated, string};
use crate::Dialect;
use crate::audit::Statistics;
use crate::audit::statistics::{ColumnStatistics, Sequence};
use crate::db::{SqlError, SqliteDb};
use crate::schema as declared;
use crate::schema::Indexed;
use crate::value::SqlValue;

/// How many entries of indexes are looked at in all: NULLs are counted for tables that fit into what is left of that, so
/// that the time it takes is bounded whatever the database holds.
const ENTRIES: u64 = 1_000_000;
/// How many entries of one index are looked at.
const ENTRIES_OF_ONE: u64 = 100_000;

/// So many tables are asked at once whether they have rows.
const ASKED_AT_ONCE: usize = 100;

/// What is to be counted.
#[derive(Debug)]
pub(super) struct Wanted {
    /// By name.
    tables: Vec<Table>,
    sequences: Vec<Sequence>,
}

/// A table, and its indexes whose NULLs can be counted, each with the column that it begins with.
#[derive(Debug)]
struct Table {
    name: String,
    indexes: Vec<(String, String)>,
}

/// What there is to be counted of a schema.
pub(super) fn of(schema: &declared::Schema) -> Wanted {
    let mut tables: Vec<Table> =
        schema.tables.iter().map(|table| Table { name: table.name.clone(), indexes: countable(table) }).collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Wanted { tables, sequences: schema.tables.iter().filter_map(sequence).collect() }
}

/// B-trees of all rows that begin with a column that may be NULL: a constraint's, and those that were made.
fn countable(table: &declared::Table) -> Vec<(String, String)> {
    let may_be_null = |name: &&String| {
        let not_null = table.columns.iter().find(|column| column.name == **name).is_none_or(|column| column.not_null);
        !not_null && table.rowid_alias() != Some(name)
    };
    let primary = table.primary_key.iter().filter_map(|key| Some((key.index.as_ref()?, &key.columns)));
    let primary = primary.filter(|_| !table.without_rowid);
    let uniques = table.uniques.iter().map(|unique| (&unique.index, &unique.columns));
    let constraints = primary.chain(uniques).filter_map(|(index, columns)| Some((index, &columns.first()?.name)));
    let made = table.indexes.iter().filter(|index| index.predicate.is_none());
    let made = made.filter_map(|index| match &index.terms.first()?.what {
        Indexed::Column(column) => Some((&index.name, column)),
        Indexed::Expression(_) => None,
    });
    let whole = constraints.chain(made).filter(|(_, column)| may_be_null(column));
    whole.map(|(index, column)| (index.clone(), column.clone())).collect()
}

pub(super) fn count(db: &SqliteDb, wanted: Wanted, empty: &HashSet<&str>, stated: &Stated) -> Statistics {
    let mut statistics = Statistics { sequences: wanted.sequences, ..Statistics::default() };
    if !stated.is_empty() {
        for table in &wanted.tables {
            if let Some(rows) = analysed(stated, &table.name) {
                statistics.rows.insert((MAIN.to_owned(), table.name.clone()), rows);
            }
        }
    }
    let mut left = ENTRIES;
    for table in wanted.tables.iter().filter(|table| !empty.contains(table.name.as_str())) {
        count_nulls(db, table, &mut statistics, &mut left);
    }
    statistics
}

fn count_nulls(db: &SqliteDb, table: &Table, statistics: &mut Statistics, left: &mut u64) {
    for (index, column) in &table.indexes {
        let key = ((MAIN.to_owned(), table.name.clone()), column.clone());
        if statistics.columns.contains_key(&key) || *left == 0 {
            continue;
        }
        let most = (*left).min(ENTRIES_OF_ONE);
        let (nulls, rows) = match nulls(db, table, index, column, most) {
            Ok(counted) => counted,
            // such as one by a collation that only the application has
            Err(error) => {
                tracing::debug!(index, %error, "its entries can't be counted");
                continue;
            }
        };
        *left -= rows.min(*left);
        // a table that goes on beyond that is left out: its first entries say nothing of the rest
        if rows > 0 && rows < most {
            let null_fraction = Some(ratio(nulls, rows));
            statistics.columns.insert(key, ColumnStatistics { null_fraction, largest: None });
        }
    }
}

/// The rows that ANALYZE counted: the most that it says of any index, for a partial one has not all.
fn analysed(stated: &Stated, table: &str) -> Option<u64> {
    let from = (table.to_ascii_lowercase(), None);
    let of_table = stated.range(from.clone()..).take_while(|((name, _), _)| *name == from.0);
    of_table.filter_map(|(_, numbers)| numbers.first().copied()).max()
}

/// Which of the tables have no rows, as far as that can be told for many at once: to ask each index for its own costs more.
pub(super) fn empty<'a>(db: &SqliteDb, tables: &'a [String]) -> HashSet<&'a str> {
    let mut empty = HashSet::with_capacity(tables.len());
    for tables in tables.chunks(ASKED_AT_ONCE) {
        match are_empty(db, tables) {
            Ok(are) => empty.extend(tables.iter().zip(are).filter(|(_, is)| *is).map(|(table, _)| table.as_str())),
            Err(error) => tracing::debug!(%error, "whether tables have rows can't be asked for several at once"),
        }
    }
    empty
}

/// For each of the tables, whether it has no rows. SQLite need not weigh which index to look into for that.
fn are_empty(db: &SqliteDb, tables: &[String]) -> Result<Vec<bool>, SqlError> {
    let mut sql = "SELECT".to_owned();
    for (at, table) in tables.iter().enumerate() {
        let (comma, name) = (if at > 0 { "," } else { "" }, Dialect::Sqlite.quote_identifier(table));
        let _ = write!(sql, "{comma} NOT EXISTS (SELECT 1 FROM main.{name} NOT INDEXED)");
    }
    let mut empty = Vec::with_capacity(tables.len());
    db.each_row(&sql, &[], |row| {
        empty.extend((0..tables.len()).map(|at| row.get(at) == SqlValue::Integer(1)));
        Ok::<_, SqlError>(ControlFlow::Break(()))
    })?;
    Ok(empty)
}

/// NULLs at the start of an index, and its entries, both up to `most`.
fn nulls(db: &SqliteDb, table: &Table, index: &str, column: &str, most: u64) -> Result<(u64, u64), SqlError> {
    let quoted = |name: &str| Dialect::Sqlite.quote_identifier(name);
    let from = format!("main.{} INDEXED BY {}", quoted(&table.name), quoted(index));
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
    let schema = MAIN.to_owned();
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
