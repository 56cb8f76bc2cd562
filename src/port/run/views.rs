//! Views, run on both sides: the same number of rows, and the same values in them.
//!
//! A view's columns have no declared types in SQLite, so values are compared as they read, each side brought to one
//! spelling: numbers by value to 12 digits (sums of floats depend on the order of their rows), truth values as 0 and 1,
//! times without trailing zeros, JSON by value.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::planning::Planned;
use crate::Dialect;
use crate::db::{BulkDb, SqlError, SqliteDb, Statements as _};
use crate::port::error::PortError;
use crate::port::plan::{Finding, Level, ViewPlan};
use crate::port::report::{ObjectReport, ObjectState, Report};
use crate::value::SqlValue;

/// Runs every view of the plan on both sides, and says of each how that came out.
pub(super) fn compare(
    planned: &Planned,
    reader: &SqliteDb,
    control: &mut BulkDb,
    report: &mut Report,
) -> Result<(), PortError> {
    for view in &planned.plan.views {
        let source = source_rows(view, reader);
        let target = target_rows(view, &planned.plan.target_schema, control)?;
        let (problem, rows) = match (source, target) {
            // SQLite itself can't run it (a view over a table that is gone)
            (Err(error), _) => (Some(format!("SQLite can't run it: {}", error.message)), 0),
            (_, Err(error)) => (Some(format!("PostgreSQL can't run it: {error}")), 0),
            (Ok(source), Ok(target)) => difference(&source, &target),
        };
        let object = report.objects.iter_mut().find(|object| object.kind == "view" && object.name == view.target);
        let remark = match &problem {
            None => format!("{rows} rows, the same on both sides"),
            Some(problem) => problem.clone(),
        };
        match object {
            Some(object) if problem.is_none() => object.remark = remark,
            Some(object) => (object.state, object.remark) = (ObjectState::Different, remark),
            None => report.objects.push(ObjectReport {
                kind: "view".to_owned(),
                table: None,
                name: view.target.clone(),
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
                    "the view `{}` was made, and does not give what it gives in SQLite: {problem}",
                    view.source
                ),
                choices: vec!["write it by hand".to_owned(), format!("--accept view-differs:{}", view.source)],
                ..Finding::default()
            });
        }
    }
    Ok(())
}

/// How often each row comes, rows spelled alike on both sides.
type Rows = HashMap<String, u64>;

fn difference(source: &Rows, target: &Rows) -> (Option<String>, u64) {
    let count = |rows: &Rows| rows.values().sum::<u64>();
    let (ours, theirs) = (count(source), count(target));
    if ours != theirs {
        return (Some(format!("{ours} rows in SQLite, {theirs} in PostgreSQL")), ours);
    }
    let mut only: Vec<&String> =
        source.iter().filter(|(row, n)| target.get(*row) != Some(n)).map(|(row, _)| row).collect();
    only.sort();
    match only.first() {
        None => (None, ours),
        Some(row) => {
            let mut theirs: Vec<&String> =
                target.iter().filter(|(row, n)| source.get(*row) != Some(n)).map(|(row, _)| row).collect();
            theirs.sort();
            let shown = |row: &str| row.replace('\u{1f}', ", ").chars().take(200).collect::<String>();
            let theirs = theirs.first().map(|row| shown(row)).unwrap_or_default();
            (
                Some(format!("{} of {ours} rows differ: SQLite ({}), PostgreSQL ({theirs})", only.len(), shown(row))),
                ours,
            )
        }
    }
}

fn source_rows(view: &ViewPlan, reader: &SqliteDb) -> Result<Rows, SqlError> {
    let mut rows = Rows::new();
    let sql = format!("SELECT * FROM main.{}", Dialect::Sqlite.quote_identifier(&view.source));
    reader.each_row::<SqlError>(&sql, &[], |row| {
        let cells = (0..view.columns.len()).map(|at| match row.get(at) {
            SqlValue::Null => "NULL".to_owned(),
            SqlValue::Integer(integer) => number(&integer.to_string()).unwrap_or_default(),
            SqlValue::Real(real) => number(&format!("{real:?}")).unwrap_or_default(),
            SqlValue::Text(text) => text_cell(&String::from_utf8_lossy(text)),
            SqlValue::Blob(blob) => blob.iter().map(|byte| format!("{byte:02x}")).collect(),
        });
        let row = cells.collect::<Vec<_>>().join("\u{1f}");
        *rows.entry(row).or_default() += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(rows)
}

/// The outer error is of the connection, the inner one the view's own.
fn target_rows(view: &ViewPlan, schema: &str, db: &mut BulkDb) -> Result<Result<Rows, SqlError>, PortError> {
    let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
    let name = format!("{}.{}", quote(schema), quote(&view.target));
    let types = db.query(&format!(
        "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 ORDER BY attnum",
        Dialect::Postgres.literal(&name)
    ));
    let types: Vec<String> = match types {
        Ok(types) => types.into_iter().flatten().flatten().collect(),
        Err(error) => return Ok(Err(error)),
    };
    let answer = match db.query(&format!("SELECT * FROM {name}")) {
        Ok(answer) => answer,
        Err(error) if error.class == crate::db::ErrorClass::ConnectionLost => {
            return Err(PortError::target(format!("run the view `{}`", view.target), error));
        }
        Err(error) => return Ok(Err(error)),
    };
    let mut rows = Rows::new();
    for row in answer {
        let cells = row.into_iter().zip(&types).map(|(cell, pg_type)| {
            let Some(cell) = cell else { return "NULL".to_owned() };
            match pg_type.as_str() {
                "boolean" => number(if cell == "t" { "1" } else { "0" }).unwrap_or_default(),
                "bytea" => cell.strip_prefix("\\x").unwrap_or(&cell).to_owned(),
                _ => text_cell(&cell),
            }
        });
        let row = cells.collect::<Vec<_>>().join("\u{1f}");
        *rows.entry(row).or_default() += 1;
    }
    Ok(Ok(rows))
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
