//! Rows into a table that holds others which stay: through a table beside it, so that every row whose key is there
//! already is known before anything is stored.

use std::collections::HashMap;

use super::load::{Failure, Loaded, send};
use super::{Beside, CopySettings, TableJob, Worker};
use crate::Dialect;
use crate::db::{SqlError, Statements as _};
use crate::port::checkpoint::BesideRows;
use crate::port::error::PortError;
use crate::port::options::OnConflict;
use crate::port::row::Scratch;
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

/// Loads all of the table's rows, in the transaction that is open. The checksum is that of everything the table then
/// has to hold: what was there, and what came.
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
    let before = checksum(job, &job.codec.copy_out(None), worker, |_, _| ())?;
    if beside.how == OnConflict::Error {
        let mut loaded = send(job, number, &job.codec.copy_in(""), worker, settings)?;
        loaded.beside = Some(BesideRows { kept: before.rows, ..sent(&loaded) });
        loaded.checksum += before;
        return Ok(loaded);
    }
    through_stage(job, beside, number, before, worker, settings)
}

fn through_stage(
    job: &TableJob,
    beside: &Beside,
    number: usize,
    before: Checksum,
    worker: &mut Worker<'_>,
    settings: &CopySettings<'_>,
) -> Result<Loaded, Failure> {
    let target = job.codec.target();
    let make = format!(
        "CREATE TEMPORARY TABLE liftlock_stage (LIKE {target} INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED) ON COMMIT DROP"
    );
    worker.bulk.execute(&make).map_err(Failure::Target)?;
    let mut loaded = send(job, number, &job.codec.copy_into(STAGE, ""), worker, settings)?;
    let quoted: Vec<String> = beside.key.iter().map(|column| Dialect::Postgres.quote_identifier(column)).collect();
    let same: Vec<String> = quoted.iter().map(|column| format!("t.{column} = s.{column}")).collect();
    let join = format!("{target} t JOIN {STAGE} s ON {}", same.join(" AND "));
    // the rows on both sides of each conflict
    let mut there: HashMap<u128, u64> = HashMap::new();
    let theirs = checksum(job, &job.codec.copy_out_from("t", &join), worker, |hash, _| {
        *there.entry(hash).or_default() += 1;
    })?;
    let mut skipped = (0, Vec::new());
    let ours = checksum(job, &job.codec.copy_out_from("s", &join), worker, |hash, fields| {
        match there.get_mut(&hash).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => {
                skipped.0 += 1;
                if skipped.1.len() < NAMED {
                    skipped.1.push(name(job, fields));
                }
            }
        }
    })?;
    let mut became = BesideRows { kept: before.rows, ..sent(&loaded) };
    loaded.checksum += before;
    let columns = job.codec.sent_columns();
    let then = match beside.how {
        OnConflict::Skip => {
            loaded.checksum -= ours;
            (became.skipped, became.skipped_keys) = skipped;
            "NOTHING".to_owned()
        }
        OnConflict::Replace | OnConflict::Error => {
            loaded.checksum -= theirs;
            became.kept -= theirs.rows;
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

/// What was sent, before anything else is counted with it.
fn sent(loaded: &Loaded) -> BesideRows {
    let Checksum { rows, .. } = loaded.checksum;
    BesideRows { source_rows: rows, source_sum: loaded.checksum.to_string(), ..BesideRows::default() }
}

fn checksum(
    job: &TableJob,
    statement: &str,
    worker: &mut Worker<'_>,
    mut each: impl FnMut(u128, &[u8]),
) -> Result<Checksum, Failure> {
    let mut checksum = Checksum::default();
    let mut scratch = Scratch::default();
    let read = worker.bulk.copy_out::<Failed>(statement, |fields| {
        let hash = job.codec.hash_sent(fields, &mut scratch);
        let hash =
            hash.map_err(|_| Failed(Failure::Other(PortError::Malformed { table: job.codec.target().to_owned() })))?;
        checksum.add(hash);
        each(hash, fields);
        Ok(())
    });
    read.map_err(|Failed(failure)| failure)?;
    Ok(checksum)
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
