//! Which types would make two different keys one: keys and joined columns whose values change on the way are compared
//! exactly.

use std::collections::BTreeSet;

use crate::db::SqliteDb;
use crate::interrupt::Interrupt;
use crate::port::scan::{KeyPart, ScanError, Tally, class_collisions, key_collisions};
use crate::schema::{Indexed, Schema, Table};

use super::decide::ClassCandidate;
use super::typing::Typed;
use super::{Finding, Level, spellings};
use crate::value::PgType;
use crate::words::thousands;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Collisions {
    /// Candidates that can't be taken.
    pub(super) refused: Vec<ClassCandidate>,
    /// What a person is told.
    pub(super) findings: Vec<Finding>,
}

/// Looks at every key and every class of several columns that holds values which change on the way.
pub(super) fn find(
    db: &SqliteDb,
    schema: &Schema,
    typed: &Typed,
    interrupt: &Interrupt,
) -> Result<Collisions, ScanError> {
    let mut found = Collisions::default();
    for (at, table) in schema.tables.iter().enumerate() {
        for columns in keys(table) {
            let changed: Vec<usize> = columns
                .iter()
                .copied()
                .filter(|column| changes(typed, at, *column) && !worded(typed, at, *column))
                .collect();
            if changed.is_empty() {
                continue;
            }
            let parts: Vec<KeyPart<'_>> = columns.iter().map(|column| part(typed, at, *column)).collect();
            let tally = key_collisions(db, table, &parts, typed.scans[at].rows, interrupt)?;
            if !tally.is_empty() {
                let names: Vec<&str> = columns.iter().map(|column| table.columns[*column].name.as_str()).collect();
                found.add(typed, at, &changed, table, &names.join(", "), &tally);
            }
        }
    }
    for (class, chosen) in typed.classes.iter().zip(&typed.chosen) {
        let [first, _, ..] = class.members.as_slice() else { continue };
        let candidate = class.candidate(*chosen);
        // that a child's spelling and its parent's are one is what citext is for
        if candidate.pg_type == PgType::Citext || !class.members.iter().any(|id| changes(typed, id.table, id.column)) {
            continue;
        }
        let members: Vec<(&Table, KeyPart<'_>)> = class
            .members
            .iter()
            .map(|id| (&schema.tables[id.table], KeyPart { column: id.column, candidate }))
            .collect();
        let rows = class.members.iter().map(|id| typed.scans[id.table].rows).sum();
        let tally = class_collisions(db, &members, rows, interrupt)?;
        if !tally.is_empty() {
            let table = &schema.tables[first.table];
            let name = &table.columns[first.column].name;
            found.add(typed, first.table, &[first.column], table, name, &tally);
        }
    }
    Ok(found)
}

impl Collisions {
    fn add(&mut self, typed: &Typed, at: usize, changed: &[usize], table: &Table, name: &str, tally: &Tally) {
        let mut types = BTreeSet::new();
        let mut forced = false;
        for column in changed {
            let (class, chosen) = typed.class(at, *column);
            types.insert(format!("`{}`", class.candidate(chosen).pg_type));
            // without another candidate there is nothing to go to; and citext was a person's choice
            let chosen_by_hand = class.candidate(chosen).pg_type == PgType::Citext;
            if chosen_by_hand
                || class.candidates.origin.is_forced()
                || chosen.candidate + 1 == class.candidates.list.len()
            {
                forced = true;
            } else {
                self.refused.push((typed.class_index(at, *column), chosen.candidate));
            }
        }
        let types: Vec<String> = types.into_iter().collect();
        self.findings.push(Finding {
            code: "key-collision".to_owned(),
            level: if forced { Level::Blocker } else { Level::Change },
            table: Some(table.name.clone()),
            object: Some(name.to_owned()),
            message: format!(
                "{} values of a key, different in SQLite, would be equal as {}, the first at {}{}",
                thousands(tally.count),
                types.join(" and "),
                tally.examples.first().map_or("", String::as_str),
                if forced { "" } else { "; the column takes a type that keeps them apart" }
            ),
            rows: tally.count,
            examples: tally.examples.clone(),
            affected: tally.affected.clone(),
            choices: vec!["make these keys one, or different, in the source".to_owned()],
            accepted: false,
        });
    }
}

/// Whether values of a column change on the way, so that two of them may become one.
fn changes(typed: &Typed, table: usize, column: usize) -> bool {
    let (class, chosen) = typed.class(table, column);
    let verdict = &typed.scans[table].columns[column].verdicts[chosen.candidate];
    !verdict.changes.is_empty() || class.candidate(chosen).pg_type == PgType::Citext
}

/// Whether a column's truths are texts of two words, which stay two.
fn worded(typed: &Typed, table: usize, column: usize) -> bool {
    let (class, chosen) = typed.class(table, column);
    *class.candidate(chosen).pg_type.base() == PgType::Bool
        && spellings::words(&typed.scans[table].columns[column]).is_some()
}

fn part(typed: &Typed, table: usize, column: usize) -> KeyPart<'_> {
    let (class, chosen) = typed.class(table, column);
    KeyPart { column, candidate: class.candidate(chosen) }
}

/// The keys of a table, each by its columns: the primary key, UNIQUE constraints, unique indexes over columns alone
/// (partial ones as if they were whole, which may keep a type from being taken but never lets a key fail).
fn keys(table: &Table) -> BTreeSet<Vec<usize>> {
    let at = |name: &str| table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    let primary = table.primary_key.iter().map(|key| &key.columns);
    let constraints = primary.chain(table.uniques.iter().map(|unique| &unique.columns));
    let constraints = constraints.map(|columns| columns.iter().map(|column| at(&column.name)).collect());
    let indexes = table.indexes.iter().filter(|index| index.unique).map(|index| {
        let term = |term: &crate::schema::IndexTerm| match &term.what {
            Indexed::Column(name) => at(name),
            Indexed::Expression(_) => None,
        };
        index.terms.iter().map(term).collect::<Option<Vec<usize>>>()
    });
    constraints.chain(indexes).flatten().collect()
}
