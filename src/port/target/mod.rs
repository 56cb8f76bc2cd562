//! A target that is there already: its catalog, what the source's tables match in it, what is set aside for the copy.
//!
//! ```text
//! read the catalog → match by name → take off foreign keys and triggers → (copy) → put back → set sequences → check
//! ```

mod aside;
mod catalog;
mod findings;
mod keys;
mod matching;
mod names;
mod objects_check;
mod order;
mod restore;
mod schema;
mod sequences;
mod types;

pub use aside::{Taken, orphans, take_off, truncate_statement};
pub use keys::{KeyKind, KeyTerm, Partition, TargetKey};
pub use matching::{ColumnPair, TableMatch, match_tables};
pub use objects_check::{ObjectResult, ObjectState, Worded, check_objects, read_worded};
pub use order::{Cycle, fill_order};
pub use restore::{Kind as RestoredKind, Restored, RestoredState, is_pending, put_back, put_back_meanwhile};
pub use schema::{
    Constraint, ConstraintKind, DomainCheck, Identity, IndexTerm, OtherKind, OtherRelation, Rows, Sequence,
    SequenceUser, Server, TargetColumn, TargetIndex, TargetSchema, TargetTable, Trigger,
};
pub use sequences::{SequenceCheck, SequenceSet, check_sequences, set_sequences};

use crate::Dialect;
use crate::db::SqlError;

/// Why something could not be read from, or done to, the target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A statement failed.
    #[error("cannot {doing}")]
    Sql {
        /// What it was for: `read the catalog of schema `app``.
        doing: String,
        /// What the server says.
        #[source]
        source: SqlError,
    },
    /// The database can't hold every text that SQLite holds.
    #[error("the database's encoding is `{encoding}`")]
    Encoding {
        /// The encoding's name as the server has it.
        encoding: String,
    },
    /// The server answered with something that the query can't give.
    #[error("cannot make sense of the server's answer to the query for {what}")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl TargetError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Encoding { .. } => Some(
                "make a database that holds all of Unicode, and port into that: \
                 `createdb --encoding=UTF8 --template=template0 NAME`"
                    .to_owned(),
            ),
            Self::Sql { source, .. } => match source.code.as_deref() {
                Some("42501") => Some(
                    "the role lacks a privilege: connect as the owner of the tables, or let the owner grant it"
                        .to_owned(),
                ),
                Some("55P03") => Some("another session uses the table: end it, then run this again".to_owned()),
                _ => None,
            },
            Self::Answer { .. } => None,
        }
    }

    pub(crate) fn sql(doing: impl Into<String>) -> impl FnOnce(SqlError) -> Self {
        let doing = doing.into();
        move |source| Self::Sql { doing, source }
    }

    pub(crate) fn answer(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Answer { what, source: source.into() }
    }
}

/// A name as an identifier of PostgreSQL's.
pub(crate) fn quoted(name: &str) -> String {
    Dialect::Postgres.quote_identifier(name)
}

/// A name in a schema, both as identifiers.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

/// A text as a literal of PostgreSQL's.
pub(crate) fn literal(text: &str) -> String {
    Dialect::Postgres.literal(text)
}
