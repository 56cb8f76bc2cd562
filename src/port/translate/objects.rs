//! Fills a plan that has tables, columns and types with everything else that the schema declares.
//!
//! The findings' codes, which are stable:
//!
//! | code | level | what |
//! |---|---|---|
//! | `not-null` | left out | NOT NULL on a column that holds NULLs |
//! | `default` | left out | a default that the type can't take, or that has no counterpart |
//! | `generated-as-plain` | change | a generated column becomes a plain one that keeps its data |
//! | `generated-stored` | note | a virtual generated column becomes a stored one |
//! | `expression-assumption` | assumption | what a translated expression takes for granted |
//! | `nocase` | change | `=` is by bytes where SQLite ignored the case of ASCII letters |
//! | `check` | left out | a CHECK without counterpart |
//! | `foreign-key` | left out | a foreign key that can't be made |
//! | `index` | left out | an index without counterpart |
//! | `unique` | left out | a UNIQUE without counterpart |
//! | `view` | left out | a view without counterpart |
//! | `view-assumption` | assumption | what a translated view takes for granted |
//! | `trigger` | left out | a trigger; they are never translated |
//! | `virtual-table` | left out | a full-text, R-tree or other virtual table |

mod columns;
mod keys;
mod views;

use std::collections::BTreeMap;

use super::scope::{Classes, Scope, ScopeColumn};
use crate::port::options::{Nocase, Options};
use crate::port::plan::assemble::Planned;
use crate::port::plan::broken::Broken;
use crate::port::plan::names::Names;
use crate::port::plan::{Finding, Level, Plan, TablePlan};
use crate::schema::{Schema, Special, Table};

/// What the scan has seen of one column, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnFacts {
    /// How many NULLs.
    pub nulls: u64,
    /// The storage classes; `None` where they are not known.
    pub classes: Option<Classes>,
    /// How all texts of a column of times or UUIDs are spelled (see [`ScopeColumn::spelling`]).
    pub spelling: Option<String>,
}

/// What the scan has seen, by names in SQLite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Columns, by table and column.
    pub columns: BTreeMap<(String, String), ColumnFacts>,
    /// What rows break; the findings for that are made where it was seen.
    pub broken: Broken,
}

impl Facts {
    /// What `planned` was decided from; how texts are spelled is for the caller to add.
    #[must_use]
    pub fn of(planned: &Planned, schema: &Schema) -> Self {
        let mut columns = BTreeMap::new();
        for (table, scan) in planned.plan.tables.iter().zip(&planned.scans) {
            let Some(declared) = schema.table(&table.source) else { continue };
            for (column, seen) in declared.columns.iter().zip(&scan.columns) {
                let classes = Classes {
                    integers: !seen.integers.is_empty(),
                    reals: !seen.reals.is_empty(),
                    texts: !seen.texts.is_empty(),
                    blobs: !seen.blobs.is_empty(),
                };
                let facts = ColumnFacts { nulls: seen.nulls.count, classes: Some(classes), spelling: None };
                columns.insert((declared.name.clone(), column.name.clone()), facts);
            }
        }
        Self { columns, broken: planned.broken.clone() }
    }

    fn column(&self, table: &str, column: &str) -> ColumnFacts {
        self.columns.get(&(table.to_owned(), column.to_owned())).cloned().unwrap_or_default()
    }
}

/// Fills `plan`, whose tables have their columns, types and identities, with the rest of `schema`: NOT NULL, defaults,
/// generated columns, keys, checks, foreign keys, indexes, views; and finds what can't come along. Tables that are
/// there already keep what they have.
pub fn fill(schema: &Schema, plan: &mut Plan, names: &mut Names, facts: &Facts, options: &Options) {
    let mut findings = Vec::new();
    let mut tables = std::mem::take(&mut plan.tables);
    for planned in tables.iter_mut().filter(|planned| !planned.existing) {
        let Some(table) = schema.table(&planned.source) else { continue };
        let mut context = Context { table, names, facts, options, findings: &mut findings };
        context.columns(planned);
        context.keys(planned);
        context.checks(planned);
        context.indexes(planned);
    }
    // keys between tables want every table's own keys to be known
    for at in 0..tables.len() {
        let Some(table) = schema.table(&tables[at].source).filter(|_| !tables[at].existing) else { continue };
        let mut context = Context { table, names, facts, options, findings: &mut findings };
        tables[at].foreign_keys = context.foreign_keys(schema, &tables[at], &tables);
    }
    plan.tables = tables;
    views::fill(schema, plan, names, facts, &mut findings);
    left_behind(schema, &mut findings);
    plan.findings.append(&mut findings);
}

/// One table on its way.
struct Context<'a> {
    table: &'a Table,
    names: &'a mut Names,
    facts: &'a Facts,
    options: &'a Options,
    findings: &'a mut Vec<Finding>,
}

impl Context<'_> {
    fn find(&mut self, code: &str, level: Level, object: &str, message: String) -> &mut Finding {
        let at = self.findings.len();
        self.findings.push(Finding {
            code: code.to_owned(),
            level,
            table: Some(self.table.name.clone()),
            object: Some(object.to_owned()),
            message,
            ..Finding::default()
        });
        &mut self.findings[at]
    }

    /// A translated expression's assumptions as findings.
    fn assume(&mut self, object: &str, assumptions: Vec<String>) {
        for sentence in assumptions {
            self.find(
                "expression-assumption",
                Level::Assumption,
                object,
                format!("It is taken for granted that {sentence}."),
            );
        }
    }

    fn scope(&self, planned: &TablePlan) -> Scope {
        Scope::table(&self.table.name, scope_columns(self.table, planned, self.facts), self.table.rowid_alias())
    }

    /// Whether NOCASE stays out of the column's type, so that uniqueness needs an index of its own.
    fn lower_index(&self, collation: Option<&str>) -> bool {
        self.options.nocase == Nocase::LowerIndex && collation.is_some_and(|name| name.eq_ignore_ascii_case("NOCASE"))
    }
}

/// A table's columns as expressions see them.
fn scope_columns(table: &Table, planned: &TablePlan, facts: &Facts) -> Vec<ScopeColumn> {
    let column = |column: &crate::port::plan::ColumnPlan| {
        let declared = table.column(&column.source)?;
        let seen = facts.column(&table.name, &declared.name);
        let mut scope = ScopeColumn::new(&declared.name, &column.target, column.pg_type.clone(), declared.affinity);
        scope.collation.clone_from(&declared.collation);
        scope.spelling = seen.spelling;
        scope.reading = column.reading;
        scope.not_null = column.not_null;
        // a column without values holds whatever its type suggests
        if let Some(classes) = seen.classes.filter(|classes| *classes != Classes::default()) {
            scope.classes = classes;
        }
        Some(scope)
    };
    planned.columns.iter().filter_map(column).collect()
}

/// Whether a virtual table of full-text search keeps its texts in an ordinary table (`content=…`).
pub(crate) fn searches_another_table(sql: &str) -> bool {
    sql.to_ascii_lowercase().replace(' ', "").contains("content=")
}

/// What has no counterpart at all.
fn left_behind(schema: &Schema, findings: &mut Vec<Finding>) {
    for trigger in &schema.triggers {
        findings.push(Finding {
            code: "trigger".to_owned(),
            level: Level::LeftOut,
            table: Some(trigger.table.clone()),
            object: Some(trigger.name.clone()),
            message: format!(
                "The trigger `{}` on `{}` is left out: triggers are never translated. PostgreSQL wants a function for \
                 it; this is its text.",
                trigger.name, trigger.table
            ),
            examples: vec![trigger.sql.clone()],
            ..Finding::default()
        });
    }
    for table in &schema.special {
        let Special::Virtual { module } = &table.kind else { continue };
        let prefix = format!("{}_", table.name);
        let shadows =
            schema.special.iter().filter(|other| other.kind == Special::Shadow && other.name.starts_with(&prefix));
        let lower = module.to_ascii_lowercase();
        let external = searches_another_table(&table.sql);
        let what = if lower.starts_with("fts") {
            "In PostgreSQL a generated column of type tsvector with a GIN index serves full-text search."
        } else if lower.starts_with("rtree") || lower == "geopoly" {
            "In PostgreSQL a column of type box or a range with a GiST index serves searches of areas."
        } else {
            "PostgreSQL has no such module."
        };
        let content = if external {
            " What it searches is in an ordinary table, which comes along."
        } else {
            " What it holds does not come along: copy it to an ordinary table first, if it is nowhere else."
        };
        findings.push(Finding {
            code: "virtual-table".to_owned(),
            level: Level::LeftOut,
            table: Some(table.name.clone()),
            message: format!(
                "The virtual table `{}` ({module}) is left out, with {} tables of its own. {what}{content}",
                table.name,
                shadows.count()
            ),
            examples: vec![table.sql.clone()],
            ..Finding::default()
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "objects_tests.rs"]
mod tests;
