//! Makes the plan: names, types from every value, what is made of the schema's objects, everything that was found.

use std::collections::BTreeSet;

use crate::db::SqliteDb;
use crate::interrupt::Interrupt;
use crate::port::batch::BatchSize;
use crate::port::options::Options;
use crate::port::scan::{self, ScanError, TableScan};
use crate::schema::{Schema, Table};
use crate::value::PgType;

use super::candidates::{Candidates, of_column};
use super::classes::{Class, ColumnId, classes};
use super::decide::{Chosen, ClassCandidate, choose};
use super::explain::Decided;
use super::glob::fits;
use super::{ColumnPlan, Finding, Identity, Plan, TablePlan, collide, facts};

/// A plan, and what it was decided from.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What was seen of each of its tables, in the same order.
    pub scans: Vec<TableScan>,
}

/// A column that the target has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetColumn {
    /// Its type.
    pub pg_type: PgType,
    /// NOT NULL, so that a NULL can't be copied into it.
    pub not_null: bool,
}

/// What the target has for a table and a column of the source, by their names in SQLite.
pub type Target<'a> = &'a dyn Fn(&str, &str) -> Option<TargetColumn>;

/// A plan that was not made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The source can't be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
}

impl PlanError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Scan(error) => error.hint(),
        }
    }
}

/// Reads every value of the tables of `schema` that `options` include, and decides what becomes of them.
///
/// `db` has to give one and the same state of the database throughout: the caller opens a transaction first.
///
/// # Errors
/// [`PlanError`] where the source can't be read, or a stop is asked for.
pub fn make(
    db: &SqliteDb,
    schema: &Schema,
    options: &Options,
    target: Option<Target<'_>>,
    size: BatchSize,
    interrupt: &Interrupt,
) -> Result<Planned, PlanError> {
    let schema = &selected(schema, options);
    let typed = type_columns(db, schema, options, target, size, interrupt)?;
    let mut plan = Plan {
        version: 1,
        target_schema: options.target_schema.clone(),
        existing: target.is_some(),
        ..Plan::default()
    };
    let mut findings = typed.findings(schema);
    for (at, table) in schema.tables.iter().enumerate() {
        plan.tables.push(table_plan(table, &typed, at, target));
    }
    findings.extend(facts::sizes(schema, &typed.scans));
    if let Some(target) = target {
        findings.extend(facts::nulls_for(schema, &typed.scans, target));
    }
    plan.findings = findings;
    finish(&mut plan, options);
    Ok(Planned { plan, scans: typed.scans })
}

/// The tables and views that `options` include.
#[must_use]
pub fn selected(schema: &Schema, options: &Options) -> Schema {
    let wanted = |name: &str| {
        (options.include.is_empty() || options.include.iter().any(|pattern| fits(pattern, name)))
            && !options.exclude.iter().any(|pattern| fits(pattern, name))
    };
    let mut schema = schema.clone();
    schema.tables.retain(|table| wanted(&table.name));
    schema.views.retain(|view| wanted(&view.name));
    schema.triggers.retain(|trigger| wanted(&trigger.table));
    schema
}

/// Types for all columns, and what they were decided from.
pub(super) struct Typed {
    pub(super) classes: Vec<Class>,
    pub(super) chosen: Vec<Chosen>,
    pub(super) scans: Vec<TableScan>,
    pub(super) collisions: Vec<Finding>,
    /// The class of each column, by table and column.
    class_of: Vec<Vec<usize>>,
}

fn type_columns(
    db: &SqliteDb,
    schema: &Schema,
    options: &Options,
    target: Option<Target<'_>>,
    size: BatchSize,
    interrupt: &Interrupt,
) -> Result<Typed, ScanError> {
    let own = |table: &Table| -> Vec<Candidates> {
        let of = |column: &crate::schema::Column| {
            let there = target.and_then(|target| target(&table.name, &column.name));
            of_column(table, column, options, there.map(|there| there.pg_type).as_ref())
        };
        table.columns.iter().map(of).collect()
    };
    let own: Vec<Vec<Candidates>> = schema.tables.iter().map(own).collect();
    let classes = classes(schema, &own);
    let mut class_of: Vec<Vec<usize>> = own.iter().map(|columns| vec![0; columns.len()]).collect();
    let mut candidates = own;
    for (at, class) in classes.iter().enumerate() {
        for id in &class.members {
            class_of[id.table][id.column] = at;
            candidates[id.table][id.column] = class.candidates.clone();
        }
    }
    let mut scans = Vec::with_capacity(schema.tables.len());
    for (table, candidates) in schema.tables.iter().zip(&candidates) {
        scans.push(scan::scan_table(db, table, candidates, size, interrupt)?);
    }
    let mut refused: BTreeSet<ClassCandidate> = BTreeSet::new();
    let mut typed = Typed { classes, chosen: Vec::new(), scans, collisions: Vec::new(), class_of };
    loop {
        match choose(&typed.classes, &typed.scans, &refused) {
            Ok(chosen) => typed.chosen = chosen,
            Err(open) => {
                scan_open(db, schema, &candidates, &open, &mut typed.scans, interrupt)?;
                continue;
            }
        }
        let found = collide::find(db, schema, &typed, interrupt)?;
        for finding in found.findings {
            // a blocker is found again in every round
            if !typed.collisions.contains(&finding) {
                typed.collisions.push(finding);
            }
        }
        // each round refuses a candidate more, and there is an end to them
        if found.refused.is_empty() {
            return Ok(typed);
        }
        refused.extend(found.refused);
    }
}

/// Reads the columns again of which it is open whether a candidate fits, each table once.
fn scan_open(
    db: &SqliteDb,
    schema: &Schema,
    candidates: &[Vec<Candidates>],
    open: &[ColumnId],
    scans: &mut [TableScan],
    interrupt: &Interrupt,
) -> Result<(), ScanError> {
    let tables: BTreeSet<usize> = open.iter().map(|id| id.table).collect();
    for table in tables {
        let columns: BTreeSet<usize> = open.iter().filter(|id| id.table == table).map(|id| id.column).collect();
        let columns: Vec<usize> = columns.into_iter().collect();
        let declared = &schema.tables[table];
        scan::scan_again(db, declared, &candidates[table], &columns, &mut scans[table], interrupt)?;
    }
    Ok(())
}

impl Typed {
    pub(super) fn class(&self, table: usize, column: usize) -> (&Class, Chosen) {
        let class = self.class_of[table][column];
        (&self.classes[class], self.chosen[class])
    }

    pub(super) fn class_index(&self, table: usize, column: usize) -> usize {
        self.class_of[table][column]
    }

    fn findings(&self, schema: &Schema) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (at, table) in schema.tables.iter().enumerate() {
            for (column_at, column) in table.columns.iter().enumerate() {
                let (class, chosen) = self.class(at, column_at);
                let seen = &self.scans[at].columns[column_at];
                findings.extend(Decided { table, column, candidates: &class.candidates, chosen, seen }.findings());
            }
        }
        findings.extend(self.collisions.iter().cloned());
        findings
    }
}

fn table_plan(table: &Table, typed: &Typed, at: usize, target: Option<Target<'_>>) -> TablePlan {
    let scan = &typed.scans[at];
    let columns = table.columns.iter().enumerate().map(|(column_at, column)| {
        let (class, chosen) = typed.class(at, column_at);
        let candidate = class.candidate(chosen);
        let seen = &scan.columns[column_at];
        let is_integer = matches!(candidate.pg_type, PgType::Int2 | PgType::Int4 | PgType::Int8);
        let is_identity = is_integer && table.rowid_alias() == Some(column.name.as_str());
        ColumnPlan {
            source: column.name.clone(),
            target: column.name.clone(),
            pg_type: candidate.pg_type.clone(),
            reading: candidate.reading,
            not_null: column.not_null && seen.nulls.is_empty(),
            default: None,
            identity: is_identity.then(|| Identity { next: next_id(table.sequence, seen.integer_range) }),
            generated: None,
            collation: None,
        }
    });
    TablePlan {
        source: table.name.clone(),
        target: table.name.clone(),
        existing: target.is_some_and(|target| table.columns.iter().any(|c| target(&table.name, &c.name).is_some())),
        rows: scan.rows,
        bytes: scan.bytes,
        largest_row: scan.largest_row,
        columns: columns.collect(),
        ..TablePlan::default()
    }
}

/// What an identity's sequence gives next: one more than was ever given, and never less than 1.
fn next_id(sequence: Option<i64>, range: Option<(i64, i64)>) -> i64 {
    let last = sequence.unwrap_or(0).max(range.map_or(0, |(_, largest)| largest));
    last.max(0).saturating_add(1)
}

/// Codes that no one can accept: there is no way to write what they are about.
const UNACCEPTABLE: [&str; 7] = [
    "bad-text",
    "does-not-fit",
    "key-collision",
    "null-in-not-null",
    "row-too-large",
    "too-many-columns",
    "type-unknown",
];

/// Sorts the findings, the gravest first, and marks those that are accepted.
fn finish(plan: &mut Plan, options: &Options) {
    for finding in &mut plan.findings {
        finding.accepted |= options.accept.iter().any(|accepted| accepts(accepted, finding));
        finding.accepted &= !(finding.level == super::Level::Blocker && UNACCEPTABLE.contains(&finding.code.as_str()));
    }
    // a stable sort: within a level they stay in the order of the schema
    plan.findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
}

/// Whether `accepted` (`code`, `code:object`, `code:table.object`, `code:table`) means the finding.
fn accepts(accepted: &str, finding: &Finding) -> bool {
    let Some((code, name)) = accepted.split_once(':') else { return accepted == finding.code };
    if code != finding.code {
        return false;
    }
    let is = |known: &Option<String>| known.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name));
    let both = match (&finding.table, &finding.object) {
        (Some(table), Some(object)) => Some(format!("{table}.{object}")),
        _ => None,
    };
    is(&finding.object) || is(&both) || is(&finding.table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_goes_on_after_all_that_was_ever_given() {
        for (sequence, range, next) in [
            (None, None, 1),
            (None, Some((-5, -1)), 1),
            (None, Some((0, 0)), 1),
            (None, Some((1, 7)), 8),
            (Some(10), Some((1, 7)), 11),
            (Some(3), Some((1, 7)), 8),
            (Some(10), None, 11),
            (None, Some((1, i64::MAX)), i64::MAX),
        ] {
            assert_eq!(next_id(sequence, range), next, "{sequence:?} {range:?}");
        }
    }

    #[test]
    fn what_is_accepted_is_named_in_three_ways() {
        let finding = Finding {
            code: "trigger".to_owned(),
            table: Some("t".to_owned()),
            object: Some("tr".to_owned()),
            ..Finding::default()
        };
        for accepted in ["trigger", "trigger:tr", "trigger:T.TR", "trigger:t"] {
            assert!(accepts(accepted, &finding), "{accepted}");
        }
        for accepted in ["trig", "trigger:x", "trigger:t.x", "check:tr"] {
            assert!(!accepts(accepted, &finding), "{accepted}");
        }
    }
}
