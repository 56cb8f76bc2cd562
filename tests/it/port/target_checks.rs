//! What a target that is there demands of its rows beyond their types: known before the first write.

use serde_json::json;

use super::{Done, Port};

/// Twelve rows; 3 and 5 to 7 cost less than nothing, and 9 has no name.
const SOURCE: &str = "
    CREATE TABLE item (id INTEGER PRIMARY KEY, price INTEGER, qty INTEGER, name TEXT);
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 12)
    INSERT INTO item SELECT i, iif(i IN (3, 5, 6, 7), -i, i), i - 4, iif(i = 9, '', 'n' || i) FROM c;";

/// A port into tables that the application has made.
fn into(source: &str, target: &str) -> Port {
    let port = Port::of(source);
    port.target.execute(target);
    port
}

#[test]
fn rows_that_break_a_check_are_a_blocker() {
    let port = into(
        SOURCE,
        "CREATE TABLE item (id bigint PRIMARY KEY, price bigint CHECK (price > 0), qty bigint, name text,
           CONSTRAINT \"a name\" CHECK (name <> '' OR price > 100), CONSTRAINT holds CHECK (qty > -10 OR qty IS NULL))",
    );
    let done = port.refused(&[]);
    let price = done.finding("item", "item_price_check", &["4 of 12 rows break", "rowid 3: price = -3"]);
    assert_eq!(price["code"], "target-check");
    assert_eq!(price["rows"], 4);
    assert_eq!(price["affected"], json!({"ranges": [[3, 3], [5, 7]], "complete": true}), "{done}");
    let name = done.finding("item", "a name", &["1 of 12 rows breaks"]);
    // in whatever order the server names what it reads
    assert!(name["examples"][0].as_str().is_some_and(|row| row.starts_with("rowid 9: ")), "{name}");
    assert!(!done.json.to_string().contains("holds"), "{done}");
    // a dry run says the same, and leaves the target alone
    let before = port.everything();
    let dry = port.plainly(&["--dry-run"]);
    assert_eq!(dry.json["result"], "refused", "{dry}");
    dry.finding("item", "item_price_check", &["4 of 12 rows break"]);
    assert_eq!(port.everything(), before);
    // mended, it goes through
    port.sqlite("UPDATE item SET price = 1, name = 'x'");
    port.proven(&[]);
}

#[test]
fn rows_can_be_put_aside() {
    let port = into(
        SOURCE,
        "CREATE DOMAIN count AS bigint CHECK (VALUE >= 0);
         CREATE TABLE item (id bigint PRIMARY KEY, price bigint CHECK (price > 0), qty count, name text)",
    );
    let done = port.run(&["--on-error", "quarantine"]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    assert_eq!(done.finding("item", "item_price_check", &["these rows are put aside"])["level"], "change");
    done.finding("item", "qty", &["3 of 12 rows break", "count_check", "qty = -3"]);
    let aside = done.json["tables"][0]["quarantined"].as_array().map(Vec::len);
    // 1 to 3 count less than nothing, 3 and 5 to 7 cost less
    assert_eq!((aside, port.target.value("SELECT count(*) FROM item").as_str()), (Some(6), "6"), "{done}");
}

#[test]
fn domains_check_what_they_are_over_too() {
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, value TEXT, other TEXT, at TEXT);
         INSERT INTO t VALUES (1, 'ab', 'ab', '2020-01-01'), (2, 'abcd', 'ab', '1999-01-01'), (3, '', 'ab', NULL),
                              (4, NULL, 'ab', '2020-01-01'), (5, 'VALUE', 'ab', '2020-01-01');",
        "CREATE DOMAIN filled AS varchar(10) CHECK (VALUE <> ''); CREATE DOMAIN short AS filled CONSTRAINT length CHECK (length(VALUE) < 4);
         CREATE DOMAIN recent AS date NOT NULL CHECK (VALUE > '2000-01-01');
         CREATE TABLE t (id bigint PRIMARY KEY, value short, other short, at recent)",
    );
    let done = port.refused(&[]);
    let ranges = |object: &str, words: &[&str]| done.finding("t", object, words)["affected"]["ranges"].clone();
    assert_eq!(ranges("value", &["filled_check"]), json!([[3, 3]]));
    assert_eq!(ranges("value", &["`length`", "value = abcd"]), json!([[2, 2], [5, 5]]));
    assert_eq!(ranges("at", &["recent_check", "at = 1999-01-01"]), json!([[2, 2]]));
    assert_eq!(ranges("at", &["null-in-not-null"]), json!([[3, 3]]));
    assert!(!done.findings().any(|finding| finding["object"] == "other"), "{done}");
}

#[test]
fn what_the_target_computes_is_computed() {
    let port = into(
        "CREATE TABLE Item (Id INTEGER PRIMARY KEY, Net INTEGER, Flag INTEGER);
         INSERT INTO Item VALUES (1, 5, 1), (2, 60, 0), (3, 70, 1), (4, 2000000000, 0);",
        "CREATE TABLE item (id bigint PRIMARY KEY, net integer, flag boolean, kind text DEFAULT 'std', no serial,
           gross integer GENERATED ALWAYS AS (net * 2) STORED,
           CONSTRAINT affordable CHECK (gross < 120), CONSTRAINT known CHECK (kind = 'std'),
           CONSTRAINT flagged CHECK (flag OR net <> 60), CONSTRAINT numbered CHECK (no > 0))",
    );
    let before = port.target.value("SELECT last_value, is_called FROM item_no_seq");
    let done = port.refused(&[]);
    // twice 2,000,000,000 is out of the type's range, as it would be during the copy
    assert_eq!(
        done.finding("Item", "affordable", &["3 of 4 rows", "out of range"])["affected"]["ranges"],
        json!([[2, 4]]),
        "{done}"
    );
    assert_eq!(done.finding("Item", "flagged", &["flag = false"])["affected"]["ranges"], json!([[2, 2]]), "{done}");
    done.finding("Item", "numbered", &["target-check-untried", "fills itself"]);
    assert!(!done.findings().any(|finding| finding["object"] == "known"), "{done}");
    assert_eq!(port.target.value("SELECT last_value, is_called FROM item_no_seq"), before, "a number was taken");
}

#[test]
fn an_expression_that_fails_refuses_its_row() {
    let port = into(
        "CREATE TABLE t (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)
         INSERT INTO t SELECT 'k', iif(i = 1234, 0, i) FROM c;",
        "CREATE TABLE t (a text, b bigint, PRIMARY KEY (a, b), CONSTRAINT inverse CHECK (6000 / b > 2))",
    );
    let done = port.refused(&[]);
    let found = done.finding("t", "inverse", &["('k', 0)", "division by zero"]);
    // 0, and from 2001 on all
    assert_eq!(found["rows"], 1001, "{done}");
    assert_eq!(found["affected"]["keys"].as_array().map(Vec::len), Some(300));
    // where it fails with every row, there is an end to looking for them
    port.target.execute("ALTER TABLE t DROP CONSTRAINT inverse, ADD CONSTRAINT inverse CHECK (1 / (b - b) > 0)");
    let done = port.refused(&[]);
    let found = done.finding("t", "inverse", &["at least 100 of 3,000 rows", "division by zero"]);
    assert_eq!((&found["rows"], &found["affected"]["complete"]), (&json!(100), &json!(false)), "{done}");
}

#[test]
fn one_row_in_a_hundred_thousand_is_found() {
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000)
         INSERT INTO t SELECT i, iif(i = 71234, 'bad', 'fine') FROM c;",
        "CREATE TABLE t (id bigint PRIMARY KEY, v text CHECK (v = 'fine'))",
    );
    let done = port.refused(&["--jobs", "2"]);
    assert_eq!(
        done.finding("t", "t_v_check", &["1 of 100,000 rows breaks"])["affected"]["ranges"],
        json!([[71234, 71234]])
    );
}

#[test]
fn a_person_may_let_the_copy_meet_it() {
    // the constraint looks elsewhere, and what it sees there is another thing by then
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 1);",
        "CREATE TABLE t (id bigint PRIMARY KEY, v bigint CONSTRAINT odd CHECK (v > 1))",
    );
    port.refused(&["--accept", "target-check:t.other"]);
    let done = port.run(&["--accept", "target-check:t.odd"]);
    assert_eq!(done.ran.code, Some(3), "{done}");
    assert!(done.to_string().contains("violates check constraint"), "{done}");
}

/// A role that may do everything in the target but make temporary tables, and its URL.
pub(super) fn without_temporary(port: &Port) -> String {
    let name = port.target.value("SELECT current_database()");
    port.target.execute(&format!(
        "REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC; CREATE ROLE {name}_plain LOGIN;
         GRANT ALL ON SCHEMA public TO {name}_plain; ALTER TABLE t OWNER TO {name}_plain"
    ));
    port.target.url.replace("postgres@", &format!("{name}_plain@"))
}

#[test]
fn without_the_right_to_temporary_tables_the_plan_says_so() {
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 5), (2, 6);",
        "CREATE TABLE t (id bigint PRIMARY KEY, v bigint CHECK (v > 0)); INSERT INTO t VALUES (1, 9)",
    );
    let url = without_temporary(&port);
    let run =
        |flags: &[&str]| Done::of(port.project.run(&[&["port", "source.db", &url, "--json", "--yes"], flags].concat()));
    for how in ["skip", "replace"] {
        let done = run(&["--on-conflict", how]);
        assert_eq!(done.json["result"], "refused", "{done}");
        assert_eq!(done.finding("t", "", &["no-privilege", "temporary tables"])["level"], "blocker", "{done}");
    }
    let done = run(&["--truncate"]).is_proven();
    let untried = done.finding("t", "t_v_check", &["target-check-untried", "may not make temporary tables"]);
    assert_eq!(untried["level"], "note", "{done}");
}

#[test]
fn a_privilege_that_is_missing_can_not_be_accepted() {
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 5);",
        "CREATE TABLE t (id bigserial PRIMARY KEY, v bigint)",
    );
    let role = format!("{}_plain", port.target.value("SELECT current_database()"));
    port.target.execute(&format!("CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role}"));
    let url = port.target.url.replace("postgres@", &format!("{role}@"));
    let run = |flags: &[&str]| Done::of(port.project.run(&[&["port", "source.db", &url, "--json"], flags].concat()));
    let lacks = |object: &str, choice: String| {
        for flags in [&["--accept", "no-privilege"][..], &["--accept", "no-privilege:t", "--dry-run"]] {
            let done = run(flags);
            assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("refused")), "{done}");
            let found = done.finding("t", object, &["no-privilege"]);
            assert!(found["accepted"] != true && found["choices"][0].as_str().unwrap().contains(&choice), "{found}");
        }
    };
    lacks("", format!("GRANT INSERT ON \"public\".\"t\" TO \"{role}\""));
    port.target.execute(&format!("GRANT INSERT ON t TO {role}"));
    lacks("", format!("GRANT SELECT ON \"public\".\"t\" TO \"{role}\""));
    port.target.execute(&format!("GRANT SELECT ON t TO {role}"));
    lacks("t_id_seq", format!("GRANT ALL ON SEQUENCE \"public\".\"t_id_seq\" TO \"{role}\""));
    port.target.execute(&format!("GRANT ALL ON SEQUENCE t_id_seq TO {role}"));
    run(&[]).is_proven();
}

#[test]
fn columns_are_tried_as_the_target_has_them() {
    let port = into(
        "CREATE TABLE \"My T\" (\"Id\" INTEGER PRIMARY KEY, \"a b\" TEXT, mood TEXT, at TEXT, amount TEXT, gone TEXT, code TEXT);
         INSERT INTO \"My T\" VALUES (1, 'Z', 'good', '2020-01-01 10:00:00', '1.50', 'x', 'ab'),
                                             (2, 'a', 'bad', '2020-01-01 10:00:00.25', '-1.50', 'x', 'abc'),
                                             (3, NULL, NULL, NULL, NULL, NULL, NULL);",
        "CREATE TYPE feeling AS ENUM ('good', 'bad'); CREATE DOMAIN mood AS feeling CHECK (VALUE < 'bad'::feeling);
         CREATE DOMAIN money2 AS numeric(8,2) CHECK (VALUE >= 0 AND scale(VALUE) = 2);
         CREATE TABLE \"My T\" (\"Id\" bigint PRIMARY KEY, \"a b\" text COLLATE \"C\", mood mood, at timestamp(2), amount money2,
           gone text, code character(3),
           CONSTRAINT ordered CHECK (\"a b\" < 'a'), CONSTRAINT whole CHECK (at = date_trunc('second', at)) NO INHERIT,
           CONSTRAINT padded CHECK (octet_length(code) = 3));
         ALTER TABLE \"My T\" ADD CONSTRAINT late CHECK (\"a b\" <> 'Z') NOT VALID;
         ALTER TABLE \"My T\" DROP COLUMN gone;",
    );
    let accept = ["--accept", "missing-column"];
    let done = port.refused(&accept);
    let table = "My T";
    for (object, row, example) in [
        ("ordered", 2, "a b = a"),
        ("whole", 2, "at = 2020-01-01 10:00:00.25"),
        ("late", 1, "a b = Z"),
        ("mood", 2, "mood = bad"),
        ("amount", 2, "amount = -1.50"),
    ] {
        let found = done.finding(table, object, &["target-check", example]);
        assert_eq!(found["affected"]["ranges"], json!([[row, row]]), "{found}");
    }
    let tried =
        done.findings().filter(|finding| finding["code"].as_str().is_some_and(|code| code.starts_with("target")));
    assert_eq!(tried.count(), 5, "{done}");
    port.sqlite("UPDATE \"My T\" SET \"a b\" = 'B', mood = 'good', at = '2020-01-01 10:00:00', amount = '1.50'");
    assert_eq!(port.run(&accept).ran.code, Some(0));
}

#[test]
fn rows_beside_others_are_tried_too() {
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 5), (2, -6), (3, 7);",
        "CREATE TABLE t (id bigint PRIMARY KEY, v bigint CHECK (v > 0)); INSERT INTO t VALUES (2, 9)",
    );
    for how in ["skip", "replace", "error"] {
        // they go in all at once: one of them can't be put aside
        let done = port.refused(&["--on-conflict", how, "--on-error", "quarantine"]);
        let found = done.finding("t", "t_v_check", &["rowid 2: v = -6"]);
        assert!(!found["choices"].to_string().contains("quarantine"), "{found}");
    }
    port.sqlite("UPDATE t SET v = 1");
    assert_eq!(port.run(&["--on-conflict", "replace"]).ran.code, Some(0));
}
