//! The key columns of a table's indexes: from the statement where that leaves nothing open, else from the pragma.
//!
//! SQLite finds an index by its name in a table of a few dozen buckets (`rehash` in hash.c holds it to 1,024 bytes), so that
//! asking for each of many thousand by `PRAGMA index_xinfo` takes longer than all the rest.

use super::catalog::{self, Origin, RawIndex, RawTerm};
use super::declaration::IndexDeclaration;
use super::written::Plain;
use super::{Created, text};
use crate::db::{SqlError, SqliteDb};
use crate::schema::Table;

/// Gives `indexes` of `table` their terms and what their statements say.
pub(super) fn fill(
    db: &SqliteDb,
    table: &Table,
    indexes: &mut [RawIndex],
    created: &mut Created,
) -> Result<(), SqlError> {
    for index in indexes {
        if index.origin == Origin::Created
            && let Some((sql, declared)) = created.remove(&index.name)
        {
            (index.sql, index.declared) = (sql, declared);
        }
        let plain = index.declared.as_ref().and_then(|declared| plain(table, declared));
        index.terms = match plain {
            Some(terms) => terms,
            None => catalog::terms(db, &index.name)?,
        };
    }
    Ok(())
}

/// The terms, where each is a column of the table, or a call of a function that compares like anything without a collation:
/// an expression has one only by a COLLATE in it or by a column in it (`sqlite3ExprCollSeq` in expr.c).
fn plain(table: &Table, declared: &IndexDeclaration) -> Option<Vec<RawTerm>> {
    let term = |plain: &Plain| match plain {
        Plain::Column(name, written) => {
            let column = table.column(name)?;
            let collation = match written {
                Some(written) => text::collation(written),
                None => column.collation.clone(),
            };
            Some(RawTerm { column: Some(column.name.clone()), descending: false, collation })
        }
        Plain::Call => {
            let binary = table.columns.iter().all(|column| column.collation.is_none());
            binary.then_some(RawTerm { column: None, descending: false, collation: None })
        }
    };
    declared.plain.as_ref()?.iter().map(term).collect()
}
