//! What a person has renamed in a plan, followed by all that names it: keys, checks, indexes, views.

use crate::port::options::Options;
use crate::port::translate::objects;
use crate::schema::Schema;

use super::assemble::Planned;
use super::names::Names;
use super::{Finding, ForeignKeyPlan, IndexPlan, Level, Plan, TablePlan};

/// `edited` with the new names in whatever it has as we have written it, by the names that `options` alone give to the
/// `whole` schema, of which the plan has `schema`.
///
/// The same objects are made with either names: what equals ours by the old names becomes ours by the new ones. What a
/// person has written is left as it is, but for columns and parents of keys, which are plain names.
pub(super) fn renames(edited: &Plan, planned: &Planned, whole: &Schema, schema: &Schema, options: &Options) -> Plan {
    let mut edited = edited.clone();
    let (mut names, _) = Names::new(whole, options);
    let mut plain = planned.plan.clone();
    plain.findings.clear();
    plain.views.clear();
    for table in plain.tables.iter_mut().filter(|table| !table.existing) {
        names.table(&table.source).clone_into(&mut table.target);
        for column in &mut table.columns {
            names.column(&table.source, &column.source).clone_into(&mut column.target);
            column.generated = None;
        }
        table.primary_key = None;
        table.uniques.clear();
        table.checks.clear();
        table.foreign_keys.clear();
        table.indexes.clear();
    }
    if targets(&plain) == targets(&edited) {
        return edited;
    }
    objects::fill(schema, &mut plain, &mut names, &planned.facts, options);
    let ours = &planned.plan;
    for table in &mut edited.tables {
        let (Some(old), Some(new)) = (plain.table(&table.source), ours.table(&table.source)) else { continue };
        if !new.existing {
            follow(table, old, new);
        }
    }
    let now = edited.tables.clone();
    for key in edited.tables.iter_mut().flat_map(|table| &mut table.foreign_keys) {
        let named = now.iter().find(|table| table.target == key.parent);
        let Some(old) = plain.tables.iter().find(|table| table.target == key.parent) else { continue };
        let Some(new) = now.iter().find(|table| table.source == old.source) else { continue };
        // a name that another table has by now is meant as it is
        if named.is_none_or(|named| named.source == new.source) {
            key.parent.clone_from(&new.target);
            key.parent_columns.iter_mut().for_each(|name| rename(name, old, new));
        }
    }
    for view in &mut edited.views {
        let new = ours.views.iter().find(|new| new.source == view.source);
        let old = plain.views.iter().find(|old| old.source == view.source);
        if let (Some(old), Some(new)) = (old, new) {
            if view.query == old.query {
                view.query.clone_from(&new.query);
            }
            if view.columns == old.columns {
                view.columns.clone_from(&new.columns);
            }
        }
    }
    edited
}

/// The names of all tables and columns.
fn targets(plan: &Plan) -> Vec<(&str, Vec<&str>)> {
    plan.tables
        .iter()
        .map(|table| (table.target.as_str(), table.columns.iter().map(|column| column.target.as_str()).collect()))
        .collect()
}

/// The new name of a column, where the old one is none any more.
fn rename(name: &mut String, old: &TablePlan, new: &TablePlan) {
    if new.columns.iter().any(|column| column.target == *name) {
        return;
    }
    let source = old.columns.iter().find(|column| column.target == *name).map(|column| &column.source);
    if let Some(column) = source.and_then(|source| new.column(source)) {
        name.clone_from(&column.target);
    }
}

/// What `table` has as `old` has it becomes what `new` has in the same place. Names of constraints and indexes stay.
fn follow(table: &mut TablePlan, old: &TablePlan, new: &TablePlan) {
    for column in &mut table.columns {
        let (Some(old), Some(new)) = (old.column(&column.source), new.column(&column.source)) else { continue };
        if column.generated == old.generated {
            column.generated.clone_from(&new.generated);
        }
    }
    for check in &mut table.checks {
        let pair = old.checks.iter().zip(&new.checks).find(|(old, _)| old.expression == check.expression);
        if let Some((_, new)) = pair {
            check.expression.clone_from(&new.expression);
        }
    }
    for index in &mut table.indexes {
        let same = |one: &IndexPlan| {
            (one.unique, &one.terms, &one.predicate) == (index.unique, &index.terms, &index.predicate)
        };
        let pair = old.indexes.iter().zip(&new.indexes).find(|(old, _)| same(old));
        if let Some((_, new)) = pair {
            index.terms.clone_from(&new.terms);
            index.predicate.clone_from(&new.predicate);
        }
    }
    for key in &mut table.foreign_keys {
        let same = |one: &ForeignKeyPlan| {
            (&one.columns, &one.parent, &one.parent_columns) == (&key.columns, &key.parent, &key.parent_columns)
        };
        let pair = old.foreign_keys.iter().zip(&new.foreign_keys).find(|(old, _)| same(old));
        if let Some((_, new)) = pair {
            key.columns.clone_from(&new.columns);
            key.parent.clone_from(&new.parent);
            key.parent_columns.clone_from(&new.parent_columns);
        }
    }
    let now = table.clone();
    let keys = table.primary_key.iter_mut().chain(&mut table.uniques).map(|key| &mut key.columns);
    let keys = keys.chain(table.foreign_keys.iter_mut().map(|key| &mut key.columns));
    for name in keys.flatten() {
        rename(name, old, &now);
    }
}

/// Keys that name a table or column that the plan does not have: the server would refuse them when all rows are in.
pub(super) fn astray(plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in plan.tables.iter().filter(|table| !table.existing) {
        let mut add = |key: &str, message: String| {
            findings.push(Finding {
                code: "key-astray".to_owned(),
                level: Level::Blocker,
                table: Some(table.source.clone()),
                object: Some(key.to_owned()),
                message,
                choices: vec!["correct the key in the plan, or take it out".to_owned()],
                ..Finding::default()
            });
        };
        let lacks = |table: &TablePlan, columns: &[String]| {
            columns.iter().find(|name| !table.columns.iter().any(|column| column.target == **name)).cloned()
        };
        let keys = table.primary_key.iter().chain(&table.uniques).map(|key| (&key.name, &key.columns));
        for (name, columns) in keys.chain(table.foreign_keys.iter().map(|key| (&key.name, &key.columns))) {
            if let Some(column) = lacks(table, columns) {
                add(name, format!("the key is over `{column}`, and the plan has no such column in `{}`", table.target));
            }
        }
        for key in &table.foreign_keys {
            let Some(parent) = plan.tables.iter().find(|parent| parent.target == key.parent) else {
                add(&key.name, format!("the foreign key points to `{}`, and the plan has no such table", key.parent));
                continue;
            };
            // a table that is there may have columns that nothing is copied into
            if let Some(column) = lacks(parent, &key.parent_columns).filter(|_| !parent.existing) {
                let parent = &key.parent;
                add(
                    &key.name,
                    format!("the foreign key points to `{parent}`.`{column}`, and the plan has no such column"),
                );
            }
        }
    }
    findings
}
