//! Names of the sequences behind identities, where the name that PostgreSQL would take is another relation's.

use std::collections::BTreeSet;

use crate::port::plan::{ColumnPlan, Plan, TablePlan};

/// The longest name of PostgreSQL's, in bytes (`NAMEDATALEN` less its end).
const LONGEST: usize = 63;

/// The names that a plan gives, gathered once for all of its sequences.
pub(super) struct Sequences<'p> {
    plan: &'p Plan,
    /// What shares one space of names with sequences, and is made by the plan.
    relations: BTreeSet<&'p str>,
}

impl<'p> Sequences<'p> {
    pub(super) fn of(plan: &'p Plan) -> Self {
        let mut relations: BTreeSet<&str> = plan.views.iter().map(|view| view.target.as_str()).collect();
        for table in &plan.tables {
            relations.insert(&table.target);
            relations.extend(table.primary_key.iter().chain(&table.uniques).map(|key| key.name.as_str()));
            relations.extend(table.indexes.iter().map(|index| index.name.as_str()));
        }
        Self { plan, relations }
    }

    /// A name for an identity's sequence, where PostgreSQL would take one that a relation of the plan has or will
    /// have; `None` where it may choose.
    pub(super) fn named(&self, table: &TablePlan, column: &ColumnPlan) -> Option<String> {
        column.identity?;
        let chosen = automatic(&table.target, &column.target, "");
        if !self.relations.contains(chosen.as_str()) {
            return None;
        }
        let tables = &self.plan.tables;
        let others: BTreeSet<String> = tables
            .iter()
            .flat_map(|table| table.columns.iter().map(|column| automatic(&table.target, &column.target, "")))
            .collect();
        // two identities that would have one name come to different numbers by their tables' places
        let place = tables.iter().position(|one| one.source == table.source).unwrap_or_default();
        (place + 1..)
            .map(|number| automatic(&table.target, &column.target, &number.to_string()))
            .find(|name| !self.relations.contains(name.as_str()) && !others.contains(name))
    }
}

/// `table_column_seq`, cut as PostgreSQL does it (`makeObjectName` in `indexcmds.c`): the longer part first.
fn automatic(table: &str, column: &str, number: &str) -> String {
    let room = LONGEST - "__seq".len() - number.len();
    let (mut first, mut second) = (table.len(), column.len());
    while first + second > room {
        if first > second {
            first -= 1;
        } else {
            second -= 1;
        }
    }
    let cut = |name: &str, most: usize| -> String {
        let end = (0..=most).rev().find(|at| name.is_char_boundary(*at)).unwrap_or_default();
        name[..end].to_owned()
    };
    format!("{}_{}_seq{number}", cut(table, first), cut(column, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_where_it_is_longest() {
        assert_eq!(automatic("a", "id", ""), "a_id_seq");
        assert_eq!(automatic(&"t".repeat(63), "id", ""), format!("{}_id_seq", "t".repeat(56)));
        assert_eq!(
            automatic(&"t".repeat(63), &"c".repeat(63), ""),
            format!("{}_{}_seq", "t".repeat(29), "c".repeat(29))
        );
        assert_eq!(automatic(&"ä".repeat(31), "id", ""), format!("{}_id_seq", "ä".repeat(28)));
    }
}
