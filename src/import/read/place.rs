//! Places within a value: what is nested at a path, a document taken apart by it, and put together again.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::json::index;
use crate::import::ImportError;
use crate::import::mapping::{RecordPath, Step, escape_key, pointer_keys};

/// What is at `path` in `value`: pointer from `value`, key in its object where the path ends with `{*}`, place in its array
/// or object (0 where the path ends with a key), and the value. Where something else stands than the path says there is
/// nothing.
pub fn nested<'a>(
    value: &'a Value,
    path: &RecordPath,
) -> impl Iterator<Item = (String, Option<String>, u64, &'a Value)> + use<'a> {
    let mut found = vec![(String::new(), None, 0, value)];
    for step in &path.0 {
        let mut inner = Vec::new();
        for (pointer, _, _, value) in found {
            match (step, value) {
                (Step::Key(key), Value::Object(map)) => {
                    inner.extend(map.get(key).map(|value| (format!("{pointer}/{}", escape_key(key)), None, 0, value)));
                }
                (Step::Key(key), Value::Array(items)) => {
                    let item = index(key).and_then(|index| items.get(usize::try_from(index).ok()?));
                    inner.extend(item.map(|value| (format!("{pointer}/{key}"), None, 0, value)));
                }
                (Step::Items, Value::Array(items)) => inner.extend(
                    items
                        .iter()
                        .zip(0..)
                        .map(|(item, position)| (format!("{pointer}/{position}"), None, position, item)),
                ),
                (Step::Entries, Value::Object(map)) => {
                    inner.extend(map.iter().zip(0..).map(|((key, value), position)| {
                        (format!("{pointer}/{}", escape_key(key)), Some(key.clone()), position, value)
                    }))
                }
                _ => {}
            }
        }
        found = inner;
    }
    found.into_iter()
}

/// Puts `value` where `pointer` says: in place of what is there, as a new entry of an object, or after the last item of an
/// array. Records put into an envelope in their order give the document.
///
/// # Errors
/// There is no such place.
pub fn put(document: &mut Value, pointer: &str, value: Value) -> Result<(), String> {
    let mut keys = pointer_keys(pointer)?;
    let missing = || format!("there is no place `{pointer}`");
    let Some(last) = keys.pop() else {
        *document = value;
        return Ok(());
    };
    let mut at = document;
    for key in keys {
        at = match at {
            Value::Object(map) => map.get_mut(&key),
            Value::Array(items) => index(&key).and_then(|index| items.get_mut(usize::try_from(index).ok()?)),
            _ => None,
        }
        .ok_or_else(missing)?;
    }
    match at {
        Value::Object(map) => drop(map.insert(last, value)),
        Value::Array(items) => {
            let index = index(&last).and_then(|index| usize::try_from(index).ok()).ok_or_else(missing)?;
            match index.cmp(&items.len()) {
                Ordering::Less => items[index] = value,
                Ordering::Equal => items.push(value),
                Ordering::Greater => return Err(missing()),
            }
        }
        _ => return Err(missing()),
    }
    Ok(())
}

/// A record with its pointer and key; or what else stands where it should be: pointer, what was expected, value.
type Split = Result<(String, Option<String>, Value), (String, &'static str, Value)>;

/// Takes a document apart: its records by `each`, and what is left of it. After a break nothing is.
pub(super) fn split(
    document: Value,
    path: &RecordPath,
    each: &mut dyn FnMut(Split) -> Result<ControlFlow<()>, ImportError>,
) -> Result<Value, ImportError> {
    Ok(match part(document, &path.0, &mut String::new(), None, each)? {
        ControlFlow::Continue(envelope) => envelope,
        ControlFlow::Break(()) => Value::Null,
    })
}

type Part = Result<ControlFlow<(), Value>, ImportError>;

fn part(
    value: Value,
    steps: &[Step],
    pointer: &mut String,
    entry: Option<String>,
    each: &mut dyn FnMut(Split) -> Result<ControlFlow<()>, ImportError>,
) -> Part {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(each(Ok((pointer.clone(), entry, value)))?.map_continue(|()| Value::Null));
    };
    // whether a key or item leads on, and whether what is left of it keeps its place
    let all = !matches!(step, Step::Key(_));
    let keeps = !(all && rest.is_empty());
    let mut inner = |value: Value, key: &str, each: &mut dyn FnMut(Split) -> _| -> Part {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&escape_key(key));
        let entry = (*step == Step::Entries && rest.is_empty()).then(|| key.to_owned());
        let part = part(value, rest, pointer, entry, each);
        pointer.truncate(length);
        part
    };
    match (step, value) {
        (Step::Key(_) | Step::Entries, Value::Object(map)) => {
            let mut envelope = Map::new();
            for (key, value) in map {
                if !all && *step != Step::Key(key.clone()) {
                    envelope.insert(key, value);
                    continue;
                }
                let ControlFlow::Continue(left) = inner(value, &key, each)? else {
                    return Ok(ControlFlow::Break(()));
                };
                if keeps {
                    envelope.insert(key, left);
                }
            }
            Ok(ControlFlow::Continue(Value::Object(envelope)))
        }
        (step, Value::Array(items))
            if *step == Step::Items || matches!(step, Step::Key(key) if index(key).is_some()) =>
        {
            let mut envelope = Vec::new();
            for (position, value) in items.into_iter().enumerate() {
                let key = position.to_string();
                if !all && *step != Step::Key(key.clone()) {
                    envelope.push(value);
                    continue;
                }
                let ControlFlow::Continue(left) = inner(value, &key, each)? else {
                    return Ok(ControlFlow::Break(()));
                };
                if keeps {
                    envelope.push(left);
                }
            }
            Ok(ControlFlow::Continue(Value::Array(envelope)))
        }
        (_, Value::Null) => Ok(ControlFlow::Continue(Value::Null)),
        (step, value) => {
            let expected = if *step == Step::Items { "an array" } else { "an object" };
            Ok(each(Err((pointer.clone(), expected, value)))?.map_continue(|()| Value::Null))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_nested_is_found() {
        let value = json!({"a": [{"b": {"x": 1, "y": 2}}, {"b": {"z/": 3}}, 7], "c": {"d": 4}});
        let at = |path: &str| {
            let path = RecordPath::parse(path).expect("a path");
            nested(&value, &path)
                .map(|(pointer, entry, position, value)| (pointer, entry, position, value.to_string()))
                .collect::<Vec<_>>()
        };
        let found = |pointer: &str, entry: Option<&str>, position, value: &str| {
            (pointer.to_owned(), entry.map(str::to_owned), position, value.to_owned())
        };
        assert_eq!(
            at("/a[*]/b{*}"),
            [
                found("/a/0/b/x", Some("x"), 0, "1"),
                found("/a/0/b/y", Some("y"), 1, "2"),
                found("/a/1/b/z~1", Some("z/"), 0, "3")
            ]
        );
        assert_eq!(at("/c/d"), [found("/c/d", None, 0, "4")]);
        assert_eq!(at("/a/2"), [found("/a/2", None, 0, "7")]);
        assert_eq!(at("/c[*]"), []);
        assert_eq!(at("/none"), []);
    }

    #[test]
    fn values_are_put_where_they_belong_and_nowhere_else() {
        let mut document = json!({"a": [], "b": {}});
        for (pointer, value) in [("/a/0", 1), ("/a/1", 2), ("/b/x~1", 3), ("/a/0", 4)] {
            put(&mut document, pointer, value.into()).expect(pointer);
        }
        assert_eq!(document, json!({"a": [4, 2], "b": {"x/": 3}}));
        for pointer in ["/a/5", "/a/x", "/c/d", "/a/0/x", "a"] {
            assert!(put(&mut document, pointer, Value::Null).is_err(), "{pointer}");
        }
    }
}
