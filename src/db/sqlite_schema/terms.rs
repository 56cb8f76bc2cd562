//! The key columns of a table's indexes: from the statement where that leaves nothing open, else from the pragma.
//!
//! SQLite finds an index by its name in a table of a few dozen buckets (`rehash` in hash.c holds it to 1,024 bytes), so that
//! asking for each of many thousand by `PRAGMA index_xinfo` takes longer than all the rest.

use std::collections::HashMap;

use super::catalog::{self, Origin, RawIndex, RawTerm};
use super::declaration::{self, IndexDeclaration};
use crate::db::{SqlError, SqliteDb};
use crate::schema::Table;

/// Gives `indexes` of `table` their terms and what their statements say.
pub(super) fn fill(
    db: &SqliteDb,
    table: &Table,
    indexes: &mut [RawIndex],
    texts: &HashMap<&str, &str>,
) -> Result<(), SqlError> {
    for index in indexes {
        if index.origin == Origin::Created {
            index.declared = texts.get(index.name.as_str()).and_then(|sql| declaration::index(sql));
        }
        let plain = index.declared.as_ref().and_then(|declared| plain(table, declared));
        index.terms = match plain {
            Some(terms) => terms,
            None => catalog::terms(db, &index.name)?,
        };
    }
    Ok(())
}

/// The terms, where each is a column of the table.
fn plain(table: &Table, declared: &IndexDeclaration) -> Option<Vec<RawTerm>> {
    let term = |(name, written): &(String, Option<String>)| {
        let column = table.column(name)?;
        let collation = written.as_ref().or(column.collation.as_ref()).map_or("BINARY", String::as_str);
        Some(RawTerm { column: Some(column.name.clone()), descending: false, collation: collation.to_owned() })
    };
    declared.plain.as_ref()?.iter().map(term).collect()
}
