//! A folder that nobody prepared → a draft of its mapping, and of the tables that take all of it.
//!
//! ```text
//! paths → folders that are alike (folders) → files of one shape (outline, groups) → records, keys, columns (draft) → SQL (sql)
//! ```
//!
//! Files are read twice, in a stream: once for what they look like, once for their records. What is held is sums of
//! shapes, and a hash for each value of a column that may be a key.

mod draft;
mod folders;
mod groups;
mod names;
mod outline;
mod shape;
mod sql;

use std::path::Path;

use super::ImportError;
use super::mapping::{Comments, Mapping, to_yaml};
use crate::Dialect;

pub use self::sql::{down, up};

/// What a folder's files seem to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inferred {
    /// A mapping that imports every file that can be read.
    pub mapping: Mapping,
    /// The same as YAML, with comments, for a person to edit.
    pub yaml: String,
    /// The tables that it needs, parents before children.
    pub tables: Vec<InferredTable>,
    /// How many files each source has, in the mapping's order.
    pub files: Vec<u64>,
    /// Files that are left out, taken as text or put into quarantine, by path.
    pub findings: Vec<Finding>,
}

/// A file that is not what it seems to be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// What becomes of it, and why.
    pub what: String,
}

/// A table to be created.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct InferredTable {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<InferredColumn>,
    /// Its primary key.
    pub key: Vec<String>,
    /// The table that its foreign key refers to: its own columns, and the parent's.
    pub parent: Option<(String, Vec<(String, String)>)>,
    /// How many records it takes.
    pub records: u64,
    /// Whether its JSON has what PostgreSQL's `jsonb` would change or refuse, and `json` keeps: `-0`, `\u0000`.
    pub verbatim: bool,
}

/// A column to be created.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct InferredColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnKind,
    /// Whether all records have a value.
    pub not_null: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the types' names")]
pub enum ColumnKind {
    Bool,
    /// 64 bits.
    Integer,
    /// A double, which holds all the numbers seen with all their digits.
    Real,
    Text,
    /// Objects, arrays, and values of several types.
    Json,
}

impl Inferred {
    /// The SQL that creates the tables.
    #[must_use]
    pub fn up(&self, dialect: Dialect) -> String {
        up(&self.tables, dialect)
    }

    /// The SQL that drops them.
    #[must_use]
    pub fn down(&self, dialect: Dialect) -> String {
        down(&self.tables, dialect)
    }
}

/// Looks into all files of `dir`, hidden ones apart, and drafts a mapping and tables.
///
/// # Errors
/// A folder or file can't be read; there is no file that could be imported.
pub fn infer(dir: &Path) -> Result<Inferred, ImportError> {
    let mut inferred = Inferred::default();
    let groups = groups::groups(dir, &mut inferred.findings)?;
    if groups.is_empty() {
        return Err(ImportError::Mapping {
            message: format!("`{}` has no files that could be imported", dir.display()),
            hint: Some("files of JSON, YAML, Markdown, CSV or text can be; hidden ones are not looked at".to_owned()),
        });
    }
    let resolved = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let dir_name = resolved.file_name().map_or("documents".into(), |name| name.to_string_lossy().into_owned());
    let mut taken = Vec::new();
    let mut comments = Comments { head: head(), ..Comments::default() };
    for group in &groups {
        let draft = draft::draft(&dir_name, group, &mut taken, &mut inferred.findings)?;
        inferred.mapping.sources.push(draft.source);
        inferred.tables.extend(draft.tables);
        inferred.files.push(group.files.len() as u64);
        comments.sources.push(draft.comments);
    }
    inferred.findings.sort_by(|a, b| a.path.cmp(&b.path));
    comments.head.extend(inferred.findings.iter().map(|finding| format!("{}: {}", finding.path, finding.what)));
    inferred.yaml = to_yaml(&inferred.mapping, &comments);
    // what is handed out is what the text says, with its places
    inferred.mapping = Mapping::parse(Path::new("import.yaml"), &inferred.yaml)?;
    Ok(inferred)
}

fn head() -> Vec<String> {
    [
        "Drafted from the files as they are; read it, and change what it could not know: names, types, keys.",
        "A column that is left out goes to `rest`, where the record's remainder is kept as JSON.",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests;
