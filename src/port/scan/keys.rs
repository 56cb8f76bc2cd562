//! Whether values that differ in SQLite become equal in the types that were chosen for them: exactly, by hashes of what
//! PostgreSQL will compare.

use std::collections::HashMap;
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_128;

use super::{Affected, EXAMPLES, Place, Room, RowKey, ScanError, Tally, each_row, rows};
use crate::db::Row;
use crate::db::SqliteDb;
use crate::interrupt::Interrupt;
use crate::port::plan::candidates::Candidate;
use crate::schema::Table;
use crate::value::{Canonical, Conversion, PgType, SqlValue};

/// Of how many keys that several rows have the rows are told.
const TOLD: usize = 300;

/// The keys held in memory at once: 16 MB of hashes. More of them are looked at in parts, by as many readings.
const HELD: u64 = 1_000_000;

/// One column of a key, and the type that it is to have.
#[derive(Debug, Clone, Copy)]
pub struct KeyPart<'a> {
    /// The column's index in its table.
    pub column: usize,
    /// The type.
    pub candidate: &'a Candidate,
}

/// Rows of `table` whose keys, different in SQLite, are equal in the types of `parts`. Rows with a NULL among them
/// are left out: those are never equal to others.
///
/// # Errors
/// [`ScanError`] where the table can't be read, or a stop is asked for.
pub fn key_collisions(
    db: &SqliteDb,
    table: &Table,
    parts: &[KeyPart<'_>],
    rows: u64,
    interrupt: &Interrupt,
) -> Result<Tally, ScanError> {
    let mut encoder = Encoder::new(parts);
    let passes = u128::from(rows / HELD + 1);
    let room = usize::try_from(rows.min(HELD)).unwrap_or_default();
    let mut twice: Vec<u128> = Vec::new();
    let (mut extra, mut keys) = (0, 0);
    for pass in 0..passes {
        let mut hashes: Vec<u128> = Vec::with_capacity(room);
        each_key(db, table, parts, interrupt, |Place { row, .. }, first| {
            if let Some(hash) = encoder.hash(row, first)
                && hash % passes == pass
            {
                hashes.push(hash);
            }
        })?;
        hashes.sort_unstable();
        for same in hashes.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
            extra += same.len() as u64;
            keys += 1;
            if twice.len() < TOLD {
                twice.push(same[0]);
            }
        }
    }
    // of the first keys, the first rows are examples; the rows of the others are listed alone
    let shown = twice.len().min(EXAMPLES);
    let mut found: HashMap<u128, Option<Vec<String>>> =
        twice.iter().enumerate().map(|(at, hash)| (*hash, (at < shown).then(Vec::new))).collect();
    let mut affected = Affected::default();
    if !found.is_empty() {
        each_key(db, table, parts, interrupt, |place, first| {
            if let Some(hash) = encoder.hash(place.row, first)
                && let Some(rows) = found.get_mut(&hash)
            {
                place.keep(&mut affected);
                if let Some(rows) = rows.as_mut().filter(|rows| rows.len() < EXAMPLES) {
                    let value = |at| super::show(place.row.get(first + at));
                    let values: Vec<String> = (0..parts.len()).map(value).collect();
                    rows.push(format!("{}: {}", place.label(), values.join(", ")));
                }
            }
        })?;
    }
    affected.complete &= keys == twice.len();
    let examples = twice.iter().filter_map(|hash| found.remove(hash)?).map(|rows| rows.join(" and ")).collect();
    Ok(Tally { count: extra, examples, affected })
}

/// Values of columns that foreign keys join which, spelled differently in SQLite, are equal in their type: rows would
/// belong together that do not. `rows` is the sum over all `members`.
///
/// # Errors
/// As [`key_collisions`].
pub fn class_collisions(
    db: &SqliteDb,
    members: &[(&Table, KeyPart<'_>)],
    rows: u64,
    interrupt: &Interrupt,
) -> Result<Tally, ScanError> {
    let passes = u128::from(rows / (HELD / 4) + 1);
    let mut found = Tally::default();
    for pass in 0..passes {
        let mut spellings: HashMap<u128, u128> = HashMap::new();
        for (table, part) in members {
            let mut encoder = Encoder::new(std::slice::from_ref(part));
            each_key(db, table, std::slice::from_ref(part), interrupt, |place, first| {
                let Some(hash) = encoder.hash(place.row, first).filter(|hash| hash % passes == pass) else { return };
                let value = place.row.get(first);
                let spelled = spelling(value);
                if *spellings.entry(hash).or_insert(spelled) != spelled {
                    // a row of any of several tables: its number alone would not say which
                    let row = || format!("`{}` {}", table.name, place.label());
                    found.affected.add_key(row, place.room);
                    found.add(|| format!("{}: {}", row(), super::show(value)));
                }
            })?;
        }
    }
    Ok(found)
}

/// Hands each row to `each`, with the place of the key's first column.
fn each_key(
    db: &SqliteDb,
    table: &Table,
    parts: &[KeyPart<'_>],
    interrupt: &Interrupt,
    mut each: impl FnMut(&Place<'_, '_>, usize),
) -> Result<(), ScanError> {
    let key = RowKey::of(table);
    let first = key.columns().len();
    let columns: Vec<String> = parts.iter().map(|part| rows::quote(&table.columns[part.column].name)).collect();
    each_row(db, table, &key, &columns, interrupt, |row, number| {
        each(&Place { key: &key, row, number, room: Room::default() }, first);
        ControlFlow::Continue(())
    })
}

/// What PostgreSQL will compare, hashed.
struct Encoder {
    columns: Vec<(Conversion, Canonical, bool)>,
    field: Vec<u8>,
    key: Vec<u8>,
}

impl Encoder {
    fn new(parts: &[KeyPart<'_>]) -> Self {
        let columns = parts.iter().map(|KeyPart { candidate, .. }| {
            let pg_type = &candidate.pg_type;
            (Conversion::new(pg_type, candidate.reading), Canonical::new(pg_type), *pg_type == PgType::Citext)
        });
        Self { columns: columns.collect(), field: Vec::new(), key: Vec::new() }
    }

    /// `None` where a value is NULL or does not fit: such a row is no matter of keys.
    fn hash(&mut self, row: &Row<'_>, first: usize) -> Option<u128> {
        self.key.clear();
        for (at, (conversion, canonical, without_case)) in self.columns.iter().enumerate() {
            let value = row.get(first + at);
            self.field.clear();
            if value == SqlValue::Null || conversion.encode(value, &mut self.field).is_err() {
                return None;
            }
            let field = self.field.get(4..)?;
            if *without_case {
                // citext compares by the server's lower(); Unicode's is as near as one comes without the server
                let lower = String::from_utf8_lossy(field).to_lowercase();
                self.key.extend_from_slice(&(lower.len() as u64).to_be_bytes());
                self.key.extend_from_slice(lower.as_bytes());
            } else if canonical.append(Some(field), &mut self.key).is_err() {
                self.key.extend_from_slice(field);
            }
        }
        Some(xxh3_128(&self.key))
    }
}

/// How a value is spelled, whatever its storage class: foreign keys of SQLite's find `1` by `'1'`.
fn spelling(value: SqlValue<'_>) -> u128 {
    match value {
        SqlValue::Null => 0,
        SqlValue::Integer(integer) => xxh3_128(integer.to_string().as_bytes()),
        SqlValue::Real(real) if real.fract() == 0.0 && real.abs() < 9.0e15 => xxh3_128(format!("{real:.0}").as_bytes()),
        SqlValue::Real(real) => xxh3_128(real.to_string().as_bytes()),
        SqlValue::Text(bytes) | SqlValue::Blob(bytes) => xxh3_128(bytes),
    }
}
