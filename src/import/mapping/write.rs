//! A mapping → its YAML, in the short forms and with comments, as a person would write it.

use std::fmt::Write;

use super::columns::{BCRYPT_COST, fact_name};
use super::{ColumnMapping, Format, From, Mapping, OnBad, OnExisting, TableMapping, Transform};
use crate::import::yaml::of_json;

/// What is said beside a mapping, line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comments {
    /// Above all.
    pub head: Vec<String>,
    /// Above each source.
    pub sources: Vec<Vec<String>>,
}

/// The YAML of a mapping; read again it is the same mapping.
#[must_use]
pub fn to_yaml(mapping: &Mapping, comments: &Comments) -> String {
    let mut out = String::new();
    comment(&mut out, "", &comments.head);
    if let Some(tree) = &mapping.tree {
        line(&mut out, 0, &format!("tree: {}", text(tree)));
    }
    if let Some(store) = &mapping.store {
        line(&mut out, 0, &format!("store: {}", text(store)));
    }
    line(&mut out, 0, "sources:");
    for (index, source) in mapping.sources.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        comment(&mut out, "  ", comments.sources.get(index).map_or(&[], Vec::as_slice));
        line(&mut out, 1, &format!("- files: {}", text(&source.files.pattern)));
        if Format::of_name(&source.files.pattern) != Some(source.format) {
            line(&mut out, 2, &format!("format: {}", source.format.name()));
        }
        if !source.records.is_document() {
            line(&mut out, 2, &format!("records: {}", text(&source.records.to_string())));
        }
        if source.bad == OnBad::Quarantine {
            line(&mut out, 2, "bad: quarantine");
        }
        line(&mut out, 2, &format!("table: {}", text(&source.into.table)));
        key(&mut out, 2, &source.into);
        match source.into.exists {
            OnExisting::Update => {}
            OnExisting::Skip => line(&mut out, 2, "exists: skip"),
            OnExisting::Error => line(&mut out, 2, "exists: error"),
        }
        inner(&mut out, 2, &source.into);
    }
    out
}

fn comment(out: &mut String, indent: &str, lines: &[String]) {
    for line in lines {
        // a comment ends with its line, whatever a file's name holds
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        out.push_str(format!("{indent}# {line}").trim_end());
        out.push('\n');
    }
}

fn line(out: &mut String, level: usize, text: &str) {
    out.push_str(&"  ".repeat(level));
    out.push_str(text);
    out.push('\n');
}

fn key(out: &mut String, level: usize, table: &TableMapping) {
    if !table.key.is_empty() {
        let names: Vec<String> = table.key.iter().map(|name| text(name)).collect();
        line(out, level, &format!("key: [{}]", names.join(", ")));
    }
}

fn inner(out: &mut String, level: usize, table: &TableMapping) {
    line(out, level, "columns:");
    for column in &table.columns {
        line(out, level + 1, &format!("{}: {}", text(&column.column), origin(column)));
    }
    if table.children.is_empty() {
        return;
    }
    line(out, level, "children:");
    for child in &table.children {
        line(out, level + 1, &format!("- records: {}", text(&child.records.to_string())));
        line(out, level + 2, &format!("table: {}", text(&child.into.table)));
        let pairs: Vec<String> =
            child.parent.iter().map(|(own, parent)| format!("{}: {}", text(own), text(parent))).collect();
        line(out, level + 2, &format!("parent: {{{}}}", pairs.join(", ")));
        key(out, level + 2, &child.into);
        inner(out, level + 2, &child.into);
    }
}

fn origin(column: &ColumnMapping) -> String {
    let (key, value) = match &column.from {
        From::Pointer(pointer) => ("pointer", text(pointer)),
        From::Capture(name) => ("capture", text(name)),
        From::File(fact) => ("file", fact_name(*fact).to_owned()),
        // JSON is YAML
        From::Constant(value) => ("constant", of_json(&value.to_string()).into_owned()),
        From::Uuid => ("generate", "uuid".to_owned()),
        From::Now => ("generate", "now".to_owned()),
        From::Whole => ("from", "whole".to_owned()),
        From::Rest => ("from", "rest".to_owned()),
        From::EntryKey => ("from", "entry".to_owned()),
        From::Position => ("from", "position".to_owned()),
    };
    let mut more = String::new();
    match column.transform {
        Some(Transform::Bcrypt(cost)) => {
            more.push_str(", hash: bcrypt");
            if cost != BCRYPT_COST {
                let _ = write!(more, ", cost: {cost}");
            }
        }
        Some(Transform::Sha256) => more.push_str(", hash: sha256"),
        Some(Transform::Encrypt) => more.push_str(", encrypt: aes-256-gcm"),
        None => {}
    }
    if let Some(bytes) = column.store_over {
        more.push_str(", store: file");
        if bytes > 0 {
            let _ = write!(more, ", over: {}", size(bytes));
        }
    }
    if column.required {
        more.push_str(", required: true");
    }
    match key {
        "pointer" | "from" if more.is_empty() => value,
        _ => format!("{{{key}: {value}{more}}}"),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}KiB", bytes >> 10),
        _ => bytes.to_string(),
    }
}

/// A text as a YAML scalar: plain where no reader of YAML takes it for anything else.
fn text(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "null" | "true" | "false" | "yes" | "no" | "on" | "off"
        );
    if plain { text.to_owned() } else { of_json(&serde_json::Value::from(text).to_string()).into_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_mapping() {
        let yaml = r#"# all of it
tree: notes
store: values
sources:
  # one
  # two
  - files: "a/{s}/*.json"
    records: "/results[*]"
    bad: quarantine
    table: results
    key: [id, s]
    exists: skip
    columns:
      id: /id
      s: {capture: s}
      path: {file: path}
      "on": "/on/~1 x"
      kind: {constant: {"a":[1.10,null,"x: y"]}}
      row: {generate: uuid}
      at: {generate: now}
      "n": position
      p: {pointer: /p, hash: bcrypt}
      p4: {pointer: /p, hash: bcrypt, cost: 4}
      q: {pointer: /q, encrypt: aes-256-gcm, required: true}
      body: {pointer: /body, store: file, over: 64KiB}
      data: rest
    children:
      - records: "/steps{*}"
        table: steps
        parent: {result: id, s: s}
        key: [result, name]
        columns:
          name: entry
          value: ""
          data: rest

  - files: "core.\\*"
    format: text
    table: "Texte, alle"
    columns:
      text: /text
"#;
        let file = Path::new("import.yaml");
        let mapping = Mapping::parse(file, yaml).unwrap_or_else(|error| panic!("{error}"));
        let comments =
            Comments { head: vec!["all of it".to_owned()], sources: vec![vec!["one".to_owned(), "two".to_owned()]] };
        assert_eq!(to_yaml(&mapping, &comments), yaml);
    }

    #[test]
    fn keys_with_characters_that_yaml_has_not_are_escaped() {
        let odd = "/a\u{7f}\u{80}\u{85}\u{2028}\u{feff}\u{ffff}\u{1}\u{1f600}é";
        let yaml = format!("sources:\n  - files: \"*.json\"\n    table: t\n    columns:\n      a: {}\n", text(odd));
        let mapping = Mapping::parse(Path::new("import.yaml"), &yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"));
        assert_eq!(mapping.sources[0].into.columns[0].from, From::Pointer(odd.to_owned()));
    }
}
