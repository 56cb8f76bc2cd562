//! Views, triggers, tables that are special; other databases; the size of a schema.

use super::{database, schema};
use crate::schema::Special;

#[test]
fn views_have_their_columns() {
    let schema = schema(
        "create table t(id integer primary key, v text); \
         create view \"v w\"(one, \"T wo\") as select id, v from t; \
         create view expressions as select id+1, upper(v) as u, 1, v, v from t;",
    );
    let columns: Vec<_> = schema.views.iter().map(|view| (view.name.as_str(), view.columns.clone())).collect();
    assert_eq!(columns[0], ("v w", vec!["one".to_owned(), "T wo".to_owned()]));
    assert_eq!(columns[1].1, ["id+1", "u", "1", "v", "v:1"]);
    assert!(schema.views[0].sql.starts_with("CREATE VIEW"), "{}", schema.views[0].sql);
}

#[test]
fn a_broken_view_fails_nothing() {
    let schema = schema(
        "create table t(v); create table gone(v); create view broken as select v from gone; \
         create view nofunction as select no_such_function(v) from t; create view on_broken as select * from broken; \
         create view fine as select v from t; drop table gone;",
    );
    let columns: Vec<_> = schema.views.iter().map(|view| view.columns.len()).collect();
    assert_eq!(columns, [0, 0, 0, 1]);
}

#[test]
fn triggers_are_kept_with_their_text() {
    let schema = schema(
        "create table t(v); create view w as select v from t; \
         create trigger \"tr 1\" after insert on t begin select 1; select ';'; end; \
         create trigger tr2 instead of insert on w begin insert into t values (new.v); end;",
    );
    assert_eq!(schema.triggers[0].name, "tr 1");
    assert_eq!((schema.triggers[0].table.as_str(), schema.triggers[1].table.as_str()), ("t", "w"));
    assert!(schema.triggers[0].sql.ends_with("select ';'; end"), "{}", schema.triggers[0].sql);
}

#[test]
fn special_tables_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.db");
    let connection = rusqlite::Connection::open(&file).expect("opens");
    connection
        .execute_batch(
            "create table f_mine(v); create virtual table f using FTS5(title, body); \
             create virtual table \"r t\" using rtree(id, x0, x1); create table t(id integer primary key autoincrement); \
             analyze; insert into t values (1); analyze;",
        )
        .expect("runs");
    drop(connection);
    // opened anew: the schema alone tells what is a shadow
    let db = crate::db::SqliteDb::from(rusqlite::Connection::open(&file).expect("opens"));
    let schema = db.schema().expect("reads");
    assert_eq!(schema.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["f_mine", "t"]);
    let of = |kind: &Special| -> Vec<&str> {
        schema.special.iter().filter(|table| table.kind == *kind).map(|table| table.name.as_str()).collect()
    };
    assert_eq!(of(&Special::Virtual { module: "FTS5".into() }), ["f"]);
    assert_eq!(of(&Special::Virtual { module: "rtree".into() }), ["r t"]);
    assert_eq!(of(&Special::Shadow).len(), 5 + 3, "{:?}", schema.special);
    assert_eq!(of(&Special::Internal), ["sqlite_sequence", "sqlite_stat1", "sqlite_stat4"]);
}

#[test]
fn a_virtual_table_of_an_unknown_module_fails_nothing() {
    let connection = database("create table t(v); create virtual table f using fts5(v);").into_inner();
    connection
        .execute_batch(
            "pragma writable_schema = on; \
             update sqlite_schema set sql = 'CREATE VIRTUAL TABLE f USING \"no such\"(a, b)' where name = 'f'; \
             pragma writable_schema = reset;",
        )
        .expect("writes");
    let schema = crate::db::SqliteDb::from(connection).schema().expect("reads");
    assert!(schema.special.iter().any(|table| table.kind == Special::Virtual { module: "no such".into() }));
}

#[test]
fn temporary_and_attached_tables_do_not_mix_in() {
    let schema = schema(
        "create table t(a, b references p(x)); create table p(x unique); attach ':memory:' as other; \
         create table other.t(c unique, d, e); create table other.only(a); create temp table t(x primary key, y) without rowid; \
         create temp table p(z); create temp view v as select 1; create temp trigger tr after insert on main.t begin select 1; end; \
         create index other.i on t(c); create temp table only(v);",
    );
    assert_eq!(schema.tables.len(), 2);
    assert_eq!(schema.tables[0].columns.len(), 2);
    assert!(!schema.tables[0].without_rowid && schema.tables[0].primary_key.is_none());
    assert!(schema.tables[0].uniques.is_empty() && schema.tables[0].indexes.is_empty());
    assert_eq!(schema.tables[0].foreign_keys[0].parent_state, crate::schema::ParentState::Ok);
    assert!(schema.views.is_empty() && schema.triggers.is_empty() && schema.special.is_empty());
}

#[test]
fn a_read_leaves_no_transaction_and_ends_none() {
    let mut db = database("create table t(v)");
    db.schema().expect("reads");
    assert!(!db.in_transaction());
    db.execute("begin; create table u(v)").expect("runs");
    assert_eq!(db.schema().expect("reads").tables.len(), 2);
    assert!(db.in_transaction());
}

#[test]
fn a_declaration_that_makes_no_sense_is_an_error_that_names_the_table() {
    let error = super::super::declaration::table("CREATE TABLE t(a int bogus ( )").expect_err("no end");
    assert_eq!(error, "its statement ends early");
    let error = super::super::declaration::table("CREATE TABLE t(a not a constraint)").expect_err("no constraint");
    assert_eq!(error, "unexpected `a` at byte 21 of its statement");
    let error = super::super::unreadable("my table", &error);
    assert!(error.message.starts_with("the declaration of table `my table` can't be understood"), "{error}");
}

#[test]
fn a_utf16_database_reads_alike() {
    let schema =
        schema("pragma encoding = 'UTF-16le'; create table \"Tä\"(\"ö\" text default 'ü' check(\"ö\" <> '😀'))");
    assert_eq!(schema.tables[0].columns[0].default.as_deref(), Some("'ü'"));
    assert_eq!(schema.tables[0].checks[0].expression, "\"ö\" <> '😀'");
}

#[test]
fn large_schemas_are_read_whole() {
    let columns: Vec<String> = (0..1_700).map(|at| format!("c{at} int")).collect();
    let mut sql = format!("begin; create table wide({});", columns.join(", "));
    for at in 0..5_000 {
        sql += &format!("create table t{at}(id integer primary key, v text unique, up references t{at});");
    }
    let schema = schema(&(sql + "commit;"));
    assert_eq!(schema.tables.len(), 5_001);
    assert_eq!(schema.tables[0].columns.len(), 1_700);
    assert!(schema.tables[1..].iter().all(|table| table.uniques.len() == 1 && table.foreign_keys.len() == 1));
}
