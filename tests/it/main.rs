//! The one integration binary: a file per command or promise, against real SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

mod basics;
mod crash;
mod dry_run;
mod interrupt;
mod locks;
mod no_transaction;
mod pooler;
mod runners;
