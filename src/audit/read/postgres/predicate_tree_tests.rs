//! Tests of clauses that are read from their trees. The trees are those of PostgreSQL 15, shortened; what a server of
//! today stores is judged in tests/it/audit.

use super::*;

const A: &str = "{VAR :varno 1 :varattno 1 :vartype 23}";
const SQL: &str = "the clause";

fn read(tree: &str) -> Predicate {
    let name_of = |number: i16| match number {
        1 => Some("a".to_owned()),
        2 => Some("b".to_owned()),
        _ => None,
    };
    parse(tree, &Known { name_of: &name_of, free: &|domain| domain == 70, sql: SQL })
}

fn null_test(arg: &str, nth: u8, row: bool) -> String {
    format!("{{NULLTEST :arg {arg} :nulltesttype {nth} :argisrow {row} :location 1}}")
}

fn not_null(arg: &str) -> String {
    null_test(arg, 1, false)
}

fn boolean(truth: bool) -> String {
    let byte = u8::from(truth);
    format!("{{CONST :consttype 16 :constlen 1 :constisnull false :constvalue 1 [ {byte} 0 0 0 0 0 0 0 ]}}")
}

fn number(byte: u8) -> String {
    format!("{{CONST :consttype 23 :constlen 4 :constisnull false :constvalue 4 [ {byte} 0 0 0 0 0 0 0 ]}}")
}

const NULL: &str = "{CONST :consttype 23 :constlen 4 :constisnull true :constvalue <>}";

fn compare(opno: u32, left: &str, right: &str) -> String {
    format!("{{OPEXPR :opno {opno} :opresulttype 16 :args ({left} {right}) :location 1}}")
}

fn logic(word: &str, parts: &[&str]) -> String {
    format!("{{BOOLEXPR :boolop {word} :args ({}) :location 1}}", parts.join(" "))
}

fn row(fields: &[&str]) -> String {
    format!("{{ROWEXPR :args ({}) :row_typeid 2249 :colnames (\"f1\") :location 1}}", fields.join(" "))
}

fn a() -> Predicate {
    Predicate::NotNull("a".to_owned())
}

fn other() -> Predicate {
    Predicate::Other(SQL.to_owned())
}

#[test]
fn casts_that_change_a_types_name_alone_are_looked_through() {
    let b = "{VAR :varno 1 :varattno 2 :vartype 1043}";
    for (arg, expected) in [
        (A.to_owned(), a()),
        (format!("{{RELABELTYPE :arg {b} :resulttype 25}}"), Predicate::NotNull("b".to_owned())),
        (format!("{{COLLATEEXPR :arg {b} :collOid 950}}"), Predicate::NotNull("b".to_owned())),
        (format!("{{COERCETODOMAIN :arg {A} :resulttype 70 :location 1}}"), a()),
        (format!("{{COERCETODOMAIN :arg {A} :resulttype 71 :location 1}}"), other()),
        (format!("{{FUNCEXPR :funcid 481 :args ({A})}}"), other()),
        (format!("{{COERCEVIAIO :arg {A} :resulttype 25}}"), other()),
        ("{VAR :varno 1 :varattno 0 :vartype 90}".to_owned(), other()),
    ] {
        assert_eq!(read(&not_null(&arg)), expected, "{arg}");
        assert_eq!(read(&logic("not", &[&null_test(&arg, 0, false)])), expected, "{arg}");
        assert_eq!(read(&null_test(&arg, 0, false)), other(), "{arg}");
    }
    // a composite column, of which every field is asked after
    assert_eq!(read(&null_test(A, 1, true)), other());
}

#[test]
fn truths_that_are_compared_with_constants_are_what_they_are_compared_to() {
    let (of_a, null) = (not_null(A), null_test(A, 0, false));
    for (tree, expected) in [
        (compare(91, &of_a, &boolean(true)), a()),
        (compare(91, &boolean(true), &of_a), a()),
        (compare(85, &of_a, &boolean(false)), a()),
        (compare(91, &null, &boolean(false)), a()),
        (compare(85, &null, &boolean(true)), a()),
        (compare(91, &of_a, &boolean(false)), other()),
        (compare(91, &of_a, &compare(96, &number(1), &number(1))), a()),
        (compare(91, &of_a, NULL), other()),
        (compare(91, &of_a, &of_a), other()),
        (compare(96, A, &number(1)), other()),
    ] {
        assert_eq!(read(&tree), expected, "{tree}");
    }
    // the planner doesn't see through these
    for nth in [0, 3] {
        assert_eq!(read(&format!("{{BOOLEANTEST :arg {of_a} :booltesttype {nth}}}")), other());
    }
}

#[test]
fn what_is_constant_is_folded() {
    let (yes, no) = (constant(true), constant(false));
    let one_is_one = compare(96, &number(1), &number(1));
    let x = compare(521, A, &number(5));
    for (tree, expected) in [
        (one_is_one.clone(), yes.clone()),
        (compare(96, &number(1), &number(2)), no.clone()),
        (compare(518, &number(1), &number(2)), yes.clone()),
        (compare(97, &number(1), &number(2)), other()),
        (compare(96, &number(1), NULL), other()),
        (not_null(&number(1)), yes.clone()),
        (not_null(NULL), no.clone()),
        (null_test(NULL, 0, false), yes.clone()),
        (logic("and", &[&one_is_one, &not_null(A)]), a()),
        (logic("and", &[&boolean(false), &not_null(A)]), no.clone()),
        (logic("or", &[&boolean(false), &not_null(A)]), a()),
        (logic("or", &[&x, &one_is_one]), yes.clone()),
        (logic("and", &[&x, &not_null(A)]), Predicate::And(vec![other(), a()])),
        (logic("not", &[&logic("or", &[&x, &null_test(A, 0, false)])]), Predicate::And(vec![other(), a()])),
        (logic("not", &[&one_is_one]), no.clone()),
    ] {
        assert_eq!(read(&tree), expected, "{tree}");
    }
    for (nth, of_true) in [(0, true), (1, false), (2, false), (3, true), (4, false), (5, true)] {
        let test = |truth| format!("{{BOOLEANTEST :arg {} :booltesttype {nth} :location 1}}", boolean(truth));
        assert_eq!(read(&test(true)), constant(of_true));
        let unlike = nth < 4;
        assert_eq!(read(&test(false)), constant(of_true != unlike));
        let of_null = read(&format!("{{BOOLEANTEST :arg {NULL} :booltesttype {nth}}}"));
        assert_eq!(of_null, constant([1, 3, 4].contains(&nth)));
    }
}

#[test]
fn a_row_is_asked_field_by_field() {
    let b = "{VAR :varno 1 :varattno 2 :vartype 23}";
    let both = || vec![a(), Predicate::NotNull("b".to_owned())];
    let not = |tree: String| logic("not", &[&tree]);
    for (tree, expected) in [
        (null_test(&row(&[A]), 1, true), a()),
        (null_test(&row(&[A, &number(1)]), 1, true), a()),
        (null_test(&row(&[A, NULL]), 1, true), constant(false)),
        (null_test(&row(&[A, b]), 1, true), Predicate::And(both())),
        (not(null_test(&row(&[A, b]), 0, true)), Predicate::Or(both())),
        (not(null_test(&row(&[A, &number(1)]), 0, true)), constant(true)),
        (not(null_test(&row(&[A, NULL]), 0, true)), a()),
        (not(null_test(&row(&[A]), 1, true)), other()),
        (null_test(&row(&[A]), 1, false), other()),
        (null_test(&row(&[&row(&[A])]), 1, true), other()),
    ] {
        assert_eq!(read(&tree), expected, "{tree}");
    }
}
