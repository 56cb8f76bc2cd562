//! Audits, judged by the databases' own planners.
mod rules;
