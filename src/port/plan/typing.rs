//! Types for all columns: candidates, one reading of every value, and again where that leaves a candidate open.

use std::collections::BTreeSet;

use crate::db::SqliteDb;
use crate::interrupt::Interrupt;
use crate::port::options::Options;
use crate::port::progress::Event;
use crate::port::scan::{self, ScanError, ScanSettings, TableScan};
use crate::port::side_by_side::side_by_side;
use crate::schema::{Column, Schema, Table};

use super::Finding;
use super::candidates::{Candidates, TargetType, of_column};
use super::classes::{Class, ColumnId, classes};
use super::collide;
use super::decide::{Chosen, ClassCandidate, choose};
use super::explain::Decided;

/// Types for all columns, and what they were decided from.
pub(super) struct Typed {
    pub(super) classes: Vec<Class>,
    pub(super) chosen: Vec<Chosen>,
    pub(super) scans: Vec<TableScan>,
    pub(super) collisions: Vec<Finding>,
    /// The class of each column, by table and column.
    class_of: Vec<Vec<usize>>,
}

/// Reads every value of `schema` and decides every type. `there` is the type that the target's column has already, by
/// the names of table and column in SQLite.
pub(super) fn type_columns(
    readers: &mut [SqliteDb],
    schema: &Schema,
    options: &Options,
    there: &dyn Fn(&str, &str) -> Option<TargetType>,
    settings: &ScanSettings<'_>,
) -> Result<Typed, ScanError> {
    let own = |table: &Table| -> Vec<Candidates> {
        let of = |column: &Column| of_column(table, column, options, there(&table.name, &column.name).as_ref());
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
    let ScanSettings { interrupt, observer, .. } = *settings;
    observer.tell(&Event::ToScan { rows: scan::rows_about(&readers[0], &schema.tables) });
    let tables = schema.tables.iter().zip(&candidates);
    let scans = side_by_side(readers.iter_mut(), tables, |reader, (table, candidates)| {
        scan::scan_table(reader, table, candidates, settings)
    })?;
    let db = &readers[0];
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

    /// The first column of a class that the class's best type does not fit.
    fn held_by(&self, schema: &Schema, class: &Class) -> Option<String> {
        let fails = |id: &&ColumnId| !self.scans[id.table].columns[id.column].verdicts[0].misfits.is_empty();
        let id = class.members.iter().find(fails)?;
        let table = &schema.tables[id.table];
        Some(format!("{}.{}", table.name, table.columns[id.column].name))
    }

    /// What is to be told of the columns that `wanted` (table, column) names.
    pub(super) fn findings(&self, schema: &Schema, wanted: impl Fn(&Table, &Column) -> bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (at, table) in schema.tables.iter().enumerate() {
            for (column_at, column) in table.columns.iter().enumerate().filter(|(_, column)| wanted(table, column)) {
                let (class, chosen) = self.class(at, column_at);
                let seen = &self.scans[at].columns[column_at];
                let held_by = self.held_by(schema, class);
                let candidates = &class.candidates;
                let held_by = held_by.as_deref();
                findings.extend(Decided { table, column, candidates, chosen, seen, held_by }.findings());
            }
        }
        findings.extend(self.collisions.iter().cloned());
        findings
    }
}
