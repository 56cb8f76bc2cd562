//! A mapping file's text → the mapping; everything is checked that can be without a database.

use std::io::ErrorKind;
use std::path::Path;

use super::columns::{Scope, can_be_key, column};
use super::fields::{Checked, Fault, Fields, choice, items, list, place, scalar, word};
use super::secret::{Exposed, exposed, secrets};
use super::{
    Child, ColumnMapping, Format, From, Glob, Mapping, OnBad, OnExisting, RecordPath, Source, TableMapping, Written,
};
use crate::import::ImportError;
use crate::import::read::sqlite::table_of;
use crate::import::yaml::{Node, documents};

const FORMATS: &[(&str, Format)] = &[
    ("json", Format::Json),
    ("jsonl", Format::Jsonl),
    ("yaml", Format::Yaml),
    ("markdown", Format::Markdown),
    ("csv", Format::Csv),
    ("text", Format::Text),
    ("sqlite", Format::Sqlite),
];

/// How a table of a SQLite file is named.
const OF_A_TABLE: &str = "`records: \"/tasks[*]\"`: the rows of the table `tasks`";

impl Format {
    /// The name that it has in a mapping.
    #[must_use]
    pub fn name(self) -> &'static str {
        FORMATS.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// The format that a file's name speaks of by its extension.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "yaml" | "yml" => Some(Self::Yaml),
            "md" | "markdown" => Some(Self::Markdown),
            "csv" => Some(Self::Csv),
            "txt" | "text" => Some(Self::Text),
            "db" | "sqlite" | "sqlite3" => Some(Self::Sqlite),
            _ => None,
        }
    }
}

impl Mapping {
    /// Reads the mapping in the file at `path`.
    ///
    /// # Errors
    /// The file can't be read; the mapping can't be understood.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let bytes = std::fs::read(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => ImportError::Mapping {
                message: format!("there is no mapping `{}`", path.display()),
                hint: Some("name it with `--map`; `liftlock import DIR --infer` drafts one".to_owned()),
            },
            _ => ImportError::Read { path: path.to_owned(), source },
        })?;
        let text = String::from_utf8(bytes).map_err(|error| ImportError::Mapping {
            message: format!("`{}` is not UTF-8 from byte {} on", path.display(), error.utf8_error().valid_up_to()),
            hint: None,
        })?;
        Self::parse(path, &text)
    }

    /// Reads a mapping from its text; `file` is what messages call it.
    ///
    /// # Errors
    /// It can't be understood: the message has line, column and the lines in question.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ImportError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let read = read(text).map_err(|fault| fault.shown(file, text))?;
        Ok(Self { written: Written::new(file, text), ..read })
    }
}

fn read(text: &str) -> Checked<Mapping> {
    let mut documents = documents(text);
    let Some(node) = documents.next().transpose()? else {
        let empty =
            Node { place: Default::default(), tag: None, kind: crate::import::yaml::Kind::Sequence(Vec::new()) };
        return Err(
            Fault::at(&empty, "the mapping is empty").hint("it has `sources:`, a list of files and their tables")
        );
    };
    if let Some(second) = documents.next() {
        return Err(Fault::at(&second?, "a second document begins here"));
    }
    let fields = Fields::of(&node, "a mapping of files to tables", &["sources", "store", "tree"])?;
    let mut mapping = Mapping::default();
    if let Some(store) = fields.get("store") {
        mapping.store = Some(word(store, "a folder")?.to_owned());
    }
    if let Some(tree) = fields.get("tree") {
        mapping.tree = Some(word(tree, "a name of the tree of files")?.to_owned());
    }
    let sources = fields.need("sources")?;
    for node in items(sources, "sources")? {
        let source = source(node)?;
        for other in &mapping.sources {
            agree(node, &source.into, &other.into, other.place.0)?;
        }
        mapping.sources.push(source);
    }
    fn spills(table: &TableMapping) -> Option<(u32, u32)> {
        let own = table.columns.iter().find(|column| column.store_over.is_some()).map(|column| column.place);
        own.or_else(|| table.children.iter().find_map(|child| spills(&child.into)))
    }
    if let (None, Some(place)) = (&mapping.store, mapping.sources.iter().find_map(|source| spills(&source.into))) {
        return Err(Fault::at_place(place, "values are stored as files here, and nothing says where")
            .hint("above `sources:`, for example `store: values`: a folder, beside this file"));
    }
    if mapping.sources.is_empty() {
        return Err(Fault::at(sources, "there is no source here"));
    }
    tell_apart(&mut mapping.sources)?;
    Ok(mapping)
}

/// Sources of the same files get names that say which of their records they take: what is kept of a file is kept by them.
fn tell_apart(sources: &mut [Source]) -> Checked<()> {
    for at in 1..sources.len() {
        let (before, from) = sources.split_at_mut(at);
        let source = &mut from[0];
        let same: Vec<&mut Source> =
            before.iter_mut().filter(|other| other.files.pattern == source.files.pattern).collect();
        let twice = same.iter().find(|other| other.records == source.records && other.into.table == source.into.table);
        if let Some(first) = twice {
            let message = format!("the records of `{}` go to `{}` twice", source.files.pattern, source.into.table);
            let hint = format!("the first source that says so is at line {}", first.place.0);
            return Err(Fault::at_place(source.place, message).hint(hint));
        }
        if same.is_empty() {
            continue;
        }
        for source in same.into_iter().chain([source]) {
            let records = source.records.to_string();
            let between = if records.is_empty() { "" } else { " " };
            source.name = format!("{}{between}{records} → {}", source.files.pattern, source.into.table);
        }
    }
    Ok(())
}

fn source(node: &Node) -> Checked<Source> {
    let known = ["files", "format", "records", "bad", "table", "key", "exists", "columns", "children"];
    let fields = Fields::of(node, "a source", &known)?;
    let files = fields.need("files")?;
    let pattern = word(files, "a pattern of paths")?;
    let glob = Glob::parse(pattern).map_err(|reason| {
        Fault::at(files, format!("the pattern `{pattern}` can't be read: {reason}"))
            .hint("`*` and `?` stand for parts of a name, `**` for folders, `{name}` captures a part")
    })?;
    let format = match fields.get("format") {
        Some(node) => choice(node, "format", FORMATS)?,
        None => Format::of_name(pattern).ok_or_else(|| {
            Fault::at(files, format!("`{pattern}` doesn't tell the files' format"))
                .hint(format!("give `format:`, one of {}", list(FORMATS.iter().map(|(name, _)| *name))))
        })?,
    };
    let records = match fields.get("records") {
        Some(node) => {
            let path = record_path(node)?;
            if !path.is_document() && !matches!(format, Format::Json | Format::Yaml | Format::Sqlite) {
                let message = format!("`records` goes with documents of JSON and YAML, not with {}", format.name());
                return Err(
                    Fault::at(node, message).hint("leave it out; what is nested in a record goes to `children`")
                );
            }
            if format == Format::Sqlite && table_of(&path).is_none() {
                return Err(Fault::at(node, format!("`{path}` names no table")).hint(OF_A_TABLE));
            }
            path
        }
        None if format == Format::Sqlite => {
            return Err(Fault::at(files, "nothing says which table of the database").hint(OF_A_TABLE));
        }
        None => RecordPath::default(),
    };
    let bad = match fields.get("bad") {
        Some(node) => {
            choice(node, "answer to bad records", &[("fail", OnBad::Fail), ("quarantine", OnBad::Quarantine)])?
        }
        None => OnBad::Fail,
    };
    let sequence = matches!(format, Format::Jsonl | Format::Csv) || (format == Format::Yaml && records.is_document());
    let scope = Scope { captures: &glob.captures, records: &records, sequence };
    let mut into = table(&fields, &scope, &[])?;
    if let Some(node) = fields.get("exists") {
        let known = [("update", OnExisting::Update), ("skip", OnExisting::Skip), ("error", OnExisting::Error)];
        into.exists = choice(node, "answer to records that exist", &known)?;
        if into.key.is_empty() {
            return Err(Fault::at(node, "`exists` needs `key`: the columns by which a record is found again"));
        }
    }
    inherit(&mut into);
    if let Some(Exposed { taker, secret, place }) = exposed(&into, &secrets(&into)) {
        let message = format!("`{taker}` would store as it is what `{secret}` hashes or encrypts");
        return Err(Fault::at_place(place, message)
            .hint("take other places of the record one by one; `rest` leaves out what is secret"));
    }
    Ok(Source { name: pattern.to_owned(), files: glob.clone(), format, records, bad, into, place: place(node) })
}

/// What becomes of a record that exists is what becomes of all that is nested in it.
fn inherit(table: &mut TableMapping) {
    for child in &mut table.children {
        child.into.exists = table.exists;
        inherit(&mut child.into);
    }
}

fn record_path(node: &Node) -> Checked<RecordPath> {
    let text = scalar(node, "where the records are")?;
    RecordPath::parse(text).map_err(|reason| {
        Fault::at(node, format!("the path `{text}` can't be read: {reason}"))
            .hint("`/results[*]`: each item of the array at `/results`; `/users{*}`: each entry of an object")
    })
}

/// The table of a source or child, its columns and its children; `foreign` are the columns that a parent fills.
fn table(fields: &Fields<'_>, scope: &Scope<'_>, foreign: &[(String, String)]) -> Checked<TableMapping> {
    let named = fields.need("table")?;
    let table = word(named, "a table's name")?.to_owned();
    let mut into = TableMapping { table, place: place(named), ..TableMapping::default() };
    let columns = fields.need("columns")?;
    for (name, key, node) in Fields::any(columns, "columns")?.iter() {
        if foreign.iter().any(|(child, _)| child == name) {
            return Err(Fault::at(key, format!("`{name}` takes its value from the parent already, by `parent`")));
        }
        into.columns.push(column(name, key, node, scope)?);
    }
    if into.columns.is_empty() {
        return Err(Fault::at(columns, format!("`{}` has no columns", into.table)));
    }
    rest_is_one(&into.columns)?;
    let mut known: Vec<String> = into.columns.iter().map(|column| column.column.clone()).collect();
    known.extend(foreign.iter().map(|(child, _)| child.clone()));
    if let Some(node) = fields.get("key") {
        into.key = key(node, &into.columns, &known)?;
    }
    if let Some(node) = fields.get("children") {
        for node in items(node, "children")? {
            let child = child(node, scope, &into.columns)?;
            agree_with_family(node, &into, &child)?;
            into.children.push(child);
        }
    }
    Ok(into)
}

/// What is left over can go to one column.
fn rest_is_one(columns: &[ColumnMapping]) -> Checked<()> {
    let mut rests = columns.iter().filter(|column| column.from == From::Rest);
    match (rests.next(), rests.next()) {
        (Some(first), Some(second)) => {
            let message = format!("`{}` and `{}` both take the rest", first.column, second.column);
            Err(Fault::at_place(second.place, message))
        }
        _ => Ok(()),
    }
}

fn key(node: &Node, columns: &[ColumnMapping], known: &[String]) -> Checked<Vec<String>> {
    // a single column needs no list
    let names = match items(node, "the key's columns") {
        Ok(items) => items.iter().collect(),
        Err(_) if scalar(node, "").is_ok() => vec![node],
        Err(fault) => return Err(fault),
    };
    let mut key: Vec<String> = Vec::new();
    for node in names {
        let name = word(node, "a column's name")?;
        if !known.iter().any(|known| known == name) {
            return Err(Fault::unknown(node, "column", name, known.iter().map(String::as_str)));
        }
        if key.iter().any(|known| known == name) {
            return Err(Fault::at(node, format!("`{name}` stands here twice")));
        }
        if let Some(column) = columns.iter().find(|column| column.column == name) {
            can_be_key(column)
                .map_err(|why| Fault::at(node, format!("no record can be found again by `{name}`: {why}")))?;
        }
        key.push(name.to_owned());
    }
    if key.is_empty() {
        return Err(Fault::at(node, "the key has no columns").hint("leave `key` out where records have none"));
    }
    Ok(key)
}

fn child(node: &Node, scope: &Scope<'_>, columns: &[ColumnMapping]) -> Checked<Child> {
    let fields = Fields::of(node, "a child", &["records", "table", "parent", "key", "columns", "children"])?;
    let path = fields.need("records")?;
    let records = record_path(path)?;
    if records.is_document() {
        return Err(Fault::at(path, "the path is empty: a child is somewhere within the record"));
    }
    let node = fields.need("parent")?;
    let mut parent = Vec::new();
    for (child, _, node) in Fields::any(node, "the columns that refer to the parent, `child's: parent's`")?.iter() {
        let name = word(node, "a column of the parent")?;
        // one that is not mapped may be the key that the database numbers, which the database knows
        if let Some(column) = columns.iter().find(|column| column.column == name)
            && matches!(column.from, From::Whole | From::Rest)
        {
            return Err(Fault::at(node, format!("`{name}` is a whole record, and nothing can refer to it")));
        }
        parent.push((child.to_owned(), name.to_owned()));
    }
    if parent.is_empty() {
        return Err(Fault::at(node, "nothing says which columns refer to the parent").hint("`parent: {parent_id: id}`"));
    }
    let inner = Scope { captures: scope.captures, records: &records, sequence: false };
    let into = table(&fields, &inner, &parent)?;
    Ok(Child { records: records.clone(), parent, into })
}

/// Two mappings of one table find its rows by the same columns.
fn agree(node: &Node, one: &TableMapping, other: &TableMapping, line: u32) -> Checked<()> {
    let mut all = Vec::new();
    tables(other, &mut all);
    let mut ours = Vec::new();
    tables(one, &mut ours);
    for table in ours {
        let differs = |other: &&&TableMapping| {
            let sorted = |key: &[String]| {
                let mut key = key.to_vec();
                key.sort();
                key
            };
            other.table == table.table && sorted(&other.key) != sorted(&table.key)
        };
        if let Some(other) = all.iter().find(differs) {
            let shown = |key: &[String]| match key {
                [] => "none".to_owned(),
                key => list(key.iter().map(String::as_str)),
            };
            return Err(Fault::at(
                node,
                format!(
                    "`{}` has the key {} here, and {} at line {line}",
                    table.table,
                    shown(&table.key),
                    shown(&other.key)
                ),
            )
            .hint("a table has one key, whatever its records come from"));
        }
    }
    Ok(())
}

/// A child does not go to its parent's table or a sibling's by another key.
fn agree_with_family(node: &Node, parent: &TableMapping, child: &Child) -> Checked<()> {
    agree(node, &child.into, parent, u32::try_from(node.place.line).unwrap_or(u32::MAX))
}

fn tables<'a>(table: &'a TableMapping, all: &mut Vec<&'a TableMapping>) {
    all.push(table);
    table.children.iter().for_each(|child| tables(&child.into, all));
}

#[cfg(test)]
mod tests;
