//! Bad records in a batch: what goes in and what is set aside is what one record after another would come to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Kind, Project, TestDatabase, each_database};

/// Numbers that look random, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        // Knuth's MMIX
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

/// A record: about one in `many` is bad by itself, and some meet others that came before.
fn record(random: &mut Random, id: u64, many: u64) -> Value {
    let mut record = json!({"id": id, "email": format!("{id}@x"), "n": 1 + random.below(9), "ref": 1, "s": "abc"});
    if random.one_in(many) {
        match random.below(5) {
            0 => record["n"] = json!(0),
            1 => record["s"] = Value::Null,
            2 => record["s"] = json!("too long"),
            3 => {
                // it is tried again after all others: it must not be in the way of one of them then
                record["ref"] = json!(7);
                record["email"] = json!(format!("alone {id}@x"));
            }
            _ => record["kids"] = json!([{"k": id, "v": 1}, {"k": id + 100_000, "v": 0}]),
        }
    } else if random.one_in(many) {
        record["email"] = json!(format!("{}@x", id.saturating_sub(random.below(40))));
    } else if random.one_in(3) {
        // a kid has a key of its own, and one in a while comes with two records
        let k = |random: &mut Random| if random.one_in(many) { id / 2 } else { id };
        record["kids"] = match random.one_in(many) {
            true => json!([{"k": id, "v": 1}, {"k": id, "v": 2}]),
            false => json!([{"k": k(random), "v": 1 + random.below(5)}, {"k": 200_000 + id, "v": 1}]),
        };
    }
    record
}

/// What the tables are to hold, by records one after another.
#[derive(Default)]
struct Expected {
    rows: BTreeMap<u64, Value>,
    kids: BTreeMap<u64, (u64, u64)>,
    /// The records' rows in the order in which they came.
    order: Vec<u64>,
    skipped: u64,
    /// By the records' positions, and what the reason has to name.
    refused: Vec<(usize, &'static str)>,
}

impl Expected {
    fn take(&mut self, position: usize, record: &Value, exists: &str) {
        if let Err(constraint) = self.try_to(record, exists) {
            self.refused.push((position, constraint));
        }
    }

    fn try_to(&mut self, record: &Value, exists: &str) -> Result<(), &'static str> {
        let id = record["id"].as_u64().unwrap();
        let kids: Vec<(u64, u64)> = record["kids"].as_array().map_or_else(Vec::new, |kids| {
            kids.iter().map(|kid| (kid["k"].as_u64().unwrap(), kid["v"].as_u64().unwrap())).collect()
        });
        // that is seen before the database is asked
        if record["s"].is_null() {
            return Err("takes no NULL");
        }
        let is_there = self.rows.contains_key(&id);
        match exists {
            "skip" if is_there => {
                self.skipped += 1;
                return Ok(());
            }
            "error" if is_there => return Err("already"),
            _ => {}
        }
        if record["n"] == 0 {
            return Err("r_n");
        }
        if record["s"] == "too long" {
            return Err("r_s");
        }
        if self.rows.values().any(|row| row["id"] != record["id"] && row["email"] == record["email"]) {
            return Err("r_email");
        }
        if record["ref"] == 7 {
            return Err("r_ref");
        }
        if kids.len() == 2 && kids[0].0 == kids[1].0 {
            return Err("same key");
        }
        if exists == "error" && kids.iter().any(|(k, _)| self.kids.contains_key(k)) {
            return Err("already");
        }
        // where kids stay as they are, what this one says of them is not written
        let written = |k: &u64| exists != "skip" || !self.kids.contains_key(k);
        if kids.iter().any(|(k, v)| *v == 0 && written(k)) {
            return Err("kids_v");
        }
        let kids: Vec<(u64, u64)> = kids.into_iter().filter(|(k, _)| written(k)).collect();
        self.kids.retain(|k, (of, _)| *of != id || kids.iter().any(|(kid, _)| kid == k));
        self.kids.extend(kids.into_iter().map(|(k, v)| (k, (id, v))));
        if self.rows.insert(id, record.clone()).is_none() {
            self.order.push(id);
        }
        Ok(())
    }
}

const TABLES: &str = "CREATE TABLE p (id integer PRIMARY KEY); INSERT INTO p VALUES (1); \
    CREATE TABLE r (id integer PRIMARY KEY, email text CONSTRAINT r_email UNIQUE, n integer CONSTRAINT r_n CHECK (n > 0), \
    ref integer CONSTRAINT r_ref REFERENCES p (id), s text NOT NULL CONSTRAINT r_s CHECK (length(s) <= 5)); \
    CREATE TABLE kids (r integer NOT NULL REFERENCES r (id), k integer PRIMARY KEY, \
    v integer CONSTRAINT kids_v CHECK (v > 0)); CREATE INDEX kids_r ON kids (r);";

fn mapping(exists: &str) -> String {
    format!(
        "sources:\n  - files: \"*.jsonl\"\n    bad: quarantine\n    table: r\n    key: id\n    exists: {exists}\n    \
         columns: {{id: /id, email: /email, n: /n, ref: /ref, s: /s}}\n    children:\n      - {{records: \"/kids[*]\", \
         table: kids, parent: {{r: id}}, key: k, columns: {{k: /k, v: /v}}}}\n"
    )
}

fn jsonl(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// Whether a reason is of a constraint; SQLite names few of them.
fn names(kind: Kind, reason: &str, constraint: &str) -> bool {
    let words = match (kind, constraint) {
        (Kind::Sqlite, "r_email") => "UNIQUE constraint failed: r.email",
        (Kind::Sqlite, "r_ref") => "FOREIGN KEY constraint failed",
        _ => constraint,
    };
    reason.contains(words)
}

fn as_one_by_one(database: &TestDatabase, exists: &str, many: u64) {
    let what = format!("{:?}, exists: {exists}, one in {many} bad", database.kind);
    let mut random = Random(many);
    let mut records: Vec<Value> = (1..=1500).map(|id| record(&mut random, id, many)).collect();
    // a few of the keys come once more
    for _ in 0..4 {
        let id = 1 + random.below(1500);
        // of a row that is there and stays SQLite checks what it does not write
        let again = record(&mut random, id, if exists == "update" { 3 } else { u64::MAX });
        let at = usize::try_from(random.below(1500)).unwrap();
        records.insert(at, again);
    }
    let mut expected = Expected::default();
    records.iter().enumerate().for_each(|(position, record)| expected.take(position, record, exists));
    assert!(expected.refused.len() > 2, "{what}");

    database.execute(TABLES);
    let project = Project::new().file("import.yaml", &mapping(exists)).file("data/r.jsonl", &jsonl(&records));
    let report = project.run(&["import", "data", "-d", &database.url, "--json"]).exits(1).json();
    let set_aside = database.query("SELECT position, reason FROM liftlock_import_quarantine ORDER BY id");
    let positions: Vec<usize> = set_aside.iter().map(|row| row.split_once('|').unwrap().0.parse().unwrap()).collect();
    assert_eq!(positions, expected.refused.iter().map(|(at, _)| *at).collect::<Vec<_>>(), "{what}");
    for (row, (_, constraint)) in set_aside.iter().zip(&expected.refused) {
        assert!(names(database.kind, row, constraint), "{what}: {row} is to name {constraint}");
    }
    let rows: Vec<String> = expected
        .rows
        .values()
        .map(|row| {
            format!("{}|{}|{}|{}", row["id"], row["email"].as_str().unwrap(), row["n"], row["s"].as_str().unwrap())
        })
        .collect();
    assert_eq!(database.query("SELECT id, email, n, s FROM r ORDER BY id"), rows, "{what}");
    let kids: Vec<String> = expected.kids.iter().map(|(k, (of, v))| format!("{of}|{k}|{v}")).collect();
    assert_eq!(database.query("SELECT r, k, v FROM kids ORDER BY k"), kids, "{what}");
    if database.kind == Kind::Postgres && exists != "update" {
        // as they lie in the table
        let order: Vec<String> = expected.order.iter().map(ToString::to_string).collect();
        assert_eq!(database.query("SELECT id FROM r ORDER BY ctid"), order, "{what}");
    }
    assert_eq!(report["quarantined"], expected.refused.len(), "{what}");
    assert_eq!(report["skipped"], expected.skipped, "{what}");
    let migrated = records.len() - expected.refused.len() - usize::try_from(expected.skipped).unwrap();
    assert_eq!(report["records_migrated"], migrated, "{what}");
    assert!(report["tables"].as_array().unwrap().iter().all(|table| table["state"] == "proven"), "{what}: {report}");
}

#[test]
fn bad_records_leave_what_one_after_another_would() {
    for exists in ["update", "skip", "error"] {
        for many in [4, 150] {
            each_database(|database| as_one_by_one(database, exists, many));
        }
    }
}

#[test]
fn of_a_tree_with_bad_records_goes_in_what_does_not_hang_on_them() {
    each_database(|database| {
        database.execute(
            "CREATE TABLE t (id integer PRIMARY KEY, up integer REFERENCES t (id), n integer CHECK (n > 0)); \
             CREATE INDEX t_up ON t (up)",
        );
        let mut random = Random(11);
        // most refer to one behind them, some to one before
        let records: Vec<(u64, Option<u64>, u64)> = (1..=1000)
            .map(|id| {
                let up = match random.below(10) {
                    0 => None,
                    1 if id > 1 => Some(1 + random.below(id - 1)),
                    _ => Some(id + 1 + random.below(20)),
                };
                (id, up.filter(|up| *up <= 1000), u64::from(!random.one_in(60)))
            })
            .collect();
        let mut is_in: BTreeMap<u64, bool> = BTreeMap::new();
        loop {
            let count = is_in.len();
            for (id, up, n) in &records {
                if *n > 0 && up.is_none_or(|up| is_in.contains_key(&up)) {
                    is_in.insert(*id, true);
                }
            }
            if is_in.len() == count {
                break;
            }
        }
        assert!((100..900).contains(&is_in.len()), "{}", is_in.len());
        let lines: Vec<Value> = records.iter().map(|(id, up, n)| json!({"id": id, "up": up, "n": n})).collect();
        let mapping =
            "sources:\n  - {files: t.jsonl, table: t, key: id, bad: quarantine, columns: {id: /id, up: /up, n: /n}}\n";
        let project = Project::new().file("import.yaml", mapping).file("data/t.jsonl", &jsonl(&lines));
        project.run(&["import", "data", "-d", &database.url]).exits(1);
        let ids: Vec<String> = is_in.keys().map(ToString::to_string).collect();
        assert_eq!(database.query("SELECT id FROM t ORDER BY id"), ids);
    });
}

#[test]
fn a_bad_record_is_found_in_few_attempts() {
    let database = TestDatabase::postgres();
    // a sequence counts what is rolled back, too
    database.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, n integer CHECK (n > 0)); CREATE SEQUENCE attempts; \
         CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM nextval(''attempts''); RETURN NULL; END'; \
         CREATE TRIGGER counted BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION counted()",
    );
    let records: Vec<Value> = (0..8000).map(|id| json!({"id": id, "n": i32::from(id != 5432)})).collect();
    let mapping = "sources:\n  - {files: t.jsonl, table: t, key: id, bad: quarantine, columns: {id: /id, n: /n}}\n";
    let project = Project::new().file("import.yaml", mapping).file("data/t.jsonl", &jsonl(&records));
    let report = project.run(&["import", "data", "-d", &database.url, "--json"]).exits(1).json();
    assert_eq!((&report["records_migrated"], &report["quarantined"]), (&7999.into(), &1.into()), "{report}");
    let attempts: u32 = database.value("SELECT last_value FROM attempts").parse().unwrap();
    // both halves at each of ten lengths, and then up to eight one by one
    assert!(attempts <= 1 + 2 * 10 + 8, "{attempts}");
}
