//! Declarations of every shape that SQLite's grammar allows: odd ones by hand, others by chance.

use proptest::prelude::*;

use super::{database, table};
use crate::schema::{Check, Deferral, Table};

#[test]
fn odd_but_legal_declarations_are_read() {
    let odd = [
        "create table t(generated always as (1), always int, a)",
        "create table t(a int generated always default 5, left, cross action, key desc, asc key)",
        "create table 't'('a' 'varchar' (10), unique('a'), primary key(\"a\"))",
        "create table [t](\"check\" int, [primary] text, `unique`, \"constraint\" check(\"check\"), \"foreign\")",
        "create table t(a int not null on conflict replace null on conflict ignore unique on conflict fail)",
        "create table t(id integer constraint pk primary key asc on conflict abort autoincrement not null)",
        "create table t(a references t match simple on delete cascade match full on insert set null \
         on update no action)",
        "create table t(a constraint one constraint two check(1) constraint three, b constraint four)",
        "create table t(a,b,primary key(a)unique(b)check(a)foreign key(a)references t(b)constraint x constraint y \
         check(b))",
        "create table t(a default(1)check(a)collate/**/nocase--\n,b default-1 default+1 default x'00'default'a''b'\
         default\"q\")",
        "create table t(a int check(a <> ')'), b as (case when a then '(' else ')' end), c)",
        "create table t(a text collate 'nocase' references \"t\" (\"a\") deferrable not deferrable initially immediate)",
        "create /* 1 */ table -- 2\n main . t /* 3 */ ( /* 4 */ a int /* 5 */ , b any -- 6\n ) /* 7 */ strict",
        "create table t(a x(1), b y(-1,+2), c double precision unsigned(1), \"d e\" \"f g\"'h'[i]`j` k(2))",
        "create table t(\"\", ' ', [.], `\"`, ok$1, é, \"a\nb\")",
        "create table t(indexed, replace, abort, plan, row, rowid2, temp, begin, \"end\", offset, window, over, filter)",
    ];
    for sql in odd {
        let table = table(sql);
        assert_eq!(table.name, "t", "{sql}");
        assert!(!table.columns.is_empty(), "{sql}");
    }
}

#[test]
fn a_deferral_is_the_last_keys() {
    let table = table("create table t(a references t(a) unique, b int deferrable initially deferred)");
    assert_eq!(table.foreign_keys[0].deferral, Deferral::Deferred);
}

/// What a random column is made of, and what must be read of it.
#[derive(Debug, Clone)]
enum Piece {
    /// As written, and as read.
    Default(&'static str, &'static str),
    Collate(&'static str),
    Check(Option<&'static str>, &'static str),
    References(Option<&'static str>),
    Noise(&'static str),
}

fn piece() -> impl Strategy<Value = Piece> {
    let name = || prop::option::of(prop::sample::select(vec!["c", "\"c 1\"", "[check]", "'default'", "`as`"]));
    prop_oneof![
        prop::sample::select(vec![
            ("1", "1"),
            ("-1", "-1"),
            ("'a,b)'", "'a,b)'"),
            ("\"dq\"", "'dq'"),
            ("(1 + (2))", "1 + (2)"),
            ("null", "null"),
            ("x'ff'", "x'ff'"),
            ("bare", "'bare'"),
            ("current_time", "current_time"),
        ])
        .prop_map(|(written, read)| Piece::Default(written, read)),
        prop::sample::select(vec!["nocase", "RTRIM", "\"binary\""]).prop_map(Piece::Collate),
        (name(), prop::sample::select(vec!["1", "(2)", "')' <> \"(\"", "1 in (1, /* ) */ 2)", "1 -- )\n > 0"]))
            .prop_map(|(name, text)| Piece::Check(name, text)),
        name().prop_map(Piece::References),
        prop::sample::select(vec![
            "not null",
            "null",
            "unique",
            "/* , check(x) */",
            "-- ) default 9\n",
            "constraint n null"
        ])
        .prop_map(Piece::Noise),
    ]
}

fn unquoted(name: Option<&str>) -> Option<String> {
    name.map(|name| name.trim_matches(['"', '[', ']', '\'', '`']).to_owned())
}

fn write(columns: &[(&str, &str, Vec<Piece>)], gap: &str) -> (String, Table) {
    let mut expected = Table::default();
    let mut parts = Vec::new();
    for (at, (quotes, declared, pieces)) in columns.iter().enumerate() {
        let (open, close) = quotes.split_at(quotes.len() / 2);
        let mut words = vec![format!("{open}c{at}{close}"), (*declared).to_owned()];
        let mut column = crate::schema::Column { name: format!("c{at}"), ..Default::default() };
        for piece in pieces {
            let named = |name: &Option<&str>| name.map(|name| format!("constraint {name} ")).unwrap_or_default();
            words.push(match piece {
                Piece::Default(written, read) => {
                    column.default = Some((*read).to_owned());
                    format!("default {written}")
                }
                Piece::Collate(name) => {
                    let upper = name.trim_matches('"').to_ascii_uppercase();
                    column.collation = (upper != "BINARY").then_some(upper);
                    format!("collate {name}")
                }
                Piece::Check(name, text) => {
                    expected.checks.push(Check { name: unquoted(*name), expression: (*text).to_owned() });
                    format!("{}check({text})", named(name))
                }
                Piece::References(name) => {
                    let key = crate::schema::ForeignKey { name: unquoted(*name), ..Default::default() };
                    expected.foreign_keys.push(key);
                    format!("{}references gone(x)", named(name))
                }
                Piece::Noise(text) => (*text).to_owned(),
            });
        }
        expected.columns.push(column);
        parts.push(words.join(gap));
    }
    (format!("create table t({gap}{}{gap})", parts.join(",")), expected)
}

proptest! {
    #[test]
    fn what_is_declared_is_what_is_read(
        columns in prop::collection::vec(
            (
                prop::sample::select(vec!["", "\"\"", "``", "[]", "''"]),
                prop::sample::select(vec!["", "int", "VARCHAR (10)", "double precision", "\"check\""]),
                prop::collection::vec(piece(), 0..6),
            ),
            1..5,
        ),
        gap in prop::sample::select(vec![" ", "\n", " /* ( */ ", " -- '\n "]),
    ) {
        let (sql, expected) = write(&columns, gap);
        let read = database(&sql).schema().expect("reads").tables.remove(0);
        prop_assert_eq!(&read.checks, &expected.checks, "{}", sql);
        let names = |table: &Table| table.foreign_keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>();
        prop_assert_eq!(names(&read), names(&expected), "{}", sql);
        for (read, expected) in read.columns.iter().zip(&expected.columns) {
            prop_assert_eq!(&read.name, &expected.name, "{}", sql);
            prop_assert_eq!(&read.default, &expected.default, "{}", sql);
            prop_assert_eq!(&read.collation, &expected.collation, "{}", sql);
        }
    }
}
