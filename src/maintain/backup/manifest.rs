//! What stands beside a backup: what it is of, the sum of its bytes, and of every table how many rows and their sum.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::crypt::Key;
use crate::maintain::MaintainError;
use crate::words::{counted, hex, thousands};

/// The form of this file.
const FORMAT: u32 = 1;

/// What stands beside a backup (docs/operations.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file.
    pub format: u32,
    /// The program that made it.
    pub made_by: String,
    /// When, in UTC.
    pub made_on: String,
    /// The database, as people name it.
    pub database: String,
    /// `sqlite` or `postgres`.
    pub dialect: String,
    /// The version of SQLite, or of the server.
    pub database_version: String,
    /// The program that wrote the file, where it was another one (`pg_dump`).
    pub program: Option<String>,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The SHA-256 of the file as it lies there.
    pub sha256: String,
    /// Whether the file is encrypted.
    pub encrypted: bool,
    /// What is in it, of a backup that is not encrypted.
    pub contents: Option<Contents>,
    /// What is in it, of an encrypted one: JSON, encrypted with the same key.
    pub sealed: Option<String>,
    /// The SHA-256 of all the rest of this file, as compact JSON in this order.
    pub check: String,
}

/// What is in a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The highest version in `schema_migrations`.
    pub schema_version: Option<String>,
    /// SQLite: the journal mode of the database.
    pub journal_mode: Option<String>,
    /// Foreign keys that did not hold when it was made (SQLite).
    pub broken_foreign_keys: u64,
    /// PostgreSQL: what a database has to be made with.
    pub made_with: Option<MadeWith>,
    /// The tables, by name.
    pub tables: Vec<TableSum>,
}

/// What a database of PostgreSQL is made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeWith {
    /// Its encoding.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// The locale of ICU, where that is its provider.
    pub icu_locale: Option<String>,
}

/// How many rows a table has, and the sum of their hashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableSum {
    /// Its name; in PostgreSQL with its schema.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// The sum of their hashes, whatever their order; `None` where the database could not work it out.
    pub checksum: Option<String>,
}

impl Manifest {
    /// The file of the manifest of `backup`.
    #[must_use]
    pub fn path_of(backup: &Path) -> PathBuf {
        let mut name = backup.as_os_str().to_owned();
        name.push(".manifest.json");
        PathBuf::from(name)
    }

    /// With the contents in it, encrypted where there is a key.
    pub(crate) fn with_contents(mut self, contents: &Contents, key: Option<&Key>) -> Result<Self, MaintainError> {
        (self.contents, self.sealed) = match key {
            None => (Some(contents.clone()), None),
            Some(key) => {
                let json = serde_json::to_vec(contents).expect("plain data");
                (None, Some(key.encrypt_value(&json).map_err(|error| crypt(&error, "the manifest"))?))
            }
        };
        self.format = FORMAT;
        self.check = self.worked_out();
        Ok(self)
    }

    /// What is in the backup.
    pub(crate) fn read_contents(&self, key: Option<&Key>) -> Result<Contents, MaintainError> {
        match (&self.contents, &self.sealed, key) {
            (Some(contents), ..) => Ok(contents.clone()),
            (None, Some(sealed), Some(key)) => {
                let json = key.decrypt_value(sealed).map_err(|error| crypt(&error, "the manifest"))?;
                serde_json::from_slice(&json).map_err(|_| damaged("what its encrypted part says makes no sense"))
            }
            _ => Err(damaged("it does not say what is in the backup")),
        }
    }

    /// The manifest's text.
    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain data");
        text.push('\n');
        text
    }

    /// The manifest of `backup`; `None` where there is none.
    ///
    /// # Errors
    /// [`MaintainError`] where it can't be read, or is not as it was written.
    pub fn read(backup: &Path) -> Result<Option<Self>, MaintainError> {
        let path = Self::path_of(backup);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(MaintainError::File { doing: "read", path, source }),
        };
        let format = serde_json::from_slice(&text).ok().and_then(|json: serde_json::Value| json["format"].as_u64());
        if format.is_some_and(|format| format > u64::from(FORMAT)) {
            return Err(MaintainError::Refused {
                message: format!("`{}` was written by a later release of Liftlock", path.display()),
                hint: "use that release".to_owned(),
            });
        }
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| damaged(&format!("`{}` is no manifest ({error})", path.display())))?;
        if manifest.check != manifest.worked_out() {
            return Err(damaged(&format!("`{}` is damaged, or was changed", path.display())));
        }
        Ok(Some(manifest))
    }

    fn worked_out(&self) -> String {
        let rest = Self { check: String::new(), ..self.clone() };
        hex(digest::digest(&digest::SHA256, &serde_json::to_vec(&rest).expect("plain data")).as_ref())
    }
}

/// A failure of what the key is for.
pub(crate) fn crypt(error: &crate::crypt::CryptError, what: &str) -> MaintainError {
    let message = match error {
        crate::crypt::CryptError::NoKey | crate::crypt::CryptError::BadKey => error.to_string(),
        _ => format!("{what}: {error}"),
    };
    MaintainError::Refused { message, hint: error.hint().unwrap_or_else(|| "nothing was changed".to_owned()) }
}

pub(crate) fn damaged(message: &str) -> MaintainError {
    MaintainError::Refused {
        message: message.to_owned(),
        hint: "restore another backup; nothing was changed".to_owned(),
    }
}

/// The tables that are not alike, a sentence each.
pub(crate) fn differences(said: &Contents, found: &[TableSum]) -> Vec<String> {
    let mut differences = Vec::new();
    for table in &said.tables {
        match found.iter().find(|other| other.name == table.name) {
            None => differences.push(format!("`{}` is missing", table.name)),
            Some(other) if other.rows != table.rows => differences.push(format!(
                "`{}` has {}, and had {} when the backup was made",
                table.name,
                counted(other.rows, "row"),
                thousands(table.rows)
            )),
            Some(other) if table.checksum.is_some() && other.checksum.is_some() && other.checksum != table.checksum => {
                differences.push(format!("`{}` has other values than when the backup was made", table.name));
            }
            Some(_) => {}
        }
    }
    for table in found.iter().filter(|table| !said.tables.iter().any(|said| said.name == table.name)) {
        differences.push(format!("`{}` was not there when the backup was made", table.name));
    }
    differences
}

/// The size of what is read, and its SHA-256.
pub(crate) fn sum_of(mut from: impl Read) -> io::Result<(u64, String)> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok((size, hex(context.finish().as_ref()))),
            read => {
                context.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn manifest() -> Manifest {
        Manifest {
            format: 0,
            made_by: "liftlock".to_owned(),
            made_on: "2026-11-20T10:00:00Z".to_owned(),
            database: "sqlite:app.db".to_owned(),
            dialect: "sqlite".to_owned(),
            database_version: "3".to_owned(),
            program: None,
            bytes: 1,
            sha256: "00".to_owned(),
            encrypted: false,
            contents: None,
            sealed: None,
            check: String::new(),
        }
    }

    fn contents() -> Contents {
        let table = |name: &str, rows| TableSum { name: name.to_owned(), rows, checksum: Some(format!("{rows:x}")) };
        Contents { tables: vec![table("a", 1), table("b", 2)], ..Contents::default() }
    }

    #[test]
    fn a_flipped_bit_is_found_wherever_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let backup = folder.path().join("b.db");
        assert_eq!(Manifest::read(&backup).expect("none"), None);
        let whole = manifest().with_contents(&contents(), None).expect("made");
        fs::write(Manifest::path_of(&backup), whole.text()).expect("written");
        assert_eq!(Manifest::read(&backup).expect("read").as_ref(), Some(&whole));
        for at in 0..whole.text().len() {
            let mut text = whole.text().into_bytes();
            text[at] ^= 1;
            fs::write(Manifest::path_of(&backup), &text).expect("written");
            // a space that became something else that JSON passes over says nothing else
            if let Ok(read) = Manifest::read(&backup) {
                assert_eq!(read.as_ref(), Some(&whole), "byte {at}");
            }
        }
    }

    #[test]
    fn what_is_in_an_encrypted_backup_is_encrypted() {
        let key = |text: &str| {
            let secret = Secret::new(format!("{text}{}=", "A".repeat(42)));
            Key::from_secret(Some(&secret)).expect("a key")
        };
        let sealed = manifest().with_contents(&contents(), Some(&key("A"))).expect("made");
        assert!(!sealed.text().contains("rows"), "{}", sealed.text());
        assert_eq!(sealed.read_contents(Some(&key("A"))).expect("read"), contents());
        assert!(sealed.read_contents(Some(&key("B"))).is_err());
        assert!(sealed.read_contents(None).is_err());
    }

    #[test]
    fn tables_that_are_not_alike_are_named() {
        let said = contents();
        assert!(differences(&said, &said.tables).is_empty());
        let mut found = said.tables.clone();
        found[0].rows = 3;
        found[1].checksum = Some("x".to_owned());
        found.push(TableSum { name: "c".to_owned(), rows: 0, checksum: None });
        let words = differences(&said, &found).join("\n");
        for part in ["`a` has 3 rows, and had 1", "`b` has other values", "`c` was not there"] {
            assert!(words.contains(part), "{words}");
        }
        assert!(differences(&said, &found[1..]).join("\n").contains("`a` is missing"));
    }
}
