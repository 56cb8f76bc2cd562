//! A plan that a person has edited, used for what the source holds now.

use std::collections::BTreeSet;

use crate::db::SqliteDb;
use crate::port::options::{ColumnMatch, Options, TypeRule};
use crate::port::scan::ScanSettings;
use crate::port::target::TargetSchema;
use crate::schema::Schema;

use super::assemble::{PlanError, Planned, make, selected};
use super::{Finding, Level, Plan, TablePlan, ViewPlan, accept, follow, missing};

/// As [`make`], with the names, types and readings of `edited`, and with its defaults, constraints, indexes and views in
/// place of ours. What the plan leaves out is left out, and for a person to accept. Values that do not fit a type of the plan are a blocker.
///
/// # Errors
/// As [`make`].
pub fn make_edited(
    readers: &mut [SqliteDb],
    schema: &Schema,
    options: &Options,
    target: Option<&TargetSchema>,
    settings: &ScanSettings<'_>,
    edited: &Plan,
) -> Result<Planned, PlanError> {
    let whole = selected(schema, options);
    let plain = Options { target_schema: edited.target_schema.clone(), ..options.clone() };
    let mut options = plain.clone();
    for table in &edited.tables {
        options.renames.insert(table.source.clone(), table.target.clone());
        for column in &table.columns {
            options.renames.insert(format!("{}.{}", table.source, column.source), column.target.clone());
        }
    }
    let left_out: Vec<&str> =
        whole.tables.iter().map(|table| table.name.as_str()).filter(|name| edited.table(name).is_none()).collect();
    let mut kept = whole.clone();
    kept.tables.retain(|table| edited.table(&table.name).is_some());
    let schema = &kept;
    let mut planned = make(readers, schema, &options, target, settings)?;
    let rules = rules_for(&planned.plan, edited);
    if !rules.is_empty() {
        // a type of a person's own is decided upon like one of the options: with every value, and with whatever is
        // joined to the column
        options.types.splice(0..0, rules);
        planned = make(readers, schema, &options, target, settings)?;
    }
    let findings = &mut planned.plan.findings;
    // a column that the plan does not have takes no name
    findings.retain(|finding| {
        let named = matches!(finding.code.as_str(), "rename-refused" | "name-changed");
        let plan = finding.table.as_ref().and_then(|table| edited.table(table));
        let column = plan.zip(finding.object.as_ref());
        !named || column.is_none_or(|(plan, column)| plan.column(column).is_some())
    });
    findings.extend(left_out.into_iter().map(missing::table));
    for table in &whole.tables {
        let Some(plan) = edited.table(&table.name).filter(|plan| !plan.existing) else { continue };
        let left_out = table.columns.iter().filter(|column| plan.column(&column.name).is_none());
        findings.extend(left_out.map(|column| missing::column(&table.name, &column.name)));
    }
    findings.extend(missing::twice(edited));
    let edited = &follow::renames(edited, &planned, &whole, schema, &plain);
    revise(&mut planned, edited);
    let found = follow::astray(&planned.plan);
    let findings = &mut planned.plan.findings;
    findings.extend(found);
    accept::finish(findings, &options.accept);
    Ok(planned)
}

/// Rules for the columns whose type or reading is another in `edited` than in ours.
fn rules_for(ours: &Plan, edited: &Plan) -> Vec<TypeRule> {
    let mut rules = Vec::new();
    for table in &ours.tables {
        let columns = edited.table(&table.source).map(|table| table.columns.as_slice()).unwrap_or_default();
        for column in columns {
            let same = |own: &super::ColumnPlan| own.pg_type == column.pg_type && own.reading == column.reading;
            let own = table.column(&column.source);
            // a table that is there has its own types, and the plan says how values are read into them
            let is_ruled = !table.existing || own.is_some_and(|own| own.pg_type == column.pg_type);
            if is_ruled && !own.is_some_and(same) {
                rules.push(TypeRule {
                    columns: ColumnMatch::Column(format!("{}.{}", table.source, column.source)),
                    to: column.pg_type.clone(),
                    reading: column.reading,
                });
            }
        }
    }
    rules
}

/// Takes the tables and views of `edited` in place of ours, with what was counted now, and its accepted findings.
pub fn revise(planned: &mut Planned, edited: &Plan) {
    let plan = &mut planned.plan;
    for table in &mut plan.tables {
        // a table that is there already is as it is there
        let Some(edited) = edited.table(&table.source).filter(|_| !table.existing) else { continue };
        let ours = std::mem::replace(table, edited.clone());
        recount(table, &ours);
        let plain: Vec<&str> = missing::plain(table, &ours).collect();
        plan.findings.retain(|finding| {
            let is_plain = finding.object.as_deref().is_some_and(|object| plain.contains(&object));
            !(finding.code == "generated-stored" && finding.table.as_ref() == Some(&ours.source) && is_plain)
        });
        plan.findings.extend(missing::objects(table, &ours));
        if table.columns.is_empty() && !ours.columns.is_empty() {
            plan.findings.push(Finding {
                code: "no-columns".to_owned(),
                level: Level::Blocker,
                table: Some(table.source.clone()),
                message: "the plan has none of the table's columns".to_owned(),
                choices: vec!["take the table out of the plan".to_owned()],
                ..Finding::default()
            });
        }
    }
    let tables: BTreeSet<&str> = plan.tables.iter().map(|table| table.source.as_str()).collect();
    for table in edited.tables.iter().filter(|table| !tables.contains(table.source.as_str())) {
        plan.findings.push(Finding {
            code: "no-such-table".to_owned(),
            level: Level::Blocker,
            table: Some(table.source.clone()),
            message: "the plan has this table, and the source does not, or the options leave it out".to_owned(),
            choices: vec!["take the table out of the plan".to_owned()],
            ..Finding::default()
        });
    }
    let is_in = |view: &ViewPlan| edited.views.iter().chain(&edited.views_there).any(|own| own.source == view.source);
    let gone = plan.views.iter().filter(|view| !is_in(view));
    plan.findings.extend(gone.map(|view| missing::view(&view.source)));
    plan.views.clone_from(&edited.views);
    plan.views_there.clone_from(&edited.views_there);
    for finding in &mut plan.findings {
        // a target's table that was missing, and that a run goes on without
        let missing = |code: &str| code == "missing-table" && finding.code == "table-left-out";
        let same = |other: &Finding| {
            other.accepted
                && (other.code == finding.code || missing(&other.code))
                && (&other.table, &other.object) == (&finding.table, &finding.object)
        };
        finding.accepted |= edited.findings.iter().any(same);
    }
}

/// Brings what a scan counts into an edited table: rows and bytes, the next id, constraints that rows break now.
fn recount(table: &mut TablePlan, ours: &TablePlan) {
    (table.rows, table.bytes, table.largest_row) = (ours.rows, ours.bytes, ours.largest_row);
    (table.existing, table.beside) = (false, None);
    for column in &mut table.columns {
        let Some(own) = ours.column(&column.source) else { continue };
        if let (Some(identity), Some(own)) = (&mut column.identity, own.identity) {
            identity.next = identity.next.max(own.next);
        }
    }
    for key in &mut table.foreign_keys {
        key.not_valid |= ours.foreign_keys.iter().any(|own| own.columns == key.columns && own.not_valid);
    }
    for check in &mut table.checks {
        check.not_valid |= ours.checks.iter().any(|own| own.name == check.name && own.not_valid);
    }
}
