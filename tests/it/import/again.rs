//! What a second import and a check say of tables that no longer hold what the books say, and of what a mapping or a
//! command has wrong.

use crate::support::{Kind, Project, TestDatabase, each_database};

const MAPPING: &str = "sources:\n  - {files: \"t/*.json\", table: t, key: [id], columns: {id: /id, v: /v}}\n  \
                       - {files: \"u/*.json\", table: u, columns: {id: {generate: uuid}, v: /v}}\n";

const TABLES: &str = "CREATE TABLE t (id bigint PRIMARY KEY, v text); CREATE TABLE u (id text PRIMARY KEY, v text);";

fn project() -> Project {
    Project::new()
        .file("import.yaml", MAPPING)
        .file("data/t/a.json", r#"{"id":1,"v":"x"}"#)
        .file("data/t/b.json", r#"{"id":2,"v":"y"}"#)
        .file("data/u/c.json", r#"{"v":"z"}"#)
}

#[test]
fn tables_that_were_made_anew_are_filled_again() {
    each_database(|database| {
        database.execute(TABLES);
        let (project, url) = (project(), database.url.as_str());
        project.run(&["import", "data", "-d", url]).ok();
        let before = database.query("SELECT id FROM u");
        database.execute("DROP TABLE t; DROP TABLE u;");
        database.execute(TABLES);
        let ran = project.run(&["import", "data", "-d", url, "--json"]).ok();
        let report = ran.json();
        assert_eq!(report["records_migrated"], 3, "{report}");
        assert!(report["notes"][0].as_str().unwrap().contains("read again"), "{report}");
        assert_eq!(database.query("SELECT id, v FROM t ORDER BY id"), ["1|x", "2|y"]);
        assert_eq!(database.query("SELECT id FROM u"), before);
        project.run(&["import", "data", "-d", url]).ok().prints("3 files had not changed");
        project.run(&["export", "out", "--map", "import.yaml", "-d", url]).ok();
    });
}

#[test]
fn what_was_begun_again_and_killed_goes_on_to_its_end() {
    let database = TestDatabase::sqlite();
    database.execute(TABLES);
    let (project, url) = (project(), database.url.as_str());
    project.run(&["import", "data", "-d", url]).ok();
    database.execute("DELETE FROM t; DELETE FROM u;");
    // the second file stops it after the first one's record could go in
    database.execute("CREATE TRIGGER no BEFORE INSERT ON u BEGIN SELECT RAISE(ABORT, 'no'); END");
    project.run(&["import", "data", "-d", url]).exits(3);
    database.execute("DROP TRIGGER no; INSERT INTO t VALUES (9, 'other')");
    project.run(&["import", "data", "-d", url]).ok();
    assert_eq!(database.query("SELECT id FROM t ORDER BY id"), ["1", "2", "9"]);
    assert_eq!(database.query("SELECT count(*) FROM u"), ["1"]);
}

#[test]
fn one_table_that_was_emptied_is_named_and_stays_empty() {
    each_database(|database| {
        database.execute(TABLES);
        let (project, url) = (project(), database.url.as_str());
        project.run(&["import", "data", "-d", url]).ok();
        database.execute("DELETE FROM t");
        let ran = project.run(&["import", "data", "-d", url, "--json"]).exits(1);
        let report = ran.json();
        assert_eq!(report["tables_emptied"], serde_json::json!(["t"]), "{report}");
        assert!(report["notes"][0].as_str().unwrap().contains("--all"), "{report}");
        assert_eq!(database.query("SELECT count(*) FROM t"), ["0"]);
        project.run(&["import", "data", "-d", url, "--all"]).ok();
        assert_eq!(database.query("SELECT count(*) FROM t"), ["2"]);
        project.run(&["import", "data", "-d", url]).ok();
    });
}

#[test]
fn a_table_that_nothing_ever_went_into_is_not_missed() {
    let database = TestDatabase::sqlite();
    database.execute(TABLES);
    let project = project().file("data/t/a.json", "{").file("data/t/b.json", "{");
    project.write("import.yaml", &MAPPING.replace("table: t", "bad: quarantine, table: t"));
    project.run(&["import", "data", "-d", &database.url]).exits(1);
    let report = project.run(&["import", "data", "-d", &database.url, "--json"]).ok().json();
    assert_eq!(report["tables_emptied"], serde_json::json!([]));
}

#[test]
fn a_check_reads_all_files_and_tells_rows_that_are_missing() {
    each_database(|database| {
        database.execute(TABLES);
        let (project, url) = (project(), database.url.as_str());
        project.run(&["import", "data", "-d", url]).ok();
        project.run(&["import", "data", "-d", url, "--check"]).ok();
        database.execute("UPDATE t SET v = 'other' WHERE id = 1; DELETE FROM t WHERE id = 2; DELETE FROM u;");
        project.write("data/t/new.json", r#"{"id":3,"v":"new"}"#);
        let report = project.run(&["import", "data", "-d", url, "--check", "--json"]).exits(1).json();
        assert_eq!((&report["conflicting"], &report["missing"]), (&1.into(), &2.into()), "{report}");
        assert_eq!(report["missing_records"][0]["file"], "t/b.json");
        assert_eq!(report["missing_records"][1]["file"], "u/c.json");
        let ran = project.run(&["import", "data", "-d", url, "--check"]).exits(1);
        ran.prints("conflict: t/a.json").prints("missing: t/b.json").prints("the rows of 2 records are missing");
    });
}

#[test]
fn a_check_puts_nothing_aside_and_does_not_say_so() {
    let database = TestDatabase::sqlite();
    database.execute(TABLES);
    let project = project().file("data/t/a.json", "{");
    project.write("import.yaml", &MAPPING.replace("table: t", "bad: quarantine, table: t"));
    let ran = project.run(&["import", "data", "-d", &database.url, "--check"]).exits(1).prints("bad record: t/a.json");
    assert!(!ran.stdout.contains("quarantine"), "{}", ran.stdout);
}

#[test]
fn a_stray_bracket_in_a_path_is_refused_and_one_of_a_key_is_escaped() {
    let database = TestDatabase::sqlite();
    database.execute(TABLES);
    let project = Project::new().file("data/a.json", r#"{"d[0]":[{"id":1}],"none":[]}"#);
    let run = |path: &str| {
        let source = format!("  - {{files: a.json, records: \"{path}\", table: t, key: [id], columns: {{id: /id}}}}");
        project.write("import.yaml", &format!("sources:\n{source}\n"));
        project.run(&["import", "data", "-d", &database.url])
    };
    for path in ["/dta[*", "/dta[0]", "/a]", "/a{b", "/a[*]b", "/a{0}/b"] {
        run(path).exits(2).says("import.yaml:2:30").says("is written `~");
    }
    run("/d~[0~][*]").ok().prints("imported 1 record of 1 file");
    // where nothing is, that is said
    run("/none[*]").ok().says("`a.json`").says("no record at `/none[*]`");
}

#[test]
fn a_draft_is_written_whole_or_not_at_all() {
    let project = Project::new().file("data/a.json", r#"{"id":1}"#);
    let database = TestDatabase::sqlite();
    let ran = project.run(&["import", "data", "--infer", "--map", "nowhere/m.yaml", "-d", &database.url]);
    ran.exits(3).says("nowhere/m.yaml");
    let left = std::fs::read_dir(project.path("migrations")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[test]
fn a_key_is_made_wherever_json_is_asked_for() {
    let project = Project::new();
    let key = project.run(&["import", "--generate-key", "--json"]).ok().json();
    assert!(key["key"].as_str().unwrap().len() > 20);
    project.run(&["import", "data", "--generate-key"]).exits(2);
    project.run(&["import", "--generate-key", "--all"]).exits(2);
}

#[test]
fn the_books_own_numbers_are_no_finding_of_validate() {
    let database = TestDatabase::new(Kind::Postgres);
    database.execute(TABLES);
    let project = project();
    project.run(&["import", "data", "-d", &database.url]).ok();
    // as a port makes it
    database.execute("ALTER TABLE liftlock_import_run ALTER id ADD GENERATED BY DEFAULT AS IDENTITY");
    project.run(&["validate", "-d", &database.url]).ok();
}

#[test]
fn a_file_of_two_sources_is_one_file() {
    each_database(|database| {
        database.execute(
            "CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT)",
        );
        let mapping = "sources:\n  - {files: \"*.json\", records: \"/a[*]\", table: a, key: [id], columns: {id: /id, v: /v}}\n  \
                       - {files: \"*.json\", records: \"/b[*]\", table: b, key: [id], columns: {id: /id, v: /v}}\n";
        let project = Project::new()
            .file("import.yaml", mapping)
            .file("data/x.json", r#"{"a":[{"id":1}],"b":[{"id":1},{"id":2}]}"#)
            .file("data/y.json", r#"{"a":[],"b":[{"id":3}]}"#);
        let import = ["import", "data", "-d", &database.url];
        project.run(&[&import[..], &["--dry-run"]].concat()).ok().prints("would import 4 records of 2 files");
        project.run(&import).ok().prints("imported 4 records of 2 files");
        let report = project.run(&[&import[..], &["--json"]].concat()).ok().json();
        assert_eq!((&report["files_processed"], &report["files_unchanged"]), (&0.into(), &2.into()));
        // one that is read again for one source has not stayed as it was
        project.write("import.yaml", &mapping.replacen("v: /v", "v: /w", 1));
        let report = project.run(&[&import[..], &["--json"]].concat()).ok().json();
        assert_eq!((&report["files_processed"], &report["files_unchanged"]), (&2.into(), &0.into()));
        project.remove("data/y.json");
        let report = project.run(&[&import[..], &["--json"]].concat()).ok().json();
        assert_eq!(report["files_deleted"], serde_json::json!(["y.json"]));
        assert_eq!((&report["files_processed"], &report["files_unchanged"]), (&0.into(), &1.into()));
    });
}

#[cfg(unix)]
#[test]
fn a_change_that_left_size_and_time_is_seen() {
    let database = TestDatabase::sqlite();
    database.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT)");
    let project = Project::new()
        .file("import.yaml", "sources:\n  - {files: \"*.json\", table: a, key: [id], columns: {id: /id, v: /v}}\n")
        .file("data/x.json", r#"{"id":1,"v":"old"}"#);
    let import = ["import", "data", "-d", &database.url];
    project.run(&import).ok();
    let (path, text) = (project.path("data/x.json"), r#"{"id":1,"v":"new"}"#);
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    let write = |text: &str| {
        std::fs::write(&path, text).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    };
    write(text);
    project.run(&import).ok().prints("imported 1 record of 1 file");
    assert_eq!(database.value("SELECT v FROM a"), "new");
    // the same bytes again are no change, and are noted, so that they are not read a third time
    write(text);
    project.run(&import).ok().prints("1 file had not changed");
    let noted = database.value("SELECT ctime FROM liftlock_import_file");
    let metadata = std::fs::metadata(&path).unwrap();
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(noted, (i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec())).to_string());
}

#[test]
fn a_mapping_that_is_not_there_is_a_usage_error() {
    let database = TestDatabase::sqlite();
    let project = Project::new().file("data/x.json", "{}");
    for command in [&["import", "data"][..], &["export", "out"]] {
        let ran = project.run(&[command, &["--map", "none.yaml", "-d", &database.url]].concat());
        ran.exits(2).says("there is no mapping `none.yaml`").says("--infer");
    }
}
