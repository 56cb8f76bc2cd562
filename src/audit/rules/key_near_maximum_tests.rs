//! Tests of the rule `key-near-maximum`.

use super::*;
use crate::audit::rules::testing::{check, foreign_key, named, schema, statement, subjects, table};
use crate::audit::schema::Schema;
use crate::audit::statistics::{ColumnStatistics, Statistics};

const INT4: i64 = 2_147_483_647;

fn with(key: &str, referring: &str) -> Schema {
    let child = table("orders").typed("c_id", referring).foreign_key(foreign_key(&["c_id"], "c", &["id"]).named("fk"));
    schema(Dialect::Postgres, [child, table("c").typed("id", key).key(&["id"])])
}

fn sequence(last: i64, maximum: i64) -> Sequence {
    Sequence {
        schema: "public".to_owned(),
        name: "c_id_seq".to_owned(),
        column: Some((named(Dialect::Postgres, "c"), "id".to_owned())),
        last: Some(last),
        maximum,
        increment: 1,
        cycles: false,
    }
}

fn sequences(schema: &Schema, sequences: impl IntoIterator<Item = Sequence>) -> Vec<Finding> {
    let sequences = sequences.into_iter().collect();
    check(&RULE, schema, &Statistics { sequences, ..Statistics::default() })
}

fn largest(schema: &Schema, table: &str, column: &str, largest: i64) -> Vec<Finding> {
    let place = (named(Dialect::Postgres, table), column.to_owned());
    let column = ColumnStatistics { largest: Some(largest), ..ColumnStatistics::default() };
    check(&RULE, schema, &Statistics { columns: [(place, column)].into(), ..Statistics::default() })
}

fn part(of: f64) -> i64 {
    (INT4 as f64 * of).ceil() as i64
}

#[test]
fn severity_goes_by_the_part_that_is_used() {
    let schema = with("integer", "integer");
    for (last, severity) in [
        (1, None),
        (part(WARNING_FROM) - 2, None),
        (part(WARNING_FROM), Some(Severity::Warning)),
        (part(ERROR_FROM) - 2, Some(Severity::Warning)),
        (part(ERROR_FROM), Some(Severity::Error)),
        (INT4, Some(Severity::Error)),
    ] {
        let by_sequence = sequences(&schema, [sequence(last, INT4)]);
        assert_eq!(by_sequence.first().map(|finding| finding.severity), severity, "{last}");
        let by_rows = largest(&schema, "c", "id", last);
        assert_eq!(by_rows.first().map(|finding| finding.severity), severity, "{last}");
    }
}

#[test]
fn a_bigint_sequence_over_an_int4_column_ends_with_the_column() {
    let findings = sequences(&with("integer", "integer"), [sequence(2_000_000_000, i64::MAX)]);
    assert_eq!(subjects(&findings), ["c.c_id_seq"]);
    assert!(findings[0].message.contains("93 % of what its column `c.id` (`integer`)"), "{}", findings[0].message);
    assert!(findings[0].explanation.contains("go on to 9,223"), "{}", findings[0].explanation);
    assert!(findings[0].explanation.contains("`orders.c_id`"), "{}", findings[0].explanation);
    assert_eq!(statement(&findings[0]), "ALTER TABLE \"public\".\"c\" ALTER COLUMN \"id\" TYPE bigint;");
}

#[test]
fn column_and_sequence_are_widened_together() {
    let findings = sequences(&with("integer", "integer"), [sequence(2_000_000_000, INT4)]);
    assert_eq!(
        statement(&findings[0]),
        "ALTER TABLE \"public\".\"c\" ALTER COLUMN \"id\" TYPE bigint;\n\
         ALTER SEQUENCE \"public\".\"c_id_seq\" AS bigint MAXVALUE 9223372036854775807;"
    );
}

#[test]
fn an_int4_sequence_under_a_bigint_column_ends_by_itself() {
    let findings = sequences(&with("bigint", "bigint"), [sequence(2_000_000_000, INT4)]);
    assert!(findings[0].message.contains("its own maximum, 2,147,483,647"), "{}", findings[0].message);
    assert_eq!(
        statement(&findings[0]),
        "ALTER SEQUENCE \"public\".\"c_id_seq\" AS bigint MAXVALUE 9223372036854775807;"
    );
    let findings = sequences(&with("integer", "integer"), [sequence(900, 1000)]);
    assert_eq!(statement(&findings[0]), "ALTER SEQUENCE \"public\".\"c_id_seq\" MAXVALUE 2147483647;");
}

#[test]
fn rows_and_sequence_make_one_finding_of_a_column_the_worse_of_both() {
    let place = (named(Dialect::Postgres, "c"), "id".to_owned());
    let column = ColumnStatistics { largest: Some(2_100_000_000), ..ColumnStatistics::default() };
    let statistics = Statistics {
        columns: [(place, column)].into(),
        sequences: vec![sequence(1_500_000_000, INT4)],
        ..Statistics::default()
    };
    let findings = check(&RULE, &with("integer", "integer"), &statistics);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].message.contains("2,100,000,000"), "{}", findings[0].message);
}

#[test]
fn a_narrow_column_that_refers_to_a_wide_key_ends_before_it() {
    let schema = with("bigint", "integer");
    let findings = largest(&schema, "c", "id", 2_000_000_000);
    assert_eq!(subjects(&findings), ["orders.fk"]);
    assert!(findings[0].message.contains("refers to `c.id`"), "{}", findings[0].message);
    assert!(statement(&findings[0]).contains("\"orders\" ALTER COLUMN \"c_id\" TYPE bigint"));
    assert!(!sequences(&schema, [sequence(2_000_000_000, i64::MAX)]).is_empty());
    assert!(largest(&schema, "c", "id", 1_000_000_000).is_empty());
    assert!(largest(&with("bigint", "bigint"), "c", "id", 2_000_000_000).is_empty());
}

#[test]
fn sequences_that_count_down_end_below() {
    let down = |last, end| Sequence { increment: -1, ..sequence(last, end) };
    let schema = with("integer", "integer");
    assert!(sequences(&schema, [down(-1_000_000_000, i64::MIN)]).is_empty());
    let findings = sequences(&schema, [down(-2_000_000_000, i64::MIN)]);
    assert_eq!(findings[0].severity, Severity::Error);
    assert!(findings[0].message.contains("-2,147,483,648"), "{}", findings[0].message);
    // towards a number above 0 only the end is known
    assert!(sequences(&schema, [down(2, 1)]).is_empty());
    assert_eq!(sequences(&schema, [down(1, 1)])[0].severity, Severity::Error);
}

#[test]
fn what_cycles_is_meant_to_end_unless_its_numbers_are_a_key() {
    let cycling = |maximum| Sequence { cycles: true, ..sequence(maximum - 1, maximum) };
    assert!(sequences(&with("integer", "integer"), [cycling(1000)])[0].explanation.contains("begins anew"));
    let free = Sequence { column: None, ..cycling(1000) };
    assert!(sequences(&with("integer", "integer"), [free]).is_empty());
    let beyond = Sequence { cycles: true, ..sequence(2_000_000_000, i64::MAX) };
    assert_eq!(sequences(&with("integer", "integer"), [beyond]).len(), 1);
}

#[test]
fn a_sequence_of_no_column_is_a_finding_of_its_own_and_one_that_gave_nothing_is_none() {
    let free = Sequence { column: None, ..sequence(900, 1000) };
    let findings = sequences(&with("integer", "integer"), [free.clone(), Sequence { last: None, ..free }]);
    assert_eq!(subjects(&findings), [".c_id_seq"]);
}

#[test]
fn in_sqlite_only_autoincrement_ends() {
    let schema = schema(Dialect::Sqlite, [table("t").rowid("id")]);
    let counter = |last| Sequence {
        schema: "main".to_owned(),
        name: "t".to_owned(),
        column: Some((named(Dialect::Sqlite, "t"), "id".to_owned())),
        last: Some(last),
        maximum: i64::MAX,
        increment: 1,
        cycles: false,
    };
    assert!(sequences(&schema, [counter(3_000_000_000)]).is_empty());
    let findings = sequences(&schema, [counter(i64::MAX)]);
    assert_eq!(findings[0].severity, Severity::Error);
    assert!(matches!(findings[0].remedy, Remedy::Advice(_)));
}
