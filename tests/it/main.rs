//! The one integration binary: a file per command or promise, against real SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

mod basics;
mod connections;
mod errors;
mod history;
mod other_tools;
mod rebuild;
mod refinery;
