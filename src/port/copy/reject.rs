//! Rows that can't be stored: put aside one by one, so that they take no others with them.

use std::ops::ControlFlow;

use super::load::{COUNT, Failure, Loaded};
use super::{CopySettings, TableJob, Worker};
use crate::Dialect;
use crate::db::{BulkDb, ErrorClass, Row, SqlError, Statements as _};
use crate::port::batch::KeyValue;
use crate::port::checkpoint;
use crate::port::error::PortError;
use crate::port::row::{BadCell, Fields, Scratch};
use crate::port::scan::show;
use crate::port::verify::InPlace;
use crate::value::SqlValue;
use crate::words::hex;

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
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Quarantined {
    /// The table in SQLite.
    pub table: String,
    /// Its key: `rowid 17`.
    pub key: String,
    /// Why.
    pub reason: String,
    /// All its values as a JSON object, each with its storage class (docs/json.md).
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

/// How many bytes of rows are sent at once where each may be refused.
const AT_ONCE: usize = 4 << 20;

/// A row that is sent, and that may be refused.
struct Sent {
    wire: Vec<u8>,
    hash: u128,
    aside: Quarantined,
}

/// Sends the rows of a batch that the server has refused again, some at a time, and those in halves, until every row
/// that it refuses is found.
pub(super) fn one_by_one(
    job: &TableJob,
    number: usize,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<Loaded, Failure> {
    let mut loaded = Loaded::new(job);
    let mut in_place = InPlace::new(&job.codec, job.bounds.as_ref(), number);
    let mut rows: Vec<Sent> = Vec::new();
    let mut bytes = 0;
    let mut scratch = Scratch::default();
    let (sql, values_of_key) = job.codec.select(&job.batches[number]);
    let Worker { reader, bulk } = worker;
    reader.each_row::<Failure>(&sql, &values_of_key, |row| {
        let mut wire = Vec::new();
        match job.codec.encode(row, &mut wire, &mut scratch) {
            Ok(hash) => {
                in_place.see(&wire[COUNT..], Fields::Sent);
                let (reason, values) = (String::new(), values(job, row));
                bytes += wire.len() + values.len();
                let aside = Quarantined { table: job.source.clone(), key: key(job, row), reason, values };
                rows.push(Sent { wire, hash, aside });
            }
            Err(bad) => loaded.quarantined.push(quarantined(job, row, bad))?,
        }
        if bytes >= AT_ONCE {
            bytes = 0;
            in_halves(job, std::mem::take(&mut rows), bulk, settings, &mut loaded)?;
        }
        if settings.interrupt.is_set() {
            return Err(Failure::Other(PortError::Interrupted));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    in_halves(job, rows, bulk, settings, &mut loaded)?;
    loaded.in_place = in_place.so_far;
    Ok(loaded)
}

fn in_halves(
    job: &TableJob,
    rows: Vec<Sent>,
    bulk: &mut BulkDb,
    settings: &CopySettings<'_>,
    loaded: &mut Loaded,
) -> Result<(), Failure> {
    let statement = job.codec.copy_in("");
    let mut parts = vec![(0, rows.len())];
    while let Some((from, to)) = parts.pop() {
        if from == to {
            continue;
        }
        if settings.interrupt.is_set() {
            return Err(Failure::Other(PortError::Interrupted));
        }
        bulk.execute("SAVEPOINT liftlock_part").map_err(Failure::Target)?;
        let sent: Vec<u8> = rows[from..to].iter().flat_map(|row| &row.wire).copied().collect();
        let bytes = sent.len() as u64;
        match bulk.copy_in::<SqlError>(&statement, |copy| copy.send(sent)) {
            Ok(stored) if stored == (to - from) as u64 => {
                bulk.execute("RELEASE SAVEPOINT liftlock_part").map_err(Failure::Target)?;
                rows[from..to].iter().for_each(|row| loaded.sums.add(row.hash));
                loaded.bytes += bytes;
            }
            Ok(stored) => {
                let sent = (to - from) as u64;
                return Err(Failure::Other(PortError::RowsLost { table: job.source.clone(), sent, stored }));
            }
            Err(error) if is_about_data(&error) => {
                bulk.execute("ROLLBACK TO SAVEPOINT liftlock_part").map_err(Failure::Target)?;
                if to - from == 1 {
                    let reason = format!("the server refuses it: {}", error.message);
                    loaded.quarantined.push(Quarantined { reason, ..rows[from].aside.clone() })?;
                    loaded.refused.push(rows[from].hash);
                } else {
                    let middle = from + (to - from) / 2;
                    parts.push((middle, to));
                    parts.push((from, middle));
                }
            }
            Err(error) => return Err(Failure::Target(error)),
        }
    }
    Ok(())
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

/// Hands each row that was put aside in this schema to `each`: in this run or in the one that it goes on with
/// (`resumed`). Those of runs before are none of either's.
pub(crate) fn read(
    db: &mut BulkDb,
    schema: &str,
    resumed: bool,
    mut each: impl FnMut(Quarantined),
) -> Result<(), PortError> {
    let since = match resumed {
        true => format!("WHERE put_aside >= (SELECT min(began) FROM {schema}.{}) ", checkpoint::TABLES[0]),
        false => String::new(),
    };
    // keys of whole numbers by what they are: as text 10 goes before 9
    let numbers = r"CASE WHEN row_key ~ '^(rowid -?[0-9]+|key \(-?[0-9]+(, -?[0-9]+)*\))$' THEN
        string_to_array(regexp_replace(row_key, '[^-0-9,]', '', 'g'), ',')::numeric[] END";
    let sql = format!(
        "COPY (SELECT table_name, row_key, reason, row::text FROM {schema}.{TABLE} {since}\
         ORDER BY table_name COLLATE \"C\", {numbers}, row_key COLLATE \"C\", put_aside) TO STDOUT (FORMAT binary)"
    );
    let read = db.copy_out::<SqlError>(&sql, |fields| {
        let mut rest = fields;
        let mut next = || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (text, after) = after.split_at_checked(usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
            rest = after;
            Some(String::from_utf8_lossy(text).into_owned())
        };
        if let (Some(table), Some(key), Some(reason), Some(values)) = (next(), next(), next(), next()) {
            each(Quarantined { table, key, reason, values });
        }
        Ok(())
    });
    match read {
        Err(error) if error.class != ErrorClass::Missing => {
            Err(PortError::target("read the rows that were put aside", error))
        }
        _ => Ok(()),
    }
}

/// The SQL that puts rows aside.
pub(super) fn sql(schema: &str, rows: &[Quarantined]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let literal = |text: &str| Dialect::Postgres.literal(&text.replace('\0', "\u{2400}"));
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            let [table, key, reason, values] =
                [&row.table, &row.key, &row.reason, &row.values].map(|text| literal(text));
            format!("({table}, {key}, {reason}, {values})")
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

fn values(job: &TableJob, row: &Row<'_>) -> String {
    let cells = job
        .codec
        .column_names()
        .enumerate()
        .map(|(at, name)| format!("{}:{}", serde_json::Value::from(name), json(row.get(at))));
    format!("{{{}}}", cells.collect::<Vec<_>>().join(","))
}

/// A value as JSON that says its storage class, and that `jsonb` does not change: a number with a point is REAL, one
/// without is INTEGER, a string is TEXT; an object says what can't be so.
fn json(value: SqlValue<'_>) -> String {
    let object = |class: &str, is: &str| format!("{{\"{class}\":\"{is}\"}}");
    match value {
        SqlValue::Null => "null".to_owned(),
        SqlValue::Integer(integer) => integer.to_string(),
        SqlValue::Real(real) if real.is_nan() => object("real", "NaN"),
        SqlValue::Real(real) if real.is_infinite() => object("real", if real > 0.0 { "Infinity" } else { "-Infinity" }),
        // `jsonb` has no sign of nought
        SqlValue::Real(real) if real == 0.0 && real.is_sign_negative() => object("real", "-0.0"),
        SqlValue::Real(real) => {
            // no exponent, which `jsonb` would resolve to digits without a point
            let digits = real.to_string();
            if digits.contains('.') { digits } else { format!("{digits}.0") }
        }
        SqlValue::Text(text) => match std::str::from_utf8(text) {
            // jsonb holds every text but one with a NUL
            Ok(text) if !text.contains('\0') => serde_json::Value::from(text).to_string(),
            _ => object("text", &hex(text)),
        },
        SqlValue::Blob(blob) => object("blob", &hex(blob)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_says_its_storage_class() {
        for (value, expected) in [
            (SqlValue::Null, "null"),
            (SqlValue::Integer(i64::MIN), "-9223372036854775808"),
            (SqlValue::Real(5.0), "5.0"),
            (SqlValue::Real(-0.1), "-0.1"),
            (SqlValue::Real(0.0), "0.0"),
            (SqlValue::Real(-0.0), r#"{"real":"-0.0"}"#),
            (SqlValue::Real(1e18), "1000000000000000000.0"),
            (SqlValue::Real(f64::INFINITY), r#"{"real":"Infinity"}"#),
            (SqlValue::Real(f64::NEG_INFINITY), r#"{"real":"-Infinity"}"#),
            (SqlValue::Text(b"5"), r#""5""#),
            (SqlValue::Text(b"{\"blob\":\"00\"}"), r#""{\"blob\":\"00\"}""#),
            (SqlValue::Text(b"a\0b"), r#"{"text":"610062"}"#),
            (SqlValue::Text(b"\xff"), r#"{"text":"ff"}"#),
            (SqlValue::Blob(b"a\0b"), r#"{"blob":"610062"}"#),
            (SqlValue::Blob(b""), r#"{"blob":""}"#),
        ] {
            assert_eq!(json(value), expected);
        }
        for real in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1 + 0.2] {
            assert_eq!(json(SqlValue::Real(real)).parse(), Ok(real));
        }
    }
}
