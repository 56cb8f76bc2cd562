//! What is counted of rows and indexes: most of it in the catalogs, the numbers of sequences and keys beside them.

use std::collections::HashSet;

use super::Server;
use super::assemble::{INT2, INT4};
use super::catalog::Catalog;
use super::cells::ask;
use super::lookups::Lookups;
use crate::Dialect;
use crate::audit::AuditError;
use crate::audit::Statistics;
use crate::audit::read::Wanted;
use crate::audit::statistics::{IndexStatistics, Name, Sequence};
use crate::db::PostgresDb;

/// A sequence is locked for as long as the transaction that reads it lasts, and all sessions share the places for locks
/// (`max_locks_per_transaction`): so many are read in one transaction.
const SEQUENCES_AT_ONCE: usize = 256;

/// So many tables, the largest ones, are asked for their largest key.
const KEYS_ASKED: usize = 64;

/// What is not in the catalogs.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// The OIDs of [`Statistics::sequences`], in their order.
    sequences: Vec<u32>,
    /// Tables whose one key column takes numbers from nowhere that is known: OID, name, column.
    keys: Vec<(u32, Name, String)>,
}

/// What the catalogs hold, by name; and what they don't.
pub(super) fn of(catalog: &Catalog, lookups: &Lookups, server: Server, wanted: &Wanted) -> (Statistics, Unread) {
    let mut statistics = Statistics { age: catalog.age, ..Statistics::default() };
    for relation in catalog.relations.values().filter(|relation| relation.audited) {
        if let Some(rows) = relation.rows {
            statistics.rows.insert(relation.full_name(), rows);
        }
    }
    for row in &catalog.indexes {
        let (Some(index), Some(table)) = (catalog.relations.get(&row.oid), catalog.relations.get(&row.table)) else {
            continue;
        };
        // nothing scans a partitioned table's index itself
        if index.kind == 'i' && table.audited {
            let bytes = Some(index.pages * server.block_size).filter(|bytes| *bytes > 0);
            statistics.indexes.insert(index.full_name(), IndexStatistics { scans: row.scans, bytes });
        }
    }
    let keys = catalog.indexes.iter().flat_map(|row| row.columns.iter().map(move |column| (row.table, *column)));
    let keys: HashSet<(u32, i16)> = keys.collect();
    // of columns in no index, nobody asks
    for (table, column, fraction) in
        catalog.null_fractions.iter().filter(|(table, column, _)| keys.contains(&(*table, *column)))
    {
        if let Some(key) = column_name(catalog, *table, *column) {
            statistics.columns.entry(key).or_default().null_fraction = Some(*fraction);
        }
    }
    let mut unread = Unread { sequences: Vec::new(), keys: unnumbered_keys(catalog, lookups) };
    for row in &catalog.sequences {
        let Some(relation) = catalog.relations.get(&row.oid) else { continue };
        if relation.of_extension || !relation.is_in(wanted) {
            continue;
        }
        unread.sequences.push(row.oid);
        statistics.sequences.push(Sequence {
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            column: row.column.and_then(|(table, column)| column_name(catalog, table, column)),
            last: None,
            maximum: row.maximum,
            increment: row.increment,
            cycles: row.cycles,
        });
    }
    (statistics, unread)
}

fn column_name(catalog: &Catalog, table: u32, column: i16) -> Option<(Name, String)> {
    let relation = catalog.relations.get(&table).filter(|relation| relation.audited)?;
    Some((relation.full_name(), catalog.column_of(table, column)?.name.clone()))
}

/// The tables with a key of one small integer column that no sequence fills; the largest ones.
fn unnumbered_keys(catalog: &Catalog, lookups: &Lookups) -> Vec<(u32, Name, String)> {
    let numbered: HashSet<(u32, i16)> = catalog.sequences.iter().filter_map(|sequence| sequence.column).collect();
    let mut keys = Vec::new();
    for row in catalog.constraints.iter().filter(|row| row.kind == 'p') {
        let [at] = row.columns[..] else { continue };
        let Some(table) = catalog.relations.get(&row.table) else { continue };
        let Some(column) = catalog.column_of(row.table, at) else { continue };
        let small = matches!(lookups.base(column.type_oid), INT2 | INT4);
        if small && table.kind == 'r' && table.audited && !numbered.contains(&(row.table, at)) {
            keys.push((std::cmp::Reverse(table.pages), row.table, table.full_name(), column.name.clone()));
        }
    }
    keys.sort();
    keys.truncate(KEYS_ASKED);
    keys.into_iter().map(|(_, oid, name, column)| (oid, name, column)).collect()
}

/// Asks for what is not in the catalogs. What may not be read, or not without waiting, stays unknown.
pub(super) fn read_on(db: &mut PostgresDb, statistics: &mut Statistics, unread: &Unread) {
    if let Err(error) = read_sequences(db, statistics, unread) {
        tracing::debug!(%error, "sequences");
        let _ = db.execute("ROLLBACK");
    }
    if let Err(error) = read_keys(db, statistics, unread) {
        tracing::debug!(%error, "largest keys");
        let _ = db.execute("ROLLBACK");
    }
}

fn read_sequences(db: &mut PostgresDb, statistics: &mut Statistics, unread: &Unread) -> Result<(), AuditError> {
    let mut sql = String::new();
    for (chunk, sequences) in unread.sequences.chunks(SEQUENCES_AT_ONCE).enumerate() {
        let oids: Vec<String> = sequences.iter().map(u32::to_string).collect();
        let from = chunk * SEQUENCES_AT_ONCE;
        // as the view pg_sequences asks, but for what is gone, or not there on a standby
        sql.push_str(&format!(
            "BEGIN READ ONLY;\n\
             SELECT {from} + s.nth - 1, \
                    CASE WHEN pg_catalog.has_sequence_privilege(s.oid, 'SELECT,USAGE') \
                         THEN pg_catalog.pg_sequence_last_value(s.oid) END \
               FROM pg_catalog.unnest('{{{}}}'::pg_catalog.oid[]) WITH ORDINALITY s (oid, nth) \
               JOIN pg_catalog.pg_class c ON c.oid = s.oid \
              WHERE c.relpersistence = 'p' OR NOT pg_catalog.pg_is_in_recovery();\n\
             COMMIT;\n",
            oids.join(",")
        ));
    }
    ask(db, "sequences", &sql, |_, row| {
        if let Some(sequence) = statistics.sequences.get_mut(row.number::<usize>(0)?) {
            sequence.last = row.number_or_null(1)?;
        }
        Ok(())
    })
}

fn read_keys(db: &mut PostgresDb, statistics: &mut Statistics, unread: &Unread) -> Result<(), AuditError> {
    if unread.keys.is_empty() {
        return Ok(());
    }
    let oids: Vec<String> = unread.keys.iter().map(|(oid, ..)| oid.to_string()).collect();
    let allowed = format!(
        "SELECT c.oid FROM pg_catalog.pg_class c \
          WHERE c.oid = ANY ('{{{}}}'::pg_catalog.oid[]) \
            AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND NOT pg_catalog.row_security_active(c.oid)",
        oids.join(",")
    );
    let mut readable = HashSet::new();
    ask(db, "privileges", &allowed, |_, row| {
        readable.insert(row.number::<u32>(0)?);
        Ok(())
    })?;
    let quoted = |name: &str| Dialect::Postgres.quote_identifier(name);
    let asked: Vec<String> = unread
        .keys
        .iter()
        .enumerate()
        .filter(|(_, (oid, ..))| readable.contains(oid))
        .map(|(nth, (_, (schema, table), column))| {
            let (schema, table, column) = (quoted(schema), quoted(table), quoted(column));
            format!("SELECT {nth}, pg_catalog.max({column}) FROM ONLY {schema}.{table}")
        })
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    // whoever changes a table's shape is not to be waited for, and nobody is to wait for this
    let sql = format!(
        "BEGIN READ ONLY; SET LOCAL lock_timeout = '100ms'; SET LOCAL statement_timeout = '2s'; SET LOCAL jit = off;\n\
         {};\nCOMMIT",
        asked.join("\nUNION ALL ")
    );
    ask(db, "largest keys", &sql, |_, row| {
        if let Some((_, table, column)) = unread.keys.get(row.number::<usize>(0)?)
            && let Some(largest) = row.number_or_null(1)?
        {
            let key = (table.clone(), column.clone());
            statistics.columns.entry(key).or_default().largest = Some(largest);
        }
        Ok(())
    })
}
