//! A plan and a report as a person reads them.

use super::super::output::Output;
use super::progress::size;
use crate::Error;
use crate::port::Report;
use crate::port::emit::Emitted;
use crate::port::plan::{Finding, Level, Memory, Plan, TablePlan};
use crate::port::rehearse::place;
use crate::port::report::{ObjectState, Outcome, TableReport, TableState};
use crate::port::verify::{Cell, Difference, Kind};
use crate::words::{counted, thousands};

/// How many rows and objects are listed of each kind; JSON and the plan file have all.
const LISTED: usize = 10;

/// What a dry run says.
pub(super) fn plan(plan: &Plan, report: &Report, output: &Output) -> Result<(), Error> {
    for table in &plan.tables {
        for line in table_lines(table) {
            output.line(&line)?;
        }
    }
    for view in &plan.views {
        output.line(&format!("view {}", arrow(&view.source, &view.target)))?;
    }
    findings(&plan.findings, Level::Note, output)?;
    let rows: u64 = plan.tables.iter().map(|table| table.rows).sum();
    let bytes: u64 = plan.tables.iter().map(|table| table.bytes).sum();
    let tables = plan.tables.len();
    output.line(&format!(
        "{}, {}, about {} on the wire",
        counted(tables as u64, "table"),
        counted(rows, "row"),
        size(bytes)
    ))?;
    let Memory { bytes, bytes_per_connection, connections } = plan.memory;
    output.line(&format!(
        "memory: at most {} MB, and twice the largest row ({}) for each of {} at work",
        bytes / 1_000_000,
        size(bytes_per_connection / 2),
        counted(connections, "connection")
    ))?;
    let blockers = plan.blockers().count();
    let reasons = report.expected.as_ref().map(|expected| expected.reasons.join("; ")).unwrap_or_default();
    output.say(&match blockers {
        0 if reasons.is_empty() => "nothing was written".to_owned(),
        0 => format!("a run would end with exit code 1: {reasons}; nothing was written"),
        _ => format!("{blockers} to decide before anything is written (blocker above); nothing was written"),
    });
    Ok(())
}

fn table_lines(table: &TablePlan) -> Vec<String> {
    let how = if table.existing { " (is there)" } else { "" };
    let mut lines = vec![format!("table {}{how}: {}", arrow(&table.source, &table.target), counted(table.rows, "row"))];
    for column in &table.columns {
        let mut line = format!("  {} {}", arrow(&column.source, &column.target), column.pg_type);
        if column.not_null {
            line.push_str(" not null");
        }
        if let Some(identity) = column.identity {
            line.push_str(&format!(" identity, next {}", identity.next));
        }
        if let Some(default) = &column.default {
            line.push_str(&format!(" default {default}"));
        }
        if let Some(generated) = &column.generated {
            line.push_str(&format!(" generated as ({generated})"));
        }
        lines.push(line);
    }
    if let Some(key) = &table.primary_key {
        lines.push(format!("  primary key ({})", key.columns.join(", ")));
    }
    lines.extend(table.uniques.iter().map(|key| format!("  unique ({})", key.columns.join(", "))));
    lines.extend(table.checks.iter().map(|check| format!("  check ({})", check.expression)));
    lines.extend(table.foreign_keys.iter().map(|key| {
        let clauses = if key.clauses.is_empty() { String::new() } else { format!(" {}", key.clauses) };
        let valid = if key.not_valid { " not valid" } else { "" };
        let (own, parents) = (key.columns.join(", "), key.parent_columns.join(", "));
        format!("  foreign key ({own}) → {} ({parents}){clauses}{valid}", key.parent)
    }));
    lines.extend(table.indexes.iter().map(|index| {
        let unique = if index.unique { "unique " } else { "" };
        let predicate = index.predicate.as_ref().map(|predicate| format!(" where {predicate}")).unwrap_or_default();
        format!("  {unique}index {} ({}){predicate}", index.name, index.terms.join(", "))
    }));
    lines
}

fn arrow(source: &str, target: &str) -> String {
    if source == target { source.to_owned() } else { format!("{source} → {target}") }
}

fn findings(findings: &[Finding], from: Level, output: &Output) -> Result<(), Error> {
    for finding in findings.iter().filter(|finding| finding.level >= from) {
        let place = match (&finding.table, &finding.object) {
            (Some(table), Some(object)) => format!(" {table}.{object}"),
            (Some(name), None) | (None, Some(name)) => format!(" {name}"),
            (None, None) => String::new(),
        };
        let accepted = if finding.accepted { ", accepted" } else { "" };
        output.line(&format!("{} [{}{accepted}]{place}: {}", finding.level, finding.code, finding.message))?;
        // of what is lost in nothing but spelling, a few say enough
        let listed = if finding.level < Level::LeftOut { 3 } else { LISTED };
        for example in finding.examples.iter().take(listed) {
            // a definition has lines of its own
            for line in example.lines() {
                output.line(&format!("    {line}"))?;
            }
        }
        // where the examples are all there is, they say it already
        let unshown = finding.rows > finding.examples.len().min(listed) as u64;
        if let Some(line) = finding.affected.line(finding.rows).filter(|_| unshown) {
            output.line(&format!("    rows: {line}"))?;
        }
        if !finding.choices.is_empty() && !finding.accepted {
            output.line(&format!("    choose: {}", finding.choices.join("; ")))?;
        }
    }
    Ok(())
}

/// What a person should know besides.
pub(super) fn notes(report: &Report, told: &[String], output: &Output) {
    for note in report.notes.iter().filter(|note| !told.contains(note)) {
        output.say(&format!("note: {note}"));
    }
}

/// The migration that the schema was written as.
pub(super) fn emitted(emitted: Option<&Emitted>, output: &Output) -> Result<(), Error> {
    let Some(Emitted { version, files, before }) = emitted else { return Ok(()) };
    if files.is_empty() {
        output.line(&format!("migration {version} holds this schema already"))?;
    }
    for file in files {
        output.line(&format!("wrote {}", file.display()))?;
    }
    if *before > 0 {
        output.say(&format!(
            "note: `liftlock up` runs {before} other migrations for PostgreSQL before it, in an empty database"
        ));
    }
    Ok(())
}

/// What a run says at its end: as much of a failed one as of a good one.
pub(in crate::cli) fn report(report: &Report, told: &[String], output: &Output) -> Result<(), Error> {
    notes(report, told, output);
    if report.result != Outcome::Refused {
        let rows = report.tables.iter().map(row).collect::<Vec<_>>();
        if !rows.is_empty() {
            output.table(&["table", "SQLite", "PostgreSQL", "checksum", "rows/s", "state"], rows)?;
        }
    }
    for table in &report.tables {
        differences(table, output)?;
        for row in table.quarantined.iter().take(LISTED) {
            output.line(&format!("put aside: {} {}: {}", row.table, row.key, row.reason))?;
        }
        let listed = table.quarantined.len().min(LISTED) as u64;
        more(table.quarantined_rows.saturating_sub(listed), "rows put aside", output)?;
        if table.exempt_rows > 0 {
            let keys = table.exempt_keys.join("; ");
            output.line(&format!(
                "not in: {} of {}, whose key the target held: {keys}",
                counted(table.exempt_rows, "row"),
                table.source
            ))?;
        }
    }
    findings(&report.findings, Level::Assumption, output)?;
    objects(report, output)?;
    for object in &report.objects {
        if matches!(object.state, ObjectState::Missing | ObjectState::Different) {
            let table = object.table.as_ref().map(|table| format!(" of {table}")).unwrap_or_default();
            let state = if object.state == ObjectState::Missing { "missing" } else { "different" };
            output.line(&format!("{state}: {} {}{table} {}", object.kind, object.name, object.remark))?;
        }
    }
    summary(report, output)
}

/// How many objects there are of each kind, and what became of them.
fn objects(report: &Report, output: &Output) -> Result<(), Error> {
    let mut kinds: Vec<&str> = Vec::new();
    for object in &report.objects {
        // columns are in the plan, and those that are not as planned are named below
        if !kinds.contains(&object.kind.as_str()) && object.kind != "column" {
            kinds.push(&object.kind);
        }
    }
    let mut parts = Vec::new();
    for kind in kinds {
        let count = |states: &[ObjectState]| {
            report.objects.iter().filter(|object| object.kind == kind && states.contains(&object.state)).count()
        };
        let there = count(&[ObjectState::Same, ObjectState::ChangedAsDecided]);
        let all = report.objects.iter().filter(|object| object.kind == kind).count();
        parts.push(if there == all { format!("{kind} {all}") } else { format!("{kind} {there} of {all}") });
    }
    if parts.is_empty() { Ok(()) } else { output.line(&format!("objects as planned: {}", parts.join(", "))) }
}

fn row(table: &TableReport) -> Vec<String> {
    let state = match table.state {
        TableState::NotDone => "not done",
        TableState::Proven => "proven",
        TableState::Exempt => "proven, but for rows that are not in",
        TableState::Sampled => "the same, in a sample",
        TableState::Differs => "DIFFERS",
    };
    vec![
        arrow(&table.source, &table.target),
        thousands(table.source_rows),
        table.target_rows.map(thousands).unwrap_or_default(),
        checksums(table),
        table.rows_per_second().map(thousands).unwrap_or_default(),
        state.to_owned(),
    ]
}

/// The beginning of the checksum; of both where they differ.
fn checksums(table: &TableReport) -> String {
    let short = |sum: &Option<String>| sum.as_deref().map(|sum| sum[..12].to_owned()).unwrap_or_default();
    match table.state {
        TableState::Differs => format!("{} ≠ {}", short(&table.source_checksum), short(&table.target_checksum)),
        _ => short(&table.target_checksum),
    }
}

fn differences(table: &TableReport, output: &Output) -> Result<(), Error> {
    if table.batches > 1 && !table.differing_batches.is_empty() {
        let which = numbered("batch", "batches", &table.differing_batches, table.batches);
        output.line(&format!("{}: {which}", table.source))?;
    }
    if !table.differing_hash_ranges.is_empty() {
        let which = numbered("range", "ranges", &table.differing_hash_ranges, table.hash_ranges);
        output.line(&format!("{}: by the hashes of its rows, {which}", table.source))?;
    }
    for difference in table.differences.iter().take(LISTED) {
        output.line(&describe(table, difference))?;
    }
    let unlisted = table.differences.len().saturating_sub(LISTED) as u64 + table.unlisted_differences;
    more(unlisted, &format!("rows of {} that differ", table.source), output)
}

/// Which of `all` parts differ, as a person counts them: ``batch 25 (of 25) differs``.
fn numbered(one: &str, many: &str, differing: &[usize], all: usize) -> String {
    let numbers: Vec<String> = differing.iter().take(LISTED).map(|at| (at + 1).to_string()).collect();
    let more = if differing.len() > LISTED { ", …" } else { "" };
    let numbers = numbers.join(", ");
    match differing.len() {
        1 => format!("{one} {numbers} (of {all}) differs"),
        _ => format!("{many} {numbers}{more} (of {all}) differ"),
    }
}

fn describe(table: &TableReport, difference: &Difference) -> String {
    let place = format!("{} {}", table.source, difference.key);
    match difference.kind {
        Kind::Changed => {
            let cells: Vec<String> = difference
                .columns
                .iter()
                .map(|cell| {
                    let side = |side: &Option<String>| side.clone().unwrap_or_default();
                    format!("{}: SQLite {}, PostgreSQL {}", cell.column, side(&cell.source), side(&cell.target))
                })
                .collect();
            format!("differs: {place}: {}", cells.join("; "))
        }
        Kind::Unfit => {
            let cell = difference.columns.first();
            let (column, value) = cell.map(|c| (c.column.as_str(), c.source.as_deref())).unwrap_or_default();
            format!("can't be in PostgreSQL: {place}: {column}: {}", value.unwrap_or_default())
        }
        Kind::Missing => format!("missing in PostgreSQL: {place}: {}", values(difference)),
        Kind::Extra => format!("only in PostgreSQL: {place}: {}", values(difference)),
    }
}

/// The values of a row that is on one side alone, as far as they fit a line.
fn values(difference: &Difference) -> String {
    let cell = |cell: &Cell| {
        let value = cell.source.as_ref().or(cell.target.as_ref()).map(String::as_str).unwrap_or_default();
        format!("{} = {value}", cell.column)
    };
    let all: Vec<String> = difference.columns.iter().map(cell).collect();
    let line: String = all.join(", ");
    let cut: String = line.chars().take(160).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { line }
}

fn more(count: u64, what: &str, output: &Output) -> Result<(), Error> {
    if count == 0 { Ok(()) } else { output.line(&format!("… and {} more {what}", thousands(count))) }
}

/// ``1,024 rows in 3 tables``.
fn proven(report: &Report) -> String {
    format!("{} in {}", counted(report.proven_rows(), "row"), counted(report.tables.len() as u64, "table"))
}

/// How a run ends that had no table to look at.
const NOTHING: &str = "no table was looked at: nothing is proven";

fn summary(report: &Report, output: &Output) -> Result<(), Error> {
    let times: Vec<String> =
        report.phases.iter().map(|phase| format!("{} {:.1} s", phase.name, phase.took.as_secs_f64())).collect();
    if !times.is_empty() {
        output.say(&times.join(", "));
    }
    if let Some(rehearsal) = &report.rehearsal {
        let gone = if rehearsal.left_behind.is_some() { "left behind, see above" } else { "gone again" };
        let of = rehearsal.of.as_ref().map(|of| format!("; {of} was not touched")).unwrap_or_default();
        let took = rehearsal.took.as_secs_f64();
        output.line(&format!("rehearsed in {} ({gone}) in {took:.1} s{of}", place(rehearsal)))?;
    }
    output.line(&match report.result {
        Outcome::Nothing => NOTHING.to_owned(),
        Outcome::Incomplete if report.tables.is_empty() => NOTHING.to_owned(),
        Outcome::Proven => {
            let but = match report.accepted() {
                0 => String::new(),
                count => format!(" but what was accepted ({count})"),
            };
            format!("proven: {}, nothing left out{but}", proven(report))
        }
        Outcome::Incomplete => {
            format!("proven: {}; something was left out, put aside or is not proven (above)", proven(report))
        }
        Outcome::Sampled => "the same in a sample; what is not in it is not proven".to_owned(),
        Outcome::Differs => "DIFFERS: PostgreSQL does not hold what SQLite holds (above)".to_owned(),
        Outcome::Refused if report.resumed => {
            "refused: nothing more was written until the blockers above are decided; then `--resume` goes on".to_owned()
        }
        Outcome::Refused => "refused: nothing was written until the blockers above are decided".to_owned(),
        Outcome::Planned => "nothing was written".to_owned(),
        Outcome::Failed => "failed".to_owned(),
        Outcome::Interrupted => "interrupted".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_by_its_number() {
        assert_eq!(numbered("batch", "batches", &[24], 25), "batch 25 (of 25) differs");
        assert_eq!(numbered("batch", "batches", &[0, 2], 25), "batches 1, 3 (of 25) differ");
        let all: Vec<usize> = (0..25).collect();
        assert_eq!(numbered("range", "ranges", &all, 25), "ranges 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, … (of 25) differ");
    }
}
