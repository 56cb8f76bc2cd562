//! The one integration binary: a file per command or promise, against real SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

mod adjustments;
mod basics;
mod commands;
mod connections;
mod crash;
mod dry_runs;
mod errors;
mod help;
mod history;
mod interrupt;
mod layouts;
mod locks;
mod no_transaction;
mod other_tools;
mod pooler;
mod port_checksums;
mod port_html;
mod port_names;
mod port_plan;
mod port_rehearsal;
mod port_schema;
mod port_target;
mod port_translate;
mod port_values;
mod properties;
mod read_only;
mod rebuild;
mod refinery;
mod review;
mod runners;
mod sample;
mod scripts;
