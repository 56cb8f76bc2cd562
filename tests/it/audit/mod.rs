//! Audits, judged by the databases' own planners.

mod command;
mod corpus_postgres;
mod corpus_sqlite;
mod fix;
mod fuzz_postgres;
mod fuzz_sqlite;
mod near_maximum;
mod needed;
mod odd_names;
mod planner_postgres;
mod planner_sqlite;
mod predicates_postgres;
mod read_postgres;
mod rules;
mod unmeant;
mod while_written;
