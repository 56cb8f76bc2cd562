//! What a run has done so far, written into its report.

use std::collections::HashMap;

use super::aside_file::Lines;
use super::planning::Planned;
use super::session;
use crate::Dialect;
use crate::db::BulkDb;
use crate::port::Port;
use crate::port::copy::{self, OnError, Quarantined, SHOWN, TableCopy, TableJob};
use crate::port::error::PortError;
use crate::port::object_kind::ObjectKind;
use crate::port::plan::{Plan, accept};
use crate::port::report::{ObjectReport, ObjectState, Report, TableReport, TableState};
use crate::port::target::{self, TargetSchema};
use crate::value::Checksum;
use crate::words::counted;

/// A report of nothing yet.
pub(in crate::port) fn empty(port: &Port<'_>) -> Report {
    Report {
        source: port.source.to_string(),
        target: port.target.to_string(),
        target_schema: port.options.target_schema.clone(),
        ..Report::default()
    }
}

/// The tables that are to be copied.
pub(in crate::port) fn tables(report: &mut Report, plan: &Plan, jobs: &[TableJob]) {
    let of = |job: &TableJob| {
        let plan = plan.table(&job.source);
        TableReport {
            source: job.source.clone(),
            target: plan.map(|plan| plan.target.clone()).unwrap_or_default(),
            source_rows: plan.map_or(0, |plan| plan.rows),
            ..TableReport::default()
        }
    };
    report.tables = jobs.iter().map(of).collect();
}

/// What looks as if it was not meant: a source without tables, something accepted that was not found.
pub(super) fn remarks(port: &Port<'_>, planned: &Planned, report: &mut Report) {
    if planned.plan.tables.is_empty() {
        report.notes.push(match planned.schema.tables.len() as u64 {
            0 => format!("the source `{}` has no tables: is it the right file?", report.source),
            tables => format!("none of the source's {} is ported", counted(tables, "table")),
        });
    }
    report.notes.extend(accept::idle(&report.findings, &port.options.accept));
}

/// What became of each.
pub(in crate::port) fn copied(report: &mut Report, jobs: &[TableJob], copies: &[TableCopy]) {
    for ((table, job), copy) in report.tables.iter_mut().zip(jobs).zip(copies) {
        table.bytes = copy.bytes;
        table.loading = copy.loading;
        table.reading_back = copy.reading_back;
        table.quarantined.clone_from(&copy.quarantined);
        table.quarantined_rows = copy.quarantined_rows;
        table.exempt_rows = copy.beside.skipped;
        table.exempt_keys.clone_from(&copy.beside.skipped_keys);
        table.kept_rows = copy.beside.kept;
        let Some(proof) = &copy.proof else {
            // what the batches brought; beside these are others where rows stay
            let rows = copy.source.iter().flatten().copied().sum::<Checksum>().rows;
            table.target_rows = job.beside.is_none().then_some(rows);
            continue;
        };
        table.state = if proof.is_proven() { TableState::Proven } else { TableState::Differs };
        table.target_rows = Some(proof.target.rows);
        if job.beside.is_some() {
            // the proof is over what was there and what came; this is the source's own
            table.source_rows = copy.beside.source_rows + copy.quarantined_rows;
            table.source_checksum = Some(copy.beside.source_sum.clone());
        } else {
            table.source_rows = proof.source.rows + copy.quarantined_rows;
            table.source_checksum = Some(format!("{:032x}", proof.source.sum));
        }
        table.target_checksum = Some(format!("{:032x}", proof.target.sum));
        table.batches = proof.batches;
        table.differing_batches.clone_from(&proof.differing);
        table.hash_ranges = proof.ranges;
        table.differing_hash_ranges.clone_from(&proof.differing_ranges);
        table.differences.clone_from(&proof.differences);
        table.unlisted_differences = proof.unlisted;
    }
}

/// The rows that were put aside, those of the run that this one goes on with among them: each into the file, and some
/// into the report.
pub(super) fn quarantined(port: &Port<'_>, report: &mut Report, control: &mut BulkDb) -> Result<(), PortError> {
    if !report.resumed && port.on_error != OnError::Quarantine {
        return Ok(());
    }
    let schema = Dialect::Postgres.quote_identifier(&report.target_schema);
    let mut aside: HashMap<String, (u64, Vec<Quarantined>)> =
        report.tables.iter().map(|table| (table.source.clone(), Default::default())).collect();
    let mut file = Lines::new(port.quarantine_file.as_deref(), report);
    copy::read_quarantine(control, &schema, report.resumed, |row| {
        let Some((rows, shown)) = aside.get_mut(&row.table) else { return };
        *rows += 1;
        file.write(&row);
        if shown.len() < SHOWN {
            shown.push(row);
        }
    })?;
    for table in &mut report.tables {
        let (rows, shown) = aside.remove(&table.source).unwrap_or_default();
        table.source_rows += rows.saturating_sub(table.quarantined_rows);
        (table.quarantined_rows, table.quarantined) = (rows, shown);
    }
    match file.end() {
        Ok(written) => report.quarantine_file = written,
        Err((path, error)) => report.notes.push(format!(
            "the rows put aside can't be written to `{}`: {error}; they are in the table `liftlock_quarantine`",
            path.display()
        )),
    }
    Ok(())
}

/// As [`quarantined`], after a run that did not come to its end, as far as that can be.
pub(super) fn quarantined_so_far(port: &Port<'_>, report: &mut Report) {
    if report.tables.iter().all(|table| table.quarantined_rows == 0) && !report.resumed || port.single_transaction {
        return;
    }
    let read = session::connect(port).and_then(|mut control| quarantined(port, report, &mut control));
    if let Err(error) = read {
        tracing::debug!(%error, "after a failure");
    }
}

/// Nothing is left of what was done.
pub(super) fn rolled_back(report: &mut Report) {
    for table in &mut report.tables {
        *table = TableReport {
            source: std::mem::take(&mut table.source),
            target: std::mem::take(&mut table.target),
            source_rows: table.source_rows,
            ..TableReport::default()
        };
    }
}

/// Looks at every object that the plan has, as it is in the target now.
pub(super) fn objects(plan: &Plan, control: &mut BulkDb, report: &mut Report) -> Result<(), PortError> {
    let now = TargetSchema::read(control, &plan.target_schema)?;
    let worded = target::read_worded(control, plan, &now)?;
    if let Some(why) = worded.missing() {
        report.notes.push(format!(
            "default values, CHECKs and the expressions of indexes and generated columns were not compared with the plan \
             word for word: {why}"
        ));
    }
    for result in target::check_objects(plan, &now, &worded) {
        let (state, remark) = match result.state {
            target::ObjectState::Same => (ObjectState::Same, String::new()),
            target::ObjectState::ChangedAsDecided(remark) => (ObjectState::ChangedAsDecided, remark),
            target::ObjectState::LeftOut(remark) => (ObjectState::LeftOut, remark),
            target::ObjectState::Different(remark) => (ObjectState::Different, remark),
            target::ObjectState::Missing => (ObjectState::Missing, String::new()),
        };
        report.objects.push(ObjectReport {
            kind: result.kind.word().to_owned(),
            table: (!result.table.is_empty()).then_some(result.table),
            name: result.name,
            state,
            remark,
        });
    }
    let tables: Vec<String> = plan.tables.iter().map(|table| table.target.clone()).collect();
    for check in target::check_sequences(control, &now, &tables)? {
        report.objects.push(ObjectReport {
            kind: ObjectKind::Sequence.word().to_owned(),
            table: None,
            name: check.name.clone(),
            state: if check.safe { ObjectState::Same } else { ObjectState::Missing },
            remark: format!("gives {} next", check.next),
        });
    }
    Ok(())
}

/// What the server refused to make is left out, and said so.
pub(super) fn left_out(report: &mut Report) {
    const NOT_MADE: [&str; 2] = [super::finish::NOT_MADE, super::trial::long::CODE];
    for object in report.objects.iter_mut().filter(|object| object.state == ObjectState::Missing) {
        let finding = report
            .findings
            .iter()
            .find(|finding| NOT_MADE.contains(&finding.code.as_str()) && finding.object.as_ref() == Some(&object.name));
        if let Some(finding) = finding {
            (object.state, object.remark) = (ObjectState::LeftOut, finding.message.clone());
        }
    }
}
