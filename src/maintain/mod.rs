//! Day-to-day operations on a database that lives: one a file, each from options to a report.

pub mod backup;
pub mod error;
mod pg_programs;
pub mod restore;

pub use error::MaintainError;
