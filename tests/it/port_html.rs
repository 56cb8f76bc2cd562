//! The page of `--report`: it says all that the JSON report says, needs nothing else, and trusts nothing it shows.

use std::collections::BTreeSet;
use std::time::Duration;

use liftlock::port::copy::Quarantined;
use liftlock::port::html::page;
use liftlock::port::plan::{Finding, Level};
use liftlock::port::report::{
    ExistingSchema, ObjectReport, ObjectState, Outcome, PhaseReport, Rehearsal, Report, TableReport, TableState,
};
use liftlock::port::scan::Affected;
use liftlock::port::verify::{Cell, Difference, Kind};

use crate::support::{Project, TestDatabase};

const EVIL: &str = "<script>alert(1)</script>";

/// A report with something of everything, and in every name what must not get into HTML as it is.
fn full() -> Report {
    let finding = |level, code: &str| Finding {
        code: code.to_owned(),
        level,
        table: Some(EVIL.to_owned()),
        object: Some("a\"b".to_owned()),
        message: format!("the message of {code} & more"),
        rows: 4321,
        examples: vec!["rowid 17: '<b>'".to_owned()],
        affected: Affected { ranges: vec![(17, 17), (20, 31)], keys: vec!["'<b>'".to_owned()], complete: false },
        choices: vec!["--type '<x>=text'".to_owned()],
        accepted: code == "accepted-one",
    };
    let object = |state, name: &str| ObjectReport {
        kind: "index".to_owned(),
        table: Some(EVIL.to_owned()),
        name: name.to_owned(),
        state,
        remark: "gives 99 <next>".to_owned(),
    };
    Report {
        result: Outcome::Differs,
        source: "sqlite:a<b>.db".to_owned(),
        target: "postgres://u@h/d".to_owned(),
        target_schema: "pub'lic".to_owned(),
        schema_by_migrations: Some(20_261_120),
        resumed: true,
        rehearsal: Some(Rehearsal {
            of: Some("postgres://u@h/real".to_owned()),
            database: "liftlock_rehearsal_00c0ffee".to_owned(),
            server_version: "15.4".to_owned(),
            existing: ExistingSchema::Structure,
            took: Duration::from_millis(61_005),
            left_behind: Some("psql '<url>'".to_owned()),
        }),
        tables: vec![
            TableReport {
                source: EVIL.to_owned(),
                target: "script".to_owned(),
                state: TableState::Differs,
                source_rows: 1_234_567,
                target_rows: Some(1_234_566),
                source_checksum: Some("0123456789abcdef0123456789abcdef".to_owned()),
                target_checksum: Some("fedcba9876543210fedcba9876543210".to_owned()),
                batches: 25,
                differing_batches: vec![3, 17],
                hash_ranges: 64,
                differing_hash_ranges: vec![5, 63],
                bytes: 98_765_432,
                loading: Duration::from_millis(1_500),
                reading_back: Duration::from_millis(722),
                differences: vec![
                    Difference {
                        kind: Kind::Changed,
                        key: "rowid 17".to_owned(),
                        columns: vec![Cell {
                            column: "<i>".to_owned(),
                            source: Some("'one\0'".to_owned()),
                            target: Some("'\u{202e}two'".to_owned()),
                        }],
                    },
                    Difference { kind: Kind::Missing, key: "rowid 18".to_owned(), columns: Vec::new() },
                ],
                unlisted_differences: 12,
                quarantined_rows: 4567,
                quarantined: vec![Quarantined {
                    table: EVIL.to_owned(),
                    key: "rowid 5".to_owned(),
                    reason: "column `a`: <nul>".to_owned(),
                    values: "{\"a\":\"</code>\"}".to_owned(),
                }],
                exempt_rows: 7,
                exempt_keys: vec!["id <1>".to_owned()],
                kept_rows: 8,
            },
            TableReport { source: "empty".to_owned(), target: "empty".to_owned(), ..TableReport::default() },
        ],
        objects: vec![
            object(ObjectState::Same, "same<1>"),
            object(ObjectState::ChangedAsDecided, "changed<1>"),
            object(ObjectState::LeftOut, "left<1>"),
            object(ObjectState::Different, "different<1>"),
            object(ObjectState::Missing, "missing<1>"),
        ],
        quarantine_file: None,
        findings: vec![
            finding(Level::Note, "a-note"),
            finding(Level::Assumption, "an-assumption"),
            finding(Level::Change, "a-change"),
            finding(Level::LeftOut, "accepted-one"),
            finding(Level::Blocker, "a-blocker"),
        ],
        notes: vec!["a <note>".to_owned()],
        expected: None,
        not_valid: Vec::new(),
        phases: vec![
            PhaseReport { name: "scanning", took: Duration::from_millis(250) },
            PhaseReport { name: "copying", took: Duration::from_millis(1_100) },
        ],
    }
}

/// Every number that stands in `value`.
fn numbers(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Number(number) => {
            found.insert(number.as_f64().unwrap().to_string());
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| numbers(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|item| numbers(item, found)),
        _ => {}
    }
}

/// Every number that the page has for programs.
fn numbers_of(page: &str) -> BTreeSet<String> {
    let values = page.split("<data value=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    values.map(|value| value.parse::<f64>().unwrap().to_string()).collect()
}

/// Every text that stands in `value`.
fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// What the page shows, without its markup.
fn shown(page: &str) -> String {
    let body = page.split("</style>").nth(1).unwrap();
    let mut text = String::new();
    for part in body.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, c)| text.replace(entity, c))
}

/// Opening and closing tags belong together.
#[track_caller]
fn assert_well_formed(page: &str) {
    const VOID: [&str; 4] = ["!DOCTYPE", "meta", "br", "rect"];
    let mut open = Vec::new();
    let body: String = page.split("<style>").map(|part| part.split("</style>").last().unwrap()).collect();
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("every < is that of a tag");
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{page}");
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0]);
}

#[test]
fn the_page_is_as_it_was() {
    let page = page(&full(), Some(("it <broke>\nthe cause", Some("mend <it>"))));
    assert_well_formed(&page);
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    insta::assert_snapshot!("port_page", format!("{head}<style>…</style>{body}"));
}

#[test]
fn every_number_and_text_of_the_json_report_is_there() {
    let report = full();
    let json = serde_json::to_value(&report).unwrap();
    let page = page(&report, None);
    let (mut wanted, mut words) = (BTreeSet::new(), Vec::new());
    numbers(&json, &mut wanted);
    assert!(wanted.len() > 15, "{wanted:?}");
    let there = numbers_of(&page);
    assert!(wanted.is_subset(&there), "{:?} are not in the page", wanted.difference(&there));
    texts(&json, &mut words);
    let shown = shown(&page);
    // said in other words
    let said = |word: &str| match word {
        "differs" | "changed" | "missing" | "not-done" | "structure" => true,
        "same" | "changed-as-decided" | "left-out" | "different" => true,
        "note" | "assumption" | "change" | "blocker" => true,
        word => shown.contains(&word.replace('\0', "␀").replace('\u{202e}', "\\u{202e}")),
    };
    for word in words {
        assert!(said(&word), "`{word}` is not in the page:\n{shown}");
    }
}

#[test]
fn nothing_of_a_database_becomes_markup_and_nothing_is_loaded() {
    let page = page(&full(), Some((EVIL, Some(EVIL))));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    for forbidden in
        ["<script", "<i>", "<nul>", "</code>\"", "a\"b", "\0", "\u{202e}", "http:", "https:", "src=", "@import"]
    {
        assert!(!page.contains(forbidden), "`{forbidden}` is in the page");
    }
    assert_eq!(page.matches("url(").count(), 0);
}

#[test]
fn a_verdict_for_every_outcome_stands_at_the_top() {
    for (outcome, class, word) in [
        (Outcome::Proven, "good", "Proven"),
        (Outcome::Incomplete, "open", "Incomplete"),
        (Outcome::Differs, "bad", "Differs"),
        (Outcome::Refused, "bad", "Refused"),
        (Outcome::Planned, "open", "Planned"),
        (Outcome::Failed, "bad", "Failed"),
        (Outcome::Interrupted, "open", "Interrupted"),
    ] {
        let page = page(&Report { result: outcome, ..Report::default() }, None);
        assert_well_formed(&page);
        let verdict = format!("<p id=\"verdict\" class=\"{class}\"><strong>{word}</strong>");
        assert!(page.find(&verdict).is_some_and(|at| at < page.find("<dl>").unwrap()), "{page}");
    }
}

#[test]
fn one_row_in_one_table_is_proven() {
    let table =
        TableReport { source: "t".to_owned(), state: TableState::Proven, source_rows: 1, ..TableReport::default() };
    let report = Report { result: Outcome::Proven, tables: vec![table], ..Report::default() };
    let verdict = |report: &Report| {
        let page = page(report, None);
        let page = page.split("id=\"verdict\"").nth(1).and_then(|page| page.split("</p>").next()).unwrap().to_owned();
        page.replace("<data value=\"1\">", "").replace("<data value=\"0\">", "").replace("</data>", "")
    };
    let one = verdict(&report);
    assert!(one.contains("1 row in 1 table is proven; nothing was left out."), "{one}");
    let none = verdict(&Report { tables: Vec::new(), ..report });
    assert!(none.contains("0 rows in 0 tables are proven; nothing was left out."), "{none}");
}

#[test]
fn a_run_writes_it_whether_it_is_proven_refused_or_failed() {
    let (source, target) = (TestDatabase::sqlite(), TestDatabase::postgres());
    source.execute(
        "CREATE TABLE \"<script>\" (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO \"<script>\" VALUES (1, 'x'), (2, NULL)",
    );
    let project = Project::new();
    let run = |more: &[&str]| {
        let mut arguments = vec!["port", source.url.as_str(), target.url.as_str(), "--report", "port.html", "--json"];
        arguments.extend(more);
        project.run(&arguments)
    };
    // what was in the file goes
    project.write("port.html", &"x".repeat(100_000));
    let ran = run(&[]).ok();
    let page = project.read("port.html");
    assert_well_formed(&page);
    assert!(page.contains("<strong>Proven</strong>") && page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains("xxx") && !page.contains("<script>"));
    let mut wanted = BTreeSet::new();
    numbers(&ran.json(), &mut wanted);
    assert!(wanted.is_subset(&numbers_of(&page)), "{wanted:?} {page}");

    // the tables hold rows now
    run(&[]).exits(1);
    let page = project.read("port.html");
    assert_well_formed(&page);
    assert!(page.contains("<strong>Refused</strong>") && page.contains("Blockers (1)"), "{page}");

    let ran = project.run(&["port", "nowhere.db", &target.url, "--report", "port.html"]);
    assert!(ran.code == Some(3), "{ran:?}");
    let page = project.read("port.html");
    assert!(page.contains("<strong>Failed</strong>") && page.contains("What stopped it"), "{page}");
}

#[test]
fn a_page_that_cannot_be_written_stops_the_run_before_it_begins() {
    let (source, target) = (TestDatabase::sqlite(), TestDatabase::postgres());
    source.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let project = Project::new();
    let ran = project.run(&["port", &source.url, &target.url, "--report", "no/such/folder/port.html"]);
    ran.exits(3).says("cannot write `no/such/folder/port.html`");
    assert_eq!(target.tables(), [""; 0]);
    // a question that nobody answers leaves no empty page
    project.run(&["port", &source.url, &target.url, "--truncate", "--report", "port.html"]).exits(2);
    assert!(!project.path("port.html").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_that_finds_no_room_is_told_in_the_json_too() {
    let (source, target) = (TestDatabase::sqlite(), TestDatabase::postgres());
    source.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let ran = Project::new().run(&["port", &source.url, &target.url, "--report", "/dev/full", "--json"]).exits(3);
    let json = ran.json();
    assert_eq!((&json["result"], &json["error"]["message"]), (&"proven".into(), &"cannot write `/dev/full`".into()));
    let last = ran.stderr.lines().rev().find(|line| line.starts_with("error")).unwrap_or_default().to_owned();
    assert!(last.contains("cannot write `/dev/full`"), "{ran:?}");
}
