//! A mapping file's keys, one by one: which are known here, what is nearest to one that is not, and how a fault is shown.

use std::path::Path;

use crate::import::ImportError;
use crate::import::yaml::{Kind, Node, Place, Problem};
use crate::source_text;
use crate::suggest;

/// What is wrong with a mapping, where, and what to do about it.
#[derive(Debug)]
pub(super) struct Fault {
    place: Place,
    message: String,
    hint: Option<String>,
}

pub(super) type Checked<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn at(node: &Node, message: impl Into<String>) -> Self {
        Self { place: node.place, message: message.into(), hint: None }
    }

    /// At a line and column, from 1.
    pub(super) fn at_place((line, column): (u32, u32), message: impl Into<String>) -> Self {
        let place = Place { line: line.into(), column: column.into() };
        Self { place, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A word that is none of those known here.
    pub(super) fn unknown<'a>(
        node: &Node,
        what: &str,
        word: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        let fault = Self::at(node, format!("unknown {what} `{word}`"));
        match suggest::nearest(word, known.clone()) {
            Some(nearest) => fault.hint(format!("did you mean `{nearest}`?")),
            None => fault.hint(match list(known) {
                none if none.is_empty() => format!("there is no {what} here"),
                list => format!("what is known here: {list}"),
            }),
        }
    }

    /// The error, with the lines in question.
    pub(super) fn shown(self, file: &Path, text: &str) -> ImportError {
        let line = usize::try_from(self.place.line.max(1)).unwrap_or(usize::MAX);
        let column = usize::try_from(self.place.column.max(1)).unwrap_or(usize::MAX);
        let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
        let offset = start + text[start..].chars().take(column - 1).map(char::len_utf8).sum::<usize>();
        let excerpt = source_text::excerpt(text, offset, 1);
        let message = format!("{}:{line}:{column}: {}\n{excerpt}", file.display(), self.message);
        ImportError::Mapping { message, hint: self.hint }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self { place: problem.place, message: problem.reason, hint: None }
    }
}

/// Words in backquotes.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The keys of a mapping.
pub(super) struct Fields<'a> {
    pub node: &'a Node,
    entries: Vec<(&'a str, &'a Node, &'a Node)>,
}

impl<'a> Fields<'a> {
    /// The keys that stand at `node`, all of them `known`; `what` says what they describe.
    pub(super) fn of(node: &'a Node, what: &str, known: &[&str]) -> Checked<Self> {
        let fields = Self::any(node, what)?;
        match fields.entries.iter().find(|(name, ..)| !known.contains(name)) {
            Some((name, key, _)) => Err(Fault::unknown(key, "key", name, known.iter().copied())),
            None => Ok(fields),
        }
    }

    /// The keys that stand at `node`, whatever they are.
    pub(super) fn any(node: &'a Node, what: &str) -> Checked<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            return Err(Fault::at(node, format!("expected {what}: a mapping of keys, found {}", kind(node))));
        };
        let mut fields = Self { node, entries: Vec::new() };
        for (key, value) in entries {
            if matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<") {
                return Err(Fault::at(key, "`<<` merges nothing here: the keys of a mapping are read as they stand")
                    .hint("write them out; a whole value may be an alias (`columns: *those`)"));
            }
            let name = word(key, "a key")?;
            if fields.get(name).is_some() {
                return Err(Fault::at(key, format!("`{name}` stands here twice")));
            }
            fields.entries.push((name, key, value));
        }
        Ok(fields)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(known, ..)| *known == name).map(|(_, _, value)| *value)
    }

    /// A key's value, which has to be there.
    pub(super) fn need(&self, name: &str) -> Checked<&'a Node> {
        self.get(name).ok_or_else(|| Fault::at(self.node, format!("`{name}` is missing here")))
    }

    /// Name, where it stands, value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Node, &'a Node)> {
        self.entries.iter().copied()
    }
}

/// Line and column, as a mapping keeps them.
pub(super) fn place(node: &Node) -> (u32, u32) {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    (number(node.place.line), number(node.place.column))
}

/// A scalar, as it is written; not an empty one.
pub(super) fn word<'a>(node: &'a Node, what: &str) -> Checked<&'a str> {
    match scalar(node, what)? {
        "" => Err(Fault::at(node, format!("expected {what}, found nothing"))),
        text => Ok(text),
    }
}

/// A scalar, as it is written.
pub(super) fn scalar<'a>(node: &'a Node, what: &str) -> Checked<&'a str> {
    match &node.kind {
        _ if node.is_nothing() => Ok(""),
        Kind::Scalar { text, .. } => Ok(text),
        _ => Err(Fault::at(node, format!("expected {what}, found {}", kind(node)))),
    }
}

/// A list's items.
pub(super) fn items<'a>(node: &'a Node, what: &str) -> Checked<&'a [Node]> {
    match &node.kind {
        Kind::Sequence(items) => Ok(items),
        _ => Err(Fault::at(node, format!("expected {what}: a list, found {}", kind(node)))),
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(node: &Node, what: &str, choices: &[(&str, T)]) -> Checked<T> {
    let text = word(node, what)?;
    let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    chosen.ok_or_else(|| Fault::unknown(node, what, text, choices.iter().map(|(name, _)| *name)))
}

/// `true` or `false`.
pub(super) fn truth(node: &Node) -> Checked<bool> {
    choice(node, "value", &[("true", true), ("false", false)])
}

fn kind(node: &Node) -> String {
    match &node.kind {
        _ if node.is_nothing() => "nothing".to_owned(),
        Kind::Scalar { text, .. } if text.chars().count() > 40 => "a text".to_owned(),
        Kind::Scalar { text, .. } => format!("`{text}`"),
        Kind::Sequence(_) => "a list".to_owned(),
        Kind::Mapping(_) => "a mapping of keys".to_owned(),
    }
}
