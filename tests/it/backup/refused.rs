//! What is not done, and leaves everything as it was.

use std::fs;
use std::process::Command;

use super::{KEY, change, contents, files, seed};
use crate::support::{Project, Ran, TestDatabase, each_database};

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let database = TestDatabase::sqlite();
    seed(&database);
    let project = Project::new().file("b.bak", "mine");
    project.run(&["backup", "b.bak", "-d", &database.url]).exits(2).says("exists already").says("--force");
    assert_eq!(project.read("b.bak"), "mine");
    assert_eq!(files(project.root()), ["b.bak"]);
    project.run(&["backup", "b.bak", "--force", "-d", &database.url]).ok();
    change(&database);
    project.run(&["backup", "b.bak", "--force", "-d", &database.url]).ok();
    assert_eq!(files(project.root()), ["b.bak", "b.bak.manifest.json"]);
    project.run(&["restore", "b.bak", "-d", "sqlite:new.db"]).ok();
    // the database itself, by another name
    let path = database.path().display().to_string();
    project.run(&["backup", &path, "--force", "-d", &database.url]).exits(2).says("the database itself");
    assert_eq!(database.value("PRAGMA integrity_check"), "ok");
}

#[test]
fn a_flipped_bit_anywhere() {
    let database = TestDatabase::sqlite();
    seed(&database);
    for key in [None, Some(KEY)] {
        let project = Project::new().env("LIFTLOCK_KEY", key.unwrap_or(""));
        let arguments = ["backup", "b.bak", "-d", &database.url, "--encrypt"];
        project.run(&arguments[..if key.is_some() { 5 } else { 4 }]).ok();
        let whole = fs::read(project.path("b.bak")).unwrap();
        let before = contents(&database);
        for at in (0..whole.len()).step_by(whole.len() / 12).chain([whole.len() - 1]) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(project.path("b.bak"), &changed).unwrap();
            project.run(&["restore", "b.bak", "-d", &database.url, "--yes"]).exits(2);
        }
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(project.path("b.bak"), &whole[..length]).unwrap();
            project.run(&["restore", "b.bak", "-d", &database.url, "--yes"]).exits(2);
            if key.is_some() || length < 2 {
                project.run(&["restore", "b.bak", "-d", &database.url, "--yes", "--without-manifest"]).exits(2);
            }
        }
        fs::write(project.path("b.bak"), &whole).unwrap();
        let page = project.read("b.bak.manifest.json");
        project.write("b.bak.manifest.json", &page.replacen("\"bytes\": ", "\"bytes\": 1", 1));
        project.run(&["restore", "b.bak", "-d", &database.url, "--yes"]).exits(2).says("was changed");
        project.remove("b.bak.manifest.json");
        project.run(&["restore", "b.bak", "-d", &database.url, "--yes"]).exits(2).says("manifest.json` is missing");
        assert_eq!(contents(&database), before);
        let folder = database.path().parent().unwrap().to_owned();
        assert_eq!(files(&folder), ["test.db"]);
        project.run(&["restore", "b.bak", "-d", &database.url, "--yes", "--without-manifest"]).ok();
        assert_eq!(contents(&database), before);
        for name in files(&folder).iter().filter(|name| *name != "test.db") {
            fs::remove_file(folder.join(name)).unwrap();
        }
    }
}

#[test]
fn what_is_no_backup_of_this_kind() {
    each_database(|database| {
        seed(database);
        let project = Project::new().file("text.bak", "hello");
        let restore = |file: &str, url: &str| project.run(&["restore", file, "-d", url, "--yes", "--without-manifest"]);
        restore("text.bak", &database.url).exits(2).says("is no backup");
        restore("missing.bak", &database.url).exits(3).says("missing.bak");
        project.run(&["backup", "b.bak", "-d", &database.url]).ok();
        let other = match database.kind {
            crate::support::Kind::Sqlite => TestDatabase::postgres(),
            crate::support::Kind::Postgres => TestDatabase::sqlite(),
        };
        other.execute("CREATE TABLE t (x int)");
        restore("b.bak", &other.url).exits(2).says("is a backup of");
        project.run(&["restore", "b.bak", "-d", &other.url, "--yes"]).exits(2).says("is a backup of");
        assert_eq!(other.tables(), ["t"]);
    });
}

#[test]
fn nothing_is_replaced_unasked_nor_a_protected_database_unnamed() {
    each_database(|database| {
        seed(database);
        let project = Project::new()
            .file("liftlock.yaml", &format!("databases:\n  production:\n    url: \"{}\"\n", database.url));
        project.run(&["backup", "b.bak", "--env", "production"]).ok();
        change(database);
        let changed = contents(database);
        project.run(&["restore", "b.bak", "-d", &database.url]).exits(2).says("--yes");
        let restore = ["restore", "b.bak", "--env", "production", "--yes"];
        project.run(&restore).exits(2).says("is protected").says("--confirm");
        project.run(&[&restore[..], &["--confirm", "nonsense"]].concat()).exits(2).says("is not its name");
        assert_eq!(contents(database), changed);
        let name = match database.kind {
            crate::support::Kind::Sqlite => "test.db".to_owned(),
            crate::support::Kind::Postgres => database.value("SELECT current_database()"),
        };
        project.run(&[&restore[..], &["--confirm", &name]].concat()).ok();
        assert_ne!(contents(database), changed);
    });
}

#[test]
fn a_damaged_database_is_not_backed_up() {
    let database = TestDatabase::sqlite();
    seed(&database);
    let mut bytes = fs::read(database.path()).unwrap();
    let page = 4096;
    // the content of a table's only page
    for at in bytes.len() - page + 100..bytes.len() - 200 {
        bytes[at] = bytes[at].wrapping_add(77);
    }
    bytes[page..page + 8].fill(0xff);
    fs::write(database.path(), &bytes).unwrap();
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).exits(3);
    assert!(files(project.root()).is_empty(), "{:?}", files(project.root()));
}

#[test]
fn a_folder_that_can_not_be_written_to() {
    each_database(|database| {
        seed(database);
        let project = Project::new().file("file", "no folder");
        for file in ["file/b.bak", "missing/b.bak", "/proc/b.bak"] {
            project.run(&["backup", file, "-d", &database.url]).exits(3).says("cannot write to the folder");
        }
        assert_eq!(files(project.root()), ["file"]);
        project.run(&["backup", ".", "-d", &database.url]).exits(2).says("is a folder");
    });
    let project = Project::new();
    // as every command says it
    for command in ["backup", "stats"] {
        let ran = project.run(&[command, "-d", "sqlite:missing.db"]).exits(3).says("there is no such file");
        ran.says("cannot connect to `sqlite:missing.db`").says("is the path right? it was named by `--database`");
    }
    assert!(files(project.root()).is_empty());
}

#[test]
fn no_room_for_all_of_it() {
    each_database(|database| {
        database.execute("CREATE TABLE big (x text)");
        let rows = match database.kind {
            crate::support::Kind::Sqlite => {
                "INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
                 SELECT hex(randomblob(200)) FROM n"
            }
            crate::support::Kind::Postgres => {
                "INSERT INTO big SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 80000) i GROUP BY i % 5000"
            }
        };
        database.execute(rows);
        let project = Project::new();
        let binary = env!("CARGO_BIN_EXE_liftlock");
        // no file of more than 100 KiB, whose writer is killed or told
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -f 100; exec '{binary}' backup b.bak -d \"$0\""), &database.url]);
        let ran = Ran::of(command.current_dir(project.root()));
        assert_ne!(ran.code, Some(0), "{}", ran.stderr);
        assert!(files(project.root()).iter().all(|name| !name.starts_with("b.bak")), "{:?}", files(project.root()));
        // what is left goes with the next
        project.run(&["backup", "b.bak", "-d", &database.url]).ok();
        assert_eq!(files(project.root()), ["b.bak", "b.bak.manifest.json"]);
    });
}

#[test]
fn another_runner_keeps_a_restore_away() {
    let database = TestDatabase::sqlite();
    seed(&database);
    let project = Project::new();
    project.run(&["backup", "b.bak", "-d", &database.url]).ok();
    change(&database);
    let before = contents(&database);
    let (holder, who) = crate::locks::hold(&database);
    let restore = ["restore", "b.bak", "-d", &database.url, "--yes", "--wait", "100ms"];
    project.run(&restore).exits(2).says(&format!("another run works on this database: {who}"));
    assert_eq!(contents(&database), before);
    drop(holder);
    project.run(&restore).ok();
    assert_ne!(contents(&database), before);
}

#[test]
fn nobody_is_asked_about_a_backup_that_is_not_there() {
    each_database(|database| {
        seed(database);
        let project = Project::new().file("other.bak", "SQLite format 3\0 and so on");
        // without `--yes`, and without a terminal: the question itself would be the error
        project.run(&["restore", "none.bak", "-d", &database.url]).exits(3).says("cannot read `none.bak`");
        project.run(&["restore", "other.bak", "-d", &database.url]).exits(2).says("is missing");
    });
}
