//! Rows into a table that holds others which stay: through a table beside it, so that every row whose key is there
//! already is known before anything is stored.

use super::load::{Failure, Loaded, send};
use super::{Beside, CopySettings, TableJob, Worker};
use crate::Dialect;
use crate::db::{SqlError, Statements as _};
use crate::port::checkpoint::BesideRows;
use crate::port::error::PortError;
use crate::port::options::OnConflict;
use crate::port::row::Scratch;
use crate::port::verify::Sums;
use crate::value::Checksum;

/// The temporary table that takes the rows first.
const STAGE: &str = "pg_temp.liftlock_stage";

/// How many keys of rows that are not in are named.
const NAMED: usize = 20;

struct Failed(Failure);

impl From<SqlError> for Failed {
    fn from(error: SqlError) -> Self {
        Self(Failure::Target(error))
    }
}

/// Loads all of the table's rows, in the transaction that is open. The sums are those of everything the table then has
/// to hold: what was there, and what came.
pub(super) fn rows(
    job: &TableJob,
    beside: &Beside,
    number: usize,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<Loaded, Failure> {
    let target = job.codec.target();
    // what is there must not change between being counted and being added to
    let lock = format!("LOCK TABLE {target} IN SHARE ROW EXCLUSIVE MODE");
    worker.bulk.execute(&lock).map_err(Failure::Target)?;
    let mut before = Sums::new(job.hash_ranges);
    let mut scratch = Scratch::default();
    let all = worker.bulk.copy_out::<Failed>(&job.codec.copy_out(None), |fields| {
        before.add(job.codec.hash_sent(fields, &mut scratch).map_err(|_| malformed(job))?);
        Ok(())
    });
    all.map_err(|Failed(failure)| failure)?;
    let mut loaded = if beside.how == OnConflict::Error {
        let mut loaded = send(job, number, &job.codec.copy_in(""), worker, settings)?;
        loaded.beside = Some(BesideRows { kept: before.all.rows, ..sent(&loaded) });
        loaded.sums += &before;
        loaded
    } else {
        through_stage(job, beside, number, &before, worker, settings)?
    };
    if let Some(became) = &mut loaded.beside {
        became.ranges = loaded.sums.ranges().iter().map(|range| (range.rows, range.to_string())).collect();
    }
    Ok(loaded)
}

/// How many rows of the source would not go in, since the target holds their keys with other values, and the first of
/// them. Nothing stays in the target.
pub(in crate::port) fn skipped(
    job: &TableJob,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<(u64, Vec<String>), PortError> {
    let key = job.beside.as_ref().map(|beside| beside.key.as_slice()).unwrap_or_default();
    let quoted: Vec<String> = key.iter().map(|column| Dialect::Postgres.quote_identifier(column)).collect();
    let target = |error| Failure::Target(error).into_error(job);
    worker.bulk.execute("BEGIN").map_err(target)?;
    let mut found = Ok((0, Vec::new()));
    for number in 0..job.batches.len() {
        let conflicts = stage(job, number, worker, settings).and_then(|_| conflicts(job, &quoted, worker));
        found = conflicts.map(|found| (found.skipped, found.skipped_keys)).map_err(|failure| failure.into_error(job));
    }
    worker.bulk.execute("ROLLBACK").map_err(target)?;
    found
}

/// Sends a batch's rows to the table beside the target's own.
fn stage(
    job: &TableJob,
    number: usize,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<Loaded, Failure> {
    let target = job.codec.target();
    let make = format!(
        "CREATE TEMPORARY TABLE liftlock_stage (LIKE {target} INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED) ON COMMIT DROP"
    );
    worker.bulk.execute(&make).map_err(Failure::Target)?;
    send(job, number, &job.codec.copy_into(STAGE, ""), worker, settings)
}

fn through_stage(
    job: &TableJob,
    beside: &Beside,
    number: usize,
    before: &Sums,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<Loaded, Failure> {
    let target = job.codec.target();
    let mut loaded = stage(job, number, worker, settings)?;
    let quoted: Vec<String> = beside.key.iter().map(|column| Dialect::Postgres.quote_identifier(column)).collect();
    let Conflicts { theirs, ours, skipped, skipped_keys } = conflicts(job, &quoted, worker)?;
    let mut became = BesideRows { kept: before.all.rows, ..sent(&loaded) };
    loaded.sums += before;
    let columns = job.codec.sent_columns();
    let then = match beside.how {
        OnConflict::Skip => {
            loaded.sums -= &ours;
            (became.skipped, became.skipped_keys) = (skipped, skipped_keys);
            "NOTHING".to_owned()
        }
        OnConflict::Replace | OnConflict::Error => {
            loaded.sums -= &theirs;
            became.kept -= theirs.all.rows;
            // the key is what it was; an identity would not let itself be set
            let others = job.codec.sent_column_list().filter(|column| !quoted.iter().any(|key| key == column));
            let set: Vec<String> = others.map(|column| format!("{column} = EXCLUDED.{column}")).collect();
            if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) }
        }
    };
    let insert = format!(
        "INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {STAGE} \
         ON CONFLICT ({}) DO {then}; DROP TABLE {STAGE}",
        quoted.join(", ")
    );
    worker.bulk.execute(&insert).map_err(Failure::Target)?;
    loaded.beside = Some(became);
    Ok(loaded)
}

/// The rows on both sides that have a key in common.
struct Conflicts {
    /// Those that stand in the target.
    theirs: Sums,
    /// Those that came.
    ours: Sums,
    /// How many came with other values.
    skipped: u64,
    /// The keys of the first of these.
    skipped_keys: Vec<String>,
}

/// Reads the rows on both sides of each conflict, in one statement in the order of their keys: the one that stands in
/// the target, then those that came. So each is compared with the one before it, and none has to be kept.
fn conflicts(job: &TableJob, key: &[String], worker: &mut Worker<'_>) -> Result<Conflicts, Failure> {
    let target = job.codec.target();
    let same: Vec<String> = key.iter().map(|column| format!("t.{column} = s.{column}")).collect();
    let same = same.join(" AND ");
    // the key's columns besides: the source need not have them all
    let side = |number: u8, alias: &str, from: &str, other: &str| {
        let columns = job.codec.column_list().enumerate().map(|(at, column)| format!("{alias}.{column} AS c{at}"));
        let keys = key.iter().enumerate().map(|(at, column)| format!("{alias}.{column} AS k{at}"));
        let columns: Vec<String> = columns.chain(keys).collect();
        let columns = columns.join(", ");
        format!("SELECT {number} AS side, {columns} FROM {from} WHERE EXISTS (SELECT FROM {other} WHERE {same})")
    };
    let (theirs, ours) = (format!("{target} t"), format!("{STAGE} s"));
    let columns: Vec<String> = (0..job.codec.column_list().count()).map(|at| format!(", c{at}")).collect();
    let order: Vec<String> = (0..key.len()).map(|at| format!("k{at}, ")).collect();
    let statement = format!(
        "COPY (SELECT side{} FROM ({} UNION ALL {}) both_sides ORDER BY {}side) TO STDOUT (FORMAT binary)",
        columns.concat(),
        side(0, "t", &theirs, &ours),
        side(1, "s", &ours, &theirs),
        order.concat()
    );
    let empty = Sums::new(job.hash_ranges);
    let mut found = Conflicts { theirs: empty.clone(), ours: empty, skipped: 0, skipped_keys: Vec::new() };
    let mut scratch = Scratch::default();
    let mut there = None;
    let read = worker.bulk.copy_out::<Failed>(&statement, |fields| {
        let (number, fields) = first_field(fields).ok_or_else(|| malformed(job))?;
        let hash = job.codec.hash_sent(fields, &mut scratch).map_err(|_| malformed(job))?;
        if number.last() == Some(&0) {
            found.theirs.add(hash);
            there = Some(hash);
            return Ok(());
        }
        found.ours.add(hash);
        if there != Some(hash) {
            found.skipped += 1;
            if found.skipped_keys.len() < NAMED {
                found.skipped_keys.push(name(job, fields));
            }
        }
        Ok(())
    });
    read.map_err(|Failed(failure)| failure)?;
    Ok(found)
}

/// A row's first field, which is no NULL, and the others.
fn first_field(fields: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = fields.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(i32::from_be_bytes(*length)).ok()?)
}

/// What was sent, before anything else is counted with it.
fn sent(loaded: &Loaded) -> BesideRows {
    let Checksum { rows, .. } = loaded.sums.all;
    BesideRows { source_rows: rows, source_sum: loaded.sums.all.to_string(), ..BesideRows::default() }
}

fn malformed(job: &TableJob) -> Failed {
    Failed(Failure::Other(PortError::Malformed { table: job.codec.target().to_owned() }))
}

/// A row by its key, as a person reads it.
fn name(job: &TableJob, fields: &[u8]) -> String {
    let shown = job.codec.show(fields);
    let names: Vec<&str> = job.codec.column_names().collect();
    let key =
        job.codec.key_columns().iter().filter_map(|at| Some(format!("{} = {}", names.get(*at)?, shown.get(*at)?)));
    let key: Vec<String> = key.collect();
    if key.is_empty() { shown.join(", ") } else { key.join(", ") }
}
