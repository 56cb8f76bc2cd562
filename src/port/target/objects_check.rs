//! Whether every object of a plan is in the target after the run, and as the plan has it. Pure.

use super::schema::{Constraint, ConstraintKind, OtherKind, TargetColumn, TargetSchema};
use crate::port::plan::{ColumnPlan, Finding, ForeignKeyPlan, IndexPlan, Level, Plan, TablePlan, ViewPlan};

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

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words of SQL")]
pub enum ObjectKind {
    Table,
    Column,
    Default,
    PrimaryKey,
    Unique,
    Check,
    ForeignKey,
    Index,
    View,
    Trigger,
}

impl ObjectKind {
    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Default => "default",
            Self::PrimaryKey => "primary key",
            Self::Unique => "unique constraint",
            Self::Check => "check constraint",
            Self::ForeignKey => "foreign key",
            Self::Index => "index",
            Self::View => "view",
            Self::Trigger => "trigger",
        }
    }
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

/// Compares what is in the target with the plan, object by object, in the plan's order; then what the plan leaves out.
#[must_use]
pub fn check_objects(plan: &Plan, target: &TargetSchema) -> Vec<ObjectResult> {
    let mut results = Vec::new();
    for table in &plan.tables {
        check_table(plan, table, target, &mut results);
    }
    for view in &plan.views {
        results.push(ObjectResult {
            kind: ObjectKind::View,
            table: String::new(),
            name: view.source.clone(),
            state: decided(plan, None, &[&view.source, &view.target], check_view(view, target)),
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

/// What differs; `None` where the object is missing.
type Differences = Option<Vec<String>>;

fn check_table(plan: &Plan, table: &TablePlan, target: &TargetSchema, results: &mut Vec<ObjectResult>) {
    let there = target.table(&table.target);
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
        add(
            ObjectKind::Column,
            &[&column.source, &column.target],
            found.map(|found| check_column(column, found, table.existing)),
        );
    }
    let constraint = |name: &str, kind: ConstraintKind| {
        target.constraints.iter().find(|constraint| {
            constraint.kind == kind
                && constraint.name == name
                && constraint.table == table.target
                && constraint.schema == target.name
        })
    };
    let keys = table.primary_key.iter().map(|key| (key, ObjectKind::PrimaryKey, ConstraintKind::PrimaryKey));
    let uniques = table.uniques.iter().map(|key| (key, ObjectKind::Unique, ConstraintKind::Unique));
    for (key, kind, constraint_kind) in keys.chain(uniques) {
        let found = constraint(&key.name, constraint_kind);
        add(kind, &[&key.name], found.map(|found| differing([("its columns", found.columns == key.columns)])));
    }
    for check in &table.checks {
        let found = constraint(&check.name, ConstraintKind::Check);
        add(ObjectKind::Check, &[&check.name], found.map(|found| validity(found, check.not_valid)));
    }
    for key in &table.foreign_keys {
        let found = constraint(&key.name, ConstraintKind::ForeignKey);
        add(ObjectKind::ForeignKey, &[&key.name], found.map(|found| check_foreign_key(key, found, &target.name)));
    }
    for index in &table.indexes {
        add(ObjectKind::Index, &[&index.name], check_index(index, &table.target, target));
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

/// A table that was there keeps what the plan says nothing of.
fn check_column(column: &ColumnPlan, found: &TargetColumn, existing: bool) -> Vec<String> {
    let as_planned = |planned: bool, there: bool| planned == there || (existing && !planned);
    let mut differences = differing([
        ("whether it is NOT NULL", as_planned(column.not_null, found.not_null)),
        ("whether it has a default", as_planned(column.default.is_some(), found.default.is_some())),
        ("whether it is an identity", as_planned(column.identity.is_some(), found.identity.is_some())),
        ("whether it is generated", as_planned(column.generated.is_some(), found.generated.is_some())),
    ]);
    // an enumeration read from a document has no labels: what is written in SQL is what tells types apart
    let planned = column.pg_type.to_string();
    if found.pg_type.as_ref().map(ToString::to_string).as_ref() != Some(&planned) {
        differences.push(format!("its type, `{}` instead of `{planned}`", found.type_name));
    }
    differences
}

fn validity(found: &Constraint, not_valid: bool) -> Vec<String> {
    match (found.valid, not_valid) {
        (false, false) => vec!["it is NOT VALID".to_owned()],
        (true, true) => vec!["it is valid, which the plan has it not be".to_owned()],
        _ => Vec::new(),
    }
}

fn check_foreign_key(key: &ForeignKeyPlan, found: &Constraint, schema: &str) -> Vec<String> {
    let clauses = key.clauses.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let action = |what: &str, there: char| {
        let planned = clauses.split_once(&format!("ON {what} ")).map_or("NO ACTION", |(_, action)| action);
        // the list of columns after SET NULL (…) is no part of the word
        ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"]
            .into_iter()
            .zip(['a', 'r', 'c', 'n', 'd'])
            .any(|(word, letter)| planned.starts_with(word) && letter == there)
    };
    let not_deferrable = clauses.contains("NOT DEFERRABLE");
    let parent = found.parent.as_deref() == Some(&key.parent) && found.parent_schema.as_deref() == Some(schema);
    let mut differences = differing([
        ("its columns", found.columns == key.columns),
        ("the table it refers to", parent),
        ("the columns it refers to", found.parent_columns == key.parent_columns),
        ("ON DELETE", action("DELETE", found.on_delete)),
        ("ON UPDATE", action("UPDATE", found.on_update)),
        ("whether it is deferrable", found.deferrable == (!not_deferrable && clauses.contains("DEFER"))),
        ("whether it is deferred", found.deferred == clauses.contains("INITIALLY DEFERRED")),
    ]);
    differences.extend(validity(found, key.not_valid));
    differences
}

fn check_index(index: &IndexPlan, table: &str, target: &TargetSchema) -> Differences {
    let found = target.indexes.iter().find(|found| found.name == index.name && found.table == table)?;
    let mut differences = differing([
        ("whether it is unique", found.unique == index.unique),
        ("how many terms it is over", found.terms == index.terms.len()),
        ("whether it is partial", found.predicate.is_some() == index.predicate.is_some()),
    ]);
    if !found.valid {
        differences.push("it is not valid".to_owned());
    }
    Some(differences)
}

fn check_view(view: &ViewPlan, target: &TargetSchema) -> Differences {
    let is_it = |other: &&super::OtherRelation| other.kind == OtherKind::View && other.name == view.target;
    let found = target.others.iter().find(is_it)?;
    let same = found.columns.iter().map(|column| &column.name).eq(&view.columns);
    Some(differing([("its columns", same)]))
}

fn differing<const N: usize>(facts: [(&str, bool); N]) -> Vec<String> {
    facts.into_iter().filter(|(_, same)| !same).map(|(what, _)| what.to_owned()).collect()
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
