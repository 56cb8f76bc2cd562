//! SQLite's schema as the audit sees it: what `db` reads of it, made into that, and what SQLite's own tables count.

mod convert;
mod count;
mod predicate;

pub(crate) use convert::from_schema;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::Wanted;
use crate::audit::schema::{Method, Schema, Version};
use crate::audit::{AuditError, Statistics};
use crate::db::{SqlError, SqliteDb};
use crate::value::SqlValue;

pub(super) fn read(db: &mut SqliteDb, wanted: &Wanted) -> Result<(Schema, Statistics), AuditError> {
    let db: &SqliteDb = db;
    let read = || -> Result<(Schema, Statistics), SqlError> {
        let asked = db.ask_schema()?;
        let stated = if asked.has_special("sqlite_stat1") { stated(db)? } else { BTreeMap::new() };
        let version = version(db)?;
        let indexed: Vec<String> =
            if wanted.statistics { asked.indexed_tables().map(str::to_owned).collect() } else { Vec::new() };
        let (countable, counted) = std::sync::mpsc::channel();
        // SQLite is asked while the rest is made ready
        std::thread::scope(|scope| {
            let stated = &stated;
            let maker = scope.spawn(move || {
                let (declared, not_understood) = asked.schema()?;
                for table in &not_understood {
                    tracing::warn!(
                        table,
                        "its statement could not be understood; it is judged by what the pragmas tell"
                    );
                }
                if wanted.statistics {
                    // nobody waits for it where the database can't be asked any more
                    drop(countable.send(count::of(&declared)));
                }
                let mut schema = from_schema(declared, version);
                state(&mut schema, stated);
                Ok(schema)
            });
            let empty = count::empty(db, &indexed);
            // none comes where none is wanted, or where there is no schema
            let statistics = counted.recv().map(|countable| count::count(db, countable, &empty, stated));
            let schema = maker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            schema.map(|schema| (schema, statistics.unwrap_or_default()))
        })
    };
    db.of_one_moment(read).map_err(|source| AuditError::Read { what: "the schema".to_owned(), source })
}

fn version(db: &SqliteDb) -> Result<Version, SqlError> {
    let mut text = String::new();
    db.each_row("SELECT sqlite_version()", &[], |row| {
        text = string(row.get(0));
        Ok::<_, SqlError>(ControlFlow::Break(()))
    })?;
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    Ok(Version(next(), next(), next()))
}

/// The rows of `sqlite_stat1` by table and index, names in lower case: without an index where a table has none.
type Stated = BTreeMap<(String, Option<String>), Vec<u64>>;

fn stated(db: &SqliteDb) -> Result<Stated, SqlError> {
    let mut stated = BTreeMap::new();
    db.each_row("SELECT tbl, idx, stat FROM main.sqlite_stat1", &[], |row| {
        let index = match row.get(1) {
            SqlValue::Null => None,
            other => Some(string(other).to_ascii_lowercase()),
        };
        let stat = string(row.get(2));
        let mut numbers: Vec<u64> = stat.split(' ').map_while(|number| number.parse().ok()).collect();
        if stat.split(' ').any(|word| word.starts_with("noskipscan")) {
            // the rows are known all the same
            numbers.truncate(1);
        }
        stated.insert((string(row.get(0)).to_ascii_lowercase(), index), numbers);
        Ok::<_, SqlError>(ControlFlow::Continue(()))
    })?;
    Ok(stated)
}

/// Tells indexes what `sqlite_stat1` says of them. That of a `WITHOUT ROWID` table's own tree goes by the table's name.
fn state(schema: &mut Schema, stated: &Stated) {
    if stated.is_empty() {
        return;
    }
    for table in &mut schema.tables {
        let name = table.name.to_ascii_lowercase();
        for index in &mut table.indexes {
            let own = if index.method == Method::Primary { name.clone() } else { index.name.to_ascii_lowercase() };
            let numbers = stated.get(&(name.clone(), Some(own)));
            index.rows_alike = numbers.filter(|numbers| numbers.len() > 1).cloned().unwrap_or_default();
        }
    }
}

fn string(value: SqlValue<'_>) -> String {
    match value {
        SqlValue::Text(bytes) | SqlValue::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        SqlValue::Integer(number) => number.to_string(),
        SqlValue::Real(number) => number.to_string(),
        SqlValue::Null => String::new(),
    }
}

#[cfg(test)]
mod tests;
