//! From the catalogs' rows to the schema: names in place of OIDs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::catalog::{Catalog, ColumnRow, IndexRow, Relation};
use super::definition::{definition, order};
use super::foreign_keys::foreign_key;
use super::lookups::Lookups;
use super::predicate::{parse, split_list};
use super::predicate_tree::{self, Known};
use super::tree::nodes;
use crate::Dialect;
use crate::audit::schema::{Column, Index, IndexState, Key, Keyed, Method, Owner, OwnerKind, Schema, Table, Version};

// src/include/catalog/pg_type.dat
const BOOL: u32 = 16;
const INT8: u32 = 20;
pub(super) const INT2: u32 = 21;
pub(super) const INT4: u32 = 23;

/// The schema of what `catalog` has.
pub(super) fn assemble(version: Version, catalog: &Catalog, lookups: &Lookups) -> Schema {
    let mut tables: HashMap<u32, Table> = HashMap::new();
    for (oid, relation) in &catalog.relations {
        if relation.audited {
            tables.insert(*oid, table(catalog, lookups, *oid, relation));
        }
    }
    let owners = constraints(catalog, lookups, &mut tables);
    for (oid, index) in indexes(catalog, lookups, &owners) {
        if let Some(table) = tables.get_mut(&oid) {
            table.indexes.push(index);
        }
    }
    let mut tables: Vec<Table> = tables.into_values().collect();
    for table in &mut tables {
        table.indexes.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        table.foreign_keys.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        table.not_valid.sort_unstable();
    }
    tables.sort_unstable_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
    let taken = taken(catalog);
    Schema { dialect: Dialect::Postgres, version, tables, families: lookups.families.clone(), taken }
}

/// The indexes, each with its table's OID. Their definitions are most of the work, and the server is done by now.
fn indexes(catalog: &Catalog, lookups: &Lookups, owners: &HashMap<u32, Owner>) -> Vec<(u32, Index)> {
    let referring = referring(catalog);
    let of_rows = |rows: &[IndexRow]| {
        let rows = rows.iter().filter_map(|row| {
            let (relation, table) = (catalog.relations.get(&row.oid)?, catalog.relations.get(&row.table)?);
            table.audited.then(|| {
                let index = index(catalog, lookups, row, relation, table, owners.get(&row.oid));
                (row.table, Index { needed: needed(catalog, row, &referring), ..index })
            })
        });
        rows.collect::<Vec<_>>()
    };
    let (one, other) = catalog.indexes.split_at(catalog.indexes.len() / 2);
    std::thread::scope(|scope| {
        let helper = scope.spawn(|| of_rows(other));
        let mut indexes = of_rows(one);
        indexes.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        indexes
    })
}

/// The indexes by which foreign keys were made, each with the name of one: it can't be dropped while they are there.
fn referring(catalog: &Catalog) -> HashMap<u32, &str> {
    let foreign_keys = catalog.constraints.iter().filter(|row| row.kind == 'f');
    foreign_keys.map(|row| (row.index, &*row.name)).collect()
}

/// What else can't be without the index.
fn needed(catalog: &Catalog, row: &IndexRow, referring: &HashMap<u32, &str>) -> Option<String> {
    let refers = referring.get(&row.oid).map(|name| format!("the foreign key `{name}` refers to it"));
    let other = if row.replica_identity {
        Some("it is the table's replica identity")
    } else if row.clustered {
        Some("CLUSTER sorts the table by it")
    } else if row.expressions.is_some() && catalog.statistics_targets.contains(&row.oid) {
        Some("the statistics of its expressions have a target of their own (`ALTER INDEX … SET STATISTICS`)")
    } else {
        None
    };
    refers.or_else(|| other.map(str::to_owned))
}

fn taken(catalog: &Catalog) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for relation in catalog.relations.values() {
        names.entry(&relation.schema).or_default().push(relation.name.clone());
    }
    // a set made of a whole list at once is sorted first, and built from its leaves
    names.into_iter().map(|(schema, names)| (schema.to_owned(), names.into_iter().collect())).collect()
}

fn full_name(catalog: &Catalog, oid: Option<u32>) -> Option<(String, String)> {
    catalog.relations.get(&oid?).map(Relation::full_name)
}

fn table(catalog: &Catalog, lookups: &Lookups, oid: u32, relation: &Relation) -> Table {
    let columns = catalog.columns.get(&oid).map(Vec::as_slice).unwrap_or_default();
    Table {
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        partitioned: relation.kind == 'p',
        partition_of: full_name(catalog, relation.partition_of),
        columns: columns.iter().map(|row| column(lookups, row)).collect(),
        ..Table::default()
    }
}

fn column(lookups: &Lookups, row: &ColumnRow) -> Column {
    let base = lookups.base(row.type_oid);
    Column {
        name: row.name.clone(),
        declared: lookups.declared(row),
        affinity: None,
        collation: lookups.collation(row.collation),
        not_null: row.not_null,
        maximum: match base {
            INT2 => Some(i64::from(i16::MAX)),
            INT4 => Some(i64::from(i32::MAX)),
            INT8 => Some(i64::MAX),
            _ => None,
        },
        boolean: base == BOOL,
    }
}

/// Gives the tables their constraints; which index belongs to which comes back.
fn constraints(catalog: &Catalog, lookups: &Lookups, tables: &mut HashMap<u32, Table>) -> HashMap<u32, Owner> {
    let mut owners = HashMap::new();
    for row in &catalog.constraints {
        let Some(table) = tables.get_mut(&row.table) else { continue };
        let kind = match row.kind {
            'p' => Some(OwnerKind::Primary),
            'u' => Some(OwnerKind::Unique),
            'x' => Some(OwnerKind::Exclusion),
            _ => None,
        };
        if let Some(kind) = kind {
            owners.insert(row.index, Owner { name: row.name.clone(), kind });
        }
        match row.kind {
            'p' => {
                let columns = row.columns.iter().filter_map(|at| catalog.column_of(row.table, *at));
                table.primary_key = columns.map(|column| column.name.clone()).collect();
            }
            'f' => table.foreign_keys.extend(foreign_key(catalog, lookups, row)),
            'c' if !row.valid => table.not_valid.push((row.name.clone(), "CHECK".to_owned())),
            'n' if !row.valid => table.not_valid.push((row.name.clone(), "NOT NULL".to_owned())),
            _ => {}
        }
    }
    owners
}

fn index(
    catalog: &Catalog,
    lookups: &Lookups,
    row: &IndexRow,
    relation: &Relation,
    table: &Relation,
    owner: Option<&Owner>,
) -> Index {
    let columns = catalog.columns.get(&row.table).map(Vec::as_slice).unwrap_or_default();
    let expressions = lookups.expression(row.expressions).map(split_list).unwrap_or_default();
    let free = |domain: u32| lookups.free_domains.contains(&domain);
    let trees = row.trees.as_deref().map(nodes).unwrap_or_default();
    let relabelled: Vec<Option<i16>> = trees.into_iter().map(|node| node.column(&free)).collect();
    let name_of = |number: &i16| catalog.column_of(row.table, *number).map(|column| column.name.clone());
    let mut expressions_met = 0;
    let keys = (0..row.keys).map(|at| {
        let number = row.columns.get(at).copied().unwrap_or_default();
        let (what, relabels) = match name_of(&number) {
            Some(name) => (Keyed::Column(name), None),
            None => {
                let expression = expressions.get(expressions_met).copied().unwrap_or_default().to_owned();
                let relabels = relabelled.get(expressions_met).copied().flatten();
                expressions_met += 1;
                (Keyed::Expression(expression), relabels.and_then(|number| name_of(&number)))
            }
        };
        let class = row.classes.get(at).and_then(|oid| lookups.classes.get(oid));
        let (descending, nulls_first) = order(row, at);
        Key {
            what,
            descending,
            nulls_first,
            collation: row.collations.get(at).and_then(|oid| lookups.collation(*oid)),
            class: class.map(|class| {
                // two classes that differ in their options are two classes
                let place = i16::try_from(at + 1).unwrap_or_default();
                match catalog.class_options.get(&(row.oid, place)) {
                    Some(options) => format!("{} ({options})", class.full_name),
                    None => class.full_name.clone(),
                }
            }),
            family: class.map(|class| class.family),
            relabels,
        }
    });
    let keys = keys.collect();
    let is_row = |name: &str| {
        let column = columns.iter().find(|column| column.name == name)?;
        Some(lookups.types.get(&column.type_oid).is_none_or(|found| found.kind == 'c' || found.kind == 'p'))
    };
    Index {
        name: relation.name.clone(),
        method: method(&relation.method),
        unique: row.unique,
        nulls_not_distinct: row.nulls_not_distinct,
        deferrable: row.deferrable,
        state: match (row.usable, row.building) {
            (true, _) => IndexState::Usable,
            (false, true) => IndexState::Building,
            (false, false) => IndexState::Invalid,
        },
        constraint: owner.cloned(),
        keys,
        included: row.columns.iter().skip(row.keys).filter_map(name_of).collect(),
        predicate: lookups.expression(row.predicate).map(|sql| match &row.predicate_tree {
            Some(tree) => predicate_tree::parse(tree, &Known { name_of: &|number| name_of(&number), free: &free, sql }),
            None => parse(sql, &is_row),
        }),
        predicate_sql: lookups.expression(row.predicate).map(str::to_owned),
        parameters: relation.options.clone(),
        definition: definition(catalog, lookups, row, relation, table, &expressions),
        partition_of: full_name(catalog, relation.partition_of),
        ..Index::default()
    }
}

fn method(name: &str) -> Method {
    match name {
        "btree" => Method::Btree,
        "hash" => Method::Hash,
        "gist" => Method::Gist,
        "spgist" => Method::Spgist,
        "gin" => Method::Gin,
        "brin" => Method::Brin,
        other => Method::Other(other.to_owned()),
    }
}
