//! Keys, constraints, defaults, names, plans and existing targets, on schemas of our own.

use super::Port;

#[test]
fn what_is_left_out_ends_with_1_until_it_is_accepted() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, g INT REFERENCES gone (id), upd TEXT);
         CREATE TRIGGER touch AFTER UPDATE ON t BEGIN UPDATE t SET upd = 'now' WHERE id = NEW.id; END;
         INSERT INTO t VALUES (1, 1, NULL);",
    );
    let done = port.incomplete(&[]);
    done.finding("t", "", &["gone"]);
    done.finding("t", "touch", &["UPDATE t SET upd"]);
    let codes = done.left_out();
    assert_eq!(codes.len(), 2, "{done}");
    port.target.execute("DROP TABLE t");
    port.incomplete(&["--accept", &codes[0]]);
    port.target.execute("DROP TABLE t");
    port.proven(&["--accept", &codes[0], "--accept", &codes[1]]);
    port.target.execute("DROP TABLE t");
    port.proven(&["--accept", "trigger:touch", "--accept", codes.iter().find(|code| *code != "trigger").unwrap()]);
}

#[test]
fn orphans_leave_the_key_not_valid_and_listed() {
    let port = Port::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p ON DELETE CASCADE); INSERT INTO c VALUES (1, 1), (2, 99), (3, NULL);
         CREATE TABLE k (id INTEGER PRIMARY KEY, v INT CHECK (v > 0)); INSERT INTO k VALUES (1, 5);
         PRAGMA ignore_check_constraints = on; INSERT INTO k VALUES (2, -5);",
    );
    let done = port.run(&["--dry-run", "--accept", "orphans"]);
    done.finding("c", "p", &["orphans", "accepted"]);
    let done = port.run(&[]).is_incomplete();
    port.assert_same(&done);
    let not_valid = done.list("objects").filter(|object| object["remark"].to_string().contains("NOT VALID"));
    assert_eq!(not_valid.count(), 2, "{done}");
    done.finding("c", "", &["99", "left-out"]);
    done.finding("k", "", &["rowid 2"]);
    assert_eq!(port.constraints("c", 'f'), ["FOREIGN KEY (p) REFERENCES p(id) ON DELETE CASCADE NOT VALID"]);
    assert_eq!(port.constraints("k", 'c').len(), 1);
    assert!(port.constraints("k", 'c')[0].ends_with("NOT VALID"));
    assert!(!port.takes("INSERT INTO c VALUES (4, 98)"));
    assert!(!port.takes("INSERT INTO k VALUES (3, -1)"));
}

#[test]
fn uniqueness_without_regard_to_case() {
    let sql = "CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE);
               INSERT INTO u VALUES (1, 'Anna'), (2, 'É'), (3, 'é'), (4, NULL), (5, NULL);";
    let port = Port::of(sql);
    let done = port.run(&[]);
    assert!([Some(0), Some(1)].contains(&done.ran.code), "{done}");
    done.all_rows_proven();
    port.assert_same(&done);
    done.finding("u", "", &["name"]);
    assert!(!port.takes("INSERT INTO u VALUES (9, 'aNNA')"));
    assert!(port.takes("INSERT INTO u VALUES (10, 'ê'), (11, 'Ê')"));
    let port = Port::of(
        "CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE); INSERT INTO u VALUES (1, 'Anna');",
    );
    let done = port.run(&["--nocase", "icu"]);
    assert!([Some(0), Some(1)].contains(&done.ran.code), "{done}");
    port.assert_same(&done);
    assert_eq!(port.target.value("SELECT count(*) FROM u WHERE name = 'ANNA'"), "1");
    assert!(!port.takes("INSERT INTO u VALUES (9, 'aNNA')"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 'abc');");
    let before = port.everything();
    let done = port.run(&["--dry-run"]);
    assert_eq!(done.ran.code, Some(0), "{done}");
    assert_eq!(port.everything(), before);
    assert!(done.plan.is_some(), "{done}");
    assert!(done.ran.stdout.contains("rowid 1"), "{done}");
}

#[test]
fn a_dry_run_ends_as_the_run_would_for_what_is_left_out() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         CREATE TRIGGER later AFTER INSERT ON t BEGIN DELETE FROM t WHERE id < 0; END;",
    );
    let dry = port.plainly(&["--dry-run"]);
    assert_eq!((dry.ran.code, &dry.json["result"]), (Some(1), &"planned".into()), "{dry}");
    let words = port.project.run(&["port", "source.db", &port.target.url, "--dry-run"]).exits(1);
    words.says("a run would end with exit code 1: 1 thing would be left out").says("nothing was written");
    let dry = port.plainly(&["--dry-run", "--accept", "trigger:later"]);
    assert_eq!((dry.ran.code, &dry.json["result"]), (Some(0), &"planned".into()), "{dry}");
    assert!(port.target.tables().is_empty());
}

#[test]
fn what_was_hardly_meant_is_told() {
    let port = Port::of("");
    for dry in [&["--dry-run"][..], &[]] {
        let done = port.plainly(dry);
        assert!(done.json["notes"].to_string().contains("has no tables: is it the right file?"), "{done}");
    }
    port.sqlite("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t;");
    let words = port.project.run(&["port", "source.db", &port.target.url, "--include", "Nope*"]).exits(1);
    words.prints("nothing is proven").says("none of the source's 1 table is ported");
    let done = port.plainly(&["--dry-run", "--accept", "text-order:x", "--accept", "view:NoSuch"]);
    let notes = done.json["notes"].to_string();
    assert!(notes.contains("by `text-order:x`") && notes.contains("by `view:NoSuch`"), "{done}");
    // what no finding of any port is called by is a typing error
    let typo = |flags: &[&str]| port.project.run(&[&["port", "source.db", &port.target.url], flags].concat()).exits(2);
    typo(&["--accept", "text-ordr"]).says("`text-ordr` can't be accepted").says("did you mean `text-order`?");
    typo(&["--dry-run", "--accept", "colour:t.x"]).says("`colour:t.x`").says("view-differs, ");
    for (flag, of) in [("--jobs", "port"), ("--batch-rows", "port"), ("--jobs", "compare")] {
        port.project.run(&[of, "source.db", &port.target.url, flag, "0"]).exits(2);
    }
    port.project.run(&["port", "source.db", &port.target.url, "--plan", "no.yaml"]).exits(2).says("`no.yaml`");
    port.proven(&[]);
    port.target.execute("DROP TABLE t CASCADE");
    // a comparison has no flags that make tables or rename them
    let done = port.compare(&[]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    assert!(!done.json["findings"].to_string().contains("--"), "{done}");
}

#[test]
fn an_edited_plan_is_used() {
    let port =
        Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER, w INTEGER); INSERT INTO t VALUES (1, 5, 6);");
    port.run(&["--dry-run"]);
    let plan = port.project.read("plan-out.yaml");
    let mut document: serde_json::Value = serde_saphyr::from_str(&plan).unwrap();
    let column = &mut document["tables"][0]["columns"][1];
    assert_eq!((&column["source"], &column["type"]), (&"v".into(), &"bigint".into()), "{plan}");
    column["type"] = "smallint".into();
    column["target"] = "renamed".into();
    // JSON is YAML
    port.project.write("edited.yaml", &document.to_string());
    port.proven(&["--plan", "edited.yaml"]);
    assert_eq!(port.type_of("t", "renamed"), "smallint");
    port.target.execute("DROP TABLE t");
    // the scan is made again: what fitted then may not fit now
    port.sqlite("INSERT INTO t VALUES (2, 70000, 1)");
    port.refused(&["--plan", "edited.yaml"]).finding("t", "v", &["rowid 2", "70000"]);
}

#[test]
fn names_by_choice() {
    let sql = "CREATE TABLE \"OrderDetails\" (\"OrderID\" INTEGER PRIMARY KEY, \"unitPrice\" REAL, other TEXT);
               INSERT INTO \"OrderDetails\" VALUES (1, 1.5, 'x');
               CREATE TABLE \"Logs\" (id INTEGER PRIMARY KEY); INSERT INTO \"Logs\" VALUES (1);";
    let names = |port: &Port, table: &str| {
        port.target
            .query(&format!("SELECT attname FROM pg_attribute WHERE attrelid = '\"{table}\"'::regclass AND attnum > 0"))
    };
    let port = Port::of(sql);
    port.proven(&["--snake-case", "--rename", "Logs=log_entries", "--rename", "OrderDetails.other=note"]);
    assert_eq!(port.target.tables(), ["log_entries", "order_details"]);
    assert_eq!(names(&port, "order_details"), ["order_id", "unit_price", "note"]);
    let port = Port::of(sql);
    port.proven(&["--lowercase"]);
    assert_eq!(port.target.tables(), ["logs", "orderdetails"]);
    assert_eq!(names(&port, "orderdetails"), ["orderid", "unitprice", "other"]);
    let port = Port::of(sql);
    port.run(&["--include", "Order*"]).is_proven();
    assert_eq!(port.target.tables(), ["OrderDetails"]);
    let port = Port::of(sql);
    port.run(&["--exclude", "L?gs"]).is_proven();
    assert_eq!(port.target.tables(), ["OrderDetails"]);
    let port = Port::of(sql);
    let done = port.run(&["--schema", "App Data"]).is_proven();
    let client = &mut port.target.client();
    let differences = super::compare::differences(&port.connection(), client, "App Data", done.plan.as_ref());
    assert!(differences.is_empty(), "{differences:?}");
    assert!(port.target.tables().is_empty());
}

#[test]
fn names_that_fall_together_stay_apart() {
    let port = Port::of(&format!(
        "CREATE TABLE \"{long}_1\" (id INTEGER PRIMARY KEY, \"{long}_a\" INT, \"{long}_b\" INT); INSERT INTO \"{long}_1\" VALUES (1, 2, 3);
         CREATE TABLE \"{long}_2\" (id INTEGER PRIMARY KEY, v INT); INSERT INTO \"{long}_2\" VALUES (1, 4);
         CREATE INDEX \"{long}_i1\" ON \"{long}_2\" (v); CREATE INDEX \"{long}_i2\" ON \"{long}_2\" (v, id);
         CREATE TABLE idx (id INTEGER PRIMARY KEY, v INT); CREATE INDEX a_pkey ON idx (v); CREATE TABLE a (id INTEGER PRIMARY KEY);
         CREATE TABLE \"Größe\" (id INTEGER PRIMARY KEY); CREATE TABLE \"GRÖßE\" (id INTEGER PRIMARY KEY);",
        long = "ü".repeat(40)
    ));
    port.proven(&[]);
    assert_eq!(port.target.tables().len(), 6);
    port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    // in lower case the last two are one: they stay apart, or it is refused
    let done = port.run(&["--lowercase"]);
    match done.json["result"].as_str() {
        Some("refused") => assert!(port.target.tables().is_empty()),
        _ => port.assert_same(&done.is_proven()),
    }
}

#[test]
fn views_give_the_same_rows() {
    let port = Port::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, n INT); INSERT INTO a VALUES (1, 'Abc', 5), (2, 'xaBCx', 7), (3, NULL, NULL);
         CREATE TABLE b (id INTEGER PRIMARY KEY, a INT REFERENCES a); INSERT INTO b VALUES (1, 1), (2, 1), (3, 2);
         CREATE VIEW likes AS SELECT id, name FROM a WHERE name LIKE '%abc%';
         CREATE VIEW counts AS SELECT a.id, ifnull(a.name, '-') AS name, count(b.id) AS many FROM a LEFT JOIN b ON b.a = a.id GROUP BY a.id, a.name;
         CREATE VIEW halves AS SELECT id, n / 2 AS half, n / 2.0 AS exact FROM a;
         CREATE VIEW odd AS SELECT id, group_concat(name, '+') OVER (ORDER BY id) AS x FROM a;",
    );
    let done = port.run(&[]);
    assert!([Some(0), Some(1)].contains(&done.ran.code), "{done}");
    done.all_rows_proven();
    port.assert_same(&done);
    let rows = |view: &str| port.target.query(&format!("SELECT * FROM {view} ORDER BY id"));
    assert_eq!(rows("likes"), ["1|Abc", "2|xaBCx"]);
    assert_eq!(rows("counts"), ["1|Abc|2", "2|xaBCx|1", "3|-|0"]);
    let made = port.target.query("SELECT viewname FROM pg_views WHERE schemaname = 'public'");
    for view in ["halves", "odd"].into_iter().filter(|view| !made.iter().any(|name| name == view)) {
        assert_eq!(done.finding("", view, &[])["level"], "left-out", "{done}");
    }
    if made.iter().any(|view| view == "halves") {
        let halves = "SELECT half, exact::float8 FROM halves ORDER BY id";
        assert_eq!(port.target.query(halves), ["2|2.5", "3|3.5", "∅|∅"]);
    }
}

#[test]
fn an_existing_target_keeps_what_it_has() {
    let port = Port::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE c (id INTEGER PRIMARY KEY, p INT);
         INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO c VALUES (10, 2), (11, 1);",
    );
    port.target.execute(
        "CREATE TABLE c (id serial PRIMARY KEY, p int NOT NULL, touched boolean DEFAULT false);
         CREATE TABLE p (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v varchar(5) NOT NULL, at timestamptz DEFAULT now());
         ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (p) REFERENCES p ON DELETE CASCADE;
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := true; RETURN NEW; END';
         CREATE TRIGGER touch BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION touch();",
    );
    port.proven(&[]);
    // rows are put in as they are, and what the schema does for the application's own it does again
    assert_eq!(port.target.value("SELECT count(*) FROM c WHERE NOT touched"), "2");
    assert_eq!(port.constraints("c", 'f'), ["FOREIGN KEY (p) REFERENCES p(id) ON DELETE CASCADE"]);
    assert_eq!(port.target.value("INSERT INTO p (v) VALUES ('n') RETURNING id"), "3");
    assert_eq!(port.target.value("INSERT INTO c (p) VALUES (3) RETURNING id, touched"), "12|t");
    assert!(!port.takes("INSERT INTO c (p) VALUES (77)"));
    // what does not fit is seen before anything is written
    port.target.execute("TRUNCATE p, c");
    port.sqlite("INSERT INTO p VALUES (3, 'too long for it'), (4, NULL)");
    let done = port.refused(&[]);
    done.finding("p", "v", &["rowid 3"]);
    done.finding("p", "v", &["rowid 4"]);
}

#[test]
fn orphans_do_not_pass_an_existing_key_unseen() {
    let port = Port::of(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p INT);
         INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1), (2, 99);",
    );
    port.target.execute("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p)");
    let done = port.run(&[]);
    done.finding("c", "", &["99"]);
    if done.json["result"] == "refused" {
        assert_eq!(port.target.value("SELECT count(*) FROM p"), "0");
    } else {
        assert_eq!(port.constraints("c", 'f'), ["FOREIGN KEY (p) REFERENCES p(id) NOT VALID"], "{done}");
    }
}

#[test]
fn a_report_in_one_page() {
    let port = Port::of(
        "CREATE TABLE \"<b>x</b>\" (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO \"<b>x</b>\" VALUES (1, '<script>');",
    );
    port.proven(&["--report", "report.html"]);
    let page = port.project.read("report.html");
    assert!(page.contains("&lt;b&gt;x&lt;/b&gt;"), "{page}");
    assert!(!page.contains("<b>x</b>") && !page.contains("'<script>'"), "{page}");
    for other in ["http://", "https://", "src=", "@import"] {
        assert!(!page.replace("http://www.w3.org/", "").contains(other), "the page needs another: {other}");
    }
}

#[test]
fn a_relation_called_as_a_sequence_would_be_does_not_meet_it() {
    let tables = [
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v INT); INSERT INTO a VALUES (4, 4);",
        "CREATE TABLE a_id_seq (id INTEGER PRIMARY KEY, v INT); INSERT INTO a_id_seq VALUES (1, 7);",
    ];
    for sql in [
        tables.concat(),
        [tables[1], tables[0]].concat(),
        format!("{} CREATE INDEX a_id_seq ON a (v);", tables[0]),
        format!("{} CREATE VIEW a_id_seq AS SELECT v FROM a;", tables[0]),
    ] {
        let port = Port::of(&sql);
        port.proven(&[]);
        port.target.execute("INSERT INTO a (v) VALUES (9)");
        assert_eq!(port.target.query("SELECT id FROM a ORDER BY id"), ["4", "5"], "{sql}");
    }
}

#[test]
fn truths_that_are_texts_are_compared_as_truths() {
    let port = Port::of(
        "CREATE TABLE r (id INTEGER PRIMARY KEY, a BOOLEAN DEFAULT 't' CHECK (a IN ('t', 'f')), b BOOLEAN DEFAULT 'f' NOT NULL,
           CHECK (b = 'f' OR a <> 'f'));
         CREATE UNIQUE INDEX one ON r (a) WHERE a = 't' AND b IS NOT 't';
         CREATE VIEW v AS SELECT id, CASE a WHEN 't' THEN 'yes' ELSE 'no' END AS word, a || '!' AS text FROM r WHERE 'f' = b OR a = b;
         CREATE VIEW w AS SELECT count(*) AS n FROM r GROUP BY a ORDER BY a;
         CREATE TABLE empty (id INTEGER PRIMARY KEY, a BOOLEAN DEFAULT 'f' CHECK (a IN ('t', 'f')));
         CREATE TABLE number (id INTEGER PRIMARY KEY, a BOOLEAN DEFAULT 1 CHECK (a IN (0, 1))); INSERT INTO number VALUES (1, 1), (2, 0);
         INSERT INTO r VALUES (1, 't', 'f'), (2, 'f', 'f'), (3, NULL, 'f'), (4, 't', 't');",
    );
    port.proven(&[]);
    assert_eq!(
        port.target.query("SELECT id, word, text FROM v ORDER BY id"),
        ["1|yes|t!", "2|no|f!", "3|no|∅", "4|yes|t!"]
    );
    assert_eq!(port.target.query("SELECT n FROM w"), ["1", "1", "2"]);
    assert!(
        !port.takes("INSERT INTO r VALUES (5, true, false)") && !port.takes("INSERT INTO r VALUES (5, false, true)")
    );
    assert!(port.takes("INSERT INTO r VALUES (5, true, true)"));
    port.target.execute("INSERT INTO r (id, b) VALUES (6, true); INSERT INTO empty (id) VALUES (1)");
    assert_eq!(port.target.query("SELECT r.a, e.a FROM r, empty e WHERE r.id = 6"), ["t|f"]);

    for (values, why) in [("'t', 'true'", "check"), ("'t', 1", "check"), ("'yes', 'f'", "check")] {
        let port = Port::of(&format!(
            "CREATE TABLE r (id INTEGER PRIMARY KEY, a BOOLEAN CHECK (a IN ('t', 'f', 'true', 'yes', 1)));
             INSERT INTO r (a) VALUES ({});",
            values.replace(", ", "), ("),
        ));
        let done = port.run(&["--dry-run"]);
        done.finding("r", "", &[why, "left-out"]);
    }
}
