//! A Markdown file → one record: the front matter's keys, and the text after it under `body`, to the byte.

use serde_json::{Map, Value};

use super::input::Input;
use super::{EachUnread, FileRead, Sink, What, raw, utf8};
use crate::import::ImportError;
use crate::import::number::same;
use crate::import::yaml::{Problem, documents};

/// Reads the file.
pub(super) fn read(mut input: Input, each: EachUnread<'_>) -> Result<FileRead, ImportError> {
    let mut sink = Sink::new(each);
    let bytes = input.all()?;
    let mut head = Value::Null;
    match utf8(&bytes) {
        Ok(text) => match parse(text) {
            Ok(map) => {
                let body = map.get("body").and_then(Value::as_str).map_or(0, str::len);
                if body < text.len() {
                    head = text[..text.len() - body].into();
                }
                sink.good("", What::Value(Value::Object(map)))?
            }
            Err(problem) => {
                // the front matter begins on the file's second line
                let place = (problem.place.line.max(1) + 1, problem.place.column.max(1));
                sink.bad(place, problem.reason, raw(&bytes))?
            }
        },
        Err((place, reason)) => sink.bad(place, reason, raw(&bytes))?,
    };
    // how the front matter was written, so that it is written so again
    sink.finish(input, head)
}

/// The record that a Markdown file's text is. A text that begins with a line `---` and has a second one has front matter
/// between them, if that is a mapping or nothing; otherwise all of it is the body, a byte order mark too.
fn parse(text: &str) -> Result<Map<String, Value>, Problem> {
    let whole = || Map::from_iter([("body".to_owned(), Value::from(text))]);
    let Some((matter, body)) = front_matter(text) else { return Ok(whole()) };
    let mut parsed = documents(matter);
    let first = parsed.next().map(|node| node.and_then(|node| node.into_value())).transpose()?;
    if let Some(second) = parsed.next() {
        second?;
        return Ok(whole());
    }
    let mut map = match first {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map,
        // two rules with a paragraph between them are no front matter
        Some(_) => return Ok(whole()),
    };
    if map.contains_key("body") {
        let reason = "the front matter has a key `body`, which is where the text goes".to_owned();
        return Err(Problem { place: Default::default(), reason });
    }
    map.insert("body".to_owned(), body.into());
    Ok(map)
}

/// What stands between the two lines `---`, and what after them.
fn front_matter(text: &str) -> Option<(&str, &str)> {
    let is_rule = |line: &str| line.trim_end() == "---";
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    let start = lines.next().filter(|line| is_rule(line) && line.ends_with('\n'))?.len();
    let mut at = start;
    for line in lines {
        if is_rule(line) {
            return Some((&text[start..at], &text[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// The text of a Markdown file that is read as this record; `None` if there is none, as `body` is no text.
///
/// `head` is what stood before the body when the file was read, and stands there again as long as it says the same.
/// `yaml` writes the front matter otherwise: YAML of a mapping that is not empty.
#[must_use]
pub fn compose(
    record: &Map<String, Value>,
    head: Option<&str>,
    yaml: &dyn Fn(&Map<String, Value>) -> String,
) -> Option<String> {
    let body = record.get("body")?.as_str()?;
    if let Some(head) = head {
        let text = format!("{head}{body}");
        if parse(&text).is_ok_and(|read| same(&Value::Object(read), &Value::Object(record.clone()))) {
            return Some(text);
        }
    }
    let mut matter = record.clone();
    matter.shift_remove("body");
    if matter.is_empty() {
        // a text that would be taken for front matter gets an empty one before it
        let plain = parse(body).is_ok_and(|read| read == *record);
        return Some(if plain { body.to_owned() } else { format!("---\n---\n{body}") });
    }
    let yaml = yaml(&matter);
    let end = if yaml.ends_with('\n') { "" } else { "\n" };
    Some(format!("---\n{yaml}{end}---\n{body}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        parse(text).map(Value::Object).unwrap_or_else(|problem| panic!("{text}: {}", problem.reason))
    }

    #[test]
    fn front_matter_and_body_are_told_apart() {
        for (text, expected) in [
            ("---\ntitle: A\n---\n# x\n", json!({"title": "A", "body": "# x\n"})),
            ("---\r\ntitle: A\r\n---\r\nx\r\n", json!({"title": "A", "body": "x\r\n"})),
            ("\u{feff}---\ntitle: A\n---\n", json!({"title": "A", "body": ""})),
            ("---\n---\nx", json!({"body": "x"})),
            ("---\ntitle: A\n---", json!({"title": "A", "body": ""})),
            ("# x\n---\ny", json!({"body": "# x\n---\ny"})),
            ("---\nno end", json!({"body": "---\nno end"})),
            ("---\na paragraph\n---\nx", json!({"body": "---\na paragraph\n---\nx"})),
            ("", json!({"body": ""})),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
        assert!(parse("---\nbody: x\n---\n").is_err());
        assert!(parse("---\na: [\n---\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_composed_is_read_back(
            body in "(---\n|\r\n|\u{feff}|a: b\n|x| ){0,6}", title in proptest::option::of("[a-z]{1,5}")
        ) {
            let mut record = Map::new();
            if let Some(title) = title {
                record.insert("title".to_owned(), title.into());
            }
            record.insert("body".to_owned(), body.into());
            // JSON is YAML
            let yaml = |map: &Map<String, Value>| Value::Object(map.clone()).to_string();
            let text = compose(&record, None, &yaml).expect("a body");
            proptest::prop_assert_eq!(read(&text), Value::Object(record));
        }
    }
}
