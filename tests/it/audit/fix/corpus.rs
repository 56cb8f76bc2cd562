//! The cases that are known by heart: each is mended, and taken back.

use std::path::PathBuf;

use serde_json::Value;

use super::{How, IN_A_TRANSACTION, USUAL, round_trip};
use crate::support::{Kind, TestDatabase};

fn cases(kind: &str) -> Option<(PathBuf, Value)> {
    let shared = std::env::var_os("LIFTLOCK_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let folder = shared.join("audit-corpus").join(kind);
    let Ok(expected) = std::fs::read_to_string(folder.join("expected.json")) else {
        println!("skipped: `{}` is not there (LIFTLOCK_SHARED names the folder above it)", folder.display());
        return None;
    };
    Some((folder, serde_json::from_str(&expected).unwrap()))
}

/// What is mended is what is to be mended: the foreign keys that are not covered and whose types let an index serve.
fn every_case(kind: Kind, folder: &str, how: How) {
    let Some((folder, expected)) = cases(folder) else { return };
    let mut mended = 0;
    for (file, case) in expected.as_object().unwrap() {
        println!("{file}");
        let database = TestDatabase::new(kind);
        database.execute(&std::fs::read_to_string(folder.join(file)).unwrap());
        let missing = case["fks"].as_array().unwrap().iter().filter(|foreign_key| foreign_key["covered"] == false);
        let by_type = |foreign_key: &&Value| match foreign_key["fix"].as_str() {
            Some(fix) => fix.starts_with("rebuild") || fix.starts_with("ALTER TABLE"),
            None => foreign_key["type_mismatch"] == true,
        };
        let missing: Vec<&Value> = missing.filter(|foreign_key| !by_type(foreign_key)).collect();
        let needed = missing.iter().filter_map(|foreign_key| foreign_key["indexes_needed"].as_u64()).max();
        round_trip(&database, how, |written| {
            assert_eq!(written.planned.is_empty(), missing.is_empty(), "{file}: {:?}", written.planned);
            assert!(written.planned.len() <= missing.len(), "{file}: {:?}", written.planned);
            if let Some(needed) = needed {
                assert_eq!(written.planned.len() as u64, needed, "{file}");
            }
        });
        mended += missing.len();
    }
    println!("{mended} foreign keys are mended");
    assert!(mended > 20);
}

#[test]
fn every_case_of_sqlite_is_mended_and_taken_back() {
    every_case(Kind::Sqlite, "sqlite", USUAL);
}

#[test]
fn every_case_of_postgres_is_mended_and_taken_back() {
    every_case(Kind::Postgres, "postgres", USUAL);
}

#[test]
fn every_case_of_postgres_is_mended_in_one_transaction_too() {
    every_case(Kind::Postgres, "postgres", IN_A_TRANSACTION);
}
