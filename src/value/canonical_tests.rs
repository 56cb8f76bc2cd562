//! Canonical forms, and what people read.

use proptest::prelude::*;

use super::*;
use crate::value::{Conversion, Reading, SqlValue};

fn canonical(name: &str, field: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut out = b"before".to_vec();
    let of = Canonical::new(&name.parse().unwrap());
    let done = of.append(Some(field), &mut out);
    let out = out.strip_prefix(b"before").unwrap().to_vec();
    match done {
        Ok(()) => {
            if of.is_identity() {
                assert_eq!(out[4..], *field);
            }
            assert_eq!(out[..4], (out.len() as i32 - 4).to_be_bytes());
            Ok(out[4..].to_vec())
        }
        Err(malformed) => {
            assert!(out.is_empty());
            Err(malformed)
        }
    }
}

fn field(name: &str, value: SqlValue<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    Conversion::new(&name.parse().unwrap(), Reading::default()).encode(value, &mut out).unwrap();
    out.split_off(4)
}

#[test]
fn null_is_minus_one_in_every_type() {
    for name in ["int8", "numeric", "jsonb", "text[]"] {
        let mut out = Vec::new();
        Canonical::new(&name.parse().unwrap()).append(None, &mut out).unwrap();
        assert_eq!(out, [0xff; 4]);
    }
}

#[test]
fn numerics_are_plain_digits() {
    for (text, plain) in [
        ("0", "0"),
        ("-0.00", "0"),
        ("1.10", "1.1"),
        ("100", "100"),
        ("10000", "10000"),
        ("-12345678.00012", "-12345678.00012"),
        ("0.00001", "0.00001"),
        ("1e20", "100000000000000000000"),
        ("9999.9999", "9999.9999"),
    ] {
        let sent = field("numeric", SqlValue::Text(text.as_bytes()));
        assert_eq!(canonical("numeric", &sent).unwrap(), plain.as_bytes(), "{text}");
    }
    assert_eq!(canonical("numeric", b"\0\0\0\0\xc0\0\0\0").unwrap(), b"NaN");
    assert_eq!(canonical("numeric", b"\0\0\0\0\xd0\0\0\0").unwrap(), b"Infinity");
    assert_eq!(canonical("numeric", b"\0\0\0\0\xf0\0\0\0").unwrap(), b"-Infinity");
    // groups that say nothing, before and after
    assert_eq!(canonical("numeric", b"\0\x04\0\x01\0\0\0\x04\0\0\0\x05\0\x01\0\0").unwrap(), b"5.0001");
    for malformed in [&b""[..], b"\0\x01\0\0\0\0\0\0", b"\0\x01\0\0\0\0\0\0\x27\x10", b"\0\0\0\0\x12\x34\0\0"] {
        assert_eq!(canonical("numeric", malformed), Err(Malformed));
    }
}

#[test]
fn floats_are_their_bits_but_one_nan() {
    assert_eq!(canonical("float8", &(-0.0f64).to_be_bytes()).unwrap(), (-0.0f64).to_be_bytes());
    assert_eq!(canonical("float8", &0xfff8_0000_0000_0001u64.to_be_bytes()).unwrap(), b"\x7f\xf8\0\0\0\0\0\0");
    assert_eq!(canonical("real", &0xffc0_0001u32.to_be_bytes()).unwrap(), b"\x7f\xc0\0\0");
}

#[test]
fn blanks_end_a_char_and_nothing_else() {
    assert_eq!(canonical("char(5)", b"a b  ").unwrap(), b"a b");
    assert_eq!(canonical("char(5)", b"     ").unwrap(), b"");
    assert_eq!(canonical("char(5)", b"a\t\n").unwrap(), b"a\t\n");
    assert_eq!(canonical("text", b"a  ").unwrap(), b"a  ");
}

#[test]
fn arrays_are_by_element() {
    let one = field("numeric[]", SqlValue::Text(b"[1.10, null]"));
    let other = field("numeric[]", SqlValue::Text(b"[1.1, null]"));
    assert_ne!(one, other);
    let expected = b"\0\0\0\x02\0\0\0\x031.1\xff\xff\xff\xff";
    assert_eq!(canonical("numeric[]", &one).unwrap(), expected);
    assert_eq!(canonical("numeric[]", &other).unwrap(), expected);
    assert_eq!(canonical("numeric[]", &field("numeric[]", SqlValue::Text(b"[]"))).unwrap(), b"\0\0\0\0");
    // of two dimensions, or not beginning at 1: as they are
    for head in [[2, 0, 23, 0, 1, 0, 1].as_slice(), &[1, 0, 23, 0, 0]] {
        let sent: Vec<u8> = head.iter().flat_map(|number: &i32| number.to_be_bytes()).collect();
        assert_eq!(canonical("int4[]", &sent).unwrap(), [&[0xff; 4][..], &sent].concat());
    }
    for malformed in [&one[..one.len() - 1], &[&one[..], b"x"].concat(), b""] {
        assert_eq!(canonical("numeric[]", malformed), Err(Malformed));
    }
}

#[test]
fn a_field_of_another_length_is_malformed() {
    for name in ["bool", "int2", "int4", "int8", "real", "float8", "date", "time", "timestamp", "timestamptz", "uuid"] {
        assert_eq!(canonical(name, b"abc"), Err(Malformed), "{name}");
    }
    assert_eq!(canonical("jsonb", b"{}"), Err(Malformed));
    assert_eq!(canonical("jsonb", b"\x01{"), Err(Malformed));
    assert_eq!(canonical("jsonb", b""), Err(Malformed));
}

#[test]
fn people_read_values_not_bytes() {
    let show = |name: &str, field: &[u8]| Canonical::new(&name.parse().unwrap()).show(Some(field));
    assert_eq!(show("timestamp", &i64::MAX.to_be_bytes()), "'infinity'");
    assert_eq!(show("date", &i32::MIN.to_be_bytes()), "'-infinity'");
    assert_eq!(show("int4", b"abc"), "x'616263' (not a value of the type)");
    let long = "é".repeat(100);
    assert_eq!(show("text", long.as_bytes()), format!("'{}…' (200 bytes)", "é".repeat(80)));
    assert_eq!(show("bytea", &[7; 41]), format!("x'{}…' (41 bytes)", "07".repeat(40)));
    assert_eq!(
        show("numeric", &field("numeric", SqlValue::Text(b"1e100"))),
        format!("1{}… (101 digits)", "0".repeat(79))
    );
    assert_eq!(show("jsonb", b"\x01{\"a\": 1}"), "'{\"a\": 1}'");
    assert_eq!(Canonical::new(&PgType::Text).show(None), "NULL");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(field in prop::collection::vec(any::<u8>(), 0..60)) {
        for name in ["bool", "numeric", "jsonb", "jsonb[]", "numeric[]", "timestamp", "text", "char(3)"] {
            let _ = canonical(name, &field);
            let _ = Canonical::new(&name.parse().unwrap()).show(Some(&field));
        }
    }

    #[test]
    fn no_text_makes_a_conversion_panic(text in prop::collection::vec(prop::sample::select(&b"0123456789-+.:eET Z[]{}\"\\,untrue\xff\0"[..]), 0..40)) {
        for name in ["bool", "numeric", "numeric(5,2)", "jsonb", "jsonb[]", "float8[]", "timestamptz", "timestamp", "date", "time", "uuid"] {
            let mut out = Vec::new();
            let to = name.parse().unwrap();
            if Conversion::new(&to, Reading::default()).encode(SqlValue::Text(&text), &mut out).is_ok() {
                prop_assert!(canonical(name, &out[4..]).is_ok());
            }
        }
    }
}
