//! Which keys of an index a foreign key's search can use, one after another (`whereLoopAddBtreeIndex` in where.c).

use super::Level;
use crate::audit::schema::{ForeignKey, Index, Keyed, Method, Table};

/// What an index's keys do for a foreign key, its WHERE clause left aside.
pub(super) struct Found<'a> {
    /// The foreign key's columns that are searched, in the index's order.
    pub(super) searched: Vec<&'a str>,
    pub(super) level: Level,
    /// At most one row is left.
    pub(super) one_row: bool,
    /// What kept the index from more.
    pub(super) miss: Miss,
    /// The same for words.
    pub(super) stop: Stop<'a>,
}

/// What stopped a search, written as a clause where somebody reads it: nearly every index is in the way of nobody.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop<'a> {
    /// Nothing did.
    Nothing,
    /// The column stands behind others.
    Behind(&'a str),
    /// The column is not in it.
    Missing(&'a str),
    /// It ends before another column.
    End,
    /// An expression is in the way.
    Expression(&'a str),
    /// Another column is in the way.
    Other(&'a str),
    /// The column, and the parent's with which it is compared as a number.
    Affinity(&'a str, &'a str),
    /// The column, the index's collation, and the one that is wanted.
    Collation(&'a str, &'a str, &'a str),
}

impl std::fmt::Display for Stop<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Behind(name) => write!(f, "`{name}` stands behind other columns in it"),
            Self::Missing(name) => write!(f, "`{name}` is not in it"),
            Self::End => f.write_str("no other column of the foreign key is in it"),
            Self::Expression(expression) => write!(f, "it has the expression `{expression}` there"),
            Self::Other(name) => write!(f, "it has `{name}` there, which is no column of the foreign key"),
            Self::Affinity(name, parent) => {
                write!(f, "`{name}` is compared with `{parent}` as a number, and is none itself")
            }
            Self::Collation(name, own, wanted) => {
                write!(f, "it compares `{name}` by {own}, and the foreign key by {wanted}")
            }
        }
    }
}

/// What keeps an index from serving. Greater comes nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Miss {
    /// It is over something else.
    Column,
    /// The foreign key's column is there, behind others.
    Behind,
    /// It is over an expression that has the column in it.
    Expression,
    /// The comparison is one of numbers, the index is not.
    Affinity,
    /// It compares by another collation.
    Collation,
    /// It has not all rows.
    Predicate,
}

impl Miss {
    /// Whether the index comes near enough to be spoken of.
    pub(super) fn tells(self) -> bool {
        self > Self::Column
    }
}

/// A key as the planner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// The rowid, by the name that a column gives it, if one does. It is compared without collation and affinity.
    Rowid(Option<&'a str>),
    Column(&'a str, &'a str),
    Expression(&'a str),
}

impl<'a> Key<'a> {
    pub(super) fn column(self) -> Option<&'a str> {
        match self {
            Self::Rowid(name) => name,
            Self::Column(name, _) => Some(name),
            Self::Expression(_) => None,
        }
    }
}

/// The keys of `index`, and those that SQLite adds at its end: the rowid, or the columns of a `WITHOUT ROWID` table's
/// primary key that are not in it yet by the same collation (`isDupColumn` in build.c).
pub(super) fn keys<'a>(table: &'a Table, index: &'a Index) -> Vec<Key<'a>> {
    let rowid = Key::Rowid(table.rowid_alias.as_deref());
    if index.method == Method::Rowid {
        return vec![rowid];
    }
    let mut keys = declared(table, index);
    if index.method == Method::Primary {
        return keys;
    }
    let own = keys.len();
    if table.without_rowid {
        let primary = table.indexes.iter().find(|index| index.method == Method::Primary);
        for key in primary.map(|primary| declared(table, primary)).unwrap_or_default() {
            if !keys[..own].iter().any(|own| same(*own, key)) {
                keys.push(key);
            }
        }
    } else {
        keys.push(rowid);
    }
    keys
}

fn declared<'a>(table: &'a Table, index: &'a Index) -> Vec<Key<'a>> {
    let key = |key: &'a crate::audit::schema::Key| match &key.what {
        Keyed::Expression(expression) => Key::Expression(expression),
        Keyed::Column(name) if table.rowid_alias.as_ref() == Some(name) => Key::Rowid(Some(name)),
        Keyed::Column(name) => Key::Column(name, collation(key.collation.as_deref())),
    };
    index.keys.iter().map(key).collect()
}

fn same(one: Key<'_>, other: Key<'_>) -> bool {
    match (one, other) {
        (Key::Column(one, first), Key::Column(other, second)) => one == other && first.eq_ignore_ascii_case(second),
        (one, other) => one == other,
    }
}

fn collation(name: Option<&str>) -> &str {
    name.unwrap_or("BINARY")
}

pub(super) fn search<'a>(table: &'a Table, foreign_key: &'a ForeignKey, index: &'a Index) -> Found<'a> {
    let keys = keys(table, index);
    let own = if index.method == Method::Rowid { 1 } else { index.keys.len() };
    let mut searched: Vec<&str> = Vec::new();
    let mut one_row = false;
    let mut stopped = None;
    for (at, key) in keys.iter().enumerate() {
        if let Err((miss, why)) = usable(foreign_key, *key) {
            stopped = Some((miss, why));
            break;
        }
        searched.extend(key.column().filter(|name| !searched.contains(name)));
        one_row |= matches!(key, Key::Rowid(_)) || (index.unique && at + 1 == own);
    }
    let missing = foreign_key.columns.iter().find(|column| !searched.contains(&column.column.as_str()));
    let (miss, stop) = match (stopped, missing) {
        (Some((Miss::Column, _)), Some(missing)) if keys.iter().any(|key| key.column() == Some(&missing.column)) => {
            (Miss::Behind, Stop::Behind(&missing.column))
        }
        (Some(stopped), Some(_)) => stopped,
        (None, Some(missing)) => (Miss::Column, Stop::Missing(&missing.column)),
        (_, None) => (Miss::Column, Stop::Nothing),
    };
    let level = if missing.is_none() {
        Level::Full
    } else if one_row {
        Level::UniqueSubset
    } else if !searched.is_empty() {
        Level::Prefix
    } else if let Some(name) = skipped_to(foreign_key, index, &keys) {
        searched.push(name);
        Level::Skip
    } else {
        Level::None
    };
    Found { searched, level, one_row, miss, stop }
}

/// Whether the search can be by this key; if not, why.
fn usable<'a>(foreign_key: &'a ForeignKey, key: Key<'a>) -> Result<(), (Miss, Stop<'a>)> {
    let Some(name) = key.column() else {
        let Key::Expression(expression) = key else {
            return Err((Miss::Column, Stop::End));
        };
        let concerned = foreign_key.columns.iter().any(|column| mentions(expression, &column.column));
        let miss = if concerned { Miss::Expression } else { Miss::Column };
        return Err((miss, Stop::Expression(expression)));
    };
    let mut worst = Err((Miss::Column, Stop::Other(name)));
    for column in foreign_key.columns.iter().filter(|column| column.column == name) {
        let Key::Column(_, own) = key else { return Ok(()) };
        let wanted = collation(column.search.collation.as_deref());
        if column.search.affinity_blocks {
            worst = Err((Miss::Affinity, Stop::Affinity(name, &column.parent_column)));
        } else if own.eq_ignore_ascii_case(wanted) {
            return Ok(());
        } else {
            worst = Err((Miss::Collation, Stop::Collation(name, own, wanted)));
        }
    }
    worst
}

/// The column that a skip-scan gets to: keys before it are left out as long as at least 18 rows are alike in each.
fn skipped_to<'a>(foreign_key: &'a ForeignKey, index: &Index, keys: &[Key<'a>]) -> Option<&'a str> {
    for (at, key) in keys.iter().enumerate() {
        if usable(foreign_key, *key).is_ok() {
            return key.column();
        }
        let alike = index.rows_alike.get(at + 1).copied().unwrap_or_default();
        if at + 1 >= index.keys.len() || alike < 18 {
            return None;
        }
    }
    None
}

/// Whether the word is in the text, as far as it matters for what is told.
fn mentions(text: &str, name: &str) -> bool {
    let (text, name) = (text.as_bytes(), name.as_bytes());
    name.is_empty() || text.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name))
}
