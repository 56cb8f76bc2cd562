//! A record as the books keep it: its row's key, what is left, and the items of its children.

use serde_json::{Map, Value};

use super::{Left, Row};
use crate::import::bind::{BoundTable, Cell};

/// A record as the books keep it: its row's key, and what is left.
fn item(table: &BoundTable, row: &Row) -> Value {
    let key: Vec<Value> = table.key.iter().map(|at| table.columns[*at].kind.restore(&row.cells[*at])).collect();
    let Left { pointer, minus, plus, json } = &row.left;
    let has_children = row.children.iter().any(|rows| !rows.is_empty());
    if pointer.is_none() && minus.is_empty() && plus.is_empty() && json.is_empty() && !has_children {
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
    if !json.is_empty() {
        item.insert("j".to_owned(), json.clone().into());
    }
    if has_children {
        let children = table.children.iter().zip(&row.children);
        let items = children.map(|(child, rows)| rows.iter().map(|row| self::item(&child.table, row)).collect());
        item.insert("c".to_owned(), Value::Array(items.map(Value::Array).collect()));
    }
    Value::Object(item)
}

/// Appends an item's text.
pub(in crate::import) fn write_item(table: &BoundTable, row: &Row, out: &mut String) {
    let Left { pointer, minus, plus, json } = &row.left;
    let has_children = row.children.iter().any(|rows| !rows.is_empty());
    if pointer.is_some() || !minus.is_empty() || !plus.is_empty() || !json.is_empty() || has_children {
        out.push_str(&item(table, row).to_string());
        return;
    }
    // most have nothing but a key, and most keys are nothing but a number or a word
    out.push('[');
    for (number, at) in table.key.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        let (column, cell) = (&table.columns[*at], &row.cells[*at]);
        match cell {
            Cell::Text(text) if column.kind.is_text() && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                out.push('"');
                out.push_str(text);
                out.push('"');
            }
            Cell::Integer(integer) if column.kind.is_integer() => out.push_str(&integer.to_string()),
            cell => out.push_str(&column.kind.restore(cell).to_string()),
        }
    }
    out.push(']');
}

/// What the books say of a record: its key, what is left, and the items of its children.
#[derive(Debug, Clone, Default)]
pub(in crate::import) struct Item {
    pub key: Vec<Value>,
    pub left: Left,
    pub children: Vec<Vec<Item>>,
    /// The record itself, where no row holds it.
    pub value: Option<Value>,
    /// It could not be read, and so can't be written.
    pub lost: bool,
    /// Its row, or that there is none, once it was asked for.
    pub row: Option<Option<Vec<Cell>>>,
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
        if let Some(json) = map.get("j") {
            item.left.json = json.as_array()?.iter().map(text).collect::<Option<_>>()?;
        }
        if let Some(children) = map.get("c") {
            let read = |items: &Value| items.as_array()?.iter().map(Self::read).collect::<Option<Vec<Self>>>();
            item.children = children.as_array()?.iter().map(read).collect::<Option<_>>()?;
        }
        Some(item)
    }

    /// Whether a row was written of it.
    pub fn has_row(&self) -> bool {
        self.value.is_none() && !self.key.is_empty()
    }

    /// The cells of its key.
    pub fn cells(&self, table: &BoundTable) -> Option<Vec<Cell>> {
        let pairs = table.key.iter().zip(&self.key);
        let cells: Option<Vec<Cell>> = pairs.map(|(at, value)| table.columns[*at].kind.store(value).ok()).collect();
        cells.filter(|cells| cells.len() == table.key.len())
    }
}
