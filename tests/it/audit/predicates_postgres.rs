//! WHERE clauses and expressions of indexes that look as if the planner could not use them and that it does, and the other
//! way round: our verdicts against the planner's.

use liftlock::audit::Level;
use liftlock::audit::read::Wanted;

use super::corpus_postgres::{differences, read_all};
use super::planner_postgres;
use crate::support::TestDatabase;

/// Types that the forms cast to.
const TYPES: &str = "
    CREATE DOMAIN public.whole AS int; CREATE DOMAIN public.whole_again AS public.whole;
    CREATE DOMAIN public.positive AS int CHECK (value > 0); CREATE DOMAIN public.there AS int NOT NULL;
    CREATE DOMAIN public.positive_again AS public.positive; CREATE DOMAIN public.word AS varchar(12);
    CREATE DOMAIN public.truth AS boolean; CREATE TYPE public.pair AS (one int, two text);";

/// A column's type, what is between the parentheses of an index, and its WHERE clause; whether the planner uses it.
const FORMS: &[(&str, &str, &str, bool)] = &[
    ("int", "a", "true", true),
    ("int", "a", "false", false),
    ("int", "a", "1 = 1", true),
    ("int", "a", "1 = 2", false),
    ("int", "a", "1 <> 2", true),
    ("int", "a", "10000000000 = 10000000000", true),
    ("int", "a", "'x'::text = 'x'", true),
    ("int", "a", "NOT (1 = 1)", false),
    ("int", "a", "1 IS NOT NULL", true),
    ("int", "a", "NULL IS NULL", true),
    ("int", "a", "NULL::int IS NOT NULL", false),
    ("int", "a", "true IS TRUE", true),
    ("int", "a", "(1 = 1) IS NOT FALSE", true),
    ("int", "a", "NULL::boolean IS UNKNOWN", true),
    ("int", "a", "NULL::boolean IS NOT TRUE", true),
    ("int", "a", "NULL::boolean IS FALSE", false),
    ("int", "a", "1 = 1 AND a IS NOT NULL", true),
    ("int", "a", "1 = 1 AND x > 5", false),
    ("int", "a", "1 = 1 OR x > 5", true),
    ("int", "a", "(a IS NOT NULL) AND NULL", false),
    ("int", "a", "(a IS NOT NULL) OR NULL", true),
    ("int", "a", "(a IS NOT NULL) = true", true),
    ("int", "a", "true = (a IS NOT NULL)", true),
    ("int", "a", "(a IS NOT NULL) <> false", true),
    ("int", "a", "(a IS NULL) = false", true),
    ("int", "a", "(a IS NULL) <> true", true),
    ("int", "a", "(a IS NOT NULL) = false", false),
    ("int", "a", "(a IS NOT NULL) = (1 = 1)", true),
    ("int", "a", "(a IS NOT NULL) = (x IS NOT NULL)", false),
    ("int", "a", "(a IS NOT NULL) = NULL", false),
    ("int", "a", "((a IS NOT NULL) = true) = true", true),
    ("int", "a", "(a IS NOT NULL) IS TRUE", false),
    ("int", "a", "(a IS NOT NULL) IS NOT FALSE", false),
    ("int", "a", "(a IS NULL) IS NOT TRUE", false),
    ("int", "a", "(a IS NOT NULL)::truth", true),
    ("int", "a", "NOT (a IS NULL)", true),
    ("int", "a", "NOT ((a IS NULL) = true)", true),
    ("int", "a", "ROW(a) IS NOT NULL", true),
    ("int", "a", "ROW(a, 1) IS NOT NULL", true),
    ("int", "a", "ROW(a, NULL) IS NOT NULL", false),
    ("int", "a", "ROW(a, x) IS NOT NULL", false),
    ("int", "a", "NOT (ROW(a, x) IS NULL)", true),
    ("int", "a", "NOT (ROW(a, NULL) IS NULL)", true),
    ("int", "a", "NOT (ROW(x, 1) IS NULL)", true),
    ("int", "a", "ROW(ROW(a)) IS NOT NULL", false),
    ("int", "a", "ROW(a::text) IS NOT NULL", false),
    ("int", "a", "ROW(a::whole) IS NOT NULL", true),
    ("pair", "a", "a IS NOT NULL", false),
    ("pair", "a", "ROW(a) IS NOT NULL", true),
    ("pair", "a", "a IS DISTINCT FROM NULL", true),
    ("pair", "a", "NOT (a IS NOT DISTINCT FROM NULL)", true),
    ("pair", "a", "NOT (a IS NULL)", false),
    ("int", "a", "a::text IS NOT NULL", false),
    ("int", "a", "a::bigint IS NOT NULL", false),
    ("int", "a", "a::oid IS NOT NULL", true),
    ("int", "a", "a::whole IS NOT NULL", true),
    ("int", "a", "a::whole_again IS NOT NULL", true),
    ("int", "a", "a::positive IS NOT NULL", false),
    ("int", "a", "a::positive_again IS NOT NULL", false),
    ("int", "a", "a::there IS NOT NULL", false),
    ("whole", "a", "a::int IS NOT NULL", true),
    ("positive", "a", "a::int IS NOT NULL", true),
    ("varchar(5)", "a", "a::text IS NOT NULL", true),
    ("varchar(5)", "a", "NOT (a::text IS NULL)", true),
    ("varchar(5)", "a", "a::text IS NOT NULL AND 1 = 1", true),
    ("varchar(5)", "a", "a::text IS NOT NULL AND x > 5", false),
    ("char(5)", "a", "a::text IS NOT NULL", false),
    ("word", "a", "a::text IS NOT NULL", true),
    ("text", "a", "a::varchar IS NOT NULL", true),
    ("text", "a", "a::varchar(5) IS NOT NULL", false),
    ("text", "a", "a::word IS NOT NULL", false),
    ("text", "a", "a COLLATE \"C\" IS NOT NULL", true),
    ("text", "a", "(a COLLATE \"C\")::varchar IS NOT NULL", true),
    ("int", "(a::whole)", "true", true),
    ("int", "(a::whole_again)", "a::whole IS NOT NULL", true),
    ("int", "(a::positive)", "true", false),
    ("int", "(a::there)", "true", false),
    ("whole", "(a::whole_again)", "true", true),
    ("whole", "(a::int)", "true", true),
    ("positive", "(a::int)", "true", true),
    ("positive", "(a::positive_again)", "true", false),
    ("text", "(a::word)", "true", false),
    ("varchar(5)", "(a::word)", "true", true),
    ("varchar(20)", "(a::word)", "true", false),
    ("varchar(5)", "(a::varchar(9))", "a::varchar(7) IS NOT NULL", true),
    ("varchar(5)", "(a::varchar(4))", "true", false),
    ("word", "(a::varchar(20))", "true", false),
    ("word", "(a::varchar(11))", "true", false),
    ("text", "((a COLLATE \"C\")::varchar)", "true", false),
    ("text", "((a COLLATE \"C\")::varchar) COLLATE \"default\"", "true", true),
];

#[test]
fn odd_clauses_are_judged_as_the_planner_judges() {
    let database = TestDatabase::postgres();
    let mut client = database.client();
    client.batch_execute(TYPES).unwrap();
    for (nth, (named, keys, clause, _)) in FORMS.iter().enumerate() {
        let sql = format!(
            "CREATE SCHEMA f{nth}; SET search_path = f{nth}, public;
             CREATE TABLE p (id {named} PRIMARY KEY, b int, UNIQUE (id, b));
             CREATE TABLE one (a {named} REFERENCES p (id), x int);
             CREATE INDEX one_odd ON one ({keys}) WHERE {clause};
             CREATE TABLE two (a {named}, b int, x int, FOREIGN KEY (a, b) REFERENCES p (id, b));
             CREATE INDEX two_odd ON two (b, {keys}) WHERE {clause};"
        );
        client.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    let mut wrong = Vec::new();
    for (nth, (named, keys, clause, served)) in FORMS.iter().enumerate() {
        let wanted = Wanted { statistics: false, uses: false, schemas: vec![format!("f{nth}")] };
        let (schema, _) = read_all(&database.url, &wanted);
        let planned = planner_postgres::plan(&mut client, &format!("f{nth}"));
        let form = format!("{named}: ({keys}) WHERE {clause}");
        for planned in &planned {
            if (planned.level == Level::Full) != *served {
                wrong.push(format!("{form}: {}: the planner's {:?}", planned.table, planned.level));
            }
        }
        wrong.extend(differences(&schema, &planned).into_iter().map(|line| format!("{form}: {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_domain_that_gets_a_constraint_takes_its_indexes_away() {
    let database = TestDatabase::postgres();
    let mut client = database.client();
    client.batch_execute(TYPES).unwrap();
    client
        .batch_execute(
            "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (a int REFERENCES p, b text);
             CREATE INDEX c_a ON c ((a::whole_again)) WHERE a::whole IS NOT NULL",
        )
        .unwrap();
    let wanted = Wanted { statistics: false, ..Wanted::default() };
    for (sql, level) in [
        ("", Level::Full),
        ("ALTER DOMAIN whole ADD CONSTRAINT low CHECK (value < 1000)", Level::None),
        ("ALTER DOMAIN whole DROP CONSTRAINT low", Level::Full),
        ("ALTER DOMAIN whole_again SET NOT NULL", Level::None),
    ] {
        client.batch_execute(sql).unwrap();
        let (schema, _) = read_all(&database.url, &wanted);
        // a session keeps what it knows of an index's expressions
        let planned = planner_postgres::plan(&mut database.client(), "public");
        assert_eq!(planned[0].level, level, "{sql}");
        assert_eq!(differences(&schema, &planned), [""; 0], "{sql}");
    }
}

#[test]
fn an_expression_that_the_search_makes_too_is_not_null_either() {
    let database = TestDatabase::postgres();
    let mut client = database.client();
    client
        .batch_execute(
            "CREATE TABLE p (id numeric PRIMARY KEY); CREATE TABLE c (a int REFERENCES p);
             CREATE INDEX c_a ON c ((a::numeric)) WHERE a::numeric IS NOT NULL;
             CREATE INDEX c_other ON c ((a::numeric)) WHERE a::bigint IS NOT NULL",
        )
        .unwrap();
    let (schema, _) = read_all(&database.url, &Wanted { statistics: false, ..Wanted::default() });
    let planned = planner_postgres::plan(&mut client, "public");
    assert_eq!(planned[0].level, Level::Full);
    assert_eq!(differences(&schema, &planned), [""; 0]);
}
