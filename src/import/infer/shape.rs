//! What values look like, summed over many of them: kinds, keys, items. Its size is bounded, whatever is added.

use std::collections::HashMap;

use serde_json::Value;

/// So many keys an object may have before it is taken for a map, whose keys are data.
const MOST_KEYS: usize = 300;

/// So deep a shape is looked into; what is deeper is JSON to us.
const DEEPEST: usize = 10;

/// The sum of many values.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    pub count: u64,
    pub nulls: u64,
    pub bools: u64,
    pub strings: u64,
    /// Texts with a NUL among them, which PostgreSQL's `text` can't hold.
    pub nuls: u64,
    /// Integers that 64 bits hold.
    pub integers: u64,
    /// Numbers that a double holds with all their digits, integers not among them.
    pub reals: u64,
    /// Numbers that neither holds.
    pub wide: u64,
    pub arrays: u64,
    pub objects: u64,
    /// Whether there is somewhere, however deep, what PostgreSQL's `jsonb` would change or refuse.
    pub verbatim: bool,
    /// Of the arrays' items.
    pub items: Option<Box<Shape>>,
    pub keys: Keys,
}

/// Keys of objects, in the order in which they were met.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    numbers: HashMap<String, usize>,
    list: Vec<(String, Shape)>,
    /// The values' sum, once the keys are too many to tell apart.
    pub many: Option<Box<Shape>>,
}

impl Keys {
    pub(super) fn list(&self) -> &[(String, Shape)] {
        &self.list
    }

    pub(super) fn get(&self, key: &str) -> Option<&Shape> {
        self.numbers.get(key).map(|number| &self.list[*number].1)
    }

    /// The shape of a key's values.
    pub(super) fn entry(&mut self, key: &str) -> &mut Shape {
        if self.many.is_none() && !self.numbers.contains_key(key) && self.list.len() >= MOST_KEYS {
            let sum = self.sum();
            *self = Self { many: Some(Box::new(sum)), ..Self::default() };
        }
        if let Some(many) = &mut self.many {
            return many;
        }
        let next = self.list.len();
        let number = *self.numbers.entry(key.to_owned()).or_insert(next);
        if number == next {
            self.list.push((key.to_owned(), Shape::default()));
        }
        &mut self.list[number].1
    }

    /// All values, whatever their keys.
    pub(super) fn sum(&self) -> Shape {
        let mut sum = self.many.as_deref().cloned().unwrap_or_default();
        self.list.iter().for_each(|(_, shape)| sum.merge(shape));
        sum
    }
}

impl Shape {
    pub(super) fn add(&mut self, value: &Value) {
        self.verbatim = self.verbatim || changes_as_jsonb(value);
        self.add_at(value, 0);
    }

    fn add_at(&mut self, value: &Value, depth: usize) {
        self.count += 1;
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.bools += 1,
            Value::String(text) => {
                self.strings += 1;
                self.nuls += u64::from(text.contains('\0'));
            }
            Value::Number(number) => match kind_of_number(number.as_str()) {
                NumberKind::Integer => self.integers += 1,
                NumberKind::Real => self.reals += 1,
                NumberKind::Wide => self.wide += 1,
            },
            Value::Array(items) => {
                self.arrays += 1;
                if depth < DEEPEST && !items.is_empty() {
                    let sum = self.items.get_or_insert_default();
                    items.iter().for_each(|item| sum.add_at(item, depth + 1));
                }
            }
            Value::Object(map) => {
                self.objects += 1;
                if depth < DEEPEST {
                    map.iter().for_each(|(key, value)| self.keys.entry(key).add_at(value, depth + 1));
                }
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.nulls += other.nulls;
        self.bools += other.bools;
        self.strings += other.strings;
        self.nuls += other.nuls;
        self.verbatim |= other.verbatim;
        self.integers += other.integers;
        self.reals += other.reals;
        self.wide += other.wide;
        self.arrays += other.arrays;
        self.objects += other.objects;
        if let Some(items) = &other.items {
            self.items.get_or_insert_default().merge(items);
        }
        for (key, shape) in &other.keys.list {
            self.keys.entry(key).merge(shape);
        }
        if let Some(many) = &other.keys.many {
            let mut sum = self.keys.sum();
            sum.merge(many);
            self.keys = Keys { many: Some(Box::new(sum)), ..Keys::default() };
        }
    }

    /// Values that are no null.
    fn values(&self) -> u64 {
        self.count - self.nulls
    }

    /// Whether all values are objects, or null.
    pub(super) fn is_objects(&self) -> bool {
        self.objects > 0 && self.objects == self.values()
    }

    /// Whether all values are arrays of objects, or null.
    pub(super) fn is_rows(&self) -> bool {
        self.arrays > 0 && self.arrays == self.values() && self.items.as_ref().is_some_and(|items| items.is_objects())
    }

    /// Whether its keys are data, such as the ids of its values: an object of many values that are all alike.
    pub(super) fn is_map(&self) -> bool {
        if !self.is_objects() {
            return false;
        }
        if self.keys.many.is_some() {
            return true;
        }
        let list = &self.keys.list;
        let alike = |is: fn(&Shape) -> bool| list.len() >= 2 && list.iter().all(|(_, shape)| is(shape));
        let odd = list.iter().filter(|(key, _)| is_odd(key)).count();
        if alike(Self::is_objects) && odd * 2 > list.len() {
            return true;
        }
        list.len() > 60 && alike(|shape| shape.strings == shape.count)
    }

    /// Whether somewhere in the object's objects there are arrays of objects or maps, which become tables.
    pub(super) fn holds_rows(&self) -> bool {
        self.holds_rows_at(0)
    }

    fn holds_rows_at(&self, depth: usize) -> bool {
        self.is_objects()
            && !self.is_map()
            && self.keys.list.iter().any(|(key, inner)| {
                is_step(key) && (inner.is_rows() || inner.is_map() || (depth < 3 && inner.holds_rows_at(depth + 1)))
            })
    }

    /// How alike the keys of two shapes are, from 0 to 1; of different kinds 0.
    pub(super) fn likeness(&self, other: &Self) -> f64 {
        let kind = |shape: &Self| (shape.arrays > 0, shape.objects > 0, shape.is_map());
        if kind(self) != kind(other) {
            return 0.0;
        }
        if self.is_map() || self.objects == 0 {
            return match (&self.items, &other.items) {
                (Some(own), Some(its)) => own.likeness(its),
                _ => 1.0,
            };
        }
        let common = self.keys.list.iter().filter(|(key, _)| other.keys.numbers.contains_key(key)).count();
        // documents that say the same around different tables are of different kinds
        let other_tables = self.keys.list.iter().any(|(key, own)| {
            other.keys.get(key).is_some_and(|its| {
                own.is_objects()
                    && its.is_objects()
                    && (own.holds_rows() || its.holds_rows())
                    && own.likeness(its) < 0.5
            })
        });
        if other_tables {
            return 0.0;
        }
        let fewer = self.keys.list.len().min(other.keys.list.len());
        if fewer == 0 { 1.0 } else { common as f64 / fewer as f64 }
    }
}

/// Whether a path can lead through the key.
pub(super) fn is_step(key: &str) -> bool {
    !key.ends_with("[*]") && !key.ends_with("{*}") && !key.is_empty()
}

/// Whether a key is no name of a field: it has what names don't, or is a number or an id.
fn is_odd(key: &str) -> bool {
    super::folders::is_id(key) || key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether `jsonb` would change or refuse a value: a zero with a sign, a NUL, a number beyond those of `numeric`
/// (<https://www.postgresql.org/docs/current/datatype-json.html>).
fn changes_as_jsonb(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Number(number) => {
            let digits = number.as_str();
            let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
            let zero = !mantissa.contains(|c: char| ('1'..='9').contains(&c));
            let huge = digits.len() > 10_000 || exponent.parse::<i32>().map_or(true, |exponent| exponent.abs() > 4_000);
            huge || (zero && mantissa.starts_with('-'))
        }
        Value::Array(items) => items.iter().any(changes_as_jsonb),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || changes_as_jsonb(value)),
    }
}

enum NumberKind {
    Integer,
    Real,
    Wide,
}

fn kind_of_number(digits: &str) -> NumberKind {
    if digits.parse::<i64>().is_ok() && digits != "-0" {
        return NumberKind::Integer;
    }
    // a double holds a number if what it writes is the same digits at the same place
    let exact = digits
        .parse::<f64>()
        .is_ok_and(|real| real.is_finite() && canonical(&format!("{real:e}")) == canonical(digits));
    if exact { NumberKind::Real } else { NumberKind::Wide }
}

/// Sign, digits without the zeros around them, and the exponent that the first of them has.
fn canonical(number: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches(['-', '+']);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let leading = (all.len() - digits.len()) as i64;
    let digits = digits.trim_end_matches('0');
    let first = whole.len() as i64 - leading + exponent.parse::<i64>().unwrap_or(i64::MAX / 2);
    (negative, digits.to_owned(), if digits.is_empty() { 0 } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(values: &[&str]) -> Shape {
        let mut shape = Shape::default();
        values.iter().for_each(|text| shape.add(&serde_json::from_str(text).expect("JSON")));
        shape
    }

    #[test]
    fn numbers_are_told_apart_by_what_holds_them() {
        let sum = shape(&[
            "1",
            "-9223372036854775808",
            "9223372036854775808",
            "0.1",
            "1.50",
            "1e3",
            "0.12345678901234567890",
            "1e400",
            "-0",
        ]);
        // 2^63 is a power of two, and a double's digits for it are fewer
        assert_eq!((sum.integers, sum.reals, sum.wide), (2, 4, 3));
    }

    #[test]
    fn maps_are_told_from_records() {
        assert!(shape(&[r#"{"sun.sun":{"a":1},"zone.home":{"a":2}}"#]).is_map());
        assert!(!shape(&[r#"{"name":{"a":1},"address":{"b":2}}"#]).is_map());
        assert!(!shape(&[r#"{"a":1}"#]).is_map());
        let many: serde_json::Map<String, Value> = (0..400).map(|n| (format!("k{n}"), Value::from("x"))).collect();
        let many = Value::Object(many).to_string();
        assert!(shape(&[&many]).is_map());
        assert!(shape(&["[{\"a\":1}]", "[]", "null"]).is_rows());
        assert!(!shape(&["[1]"]).is_rows());
    }
}
