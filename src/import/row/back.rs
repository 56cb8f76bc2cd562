//! A row → its record, as far as the row alone gives it.

use serde_json::{Map, Value};

use super::Left;
use crate::crypt::CryptError;
use crate::import::bind::{BoundTable, Cell, Fill};
use crate::import::mapping::{RecordPath, Step, pointer_keys};
use crate::import::vault::Lost;

/// The records that are nested in one, for each child of its table: pointer and value; none where there is but its place.
pub(in crate::import) type Nested = Vec<Vec<(String, Option<Value>)>>;

/// The record as the row alone gives it, with what is nested in it; `outside` has the values that are stored as files, by
/// column.
pub(in crate::import) fn rebuild(
    table: &BoundTable,
    cells: &[Cell],
    outside: &[Option<Value>],
    children: Nested,
) -> Value {
    let filled = |wanted: fn(&Fill) -> bool| table.columns.iter().position(|column| wanted(&column.fill));
    let restore = |at: usize| match &outside[at] {
        Some(value) => value.clone(),
        None => table.columns[at].kind.restore(&cells[at]),
    };
    if let Some(at) = filled(|fill| matches!(fill, Fill::Whole)) {
        return restore(at);
    }
    let mut value = match filled(|fill| matches!(fill, Fill::Rest)).map(restore) {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(rest) => rest,
    };
    for (at, column) in table.columns.iter().enumerate() {
        let Fill::Pointer { keys, .. } = &column.fill else { continue };
        let restored = match &column.seal {
            None => restore(at),
            Some(seal) if seal.is_hash() => continue,
            // its place is kept; [`unseal`] fills it
            Some(_) => Value::Null,
        };
        put(&mut value, keys, restored);
    }
    put_children(table, &mut value, children);
    value
}

/// Puts what is nested in a record where it was.
pub(in crate::import) fn put_children(table: &BoundTable, value: &mut Value, children: Nested) {
    for (child, records) in table.children.iter().zip(children) {
        for (pointer, record) in records {
            put_along(value, &child.records, &pointer, record);
        }
    }
}

/// The values of a row that are stored as files, by column; a null stands for one that is lost, which is told.
pub(in crate::import) fn outside(
    table: &BoundTable,
    cells: &[Cell],
    left: &Left,
) -> (Vec<Option<Value>>, Vec<(String, Lost)>) {
    let (mut values, mut lost) = (Vec::new(), Vec::new());
    for (column, cell) in table.columns.iter().zip(cells) {
        values.push(column.path(cell).map(|(vault, path)| match vault.get(&path) {
            Err(error) => {
                lost.push((column.name.clone(), error));
                Value::Null
            }
            Ok(text) => {
                let json = match &column.fill {
                    Fill::Pointer { pointer, .. } => left.json.contains(pointer),
                    _ => true,
                };
                json.then(|| serde_json::from_str(&text).ok()).flatten().unwrap_or(Value::String(text))
            }
        }));
    }
    (values, lost)
}

/// Puts what was encrypted into a record that was made of its row again.
///
/// # Errors
/// The column, and why its value can't be decrypted.
pub(in crate::import) fn unseal(
    table: &BoundTable,
    cells: &[Cell],
    left: &Left,
    value: &mut Value,
) -> Vec<(String, CryptError)> {
    let mut failed = Vec::new();
    for (column, cell) in table.columns.iter().zip(cells) {
        let (Some(seal), Fill::Pointer { pointer, keys }) = (&column.seal, &column.fill) else { continue };
        if seal.is_hash() || *cell == Cell::Null {
            continue;
        }
        match seal.open(&column.kind.restore(cell)) {
            Ok(text) => {
                let json = left.json.contains(pointer).then(|| serde_json::from_str(&text).ok()).flatten();
                fill(value, keys, json.unwrap_or(Value::String(text)));
            }
            Err(error) => failed.push((column.name.clone(), error)),
        }
    }
    failed
}

/// As [`put`], and into what arrays have at an index.
fn fill(value: &mut Value, keys: &[String], new: Value) {
    let inner = match (keys.split_first(), &mut *value) {
        (None, _) => None,
        (Some((key, rest)), Value::Array(items)) => {
            let Some(item) = key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) else { return };
            return fill(item, rest, new);
        }
        (Some((key, rest)), Value::Object(map)) if !rest.is_empty() => {
            return fill(map.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new())), rest, new);
        }
        (some, _) => some,
    };
    match inner {
        None => *value = new,
        Some((key, _)) => {
            if let Value::Object(map) = value {
                map.insert(key.clone(), new);
            }
        }
    }
}

/// Puts a value into objects, which are made on the way; where something else stands, it is left alone.
pub(super) fn put(value: &mut Value, keys: &[String], new: Value) {
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

/// Puts a nested record where it was, along the steps that lead to such records; without one its place is made.
fn put_along(value: &mut Value, path: &RecordPath, pointer: &str, new: Option<Value>) {
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
    if let Some(new) = new {
        *at = new;
    }
}
