//! Statements that can't be understood: an error, or what the pragmas tell of the table all the same.

use super::super::catalog::{self, Kind};
use super::super::{Asked, Reading};
use super::database;
use crate::db::SqlError;
use crate::schema::{Affinity, Indexed, ParentState, Schema};

const SQL: &str = "CREATE TABLE p(code TEXT COLLATE NOCASE PRIMARY KEY);
     CREATE TABLE c(id INTEGER PRIMARY KEY, a TEXT COLLATE RTRIM, b TEXT CONSTRAINT known REFERENCES p, \
                    d AS (a || b), UNIQUE (a, b));
     CREATE INDEX c_b ON c(b COLLATE NOCASE, a DESC);
     CREATE INDEX c_d ON c(d, lower(a)) WHERE d > 5;";

/// The schema, where the statements of the objects that are named say nothing that makes sense.
fn with_nonsense(names: &[&str], reading: Reading) -> Result<(Schema, Vec<String>), SqlError> {
    let db = database(SQL);
    let mut objects = catalog::objects(&db).expect("reads");
    for object in objects.iter_mut().filter(|object| names.contains(&object.name.as_str())) {
        assert!(matches!(object.kind, Kind::Table | Kind::Index));
        object.sql = "CREATE ODDITY".to_owned();
    }
    Asked::about(&db, objects, reading)?.schema()
}

#[test]
fn what_can_t_be_understood_is_an_error_for_those_who_need_all_of_it() {
    for name in ["c", "c_b"] {
        let error = with_nonsense(&[name], Reading::Strictly).expect_err("is not understood");
        assert!(error.message.contains("table `c`"), "{error}");
    }
}

#[test]
fn the_pragmas_tell_of_columns_keys_and_collations() {
    let (whole, none) = with_nonsense(&[], Reading::Leniently).expect("reads");
    assert!(none.is_empty());
    let (schema, not_understood) = with_nonsense(&["c", "c_b", "c_d"], Reading::Leniently).expect("reads");
    assert_eq!(not_understood, ["c"]);
    let (whole, table) = (whole.table("c").expect("there"), schema.table("c").expect("there"));
    let told = |table: &crate::schema::Table| -> Vec<(String, Affinity, Option<String>)> {
        let told = |column: &crate::schema::Column| (column.name.clone(), column.affinity, column.collation.clone());
        table.columns.iter().map(told).collect()
    };
    assert_eq!(told(table), told(whole));
    assert_eq!((&table.primary_key, &table.uniques), (&whole.primary_key, &whole.uniques));
    let [key] = table.foreign_keys.as_slice() else { panic!("{:?}", table.foreign_keys) };
    assert_eq!((key.name.as_ref(), key.parent_state), (None, ParentState::Ok), "the name is in the statement alone");
    assert_eq!(key.parent_columns, ["code"]);
    let terms = |table: &crate::schema::Table, at: usize| table.indexes[at].terms.clone();
    assert_eq!(terms(table, 0), terms(whole, 0));
    assert_eq!(terms(table, 1)[1].what, Indexed::Expression("?".to_owned()));
    assert_eq!(table.indexes[1].predicate.as_deref(), Some("?"));
}
