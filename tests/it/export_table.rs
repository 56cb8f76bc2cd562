//! `liftlock export`: every value as it is, in every format; what is loaded again is the same.

use crate::support::{Kind, Project, TestDatabase, each_database};

/// Rows of every class of value.
fn values(database: &TestDatabase) {
    database.execute(match database.kind {
        Kind::Sqlite => {
            "CREATE TABLE v (id integer PRIMARY KEY, a, twice GENERATED ALWAYS AS (id * 2) VIRTUAL);
             INSERT INTO v (id, a) VALUES (1, NULL), (2, ''), (3, 9223372036854775807), (4, -9223372036854775807 - 1),
               (5, 0.1), (6, 1e300), (7, 9e999), (8, -9e999), (9, 2.0), (10, x''), (11, x'00ff41'), (12, 'a,\"b\"' || char(10)),
               (13, 'a' || char(0) || 'b'), (14, CAST(x'ff' AS TEXT)), (15, '12'), (16, '\\x41'), (17, ' ä '), (18, 5e-324),
               (19, -0.0);"
        }
        Kind::Postgres => {
            "CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN positive AS numeric;
             CREATE TABLE v (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, i bigint, n numeric, d positive, f float8,
               r real, t text, c char(4), b bytea, o bool, j json, k jsonb, z timestamptz, l text[], m mood, v interval,
               x bit(3), w text GENERATED ALWAYS AS ('w' || i) STORED);
             INSERT INTO v (i, n, d, f, r, t, c, b, o, j, k, z, l, m, v, x) VALUES
               (9223372036854775807, 12345678901234567890.1230, 1.50, 0.1, 0.1, E'a,\"b\"\\n\\\\x', 'ab', '\\x00ff', true,
                E'{\"b\": 1,\\n \"a\": \"x\\\\n\"}', '{\"a\": 1e2}', '2026-01-02 03:04:05.678901+00', '{a,NULL,\"b c\"}', 'good',
                '1 mon -2 days', '101'),
               (-1, 'NaN', NULL, 'NaN', '-Infinity', '', '', '', false, '[]', 'null', 'infinity', '{}', NULL, '0', '000'),
               (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);"
        }
    });
}

/// What the table holds, classes of values told apart.
fn held(database: &TestDatabase) -> Vec<String> {
    database.query(match database.kind {
        Kind::Sqlite => "SELECT id, typeof(a), quote(a), hex(a), twice FROM v ORDER BY id",
        Kind::Postgres => "SELECT v::text FROM v ORDER BY id",
    })
}

#[test]
fn sql_is_loaded_again_as_it_was() {
    each_database(|database| {
        values(database);
        let project = Project::new();
        let before = held(database);
        project.run(&["export", "v", "-d", &database.url, "-o", "v.sql"]).ok().prints("rows");
        database.execute("DELETE FROM v");
        database.execute(&project.read("v.sql"));
        assert_eq!(held(database), before);
    });
}

#[test]
fn csv_tells_null_from_empty_and_postgres_reads_it() {
    let database = TestDatabase::postgres();
    values(&database);
    let project = Project::new();
    let before = held(&database);
    let columns = "id, i, n, d, f, r, t, c, b, o, j, k, z, l, m, v, x";
    let query = format!("SELECT {columns} FROM v ORDER BY id;");
    project.run(&["export", "--query", &query, "-d", &database.url, "-o", "v.csv"]).ok();
    let text = project.read("v.csv");
    assert!(text.starts_with("id,i,n,d,f,r,t,c,b,o,j,k,z,l,m,v,x\n"), "{text}");
    database.execute("DELETE FROM v");
    let mut client = database.client();
    let mut copy = client.copy_in(&format!("COPY v ({columns}) FROM stdin (FORMAT csv, HEADER)")).unwrap();
    std::io::Write::write_all(&mut copy, text.as_bytes()).unwrap();
    copy.finish().unwrap();
    assert_eq!(held(&database), before);

    let database = TestDatabase::sqlite();
    values(&database);
    let text = Project::new()
        .run(&[
            "export",
            "--query",
            "SELECT id, a FROM v WHERE id < 13 ORDER BY id",
            "-d",
            &database.url,
            "--format",
            "csv",
        ])
        .ok()
        .stdout;
    assert_eq!(
        text,
        "id,a\n1,\n2,\"\"\n3,9223372036854775807\n4,-9223372036854775808\n5,0.1\n6,1e300\n7,Infinity\n8,-Infinity\n9,2.0\n\
         10,\\x\n11,\\x00ff41\n12,\"a,\"\"b\"\"\n\"\n"
    );
}

#[test]
fn json_has_every_digit() {
    let sqlite = TestDatabase::sqlite();
    values(&sqlite);
    let project = Project::new();
    let lines = project.run(&["export", "v", "-d", &sqlite.url, "--format", "jsonl"]).ok().stdout;
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[2], r#"{"id":3,"a":9223372036854775807,"twice":6}"#);
    assert_eq!(lines[6], r#"{"id":7,"a":"Infinity","twice":14}"#);
    assert_eq!(lines[8], r#"{"id":9,"a":2.0,"twice":18}"#);
    assert_eq!(lines[10], r#"{"id":11,"a":{"base64":"AP9B"},"twice":22}"#);
    assert_eq!(lines[12], r#"{"id":13,"a":"a\u0000b","twice":26}"#);
    assert_eq!(lines[13], r#"{"id":14,"a":{"text_base64":"/w=="},"twice":28}"#);

    let postgres = TestDatabase::postgres();
    values(&postgres);
    let text = project.run(&["export", "v", "-d", &postgres.url, "--format", "json"]).ok().stdout;
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    for part in [
        r#""i":9223372036854775807,"n":12345678901234567890.1230,"d":1.50,"f":0.1,"r":0.1,"#,
        r#""c":"ab  ","b":{"base64":"AP8="},"o":true,"j":{"b": 1,  "a": "x\n"},"k":{"a": 100},"#,
        r#""n":"NaN","d":null,"f":"NaN","r":"-Infinity","t":"""#,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let empty =
        project.run(&["export", "--query", "SELECT 1 AS x WHERE false", "-d", &postgres.url, "--format", "json"]).ok();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&empty.stdout).unwrap(), serde_json::json!([]));
}

#[test]
fn many_rows_views_and_reports() {
    each_database(|database| {
        database
            .execute("CREATE TABLE n (i integer PRIMARY KEY); CREATE VIEW even AS SELECT i FROM n WHERE i % 2 = 0;");
        database.execute(match database.kind {
            Kind::Sqlite => "INSERT INTO n WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 20000) SELECT i FROM r",
            Kind::Postgres => "INSERT INTO n SELECT generate_series(1, 20000)",
        });
        let project = Project::new();
        let report = project.run(&["export", "n", "-d", &database.url, "-o", "n.jsonl", "--json"]).ok().json();
        let text = project.read("n.jsonl");
        assert_eq!((&report["rows"], &report["bytes"]), (&20000.into(), &text.len().into()));
        assert_eq!(report["format"], "jsonl");
        assert_eq!(text.lines().last(), Some(r#"{"i":20000}"#));
        let even = project.run(&["export", "even", "-d", &database.url, "--format", "csv"]).ok().stdout;
        assert_eq!(even.lines().count(), 10001);
    });
}

#[test]
fn a_file_is_replaced_only_by_force_and_only_whole() {
    each_database(|database| {
        values(database);
        let project = Project::new().file("v.json", "mine");
        let export = ["export", "v", "-d", &database.url, "-o", "v.json"];
        project.run(&export).exits(2).says("exists already");
        let failing = ["export", "--query", "SELECT nothing FROM v", "-d", &database.url, "-o", "v.json", "--force"];
        project.run(&failing).exits(3);
        assert_eq!(project.read("v.json"), "mine");
        project.run(&[&export[..], &["--force"]].concat()).ok();
        assert!(project.read("v.json").starts_with("[\n{"));
        let files: Vec<_> =
            std::fs::read_dir(project.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files, ["v.json"]);
    });
}

#[test]
fn nothing_is_written_to_the_database() {
    each_database(|database| {
        values(database);
        let before = held(database);
        let project = Project::new();
        for sql in ["DELETE FROM v", "DELETE FROM v RETURNING id", "SELECT 1; DELETE FROM v"] {
            let ran = project.run(&["export", "--query", sql, "-d", &database.url, "--format", "csv"]);
            assert_ne!(ran.code, Some(0), "{sql}");
        }
        assert_eq!(held(database), before);
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    each_database(|database| {
        values(database);
        let project = Project::new();
        let run = |arguments: &[&str]| project.run(&[&["export", "-d", &database.url], arguments].concat()).exits(2);
        run(&["w", "--format", "csv"]).says("did you mean `v`?");
        run(&["v"]).says("--format");
        run(&["v", "--format", "csv", "--json"]).says("--output FILE");
        run(&["--query", "SELECT 1 AS a, 2 AS a", "--format", "json"]).says("two columns are named `a`");
        run(&["--query", "SELECT 1 AS a", "--format", "sql"]).says("--into");
        run(&["v", "--query", "SELECT 1"]);
    });
}
