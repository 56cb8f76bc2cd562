//! Killed at every point: no half file under a backup's name, and a database is the old or the new.

use super::{change, contents, files, postgres, seed};
use crate::support::{Kind, Project, Ran, TestDatabase, each_database, until};

fn killed(project: &Project, point: &str, arguments: &[&str]) -> bool {
    let ran = Ran::of(project.command(arguments).env("LIFTLOCK_CRASH_AT", point));
    ran.code.is_none()
}

/// What a killed client's server does for it ends some time after it.
fn alone(database: &TestDatabase) {
    if database.kind == Kind::Postgres {
        let sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' \
                   AND pid <> pg_backend_pid()";
        until("the killed client's sessions end", || database.query(sql).is_empty());
    }
}

#[test]
fn a_backup() {
    each_database(|database| {
        seed(database);
        if database.kind == Kind::Sqlite {
            let filling = "CREATE TABLE f AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) \
                           SELECT i, zeroblob(400) AS b FROM n";
            database.execute(filling);
        }
        for replaced in [false, true] {
            for point in
                ["backup-step", "backup-copied", "backup-made", "backup-between", "backup-between#2", "backup-placed"]
            {
                let project = Project::new();
                let mut arguments = vec!["backup", "b.bak", "-d", &database.url];
                if replaced {
                    project.run(&arguments).ok();
                    arguments.push("--force");
                }
                let died = killed(&project, point, &arguments);
                assert!(died || (point.ends_with("#2") && !replaced), "{point} was not passed");
                let there = project.path("b.bak").exists();
                assert!(there || !replaced, "{point}: the old one is gone");
                if there && database.kind == Kind::Sqlite {
                    // whole, the old one or the new
                    let url = format!("sqlite:{}", project.path("new.db").display());
                    project.run(&["restore", "b.bak", "-d", &url, "--without-manifest"]).ok();
                    std::fs::remove_file(project.path("new.db")).unwrap();
                }
                let ran = project.run(&["backup", "b.bak", "-d", &database.url, "--force"]).ok();
                let left: Vec<String> =
                    files(project.root()).into_iter().filter(|name| !name.starts_with("new.db")).collect();
                assert_eq!(left, ["b.bak", "b.bak.manifest.json"], "{point}\n{}", ran.stderr);
                alone(database);
            }
        }
    });
}

#[test]
fn removing_old_backups() {
    let database = TestDatabase::sqlite();
    seed(&database);
    let project = Project::new().file("liftlock.yaml", &format!("database: {}\nbackup:\n  dir: b\n", database.url));
    for number in 1..=4 {
        for _ in 0..3 {
            project.run(&["backup"]).ok();
        }
        assert!(killed(&project, &format!("backup-removing#{number}"), &["backup", "--keep", "1"]));
        project.run(&["backup", "--keep", "1"]).ok();
        let left = files(&project.path("b"));
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left[1].starts_with(left[0].as_str()), "{left:?}");
    }
}

#[test]
fn a_restore() {
    each_database(|database| {
        let points: &[&str] = match database.kind {
            Kind::Sqlite => &["restore-checked", "restore-kept", "restore-begun", "restore-done"],
            Kind::Postgres => &["restore-checked", "restore-place-made", "restore-filled", "restore-done"],
        };
        seed(database);
        let project = Project::new();
        project.run(&["backup", "b.bak", "-d", &database.url]).ok();
        let old = contents(database);
        for mode in ["delete", "wal"] {
            for point in points {
                let restore = ["restore", "b.bak", "-d", &database.url, "--yes"];
                if database.kind == Kind::Sqlite {
                    database.query(&format!("PRAGMA journal_mode = {mode}"));
                }
                change(database);
                let changed = contents(database);
                assert!(killed(&project, point, &restore), "{point} was not passed");
                alone(database);
                let now = contents(database);
                let expected = if *point == "restore-done" { &old } else { &changed };
                assert_eq!(&now, expected, "{point}");
                project.run(&restore).ok();
                assert_eq!(contents(database), old, "{point}");
                match database.kind {
                    Kind::Sqlite => {
                        assert_eq!(database.value("PRAGMA integrity_check"), "ok");
                        let left = files(database.path().parent().unwrap());
                        assert!(left.iter().all(|name| !name.starts_with(".liftlock")), "{left:?}");
                    }
                    // the server may not have known yet that the killed client is gone
                    Kind::Postgres => until("what was left is dropped", || {
                        postgres::leftovers().is_empty() || {
                            project.run(&restore).ok();
                            false
                        }
                    }),
                }
            }
            if database.kind == Kind::Postgres {
                break;
            }
        }
    });
}
