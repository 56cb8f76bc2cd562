//! The fix: the fewest indexes that serve every foreign key that has none, and the migration that makes them.
//!
//! ```text
//! suggestions → merge (which sets share an index) → partitions (on which tables), names → sql (up, down) → migration
//! ```
//!
//! Everything is pure but [`plan_fix`], which reads the migrations folder, and [`write()`], which writes to it.

mod merge;
mod migration;
mod names;
mod partitions;
mod sql;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

pub use migration::{Fix, FixMigration, FixOptions, NAME, plan_fix, write};
pub use partitions::{Reused, TableIndex};
pub(super) use sql::up;
pub use sql::{Script, script};

use super::schema::{ForeignKey, Schema, Table};
use super::serve::Coverage;

/// An index that would serve a foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuggestedIndex {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Its keys, in order.
    pub keys: Vec<SuggestedKey>,
}

/// One key of a suggested index.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SuggestedKey {
    /// The column.
    pub column: String,
    /// The collation that has to be written, where it is not the column's own.
    pub collation: Option<String>,
    /// The operator class that has to be written, where it is not the type's own (PostgreSQL).
    pub class: Option<String>,
}

/// An index to be made, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedIndex {
    /// What it is over.
    pub index: SuggestedIndex,
    /// The foreign keys that it serves, in words, for comments: `c (a, b) references p`.
    pub serves: Vec<String>,
    /// The index on the table itself, with its name; and those on the table's partitions.
    pub on: TableIndex,
}

impl PlannedIndex {
    /// Its name: nothing else in the schema has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.on.name
    }
}

/// The indexes to be made for these: none twice, none that another serves as well, each with its name.
///
/// The fewest there can be for each table: a foreign key's columns may lead an index in any order, so those of one
/// index are a chain of sets, each within the next. A partition gets none of its own where its parent's serves. An
/// index that would be the same as one that is there already is left out.
#[must_use]
pub fn plan(schema: &Schema, suggested: &[SuggestedIndex]) -> Vec<PlannedIndex> {
    let planned = indexes(schema, suggested).into_iter().map(|(table, index, on)| {
        let serves = table.map_or_else(Vec::new, |table| served(schema, table, &index));
        PlannedIndex { index, serves, on }
    });
    planned.collect()
}

/// The same without what they serve: each with the table that it is on, where the schema has that.
pub(super) fn indexes<'a>(
    schema: &'a Schema,
    suggested: &[SuggestedIndex],
) -> Vec<(Option<&'a Table>, SuggestedIndex, TableIndex)> {
    if suggested.is_empty() {
        return Vec::new();
    }
    let tables: HashMap<TableName<'_>, &Table> =
        schema.tables.iter().map(|table| ((table.schema.as_str(), table.name.as_str()), table)).collect();
    let mut names = names::Names::new(schema);
    let forest = partitions::Forest::new(schema);
    let mut planned = Vec::new();
    for ((schema_name, table_name), keys) in merged(&parents(schema), suggested) {
        let index = SuggestedIndex { schema: schema_name.to_owned(), table: table_name.to_owned(), keys };
        let table = tables.get(&(schema_name, table_name)).copied();
        let on = forest.index(table, &index, &mut names);
        if on.is_there() {
            continue;
        }
        planned.push((table, index, on));
    }
    planned
}

/// A table by its schema and name.
type TableName<'a> = (&'a str, &'a str);

/// The partitioned table that each partition is part of.
fn parents(schema: &Schema) -> HashMap<TableName<'_>, TableName<'_>> {
    let tables = schema.tables.iter();
    tables
        .filter_map(|table| {
            let (schema, name) = table.partition_of.as_ref()?;
            Some(((table.schema.as_str(), table.name.as_str()), (schema.as_str(), name.as_str())))
        })
        .collect()
}

/// The keys of each index to be made, in the order in which the tables are first asked for.
fn merged<'a>(
    parents: &HashMap<TableName<'a>, TableName<'a>>,
    suggested: &'a [SuggestedIndex],
) -> Vec<(TableName<'a>, Vec<SuggestedKey>)> {
    let mut order: Vec<TableName<'a>> = Vec::new();
    let mut sets: HashMap<TableName<'a>, Vec<&'a [SuggestedKey]>> = HashMap::new();
    for index in suggested.iter().filter(|index| !index.keys.is_empty()) {
        let table = (index.schema.as_str(), index.table.as_str());
        let sets = sets.entry(table).or_insert_with(|| {
            order.push(table);
            Vec::new()
        });
        sets.push(&index.keys);
    }
    // parents before their partitions, whose indexes may then not be needed
    let mut parents_first = order.clone();
    parents_first.sort_by_cached_key(|table| ancestors(parents, *table).len());
    let mut indexes: HashMap<TableName<'a>, Vec<Vec<SuggestedKey>>> = HashMap::new();
    for table in parents_first {
        let above = ancestors(parents, table);
        let above: Vec<&Vec<SuggestedKey>> = above.iter().filter_map(|table| indexes.get(table)).flatten().collect();
        let needed: Vec<&[SuggestedKey]> =
            sets[&table].iter().copied().filter(|set| !above.iter().any(|keys| merge::leads(keys, set))).collect();
        indexes.insert(table, merge::merge(&needed));
    }
    let mut of = |table: TableName<'a>| indexes.remove(&table).into_iter().flatten().map(move |keys| (table, keys));
    order.into_iter().flat_map(&mut of).collect()
}

/// The partitioned tables that `table` is part of, the nearest first.
fn ancestors<'a>(parents: &HashMap<TableName<'a>, TableName<'a>>, table: TableName<'a>) -> Vec<TableName<'a>> {
    let mut found: Vec<TableName<'a>> = Vec::new();
    let mut at = table;
    while let Some(above) = parents.get(&at) {
        at = *above;
        if found.contains(&at) {
            break;
        }
        found.push(at);
    }
    found
}

/// The foreign keys of `table` whose columns lead `index`.
fn served(schema: &Schema, table: &Table, index: &SuggestedIndex) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let leads = |foreign_key: &&ForeignKey| {
        let has = |name: &String| index.keys.iter().any(|key| key.column == *name);
        foreign_key.columns.iter().all(|column| has(&column.column))
            && merge::leads(&index.keys, &SuggestedIndex::keys_for(table, foreign_key))
    };
    let words = table.foreign_keys.iter().filter(leads).map(|foreign_key| {
        let columns: Vec<String> =
            foreign_key.columns.iter().map(|column| names::quote(schema.dialect, &column.column)).collect();
        let child = names::qualified(schema.dialect, &table.schema, &table.name);
        let parent = names::qualified(schema.dialect, &foreign_key.parent_schema, &foreign_key.parent);
        format!("{child} ({}) references {parent}", columns.join(", "))
    });
    words.filter(|words| seen.insert(words.clone())).collect()
}

impl SuggestedIndex {
    /// The index that would serve a foreign key; `None` where it is served, or where no index can.
    #[must_use]
    pub fn of(table: &Table, foreign_key: &ForeignKey, coverage: &Coverage) -> Option<Self> {
        if coverage.level.covers() || coverage.blocked.is_some() {
            return None;
        }
        let keys = Self::keys_for(table, foreign_key);
        Some(Self { schema: table.schema.clone(), table: table.name.clone(), keys })
    }

    fn keys_for(table: &Table, foreign_key: &ForeignKey) -> Vec<SuggestedKey> {
        let keys = foreign_key.columns.iter().map(|column| {
            let own = table.column(&column.column).and_then(|own| own.collation.as_ref());
            let needed = column.search.collation.as_ref();
            SuggestedKey {
                column: column.column.clone(),
                collation: needed.filter(|needed| Some(*needed) != own).cloned(),
                class: column.search.class.clone(),
            }
        });
        keys.collect()
    }
}
