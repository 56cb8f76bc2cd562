//! A group of files → its source: where its records are, their key, the columns and tables that take them.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::groups::Group;
use super::names::{plain, safe, unique};
use super::shape::{Shape, is_step};
use super::{ColumnKind, Finding, InferredColumn, InferredTable};
use crate::import::ImportError;
use crate::import::mapping::{
    Child, ColumnMapping, FileFact, Format, From, Glob, OnBad, RecordPath, Source, Step, TableMapping, escape_key,
};
use crate::import::read;

/// So many of a record's keys become columns; the others stay in the rest.
const MOST_COLUMNS: usize = 150;

/// So deep children are nested.
const DEEPEST: usize = 3;

/// Of so many records keys are compared; of more none is taken for unique.
const MOST_COMPARED: usize = 4_000_000;

/// Files larger than this are worth reading record by record.
const LARGE: u64 = 16 << 20;

pub(super) struct Draft {
    pub source: Source,
    pub tables: Vec<InferredTable>,
    pub comments: Vec<String>,
}

/// Reads the group's records and drafts what takes them; `taken` are the tables there are.
pub(super) fn draft(
    dir_name: &str,
    group: &Group,
    taken: &mut Vec<String>,
    findings: &mut Vec<Finding>,
) -> Result<Draft, ImportError> {
    let files = Glob::parse(&group.pattern)
        .map_err(|reason| ImportError::Mapping { message: format!("`{}`: {reason}", group.pattern), hint: None })?;
    let records = match group.format {
        Format::Json | Format::Yaml => records(group),
        _ => RecordPath::default(),
    };
    let bad = if group.broken { OnBad::Quarantine } else { OnBad::Fail };
    let mut source =
        Source { name: group.pattern.clone(), files, format: group.format, records, bad, ..Source::default() };
    let seen = read_all(group, &source)?;
    if seen.bad > 0 && source.bad == OnBad::Fail {
        source.bad = OnBad::Quarantine;
        findings.push(Finding {
            path: group.pattern.clone(),
            what: format!("to quarantine: {}", crate::words::counted(seen.bad, "record")),
        });
    }
    let name = unique(&safe(&table_name(dir_name, group), "table"), |name| taken.iter().any(|known| known == name));
    taken.push(name.clone());
    let mut tables = Vec::new();
    source.into = root(&name, &source, group, &seen, taken, &mut tables);
    let mut comments = vec![format!(
        "{} {} with {} {}",
        group.files.len(),
        if group.files.len() == 1 { "file" } else { "files" },
        seen.shape.count,
        if seen.shape.count == 1 { "record" } else { "records" },
    )];
    if !source.records.is_document() && group.shape.objects > 0 && !group.shape.is_map() {
        comments
            .push("what else is in the document is kept with the file, for its way back, and in no table".to_owned());
    }
    if source.bad == OnBad::Quarantine {
        comments.push("some of it can't be read as it should: it goes to quarantine".to_owned());
    }
    Ok(Draft { source, tables, comments })
}

/// The records of all files.
struct Seen {
    shape: Shape,
    bad: u64,
    /// The largest number of records in one file.
    most: u64,
    /// A key by which each record is told from all others.
    natural: Option<String>,
}

fn read_all(group: &Group, source: &Source) -> Result<Seen, ImportError> {
    let mut seen = Seen { shape: Shape::default(), bad: 0, most: 0, natural: None };
    let mut candidates: Vec<(String, HashSet<u64>)> = Vec::new();
    for file in &group.files {
        let mut count = 0;
        read::records(file, source, &mut |record| {
            count += 1;
            let Ok(record) = record else {
                seen.bad += 1;
                return Ok(ControlFlow::Continue(()));
            };
            if seen.shape.count == 0 {
                candidates = possible_keys(&record.value).into_iter().map(|key| (key, HashSet::new())).collect();
            }
            candidates.retain_mut(|(key, hashes)| match record.value.get(key.as_str()) {
                Some(value @ (Value::String(_) | Value::Number(_))) if hashes.len() < MOST_COMPARED => {
                    value.as_str().is_none_or(|text| !text.is_empty() && text.len() <= 200)
                        && hashes.insert(xxh3_64(value.to_string().as_bytes()))
                }
                _ => false,
            });
            seen.shape.add(&record.value);
            Ok(ControlFlow::Continue(()))
        })?;
        seen.most = seen.most.max(count);
    }
    // a key that is once a text and once a number is none
    let fits = |key: &String| {
        seen.shape
            .keys
            .get(key)
            .is_some_and(|shape| (shape.strings == shape.count && shape.nuls == 0) || shape.integers == shape.count)
    };
    seen.natural = candidates.into_iter().map(|(key, _)| key).find(fits);
    Ok(seen)
}

/// Keys whose names speak of an id, the likeliest first.
fn possible_keys(value: &Value) -> Vec<String> {
    let Value::Object(map) = value else { return Vec::new() };
    let rank = |key: &str| match plain(key).as_str() {
        "id" | "uuid" | "guid" => Some(0),
        "key" | "slug" | "code" => Some(1),
        name if name.ends_with("_id") || name.ends_with("_uuid") => Some(2),
        _ => None,
    };
    let mut keys: Vec<(u8, String)> = map.keys().filter_map(|key| Some((rank(key)?, key.clone()))).collect();
    keys.sort_by_key(|(rank, _)| *rank);
    keys.into_iter().map(|(_, key)| key).collect()
}

/// Where the records are: the items or entries of the document, or of the one place in it that has such; or itself.
fn records(group: &Group) -> RecordPath {
    let shape = &group.shape;
    if shape.arrays > 0 && shape.arrays == shape.count {
        return RecordPath(vec![Step::Items]);
    }
    if shape.is_map() {
        return RecordPath(vec![Step::Entries]);
    }
    if !shape.is_objects() || shape.objects != shape.count {
        return RecordPath::default();
    }
    let mut places = Vec::new();
    let mut leaves = 0;
    nested(shape, &mut Vec::new(), &mut places, &mut leaves);
    let large = group.files.iter().any(|file| file.size > LARGE);
    match (places.pop(), places.is_empty()) {
        // a document around one table says little itself
        (Some(place), true) if large || (group.files.len() == 1 && leaves <= 4) => RecordPath(place),
        _ => RecordPath::default(),
    }
}

/// The places of arrays of objects and of maps, and how many other values there are.
fn nested(shape: &Shape, steps: &mut Vec<Step>, places: &mut Vec<Vec<Step>>, leaves: &mut usize) {
    for (key, inner) in shape.keys.list() {
        if !is_step(key) {
            *leaves += 1;
            continue;
        }
        steps.push(Step::Key(key.clone()));
        if inner.is_rows() {
            places.push([steps.as_slice(), &[Step::Items]].concat());
        } else if inner.is_map() {
            places.push([steps.as_slice(), &[Step::Entries]].concat());
        } else if inner.is_objects() && steps.len() < DEEPEST && inner.holds_rows() {
            nested(inner, steps, places, leaves);
        } else {
            *leaves += 1;
        }
        steps.pop();
    }
}

fn table_name(dir_name: &str, group: &Group) -> String {
    let mut parts: Vec<&str> = group.pattern.split('/').collect();
    let file = parts.pop().unwrap_or_default();
    let stem = match file.rsplit_once('.') {
        Some((stem, extension)) if Format::of_name(file).is_some() || extension.contains('*') => stem,
        _ => file,
    };
    let literal = stem.trim_start_matches('*').split('*').next().unwrap_or_default();
    if plain(literal).len() > 1 {
        return literal.to_owned();
    }
    parts.iter().rev().find(|part| !part.starts_with('{')).map_or(dir_name, |part| part).to_owned()
}

/// The columns of a table in the making, in the mapping and in the database.
struct Columns {
    mapping: Vec<ColumnMapping>,
    table: Vec<InferredColumn>,
}

impl Columns {
    fn add(&mut self, wanted: &str, from: Option<From>, kind: ColumnKind, not_null: bool) -> String {
        let name = unique(&safe(wanted, "column"), |name| self.table.iter().any(|column| column.name == name));
        if let Some(from) = from {
            let column = name.clone();
            self.mapping.push(ColumnMapping {
                column,
                from,
                transform: None,
                store_over: None,
                required: false,
                place: (0, 0),
            });
        }
        self.table.push(InferredColumn { name: name.clone(), kind, not_null });
        name
    }
}

fn root(
    name: &str,
    source: &Source,
    group: &Group,
    seen: &Seen,
    taken: &mut Vec<String>,
    tables: &mut Vec<InferredTable>,
) -> TableMapping {
    let mut columns = Columns { mapping: Vec::new(), table: Vec::new() };
    let mut key = Vec::new();
    // without a key of their own records are known by their file, and their place in it
    let several = group.files.len() > 1 || group.pattern.contains(['*', '{']);
    let by_place = seen.natural.is_none();
    if several || (by_place && seen.most <= 1 && !source.records.has_entries()) {
        let file = columns.add("file_path", Some(From::File(FileFact::Path)), ColumnKind::Text, true);
        if by_place {
            key.push(file);
        }
    }
    for capture in &source.files.captures {
        columns.add(capture, Some(From::Capture(capture.clone())), ColumnKind::Text, true);
    }
    // a file of lines grows, and one of a YAML document seldom gets a second
    let lines = matches!(source.format, Format::Jsonl | Format::Csv);
    let documents = source.format == Format::Yaml && source.records.is_document();
    if source.records.has_entries() {
        let column = columns.add("entry_key", Some(From::EntryKey), ColumnKind::Text, true);
        if by_place {
            key.push(column);
        }
    } else if by_place && (source.records.is_many() || lines || (documents && (seen.most > 1 || key.is_empty()))) {
        key.push(columns.add("position", Some(From::Position), ColumnKind::Integer, true));
    }
    let with_rest = source.format != Format::Text;
    let table = Table {
        name,
        shape: &seen.shape,
        depth: 0,
        natural: seen.natural.as_deref(),
        with_rest,
        verbatim: seen.shape.verbatim,
    };
    table.fill(columns, key, &[], taken, tables)
}

/// A table in the making.
struct Table<'a> {
    name: &'a str,
    shape: &'a Shape,
    depth: usize,
    /// The key of the records that is the table's, too.
    natural: Option<&'a str>,
    /// Whether records may have more than was seen.
    with_rest: bool,
    /// Whether JSON is to be kept as it is written.
    verbatim: bool,
}

impl Table<'_> {
    fn fill(
        &self,
        mut columns: Columns,
        mut key: Vec<String>,
        parent: &[(String, String, String)],
        taken: &mut Vec<String>,
        tables: &mut Vec<InferredTable>,
    ) -> TableMapping {
        let mut children = Vec::new();
        if self.shape.is_objects() && self.shape.objects == self.shape.count && !self.shape.is_map() {
            self.keys(self.shape, "", &mut Vec::new(), true, &mut columns, &mut key, &mut children);
            if self.with_rest {
                columns.add("rest", Some(From::Rest), ColumnKind::Json, false);
            }
        } else {
            // a value that is no object: itself, where that is plain
            let kind = kind(self.shape);
            let not_null = self.shape.nulls == 0 && self.shape.count > 0;
            columns.add("value", Some(From::Pointer(String::new())), kind, not_null);
        }
        let at = tables.len();
        tables.push(InferredTable {
            name: self.name.to_owned(),
            columns: columns.table,
            key: key.clone(),
            parent: parent.first().map(|(_, _, table)| {
                (table.clone(), parent.iter().map(|(own, its, _)| (own.clone(), its.clone())).collect())
            }),
            records: self.shape.count,
            verbatim: self.verbatim,
        });
        let children = children
            .into_iter()
            .map(|(path, wanted, shape): (RecordPath, String, Shape)| {
                let wanted = safe(&format!("{}_{wanted}", self.name), "table");
                let name = unique(&wanted, |name| taken.iter().any(|known| known == name));
                taken.push(name.clone());
                child(self, &name, path, &shape, &key, at, taken, tables)
            })
            .collect();
        TableMapping { table: self.name.to_owned(), columns: columns.mapping, key, children, ..TableMapping::default() }
    }

    /// The columns of an object's keys; objects that hold tables are taken apart, others are JSON.
    #[expect(clippy::too_many_arguments, reason = "what is built and where it is are of one walk")]
    fn keys(
        &self,
        shape: &Shape,
        prefix: &str,
        steps: &mut Vec<Step>,
        always: bool,
        columns: &mut Columns,
        key: &mut Vec<String>,
        children: &mut Vec<(RecordPath, String, Shape)>,
    ) {
        for (name, inner) in shape.keys.list() {
            let wanted = format!("{prefix}{name}");
            steps.push(Step::Key(name.clone()));
            let rows = if inner.is_rows() { inner.items.as_deref().cloned() } else { None };
            let entries = if inner.is_map() { Some(inner.keys.sum()) } else { None };
            if let Some(sum) = rows.clone().or(entries).filter(|_| self.depth < DEEPEST && is_step(name)) {
                let last = if rows.is_some() { Step::Items } else { Step::Entries };
                children.push((RecordPath([steps.as_slice(), &[last]].concat()), wanted, sum));
            } else if self.depth < DEEPEST && is_step(name) && steps.len() <= DEEPEST && inner.holds_rows() {
                let always = always && inner.objects == self.shape.count;
                self.keys(inner, &format!("{wanted}_"), steps, always, columns, key, children);
            } else if columns.mapping.len() < MOST_COLUMNS || self.natural == Some(wanted.as_str()) {
                let pointer: String = steps
                    .iter()
                    .map(|step| match step {
                        Step::Key(key) => format!("/{}", escape_key(key)),
                        Step::Items | Step::Entries => String::new(),
                    })
                    .collect();
                let not_null = always && inner.count == self.shape.count && inner.nulls == 0;
                let column = columns.add(&wanted, Some(From::Pointer(pointer)), kind(inner), not_null);
                if steps.len() == 1 && self.natural == Some(name.as_str()) {
                    key.push(column);
                }
            }
            steps.pop();
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "a table and its parent's")]
fn child(
    parent: &Table<'_>,
    name: &str,
    records: RecordPath,
    shape: &Shape,
    parent_key: &[String],
    parent_at: usize,
    taken: &mut Vec<String>,
    tables: &mut Vec<InferredTable>,
) -> Child {
    let mut columns = Columns { mapping: Vec::new(), table: Vec::new() };
    let mut links = Vec::new();
    for column in parent_key {
        let kind = tables[parent_at]
            .columns
            .iter()
            .find(|known| known.name == *column)
            .map_or(ColumnKind::Text, |known| known.kind);
        // a grandparent's key keeps its name
        let wanted = match tables[parent_at]
            .parent
            .as_ref()
            .is_some_and(|(_, pairs)| pairs.iter().any(|(own, _)| own == column))
        {
            true => column.clone(),
            false => format!("{}_{column}", parent.name),
        };
        let own = columns.add(&wanted, None, kind, true);
        links.push((own, column.clone(), parent.name.to_owned()));
    }
    let mut key: Vec<String> = links.iter().map(|(own, ..)| own.clone()).collect();
    key.push(match records.has_entries() {
        true => columns.add("entry_key", Some(From::EntryKey), ColumnKind::Text, true),
        false => columns.add("position", Some(From::Position), ColumnKind::Integer, true),
    });
    let table =
        Table { name, shape, depth: parent.depth + 1, natural: None, with_rest: true, verbatim: parent.verbatim };
    let into = table.fill(columns, key, &links, taken, tables);
    Child { records, parent: links.into_iter().map(|(own, its, _)| (own, its)).collect(), into }
}

/// The type of column that holds all of the values exactly.
fn kind(shape: &Shape) -> ColumnKind {
    let values = shape.count - shape.nulls;
    match shape {
        _ if values == 0 => ColumnKind::Json,
        shape if shape.bools == values => ColumnKind::Bool,
        shape if shape.strings == values && shape.nuls == 0 => ColumnKind::Text,
        shape if shape.integers == values => ColumnKind::Integer,
        shape if shape.reals == values => ColumnKind::Real,
        _ => ColumnKind::Json,
    }
}
