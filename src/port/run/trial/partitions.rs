//! What partitions demand of their rows: that there is one for each, and what one has besides its table's constraints.

use super::rules::{Kind, Rule};
use crate::port::target::{ConstraintKind, Partition, TargetSchema, TargetTable, quoted};

/// The demands of a table's partitions.
pub(super) fn of(there: &TargetTable, target: &TargetSchema) -> Vec<Rule> {
    let is_of = |of: &[String]| of.contains(&there.name);
    let partitions: Vec<&Partition> = target.partitions.iter().filter(|one| is_of(&one.of)).collect();
    let mut rules = Vec::new();
    if !there.partitioned {
        return rules;
    }
    let leaves: Vec<&Partition> = partitions.iter().copied().filter(|one| !one.partitioned).collect();
    // one without bounds takes every row
    if leaves.iter().all(|leaf| leaf.bounds.is_some()) {
        let bounds: Vec<&str> = leaves.iter().filter_map(|leaf| leaf.bounds.as_deref()).collect();
        let any: Vec<String> = bounds.iter().map(|bounds| format!("({bounds}) IS TRUE")).collect();
        let condition = if any.is_empty() { "false".to_owned() } else { any.join(" OR ") };
        let said = format!("the partitions of `{}`", there.name);
        rules.push(Rule::new(Kind::Partition, &there.name, said, condition, read_by(there, &bounds.join(" "))));
    }
    for partition in partitions {
        let bounds = partition.bounds.as_deref().unwrap_or("true");
        let mut add = |object: &str, said: String, expression: &str, columns: &[String]| {
            let condition = format!("CASE WHEN ({bounds}) THEN ({expression}) ELSE true END");
            let mut all = columns.to_vec();
            all.extend(read_by(there, bounds).into_iter().filter(|name| !columns.contains(name)));
            rules.push(Rule::new(Kind::Check, object, said, condition, all));
        };
        let own = target.constraints.iter().filter(|check| {
            check.kind == ConstraintKind::Check
                && !check.inherited
                && !check.is_unenforced()
                && (&check.schema, &check.table) == (&partition.schema, &partition.name)
        });
        for check in own {
            let Some(expression) = check.check_expression() else { continue };
            let said =
                format!("the constraint `{}` of the partition `{}`, CHECK ({expression})", check.name, partition.name);
            add(&check.name, said, expression, &check.columns);
        }
        for column in &partition.not_null {
            let said = format!("the NOT NULL of `{column}` in the partition `{}`", partition.name);
            add(column, said, &format!("{} IS NOT NULL", quoted(column)), std::slice::from_ref(column));
        }
    }
    rules
}

/// The columns that an expression may read: those whose name is in it. One too many costs a little, and is no error.
pub(super) fn read_by(there: &TargetTable, expression: &str) -> Vec<String> {
    let named = there.columns.iter().filter(|column| expression.contains(&column.name.replace('"', "\"\"")));
    named.map(|column| column.name.clone()).collect()
}
