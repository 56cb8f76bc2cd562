//! Trees that applications wrote: what is drafted for them finds every file, its tables can be created, and records put
//! back into their documents are the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use liftlock::Dialect;
use liftlock::import::infer::{Inferred, infer};
use liftlock::import::mapping::{Format, Mapping, OnBad};
use liftlock::import::read::{self, SourceFile};
use serde_json::{Value, json};

use crate::support::{Kind, each_database};

/// A folder of real trees, where `LIFTLOCK_SHARED` names the folder that has them.
fn real(name: &str) -> Option<PathBuf> {
    let below = Path::new("real/json").join(name);
    let folder = std::env::var_os("LIFTLOCK_SHARED").map(|shared| PathBuf::from(shared).join(&below));
    if folder.as_ref().is_none_or(|folder| !folder.is_dir()) {
        println!("skipped: LIFTLOCK_SHARED names no folder that has `{}`", below.display());
        return None;
    }
    folder
}

/// Checks that each file is taken once, that its records are its document, and that the tables can be created; gives the
/// number of records by table.
fn check(dir: &Path) -> (Inferred, BTreeMap<String, u64>) {
    let inferred = infer(dir).unwrap();
    println!("{}\n{}", inferred.yaml, inferred.up(Dialect::Sqlite));
    let mapping = Mapping::parse(Path::new("import.yaml"), &inferred.yaml).unwrap();
    assert_eq!(mapping, inferred.mapping);
    let found = read::find(dir, &mapping).unwrap();
    let told: BTreeSet<&str> = inferred.findings.iter().map(|finding| finding.path.as_str()).collect();
    assert!(found.unmatched.iter().all(|path| told.contains(path.as_str())), "{:?}", found.unmatched);
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    let mut records = BTreeMap::new();
    for (source, files) in mapping.sources.iter().zip(&found.sources) {
        for file in files {
            *times.entry(&file.path).or_default() += 1;
            let mut put = Vec::new();
            let known = read::records(file, source, &mut |record| {
                match record {
                    Ok(record) => put.push(record),
                    Err(bad) => assert!(source.bad == OnBad::Quarantine, "{}: {bad:?}", file.path),
                }
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
            assert_eq!(known.size, file.size);
            *records.entry(source.into.table.clone()).or_default() += put.len() as u64;
            if source.format == Format::Json {
                let mut document = known.envelope;
                put.into_iter().for_each(|record| read::put(&mut document, &record.pointer, record.value).unwrap());
                let whole: Value = serde_json::from_slice(&fs::read(&file.at).unwrap()).unwrap();
                assert_eq!(document, whole, "{}", file.path);
            }
        }
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    each_database(|database| {
        let dialect = if database.kind == Kind::Sqlite { Dialect::Sqlite } else { Dialect::Postgres };
        let before = database.tables();
        database.execute(&inferred.up(dialect));
        assert_eq!(database.tables().len(), before.len() + inferred.tables.len());
        database.execute(&inferred.down(dialect));
        assert_eq!(database.tables(), before);
    });
    (inferred, records)
}

#[test]
fn state_files_of_a_home_are_drafted() {
    let Some(dir) = real("homeassistant-storage") else { return };
    let (inferred, records) = check(&dir);
    assert!(inferred.findings.is_empty(), "{:?}", inferred.findings);
    assert_eq!(inferred.mapping.sources.len(), 9, "{}", inferred.yaml);
    assert_eq!(records["core_config_entries"], 2, "{}", inferred.yaml);
    assert_eq!(records["core_restore_state"], 13);
    let devices = inferred.tables.iter().find(|table| table.name.contains("device"));
    assert_eq!(devices.map(|table| table.records), Some(48), "{}", inferred.yaml);
}

#[test]
fn translations_are_drafted_as_their_entries() {
    let Some(dir) = real("i18n-uptime-kuma") else { return };
    let (inferred, records) = check(&dir);
    assert!(inferred.findings.is_empty(), "{:?}", inferred.findings);
    assert_eq!(inferred.files.iter().sum::<u64>(), 78);
    assert_eq!(inferred.mapping.sources.len(), 2, "{}", inferred.yaml);
    assert!(records.values().any(|count| *count > 50_000), "{records:?}");
}

#[test]
fn a_store_of_runs_is_drafted_with_its_ids_as_captures() {
    let Some(dir) = real("mlflow-filestore") else { return };
    let (inferred, records) = check(&dir);
    assert!(inferred.findings.is_empty(), "{:?}", inferred.findings);
    assert_eq!(inferred.files.iter().sum::<u64>(), 1106);
    assert_eq!(inferred.mapping.sources.len(), 6, "{}", inferred.yaml);
    assert!(inferred.mapping.sources.iter().any(|source| source.files.captures.len() == 2), "{}", inferred.yaml);
    assert_eq!(records.values().sum::<u64>(), 1106, "{records:?}");
}

#[test]
fn a_million_records_of_one_array_are_read_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("big.json");
    let row = json!({"id": 1, "name": "a name", "tags": ["x", "y"], "score": 1.25}).to_string();
    let mut text = String::with_capacity(80_000_000);
    text.push_str("{\"version\": 1, \"rows\": [");
    for number in 0..1_000_000 {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&row);
    }
    text.push_str("], \"end\": true}");
    fs::write(&at, &text).unwrap();
    let mapping = Mapping::parse(
        Path::new("import.yaml"),
        "sources:\n  - files: big.json\n    records: /rows[*]\n    table: rows\n    columns: {all: whole}\n",
    )
    .unwrap();
    let file = SourceFile { path: "big.json".to_owned(), at, ..SourceFile::default() };
    let mut count = 0_u64;
    let known = read::records(&file, &mapping.sources[0], &mut |record| {
        let record = record.unwrap();
        assert_eq!(record.position, count);
        count += 1;
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    assert_eq!((count, known.records, known.size), (1_000_000, 1_000_000, text.len() as u64));
    assert_eq!(known.envelope, json!({"version": 1, "rows": [], "end": true}));
}
