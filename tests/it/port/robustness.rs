//! Sources that others write to, hold locked, or have damaged; and a target with other users.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::values::series;
use super::{Done, Port};
use crate::support::Ran;

#[test]
fn a_live_writer_leaves_one_consistent_state() {
    let port = Port::of(&format!(
        "PRAGMA journal_mode = wal; CREATE TABLE parent (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE child (id INTEGER PRIMARY KEY, p INT REFERENCES parent, v TEXT);
         INSERT INTO parent {series} SELECT i, 'p' || i FROM n; INSERT INTO child {series} SELECT i, i, 'c' || i FROM n;",
        series = series(50_000)
    ));
    let stop = AtomicBool::new(false);
    let (done, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let connection = port.connection();
            connection.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
            let mut id = 50_000_i64;
            while !stop.load(Ordering::SeqCst) {
                id += 1;
                let pair = format!("BEGIN IMMEDIATE; INSERT INTO parent VALUES ({id}, 'live'); INSERT INTO child VALUES ({id}, {id}, 'live'); COMMIT");
                connection.execute_batch(&pair).unwrap();
            }
            id
        });
        let done = port.run(&["--jobs", "2", "--batch-rows", "5000"]);
        stop.store(true, Ordering::SeqCst);
        (done, writer.join().unwrap())
    });
    assert!(written > 50_000, "nothing was written meanwhile");
    let done = done.is_proven();
    let row = port.target.value(
        "SELECT count(*) = (SELECT count(*) FROM child), (SELECT count(*) FROM child c LEFT JOIN parent p ON p.id = c.p WHERE p.id IS NULL), \
         count(*) = max(id), max(id) FROM parent",
    );
    assert!(row.starts_with("t|0|t|"), "not one state: {row}\n{done}");
    assert!(row[6..].parse::<i64>().unwrap() <= written);
    assert_eq!(port.constraints("child", 'f'), ["FOREIGN KEY (p) REFERENCES parent(id)"]);
    // the state of that moment: what is there of it still is the same
    let newest = &row[6..];
    port.sqlite(&format!("DELETE FROM child WHERE id > {newest}; DELETE FROM parent WHERE id > {newest}"));
    port.assert_same(&done);
}

#[test]
fn an_uncommitted_transaction_is_not_seen() {
    for mode in ["wal", "delete"] {
        let port = Port::of(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');"
        ));
        let writer = port.connection();
        writer.execute_batch("BEGIN IMMEDIATE; UPDATE t SET v = 'changed'; INSERT INTO t VALUES (3, 'c')").unwrap();
        let done = port.run(&["--jobs", "2"]).is_proven();
        assert_eq!(port.target.query("SELECT id, v FROM t ORDER BY id"), ["1|a", "2|b"], "{mode}: {done}");
        writer.execute_batch("ROLLBACK").unwrap();
        port.assert_same(&done);
    }
}

/// `--json` has the failure, and nothing was written.
#[track_caller]
fn fails(port: &Port, flags: &[&str], words: &[&str]) {
    let before = port.everything();
    let done = port.plainly(flags);
    assert_eq!(done.ran.code, Some(3), "{done}");
    assert_eq!(port.everything(), before, "{done}");
    assert_eq!(done.json["result"], "failed", "{done}");
    let said = format!("{} {}", done.ran.stderr, done.json["error"]);
    assert!(words.iter().any(|word| said.contains(word)), "none of {words:?}: {done}");
}

#[test]
fn a_database_that_another_has_locked() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);");
    let other = port.connection();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    fails(&port, &["--source-wait", "100ms"], &["locked"]);
    // it waits for it to be let go
    let child = port.spawn(&[]);
    other.execute_batch("COMMIT").unwrap();
    Ran::wait(child).ok();
    assert_eq!(port.target.value("SELECT count(*) FROM t"), "1");
}

#[test]
fn a_port_from_a_copy() {
    let port = Port::of(
        "PRAGMA journal_mode = wal; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a');",
    );
    let writer = port.connection();
    writer.execute_batch("INSERT INTO t VALUES (2, 'b'); BEGIN IMMEDIATE; INSERT INTO t VALUES (3, 'c')").unwrap();
    let done = port.run(&["--snapshot", "copy.db"]).is_proven();
    writer.execute_batch("ROLLBACK").unwrap();
    port.assert_same(&done);
    let copy = rusqlite::Connection::open(port.project.path("copy.db")).unwrap();
    let client = &mut port.target.client();
    assert!(super::compare::differences(&copy, client, "public", done.plan.as_ref()).is_empty());
    // a file that is there is not written over
    port.target.execute("DROP TABLE t");
    port.project.write("precious.txt", "not to be lost");
    let done = port.plainly(&["--snapshot", "precious.txt"]);
    assert_ne!(done.ran.code, Some(0), "{done}");
    assert_eq!(port.project.read("precious.txt"), "not to be lost");
}

#[test]
fn files_that_are_no_databases() {
    let port = Port::of(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t {} SELECT i, hex(randomblob(50)) FROM n;",
        series(5000)
    ));
    let whole = std::fs::read(port.source()).unwrap();
    let length = whole.len();
    // cut in the middle of its pages, and in the middle of a page
    for cut in [length / 2 / 4096 * 4096, length / 2 / 4096 * 4096 + 1000, 50] {
        std::fs::write(port.source(), &whole[..cut]).unwrap();
        fails(&port, &[], &["malformed", "not a database", "disk", "truncated", "corrupt"]);
    }
    // a page of the table's gone wrong: it is read to the end before anything is written
    let mut damaged = whole.clone();
    let at = length - 3 * 4096;
    damaged[at..at + 4096].fill(0xee);
    std::fs::write(port.source(), &damaged).unwrap();
    fails(&port, &[], &["malformed", "corrupt"]);
    std::fs::write(
        port.source(),
        "this is a text, and no database at all; it is long enough to have a header of a hundred bytes, too",
    )
    .unwrap();
    fails(&port, &[], &["not a database"]);
    let noise: Vec<u8> = (0..8192_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(port.source(), noise).unwrap();
    fails(&port, &[], &["not a database"]);
}

#[test]
fn a_source_that_is_not_there() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    std::fs::remove_file(port.source()).unwrap();
    for command in ["port", "compare"] {
        let done = Done::of(port.project.run(&port.arguments(command, &[])));
        assert!([Some(2), Some(3)].contains(&done.ran.code), "{command}: {done}");
        assert!(done.ran.stderr.contains("source.db"), "{command}: {done}");
        assert!(!port.source().exists(), "{command}: the file was made");
    }
    assert_eq!(port.target.tables(), Vec::<String>::new());
}

#[test]
fn nothing_to_port() {
    let port = Port::of("");
    std::fs::write(port.source(), "").unwrap();
    let done = port.run(&[]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(0), Some("nothing")), "{done}");
    let compared = port.compare(&[]);
    assert_eq!((compared.ran.code, compared.json["result"].as_str()), (Some(0), Some("nothing")), "{compared}");
    for command in ["port", "compare"] {
        let words = port.project.run(&[command, "source.db", &port.target.url]).exits(0);
        words.prints("no table was looked at: nothing is proven");
    }
    assert!(port.target.tables().is_empty());
    let port = Port::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v DATETIME); CREATE TABLE b (x, y); CREATE TABLE c (k TEXT PRIMARY KEY) WITHOUT ROWID;
         CREATE TABLE d (a INT REFERENCES a);",
    );
    port.proven(&[]);
    assert_eq!(port.target.tables(), ["a", "b", "c", "d"]);
}

#[test]
fn a_folder_that_nothing_can_be_written_to() {
    use std::os::unix::fs::PermissionsExt as _;
    let port =
        Port::of("PRAGMA journal_mode = wal; CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);");
    let folder = port.project.path("closed");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(port.source(), folder.join("source.db")).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(folder.join("probe"), "").is_ok() {
        println!("skipped: permissions do not bind this user");
        return;
    }
    let ran = port.project.run(&["port", "closed/source.db", &port.target.url]);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    ran.ok();
    assert_eq!(port.target.value("SELECT count(*) FROM t"), "1");
}

#[test]
fn the_source_is_left_as_it_was() {
    for mode in ["wal", "delete"] {
        let port = Port::of("");
        let writer = port.connection();
        writer
            .execute_batch(&format!("PRAGMA journal_mode = {mode}; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)"))
            .unwrap();
        let files = || ["source.db", "source.db-wal"].map(|file| std::fs::read(port.project.path(file)).ok());
        let before = files();
        let done = port.run(&["--jobs", "2"]).is_proven();
        assert!(before == files(), "{mode}: {done}");
        port.assert_same(&done);
        writer.execute_batch("INSERT INTO t VALUES (2)").unwrap();
    }
}

#[test]
fn a_target_that_does_not_answer_and_passwords_that_are_not_told() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let ran = port.project.run(&["port", "source.db", "postgres://me:hunter2@127.0.0.1:1/x", "--json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("hunter2"));
}

/// A file system of a few megabytes, gone with this.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None` where this user may mount none.
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap().keep();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            println!("skipped: this user may not mount a small file system");
            std::fs::remove_dir(&folder).unwrap();
            return None;
        }
        assert!(Command::new("chown").arg("postgres").arg(&folder).status().unwrap().success());
        Some(Self(folder))
    }

    fn enlarge(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // the server may have files open still
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_disk_that_is_full() {
    if crate::support::server().private.is_none() {
        println!("skipped: the server is none of the tests' own, and may be elsewhere");
        return;
    }
    let port = Port::of(&format!(
        "CREATE TABLE small (id INTEGER PRIMARY KEY); INSERT INTO small VALUES (1);
         CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t {} SELECT i, hex(randomblob(500)) FROM n;",
        series(20_000)
    ));
    let Some(disk) = SmallDisk::mount(8) else { return };
    let name = port.target.value("SELECT current_database()");
    // once the table is not there any more, the server takes no notice of a folder that is gone
    port.target.execute(&format!("CREATE TABLESPACE {name}_small LOCATION '{}'", disk.0.display()));
    port.target.execute(&format!("ALTER DATABASE {name} SET default_tablespace = {name}_small"));
    let flags = ["--jobs", "2", "--batch-rows", "1000"];
    let done = port.plainly(&flags);
    assert_eq!(done.ran.code, Some(3), "{done}");
    assert_eq!(done.json["result"], "failed", "{done}");
    let said = format!("{} {}", done.ran.stderr, done.json["error"]);
    assert!(said.contains("No space left on device") && said.contains("--resume"), "{done}");
    // what is in is whole batches
    let rows: u32 = port.target.value("SELECT count(*) FROM t").parse().unwrap();
    assert!(rows < 20_000 && rows.is_multiple_of(1000), "{rows}");
    let again = port.plainly(&["--resume", "--jobs", "1"]);
    assert_eq!(again.ran.code, Some(3), "{again}");
    disk.enlarge(256);
    let done = port.plainly(&["--resume", "--jobs", "2"]).is_proven();
    port.assert_same(&done);
    port.target.execute("DROP TABLE t, small");
    port.target.execute(&format!("ALTER DATABASE {name} RESET default_tablespace"));
    port.target.execute(&format!("DROP TABLESPACE {name}_small"));
}
