//! A report as one page of HTML that needs nothing else: no script, no other file, no network.

mod chart;
mod parts;
mod write;

use self::write::{Page, counted, escape, grouped};
use super::rehearse::place;
use super::report::{ExistingSchema, Outcome, Rehearsal, Report};

/// The page's style, inlined.
const STYLE: &str = include_str!("html.css");

/// The page of a run. `error`: what stopped it, and the next step.
#[must_use]
pub fn page(report: &Report, error: Option<(&str, Option<&str>)>) -> String {
    let mut page = Page::default();
    let title = format!("{} – port of {}", verdict_word(report.result), report.source);
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // what the page shows comes out of a database: nothing in it may load or run anything
    page.raw(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n",
    );
    page.raw(&format!("<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n", escape(&title)));
    page.raw("<h1>SQLite → PostgreSQL</h1>\n");
    verdict(&mut page, report);
    if let Some((error, hint)) = error {
        page.raw(&format!("<section id=\"error\">\n<h2>What stopped it</h2>\n<pre>{}</pre>\n", escape(error)));
        if let Some(hint) = hint {
            page.raw(&format!("<p><b>Next step:</b> {}</p>\n", escape(hint)));
        }
        page.raw("</section>\n");
    }
    facts(&mut page, report);
    parts::tables(&mut page, report);
    chart::rates(&mut page, report);
    parts::phases(&mut page, report);
    parts::differences(&mut page, report);
    parts::quarantined(&mut page, report);
    parts::exempt(&mut page, report);
    parts::findings(&mut page, report);
    parts::objects(&mut page, report);
    parts::notes(&mut page, report);
    page.raw("</main>\n</body>\n</html>\n");
    page.finish()
}

fn verdict_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Proven => "Proven",
        Outcome::Nothing => "Nothing to prove",
        Outcome::Sampled => "The same, in a sample",
        Outcome::Incomplete => "Incomplete",
        Outcome::Differs => "Differs",
        Outcome::Refused => "Refused",
        Outcome::Planned => "Planned",
        Outcome::Failed => "Failed",
        Outcome::Interrupted => "Interrupted",
    }
}

fn verdict(page: &mut Page, report: &Report) {
    let class = match report.result {
        Outcome::Proven => "good",
        Outcome::Sampled | Outcome::Nothing | Outcome::Incomplete | Outcome::Interrupted | Outcome::Planned => "open",
        Outcome::Differs | Outcome::Refused | Outcome::Failed => "bad",
    };
    let (rows, tables) = (report.proven_rows(), report.tables.len());
    let are = if rows == 1 { "is" } else { "are" };
    let proven = format!("{} in {} {are} proven", counted(rows, "row"), counted(tables as u64, "table"));
    let sentence = match report.result {
        Outcome::Proven => match report.accepted() {
            0 => format!("{proven}; nothing was left out."),
            count => {
                format!("{proven}; nothing was left out but what was accepted ({}).", grouped(count as u64))
            }
        },
        Outcome::Incomplete => {
            let open = "something was left out, put aside or is not proven, as told below.";
            format!("{} {are} proven; {open}", counted(rows, "row"))
        }
        Outcome::Nothing => "No table was looked at: nothing is proven.".to_owned(),
        Outcome::Sampled => "Only a sample was compared: what is not in it is not proven.".to_owned(),
        Outcome::Differs => "PostgreSQL does not hold what SQLite holds; the rows are below.".to_owned(),
        Outcome::Refused => "Nothing was written: what blocks it is below, and has to be decided.".to_owned(),
        Outcome::Planned => "Nothing was written: it was a dry run.".to_owned(),
        Outcome::Failed => "The run did not come to its end.".to_owned(),
        Outcome::Interrupted => "A stop was asked for before the run came to its end.".to_owned(),
    };
    let rehearsal = if report.rehearsal.is_some() { "Rehearsal: " } else { "" };
    page.raw(&format!(
        "<p id=\"verdict\" class=\"{class}\"><strong>{rehearsal}{}</strong> {sentence}</p>\n",
        verdict_word(report.result)
    ));
}

fn facts(page: &mut Page, report: &Report) {
    page.raw("<dl>\n");
    page.fact("From", &escape(&report.source));
    page.fact("To", &escape(&report.target));
    page.fact("Schema", &escape(&report.target_schema));
    if let Some(version) = report.schema_by_migrations {
        let version = format!("<data value=\"{version}\">{version}</data>");
        page.fact("Made by", &format!("the project’s migrations up to version {version}"));
    }
    if report.resumed {
        page.fact("Resumed", "it went on with a run that was begun before");
    }
    if let Some(rehearsal) = &report.rehearsal {
        rehearsed(page, rehearsal);
    }
    page.raw("</dl>\n");
}

fn rehearsed(page: &mut Page, rehearsal: &Rehearsal) {
    let gone = match &rehearsal.left_behind {
        None => "which is gone again".to_owned(),
        Some(line) => format!("which is left behind; <code>{}</code> takes it away", escape(line)),
    };
    let version = match rehearsal.server_version.as_str() {
        "" => String::new(),
        version => format!(" on PostgreSQL {}", escape(version)),
    };
    let took = write::seconds(rehearsal.took);
    let (place, database) = (escape(&place(rehearsal)), escape(&rehearsal.database));
    let of = if rehearsal.of.is_some() { String::new() } else { format!(" (its database <code>{database}</code>)") };
    page.fact("Rehearsal", &format!("in {place}{of}{version}, {gone}; it took {took}"));
    if let Some(of) = &rehearsal.of {
        page.fact("Instead of", &format!("{}, which was not touched", escape(of)));
    }
    let existing = match rehearsal.existing {
        ExistingSchema::None => return,
        ExistingSchema::Copied => "what it holds was copied for the rehearsal",
        ExistingSchema::Structure => "what it holds was copied for the rehearsal, without its rows",
        ExistingSchema::NotRehearsed => "what it holds was not rehearsed",
    };
    page.fact("The target’s schema", existing);
}
