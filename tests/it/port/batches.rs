//! Differences are told by batch where rows find theirs by a key, and by ranges of row hashes elsewhere.

use serde_json::Value;

use super::values::series;
use super::{Done, Port};

/// More rows than `compare` puts into one batch.
const ROWS: u32 = 120_000;

/// Tables with every kind of key, and how each is divided: in batches or in ranges of hashes.
fn source(rows: u32) -> Port {
    let series = series(rows);
    Port::of(&format!(
        "CREATE TABLE words (k TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID;
         INSERT INTO words {series} SELECT char(0x1F600 + i % 7, 0x20AC, 97 + i % 26) || i, i FROM n;
         CREATE TABLE pairs (a INTEGER, v TEXT, b BLOB, PRIMARY KEY (b, a)) WITHOUT ROWID;
         INSERT INTO pairs {series} SELECT 30000 - i, 'v' || i, CAST(char(i % 5) || x'00' AS BLOB) FROM n;
         CREATE TABLE folded (k TEXT COLLATE NOCASE PRIMARY KEY, v INTEGER) WITHOUT ROWID;
         INSERT INTO folded {series} SELECT char(65 + i % 2 * 32) || i, i FROM n;
         CREATE TABLE loose (a INTEGER, b TEXT); INSERT INTO loose {series} SELECT i % 50000, 'b' || (i % 50000) FROM n;
         CREATE TABLE named (k TEXT PRIMARY KEY, v TEXT); INSERT INTO named {series} SELECT 'k' || i, 'v' || i FROM n;",
    ))
}

const BY_KEY: [&str; 2] = ["words", "pairs"];

/// What was done in PostgreSQL, and what has to be said of it: the kind, what is in the key, a column and both values.
struct Fault {
    table: &'static str,
    change: &'static str,
    undo: &'static str,
    said: &'static [(&'static str, &'static str, &'static str, &'static str)],
    /// The row in SQLite, as a condition on `words` and `pairs`, that all those before it in their batch come before.
    before: &'static str,
}

const FAULTS: &[Fault] = &[
    Fault {
        table: "words",
        change: "UPDATE words SET v = 0 WHERE v = 77777",
        undo: "UPDATE words SET v = 77777 WHERE v = 0",
        said: &[("changed", "77777", "77777", "0")],
        before: "k < (SELECT k FROM words WHERE v = 77777)",
    },
    Fault {
        table: "words",
        change: "DELETE FROM words WHERE v = 3",
        undo: "INSERT INTO words VALUES (chr(128515) || chr(8364) || 'd3', 3)",
        said: &[("missing", "d3", "3", "")],
        before: "k < (SELECT k FROM words WHERE v = 3)",
    },
    Fault {
        table: "pairs",
        change: "UPDATE pairs SET v = 'w' WHERE a = -60000",
        undo: "UPDATE pairs SET v = 'v90000' WHERE a = -60000",
        said: &[("changed", "-60000", "v90000", "w")],
        before: "(b, a) < (SELECT b, a FROM pairs WHERE a = -60000)",
    },
    Fault {
        table: "pairs",
        change: "INSERT INTO pairs SELECT a, v, b FROM pairs WHERE a = 29999",
        undo: "DELETE FROM pairs WHERE ctid = (SELECT max(ctid) FROM pairs WHERE a = 29999)",
        said: &[("extra", "29999", "", "v1")],
        before: "(b, a) < (SELECT b, a FROM pairs WHERE a = 29999)",
    },
    Fault {
        table: "folded",
        change: "UPDATE folded SET v = -v WHERE v = 500",
        undo: "UPDATE folded SET v = -v WHERE v = -500",
        said: &[("changed", "A500", "500", "-500")],
        before: "",
    },
    Fault {
        table: "loose",
        change: "INSERT INTO loose VALUES (77, 'b77')",
        undo: "DELETE FROM loose WHERE ctid = (SELECT max(ctid) FROM loose WHERE a = 77)",
        said: &[("extra", "", "", "b77")],
        before: "",
    },
    Fault {
        table: "loose",
        change: "UPDATE loose SET b = 'c' WHERE ctid = (SELECT min(ctid) FROM loose WHERE a = 3)",
        undo: "UPDATE loose SET b = 'b3' WHERE b = 'c'",
        said: &[("missing", "", "b3", ""), ("extra", "", "", "c")],
        before: "",
    },
    Fault {
        table: "named",
        change: "UPDATE named SET v = CASE k WHEN 'k5' THEN 'v6' ELSE 'v5' END WHERE k IN ('k5', 'k6')",
        undo: "UPDATE named SET v = 'v' || substr(k, 2) WHERE k IN ('k5', 'k6')",
        said: &[("changed", "k5", "v5", "v6"), ("changed", "k6", "v6", "v5")],
        before: "",
    },
];

fn table<'d>(done: &'d Done, name: &str) -> &'d Value {
    done.list("tables").find(|is| is["source"] == name).unwrap_or_else(|| panic!("no `{name}`: {done}"))
}

/// In how many batches, or ranges of hashes, a table was compared.
#[track_caller]
fn is_divided(is: &Value, batches: u64, ranges: u64) {
    let divided = (is["batches"].as_u64(), is["hash_ranges"].as_u64().unwrap_or(1));
    assert_eq!(divided, (Some(batches), ranges), "{is}");
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().into_iter().flatten().map(|number| number.as_u64().unwrap()).collect()
}

impl Fault {
    /// The report has what was done, in its batch of so many rows or in ranges of hashes, and nothing else.
    #[track_caller]
    fn is_said(&self, port: &Port, done: &Done, batch: u64) {
        assert_eq!(done.json["result"], "differs", "{}: {done}", self.change);
        let is = table(done, self.table);
        assert_eq!(is["differences"].as_array().map(Vec::len), Some(self.said.len()), "{}: {done}", self.change);
        assert!(is["unlisted_differences"].is_null(), "{}: {done}", self.change);
        for (kind, key, source, target) in self.said {
            let row = done.difference(self.table, kind, key);
            let has = |side: &str, wanted: &str| {
                let mut cells = row["columns"].as_array().unwrap().iter();
                wanted.is_empty() || cells.any(|cell| cell[side].as_str().is_some_and(|value| value.contains(wanted)))
            };
            assert!(has("source", source) && has("target", target), "{}: {row}", self.change);
        }
        let differing = numbers(&is["differing_batches"]);
        let ranges = numbers(&is["differing_hash_ranges"]);
        if BY_KEY.contains(&self.table) {
            let sql = format!("SELECT count(*) FROM {} WHERE {}", self.table, self.before);
            let before = u64::from(port.connection().query_row::<u32, _, _>(&sql, [], |row| row.get(0)).unwrap());
            assert_eq!((differing, ranges), (vec![before / batch], vec![]), "{}: {is}", self.change);
        } else {
            // an old row and a new one, each in a range of its own, or in the same
            let rows = if self.change.starts_with("INSERT") { 1 } else { 2 * self.said.len() };
            assert!((1..=rows).contains(&ranges.len()) && differing.is_empty(), "{}: {is}", self.change);
            let of = is["hash_ranges"].as_u64().unwrap();
            assert!(ranges.iter().all(|range| *range < of), "{is}");
        }
    }
}

#[test]
fn compare_names_the_batch_or_the_range() {
    let port = source(ROWS);
    port.proven(&["--batch-rows", "20000"]);
    for name in BY_KEY {
        // a row twice is possible only without the key
        port.target.execute(&format!("ALTER TABLE {name} DROP CONSTRAINT {name}_pkey"));
    }
    let clean = port.compare(&[]);
    assert_eq!(clean.json["result"], "proven", "{clean}");
    for (name, batches, ranges) in
        [("words", 3, 1), ("pairs", 3, 1), ("folded", 1, 4), ("loose", 1, 4), ("named", 1, 4)]
    {
        is_divided(table(&clean, name), batches, ranges);
    }
    for fault in FAULTS {
        port.target.execute(fault.change);
        fault.is_said(&port, &port.compare(&["--tables", fault.table]), 50_000);
        port.target.execute(fault.undo);
        assert_eq!(port.compare(&["--tables", fault.table]).ran.code, Some(0), "{} is not undone", fault.change);
    }
}

#[test]
fn a_port_divides_by_its_batches() {
    let port = source(9000);
    let done = port.proven(&["--batch-rows", "1000"]);
    for (name, batches, ranges) in
        [("words", 9, 1), ("pairs", 9, 1), ("folded", 1, 16), ("loose", 1, 16), ("named", 1, 16)]
    {
        is_divided(table(&done, name), batches, ranges);
    }
}

/// In UTF-16 SQLite's order of texts is that of their bytes in UTF-16: the keys say nothing of the batch here.
#[test]
fn an_order_that_is_another_is_not_gone_by() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let port = Port::of(&format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID;
             INSERT INTO t {} SELECT char(0xFF21 + i % 3) || char(0x1F600) || char(0x100 + i * 7) || i, i FROM n
             UNION ALL SELECT char(0x10000 + i) || i, -i FROM n;",
            series(3000)
        ));
        let done = port.proven(&["--batch-rows", "500"]);
        is_divided(table(&done, "t"), 1, 16);
        port.target.execute("UPDATE t SET v = 0 WHERE v = 17");
        let done = port.compare(&[]);
        assert_eq!(done.difference("t", "changed", "17")["columns"][0]["target"], "0", "{done}");
    }
    // blobs among texts come after all of them in SQLite, and are bytes like all others in PostgreSQL
    let port = Port::of(&format!(
        "CREATE TABLE t (k, v INTEGER, PRIMARY KEY (k)) WITHOUT ROWID;
         INSERT INTO t {} SELECT iif(i % 2, 'k' || i, CAST('k' || i AS BLOB)), i FROM n;",
        series(3000)
    ));
    let done = port.run(&["--batch-rows", "500", "--type", "t.k=bytea"]).is_done();
    assert_eq!(table(&done, "t")["state"], "proven", "{done}");
    assert_eq!(table(&done, "t")["batches"], 1, "{done}");
}

/// Between the load and the reading back, within one port: what is read back is what an earlier run has stored.
#[cfg(feature = "crash-tests")]
#[test]
fn a_resumed_port_names_the_batch_or_the_range() {
    let faults = [
        ("words", "UPDATE words SET v = 0 WHERE v = 777", "k < (SELECT k FROM words WHERE v = 777)", 1),
        ("pairs", "DELETE FROM pairs WHERE a = 29000", "(b, a) < (SELECT b, a FROM pairs WHERE a = 29000)", 1),
        ("loose", "DELETE FROM loose WHERE a = 5", "", 1),
        ("folded", "UPDATE folded SET v = 0 WHERE v = 5", "", 2),
    ];
    for (at, (name, change, before, parts)) in faults.into_iter().enumerate() {
        let port = source(9000);
        // one worker, tables one after another: 9, 9, 1, 9, 9 batches
        let last = ["9", "18", "28", "19"][at];
        let flags = ["--jobs", "1", "--batch-rows", "1000"];
        assert_eq!(port.killed_at(&format!("port-batch-committed#{last}"), &flags).code, None);
        super::resume::others_have_ended(&port);
        port.target.execute(change);
        let done = port.plainly(&["--resume", "--jobs", "2", "--batch-rows", "1000"]);
        assert_eq!(done.json["result"], "differs", "{change}: {done}");
        let is = table(&done, name);
        assert_eq!(is["differences"].as_array().map(Vec::len), Some(1), "{change}: {is}");
        if before.is_empty() {
            assert!((1..=parts).contains(&numbers(&is["differing_hash_ranges"]).len()), "{change}: {is}");
            assert_eq!(is["hash_ranges"], 16, "{is}");
        } else {
            let sql = format!("SELECT count(*) FROM {name} WHERE {before}");
            let before = u64::from(port.connection().query_row::<u32, _, _>(&sql, [], |row| row.get(0)).unwrap());
            assert_eq!(numbers(&is["differing_batches"]), [before / 1000], "{change}: {is}");
        }
    }
}

#[test]
fn rows_that_stay_are_in_the_ranges() {
    for how in ["skip", "replace", "error"] {
        let port = source(5000);
        port.target.execute(
            "CREATE TABLE named (k text PRIMARY KEY, v text); INSERT INTO named SELECT 'own' || i, 'o' FROM generate_series(1, 700) i",
        );
        if how != "error" {
            // the same, other values, and a NULL
            port.target.execute(
                "INSERT INTO named SELECT 'k' || i, CASE WHEN i % 3 = 0 THEN 'other' WHEN i % 7 <> 0 THEN 'v' || i END
                 FROM generate_series(1, 900) i",
            );
        }
        let flags = ["--include", "named", "--on-conflict", how, "--batch-rows", "500"];
        let done = port.plainly(&flags);
        let is = table(&done, "named");
        assert_eq!(is["hash_ranges"], 16, "{how}: {done}");
        let held = |sql: &str| port.target.value(sql);
        assert_eq!(held("SELECT count(*) FROM named WHERE k LIKE 'own%' AND v = 'o'"), "700", "{how}");
        let ours = held("SELECT count(*) FROM named WHERE v = 'v' || substr(k, 2)");
        if how == "skip" {
            let others = 300 + (1..=900).filter(|i| i % 7 == 0 && i % 3 != 0).count();
            assert_eq!(is["exempt_rows"].as_u64(), Some(others as u64), "{done}");
            assert_eq!((is["state"].as_str(), done.ran.code), (Some("exempt"), Some(1)), "{done}");
            assert_eq!(ours, (5000 - others).to_string(), "{done}");
        } else {
            assert_eq!((is["state"].as_str(), done.ran.code), (Some("proven"), Some(0)), "{how}: {done}");
            assert_eq!(ours, "5000", "{how}");
        }
    }
}

/// The key of the target has a column that the source has not: rows of others with the rest of the key are no matter.
#[test]
fn a_key_that_the_source_has_not_all_of() {
    let port =
        Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');");
    port.target.execute(
        "CREATE TABLE t (tenant int DEFAULT 7, id bigint, v text, PRIMARY KEY (id, tenant));
         INSERT INTO t VALUES (7, 1, 'a'), (8, 1, 'x'), (6, 1, 'y'), (7, 2, 'other'), (8, 2, 'b'), (6, 3, 'c')",
    );
    let done = port.plainly(&["--on-conflict", "skip"]);
    let is = table(&done, "t");
    assert_eq!((is["exempt_rows"].as_u64(), is["state"].as_str()), (Some(1), Some("exempt")), "{done}");
    assert_eq!(is["exempt_keys"], serde_json::json!(["id = 2"]), "{done}");
    let sevens = port.target.query("SELECT id, v FROM t WHERE tenant = 7 ORDER BY id");
    assert_eq!(sevens, ["1|a", "2|other", "3|c"], "{done}");
}

/// More rows than are held: the parts that differ are found by the key, so that both versions of a row are together.
#[test]
fn a_table_that_is_not_held_is_looked_at_in_parts() {
    let port = Port::of(&format!(
        "CREATE TABLE big (k TEXT PRIMARY KEY, v INTEGER); INSERT INTO big {} SELECT 'k' || i, i FROM n;
         CREATE TABLE loose (v INTEGER); INSERT INTO loose SELECT v FROM big;",
        series(410_000)
    ));
    port.target.execute(
        "CREATE TABLE big (k text, v bigint); INSERT INTO big SELECT 'k' || i, i FROM generate_series(1, 410000) i;
         CREATE TABLE loose (v bigint); INSERT INTO loose SELECT v FROM big;
         UPDATE big SET v = -v WHERE k = 'k77'; DELETE FROM big WHERE k = 'k409999'; INSERT INTO big VALUES ('new', 1);
         UPDATE loose SET v = -v WHERE v = 77",
    );
    let done = port.compare(&[]);
    let is = table(&done, "big");
    assert_eq!(is["differences"].as_array().map(Vec::len), Some(3), "{done}");
    assert_eq!(done.difference("big", "changed", "k77")["columns"][0]["target"], "-77", "{done}");
    done.difference("big", "missing", "k409999");
    done.difference("big", "extra", "new");
    assert!(is["unlisted_differences"].is_null() && is["hash_ranges"] == 16, "{is}");
    let is = table(&done, "loose");
    assert_eq!(is["differences"].as_array().map(Vec::len), Some(2), "{is}");
    assert!(is["unlisted_differences"].is_null(), "{is}");
    // so many that most are not looked at: how many there are at least is never more than there are
    port.target.execute("UPDATE big SET v = v + 1; UPDATE loose SET v = v + 1000000");
    let done = port.compare(&[]);
    for (name, most) in [("big", 410_001), ("loose", 820_000)] {
        let is = table(&done, name);
        let listed = is["differences"].as_array().map_or(0, Vec::len) as u64;
        let unlisted = is["unlisted_differences"].as_u64().unwrap();
        assert!(listed == 100 && (1_000..=most - listed).contains(&unlisted), "{name}: {listed} and {unlisted}");
    }
    let rows = table(&done, "big")["differences"].as_array().unwrap();
    assert!(rows.iter().filter(|row| row["kind"] == "changed").count() >= 98, "{done}");
}
