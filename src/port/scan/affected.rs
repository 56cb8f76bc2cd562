//! Which rows something is about: ranges of rowids or integer keys, other keys by their values, up to a bound.

use serde::{Deserialize, Serialize};
use serde_saphyr::FlowSeq;

use crate::words::thousands;

/// How many ranges are kept of one kind of finding, in a table of up to [`COLUMNS`] columns.
const RANGES: usize = 1_000;

/// How many other keys are kept: each takes as much room as a dozen ranges.
const KEYS: usize = 300;

/// The columns up to which each kind of finding has all the room that there is. In a wider table they share it, so
/// that what is kept of a table stays within a few megabytes.
const COLUMNS: usize = 64;

/// The least number of ranges or keys that is kept, however wide a table is.
const LEAST: usize = 30;

/// How many ranges or keys a line shows.
const SHOWN: usize = 10;

/// Rows, each once: in ascending order where they are known by an integer, else in the order in which they were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affected {
    /// Rows known by an integer (their rowid, or a primary key of one integer): the first and the last of each range
    /// without gaps.
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "in_brackets")]
    pub ranges: Vec<(i64, i64)>,
    /// Other rows, as a person reads their keys: `('a', 7)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// These are all of them; else there was no room for more.
    pub complete: bool,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    ranges: usize,
    keys: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { ranges: RANGES, keys: KEYS }
    }
}

impl Room {
    /// What a finding about a table of so many columns may keep.
    #[must_use]
    pub fn in_table_of(columns: usize) -> Self {
        let share = |all: usize| (all * COLUMNS / columns.max(COLUMNS)).max(LEAST);
        Self { ranges: share(RANGES), keys: share(KEYS) }
    }
}

impl Default for Affected {
    fn default() -> Self {
        Self { ranges: Vec::new(), keys: Vec::new(), complete: true }
    }
}

impl Affected {
    /// Adds a row known by an integer. In ascending order it costs next to nothing.
    pub fn add(&mut self, row: i64, room: Room) {
        // one after the other is how a scan meets them
        if let Some((_, last)) = self.ranges.last_mut()
            && last.checked_add(1) == Some(row)
        {
            *last = row;
            return;
        }
        // the range that it lies in or touches from above, if any, is the last of those that begin at or before it
        let at = match self.ranges.last() {
            Some((first, _)) if *first <= row => self.ranges.len(),
            _ => self.ranges.partition_point(|(first, _)| *first <= row),
        };
        if let Some(before) = at.checked_sub(1).and_then(|at| self.ranges.get_mut(at)) {
            if row <= before.1 {
                return;
            }
            if before.1.checked_add(1) == Some(row) {
                before.1 = row;
                self.close_gap(at);
                return;
            }
        }
        if let Some(after) = self.ranges.get_mut(at)
            && row.checked_add(1) == Some(after.0)
        {
            after.0 = row;
        } else if self.ranges.len() < room.ranges {
            self.ranges.insert(at, (row, row));
        } else {
            self.complete = false;
        }
    }

    /// Joins the range at `at` to the one before it where nothing lies between them any more.
    fn close_gap(&mut self, at: usize) {
        if let Some(&(first, last)) = self.ranges.get(at)
            && self.ranges[at - 1].1.checked_add(1) == Some(first)
        {
            self.ranges[at - 1].1 = last;
            self.ranges.remove(at);
        }
    }

    /// Adds a row known by something else, which is asked for only where there is room.
    pub fn add_key(&mut self, key: impl FnOnce() -> String, room: Room) {
        if self.keys.len() >= room.keys {
            self.complete = false;
            return;
        }
        let key = key();
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }

    /// Adds the rows of `other`, found elsewhere: in another part of the table, or in another column.
    pub fn join(&mut self, other: &Self) {
        let room = Room::default();
        let mut all: Vec<(i64, i64)> = self.ranges.iter().chain(&other.ranges).copied().collect();
        all.sort_unstable();
        self.ranges.clear();
        for (first, last) in all {
            match self.ranges.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => self.ranges.push((first, last)),
            }
        }
        self.complete &= other.complete && self.ranges.len() <= room.ranges;
        self.ranges.truncate(room.ranges);
        for key in &other.keys {
            self.add_key(|| key.clone(), room);
        }
    }

    /// Whether no row is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.keys.is_empty()
    }

    /// How many rows are known.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|range| width(*range)).fold(self.keys.len() as u64, u64::saturating_add)
    }

    /// One line of them, of `rows` in all: `17, 20–31 and 12,345 more`. `None` where no row is known.
    #[must_use]
    pub fn line(&self, rows: u64) -> Option<String> {
        self.written(rows, |row| row.to_string(), str::to_owned)
    }

    /// As [`Affected::line`], with rows and keys written in a way of the caller's.
    pub(crate) fn written(
        &self,
        rows: u64,
        number: impl Fn(i64) -> String,
        text: impl Fn(&str) -> String,
    ) -> Option<String> {
        let mut shown = 0;
        let mut parts = Vec::new();
        for range in self.ranges.iter().take(SHOWN) {
            shown += width(*range);
            parts.push(match range {
                (first, last) if first == last => number(*first),
                (first, last) => format!("{}–{}", number(*first), number(*last)),
            });
        }
        for key in self.keys.iter().take(SHOWN - parts.len()) {
            shown += 1;
            parts.push(text(key));
        }
        if parts.is_empty() {
            return None;
        }
        let line = parts.join(", ");
        // where all are known, what is counted may be values, of which a row has several
        let all = if self.complete { self.len() } else { rows.max(self.len()) };
        Some(match all.saturating_sub(shown) {
            0 if self.complete => line,
            0 => format!("{line}, …"),
            more => format!("{line}, … and {} more", thousands(more)),
        })
    }
}

/// The rows of a range.
fn width((first, last): (i64, i64)) -> u64 {
    last.abs_diff(first).saturating_add(1)
}

/// A range a line, also in YAML.
fn in_brackets<S: serde::Serializer>(ranges: &[(i64, i64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(|range| FlowSeq(*range)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(rows: &[i64]) -> Affected {
        let mut affected = Affected::default();
        rows.iter().for_each(|row| affected.add(*row, Room::default()));
        affected
    }

    #[test]
    fn rows_are_ranges_in_whatever_order_they_come() {
        assert_eq!(of(&[1, 2, 3, 7, 9, 10]).ranges, [(1, 3), (7, 7), (9, 10)]);
        assert_eq!(of(&[10, 3, 9, 1, 2, 7, 7, 3]).ranges, [(1, 3), (7, 7), (9, 10)]);
        let ends = of(&[i64::MAX, i64::MIN, i64::MAX - 1, i64::MAX]);
        assert_eq!(ends.ranges, [(i64::MIN, i64::MIN), (i64::MAX - 1, i64::MAX)]);
        assert_eq!((ends.len(), ends.complete), (3, true));
    }

    proptest! {
        #[test]
        fn a_set_of_rows_is_what_was_added(one: Vec<i8>, other: Vec<i8>) {
            let rows = |of: &[i8]| of.iter().map(|row| i64::from(*row)).collect::<Vec<i64>>();
            let set: std::collections::BTreeSet<i64> = rows(&one).into_iter().chain(rows(&other)).collect();
            let mut joined = of(&rows(&one));
            joined.join(&of(&rows(&other)));
            let listed: Vec<i64> = joined.ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert_eq!(listed, set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(joined, of(&set.into_iter().rev().collect::<Vec<_>>()));
        }
    }

    #[test]
    fn there_is_an_end_to_it() {
        let room = Room::in_table_of(2_000);
        assert_eq!((room.ranges, room.keys), (32, 30));
        let mut affected = Affected::default();
        (0..100).for_each(|row| affected.add(2 * row, room));
        assert_eq!((affected.ranges.len(), affected.len(), affected.complete), (32, 32, false));
        // what touches a range that is there needs no room
        affected.add(63, room);
        assert_eq!(affected.ranges.last(), Some(&(62, 63)));
        (0..100).for_each(|key| affected.add_key(|| format!("'{key}'"), room));
        assert_eq!(affected.keys.len(), 30);
        let all = of(&(0..900).map(|row| 3 * row).collect::<Vec<_>>());
        let mut joined = all.clone();
        joined.join(&of(&(0..900).map(|row| 3 * row + 9_000).collect::<Vec<_>>()));
        assert!(all.complete && !joined.complete && joined.ranges.len() == RANGES);
    }

    #[test]
    fn a_line_says_how_many_it_does_not_show() {
        assert_eq!(of(&[]).line(0), None);
        assert_eq!(of(&[17, 20, 21]).line(3).as_deref(), Some("17, 20–21"));
        let many = of(&(0..20).map(|row| 10 * row).collect::<Vec<_>>());
        assert_eq!(many.line(20).as_deref(), Some("0, 10, 20, 30, 40, 50, 60, 70, 80, 90, … and 10 more"));
        let cut = Affected { complete: false, ..of(&[1, 2]) };
        assert_eq!(cut.line(12_347).as_deref(), Some("1–2, … and 12,345 more"));
        let keys = Affected { keys: vec!["'a'".to_owned()], ..Affected::default() };
        assert_eq!(keys.line(1).as_deref(), Some("'a'"));
    }

    #[test]
    fn a_range_is_a_line_in_yaml_and_a_pair_in_json() {
        let affected = of(&[17, 20, 21]);
        let yaml = serde_saphyr::to_string(&affected).expect("yaml");
        assert_eq!(yaml.lines().count(), 4, "{yaml}");
        assert_eq!(serde_saphyr::from_str::<Affected>(&yaml).expect("reads"), affected);
        let json = serde_json::to_string(&affected).expect("json");
        assert_eq!(json, r#"{"ranges":[[17,17],[20,21]],"complete":true}"#);
        assert_eq!(serde_json::from_str::<Affected>(&json).expect("reads"), affected);
    }
}
