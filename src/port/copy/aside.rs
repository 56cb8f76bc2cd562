//! The rows of one batch that are put aside, kept until they go to their table: in memory while they are few, in a file
//! without a name when they are many.

use std::io::{self, BufRead as _, BufReader, Seek as _, Write as _};

use tempfile::SpooledTempFile;

use super::reject::{self, Quarantined};
use crate::db::{BulkDb, SqlError, Statements as _};

/// How many bytes of them are held in memory.
const HELD: usize = 1 << 20;

/// How many bytes of them go to the server at once; the last row goes beyond.
const AT_ONCE: usize = 1 << 20;

/// How many of a table are kept to be shown.
pub const SHOWN: usize = 100;

/// Rows put aside.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// The first of them.
    pub shown: Vec<Quarantined>,
    /// How many there are.
    pub rows: u64,
    file: Option<SpooledTempFile>,
}

/// Why they are not in their table.
pub(super) enum NotStored {
    File(io::Error),
    Target(SqlError),
}

impl From<io::Error> for NotStored {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Aside {
    /// Puts one more aside.
    pub fn push(&mut self, row: Quarantined) -> io::Result<()> {
        let file = self.file.get_or_insert_with(|| SpooledTempFile::new(HELD));
        let mut line = serde_json::to_vec(&row)?;
        line.push(b'\n');
        file.write_all(&line)?;
        self.rows += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(row);
        }
        Ok(())
    }

    /// Writes them into their table in `schema`, within the transaction that is open.
    pub fn store(&mut self, bulk: &mut BulkDb, schema: &str) -> Result<(), NotStored> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        file.rewind()?;
        let mut some: Vec<Quarantined> = Vec::new();
        let mut bytes = 0;
        let mut insert = |some: &mut Vec<Quarantined>| {
            let sql = reject::sql(schema, some);
            some.clear();
            bulk.execute(&sql).map_err(NotStored::Target)
        };
        for line in BufReader::new(file).lines() {
            let line = line?;
            bytes += line.len();
            some.push(serde_json::from_str(&line).map_err(io::Error::from)?);
            if bytes >= AT_ONCE {
                bytes = 0;
                insert(&mut some)?;
            }
        }
        insert(&mut some)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_kept_and_some_shown() {
        let mut aside = Aside::default();
        let row = |at: u64| Quarantined {
            table: "t".to_owned(),
            key: format!("rowid {at}"),
            reason: "line\nbreak".to_owned(),
            values: "x".repeat(100),
        };
        let rows = 30_000;
        (0..rows).for_each(|at| aside.push(row(at)).unwrap());
        assert_eq!((aside.rows, aside.shown.len()), (rows, SHOWN));
        let mut file = aside.file.take().unwrap();
        assert!(file.is_rolled(), "they are all in memory");
        file.rewind().unwrap();
        let back =
            BufReader::new(file).lines().map(|line| serde_json::from_str::<Quarantined>(&line.unwrap()).unwrap());
        assert!(back.enumerate().all(|(at, is)| is == row(at as u64)));
    }
}
