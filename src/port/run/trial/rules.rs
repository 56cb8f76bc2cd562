//! What a target's table demands of its rows beyond their types: its CHECKs, and those of its columns' domains.

use std::cell::Cell;

use crate::port::plan::TablePlan;
use crate::port::target::{ConstraintKind, TargetColumn, TargetSchema, TargetTable, quoted};

/// One demand.
#[derive(Debug)]
pub(super) struct Rule {
    /// The constraint's name, or the source's column whose domain it is.
    pub object: String,
    /// What it is, in the middle of a sentence.
    pub said: String,
    /// The expression, as SQL over the columns of the table: false where a row is refused.
    pub condition: String,
    /// The target's columns that it reads.
    pub columns: Vec<String>,
    /// How many rows its expression has failed with, instead of giving true or false.
    pub raised: Cell<usize>,
    /// There were too many of those to look for all of them.
    pub gave_up: Cell<bool>,
}

/// A demand that can't be tried.
#[derive(Debug)]
pub(super) struct Untried {
    pub object: String,
    pub said: String,
    pub why: String,
}

/// The demands that can be tried, and those that can't.
pub(super) fn of(table: &TablePlan, there: &TargetTable, target: &TargetSchema) -> (Vec<Rule>, Vec<Untried>) {
    let mut rules = Vec::new();
    let checks = target.constraints.iter().filter(|constraint| {
        constraint.kind == ConstraintKind::Check
            && !constraint.is_unenforced()
            && (&constraint.schema, &constraint.table) == (&target.name, &there.name)
    });
    for check in checks {
        let Some(expression) = check.check_expression() else { continue };
        rules.push(Rule {
            object: check.name.clone(),
            said: format!("the target's constraint `{}`, CHECK ({expression})", check.name),
            condition: expression.to_owned(),
            columns: check.columns.clone(),
            raised: Cell::default(),
            gave_up: Cell::default(),
        });
    }
    for column in &table.columns {
        let Some(to) = there.column(&column.target) else { continue };
        for check in &to.domain_checks {
            rules.push(Rule {
                object: column.source.clone(),
                said: format!(
                    "the constraint `{}` of the domain {} of the target's column `{}`, CHECK ({})",
                    check.name, check.domain, to.name, check.expression
                ),
                // a name of the inner SELECT goes before one of the outer: VALUE is the value, whatever columns there are
                condition: format!(
                    "(SELECT ({}) FROM (SELECT {}.{} AS value) liftlock_value)",
                    check.expression,
                    quoted(&there.name),
                    quoted(&to.name)
                ),
                columns: vec![to.name.clone()],
                raised: Cell::default(),
                gave_up: Cell::default(),
            });
        }
    }
    let mut untried = Vec::new();
    rules.retain(|rule| {
        let hidden = needed(table, there, &rule.columns).find(|column| is_filled_elsewhere(table, column));
        if let Some(column) = hidden {
            let why = format!("it reads `{}`, which the target fills itself", column.name);
            untried.push(Untried { object: rule.object.clone(), said: rule.said.clone(), why });
        }
        hidden.is_none()
    });
    (rules, untried)
}

/// The target's columns that have to be known to work out what reads `columns`: with a generated one among them, any.
pub(super) fn needed<'t>(
    table: &TablePlan,
    there: &'t TargetTable,
    columns: &[String],
) -> impl Iterator<Item = &'t TargetColumn> {
    let reads = |column: &TargetColumn| columns.contains(&column.name);
    let computed = there.columns.iter().any(|column| reads(column) && column.generated.is_some());
    let sent: Vec<&str> = table.columns.iter().map(|column| column.target.as_str()).collect();
    let wanted: Vec<&TargetColumn> = there
        .columns
        .iter()
        .filter(|column| {
            reads(column) || computed && (sent.contains(&column.name.as_str()) || column.generated.is_some())
        })
        .collect();
    wanted.into_iter()
}

/// Whether the source gives a column its values.
pub(super) fn is_sent(table: &TablePlan, column: &TargetColumn) -> bool {
    table.columns.iter().any(|own| own.target == column.name && own.generated.is_none())
}

/// Whether what stands in a column can't be worked out without taking it from a sequence.
fn is_filled_elsewhere(table: &TablePlan, column: &TargetColumn) -> bool {
    let takes = column.default.as_deref().is_some_and(|default| default.contains("nextval("));
    !is_sent(table, column) && column.generated.is_none() && (takes || column.identity.is_some())
}
