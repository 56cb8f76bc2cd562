//! Runs of the fix: in every layout, and one that is killed half-way.

use liftlock::audit::fix::NAME;
use liftlock::migrate::layout::Layout;

use super::{How, USUAL, Written, audited, round_trip, snapshot, suggested};
use crate::support::{Kind, Project, Ran, TestDatabase, each_database, until};

const TWO: &str = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (a int REFERENCES p, b int REFERENCES p, \"C\" int REFERENCES p)";

#[test]
fn every_layout_can_be_run() {
    each_database(|database| {
        database.execute(TWO);
        for layout in Layout::ALL.into_iter().filter(|layout| layout.has_downs()) {
            for concurrently in [true, false] {
                round_trip(database, How { layout, concurrently }, |written| {
                    let alone = !matches!(layout, Layout::Liftlock | Layout::Goose);
                    let several = alone && concurrently && database.kind == Kind::Postgres;
                    assert_eq!(written.fix.migrations.len(), if several { 3 } else { 1 });
                });
            }
        }
    });
    // this one has no way back
    each_database(|database| {
        database.execute(TWO);
        Written::of(database, How { layout: Layout::SqlxSimple, concurrently: true }).up(database);
        assert_eq!(suggested(&audited(database).1), []);
    });
}

#[test]
fn a_build_that_was_killed_is_gone_on_with() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (a int REFERENCES p, r int) PARTITION BY RANGE (r); \
         CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (10); CREATE TABLE c2 PARTITION OF c DEFAULT; \
         CREATE INDEX own ON c1 (a); CREATE TABLE d (a int REFERENCES p)",
    );
    let before = snapshot(&database);
    let written = Written::of(&database, USUAL);
    let [migration] = &written.fix.migrations[..] else { panic!("{:?}", written.fix) };
    let project = Project::new();
    for (path, text) in &migration.files {
        project.write(&format!("migrations/{}", path.file_name().unwrap().to_str().unwrap()), text);
    }
    let url = database.url.as_str();
    let kill = |command: &[&str], statement: &str| {
        let mut reader = database.client();
        let mut reading = reader.transaction().unwrap();
        reading.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT * FROM c").unwrap();
        let mut run = project.spawn(command);
        until("it waits", || database.backend_running(statement).is_some() && database.someone_waits());
        let pid = database.backend_running(statement).unwrap();
        run.kill().unwrap();
        Ran::wait(run);
        database.terminate(&pid);
        reading.rollback().unwrap();
    };
    kill(&["up", "-d", url], "CREATE INDEX CONCURRENTLY idx_c2_a");
    assert_eq!(database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_c2_a'::regclass"), "f");
    // a fix that is asked for now is the one that is under way
    project.run(&["up", "-d", url]).ok();
    assert_eq!(suggested(&audited(&database).1), []);
    assert!(written.planned.iter().all(|planned| database.has_index(planned)));
    // and so is the way back
    kill(&["down", "-d", url], "CREATE INDEX CONCURRENTLY idx_c1_a");
    project.run(&["down", "-d", url]).ok();
    assert_eq!(snapshot(&database), before);
    assert!(
        project
            .read(&format!("migrations/V{}__{NAME}.sql", migration.version))
            .starts_with("-- liftlock: no-transaction")
    );
}

/// What a server makes of an up and a down, as pg_dump sees it.
#[test]
fn a_dump_is_the_same_after_the_way_back() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (a int REFERENCES p, r int) PARTITION BY RANGE (r); \
         CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (10); CREATE TABLE c2 PARTITION OF c DEFAULT; \
         CREATE INDEX own ON c1 (a) WITH (fillfactor = 50); CREATE TABLE d (a int REFERENCES p)",
    );
    let Some(private) = &crate::support::server().private else { return };
    let beside = private.programs.join("pg_dump");
    let program = if beside.exists() { beside } else { "pg_dump".into() };
    let dump = || {
        let mut command = std::process::Command::new(&program);
        let ran = Ran::of(command.args(["--schema-only", "--exclude-table=schema_migrations*", "-d", &database.url]));
        // newer ones write a random word into two lines
        ran.ok().stdout.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
    };
    let before = dump();
    let written = Written::of(&database, USUAL);
    written.up(&database);
    assert_ne!(dump(), before);
    written.down(&database);
    assert_eq!(dump(), before);
}
