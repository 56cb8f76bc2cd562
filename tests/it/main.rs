//! The one integration binary: a file per command or promise, against real SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

mod basics;
mod review;
