//! Rows that break what their own schema says (children without a parent, CHECKs, NULLs in keys), and foreign keys
//! whose columns could not get one type.

use std::collections::BTreeSet;

use crate::db::SqliteDb;
use crate::interrupt::Interrupt;
use crate::port::options::Nocase;
use crate::port::scan::{ScanError, Tally, broken_checks, broken_foreign_key, rows_with_null};
use crate::schema::{ForeignKey, ParentState, Schema, Table};
use crate::value::PgType;

use super::typing::Typed;
use super::{Finding, Level};
use crate::words::thousands;

/// What rows break, by the table's name and the index of the foreign key or CHECK in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// Foreign keys that have children without a parent: they can't be made but as NOT VALID.
    pub foreign_keys: BTreeSet<(String, usize)>,
    /// Foreign keys whose columns have types that PostgreSQL does not compare: they can't be made at all.
    pub mistyped: BTreeSet<(String, usize)>,
    /// CHECKs that rows break.
    pub checks: BTreeSet<(String, usize)>,
    /// Tables with NULL in a primary key: it can be no more than UNIQUE.
    pub null_keys: BTreeSet<String>,
}

/// `is_there` says of a table that the target has it already, with constraints of its own.
pub(super) fn find(
    db: &SqliteDb,
    schema: &Schema,
    typed: &Typed,
    nocase: Nocase,
    is_there: &dyn Fn(&Table) -> bool,
    interrupt: &Interrupt,
) -> Result<(Broken, Vec<Finding>), ScanError> {
    let mut broken = Broken::default();
    let mut findings = Vec::new();
    for (at, table) in schema.tables.iter().enumerate() {
        for (key_at, key) in table.foreign_keys.iter().enumerate() {
            let Some(parent_at) = parent_of(schema, key) else { continue };
            let parent = &schema.tables[parent_at];
            if let Some(types) = mismatch(schema, typed, (at, parent_at), key) {
                broken.mistyped.insert((table.name.clone(), key_at));
                findings.push(mistyped(table, key, parent, &types));
                continue;
            }
            if is_whole(schema, typed, (at, parent_at), key) {
                continue;
            }
            let without_case = key
                .parent_columns
                .iter()
                .any(|name| parent.column(name).and_then(|column| column.collation.as_deref()) == Some("NOCASE"));
            // such a key is not made, and so can't be broken
            if without_case && nocase == Nocase::LowerIndex {
                continue;
            }
            let orphans = broken_foreign_key(db, table, key, parent, without_case, interrupt)?;
            if !orphans.is_empty() {
                broken.foreign_keys.insert((table.name.clone(), key_at));
                findings.push(orphaned(table, key, parent, &orphans, is_there(table)));
            }
        }
        if !table.checks.is_empty() {
            for (check, tally) in broken_checks(db, table, interrupt)?.into_iter().enumerate() {
                let Some(tally) = tally.filter(|tally| !tally.is_empty()) else { continue };
                broken.checks.insert((table.name.clone(), check));
                findings.push(violated(table, check, &tally, is_there(table)));
            }
        }
        if let Some(mut tally) = nulls_in_key(table, at, typed) {
            // asked for only where there are some: a scan does not keep which rows hold NULL
            let key = table.primary_key.iter().flat_map(|key| &key.columns);
            let key: Vec<&str> = key.map(|column| column.name.as_str()).collect();
            tally.affected = rows_with_null(db, table, &key, interrupt)?.affected;
            broken.null_keys.insert(table.name.clone());
            findings.push(null_key(table, &tally));
        }
    }
    Ok((broken, findings))
}

/// The parent, where the foreign key can be made and checked.
fn parent_of(schema: &Schema, key: &ForeignKey) -> Option<usize> {
    let is_there = key.parent_state == ParentState::Ok && key.columns.len() == key.parent_columns.len();
    schema.tables.iter().position(|table| is_there && table.name.eq_ignore_ascii_case(&key.parent))
}

/// Whether the scan alone shows that every child has its parent: the parent's ids have no gaps, and the child holds
/// nothing but integers between the first and the last of them.
fn is_whole(schema: &Schema, typed: &Typed, (child, parent): (usize, usize), key: &ForeignKey) -> bool {
    let seen = |table: usize, name: &str| {
        let columns = &schema.tables[table].columns;
        let column = columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))?;
        Some(&typed.scans[table].columns[column])
    };
    let ([own], [other]) = (key.columns.as_slice(), key.parent_columns.as_slice()) else { return false };
    let (Some(own), Some(id)) = (seen(child, own), seen(parent, other)) else { return false };
    if !schema.tables[parent].rowid_alias().is_some_and(|alias| alias.eq_ignore_ascii_case(other)) {
        return false;
    }
    if own.integers.count != own.values() {
        return false;
    }
    match (own.integer_range, id.integer_range) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some((low, high)), Some((first, last))) => {
            let ids = i128::from(last) - i128::from(first) + 1;
            ids == i128::from(typed.scans[parent].rows) && first <= low && high <= last
        }
    }
}

/// The types of the first pair of columns that PostgreSQL does not compare.
fn mismatch(
    schema: &Schema,
    typed: &Typed,
    (child, parent): (usize, usize),
    key: &ForeignKey,
) -> Option<(PgType, PgType)> {
    let of = |table: usize, name: &str| {
        let columns = &schema.tables[table].columns;
        let column = columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))?;
        let (class, chosen) = typed.class(table, column);
        Some(class.candidate(chosen).pg_type.clone())
    };
    let pairs = key.columns.iter().zip(&key.parent_columns);
    let types = pairs.filter_map(|(own, other)| Some((of(child, own)?, of(parent, other)?)));
    types.into_iter().find(|(own, other)| family(own) != family(other))
}

/// Types of one family have an equality that a foreign key can use.
fn family(pg_type: &PgType) -> String {
    use PgType::{
        Char, Citext, Domain, Float4, Float8, Int2, Int4, Int8, Numeric, Text, Timestamp, Timestamptz, Varchar,
    };
    match pg_type {
        Int2 | Int4 | Int8 | Float4 | Float8 | Numeric(_) => "numbers".to_owned(),
        Text | Varchar(_) | Char(_) | Citext => "text".to_owned(),
        Timestamp | Timestamptz => "times".to_owned(),
        Domain { over, .. } => family(over),
        other => other.to_string(),
    }
}

fn finding(code: &str, level: Level, table: &Table, object: String, message: String, rows: &Tally) -> Finding {
    Finding {
        code: code.to_owned(),
        level,
        table: Some(table.name.clone()),
        object: Some(object),
        message,
        rows: rows.count,
        examples: rows.examples.clone(),
        affected: rows.affected.clone(),
        ..Finding::default()
    }
}

/// What findings call a foreign key.
pub(in crate::port) fn name_of(key: &ForeignKey) -> String {
    key.name.clone().unwrap_or_else(|| key.columns.join(", "))
}

fn mistyped(table: &Table, key: &ForeignKey, parent: &Table, (own, other): &(PgType, PgType)) -> Finding {
    let message = format!(
        "the foreign key to `{}` is left out: its column becomes `{own}`, since not every value fits `{other}`, the type \
         of what it points to",
        parent.name
    );
    let mut finding = finding("foreign-key-types", Level::LeftOut, table, name_of(key), message, &Tally::default());
    finding.choices = vec![
        "correct the values that do not fit in the source (text that reads like a number is text)".to_owned(),
        "choose one type for both columns".to_owned(),
    ];
    finding
}

/// What is said of a table that the target has already.
const THERE: &str = "whether the target's table takes them is for its own constraints to say";

/// A constraint that is NOT VALID does not hold for all rows, as it should.
fn level(there: bool) -> Level {
    if there { Level::Change } else { Level::LeftOut }
}

fn orphaned(table: &Table, key: &ForeignKey, parent: &Table, orphans: &Tally, there: bool) -> Finding {
    let message = format!(
        "{} no row of `{}`, the first at {}; {}",
        point_to(orphans.count),
        parent.name,
        orphans.examples.first().map_or("", String::as_str),
        if there { THERE } else { "the foreign key is made NOT VALID: it holds for new rows only" }
    );
    let mut finding = finding("orphans", level(there), table, name_of(key), message, orphans);
    finding.choices =
        vec!["delete or correct these rows in the source, and the foreign key is valid for all rows".to_owned()];
    finding
}

fn point_to(count: u64) -> String {
    if count == 1 { "1 row points to".to_owned() } else { format!("{} rows point to", thousands(count)) }
}

fn violated(table: &Table, check: usize, rows: &Tally, there: bool) -> Finding {
    let declared = &table.checks[check];
    let message = format!(
        "{} `CHECK ({})`, the first at {}; {}",
        if rows.count == 1 { "1 row breaks".to_owned() } else { format!("{} rows break", thousands(rows.count)) },
        declared.expression,
        rows.examples.first().map_or("", String::as_str),
        if there { THERE } else { "it is made NOT VALID: it holds for new rows only" }
    );
    let object = declared.name.clone().unwrap_or_else(|| declared.expression.clone());
    finding("check-violated", level(there), table, object, message, rows)
}

/// NULLs in the columns of a primary key, which SQLite lets through where it is no other name of the rowid
/// (<https://www.sqlite.org/lang_createtable.html#the_primary_key>).
fn nulls_in_key(table: &Table, at: usize, typed: &Typed) -> Option<Tally> {
    let key = table.primary_key.as_ref().filter(|key| !key.rowid_alias)?;
    let mut all = Tally::default();
    for column in &key.columns {
        let at_column = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(&column.name))?;
        let nulls = &typed.scans[at].columns[at_column].nulls;
        all.count += nulls.count;
        all.examples.extend(nulls.examples.iter().map(|row| format!("{row}: `{}` is NULL", column.name)));
    }
    all.examples.truncate(crate::port::scan::EXAMPLES);
    Some(all).filter(|all| !all.is_empty())
}

fn null_key(table: &Table, nulls: &Tally) -> Finding {
    let columns: Vec<&str> =
        table.primary_key.iter().flat_map(|key| &key.columns).map(|column| column.name.as_str()).collect();
    let message = format!(
        "{} in the primary key ({}), the first at {}; the key becomes UNIQUE",
        if nulls.count == 1 { "1 NULL stands".to_owned() } else { format!("{} NULLs stand", thousands(nulls.count)) },
        columns.join(", "),
        nulls.examples.first().map_or("", String::as_str),
    );
    let mut finding = finding("null-in-primary-key", Level::Change, table, columns.join(", "), message, nulls);
    finding.choices = vec!["give these rows a key in the source, and the primary key stays one".to_owned()];
    finding
}
