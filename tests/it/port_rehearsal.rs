//! `--rehearse`: the whole port, in a place that is gone afterwards, and nothing of the target touched.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Project, Ran, TestDatabase, read_until, signal, until};

const SOURCE: &str = "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent, at TEXT);
    CREATE INDEX child_parent ON child (parent);
    INSERT INTO parent VALUES (1, 'one'), (2, 'zwei'), (3, '三');
    INSERT INTO child VALUES (10, 1, 'x'), (11, 3, NULL);";

const EXISTING: &str = "CREATE TABLE parent (id bigint PRIMARY KEY, name varchar(10) NOT NULL);
    CREATE TABLE child (id bigserial PRIMARY KEY, parent bigint REFERENCES parent, at text);";

fn source(sql: &str) -> TestDatabase {
    let source = TestDatabase::sqlite();
    source.execute(sql);
    source
}

/// The databases of rehearsals that are there, of those that `name` could be.
fn there(database: &TestDatabase, name: &str) -> bool {
    assert!(name.starts_with("liftlock_rehearsal_") && name.len() == 27, "{name}");
    database.value(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")) != "0"
}

fn database_of(json: &Value) -> String {
    json["rehearsal"]["database"].as_str().unwrap_or_else(|| panic!("{json}")).to_owned()
}

/// The database that stderr names.
fn named(words: &str) -> String {
    let rest = words.split("rehearsing in the database `").nth(1).unwrap_or_else(|| panic!("{words}"));
    rest.split('`').next().unwrap().to_owned()
}

/// What a run came to, without what is another each time.
fn came_to(mut json: Value) -> Value {
    let fields = json.as_object_mut().unwrap();
    for field in ["target", "rehearsal", "phases", "notes"] {
        fields.remove(field);
    }
    for table in fields["tables"].as_array_mut().unwrap() {
        let table = table.as_object_mut().unwrap();
        table.remove("loading_seconds");
        table.remove("reading_back_seconds");
    }
    json
}

fn port(source: &TestDatabase, target: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["port", source.url.as_str(), target, "--json"];
    arguments.extend(more);
    Project::new().run(&arguments)
}

/// The URL of `database` as this role, which is made.
fn as_role(database: &TestDatabase, can: &str) -> (String, String) {
    let role = format!("role_of_{}", database.value("SELECT current_database()"));
    database.execute(&format!("CREATE ROLE {role} {can}; GRANT {role} TO CURRENT_USER"));
    let sign = if database.url.contains('?') { '&' } else { '?' };
    (format!("{}{sign}options=-c%20role%3D{role}", database.url), role)
}

#[test]
fn a_rehearsal_reports_as_the_real_run_does_and_leaves_nothing() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    let rehearsed = port(&source, &target.url, &["--rehearse"]).ok().json();
    assert_eq!(rehearsed["result"], "proven");
    assert_eq!(rehearsed["rehearsal"]["existing"], "none");
    let name = database_of(&rehearsed);
    assert!(rehearsed["target"].as_str().unwrap().contains(&name), "{rehearsed}");
    assert!(!rehearsed["rehearsal"]["of"].as_str().unwrap().contains(&name), "{rehearsed}");
    assert!(rehearsed["rehearsal"]["seconds"].as_f64().unwrap() > 0.0);
    assert!(!there(&target, &name));
    assert_eq!(target.contents(), "");

    let real = port(&source, &target.url, &[]).ok().json();
    assert_eq!(came_to(rehearsed), came_to(real));
    assert_eq!(target.tables(), ["child", "parent"]);
}

#[test]
fn people_read_where_it_was_and_that_nothing_was_touched() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    let ran = Project::new().run(&["port", &source.url, &target.url, "--rehearse"]).ok();
    let name = named(&ran.stderr);
    let ran = ran.prints(&format!("rehearsed in the database `{name}` (gone again)")).prints("was not touched");
    ran.prints("proven: 5 rows in 2 tables");
    assert!(!there(&target, &name));
}

#[test]
fn a_schema_that_is_there_is_rehearsed_in_a_copy() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    target.execute(EXISTING);
    target.execute("INSERT INTO parent VALUES (1, 'before')");
    let before = target.contents();
    // the row that is there is a part of it: as it is the run is refused, and with --truncate it is not; nobody is asked
    let refused = port(&source, &target.url, &["--rehearse"]).exits(1).json();
    assert_eq!((&refused["result"], &refused["rehearsal"]["existing"]), (&"refused".into(), &"copied".into()));
    let rehearsed = port(&source, &target.url, &["--rehearse", "--truncate"]).json();
    assert_eq!(rehearsed["rehearsal"]["existing"], "copied", "{rehearsed}");
    assert!(!there(&target, &database_of(&refused)) && !there(&target, &database_of(&rehearsed)));
    assert_eq!(target.contents(), before);

    let real = port(&source, &target.url, &["--truncate", "--yes"]).json();
    assert_eq!(came_to(rehearsed), came_to(real.clone()));
    assert_eq!(real["tables"][0]["state"], "proven", "{real}");
}

#[test]
fn a_database_in_use_is_rehearsed_by_its_structure() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    target.execute(EXISTING);
    let _application = target.client();
    let ran = port(&source, &target.url, &["--rehearse"]);
    let json = ran.json();
    assert_eq!(json["rehearsal"]["existing"], "structure", "{json}");
    assert!(json["notes"].to_string().contains("without the rows"), "{json}");
    assert!(!there(&target, &database_of(&json)), "{json}");
    let real = port(&source, &target.url, &[]);
    assert_eq!((ran.code, came_to(json)), (real.code, came_to(real.json())));
}

#[test]
fn a_schema_that_cannot_be_copied_is_never_called_rehearsed() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    let (url, role) = as_role(&target, "CREATEDB");
    // pg_dump may not read this one, and the database is not the role's own to be copied
    target.execute(&format!(
        "GRANT ALL ON SCHEMA public TO {role}; CREATE TABLE secret (a int); CREATE TABLE mine (a int)"
    ));
    let json = port(&source, &url, &["--rehearse"]).exits(1).json();
    assert_eq!((&json["result"], &json["rehearsal"]["existing"]), (&"incomplete".into(), &"not-rehearsed".into()));
    assert!(json["findings"].to_string().contains("schema-not-rehearsed"), "{json}");
    assert!(json["notes"].to_string().contains("pg_dump failed"), "{json}");
    assert!(!there(&target, &database_of(&json)), "{json}");
    let json = port(&source, &url, &["--rehearse", "--accept", "schema-not-rehearsed"]).ok().json();
    assert!(!there(&target, &database_of(&json)), "{json}");
}

#[test]
fn what_a_role_lacks_is_found_before_the_real_run() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    let (url, role) = as_role(&target, "NOCREATEDB");
    target.execute(&format!("GRANT ALL ON SCHEMA public TO {role}"));
    let ran = port(&source, &url, &["--rehearse"]).exits(3).says("may not make a database");
    ran.says(&format!("ALTER ROLE \"{role}\" CREATEDB"));
    // what would end a real run ends the rehearsal just so, whether or not the role may make databases
    target.execute(&format!("REVOKE ALL ON SCHEMA public FROM {role}, PUBLIC; GRANT USAGE ON SCHEMA public TO {role}"));
    let same = |url: &str, flags: &[&str], says: &str, choice: &str| {
        let run = |how: &[&str]| port(&source, url, &[flags, how].concat()).exits(1).json();
        let (rehearsed, dry, real) = (run(&["--rehearse"]), run(&["--dry-run"]), run(&[]));
        let found = rehearsed["findings"][0].clone();
        assert_eq!((&found["code"], &found["level"]), (&"target-not-writable".into(), &"blocker".into()), "{found}");
        assert!(found["message"].to_string().contains(says), "{found}");
        assert!(found["choices"][0].as_str().unwrap().contains(choice), "{found}");
        for json in [&rehearsed, &dry, &real] {
            assert_eq!((&json["result"], &json["findings"]), (&"refused".into(), &rehearsed["findings"]), "{json}");
        }
        assert!(rehearsed["notes"].to_string().contains("nothing was rehearsed"), "{rehearsed}");
    };
    let may_not = "may not make tables in the schema `public`";
    same(&url, &[], may_not, &format!("GRANT CREATE ON SCHEMA \"public\" TO \"{role}\""));
    target.execute(&format!("ALTER ROLE {role} CREATEDB"));
    same(&url, &[], may_not, "GRANT CREATE ON SCHEMA");
    same(&url, &["--single-transaction"], may_not, "GRANT CREATE ON SCHEMA");
    same(&url, &["--schema", "new"], "may not make the schema `new`", "GRANT CREATE ON DATABASE");
    let standing = format!("{url}%20-c%20default_transaction_read_only%3Don");
    same(&standing, &[], "read-only", "default_transaction_read_only = off");
    // in one transaction, tables that are there are filled without making any
    target.execute(&format!("{EXISTING} ALTER TABLE parent OWNER TO {role}; ALTER TABLE child OWNER TO {role};"));
    same(&url, &[], may_not, "GRANT CREATE ON SCHEMA");
    let rehearsed = port(&source, &url, &["--rehearse", "--single-transaction"]).ok().json();
    assert_eq!((&rehearsed["result"], &rehearsed["rehearsal"]["existing"]), (&"proven".into(), &"structure".into()));
    // a schema that may not even be looked into
    target.execute(&format!("CREATE SCHEMA shut; CREATE TABLE shut.parent (id bigint PRIMARY KEY, name text); GRANT ALL ON shut.parent TO {role}"));
    let usage = format!("GRANT USAGE, CREATE ON SCHEMA \"shut\" TO \"{role}\"");
    same(&url, &["--schema", "shut"], "may not use the schema `shut`", &usage);
    let ran = port(&source, &url, &["--schema", "shut", "--resume"]).exits(3).says("may not use the schema `shut`");
    ran.says("GRANT USAGE");
    let ran = Project::new().run(&["compare", &source.url, &url, "--schema", "shut"]).exits(3);
    ran.says("may not use the schema `shut`").says("GRANT USAGE");
    target.execute(&format!("GRANT CREATE ON SCHEMA shut TO {role}"));
    same(&url, &["--schema", "shut"], "may not use the schema `shut`", "GRANT USAGE ON SCHEMA");
}

#[test]
fn a_database_that_is_not_there_yet_is_rehearsed_all_the_same() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    let name = target.value("SELECT current_database()");
    let url = target.url.replace(&name, &format!("{name}_later"));
    let json = port(&source, &url, &["--rehearse"]).ok().json();
    assert!(json["notes"].to_string().contains("does not exist yet"), "{json}");
    assert!(!there(&target, &database_of(&json)), "{json}");
}

#[test]
fn it_is_dropped_after_an_error_and_after_a_stop() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    let failed =
        Project::new().run(&["port", "nowhere.db", &target.url, "--rehearse"]).exits(3).says("no file `nowhere.db`");
    assert!(!there(&target, &named(&failed.stderr)));

    let writer = source.rusqlite();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let project = Project::new();
    let mut child = project.spawn(&["port", &source.url, &target.url, "--rehearse", "--source-wait", "100s"]);
    let words = read_until(&mut child, "`\n");
    let name = named(&words);
    assert!(there(&target, &name));
    signal(&child, "INT");
    let ran = Ran::wait(child).exits(130).says("interrupted").says("nothing is left of the rehearsal");
    assert!(!ran.stderr.contains("--resume"), "{}", ran.stderr);
    assert!(!there(&target, &name));
}

#[test]
fn where_it_cannot_be_dropped_the_line_that_does_it_is_said() {
    let (source, target) = (source(SOURCE), TestDatabase::postgres());
    let (url, role) = as_role(&target, "CREATEDB");
    target.execute(&format!("GRANT ALL ON SCHEMA public TO {role}"));
    let writer = source.rusqlite();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let project = Project::new();
    let mut child = project.spawn(&["port", &source.url, &url, "--rehearse", "--json", "--source-wait", "100s"]);
    let name = named(&read_until(&mut child, "`\n"));
    target.execute(&format!("ALTER DATABASE {name} OWNER TO CURRENT_USER; GRANT ALL ON DATABASE {name} TO {role}"));
    let mut inside = postgres::Client::connect(
        &target.url.replace(&target.value("SELECT current_database()"), &name),
        postgres::NoTls,
    )
    .unwrap();
    inside.batch_execute(&format!("GRANT ALL ON SCHEMA public TO {role}")).unwrap();
    drop(inside);
    drop(writer);
    let ran = Ran::wait(child).ok();
    let json = ran.json();
    let line = json["rehearsal"]["left_behind"].as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
    assert!(line.starts_with("psql '") && line.ends_with(&format!("'DROP DATABASE {name}'")), "{line}");
    assert!(json["notes"].to_string().contains("is left behind"), "{json}");
    ran.says(&line);
    // the next one finds it
    let next = port(&source, &target.url, &["--rehearse"]).ok().json();
    assert!(next["notes"].to_string().contains(&format!("`{name}` is there from another rehearsal")), "{next}");
    target.execute(&format!("DROP DATABASE {name}"));
}

#[test]
fn without_a_target_it_runs_on_a_server_of_its_own() {
    let source = source(SOURCE);
    let ran = Project::new().run(&["port", &source.url, "--rehearse", "--json", "--report", "port.html"]).ok();
    let json = ran.json();
    assert_eq!((&json["result"], &json["rehearsal"]["of"]), (&"proven".into(), &Value::Null));
    assert!(!folder(&json).exists(), "{json}");
    ran.says("rehearsing in a private PostgreSQL server");
}

/// The folder of a private server.
fn folder(json: &Value) -> PathBuf {
    let target = json["target"].as_str().unwrap();
    let folder = PathBuf::from(target.split("?host=").nth(1).unwrap_or_else(|| panic!("{target}")));
    assert!(folder.to_str().unwrap().contains("liftlock-rehearsal-"), "{target}");
    folder
}

#[test]
fn a_server_of_its_own_is_gone_after_an_error_a_stop_and_a_kill() {
    let source = source(SOURCE);
    let folders = tempfile::tempdir().unwrap();
    // its user must be able to get there, and to take away what is its own
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    std::fs::set_permissions(folders.path(), open).unwrap();
    let project = Project::new().env("TMPDIR", folders.path().to_str().unwrap());
    let servers = || {
        let entries = std::fs::read_dir(folders.path()).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter(|name| name.to_str().unwrap().starts_with("liftlock-rehearsal-")).count()
    };
    project.run(&["port", "nowhere.db", "--rehearse"]).exits(3);
    assert_eq!(servers(), 0);

    let writer = source.rusqlite();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for (name, code) in [("INT", Some(130)), ("KILL", None)] {
        let mut child = project.spawn(&["port", &source.url, "--rehearse", "--source-wait", "100s"]);
        read_until(&mut child, "private PostgreSQL server\n");
        assert_eq!(servers(), 1);
        signal(&child, name);
        let ran = Ran::wait(child);
        assert_eq!(ran.code, code, "{ran:?}");
        until("the server's folder is gone", || servers() == 0);
    }
}

#[test]
fn only_what_was_named_for_this_run_is_a_target() {
    let source = source(SOURCE);
    let project = Project::new().file("liftlock.yaml", "database: sqlite:app.db\n");
    // what other commands work on may be the very source
    project.run(&["port", &source.url, "--rehearse"]).ok().says("a private PostgreSQL server");
    project.run(&["port", &source.url, "-d", "sqlite:app.db", "--rehearse"]).exits(2).says("is no PostgreSQL database");
    project.run(&["port", &source.url]).exits(2);
    for other in ["--resume", "--restart", "--dry-run"] {
        project.run(&["port", &source.url, "--rehearse", other]).exits(2);
    }
}
