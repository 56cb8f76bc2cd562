//! Values of every kind, in the spellings that databases are found with, and now and then in none.

use liftlock::value::SqlValue;
use proptest::prelude::*;
use proptest::strategy::{BoxedStrategy, ValueTree as _};
use proptest::test_runner::TestRunner;

/// A value that owns its bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl Value {
    pub fn borrowed(&self) -> SqlValue<'_> {
        match self {
            Self::Null => SqlValue::Null,
            Self::Integer(number) => SqlValue::Integer(*number),
            Self::Real(number) => SqlValue::Real(*number),
            Self::Text(text) => SqlValue::Text(text),
            Self::Blob(bytes) => SqlValue::Blob(bytes),
        }
    }
}

pub fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().to_vec())
}

pub fn generate<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::default();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

pub fn integers() -> BoxedStrategy<Value> {
    let edges =
        [0, 1, -1, 127, 32_767, -32_768, 32_768, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN, 1 << 53];
    prop_oneof![
        any::<i64>(),
        any::<i32>().prop_map(i64::from),
        any::<i16>().prop_map(i64::from),
        (prop::sample::select(edges.to_vec()), -2i64..=2).prop_map(|(edge, by)| edge.saturating_add(by)),
        0i64..=1
    ]
    .prop_map(Value::Integer)
    .boxed()
}

pub fn reals() -> BoxedStrategy<Value> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits).prop_filter("SQLite has no NaN", |real| !real.is_nan()),
        any::<f32>().prop_filter("SQLite has no NaN", |real| !real.is_nan()).prop_map(f64::from),
        any::<i32>().prop_map(f64::from),
        (any::<i32>(), 0i32..12).prop_map(|(digits, places)| f64::from(digits) / 10f64.powi(places)),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            9_223_372_036_854_775_808.0,
            1e15,
            1e16,
            1e17,
            1e-5
        ])
    ]
    .prop_map(Value::Real)
    .boxed()
}

pub fn strings() -> BoxedStrategy<Value> {
    let odd = [
        "",
        " ",
        "a ",
        "\t\n\r",
        "\\N",
        "\\.",
        "'\"",
        "😀",
        "\u{fffe}",
        "\u{feff}a",
        "e\u{301}",
        "\u{1}",
        "NULL",
        "x\0y",
    ];
    prop_oneof![
        ".{0,12}".prop_map(|text| Value::Text(text.into_bytes())),
        "[a-z ]{0,6}".prop_map(|text| Value::Text(text.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(Value::Text),
        prop::sample::select(odd.to_vec()).prop_map(text)
    ]
    .boxed()
}

pub fn blobs() -> BoxedStrategy<Value> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..20), prop::collection::vec(any::<u8>(), 16)]
        .prop_map(Value::Blob)
        .boxed()
}

pub fn decimals() -> BoxedStrategy<Value> {
    prop_oneof![
        8 => "[-+]?[0-9]{0,9}(\\.[0-9]{0,6})?([eE][-+]?[0-9]{1,2})?",
        4 => "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,3})?",
        2 => "-?0{0,9}[0-9]{0,30}\\.?[0-9]{0,30}0{0,9}",
        1 => "[1-9](\\.[0-9]{1,9})?e-?(131071|131072|1638[234]|13107[0-3]|4[0-9]{2})",
        1 => "[-+]?0{1,5}(\\.0{0,5})?([eE]-?[0-9]{1,4})?",
    ]
    .prop_map(|number| text(&number))
    .boxed()
}

pub fn times() -> BoxedStrategy<Value> {
    let date = prop_oneof![
        8 => "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
        2 => "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        2 => "(0001|0004|1582|1900|2000|2024|9999)-(01|02|12)-(01|28|29|31)",
    ];
    let clock = prop_oneof![
        4 => "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?",
        2 => "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{0,4}0{0,5})?",
        2 => "(00:00|23:59|24:00)(:(00|59|60)(\\.(0|000000|999999|0000001|9999999))?)?",
        1 => "00:00:00"
    ];
    let zone = prop_oneof![4 => "", 2 => "[zZ]", 2 => " ?[-+](0[0-9]|1[0-6])(:?[0-5][0-9])?", 1 => "\\+00"];
    prop_oneof![
        8 => (date.clone(), "[ T]", clock.clone(), zone).prop_map(|(date, t, clock, zone)| date + &t + &clock + &zone),
        2 => date,
        2 => clock,
        1 => prop::sample::select(vec!["", "now", "infinity", "0000-00-00", "2024-02-30 00:00:00"]).prop_map(str::to_owned),
    ]
    .prop_map(|moment| text(&moment))
    .boxed()
}

pub fn uuids() -> BoxedStrategy<Value> {
    prop_oneof![
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9A-F]{12}",
        "\\{?[0-9a-f]{32}\\}?",
        "\\{[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\}",
        "[0-9a-g-]{30,38}"
    ]
    .prop_map(|id| text(&id))
    .boxed()
}

/// JSON in every spelling, and now and then none.
pub fn documents() -> BoxedStrategy<String> {
    let string = prop_oneof![
        6 => "\"[ab]{0,2}\"",
        1 => "\"([a-z]|é|😀|\\\\n|\\\\\"|\\\\/|\\\\u00e9|\\\\u0009|\\\\u001F|\\\\ud83d\\\\ude00|\u{7f}){0,3}\"",
        1 => prop::sample::select(vec!["\"\\u0000\"", "\"\\ud800\"", "\"\\u0061\"", "\"\\x\"", "\"\t\"", "\"\\\\u0000\""]).prop_map(str::to_owned),
    ];
    let number = prop_oneof![
        4 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?",
        1 => "-?[0-9](\\.[0-9])?[eE][-+]?[0-9]{1,2}",
        1 => prop::sample::select(vec!["1e131072", "1e400", "-0", "-0.0", "1E-16384", "01", "1.", "0.10", "1e-5"]).prop_map(str::to_owned),
    ];
    let word = prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned);
    let blank = || prop_oneof![4 => "", 2 => " ", 1 => "[ \\n\\t\\r]{1,2}"];
    prop_oneof![2 => string.clone(), 4 => number, 1 => word]
        .prop_recursive(4, 24, 4, move |inner| {
            let join = |open: &'static str, close: &'static str| {
                move |(items, comma): (Vec<String>, String)| {
                    format!("{open}{}{close}", items.join(&format!(",{comma}")))
                }
            };
            let member = (string.clone(), blank(), inner.clone())
                .prop_map(|(key, blank, value)| format!("{key}:{blank}{value}"));
            prop_oneof![
                (prop::collection::vec(inner, 0..4), blank()).prop_map(join("[", "]")),
                (prop::collection::vec(member, 0..4), blank()).prop_map(join("{", "}")),
            ]
        })
        .boxed()
}

pub fn anything() -> BoxedStrategy<Value> {
    let json = documents().prop_map(|json| text(&json));
    let words = prop::sample::select(vec!["true", "F", "yes", "off", "y", "0", "1", "sad", "ok", "a b"]).prop_map(text);
    prop_oneof![Just(Value::Null), integers(), reals(), strings(), blobs(), decimals(), times(), uuids(), json, words]
        .boxed()
}
