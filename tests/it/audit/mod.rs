//! Audits, judged by the databases' own planners.

mod corpus_postgres;
mod fuzz_postgres;
mod planner_postgres;
mod read_postgres;
