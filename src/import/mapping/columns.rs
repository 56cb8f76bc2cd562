//! What a column takes: its short forms and its long one, and what of them goes together.

use serde_json::Value;

use super::fields::{Checked, Fault, Fields, choice, list, place, scalar, truth, word};
use super::{ColumnMapping, FileFact, From, RecordPath, Transform, pointer_keys};
use crate::import::yaml::{Kind, Node};

/// What there is to take, where the column stands.
pub(super) struct Scope<'a> {
    pub captures: &'a [String],
    pub records: &'a RecordPath,
    /// Whether its files hold several records, one after the other.
    pub sequence: bool,
}

/// The words that stand for themselves.
const WORDS: &[(&str, Word)] =
    &[("entry", Word::Entry), ("position", Word::Position), ("whole", Word::Whole), ("rest", Word::Rest)];

#[derive(Clone, Copy)]
enum Word {
    Entry,
    Position,
    Whole,
    Rest,
}

const FACTS: &[(&str, FileFact)] = &[
    ("path", FileFact::Path),
    ("name", FileFact::Name),
    ("mtime", FileFact::Mtime),
    ("size", FileFact::Size),
    ("sha256", FileFact::Sha256),
];

/// What bcrypt costs unless told: 2^12 rounds, about a quarter of a second a value.
pub(super) const BCRYPT_COST: u32 = 12;

/// The keys of which a column has one: where its value comes from.
const ORIGINS: &[&str] = &["pointer", "capture", "file", "constant", "generate", "from"];

const KEYS: &[&str] = &[
    "pointer", "capture", "file", "constant", "generate", "from", "hash", "cost", "encrypt", "store", "over",
    "required",
];

pub(super) fn fact_name(fact: FileFact) -> &'static str {
    FACTS.iter().find(|(_, known)| *known == fact).map_or("", |(name, _)| name)
}

/// Reads what the column `name` takes.
pub(super) fn column(name: &str, key: &Node, node: &Node, scope: &Scope<'_>) -> Checked<ColumnMapping> {
    let mut column = ColumnMapping {
        column: name.to_owned(),
        from: From::Pointer(String::new()),
        transform: None,
        store_over: None,
        required: false,
        place: place(key),
    };
    let Kind::Mapping(_) = node.kind else {
        column.from = short(node, scope)?;
        return Ok(column);
    };
    let fields = Fields::of(node, "what a column takes", KEYS)?;
    let origins: Vec<&str> = fields.iter().map(|(name, ..)| name).filter(|name| ORIGINS.contains(name)).collect();
    let [origin] = origins[..] else {
        let message = match origins.len() {
            0 => format!("nothing says where `{name}` comes from"),
            _ => format!("`{name}` can come from one place, not from {}", list(origins.iter().copied())),
        };
        return Err(Fault::at(node, message).hint(format!("give one of {}", list(ORIGINS.iter().copied()))));
    };
    column.from = from(origin, fields.need(origin)?, scope)?;
    modifiers(&mut column, &fields, origin)?;
    Ok(column)
}

/// `/pointer`, or one of the words.
fn short(node: &Node, scope: &Scope<'_>) -> Checked<From> {
    if node.is_nothing() {
        return Err(Fault::at(node, "nothing says what the column takes")
            .hint("a JSON Pointer such as `/id`; the record itself, where it is a single value, is `\"\"` in quotes"));
    }
    let text = scalar(node, "a JSON Pointer, a word or a mapping of keys")?;
    if text.is_empty() || text.starts_with('/') {
        return pointer(node);
    }
    if WORDS.iter().any(|(word, _)| *word == text) {
        return from("from", node, scope);
    }
    let fault = Fault::unknown(node, "word", text, WORDS.iter().map(|(word, _)| *word));
    Err(match scope.captures.iter().any(|capture| capture == text) {
        true => fault.hint(format!("a part of the path is `{{capture: {text}}}`")),
        false if fault_is_near(text) => fault,
        false => fault.hint(format!(
            "a key of the record is a JSON Pointer, `/{text}`; always the same value is `{{constant: {text}}}`"
        )),
    })
}

fn fault_is_near(text: &str) -> bool {
    crate::suggest::nearest(text, WORDS.iter().map(|(word, _)| *word)).is_some()
}

fn pointer(node: &Node) -> Checked<From> {
    let text = scalar(node, "a JSON Pointer")?;
    pointer_keys(text).map_err(|reason| Fault::at(node, reason).hint("for example `/name` or `/address/city`"))?;
    Ok(From::Pointer(text.to_owned()))
}

fn from(origin: &str, node: &Node, scope: &Scope<'_>) -> Checked<From> {
    match origin {
        "pointer" => pointer(node),
        "capture" => {
            let name = word(node, "a capture's name")?;
            match scope.captures.iter().any(|capture| capture == name) {
                true => Ok(From::Capture(name.to_owned())),
                false => Err(Fault::unknown(node, "capture", name, scope.captures.iter().map(String::as_str))),
            }
        }
        "file" => choice(node, "fact of the file", FACTS).map(From::File),
        "constant" => Ok(From::Constant(node.clone().into_value()?)),
        "generate" => choice(node, "kind of value", &[("uuid", true), ("now", false)])
            .map(|uuid| if uuid { From::Uuid } else { From::Now }),
        _ => match choice(node, "word", WORDS)? {
            Word::Entry if !scope.records.has_entries() => Err(Fault::at(node, "the records here have no keys")
                .hint("`entry` is the key of a record whose `records` end with `{*}`")),
            Word::Position if !scope.records.is_many() && !scope.sequence => {
                Err(Fault::at(node, "there is one record here, and it has no position").hint(
                    "`position` counts the records of an array or object (`records` with `[*]` or `{*}`) or the lines of a file",
                ))
            }
            Word::Entry => Ok(From::EntryKey),
            Word::Position => Ok(From::Position),
            Word::Whole => Ok(From::Whole),
            Word::Rest => Ok(From::Rest),
        },
    }
}

/// `hash`, `encrypt`, `store`, `over` and `required`, where they mean something.
fn modifiers(column: &mut ColumnMapping, fields: &Fields<'_>, origin: &str) -> Checked<()> {
    let of_record = matches!(column.from, From::Pointer(_));
    let json = matches!(column.from, From::Whole | From::Rest);
    let misplaced = |node: &Node, name: &str, why: &str| Err(Fault::at(node, format!("`{name}` {why}")));
    if let (Some(_), Some(node)) = (fields.get("hash"), fields.get("encrypt")) {
        return misplaced(node, "encrypt", "doesn't go with `hash`: a value is the one or the other");
    }
    for name in ["hash", "encrypt"] {
        let Some(node) = fields.get(name) else { continue };
        if !of_record {
            let why = match column.from {
                From::Capture(_) | From::File(_) => {
                    "with `pointer`: what a path tells is no secret, paths are written down"
                }
                From::EntryKey => "with `pointer`: a record's key is no secret, it is written down where the record is",
                From::Whole | From::Rest => "with `pointer`: take the places that are secret one by one",
                _ => "with `pointer`: what is no part of the record is no secret of it",
            };
            return misplaced(node, name, &format!("goes {why}"));
        }
        column.transform = Some(match name {
            "hash" => {
                choice(node, "hash", &[("bcrypt", Transform::Bcrypt(BCRYPT_COST)), ("sha256", Transform::Sha256)])?
            }
            _ => choice(node, "cipher", &[("aes-256-gcm", Transform::Encrypt)])?,
        });
    }
    if let Some(node) = fields.get("cost") {
        let Some(Transform::Bcrypt(cost)) = &mut column.transform else {
            return misplaced(node, "cost", "goes with `hash: bcrypt`");
        };
        let text = word(node, "a cost")?;
        *cost = text.parse().ok().filter(|cost| (4..=31).contains(cost)).ok_or_else(|| {
            Fault::at(node, format!("`{text}` is no cost of bcrypt's"))
                .hint("a number from 4 to 31; each step takes twice the time")
        })?;
    }
    if let Some(node) = fields.get("required") {
        if !of_record && truth(node)? {
            return misplaced(
                node,
                "required",
                &format!("goes with `pointer`: from `{origin}` there is a value always"),
            );
        }
        column.required = truth(node)?;
    }
    if let Some(node) = fields.get("store") {
        choice(node, "place", &[("file", ())])?;
        if !of_record && !json {
            return misplaced(node, "store", &format!("goes with what a record holds, not with `{origin}`"));
        }
        if column.transform.is_some() {
            return misplaced(node, "store", "doesn't go with `hash` and `encrypt`");
        }
        column.store_over = Some(0);
    }
    if let Some(node) = fields.get("over") {
        if column.store_over.is_none() {
            return misplaced(node, "over", "goes with `store: file`: values longer than that are stored as files");
        }
        column.store_over = Some(size(node)?);
    }
    Ok(())
}

/// A number of bytes: `4096`, `64KiB`, `1MiB`.
fn size(node: &Node) -> Checked<u64> {
    let text = word(node, "a size")?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match text[digits..].trim_start() {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        "kB" => Some(1000),
        "MB" => Some(1_000_000),
        _ => None,
    };
    let number = text[..digits].parse::<u64>().ok();
    number.zip(factor).and_then(|(number, factor): (u64, u64)| number.checked_mul(factor)).ok_or_else(|| {
        Fault::at(node, format!("`{text}` is no size")).hint("a number of bytes, or such as `64KiB` or `1MiB`")
    })
}

/// Whether a row can be found again by this column.
pub(super) fn can_be_key(column: &ColumnMapping) -> Result<(), &'static str> {
    match (&column.from, column.transform) {
        (From::Uuid | From::Now, _) => Err("it is another one at each import"),
        (_, Some(Transform::Bcrypt(_))) => Err("bcrypt gives another hash each time"),
        (_, Some(Transform::Encrypt)) => Err("what is encrypted is another text each time"),
        (From::Whole | From::Rest, _) => Err("it is a whole record"),
        (From::Constant(value), _) if *value == Value::Null => Err("it is null"),
        _ if column.store_over.is_some() => Err("its value may be stored as a file"),
        _ => Ok(()),
    }
}
