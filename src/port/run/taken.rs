//! Names that something else in the target's schema has already.

use std::collections::BTreeMap;

use crate::Dialect;
use crate::db::{BulkDb, Statements as _};
use crate::port::error::PortError;
use crate::port::plan::{Finding, Level, Plan};

/// The tables of an existing target that the server empties after a crash.
pub(super) fn unlogged(plan: &Plan, control: &mut BulkDb) -> Result<Vec<Finding>, PortError> {
    let schema = Dialect::Postgres.literal(&plan.target_schema);
    let unlogged = control.query(&format!(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE nspname = {schema} AND relkind = 'r' AND relpersistence = 'u'"
    ));
    let unlogged = unlogged.map_err(|error| PortError::target("read which tables are unlogged", error))?;
    let names: Vec<String> = unlogged.into_iter().flatten().flatten().collect();
    let tables = plan.tables.iter().filter(|table| table.existing && names.contains(&table.target));
    Ok(tables
        .map(|table| Finding {
            code: "unlogged".to_owned(),
            level: Level::Change,
            table: Some(table.source.clone()),
            message: format!("`{}` is UNLOGGED: after a crash of the server it is empty", table.target),
            choices: vec![format!("ALTER TABLE {} SET LOGGED", Dialect::Postgres.quote_identifier(&table.target))],
            ..Finding::default()
        })
        .collect())
}

/// A blocker for every name that the plan would give and that is taken. A table's name is a type's name, too, and
/// shares the names of tables with views, sequences and indexes.
pub(super) fn find(plan: &Plan, control: &mut BulkDb) -> Result<Vec<Finding>, PortError> {
    let schema = Dialect::Postgres.literal(&plan.target_schema);
    let taken = control.query(&format!(
        "SELECT relname, CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' \
         WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' \
         WHEN 'c' THEN 'type' ELSE 'index' END \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = {schema} \
         UNION ALL \
         SELECT typname, 'type' FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
         WHERE nspname = {schema} AND typrelid = 0 AND typelem = 0"
    ));
    let taken = taken.map_err(|error| PortError::target("read which names are taken", error))?;
    let taken: BTreeMap<String, String> = taken
        .into_iter()
        .filter_map(|row| match <[Option<String>; 2]>::try_from(row) {
            Ok([Some(name), Some(kind)]) => Some((name, kind)),
            _ => None,
        })
        .collect();
    let mut findings = Vec::new();
    let mut look = |table: Option<&str>, object: &str, what: &str, name: &str| {
        let Some(kind) = taken.get(name) else { return };
        let rename = match what {
            "table" => vec![format!("--rename '{object}=NEW'")],
            _ => Vec::new(),
        };
        findings.push(Finding {
            code: "name-taken".to_owned(),
            level: Level::Blocker,
            table: table.map(str::to_owned),
            object: (what != "table").then(|| object.to_owned()),
            message: format!("the {what} would be called `{name}`, and the target has a {kind} of that name"),
            choices: rename.into_iter().chain(["--schema NAME, an empty one".to_owned()]).collect(),
            ..Finding::default()
        });
    };
    for table in plan.tables.iter().filter(|table| !table.existing) {
        look(Some(&table.source), &table.source, "table", &table.target);
        for key in table.primary_key.iter().chain(&table.uniques) {
            look(Some(&table.source), &key.name, "key", &key.name);
        }
        for index in &table.indexes {
            look(Some(&table.source), &index.name, "index", &index.name);
        }
    }
    for view in &plan.views {
        look(None, &view.source, "view", &view.target);
    }
    Ok(findings)
}
