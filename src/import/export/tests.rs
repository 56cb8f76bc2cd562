//! What an export holds at a time, over a real database.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::config::{SqliteLocation, SqliteTarget, Target};
use crate::db::Access;
use crate::import::load::{Import, import};

/// More bytes than are read ahead of small files, and more records than a batch of an import.
const RECORDS: usize = 20_000;

fn record(id: usize) -> serde_json::Value {
    json!({"id": id, "text": "lorem ipsum dolor sit amet ".repeat(10)})
}

fn open(folder: &Path) -> Db {
    let location = SqliteLocation::File(folder.join("a.db"));
    let target = Target::Sqlite(SqliteTarget { location, read_only: false, create: true });
    Db::connect(&target, Access::Write).expect("a database")
}

/// Imports a file of `text`, and gives how many records were held while it was written back, and what was written.
fn held(records: &str, text: &str) -> (usize, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&from).expect("a folder");
    std::fs::write(from.join("a.json"), text).expect("a file");
    let mapping = format!(
        "sources:\n  - {{files: a.json, records: \"{records}\", table: t, key: id, columns: {{id: /id, text: /text}}}}\n"
    );
    let mapping = Mapping::parse(Path::new("import.yaml"), &mapping).expect("a mapping");
    let mut db = open(folder.path());
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)").expect("a table");
    let job = Import {
        dir: from,
        mapping: mapping.clone(),
        tree: None,
        base: folder.path().to_owned(),
        mapping_sha256: String::new(),
        dry_run: false,
        check: false,
        skip_existing: false,
        again: false,
        backup: None,
        jobs: 1,
        lock_wait: std::time::Duration::ZERO,
        key: None,
        interrupt: Interrupt::default(),
        observer: &|_| {},
    };
    let finished = import(db, &job).expect("an import");
    assert!(finished.error.is_none(), "{:?}", finished.error);
    let job = Export {
        dry_run: false,
        dir: to.clone(),
        mapping,
        base: folder.path().to_owned(),
        from: None,
        force: false,
        key: None,
        interrupt: Interrupt::default(),
    };
    held::most();
    let exported = export(open(folder.path()), &job, &mut |_| {}).expect("an export");
    assert_eq!((exported.records, exported.lost), (RECORDS as u64, Vec::new()));
    (held::most(), std::fs::read_to_string(to.join("a.json")).expect("a file"))
}

#[test]
fn no_more_records_are_held_than_were_written_down_together() {
    let list = (0..RECORDS).map(record).collect::<Vec<_>>();
    let entries: serde_json::Map<_, _> =
        list.iter().map(|record| (format!("k{}", record["id"]), record.clone())).collect();
    for (path, document) in [
        ("[*]", json!(list)),
        ("/a/rows[*]", json!({"h": 1, "a": {"b": 2, "rows": list, "z": [null]}, "z": {}})),
        ("{*}", json!(entries)),
        ("/a{*}", json!({"h": 1, "a": entries, "z": {}})),
        ("[*][*]", json!([[], list, []])),
        ("[*]/x", list.iter().map(|record| json!({"x": record, "y": 1})).collect()),
    ] {
        let (held, written) = held(path, &document.to_string());
        assert!((1..=8192).contains(&held), "{path}: {held} records at a time");
        assert!(written == format!("{document:#}\n"), "{path}: another text");
    }
}
