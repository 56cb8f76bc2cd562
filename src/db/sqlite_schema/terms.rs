//! The key columns of a table's indexes: from the statement where that leaves nothing open, else from the pragma.
//!
//! SQLite finds an index by its name in a table of a few dozen buckets (`rehash` in hash.c holds it to 1,024 bytes), so that
//! asking for each of many thousand by `PRAGMA index_xinfo` takes longer than all the rest.

use super::asked::AskedTable;
use super::catalog::{self, RawIndex, RawTerm};
use super::declaration::DeclaredColumn;
use super::text;
use super::written::Plain;
use crate::db::{SqlError, SqliteDb};

/// Asks for the terms of indexes that statements leave open.
pub(super) fn ask(db: &SqliteDb, tables: &mut [AskedTable]) -> Result<(), SqlError> {
    for AskedTable { declared, raw, .. } in tables {
        let columns = declared.as_ref().ok().map(|declared| declared.columns.as_slice());
        for index in &mut raw.indexes {
            let is_plain = columns
                .zip(plain(index))
                .is_some_and(|(columns, plain)| plain.iter().all(|plain| term(columns, plain).is_some()));
            if !is_plain {
                index.terms = catalog::terms(db, &index.name)?;
            }
        }
    }
    Ok(())
}

/// Gives the indexes of a table with these columns the terms that were not asked for.
pub(super) fn fill(columns: &[DeclaredColumn], indexes: &mut [RawIndex]) {
    for index in indexes.iter_mut().filter(|index| index.terms.is_empty()) {
        let plain = plain(index).unwrap_or_default();
        index.terms = plain.iter().filter_map(|plain| term(columns, plain)).map(Term::owned).collect();
    }
}

/// What the index' statement says of its terms, where it leaves nothing open.
fn plain(index: &RawIndex) -> Option<&[Plain]> {
    index.declared.as_ref()?.plain.as_deref()
}

/// A term in ascending order: its column, and its collation, where that is not `BINARY`.
struct Term<'a>(Option<&'a str>, Option<String>);

impl Term<'_> {
    fn owned(self) -> RawTerm {
        RawTerm { column: self.0.map(str::to_owned), descending: false, collation: self.1 }
    }
}

/// The term, where it is a column of these, or a call of a function that compares like anything without a collation: an
/// expression has one only by a COLLATE in it or by a column in it (`sqlite3ExprCollSeq` in expr.c).
fn term<'a>(columns: &'a [DeclaredColumn], plain: &Plain) -> Option<Term<'a>> {
    match plain {
        Plain::Column(name, written) => {
            let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))?;
            let collation = match written {
                Some(written) => text::collation(written),
                None => column.collation.clone(),
            };
            Some(Term(Some(&column.name), collation))
        }
        Plain::Call => columns.iter().all(|column| column.collation.is_none()).then_some(Term(None, None)),
    }
}
