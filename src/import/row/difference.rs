//! What of a record its rows don't give back, and that put to the rows again.

use serde_json::Value;

use super::back::put;
use super::{Left, at};
use crate::import::bind::{BoundTable, Cell, Fill};
use crate::import::mapping::{escape_key, pointer_keys};
use crate::import::number::same;

/// What is to be done to `rebuilt` to make it `actual`.
pub(super) fn difference(rebuilt: &Value, actual: &Value, pointer: &mut String, left: &mut Left) {
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
pub(in crate::import) fn apply(
    table: &BoundTable,
    cells: &[Cell],
    outside: &[Option<Value>],
    left: &Left,
    value: &mut Value,
) {
    let changed = |pointer: &str, original: Option<&Value>| {
        table.columns.iter().zip(cells).zip(outside).any(|((column, cell), outside)| {
            let Fill::Pointer { pointer: own, keys } = &column.fill else { return false };
            let within = own.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if !within {
                return false;
            }
            // of what is hidden nothing was kept but whether it was there
            if let Some(seal) = &column.seal {
                return !seal.is_hash() && original.is_none() && *cell != Cell::Null;
            }
            let depth = pointer_keys(pointer).map_or(0, |keys| keys.len());
            let original = original.and_then(|original| at(original, &keys[depth..]));
            if let Some(outside) = outside {
                return !original.is_some_and(|original| same(original, outside));
            }
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
