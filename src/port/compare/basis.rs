//! By what a comparison goes: a plan, or what the target's tables are; and what it leaves uncompared.

use super::{BATCH, Comparison};
use crate::db::Snapshot;
use crate::port::batch::BatchSize;
use crate::port::bookkeeping;
use crate::port::error::PortError;
use crate::port::options::Options;
use crate::port::plan::{ColumnPlan, Finding, Level, Plan, assemble};
use crate::port::scan::ScanSettings;
use crate::port::target::TargetSchema;
use crate::schema::Schema;
use crate::value::PgType;

/// How the values of either side are read: as the plan says, or by the types of the target's columns.
pub(super) fn plan(
    comparison: &Comparison<'_>,
    snapshot: &mut Snapshot,
    schema: &Schema,
    target: &TargetSchema,
) -> Result<Plan, PortError> {
    let options = &comparison.options;
    let mut plan = match &comparison.plan {
        Some(plan) => {
            let mut plan = plan.clone();
            plan.tables.retain(|table| options.includes(&table.source));
            plan.findings.clear();
            plan.findings.extend(not_in_the_plan(&plan, schema, options)?);
            plan
        }
        None => {
            // that there are rows is what a comparison is about
            let mut options = Options { truncate: true, on_conflict: None, create_missing: false, ..options.clone() };
            options.exclude.extend(bookkeeping::not_compared(schema, target));
            let target = &bookkeeping::hidden_with(schema, target);
            let size = BatchSize { rows: BATCH, ..BatchSize::default() };
            let settings = ScanSettings { size, interrupt: &comparison.interrupt, observer: comparison.observer };
            let made = assemble::make(snapshot.readers(), schema, &options, Some(target), &settings)?;
            let mut plan = made.plan;
            plan.findings.retain(|finding| ABOUT_DATA.contains(&finding.code.as_str()));
            for finding in plan.findings.iter_mut().filter(|finding| finding.level == Level::Blocker) {
                finding.level = Level::LeftOut;
            }
            // what a port would take to go on is no choice of a comparison's
            plan.findings.iter_mut().for_each(|finding| finding.choices.clear());
            plan
        }
    };
    for pattern in &options.include {
        let alone = Options { include: vec![pattern.clone()], ..Options::default() };
        if !schema.tables.iter().any(|table| alone.includes(&table.name)) {
            plan.findings.push(Finding {
                code: "unused-pattern".to_owned(),
                level: Level::LeftOut,
                object: Some(pattern.clone()),
                message: format!("no table fits the pattern `{pattern}`: nothing was compared by it"),
                ..Finding::default()
            });
        }
    }
    for table in plan.tables.iter().filter(|table| target.table(&table.target).is_none()) {
        plan.findings.push(Finding {
            code: "missing-table".to_owned(),
            level: Level::LeftOut,
            table: Some(table.source.clone()),
            message: format!("the target has no table `{}`", table.target),
            ..Finding::default()
        });
    }
    plan.tables.retain(|table| target.table(&table.target).is_some());
    let others = other_columns(&mut plan, target);
    plan.findings.extend(others);
    Ok(plan)
}

/// The columns that the target's tables no longer have, or have with another type, which are taken out of the plan: the
/// others are compared.
fn other_columns(plan: &mut Plan, target: &TargetSchema) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in &mut plan.tables {
        let Some(there) = target.table(&table.target) else { continue };
        let name = &table.source;
        table.columns.retain(|column| {
            let ColumnPlan { source, target, pg_type, .. } = column;
            let (code, message) = match there.column(target) {
                Some(own) if own.pg_type.as_ref().is_some_and(|own| are_read_alike(own, pg_type)) => return true,
                Some(own) => (
                    "type-differs",
                    format!(
                        "`{target}` of the target's table `{}` is `{}`, and `{pg_type}` in the plan: the values of \
                         `{source}` are not compared",
                        there.name, own.type_name
                    ),
                ),
                None => (
                    "missing-column",
                    format!(
                        "the target's table `{}` has no column `{target}`: the values of `{source}` are not compared",
                        there.name
                    ),
                ),
            };
            findings.push(Finding {
                code: code.to_owned(),
                level: Level::LeftOut,
                table: Some(name.clone()),
                object: Some(source.clone()),
                message,
                ..Finding::default()
            });
            false
        });
    }
    findings
}

/// Whether what the server sends of either type means the same.
fn are_read_alike(one: &PgType, other: &PgType) -> bool {
    use PgType::{Citext, Enum, Numeric, Text, Varchar};
    match (one.base(), other.base()) {
        (Text | Varchar(_) | Citext, Text | Varchar(_) | Citext)
        | (Numeric(_), Numeric(_))
        | (Enum { .. }, Enum { .. }) => true,
        (PgType::Array(one), PgType::Array(other)) => are_read_alike(one, other),
        (one, other) => one == other,
    }
}

/// What a plan says nothing of, and so is not compared.
fn not_in_the_plan(plan: &Plan, schema: &Schema, options: &Options) -> Result<Vec<Finding>, PortError> {
    let mut findings = Vec::new();
    for table in &plan.tables {
        let declared = schema.table(&table.source);
        let known = |name: &str| {
            declared.is_some_and(|table| table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)))
        };
        let unknown = table.columns.iter().find(|column| !known(&column.source));
        if declared.is_none() || unknown.is_some() {
            let name = unknown.map_or_else(String::new, |column| format!(".`{}`", column.source));
            return Err(PortError::Unfit {
                message: format!("the plan has `{}`{name}, and the source does not", table.source),
                hint: "compare by the plan of this source, or without one".to_owned(),
            });
        }
    }
    let left_out = |code: &str, table: &str, object: Option<&String>, message: &str| Finding {
        code: code.to_owned(),
        level: Level::LeftOut,
        table: Some(table.to_owned()),
        object: object.cloned(),
        message: message.to_owned(),
        accepted: true,
        ..Finding::default()
    };
    for table in schema.tables.iter().filter(|table| options.includes(&table.name)) {
        let Some(planned) = plan.table(&table.name) else {
            let message = "the plan does not have the table: its rows are not compared";
            findings.push(left_out("table-left-out", &table.name, None, message));
            continue;
        };
        for column in table.columns.iter().filter(|column| planned.column(&column.name).is_none()) {
            let message = "the plan does not have the column: its values are not compared";
            findings.push(left_out("column-left-out", &table.name, Some(&column.name), message));
        }
    }
    Ok(findings)
}

/// The findings of a plan that say what is not compared, or on what assumption.
const ABOUT_DATA: [&str; 7] = [
    "missing-table",
    "missing-column",
    "no-conversion",
    "extra-table",
    "name-matched",
    "numbers-as-time",
    "no-privilege",
];
