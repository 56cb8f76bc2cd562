//! What a statement is to the one who runs migrations: does it control transactions, can it run inside one, does it
//! set something for the session.

mod postgres;
#[cfg(test)]
mod postgres_tests;
mod sqlite;
#[cfg(test)]
mod sqlite_tests;

use std::fmt;

use super::cursor::{Cursor, ObjectName};
use crate::Dialect;

/// The kind of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKind<'a> {
    /// Begins a transaction.
    Begin {
        /// The statement as it stands, with its modes (`BEGIN IMMEDIATE`, `BEGIN ISOLATION LEVEL SERIALIZABLE`).
        text: &'a str,
    },
    /// `COMMIT` or `END`.
    Commit {
        /// `AND CHAIN`: the next transaction begins at once.
        chain: bool,
    },
    /// `ROLLBACK` or `ABORT` of the whole transaction.
    Rollback {
        /// `AND CHAIN`: the next transaction begins at once.
        chain: bool,
    },
    /// `SAVEPOINT`, `RELEASE` or `ROLLBACK TO`.
    Savepoint,
    /// `PREPARE TRANSACTION`, `COMMIT PREPARED` or `ROLLBACK PREPARED`.
    PreparedTransaction,
    /// Fails inside a transaction, or does nothing there.
    NeedsNoTransaction(NonTransactional),
    /// SQLite's `PRAGMA foreign_keys = …`, which does nothing inside a transaction, without a word.
    ForeignKeysPragma {
        /// What it is set to.
        on: bool,
    },
    /// Sets something for the rest of the session; a script that goes on over a new connection needs it again.
    SessionSet,
    /// PostgreSQL's `CALL`, or a `DO` that mentions `COMMIT`, `ROLLBACK` or `CALL`: it may end the transaction that
    /// it runs in, and fails if that one was begun outside of it.
    MayControlTransaction,
    /// Anything else: can share a transaction with other statements.
    Ordinary,
}

impl StatementKind<'_> {
    /// Whether the session is another one after it, so that a new connection needs it again. Besides
    /// [`StatementKind::SessionSet`] these are SQLite's pragmas and `DETACH` that can't run in a transaction.
    #[must_use]
    pub fn changes_session(&self) -> bool {
        match self {
            Self::SessionSet | Self::ForeignKeysPragma { .. } => true,
            Self::NeedsNoTransaction(statement) => matches!(
                statement,
                NonTransactional::JournalMode
                    | NonTransactional::Synchronous
                    | NonTransactional::Detach
                    | NonTransactional::DiscardAll
            ),
            Self::Begin { .. }
            | Self::Commit { .. }
            | Self::Rollback { .. }
            | Self::Savepoint
            | Self::PreparedTransaction
            | Self::MayControlTransaction
            | Self::Ordinary => false,
        }
    }
}

/// A statement that can't run inside a transaction block, with what is needed to ask the catalog whether it happened.
///
/// Some can't be told from their text and count as ordinary: `REINDEX` and `CLUSTER` of a partitioned table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NonTransactional {
    /// `CREATE INDEX CONCURRENTLY`.
    CreateIndex {
        /// The index, which is in its table's schema; `None` where PostgreSQL is to choose a name.
        index: Option<String>,
        /// The table.
        table: ObjectName,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// `DROP INDEX CONCURRENTLY`, which takes one index only.
    DropIndex {
        /// The index.
        index: ObjectName,
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// `REINDEX … CONCURRENTLY`, and `REINDEX` of more than one table.
    Reindex {
        /// The index, table, schema or database; PostgreSQL 16 lets the last one out.
        target: Option<ObjectName>,
        /// `CONCURRENTLY`.
        concurrently: bool,
    },
    /// `VACUUM`, of either database.
    Vacuum,
    /// `CREATE DATABASE`.
    CreateDatabase {
        /// The database.
        name: String,
    },
    /// `DROP DATABASE`.
    DropDatabase {
        /// The database.
        name: String,
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// `ALTER DATABASE … SET TABLESPACE`.
    MoveDatabase {
        /// The database.
        name: String,
        /// Where it goes.
        tablespace: String,
    },
    /// `CREATE TABLESPACE`.
    CreateTablespace {
        /// The tablespace.
        name: String,
    },
    /// `DROP TABLESPACE`.
    DropTablespace {
        /// The tablespace.
        name: String,
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// `ALTER SYSTEM`.
    AlterSystem,
    /// `CLUSTER` without a table.
    Cluster,
    /// PostgreSQL 19's `REPACK` without a table, `CONCURRENTLY` or with `ANALYZE`.
    Repack,
    /// `ALTER TABLE … DETACH PARTITION … CONCURRENTLY`.
    DetachPartition {
        /// The partitioned table.
        table: ObjectName,
        /// The partition.
        partition: ObjectName,
    },
    /// `CREATE`, `ALTER` or `DROP SUBSCRIPTION`, where it reaches over to the publisher.
    Subscription {
        /// The subscription.
        name: String,
        /// What is done to it.
        change: SubscriptionChange,
    },
    /// `DISCARD ALL`.
    DiscardAll,
    /// SQLite's `PRAGMA journal_mode = …`, which does nothing inside a transaction, without a word.
    JournalMode,
    /// SQLite's `PRAGMA synchronous = …`.
    Synchronous,
    /// SQLite's `PRAGMA wal_checkpoint`.
    WalCheckpoint,
    /// SQLite's `DETACH`: the write transaction of a migration spans every attached database.
    Detach,
}

/// What a statement does to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// `CREATE`, with a replication slot.
    Create,
    /// `DROP`: fails in a transaction if the subscription has a slot, which the text doesn't tell.
    Drop,
    /// `ALTER … REFRESH`, `ADD`, `DROP` or `SET PUBLICATION` with a refresh, `SET` of what the slot holds.
    Alter,
}

impl fmt::Display for NonTransactional {
    /// The statement's name, as SQL writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateIndex { .. } => "CREATE INDEX CONCURRENTLY",
            Self::DropIndex { .. } => "DROP INDEX CONCURRENTLY",
            Self::Reindex { concurrently: true, .. } => "REINDEX CONCURRENTLY",
            Self::Reindex { concurrently: false, .. } => "REINDEX",
            Self::Vacuum => "VACUUM",
            Self::CreateDatabase { .. } => "CREATE DATABASE",
            Self::DropDatabase { .. } => "DROP DATABASE",
            Self::MoveDatabase { .. } => "ALTER DATABASE … SET TABLESPACE",
            Self::CreateTablespace { .. } => "CREATE TABLESPACE",
            Self::DropTablespace { .. } => "DROP TABLESPACE",
            Self::AlterSystem => "ALTER SYSTEM",
            Self::Cluster => "CLUSTER",
            Self::Repack => "REPACK",
            Self::DetachPartition { .. } => "ALTER TABLE … DETACH PARTITION … CONCURRENTLY",
            Self::Subscription { change: SubscriptionChange::Create, .. } => "CREATE SUBSCRIPTION",
            Self::Subscription { change: SubscriptionChange::Drop, .. } => "DROP SUBSCRIPTION",
            Self::Subscription { change: SubscriptionChange::Alter, .. } => "ALTER SUBSCRIPTION",
            Self::DiscardAll => "DISCARD ALL",
            Self::JournalMode => "PRAGMA journal_mode",
            Self::Synchronous => "PRAGMA synchronous",
            Self::WalCheckpoint => "PRAGMA wal_checkpoint",
            Self::Detach => "DETACH",
        })
    }
}

/// Whether a PostgreSQL `statement` is a `COPY … TO STDOUT`: the server then sends rows that only a caller of its own
/// kind can take.
#[must_use]
pub fn copies_out(statement: &str) -> bool {
    let mut cursor = Cursor::new(Dialect::Postgres, statement);
    if !cursor.eat("COPY") {
        return false;
    }
    let mut brackets = 0_usize;
    let mut after_to = false;
    while let Some(token) = cursor.take() {
        // the grammar takes either word on either side
        if brackets == 0 && after_to {
            return token.is_word("STDOUT") || token.is_word("STDIN");
        }
        brackets += usize::from(token.is_punct(b'('));
        brackets = brackets.saturating_sub(usize::from(token.is_punct(b')')));
        after_to = brackets == 0 && token.is_word("TO");
    }
    false
}

/// The table that a `DROP TABLE` drops; of PostgreSQL's several the first.
#[must_use]
pub fn dropped_table(dialect: Dialect, statement: &str) -> Option<ObjectName> {
    let mut cursor = Cursor::new(dialect, statement);
    if !cursor.eat_all(&["DROP", "TABLE"]) {
        return None;
    }
    cursor.eat_all(&["IF", "EXISTS"]);
    cursor.name()
}

/// What `statement` is, comments before it or not; of several statements (see [`super::Statement::block`]) the first.
///
/// It is read for its kind only: whether it is correct the database says.
#[must_use]
pub fn classify(dialect: Dialect, statement: &str) -> StatementKind<'_> {
    let mut cursor = Cursor::new(dialect, statement);
    let start = cursor.peek().map_or(0, |token| token.start);
    let Some(keyword) = cursor.keyword() else { return StatementKind::Ordinary };
    let begins = match keyword.as_str() {
        "begin" => true,
        "start" => dialect == Dialect::Postgres && cursor.eat("TRANSACTION"),
        _ => false,
    };
    if begins {
        while cursor.take().is_some() {}
        return StatementKind::Begin { text: &statement[start..cursor.end] };
    }
    match dialect {
        Dialect::Sqlite => sqlite::classify(&keyword, &mut cursor),
        Dialect::Postgres => postgres::classify(&keyword, &mut cursor),
    }
}
