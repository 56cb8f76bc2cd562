//! The rules: one a file, each a pure function from a schema and its statistics to findings.

mod boolean_index;
mod constraint_not_valid;
mod drops;
mod duplicate_foreign_key;
mod duplicate_index;
mod foreign_key_parent;
mod foreign_key_type;
mod foreign_keys_off;
mod invalid_index;
mod key_near_maximum;
mod missing_foreign_key_index;
mod mostly_null_index;
mod needs;
mod no_primary_key;
mod places;
mod redundant_index;
#[cfg(test)]
pub(crate) mod testing;
mod unused_index;
mod words;

use std::sync::OnceLock;

use super::finding::{Finding, Severity};
use super::schema::{ForeignKey, Index, IndexState, Method, Schema, Table};
use super::serve::Coverage;
use super::statistics::Statistics;
use drops::Drops;
use places::Places;

/// What a rule looks at.
#[derive(Debug)]
pub struct Subjects<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// What is known of its rows.
    pub statistics: &'a Statistics,
    /// How every foreign key is served: for each table of [`Schema::tables`], for each of its foreign keys. Judged once
    /// for all rules.
    pub coverage: &'a [Vec<Coverage>],
    /// Where tables, partitions and attached indexes are found by name.
    places: Places<'a>,
    /// Which indexes can go, decided when the first rule asks.
    drops: OnceLock<Drops<'a>>,
}

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, as flags and ignore lists have it.
    pub name: &'static str,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// The severity of its findings, or of the worst of them.
    pub severity: Severity,
    /// Whether it looks unless told otherwise.
    pub on: bool,
    /// What it finds.
    pub check: fn(&Subjects<'_>) -> Vec<Finding>,
}

/// Every rule, in the order in which they are listed.
pub const RULES: &[Rule] = &[
    missing_foreign_key_index::RULE,
    foreign_key_parent::RULE,
    foreign_keys_off::RULE,
    foreign_key_type::RULE,
    duplicate_index::RULE,
    redundant_index::RULE,
    invalid_index::RULE,
    no_primary_key::RULE,
    key_near_maximum::RULE,
    duplicate_foreign_key::RULE,
    constraint_not_valid::RULE,
    unused_index::RULE,
    boolean_index::RULE,
    mostly_null_index::RULE,
];

impl<'a> Subjects<'a> {
    /// What the rules look at, made ready for them. `coverage` has an entry for every foreign key of every table.
    #[must_use]
    pub fn new(schema: &'a Schema, statistics: &'a Statistics, coverage: &'a [Vec<Coverage>]) -> Self {
        Self { schema, statistics, coverage, places: Places::of(schema), drops: OnceLock::new() }
    }

    /// Every foreign key, with its table and how it is served.
    fn foreign_keys(&self) -> impl Iterator<Item = (usize, &'a Table, &'a ForeignKey, &'a Coverage)> {
        let tables = self.schema.tables.iter().zip(self.coverage).enumerate();
        tables.flat_map(|(at, (table, coverage))| {
            let foreign_keys = table.foreign_keys.iter().zip(coverage);
            foreign_keys.map(move |(foreign_key, coverage)| (at, table, foreign_key, coverage))
        })
    }

    /// Every index with its table, both with their places.
    fn indexes(&self) -> impl Iterator<Item = (usize, &'a Table, usize, &'a Index)> {
        self.schema.tables.iter().enumerate().flat_map(|(at, table)| {
            table.indexes.iter().enumerate().map(move |(position, index)| (at, table, position, index))
        })
    }

    /// An index and all that go with it: those of partitions that are attached to it.
    fn going_with(&self, table: usize, index: usize) -> Vec<(usize, usize)> {
        let of = &self.schema.tables[table];
        let mut going = vec![(table, index)];
        if of.partitioned {
            going.extend(self.places.attached(self.schema, (&of.schema, &of.indexes[index].name)));
        }
        going
    }

    /// Whether an index could be dropped by itself, foreign keys apart; else why not, as a clause.
    fn droppable(&self, table: usize, index: usize) -> Result<(), String> {
        let of = &self.schema.tables[table].indexes[index];
        if matches!(of.method, Method::Rowid | Method::Primary) {
            return Err("it is the table itself".to_owned());
        }
        if let Some(owner) = &of.constraint {
            return Err(match &*owner.name {
                "" => "a constraint of the table keeps it".to_owned(),
                name => format!("the constraint `{name}` keeps it"),
            });
        }
        if let Some((_, name)) = &of.partition_of {
            return Err(format!("it is a part of `{name}`"));
        }
        if of.state == IndexState::Building {
            return Err("it is being built".to_owned());
        }
        let needed = |&(table, index): &(usize, usize)| self.schema.tables[table].indexes[index].needed.clone();
        self.going_with(table, index).iter().find_map(needed).map_or(Ok(()), Err)
    }

    /// Whether [`Subjects::droppable`] says yes; asked of every index, so without a word.
    fn is_droppable(&self, table: usize, index: usize) -> bool {
        let of = &self.schema.tables[table];
        let index_of = &of.indexes[index];
        index_of.constraint.is_none()
            && index_of.partition_of.is_none()
            && index_of.needed.is_none()
            && !matches!(index_of.method, Method::Rowid | Method::Primary)
            && (!of.partitioned && index_of.state == IndexState::Usable || self.droppable(table, index).is_ok())
    }

    /// Which indexes can go because another does their work.
    fn drops(&self) -> &Drops<'a> {
        self.drops.get_or_init(|| Drops::of(self))
    }

    /// The size of an index, with those attached to it; `None` where nobody knows.
    fn bytes(&self, table: &Table, index: &Index) -> Option<u64> {
        self.sum(table, index, |statistics| statistics.bytes)
    }

    /// The sum of what is counted of an index, or of those attached to it; `None` where something of it isn't known.
    fn sum(
        &self,
        table: &Table,
        index: &Index,
        counted: fn(&super::statistics::IndexStatistics) -> Option<u64>,
    ) -> Option<u64> {
        let count = |schema: &str, name: &str| {
            self.statistics.indexes.get(&(schema.to_owned(), name.to_owned())).and_then(counted)
        };
        if !table.partitioned {
            return count(&table.schema, &index.name);
        }
        let at = self.places.table(&table.schema, &table.name)?;
        let position = table.indexes.iter().position(|other| other.name == index.name)?;
        let parts = self.going_with(at, position).into_iter();
        let parts = parts.map(|(table, index)| (&self.schema.tables[table], index));
        // a partitioned index holds nothing itself
        let leaves = parts.filter(|(table, _)| !table.partitioned);
        leaves.map(|(table, index)| count(&table.schema, &table.indexes[index].name)).sum()
    }
}

#[cfg(test)]
mod tests;
