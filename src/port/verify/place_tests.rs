//! Batches found by keys on this side are SQLite's own: for keys of all kinds, as SQLite orders them.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::db::{SqlError, SqliteDb};
use crate::port::batch::Key;
use crate::port::plan::{ColumnPlan, TablePlan};
use crate::port::row::Scratch;
use crate::value::{PgType, Reading, SqlValue};

fn column(name: &str, pg_type: PgType) -> ColumnPlan {
    ColumnPlan {
        source: name.to_owned(),
        target: name.to_owned(),
        pg_type,
        reading: Reading::default(),
        not_null: true,
        default: None,
        identity: None,
        generated: None,
        collation: None,
    }
}

/// The rows of `t`, each as its key and its fields, in SQLite's order, and their codec.
fn rows(db: rusqlite::Connection, types: &[(&str, PgType)]) -> (RowCodec, Vec<(Key, Vec<u8>)>) {
    let db = SqliteDb::from(db);
    let schema = db.schema().unwrap();
    let columns = types.iter().map(|(name, of)| column(name, of.clone())).collect();
    let plan = TablePlan { source: "t".to_owned(), target: "t".to_owned(), columns, ..TablePlan::default() };
    let codec = RowCodec::new(&plan, &schema.tables[0], "public");
    let mut rows = Vec::new();
    let mut scratch = Scratch::default();
    let (whole, each) = (Batch::default(), &mut rows);
    let (sql, values) = codec.select_in_order(&whole);
    db.each_row::<SqlError>(&sql, &values, |row| {
        let (_, fields) = codec.as_sent(row, &mut scratch).unwrap();
        each.push((codec.key_of(row), fields.to_vec()));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    (codec, rows)
}

/// Whether the rows rise; where they do, each has to be found in the batch in which it is, cut after every `size`.
fn rise_and_are_found(codec: &RowCodec, rows: &[(Key, Vec<u8>)], size: usize) -> bool {
    let mut rising = Rising::default();
    rows.iter().for_each(|(_, fields)| rising.see(codec, fields));
    let ends: Vec<Key> = rows.chunks(size).map(|rows| rows.last().unwrap().0.clone()).collect();
    let batches: Vec<Batch> =
        (0..ends.len()).map(|at| Batch { upto: ends.get(at).cloned(), ..Batch::default() }).collect();
    let bounds = Bounds::of(codec, &batches);
    let found = match &bounds {
        None => false,
        Some(bounds) => {
            let mut places = Places::new(codec, bounds);
            let found = rows.iter().enumerate().all(|(at, (_, fields))| {
                let mut in_place = InPlace::new(codec, Some(bounds), at / size);
                in_place.see(fields, Fields::Sent);
                let same = places.of(fields, Fields::All) == Ok(at / size);
                assert_eq!(in_place.so_far, same);
                same
            });
            // and from whatever was looked at before
            let backwards = rows.iter().enumerate().rev();
            let again = backwards.clone().all(|(at, (_, fields))| places.of(fields, Fields::All) == Ok(at / size));
            assert_eq!(found, again);
            found
        }
    };
    if rising.so_far() && batches.len() > 1 {
        assert!(found, "they rise, and are not found");
    }
    rising.so_far()
}

fn texts() -> impl Strategy<Value = String> {
    let odd = ["", "\0", "a", "a\0", "a\0b", "aa", "\u{ffff}", "\u{fffd}", "\u{10000}", "\u{1f600}", "é", "Z", "z"];
    prop_oneof![prop::sample::select(odd.to_vec()).prop_map(str::to_owned), "[a-b\u{0}\u{20ac}\u{10348}]{0,3}"]
}

fn blobs() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(prop::sample::select(vec![0, 1, 0x7f, 0x80, 0xff]), 0..4),
        texts().prop_map(String::into_bytes)
    ]
}

fn integers() -> impl Strategy<Value = i64> {
    prop_oneof![-3i64..3, Just(i64::MIN), Just(i64::MAX), any::<i64>()]
}

fn reals() -> impl Strategy<Value = f64> {
    let odd = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5e-324, -5e-324, 1e300];
    prop_oneof![prop::sample::select(odd.to_vec()), -10.0..10.0]
}

fn table(declaration: &str) -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(&format!("CREATE TABLE t ({declaration}) WITHOUT ROWID")).unwrap();
    db
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn keys_of_several_columns_are_found(
        keys in prop::collection::vec((integers(), texts(), blobs(), reals()), 1..60),
        size in 1usize..20,
        order in prop::sample::select(vec!["a, b, c, d", "d, c, b, a", "b, a, d, c", "c DESC, b, d DESC, a"]),
        v in any::<i16>(),
    ) {
        let nul = keys.iter().any(|(_, text, ..)| text.contains('\0'));
        let db = table(&format!("v, a INTEGER, b TEXT, c BLOB, d REAL, PRIMARY KEY ({order})"));
        for (a, b, c, d) in &keys {
            db.execute("INSERT OR IGNORE INTO t VALUES (?, ?, ?, ?, ?)", rusqlite::params![v, a, b, c, d]).unwrap();
        }
        let text = if nul { PgType::Bytea } else { PgType::Text };
        let types = [
            ("v", PgType::Int2), ("a", PgType::Int8), ("b", text), ("c", PgType::Bytea), ("d", PgType::Float8),
        ];
        let (codec, rows) = rows(db, &types);
        prop_assert!(rise_and_are_found(&codec, &rows, size));
    }

    /// Where storage classes are mixed, SQLite's order may be another: that is seen.
    #[test]
    fn another_order_is_seen(
        keys in prop::collection::vec(prop_oneof![
            texts().prop_map(rusqlite::types::Value::Text),
            blobs().prop_map(rusqlite::types::Value::Blob),
            integers().prop_map(rusqlite::types::Value::Integer),
            reals().prop_map(rusqlite::types::Value::Real),
        ], 1..20),
        size in 1usize..6,
    ) {
        let db = table("k PRIMARY KEY");
        for key in &keys {
            db.execute("INSERT OR IGNORE INTO t VALUES (?)", [key]).unwrap();
        }
        let (codec, rows) = rows(db, &[("k", PgType::Bytea)]);
        let fields: Vec<&Vec<u8>> = rows.iter().map(|(_, fields)| fields).collect();
        // one field of bytes: its order is that of what follows its length
        let rises = fields.windows(2).all(|pair| pair[0][4..] < pair[1][4..]);
        prop_assert_eq!(rise_and_are_found(&codec, &rows, size), rises);
    }
}

#[test]
fn a_collation_that_is_not_by_bytes_is_seen() {
    let db = table("k TEXT COLLATE NOCASE PRIMARY KEY");
    db.execute_batch("INSERT INTO t VALUES ('a'), ('B'), ('c')").unwrap();
    let (codec, keys) = rows(db, &[("k", PgType::Text)]);
    assert!(!rise_and_are_found(&codec, &keys, 1));
}

#[test]
fn a_rowid_that_is_no_column_is_no_key() {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES ('a'), ('b')").unwrap();
    let (codec, keys) = rows(db, &[("k", PgType::Text)]);
    assert!(!codec.has_ordered_key() && !codec.has_batch_key());
    assert_eq!(keys.len(), 2);
    assert_eq!(Bounds::of(&codec, &[Batch::default(), Batch::default()]), None);
    assert_eq!(KeyValue::new(SqlValue::Integer(2)).map(|second| vec![second]), Some(keys[1].0.clone()));
}
