//! Columns: names, types, defaults, collations, generated ones, CHECKs.

use super::{column, database, names, schema, table};
use crate::schema::{Affinity, Check, Generated};

#[test]
fn defaults_mean_the_same_wherever_they_are_written() {
    // each is proved: SQLite's own value of the default equals the value of the text that is handed out
    let cases = [
        ("'x'", "'x'"),
        ("'it''s'", "'it''s'"),
        ("\"dq\"", "'dq'"),
        ("\"5\"", "'5'"),
        ("\"\"", "''"),
        ("\"it's\"", "'it''s'"),
        ("\"a\"\"b\"", "'a\"b'"),
        ("[br]", "'br'"),
        ("`bt`", "'bt'"),
        ("bare", "'bare'"),
        ("\"true\"", "'true'"),
        ("\"null\"", "'null'"),
        ("true", "true"),
        ("FALSE", "FALSE"),
        ("null", "null"),
        ("'null'", "'null'"),
        ("-1", "-1"),
        ("+ 1.5", "+ 1.5"),
        ("- /* c */ 7", "- /* c */ 7"),
        (".5e3", ".5e3"),
        ("x'00ff'", "x'00ff'"),
        ("0x10", "0x10"),
        ("current_date", "current_date"),
        ("(1 + 2)", "1 + 2"),
        ("( /* before */ 1 /* after */ )", "1"),
        ("((1 + 2) * 3)", "(1 + 2) * 3"),
        ("(lower('ABC'))", "lower('ABC')"),
        ("(true)", "true"),
        ("(')')", "')'"),
        ("5 default 6", "6"),
    ];
    for (written, expected) in cases {
        assert_eq!(column(&format!("v default {written}")).default.as_deref(), Some(expected), "{written}");
        let sql = format!("create table t(id integer primary key, v default {written}); insert into t(id) values (1);");
        let same = format!("select v is ({expected}), typeof(v) = typeof({expected}) from t");
        assert_eq!(
            database(&sql).query(&same).expect("runs"),
            [[Some("1".to_owned()), Some("1".to_owned())]],
            "{written}"
        );
    }
    assert_eq!(column("v text not null").default, None);
    assert_eq!(column("v as (id + 1)").default, None);
}

#[test]
fn affinities_are_those_of_sqlite() {
    use Affinity::{Blob, Integer, Numeric, Real, Text};
    let cases = [
        ("", Blob),
        ("INT", Integer),
        ("integer", Integer),
        ("UNSIGNED BIG INT", Integer),
        ("CHARINT", Integer),
        ("FLOATING POINT", Integer),
        ("VARCHAR(10)", Text),
        ("clob", Text),
        ("TEXTBLOB", Text),
        ("BLOBTEXT", Text),
        ("BLOB", Blob),
        ("REALBLOB", Blob),
        ("DOUBLE PRECISION", Real),
        ("float", Real),
        ("STRING", Numeric),
        ("DECIMAL(10, 2)", Numeric),
        ("BOOLEAN", Numeric),
        ("DATETIME", Numeric),
        ("ANY", Numeric),
        ("\"text\"", Text),
    ];
    for (declared, expected) in cases {
        assert_eq!(column(&format!("v {declared}")).affinity, expected, "{declared}");
        // the affinity decides what becomes of these three on their way in
        let sql = format!(
            "create table t(v {declared}); insert into t values ('1'), ('1.5'), (1), (1.0); \
             select group_concat(typeof(v)) from t"
        );
        let stored = match expected {
            Text => "text,text,text,text",
            Numeric | Integer => "integer,real,integer,integer",
            Real => "real,real,real,real",
            Blob => "text,text,integer,real",
        };
        assert_eq!(database("").query(&sql).expect("runs"), [[Some(stored.to_owned())]], "{declared}");
    }
    let strict = table("create table t(i int, r real, s text, b blob, a any) strict");
    assert!(strict.strict);
    let affinities: Vec<_> = strict.columns.iter().map(|column| column.affinity).collect();
    assert_eq!(affinities, [Integer, Real, Text, Blob, Blob]);
}

#[test]
fn types_are_as_written() {
    for (written, expected) in [
        ("integer", "integer"),
        ("Integer", "Integer"),
        ("VarChar (10)", "VarChar (10)"),
        ("decimal(10,-2)", "decimal(10,-2)"),
        ("double  precision", "double  precision"),
        ("\"my type\"", "my type"),
        ("", ""),
        ("int generated always as (id)", "int"),
        ("TEXT/* c */collate nocase", "TEXT"),
        ("text default'a'check(v>'')", "text"),
    ] {
        assert_eq!(column(&format!("v {written}")).declared, expected, "{written}");
    }
}

#[test]
fn names_are_unquoted() {
    let table = table(
        "create table \"a.b\"\"c\"(\"a b\" int, [c]]d] int)"
            .replace("]]d]", "] int, 'e' int, `f``g` int, \"\" ")
            .as_str(),
    );
    assert_eq!(table.name, "a.b\"c");
    let found: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(found, ["a b", "c", "e", "f`g", ""]);
    let both = schema("create table \"Ärger\"(v); create table \"ärger\"(v, \"ß\", \"名前\")");
    assert_eq!(both.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["Ärger", "ärger"]);
    assert_eq!(both.table("ÄRGER").expect("is there").columns.len(), 1);
    assert_eq!(both.table("äRGER").expect("is there").columns.len(), 3);
}

#[test]
fn collations_are_declared_ones_other_than_binary() {
    assert_eq!(column("v text").collation, None);
    assert_eq!(column("v text collate binary").collation, None);
    assert_eq!(column("v text collate nocase").collation.as_deref(), Some("NOCASE"));
    assert_eq!(column("v text collate \"RTrim\"").collation.as_deref(), Some("RTRIM"));
    assert_eq!(column("v text collate nocase collate binary").collation, None);
    assert_eq!(column("v text collate nocase not null default 'x' check(v > '')").collation.as_deref(), Some("NOCASE"));
}

#[test]
fn a_collation_that_is_not_here_is_read_too() {
    let db = database("create table t(v text unique)");
    let connection = db.into_inner();
    connection
        .execute_batch(
            "pragma writable_schema = on; \
             update sqlite_schema set sql = 'create table t(v text collate Unicase unique)' where name = 't'; \
             pragma writable_schema = reset;",
        )
        .expect("writes");
    let schema = crate::db::SqliteDb::from(connection).schema().expect("reads");
    assert_eq!(schema.tables[0].columns[0].collation.as_deref(), Some("Unicase"));
    assert_eq!(schema.tables[0].uniques[0].columns[0].collation.as_deref(), Some("Unicase"));
}

#[test]
fn generated_columns_have_their_expression_as_written() {
    let generated = |definition: &str| column(definition).generated;
    let expression = |text: &str, stored| Some(Generated { expression: text.to_owned(), stored });
    assert_eq!(generated("v int generated always as (id*2) stored"), expression("id*2", true));
    assert_eq!(generated("v as ( (id) + /* c */ 2 -- d\n )"), expression("(id) + /* c */ 2", false));
    assert_eq!(generated("v text as (')' || '(') virtual not null unique"), expression("')' || '('", false));
    assert_eq!(generated("v int generated"), None);
    assert_eq!(generated("v int default 1"), None);
    assert_eq!(column("v int not null as (id) unique").affinity, Affinity::Integer);
}

#[test]
fn checks_are_as_written() {
    let table = table(
        "create table t(a int check(a>0) constraint c1 check ( a < \"x,)y\" or a in (1, 2) ), b default (1) check(b), \
         constraint \"c 2\" check(a<b) on conflict fail constraint c3 check(b <> ')') check(a) /* end */)",
    );
    let expected = [
        (None, "a>0"),
        (Some("c1"), "a < \"x,)y\" or a in (1, 2)"),
        (None, "b"),
        (Some("c 2"), "a<b"),
        (Some("c3"), "b <> ')'"),
        (None, "a"),
    ];
    let check =
        |&(name, text): &(Option<&str>, &str)| Check { name: name.map(str::to_owned), expression: text.to_owned() };
    assert_eq!(table.checks, expected.iter().map(check).collect::<Vec<_>>());
}

#[test]
fn not_null_is_what_sqlite_holds_to() {
    let not_null = |sql: &str| table(sql).columns.iter().map(|column| column.not_null).collect::<Vec<_>>();
    assert_eq!(not_null("create table t(a text primary key, b not null, c null)"), [false, true, false]);
    assert_eq!(not_null("create table t(a text, b text, primary key(a, b)) without rowid"), [true, true]);
    assert_eq!(not_null("create table t(a text primary key, b int) strict"), [true, false]);
    assert_eq!(not_null("create table t(a integer primary key) strict"), [true]);
    assert_eq!(not_null("create table t(a integer primary key)"), [false]);
}

#[test]
fn a_nameless_constraint_takes_no_name_of_an_earlier_one() {
    let table = table(
        "create table t(a constraint nn not null check(a), b constraint dangling, c unique, \
         constraint \"also dangling\", unique(a, b))",
    );
    assert_eq!(table.checks[0].name, None);
    assert_eq!(table.uniques.iter().map(|key| key.name.clone()).collect::<Vec<_>>(), [None, None]);
    assert_eq!(names(&table.uniques[1].columns), ["a", "b"]);
}

#[test]
fn columns_that_were_added_later_are_read() {
    let db = database(
        "create table t(a int, -- the first\n b text -- the last\n, check(a > 0)); \
         alter table t add column c text collate nocase default 'x' check(c <> '') references t(a); \
         alter table t add column \"d e\" as (a + 1); alter table t rename column a to \"A 1\";",
    );
    let schema = db.schema().expect("reads");
    let table = &schema.tables[0];
    let found: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(found, ["A 1", "b", "c", "d e"]);
    assert_eq!(table.columns[2].collation.as_deref(), Some("NOCASE"));
    assert_eq!(table.columns[3].generated.as_ref().expect("generated").expression, "\"A 1\" + 1");
    assert_eq!(table.checks.len(), 2);
    assert_eq!(table.foreign_keys[0].columns, ["c"]);
}

#[test]
fn a_table_made_of_a_query_is_read() {
    let table = table("create table t as select 1 as a, 'x' as \"b c\", 2.5 as 'select'");
    assert_eq!(table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["a", "b c", "select"]);
}
