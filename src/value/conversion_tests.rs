//! What each type takes, and what it says of the rest.

use super::*;
use crate::value::{BadText, Canonical, TimeNumber};
use Fidelity::{Exact, FromNumber, OffsetLost, Reclassed, Repaired, Respelled};
use SqlValue::{Blob, Integer, Null, Real, Text};

fn of(name: &str) -> PgType {
    name.parse().unwrap()
}

/// The fidelity, and what a person reads of the field.
fn read(name: &str, reading: Reading, value: SqlValue<'_>) -> Result<(Fidelity, String), Misfit> {
    let to = of(name);
    let mut out = b"before".to_vec();
    let done = Conversion::new(&to, reading).encode(value, &mut out);
    let field = out.strip_prefix(b"before").expect("what was there stays");
    let fidelity = match done {
        Err(misfit) => {
            assert!(field.is_empty(), "a misfit leaves nothing behind");
            return Err(misfit);
        }
        Ok(fidelity) => fidelity,
    };
    let (length, contents) = field.split_first_chunk::<4>().unwrap();
    let contents = match i32::from_be_bytes(*length) {
        -1 => None,
        length => Some(contents).inspect(|bytes| assert_eq!(bytes.len(), length as usize)),
    };
    Ok((fidelity, Canonical::new(&to).show(contents)))
}

#[track_caller]
fn fits(name: &str, value: SqlValue<'_>, fidelity: Fidelity, shown: &str) {
    let found = read(name, Reading::default(), value);
    assert_eq!(found, Ok((fidelity, shown.to_owned())), "{value:?} as {name}");
}

#[track_caller]
fn refused(name: &str, value: SqlValue<'_>, misfit: Misfit) {
    assert_eq!(read(name, Reading::default(), value), Err(misfit), "{value:?} as {name}");
}

#[test]
fn null_is_null_in_every_type() {
    for name in ["boolean", "int8", "numeric", "text", "bytea", "timestamptz", "uuid", "jsonb", "text[]"] {
        fits(name, Null, Exact, "NULL");
    }
}

#[test]
fn booleans() {
    fits("boolean", Integer(0), Exact, "false");
    fits("boolean", Integer(1), Exact, "true");
    for word in ["true", "T", "yes", "Y", "ON", "1"] {
        fits("boolean", Text(word.as_bytes()), Respelled, "true");
    }
    for word in ["False", "f", "no", "n", "off", "0"] {
        fits("boolean", Text(word.as_bytes()), Respelled, "false");
    }
    refused("boolean", Integer(2), Misfit::Range);
    refused("boolean", Integer(-1), Misfit::Range);
    refused("boolean", Real(1.0), Misfit::Class);
    refused("boolean", Blob(b"1"), Misfit::Class);
    for word in ["", "tr", " true", "ja", "o"] {
        refused("boolean", Text(word.as_bytes()), Misfit::Syntax);
    }
}

#[test]
fn integers() {
    fits("smallint", Integer(-32_768), Exact, "-32768");
    refused("smallint", Integer(32_768), Misfit::Range);
    fits("integer", Integer(2_147_483_647), Exact, "2147483647");
    refused("integer", Integer(-2_147_483_649), Misfit::Range);
    fits("bigint", Integer(i64::MIN), Exact, "-9223372036854775808");
    fits("bigint", Real(-9_223_372_036_854_775_808.0), Exact, "-9223372036854775808");
    fits("bigint", Real(3.0), Exact, "3");
    fits("bigint", Real(-0.0), Respelled, "0");
    refused("bigint", Real(9_223_372_036_854_775_808.0), Misfit::Range);
    refused("bigint", Real(0.5), Misfit::Precision);
    refused("bigint", Real(f64::INFINITY), Misfit::Range);
    refused("bigint", Text(b"1"), Misfit::Class);
    refused("bigint", Blob(b"1"), Misfit::Class);
    refused("smallint", Real(40_000.0), Misfit::Range);
}

#[test]
fn floats() {
    fits("float8", Real(-0.0), Exact, "-0.0");
    fits("float8", Real(f64::NEG_INFINITY), Exact, "-Infinity");
    fits("float8", Real(5e-324), Exact, "5e-324");
    fits("float8", Integer(1 << 53), Exact, "9007199254740992.0");
    fits("float8", Integer(i64::MIN), Exact, "-9.223372036854776e18");
    refused("float8", Integer((1 << 53) + 1), Misfit::Precision);
    refused("float8", Integer(i64::MAX), Misfit::Precision);
    refused("float8", Text(b"1.5"), Misfit::Class);
    fits("real", Real(0.5), Exact, "0.5");
    fits("real", Real(f64::INFINITY), Exact, "Infinity");
    fits("real", Integer(1 << 40), Exact, "1099511600000.0");
    refused("real", Real(0.1), Misfit::Precision);
    refused("real", Real(1e300), Misfit::Range);
    refused("real", Real(1e-300), Misfit::Precision);
    refused("real", Integer((1 << 24) + 1), Misfit::Precision);
    refused("real", Integer(i64::MAX), Misfit::Precision);
}

#[test]
fn numerics() {
    fits("numeric", Integer(i64::MIN), Exact, "-9223372036854775808");
    fits("numeric", Integer(0), Exact, "0");
    fits("numeric", Real(1.234_567_890_123_456_7e19), Exact, "12345678901234567000");
    fits("numeric", Real(0.1), Exact, "0.1");
    fits("numeric", Real(1e-7), Exact, "0.0000001");
    fits("numeric", Real(-0.0), Respelled, "0");
    refused("numeric", Real(f64::INFINITY), Misfit::Range);
    fits("numeric", Text(b"-12.30"), Exact, "-12.3");
    fits("numeric", Text(b"+1e3"), Respelled, "1000");
    fits("numeric", Text(b"-0"), Respelled, "0");
    fits("numeric", Text(b"007.5"), Respelled, "7.5");
    for text in ["", " 1", "1 ", "0x1f", "NaN", "Infinity", "1,5", "1e"] {
        refused("numeric", Text(text.as_bytes()), Misfit::Syntax);
    }
    refused("numeric", Blob(b"1"), Misfit::Class);
    fits("numeric(10,2)", Integer(12), Exact, "12");
    fits("numeric(10,2)", Real(12.5), Exact, "12.5");
    fits("numeric(10,2)", Text(b"12.50"), Exact, "12.5");
    fits("numeric(10,2)", Text(b"12.5"), Respelled, "12.5");
    fits("numeric(10,2)", Text(b"12.500"), Respelled, "12.5");
    refused("numeric(10,2)", Real(12.345), Misfit::Precision);
    refused("numeric(10,2)", Real(0.1 + 0.2), Misfit::Precision);
    fits("numeric(4,2)", Integer(99), Exact, "99");
    refused("numeric(4,2)", Integer(100), Misfit::Range);
    refused("numeric(4,2)", Integer(i64::MAX), Misfit::Range);
}

#[test]
fn texts() {
    fits("text", Text("ä'\n".as_bytes()), Exact, "'ä''\\n'");
    fits("text", Text(b""), Exact, "''");
    fits("citext", Text(b"A"), Exact, "'A'");
    fits("text", Integer(-5), Reclassed, "'-5'");
    fits("text", Real(3.0), Reclassed, "'3.0'");
    fits("text", Real(1e300), Reclassed, "'1e300'");
    fits("text", Real(0.1), Reclassed, "'0.1'");
    fits("text", Real(f64::NEG_INFINITY), Reclassed, "'-Inf'");
    refused("text", Blob(b"a"), Misfit::Class);
    refused("text", Text(b"a\0b"), Misfit::Nul);
    refused("text", Text(b"a\xff"), Misfit::Utf8);
    refused("text", Text(b"\xed\xa0\x80"), Misfit::Utf8);
    fits("varchar(3)", Text("äöü".as_bytes()), Exact, "'äöü'");
    refused("varchar(3)", Text(b"abcd"), Misfit::Length);
    refused("varchar(3)", Text(b"abc "), Misfit::Length);
    refused("varchar(3)", Integer(1234), Misfit::Length);
    fits("char(3)", Text(b"abc"), Exact, "'abc'");
    fits("char(3)", Text(b"ab"), Respelled, "'ab'");
    fits("char(3)", Text(b"a  "), Respelled, "'a'");
    refused("char(3)", Text(b"a   "), Misfit::Length);
}

#[test]
fn bad_text_is_repaired_by_choice() {
    let with = |bad_text, value| read("text", Reading { bad_text, numbers: None }, Text(value));
    let shown = |fidelity, text: &str| Ok((fidelity, text.to_owned()));
    assert_eq!(with(BadText::Strip, b"a\0b\xff"), shown(Repaired, "'ab'"));
    assert_eq!(with(BadText::Strip, b"ab"), shown(Exact, "'ab'"));
    assert_eq!(with(BadText::Escape, b"a\0b\xff"), shown(Repaired, "'a\\x00b\\xff'"));
    assert_eq!(with(BadText::Escape, b"a\\x"), shown(Repaired, "'a\\\\x'"));
    assert_eq!(with(BadText::Escape, b"a\\y"), shown(Exact, "'a\\y'"));
}

#[test]
fn bytes() {
    fits("bytea", Blob(b"\0\xff"), Exact, "x'00ff'");
    fits("bytea", Text(b"a\0"), Reclassed, "x'6100'");
    fits("bytea", Integer(12), Reclassed, "x'3132'");
    fits("bytea", Real(1.5), Reclassed, "x'312e35'");
}

#[test]
fn uuids() {
    let id = "'01234567-89ab-cdef-0123-456789abcdef'";
    fits("uuid", Text(b"01234567-89ab-cdef-0123-456789abcdef"), Exact, id);
    fits("uuid", Text(b"01234567-89AB-cdef-0123-456789abcdef"), Respelled, id);
    fits("uuid", Text(b"0123456789abcdef0123456789abcdef"), Respelled, id);
    fits("uuid", Text(b"{01234567-89ab-cdef-0123-456789abcdef}"), Respelled, id);
    fits("uuid", Blob(b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"), Reclassed, id);
    refused("uuid", Blob(b"1"), Misfit::Length);
    refused("uuid", Integer(1), Misfit::Class);
    for text in [
        "",
        "0123",
        "01234567-89ab-cdef-0123-456789abcdeg",
        "0123456789ab-cdef-0123-4567-89abcdef",
        "{01234567-89ab-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdef}",
    ] {
        refused("uuid", Text(text.as_bytes()), Misfit::Syntax);
    }
}

#[test]
fn json_values() {
    fits("json", Text(b" {\"a\":1, \"a\":2}"), Exact, "' {\"a\":1, \"a\":2}'");
    fits("json", Text(b"\"\\u0000\""), Exact, "'\"\\u0000\"'");
    fits("json", Integer(5), Exact, "'5'");
    fits("json", Real(1.5), Exact, "'1.5'");
    refused("json", Real(f64::INFINITY), Misfit::Range);
    refused("json", Blob(b"{}"), Misfit::Class);
    refused("json", Text(b"{a:1}"), Misfit::Syntax);
    refused("json", Text(b""), Misfit::Syntax);
    fits("jsonb", Text(b"{\"a\": 1}"), Exact, "'{\"a\": 1}'");
    fits("jsonb", Text(b"{\"a\":1}"), Respelled, "'{\"a\":1}'");
    fits("jsonb", Integer(-5), Exact, "'-5'");
    fits("jsonb", Real(1e300), Respelled, "'1e300'");
    refused("jsonb", Real(-0.0), Misfit::Json);
    refused("jsonb", Text(b"{\"a\":1,\"a\":2}"), Misfit::Json);
    refused("jsonb", Text(b"{"), Misfit::Syntax);
}

#[test]
fn enumerations_and_domains() {
    let mood = PgType::Enum { name: "mood".into(), labels: vec!["sad".into(), "ok".into(), "Ok".into()] };
    let encode = |to: &PgType, value| {
        let mut out = Vec::new();
        Conversion::new(to, Reading::default()).encode(value, &mut out).map(|fidelity| (fidelity, out))
    };
    assert_eq!(encode(&mood, Text(b"ok")), Ok((Exact, b"\0\0\0\x02ok".to_vec())));
    assert_eq!(encode(&mood, Text(b"OK")), Err(Misfit::Label));
    assert_eq!(encode(&mood, Text(b"")), Err(Misfit::Label));
    assert_eq!(encode(&mood, Integer(0)), Err(Misfit::Class));
    let domain = PgType::Domain { name: "small".into(), over: Box::new(of("smallint")) };
    assert_eq!(encode(&domain, Integer(7)), Ok((Exact, b"\0\0\0\x02\0\x07".to_vec())));
    assert_eq!(encode(&domain, Integer(70_000)), Err(Misfit::Range));
    let array = PgType::Array(Box::new(mood));
    assert!(!Conversion::supports(&array) && Conversion::supports(&domain));
    assert_eq!(encode(&array, Text(b"[\"ok\"]")), Err(Misfit::Class));
}

#[test]
fn arrays() {
    fits("text[]", Text(b"[\"a\", \"\\u00e9\", null]"), Respelled, "{'a', 'é', NULL}");
    fits("int4[]", Text(b" [] "), Respelled, "{}");
    fits("int8[]", Text(b"[1, -2, 3.0]"), Respelled, "{1, -2, 3}");
    fits("bool[]", Text(b"[true, false]"), Respelled, "{true, false}");
    fits("numeric[]", Text(b"[1.50, 1e2, 12345678901234567890]"), Respelled, "{1.5, 100, 12345678901234567890}");
    fits("float8[]", Text(b"[0.1, 2]"), Respelled, "{0.1, 2.0}");
    fits("jsonb[]", Text(b"[{\"a\":[1]}, \"x\", 5, null]"), Respelled, "{'{\"a\":[1]}', '\"x\"', '5', NULL}");
    fits("date[]", Text(b"[\"2024-01-02\"]"), Respelled, "{'2024-01-02'}");
    fits("bytea[]", Text(b"[\"a\"]"), Reclassed, "{x'61'}");
    refused("text[]", Text(b"[[\"a\"]]"), Misfit::Syntax);
    refused("text[]", Text(b"[1]"), Misfit::Class);
    refused("text[]", Text(b"[\"\\u0000\"]"), Misfit::Nul);
    refused("text[]", Text(b"{a,b}"), Misfit::Syntax);
    refused("text[]", Text(b"\"a\""), Misfit::Syntax);
    refused("text[]", Text(b"[\"a\""), Misfit::Syntax);
    refused("text[]", Integer(1), Misfit::Class);
    refused("int4[]", Text(b"[\"1\"]"), Misfit::Class);
    refused("int4[]", Text(b"[1.5]"), Misfit::Precision);
    refused("int4[]", Text(b"[3000000000]"), Misfit::Range);
    refused("int8[]", Text(b"[9007199254740993.0]"), Misfit::Precision);
    refused("float8[]", Text(b"[0.10000000000000000001]"), Misfit::Precision);
    refused("float8[]", Text(b"[1e400]"), Misfit::Range);
    refused("bool[]", Text(b"[1]"), Misfit::Class);
    refused("varchar(2)[]", Text(b"[\"abc\"]"), Misfit::Length);
    refused("jsonb[]", Text(b"[{\"a\":1,\"a\":2}]"), Misfit::Json);
}

#[test]
fn numbers_are_times_only_where_that_was_chosen() {
    let with = |name, numbers, value| read(name, Reading { numbers: Some(numbers), ..Reading::default() }, value);
    let shown = |text: &str| Ok((FromNumber, text.to_owned()));
    for name in ["date", "time", "timestamp", "timestamptz"] {
        refused(name, Integer(0), Misfit::Class);
        refused(name, Blob(b""), Misfit::Class);
        assert_eq!(with(name, TimeNumber::Seconds, Blob(b"")), Err(Misfit::Class));
    }
    use TimeNumber::{Julian, Microseconds, Milliseconds, Seconds};
    let at = "'2023-11-14 22:13:20.123456+00'";
    assert_eq!(with("timestamptz", Seconds, Real(1_700_000_000.123_456)), shown(at));
    assert_eq!(with("timestamptz", Milliseconds, Real(1_700_000_000_123.456)), shown(at));
    assert_eq!(with("timestamptz", Microseconds, Integer(1_700_000_000_123_456)), shown(at));
    assert_eq!(with("timestamptz", Microseconds, Real(1_700_000_000_123_456.0)), shown(at));
    assert_eq!(with("timestamp", Seconds, Integer(-1)), shown("'1969-12-31 23:59:59'"));
    assert_eq!(with("timestamp", Seconds, Integer(253_402_300_799)), shown("'9999-12-31 23:59:59'"));
    assert_eq!(with("timestamp", Seconds, Integer(253_402_300_800)), Err(Misfit::Range));
    assert_eq!(with("timestamp", Seconds, Integer(-62_135_596_800)), shown("'0001-01-01 00:00:00'"));
    assert_eq!(with("timestamp", Seconds, Integer(-62_135_596_801)), Err(Misfit::Range));
    assert_eq!(with("timestamp", Seconds, Integer(i64::MAX)), Err(Misfit::Range));
    assert_eq!(with("timestamp", Microseconds, Integer(i64::MIN)), Err(Misfit::Range));
    assert_eq!(with("timestamp", Seconds, Real(f64::INFINITY)), Err(Misfit::Range));
    assert_eq!(with("timestamp", Seconds, Real(0.123_456_7)), Err(Misfit::Precision));
    assert_eq!(with("timestamp", Milliseconds, Real(0.0001)), Err(Misfit::Precision));
    assert_eq!(with("timestamp", Microseconds, Real(0.5)), Err(Misfit::Precision));
    assert_eq!(with("timestamp", Julian, Real(2_440_587.5)), shown("'1970-01-01 00:00:00'"));
    assert_eq!(with("timestamp", Julian, Real(2_460_000.123_456_7)), shown("'2023-02-24 14:57:46.659'"));
    assert_eq!(with("timestamp", Julian, Integer(2_440_588)), shown("'1970-01-01 12:00:00'"));
    assert_eq!(with("timestamp", Julian, Real(5_373_484.5)), Err(Misfit::Range));
    assert_eq!(with("timestamp", Julian, Integer(0)), Err(Misfit::Range));
    assert_eq!(with("date", Seconds, Integer(86_400)), shown("'1970-01-02'"));
    assert_eq!(with("date", Seconds, Integer(86_401)), Err(Misfit::Precision));
    assert_eq!(with("time", Seconds, Integer(3_723)), shown("'01:02:03'"));
    assert_eq!(with("time", Seconds, Integer(86_400)), Err(Misfit::Range));
    assert_eq!(with("time", Seconds, Integer(-1)), Err(Misfit::Range));
    assert_eq!(with("time", Julian, Real(2_440_587.5)), Err(Misfit::Class));
    let text = with("timestamptz", Seconds, Text(b"2024-01-02 03:04:05+02"));
    assert_eq!(text, Ok((OffsetLost, "'2024-01-02 01:04:05+00'".to_owned())));
}
