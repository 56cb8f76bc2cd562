//! A partitioned table: the search goes through every partition that holds rows.

use super::best;
use super::words::{listed, named};
use super::{Counts, Coverage, Level, by_index};
use crate::audit::schema::{ForeignKey, Index, IndexState, Schema, Table};

/// So many partitions are named.
const NAMED: usize = 3;

/// How it is served: by a valid index of the partitioned table, which every partition has a part of, now and later; or
/// by indexes of the partitions' own, as well as the worst of them.
pub(super) fn judge(schema: &Schema, table: &Table, foreign_key: &ForeignKey, counts: &Counts<'_>) -> Coverage {
    // a partition's part of an index goes with the whole
    let counts = |table: &Table, index: &Index| counts(table, index) && wholes_count(schema, table, index, counts);
    let own = best::judge(schema, table, foreign_key, &counts);
    let leaves = leaves(schema, table);
    if leaves.is_empty() {
        let why = match own.level {
            Level::None => format!(
                "there are no partitions yet, and {}: new partitions will have no index",
                best::unserved(schema, table, foreign_key, &counts)
            ),
            _ => own.why.clone(),
        };
        return Coverage { why, ..own };
    }
    let judged: Vec<(&Table, Coverage)> =
        leaves.into_iter().map(|leaf| (leaf, best::judge(schema, leaf, foreign_key, &counts))).collect();
    let Some(worst) = judged.iter().map(|(_, coverage)| coverage.level).min().filter(|worst| *worst > own.level) else {
        return own_or_worst(schema, table, foreign_key, own, &judged);
    };
    let of_worst = judged.iter().find(|(_, coverage)| coverage.level == worst);
    let Some((_, coverage)) = of_worst else { return own };
    let why = match judged.as_slice() {
        [(leaf, coverage)] => {
            format!("the one partition {} has an index of its own: {}", named(&leaf.name), coverage.why)
        }
        _ => format!("each of the {} partitions has an index of its own: {}", judged.len(), coverage.why),
    };
    let later = format!("new partitions will have no index: {} itself has none", named(&table.name));
    let note = match judged.iter().find_map(|(_, coverage)| coverage.note.clone()) {
        Some(note) => format!("{later}; {note}"),
        None => later,
    };
    Coverage { level: worst, why, index: coverage.index.clone(), note: Some(note), blocked: None }
}

/// The partitions do no better than the whole does.
fn own_or_worst(
    schema: &Schema,
    table: &Table,
    foreign_key: &ForeignKey,
    own: Coverage,
    judged: &[(&Table, Coverage)],
) -> Coverage {
    let unserved: Vec<&(&Table, Coverage)> =
        judged.iter().filter(|(_, coverage)| coverage.level == Level::None).collect();
    if own.level > Level::None || unserved.is_empty() {
        return own;
    }
    let why = if unserved.len() == judged.len() {
        let invalid = table.indexes.iter().find(|index| {
            let valid = Index { state: IndexState::Usable, ..(*index).clone() };
            index.state != IndexState::Usable && by_index(schema, table, foreign_key, &valid).level > Level::None
        });
        match (invalid, unserved.first()) {
            (Some(index), _) => {
                format!("{} is not valid, since not every partition has a part of it", named(&index.name))
            }
            (None, Some((_, coverage))) => coverage.why.clone(),
            (None, None) => own.why.clone(),
        }
    } else {
        let names: Vec<&str> = unserved.iter().take(NAMED).map(|(leaf, _)| leaf.name.as_str()).collect();
        let others = unserved.len() - names.len();
        let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
        let reason = unserved.first().map(|(_, coverage)| coverage.why.as_str()).unwrap_or_default();
        let have = if unserved.len() == 1 { "has" } else { "have" };
        format!("of {} partitions, {}{more} {have} no index that serves: {reason}", judged.len(), listed(&names))
    };
    Coverage { why, ..own }
}

/// The partitions that hold rows, through all levels.
fn leaves<'a>(schema: &'a Schema, table: &Table) -> Vec<&'a Table> {
    let mut found = Vec::new();
    for partition in &schema.tables {
        let of = partition.partition_of.as_ref();
        if of.is_some_and(|(schema, name)| *schema == table.schema && *name == table.name) {
            if partition.partitioned {
                found.extend(leaves(schema, partition));
            } else {
                found.push(partition);
            }
        }
    }
    found
}

/// Whether all the indexes that this one is a part of count.
fn wholes_count(schema: &Schema, table: &Table, index: &Index, counts: &Counts<'_>) -> bool {
    let (Some(whole), Some((of_schema, of_name))) = (&index.partition_of, &table.partition_of) else { return true };
    let Some(table) = schema.table(of_schema, of_name) else { return true };
    let Some(index) = table.indexes.iter().find(|index| index.name == whole.1) else { return true };
    counts(table, index) && wholes_count(schema, table, index, counts)
}
