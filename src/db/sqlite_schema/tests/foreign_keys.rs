//! Foreign keys: what they are, and whether there is a parent.

use super::{database, schema};
use crate::schema::{Action, Deferral, ForeignKey, ParentState};

/// The foreign keys of the table `t`.
fn keys(sql: &str) -> Vec<ForeignKey> {
    schema(sql).table("t").expect("is there").foreign_keys.clone()
}

/// Whether SQLite finds the parent of the only key of `t` usable: it refuses to prepare a write otherwise.
fn sqlite_takes(sql: &str) -> bool {
    let mut db = database(&format!("{sql}; pragma foreign_keys = on;"));
    match db.execute("delete from t; pragma foreign_key_check(t); insert into t default values;") {
        Ok(()) => true,
        Err(error) if error.message.contains("mismatch") || error.message.contains("no such table") => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn keys_have_their_names_actions_and_deferral_in_declared_order() {
    let keys = keys(
        "create table p(id integer primary key, a, b, unique(a, b)); \
         create table t(x int constraint fx references p(id) on delete cascade on update set null not null \
           deferrable initially deferred, \
         y int default 1 references P match full on delete set default deferrable, \
         z references p(ID) on update restrict not deferrable initially deferred, a, b, \
         constraint \"f ab\" foreign key(B, a) references \"P\"(b, A) on delete no action deferrable initially immediate \
         foreign key(x) references p(id));",
    );
    let found: Vec<_> =
        keys.iter().map(|key| (key.name.as_deref(), key.on_delete, key.on_update, key.deferral)).collect();
    let expected = [
        (Some("fx"), Action::Cascade, Action::SetNull, Deferral::Deferred),
        (None, Action::SetDefault, Action::NoAction, Deferral::Immediate),
        (None, Action::NoAction, Action::Restrict, Deferral::NotDeferrable),
        (Some("f ab"), Action::NoAction, Action::NoAction, Deferral::Immediate),
        (None, Action::NoAction, Action::NoAction, Deferral::NotDeferrable),
    ];
    assert_eq!(found, expected);
    assert!(keys.iter().all(|key| key.parent == "p" && key.parent_state == ParentState::Ok), "{keys:?}");
    assert_eq!(keys[1].parent_columns, ["id"]);
    assert_eq!(keys[2].parent_columns, ["id"]);
    assert_eq!(
        (&keys[3].columns[..], &keys[3].parent_columns[..]),
        (&["b".into(), "a".into()][..], &["b".into(), "a".into()][..])
    );
}

#[test]
fn a_parent_is_found_where_sqlite_finds_it() {
    use ParentState::{MissingColumn, MissingTable, NotUnique, Ok};
    let cases = [
        ("", "references gone(id)", MissingTable),
        ("create view p as select 1 as id;", "references p(id)", MissingTable),
        ("create table p(id integer primary key);", "references p", Ok),
        ("create table p(id integer primary key);", "references p(nope)", MissingColumn),
        ("create table p(id integer primary key);", "references p(rowid)", MissingColumn),
        ("create table p(id integer);", "references p", MissingColumn),
        ("create table p(id integer);", "references p(id)", NotUnique),
        ("create table p(a, b, primary key(a, b));", "references p", MissingColumn),
        ("create table p(a, b, primary key(a, b));", "references p(a)", NotUnique),
        ("create table p(a text primary key);", "references P", Ok),
        ("create table p(a text primary key) without rowid;", "references p(A)", Ok),
        ("create table p(a unique);", "references p(a)", Ok),
        ("create table p(a); create unique index i on p(a);", "references p(a)", Ok),
        ("create table p(a); create unique index i on p(a) where a > 0;", "references p(a)", NotUnique),
        ("create table p(a); create unique index i on p(lower(a));", "references p(a)", NotUnique),
        ("create table p(a); create index i on p(a);", "references p(a)", NotUnique),
        ("create table p(a); create unique index i on p(a collate nocase);", "references p(a)", NotUnique),
        ("create table p(a collate nocase); create unique index i on p(a);", "references p(a)", Ok),
        (
            "create table p(a collate nocase); create unique index i on p(a collate binary);",
            "references p(a)",
            NotUnique,
        ),
        ("create table p(a text, primary key(a collate nocase));", "references p", Ok),
        ("create table p(a text, primary key(a collate nocase));", "references p(a)", NotUnique),
        ("create table p(a, b, unique(a, b));", "references p(a)", NotUnique),
    ];
    for (parent, clause, expected) in cases {
        let sql = format!("{parent} create table t(v int {clause})");
        let key = keys(&sql).remove(0);
        assert_eq!(key.parent_state, expected, "{sql}");
        assert_eq!(sqlite_takes(&sql), expected == Ok, "{sql}");
    }
}

#[test]
fn a_parent_of_several_columns_is_a_set_of_them() {
    let parent = "create table p(a, b, c, primary key(a, b), unique(c, b));";
    for (clause, expected) in [
        ("references p", ParentState::Ok),
        ("references p(b, a)", ParentState::Ok),
        ("references p(B, C)", ParentState::Ok),
        ("references p(a, c)", ParentState::NotUnique),
        ("references p(a, d)", ParentState::MissingColumn),
    ] {
        let sql = format!("{parent} create table t(x, y, foreign key(x, y) {clause})");
        assert_eq!(keys(&sql)[0].parent_state, expected, "{clause}");
        assert_eq!(sqlite_takes(&sql), expected == ParentState::Ok, "{clause}");
    }
    assert_eq!(
        keys(&format!("{parent} create table t(x, y, foreign key(x, y) references p)"))[0].parent_columns,
        ["a", "b"]
    );
}

#[test]
fn names_are_those_of_the_declaration() {
    let keys = keys(
        "create table \"My Parent\"(\"Id\" integer primary key); \
                     create table t(\"Ref\" int, foreign key(REF) references \"my parent\"(ID), foreign key(ref) references Gone(X))",
    );
    assert_eq!(
        (keys[0].parent.as_str(), &keys[0].parent_columns[..], &keys[0].columns[..]),
        ("My Parent", &["Id".to_owned()][..], &["Ref".to_owned()][..])
    );
    assert_eq!((keys[1].parent.as_str(), &keys[1].parent_columns[..]), ("Gone", &["X".to_owned()][..]));
    let itself = super::table("create table T(id integer primary key, up references t)").foreign_keys.remove(0);
    assert_eq!((itself.parent.as_str(), &itself.parent_columns[..]), ("T", &["id".to_owned()][..]));
}
