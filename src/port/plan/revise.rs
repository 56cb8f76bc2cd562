//! A plan that a person has edited, used for what the source holds now.

use std::collections::BTreeSet;

use crate::db::SqliteDb;
use crate::interrupt::Interrupt;
use crate::port::batch::BatchSize;
use crate::port::options::{ColumnMatch, Options, TypeRule};
use crate::port::target::TargetSchema;
use crate::schema::Schema;

use super::assemble::{PlanError, Planned, make, selected};
use super::{Finding, Level, Plan, TablePlan, ViewPlan, accept};

/// As [`make`], with the names, types and readings of `edited`, and with its defaults, constraints, indexes and views in
/// place of ours. What the plan leaves out is left out. Values that do not fit a type of the plan are a blocker.
///
/// # Errors
/// As [`make`].
pub fn make_edited(
    readers: &mut [SqliteDb],
    schema: &Schema,
    options: &Options,
    target: Option<&TargetSchema>,
    size: BatchSize,
    interrupt: &Interrupt,
    edited: &Plan,
) -> Result<Planned, PlanError> {
    let whole = selected(schema, options);
    let mut options = Options { target_schema: edited.target_schema.clone(), ..options.clone() };
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
    let mut planned = make(readers, schema, &options, target, size, interrupt)?;
    let rules = rules_for(&planned.plan, edited);
    if !rules.is_empty() {
        // a type of a person's own is decided upon like one of the options: with every value, and with whatever is
        // joined to the column
        options.types.splice(0..0, rules);
        planned = make(readers, schema, &options, target, size, interrupt)?;
    }
    revise(&mut planned, edited);
    planned.plan.findings.extend(twice(edited));
    let findings = &mut planned.plan.findings;
    findings.extend(left_out.into_iter().map(|table| Finding {
        code: "table-left-out".to_owned(),
        level: Level::LeftOut,
        table: Some(table.to_owned()),
        message: "the plan does not have the table: its rows are not copied".to_owned(),
        accepted: true,
        ..Finding::default()
    }));
    for table in &whole.tables {
        let Some(plan) = edited.table(&table.name) else { continue };
        let missing = table.columns.iter().filter(|column| plan.column(&column.name).is_none());
        findings.extend(missing.filter(|_| !plan.existing).map(|column| Finding {
            code: "column-left-out".to_owned(),
            level: Level::LeftOut,
            table: Some(table.name.clone()),
            object: Some(column.name.clone()),
            message: "the plan does not have the column: its values are not copied".to_owned(),
            accepted: true,
            ..Finding::default()
        }));
    }
    accept::finish(findings, &options.accept);
    Ok(planned)
}

/// Rules for the columns whose type or reading is another in `edited` than in ours.
fn rules_for(ours: &Plan, edited: &Plan) -> Vec<TypeRule> {
    let mut rules = Vec::new();
    for table in ours.tables.iter().filter(|table| !table.existing) {
        let columns = edited.table(&table.source).map(|table| table.columns.as_slice()).unwrap_or_default();
        for column in columns {
            let same = |own: &super::ColumnPlan| own.pg_type == column.pg_type && own.reading == column.reading;
            if !table.column(&column.source).is_some_and(same) {
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
        plan.findings.extend(taken_out(table, &ours));
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
    plan.findings.extend(gone.map(|view| left_out("view-left-out", None, &view.source, "view")));
    plan.views.clone_from(&edited.views);
    plan.views_there.clone_from(&edited.views_there);
    for finding in &mut plan.findings {
        let same = |other: &Finding| {
            other.accepted
                && (&other.code, &other.table, &other.object) == (&finding.code, &finding.table, &finding.object)
        };
        finding.accepted |= edited.findings.iter().any(same);
    }
}

/// What a person has taken out of the plan: nobody else may take it for proven.
fn left_out(code: &str, table: Option<&str>, object: &str, what: &str) -> Finding {
    Finding {
        code: code.to_owned(),
        level: Level::LeftOut,
        table: table.map(str::to_owned),
        object: Some(object.to_owned()),
        message: format!("the plan does not have the {what}: it is not made"),
        accepted: true,
        ..Finding::default()
    }
}

/// The constraints and indexes of ours that `edited` has under no name and in no form.
fn taken_out(edited: &TablePlan, ours: &TablePlan) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |code: &str, name: &str, what: &str| {
        findings.push(left_out(code, Some(&ours.source), name, what));
    };
    let keys = |table: &TablePlan| table.primary_key.iter().chain(&table.uniques).cloned().collect::<Vec<_>>();
    let there = keys(edited);
    for key in keys(ours) {
        if !there.iter().any(|own| own.name == key.name || own.columns == key.columns) {
            add("unique-left-out", &key.name, "key");
        }
    }
    for check in &ours.checks {
        if !edited.checks.iter().any(|own| own.name == check.name || own.expression == check.expression) {
            add("check-left-out", &check.name, "check");
        }
    }
    for key in &ours.foreign_keys {
        if !edited.foreign_keys.iter().any(|own| own.name == key.name || own.columns == key.columns) {
            add("foreign-key-left-out", &key.name, "foreign key");
        }
    }
    for index in &ours.indexes {
        if !edited.indexes.iter().any(|own| own.name == index.name || own.terms == index.terms) {
            add("index-left-out", &index.name, "index");
        }
    }
    for column in &ours.columns {
        let own = edited.column(&column.source);
        if column.default.is_some() && own.is_some_and(|own| own.default.is_none() && own.generated.is_none()) {
            add("default-left-out", &column.source, "default");
        }
    }
    findings
}

/// What a plan has twice, where only one could be meant.
fn twice(edited: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |table: Option<&TablePlan>, names: Vec<String>, what: &str| {
        let mut seen = BTreeSet::new();
        findings.extend(names.into_iter().filter(|name| !seen.insert(name.clone())).map(|name| Finding {
            code: "plan-has-twice".to_owned(),
            level: Level::Blocker,
            table: table.map(|table| table.source.clone()),
            object: Some(name.clone()),
            message: format!("the plan has the {what} `{name}` twice"),
            choices: vec!["take one of them out of the plan".to_owned()],
            ..Finding::default()
        }));
    };
    look(None, edited.tables.iter().map(|table| table.source.to_ascii_lowercase()).collect(), "table");
    look(None, edited.tables.iter().map(|table| table.target.clone()).collect(), "table of the target");
    for table in &edited.tables {
        look(Some(table), table.columns.iter().map(|column| column.source.to_ascii_lowercase()).collect(), "column");
        let targets = table.columns.iter().map(|column| column.target.clone()).collect();
        look(Some(table), targets, "column of the target");
    }
    findings
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
