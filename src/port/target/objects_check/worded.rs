//! The plan's expressions as the server itself writes them, so that they can be compared with what it has: it reads
//! `x in (1, 2)` and writes `(x = ANY (ARRAY[1, 2]))`. Temporary tables are made of them in a transaction that is rolled
//! back, and their catalog is read.

use super::There;
use super::differences::plain;
use crate::db::{ErrorClass, Statements};
use crate::port::object_kind::ObjectKind;
use crate::port::plan::{CheckPlan, ColumnPlan, IndexPlan, Plan, TablePlan};
use crate::port::target::schema::{ConstraintKind, TargetColumn, TargetSchema};
use crate::port::target::{TargetError, restore};
use crate::port::translate::ddl;

/// How many tables are made in one transaction: each takes locks, for which a server has only so much room.
const AT_ONCE: usize = 200;

/// The expressions of a plan in the server's words, as far as they could be had.
#[derive(Debug, Clone, Default)]
pub struct Worded {
    schema: TargetSchema,
    missing: Option<String>,
}

impl Worded {
    pub(super) fn schema(&self) -> &TargetSchema {
        &self.schema
    }

    /// Why some of them could not be had.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }
}

/// Has the server read the expressions of the tables that the plan makes, and write them again, but for those that
/// `target` evidently has as they are planned. What it does not have is left out: the server may have refused it.
/// Nothing is changed.
///
/// # Errors
/// [`TargetError`] where the connection is lost or the call is cancelled. Where the server refuses (a role that may make
/// no temporary tables), that is in [`Worded::missing`].
pub fn read_worded(db: &mut impl Statements, plan: &Plan, target: &TargetSchema) -> Result<Worded, TargetError> {
    let there = There::of(target);
    let tables = plan.tables.iter().filter(|table| !table.existing && there.tables.contains_key(table.target.as_str()));
    let tables: Vec<TablePlan> = tables.filter_map(|table| with_expressions(table, &there)).collect();
    let mut worded = Worded::default();
    for some in tables.chunks(AT_ONCE) {
        let read = read(db, some);
        restore::roll_back(db);
        match read {
            Ok(read) => {
                worded.schema.name.clone_from(&read.name);
                worded.schema.tables.extend(read.tables);
                worded.schema.constraints.extend(read.constraints);
                worded.schema.indexes.extend(read.indexes);
            }
            Err(TargetError::Sql { source, .. })
                if !matches!(source.class, ErrorClass::ConnectionLost | ErrorClass::Cancelled) =>
            {
                worded.missing.get_or_insert(source.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(worded)
}

fn read(db: &mut impl Statements, tables: &[TablePlan]) -> Result<TargetSchema, TargetError> {
    let plan = Plan { target_schema: "pg_temp".to_owned(), tables: tables.to_vec(), ..Plan::default() };
    let made = ddl::tables(&plan).into_iter().filter(|statement| statement.kind == ObjectKind::Table);
    let made = made.chain(ddl::checks(&plan)).chain(ddl::indexes(&plan));
    let mut sql = String::from("BEGIN;\n");
    for statement in made {
        sql.push_str(&statement.sql);
        sql.push_str(";\n");
    }
    sql.push_str("SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = pg_catalog.pg_my_temp_schema()");
    let doing = "have the server write the plan's expressions in its own words";
    let answers = db.query_each(&sql).map_err(TargetError::sql(doing))?;
    let schema = answers.into_iter().flatten().flatten().flatten().next();
    let schema = schema.ok_or_else(|| TargetError::answer("the temporary schema", "there is none"))?;
    TargetSchema::read(db, &schema)
}

/// The table with nothing but its columns and what has expressions that are not evidently the same; `None` where there
/// are none, as in most tables: to make a table takes the server a while.
fn with_expressions(table: &TablePlan, there: &There<'_>) -> Option<TablePlan> {
    let name = table.target.as_str();
    let open = |check: &&CheckPlan| {
        let found = there.constraint(name, &check.name, ConstraintKind::Check);
        found.is_some_and(|found| !is_evidently_check(&check.expression, &found.definition))
    };
    let valid = |check: &CheckPlan| CheckPlan { not_valid: false, ..check.clone() };
    let checks: Vec<CheckPlan> = table.checks.iter().filter(open).map(valid).collect();
    let open = |index: &&IndexPlan| {
        let terms = index.terms.iter().any(|term| plain(term).is_none());
        (terms || index.predicate.is_some()) && there.index(name, &index.name).is_some()
    };
    let indexes: Vec<IndexPlan> = table.indexes.iter().filter(open).cloned().collect();
    let open = |column: &ColumnPlan| {
        let found = there.tables.get(name).and_then(|table| table.column(&column.target));
        let default = |found: &TargetColumn| match (&column.default, &found.default) {
            (Some(planned), Some(is)) => !is_evidently_default(planned, is, &found.type_name),
            _ => false,
        };
        found.is_some_and(|found| default(found) || (column.generated.is_some() && found.generated.is_some()))
    };
    if checks.is_empty() && indexes.is_empty() && !table.columns.iter().any(open) {
        return None;
    }
    let columns = table.columns.iter().map(|column| ColumnPlan { identity: None, ..column.clone() });
    Some(TablePlan {
        source: table.source.clone(),
        target: table.target.clone(),
        columns: columns.collect(),
        checks,
        indexes,
        ..TablePlan::default()
    })
}

/// The server leaves a word or a number as it is, and says of a literal what it is.
fn is_evidently_default(planned: &str, is: &str, type_name: &str) -> bool {
    is == planned || (planned.starts_with('\'') && is.strip_prefix(planned) == Some(&format!("::{type_name}")))
}

/// The server puts no quotes around names that need none. Where there are literals, what looks like a name may be none.
fn is_evidently_check(planned: &str, definition: &str) -> bool {
    if planned.contains('\'') {
        return false;
    }
    let mut bare = String::with_capacity(planned.len());
    for (at, part) in planned.split('"').enumerate() {
        let needs_none = part.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && part.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_');
        match (at % 2, needs_none) {
            (0, _) | (1, true) => bare.push_str(part),
            _ => bare.push_str(&format!("\"{part}\"")),
        }
    }
    let inner = definition.strip_suffix(" NOT VALID").unwrap_or(definition);
    let inner = inner.strip_prefix("CHECK (").and_then(|inner| inner.strip_suffix(')'));
    inner.is_some_and(|inner| inner == bare || inner.strip_prefix('(').and_then(|i| i.strip_suffix(')')) == Some(&bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_evidently_the_same() {
        for (planned, is) in [("0", "0"), ("false", "false"), ("'x'", "'x'::text"), ("now()", "now()")] {
            assert!(is_evidently_default(planned, is, "text"), "{planned}");
        }
        for (planned, is) in
            [("'x'", "'y'::text"), ("'x'", "'x'::bytea"), ("1", "1::text"), ("'x'", "'x'::text || 'y'")]
        {
            assert!(!is_evidently_default(planned, is, "text"), "{planned}");
        }
        for (planned, is) in [
            ("\"n\" >= 0", "CHECK ((n >= 0))"),
            ("(\"n\" >= 0)", "CHECK ((n >= 0)) NOT VALID"),
            ("\"Nn\" >= 0", "CHECK ((\"Nn\" >= 0))"),
        ] {
            assert!(is_evidently_check(planned, is), "{planned}");
        }
        for (planned, is) in [
            ("\"n\" >= 0", "CHECK ((n > 0))"),
            ("\"n\" = '\"m\"'", "CHECK ((n = 'm'))"),
            ("\"N\" >= 0", "CHECK ((n >= 0))"),
            ("\"a\" OR \"b\") AND (\"c\"", "CHECK (((a OR b) AND (c)))"),
        ] {
            assert!(!is_evidently_check(planned, is), "{planned}");
        }
    }
}
