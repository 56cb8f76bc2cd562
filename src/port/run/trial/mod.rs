//! The target's own CHECKs and domains, tried on every row before the first write: which rows would be refused, by what.

mod rules;
mod table;

use super::planning::Planned;
use crate::db::{BulkDb, ErrorClass, SqlError, SqliteDb};
use crate::port::Port;
use crate::port::copy::OnError;
use crate::port::error::PortError;
use crate::port::options::Options;
use crate::port::plan::assemble::PlanError;
use crate::port::plan::{Finding, Level, Plan, TablePlan, accept};
use crate::port::progress::Event;
use crate::port::scan::{ScanError, Tally};
use crate::port::target::{TargetSchema, qualified};
use crate::words::thousands;

use rules::{Rule, Untried};
use table::Table;

/// What is told of a row that the target refuses.
const CODE: &str = "target-check";

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

/// Tries the rules of all tables that the target has already. Tables without rules of their own cost nothing.
///
/// What is written for it is a temporary table, in a transaction that is rolled back.
pub(super) fn find(
    port: &Port<'_>,
    options: &Options,
    planned: &Planned,
    target: &TargetSchema,
    reader: &SqliteDb,
    control: &mut BulkDb,
) -> Result<Vec<Finding>, PortError> {
    let mut findings = Vec::new();
    for table in planned.plan.tables.iter().filter(|table| table.existing && table.rows > 0) {
        let (Some(there), Some(source)) = (target.table(&table.target), planned.schema.table(&table.source)) else {
            continue;
        };
        let (rules, untried) = rules::of(table, there, target);
        findings.extend(untried.iter().map(|untried| not_tried(table, untried)));
        if rules.is_empty() {
            continue;
        }
        if !target.server.may_make_temporary {
            let why = format!("the role `{}` may not make temporary tables in the database", target.server.role);
            findings.extend(all_untried(table, &rules, &why));
            continue;
        }
        port.observer.tell(&Event::Trying { table: &table.source });
        let name = qualified(&target.name, &there.name);
        let found = {
            let _running = port.interrupt.while_running(control.canceller());
            Table::new(table, there, source, &rules, name).try_all(reader, control, &port.interrupt)
        };
        match found {
            Ok(found) => {
                let broken = rules.iter().zip(&found).filter(|(_, tally)| !tally.is_empty());
                findings.extend(broken.map(|(rule, tally)| broken_rule(port, table, rule, tally)));
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
            Err(Failed::Target(error)) => findings.extend(all_untried(table, &rules, &error.message)),
        }
    }
    let accepted = |finding: &Finding, plan: &Plan| {
        let same = |other: &Finding| {
            (&other.code, &other.table, &other.object) == (&finding.code, &finding.table, &finding.object)
        };
        plan.findings.iter().any(|other| other.accepted && same(other))
    };
    for finding in &mut findings {
        finding.accepted = port.plan.as_ref().is_some_and(|plan| accepted(finding, plan));
    }
    accept::finish(&mut findings, &options.accept);
    Ok(findings)
}

/// There is nothing yet to go on with.
fn interrupted() -> PortError {
    PortError::Plan(PlanError::Scan(ScanError::Interrupted))
}

fn broken_rule(port: &Port<'_>, table: &TablePlan, rule: &Rule, tally: &Tally) -> Finding {
    let first = tally.examples.first().map_or("", String::as_str);
    let mut finding = Finding {
        code: CODE.to_owned(),
        level: Level::Blocker,
        table: Some(table.source.clone()),
        object: Some(rule.object.clone()),
        message: format!(
            "{}{} of {} rows {} {}, the first at {first}",
            if rule.gave_up.get() { "at least " } else { "" },
            thousands(tally.count),
            thousands(table.rows),
            if tally.count == 1 { "breaks" } else { "break" },
            rule.said
        ),
        rows: tally.count,
        examples: tally.examples.clone(),
        affected: tally.affected.clone(),
        choices: vec!["correct these rows in the source".to_owned(), "change the constraint in the target".to_owned()],
        ..Finding::default()
    };
    let aside = table.beside.is_none();
    if aside && port.on_error == OnError::Quarantine {
        finding.level = Level::Change;
        finding.message.push_str("; these rows are put aside");
        finding.choices.clear();
    } else if aside {
        finding.choices.push("put these rows aside: --on-error quarantine".to_owned());
    }
    finding
}

fn all_untried(table: &TablePlan, rules: &[Rule], why: &str) -> Vec<Finding> {
    let untried = |rule: &Rule| Untried { object: rule.object.clone(), said: rule.said.clone(), why: why.to_owned() };
    rules.iter().map(|rule| not_tried(table, &untried(rule))).collect()
}

fn not_tried(table: &TablePlan, untried: &Untried) -> Finding {
    Finding {
        code: "target-check-untried".to_owned(),
        level: Level::Note,
        table: Some(table.source.clone()),
        object: Some(untried.object.clone()),
        message: format!("whether every row keeps {} is not known before the copy: {}", untried.said, untried.why),
        ..Finding::default()
    }
}
