//! Merging: which sets of columns share an index, so that there are as few indexes as can be.
//!
//! An index serves every set of columns that makes up its first keys, in whatever order. The sets that one index serves
//! are therefore a chain, each within the next, and the fewest indexes are the fewest chains that hold all sets: for
//! sets ordered by inclusion that is a matching of each set with the next larger one in its chain (Dilworth; Fulkerson
//! 1956), which augmenting paths find exactly.

use std::collections::BTreeSet;

use super::SuggestedKey;

/// Whether the keys of `set` are the first keys of an index over `keys`, in any order.
pub(super) fn leads(keys: &[SuggestedKey], set: &[SuggestedKey]) -> bool {
    let set: BTreeSet<&SuggestedKey> = set.iter().collect();
    keys.len() >= set.len() && keys[..set.len()].iter().all(|key| set.contains(key))
}

/// The keys of the fewest indexes that serve all of `sets`; of several ways, one with the fewest keys. The order is that
/// of the sets; within an index the smaller set's keys come first, each in the order of its set.
pub(super) fn merge(sets: &[&[SuggestedKey]]) -> Vec<Vec<SuggestedKey>> {
    if let [only] = sets {
        let mut keys: Vec<SuggestedKey> = Vec::with_capacity(only.len());
        for key in *only {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        return vec![keys];
    }
    let sets = distinct(sets);
    let above = matched(&sets);
    let mut lowest = vec![true; sets.len()];
    for upper in above.iter().flatten() {
        lowest[*upper] = false;
    }
    let mut indexes: Vec<(usize, Vec<SuggestedKey>)> = Vec::new();
    for start in (0..sets.len()).filter(|set| lowest[*set]) {
        let mut keys: Vec<SuggestedKey> = Vec::new();
        let mut first = start;
        let mut at = Some(start);
        while let Some(set) = at {
            first = first.min(set);
            for key in &sets[set].0 {
                if !keys.contains(key) {
                    keys.push((*key).clone());
                }
            }
            at = above[set];
        }
        indexes.push((first, keys));
    }
    indexes.sort_by_key(|(first, _)| *first);
    indexes.into_iter().map(|(_, keys)| keys).collect()
}

/// A set of keys: in the order in which they were declared, and for comparing.
type Set<'a> = (Vec<&'a SuggestedKey>, BTreeSet<&'a SuggestedKey>);

/// Every set once, every key of a set once.
fn distinct<'a>(sets: &[&'a [SuggestedKey]]) -> Vec<Set<'a>> {
    let mut seen = BTreeSet::new();
    let mut distinct = Vec::new();
    for set in sets {
        let mut keys = BTreeSet::new();
        let declared: Vec<&SuggestedKey> = set.iter().filter(|key| keys.insert(*key)).collect();
        if seen.insert(keys.clone()) {
            distinct.push((declared, keys));
        }
    }
    distinct
}

/// For each set the next larger one in its chain, with as few chains as can be.
fn matched(sets: &[Set<'_>]) -> Vec<Option<usize>> {
    let larger: Vec<Vec<usize>> = sets
        .iter()
        .map(|(_, set)| {
            let mut larger: Vec<usize> = (0..sets.len())
                .filter(|other| sets[*other].1.len() > set.len() && sets[*other].1.is_superset(set))
                .collect();
            // the nearest first, so that chains are what a person would have chosen
            larger.sort_by_key(|other| sets[*other].1.len());
            larger
        })
        .collect();
    // A set that an augmenting path has matched stays matched. Those that are not are the ends of chains, whose keys are
    // the indexes' keys: the largest are matched first, so that the ends are as small as can be.
    let mut by_size: Vec<usize> = (0..sets.len()).collect();
    by_size.sort_by_key(|set| std::cmp::Reverse(sets[*set].1.len()));
    let mut below: Vec<Option<usize>> = vec![None; sets.len()];
    for set in by_size {
        augment(set, &larger, &mut below, &mut vec![false; sets.len()]);
    }
    let mut above = vec![None; sets.len()];
    for (upper, lower) in below.iter().enumerate() {
        if let Some(lower) = lower {
            above[*lower] = Some(upper);
        }
    }
    above
}

/// Gives `set` a larger one, moving others to other ones where that is needed; whether there was a way.
fn augment(set: usize, larger: &[Vec<usize>], below: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for upper in &larger[set] {
        if std::mem::replace(&mut tried[*upper], true) {
            continue;
        }
        let free = match below[*upper] {
            None => true,
            Some(other) => augment(other, larger, below, tried),
        };
        if free {
            below[*upper] = Some(set);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(column: impl Into<String>) -> SuggestedKey {
        SuggestedKey { column: column.into(), ..SuggestedKey::default() }
    }

    /// `ab` is a set of the columns `a` and `b`.
    fn merged(sets: &[&str]) -> Vec<String> {
        let sets: Vec<Vec<SuggestedKey>> = sets.iter().map(|set| set.chars().map(key).collect()).collect();
        let sets: Vec<&[SuggestedKey]> = sets.iter().map(Vec::as_slice).collect();
        merge(&sets).iter().map(|keys| keys.iter().map(|key| key.column.as_str()).collect()).collect()
    }

    #[test]
    fn sets_within_each_other_share_an_index() {
        assert_eq!(merged(&["a", "ab"]), ["ab"]);
        assert_eq!(merged(&["b", "ab"]), ["ba"]);
        assert_eq!(merged(&["ab", "b", "cab"]), ["bac"]);
        assert_eq!(merged(&["ab", "ba", "ab"]), ["ab"]);
        assert_eq!(merged(&["aba"]), ["ab"]);
        assert_eq!(merged(&["a", "b", "ab"]), ["ab", "b"]);
        assert!(merged(&[]).is_empty());
    }

    #[test]
    fn a_chain_moves_where_that_saves_an_index() {
        // `a` under `abc` would leave `ab` and `ac` with one upper set between them
        assert_eq!(merged(&["a", "ab", "ac", "abc"]).len(), 2);
        // both ways take two indexes; this one takes four keys, not five
        assert_eq!(merged(&["a", "b", "ab", "abc"]), ["abc", "b"]);
    }

    #[test]
    fn other_collations_are_other_keys() {
        let nocase = SuggestedKey { collation: Some("NOCASE".to_owned()), ..key("a") };
        let sets = [vec![key("a")], vec![nocase.clone()], vec![key("b"), nocase.clone()]];
        let sets: Vec<&[SuggestedKey]> = sets.iter().map(Vec::as_slice).collect();
        assert_eq!(merge(&sets), [vec![key("a")], vec![nocase, key("b")]]);
    }

    /// The fewest indexes that serve all `sets` (of columns 0 to 3, as bits), and the fewest keys of so many, by trying
    /// every index there can be.
    fn fewest(sets: &[u8]) -> (usize, usize) {
        let mut orders: Vec<Vec<u8>> = vec![vec![]];
        let mut at = 0;
        while at < orders.len() {
            for column in 0..4 {
                if !orders[at].contains(&column) {
                    let mut longer = orders[at].clone();
                    longer.push(column);
                    orders.push(longer);
                }
            }
            at += 1;
        }
        let mut best = vec![(usize::MAX, usize::MAX); 1 << sets.len()];
        best[0] = (0, 0);
        for done in 0..best.len() {
            if best[done].0 == usize::MAX {
                continue;
            }
            for order in &orders {
                let mut prefix = 0_u8;
                let mut serves = done;
                for column in order {
                    prefix |= 1 << column;
                    for (at, set) in sets.iter().enumerate() {
                        serves |= usize::from(*set == prefix) << at;
                    }
                }
                best[serves] = best[serves].min((best[done].0 + 1, best[done].1 + order.len()));
            }
        }
        best[best.len() - 1]
    }

    proptest! {
        #[test]
        fn every_set_leads_an_index_and_there_are_no_fewer(sets in proptest::collection::vec(1_u8..16, 0..9)) {
            let asked: Vec<Vec<SuggestedKey>> = sets
                .iter()
                .map(|set| (0..4).filter(|column| set & (1 << column) != 0).map(|c: u8| key(c.to_string())).collect())
                .collect();
            let asked: Vec<&[SuggestedKey]> = asked.iter().map(Vec::as_slice).collect();
            let indexes = merge(&asked);
            for set in &asked {
                prop_assert!(indexes.iter().any(|keys| leads(keys, set)), "{:?} in {:?}", set, indexes);
            }
            let keys = indexes.iter().map(Vec::len).sum();
            prop_assert_eq!((indexes.len(), keys), fewest(&sets), "{:?}", indexes);
        }
    }
}
