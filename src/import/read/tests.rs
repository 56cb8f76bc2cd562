use std::ops::ControlFlow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::import::mapping::RecordPath;

/// What a file's bytes are read as: records and bad records in their order, and what is known of the file.
fn read(format: Format, path: &str, bytes: &[u8]) -> (Vec<Record>, Vec<BadRecord>, FileRead) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("file");
    std::fs::write(&at, bytes).expect("written");
    let file = SourceFile { path: "file".to_owned(), at, ..SourceFile::default() };
    let source = Source { format, records: RecordPath::parse(path).expect("a path"), ..Source::default() };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let known = records(&file, &source, &mut |record| {
        match record {
            Ok(record) => good.push(record),
            Err(record) => bad.push(record),
        }
        Ok(ControlFlow::Continue(()))
    })
    .expect("read");
    assert_eq!(known.records as usize, good.len() + bad.len());
    assert_eq!(known.size as usize, bytes.len());
    (good, bad, known)
}

fn record(position: u64, pointer: &str, entry: Option<&str>, value: Value) -> Record {
    Record { position, pointer: pointer.to_owned(), entry: entry.map(str::to_owned), value }
}

#[test]
fn records_of_a_document_are_read_and_the_rest_is_its_envelope() {
    let text = br#" {"v": 1.0, "data": {"rows": [{"a": 1}, null, 3]}, "e": {"x": {"r": [7]}, "y": {"q": 1}}} "#;
    let (good, bad, known) = read(Format::Json, "/data/rows[*]", text);
    assert_eq!(
        good,
        [
            record(0, "/data/rows/0", None, json!({"a": 1})),
            record(1, "/data/rows/1", None, Value::Null),
            record(2, "/data/rows/2", None, json!(3))
        ]
    );
    assert!(bad.is_empty());
    let whole = serde_json::from_slice::<Value>(text).expect("JSON");
    let mut envelope = whole.clone();
    envelope["data"]["rows"] = json!([]);
    assert_eq!(known.envelope, envelope);
    assert_eq!(known.sha256.len(), 64);

    let (good, _, known) = read(Format::Json, "/e{*}/r[*]", text);
    assert_eq!(good, [record(0, "/e/x/r/0", None, json!(7))]);
    assert_eq!(known.envelope["e"], json!({"x": {"r": []}, "y": {"q": 1}}));

    let (good, _, known) = read(Format::Json, "/e{*}", text);
    assert_eq!(good[1], record(1, "/e/y", Some("y"), json!({"q": 1})));
    assert_eq!(known.envelope["e"], json!({}));

    let (good, _, known) = read(Format::Json, "/data", text);
    assert_eq!(good, [record(0, "/data", None, whole["data"].clone())]);
    assert_eq!(known.envelope.as_object().expect("an object").keys().collect::<Vec<_>>(), ["v", "data", "e"]);

    let (good, _, known) = read(Format::Json, "", text);
    assert_eq!((good, known.envelope), (vec![record(0, "", None, whole.clone())], Value::Null));
    let (good, _, known) = read(Format::Json, "/none[*]", text);
    assert_eq!((good, known.envelope), (vec![], whole));
}

#[test]
fn a_bad_record_does_not_take_the_others_with_it() {
    let (good, bad, _) = read(Format::Json, "[*]", b"[{\"a\":1},\n {\"a\":1,\"a\":2}, {\"a\":tru}, {\"b\":2}]");
    assert_eq!(good, [record(0, "/0", None, json!({"a": 1})), record(3, "/3", None, json!({"b": 2}))]);
    assert_eq!(bad.iter().map(|bad| bad.position).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(bad[0].raw, "{\"a\":1,\"a\":2}");
    assert!(bad[0].reason.contains("stands twice"), "{}", bad[0].reason);
    assert_eq!(bad[0].place.map(|place| place.0), Some(2));
}

#[test]
fn broken_documents_are_bad_records_with_place_and_reason() {
    for (path, text, place, part) in [
        ("", &b""[..], (1, 1), "empty"),
        ("[*]", b" \n ", (2, 2), "empty"),
        ("", b"{\"a\": 1", (1, 1), "ends within"),
        ("[*]", b"[1, {\"a\": 2", (1, 5), "ends within"),
        ("[*]", b"[1, 2", (1, 6), "the file ends"),
        ("[*]", b"[1 2]", (1, 4), "`,` or `]`"),
        ("[*]", b"[1,]", (1, 4), "a value should come here"),
        ("[*]", b"[1] x", (1, 5), "more follows"),
        ("", b"1 2", (1, 3), "more follows"),
        ("/a", b"{\"a\": 1, \"a\": 2}", (1, 10), "stands twice"),
        ("/a", b"{\"b\": NaN}", (1, 7), "expected"),
        ("/a[*]", b"{\"a\": {}}", (1, 7), "an array should be at `/a`"),
        ("", b"\xff\xfe{\0}\0", (1, 1), "UTF-16"),
        ("", b"[\"\xff\"]", (1, 3), "unicode"),
    ] {
        let (_, bad, known) = read(Format::Json, path, text);
        let text = String::from_utf8_lossy(text);
        assert_eq!(bad.len(), 1, "{text}");
        assert!(bad[0].reason.contains(part), "{text}: {}", bad[0].reason);
        assert_eq!(bad[0].place, Some(place), "{text}: {}", bad[0].reason);
        assert_eq!(known.sha256.len(), 64);
    }
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    for (format, text) in [(Format::Json, deep.as_str()), (Format::Jsonl, &deep), (Format::Yaml, &deep)] {
        assert_eq!(read(format, "", text.as_bytes()).1.len(), 1);
    }
}

#[test]
fn lines_are_records_and_bad_ones_are_passed_by() {
    let (good, bad, known) = read(Format::Jsonl, "", b"\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"a\":\n{\"a\":2} \n[3]");
    assert_eq!(
        good,
        [
            record(0, "/0", None, json!({"a": 1})),
            record(2, "/3", None, json!({"a": 2})),
            record(3, "/4", None, json!([3]))
        ]
    );
    assert_eq!((bad[0].position, bad[0].place.map(|place| place.0), bad[0].raw.as_str()), (1, Some(3), "{\"a\":"));
    assert_eq!(known.envelope, Value::Null);
    assert_eq!(read(Format::Jsonl, "", b"").2.records, 0);
}

#[test]
fn csv_lines_are_objects_of_text() {
    let text = "\u{feff}id,\"na\"\"me\"\r\n1,\"a,\r\nb\"\r\n2\r\n\"3\",\n";
    let (good, bad, known) = read(Format::Csv, "", text.as_bytes());
    assert_eq!(
        good,
        [
            record(0, "/1", None, json!({"id": "1", "na\"me": "a,\r\nb"})),
            record(2, "/4", None, json!({"id": "3", "na\"me": ""}))
        ]
    );
    assert_eq!(known.envelope, json!(["id", "na\"me"]));
    assert_eq!((bad[0].place, bad[0].raw.as_str()), (Some((4, 1)), "2"));
    for (text, part) in [
        (&b"\n\na,a\n1,2\n"[..], "twice"),
        (b"a,b\n1,\xff\n", "not UTF-8"),
        (b"a,b\n1,\"x\n2,y\n", "not closed"),
        (b"a,\"b\n1,2\n", "not closed"),
    ] {
        let (good, bad, _) = read(Format::Csv, "", text);
        assert_eq!((good.len(), bad.len()), (0, 1), "{}", String::from_utf8_lossy(text));
        assert!(bad[0].reason.contains(part), "{}", bad[0].reason);
    }
    assert_eq!(read(Format::Csv, "", b"a,b\n5\" x,y").0.len(), 1);
    assert_eq!(read(Format::Csv, "", b"").2.envelope, json!([]));
}

#[test]
fn yaml_documents_are_records_or_hold_them() {
    let (good, _, known) = read(Format::Yaml, "", b"a: 1.10\n");
    assert_eq!((good[0].pointer.as_str(), good[0].value.to_string()), ("", "{\"a\":1.10}".to_owned()));
    assert_eq!(known.envelope, Value::Null);
    let (good, bad, known) = read(Format::Yaml, "", b"a: 1\n---\n- .nan\n---\nb\n");
    assert_eq!(good, [record(0, "/0", None, json!({"a": 1})), record(2, "/2", None, json!("b"))]);
    assert_eq!((bad[0].position, bad[0].place), (1, Some((3, 3))));
    assert_eq!(known.envelope, json!([]));
    let (good, _, known) = read(Format::Yaml, "/users{*}", b"v: 2\nusers:\n  ann: {age: 3}\n  bob: {}\n");
    assert_eq!(
        good,
        [record(0, "/users/ann", Some("ann"), json!({"age": 3})), record(1, "/users/bob", Some("bob"), json!({}))]
    );
    assert_eq!(known.envelope, json!({"v": 2, "users": {}}));
    for text in [&b""[..], b"a: [", b"a: \xff", b"a: *none"] {
        assert_eq!(read(Format::Yaml, "", text).1.len(), 1, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn text_and_markdown_are_one_record() {
    let (good, ..) = read(Format::Text, "", "\u{feff}a\r\n".as_bytes());
    assert_eq!(good[0].value, json!({"text": "\u{feff}a\r\n"}));
    assert_eq!(read(Format::Text, "", b"").0[0].value, json!({"text": ""}));
    assert_eq!(read(Format::Text, "", b"ok\n\xff").1[0].place, Some((2, 1)));
    let (good, ..) = read(Format::Markdown, "", b"---\ntags: [a]\n---\nText\n");
    assert_eq!(good[0].value, json!({"tags": ["a"], "body": "Text\n"}));
    let (_, bad, _) = read(Format::Markdown, "", b"---\nok: 1\nx: .nan\n---\nText\n");
    assert_eq!(bad[0].place, Some((3, 4)));
}

#[test]
fn a_break_ends_the_reading() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("file");
    std::fs::write(&at, "[1,2,3]").expect("written");
    let file = SourceFile { at, ..SourceFile::default() };
    let source = Source { records: RecordPath::parse("[*]").expect("a path"), ..Source::default() };
    let known = records(&file, &source, &mut |_| Ok(ControlFlow::Break(()))).expect("read");
    assert_eq!(known, FileRead { records: 1, ..FileRead::default() });
    let gone = SourceFile { at: folder.path().join("none"), ..SourceFile::default() };
    assert!(records(&gone, &source, &mut |_| Ok(ControlFlow::Break(()))).is_err());
}

fn json_value() -> impl Strategy<Value = Value> {
    let key = "[a-c/~\"\\\\é{}\\[\\]]{0,3}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "-?[1-9][0-9]{0,25}(\\.[0-9]{1,20})?".prop_map(|digits| serde_json::from_str(&digits).expect("a number")),
        key.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Paths that lead somewhere in many of the values.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["[*]", "{*}", "/a", "/b", "/0", "/~1"]), 0..4)
        .prop_map(|steps| steps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_put_into_the_envelope_are_the_document(value in json_value(), path in path(), pretty in any::<bool>()) {
        let Ok(_) = RecordPath::parse(&path) else { return Ok(()) };
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.expect("JSON");
        for format in [Format::Json, Format::Yaml] {
            let (good, bad, known) = read(format, &path, text.as_bytes());
            if !bad.is_empty() {
                // something else stands where the path says; it says so, and nothing is lost unsaid
                continue;
            }
            let mut document = known.envelope;
            for record in good {
                put(&mut document, &record.pointer, record.value).expect("a place");
            }
            prop_assert_eq!(document.to_string(), value.to_string());
        }
    }

    #[test]
    fn no_bytes_make_it_crash(bytes in prop::collection::vec(prop_oneof![4 => any::<u8>(), 6 => prop::sample::select(b"[]{}\",:-\n 1a\\".to_vec())], 0..60)) {
        for format in [Format::Json, Format::Jsonl, Format::Yaml, Format::Markdown, Format::Csv, Format::Text] {
            for path in ["", "[*]", "/a{*}"] {
                if path.is_empty() || matches!(format, Format::Json | Format::Yaml) {
                    read(format, path, &bytes);
                }
            }
        }
    }
}
