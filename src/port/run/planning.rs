//! The plan of a run: the source's schema and values, what the target holds, and what a person has edited.

use std::cmp::Reverse;

use super::migrations::Basis;
use super::{existing, taken, trial, writable};
use crate::db::{BulkDb, Snapshot};
use crate::port::Port;
use crate::port::checkpoint::Unfinished;
use crate::port::copy::OnError;
use crate::port::error::PortError;
use crate::port::options::{OnConflict, Options};
use crate::port::plan::{Finding, Level, Plan, accept, assemble, revise};
use crate::port::scan::{ScanSettings, TableScan};
use crate::port::target::{Rows, TargetSchema, match_tables};
use crate::schema::Schema;
use crate::value::PgType;

/// A plan, and what it was made from.
#[derive(Debug)]
pub(super) struct Planned {
    pub plan: Plan,
    pub scans: Vec<TableScan>,
    pub schema: Schema,
    pub schema_exists: bool,
    /// The tables that are there are emptied first.
    pub truncate: bool,
}

/// Plans.
pub(super) fn plan(
    port: &Port<'_>,
    snapshot: &mut Snapshot,
    control: &mut BulkDb,
    basis: &Basis,
) -> Result<Planned, PortError> {
    let (schema, target) = read(port, snapshot, control, basis)?;
    let mut options = basis.options(&port.options);
    let (matches, _) = match_tables(&assemble::selected(&schema, &options), &target, &options, identity);
    if basis.is_fresh() {
        // rows that the migrations have inserted, and nobody else
        options.truncate |= matches.iter().any(|table| table.rows != Rows::Empty);
        options.on_conflict = None;
    }
    let existing = (!matches.is_empty() || basis.is_made()).then_some(&target);
    let mut planned = make(port, &options, snapshot, schema, &target, existing, port.plan.as_ref())?;
    basis.settle(&mut planned.plan, &target);
    let unwritable = writable::find(port, &planned.plan, &target);
    planned.plan.findings.splice(0..0, unwritable);
    planned.plan.findings.extend(taken::find(&planned.plan, control)?);
    planned.plan.findings.extend(taken::unlogged(&planned.plan, control)?);
    planned.plan.findings.extend(text_order(&planned.plan, &target.server.collation));
    if target.server.may_use {
        let tried = trial::find(port, &mut planned, &target, None, snapshot.reader(), control)?;
        planned.plan.findings.extend(tried);
    }
    follow_decisions(&mut planned.plan.findings, port, port.plan.as_ref());
    Ok(planned)
}

/// Marks what a person has accepted, in the plan that was edited (or is gone on with) or by a flag.
pub(super) fn follow_decisions(findings: &mut [Finding], port: &Port<'_>, decided: Option<&Plan>) {
    for finding in findings.iter_mut() {
        let same = |other: &&Finding| {
            (&other.code, &other.table, &other.object) == (&finding.code, &finding.table, &finding.object)
        };
        finding.accepted |=
            decided.is_some_and(|plan| plan.findings.iter().filter(|other| other.accepted).any(|other| same(&other)));
    }
    accept::finish(findings, &port.options.accept);
}

/// That texts sort otherwise than in SQLite, where they do.
fn text_order(plan: &Plan, collation: &str) -> Option<Finding> {
    let texts = plan.tables.iter().flat_map(|table| &table.columns).any(|column| column.pg_type == PgType::Text);
    let other = !["C", "POSIX", "C.UTF-8", "C.utf8"].contains(&collation);
    (texts && other).then(|| Finding {
        code: "text-order".to_owned(),
        level: Level::Note,
        message: format!(
            "Texts are ordered by the database's collation (`{collation}`), where SQLite orders them by their bytes. Queries \
             that need the old order can say ORDER BY … COLLATE \"C\"."
        ),
        ..Finding::default()
    })
}

/// Names as they are: in a target that is there, the name itself is looked for first.
pub(super) fn identity(table: &str, column: Option<&str>) -> String {
    column.unwrap_or(table).to_owned()
}

/// Plans what a run goes on with: its plan as it was stored, and what stands in its way now.
pub(super) fn plan_again(
    port: &Port<'_>,
    snapshot: &mut Snapshot,
    control: &mut BulkDb,
    basis: &Basis,
    run: &Unfinished,
) -> Result<Planned, PortError> {
    let (schema, target) = read(port, snapshot, control, basis)?;
    // what the run has made, and the rows that it has copied, are its own
    let mut before = target.clone();
    before.tables.retain(|table| run.plan.tables.iter().any(|plan| plan.existing && plan.target == table.name));
    let options = Options {
        // that there are rows is no matter now, and nothing is emptied any more
        truncate: false,
        create_missing: true,
        on_conflict: Some(OnConflict::Error),
        target_schema: run.plan.target_schema.clone(),
        ..basis.options(&port.options)
    };
    let existing = run.plan.existing.then_some(&before);
    let mut planned = make(port, &options, snapshot, schema, &target, existing, Some(&run.plan))?;
    planned.plan.on_conflict = run.plan.on_conflict;
    if run.plan.existing {
        // what stands in for the source's views is the target's own
        planned.plan.findings.retain(|finding| finding.code != "view-left-out");
    }
    basis.settle_findings(&mut planned.plan);
    for table in &mut planned.plan.tables {
        table.beside = run.plan.table(&table.source).and_then(|stored| stored.beside.clone());
    }
    // decided when the run began, and the rows that are there now may be its own
    planned.plan.findings.retain(|finding| finding.code != "no-key-for-conflicts");
    trial::generated::go_on(&mut planned.plan, &run.plan);
    let tried = trial::find(port, &mut planned, &target, Some(run), snapshot.reader(), control)?;
    planned.plan.findings.extend(tried);
    planned.plan.findings.sort_by_key(|finding| Reverse(finding.level));
    Ok(planned)
}

fn read(
    port: &Port<'_>,
    snapshot: &Snapshot,
    control: &mut BulkDb,
    basis: &Basis,
) -> Result<(Schema, TargetSchema), PortError> {
    let schema = snapshot.reader().schema().map_err(|error| PortError::source("the schema", error))?;
    let target = TargetSchema::read(control, &port.options.target_schema)?;
    let target = basis.target(target, &schema);
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
    let settings = ScanSettings { size: port.batch_size, interrupt: &port.interrupt, observer: port.observer };
    let readers = snapshot.readers();
    let made = match edited {
        None => assemble::make(readers, &schema, options, existing, &settings)?,
        Some(edited) => revise::make_edited(readers, &schema, options, existing, &settings, edited)?,
    };
    let assemble::Planned { mut plan, mut scans, .. } = made;
    plan.memory.connections = if port.single_transaction { 1 } else { snapshot.readers().len() as u64 };
    if options.on_conflict.is_some() {
        existing::add_beside(&mut plan, &mut scans, options, target);
    }
    if port.on_error == OnError::Quarantine {
        put_aside(&mut plan);
    }
    Ok(Planned { plan, scans, schema, schema_exists: target.server.schema_exists, truncate: options.truncate })
}

/// Values that do not fit are no reason to stop where their rows are put aside.
fn put_aside(plan: &mut Plan) {
    for finding in &mut plan.findings {
        if finding.level == Level::Blocker && ROWS_ALONE.contains(&finding.code.as_str()) {
            finding.level = Level::Change;
            finding.message.push_str(PUT_ASIDE);
            finding.choices.clear();
        }
    }
}

/// What stands at the end of a finding whose rows are put aside.
pub(super) const PUT_ASIDE: &str = "; these rows are put aside";

/// Whether a blocker is about rows that the source gained, or about what it is now; and not about what the target
/// demands, which may have changed instead.
pub(super) fn is_of_source(finding: &Finding) -> bool {
    !trial::CODES.contains(&finding.code.as_str()) && finding.code != trial::long::CODE
}

/// The findings that are about rows which can be put aside one by one.
const ROWS_ALONE: [&str; 3] = ["does-not-fit", "bad-text", "null-in-not-null"];
