//! One JSON value's bytes → the value, with all digits; what could not be written back as it was is an error.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The key by which serde_json hands over a number with its digits.
const NUMBER: &str = "$serde_json::private::Number";

/// Why a value can't be read, with line and column in its bytes, from 1; the column counts characters.
pub(in crate::import) struct Invalid {
    pub line: u64,
    pub column: u64,
    pub reason: String,
}

/// Reads the value that `bytes` are.
pub(in crate::import) fn value(bytes: &[u8]) -> Result<Value, Invalid> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let range = bytes.as_ptr_range();
    let strict = Strict(range.start as usize..range.end as usize);
    let read = strict.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| {
        let text = error.to_string();
        let reason = text.rfind(" at line ").map_or(text.as_str(), |at| &text[..at]).to_owned();
        let line = error.line().max(1);
        let start = bytes.split_inclusive(|byte| *byte == b'\n').take(line - 1).map(<[u8]>::len).sum::<usize>();
        let before = &bytes[start..bytes.len().min(start + error.column().saturating_sub(1))];
        let characters = before.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
        Invalid { line: line as u64, column: characters as u64 + 1, reason }
    })
}

/// A value of the bytes at these addresses: a key that lies elsewhere is serde_json's own.
#[derive(Clone)]
struct Strict(Range<usize>);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that JSON does not have"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(self.clone())? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key_seed(KeySeed(&self.0))? {
            match key {
                Key::Number => {
                    let digits: String = access.next_value()?;
                    return digits.parse().map(Value::Number).map_err(A::Error::custom);
                }
                // serde_json would take such an object for a number wherever it is read again
                Key::Text(key) if key.starts_with("$serde_json::private::") => {
                    return Err(A::Error::custom(format!("the key `{key}` has a meaning of its own here")));
                }
                Key::Text(key) => {
                    if map.contains_key(&key) {
                        return Err(A::Error::custom(format!("the key `{key}` stands twice in one object")));
                    }
                    map.insert(key, access.next_value_seed(self.clone())?);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

enum Key {
    Text(String),
    Number,
}

struct KeySeed<'a>(&'a Range<usize>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key, E> {
        let own = key == NUMBER && !self.0.contains(&(key.as_ptr() as usize));
        Ok(if own { Key::Number } else { Key::Text(key.to_owned()) })
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(Key::Text(key.to_owned()))
    }
}

/// A string's bytes, quotes and all → its text.
pub(in crate::import) fn string(bytes: &[u8]) -> Result<String, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    String::deserialize(&mut deserializer).and_then(|text| deserializer.end().map(|()| text)).map_err(|error| {
        let text = error.to_string();
        text.rfind(" at line ").map_or(text.as_str(), |at| &text[..at]).to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_what_they_say() {
        for text in [
            r#"{"b":1.10,"a":[-0,1e400,123456789012345678901234567890,0.1],"c":null,"d":{"e":"\u00e4\n"},"f":true}"#,
            "1.0",
            "\"x\"",
            "[]",
        ] {
            let read = value(text.as_bytes()).map_err(|invalid| invalid.reason).expect(text);
            assert_eq!(read, serde_json::from_str::<Value>(text).expect("JSON"), "{text}");
        }
        let digits = value(b"[1.10,123456789012345678901234567890]").map_err(|invalid| invalid.reason);
        assert_eq!(digits.expect("read").to_string(), "[1.10,123456789012345678901234567890]");
    }

    #[test]
    fn what_could_not_come_back_is_an_error() {
        for (text, part) in [
            (r#"{"a":1,"a":2}"#, "stands twice"),
            (r#"{"x":{"a":1,"\u0061":2}}"#, "stands twice"),
            (r#"{"$serde_json::private::Number":"1"}"#, "meaning of its own"),
            (r#"{"$serde_json::private::\u004eumber":"1"}"#, "meaning of its own"),
            (r#"{"a":"\ud800"}"#, "hex escape"),
            ("NaN", "expected"),
            ("[1,]", "trailing comma"),
            ("1 2", "trailing"),
        ] {
            let Err(invalid) = value(text.as_bytes()) else { panic!("{text} is read") };
            assert!(invalid.reason.contains(part), "{text}: {}", invalid.reason);
        }
        assert!(value(b"\"\xff\"").is_err());
        assert!(value("[".repeat(200).as_bytes()).is_err());
        let Err(invalid) = value("{\"ä\":1,\n \"ö\":x}".as_bytes()) else { panic!("it is read") };
        assert_eq!((invalid.line, invalid.column), (2, 6));
    }
}
