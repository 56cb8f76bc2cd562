//! `liftlock stats`: sizes, rows and ages on real databases, and the text for a scraper.

use serde_json::Value;

use super::stranger;
use crate::support::{Kind, Project, TestDatabase, each_database};

const TABLES: &str = "\
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE INDEX people_name ON people (name);
CREATE TABLE \"odd \"\"name\"\" \\ here\" (a INTEGER);
INSERT INTO \"odd \"\"name\"\" \\ here\" VALUES (1);
";

fn with_rows() -> (TestDatabase, TestDatabase) {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    sqlite.execute(TABLES);
    sqlite.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
         INSERT INTO people SELECT i, 'person number ' || i FROM n",
    );
    postgres.execute(TABLES);
    // autovacuum would change sizes between two questions
    postgres.execute("ALTER TABLE people SET (autovacuum_enabled = false)");
    postgres.execute("INSERT INTO people SELECT i, 'person number ' || i FROM generate_series(1, 5000) i");
    (sqlite, postgres)
}

fn stats(database: &TestDatabase, more: &[&str]) -> Value {
    let mut arguments = vec!["stats", "-d", &database.url, "--json"];
    arguments.extend(more);
    Project::new().run(&arguments).ok().json()
}

fn table<'a>(json: &'a Value, name: &str) -> &'a Value {
    json["tables"].as_array().unwrap().iter().find(|table| table["name"] == name).unwrap_or_else(|| panic!("{json}"))
}

fn number(json: &Value) -> u64 {
    json.as_u64().unwrap_or_else(|| panic!("{json}"))
}

#[test]
fn sqlite_is_counted_from_its_pages() {
    let (database, _) = with_rows();
    // rows in inner pages, too; rows that overflow; no rows at all; one left of many
    database.execute(
        "CREATE TABLE pairs (a INTEGER, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID; \
         INSERT INTO pairs SELECT id, name FROM people; \
         CREATE TABLE large (x BLOB); INSERT INTO large VALUES (zeroblob(100000)), (zeroblob(5)); \
         CREATE TABLE empty (x); \
         CREATE TABLE thinned (x TEXT); INSERT INTO thinned SELECT name FROM people; DELETE FROM thinned WHERE rowid <> 77; \
         CREATE VIRTUAL TABLE words USING fts5(body)",
    );
    let json = stats(&database, &[]);
    for name in ["people", "pairs", "large", "empty", "thinned", "odd \"name\" \\ here"] {
        let counted = database.value(&format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\"")));
        let found = table(&json, name);
        assert_eq!(found["rows"].to_string(), counted, "{found}");
        assert_eq!(found["rows_are"], "exact");
    }
    let page: u64 = database.value("PRAGMA page_size").parse().unwrap();
    let pages: u64 = database.value("PRAGMA page_count").parse().unwrap();
    let free: u64 = database.value("PRAGMA freelist_count").parse().unwrap();
    assert!(free > 0);
    assert_eq!((number(&json["bytes"]), number(&json["free_bytes"])), (page * pages, page * free));
    assert_eq!(number(&json["bytes"]), std::fs::metadata(database.path()).unwrap().len());
    let index = json["indexes"].as_array().unwrap().iter().find(|index| index["name"] == "people_name").unwrap();
    assert_eq!(table(&json, "people")["index_bytes"], index["bytes"]);
    // every page is somebody's: tables, indexes, sqlite_schema's one and the free ones
    let of = |list: &str| json[list].as_array().unwrap().iter().map(|entry| number(&entry["bytes"])).sum::<u64>();
    let schema = database.value("SELECT sum(pgsize) FROM dbstat WHERE name = 'sqlite_schema'").parse::<u64>().unwrap();
    assert_eq!(of("tables") + of("indexes") + schema + page * free, page * pages, "{json}");
    assert!(json["notes"].to_string().contains("words"), "{json}");
    assert_eq!(json["schema"], Value::Null);

    assert!(json["not_analysed"].to_string().contains("main.people"), "{json}");
    database.execute("ANALYZE; INSERT INTO people (name) VALUES ('late')");
    let json = stats(&database, &[]);
    let people = table(&json, "people");
    assert_eq!((number(&people["rows"]), number(&people["analysed_rows"])), (5001, 5000), "{people}");
    assert!(!json["not_analysed"].to_string().contains("main.people"), "{json}");
    // what it printed is for people, too
    let project = Project::new();
    project
        .run(&["stats", "-d", &database.url])
        .ok()
        .prints("people")
        .prints("at 5000 rows")
        .prints("size: ")
        .says("`analysed` says how many rows");
}

#[test]
fn the_wal_is_part_of_the_size() {
    let database = TestDatabase::sqlite();
    database.execute("PRAGMA journal_mode = wal; CREATE TABLE t (x)");
    let writer = database.rusqlite();
    writer.execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (zeroblob(50000))").unwrap();
    let json = stats(&database, &[]);
    let wal = format!("{}-wal", database.path().display());
    assert_eq!(number(&json["wal_bytes"]), std::fs::metadata(wal).unwrap().len());
    assert!(number(&json["wal_bytes"]) > 50_000 && number(&json["bytes"]) > 50_000, "{json}");
}

#[test]
fn postgresql_is_estimated_or_counted() {
    let (_, database) = with_rows();
    let json = stats(&database, &["--exact"]);
    let people = table(&json, "people");
    assert_eq!((&people["rows"], &people["rows_are"]), (&5000.into(), &"exact".into()), "{people}");
    assert_eq!(table(&json, "odd \"name\" \\ here")["rows"], 1);
    assert_eq!(people["bytes"].to_string(), database.value("SELECT pg_table_size('people')"));
    assert_eq!(people["index_bytes"].to_string(), database.value("SELECT pg_indexes_size('people')"));
    let index = json["indexes"].as_array().unwrap().iter().find(|index| index["name"] == "people_name").unwrap();
    assert_eq!(index["bytes"].to_string(), database.value("SELECT pg_relation_size('people_name')"));
    assert_eq!(index["valid"], true);

    database.execute("ANALYZE people");
    let json = stats(&database, &[]);
    let people = table(&json, "people");
    assert_eq!((&people["rows"], &people["rows_are"]), (&5000.into(), &"estimated".into()), "{people}");
    assert_eq!(people["analysed"], true);
    assert!(number(&json["bytes"]) > number(&people["bytes"]));
    assert!(!json["not_analysed"].to_string().contains("public.people"), "{json}");
    Project::new().run(&["stats", "-d", &database.url]).ok().prints("~5000").says("`--exact` counts them");
}

#[test]
fn a_locked_table_keeps_nobody_waiting() {
    let (_, database) = with_rows();
    database.execute("VACUUM ANALYZE people");
    let mut holder = database.client();
    holder.batch_execute("BEGIN; LOCK TABLE people IN ACCESS EXCLUSIVE MODE").unwrap();
    let json = stats(&database, &[]);
    assert!(json["notes"].to_string().contains("locked against everyone"), "{json}");
    let (bytes, indexes) = (number(&table(&json, "people")["bytes"]), number(&table(&json, "people")["index_bytes"]));
    assert!(bytes > 0 && indexes > 0, "{json}");
    holder.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn who_may_not_read_is_told_and_no_more() {
    let (_, database) = with_rows();
    database.execute("CREATE TABLE seen (x int); INSERT INTO seen VALUES (1), (2)");
    let url = stranger(&database);
    database.execute(
        "GRANT SELECT ON seen TO PUBLIC; CREATE TABLE hidden (x int) WITH (autovacuum_enabled = false); INSERT INTO hidden VALUES (1); \
         ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; GRANT SELECT ON hidden TO PUBLIC",
    );
    let ran = Project::new().run(&["stats", "-d", &url, "--json", "--exact"]).ok();
    let json = ran.json();
    assert_eq!((&table(&json, "seen")["rows"], &table(&json, "seen")["rows_are"]), (&2.into(), &"exact".into()));
    // the server's own work may have counted it meanwhile
    assert_ne!(table(&json, "people")["rows_are"], "exact");
    // a count of the rows that one may see would be a wrong one
    assert_eq!(table(&json, "hidden")["rows_are"], "unknown");
    assert!(json["notes"].to_string().contains("row-level security hides rows of them from this role: public.hidden"));
    assert!(json["notes"].to_string().contains("may not read them: public.odd"), "{json}");
    assert!(!ran.stdout.contains("Kq7") && !ran.stderr.contains("Kq7"), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn the_version_of_the_schema_is_that_of_the_history() {
    each_database(|database| {
        let project = Project::new()
            .migration("V1__one", "CREATE TABLE one (x integer);", "DROP TABLE one;")
            .migration("V2__two", "CREATE TABLE two (x integer);", "DROP TABLE two;");
        project.run(&["up", "-d", &database.url]).ok();
        let json = stats(database, &[]);
        assert_eq!((&json["schema"]["version"], &json["schema"]["applied"]), (&2.into(), &2.into()), "{json}");
        project.run(&["stats", "-d", &database.url]).ok().prints("schema: V2__two, 2 migrations applied");
    });
}

#[test]
fn a_file_that_is_not_there_is_no_empty_database() {
    Project::new().run(&["stats", "-d", "sqlite:nowhere.db"]).exits(3).says("there is no such file");
}

/// One sample of the text format.
type Sample = (String, Vec<(String, String)>, f64);

/// Reads the text format strictly: HELP, then TYPE, then the samples of that metric, and no metric twice
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
fn parse(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n') && !text.contains("\n\n") && !text.contains('\r'));
    let mut samples: Vec<Sample> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (name, help) = line.strip_prefix("# HELP ").unwrap_or_else(|| panic!("{line}")).split_once(' ').unwrap();
        assert!(!help.is_empty() && !help.contains('\\'), "{line}");
        assert!(name.starts_with("liftlock_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert!(seen.insert(name.to_owned()), "{name} stands twice");
        assert_eq!(lines.next().unwrap(), format!("# TYPE {name} gauge"));
        let before = samples.len();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let sample = sample(line);
            assert_eq!(sample.0, name);
            let same = samples.iter().any(|other| (&other.0, &other.1) == (&sample.0, &sample.1));
            assert!(!same, "twice: {line}");
            samples.push(sample);
        }
        assert!(samples.len() > before, "{name} has no sample");
    }
    samples
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap();
            assert!(label.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
            let mut value = String::new();
            let mut characters = after.char_indices();
            let end = loop {
                match characters.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        escaped @ ('"' | '\\') => escaped,
                        other => panic!("\\{other} in {line}"),
                    }),
                    (_, plain) => value.push(plain),
                }
            };
            labels.push((label.to_owned(), value));
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap();
    }
    let value = rest.strip_prefix(' ').unwrap().parse().unwrap_or_else(|_| panic!("{line}"));
    (name.to_owned(), labels, value)
}

#[test]
fn a_scraper_can_read_it() {
    let (sqlite, postgres) = with_rows();
    postgres.execute("CREATE SCHEMA more; CREATE TABLE more.people (id int); ANALYZE");
    for database in [&sqlite, &postgres] {
        let text = Project::new().run(&["stats", "-d", &database.url, "--prometheus", "--exact"]).ok().stdout;
        let samples = parse(&text);
        let value = |name: &str, table: &str, schema: &str| {
            let wanted = vec![("schema".to_owned(), schema.to_owned()), ("table".to_owned(), table.to_owned())];
            let found = samples.iter().find(|(found, labels, _)| found == name && *labels == wanted);
            found.unwrap_or_else(|| panic!("{name} of {table}:\n{text}")).2
        };
        let schema = if database.kind == Kind::Sqlite { "main" } else { "public" };
        assert_eq!(value("liftlock_table_rows", "people", schema), 5000.0);
        assert_eq!(value("liftlock_table_rows", "odd \"name\" \\ here", schema), 1.0);
        assert!(value("liftlock_table_index_bytes", "people", schema) > 0.0);
        assert!(
            samples
                .iter()
                .any(|(name, labels, value)| name == "liftlock_database_bytes" && labels.is_empty() && *value > 0.0)
        );
    }
    Project::new().run(&["stats", "-d", &sqlite.url, "--prometheus", "--json"]).exits(2);
}
