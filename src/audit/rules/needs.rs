//! Which foreign keys need an index: found by thinking it away and judging again.

use std::collections::HashSet;

use super::Subjects;
use crate::audit::schema::{Index, Table};
use crate::audit::serve::{self, Coverage, Level};

/// Indexes that are thought away, by schema and name.
pub(super) type Gone<'a> = HashSet<(&'a str, &'a str)>;

/// Thinks an index away, with those attached to it, beside what is `gone` already, unless a foreign key would be served
/// worse by what is left: that one is given instead (table and foreign key), and `gone` stays as it was.
pub(super) fn think_away<'a>(
    subjects: &Subjects<'a>,
    gone: &mut Gone<'a>,
    table: usize,
    index: usize,
) -> Option<(usize, usize)> {
    let tables = &subjects.schema.tables;
    let going = subjects.going_with(table, index);
    let mut concerned: Vec<usize> = going.iter().map(|(table, _)| *table).collect();
    concerned.extend(subjects.places.ancestors(table));
    concerned.sort_unstable();
    concerned.dedup();
    let names = going.iter().map(|&(table, index)| {
        let table = &tables[table];
        (&*table.schema, &*table.indexes[index].name)
    });
    let added: Vec<_> = names.filter(|name| gone.insert(*name)).collect();
    let there = |table: &Table, index: &Index| !gone.contains(&(&*table.schema, &*index.name));
    let mut foreign_keys = concerned
        .iter()
        .flat_map(|&table| subjects.coverage[table].iter().enumerate().map(move |(at, before)| (table, at, before)));
    let loser = foreign_keys.find(|(table, at, before)| {
        let table = &tables[*table];
        if before.level == Level::None || (!table.partitioned && stays(table, before, gone)) {
            return false;
        }
        let after = serve::judge(subjects.schema, table, &table.foreign_keys[*at], &there);
        !after.level.covers() && after.level < before.level
    });
    let loser = loser.map(|(table, at, _)| (table, at));
    if loser.is_some() {
        for name in added {
            gone.remove(&name);
        }
    }
    loser
}

/// Whether the index that serves a foreign key best is still there: then nothing has to be judged again.
fn stays(table: &Table, before: &Coverage, gone: &Gone<'_>) -> bool {
    before.index.as_ref().is_some_and(|index| !gone.contains(&(&*table.schema, &**index)))
}
