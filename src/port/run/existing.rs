//! What a run does to tables that were there before it: their columns rule, what is in the way is set aside and put
//! back, their sequences are set.

use std::collections::BTreeMap;

use super::planning::Planned;
use crate::db::{BulkDb, Statements as _};
use crate::port::Port;
use crate::port::batch::Batch;
use crate::port::checkpoint::{Checkpoint, Unfinished};
use crate::port::error::PortError;
use crate::port::options::{OnConflict, Options};
use crate::port::plan::{Finding, Level, Plan};
use crate::port::report::{ObjectReport, ObjectState, Report};
use crate::port::scan::TableScan;
use crate::port::target::{self, ConstraintKind, RestoredState, Rows, TargetSchema, truncate_statement};
use crate::port::translate::ddl;

/// Marks the tables that hold rows which stay: rows go in beside them, all at once.
pub(super) fn add_beside(plan: &mut Plan, scans: &mut [TableScan], options: &Options, target: &TargetSchema) {
    plan.on_conflict = options.on_conflict;
    let mut findings = Vec::new();
    for (table, scan) in plan.tables.iter_mut().zip(scans) {
        let holds_rows = target.table(&table.target).is_some_and(|there| there.rows != Rows::Empty);
        if !table.existing || !holds_rows {
            continue;
        }
        let key = target
            .constraints
            .iter()
            .find(|constraint| constraint.kind == ConstraintKind::PrimaryKey && constraint.table == table.target);
        if key.is_none() && options.on_conflict != Some(OnConflict::Error) {
            findings.push(Finding {
                code: "no-key-for-conflicts".to_owned(),
                level: Level::Blocker,
                table: Some(table.source.clone()),
                message: format!(
                    "`{}` holds rows and has no primary key, by which rows that are there already could be found",
                    table.target
                ),
                choices: vec!["--on-conflict error".to_owned(), "--truncate".to_owned()],
                ..Finding::default()
            });
        }
        table.beside = Some(key.map(|key| key.columns.clone()).unwrap_or_default());
        scan.batches = vec![Batch { rows: scan.rows, bytes: scan.bytes, ..Batch::default() }];
    }
    plan.findings.extend(findings);
}

/// The tables of the plan that were there before.
fn filled(plan: &Plan) -> Vec<String> {
    plan.tables.iter().filter(|table| table.existing).map(|table| table.target.clone()).collect()
}

/// Takes foreign keys and triggers off.
pub(super) fn take_off(port: &Port<'_>, plan: &Plan, control: &mut BulkDb) -> Result<(), PortError> {
    let tables = filled(plan);
    if tables.is_empty() {
        return Ok(());
    }
    let taken = target::take_off(control, &port.options.target_schema, &tables)?;
    tracing::info!("{} foreign keys and {} triggers are off", taken.foreign_keys.len(), taken.triggers.len());
    Ok(())
}

/// What empties the tables that were there before.
pub(super) fn truncate(plan: &Plan) -> String {
    truncate_statement(&plan.target_schema, &filled(plan)).map(|sql| format!("{sql};\n")).unwrap_or_default()
}

/// Puts back what is off, and says what became of it.
pub(super) fn put_back(port: &Port<'_>, control: &mut BulkDb, report: &mut Report) -> Result<(), PortError> {
    for restored in target::put_back(control, &port.options.target_schema)? {
        let (state, remark) = match restored.state {
            RestoredState::Same => (ObjectState::Same, String::new()),
            RestoredState::NotValid { rows, examples, validate } => {
                report.findings.push(Finding {
                    code: "orphans".to_owned(),
                    level: Level::LeftOut,
                    table: Some(restored.table.clone()),
                    object: Some(restored.name.clone()),
                    message: format!(
                        "{rows} rows break the foreign key `{}`: it is back as NOT VALID, and holds for new rows alone",
                        restored.name
                    ),
                    rows,
                    examples: examples.clone(),
                    choices: vec![format!("mend these rows, then {validate}")],
                    ..Finding::default()
                });
                let remark = format!("NOT VALID: {rows} rows break it; once they are mended: {validate}");
                (ObjectState::Different, remark)
            }
            RestoredState::Missing { reason, statement, .. } => {
                (ObjectState::Missing, format!("{reason}; what puts it back: {statement}"))
            }
        };
        report.objects.push(ObjectReport {
            kind: restored.kind.word().to_owned(),
            table: Some(restored.table),
            name: restored.name,
            state,
            remark,
        });
    }
    Ok(())
}

/// Sets the sequences of tables that were there before.
pub(super) fn sequences(planned: &Planned, control: &mut BulkDb) -> Result<(), PortError> {
    let tables = filled(&planned.plan);
    if tables.is_empty() {
        return Ok(());
    }
    let mut given = BTreeMap::new();
    for table in planned.plan.tables.iter().filter(|table| table.existing) {
        let source = planned.schema.table(&table.source);
        let alias = source.and_then(|source| Some((table.column(source.rowid_alias()?)?, source.sequence?)));
        if let Some((column, sequence)) = alias {
            given.insert((table.target.clone(), column.target.clone()), sequence);
        }
    }
    target::set_sequences(control, &planned.plan.target_schema, &tables, &given)?;
    Ok(())
}

/// Takes away what an unfinished run made: its tables, the rows that it copied, its bookkeeping.
pub(super) fn undo(port: &Port<'_>, run: &Unfinished, control: &mut BulkDb) -> Result<(), PortError> {
    let mut sql = String::from("BEGIN;\n");
    for statement in ddl::drop_all(&run.plan) {
        // not all that the plan has was made
        sql.push_str(&statement.sql.replacen("DROP VIEW ", "DROP VIEW IF EXISTS ", 1).replacen(
            "DROP CONSTRAINT ",
            "DROP CONSTRAINT IF EXISTS ",
            1,
        ));
        sql.push_str(";\n");
    }
    sql.push_str(&truncate(&run.plan));
    sql.push_str(&Checkpoint::new(&run.plan.target_schema).end());
    sql.push_str("\nCOMMIT;");
    let undone = control.execute(&sql);
    if undone.is_err()
        && let Err(error) = control.execute("ROLLBACK")
    {
        tracing::debug!(%error, "roll back");
    }
    undone.map_err(|error| PortError::target("take away what the unfinished port made", error))?;
    let mut ignored = Report::default();
    put_back(port, control, &mut ignored)
}
