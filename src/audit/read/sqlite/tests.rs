//! What is made of schemas that SQLite itself has taken.

use rusqlite::Connection;

use super::super::{Wanted, read};
use crate::audit::schema::{Index, Keyed, OwnerKind, ParentState, Predicate, Schema, Table};
use crate::audit::statistics::Statistics;
use crate::db::Db;

fn read_all(sql: &str) -> (Schema, Statistics) {
    let connection = Connection::open_in_memory().expect("opens");
    connection.execute_batch(sql).expect("SQLite takes it");
    read(&mut Db::from(connection), &Wanted { statistics: true, ..Wanted::default() }).expect("reads")
}

fn table(sql: &str, name: &str) -> Table {
    read_all(sql).0.table("main", name).expect("is there").clone()
}

/// Index names, methods and keys with their collations.
fn told(index: &Index) -> String {
    let key = |key: &crate::audit::schema::Key| match &key.what {
        Keyed::Column(name) => format!("{name} {}", key.collation.as_deref().unwrap_or("-")),
        Keyed::Expression(expression) => format!("<{expression}>"),
    };
    let keys: Vec<String> = index.keys.iter().map(key).collect();
    format!("{}{:?} {}({})", if index.unique { "unique " } else { "" }, index.method, index.name, keys.join(", "))
}

#[test]
fn trees_of_constraints_are_indexes_too() {
    let sql = "CREATE TABLE r(id INTEGER PRIMARY KEY, a TEXT COLLATE nocase CONSTRAINT only_one UNIQUE, b);
               CREATE TABLE w(a TEXT COLLATE RTRIM, b, PRIMARY KEY(a COLLATE BINARY, b)) WITHOUT ROWID;
               CREATE TABLE k(id INT PRIMARY KEY);
               CREATE INDEX r_b ON r(b COLLATE NOCASE, a, lower(b), id DESC);
               CREATE INDEX w_b ON w(b, a);";
    let of = |name: &str| table(sql, name).indexes.iter().map(told).collect::<Vec<_>>();
    assert_eq!(
        of("r"),
        [
            "unique Rowid (id BINARY)",
            "unique Btree sqlite_autoindex_r_1(a NOCASE)",
            "Btree r_b(b NOCASE, a NOCASE, <lower(b)>, id BINARY)"
        ]
    );
    assert_eq!(of("w"), ["unique Primary (a BINARY, b BINARY)", "Btree w_b(b BINARY, a RTRIM)"]);
    assert_eq!(of("k"), ["unique Btree sqlite_autoindex_k_1(id BINARY)"]);
    let table = table(sql, "r");
    assert!(table.indexes[2].keys[3].descending && !table.indexes[2].keys[3].nulls_first);
    let owner = table.indexes[1].constraint.as_ref().expect("a constraint's");
    assert_eq!((owner.name.as_str(), owner.kind), ("only_one", OwnerKind::Unique));
    assert_eq!(table.rowid_alias.as_deref(), Some("id"));
    assert!(table.column("id").expect("there").not_null);
}

#[test]
fn predicates_are_read_as_far_as_they_ask_for_null() {
    let of = |predicate: &str| {
        let sql = format!("CREATE TABLE t(\"A b\", c, d); CREATE INDEX i ON t(c) WHERE {predicate}");
        table(&sql, "t").indexes[0].predicate.clone().expect("partial")
    };
    let not_null = |name: &str| Predicate::NotNull(name.to_owned());
    for written in [
        "c IS NOT NULL",
        "C notnull",
        "(c) NOT NULL",
        "\"c\" IS NOT NULL",
        "t.c IS NOT NULL",
        "((c IS NOT NULL))",
        "c IS NOT (NULL)",
    ] {
        assert_eq!(of(written), not_null("c"), "{written}");
    }
    assert_eq!(of("[a B] IS NOT NULL"), not_null("A b"));
    assert_eq!(of("c NOTNULL AND `A b` NOTNULL"), Predicate::And(vec![not_null("c"), not_null("A b")]));
    assert_eq!(
        of("c NOTNULL OR d > 5 -- why"),
        Predicate::Or(vec![not_null("c"), Predicate::Other("c NOTNULL OR d > 5".to_owned())])
    );
    for written in ["c IS NULL", "NOT (c IS NULL)", "+c IS NOT NULL", "c COLLATE NOCASE IS NOT NULL", "d = 1"] {
        assert_eq!(of(written), Predicate::Other(written.to_owned()));
    }
}

#[test]
fn a_foreign_key_is_searched_by_the_parents_collation_and_affinity() {
    let sql = "CREATE TABLE p(id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE UNIQUE, n REAL UNIQUE);
               CREATE TABLE c(a TEXT COLLATE RTRIM REFERENCES p, b COLLATE RTRIM REFERENCES P(CODE), d VARCHAR(9) REFERENCES p(n),
                              e INT REFERENCES p, f REFERENCES nowhere(x), g TEXT COLLATE RTRIM REFERENCES c(h), h);";
    let (schema, _) = read_all(sql);
    let table = schema.table("main", "c").expect("there");
    let of = |column: &str| {
        let key = table.foreign_keys.iter().find(|key| key.columns[0].column == column).expect("has one");
        let only = &key.columns[0];
        let collation = only.search.collation.as_deref().expect("has one");
        (collation, only.search.affinity_blocks, only.types_differ, key.parent_state)
    };
    assert_eq!(of("a"), ("RTRIM", true, true, ParentState::Ok), "a rowid leaves the collation to the child");
    assert_eq!(of("b"), ("NOCASE", false, true, ParentState::Ok));
    assert_eq!(of("d"), ("BINARY", true, true, ParentState::Ok));
    assert_eq!(of("e"), ("BINARY", false, false, ParentState::Ok));
    assert_eq!(of("f"), ("BINARY", false, false, ParentState::MissingTable));
    assert_eq!(of("g"), ("BINARY", false, true, ParentState::NotUnique));
    let key = &table.foreign_keys[1];
    assert_eq!((key.parent.as_str(), key.columns[0].parent_column.as_str()), ("p", "code"), "as they are declared");
    assert_eq!(key.columns[0].parent_type, "TEXT");
}

#[test]
fn collations_that_only_the_application_has_are_no_obstacle() {
    let (schema, statistics) = read_all(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE UNIQUE, n INT);
         CREATE TABLE c(code TEXT COLLATE NOCASE REFERENCES p(code), b COLLATE NOCASE);
         CREATE INDEX c_code ON c(code);
         CREATE INDEX c_b ON c(b, code);
         CREATE INDEX p_n ON p(n);
         INSERT INTO p VALUES(1, 'x', NULL);
         INSERT INTO c VALUES('x', NULL);
         PRAGMA writable_schema = on;
         UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'localized');
         PRAGMA writable_schema = reset;",
    );
    let child = schema.table("main", "c").expect("there");
    assert_eq!(
        child.indexes.iter().map(told).collect::<Vec<_>>(),
        ["Btree c_code(code localized)", "Btree c_b(b localized, code localized)"]
    );
    let key = &child.foreign_keys[0];
    assert_eq!((key.parent_state, key.columns[0].search.collation.as_deref()), (ParentState::Ok, Some("localized")));
    let known = |table: &str, column: &str| {
        statistics.columns.contains_key(&(("main".to_owned(), table.to_owned()), column.to_owned()))
    };
    assert!(known("p", "n") && !known("c", "b"));
}

#[test]
fn names_that_are_taken_are_those_of_every_object() {
    let (schema, _) = read_all("CREATE TABLE T(a UNIQUE); CREATE INDEX Idx ON T(a); CREATE VIEW v AS SELECT 1;");
    let taken: Vec<&str> = schema.taken["main"].iter().map(String::as_str).collect();
    assert_eq!(taken, ["Idx", "T", "idx", "sqlite_autoindex_T_1", "sqlite_autoindex_t_1", "t", "v"]);
}

#[test]
fn a_virtual_table_and_its_shadows_are_left_out() {
    let (schema, _) = read_all("CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING fts5(b); CREATE TEMP TABLE gone(a);");
    let names: Vec<&str> = schema.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["t"]);
}

#[test]
fn statistics_are_what_sqlite_has_counted_and_little_more() {
    let sql = "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b NOT NULL);
               CREATE INDEX t_a ON t(a); CREATE INDEX t_b ON t(b);
               INSERT INTO t(a, b) VALUES (NULL, 1), (NULL, 1), (NULL, 2), (1, 2);
               ANALYZE;";
    let (schema, statistics) = read_all(sql);
    let name = ("main".to_owned(), "t".to_owned());
    assert_eq!(statistics.rows.get(&name), Some(&4));
    let null_fraction = |column: &str| statistics.columns.get(&(name.clone(), column.to_owned()))?.null_fraction;
    assert_eq!((null_fraction("a"), null_fraction("b")), (Some(0.75), None));
    let [sequence] = statistics.sequences.as_slice() else { panic!("{:?}", statistics.sequences) };
    assert_eq!((sequence.last, sequence.maximum), (Some(4), i64::MAX));
    assert_eq!(sequence.column, Some((name, "id".to_owned())));
    let table = schema.table("main", "t").expect("there");
    assert_eq!(table.indexes[1].rows_alike, [4, 2], "{:?}", table.indexes);
}

#[test]
fn null_without_quotes_is_no_column() {
    let sql = "CREATE TABLE t(a, \"null\");
               CREATE INDEX i ON t(a) WHERE null IS NOT NULL; CREATE INDEX j ON t(a) WHERE \"null\" IS NOT NULL;
               CREATE INDEX k ON t(a) WHERE A is /* so */ not null; CREATE INDEX l ON t(a) WHERE a IS NOT NULL AND a > 5;";
    let of = |name: &str| {
        let table = table(sql, "t");
        table.indexes.into_iter().find(|index| index.name == name).and_then(|index| index.predicate)
    };
    assert_eq!(of("i"), Some(Predicate::Other("null IS NOT NULL".to_owned())));
    assert_eq!(of("j"), Some(Predicate::NotNull("null".to_owned())));
    assert_eq!(of("k"), Some(Predicate::NotNull("a".to_owned())));
    assert!(matches!(of("l"), Some(Predicate::And(parts)) if parts.len() == 2));
}
