//! What the target demands of its rows, tried on every row before the first write: CHECKs, domains, partitions, and keys
//! in which rows meet those that are there, or each other. Which rows would be refused, by what.

mod among;
mod defaults;
pub(super) mod generated;
mod keys;
pub(super) mod long;
mod partitions;
mod rules;
mod table;
mod told;

use std::sync::LazyLock;

use super::planning::{self, Planned};
use crate::db::{BulkDb, ErrorClass, SqlError, SqliteDb};
use crate::port::Port;
use crate::port::batch::Batch;
use crate::port::checkpoint::{StoredBatch, Unfinished};
use crate::port::error::PortError;
use crate::port::plan::assemble::PlanError;
use crate::port::plan::{Finding, TablePlan};
use crate::port::progress::Event;
use crate::port::scan::ScanError;
use crate::port::target::{TargetSchema, qualified};

use keys::{Among, Meeting};
use rules::{Rule, Untried};
use table::Table;

/// By which words programs know what is found here.
pub(super) const CODES: [&str; 6] = [
    "target-check",
    "target-partition",
    "target-conflict",
    "target-duplicate",
    generated::TARGET,
    generated::TARGET_FAILS,
];

/// Why nothing was found out about a table.
enum Failed {
    Interrupted,
    Source(SqlError),
    Target(SqlError),
}

impl From<SqlError> for Failed {
    fn from(error: SqlError) -> Self {
        Self::Source(error)
    }
}

/// Tries the rules of all tables that the target has already. Tables without rules of their own cost nothing. Of a run
/// that is gone on with, the rows that are not in yet are tried.
///
/// What is written for it is a temporary table, in a transaction that is rolled back.
pub(super) fn find(
    port: &Port<'_>,
    planned: &mut Planned,
    target: &TargetSchema,
    unfinished: Option<&Unfinished>,
    reader: &SqliteDb,
    control: &mut BulkDb,
) -> Result<Vec<Finding>, PortError> {
    // which columns are plain ones counts for what follows
    let mut findings = generated::find(port, planned, target, unfinished, reader, control)?;
    for table in planned.plan.tables.iter().filter(|table| table.existing && table.rows > 0) {
        let (Some(there), Some(source)) = (target.table(&table.target), planned.schema.table(&table.source)) else {
            continue;
        };
        let Some(batches) = open_batches(unfinished, table) else { continue };
        let meeting = Meeting {
            beside: table.beside.as_ref().and(planned.plan.on_conflict),
            begun: stored(unfinished, table).any(|stored| stored.done.is_some()),
        };
        let keys::Found { rules: held, among, mut untried } = keys::of(table, there, source, target, meeting);
        let mut rules = rules::of(table, there, target);
        rules.extend(partitions::of(there, target));
        rules.extend(held);
        untried.extend(rules::take_untried(&mut rules, table, there));
        findings.extend(untried.iter().map(|untried| told::not_tried(table, untried)));
        if rules.is_empty() && among.is_empty() {
            continue;
        }
        if !target.server.may_make_temporary {
            let why = format!("the role `{}` may not make temporary tables in the database", target.server.role);
            findings.extend(all_untried(table, &rules, &among, &why));
            continue;
        }
        port.observer.tell(&Event::Trying { table: &table.source });
        let name = qualified(&target.name, &there.name);
        let found = {
            let _running = port.interrupt.while_running(control.canceller());
            let on_trial = Table::new(table, there, source, (&rules, &among), name);
            on_trial.try_all(&batches, reader, control, &port.interrupt)
        };
        match found {
            Ok(found) => {
                let broken = rules.iter().zip(&found.rules).filter(|(_, tally)| !tally.is_empty());
                findings.extend(broken.map(|(rule, tally)| told::broken(port, table, rule, tally)));
                for (among, found) in among.iter().zip(&found.among) {
                    match found {
                        Ok(tally) if tally.is_empty() => {}
                        Ok(tally) => findings.push(told::met(port, table, among, tally)),
                        Err(why) => findings.push(told::not_tried(table, &unknown(among, why))),
                    }
                }
            }
            Err(Failed::Interrupted) => return Err(interrupted()),
            // a statement that was cancelled for it
            Err(_) if port.interrupt.is_set() => return Err(interrupted()),
            Err(Failed::Source(error)) => {
                return Err(PortError::source(format!("table `{}`", table.source), error));
            }
            Err(Failed::Target(error)) if error.class == ErrorClass::ConnectionLost => {
                return Err(PortError::target("try the target's own constraints", error));
            }
            Err(Failed::Target(error)) => findings.extend(all_untried(table, &rules, &among, &error.message)),
        }
    }
    // ours are translated, and those of a run that is gone on with are there
    if port.plan.is_some() && unfinished.is_none() && target.server.may_make_temporary {
        let _running = port.interrupt.while_running(control.canceller());
        match defaults::find(&planned.plan, control) {
            Ok(found) => findings.extend(found),
            Err(_) if port.interrupt.is_set() => return Err(interrupted()),
            Err(error) => return Err(PortError::target("try the defaults of the plan", error)),
        }
    }
    for (table, scan) in planned.plan.tables.iter().zip(&planned.scans) {
        let Some(source) = planned.schema.table(&table.source).filter(|_| table.rows > 0) else { continue };
        if !target.server.may_make_temporary {
            break;
        }
        let found = {
            let _running = port.interrupt.while_running(control.canceller());
            long::find(port, &planned.plan, (table, source, scan), target, reader, control)
        };
        match found {
            Ok(found) => findings.extend(found),
            Err(Failed::Interrupted) => return Err(interrupted()),
            Err(_) if port.interrupt.is_set() => return Err(interrupted()),
            Err(Failed::Source(error)) => return Err(PortError::source(format!("table `{}`", table.source), error)),
            Err(Failed::Target(error)) => return Err(PortError::target("try long values in an index", error)),
        }
    }
    planning::follow_decisions(&mut findings, port, port.plan.as_ref().or(unfinished.map(|run| &run.plan)));
    generated::leave_behind(&mut planned.plan, &findings);
    Ok(findings)
}

/// A table's batches in the run that is gone on with.
fn stored<'r>(unfinished: Option<&'r Unfinished>, table: &'r TablePlan) -> impl Iterator<Item = &'r StoredBatch> {
    let batches = unfinished.into_iter().flat_map(|run| &run.batches);
    batches.filter(|stored| stored.table == table.source)
}

/// The rows of a table that are not in yet; nothing where all are.
fn open_batches<'r>(unfinished: Option<&'r Unfinished>, table: &'r TablePlan) -> Option<Vec<&'r Batch>> {
    if stored(unfinished, table).next().is_none() {
        return Some(vec![&WHOLE]);
    }
    let open: Vec<&Batch> =
        stored(unfinished, table).filter(|stored| stored.done.is_none()).map(|stored| &stored.batch).collect();
    (!open.is_empty()).then_some(open)
}

/// All rows.
static WHOLE: LazyLock<Batch> = LazyLock::new(Batch::default);

/// There is nothing yet to go on with.
fn interrupted() -> PortError {
    PortError::Plan(PlanError::Scan(ScanError::Interrupted))
}

fn all_untried(table: &TablePlan, rules: &[Rule], among: &[Among], why: &str) -> Vec<Finding> {
    let of_rule = |rule: &Rule| Untried { object: rule.object.clone(), said: rule.said.clone(), why: why.to_owned() };
    let untried = rules.iter().map(of_rule).chain(among.iter().map(|among| unknown(among, why)));
    untried.map(|untried| told::not_tried(table, &untried)).collect()
}

fn unknown(among: &Among, why: &str) -> Untried {
    Untried { object: among.object.clone(), said: among.said.clone(), why: why.to_owned() }
}
