//! Whether every object of a plan is in the target after the run, and as the plan has it. Pure.

mod differences;
mod worded;

use std::collections::HashMap;

use super::schema::{Constraint, ConstraintKind, TargetIndex, TargetSchema, TargetTable};
use crate::port::object_kind::ObjectKind;
use crate::port::plan::{Finding, Level, Plan, TablePlan};
use differences::Differences;
pub use worded::{Worded, read_worded};

/// What became of one object of the plan, or of one that the plan leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectResult {
    /// What it is.
    pub kind: ObjectKind,
    /// Its table in SQLite; empty where it has none.
    pub table: String,
    /// Its name: of a table, column or view in SQLite, of anything else in PostgreSQL.
    pub name: String,
    /// What became of it.
    pub state: ObjectState,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectState {
    /// It is there, as the plan has it.
    Same,
    /// It is there as the plan has it, which is not quite as it was in SQLite; why.
    ChangedAsDecided(String),
    /// The plan leaves it out; why.
    LeftOut(String),
    /// It is there, and not as the plan has it; in what.
    Different(String),
    /// It is not there.
    Missing,
}

/// What is in the target, to be found by its name.
struct There<'t> {
    schema: &'t TargetSchema,
    tables: HashMap<&'t str, &'t TargetTable>,
    /// By table and name.
    constraints: HashMap<(&'t str, &'t str), &'t Constraint>,
    /// By table and name.
    indexes: HashMap<(&'t str, &'t str), &'t TargetIndex>,
}

impl<'t> There<'t> {
    fn of(schema: &'t TargetSchema) -> Self {
        let own = schema.constraints.iter().filter(|constraint| constraint.schema == schema.name);
        Self {
            schema,
            tables: schema.tables.iter().map(|table| (table.name.as_str(), table)).collect(),
            constraints: own.map(|one| ((one.table.as_str(), one.name.as_str()), one)).collect(),
            indexes: schema.indexes.iter().map(|one| ((one.table.as_str(), one.name.as_str()), one)).collect(),
        }
    }

    fn constraint(&self, table: &str, name: &str, kind: ConstraintKind) -> Option<&'t Constraint> {
        self.constraints.get(&(table, name)).copied().filter(|constraint| constraint.kind == kind)
    }

    fn index(&self, table: &str, name: &str) -> Option<&'t TargetIndex> {
        self.indexes.get(&(table, name)).copied()
    }
}

/// Compares what is in the target with the plan, object by object, in the plan's order; then what the plan leaves out.
/// Expressions are compared as far as `worded` has them.
#[must_use]
pub fn check_objects(plan: &Plan, target: &TargetSchema, worded: &Worded) -> Vec<ObjectResult> {
    let (target, worded) = (There::of(target), There::of(worded.schema()));
    let mut results = Vec::new();
    for table in &plan.tables {
        check_table(plan, table, &target, &worded, &mut results);
    }
    for view in &plan.views {
        results.push(ObjectResult {
            kind: ObjectKind::View,
            table: String::new(),
            name: view.source.clone(),
            state: decided(plan, None, &[&view.source, &view.target], differences::view(view, target.schema)),
        });
    }
    let left = |finding: &&Finding| {
        // these are made, if NOT VALID, and told with their tables
        if ["orphans", "check-violated"].contains(&finding.code.as_str()) {
            return false;
        }
        let behind = ["missing-table", "missing-column", "no-conversion"].contains(&finding.code.as_str());
        finding.level == Level::LeftOut || (behind && finding.accepted)
    };
    for finding in plan.findings.iter().filter(left) {
        results.push(ObjectResult {
            kind: kind_of(finding),
            table: finding.table.clone().unwrap_or_default(),
            name: finding.object.clone().or_else(|| finding.table.clone()).unwrap_or_default(),
            state: ObjectState::LeftOut(finding.message.clone()),
        });
    }
    results
}

fn check_table(
    plan: &Plan,
    table: &TablePlan,
    target: &There<'_>,
    worded: &There<'_>,
    results: &mut Vec<ObjectResult>,
) {
    let name = table.target.as_str();
    let there = target.tables.get(name);
    let mut add = |kind, names: &[&String], differences| {
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        results.push(ObjectResult {
            kind,
            table: table.source.clone(),
            name: names.first().copied().unwrap_or_default().to_owned(),
            state: decided(plan, Some(&table.source), &names, differences),
        });
    };
    add(ObjectKind::Table, &[&table.source], there.map(|_| Vec::new()));
    for column in &table.columns {
        let found = there.and_then(|there| there.column(&column.target));
        let worded = worded.tables.get(name).and_then(|table| table.column(&column.target));
        let differences = found.map(|found| differences::column(column, found, worded, table.existing));
        add(ObjectKind::Column, &[&column.source, &column.target], differences);
    }
    let keys = table.primary_key.iter().map(|key| (key, ObjectKind::PrimaryKey, ConstraintKind::PrimaryKey));
    let uniques = table.uniques.iter().map(|key| (key, ObjectKind::Unique, ConstraintKind::Unique));
    for (key, kind, constraint_kind) in keys.chain(uniques) {
        let found = target.constraint(name, &key.name, constraint_kind);
        let index = target.index(name, &key.name);
        add(kind, &[&key.name], found.map(|found| differences::key(key, found, index)));
    }
    for check in &table.checks {
        let found = target.constraint(name, &check.name, ConstraintKind::Check);
        let worded = worded.constraint(name, &check.name, ConstraintKind::Check);
        add(ObjectKind::Check, &[&check.name], found.map(|found| differences::check(check, found, worded)));
    }
    for key in &table.foreign_keys {
        let found = target.constraint(name, &key.name, ConstraintKind::ForeignKey);
        let schema = &target.schema.name;
        add(ObjectKind::ForeignKey, &[&key.name], found.map(|found| differences::foreign_key(key, found, schema)));
    }
    for index in &table.indexes {
        let found = target.index(name, &index.name);
        let worded = worded.index(name, &index.name);
        add(ObjectKind::Index, &[&index.name], found.map(|found| differences::index(index, found, worded)));
    }
    let planned = table.checks.iter().map(|check| (&check.name, check.not_valid));
    let planned = planned.chain(table.foreign_keys.iter().map(|key| (&key.name, key.not_valid)));
    for (name, _) in planned.filter(|(_, not_valid)| *not_valid) {
        let of_this =
            |one: &&mut ObjectResult| one.table == table.source && one.name == *name && one.state == ObjectState::Same;
        if let Some(one) = results.iter_mut().find(of_this) {
            let why = "it is NOT VALID, since rows that are there break it; it holds for new rows";
            one.state = ObjectState::ChangedAsDecided(why.to_owned());
        }
    }
}

/// The state of an object with those differences, where a finding may say that it was changed on purpose.
fn decided(plan: &Plan, table: Option<&str>, names: &[&str], differences: Differences) -> ObjectState {
    let Some(differences) = differences else { return ObjectState::Missing };
    if !differences.is_empty() {
        return ObjectState::Different(differences.join("; "));
    }
    let about = |finding: &&Finding| {
        let object = finding.object.as_deref();
        let of_table = finding.table.as_deref() == table;
        let is_table = table.is_some() && names == [table.unwrap_or_default()];
        matches!(finding.level, Level::Change | Level::Assumption)
            && of_table
            && object.map_or(is_table, |object| names.contains(&object))
    };
    let texts: Vec<&str> = plan.findings.iter().filter(about).map(|finding| finding.message.as_str()).collect();
    if texts.is_empty() { ObjectState::Same } else { ObjectState::ChangedAsDecided(texts.join("; ")) }
}

/// What a finding is about, by its code.
fn kind_of(finding: &Finding) -> ObjectKind {
    let words = [
        ("trigger", ObjectKind::Trigger),
        ("view", ObjectKind::View),
        ("index", ObjectKind::Index),
        ("check", ObjectKind::Check),
        ("foreign", ObjectKind::ForeignKey),
        ("unique", ObjectKind::Unique),
        ("primary", ObjectKind::PrimaryKey),
        ("default", ObjectKind::Default),
        ("table", ObjectKind::Table),
    ];
    let by_code = words.into_iter().find(|(word, _)| finding.code.contains(word)).map(|(_, kind)| kind);
    by_code.unwrap_or(if finding.object.is_some() { ObjectKind::Column } else { ObjectKind::Table })
}
