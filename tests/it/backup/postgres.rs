//! What is PostgreSQL's alone: databases made and renamed, sessions in the way, programs and their secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use postgres::{Client, NoTls};

use super::{KEY, change, contents, seed};
use crate::support::{Project, Ran, TestDatabase, server, until};

/// A session in another database than those that are renamed.
pub fn control() -> Client {
    Client::connect(&server().url("postgres"), NoTls).unwrap()
}

#[test]
fn into_another_database() {
    let database = TestDatabase::postgres();
    seed(&database);
    let before = contents(&database);
    let name = database.value("SELECT current_database()");
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).ok();
    let into = format!("{name}_it's \"odd\"=x");
    let restore = ["restore", "b.bak", "-d", &database.url, "--into", &into];
    project.run(&restore).ok().prints("there was nothing before");
    assert_eq!(contents(&database), before);
    project.run(&restore).exits(2).says("is not empty");
    // an empty one is taken
    let empty = server().create_database();
    project.run(&["restore", "b.bak", "-d", &database.url, "--into", &empty]).ok();
    let mut client = Client::connect(&server().url(&empty), NoTls).unwrap();
    assert_eq!(client.query_one("SELECT count(*) FROM people", &[]).unwrap().get::<_, i64>(0), 3);
    no_leftovers();
}

/// Databases of restores that have ended; those of other tests that run at this moment are locked.
pub fn leftovers() -> Vec<String> {
    let sql = "SELECT datname FROM pg_database WHERE datname LIKE 'liftlock\\_restore\\_%' AND NOT EXISTS (SELECT FROM \
               pg_locks WHERE locktype = 'advisory' AND classid = x'6c667265'::int::oid AND objid = \
               (('x' || right(datname, 7))::bit(28)::int)::oid)";
    control().query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

/// Polls until there are none: those of other tests that kill restores are gone after a while.
#[track_caller]
pub fn no_leftovers() {
    until("no database of a restore is left", || leftovers().is_empty());
}

#[test]
fn who_is_connected_is_named_and_left_alone() {
    let database = TestDatabase::postgres();
    seed(&database);
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).ok();
    change(&database);
    let mut client = database.client();
    client.batch_execute("SET application_name = 'the app'").unwrap();
    project
        .run(&["restore", "b.bak", "-d", &database.url, "--yes"])
        .exits(2)
        .says("the app")
        .says("nothing was changed");
    assert_eq!(client.query_one("SELECT count(*) FROM people", &[]).unwrap().get::<_, i64>(0), 2);
}

#[test]
fn settings_grants_and_the_owner_go_over() {
    let database = TestDatabase::postgres();
    seed(&database);
    let name = database.value("SELECT current_database()");
    let role = format!("{name}_role");
    control()
        .batch_execute(&format!(
            "CREATE ROLE {role}; ALTER DATABASE {name} OWNER TO {role}; ALTER DATABASE {name} SET search_path = public, \
             \"$user\"; ALTER ROLE {role} IN DATABASE {name} SET work_mem = '7MB'; REVOKE CONNECT ON DATABASE {name} FROM \
             PUBLIC; ALTER DATABASE {name} CONNECTION LIMIT 50;"
        ))
        .unwrap();
    let facts = || {
        let sql = format!(
            "SELECT datname, pg_get_userbyid(datdba), datconnlimit, (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM \
             unnest(datacl) a), (SELECT string_agg(setrole || array_to_string(setconfig, ';'), ',' ORDER BY setrole) FROM \
             pg_db_role_setting WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = '{name}'"
        );
        database.query(&sql)
    };
    let before = facts();
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).ok();
    let ran = project.run(&["restore", "b.bak", "-d", &database.url, "--yes"]).ok();
    assert!(!ran.stderr.contains("could not be given"), "{}", ran.stderr);
    assert_eq!(facts(), before);
}

#[test]
fn a_dump_that_is_damaged_is_not_begun() {
    let database = TestDatabase::postgres();
    seed(&database);
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).ok();
    let whole = fs::read(project.path("b.bak")).unwrap();
    fs::write(project.path("b.bak"), &whole[..whole.len() - 40]).unwrap();
    let before = contents(&database);
    project.run(&["restore", "b.bak", "-d", &database.url, "--yes"]).exits(2).says("bytes, and had");
    project.run(&["restore", "b.bak", "-d", &database.url, "--yes", "--without-manifest"]).exits(2);
    assert_eq!(contents(&database), before);
    no_leftovers();
}

/// Programs on the PATH that are the newest, write down how they are called, and call the real ones.
fn spies(folder: &Path) {
    // the folder may hold links to some of the programs alone
    let server = server().private.as_ref().map(|private| fs::canonicalize(private.programs.join("initdb")).unwrap());
    let mut folders: Vec<_> = server.iter().filter_map(|initdb| initdb.parent()).map(Path::to_owned).collect();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    for name in ["pg_dump", "pg_restore"] {
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{name} (PostgreSQL) 99.1'; exit; fi\n\
             echo \"{name} $*\" >> '{}/calls'\nenv >> '{}/environment'\nexec '{}' \"$@\"\n",
            folder.display(),
            folder.display(),
            folders.iter().map(|folder| folder.join(name)).find(|path| path.exists()).unwrap().display()
        );
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn no_secret_is_in_a_command_line_nor_in_what_is_printed() {
    let database = TestDatabase::postgres();
    seed(&database);
    let project = Project::new();
    spies(project.root());
    let url = database.url.replace("postgres@", "postgres:hunter2@");
    let path = format!("{}:{}", project.root().display(), std::env::var("PATH").unwrap());
    let run = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        Ran::of(command.env("PATH", &path).env("LIFTLOCK_KEY", KEY).env("PGOPTIONS", "-c nonsense=1")).ok()
    };
    for ran in [
        run(&["backup", "b.bak", "--encrypt", "-d", &format!("{url}&options=-c%20work_mem%3D5MB")]),
        run(&["restore", "b.bak", "-d", &format!("{url}&options=-c%20work_mem%3D5MB"), "--yes"]),
    ] {
        let said = ran.stdout + &ran.stderr;
        assert!(!said.contains("hunter2") && !said.contains(KEY), "{said}");
    }
    let calls = project.read("calls");
    assert!(calls.contains("pg_dump --format=custom") && calls.contains("pg_restore --exit-on-error"), "{calls}");
    assert!(!calls.contains("hunter2") && !calls.contains(KEY), "{calls}");
    let environment = project.read("environment");
    assert!(environment.contains("PGPASSWORD=hunter2"));
    assert!(!environment.contains("LIFTLOCK_KEY") && !environment.contains("nonsense"), "a variable was handed on");
    assert!(!project.read("b.bak.manifest.json").contains("hunter2"));
}

#[test]
fn what_pg_dump_says_is_told() {
    let database = TestDatabase::postgres();
    seed(&database);
    let project = Project::new();
    spies(project.root());
    project.write(
        "pg_dump",
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'pg_dump (PostgreSQL) 99.1'; exit; fi\necho half\n\
         echo \"pg_dump: error: no luck with $PGPASSWORD\" >&2; exit 1\n",
    );
    let path = format!("{}:{}", project.root().display(), std::env::var("PATH").unwrap());
    let url = database.url.replace("postgres@", "postgres:hunter2@");
    let mut command = project.command(&["backup", "b.bak", "-d", &url, "--json"]);
    let ran = Ran::of(command.env("PATH", &path)).exits(3).says("no luck with ***");
    assert_eq!(ran.json()["result"], "failed");
    assert!(!project.path("b.bak").exists());
}
