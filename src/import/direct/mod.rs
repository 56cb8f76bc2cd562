//! JSON text → a row, with no value of the whole record between: where a record is an object, its columns are keys of it,
//! and SQLite takes their values as they are.
//!
//! What is not as plain, and whatever is wrong with a record, is left to [`super::row::map`], and what is made here is what
//! that would make: row, leftovers and all (tests.rs).

mod room;
mod scan;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub(super) use self::room::Room;
use self::scan::{Found, Scan, What};
use super::bind::{Bound, BoundColumn, BoundTable, Cell, Fill, Kind, SqliteKind, derived};
use super::mapping::{RecordPath, escape_key};
use super::number;
use super::read::strict;
use super::row::{self, Place, Row};

/// How a table's rows are made.
#[derive(Debug)]
pub(super) struct Direct {
    entries: Vec<Entry>,
    /// The column of what no other takes.
    rest: Option<usize>,
    /// The column of the whole record.
    whole: Option<usize>,
    /// The columns that take nothing of the record, as a table of their own, and where they belong.
    others: Option<(Box<BoundTable>, Vec<usize>)>,
    /// The columns that must have a value.
    must: Vec<usize>,
    width: usize,
}

/// A key that is looked for.
#[derive(Debug)]
struct Entry {
    key: String,
    /// `/` and the key, as a pointer has it.
    step: String,
    to: To,
}

#[derive(Debug)]
enum To {
    Column(usize, SqliteKind),
    Inner(Vec<Entry>),
}

/// How deep columns may look.
const DEEPEST: usize = 32;

/// As many keys of one object are told apart by the bits of a word.
const KEYS: usize = 64;

/// What a record is made into.
struct Into<'a> {
    row: &'a mut Row,
    /// What no column takes, where one takes that.
    rest: Option<String>,
    room: &'a mut Room,
}

impl Direct {
    /// For each source of a mapping, where its table is simple enough.
    pub fn of_all(bound: &Bound) -> Vec<Option<Self>> {
        bound.sources.iter().map(Self::of).collect()
    }

    fn of(table: &BoundTable) -> Option<Self> {
        // with all their fields, so that none that is added is overlooked here
        let BoundTable { number: _, target: _, name: _, columns, key, exists: _, children } = table;
        if !children.is_empty() {
            return None;
        }
        let (mut entries, mut rest, mut whole) = (Vec::new(), None, None);
        let (mut others, mut must) = (Vec::new(), Vec::new());
        for (at, column) in columns.iter().enumerate() {
            let BoundColumn { name: _, kind, fill, required, not_null, default: _, seal, spill } = column;
            if seal.is_some() || spill.is_some() {
                return None;
            }
            if let Fill::Pointer { .. } | Fill::Rest | Fill::Whole = fill {
                let Kind::Sqlite(kind) = *kind else { return None };
                let takes_json = !matches!(kind, SqliteKind::Integer | SqliteKind::Real | SqliteKind::Bool);
                match fill {
                    // so that values are nested no deeper than the slower reader goes
                    Fill::Pointer { keys, .. } if keys.len() > DEEPEST => return None,
                    Fill::Pointer { keys, .. } => insert(&mut entries, keys, at, kind)?,
                    Fill::Rest if takes_json && rest.is_none() => rest = Some(at),
                    Fill::Whole if takes_json && whole.is_none() => whole = Some(at),
                    _ => return None,
                }
                if *required || *not_null {
                    must.push(at);
                }
            } else {
                others.push(at);
            }
        }
        let nested = entries.iter().any(|entry| matches!(entry.to, To::Inner(_)));
        if rest.is_some() && (nested || whole.is_some()) {
            return None;
        }
        let later = |at: &&usize| !matches!(columns[**at].fill, Fill::Parent(_) | Fill::Number);
        must.extend(key.iter().filter(later));
        let own = (!others.is_empty()).then(|| {
            let columns = others.iter().map(|at| columns[*at].clone()).collect();
            (Box::new(BoundTable { columns, key: Vec::new(), ..table.clone() }), others)
        });
        Some(Self { entries, rest, whole, others: own, must, width: columns.len() })
    }

    /// The row of a record that is JSON text; `None` where it has to be read and mapped. With `path`, which leads to such
    /// records, the row says where its record is if that does not tell.
    pub fn map(&self, path: Option<&RecordPath>, place: Place<'_>, bytes: &[u8], room: &mut Room) -> Option<Row> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut row = Row { cells: room.cells(self.width), ..Row::default() };
        if let Some(at) = self.whole {
            let mut scan = Scan::new(text);
            row.cells[at] = Cell::Text(scan.value()?.compact(room.text())?);
        }
        let mut scan = Scan::new(text);
        let mut into = Into { row: &mut row, rest: self.rest.map(|_| String::from("{")), room };
        self.object(&mut scan, &self.entries, &mut String::new(), &mut into)?;
        let rest = into.rest;
        if !scan.is_at_end() {
            return None;
        }
        if let (Some(at), Some(mut rest)) = (self.rest, rest) {
            rest.push('}');
            row.cells[at] = Cell::Text(rest);
        }
        if let Some((table, places)) = &self.others {
            let cells = row::map(table, &RecordPath::default(), place, &Value::Null, &Value::Null).ok()?.cells;
            places.iter().zip(cells).for_each(|(at, cell)| row.cells[*at] = cell);
        }
        if self.must.iter().any(|at| row.cells[*at] == Cell::Null) {
            return None;
        }
        if path.is_some_and(|path| derived(path, place.position).as_deref() != Some(place.pointer)) {
            row.left.pointer = Some(place.pointer.to_owned());
        }
        Some(row)
    }

    fn object<'a>(
        &self,
        scan: &mut Scan<'a>,
        entries: &[Entry],
        pointer: &mut String,
        into: &mut Into<'_>,
    ) -> Option<()> {
        let mut open = scan.open()?;
        let minus = into.row.left.minus.len();
        let (mut seen, mut next) = (0_u64, 0);
        while let Some(key) = scan.key(&mut open)? {
            // most records have their keys in one order
            let expected = entries.get(next).is_some_and(|entry| entry.key == key);
            let at = if expected { Some(next) } else { entries.iter().position(|entry| entry.key == key) };
            let Some(at) = at else {
                let found = scan.value()?;
                self.other(key, found, pointer, into)?;
                continue;
            };
            (seen, next) = (seen | 1 << at, at + 1);
            let entry = &entries[at];
            match &entry.to {
                To::Column(at, kind) => {
                    let found = scan.value()?;
                    let (cell, same) = cell(*kind, &found, into.room)?;
                    into.row.cells[*at] = cell;
                    if !same && self.whole.is_none() {
                        let value = strict::value(found.text.as_bytes()).ok()?;
                        into.row.left.plus.push((format!("{pointer}{}", entry.step), value));
                    }
                }
                To::Inner(inner) => {
                    let length = pointer.len();
                    pointer.push_str(&entry.step);
                    self.object(scan, inner, pointer, into)?;
                    pointer.truncate(length);
                }
            }
        }
        if seen.count_ones() as usize != entries.len() && self.whole.is_none() {
            let missing = entries.iter().enumerate().filter(|(at, _)| seen & (1 << at) == 0);
            let missing: Vec<String> = missing.map(|(_, entry)| format!("{pointer}{}", entry.step)).collect();
            // what an object lacks is told before what is in its inner ones
            into.row.left.minus.splice(minus..minus, missing);
        }
        Some(())
    }

    /// A key that no column takes.
    fn other(&self, key: &str, found: Found<'_>, pointer: &str, into: &mut Into<'_>) -> Option<()> {
        if let Some(rest) = &mut into.rest {
            if rest.len() > 1 {
                rest.push(',');
            }
            rest.push('"');
            rest.push_str(key);
            rest.push_str("\":");
            rest.push_str(&found.compact(String::new())?);
        } else if self.whole.is_none() {
            let value = strict::value(found.text.as_bytes()).ok()?;
            into.row.left.plus.push((format!("{pointer}/{}", escape_key(key)), value));
        }
        Some(())
    }
}

/// Notes where a column's value comes from; `None` where another column's is the same, or in it.
fn insert(entries: &mut Vec<Entry>, keys: &[String], column: usize, kind: SqliteKind) -> Option<()> {
    let (key, inner) = keys.split_first()?;
    let known = entries.iter_mut().find(|entry| entry.key == *key);
    match (known, inner.is_empty()) {
        (None, last) => {
            if entries.len() == KEYS {
                return None;
            }
            let mut to = To::Column(column, kind);
            if !last {
                let mut below = Vec::new();
                insert(&mut below, inner, column, kind)?;
                to = To::Inner(below);
            }
            entries.push(Entry { key: key.clone(), step: format!("/{}", escape_key(key)), to });
            Some(())
        }
        (Some(Entry { to: To::Inner(below), .. }), false) => insert(below, inner, column, kind),
        _ => None,
    }
}

/// What a column takes of a value, and whether the value comes back from that. Where it does not it is a single one.
fn cell(kind: SqliteKind, found: &Found<'_>, room: &mut Room) -> Option<(Cell, bool)> {
    use SqliteKind::{Any, Bool, Json, Numeric, Real, Text};
    Some(match (kind, found.what) {
        (_, What::Null) => (Cell::Null, true),
        (Json { text: false }, What::Number) => (kind.number(&found.digits()?).ok()?, true),
        (Json { .. }, _) => (Cell::Text(found.compact(room.text())?), true),
        (Text, What::Bool(bool)) => (Cell::Text(bool.to_string()), false),
        (Real, What::Bool(bool)) => (Cell::Real(f64::from(u8::from(bool))), false),
        (_, What::Bool(bool)) => (Cell::Integer(i64::from(bool)), kind == Bool),
        (Text, What::Number) => (Cell::Text(found.digits()?.into_owned()), false),
        (_, What::Number) => {
            let cell = kind.number(&found.digits()?).ok()?;
            let same = match &cell {
                Cell::Integer(0 | 1) => kind != Bool,
                Cell::Integer(_) | Cell::Real(_) => true,
                _ => false,
            };
            (cell, same)
        }
        (Text | Any | Numeric, What::String) => {
            let text = found.string(room.text())?;
            // it may come back as what it looks like
            if text.starts_with(['{', '[']) || (kind == Numeric && number::looks_numeric(&text).is_some()) {
                return None;
            }
            (Cell::Text(text), true)
        }
        (Text | Any | Numeric, What::Container) => (Cell::Text(found.compact(room.text())?), true),
        (_, What::String | What::Container) => return None,
    })
}
