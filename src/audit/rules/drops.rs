//! Which indexes can go because another does their work: decided for all of them together, so that whoever drops
//! everything that is suggested, or any part of it, keeps an index for each that went and for every foreign key.
//!
//! Exact duplicates go first, then what another one begins with, the shortest first. Every step looks only at what is
//! left, and keeps what a foreign key would miss. That an index does another's work is transitive, so what went early
//! still has its substitute when that one goes, too: the substitute's own.

use super::Subjects;
use super::needs::{Gone, think_away};
use crate::Dialect;
use crate::audit::schema::{Index, IndexState, Key, Keyed, Method, Table};

/// What can go, and what must not.
#[derive(Debug, Default)]
pub(super) struct Drops<'a> {
    /// What can go, table by table.
    pub drops: Vec<Drop>,
    /// Duplicates that can't: both belong to constraints, or something needs both. Table, the one and the other.
    pub twins: Vec<(usize, usize, usize)>,
    /// What is thought away.
    pub gone: Gone<'a>,
}

/// An index that can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drop {
    /// Its table.
    pub table: usize,
    /// Its place among the table's indexes.
    pub index: usize,
    /// What does its work, and how.
    pub instead: Instead,
}

/// What does an index's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    /// One that is the same.
    Same(usize),
    /// One that begins with its keys, and stays.
    Longer(usize),
    /// The table itself, which SQLite keeps in the order of that key.
    Rowid,
}

impl<'a> Drops<'a> {
    pub(super) fn of(subjects: &Subjects<'a>) -> Self {
        let mut drops = Self::default();
        let tables = &subjects.schema.tables;
        // partitioned tables before their partitions: what goes there takes along what is attached to it
        let mut order: Vec<usize> = (0..tables.len()).collect();
        order.sort_by_key(|at| subjects.places.ancestors(*at).count());
        for at in order {
            let table = &tables[at];
            drops.rowids(subjects, at, table);
            if table.indexes.len() > 1 {
                for group in groups(table) {
                    drops.duplicates(subjects, at, &group);
                    drops.prefixes(subjects, at, &group);
                }
            }
        }
        drops
    }

    fn is_gone(&self, table: &Table, index: &Index) -> bool {
        self.gone.contains(&(&*table.schema, &*index.name))
    }

    /// Whether it can be dropped and no foreign key misses it; then it is thought away.
    fn goes(&mut self, subjects: &Subjects<'a>, at: usize, index: usize) -> bool {
        subjects.is_droppable(at, index) && think_away(subjects, &mut self.gone, at, index).is_none()
    }

    /// Indexes over a SQLite table's rowid alone.
    fn rowids(&mut self, subjects: &Subjects<'a>, at: usize, table: &'a Table) {
        let Some(rowid) = &table.rowid_alias else { return };
        for (position, index) in table.indexes.iter().enumerate() {
            let over_it = matches!(&*index.keys, [Key { what: Keyed::Column(column), .. }] if column == rowid);
            if over_it && index.predicate.is_none() && self.goes(subjects, at, position) {
                self.drops.push(Drop { table: at, index: position, instead: Instead::Rowid });
            }
        }
    }

    fn duplicates(&mut self, subjects: &Subjects<'a>, at: usize, group: &[usize]) {
        let table = &subjects.schema.tables[at];
        let mut rest: Vec<usize> = group.to_vec();
        rest.retain(|index| !self.is_gone(table, &table.indexes[*index]));
        // what must stay stands first, then what has the plainest name
        rest.sort_by_key(|&index| {
            let name = &table.indexes[index].name;
            (subjects.is_droppable(at, index), name.len(), name)
        });
        while let Some(kept) = (!rest.is_empty()).then(|| rest.remove(0)) {
            let (same, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|other| is_same(&table.indexes[kept], &table.indexes[*other]));
            for index in same {
                if self.goes(subjects, at, index) {
                    self.drops.push(Drop { table: at, index, instead: Instead::Same(kept) });
                } else if table.indexes[index].partition_of.is_none() {
                    self.twins.push((at, index, kept));
                }
            }
            rest = others;
        }
    }

    fn prefixes(&mut self, subjects: &Subjects<'a>, at: usize, group: &[usize]) {
        let table = &subjects.schema.tables[at];
        let dialect = subjects.schema.dialect;
        let mut left: Vec<usize> = group.to_vec();
        left.retain(|index| !self.is_gone(table, &table.indexes[*index]));
        left.sort_by(|one, other| order(table, *one).cmp(&order(table, *other)));
        let mut went = Vec::new();
        for index in left.clone() {
            let substitute = |other: &usize| {
                *other != index && does_the_work_of(dialect, &table.indexes[*other], &table.indexes[index])
            };
            if left.iter().any(substitute) && self.goes(subjects, at, index) {
                left.retain(|other| *other != index);
                went.push(index);
            }
        }
        for index in went {
            let longer = left
                .iter()
                .copied()
                .filter(|other| does_the_work_of(dialect, &table.indexes[*other], &table.indexes[index]))
                .min_by(|one, other| order(table, *one).cmp(&order(table, *other)))
                .expect("doing another's work is transitive, so one that stays does it");
            self.drops.push(Drop { table: at, index, instead: Instead::Longer(longer) });
        }
    }
}

/// The shortest first, and of those that are alike the one with the plainer name last, so that it stays.
fn order(table: &Table, index: usize) -> (usize, usize, std::cmp::Reverse<usize>, &str) {
    let index = &table.indexes[index];
    (index.keys.len(), index.included.len(), std::cmp::Reverse(index.name.len()), &index.name)
}

/// Usable indexes by method and first key: those of different groups have nothing to do with each other.
fn groups(table: &Table) -> Vec<Vec<usize>> {
    let mut usable: Vec<usize> = (0..table.indexes.len()).collect();
    usable.retain(|at| {
        let index = &table.indexes[*at];
        index.state == IndexState::Usable && index.method != Method::Rowid && !index.keys.is_empty()
    });
    let group = |at: &usize| {
        let index = &table.indexes[*at];
        let first = match &index.keys[0].what {
            Keyed::Column(column) => (true, column),
            Keyed::Expression(expression) => (false, expression),
        };
        (method(index), first)
    };
    usable.sort_by(|one, other| group(one).cmp(&group(other)));
    let groups = usable.chunk_by(|one, other| group(one) == group(other));
    groups.filter(|group| group.len() > 1).map(<[usize]>::to_vec).collect()
}

/// A `WITHOUT ROWID` table's own tree is searched as any other b-tree is.
fn method(index: &Index) -> &Method {
    match &index.method {
        Method::Primary => &Method::Btree,
        method => method,
    }
}

/// Whether nothing but the name (and storage parameters) tells two indexes apart.
pub(super) fn is_same(one: &Index, other: &Index) -> bool {
    one.unique == other.unique
        && one.nulls_not_distinct == other.nulls_not_distinct
        && one.deferrable == other.deferrable
        && method(one) == method(other)
        && one.keys == other.keys
        && one.included == other.included
        && one.predicate == other.predicate
}

/// Whether `longer` finds and sorts whatever `short` does, so that `short` can go. Never for one that is unique: it
/// forbids what nothing else does.
fn does_the_work_of(dialect: Dialect, longer: &Index, short: &Index) -> bool {
    let shared = short.keys.iter().zip(&longer.keys);
    let has = |column: &String| {
        longer.included.contains(column) || longer.keys.iter().any(|key| key.what == Keyed::Column(column.clone()))
    };
    !short.unique
        && *method(short) == Method::Btree
        && *method(longer) == Method::Btree
        && short.keys.len() <= longer.keys.len()
        && [false, true]
            .into_iter()
            .any(|turned| shared.clone().all(|(one, other)| keys_agree(dialect, one, other, turned)))
        && short.predicate == longer.predicate
        && short.included.iter().all(has)
}

/// Whether two keys are over the same, and sorted alike, or (`turned`) as from the other end: a b-tree is read from either
/// side, so an index whose keys are all turned sorts as well. In SQLite NULL is less than any value, so that the direction
/// says all.
fn keys_agree(dialect: Dialect, one: &Key, other: &Key, turned: bool) -> bool {
    let nulls = match dialect {
        Dialect::Sqlite => true,
        Dialect::Postgres => (one.nulls_first != other.nulls_first) == turned,
    };
    nulls
        && (one.descending != other.descending) == turned
        && one.what == other.what
        && one.collation == other.collation
        && one.class == other.class
        && one.family == other.family
        && one.relabels == other.relabels
}

#[cfg(test)]
#[path = "drops_tests.rs"]
mod tests;
