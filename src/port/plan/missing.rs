//! What the source has and an edited plan has not, and what such a plan has twice.

use std::collections::BTreeSet;

use super::{Finding, ForeignKeyPlan, IndexPlan, Level, Plan, TablePlan};

/// What is left out of the plan: a person has taken it out, or the source has gained it since. Nobody knows which, so
/// that it is for a person to accept.
fn left_out(code: &str, table: Option<&str>, object: Option<&str>, message: String) -> Finding {
    let name = object.or(table).unwrap_or_default();
    Finding {
        code: code.to_owned(),
        level: Level::LeftOut,
        table: table.map(str::to_owned),
        object: object.map(str::to_owned),
        message,
        choices: vec![
            "put it into the plan: `--plan-out` writes a fresh one to take it from".to_owned(),
            format!(
                "leave it out: `--accept {code}:{name}`, or a finding of that code and name with `accepted: true` in the \
                 plan"
            ),
        ],
        ..Finding::default()
    }
}

/// A view that the plan does not have.
pub(super) fn view(name: &str) -> Finding {
    left_out("view-left-out", None, Some(name), unmade("view"))
}

fn unmade(what: &str) -> String {
    format!("the source has the {what}, and the plan does not: it is not made")
}

/// A table that the plan does not have.
pub(super) fn table(name: &str) -> Finding {
    let message = "the source has the table, and the plan does not: its rows are not copied";
    left_out("table-left-out", Some(name), None, message.to_owned())
}

/// A column that the plan does not have.
pub(super) fn column(table: &str, name: &str) -> Finding {
    let message = "the source has the column, and the plan does not: its values are not copied";
    left_out("column-left-out", Some(table), Some(name), message.to_owned())
}

/// The constraints and indexes of ours that `edited` has under no name and in no form.
pub(super) fn objects(edited: &TablePlan, ours: &TablePlan) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |code: &str, name: &str, what: &str| {
        findings.push(left_out(code, Some(&ours.source), Some(name), unmade(what)));
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
    let is_same = |own: &ForeignKeyPlan, key: &ForeignKeyPlan| own.columns == key.columns && own.parent == key.parent;
    for key in &ours.foreign_keys {
        if !edited.foreign_keys.iter().any(|own| own.name == key.name || is_same(own, key)) {
            add("foreign-key-left-out", &key.name, "foreign key");
        }
    }
    let is_same = |own: &IndexPlan, index: &IndexPlan| {
        (own.unique, &own.terms, &own.predicate) == (index.unique, &index.terms, &index.predicate)
    };
    for index in &ours.indexes {
        if !edited.indexes.iter().any(|own| own.name == index.name || is_same(own, index)) {
            add("index-left-out", &index.name, "index");
        }
    }
    for column in &ours.columns {
        let own = edited.column(&column.source);
        if column.default.is_some() && own.is_some_and(|own| own.default.is_none() && own.generated.is_none()) {
            add("default-left-out", &column.source, "default");
        }
    }
    for column in plain(edited, ours) {
        findings.push(Finding {
            code: "generated-as-plain".to_owned(),
            level: Level::Change,
            table: Some(ours.source.clone()),
            object: Some(column.to_owned()),
            message: format!(
                "`{column}` is generated in SQLite, and the plan makes it a plain column that keeps its values: new rows \
                 must bring their own."
            ),
            ..Finding::default()
        });
    }
    findings
}

/// The columns that are generated in ours, and plain in `edited`.
pub(super) fn plain<'t>(edited: &'t TablePlan, ours: &'t TablePlan) -> impl Iterator<Item = &'t str> {
    let generated = ours.columns.iter().filter(|column| column.generated.is_some());
    let is_plain = |name: &str| edited.column(name).is_some_and(|own| own.generated.is_none());
    generated.map(|column| column.source.as_str()).filter(move |name| is_plain(name))
}

/// What a plan has twice, where only one could be meant.
pub(super) fn twice(edited: &Plan) -> Vec<Finding> {
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
