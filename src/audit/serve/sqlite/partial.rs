//! Whether a foreign key's search implies an index's WHERE clause (`whereUsablePartialIndex` in where.c,
//! `sqlite3ExprImpliesExpr` in expr.c).

use crate::audit::schema::{ForeignKey, Predicate, Schema, Table, Version};

/// From here on SQLite takes `x IS NOT NULL` of a NOT NULL column for a constant when it reads a schema, so that nothing
/// implies it …
const FOLDED_SINCE: Version = Version(3, 35, 0);
/// … until here, where it leaves it as it is in an index (<https://www.sqlite.org/releaselog/3_46_0.html>).
const FOLDED_UNTIL: Version = Version(3, 46, 0);

/// Whether it does.
pub(super) fn is_implied(schema: &Schema, table: &Table, foreign_key: &ForeignKey, predicate: &Predicate) -> bool {
    implied_for(schema.version, table, foreign_key, predicate)
}

/// Whether it does; if not, why.
pub(super) fn implied(
    schema: &Schema,
    table: &Table,
    foreign_key: &ForeignKey,
    predicate: &Predicate,
) -> Result<(), String> {
    if is_implied(schema, table, foreign_key, predicate) {
        return Ok(());
    }
    if implied_for(FOLDED_UNTIL, table, foreign_key, predicate) {
        return Err(format!(
            "SQLite {} takes IS NOT NULL of a NOT NULL column for a constant there, and so never uses it (3.46 does)",
            schema.version
        ));
    }
    Err("the search for children does not imply that clause".to_owned())
}

/// Whether there are versions of SQLite that do not use the index, though newer ones do.
pub(super) fn depends_on_version(table: &Table, foreign_key: &ForeignKey, predicate: &Predicate) -> bool {
    implied_for(FOLDED_UNTIL, table, foreign_key, predicate)
        && !implied_for(FOLDED_SINCE, table, foreign_key, predicate)
}

/// Every one of the terms that AND joins has to be implied by one of the search's comparisons.
fn implied_for(version: Version, table: &Table, foreign_key: &ForeignKey, predicate: &Predicate) -> bool {
    match predicate {
        Predicate::And(terms) => terms.iter().all(|term| implied_for(version, table, foreign_key, term)),
        term => by_a_column(version, table, foreign_key, term),
    }
}

/// Of an OR one arm is enough; within an arm, AND is not looked into.
fn by_a_column(version: Version, table: &Table, foreign_key: &ForeignKey, predicate: &Predicate) -> bool {
    match predicate {
        Predicate::NotNull(name) => {
            let constant = (FOLDED_SINCE..FOLDED_UNTIL).contains(&version)
                && table.column(name).is_some_and(|column| column.not_null);
            !constant && foreign_key.columns.iter().any(|column| column.column == *name)
        }
        Predicate::Or(arms) => arms.iter().any(|arm| by_a_column(version, table, foreign_key, arm)),
        Predicate::And(_) | Predicate::Other(_) => false,
    }
}
