//! A table that differed is not forgotten, and a check looks at all that an import writes.

use std::path::PathBuf;

use serde_json::json;

use crate::support::{Kind, Project, TestDatabase, each_database};

const ORDERS: &str = r#"
sources:
  - files: "*.json"
    records: /orders[*]
    table: orders
    key: id
    columns: {id: /id, name: /name}
    children:
      - records: /lines[*]
        table: lines
        parent: {order_id: id}
        key: [order_id, no]
        columns: {no: /no, qty: /qty}
        children:
          - records: /subs[*]
            table: subs
            parent: {order_id: order_id, no: no}
            key: [order_id, no, p]
            columns: {p: position, s: /s}
      - records: /tags{*}
        table: tags
        parent: {order_id: id}
        key: [order_id, k]
        columns: {k: entry, v: ""}
"#;

fn orders() -> Project {
    let order = |id: u64| {
        let line = |no: u64| json!({"no": no, "qty": no * id, "subs": [{"s": "a"}, {"s": "b"}]});
        json!({"id": id, "name": format!("n{id}"), "lines": [line(0), line(1)], "tags": {"a": id, "b": null}})
    };
    let document = json!({"orders": (1..=5).map(order).collect::<Vec<_>>()});
    Project::new().file("import.yaml", ORDERS).file("data/o.json", &document.to_string())
}

fn order_tables(database: &TestDatabase) {
    database.execute(
        "CREATE TABLE orders (id integer PRIMARY KEY, name text, extra text); \
         CREATE TABLE lines (order_id integer NOT NULL REFERENCES orders ON DELETE CASCADE, no integer NOT NULL, \
           qty integer, PRIMARY KEY (order_id, no)); \
         CREATE TABLE subs (order_id integer NOT NULL, no integer NOT NULL, p integer NOT NULL, s text, \
           PRIMARY KEY (order_id, no, p), FOREIGN KEY (order_id, no) REFERENCES lines ON DELETE CASCADE); \
         CREATE TABLE tags (order_id integer NOT NULL REFERENCES orders ON DELETE CASCADE, k text NOT NULL, v integer, \
           PRIMARY KEY (order_id, k))",
    );
}

/// After a row of `table` comes in, and `when` says so, the statement is run.
fn trigger(database: &TestDatabase, name: &str, table: &str, when: &str, statement: &str) {
    database.execute(&match database.kind {
        Kind::Sqlite => format!("CREATE TRIGGER {name} AFTER INSERT ON {table} WHEN {when} BEGIN {statement}; END"),
        Kind::Postgres => format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NULL; END $$; \
             CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
        ),
    });
}

fn drop_trigger(database: &TestDatabase, name: &str, table: &str) {
    database.execute(&match database.kind {
        Kind::Sqlite => format!("DROP TRIGGER {name}"),
        Kind::Postgres => format!("DROP TRIGGER {name} ON {table}"),
    });
}

#[test]
fn a_table_that_differed_is_looked_at_until_it_is_right() {
    each_database(|database| {
        order_tables(database);
        trigger(
            database,
            "more",
            "lines",
            "NEW.order_id = 3",
            "UPDATE lines SET qty = qty + 1 WHERE order_id = 3 AND no = NEW.no",
        );
        trigger(database, "less", "tags", "NEW.order_id = 4", "DELETE FROM tags WHERE order_id = 4 AND k = 'b'");
        let project = orders();
        let import = ["import", "data", "-d", database.url.as_str()];
        let first = project.run(&import).exits(1);
        first.prints("DIFFERS").prints("`lines` 3, 0").prints("`lines` 3, 1").prints("`tags` 4, \"b\"");
        // again: the lines are written over, and the tag goes once more
        for _ in 0..2 {
            let again = project.run(&import).exits(1).prints("DIFFERS").prints("`tags` 4, \"b\"");
            assert!(!again.stdout.contains("had not changed"), "{}", again.stdout);
        }
        drop_trigger(database, "less", "tags");
        project.run(&import).ok().prints("proven");
        assert_eq!(database.query("SELECT qty FROM lines WHERE order_id = 3 ORDER BY no"), ["0", "3"]);
        assert_eq!(database.value("SELECT count(*) FROM tags"), "10");
        let report = project.run(&[&import[..], &["--json"]].concat()).ok().json();
        assert_eq!((&report["files_unchanged"], &report["records_migrated"]), (&1.into(), &0.into()), "{report}");
    });
}

const ROWS: &str = "sources:\n  - {files: \"*.jsonl\", table: t, key: [id], columns: {id: /id, v: /v}}\n";

fn lines(count: u64) -> String {
    (1..=count).map(|id| format!("{{\"id\":{id},\"v\":\"v{id}\"}}\n")).collect()
}

#[test]
fn a_row_that_differed_and_is_not_to_be_written_over_is_told_until_it_is_right() {
    each_database(|database| {
        database.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)");
        trigger(database, "other", "t", "NEW.id = 2", "UPDATE t SET v = 'other' WHERE id = 2");
        let project = Project::new().file("import.yaml", ROWS).file("data/a.jsonl", &lines(3));
        for exists in ["skip", "error"] {
            database.execute("DELETE FROM t");
            project.write("import.yaml", &ROWS.replace("table: t,", &format!("exists: {exists}, table: t,")));
            let import = ["import", "data", "-d", database.url.as_str()];
            for _ in 0..3 {
                project.run(&import).exits(1).prints("DIFFERS").prints("is \"other\", and should be \"v2\"");
            }
            database.execute("UPDATE t SET v = 'v2' WHERE id = 2");
            project.run(&import).ok().prints("proven");
            project.run(&import).ok().prints("not compared");
        }
    });
}

#[test]
fn what_differed_in_a_run_that_failed_is_not_forgotten() {
    each_database(|database| {
        database.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)");
        trigger(database, "other", "t", "NEW.id = 2", "UPDATE t SET v = 'other' WHERE id = 2");
        // a batch is full with the first file's end
        let project =
            Project::new().file("import.yaml", ROWS).file("data/a.jsonl", &lines(8191)).file("data/z.jsonl", "{");
        let import = ["import", "data", "-d", database.url.as_str()];
        project.run(&import).exits(3).says("bad: quarantine");
        assert_eq!(database.query("SELECT count(*), min(v) FROM t"), ["8191|other"]);
        project.write("data/z.jsonl", "{\"id\":9000,\"v\":\"z\"}");
        project.run(&import).ok();
        assert_eq!(database.value("SELECT v FROM t WHERE id = 2"), "v2");
    });
}

#[cfg(feature = "crash-tests")]
#[test]
fn what_was_never_compared_is_compared_by_the_next_run() {
    each_database(|database| {
        database.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)");
        trigger(database, "other", "t", "NEW.id = 2", "UPDATE t SET v = 'other' WHERE id = 2");
        let project = Project::new().file("import.yaml", ROWS).file("data/a.jsonl", &lines(3));
        let import = ["import", "data", "-d", database.url.as_str()];
        let mut command = project.command(&import);
        let killed = crate::support::Ran::of(command.env("LIFTLOCK_CRASH_AT", "import-after-commit#1"));
        assert_eq!(killed.code, None, "{killed:?}");
        if database.kind == Kind::Postgres {
            crate::support::until("the killed client's session ends", || {
                let others =
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
                database.query(others).is_empty()
            });
        }
        assert_eq!(database.value("SELECT count(*) FROM t"), "3");
        project.run(&import).exits(1).prints("DIFFERS").prints("is \"other\", and should be \"v2\"");
        project.run(&import).ok().prints("proven");
        assert_eq!(database.value("SELECT v FROM t WHERE id = 2"), "v2");
        project.run(&import).ok().prints("1 file had not changed");
        assert_eq!(database.query("SELECT status FROM liftlock_import_run ORDER BY id")[..2], ["killed", "differs"]);
    });
}

#[test]
fn a_check_looks_at_nested_records() {
    each_database(|database| {
        order_tables(database);
        let project = orders();
        let import = ["import", "data", "-d", database.url.as_str()];
        let check = [&import[..], &["--check", "--json"]].concat();
        project.run(&import).ok();
        let report = project.run(&check).ok().json();
        assert_eq!((&report["conflicting"], &report["missing"], &report["extra"]), (&0.into(), &0.into(), &0.into()));
        // a row of a person's own is told, and is no fault
        database.execute("INSERT INTO tags VALUES (5, 'z', 1)");
        let report = project.run(&check).ok().json();
        assert_eq!(report["extra"], 1, "{report}");
        assert_eq!(report["extra_records"][0]["pointer"], "/orders/4", "{report}");
        database.execute(
            "UPDATE lines SET qty = 777 WHERE order_id = 2 AND no = 1; DELETE FROM tags WHERE order_id = 4 AND k = 'b'; \
             UPDATE subs SET s = 'other' WHERE order_id = 1 AND no = 0 AND p = 1; DELETE FROM lines WHERE order_id = 3 AND no = 0",
        );
        let report = project.run(&check).exits(1).json();
        let at = |what: &str| -> Vec<String> {
            let problems = report[what].as_array().unwrap().iter();
            problems.map(|problem| problem["pointer"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(at("conflicts"), ["/orders/0/lines/0/subs/1", "/orders/1/lines/1"], "{report}");
        assert_eq!(at("missing_records"), ["/orders/2/lines/0", "/orders/3/tags/b"], "{report}");
        assert_eq!(report["conflicts"][1]["column"], "lines.qty");
        let ran = project.run(&[&import[..], &["--check"]].concat()).exits(1);
        ran.prints("holds 777, and the file 2")
            .prints("`tags` has no row with the key 4, \"b\"")
            .prints("extra: o.json");
    });
}

#[test]
fn a_check_finds_nested_rows_whose_keys_the_import_made() {
    each_database(|database| {
        let (number, uuid) = match database.kind {
            Kind::Sqlite => ("INTEGER PRIMARY KEY", "TEXT"),
            Kind::Postgres => ("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "uuid"),
        };
        database.execute(&format!(
            "CREATE TABLE docs (id {uuid} PRIMARY KEY, name text); \
             CREATE TABLE parts (id {uuid} PRIMARY KEY, doc {uuid} NOT NULL REFERENCES docs, v text); \
             CREATE TABLE subs (id {number}, part {uuid} NOT NULL REFERENCES parts, s text)"
        ));
        let mapping = "sources:\n  - files: \"*.json\"\n    table: docs\n    columns: {id: {generate: uuid}, name: /name}\n    children:\n      \
                       - records: \"/parts[*]\"\n        table: parts\n        parent: {doc: id}\n        columns: {id: {generate: uuid}, v: /v}\n        \
                       children:\n          - {records: \"/subs[*]\", table: subs, parent: {part: id}, columns: {s: \"\"}}\n";
        let project = Project::new().file("import.yaml", mapping);
        // those that say the same are told apart by what is below them
        let parts =
            json!([{"v": "x", "subs": ["1"]}, {"v": "x", "subs": ["2", "2"]}, {"v": "y"}, {"v": "x", "subs": []}]);
        project.write("data/a.json", &json!({"name": "a", "parts": parts}).to_string());
        project.write("data/b.json", &json!({"name": "b", "parts": parts}).to_string());
        let import = ["import", "data", "-d", database.url.as_str()];
        let check = [&import[..], &["--check", "--json"]].concat();
        project.run(&import).ok();
        project.run(&check).ok();
        let part = "SELECT p.id FROM parts p JOIN docs d ON d.id = p.doc WHERE d.name = 'b' AND p.v = 'y'";
        database.execute(&format!("DELETE FROM parts WHERE id = ({part})"));
        database.execute("UPDATE subs SET s = '3' WHERE s = '1'; UPDATE docs SET name = 'other' WHERE name = 'a'");
        let report = project.run(&check).exits(1).json();
        assert_eq!((&report["conflicting"], &report["missing"]), (&3.into(), &1.into()), "{report}");
        let columns: Vec<&serde_json::Value> =
            report["conflicts"].as_array().unwrap().iter().map(|problem| &problem["column"]).collect();
        assert_eq!(columns, ["docs.name", "subs.s", "subs.s"]);
        assert_eq!(report["missing_records"][0]["pointer"], "/parts/2");
        assert_eq!(report["extra"], 0, "{report}");
    });
}

#[test]
fn a_time_that_a_column_holds_is_a_change() {
    each_database(|database| {
        let time = if database.kind == Kind::Sqlite { "TEXT" } else { "timestamptz" };
        database.execute(&format!("CREATE TABLE t (id integer PRIMARY KEY, changed {time})"));
        let mapping =
            "sources:\n  - {files: \"*.json\", table: t, key: [id], columns: {id: /id, changed: {file: mtime}}}\n";
        let project = Project::new().file("import.yaml", mapping).file("data/a.json", "{\"id\":1}");
        let touch = |seconds| {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            std::fs::File::options().write(true).open(project.path("data/a.json")).unwrap().set_modified(time).unwrap();
        };
        let import = ["import", "data", "-d", database.url.as_str()];
        touch(1_000_000_000);
        project.run(&import).ok();
        touch(1_100_000_000);
        project.run(&import).ok().prints("imported 1 record of 1 file");
        assert!(database.value("SELECT changed FROM t").starts_with("2004-11-09"));
        project.run(&[&import[..], &["--check"]].concat()).ok();
        project.run(&import).ok().prints("1 file had not changed");
    });
}

/// A folder at `path` of the project, in so many others that the system takes no path to what is in it.
#[cfg(target_os = "linux")]
fn far(project: &Project, path: &str) -> PathBuf {
    let long = (0..11).map(|_| "x".repeat(250)).collect::<Vec<_>>().join("/");
    project.path(path).join(long)
}

/// What root can't read either is a path that is too long.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_read_is_not_taken_and_its_files_are_not_gone() {
    let database = TestDatabase::sqlite();
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)");
    let project = Project::new().file("data/a.jsonl", &lines(3));
    project.write("import.yaml", &ROWS.replace("*.jsonl", "**/*.jsonl"));
    let inner = far(&project, "data/d");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(inner.join("b.jsonl"), "{\"id\":9,\"v\":\"nine\"}").unwrap();
    let import = |dir: &str| project.run(&["import", dir, "--tree", "t", "-d", &database.url, "--json"]);
    assert_eq!(import("data").ok().json()["records_migrated"], 4);
    let outer = far(&project, "else");
    std::fs::create_dir_all(&outer).unwrap();
    std::fs::rename(project.path("data"), outer.join("data")).unwrap();
    std::fs::write(outer.join("data/c.jsonl"), "{\"id\":10,\"v\":\"ten\"}").unwrap();
    let dir = outer.join("data");
    let report = import(dir.to_str().unwrap()).exits(1).json();
    assert_eq!(report["records_migrated"], 1, "{report}");
    assert_eq!(report["files_deleted"], json!([]));
    let unread = report["folders_unread"][0].as_str().unwrap();
    assert!(unread.starts_with("d/xxx") && unread.contains("too long"), "{unread}");
    let ran = project.run(&["import", dir.to_str().unwrap(), "--tree", "t", "-d", &database.url]).exits(1);
    ran.prints("not taken: d/xxx").prints("1 folder could not be read");
    std::fs::rename(outer.join("data"), project.path("data")).unwrap();
    let report = import("data").ok().json();
    assert_eq!((&report["files_unchanged"], &report["records_migrated"]), (&3.into(), &0.into()), "{report}");
}
