//! The beginning of what is written: the tables, and that there is a run.

use super::existing;
use super::planning::Planned;
use crate::Dialect;
use crate::db::{BulkDb, SqlError, Statements as _};
use crate::port::Port;
use crate::port::checkpoint::{Checkpoint, StoredBatch};
use crate::port::copy::{OnError, TableJob, quarantine_sql};
use crate::port::error::PortError;
use crate::port::object_kind::ObjectKind;
use crate::port::plan::Plan;
use crate::port::target;
use crate::port::translate::ddl::{self, Statement};

/// How many tables are made in one transaction: each takes a lock for itself, its index and its sequence, and a server
/// has room for some thousands (`max_locks_per_transaction`).
pub(super) const AT_ONCE: usize = 200;

/// The advisory lock under which is made what ports into different schemas share: IF NOT EXISTS does not see what another
/// transaction is making, and fails once that is there. `LLPTsame` in ASCII.
pub(super) const SHARED: i64 = 0x4c4c_5054_7361_6d65;

/// Makes the tables and writes the run down: in one transaction, as far as it has room.
pub(super) fn create(
    port: &Port<'_>,
    planned: &Planned,
    tables: &[TableJob],
    checkpoint: &Checkpoint,
    control: &mut BulkDb,
) -> Result<(), PortError> {
    let plan = &planned.plan;
    existing::take_off(port, plan, control)?;
    let schema = Dialect::Postgres.quote_identifier(&plan.target_schema);
    let mut sql = String::from("BEGIN;\n");
    if !planned.schema_exists {
        sql.push_str(&format!("CREATE SCHEMA IF NOT EXISTS {schema};\n"));
    }
    let statements = ddl::tables(plan);
    if statements.iter().any(|statement| matches!(statement.kind, ObjectKind::Extension | ObjectKind::Collation)) {
        sql.push_str(&format!("SELECT pg_catalog.pg_advisory_xact_lock({SHARED});\n"));
    }
    let first = if port.single_transaction { statements.len() } else { AT_ONCE.min(statements.len()) };
    for statement in &statements[..first] {
        sql.push_str(&statement.sql);
        sql.push_str(";\n");
    }
    if planned.truncate {
        sql.push_str(&existing::truncate(plan));
    }
    if port.on_error == OnError::Quarantine {
        sql.push_str(&quarantine_sql(&schema, plan.tables.iter().map(|table| table.source.as_str())));
    }
    if !port.single_transaction {
        let document = serde_json::to_string(plan).expect("a plan is plain data");
        sql.push_str(&checkpoint.begin(&port.source.to_string(), &document, &batches(tables)));
        sql.push_str("COMMIT;\n");
    }
    let made = control.execute(&sql);
    if made.is_err() {
        if let Err(error) = control.execute("ROLLBACK") {
            tracing::debug!(%error, "roll back");
        }
        // nothing is in: what was taken off for the copy goes back
        drop(target::put_back(control, &plan.target_schema));
    }
    made.map_err(PortError::Create)?;
    make_where_missing(&statements[first..], control)
}

/// Makes the tables that a run which was killed had not made yet.
pub(super) fn rest(plan: &Plan, control: &mut BulkDb) -> Result<(), PortError> {
    make_where_missing(&ddl::tables(plan), control)
}

fn make_where_missing(statements: &[Statement], control: &mut BulkDb) -> Result<(), PortError> {
    let tables: Vec<&Statement> = statements.iter().filter(|statement| statement.kind == ObjectKind::Table).collect();
    for some in tables.chunks(AT_ONCE) {
        crate::crash::point("port-tables");
        let make = |statement: &&Statement| statement.sql.replacen("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1);
        let sql = some.iter().map(make).collect::<Vec<_>>().join(";\n");
        let failed = |error: SqlError| PortError::target("make the tables", error);
        control.execute(&format!("BEGIN;\n{sql};\nCOMMIT;")).map_err(failed)?;
    }
    Ok(())
}

fn batches(tables: &[TableJob]) -> Vec<StoredBatch> {
    let of = |job: &TableJob| {
        let stored = |(number, batch): (usize, &crate::port::batch::Batch)| StoredBatch {
            table: job.source.clone(),
            number,
            batch: batch.clone(),
            done: None,
            beside: None,
            has_refused: false,
        };
        job.batches.iter().enumerate().map(stored).collect::<Vec<_>>()
    };
    tables.iter().flat_map(of).collect()
}
