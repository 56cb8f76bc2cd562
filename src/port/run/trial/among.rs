//! Rows of the source that meet each other in a key that only the target has: all of their keys in one temporary table.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::Failed;
use super::keys::Among;
use super::table::attempt;
use crate::db::{BulkDb, SqlError, SqliteDb, Statements as _, TextRow};
use crate::interrupt::Interrupt;
use crate::port::batch::{Batch, Key};
use crate::port::copy::show_key;
use crate::port::row::RowCodec;
use crate::port::scan::{EXAMPLES, Room, Tally};
use crate::port::target::literal;

/// The temporary table.
const NAME: &str = "pg_temp.liftlock_trial_keys";

/// How many rows are looked up of each demand.
const LOOKED_UP: usize = 20_000;

/// The keys of all rows, as they come in.
pub(super) struct AllKeys<'a> {
    among: &'a [Among],
    /// What they are worked out from, as SQL after FROM.
    from: &'a str,
    /// The column that numbers the rows of what they are worked out from.
    number: &'a str,
    /// Why nothing is found out.
    failed: Option<String>,
}

/// A row that meets one before it.
struct Met {
    row: u64,
    /// The first that it meets, and what both have: of the first rows alone.
    like: Option<(u64, String)>,
}

impl<'a> AllKeys<'a> {
    /// Makes the table for them.
    pub fn make(among: &'a [Among], from: &'a str, number: &'a str, db: &mut BulkDb) -> Result<Self, SqlError> {
        let mut keys = Self { among, from, number, failed: None };
        if !among.is_empty() {
            let sql =
                format!("CREATE TEMPORARY TABLE liftlock_trial_keys ON COMMIT DROP AS {} WITH NO DATA", keys.select(0));
            keys.failed = attempt(db, &sql)?.err().map(|error| error.message.clone());
        }
        Ok(keys)
    }

    /// The rows that stand in the trial's table now; `before`: how many were there before them.
    pub fn add(&mut self, before: u64, db: &mut BulkDb) -> Result<(), SqlError> {
        if !self.among.is_empty() && self.failed.is_none() {
            let added = attempt(db, &format!("INSERT INTO {NAME} {}", self.select(before)))?;
            self.failed = added.err().map(|error| error.message.clone());
        }
        Ok(())
    }

    fn select(&self, before: u64) -> String {
        let columns = self.among.iter().enumerate().map(|(of, among)| {
            let terms = among.terms.iter().enumerate().map(|(at, term)| format!(", {} AS k{of}_{at}", term.sql));
            // a term's expression may fail for rows that the key is not about
            let terms = terms.collect::<String>();
            format!(", ({}) IS TRUE AS p{of}{terms}", among.predicate)
        });
        format!("SELECT {before}::bigint + {} AS n{} FROM {}", self.number, columns.collect::<String>(), self.from)
    }

    /// Which rows meet one before them, for each demand; or why that is not known. The rows are those of `batches`, one
    /// after the other, as they were added.
    pub fn find(
        self,
        codec: &RowCodec,
        batches: &[&Batch],
        room: Room,
        reader: &SqliteDb,
        db: &mut BulkDb,
        interrupt: &Interrupt,
    ) -> Result<Vec<Result<Tally, String>>, Failed> {
        if let Some(why) = &self.failed {
            return Ok(self.among.iter().map(|_| Err(why.clone())).collect());
        }
        let mut all = Vec::new();
        for of in 0..self.among.len() {
            all.push(self.met(of, db).map_err(Failed::Target)?);
        }
        let mut rows: BTreeMap<u64, Option<Key>> = BTreeMap::new();
        for met in all.iter().flatten().flat_map(|(_, met)| met) {
            rows.insert(met.row, None);
            rows.extend(met.like.iter().map(|(like, _)| (*like, None)));
        }
        if !rows.is_empty() {
            look_up(&mut rows, codec, batches, reader, interrupt)?;
        }
        let key = |row: &u64| rows.get(row).and_then(Option::as_deref);
        let tally = |(count, met): (u64, Vec<Met>)| {
            let mut tally = Tally::default();
            for Met { row, like } in &met {
                let Some(own) = key(row) else { continue };
                tally.add(|| match like {
                    Some((like, values)) => match key(like) {
                        Some(like) if !like.is_empty() => {
                            format!("{}: {values}, as {}", show_key(own), show_key(like))
                        }
                        _ => format!("{}: {values}", show_key(own)),
                    },
                    None => show_key(own),
                });
                super::table::affect(&mut tally, own, room);
            }
            tally.affected.complete &= count == tally.count;
            tally.count = count;
            tally
        };
        Ok(all.into_iter().map(|found| found.map(tally)).collect())
    }

    /// How many rows meet one before them, and the first of them.
    fn met(&self, of: usize, db: &mut BulkDb) -> Result<Result<(u64, Vec<Met>), String>, SqlError> {
        let among = &self.among[of];
        let name = |at: usize| format!("k{of}_{at}");
        let all: Vec<String> = (0..among.terms.len()).map(name).collect();
        // each with the first row that it meets
        let repeated = match &among.index {
            None => {
                // to sort them is never quadratic; a partition takes NULLs for equal
                let some = all.iter().filter(|_| !among.nulls_equal).map(|name| format!(" AND {name} IS NOT NULL"));
                format!(
                    "FROM (SELECT *, min(n) OVER (PARTITION BY {}) AS first FROM {NAME} WHERE p{of}{}) s WHERE first < n",
                    all.join(", "),
                    some.collect::<String>()
                )
            }
            Some(method) => {
                let terms = all.iter().zip(&among.terms).map(|(name, term)| format!("{name} {}", term.operator_class));
                let terms: Vec<String> = terms.collect();
                let index = format!("CREATE INDEX ON {NAME} USING {method} ({}) WHERE p{of}", terms.join(", "));
                // without it, it takes longer
                if let Err(error) = attempt(db, &index)?.and(attempt(db, &format!("ANALYZE {NAME}"))?) {
                    tracing::debug!(%error, "index of the trial's keys");
                }
                let meet = among.meet(|at| format!("o.{}", name(at)), |at| format!("s.{}", name(at)));
                let before = format!("FROM {NAME} o WHERE o.p{of} AND o.n < s.n AND {meet}");
                format!(
                    "FROM (SELECT s.*, (SELECT min(o.n) {before}) AS first FROM {NAME} s WHERE s.p{of}) s WHERE first < n"
                )
            }
        };
        let values = all.iter().zip(&among.terms).map(|(name, term)| {
            format!("{} || coalesce(left({name}::text, 60), 'NULL')", literal(&format!("{} = ", term.name)))
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT n, first {repeated} ORDER BY 1 LIMIT {}", LOOKED_UP + 1);
        let rows = match attempt(db, &sql)? {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error.message.clone())),
        };
        let number = |row: &TextRow, at: usize| row.get(at)?.as_deref()?.parse::<u64>().ok();
        let mut count = rows.len() as u64;
        if rows.len() > LOOKED_UP {
            let counted = db.query(&format!("SELECT count(*) {repeated}"))?;
            count = counted.first().and_then(|row| number(row, 0)).unwrap_or(count);
        }
        let mut met = Vec::new();
        for row in rows.iter().take(LOOKED_UP) {
            let (Some(row), Some(first)) = (number(row, 0), number(row, 1)) else { continue };
            let mut like = None;
            if met.len() < EXAMPLES {
                let rows = attempt(db, &format!("SELECT concat_ws(', ', {values}) FROM {NAME} WHERE n = {row}"))?;
                let values = rows.unwrap_or_default().into_iter().next().and_then(|row| row.into_iter().next()?);
                like = values.map(|values| (first, values));
            }
            met.push(Met { row, like });
        }
        Ok(Ok((count, met)))
    }
}

/// Reads the keys of rows that are known by their place.
fn look_up(
    rows: &mut BTreeMap<u64, Option<Key>>,
    codec: &RowCodec,
    batches: &[&Batch],
    reader: &SqliteDb,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let mut place = 0u64;
    let last = rows.keys().next_back().copied().unwrap_or_default();
    for batch in batches {
        let (sql, values) = codec.select_in_order(batch);
        reader.each_row::<Failed>(&sql, &values, |row| {
            if let Some(key) = rows.get_mut(&place) {
                *key = Some(codec.key_of(row));
            }
            place += 1;
            if place.is_multiple_of(4096) && interrupt.is_set() {
                return Err(Failed::Interrupted);
            }
            Ok(if place > last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
    }
    Ok(())
}
