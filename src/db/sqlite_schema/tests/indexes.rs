//! Indexes that no pragma was asked for are those that the pragma lists.

use super::super::{Asked, Reading};
use super::{database, schema};
use crate::db::SqliteDb;
use crate::db::sqlite_schema::catalog::{self, RawIndex};

/// What is told of a table's indexes, the oldest first.
fn told(indexes: &[RawIndex]) -> Vec<String> {
    indexes
        .iter()
        .map(|RawIndex { name, unique, origin, partial, .. }| format!("{name} {unique} {origin:?} {partial}"))
        .collect()
}

/// Wants what is known of indexes to be what the pragma lists, and counts the indexes.
fn as_the_pragma_lists(db: &SqliteDb) -> usize {
    let asked = Asked::read(db, Reading::Strictly).expect("reads");
    let mut count = 0;
    for table in &asked.tables {
        let listed = catalog::indexes(db, &table.name).expect("lists");
        assert_eq!(told(&table.raw.indexes), told(&listed), "{}", table.name);
        count += listed.len();
    }
    count
}

const SQL: &str = "create table t(id integer primary key, a text collate nocase, b, c);
    create table \"T 2\"(a unique, b, primary key (a, b));
    create table w(a, b, primary key (b)) without rowid;
    create table d(id integer primary key desc, a);
    create table i(id int primary key, a);
    create virtual table f using fts5(v);
    create index t_a on T(a desc);
    create unique index t_b on t(b) where b is not null;
    create index t_e on t(lower(a), b collate rtrim) where 1;
    create unique index if not exists main.\"t e\" on \"t\"(c, a);
    create index t2_b on [t 2](b);
    create index w_a on w(a);
    create index d_a on d(a);
    create index i_a on i(a) where a > 'where';
    create index \"where\" on t(id, c);";

#[test]
fn those_that_were_made() {
    let mut db = database(SQL);
    assert_eq!(as_the_pragma_lists(&db), 5 + 3 + 2 + 2 + 2);
    // in whatever order they came to be
    for sql in [
        "drop index t_b; create index t_b on t(c, b)",
        "alter table t rename to \"new t\"; alter table \"new t\" rename column a to \"a 1\"",
        "alter table \"T 2\" drop column b",
        "create table \"replaced\"(a unique on conflict replace, b unique); create index later on replaced(b)",
        "vacuum",
    ] {
        // a column of a key is not dropped
        drop(db.execute(sql));
        as_the_pragma_lists(&db);
    }
}

#[test]
fn those_of_a_file_that_is_opened_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.db");
    let connection = rusqlite::Connection::open(&file).expect("opens");
    connection.execute_batch(SQL).expect("runs");
    connection.execute_batch("drop index t_a; create index t_a on t(a); analyze").expect("runs");
    drop(connection);
    let db = SqliteDb::from(rusqlite::Connection::open(&file).expect("opens"));
    assert_eq!(as_the_pragma_lists(&db), 14);
}

#[test]
fn where_a_row_names_another_table_the_statement_counts() {
    for (name, other) in [("t_a", "u"), ("t_a", "none"), ("sqlite_autoindex_t_1", "u"), ("t_a", "f_data")] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.db");
        let connection = rusqlite::Connection::open(&file).expect("opens");
        let sql =
            "create table t(a unique, b); create table u(a, b); create index t_a on t(b); create index u_a on u(b);
                   create virtual table f using fts5(v); pragma writable_schema = on;";
        let written = format!("{sql} update sqlite_schema set tbl_name = '{other}' where name = '{name}'");
        connection.execute_batch(&written).expect("writes");
        drop(connection);
        let connection = rusqlite::Connection::open(&file).expect("opens");
        // else SQLite refuses most of these (`sqlite3CheckObjectName` in build.c)
        connection.execute_batch("pragma writable_schema = on").expect("sets");
        let db = SqliteDb::from(connection);
        assert_eq!(as_the_pragma_lists(&db), 3, "{name} {other}");
        let schema = db.schema().expect("reads");
        let indexes = |at: usize| schema.tables[at].indexes.iter().map(|index| &*index.name).collect::<Vec<_>>();
        assert_eq!((indexes(0), indexes(1)), (vec!["t_a"], vec!["u_a"]), "{name} {other}");
        assert_eq!(schema.tables[0].uniques.len(), 1);
    }
}

#[test]
fn terms_that_a_statement_leaves_open_are_asked_for() {
    let schema = schema(
        "create table t(a text collate nocase, b, c); create index t_1 on t(b, a); create index t_2 on t(b desc, (a));
         create index t_3 on t(lower(b), \"A\"); create table u(a, b); create index u_1 on u(lower(b), a collate rtrim);",
    );
    let terms = |table: usize, index: usize| -> Vec<String> {
        let terms = &schema.tables[table].indexes[index].terms;
        terms.iter().map(|term| format!("{:?} {} {:?}", term.what, term.descending, term.collation)).collect()
    };
    let nocase = "Column(\"a\") false Some(\"NOCASE\")";
    assert_eq!(terms(0, 0), ["Column(\"b\") false None", nocase]);
    assert_eq!(terms(0, 1), ["Column(\"b\") true None", nocase]);
    assert_eq!(terms(0, 2), ["Expression(\"lower(b)\") false None", nocase]);
    assert_eq!(terms(1, 0), ["Expression(\"lower(b)\") false None", "Column(\"a\") false Some(\"RTRIM\")"]);
}
