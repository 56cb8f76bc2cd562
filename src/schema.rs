//! What a SQLite database declares, as plain data: tables, columns, keys, indexes, views, triggers.

/// A whole database's schema, objects in the order of their creation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Ordinary tables; internal ones (`sqlite_…`), virtual ones and their shadows are in [`Schema::special`].
    pub tables: Vec<Table>,
    /// Views.
    pub views: Vec<View>,
    /// Triggers.
    pub triggers: Vec<Trigger>,
    /// Tables that hold no rows of the application's own.
    pub special: Vec<SpecialTable>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Its name as declared.
    pub name: String,
    /// The statement that made it.
    pub sql: String,
    /// The name by which a row's rowid can be asked for (`rowid`, `_rowid_` or `oid`, whichever no column has);
    /// `None` where there is no rowid, or no name left for it.
    pub rowid: Option<String>,
    /// Declared `STRICT`.
    pub strict: bool,
    /// Declared `WITHOUT ROWID`.
    pub without_rowid: bool,
    /// Its integer primary key is declared `AUTOINCREMENT`.
    pub autoincrement: bool,
    /// What `sqlite_sequence` holds for it.
    pub sequence: Option<i64>,
    /// Its columns, generated ones included, in declared order.
    pub columns: Vec<Column>,
    /// Its primary key.
    pub primary_key: Option<PrimaryKey>,
    /// UNIQUE constraints.
    pub uniques: Vec<Unique>,
    /// CHECK constraints, of columns and of the table.
    pub checks: Vec<Check>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes made by CREATE INDEX.
    pub indexes: Vec<Index>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name as declared.
    pub name: String,
    /// The declared type, as written; empty where there is none.
    pub declared: String,
    /// What SQLite makes of the declared type.
    pub affinity: Affinity,
    /// Declared NOT NULL (a primary key of a `STRICT` or `WITHOUT ROWID` table is that too).
    pub not_null: bool,
    /// The default as an SQL expression: a literal as written, or an expression without its outer parentheses.
    pub default: Option<String>,
    /// The declared collation other than `BINARY`, in upper case as far as it is one of SQLite's own.
    pub collation: Option<String>,
    /// Computed from other columns.
    pub generated: Option<Generated>,
}

/// What makes a generated column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The expression as written.
    pub expression: String,
    /// STORED rather than VIRTUAL.
    pub stored: bool,
}

/// A column's affinity (<https://www.sqlite.org/datatype3.html>, section 3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Affinity {
    /// `TEXT`.
    Text,
    /// `NUMERIC`.
    Numeric,
    /// `INTEGER`.
    Integer,
    /// `REAL`.
    Real,
    /// `BLOB`, once called NONE; also `ANY` in a STRICT table.
    #[default]
    Blob,
}

/// One column of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyColumn {
    /// The column's name as declared.
    pub name: String,
    /// DESC.
    pub descending: bool,
    /// The collation by which it compares here, where that is not `BINARY`.
    pub collation: Option<String>,
}

/// A primary key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrimaryKey {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// Its columns in the order of the key.
    pub columns: Vec<KeyColumn>,
    /// It is another name of the rowid (`INTEGER PRIMARY KEY`).
    pub rowid_alias: bool,
    /// SQLite's own index for it (`sqlite_autoindex_…`); `None` where the rowid is that.
    pub index: Option<String>,
}

/// A UNIQUE constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unique {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// Its columns in order.
    pub columns: Vec<KeyColumn>,
    /// SQLite's own index for it (`sqlite_autoindex_…`).
    pub index: String,
}

/// A CHECK constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// The expression as written, without the outer parentheses.
    pub expression: String,
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// The child's columns, names as declared.
    pub columns: Vec<String>,
    /// The parent table: its name as declared where it exists, else as written here.
    pub parent: String,
    /// The parent's columns, resolved to its primary key where they are left out; empty where that can't be.
    pub parent_columns: Vec<String>,
    /// ON DELETE.
    pub on_delete: Action,
    /// ON UPDATE.
    pub on_update: Action,
    /// Whether, and how, its check may wait.
    pub deferral: Deferral,
    /// Whether there is a parent to point to.
    pub parent_state: ParentState,
}

/// What a foreign key does when its parent's row goes or changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of SQL")]
pub enum Action {
    #[default]
    NoAction,
    Restrict,
    SetNull,
    SetDefault,
    Cascade,
}

/// When a foreign key is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Deferral {
    /// At the end of each statement.
    #[default]
    NotDeferrable,
    /// `DEFERRABLE INITIALLY IMMEDIATE`, which in SQLite is the same as not deferrable.
    Immediate,
    /// `DEFERRABLE INITIALLY DEFERRED`: at commit.
    Deferred,
}

/// Whether a foreign key has something to point to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ParentState {
    /// It has.
    #[default]
    Ok,
    /// There is no such table.
    MissingTable,
    /// The table has no such column, or has no primary key to stand in for columns left out.
    MissingColumn,
    /// The table's columns are neither its primary key nor unique.
    NotUnique,
}

/// An index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Declared UNIQUE.
    pub unique: bool,
    /// What it is over, in order.
    pub terms: Vec<IndexTerm>,
    /// The WHERE clause's expression, as written.
    pub predicate: Option<String>,
    /// The statement that made it.
    pub sql: String,
}

/// One term of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexTerm {
    /// What it is.
    pub what: Indexed,
    /// DESC.
    pub descending: bool,
    /// The collation by which it compares, where that is not `BINARY`.
    pub collation: Option<String>,
}

/// What an index is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indexed {
    /// A column, by its declared name.
    Column(String),
    /// An expression as written.
    Expression(String),
}

/// A view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Its columns' names, as SQLite has them.
    pub columns: Vec<String>,
    /// The statement that made it.
    pub sql: String,
}

/// A trigger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// The table or view it is on.
    pub table: String,
    /// The statement that made it.
    pub sql: String,
}

/// A table that is no table of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialTable {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Special,
    /// The statement that made it.
    pub sql: String,
}

/// What a special table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Special {
    /// A virtual table of that module.
    Virtual {
        /// `fts5`, `rtree`, …, as written.
        module: String,
    },
    /// A table in which a virtual table keeps its data.
    Shadow,
    /// SQLite's own (`sqlite_sequence`, `sqlite_stat1`, …).
    Internal,
}

impl Table {
    /// The column of that name, as SQLite compares names: ASCII letters without case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The column that is another name of the rowid.
    #[must_use]
    pub fn rowid_alias(&self) -> Option<&str> {
        let key = self.primary_key.as_ref().filter(|key| key.rowid_alias)?;
        key.columns.first().map(|column| column.name.as_str())
    }
}

impl Schema {
    /// The table of that name, as SQLite compares names.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }
}
