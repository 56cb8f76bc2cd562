use super::*;
use crate::Dialect;
use crate::audit::schema::{Cast, Column, ForeignKeyColumn, Key, Keyed, Search, Version};

const EQUALS: u32 = 96;
const FAMILY: u32 = 1976;

/// A schema whose tables have no more than they are given.
fn schema(tables: Vec<Table>) -> Schema {
    Schema {
        dialect: Dialect::Postgres,
        version: Version(15, 4, 0),
        tables,
        families: [(FAMILY, [EQUALS].into())].into(),
        taken: Default::default(),
    }
}

fn table(name: &str, columns: &[&str], indexes: Vec<Index>) -> Table {
    Table {
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: columns
            .iter()
            .map(|name| Column { name: (*name).to_owned(), declared: "integer".to_owned(), ..Column::default() })
            .collect(),
        indexes,
        ..Table::default()
    }
}

fn key(column: &str) -> Key {
    Key { what: Keyed::Column(column.to_owned()), family: Some(FAMILY), ..Key::default() }
}

fn expression(text: &str) -> Key {
    Key { what: Keyed::Expression(text.to_owned()), family: Some(FAMILY), ..Key::default() }
}

fn index(name: &str, columns: &[&str]) -> Index {
    Index { name: name.to_owned(), keys: columns.iter().map(|column| key(column)).collect(), ..Index::default() }
}

fn foreign_key(columns: &[&str]) -> ForeignKey {
    ForeignKey {
        columns: columns
            .iter()
            .map(|column| ForeignKeyColumn {
                column: (*column).to_owned(),
                parent_column: "id".to_owned(),
                parent_type: "integer".to_owned(),
                search: Search { operator: Some(EQUALS), ..Search::default() },
                ..ForeignKeyColumn::default()
            })
            .collect(),
        ..ForeignKey::default()
    }
}

/// The level and the reason of one index alone.
fn served(foreign_key: &ForeignKey, index: &Index) -> (Level, String) {
    let table = table("c", &["a", "b", "x"], vec![index.clone()]);
    let service = by_index(&schema(vec![table.clone()]), &table, foreign_key, index);
    (service.level, service.why)
}

fn level(columns: &[&str], index: &Index) -> Level {
    served(&foreign_key(columns), index).0
}

#[test]
fn leading_keys_serve_in_any_order() {
    assert_eq!(level(&["a"], &index("i", &["a"])), Level::Full);
    assert_eq!(level(&["a", "b"], &index("i", &["b", "a", "x"])), Level::Full);
    assert_eq!(level(&["a", "b"], &index("i", &["a", "x", "b"])), Level::Prefix);
    assert_eq!(level(&["a"], &index("i", &["x", "a"])), Level::None);
    assert_eq!(level(&["a"], &index("i", &["x"])), Level::None);
    // one column may refer to two of the parent's
    assert_eq!(level(&["a", "a"], &index("i", &["a"])), Level::Full);
}

#[test]
fn a_unique_index_over_some_columns_is_enough() {
    let unique = Index { unique: true, ..index("i", &["b"]) };
    assert_eq!(level(&["a", "b"], &unique), Level::UniqueSubset);
    assert_eq!(level(&["a", "b"], &index("i", &["b"])), Level::Prefix);
    let wider = Index { unique: true, ..index("i", &["b", "x"]) };
    assert_eq!(level(&["a", "b"], &wider), Level::Prefix);
}

#[test]
fn columns_beside_the_keys_are_not_searched() {
    let including = Index { included: vec!["a".to_owned()], ..index("i", &["x"]) };
    let (level, why) = served(&foreign_key(&["a"]), &including);
    assert_eq!(level, Level::None);
    assert_eq!(why, "`i` holds `a` beside its keys (INCLUDE), where it can't be searched");
}

#[test]
fn an_index_that_cannot_be_used_serves_nothing() {
    for (state, word) in [(IndexState::Invalid, "INVALID"), (IndexState::Building, "being built")] {
        let (level, why) = served(&foreign_key(&["a"]), &Index { state, ..index("i", &["a"]) });
        assert_eq!(level, Level::None);
        assert!(why.contains("`i`") && why.contains(word), "{why}");
    }
}

#[test]
fn a_partial_index_serves_where_the_search_implies_its_clause() {
    use Predicate::{And, NotNull, Or, Other};
    let not_null = |name: &str| NotNull(name.to_owned());
    let live = || Other("live".to_owned());
    let cases = [
        (not_null("a"), true),
        (not_null("x"), false),
        (live(), false),
        (And(vec![not_null("a"), live()]), false),
        (Or(vec![live(), not_null("b")]), true),
        (And(vec![not_null("a"), Or(vec![not_null("b"), live()])]), true),
        (And(Vec::new()), true),
        (Or(Vec::new()), false),
    ];
    for (predicate, serves) in cases {
        let partial = Index { predicate: Some(predicate.clone()), ..index("i", &["a", "b"]) };
        assert_eq!(level(&["a", "b"], &partial) == Level::Full, serves, "{predicate:?}");
    }
}

#[test]
fn each_method_searches_in_its_own_way() {
    let of = |method: Method, columns: &[&str]| Index { method, ..index("i", columns) };
    assert_eq!(level(&["a"], &of(Method::Hash, &["a"])), Level::Full);
    assert_eq!(level(&["a", "b"], &of(Method::Hash, &["a"])), Level::Prefix);
    assert_eq!(level(&["a"], &of(Method::Spgist, &["a"])), Level::Full);
    assert_eq!(level(&["a"], &of(Method::Gist, &["a", "x"])), Level::Full);
    assert_eq!(level(&["a"], &of(Method::Gist, &["x", "a"])), Level::None);
    assert_eq!(level(&["a"], &of(Method::Gin, &["x", "a"])), Level::Full);
    assert_eq!(level(&["a", "b"], &of(Method::Gin, &["x", "a"])), Level::Prefix);
    assert_eq!(level(&["a"], &of(Method::Brin, &["x", "a"])), Level::Lossy);
    assert_eq!(level(&["a"], &of(Method::Brin, &["x"])), Level::None);
    assert_eq!(level(&["a"], &of(Method::Other("bloom".to_owned()), &["a"])), Level::Lossy);
    for method in [Method::Gist, Method::Gin] {
        let index = of(method, &["a"]);
        let table = table("c", &["a"], vec![index.clone()]);
        let note = by_index(&schema(vec![table.clone()]), &table, &foreign_key(&["a"]), &index).note;
        assert!(note.is_some_and(|note| note.contains("`i`")));
    }
}

#[test]
fn the_operator_class_has_to_have_the_operator() {
    let mut other = index("i", &["a"]);
    other.keys[0].family = Some(FAMILY + 1);
    other.keys[0].class = Some("pg_catalog.jsonb_path_ops".to_owned());
    let (level, why) = served(&foreign_key(&["a"]), &other);
    assert_eq!(level, Level::None);
    assert!(why.contains("`pg_catalog.jsonb_path_ops`"), "{why}");
    let mut no_commutator = foreign_key(&["a"]);
    no_commutator.columns[0].search.operator = None;
    assert_eq!(served(&no_commutator, &index("i", &["a"])).0, Level::None);
}

#[test]
fn the_collation_has_to_be_that_of_the_search() {
    let mut by_c = foreign_key(&["a"]);
    by_c.columns[0].search.collation = Some("pg_catalog.\"C\"".to_owned());
    let of = |collation: Option<&str>| {
        let mut index = index("i", &["a"]);
        index.keys[0].collation = collation.map(str::to_owned);
        index
    };
    assert_eq!(served(&by_c, &of(Some("pg_catalog.\"C\""))).0, Level::Full);
    assert_eq!(served(&by_c, &of(None)).0, Level::Full);
    let (level, why) = served(&by_c, &of(Some("public.ci")));
    assert_eq!(level, Level::None);
    assert!(why.contains("public.ci") && why.contains("pg_catalog.\"C\""), "{why}");
}

fn cast_to_numeric() -> ForeignKey {
    let mut cast = foreign_key(&["a"]);
    cast.columns[0].parent_type = "numeric(10,0)".to_owned();
    cast.columns[0].search.cast = Some(Cast { expression: "(a)::numeric".to_owned(), to: "numeric".to_owned() });
    cast
}

#[test]
fn where_the_search_casts_only_an_index_on_the_cast_serves() {
    assert_eq!(served(&cast_to_numeric(), &index("i", &["a"])).0, Level::None);
    let on_cast = |text: &str| Index { keys: vec![expression(text)], ..index("i", &[]) };
    assert_eq!(served(&cast_to_numeric(), &on_cast("(a)::numeric")).0, Level::Full);
    assert_eq!(served(&cast_to_numeric(), &on_cast("(a)::bigint")).0, Level::None);
    assert_eq!(served(&foreign_key(&["a"]), &on_cast("(a)::numeric")).0, Level::None);
}

#[test]
fn a_cast_that_changes_only_the_types_name_is_looked_through() {
    let relabelling = |column: &str| Index {
        keys: vec![Key { relabels: Some(column.to_owned()), ..expression("(a)::text") }],
        ..index("i", &[])
    };
    assert_eq!(level(&["a"], &relabelling("a")), Level::Full);
    assert_eq!(level(&["a"], &relabelling("b")), Level::None);
    // the search is by another expression then
    assert_eq!(served(&cast_to_numeric(), &relabelling("a")).0, Level::None);
}

fn judged(schema: &Schema, foreign_key: &ForeignKey) -> Coverage {
    judge(schema, &schema.tables[0], foreign_key, &|_, _| true)
}

#[test]
fn the_best_index_is_named_and_where_there_is_none_each_is_explained() {
    let indexes = vec![index("late", &["x", "a"]), index("wide", &["a", "x"]), index("gone", &["x"])];
    let with = schema(vec![table("c", &["a", "x"], indexes)]);
    let coverage = judged(&with, &foreign_key(&["a"]));
    assert_eq!((coverage.level, coverage.index.as_deref()), (Level::Full, Some("wide")));
    let without = judge(&with, &with.tables[0], &foreign_key(&["a"]), &|_, index| index.name != "wide");
    assert_eq!((without.level, without.index), (Level::None, None));
    assert_eq!(without.why, "`late` begins with `x`, and a search by `a` alone can't begin there");
    let none = judged(&schema(vec![table("c", &["a"], Vec::new())]), &foreign_key(&["a"]));
    assert_eq!(none.why, "no index has `a` among its keys");
    assert_eq!(none.blocked, None);
}

#[test]
fn what_no_index_mends_says_which_type_to_change() {
    let schema = schema(vec![table("c", &["a"], vec![index("i", &["a"])])]);
    let blocked = judged(&schema, &cast_to_numeric()).blocked.expect("blocked");
    assert!(blocked.contains("ALTER TABLE \"public\".\"c\" ALTER COLUMN \"a\" TYPE numeric(10,0)"), "{blocked}");
    assert!(blocked.contains("`(a)::numeric`"), "{blocked}");
    let mut by_class = foreign_key(&["a"]);
    by_class.columns[0].search.operator = Some(EQUALS + 1);
    by_class.columns[0].search.class = Some("pg_catalog.bpchar_ops".to_owned());
    let blocked = judged(&schema, &by_class).blocked.expect("blocked");
    assert!(blocked.contains("pg_catalog.bpchar_ops"), "{blocked}");
}

fn partition(table: Table, of: &str) -> Table {
    Table { partition_of: Some(("public".to_owned(), of.to_owned())), ..table }
}

fn part_of(index: Index, whole: &str) -> Index {
    Index { partition_of: Some(("public".to_owned(), whole.to_owned())), ..index }
}

#[test]
fn a_partitioned_table_is_served_as_well_as_its_worst_partition() {
    let whole = |indexes| Table { partitioned: true, ..table("c", &["a"], indexes) };
    let leaf = |name: &str, of: &str, indexes| partition(table(name, &["a"], indexes), of);
    let level_of = |tables| judged(&schema(tables), &foreign_key(&["a"]));

    let none = level_of(vec![whole(vec![]), leaf("c1", "c", vec![index("i1", &["a"])]), leaf("c2", "c", vec![])]);
    assert_eq!(none.level, Level::None);
    assert!(none.why.contains("`c2`") && !none.why.contains("`c1`"), "{}", none.why);

    let each = level_of(vec![
        whole(vec![]),
        leaf("c1", "c", vec![index("i1", &["a"])]),
        Table { partitioned: true, ..leaf("c2", "c", vec![]) },
        leaf("c21", "c2", vec![index("i21", &["a"])]),
    ]);
    assert_eq!(each.level, Level::Full);
    assert!(each.note.expect("a note").contains("new partitions"));

    let empty = level_of(vec![whole(vec![])]);
    assert_eq!(empty.level, Level::None);
    assert!(empty.why.contains("no partitions yet"), "{}", empty.why);
    let ready = level_of(vec![whole(vec![index("i", &["a"])])]);
    assert_eq!((ready.level, ready.note), (Level::Full, None));

    let invalid = Index { state: IndexState::Invalid, ..index("i", &["a"]) };
    let waiting = level_of(vec![whole(vec![invalid]), leaf("c1", "c", vec![])]);
    assert_eq!(waiting.level, Level::None);
    assert!(waiting.why.contains("`i`"), "{}", waiting.why);
}

#[test]
fn a_part_of_an_index_counts_only_with_the_whole() {
    let whole = Table { partitioned: true, ..table("c", &["a"], vec![index("i", &["a"])]) };
    let leaf = partition(table("c1", &["a"], vec![part_of(index("i1", &["a"]), "i")]), "c");
    let schema = schema(vec![whole, leaf]);
    assert_eq!(judged(&schema, &foreign_key(&["a"])).level, Level::Full);
    let without = judge(&schema, &schema.tables[0], &foreign_key(&["a"]), &|_, index| index.name != "i");
    assert_eq!(without.level, Level::None);
}
