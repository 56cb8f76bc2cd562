//! A large file of JSON lines is read by several threads: what comes of it is what comes of it with one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::{Project, TestDatabase, each_database};

const MAPPING: &str =
    "sources:\n  - files: \"*.jsonl\"\n    bad: BAD\n    table: t\n    key: [id]\n    columns: {id: /id, s: /s}\n";

/// The records that a file has, bad ones as `None`, and its text: a byte order mark, empty lines, both ends of lines, a
/// line longer than any block, keys that come again far below, and no end of the last line.
fn lines() -> (Vec<Option<(u64, String)>>, String) {
    let (mut records, mut text) = (Vec::new(), String::from("\u{feff}"));
    for n in 0..30_000_u64 {
        if n % 997 == 0 {
            text.push_str(if n % 2 == 0 { "\n" } else { "  \t\r\n\n" });
        }
        if n % 1500 == 700 {
            text.push_str("{\"id\": 5, \"s\":\n");
            records.push(None);
        }
        let id = if n % 7000 == 6013 { n - 6000 } else { n };
        let s = match n {
            12_345 => "x".repeat(700_000),
            _ => format!("line {n} {}", "ä".repeat(40)),
        };
        let end = match n {
            29_999 => "",
            _ if n % 3 == 0 => "\r\n",
            _ => "\n",
        };
        write!(text, "{{\"id\":{id},\"s\":\"{s}\",\"more\":{n}}}{end}").unwrap();
        records.push(Some((id, s)));
    }
    (records, text)
}

fn project(bad: &str, text: &str) -> Project {
    // a small one on either side, so that the order of files is seen
    let (before, after) = ("{\"id\":100001,\"s\":\"a\"}\n", "{\"id\":1,\"s\":\"the last word\"}\n");
    let project = Project::new().file("import.yaml", &MAPPING.replace("BAD", bad));
    project.file("data/a.jsonl", before).file("data/big.jsonl", text).file("data/c.jsonl", after)
}

fn make(database: &TestDatabase) {
    database.execute("CREATE TABLE t (id bigint PRIMARY KEY, s text NOT NULL)");
}

/// What the books say.
fn books(database: &TestDatabase) -> Vec<Vec<String>> {
    [
        "SELECT path, size, sha256, state, done FROM liftlock_import_file ORDER BY id",
        "SELECT file, position, records, items FROM liftlock_import_record ORDER BY file, position",
        "SELECT id, path, position, place, reason, raw FROM liftlock_import_quarantine ORDER BY id",
    ]
    .map(|sql| database.query(sql))
    .to_vec()
}

/// A report without its time, and where the database is.
fn report(mut report: serde_json::Value) -> serde_json::Value {
    for key in ["duration_seconds", "target"] {
        report.as_object_mut().unwrap().remove(key).unwrap();
    }
    report
}

#[test]
fn one_thread_and_several_give_the_same() {
    let (records, text) = lines();
    let project = project("quarantine", &text);
    let mut rows: BTreeMap<u64, &str> = BTreeMap::from([(100_001, "a")]);
    rows.extend(records.iter().flatten().map(|(id, s)| (*id, s.as_str())));
    rows.insert(1, "the last word");
    let rows: Vec<String> = rows.iter().map(|(id, s)| format!("{id}|{s}")).collect();
    let bad: Vec<String> =
        (0..).zip(&records).filter(|(_, record)| record.is_none()).map(|(at, _): (u64, _)| at.to_string()).collect();
    each_database(|database| {
        let mut seen = None;
        for jobs in ["1", "2", "5"] {
            let database = TestDatabase::new(database.kind);
            make(&database);
            let run = ["import", "data", "-d", &database.url, "--jobs", jobs, "--json"];
            let report = report(project.run(&run).exits(1).json());
            assert!(database.query("SELECT id, s FROM t ORDER BY id") == rows, "--jobs {jobs}");
            let positions = "SELECT position FROM liftlock_import_quarantine ORDER BY position";
            assert_eq!(database.query(positions), bad, "--jobs {jobs}");
            assert_eq!(report["records_migrated"], records.len() + 2 - bad.len());
            let all = (report, books(&database));
            let seen = seen.get_or_insert_with(|| all.clone());
            assert!(*seen == all, "--jobs {jobs}: {} and {}", seen.0, all.0);
        }
    });
}

#[test]
fn a_bad_record_stops_several_threads_where_it_stops_one() {
    let (records, text) = lines();
    let project = project("fail", &text);
    let first = records.iter().position(Option::is_none).unwrap();
    let outcome = |jobs: &str| {
        let database = TestDatabase::sqlite();
        make(&database);
        let import =
            |more: &[&str]| project.run(&[&["import", "data", "-d", &database.url, "--jobs", jobs][..], more].concat());
        let dry = report(import(&["--dry-run", "--json"]).exits(1).json());
        assert_eq!(dry["errors"].as_array().unwrap().len(), 1, "{dry}");
        assert_eq!(dry["errors"][0]["position"], first);
        let failed = report(import(&["--json"]).exits(3).json());
        let said = import(&[]).exits(3).says("big.jsonl: line").stderr.replace(&database.url, "");
        (dry, failed, said, books(&database), database.query("SELECT id, s FROM t ORDER BY id"))
    };
    let one = outcome("1");
    for jobs in ["2", "5"] {
        assert!(outcome(jobs) == one, "--jobs {jobs}");
    }
}

#[test]
fn a_large_file_comes_back_as_it_was() {
    let (_, text) = lines();
    let mut good = String::new();
    for line in text.trim_start_matches('\u{feff}').lines().filter(|line| line.ends_with('}')) {
        // no key twice: the earlier record's row would be another's
        good.push_str(&line.replacen("\"id\":", &format!("\"id\":{},\"old\":", good.len()), 1));
        good.push('\n');
    }
    let project = project("fail", &good);
    let database = TestDatabase::sqlite();
    make(&database);
    project.remove("data/c.jsonl");
    project.run(&["import", "data", "-d", &database.url, "--jobs", "3"]).ok();
    project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url]).ok();
    let values = |text: String| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert!(values(project.read("out/big.jsonl")) == values(good));
}

/// The table, and a trigger that changes these rows as they come in.
fn meddled(ids: &str) -> String {
    format!(
        "CREATE TABLE t (id bigint PRIMARY KEY, s text NOT NULL); CREATE TRIGGER meddle AFTER INSERT ON t \
         WHEN NEW.id IN ({ids}) BEGIN UPDATE t SET s = 'else' WHERE id = NEW.id; END"
    )
}

#[test]
fn a_large_table_that_differs_is_told_alike_by_one_thread_and_by_several() {
    let text: String = (0..25_000).fold(String::new(), |mut text, n| {
        writeln!(text, "{{\"id\":{n},\"s\":\"line {n}\"}}").unwrap();
        text
    });
    let project = Project::new().file("import.yaml", &MAPPING.replace("BAD", "fail")).file("data/big.jsonl", &text);
    // in the first part of the table, in the last, in both, and in none
    for ids in ["0", "24999", "1, 12500, 24998", "-1"] {
        let mut seen = None;
        for jobs in ["1", "2", "4"] {
            let database = TestDatabase::sqlite();
            database.execute(&meddled(ids));
            let ran = project.run(&["import", "data", "--json", "--jobs", jobs, "-d", &database.url]);
            let ran = report(ran.exits(i32::from(ids != "-1")).json());
            let differences = ran["tables"][0]["differences"].as_array().unwrap();
            let of = ids.split(", ").filter(|id| *id != "-1");
            assert_eq!(differences.len(), of.clone().count(), "{ran}");
            for (difference, id) in differences.iter().zip(of) {
                let difference = difference.as_str().unwrap();
                assert!(difference.contains(&format!("record {id} ")), "{difference}");
                assert!(difference.contains(&format!("\"else\", and should be \"line {id}\"")), "{difference}");
            }
            assert_eq!(ran["tables"][0]["rows_after"], 25_000);
            match &seen {
                None => seen = Some(ran),
                Some(seen) => assert_eq!(*seen, ran, "--jobs {jobs}"),
            }
            // no lock is left
            database.execute("DELETE FROM t WHERE id = 7");
        }
    }
}

#[test]
fn tables_without_rowids_and_in_wal_are_proven_by_several_threads_as_well() {
    let text: String = (0..12_000).fold(String::new(), |mut text, n| {
        writeln!(text, "{{\"id\":{n},\"s\":\"line {n}\"}}").unwrap();
        text
    });
    let project = Project::new().file("import.yaml", &MAPPING.replace("BAD", "fail")).file("data/big.jsonl", &text);
    let tables = [
        "CREATE TABLE t (id bigint PRIMARY KEY, s text NOT NULL) WITHOUT ROWID",
        "CREATE TABLE t (id bigint PRIMARY KEY, s text NOT NULL, rowid text, _rowid_ text, oid text)",
        "CREATE TABLE t (id bigint PRIMARY KEY, s text NOT NULL, rowid text)",
        "PRAGMA journal_mode = wal; CREATE TABLE t (id INTEGER PRIMARY KEY, s text NOT NULL)",
    ];
    let mut sums = Vec::new();
    for table in tables {
        let database = TestDatabase::sqlite();
        database.execute(table);
        // the second run reads what is there before, too
        for args in [vec!["--jobs", "1"], vec!["--jobs", "3", "--all"], vec!["--jobs", "1", "--all"]] {
            let args = [&["import", "data", "--json", "-d", &database.url][..], &args].concat();
            let ran = project.run(&args).ok().json();
            assert_eq!(
                (&ran["tables"][0]["state"], &ran["tables"][0]["rows_after"]),
                (&"proven".into(), &12_000.into())
            );
            sums.push(ran["tables"][0]["checksum"].to_string());
        }
    }
    sums.dedup();
    assert_eq!(sums.len(), 1, "{sums:?}");
}
