//! PostgreSQL's statements. What can't run in a transaction block is what calls `PreventInTransactionBlock` in the
//! server; each was run in a block on PostgreSQL 15, and those of later versions are from their documentation.

use super::{Cursor, NonTransactional, StatementKind, SubscriptionChange};
use crate::Dialect;
use crate::sql::TokenKind;
use crate::sql::cursor::unquoted;

/// The statement that begins with `keyword` and goes on at `cursor`.
pub(super) fn classify(keyword: &str, cursor: &mut Cursor<'_>) -> StatementKind<'static> {
    match keyword {
        "commit" | "end" if cursor.eat("PREPARED") => StatementKind::PreparedTransaction,
        "commit" | "end" => {
            let _ = cursor.eat("WORK") || cursor.eat("TRANSACTION");
            StatementKind::Commit { chain: cursor.eat_all(&["AND", "CHAIN"]) }
        }
        "rollback" if cursor.eat("PREPARED") => StatementKind::PreparedTransaction,
        "rollback" | "abort" => {
            let _ = cursor.eat("WORK") || cursor.eat("TRANSACTION");
            if cursor.eat("TO") {
                return StatementKind::Savepoint;
            }
            StatementKind::Rollback { chain: cursor.eat_all(&["AND", "CHAIN"]) }
        }
        "savepoint" | "release" => StatementKind::Savepoint,
        // `transaction` may also be the name of a prepared statement
        "prepare" if cursor.eat("TRANSACTION") && next_is(cursor, TokenKind::String) => {
            StatementKind::PreparedTransaction
        }
        "set" => set(cursor),
        "reset" if cursor.eat("TRANSACTION") => StatementKind::Ordinary,
        "reset" => StatementKind::SessionSet,
        "select" if is_set_config(cursor) => StatementKind::SessionSet,
        "call" => StatementKind::MayControlTransaction,
        "do" if may_commit(cursor) => StatementKind::MayControlTransaction,
        _ => match non_transactional(keyword, cursor) {
            Some(statement) => StatementKind::NeedsNoTransaction(statement),
            None => StatementKind::Ordinary,
        },
    }
}

fn next_is(cursor: &Cursor<'_>, kind: TokenKind) -> bool {
    cursor.peek().is_some_and(|token| token.kind == kind)
}

/// `SET`, but for what lasts no longer than the transaction.
fn set(cursor: &mut Cursor<'_>) -> StatementKind<'static> {
    if cursor.eat("LOCAL") {
        return StatementKind::Ordinary;
    }
    let session = cursor.eat("SESSION");
    // a parameter may be qualified, and no parameter is called `transaction` or `constraints`
    match cursor.identifier().unwrap_or_default().as_str() {
        "transaction" => StatementKind::Ordinary,
        "constraints" if !session => StatementKind::Ordinary,
        "transaction_isolation" | "transaction_read_only" | "transaction_deferrable" => StatementKind::Ordinary,
        _ => StatementKind::SessionSet,
    }
}

/// `SELECT pg_catalog.set_config('search_path', '', false)` and nothing else, as pg_dump writes it.
fn is_set_config(cursor: &mut Cursor<'_>) -> bool {
    let named = cursor.name().is_some_and(|name| {
        name.name == "set_config" && name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
    });
    if !named || !cursor.eat_punct(b'(') {
        return false;
    }
    let mut depth = 1_usize;
    let mut last = Vec::new();
    let mut arguments = 1;
    while let Some(token) = cursor.take() {
        if token.is_punct(b',') && depth == 1 {
            arguments += 1;
            last.clear();
            continue;
        }
        depth += usize::from(token.is_punct(b'('));
        depth -= usize::from(token.is_punct(b')'));
        if depth == 0 {
            break;
        }
        last.push(token);
    }
    let local = match last.as_slice() {
        [word] => !is_false(Some(&unquoted(Dialect::Postgres, *word).to_ascii_lowercase())),
        _ => true,
    };
    depth == 0 && arguments == 3 && !local && cursor.peek().is_none()
}

/// Whether the body of a `DO` has a word that could end a transaction. A procedure that it calls may do so too.
fn may_commit(cursor: &mut Cursor<'_>) -> bool {
    while let Some(token) = cursor.take() {
        if token.kind == TokenKind::String && mentions(token.text, &["COMMIT", "ROLLBACK", "CALL"]) {
            return true;
        }
    }
    false
}

/// Whether one of `words` stands in `text` as a word, in either case.
fn mentions(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .any(|found| words.iter().any(|word| found.trim_matches('$').eq_ignore_ascii_case(word)))
}

/// A boolean option's value as `defGetBoolean` reads it; no value at all is true.
fn is_false(value: Option<&str>) -> bool {
    matches!(value, Some("false" | "f" | "off" | "no" | "0"))
}

fn has_on(options: &[(String, Option<String>)], name: &str) -> bool {
    options.iter().any(|(option, value)| option == name && !is_false(value.as_deref()))
}

fn has_off(options: &[(String, Option<String>)], name: &str) -> bool {
    options.iter().any(|(option, value)| option == name && is_false(value.as_deref()))
}

fn bracketed(cursor: &mut Cursor<'_>) -> Vec<(String, Option<String>)> {
    if cursor.eat_punct(b'(') { cursor.options() } else { Vec::new() }
}

fn non_transactional(keyword: &str, cursor: &mut Cursor<'_>) -> Option<NonTransactional> {
    match keyword {
        "create" => create(cursor),
        "drop" => drop(cursor),
        "alter" => alter(cursor),
        "reindex" => reindex(cursor),
        "vacuum" => Some(NonTransactional::Vacuum),
        "cluster" => {
            bracketed(cursor);
            cursor.eat("VERBOSE");
            cursor.peek().is_none().then_some(NonTransactional::Cluster)
        }
        "repack" => {
            let options = bracketed(cursor);
            let no_table = cursor.peek().is_none_or(|token| token.is_word("USING"));
            let alone = no_table || ["concurrently", "analyze", "analyse"].iter().any(|name| has_on(&options, name));
            alone.then_some(NonTransactional::Repack)
        }
        "discard" => cursor.eat("ALL").then_some(NonTransactional::DiscardAll),
        _ => None,
    }
}

fn create(cursor: &mut Cursor<'_>) -> Option<NonTransactional> {
    let unique = cursor.eat("UNIQUE");
    match cursor.keyword()?.as_str() {
        "index" => {
            if !cursor.eat("CONCURRENTLY") {
                return None;
            }
            let if_not_exists = cursor.eat_all(&["IF", "NOT", "EXISTS"]);
            // ON is reserved: unquoted it is no name
            let index = if cursor.eat("ON") {
                None
            } else {
                let index = cursor.identifier()?;
                cursor.eat("ON").then_some(index.clone())?;
                Some(index)
            };
            cursor.eat("ONLY");
            Some(NonTransactional::CreateIndex { index, table: cursor.name()?, if_not_exists })
        }
        "database" if !unique => Some(NonTransactional::CreateDatabase { name: cursor.identifier()? }),
        "tablespace" if !unique => Some(NonTransactional::CreateTablespace { name: cursor.identifier()? }),
        "subscription" if !unique => {
            let name = cursor.identifier()?;
            while cursor.peek().is_some() && !cursor.eat("WITH") {
                cursor.take();
            }
            let options = bracketed(cursor);
            // without a connection there is no slot to create
            let creates_slot = !has_off(&options, "create_slot") && !has_off(&options, "connect");
            creates_slot.then_some(NonTransactional::Subscription { name, change: SubscriptionChange::Create })
        }
        _ => None,
    }
}

fn drop(cursor: &mut Cursor<'_>) -> Option<NonTransactional> {
    let kind = cursor.keyword()?;
    if kind == "index" && !cursor.eat("CONCURRENTLY") {
        return None;
    }
    let if_exists = cursor.eat_all(&["IF", "EXISTS"]);
    match kind.as_str() {
        "index" => Some(NonTransactional::DropIndex { index: cursor.name()?, if_exists }),
        "database" => Some(NonTransactional::DropDatabase { name: cursor.identifier()?, if_exists }),
        "tablespace" => Some(NonTransactional::DropTablespace { name: cursor.identifier()?, if_exists }),
        "subscription" => {
            Some(NonTransactional::Subscription { name: cursor.identifier()?, change: SubscriptionChange::Drop })
        }
        _ => None,
    }
}

fn alter(cursor: &mut Cursor<'_>) -> Option<NonTransactional> {
    match cursor.keyword()?.as_str() {
        "system" => Some(NonTransactional::AlterSystem),
        "database" => {
            let name = cursor.identifier()?;
            let moved = cursor.eat_all(&["SET", "TABLESPACE"]);
            moved
                .then(|| cursor.identifier())
                .flatten()
                .map(|tablespace| NonTransactional::MoveDatabase { name, tablespace })
        }
        "table" => {
            cursor.eat_all(&["IF", "EXISTS"]);
            cursor.eat("ONLY");
            let table = cursor.name()?;
            cursor.eat_punct(b'*');
            if !cursor.eat_all(&["DETACH", "PARTITION"]) {
                return None;
            }
            let partition = cursor.name()?;
            cursor.eat("CONCURRENTLY").then_some(NonTransactional::DetachPartition { table, partition })
        }
        "subscription" => {
            let name = cursor.identifier()?;
            reaches_publisher(cursor)
                .then_some(NonTransactional::Subscription { name, change: SubscriptionChange::Alter })
        }
        _ => None,
    }
}

/// Whether an `ALTER SUBSCRIPTION name …` does something at the publisher.
fn reaches_publisher(cursor: &mut Cursor<'_>) -> bool {
    let action = cursor.keyword().unwrap_or_default();
    match action.as_str() {
        "refresh" => true,
        "set" | "add" | "drop" if cursor.eat("PUBLICATION") => {
            while cursor.peek().is_some() && !cursor.eat("WITH") {
                cursor.take();
            }
            !has_off(&bracketed(cursor), "refresh")
        }
        // PostgreSQL 17 alters the slot for the one, 18 for the other
        "set" => {
            let options = bracketed(cursor);
            options.iter().any(|(name, _)| name == "failover") || has_off(&options, "two_phase")
        }
        _ => false,
    }
}

fn reindex(cursor: &mut Cursor<'_>) -> Option<NonTransactional> {
    let option = has_on(&bracketed(cursor), "concurrently");
    let kind = cursor.keyword()?;
    let concurrently = cursor.eat("CONCURRENTLY") || option;
    let many = matches!(kind.as_str(), "schema" | "database" | "system");
    (concurrently || many).then(|| NonTransactional::Reindex { target: cursor.name(), concurrently })
}
