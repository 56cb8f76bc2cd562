//! A record → its row, and the rows of what is nested in it.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::back::rebuild;
use super::difference::difference;
use super::{Place, Row, Unfit, at};
use crate::import::bind::{BoundTable, Cell, Fill, derived};
use crate::import::mapping::{FileFact, RecordPath, Step};
use crate::import::read::nested;

/// Maps a record. Cells that only the writer knows (numbers, the parent's key) are NULL. `secret` is the record as it is,
/// which the columns that hash or encrypt see and nothing else; `value` the same without what they take.
pub(in crate::import) fn map(
    table: &BoundTable,
    path: &RecordPath,
    place: Place<'_>,
    value: &Value,
    secret: &Value,
) -> Result<Row, Unfit> {
    let mut row = Row::default();
    let mut outside: Vec<Option<Value>> = vec![None; table.columns.len()];
    let mut rest = None;
    for (number, column) in table.columns.iter().enumerate() {
        let aside = |number: usize, value: &Value, row: &mut Row, outside: &mut [Option<Value>]| {
            let (vault, over) = column.spill.as_ref().filter(|_| !value.is_null())?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let path = vault.path_for(&text, *over)?;
            row.files.push((number, path.clone(), text));
            outside[number] = Some(value.clone());
            Some(path)
        };
        let unfit = |pointer: &str, reason: String| Unfit {
            column: format!("{}.{}", table.name, column.name),
            pointer: pointer.to_owned(),
            reason,
        };
        let store = |pointer: &str, value: &Value| column.kind.store(value).map_err(|reason| unfit(pointer, reason));
        let (pointer, mut cell) = match &column.fill {
            Fill::Pointer { pointer, keys } => {
                let found = at(if column.seal.is_some() { secret } else { value }, keys);
                if column.required && found.is_none_or(Value::is_null) {
                    return Err(unfit(pointer, format!("the record has no value at `{pointer}`")));
                }
                let cell = match (&column.seal, found) {
                    (None, Some(found)) => match aside(number, found, &mut row, &mut outside) {
                        Some(path) => {
                            if !found.is_string() {
                                row.left.json.push(pointer.clone());
                            }
                            store(pointer, &Value::String(path))?
                        }
                        None => store(pointer, found)?,
                    },
                    (Some(seal), Some(found)) if !found.is_null() => {
                        let plain = seal.text(found).map_err(|reason| unfit(pointer, reason))?;
                        let sealed = seal.of(plain.text.expose(), place.stored);
                        let cell = store(pointer, &Value::String(sealed.map_err(|reason| unfit(pointer, reason))?))?;
                        if plain.json {
                            row.left.json.push(pointer.clone());
                        }
                        row.plain.push((number, plain.text));
                        cell
                    }
                    _ => Cell::Null,
                };
                (pointer.as_str(), cell)
            }
            Fill::Capture(at) => {
                let text = place.file.captures.get(*at).map_or("", String::as_str);
                ("", store("", &Value::from(text))?)
            }
            Fill::File(fact) => ("", store("", &file_fact(*fact, place))?),
            Fill::Constant(cell) => ("", cell.clone()),
            Fill::Uuid => ("", store("", &Value::from(uuid::Uuid::new_v4().to_string()))?),
            Fill::Now => ("", store("", &Value::from(place.now))?),
            Fill::Whole | Fill::Rest => {
                let all = match column.fill {
                    Fill::Rest => rest.get_or_insert_with(|| remainder(table, value)),
                    _ => value,
                };
                let path = aside(number, all, &mut row, &mut outside);
                ("", store("", path.map(Value::String).as_ref().unwrap_or(all))?)
            }
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
        // what is hidden of a record is never what holds records
        let found = nested(value, &child.records).zip(nested(secret, &child.records));
        for (number, ((pointer, entry, position, value), (.., secret))) in (0..).zip(found) {
            let place = Place { position, entry: entry.as_deref(), pointer: &pointer, ..place };
            let mut mapped = map(&child.table, &child.records, place, value, secret)
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
            values.push((pointer, Some(value.clone())));
        }
        row.children.push(rows);
        inner.push(values);
    }
    let rebuilt = rebuild(table, &row.cells, &outside, inner);
    difference(&rebuilt, value, &mut String::new(), &mut row.left);
    if derived(path, place.position).as_deref() != Some(place.pointer) {
        row.left.pointer = Some(place.pointer.to_owned());
    }
    Ok(row)
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
