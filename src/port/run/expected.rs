//! How a run would end, for one who only plans: which rows would be put aside, or not go in.

use super::jobs;
use super::planning::{PUT_ASIDE, Planned};
use crate::Dialect;
use crate::db::{BulkDb, Snapshot};
use crate::error::exit;
use crate::port::Port;
use crate::port::copy::{self, CopySettings, OnError, TableJob, Worker};
use crate::port::error::PortError;
use crate::port::options::OnConflict;
use crate::port::plan::{Finding, Level, Plan};
use crate::port::progress::Observer;
use crate::port::report::{Expected, Report};
use crate::words::{counted, thousands};

/// The code of findings about rows whose key the target holds with other values, which stay there.
const KEEPS: &str = "target-keeps";

/// The rows that `--on-conflict skip` would leave out, found as a run finds them: through a temporary table, in a
/// transaction that is rolled back. Where something is to be decided first, nothing is looked for.
pub(super) fn skipped(
    port: &Port<'_>,
    planned: &Planned,
    snapshot: &mut Snapshot,
    control: &mut BulkDb,
) -> Result<Vec<Finding>, PortError> {
    let plan = &planned.plan;
    if plan.on_conflict != Some(OnConflict::Skip) || plan.blockers().next().is_some() {
        return Ok(Vec::new());
    }
    let settings = CopySettings {
        checkpoint: None,
        schema: Dialect::Postgres.quote_identifier(&plan.target_schema),
        on_error: OnError::Quarantine,
        interrupt: &port.interrupt,
        observer: Observer::none(),
    };
    let mut found = Vec::new();
    for job in jobs(planned, None, port.batch_size).iter().filter(|job| by_key(job)) {
        let Some(reader) = snapshot.readers().first_mut() else { break };
        let (rows, keys) = {
            let _running = port.interrupt.while_running(control.canceller());
            copy::skipped(job, &mut Worker { reader, bulk: control }, &settings)?
        };
        if rows > 0 {
            found.push(Finding {
                code: KEEPS.to_owned(),
                level: Level::Change,
                table: Some(job.source.clone()),
                message: format!(
                    "{} of {} rows {} not copied: the target holds {} with other values, and keeps them",
                    thousands(rows),
                    thousands(plan.table(&job.source).map_or(0, |table| table.rows)),
                    if rows == 1 { "is" } else { "are" },
                    if rows == 1 { "its key" } else { "their keys" },
                ),
                rows,
                examples: keys,
                choices: vec!["let the source's rows take their place: `--on-conflict replace`".to_owned()],
                ..Finding::default()
            });
        }
    }
    Ok(found)
}

/// Rows that are there already are found by a key.
fn by_key(job: &TableJob) -> bool {
    job.beside.as_ref().is_some_and(|beside| !beside.key.is_empty())
}

/// How a run by `plan` would end.
pub(super) fn end(plan: &Plan, report: &Report) -> Expected {
    let mut reasons = Vec::new();
    let blockers = plan.blockers().count() as u64;
    if blockers > 0 {
        let have = if blockers == 1 { "has" } else { "have" };
        reasons.push(format!("{} {have} to be decided", counted(blockers, "thing")));
    }
    let rows = |fits: &dyn Fn(&Finding) -> bool| {
        plan.findings.iter().filter(|finding| fits(finding)).map(|finding| finding.rows).max().unwrap_or(0)
    };
    // one row may be in several findings
    let aside = |finding: &Finding| finding.message.ends_with(PUT_ASIDE);
    let several = plan.findings.iter().filter(|finding| aside(finding)).count() > 1;
    let rows_aside = rows(&aside);
    if rows_aside > 0 {
        let at_least = if several { "at least " } else { "" };
        reasons.push(format!("{at_least}{} would be put aside", counted(rows_aside, "row")));
    }
    let kept: u64 = plan.findings.iter().filter(|finding| finding.code == KEEPS).map(|finding| finding.rows).sum();
    if kept > 0 {
        reasons.push(format!("{} would not go in, since the target keeps its own", counted(kept, "row")));
    }
    let left_out = report.findings.iter().filter(|finding| finding.level == Level::LeftOut && !finding.accepted);
    let left_out = left_out.count() as u64;
    if left_out > 0 {
        reasons.push(format!("{} would be left out (`--accept` takes it so)", counted(left_out, "thing")));
    }
    Expected { exit_code: if reasons.is_empty() { exit::DONE } else { exit::FINDINGS }, reasons }
}
