//! Audits, judged by the databases' own planners.
mod rules;

mod corpus_sqlite;
mod fuzz_sqlite;
mod planner_sqlite;
