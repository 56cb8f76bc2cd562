//! The way from refinery's 32-bit table to the 64-bit one that is shared: printed, never run.

use std::hash::{Hash as _, Hasher as _};

use siphasher::sip::SipHasher13;

use super::Migration;
use super::history::State;
use super::layout::Folder;
use super::migration::checksum as int8_checksum;
use crate::Dialect;

/// The SQL that makes the versions int8. refinery's checksum covers the version's own bytes, so it changes with the
/// type (refinery-core, `src/runner.rs`): each row whose file is what was applied gets the new one.
pub(super) fn conversion(state: &State, rows: &[(i64, String, String)], folder: Option<&Folder>) -> String {
    let history = &state.tables.history;
    let mut sql = String::from("BEGIN;\n");
    match state.tables.dialect {
        Dialect::Postgres => sql.push_str(&format!("ALTER TABLE {history} ALTER COLUMN version TYPE int8;\n")),
        Dialect::Sqlite => sql.push_str(&format!(
            "ALTER TABLE {history} RENAME TO schema_migrations_int4;\n\
             CREATE TABLE {history} (version int8 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));\n\
             INSERT INTO {history} SELECT version, name, applied_on, checksum FROM schema_migrations_int4;\n\
             DROP TABLE schema_migrations_int4;\n"
        )),
    }
    for (version, name, checksum) in rows {
        let file = folder.and_then(|folder| folder.migrations.iter().find(|migration| migration.version == *version));
        match file {
            Some(file) => match applied_text(file, checksum) {
                Some(text) => sql.push_str(&format!(
                    "UPDATE {history} SET checksum = '{}' WHERE version = {version};\n",
                    int8_checksum(file.version, &file.name, &text)
                )),
                None => sql
                    .push_str(&format!("-- V{version}__{name}: the file is not what was applied; look at it first\n")),
            },
            None => sql.push_str(&format!("-- V{version}__{name}: no file, so no new checksum\n")),
        }
    }
    sql.push_str("COMMIT;");
    sql
}

/// The text that has this checksum: the file's, or the file's with other line ends. refinery compares to the letter,
/// so the new checksum is that of the very text it applied.
fn applied_text(migration: &Migration, stored: &str) -> Option<String> {
    let version = i32::try_from(migration.version).ok()?;
    migration.texts().into_iter().find(|text| {
        let mut hasher = SipHasher13::new();
        migration.name.hash(&mut hasher);
        version.hash(&mut hasher);
        text.hash(&mut hasher);
        hasher.finish().to_string() == stored
    })
}
