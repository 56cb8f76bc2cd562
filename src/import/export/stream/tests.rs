//! What is streamed is what was put together before it was written.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::super::gone::Gone;
use super::*;
use crate::import::read;

/// A document without its records, and the records: those with the numbers in `gone` without a value.
fn apart(document: &Value, path: &RecordPath, gone: &[u64]) -> (Value, Vec<Record>) {
    let mut around = document.clone();
    let mut records = Vec::new();
    for (position, (pointer, _, _, value)) in (0_u64..).zip(read::nested(document, path)) {
        if path.0.last().is_some_and(|step| !matches!(step, Step::Key(_))) {
            let (parent, _) = pointer.rsplit_once('/').expect("a key");
            match around.pointer_mut(parent).expect("the parent") {
                Value::Array(items) => items.clear(),
                Value::Object(map) => map.clear(),
                other => panic!("{other}"),
            }
        } else {
            *around.pointer_mut(&pointer).expect("the place") = Value::Null;
        }
        let value = (!gone.contains(&position)).then(|| value.clone());
        records.push(Record { pointer, position, value });
    }
    (around, records)
}

/// The text, and how many records are in it.
fn streamed(around: &Value, path: &RecordPath, records: Vec<Record>) -> Option<(String, u64)> {
    let (mut out, mut records) = (Vec::new(), records.into_iter());
    let failed = |source| ImportError::Write { path: "out".into(), source };
    let to = To { out: &mut out, failed: &failed };
    let written = write(around.clone(), path, &mut || Ok(records.next()), to).expect("nothing fails");
    Some((String::from_utf8(out).expect("text"), written?))
}

/// The same, where the whole document is held.
fn together(mut document: Value, path: &RecordPath, records: &[Record]) -> (String, u64) {
    let (mut gone, mut written) = (Gone::default(), 0);
    for Record { pointer, value, .. } in records {
        match value {
            None => {
                if document.pointer(pointer).is_none() {
                    read::put(&mut document, pointer, Value::Null).expect("a place");
                }
                gone.add(pointer, path);
            }
            Some(value) => {
                read::put(&mut document, pointer, value.clone()).expect("a place");
                written += 1;
            }
        }
    }
    gone.take_out(&BTreeSet::new(), &mut document);
    (format!("{}\n", serde_json::to_string_pretty(&document).expect("JSON")), written)
}

fn path(text: &str) -> RecordPath {
    RecordPath::parse(text).expect(text)
}

#[test]
fn records_go_to_their_places() {
    let document = json!({
        "z": {"deep": [1, {"x": "line\nend"}], "none": {}, "empty": []},
        "a": {"b": {"rows": [{"id": 1, "l": [[]]}, null, [2, 3], "x", {}], "after": true}, "k": null},
        "by/key": {"~b": {"v": 1}, "a/": 2, "": [], "0": null},
        "grid": [[1, 2], [], [[3], {"x": []}], null, 7],
        "runs": [{"name": "r", "steps": [{"n": 1}, {"n": 2}], "end": 1}, {"steps": []}, {"other": 1}, {"steps": null}],
    });
    for text in [
        "/a/b/rows[*]",
        "/by~1key{*}",
        "/grid[*][*]",
        "/runs[*]/steps[*]",
        "/runs[*]/steps",
        "/runs[*]",
        "{*}",
        "/z{*}",
        "/none[*]",
        "/grid[*]/0",
        "/a{*}{*}",
        "/grid/2[*]",
        "/grid[*]",
        "/runs[*]{*}",
    ] {
        for gone in [&[][..], &[0], &[1, 2], &[0, 1, 2, 3, 4, 5, 6, 7, 8]] {
            let path = path(text);
            let (around, records) = apart(&document, &path, gone);
            let expected = together(around.clone(), &path, &records);
            assert_eq!(streamed(&around, &path, records), Some(expected), "{text} without {gone:?}");
        }
    }
    for (document, text) in
        [(json!([]), "[*]"), (json!([{"a": 1}, 2]), "[*]"), (json!({}), "{*}"), (json!(null), "[*]")]
    {
        let (around, records) = apart(&document, &path(text), &[]);
        let (out, _) = streamed(&around, &path(text), records).expect("all have a place");
        assert_eq!(out, format!("{document:#}\n"));
    }
}

#[test]
fn what_has_no_place_where_it_comes_is_told() {
    let record = |pointer: &str, value: Option<Value>| Record { pointer: pointer.to_owned(), position: 0, value };
    let one = |pointer| vec![record(pointer, Some(json!(1)))];
    for (around, text, pointer) in [
        (json!({"a": null}), "/a[*]", "/a/0"),
        (json!({"a": []}), "/a[*]", "/a/1"),
        (json!({"a": []}), "/a[*]", "/a/0/0"),
        (json!({"a": []}), "/a[*]", "/b/0"),
        (json!({"a": [5]}), "/a[*]", "/a/0"),
        (json!({"a": {}}), "/a{*}", "/a/~2"),
        (json!([{}, {}]), "[*]/x", "/1/x"),
        (json!([[], []]), "[*][*]", "/2/0"),
        (json!(null), "/a[*]", "/a/0"),
        (json!([]), "[*]", ""),
    ] {
        assert_eq!(streamed(&around, &path(text), one(pointer)), None, "{around} {text} {pointer}");
    }
    // what could not be read has none anywhere
    let records = vec![record("", None), record("/a/x", Some(json!(1))), record("", None)];
    let expected = "{\n  \"a\": {\n    \"x\": 1\n  }\n}\n".to_owned();
    assert_eq!(streamed(&json!({"a": {}}), &path("/a{*}"), records), Some((expected, 1)));
}

#[test]
fn each_record_is_written_before_the_next_but_one_is_asked_for() {
    let padding = "x".repeat(100);
    for (around, text, place) in
        [(json!({"h": 1, "rows": [], "z": 2}), "/rows[*]", "/rows/"), (json!({}), "{*}", "/"), (json!([]), "[*]", "/")]
    {
        let out = RefCell::new(Vec::new());
        struct Shared<'a>(&'a RefCell<Vec<u8>>);
        impl Write for Shared<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.borrow_mut().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let failed = |source| ImportError::Write { path: "out".into(), source };
        let mut count = 0_u64;
        let mut next = || {
            // all but the one in hand
            let due = count.saturating_sub(1) as usize * padding.len();
            assert!(out.borrow().len() >= due, "{text}: {} of {due} bytes", out.borrow().len());
            let record = Record { pointer: format!("{place}{count}"), position: count, value: Some(json!(padding)) };
            count += 1;
            Ok((count <= 1000).then_some(record))
        };
        let written = write(around, &path(text), &mut next, To { out: &mut Shared(&out), failed: &failed });
        assert_eq!(written.expect("nothing fails"), Some(1000), "{text}");
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![Just("a".to_owned()), Just("b".to_owned()), Just("0".to_owned()), "[a-c/~ 0]{0,2}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<i8>().prop_map(Value::from), "[a\n\"]{0,3}".prop_map(Value::from)];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_path() -> impl Strategy<Value = RecordPath> {
    let step = prop_oneof![key().prop_map(Step::Key), Just(Step::Items), Just(Step::Entries)];
    prop::collection::vec(step, 1..4).prop_map(RecordPath)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_document_is_written_as_if_it_was_held(document in value(), path in any_path(), gone in prop::collection::vec(0..6_u64, 0..4)) {
        let (around, records) = apart(&document, &path, &gone);
        let expected = together(around.clone(), &path, &records);
        prop_assert_eq!(streamed(&around, &path, records), Some(expected));
    }
}
