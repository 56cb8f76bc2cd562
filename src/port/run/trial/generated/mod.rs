//! Generated columns: what the server computes for every row, before the first write. One that can't be computed for every
//! row, or not to what SQLite holds, becomes a plain column where the plan is ours; else it is for a person to decide.

mod compute;
mod tables;
mod told;

use super::{Failed, interrupted, open_batches};
use crate::db::{BulkDb, ErrorClass, SqliteDb};
use crate::port::Port;
use crate::port::checkpoint::Unfinished;
use crate::port::error::PortError;
use crate::port::object_kind::ObjectKind;
use crate::port::plan::{Finding, Level, Plan, TablePlan};
use crate::port::progress::Event;
use crate::port::run::planning::Planned;
use crate::port::target::{TargetSchema, TargetTable};
use crate::port::translate::ddl;

use compute::{Found, Trial};
use tables::Computed;
use told::Told;

/// A column of a table that is made.
pub(in crate::port::run) const DIFFERS: &str = "generated-differs";

/// A column of a target that is there, and that computes another value.
pub(super) const TARGET: &str = "target-generated";

/// A column of a target that is there, and that can't be computed.
pub(super) const TARGET_FAILS: &str = "target-generated-fails";

/// Tries the generated columns of all tables. Those of the plan's own that are not the same in PostgreSQL are plain
/// columns of it afterwards; a plan that a person has edited, or that is gone on with, stays as it is.
pub(super) fn find(
    port: &Port<'_>,
    planned: &mut Planned,
    target: &TargetSchema,
    unfinished: Option<&Unfinished>,
    reader: &SqliteDb,
    control: &mut BulkDb,
) -> Result<Vec<Finding>, PortError> {
    let is_ours = port.plan.is_none() && unfinished.is_none();
    let mut findings = Vec::new();
    let mut plain = Vec::new();
    let first: Vec<String> = ddl::tables(&planned.plan)
        .into_iter()
        .filter(|statement| matches!(statement.kind, ObjectKind::Extension | ObjectKind::Collation))
        .map(|statement| statement.sql)
        .collect();
    for table in &planned.plan.tables {
        let Some(source) = planned.schema.table(&table.source) else { continue };
        let there = target.table(&table.target).filter(|_| table.existing);
        let columns = computed(table, there);
        if columns.is_empty() || table.existing && (there.is_none() || table.rows == 0) {
            continue;
        }
        let Some(batches) = open_batches(unfinished, table) else { continue };
        let told = Told { port, table, source, there, is_ours };
        if !target.server.may_make_temporary {
            let why = format!("the role `{}` may not make temporary tables in the database", target.server.role);
            findings.extend(columns.iter().map(|column| told.untried(column, &why)));
            continue;
        }
        port.observer.tell(&Event::Trying { table: &table.source });
        let found = {
            let _running = port.interrupt.while_running(control.canceller());
            // what is there has its types already
            let first = if table.existing { &[][..] } else { &first };
            let trial = Trial::new(table, &target.name, (there, first), source, &columns);
            trial.try_all(&batches, reader, control, &port.interrupt)
        };
        match found {
            Ok(found) => {
                for (column, found) in columns.iter().zip(&found) {
                    let about = told.about(column, found);
                    if is_ours && !table.existing && about.iter().any(|one| one.code == DIFFERS) {
                        plain.push((table.source.clone(), column.name.clone()));
                    }
                    findings.extend(about);
                }
            }
            Err(Failed::Interrupted) => return Err(interrupted()),
            // a statement that was cancelled for it
            Err(_) if port.interrupt.is_set() => return Err(interrupted()),
            Err(Failed::Source(error)) => return Err(PortError::source(format!("table `{}`", table.source), error)),
            Err(Failed::Target(error)) if error.class == ErrorClass::ConnectionLost => {
                return Err(PortError::target("try generated columns", error));
            }
            Err(Failed::Target(error)) => {
                findings.extend(columns.iter().map(|column| told.untried(column, &error.message)));
            }
        }
    }
    for (table, column) in plain {
        make_plain(&mut planned.plan, &table, &column);
    }
    Ok(findings)
}

/// The columns of a table that the server will compute.
fn computed<'p>(table: &'p TablePlan, there: Option<&TargetTable>) -> Vec<Computed<'p>> {
    let Some(there) = there else {
        let generated = table.columns.iter().filter_map(|column| {
            Some(Computed {
                held: Some(column),
                name: column.target.clone(),
                type_name: column.pg_type.to_string(),
                not_null: column.not_null,
                expression: column.generated.clone()?,
            })
        });
        return generated.collect();
    };
    let generated = there.columns.iter().filter_map(|column| {
        Some(Computed {
            held: table.columns.iter().find(|own| own.target == column.name),
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            not_null: column.not_null,
            expression: column.generated.clone()?,
        })
    });
    generated.collect()
}

/// Makes a generated column of the plan a plain one, with its data.
fn make_plain(plan: &mut Plan, table: &str, column: &str) {
    let Some(table) = plan.tables.iter_mut().find(|one| one.source == table) else { return };
    let Some(column) = table.columns.iter_mut().find(|one| one.target == column) else { return };
    column.generated = None;
    // what is said of its expression is no matter any more; a CHECK without a name is known by its text
    let indexes = table.indexes.iter().map(|index| &index.name);
    let named = indexes.chain(table.checks.iter().map(|check| &check.name)).any(|name| *name == column.source);
    let (table, column) = (Some(&table.source), Some(&column.source));
    plan.findings.retain(|finding| {
        let is_of = (finding.table.as_ref(), finding.object.as_ref()) == (table, column);
        let code = finding.code.as_str();
        !(is_of && (code == "generated-stored" || code == "expression-assumption" && !named))
    });
}

/// Columns of a target that computes them otherwise, and whose values in the source a person leaves behind: they are
/// neither copied nor compared.
pub(in crate::port::run) fn leave_behind(plan: &mut Plan, findings: &[Finding]) {
    for finding in findings {
        if !(finding.code == TARGET && finding.level == Level::Blocker && finding.accepted) {
            continue;
        }
        let (Some(table), Some(object)) = (&finding.table, &finding.object) else { continue };
        let Some(table) = plan.tables.iter_mut().find(|one| one.existing && one.source == *table) else { continue };
        table.columns.retain(|column| column.source != *object || column.generated.is_none());
        let of = (finding.table.as_ref(), finding.object.as_ref());
        plan.findings.retain(|one| one.code != "generated-target" || (one.table.as_ref(), one.object.as_ref()) != of);
    }
}

/// What was decided when the run began that is gone on with: which columns are plain, and which are left behind.
pub(in crate::port::run) fn go_on(plan: &mut Plan, begun: &Plan) {
    leave_behind(plan, &begun.findings);
    let left = begun.findings.iter().filter(|finding| finding.code == TARGET && finding.accepted);
    plan.findings.extend(left.cloned());
    for decided in begun.findings.iter().filter(|finding| finding.code == DIFFERS && finding.level == Level::Change) {
        let (Some(table), Some(object)) = (&decided.table, &decided.object) else { continue };
        let column = plan.table(table).and_then(|table| table.column(object));
        if column.is_none_or(|column| column.generated.is_some()) {
            continue;
        }
        let same = |other: &Finding| (&other.table, &other.object) == (&decided.table, &decided.object);
        plan.findings.retain(|other| !(same(other) && other.code == "generated-as-plain"));
        plan.findings.push(decided.clone());
    }
}
