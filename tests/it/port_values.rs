//! Values against the real server: what a conversion accepts is stored and comes back as the same value, is what the
//! server's own cast makes of the same text, and is equal in its canonical form exactly where the server says `=`.

mod generators;
mod wire;

use liftlock::value::{BadText, Canonical, Conversion, Fidelity, PgType, Reading, TimeNumber};
use postgres::Client;
use proptest::prelude::*;

use crate::support::TestDatabase;
use generators::{Value, anything, decimals, documents, generate, integers, reals, strings, text, times, uuids};
use wire::{Taken, canonical, cast, come_back, contents, copy_in, copy_out, spelled, take};

fn plain_types() -> Vec<PgType> {
    [
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double precision",
        "numeric",
        "numeric(10,2)",
        "numeric(5,0)",
        "numeric(3,-2)",
        "numeric(2,5)",
        "text",
        "varchar",
        "varchar(3)",
        "char(3)",
        "citext",
        "bytea",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "json",
        "jsonb",
    ]
    .iter()
    .map(|name| name.parse().unwrap())
    .collect()
}

fn server() -> (TestDatabase, Client) {
    let database = TestDatabase::postgres();
    let mut client = database.client();
    client
        .batch_execute(
            "CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'ok', 'a b'); \
             CREATE DOMAIN small AS smallint; CREATE DOMAIN mine AS mood; SET TimeZone = 'UTC'",
        )
        .unwrap();
    (database, client)
}

#[test]
fn what_is_accepted_comes_back_as_the_same_value() {
    let (_database, mut client) = server();
    let mood = PgType::Enum { name: "mood".into(), labels: vec!["sad".into(), "ok".into(), "a b".into()] };
    let mut types = plain_types();
    types.push(PgType::Domain { name: "small".into(), over: Box::new(PgType::Int2) });
    types.push(PgType::Domain { name: "mine".into(), over: Box::new(mood.clone()) });
    types.push(mood);
    for to in types {
        let taken = take(&to, Reading::default(), generate(&anything(), 6_000));
        assert!(taken.len() > 400, "{to}: only {} of the values fit", taken.len());
        come_back(&mut client, &to, &taken);
    }
}

#[test]
fn repaired_text_is_text_that_the_server_holds() {
    let (_database, mut client) = server();
    for bad_text in [BadText::Strip, BadText::Escape] {
        let values = generate(&strings(), 3_000);
        let taken = take(&PgType::Text, Reading { bad_text, ..Reading::default() }, values);
        assert_eq!(taken.len(), 3_000, "every text can be repaired");
        come_back(&mut client, &PgType::Text, &taken);
        if bad_text == BadText::Escape {
            // what differed still does: a unique column stays one
            let originals: std::collections::HashSet<String> =
                taken.iter().map(|taken| format!("{:?}", taken.value)).collect();
            let stored: std::collections::HashSet<&[u8]> = taken.iter().map(|taken| &taken.field[..]).collect();
            assert_eq!(originals.len(), stored.len());
        }
    }
}

#[test]
fn arrays_come_back_element_by_element() {
    let (_database, mut client) = server();
    let element = prop_oneof![
        documents(),
        prop_oneof![times(), uuids(), decimals()].prop_map(|value| match value {
            Value::Text(text) => format!("\"{}\"", String::from_utf8(text).unwrap()),
            other => panic!("{other:?}"),
        }),
        "-?[1-9][0-9]{0,4}",
        Just("null".to_owned()),
        Just("true".to_owned())
    ]
    .boxed();
    // one kind of element in each array, or hardly any would fit
    let arrays = (prop::collection::vec(element, 0..3), 1usize..4).prop_map(|(items, times)| {
        let items: Vec<String> = std::iter::repeat_n(items, times).flatten().collect();
        text(&format!("[{}]", items.join(",")))
    });
    for element in plain_types().into_iter().filter(|element| *element != PgType::Citext) {
        let to = PgType::Array(Box::new(element));
        let taken = take(&to, Reading::default(), generate(&arrays, 3_000));
        assert!(taken.len() > 100, "{to}: only {} of the values fit", taken.len());
        come_back(&mut client, &to, &taken);
    }
}

#[test]
fn texts_are_what_the_servers_own_cast_makes_of_them() {
    let (_database, mut client) = server();
    let json = documents().prop_map(|json| text(&json)).boxed();
    let words = "(true|TRUE|t|yes|No|on|oFf|1|0|y|n|f|fals)".prop_map(|word| text(&word)).boxed();
    for (name, values) in [
        ("boolean", words),
        ("numeric", prop_oneof![decimals(), reals(), integers()].boxed()),
        ("numeric(10,2)", prop_oneof![decimals(), reals(), integers()].boxed()),
        ("numeric(3,-2)", prop_oneof![decimals(), integers()].boxed()),
        (
            "double precision",
            reals().prop_filter("its word differs", |real| spelled(real).find("inf").is_none()).boxed(),
        ),
        ("bigint", integers()),
        ("varchar(3)", strings()),
        ("char(3)", strings()),
        ("date", times()),
        ("time", times()),
        ("timestamp", times()),
        ("timestamptz", times()),
        ("uuid", uuids()),
        ("json", json.clone()),
        ("jsonb", json),
    ] {
        let to: PgType = name.parse().unwrap();
        let taken = take(&to, Reading::default(), generate(&values, 6_000));
        assert!(taken.len() > 200, "{to}: only {} of the values fit", taken.len());
        let own = cast(&mut client, &format!("t::{to}"), &taken);
        for (taken, own) in taken.iter().zip(&own) {
            let ours = canonical(&to, contents(&taken.field));
            assert_eq!(ours, canonical(&to, own.as_deref()), "{to}: {:?}; the server reads {own:?}", taken.value);
        }
    }
}

#[test]
fn exact_means_that_the_server_prints_the_same_text() {
    let (_database, mut client) = server();
    let json = documents().prop_map(|json| text(&json)).boxed();
    for (name, values) in [
        ("numeric", decimals()),
        ("numeric(10,2)", decimals()),
        ("date", times()),
        ("time", times()),
        ("timestamp", times()),
        ("timestamptz", times()),
        ("uuid", uuids()),
        ("text", strings()),
        ("json", json.clone()),
        ("jsonb", json),
    ] {
        let to: PgType = name.parse().unwrap();
        let taken = take(&to, Reading::default(), generate(&values, 6_000));
        copy_in(&mut client, &to, &taken);
        let printed = copy_out(&mut client, "SELECT value::text FROM v ORDER BY n");
        let shown = !matches!(to, PgType::Numeric(_) | PgType::Text | PgType::Json | PgType::Jsonb);
        let mut exact = 0;
        for (taken, printed) in taken.iter().zip(printed) {
            let printed = String::from_utf8(printed.unwrap()).unwrap();
            let same = printed == spelled(&taken.value);
            assert_eq!(taken.fidelity == Fidelity::Exact, same, "{to}: {:?} is printed `{printed}`", taken.value);
            exact += usize::from(same);
            if shown {
                // and what a person reads of it in a report is what the server prints
                assert_eq!(Canonical::new(&to).show(contents(&taken.field)), format!("'{printed}'"));
            }
        }
        assert!(exact > 10, "{to}: only {exact} were exact");
    }
}

#[test]
fn numbers_become_the_moments_that_the_server_reckons() {
    let (_database, mut client) = server();
    let seconds = prop_oneof![
        (-62_135_596_800i64..253_402_300_800).prop_map(Value::Integer),
        (-4_000_000_000i64..8_000_000_000, 0i32..1_000_000)
            .prop_map(|(whole, micros)| { Value::Real(format!("{whole}.{micros:06}").parse().unwrap()) }),
        any::<i64>().prop_map(Value::Integer),
        any::<u64>()
            .prop_map(f64::from_bits)
            .prop_filter("SQLite has no NaN", |real| !real.is_nan())
            .prop_map(Value::Real),
    ];
    let scaled = |by: i64| {
        prop_oneof![
            (-62_135_596_800i64..253_402_300_800, 0..by)
                .prop_map(move |(whole, rest)| Value::Integer(whole * by + rest)),
            (-4_000_000_000i64..8_000_000_000).prop_map(move |whole| Value::Real((whole * by) as f64)),
            any::<i64>().prop_map(Value::Integer),
        ]
        .boxed()
    };
    for (numbers, factor, values) in [
        (TimeNumber::Seconds, 1_000_000, seconds.boxed()),
        (TimeNumber::Milliseconds, 1_000, scaled(1_000)),
        (TimeNumber::Microseconds, 1, scaled(1_000_000)),
    ] {
        for to in [PgType::Timestamp, PgType::Timestamptz] {
            let reading = Reading { numbers: Some(numbers), ..Reading::default() };
            let taken = take(&to, reading, generate(&values, 4_000));
            assert!(taken.len() > 1_000, "only {} of the values fit", taken.len());
            // whole days and the rest of a day apart, so that no double loses a digit
            let micros = format!("(t::numeric * {factor})::bigint");
            let own = cast(
                &mut client,
                &format!(
                    "(timestamp '1970-01-01' + make_interval(days => ({micros} / 86400000000)::int) \
                     + ({micros} % 86400000000) * interval '1 microsecond')::{to}"
                ),
                &taken,
            );
            for (taken, own) in taken.iter().zip(&own) {
                assert_eq!(contents(&taken.field), own.as_deref(), "{numbers:?} {to}: {:?}", taken.value);
                assert_eq!(taken.fidelity, Fidelity::FromNumber);
            }
        }
    }
}

#[test]
fn julian_days_become_what_sqlite_makes_of_them() {
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    let mut read = sqlite.prepare("SELECT strftime('%Y-%m-%d %H:%M:%f', ?1)").unwrap();
    let days = prop_oneof![1_721_426.0f64..5_373_484.0, 2_440_000.0f64..2_470_000.0].prop_map(Value::Real);
    let reading = Reading { numbers: Some(TimeNumber::Julian), ..Reading::default() };
    for taken in take(&PgType::Timestamp, reading, generate(&days, 4_000)) {
        let Value::Real(day) = taken.value else { panic!("{:?}", taken.value) };
        let own: String = read.query_row([day], |row| row.get(0)).unwrap();
        let own = take(&PgType::Timestamp, Reading::default(), [text(&own)]);
        assert_eq!(taken.field, own[0].field, "{day}");
    }
}

#[test]
fn canonical_forms_are_equal_exactly_where_the_server_says_so() {
    let (_database, mut client) = server();
    let numbers = prop_oneof![
        "-?[0-2]{1,2}(\\.[0-1]?0{0,3})?(e[-+]?[0-2])?",
        "-?0{0,2}(1|10|100)(\\.0{1,3})?",
        "(1|0\\.1|0\\.01)e[0-3]",
    ]
    .prop_map(|number| text(&number));
    let small = prop_oneof![
        "(1|1\\.0|10e-1|2|-1)",
        "\"(a|\\\\u0061|b|)\"",
        "\\[(1|1\\.0), ?(2|2\\.00|\"a\")\\]",
        prop::sample::select(vec![
            "{\"a\":1,\"b\":2}",
            "{\"b\":2,\"a\":1}",
            "{\"b\": 2.0, \"a\": 1e0}",
            "{\"a\":2,\"b\":1}",
            "{\"aa\":1,\"b\":2}",
            "{\"b\":2,\"aa\":1}",
            "{}",
            "[]",
            "[[]]",
            "[{}]",
            "{\"a\":{}}",
            "{\"a\":[]}",
            "null",
            "\"null\"",
            "true",
            "{\"a\": {\"y\": [1, {\"d\": 1, \"c\": 2}], \"x\": 0}}",
            "{\"a\":{\"x\":0.0,\"y\":[1,{\"c\":2,\"d\":1}]}}",
        ])
        .prop_map(str::to_owned),
    ]
    .prop_map(|json| text(&json));
    let moments = prop_oneof![
        "2024-01-0[12][ T]0[01]:00(:00)?(\\.0{1,6})?(Z|\\+00|\\+01|-01:00|\\+0100)",
        "2024-01-0[12][ T]0[01]:00:00(\\.10?)?Z",
    ]
    .prop_map(|moment| text(&moment));
    let plain = "2024-01-0[12]([ T]0[01]:00(:00(\\.[01]0{0,2})?)?)?".prop_map(|moment| text(&moment));
    let words = "[ab]{0,2} {0,2}".prop_map(|word| text(&word));
    let lists = "\\[((1|1\\.0|2|null),){0,2}(1|1\\.00|null)\\]".prop_map(|list| text(&list));
    for (name, values) in [
        ("numeric", numbers.boxed()),
        ("jsonb", small.boxed()),
        ("timestamptz", moments.boxed()),
        ("timestamp", plain.boxed()),
        ("char(4)", words.clone().boxed()),
        ("text", words.boxed()),
        ("numeric[]", lists.boxed()),
        ("uuid", prop::sample::select(vec!["A", "a", "b"]).prop_map(|digit| text(&digit.repeat(32))).boxed()),
        ("bigint", (0i64..5).prop_map(Value::Integer).boxed()),
        ("double precision", (0i32..5).prop_map(|number| Value::Real(f64::from(number) / 3.0)).boxed()),
    ] {
        let to: PgType = name.parse().unwrap();
        let taken = take(&to, Reading::default(), generate(&values, 150));
        copy_in(&mut client, &to, &taken);
        let equal = copy_out(&mut client, "SELECT a.value = b.value FROM v a, v b ORDER BY a.n, b.n");
        let mut equal = equal.into_iter().map(|equal| equal.unwrap() == [1]);
        let (mut same, mut different) = (0, 0);
        for one in &taken {
            for other in &taken {
                let ours = canonical(&to, contents(&one.field)) == canonical(&to, contents(&other.field));
                assert_eq!(equal.next(), Some(ours), "{to}: {:?} and {:?}", one.value, other.value);
                same += usize::from(ours && one.value != other.value);
                different += usize::from(!ours);
            }
        }
        assert!(different > 100, "{to}: hardly any two values differed");
        assert!(
            same > 0 || matches!(to, PgType::Int8 | PgType::Float8 | PgType::Text),
            "{to}: no two spellings were equal"
        );
    }
}

#[test]
fn json_is_refused_where_the_server_refuses_it() {
    let (_database, mut client) = server();
    client
        .batch_execute(
            "CREATE FUNCTION reads(t text) RETURNS boolean LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM t::json; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$",
        )
        .unwrap();
    let broken =
        (documents(), any::<prop::sample::Index>(), "[]\\[{}:,\"0-9a\\\\ .e-]{0,2}").prop_map(|(json, at, put)| {
            let mut characters: Vec<char> = json.chars().collect();
            let at = at.index(characters.len());
            characters.splice(at..=at, put.chars());
            text(&characters.into_iter().collect::<String>())
        });
    let values = generate(&prop_oneof![broken, documents().prop_map(|json| text(&json))], 8_000);
    let conversion = Conversion::new(&PgType::Json, Reading::default());
    let ours: Vec<bool> =
        values.iter().map(|value| conversion.encode(value.borrowed(), &mut Vec::new()).is_ok()).collect();
    let all: Vec<Taken> =
        values.into_iter().map(|value| Taken { value, fidelity: Fidelity::Exact, field: Vec::new() }).collect();
    let theirs = cast(&mut client, "reads(t)", &all);
    for ((value, ours), theirs) in all.iter().zip(ours).zip(theirs) {
        assert_eq!(ours, theirs.unwrap() == [1], "{:?}", value.value);
    }
}

#[test]
fn the_widest_values_come_back() {
    let (_database, mut client) = server();
    let deep = |open: &str, close: &str| text(&format!("{}1{}", open.repeat(6_400), close.repeat(6_400)));
    let nines = "9".repeat(131_072);
    let fraction = format!("0.{}1", "0".repeat(16_382));
    let long = "{\"key\": [1, 2.50, \"three\"]}, ".repeat(50_000);
    let long = format!("[{}]", long.trim_end_matches(", "));
    for (name, values) in [
        ("json", vec![deep("[", "]"), deep("{\"a\":", "}"), text(&long)]),
        ("jsonb", vec![deep("[", "]"), deep("{\"a\": ", "}"), text(&long), text(&nines), text(&fraction)]),
        (
            "numeric",
            vec![
                text(&nines),
                text(&format!("-{nines}")),
                text(&fraction),
                text(&(nines.clone() + "." + &"1".repeat(16_383))),
            ],
        ),
        ("text", vec![text(&"ä".repeat(1 << 20))]),
        ("bytea", vec![Value::Blob(vec![0; 1 << 20])]),
    ] {
        let to: PgType = name.parse().unwrap();
        let count = values.len();
        let taken = take(&to, Reading::default(), values);
        assert_eq!(taken.len(), count, "{to}");
        come_back(&mut client, &to, &taken);
    }
}
