//! PostgreSQL's `EXPLAIN (FORMAT JSON)`, in a read-only transaction that is rolled back.

use std::time::Instant;

use serde_json::Value;

use super::super::ask::{number, text};
use super::{ExplainOptions, Explained, FullScan, MaintainError, PlanNode, Run, refused};
use crate::Dialect;
use crate::db::{PostgresDb, SqlError};

/// Before a statement is sent, so that the server reads its strings as they were read here.
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL standard_conforming_strings = on; SET LOCAL lock_timeout = '5s'";

/// Since this version a generic plan can be asked for.
const GENERIC_PLAN: u32 = 160_000;

/// The name of the prepared statement that older servers are asked with.
const PREPARED: &str = "liftlock_explain";

pub(super) fn explain(
    db: &mut PostgresDb,
    statement: &str,
    parameters: &[String],
    options: ExplainOptions,
) -> Result<Explained, MaintainError> {
    db.execute(BEGIN).map_err(MaintainError::sql("begin"))?;
    let explained = in_transaction(db, statement, parameters, options);
    // the error that is told is the first one
    let _ = db.execute("ROLLBACK");
    explained
}

fn in_transaction(
    db: &mut PostgresDb,
    statement: &str,
    parameters: &[String],
    options: ExplainOptions,
) -> Result<Explained, MaintainError> {
    let mut notes = Vec::new();
    let begun = Instant::now();
    let document = match (options.analyze, parameters.is_empty()) {
        (true, _) => ask(db, &format!("EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) {statement}")),
        (false, true) => ask(db, &format!("EXPLAIN (VERBOSE, FORMAT JSON) {statement}")),
        (false, false) => {
            notes.push("the plan is the one for parameters whose values are not known".to_owned());
            generic(db, statement, parameters)
        }
    };
    let elapsed = begun.elapsed();
    let document = document.map_err(|error| explained_badly(error, statement))?;
    let root = &document[0]["Plan"];
    if !root.is_object() {
        return Err(MaintainError::sql("explain it")(SqlError::other("the server's answer holds no plan")));
    }
    let mut scans = Vec::new();
    let plan = vec![node(root, &mut scans)];
    let full_scans = scans.into_iter().map(|(schema, table)| full_scan(db, &schema, &table)).collect();
    let run = options.analyze.then(|| Run {
        rows: plan[0].actual_rows.unwrap_or_default() as u64,
        ms: document[0]["Execution Time"].as_f64().unwrap_or(elapsed.as_secs_f64() * 1000.0),
        full_scan_steps: None,
        sorts: None,
        automatic_index_rows: None,
    });
    Ok((plan, full_scans, run, notes))
}

fn ask(db: &mut PostgresDb, sql: &str) -> Result<Value, SqlError> {
    let rows = db.query_each(sql)?.into_iter().flatten();
    let document: Vec<String> = rows.map(|row| text(&row, 0)).collect();
    serde_json::from_str(&document.join("\n"))
        .map_err(|error| SqlError::other(format!("the server's plan is no JSON: {error}")))
}

/// The plan that holds for any values.
fn generic(db: &mut PostgresDb, statement: &str, parameters: &[String]) -> Result<Value, SqlError> {
    let version = db.query_each("SHOW server_version_num")?;
    let version: u32 = version.first().and_then(|rows| number(rows.first()?, 0)).unwrap_or_default();
    if version >= GENERIC_PLAN {
        return ask(db, &format!("EXPLAIN (VERBOSE, GENERIC_PLAN, FORMAT JSON) {statement}"));
    }
    // the highest number is the count, whichever stand in the statement
    let count = parameters.iter().filter_map(|name| name.trim_start_matches('$').parse::<usize>().ok()).max();
    db.execute("SET LOCAL plan_cache_mode = force_generic_plan")?;
    db.execute(&format!("PREPARE {PREPARED} AS {statement}"))?;
    let nulls = vec!["NULL"; count.unwrap_or_default()].join(", ");
    let document = ask(db, &format!("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {PREPARED}({nulls})"));
    // a prepared statement outlives its transaction, and can't be taken away in one that failed
    let _ = db.execute(&format!("ROLLBACK; DEALLOCATE {PREPARED}"));
    document
}

/// A statement that PostgreSQL doesn't take, with the usual reason for parameters that are not its own.
fn explained_badly(error: SqlError, statement: &str) -> MaintainError {
    let foreign = statement.contains('?') || statement.contains(':');
    if error.code.as_deref() == Some("42601") && foreign {
        return refused(
            format!("PostgreSQL can't read it: {}", error.message),
            "PostgreSQL's own parameters are `$1`, `$2`, …: a driver writes them in the place of `?` and `:name`",
        );
    }
    MaintainError::sql("explain it")(error)
}

/// A step of the plan; tables that are read from end to end are put into `scans`.
fn node(plan: &Value, scans: &mut Vec<(String, String)>) -> PlanNode {
    let word = |key: &str| plan[key].as_str().unwrap_or_default();
    let kind = word("Node Type");
    let mut what = kind.to_owned();
    if plan["Parallel Aware"] == Value::Bool(true) {
        what.insert_str(0, "Parallel ");
    }
    if !word("Join Type").is_empty() && word("Join Type") != "Inner" {
        what.push_str(&format!(" ({})", word("Join Type")));
    }
    if kind == "ModifyTable" {
        what = word("Operation").to_owned();
    }
    if !word("Index Name").is_empty() {
        what.push_str(&format!(" using {}", word("Index Name")));
    }
    let full_scan = kind == "Seq Scan";
    if !word("Relation Name").is_empty() {
        let (schema, table) = (word("Schema"), word("Relation Name"));
        what.push_str(&format!(
            " on {}",
            if matches!(schema, "public" | "") { table.to_owned() } else { format!("{schema}.{table}") }
        ));
        if word("Alias") != table {
            what.push_str(&format!(" {}", word("Alias")));
        }
        let scan = (schema.to_owned(), table.to_owned());
        if full_scan && !scans.contains(&scan) {
            scans.push(scan);
        }
    }
    let conditions = ["Index Cond", "Hash Cond", "Merge Cond", "Recheck Cond", "Join Filter", "Filter"];
    let conditions =
        conditions.iter().filter_map(|key| Some(format!("{}: {}", key.to_lowercase(), plan[*key].as_str()?)));
    let loops = plan["Actual Loops"].as_f64().unwrap_or(1.0);
    PlanNode {
        what,
        full_scan,
        rows: plan["Plan Rows"].as_f64(),
        cost: plan["Total Cost"].as_f64(),
        actual_rows: plan["Actual Rows"].as_f64().map(|rows| (rows * loops).round()),
        actual_ms: plan["Actual Total Time"].as_f64().map(|ms| ms * loops),
        conditions: conditions.collect(),
        children: plan["Plans"].as_array().into_iter().flatten().map(|plan| node(plan, scans)).collect(),
    }
}

/// A table with the rows that the planner counts on. Asked in the same transaction, or after it where that is over.
fn full_scan(db: &mut PostgresDb, schema: &str, table: &str) -> FullScan {
    let literal = |text: &str| Dialect::Postgres.literal(text);
    let asked = format!(
        "SELECT c.reltuples::bigint FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname = {}",
        literal(schema),
        literal(table)
    );
    let rows = db.query_each(&asked).ok().and_then(|rows| number(rows.first()?.first()?, 0));
    FullScan { table: if schema == "public" { table.to_owned() } else { format!("{schema}.{table}") }, rows }
}
