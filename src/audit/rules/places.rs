//! Where tables, partitions and attached indexes stand in a schema, by name: looked up once for all rules.

use std::collections::HashMap;

use crate::audit::schema::Schema;

/// A schema and a name in it.
type Name<'a> = (&'a str, &'a str);

/// Where things stand; tables by their place in [`Schema::tables`], indexes by their place among their table's.
#[derive(Debug, Default)]
pub(super) struct Places<'a> {
    tables: HashMap<Name<'a>, usize>,
    parents: HashMap<usize, usize>,
    partitions: HashMap<usize, Vec<usize>>,
    attached: HashMap<Name<'a>, Vec<(usize, usize)>>,
}

impl<'a> Places<'a> {
    pub(super) fn of(schema: &'a Schema) -> Self {
        let tables = &schema.tables;
        let mut places = Self {
            tables: tables.iter().enumerate().map(|(at, table)| ((&*table.schema, &*table.name), at)).collect(),
            ..Self::default()
        };
        for (at, table) in tables.iter().enumerate() {
            if let Some(parent) = table.partition_of.as_ref().and_then(|(schema, name)| places.table(schema, name)) {
                places.parents.insert(at, parent);
                places.partitions.entry(parent).or_default().push(at);
            }
            for (position, index) in table.indexes.iter().enumerate() {
                if let Some((schema, name)) = &index.partition_of {
                    places.attached.entry((schema, name)).or_default().push((at, position));
                }
            }
        }
        places
    }

    /// The table of that schema and name.
    pub(super) fn table(&self, schema: &str, name: &str) -> Option<usize> {
        self.tables.get(&(schema, name)).copied()
    }

    /// The partitioned table that a table is a partition of.
    pub(super) fn parent(&self, table: usize) -> Option<usize> {
        self.parents.get(&table).copied()
    }

    /// The partitioned tables above a table, nearest first.
    pub(super) fn ancestors(&self, table: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.parent(table), |above| self.parent(*above))
    }

    /// A table's partitions, those of partitions left out.
    pub(super) fn partitions(&self, table: usize) -> &[usize] {
        self.partitions.get(&table).map_or(&[], Vec::as_slice)
    }

    /// The indexes attached to an index of a partitioned table, those attached to them included: table and index.
    pub(super) fn attached(&self, schema: &'a Schema, index: Name<'a>) -> Vec<(usize, usize)> {
        let mut found = self.attached.get(&index).cloned().unwrap_or_default();
        let mut at = 0;
        while let Some(&(table, position)) = found.get(at) {
            let table = &schema.tables[table];
            let below = (&*table.schema, &*table.indexes[position].name);
            found.extend(self.attached.get(&below).into_iter().flatten());
            at += 1;
        }
        found
    }
}
