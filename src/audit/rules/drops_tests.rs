//! Tests of what can go together, over schemas made at random.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::audit::Statistics;
use crate::audit::rules::testing::{coverage, foreign_key, index, schema, table};
use crate::audit::schema::{OwnerKind, Predicate, Schema};
use crate::audit::serve;

fn any_index() -> impl Strategy<Value = Index> {
    let columns = subsequence(vec!["a", "b", "c"], 1..=3).prop_shuffle();
    (columns, 0..4_u8, 0..5_u8, 0..4_u8).prop_map(|(columns, owner, direction, other)| {
        let mut index = index("", &columns);
        match owner {
            0 => index = index.unique(),
            1 => index = index.unique().constraint("u", OwnerKind::Unique),
            _ => {}
        }
        match direction {
            0 => index = index.descending(0),
            1 => (0..index.keys.len()).for_each(|key| index.keys[key].descending = true),
            _ => {}
        }
        match other {
            0 => index = index.only(Predicate::NotNull("a".to_owned())),
            1 => index = index.including(&["d"]),
            _ => {}
        }
        index
    })
}

fn any_schema() -> impl Strategy<Value = Schema> {
    let keys = prop::collection::vec(subsequence(vec!["a", "b", "c"], 1..=2).prop_shuffle(), 0..3);
    (any::<bool>(), prop::collection::vec(any_index(), 0..8), keys).prop_map(|(sqlite, indexes, keys)| {
        let mut child = table("c").integer("a").integer("b").integer("c").integer("d");
        for (at, mut index) in indexes.into_iter().enumerate() {
            index.name = format!("i{at}");
            child = child.index(index);
        }
        for columns in &keys {
            child = child.foreign_key(foreign_key(columns, "p", &["x", "y"][..columns.len()]));
        }
        let parent = table("p").integer("x").integer("y").key(&["x"]);
        schema(if sqlite { Dialect::Sqlite } else { Dialect::Postgres }, [child, parent])
    })
}

proptest! {
    #[test]
    fn whatever_part_of_it_goes_everything_is_done_by_what_stays(schema in any_schema(), part in any::<u8>()) {
        let before = coverage(&schema);
        let statistics = Statistics::default();
        let subjects = Subjects::new(&schema, &statistics, &before);
        let drops = subjects.drops();
        let table = &schema.tables[0];
        let all: Vec<usize> = drops.drops.iter().map(|drop| drop.index).collect();
        let mut once = all.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), all.len(), "something goes twice");
        for drop in &drops.drops {
            let index = &table.indexes[drop.index];
            prop_assert!(index.constraint.is_none());
            let stays = |other: &Index| {
                is_same(other, index) || does_the_work_of(schema.dialect, other, index)
            };
            let left = (0..table.indexes.len()).filter(|at| !all.contains(at));
            prop_assert!(left.map(|at| &table.indexes[at]).any(stays), "nothing does the work of {}", index.name);
            if let Instead::Longer(longer) = drop.instead {
                prop_assert!(!all.contains(&longer), "what is named instead goes itself");
                prop_assert!(!index.unique);
            }
        }
        // any part of what is suggested
        let gone = |index: &Index| {
            let at = table.indexes.iter().position(|other| other.name == index.name);
            at.is_some_and(|at| all.contains(&at) && part & (1 << at) != 0)
        };
        for (key, before) in table.foreign_keys.iter().zip(&before[0]) {
            let after = serve::judge(&schema, table, key, &|_, index| !gone(index));
            prop_assert!(after.level.covers() || after.level >= before.level);
        }
    }

    #[test]
    fn nothing_that_stays_could_go_as_well(schema in any_schema()) {
        let before = coverage(&schema);
        let statistics = Statistics::default();
        let subjects = Subjects::new(&schema, &statistics, &before);
        let all: Vec<usize> = subjects.drops().drops.iter().map(|drop| drop.index).collect();
        let indexes = &schema.tables[0].indexes;
        let left: Vec<usize> = (0..indexes.len()).filter(|at| !all.contains(at)).collect();
        for &short in left.iter().filter(|at| subjects.droppable(0, **at).is_ok()) {
            for &longer in left.iter().filter(|at| **at != short) {
                let does = is_same(&indexes[longer], &indexes[short])
                    || does_the_work_of(schema.dialect, &indexes[longer], &indexes[short]);
                prop_assert!(!does, "{} does the work of {}", indexes[longer].name, indexes[short].name);
            }
        }
    }
}
