//! Foreign keys, and how the server looks for their rows when the parent's go or change.
//!
//! The query is the one of src/backend/utils/adt/ri_triggers.c: `$1 OPERATOR(…) column`, the parameter of the parent's
//! type, each side cast where it is not what the operator takes.

use super::catalog::{Catalog, ColumnRow, ConstraintRow};
use super::lookups::{DEFAULT_COLLATION, Lookups};
use crate::audit::schema::{Action, Cast, ForeignKey, ForeignKeyColumn, ParentState, Search};

/// The foreign key of a row of `pg_constraint`.
pub(super) fn foreign_key(catalog: &Catalog, lookups: &Lookups, row: &ConstraintRow) -> Option<ForeignKey> {
    let parent = catalog.relations.get(&row.parent)?;
    let columns = row.columns.iter().zip(&row.parent_columns).zip(&row.operators).map(|((child, at), operator)| {
        let child = catalog.column_of(row.table, *child)?;
        let key = catalog.column_of(row.parent, *at)?;
        Some(ForeignKeyColumn {
            column: child.name.clone(),
            parent_column: key.name.clone(),
            parent_type: lookups.declared(key),
            types_differ: lookups.base(child.type_oid) != lookups.base(key.type_oid),
            search: search(lookups, key, child, *operator),
        })
    });
    Some(ForeignKey {
        name: Some(row.name.clone()),
        columns: columns.collect::<Option<_>>()?,
        parent_schema: parent.schema.clone(),
        parent: parent.name.clone(),
        parent_state: ParentState::Ok,
        not_valid: !row.valid,
        on_delete: action(row.on_delete),
        on_update: action(row.on_update),
        manner: manner(catalog, row),
    })
}

fn search(lookups: &Lookups, key: &ColumnRow, child: &ColumnRow, operator: u32) -> Search {
    let Some(found) = lookups.operators.get(&operator) else { return Search::default() };
    let cast = lookups.cast(child, found.right);
    let operator = Some(found.commutator).filter(|commutator| *commutator != 0);
    let class = operator.filter(|_| cast.is_none()).and_then(|operator| class(lookups, child, operator, found.right));
    Search {
        collation: lookups.collation(collation(lookups, key, child, found.right, cast.is_some())),
        operator,
        cast,
        class,
        affinity_blocks: false,
    }
}

/// The collation by which the operator compares (`ri_GenerateQualCollation`, and src/backend/parser/parse_collate.c for
/// the rest); 0 for none, or where the two sides' don't agree.
fn collation(lookups: &Lookups, key: &ColumnRow, child: &ColumnRow, right: u32, is_cast: bool) -> u32 {
    let deterministic = lookups.collations.get(&key.collation).is_none_or(|collation| collation.deterministic);
    if key.collation != child.collation && !deterministic {
        return key.collation;
    }
    // a parameter has its type's collation, whatever the parent's column has
    let parameter = lookups.types.get(&key.type_oid).map_or(0, |found| found.collation);
    let column = match lookups.types.get(&right) {
        Some(right) if is_cast && (right.base_collation == 0 || child.collation == 0) => right.base_collation,
        _ => child.collation,
    };
    match (parameter, column) {
        (0, one) | (one, 0) | (DEFAULT_COLLATION, one) | (one, DEFAULT_COLLATION) => one,
        (one, other) if one == other => one,
        _ => 0,
    }
}

/// The operator class that an index over the column has to name, where the one that it gets unasked won't do.
fn class(lookups: &Lookups, child: &ColumnRow, operator: u32, right: u32) -> Option<String> {
    let has = |family: u32| lookups.families.get(&family).is_some_and(|operators| operators.contains(&operator));
    let own = lookups.default_class(child.type_oid, "btree");
    if own.and_then(|own| lookups.classes.get(&own)).is_some_and(|own| has(own.family)) {
        return None;
    }
    let named = lookups.default_class(right, "btree").and_then(|class| lookups.classes.get(&class));
    named.filter(|class| has(class.family)).map(|class| lookups.qualified(&class.schema, &class.name))
}

fn action(letter: char) -> Action {
    match letter {
        'r' => Action::Restrict,
        'c' => Action::Cascade,
        'n' => Action::SetNull,
        'd' => Action::SetDefault,
        _ => Action::NoAction,
    }
}

fn manner(catalog: &Catalog, row: &ConstraintRow) -> String {
    let mut words = Vec::new();
    if row.matching == 'f' {
        words.push("MATCH FULL".to_owned());
    }
    if row.deferrable {
        words.push("DEFERRABLE".to_owned());
    }
    if row.deferred {
        words.push("INITIALLY DEFERRED".to_owned());
    }
    if !row.delete_columns.is_empty() {
        let names = row.delete_columns.iter().filter_map(|column| catalog.column_of(row.table, *column));
        let names: Vec<&str> = names.map(|column| column.name.as_str()).collect();
        words.push(format!("ON DELETE for ({})", names.join(", ")));
    }
    words.join(" ")
}

impl Lookups {
    /// The cast that an operator's right side applies to the column, where it is a function; `find_coercion_pathway` and
    /// `coerce_type` in src/backend/parser/parse_coerce.c decide.
    fn cast(&self, column: &ColumnRow, right: u32) -> Option<Cast> {
        let base = self.base(column.type_oid);
        let to = self.types.get(&right)?;
        // what is polymorphic takes the column as it is
        if base == right || to.kind == 'p' || self.relabelling.contains_key(&(base, right)) {
            return None;
        }
        Some(Cast { expression: format!("({})::{}", self.quoted(&column.name), to.name), to: to.name.clone() })
    }
}
