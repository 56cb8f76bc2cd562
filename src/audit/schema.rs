//! A schema as the audit sees it, whichever database's: tables, foreign keys, and all of an index that decides what it
//! can be used for. Plain data, which tests build by hand.

use std::collections::{BTreeMap, BTreeSet};

pub use crate::schema::{Action, Affinity, ParentState};

use crate::Dialect;

/// All that is audited.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// The database's kind.
    pub dialect: Dialect,
    /// The version of it for which verdicts are given.
    pub version: Version,
    /// Its tables, ordered by schema and name; partitions among them. Temporary ones and the system's are left out.
    pub tables: Vec<Table>,
    /// PostgreSQL's operator families: the operators that an index over a family can search by (`pg_amop`, purpose
    /// `s`), by the OIDs of both. Only those that hold an operator by which a foreign key is searched.
    pub families: BTreeMap<u32, BTreeSet<u32>>,
    /// Names that a new index can't have, by schema: those of every relation (PostgreSQL) or object (SQLite).
    pub taken: BTreeMap<String, BTreeSet<String>>,
}

/// A database's version: `15.4` is `(15, 4, 0)`, `3.46.1` is `(3, 46, 1)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// A table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Its schema; `main` on SQLite.
    pub schema: String,
    /// Its name as declared.
    pub name: String,
    /// It holds no rows of its own, but partitions do.
    pub partitioned: bool,
    /// It is a partition of that table: schema and name.
    pub partition_of: Option<(String, String)>,
    /// Declared `WITHOUT ROWID`.
    pub without_rowid: bool,
    /// Its columns, in declared order; dropped ones left out.
    pub columns: Vec<Column>,
    /// The primary key's columns in the key's order; empty where there is none.
    pub primary_key: Vec<String>,
    /// On SQLite the column that is another name of the rowid (`INTEGER PRIMARY KEY`).
    pub rowid_alias: Option<String>,
    /// Everything that can be searched like an index: those of constraints too, on SQLite automatic ones too, and the
    /// primary key's own tree of a `WITHOUT ROWID` table (method [`Method::Primary`]).
    pub indexes: Vec<Index>,
    /// Foreign keys from this table to others. Those that PostgreSQL itself makes for partitions (`conparentid <> 0`)
    /// are left out.
    pub foreign_keys: Vec<ForeignKey>,
    /// Other constraints that are NOT VALID: their names and what they are (`CHECK`).
    pub not_valid: Vec<(String, String)>,
    /// The statement that made it, on SQLite.
    pub sql: Option<String>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Column {
    /// Its name as declared.
    pub name: String,
    /// The type: as declared on SQLite, as `format_type` writes it on PostgreSQL.
    pub declared: String,
    /// What SQLite makes of the declared type; `None` on PostgreSQL.
    pub affinity: Option<Affinity>,
    /// The collation by which its values compare, written as [`Key::collation`] is; `None` for types without one.
    pub collation: Option<String>,
    /// Declared NOT NULL, or part of a primary key that makes it so.
    pub not_null: bool,
    /// The largest value an integer type holds (domains: of their base), on PostgreSQL; `None` for other types.
    pub maximum: Option<i64>,
    /// It holds truths: `boolean`, or on SQLite a declared type that begins with `BOOL`.
    pub boolean: bool,
}

/// An index, or what serves as one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index {
    /// Its name, in the table's schema; empty for [`Method::Rowid`] and [`Method::Primary`].
    pub name: String,
    /// How it is organised.
    pub method: Method,
    /// At most one row for each key.
    pub unique: bool,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// Whether it can be used.
    pub state: IndexState,
    /// The constraint that it belongs to, if any.
    pub constraint: Option<Owner>,
    /// What else can't be without it, as a clause (`the foreign key \`c_fk\` refers to it`, `it is the replica identity`):
    /// PostgreSQL refuses to drop it, or does harm where it doesn't.
    pub needed: Option<String>,
    /// Its keys, in order: the first `indnkeyatts`.
    pub keys: Vec<Key>,
    /// INCLUDE columns, by name.
    pub included: Vec<String>,
    /// Its WHERE clause; `None` where it has none.
    pub predicate: Option<Predicate>,
    /// The WHERE clause as the database writes it.
    pub predicate_sql: Option<String>,
    /// Storage parameters, as the database writes them (`fillfactor=70`).
    pub parameters: Vec<String>,
    /// The statement that makes it, as the database writes it; empty where none does.
    pub definition: String,
    /// The index of the partitioned table that it is attached to: schema and name.
    pub partition_of: Option<(String, String)>,
    /// What SQLite's `sqlite_stat1` says of it: all rows, then rows that are alike in the first key, in the first two, …;
    /// empty where it says nothing, or says not to skip keys. They decide whether keys may be skipped.
    pub rows_alike: Vec<u64>,
}

/// An index's organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A b-tree; the only kind that SQLite has.
    #[default]
    Btree,
    /// hash.
    Hash,
    /// GiST.
    Gist,
    /// SP-GiST.
    Spgist,
    /// GIN.
    Gin,
    /// BRIN.
    Brin,
    /// Any other access method, by its name (`bloom`).
    Other(String),
    /// A SQLite table's own tree, by rowid.
    Rowid,
    /// A `WITHOUT ROWID` table's own tree, by its primary key.
    Primary,
}

/// Whether an index can be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IndexState {
    /// It can: valid, ready and live.
    #[default]
    Usable,
    /// It can't, and nothing is at work on it.
    Invalid,
    /// It can't yet: a session is building it now.
    Building,
}

/// The constraint that an index belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its name; empty for a nameless one of SQLite's.
    pub name: String,
    /// What it is.
    pub kind: OwnerKind,
}

/// What an index's constraint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerKind {
    /// PRIMARY KEY.
    Primary,
    /// UNIQUE.
    Unique,
    /// EXCLUDE.
    Exclusion,
}

/// One key of an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Key {
    /// What it is over.
    pub what: Keyed,
    /// DESC.
    pub descending: bool,
    /// NULLs come first.
    pub nulls_first: bool,
    /// The collation by which it compares: `BINARY`, `NOCASE`, … on SQLite; schema-qualified and quoted on PostgreSQL, `None`
    /// for types without one.
    pub collation: Option<String>,
    /// PostgreSQL's operator class, schema-qualified.
    pub class: Option<String>,
    /// The OID of the operator class' family.
    pub family: Option<u32>,
    /// On PostgreSQL: the column whose values the expression is, only under another type's name (`(code)::text` of a
    /// `varchar`); the planner takes it for the column.
    pub relabels: Option<String>,
}

/// What a key of an index is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed {
    /// A column, by its name.
    Column(String),
    /// An expression, as the database writes it.
    Expression(String),
}

impl Default for Keyed {
    fn default() -> Self {
        Self::Column(String::new())
    }
}

/// A WHERE clause, as far as it matters whether `column IS NOT NULL` implies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// `column IS NOT NULL`.
    NotNull(String),
    /// All of them.
    And(Vec<Predicate>),
    /// One of them.
    Or(Vec<Predicate>),
    /// Anything else, as written.
    Other(String),
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForeignKey {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// Its columns, in declared order.
    pub columns: Vec<ForeignKeyColumn>,
    /// The parent's schema.
    pub parent_schema: String,
    /// The parent: its name as declared where it exists, else as the foreign key has it.
    pub parent: String,
    /// Whether there is something to point to (SQLite finds out at the next change of rows).
    pub parent_state: ParentState,
    /// NOT VALID: rows that were there before have not been checked.
    pub not_valid: bool,
    /// ON DELETE.
    pub on_delete: Action,
    /// ON UPDATE.
    pub on_update: Action,
    /// MATCH, deferrability and what else two foreign keys over the same columns can differ in, as text.
    pub manner: String,
}

/// A column of a foreign key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForeignKeyColumn {
    /// The child's column.
    pub column: String,
    /// The parent's column; empty where it can't be told.
    pub parent_column: String,
    /// Its type there, as [`Column::declared`]; empty where it can't be told.
    pub parent_type: String,
    /// Whether the types of both differ (domains count as their base).
    pub types_differ: bool,
    /// How the child's rows are looked for when the parent's go or change.
    pub search: Search,
}

/// How a foreign key's column is searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// The collation that an index has to have; `None` for types without one.
    pub collation: Option<String>,
    /// On PostgreSQL: the operator with the child's column on its left, by its OID.
    pub operator: Option<u32>,
    /// On PostgreSQL: what is searched in the column's stead, where the operator needs the column cast to another type
    /// and the cast changes more than the type's name: as an index over it would be written (`(p_id)::numeric`), and the
    /// type it is cast to.
    pub cast: Option<Cast>,
    /// On PostgreSQL: the operator class that a b-tree over the column has to name, schema-qualified, because the one
    /// that it gets otherwise does not have the operator (a `text` column whose parent is `char(n)`).
    pub class: Option<String>,
    /// On SQLite: the comparison is numeric and the child's column is not, so that no index on it can be used.
    pub affinity_blocks: bool,
}

/// A cast that the search applies to a foreign key's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// The expression, as `pg_get_indexdef` writes it.
    pub expression: String,
    /// The type that the column would have to have.
    pub to: String,
}

impl Table {
    /// The column of that name, exactly as it is written.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Schema {
    /// The table of that schema and name, exactly as they are written.
    #[must_use]
    pub fn table(&self, schema: &str, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)?;
        if self.2 > 0 { write!(f, ".{}", self.2) } else { Ok(()) }
    }
}

/// `3.46`, `3.46.1`: what is left out is 0.
impl std::str::FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = [0; 3];
        let wrong = || "a version such as `3.46.1`".to_owned();
        for (at, part) in text.trim().split('.').enumerate() {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            *parts.get_mut(at).ok_or_else(wrong)? = part.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        }
        Ok(Self(parts[0], parts[1], parts[2]))
    }
}
