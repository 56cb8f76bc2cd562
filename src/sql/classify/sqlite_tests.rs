//! SQLite's kinds of statement, held against what SQLite does.

use rusqlite::Connection;

use super::*;

fn kind(statement: &str) -> StatementKind<'_> {
    classify(Dialect::Sqlite, statement)
}

#[test]
fn transactions() {
    for text in ["BEGIN", "begin transaction", "Begin Immediate", "BEGIN EXCLUSIVE TRANSACTION"] {
        assert_eq!(kind(text), StatementKind::Begin { text });
    }
    assert_eq!(kind("/* a */ begin deferred -- b\n;"), StatementKind::Begin { text: "begin deferred" });
    for text in ["COMMIT", "end", "commit transaction x"] {
        assert_eq!(kind(text), StatementKind::Commit { chain: false });
    }
    for text in ["ROLLBACK", "rollback transaction", "rollback transaction x"] {
        assert_eq!(kind(text), StatementKind::Rollback { chain: false });
    }
    for text in [
        "SAVEPOINT a",
        "release a",
        "rollback to a",
        "rollback transaction to savepoint a",
        "rollback transaction x to a",
    ] {
        assert_eq!(kind(text), StatementKind::Savepoint);
    }
    for text in ["start transaction", "create table begin(a)", "select 1", "", "-- only", "(", "'begin'", "\"begin\""] {
        assert_eq!(kind(text), StatementKind::Ordinary, "{text}");
    }
}

#[test]
fn statements_for_the_session() {
    for text in
        ["ATTACH 'a' AS b", "PRAGMA recursive_triggers = on", "pragma main.cache_size(-2000)", "pragma busy_timeout=5"]
    {
        assert_eq!(kind(text), StatementKind::SessionSet, "{text}");
        assert!(kind(text).changes_session());
    }
    for text in [
        "PRAGMA cache_size",
        "pragma foreign_keys",
        "pragma user_version = 4",
        "pragma table_info(t)",
        "pragma foreign_key_check",
    ] {
        assert_eq!(kind(text), StatementKind::Ordinary, "{text}");
    }
    for text in ["pragma foreign_keys=off", "pragma synchronous=off", "detach a", "pragma journal_mode=memory"] {
        assert!(kind(text).changes_session(), "{text}");
    }
    assert!(!kind("vacuum").changes_session());
}

#[test]
fn the_foreign_keys_pragma_is_read_as_sqlite_reads_it() {
    let connection = Connection::open_in_memory().expect("a database");
    let forms = ["PRAGMA foreign_keys={}", "pragma \"main\".[foreign_keys] ( {} )", "explain pragma Foreign_Keys = {}"];
    let values = [
        "on",
        "off",
        "ON",
        "Off",
        "yes",
        "no",
        "true",
        "false",
        "0",
        "1",
        "2",
        "00",
        "01",
        "-1",
        "+1",
        "+0",
        "0x1",
        "0x0",
        "0x100",
        "256",
        "257",
        "1.5",
        "0.5",
        "'on'",
        "'1'",
        "'+1'",
        "\"on\"",
        "[yes]",
        "'off'",
        "full",
        "none",
        "bogus",
        "1e3",
        "99999999999",
        "0xffffffff",
    ];
    for form in forms {
        for value in values {
            let text = form.replace("{}", value);
            for before in ["on", "off"] {
                connection.execute_batch(&format!("pragma foreign_keys={before}")).expect("fine");
                connection.execute_batch(&text).expect(&text);
                let on = connection.query_row("pragma foreign_keys", [], |row| row.get(0)).expect("a value");
                assert_eq!(kind(&text), StatementKind::ForeignKeysPragma { on }, "{text}");
            }
        }
    }
}

/// Runs `statement` in a migration's transaction; whether it did what it says.
fn works_in_transaction(statement: &str) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let connection = Connection::open(folder.path().join("a.db")).expect("a database");
    let setup = "create table t(a); attach ':memory:' as x; begin immediate; insert into t values (1)";
    connection.execute_batch(setup).expect("a transaction");
    let mode = || connection.query_row("pragma journal_mode", [], |row| row.get::<_, String>(0)).expect("a mode");
    let before = mode();
    let result = connection.execute_batch(statement);
    let asked_for_mode = statement.to_ascii_lowercase().contains("journal_mode");
    result.is_ok() && !(asked_for_mode && statement.contains(['=', '(']) && mode() == before)
}

#[test]
fn what_needs_no_transaction_fails_inside_one() {
    let cases = [
        ("VACUUM", NonTransactional::Vacuum),
        ("vacuum main", NonTransactional::Vacuum),
        ("PRAGMA journal_mode=wal", NonTransactional::JournalMode),
        ("pragma main.journal_mode(memory)", NonTransactional::JournalMode),
        ("PRAGMA synchronous = off", NonTransactional::Synchronous),
        ("pragma wal_checkpoint", NonTransactional::WalCheckpoint),
        ("pragma wal_checkpoint(truncate)", NonTransactional::WalCheckpoint),
        ("DETACH x", NonTransactional::Detach),
        ("detach database 'x'", NonTransactional::Detach),
    ];
    for (statement, expected) in cases {
        assert!(!works_in_transaction(statement), "{statement}");
        assert_eq!(kind(statement), StatementKind::NeedsNoTransaction(expected));
    }
    let near_misses = [
        "ATTACH ':memory:' AS m",
        "PRAGMA journal_mode",
        "PRAGMA synchronous",
        "PRAGMA journal_size_limit=5",
        "PRAGMA incremental_vacuum",
        "PRAGMA optimize",
        "PRAGMA locking_mode=exclusive",
        "PRAGMA user_version=3",
        "PRAGMA defer_foreign_keys=on",
        "REINDEX",
        "ANALYZE",
        "SAVEPOINT s",
        "create table vacuum(a)",
    ];
    for statement in near_misses {
        assert!(works_in_transaction(statement), "{statement}");
        assert!(!matches!(kind(statement), StatementKind::NeedsNoTransaction(_)), "{statement}");
    }
}
