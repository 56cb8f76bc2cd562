//! Databases that applications have written.

use std::path::Path;

use super::{Done, Port, compare, shared};

/// A port of a copy of the file, and of its WAL.
fn copy_of(file: &Path) -> Port {
    let port = Port { project: crate::support::Project::new(), target: crate::support::TestDatabase::postgres() };
    std::fs::write(port.source(), std::fs::read(file).unwrap()).unwrap();
    let wal = file.with_extension("db-wal");
    if let Ok(wal) = std::fs::read(wal) {
        std::fs::write(port.project.path("source.db-wal"), wal).unwrap();
    }
    port
}

fn files_of(port: &Port) -> (Vec<u8>, Option<Vec<u8>>) {
    (std::fs::read(port.source()).unwrap(), std::fs::read(port.project.path("source.db-wal")).ok())
}

/// Ports it all: every row proven, what `also` says, and the file and its WAL as they were.
fn ports(name: &str, also: fn(&Port, &Done)) {
    let Some(folder) = shared("real/sqlite") else { return };
    let port = copy_of(&folder.join(name));
    let before = files_of(&port);
    let done = port.run(&[]);
    assert!(before == files_of(&port), "{name}: the source is not as it was");
    let done = if done.ran.code == Some(0) { done.is_proven() } else { done.is_incomplete() };
    if done.ran.code == Some(1) {
        assert!(!done.left_out().is_empty(), "exit 1 without a reason: {done}");
    }
    port.assert_same(&done);
    also(&port, &done);
    // and by the tool's own comparison, of what is there now
    let compared = port.compare(&["--plan", "plan-out.yaml"]);
    assert_eq!(compared.ran.code, Some(0), "{compared}");
}

#[test]
fn chinook() {
    ports("chinook.db", |port, done| {
        assert_eq!(done.ran.code, Some(0), "{done}");
        assert_eq!(port.type_of("Invoice", "Total"), "numeric(10,2)");
        assert_eq!(port.target.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"), "11");
        let next = port.target.value("INSERT INTO \"Artist\" (\"Name\") VALUES ('x') RETURNING \"ArtistId\"");
        assert_eq!(next, "276");
        port.target.execute("DELETE FROM \"Artist\" WHERE \"Name\" = 'x'");
    });
}

#[test]
fn datasette_fixtures() {
    ports("datasette_fixtures.db", |port, done| {
        assert_eq!(done.ran.code, Some(1), "FTS5 is left out: {done}");
        assert!(port.target.tables().contains(&"table/with/slashes.csv".to_owned()));
        assert!(!port.target.tables().iter().any(|table| table.starts_with("searchable_fts")));
    });
}

#[test]
fn home_assistant_out_of_its_wal() {
    ports("home-assistant_v2.db", |port, _| {
        assert_ne!(port.target.value("SELECT count(*) FROM states"), "0");
    });
}

#[test]
fn home_assistant() {
    ports("home_assistant_v2.db", |_, _| {});
}

#[test]
fn mlflow() {
    ports("mlflow.db", |_, _| {});
}

#[test]
fn northwind() {
    ports("northwind_small.db", |port, done| {
        let made: i64 = port.target.value("SELECT count(*) FROM pg_views WHERE schemaname = 'public'").parse().unwrap();
        let left_out = done.findings().filter(|finding| finding["level"] == "left-out");
        let views = port
            .connection()
            .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'view'", [], |row| row.get::<_, i64>(0));
        // each view is made or its absence is said
        assert!(made + left_out.count() as i64 >= views.unwrap(), "{made} views made: {done}");
        eprintln!("northwind: {made} views");
    });
}

#[test]
fn proj() {
    ports("proj.db", |_, _| {});
}

#[test]
fn sakila() {
    ports("sakila_jooq.db", |_, done| {
        assert_eq!(done.ran.code, Some(1), "triggers are left out: {done}");
        let all = done.json["findings"].to_string();
        let triggers = copy_of(&shared("real/sqlite").unwrap().join("sakila_jooq.db"));
        let connection = triggers.connection();
        let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        for name in names.query_map([], |row| row.get::<_, String>(0)).unwrap() {
            let name = name.unwrap();
            assert!(all.contains(&name), "no word of the trigger {name}");
        }
    });
}

/// Loads a dump made by pg_dump without its program.
fn load_dump(port: &Port, dump: &str) {
    use std::io::Write as _;
    let mut client = port.target.client();
    let mut sql = String::new();
    let mut lines = dump.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('\\') {
            continue;
        }
        if line.starts_with("COPY ") && line.ends_with("FROM stdin;") {
            client.batch_execute(&sql).unwrap();
            sql.clear();
            let mut rows = client.copy_in(line.trim_end_matches(';')).unwrap();
            for row in lines.by_ref().take_while(|row| *row != "\\.") {
                rows.write_all(format!("{row}\n").as_bytes()).unwrap();
            }
            rows.finish().unwrap();
            continue;
        }
        sql.push_str(line);
        sql.push('\n');
    }
    client.batch_execute(&sql).unwrap();
}

#[test]
fn mlflow_into_the_schema_that_mlflow_makes() {
    let (Some(file), Some(dump)) = (shared("real/sqlite"), shared("real/postgres")) else { return };
    let port = copy_of(&file.join("mlflow.db"));
    load_dump(&port, &std::fs::read_to_string(dump.join("mlflow.sql")).unwrap());
    let objects = "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint \
                   WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2";
    let triggers = "SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2";
    let indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1";
    let before = [objects, triggers, indexes].map(|sql| port.target.query(sql));
    // the rows that MLflow seeds are in the way
    port.refused(&[]);
    let done = port.run(&["--truncate"]);
    assert!([Some(0), Some(1)].contains(&done.ran.code), "{done}");
    assert_ne!(done.json["result"], "refused", "{done}");
    assert_ne!(done.json["result"], "differs", "{done}");
    // all but those tables that this MLflow does not have on PostgreSQL, which are said to be left out
    let connection = port.connection();
    let there = port.target.tables();
    let absent: Vec<String> = compare::tables(&connection).into_iter().filter(|table| !there.contains(table)).collect();
    let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
    for table in &absent {
        done.finding(table, "", &[]);
    }
    let client = &mut port.target.client();
    let differences = compare::differences_but(&connection, client, "public", done.plan.as_ref(), &absent);
    assert!(differences.is_empty(), "{}\n{done}", differences.join("\n"));
    let after = [objects, triggers, indexes].map(|sql| port.target.query(sql));
    assert_eq!(before, after, "keys, triggers and indexes are not as they were");
}
