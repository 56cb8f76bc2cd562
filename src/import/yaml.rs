//! YAML text → a tree that knows where each of its values stands: for the mapping, and for data.
//!
//! Scalars are kept as they are written, so that numbers keep their digits and a mapping's errors point at the very key;
//! what a plain scalar means is YAML 1.2's core schema (<https://yaml.org/spec/1.2.2/#103-core-schema>).

mod value;

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

/// Where something stands, from 1; the column counts characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub line: u64,
    pub column: u64,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub place: Place,
    pub reason: String,
}

/// A value, and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub place: Place,
    pub tag: Option<String>,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Scalar { text: String, plain: bool },
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// How deep values may be nested, as in JSON.
const DEEPEST: usize = 127;

/// How many values aliases may stand for in one document: a few lines can be made to mean billions of them.
const MOST_ALIASED: usize = 200_000;

/// The documents of a text, one after the other; after a problem there are no more.
pub(crate) struct Documents<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    done: bool,
}

/// JSON text as every reader of YAML takes it: characters that YAML has not, or takes for ends of lines, are escaped
/// (<https://yaml.org/spec/1.2.2/#51-character-set>). In JSON they stand in texts alone.
pub(crate) fn of_json(json: &str) -> Cow<'_, str> {
    let odd =
        |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if !json.contains(odd) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if odd(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Reads `text`, without its byte order mark.
pub(crate) fn documents(text: &str) -> Documents<'_> {
    let options = granit_parser::options! { emit_comments: false };
    Documents {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        aliased: 0,
        done: false,
    }
}

impl Iterator for Documents<'_> {
    type Item = Result<Node, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.document().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<'a> Documents<'a> {
    fn event(&mut self) -> Result<Option<(Event<'a>, Place)>, Problem> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, place(&span.tag_start().unwrap_or(span.start))))),
            Some(Err(error)) => Err(Problem { place: place(error.marker()), reason: error.info() }),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Problem> {
        loop {
            match self.event()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _)) => {}
                Some((event, at)) => {
                    self.anchors.clear();
                    self.aliased = 0;
                    return self.node(event, at, 0).map(Some);
                }
            }
        }
    }

    fn child(&mut self, depth: usize) -> Result<Option<Node>, Problem> {
        match self.event()? {
            None | Some((Event::SequenceEnd | Event::MappingEnd, _)) => Ok(None),
            Some((event, at)) => self.node(event, at, depth).map(Some),
        }
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Problem> {
        let problem = |reason: String| Problem { place, reason };
        if depth > DEEPEST {
            return Err(problem(format!("values are nested more than {DEEPEST} deep")));
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let kind = Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                (anchor, Node { place, tag: name(tag.as_deref()), kind })
            }
            Event::SequenceStart(_, anchor, tag) => {
                let mut items = Vec::new();
                while let Some(item) = self.child(depth + 1)? {
                    items.push(item);
                }
                (anchor, Node { place, tag: name(tag.as_deref()), kind: Kind::Sequence(items) })
            }
            Event::MappingStart(_, anchor, tag) => {
                let mut entries = Vec::new();
                while let Some(key) = self.child(depth + 1)? {
                    let value = self.child(depth + 1)?.ok_or_else(|| problem("a key has no value".to_owned()))?;
                    entries.push((key, value));
                }
                (anchor, Node { place, tag: name(tag.as_deref()), kind: Kind::Mapping(entries) })
            }
            Event::Alias(id) => {
                let target = self.anchors.get(&id).ok_or_else(|| problem("an alias of what it is in".to_owned()))?;
                let (count, height) = target.extent();
                self.aliased += count;
                if self.aliased > MOST_ALIASED || depth + height > DEEPEST {
                    return Err(problem("its aliases stand for too many values".to_owned()));
                }
                return Ok(Node { place, ..target.clone() });
            }
            _ => return Err(problem("a value is missing here".to_owned())),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }
}

impl Node {
    /// How many values it holds, itself among them, and how deep they are nested.
    fn extent(&self) -> (usize, usize) {
        let join = |(count, height): (usize, usize), child: &Node| {
            let (more, deep) = child.extent();
            (count + more, height.max(deep + 1))
        };
        match &self.kind {
            Kind::Scalar { .. } => (1, 0),
            Kind::Sequence(items) => items.iter().fold((1, 0), join),
            Kind::Mapping(entries) => entries.iter().fold((1, 0), |sum, (key, value)| join(join(sum, key), value)),
        }
    }

    /// Whether nothing is written here; the parser says `~` for it.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~"))
    }

    /// A problem here.
    pub(crate) fn problem(&self, reason: impl Into<String>) -> Problem {
        Problem { place: self.place, reason: reason.into() }
    }
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line() as u64, column: marker.col() as u64 + 1 }
}

fn name(tag: Option<&Tag>) -> Option<String> {
    tag.map(|tag| match tag.core_suffix() {
        Some(core) => format!("!!{core}"),
        None => tag.original(),
    })
}
