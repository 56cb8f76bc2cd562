//! Takes foreign keys and triggers off for the copy: what puts them back is written down in the same transaction.

use super::restore::{self, Entry};
use super::schema::{Constraint, TargetSchema, Trigger};
use super::{TargetError, qualified, quoted};
use crate::db::Statements;

/// What was taken off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Foreign keys: `table` and the constraint's name.
    pub foreign_keys: Vec<(String, String)>,
    /// Triggers: `table` and the trigger's name.
    pub triggers: Vec<(String, String)>,
    /// Foreign keys and triggers that this role can't take off, and which stay on: `table` and the name.
    pub left_on: Vec<(String, String)>,
    /// An earlier run had taken some off already, and did not put them back.
    pub unfinished: bool,
}

/// Takes off the foreign keys of `tables` (names in the target) and of their partitions, and switches off the triggers
/// on them, in one transaction of its own. What puts them back is kept in the table `liftlock_port_restore` of the
/// schema until [`put_back`](super::put_back) has done so. What is off already stays off.
///
/// Foreign keys of other tables that refer to `tables` stay on: a row that is added to a parent is never checked.
///
/// # Errors
/// [`TargetError`] of the server; then nothing was taken off.
pub fn take_off(db: &mut impl Statements, schema: &str, tables: &[String]) -> Result<Taken, TargetError> {
    let target = TargetSchema::read(db, schema)?;
    let unfinished = target.table(restore::TABLE).is_some();
    let mut taken = Taken { unfinished, ..Taken::default() };
    let mut entries = Vec::new();
    let concerns = |of: &[String]| of.iter().any(|name| tables.contains(name));
    let keys = target.constraints.iter().filter(|key| {
        key.kind == super::ConstraintKind::ForeignKey && !key.inherited && !key.is_unenforced() && concerns(&key.of)
    });
    for key in keys {
        let name = (key.table.clone(), key.name.clone());
        if target.server.may_create && key.may_restore {
            entries.push(foreign_key(key, target.server.version));
            taken.foreign_keys.push(name);
        } else {
            taken.left_on.push(name);
        }
    }
    // a trigger for replicas alone does not fire, and one that is disabled stays so
    for trigger in target.triggers.iter().filter(|t| matches!(t.enabled, 'O' | 'A') && concerns(&t.of)) {
        let name = (trigger.table.clone(), trigger.name.clone());
        if target.server.may_create && trigger.may_restore {
            entries.push(switch(trigger, target.server.version));
            taken.triggers.push(name);
        } else {
            taken.left_on.push(name);
        }
    }
    if entries.is_empty() {
        return Ok(taken);
    }
    let mut sql = String::from("BEGIN;\n");
    if !unfinished {
        sql.push_str(&restore::create(schema));
    }
    for entry in &entries {
        sql.push_str(&entry.insert(schema));
    }
    for entry in &entries {
        sql.push_str(&entry.off);
        sql.push_str(";\n");
    }
    sql.push_str("COMMIT;\n");
    if let Err(source) = db.execute(&sql) {
        restore::roll_back(db);
        return Err(TargetError::Sql { doing: "take off foreign keys and triggers for the copy".to_owned(), source });
    }
    Ok(taken)
}

/// What empties `tables` (names in the target): one statement, so that foreign keys among them don't stand in its way.
/// Never CASCADE: a table that refers to them and is not among them stops it. `None` where there are none.
#[must_use]
pub fn truncate_statement(schema: &str, tables: &[String]) -> Option<String> {
    let names: Vec<String> = tables.iter().map(|table| qualified(schema, table)).collect();
    (!names.is_empty()).then(|| format!("TRUNCATE TABLE {}", names.join(", ")))
}

/// PostgreSQL learned NOT VALID for foreign keys of partitioned tables in version 18.
const NOT_VALID_ON_PARTITIONED: u32 = 180_000;

fn foreign_key(key: &Constraint, version: u32) -> Entry {
    let table = qualified(&key.schema, &key.table);
    let name = quoted(&key.name);
    let definition = key.definition.strip_suffix(" NOT VALID").unwrap_or(&key.definition);
    let later = !key.partitioned || version >= NOT_VALID_ON_PARTITIONED;
    let mut on = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}");
    if later {
        on.push_str(" NOT VALID");
    }
    if let Some(comment) = &key.comment {
        on.push_str(&format!("; COMMENT ON CONSTRAINT {name} ON {table} IS {}", super::literal(comment)));
    }
    Entry {
        kind: restore::Kind::ForeignKey,
        table_schema: key.schema.clone(),
        table: key.table.clone(),
        name: key.name.clone(),
        off: format!("ALTER TABLE {table} DROP CONSTRAINT {name}"),
        on,
        validate: (key.valid && later).then(|| format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")),
        offenders: Some(offenders(key)),
    }
}

/// From version 15 on, a partition's own trigger shows as one that people made, and so has an entry of its own; before,
/// it goes with its parent's.
const PARTITIONS_SWITCH_ALONE: u32 = 150_000;

fn switch(trigger: &Trigger, version: u32) -> Entry {
    let only = if version >= PARTITIONS_SWITCH_ALONE { "ONLY " } else { "" };
    let table = format!("{only}{}", qualified(&trigger.schema, &trigger.table));
    let name = quoted(&trigger.name);
    let always = if trigger.enabled == 'A' { "ALWAYS " } else { "" };
    Entry {
        kind: restore::Kind::Trigger,
        table_schema: trigger.schema.clone(),
        table: trigger.table.clone(),
        name: trigger.name.clone(),
        off: format!("ALTER TABLE {table} DISABLE TRIGGER {name}"),
        on: format!("ALTER TABLE {table} ENABLE {always}TRIGGER {name}"),
        validate: None,
        offenders: None,
    }
}

/// The rows that break a foreign key, as the target holds them now: how many, and the first of them as a person reads
/// them: `id = 7, parent = 99`.
///
/// # Errors
/// [`TargetError::Sql`] of the server.
pub fn orphans(db: &mut impl Statements, key: &Constraint) -> Result<(u64, Vec<String>), TargetError> {
    restore::offending(db, &offenders(key), &key.name, &key.table)
}

/// The query for rows without a parent: how many there are, and the first of them as a person reads them.
fn offenders(key: &Constraint) -> String {
    let child = |column: &String| format!("c.{}", quoted(column));
    let mut shown = key.primary_key.clone();
    shown.extend(key.columns.iter().filter(|column| !key.primary_key.contains(column)).cloned());
    let shown: Vec<String> = shown
        .iter()
        .map(|column| format!("{}, coalesce({}::text, 'NULL')", super::literal(&format!("{column} = ")), child(column)))
        .collect();
    // MATCH FULL wants all columns or none of them to be NULL
    let link = if key.match_full { " OR " } else { " AND " };
    let present: Vec<String> = key.columns.iter().map(|column| format!("{} IS NOT NULL", child(column))).collect();
    let equal: Vec<String> = key
        .columns
        .iter()
        .zip(&key.parent_columns)
        .zip(&key.operators)
        .map(|((column, parent), operator)| format!("p.{} {operator} {}", quoted(parent), child(column)))
        .collect();
    let parent = qualified(key.parent_schema.as_deref().unwrap_or("pg_catalog"), key.parent.as_deref().unwrap_or(""));
    format!(
        "SELECT count(*) OVER (), concat({}) FROM {} c WHERE ({}) AND NOT EXISTS (SELECT FROM {parent} p WHERE {}) LIMIT 5",
        shown.join(", ', ', "),
        qualified(&key.schema, &key.table),
        present.join(link),
        equal.join(" AND "),
    )
}
