//! Changes made in PostgreSQL behind the tool: each is found, and named by table, key, column and both values.

use super::values::series;
use super::{Done, Port};

const ROWS: u32 = 12_000;

/// A table with a key, and one without whose rows are there several times.
fn source() -> Port {
    Port::of(&format!(
        "CREATE TABLE big (id INTEGER PRIMARY KEY, name TEXT, n INTEGER, real REAL, raw BLOB, empty TEXT);
         INSERT INTO big {series} SELECT i, 'name' || i, i * 7, i / 3.0, CAST(zeroblob(i % 50) || x'4d' AS BLOB), '' FROM n;
         CREATE TABLE loose (a INTEGER, b TEXT); INSERT INTO loose {few} SELECT i % 500, 'b' || (i % 500) FROM n;",
        series = series(ROWS),
        few = series(2000)
    ))
}

/// What was done, how to undo it, and what has to be said: the kind, the key, the column, both values.
struct Fault {
    table: &'static str,
    change: &'static str,
    undo: &'static str,
    said: &'static [(&'static str, &'static str, &'static str, &'static str, &'static str)],
}

const FAULTS: &[Fault] = &[
    Fault {
        table: "big",
        change: "UPDATE big SET raw = set_bit(raw, 3, 1 - get_bit(raw, 3)) WHERE id = 11417",
        undo: "UPDATE big SET raw = set_bit(raw, 3, 1 - get_bit(raw, 3)) WHERE id = 11417",
        said: &[("changed", "11417", "raw", "", "")],
    },
    Fault {
        table: "big",
        change: "UPDATE big SET real = real + 1e-12 WHERE id = 7",
        undo: "UPDATE big SET real = 7 / 3.0::float8 WHERE id = 7",
        said: &[("changed", "7", "real", "2.3333333333333335", "2.3333333333343")],
    },
    Fault {
        table: "big",
        change: "UPDATE big SET name = CASE id WHEN 17 THEN 'name11999' ELSE 'name17' END WHERE id IN (17, 11999)",
        undo: "UPDATE big SET name = 'name' || id WHERE id IN (17, 11999)",
        said: &[("changed", "17", "name", "name17", "name11999"), ("changed", "11999", "name", "name11999", "name17")],
    },
    Fault {
        table: "big",
        change: "INSERT INTO big SELECT * FROM big WHERE id = 6000",
        undo: "DELETE FROM big WHERE ctid = (SELECT max(ctid) FROM big WHERE id = 6000)",
        said: &[("extra", "6000", "name", "", "name6000")],
    },
    Fault {
        table: "big",
        change: "DELETE FROM big WHERE id = 12000",
        undo: "INSERT INTO big VALUES (12000, 'name12000', 84000, 12000 / 3.0::float8, decode('4d', 'hex'), '')",
        said: &[("missing", "12000", "name", "name12000", "")],
    },
    Fault {
        table: "big",
        change: "UPDATE big SET empty = NULL WHERE id = 1",
        undo: "UPDATE big SET empty = '' WHERE id = 1",
        said: &[("changed", "1", "empty", "''", "NULL")],
    },
    Fault {
        table: "big",
        change: "INSERT INTO big VALUES (-7, 'stranger', 0, 0, '', '')",
        undo: "DELETE FROM big WHERE id = -7",
        said: &[("extra", "-7", "name", "", "stranger")],
    },
    Fault {
        table: "loose",
        change: "INSERT INTO loose VALUES (77, 'b77')",
        undo: "DELETE FROM loose WHERE ctid = (SELECT max(ctid) FROM loose WHERE a = 77)",
        said: &[("extra", "", "b", "", "b77")],
    },
    Fault {
        table: "loose",
        change: "UPDATE loose SET b = 'c' WHERE ctid = (SELECT min(ctid) FROM loose WHERE a = 3)",
        undo: "UPDATE loose SET b = 'b3' WHERE a = 3",
        said: &[("missing", "", "b", "b3", ""), ("extra", "", "b", "", "c")],
    },
];

impl Fault {
    /// The report says what was done, and of no other row.
    #[track_caller]
    fn is_said(&self, done: &Done) {
        assert_eq!(done.ran.code, Some(1), "{}: {done}", self.change);
        assert_eq!(done.json["result"], "differs", "{}: {done}", self.change);
        for (kind, key, column, source, target) in self.said {
            let table = done.list("tables").find(|is| is["source"] == self.table).unwrap();
            assert_eq!(table["state"], "differs", "{done}");
            let differences = table["differences"].as_array().unwrap_or_else(|| panic!("{}: {done}", self.change));
            assert_eq!(differences.len(), self.said.len(), "{}: {done}", self.change);
            let fits = |is: &&serde_json::Value| {
                let ends = is["key"].as_str().is_some_and(|is| is.rsplit([' ', '=']).next() == Some(*key));
                is["kind"] == *kind && (key.is_empty() || ends)
            };
            let of_value = |value: &serde_json::Value, wanted: &str| match value.as_str() {
                Some(value) => value.contains(wanted) && (wanted != "''" || !value.contains("NULL")),
                None => wanted.is_empty(),
            };
            // a row that was changed without a key may be told as a change, too
            let Some(row) = differences.iter().find(fits) else { panic!("{} {kind} {key}: {done}", self.change) };
            let mut cells = row["columns"].as_array().unwrap().iter().filter(|cell| cell["column"] == *column);
            let cell = cells.next().unwrap_or_else(|| panic!("no word of `{column}`: {done}"));
            assert!(of_value(&cell["source"], source), "{source} is not in {cell}: {done}");
            assert!(of_value(&cell["target"], target), "{target} is not in {cell}: {done}");
            if *kind == "changed" {
                assert_eq!(row["columns"].as_array().unwrap().len(), 1, "more than one column: {done}");
            }
        }
        for other in done.list("tables").filter(|is| is["source"] != self.table) {
            assert_eq!(other["state"], "proven", "{done}");
        }
    }
}

#[test]
fn compare_finds_each_fault() {
    let port = source();
    port.proven(&["--batch-rows", "3000"]);
    // a row twice is possible only without the key
    port.target.execute("ALTER TABLE big DROP CONSTRAINT big_pkey");
    let clean = port.compare(&[]);
    assert_eq!(clean.ran.code, Some(0), "{clean}");
    assert_eq!(clean.json["result"], "proven", "{clean}");
    for fault in FAULTS {
        port.target.execute(fault.change);
        fault.is_said(&port.compare(&[]));
        port.target.execute(fault.undo);
        // an error in the undoing would be found as the next fault's
        assert_eq!(port.compare(&["--tables", fault.table]).ran.code, Some(0), "{} is not undone", fault.change);
    }
}

#[test]
fn many_faults_are_counted_and_some_listed() {
    let port = source();
    port.proven(&[]);
    port.target.execute("UPDATE big SET n = n + 1");
    let done = port.compare(&[]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    let table = done.list("tables").find(|is| is["source"] == "big").unwrap();
    let listed = table["differences"].as_array().unwrap().len();
    assert!((1..=1000).contains(&listed), "{listed}");
    assert!(table["unlisted_differences"].as_u64().unwrap() > 0);
    assert_eq!(port.compare(&["--tables", "loose"]).ran.code, Some(0));
}

#[test]
fn compare_needs_no_port_before_it() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER, ok BOOLEAN, at DATETIME, j TEXT);
         INSERT INTO t VALUES (1, 5, 1, '2024-01-02 03:04', '{\"a\": 1.0}'), (2, NULL, 0, NULL, NULL);",
    );
    // moved by something else, in another order, with a column more
    port.target.execute(
        "CREATE TABLE t (j jsonb, more int, at timestamp, ok boolean, v numeric, id int);
         INSERT INTO t VALUES (NULL, 1, NULL, false, NULL, 2), ('{\"a\": 1}', 2, '2024-01-02 03:04:00', true, 5.00, 1)",
    );
    let before = port.everything();
    let done = port.compare(&[]);
    assert_eq!(done.ran.code, Some(0), "{done}");
    assert_eq!(port.everything(), before);
    port.target.execute("UPDATE t SET ok = true WHERE id = 2");
    let done = port.compare(&[]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    let row = done.difference("t", "changed", "2");
    assert_eq!(row["columns"][0]["column"], "ok", "{done}");
    assert_eq!(port.compare(&["--sample", "2"]).ran.code, Some(1), "two rows are all rows");
}

/// Somebody changes objects within the port, once all are made and before they are looked at: each is told.
#[test]
fn objects_that_are_not_as_they_were_made() {
    let port = Port::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'it''s', n INTEGER DEFAULT 7, m INTEGER,
             UNIQUE (name, n), CONSTRAINT positive CHECK (n > 0 AND name <> 'no'));
         CREATE TABLE child (a INTEGER, b TEXT, p INTEGER, PRIMARY KEY (b, a), CONSTRAINT to_parent FOREIGN KEY (p) REFERENCES parent ON DELETE CASCADE);
         CREATE INDEX by_n ON parent (n DESC, m); CREATE UNIQUE INDEX partly ON parent (m) WHERE n > 5; CREATE INDEX lowered ON parent (lower(name));
         CREATE VIEW last AS SELECT id FROM parent;
         INSERT INTO parent VALUES (1, 'a', 1, 2); INSERT INTO child VALUES (1, 'b', 1);",
    );
    let changes: &[(&str, &str, &str, &str)] = &[
        ("SELECT 1", "", "", ""),
        ("DROP INDEX public.by_n", "by_n", "missing", ""),
        ("DROP INDEX public.by_n; CREATE INDEX by_n ON public.parent (n DESC, id)", "by_n", "different", "terms"),
        ("DROP INDEX public.by_n; CREATE INDEX by_n ON public.parent (n, m)", "by_n", "different", "terms"),
        (
            "DROP INDEX public.by_n; CREATE INDEX by_n ON public.parent (n DESC) INCLUDE (m)",
            "by_n",
            "different",
            "how many",
        ),
        (
            "DROP INDEX public.partly; CREATE INDEX partly ON public.parent (m) WHERE n > 5",
            "partly",
            "different",
            "unique",
        ),
        ("DROP INDEX public.partly; CREATE UNIQUE INDEX partly ON public.parent (m)", "partly", "different", "partial"),
        (
            "DROP INDEX public.partly; CREATE UNIQUE INDEX partly ON public.parent (m) WHERE n > 4",
            "partly",
            "different",
            "(n > 5)",
        ),
        (
            "DROP INDEX public.lowered; CREATE INDEX lowered ON public.parent (upper(name))",
            "lowered",
            "different",
            "upper",
        ),
        ("ALTER TABLE public.child DROP CONSTRAINT to_parent", "to_parent", "missing", ""),
        (
            "ALTER TABLE public.child DROP CONSTRAINT to_parent, ADD CONSTRAINT to_parent FOREIGN KEY (p) REFERENCES public.parent DEFERRABLE",
            "to_parent",
            "different",
            "ON DELETE; whether it is deferrable",
        ),
        (
            "ALTER TABLE public.child DROP CONSTRAINT child_pkey, ADD CONSTRAINT child_pkey PRIMARY KEY (a, b)",
            "child_pkey",
            "different",
            "columns",
        ),
        ("ALTER TABLE public.parent DROP CONSTRAINT parent_name_n_key", "parent_name_n_key", "missing", ""),
        ("ALTER TABLE public.parent DROP CONSTRAINT positive", "positive", "missing", ""),
        (
            "ALTER TABLE public.parent DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (n > 0)",
            "positive",
            "different",
            "name <> 'no'",
        ),
        ("ALTER TABLE public.parent ALTER n DROP DEFAULT", "n", "different", "default"),
        ("ALTER TABLE public.parent ALTER n SET DEFAULT 8", "n", "different", "`8` instead of `7`"),
        ("ALTER TABLE public.parent ALTER name SET DEFAULT 'its'", "name", "different", "default"),
        ("ALTER TABLE public.parent ALTER name DROP NOT NULL", "name", "different", "NOT NULL"),
        ("ALTER TABLE public.parent ALTER m TYPE integer", "m", "different", "`integer`"),
        ("ALTER TABLE public.parent ALTER id SET GENERATED ALWAYS", "id", "different", "identity"),
    ];
    port.target.execute("CREATE SCHEMA elsewhere");
    for (change, object, state, word) in changes {
        port.target.execute(&format!(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public;
             CREATE OR REPLACE FUNCTION elsewhere.meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE $c${change}$c$; END $$;
             DROP EVENT TRIGGER IF EXISTS meddle;
             CREATE EVENT TRIGGER meddle ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION elsewhere.meddle()"
        ));
        let done = port.plainly(&[]);
        let told =
            done.list("objects").filter(|one| ["missing", "different"].contains(&one["state"].as_str().unwrap()));
        let told: Vec<_> = told.collect();
        if object.is_empty() {
            assert_eq!(done.ran.code, Some(0), "{done}");
            assert!(told.is_empty(), "{told:?}");
            continue;
        }
        assert_eq!(done.ran.code, Some(1), "{change}: {done}");
        assert_eq!(done.json["result"], "incomplete", "{change}: {done}");
        assert_eq!(told.len(), 1, "{change}: {told:?}");
        assert_eq!(
            (told[0]["name"].as_str(), told[0]["state"].as_str()),
            (Some(*object), Some(*state)),
            "{change}: {told:?}"
        );
        assert!(told[0]["remark"].as_str().unwrap_or_default().contains(word), "{change}: {told:?}");
    }
}

/// Between the load and the reading back, within one port.
#[cfg(feature = "crash-tests")]
mod within_a_port {
    use super::*;

    #[test]
    fn a_port_finds_each_fault() {
        for fault in FAULTS {
            let port = source();
            // one worker, tables one after another: all of the faulty table's batches are in, and none is read back
            let last = if fault.table == "big" { 4 } else { 5 };
            let flags = ["--jobs", "1", "--batch-rows", "3000"];
            let killed = port.killed_at(&format!("port-batch-committed#{last}"), &flags);
            assert_eq!(killed.code, None, "{killed:?}");
            super::super::resume::others_have_ended(&port);
            let rows = port.target.value(&format!("SELECT count(*) FROM {}", fault.table));
            assert_eq!(
                rows,
                if fault.table == "big" { ROWS.to_string() } else { "2000".to_owned() },
                "{}",
                fault.change
            );
            port.target.execute(fault.change);
            let done = port.plainly(&["--resume", "--jobs", "1"]);
            fault.is_said(&done);
        }
    }
}
