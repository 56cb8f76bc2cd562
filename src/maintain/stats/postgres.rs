//! The statistics of a PostgreSQL database: sizes, estimates and the server's counters, in one message.

use super::super::MaintainError;
use super::super::ask::{flag, number, option, rows_of_each, text};
use super::{IndexStats, Rows, StatsOptions, StatsReport, TableStats};
use crate::Dialect;
use crate::db::{ErrorClass, PostgresDb, TextRow};

/// To ask for a table's size takes a lock that a rewrite of the table (VACUUM FULL, ALTER TABLE) keeps from others.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; \
                     SET LOCAL lock_timeout = '2s'; SET LOCAL jit = off;";

/// Rows of these many tables are counted by one statement.
const COUNTED_AT_ONCE: usize = 50;

/// A table, and what this role may do with it.
struct Listed {
    table: TableStats,
    readable: bool,
    filtered: bool,
}

pub(super) fn read(db: &mut PostgresDb, options: StatsOptions) -> Result<StatsReport, MaintainError> {
    let read = read_in_transaction(db, options);
    // the error that is told is the first one
    let _ = db.execute("ROLLBACK");
    read
}

fn read_in_transaction(db: &mut PostgresDb, options: StatsOptions) -> Result<StatsReport, MaintainError> {
    let doing = "read the sizes";
    db.execute(BEGIN).map_err(MaintainError::sql(doing))?;
    let head = "SELECT current_setting('server_version'), pg_database_size(current_database()); SAVEPOINT sizes";
    let mut results = rows_of_each(db, doing, head)?;
    let head = results.next().and_then(|rows| rows.into_iter().next()).unwrap_or_default();
    let mut notes = Vec::new();
    let asked = include_str!("postgres.sql")
        .replace(":table_bytes", "pg_table_size(c.oid)")
        .replace(":index_bytes", "pg_indexes_size(c.oid)")
        .replace(":one_index_bytes", "pg_relation_size(i.oid)");
    let mut results = match db.query_each(&asked) {
        Ok(results) => results.into_iter(),
        Err(error) if error.class == ErrorClass::LockTimeout => {
            notes.push(
                "a table is locked against everyone, and was waited for 2 s: sizes are those of the last VACUUM or \
                 ANALYZE, without TOAST"
                    .to_owned(),
            );
            db.execute("ROLLBACK TO sizes").map_err(MaintainError::sql(doing))?;
            rows_of_each(db, doing, &by_pages())?
        }
        Err(error) => return Err(MaintainError::sql(doing)(error)),
    };
    let mut listed: Vec<Listed> = results.next().unwrap_or_default().iter().map(table).collect();
    let indexes: Vec<IndexStats> = results.next().unwrap_or_default().iter().map(index).collect();
    if options.exact {
        count(db, &mut listed)?;
    } else if !listed.is_empty() {
        notes.push("rows are the planner's estimates; `--exact` counts them".to_owned());
    }
    notes.extend(unseen(&listed, options));
    let tables: Vec<TableStats> = listed.into_iter().map(|listed| listed.table).collect();
    Ok(StatsReport {
        dialect: Dialect::Postgres,
        version: text(&head, 0),
        bytes: number(&head, 1).unwrap_or_default(),
        wal_bytes: None,
        free_bytes: None,
        unused_bytes: None,
        dead_rows: Some(tables.iter().filter_map(|table| table.dead_rows).sum()),
        schema: None,
        statistics_age_seconds: None,
        not_analysed: Vec::new(),
        tables,
        indexes,
        notes,
    })
}

/// The question where a table is locked: sizes as the catalog has them.
fn by_pages() -> String {
    let bytes = |relation: &str| format!("greatest({relation}.relpages, 0) * current_setting('block_size')::bigint");
    let of_indexes = format!(
        "(SELECT coalesce(sum({}), 0)::bigint FROM pg_index y JOIN pg_class j ON j.oid = y.indexrelid \
         WHERE y.indrelid = c.oid)",
        bytes("j")
    );
    include_str!("postgres.sql")
        .replace(":table_bytes", &bytes("c"))
        .replace(":index_bytes", &of_indexes)
        .replace(":one_index_bytes", &bytes("i"))
}

fn table(row: &TextRow) -> Listed {
    // -1 where nobody has counted
    let rows: Option<u64> = number(row, 2);
    let age: Option<i64> = number(row, 6);
    let table = TableStats {
        schema: text(row, 0),
        name: text(row, 1),
        rows,
        rows_are: if rows.is_some() { Rows::Estimated } else { Rows::Unknown },
        bytes: number(row, 3).unwrap_or_default(),
        index_bytes: number(row, 4).unwrap_or_default(),
        unused_bytes: None,
        dead_rows: number(row, 5),
        analysed: flag(row, 7),
        statistics_age_seconds: age.map(|age| u64::try_from(age).unwrap_or_default()),
        analysed_rows: None,
        changed_since_analyze: number(row, 8),
    };
    Listed { table, readable: flag(row, 9), filtered: flag(row, 10) }
}

fn index(row: &TextRow) -> IndexStats {
    IndexStats {
        schema: text(row, 0),
        name: text(row, 1),
        table: text(row, 2),
        bytes: option(row, 3).and_then(|bytes| bytes.parse().ok()).unwrap_or_default(),
        valid: flag(row, 4),
        scans: number(row, 5),
    }
}

/// Counts the rows of every table that this role may read.
fn count(db: &mut PostgresDb, listed: &mut [Listed]) -> Result<(), MaintainError> {
    let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
    let mut readable: Vec<&mut Listed> =
        listed.iter_mut().filter(|listed| listed.readable && !listed.filtered).collect();
    for some in readable.chunks_mut(COUNTED_AT_ONCE) {
        let counts: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, Listed { table, .. })| {
                format!("SELECT {at}, count(*) FROM ONLY {}.{}", quote(&table.schema), quote(&table.name))
            })
            .collect();
        let asked = counts.join(" UNION ALL ");
        for row in rows_of_each(db, "count the rows", &asked)?.next().unwrap_or_default() {
            if let Some(listed) = number::<usize>(&row, 0).and_then(|at| some.get_mut(at)) {
                listed.table.rows = number(&row, 1);
                listed.table.rows_are = Rows::Exact;
            }
        }
    }
    Ok(())
}

/// What this role can't count.
fn unseen(listed: &[Listed], options: StatsOptions) -> Vec<String> {
    if !options.exact {
        return Vec::new();
    }
    let names = |which: &dyn Fn(&Listed) -> bool| -> Vec<String> {
        let those = listed.iter().filter(|listed| which(listed));
        those.map(|Listed { table, .. }| format!("{}.{}", table.schema, table.name)).collect()
    };
    let mut notes = Vec::new();
    let denied = names(&|listed| !listed.readable);
    if !denied.is_empty() {
        notes.push(format!("estimated, since this role may not read them: {}", denied.join(", ")));
    }
    let filtered = names(&|listed| listed.readable && listed.filtered);
    if !filtered.is_empty() {
        notes.push(format!(
            "estimated, since row-level security hides rows of them from this role: {}",
            filtered.join(", ")
        ));
    }
    notes
}
