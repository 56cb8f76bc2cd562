//! Which spellings of times are taken, and for what.

use super::*;
use Fidelity::{Exact, OffsetLost, Respelled};

type Encode = fn(Option<TimeNumber>, SqlValue<'_>, &mut Vec<u8>) -> Converted;

fn read(encode: Encode, text: &str) -> Result<(Fidelity, i64), Misfit> {
    let mut out = Vec::new();
    let fidelity = encode(None, SqlValue::Text(text.as_bytes()), &mut out)?;
    let micros = match out.len() {
        4 => i64::from(i32::from_be_bytes(out.try_into().unwrap())) * MICROS_PER_DAY,
        _ => i64::from_be_bytes(out.try_into().unwrap()),
    };
    Ok((fidelity, micros))
}

/// 2000-01-02 03:04:05 in microseconds.
const MOMENT: i64 = MICROS_PER_DAY + ((3 * 60 + 4) * 60 + 5) * MICROS_PER_SECOND;

#[test]
fn timestamps_exact_and_respelled() {
    for (text, expected) in [
        ("2000-01-02 03:04:05", (Exact, MOMENT)),
        ("2000-01-02 03:04:05.1", (Exact, MOMENT + 100_000)),
        ("2000-01-02 03:04:05.000001", (Exact, MOMENT + 1)),
        ("2000-01-02 00:00:00", (Exact, MICROS_PER_DAY)),
        ("2000-01-02T03:04:05", (Respelled, MOMENT)),
        ("2000-01-02 03:04:05.10", (Respelled, MOMENT + 100_000)),
        ("2000-01-02 03:04:05.0", (Respelled, MOMENT)),
        ("2000-01-02 03:04:05.000001000", (Respelled, MOMENT + 1)),
        ("2000-01-02 03:04", (Respelled, MOMENT - 5 * MICROS_PER_SECOND)),
        ("2000-01-02", (Respelled, MICROS_PER_DAY)),
    ] {
        assert_eq!(read(timestamp, text), Ok(expected), "{text}");
    }
}

#[test]
fn a_zone_is_needed_or_refused() {
    for (text, expected) in [
        ("2000-01-02 03:04:05+00", (Exact, MOMENT)),
        ("2000-01-02 03:04:05.5+00", (Exact, MOMENT + 500_000)),
        ("2000-01-02 03:04:05Z", (Respelled, MOMENT)),
        ("2000-01-02T03:04:05+00", (Respelled, MOMENT)),
        ("2000-01-02 03:04:05+00:00", (Respelled, MOMENT)),
        ("2000-01-02 03:04:05-0000", (Respelled, MOMENT)),
        ("2000-01-02 03:04:05 +00", (Respelled, MOMENT)),
        ("2000-01-02 05:04:05+02", (OffsetLost, MOMENT)),
        ("2000-01-02 05:04:05 +0200", (OffsetLost, MOMENT)),
        ("2000-01-01T23:34:05-03:30", (OffsetLost, MOMENT)),
        ("2000-01-02 03:05+00:01", (OffsetLost, MOMENT - 5 * MICROS_PER_SECOND)),
    ] {
        assert_eq!(read(timestamptz, text), Ok(expected), "{text}");
        assert_eq!(read(timestamp, text), Err(Misfit::Offset), "{text}");
    }
    assert_eq!(read(timestamptz, "2000-01-02 03:04:05"), Err(Misfit::Offset));
    assert_eq!(read(timestamptz, "2000-01-02"), Err(Misfit::Offset));
    assert_eq!(read(date, "2000-01-02 00:00:00Z"), Err(Misfit::Offset));
    assert_eq!(read(time, "00:00:00+01"), Err(Misfit::Offset));
}

#[test]
fn dates() {
    assert_eq!(read(date, "2000-01-02"), Ok((Exact, MICROS_PER_DAY)));
    assert_eq!(read(date, "2000-01-02 00:00:00"), Ok((Respelled, MICROS_PER_DAY)));
    assert_eq!(read(date, "2000-01-02T00:00"), Ok((Respelled, MICROS_PER_DAY)));
    assert_eq!(read(date, "2000-01-02 00:00:01"), Err(Misfit::Precision));
    assert_eq!(read(date, "1999-12-31"), Ok((Exact, -MICROS_PER_DAY)));
}

#[test]
fn times() {
    assert_eq!(read(time, "03:04:05"), Ok((Exact, MOMENT - MICROS_PER_DAY)));
    assert_eq!(read(time, "23:59:59.999999"), Ok((Exact, MICROS_PER_DAY - 1)));
    assert_eq!(read(time, "03:04"), Ok((Respelled, MOMENT - MICROS_PER_DAY - 5 * MICROS_PER_SECOND)));
    assert_eq!(read(time, "00:00:00.000"), Ok((Respelled, 0)));
    for text in [
        "",
        "3:04",
        "24:00",
        "24:00:00",
        "03:60",
        "03:04:60",
        "030405",
        "03:04:05 PM",
        "03:04:05.",
        "03",
        "2000-01-02 03:04:05",
    ] {
        assert_eq!(read(time, text), Err(Misfit::Syntax), "{text}");
    }
}

#[test]
fn digits_beyond_microseconds_are_never_dropped() {
    for text in ["2000-01-02 03:04:05.0000001", "2000-01-02 03:04:05.123456789", "2000-01-02 03:04:05.1234560000"] {
        assert_eq!(read(timestamp, text), Err(Misfit::Precision), "{text}");
    }
    assert_eq!(read(time, "03:04:05.1234567"), Err(Misfit::Precision));
}

#[test]
fn what_never_was_is_no_time() {
    for text in [
        "",
        " ",
        "infinity",
        "-infinity",
        "now",
        "today",
        "epoch",
        "0000-00-00 00:00:00",
        "0000-01-01",
        "2023-02-29",
        "2024-02-30",
        "2024-13-01",
        "2024-00-01",
        "2024-01-32",
        "2024-1-2",
        "24-01-02",
        "10000-01-01",
        "-2024-01-01",
        "2024/01/02",
        "2024-01-02 ",
        " 2024-01-02",
        "2024-01-02T",
        "2024-01-02t03:04:05",
        "2024-01-02  03:04:05",
        "2024-01-02 24:00:00",
        "2024-01-02 23:59:60",
        "2024-01-02 03:60",
        "2024-01-02 3:04",
        "2024-01-02 03",
        "2024-01-02 03:04:5",
        "2024-01-02 03:04:",
        "2024-01-02 03:04.5",
        "2024-01-02 03:04:05.",
        "2024-01-02 03:04:05,5",
        "2024-01-02 03:04:05 ",
        "2024-01-02 03:04:05z",
        "2024-01-02 03:04:05 Z",
        "2024-01-02 03:04:05 UTC",
        "2024-01-02 03:04:05+1",
        "2024-01-02 03:04:05+16",
        "2024-01-02 03:04:05+01:60",
        "2024-01-02 03:04:05+01:00:00",
        "2024-01-02 03:04:05*01",
        "2024-01-02 BC",
        "20240102",
        "２０２４-01-02",
    ] {
        for encode in [date as Encode, timestamp, timestamptz] {
            assert_eq!(read(encode, text), Err(Misfit::Syntax), "{text}");
        }
    }
}
