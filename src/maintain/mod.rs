//! Day-to-day operations on a database that lives: one a file, each from options to a report.

pub mod error;

pub use error::MaintainError;
