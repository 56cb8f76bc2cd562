//! SQLite's statements. What fails in a transaction was found by running it in one (sqlite_tests.rs does so again).

use super::{Cursor, NonTransactional, StatementKind};
use crate::Dialect;
use crate::sql::TokenKind;
use crate::sql::cursor::unquoted;

/// The statement that begins with `keyword` and goes on at `cursor`.
pub(super) fn classify(keyword: &str, cursor: &mut Cursor<'_>) -> StatementKind<'static> {
    match keyword {
        "commit" | "end" => StatementKind::Commit { chain: false },
        "rollback" => {
            // the grammar lets a transaction have a name, and forgets it
            if cursor.eat("TRANSACTION") && !cursor.peek().is_some_and(|token| token.is_word("TO")) {
                cursor.take();
            }
            if cursor.eat("TO") { StatementKind::Savepoint } else { StatementKind::Rollback { chain: false } }
        }
        "savepoint" | "release" => StatementKind::Savepoint,
        "vacuum" => StatementKind::NeedsNoTransaction(NonTransactional::Vacuum),
        "attach" => StatementKind::SessionSet,
        "detach" => StatementKind::NeedsNoTransaction(NonTransactional::Detach),
        "pragma" => pragma(cursor),
        // most pragmas do their work when they are prepared, explained or not
        "explain" => {
            cursor.eat_all(&["QUERY", "PLAN"]);
            if cursor.eat("PRAGMA") { pragma(cursor) } else { StatementKind::Ordinary }
        }
        _ => StatementKind::Ordinary,
    }
}

/// Pragmas that take a value without setting anything for the connection: they ask, or do work once, or write into
/// the database, or last for the transaction alone.
const NOT_OF_THE_SESSION: &[&str] = &[
    "application_id",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "defer_foreign_keys",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "incremental_vacuum",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "optimize",
    "page_count",
    "pragma_list",
    "quick_check",
    "schema_version",
    "shrink_memory",
    "stats",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

fn pragma(cursor: &mut Cursor<'_>) -> StatementKind<'static> {
    let Some(name) = cursor.name() else { return StatementKind::Ordinary };
    let name = name.name.to_ascii_lowercase();
    if name == "wal_checkpoint" {
        return StatementKind::NeedsNoTransaction(NonTransactional::WalCheckpoint);
    }
    if !(cursor.eat_punct(b'=') || cursor.eat_punct(b'(')) {
        return StatementKind::Ordinary;
    }
    match name.as_str() {
        "foreign_keys" => StatementKind::ForeignKeysPragma { on: boolean(cursor) },
        "journal_mode" => StatementKind::NeedsNoTransaction(NonTransactional::JournalMode),
        "synchronous" => StatementKind::NeedsNoTransaction(NonTransactional::Synchronous),
        name if NOT_OF_THE_SESSION.contains(&name) => StatementKind::Ordinary,
        _ => StatementKind::SessionSet,
    }
}

/// A pragma's value as SQLite's `sqlite3GetBoolean` reads it: a number, or one of three words; all else is
/// off.
fn boolean(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat_punct(b'+');
    let Some(token) = cursor.take() else { return false };
    let value = unquoted(Dialect::Sqlite, token).to_ascii_lowercase();
    match token.kind {
        TokenKind::Word | TokenKind::String | TokenKind::QuotedIdentifier | TokenKind::Number => {
            matches!(value.as_str(), "on" | "yes" | "true") || number(&value).is_some_and(|number| number != 0)
        }
        _ => false,
    }
}

/// A decimal or hexadecimal number at the start of `value`; one that doesn't fit 32 bits is no number, as in
/// `sqlite3GetInt32`.
fn number(value: &str) -> Option<u32> {
    let (digits, radix) = match value.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None => (value, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    u32::from_str_radix(&digits[..end], radix).ok().filter(|&number| number <= i32::MAX as u32)
}
