//! A YAML tree → a JSON value, as far as JSON has such values; the others are problems, not guesses.

use serde_json::{Map, Number, Value};

use super::{Kind, Node, Problem};

impl Node {
    /// The value, in JSON's types.
    pub(crate) fn into_value(self) -> Result<Value, Problem> {
        let place = self.place;
        let problem = |reason: String| Problem { place, reason };
        let tag = self.tag.as_deref();
        match self.kind {
            Kind::Scalar { text, plain } => scalar(text, plain, tag).map_err(problem),
            Kind::Sequence(items) => match tag {
                None | Some("!" | "!!seq") => items.into_iter().map(Node::into_value).collect(),
                Some(tag) => Err(problem(foreign(tag))),
            },
            Kind::Mapping(entries) => match tag {
                None | Some("!" | "!!map") => mapping(entries).map(Value::Object),
                Some(tag) => Err(problem(foreign(tag))),
            },
        }
    }
}

fn foreign(tag: &str) -> String {
    format!("a value tagged `{tag}` has no equal in JSON")
}

fn mapping(entries: Vec<(Node, Node)>) -> Result<Map<String, Value>, Problem> {
    let mut map = Map::new();
    let mut merged = Vec::new();
    for (key, value) in entries {
        let place = key.place;
        let problem = |reason: String| Problem { place, reason };
        if matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<") && key.tag.is_none() {
            merged.push(value);
            continue;
        }
        let key = match key.into_value()? {
            Value::String(key) => key,
            Value::Array(_) | Value::Object(_) => {
                return Err(problem("a key that is a list or a mapping has no equal in JSON".to_owned()));
            }
            other => {
                return Err(problem(format!("the key {other} is no text, and JSON's keys are; write it in quotes")));
            }
        };
        if map.contains_key(&key) {
            return Err(problem(format!("the key `{key}` stands here twice")));
        }
        map.insert(key, value.into_value()?);
    }
    // `<<` gives what the mapping does not say itself; of several, the first that has a key
    for source in merged {
        let sources = match source.kind {
            Kind::Sequence(items) => items,
            _ => vec![source],
        };
        for source in sources {
            let problem = source.problem("`<<` is followed by a mapping, or a list of them");
            let Value::Object(object) = source.into_value()? else { return Err(problem) };
            for (key, value) in object {
                map.entry(key).or_insert(value);
            }
        }
    }
    Ok(map)
}

fn scalar(text: String, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    let resolved = |text: String| if plain { resolve(text) } else { Ok(Value::String(text)) };
    match tag {
        None => resolved(text),
        Some("!" | "!!str") => Ok(Value::String(text)),
        Some(tag @ ("!!null" | "!!bool" | "!!int" | "!!float")) => {
            let value = resolve(text)?;
            let fits = match &value {
                Value::Null => tag == "!!null",
                Value::Bool(_) => tag == "!!bool",
                Value::Number(_) => tag == "!!int" || tag == "!!float",
                _ => false,
            };
            if fits { Ok(value) } else { Err(format!("{value} is not what its tag `{tag}` says")) }
        }
        Some(tag) => Err(foreign(tag)),
    }
}

/// What a plain scalar means.
fn resolve(text: String) -> Result<Value, String> {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.trim_start_matches(['-', '+']);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") && text.len() - unsigned.len() <= 1 {
        return Err(format!("the number `{text}` has no equal in JSON"));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| digits.chars().all(|c| c.is_digit(radix)))
            && !digits.is_empty()
        {
            let number =
                u128::from_str_radix(digits, radix).map_err(|_| format!("the number `{text}` is too large"))?;
            return number_of(&number.to_string()).map(Value::Number);
        }
    }
    match json_number(&text) {
        Some(Ok(number)) => number_of(&number).map(Value::Number),
        Some(Err(reason)) => Err(reason),
        None => Ok(Value::String(text)),
    }
}

fn number_of(text: &str) -> Result<Number, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number that JSON can hold"))
}

/// The number that a plain scalar is, in JSON's spelling and with all its digits; `None` where it is text.
fn json_number(text: &str) -> Option<Result<String, String>> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], &unsigned[at..]),
        None => (unsigned, ""),
    };
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, part)| (whole, Some(part)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent_digits = exponent.get(1..).unwrap_or("").trim_start_matches(['-', '+']);
    let signs = exponent.len().saturating_sub(1) - exponent_digits.len();
    let is_number = digits(whole)
        && fraction.is_none_or(digits)
        && !(whole.is_empty() && fraction.unwrap_or("").is_empty())
        && digits(exponent_digits)
        && signs <= 1
        && (exponent.is_empty() || !exponent_digits.is_empty());
    if !is_number {
        return None;
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Some(Err(format!(
            "`{text}` begins with a zero, and readers of YAML differ in what that means; write it in quotes, or without \
             the zero"
        )));
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = match fraction {
        None => String::new(),
        Some("") => ".0".to_owned(),
        Some(digits) => format!(".{digits}"),
    };
    Some(Ok(format!("{sign}{whole}{fraction}{exponent}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Place, documents};
    use super::*;

    fn value(text: &str) -> Result<Value, Problem> {
        let mut documents = documents(text);
        let node = documents.next().expect("a document")?;
        assert!(documents.next().is_none());
        node.into_value()
    }

    #[test]
    fn scalars_mean_what_the_core_schema_says() {
        for (text, expected) in [
            ("a: 1.10", r#"{"a":1.10}"#),
            ("a: 123456789012345678901234567890", r#"{"a":123456789012345678901234567890}"#),
            ("a: +7", r#"{"a":7}"#),
            ("a: .5", r#"{"a":0.5}"#),
            ("a: -5.", r#"{"a":-5.0}"#),
            ("a: 0x1F", r#"{"a":31}"#),
            ("a: 0o17", r#"{"a":15}"#),
            ("a: 1_000", r#"{"a":"1_000"}"#),
            ("a: yes", r#"{"a":"yes"}"#),
            ("a: '1'", r#"{"a":"1"}"#),
            ("a: !!str 1", r#"{"a":"1"}"#),
            ("a:", r#"{"a":null}"#),
            ("a: 2020-01-01", r#"{"a":"2020-01-01"}"#),
            ("a: 1.2.3", r#"{"a":"1.2.3"}"#),
            ("a: e5", r#"{"a":"e5"}"#),
            ("a: .", r#"{"a":"."}"#),
            ("a: [1, {b: c}]", r#"{"a":[1,{"b":"c"}]}"#),
            ("x: &x {p: 1}\ny: {<<: *x, q: 2}\nz: *x", r#"{"x":{"p":1},"y":{"q":2,"p":1},"z":{"p":1}}"#),
        ] {
            assert_eq!(value(text).expect(text), serde_json::from_str::<Value>(expected).expect("JSON"), "{text}");
        }
        assert_eq!(value("- |\n  two\n  lines\n").expect("read"), json!(["two\nlines\n"]));
    }

    #[test]
    fn what_json_has_not_is_a_problem_with_its_place() {
        for (text, part) in [
            ("b: 1\na: .nan", "no equal in JSON"),
            ("b: 1\na: -.inf", "no equal in JSON"),
            ("b: 1\na: !secret x", "tagged `!secret`"),
            ("b: 1\na: !!binary aGk=", "!!binary"),
            ("b: 1\na: 007", "begins with a zero"),
        ] {
            let problem = value(text).expect_err(text);
            assert!(problem.reason.contains(part), "{text}: {}", problem.reason);
            assert_eq!(problem.place, Place { line: 2, column: 4 }, "{text}");
        }
        assert!(value("1: a").is_err());
        assert!(value("a: 1\na: 2").expect_err("twice").reason.contains("twice"));
        assert!(value("a: &a [*a]").is_err());
        assert!(value(&"[".repeat(500)).is_err());
        let bomb: String = (1..20).map(|n| format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1)).collect();
        assert!(value(&format!("a0: &a0 [1]\n{bomb}")).expect_err("too many").reason.contains("too many"));
    }
}
