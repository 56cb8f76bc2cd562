//! PostgreSQL: the rows of many keys by one query.

use super::postgres::literal;
use super::{all, names, quoted};
use crate::db::{BulkDb, SqlError, Statements as _};
use crate::dialect::Dialect;
use crate::import::bind::{BoundTable, Cell};

/// How many keys are asked for at once: beyond that a key takes no less time, and a query more room.
pub(super) const TOGETHER: usize = 2000;

/// The types of the columns of a table's key, as they are written in SQL. Of a domain what it is over: a column is
/// compared as that, and its checks are not asked again.
pub(super) fn types(db: &mut BulkDb, table: &BoundTable) -> Result<Vec<String>, SqlError> {
    let mut types = Vec::new();
    for at in &table.key {
        // without a length: a value that is too long for it is none of the column's, and must not be cut
        let rows = db.query(&format!(
            "WITH RECURSIVE type AS (SELECT atttypid AS id FROM pg_catalog.pg_attribute WHERE attrelid = {}::regclass \
             AND attname = {} UNION ALL SELECT t.typbasetype FROM type JOIN pg_catalog.pg_type t ON t.oid = id \
             AND t.typtype = 'd') SELECT pg_catalog.format_type(id, -1) FROM type JOIN pg_catalog.pg_type t ON t.oid = id \
             AND t.typtype <> 'd'",
            Dialect::Postgres.literal(&quoted(&table.name)),
            Dialect::Postgres.literal(&table.columns[*at].name)
        ))?;
        let none = || SqlError::other(format!("`{}` has lost a column of its key", table.name));
        types.push(rows.into_iter().flatten().flatten().next().ok_or_else(none)?);
    }
    Ok(types)
}

/// The query: each row after the number of its key among `keys`, from 1. A key with a NULL in it finds nothing.
pub(super) fn select(table: &BoundTable, types: &[String], keys: &[Vec<Cell>]) -> String {
    let (mut arrays, mut aliases, mut agree) = (Vec::new(), Vec::new(), Vec::new());
    let own = names(table, &table.key, "t.");
    for (nth, ((at, of), own)) in table.key.iter().zip(types).zip(own).enumerate() {
        let column = &table.columns[*at];
        let values: Vec<String> =
            keys.iter().map(|key| literal(column, &key[nth]).unwrap_or_else(|| "NULL".to_owned())).collect();
        arrays.push(format!("ARRAY[{}]::{of}[]", values.join(",")));
        aliases.push(format!("k{nth}"));
        agree.push(format!("{own} = k.k{nth}"));
    }
    format!(
        "SELECT k.number, {} FROM unnest({}) WITH ORDINALITY AS k ({}, number) JOIN {} t ON {}",
        all(table, "t."),
        arrays.join(", "),
        aliases.join(", "),
        quoted(&table.name),
        agree.join(" AND ")
    )
}
