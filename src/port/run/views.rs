//! Views, run on both sides: the same number of rows, and the same values in them.
//!
//! A view's columns have no declared types in SQLite, so values are compared as they read, each side brought to one
//! spelling: numbers by value to 12 digits (sums of floats depend on the order of their rows), truth values as 0 and 1,
//! times without trailing zeros, JSON by value.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_128;

use super::planning::Planned;
use crate::Dialect;
use crate::db::{BulkDb, ErrorClass, SqlError, SqliteDb, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::error::PortError;
use crate::port::plan::{Finding, Level, ViewPlan};
use crate::port::report::{ObjectReport, ObjectState, Report};
use crate::value::{Checksum, SqlValue};
use crate::words::counted;

/// How many rows are fetched at once.
const FETCHED: usize = 2000;

/// The parts that rows are dealt into by their hashes. What is held of a view is a checksum for each, and the rows of
/// the few parts that differ.
const PARTS: usize = 4096;

/// The parts in which rows that differ are looked for.
const LOOKED_AT: usize = 8;

/// Runs every view of the plan on both sides, and says of each how that came out.
pub(super) fn compare(
    planned: &Planned,
    reader: &SqliteDb,
    control: &mut BulkDb,
    interrupt: &Interrupt,
    report: &mut Report,
) -> Result<(), PortError> {
    let plan = &planned.plan;
    let made = plan.views.iter().map(|view| (view, "was made"));
    for (view, word) in made.chain(plan.views_there.iter().map(|view| (view, "is in the target already"))) {
        let (problem, rows) = one(view, &plan.target_schema, reader, control, interrupt)?;
        let object = report.objects.iter_mut().find(|object| object.kind == "view" && object.name == view.source);
        let remark = match &problem {
            None => format!("{}, the same on both sides", counted(rows, "row")),
            Some(problem) => problem.clone(),
        };
        match object {
            Some(object) if problem.is_none() => object.remark = remark,
            Some(object) => (object.state, object.remark) = (ObjectState::Different, remark),
            None => report.objects.push(ObjectReport {
                kind: "view".to_owned(),
                table: None,
                name: view.source.clone(),
                state: if problem.is_none() { ObjectState::Same } else { ObjectState::Different },
                remark,
            }),
        }
        if let Some(problem) = problem {
            report.findings.push(Finding {
                code: "view-differs".to_owned(),
                level: Level::LeftOut,
                object: Some(view.source.clone()),
                message: format!(
                    "the view `{}` {word}, and does not give what it gives in SQLite: {problem}",
                    view.source
                ),
                choices: vec!["write it by hand".to_owned(), format!("--accept view-differs:{}", view.source)],
                ..Finding::default()
            });
        }
    }
    Ok(())
}

/// What is not the same in a view, and how many rows it has.
fn one(
    view: &ViewPlan,
    schema: &str,
    reader: &SqliteDb,
    control: &mut BulkDb,
    interrupt: &Interrupt,
) -> Result<(Option<String>, u64), PortError> {
    let (mut ours, mut theirs) = (Parts::new(), Parts::new());
    let refused = |error: SqlError| Ok((Some(format!("PostgreSQL can't run it: {error}")), 0));
    let types = match types(view, schema, control) {
        Ok(types) => types,
        Err(error) => return refused(error),
    };
    let types = types.as_slice();
    // SQLite itself may not be able to run it (a view over a table that is gone)
    if let Err(error) = source_rows(view, types, reader, interrupt, |row| ours.add(&row))? {
        return Ok((Some(format!("SQLite can't run it: {}", error.message)), 0));
    }
    if let Err(error) = target_rows(view, types, schema, control, interrupt, |row| theirs.add(&row))? {
        return refused(error);
    }
    let rows = ours.rows();
    if rows != theirs.rows() {
        return Ok((Some(format!("{rows} rows in SQLite, {} in PostgreSQL", theirs.rows())), rows));
    }
    let differing: Vec<usize> = (0..PARTS).filter(|part| ours.0[*part] != theirs.0[*part]).collect();
    if differing.is_empty() {
        return Ok((None, rows));
    }
    let looked_at = &differing[..differing.len().min(LOOKED_AT)];
    let (mut source, mut target) = (Rows::new(), Rows::new());
    let keep = |rows: &mut Rows, row: String| {
        if looked_at.contains(&part_of(xxh3_128(row.as_bytes()))) {
            *rows.entry(row).or_default() += 1;
        }
    };
    if let Err(error) = source_rows(view, types, reader, interrupt, |row| keep(&mut source, row))? {
        return Err(PortError::source(format!("the view `{}`", view.source), error));
    }
    if let Err(error) = target_rows(view, types, schema, control, interrupt, |row| keep(&mut target, row))? {
        return refused(error);
    }
    let more = if differing.len() > looked_at.len() { "at least " } else { "" };
    Ok((Some(format!("{more}{}", difference(&source, &target, rows))), rows))
}

/// Checksums of rows, one for each part.
struct Parts(Vec<Checksum>);

fn part_of(hash: u128) -> usize {
    usize::try_from(hash % PARTS as u128).unwrap_or_default()
}

impl Parts {
    fn new() -> Self {
        Self(vec![Checksum::default(); PARTS])
    }

    fn add(&mut self, row: &str) {
        let hash = xxh3_128(row.as_bytes());
        self.0[part_of(hash)].add(hash);
    }

    fn rows(&self) -> u64 {
        self.0.iter().map(|part| part.rows).sum()
    }
}

/// How often each row comes, rows spelled alike on both sides.
type Rows = HashMap<String, u64>;

/// Rows that are not on both sides as often.
fn difference(source: &Rows, target: &Rows, rows: u64) -> String {
    let only = |these: &Rows, those: &Rows| -> Vec<String> {
        let only = these.iter().filter(|(row, n)| those.get(*row) != Some(n));
        let mut only: Vec<String> = only.map(|(row, _)| row.clone()).collect();
        only.sort();
        only
    };
    let shown = |row: Option<&String>| {
        row.map(|row| {
            row.trim_end_matches(SEPARATOR)
                .replace(SEPARATOR, ", ")
                .replace(NULL, "NULL")
                .chars()
                .take(200)
                .collect::<String>()
        })
        .unwrap_or_default()
    };
    let (ours, theirs) = (only(source, target), only(target, source));
    format!(
        "{} of {rows} rows differ: SQLite ({}), PostgreSQL ({})",
        ours.len().max(theirs.len()),
        shown(ours.first()),
        shown(theirs.first())
    )
}

/// What stands between the cells of a row.
const SEPARATOR: char = '\u{1f}';

/// What stands for NULL, which no text of PostgreSQL's can be.
const NULL: &str = "\0NULL";

fn joined(cells: impl Iterator<Item = String>) -> String {
    let mut row = String::new();
    for cell in cells {
        row.push_str(&cell);
        row.push(SEPARATOR);
    }
    row
}

/// The outer error is a request to stop, the inner one the view's own.
fn source_rows(
    view: &ViewPlan,
    types: &[String],
    reader: &SqliteDb,
    interrupt: &Interrupt,
    mut each: impl FnMut(String),
) -> Result<Result<(), SqlError>, PortError> {
    let sql = format!("SELECT * FROM main.{}", Dialect::Sqlite.quote_identifier(&view.source));
    let read = reader.each_row::<SqlError>(&sql, &[], |row| {
        if interrupt.is_set() {
            return Ok(ControlFlow::Break(()));
        }
        each(joined((0..view.columns.len()).map(|at| match row.get(at) {
            SqlValue::Null => NULL.to_owned(),
            SqlValue::Integer(integer) => number(&integer.to_string()).unwrap_or_default(),
            SqlValue::Real(real) => number(&format!("{real:?}")).unwrap_or_default(),
            SqlValue::Text(text) => {
                let text = String::from_utf8_lossy(text);
                // what is a boolean in PostgreSQL may be a word in SQLite
                match types.get(at).filter(|pg_type| *pg_type == "boolean").and_then(|_| truth(&text)) {
                    Some(truth) => number(truth).unwrap_or_default(),
                    None => text_cell(&text),
                }
            }
            SqlValue::Blob(blob) => crate::words::hex(blob),
        })));
        Ok(ControlFlow::Continue(()))
    });
    if interrupt.is_set() { Err(PortError::Interrupted) } else { Ok(read) }
}

/// The outer error is of the connection, the inner one the view's own.
fn target_rows(
    view: &ViewPlan,
    types: &[String],
    schema: &str,
    db: &mut BulkDb,
    interrupt: &Interrupt,
    each: impl FnMut(String),
) -> Result<Result<(), SqlError>, PortError> {
    let read = fetch(view, types, schema, db, interrupt, each);
    let ended = db.execute(if read.is_ok() { "COMMIT" } else { "ROLLBACK" });
    if interrupt.is_set() {
        return Err(PortError::Interrupted);
    }
    match read.and(ended) {
        Err(error) if error.class == ErrorClass::ConnectionLost => {
            Err(PortError::target(format!("run the view `{}`", view.target), error))
        }
        other => Ok(other),
    }
}

/// The types of the view's columns in PostgreSQL, in their order.
fn types(view: &ViewPlan, schema: &str, db: &mut BulkDb) -> Result<Vec<String>, SqlError> {
    let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
    let name = format!("{}.{}", quote(schema), quote(&view.target));
    let types = db.query(&format!(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0",
        Dialect::Postgres.literal(&name)
    ))?;
    let types: BTreeMap<String, String> = types
        .into_iter()
        .filter_map(|row| match <[Option<String>; 2]>::try_from(row) {
            Ok([Some(column), Some(pg_type)]) => Some((column, pg_type)),
            _ => None,
        })
        .collect();
    Ok(view.columns.iter().map(|column| types.get(column).cloned().unwrap_or_default()).collect())
}

/// Leaves a transaction open.
fn fetch(
    view: &ViewPlan,
    types: &[String],
    schema: &str,
    db: &mut BulkDb,
    interrupt: &Interrupt,
    mut each: impl FnMut(String),
) -> Result<(), SqlError> {
    let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
    let name = format!("{}.{}", quote(schema), quote(&view.target));
    let columns: Vec<String> = view.columns.iter().map(|column| quote(column)).collect();
    db.execute(&format!(
        "BEGIN; SET LOCAL cursor_tuple_fraction = 1; DECLARE liftlock_view NO SCROLL CURSOR FOR SELECT {} FROM {name}",
        columns.join(", ")
    ))?;
    while !interrupt.is_set() {
        let rows = db.query(&format!("FETCH {FETCHED} FROM liftlock_view"))?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            each(joined(row.into_iter().zip(types).map(|(cell, pg_type)| {
                let Some(cell) = cell else { return NULL.to_owned() };
                match pg_type.as_str() {
                    "boolean" => number(if cell == "t" { "1" } else { "0" }).unwrap_or_default(),
                    "bytea" => cell.strip_prefix("\\x").unwrap_or(&cell).to_owned(),
                    _ => text_cell(&cell),
                }
            })));
        }
    }
    Ok(())
}

/// A word for a truth value, as PostgreSQL reads it
/// (<https://www.postgresql.org/docs/current/datatype-boolean.html>): 0 or 1.
fn truth(word: &str) -> Option<&'static str> {
    match word.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some("1"),
        "f" | "false" | "n" | "no" | "off" | "0" => Some("0"),
        _ => None,
    }
}

/// Text as both sides spell it: a number by value, JSON by value, a time without what one side leaves out.
fn text_cell(text: &str) -> String {
    if let Some(number) = number(text) {
        return number;
    }
    if text.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
    {
        let mut value = value;
        value.sort_all_objects();
        return value.to_string();
    }
    let bytes = text.as_bytes();
    let is_time = bytes.len() >= 16 && bytes[4] == b'-' && bytes[7] == b'-' && matches!(bytes[10], b' ' | b'T');
    if is_time && text.is_ascii() {
        let mut time = text.replacen('T', " ", 1);
        if time.contains('.') {
            time.truncate(time.trim_end_matches('0').trim_end_matches('.').len());
        }
        if time.len() == 16 {
            time.push_str(":00");
        }
        // a date among times is its midnight
        return time.strip_suffix(" 00:00:00").map_or_else(|| time.clone(), str::to_owned);
    }
    text.to_owned()
}

fn number(text: &str) -> Option<String> {
    let looks = text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && text.len() < 400;
    let value: f64 = if looks { text.parse().ok()? } else { return None };
    // an integer beyond what a float holds is told apart by its digits
    if let Ok(integer) = text.parse::<i128>()
        && integer.unsigned_abs() > 1 << 53
    {
        return Some(integer.to_string());
    }
    let value = if value == 0.0 { 0.0 } else { value };
    let rounded: f64 = format!("{value:.11e}").parse().ok()?;
    Some(rounded.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_either_side_spells_in_its_own_way_reads_alike() {
        for (sqlite, postgres) in [
            ("2024-01-02", "2024-01-02 00:00:00"),
            ("2024-01-02T03:04", "2024-01-02 03:04:00"),
            ("2024-01-02 03:04:05.500", "2024-01-02 03:04:05.5"),
            ("0.30000000000000004", "0.3"),
            ("1.0", "1"),
            ("-0.0", "0"),
            (r#"{"b":1,"a":[2]}"#, r#"{"a": [2], "b": 1}"#),
        ] {
            assert_eq!(text_cell(sqlite), text_cell(postgres), "{sqlite} {postgres}");
        }
    }

    #[test]
    fn a_null_is_no_text() {
        assert_ne!(text_cell("NULL"), NULL);
    }

    #[test]
    fn what_differs_reads_differently() {
        for (one, other) in [
            ("9007199254740993", "9007199254740992"),
            ("2024-01-02", "2024-01-02 00:00:01"),
            ("a", "A"),
            ("", "NULL"),
            ("007", "7a"),
            ("0.3", "0.30001"),
        ] {
            assert_ne!(text_cell(one), text_cell(other), "{one} {other}");
        }
    }
}
