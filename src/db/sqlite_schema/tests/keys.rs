//! Primary keys, UNIQUE constraints, indexes, the rowid's name.

use super::{names, schema, table};
use crate::schema::{IndexTerm, Indexed, KeyColumn};

fn alias(sql: &str) -> Option<String> {
    table(sql).rowid_alias().map(str::to_owned)
}

#[test]
fn only_an_integer_primary_key_is_the_rowid() {
    assert_eq!(alias("create table t(Id integer primary key)").as_deref(), Some("Id"));
    assert_eq!(alias("create table t(id INTEGER PRIMARY KEY ASC)").as_deref(), Some("id"));
    assert_eq!(alias("create table t(id \"integer\" primary key)").as_deref(), Some("id"));
    assert_eq!(alias("create table t(id integer, primary key(id))").as_deref(), Some("id"));
    assert_eq!(alias("create table t(id integer, primary key((id) desc))").as_deref(), Some("id"));
    assert_eq!(alias("create table t(id integer primary key) strict").as_deref(), Some("id"));
    assert_eq!(alias("create table t(id integer primary key desc)"), None);
    assert_eq!(alias("create table t(id int primary key)"), None);
    assert_eq!(alias("create table t(id bigint primary key)"), None);
    assert_eq!(alias("create table t(id integer(8) primary key)"), None);
    assert_eq!(alias("create table t(id integer primary key) without rowid"), None);
    assert_eq!(alias("create table t(a integer, b integer, primary key(a, b))"), None);
}

#[test]
fn a_primary_key_has_its_own_order() {
    let table = table("create table t(a int, b text collate nocase, c, constraint \"p k\" primary key(b desc, A))");
    let key = table.primary_key.expect("has one");
    assert_eq!(key.name.as_deref(), Some("p k"));
    let expected = [
        KeyColumn { name: "b".into(), descending: true, collation: Some("NOCASE".into()) },
        KeyColumn { name: "a".into(), ..KeyColumn::default() },
    ];
    assert_eq!(key.columns, expected);
    assert!(table.uniques.is_empty() && table.indexes.is_empty());
}

#[test]
fn primary_keys_of_tables_without_rowids_and_named_in_columns() {
    let table = super::table("create table t(a text constraint pk primary key, b) without rowid");
    assert!(table.without_rowid);
    assert_eq!(table.rowid, None);
    let key = table.primary_key.expect("has one");
    assert_eq!((key.name.as_deref(), names(&key.columns), key.rowid_alias), (Some("pk"), vec!["a"], false));
    assert_eq!(super::table("create table t(a)").primary_key, None);
}

#[test]
fn uniques_stand_in_declared_order_with_their_names() {
    let table = table(
        "create table t(a text constraint ua unique on conflict replace collate nocase, b unique, c, \
         constraint ubc unique(\"B\" collate nocase, c desc), unique(b, c) constraint again unique(b, c), \
         constraint id unique (a collate binary))",
    );
    let found: Vec<_> = table.uniques.iter().map(|key| (key.name.as_deref(), names(&key.columns))).collect();
    let expected = [
        (Some("ua"), vec!["a"]),
        (None, vec!["b"]),
        (Some("ubc"), vec!["b", "c"]),
        (Some("again"), vec!["b", "c"]),
        (Some("id"), vec!["a"]),
    ];
    assert_eq!(found, expected);
    assert_eq!(table.uniques[0].columns[0].collation.as_deref(), Some("NOCASE"));
    assert_eq!(table.uniques[2].columns[0].collation.as_deref(), Some("NOCASE"));
    assert!(table.uniques[2].columns[1].descending);
    assert_eq!(table.uniques[4].columns[0].collation, None);
}

#[test]
fn many_uniques_keep_their_order() {
    let columns: Vec<String> = (0..15).map(|at| format!("c{at} unique")).collect();
    let table = table(&format!("create table t({})", columns.join(", ")));
    let found: Vec<_> = table.uniques.iter().map(|key| key.columns[0].name.clone()).collect();
    assert_eq!(found, (0..15).map(|at| format!("c{at}")).collect::<Vec<_>>());
}

#[test]
fn a_unique_that_is_the_primary_key_is_the_primary_key() {
    let table = table(
        "create table t(a text unique, b integer primary key unique, primary key(a))"
            .replace("b integer primary key unique, ", "")
            .as_str(),
    );
    assert!(table.uniques.is_empty());
    assert_eq!(names(&table.primary_key.expect("has one").columns), ["a"]);
    let rowid = super::table("create table t(b integer primary key unique)");
    assert_eq!(rowid.rowid_alias(), Some("b"));
    assert_eq!(rowid.uniques.len(), 1);
}

#[test]
fn indexes_have_their_terms_and_predicates() {
    let schema = schema(
        "create table t(id integer primary key, v text collate nocase, d integer, \"asc\" text); \
         create unique index ux on t(v) where d=0 /* not gone */; \
         create index \"e x\" on t(lower(v), substr(v,1,3) desc, ID desc, d collate rtrim asc); \
         create index rowids on t(\"asc\", 'd' desc, \"no such\") where v > ';' -- end\n; \
         create index if not exists main.cased on T(v COLLATE binary, (d + 1) collate nocase);",
    );
    let indexes = &schema.tables[0].indexes;
    assert_eq!(indexes.iter().map(|index| index.name.as_str()).collect::<Vec<_>>(), ["ux", "e x", "rowids", "cased"]);
    let column = |name: &str, descending, collation: Option<&str>| IndexTerm {
        what: Indexed::Column(name.into()),
        descending,
        collation: collation.map(str::to_owned),
    };
    let expression = |text: &str, descending, collation: Option<&str>| IndexTerm {
        what: Indexed::Expression(text.into()),
        ..column("", descending, collation)
    };
    assert!(indexes[0].unique);
    assert_eq!(indexes[0].terms, [column("v", false, Some("NOCASE"))]);
    assert_eq!(indexes[0].predicate.as_deref(), Some("d=0"));
    let expected = [
        expression("lower(v)", false, None),
        expression("substr(v,1,3)", true, None),
        column("id", true, None),
        column("d", false, Some("RTRIM")),
    ];
    assert_eq!(indexes[1].terms, expected);
    assert_eq!((indexes[1].unique, indexes[1].predicate.as_deref()), (false, None));
    let expected = [column("asc", false, None), column("d", true, None), expression("\"no such\"", false, None)];
    assert_eq!(indexes[2].terms, expected);
    assert_eq!(indexes[2].predicate.as_deref(), Some("v > ';'"));
    let expected = [column("v", false, None), expression("(d + 1) collate nocase", false, Some("NOCASE"))];
    assert_eq!(indexes[3].terms, expected);
    assert!(indexes[3].sql.starts_with("CREATE INDEX"), "{}", indexes[3].sql);
}

#[test]
fn the_rowid_has_a_name_while_one_is_free() {
    let rowid = |columns: &str| table(&format!("create table t({columns})")).rowid;
    assert_eq!(rowid("a").as_deref(), Some("rowid"));
    assert_eq!(rowid("RowId text").as_deref(), Some("_rowid_"));
    assert_eq!(rowid("rowid, _ROWID_").as_deref(), Some("oid"));
    assert_eq!(rowid("rowid, _rowid_, OID"), None);
    assert_eq!(rowid("rowid, _rowid_, oid, id integer primary key").as_deref(), Some("id"));
}

#[test]
fn autoincrement_and_its_sequence() {
    let schema = schema(
        "create table a(id integer primary key autoincrement); create table b(id integer, v, primary key(id autoincrement)); \
         create table c(\"autoincrement\" integer primary key); create table d(id integer primary key autoincrement); \
         insert into a values (100); delete from a; insert into b(v) values (1), (2); \
         insert into sqlite_sequence values ('d', '17'), ('d', 99), ('gone', 3), (null, 4);",
    );
    let found: Vec<_> = schema.tables.iter().map(|table| (table.autoincrement, table.sequence)).collect();
    assert_eq!(found, [(true, Some(100)), (true, Some(2)), (false, None), (true, Some(17))]);
}

/// What the statements tell of terms, the pragma tells too.
#[test]
fn terms_are_those_of_the_pragma() {
    let db = super::database(
        "CREATE TABLE t(a TEXT, b TEXT, \"null\" INT, d INT);
         CREATE TABLE n(a TEXT COLLATE NOCASE, b TEXT, d INT);
         CREATE INDEX t1 ON t(a, lower(b)); CREATE INDEX t2 ON t(lower(a) COLLATE NOCASE, b COLLATE rtrim);
         CREATE INDEX t3 ON t(lower(a COLLATE NOCASE)); CREATE INDEX t4 ON t(cast(a AS INT) ASC, likely(b));
         CREATE INDEX t5 ON t(upper(a) DESC, (b), +b, d + abs(d)); CREATE INDEX t6 ON t(\"null\", [a], `b`);
         CREATE INDEX t7 ON t(max(a, 'collate')); CREATE INDEX t8 ON t(abs(d) + d, not (a), (lower(b)));
         CREATE INDEX n1 ON n(lower(a), b); CREATE INDEX n2 ON n(max(b, a)); CREATE INDEX n3 ON n(max(a, b) ASC, d);",
    );
    let schema = db.schema().expect("reads");
    let mut compared = 0;
    for index in schema.tables.iter().flat_map(|table| &table.indexes) {
        let told = super::super::catalog::terms(&db, &index.name).expect("reads");
        assert_eq!(index.terms.len(), told.len(), "{}", index.name);
        for (term, told) in index.terms.iter().zip(told) {
            let column = match &term.what {
                Indexed::Column(name) => Some(name.clone()),
                Indexed::Expression(_) => None,
            };
            let told = (told.column, told.descending, told.collation);
            assert_eq!((column, term.descending, term.collation.clone()), told, "{}", index.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 23);
}
