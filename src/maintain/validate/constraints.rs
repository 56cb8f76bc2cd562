//! PostgreSQL's CHECKs and foreign keys: those that were never validated, and with `--deep` those that were.

use super::super::MaintainError;
use super::super::ask::{apart, flag, number, option, text};
use super::{Finding, Findings, ValidateOptions};
use crate::Dialect;
use crate::db::{ErrorClass, PostgresDb, TextRow};

const NOT_VALID: &str = "not_valid_constraints";
const VALID: &str = "valid_constraints";

/// A constraint, and how its violations are counted.
struct Constraint {
    table: String,
    name: String,
    valid: bool,
    violations: String,
    readable: bool,
    filtered: bool,
}

pub(super) fn check(
    db: &mut PostgresDb,
    server: u32,
    options: ValidateOptions,
    found: &mut Findings,
) -> Result<(), MaintainError> {
    // what is not enforced (PostgreSQL 18) promises nothing
    let enforced = if server >= 180_000 { "k.conenforced" } else { "true" };
    let asked = include_str!("constraints.sql").replace(":enforced", enforced);
    let listed = apart(db, &asked).map_err(MaintainError::sql("read the constraints"))?;
    let constraints: Vec<Constraint> = listed.iter().map(constraint).collect();
    let (valid, not_valid): (Vec<_>, Vec<_>) = constraints.into_iter().partition(|constraint| constraint.valid);
    let findings = look(db, &not_valid, found)?;
    found.checked(NOT_VALID, not_valid.len(), findings);
    if options.deep {
        let findings = look(db, &valid, found)?;
        found.checked(VALID, valid.len(), findings);
    }
    Ok(())
}

/// Counts the violations of each.
fn look(db: &mut PostgresDb, constraints: &[Constraint], found: &mut Findings) -> Result<Vec<Finding>, MaintainError> {
    let mut findings = Vec::new();
    for constraint in constraints {
        let rows = count(db, constraint, found)?;
        if constraint.valid && rows.unwrap_or_default() == 0 {
            continue;
        }
        findings.push(finding(constraint, rows));
    }
    Ok(findings)
}

/// `None` where it can't be counted, which is noted.
fn count(db: &mut PostgresDb, constraint: &Constraint, found: &mut Findings) -> Result<Option<u64>, MaintainError> {
    let what = format!("`{}` of {}", constraint.name, constraint.table);
    if !constraint.readable || constraint.filtered {
        let why =
            if constraint.readable { "row-level security hides rows from" } else { "the tables can't be read by" };
        found.notes.push(format!("{what} is not counted: {why} this role"));
        return Ok(None);
    }
    match apart(db, &constraint.violations) {
        Ok(rows) => Ok(rows.first().and_then(|row| number(row, 0))),
        Err(error) if matches!(error.class, ErrorClass::Cancelled | ErrorClass::ConnectionLost) => {
            Err(MaintainError::sql(format!("count the violations of {what}"))(error))
        }
        // a table that is locked, or a function of a CHECK's that fails: the other constraints are still looked at
        Err(error) => {
            found.notes.push(format!("{what} is not counted: {error}"));
            Ok(None)
        }
    }
}

fn finding(constraint: &Constraint, rows: Option<u64>) -> Finding {
    let Constraint { table, name, valid, violations, .. } = constraint;
    let quoted = Dialect::Postgres.quote_identifier(name);
    let validate = format!("`ALTER TABLE {table} VALIDATE CONSTRAINT {quoted};`");
    let row = |count: u64| if count == 1 { "1 row violates it".to_owned() } else { format!("{count} rows violate it") };
    let listing = violations.replacen("count(*)", "*", 1);
    let (message, remedy) = match rows {
        Some(0) => ("it is NOT VALID, and no row violates it".to_owned(), validate),
        Some(count) if *valid => (
            format!("it is marked valid, and {}", row(count)),
            format!("mend the rows that `{listing}` lists; find what wrote them past the constraint"),
        ),
        Some(count) => (
            format!("it is NOT VALID, and {}", row(count)),
            format!("mend the rows that `{listing}` lists, then {validate}"),
        ),
        None => ("it is NOT VALID, and its rows were not looked at".to_owned(), validate),
    };
    Finding {
        check: if *valid { VALID } else { NOT_VALID },
        subject: format!("{table}.{quoted}"),
        message,
        remedy,
        rows,
    }
}

fn constraint(row: &TextRow) -> Constraint {
    let quote = |schema: &str, name: &str| {
        let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
        format!("{}.{}", quote(schema), quote(name))
    };
    let table = quote(&text(row, 0), &text(row, 1));
    // rows of heirs and partitions have CHECKs of their own; a partitioned table's foreign key is that of all its rows
    let only = |kind: &str| if kind == "p" { "" } else { "ONLY " };
    let violations = match option(row, 5) {
        Some(expression) => format!("SELECT count(*) FROM ONLY {table} WHERE NOT ({expression})"),
        None => {
            let (child, parent) = (only(&text(row, 9)), only(&text(row, 10)));
            dangling(row, &format!("{child}{table}"), &format!("{parent}{}", quote(&text(row, 7), &text(row, 8))))
        }
    };
    Constraint {
        name: text(row, 2),
        valid: flag(row, 4),
        readable: flag(row, 14),
        filtered: flag(row, 15),
        violations,
        table,
    }
}

/// Counts rows without a parent. `MATCH SIMPLE` lets a row with any NULL go; `MATCH FULL` only one of nothing but NULLs.
fn dangling(row: &TextRow, child: &str, parent: &str) -> String {
    let lines = |at: usize| -> Vec<String> { text(row, at).lines().map(str::to_owned).collect() };
    let (columns, keys, operators) = (lines(11), lines(12), lines(13));
    let joined =
        |words: &dyn Fn(&String) -> String, with: &str| columns.iter().map(words).collect::<Vec<_>>().join(with);
    let pairs: Vec<String> = columns
        .iter()
        .zip(keys.iter().zip(&operators))
        .map(|(column, (key, operator))| format!("p.{key} {operator} c.{column}"))
        .collect();
    let missing = format!("NOT EXISTS (SELECT FROM {parent} p WHERE {})", pairs.join(" AND "));
    let condition = match text(row, 6).as_str() {
        "f" => format!("NOT ({}) AND {missing}", joined(&|column| format!("c.{column} IS NULL"), " AND ")),
        _ => format!("{} AND {missing}", joined(&|column| format!("c.{column} IS NOT NULL"), " AND ")),
    };
    format!("SELECT count(*) FROM {child} c WHERE {condition}")
}
