//! Rows are looked up many at a time, by keys of whatever type.

use std::fmt::Write as _;

use liftlock::import::same;

use crate::support::{Project, TestDatabase};

const MAPPING: &str = r#"
sources:
  - files: "*.jsonl"
    table: things
    key: [kind, code, at, name]
    columns: {kind: /kind, code: /code, at: /at, name: /name, more: rest}
    children:
      - {records: "/parts[*]", table: parts, parent: {k: kind, c: code, a: at, n: name}, key: [k, c, a, n, size], columns: {size: /size, word: /word}}
"#;

const KINDS: [&str; 3] = ["plain", "o'dd", "NULL"];

fn line(number: u32) -> String {
    let kind = KINDS[number as usize % 3];
    let (code, day) = (["ab", "a", "\\\\b", "\\\"q", ""][number as usize % 5], 1 + number % 28);
    format!(
        "{{\"kind\":\"{kind}\",\"code\":\"{code}\",\"at\":\"2024-02-{day:02}T03:04:05Z\",\"name\":\"n {number}\",\"x\":{number},\
         \"parts\":[{{\"size\":{number}.25,\"word\":\"w\"}},{{\"size\":-1,\"word\":null}}]}}\n"
    )
}

fn lines(numbers: impl Iterator<Item = u32>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        write!(text, "{}", line(number)).unwrap();
        text
    })
}

#[test]
fn keys_of_several_columns_lead_to_their_rows() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TYPE kind AS ENUM ('plain', 'o''dd', 'NULL'); CREATE DOMAIN short AS varchar(3); CREATE DOMAIN code AS short; \
         CREATE TABLE things (kind kind, code code, at timestamptz, name char(8), more jsonb, PRIMARY KEY (kind, code, at, name)); \
         CREATE TABLE parts (k kind, c code, a timestamptz, n char(8), size numeric(9,2), word text, \
         PRIMARY KEY (k, c, a, n, size), FOREIGN KEY (k, c, a, n) REFERENCES things)",
    );
    // more than are asked for at once, in one file and in many
    let project = Project::new().file("import.yaml", MAPPING).file("data/long.jsonl", &lines(0..2100));
    for number in 0..40 {
        project.write(&format!("data/short_{number}.jsonl"), &line(3000 + number));
    }
    project.run(&["import", "data", "-d", &database.url]).ok();
    project.run(&["export", "out", "--map", "import.yaml", "-d", &database.url]).ok();
    let read = |text: &str| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let same = |out: &str, expected: &str| {
        let (out, expected) = (read(&project.read(out)), read(expected));
        assert_eq!(out.len(), expected.len());
        for (out, expected) in out.iter().zip(&expected) {
            assert!(same(out, expected), "{expected} came back as {out}");
        }
    };
    same("out/long.jsonl", &lines(0..2100));
    for number in 0..40 {
        same(&format!("out/short_{number}.jsonl"), &line(3000 + number));
    }
    // rows that are gone leave the others where they are
    database.execute("DELETE FROM parts WHERE n = 'n 7'; DELETE FROM things WHERE name = 'n 7'");
    let export = ["export", "out", "--map", "import.yaml", "-d", &database.url, "--force"];
    project.run(&export).exits(1).says("the row of record 7 is no longer in `things`");
    same("out/long.jsonl", &lines((0..2100).filter(|number| *number != 7)));
}
