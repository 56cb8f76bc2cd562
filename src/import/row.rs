//! A record → its rows and what is left of it; rows and leftovers → the record.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::bind::{BoundTable, Cell, Fill, derived};
use super::mapping::{FileFact, RecordPath, Step, escape_key, pointer_keys};
use super::number::same;
use super::read::{SourceFile, nested};

/// A row, and the rows of what is nested in its record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    pub cells: Vec<Cell>,
    pub left: Left,
    /// For each child of the table, in order.
    pub children: Vec<Vec<Row>>,
}

/// What of a record its rows can't give back.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Left {
    /// Where the record is, where its number does not tell.
    pub pointer: Option<String>,
    /// What the rows give and the record has not.
    pub minus: Vec<String>,
    /// What the record has, where the rows give nothing or something else.
    pub plus: Vec<(String, Value)>,
}

/// Why a record can't be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    pub column: String,
    /// Within the record.
    pub pointer: String,
    pub reason: String,
}

/// What is known of a record besides its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub file: &'a SourceFile,
    pub sha256: &'a str,
    pub now: &'a str,
    pub position: u64,
    pub entry: Option<&'a str>,
    pub pointer: &'a str,
}

/// Maps a record. Cells that only the writer knows (numbers, the parent's key) are NULL.
pub(super) fn map(table: &BoundTable, path: &RecordPath, place: Place<'_>, value: &Value) -> Result<Row, Unfit> {
    let mut row = Row::default();
    let mut rest = None;
    for column in &table.columns {
        let unfit = |pointer: &str, reason: String| Unfit {
            column: format!("{}.{}", table.name, column.name),
            pointer: pointer.to_owned(),
            reason,
        };
        let store = |pointer: &str, value: &Value| column.kind.store(value).map_err(|reason| unfit(pointer, reason));
        let (pointer, mut cell) = match &column.fill {
            Fill::Pointer { pointer, keys } => {
                let found = at(value, keys);
                if column.required && found.is_none_or(Value::is_null) {
                    return Err(unfit(pointer, format!("the record has no value at `{pointer}`")));
                }
                (pointer.as_str(), found.map(|found| store(pointer, found)).transpose()?.unwrap_or_default())
            }
            Fill::Capture(at) => {
                let text = place.file.captures.get(*at).map_or("", String::as_str);
                ("", store("", &Value::from(text))?)
            }
            Fill::File(fact) => ("", store("", &file_fact(*fact, place))?),
            Fill::Constant(cell) => ("", cell.clone()),
            Fill::Uuid => ("", store("", &Value::from(new_uuid()))?),
            Fill::Now => ("", store("", &Value::from(place.now))?),
            Fill::Whole => ("", store("", value)?),
            Fill::Rest => ("", store("", rest.get_or_insert_with(|| remainder(table, value)))?),
            Fill::EntryKey => {
                ("", place.entry.map(|entry| store("", &Value::from(entry))).transpose()?.unwrap_or_default())
            }
            Fill::Position => ("", store("", &Value::from(place.position))?),
            Fill::Parent(_) | Fill::Number => {
                row.cells.push(Cell::Null);
                continue;
            }
        };
        if cell == Cell::Null && column.not_null {
            cell = match &column.default {
                Some(default) => default.clone(),
                None => return Err(unfit(pointer, "the column takes no NULL, and there is no value".to_owned())),
            };
        }
        row.cells.push(cell);
    }
    for key in &table.key {
        let column = &table.columns[*key];
        let filled_later = matches!(column.fill, Fill::Parent(_) | Fill::Number);
        if row.cells[*key] == Cell::Null && !filled_later {
            let reason = "it is part of the key, and has no value".to_owned();
            let pointer =
                if let Fill::Pointer { pointer, .. } = &column.fill { pointer.clone() } else { String::new() };
            return Err(Unfit { column: format!("{}.{}", table.name, column.name), pointer, reason });
        }
    }
    let mut inner = Vec::new();
    for child in &table.children {
        let mut rows = Vec::new();
        let mut values = Vec::new();
        let mut keys = HashSet::new();
        for (number, (pointer, entry, position, value)) in (0..).zip(nested(value, &child.records)) {
            let place = Place { position, entry: entry.as_deref(), pointer: &pointer, ..place };
            let mut mapped = map(&child.table, &child.records, place, value)
                .map_err(|unfit| Unfit { pointer: format!("{pointer}{}", unfit.pointer), ..unfit })?;
            if derived(&child.records, number).as_deref() == Some(&*pointer) {
                mapped.left.pointer = None;
            } else {
                mapped.left.pointer = Some(pointer.clone());
            }
            if let Some(column) = child.table.repeats(&mut keys, &mapped.cells) {
                let reason = "another record beside it has the same key".to_owned();
                let column = format!("{}.{}", child.table.name, column);
                return Err(Unfit { column, pointer, reason });
            }
            rows.push(mapped);
            values.push((pointer, value.clone()));
        }
        row.children.push(rows);
        inner.push(values);
    }
    let rebuilt = rebuild(table, &row.cells, inner);
    difference(&rebuilt, value, &mut String::new(), &mut row.left);
    if derived(path, place.position).as_deref() != Some(place.pointer) {
        row.left.pointer = Some(place.pointer.to_owned());
    }
    Ok(row)
}

fn at<'a>(value: &'a Value, keys: &[String]) -> Option<&'a Value> {
    keys.iter().try_fold(value, |value, key| match value {
        Value::Object(map) => map.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok().filter(|at| at.to_string() == *key)?),
        _ => None,
    })
}

fn file_fact(fact: FileFact, place: Place<'_>) -> Value {
    let file = place.file;
    match fact {
        FileFact::Path => file.path.as_str().into(),
        FileFact::Name => {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem }).into()
        }
        FileFact::Mtime => {
            let nanoseconds = jiff::Timestamp::from_nanosecond(file.mtime);
            // what databases hold is microseconds
            let micros = nanoseconds.and_then(|time| jiff::Timestamp::from_microsecond(time.as_microsecond()));
            micros.map_or(Value::Null, |time| time.to_string().into())
        }
        FileFact::Size => file.size.into(),
        FileFact::Sha256 => place.sha256.into(),
    }
}

/// A random UUID (RFC 9562, version 4).
fn new_uuid() -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // the standard library's hash keys are the system's random numbers; a new one each time
    let half = || {
        let mut hasher = std::hash::RandomState::new().build_hasher();
        hasher.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
        hasher.write_u32(std::process::id());
        hasher.write_i128(jiff::Timestamp::now().as_nanosecond());
        hasher.finish()
    };
    let (high, low) = ((half() & !0xf000) | 0x4000, (half() >> 2) | (1 << 63));
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
}

/// What no column and no child takes of a record.
fn remainder(table: &BoundTable, value: &Value) -> Value {
    let mut rest = value.clone();
    for column in &table.columns {
        if let Fill::Pointer { keys, .. } = &column.fill {
            remove(&mut rest, keys);
        }
    }
    for child in &table.children {
        if let Some((Step::Items | Step::Entries, before)) = child.records.0.split_last() {
            let keys: Option<Vec<String>> =
                before.iter().map(|step| if let Step::Key(key) = step { Some(key.clone()) } else { None }).collect();
            if let Some(keys) = keys
                && nested(value, &child.records).next().is_some()
            {
                remove(&mut rest, &keys);
            }
        }
    }
    rest
}

/// Takes away what is at `keys`, and the objects that are empty without it.
fn remove(value: &mut Value, keys: &[String]) {
    let Value::Object(map) = value else { return };
    let Some((key, inner)) = keys.split_first() else { return };
    if inner.is_empty() {
        map.shift_remove(key);
    } else if let Some(below) = map.get_mut(key) {
        let was_empty = below.as_object().is_some_and(Map::is_empty);
        remove(below, inner);
        if !was_empty && below.as_object().is_some_and(Map::is_empty) {
            map.shift_remove(key);
        }
    }
}

/// The record as the row alone gives it, with what is nested in it.
pub(super) fn rebuild(table: &BoundTable, cells: &[Cell], children: Vec<Vec<(String, Value)>>) -> Value {
    let filled = |wanted: fn(&Fill) -> bool| table.columns.iter().position(|column| wanted(&column.fill));
    let restore = |at: usize| table.columns[at].kind.restore(&cells[at]);
    if let Some(at) = filled(|fill| matches!(fill, Fill::Whole)) {
        return restore(at);
    }
    let mut value = match filled(|fill| matches!(fill, Fill::Rest)).map(restore) {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(rest) => rest,
    };
    for (at, column) in table.columns.iter().enumerate() {
        let Fill::Pointer { keys, .. } = &column.fill else { continue };
        let restored = restore(at);
        put(&mut value, keys, restored);
    }
    for (child, records) in table.children.iter().zip(children) {
        for (pointer, record) in records {
            put_along(&mut value, &child.records, &pointer, record);
        }
    }
    value
}

/// Puts a value into objects, which are made on the way; where something else stands, it is left alone.
fn put(value: &mut Value, keys: &[String], new: Value) {
    let Some((key, inner)) = keys.split_first() else {
        *value = new;
        return;
    };
    if let Value::Object(map) = value {
        if inner.is_empty() {
            map.insert(key.clone(), new);
        } else {
            put(map.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new())), inner, new);
        }
    }
}

/// Puts a nested record where it was, along the steps that lead to such records.
fn put_along(value: &mut Value, path: &RecordPath, pointer: &str, new: Value) {
    let Ok(keys) = pointer_keys(pointer) else { return };
    let mut at = value;
    for (step, key) in path.0.iter().zip(&keys) {
        if at.is_null() {
            *at = if *step == Step::Items { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
        }
        at = match at {
            Value::Object(map) => map.entry(key.as_str()).or_insert(Value::Null),
            Value::Array(items) => {
                let Ok(index) = key.parse::<usize>() else { return };
                // a gap is filled, and the difference tells what stood there
                while items.len() <= index {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            _ => return,
        };
    }
    *at = new;
}

/// What is to be done to `rebuilt` to make it `actual`.
fn difference(rebuilt: &Value, actual: &Value, pointer: &mut String, left: &mut Left) {
    let (Value::Object(from), Value::Object(to)) = (rebuilt, actual) else {
        if !same(rebuilt, actual) {
            left.plus.push((pointer.clone(), actual.clone()));
        }
        return;
    };
    let length = pointer.len();
    let mut descend = |key: &str, pointer: &mut String, work: &mut dyn FnMut(&mut String, &mut Left)| {
        pointer.push('/');
        pointer.push_str(&escape_key(key));
        work(pointer, left);
        pointer.truncate(length);
    };
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        descend(key, pointer, &mut |pointer, left| left.minus.push(pointer.clone()));
    }
    for (key, actual) in to {
        match from.get(key) {
            None => descend(key, pointer, &mut |pointer, left| left.plus.push((pointer.clone(), actual.clone()))),
            // most are the same, and need no pointer
            Some(rebuilt) if !rebuilt.is_object() && same(rebuilt, actual) => {}
            Some(rebuilt) => descend(key, pointer, &mut |pointer, left| difference(rebuilt, actual, pointer, left)),
        }
    }
}

/// Makes of a rebuilt record what it was. What a column took of it counts only while the column still holds that: a
/// value that was changed since stands.
pub(super) fn apply(table: &BoundTable, cells: &[Cell], left: &Left, value: &mut Value) {
    let changed = |pointer: &str, original: Option<&Value>| {
        table.columns.iter().zip(cells).any(|(column, cell)| {
            let Fill::Pointer { pointer: own, keys } = &column.fill else { return false };
            let within = own.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if !within {
                return false;
            }
            let depth = pointer_keys(pointer).map_or(0, |keys| keys.len());
            let original = original.and_then(|original| at(original, &keys[depth..]));
            let stored = original.map_or(Ok(Cell::Null), |original| column.kind.store(original));
            let stored = match stored {
                Ok(Cell::Null) if column.not_null => column.default.clone().unwrap_or_default(),
                Ok(stored) => stored,
                Err(_) => return false,
            };
            !column.holds(&stored, cell)
        })
    };
    for pointer in &left.minus {
        if !changed(pointer, None)
            && let Ok(keys) = pointer_keys(pointer)
        {
            drop_at(value, &keys);
        }
    }
    for (pointer, original) in &left.plus {
        if !changed(pointer, Some(original))
            && let Ok(keys) = pointer_keys(pointer)
        {
            put(value, &keys, original.clone());
        }
    }
}

fn drop_at(value: &mut Value, keys: &[String]) {
    let Value::Object(map) = value else { return };
    match keys {
        [] => {}
        [key] => drop(map.shift_remove(key)),
        [key, inner @ ..] => {
            if let Some(below) = map.get_mut(key) {
                drop_at(below, inner);
            }
        }
    }
}

impl BoundTable {
    /// Whether a nested record has the key of another beneath the same record: one would be lost under the other. Gives a
    /// column of the key.
    fn repeats(&self, keys: &mut HashSet<Vec<u8>>, cells: &[Cell]) -> Option<&str> {
        if self.key_is_made() {
            return None;
        }
        let mut bytes = Vec::new();
        let own = || self.key.iter().filter(|at| !matches!(self.columns[**at].fill, Fill::Parent(_)));
        for at in own() {
            self.columns[*at].kind.canonical(&cells[*at], &mut bytes).ok()?;
        }
        let column = own().next().or(self.key.first())?;
        (!keys.insert(bytes)).then_some(self.columns[*column].name.as_str())
    }
}

impl super::bind::BoundColumn {
    /// Whether two of its values are the same.
    pub(super) fn holds(&self, a: &Cell, b: &Cell) -> bool {
        let bytes = |cell: &Cell| {
            let mut bytes = Vec::new();
            self.kind.canonical(cell, &mut bytes).ok().map(|()| bytes)
        };
        bytes(a).is_some_and(|a| bytes(b) == Some(a))
    }
}

/// A record as the books keep it: its row's key, and what is left.
pub(super) fn item(table: &BoundTable, row: &Row) -> Value {
    let key: Vec<Value> = table.key.iter().map(|at| table.columns[*at].kind.restore(&row.cells[*at])).collect();
    let Left { pointer, minus, plus } = &row.left;
    let has_children = row.children.iter().any(|rows| !rows.is_empty());
    if pointer.is_none() && minus.is_empty() && plus.is_empty() && !has_children {
        return Value::Array(key);
    }
    let mut item = Map::new();
    item.insert("k".to_owned(), Value::Array(key));
    if let Some(pointer) = pointer {
        item.insert("p".to_owned(), pointer.as_str().into());
    }
    if !minus.is_empty() {
        item.insert("-".to_owned(), minus.clone().into());
    }
    if !plus.is_empty() {
        item.insert("+".to_owned(), Value::Object(plus.iter().cloned().collect()));
    }
    if has_children {
        let children = table.children.iter().zip(&row.children);
        let items = children.map(|(child, rows)| rows.iter().map(|row| self::item(&child.table, row)).collect());
        item.insert("c".to_owned(), Value::Array(items.map(Value::Array).collect()));
    }
    Value::Object(item)
}

/// What the books say of a record: its key, what is left, and the items of its children.
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    pub key: Vec<Value>,
    pub left: Left,
    pub children: Vec<Vec<Item>>,
    /// The record itself, where no row holds it.
    pub value: Option<Value>,
    /// It could not be read, and so can't be written.
    pub lost: bool,
}

impl Item {
    /// Reads an item; `None` where it is none.
    pub fn read(value: &Value) -> Option<Self> {
        let map = match value {
            Value::Array(key) => return Some(Self { key: key.clone(), ..Self::default() }),
            Value::Object(map) => map,
            _ => return None,
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut item = Self { value: map.get("v").cloned(), lost: map.contains_key("lost"), ..Self::default() };
        item.key = map.get("k").and_then(Value::as_array).cloned().unwrap_or_default();
        item.left.pointer = map.get("p").and_then(text);
        if let Some(minus) = map.get("-") {
            item.left.minus = minus.as_array()?.iter().map(text).collect::<Option<_>>()?;
        }
        if let Some(plus) = map.get("+") {
            item.left.plus = plus.as_object()?.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        if let Some(children) = map.get("c") {
            let read = |items: &Value| items.as_array()?.iter().map(Self::read).collect::<Option<Vec<Self>>>();
            item.children = children.as_array()?.iter().map(read).collect::<Option<_>>()?;
        }
        Some(item)
    }

    /// The cells of its key.
    pub fn cells(&self, table: &BoundTable) -> Option<Vec<Cell>> {
        let pairs = table.key.iter().zip(&self.key);
        let cells: Option<Vec<Cell>> = pairs.map(|(at, value)| table.columns[*at].kind.store(value).ok()).collect();
        cells.filter(|cells| cells.len() == table.key.len())
    }
}
