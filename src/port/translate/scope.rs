//! What a name in an expression stands for: a column of SQLite's, its name and type in PostgreSQL, and what it holds.

use super::Untranslatable;
use super::typed::Typed;
use crate::schema::Affinity;
use crate::value::{PgType, Reading};

/// The storage classes of the values that a column holds in SQLite (NULL aside).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a class of its own")]
pub struct Classes {
    /// INTEGER.
    pub integers: bool,
    /// REAL.
    pub reals: bool,
    /// TEXT.
    pub texts: bool,
    /// BLOB.
    pub blobs: bool,
}

impl Classes {
    /// What a column of that affinity can hold where all that is known is the type that was chosen for it.
    #[must_use]
    pub fn likely(pg_type: &PgType, affinity: Affinity) -> Self {
        let integers = Self { integers: true, ..Self::default() };
        let texts = Self { texts: true, ..Self::default() };
        match pg_type {
            PgType::Bool | PgType::Int2 | PgType::Int4 | PgType::Int8 => integers,
            PgType::Float4 | PgType::Float8 => {
                Self { reals: true, integers: affinity != Affinity::Real, ..Self::default() }
            }
            PgType::Numeric(_) => Self { reals: true, ..integers },
            PgType::Bytea => Self { blobs: true, ..Self::default() },
            PgType::Text | PgType::Varchar(_) | PgType::Char(_) if affinity != Affinity::Text => {
                Self { texts: true, reals: true, ..integers }
            }
            PgType::Domain { over, .. } => Self::likely(over, affinity),
            _ => texts,
        }
    }
}

/// A column as expressions see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeColumn {
    /// Its name in SQLite.
    pub name: String,
    /// Its name in PostgreSQL.
    pub target: String,
    /// Its type in PostgreSQL.
    pub pg_type: PgType,
    /// Its affinity in SQLite.
    pub affinity: Affinity,
    /// Its declared collation other than `BINARY`.
    pub collation: Option<String>,
    /// The storage classes that it holds.
    pub classes: Classes,
    /// For a column of times, UUIDs: how all of its texts are spelled in SQLite, as a format of `to_char`
    /// (`YYYY-MM-DD HH24:MI:SS`; with `.US` at its end a fraction follows, without zeros at its end, where there is one,
    /// which is how PostgreSQL prints it); for a UUID `uuid` where all are in lower case with hyphens; for a
    /// boolean the words for true and false (`t/f`) where all are texts of these two. `None` where that
    /// differs or is not known: then nothing is compared with it.
    pub spelling: Option<String>,
    /// How its numbers were read.
    pub reading: Reading,
    /// It holds no NULL and never will.
    pub not_null: bool,
}

impl ScopeColumn {
    /// A column of which no more is known than its declaration and its type.
    #[must_use]
    pub fn new(name: &str, target: &str, pg_type: PgType, affinity: Affinity) -> Self {
        let classes = Classes::likely(&pg_type, affinity);
        Self {
            name: name.to_owned(),
            target: target.to_owned(),
            pg_type,
            affinity,
            collation: None,
            classes,
            spelling: None,
            reading: Reading::default(),
            not_null: false,
        }
    }
}

/// One table, view or subquery whose columns can be named.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    /// Its name or alias in SQLite.
    pub name: String,
    /// What stands before a column's name in PostgreSQL, quoted; `None` for a table's own expressions.
    pub prefix: Option<String>,
    /// Its columns.
    pub columns: Vec<ScopeColumn>,
    /// The column that is another name of the rowid.
    pub rowid: Option<String>,
    /// The columns of its primary key in SQLite's names, where PostgreSQL has it as one too.
    pub key: Vec<String>,
    /// Columns that a join by name has merged into one before: not shown by `*`, not found without a qualifier.
    pub merged: Vec<String>,
}

/// The columns that a table's own expressions can name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    pub(super) sources: Vec<Source>,
}

impl Scope {
    /// A scope without columns, for defaults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The scope of a table's own expressions: its name in SQLite, its columns, and the one that is its rowid.
    #[must_use]
    pub fn table(name: &str, columns: Vec<ScopeColumn>, rowid: Option<&str>) -> Self {
        let source = Source {
            name: name.to_owned(),
            prefix: None,
            columns,
            rowid: rowid.map(str::to_owned),
            key: Vec::new(),
            merged: Vec::new(),
        };
        Self { sources: vec![source] }
    }
}

impl Source {
    /// The column of that name, or the one that is the rowid where `name` says so.
    pub fn column(&self, name: &str) -> Option<&ScopeColumn> {
        let named = |name: &str| self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        named(name).or_else(|| {
            let rowid = ["rowid", "_rowid_", "oid"].iter().any(|word| word.eq_ignore_ascii_case(name));
            self.rowid.as_deref().filter(|_| rowid).and_then(named)
        })
    }

    /// A reference to one of its columns.
    pub fn reference(&self, column: &ScopeColumn) -> Typed {
        Typed::column(self.prefix.as_deref(), column)
    }
}

/// The column that a name means among sources of one level.
pub(super) fn resolve(
    sources: &[Source],
    qualifier: Option<&str>,
    name: &str,
) -> Result<Option<(usize, Typed)>, Untranslatable> {
    let mut found = None;
    for (at, source) in sources.iter().enumerate() {
        if let Some(qualifier) = qualifier {
            if !source.name.eq_ignore_ascii_case(qualifier) {
                continue;
            }
        } else if source.merged.iter().any(|merged| merged.eq_ignore_ascii_case(name)) {
            continue;
        }
        if let Some(column) = source.column(name) {
            if found.is_some() {
                return Err(Untranslatable::new(format!("`{name}` (more than one column has that name)")));
            }
            found = Some((at, source.reference(column)));
        }
    }
    Ok(found)
}
