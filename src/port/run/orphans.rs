//! Foreign keys that hold for new rows only, after rows were put aside: the children of those have no parent either.

use crate::db::BulkDb;
use crate::port::error::PortError;
use crate::port::plan::broken::name_of;
use crate::port::plan::{Finding, ForeignKeyPlan, Level, Plan, TablePlan};
use crate::port::report::Report;
use crate::port::target::{self, TargetSchema, qualified, quoted};
use crate::schema::Schema;
use crate::words::thousands;

/// The code of findings about children without a parent.
const ORPHANS: &str = "orphans";

/// Looks at the new tables' foreign keys as they are in the target. One that is NOT VALID though the plan has it valid
/// gets a finding, and is NOT VALID in `plan` from now on; of those that were to be so, the finding says what PostgreSQL
/// holds, where rows of the child or the parent were put aside.
pub(super) fn find(
    plan: &mut Plan,
    schema: &Schema,
    control: &mut BulkDb,
    report: &mut Report,
) -> Result<(), PortError> {
    let aside: Vec<String> =
        report.tables.iter().filter(|table| table.quarantined_rows > 0).map(|table| table.target.clone()).collect();
    let planned = |table: &TablePlan, key: &ForeignKeyPlan| {
        key.not_valid && (aside.contains(&table.target) || aside.contains(&key.parent))
    };
    let now = TargetSchema::read(control, &plan.target_schema)?;
    let target_schema = plan.target_schema.clone();
    let (mut told, names) = (Vec::new(), names(plan, schema));
    for (table, names) in plan.tables.iter_mut().zip(names).filter(|(table, _)| !table.existing) {
        for (at, object) in names.into_iter().enumerate() {
            let key = &table.foreign_keys[at];
            let there = now.foreign_keys(&table.target).find(|there| there.name == key.name && !there.valid);
            let Some(there) = there else { continue };
            if key.not_valid && !planned(table, key) {
                continue;
            }
            let (rows, examples) = target::orphans(control, there)?;
            let (name, of) = (quoted(&key.name), qualified(&target_schema, &table.target));
            told.push(Finding {
                code: ORPHANS.to_owned(),
                level: Level::LeftOut,
                table: Some(table.source.clone()),
                object: Some(object),
                message: format!(
                    "in PostgreSQL {} no row of `{}`, those whose parent was put aside included; the foreign key is made \
                     NOT VALID: it holds for new rows only",
                    if rows == 1 { "1 row points to".to_owned() } else { format!("{} rows point to", thousands(rows)) },
                    key.parent
                ),
                rows,
                examples,
                choices: vec![format!(
                    "put the missing rows into `{}`, or correct these, then ALTER TABLE {of} VALIDATE CONSTRAINT {name}",
                    key.parent
                )],
                ..Finding::default()
            });
            table.foreign_keys[at].not_valid = true;
            report.not_valid.push((table.target.clone(), table.foreign_keys[at].name.clone()));
        }
    }
    for finding in told {
        // what the plan knew of the source's own is among them
        report.findings.retain(|other| {
            (&other.code, &other.table, &other.object) != (&finding.code, &finding.table, &finding.object)
        });
        report.findings.push(finding);
    }
    Ok(())
}

/// By which name findings tell each foreign key of each table: that of the source's own declaration.
fn names(plan: &Plan, schema: &Schema) -> Vec<Vec<String>> {
    let of = |table: &TablePlan, key: &ForeignKeyPlan| {
        let parent = plan.tables.iter().find(|parent| parent.target == key.parent);
        let target =
            |name: &String| table.columns.iter().find(|c| c.source.eq_ignore_ascii_case(name)).map(|c| &c.target);
        let declared = schema.table(&table.source)?.foreign_keys.iter().find(|declared| {
            declared.columns.iter().map(target).eq(key.columns.iter().map(Some))
                && parent.is_some_and(|parent| parent.source.eq_ignore_ascii_case(&declared.parent))
        })?;
        Some(name_of(declared))
    };
    let all = |table: &TablePlan| -> Vec<String> {
        table.foreign_keys.iter().map(|key| of(table, key).unwrap_or_else(|| key.name.clone())).collect()
    };
    plan.tables.iter().map(all).collect()
}
