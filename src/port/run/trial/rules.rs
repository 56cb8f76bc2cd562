//! What a target's table demands of its rows beyond their types: its CHECKs, and those of its columns' domains.

use std::cell::Cell;

use crate::port::plan::TablePlan;
use crate::port::target::{ConstraintKind, TargetColumn, TargetSchema, TargetTable, quoted};

/// One demand that a row satisfies or not, whatever other rows there are in the source.
#[derive(Debug)]
pub(super) struct Rule {
    pub kind: Kind,
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

/// What a demand is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The row's own values.
    Check,
    /// That there is a partition for it.
    Partition,
    /// Rows that the target holds; by its primary key, or else.
    Held { primary: bool },
    /// Rows of the source.
    Among,
}

/// A demand that can't be tried.
#[derive(Debug)]
pub(super) struct Untried {
    pub object: String,
    pub said: String,
    pub why: String,
}

impl Rule {
    pub fn new(kind: Kind, object: &str, said: String, condition: String, columns: Vec<String>) -> Self {
        let object = object.to_owned();
        Self { kind, object, said, condition, columns, raised: Cell::default(), gave_up: Cell::default() }
    }
}

/// The CHECKs of a table and of its columns' domains.
pub(super) fn of(table: &TablePlan, there: &TargetTable, target: &TargetSchema) -> Vec<Rule> {
    let mut rules = Vec::new();
    let checks = target.constraints.iter().filter(|constraint| {
        constraint.kind == ConstraintKind::Check
            && !constraint.is_unenforced()
            && (&constraint.schema, &constraint.table) == (&target.name, &there.name)
    });
    for check in checks {
        let Some(expression) = check.check_expression() else { continue };
        let said = format!("the target's constraint `{}`, CHECK ({expression})", check.name);
        rules.push(Rule::new(Kind::Check, &check.name, said, expression.to_owned(), check.columns.clone()));
    }
    for column in &table.columns {
        let Some(to) = there.column(&column.target) else { continue };
        for check in &to.domain_checks {
            let said = format!(
                "the constraint `{}` of the domain {} of the target's column `{}`, CHECK ({})",
                check.name, check.domain, to.name, check.expression
            );
            // a name of the inner SELECT goes before one of the outer: VALUE is the value, whatever columns there are
            let condition = format!(
                "(SELECT ({}) FROM (SELECT {}.{} AS value) liftlock_value)",
                check.expression,
                quoted(&there.name),
                quoted(&to.name)
            );
            rules.push(Rule::new(Kind::Check, &column.source, said, condition, vec![to.name.clone()]));
        }
    }
    rules
}

/// Takes out the demands that can't be tried, and says why.
pub(super) fn take_untried(rules: &mut Vec<Rule>, table: &TablePlan, there: &TargetTable) -> Vec<Untried> {
    let mut untried = Vec::new();
    rules.retain(|rule| {
        let hidden = hidden(table, there, &rule.columns);
        if let Some(column) = hidden {
            let why = format!("it reads `{}`, which the target fills itself", column.name);
            untried.push(Untried { object: rule.object.clone(), said: rule.said.clone(), why });
        }
        hidden.is_none()
    });
    untried
}

/// A column that has to be known to work out what reads `columns`, and that is not known before the copy.
pub(super) fn hidden<'t>(table: &TablePlan, there: &'t TargetTable, columns: &[String]) -> Option<&'t TargetColumn> {
    needed(table, there, columns).find(|column| is_filled_elsewhere(table, column))
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
pub(super) fn is_filled_elsewhere(table: &TablePlan, column: &TargetColumn) -> bool {
    let takes = column.default.as_deref().is_some_and(|default| default.contains("nextval("));
    !is_sent(table, column) && column.generated.is_none() && (takes || column.identity.is_some())
}
