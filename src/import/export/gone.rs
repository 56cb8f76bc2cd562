//! Records whose rows are gone: each keeps its place while the others are put to theirs, and is then taken out.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use crate::import::mapping::{RecordPath, Step, escape_key, pointer_keys};

/// The places of records that are gone, by the array or object that they are in.
#[derive(Debug, Default)]
pub(super) struct Gone(BTreeMap<Vec<String>, HashSet<(String, bool)>>);

impl Gone {
    /// Notes the place of a record that was at `path`. A whole document is no place in one.
    pub fn add(&mut self, pointer: &str, path: &RecordPath) {
        let Ok(mut keys) = pointer_keys(pointer) else { return };
        let Some(last) = keys.pop() else { return };
        let moves = path.0.last() == Some(&Step::Items);
        self.0.entry(keys).or_default().insert((last, moves));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the places out of `document`, except where a record was written since, there or within: `written` has the
    /// pointers. What an array has at a fixed index (`/a/0`) is no list of records: others don't move up for it.
    pub fn take_out(self, written: &BTreeSet<String>, document: &mut Value) {
        // what is deeper goes first: a list that holds it may move up itself
        for (keys, places) in self.0.into_iter().rev() {
            let within: String = keys.iter().map(|key| format!("/{}", escape_key(key))).collect();
            let kept = |key: &str| {
                let pointer = format!("{within}/{}", escape_key(key));
                let inner = format!("{pointer}/");
                written.contains(&pointer)
                    || written.range(inner.clone()..).next().is_some_and(|next| next.starts_with(&inner))
            };
            let places = places.into_iter().filter(|(key, _)| !kept(key));
            match document.pointer_mut(&within) {
                Some(Value::Array(items)) => {
                    let indexes: HashSet<usize> =
                        places.filter(|(_, moves)| *moves).filter_map(|(key, _)| key.parse().ok()).collect();
                    let mut index = 0..;
                    items.retain(|_| index.next().is_none_or(|index| !indexes.contains(&index)));
                }
                Some(Value::Object(map)) => {
                    let keys: HashSet<String> = places.map(|(key, _)| key).collect();
                    map.retain(|key, _| !keys.contains(key));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_taken_out_whatever_moves_up_meanwhile() {
        let mut document =
            json!({"a": [{"b": [0, 1, 2]}, null, {"b": [3, null]}, 4], "o": {"x/": 1, "10": 2}, "f": [5, 6]});
        let mut gone = Gone::default();
        for (pointer, path) in [
            ("/a/0", "/a[*]"),
            ("/a/2/b/0", "/a[*]/b[*]"),
            ("/a/3", "/a[*]"),
            ("/o/x~1", "/o{*}"),
            ("/o/10", "/o/10"),
            ("/f/0", "/f/0"),
            ("/a/9", "/a[*]"),
            ("/none/0", "/none[*]"),
            ("", ""),
        ] {
            gone.add(pointer, &RecordPath::parse(path).expect(path));
        }
        gone.take_out(&BTreeSet::new(), &mut document);
        assert_eq!(document, json!({"a": [null, {"b": [null]}], "o": {}, "f": [5, 6]}));
    }

    #[test]
    fn what_was_written_since_stays() {
        let mut document = json!({"a": [1, {"b": [2]}, 3]});
        let mut gone = Gone::default();
        for pointer in ["/a/0", "/a/1", "/a/2"] {
            gone.add(pointer, &RecordPath::parse("/a[*]").expect("a path"));
        }
        gone.take_out(&BTreeSet::from(["/a/0".to_owned(), "/a/1/b/0".to_owned()]), &mut document);
        assert_eq!(document, json!({"a": [1, {"b": [2]}]}));
    }
}
