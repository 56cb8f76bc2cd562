//! SQLite's objects, from the schema as the driver reads it.

use super::comments::comments;
use super::{Catalog, Check, Column, ForeignKey, Index, OnDelete, Table, Trigger, View};
use crate::Dialect;
use crate::db::{SqlError, SqliteDb};
use crate::schema as declared;
use crate::schema::{Action, Affinity, Indexed, ParentState, Special};

/// The one schema there is.
const MAIN: &str = "main";

pub(super) fn read(db: &SqliteDb) -> Result<Catalog, SqlError> {
    let (schema, not_understood) = db.lenient_schema()?;
    for table in &not_understood {
        tracing::warn!(table, "its statement could not be understood: what the pragmas tell of it has to do");
    }
    let mut tables: Vec<Table> = schema.tables.iter().map(table).collect();
    tables.extend(schema.special.iter().filter_map(virtual_table));
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let views = schema.views.iter().map(|view| View {
        schema: MAIN.to_owned(),
        name: view.name.clone(),
        columns: view.columns.clone(),
        definition: view.sql.clone(),
        ..View::default()
    });
    let triggers = schema.triggers.iter().map(|trigger| Trigger {
        schema: MAIN.to_owned(),
        table: trigger.table.clone(),
        name: trigger.name.clone(),
        definition: trigger.sql.clone(),
    });
    let (mut views, mut triggers): (Vec<_>, Vec<_>) = (views.collect(), triggers.collect());
    views.sort_by(|one: &View, other| one.name.cmp(&other.name));
    triggers.sort_by(|one: &Trigger, other| (&one.table, &one.name).cmp(&(&other.table, &other.name)));
    Ok(Catalog { dialect: Dialect::Sqlite, tables, views, triggers, search_path: vec![MAIN.to_owned()] })
}

fn virtual_table(of: &declared::SpecialTable) -> Option<Table> {
    let Special::Virtual { module } = &of.kind else { return None };
    Some(Table {
        schema: MAIN.to_owned(),
        name: of.name.clone(),
        kind: Some(format!("virtual ({module})")),
        ..Table::default()
    })
}

fn table(of: &declared::Table) -> Table {
    let words = [("WITHOUT ROWID", of.without_rowid), ("STRICT", of.strict)];
    let kind: Vec<&str> = words.into_iter().filter(|(_, is)| *is).map(|(word, _)| word).collect();
    let said = comments(&of.sql);
    // columns come before constraints
    let columns = of.columns.iter().enumerate().map(|(at, column)| Column {
        comment: said.definitions.get(at).cloned().flatten(),
        ..self::column(of, column)
    });
    let names = |columns: &[declared::KeyColumn]| columns.iter().map(|column| column.name.clone()).collect();
    Table {
        schema: MAIN.to_owned(),
        name: of.name.clone(),
        kind: (!kind.is_empty()).then(|| kind.join(", ")),
        comment: said.table.clone(),
        columns: columns.collect(),
        primary_key: of.primary_key.as_ref().map(|key| names(&key.columns)).unwrap_or_default(),
        uniques: of.uniques.iter().map(|unique| names(&unique.columns)).collect(),
        checks: of
            .checks
            .iter()
            .map(|check| Check { name: check.name.clone(), expression: check.expression.clone() })
            .collect(),
        foreign_keys: of.foreign_keys.iter().map(foreign_key).collect(),
        indexes: of.indexes.iter().map(index).collect(),
        rowid: of.rowid.clone(),
        ..Table::default()
    }
}

fn column(table: &declared::Table, of: &declared::Column) -> Column {
    let base = match of.affinity {
        Affinity::Text => "text",
        Affinity::Numeric => "numeric",
        Affinity::Integer => "integer",
        Affinity::Real => "real",
        Affinity::Blob => "blob",
    };
    Column {
        name: of.name.clone(),
        r#type: of.declared.clone(),
        base: base.to_owned(),
        plain: true,
        not_null: of.not_null || table.rowid_alias() == Some(&of.name),
        default: of.generated.as_ref().map(|made| made.expression.clone()).or_else(|| of.default.clone()),
        generated: of.generated.is_some(),
        ..Column::default()
    }
}

fn foreign_key(of: &declared::ForeignKey) -> ForeignKey {
    ForeignKey {
        name: of.name.clone(),
        columns: of.columns.clone(),
        parent_schema: MAIN.to_owned(),
        parent: of.parent.clone(),
        parent_columns: if of.parent_state == ParentState::Ok { of.parent_columns.clone() } else { Vec::new() },
        on_delete: match of.on_delete {
            Action::NoAction => OnDelete::NoAction,
            Action::Restrict => OnDelete::Restrict,
            Action::SetNull => OnDelete::SetNull,
            Action::SetDefault => OnDelete::SetDefault,
            Action::Cascade => OnDelete::Cascade,
        },
    }
}

fn index(of: &declared::Index) -> Index {
    let term = |term: &declared::IndexTerm| {
        let what = match &term.what {
            Indexed::Column(name) => name.clone(),
            Indexed::Expression(expression) => expression.clone(),
        };
        if term.descending { format!("{what} DESC") } else { what }
    };
    Index {
        name: of.name.clone(),
        unique: of.unique,
        terms: of.terms.iter().map(term).collect(),
        predicate: of.predicate.clone(),
        definition: of.sql.clone(),
    }
}
