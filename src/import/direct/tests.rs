//! What is made of the text is what reading and mapping make of it, or nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail so")]

use proptest::prelude::*;

use super::*;
use crate::import::mapping::{OnExisting, pointer_keys};
use crate::import::read::SourceFile;

const KINDS: [SqliteKind; 8] = [
    SqliteKind::Json { text: true },
    SqliteKind::Json { text: false },
    SqliteKind::Bool,
    SqliteKind::Integer,
    SqliteKind::Real,
    SqliteKind::Numeric,
    SqliteKind::Text,
    SqliteKind::Any,
];

fn column(fill: Fill, kind: SqliteKind) -> BoundColumn {
    BoundColumn {
        name: "c".to_owned(),
        kind: Kind::Sqlite(kind),
        fill,
        required: false,
        not_null: false,
        default: None,
        seal: None,
        spill: None,
    }
}

fn pointer(pointer: &str) -> Fill {
    Fill::Pointer { pointer: pointer.to_owned(), keys: pointer_keys(pointer).unwrap() }
}

fn table(columns: Vec<BoundColumn>) -> BoundTable {
    BoundTable {
        number: 0,
        target: 0,
        name: "t".to_owned(),
        columns,
        key: Vec::new(),
        exists: OnExisting::Update,
        children: Vec::new(),
    }
}

/// What reading and mapping make of it.
fn slowly(table: &BoundTable, path: &RecordPath, place: Place<'_>, text: &[u8]) -> Option<Row> {
    let value = strict::value(text).ok()?;
    row::map(table, path, place, &value, &value).ok()
}

/// Whether something was made of the text alone.
fn compare(table: &BoundTable, text: &[u8]) -> bool {
    let file = SourceFile { path: "a/b.json".to_owned(), ..SourceFile::default() };
    let path = RecordPath::parse("[*]").unwrap();
    for at in ["/3", "/x"] {
        let place =
            Place { file: &file, sha256: "", now: "", position: 3, entry: Some("e"), pointer: at, stored: true };
        let Some(direct) = Direct::of(table) else { return false };
        // what was in the room is not seen again
        let mut room = Room::default();
        room.fill(vec![vec![Cell::Text("of another row".to_owned()); at.len()]]);
        let Some(row) = direct.map(Some(&path), place, text, &mut room) else { return false };
        let expected = slowly(table, &path, place, text);
        assert_eq!(Some(&row), expected.as_ref(), "{} as {:?}", String::from_utf8_lossy(text), table.columns);
        // numbers are the same for `Value` whatever their digits are, and their text is kept
        assert_eq!(format!("{row:?}"), format!("{:?}", expected.unwrap()));
    }
    true
}

fn blanks() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(String::new()), 1 => "[ \n\t\r]{1,3}"]
}

fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "null", "true", "false", "0", "1", "-0", "-1", "1.0", "1.10", "0.1", "1e3", "1E5", "1e-2", "-1.5e+3", "1e400",
            "9223372036854775807", "9223372036854775808", "9007199254740993", "0.30000000000000004", "12.",  "01", "-",
            "+1", "nul", "NaN", "{}", "[]", "[1,]", "[ ]", "{ }", r#""""#, r#""{\"a\":1}""#, r#""[1]""#, r#""{x""#,
            r#"" 12 ""#, r#""1e5""#, r#""2024-01-02""#, r#""\u00e4""#, r#""\ud83d\ude00""#, r#""\ud800""#, r#""\/""#,
            r#""\u0000""#, r#""\x""#, r#""a\nb\t\"\\""#, r#""…ä€""#, "\"\u{7f}\"", "\"a\nb\"", r#""unclosed"#,
            r#"{"$serde_json::private::Number":"1"}"#, r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#,
        ]).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_filter("JSON has it", |number| number.is_finite()).prop_map(|number| number.to_string()),
        1 => "-?[0-9]{1,25}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        2 => any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        1 => "[ -~]{0,40}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "c", "d", "e/f", "g"]).prop_map(|key| format!("\"{key}\"")),
        1 => "[a-z$ä/~]{0,3}".prop_map(|key| format!("\"{key}\"")),
        1 => Just(r#""\u0061""#.to_owned()),
    ]
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec((blanks(), key(), blanks(), blanks(), value, blanks()), 0..7).prop_map(|entries| {
        let entries: Vec<String> =
            entries.into_iter().map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}")).collect();
        format!("{{{}}}", entries.join(","))
    })
}

fn value() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            object(inner.clone()),
            prop::collection::vec((blanks(), inner, blanks()), 0..4).prop_map(|items| {
                let items: Vec<String> = items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
                format!("[{}]", items.join(","))
            }),
        ]
    })
}

fn columns() -> impl Strategy<Value = Vec<BoundColumn>> {
    let fill = prop_oneof![
        8 => prop::sample::select(vec!["/a", "/b", "/c", "/d", "/e~1f", "/a/b", "/g/a", "/g/b", "/g/c/d", "/0"])
            .prop_map(pointer),
        1 => Just(Fill::Rest),
        1 => Just(Fill::Whole),
        1 => Just(Fill::EntryKey),
        1 => Just(Fill::Position),
        1 => Just(Fill::File(crate::import::mapping::FileFact::Name)),
        1 => Just(Fill::Number),
    ];
    let flags = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    let one = (fill, prop::sample::select(KINDS.to_vec()), flags);
    prop::collection::vec(one, 1..6).prop_map(|columns| {
        let columns = columns.into_iter();
        columns
            .map(|(fill, kind, (required, not_null))| BoundColumn { required, not_null, ..column(fill, kind) })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn both_ways_give_the_same_row(columns in columns(), text in object(value()), key in any::<bool>()) {
        let mut table = table(columns);
        table.key = if key { vec![0] } else { Vec::new() };
        compare(&table, text.as_bytes());
    }

    #[test]
    fn a_text_that_was_damaged_is_no_other_record(
        columns in columns(), text in object(value()), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut text = text.into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        compare(&table(columns), &text);
        text.truncate(at);
        prop_assert!(!compare(&table(vec![column(pointer("/a"), SqliteKind::Any)]), &text));
    }
}

#[test]
fn plain_records_are_made_of_their_text() {
    let columns = |kinds: &[(&str, SqliteKind)]| kinds.iter().map(|(at, kind)| column(pointer(at), *kind)).collect();
    let plain = table(columns(&[
        ("/a", SqliteKind::Integer),
        ("/b", SqliteKind::Text),
        ("/c", SqliteKind::Json { text: true }),
        ("/d/x", SqliteKind::Real),
    ]));
    for text in [
        r#"{"a":1,"b":"x","c":[1,{"y":null}],"d":{"x":1.5}}"#,
        "{ \"b\": \"ä\\n\\u00e4\",\n \"c\": {\"k\" : [ ]}, \"more\": [1e5] }",
        r#"{"d":{},"a":true}"#,
        "{}",
    ] {
        assert!(compare(&plain, text.as_bytes()), "{text}");
    }
    let mut rest = table(columns(&[("/a", SqliteKind::Integer)]));
    rest.columns.push(column(Fill::Rest, SqliteKind::Json { text: true }));
    rest.columns.push(column(Fill::Position, SqliteKind::Integer));
    assert!(compare(&rest, br#"{"x": [1, 2], "a": 5, "y": "\u00fc", "$ref": {}}"#));
    let mut whole = table(columns(&[("/a", SqliteKind::Integer)]));
    whole.columns.push(column(Fill::Whole, SqliteKind::Text));
    assert!(compare(&whole, br#"{"x": [1, 2], "a": 5}"#));
    // many keys in one object, and one of them twice
    let many: Vec<String> = (0..100).map(|number| format!("\"k{number}\":{number}")).collect();
    assert!(compare(&whole, format!("{{{}}}", many.join(",")).as_bytes()));
    assert!(!compare(&whole, format!("{{{},\"k7\":1}}", many.join(",")).as_bytes()));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    assert!(!compare(&whole, deep.as_bytes()));
}
