//! Partitions: an index of a partitioned table is one on each of its partitions, made by themselves and attached; those
//! that are there already are taken rather than built a second time.

use std::collections::BTreeMap;

use super::SuggestedIndex;
use super::names::{Names, quote};
use crate::Dialect;
use crate::audit::schema::{Index, IndexState, Keyed, Method, Schema, Table};

/// An index on one table, and those on its partitions that are attached to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableIndex {
    /// The table's schema, and so the index's.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The index's name.
    pub name: String,
    /// The table is partitioned: the index holds nothing of its own.
    pub partitioned: bool,
    /// The index is there already.
    pub reused: Option<Reused>,
    /// The indexes on the table's partitions.
    pub partitions: Vec<TableIndex>,
}

/// An index that was there before, and is made part of a partitioned one. Dropping that one drops it too, so the way back
/// has to make it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reused {
    /// It was attached to the index above it, which was there too.
    pub attached: bool,
    /// Its definition from `USING` on.
    pub tail: String,
    /// The name that it has on the way back until its own is free.
    pub stand_in: String,
}

impl TableIndex {
    /// Whether there is nothing to be done: it is all there, and attached.
    pub(super) fn is_there(&self) -> bool {
        self.reused.is_some()
            && self
                .partitions
                .iter()
                .all(|below| below.is_there() && below.reused.as_ref().is_some_and(|reused| reused.attached))
    }

    /// Whether any of it was there before.
    pub(super) fn reuses(&self) -> bool {
        self.reused.is_some() || self.partitions.iter().any(Self::reuses)
    }
}

/// Which tables are partitions of which.
pub(super) struct Forest<'a> {
    dialect: Dialect,
    partitions: BTreeMap<(&'a str, &'a str), Vec<&'a Table>>,
}

impl<'a> Forest<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let mut partitions: BTreeMap<(&str, &str), Vec<&Table>> = BTreeMap::new();
        for table in &schema.tables {
            if let Some((schema, name)) = &table.partition_of {
                partitions.entry((schema, name)).or_default().push(table);
            }
        }
        Self { dialect: schema.dialect, partitions }
    }

    fn partitions(&self, table: &'a Table) -> &[&'a Table] {
        self.partitions.get(&(table.schema.as_str(), table.name.as_str())).map_or(&[], Vec::as_slice)
    }

    /// The index on `table`, with those on its partitions.
    pub(super) fn index(&self, table: Option<&'a Table>, index: &SuggestedIndex, names: &mut Names<'_>) -> TableIndex {
        match table {
            Some(table) => self.on(table, index, None, names),
            None => TableIndex {
                schema: index.schema.clone(),
                table: index.table.clone(),
                name: names.give(&index.schema, &index.table, columns(index)),
                partitioned: false,
                reused: None,
                partitions: Vec::new(),
            },
        }
    }

    fn on(
        &self,
        table: &'a Table,
        index: &SuggestedIndex,
        above: Option<&TableIndex>,
        names: &mut Names<'_>,
    ) -> TableIndex {
        let there = self.there(table, index, above.filter(|above| above.reused.is_some()));
        let name = match there {
            Some((there, _)) => there.name.clone(),
            None => names.give(&table.schema, &table.name, columns(index)),
        };
        let reused = there.map(|(there, tail)| Reused {
            attached: there.partition_of.is_some(),
            tail: tail.to_owned(),
            stand_in: names.give(&table.schema, &table.name, columns(index)),
        });
        let mut on = TableIndex {
            schema: table.schema.clone(),
            table: table.name.clone(),
            name,
            partitioned: table.partitioned,
            reused,
            partitions: Vec::new(),
        };
        on.partitions = self.partitions(table).iter().map(|table| self.on(table, index, Some(&on), names)).collect();
        on
    }

    /// The index of `table` that can be taken, with its definition from `USING` on: the one that is attached to the one
    /// above where that is there, else one that is just what would be made and part of no other.
    fn there(
        &self,
        table: &'a Table,
        index: &SuggestedIndex,
        above: Option<&TableIndex>,
    ) -> Option<(&'a Index, &'a str)> {
        if self.dialect == Dialect::Sqlite {
            return None;
        }
        if let Some(above) = above
            && let Some(attached) = table.indexes.iter().find(|there| is_part_of(there, &above.schema, &above.name))
        {
            return Some((attached, tail(attached)?));
        }
        table.indexes.iter().find_map(|there| {
            let fits = there.partition_of.is_none() && is_same(there, index) && self.is_sound(table, there);
            fits.then(|| tail(there).map(|tail| (there, tail))).flatten()
        })
    }

    /// Whether the index can be used; that of a partitioned table: what is attached to it already, so that it can be once
    /// the rest is attached.
    fn is_sound(&self, table: &'a Table, index: &Index) -> bool {
        let usable = match index.state {
            IndexState::Usable => true,
            IndexState::Invalid => table.partitioned,
            IndexState::Building => false,
        };
        let attached_is_sound = |partition: &&'a Table| {
            let attached = partition.indexes.iter().find(|below| is_part_of(below, &table.schema, &index.name));
            attached.is_none_or(|below| tail(below).is_some() && self.is_sound(partition, below))
        };
        usable && self.partitions(table).iter().all(attached_is_sound)
    }
}

fn columns(index: &SuggestedIndex) -> impl Iterator<Item = &str> {
    index.keys.iter().map(|key| key.column.as_str())
}

fn is_part_of(index: &Index, schema: &str, name: &str) -> bool {
    index.partition_of.as_ref().is_some_and(|(above_schema, above)| above_schema == schema && above == name)
}

/// Whether `there` is what a plain `CREATE INDEX` over the keys would make, but for its storage parameters. What it is is
/// read from its definition too, which writes an operator class only where it is not the type's usual one. Where
/// collations or classes are to be written, how they would be written there depends on the search path: such are built
/// anew.
fn is_same(there: &Index, index: &SuggestedIndex) -> bool {
    let key = |(key, wanted): (&crate::audit::schema::Key, &super::SuggestedKey)| {
        matches!(&key.what, Keyed::Column(column) if *column == wanted.column)
            && !key.descending
            && !key.nulls_first
            && wanted.collation.is_none()
            && wanted.class.is_none()
    };
    let is_written_so = |tail: &str| {
        let columns: Vec<String> = columns(index).map(|column| quote(Dialect::Postgres, column)).collect();
        let written = format!(" USING btree ({})", columns.join(", "));
        tail.strip_prefix(&written).is_some_and(|rest| rest.is_empty() || rest.starts_with(" WITH ("))
    };
    there.method == Method::Btree
        && !there.unique
        && there.constraint.is_none()
        && there.predicate.is_none()
        && there.predicate_sql.is_none()
        && there.included.is_empty()
        && there.keys.len() == index.keys.len()
        && there.keys.iter().zip(&index.keys).all(key)
        && tail(there).is_some_and(is_written_so)
}

/// The definition from the method on.
fn tail(index: &Index) -> Option<&str> {
    index.definition.rfind(" USING ").map(|at| &index.definition[at..])
}
