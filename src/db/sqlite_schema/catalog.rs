//! What SQLite's own catalog says of a database: its objects, and the answers of its pragmas, a handful of queries in all.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::ControlFlow;

use super::declaration::IndexDeclaration;
use super::text::collation;
use crate::db::{Row, SqlError, SqliteDb};
use crate::schema::Action;
use crate::value::SqlValue;

/// All of it.
pub(super) struct Catalog {
    /// What the pragmas say of each object that is a table, in the order of the objects; nothing of a virtual one.
    pub(super) tables: Vec<RawTable>,
    /// What `PRAGMA table_list` says of each table, by its name.
    pub(super) kinds: HashMap<String, Listed>,
    /// The columns of each view, none where it is broken.
    pub(super) views: HashMap<String, Vec<String>>,
    /// The rows of `sqlite_sequence`.
    pub(super) sequences: HashMap<String, i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    Index,
    View,
    Trigger,
}

/// A row of `sqlite_schema`.
pub(super) struct Object {
    rowid: i64,
    pub(super) kind: Kind,
    pub(super) name: String,
    /// The table that a trigger or an index belongs to; empty for others.
    pub(super) table: String,
    /// Empty for the indexes that constraints make.
    pub(super) sql: String,
}

/// What `PRAGMA table_list` tells.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Listed {
    pub(super) is_virtual: bool,
    pub(super) shadow: bool,
    pub(super) without_rowid: bool,
    pub(super) strict: bool,
}

#[derive(Debug, Default)]
pub(super) struct RawTable {
    pub(super) columns: Vec<RawColumn>,
    /// In declared order: the pragma's is the reverse.
    pub(super) foreign_keys: Vec<RawForeignKey>,
    /// The oldest first: empty until [`super::indexes::list`].
    pub(super) indexes: Vec<RawIndex>,
    /// The collations of its columns, where its statement can't be read.
    pub(super) collations: Vec<Option<String>>,
}

/// A row of `PRAGMA table_xinfo`.
#[derive(Debug)]
pub(super) struct RawColumn {
    pub(super) name: String,
    pub(super) declared: String,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    /// Its place in the primary key, from 1; 0 where it is no part of that.
    pub(super) key: i64,
    pub(super) generated: bool,
    pub(super) stored: bool,
}

/// The rows of one key of `PRAGMA foreign_key_list`.
#[derive(Debug)]
pub(super) struct RawForeignKey {
    pub(super) id: i64,
    pub(super) parent: String,
    pub(super) columns: Vec<String>,
    /// `None` where the parent's columns are left out.
    pub(super) parent_columns: Vec<Option<String>>,
    pub(super) on_update: Action,
    pub(super) on_delete: Action,
}

/// What made an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Created,
    Unique,
    PrimaryKey,
}

/// What `PRAGMA index_list` tells of an index.
#[derive(Debug)]
pub(super) struct RawIndex {
    pub(super) name: String,
    pub(super) unique: bool,
    pub(super) origin: Origin,
    pub(super) partial: bool,
    /// Its key columns: empty until [`super::terms::ask`], or [`super::terms::fill`] where its statement leaves nothing open.
    pub(super) terms: Vec<RawTerm>,
    /// Its statement: empty for one that a constraint made.
    pub(super) sql: String,
    /// What that says: `None` where it can't be read.
    pub(super) declared: Option<IndexDeclaration>,
}

#[derive(Debug, Clone)]
pub(super) struct RawTerm {
    /// `None` for an expression, and for the rowid of a table that has no column for it.
    pub(super) column: Option<String>,
    pub(super) descending: bool,
    /// `None` for `BINARY`.
    pub(super) collation: Option<String>,
}

impl Catalog {
    /// What there is to know of `objects` beside their statements.
    pub(super) fn read(db: &SqliteDb, objects: &[Object]) -> Result<Self, SqlError> {
        let mut tables = Tables::of(objects);
        columns(db, &mut tables)?;
        foreign_keys(db, &mut tables)?;
        let counted = objects.iter().any(|object| object.kind == Kind::Table && object.name == "sqlite_sequence");
        let sequences = if counted { sequences(db)? } else { HashMap::new() };
        // before the list of tables: that looks for views whose columns are not known yet, from the start for each
        let mut views = HashMap::new();
        for view in objects.iter().filter(|object| object.kind == Kind::View) {
            views.insert(view.name.clone(), view_columns(db, &view.name)?);
        }
        Ok(Self { kinds: kinds(db)?, tables: tables.raw, views, sequences })
    }
}

/// What is said of tables, row by row, each told by its rowid in `sqlite_schema`.
struct Tables {
    rowids: Vec<i64>,
    raw: Vec<RawTable>,
    /// Where the last row's table stands; those of one table come together.
    last: usize,
}

impl Tables {
    fn of(objects: &[Object]) -> Self {
        let rowids = objects.iter().filter(|object| object.kind == Kind::Table).map(|object| object.rowid);
        let rowids: Vec<i64> = rowids.collect();
        Self { raw: rowids.iter().map(|_| RawTable::default()).collect(), rowids, last: 0 }
    }

    /// The table that the row's first field tells.
    fn at(&mut self, row: &Row<'_>) -> Result<&mut RawTable, SqlError> {
        let rowid = integer(row, 0);
        if self.rowids.get(self.last) != Some(&rowid) {
            let found = self.rowids.binary_search(&rowid);
            self.last = found.map_err(|_| SqlError::other("`sqlite_schema` changes while it is read"))?;
        }
        Ok(&mut self.raw[self.last])
    }
}

/// The columns of a view; none where the view is broken.
fn view_columns(db: &SqliteDb, view: &str) -> Result<Vec<String>, SqlError> {
    let mut columns = Vec::new();
    let read =
        db.each_row("SELECT name FROM pragma_table_xinfo(?1, 'main')", &[SqlValue::Text(view.as_bytes())], |row| {
            columns.push(text(row, 0)?);
            Ok::<_, SqlError>(ControlFlow::Continue(()))
        });
    match read {
        Ok(()) => Ok(columns),
        // what it selects from is gone, or a function it calls isn't here: no failure of the database's
        Err(error) if error.code.as_deref() == Some("SQLITE_ERROR") => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// In the order of `sqlite_schema`.
pub(super) fn objects(db: &SqliteDb) -> Result<Vec<Object>, SqlError> {
    let mut objects = Vec::new();
    let sql = "SELECT rowid, type, name, tbl_name, ifnull(sql, '') FROM main.sqlite_schema ORDER BY rowid";
    each(db, sql, |row| {
        let kind = match word(row, 1) {
            b"table" => Kind::Table,
            b"index" => Kind::Index,
            b"view" => Kind::View,
            b"trigger" => Kind::Trigger,
            _ => {
                let other = text(row, 1)?;
                return Err(SqlError::other(format!("`sqlite_schema` has an object of the unknown type `{other}`")));
            }
        };
        let has_table = matches!(kind, Kind::Index | Kind::Trigger);
        let table = if has_table { text(row, 3)? } else { String::new() };
        objects.push(Object { rowid: integer(row, 0), kind, name: text(row, 2)?, table, sql: text(row, 4)? });
        Ok(())
    })?;
    Ok(objects)
}

fn kinds(db: &SqliteDb) -> Result<HashMap<String, Listed>, SqlError> {
    let mut kinds = HashMap::new();
    each(db, "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'", |row| {
        let kind = word(row, 1);
        let listed = Listed {
            is_virtual: kind == b"virtual",
            shadow: kind == b"shadow",
            without_rowid: flag(row, 2),
            strict: flag(row, 3),
        };
        kinds.insert(text(row, 0)?, listed);
        Ok(())
    })?;
    Ok(kinds)
}

// The joins below begin with the tables that have a b-tree. A virtual one has none, and asking for its columns fails
// where its module isn't there. CROSS JOIN keeps the order: a pragma's function must not be asked without its table. What
// a pragma says of one table comes in the order in which `sqlite3Pragma` in pragma.c walks through it: columns as declared,
// keys from the newest on; to sort by it would be to write down every row once more.

fn columns(db: &SqliteDb, tables: &mut Tables) -> Result<(), SqlError> {
    let sql = "SELECT m.rowid, x.name, x.type, x.\"notnull\", x.dflt_value, x.pk, x.hidden \
               FROM main.sqlite_schema m CROSS JOIN pragma_table_xinfo(m.name, 'main') x \
               WHERE m.type = 'table' AND m.rootpage > 0 ORDER BY m.rowid";
    each(db, sql, |row| {
        let hidden = integer(row, 6);
        let column = RawColumn {
            name: text(row, 1)?,
            declared: text(row, 2)?,
            not_null: flag(row, 3),
            default: optional_text(row, 4)?,
            key: integer(row, 5),
            // https://www.sqlite.org/pragma.html#pragma_table_xinfo
            generated: hidden == 2 || hidden == 3,
            stored: hidden == 3,
        };
        tables.at(row)?.columns.push(column);
        Ok(())
    })
}

fn foreign_keys(db: &SqliteDb, tables: &mut Tables) -> Result<(), SqlError> {
    let sql = "SELECT m.rowid, f.id, f.\"table\", f.\"from\", f.\"to\", f.on_update, f.on_delete \
               FROM main.sqlite_schema m CROSS JOIN pragma_foreign_key_list(m.name, 'main') f \
               WHERE m.type = 'table' AND m.rootpage > 0 ORDER BY m.rowid";
    each(db, sql, |row| {
        let id = integer(row, 1);
        let keys = &mut tables.at(row)?.foreign_keys;
        if keys.last().is_none_or(|key| key.id != id) {
            let parent = text(row, 2)?;
            let (on_update, on_delete) = (action(word(row, 5)), action(word(row, 6)));
            let (columns, parent_columns) = (Vec::new(), Vec::new());
            keys.push(RawForeignKey { id, parent, columns, parent_columns, on_update, on_delete });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(text(row, 3)?);
            key.parent_columns.push(optional_text(row, 4)?);
        }
        Ok(())
    })?;
    for table in &mut tables.raw {
        table.foreign_keys.sort_by_key(|key| Reverse(key.id));
    }
    Ok(())
}

fn action(words: &[u8]) -> Action {
    match words {
        b"RESTRICT" => Action::Restrict,
        b"SET NULL" => Action::SetNull,
        b"SET DEFAULT" => Action::SetDefault,
        b"CASCADE" => Action::Cascade,
        _ => Action::NoAction,
    }
}

/// What `PRAGMA index_list` says of a table: the oldest first, where the pragma begins with the newest.
pub(super) fn indexes(db: &SqliteDb, table: &str) -> Result<Vec<RawIndex>, SqlError> {
    let sql = "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1, 'main')";
    let mut indexes = Vec::new();
    db.each_row(sql, &[SqlValue::Text(table.as_bytes())], |row| {
        let origin = match word(row, 2) {
            b"pk" => Origin::PrimaryKey,
            b"u" => Origin::Unique,
            _ => Origin::Created,
        };
        let (name, unique, partial) = (text(row, 0)?, flag(row, 1), flag(row, 3));
        let (terms, sql, declared) = (Vec::new(), String::new(), None);
        indexes.push(RawIndex { name, unique, origin, partial, terms, sql, declared });
        Ok::<_, SqlError>(ControlFlow::Continue(()))
    })?;
    indexes.reverse();
    Ok(indexes)
}

/// What `PRAGMA index_xinfo` says of one index' key columns.
pub(super) fn terms(db: &SqliteDb, index: &str) -> Result<Vec<RawTerm>, SqlError> {
    let sql = "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno";
    let mut terms = Vec::new();
    db.each_row(sql, &[SqlValue::Text(index.as_bytes())], |row| {
        let (column, descending, collation) = (optional_text(row, 0)?, flag(row, 1), collation(&text(row, 2)?));
        terms.push(RawTerm { column, descending, collation });
        Ok::<_, SqlError>(ControlFlow::Continue(()))
    })?;
    Ok(terms)
}

/// As SQLite takes them: of several rows of a table the first counts, and what is no integer is cast to one.
fn sequences(db: &SqliteDb) -> Result<HashMap<String, i64>, SqlError> {
    let mut sequences = HashMap::new();
    let sql = "SELECT name, CAST(seq AS INTEGER) FROM main.sqlite_sequence WHERE seq IS NOT NULL ORDER BY rowid";
    each(db, sql, |row| {
        if let Some(name) = optional_text(row, 0)? {
            sequences.entry(name).or_insert_with(|| integer(row, 1));
        }
        Ok(())
    })?;
    Ok(sequences)
}

fn each(db: &SqliteDb, sql: &str, mut take: impl FnMut(&Row<'_>) -> Result<(), SqlError>) -> Result<(), SqlError> {
    db.each_row(sql, &[], |row| take(row).map(ControlFlow::Continue))
}

/// A word of SQLite's own.
fn word<'a>(row: &'a Row<'_>, at: usize) -> &'a [u8] {
    match row.get(at) {
        SqlValue::Text(word) => word,
        _ => b"",
    }
}

fn optional_text(row: &Row<'_>, at: usize) -> Result<Option<String>, SqlError> {
    match row.get(at) {
        SqlValue::Null => Ok(None),
        SqlValue::Text(bytes) | SqlValue::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => {
                let shown = String::from_utf8_lossy(bytes);
                Err(SqlError::other(format!("the schema holds text that is not valid UTF-8: `{shown}`")))
            }
        },
        SqlValue::Integer(number) => Ok(Some(number.to_string())),
        SqlValue::Real(number) => Ok(Some(number.to_string())),
    }
}

fn text(row: &Row<'_>, at: usize) -> Result<String, SqlError> {
    optional_text(row, at).map(Option::unwrap_or_default)
}

fn integer(row: &Row<'_>, at: usize) -> i64 {
    match row.get(at) {
        SqlValue::Integer(number) => number,
        _ => 0,
    }
}

fn flag(row: &Row<'_>, at: usize) -> bool {
    integer(row, at) != 0
}
