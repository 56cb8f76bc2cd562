//! An audit as a person reads it.

use std::collections::HashSet;

use super::super::output::{Colour, Output};
use super::fix::Fixed;
use crate::audit::remedies::{Remedies, in_words};
use crate::audit::{Counts, Finding, Remedy, Report, Severity, Subject};
use crate::config::AuditSettings;
use crate::{Dialect, Error};

/// How wide a line of prose is; SQL is not broken.
const WIDTH: usize = 100;

/// The report: the worst first, then a line that sums it up.
pub(super) fn report(target: &str, report: &Report, remedies: &Remedies, output: &Output) -> Result<(), Error> {
    let counts = report.counts();
    let judged = judged_for(report);
    if report.findings.is_empty() {
        let ignored = if counts.ignored > 0 { format!("; {} ignored", counts.ignored) } else { String::new() };
        return output.line(&format!("no findings: {}{ignored} ({target}, {judged})", foreign_keys(&counts)));
    }
    output.line(&format!("{target}, {judged}"))?;
    let mut explained = HashSet::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| finding.severity == severity).collect();
        if findings.is_empty() {
            continue;
        }
        let heading = counted(findings.len(), self::severity(severity));
        let colour = match severity {
            Severity::Error => Colour::Red,
            Severity::Warning => Colour::Yellow,
            Severity::Note => Colour::Cyan,
        };
        output.line("")?;
        output.line(&output.heading(&heading, colour))?;
        for finding in findings {
            let explain = explained.insert((finding.rule, finding.explanation.as_str()));
            for line in lines(finding, explain, remedies) {
                output.line(&line)?;
            }
        }
    }
    output.line("")?;
    output.line(&summary(&counts))
}

/// What `--fix` wrote, or would.
pub(super) fn fix(fixed: Option<&Fixed>, output: &Output) -> Result<(), Error> {
    let Some(Fixed { fix, dry_run, pending }) = fixed else { return Ok(()) };
    for (path, text) in fix.migrations.iter().flat_map(|migration| &migration.files) {
        match dry_run {
            true => output.line(&format!("-- {}\n{text}", path.display()))?,
            false => output.line(&format!("wrote {}", path.display()))?,
        }
    }
    if let [first, rest @ ..] = pending.as_slice() {
        let others = match rest.len() {
            0 => " is".to_owned(),
            count => format!(" and {count} more are"),
        };
        output.say(&format!(
            "note: {first}{others} not applied yet, and what that makes was not seen: look whether it makes such an index, \
             or audit again after `liftlock up`"
        ));
    }
    for path in &fix.there {
        output.say(&format!("{path} makes the missing indexes already: `liftlock up` applies it"));
    }
    if fix.migrations.is_empty() && fix.there.is_empty() {
        output.say("no migration is written: no finding is mended by an index");
    } else if !dry_run && !fix.migrations.is_empty() {
        output.say("the findings stay until `liftlock up` has applied it");
    }
    Ok(())
}

/// Ignores that match nothing: they may hide the next finding of that name.
pub(super) fn idle(report: &Report, configured: &AuditSettings, output: &Output) {
    for ignore in &report.idle_ignores {
        let written = configured.ignore.iter().find(|written| {
            written.rule.name == ignore.rule && written.subject == ignore.subject && written.reason == ignore.reason
        });
        let place = written.map(|written| format!("{}: ", written.rule.origin)).unwrap_or_default();
        output.warn(&format!(
            "{place}the ignore of `{}` for `{}` matches no finding: it can go",
            ignore.rule, ignore.subject
        ));
    }
}

/// Says that there is `--fix`, where it would write something.
pub(super) fn offer(report: &Report, output: &Output) {
    if !output.is_json() && !report.suggested().is_empty() {
        output.say("`liftlock audit --fix` writes the missing indexes as a migration");
    }
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn lines(finding: &Finding, explain: bool, remedies: &Remedies) -> Vec<String> {
    let mut lines = vec![format!("  {}  {}", on_one_line(&subject(&finding.subject)), finding.rule)];
    lines.extend(wrapped("", &finding.message));
    if explain && !finding.explanation.is_empty() {
        lines.extend(wrapped("why: ", &finding.explanation));
    }
    match &finding.remedy {
        Remedy::Index(index) => match remedies.sql(index) {
            Some(sql) => lines.extend(statements(sql)),
            None => lines.extend(wrapped("fix: ", &in_words(index))),
        },
        Remedy::Statement(sql) => lines.extend(statements(sql)),
        Remedy::Advice(text) => lines.extend(wrapped("fix: ", text)),
        Remedy::None(why) if !why.is_empty() => lines.extend(wrapped("no fix: ", why)),
        Remedy::None(_) => {}
    }
    lines
}

/// `schema.table.column`, without the schema where it is the usual one.
fn subject(subject: &Subject) -> String {
    let Subject { schema, table, columns, object } = subject;
    let usual = matches!(schema.as_str(), "" | "main" | "public");
    let mut text = if usual { String::new() } else { format!("{schema}.") };
    match (table.as_str(), object) {
        ("", None) => return "the database".to_owned(),
        ("", Some(object)) => text.push_str(object),
        (table, _) => text.push_str(table),
    }
    match columns.as_slice() {
        [] => {}
        [column] => text.push_str(&format!(".{column}")),
        columns => text.push_str(&format!(" ({})", columns.join(", "))),
    }
    match object {
        Some(object) if !table.is_empty() => text + &format!(" [{object}]"),
        _ => text,
    }
}

fn statements(sql: &str) -> Vec<String> {
    let mut within_name = false;
    let lines = sql.split('\n').enumerate().map(|(nth, line)| {
        // what goes on with a name would be another name with spaces before it
        let begin = match (nth, within_name) {
            (0, _) => "    fix: ",
            (_, false) => "         ",
            (_, true) => "",
        };
        within_name ^= line.matches('"').count() % 2 == 1;
        format!("{begin}{line}")
    });
    lines.collect()
}

/// A name as it goes on one line: a line break in it, or what else would move a terminal's cursor, as it is escaped.
fn on_one_line(name: &str) -> String {
    let shown =
        |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() };
    name.chars().map(shown).collect()
}

/// Prose in lines that are not too long, those after the first below its text.
fn wrapped(label: &str, text: &str) -> Vec<String> {
    let below = " ".repeat(4 + label.len());
    let mut lines = Vec::new();
    let mut line = format!("    {label}");
    let mut empty = true;
    for word in text.split_whitespace().map(on_one_line) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, below.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    lines.push(line);
    lines
}

fn judged_for(report: &Report) -> String {
    match report.judged_for {
        (Dialect::Sqlite, version) => format!("judged for SQLite {version}"),
        (Dialect::Postgres, version) => format!("PostgreSQL {version}"),
    }
}

fn foreign_keys(counts: &Counts) -> String {
    match (counts.foreign_keys, counts.served) {
        (0, _) => "no foreign keys".to_owned(),
        (1, 1) => "1 foreign key, which is served".to_owned(),
        (all, served) if all == served => format!("{all} foreign keys, all served"),
        (all, served) => format!("{}, {served} served", counted(all, "foreign key")),
    }
}

/// `10 foreign keys, 8 served; 2 errors, 1 warning, 3 notes`.
fn summary(counts: &Counts) -> String {
    let kinds = [(counts.errors, "error"), (counts.warnings, "warning"), (counts.notes, "note")];
    let mut found: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| counted(*count, kind)).collect();
    if counts.ignored > 0 {
        found.push(format!("{} ignored", counts.ignored));
    }
    format!("{}; {}", foreign_keys(counts), found.join(", "))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_named_as_people_do() {
        let named = |schema: &str, table: &str, columns: &[&str], object: Option<&str>| {
            subject(&Subject {
                schema: schema.to_owned(),
                table: table.to_owned(),
                columns: columns.iter().map(|&column| column.to_owned()).collect(),
                object: object.map(str::to_owned),
            })
        };
        assert_eq!(named("main", "orders", &["customer_id"], None), "orders.customer_id");
        assert_eq!(named("public", "orders", &["a", "b"], Some("fk")), "orders (a, b) [fk]");
        assert_eq!(named("app", "orders", &[], Some("i")), "app.orders [i]");
        assert_eq!(named("app", "", &[], Some("seq")), "app.seq");
        assert_eq!(named("", "", &[], None), "the database");
    }

    #[test]
    fn a_name_with_a_line_break_is_not_taken_apart() {
        let sql = "CREATE INDEX a ON \"x\ny\" (a);\nCREATE INDEX b ON c (\"d\"\"\ne\");";
        let expected = ["    fix: CREATE INDEX a ON \"x", "y\" (a);", "         CREATE INDEX b ON c (\"d\"\"", "e\");"];
        assert_eq!(statements(sql), expected);
        assert_eq!(on_one_line("x\ny\u{1b}[2J 😀"), "x\\ny\\u{1b}[2J 😀");
        assert_eq!(wrapped("", "the \u{1b}[2J name"), ["    the \\u{1b}[2J name"]);
    }

    #[test]
    fn prose_is_broken_between_words() {
        let text = "word ".repeat(40);
        let lines = wrapped("why: ", &text);
        assert!(lines.len() == 3 && lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert!(lines[0].starts_with("    why: word") && lines[1].starts_with("         word"));
    }

    #[test]
    fn the_summary_leaves_out_what_there_is_none_of() {
        let counts = Counts { errors: 2, warnings: 1, notes: 0, ignored: 0, foreign_keys: 10, served: 8 };
        assert_eq!(summary(&counts), "10 foreign keys, 8 served; 2 errors, 1 warning");
        let counts = Counts { ignored: 3, notes: 1, foreign_keys: 1, served: 1, ..Counts::default() };
        assert_eq!(summary(&counts), "1 foreign key, which is served; 1 note, 3 ignored");
    }
}
