//! Audits, judged by the databases' own planners.
