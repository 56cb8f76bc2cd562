//! The section `port:` of liftlock.yaml shapes a port, and flags go before it.

use crate::support::{Project, TestDatabase};

const FILE: &str = "\
port:
  schema: filed
  exclude: [tmp_*]
  names: snake-case
  rename: { Kind: sort }
  types:
    - { column: orderLines.flags, to: smallint }
    - { declared: EPOCH, to: timestamptz, numbers: seconds }
    - { column: '*.body', bad_text: escape }
  int4: true
  batch_rows: 2
";

fn source(project: &Project) {
    let connection = rusqlite::Connection::open(project.path("source.db")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE orderLines (id INTEGER PRIMARY KEY, flags INTEGER, at EPOCH, body TEXT, n INTEGER);
             INSERT INTO orderLines VALUES (1, 3, 86400, 'a' || char(0) || 'b', 5), (2, 4, 0, 'c', 6), (3, 5, 1, 'd', 7);
             CREATE TABLE Kind (id INTEGER PRIMARY KEY);
             CREATE TABLE tmp_x (id INTEGER PRIMARY KEY);",
        )
        .unwrap();
}

fn columns(target: &TestDatabase, schema: &str) -> Vec<String> {
    target.query(&format!(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = '{schema}' \
         ORDER BY 1, ordinal_position"
    ))
}

#[test]
fn the_file_shapes_a_port() {
    let project = Project::new().file("liftlock.yaml", FILE);
    source(&project);
    let target = TestDatabase::postgres();
    let json = project.run(&["port", "source.db", &target.url, "--json"]).ok().json();
    assert_eq!(
        columns(&target, "filed"),
        [
            "order_lines|id|bigint",
            "order_lines|flags|smallint",
            "order_lines|at|timestamp with time zone",
            "order_lines|body|text",
            "order_lines|n|integer",
            "sort|id|bigint",
        ]
    );
    let rows =
        target.query("SELECT id, flags, extract(epoch FROM at)::int, body, n FROM filed.order_lines ORDER BY id");
    assert_eq!(rows, ["1|3|86400|a\\x00b|5", "2|4|0|c|6", "3|5|1|d|7"]);
    assert_eq!(json["tables"][0]["batches"], 2, "{json}");
    // the same settings find the tables again
    project.run(&["compare", "source.db", &target.url]).ok();
}

#[test]
fn flags_go_before_the_file() {
    let project = Project::new().file("liftlock.yaml", FILE);
    source(&project);
    let target = TestDatabase::postgres();
    let flags = [
        "--schema=flagged",
        "--keep-names",
        "--rename=Kind=kinds",
        "--type=orderLines.flags=text",
        "--exclude=orderLines_old",
        "--batch-rows=10",
        "--json",
    ];
    let json = project.run(&[&["port", "source.db", target.url.as_str()], flags.as_slice()].concat()).ok().json();
    assert_eq!(
        columns(&target, "flagged"),
        [
            "kinds|id|bigint",
            "orderLines|id|bigint",
            "orderLines|flags|text",
            "orderLines|at|timestamp with time zone",
            "orderLines|body|text",
            "orderLines|n|integer",
        ]
    );
    assert_eq!(json["tables"][0]["batches"], 1, "{json}");
}

#[test]
fn a_wrong_section_stops_with_its_place() {
    let project = Project::new().file("liftlock.yaml", "port:\n  types:\n    - { column: a.b, too: bigint }\n");
    source(&project);
    project
        .run(&["port", "source.db", "postgres://nobody@localhost:1/none"])
        .exits(2)
        .says("liftlock.yaml:3:22: unknown key `too`")
        .says("did you mean `to`?");
}

#[test]
fn how_many_work_at_once_is_the_files_to_say() {
    let target = TestDatabase::postgres();
    let name = target.value("SELECT current_database()");
    target.execute(&format!(
        "CREATE ROLE {name}_alone LOGIN CONNECTION LIMIT 1; GRANT ALL ON SCHEMA public TO {name}_alone"
    ));
    let url = target.url.replace("postgres@", &format!("{name}_alone@"));
    let with = |section: &str| {
        let project = Project::new().file("liftlock.yaml", &format!("port:\n{section}"));
        source(&project);
        project
    };
    // the role has one connection
    with("  jobs: 1\n").run(&["port", "source.db", &url, "--exclude", "orderLines"]).ok();
    with("  jobs: 1\n").run(&["compare", "source.db", &url, "--tables", "Kind"]).ok();
    let lowered =
        with("  jobs: 1\n").run(&["port", "source.db", &url, "--jobs", "2", "--include", "tmp_x", "--dry-run"]);
    lowered.says("is 1 instead of 2: the server has 1");
    for section in ["  jobs: 0\n", "  batch_rows: 0\n"] {
        with(section).run(&["port", "source.db", &url]).exits(2).says("liftlock.yaml:2:").says("1 or more");
    }
}
