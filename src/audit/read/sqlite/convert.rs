//! A SQLite schema as declared → as the audit sees it. Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::predicate::predicate;
use crate::Dialect;
use crate::audit::schema::{
    Column, ForeignKey, ForeignKeyColumn, Index, Key, Keyed, Method, Owner, OwnerKind, Schema, Search, Table, Version,
};
use crate::schema as declared;
use crate::schema::{Affinity, Deferral, Indexed};
use crate::sql::Cursor;

/// The one schema that is audited.
pub(super) const MAIN: &str = "main";

/// The schema `from` as the audit sees it, to be judged as `version` of SQLite does.
pub(crate) fn from_schema(from: declared::Schema, version: Version) -> Schema {
    let taken = BTreeMap::from([(MAIN.to_owned(), names(&from))]);
    let asked_for = asked_for(&from);
    // while every table is there to be referred to
    let foreign_keys = foreign_keys(&from.tables);
    let mut tables: Vec<Table> =
        from.tables.into_iter().zip(foreign_keys).map(|(of, foreign_keys)| table(of, foreign_keys)).collect();
    need(&mut tables, &asked_for);
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Schema { dialect: Dialect::Sqlite, version, tables, families: BTreeMap::new(), taken }
}

/// Says which indexes views and triggers need.
fn need(tables: &mut [Table], asked_for: &HashMap<String, String>) {
    if asked_for.is_empty() {
        return;
    }
    for index in tables.iter_mut().flat_map(|table| &mut table.indexes) {
        if let Some(by) = asked_for.get(&index.name.to_ascii_lowercase()) {
            index.needed = Some(format!("{by} asks for it by name (INDEXED BY)"));
        }
    }
}

/// The indexes, by names in lower case, that views and triggers ask for by name, and who does: without them they fail.
fn asked_for(from: &declared::Schema) -> HashMap<String, String> {
    let views = from.views.iter().map(|view| ("view", &view.name, &view.sql));
    let triggers = from.triggers.iter().map(|trigger| ("trigger", &trigger.name, &trigger.sql));
    let mut found = HashMap::new();
    for (kind, name, sql) in views.chain(triggers) {
        if !sql.to_ascii_lowercase().contains("indexed") {
            continue;
        }
        let mut cursor = Cursor::new(Dialect::Sqlite, sql);
        while cursor.peek().is_some() {
            if !cursor.eat_all(&["indexed", "by"]) {
                cursor.take();
            } else if let Some(index) = cursor.identifier() {
                found.insert(index.to_ascii_lowercase(), format!("the {kind} `{name}`"));
            }
        }
    }
    found
}

/// Whether a constraint of the table may say that what it forbids is passed over, or takes the place of what is there.
fn says_on_conflict(table: &declared::Table) -> bool {
    if !table.sql.to_ascii_lowercase().contains("conflict") {
        return false;
    }
    let mut cursor = Cursor::new(Dialect::Sqlite, &table.sql);
    while cursor.peek().is_some() {
        if cursor.eat_all(&["on", "conflict"]) {
            return true;
        }
        cursor.take();
    }
    false
}

/// Every object's name, and that in lower case: SQLite compares names so.
fn names(from: &declared::Schema) -> BTreeSet<String> {
    let tables = from.tables.iter().flat_map(|table| {
        let indexes = table.indexes.iter().map(|index| &index.name);
        let constraints = table.uniques.iter().map(|unique| &unique.index);
        let primary = table.primary_key.iter().filter_map(|key| key.index.as_ref());
        std::iter::once(&table.name).chain(indexes).chain(constraints).chain(primary)
    });
    let views = from.views.iter().map(|view| &view.name);
    let triggers = from.triggers.iter().map(|trigger| &trigger.name);
    let special = from.special.iter().map(|table| &table.name);
    let mut names = Vec::new();
    for name in tables.chain(views).chain(triggers).chain(special) {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            names.push(name.to_ascii_lowercase());
        }
        names.push(name.clone());
    }
    // a set made of a whole list at once is sorted first, and built from its leaves
    names.into_iter().collect()
}

/// The foreign keys of each table.
fn foreign_keys(tables: &[declared::Table]) -> Vec<Vec<ForeignKey>> {
    let places: HashMap<Cow<'_, str>, &declared::Table> =
        tables.iter().map(|table| (in_lower_case(&table.name), table)).collect();
    let of_table = |table: &declared::Table| {
        let keys = table.foreign_keys.iter();
        keys.map(|key| foreign_key(table, key, places.get(&in_lower_case(&key.parent)).copied())).collect()
    };
    tables.iter().map(of_table).collect()
}

fn in_lower_case(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

fn table(mut of: declared::Table, foreign_keys: Vec<ForeignKey>) -> Table {
    let indexes = indexes(&mut of);
    let rowid_alias = of.rowid_alias().map(str::to_owned);
    let primary = of.primary_key.take();
    Table {
        schema: MAIN.to_owned(),
        without_rowid: of.without_rowid,
        columns: of.columns.into_iter().map(|of| column(of, rowid_alias.as_deref())).collect(),
        primary_key: primary.into_iter().flat_map(|key| key.columns).map(|column| column.name).collect(),
        rowid_alias,
        indexes,
        foreign_keys,
        name: of.name,
        sql: Some(of.sql),
        ..Table::default()
    }
}

fn column(of: declared::Column, rowid_alias: Option<&str>) -> Column {
    Column {
        affinity: Some(of.affinity),
        collation: Some(collation(of.collation)),
        // the rowid is no NULL, whatever is declared
        not_null: of.not_null || rowid_alias == Some(of.name.as_str()),
        maximum: None,
        boolean: of.declared.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("bool")),
        name: of.name,
        declared: of.declared,
    }
}

fn collation(name: Option<String>) -> String {
    name.unwrap_or_else(|| "BINARY".to_owned())
}

/// The table's own tree where it can be searched by columns, those of constraints, those that were made.
fn indexes(table: &mut declared::Table) -> Vec<Index> {
    let owner = |name: Option<&String>, kind| Some(Owner { name: name.cloned().unwrap_or_default(), kind });
    let made = std::mem::take(&mut table.indexes);
    let mut indexes = Vec::with_capacity(made.len() + table.uniques.len() + 1);
    if let Some(primary) = &table.primary_key {
        let method = match (primary.rowid_alias, table.without_rowid) {
            (true, _) => Method::Rowid,
            (false, true) => Method::Primary,
            (false, false) => Method::Btree,
        };
        let name = if method == Method::Btree { primary.index.clone().unwrap_or_default() } else { String::new() };
        let constraint = owner(primary.name.as_ref(), OwnerKind::Primary);
        let keys = primary.columns.iter().map(key_column).collect();
        indexes.push(Index { name, method, unique: true, constraint, keys, ..Index::default() });
    }
    for unique in &table.uniques {
        let constraint = owner(unique.name.as_ref(), OwnerKind::Unique);
        let keys = unique.columns.iter().map(key_column).collect();
        indexes.push(Index { name: unique.index.clone(), unique: true, constraint, keys, ..Index::default() });
    }
    indexes.extend(made.into_iter().map(|index| self::made(table, index)));
    indexes
}

fn made(table: &declared::Table, of: declared::Index) -> Index {
    let key = |term: declared::IndexTerm| {
        let what = match term.what {
            Indexed::Column(name) => Keyed::Column(name),
            Indexed::Expression(expression) => Keyed::Expression(expression),
        };
        key(what, term.descending, term.collation)
    };
    Index {
        name: of.name,
        unique: of.unique,
        keys: of.terms.into_iter().map(key).collect(),
        predicate: of.predicate.as_ref().map(|text| predicate(table, text)),
        predicate_sql: of.predicate,
        needed: (of.unique && says_on_conflict(table))
            .then(|| "it refuses what a constraint of the table may pass over or replace (ON CONFLICT)".to_owned()),
        definition: of.sql,
        ..Index::default()
    }
}

fn key_column(of: &declared::KeyColumn) -> Key {
    key(Keyed::Column(of.name.clone()), of.descending, of.collation.clone())
}

/// NULL is less than everything (<https://www.sqlite.org/datatype3.html>, section 4.1).
fn key(what: Keyed, descending: bool, own: Option<String>) -> Key {
    Key { what, descending, nulls_first: !descending, collation: Some(collation(own)), ..Key::default() }
}

fn foreign_key(child: &declared::Table, of: &declared::ForeignKey, parent: Option<&declared::Table>) -> ForeignKey {
    let column = |(at, name): (usize, &String)| {
        let (own, target) = (child.column(name), of.parent_columns.get(at));
        let other = parent.zip(target).and_then(|(parent, target)| parent.column(target));
        let is_rowid = parent.zip(other).is_some_and(|(parent, other)| parent.rowid_alias() == Some(&other.name));
        let (affinity, other_affinity) = (own.map(|own| own.affinity), other.map(|other| other.affinity));
        let differ = other_affinity.is_some() && affinity != other_affinity;
        ForeignKeyColumn {
            column: own.map_or_else(|| name.clone(), |own| own.name.clone()),
            parent_column: target.cloned().unwrap_or_default(),
            parent_type: other.map(|other| other.declared.clone()).unwrap_or_default(),
            types_differ: differ,
            search: Search {
                // the parent's value is compared, with its own collation; a rowid has none, and leaves it to the child's
                collation: Some(collation(other.filter(|_| !is_rowid).or(own).and_then(|by| by.collation.clone()))),
                affinity_blocks: other_affinity.is_some_and(numeric) && !affinity.is_some_and(numeric),
                ..Search::default()
            },
        }
    };
    ForeignKey {
        name: of.name.clone(),
        columns: of.columns.iter().enumerate().map(column).collect(),
        parent_schema: MAIN.to_owned(),
        parent: of.parent.clone(),
        parent_state: of.parent_state,
        not_valid: false,
        on_delete: of.on_delete,
        on_update: of.on_update,
        manner: match of.deferral {
            // SQLite checks both at the end of the statement
            Deferral::NotDeferrable | Deferral::Immediate => String::new(),
            Deferral::Deferred => "DEFERRABLE INITIALLY DEFERRED".to_owned(),
        },
    }
}

fn numeric(affinity: Affinity) -> bool {
    matches!(affinity, Affinity::Integer | Affinity::Numeric | Affinity::Real)
}
