//! Verdicts over schemas that are built by hand.

use super::{by_index, judge};
use crate::Dialect;
use crate::audit::schema::{
    Column, ForeignKey, ForeignKeyColumn, Index, Key, Keyed, Method, Predicate, Schema, Search, Table, Version,
};
use crate::audit::serve::{Coverage, Level};

/// A key over a column by a collation.
fn key(column: &str, collation: &str) -> Key {
    Key { what: Keyed::Column(column.to_owned()), collation: Some(collation.to_owned()), ..Key::default() }
}

fn index(name: &str, columns: &[&str]) -> Index {
    let keys = columns.iter().map(|column| key(column, "BINARY")).collect();
    Index { name: name.to_owned(), keys, ..Index::default() }
}

fn unique(name: &str, columns: &[&str]) -> Index {
    Index { unique: true, ..index(name, columns) }
}

fn own_tree(method: Method, columns: &[&str]) -> Index {
    Index { method, ..unique("", columns) }
}

fn partial(name: &str, columns: &[&str], predicate: Predicate) -> Index {
    Index { predicate: Some(predicate), predicate_sql: Some("…".to_owned()), ..index(name, columns) }
}

fn not_null(column: &str) -> Predicate {
    Predicate::NotNull(column.to_owned())
}

/// The table `c` with those indexes, and a foreign key over these columns.
fn child(columns: &[&str], indexes: Vec<Index>) -> Table {
    let column = |name: &str| ForeignKeyColumn {
        column: name.to_owned(),
        parent_column: format!("p_{name}"),
        parent_type: "INTEGER".to_owned(),
        search: Search { collation: Some("BINARY".to_owned()), ..Search::default() },
        ..ForeignKeyColumn::default()
    };
    let names = ["id", "a", "b", "d", "x"];
    Table {
        schema: "main".to_owned(),
        name: "c".to_owned(),
        columns: names.iter().map(|name| Column { name: (*name).to_owned(), ..Column::default() }).collect(),
        indexes,
        foreign_keys: vec![ForeignKey {
            columns: columns.iter().map(|name| column(name)).collect(),
            parent: "p".to_owned(),
            ..ForeignKey::default()
        }],
        ..Table::default()
    }
}

fn schema(version: Version) -> Schema {
    let (families, taken) = Default::default();
    Schema { dialect: Dialect::Sqlite, version, tables: Vec::new(), families, taken }
}

fn verdict(table: &Table) -> Coverage {
    judge(&schema(Version(3, 50, 0)), table, &table.foreign_keys[0], &|_, _| true)
}

fn level(columns: &[&str], indexes: Vec<Index>) -> Level {
    verdict(&child(columns, indexes)).level
}

#[test]
fn the_first_keys_have_to_be_the_columns_in_any_order() {
    assert_eq!(level(&["a", "b"], vec![index("i", &["b", "a", "x"])]), Level::Full);
    assert_eq!(level(&["a", "b"], vec![index("i", &["a", "x", "b"])]), Level::Prefix);
    assert_eq!(level(&["a", "b"], vec![index("i", &["x", "a", "b"])]), Level::None);
    assert_eq!(level(&["a", "b"], vec![index("i", &["a", "a", "b"])]), Level::Full, "a key may be there twice");
    assert_eq!(level(&["a"], vec![]), Level::None);
}

#[test]
fn a_unique_index_over_some_columns_is_enough() {
    assert_eq!(level(&["a", "b"], vec![unique("u", &["a"])]), Level::UniqueSubset);
    assert_eq!(level(&["a", "b"], vec![unique("u", &["a", "x"])]), Level::Prefix);
    let both = verdict(&child(&["a", "b"], vec![index("i", &["a", "b"]), unique("u", &["a"])]));
    assert_eq!((both.level, both.index.as_deref()), (Level::UniqueSubset, Some("u")), "as SQLite prefers");
}

#[test]
fn the_rowid_serves_and_stands_at_the_end_of_every_index() {
    let with_rowid = |columns: &[&str], mut indexes: Vec<Index>| {
        indexes.insert(0, own_tree(Method::Rowid, &["id"]));
        verdict(&Table { rowid_alias: Some("id".to_owned()), ..child(columns, indexes) })
    };
    let alone = with_rowid(&["id"], vec![]);
    assert_eq!((alone.level, alone.index.as_deref()), (Level::Full, Some("rowid")));
    assert_eq!(with_rowid(&["id", "a"], vec![]).level, Level::UniqueSubset);
    let table = Table { rowid_alias: Some("id".to_owned()), ..child(&["a", "id"], vec![index("i", &["a"])]) };
    assert_eq!(verdict(&table).level, Level::Full, "the index's last key is the rowid");
    assert_eq!(with_rowid(&["a"], vec![]).level, Level::None);
}

#[test]
fn a_rowid_is_compared_without_collation_and_affinity() {
    let mut table = child(&["id"], vec![index("i", &["id"])]);
    table.rowid_alias = Some("id".to_owned());
    table.foreign_keys[0].columns[0].search.collation = Some("NOCASE".to_owned());
    assert_eq!(verdict(&table).level, Level::Full);
}

#[test]
fn without_rowid_the_primary_key_stands_at_the_end_of_every_index() {
    let mut table = child(&["a", "b"], vec![own_tree(Method::Primary, &["b", "d"]), index("i", &["a"])]);
    table.without_rowid = true;
    let found = verdict(&table);
    assert_eq!((found.level, found.index.as_deref()), (Level::Full, Some("i")));
    table.indexes[0].keys[0] = key("b", "NOCASE");
    assert_eq!(verdict(&table).level, Level::Prefix, "by the primary key's own collation");
    table.indexes[1].keys.push(key("d", "BINARY"));
    assert_eq!(verdict(&table).level, Level::Prefix, "behind what is there already");
    table.foreign_keys[0].columns.truncate(1);
    table.foreign_keys[0].columns[0].column = "b".to_owned();
    table.indexes[0].keys[0] = key("b", "BINARY");
    let found = verdict(&table);
    assert_eq!((found.level, found.index.as_deref()), (Level::Full, Some("primary key")));
}

#[test]
fn a_primary_key_without_rowid_that_is_taken_first_is_told_of() {
    let mut table = child(&["a", "b"], vec![own_tree(Method::Primary, &["b", "d"]), index("i", &["a", "b"])]);
    table.without_rowid = true;
    let found = verdict(&table);
    assert_eq!((found.level, found.index.as_deref()), (Level::Full, Some("i")));
    assert!(found.note.expect("ANALYZE is needed").contains("the primary key by `b` alone"));
    table.indexes[1].unique = true;
    assert_eq!(verdict(&table).note, None, "one row at most is cheaper");
}

#[test]
fn collations_have_to_be_the_same() {
    let mut table = child(&["a"], vec![index("i", &["a"])]);
    table.foreign_keys[0].columns[0].search.collation = Some("NOCASE".to_owned());
    let found = verdict(&table);
    assert_eq!(found.level, Level::None);
    assert_eq!(found.why, "index `i` can't be used: it compares `a` by BINARY, and the foreign key by NOCASE");
    table.indexes[0].keys[0].collation = Some("nocase".to_owned());
    assert_eq!(verdict(&table).level, Level::Full, "names of collations have no case");
}

#[test]
fn affinity_keeps_an_index_out_and_the_type_has_to_change() {
    let mut table = child(&["a", "b"], vec![index("i", &["a", "b"])]);
    table.columns[2].declared = "TEXT".to_owned();
    table.foreign_keys[0].columns[1].search.affinity_blocks = true;
    let found = verdict(&table);
    assert_eq!(found.level, Level::Prefix);
    let blocked = found.blocked.expect("no index helps");
    assert!(blocked.contains("`b` is declared as `TEXT`") && blocked.contains("declared as `INTEGER`"), "{blocked}");
    table.indexes.push(unique("u", &["a"]));
    assert_eq!(verdict(&table).blocked, None, "it is served all the same");
}

#[test]
fn an_expression_is_no_column() {
    let mut table = child(&["a"], vec![index("i", &["a"])]);
    table.indexes[0].keys[0].what = Keyed::Expression("lower(a)".to_owned());
    let found = verdict(&table);
    assert_eq!((found.level, found.index), (Level::None, None));
    assert!(found.why.contains("`lower(a)`"), "{}", found.why);
}

#[test]
fn a_predicate_has_to_follow_from_the_comparisons() {
    let with = |predicate| level(&["a", "b"], vec![partial("i", &["a", "b"], predicate)]);
    let other = || Predicate::Other("x > 5".to_owned());
    let and = Predicate::And;
    let or = Predicate::Or;
    assert_eq!(with(not_null("a")), Level::Full);
    assert_eq!(with(not_null("x")), Level::None);
    assert_eq!(with(and(vec![not_null("a"), not_null("b")])), Level::Full);
    assert_eq!(with(and(vec![not_null("a"), other()])), Level::None);
    assert_eq!(with(or(vec![other(), not_null("b")])), Level::Full, "one arm is enough");
    assert_eq!(with(and(vec![not_null("b"), or(vec![other(), or(vec![other(), not_null("a")])])])), Level::Full);
    assert_eq!(
        with(or(vec![and(vec![not_null("a"), not_null("b")]), other()])),
        Level::None,
        "AND in an arm is not read"
    );
    assert_eq!(with(other()), Level::None);
}

#[test]
fn a_predicate_on_a_not_null_column_depends_on_the_version() {
    let mut table = child(&["a"], vec![partial("i", &["a"], not_null("a"))]);
    table.columns[1].not_null = true;
    let for_version = |version| judge(&schema(version), &table, &table.foreign_keys[0], &|_, _| true);
    assert_eq!(for_version(Version(3, 34, 1)).level, Level::Full);
    let old = for_version(Version(3, 45, 3));
    assert_eq!(old.level, Level::None);
    assert!(old.why.contains("SQLite 3.45.3"), "{}", old.why);
    let new = for_version(Version(3, 46, 0));
    assert_eq!(new.level, Level::Full);
    assert!(new.note.expect("older ones do without").contains("before 3.46"));
}

#[test]
fn statistics_may_skip_keys_and_that_is_not_enough() {
    let with = |rows_alike: &[u64]| {
        let found = Index { rows_alike: rows_alike.to_vec(), ..index("i", &["x", "a"]) };
        verdict(&child(&["a"], vec![found]))
    };
    let skipped = with(&[1_000_000, 500_000, 2]);
    assert_eq!((skipped.level, skipped.index.as_deref()), (Level::Skip, Some("i")));
    assert!(!skipped.level.covers());
    assert_eq!(with(&[1_000_000, 17, 2]).level, Level::None, "too few are alike");
    assert_eq!(with(&[]).level, Level::None);
}

#[test]
fn what_does_not_count_is_left_out() {
    let table = child(&["a"], vec![index("i", &["a"]), index("j", &["a", "b"])]);
    let schema = schema(Version(3, 50, 0));
    let without = |names: &[&str]| {
        judge(&schema, &table, &table.foreign_keys[0], &|_, index| !names.contains(&index.name.as_str())).index
    };
    assert_eq!(without(&["i"]).as_deref(), Some("j"));
    assert_eq!(without(&["i", "j"]), None);
    assert_eq!(by_index(&schema, &table, &table.foreign_keys[0], &table.indexes[1]).level, Level::Full);
}
