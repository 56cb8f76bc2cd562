//! Views, each after those that it reads.

use std::collections::BTreeMap;

use super::columns::sentence;
use super::{Facts, scope_columns};
use crate::Dialect;
use crate::port::plan::names::Names;
use crate::port::plan::{Finding, Level, Plan, ViewPlan};
use crate::port::translate::from::{Catalog, Relation};
use crate::port::translate::{ScopeColumn, Untranslatable, translate_view};
use crate::schema::Schema;

/// What the views so far can read.
#[derive(Debug, Default)]
struct Known {
    /// By name in lower case; the reason where one does not come along.
    relations: BTreeMap<String, Result<Relation, String>>,
}

/// What a view waits for, in the error that says so.
const WAITS: &str = "\u{0}waits";

impl Catalog for Known {
    fn relation(&self, name: &str) -> Result<Relation, Untranslatable> {
        match self.relations.get(&name.to_ascii_lowercase()) {
            Some(Ok(relation)) => Ok(relation.clone()),
            Some(Err(reason)) => Err(Untranslatable { construct: reason.clone() }),
            None => Err(Untranslatable { construct: format!("`{name}` (no such table or view comes along)") }),
        }
    }
}

pub(super) fn fill(schema: &Schema, plan: &mut Plan, names: &Names, facts: &Facts, findings: &mut Vec<Finding>) {
    let mut known = Known::default();
    let sql = |name: &str| {
        let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
        format!("{}.{}", quote(&plan.target_schema), quote(name))
    };
    for table in &plan.tables {
        let Some(declared) = schema.table(&table.source) else { continue };
        let key = match (&table.primary_key, &declared.primary_key) {
            (Some(_), Some(key)) => key.columns.iter().map(|column| column.name.clone()).collect(),
            _ => Vec::new(),
        };
        let relation = Relation {
            sql: sql(&table.target),
            columns: scope_columns(declared, table, facts),
            rowid: declared.rowid_alias().map(str::to_owned),
            key,
        };
        known.relations.insert(table.source.to_ascii_lowercase(), Ok(relation));
    }
    let mut waiting: Vec<_> = schema.views.iter().collect();
    for view in &waiting {
        known.relations.insert(view.name.to_ascii_lowercase(), Err(WAITS.to_owned()));
    }
    let mut made = Vec::new();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut still = Vec::new();
        for view in waiting {
            let translated = match translate_view(&view.sql, &known) {
                Ok(translated) if translated.columns.len() == view.columns.len() => translated,
                Ok(_) => {
                    leave_out(view, "its columns (their number differs from what SQLite says)", &mut known, findings);
                    continue;
                }
                Err(error) if error.construct == WAITS => {
                    still.push(view);
                    continue;
                }
                Err(error) => {
                    leave_out(view, &error.construct, &mut known, findings);
                    continue;
                }
            };
            let target = names.view(&view.name).to_owned();
            let mut columns: Vec<ScopeColumn> = translated.columns;
            for (column, name) in columns.iter_mut().zip(&view.columns) {
                column.name.clone_from(name);
                names.column(&view.name, name).clone_into(&mut column.target);
            }
            for assumption in translated.assumptions {
                findings.push(Finding {
                    code: "view-assumption".to_owned(),
                    level: Level::Assumption,
                    object: Some(view.name.clone()),
                    message: format!("In the view `{}`: {assumption}.", view.name),
                    ..Finding::default()
                });
            }
            made.push(ViewPlan {
                source: view.name.clone(),
                target: target.clone(),
                columns: columns.iter().map(|column| column.target.clone()).collect(),
                query: translated.query,
            });
            let relation = Relation { sql: sql(&target), columns, rowid: None, key: Vec::new() };
            known.relations.insert(view.name.to_ascii_lowercase(), Ok(relation));
        }
        if still.len() == before {
            for view in &still {
                leave_out(view, "views that read each other in a circle", &mut known, findings);
            }
            break;
        }
        waiting = still;
    }
    plan.views.append(&mut made);
}

fn leave_out(view: &crate::schema::View, construct: &str, known: &mut Known, findings: &mut Vec<Finding>) {
    let reason = format!("`{}` (a view that is left out)", view.name);
    known.relations.insert(view.name.to_ascii_lowercase(), Err(reason));
    findings.push(Finding {
        code: "view".to_owned(),
        level: Level::LeftOut,
        object: Some(view.name.clone()),
        message: format!(
            "The view `{}` is left out: {}.",
            view.name,
            sentence(&format!("PostgreSQL has no exact counterpart of {construct}"))
        ),
        examples: vec![view.sql.clone()],
        ..Finding::default()
    });
}
