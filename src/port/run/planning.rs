//! The plan of a run: the source's schema and values, what the target holds, and what a person has edited.

use super::existing;
use crate::db::{BulkDb, Snapshot};
use crate::port::Port;
use crate::port::checkpoint::Unfinished;
use crate::port::copy::OnError;
use crate::port::error::PortError;
use crate::port::options::Options;
use crate::port::plan::{Level, Plan, assemble, revise};
use crate::port::scan::TableScan;
use crate::port::target::{TargetSchema, match_tables};
use crate::schema::Schema;

/// A plan, and what it was made from.
#[derive(Debug)]
pub(super) struct Planned {
    pub plan: Plan,
    pub scans: Vec<TableScan>,
    pub schema: Schema,
    pub schema_exists: bool,
}

/// Plans.
pub(super) fn plan(port: &Port<'_>, snapshot: &mut Snapshot, control: &mut BulkDb) -> Result<Planned, PortError> {
    let (schema, target) = read(port, snapshot, control)?;
    let name = |table: &str, column: Option<&str>| column.unwrap_or(table).to_owned();
    let (matches, _) = match_tables(&assemble::selected(&schema, &port.options), &target, &port.options, name);
    let existing = (!matches.is_empty()).then_some(&target);
    make(port, &port.options, snapshot, schema, &target, existing, port.plan.as_ref())
}

/// Plans what a run goes on with: its plan as it was stored, and what stands in its way now.
pub(super) fn plan_again(
    port: &Port<'_>,
    snapshot: &mut Snapshot,
    control: &mut BulkDb,
    run: &Unfinished,
) -> Result<Planned, PortError> {
    let (schema, target) = read(port, snapshot, control)?;
    // what the run has made, and the rows that it has copied, are its own
    let mut before = target.clone();
    before.tables.retain(|table| run.plan.tables.iter().any(|plan| plan.existing && plan.target == table.name));
    let options = Options {
        truncate: true,
        create_missing: true,
        on_conflict: None,
        target_schema: run.plan.target_schema.clone(),
        ..port.options.clone()
    };
    let existing = run.plan.existing.then_some(&before);
    let mut planned = make(port, &options, snapshot, schema, &target, existing, Some(&run.plan))?;
    planned.plan.on_conflict = run.plan.on_conflict;
    for table in &mut planned.plan.tables {
        table.beside = run.plan.table(&table.source).and_then(|stored| stored.beside.clone());
    }
    Ok(planned)
}

fn read(port: &Port<'_>, snapshot: &mut Snapshot, control: &mut BulkDb) -> Result<(Schema, TargetSchema), PortError> {
    let schema = snapshot.reader().schema().map_err(|error| PortError::source("the schema", error))?;
    let target = TargetSchema::read(control, &port.options.target_schema)?;
    Ok((schema, target))
}

fn make(
    port: &Port<'_>,
    options: &Options,
    snapshot: &mut Snapshot,
    schema: Schema,
    target: &TargetSchema,
    existing: Option<&TargetSchema>,
    edited: Option<&Plan>,
) -> Result<Planned, PortError> {
    let (size, interrupt) = (port.batch_size, &port.interrupt);
    let readers = snapshot.readers();
    let made = match edited {
        None => assemble::make(readers, &schema, options, existing, size, interrupt)?,
        Some(edited) => revise::make_edited(readers, &schema, options, existing, size, interrupt, edited)?,
    };
    let assemble::Planned { mut plan, mut scans, .. } = made;
    if options.on_conflict.is_some() {
        existing::add_beside(&mut plan, &mut scans, options, target);
    }
    if port.on_error == OnError::Quarantine {
        put_aside(&mut plan);
    }
    Ok(Planned { plan, scans, schema, schema_exists: target.server.schema_exists })
}

/// Values that do not fit are no reason to stop where their rows are put aside.
fn put_aside(plan: &mut Plan) {
    for finding in &mut plan.findings {
        if finding.level == Level::Blocker && ROWS_ALONE.contains(&finding.code.as_str()) {
            finding.level = Level::Change;
            finding.message.push_str(" These rows are put aside.");
            finding.choices.clear();
        }
    }
}

/// The findings that are about rows which can be put aside one by one.
const ROWS_ALONE: [&str; 3] = ["does-not-fit", "bad-text", "null-in-not-null"];
