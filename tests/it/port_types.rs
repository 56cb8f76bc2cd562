//! Which type a column gets for each kind of values, and what a person is told of it.

use liftlock::port::options::{ColumnMatch, Options, TypeRule};
use liftlock::value::{BadText, PgType, Reading, TimeNumber};

use crate::port_plan::{plan, told};

fn column_of(declared: &str, values: &str) -> String {
    let rows: Vec<String> = values.split(" | ").map(|value| format!("({value})")).collect();
    format!("create table t(id integer primary key, v {declared}); insert into t(v) values {};", rows.join(","))
}

/// One column `v` of declared type and values, and what is told of it.
fn check(cases: &[(&str, &str, &str)], options: &Options) {
    for (declared, values, expected) in cases {
        assert_eq!(told(&plan(&column_of(declared, values), options)), *expected, "{declared}: {values}");
    }
}

/// As [`check`], of the findings only levels and codes.
fn check_briefly(cases: &[(&str, &str, &str)], options: &Options) {
    for (declared, values, expected) in cases {
        let told = told(&plan(&column_of(declared, values), options));
        let brief: Vec<&str> = told.lines().map(|line| line.split(" v:").next().unwrap()).collect();
        assert_eq!(brief.join("; "), *expected, "{declared}: {values}");
    }
}

#[test]
fn a_type_is_taken_where_every_value_fits() {
    let cases = [
        ("integer", "2147483648 | 9223372036854775807 | -9223372036854775808 | null", "v bigint"),
        ("tinyint", "1 | 70000", "v bigint"),
        ("real", "3.141592653589793 | 1e300 | 5e-324 | 9e999 | -9e999", "v double precision"),
        ("decimal(10,2)", "12.34 | 0.1 | 1000", "v numeric(10,2)"),
        ("numeric", "9007199254740993 | 1.1 | '12345678901234567890'", "v numeric"),
        ("boolean", "0 | 1 | null", "v boolean"),
        ("boolean", "'true' | 'f'", "v boolean; change respelled"),
        ("datetime", "'2024-01-02 03:04:05' | '0001-01-01 00:00:00'", "v timestamp"),
        ("datetime", "'2024-01-02T03:04' | '2024-01-02'", "v timestamp; change respelled"),
        ("datetime", "'2024-01-02 03:04:05+02:00'", "v timestamptz; change offset-lost"),
        ("date", "'2024-01-02'", "v date"),
        ("time", "'03:04:05'", "v time"),
        ("json", "'[]' | '{\"a\": 1}' | null", "v jsonb"),
        ("uuid", "'7d444840-9dc0-11d1-b245-5ffdce74fad2'", "v uuid"),
        ("guid", "'7D444840-9DC0-11D1-B245-5FFDCE74FAD2'", "v uuid; change respelled"),
        ("uuid", "x'7d4448409dc011d1b2455ffdce74fad2'", "v uuid; change reclassed"),
        ("varchar(10)", "'much longer than ten'", "v text"),
        ("text", "'007' | '1e5' | '0x10' | ' 12 ' | 'true' | '2024-01-02'", "v text"),
        ("blob", "x'' | x'00' | null", "v bytea"),
        ("blob", "'a' | 'b'", "v text"),
        ("", "1 | 2", "v bigint"),
        ("", "1.0 | 2.0", "v double precision"),
        ("", "1 | 2.5", "v double precision"),
        ("", "9007199254740993 | 2.5", "v numeric"),
        ("", "'1' | '2'", "v text"),
        ("", "null", "v text"),
        ("blob", "null", "v bytea"),
        ("datetime", "null", "v timestamp"),
    ];
    check_briefly(&cases, &Options::default());
}

#[test]
fn else_there_is_a_fallback_and_a_line() {
    let cases = [
        (
            "integer",
            "1 | 'abc' | 3",
            "v text\nchange mixed-values v: 1 of 3 values is text, the first at rowid 2: 'abc'; the column becomes \
             `text`, and the storage class of 2 values is lost",
        ),
        (
            "integer",
            "1 | '' | 3",
            "v text\nchange mixed-values v: 1 of 3 values is text, the first at rowid 2: ''; the column becomes \
             `text`, and the storage class of 2 values is lost",
        ),
        (
            "integer",
            "1 | 2.5",
            "v numeric\nchange mixed-values v: 1 of 2 values is a real, the first at rowid 2: 2.5; the column becomes \
             `numeric`",
        ),
        (
            "text",
            "'ok' | x'DEADBEEF00'",
            "v bytea\nchange mixed-values v: 1 of 2 values is a blob, the first at rowid 2: x'deadbeef00'; the column \
             becomes `bytea`, and the storage class of 1 value is lost",
        ),
        (
            "",
            "1 | 'two' | 3.5 | x'04' | null",
            "v bytea\nchange mixed-values v: the column holds 1 integer, 1 real, 1 text, 1 blob; it becomes `bytea`, and \
             the storage class of 3 values is lost",
        ),
        (
            "datetime",
            "'2024-01-02 03:04:05' | '2024-02-30 00:00:00'",
            "v text\nchange type-fallback v: 1 of 2 values is no `timestamp`, the first at rowid 2: '2024-02-30 \
             00:00:00'; the column becomes `text`",
        ),
        (
            "boolean",
            "1 | 2 | -1",
            "v bigint\nchange type-fallback v: 2 of 3 values are out of the range of `boolean`, the first at rowid 2: 2; \
             the column becomes `bigint`",
        ),
    ];
    check(&cases, &Options::default());
    let cases = [
        ("decimal(10,2)", "12.34 | 123456789012.34", "v numeric; change type-fallback"),
        ("decimal(10,2)", "12.34 | 'n/a'", "v text; change mixed-values"),
        ("STRING", "1 | 'two' | 3.5 | '007'", "v text; change reclassed"),
        ("datetime", "'2024-01-02 03:04:05' | '2024-01-02 03:04:05Z'", "v text; change type-fallback"),
        ("datetime", "'0000-00-00 00:00:00'", "v text; change type-fallback"),
        ("datetime", "''", "v text; change type-fallback"),
        ("datetime", "'9999-12-31 23:59:59.9999999'", "v text; change type-fallback"),
        ("datetime", "'2024-01-02 03:04:05' | 1704164645", "v text; change mixed-values"),
        ("time", "'24:00:00'", "v text; change type-fallback"),
        ("time", "'25:00'", "v text; change type-fallback"),
        ("json", "'{\"a\":\"\\u0000\"}' | '1'", "v text; change type-fallback"),
        ("json", "'{\"a\":1,\"a\":2}'", "v text; change type-fallback"),
        ("json", "'{'", "v text; change type-fallback"),
        ("guid", "'x'", "v text; change type-fallback"),
        ("real", "1.5 | 'n/a'", "v text; change mixed-values"),
    ];
    check_briefly(&cases, &Options::default());
}

#[test]
fn numbers_are_times_only_where_all_are_in_one_unit() {
    let cases = [
        ("datetime", "1704164645 | 1704164646", "v timestamptz Seconds; assumption numbers-as-time"),
        ("datetime", "1704164645000 | null", "v timestamptz Milliseconds; assumption numbers-as-time"),
        ("timestamp", "1704164645000000", "v timestamptz Microseconds; assumption numbers-as-time"),
        ("datetime", "1704164645 | 1704164645000", "v bigint; change mixed-values"),
        ("datetime", "1704164645 | 0", "v bigint; change mixed-values"),
        ("datetime", "315532799", "v bigint; change mixed-values"),
        ("datetime", "315532800 | 4102444799", "v timestamptz Seconds; assumption numbers-as-time"),
        ("datetime", "4102444800", "v bigint; change mixed-values"),
        ("datetime", "2460311.628 | 2460312.0", "v double precision; change mixed-values"),
        ("integer", "1704164645", "v bigint"),
    ];
    check_briefly(&cases, &Options::default());
    let julian = Options {
        types: vec![TypeRule {
            columns: ColumnMatch::Declared("datetime".to_owned()),
            to: PgType::Timestamp,
            reading: Reading { numbers: Some(TimeNumber::Julian), ..Reading::default() },
        }],
        ..Options::default()
    };
    check_briefly(&[("DATETIME", "2460311.5", "v timestamp Julian; note numbers-as-time")], &julian);
}

#[test]
fn text_that_can_not_be_text_waits_for_a_person() {
    let nul = "'ok' | cast(x'410042' as text) | cast(x'41fffe' as text)";
    let plan_of = |options: &Options| plan(&column_of("text", nul), options);
    let blocked = plan_of(&Options { accept: vec!["bad-text".to_owned()], ..Options::default() });
    assert_eq!(blocked.blockers().count(), 1, "it can't be accepted: {}", told(&blocked));
    let finding = &blocked.findings[0];
    assert_eq!((finding.rows, finding.examples.len()), (2, 2), "{finding:?}");
    assert!(
        ["bytea", "strip", "escape"].iter().all(|word| finding.choices.iter().any(|choice| choice.contains(word))),
        "{finding:?}"
    );
    assert!(finding.message.starts_with("2 of 3 values hold NUL or bytes that are no UTF-8"), "{finding:?}");
    for bad_text in [BadText::Strip, BadText::Escape] {
        check_briefly(&[("text", nul, "v text; change bad-text")], &Options { bad_text, ..Options::default() });
    }
    check_briefly(
        &[("", nul, "v text; blocker bad-text"), ("json", nul, "v text; blocker bad-text; change type-fallback")],
        &Options::default(),
    );
}

#[test]
fn a_chosen_type_is_that_or_nothing() {
    let rule = |to: &PgType| TypeRule {
        columns: ColumnMatch::Column("t.v".to_owned()),
        to: to.clone(),
        reading: Reading::default(),
    };
    let with = |to| Options { types: vec![rule(&to)], ..Options::default() };
    check_briefly(&[("text", "'1' | 'x'", "v bytea; change reclassed")], &with(PgType::Bytea));
    let cases = [(
        "integer",
        "1 | 70000 | 80000",
        "v smallint\nblocker does-not-fit v: 2 of 3 values are out of the range of `smallint`, the first at rowid 2: \
         70000; the column is to be `smallint`, as was chosen",
    )];
    check(&cases, &with(PgType::Int2));
}

#[test]
fn narrow_types_by_choice() {
    let narrow = Options { int4: true, keep_length: true, ..Options::default() };
    let cases = [
        ("bigint", "1 | 2147483647", "v integer"),
        ("int", "1 | 2147483648", "v bigint"),
        ("varchar(3)", "'abc' | 'äöü'", "v character varying(3)"),
        ("char(3)", "'abc' | 'a'", "v character varying(3)"),
        ("varchar(3)", "'abcd'", "v text; change type-fallback"),
    ];
    check_briefly(&cases, &narrow);
}

#[test]
fn one_odd_value_in_many_is_found_named_and_counted() {
    let many = |declared: &str, value: &str| {
        format!(
            "create table t(id integer primary key, v {declared});
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
             insert into t select i, {value} from n;"
        )
    };
    for (declared, value, expected) in [
        (
            "integer",
            "iif(i = 50000, 'abc', i)",
            "v text\nchange mixed-values v: 1 of 100,000 values is text, the first at rowid 50000: 'abc'; the column \
             becomes `text`, and the storage class of 99,999 values is lost",
        ),
        (
            "integer",
            "iif(i % 200 = 0, 'abc', i)",
            "v text\nchange mixed-values v: 500 of 100,000 values are text, the first at rowid 200: 'abc'; the column \
             becomes `text`, and the storage class of 99,500 values is lost",
        ),
        (
            "text",
            "iif(i = 99999, cast(x'610062' as text), 'a')",
            "v text\nblocker bad-text v: 1 of 100,000 values holds NUL or bytes that are no UTF-8, which PostgreSQL's text \
             can't hold, the first at rowid 99999: 'a\\0b'",
        ),
        (
            "",
            "iif(i = 50000, x'00', i)",
            "v bytea\nchange mixed-values v: the column holds 99,999 integers, 1 blob; it becomes `bytea`, and the storage \
             class of 99,999 values is lost",
        ),
        (
            "datetime",
            "iif(i < 50000, '2024-01-02 03:04:05', '2024-01-02 03:04:05Z')",
            "v text\nchange type-fallback v: 50,001 of 100,000 values have an offset from UTC, or lack one, where \
             `timestamp` takes the other kind, the first at rowid 50000: '2024-01-02 03:04:05Z'; the column becomes `text`",
        ),
        ("datetime", "iif(i < 50000, null, '2024-01-02 03:04:05+00')", "v timestamptz"),
    ] {
        assert_eq!(told(&plan(&many(declared, value), &Options::default())), expected, "{value}");
    }
}
