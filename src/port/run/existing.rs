//! What a run does to tables that were there before it: their columns rule, what is in the way is set aside and put
//! back, their sequences are set.

use std::collections::BTreeMap;

use super::planning::Planned;
use super::session;
use crate::Dialect;
use crate::db::{BulkDb, Statements as _};
use crate::port::Port;
use crate::port::batch::Batch;
use crate::port::checkpoint::{Checkpoint, Stage, Unfinished};
use crate::port::copy::TableJob;
use crate::port::error::PortError;
use crate::port::object_kind::ObjectKind;
use crate::port::options::{OnConflict, Options};
use crate::port::plan::{Finding, Level, Plan, TablePlan};
use crate::port::report::{ObjectReport, ObjectState, Report};
use crate::port::scan::TableScan;
use crate::port::target::{
    self, ConstraintKind, KeyKind, RestoredState, Rows, TargetSchema, qualified, truncate_statement,
};
use crate::port::translate::ddl::{self, Statement};
use crate::words::counted;

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
        findings.extend(no_key(table, key.is_some(), options, target));
        let staged = options.on_conflict != Some(OnConflict::Error);
        if staged && !target.server.may_make_temporary {
            findings.push(Finding {
                code: "no-privilege".to_owned(),
                level: Level::Blocker,
                table: Some(table.source.clone()),
                message: format!(
                    "`{}` holds rows that stay, and the role `{}` may not make temporary tables in the database: through \
                     one of them rows are found whose key is there already",
                    table.target, target.server.role
                ),
                choices: vec![
                    format!("GRANT TEMPORARY ON DATABASE … TO {}", Dialect::Postgres.quote_identifier(&target.server.role)),
                    "--on-conflict error".to_owned(),
                    "--truncate".to_owned(),
                ],
                ..Finding::default()
            });
        }
        table.beside = Some(key.map(|key| key.columns.clone()).unwrap_or_default());
        scan.batches = vec![Batch { rows: scan.rows, bytes: scan.bytes, ..Batch::default() }];
    }
    plan.findings.extend(findings);
}

/// That nothing can tell which rows are there already.
fn no_key(table: &TablePlan, has_primary: bool, options: &Options, target: &TargetSchema) -> Option<Finding> {
    let message = if options.on_conflict != Some(OnConflict::Error) {
        let message = "has no primary key, by which rows that are there already could be found";
        (!has_primary).then(|| format!("`{}` holds rows and {message}", table.target))
    } else {
        (table.rows > 0 && !tells_rows_apart(table, target)).then(|| {
            format!(
                "`{}` holds rows, and no key of it is filled from the source alone: rows are copied beside, they may be \
                 there already; nothing can tell",
                table.target
            )
        })
    };
    message.map(|message| Finding {
        code: "no-key-for-conflicts".to_owned(),
        level: Level::Blocker,
        table: Some(table.source.clone()),
        message,
        choices: vec!["--truncate".to_owned(), "copy all rows beside: --accept no-key-for-conflicts".to_owned()],
        ..Finding::default()
    })
}

/// Whether a row that is copied once more meets itself: in a key that every row is in, and that the source fills.
fn tells_rows_apart(table: &TablePlan, target: &TargetSchema) -> bool {
    let Some(there) = target.table(&table.target) else { return false };
    let fills = |name: &str| {
        let sent = table.columns.iter().any(|column| column.target == name && column.generated.is_none());
        sent && there.column(name).is_some()
    };
    // not those of one partition
    let keys = target.keys.iter().filter(|key| (&key.schema, &key.table) == (&target.name, &there.name));
    let mut whole = keys.filter(|key| key.kind != KeyKind::Exclusion && key.predicate.is_none());
    whole.any(|key| {
        key.terms.iter().all(|term| {
            let column = term.column.as_deref().and_then(|name| there.column(name));
            column.is_some_and(|column| fills(&column.name) && (column.not_null || key.nulls_equal))
        })
    })
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

/// Has tables wait for those that they refer to by foreign keys which are still on.
pub(super) fn order(plan: &Plan, jobs: &mut [TableJob], control: &mut BulkDb) -> Result<(), PortError> {
    if filled(plan).is_empty() {
        return Ok(());
    }
    let now = TargetSchema::read(control, &plan.target_schema)?;
    let target = |source: &str| plan.table(source).map(|table| table.target.clone()).unwrap_or_default();
    let targets: Vec<String> = jobs.iter().map(|job| target(&job.source)).collect();
    for (job, target) in jobs.iter_mut().zip(&targets) {
        let keys = now.foreign_keys(target).filter(|key| !key.is_unenforced());
        let parents = keys.flat_map(|key| &key.parent_of);
        job.after = parents.filter_map(|parent| targets.iter().position(|target| target == parent)).collect();
    }
    Ok(())
}

/// What empties the tables that were there before.
pub(super) fn truncate(plan: &Plan) -> String {
    truncate_statement(&plan.target_schema, &filled(plan)).map(|sql| format!("{sql};\n")).unwrap_or_default()
}

/// ``1 row breaks``, ``2 rows break``.
fn breaking(rows: u64) -> String {
    format!("{} break{}", counted(rows, "row"), if rows == 1 { "s" } else { "" })
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
                        "{} the foreign key `{}`: it is back as NOT VALID, and holds for new rows alone",
                        breaking(rows),
                        restored.name
                    ),
                    rows,
                    examples: examples.clone(),
                    choices: vec![format!("mend these rows, then {validate}")],
                    ..Finding::default()
                });
                let remark = format!("NOT VALID: {} it; once they are mended: {validate}", breaking(rows));
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

/// How long a lock is waited for that putting things back needs, after a run that failed.
const PATIENCE: &str = "5s";

/// After a run that ended before its end: what was taken off goes back, for the application may go on working; a run
/// that goes on takes it off again. What can't go back, or not proven, a person has to know.
pub(super) fn after_failure(port: &Port<'_>, plan: &Plan, report: &mut Report) {
    if filled(plan).is_empty() {
        return;
    }
    let schema = &port.options.target_schema;
    let mut look = || -> Result<bool, PortError> {
        let mut db = session::connect(port)?;
        if !target::is_pending(&mut db, schema)? {
            return Ok(false);
        }
        // nothing goes on in a schema in which another run has begun
        session::lock(port, &mut db)?;
        if port.single_transaction {
            put_back(port, &mut db, report)?;
            return Ok(target::is_pending(&mut db, schema)?);
        }
        let set = db.execute(&format!("SET lock_timeout = '{PATIENCE}'; SET synchronous_commit = on"));
        set.map_err(|error| PortError::target("set the session up", error))?;
        // whoever has asked for a stop does not wait for a look at all rows
        let back = target::put_back_meanwhile(&mut db, schema, !port.interrupt.is_set())?;
        if back.iter().any(|one| matches!(one.state, RestoredState::Missing { .. })) {
            return Ok(true);
        }
        if !back.is_empty() {
            let open = back.iter().filter(|one| one.state != RestoredState::Same).count();
            let mut note = "the foreign keys and triggers that were off for the copy are back; `--resume` takes them \
                            off again, `--restart` takes away what was copied"
                .to_owned();
            if open > 0 {
                note.push_str(&format!(
                    "; foreign keys that are NOT VALID until the port has ended, since not all rows are in: {open}"
                ));
            }
            report.notes.push(note);
        }
        Ok(false)
    };
    let pending = look().unwrap_or_else(|error| {
        tracing::debug!(%error, "after a failure");
        true
    });
    if pending {
        let until = if port.single_transaction {
            "the next port into it puts them back"
        } else {
            "they stay off until it is gone on with (`--resume`) or begun anew (`--restart`)"
        };
        report.notes.push(format!(
            "foreign keys or triggers of the target's tables are off for the copy, and {until}; the table \
             `liftlock_port_restore` in the schema `{schema}` has what puts each back"
        ));
    }
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

/// Takes away what an unfinished run made: its tables, the rows that it copied, its bookkeeping. Rows that it copied
/// beside others which stay can't be told from those: all of them stay, and what is ported again finds them there.
pub(super) fn undo(
    port: &Port<'_>,
    run: &Unfinished,
    control: &mut BulkDb,
    report: &mut Report,
) -> Result<(), PortError> {
    refuse_rows_of_others(run, control)?;
    // they are back since the run failed, and a table that another refers to can't be emptied alone
    take_off(port, &run.plan, control)?;
    let mut sql = String::from("BEGIN;\n");
    let mut dropped = 0;
    for Statement { object, kind, table, sql: drop } in ddl::drop_all(&run.plan) {
        // not all that the plan has was made, and some of it may be gone
        let drop = match (kind, table) {
            // a view of that name is somebody else's as long as the run has made none
            (ObjectKind::View, _) if run.stage == Stage::Copying => continue,
            (ObjectKind::View, _) => drop.replacen("DROP VIEW", "DROP VIEW IF EXISTS", 1),
            (ObjectKind::ForeignKey, Some(table)) => format!(
                "ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}",
                qualified(&run.plan.target_schema, &table),
                Dialect::Postgres.quote_identifier(&object)
            ),
            _ => drop.replacen("DROP TABLE", "DROP TABLE IF EXISTS", 1),
        };
        sql.push_str(&drop);
        sql.push_str(";\n");
        dropped += 1;
        // each takes locks, for which a server has only so much room; what is gone is passed over the next time
        if dropped % super::create::AT_ONCE == 0 {
            sql.push_str("COMMIT;\nBEGIN;\n");
        }
    }
    // what is empty needs no emptying, which tables that refer to it may forbid
    let own = run.plan.tables.iter().filter(|table| is_filled_alone(table) && copied(run, table) > 0);
    let own: Vec<String> = own.map(|table| table.target.clone()).collect();
    sql.extend(truncate_statement(&run.plan.target_schema, &own).map(|sql| format!("{sql};\n")));
    sql.push_str(&Checkpoint::new(&run.plan.target_schema).end());
    sql.push_str("\nCOMMIT;");
    let undone = control.execute(&sql);
    if undone.is_err()
        && let Err(error) = control.execute("ROLLBACK")
    {
        tracing::debug!(%error, "roll back");
    }
    if undone.is_err() {
        drop(target::put_back_meanwhile(control, &run.plan.target_schema, true));
    }
    undone.map_err(|error| PortError::target("take away what the unfinished port made", error))?;
    let stay = run.plan.tables.iter().filter(|table| table.beside.is_some() && copied(run, table) > 0);
    report.notes.extend(stay.map(|table| {
        format!("the rows that the unfinished port copied into `{}` beside others are still there", table.target)
    }));
    Ok(())
}

/// The table was there before, and held nothing.
fn is_filled_alone(table: &TablePlan) -> bool {
    table.existing && table.beside.is_none()
}

/// The rows of a table that the run has copied.
fn copied(run: &Unfinished, table: &TablePlan) -> u64 {
    let batches = run.batches.iter().filter(|batch| batch.table == table.source);
    batches.filter_map(|batch| batch.done).map(|done| done.rows).sum()
}

/// Stops where rows would be lost, or be there twice, that are not the run's alone.
fn refuse_rows_of_others(run: &Unfinished, control: &mut BulkDb) -> Result<(), PortError> {
    for table in &run.plan.tables {
        let (name, copied) = (qualified(&run.plan.target_schema, &table.target), copied(run, table));
        if table.beside.is_some() {
            let by_key = table.beside.as_ref().is_some_and(|key| !key.is_empty());
            if copied > 0 && (!by_key || run.plan.on_conflict.unwrap_or(OnConflict::Error) == OnConflict::Error) {
                return Err(PortError::Unfit {
                    message: format!(
                        "the unfinished port has copied rows into `{}` beside others: which of them are its own is not \
                         known, and to begin anew would copy them again",
                        table.target
                    ),
                    hint: "go on with it: `--resume`".to_owned(),
                });
            }
            continue;
        }
        let failed = |error| PortError::target(format!("count the rows of {name}"), error);
        let literal = Dialect::Postgres.literal(&name);
        let there = control.query(&format!("SELECT to_regclass({literal}) IS NOT NULL")).map_err(failed)?;
        if there.first().and_then(|row| row.first()?.as_deref()) != Some("t") {
            continue;
        }
        let counted = control.query(&format!("SELECT count(*) FROM {name}")).map_err(failed)?;
        let rows: u64 = counted.first().and_then(|row| row.first()?.as_deref()?.parse().ok()).unwrap_or(0);
        if rows > copied {
            return Err(PortError::Unfit {
                message: format!(
                    "`{}` holds {rows} rows, and the unfinished port has copied {copied} of them: the others would be lost",
                    table.target
                ),
                hint: "move the others elsewhere, then use `--restart`; or go on with the port: `--resume`".to_owned(),
            });
        }
    }
    Ok(())
}
