//! Paths into documents: where records are, as text and as steps; JSON Pointers (RFC 6901) and their escapes.

use std::fmt;

use super::{RecordPath, Step};

impl RecordPath {
    /// Reads a path such as `/results[*]`, `[*]`, `/by_id{*}/data`; empty for the document. A bracket or brace that is a
    /// key's own has a `~` before it: `/a~[0~][*]` are the items at the key `a[0]`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[*]") {
                steps.push(Step::Items);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("{*}") {
                steps.push(Step::Entries);
                rest = after;
            } else if let Some(after) = rest.strip_prefix('/') {
                let end = after.find('/').unwrap_or(after.len());
                let (segment, following) = after.split_at(end);
                // `[*]` and `{*}` end the key that they follow, several of them too
                let mut key = segment;
                while let Some(before) = key.strip_suffix("[*]").or_else(|| key.strip_suffix("{*}")) {
                    key = before;
                }
                if key.is_empty() && key.len() < segment.len() {
                    return Err(format!(
                        "`/{segment}` has no key before `{segment}`: the document's own items are `[*]`"
                    ));
                }
                steps.push(Step::Key(step_key(key)?));
                rest = &rest[1 + key.len()..];
                debug_assert!(rest.ends_with(following), "what follows the key is read next");
            } else {
                return Err(match steps.is_empty() {
                    true => "it begins with `/`, `[*]` or `{*}`".to_owned(),
                    false => format!("`{rest}` begins with none of `/`, `[*]` and `{{*}}`"),
                });
            }
        }
        Ok(Self(steps))
    }

    /// Whether the document itself is the record.
    #[must_use]
    pub fn is_document(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there can be several records: the path has an array's items or an object's entries.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.0.iter().any(|step| !matches!(step, Step::Key(_)))
    }

    /// Whether its records are entries of an object, with a key each.
    #[must_use]
    pub fn has_entries(&self) -> bool {
        self.0.last() == Some(&Step::Entries)
    }
}

impl fmt::Display for RecordPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Key(key) => {
                f.write_str("/")?;
                escape_key(key).chars().try_for_each(|c| match BRACKETS.contains(&c) {
                    true => write!(f, "~{c}"),
                    false => write!(f, "{c}"),
                })
            }
            Step::Items => f.write_str("[*]"),
            Step::Entries => f.write_str("{*}"),
        })
    }
}

/// What begins and ends a step that is no key.
const BRACKETS: [char; 4] = ['[', ']', '{', '}'];

/// The key that stands in a path of records: a JSON Pointer's, and its brackets and braces have a `~` before them, so that
/// one that is written wrong is not taken for a key's own.
fn step_key(segment: &str) -> Result<String, String> {
    let (mut out, mut from) = (String::with_capacity(segment.len()), 0);
    for (at, c) in segment.char_indices().filter(|(_, c)| BRACKETS.contains(c)) {
        let before = &segment[from..at];
        let Some(before) = before.strip_suffix('~') else {
            return Err(format!(
                "`{c}` in `/{segment}` begins or ends neither `[*]` nor `{{*}}` behind a key; one that is the key's own is \
                 written `~{c}`, and an item by its number `/0`"
            ));
        };
        out.push_str(&unescape_key(before)?);
        out.push(c);
        from = at + 1;
    }
    out.push_str(&unescape_key(&segment[from..])?);
    Ok(out)
}

/// The keys of a JSON Pointer.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn pointer_keys(pointer: &str) -> Result<Vec<String>, String> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let Some(rest) = pointer.strip_prefix('/') else { return Err("a JSON Pointer begins with `/`".to_owned()) };
    rest.split('/').map(unescape_key).collect()
}

/// A key as it stands in a JSON Pointer.
pub(crate) fn escape_key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape_key(key: &str) -> Result<String, String> {
    let mut out = String::with_capacity(key.len());
    let mut rest = key;
    while let Some(at) = rest.find('~') {
        out.push_str(&rest[..at]);
        out.push(match rest.as_bytes().get(at + 1) {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return Err(format!("in `{key}`, `~` is followed by neither `0` (for `~`) nor `1` (for `/`)")),
        });
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn paths_are_read_and_written() {
        for (text, expected) in [
            ("", vec![]),
            ("[*]", vec![Step::Items]),
            ("{*}", vec![Step::Entries]),
            ("/a", vec![key("a")]),
            ("/", vec![key("")]),
            ("/a[*]", vec![key("a"), Step::Items]),
            ("/a[*]{*}", vec![key("a"), Step::Items, Step::Entries]),
            ("/a/b{*}/c[*]", vec![key("a"), key("b"), Step::Entries, key("c"), Step::Items]),
            ("/x~1y~0z/0", vec![key("x/y~z"), key("0")]),
            ("[*]/data", vec![Step::Items, key("data")]),
            ("/a~[0~]", vec![key("a[0]")]),
            ("/a~[*~][*]/~{~0", vec![key("a[*]"), Step::Items, key("{~")]),
        ] {
            let path = RecordPath::parse(text).expect(text);
            assert_eq!(path.0, expected, "{text}");
            assert_eq!(path.to_string(), text);
        }
        for text in ["a", "a[*]", "/a~2", "/~", "/[*]", "[*]a", "[0]", "/a[*", "/a[0]", "/a]", "/a{b}/c", "/a~[*]"] {
            assert!(RecordPath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pointers_are_split_into_keys() {
        assert_eq!(pointer_keys(""), Ok(vec![]));
        assert_eq!(pointer_keys("/"), Ok(vec![String::new()]));
        assert_eq!(pointer_keys("/a~1b/0"), Ok(vec!["a/b".to_owned(), "0".to_owned()]));
        assert!(pointer_keys("a").is_err());
        assert!(pointer_keys("/a~").is_err());
    }
}
