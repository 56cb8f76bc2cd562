//! A SQLite schema as declared → as the audit sees it. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::predicate::predicate;
use crate::Dialect;
use crate::audit::schema::{
    Column, ForeignKey, ForeignKeyColumn, Index, Key, Keyed, Method, Owner, OwnerKind, Schema, Search, Table, Version,
};
use crate::schema as declared;
use crate::schema::{Affinity, Deferral, Indexed};

/// The one schema that is audited.
const MAIN: &str = "main";

/// The schema `from` as the audit sees it, to be judged as `version` of SQLite does.
pub(crate) fn from_schema(from: &declared::Schema, version: Version) -> Schema {
    let places: HashMap<String, usize> =
        from.tables.iter().enumerate().map(|(at, table)| (table.name.to_ascii_lowercase(), at)).collect();
    let parent = |key: &declared::ForeignKey| Some(&from.tables[*places.get(&key.parent.to_ascii_lowercase())?]);
    let mut tables: Vec<Table> = from.tables.iter().map(|of| table(of, &parent)).collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let taken = BTreeMap::from([(MAIN.to_owned(), names(from))]);
    Schema { dialect: Dialect::Sqlite, version, tables, families: BTreeMap::new(), taken }
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
    let mut names = BTreeSet::new();
    for name in tables.chain(views).chain(triggers).chain(special) {
        names.insert(name.to_ascii_lowercase());
        names.insert(name.clone());
    }
    names
}

fn table<'a>(of: &declared::Table, parent: &dyn Fn(&declared::ForeignKey) -> Option<&'a declared::Table>) -> Table {
    let primary = of.primary_key.as_ref();
    Table {
        schema: MAIN.to_owned(),
        name: of.name.clone(),
        without_rowid: of.without_rowid,
        columns: of.columns.iter().map(|column| self::column(of, column)).collect(),
        primary_key: primary.iter().flat_map(|key| &key.columns).map(|column| column.name.clone()).collect(),
        rowid_alias: of.rowid_alias().map(str::to_owned),
        indexes: indexes(of),
        foreign_keys: of.foreign_keys.iter().map(|key| foreign_key(of, key, parent(key))).collect(),
        sql: Some(of.sql.clone()),
        ..Table::default()
    }
}

fn column(table: &declared::Table, of: &declared::Column) -> Column {
    Column {
        name: of.name.clone(),
        declared: of.declared.clone(),
        affinity: Some(of.affinity),
        collation: Some(collation(of.collation.as_ref())),
        // the rowid is no NULL, whatever is declared
        not_null: of.not_null || table.rowid_alias() == Some(&of.name),
        maximum: None,
        boolean: of.declared.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("bool")),
    }
}

fn collation(name: Option<&String>) -> String {
    name.map_or_else(|| "BINARY".to_owned(), Clone::clone)
}

/// The table's own tree where it can be searched by columns, those of constraints, those that were made.
fn indexes(table: &declared::Table) -> Vec<Index> {
    let owner = |name: Option<&String>, kind| Some(Owner { name: name.cloned().unwrap_or_default(), kind });
    let mut indexes = Vec::new();
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
    indexes.extend(table.indexes.iter().map(|index| made(table, index)));
    indexes
}

fn made(table: &declared::Table, of: &declared::Index) -> Index {
    let key = |term: &declared::IndexTerm| {
        let what = match &term.what {
            Indexed::Column(name) => Keyed::Column(name.clone()),
            Indexed::Expression(expression) => Keyed::Expression(expression.clone()),
        };
        key(what, term.descending, term.collation.as_ref())
    };
    Index {
        name: of.name.clone(),
        unique: of.unique,
        keys: of.terms.iter().map(key).collect(),
        predicate: of.predicate.as_ref().map(|text| predicate(table, text)),
        predicate_sql: of.predicate.clone(),
        definition: of.sql.clone(),
        ..Index::default()
    }
}

fn key_column(of: &declared::KeyColumn) -> Key {
    key(Keyed::Column(of.name.clone()), of.descending, of.collation.as_ref())
}

/// NULL is less than everything (<https://www.sqlite.org/datatype3.html>, section 4.1).
fn key(what: Keyed, descending: bool, own: Option<&String>) -> Key {
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
                collation: Some(collation(other.filter(|_| !is_rowid).or(own).and_then(|by| by.collation.as_ref()))),
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
