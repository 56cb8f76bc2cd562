//! `liftlock reset`: everything goes in one transaction, by the database's name, and migrations begin from nothing.

use crate::support::{Kind, Project, TestDatabase, each_database};

fn project(kind: Kind) -> Project {
    let up = match kind {
        Kind::Sqlite => {
            "CREATE TABLE parent (id integer PRIMARY KEY AUTOINCREMENT);
             CREATE TABLE child (id integer PRIMARY KEY, p integer NOT NULL REFERENCES parent ON DELETE RESTRICT);
             INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1);
             CREATE VIEW both AS SELECT * FROM parent JOIN child ON child.p = parent.id;
             CREATE TRIGGER t AFTER INSERT ON child BEGIN SELECT 1; END;
             CREATE VIRTUAL TABLE search USING fts5(body);
             ANALYZE;"
        }
        Kind::Postgres => {
            "CREATE SCHEMA app;
             CREATE TYPE mood AS ENUM ('good', 'bad');
             CREATE TYPE pair AS (a int, b mood);
             CREATE TYPE span AS RANGE (subtype = float8);
             CREATE DOMAIN positive AS int CHECK (value > 0);
             CREATE SEQUENCE numbers;
             CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
             CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
             CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int);
             CREATE FUNCTION same(mood, mood) RETURNS bool LANGUAGE sql AS 'SELECT $1 = $2';
             CREATE OPERATOR === (leftarg = mood, rightarg = mood, function = same);
             CREATE COLLATION odd (locale = 'C');
             CREATE TEXT SEARCH CONFIGURATION words (copy = simple);
             CREATE TABLE parent (id serial PRIMARY KEY, m mood, v positive, p pair, n int DEFAULT nextval('numbers'));
             CREATE TABLE child (id int PRIMARY KEY, p int NOT NULL REFERENCES parent) PARTITION BY RANGE (id);
             CREATE TABLE child_1 PARTITION OF child FOR VALUES FROM (0) TO (10);
             CREATE TRIGGER touch BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION touch();
             CREATE TABLE app.other (id int REFERENCES parent);
             CREATE VIEW \"Odd name\" AS SELECT * FROM parent; CREATE MATERIALIZED VIEW held AS SELECT * FROM \"Odd name\";
             INSERT INTO parent DEFAULT VALUES;"
        }
    };
    Project::new().migration("V1__all", up, "SELECT 1;")
}

/// What is left of anybody's own.
fn left(database: &TestDatabase) -> Vec<String> {
    database.query(match database.kind {
        Kind::Sqlite => "SELECT name FROM sqlite_schema WHERE name <> 'sqlite_sequence'",
        Kind::Postgres => {
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend \
             WHERE objid = pg_class.oid AND deptype = 'e')
             UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM \
             pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
             UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM \
             pg_depend WHERE objid = pg_type.oid AND deptype IN ('e', 'i'))
             UNION ALL SELECT oprname FROM pg_operator WHERE oprnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM \
             pg_depend WHERE objid = pg_operator.oid AND deptype = 'e')
             UNION ALL SELECT collname FROM pg_collation WHERE collnamespace = 'public'::regnamespace
             UNION ALL SELECT cfgname FROM pg_ts_config WHERE cfgnamespace = 'public'::regnamespace
             UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'app'"
        }
    })
}

fn name(database: &TestDatabase) -> String {
    match database.kind {
        Kind::Sqlite => "test.db".to_owned(),
        Kind::Postgres => database.value("SELECT current_database()"),
    }
}

#[test]
fn everything_goes_and_migrations_begin_again() {
    each_database(|database| {
        let (project, url, name) = (project(database.kind), database.url.as_str(), name(database));
        project.run(&["up", "-d", url]).ok();
        if database.kind == Kind::Postgres {
            database.execute("CREATE EXTENSION hstore; COMMENT ON SCHEMA public IS 'kept'");
        }
        let contents = database.contents();
        let plan = project.run(&["reset", "--dry-run", "--json", "-d", url]).ok().json();
        assert!(plan["objects"].as_array().unwrap().iter().any(|object| object["kind"] == "table"));
        assert_eq!(plan["database"], name);
        project.run(&["reset", "-d", url]).exits(2).says(&format!("--yes --confirm {name}"));
        project.run(&["reset", "-d", url, "--yes"]).exits(2);
        project.run(&["reset", "-d", url, "--yes", "--confirm", "other"]).exits(2).says("is not the database's name");
        assert_eq!(database.contents(), contents);
        project.run(&["reset", "-d", url, "--yes", "--confirm", &name]).ok().prints("dropped table");
        assert_eq!(left(database), [""; 0]);
        project.run(&["reset", "-d", url, "--yes", "--confirm", &name]).ok().prints("nothing to drop");
        if database.kind == Kind::Postgres {
            assert_eq!(database.value("SELECT obj_description('public'::regnamespace)"), "kept");
            assert_eq!(database.value("SELECT 'a=>1'::hstore -> 'a'"), "1");
        }
        project.run(&["up", "-d", url]).ok();
        assert_eq!(database.contents(), contents);
    });
}

#[test]
fn a_protected_database_is_refused() {
    each_database(|database| {
        let text =
            format!("databases:\n  production: '{0}'\n  open: {{ url: '{0}', protected: true }}\n", database.url);
        let project = project(database.kind).file("liftlock.yaml", &text);
        project.run(&["up", "--env", "production"]).ok();
        for env in ["production", "open"] {
            let reset = ["reset", "--env", env, "--yes", "--confirm", &name(database)];
            project.run(&reset).exits(2).says("is protected").says("protected: false");
        }
        assert_eq!(database.applied(), [1]);
    });
}

#[test]
fn what_cannot_be_dropped_leaves_all() {
    let database = TestDatabase::postgres();
    let (project, url) = (project(database.kind), database.url.as_str());
    project.run(&["up", "-d", url]).ok();
    let contents = database.contents();
    let mut other = database.client();
    let mut transaction = other.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE parent IN ACCESS SHARE MODE").unwrap();
    let text = format!("database: '{url}'\nmigrations:\n  lock_timeout: 100ms\n");
    project.write("liftlock.yaml", &text);
    project.run(&["reset", "--yes", "--confirm", &name(&database)]).exits(3).says("nothing was dropped");
    drop(transaction);
    assert_eq!(database.contents(), contents);
}

#[test]
fn another_runner_keeps_it_away() {
    each_database(|database| {
        let (project, url) = (project(database.kind), database.url.as_str());
        project.run(&["up", "-d", url]).ok();
        project.write("liftlock.yaml", &format!("database: '{url}'\nmigrations:\n  lock_timeout: 100ms\n"));
        let contents = database.contents();
        let (holder, who) = crate::locks::hold(database);
        let reset = ["reset", "--yes", "--confirm", &name(database)];
        project.run(&reset).exits(2).says(&format!("another run works on this database: {who}"));
        assert_eq!(database.contents(), contents);
        drop(holder);
        project.run(&reset).ok();
    });
}

#[cfg(feature = "crash-tests")]
#[test]
fn killed_before_the_commit_nothing_is_gone() {
    use crate::support::Ran;
    each_database(|database| {
        let (project, url) = (project(database.kind), database.url.as_str());
        project.run(&["up", "-d", url]).ok();
        let contents = database.contents();
        let reset = ["reset", "-d", url, "--yes", "--confirm", &name(database)];
        let killed = Ran::of(project.command(&reset).env("LIFTLOCK_CRASH_AT", "reset-commit"));
        assert_eq!(killed.code, None, "{killed:?}");
        assert_eq!(database.contents(), contents);
        project.run(&reset).ok();
        assert_eq!(left(database), [""; 0]);
    });
}
