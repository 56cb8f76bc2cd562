//! The sections of the page below its head.

use super::write::{Page, arrow, counted, escape, grouped, seconds};
use crate::port::plan::{Finding, Level};
use crate::port::report::{ObjectReport, ObjectState, Outcome, Report, TableReport, TableState};
use crate::port::verify::{Difference, Kind};
use crate::words::thousands;

/// The tables, with their rows, checksums and times.
pub(super) fn tables(page: &mut Page, report: &Report) {
    if report.tables.is_empty() {
        return;
    }
    page.section("tables", "Tables");
    let header = [
        "Table",
        "State",
        "#Rows in SQLite",
        "#in PostgreSQL",
        "#Rows/s",
        "#Loading",
        "#Reading back",
        "#Bytes sent",
        "#Batches",
        "Checksum",
    ];
    page.table(&header, report.tables.iter().map(|table| table_row(table, report.result)));
    page.end_section();
}

fn table_row(table: &TableReport, result: Outcome) -> Vec<String> {
    let sum = |sum: &Option<String>| sum.as_deref().map(|sum| format!("<code>{}</code>", escape(sum)));
    let checksum = match (sum(&table.source_checksum), sum(&table.target_checksum)) {
        (Some(source), Some(target)) if source != target => format!("SQLite {source}<br>PostgreSQL {target}"),
        (Some(sum), _) | (None, Some(sum)) => sum,
        (None, None) => String::new(),
    };
    let mut batches = grouped(table.batches as u64);
    if !table.differing_batches.is_empty() {
        let numbers: Vec<String> = table.differing_batches.iter().map(|number| grouped(*number as u64)).collect();
        batches.push_str(&format!("; these differ: {}", numbers.join(", ")));
    }
    if table.hash_ranges > 1 {
        batches.push_str(&format!("; {} of hashes", counted(table.hash_ranges as u64, "range")));
    }
    if !table.differing_hash_ranges.is_empty() {
        let numbers: Vec<String> = table.differing_hash_ranges.iter().map(|at| grouped(*at as u64)).collect();
        batches.push_str(&format!(", of which these differ: {}", numbers.join(", ")));
    }
    let mut rows = table.target_rows.map(grouped).unwrap_or_default();
    if table.kept_rows > 0 {
        rows.push_str(&format!("<br>and {} that were there before", grouped(table.kept_rows)));
    }
    let (class, state) = match (table.state, result) {
        (TableState::Proven, _) => ("good", "proven"),
        (TableState::Exempt, _) => ("open", "proven but for rows that are not in"),
        (TableState::Sampled, _) => ("open", "the same, in a sample"),
        (TableState::Differs, _) => ("bad", "differs"),
        (TableState::NotDone, Outcome::Refused) => ("open", "not begun"),
        (TableState::NotDone, _) => ("open", "not done"),
    };
    vec![
        arrow(&table.source, &table.target),
        format!("<span class=\"{class}\">{state}</span>"),
        grouped(table.source_rows),
        rows,
        table.rows_per_second().map(thousands).unwrap_or_default(),
        seconds(table.loading),
        seconds(table.reading_back),
        grouped(table.bytes),
        batches,
        checksum,
    ]
}

/// How long each phase took.
pub(super) fn phases(page: &mut Page, report: &Report) {
    if report.phases.is_empty() {
        return;
    }
    page.section("phases", "Phases");
    let row = |phase: &crate::port::report::PhaseReport| vec![escape(phase.name), seconds(phase.took)];
    page.table(&["Phase", "#Took"], report.phases.iter().map(row));
    page.end_section();
}

/// The rows that differ, with both values.
pub(super) fn differences(page: &mut Page, report: &Report) {
    if report.tables.iter().all(|table| table.differences.is_empty() && table.unlisted_differences == 0) {
        return;
    }
    page.section("differences", "Rows that differ");
    let rows = report.tables.iter().flat_map(|table| {
        table.differences.iter().flat_map(move |difference| difference_rows(&table.source, difference))
    });
    page.table(&["Table", "Row", "What", "Column", "SQLite", "PostgreSQL"], rows);
    for table in report.tables.iter().filter(|table| table.unlisted_differences > 0) {
        let (more, name) = (grouped(table.unlisted_differences), escape(&table.source));
        page.raw(&format!("<p>At least {more} more rows of {name} differ.</p>\n"));
    }
    page.end_section();
}

fn difference_rows(table: &str, difference: &Difference) -> Vec<Vec<String>> {
    let what = match difference.kind {
        Kind::Changed => "other values",
        Kind::Unfit => "can’t be in PostgreSQL",
        Kind::Missing => "missing in PostgreSQL",
        Kind::Extra => "only in PostgreSQL",
    };
    let head = || vec![escape(table), escape(&difference.key), what.to_owned()];
    let value = |side: &Option<String>| side.as_deref().map(|text| format!("<code>{}</code>", escape(text)));
    if difference.columns.is_empty() {
        let mut row = head();
        row.resize(6, String::new());
        return vec![row];
    }
    let with = |cell: &crate::port::verify::Cell| {
        let mut row = head();
        row.push(escape(&cell.column));
        row.extend([value(&cell.source).unwrap_or_default(), value(&cell.target).unwrap_or_default()]);
        row
    };
    difference.columns.iter().map(with).collect()
}

/// The rows that were put aside.
pub(super) fn quarantined(page: &mut Page, report: &Report) {
    let count: u64 = report.tables.iter().map(|table| table.quarantined_rows).sum();
    if count == 0 {
        return;
    }
    page.section("quarantined", &format!("Rows put aside ({})", thousands(count)));
    let rows = report.tables.iter().flat_map(|table| &table.quarantined).map(|row| {
        vec![escape(&row.table), escape(&row.key), escape(&row.reason), format!("<code>{}</code>", escape(&row.values))]
    });
    page.table(&["Table", "Row", "Why", "Values"], rows);
    let listed: usize = report.tables.iter().map(|table| table.quarantined.len()).sum();
    if count > listed as u64 {
        page.raw(&format!("<p>These are the first of {} rows put aside.</p>\n", grouped(count)));
    }
    page.end_section();
}

/// The rows that are not in, since the target held their keys.
pub(super) fn exempt(page: &mut Page, report: &Report) {
    if report.tables.iter().all(|table| table.exempt_rows == 0) {
        return;
    }
    page.section("exempt", "Rows that are not in");
    page.raw("<p>The target held their keys with other values. They are not proven.</p>\n");
    let exempt = report.tables.iter().filter(|table| table.exempt_rows > 0);
    let row = |table: &TableReport| {
        vec![escape(&table.source), grouped(table.exempt_rows), escape(&table.exempt_keys.join("; "))]
    };
    page.table(&["Table", "#Rows", "The first keys"], exempt.map(row));
    page.end_section();
}

/// What the plan found, the gravest first.
pub(super) fn findings(page: &mut Page, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    page.section("findings", "What the plan found");
    let levels = [
        (Level::Blocker, "Blockers", "nothing is written until these are decided"),
        (Level::LeftOut, "Left out", "not in PostgreSQL"),
        (Level::Change, "Changes", "every value is there; a spelling, a name or a behaviour is another"),
        (Level::Assumption, "Assumptions", "taken for granted; the data can’t prove it"),
        (Level::Note, "Notes", "good to know; nothing is lost"),
    ];
    for (level, heading, meaning) in levels {
        let of_level: Vec<&Finding> = report.findings.iter().filter(|finding| finding.level == level).collect();
        if of_level.is_empty() {
            continue;
        }
        // what needs a person is open; the rest is there for who looks
        let open = if level >= Level::LeftOut { " open" } else { "" };
        page.raw(&format!("<details{open}><summary>{heading} ({}): {meaning}</summary>\n<ul>\n", of_level.len()));
        of_level.iter().for_each(|finding| one_finding(page, finding));
        page.raw("</ul>\n</details>\n");
    }
    page.end_section();
}

fn one_finding(page: &mut Page, finding: &Finding) {
    let place: Vec<String> = [&finding.table, &finding.object].into_iter().flatten().map(|name| escape(name)).collect();
    let place = if place.is_empty() { String::new() } else { format!(" <b>{}</b>", place.join(".")) };
    let accepted = if finding.accepted { " (accepted)" } else { "" };
    let (code, message) = (escape(&finding.code), escape(&finding.message));
    page.raw(&format!("<li><code>{code}</code>{accepted}{place}: {message}"));
    if finding.rows > 0 {
        page.raw(&format!(" ({})", counted(finding.rows, "row")));
    }
    let list = |page: &mut Page, class: &str, items: &[String]| {
        if !items.is_empty() {
            let items: String = items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
            page.raw(&format!("\n<ul class=\"{class}\">{items}</ul>"));
        }
    };
    list(page, "examples", &finding.examples);
    // where the examples are all there is, they say it already
    let unshown = finding.rows > finding.examples.len() as u64;
    let number = |row: i64| format!("<data value=\"{row}\">{row}</data>");
    if let Some(line) = finding.affected.written(finding.rows, number, escape).filter(|_| unshown) {
        page.raw(&format!("\n<p class=\"affected\">rows: {line}</p>"));
    }
    list(page, "choices", &finding.choices);
    page.raw("</li>\n");
}

/// Keys, constraints, indexes, sequences and views, and what became of them.
pub(super) fn objects(page: &mut Page, report: &Report) {
    if report.objects.is_empty() {
        return;
    }
    page.section("objects", "Keys, constraints, indexes, sequences and views");
    let states = [
        (ObjectState::Missing, "Missing", true),
        (ObjectState::Different, "Different", true),
        (ObjectState::LeftOut, "Left out, as the plan says", true),
        (ObjectState::ChangedAsDecided, "Changed, as the plan says", false),
        (ObjectState::Same, "The same", false),
    ];
    for (state, heading, open) in states {
        let of_state: Vec<&ObjectReport> = report.objects.iter().filter(|object| object.state == state).collect();
        if of_state.is_empty() {
            continue;
        }
        let open = if open { " open" } else { "" };
        page.raw(&format!("<details{open}><summary>{heading} ({})</summary>\n", of_state.len()));
        let row = |object: &&ObjectReport| {
            let table = object.table.as_deref().map(escape).unwrap_or_default();
            vec![escape(&object.kind), table, escape(&object.name), escape(&object.remark)]
        };
        page.table(&["Kind", "Table", "Name", "Remark"], of_state.iter().map(row));
        page.raw("</details>\n");
    }
    page.end_section();
}

/// What else a person should know.
pub(super) fn notes(page: &mut Page, report: &Report) {
    if report.notes.is_empty() {
        return;
    }
    page.section("notes", "Notes");
    page.raw("<ul>\n");
    for note in &report.notes {
        page.raw(&format!("<li>{}</li>\n", escape(note)));
    }
    page.raw("</ul>\n");
    page.end_section();
}
