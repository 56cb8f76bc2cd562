//! A record → its rows and what is left of it; rows and leftovers → the record.

mod back;
mod difference;
mod item;
mod map;

use serde_json::Value;

pub(super) use self::back::{outside, put_children, rebuild, unseal};
pub(super) use self::difference::apply;
pub(super) use self::item::{Item, write_item};
pub(super) use self::map::map;
use super::bind::Cell;
use super::read::SourceFile;
use crate::config::Secret;

/// A row, and the rows of what is nested in its record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    pub cells: Vec<Cell>,
    pub left: Left,
    /// For each child of the table, in order.
    pub children: Vec<Vec<Row>>,
    /// What was hashed or encrypted, by column.
    pub plain: Vec<(usize, Secret)>,
    /// Values that are stored as files: the column, the path, the text.
    pub files: Vec<(usize, String, String)>,
    /// What is summed up of its cells, where that is known already.
    pub print: Option<u128>,
}

impl Row {
    /// What was hashed or encrypted for a column.
    pub fn plain(&self, column: usize) -> Option<&Secret> {
        self.plain.iter().find(|(at, _)| *at == column).map(|(_, plain)| plain)
    }
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
    /// Where what was encrypted, or is stored as a file, is JSON of a value that is no text.
    pub json: Vec<String>,
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
    /// Hashes that take long are made, too: somebody is going to store them.
    pub stored: bool,
}

fn at<'a>(value: &'a Value, keys: &[String]) -> Option<&'a Value> {
    keys.iter().try_fold(value, |value, key| match value {
        Value::Object(map) => map.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok().filter(|at| at.to_string() == *key)?),
        _ => None,
    })
}
