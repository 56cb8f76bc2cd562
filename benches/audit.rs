//! An audit of 5,000 tables with 20,000 indexes and 10,000 foreign keys: the rules alone, and reading it from SQLite
//! (criterion).
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use liftlock::Dialect;
use liftlock::audit::schema::{
    Affinity, Column, ForeignKey, ForeignKeyColumn, Index, Key, Keyed, Search, Table, Version,
};
use liftlock::audit::{Options, Schema, Statistics, Wanted, audit, read};
use liftlock::db::Db;

const TABLES: usize = 5_000;

/// `bigint = bigint`, and the operator family `integer_ops` of b-trees, by their OIDs in every PostgreSQL.
const EQUALS: u32 = 410;
const INTEGER_OPS: u32 = 1976;

/// The tables that the two foreign keys of a table refer to.
fn parents(table: usize) -> [usize; 2] {
    [(table * 7 + 1) % TABLES, (table * 13 + 5) % TABLES]
}

fn key(dialect: Dialect, column: &str) -> Key {
    let what = Keyed::Column(column.to_owned());
    match dialect {
        Dialect::Sqlite => Key { what, nulls_first: true, collation: Some("BINARY".to_owned()), ..Key::default() },
        Dialect::Postgres => {
            Key { what, class: Some("pg_catalog.int8_ops".to_owned()), family: Some(INTEGER_OPS), ..Key::default() }
        }
    }
}

fn index(dialect: Dialect, name: String, columns: &[&str]) -> Index {
    Index { name, keys: columns.iter().map(|column| key(dialect, column)).collect(), ..Index::default() }
}

fn column(dialect: Dialect, name: &str) -> Column {
    let sqlite = dialect == Dialect::Sqlite;
    Column {
        name: name.to_owned(),
        declared: if sqlite { "INTEGER" } else { "bigint" }.to_owned(),
        affinity: sqlite.then_some(Affinity::Integer),
        collation: sqlite.then(|| "BINARY".to_owned()),
        maximum: (!sqlite).then_some(i64::MAX),
        ..Column::default()
    }
}

fn schema(dialect: Dialect) -> Schema {
    let namespace = if dialect == Dialect::Sqlite { "main" } else { "public" };
    let foreign_key = |own: &str, to: usize| ForeignKey {
        name: Some(format!("{own}_fk")),
        columns: vec![ForeignKeyColumn {
            column: own.to_owned(),
            parent_column: "id".to_owned(),
            parent_type: "bigint".to_owned(),
            search: Search {
                collation: (dialect == Dialect::Sqlite).then(|| "BINARY".to_owned()),
                operator: (dialect == Dialect::Postgres).then_some(EQUALS),
                ..Search::default()
            },
            ..ForeignKeyColumn::default()
        }],
        parent_schema: namespace.to_owned(),
        parent: format!("t{to}"),
        ..ForeignKey::default()
    };
    let table = |at: usize| {
        let [first, second] = parents(at);
        Table {
            schema: namespace.to_owned(),
            name: format!("t{at}"),
            columns: ["id", "a", "b", "c", "d"].map(|name| column(dialect, name)).into(),
            primary_key: vec!["id".to_owned()],
            indexes: vec![
                Index { unique: true, ..index(dialect, format!("t{at}_pkey"), &["id"]) },
                index(dialect, format!("t{at}_a"), &["a", "c"]),
                index(dialect, format!("t{at}_c"), &["c"]),
                index(dialect, format!("t{at}_d"), &["d", "b"]),
            ],
            foreign_keys: vec![foreign_key("a", first), foreign_key("b", second)],
            ..Table::default()
        }
    };
    let mut tables: Vec<Table> = (0..TABLES).map(table).collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Schema {
        dialect,
        version: if dialect == Dialect::Sqlite { Version(3, 46, 0) } else { Version(15, 0, 0) },
        tables,
        families: BTreeMap::from([(INTEGER_OPS, BTreeSet::from([EQUALS]))]),
        taken: BTreeMap::new(),
    }
}

fn rules(c: &mut Criterion) {
    let (statistics, options) = (Statistics::default(), Options::default());
    for dialect in Dialect::ALL {
        let schema = schema(dialect);
        let served = audit(&schema, &statistics, &options).unwrap().foreign_keys;
        assert_eq!(served.iter().filter(|key| key.coverage.level.covers()).count(), TABLES);
        c.bench_function(&format!("audit of 5,000 tables, {dialect}"), |b| {
            b.iter(|| audit(black_box(&schema), &statistics, &options).unwrap());
        });
    }
}

fn reading(c: &mut Criterion) {
    let mut sql = "BEGIN;".to_owned();
    for at in 0..TABLES {
        let [first, second] = parents(at);
        writeln!(
            sql,
            "CREATE TABLE t{at} (id INTEGER PRIMARY KEY, a INTEGER REFERENCES t{first}, b INTEGER REFERENCES t{second},
             c INTEGER, d TEXT);
             CREATE INDEX t{at}_a ON t{at} (a, c); CREATE INDEX t{at}_c ON t{at} (c);
             CREATE INDEX t{at}_d ON t{at} (d) WHERE d IS NOT NULL; CREATE INDEX t{at}_l ON t{at} (c, lower(d));"
        )
        .unwrap();
    }
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(&format!("{sql} COMMIT;")).unwrap();
    let mut db = Db::from(connection);
    let wanted = Wanted { statistics: true, ..Wanted::default() };
    let mut group = c.benchmark_group("5,000 tables of SQLite");
    group.sample_size(20);
    group.bench_function("read", |b| b.iter(|| read(&mut db, &wanted).unwrap()));
    group.finish();
}

criterion_group!(benches, rules, reading);
criterion_main!(benches);
