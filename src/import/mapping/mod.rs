//! A mapping: which files hold which records, and which columns of which tables take what of them. Plain data.

mod columns;
mod fields;
mod parse;
mod path;
mod secret;
mod write;
mod written;

use serde_json::Value;

pub(crate) use path::{escape_key, pointer_keys};
pub(in crate::import) use secret::{Exposed, Secret, Within, exposed, from_document, inside, secrets, within};
pub use write::{Comments, to_yaml};
pub use written::Written;

/// What a mapping file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    /// Where records come from, in the order in which they are loaded: parents before children.
    pub sources: Vec<Source>,
    /// Where values that are stored as files go: a folder, relative to where the mapping file is.
    pub store: Option<String>,
    /// The name by which the books know the tree of files, wherever it lies; the folder's path where there is none.
    pub tree: Option<String>,
    /// The text that it was read from, for messages.
    pub written: Written,
}

/// Files that hold records of one kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// A name for reports and books: the glob as written, with records and table where several sources have the same glob.
    pub name: String,
    /// Which files, relative to the folder.
    pub files: Glob,
    /// How they are read.
    pub format: Format,
    /// Where in a file its records are.
    pub records: RecordPath,
    /// What becomes of a record that can't be read or stored.
    pub bad: OnBad,
    /// Where its records go.
    pub into: TableMapping,
    /// Line and column in the mapping file, from 1.
    pub place: (u32, u32),
}

/// A pattern of paths: `*` and `?` within a name, `**` over folders, `{name}` captures (one name's part), `\` before a
/// character that stands for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glob {
    /// As written.
    pub pattern: String,
    /// The captures, in order.
    pub captures: Vec<String>,
}

/// How a file is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the formats' names")]
pub enum Format {
    #[default]
    Json,
    Jsonl,
    Yaml,
    /// Front matter (YAML between `---`) with the text under `body`.
    Markdown,
    /// Each line an object by the header's names.
    Csv,
    /// `{"text": …}`.
    Text,
    /// The rows of a table of a SQLite database, each an object by the columns' names.
    Sqlite,
}

/// Where records are in a document: a JSON Pointer whose steps may be `[*]` (each item of an array) or `{*}` (each entry of
/// an object, with its key). Empty: the document itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordPath(pub Vec<Step>);

/// One step of a [`RecordPath`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of an object, or an index of an array.
    Key(String),
    /// Every item of an array.
    Items,
    /// Every entry of an object.
    Entries,
}

/// A table and what its columns take.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableMapping {
    /// The table.
    pub table: String,
    /// Its columns, in the order of the mapping.
    pub columns: Vec<ColumnMapping>,
    /// The columns by which a record is found again.
    pub key: Vec<String>,
    /// Line and column of its name in the mapping file, from 1.
    pub place: (u32, u32),
    /// What becomes of a record whose key is there already.
    pub exists: OnExisting,
    /// Tables for arrays and objects within a record.
    pub children: Vec<Child>,
}

/// A table for what is nested in a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Where, within the record.
    pub records: RecordPath,
    /// The foreign key: the child's column and the parent's.
    pub parent: Vec<(String, String)>,
    /// Where they go.
    pub into: TableMapping,
}

/// A column and what it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnMapping {
    /// The column.
    pub column: String,
    /// Where its value comes from.
    pub from: From,
    /// What is done to it on the way in.
    pub transform: Option<Transform>,
    /// Values longer than so many bytes are stored as files, the path in the column.
    pub store_over: Option<u64>,
    /// A record without a value is a bad one.
    pub required: bool,
    /// Line and column in the mapping file, from 1.
    pub place: (u32, u32),
}

/// Where a column's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum From {
    /// A JSON Pointer (RFC 6901) within the record.
    Pointer(String),
    /// A part of the path.
    Capture(String),
    /// What is known of the file.
    File(FileFact),
    /// The same for all.
    Constant(Value),
    /// A new UUID (version 4).
    Uuid,
    /// The time of the import, UTC.
    Now,
    /// The whole record, as JSON.
    Whole,
    /// What no other column and no child takes of the record, as JSON.
    Rest,
    /// The record's key in the object that it is an entry of.
    EntryKey,
    /// The record's place in its array or file, from 0.
    Position,
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFact {
    /// Its path relative to the folder, with `/`.
    Path,
    /// Its name without folder and extension.
    Name,
    /// When it was changed: UTC, RFC 3339.
    Mtime,
    /// Its size in bytes.
    Size,
    /// Its SHA-256 in hexadecimal.
    Sha256,
}

/// What is done to a value on the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// bcrypt, salted, at this cost (4 to 31): can't come back.
    Bcrypt(u32),
    /// SHA-256 in hexadecimal: can't come back.
    Sha256,
    /// AES-256-GCM with the key from the environment.
    Encrypt,
}

/// What becomes of a record whose key is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnExisting {
    /// It takes the place of what is there.
    #[default]
    Update,
    /// It is left out.
    Skip,
    /// The import stops.
    Error,
}

/// What becomes of a bad record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnBad {
    /// The import stops.
    #[default]
    Fail,
    /// It goes to the table `liftlock_import_quarantine`.
    Quarantine,
}
