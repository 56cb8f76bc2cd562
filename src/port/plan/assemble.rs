//! Makes the plan: names, types from every value, what is made of the schema's objects, everything that was found.

use crate::db::SqliteDb;
use crate::port::options::Options;
use crate::port::scan::{ScanError, ScanSettings, TableScan, rows_with_null};
use crate::port::target::{ColumnPair, TableMatch, TargetSchema, match_tables};
use crate::port::translate::objects::{self, Facts};
use crate::schema::{Schema, Table};
use crate::value::PgType;

use super::broken::{self, Broken};
use super::candidates::TargetType;
use super::names::Names;
use super::spellings::spellings;
use super::typing::{Typed, type_columns};
use super::{ColumnPlan, Identity, Memory, Plan, TablePlan, accept, facts, there, unused};

/// A plan, and what it was decided from.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What was seen of each of its tables, in the same order.
    pub scans: Vec<TableScan>,
    /// The tables of an existing target that take them.
    pub matches: Vec<TableMatch>,
    /// The names in PostgreSQL that are taken.
    pub names: Names,
    /// Constraints that rows break.
    pub broken: Broken,
    /// What the schema's objects were translated with.
    pub facts: Facts,
}

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

/// Reads every value of the tables of `schema` that `options` include, and decides what becomes of them. `target` is
/// what is there already, where its tables are to be filled as they are.
///
/// `readers`, at least one, have to give one and the same state of the database throughout: the caller opens
/// transactions first.
///
/// # Errors
/// [`PlanError`] where the source can't be read, or a stop is asked for.
pub fn make(
    readers: &mut [SqliteDb],
    schema: &Schema,
    options: &Options,
    target: Option<&TargetSchema>,
    settings: &ScanSettings<'_>,
) -> Result<Planned, PlanError> {
    let mut schema = selected(schema, options);
    let (names, mut findings) = Names::new(&schema, options);
    findings.extend(unused::types(&schema, options));
    let mut matches = Vec::new();
    if let Some(target) = target {
        let name = |table: &str, column: Option<&str>| match column {
            Some(column) => names.column(table, column).to_owned(),
            None => names.table(table).to_owned(),
        };
        let (matched, found) = match_tables(&schema, target, options, name);
        // a table that the target lacks is made, where that was chosen and can be, or left out; the findings say which
        let is_made = |table: &Table| {
            found.iter().any(|finding| finding.code == "create-missing" && finding.table.as_ref() == Some(&table.name))
        };
        schema.tables.retain(|table| is_made(table) || matched.iter().any(|one| one.source == table.name));
        // of what is there already the target says what it is called
        let is_named = |finding: &super::Finding| {
            let made = |table: &&Table| finding.table.as_ref() == Some(&table.name) && is_made(table);
            finding.code != "rename-refused" || schema.tables.iter().any(|table| made(&table))
        };
        findings.retain(is_named);
        findings.extend(found);
        matches = matched;
    }
    let schema = &schema;
    let taken = There(&matches);
    let own_type = |table: &str, column: &str| {
        let pair = taken.column(table, column)?;
        Some(TargetType { pg_type: pair.pg_type.clone(), fraction_digits: pair.fraction_digits })
    };
    let typed = type_columns(readers, schema, options, &own_type, settings)?;
    findings.extend(typed.findings(schema, |table, column| taken.is_copied(&table.name, &column.name)));
    let tables = schema.tables.iter().enumerate().map(|(at, table)| table_plan(table, &typed, at, &taken, &names));
    let mut plan = Plan {
        version: 1,
        target_schema: options.target_schema.clone(),
        existing: target.is_some(),
        tables: tables.collect(),
        ..Plan::default()
    };
    plan.memory = Memory::of(&plan.tables);
    findings.extend(facts::sizes(schema, &typed.scans));
    let mut nulls = facts::nulls_for(schema, &typed.scans, |table, column| {
        taken.column(table, column).is_some_and(|pair| pair.not_null && !pair.generated)
    });
    for finding in &mut nulls {
        let table = schema.tables.iter().find(|table| finding.table.as_ref() == Some(&table.name));
        if let (Some(table), Some(column)) = (table, &finding.object) {
            // asked for only where there are some: a scan does not keep which rows hold NULL
            finding.affected = rows_with_null(&readers[0], table, &[column], settings.interrupt)?.affected;
        }
    }
    findings.extend(nulls);
    let is_there = |table: &Table| taken.table(&table.name).is_some();
    let (broken, found) = broken::find(&readers[0], schema, &typed, options.nocase, &is_there, settings.interrupt)?;
    findings.extend(found);
    plan.findings = findings;
    let spellings = spellings(schema, &typed);
    let mut planned = Planned { plan, scans: typed.scans, matches, names, broken, facts: Facts::default() };
    let mut facts = Facts::of(&planned, schema);
    for (column, spelling) in spellings {
        facts.columns.entry(column).or_default().spelling = Some(spelling.to_owned());
    }
    objects::fill(schema, &mut planned.plan, &mut planned.names, &facts, options);
    planned.facts = facts;
    if let Some(target) = target {
        there::settle(&mut planned.plan, &planned.names, target);
    }
    for table in &mut planned.plan.tables {
        // PostgreSQL takes no NULL into a primary key, whatever the column says
        let key = table.primary_key.iter().flat_map(|key| &key.columns).collect::<Vec<_>>();
        table
            .columns
            .iter_mut()
            .filter(|column| key.contains(&&column.target))
            .for_each(|column| column.not_null = true);
    }
    accept::finish(&mut planned.plan.findings, &options.accept);
    Ok(planned)
}

/// The tables and views that `options` include.
#[must_use]
pub fn selected(schema: &Schema, options: &Options) -> Schema {
    let mut schema = schema.clone();
    schema.tables.retain(|table| options.includes(&table.name));
    schema.views.retain(|view| options.includes(&view.name));
    schema.triggers.retain(|trigger| options.includes(&trigger.table));
    schema
}

/// What the target has already.
struct There<'a>(&'a [TableMatch]);

impl There<'_> {
    fn table(&self, source: &str) -> Option<&TableMatch> {
        self.0.iter().find(|table| table.source == source)
    }

    fn column(&self, table: &str, column: &str) -> Option<&ColumnPair> {
        self.table(table)?.columns.iter().find(|pair| pair.source == column)
    }

    /// Whether a column goes anywhere: the target's table may lack it.
    fn is_copied(&self, table: &str, column: &str) -> bool {
        self.table(table).is_none() || self.column(table, column).is_some()
    }
}

fn table_plan(table: &Table, typed: &Typed, at: usize, there: &There<'_>, names: &Names) -> TablePlan {
    let scan = &typed.scans[at];
    let into = there.table(&table.name);
    let mut columns = Vec::new();
    for (column_at, column) in table.columns.iter().enumerate() {
        let pair = there.column(&table.name, &column.name);
        if into.is_some() && pair.is_none() {
            continue;
        }
        let (class, chosen) = typed.class(at, column_at);
        let candidate = class.candidate(chosen);
        let seen = &scan.columns[column_at];
        let is_integer = matches!(candidate.pg_type, PgType::Int2 | PgType::Int4 | PgType::Int8);
        let is_identity = match pair {
            Some(pair) => pair.identity.is_some(),
            None => is_integer && table.rowid_alias() == Some(column.name.as_str()),
        };
        columns.push(ColumnPlan {
            source: column.name.clone(),
            target: pair.map_or_else(|| names.column(&table.name, &column.name), |pair| &pair.target).to_owned(),
            pg_type: candidate.pg_type.clone(),
            reading: candidate.reading,
            not_null: pair.map_or(is_identity || column.not_null && seen.nulls.is_empty(), |pair| pair.not_null),
            default: pair.and_then(|pair| pair.default.clone()),
            identity: is_identity.then(|| Identity { next: next_id(table.sequence, seen.integer_range) }),
            // the target's own expression, which is not ours to write
            generated: pair.filter(|pair| pair.generated).map(|_| "as the target has it".to_owned()),
            collation: None,
        });
    }
    TablePlan {
        source: table.name.clone(),
        target: into.map_or_else(|| names.table(&table.name), |into| &into.target).to_owned(),
        existing: into.is_some(),
        rows: scan.rows,
        bytes: scan.bytes,
        largest_row: scan.largest_row,
        columns,
        ..TablePlan::default()
    }
}

/// What an identity's sequence gives next: one more than was ever given, and never less than 1.
fn next_id(sequence: Option<i64>, range: Option<(i64, i64)>) -> i64 {
    let last = sequence.unwrap_or(0).max(range.map_or(0, |(_, largest)| largest));
    last.max(0).saturating_add(1)
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
}
