//! SQLite connections: errors and their places, ways out, locks of others.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{Access, Db, DbError, SqliteDb};
use crate::config::{SqliteLocation, SqliteTarget, Target};
use crate::interrupt::Interrupt;

fn memory() -> SqliteDb {
    SqliteDb::from(Connection::open_in_memory().expect("opens"))
}

#[test]
fn a_syntax_error_tells_its_place_in_the_whole_text() {
    let sql = "create table a(x); create tabel b(x);";
    let error = memory().execute(sql).expect_err("a typing error");
    assert_eq!(error.position, sql.find("tabel"));
    assert_eq!(error.statements_done, Some(1));
    assert_eq!(error.code.as_deref(), Some("SQLITE_ERROR"));
}

#[test]
fn a_select_runs_to_its_end() {
    let mut db = memory();
    db.execute("create table a(x); insert into a values(1),(2),(3);").expect("runs");
    assert_eq!(db.query("select x from a").expect("rows").len(), 3);
}

#[test]
fn a_parameter_is_an_error_not_a_null() {
    let error = memory().execute("create table a(x); insert into a values(:p);").expect_err("unbound");
    assert!(error.message.contains("parameter"), "{error}");
}

fn target(file: &Path) -> SqliteTarget {
    SqliteTarget { location: SqliteLocation::File(file.to_owned()), read_only: false, create: true }
}

fn open(file: &Path, access: Access) -> SqliteDb {
    SqliteDb::open(&target(file), access).expect("opens")
}

#[test]
fn what_is_left_to_the_end_of_the_process_is_in_nobodys_way() {
    for journal in ["delete", "wal"] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.db");
        let writer = Connection::open(&file).expect("opens");
        writer.execute_batch(&format!("pragma journal_mode = {journal}; create table t(x)")).expect("runs");
        let reader = open(&file, Access::Read);
        assert_eq!(reader.schema().expect("reads").tables.len(), 1);
        reader.leave();
        writer.busy_timeout(Duration::ZERO).expect("sets");
        writer.execute_batch("begin exclusive; create table u(x); commit").expect("nobody holds a lock");
        writer.execute_batch("drop table t; vacuum").expect("nobody holds a lock");
    }
}

#[test]
fn what_may_write_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.db");
    let mut db = open(&file, Access::Write);
    db.execute("pragma journal_mode = wal; create table t(x)").expect("runs");
    db.leave();
    assert!(!folder.path().join("a.db-wal").exists(), "closing puts what it holds into the file");
}

#[test]
fn a_file_that_stays_locked_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.db");
    let free = || Db::wait_until_free(&Target::Sqlite(target(&file)), Duration::ZERO, &Interrupt::default());
    free().expect("there is none yet");
    let other = Connection::open(&file).expect("opens");
    other.execute_batch("create table t(x); begin immediate").expect("runs");
    free().expect("readers go on");
    other.execute_batch("commit; begin exclusive").expect("runs");
    let error = free().expect_err("is locked");
    let DbError::Connect { hint, source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.code.as_deref(), Some("SQLITE_BUSY"));
    assert!(hint.as_deref().is_some_and(|hint| hint.contains("another process has locked it")), "{hint:?}");
    other.execute_batch("commit").expect("runs");
    free().expect("is free again");
}
