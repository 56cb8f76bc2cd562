//! Rows that can't be stored: put aside one by one, so that they take no others with them.

use std::ops::ControlFlow;

use super::load::{Failure, Loaded};
use super::{CopySettings, TableJob, Worker};
use crate::Dialect;
use crate::db::{BulkDb, ErrorClass, Row, SqlError, Statements as _};
use crate::port::batch::KeyValue;
use crate::port::checkpoint;
use crate::port::error::PortError;
use crate::port::row::{BadCell, Scratch};
use crate::port::scan::show;
use crate::value::SqlValue;

/// The table that takes rows put aside.
pub const TABLE: &str = "liftlock_quarantine";

/// What becomes of rows that can't be stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnError {
    /// The run stops at the first.
    #[default]
    Stop,
    /// They are put aside, into a table and a file, and the run ends with exit code 1.
    Quarantine,
}

/// A row that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Quarantined {
    /// The table in SQLite.
    pub table: String,
    /// Its key: `rowid 17`.
    pub key: String,
    /// Why.
    pub reason: String,
    /// All its values as a JSON object; blobs, and text that is no UTF-8, as `{"hex": "…"}`.
    pub values: String,
}

/// Whether it is the row's fault, not the statement's or the server's: SQLSTATE classes 22 and 23, and what a trigger
/// of the user's raises.
pub(in crate::port) fn is_about_data(error: &SqlError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    error.class != ErrorClass::ConnectionLost
        && (code.starts_with("22") || code.starts_with("23") || code == "P0001" || code == "54000")
}

/// The row as it is put aside.
pub(super) fn quarantined(job: &TableJob, row: &Row<'_>, bad: BadCell) -> Quarantined {
    let column = job.codec.column_names().nth(bad.column).unwrap_or_default();
    let reason = format!("column `{column}`: {}: {}", show(row.get(bad.column)), bad.misfit);
    Quarantined { table: job.source.clone(), key: key(job, row), reason, values: values(job, row) }
}

/// Sends the rows of a batch that the server has refused in halves, until every row that it refuses is found.
pub(super) fn one_by_one(
    job: &TableJob,
    number: usize,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<Loaded, Failure> {
    let mut loaded = Loaded::default();
    let mut rows: Vec<(Vec<u8>, u128, Quarantined)> = Vec::new();
    let mut scratch = Scratch::default();
    let (sql, values_of_key) = job.codec.select(&job.batches[number]);
    worker.reader.each_row::<Failure>(&sql, &values_of_key, |row| {
        let mut wire = Vec::new();
        match job.codec.encode(row, &mut wire, &mut scratch) {
            Ok(hash) => {
                let aside = Quarantined {
                    table: job.source.clone(),
                    key: key(job, row),
                    reason: String::new(),
                    values: values(job, row),
                };
                rows.push((wire, hash, aside));
            }
            Err(bad) => loaded.quarantined.push(quarantined(job, row, bad)),
        }
        if settings.interrupt.is_set() {
            return Err(Failure::Other(PortError::Interrupted));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let statement = job.codec.copy_in("");
    let mut parts = vec![(0, rows.len())];
    while let Some((from, to)) = parts.pop() {
        if from == to {
            continue;
        }
        if settings.interrupt.is_set() {
            return Err(Failure::Other(PortError::Interrupted));
        }
        worker.bulk.execute("SAVEPOINT liftlock_part").map_err(Failure::Target)?;
        let sent: Vec<u8> = rows[from..to].iter().flat_map(|(wire, ..)| wire).copied().collect();
        let bytes = sent.len() as u64;
        match worker.bulk.copy_in::<SqlError>(&statement, |copy| copy.send(sent)) {
            Ok(stored) if stored == (to - from) as u64 => {
                worker.bulk.execute("RELEASE SAVEPOINT liftlock_part").map_err(Failure::Target)?;
                rows[from..to].iter().for_each(|(_, hash, _)| loaded.checksum.add(*hash));
                loaded.bytes += bytes;
            }
            Ok(stored) => {
                let sent = (to - from) as u64;
                return Err(Failure::Other(PortError::RowsLost { table: job.source.clone(), sent, stored }));
            }
            Err(error) if is_about_data(&error) => {
                worker.bulk.execute("ROLLBACK TO SAVEPOINT liftlock_part").map_err(Failure::Target)?;
                if to - from == 1 {
                    let reason = format!("the server refuses it: {}", error.message);
                    loaded.quarantined.push(Quarantined { reason, ..rows[from].2.clone() });
                } else {
                    let middle = from + (to - from) / 2;
                    parts.push((middle, to));
                    parts.push((from, middle));
                }
            }
            Err(error) => return Err(Failure::Target(error)),
        }
    }
    Ok(loaded)
}

/// The SQL that makes the quarantine's table where it is not there.
pub(crate) fn make_sql(schema: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {schema}.{TABLE} (table_name text NOT NULL, row_key text NOT NULL, reason text NOT \
         NULL, row jsonb NOT NULL, put_aside timestamptz NOT NULL DEFAULT now());\n"
    )
}

/// The SQL that makes the quarantine's table, and empties it of an earlier run's rows of these tables.
pub(crate) fn table_sql<'a>(schema: &str, tables: impl Iterator<Item = &'a str>) -> String {
    let tables: Vec<String> = tables.map(|table| Dialect::Postgres.literal(table)).collect();
    format!(
        "{}DELETE FROM {schema}.{TABLE} WHERE table_name = ANY (ARRAY[{}]::text[]);\n",
        make_sql(schema),
        tables.join(", ")
    )
}

/// The rows that were put aside in this schema, in this run or in the one that it goes on with (`resumed`). Those of
/// runs before are none of either's.
pub(crate) fn read(db: &mut BulkDb, schema: &str, resumed: bool) -> Result<Vec<Quarantined>, PortError> {
    let since = match resumed {
        true => format!("WHERE put_aside >= (SELECT min(began) FROM {schema}.{}) ", checkpoint::TABLES[0]),
        false => String::new(),
    };
    let sql =
        format!("SELECT table_name, row_key, reason, row FROM {schema}.{TABLE} {since}ORDER BY put_aside, row_key");
    match db.query(&sql) {
        Ok(rows) => Ok(rows
            .into_iter()
            .filter_map(|row| match <[Option<String>; 4]>::try_from(row) {
                Ok([Some(table), Some(key), Some(reason), Some(values)]) => {
                    Some(Quarantined { table, key, reason, values })
                }
                _ => None,
            })
            .collect()),
        Err(error) if error.class == ErrorClass::Missing => Ok(Vec::new()),
        Err(error) => Err(PortError::target("read the rows that were put aside", error)),
    }
}

/// The SQL that puts rows aside.
pub(super) fn sql(schema: &str, table: &str, rows: &[Quarantined]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let literal = |text: &str| Dialect::Postgres.literal(&text.replace('\0', "\u{2400}"));
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            format!("({}, {}, {}, {})", literal(table), literal(&row.key), literal(&row.reason), literal(&row.values))
        })
        .collect();
    format!("INSERT INTO {schema}.{TABLE} (table_name, row_key, reason, row) VALUES\n{};\n", rows.join(",\n"))
}

fn key(job: &TableJob, row: &Row<'_>) -> String {
    show_key(&job.codec.key_of(row))
}

/// A key as a person reads it.
pub(crate) fn show_key(key: &[KeyValue]) -> String {
    match key {
        [] => "(without a key)".to_owned(),
        [KeyValue::Integer(rowid)] => format!("rowid {rowid}"),
        several => {
            let values: Vec<String> = several.iter().map(|value| show(value.value())).collect();
            format!("key ({})", values.join(", "))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn values(job: &TableJob, row: &Row<'_>) -> String {
    let mut object = serde_json::Map::new();
    for (at, name) in job.codec.column_names().enumerate() {
        let value = match row.get(at) {
            SqlValue::Null => serde_json::Value::Null,
            SqlValue::Integer(integer) => integer.into(),
            SqlValue::Real(real) => {
                serde_json::Number::from_f64(real).map_or_else(|| real.to_string().into(), serde_json::Value::Number)
            }
            SqlValue::Text(text) => match std::str::from_utf8(text) {
                // jsonb holds every text but one with a NUL
                Ok(text) if !text.contains('\0') => text.into(),
                _ => serde_json::json!({ "hex": hex(text) }),
            },
            SqlValue::Blob(blob) => serde_json::json!({ "hex": hex(blob) }),
        };
        object.insert(name.to_owned(), value);
    }
    serde_json::Value::Object(object).to_string()
}
